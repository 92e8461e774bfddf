// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of a pool each service is charged for, and what is offered and granted of it.
 *
 * Invariants, per pool and term (RATE: floors, SPACE: whole grants):
 *	- charged[] is the sum of the charges of all services that name the pool. What a
 *	  service was charged and what it is charged from now on change places in one step,
 *	  so nothing can be returned twice or get lost, and an ask takes as long in a pool of
 *	  a thousand services as in one of its own;
 *	- a reservation looks at what is free and charges in one critical section. It
 *	  never takes charged[] above what can be granted of capacity[]; where that has
 *	  fallen below charged[] (the deficit), it never takes charged[] up at all;
 *	- of a RATE, reserved_percent of capacity[] is never granted as a floor: it is
 *	  what services without a floor still progress with;
 *	- what a service's backing keeps (KEPT) is charged to it with or without a
 *	  contract, and always counts as its own. What the source keeps for services that
 *	  were not enabled since the pool was, or that are gone, is charged to nobody, but
 *	  charged (orphaned[]), until it is released.
 */
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vs_wire.h"
#include "vsp/pool/internal.h"

/**
 * vsp_pool_grantable() - the part of a capacity that may be charged
 * @pool: the pool
 * @index: of a term that has one
 *
 * Of a RATE, reserved_percent is never granted as a floor; that part is rounded up.
 *
 * Context: pool->lock held.
 * Return: the amount, in the term's unit.
 */
u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index)
{
	u64 capacity = pool->amounts.capacity[index], reserved;
	u32 percent = pool->settings.reserved_percent, rest;

	if (pool->spec->term[index].kind != VS_KIND_RATE)
		return capacity;
	reserved = div_u64_rem(capacity, 100, &rest) * percent;
	return capacity - reserved - DIV_ROUND_UP(rest * percent, 100);
}

/**
 * vsp_pool_get_deficit() - as vsp_pool_deficit(), with pool->lock held
 * @pool: the pool
 * @index: of the term in its class's table
 *
 * Context: pool->lock held.
 * Return: the deficit in the term's unit, 0 if there is none.
 */
u64 vsp_pool_get_deficit(const struct vsp_pool *pool, u32 index)
{
	return vsp_pool_subtract(pool->amounts.charged[index], vsp_pool_grantable(pool, index));
}

/* ---- Charges: all under pool->lock ---- */

/* The charges of all members but @except (NULL: of all), and what is orphaned. */
static u64 sum_charges(const struct vsp_pool *pool, const struct vsp_member *except, u32 index)
{
	const struct vsp_member *member;
	u64 sum = pool->amounts.orphaned[index];

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(member, &pool->services, entry)
		if (member != except)
			sum = vsp_pool_add(sum, member->charge[index]);
	return sum;
}

/**
 * vsp_pool_recount() - compute charged[] anew, after charges or orphans have changed
 * @pool: any
 *
 * Context: pool->lock held.
 */
void vsp_pool_recount(struct vsp_pool *pool)
{
	for (u32 i = 0; i < pool->spec->count; i++)
		pool->amounts.charged[i] = sum_charges(pool, NULL, i);
}

/* A sum that has not saturated is exact. */
static u64 charged_to_others(const struct vsp_pool *pool, const struct vsp_member *member,
			     u32 index)
{
	u64 charged = pool->amounts.charged[index];

	if (charged == U64_MAX)
		return sum_charges(pool, member, index);
	return charged - member->charge[index];
}

static void charge_one(struct vsp_pool *pool, struct vsp_member *member, u32 index, u64 charge)
{
	u64 others = charged_to_others(pool, member, index);

	lockdep_assert_held(&pool->lock);
	member->charge[index] = charge;
	pool->amounts.charged[index] = vsp_pool_add(others, charge);
}

/**
 * vsp_pool_room() - the most that a service may be charged for of a term
 * @pool: of the service
 * @member: of the service
 * @index: of the term in its class's table
 * @kept: what its backing keeps of it
 *
 * Context: pool->lock held.
 * Return: the amount, including what the service is charged for already.
 */
