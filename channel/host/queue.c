// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtqueues of a channel's host end: starting and stopping them, calling the
 * driver back, and what a class does with its data queues.
 */
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <uapi/linux/virtio_config.h>

#include "channel/host/host.h"
#include "vs_class.h"

#define DRAIN_WARN	(10 * HZ)	/* a source that takes longer is named in the log */

/**
 * vsp_queue_init() - a virtqueue at rest
 * @queue: zeroed
 * @channel: whose; its movers are there
 * @index: on the wire
 */
void vsp_queue_init(struct vsp_queue *queue, struct vsp_channel *channel, unsigned int index)
{
	unsigned int mover = index < VS_CHANNEL_QUEUE_DATA ? 0 : index - VS_CHANNEL_QUEUE_DATA + 1;

	if (mover && channel->spec->one_mover)
		mover = 1;
	queue->channel = channel;
	queue->mover = &channel->mover[mover];
	queue->index = index;
	spin_lock_init(&queue->callback_lock);
}

/**
 * vsp_queue_driver_error() - the driver has broken a rule that does not make its ring bad
 * @queue: where
 * @what: it did
 *
 * Context: any.
 */
void vsp_queue_driver_error(struct vsp_queue *queue, const char *what)
{
	struct vsp_channel *channel = queue->channel;

	atomic64_inc(&channel->ring_errors);
	if (__ratelimit(&channel->ratelimit))
		dev_warn(&channel->vdpa.dev, "virtqueue %u: %s\n", queue->index, what);
}

/* A ring that has gone bad is told of once. */
static void queue_tell_bad_ring(struct vsp_queue *queue)
{
	struct vsp_channel *channel = queue->channel;

	if (likely(!queue->ring.reason) || queue->told)
		return;
	queue->told = true;
	atomic64_inc(&channel->ring_errors);
	if (__ratelimit(&channel->ratelimit))
		dev_warn(&channel->vdpa.dev,
			 "virtqueue %u is stopped until its driver resets the device: %s (index %u)\n",
			 queue->index, queue->ring.reason, queue->ring.culprit);
}

/**
 * vsp_queue_prepare() - take over what the driver has staged, at DRIVER_OK
 * @queue: enabled, and its addresses were set
 *
 * Context: holds the mover's mutex.
 */
void vsp_queue_prepare(struct vsp_queue *queue)
{
	struct vsp_channel *channel = queue->channel;
	struct vs_ring_layout layout = queue->staged;

	lockdep_assert_held(&queue->mover->mutex);
	layout.event_idx = channel->driver.features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	layout.indirect = channel->driver.features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	vs_ring_setup(&queue->ring, &channel->memory, &layout);
	queue->told = false;
	queue->in_flight = 0;
	queue->state = VSP_QUEUE_STARTING;
	set_bit(VSP_QUEUE_KICKED, &queue->kicked);
}

/**
 * vsp_queue_begin() - look at a ring for the first time
 * @queue: any
 *
 * Context: holds the mover's mutex; a thread that reaches the driver's memory.
 * Return: whether it is running (which a bad ring is, too: there is nothing in it).
 */
bool vsp_queue_begin(struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	if (queue->state == VSP_QUEUE_STARTING && vs_ring_start(&queue->ring) != -EINTR) {
		queue->state = VSP_QUEUE_RUNNING;
		queue_tell_bad_ring(queue);
	}
	return queue->state == VSP_QUEUE_RUNNING;
}

/**
 * vsp_queue_stop() - take nothing more from a ring
 * @queue: any
 *
 * Context: holds the mover's mutex.
 */
void vsp_queue_stop(struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	if (queue->state != VSP_QUEUE_IDLE)
		queue->state = VSP_QUEUE_STOPPED;
}

/**
 * vsp_queue_drain() - wait until nothing of a data queue is in flight
 * @queue: a data queue, stopped
 *
 * Ends when the source ends what it was given: its memory is the driver's until then.
 *
 * Context: the VMM's ioctl or the virtio core; holds the mover's mutex; sleeps.
 */
