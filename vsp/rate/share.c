// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may pass next; see share.h for what it promises.
 *
 * Virtual time is a fluid model's start time (start-time fair queueing, Goyal, Vin and
 * Cheng, 1996), with one clock for all rates: a request counts for the most that it takes of
 * any of them.
 */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vsp/rate/share.h"

/* Of virtual time in a ns of the pool at weight 1: heavy shares still move by whole units. */
#define VIRTUAL_UNIT	256
/* What one request counts for at most: the sums do not overflow in a lifetime. */
#define COUNTS_MAX_NS	(3600 * NSEC_PER_SEC)
/* Bursts after which a waiter keeps all that it has found short from others. */
#define PATIENCE	10

static void set_clock(struct vsp_shaper *clock, u64 now_ns, u64 rate, u64 burst_ns)
{
	if (!rate)
		clock->rate = 0;
	else if (clock->rate)
		vsp_shaper_set_rate(clock, now_ns, rate, burst_ns);
	else
		vsp_shaper_start(clock, now_ns, rate, burst_ns);
}

/* ---- What a request has to wait for ---- */

/* From the clocks as they are, which move only when its own share is charged or set. */
static void cost_request(struct vsp_share *share)
{
	const struct vsp_share_pool *pool = share->pool;

	share->ceiling_ns = 0;
	for (unsigned int i = 0; i < pool->rates; i++) {
		const struct vsp_shaper *ceiling = &share->ceiling[i], *floor = &share->floor[i];
		u64 cost = share->cost[i];

		share->ceiling_takes_ns[i] = vsp_shaper_takes(ceiling, cost);
		share->ceiling_ns = max(share->ceiling_ns,
					vsp_shaper_opens(ceiling, share->ceiling_takes_ns[i]));
		share->floor_takes_ns[i] = vsp_shaper_takes(floor, cost);
		share->floor_ns[i] = vsp_shaper_opens(floor, share->floor_takes_ns[i]);
		share->takes_ns[i] = vsp_shaper_takes(&pool->capacity[i], cost);
	}
}

/*
 * When may the request pass?  @ahead_ns: what the pool's clock may run ahead more than for
 * others.  @taken: rates whose surplus others have waited for too long; it becomes one of
 * them.
 *
 * The pool is open for all sizes alike, and is in debt after a large one: else small ones
 * would always find it open before those.
 */
static u64 share_opens(struct vsp_share *share, u64 now_ns, u64 ahead_ns, u32 *taken)
{
	const struct vsp_share_pool *pool = share->pool;
	u64 at = share->ceiling_ns, pool_at;

	if (at > now_ns)
		return at;
	for (unsigned int i = 0; i < pool->rates; i++) {
		if (share->floor_ns[i] <= now_ns)
			continue;
		pool_at = vsp_shaper_opens(&pool->capacity[i], 1);
		pool_at -= min(pool_at, ahead_ns);
		if (pool_at > now_ns)
			share->short_of |= BIT(i);
		if (*taken & BIT(i))
			pool_at = U64_MAX;
		at = max(at, min(pool_at, share->floor_ns[i]));
	}
	/* Two rates that open in turns, for others who have a floor in one, would never do. */
	if (at > now_ns && now_ns - share->since_ns > PATIENCE * pool->burst_ns)
		*taken |= share->short_of;
	return at;
}

/* ---- Passing ---- */

/*
 * What it counts for against the others: a rate that is not in demand, whose clock is
 * not ahead, does not.
 */
static u64 share_counts(const struct vsp_share_pool *pool, unsigned int rate, u64 now_ns,
			u64 takes_ns)
{
	u64 arrival = pool->capacity[rate].arrival_ns;
	u64 ahead = min(arrival - min(arrival, now_ns), pool->burst_ns);

	return mul_u64_u64_div_u64(min(takes_ns, COUNTS_MAX_NS), ahead, max(pool->burst_ns, 1));
}

static void share_pass(struct vsp_share *share, u64 now_ns)
{
	struct vsp_share_pool *pool = share->pool;
	u64 most = 0, since = share->since_ns;

	for (unsigned int i = 0; i < pool->rates; i++) {
		if (!share->cost[i])
			continue;
		vsp_shaper_charge(&share->ceiling[i], now_ns, since, share->ceiling_takes_ns[i]);
		vsp_shaper_charge(&pool->capacity[i], now_ns, since, share->takes_ns[i]);
		if (share->floor_ns[i] <= now_ns)
			vsp_shaper_charge(&share->floor[i], now_ns, since,
					  share->floor_takes_ns[i]);
		else
			most = max(most, share_counts(pool, i, now_ns, share->takes_ns[i]));
	}
	if (!most)
		return;
	pool->virtual_time = max(pool->virtual_time, share->virtual_time);
	share->virtual_time += max(most * VIRTUAL_UNIT / share->weight, 1);
}

