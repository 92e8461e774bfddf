// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of a service, between its rings and the host's netdev.
 *
 * One frame of a flow is at the head at a time, whichever of its queues it is in; the others
 * have their turns, one after the other.  What a guest transmits waits in its ring, but for
 * the frame that is the next of its queue; so it feels what holds it back, and nothing is
 * kept for it that it could have more of than its ring has entries.
 *
 * No flow keeps anything for long: a frame that, when it came, had more before it than may
 * wait is dropped.  Of a ring that is found when the frame's turn comes: by what has passed
 * since the mover has first seen it.
 */
#include <linux/etherdevice.h>
#include <linux/highmem.h>
#include <linux/if_vlan.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>

#include "network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
/* Frames up to here are all in one piece. */
#define LINEAR_MAX	SKB_WITH_OVERHEAD(4096 - NET_SKB_PAD - NET_IP_ALIGN)

/* What a mover does with the frame that it looks at. */
enum verdict {
	PASS,
	HOLD,
	DROP,		/* there is no contract for it */
};

static struct vsp_network_ring *ring_of(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_network *network = service->class_data;

	return &network->ring[vsp_queue_number(queue)];
}

static unsigned int number(unsigned int pair, enum vs_network_flow flow)
{
	return flow == VS_NETWORK_TX ? VS_NETWORK_TX_QUEUE(pair) : VS_NETWORK_RX_QUEUE(pair);
}

/**
 * vsp_network_queue_wake() - have the mover of a queue look, if there is one
 * @ring: any
 *
 * Context: any.
 */
void vsp_network_queue_wake(struct vsp_network_ring *ring)
{
	unsigned long irq;

	spin_lock_irqsave(&ring->lock, irq);
	if (ring->queue)
		vsp_queue_wake(ring->queue);
	spin_unlock_irqrestore(&ring->lock, irq);
}

/**
 * vsp_network_queue_wake_all() - have all movers look
 * @network: any
 *
 * Context: any.
 */
void vsp_network_queue_wake_all(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		vsp_network_queue_wake(&network->ring[i]);
}

/* ---- Whose turn it is ---- */

static spinlock_t *rates_lock(const struct vsp_network *network)
{
	return &network->service->pool->rates.lock;
}

/* The next one that wants it has it; none, if there is none. */
static void pass_turn(struct vsp_network *network, enum vs_network_flow flow, unsigned int pair)
{
	struct vsp_network_turn *turn = &network->turn[flow];
	unsigned int next;

	lockdep_assert_held(rates_lock(network));
	WRITE_ONCE(turn->holder, -1);
	turn->spent = 0;
	if (!turn->wanting)
		return;
	next = find_next_bit(&turn->wanting, VS_NETWORK_PAIRS, pair + 1);
	if (next >= VS_NETWORK_PAIRS)
		next = find_first_bit(&turn->wanting, VS_NETWORK_PAIRS);
	__clear_bit(next, &turn->wanting);
	WRITE_ONCE(turn->holder, next);
	vsp_network_queue_wake(&network->ring[number(next, flow)]);
}

/* The queue has no frame for now. */
static void leave_turn(struct vsp_network_ring *ring)
{
	struct vsp_network *network = ring->network;
	struct vsp_network_turn *turn = &network->turn[ring->flow];
	unsigned long irq;

	if (READ_ONCE(turn->holder) != ring->pair)
		return;
	spin_lock_irqsave(rates_lock(network), irq);
	vsp_rates_drop(network->service, ring->flow);
	pass_turn(network, ring->flow, ring->pair);
	spin_unlock_irqrestore(rates_lock(network), irq);
}

static bool has_contract(const struct vsp_network_ring *ring)
{
	const struct vsp_network_terms *terms = &ring->network->terms;

	return READ_ONCE(terms->present) && ring->pair < READ_ONCE(terms->pairs);
}

/* Its frame is the head, and was found to be early: whoever kicks for nothing costs no lock. */
static bool is_held(const struct vsp_network_ring *ring)
{
	const struct vsp_network *network = ring->network;

	return READ_ONCE(network->turn[ring->flow].holder) == ring->pair && has_contract(ring) &&
	       vsp_rates_held(network->service, ring->flow);
}

