// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one disk is kept on: a file that the pool has made for it, a file or block
 * device that the administrator has named, or the whole device of the pool.
 *
 * Space that was granted is allocated, and stays so: a discard of a file zeroes it
 * in place.  What a file grows by reads as zeroes, which fallocate() promises.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/cred.h>
#include <linux/errseq.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uio.h>

#include "vs_compat.h"
#include "vsp/storage/storage.h"

/* Zeroed at once by a release, so that it can be interrupted. */
#define ERASE_STEP	SZ_1G
#define ZERO_PAGES	64

/**
 * vsp_storage_source_begin() - use a source
 * @source: open
 *
 * Context: any.
 * Return: false if it is gone; else it stays until vsp_storage_source_end()
 */
bool vsp_storage_source_begin(const struct vsp_storage_source *source)
{
	return !source->device || vsp_storage_device_begin(source->device);
}

/**
 * vsp_storage_source_begin_more() - use a source for something else besides
 * @source: begun
 *
 * Context: any.
 */
void vsp_storage_source_begin_more(const struct vsp_storage_source *source)
{
	if (source->device)
		vsp_storage_device_begin_more(source->device);
}

/**
 * vsp_storage_source_end() - undo one vsp_storage_source_begin()
 * @source: its device may be gone
 *
 * Context: any, interrupts included.
 */
void vsp_storage_source_end(const struct vsp_storage_source *source)
{
	if (source->device)
		vsp_storage_device_end(source->device);
}

/**
 * vsp_storage_source_file() - what is read and written
 * @source: begun
 *
 * Context: any.
 */
struct file *vsp_storage_source_file(const struct vsp_storage_source *source)
{
	return source->device ? source->device->file : source->file;
}

/* Begun: of a device that dies meanwhile it is still what it was, or 0. */
static u64 size_now(const struct vsp_storage_source *source)
{
	return i_size_read(vsp_storage_source_file(source)->f_mapping->host);
}

static void file_name(const struct vsp_service *service, char *name)
{
	snprintf(name, UUID_STRING_LEN + 1, "%pUb", vsp_service_uuid(service));
}

/* ---- Opening ---- */

static struct file *open_direct(const struct path *path, int flags)
{
	struct file *file = dentry_open(path, flags | O_DIRECT, current_cred());

	if (file == ERR_PTR(-EINVAL))		/* the file system has no direct I/O */
		file = dentry_open(path, flags, current_cred());
	return file;
}

static struct file *open_named_file(const struct path *path)
{
	struct file *file = ERR_PTR(path_permission(path, MAY_READ | MAY_WRITE));

	if (!file)
		file = open_direct(path, O_RDWR | O_LARGEFILE);
	if (file != ERR_PTR(-EROFS) && file != ERR_PTR(-EACCES) && file != ERR_PTR(-EPERM))
		return file;
	file = ERR_PTR(path_permission(path, MAY_READ));
	return file ?: open_direct(path, O_RDONLY | O_LARGEFILE);
}

/* The file of a service in its pool's directory; made empty if it is not there. */
static struct file *open_own_file(const struct vsp_storage_pool *pool,
				  const struct vsp_service *service)
{
	const int flags = O_RDWR | O_CREAT | O_LARGEFILE | O_NOFOLLOW;
	char name[UUID_STRING_LEN + 1];
	struct file *file;

	file_name(service, name);
	file = file_open_root(&pool->directory, name, flags | O_DIRECT, 0600);
	if (file == ERR_PTR(-EINVAL))
		file = file_open_root(&pool->directory, name, flags, 0600);
	return file;
}

static int check_disk(const struct vsp_service *service, struct block_device *bdev)
{
	char label[VSP_STORAGE_LABEL];

	snprintf(label, sizeof(label), "service %s", vsp_service_name(service));
	return vsp_storage_check_disk(vsp_service_pool(service), label, bdev);
}

