// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: what there is, who is charged for how much of it, and admission.
 *
 * Invariants, per pool and term (RATE: floors, SPACE: whole grants):
 *	- charged[] is the sum of the charges of all services that name the pool. It is
 *	  computed anew from them, never added to and taken from, so nothing can be
 *	  returned twice or get lost;
 *	- a reservation looks at what is free and charges in one critical section. It
 *	  never takes charged[] above capacity[]; where capacity[] has fallen below
 *	  charged[] (the deficit), it never takes charged[] up at all;
 *	- what a service's backing keeps (KEPT) is charged to it with or without a
 *	  contract, and always counts as its own. What the source keeps for services that
 *	  were not enabled since the pool was, or that are gone, is charged to nobody, but
 *	  charged (orphaned[]), until it is released.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "vsp.h"

#define BURST_MS_DEFAULT	10

static u64 add_saturating(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

static u64 subtract_saturating(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static bool has_capacity(const struct vs_term_spec *term)
{
	return term->kind == VS_KIND_RATE || term->kind == VS_KIND_SPACE;
}

/* ---- Charges: all under pool->lock ---- */

/* What is charged to all but @except (NULL: to all). */
static u64 charges(const struct vsp_pool *pool, const struct vsp_service *except, u32 index)
{
	const struct vsp_service *service;
	u64 sum = pool->orphaned[index];

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		if (service != except)
			sum = add_saturating(sum, service->charge[index]);
	return sum;
}

static void recount(struct vsp_pool *pool)
{
	for (u32 i = 0; i < pool->spec->count; i++)
		pool->charged[i] = charges(pool, NULL, i);
}

/* What @service may hold of term @index, its own charge included. */
static u64 room(const struct vsp_pool *pool, const struct vsp_service *service, u32 index,
		u64 kept)
{
	u64 free = subtract_saturating(pool->capacity[index], charges(pool, service, index));

	/* In a deficit, its part of what is left: no more than it holds already. */
	return max3(free, min(service->share[index], service->charge[index]), kept);
}

/* Divides what is left of a term among those who are charged for it. */
static void divide(struct vsp_pool *pool, u32 index)
{
	u64 capacity = pool->capacity[index], charged = pool->charged[index];
	struct vsp_service *service;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		service->share[index] = charged <= capacity ? service->charge[index] :
			mul_u64_u64_div_u64(service->charge[index], capacity, charged);
}

/* Those who were denied may want to ask again. */
static void invite(struct vsp_pool *pool, const struct vsp_service *except)
{
	struct vsp_service *service;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		if (service != except)
			vsp_service_invite(service);
}

/*
 * What the backing of @service keeps, per term.  Asked for without the pool's lock:
 * it changes only by what the calling work or administrator does itself.
 */
static void get_kept(struct vsp_service *service, u64 *kept)
{
	const struct vs_class_spec *spec = service->spec;

	for (u32 i = 0; i < spec->count; i++)
		kept[i] = (spec->term[i].flags & VS_TERM_KEPT) && service->class->kept ?
			service->class->kept(service, i) : 0;
}

/* Return: whether some of it has become free. */
static bool set_charge(struct vsp_service *service, const struct vs_terms * const *sets,
		       unsigned int count, const struct vs_terms *grant, const u64 *kept)
{
	const struct vs_class_spec *spec = service->spec;
	bool freed = false;
	u64 charge;

	lockdep_assert_held(&service->pool->lock);
	for (u32 i = 0; i < spec->count; i++) {
		charge = kept[i];
		for (unsigned int j = 0; j < count; j++)
			charge = max(charge, vs_terms_charge(spec, sets[j], i));
		if (grant)
			charge = max(charge, vs_terms_charge(spec, grant, i));
		freed |= charge < service->charge[i];
		service->charge[i] = charge;
	}
	recount(service->pool);
	return freed;
}

/* ---- Admission ---- */

/* What administrator and source allow; the class is asked without the pool's lock. */
static void get_limits(struct vsp_service *service, struct vs_terms *limits)
{
	mutex_lock(&service->pool->lock);
	*limits = service->active_limits;
	mutex_unlock(&service->pool->lock);
	service->class->limits(service, limits);
}

static void make_offer(struct vsp_service *service, const struct vs_terms *limits,
		       const u64 *kept, struct vs_terms *offer)
{
	struct vsp_pool *pool = service->pool;
	u64 free[VS_WIRE_TERMS_MAX];

	lockdep_assert_held(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		free[i] = room(pool, service, i, kept[i]);
	vs_terms_offer(pool->spec, limits, free, pool->capacity, offer);
}

/* Which is short: what the service may have at all, or what the pool has left? */
static u32 why_denied(const struct vs_class_spec *spec, const struct vs_terms *ask,
		      const struct vs_terms *limits, u16 id)
{
	const struct vs_term *asked = vs_terms_find(ask, id);
	const struct vs_term *limit = vs_terms_find(limits, id);

	if (!asked || !limit)
		return VS_REASON_LIMIT;
	if (asked->kind == VS_KIND_SPACE)
		return asked->low > limit->high ? VS_REASON_LIMIT : VS_REASON_POOL;
	if (asked->kind == VS_KIND_RATE)
		return asked->low > min(limit->low, limit->high) ? VS_REASON_LIMIT :
								   VS_REASON_POOL;
	return VS_REASON_LIMIT;
}

/**
 * vsp_pool_offer() - what a service could be granted now
 * @service: enabled
 * @ask: complete set, checked by vs_terms_check_ask(), that is tried on it; or NULL
 * @offer: filled, a complete set
 * @denied: id of the first term of @ask that is short, if one is
 * @reason: VS_REASON_LIMIT or VS_REASON_POOL, if one is
 *
 * Never shows more than what @service itself may have: neither the pool's rest nor
 * another's charge.
 *
 * Context: the service's work; takes pool->lock.
 * Return: 0, or -ENOSPC if @ask could not be granted.
 */
int vsp_pool_offer(struct vsp_service *service, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason)
{
	struct vsp_pool *pool = service->pool;
	u64 kept[VS_WIRE_TERMS_MAX];
	int error = 0;

	get_kept(service, kept);
	get_limits(service, offer);
	mutex_lock(&pool->lock);
	make_offer(service, offer, kept, &pool->offer);
	if (ask && vs_terms_grant(pool->spec, ask, &pool->offer, &pool->grant, denied)) {
		*reason = why_denied(pool->spec, ask, offer, *denied);
		error = -ENOSPC;
	}
	*offer = pool->offer;
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_reserve() - grant all of an ask, or nothing
 * @service: enabled
 * @ask: complete set, checked by vs_terms_check_ask()
 * @charged: sets that @service is charged for besides (in force, held, fallback)
 * @count: of @charged
 * @grant: filled if it is granted, else clobbered
 * @denied: id of the first term that is short, if it is not
 * @reason: VS_REASON_LIMIT or VS_REASON_POOL, if it is not
 *
 * If it is granted, @service is charged, term by term, for the most of @grant,
 * @charged and what its backing keeps: vsp_pool_charge() without @grant returns it.
 *
 * Context: the service's work; takes pool->lock.
 * Return: 0, or -ENOSPC, and then nothing has changed.
 */
int vsp_pool_reserve(struct vsp_service *service, const struct vs_terms *ask,
		     const struct vs_terms * const *charged, unsigned int count,
		     struct vs_terms *grant, u16 *denied, u32 *reason)
{
	struct vsp_pool *pool = service->pool;
	u64 kept[VS_WIRE_TERMS_MAX];
	int error;

	get_kept(service, kept);
	get_limits(service, grant);
	mutex_lock(&pool->lock);
	make_offer(service, grant, kept, &pool->offer);
	error = vs_terms_grant(pool->spec, ask, &pool->offer, &pool->grant, denied);
	if (error) {
		*reason = why_denied(pool->spec, ask, grant, *denied);
		error = -ENOSPC;
	} else {
		*grant = pool->grant;
		memcpy(service->seen, pool->capacity, sizeof(service->seen));
		if (set_charge(service, charged, count, grant, kept))
			invite(pool, service);
	}
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_charge() - what a service holds has changed
 * @service: its class is open
 * @charged: all sets that it is to be charged for
 * @count: of @charged; 0: only what its backing keeps
 *
 * It is charged, term by term, for the most of them. What has become free is
 * offered to the pool's other services.
 *
 * Context: the service's work, or an administrator when that does not run; takes
 *	pool->lock.
 */
void vsp_pool_charge(struct vsp_service *service, const struct vs_terms * const *charged,
		     unsigned int count)
{
	struct vsp_pool *pool = service->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(service, kept);
	mutex_lock(&pool->lock);
	if (set_charge(service, charged, count, NULL, kept))
		invite(pool, service);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_adopt() - what the backing of a service keeps is its own from here
 * @service: its class is open, and has just been opened
 *
 * Context: an administrator; takes pool->lock.
 */
void vsp_pool_adopt(struct vsp_service *service)
{
	struct vsp_pool *pool = service->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(service, kept);
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count && !service->adopted; i++)
		pool->orphaned[i] = subtract_saturating(pool->orphaned[i], kept[i]);
	service->adopted = true;
	set_charge(service, NULL, 0, NULL, kept);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_fallback() - what is left of a contract, now
 * @service: enabled
 * @terms: in force, complete
 * @fallback: filled: @terms, cut to what limits, source and pool still hold
 *
 * In a deficit every service keeps the same part of what it holds.
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_fallback(struct vsp_service *service, const struct vs_terms *terms,
		       struct vs_terms *fallback)
{
	struct vsp_pool *pool = service->pool;
	u64 kept[VS_WIRE_TERMS_MAX];

	get_kept(service, kept);
	get_limits(service, fallback);
	mutex_lock(&pool->lock);
	make_offer(service, fallback, kept, &pool->offer);
	vs_terms_clamp(pool->spec, terms, &pool->offer, fallback);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_grantable() - what may be charged of a term
 * @pool: any
 * @index: of the term in its class's table
 *
 * Context: pool->lock held.
 */
u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index)
{
	return pool->capacity[index];
}

/**
 * vsp_pool_deficit() - what is charged above the capacity
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
	deficit = subtract_saturating(pool->charged[index], pool->capacity[index]);
	mutex_unlock(&pool->lock);
	return deficit;
}

/* ---- What the administrator does ---- */

/**
 * vsp_pool_init() - a new pool, disabled and without capacity
 * @pool: zeroed
 * @spec: its class
 * @name: shorter than VSP_NAME_MAX
 */
void vsp_pool_init(struct vsp_pool *pool, const struct vs_class_spec *spec, const char *name)
{
	pool->spec = spec;
	strscpy(pool->name, name, sizeof(pool->name));
	mutex_init(&pool->admin);
	mutex_init(&pool->lock);
	INIT_LIST_HEAD(&pool->services);
	pool->burst_ms = BURST_MS_DEFAULT;
	vsp_rates_pool_init(pool);
}

/* The class may have filled in what nobody has set. */
static void forget_unset_capacity(struct vsp_pool *pool)
{
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		if (!pool->capacity_set[i])
			pool->capacity[i] = 0;
	mutex_unlock(&pool->lock);
}

/* A rate is not to be guessed: nothing says what a source can do. */
static int check_capacity(const struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;

	for (u32 i = 0; i < spec->count; i++) {
		if (spec->term[i].kind != VS_KIND_RATE || pool->capacity_set[i])
			continue;
		pr_err("pool %s.%s: capacity_%s is unset: write the source's %s (%llu..%llu) before enable\n",
		       spec->name, pool->name, spec->term[i].name, spec->term[i].unit,
		       spec->term[i].lowest, spec->term[i].highest);
		return -EINVAL;
	}
	return 0;
}

/* All that the source keeps is nobody's until its services are enabled. */
static void count_orphans(struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;
	struct vsp_service *service;

	lockdep_assert_held(&pool->lock);
	for (u32 i = 0; i < spec->count; i++)
		pool->orphaned[i] = (spec->term[i].flags & VS_TERM_KEPT) &&
			pool->class->pool_kept ? pool->class->pool_kept(pool, i) : 0;
	list_for_each_entry(service, &pool->services, pool_entry) {
		memset(service->charge, 0, sizeof(service->charge));
		service->adopted = false;
	}
	recount(pool);
}

static int open_source(struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;
	int error;

	pool->class = vsp_class_get(spec);
	if (!pool->class) {
		pr_err("pool %s.%s: class missing: load vsp_%s\n", spec->name, pool->name,
		       spec->name);
		return -ENODEV;
	}
	error = pool->class->pool_open(pool);
	if (!error)
		return 0;
	forget_unset_capacity(pool);
	vsp_class_put(pool->class);
	pool->class = NULL;
	return error;
}

/**
 * vsp_pool_enable() - open the source
 * @pool: disabled
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0; -EBUSY if it is enabled, -EINVAL if the capacity of a rate is not set,
 *	-ENODEV if the class's module is missing; errors of the class. All are logged.
 */
int vsp_pool_enable(struct vsp_pool *pool)
{
	int error;

	mutex_lock(&pool->admin);
	if (pool->enabled) {
		pr_err("pool %s.%s: is enabled\n", pool->spec->name, pool->name);
		error = -EBUSY;
		goto unlock;
	}
	error = check_capacity(pool);
	if (error)
		goto unlock;
	error = open_source(pool);
	if (error)
		goto unlock;
	mutex_lock(&pool->lock);
	count_orphans(pool);
	vsp_rates_pool_changed(pool);
	WRITE_ONCE(pool->enabled, true);
	mutex_unlock(&pool->lock);
unlock:
	mutex_unlock(&pool->admin);
	return error;
}

static bool in_use(const struct vsp_pool *pool)
{
	const struct vsp_service *service;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		if (service->session)
			return true;
	return pool->users;
}

/**
 * vsp_pool_disable() - close the source
 * @pool: disabled already is no error
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0, or -EBUSY while a service of it is enabled.
 */
int vsp_pool_disable(struct vsp_pool *pool)
{
	int error = 0;

	mutex_lock(&pool->admin);
	if (!pool->enabled)
		goto unlock;
	mutex_lock(&pool->lock);
	if (in_use(pool))
		error = -EBUSY;
	else
		WRITE_ONCE(pool->enabled, false);
	mutex_unlock(&pool->lock);
	if (error) {
		pr_err("pool %s.%s: in use: write 0 to enable of its services first\n",
		       pool->spec->name, pool->name);
		goto unlock;
	}
	vsp_rates_pool_stop(pool);
	pool->class->pool_close(pool);
	vsp_class_put(pool->class);
	pool->class = NULL;
	forget_unset_capacity(pool);
unlock:
	mutex_unlock(&pool->admin);
	return error;
}

/**
 * vsp_pool_use() - keep a pool enabled
 * @pool: any
 *
 * Context: process; takes pool->lock.
 * Return: 0, to be undone by vsp_pool_unuse(), or -ENODEV if it is disabled.
 */
int vsp_pool_use(struct vsp_pool *pool)
{
	int error = -ENODEV;

	mutex_lock(&pool->lock);
	if (pool->enabled) {
		pool->users++;
		error = 0;
	}
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_unuse() - undo vsp_pool_use()
 * @pool: used
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_unuse(struct vsp_pool *pool)
{
	mutex_lock(&pool->lock);
	if (!WARN_ON_ONCE(!pool->users))
		pool->users--;
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_set_capacity() - the administrator says what there is
 * @pool: any
 * @index: of the term in its class's table
 * @value: in the term's unit
 *
 * Takes effect at once. What is charged above it is the pool's deficit, until the
 * contracts have been renegotiated; what there is more is offered to those denied.
 *
 * Context: the administrator's process; takes pool->admin and pool->lock.
 * Return: 0; -EINVAL if the term has no capacity, -ERANGE.
 */
int vsp_pool_set_capacity(struct vsp_pool *pool, u32 index, u64 value)
{
	const struct vs_term_spec *term;
	bool more;

	if (index >= pool->spec->count || !has_capacity(&pool->spec->term[index]))
		return -EINVAL;
	term = &pool->spec->term[index];
	if (value > term->highest || (term->kind == VS_KIND_RATE && value < term->lowest))
		return -ERANGE;
	mutex_lock(&pool->admin);
	mutex_lock(&pool->lock);
	more = value > pool->capacity[index];
	WRITE_ONCE(pool->capacity[index], value);
	pool->capacity_set[index] = true;
	divide(pool, index);
	vsp_rates_pool_changed(pool);
	if (more)
		invite(pool, NULL);
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
		WRITE_ONCE(pool->capacity[index], 0);
		pool->capacity_set[index] = false;
		mutex_unlock(&pool->lock);
		error = 0;
	}
	mutex_unlock(&pool->admin);
	return error;
}

/* Does the pool not hold all of @terms any more, or could it give more than that? */
static bool affected(const struct vsp_pool *pool, const struct vsp_service *service,
		     const struct vs_terms *terms)
{
	for (u32 i = 0; i < pool->spec->count; i++) {
		const struct vs_term_spec *spec = &pool->spec->term[i];
		u64 capacity = pool->capacity[i];

		if (!has_capacity(spec) || (spec->flags & VS_TERM_KEPT))
			continue;
		if (vs_terms_charge(pool->spec, terms, i) > room(pool, service, i, 0))
			return true;
		if (spec->kind == VS_KIND_RATE && terms->term[i].high > capacity)
			return true;
		if (capacity > service->seen[i] &&
		    terms->term[i].high < min(capacity, service->active_limits.term[i].high))
			return true;
	}
	return false;
}

/**
 * vsp_pool_renegotiate() - call every service whose contract the pool's state touches
 * @pool: any
 *
 * Those without a contract hear of it only if they were denied and would not be now.
 *
 * Context: process; takes pool->lock. Returns before anything has happened.
 */
void vsp_pool_renegotiate(struct vsp_pool *pool)
{
	const struct vsp_contract *contract;
	struct vsp_service *service;
	bool call;

	mutex_lock(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry) {
		rcu_read_lock();
		contract = rcu_dereference(service->in_force);
		call = contract && affected(pool, service, &contract->terms);
		rcu_read_unlock();
		if (!call) {
			vsp_service_invite(service);
			continue;
		}
		memcpy(service->seen, pool->capacity, sizeof(service->seen));
		vsp_service_renegotiate(service, VS_REASON_CAPACITY);
	}
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_join() - a service names this pool
 * @pool: of the service's class
 * @service: disabled, of no pool; the caller sets service->pool
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_join(struct vsp_pool *pool, struct vsp_service *service)
{
	mutex_lock(&pool->lock);
	memset(service->charge, 0, sizeof(service->charge));
	memset(service->share, 0, sizeof(service->share));
	memset(service->seen, 0, sizeof(service->seen));
	service->adopted = false;
	list_add_tail(&service->pool_entry, &pool->services);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_leave() - undo vsp_pool_join()
 * @pool: that it has joined
 * @service: disabled
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_leave(struct vsp_pool *pool, struct vsp_service *service)
{
	mutex_lock(&pool->lock);
	list_del_init(&service->pool_entry);
	/* Its contract is over: what it is charged for is what its backing keeps. */
	for (u32 i = 0; i < pool->spec->count; i++)
		if (pool->spec->term[i].flags & VS_TERM_KEPT)
			pool->orphaned[i] = add_saturating(pool->orphaned[i], service->charge[i]);
	memset(service->charge, 0, sizeof(service->charge));
	recount(pool);
	invite(pool, NULL);
	mutex_unlock(&pool->lock);
}
