/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rates in the data path: share.h, with the locks, the clock and the timer that it has
 * not, and what is measured.  Of every class: a class says what its requests cost.
 */
#ifndef VSP_RATES_H
#define VSP_RATES_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vsp/rate/share.h"
#include "vs_limits.h"
#include "vs_window.h"

struct vs_terms;
struct vsp_pool;
struct vsp_service;

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
	struct vsp_pool *pool;
	u32 flow;
	struct vsp_share_pool share;
	u32 index[VSP_SHARE_RATES_MAX];
	struct hrtimer timer;
	u64 timer_ns;
};

/**
 * struct vsp_rates_pool - of a pool
 * @lock: protects all that follows and the shares of all services; taken with interrupts
 *	off, by movers, in the timers, and to put a contract in force: what is admitted is
 *	admitted before that, or after it. Outside of the locks of classes
 * @line: of each flow of the class
 * @watch: looks at the floors every second while there are contracts
 * @slow_for: looks in a row that have found the source too slow for a floor
 * @well_for: looks in a row since the last of these that have found that it was not
 * @well_after: looks that it takes; more every time
 * @slow: the source is slower than the capacity says
 */
struct vsp_rates_pool {
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
 * @service: whose
 *
 * Under its pool's lock:
 * @share: its clocks
 * @held_since_ns: when the request at the head of its line was found to be early, 0: none is
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
 * @held_ns: for how long the head of the line was early in @window
 * @violations: windows in which no floor was kept
 */
struct vsp_rates {
	struct vsp_service *service;
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

void vsp_rates_pool_init(struct vsp_pool *pool);
void vsp_rates_pool_changed(struct vsp_pool *pool);
void vsp_rates_pool_stop(struct vsp_pool *pool);
void vsp_rates_init(struct vsp_service *service);
void vsp_rates_commit(struct vsp_service *service, const struct vs_terms *terms);

#endif