/* The others have their turns when it has had enough of its own. */
static void spend(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network_turn *turn = &ring->network->turn[ring->flow];

	WRITE_ONCE(turn->passed, turn->passed + cost);
	turn->spent += cost;
	if (turn->wanting && turn->spent < VSP_NETWORK_QUANTUM)
		WRITE_ONCE(turn->holder, ring->pair);
	else
		pass_turn(ring->network, ring->flow, ring->pair);
}

/* It is known what is behind the last frame that has passed: another one that waits, or none. */
static void settle(struct vsp_network_ring *ring)
{
	if (ring->owed)
		vsp_rates_done(ring->network->service, ring->flow, &ring->owed);
	ring->owed = 0;
}

/* The frame goes on its way: in one step with what a commit changes. */
static enum verdict admit(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network *network = ring->network;
	struct vsp_network_turn *turn = &network->turn[ring->flow];
	enum verdict verdict = HOLD;
	unsigned long irq;

	if (is_held(ring))
		return HOLD;
	spin_lock_irqsave(rates_lock(network), irq);
	if (!has_contract(ring)) {
		verdict = DROP;
	} else if (turn->holder >= 0 && turn->holder != ring->pair) {
		__set_bit(ring->pair, &turn->wanting);
	} else if (!vsp_rates_admit(network->service, ring->flow, &cost)) {
		WRITE_ONCE(turn->holder, ring->pair);
	} else {
		spend(ring, cost);
		verdict = PASS;
	}
	spin_unlock_irqrestore(rates_lock(network), irq);
	settle(ring);
	if (verdict == PASS)
		ring->owed = cost;
	return verdict;
}

/* It was admitted; nothing more holds it back. */
static void passed(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network *network = ring->network;

	atomic64_add(cost, &network->bytes[ring->flow]);
	vsp_network_count(network, ring->flow == VS_NETWORK_TX ? VSP_NETWORK_SENT :
			  VSP_NETWORK_RECEIVED, 1);
}

static void dropped(struct vsp_network_ring *ring, enum vsp_network_counter why)
{
	struct net_device *dev = ring->network->dev;

	vsp_network_count(ring->network, why, 1);
	if (ring->flow == VS_NETWORK_TX)
		DEV_STATS_INC(dev, rx_dropped);
	else
		DEV_STATS_INC(dev, tx_dropped);
}

/* Bytes before the payload of a frame that is to be segmented. */
static u32 headers_of(const struct sk_buff *skb)
{
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	return skb_tcp_all_headers(skb);
}

/* ---- Out of the guest: TX ---- */

/* Says of all frames that are new in the ring what had passed when they came. */
static void stamp(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	u64 now = READ_ONCE(ring->network->turn[ring->flow].passed);
	u32 end = ring->taken + vsp_queue_seen(queue);

	for (; (s32)(end - ring->stamped) > 0; ring->stamped++)
		ring->stamp[ring->stamped % VSP_NETWORK_RING_MAX] = now;
}

/* The last one in the ring is not: else a flow that has more than it may would seem idle. */
static bool is_late(const struct vsp_network_ring *ring, const struct vsp_queue *queue)
{
	const struct vsp_network *network = ring->network;
	u64 passed_now = READ_ONCE(network->turn[ring->flow].passed);

	return passed_now - ring->ahead > READ_ONCE(network->terms.bound[ring->flow]) &&
	       vsp_queue_seen(queue) > 1;
}

static struct sk_buff *new_skb(struct net_device *dev, u32 length)
{
	struct sk_buff *skb;
	int error;

