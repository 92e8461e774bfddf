/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What disks are kept on: pool.c (what a pool is), source.c and source_open.c (what a service
 * has of it), device.c and file.c (the two kinds), owner.c (whose they are).
 */
#ifndef VSP_STORAGE_SOURCE_H
#define VSP_STORAGE_SOURCE_H

#include <linux/completion.h>
#include <linux/errseq.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/percpu-refcount.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/uuid.h>

#include "vs_storage.h"
#include "vsp/class.h"

struct block_device;
struct cred;
struct vsp_storage_source;

/* "service NAME", for log lines. */
#define VSP_STORAGE_LABEL		(VSP_NAME_MAX + 8)

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

/* vsp/storage/pool.c */
int vsp_storage_pool_open(struct vsp_pool *pool);
void vsp_storage_pool_close(struct vsp_pool *pool);
void vsp_storage_pool_poll(struct vsp_pool *pool);
u64 vsp_storage_pool_kept(struct vsp_pool *pool, u32 index);

/* vsp/storage/path.c */
int vsp_storage_find(const struct path *root, const char *name, struct path *path);
int vsp_storage_path(const char *owner, const char *name, struct path *path);
int vsp_storage_check_disk(struct vsp_pool *pool, const char *owner, struct block_device *bdev);

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
void vsp_storage_file_name(const struct vsp_service *service, char *name);
int vsp_storage_file_unlink(const struct vsp_storage_source *source,
			    const struct vsp_service *service);
void vsp_storage_file_label(struct file *file, const struct vsp_service *service);

/* vsp/storage/source_open.c */
int vsp_storage_source_open(struct vsp_storage_source *source, struct vsp_service *service);
void vsp_storage_source_close(struct vsp_storage_source *source, struct vsp_service *service);

/* vsp/storage/source.c */
void vsp_storage_source_look_at(struct vsp_storage_source *source, struct block_device *bdev);
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

/* vsp/storage/done.c */
bool vsp_storage_has_contract(struct vsp_storage_source *source);
void vsp_storage_lost(struct vsp_storage_source *source);

#endif
