// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames out of the guest: from its ring to NAPI of the host's netdev.
 *
 * Frames that a guest transmits wait in its ring; only the first of each queue is copied out.  So
 * the guest's own queue fills when a rate holds it back, and the host keeps one frame a queue for
 * it, whatever it sends.
 *
 * No flow lets a frame wait for long.  A frame that had more bytes before it when it came than may
 * wait is dropped, unless fewer than that wait behind it.  How many bytes were before it is known
 * when its turn comes: those that have passed since the mover first saw it.
 */
#include <linux/etherdevice.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>

#include "vsp/class.h"
#include "vsp/network/network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
/* Frames of up to so many bytes are copied into one linear piece. */
#define LINEAR_MAX	SKB_WITH_OVERHEAD(4096 - NET_SKB_PAD - NET_IP_ALIGN)

/* Stamps all frames that are new in the ring with the bytes that have passed by now. */
static void stamp_frames(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	u64 now = READ_ONCE(ring->network->passed[ring->flow]);
	struct vsp_network_arrivals *arrivals = &ring->arrivals;
	u32 end = arrivals->taken + vsp_queue_seen(queue);

	for (; (s32)(end - arrivals->stamped) > 0; arrivals->stamped++)
		arrivals->stamp[arrivals->stamped % VSP_NETWORK_RING_MAX] = now;
}

/*
 * Only so many late frames are dropped that a queue of the bound's length is left, if frames are
 * as large as the last one.  A guest that has sent more than may wait would otherwise have nothing
 * in its ring until it runs again, and get less than its rate for having sent too much.
 */
static bool is_late(const struct vsp_network_ring *ring, const struct vsp_queue *queue)
{
	const struct vsp_network *network = ring->network;
	u64 passed = READ_ONCE(network->passed[ring->flow]) - ring->arrivals.ahead;
	u64 behind = (vsp_queue_seen(queue) - 1) * ring->cost;
	u64 bound = READ_ONCE(network->terms.bound[ring->flow]);

	return passed > bound && behind >= bound;
}

static struct sk_buff *new_skb(struct net_device *dev, u32 length)
{
	struct sk_buff *skb;
	int error;

	if (length <= LINEAR_MAX) {
		/* GRO can join frames of this kind. */
		skb = __netdev_alloc_skb_ip_align(dev, length, GFP_KERNEL);
		if (skb)
			skb_put(skb, length);
		return skb;
	}
	skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + VSP_NETWORK_START,
				   length - VSP_NETWORK_START, PAGE_ALLOC_COSTLY_ORDER, &error,
				   GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	skb_put(skb, VSP_NETWORK_START);
	skb->data_len = length - VSP_NETWORK_START;
	skb->len += skb->data_len;
	return skb;
}

/* The pages were allocated with GFP_KERNEL, so they have kernel addresses. */
static int copy_in(struct vsp_network_ring *ring, struct vsp_queue *queue, struct sk_buff *skb)
{
	u64 at = HEADER + skb_headlen(skb);
	int error;

	error = vsp_queue_read(queue, &ring->chain, HEADER, skb->data, skb_headlen(skb));
	for (int i = 0; i < skb_shinfo(skb)->nr_frags && !error; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		error = vsp_queue_read(queue, &ring->chain, at, skb_frag_address(frag),
				       skb_frag_size(frag));
		at += skb_frag_size(frag);
	}
	return error;
}

static bool is_own_address(const struct vsp_network *network, const struct sk_buff *skb)
{
	u64 mac = ether_addr_to_u64(eth_hdr(skb)->h_source);
	u64 next = READ_ONCE(network->next);

	/* Between a grant and its START the client may use the old address or the new one. */
	return mac == READ_ONCE(network->terms.mac) || (next && mac == next) ||
	       vsp_service_switch(network->service, VS_NETWORK_MAC_SPOOF);
}

static void set_segments(struct sk_buff *skb)
{
	struct skb_shared_info *shared = skb_shinfo(skb);
	u32 payload = skb->len - vsp_network_ring_headers(skb);

	if (payload > shared->gso_size)
		shared->gso_segs = DIV_ROUND_UP(payload, shared->gso_size);
	else
		skb_gso_reset(skb);	/* the frame is one segment already */
}

/* Sets what the host's stack needs to know of a copied frame. */
static enum vsp_network_counter dress_frame(struct vsp_network_ring *ring, struct sk_buff *skb,
					    const struct virtio_net_hdr_v1 *header)
{
	struct vsp_network *network = ring->network;
	enum vsp_network_counter verdict;
	u32 cost;

	verdict = vsp_network_frame_check(header, skb->data, skb->len, &network->terms, &cost);
	if (verdict != VSP_NETWORK_SENT)
		return verdict;
	skb_reset_mac_header(skb);
	if (!is_own_address(network, skb))
		return VSP_NETWORK_SPOOFED;
	if (virtio_net_hdr_to_skb(skb, (const struct virtio_net_hdr *)header, true))
		return VSP_NETWORK_MALFORMED;
	/* The headers were checked against the frame, so the stack need not check them again. */
	skb_shinfo(skb)->gso_type &= ~SKB_GSO_DODGY;
	if (skb_is_gso(skb))
		set_segments(skb);
	skb->protocol = eth_type_trans(skb, network->dev);
	ring->cost = cost;
	return VSP_NETWORK_SENT;
}

