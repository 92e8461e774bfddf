// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is common to both directions of a data queue: waking its mover, having its frames admitted,
 * counting them.
 */
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "vsp/class.h"
#include "vsp/network/network.h"
#include "vsp/turn.h"

/**
 * vsp_network_ring_wake() - have the mover of a queue look at it; nothing, without a queue
 * @ring: any
 *
 * Context: any.
 */
void vsp_network_ring_wake(struct vsp_network_ring *ring)
{
	unsigned long irq;

	spin_lock_irqsave(&ring->lock, irq);
	if (ring->queue)
		vsp_queue_wake(ring->queue);
	spin_unlock_irqrestore(&ring->lock, irq);
}

/**
 * vsp_network_ring_wake_all() - have all movers look at their queues
 * @network: any
 *
 * Context: any.
 */
void vsp_network_ring_wake_all(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		vsp_network_ring_wake(&network->ring[i]);
}

/* A frame held back by its rate stays at the head, so a kick need not take the lock. */
static bool ring_is_held(const struct vsp_network_ring *ring)
{
	return vsp_network_has_contract(ring) &&
	       vsp_turn_held(&ring->network->turn[ring->flow], ring->pair);
}

/**
 * vsp_network_ring_admit() - may the first frame of a queue go on its way?
 * @ring: of the queue
 * @cost: of the frame, in bytes
 *
 * Decided under vsp_rates_lock(), so by the contract before a commit or by that after it. When the
 * mover is woken it asks again for a frame that was held back.
 *
 * Context: the mover of @ring.
 * Return: whether it may, has to wait, or is to be dropped.
 */
enum vsp_network_verdict vsp_network_ring_admit(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network *network = ring->network;
	enum vsp_network_verdict verdict = VSP_NETWORK_HOLD;
	unsigned long irq;

	if (ring_is_held(ring))
		return VSP_NETWORK_HOLD;
	irq = vsp_rates_lock(network->service);
	if (!vsp_network_has_contract(ring)) {
		verdict = VSP_NETWORK_DROP;
	} else if (vsp_turn_admit(&network->turn[ring->flow], ring->pair, &cost)) {
		WRITE_ONCE(network->passed[ring->flow], network->passed[ring->flow] + cost);
		verdict = VSP_NETWORK_PASS;
	}
	vsp_rates_unlock(network->service, irq);
	vsp_network_ring_settle(ring);
	if (verdict == VSP_NETWORK_PASS)
		ring->owed = cost;
	return verdict;
}

/**
 * vsp_network_ring_leave() - a queue has no frame now, so it gives up its turn
 * @ring: of it
 *
 * Context: the mover of @ring.
 */
void vsp_network_ring_leave(struct vsp_network_ring *ring)
{
	vsp_turn_leave(&ring->network->turn[ring->flow], ring->pair);
}

/**
 * vsp_network_ring_settle() - a frame has passed, and it is known whether another waits
 * @ring: of the queue that the frame has passed from
 *
 * Context: the mover of @ring, or nobody has its queue.
 */
void vsp_network_ring_settle(struct vsp_network_ring *ring)
{
	if (ring->owed)
		vsp_rates_done(ring->network->service, ring->flow, &ring->owed);
	ring->owed = 0;
}

/**
 * vsp_network_ring_passed() - count a frame that was admitted
 * @ring: of its queue
 * @cost: of it, in bytes
 *
 * Context: any.
 */
void vsp_network_ring_passed(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network *network = ring->network;

	atomic64_add(cost, &network->bytes[ring->flow]);
	vsp_network_count(network, ring->flow == VS_NETWORK_TX ? VSP_NETWORK_SENT :
			  VSP_NETWORK_RECEIVED, 1);
}

/**
 * vsp_network_ring_dropped() - count a frame that does not pass
 * @ring: of its queue
 * @why: the reason
 *
 * Context: any.
 */
void vsp_network_ring_dropped(struct vsp_network_ring *ring, enum vsp_network_counter why)
{
	struct net_device *dev = ring->network->dev;

	vsp_network_count(ring->network, why, 1);
	if (ring->flow == VS_NETWORK_TX)
		DEV_STATS_INC(dev, rx_dropped);
	else
		DEV_STATS_INC(dev, tx_dropped);
}

/**
 * vsp_network_ring_headers() - bytes before the payload of a frame that is to be segmented
 * @skb: the frame; its transport header is set
 *
 * Context: any.
 * Return: their number.
 */
u32 vsp_network_ring_headers(const struct sk_buff *skb)
{
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	return skb_tcp_all_headers(skb);
}
