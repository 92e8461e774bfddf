// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests of a disk: out of the ring, checked against the contract and its
 * rates, done, and back into the ring.  A disk has some queues; each has a mover, which
 * alone is here with its ring.
 *
 * A request is copied and costed in the ring.  What is early for its rate stays
 * there, so that it survives a suspend; it keeps the order.  Without a contract all
 * of them fail at once.  Nothing here waits, and nothing is allocated that a client
 * could have more of than its ring has entries.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "vsp/storage/storage.h"
#include "vsp/turn.h"

/* Status bytes are never negative: this is none. */
#define ADMIT		0x100		/* go on */
#define HOLD		0x101		/* not yet: leave it in the ring */

static const struct vsp_turn_spec storage_turns = {
	.queues = VS_STORAGE_QUEUES_MAX,
	.rates = VSP_STORAGE_RATES,
	.quantum = 256 * 1024,
	.request = 4096,
};

static_assert(VS_STORAGE_QUEUES_MAX <= VSP_TURN_QUEUES_MAX);
static_assert(VSP_STORAGE_RATES <= VSP_RATES_MAX);

static struct vsp_storage_ring *queue_ring(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_storage *storage = vsp_service_data(service);

	return &storage->ring[vsp_queue_number(queue)];
}

/* ---- Parsing: the copy is all that is looked at ---- */

static bool moves_data(const struct vsp_storage_request *request)
{
	return request->type == VIRTIO_BLK_T_IN || request->type == VIRTIO_BLK_T_OUT;
}

static bool has_range(const struct vsp_storage_request *request)
{
	return request->type == VIRTIO_BLK_T_DISCARD || request->type == VIRTIO_BLK_T_WRITE_ZEROES;
}

static int set_offset(struct vsp_storage_request *request, u64 sector)
{
	if (check_mul_overflow(sector, (u64)SECTOR_SIZE, &request->offset))
		return VS_STORAGE_S_DENIED;
	return ADMIT;
}

static int parse_range(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	struct virtio_blk_discard_write_zeroes range;
	u64 most = VS_STORAGE_DISCARD_MAX;
	u32 allowed = 0;

	/* One range a request: max_discard_seg and its like are 1 in this class. */
	if (request->chain.readable_bytes != sizeof(struct virtio_blk_outhdr) + sizeof(range) ||
	    request->chain.writable_bytes != 1 ||
	    vsp_queue_read(queue, &request->chain, sizeof(struct virtio_blk_outhdr), &range,
			   sizeof(range)))
		return VIRTIO_BLK_S_IOERR;
	request->flags = le32_to_cpu(range.flags);
	request->length = (u64)le32_to_cpu(range.num_sectors) << SECTOR_SHIFT;
	if (request->type == VIRTIO_BLK_T_WRITE_ZEROES) {
		allowed = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		most = VS_STORAGE_REQUEST_MAX;
	}
	if (request->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (!request->length || request->length > most)
		return VIRTIO_BLK_S_IOERR;
	return set_offset(request, le64_to_cpu(range.sector));
}

static int parse_move(struct vsp_storage_request *request, u64 sector)
{
	const struct vsp_chain *chain = &request->chain;
	u64 header = sizeof(struct virtio_blk_outhdr);

	if (request->type == VIRTIO_BLK_T_IN) {
		if (chain->readable_bytes != header)
			return VIRTIO_BLK_S_IOERR;
		request->length = chain->writable_bytes - 1;
	} else {
		if (chain->writable_bytes != 1)
			return VIRTIO_BLK_S_IOERR;
		request->length = chain->readable_bytes - header;
	}
	if (!request->length || request->length > VS_STORAGE_REQUEST_MAX)
		return VIRTIO_BLK_S_IOERR;
	return set_offset(request, sector);
}

/* Return: ADMIT, or the status to complete it with. */
static int parse_request(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	const struct vsp_chain *chain = &request->chain;
	struct virtio_blk_outhdr header;

	request->type = U32_MAX;
	request->flags = 0;
	request->offset = 0;
	request->length = 0;
	request->result = 0;
	if (!chain->writable_bytes || chain->readable_bytes < sizeof(header) ||
	    vsp_queue_read(queue, chain, 0, &header, sizeof(header)))
		return VIRTIO_BLK_S_IOERR;
	request->type = le32_to_cpu((__force __le32)header.type);
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return parse_move(request, le64_to_cpu((__force __le64)header.sector));
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return parse_range(request, queue);
	case VIRTIO_BLK_T_GET_ID:
		return chain->writable_bytes == VIRTIO_BLK_ID_BYTES + 1 ? ADMIT :
		       VIRTIO_BLK_S_IOERR;
	case VIRTIO_BLK_T_FLUSH:
		return chain->writable_bytes == 1 ? ADMIT : VIRTIO_BLK_S_IOERR;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* ---- Admission: one step, under the lock that commit takes too ---- */

static u32 needed_access(const struct vsp_storage_request *request)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return VS_STORAGE_READ;
	case VIRTIO_BLK_T_OUT:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return VS_STORAGE_WRITE;
	case VIRTIO_BLK_T_DISCARD:
		return VS_STORAGE_WRITE | VS_STORAGE_DISCARD;
	default:
		return 0;
	}
}