void vsp_queue_drain(struct vsp_queue *queue)
{
	struct vsp_channel *channel = queue->channel;
	struct vsp_mover *mover = queue->mover;
	unsigned long warn = jiffies + DRAIN_WARN;
	int wakes;

	lockdep_assert_held(&mover->mutex);
	while (queue->in_flight) {
		wakes = atomic_read(&mover->wakes);
		channel->ops->queue_reap(channel->service, queue);
		vsp_queue_flush(queue);
		if (!queue->in_flight)
			break;
		wait_event_timeout(mover->wait, atomic_read(&mover->wakes) != wakes, HZ);
		if (time_after(jiffies, warn)) {
			warn = jiffies + DRAIN_WARN;
			dev_warn(&channel->vdpa.dev,
				 "virtqueue %u: waiting for %u requests that its source has not finished\n",
				 queue->index, queue->in_flight);
		}
	}
}

/**
 * vsp_queue_clear() - as after a reset: nothing staged, nobody to call
 * @queue: drained
 *
 * Context: holds the mover's mutex. No callback runs or comes any more.
 */
void vsp_queue_clear(struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	spin_lock_bh(&queue->callback_lock);
	memset(&queue->callback, 0, sizeof(queue->callback));
	queue->called = false;
	spin_unlock_bh(&queue->callback_lock);
	memset(&queue->staged, 0, sizeof(queue->staged));
	queue->addressed = false;
	queue->ready = false;
	queue->in_flight = 0;
	queue->state = VSP_QUEUE_IDLE;
}

static void call_back(struct vsp_queue *queue)
{
	spin_lock_bh(&queue->callback_lock);
	queue->called = true;
	if (queue->callback.callback)
		queue->callback.callback(queue->callback.private);
	spin_unlock_bh(&queue->callback_lock);
}

/**
 * vsp_queue_set_callback() - change whom to call
 * @queue: any
 * @callback: copied; its function may be NULL
 *
 * A VMM may install one after DRIVER_OK, and does not look for what it has missed:
 * it is called at once if there was anything.
 *
 * Context: process, no spinlock; never under kick_vq.
 */
void vsp_queue_set_callback(struct vsp_queue *queue, const struct vdpa_callback *callback)
{
	spin_lock_bh(&queue->callback_lock);
	queue->callback = *callback;
	if (queue->called && queue->callback.callback)
		queue->callback.callback(queue->callback.private);
	spin_unlock_bh(&queue->callback_lock);
}

/**
 * vsp_queue_peek() - copy and check the next request, and leave it in the ring
 * @queue: data queue
 * @chain: the copy; about 2 KiB, so none for a stack
 *
 * Each call copies anew: only what the last one before vsp_queue_consume() has
 * returned counts.
 *
 * Context: queue_kick. In queue_reap there is never one.
 * Return: 0; -EAGAIN: there is none, the driver will kick; -EIO: the ring is bad,
 * nothing comes before the next reset; -EINTR: this thread is being killed. In all
 * but the first case: return from queue_kick once what has completed is reaped.
 */
int vsp_queue_peek(struct vsp_queue *queue, struct vsp_chain *chain)
{
	int error;

	lockdep_assert_held(&queue->mover->mutex);
	if (queue->state != VSP_QUEUE_RUNNING)
		return -EAGAIN;
	error = vs_ring_peek(&queue->ring, chain);
	queue_tell_bad_ring(queue);
	return error;
}
EXPORT_SYMBOL_GPL(vsp_queue_peek);

/**
 * vsp_queue_number() - which one is it?
 * @queue: data queue
 *
 * Context: any.
 * Return: from 0 for the first data queue.
 */
unsigned int vsp_queue_number(const struct vsp_queue *queue)
{
	return queue->index - VS_CHANNEL_QUEUE_DATA;
}
EXPORT_SYMBOL_GPL(vsp_queue_number);

