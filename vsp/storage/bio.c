// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of a block device, straight from the pages of the client.
 *
 * What a file of the device would do besides is looked after by admission (access, size and
 * alignment), or is not needed: the device is claimed, so nobody swaps to it or has it mounted.
 * Its page cache is empty, but where somebody reads the device's own file; then that file is
 * used, which keeps the two in step.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/ioprio.h>
#include <linux/task_io_accounting_ops.h>

#include "vsp/storage/storage.h"

/* Any context, interrupts included. */
static void bio_done(struct bio *bio)
{
	struct vsp_storage_request *request = container_of(bio, struct vsp_storage_request, bio);

	request->result = bio->bi_status ? blk_status_to_errno(bio->bi_status) : request->length;
	bio_uninit(bio);
	vsp_storage_done(request, true);
}

static blk_opf_t bio_operation(const struct vsp_storage_request *request)
{
	if (request->type == VIRTIO_BLK_T_IN)
		return REQ_OP_READ;
	return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | (request->durable ? REQ_FUA : 0);
}

/* Else the device's file knows what to do, or what error it is. */
static bool bio_suffices(const struct vsp_storage_request *request, struct block_device *bdev,
			 unsigned int count)
{
	u64 size = bdev_nr_bytes(bdev);

	return count <= BIO_MAX_VECS && !bdev->bd_mapping->nrpages &&
	       request->length <= size && request->offset <= size - request->length &&
	       !((request->offset | request->length) & (bdev_logical_block_size(bdev) - 1)) &&
	       (request->type == VIRTIO_BLK_T_IN || !bdev_read_only(bdev));
}

/**
 * vsp_storage_bio_start() - do a read or write, if it needs no more than a bio
 * @request: IN or OUT, direct, prepared; its source is begun
 *
 * Ends in vsp_storage_done(), maybe before this returns.
 *
 * Context: the mover.
 * Return: false if nothing was done: it is for vsp_storage_source_move()
 */
bool vsp_storage_bio_start(struct vsp_storage_request *request)
{
	const struct vsp_storage_source *source = &request->storage->source;
	struct bio_vec *vector = request->payload.bvec;
	unsigned int count = request->payload.count;
	struct bio *bio = &request->bio;
	struct block_device *bdev;

	if (!source->device)
		return false;
	if (request->bounce) {
		vector = request->bounce->bvec;
		count = DIV_ROUND_UP(request->length, PAGE_SIZE);
	}
	bdev = file_bdev(vsp_storage_source_file(source));
	if (!bio_suffices(request, bdev, count))
		return false;
	bio_init(bio, bdev, vector, count, bio_operation(request));
	bio->bi_vcnt = count;
	bio->bi_iter.bi_size = request->length;
	bio->bi_iter.bi_sector = request->offset >> SECTOR_SHIFT;
	bio->bi_ioprio = get_current_ioprio();
	bio->bi_end_io = bio_done;
	if (request->type == VIRTIO_BLK_T_OUT)
		task_io_account_write(request->length);
	/* The request may be done before the call that starts it returns. */
	vsp_storage_source_begin_more(source);
	submit_bio(bio);
	vsp_storage_source_end(source);
	return true;
}
