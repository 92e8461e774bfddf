// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools whose capacity changes.  When a capacity falls below what is charged, the capacity is
 * divided among the services at once (vsp/pool/allocate.c).  The division holds until the next
 * change: a service that asks in between cannot change it.  The contracts follow by renegotiation.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "vs_wire.h"
#include "vsp/core/rates.h"
#include "vsp/core/work.h"
#include "vsp/pool/internal.h"

/* Time from the last change of a capacity to the renegotiation, so that several make one. */
#define RENEGOTIATE_MS		100

/* ---- Which services give way: all under pool->lock ---- */

/* What the backing of @member keeps cannot be taken, whatever becomes of its contract. */
static void set_claim(struct vsp_member *member, u32 index)
{
	bool kept = member->pool->spec->term[index].flags & VS_TERM_KEPT;
	u32 weight, priority;

	member->ops->rank(member, &weight, &priority);
	member->claim = (struct vsp_claim) {
		.held = member->charge[index],
		.least = member->least[index],
		.fixed = kept ? member->charge[index] : 0,
		.weight = weight,
		.priority = priority,
		.withdrawn = member->displaced,
	};
}

/* Return: whether a service was displaced by this division that was not before. */
static bool divide_term(struct vsp_pool *pool, u32 index)
{
	u64 capacity = vsp_pool_subtract(vsp_pool_grantable(pool, index),
					 pool->amounts.orphaned[index]);
	struct vsp_member *member;
	bool displaced = false;
	LIST_HEAD(claims);

	list_for_each_entry(member, &pool->services, entry) {
		set_claim(member, index);
		list_add_tail(&member->claim.entry, &claims);
	}
	vsp_allocate(&claims, capacity);
	list_for_each_entry(member, &pool->services, entry) {
		member->share[index] = member->claim.share;
		displaced |= member->claim.withdrawn && !member->displaced;
		member->displaced = member->claim.withdrawn;
	}
	return displaced;
}

/*
 * Divides every capacity among the services that are charged for it.  A service that is displaced
 * in one term loses its contract, so what it holds of the other terms is free for the rest: the
 * terms are divided again until no further service is displaced.
 */
static void divide_pool(struct vsp_pool *pool)
{
	struct vsp_member *member;
	bool again;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(member, &pool->services, entry)
		member->displaced = false;
	do {
		again = false;
		for (u32 i = 0; i < pool->spec->count; i++)
			if (vsp_pool_has_capacity(&pool->spec->term[i]))
				again |= divide_term(pool, i);
	} while (again);
}

/* Is any capacity below what is charged? KEPT terms do not count, as they cannot be taken. */
static bool in_deficit(const struct vsp_pool *pool)
{
	for (u32 i = 0; i < pool->spec->count; i++)
		if (vsp_pool_has_capacity(&pool->spec->term[i]) &&
		    !(pool->spec->term[i].flags & VS_TERM_KEPT) && vsp_pool_get_deficit(pool, i))
			return true;
	return false;
}

/**
 * vsp_pool_displaced() - does a service lose its contract to the deficit?
 * @pool: of the service
 * @member: any of @pool
 *
 * Context: pool->lock held.
 * Return: whether the division has left no contract to it. It ends when the service is granted
 *	something again.
 */
bool vsp_pool_displaced(const struct vsp_pool *pool, const struct vsp_member *member)
{
	return member->displaced && in_deficit(pool);
}

/* Has the pool room for @charge and @ceiling of a term, if @member is charged with them? */
static bool pool_fits(const struct vsp_pool *pool, const struct vsp_member *member, u32 index,
		      u64 charge, u64 ceiling)
{
	const struct vs_term_spec *term = &pool->spec->term[index];

	if (!vsp_pool_has_capacity(term) || (term->flags & VS_TERM_KEPT))
		return true;
	return charge <= vsp_pool_room(pool, member, index, 0) &&
		(term->kind != VS_KIND_RATE || ceiling <= pool->amounts.capacity[index]);
}

/* ---- Renegotiation ---- */

/* Is @member charged with more than the pool still has for it, or has it a higher ceiling? */
static bool is_affected(const struct vsp_pool *pool, struct vsp_member *member)
{
	bool affected = vsp_pool_displaced(pool, member);

	for (u32 i = 0; i < pool->spec->count; i++)
		affected |= !pool_fits(pool, member, i, member->charge[i],
				       member->ops->ceiling(member, i));
	return affected;
}

/**
 * vsp_pool_renegotiate() - call every service whose contract does not fit the pool any more
 * @pool: any
 *
 * The others are called only if there is more for them (vsp_machine_invite()).
 *
 * Context: process; takes pool->lock. Returns before anything has happened.
 */
