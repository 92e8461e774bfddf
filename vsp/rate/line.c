// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates in the data path; see line.h and share.h.
 */
#include <linux/bug.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vs_compat.h"
#include "vs_terms.h"
#include "vsp/rate/line.h"

/* A mover that needs longer to come back does not run: its client demands nothing. */
#define AWAY_NS		(100 * NSEC_PER_MSEC)
/*
 * Seconds in a row until a source is slow, and until it is not any more.  The latter double with
 * every time: a load that comes and goes must not have all services told again and again.
 */
#define SLOW_AFTER	3
#define WELL_AFTER	10
#define WELL_AFTER_MAX	(WELL_AFTER << 6)

/* ---- Letting pass ---- */

static void line_arm(struct vsp_rates_line *line, u64 next_ns)
{
	lockdep_assert_held(&line->pool->lock);
	if (next_ns == line->timer_ns)
		return;
	line->timer_ns = next_ns;
	/* A timer that comes too early lets nothing pass, and is armed again. */
	if (next_ns != U64_MAX)
		hrtimer_start(&line->timer, ns_to_ktime(min_t(u64, next_ns, KTIME_MAX)),
			      HRTIMER_MODE_ABS);
}

/* Wakes the movers of all requests that may pass, but for that of @asker, which is looking. */
static void let_pass(struct vsp_rates_line *line, u64 now, const struct vsp_share *asker)
{
	struct vsp_share *share;
	u64 next;

	lockdep_assert_held(&line->pool->lock);
	while ((share = vsp_share_next(&line->share, now, &next))) {
		if (share == asker)
			continue;
		line->pool->ops->wake(container_of(share, struct vsp_rates, share), line->flow);
	}
	line_arm(line, next);
}

static enum hrtimer_restart line_timer_passed(struct hrtimer *timer)
{
	struct vsp_rates_line *line = container_of(timer, struct vsp_rates_line, timer);
	unsigned long irq;

	spin_lock_irqsave(&line->pool->lock, irq);
	line->timer_ns = U64_MAX;
	let_pass(line, ktime_get_ns(), NULL);
	spin_unlock_irqrestore(&line->pool->lock, irq);
	return HRTIMER_NORESTART;
}

/* ---- Measuring ---- */

static void rates_measure(struct vsp_rates *rates, unsigned int count, u64 now, const u64 *cost)
{
	u64 passed = now - rates->second_ns;

	if (passed >= NSEC_PER_SEC) {
		for (unsigned int i = 0; i < count; i++) {
			rates->last[i] = passed < 2 * NSEC_PER_SEC ? rates->second[i] : 0;
			rates->second[i] = 0;
		}
		rates->second_ns = now;
	}
	for (unsigned int i = 0; i < count; i++)
		rates->second[i] += cost[i];
}

static void begin_hold(struct vsp_rates *rates, u64 now)
{
	if (rates->held_since_ns)
		return;
	rates->held_since_ns = now;
	rates->waits++;
}

static void end_hold(struct vsp_rates *rates, u64 now)
{
	u64 held = now - rates->held_since_ns;

	if (!rates->held_since_ns)
		return;
	rates->waited_ns += held;
	rates->held_since_ns = 0;
	spin_lock(&rates->lock);
	rates->held_ns += min(held, now - rates->window.start_ns);
	spin_unlock(&rates->lock);
}

static void begin_request(struct vsp_rates *rates, unsigned int count, u64 now, const u64 *cost)
{
	spin_lock(&rates->lock);
	vs_window_depth(&rates->window, rates->outstanding, &rates->since_ns, now);
	if (!rates->outstanding++)
		memset(rates->largest, 0, sizeof(rates->largest));
	for (unsigned int i = 0; i < count; i++)
		rates->largest[i] = max(rates->largest[i], cost[i]);
	spin_unlock(&rates->lock);
}

/* Does its mover not come for the request that may pass? */
static bool is_away(const struct vsp_share *share, u64 now)
{
	return share->state == VSP_SHARE_PAID && now - share->paid_ns > AWAY_NS;
}

/* What is owed in this window is not known. */
static void void_window(struct vsp_rates *rates)
{
	spin_lock(&rates->lock);
	rates->window.idle = true;
	spin_unlock(&rates->lock);
}

/**
 * vsp_line_admit() - may the request at the head of a flow pass?
 * @line: of the pool
 * @rates: a contract over it is in force
 * @weight: 1..VSP_SHARE_WEIGHT_MAX
 * @cost: of the request, for each rate of the line, in the order of the class's table
 *
 * If it may, it is charged, and vsp_line_done() is owed; else wake() says when to ask again.
 *
 * Context: the mover; pool->lock held, interrupts off.
 * Return: whether it may.
 */