u64 vsp_pool_room(const struct vsp_pool *pool, const struct vsp_member *member, u32 index,
		  u64 kept)
{
	u64 free = vsp_pool_subtract(vsp_pool_grantable(pool, index),
				     charged_to_others(pool, member, index));

	/* In a deficit a service has its share of the capacity: no more than it is charged for. */
	return max3(free, min(member->share[index], member->charge[index]), kept);
}

/*
 * What the backing of @member keeps, per term.  Asked for without the pool's lock:
 * it changes only by what the calling work or administrator does itself.
 */
static void get_kept(struct vsp_member *member, u64 *kept)
{
	const struct vs_class_spec *spec = member->pool->spec;

	for (u32 i = 0; i < spec->count; i++)
		kept[i] = spec->term[i].flags & VS_TERM_KEPT ? member->ops->kept(member, i) : 0;
}

/* Charges @member for the most of @sets, @grant and @kept. Return: whether some has become free. */
static bool set_charge(struct vsp_member *member, const struct vs_terms * const *sets,
		       unsigned int count, const struct vs_terms *grant, const u64 *kept)
{
	const struct vs_class_spec *spec = member->pool->spec;
	bool freed = false;
	u64 charge;

	for (u32 i = 0; i < spec->count; i++) {
		charge = kept[i];
		for (unsigned int j = 0; j < count; j++)
			charge = max(charge, vs_terms_charge(spec, sets[j], i));
		if (grant)
			charge = max(charge, vs_terms_charge(spec, grant, i));
		freed |= charge < member->charge[i];
		charge_one(member->pool, member, i, charge);
	}
	return freed;
}

/* ---- Admission ---- */

/* Limits of administrator and source; the class is asked for the latter without pool->lock. */
static void get_limits(struct vsp_member *member, struct vs_terms *limits)
{
	mutex_lock(&member->pool->lock);
	*limits = member->limits;
	mutex_unlock(&member->pool->lock);
	member->ops->limits(member, limits);
}

