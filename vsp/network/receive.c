// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames into the guest: from the host's netdev, through a list of each queue, to the buffers
 * that the guest has posted.
 *
 * The list is short. When it is full, since the rate holds frames back or the guest has posted no
 * buffers, the netdev's queue is stopped, and the host's qdisc decides which frames wait and which
 * are dropped.  A guest that takes nothing is stopped, or posts no buffers.  Frames that it has not
 * taken within VSP_NETWORK_AWAY_MS are dropped, and so are those that come until it has buffers
 * again.
 */
#include <linux/bottom_half.h>
#include <linux/highmem.h>
#include <linux/if_ether.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/virtio_net.h>

#include "vsp/class.h"
#include "vsp/network/network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)

/**
 * struct waiting_frame - of a frame in the list, in its skb's cb
 * @cost: bytes that the frame is charged with
 * @limited: the frame counts for the byte limit of the netdev's queue
 */
struct waiting_frame {
	u32 cost;
	bool limited;
};

static_assert(sizeof(struct waiting_frame) <= sizeof_field(struct sk_buff, cb));

static struct waiting_frame *to_waiting_frame(struct sk_buff *skb)
{
	return (struct waiting_frame *)skb->cb;
}

static u32 cost_of(const struct sk_buff *skb)
{
	if (!skb_is_gso(skb) || !skb_transport_header_was_set(skb))
		return max(skb->len, ETH_ZLEN);
	return vsp_network_frame_cost(skb->len, vsp_network_ring_headers(skb),
				      skb_shinfo(skb)->gso_size);
}

static u32 buffers_for(const struct sk_buff *skb)
{
	return DIV_ROUND_UP(HEADER + skb->len, VS_NETWORK_BUFFER);
}

/* ---- The list: under the lock of the ring ---- */

static struct netdev_queue *ring_to_txq(const struct vsp_network_ring *ring)
{
	return netdev_get_tx_queue(ring->network->dev, ring->pair);
}

/* Half of the bound is enough for the mover to go on with until the qdisc has brought more. */
static bool ring_is_full(const struct vsp_network_ring *ring)
{
	u64 bound = READ_ONCE(ring->network->terms.bound[VS_NETWORK_RX]);

	lockdep_assert_held(&ring->lock);
	return ring->waiting_bytes >= bound / 2 ||
	       skb_queue_len(&ring->waiting) >= VSP_NETWORK_WAITING_MAX;
}

/* Is there a qdisc above the driver, for frames to wait in? */
static bool has_qdisc(const struct netdev_queue *txq)
{
	return rcu_dereference_bh(txq->qdisc)->enqueue;
}

/* Frames have left the list: they count for the byte limit no more, and others may follow. */
static void ring_release(struct vsp_network_ring *ring, const struct vsp_network_done *done)
{
	lockdep_assert_held(&ring->lock);
	netdev_tx_completed_queue(ring_to_txq(ring), done->frames, done->bytes);
	if (ring->full && !ring_is_full(ring)) {
		ring->full = false;
		netif_tx_wake_queue(ring_to_txq(ring));
	}
}

static struct sk_buff *ring_dequeue(struct vsp_network_ring *ring, struct vsp_network_done *done)
{
	struct sk_buff *skb = __skb_dequeue(&ring->waiting);

	lockdep_assert_held(&ring->lock);
	if (!skb)
		return NULL;
	ring->waiting_bytes -= to_waiting_frame(skb)->cost;
	ring->moved++;
	if (to_waiting_frame(skb)->limited) {
		done->frames++;
		done->bytes += to_waiting_frame(skb)->cost;
	}
	return skb;
}

/* The guest is away, until the mover sees buffers of it again: drop what waits for it. */
static void guest_away(struct vsp_network_ring *ring, struct sk_buff_head *dropped)
{
	struct vsp_network_done done = {};
	struct sk_buff *skb;

	ring->taking = false;
	while ((skb = ring_dequeue(ring, &done)))
		__skb_queue_tail(dropped, skb);
	ring_release(ring, &done);
}

/**
 * vsp_network_receive_add() - a frame for the guest
 * @ring: of a pair's receive queue
 * @skb: owned by the ring if it is taken
 *
 * When the list is full the netdev's queue is stopped, so that what comes next waits in the
 * qdisc. Only a frame that has not come through a qdisc can find it full.
 *
 * Context: ndo_start_xmit.
 * Return: VSP_NETWORK_RECEIVED if it is taken; else what to count it as.
 */