bool vsp_line_admit(struct vsp_rates_line *line, struct vsp_rates *rates, u32 weight,
		    const u64 *cost)
{
	struct vsp_share *share = &rates->share;
	u64 now = ktime_get_ns();
	bool away;

	lockdep_assert_held(&line->pool->lock);
	share->weight = weight;
	away = is_away(share, now);
	if (!vsp_share_ask(share, now, cost)) {
		let_pass(line, now, share);
		if (share->state != VSP_SHARE_PAID || !vsp_share_ask(share, now, cost)) {
			begin_hold(rates, now);
			return false;
		}
	}
	end_hold(rates, now);
	rates_measure(rates, line->share.rates, now, cost);
	begin_request(rates, line->share.rates, now, cost);
	if (away)
		void_window(rates);
	return true;
}

/**
 * vsp_line_wait() - a request is at the head of a flow, whose mover is not there to ask
 * @line: of the pool
 * @rates: any
 * @weight: 1..VSP_SHARE_WEIGHT_MAX
 * @cost: of the request, for each rate of the line, in the order of the class's table
 *
 * So it waits from now on, and not from when its mover gets to run. wake() says when to ask.
 *
 * Context: another mover of the flow; pool->lock held, interrupts off.
 */
void vsp_line_wait(struct vsp_rates_line *line, struct vsp_rates *rates, u32 weight,
		   const u64 *cost)
{
	struct vsp_share *share = &rates->share;
	u64 now = ktime_get_ns();

	lockdep_assert_held(&line->pool->lock);
	if (share->state == VSP_SHARE_STOPPED) {
		line->pool->ops->wake(rates, line->flow);
		return;
	}
	share->weight = weight;
	vsp_share_wait(share, now, cost);
	let_pass(line, now, NULL);
	/* What passes at once waits for its mover alone. */
	if (share->state == VSP_SHARE_WAITING)
		begin_hold(rates, now);
}

/**
 * vsp_line_drop() - the request at the head of a flow passes without its rates
 * @line: of the pool
 * @rates: any; the request fails, or there is none
 *
 * Context: the mover; pool->lock held, interrupts off.
 */
void vsp_line_drop(struct vsp_rates_line *line, struct vsp_rates *rates)
{
	u64 now = ktime_get_ns();

	lockdep_assert_held(&line->pool->lock);
	vsp_share_leave(&rates->share);
	end_hold(rates, now);
	/* No request waits any more; if none is under way either, nothing is owed. */
	spin_lock(&rates->lock);
	rates->window.idle |= !rates->outstanding;
	spin_unlock(&rates->lock);
	let_pass(line, now, NULL);
}

/**
 * vsp_line_done() - the source has finished with a request, however it ended
 * @line: of the pool
 * @rates: of the request
 * @cost: that it was admitted with
 *
 * Context: any, interrupts included.
 */
void vsp_line_done(const struct vsp_rates_line *line, struct vsp_rates *rates, const u64 *cost)
{
	unsigned long irq;

	spin_lock_irqsave(&rates->lock, irq);
	vs_window_depth(&rates->window, rates->outstanding, &rates->since_ns, ktime_get_ns());
	rates->window.requests++;
	for (unsigned int i = 0; i < line->share.rates; i++)
		vs_window_count(&rates->window, line->index[i], cost[i]);
	/* What waits to pass is demand, too. */
	if (!--rates->outstanding && READ_ONCE(rates->share.state) < VSP_SHARE_WAITING)
		rates->window.idle = true;
	spin_unlock_irqrestore(&rates->lock, irq);
}

/**
 * vsp_line_used() - what is used of a rate
 * @line: of the pool
 * @rates: any
 * @index: of the RATE in the class's table
 *
 * Context: any but interrupt.
 * Return: what was admitted in the last full second, in the term's unit
 */
u64 vsp_line_used(struct vsp_rates_line *line, const struct vsp_rates *rates, u32 index)
{
	struct vsp_rates_pool *pool = line->pool;
	u64 passed, used = 0;

	spin_lock_irq(&pool->lock);
	passed = ktime_get_ns() - rates->second_ns;
	for (unsigned int i = 0; i < line->share.rates; i++) {
		if (line->index[i] != index)
			continue;
		if (passed < NSEC_PER_SEC)
			used = rates->last[i];
		else if (passed < 2 * NSEC_PER_SEC)
			used = rates->second[i];
	}
	spin_unlock_irq(&pool->lock);
	return used;
}

/* ---- Floors that are not kept ---- */

static void tell_violated(const struct vsp_rates_line *line, struct vsp_rates *rates, u64 now)
{
	const struct vs_window *window = &rates->window;

	for (unsigned int i = 0; i < line->share.rates; i++)
		line->pool->ops->violated(rates, line->index[i], window->served[line->index[i]],
					  now - window->start_ns);
}

