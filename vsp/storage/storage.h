/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of a disk: what storage.c (the contract), queue.c (the requests),
 * io.c and bio.c (what they do to the source), pool.c, source.c, file.c and device.c (what
 * they are kept on) share.
 *
 * A request is in the ring until it is admitted; then it belongs to one of: the
 * source (direct I/O under way), the service's workqueue (whatever may take long),
 * the list of those that are done, the lists of those that wait for a sync.  It is
 * finished in the mover.
 */
#ifndef VSP_STORAGE_H
#define VSP_STORAGE_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/errseq.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "vs_storage.h"
#include "vsp/class.h"

struct block_device;
struct cred;
struct vsp_storage_source;

/* "service NAME", for log lines. */
#define VSP_STORAGE_LABEL		(VSP_NAME_MAX + 8)
/* Bounce buffers of a service, each of VS_STORAGE_REQUEST_MAX bytes. */
#define VSP_STORAGE_BOUNCES		4
/* Rates, in the order of the class's table: bandwidth, iops. */
#define VSP_STORAGE_RATES		2
/* Operations of a service that may take long, under way at once. */
#define VSP_STORAGE_WORKERS		4

/**
 * struct vsp_storage_device - a block device that is claimed, and may go and come back
 * @pool: its own, or that of @service; its watch is told
 * @service: whose backing it is, or NULL: the whole device of @pool
 * @name: path by which it is found again; constant while this is open
 * @root: where @name begins, as it was for who has written it
 * @cred: @name is looked up with these
 *
 * @users: a reference keeps @file as it is; see vsp_storage_device_begin(). Killed by
 *	mark_dead(), live again when @file is closed
 * @idle: completed once @users was killed and has come to 0; waited for before it is
 *	live again, or freed
 * @gone: from mark_dead() on, until @file is closed. Set under bd_holder_lock of the
 *	block device, cleared by who has ended the claim
 * @file: NULL while there is no device. Set and cleared by the pool's watch, and before
 *	and after there is one to look: cleared only while @users is at 0
 *
 * @owned: there are data on it, of @owner; as @file
 * @owner: UUID of a service
 *
 * Under devices_lock of the pool:
 * @entry: in its devices
 * @source: what uses it, or NULL
 * @told: the log says that it is gone
 * @error: why it could not be opened again, the last time
 */
struct vsp_storage_device {
	struct vsp_pool *pool;
	const struct vsp_service *service;
	const char *name;
	struct path root;
	const struct cred *cred;
	struct percpu_ref users;
	struct completion idle;
	bool gone;
	struct file *file;
	bool owned;
	uuid_t owner;
	struct list_head entry;
	struct vsp_storage_source *source;
	bool told;
	int error;
};

/**
 * struct vsp_storage_pool - what the class has of a pool
 * @cred: of who enabled the pool; what is in @directory is used with them
 * @directory: where the files are, or no dentry
 * @whole: the source is @device
 * @device: the whole block device
 * @devices_lock: held while the devices are looked at, so that neither they nor their
 *	users go meanwhile; protects @devices. Taken before sources_lock and pool->lock
 * @devices: @device, and those that are backings of the pool's services
 * @kept: bytes of all files of services that @directory had when the pool was enabled
 * @available: bytes that the file system of @directory had left when its size was last
 *	computed; of the pool's watch
 * @user: service that has @device; under sources_lock (storage_pool.c)
 */
struct vsp_storage_pool {
	const struct cred *cred;
	struct path directory;
	bool whole;
	struct vsp_storage_device device;
	struct mutex devices_lock;	/* devices, and who uses them */
	struct list_head devices;
	u64 kept;
	u64 available;
	struct vsp_service *user;
};

