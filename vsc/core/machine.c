// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's machine: takes the steps of channel/states.def and does what they ask
 * for.  All of it runs in the session's work.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/string.h>

#include "vsc/core/session.h"
#include "vsc/core/trace.h"

/**
 * vsc_machine_count() - count something that sysfs shows
 * @session: its session
 * @counter: of session->counters
 */
void vsc_machine_count(struct vsc_session *session, u64 *counter)
{
	spin_lock(&session->lock);
	++*counter;
	spin_unlock(&session->lock);
}

/**
 * vsc_machine_held() - the contract that is held
 * @session: any
 *
 * Return: its terms, or NULL if there is none; constant until the next step.
 */
const struct vs_terms *vsc_machine_held(struct vsc_session *session)
{
	return session->held.id ? &session->held.terms : NULL;
}

/**
 * vsc_machine_set_held() - hold another contract
 * @session: any
 * @id: of the contract, 0: none
 * @terms: a complete set; NULL with @id 0
 */
void vsc_machine_set_held(struct vsc_session *session, u64 id, const struct vs_terms *terms)
{
	bool changed = !terms || !vs_terms_equal(&session->held.terms, terms);

	spin_lock(&session->lock);
	session->held.id = id;
	if (terms)
		session->held.terms = *terms;
	else
		session->held.terms.count = 0;
	spin_unlock(&session->lock);
	vsc_watch_contract(session, changed);
}

/**
 * vsc_machine_publish() - the renegotiation is over: show how it ended
 * @session: any
 * @what: for the uevent
 */
void vsc_machine_publish(struct vsc_session *session, const char *what)
{
	struct vsc_work *work = session->work;

	spin_lock(&session->lock);
	session->last.result = session->work->epoch.result;
	spin_unlock(&session->lock);
	spin_lock_irq(&work->inbox.lock);
	work->inbox.settled = work->epoch.asked_needs;
	spin_unlock_irq(&work->inbox.lock);
	vsc_want_end(session);
	vsc_event_changed(session, what);
}

/* Sends work->round.out, type and fields filled in, and waits for its answer. */
static void send_message(struct vsc_session *session, enum vsc_sent sent)
{
	struct vsc_work *work = session->work;
	struct vsc_exchange *exchange = vsc_channel_exchange(GFP_NOIO);
	int error = -ENOMEM;

	work->round.exchange = NULL;
	work->round.out.epoch = session->last.epoch;
	if (!exchange)
		goto failed;
	exchange->epoch = session->last.epoch;
	exchange->request_length = vs_wire_encode(&work->round.out, exchange->request,
						  sizeof(exchange->request));
	error = -EMSGSIZE;
	if (!exchange->request_length)
		goto failed;
	trace_vsc_message(dev_name(&session->dev), true, &work->round.out);
	error = vsc_channel_send(session->channel, exchange);
	if (error)
		goto failed;
	vsc_machine_count(session, &session->counters.messages);
	work->round.exchange = exchange;
	work->round.sent = sent;
	vsc_session_wait(session, VSC_TIMER_ANSWER, vsc_session_answer_ms(session));
	return;

failed:
	vsc_channel_exchange_free(exchange);
	dev_warn_ratelimited(&session->dev, "%s cannot be sent (%d)\n",
			     vs_wire_type_name(work->round.out.type), error);
	work->epoch.result.error = error;
	work->leave.released = true;
	WRITE_ONCE(work->link.broken, error == -ENODEV);
	/* The session resets the device; see vsc_session_reset(). */
	if (error == -EIO)
		vsc_session_broken(session);
	vsc_want_end(session);
	work->follow = work->link.broken ? VSC_EVENT_LOST : VSC_EVENT_FAILED;
}

static struct vs_message *begin_message(struct vsc_session *session, u16 type)
{
	struct vs_message *out = &session->work->round.out;

	memset(out, 0, sizeof(*out));
	out->type = type;
	return out;
}

/* The grant is not in force, and never will be. */
static void forget_grant(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	work->grant.prepared = false;
	work->grant.id = 0;
	spin_lock(&session->lock);
	session->last.granted.count = 0;
	spin_unlock(&session->lock);
}

/* The grant will not be started: the class goes back to the contract that is held. */
static void undo_grant(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	if (!work->grant.id)
		return;
	if (work->grant.prepared)
		session->class->undo(session, vsc_machine_held(session));
	forget_grant(session);
}

