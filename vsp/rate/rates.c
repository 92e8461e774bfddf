// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates in the data path; see rates.h and share.h.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_compat.h"
#include "vsp/contract.h"
#include "vsp/core/service.h"
#include "vsp/core/trace.h"
#include "vsp/pool/pool.h"

/* A mover that needs longer to come back does not run: its client demands nothing. */
#define AWAY_NS		(100 * NSEC_PER_MSEC)
/*
 * Seconds in a row until a source is slow, and until it is not any more.  The latter double with
 * every time: a load that comes and goes must not have all services told again and again.
 */
#define SLOW_AFTER	3
#define WELL_AFTER	10
#define WELL_AFTER_MAX	(WELL_AFTER << 6)

static struct vsp_rates_pool *pool_of(const struct vsp_service *service)
{
	return &service->pool->rates;
}

static struct vsp_rates_line *line_of(const struct vsp_service *service, u32 flow)
{
	return &service->pool->rates.line[flow];
}

/* ---- Letting pass ---- */

static void line_arm(struct vsp_rates_line *line, u64 next_ns)
{
	lockdep_assert_held(&line->pool->rates.lock);
	if (next_ns == line->timer_ns)
		return;
	line->timer_ns = next_ns;
	/* One that comes too early finds nobody, and is armed again. */
	if (next_ns != U64_MAX)
		hrtimer_start(&line->timer, ns_to_ktime(min_t(u64, next_ns, KTIME_MAX)),
			      HRTIMER_MODE_ABS);
}

/* Those who may pass are told, but for @asker, who is looking. */
static void let_pass(struct vsp_rates_line *line, u64 now, const struct vsp_share *asker)
{
	struct vsp_service *service;
	struct vsp_share *share;
	u64 next;

	lockdep_assert_held(&line->pool->rates.lock);
	while ((share = vsp_share_next(&line->share, now, &next))) {
		if (share == asker)
			continue;
		service = container_of(share, struct vsp_rates, share)->service;
		service->class->wake(service, line->flow);
	}
	line_arm(line, next);
}

static enum hrtimer_restart line_timer_passed(struct hrtimer *timer)
{
	struct vsp_rates_line *line = container_of(timer, struct vsp_rates_line, timer);
	unsigned long irq;

	spin_lock_irqsave(&line->pool->rates.lock, irq);
	line->timer_ns = U64_MAX;
	let_pass(line, ktime_get_ns(), NULL);
	spin_unlock_irqrestore(&line->pool->rates.lock, irq);
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

/* What is owed in this window is not known. */
static void void_window(struct vsp_rates *rates)
{
	spin_lock(&rates->lock);
	rates->window.idle = true;
	spin_unlock(&rates->lock);
}

/**
 * vsp_rates_admit() - may the request at the head of a flow pass?
 * @service: its contract is in force
 * @flow: of the class
 * @cost: of the request, for each rate of the flow, in the order of the class's table
 *
 * If it may, it is charged, and vsp_rates_done() is owed; else the class's wake() says
 * when to ask again.
 *
 * Context: the mover; pool->rates.lock held, interrupts off.
 * Return: whether it may.
 */
bool vsp_rates_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	struct vsp_rates_line *line = line_of(service, flow);
	struct vsp_rates *rates = &service->rates[flow];
	struct vsp_share *share = &rates->share;
	u64 now = ktime_get_ns();
	bool away;