/**
 * struct vsp_storage_source - what a disk is kept on
 * @entry: in the list of sources in use
 * @file: open while the service is; NULL if it is a device
 * @device: the block device, or NULL if it is a file
 * @backing: @device, if it is the service's own
 * @cred: every use of the file is made with these
 * @pool: whose whole device it is, else NULL
 * @owned: a file that the pool has made: it grows, and release deletes it
 * @direct: takes O_DIRECT
 * @no_discard: has refused a discard
 * @untidy: its file may have blocks beyond its end
 * @lost: its device has gone with writes that no sync had covered: the next one fails
 * @memory_mask: alignment of memory for direct I/O, less 1
 * @length_mask: alignment of offsets and lengths for direct I/O, less 1; a file takes
 *	others through the page cache
 * @block_size: of the disk, bytes, unless the administrator wants a larger one
 * @written_back: errors of the page cache up to here were told by a sync of all; of who
 *	syncs
 *
 * Whoever uses the file or the device, or what hangs on it, is between
 * vsp_storage_source_begin() and vsp_storage_source_end(). Of a device, @direct, the
 * masks and @block_size change only while there is no contract.
 */
struct vsp_storage_source {
	struct list_head entry;
	struct file *file;
	struct vsp_storage_device *device;
	struct vsp_storage_device backing;
	const struct cred *cred;
	struct vsp_storage_pool *pool;
	bool owned;
	bool direct;
	bool no_discard;
	bool untidy;
	bool lost;
	u32 memory_mask;
	u32 length_mask;
	u32 block_size;
	errseq_t written_back;
};

/* Memory for what the source does not take as it is, or cannot take at once. */
struct vsp_storage_bounce {
	struct list_head entry;
	void *bytes;
	struct bio_vec *bvec;
};

/* Pages of a bounce buffer. */
#define VSP_STORAGE_BOUNCE_PAGES	DIV_ROUND_UP(VS_STORAGE_REQUEST_MAX, PAGE_SIZE)

/**
 * struct vsp_storage_request - one request
 * @entry: in free, done, waiting or covered
 * @storage: whose
 * @type: VIRTIO_BLK_T_*
 * @durable: on the medium when the source has finished it
 * @direct: past the page cache of the source; of a read or write
 * @cost: that it was admitted with, per rate
 * @flags: of a write-zeroes
 * @offset: bytes, of the disk
 * @length: bytes: data, or a range
 * @result: of the source: bytes, 0 or -errno
 * @iocb: of a direct read or write of a file
 * @bio: of a block device
 * @payload: of the same
 * @bounce: if it is not moved in place
 * @iter: over one of them
 * @job: of what may take long
 * @chain: as it was in the ring
 */
struct vsp_storage_request {
	struct list_head entry;
	struct vsp_storage *storage;
	u32 type;
	u32 flags;
	bool durable;
	bool direct;
	u64 cost[VSP_STORAGE_RATES];
	u64 offset;
	u64 length;
	long result;
	struct kiocb iocb;
	struct bio bio;
	struct vsp_payload payload;
	struct vsp_storage_bounce *bounce;
	struct iov_iter iter;
	struct vsp_job job;
	struct vsp_chain chain;
};

/* What the data path needs of the contract in force. */
struct vsp_storage_terms {
	bool present;
	u32 access;
	u32 block_size;
	u64 size;
	u64 cache;
};

enum vsp_storage_counter {
	VSP_STORAGE_BYTES_READ,
	VSP_STORAGE_BYTES_WRITTEN,	/* zeroes included */
	VSP_STORAGE_OPERATIONS,		/* admitted */
	VSP_STORAGE_ERRORS,		/* completed with an error of the request or the source */
	VSP_STORAGE_DENIED,		/* against the contract, or without one */
	VSP_STORAGE_BOUNCED,		/* not moved in place */
	VSP_STORAGE_SYNCS,		/* of the source, for flushes and cache limits */
	VSP_STORAGE_NO_SPACE,		/* of the errors: for want of space that was allocated */
	VSP_STORAGE_COUNTERS
};