static int check_file(const struct vsp_service *service, const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || inode->i_nlink != 1) {
		pr_err("service %s: %pD: %s\n", vsp_service_name(service), file,
		       S_ISREG(inode->i_mode) ? "has several names" :
		       "neither a regular file nor a block device");
		return -EINVAL;
	}
	if (IS_SWAPFILE(inode)) {
		pr_err("service %s: %pD: is swapped to\n", vsp_service_name(service), file);
		return -ETXTBSY;
	}
	return check_disk(service, inode->i_sb->s_bdev);
}

/* It was opened for direct I/O, and cannot be used so. */
static void use_cache(struct file *file)
{
	spin_lock(&file->f_lock);
	file->f_flags &= ~O_DIRECT;
	file->f_iocb_flags = iocb_flags(file);
	spin_unlock(&file->f_lock);
}

/* How direct I/O has to be aligned; where the file system will not say, to its blocks. */
static void look_at_file(struct vsp_storage_source *source)
{
	u32 memory = i_blocksize(file_inode(source->file)), length = memory;
	struct kstat stat;

	if (!vfs_getattr(&source->file->f_path, &stat, STATX_DIOALIGN, 0) &&
	    (stat.result_mask & STATX_DIOALIGN)) {
		memory = stat.dio_mem_align;
		length = stat.dio_offset_align;
	}
	source->direct = (source->file->f_mode & FMODE_CAN_ODIRECT) && memory && length &&
			 memory <= PAGE_SIZE && length <= SZ_4K;
	source->memory_mask = source->direct ? memory - 1 : 0;
	source->length_mask = source->direct ? max_t(u32, length, SECTOR_SIZE) - 1 :
			      SECTOR_SIZE - 1;
	/* Whatever it is on now: an image must be the same disk wherever it is moved. */
	source->block_size = SECTOR_SIZE;
	if (!source->direct)
		use_cache(source->file);
	source->written_back = errseq_sample(&source->file->f_mapping->wb_err);
}

/**
 * vsp_storage_source_look_at() - how direct I/O to a device has to be aligned
 * @source: is not used yet, or not now
 * @bdev: what it is to use
 *
 * Context: may sleep.
 */
void vsp_storage_source_look_at(struct vsp_storage_source *source, struct block_device *bdev)
{
	source->direct = true;
	source->memory_mask = bdev_dma_alignment(bdev);
	source->length_mask = bdev_logical_block_size(bdev) - 1;
	source->block_size = bdev_logical_block_size(bdev);
	source->written_back = errseq_sample(&bdev->bd_mapping->wb_err);
}

static int unlink_own(const struct vsp_storage_source *source, const struct vsp_service *service)
{
	const struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct mnt_idmap *idmap = mnt_idmap(pool->directory.mnt);
	struct inode *directory = d_inode(pool->directory.dentry);
	char name[UUID_STRING_LEN + 1];
	struct dentry *dentry;
	int error;

	file_name(service, name);
	error = mnt_want_write(pool->directory.mnt);
	if (error)
		return error;
	inode_lock_nested(directory, I_MUTEX_PARENT);
	dentry = vs_lookup_one(idmap, name, pool->directory.dentry);
	error = PTR_ERR_OR_ZERO(dentry);
	if (!error) {
		/* Only what is open here; if it was removed or replaced, leave that alone. */
		if (d_is_positive(dentry) && d_inode(dentry) == file_inode(source->file))
			error = vfs_unlink(idmap, directory, dentry, NULL);
		dput(dentry);
	}
	inode_unlock(directory);
	mnt_drop_write(pool->directory.mnt);
	return error;
}

/* Deletes nothing but a file of the pool's that is empty. */
static void source_let_go(struct vsp_storage_source *source, struct vsp_service *service)
{
	if (source->owned && !i_size_read(file_inode(source->file)))
		unlink_own(source, service);
	vsp_storage_unclaim_file(source);
}

static int claim_file(struct vsp_storage_source *source, struct vsp_service *service)
{
	int error;

	error = check_file(service, source->file);
	if (error)
		return error;
	error = vsp_storage_claim_file(source);
	if (error) {
		pr_err("service %s: %pD: another service has it\n", vsp_service_name(service),
		       source->file);
		return error;
	}
	error = vsp_storage_file_check(source->file, service, source->owned);
	if (error)
		source_let_go(source, service);
	return error;
}