/**
 * vsp_queue_has() - are there so many requests?
 * @queue: data queue
 * @count: at most its size
 *
 * Looks for what is new in the ring; see vsp_queue_seen().
 *
 * Context: queue_kick.
 * Return: whether there are; if not, queue_kick comes for the next one, unless the ring is bad
 */
bool vsp_queue_has(struct vsp_queue *queue, u16 count)
{
	bool has;

	lockdep_assert_held(&queue->mover->mutex);
	if (queue->state != VSP_QUEUE_RUNNING)
		return false;
	has = vs_ring_has(&queue->ring, count);
	queue_tell_bad_ring(queue);
	return has;
}
EXPORT_SYMBOL_GPL(vsp_queue_has);

/**
 * vsp_queue_seen() - how many requests have been seen, and not consumed?
 * @queue: data queue
 *
 * Context: queue_kick.
 * Return: their number, as of the last look into the ring.
 */
u16 vsp_queue_seen(const struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	return queue->ring.seen_avail - queue->ring.next_avail;
}
EXPORT_SYMBOL_GPL(vsp_queue_seen);

/**
 * vsp_queue_consume() - take the request that was last peeked
 * @queue: data queue; vsp_queue_peek() has succeeded since the last time
 *
 * From here on it is in flight, until vsp_queue_complete(): suspend, reset and
 * close wait for it.
 *
 * Context: queue_kick.
 */
void vsp_queue_consume(struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	vs_ring_consume(&queue->ring);
	queue->in_flight++;
}
EXPORT_SYMBOL_GPL(vsp_queue_consume);

/**
 * vsp_queue_read() - copy from a request's readable part
 * @queue: data queue
 * @chain: peeked; consumed or not
 * @offset: bytes of the readable part to leave out
 * @to: room for @length bytes
 * @length: bytes
 *
 * Context: queue_kick or queue_reap; may sleep.
 * Return: 0; -EINVAL: it has fewer; -EFAULT: the driver's memory is not there;
 * -EINTR: this thread is being killed.
 */
