// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests of the guest's disk: blk-mq on one side, the virtio-blk wire format
 * in the session's data queues on the other.
 *
 * A request is never failed for its age: the provider holds it back for its rate,
 * in the ring.  It ends when the provider completes it, when the contract does not
 * allow it, or when the disk goes.  If the ring is broken, or the provider dead, the
 * session resets the device, and what was in the ring is sent again.
 *
 * With indirect descriptors a request takes one entry of a ring, and all hardware
 * queues share the tags of one ring's size, so a ring is only ever full when atomic
 * memory was too short for one.  blk-mq then tries again by itself.
 *
 * A request that is in a ring which is not granted any more comes back with
 * VS_STORAGE_S_QUEUE, undone.  It is sent again, in the first ring, and so is all else
 * until the contract is known: so none fails, and none has to be waited for, when a
 * contract has fewer queues.
 */
#include <linux/bitops.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "channel/guest/channel.h"
#include "vs_compat_block.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

/*
 * Longest time that requests under way may take to end, for what narrows and for
 * an orderly end of the disk.  What is left after it is the provider's to finish
 * or fail, or is failed here.
 */
#define DRAIN_MS	3000
/* How often a broken ring is looked for meanwhile. */
#define DRAIN_STEP_MS	100

/* Rings whose device is to be notified. Without rings nobody has put anything into one. */
static unsigned long prepare_kick(struct vsc_storage *storage)
{
	unsigned long notify = 0;
	unsigned int i;

	lockdep_assert_held(&storage->queue.lock);
	if (storage->queue.stopped)
		return 0;
	for_each_set_bit(i, &storage->queue.added, VS_STORAGE_QUEUES_MAX)
		if (virtqueue_kick_prepare(storage->queue.vq[i]))
			notify |= BIT(i);
	storage->queue.added = 0;
	return notify;
}

/* Without the lock: while there are requests, the rings stay. */
static void notify_rings(struct vsc_storage *storage, unsigned long notify)
{
	unsigned int i;

	for_each_set_bit(i, &notify, VS_STORAGE_QUEUES_MAX)
		virtqueue_notify(storage->queue.vq[i]);
}

/* Puts a request into the ring. @pdu->status stays an error unless the device writes it. */
static int send_rq(struct vsc_storage *storage, struct vsc_storage_request *pdu)
{
	unsigned int ring = pdu->hardware % storage->queue.rings;
	struct scatterlist header, status, *sgs[3];
	unsigned int out = 0, in = 0;
	int error;

	lockdep_assert_held(&storage->queue.lock);
	pdu->status = VIRTIO_BLK_S_IOERR;
	pdu->covered = storage->queue.dirty;
	sg_init_one(&header, &pdu->header, sizeof(pdu->header));
	sgs[out++] = &header;
	if (pdu->entries && pdu->out)
		sgs[out++] = pdu->sg;
	else if (pdu->entries)
		sgs[out + in++] = pdu->sg;
	sg_init_one(&status, &pdu->status, sizeof(pdu->status));
	sgs[out + in++] = &status;

	error = virtqueue_add_sgs(storage->queue.vq[ring], sgs, out, in, pdu, GFP_ATOMIC);
	if (!error) {
		__set_bit(ring, &storage->queue.added);
		storage->queue.ring[vsc_storage_request_bit(pdu)]++;
		vsc_storage_counters_send(storage, pdu);
	} else if (error == -EIO) {
		/* It resets the device, and all that was in the ring is sent again. */
		vsc_session_broken(storage->session);
	}
	return error;
}

static bool allows_rq(const struct vsc_storage *storage, const struct vsc_storage_request *pdu,
		      u8 access)
{
	return !storage->queue.gone && (pdu->needs & access) == pdu->needs;
}

/* Fails, holds or sends a request, as the contract has it; what cannot be sent comes again. */
static blk_status_t admit_rq(struct vsc_storage *storage, struct vsc_storage_request *pdu)
{
	lockdep_assert_held(&storage->queue.lock);
	if (!allows_rq(storage, pdu, storage->queue.granted)) {
		storage->queue.counters.errors++;
		return BLK_STS_IOERR;
	}
	vsc_storage_counters_begin(storage, pdu);
	if (!allows_rq(storage, pdu, storage->queue.gate)) {
		vsc_storage_counters_hold(storage);
		storage->queue.counters.requests_waited++;
		list_add_tail(&pdu->list, &storage->queue.held);
		return BLK_STS_OK;
	}
	if (!send_rq(storage, pdu))
		return BLK_STS_OK;
	vsc_storage_counters_drop(storage, pdu, ktime_get_ns());
	return BLK_STS_RESOURCE;
}

