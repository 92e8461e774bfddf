// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the provider says, as events of the client's machine.  Runs in the session's
 * work.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vsc/core/session.h"
#include "vsc/core/trace.h"

/* The answer is no answer: counted, logged, and as if there had been none. */
static enum vsc_event answer_malformed(struct vsc_session *session, const char *why)
{
	vsc_machine_count(session, &session->counters.malformed);
	dev_warn_ratelimited(&session->dev, "%s of the provider refused: %s\n",
			     vs_wire_type_name(session->work->round.message.type), why);
	session->work->epoch.result.error = -EPROTO;
	return VSC_EVENT_FAILED;
}

/* Another contract is in force than the one held: learn which, but not for ever. */
static enum vsc_event answer_foreign(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	if (++work->mismatches > VSC_MISMATCHES_MAX) {
		work->mismatches = 0;
		return answer_malformed(session, "the contract in force keeps changing");
	}
	work->reason = VS_REASON_MISMATCH;
	return VSC_EVENT_FOREIGN;
}

static enum vsc_event answer_denied(struct vsc_session *session)
{
	bool keep_tried = session->work->epoch.keep_tried;

	return session->held.id && !keep_tried ? VSC_EVENT_DENY : VSC_EVENT_DENY_FINAL;
}

static enum vsc_event answer_initialized(struct vsc_session *session)
{
	const struct vs_message *message = &session->work->round.message;

	if (message->version_min < VS_WIRE_VERSION_MIN ||
	    message->version_min > VS_WIRE_VERSION_MAX)
		return answer_malformed(session, "a version that was not offered");
	if (message->contract &&
	    vs_terms_check_grant(session->spec, &message->terms))
		return answer_malformed(session, "no contract of this class");
	if (message->contract == session->held.id &&
	    (!message->contract || vs_terms_equal(&message->terms, &session->held.terms)))
		return VSC_EVENT_INITIALIZED;
	if (message->contract && message->contract == session->work->grant.id &&
	    vs_terms_equal(&message->terms, &session->last.granted))
		return VSC_EVENT_INITIALIZED_GRANT;
	return VSC_EVENT_INITIALIZED_OTHER;
}

static void set_offered(struct vsc_session *session, const struct vs_terms *terms)
{
	spin_lock(&session->lock);
	session->last.offered = *terms;
	spin_unlock(&session->lock);
}

static enum vsc_event answer_offered(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_terms *offer = &work->round.message.terms;
	u32 reason = session->last.reason;
	u16 term = 0;

	if (work->round.sent != VSC_SENT_ASK && work->round.sent != VSC_SENT_CHOICE)
		return answer_malformed(session, "an offer that was not asked for");
	if (vs_terms_check_ask(session->spec, offer))
		return answer_malformed(session, "no offer of this class");
	set_offered(session, offer);
	if (++work->epoch.rounds <= VSC_ROUNDS_MAX &&
	    !vsc_policy_choose(session, offer, &work->round.choice, &term)) {
		if (vsc_want_is_met(session, &work->round.choice, &term))
			return VSC_EVENT_OFFER;
		reason = VS_REASON_LIMIT;
	}

	/* Refused, by this side: what is held is to go on. */
	work->epoch.result.outcome = VS_OUTCOME_OFFER;
	work->epoch.result.reason = term ? reason : VS_REASON_ROUNDS;
	work->epoch.result.term = term;
	vsc_policy_shortfall(&session->last.asked, offer, &work->epoch.result);
	work->epoch.retry_ms = vsc_session_back_off(session);
	return answer_denied(session);
}

/* Something was granted: is it what was asked for, and can the class do it? */
static enum vsc_event answer_granted(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;
	const struct vs_terms *asked = &session->last.asked;
	bool keep = work->round.sent == VSC_SENT_KEEP;
	bool same = message->granted == session->held.id;
	int error;

	if (work->round.sent == VSC_SENT_CHOICE)
		asked = &work->round.choice;
	if (keep != same || (keep && !vs_terms_equal(&message->terms, &session->held.terms)))
		return answer_malformed(session, "a grant of another contract than asked for");
	if (vs_terms_check_grant(session->spec, &message->terms) ||
	    (!keep && !vsc_policy_within(session->spec, asked, &message->terms)))
		return answer_malformed(session, "a grant that is not within what was asked");

	vsc_machine_count(session, &session->counters.grants);
	error = keep ? 0 : session->class->prepare(session, vsc_machine_held(session),
						   &message->terms);
	if (error) {
		dev_warn_ratelimited(&session->dev, "the device cannot follow contract %llu (%d)\n",
				     message->granted, error);
		work->epoch.result.error = error;
		work->epoch.retry_ms = vsc_session_back_off(session);
		return answer_denied(session);
	}
	spin_lock(&session->lock);
	session->last.granted = message->terms;
	spin_unlock(&session->lock);
	work->grant.id = message->granted;
	work->grant.prepared = !keep;
	return VSC_EVENT_GRANT;
}

