// SPDX-License-Identifier: GPL-2.0-only
/*
 * One request of the guest's disk, from blk-mq's form into that of virtio-blk, and its
 * status back.  Takes no locks, and touches no ring.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "vs_compat_block.h"
#include "vsc/storage/storage.h"

/**
 * vsc_storage_request_bit() - which count of the ring a request is in
 * @pdu: filled in by vsc_storage_request_fill()
 *
 * Context: any.
 * Return: index of vsc_storage.ring: the bit of the access that it needs; the last: none
 */
unsigned int vsc_storage_request_bit(const struct vsc_storage_request *pdu)
{
	return pdu->needs ? __ffs(pdu->needs) : VSC_STORAGE_BITS;
}

/**
 * vsc_storage_request_fill() - fill in everything but the data
 * @storage: whose disk it is for
 * @request: as blk-mq has it
 *
 * Context: any.
 * Return: false: not an operation of this disk
 */
bool vsc_storage_request_fill(struct vsc_storage *storage, struct request *request)
{
	struct vsc_storage_request *pdu = blk_mq_rq_to_pdu(request);
	struct virtio_device *vdev = storage->vdev;
	u32 flags = 0, type;
	u64 sector = blk_rq_pos(request);

	pdu->bytes = 0;
	pdu->out = true;
	switch (req_op(request)) {
	case REQ_OP_READ:
		type = VIRTIO_BLK_T_IN;
		pdu->needs = VS_STORAGE_READ;
		pdu->bytes = blk_rq_bytes(request);
		pdu->out = false;
		break;
	case REQ_OP_WRITE:
		type = VIRTIO_BLK_T_OUT;
		pdu->needs = VS_STORAGE_WRITE;
		pdu->bytes = blk_rq_bytes(request);
		break;
	case REQ_OP_FLUSH:
		type = VIRTIO_BLK_T_FLUSH;
		pdu->needs = 0;
		sector = 0;
		break;
	case REQ_OP_DISCARD:
		type = VIRTIO_BLK_T_DISCARD;
		pdu->needs = VS_STORAGE_DISCARD;
		break;
	case REQ_OP_WRITE_ZEROES:
		type = VIRTIO_BLK_T_WRITE_ZEROES;
		pdu->needs = VS_STORAGE_WRITE;
		pdu->bytes = blk_rq_bytes(request);
		if (!(request->cmd_flags & REQ_NOUNMAP) &&
		    READ_ONCE(storage->queue.granted) & VS_STORAGE_DISCARD)
			flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		break;
	default:
		return false;
	}
	pdu->range.sector = cpu_to_le64(sector);
	pdu->range.num_sectors = cpu_to_le32(blk_rq_sectors(request));
	pdu->range.flags = cpu_to_le32(flags);
	/* A discard or write-zeroes names its place in the range only. */
	if (type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES)
		sector = 0;
	pdu->header.type = cpu_to_virtio32(vdev, type);
	pdu->header.ioprio = cpu_to_virtio32(vdev, req_get_ioprio(request));
	pdu->header.sector = cpu_to_virtio64(vdev, sector);
	return true;
}

/**
 * vsc_storage_request_map() - the data
 * @request: filled in; pages of a read or write, the range of a discard or write-zeroes
 *
 * Context: any.
 */
void vsc_storage_request_map(struct request *request)
{
	struct vsc_storage_request *pdu = blk_mq_rq_to_pdu(request);

	switch (req_op(request)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		sg_init_table(pdu->sg, blk_rq_nr_phys_segments(request));
		pdu->entries = vs_blk_rq_map_sg(request->q, request, pdu->sg);
		break;
	case REQ_OP_FLUSH:
		pdu->entries = 0;
		break;
	default:
		sg_init_one(pdu->sg, &pdu->range, sizeof(pdu->range));
		pdu->entries = 1;
		break;
	}
}

/**
 * vsc_storage_request_status() - what blk-mq is told of a status byte
 * @status: VIRTIO_BLK_S_* or VS_STORAGE_S_*, of the device
 *
 * Context: any.
 */
blk_status_t vsc_storage_request_status(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return BLK_STS_OK;
	case VIRTIO_BLK_S_UNSUPP:
		return BLK_STS_NOTSUPP;
	case VS_STORAGE_S_NOSPC:
		return BLK_STS_NOSPC;
	default:	/* VS_STORAGE_S_DENIED too, and _QUEUE of the first queue */
		return BLK_STS_IOERR;
	}
}
