// SPDX-License-Identifier: GPL-2.0-only
/*
 * The service's work: takes what waits out of the inbox of its session (session.c), one thing
 * after the other, and drives the machine (machine.c).
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "vs_compat.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/pool/pool.h"

/* Not a delayed work: a deadline is kept to the millisecond, whatever a jiffy is. */
static enum hrtimer_restart session_timer_passed(struct hrtimer *timer)
{
	vsp_session_wake(container_of(timer, struct vsp_session, timer));
	return HRTIMER_NORESTART;
}

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

/* The one to be taken next. It stays so until it is, or a reset makes it void. */
static struct vsp_slot *next_slot(struct vsp_session *session)
{
	lockdep_assert_held(&session->inbox.lock);
	/* The driver is to be known before it is listened to. */
	if (session->inbox.bits & (VSP_INBOX_CLOSED | VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME))
		return NULL;
	return oldest_slot(session);
}

static bool has_slot(struct vsp_session *session)
{
	bool has;

	spin_lock_bh(&session->inbox.lock);
	has = next_slot(session);
	spin_unlock_bh(&session->inbox.lock);
	return has;
}

/* Copies the next message into session->round.bytes. */
static bool take_slot(struct vsp_session *session, unsigned int *index, u32 *generation,
		      size_t *length)
{
	struct vsp_slot *slot;

	spin_lock_bh(&session->inbox.lock);
	slot = next_slot(session);
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
		session->stop.closing = false;
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
		/* A look at an empty inbox is none of the messages that a client may send. */
		if (!has_slot(session))
			return next;
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
		vsp_session_wake(session);
	else if (next != KTIME_MAX)
		hrtimer_start(&session->timer, next, HRTIMER_MODE_ABS);
	memalloc_noio_restore(noio);
}

/**
 * vsp_session_init_work() - an empty inbox, and a work that does not run yet
 * @session: zeroed, of a service that is being enabled
 */
void vsp_session_init_work(struct vsp_session *session)
{
	spin_lock_init(&session->inbox.lock);
	INIT_WORK(&session->work, session_work);
	hrtimer_setup(&session->timer, session_timer_passed, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	ratelimit_state_init(&session->limits.messages, HZ, VSP_MESSAGES_PER_SECOND);
	ratelimit_set_flags(&session->limits.messages, RATELIMIT_MSG_ON_RELEASE);
}