static enum vsc_event answer_refused(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;

	vsc_machine_count(session, &session->counters.denials);
	work->epoch.result.outcome = VS_OUTCOME_DENY;
	work->epoch.result.reason = message->reason;
	vsc_event_changed(session, "denied");
	work->wait.back_off_ms = 0;
	work->wait.missed = 0;
	work->epoch.retry_ms = message->retry_ms;
	if (work->epoch.retry_ms)
		work->epoch.retry_ms = clamp_t(u32, work->epoch.retry_ms, VSC_BACK_OFF_MIN_MS,
					       VSC_RETRY_MAX_MS);
	if (vs_terms_check_ask(session->spec, &message->terms))
		return answer_denied(session);	/* says nothing of what there is */
	set_offered(session, &message->terms);
	if (message->term && vs_terms_find(&session->last.asked, message->term)) {
		work->epoch.result.term = message->term;
		vsc_policy_shortfall(&session->last.asked, &message->terms, &work->epoch.result);
	}
	return answer_denied(session);
}

static enum vsc_event answer_to_request(struct vsc_session *session)
{
	const struct vs_message *message = &session->work->round.message;

	if (session->work->round.sent == VSC_SENT_RELEASE) {
		if (message->outcome == VS_OUTCOME_RELEASED)
			return VSC_EVENT_RELEASED;
		return answer_malformed(session,
					"not the end of the contract that was given back");
	}
	if (message->contract != session->held.id)
		return answer_foreign(session);
	switch (message->outcome) {
	case VS_OUTCOME_OFFER:
		return answer_offered(session);
	case VS_OUTCOME_GRANT:
		return answer_granted(session);
	case VS_OUTCOME_DENY:
		return answer_refused(session);
	default:
		return answer_malformed(session, "a contract given back that should not be");
	}
}

static enum vsc_event answer_started(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;

	if (message->status == VS_STATUS_OK)
		return message->contract == work->grant.id ? VSC_EVENT_STARTED :
			answer_foreign(session);
	work->epoch.result.error = -ETIME;
	if (message->contract != session->held.id)
		return answer_foreign(session);
	return session->held.id ? VSC_EVENT_EXPIRED : VSC_EVENT_EXPIRED_NONE;
}

static bool too_late(const struct vsc_work *work)
{
	u32 status = work->round.message.status;

	return work->round.sent == VSC_SENT_START &&
	       (status == VS_STATUS_EXPIRED || status == VS_STATUS_STALE);
}

static const u16 answer_types[] = {
	[VSC_SENT_INITIALIZE] = VS_WIRE_INITIALIZE_COMPLETE,
	[VSC_SENT_ASK] = VS_WIRE_REQUEST_COMPLETE,
	[VSC_SENT_CHOICE] = VS_WIRE_REQUEST_COMPLETE,
	[VSC_SENT_KEEP] = VS_WIRE_REQUEST_COMPLETE,
	[VSC_SENT_START] = VS_WIRE_START_COMPLETE,
	[VSC_SENT_RELEASE] = VS_WIRE_REQUEST_COMPLETE,
};

static enum vsc_event answer_judge(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;

	if (message->status != VS_STATUS_OK && !too_late(work)) {
		dev_warn_ratelimited(&session->dev, "the provider refuses a message: %s\n",
				     vs_wire_status_name(message->status));
		work->epoch.result.error = -EREMOTEIO;
		return VSC_EVENT_FAILED;
	}
	if (message->type != answer_types[work->round.sent])
		return answer_malformed(session, "not the answer to what was sent");
	if (message->epoch != session->last.epoch)
		return answer_malformed(session, "of another epoch");
	switch (message->type) {
	case VS_WIRE_INITIALIZE_COMPLETE:
		return answer_initialized(session);
	case VS_WIRE_START_COMPLETE:
		return answer_started(session);
	default:
		return answer_to_request(session);
	}
}