int vsp_queue_read(struct vsp_queue *queue, const struct vsp_chain *chain,
		   u64 offset, void *to, size_t length)
{
	const struct vsp_segment *segment = chain->segment;
	size_t piece;
	int error;

	if (offset > chain->readable_bytes || length > chain->readable_bytes - offset)
		return -EINVAL;
	for (; length; segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		piece = min_t(u64, segment->length - offset, length);
		error = vs_memory_read(&queue->channel->memory, segment->addr + offset, to, piece);
		if (error)
			return error;
		to += piece;
		length -= piece;
		offset = 0;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vsp_queue_read);

/**
 * vsp_queue_write() - copy into a request's writable part
 * @queue: data queue
 * @chain: peeked; consumed or not
 * @offset: bytes of the writable part to leave out
 * @from: @length bytes
 * @length: bytes
 *
 * Context: queue_kick or queue_reap; may sleep. In queue_reap the VMM's memory may
 * be out of reach (it is exiting): complete the request all the same.
 * Return: as of vsp_queue_read().
 */
int vsp_queue_write(struct vsp_queue *queue, const struct vsp_chain *chain,
		    u64 offset, const void *from, size_t length)
{
	const struct vsp_segment *segment = chain->segment + chain->readable;
	size_t piece;
	int error;

	if (offset > chain->writable_bytes || length > chain->writable_bytes - offset)
		return -EINVAL;
	for (; length; segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		piece = min_t(u64, segment->length - offset, length);
		error = vs_memory_write(&queue->channel->memory, segment->addr + offset,
					from, piece);
		if (error)
			return error;
		from += piece;
		length -= piece;
		offset = 0;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vsp_queue_write);

/**
 * vsp_queue_payload() - an iov_iter over a part of a request, nothing copied
 * @queue: data queue
 * @chain: peeked; consumed or not
 * @direction: ITER_SOURCE: from its readable part, to be written to the source;
 *	ITER_DEST: into its writable part
 * @offset: bytes of that part to leave out
 * @length: bytes; not 0
 * @payload: keeps what @iter stands on; free with vsp_queue_payload_free() after
 *	the I/O. Empty after an error, when freeing it does nothing
 * @iter: ITER_IOVEC of the VMM's user addresses: start the I/O in this very call
 *	of queue_kick (an asynchronous one has pinned the pages then). Local: ITER_BVEC
 *
 * Context: queue_kick; may sleep.
 * Return: 0; -EINVAL: it has fewer bytes, or @length is 0; -EFAULT: the driver's
 * memory is not there, or not for this direction; -E2BIG: in more than
 * VS_MEMORY_VECTORS_MAX pieces; -ENOMEM.
 */
int vsp_queue_payload(struct vsp_queue *queue, const struct vsp_chain *chain, int direction,
		      u64 offset, size_t length, struct vsp_payload *payload,
		      struct iov_iter *iter)
{
	const struct vsp_segment *segment = chain->segment;
	u64 bytes = chain->readable_bytes;

	payload->bvec = NULL;
	payload->count = 0;
	payload->pinned = false;
	if (direction == ITER_DEST) {
		segment += chain->readable;
		bytes = chain->writable_bytes;
	}
	if (!length || offset > bytes || length > bytes - offset)
		return -EINVAL;
	return vs_payload_make(&queue->channel->memory, segment, direction, offset, length,
			       payload, iter);
}
EXPORT_SYMBOL_GPL(vsp_queue_payload);

/**
 * vsp_queue_payload_free() - free what vsp_queue_payload() has allocated
 * @payload: of any such call, even one that has failed; or zeroed, or freed before
 *
 * Context: queue_kick or queue_reap; may sleep.
 */
void vsp_queue_payload_free(struct vsp_payload *payload)
{
	vs_payload_free(payload);
}
EXPORT_SYMBOL_GPL(vsp_queue_payload_free);

/**
 * vsp_queue_complete() - give a request back
 * @queue: data queue
 * @head: vsp_chain.head of a chain that was consumed
 * @written: bytes written from the start of its writable part on, without a gap
 *
 * The driver sees it with vsp_queue_flush().
 *
 * Context: queue_kick or queue_reap.
 */
void vsp_queue_complete(struct vsp_queue *queue, u16 head, u32 written)
{
	lockdep_assert_held(&queue->mover->mutex);
	if (WARN_ON_ONCE(!queue->in_flight))
		return;
	queue->in_flight--;
	if (!vs_memory_reachable(&queue->channel->memory)) {
		vs_ring_forget(&queue->ring, head);
		return;
	}
	vs_ring_complete(&queue->ring, head, written);
	queue_tell_bad_ring(queue);
}
EXPORT_SYMBOL_GPL(vsp_queue_complete);

/**
 * vsp_queue_flush() - show the driver what was completed, and call it if it wants
 * @queue: data queue
 *
 * Done after every queue_kick and queue_reap anyway; nothing to show costs nothing.
 *
 * Context: queue_kick or queue_reap.
 */
void vsp_queue_flush(struct vsp_queue *queue)
{
	lockdep_assert_held(&queue->mover->mutex);
	if (queue->state == VSP_QUEUE_IDLE || !vs_memory_reachable(&queue->channel->memory))
		return;
	if (vs_ring_flush(&queue->ring))
		call_back(queue);
	queue_tell_bad_ring(queue);
}
EXPORT_SYMBOL_GPL(vsp_queue_flush);

/**
 * vsp_queue_wake() - have queue_kick called soon
 * @queue: data queue
 *
 * Whoever completes a request calls this while the request is still in flight for
 * sure: under the lock that its reaper takes to find it. Else the queue may be
 * drained, and the channel freed, before this has returned.
 *
 * Context: any, hard interrupt included.
 */
void vsp_queue_wake(struct vsp_queue *queue)
{
	set_bit(VSP_QUEUE_KICKED, &queue->kicked);
	vsp_mover_wake(queue->mover);
}
EXPORT_SYMBOL_GPL(vsp_queue_wake);