/**
 * struct vsp_storage - what the class has of a service
 * @service: whose
 * @source: what the disk is kept on
 * @slow: workqueue of what is not done on account of a VMM, or no longer
 * @counter: for sysfs
 *
 * @resize: one change of the file's size at a time; protects @room
 * @room: bytes of the source that are known to be allocated
 * @trim: takes away what of the file neither contract needs
 *
 * @lock: protects what follows; taken with interrupts off
 * @terms: in force; replaced in one step
 * @keep: bytes of the source that hold, or may hold, the client's data
 * @prepared: bytes that the pending contract needs, or 0
 * @prepared_id: its id
 * @queue: from its first kick to its reset; what completes after that wakes nobody
 * @done: requests that the source has finished
 * @unfinished: number of writes among these, and among those that were taken off it and are
 *	being finished: what they have written is not in @unsynced or @waiting yet
 * @sync_done: the sync under way has ended
 * @sync_result: 0 or its errno
 *
 * Of the mover, and of whoever reaps in its place:
 * @free: requests not in use
 * @bounces: likewise
 * @unsynced: bytes completed since the last sync
 * @covered: of these, what the sync under way covers
 * @sync_error: of a sync that no flush has heard of: the next flush's. What was
 *	completed before that sync may be lost, and another one would not tell
 * @syncing: a sync is under way
 * @waiting: done, but to be completed after the next sync
 * @syncing_list: done, to be completed after the sync under way
 *
 * @sync: the sync
 * @request: all there are
 * @bounce: all there are
 */
struct vsp_storage {
	struct vsp_service *service;
	struct vsp_storage_source source;
	struct workqueue_struct *slow;
	atomic64_t counter[VSP_STORAGE_COUNTERS];

	struct mutex resize;	/* file size */
	u64 room;
	struct work_struct trim;

	spinlock_t lock;	/* contract, rates, what is done */
	struct vsp_storage_terms terms;
	u64 keep;
	u64 prepared;
	u64 prepared_id;
	struct vsp_queue *queue;
	struct list_head done;
	unsigned int unfinished;
	bool sync_done;
	int sync_result;

	struct list_head free;
	struct list_head bounces;
	u64 unsynced;
	u64 covered;
	int sync_error;
	bool syncing;
	struct list_head waiting;
	struct list_head syncing_list;

	struct vsp_job sync;
	struct vsp_storage_request *request;
	struct vsp_storage_bounce bounce[VSP_STORAGE_BOUNCES];
};

/* storage.c */
void vsp_storage_count(struct vsp_storage *storage, enum vsp_storage_counter counter, u64 by);
bool vsp_storage_has_contract(struct vsp_storage_source *source);
void vsp_storage_lost(struct vsp_storage_source *source);

/* vsp/storage/pool.c */
int vsp_storage_pool_open(struct vsp_pool *pool);
void vsp_storage_pool_close(struct vsp_pool *pool);
void vsp_storage_pool_poll(struct vsp_pool *pool);
int vsp_storage_find(const struct path *root, const char *name, struct path *path);
int vsp_storage_path(const char *owner, const char *name, struct path *path);
int vsp_storage_check_disk(struct vsp_pool *pool, const char *owner, struct block_device *bdev);
u64 vsp_storage_pool_kept(struct vsp_pool *pool, u32 index);

/* vsp/storage/owner.c */
int vsp_storage_claim_device(struct vsp_service *service);
void vsp_storage_unclaim_device(struct vsp_storage_pool *pool);
int vsp_storage_own_device(struct block_device *bdev, const uuid_t *uuid);
bool vsp_storage_owned(struct block_device *bdev, uuid_t *owner);
bool vsp_storage_owned_by_other(struct block_device *bdev, const uuid_t *uuid);
void vsp_storage_disown_device(struct block_device *bdev);
int vsp_storage_claim_file(struct vsp_storage_source *source);
void vsp_storage_unclaim_file(struct vsp_storage_source *source);
void vsp_storage_owner_exit(void);

/* vsp/storage/device.c */
int vsp_storage_device_open(struct vsp_storage_device *device, struct vsp_pool *pool,
			    const struct vsp_service *service, const char *name,
			    const struct path *path);
