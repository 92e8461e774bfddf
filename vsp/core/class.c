// SPDX-License-Identifier: GPL-2.0-only
/*
 * What classes may know of pools and services, and change of them.
 */
#include <linux/bitops.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>

#include "vs_class.h"
#include "vsp/class.h"
#include "vsp/core/service.h"
#include "vsp/pool/pool.h"

/* ---- Pools ---- */

/**
 * vsp_pool_name() - its name, for log lines
 * @pool: any
 *
 * Context: any.
 * Return: what follows "<class>." in its directory's name; constant.
 */
const char *vsp_pool_name(const struct vsp_pool *pool)
{
	return pool->name;
}
EXPORT_SYMBOL_GPL(vsp_pool_name);

/**
 * vsp_pool_source() - what the administrator has named as its source
 * @pool: enabled, or being enabled
 *
 * Context: any.
 * Return: a path or a name, as the class's table says; empty: there is none. Constant while
 * the pool is enabled.
 */
const char *vsp_pool_source(const struct vsp_pool *pool)
{
	return pool->settings.source;
}
EXPORT_SYMBOL_GPL(vsp_pool_source);

/**
 * vsp_pool_text() - one of the texts that its class has
 * @pool: enabled, or being enabled
 * @index: of the text, in vs_class_spec.texts
 *
 * Context: any.
 * Return: the text; empty: not written. Constant while the pool is enabled.
 */
const char *vsp_pool_text(const struct vsp_pool *pool, u32 index)
{
	return pool->settings.text[index];
}
EXPORT_SYMBOL_GPL(vsp_pool_text);

/**
 * vsp_pool_capacity_is_set() - has the administrator written this capacity?
 * @pool: any
 * @index: of the term
 *
 * Context: any; what it says may change at any time, but for pool_open of the class.
 * Return: whether a capacity was written.
 */
bool vsp_pool_capacity_is_set(const struct vsp_pool *pool, u32 index)
{
	return READ_ONCE(pool->amounts.capacity_set[index]);
}
EXPORT_SYMBOL_GPL(vsp_pool_capacity_is_set);

/**
 * vsp_pool_capacity() - how much there is
 * @pool: any
 * @index: of the term
 *
 * Context: any; what it says may change at any time.
 * Return: the capacity, in the term's unit.
 */
u64 vsp_pool_capacity(const struct vsp_pool *pool, u32 index)
{
	return READ_ONCE(pool->amounts.capacity[index]);
}
EXPORT_SYMBOL_GPL(vsp_pool_capacity);

/**
 * vsp_pool_fill_capacity() - say how much there is, if the administrator has not
 * @pool: being enabled; later vsp_watch_found() says it
 * @index: of the term
 * @value: in the term's unit
 *
 * Context: pool_open of the class; takes pool->lock.
 * Return: whether @value is the capacity now: false if another one was written.
 */
bool vsp_pool_fill_capacity(struct vsp_pool *pool, u32 index, u64 value)
{
	bool filled;

	mutex_lock(&pool->lock);
	filled = !pool->amounts.capacity_set[index];
	if (filled)
		pool->amounts.capacity[index] = value;
	mutex_unlock(&pool->lock);
	return filled;
}
EXPORT_SYMBOL_GPL(vsp_pool_fill_capacity);

/**
 * vsp_pool_has_service() - is a service one of this pool's?
 * @pool: any
 * @uuid: of the service; NULL: any service of this kernel's own client
 *
 * Context: may sleep; takes pool->lock.
 * Return: whether the pool has such a service.
 */
bool vsp_pool_has_service(struct vsp_pool *pool, const uuid_t *uuid)
{
	struct vsp_service *service;
	bool found = false;

	mutex_lock(&pool->lock);
	list_for_each_entry(service, &pool->services, member.entry)
		found |= uuid ? uuid_equal(&service->identity.uuid, uuid) : service->settings.local;
	mutex_unlock(&pool->lock);
	return found;
}
EXPORT_SYMBOL_GPL(vsp_pool_has_service);

/**
 * vsp_pool_count_no_space() - its source had no space for what was granted
 * @pool: any
 *
 * Context: any.
 */
void vsp_pool_count_no_space(struct vsp_pool *pool)
{
	atomic64_inc(&pool->no_space);
}
EXPORT_SYMBOL_GPL(vsp_pool_count_no_space);

/**
 * vsp_pool_data() - what the class has of the pool
 * @pool: any
 *
 * Context: any.
 * Return: what vsp_pool_set_data() was given last.
 */
void *vsp_pool_data(const struct vsp_pool *pool)
{
	return pool->class_data;
}
EXPORT_SYMBOL_GPL(vsp_pool_data);

/**
 * vsp_pool_set_data() - set what vsp_pool_data() returns
 * @pool: being enabled or disabled
 * @data: the class's own; NULL once it is gone
 *
 * Context: pool_open and pool_close of the class.
 */
void vsp_pool_set_data(struct vsp_pool *pool, void *data)
{
	pool->class_data = data;
}
EXPORT_SYMBOL_GPL(vsp_pool_set_data);