/* Nothing is held any more. */
static void let_contract_go(struct vsc_session *session, const char *what)
{
	if (!session->held.id)
		return;
	vsc_machine_set_held(session, 0, NULL);
	session->work->unapplied = false;
	spin_lock(&session->lock);
	session->last.granted.count = 0;
	session->last.deadline = 0;
	spin_unlock(&session->lock);
	session->class->lost(session);
	vsc_event_changed(session, what);
}

/**
 * vsc_machine_none() - no contract comes for now
 * @session: any
 *
 * What the class holds since the machine has slept waits for nothing any more.
 *
 * Context: the session's work; may sleep.
 */
void vsc_machine_none(struct vsc_session *session)
{
	if (session->class && !session->held.id)
		session->class->lost(session);
}

/* The class shows what is held now; if it cannot, it is asked again after a pause. */
static int apply_held(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	int error = session->class->apply(session, &session->held.terms);

	work->unapplied = error;
	if (error)
		dev_err_ratelimited(&session->dev, "contract %llu holds but cannot be applied (%d), trying again\n",
				    session->held.id, error);
	return error;
}

/*
 * Holds what INITIALIZE_COMPLETE says is in force. The provider enforces that,
 * whatever the class says of it. A grant whose START was not answered is neither that
 * nor what is held: the class goes from what was narrowed for it to what is in force.
 */
static void adopt_in_force(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vs_message *message = &work->round.message;
	int error;

	forget_grant(session);
	if (!message->contract) {
		let_contract_go(session, "withdrawn");
		return;
	}
	vsc_machine_count(session, &session->counters.adopted);
	error = session->class->prepare(session, vsc_machine_held(session), &message->terms);
	if (error)
		dev_warn_ratelimited(&session->dev, "contract %llu is in force though the device is not ready for it (%d)\n",
				     message->contract, error);
	session->class->narrow(session, vsc_machine_held(session), &message->terms);
	vsc_machine_set_held(session, message->contract, &message->terms);
	apply_held(session);
	vsc_event_changed(session, "adopted");
}

/*
 * Is there something to ask for again by itself, though a contract is kept? Where the provider
 * has named a time; or where its grant came to nothing by a failure of this side. Not for an
 * offer that was too little: the provider calls when there is more.
 */
static bool is_retried(const struct vsc_work *work)
{
	const struct vsc_session_result *result = &work->epoch.result;

	return work->epoch.retry_ms && (result->outcome == VS_OUTCOME_DENY || result->error);
}

/* Tells a class that measures negotiations that one begins or ends. */
static void measure_negotiation(struct vsc_session *session, bool begins)
{
	if (session->class && session->class->negotiates)
		session->class->negotiates(session, begins);
}

/* The grant is in force. */
static void widen_to_grant(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	bool kept = work->grant.id == session->held.id;
	int error = 0;

	if (!kept && session->held.id) {
		vsc_machine_count(session, &session->counters.renegotiations);
		vsc_machine_count(session, &session->counters.reasons[session->last.reason]);
	}
	if (kept) {
		vsc_machine_count(session, &session->counters.kept);
		vsc_watch_kept(session);
	} else {
		vsc_machine_set_held(session, work->grant.id, &session->last.granted);
	}
	if (!kept || work->unapplied)
		error = apply_held(session);
	if (error)
		work->epoch.result.error = error;
	work->grant.id = 0;
	work->grant.prepared = false;
	work->epoch.result.kept = kept;
}

/* START_COMPLETE: the renegotiation has ended with the contract that is held now. */
static void settle_renegotiation(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	bool kept = work->epoch.result.kept;

	work->mismatches = 0;
	work->wait.missed = 0;
	spin_lock(&session->lock);
	session->last.deadline = 0;
	session->last.ns = ktime_to_ns(ktime_sub(ktime_get(), work->epoch.began));
	spin_unlock(&session->lock);
	measure_negotiation(session, false);

	/* After a denial the result is that denial, with what was kept. */
	if (!kept || !work->epoch.result.outcome)
		work->epoch.result.outcome = VS_OUTCOME_GRANT;
	if (work->unapplied) {
		vsc_session_wait(session, VSC_TIMER_RETRY, vsc_session_back_off(session));
	} else if (kept && is_retried(work)) {
		/* The client still wishes what was denied, and the denial has said when to ask. */
		work->reason = VS_REASON_RETRY;
		vsc_session_wait(session, VSC_TIMER_RETRY, work->epoch.retry_ms);
	} else {
		work->wait.back_off_ms = 0;
		vsc_session_wait(session, VSC_TIMER_NONE, 0);
	}
	vsc_machine_publish(session, kept ? "kept" : "contract");
}