/*
 * Who comes back has nothing saved up but what it may have missed on its way from one
 * request to the next.
 */
static void catch_up(struct vsp_share *share)
{
	const struct vsp_share_pool *pool = share->pool;
	u64 lag = pool->burst_ns * VIRTUAL_UNIT / share->weight;

	share->virtual_time = max(share->virtual_time,
				  pool->virtual_time - min(lag, pool->virtual_time));
}

static void share_enqueue(struct vsp_share *share)
{
	struct vsp_share *before;

	list_for_each_entry_reverse(before, &share->pool->waiters, waiting)
		if (before->virtual_time <= share->virtual_time)
			break;
	list_add(&share->waiting, &before->waiting);
	share->state = VSP_SHARE_WAITING;
}

/*
 * May it pass before those who wait?  By its floors always.  By the surplus if it would be
 * the next anyway: a mover that has to come back for every small request would else get less
 * than its weight beside one with large ones.  The pool's clock may run ahead a bit for that.
 */
static u64 share_lead(const struct vsp_share *share, u64 now_ns, u32 *taken)
{
	const struct vsp_share_pool *pool = share->pool;
	const struct vsp_share *first;

	*taken = 0;
	list_for_each_entry(first, &pool->waiters, waiting) {
		if (first->ceiling_ns > now_ns)
			continue;
		if (share->virtual_time < first->virtual_time)
			return pool->burst_ns / 2;
		*taken = U32_MAX;
		break;
	}
	return 0;
}

static void share_begin(struct vsp_share *share, u64 now_ns, const u64 *cost)
{
	vsp_share_leave(share);
	memcpy(share->cost, cost, share->pool->rates * sizeof(*cost));
	share->since_ns = now_ns;
	share->short_of = 0;
	cost_request(share);
	catch_up(share);
}

/**
 * vsp_share_ask() - may this request pass now?
 * @share: started
 * @now_ns: by the caller's clock
 * @cost: of its next request, in the units of each rate
 *
 * One request of a share waits at a time; to ask for another in its place is to leave.
 *
 * Context: any; the caller serialises.
 * Return: true: it passes, and is charged. false: it waits, until vsp_share_next() returns
 *	@share; call that at once, as a turn may have come with it
 */
bool vsp_share_ask(struct vsp_share *share, u64 now_ns, const u64 *cost)
{
	u32 taken;

	if (share->state == VSP_SHARE_STOPPED)
		return false;
	if (share->state != VSP_SHARE_IDLE) {
		bool same = !memcmp(share->cost, cost, share->pool->rates * sizeof(*cost));

		if (same && share->state == VSP_SHARE_WAITING)
			return false;
		if (same) {
			share->state = VSP_SHARE_IDLE;
			return true;
		}
	}
	share_begin(share, now_ns, cost);
	if (share_opens(share, now_ns, share_lead(share, now_ns, &taken), &taken) <= now_ns) {
		share_pass(share, now_ns);
		return true;
	}
	share_enqueue(share);
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_ask);

/**
 * vsp_share_wait() - a request waits, whose owner is not there to ask whether it passes
 * @share: started
 * @now_ns: by the caller's clock
 * @cost: of the request, in the units of each rate
 *
 * It takes the place of another one. Where it may pass at once, vsp_share_next() says so.
 *
 * Context: any; the caller serialises, and calls vsp_share_next().
 */
void vsp_share_wait(struct vsp_share *share, u64 now_ns, const u64 *cost)
{
	share_begin(share, now_ns, cost);
	share_enqueue(share);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_wait);

/**
 * vsp_share_leave() - there is no request any more
 * @share: any
 *
 * Context: any; the caller serialises.
 */
void vsp_share_leave(struct vsp_share *share)
{
	if (share->state == VSP_SHARE_WAITING)
		list_del(&share->waiting);
	if (share->state != VSP_SHARE_STOPPED)
		share->state = VSP_SHARE_IDLE;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_leave);

/**
 * vsp_share_next() - let pass who may pass
 * @pool: any
 * @now_ns: by the caller's clock
 * @next_ns: if there is nobody: when to call again, U64_MAX: when somebody has asked or
 *	something was set
 *
 * Context: any; the caller serialises.
 * Return: one whose request passes, and is charged: it has to be told to ask again; NULL:
 *	there is nobody
 */
struct vsp_share *vsp_share_next(struct vsp_share_pool *pool, u64 now_ns, u64 *next_ns)
{
	struct vsp_share *share;
	u32 taken = 0;

