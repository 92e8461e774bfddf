// SPDX-License-Identifier: GPL-2.0-only
/*
 * What requests do to the source.
 *
 * Reads and writes go to it straight from the mover, in place and asynchronously,
 * if it takes direct I/O and the client's memory is aligned for that; else through
 * a bounce buffer, of which a service has a few.  A read or write that begins or ends
 * between two blocks of its file's file system goes through the page cache, which the
 * file system keeps in step with direct I/O.  What may take long (buffered I/O,
 * discard, zeroes, sync) is done beside the mover, which does not wait for the source:
 * by threads of the VMM, on account of its cgroups, or, for a local client, in the
 * service's own workqueue.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/bvec.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "vsp/storage/storage.h"

static int io_direction(const struct vsp_storage_request *request)
{
	return request->type == VIRTIO_BLK_T_OUT ? ITER_SOURCE : ITER_DEST;
}

static void bounce_iter(struct vsp_storage_request *request)
{
	struct bio_vec *bvec = request->bounce->bvec;
	size_t left = request->length, step;
	unsigned int count = 0;

	while (left) {
		step = min_t(size_t, left, PAGE_SIZE);
		bvec_set_page(&bvec[count], vmalloc_to_page(request->bounce->bytes +
							    count * PAGE_SIZE), step, 0);
		count++;
		left -= step;
	}
	iov_iter_bvec(&request->iter, io_direction(request), bvec, count, request->length);
}

/* What was begun in vsp_storage_io_start() has ended. Any context, interrupts included. */
static void io_done(struct vsp_storage_request *request, long result)
{
	request->result = result;
	vsp_storage_done(request, true);
}

static void set_iocb(struct vsp_storage_request *request)
{
	struct kiocb *iocb = &request->iocb;

	init_sync_kiocb(iocb, vsp_storage_source_file(&request->storage->source));
	iocb->ki_pos = request->offset;
}

/* ---- What may take long ---- */

/* Of what has gone through the page cache of a file: @since is from before. */
static long make_durable(struct vsp_storage_request *request, errseq_t since)
{
	if (!request->durable)
		return 0;
	return vsp_storage_source_sync_range(&request->storage->source, request->offset,
					     request->length, since);
}

static long io_zero(struct vsp_storage_request *request)
{
	struct vsp_storage_source *source = &request->storage->source;
	bool unmap = request->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	errseq_t since = vsp_storage_source_errors(source);
	long error;

	error = vsp_storage_source_zero(source, request->offset, request->length, unmap);
	return error ?: make_durable(request, since);
}

/* Its file may have been opened for direct I/O. */
static long move_buffered(struct vsp_storage_request *request)
{
	struct vsp_storage_source *source = &request->storage->source;
	errseq_t since = vsp_storage_source_errors(source);
	long moved, error = 0;

	set_iocb(request);
	request->iocb.ki_flags &= ~IOCB_DIRECT;
	moved = vsp_storage_source_move(source, &request->iocb, &request->iter);
	if (moved > 0 && request->type == VIRTIO_BLK_T_OUT)
		error = make_durable(request, since);
	return error ?: moved;
}

/*
 * The disk may be what this kernel itself writes back to: neither may reclaim wait
 * for it here, nor may the writer be throttled by what waits for it.
 */
static unsigned int enter_source(const struct vsp_storage *storage, unsigned int *flags)
{
	*flags = current->flags;
	if (vsp_service_is_local(storage->service))
		current->flags |= PF_LOCAL_THROTTLE;
	return memalloc_noio_save();
}

static void leave_source(unsigned int noio, unsigned int flags)
{
	memalloc_noio_restore(noio);
	current_restore_flags(flags, PF_LOCAL_THROTTLE);
}

static void slow_work(struct work_struct *work)
{
	struct vsp_storage_request *request = container_of(work, struct vsp_storage_request,
							       job.work);
	struct vsp_storage *storage = request->storage;
	unsigned int noio, flags;
	long result;

	noio = enter_source(storage, &flags);
	if (request->type == VIRTIO_BLK_T_DISCARD)
		result = vsp_storage_source_discard(&storage->source, request->offset,
						    request->length);
	else if (request->type == VIRTIO_BLK_T_WRITE_ZEROES)
		result = io_zero(request);
	else
		result = move_buffered(request);
	leave_source(noio, flags);
	io_done(request, result);
}

static void sync_work(struct work_struct *work)
{
	struct vsp_storage *storage = container_of(work, struct vsp_storage, sync.job.work);
	unsigned int noio, flags;
	int result = -ENODEV;

	noio = enter_source(storage, &flags);
	if (vsp_storage_source_begin(&storage->source)) {
		result = vsp_storage_source_sync(&storage->source);
		vsp_storage_source_end(&storage->source);
	}
	if (xchg(&storage->source.lost, false) && !result)
		result = -EIO;
	leave_source(noio, flags);
	vsp_storage_sync_ended(storage, result);
}

/**
 * vsp_storage_io_sync() - put what was written onto the medium
 * @storage: of whose sync the caller has set active
 * @queue: a data queue of it
 *
 * Ends in vsp_storage_sync_ended().
 *
 * Context: the mover, or who reaps in its place.
 */
void vsp_storage_io_sync(struct vsp_storage *storage, struct vsp_queue *queue)
{
	vsp_storage_count(storage, VSP_STORAGE_SYNCS, 1);
	vsp_queue_job(queue, &storage->sync.job, storage->slow);
}

/* ---- Reads and writes ---- */

/* Any context, interrupts included. */
static void direct_done(struct kiocb *iocb, long result)
{
	struct vsp_storage_request *request =
		container_of(iocb, struct vsp_storage_request, iocb);

	if (request->type == VIRTIO_BLK_T_OUT)
		kiocb_end_write(iocb);
	io_done(request, result);
}