/* Both speak one version: ask for something, or give back what there is. */
static void answer_proceed(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	if (!work->leave.release) {
		vsc_machine_step(session, VSC_EVENT_PROCEED);
	} else if (session->held.id) {
		vsc_machine_release(session);
	} else {
		vsc_machine_none(session);
		vsc_session_wait(session, VSC_TIMER_NONE, 0);
		work->leave.released = true;
	}
}

static void answer_step(struct vsc_session *session, enum vsc_event event)
{
	if (session->work->round.sent == VSC_SENT_RELEASE) {
		vsc_machine_release_ends(session, event);
		return;
	}
	vsc_machine_step(session, event);
	if (event >= VSC_EVENT_INITIALIZED && event <= VSC_EVENT_INITIALIZED_GRANT)
		answer_proceed(session);
}

/**
 * vsc_answer_take() - an exchange has come back
 * @session: its session
 * @exchange: is freed; one that is not waited for any more is only traced
 *
 * Context: the session's work; may sleep.
 */
void vsc_answer_take(struct vsc_session *session, struct vsc_exchange *exchange)
{
	struct vsc_work *work = session->work;
	bool awaited = exchange == work->round.exchange;
	u64 epoch = exchange->epoch;
	size_t length = exchange->length;
	enum vsc_event event;
	int error;

	memcpy(work->round.bytes, exchange->complete, length);
	vsc_channel_exchange_free(exchange);
	error = vs_wire_decode(&work->round.message, work->round.bytes, length);
	trace_vsc_message(dev_name(&session->dev), false, &work->round.message);
	if (!awaited) {
		/* Late, but the provider is there: no need to pause any longer. */
		if (epoch == session->last.epoch && session->state == VS_STATE_UNINITIALIZED &&
		    work->wait.timer == VSC_TIMER_RETRY)
			vsc_session_wait(session, VSC_TIMER_RETRY, 0);
		return;
	}
	work->round.exchange = NULL;
	work->link.stalled = false;
	vsc_session_wait(session, VSC_TIMER_NONE, 0);
	event = error ? answer_malformed(session, "it cannot be decoded") : answer_judge(session);
	answer_step(session, event);
}

/**
 * vsc_answer_missing() - no answer has come in time
 * @session: waits for one
 *
 * Context: the session's work; may sleep.
 */
void vsc_answer_missing(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	u32 ms = vsc_session_answer_ms(session);

	/* The exchange stays in the ring; if its answer comes after all, it is ignored as late. */
	work->round.exchange = NULL;
	work->epoch.result.error = -ETIMEDOUT;
	/* Neither data nor messages: the session resets the device. */
	if (work->link.stalled)
		vsc_channel_break(session->channel);
	vsc_machine_count(session, &session->counters.timeouts);
	work->wait.missed = min(work->wait.missed + 1, VSC_MISSED_MAX);
	dev_warn_ratelimited(&session->dev, "no answer from the provider in %u ms\n", ms);
	answer_step(session, VSC_EVENT_FAILED);
}

/* Tells the class of the fallback, so that it writes back what the deadline takes away. */
static void tell_class(struct vsc_session *session)
{
	const struct vs_message *message = &session->work->round.message;
	const struct vs_terms *fallback = NULL;

	if (message->fallback && !vs_terms_check_grant(session->spec, &message->terms))
		fallback = &message->terms;
	session->class->called(session, fallback);
}

/**
 * vsc_answer_call() - the provider calls
 * @session: work->round.bytes is what it says
 * @length: bytes of it
 *
 * Context: the session's work; may sleep.
 */
void vsc_answer_call(struct vsc_session *session, size_t length)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;
	enum vsc_event event = VSC_EVENT_CALL_OLD;
	int error = vs_wire_decode(&work->round.message, work->round.bytes, length);

	trace_vsc_message(dev_name(&session->dev), false, message);
	if (error || message->type != VS_WIRE_INITIALIZE) {
		vsc_machine_count(session, &session->counters.malformed);
		dev_warn_ratelimited(&session->dev, "a call of the provider refused: its %zu bytes are none\n",
				     length);
		return;
	}
	vsc_machine_count(session, &session->counters.calls);
	spin_lock(&session->lock);
	session->last.reason = message->reason;
	session->last.deadline = message->deadline_ms ?
		ktime_add_ms(ktime_get(), message->deadline_ms) : 0;
	spin_unlock(&session->lock);
	if (message->deadline_ms && session->held.id && session->class->called)
		tell_class(session);
	if (message->epoch == session->last.epoch) {
		work->reason = VS_REASON_CALLED;
		event = VSC_EVENT_CALL;
	}
	vsc_event_changed(session, "called");
	vsc_machine_step(session, event);
}
