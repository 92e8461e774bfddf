// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inbox of a session: what the channel, the pool and the administrator want of
 * its session is put there; the service's work takes it out and drives the machine
 * (machine.c).  The life of a service is in service.c.
 */
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "channel/host/channel.h"
#include "vs_compat.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/work.h"
#include "vsp/pool/pool.h"

static void session_wake(struct vsp_session *session)
{
	vsp_work_queue_session(&session->work);
}

/* Not a delayed work: a deadline is kept to the millisecond, whatever a jiffy is. */
static enum hrtimer_restart session_timer_passed(struct hrtimer *timer)
{
	session_wake(container_of(timer, struct vsp_session, timer));
	return HRTIMER_NORESTART;
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
	session_wake(session);
}

/* ---- What the channel tells: mover or the VMM's ioctl; only queues ---- */

static void on_channel_message(void *data, unsigned int slot, const void *bytes, size_t length)
{
	struct vsp_service *service = data;
	struct vsp_session *session = service->session;

	spin_lock_bh(&session->inbox.lock);
	memcpy(session->inbox.slot[slot].bytes, bytes, length);
	session->inbox.slot[slot].length = length;
	session->inbox.slot[slot].sequence = ++session->inbox.sequence;
	session->inbox.slot[slot].full = true;
	spin_unlock_bh(&session->inbox.lock);
	session_wake(session);
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

/* Nobody answers any more: what came from there, and was not taken yet, is void. */
static void client_gone(struct vsp_session *session)
{
	spin_lock_bh(&session->inbox.lock);
	void_slots(session);
	session->inbox.bits &= ~(VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME);
	session->inbox.bits |= VSP_INBOX_CLOSED;
	spin_unlock_bh(&session->inbox.lock);
	session_wake(session);
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

/**
 * vsp_session_answer() - hand an answer to the channel, unless its driver is gone
 * @session: of an enabled service
 * @slot: of the message
 * @generation: as it was when the message was taken
 * @bytes: the answer
 * @length: bytes of it
 *
 * Context: the service's work.
 */
void vsp_session_answer(struct vsp_session *session, unsigned int slot, u32 generation,
			const void *bytes, size_t length)
{
	spin_lock_bh(&session->inbox.lock);
	if (generation == session->inbox.generation)
		vsp_channel_answer(session->service->device.channel, slot, bytes, length);
	spin_unlock_bh(&session->inbox.lock);
}

/* ---- The work ---- */

static unsigned long take_inbox(struct vsp_session *session, u32 *reason)
{
	unsigned long inbox;

	spin_lock_bh(&session->inbox.lock);
	inbox = session->inbox.bits;
	session->inbox.bits = 0;
	*reason = session->inbox.call_reason;
	spin_unlock_bh(&session->inbox.lock);
	return inbox;
}

static struct vsp_slot *oldest_slot(struct vsp_session *session)
{
	struct vsp_slot *oldest = NULL;

	lockdep_assert_held(&session->inbox.lock);
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++) {
		struct vsp_slot *slot = &session->inbox.slot[i];

		if (slot->full && (!oldest || slot->sequence < oldest->sequence))
			oldest = slot;
	}
	return oldest;
}

/* Copies the next message into session->round.bytes. */
static bool take_slot(struct vsp_session *session, unsigned int *index, u32 *generation,
		      size_t *length)
{
	struct vsp_slot *slot = NULL;

	spin_lock_bh(&session->inbox.lock);
	/* The driver is to be known before it is listened to. */
	if (!(session->inbox.bits & (VSP_INBOX_CLOSED | VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME)))
		slot = oldest_slot(session);
	if (slot) {
		slot->full = false;
		memcpy(session->round.bytes, slot->bytes, slot->length);
		*length = slot->length;
		*generation = session->inbox.generation;
		*index = slot - session->inbox.slot;
	}
	spin_unlock_bh(&session->inbox.lock);
	return slot;
}

static void handle_inbox(struct vsp_session *session, unsigned long inbox, u32 reason)
{
	struct vsp_service *service = session->service;

	if (inbox & VSP_INBOX_CLOSED)
		vsp_machine_event(session, VSP_EVENT_GONE);
	if (inbox & VSP_INBOX_NEW_DRIVER)
		vsp_machine_event(session, VSP_EVENT_NEW_DRIVER);
	else if (inbox & VSP_INBOX_RESUME)
		vsp_machine_event(session, VSP_EVENT_RESUME);
	if (inbox & VSP_INBOX_WITHDRAW)
		vsp_machine_withdraw(session);
	if (inbox & VSP_INBOX_CHANGED)
		vsp_machine_changed(session);
	if (inbox & VSP_INBOX_RENEGOTIATE)
		vsp_machine_renegotiate(session, reason);
	if (inbox & VSP_INBOX_PREPARED)
		vsp_machine_prepared(session);
	if (inbox & VSP_INBOX_INVITE)
		vsp_machine_invite(session);
	if (inbox & VSP_INBOX_VIOLATED)
		service->files->changed(service, VSP_CHANGE_VIOLATED);
	if (inbox & VSP_INBOX_SLOW)
		service->files->changed(service, READ_ONCE(service->pool->rates.slow) ?
					VSP_CHANGE_SLOW : VSP_CHANGE_WELL);
	if (inbox & VSP_INBOX_CLOSING)
		vsp_machine_close(session);
	if (inbox & VSP_INBOX_REOPEN)
		session->closing = false;
}

/* Until then, the next ask would be denied: what was dropped is to be undone first. */
static bool must_wait(const struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;

	return preparation->next && preparation->dropped &&
	       ktime_before(ktime_get(), preparation->wait_until);
}

/*
 * Takes what messages there are, and looks at the deadlines after each.  Those above
 * the limit stay in their slots, and when these are full in the ring.
 *
 * Return: when to run again.
 */
static ktime_t session_take_messages(struct vsp_session *session)
{
	unsigned int slot, budget = VS_CHANNEL_MESSAGES;
	ktime_t next = vsp_machine_expire(session);
	u32 generation;
	size_t length;

	while (budget--) {
		if (must_wait(session))
			return min(next, session->preparation.wait_until);
		if (!__ratelimit(&session->limits.messages))
			return min(next, ktime_add_ms(ktime_get(), VSP_MESSAGES_PAUSE_MS));
		if (!take_slot(session, &slot, &generation, &length))
			return next;
		vsp_machine_message(session, slot, generation, length);
		next = vsp_machine_expire(session);
	}
	return ktime_get();	/* there may be more: let others run first */
}

static void session_work(struct work_struct *work)
{
	struct vsp_session *session = container_of(work, struct vsp_session, work);
	unsigned int noio = memalloc_noio_save();
	unsigned long inbox;
	ktime_t next;
	u32 reason;

	inbox = take_inbox(session, &reason);
	handle_inbox(session, inbox, reason);
	next = session_take_messages(session);
	if (ktime_before(next, ktime_get()))
		session_wake(session);
	else if (next != KTIME_MAX)
		hrtimer_start(&session->timer, next, HRTIMER_MODE_ABS);
	memalloc_noio_restore(noio);
}

/**
 * vsp_session_init_inbox() - an empty inbox, whose work does not run yet
 * @session: zeroed, of a service that is being enabled
 */
void vsp_session_init_inbox(struct vsp_session *session)
{
	spin_lock_init(&session->inbox.lock);
	INIT_WORK(&session->work, session_work);
	hrtimer_setup(&session->timer, session_timer_passed, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	ratelimit_state_init(&session->limits.messages, HZ, VSP_MESSAGES_PER_SECOND);
	ratelimit_set_flags(&session->limits.messages, RATELIMIT_MSG_ON_RELEASE);
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
	vsp_service_copy_limits(service);
	spin_lock_bh(&session->inbox.lock);
	/* The pool's own call neither undoes what an administrator wants nor hides it. */
	if (reason != VS_REASON_CAPACITY)
		session->inbox.bits &= ~VSP_INBOX_WITHDRAW;
	if (reason != VS_REASON_CAPACITY || !(session->inbox.bits & VSP_INBOX_RENEGOTIATE))
		session->inbox.call_reason = reason;
	session->inbox.bits |= VSP_INBOX_RENEGOTIATE;
	spin_unlock_bh(&session->inbox.lock);
	session_wake(session);
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
	session_wake(session);
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
