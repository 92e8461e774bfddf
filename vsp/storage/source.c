// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one disk is kept on, once it is open (source_open.c): its size, what is done to
 * it that is neither a read nor a write, and its release.
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
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uio.h>

#include "vsp/class.h"
#include "vsp/storage/source.h"

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
		error = vsp_storage_file_unlink(source, service);
		revert_creds(old);
	} else {
		error = overwrite_source(source);
	}
	if (error)
		pr_err("service %s: its data could not be released (%d)\n",
		       vsp_service_name(service), error);
	return error;
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