	if (length <= LINEAR_MAX) {
		/* Of a kind that GRO can join to others. */
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

/* Its pages are of GFP_KERNEL, so they have addresses. */
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

	/* Between grant and START the client may have one or the other. */
	return mac == READ_ONCE(network->terms.mac) || (next && mac == next) ||
	       test_bit(VS_NETWORK_MAC_SPOOF, &network->service->switches);
}

static void set_segments(struct sk_buff *skb)
{
	struct skb_shared_info *shared = skb_shinfo(skb);
	u32 payload = skb->len - headers_of(skb);

	if (payload > shared->gso_size)
		shared->gso_segs = DIV_ROUND_UP(payload, shared->gso_size);
	else
		skb_gso_reset(skb);	/* it is one already */
}

/* Makes of a copied frame what the host's stack takes. */
static enum vsp_network_counter dress(struct vsp_network_ring *ring, struct sk_buff *skb,
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
	/* Its headers were seen to be true: nobody has to look at them again. */
	skb_shinfo(skb)->gso_type &= ~SKB_GSO_DODGY;
	if (skb_is_gso(skb))
		set_segments(skb);
	skb->protocol = eth_type_trans(skb, network->dev);
	ring->cost = cost;
	return VSP_NETWORK_SENT;
}

/* Copies the frame that was peeked. Return: what to count it as, SENT: it is the head. */
static enum vsp_network_counter take(struct vsp_network_ring *ring, struct vsp_queue *queue,
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
	if (!has_contract(ring))
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
	verdict = *error ? VSP_NETWORK_MEMORY : dress(ring, skb, &header);
	if (verdict == VSP_NETWORK_SENT)
		ring->head = skb;
	else
		kfree_skb(skb);
	return verdict;
}

/* Return: whether there is a head, or may be one if it is tried again. */
static bool take_next(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	enum vsp_network_counter verdict;
	int error = 0;

	if (vsp_queue_peek(queue, &ring->chain))
		return false;
	/* Seen by the peek, and not by a look before it. */
	if (ring->stamped == ring->taken)
		stamp(ring, queue);
	ring->ahead = ring->stamp[ring->taken % VSP_NETWORK_RING_MAX];
	verdict = is_late(ring, queue) ? VSP_NETWORK_LATE : take(ring, queue, &error);
	if (error == -EINTR)
		return false;
	vsp_queue_consume(queue);
	vsp_queue_complete(queue, ring->chain.head, 0);
	ring->taken++;
	if (verdict != VSP_NETWORK_SENT)
		dropped(ring, verdict);
	return true;
}

static void drop_head(struct vsp_network_ring *ring, enum vsp_network_counter why)
{
	kfree_skb(ring->head);
	ring->head = NULL;
	dropped(ring, why);
	leave_turn(ring);
}

/* NAPI tells when it has taken some. */
static bool is_stalled(struct vsp_network_ring *ring, struct vsp_network_pair *pair)
{
	if (skb_queue_len_lockless(&pair->arrived) < VSP_NETWORK_ARRIVED_MAX)
		return false;
	WRITE_ONCE(ring->stalled, true);
	/* Said first, then looked again: NAPI does it in the other order. */
	smp_mb();
	return skb_queue_len_lockless(&pair->arrived) >= VSP_NETWORK_ARRIVED_MAX;
}

/* Return: whether there may be another one. */
static bool transmit(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	struct vsp_network_pair *pair = &ring->network->pair[ring->pair];

	if (is_stalled(ring, pair))
		return false;
	if (!ring->head && !take_next(ring, queue)) {
		leave_turn(ring);
		settle(ring);
		return false;
	}
	if (!ring->head)
		return true;
	switch (admit(ring, ring->cost)) {
	case HOLD:
		return false;
	case DROP:
		drop_head(ring, VSP_NETWORK_CONTRACT);
		return true;
	default:
		skb_queue_tail(&pair->arrived, ring->head);
		ring->head = NULL;
		passed(ring, ring->cost);
		return true;
	}
}

/* ---- Into the guest: RX ---- */

static u32 cost_of(const struct sk_buff *skb)
{
	if (!skb_is_gso(skb) || !skb_transport_header_was_set(skb))
		return max(skb->len, ETH_ZLEN);
	return vsp_network_frame_cost(skb->len, headers_of(skb), skb_shinfo(skb)->gso_size);
}

/**
 * vsp_network_queue_add() - a frame for the guest
 * @ring: of a pair's receive queue
 * @skb: owned by the ring if it is taken
 *
 * Context: bottom halves off.
 * Return: whether it is taken; else too much waits already.
 */
bool vsp_network_queue_add(struct vsp_network_ring *ring, struct sk_buff *skb)
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
		passed(ring, cost);
		consume_skb(skb);
	} else {
		dropped(ring, verdict);
		kfree_skb(skb);
	}
}

/* Return: whether there may be another one. */
static bool receive(struct vsp_network_ring *ring, struct vsp_queue *queue)
{
	enum vsp_network_counter verdict = VSP_NETWORK_CONTRACT;
	struct sk_buff *skb = first_waiting(ring);
	u64 cost;

	/* Without a contract no buffers come, and none are needed. */
	if (!skb || (has_contract(ring) && !vsp_queue_has(queue, buffers_for(skb)))) {
		leave_turn(ring);
		settle(ring);
		return false;
	}
	cost = cost_of(skb);
	switch (is_stale(ring, cost) ? DROP : admit(ring, cost)) {
	case HOLD:
		return false;
	case DROP:
		if (has_contract(ring))
			verdict = VSP_NETWORK_LATE;
		take_off(ring, skb);
		leave_turn(ring);
		break;
	default:
		take_off(ring, skb);
		verdict = give(ring, queue, skb);
		break;
	}
	finish(ring, skb, verdict, cost);
	return true;
}

