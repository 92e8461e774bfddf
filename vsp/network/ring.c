// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is common to both directions of a data queue: waking its mover, counting its frames.
 */
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "vsp/network/network.h"

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
