// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wants: one value of one term, wished for by a process that waits for the answer, as "ip link
 * set mtu" does.  A want changes the administrator's wish while it is asked for, and for good if it
 * is granted.
 *
 * The process may hold a lock of the whole machine, such as rtnl, so its wait is short.  The
 * session's work ends the want, not the process, so an answer that comes after the wait counts.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "vsc/core/session.h"

/* The longest time that a process waits. */
#define WANT_MS		200
/*
 * No more than WANTS wants are taken in WANTS_MS. Each may hold rtnl for WANT_MS, so a tenant's
 * network namespace could otherwise stop the configuration of every other network device.
 */
#define WANTS		10
#define WANTS_MS	10000

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

/* The want will have no answer: the session ends, or its channel is broken. */
static bool want_is_over(const struct vsc_work *work)
{
	return READ_ONCE(work->leave.why) || READ_ONCE(work->link.broken);
}

/* There is no answer now: as above, or since the machine sleeps. */
static bool is_gone(const struct vsc_work *work)
{
	return want_is_over(work) || !READ_ONCE(work->link.ready);
}

static bool is_same_term(const struct vs_term *a, const struct vs_term *b)
{
	return a->low == b->low && a->high == b->high && a->length == b->length &&
	       !memcmp(a->text, b->text, a->length);
}

/* Replaces @from by @to, unless the administrator has written another value meanwhile. */
static void replace_term(struct vs_term *term, const struct vs_term *from, const struct vs_term *to)
{
	if (is_same_term(term, from))
		*term = *to;
}

/* Bits of staged_set and wish_set. */
static u32 want_bits(u32 index)
{
	return BIT(2 * index) | BIT(2 * index + 1);
}

/* Ends the want: a value that was not granted is not wished any longer. */
static void want_finish(struct vsc_session *session, int error)
{
	struct vsc_want *want = &session->work->want;
	struct vs_term *staged = &session->request.staged.term[want->index];
	struct vs_term *wish = &session->request.wish.term[want->index];
	struct vs_term granted = want->wanted;
	u32 bits = want_bits(want->index);

	lockdep_assert_held(&session->request.lock);
	/* A later offer may have less than the value, which the wish has to accept then. */
	if (granted.kind != VS_KIND_RATE)
		granted.low = min(want->wanted.low, want->old_wish.low);
	if (error && is_same_term(staged, &want->wanted))
		session->request.staged_set = (session->request.staged_set & ~bits) | want->old_set;
	if (error && is_same_term(wish, &want->wanted))
		session->request.wish_set = (session->request.wish_set & ~bits) |
					    want->old_wish_set;
	replace_term(wish, &want->wanted, error ? &want->old_wish : &granted);
	replace_term(staged, &want->wanted, error ? &want->old_staged : &granted);
	want->error = error;
	WRITE_ONCE(want->pending, false);
}

/* Has the want an answer? An ask that has failed is none: the session asks again by itself. */
static bool is_answered(struct vsc_session *session, struct vsc_session_result *result)
{
	struct vsc_work *work = session->work;
	bool settled;

	spin_lock_irq(&work->inbox.lock);
	settled = work->inbox.settled >= work->want.needs;
	spin_unlock_irq(&work->inbox.lock);
	spin_lock(&session->lock);
	*result = session->last.result;
	spin_unlock(&session->lock);
	return settled && (result->outcome || result->error == -ERANGE);
}

static void want_answer(struct vsc_session *session, const struct vsc_session_result *result)
{
	struct vsc_want *want = &session->work->want;
	const struct vs_term_spec *spec = &session->spec->term[want->index];

	want->shortage = (struct vsc_shortage){ };
	if (result->term == spec->id) {
		want->shortage.asked = result->asked;
		want->shortage.available = result->available;
	}
	want_finish(session, to_error(spec, result));
}

/**
 * vsc_want_is_met() - is a choice what is wanted?
 * @session: has asked
 * @choice: complete set, chosen from an offer
 * @term: set to the id of the term that is not
 *
 * Context: the session's work; takes request.lock.
 * Return: false: the ceiling that was asked for would not be reached, and its process has to hear
 *	of it.
 */
bool vsc_want_is_met(struct vsc_session *session, const struct vs_terms *choice, u16 *term)
{
	struct vsc_want *want = &session->work->want;
	bool met = true;
	u64 most;

	mutex_lock(&session->request.lock);
	most = want->wanted.high;
	/* An ask that was made before it, or is of less, is not about it. */
	if (want->pending && want->whole && session->last.asked.term[want->index].high == most)
		met = choice->term[want->index].high == most;
	if (!met)
		*term = session->spec->term[want->index].id;
	mutex_unlock(&session->request.lock);
	return met;
}

/**
 * vsc_want_init() - before the first want
 * @want: zeroed
 */
void vsc_want_init(struct vsc_want *want)
{
	ratelimit_state_init(&want->limit, msecs_to_jiffies(WANTS_MS), WANTS);
	/* A refused want is not logged, since its process gets an error. */
	ratelimit_set_flags(&want->limit, RATELIMIT_MSG_ON_RELEASE);
}

/**
 * vsc_want_end() - end the want, if it has an answer or will have none
 * @session: any
 *
 * Context: the session's work, or in its place; takes request.lock.
 */
void vsc_want_end(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	struct vsc_want *want = &work->want;
	struct vsc_session_result result;

	mutex_lock(&session->request.lock);
	if (want->pending && is_answered(session, &result))
		want_answer(session, &result);
	else if (want->pending && want_is_over(work))
		want_finish(session, -ENODEV);
	mutex_unlock(&session->request.lock);
	wake_up_all(&work->inbox.settling);
}

static struct vs_term wanted_term(const struct vs_term *wish, u64 value, const char *text)
{
	struct vs_term wanted = *wish;