/* ---- The class's operations ---- */

/**
 * vsp_network_queue_kick() - queue_kick of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Context: the mover.
 */
void vsp_network_queue_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_network_ring *ring = ring_of(service, queue);
	unsigned int budget = VS_NETWORK_QUEUE_SIZE;

	spin_lock_irq(&ring->lock);
	ring->queue = queue;
	spin_unlock_irq(&ring->lock);

	if (ring->flow == VS_NETWORK_TX) {
		/* Looks for what is new behind what waits. */
		vsp_queue_has(queue, 0);
		stamp(ring, queue);
		while (budget && transmit(ring, queue))
			budget--;
		vsp_queue_flush(queue);
		vsp_network_device_arrived(&ring->network->pair[ring->pair]);
	} else {
		while (budget && receive(ring, queue))
			budget--;
		vsp_queue_flush(queue);
	}
	/* More may be there; but the mover's own stop comes between. */
	if (!budget)
		vsp_queue_wake(queue);
}

/**
 * vsp_network_queue_reap() - queue_reap of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Nothing is in flight between two calls of queue_kick.
 *
 * Context: the mover, or the VMM's ioctl.
 */
void vsp_network_queue_reap(struct vsp_service *service, struct vsp_queue *queue)
{
}

static void reset_ring(struct vsp_network_ring *ring)
{
	struct sk_buff_head waiting;
	struct sk_buff *skb;

	__skb_queue_head_init(&waiting);
	spin_lock_irq(&ring->lock);
	ring->queue = NULL;
	skb_queue_splice_init(&ring->waiting, &waiting);
	ring->waiting_bytes = 0;
	spin_unlock_irq(&ring->lock);
	while ((skb = __skb_dequeue(&waiting))) {
		atomic64_sub(cost_of(skb), &ring->network->waiting);
		kfree_skb(skb);
	}
	settle(ring);
	kfree_skb(ring->head);
	ring->head = NULL;
	ring->taken = 0;
	ring->stamped = 0;
}

/**
 * vsp_network_queue_reset() - queue_reset of the class
 * @service: enabled; nothing of its queues is in flight
 *
 * Context: may sleep.
 */
void vsp_network_queue_reset(struct vsp_service *service)
{
	struct vsp_network *network = service->class_data;

	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		reset_ring(&network->ring[i]);
	spin_lock_irq(rates_lock(network));
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		WRITE_ONCE(network->turn[flow].holder, -1);
		network->turn[flow].wanting = 0;
		network->turn[flow].spent = 0;
	}
	spin_unlock_irq(rates_lock(network));
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++)
		vsp_rates_reset(service, flow);
}

/**
 * vsp_network_queue_go_on() - wake of the class
 * @service: enabled
 * @flow: whose head may pass
 *
 * Context: atomic, interrupts off.
 */
void vsp_network_queue_go_on(struct vsp_service *service, u32 flow)
{
	struct vsp_network *network = service->class_data;
	int holder = network->turn[flow].holder;

	lockdep_assert_held(rates_lock(network));
	if (holder >= 0)
		vsp_network_queue_wake(&network->ring[number(holder, flow)]);
}

/**
 * vsp_network_queue_init() - rings without queues
 * @network: zeroed, its service set
 */
void vsp_network_queue_init(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++) {
		struct vsp_network_ring *ring = &network->ring[i];

		ring->network = network;
		ring->pair = i / 2;
		ring->flow = i == VS_NETWORK_TX_QUEUE(i / 2) ? VS_NETWORK_TX : VS_NETWORK_RX;
		spin_lock_init(&ring->lock);
		__skb_queue_head_init(&ring->waiting);
	}
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++)
		network->turn[flow].holder = -1;
}

/**
 * vsp_network_queue_exit() - free what waits
 * @network: no mover has any of its queues, and no netdev adds to them
 */
void vsp_network_queue_exit(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		reset_ring(&network->ring[i]);
}