static int take_file(struct vsp_storage_source *source, struct vsp_service *service,
		     struct file *file)
{
	int error;

	if (IS_ERR(file)) {
		pr_err("service %s: its file cannot be opened (%ld)\n", vsp_service_name(service),
		       PTR_ERR(file));
		return PTR_ERR(file);
	}
	source->file = file;
	error = claim_file(source, service);
	if (error) {
		fput(file);
		return error;
	}
	look_at_file(source);
	return 0;
}

static int source_open_device(struct vsp_storage_source *source, struct vsp_service *service,
			      const struct path *path)
{
	struct vsp_storage_device *device = &source->backing;
	int error;

	device->cred = source->cred;
	error = vsp_storage_device_open(device, vsp_service_pool(service), service,
					vsp_service_backing(service), path);
	if (error)
		return error;
	source->device = device;
	if (vsp_storage_device_begin(device)) {
		vsp_storage_source_look_at(source, file_bdev(device->file));
		vsp_storage_device_end(device);
	}
	vsp_storage_device_use(device, source);
	return 0;
}

static int open_backing(struct vsp_storage_source *source, struct vsp_service *service)
{
	char label[VSP_STORAGE_LABEL];
	struct path path;
	int error;

	snprintf(label, sizeof(label), "service %s", vsp_service_name(service));
	error = vsp_storage_path(label, vsp_service_backing(service), &path);
	if (error)
		return error;
	if (d_is_reg(path.dentry)) {
		error = take_file(source, service, open_named_file(&path));
	} else if (S_ISBLK(d_inode(path.dentry)->i_mode)) {
		error = source_open_device(source, service, &path);
	} else {
		pr_err("%s: backing %s: neither a regular file nor a block device\n", label,
		       vsp_service_backing(service));
		error = -EINVAL;
	}
	path_put(&path);
	return error;
}

/* Under way: the device of the pool stays. */
static int use_whole(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct block_device *bdev = file_bdev(pool->device.file);
	int error;

	error = vsp_storage_claim_device(service);
	if (error)
		return error;
	error = check_disk(service, bdev);
	if (error) {
		vsp_storage_unclaim_device(pool);
		return error;
	}
	vsp_storage_source_look_at(source, bdev);
	source->device = &pool->device;
	source->pool = pool;
	vsp_storage_device_use(source->device, source);
	return 0;
}

static int open_whole(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct vsp_storage_device *device = &pool->device;
	int error;

	if (!vsp_storage_device_begin(device)) {
		pr_err("service %s: the device of pool %s is gone: enable it when that is back\n",
		       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)));
		return -ENODEV;
	}
	error = use_whole(source, service);
	vsp_storage_device_end(device);
	return error;
}

static int open_own(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	int error;

	source->owned = true;
	/* A crash while it grew leaves blocks beyond its end. */
	source->untidy = true;
	error = take_file(source, service, open_own_file(pool, service));
	if (!error)
		vsp_storage_file_label(source->file, service);
	return error;
}

/**
 * vsp_storage_source_open() - find and open what a service's disk is kept on
 * @source: zeroed
 * @service: its pool is enabled
 *
 * Context: the administrator's process.
 * Return: 0, -ENODEV, -EINVAL, -ELOOP, -EBUSY, or what opening returns; logged
 */
int vsp_storage_source_open(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	const struct cred *old;
	int error;

	source->cred = get_cred(vsp_service_backing(service)[0] ? current_cred() : pool->cred);
	old = override_creds(source->cred);
	if (vsp_service_backing(service)[0]) {
		error = open_backing(source, service);
	} else if (pool->whole) {
		error = open_whole(source, service);
	} else if (pool->directory.dentry) {
		error = open_own(source, service);
	} else {
		pr_err("service %s: pool %s has no source: name a backing\n",
		       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)));
		error = -ENODEV;
	}
	revert_creds(old);
	if (error)
		put_cred(source->cred);
	return error;
}