void vsp_pool_renegotiate(struct vsp_pool *pool)
{
	struct vsp_member *member;

	/* A change from here on queues the work again: it may not be seen below. */
	cancel_delayed_work(&pool->renegotiation);
	mutex_lock(&pool->lock);
	divide_pool(pool);
	list_for_each_entry(member, &pool->services, entry) {
		if (is_affected(pool, member))
			member->ops->renegotiate(member, VS_REASON_CAPACITY);
		else
			member->ops->invite(member);
	}
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_renegotiation_work() - vsp_pool_renegotiate(), as a work
 * @work: pool->renegotiation
 */
void vsp_pool_renegotiation_work(struct work_struct *work)
{
	vsp_pool_renegotiate(container_of(work, struct vsp_pool, renegotiation.work));
}

/**
 * vsp_pool_holds() - has the pool still room for a contract as it is?
 * @member: of an enabled service
 * @terms: of its contract, complete
 *
 * Neither the limits of the service nor its KEPT terms are looked at.
 *
 * Context: the service's work; takes pool->lock.
 * Return: whether the pool still has all of it.
 */
bool vsp_pool_holds(struct vsp_member *member, const struct vs_terms *terms)
{
	struct vsp_pool *pool = member->pool;
	bool holds;

	mutex_lock(&pool->lock);
	holds = !vsp_pool_displaced(pool, member);
	for (u32 i = 0; i < pool->spec->count; i++)
		holds &= pool_fits(pool, member, i, vs_terms_charge(pool->spec, terms, i),
				   terms->term[i].high);
	mutex_unlock(&pool->lock);
	return holds;
}

/* ---- Capacities, as the administrator or the source says ---- */

/*
 * A capacity, or the part of it that may be granted, has changed.  It is divided at once; the
 * clients are called when no further change has come for RENEGOTIATE_MS.  The caller holds
 * pool->admin, or is the pool's watch, so the pool is not being disabled.
 */
static void capacity_changed(struct vsp_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	divide_pool(pool);
	vsp_rates_pool_changed(pool);
	if (pool->enabled)
		vsp_work_queue(&pool->renegotiation, RENEGOTIATE_MS);
}

/**
 * vsp_pool_set_capacity() - the administrator sets a capacity
 * @pool: any
 * @index: of the term in its class's table
 * @value: in the term's unit
 *
 * Takes effect at once. What is charged above what can be granted of it is the pool's
 * deficit. Of an enabled pool, the contracts are renegotiated soon after.
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0; -EINVAL if the term has no capacity, -ERANGE.
 */
int vsp_pool_set_capacity(struct vsp_pool *pool, u32 index, u64 value)
{
	const struct vs_term_spec *term;

	if (index >= pool->spec->count || !vsp_pool_has_capacity(&pool->spec->term[index]))
		return -EINVAL;
	term = &pool->spec->term[index];
	if (value > term->highest || (term->kind == VS_KIND_RATE && value < term->lowest))
		return -ERANGE;
	mutex_lock(&pool->admin);
	mutex_lock(&pool->lock);
	WRITE_ONCE(pool->amounts.capacity[index], value);
	pool->amounts.capacity_set[index] = true;
	capacity_changed(pool);
	mutex_unlock(&pool->lock);
	mutex_unlock(&pool->admin);
	return 0;
}

/**
 * vsp_pool_set_reserved() - set the part of the rates that is never granted as a floor
 * @pool: any
 * @percent: of each RATE's capacity, 0..VSP_RESERVED_MAX
 *
 * Takes effect as another capacity does.
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0 or -ERANGE.
 */
int vsp_pool_set_reserved(struct vsp_pool *pool, u64 percent)
{
	if (percent > VSP_RESERVED_MAX)
		return -ERANGE;
	mutex_lock(&pool->admin);
	mutex_lock(&pool->lock);
	WRITE_ONCE(pool->settings.reserved_percent, percent);
	capacity_changed(pool);
	mutex_unlock(&pool->lock);
	mutex_unlock(&pool->admin);
	return 0;
}

/**
 * vsp_pool_unset_capacity() - leave a capacity to the class again
 * @pool: disabled
 * @index: of the term in its class's table
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0, or -EBUSY if the pool is enabled.
 */
int vsp_pool_unset_capacity(struct vsp_pool *pool, u32 index)
{
	int error = -EBUSY;

	mutex_lock(&pool->admin);
	if (!pool->enabled) {
		mutex_lock(&pool->lock);
		WRITE_ONCE(pool->amounts.capacity[index], 0);
		pool->amounts.capacity_set[index] = false;
		mutex_unlock(&pool->lock);
		error = 0;
	}
	mutex_unlock(&pool->admin);
	return error;
}

/**
 * vsp_pool_found() - the source has another size than before
 * @pool: enabled
 * @index: of the term in its class's table
 * @value: in the term's unit
 *
 * A capacity that the administrator has set stays. Otherwise it is as if he had set @value.
 *
 * Context: vsp_watch_found(); takes pool->lock.
 */
void vsp_pool_found(struct vsp_pool *pool, u32 index, u64 value)
{
	value = min(value, pool->spec->term[index].highest);
	mutex_lock(&pool->lock);
	if (!pool->amounts.capacity_set[index] && value != pool->amounts.capacity[index]) {
		WRITE_ONCE(pool->amounts.capacity[index], value);
		capacity_changed(pool);
	}
	mutex_unlock(&pool->lock);
}