enum vsp_network_counter vsp_network_receive_add(struct vsp_network_ring *ring,
						 struct sk_buff *skb)
{
	enum vsp_network_counter verdict = VSP_NETWORK_RECEIVED;
	struct waiting_frame *frame = to_waiting_frame(skb);
	struct netdev_queue *txq = ring_to_txq(ring);
	unsigned long irq;

	frame->cost = cost_of(skb);
	frame->limited = has_qdisc(txq);
	spin_lock_irqsave(&ring->lock, irq);
	if (!ring->taking) {
		verdict = VSP_NETWORK_AWAY;
	} else if (ring_is_full(ring)) {
		verdict = VSP_NETWORK_LATE;
	} else {
		__skb_queue_tail(&ring->waiting, skb);
		ring->waiting_bytes += frame->cost;
		if (frame->limited) {
			netdev_tx_sent_queue(txq, frame->cost);
			ring->full = ring_is_full(ring);
			if (ring->full)
				netif_tx_stop_queue(txq);
		}
		if (!timer_pending(&ring->away)) {
			ring->moved_before = ring->moved;
			mod_timer(&ring->away, jiffies + msecs_to_jiffies(VSP_NETWORK_AWAY_MS));
		}
	}
	spin_unlock_irqrestore(&ring->lock, irq);
	return verdict;
}

/* No frame has left the list for VSP_NETWORK_AWAY_MS, though no rate holds the first one back. */
static void away_timer(struct timer_list *timer)
{
	struct vsp_network_ring *ring = container_of(timer, struct vsp_network_ring, away);
	const struct vsp_service *service = ring->network->service;
	struct sk_buff_head dropped;
	struct sk_buff *skb;
	unsigned long irq;

	__skb_queue_head_init(&dropped);
	spin_lock_irqsave(&ring->lock, irq);
	if (!skb_queue_empty(&ring->waiting)) {
		if (ring->moved == ring->moved_before && !vsp_rates_held(service, ring->flow))
			guest_away(ring, &dropped);
		else
			mod_timer(timer, jiffies + msecs_to_jiffies(VSP_NETWORK_AWAY_MS));
		ring->moved_before = ring->moved;
	}
	spin_unlock_irqrestore(&ring->lock, irq);
	while ((skb = __skb_dequeue(&dropped))) {
		vsp_network_ring_dropped(ring, VSP_NETWORK_AWAY);
		kfree_skb(skb);
	}
}

/**
 * vsp_network_receive_start() - the host's netdev is opened: go on where it was closed
 * @ring: of a receive queue
 *
 * Context: rtnl.
 */
void vsp_network_receive_start(struct vsp_network_ring *ring)
{
	spin_lock_irq(&ring->lock);
	if (!ring->full)
		netif_tx_start_queue(ring_to_txq(ring));
	spin_unlock_irq(&ring->lock);
}

/* ---- The mover ---- */

/* Return: whether a frame waits; then also how many buffers it needs and what it costs. */
static bool first_waiting(struct vsp_network_ring *ring, u32 *buffers, u32 *cost)
{
	struct sk_buff *skb;

	spin_lock_irq(&ring->lock);
	skb = skb_peek(&ring->waiting);
	if (skb) {
		*buffers = buffers_for(skb);
		*cost = to_waiting_frame(skb)->cost;
	}
	spin_unlock_irq(&ring->lock);
	return skb;
}

/* Return: the first frame; NULL if all were dropped, since the mover was away for too long. */
static struct sk_buff *take_off(struct vsp_network_ring *ring)
{
	struct sk_buff *skb;

	spin_lock_irq(&ring->lock);
	skb = ring_dequeue(ring, &ring->done);
	spin_unlock_irq(&ring->lock);
	return skb;
}

/* The guest has posted buffers, so it is not away: frames may wait for it again. */
static void come_back(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	if (READ_ONCE(ring->taking) || !vsp_queue_has(queue, 1))
		return;
	spin_lock_irq(&ring->lock);
	WRITE_ONCE(ring->taking, true);
	spin_unlock_irq(&ring->lock);
}

/* Frames that wait in the qdisc come to the list within this call. */
static void release_taken(struct vsp_network_ring *ring)
{
	local_bh_disable();
	spin_lock_irq(&ring->lock);
	ring_release(ring, &ring->done);
	spin_unlock_irq(&ring->lock);
	memset(&ring->done, 0, sizeof(ring->done));
	local_bh_enable();
}

