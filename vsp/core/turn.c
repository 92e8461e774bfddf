// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue of a flow has the next request; see vsp/turn.h.
 */
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/export.h>
#include <linux/string.h>
#include <asm/barrier.h>

#include "vsp/turn.h"

/*
 * Takes no lock: the answer may be old. But a queue that was given the turn is never seen as one
 * that has no request: turn_give() makes it the holder before it stops wanting to be that.
 */
static bool turn_has_request(const struct vsp_turn *turn, unsigned int queue)
{
	bool wants = READ_ONCE(turn->wanting) & BIT(queue);

	smp_rmb();	/* pairs with that of turn_give() */
	return wants || READ_ONCE(turn->holder) == queue;
}

/* Its request waits for the rates at once: its mover may be late. */
static void turn_give(struct vsp_turn *turn, unsigned int queue)
{
	WRITE_ONCE(turn->holder, queue);
	smp_wmb();	/* pairs with that of turn_has_request() */
	WRITE_ONCE(turn->wanting, turn->wanting & ~BIT(queue));
	vsp_rates_wait(turn->service, turn->flow, turn->cost[queue]);
}

/*
 * Which of @queues is next after @queue?  One that has had a quantum too much in its turns before
 * is passed over, once for each quantum: else a queue of large requests would get more than one of
 * small ones.
 */
static unsigned int turn_next(struct vsp_turn *turn, unsigned int queue, unsigned long queues)
{
	for (;;) {
		queue = find_next_bit_wrap(&queues, turn->spec->queues, queue + 1);
		if (turn->spent[queue] < turn->spec->quantum)
			return queue;
		turn->spent[queue] -= turn->spec->quantum;
	}
}

/* A queue has no request. */
static void turn_end(struct vsp_turn *turn, unsigned int queue)
{
	if (turn->wanting)
		turn_give(turn, turn_next(turn, queue, turn->wanting));
	else
		WRITE_ONCE(turn->holder, -1);
}

/* A request of a queue has passed; there may be more in it. */
static void turn_spend(struct vsp_turn *turn, unsigned int queue, u64 amount)
{
	unsigned int next = queue;

	if (!turn->wanting) {
		/* It has taken nothing from others, so that it owes them nothing. */
		turn->spent[queue] = 0;
		WRITE_ONCE(turn->holder, -1);
		return;
	}
	turn->spent[queue] += amount;
	if (turn->spent[queue] >= turn->spec->quantum) {
		turn->spent[queue] -= turn->spec->quantum;
		next = turn_next(turn, queue, turn->wanting | BIT(queue));
	}
	if (next == queue)
		WRITE_ONCE(turn->holder, queue);
	else
		turn_give(turn, next);
}

/**
 * vsp_turn_init() - a flow whose queues have no requests
 * @turn: zeroed
 * @spec: of the class; stays
 * @service: of the flow
 * @flow: which of the service's
 */
void vsp_turn_init(struct vsp_turn *turn, const struct vsp_turn_spec *spec,
		   struct vsp_service *service, u32 flow)
{
	turn->spec = spec;
	turn->service = service;
	turn->flow = flow;
	turn->holder = -1;
}
EXPORT_SYMBOL_GPL(vsp_turn_init);

/**
 * vsp_turn_admit() - may the first request of a queue pass?
 * @turn: of the flow; its service has a contract
 * @queue: of the flow
 * @cost: of the request, as for vsp_rates_admit()
 *
 * If not, the class's wake() says when the mover of the holder is to ask again.
 *
 * Context: the mover of @queue; vsp_rates_lock() held. wake() may be called in it.
 * Return: whether it may; then it was charged, and vsp_rates_done() is owed
 */
bool vsp_turn_admit(struct vsp_turn *turn, unsigned int queue, const u64 *cost)
{
	vsp_rates_assert_held(turn->service);
	if (turn->holder >= 0 && turn->holder != queue) {
		memcpy(turn->cost[queue], cost, turn->spec->rates * sizeof(*cost));
		WRITE_ONCE(turn->wanting, turn->wanting | BIT(queue));
		return false;
	}
	if (!vsp_rates_admit(turn->service, turn->flow, cost)) {
		WRITE_ONCE(turn->holder, queue);
		return false;
	}
	turn_spend(turn, queue, cost[0] + turn->spec->request);
	return true;
}
EXPORT_SYMBOL_GPL(vsp_turn_admit);

/**
 * vsp_turn_drop() - the first request of a queue passes without its rates
 * @turn: of the flow
 * @queue: of the flow; its request fails, or there is none
 *
 * Context: the mover of @queue; vsp_rates_lock() held. wake() may be called in it.
 */
void vsp_turn_drop(struct vsp_turn *turn, unsigned int queue)
{
	vsp_rates_assert_held(turn->service);
	WRITE_ONCE(turn->wanting, turn->wanting & ~BIT(queue));
	if (turn->holder >= 0 && turn->holder != queue)
		return;
	vsp_rates_drop(turn->service, turn->flow);
	turn_end(turn, queue);
}
EXPORT_SYMBOL_GPL(vsp_turn_drop);

/**
 * vsp_turn_leave() - a queue has no request now, so it gives up its turn
 * @turn: of the flow
 * @queue: of the flow
 *
 * Context: the mover of @queue.
 */
void vsp_turn_leave(struct vsp_turn *turn, unsigned int queue)
{
	unsigned long irq;

	if (!turn_has_request(turn, queue))
		return;
	irq = vsp_rates_lock(turn->service);
	vsp_turn_drop(turn, queue);
	vsp_rates_unlock(turn->service, irq);
}
EXPORT_SYMBOL_GPL(vsp_turn_leave);

/**
 * vsp_turn_held() - is it of no use to ask for the first request of a queue now?
 * @turn: of the flow
 * @queue: of the flow
 *
 * Takes no lock: the answer may be old, but who changes it wakes the holder's mover afterwards.
 *
 * Context: the mover of @queue.
 */
bool vsp_turn_held(const struct vsp_turn *turn, unsigned int queue)
{
	return turn_has_request(turn, queue) && vsp_rates_held(turn->service, turn->flow);
}
EXPORT_SYMBOL_GPL(vsp_turn_held);

/**
 * vsp_turn_reset() - the queues of a flow are gone
 * @turn: of the flow; nothing of its queues is in flight
 *
 * Context: any.
 */
void vsp_turn_reset(struct vsp_turn *turn)
{
	unsigned long irq = vsp_rates_lock(turn->service);

	WRITE_ONCE(turn->holder, -1);
	WRITE_ONCE(turn->wanting, 0);
	memset(turn->spent, 0, sizeof(turn->spent));
	vsp_rates_drop(turn->service, turn->flow);
	vsp_rates_unlock(turn->service, irq);
}
EXPORT_SYMBOL_GPL(vsp_turn_reset);