/* ---- Services ---- */

/**
 * vsp_service_name() - its name, for log lines
 * @service: any
 *
 * Context: any.
 * Return: what follows "<class>." in its directory's name; constant.
 */
const char *vsp_service_name(const struct vsp_service *service)
{
	return service->name;
}
EXPORT_SYMBOL_GPL(vsp_service_name);

/**
 * vsp_service_uuid() - what its data are known by
 * @service: enabled, being enabled, or being released
 *
 * Context: any.
 * Return: its UUID; constant while the service is enabled.
 */
const uuid_t *vsp_service_uuid(const struct vsp_service *service)
{
	return &service->identity.uuid;
}
EXPORT_SYMBOL_GPL(vsp_service_uuid);

/**
 * vsp_service_pool() - the pool that it is a portion of
 * @service: enabled, being enabled, or being released
 *
 * Context: any.
 * Return: its pool; constant, and enabled, while the service is enabled.
 */
struct vsp_pool *vsp_service_pool(const struct vsp_service *service)
{
	return service->pool;
}
EXPORT_SYMBOL_GPL(vsp_service_pool);

/**
 * vsp_service_backing() - what the administrator has named as its own backing
 * @service: enabled, being enabled, or being released
 *
 * Context: any.
 * Return: a path; empty: the class finds one in the pool's source. Constant while the service
 * is enabled.
 */
const char *vsp_service_backing(const struct vsp_service *service)
{
	return service->settings.backing;
}
EXPORT_SYMBOL_GPL(vsp_service_backing);

/**
 * vsp_service_is_local() - is its client this kernel's own?
 * @service: enabled
 *
 * Context: any.
 * Return: whether it is.
 */
bool vsp_service_is_local(const struct vsp_service *service)
{
	return service->settings.local;
}
EXPORT_SYMBOL_GPL(vsp_service_is_local);

/**
 * vsp_service_switch() - one of the switches that its class has
 * @service: any
 * @index: of the switch, in vs_class_spec.switches
 *
 * Context: any; what it says may change at any time.
 * Return: whether it is on.
 */
bool vsp_service_switch(const struct vsp_service *service, u32 index)
{
	return test_bit(index, &service->switches);
}
EXPORT_SYMBOL_GPL(vsp_service_switch);

/**
 * vsp_service_set_switch() - have a switch say what is so
 * @service: any
 * @index: of the switch, in vs_class_spec.switches
 * @on: what it says
 *
 * Context: any. The class's switched() is not called.
 */
void vsp_service_set_switch(struct vsp_service *service, u32 index, bool on)
{
	assign_bit(index, &service->switches, on);
}
EXPORT_SYMBOL_GPL(vsp_service_set_switch);

/**
 * vsp_service_staged_limit() - the most of a term that may be granted once limits are taken
 * @service: any
 * @index: of the term
 *
 * Context: any but interrupts; takes service->staged.lock.
 * Return: the limit as written, in the term's unit.
 */
u64 vsp_service_staged_limit(struct vsp_service *service, u32 index)
{
	u64 limit;

	spin_lock(&service->staged.lock);
	limit = service->staged.limits.term[index].high;
	spin_unlock(&service->staged.lock);
	return limit;
}
EXPORT_SYMBOL_GPL(vsp_service_staged_limit);

/**
 * vsp_service_limit() - what of a term may be granted now
 * @service: enabled
 * @index: of the term
 * @limit: a copy of the limit
 *
 * Context: may sleep; takes pool->lock. Not for @limits of the class.
 */
void vsp_service_limit(struct vsp_service *service, u32 index, struct vs_term *limit)
{
	mutex_lock(&service->pool->lock);
	*limit = service->member.limits.term[index];
	mutex_unlock(&service->pool->lock);
}
EXPORT_SYMBOL_GPL(vsp_service_limit);

/**
 * vsp_service_may_log() - count a line that its client can cause
 * @service: any
 * @function: that writes the line
 *
 * For vsp_warn_limited().
 *
 * Context: any.
 * Return: whether the line may be written: there were not too many.
 */
bool vsp_service_may_log(struct vsp_service *service, const char *function)
{
	return ___ratelimit(&service->ratelimit.log, function);
}
EXPORT_SYMBOL_GPL(vsp_service_may_log);

/**
 * vsp_service_data() - what the class has of the service
 * @service: any
 *
 * Context: any.
 * Return: what vsp_service_set_data() was given last.
 */
void *vsp_service_data(const struct vsp_service *service)
{
	return service->class_data;
}
EXPORT_SYMBOL_GPL(vsp_service_data);

/**
 * vsp_service_set_data() - set what vsp_service_data() returns
 * @service: being enabled or disabled
 * @data: the class's own; NULL once it is gone
 *
 * Context: service_open and service_close of the class.
 */
void vsp_service_set_data(struct vsp_service *service, void *data)
{
	service->class_data = data;
}
EXPORT_SYMBOL_GPL(vsp_service_set_data);