	lockdep_assert_held(&pool_of(service)->lock);
	share->weight = READ_ONCE(service->settings.weight);
	away = share->state == VSP_SHARE_PAID && now - share->paid_ns > AWAY_NS;
	if (!vsp_share_ask(share, now, cost)) {
		let_pass(line, now, share);
		if (share->state != VSP_SHARE_PAID || !vsp_share_ask(share, now, cost)) {
			if (!rates->held_since_ns) {
				rates->held_since_ns = now;
				rates->waits++;
			}
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
EXPORT_SYMBOL_GPL(vsp_rates_admit);

/**
 * vsp_rates_drop() - the request at the head of a flow passes without its rates
 * @service: any; it fails, or there is none
 * @flow: of the class
 *
 * Context: the mover; pool->rates.lock held, interrupts off.
 */
void vsp_rates_drop(struct vsp_service *service, u32 flow)
{
	struct vsp_rates *rates = &service->rates[flow];
	u64 now = ktime_get_ns();

	lockdep_assert_held(&pool_of(service)->lock);
	vsp_share_leave(&rates->share);
	end_hold(rates, now);
	/* Nobody waits any more; if nothing is under way either, nothing is owed. */
	spin_lock(&rates->lock);
	rates->window.idle |= !rates->outstanding;
	spin_unlock(&rates->lock);
	let_pass(line_of(service, flow), now, NULL);
}
EXPORT_SYMBOL_GPL(vsp_rates_drop);

/**
 * vsp_rates_reset() - the queues of a flow are gone
 * @service: any; nothing that was admitted is under way
 * @flow: of the class
 *
 * Context: any.
 */
void vsp_rates_reset(struct vsp_service *service, u32 flow)
{
	struct vsp_rates_pool *pool = pool_of(service);
	unsigned long irq;

	spin_lock_irqsave(&pool->lock, irq);
	vsp_rates_drop(service, flow);
	spin_unlock_irqrestore(&pool->lock, irq);
}
EXPORT_SYMBOL_GPL(vsp_rates_reset);

/**
 * vsp_rates_held() - is it of no use to look at the head of a flow now?
 * @service: any
 * @flow: of the class
 *
 * Takes no lock: the answer may be old, but whoever changes it wakes the mover afterwards.
 *
 * Context: any.
 */
bool vsp_rates_held(const struct vsp_service *service, u32 flow)
{
	return READ_ONCE(service->rates[flow].share.state) == VSP_SHARE_WAITING;
}
EXPORT_SYMBOL_GPL(vsp_rates_held);

/**
 * vsp_rates_done() - the source has finished with a request, however it ended
 * @service: of the request
 * @flow: likewise
 * @cost: that it was admitted with
 *
 * Context: any, interrupts included.
 */
void vsp_rates_done(struct vsp_service *service, u32 flow, const u64 *cost)
{
	const struct vsp_rates_line *line = line_of(service, flow);
	struct vsp_rates *rates = &service->rates[flow];
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
EXPORT_SYMBOL_GPL(vsp_rates_done);

/**
 * vsp_rates_used() - what a service uses of a rate
 * @service: enabled
 * @index: of the RATE in the class's table
 *
 * Context: any but interrupt.
 * Return: what was admitted in the last full second, in the term's unit
 */
u64 vsp_rates_used(struct vsp_service *service, u32 index)
{
	u32 flow = service->spec->term[index].flow;
	const struct vsp_rates_line *line = line_of(service, flow);
	struct vsp_rates_pool *pool = pool_of(service);
	struct vsp_rates *rates = &service->rates[flow];
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
EXPORT_SYMBOL_GPL(vsp_rates_used);

/* ---- Floors that are not kept ---- */

static void trace_violation(const struct vsp_service *service, u32 flow,
			    const struct vsp_contract *contract, u64 now)
{
	const struct vsp_rates_line *line = line_of(service, flow);
	const struct vs_window *window = &service->rates[flow].window;

	for (unsigned int i = 0; i < line->share.rates; i++) {
		u32 index = line->index[i];

		trace_vsp_violation(service->name, contract->id, service->spec->term[index].name,
				    contract->terms.term[index].low, window->served[index],
				    now - window->start_ns);
	}
}

/* What looking at a window has found. */
enum verdict {
	UNDECIDED,	/* it goes on */
	KEPT,		/* or nothing was owed */
	HELD_BACK,	/* the floor was not kept, for want of rates */
	TOO_SLOW,	/* the floor was not kept, by the source */
};

/* What waits, and what the source has, is as large as it is, though nothing of it is done. */
static void expect_requests(struct vsp_service *service, u32 flow)
{
	const struct vsp_rates_line *line = line_of(service, flow);
	struct vsp_rates *rates = &service->rates[flow];

	for (unsigned int i = 0; i < line->share.rates; i++) {
		if (rates->outstanding)
			vs_window_expect(&rates->window, line->index[i], rates->largest[i]);
		if (rates->share.state >= VSP_SHARE_WAITING)
			vs_window_expect(&rates->window, line->index[i], rates->share.cost[i]);
	}
}

static enum verdict judge_window(struct vsp_service *service, u32 flow,
				 const struct vsp_contract *contract, u64 now)
{
	struct vsp_rates *rates = &service->rates[flow];
	struct vs_window *window = &rates->window;
	u64 passed = now - window->start_ns, held = rates->held_ns;
	bool held_back;

	if (!vs_window_decides(window, now, service->spec, flow,
			       contract ? &contract->terms : NULL))
		return UNDECIDED;
	if (rates->held_since_ns)
		held += now - max(rates->held_since_ns, window->start_ns);
	held_back = held >= passed / 2;
	/* Of little use is then how much there was to do in the rest of the time. */
	window->waited_ns = held_back ? passed : held;
	if (!contract || !vs_window_violated(window, now, service->spec, flow, &contract->terms))
		return KEPT;
	rates->violations++;
	trace_violation(service, flow, contract, now);
	return held_back ? HELD_BACK : TOO_SLOW;
}

/* Judges the window of a flow, and begins another one if that one is over. */
static enum verdict judge_flow(struct vsp_service *service, u32 flow, u64 now)
{
	struct vsp_rates *rates = &service->rates[flow];
	const struct vsp_share *share = &rates->share;
	enum verdict verdict;
	bool away;

	lockdep_assert_held(&pool_of(service)->lock);
	away = share->state == VSP_SHARE_PAID && now - share->paid_ns > AWAY_NS;
	spin_lock(&rates->lock);
	rates->window.idle |= away;
	vs_window_depth(&rates->window, rates->outstanding, &rates->since_ns, now);
	expect_requests(service, flow);
	rcu_read_lock();
	verdict = judge_window(service, flow, rcu_dereference(service->in_force), now);
	rcu_read_unlock();
	if (verdict != UNDECIDED) {
		vs_window_begin(&rates->window, now, away ||
				(!rates->outstanding && share->state < VSP_SHARE_WAITING));
		rates->held_ns = 0;
	}
	spin_unlock(&rates->lock);
	return verdict;
}

/* The log says it once, when it begins and when it is over. */
static void judge_source(struct vsp_pool *pool, enum verdict worst)
{
	struct vsp_rates_pool *rates = &pool->rates;

	lockdep_assert_held(&pool->lock);
	if (worst == UNDECIDED)
		return;
	rates->slow_for = worst == TOO_SLOW ? rates->slow_for + 1 : 0;
	rates->well_for = worst == TOO_SLOW ? 0 : rates->well_for + 1;
	if (!rates->slow && rates->slow_for >= SLOW_AFTER) {
		WRITE_ONCE(rates->slow, true);
		rates->well_after = min(max(2 * rates->well_after, WELL_AFTER), WELL_AFTER_MAX);
		pr_warn("pool %s.%s: its source is slower than declared: floors are not kept though it is busy; lower its capacity\n",
			pool->spec->name, pool->name);
	} else if (rates->slow && rates->well_for >= rates->well_after) {
		WRITE_ONCE(rates->slow, false);
		pr_info("pool %s.%s: its source keeps the floors again\n", pool->spec->name,
			pool->name);
	}
}

static enum verdict judge_all(struct vsp_service *service)
{
	struct vsp_rates_pool *rates = pool_of(service);
	enum verdict worst = UNDECIDED;

	spin_lock_irq(&rates->lock);
	for (u32 flow = 0; flow < service->spec->flows; flow++)
		worst = max(worst, judge_flow(service, flow, ktime_get_ns()));
	spin_unlock_irq(&rates->lock);
	return worst;
}

static bool has_contracts(const struct vsp_pool *pool)
{
	for (u32 flow = 0; flow < pool->spec->flows; flow++)
		if (!list_empty(&pool->rates.line[flow].share.shares))
			return true;
	return false;
}

static void rates_watch_work(struct work_struct *work)
{
	struct vsp_pool *pool = container_of(work, struct vsp_pool, rates.watch.work);
	struct vsp_rates_pool *rates = &pool->rates;
	enum verdict verdict, worst = UNDECIDED;
	struct vsp_service *service;
	bool was_slow;

	mutex_lock(&pool->lock);
	was_slow = rates->slow;
	list_for_each_entry(service, &pool->services, member.entry) {
		verdict = judge_all(service);
		if (verdict > KEPT)
			vsp_session_violated(service);
		worst = max(worst, verdict);
	}
	judge_source(pool, worst);
	if (was_slow != rates->slow)
		list_for_each_entry(service, &pool->services, member.entry)
			vsp_session_source_slow(service);
	spin_lock_irq(&rates->lock);
	if (has_contracts(pool))
		queue_delayed_work(system_wq, &rates->watch, HZ + 1);
	spin_unlock_irq(&rates->lock);
	mutex_unlock(&pool->lock);
}

/* ---- Setting ---- */

static void init_line(struct vsp_pool *pool, u32 flow)
{
	struct vsp_rates_line *line = &pool->rates.line[flow];
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
 * vsp_rates_pool_init() - of a new pool
 * @pool: its spec is set
 */
void vsp_rates_pool_init(struct vsp_pool *pool)
{
	spin_lock_init(&pool->rates.lock);
	for (u32 flow = 0; flow < pool->spec->flows; flow++)
		init_line(pool, flow);
	INIT_DELAYED_WORK(&pool->rates.watch, rates_watch_work);
}

static void set_line(struct vsp_rates_line *line, u64 burst_ns)
{
	u64 capacity[VSP_SHARE_RATES_MAX] = {}, limit[VSP_SHARE_RATES_MAX] = {};
	struct vsp_pool *pool = line->pool;

	for (unsigned int i = 0; i < line->share.rates; i++) {
		capacity[i] = pool->amounts.capacity[line->index[i]];
		limit[i] = vsp_pool_grantable(pool, line->index[i]);
	}
	/* What was found of the source was measured by another capacity. */
	for (unsigned int i = 0; i < line->share.rates; i++)
		if (capacity[i] != line->share.capacity[i].rate)
			pool->rates.well_after = 0;
	spin_lock_irq(&pool->rates.lock);
	vsp_share_pool_set(&line->share, ktime_get_ns(), capacity, limit, burst_ns);
	let_pass(line, ktime_get_ns(), NULL);
	spin_unlock_irq(&pool->rates.lock);
}

/**
 * vsp_rates_pool_changed() - its capacity, or what floors may have of it, has changed
 * @pool: any
 *
 * Context: process; pool->lock held.
 */
void vsp_rates_pool_changed(struct vsp_pool *pool)
{
	u64 burst_ns = (u64)READ_ONCE(pool->settings.burst_ms) * NSEC_PER_MSEC;

	lockdep_assert_held(&pool->lock);
	for (u32 flow = 0; flow < pool->spec->flows; flow++)
		set_line(&pool->rates.line[flow], burst_ns);
}

/**
 * vsp_rates_pool_stop() - nobody passes any more
 * @pool: none of its services is enabled
 *
 * Context: process; no lock that rates_watch_work() takes.
 */
void vsp_rates_pool_stop(struct vsp_pool *pool)
{
	cancel_delayed_work_sync(&pool->rates.watch);
	for (u32 flow = 0; flow < pool->spec->flows; flow++) {
		hrtimer_cancel(&pool->rates.line[flow].timer);
		pool->rates.line[flow].timer_ns = U64_MAX;
	}
	pool->rates.slow = false;
	pool->rates.slow_for = 0;
	pool->rates.well_for = 0;
	pool->rates.well_after = 0;
}

/**
 * vsp_rates_init() - of a new service
 * @service: zeroed, its weight set
 */
void vsp_rates_init(struct vsp_service *service)
{
	for (u32 flow = 0; flow < service->spec->flows; flow++) {
		struct vsp_rates *rates = &service->rates[flow];

		rates->service = service;
		vsp_share_init(&rates->share, service->settings.weight);
		spin_lock_init(&rates->lock);
	}
}

static void set_share(struct vsp_service *service, u32 flow, const struct vs_terms *terms, u64 now)
{
	u64 floor[VSP_SHARE_RATES_MAX] = {}, ceiling[VSP_SHARE_RATES_MAX] = {};
	struct vsp_rates_line *line = line_of(service, flow);

	for (unsigned int i = 0; i < line->share.rates; i++) {
		floor[i] = terms->term[line->index[i]].low;
		ceiling[i] = max(terms->term[line->index[i]].high, 1);
	}
	/* These terms may deny the request that waits: it is not to wait for that. */
	if (service->rates[flow].share.state == VSP_SHARE_WAITING)
		vsp_share_leave(&service->rates[flow].share);
	vsp_share_set(&service->rates[flow].share, &line->share, now, floor, ceiling);
}

/**
 * vsp_rates_commit() - another contract is in force
 * @service: of an enabled pool
 * @terms: of the contract, a complete set; NULL: there is none any more
 *
 * The request that waits at the head of a flow is judged anew, by what is in force now.
 *
 * Context: the service's work; pool->rates.lock held, interrupts off.
 */
void vsp_rates_commit(struct vsp_service *service, const struct vs_terms *terms)
{
	struct vsp_rates_pool *pool = pool_of(service);
	u64 now = ktime_get_ns();

	lockdep_assert_held(&pool->lock);
	for (u32 flow = 0; flow < service->spec->flows; flow++) {
		if (terms)
			set_share(service, flow, terms, now);
		else
			vsp_share_stop(&service->rates[flow].share, now);
		void_window(&service->rates[flow]);
		let_pass(&pool->line[flow], now, NULL);
		/* A mover that looked before this found the request waiting, and sleeps. */
		service->class->wake(service, flow);
	}
	if (terms)
		queue_delayed_work(system_wq, &pool->watch, HZ + 1);
}