static int judge_request(const struct vsp_storage_terms *terms,
			 const struct vsp_storage_request *request)
{
	if (!terms->present)
		return VS_STORAGE_S_DENIED;
	if (request->ring->index >= terms->queues)
		return VS_STORAGE_S_QUEUE;
	if (needed_access(request) & ~terms->access)
		return VS_STORAGE_S_DENIED;
	if (request->length > terms->size || request->offset > terms->size - request->length)
		return VS_STORAGE_S_DENIED;
	if ((request->offset | request->length) & (terms->block_size - 1))
		return VIRTIO_BLK_S_IOERR;
	return ADMIT;
}

/* Bytes that are moved, or are written as zeroes; and each request is one operation. */
static void set_cost(struct vsp_storage_request *request)
{
	request->cost[0] = moves_data(request) || request->type == VIRTIO_BLK_T_WRITE_ZEROES ?
			   request->length : 0;
	request->cost[1] = 1;
}

static int admit_request(struct vsp_storage *storage, struct vsp_storage_request *request)
{
	struct vsp_service *service = storage->service;
	unsigned long irq;
	int verdict;

	set_cost(request);
	irq = vsp_rates_lock(service);
	spin_lock(&storage->lock);
	verdict = judge_request(&storage->terms, request);
	request->durable = !storage->terms.cache;
	/* To unmap is to discard; zeroes can be written without. */
	if (!(storage->terms.access & VS_STORAGE_DISCARD))
		request->flags &= ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	spin_unlock(&storage->lock);
	if (verdict != ADMIT)
		vsp_turn_drop(&storage->turn, request->ring->index);
	else if (!vsp_turn_admit(&storage->turn, request->ring->index, request->cost))
		verdict = HOLD;
	vsp_rates_unlock(service, irq);
	return verdict;
}

/* ---- Completion ---- */

/* A device that has shrunk, or is gone, says of a write that there is no space. */
static bool is_beyond(const struct vsp_storage_request *request)
{
	return request->offset + request->length >
	       vsp_storage_source_size(&request->storage->source);
}

static bool is_out_of_space(long result)
{
	return result == -ENOSPC || result == -EDQUOT;
}