/* The ceiling has fallen, so the list is too long: the oldest frames are of the least use. */
static bool is_stale(const struct vsp_network_ring *ring, u64 cost)
{
	u64 bound = READ_ONCE(ring->network->terms.bound[VS_NETWORK_RX]);

	return READ_ONCE(ring->waiting_bytes) > 2 * bound + cost;
}

/**
 * struct cursor - how far a frame was copied
 * @skb: the frame; it has no list of fragments, as its device takes none
 * @frag: index of the fragment that is copied next; -1: the linear part
 * @at: bytes of that fragment that were copied
 */
struct cursor {
	const struct sk_buff *skb;
	int frag;
	u32 at;
};

static int write_page(struct vsp_network_ring *ring, struct vsp_queue *queue, u32 offset,
		      const skb_frag_t *frag, u32 at, u32 length)
{
	u32 start = skb_frag_off(frag) + at;
	struct page *page = skb_frag_page(frag) + (start >> PAGE_SHIFT);
	void *address = kmap_local_page(page);
	int error;

	error = vsp_queue_write(queue, &ring->chain, offset, address + offset_in_page(start),
				length);
	kunmap_local(address);
	return error;
}

/* Copies at most @length bytes, all of one page. Return: how many were copied, or an error. */
static int copy_step(struct vsp_network_ring *ring, struct vsp_queue *queue, u32 offset,
		     struct cursor *cursor, u32 length)
{
	const struct sk_buff *skb = cursor->skb;
	u32 size = skb_headlen(skb), step;
	const skb_frag_t *frag = NULL;
	int error;

	if (cursor->frag >= 0) {
		frag = &skb_shinfo(skb)->frags[cursor->frag];
		size = skb_frag_size(frag);
		length = min_t(u32, length,
			       PAGE_SIZE - offset_in_page(skb_frag_off(frag) + cursor->at));
	}
	step = min(length, size - cursor->at);
	if (frag)
		error = write_page(ring, queue, offset, frag, cursor->at, step);
	else
		error = vsp_queue_write(queue, &ring->chain, offset, skb->data + cursor->at, step);
	cursor->at += step;
	if (cursor->at == size) {
		cursor->frag++;
		cursor->at = 0;
	}
	return error ?: step;
}

/* Copies the next @length bytes of the frame into the peeked buffer, from @offset on. */
static int copy_out(struct vsp_network_ring *ring, struct vsp_queue *queue, u32 offset,
		    struct cursor *cursor, u32 length)
{
	int step;

	for (; length; length -= step, offset += step) {
		step = copy_step(ring, queue, offset, cursor, length);
		if (step < 0)
			return step;
	}
	return 0;
}

/* Fills the header. The frame may be one that the offloads granted since do not allow. */
static enum vsp_network_counter describe_frame(const struct vsp_network *network,
					       struct sk_buff *skb,
					       struct virtio_net_hdr_v1 *header)
{
	u32 offloads = READ_ONCE(network->terms.offloads);

	if (skb_is_gso(skb) && !vsp_network_device_may_segment(skb, offloads))
		return VSP_NETWORK_OFFLOAD;
	if (skb->ip_summed == CHECKSUM_PARTIAL && !(offloads & VS_NETWORK_CHECKSUM) &&
	    skb_checksum_help(skb))
		return VSP_NETWORK_OFFLOAD;
	memset(header, 0, sizeof(*header));
	if (virtio_net_hdr_from_skb(skb, (struct virtio_net_hdr *)header, true,
				    offloads & VS_NETWORK_CHECKSUM, 0))
		return VSP_NETWORK_OFFLOAD;
	header->num_buffers = (__force __virtio16)cpu_to_le16(buffers_for(skb));
	return VSP_NETWORK_RECEIVED;
}

/* The next buffer, with @length bytes of the frame from @offset on, and before them @header. */
static int fill_buffer(struct vsp_network_ring *ring, struct vsp_queue *queue,
		       const struct virtio_net_hdr_v1 *header, struct cursor *cursor, u32 offset,
		       u32 length)
{
	int error = 0;

	if (ring->chain.readable || ring->chain.writable_bytes < VS_NETWORK_BUFFER)
		return -EFAULT;
	if (offset)
		error = vsp_queue_write(queue, &ring->chain, 0, header, sizeof(*header));
	return error ?: copy_out(ring, queue, offset, cursor, length);
}

/*
 * The caller has seen that there are enough buffers. If one cannot be written, the guest gets that
 * one and the rest of the frame's back with no bytes in them, so that it does not wait for them.
 */
