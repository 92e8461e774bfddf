// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of sources that nobody has ordered: a source goes, comes back, grows, fills up, or
 * cannot be written for a while.
 *
 * Each enabled pool has a work that lets its class look at the source, and then asks every
 * service of the pool for the limits of its part.  If these are others than at the last look,
 * the service renegotiates (vsp_machine_changed()).  The work runs every poll_ms, and at once
 * when the class calls vsp_watch_look().  A source of another size changes the capacity of its
 * pool instead: vsp_watch_found().
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/sched/mm.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vsp/pool/member.h"
#include "vsp/pool/pool.h"

#define POLL_MS_DEFAULT	1000

/* Fills @limits with what the source of @member can do now, without the administrator's limits. */
static void ask_source(struct vsp_member *member, struct vs_terms *limits)
{
	lockdep_assert_held(&member->pool->lock);
	vs_terms_unlimited(member->pool->spec, limits);
	member->ops->limits(member, limits);
}

/*
 * Is @member to be told of @limits?  Of a source that is gone it is told at every look, since the
 * source may have been back between two looks.
 */
static bool is_news(struct vsp_member *member, const struct vs_terms *limits, bool gone_only)
{
	if (!vs_terms_possible(member->pool->spec, limits))
		return true;
	return !gone_only && !vs_terms_equal(limits, &member->source_limits);
}

static void look_at_services(struct vsp_pool *pool, bool gone_only)
{
	struct vs_terms *limits = &pool->scratch.offer;
	struct vsp_member *member;

	mutex_lock(&pool->lock);
	list_for_each_entry(member, &pool->services, entry) {
		if (!member->watched)
			continue;
		ask_source(member, limits);
		if (!is_news(member, limits, gone_only))
			continue;
		member->source_limits = *limits;
		member->ops->changed(member);
	}
	mutex_unlock(&pool->lock);
}

/* A work of its own, so that a look that waits for the source does not delay a withdrawal. */
static void gone_work(struct work_struct *work)
{
	look_at_services(container_of(work, struct vsp_pool, watch.gone), true);
}

/* NOIO: the source that it opens again may be one that memory is written back to. */
static void pool_watch_work(struct work_struct *work)
{
	struct vsp_pool *pool = container_of(work, struct vsp_pool, watch.work.work);
	unsigned int noio = memalloc_noio_save();
	u32 poll_ms;

	if (pool->class->pool_poll)
		pool->class->pool_poll(pool);
	look_at_services(pool, false);
	poll_ms = READ_ONCE(pool->watch.poll_ms);
	if (poll_ms)
		queue_delayed_work(system_unbound_wq, &pool->watch.work, msecs_to_jiffies(poll_ms));
	memalloc_noio_restore(noio);
}

/**
 * vsp_watch_init() - a new pool
 * @pool: disabled
 */
void vsp_watch_init(struct vsp_pool *pool)
{
	pool->watch.poll_ms = POLL_MS_DEFAULT;
	INIT_WORK(&pool->watch.gone, gone_work);
	disable_work(&pool->watch.gone);
	INIT_DELAYED_WORK(&pool->watch.work, pool_watch_work);
	disable_delayed_work(&pool->watch.work);
}

/**
 * vsp_watch_start() - a pool is enabled
 * @pool: its source is open
 *
 * Context: the administrator's process, under pool->admin.
 */
void vsp_watch_start(struct vsp_pool *pool)
{
	lockdep_assert_held(&pool->admin);
	enable_work(&pool->watch.gone);
	enable_delayed_work(&pool->watch.work);
	vsp_watch_look(pool);
}

/**
 * vsp_watch_stop() - a pool is to be disabled
 * @pool: its source is still open
 *
 * Context: the administrator's process, under pool->admin; waits for a look at the source.
 */
void vsp_watch_stop(struct vsp_pool *pool)
{
	lockdep_assert_held(&pool->admin);
	disable_delayed_work_sync(&pool->watch.work);
	disable_work_sync(&pool->watch.gone);
}

/**
 * vsp_watch_look() - look at the source at once
 * @pool: any; nothing happens while it is disabled
 *
 * Context: any, interrupts included.
 */
void vsp_watch_look(struct vsp_pool *pool)
{
	queue_work(system_unbound_wq, &pool->watch.gone);
	mod_delayed_work(system_unbound_wq, &pool->watch.work, 0);
}
EXPORT_SYMBOL_GPL(vsp_watch_look);

/**
 * vsp_watch_found() - the source has another size than before
 * @pool: enabled
 * @index: of the term in its class's table
 * @value: in the term's unit
 *
 * Of no effect where the administrator has set the capacity; see vsp_pool_found().
 *
 * Context: pool_poll of the class; takes pool->lock.
 */
void vsp_watch_found(struct vsp_pool *pool, u32 index, u64 value)
{
	vsp_pool_found(pool, index, value);
}
EXPORT_SYMBOL_GPL(vsp_watch_found);

/**
 * vsp_watch_add() - tell a service when its source changes, from here on
 * @member: of a service whose class is open
 *
 * Context: the administrator's process; takes pool->lock.
 */
void vsp_watch_add(struct vsp_member *member)
{
	mutex_lock(&member->pool->lock);
	ask_source(member, &member->source_limits);
	member->watched = true;
	mutex_unlock(&member->pool->lock);
}

/**
 * vsp_watch_drop() - undo vsp_watch_add()
 * @member: of a service whose class is still open
 *
 * Context: the administrator's process; takes pool->lock.
 */
void vsp_watch_drop(struct vsp_member *member)
{
	mutex_lock(&member->pool->lock);
	member->watched = false;
	mutex_unlock(&member->pool->lock);
}
