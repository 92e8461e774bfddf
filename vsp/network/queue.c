// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data queues of a service: what the class's operations on them do, their start and end.
 * Frames out of the guest are in transmit.c, frames into it in receive.c; ring.c has what is common
 * to both.
 */
#include <linux/skbuff.h>

#include "vsp/class.h"
#include "vsp/network/network.h"
#include "vsp/turn.h"

static const struct vsp_turn_spec network_turns = {
	.queues = VS_NETWORK_PAIRS,
	.rates = 1,
	.quantum = 65536,
};

static_assert(VS_NETWORK_PAIRS <= VSP_TURN_QUEUES_MAX);

static struct vsp_network_ring *ring_of(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_network *network = vsp_service_data(service);

	return &network->ring[vsp_queue_number(queue)];
}

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

	budget = ring->flow == VS_NETWORK_TX ? vsp_network_transmit(ring, queue, budget) :
					       vsp_network_receive(ring, queue, budget);
	/* Frames may be left: the mover comes back, unless it was told to stop meanwhile. */
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
	spin_lock_irq(&ring->lock);
	ring->queue = NULL;
	spin_unlock_irq(&ring->lock);
	if (ring->flow == VS_NETWORK_RX)
		vsp_network_receive_reset(ring);
	vsp_network_ring_settle(ring);
	kfree_skb(ring->head);
	ring->head = NULL;
	ring->arrivals.taken = 0;
	ring->arrivals.stamped = 0;
}

/**
 * vsp_network_queue_reset() - queue_reset of the class
 * @service: enabled; nothing of its queues is in flight
 *
 * Context: may sleep.
 */
void vsp_network_queue_reset(struct vsp_service *service)
{
	struct vsp_network *network = vsp_service_data(service);

	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		reset_ring(&network->ring[i]);
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++)
		vsp_turn_reset(&network->turn[flow]);
}

/**
 * vsp_network_queue_go_on() - the wake operation of the class
 * @service: enabled
 * @flow: the frame at its head may pass now
 *
 * Context: atomic, interrupts off.
 */
void vsp_network_queue_go_on(struct vsp_service *service, u32 flow)
{
	struct vsp_network *network = vsp_service_data(service);
	int holder = network->turn[flow].holder;

	vsp_rates_assert_held(network->service);
	if (holder >= 0)
		vsp_network_ring_wake(&network->ring[vsp_network_number(holder, flow)]);
}

/**
 * vsp_network_queue_init() - rings that have no virtqueue yet
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
		vsp_network_receive_init(ring);
	}
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++)
		vsp_turn_init(&network->turn[flow], &network_turns, network->service, flow);
}

/**
 * vsp_network_queue_exit() - free the frames that wait in all rings
 * @network: no mover has any of its queues; its netdev is unregistered and still there
 */
void vsp_network_queue_exit(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		reset_ring(&network->ring[i]);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		vsp_network_receive_exit(&network->ring[VS_NETWORK_RX_QUEUE(i)]);
}
