// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue of a flow sends the next frame.  A flow is one direction of a service, with one rate.
 * One frame of the flow is at its head at a time, in one of its queues; the queues have turns, one
 * after the other.
 */
#include <linux/bitops.h>
#include <linux/spinlock.h>

#include "vsp/class.h"
#include "vsp/network/network.h"

/* Gives the turn to the next queue that has a frame; if no queue has one, nobody holds it. */
static void turn_pass(struct vsp_network *network, enum vs_network_flow flow, unsigned int pair)
{
	struct vsp_network_turn *turn = &network->turn[flow];
	unsigned int next;

	vsp_rates_assert_held(network->service);
	WRITE_ONCE(turn->holder, -1);
	turn->spent = 0;
	if (!turn->wanting)
		return;
	next = find_next_bit(&turn->wanting, VS_NETWORK_PAIRS, pair + 1);
	if (next >= VS_NETWORK_PAIRS)
		next = find_first_bit(&turn->wanting, VS_NETWORK_PAIRS);
	__clear_bit(next, &turn->wanting);
	WRITE_ONCE(turn->holder, next);
	vsp_network_ring_wake(&network->ring[vsp_network_number(next, flow)]);
}

/**
 * vsp_network_turn_leave() - a queue has no frame now, so it gives up its turn
 * @ring: of it
 *
 * Context: the mover of @ring.
 */
void vsp_network_turn_leave(struct vsp_network_ring *ring)
{
	struct vsp_network *network = ring->network;
	struct vsp_network_turn *turn = &network->turn[ring->flow];
	unsigned long irq;

	if (READ_ONCE(turn->holder) != ring->pair)
		return;
	irq = vsp_rates_lock(network->service);
	vsp_rates_drop(network->service, ring->flow);
	turn_pass(network, ring->flow, ring->pair);
	vsp_rates_unlock(network->service, irq);
}

/* A frame held back by its rate stays at the head, so a kick need not take the lock. */
static bool is_held(const struct vsp_network_ring *ring)
{
	const struct vsp_network *network = ring->network;

	return READ_ONCE(network->turn[ring->flow].holder) == ring->pair &&
	       vsp_network_has_contract(ring) &&
	       vsp_rates_held(network->service, ring->flow);
}

/* A queue that has sent its quantum lets the next one have its turn. */
static void turn_spend(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network_turn *turn = &ring->network->turn[ring->flow];

	WRITE_ONCE(turn->passed, turn->passed + cost);
	turn->spent += cost;
	if (turn->wanting && turn->spent < VSP_NETWORK_QUANTUM)
		WRITE_ONCE(turn->holder, ring->pair);
	else
		turn_pass(ring->network, ring->flow, ring->pair);
}

/**
 * vsp_network_turn_settle() - a frame has passed, and it is known whether another waits
 * @ring: of the queue that the frame has passed from
 *
 * Context: the mover of @ring, or nobody has its queue.
 */
void vsp_network_turn_settle(struct vsp_network_ring *ring)
{
	if (ring->owed)
		vsp_rates_done(ring->network->service, ring->flow, &ring->owed);
	ring->owed = 0;
}

/**
 * vsp_network_turn_admit() - may the first frame of a queue go on its way?
 * @ring: of the queue
 * @cost: of the frame, in bytes
 *
 * Decided under vsp_rates_lock(), so by the contract before a commit or by that after it. When the
 * mover is woken it asks again for a frame that was held back.
 *
 * Context: the mover of @ring.
 * Return: whether it may, has to wait, or is to be dropped.
 */
enum vsp_network_verdict vsp_network_turn_admit(struct vsp_network_ring *ring, u64 cost)
{
	struct vsp_network *network = ring->network;
	struct vsp_network_turn *turn = &network->turn[ring->flow];
	enum vsp_network_verdict verdict = VSP_NETWORK_HOLD;
	unsigned long irq;

	if (is_held(ring))
		return VSP_NETWORK_HOLD;
	irq = vsp_rates_lock(network->service);
	if (!vsp_network_has_contract(ring)) {
		verdict = VSP_NETWORK_DROP;
	} else if (turn->holder >= 0 && turn->holder != ring->pair) {
		__set_bit(ring->pair, &turn->wanting);
	} else if (!vsp_rates_admit(network->service, ring->flow, &cost)) {
		WRITE_ONCE(turn->holder, ring->pair);
	} else {
		turn_spend(ring, cost);
		verdict = VSP_NETWORK_PASS;
	}
	vsp_rates_unlock(network->service, irq);
	vsp_network_turn_settle(ring);
	if (verdict == VSP_NETWORK_PASS)
		ring->owed = cost;
	return verdict;
}
