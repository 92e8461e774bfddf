// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider's machine: takes the steps of channel/states.def, does what they ask
 * for, and answers messages.  All of it runs in the service's work, one event at a
 * time, but for vsp_machine_close(), which runs when the work cannot any more.  What
 * the steps do to contracts is in machine_contract.c, calls are in machine_call.c.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/string.h>

#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/trace.h"

static void open_epoch(struct vsp_session *session)
{
	spin_lock(&session->view_lock);
	session->state = session->round.next_state;
	session->epoch = session->round.message.epoch;
	session->reason = session->round.message.reason;
	spin_unlock(&session->view_lock);
	if (session->round.message.reason != VS_REASON_CALLED)
		session->cause = session->round.message.reason;
	session->limits.rounds = 0;
	session->limits.uncounted = session->call.unanswered;
	session->call.unanswered = false;
}

static void answer_initialize(struct vsp_session *session)
{
	struct vs_message *answer = vsp_machine_begin_answer(session, VS_STATUS_OK);

	answer->version_min = VS_WIRE_VERSION_MAX;
	answer->version_max = VS_WIRE_VERSION_MAX;
	if (vsp_machine_in_force(session))
		answer->terms = vsp_machine_in_force(session)->terms;
}

static void answer_message(struct vsp_session *session)
{
	const struct vs_message *message = &session->round.message;

	if (message->type == VS_WIRE_START) {
		vsp_machine_begin_answer(session, VS_STATUS_OK);
	} else if (message->terms.count || (message->flags & VS_REQUEST_KEEP)) {
		vsp_machine_ask(session);
	} else {
		vsp_machine_begin_answer(session, VS_STATUS_OK)->outcome = VS_OUTCOME_RELEASED;
		vsp_machine_set_result(session, VS_OUTCOME_RELEASED, VS_REASON_NONE);
	}
}

/* Was what is granted, or is being prepared, asked for before the open call? */
static bool is_crossed(const struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;

	if (session->grant.pending)
		return !session->grant.called;
	return preparation->next && !preparation->dropped && !preparation->called;
}

/* A START comes too late: its grant has expired, or another contract has replaced it. */
static void answer_stale(struct vsp_session *session)
{
	bool expired = session->round.message.contract == session->grant.expired_id;

	vsp_machine_begin_answer(session, expired ? VS_STATUS_EXPIRED : VS_STATUS_STALE);
}

static void enter_state(struct vsp_session *session)
{
	spin_lock(&session->view_lock);
	session->state = session->round.next_state;
	spin_unlock(&session->view_lock);
}

/*
 * The state is entered with what the step changes of a view: with the contract that comes into
 * force, or ends, or with the epoch.
 */
static void do_actions(struct vsp_session *session, u32 actions)
{
	if (actions & VSP_DO_DROP_PENDING)
		vsp_machine_drop_pending(session);
	if ((actions & VSP_DO_DROP_CROSSED) && is_crossed(session))
		vsp_machine_drop_pending(session);
	if (actions & VSP_DO_COMMIT)
		vsp_machine_commit(session);
	if (actions & VSP_DO_START_FALLBACK)
		vsp_machine_start_fallback(session);
	if (actions & VSP_DO_SETTLE)
		vsp_machine_settle(session);
	if (actions & VSP_DO_OPEN_EPOCH)
		open_epoch(session);
	if (actions & VSP_DO_HOLD)
		vsp_machine_hold(session);
	if (actions & VSP_DO_FORGET)
		vsp_machine_forget(session);
	enter_state(session);
	if (actions & VSP_DO_ANSWER)
		answer_message(session);
	if (actions & VSP_DO_REFUSE)
		vsp_machine_begin_answer(session, VS_STATUS_UNEXPECTED);
	if (actions & VSP_DO_STALE)
		answer_stale(session);
	if (actions & VSP_DO_CALL)
		vsp_machine_send_call(session);
	if (actions & VSP_DO_TELL)
		vsp_machine_tell(session);
	if (actions & VSP_DO_CALL_ANEW)
		session->call.anew = true;	/* the answer goes first */
}

/**
 * vsp_machine_event() - one step of the machine
 * @session: of an enabled service
 * @event: what has happened; the message of it, if any, is session->round.message
 *
 * An answer, where the step makes one, is left in session->round.answer.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_event(struct vsp_session *session, enum vsp_event event)
{
	enum vs_state from = session->state;
	struct vs_step step = vs_states_provider(from, event);

	session->round.next_state = step.next;
	if (step.next != from)
		trace_vsp_state(session->service->name, from, event, step.next);
	do_actions(session, step.actions);
	if (step.next != from)
		session->service->files->changed(session->service, VSP_CHANGE_STATE);
}

static enum vsp_event start_event(const struct vsp_session *session, u64 running)
{
	u64 id = session->round.message.contract;

	if (session->grant.pending && id == session->grant.pending->id)
		return session->call.open && !session->grant.called ?
			VSP_EVENT_START_CROSSED : VSP_EVENT_START;
	/* A grant to keep what runs has its id, and expires as any other. */
	if (id && id == running && id != session->grant.expired_id)
		return VSP_EVENT_START_AGAIN;
	return running && !session->call.open ? VSP_EVENT_START_STALE : VSP_EVENT_START_OTHER;
}

