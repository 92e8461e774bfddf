/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rates in the data path: share.h, with the lock, the clock and the timer that it does not
 * have, and what is measured.  Of every class: a class says what its requests cost.
 *
 * Knows neither services nor pools: these embed what is here, and hear of it by
 * struct vsp_line_ops.
 */
#ifndef VSP_LINE_H
#define VSP_LINE_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vsp/rate/share.h"
#include "vs_class.h"
#include "vs_window.h"

struct vs_terms;
struct vsp_rates;
struct vsp_rates_pool;

/**
 * struct vsp_line_ops - what is reported to whom the rates are of
 * @wake: the request of @flow that was held back may go: have the mover look. Atomic;
 *	vsp_rates_pool.lock held, interrupts off
 * @violated: the floor of rate @index of the table was not kept: @served in @passed_ns.
 *	Likewise
 * @watch: calls vsp_line_judge() for all flows, and vsp_line_judge_source(). May sleep
 */
struct vsp_line_ops {
	void (*wake)(struct vsp_rates *rates, u32 flow);
	void (*violated)(struct vsp_rates *rates, u32 index, u64 served, u64 passed_ns);
	void (*watch)(struct vsp_rates_pool *pool);
};

/**
 * struct vsp_rates_line - one flow of a pool; all under vsp_rates_pool.lock
 * @pool: whose
 * @flow: which
 * @share: its clocks
 * @index: of each rate, in the class's table
 * @timer: when the next waiter may pass
 * @timer_ns: when that is, U64_MAX: never
 */
struct vsp_rates_line {
	struct vsp_rates_pool *pool;
	u32 flow;
	struct vsp_share_pool share;
	u32 index[VSP_SHARE_RATES_MAX];
	struct hrtimer timer;
	u64 timer_ns;
};

/**
 * struct vsp_rates_pool - of a pool
 * @ops: of its owner
 * @spec: class
 * @lock: protects the clocks, and the shares of all contracts; taken with interrupts off, by
 *	movers, in the timers, and to put a contract in force: what is admitted is admitted
 *	before that, or after it. Outside of the locks of classes
 * @line: of each flow of the class; under @lock
 * @watch: looks at the floors every second while there are contracts
 *
 * Of the watch, and of vsp_line_set(), which its owner serialises:
 * @slow_for: looks in a row that have found the source too slow for a floor
 * @well_for: looks in a row since the last of these that have found that it was not
 * @well_after: looks that it takes; more every time
 * @slow: the source is slower than the capacity says
 */
struct vsp_rates_pool {
	const struct vsp_line_ops *ops;
	const struct vs_class_spec *spec;
	spinlock_t lock;	/* clocks and shares */
	struct vsp_rates_line line[VS_CLASS_FLOWS_MAX];
	struct delayed_work watch;
	unsigned int slow_for;
	unsigned int well_for;
	unsigned int well_after;
	bool slow;
};

/**
 * struct vsp_rates - one flow of a service
 * @owner: the service; for the owner's functions only
 *
 * Under its pool's lock:
 * @share: its clocks
 * @held_since_ns: when the request at the head of the flow was found to be early; 0: there is
 *	no such request
 * @waits: requests that were
 * @waited_ns: for how long, in sum
 * @second_ns: when the current second of used_<rate> began
 * @second: what was admitted in it
 * @last: in the full second before it
 *
 * @lock: protects what follows; innermost; taken with interrupts off
 * @outstanding: requests that the source has
 * @since_ns: until then they are in @window.depth_ns
 * @largest: what the largest of them counts for, and of those since there were none
 * @window: what it has done
 * @held_ns: for how long the head of the flow was early in @window
 * @violations: windows in which no floor was kept
 */
struct vsp_rates {
	void *owner;
	struct vsp_share share;
	u64 held_since_ns;
	u64 waits;
	u64 waited_ns;
	u64 second_ns;
	u64 second[VSP_SHARE_RATES_MAX];
	u64 last[VSP_SHARE_RATES_MAX];

	spinlock_t lock;	/* the window */
	unsigned int outstanding;
	u64 since_ns;
	u64 largest[VSP_SHARE_RATES_MAX];
	struct vs_window window;
	u64 held_ns;
	u64 violations;
};

/**
 * enum vsp_line_verdict - what looking at a window has found; the worst is the largest
 * @VSP_LINE_UNDECIDED: it goes on
 * @VSP_LINE_KEPT: the floor was kept, or nothing was owed
 * @VSP_LINE_HELD_BACK: the floor was not kept, for want of rates
 * @VSP_LINE_TOO_SLOW: the floor was not kept, by the source
 */
enum vsp_line_verdict {
	VSP_LINE_UNDECIDED,
	VSP_LINE_KEPT,
	VSP_LINE_HELD_BACK,
	VSP_LINE_TOO_SLOW,
};

void vsp_line_pool_init(struct vsp_rates_pool *pool, const struct vs_class_spec *spec,
			const struct vsp_line_ops *ops);
void vsp_line_pool_stop(struct vsp_rates_pool *pool);
void vsp_line_set(struct vsp_rates_line *line, const u64 *capacity, const u64 *limit, u64 burst_ns);
void vsp_line_init(struct vsp_rates *rates, void *owner, u32 weight);
void vsp_line_commit(struct vsp_rates_line *line, struct vsp_rates *rates,
		     const struct vs_terms *terms);
bool vsp_line_admit(struct vsp_rates_line *line, struct vsp_rates *rates, u32 weight,
		    const u64 *cost);
void vsp_line_wait(struct vsp_rates_line *line, struct vsp_rates *rates, u32 weight,
		   const u64 *cost);
void vsp_line_drop(struct vsp_rates_line *line, struct vsp_rates *rates);
void vsp_line_done(const struct vsp_rates_line *line, struct vsp_rates *rates, const u64 *cost);
u64 vsp_line_used(struct vsp_rates_line *line, const struct vsp_rates *rates, u32 index);
enum vsp_line_verdict vsp_line_judge(struct vsp_rates_line *line, struct vsp_rates *rates,
				     const struct vs_terms *terms, u64 now);
bool vsp_line_judge_source(struct vsp_rates_pool *pool, enum vsp_line_verdict worst);

/**
 * vsp_line_held() - is it of no use to look at the head of a flow now?
 * @rates: any
 *
 * Takes no lock: the answer may be old, but who changes it wakes the mover afterwards.
 *
 * Context: any.
 */
static inline bool vsp_line_held(const struct vsp_rates *rates)
{
	return READ_ONCE(rates->share.state) == VSP_SHARE_WAITING;
}

#endif