	*next_ns = U64_MAX;
	list_for_each_entry(share, &pool->waiters, waiting) {
		u64 at = share_opens(share, now_ns, 0, &taken);

		if (at > now_ns) {
			*next_ns = min(*next_ns, at);
			continue;
		}
		share_pass(share, now_ns);
		list_del(&share->waiting);
		share->state = VSP_SHARE_PAID;
		share->paid_ns = now_ns;
		return share;
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_next);

/* ---- Setting ---- */

/* Somebody's floor, or what there is for floors, has changed. */
static void set_floors(struct vsp_share_pool *pool, u64 now_ns)
{
	struct vsp_share *share;

	for (unsigned int i = 0; i < pool->rates; i++) {
		u64 limit = pool->limit[i], sum = 0;

		list_for_each_entry(share, &pool->shares, entry)
			sum = share->floor_rate[i] > U64_MAX - sum ? U64_MAX :
			      sum + share->floor_rate[i];
		list_for_each_entry(share, &pool->shares, entry)
			set_clock(&share->floor[i], now_ns, sum <= limit ? share->floor_rate[i] :
				  mul_u64_u64_div_u64(share->floor_rate[i], limit, sum),
				  pool->burst_ns);
	}
	list_for_each_entry(share, &pool->waiters, waiting)
		cost_request(share);
}

/**
 * vsp_share_pool_init() - a pool without shares
 * @pool: zeroed
 * @rates: that it has, at most VSP_SHARE_RATES_MAX
 */
void vsp_share_pool_init(struct vsp_share_pool *pool, unsigned int rates)
{
	pool->rates = rates;
	INIT_LIST_HEAD(&pool->shares);
	INIT_LIST_HEAD(&pool->waiters);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_pool_init);

/**
 * vsp_share_pool_set() - what there is
 * @pool: may be in use
 * @now_ns: by the caller's clock
 * @capacity: of each rate, units a second
 * @limit: what floors may have of it
 * @burst_ns: what clocks may run ahead; those of a share when it is set
 *
 * Context: any; the caller serialises, and calls vsp_share_next().
 */
void vsp_share_pool_set(struct vsp_share_pool *pool, u64 now_ns, const u64 *capacity,
			const u64 *limit, u64 burst_ns)
{
	pool->burst_ns = burst_ns;
	for (unsigned int i = 0; i < pool->rates; i++) {
		set_clock(&pool->capacity[i], now_ns, capacity[i], burst_ns);
		pool->limit[i] = limit[i];
	}
	set_floors(pool, now_ns);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_pool_set);

/**
 * vsp_share_init() - a share without a contract
 * @share: zeroed
 * @weight: 1..VSP_SHARE_WEIGHT_MAX
 */
void vsp_share_init(struct vsp_share *share, u32 weight)
{
	share->weight = weight;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_init);

/**
 * vsp_share_set() - another contract is in force
 * @share: started or not; then it is
 * @pool: whose; the same as before unless it is stopped
 * @now_ns: by the caller's clock
 * @floor: of each rate, units a second, at most its ceiling
 * @ceiling: of each rate, not 0
 *
 * What is owed stays owed, also over a time without a contract; nothing is saved up.
 *
 * Context: any; the caller serialises, and calls vsp_share_next().
 */
void vsp_share_set(struct vsp_share *share, struct vsp_share_pool *pool, u64 now_ns,
		   const u64 *floor, const u64 *ceiling)
{
	bool start = share->state == VSP_SHARE_STOPPED;

	if (start) {
		share->pool = pool;
		share->state = VSP_SHARE_IDLE;
		list_add_tail(&share->entry, &pool->shares);
	}
	for (unsigned int i = 0; i < pool->rates; i++) {
		if (start)
			vsp_shaper_start(&share->ceiling[i], now_ns, ceiling[i], pool->burst_ns);
		else
			vsp_shaper_set_rate(&share->ceiling[i], now_ns, ceiling[i],
					    pool->burst_ns);
		share->floor_rate[i] = floor[i];
	}
	set_floors(pool, now_ns);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_set);

/**
 * vsp_share_stop() - there is no contract any more
 * @share: any
 * @now_ns: by the caller's clock
 *
 * Context: any; the caller serialises, and calls vsp_share_next().
 */
void vsp_share_stop(struct vsp_share *share, u64 now_ns)
{
	if (share->state == VSP_SHARE_STOPPED)
		return;
	vsp_share_leave(share);
	list_del(&share->entry);
	share->state = VSP_SHARE_STOPPED;
	memset(share->floor_rate, 0, sizeof(share->floor_rate));
	for (unsigned int i = 0; i < share->pool->rates; i++)
		share->floor[i].rate = 0;
	set_floors(share->pool, now_ns);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_share_stop);