/**
 * vsp_storage_source_close() - undo vsp_storage_source_open()
 * @source: nothing is under way
 * @service: its pool is still enabled
 *
 * Deletes nothing but a file of the pool's that is empty.
 */
void vsp_storage_source_close(struct vsp_storage_source *source, struct vsp_service *service)
{
	const struct cred *old = override_creds(source->cred);

	if (source->device)
		vsp_storage_device_use(source->device, NULL);
	if (source->pool) {
		vsp_storage_unclaim_device(source->pool);
	} else if (source->device) {
		vsp_storage_device_close(source->device);
	} else {
		source_let_go(source, service);
		fput(source->file);
	}
	revert_creds(old);
	put_cred(source->cred);
}

/* ---- Size ---- */

/**
 * vsp_storage_source_size() - bytes that there are
 * @source: open
 *
 * Context: any.
 * Return: 0 while it is gone
 */
u64 vsp_storage_source_size(const struct vsp_storage_source *source)
{
	u64 size;

	if (!vsp_storage_source_begin(source))
		return 0;
	size = size_now(source);
	vsp_storage_source_end(source);
	return size;
}

/**
 * vsp_storage_source_writable() - can it be written now?
 * @source: begun
 *
 * Context: any.
 */
bool vsp_storage_source_writable(const struct vsp_storage_source *source)
{
	const struct file *file = source->file;

	if (source->device)
		return vsp_storage_device_writable(source->device);
	return (file->f_mode & FMODE_WRITE) && !sb_rdonly(file_inode(file)->i_sb) &&
	       !__mnt_is_readonly(file->f_path.mnt);
}

/**
 * vsp_storage_source_discards() - can a client discard?
 * @source: begun
 *
 * Context: any.
 */
bool vsp_storage_source_discards(const struct vsp_storage_source *source)
{
	if (!vsp_storage_source_writable(source) || READ_ONCE(source->no_discard))
		return false;
	if (source->device)
		return bdev_max_discard_sectors(file_bdev(source->device->file));
	return source->file->f_op->fallocate;
}

/* Cut at its own end, a file loses what it has beyond. */
static void shorten_file(struct vsp_service *service, struct vsp_storage_source *source, u64 size)
{
	int error = vfs_truncate(&source->file->f_path, min(size, size_now(source)));

	if (error)
		vsp_warn_limited(service, "service %s: %pD: cannot be cut to %llu bytes (%d)\n",
				 vsp_service_name(service), source->file, size, error);
}

/**
 * vsp_storage_source_grow() - make sure that there is room
 * @service: whose
 * @source: begun
 * @from: bytes from the start that are known to be allocated
 * @size: bytes that must be; more than a file has only if the pool made it
 *
 * Context: may sleep. Not beside vsp_storage_source_trim().
 * Return: 0; -ENOSPC, or what the file system returns
 */
int vsp_storage_source_grow(struct vsp_service *service, struct vsp_storage_source *source,
			    u64 from, u64 size)
{
	const struct cred *old;
	int error;

	if (!source->owned && size > vsp_storage_source_size(source))
		return -ENOSPC;
	if (source->device || !vsp_storage_source_writable(source) || size <= from)
		return 0;
	old = override_creds(source->cred);
	if (source->owned && xchg(&source->untidy, false))
		shorten_file(service, source, U64_MAX);
	error = vsp_storage_file_allocate(source->file, from, size);
	revert_creds(old);
	/* Some allocate far beyond the end before they find out that there is no room. */
	if (error)
		WRITE_ONCE(source->untidy, true);
	/* A file of the administrator's choice may be on what cannot allocate. */
	return error == -EOPNOTSUPP && !source->owned ? 0 : error;
}

/**
 * vsp_storage_source_trim() - give back what is beyond a size
 * @service: whose
 * @source: open
 * @size: bytes that stay
 *
 * Only of files that the pool has made.
 *
 * Context: may sleep. Not beside vsp_storage_source_grow().
 */
