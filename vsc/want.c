// SPDX-License-Identifier: GPL-2.0-only
/*
 * One value of one term, wished for by who waits for the answer: "ip link set mtu", and the
 * like.  Beside it stand the administrator's wishes, which it changes only while it is asked
 * for, and for good if it is granted.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "session.h"

/* Who waits may hold what others need. */
#define WANT_MS		5000

static int to_error(const struct vs_term_spec *spec, const struct vsc_session_result *result)
{
	if (result->error)
		return result->error;
	if (result->outcome == VS_OUTCOME_GRANT)
		return 0;
	switch (result->reason) {
	case VS_REASON_LIMIT:
		return -EPERM;
	case VS_REASON_POOL:
	case VS_REASON_CAPACITY:
		return spec->kind == VS_KIND_IDENTITY ? -EADDRINUSE : -ENOSPC;
	case VS_REASON_SOURCE:
		return -ENODEV;
	case VS_REASON_WITHDRAWN:
		return -EACCES;
	default:
		return -EBUSY;
	}
}

/* Nobody answers any more, or not before the machine is awake. */
static bool is_gone(const struct vsc_work *work)
{
	return READ_ONCE(work->leaving) || READ_ONCE(work->broken) || !READ_ONCE(work->ready);
}

static bool is_settled(struct vsc_work *work, u64 needs)
{
	bool settled;

	spin_lock_irq(&work->lock);
	settled = work->settled >= needs;
	spin_unlock_irq(&work->lock);
	return settled;
}

static int wait_settled(struct vsc_session *session, u32 index, u64 needs)
{
	struct vsc_work *work = session->work;
	struct vsc_session_result result;

	wait_event_timeout(work->settling, is_settled(work, needs) || is_gone(work),
			   msecs_to_jiffies(WANT_MS));
	if (!is_settled(work, needs))
		return is_gone(work) ? -ENODEV : -ETIMEDOUT;
	spin_lock(&session->lock);
	result = session->result;
	spin_unlock(&session->lock);
	return to_error(&session->spec->term[index], &result);
}

static bool same(const struct vs_term *a, const struct vs_term *b)
{
	return a->low == b->low && a->high == b->high && a->length == b->length &&
	       !memcmp(a->text, b->text, a->length);
}

/* Unless the administrator has written something else meanwhile. */
static void replace(struct vs_term *term, const struct vs_term *from, const struct vs_term *to)
{
	if (same(term, from))
		*term = *to;
}

/**
 * vsc_want_end() - whoever waits looks again
 * @session: any
 *
 * Context: any.
 */
void vsc_want_end(struct vsc_session *session)
{
	wake_up_all(&session->work->settling);
}

/**
 * vsc_want_value() - wish for one value of a term, and wait for the answer
 * @session: has a class, which calls
 * @index: of a LEVEL or IDENTITY in the class's table
 * @value: of the LEVEL; low and high of the term while it is asked for, then its most
 * @text: of the IDENTITY, else NULL
 *
 * What is not granted is not wished any longer. Of the class nothing may wait for what the
 * caller holds, while it waits.
 *
 * Context: process, not the session's work; sleeps, for WANT_MS at the most.
 * Return: 0: in force; -EPERM: beyond the service's limit; -ENOSPC, -EADDRINUSE: others have
 *	it; -EACCES: the contract is withdrawn, or was given back; -ENODEV, -EBUSY, -ETIMEDOUT, ...
 */
int vsc_want_value(struct vsc_session *session, u32 index, u64 value, const char *text)
{
	struct vs_term *wish = &session->wish.term[index], *staged = &session->staged.term[index];
	struct vs_term old_wish, old_staged, wanted, granted;
	u64 needs = 0;
	u32 old_set;
	int error;

	mutex_lock(&session->request_lock);
	old_set = session->staged_set;
	old_wish = *wish;
	old_staged = *staged;
	wanted = old_wish;
	if (text) {
		memset(wanted.text, 0, sizeof(wanted.text));
		wanted.length = strnlen(text, sizeof(wanted.text));
		memcpy(wanted.text, text, wanted.length);
	} else {
		wanted.low = value;
		wanted.high = value;
	}
	/* What the administrator has given back, only he asks for again. */
	error = vsc_session_is_released(session) ? -EACCES :
		vsc_session_renegotiate(session, VS_REASON_NEED);
	if (!error) {
		*wish = wanted;
		*staged = wanted;
		session->staged_set |= BIT(2 * index + 1);
		needs = READ_ONCE(session->work->needs);
	}
	mutex_unlock(&session->request_lock);
	if (error)
		return error;
	error = wait_settled(session, index, needs);

	mutex_lock(&session->request_lock);
	if (!error) {
		/* Less may come to be offered, and has to do then. */
		granted = wanted;
		granted.low = min(wanted.low, old_wish.low);
	}
	if (error && same(staged, &wanted) && !(old_set & BIT(2 * index + 1)))
		session->staged_set &= ~BIT(2 * index + 1);
	replace(wish, &wanted, error ? &old_wish : &granted);
	replace(staged, &wanted, error ? &old_staged : &granted);
	/* It may be granted yet, and is not wished any more. */
	if (error == -ETIMEDOUT)
		vsc_session_renegotiate(session, VS_REASON_NEED);
	mutex_unlock(&session->request_lock);
	return error;
}
EXPORT_SYMBOL_GPL(vsc_want_value);
