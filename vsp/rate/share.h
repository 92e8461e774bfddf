/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may pass next: the floors, ceilings and weights of all contracts over one pool,
 * over a clock that the caller gives: pure.
 *
 * Every rate of the pool has a clock (shaper.h), and so have floor and ceiling of every
 * contract.  A request has a cost in every rate, and passes at once if for all of them
 *
 *	- its ceiling is open, and
 *	- its floor is open, or the pool is and it is the request's turn.
 *
 * What passes by a floor moves the pool's clock, too, and may run it ahead; what is left
 * by those who do not use their floors is the surplus.  It goes to the waiters in the
 * order of their virtual times, which what they get of the surplus moves ahead in
 * proportion to what it takes of the pool and against their weight.
 *
 * Who waits is let pass by vsp_share_next(), is charged at that moment, and finds out when
 * it asks again: a client that does not come back costs the others one request.
 *
 * If the floors of all contracts are more than the pool has for floors, each is the same
 * part of what it should be.
 */
#ifndef VSP_SHARE_H
#define VSP_SHARE_H

#include <linux/list.h>
#include <linux/types.h>

#include "vsp/rate/shaper.h"

#define VSP_SHARE_RATES_MAX	4	/* rates of one class */
#define VSP_SHARE_WEIGHT_MAX	1000

/**
 * struct vsp_share_pool - what is shared; the caller serialises
 * @rates: entries in use of all arrays, here and in the shares
 * @burst_ns: of all clocks
 * @capacity: the pool's clocks
 * @limit: what floors may have of the capacity, units a second
 * @virtual_time: of the last that got some of the surplus
 * @shares: all that are started
 * @waiters: of these, who waits, by their virtual time
 */
struct vsp_share_pool {
	unsigned int rates;
	u64 burst_ns;
	struct vsp_shaper capacity[VSP_SHARE_RATES_MAX];
	u64 limit[VSP_SHARE_RATES_MAX];
	u64 virtual_time;
	struct list_head shares;
	struct list_head waiters;
};

enum vsp_share_state {
	VSP_SHARE_STOPPED,	/* there is no contract, nothing passes */
	VSP_SHARE_IDLE,
	VSP_SHARE_WAITING,
	VSP_SHARE_PAID,		/* may pass, and is charged, but has not come back yet */
};

/**
 * struct vsp_share - one contract's part; the caller serialises
 * @pool: whose
 * @state: see there
 * @entry: in pool->shares unless stopped
 * @waiting: in pool->waiters while WAITING
 * @weight: 1..VSP_SHARE_WEIGHT_MAX; may be written at any time
 * @ceiling: its clocks
 * @floor: likewise; of rate 0 where nothing is guaranteed
 * @floor_rate: as agreed, units a second
 * @virtual_time: moved by what it gets of the surplus
 *
 * Of the request that waits, or may pass:
 * @cost: in the units of each rate
 * @since_ns: when it came
 * @paid_ns: when it was let pass
 * @ceiling_ns: when its ceilings are open, all of them
 * @floor_ns: when each floor is
 * @short_of: rates whose surplus it has found used up, a bit each
 * @takes_ns: of the pool's capacity
 * @ceiling_takes_ns: of each ceiling
 * @floor_takes_ns: of each floor
 */
struct vsp_share {
	struct vsp_share_pool *pool;
	enum vsp_share_state state;
	struct list_head entry;
	struct list_head waiting;
	u32 weight;
	struct vsp_shaper ceiling[VSP_SHARE_RATES_MAX];
	struct vsp_shaper floor[VSP_SHARE_RATES_MAX];
	u64 floor_rate[VSP_SHARE_RATES_MAX];
	u64 virtual_time;

	u64 cost[VSP_SHARE_RATES_MAX];
	u64 since_ns;
	u64 paid_ns;
	u64 ceiling_ns;
	u64 floor_ns[VSP_SHARE_RATES_MAX];
	u32 short_of;
	u64 takes_ns[VSP_SHARE_RATES_MAX];
	u64 ceiling_takes_ns[VSP_SHARE_RATES_MAX];
	u64 floor_takes_ns[VSP_SHARE_RATES_MAX];
};

void vsp_share_pool_init(struct vsp_share_pool *pool, unsigned int rates);
void vsp_share_pool_set(struct vsp_share_pool *pool, u64 now_ns, const u64 *capacity,
			const u64 *limit, u64 burst_ns);
void vsp_share_init(struct vsp_share *share, u32 weight);
void vsp_share_set(struct vsp_share *share, struct vsp_share_pool *pool, u64 now_ns,
		   const u64 *floor, const u64 *ceiling);
void vsp_share_stop(struct vsp_share *share, u64 now_ns);
bool vsp_share_ask(struct vsp_share *share, u64 now_ns, const u64 *cost);
void vsp_share_wait(struct vsp_share *share, u64 now_ns, const u64 *cost);
void vsp_share_leave(struct vsp_share *share);
struct vsp_share *vsp_share_next(struct vsp_share_pool *pool, u64 now_ns, u64 *next_ns);

#endif