static blk_status_t queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	struct vsc_storage *storage = hctx->queue->queuedata;
	struct request *request = bd->rq;
	struct vsc_storage_request *pdu = blk_mq_rq_to_pdu(request);
	unsigned long notify = 0;
	blk_status_t status;
	unsigned long flags;

	if (!vsc_storage_request_fill(storage, request))
		return BLK_STS_NOTSUPP;
	blk_mq_start_request(request);
	vsc_storage_request_map(request);
	pdu->hardware = hctx->queue_num;

	spin_lock_irqsave(&storage->queue.lock, flags);
	status = admit_rq(storage, pdu);
	/* After an error blk-mq calls commit_rqs() for those before. */
	if (bd->last && status == BLK_STS_OK)
		notify = prepare_kick(storage);
	spin_unlock_irqrestore(&storage->queue.lock, flags);

	notify_rings(storage, notify);
	return status;
}

static void commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct vsc_storage *storage = hctx->queue->queuedata;
	unsigned long notify, flags;

	spin_lock_irqsave(&storage->queue.lock, flags);
	notify = prepare_kick(storage);
	spin_unlock_irqrestore(&storage->queue.lock, flags);
	notify_rings(storage, notify);
}

static void complete_rq(struct request *request)
{
	struct vsc_storage_request *pdu = blk_mq_rq_to_pdu(request);
	struct vsc_storage *storage = request->q->queuedata;
	blk_status_t status = vsc_storage_request_status(pdu->status);

	if (status == BLK_STS_NOSPC)
		dev_warn_ratelimited(vsc_session_device(storage->session),
				     "vscblk%d: the provider's source has no space for what was granted: see no_space in counters/ of both sides\n",
				     storage->number);
	/* The block layer then writes the zeroes itself. */
	if (status == BLK_STS_NOTSUPP && req_op(request) == REQ_OP_WRITE_ZEROES)
		blk_queue_disable_write_zeroes(request->q);
	blk_mq_end_request(request, status);
}

static void end_all(struct list_head *list)
{
	struct vsc_storage_request *pdu, *next;

	list_for_each_entry_safe(pdu, next, list, list)
		blk_mq_complete_request(blk_mq_rq_from_pdu(pdu));
}

/* A request is over, in or behind the ring: counts it and puts it on @list. */
static void finish_rq(struct vsc_storage *storage, struct vsc_storage_request *pdu,
		      u64 now, struct list_head *list)
{
	struct request *request = blk_mq_rq_from_pdu(pdu);
	bool ok = pdu->status == VIRTIO_BLK_S_OK;
	bool write = op_is_write(req_op(request));

	lockdep_assert_held(&storage->queue.lock);
	if (ok && req_op(request) == REQ_OP_FLUSH)
		storage->queue.dirty -= min(storage->queue.dirty, pdu->covered);
	else if (ok && write)
		storage->queue.dirty += pdu->bytes;
	vsc_storage_counters_end(storage, pdu, write, ok, now);
	list_add_tail(&pdu->list, list);
}

static void requeue_all(struct list_head *list, bool kick)
{
	struct vsc_storage_request *pdu, *next;

	list_for_each_entry_safe(pdu, next, list, list)
		blk_mq_requeue_request(blk_mq_rq_from_pdu(pdu), kick);
}

/* What is over onto @done; what the device has not done for want of a queue onto @again. */
static void reap_ring(struct vsc_storage *storage, unsigned int ring, u64 now,
		      struct list_head *done, struct list_head *again)
{
	struct virtqueue *vq = storage->queue.vq[ring];
	struct vsc_storage_request *pdu;
	unsigned int length;

	lockdep_assert_held(&storage->queue.lock);
	do {
		virtqueue_disable_cb(vq);
		while ((pdu = virtqueue_get_buf(vq, &length))) {
			storage->queue.ring[vsc_storage_request_bit(pdu)]--;
			if (ring && pdu->status == VS_STORAGE_S_QUEUE) {
				storage->queue.rings = 1;
				vsc_storage_counters_drop(storage, pdu, now);
				list_add_tail(&pdu->list, again);
			} else {
				finish_rq(storage, pdu, now, done);
			}
		}
	} while (!virtqueue_enable_cb(vq));
}

