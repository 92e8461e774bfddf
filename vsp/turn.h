/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which queue of a flow has the next request.  A flow has its rates once, whatever the number of
 * its queues (all queues of a disk, or those of one direction of a network device): one request is
 * at its head at a time, in one of its queues, and the queues have turns, one after the other.
 *
 * A queue that wants the turn has a request, which the mover of that queue has tried to have
 * admitted.  It gets the turn without its mover: its request waits for the rates from then on, and
 * the class's wake() tells that mover, the holder's, when to ask again.
 */
#ifndef VSP_TURN_H
#define VSP_TURN_H

#include <linux/types.h>

#include "vsp/class.h"

#define VSP_TURN_QUEUES_MAX	4	/* queues of one flow */

/**
 * struct vsp_turn_spec - how the queues of a flow have turns
 * @queues: that there may be, at most VSP_TURN_QUEUES_MAX
 * @rates: of the flow, at most VSP_RATES_MAX
 * @quantum: what a queue may spend in a turn while others want to, in units of the first rate; the
 *	request that begins below it passes whole, and what that has more is taken off the next turn
 * @request: what a request counts for besides its cost, likewise
 */
struct vsp_turn_spec {
	unsigned int queues;
	unsigned int rates;
	u64 quantum;
	u64 request;
};

/**
 * struct vsp_turn - whose request is at the head of a flow
 * @spec: of the class
 * @service: of the flow
 * @flow: which of the service's
 *
 * Under vsp_rates_lock(); the first two are also read without, see turn_has_request():
 * @holder: the queue whose request it is, or -1: no queue has one
 * @wanting: other queues that have a request, a bit each; none without a holder
 * @cost: of the request of each of these, in the order of the class's table
 * @spent: what each queue has had while others wanted the turn, less a quantum for each turn that
 *	has ended, or that it was passed over at
 */
struct vsp_turn {
	const struct vsp_turn_spec *spec;
	struct vsp_service *service;
	u32 flow;

	int holder;
	unsigned long wanting;
	u64 cost[VSP_TURN_QUEUES_MAX][VSP_RATES_MAX];
	u64 spent[VSP_TURN_QUEUES_MAX];
};

/* vsp/core/turn.c */
void vsp_turn_init(struct vsp_turn *turn, const struct vsp_turn_spec *spec,
		   struct vsp_service *service, u32 flow);
bool vsp_turn_admit(struct vsp_turn *turn, unsigned int queue, const u64 *cost);
void vsp_turn_drop(struct vsp_turn *turn, unsigned int queue);
void vsp_turn_leave(struct vsp_turn *turn, unsigned int queue);
bool vsp_turn_held(const struct vsp_turn *turn, unsigned int queue);
void vsp_turn_reset(struct vsp_turn *turn);

#endif