static u8 status_of(const struct vsp_storage_request *request)
{
	long result = request->result;

	if (moves_data(request) ? result == request->length : !result)
		return VIRTIO_BLK_S_OK;
	if (is_out_of_space(result) && !is_beyond(request))
		return VS_STORAGE_S_NOSPC;
	return result == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/*
 * What is within the disk was allocated, so it should have room.  Its blocks are shared
 * with a copy (a snapshot, a reflink), or its file could not be allocated.
 */
static void tell_full(struct vsp_storage *storage, const struct vsp_storage_request *request)
{
	struct vsp_service *service = storage->service;

	vsp_storage_count(storage, VSP_STORAGE_NO_SPACE, 1);
	vsp_pool_count_no_space(vsp_service_pool(service));
	vsp_warn_limited(service,
			 "service %s: no space for a write at %llu within its disk: a snapshot or reflink copy has its blocks, too, or they could not be allocated: remove the copy or free space\n",
			 vsp_service_name(service), request->offset);
}

static void count_completion(struct vsp_storage *storage, struct vsp_storage_request *request,
			     u8 status)
{
	if (status == VS_STORAGE_S_NOSPC)
		tell_full(storage, request);
	if (status == VS_STORAGE_S_DENIED || status == VS_STORAGE_S_QUEUE)
		vsp_storage_count(storage, VSP_STORAGE_DENIED, 1);
	else if (status != VIRTIO_BLK_S_OK)
		vsp_storage_count(storage, VSP_STORAGE_ERRORS, 1);
	else if (request->type == VIRTIO_BLK_T_IN)
		vsp_storage_count(storage, VSP_STORAGE_BYTES_READ, request->length);
	else if (vsp_storage_changes_disk(request))
		vsp_storage_count(storage, VSP_STORAGE_BYTES_WRITTEN, request->length);
}

/* Status byte last, in the chain and in time. */
static void complete_request(struct vsp_storage *storage, struct vsp_queue *queue,
			     struct vsp_storage_request *request, u8 status)
{
	const struct vsp_chain *chain = &request->chain;
	u64 written = 0;

	if (chain->writable_bytes && !vsp_queue_write(queue, chain, chain->writable_bytes - 1,
						      &status, sizeof(status)))
		written = status == VIRTIO_BLK_S_OK ? chain->writable_bytes :
			  chain->writable_bytes == 1;
	count_completion(storage, request, status);
	vsp_queue_complete(queue, chain->head, written);
	list_add(&request->entry, &request->ring->free);
}

/* Must its completion wait until it is on the medium? */
static bool needs_sync(struct vsp_storage_request *request)
{
	return vsp_storage_changes_disk(request) && !request->durable &&
	       vsp_storage_sync_write(request);
}

/* The source has finished with it. */
static void finish_request(struct vsp_storage *storage, struct vsp_queue *queue,
			   struct vsp_storage_request *request)
{
	u8 status = status_of(request);

	if (status == VIRTIO_BLK_S_OK && request->bounce && request->type == VIRTIO_BLK_T_IN &&
	    vsp_queue_write(queue, &request->chain, 0, request->bounce->bytes, request->length))
		status = VIRTIO_BLK_S_IOERR;
	vsp_storage_io_undo(request);
	/* It has outrun a shrink that its client had agreed to. */
	if ((vsp_storage_changes_disk(request) || has_range(request)) &&
	    request->offset + request->length > READ_ONCE(storage->keep)) {
		WRITE_ONCE(storage->source.untidy, true);
		queue_work(storage->slow, &storage->trim);
	}
	if (status != VIRTIO_BLK_S_OK || !needs_sync(request))
		complete_request(storage, queue, request, status);
}

static u8 sync_status(long result)
{
	if (!result)
		return VIRTIO_BLK_S_OK;
	return is_out_of_space(result) ? VS_STORAGE_S_NOSPC : VIRTIO_BLK_S_IOERR;
}

static void reap_requests(struct vsp_storage_ring *ring, struct vsp_queue *queue)
{
	struct vsp_storage *storage = ring->storage;
	struct vsp_storage_request *request, *next;
	unsigned int finished = 0;
	LIST_HEAD(synced);
	LIST_HEAD(done);

	spin_lock_irq(&storage->lock);
	list_splice_init(&ring->synced, &synced);
	list_splice_init(&ring->done, &done);
	spin_unlock_irq(&storage->lock);

	list_for_each_entry_safe(request, next, &synced, entry) {
		list_del(&request->entry);
		complete_request(storage, queue, request, sync_status(request->result));
	}
	list_for_each_entry_safe(request, next, &done, entry) {
		list_del(&request->entry);
		finished += vsp_storage_changes_disk(request);
		finish_request(storage, queue, request);
	}
	vsp_storage_sync_settle(storage, queue, finished);
}

/**
 * vsp_storage_queue_go_on() - wake of the class
 * @service: enabled
 * @flow: the only one
 *
 * Context: atomic, interrupts off.
 */
void vsp_storage_queue_go_on(struct vsp_service *service, u32 flow)
{
	struct vsp_storage *storage = vsp_service_data(service);
	int holder = storage->turn.holder;

	vsp_rates_assert_held(service);
	if (holder < 0)
		return;
	spin_lock(&storage->lock);
	vsp_storage_done_wake(&storage->ring[holder]);
	spin_unlock(&storage->lock);
}

/* ---- Out of the ring ---- */

static int prepare_request(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	int error;

	if (!moves_data(request))
		return ADMIT;
	error = vsp_storage_io_prepare(request, queue);
	if (error)
		return error == -EAGAIN ? HOLD : VIRTIO_BLK_S_IOERR;
	return ADMIT;
}

static void get_id(struct vsp_storage *storage, struct vsp_queue *queue,
		   struct vsp_storage_request *request)
{
	char id[VIRTIO_BLK_ID_BYTES + 1];
	int error;

	snprintf(id, sizeof(id), "%*phN", VIRTIO_BLK_ID_BYTES / 2,
		 vsp_service_uuid(storage->service));
	error = vsp_queue_write(queue, &request->chain, 0, id, VIRTIO_BLK_ID_BYTES);
	complete_request(storage, queue, request, error ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
}

static void start_request(struct vsp_storage *storage, struct vsp_queue *queue,
			  struct vsp_storage_request *request)
{
	vsp_storage_count(storage, VSP_STORAGE_OPERATIONS, 1);
	if (moves_data(request) || has_range(request)) {
		vsp_storage_io_start(request, queue);
		return;
	}
	/* Nothing that the source could be too slow for. */
	vsp_rates_done(storage->service, 0, request->cost);
	if (request->type == VIRTIO_BLK_T_GET_ID) {
		get_id(storage, queue, request);
	} else {
		/* What was completed before it came is covered by the next sync. */
		vsp_storage_sync_flush(request);
		vsp_storage_sync_settle(storage, queue, 0);
	}
}

/* There is no request that could wait for anything. */
static void leave_lines(struct vsp_storage_ring *ring)
{
	vsp_storage_memory_leave(ring);
	vsp_turn_leave(&ring->storage->turn, ring->index);
}

/* Return: whether there may be another one to take. */
static bool take_request(struct vsp_storage_ring *ring, struct vsp_queue *queue)
{
	struct vsp_storage *storage = ring->storage;
	struct vsp_storage_request *request;
	int verdict;

	request = vsp_storage_memory_request(ring);
	if (!request)
		return false;
	if (vsp_queue_peek(queue, &request->chain)) {
		leave_lines(ring);
		return false;
	}
	verdict = parse_request(request, queue);
	if (verdict == ADMIT)
		verdict = prepare_request(request, queue);
	/* It has what it needs, or needs none. If not, it keeps its turn, which may be paid for. */
	if (verdict != HOLD)
		vsp_storage_memory_leave(ring);
	if (verdict == ADMIT)
		verdict = admit_request(storage, request);
	if (verdict == HOLD) {
		vsp_storage_io_undo(request);
		return false;
	}
	vsp_queue_consume(queue);
	list_del(&request->entry);
	if (verdict == ADMIT) {
		start_request(storage, queue, request);
	} else {
		vsp_storage_io_undo(request);
		complete_request(storage, queue, request, verdict);
	}
	return true;
}

/* What is not granted has nothing to wait for. */
static bool first_is_held(const struct vsp_storage_ring *ring)
{
	const struct vsp_storage *storage = ring->storage;

	return ring->index < READ_ONCE(storage->terms.queues) &&
	       vsp_turn_held(&storage->turn, ring->index);
}

/**
 * vsp_storage_queue_kick() - queue_kick of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Context: the mover of @queue.
 */
void vsp_storage_queue_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_storage_ring *ring = queue_ring(service, queue);
	struct vsp_storage *storage = ring->storage;
	unsigned int budget = VS_STORAGE_QUEUE_SIZE;
	struct blk_plug plug;

	spin_lock_irq(&storage->lock);
	ring->queue = queue;
	spin_unlock_irq(&storage->lock);

	reap_requests(ring, queue);
	if (!first_is_held(ring)) {
		blk_start_plug(&plug);
		while (budget && take_request(ring, queue))
			budget--;
		blk_finish_plug(&plug);
	}
	vsp_queue_flush(queue);
	/* More may be there; but the mover's own stop comes between. */
	if (!budget)
		vsp_queue_wake(queue);
}

/**
 * vsp_storage_queue_reap() - queue_reap of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Context: the mover of @queue, or the VMM's ioctl.
 */
void vsp_storage_queue_reap(struct vsp_service *service, struct vsp_queue *queue)
{
	reap_requests(queue_ring(service, queue), queue);
	vsp_queue_flush(queue);
}

/**
 * vsp_storage_queue_reset() - queue_reset of the class
 * @service: enabled; nothing of its queues is in flight
 *
 * Context: may sleep.
 */
void vsp_storage_queue_reset(struct vsp_service *service)
{
	struct vsp_storage *storage = vsp_service_data(service);

	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++) {
		spin_lock_irq(&storage->lock);
		storage->ring[i].queue = NULL;
		spin_unlock_irq(&storage->lock);
		vsp_storage_memory_leave(&storage->ring[i]);
	}
	vsp_turn_reset(&storage->turn);
}

static void init_ring(struct vsp_storage *storage, unsigned int index)
{
	struct vsp_storage_ring *ring = &storage->ring[index];

	ring->storage = storage;
	ring->index = index;
	INIT_LIST_HEAD(&ring->done);
	INIT_LIST_HEAD(&ring->synced);
	INIT_LIST_HEAD(&ring->free);
}

/**
 * vsp_storage_queue_init() - rings that have no virtqueue yet
 * @storage: zeroed, its service set
 */
void vsp_storage_queue_init(struct vsp_storage *storage)
{
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		init_ring(storage, i);
	vsp_turn_init(&storage->turn, &storage_turns, storage->service, 0);
}
