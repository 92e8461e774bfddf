/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of a disk: what storage.c (the contract), queue.c (the requests), io.c and
 * bio.c (what they do to the source), done.c (what it reports), sync.c (what is on the medium),
 * memory.c (what they need), pool.c, path.c, source.c, file.c and device.c (what they are kept on)
 * share.
 *
 * A request is in the ring until it is admitted; then it belongs to one of: the
 * source (direct I/O under way), the service's workqueue (whatever may take long),
 * the list of those that are done, the lists of those that wait for a sync.  It is
 * finished in the mover of its queue.
 *
 * A disk has some data queues, each with a mover of its own.  What a mover alone touches is in
 * struct vsp_storage_ring; all else is the service's, and under a lock.
 *
 * Locks: vsp_rates_lock() > vsp_storage.lock.
 */
#ifndef VSP_STORAGE_H
#define VSP_STORAGE_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_blk.h>

#include "channel/host/queue.h"
#include "vs_storage.h"
#include "vsp/class.h"
#include "vsp/storage/source.h"
#include "vsp/turn.h"

/* Bounce buffers of a service at most, for all its queues, each of VS_STORAGE_REQUEST_MAX bytes. */
#define VSP_STORAGE_BOUNCES		4
/* Rates, in the order of the class's table: bandwidth, iops. */
#define VSP_STORAGE_RATES		2
/* Operations of a service that may take long, under way at once. */
#define VSP_STORAGE_WORKERS		4

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
 * @entry: in free, done or synced of @ring, in sync.waiting or sync.covered_list
 * @storage: whose
 * @ring: the queue that it came from, and goes back to
 * @type: VIRTIO_BLK_T_*
 * @durable: on the medium when the source has finished it
 * @direct: past the page cache of the source; of a read or write
 * @cost: that it was admitted with, per rate
 * @flags: of a write-zeroes
 * @offset: bytes, of the disk
 * @length: bytes: data, or a range
 * @result: of the source: bytes, 0 or -errno; of a sync that it has waited for: 0 or -errno
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
	struct vsp_storage_ring *ring;
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
	u32 queues;
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
 * struct vsp_storage_ring - one data queue
 * @storage: whose
 * @index: from 0
 *
 * Under vsp_storage.lock:
 * @queue: from its first kick to its reset; what completes after that wakes nobody
 * @done: requests that the source has finished
 * @synced: requests whose wait for a sync is over, with its result
 *
 * Of the mover, and of whoever reaps in its place:
 * @free: requests not in use
 * @requests: there are, in use or not
 * @wants: it waits for a bounce buffer
 */
struct vsp_storage_ring {
	struct vsp_storage *storage;
	unsigned int index;

	struct vsp_queue *queue;
	struct list_head done;
	struct list_head synced;

	struct list_head free;
	unsigned int requests;
	bool wants;
};

/**
 * struct vsp_storage_memory - bounce buffers, made when they are needed; under vsp_storage.lock
 * @bounces: not in use
 * @count: there are, in use or not
 * @wanting: rings that wait for one, a bit each
 * @last: index of the ring that had one last
 */
struct vsp_storage_memory {
	struct list_head bounces;
	unsigned int count;
	unsigned long wanting;
	unsigned int last;
};

/**
 * struct vsp_storage_sync - what is completed, and not yet on the medium; under vsp_storage.lock
 * @unsynced: bytes completed since the last sync
 * @covered: of these, what the sync under way covers
 * @error: of a sync that no flush has heard of: the next flush's. What was completed
 *	before that sync may be lost, and another one would not tell
 * @active: a sync is under way
 * @waiting: done, but to be completed after the next sync
 * @covered_list: done, to be completed after the sync under way
 * @job: the sync; of who has set @active
 */
struct vsp_storage_sync {
	u64 unsynced;
	u64 covered;
	int error;
	bool active;
	struct list_head waiting;
	struct list_head covered_list;
	struct vsp_job job;
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
 * @unfinished: number of writes in the lists of what is done, and among those that were taken off
 *	them and are being finished: what they have written is not in @sync yet
 * @memory: see there
 * @sync: see there
 *
 * @turn: of the flow, by number of the data queue; see there
 * @ring: by number of the data queue
 */
struct vsp_storage {
	struct vsp_service *service;
	struct vsp_storage_source source;
	struct workqueue_struct *slow;
	atomic64_t counter[VSP_STORAGE_COUNTERS];

	struct mutex resize;	/* file size */
	u64 room;
	struct work_struct trim;

	spinlock_t lock;	/* contract, what is done, synced, bounced */
	struct vsp_storage_terms terms;
	u64 keep;
	u64 prepared;
	u64 prepared_id;
	unsigned int unfinished;
	struct vsp_storage_memory memory;
	struct vsp_storage_sync sync;

	struct vsp_turn turn;
	struct vsp_storage_ring ring[VS_STORAGE_QUEUES_MAX];
};

/* Does the request change what is on the disk, so that a sync matters to it? */
static inline bool vsp_storage_changes_disk(const struct vsp_storage_request *request)
{
	return request->type == VIRTIO_BLK_T_OUT || request->type == VIRTIO_BLK_T_WRITE_ZEROES;
}

/* Adds to what sysfs shows; any context. */
static inline void vsp_storage_count(struct vsp_storage *storage,
				     enum vsp_storage_counter counter, u64 by)
{
	atomic64_add(by, &storage->counter[counter]);
}

/* vsp/storage/done.c */
void vsp_storage_done(struct vsp_storage_request *request, bool begun);
void vsp_storage_done_wake(struct vsp_storage_ring *ring);
void vsp_storage_done_wake_all(struct vsp_storage *storage);

/* vsp/storage/io.c */
int vsp_storage_io_open(struct vsp_storage *storage);
void vsp_storage_io_close(struct vsp_storage *storage);
int vsp_storage_io_prepare(struct vsp_storage_request *request, struct vsp_queue *queue);
void vsp_storage_io_undo(struct vsp_storage_request *request);
void vsp_storage_io_start(struct vsp_storage_request *request, struct vsp_queue *queue);
void vsp_storage_io_sync(struct vsp_storage *storage, struct vsp_queue *queue);

/* vsp/storage/memory.c */
int vsp_storage_memory_init(void);
void vsp_storage_memory_exit(void);
int vsp_storage_memory_open(struct vsp_storage *storage);
void vsp_storage_memory_close(struct vsp_storage *storage);
struct vsp_storage_request *vsp_storage_memory_request(struct vsp_storage_ring *ring);
int vsp_storage_memory_bounce(struct vsp_storage_ring *ring, struct vsp_storage_bounce **bounce);
void vsp_storage_memory_put(struct vsp_storage *storage, struct vsp_storage_bounce *bounce);
void vsp_storage_memory_leave(struct vsp_storage_ring *ring);

/* vsp/storage/sync.c */
bool vsp_storage_sync_write(struct vsp_storage_request *request);
void vsp_storage_sync_flush(struct vsp_storage_request *request);
void vsp_storage_sync_settle(struct vsp_storage *storage, struct vsp_queue *queue,
			     unsigned int finished);
void vsp_storage_sync_ended(struct vsp_storage *storage, int result);

/* vsp/storage/bio.c */
bool vsp_storage_bio_start(struct vsp_storage_request *request);

/* vsp/storage/queue.c */
void vsp_storage_queue_init(struct vsp_storage *storage);
void vsp_storage_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_storage_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_storage_queue_reset(struct vsp_service *service);
void vsp_storage_queue_go_on(struct vsp_service *service, u32 flow);

#endif
