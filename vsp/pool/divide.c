// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: what happens when there is another amount than before.  What is charged above it
 * is divided at once (vsp/pool/allocate.c), and the division holds until the next one: whoever
 * asks in between cannot change it.  The contracts follow by renegotiation.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "vs_wire.h"
#include "vsp/core/rates.h"
#include "vsp/core/work.h"
#include "vsp/pool/internal.h"

/* After the last change of a capacity: those that belong together are taken together. */
#define RENEGOTIATE_MS		100

/* ---- Who gives way: all under pool->lock ---- */

/* What a backing keeps cannot be taken, whatever its contract becomes. */
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

/* Return: whether a service is displaced that was not before. */
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
 * Divides what there is among those who are charged for it.  Who is displaced in one term
 * is so in all, and what it holds of the others is theirs: so until nobody else is.
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

/* Is there any less than what is charged, but for what cannot be taken? */
static bool in_deficit(const struct vsp_pool *pool)
{
	for (u32 i = 0; i < pool->spec->count; i++)
		if (vsp_pool_has_capacity(&pool->spec->term[i]) &&
		    !(pool->spec->term[i].flags & VS_TERM_KEPT) && vsp_pool_get_deficit(pool, i))
			return true;
	return false;
}

/**
 * vsp_pool_displaced() - has a service to lose its contract?
 * @pool: of the service
 * @member: any of it
 *
 * Context: pool->lock held.
 * Return: whether nothing is left to it, until it is granted something again.
 */
bool vsp_pool_displaced(const struct vsp_pool *pool, const struct vsp_member *member)
{
	return member->displaced && in_deficit(pool);
}

/* Does the pool hold this of a term, if @member has it? */
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

/* Does the pool not hold any more what @member has, or will have? */
static bool is_affected(const struct vsp_pool *pool, struct vsp_member *member)
{
	bool affected = vsp_pool_displaced(pool, member);

	for (u32 i = 0; i < pool->spec->count; i++)
		affected |= !pool_fits(pool, member, i, member->charge[i],
				       member->ops->ceiling(member, i));
	return affected;
}

/**
 * vsp_pool_renegotiate() - call every service whose contract the pool's state touches
 * @pool: any
 *
 * Those that the pool can still hold hear of it only if there is more for them.
 *
 * Context: process; takes pool->lock. Returns before anything has happened.
 */
void vsp_pool_renegotiate(struct vsp_pool *pool)
{
	struct vsp_member *member;

	/* What is queued from here on was queued for what is not seen below. */
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
 * vsp_pool_holds() - may a contract go on as it is?
 * @member: of an enabled service
 * @terms: of its contract, complete
 *
 * Limits that have changed do not matter, nor does what is KEPT.
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

/* ---- What there is: the administrator's word, or the source's ---- */

/*
 * There is another amount to be granted.  What the contracts can hold of it counts at
 * once; they hear of it when no further change has come for a while.  The caller holds
 * pool->admin, or is the pool's watch: so the pool is not being disabled.
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
 * vsp_pool_set_capacity() - the administrator says what there is
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
 * vsp_pool_set_reserved() - which part of the rates is never granted as a floor
 * @pool: any
 * @percent: of each RATE's capacity, 0..VSP_RESERVED_MAX
 *
 * As another capacity.
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
 * vsp_pool_unset_capacity() - leave it to the class again
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
 * vsp_pool_found() - the source says what there is
 * @pool: enabled
 * @index: of the term in its class's table
 * @value: in the term's unit
 *
 * What the administrator has set stays. Else as vsp_pool_set_capacity().
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