/* A well-formed message: which event is it?  Anything else is answered here. */
static void machine_take_message(struct vsp_session *session)
{
	const struct vs_message *message = &session->round.message;

	if (message->type == VS_WIRE_INITIALIZE) {
		if (message->version_min > VS_WIRE_VERSION_MAX ||
		    message->version_max < VS_WIRE_VERSION_MIN) {
			vsp_machine_begin_answer(session, VS_STATUS_VERSION);
			return;
		}
		vsp_machine_event(session, VSP_EVENT_INITIALIZE);
		answer_initialize(session);
		vsp_machine_event(session, VSP_EVENT_ANSWERED);
	} else if (session->state != VS_STATE_START && message->epoch != session->epoch) {
		vsp_machine_begin_answer(session, VS_STATUS_EPOCH);
	} else if (message->type == VS_WIRE_START) {
		vsp_machine_event(session, start_event(session, vsp_machine_in_force_id(session)));
	} else if (message->flags & VS_REQUEST_KEEP) {
		vsp_machine_event(session, VSP_EVENT_ASK);
	} else if (!message->terms.count) {
		vsp_machine_event(session, VSP_EVENT_RELEASE);
	} else if (vs_terms_check_ask(session->service->spec, &message->terms)) {
		session->service->counters.malformed++;
		vsp_machine_begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		vsp_machine_event(session, VSP_EVENT_ASK);
	}
}

static bool from_client(u16 type)
{
	return type == VS_WIRE_INITIALIZE || type == VS_WIRE_REQUEST || type == VS_WIRE_START;
}

/* Five bad messages in a row end the session; it can start over. */
static void judge_message(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	if (session->round.answer.status == VS_STATUS_OK) {
		session->limits.bad = 0;
		return;
	}
	if (session->round.answer.status == VS_STATUS_UNEXPECTED ||
	    session->round.answer.status == VS_STATUS_EPOCH)
		service->counters.unexpected++;
	if (++session->limits.bad < VSP_BAD_MESSAGES_MAX)
		return;
	session->limits.bad = 0;
	vsp_warn_limited(service, "service %s: %u bad messages in a row, the session ends\n",
			 service->name, VSP_BAD_MESSAGES_MAX);
	vsp_machine_event(session, VSP_EVENT_BROKEN);
}

/**
 * vsp_machine_message() - take one message and answer it, at once or when it is prepared
 * @session: session->round.bytes holds the message
 * @slot: for the answer
 * @generation: of the rings that it came from
 * @length: bytes of it
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_message(struct vsp_session *session, unsigned int slot, u32 generation,
			 size_t length)
{
	struct vsp_service *service = session->service;
	struct vs_message *message = &session->round.message;
	int error = vs_wire_decode(message, session->round.bytes, length);

	session->round.slot = slot;
	session->round.generation = generation;
	session->round.answer_later = false;
	if (error || !from_client(message->type)) {
		service->counters.malformed++;
		vsp_warn_limited(service,
				 "service %s: malformed message of %zu bytes refused (%d)\n",
				 service->name, length, error);
		if (!from_client(message->type))
			message->type = VS_WIRE_START;	/* the shortest answer */
		trace_vsp_message(service->name, false, message);
		vsp_machine_begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		trace_vsp_message(service->name, false, message);
		service->counters.messages++;
		machine_take_message(session);
	}
	if (!session->round.answer_later) {
		vsp_machine_send_answer(session, slot, generation);
		judge_message(session);
	}
	if (session->call.anew)
		vsp_machine_call_anew(session);
	if (session->invitation.later && session->state == VS_STATE_RUNNING)
		vsp_machine_invite(session);
}

/**
 * vsp_machine_expire() - handle deadlines and leases that have come
 * @session: of an enabled service
 *
 * Context: the service's work. May sleep.
 * Return: when to look again; KTIME_MAX if there is nothing to wait for.
 */
ktime_t vsp_machine_expire(struct vsp_session *session)
{
	ktime_t now = ktime_get();
	ktime_t next = KTIME_MAX;

	if (session->call.open && ktime_compare(session->call.deadline, now) <= 0)
		vsp_machine_event(session, VSP_EVENT_DEADLINE);
	if (session->grant.pending && ktime_compare(session->grant.expires, now) <= 0) {
		session->service->counters.leases++;
		vsp_machine_event(session, VSP_EVENT_GRANT_LEASE);
	}
	if (session->held.contract && ktime_compare(session->held.expires, now) <= 0) {
		session->service->counters.leases++;
		vsp_machine_event(session, VSP_EVENT_HELD_LEASE);
	}
	if (session->call.open)
		next = min(next, session->call.deadline);
	if (session->grant.pending)
		next = min(next, session->grant.expires);
	if (session->held.contract)
		next = min(next, session->held.expires);
	return next;
}

/**
 * vsp_machine_close() - give everything back, grant nothing any more
 * @session: its work does not run any more, or is what calls
 *
 * What is KEPT stays charged; see vsp_pool_charge().
 */
void vsp_machine_close(struct vsp_session *session)
{
	session->stop.closing = true;
	session->stop.withdrawn = true;
	vsp_machine_drop_pending(session);
	vsp_machine_settle(session);
	vsp_machine_forget(session);
}