/* What waits, and what the source has, is as large as it is, though nothing of it is done. */
static void expect_requests(const struct vsp_rates_line *line, struct vsp_rates *rates)
{
	for (unsigned int i = 0; i < line->share.rates; i++) {
		if (rates->outstanding)
			vs_window_expect(&rates->window, line->index[i], rates->largest[i]);
		if (rates->share.state >= VSP_SHARE_WAITING)
			vs_window_expect(&rates->window, line->index[i], rates->share.cost[i]);
	}
}

static enum vsp_line_verdict judge_window(const struct vsp_rates_line *line,
					  struct vsp_rates *rates, const struct vs_terms *terms,
					  u64 now)
{
	const struct vs_class_spec *spec = line->pool->spec;
	struct vs_window *window = &rates->window;
	u64 passed = now - window->start_ns, held = rates->held_ns;
	bool held_back;

	if (!vs_window_decides(window, now, spec, line->flow, terms))
		return VSP_LINE_UNDECIDED;
	if (rates->held_since_ns)
		held += now - max(rates->held_since_ns, window->start_ns);
	held_back = held >= passed / 2;
	/* How much there was to do in the rest of the time is then of little use. */
	window->waited_ns = held_back ? passed : held;
	if (!terms || !vs_window_violated(window, now, spec, line->flow, terms))
		return VSP_LINE_KEPT;
	rates->violations++;
	tell_violated(line, rates, now);
	return held_back ? VSP_LINE_HELD_BACK : VSP_LINE_TOO_SLOW;
}

/**
 * vsp_line_judge() - was the floor kept?
 * @line: of the pool
 * @rates: any
 * @terms: of the contract in force, or NULL
 * @now: the time
 *
 * Begins another window if the one that is looked at is over.
 *
 * Context: the watch; pool->lock held, interrupts off.
 */
enum vsp_line_verdict vsp_line_judge(struct vsp_rates_line *line, struct vsp_rates *rates,
				     const struct vs_terms *terms, u64 now)
{
	const struct vsp_share *share = &rates->share;
	enum vsp_line_verdict verdict;
	bool away;

	lockdep_assert_held(&line->pool->lock);
	away = is_away(share, now);
	spin_lock(&rates->lock);
	rates->window.idle |= away;
	vs_window_depth(&rates->window, rates->outstanding, &rates->since_ns, now);
	expect_requests(line, rates);
	verdict = judge_window(line, rates, terms, now);
	if (verdict != VSP_LINE_UNDECIDED) {
		vs_window_begin(&rates->window, now, away ||
				(!rates->outstanding && share->state < VSP_SHARE_WAITING));
		rates->held_ns = 0;
	}
	spin_unlock(&rates->lock);
	return verdict;
}

/**
 * vsp_line_judge_source() - is the source slower than the pool's capacity says?
 * @pool: any
 * @worst: of what vsp_line_judge() has returned for all flows of the pool
 *
 * Context: the watch; the owner's lock held.
 * Return: whether pool->slow has changed
 */
bool vsp_line_judge_source(struct vsp_rates_pool *pool, enum vsp_line_verdict worst)
{
	bool slow = pool->slow;

	if (worst == VSP_LINE_UNDECIDED)
		return false;
	pool->slow_for = worst == VSP_LINE_TOO_SLOW ? pool->slow_for + 1 : 0;
	pool->well_for = worst == VSP_LINE_TOO_SLOW ? 0 : pool->well_for + 1;
	if (!slow && pool->slow_for >= SLOW_AFTER) {
		WRITE_ONCE(pool->slow, true);
		pool->well_after = min(max(2 * pool->well_after, WELL_AFTER), WELL_AFTER_MAX);
	} else if (slow && pool->well_for >= pool->well_after) {
		WRITE_ONCE(pool->slow, false);
	}
	return pool->slow != slow;
}

static bool has_contracts(const struct vsp_rates_pool *pool)
{
	for (u32 flow = 0; flow < pool->spec->flows; flow++)
		if (!list_empty(&pool->line[flow].share.shares))
			return true;
	return false;
}

static void line_watch_work(struct work_struct *work)
{
	struct vsp_rates_pool *pool = container_of(work, struct vsp_rates_pool, watch.work);

	pool->ops->watch(pool);
	spin_lock_irq(&pool->lock);
	if (has_contracts(pool))
		queue_delayed_work(system_wq, &pool->watch, HZ + 1);
	spin_unlock_irq(&pool->lock);
}

/* ---- Setting ---- */