/**
 * vsc_storage_queue_data() - completes what the device has used
 * @storage: the disk
 * @ring: index of the data queue
 *
 * Context: interrupt, and any other.
 */
void vsc_storage_queue_data(struct vsc_storage *storage, unsigned int ring)
{
	u64 now = ktime_get_ns();
	unsigned long flags;
	LIST_HEAD(again);
	LIST_HEAD(done);

	spin_lock_irqsave(&storage->queue.lock, flags);
	if (storage->queue.stopped) {
		spin_unlock_irqrestore(&storage->queue.lock, flags);
		return;
	}
	reap_ring(storage, ring, now, &done, &again);
	if (!list_empty(&done))
		vsc_storage_counters_gap(storage, now);
	spin_unlock_irqrestore(&storage->queue.lock, flags);

	if (list_empty(&done) && list_empty(&again))
		return;
	/* Outside the lock: with one CPU the request ends in this call. */
	end_all(&done);
	requeue_all(&again, true);
	if (wq_has_sleeper(&storage->queue.idle))
		wake_up(&storage->queue.idle);
}

/* Has no request ended for as long as one may take before the block layer asks? */
static bool ring_stalled(struct vsc_storage *storage, u64 ns)
{
	unsigned long flags;
	bool stalled;

	spin_lock_irqsave(&storage->queue.lock, flags);
	stalled = ktime_get_ns() - storage->queue.counters.gap_start_ns >= ns;
	spin_unlock_irqrestore(&storage->queue.lock, flags);
	return stalled;
}

/*
 * A request is not failed for its age: its rate may hold it back for long. But its end may
 * have been missed for want of an interrupt; and a provider that ends nothing is asked
 * whether it is there, so that a dead one does not keep the request for ever.
 */
static enum blk_eh_timer_return timeout_rq(struct request *request)
{
	struct vsc_storage *storage = request->q->queuedata;

	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		vsc_storage_queue_data(storage, i);
	if (blk_mq_request_completed(request))
		return BLK_EH_DONE;
	if (ring_stalled(storage, jiffies_to_nsecs(request->timeout)))
		vsc_session_stalled(storage->session);
	return BLK_EH_RESET_TIMER;
}

static const struct blk_mq_ops queue_ops = {
	.queue_rq = queue_rq,
	.commit_rqs = commit_rqs,
	.complete = complete_rq,
	.timeout = timeout_rq,
};

/* Lets go what was held: into the ring, or to its end if the contract forbids it now. */
static void release_held(struct vsc_storage *storage)
{
	u64 now = ktime_get_ns();
	struct vsc_storage_request *pdu, *next;
	LIST_HEAD(held);
	LIST_HEAD(done);
	unsigned long notify;
	LIST_HEAD(again);

	spin_lock_irq(&storage->queue.lock);
	list_splice_init(&storage->queue.held, &held);
	if (!list_empty(&held))
		vsc_storage_counters_hold(storage);
	list_for_each_entry_safe(pdu, next, &held, list) {
		if (!allows_rq(storage, pdu, storage->queue.granted)) {
			pdu->status = VIRTIO_BLK_S_IOERR;
			finish_rq(storage, pdu, now, &done);
		} else if (send_rq(storage, pdu)) {
			/* No room in the ring: blk-mq brings it again. */
			vsc_storage_counters_drop(storage, pdu, now);
			list_add_tail(&pdu->list, &again);
		}
	}
	notify = prepare_kick(storage);
	spin_unlock_irq(&storage->queue.lock);

	notify_rings(storage, notify);
	end_all(&done);
	requeue_all(&again, true);
}

/**
 * vsc_storage_queue_close() - from here on, requests that need more than @access wait
 * @storage: the disk
 * @access: bits that the next contract will still have
 *
 * They wait until vsc_storage_queue_grant(), _open() or _stop(). Context: the
 * session's work; may sleep.
 */
void vsc_storage_queue_close(struct vsc_storage *storage, u8 access)
{
	spin_lock_irq(&storage->queue.lock);
	storage->queue.gate = storage->queue.granted & access;
	spin_unlock_irq(&storage->queue.lock);
}

