// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools: clients that were denied, or got less than they wanted, may ask again when others
 * have given something back.
 *
 * How often that happens is in the hands of the clients, and each invitation makes all the
 * others of the pool work.  So what becomes free within INVITE_MS is one round of
 * invitations: ten rounds a second at the most, whatever any client does.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "vsp/core/work.h"
#include "vsp/pool/internal.h"

#define INVITE_MS	100

/* The milliseconds from the last round to the next one have not passed yet; 0: they have. */
static unsigned int invite_wait_ms(const struct vsp_pool *pool)
{
	/* One more, as the timer may be early by a part of a jiffy. */
	return max_t(s64, INVITE_MS + 1 - ktime_ms_delta(ktime_get(), pool->invitation.last), 0);
}

/**
 * vsp_pool_invite() - something of the pool has become free
 * @pool: any; nothing happens while it is disabled, since nobody has a contract then
 * @freed_by: the service that has given it back, which is not invited for that; NULL: none
 *
 * Context: pool->lock held. Returns before anybody is invited.
 */
void vsp_pool_invite(struct vsp_pool *pool, const struct vsp_member *freed_by)
{
	lockdep_assert_held(&pool->lock);
	if (!pool->enabled)
		return;
	if (pool->invitation.queued) {
		if (pool->invitation.freed_by != freed_by)
			pool->invitation.freed_by = NULL;
		return;
	}
	pool->invitation.queued = true;
	pool->invitation.freed_by = freed_by;
	vsp_work_queue(&pool->invitation.work, invite_wait_ms(pool));
}

/**
 * vsp_pool_invitation_work() - a round of invitations
 * @work: pool->invitation.work
 */
void vsp_pool_invitation_work(struct work_struct *work)
{
	struct vsp_pool *pool = container_of(work, struct vsp_pool, invitation.work.work);
	struct vsp_member *member;

	mutex_lock(&pool->lock);
	pool->invitation.queued = false;
	pool->invitation.last = ktime_get();
	list_for_each_entry(member, &pool->services, entry)
		if (member != pool->invitation.freed_by)
			member->ops->invite(member);
	mutex_unlock(&pool->lock);
}

/**
 * vsp_pool_invite_stop() - nobody is invited any more
 * @pool: disabled, and nobody enables it meanwhile
 *
 * Context: process; takes pool->lock.
 */
void vsp_pool_invite_stop(struct vsp_pool *pool)
{
	cancel_delayed_work_sync(&pool->invitation.work);
	mutex_lock(&pool->lock);
	pool->invitation.queued = false;
	mutex_unlock(&pool->lock);
}
