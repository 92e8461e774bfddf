// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a pool: made, enabled and disabled by the administrator, used and joined
 * by services.  What is charged and granted of it is in admission.c.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/lockdep.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "vsp/core/rates.h"
#include "vsp/core/registry.h"
#include "vsp/pool/internal.h"

#define BURST_MS_DEFAULT	10
#define RESERVED_DEFAULT	1	/* percent */

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
	pool->settings.burst_ms = BURST_MS_DEFAULT;
	vsp_rates_pool_init(pool);
	pool->settings.reserved_percent = RESERVED_DEFAULT;
	INIT_DELAYED_WORK(&pool->renegotiation, vsp_pool_renegotiation_work);
	INIT_DELAYED_WORK(&pool->invitation.work, vsp_pool_invitation_work);
	vsp_watch_init(pool);
}

/* Forgets the capacities that the class has filled in, where the administrator has set none. */
static void forget_unset_capacity(struct vsp_pool *pool)
{
	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		if (!pool->amounts.capacity_set[i])
			pool->amounts.capacity[i] = 0;
	mutex_unlock(&pool->lock);
}

/* The capacity of a RATE has to be set before enable, unless the class finds rates by itself. */
static int check_capacity(const struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;

	for (u32 i = 0; i < spec->count && !pool->class->finds_rates; i++) {
		if (spec->term[i].kind != VS_KIND_RATE || pool->amounts.capacity_set[i])
			continue;
		pr_err("pool %s.%s: capacity_%s is unset: write the source's %s (%llu..%llu) before enable\n",
		       spec->name, pool->name, spec->term[i].name, spec->term[i].unit,
		       spec->term[i].lowest, spec->term[i].highest);
		return -EINVAL;
	}
	return 0;
}

/* What the source keeps for a service is charged to no service until that one is enabled. */
static void count_orphans(struct vsp_pool *pool)
{
	const struct vs_class_spec *spec = pool->spec;
	struct vsp_member *member;

	lockdep_assert_held(&pool->lock);
	for (u32 i = 0; i < spec->count; i++)
		pool->amounts.orphaned[i] = (spec->term[i].flags & VS_TERM_KEPT) &&
			pool->class->pool_kept ? pool->class->pool_kept(pool, i) : 0;
	list_for_each_entry(member, &pool->services, entry) {
		memset(member->charge, 0, sizeof(member->charge));
		member->adopted = false;
	}
	vsp_pool_recount(pool);
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
	if (pool->users)
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
	/* It is not queued again: the watch has ended, and all others need pool->admin. */
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
 * @member: of the service, which is disabled and of no pool
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_join(struct vsp_pool *pool, struct vsp_member *member)
{
	mutex_lock(&pool->lock);
	memset(member->charge, 0, sizeof(member->charge));
	memset(member->share, 0, sizeof(member->share));
	memset(member->least, 0, sizeof(member->least));
	member->displaced = false;
	member->adopted = false;
	member->pool = pool;
	list_add_tail(&member->entry, &pool->services);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_leave() - undo vsp_pool_join()
 * @pool: that it has joined
 * @member: of the service, which is disabled
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_leave(struct vsp_pool *pool, struct vsp_member *member)
{
	mutex_lock(&pool->lock);
	list_del_init(&member->entry);
	/* The service has no contract, so it is charged only for what its backing keeps. */
	for (u32 i = 0; i < pool->spec->count; i++)
		if (pool->spec->term[i].flags & VS_TERM_KEPT)
			pool->amounts.orphaned[i] = vsp_pool_add(pool->amounts.orphaned[i],
								 member->charge[i]);
	memset(member->charge, 0, sizeof(member->charge));
	member->pool = NULL;
	vsp_pool_recount(pool);
	vsp_pool_invite(pool, NULL);
	mutex_unlock(&pool->lock);
}