/* Is a request that needs one of @access, or any if ~0, in a ring? */
static bool ring_busy(struct vsc_storage *storage, u8 access)
{
	bool found = false;

	spin_lock_irq(&storage->queue.lock);
	for (unsigned int bit = 0; bit <= VSC_STORAGE_BITS; bit++)
		if (access & BIT(bit) && storage->queue.ring[bit])
			found = true;
	spin_unlock_irq(&storage->queue.lock);
	return found;
}

/**
 * vsc_storage_queue_drain() - waits until requests that need @access have left the rings
 * @storage: the disk
 * @access: bits of the access term; all bits: every request
 *
 * No longer than DRAIN_MS, nor for rings that are broken. New ones must have been
 * kept out before. Context: the session's work; sleeps.
 *
 * Return: true if there are none left.
 */
bool vsc_storage_queue_drain(struct vsc_storage *storage, u8 access)
{
	unsigned long end = jiffies + msecs_to_jiffies(DRAIN_MS);

	while (ring_busy(storage, access)) {
		if (vsc_channel_broken(storage->channel) || time_after(jiffies, end))
			return false;
		wait_event_timeout(storage->queue.idle, !ring_busy(storage, access),
				   msecs_to_jiffies(DRAIN_STEP_MS));
	}
	return true;
}

/* What blk-mq has held since the machine went to sleep comes. */
static void end_sleep(struct vsc_storage *storage)
{
	if (!storage->asleep)
		return;
	storage->asleep = false;
	blk_mq_unquiesce_queue(storage->disk->queue);
	blk_mq_kick_requeue_list(storage->disk->queue);
}

/**
 * vsc_storage_queue_spread() - into which rings requests go from here on
 * @storage: the disk
 * @queues: so many of the first
 *
 * What is in others ends there, or comes back. Context: the session's work.
 */
void vsc_storage_queue_spread(struct vsc_storage *storage, u32 queues)
{
	spin_lock_irq(&storage->queue.lock);
	storage->queue.rings = clamp_t(u32, queues, 1, VS_STORAGE_QUEUES_MAX);
	spin_unlock_irq(&storage->queue.lock);
}

/**
 * vsc_storage_queue_grant() - what the contract in force allows
 * @storage: the disk
 * @access: bits of its access term
 *
 * Ends the wait of what was held, also since the machine has slept. Context: the
 * session's work; may sleep.
 */
void vsc_storage_queue_grant(struct vsc_storage *storage, u8 access)
{
	spin_lock_irq(&storage->queue.lock);
	WRITE_ONCE(storage->queue.granted, access);
	storage->queue.gate = access;
	spin_unlock_irq(&storage->queue.lock);
	release_held(storage);
	end_sleep(storage);
}

/**
 * vsc_storage_queue_open() - undoes vsc_storage_queue_close()
 * @storage: the disk; if it sleeps, it goes on sleeping
 *
 * Context: the session's work; may sleep.
 */
void vsc_storage_queue_open(struct vsc_storage *storage)
{
	spin_lock_irq(&storage->queue.lock);
	storage->queue.gate = storage->queue.granted;
	spin_unlock_irq(&storage->queue.lock);
	release_held(storage);
}

/* After a reset: what was in the rings, and will not be answered, onto @list. */
static void empty_rings(struct vsc_storage *storage, struct list_head *list)
{
	struct vsc_storage_request *pdu;

	lockdep_assert_held(&storage->queue.lock);
	if (storage->queue.stopped)
		return;
	/* An interrupt that was under way to us must not look into the ring any more. */
	storage->queue.stopped = true;
	storage->queue.added = 0;
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++) {
		while ((pdu = virtqueue_detach_unused_buf(storage->queue.vq[i]))) {
			storage->queue.ring[vsc_storage_request_bit(pdu)]--;
			list_add_tail(&pdu->list, list);
		}
	}
}

/**
 * vsc_storage_queue_sleep() - holds all requests, and stops the channel
 * @storage: the disk; nothing to do if it sleeps already
 *
 * Waits for what is in the ring, no longer than DRAIN_MS. What is left is sent again,
 * whether or not the provider has done it: nobody was told, so nothing that came later
 * depends on it. Context: in the place of the session's work; sleeps.
 */
