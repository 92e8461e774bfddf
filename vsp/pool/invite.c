// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invitations: clients that were denied, or got less than they wanted, may ask again when other
 * clients of the pool have given something back.
 *
 * A client decides how often it gives something back, and each time all other clients of the pool
 * would have work.  So all that becomes free within INVITE_MS makes one round of invitations: ten
 * rounds a second at the most, whatever any client does.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "vsp/core/work.h"
#include "vsp/pool/internal.h"

#define INVITE_MS	100

/* Return: milliseconds until the next round may begin, INVITE_MS after the last one. */
static unsigned int invite_wait_ms(const struct vsp_pool *pool)
{
	/* Plus one millisecond, as the timer may be early by a part of a jiffy. */
	return max_t(s64, INVITE_MS + 1 - ktime_ms_delta(ktime_get(), pool->invitation.last), 0);
}

/**
 * vsp_pool_invite() - something of the pool has become free
 * @pool: any; nothing happens while it is disabled, since then no service has a contract
 * @freed_by: the service that has given it back, which is not invited; NULL: invite all
 *
 * Context: pool->lock held. Returns before any service is invited.
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
 * vsp_pool_invite_stop() - end the invitations of a pool
 * @pool: disabled; pool->admin is held, so that it stays disabled
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