static void make_offer(struct vsp_member *member, const struct vs_terms *limits,
		       const u64 *kept, struct vs_terms *offer)
{
	struct vsp_pool *pool = member->pool;
	u64 free[VS_WIRE_TERMS_MAX];

	lockdep_assert_held(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		free[i] = vsp_pool_room(pool, member, i, kept[i]);
	vs_terms_offer(pool->spec, limits, free, pool->amounts.capacity, offer);
}

/* Is an ask denied since it is above the service's limits, or since the pool has too little? */
static u32 why_denied(const struct vsp_member *member, const struct vs_terms *ask,
		      const struct vs_terms *limits, u16 id)
{
	const struct vs_term *asked = vs_terms_find(ask, id);
	const struct vs_term *limit = vs_terms_find(limits, id);
	u32 pool = member->displaced ? VS_REASON_CAPACITY : VS_REASON_POOL;

	if (!asked || !limit)
		return VS_REASON_LIMIT;
	if (asked->kind == VS_KIND_SPACE)
		return asked->low > limit->high ? VS_REASON_LIMIT : pool;
	if (asked->kind == VS_KIND_RATE)
		return asked->low > min(limit->low, limit->high) ? VS_REASON_LIMIT : pool;
	return VS_REASON_LIMIT;
}

/**
 * vsp_pool_offer() - what a service could be granted now
 * @member: of an enabled service
 * @ask: complete set, checked by vs_terms_check_ask(), that is tried on it; or NULL
 * @offer: filled, a complete set
 * @denied: id of the first term of @ask that is short, if one is
 * @reason: if one is: VS_REASON_LIMIT, VS_REASON_POOL, or VS_REASON_CAPACITY: its contract
 *	was withdrawn as there is no room for it any more
 *
 * Never shows more than what @member itself may have: neither the pool's rest nor
 * another's charge.
 *
 * Context: the service's work; takes pool->lock.
 * Return: 0, or -ENOSPC if @ask could not be granted.
 */
int vsp_pool_offer(struct vsp_member *member, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason)
{
	struct vsp_pool *pool = member->pool;
	u64 kept[VS_WIRE_TERMS_MAX];
	int error = 0;

	get_kept(member, kept);
	get_limits(member, offer);
	mutex_lock(&pool->lock);
	make_offer(member, offer, kept, &pool->scratch.offer);
	if (ask && vs_terms_grant(pool->spec, ask, &pool->scratch.offer, &pool->scratch.grant,
				  denied)) {
		*reason = why_denied(member, ask, offer, *denied);
		error = -ENOSPC;
	}
	*offer = pool->scratch.offer;
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_reserve() - grant all of an ask, or nothing
 * @member: of an enabled service
 * @ask: complete set, checked by vs_terms_check_ask()
 * @charged: sets that @member is charged for besides (in force, held, fallback)
 * @count: of @charged
 * @grant: filled if it is granted, else clobbered
 * @denied: id of the first term that is short, if it is not
 * @reason: as of vsp_pool_offer(), if it is not
 *
 * If it is granted, @member is charged, term by term, for the most of @grant,
 * @charged and what its backing keeps: vsp_pool_charge() without @grant returns it.
 *
 * Context: the service's work; takes pool->lock.
 * Return: 0, or -ENOSPC, and then nothing has changed.
 */
int vsp_pool_reserve(struct vsp_member *member, const struct vs_terms *ask,
		     const struct vs_terms * const *charged, unsigned int count,
		     struct vs_terms *grant, u16 *denied, u32 *reason)
{
	struct vsp_pool *pool = member->pool;
	u64 kept[VS_WIRE_TERMS_MAX];
	int error;

	get_kept(member, kept);
	get_limits(member, grant);
	mutex_lock(&pool->lock);
	make_offer(member, grant, kept, &pool->scratch.offer);
	error = vs_terms_grant(pool->spec, ask, &pool->scratch.offer, &pool->scratch.grant, denied);
	if (error) {
		*reason = why_denied(member, ask, grant, *denied);
		error = -ENOSPC;
	} else {
		*grant = pool->scratch.grant;
		member->displaced = false;
		if (set_charge(member, charged, count, grant, kept))
			vsp_pool_invite(pool, member);
	}
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_asked() - note the least that a service needs, for the division of a deficit
 * @member: of an enabled service
 * @ask: complete set, checked by vs_terms_check_ask(); no choice from an offer
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_asked(struct vsp_member *member, const struct vs_terms *ask)
{
	mutex_lock(&member->pool->lock);
	for (u32 i = 0; i < member->pool->spec->count; i++)
		member->least[i] = ask->term[i].low;
	mutex_unlock(&member->pool->lock);
}

/**
 * vsp_pool_wanted() - what an ask would take if the service had the pool for itself
 * @member: of an enabled service
 * @ask: complete set, checked by vs_terms_check_ask()
 * @wanted: filled, what would be chosen; zeroed if that would be nothing; another object
 *	than @ask
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_wanted(struct vsp_member *member, const struct vs_terms *ask,
		     struct vs_terms *wanted)
{
	struct vsp_pool *pool = member->pool;
	u64 free[VS_WIRE_TERMS_MAX];
	u16 denied;

	get_limits(member, wanted);
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		free[i] = vsp_pool_grantable(pool, i);
	vs_terms_offer(pool->spec, wanted, free, pool->amounts.capacity, &pool->scratch.offer);
	vs_terms_choose(pool->spec, ask, &pool->scratch.offer, wanted, &denied);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_charge() - charge a service for what it holds now
 * @member: of a service whose class is open
 * @charged: all sets that it is to be charged for
 * @count: of @charged; 0: only what its backing keeps
 *
 * The service is charged, term by term, for the most of @charged. If some has become free, the
 * pool's other services are invited.
 *
 * Context: the service's work, or an administrator when that does not run; takes
 *	pool->lock.
 */
void vsp_pool_charge(struct vsp_member *member, const struct vs_terms * const *charged,
		     unsigned int count)
{
	struct vsp_pool *pool = member->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(member, kept);
	mutex_lock(&pool->lock);
	if (set_charge(member, charged, count, NULL, kept))
		vsp_pool_invite(pool, member);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_adopt() - charge a service for what its backing keeps, not the orphans
 * @member: of a service whose class is open, and has just been opened
 *
 * Context: an administrator; takes pool->lock.
 */
void vsp_pool_adopt(struct vsp_member *member)
{
	struct vsp_pool *pool = member->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(member, kept);
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count && !member->adopted; i++)
		pool->amounts.orphaned[i] = vsp_pool_subtract(pool->amounts.orphaned[i], kept[i]);
	member->adopted = true;
	set_charge(member, NULL, 0, NULL, kept);
	vsp_pool_recount(pool);
	mutex_unlock(&pool->lock);
}

/* An identity that the administrator has set replaces that of the contract. */
static void take_identities(const struct vsp_member *member, struct vs_terms *terms)
{
	lockdep_assert_held(&member->pool->lock);
	for (u32 i = 0; i < terms->count; i++) {
		const struct vs_term *limit = &member->limits.term[i];

		if (limit->kind != VS_KIND_IDENTITY || !limit->length)
			continue;
		terms->term[i].length = limit->length;
		memcpy(terms->term[i].text, limit->text, sizeof(limit->text));
	}
}

/**
 * vsp_pool_names() - has a contract the identities that the administrator has set?
 * @member: of an enabled service
 * @terms: of its contract, complete
 *
 * Context: the service's work; takes pool->lock.
 * Return: false if one of the identities is another.
 */
bool vsp_pool_names(struct vsp_member *member, const struct vs_terms *terms)
{
	bool same = true;

	mutex_lock(&member->pool->lock);
	for (u32 i = 0; i < terms->count; i++) {
		const struct vs_term *limit = &member->limits.term[i];

		if (limit->kind == VS_KIND_IDENTITY && limit->length)
			same &= limit->length == terms->term[i].length &&
				!memcmp(limit->text, terms->term[i].text, limit->length);
	}
	mutex_unlock(&member->pool->lock);
	return same;
}

/**
 * vsp_pool_fallback() - cut a contract to what can still be held of it
 * @member: of an enabled service
 * @terms: in force, complete
 * @fallback: filled: @terms, cut to what limits, source and pool still hold; no terms
 *	(count 0) if nothing is left: a withdrawal
 *
 * In a deficit, the service has left what vsp_allocate() has given to it.
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_fallback(struct vsp_member *member, const struct vs_terms *terms,
		       struct vs_terms *fallback)
{
	struct vsp_pool *pool = member->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(member, kept);
	get_limits(member, fallback);
	mutex_lock(&pool->lock);
	make_offer(member, fallback, kept, &pool->scratch.offer);
	if (vsp_pool_displaced(pool, member))
		memset(fallback, 0, sizeof(*fallback));
	else
		vs_terms_clamp(pool->spec, terms, &pool->scratch.offer, fallback);
	take_identities(member, fallback);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_available() - how much of a term can still be granted
 * @pool: the pool
 * @index: of the term in its class's table
 *
 * Context: process; takes pool->lock.
 * Return: the amount, in the term's unit.
 */
u64 vsp_pool_available(struct vsp_pool *pool, u32 index)
{
	u64 available;

	mutex_lock(&pool->lock);
	available = vsp_pool_subtract(vsp_pool_grantable(pool, index),
				      pool->amounts.charged[index]);
	mutex_unlock(&pool->lock);
	return available;
}

/**
 * vsp_pool_deficit() - what is charged above what can be granted
 * @pool: the pool
 * @index: of the term in its class's table
 *
 * Context: process; takes pool->lock.
 * Return: the deficit in the term's unit, 0 if there is none.
 */
u64 vsp_pool_deficit(struct vsp_pool *pool, u32 index)
{
	u64 deficit;

	mutex_lock(&pool->lock);
	deficit = vsp_pool_get_deficit(pool, index);
	mutex_unlock(&pool->lock);
	return deficit;
}