static void new_epoch(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	u64 epoch;

	do {
		epoch = get_random_u64();
	} while (!epoch || epoch == session->last.epoch);

	/* An answer that is still to come belongs to an older epoch. */
	work->round.exchange = NULL;
	work->epoch.rounds = 0;
	work->epoch.keep_tried = false;
	work->epoch.retry_ms = 0;
	work->epoch.began = ktime_get();
	memset(&work->epoch.result, 0, sizeof(work->epoch.result));
	work->epoch.result.epoch = epoch;
	spin_lock(&session->lock);
	session->last.epoch = epoch;
	/* An answer to a call leaves the call's own reason to be seen. */
	if (work->reason != VS_REASON_CALLED)
		session->last.reason = work->reason;
	spin_unlock(&session->lock);
	measure_negotiation(session, true);
}

static void send_initialize(struct vsc_session *session)
{
	struct vs_message *out = begin_message(session, VS_WIRE_INITIALIZE);

	out->version_min = VS_WIRE_VERSION_MIN;
	out->version_max = VS_WIRE_VERSION_MAX;
	out->reason = session->work->reason;
	send_message(session, VSC_SENT_INITIALIZE);
}

static void send_ask(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	struct vs_message *out = begin_message(session, VS_WIRE_REQUEST);
	int error;

	/* A want that comes from here on may be too late for this ask: it waits for the next. */
	spin_lock_irq(&work->inbox.lock);
	work->epoch.asked_needs = work->inbox.needs;
	spin_unlock_irq(&work->inbox.lock);
	error = vsc_policy_wish(session, &out->terms);
	if (error) {
		/* Nothing to ask for: as after a denial, until there are other wishes. */
		work->epoch.result.error = error;
		work->epoch.retry_ms = 0;
		work->follow = session->held.id ? VSC_EVENT_DENY : VSC_EVENT_DENY_FINAL;
		return;
	}
	spin_lock(&session->lock);
	session->last.asked = out->terms;
	spin_unlock(&session->lock);
	send_message(session, VSC_SENT_ASK);
}

static void send_choice(struct vsc_session *session)
{
	struct vs_message *out = begin_message(session, VS_WIRE_REQUEST);

	out->flags = VS_REQUEST_CHOICE;
	out->terms = session->work->round.choice;
	send_message(session, VSC_SENT_CHOICE);
}

static void send_keep(struct vsc_session *session)
{
	struct vs_message *out = begin_message(session, VS_WIRE_REQUEST);

	session->work->epoch.keep_tried = true;
	out->flags = VS_REQUEST_KEEP;
	out->contract = session->held.id;
	send_message(session, VSC_SENT_KEEP);
}

/*
 * What was narrowed too late for the grant's lease is not started: the provider may have
 * dropped the grant. Half of the lease is left to START's way.
 */
static void narrow_to_grant(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	u32 ms = work->round.message.lease_ms / 2;
	ktime_t began = ktime_get();

	if (work->grant.prepared)
		session->class->narrow(session, vsc_machine_held(session), &session->last.granted);
	work->follow = VSC_EVENT_NARROWED;
	if (!ms || ktime_ms_delta(ktime_get(), began) <= ms)
		return;
	dev_warn_ratelimited(&session->dev, "contract %llu: what it takes away was still in use after %u ms, half of its lease: not started, trying again\n",
			     work->grant.id, ms);
	work->epoch.result.error = -ETIME;
	work->follow = VSC_EVENT_FAILED;
}

static void send_start(struct vsc_session *session)
{
	begin_message(session, VS_WIRE_START)->contract = session->work->grant.id;
	send_message(session, VSC_SENT_START);
}

static void wait_for_call(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	vsc_machine_none(session);
	work->round.exchange = NULL;
	work->reason = VS_REASON_RETRY;
	if (work->epoch.retry_ms)
		vsc_session_wait(session, VSC_TIMER_RETRY, work->epoch.retry_ms);
	else
		vsc_session_wait(session, VSC_TIMER_NONE, 0);
	vsc_machine_publish(session, "waiting");
}