static void init_line(struct vsp_rates_pool *pool, u32 flow)
{
	struct vsp_rates_line *line = &pool->line[flow];
	const struct vs_term_spec *term = pool->spec->term;
	unsigned int count = 0;

	line->pool = pool;
	line->flow = flow;
	for (u32 i = 0; i < pool->spec->count; i++)
		if (term[i].kind == VS_KIND_RATE && term[i].flow == flow &&
		    count < VSP_SHARE_RATES_MAX)
			line->index[count++] = i;
	vsp_share_pool_init(&line->share, count);
	hrtimer_setup(&line->timer, line_timer_passed, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	line->timer_ns = U64_MAX;
}

/**
 * vsp_line_pool_init() - the lines of a new pool
 * @pool: zeroed
 * @spec: its class
 * @ops: of its owner
 */
void vsp_line_pool_init(struct vsp_rates_pool *pool, const struct vs_class_spec *spec,
			const struct vsp_line_ops *ops)
{
	pool->spec = spec;
	pool->ops = ops;
	spin_lock_init(&pool->lock);
	for (u32 flow = 0; flow < spec->flows; flow++)
		init_line(pool, flow);
	INIT_DELAYED_WORK(&pool->watch, line_watch_work);
}

/**
 * vsp_line_pool_stop() - nothing passes any more
 * @pool: no contract over it is in force
 *
 * Context: process; without a lock that ops->watch() takes.
 */
void vsp_line_pool_stop(struct vsp_rates_pool *pool)
{
	cancel_delayed_work_sync(&pool->watch);
	for (u32 flow = 0; flow < pool->spec->flows; flow++) {
		hrtimer_cancel(&pool->line[flow].timer);
		pool->line[flow].timer_ns = U64_MAX;
	}
	pool->slow = false;
	pool->slow_for = 0;
	pool->well_for = 0;
	pool->well_after = 0;
}

/**
 * vsp_line_set() - there is another capacity, or floors may have another part of it
 * @line: any
 * @capacity: by index in the class's table, units a second
 * @limit: likewise: what floors may have
 * @burst_ns: what clocks may run ahead
 *
 * Context: process; the owner serialises.
 */
void vsp_line_set(struct vsp_rates_line *line, const u64 *capacity, const u64 *limit, u64 burst_ns)
{
	u64 rate[VSP_SHARE_RATES_MAX] = {}, floors[VSP_SHARE_RATES_MAX] = {};
	struct vsp_rates_pool *pool = line->pool;

	for (unsigned int i = 0; i < line->share.rates; i++) {
		rate[i] = capacity[line->index[i]];
		floors[i] = limit[line->index[i]];
		/* What was found of the source was measured by another capacity. */
		if (rate[i] != line->share.capacity[i].rate)
			pool->well_after = 0;
	}
	spin_lock_irq(&pool->lock);
	vsp_share_pool_set(&line->share, ktime_get_ns(), rate, floors, burst_ns);
	let_pass(line, ktime_get_ns(), NULL);
	spin_unlock_irq(&pool->lock);
}

/**
 * vsp_line_init() - one flow of a new service
 * @rates: zeroed
 * @owner: the service
 * @weight: 1..VSP_SHARE_WEIGHT_MAX
 */
void vsp_line_init(struct vsp_rates *rates, void *owner, u32 weight)
{
	rates->owner = owner;
	vsp_share_init(&rates->share, weight);
	spin_lock_init(&rates->lock);
}

static void set_share(struct vsp_rates_line *line, struct vsp_rates *rates,
		      const struct vs_terms *terms, u64 now)
{
	u64 floor[VSP_SHARE_RATES_MAX] = {}, ceiling[VSP_SHARE_RATES_MAX] = {};

	for (unsigned int i = 0; i < line->share.rates; i++) {
		floor[i] = terms->term[line->index[i]].low;
		ceiling[i] = max(terms->term[line->index[i]].high, 1);
	}
	/* These terms may deny the request that waits: it is not to wait for that. */
	if (rates->share.state == VSP_SHARE_WAITING)
		vsp_share_leave(&rates->share);
	vsp_share_set(&rates->share, &line->share, now, floor, ceiling);
}

/**
 * vsp_line_commit() - another contract is in force
 * @line: of its pool
 * @rates: of the service
 * @terms: of the contract, a complete set; NULL: there is none any more
 *
 * The request that waits at the head of the flow is judged anew, by what is in force now.
 *
 * Context: the service's work; pool->lock held, interrupts off.
 */
void vsp_line_commit(struct vsp_rates_line *line, struct vsp_rates *rates,
		     const struct vs_terms *terms)
{
	struct vsp_rates_pool *pool = line->pool;
	u64 now = ktime_get_ns();

	lockdep_assert_held(&pool->lock);
	if (terms)
		set_share(line, rates, terms, now);
	else
		vsp_share_stop(&rates->share, now);
	void_window(rates);
	let_pass(line, now, NULL);
	/* A mover that looked before this found the request waiting, and sleeps. */
	pool->ops->wake(rates, line->flow);
	if (terms)
		queue_delayed_work(system_wq, &pool->watch, HZ + 1);
}
