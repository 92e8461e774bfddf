// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: what there is, who is charged for how much of it, and admission.
 *
 * Invariants, per pool and term (RATE: floors, SPACE: whole grants):
 *	- charged[] is the sum of the charges of all services that name the pool. It is
 *	  computed anew from them, never added to and taken from, so nothing can be
 *	  returned twice or get lost;
 *	- a reservation looks at what is free and charges in one critical section. It
 *	  never takes charged[] above what can be granted of capacity[]; where that has
 *	  fallen below charged[] (the deficit), it never takes charged[] up at all;
 *	- of a RATE, reserved_percent of capacity[] is never granted as a floor: it is
 *	  what those without one still progress with;
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

#include "vsp/pool/pool.h"

#define BURST_MS_DEFAULT	10
#define RESERVED_DEFAULT	1	/* percent */

static u64 add_saturating(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

/**
 * vsp_pool_grantable() - what may be charged of a capacity
 * @pool: the pool
 * @index: of a term that has one
 *
 * Floors never have all of a RATE; what is reserved is rounded up.
 *
 * Context: pool->lock held.
 * Return: it, in the term's unit.
 */
u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index)
{
	u64 capacity = pool->capacity[index], reserved;
	u32 percent = pool->reserved_percent, rest;

	if (pool->spec->term[index].kind != VS_KIND_RATE)
		return capacity;
	reserved = div_u64_rem(capacity, 100, &rest) * percent;
	return capacity - reserved - DIV_ROUND_UP(rest * percent, 100);
}

/**
 * vsp_pool_get_deficit() - vsp_pool_deficit() for who has the lock
 * @pool: the pool
 * @index: of the term in its class's table
 *
 * Context: pool->lock held.
 * Return: the deficit in the term's unit, 0 if there is none.
 */
u64 vsp_pool_get_deficit(const struct vsp_pool *pool, u32 index)
{
	return vsp_pool_subtract(pool->charged[index], vsp_pool_grantable(pool, index));
}

/* ---- Charges: all under pool->lock ---- */

/* What is charged to all but @except (NULL: to all). */
static u64 sum_charges(const struct vsp_pool *pool, const struct vsp_service *except, u32 index)
{
	const struct vsp_service *service;
	u64 sum = pool->orphaned[index];

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		if (service != except)
			sum = add_saturating(sum, service->charge[index]);
	return sum;
}

static void recount_charges(struct vsp_pool *pool)
{
	for (u32 i = 0; i < pool->spec->count; i++)
		pool->charged[i] = sum_charges(pool, NULL, i);
}

/**
 * vsp_pool_room() - what a service may hold of a term
 * @pool: of the service
 * @service: any of it
 * @index: of the term in its class's table
 * @kept: what its backing keeps of it
 *
 * Context: pool->lock held.
 * Return: it, what the service is charged for already included.
 */
u64 vsp_pool_room(const struct vsp_pool *pool, const struct vsp_service *service, u32 index,
		  u64 kept)
{
	u64 free = vsp_pool_subtract(vsp_pool_grantable(pool, index),
				     sum_charges(pool, service, index));

	/* In a deficit, its part of what is left: no more than it holds already. */
	return max3(free, min(service->share[index], service->charge[index]), kept);
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
	recount_charges(service->pool);
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
		free[i] = vsp_pool_room(pool, service, i, kept[i]);
	vs_terms_offer(pool->spec, limits, free, pool->capacity, offer);
}

/* Which is short: what the service may have at all, or what the pool has left? */
static u32 why_denied(const struct vsp_service *service, const struct vs_terms *ask,
		      const struct vs_terms *limits, u16 id)
{
	const struct vs_term *asked = vs_terms_find(ask, id);
	const struct vs_term *limit = vs_terms_find(limits, id);
	u32 pool = service->displaced ? VS_REASON_CAPACITY : VS_REASON_POOL;

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
 * @service: enabled
 * @ask: complete set, checked by vs_terms_check_ask(), that is tried on it; or NULL
 * @offer: filled, a complete set
 * @denied: id of the first term of @ask that is short, if one is
 * @reason: if one is: VS_REASON_LIMIT, VS_REASON_POOL, or VS_REASON_CAPACITY: its contract
 *	was withdrawn as there is no room for it any more
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
		*reason = why_denied(service, ask, offer, *denied);
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
 * @reason: as of vsp_pool_offer(), if it is not
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
		*reason = why_denied(service, ask, grant, *denied);
		error = -ENOSPC;
	} else {
		*grant = pool->grant;
		service->displaced = false;
		if (set_charge(service, charged, count, grant, kept))
			vsp_pool_invite(pool, service);
	}
	mutex_unlock(&pool->lock);
	return error;
}