void vsc_storage_queue_sleep(struct vsc_storage *storage)
{
	struct vsc_storage_request *pdu;
	LIST_HEAD(again);
	u64 now;

	if (storage->disk && !storage->asleep) {
		storage->asleep = true;
		blk_mq_quiesce_queue(storage->disk->queue);
		vsc_storage_queue_drain(storage, U8_MAX);
	}
	vsc_channel_stop(storage->channel);
	now = ktime_get_ns();
	spin_lock_irq(&storage->queue.lock);
	list_splice_init(&storage->queue.held, &again);
	empty_rings(storage, &again);
	list_for_each_entry(pdu, &again, list)
		vsc_storage_counters_drop(storage, pdu, now);
	memset(storage->queue.vq, 0, sizeof(storage->queue.vq));
	spin_unlock_irq(&storage->queue.lock);
	requeue_all(&again, false);
}

/**
 * vsc_storage_queue_wake() - there are rings, as when the channel has started
 * @storage: the disk
 *
 * What waits goes on waiting, for vsc_storage_queue_grant() or _stop().
 *
 * Context: the session's work.
 */
void vsc_storage_queue_wake(struct vsc_storage *storage)
{
	spin_lock_irq(&storage->queue.lock);
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		storage->queue.vq[i] = vsc_channel_queue(storage->channel, i);
	storage->queue.stopped = false;
	spin_unlock_irq(&storage->queue.lock);
}

/**
 * vsc_storage_queue_stop() - ends all requests, and fails every further one
 * @storage: the disk
 * @broken: no answer is to be expected from the device
 *
 * An orderly end waits for what is in the ring, no longer than DRAIN_MS, and leaves
 * the channel running if nothing is left. Else the channel is stopped and what is
 * in the ring fails. Context: the session's work; sleeps.
 */
void vsc_storage_queue_stop(struct vsc_storage *storage, bool broken)
{
	u64 now = ktime_get_ns();
	struct vsc_storage_request *pdu, *next;
	LIST_HEAD(again);
	LIST_HEAD(done);

	spin_lock_irq(&storage->queue.lock);
	storage->queue.gone = true;
	spin_unlock_irq(&storage->queue.lock);
	release_held(storage);
	end_sleep(storage);
	if (!broken && vsc_storage_queue_drain(storage, U8_MAX))
		return;

	vsc_channel_stop(storage->channel);
	spin_lock_irq(&storage->queue.lock);
	empty_rings(storage, &again);
	list_for_each_entry_safe(pdu, next, &again, list) {
		pdu->status = VIRTIO_BLK_S_IOERR;
		finish_rq(storage, pdu, now, &done);
	}
	spin_unlock_irq(&storage->queue.lock);
	end_all(&done);
}

/* All of it may be in any one ring. */
static unsigned int queue_depth(const struct vsc_storage *storage)
{
	unsigned int depth = VS_STORAGE_QUEUE_SIZE;

	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		depth = min(depth, virtqueue_get_vring_size(storage->queue.vq[i]));
	return depth;
}

/**
 * vsc_storage_queue_init() - makes the tags of the disk
 * @storage: the disk
 *
 * Return: 0, or an errno.
 */
int vsc_storage_queue_init(struct vsc_storage *storage)
{
	struct blk_mq_tag_set *tags = &storage->tags;

	memset(tags, 0, sizeof(*tags));
	tags->ops = &queue_ops;
	/* Of a contract with more queues than processors, the rest would be of no use. */
	tags->nr_hw_queues = min_t(unsigned int, num_possible_cpus(), VS_STORAGE_QUEUES_MAX);
	tags->queue_depth = queue_depth(storage);
	tags->numa_node = NUMA_NO_NODE;
	tags->cmd_size = sizeof(struct vsc_storage_request);
	/* What orders requests is the provider's shaper; a scheduler here would only delay. */
	tags->flags = VS_BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT |
		      BLK_MQ_F_TAG_HCTX_SHARED;
	return blk_mq_alloc_tag_set(tags);
}

/**
 * vsc_storage_queue_exit() - frees the tags
 * @storage: the disk; no request is left
 */
void vsc_storage_queue_exit(struct vsc_storage *storage)
{
	blk_mq_free_tag_set(&storage->tags);
}
