// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue of a disk has the next request.  All queues are one flow, with the rates of the
 * service: one request is at its head at a time, in one of the queues, and they have turns.
 */
#include <linux/bitops.h>
#include <linux/string.h>

#include "vsp/class.h"
#include "vsp/storage/storage.h"

/* What a queue may have in a row while others want to, and what a request counts besides bytes. */
#define QUANTUM		(256 * 1024)
#define OPERATION	4096

/*
 * Gives the turn to the next queue that has a request; if none has one, nobody holds it. That
 * request waits for its rates at once: its mover may be late.
 */
static void turn_hand_on(struct vsp_storage_ring *ring)
{
	struct vsp_storage *storage = ring->storage;
	struct vsp_storage_turn *turn = &storage->turn;
	unsigned int next;

	vsp_rates_assert_held(storage->service);
	WRITE_ONCE(turn->holder, -1);
	turn->spent = 0;
	if (!turn->wanting)
		return;
	next = find_next_bit(&turn->wanting, VS_STORAGE_QUEUES_MAX, ring->index + 1);
	if (next >= VS_STORAGE_QUEUES_MAX)
		next = find_first_bit(&turn->wanting, VS_STORAGE_QUEUES_MAX);
	__clear_bit(next, &turn->wanting);
	WRITE_ONCE(turn->holder, next);
	vsp_rates_wait(storage->service, 0, turn->cost[next]);
}

/**
 * vsp_storage_turn_admit() - may the first request of a queue pass?
 * @ring: of the queue
 * @cost: of the request, per rate
 *
 * If not, the mover is woken when it is to ask again.
 *
 * Context: the mover of @ring; vsp_rates_lock() held.
 * Return: whether it may; then it was charged
 */
bool vsp_storage_turn_admit(struct vsp_storage_ring *ring, const u64 *cost)
{
	struct vsp_storage *storage = ring->storage;
	struct vsp_storage_turn *turn = &storage->turn;

	vsp_rates_assert_held(storage->service);
	if (turn->holder >= 0 && turn->holder != ring->index) {
		memcpy(turn->cost[ring->index], cost, sizeof(turn->cost[0]));
		__set_bit(ring->index, &turn->wanting);
		return false;
	}
	if (!vsp_rates_admit(storage->service, 0, cost)) {
		WRITE_ONCE(turn->holder, ring->index);
		return false;
	}
	turn->spent += cost[0] + OPERATION;
	if (turn->wanting && turn->spent < QUANTUM)
		WRITE_ONCE(turn->holder, ring->index);
	else
		turn_hand_on(ring);
	return true;
}

/**
 * vsp_storage_turn_drop() - the first request of a queue fails, or there is none
 * @ring: of the queue
 *
 * Context: the mover of @ring; vsp_rates_lock() held.
 */
void vsp_storage_turn_drop(struct vsp_storage_ring *ring)
{
	struct vsp_storage_turn *turn = &ring->storage->turn;

	vsp_rates_assert_held(ring->storage->service);
	__clear_bit(ring->index, &turn->wanting);
	if (turn->holder >= 0 && turn->holder != ring->index)
		return;
	vsp_rates_drop(ring->storage->service, 0);
	turn_hand_on(ring);
}

/**
 * vsp_storage_turn_leave() - a queue has nothing to ask for now, so it gives up its turn
 * @ring: of the queue
 *
 * Context: the mover of @ring.
 */
void vsp_storage_turn_leave(struct vsp_storage_ring *ring)
{
	struct vsp_storage_turn *turn = &ring->storage->turn;
	unsigned long irq;

	if (READ_ONCE(turn->holder) != ring->index && !test_bit(ring->index, &turn->wanting))
		return;
	irq = vsp_rates_lock(ring->storage->service);
	vsp_storage_turn_drop(ring);
	vsp_rates_unlock(ring->storage->service, irq);
}

/**
 * vsp_storage_turn_held() - is it of no use to look at the first request of a queue now?
 * @ring: of the queue
 *
 * Takes no lock: the answer may be old, but who changes it wakes the mover afterwards.
 *
 * Context: the mover of @ring.
 */
bool vsp_storage_turn_held(const struct vsp_storage_ring *ring)
{
	const struct vsp_storage *storage = ring->storage;

	/* What is not granted has nothing to wait for. */
	return ring->index < READ_ONCE(storage->terms.queues) &&
	       (READ_ONCE(storage->turn.holder) == ring->index ||
		test_bit(ring->index, &storage->turn.wanting)) &&
	       vsp_rates_held(storage->service, 0);
}

/**
 * vsp_storage_turn_reset() - all queues of a disk are gone
 * @storage: nothing of its queues is in flight
 *
 * Context: may sleep.
 */
void vsp_storage_turn_reset(struct vsp_storage *storage)
{
	unsigned long irq = vsp_rates_lock(storage->service);

	WRITE_ONCE(storage->turn.holder, -1);
	storage->turn.wanting = 0;
	storage->turn.spent = 0;
	vsp_rates_unlock(storage->service, irq);
	vsp_rates_reset(storage->service, 0);
}