static void move_direct(struct vsp_storage_request *request)
{
	const struct vsp_storage_source *source = &request->storage->source;
	ssize_t moved;

	/* The request may be done before the call that starts it returns. */
	vsp_storage_source_begin_more(source);
	set_iocb(request);
	request->iocb.ki_flags |= IOCB_DIRECT;
	if (request->durable && request->type == VIRTIO_BLK_T_OUT)
		request->iocb.ki_flags |= IOCB_DSYNC;
	request->iocb.ki_complete = direct_done;
	moved = vsp_storage_source_move(&request->storage->source, &request->iocb,
					&request->iter);
	if (moved != -EIOCBQUEUED)
		io_done(request, moved);
	vsp_storage_source_end(source);
}

static int take_bounce(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	struct vsp_storage_bounce *bounce;
	int error;

	error = vsp_storage_memory_bounce(request->ring, &bounce);
	if (error)
		return error;
	request->bounce = bounce;
	if (request->type == VIRTIO_BLK_T_OUT)
		error = vsp_queue_read(queue, &request->chain,
				       sizeof(struct virtio_blk_outhdr), bounce->bytes,
				       request->length);
	return error;
}

static int make_payload(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	u64 offset = request->type == VIRTIO_BLK_T_OUT ? sizeof(struct virtio_blk_outhdr) : 0;

	return vsp_queue_payload(queue, &request->chain, io_direction(request), offset,
				 request->length, &request->payload, &request->iter);
}

/* The source's direct access checks address and length of every segment (block/fops.c). */
static bool payload_is_aligned(const struct vsp_payload *payload,
			       const struct vsp_storage_source *source)
{
	for (unsigned int i = 0; i < payload->count; i++) {
		const struct bio_vec *bvec = &payload->bvec[i];

		if (bvec->bv_offset & source->memory_mask || bvec->bv_len & source->length_mask)
			return false;
	}
	return true;
}

/**
 * vsp_storage_io_prepare() - find the memory for a read or write
 * @request: IN or OUT; parsed, not consumed
 * @queue: it came from
 *
 * Context: the mover.
 * Return: 0; -EAGAIN if all bounce buffers are in use, whose end wakes the mover;
 *	-ENOMEM if there is none; -EFAULT and others if the client's memory cannot be used
 */
int vsp_storage_io_prepare(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	const struct vsp_storage_source *source = &request->storage->source;
	int error;

	request->direct = source->direct &&
			  !((request->offset | request->length) & source->length_mask);
	if (request->direct) {
		error = make_payload(request, queue);
		/* For want of memory it goes through what there is. */
		if (error && error != -ENOMEM)
			return error;
		if (!error && payload_is_aligned(&request->payload, source))
			return 0;
		vsp_queue_payload_free(&request->payload);
	}
	error = take_bounce(request, queue);
	if (!error)
		bounce_iter(request);
	return error;
}

/**
 * vsp_storage_io_undo() - give back what vsp_storage_io_prepare() has taken
 * @request: any; nothing of it is under way
 *
 * Context: the mover, or who reaps in its place.
 */
void vsp_storage_io_undo(struct vsp_storage_request *request)
{
	vsp_queue_payload_free(&request->payload);
	if (request->bounce)
		vsp_storage_memory_put(request->storage, request->bounce);
	request->bounce = NULL;
}

/**
 * vsp_storage_io_start() - do to the source what was admitted
 * @request: IN and OUT prepared, DISCARD or WRITE_ZEROES
 * @queue: it came from
 *
 * Ends in vsp_storage_done(), maybe before this returns.
 *
 * Context: the mover.
 */
void vsp_storage_io_start(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	struct vsp_storage *storage = request->storage;
	bool move = request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_OUT;
	bool begun = vsp_storage_source_begin(&storage->source);

	if (request->bounce)
		vsp_storage_count(storage, VSP_STORAGE_BOUNCED, 1);
	/* Without a contract the device may be another one than it was admitted for. */
	if (!begun || !READ_ONCE(storage->terms.present)) {
		if (begun)
			vsp_storage_source_end(&storage->source);
		request->result = -ENODEV;
		vsp_storage_done(request, false);
		return;
	}
	if (!move || !request->direct) {
		INIT_WORK(&request->job.work, slow_work);
		vsp_queue_job(queue, &request->job, storage->slow);
	} else if (!vsp_storage_bio_start(request)) {
		move_direct(request);
	}
}

/**
 * vsp_storage_io_open() - make what requests need
 * @storage: its source is open
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM; then vsp_storage_io_close() is still to be called
 */
int vsp_storage_io_open(struct vsp_storage *storage)
{
	/* Reclaim waits for a disk of this kernel alone, and a rescuer is a thread. */
	unsigned int reclaim = vsp_service_is_local(storage->service) ? WQ_MEM_RECLAIM : 0;

	INIT_WORK(&storage->sync.job.work, sync_work);
	storage->slow = alloc_workqueue("vsp_storage_%s", WQ_UNBOUND | reclaim,
					VSP_STORAGE_WORKERS, vsp_service_name(storage->service));
	return storage->slow ? vsp_storage_memory_open(storage) : -ENOMEM;
}

/**
 * vsp_storage_io_close() - undo vsp_storage_io_open()
 * @storage: no request is under way; a sync without one may be
 *
 * Context: may sleep, for as long as the source takes.
 */
void vsp_storage_io_close(struct vsp_storage *storage)
{
	if (!storage->slow)
		return;
	destroy_workqueue(storage->slow);
	vsp_storage_memory_close(storage);
}
