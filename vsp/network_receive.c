// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames into the guest: from the host's netdev, through a list of each queue, to the buffers
 * that the guest has posted.
 */
#include <linux/highmem.h>
#include <linux/if_ether.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>

#include "network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)

static u32 cost_of(const struct sk_buff *skb)
{
	if (!skb_is_gso(skb) || !skb_transport_header_was_set(skb))
		return max(skb->len, ETH_ZLEN);
	return vsp_network_frame_cost(skb->len, vsp_network_queue_headers(skb),
				      skb_shinfo(skb)->gso_size);
}

/**
 * vsp_network_receive_add() - a frame for the guest
 * @ring: of a pair's receive queue
 * @skb: owned by the ring if it is taken
 *
 * Context: bottom halves off.
 * Return: whether it is taken; else too much waits already.
 */
bool vsp_network_receive_add(struct vsp_network_ring *ring, struct sk_buff *skb)
{
	struct vsp_network *network = ring->network;
	u64 bound = READ_ONCE(network->terms.bound[VS_NETWORK_RX]);
	u32 cost = cost_of(skb);
	unsigned long irq;
	bool taken;

	spin_lock_irqsave(&ring->lock, irq);
	taken = skb_queue_len(&ring->waiting) < VSP_NETWORK_WAITING_MAX &&
		(atomic64_read(&network->waiting) <= bound ||
		 ring->waiting_bytes <= bound / VSP_NETWORK_OWN_PART);
	if (taken) {
		__skb_queue_tail(&ring->waiting, skb);
		ring->waiting_bytes += cost;
		atomic64_add(cost, &network->waiting);
	}
	spin_unlock_irqrestore(&ring->lock, irq);
	return taken;
}

static struct sk_buff *first_waiting(struct vsp_network_ring *ring)
{
	struct sk_buff *skb;

	spin_lock_irq(&ring->lock);
	skb = skb_peek(&ring->waiting);
	spin_unlock_irq(&ring->lock);
	return skb;
}

static void take_off(struct vsp_network_ring *ring, struct sk_buff *skb)
{
	u32 cost = cost_of(skb);

	spin_lock_irq(&ring->lock);
	__skb_unlink(skb, &ring->waiting);
	ring->waiting_bytes -= cost;
	spin_unlock_irq(&ring->lock);
	atomic64_sub(cost, &ring->network->waiting);
}

/* The ceiling has fallen since it came: then what has waited longest is of the least use. */
static bool is_stale(const struct vsp_network_ring *ring, u64 cost)
{
	const struct vsp_network *network = ring->network;

	return atomic64_read(&network->waiting) - cost >
	       2 * READ_ONCE(network->terms.bound[VS_NETWORK_RX]);
}

static u32 buffers_for(const struct sk_buff *skb)
{
	return DIV_ROUND_UP(HEADER + skb->len, VS_NETWORK_BUFFER);
}

/**
 * struct cursor - how far a frame was copied
 * @skb: the frame; it has no list of fragments, as its device takes none
 * @frag: the next; -1: of the linear part
 * @at: bytes of that
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

/* Copies at most @length bytes, of one page. Return: their number, or an error. */
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

/* What the guest is told of the frame; it may need what was not granted any more. */
static enum vsp_network_counter describe(const struct vsp_network *network, struct sk_buff *skb,
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
static int fill(struct vsp_network_ring *ring, struct vsp_queue *queue,
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
 * There are buffers enough. If one fails, the guest gets it and those after it back without
 * anything in them, so that it does not wait for them.
 */
static enum vsp_network_counter give(struct vsp_network_ring *ring, struct vsp_queue *queue,
				     struct sk_buff *skb)
{
	struct cursor cursor = { .skb = skb, .frag = -1 };
	u32 left = skb->len, offset = HEADER, step;
	struct virtio_net_hdr_v1 header;
	enum vsp_network_counter verdict;
	int error = 0;

	verdict = describe(ring->network, skb, &header);
	if (verdict != VSP_NETWORK_RECEIVED)
		return verdict;
	for (; left; left -= step, offset = 0) {
		step = min(left, VS_NETWORK_BUFFER - offset);
		if (vsp_queue_peek(queue, &ring->chain))
			return VSP_NETWORK_MEMORY;
		if (!error)
			error = fill(ring, queue, &header, &cursor, offset, step);
		if (error == -EINTR)
			return VSP_NETWORK_MEMORY;
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, ring->chain.head, error ? 0 : offset + step);
	}
	return error ? VSP_NETWORK_MEMORY : VSP_NETWORK_RECEIVED;
}

static void finish(struct vsp_network_ring *ring, struct sk_buff *skb,
		   enum vsp_network_counter verdict, u64 cost)
{
	if (verdict == VSP_NETWORK_RECEIVED) {
		vsp_network_queue_passed(ring, cost);
		consume_skb(skb);
	} else {
		vsp_network_queue_dropped(ring, verdict);
		kfree_skb(skb);
	}
}

/* Return: whether there may be another one. */
static bool receive_one(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	enum vsp_network_counter verdict = VSP_NETWORK_CONTRACT;
	struct sk_buff *skb = first_waiting(ring);
	u64 cost;

	/* Without a contract no buffers come, and none are needed. */
	if (!skb || (vsp_network_has_contract(ring) && !vsp_queue_has(queue, buffers_for(skb)))) {
		vsp_network_turn_leave(ring);
		vsp_network_turn_settle(ring);
		return false;
	}
	cost = cost_of(skb);
	switch (is_stale(ring, cost) ? VSP_NETWORK_DROP : vsp_network_turn_admit(ring, cost)) {
	case VSP_NETWORK_HOLD:
		return false;
	case VSP_NETWORK_DROP:
		if (vsp_network_has_contract(ring))
			verdict = VSP_NETWORK_LATE;
		take_off(ring, skb);
		vsp_network_turn_leave(ring);
		break;
	default:
		take_off(ring, skb);
		verdict = give(ring, queue, skb);
		break;
	}
	finish(ring, skb, verdict, cost);
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
	while (budget && receive_one(ring, queue))
		budget--;
	vsp_queue_flush(queue);
	return budget;
}

/**
 * vsp_network_receive_purge() - drop what waits for the guest
 * @ring: of a receive queue; one of the other kind has nothing
 *
 * Context: may sleep; no mover has the queue.
 */
void vsp_network_receive_purge(struct vsp_network_ring *ring)
{
	struct sk_buff_head waiting;
	struct sk_buff *skb;

	__skb_queue_head_init(&waiting);
	spin_lock_irq(&ring->lock);
	skb_queue_splice_init(&ring->waiting, &waiting);
	ring->waiting_bytes = 0;
	spin_unlock_irq(&ring->lock);
	while ((skb = __skb_dequeue(&waiting))) {
		atomic64_sub(cost_of(skb), &ring->network->waiting);
		kfree_skb(skb);
	}
}