void vsp_storage_device_close(struct vsp_storage_device *device);
bool vsp_storage_device_begin(struct vsp_storage_device *device);
void vsp_storage_device_begin_more(struct vsp_storage_device *device);
void vsp_storage_device_end(struct vsp_storage_device *device);
void vsp_storage_device_use(struct vsp_storage_device *device, struct vsp_storage_source *source);
int vsp_storage_device_own(struct vsp_storage_device *device, const uuid_t *uuid);
void vsp_storage_device_disown(struct vsp_storage_device *device);
bool vsp_storage_device_writable(const struct vsp_storage_device *device);
void vsp_storage_device_look(struct vsp_storage_device *device);
void vsp_storage_device_exit(void);

/* vsp/storage/file.c */
int vsp_storage_file_allocate(struct file *file, u64 from, u64 size);
int vsp_storage_file_check(struct file *file, const struct vsp_service *service, bool owned);
void vsp_storage_file_label(struct file *file, const struct vsp_service *service);

/* vsp/storage/source_open.c */
int vsp_storage_source_open(struct vsp_storage_source *source, struct vsp_service *service);
void vsp_storage_source_close(struct vsp_storage_source *source, struct vsp_service *service);
int vsp_storage_source_unlink(const struct vsp_storage_source *source,
			      const struct vsp_service *service);
void vsp_storage_source_look_at(struct vsp_storage_source *source, struct block_device *bdev);

/* vsp/storage/source.c */
bool vsp_storage_source_begin(const struct vsp_storage_source *source);
void vsp_storage_source_begin_more(const struct vsp_storage_source *source);
void vsp_storage_source_end(const struct vsp_storage_source *source);
struct file *vsp_storage_source_file(const struct vsp_storage_source *source);
u64 vsp_storage_source_size(const struct vsp_storage_source *source);
bool vsp_storage_source_writable(const struct vsp_storage_source *source);
bool vsp_storage_source_discards(const struct vsp_storage_source *source);
int vsp_storage_source_grow(struct vsp_service *service, struct vsp_storage_source *source,
			    u64 from, u64 size);
void vsp_storage_source_trim(struct vsp_service *service, struct vsp_storage_source *source,
			     u64 size);
int vsp_storage_source_release(struct vsp_storage_source *source, struct vsp_service *service);
int vsp_storage_source_zero(struct vsp_storage_source *source, u64 offset, u64 length, bool unmap);
int vsp_storage_source_discard(struct vsp_storage_source *source, u64 offset, u64 length);
int vsp_storage_source_sync(struct vsp_storage_source *source);
errseq_t vsp_storage_source_errors(const struct vsp_storage_source *source);
int vsp_storage_source_sync_range(struct vsp_storage_source *source, u64 offset, u64 length,
				  errseq_t since);
ssize_t vsp_storage_source_move(struct vsp_storage_source *source, struct kiocb *iocb,
				struct iov_iter *iter);

/* vsp/storage/io.c */
int vsp_storage_io_open(struct vsp_storage *storage);
void vsp_storage_io_close(struct vsp_storage *storage);
int vsp_storage_io_prepare(struct vsp_storage_request *request, struct vsp_queue *queue);
void vsp_storage_io_undo(struct vsp_storage_request *request);
void vsp_storage_io_start(struct vsp_storage_request *request, struct vsp_queue *queue);
void vsp_storage_io_sync(struct vsp_storage *storage, struct vsp_queue *queue);

/* vsp/storage/bio.c */
bool vsp_storage_bio_start(struct vsp_storage_request *request);

/* vsp/storage/queue.c */
void vsp_storage_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_storage_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_storage_queue_reset(struct vsp_service *service);
void vsp_storage_queue_done(struct vsp_storage_request *request, bool begun);
void vsp_storage_queue_wake(struct vsp_storage *storage);
void vsp_storage_queue_go_on(struct vsp_service *service, u32 flow);

#endif
