// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inbox of a session: what the channel, the pool and the administrator want of it is put
 * there, and its work (session_work.c) is woken.  Nothing here takes anything out, or waits.
 */
#include <linux/lockdep.h>
#include <linux/string.h>

#include "channel/host/channel.h"
#include "vsp/class.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/work.h"
#include "vsp/pool/pool.h"

/**
 * vsp_session_wake() - have the work look at the inbox, and at its deadlines
 * @session: of an enabled service
 *
 * Context: any.
 */
void vsp_session_wake(struct vsp_session *session)
{
	vsp_work_queue_session(&session->work);
}

/**
 * vsp_session_post() - put something into the inbox, and have the work look at it
 * @session: of an enabled service
 * @bits: VSP_INBOX_*
 *
 * Context: process, or bottom half. Returns before anything has happened.
 */
void vsp_session_post(struct vsp_session *session, unsigned long bits)
{
	spin_lock_bh(&session->inbox.lock);
	session->inbox.bits |= bits;
	spin_unlock_bh(&session->inbox.lock);
	vsp_session_wake(session);
}

/* ---- What the channel tells: mover or the VMM's ioctl; only queues ---- */

static void on_channel_message(void *data, unsigned int slot, const void *bytes, size_t length)
{
	struct vsp_service *service = data;
	struct vsp_session *session = service->session;

	spin_lock_bh(&session->inbox.lock);
	session->inbox.slot[slot].bytes = bytes;
	session->inbox.slot[slot].length = length;
	session->inbox.slot[slot].sequence = ++session->inbox.sequence;
	session->inbox.slot[slot].full = true;
	spin_unlock_bh(&session->inbox.lock);
	vsp_session_wake(session);
}

static int on_channel_opened(void *data)
{
	struct vsp_service *service = data;

	return service->files->depend(service);
}

static void void_slots(struct vsp_session *session)
{
	lockdep_assert_held(&session->inbox.lock);
	session->inbox.generation++;
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++)
		session->inbox.slot[i].full = false;
}

/* The driver is gone: its messages that were not taken yet are void. */
static void client_gone(struct vsp_session *session)
{
	spin_lock_bh(&session->inbox.lock);
	void_slots(session);
	session->inbox.bits &= ~(VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME);
	session->inbox.bits |= VSP_INBOX_CLOSED;
	spin_unlock_bh(&session->inbox.lock);
	vsp_session_wake(session);
}

static void on_channel_closed(void *data)
{
	struct vsp_service *service = data;

	client_gone(service->session);
	service->files->undepend(service);
}

static void on_channel_ready(void *data, bool new_driver)
{
	struct vsp_service *service = data;

	vsp_session_post(service->session, new_driver ? VSP_INBOX_NEW_DRIVER : VSP_INBOX_RESUME);
}

static void on_channel_reset(void *data, bool gone)
{
	struct vsp_service *service = data;
	struct vsp_session *session = service->session;

	if (gone) {
		client_gone(session);
	} else {
		spin_lock_bh(&session->inbox.lock);
		void_slots(session);
		spin_unlock_bh(&session->inbox.lock);
	}
	if (service->class->queue_reset)
		service->class->queue_reset(service);
}

static void on_channel_queue_kick(void *data, struct vsp_queue *queue)
{
	struct vsp_service *service = data;

	service->class->queue_kick(service, queue);
}

static void on_channel_queue_reap(void *data, struct vsp_queue *queue)
{
	struct vsp_service *service = data;

	service->class->queue_reap(service, queue);
}

/* Called by the mover or in the VMM's ioctl. */
const struct vsp_channel_ops vsp_session_channel_ops = {
	.message = on_channel_message,
	.opened = on_channel_opened,
	.closed = on_channel_closed,
	.ready = on_channel_ready,
	.reset = on_channel_reset,
	.queue_kick = on_channel_queue_kick,
	.queue_reap = on_channel_queue_reap,
};

/**
 * vsp_session_prepared() - a preparation has ended
 * @session: of an enabled service
 *
 * Context: the preparation's work, which ends with this.
 */
void vsp_session_prepared(struct vsp_session *session)
{
	vsp_session_post(session, VSP_INBOX_PREPARED);
}

/* ---- What the pool and the administrator want ---- */

/**
 * vsp_session_copy_limits() - take over the limits that the administrator has staged
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_session_copy_limits(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	spin_lock(&service->staged.lock);
	service->member.limits = service->staged.limits;
	spin_unlock(&service->staged.lock);
}

/**
 * vsp_session_renegotiate() - take the staged limits and call the client
 * @service: one of @service->pool
 * @reason: enum vs_wire_reason that the client is told
 *
 * Context: pool->lock held, which keeps the session. Returns before anything has
 *	happened.
 * Return: 0, or -ENODEV if the service is disabled.
 */
int vsp_session_renegotiate(struct vsp_service *service, u32 reason)
{
	struct vsp_session *session = service->session;

	lockdep_assert_held(&service->pool->lock);
	if (!session)
		return -ENODEV;
	vsp_session_copy_limits(service);
	spin_lock_bh(&session->inbox.lock);
	/* The pool's own call neither undoes what an administrator wants nor hides it. */
	if (reason != VS_REASON_CAPACITY)
		session->inbox.bits &= ~VSP_INBOX_WITHDRAW;
	if (reason != VS_REASON_CAPACITY || !(session->inbox.bits & VSP_INBOX_RENEGOTIATE))
		session->inbox.call_reason = reason;
	session->inbox.bits |= VSP_INBOX_RENEGOTIATE;
	spin_unlock_bh(&session->inbox.lock);
	vsp_session_wake(session);
	return 0;
}

/**
 * vsp_session_withdraw() - call the contract back, with the service's deadline
 * @service: one of @service->pool
 *
 * Context: pool->lock held. Returns before anything has happened.
 * Return: 0, or -ENODEV if the service is disabled.
 */
int vsp_session_withdraw(struct vsp_service *service)
{
	struct vsp_session *session = service->session;

	lockdep_assert_held(&service->pool->lock);
	if (!session)
		return -ENODEV;
	spin_lock_bh(&session->inbox.lock);
	session->inbox.bits |= VSP_INBOX_WITHDRAW;
	session->inbox.bits &= ~VSP_INBOX_RENEGOTIATE;
	spin_unlock_bh(&session->inbox.lock);
	vsp_session_wake(session);
	return 0;
}

/**
 * vsp_session_invite() - its pool has more than before
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_session_invite(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		vsp_session_post(service->session, VSP_INBOX_INVITE);
}

/**
 * vsp_session_changed() - its source can do other things than before, or is gone
 * @service: one of @service->pool
 *
 * Takes no limits that the administrator has staged.
 *
 * Context: pool->lock held. Returns before anything has happened.
 */
void vsp_session_changed(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		vsp_session_post(service->session, VSP_INBOX_CHANGED);
}

/**
 * vsp_session_violated() - its contract's floor was not kept
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_session_violated(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		vsp_session_post(service->session, VSP_INBOX_VIOLATED);
}

/**
 * vsp_session_source_slow() - the source of its pool has become too slow, or is not any more
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_session_source_slow(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		vsp_session_post(service->session, VSP_INBOX_SLOW);
}