/**
 * vsp_pool_asked() - what a service wants at least, if there should be less for all
 * @service: enabled
 * @ask: complete set, checked by vs_terms_check_ask(); no choice from an offer
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_asked(struct vsp_service *service, const struct vs_terms *ask)
{
	mutex_lock(&service->pool->lock);
	for (u32 i = 0; i < service->spec->count; i++)
		service->least[i] = ask->term[i].low;
	mutex_unlock(&service->pool->lock);
}

/**
 * vsp_pool_wanted() - what an ask would take if the pool were the service's alone
 * @service: enabled
 * @ask: complete set, checked by vs_terms_check_ask()
 * @wanted: filled, what would be chosen; zeroed if that would be nothing; another object
 *	than @ask
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_pool_wanted(struct vsp_service *service, const struct vs_terms *ask,
		     struct vs_terms *wanted)
{
	struct vsp_pool *pool = service->pool;
	u64 free[VS_WIRE_TERMS_MAX];
	u16 denied;

	get_limits(service, wanted);
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		free[i] = vsp_pool_grantable(pool, i);
	vs_terms_offer(pool->spec, wanted, free, pool->capacity, &pool->offer);
	vs_terms_choose(pool->spec, ask, &pool->offer, wanted, &denied);
	mutex_unlock(&pool->lock);
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
		vsp_pool_invite(pool, service);
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
		pool->orphaned[i] = vsp_pool_subtract(pool->orphaned[i], kept[i]);
	service->adopted = true;
	set_charge(service, NULL, 0, NULL, kept);
	mutex_unlock(&pool->lock);
}

/* What the administrator has named is so in the end, whatever the client had or wishes. */
static void take_identities(const struct vsp_service *service, struct vs_terms *terms)
{
	lockdep_assert_held(&service->pool->lock);
	for (u32 i = 0; i < terms->count; i++) {
		const struct vs_term *limit = &service->active_limits.term[i];

		if (limit->kind != VS_KIND_IDENTITY || !limit->length)
			continue;
		terms->term[i].length = limit->length;
		memcpy(terms->term[i].text, limit->text, sizeof(limit->text));
	}
}

/**
 * vsp_pool_names() - is it what the administrator has named?
 * @service: enabled
 * @terms: of its contract, complete
 *
 * Context: the service's work; takes pool->lock.
 * Return: false if an identity is another one than he says.
 */
bool vsp_pool_names(struct vsp_service *service, const struct vs_terms *terms)
{
	bool same = true;

	mutex_lock(&service->pool->lock);
	for (u32 i = 0; i < terms->count; i++) {
		const struct vs_term *limit = &service->active_limits.term[i];

		if (limit->kind == VS_KIND_IDENTITY && limit->length)
			same &= limit->length == terms->term[i].length &&
				!memcmp(limit->text, terms->term[i].text, limit->length);
	}
	mutex_unlock(&service->pool->lock);
	return same;
}

/**
 * vsp_pool_fallback() - what is left of a contract, now
 * @service: enabled
 * @terms: in force, complete
 * @fallback: filled: @terms, cut to what limits, source and pool still hold; no terms
 *	(count 0) if nothing is left: a withdrawal
 *
 * In a deficit it is what vsp_allocate() leaves to it.
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
	if (vsp_pool_displaced(pool, service))
		memset(fallback, 0, sizeof(*fallback));
	else
		vs_terms_clamp(pool->spec, terms, &pool->offer, fallback);
	take_identities(service, fallback);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_available() - what can still be granted
 * @pool: the pool
 * @index: of the term in its class's table
 *
 * Context: process; takes pool->lock.
 * Return: it, in the term's unit.
 */
u64 vsp_pool_available(struct vsp_pool *pool, u32 index)
{
	u64 available;

	mutex_lock(&pool->lock);
	available = vsp_pool_subtract(vsp_pool_grantable(pool, index), pool->charged[index]);
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
	pool->reserved_percent = RESERVED_DEFAULT;
	INIT_DELAYED_WORK(&pool->renegotiation, vsp_pool_renegotiation_work);
	INIT_DELAYED_WORK(&pool->invitation, vsp_pool_invitation_work);
	vsp_watch_init(pool);
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

	for (u32 i = 0; i < spec->count && !pool->class->finds_rates; i++) {
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
	recount_charges(pool);
}

static int pool_open_source(struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;
	int error;

	pool->class = vsp_class_get(spec);
	if (!pool->class) {
		pr_err("pool %s.%s: class missing: load vsp_%s\n", spec->name, pool->name,
		       spec->name);
		return -ENODEV;
	}
	error = check_capacity(pool);
	if (!error)
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
	error = pool_open_source(pool);
	if (error)
		goto unlock;
	mutex_lock(&pool->lock);
	count_orphans(pool);
	vsp_rates_pool_changed(pool);
	WRITE_ONCE(pool->enabled, true);
	mutex_unlock(&pool->lock);
	vsp_watch_start(pool);
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
	vsp_watch_stop(pool);
	vsp_rates_pool_stop(pool);
	/* Nobody queues it again: the watch is over, and all others need pool->admin. */
	cancel_delayed_work_sync(&pool->renegotiation);
	vsp_pool_invite_stop(pool);
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
	memset(service->least, 0, sizeof(service->least));
	service->displaced = false;
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
	recount_charges(pool);
	vsp_pool_invite(pool, NULL);
	mutex_unlock(&pool->lock);
}