static enum vsp_network_counter give_frame(struct vsp_network_ring *ring, struct vsp_queue *queue,
					   struct sk_buff *skb)
{
	struct cursor cursor = { .skb = skb, .frag = -1 };
	u32 left = skb->len, offset = HEADER, step;
	struct virtio_net_hdr_v1 header;
	enum vsp_network_counter verdict;
	int error = 0;

	verdict = describe_frame(ring->network, skb, &header);
	if (verdict != VSP_NETWORK_RECEIVED)
		return verdict;
	for (; left; left -= step, offset = 0) {
		step = min(left, VS_NETWORK_BUFFER - offset);
		if (vsp_queue_peek(queue, &ring->chain))
			return VSP_NETWORK_MEMORY;
		if (!error)
			error = fill_buffer(ring, queue, &header, &cursor, offset, step);
		if (error == -EINTR)
			return VSP_NETWORK_MEMORY;
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, ring->chain.head, error ? 0 : offset + step);
	}
	return error ? VSP_NETWORK_MEMORY : VSP_NETWORK_RECEIVED;
}

static void finish_frame(struct vsp_network_ring *ring, struct sk_buff *skb,
			 enum vsp_network_counter verdict, u64 cost)
{
	if (verdict == VSP_NETWORK_RECEIVED) {
		vsp_network_ring_passed(ring, cost);
		consume_skb(skb);
	} else {
		vsp_network_ring_dropped(ring, verdict);
		kfree_skb(skb);
	}
}

/* Return: whether another frame may follow. */
static bool receive_one(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	enum vsp_network_counter verdict = VSP_NETWORK_CONTRACT;
	bool present = vsp_network_has_contract(ring);
	struct sk_buff *skb;
	u32 buffers, cost;

	/* Without a contract the frame is dropped, so it needs no buffers. */
	if (!first_waiting(ring, &buffers, &cost) || (present && !vsp_queue_has(queue, buffers))) {
		vsp_network_ring_leave(ring);
		vsp_network_ring_settle(ring);
		return false;
	}
	switch (is_stale(ring, cost) ? VSP_NETWORK_DROP : vsp_network_ring_admit(ring, cost)) {
	case VSP_NETWORK_HOLD:
		return false;
	case VSP_NETWORK_DROP:
		if (present)
			verdict = VSP_NETWORK_LATE;
		skb = take_off(ring);
		vsp_network_ring_leave(ring);
		break;
	default:
		skb = take_off(ring);
		if (skb)
			verdict = give_frame(ring, queue, skb);
		break;
	}
	if (skb)
		finish_frame(ring, skb, verdict, cost);
	return true;
}

/**
 * vsp_network_receive() - move what waits for the guest into its buffers
 * @ring: of a receive queue
 * @queue: the same
 * @budget: frames at most
 *
 * Context: the mover of @ring.
 * Return: what is left of @budget; 0: there may be more.
 */
unsigned int vsp_network_receive(struct vsp_network_ring *ring, struct vsp_queue *queue,
				 unsigned int budget)
{
	come_back(ring, queue);
	while (budget && receive_one(ring, queue))
		budget--;
	vsp_queue_flush(queue);
	release_taken(ring);
	return budget;
}

/**
 * vsp_network_receive_init() - begin with an empty list of frames
 * @ring: zeroed
 */
void vsp_network_receive_init(struct vsp_network_ring *ring)
{
	__skb_queue_head_init(&ring->waiting);
	timer_setup(&ring->away, away_timer, 0);
}

/**
 * vsp_network_receive_reset() - drop the frames that wait, since the guest is gone
 * @ring: of a receive queue; no mover has it
 *
 * Context: may sleep.
 */
void vsp_network_receive_reset(struct vsp_network_ring *ring)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	local_bh_disable();
	spin_lock_irq(&ring->lock);
	guest_away(ring, &dropped);
	ring_release(ring, &ring->done);
	spin_unlock_irq(&ring->lock);
	memset(&ring->done, 0, sizeof(ring->done));
	local_bh_enable();
	__skb_queue_purge(&dropped);
}

/**
 * vsp_network_receive_exit() - free the frames that wait
 * @ring: of a receive queue; no mover has it, and its netdev is unregistered and still there
 *
 * Context: may sleep.
 */
void vsp_network_receive_exit(struct vsp_network_ring *ring)
{
	timer_shutdown_sync(&ring->away);
	vsp_network_receive_reset(ring);
}