	if (!text) {
		wanted.low = value;
		wanted.high = value;
		return wanted;
	}
	memset(wanted.text, 0, sizeof(wanted.text));
	wanted.length = strnlen(text, sizeof(wanted.text));
	memcpy(wanted.text, text, wanted.length);
	return wanted;
}

/* @set: bits of staged_set and wish_set, of this term */
static int want_begin(struct vsc_session *session, u32 index, const struct vs_term *wanted, u32 set)
{
	struct vsc_request *request = &session->request;
	struct vsc_want *want = &session->work->want;
	u32 bits = want_bits(index);
	int error;

	lockdep_assert_held(&session->request.lock);
	/* The administrator has given the contract back, so only he may ask for another. */
	if (vsc_session_is_released(session))
		return -EACCES;
	if (want->pending)
		return -EAGAIN;
	if (!__ratelimit(&want->limit))
		return -EBUSY;
	error = vsc_session_renegotiate(session, VS_REASON_NEED);
	if (error)
		return error;
	want->index = index;
	want->needs = READ_ONCE(session->work->inbox.needs);
	want->old_set = request->staged_set & bits;
	want->old_wish_set = request->wish_set & bits;
	want->old_wish = request->wish.term[index];
	want->old_staged = request->staged.term[index];
	want->wanted = *wanted;
	want->whole = wanted->kind == VS_KIND_RATE && set & BIT(2 * index + 1);
	request->wish.term[index] = *wanted;
	request->staged.term[index] = *wanted;
	request->staged_set = (request->staged_set & ~bits) | set;
	request->wish_set = (request->wish_set & ~bits) | set;
	WRITE_ONCE(want->pending, true);
	return 0;
}

/* Return: -EAGAIN: it is still pending. */
static int want_result(struct vsc_session *session)
{
	struct vsc_want *want = &session->work->want;

	lockdep_assert_held(&session->request.lock);
	if (!want->pending)
		return want->error;
	return is_gone(session->work) ? -ENODEV : -EAGAIN;
}

static void want_wait(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	wait_event_timeout(work->inbox.settling, !READ_ONCE(work->want.pending) || is_gone(work),
			   msecs_to_jiffies(WANT_MS));
}

/**
 * vsc_want_value() - wish for one value of a term, and wait for the answer
 * @session: has a class, which is the caller; one call at a time
 * @index: of a LEVEL or IDENTITY in the class's table
 * @value: of the LEVEL; low and high of the term while it is asked for, then its most
 * @text: of the IDENTITY, else NULL
 *
 * A value that is not granted is not wished any longer. Nothing that the class does in the
 * session's work may wait for a lock that the caller holds.
 *
 * Context: process, not the session's work; sleeps, for WANT_MS at the most.
 * Return: 0: in force; -EAGAIN: no answer yet, a grant comes into force when it comes; or
 *	another want has no answer yet, and this one is not asked for; -EPERM: beyond the
 *	service's limit; -ENOSPC, -EADDRINUSE: others have it; -EACCES: the contract is
 *	withdrawn, or was given back; -EBUSY: too many were asked for; -ENODEV, ...
 */
int vsc_want_value(struct vsc_session *session, u32 index, u64 value, const char *text)
{
	struct vs_term wanted;
	int error;

	mutex_lock(&session->request.lock);
	wanted = wanted_term(&session->request.wish.term[index], value, text);
	error = want_begin(session, index, &wanted,
			   (session->request.staged_set & BIT(2 * index)) | BIT(2 * index + 1));
	mutex_unlock(&session->request.lock);
	if (error)
		return error;
	want_wait(session);
	mutex_lock(&session->request.lock);
	error = want_result(session);
	mutex_unlock(&session->request.lock);
	return error;
}
EXPORT_SYMBOL_GPL(vsc_want_value);

static struct vs_term wanted_rate(struct vsc_session *session, u32 index, u64 floor, u64 ceiling)
{
	struct vs_term wanted = session->request.wish.term[index];

	wanted.low = floor;
	wanted.high = ceiling ?: session->spec->term[index].highest;
	return wanted;
}

/**
 * vsc_want_rate() - wish for a floor and a ceiling of a rate, and wait for the answer
 * @session: as of vsc_want_value()
 * @index: of a RATE in the class's table
 * @floor: within the term's range; 0: whatever the service allows
 * @ceiling: likewise; not below @floor
 * @shortage: filled where not all of it is granted
 *
 * All or nothing: a ceiling below @ceiling is not taken, and without an answer in time what was
 * wished before is asked for again.
 *
 * Context: as of vsc_want_value().
 * Return: as of vsc_want_value(), but -EAGAIN: there was no answer in time.
 */
int vsc_want_rate(struct vsc_session *session, u32 index, u64 floor, u64 ceiling,
		  struct vsc_shortage *shortage)
{
	struct vsc_want *want = &session->work->want;
	struct vs_term wanted;
	int error;

	*shortage = (struct vsc_shortage){ };
	mutex_lock(&session->request.lock);
	wanted = wanted_rate(session, index, floor, ceiling);
	error = want_begin(session, index, &wanted,
			   (floor ? BIT(2 * index) : 0) | (ceiling ? BIT(2 * index + 1) : 0));
	mutex_unlock(&session->request.lock);
	if (error)
		return error;
	want_wait(session);
	mutex_lock(&session->request.lock);
	error = want_result(session);
	if (want->pending) {
		want_finish(session, error);
		if (!vsc_session_is_released(session))
			vsc_session_renegotiate(session, VS_REASON_NEED);
	} else if (error) {
		*shortage = want->shortage;
	}
	mutex_unlock(&session->request.lock);
	return error;
}
EXPORT_SYMBOL_GPL(vsc_want_rate);