void vsp_storage_source_trim(struct vsp_service *service, struct vsp_storage_source *source,
			     u64 size)
{
	const struct cred *old;

	if (!source->owned)
		return;
	if (size_now(source) <= size && !xchg(&source->untidy, false))
		return;
	old = override_creds(source->cred);
	shorten_file(service, source, size);
	revert_creds(old);
}

/* ---- What is not a read or a write ---- */

/* For file systems that cannot zero a range. Through the page cache, so of any alignment. */
static int write_zeroes(struct file *file, u64 offset, u64 length)
{
	struct bio_vec *bvec;
	struct iov_iter iter;
	struct kiocb iocb;
	ssize_t written = 0;
	size_t step;

	bvec = kmalloc_array(ZERO_PAGES, sizeof(*bvec), GFP_NOIO);
	if (!bvec)
		return -ENOMEM;
	for (unsigned int i = 0; i < ZERO_PAGES; i++)
		bvec_set_page(&bvec[i], ZERO_PAGE(0), PAGE_SIZE, 0);
	init_sync_kiocb(&iocb, file);
	iocb.ki_flags &= ~IOCB_DIRECT;
	iocb.ki_pos = offset;
	while (length && written >= 0) {
		step = min_t(u64, length, ZERO_PAGES * PAGE_SIZE);
		iov_iter_bvec(&iter, ITER_SOURCE, bvec, ZERO_PAGES, step);
		written = vfs_iocb_iter_write(file, &iocb, &iter);
		if (!written)
			written = -EIO;
		if (written > 0)
			length -= written;
		cond_resched();
	}
	kfree(bvec);
	return min_t(ssize_t, written, 0);
}

/**
 * vsp_storage_source_zero() - make a range read as zeroes
 * @source: begun, writable
 * @offset: bytes
 * @length: bytes, not 0; both aligned to the source's blocks
 * @unmap: of a device, the range may be unmapped; a file's stays allocated
 *
 * Context: may sleep for long; not in a mover.
 * Return: 0 or what the source returns
 */
int vsp_storage_source_zero(struct vsp_storage_source *source, u64 offset, u64 length, bool unmap)
{
	const struct cred *old = override_creds(source->cred);
	struct file *file = vsp_storage_source_file(source);
	int error = -EOPNOTSUPP;

	if (unmap && source->device)
		error = vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
				      length);
	if (error == -EOPNOTSUPP)
		error = vfs_fallocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
				      length);
	if (error == -EOPNOTSUPP && !source->device)
		error = write_zeroes(file, offset, length);
	revert_creds(old);
	return error;
}

/**
 * vsp_storage_source_discard() - the client does not need a range any more
 * @source: begun, writable
 * @offset: bytes
 * @length: bytes, not 0; both aligned to the source's blocks
 *
 * A file's space was granted: it is zeroed and stays allocated.
 *
 * Context: may sleep for long; not in a mover.
 * Return: 0, -EOPNOTSUPP, or what the source returns
 */
int vsp_storage_source_discard(struct vsp_storage_source *source, u64 offset, u64 length)
{
	const struct cred *old;
	int error;

	if (source->device)
		return blkdev_issue_discard(file_bdev(source->device->file),
					    offset >> SECTOR_SHIFT, length >> SECTOR_SHIFT,
					    GFP_NOIO);
	old = override_creds(source->cred);
	error = vfs_fallocate(source->file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
			      length);
	revert_creds(old);
	if (error == -EOPNOTSUPP)
		WRITE_ONCE(source->no_discard, true);
	return error;
}

/**
 * vsp_storage_source_sync() - what was written is on the medium when this returns
 * @source: begun
 *
 * An error since the last call is found, whoever else has been told of it.
 *
 * Context: may sleep for long; not in a mover. One at a time.
 * Return: 0 or what the source returns
 */
int vsp_storage_source_sync(struct vsp_storage_source *source)
{
	struct file *file = vsp_storage_source_file(source);
	const struct cred *old = override_creds(source->cred);
	int error = vfs_fsync(file, 1), written;

	revert_creds(old);
	written = errseq_check_and_advance(&file->f_mapping->wb_err, &source->written_back);
	return error ?: written;
}