static void back_off(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	bool first = !work->wait.back_off_ms;
	u32 ms = vsc_session_back_off(session);

	/* The first START that came too late for a call is made good before its deadline. */
	if (first && work->round.sent == VSC_SENT_START && session->last.deadline)
		ms = 0;
	work->round.exchange = NULL;
	work->reason = VS_REASON_RETRY;
	vsc_session_wait(session, VSC_TIMER_RETRY, ms);
	vsc_machine_publish(session, "failed");
}

static void detach_contract(struct vsc_session *session, enum vsc_event event)
{
	struct vsc_work *work = session->work;

	if (work->link.broken || event == VSC_EVENT_RELEASED)
		vsc_machine_none(session);
	work->round.exchange = NULL;
	vsc_session_wait(session, VSC_TIMER_NONE, 0);
	let_contract_go(session, event == VSC_EVENT_RELEASED ? "released" : "lost");
}

static void (* const actions[])(struct vsc_session *session) = {
	undo_grant, adopt_in_force, widen_to_grant, settle_renegotiation, new_epoch,
	send_initialize, send_ask, send_choice, send_keep, narrow_to_grant, send_start,
	wait_for_call, back_off,
};

static_assert(BIT(ARRAY_SIZE(actions)) == VSC_DO_DETACH);

static void one_step(struct vsc_session *session, enum vsc_event event)
{
	enum vs_state from = session->state;
	struct vs_step step = vs_states_client(from, event);

	spin_lock(&session->lock);
	session->state = step.next;
	spin_unlock(&session->lock);
	if (step.next != from)
		trace_vsc_state(dev_name(&session->dev), from, event, step.next);
	for (unsigned int i = 0; i < ARRAY_SIZE(actions); i++)
		if (step.actions & BIT(i))
			actions[i](session);
	if (step.actions & VSC_DO_DETACH)
		detach_contract(session, event);
}

/**
 * vsc_machine_step() - what has happened, and all that follows from it at once
 * @session: any; work->round.message is the message of @event, if it has one
 * @event: what has happened
 *
 * Context: the session's work; may sleep.
 */
void vsc_machine_step(struct vsc_session *session, enum vsc_event event)
{
	struct vsc_work *work = session->work;

	/* Ends: what fails to be sent backs off or is lost, and neither sends. */
	do {
		work->follow = VSC_EVENTS;
		one_step(session, event);
		event = work->follow;
	} while (event != VSC_EVENTS);
}

/**
 * vsc_machine_release_ends() - the release was answered, or will not be
 * @session: has sent it, or tried to
 * @event: RELEASED, FAILED, LOST
 *
 * Context: the session's work; may sleep.
 */
void vsc_machine_release_ends(struct vsc_session *session, enum vsc_event event)
{
	struct vsc_work *work = session->work;

	work->leave.released = true;
	if (event == VSC_EVENT_RELEASED) {
		memset(&work->epoch.result, 0, sizeof(work->epoch.result));
		work->epoch.result.epoch = session->last.epoch;
		work->epoch.result.outcome = VS_OUTCOME_RELEASED;
	}
	vsc_machine_step(session, event);
	if (event == VSC_EVENT_RELEASED)
		vsc_machine_publish(session, "idle");
}

/**
 * vsc_machine_release() - give the contract back
 * @session: work->leave.release is set: it stays so until something is to be asked for
 *
 * Where the provider does not know the current epoch yet, the release follows the
 * INITIALIZE_COMPLETE.
 *
 * Context: the session's work; may sleep.
 */
void vsc_machine_release(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	work->leave.released = false;
	switch (session->state) {
	case VS_STATE_START:
		work->leave.released = true;
		break;
	case VS_STATE_UNINITIALIZED:
		if (work->wait.timer == VSC_TIMER_RETRY)
			vsc_machine_step(session, VSC_EVENT_BEGIN);
		break;
	default:
		begin_message(session, VS_WIRE_REQUEST);
		work->follow = VSC_EVENTS;
		send_message(session, VSC_SENT_RELEASE);
		if (work->follow != VSC_EVENTS)
			vsc_machine_release_ends(session, work->follow);
		break;
	}
}