/* Copies the peeked frame. Return: VSP_NETWORK_SENT: it is the head now; else why it is dropped. */
static enum vsp_network_counter take_frame(struct vsp_network_ring *ring, struct vsp_queue *queue,
					   int *error)
{
	const struct vsp_chain *chain = &ring->chain;
	enum vsp_network_counter verdict;
	struct virtio_net_hdr_v1 header;
	struct sk_buff *skb;
	u64 length;

	if (chain->writable || chain->readable_bytes < HEADER)
		return VSP_NETWORK_MALFORMED;
	length = chain->readable_bytes - HEADER;
	if (length < ETH_HLEN || length > VS_NETWORK_FRAME_MAX)
		return VSP_NETWORK_SIZE;
	if (!vsp_network_has_contract(ring))
		return VSP_NETWORK_CONTRACT;
	if (!netif_running(ring->network->dev))
		return VSP_NETWORK_DOWN;
	*error = vsp_queue_read(queue, chain, 0, &header, sizeof(header));
	if (*error)
		return VSP_NETWORK_MEMORY;
	skb = new_skb(ring->network->dev, length);
	if (!skb)
		return VSP_NETWORK_MEMORY;
	*error = copy_in(ring, queue, skb);
	verdict = *error ? VSP_NETWORK_MEMORY : dress_frame(ring, skb, &header);
	if (verdict == VSP_NETWORK_SENT)
		ring->head = skb;
	else
		kfree_skb(skb);
	return verdict;
}

/* Return: whether the queue has a head, or may have one at the next try. */
static bool take_next_frame(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	struct vsp_network_arrivals *arrivals = &ring->arrivals;
	enum vsp_network_counter verdict;
	int error = 0;

	if (vsp_queue_peek(queue, &ring->chain))
		return false;
	/* The frame came after the last look at the ring: stamp it now. */
	if (arrivals->stamped == arrivals->taken)
		stamp_frames(ring, queue);
	arrivals->ahead = arrivals->stamp[arrivals->taken % VSP_NETWORK_RING_MAX];
	verdict = is_late(ring, queue) ? VSP_NETWORK_LATE : take_frame(ring, queue, &error);
	if (error == -EINTR)
		return false;
	vsp_queue_consume(queue);
	vsp_queue_complete(queue, ring->chain.head, 0);
	arrivals->taken++;
	if (verdict != VSP_NETWORK_SENT)
		vsp_network_ring_dropped(ring, verdict);
	return true;
}

static void drop_head(struct vsp_network_ring *ring, enum vsp_network_counter why)
{
	kfree_skb(ring->head);
	ring->head = NULL;
	vsp_network_ring_dropped(ring, why);
	vsp_network_ring_leave(ring);
}

/* While NAPI has too many frames the mover stops; NAPI wakes it when it has taken some. */
static bool is_stalled(struct vsp_network_ring *ring, struct vsp_network_pair *pair)
{
	if (skb_queue_len_lockless(&pair->arrived) < VSP_NETWORK_ARRIVED_MAX)
		return false;
	WRITE_ONCE(ring->stalled, true);
	/* Set the flag, then look again: NAPI takes frames first, then looks at the flag. */
	smp_mb();
	return skb_queue_len_lockless(&pair->arrived) >= VSP_NETWORK_ARRIVED_MAX;
}

/* Return: whether another frame may follow. */
static bool transmit_one(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	struct vsp_network_pair *pair = &ring->network->pair[ring->pair];

	if (is_stalled(ring, pair))
		return false;
	if (!ring->head && !take_next_frame(ring, queue)) {
		vsp_network_ring_leave(ring);
		vsp_network_ring_settle(ring);
		return false;
	}
	if (!ring->head)
		return true;
	switch (vsp_network_ring_admit(ring, ring->cost)) {
	case VSP_NETWORK_HOLD:
		return false;
	case VSP_NETWORK_DROP:
		drop_head(ring, VSP_NETWORK_CONTRACT);
		return true;
	default:
		skb_queue_tail(&pair->arrived, ring->head);
		ring->head = NULL;
		vsp_network_ring_passed(ring, ring->cost);
		return true;
	}
}

/**
 * vsp_network_transmit() - send what the guest has put into a queue
 * @ring: of the queue
 * @queue: the same
 * @budget: frames at most
 *
 * Context: the mover of @ring.
 * Return: what is left of @budget; 0: there may be more.
 */
unsigned int vsp_network_transmit(struct vsp_network_ring *ring, struct vsp_queue *queue,
				  unsigned int budget)
{
	/* Stamps the frames that have come behind those that wait. */
	vsp_queue_has(queue, 0);
	stamp_frames(ring, queue);
	while (budget && transmit_one(ring, queue))
		budget--;
	vsp_queue_flush(queue);
	vsp_network_device_arrived(&ring->network->pair[ring->pair]);
	return budget;
}