/**
 * vsp_storage_source_errors() - where errors of what is about to be written begin
 * @source: begun
 *
 * Context: any.
 * Return: for vsp_storage_source_sync_range()
 */
errseq_t vsp_storage_source_errors(const struct vsp_storage_source *source)
{
	return errseq_sample(&vsp_storage_source_file(source)->f_mapping->wb_err);
}

/**
 * vsp_storage_source_sync_range() - a part of what was written is on the medium
 * @source: begun
 * @offset: bytes
 * @length: bytes, not 0
 * @since: of vsp_storage_source_errors(), before it was written
 *
 * The kernel tells each open file of an error once, so of two syncs at once one would
 * take the other's.  Here each of them is told of every error since it began.
 *
 * Context: may sleep for long; not in a mover.
 * Return: 0 or what the source returns
 */
int vsp_storage_source_sync_range(struct vsp_storage_source *source, u64 offset, u64 length,
				  errseq_t since)
{
	struct file *file = vsp_storage_source_file(source);
	const struct cred *old = override_creds(source->cred);
	int error = vfs_fsync_range(file, offset, offset + length - 1, 1);

	revert_creds(old);
	return error ?: errseq_check(&file->f_mapping->wb_err, since);
}

/**
 * vsp_storage_source_move() - read or write
 * @source: begun, until @iocb is complete
 * @iocb: of its file, position and flags set; with ki_complete it may become asynchronous
 * @iter: its direction says which of the two
 *
 * Context: the mover, if @iter is over its memory; else may sleep for long.
 * Return: bytes, -EIOCBQUEUED (a write then owes kiocb_end_write()), or an error
 */
ssize_t vsp_storage_source_move(struct vsp_storage_source *source, struct kiocb *iocb,
				struct iov_iter *iter)
{
	const struct cred *old = override_creds(source->cred);
	ssize_t moved;

	if (iov_iter_rw(iter) == WRITE)
		moved = vfs_iocb_iter_write(iocb->ki_filp, iocb, iter);
	else
		moved = vfs_iocb_iter_read(iocb->ki_filp, iocb, iter);
	revert_creds(old);
	return moved;
}

/* ---- Release ---- */

static int erase_source(struct vsp_storage_source *source)
{
	u64 size = size_now(source), step;
	int error = 0;

	if (!size && source->device)
		return -ENODEV;
	for (u64 offset = 0; offset < size && !error; offset += step) {
		step = min_t(u64, size - offset, ERASE_STEP);
		error = fatal_signal_pending(current) ? -EINTR :
			vsp_storage_source_zero(source, offset, step, true);
		cond_resched();
	}
	return error ?: vsp_storage_source_sync(source);
}

/* A device, or a file that the administrator has named. */
static int overwrite_source(struct vsp_storage_source *source)
{
	int error;

	if (!vsp_storage_source_begin(source))
		return -ENODEV;
	error = vsp_storage_source_writable(source) ? erase_source(source) : -EROFS;
	if (!error && source->device)
		vsp_storage_device_disown(source->device);
	vsp_storage_source_end(source);
	return error;
}

/**
 * vsp_storage_source_release() - delete what the service kept
 * @source: open, not in use
 * @service: whose
 *
 * A file that the pool has made is deleted: its file system sees to it that nobody
 * reads what was in it.  A device, or a file that the administrator has named, is
 * overwritten with zeroes.
 *
 * Context: the administrator's process; may sleep for long, ends at a fatal signal.
 * Return: 0; -EROFS; -EINTR; -ENODEV: it is gone; what the source returns
 */
int vsp_storage_source_release(struct vsp_storage_source *source, struct vsp_service *service)
{
	const struct cred *old;
	int error;

	if (source->owned) {
		old = override_creds(source->cred);
		error = unlink_own(source, service);
		revert_creds(old);
	} else {
		error = overwrite_source(source);
	}
	if (error)
		pr_err("service %s: its data could not be released (%d)\n",
		       vsp_service_name(service), error);
	return error;
}
