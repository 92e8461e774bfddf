// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider's session: takes the steps of channel/states.def and does what they
 * ask for.  All of it runs in the service's work, one event at a time, but for
 * vsp_session_close(), which runs when the work cannot any more.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vsp/core/session.h"
#include "vsp/core/trace.h"

/**
 * vsp_session_in_force() - the contract in force
 * @session: of an enabled service
 *
 * Context: the service's work, which alone replaces it.
 * Return: NULL if there is none
 */
struct vsp_contract *vsp_session_in_force(struct vsp_session *session)
{
	return rcu_dereference_protected(session->service->in_force, true);
}

static u64 in_force_id(struct vsp_session *session)
{
	struct vsp_contract *contract = vsp_session_in_force(session);

	return contract ? contract->id : 0;
}

/**
 * vsp_session_charged_sets() - what the pool has to be charged for
 * @session: of an enabled service
 * @sets: filled; the most of them, term by term, is to be charged
 *
 * Context: the service's work.
 * Return: how many there are, up to VSP_SESSION_SETS
 */
unsigned int vsp_session_charged_sets(struct vsp_session *session, const struct vs_terms **sets)
{
	unsigned int count = 0;

	if (vsp_session_in_force(session))
		sets[count++] = &vsp_session_in_force(session)->terms;
	if (session->held)
		sets[count++] = &session->held->terms;
	if (session->preparation.next)
		sets[count++] = &session->preparation.next->terms;
	if (session->pending)
		sets[count++] = &session->pending->terms;
	if (session->call.open && session->call.fallback)
		sets[count++] = &session->call.fallback->terms;
	return count;
}

/**
 * vsp_session_recharge() - what the session holds has changed: tell the pool
 * @session: of an enabled service
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_session_recharge(struct vsp_session *session)
{
	const struct vs_terms *sets[VSP_SESSION_SETS];
	unsigned int count = vsp_session_charged_sets(session, sets);

	vsp_pool_charge(session->service, sets, count);
}

/**
 * vsp_session_new_contract() - a contract that nobody knows yet
 * @session: of an enabled service
 * @id: from session->next_id, or that in force for one that is kept
 * @terms: a complete set
 *
 * Context: the service's work.
 * Return: it, for vsp_session_free_contract(), or NULL: no memory
 */
struct vsp_contract *vsp_session_new_contract(struct vsp_session *session, u64 id,
					      const struct vs_terms *terms)
{
	struct vsp_contract *contract = kzalloc(sizeof(*contract), GFP_KERNEL);

	if (!contract)
		return NULL;
	contract->id = id;
	contract->terms = *terms;
	return contract;
}

/**
 * vsp_session_set_result() - show how the renegotiation has ended
 * @session: of an enabled service
 * @outcome: enum vs_wire_outcome
 * @reason: enum vs_wire_reason
 *
 * Context: the service's work.
 */
void vsp_session_set_result(struct vsp_session *session, u32 outcome, u32 reason)
{
	spin_lock(&session->view_lock);
	session->result_epoch = session->epoch;
	session->result_outcome = outcome;
	session->result_reason = reason;
	spin_unlock(&session->view_lock);
}

static void set_reason(struct vsp_session *session, u32 reason)
{
	spin_lock(&session->view_lock);
	session->reason = reason;
	spin_unlock(&session->view_lock);
	session->cause = reason;
}

/**
 * vsp_session_free_contract() - when no reader has it any more
 * @contract: in force no more; may be NULL
 *
 * Context: any.
 */
void vsp_session_free_contract(struct vsp_contract *contract)
{
	kfree_rcu(contract, rcu);
}

/*
 * The contract in force becomes @next (NULL: none), in one step between two
 * requests.  The old one is the caller's.
 */
static struct vsp_contract *put_in_force(struct vsp_session *session, struct vsp_contract *next)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *old = vsp_session_in_force(session);

	spin_lock_irq(&service->pool->rates.lock);
	service->class->commit(service, next);
	vsp_rates_commit(service, next ? &next->terms : NULL);
	rcu_assign_pointer(service->in_force, next);
	spin_unlock_irq(&service->pool->rates.lock);
	trace_vsp_contract(service->name, old ? old->id : 0, next ? next->id : 0);
	return old;
}

/**
 * vsp_session_set_pending() - what is granted and not started
 * @session: of an enabled service
 * @next: in place of what was; may be NULL
 *
 * Context: the service's work.
 * Return: what was; the caller's
 */
struct vsp_contract *vsp_session_set_pending(struct vsp_session *session, struct vsp_contract *next)
{
	struct vsp_contract *old = session->pending;

	spin_lock(&session->view_lock);
	session->pending = next;
	spin_unlock(&session->view_lock);
	return old;
}

/**
 * vsp_session_drop_pending() - what was granted, or would have been, will not start
 * @session: of an enabled service; without a grant nothing happens
 *
 * Context: the service's work, before it has begun an answer. May sleep.
 */
void vsp_session_drop_pending(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = vsp_session_set_pending(session, NULL);

	vsp_session_drop_preparation(session);
	if (!pending)
		return;
	session->expired_id = pending->id;
	if (pending->id != in_force_id(session)) {
		service->class->abort(service, pending);
		/* Else one that never starts could keep others from it for ever. */
		if (++session->unstarted >= VSP_UNSTARTED_MAX)
			session->grant_after = ktime_add_ms(ktime_get(), VSP_GRANT_LEASE_MS);
	}
	vsp_session_free_contract(pending);
	vsp_session_recharge(session);
}

static void count_renegotiation(struct vsp_session *session)
{
	struct vsp_service_counters *counters = &session->service->counters;

	counters->renegotiations++;
	if (session->cause < VS_REASONS)
		counters->renegotiations_for[session->cause]++;
}

static void commit_pending(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = vsp_session_set_pending(session, NULL);

	session->expired_id = 0;
	if (pending->id == in_force_id(session)) {
		/* Kept: it never stopped being in force. */
		vsp_session_free_contract(pending);
	} else {
		session->denied = false;
		session->invited.count = 0;
		session->unstarted = 0;
		if (vsp_session_in_force(session))
			count_renegotiation(session);
		vsp_session_free_contract(put_in_force(session, pending));
		vsp_session_free_contract(session->held);
		session->held = NULL;
	}
	vsp_session_recharge(session);
	vsp_session_set_result(session, VS_OUTCOME_GRANT, VS_REASON_NONE);
	vsp_sysfs_changed(service, VSP_CHANGE_CONTRACT);
}

/**
 * vsp_session_settle() - the open call is over
 * @session: of an enabled service; without a call nothing happens
 *
 * Context: the service's work.
 */
void vsp_session_settle(struct vsp_session *session)
{
	if (!session->call.open)
		return;
	spin_lock(&session->view_lock);
	session->call.open = false;
	spin_unlock(&session->view_lock);
	vsp_session_free_contract(session->call.fallback);
	session->call.fallback = NULL;
	vsp_session_recharge(session);
}

/*
 * At the deadline.  Without a session what is held becomes the fallback instead;
 * where there was nothing at all, nothing comes of it.
 */
static void start_fallback(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *fallback = session->call.fallback;

	if (!session->call.open || (!vsp_session_in_force(session) && !session->held))
		return;
	session->call.fallback = NULL;
	session->invited.count = 0;
	if (fallback)
		service->counters.fallbacks++;
	else
		service->counters.withdrawals++;
	if (vsp_session_in_force(session)) {
		vsp_session_free_contract(put_in_force(session, fallback));
	} else {
		vsp_session_free_contract(session->held);
		session->held = fallback;
	}
	vsp_session_recharge(session);
	vsp_session_set_result(session, fallback ? VS_OUTCOME_GRANT : VS_OUTCOME_RELEASED,
			       fallback ? VS_REASON_FALLBACK : session->call.reason);
	pr_info("service %s: contract %s (%s)\n", service->name,
		fallback ? "changed at its deadline" : "withdrawn",
		vs_wire_reason_name(session->call.reason));
	vsp_sysfs_changed(service, fallback ? VSP_CHANGE_FALLBACK : VSP_CHANGE_WITHDRAWN);
}

/* Its driver is gone: what was in force stays charged for the time of the lease. */
static void hold_contract(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *old;

	if (!vsp_session_in_force(session))
		return;
	old = put_in_force(session, NULL);
	vsp_session_free_contract(session->held);
	session->held = old;
	session->held_expires = ktime_add_ms(ktime_get(), service->lease_ms);
	/* Nobody escapes a withdrawal's deadline by a reset. */
	if (session->withdrawn)
		session->held_expires = min(session->held_expires, session->call.deadline);
	vsp_session_recharge(session);
	vsp_sysfs_changed(service, VSP_CHANGE_HELD);
}

static void forget_contracts(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	if (!vsp_session_in_force(session) && !session->held)
		return;
	if (vsp_session_in_force(session))
		vsp_session_free_contract(put_in_force(session, NULL));
	vsp_session_free_contract(session->held);
	session->held = NULL;
	vsp_session_recharge(session);
	vsp_sysfs_changed(service, VSP_CHANGE_RELEASED);
}

static void open_epoch(struct vsp_session *session)
{
	spin_lock(&session->view_lock);
	session->epoch = session->message.epoch;
	session->reason = session->message.reason;
	spin_unlock(&session->view_lock);
	if (session->message.reason != VS_REASON_CALLED)
		session->cause = session->message.reason;
	session->rounds = 0;
	session->uncounted = session->unanswered;
	session->unanswered = false;
}

/* Writes the call, or what the client has to be told, into the channel. */
static void send_call(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vs_message *message = &session->answer;
	const struct vsp_call *open = &session->call;
	s64 left;

	if (!session->unanswered)
		return;
	memset(message, 0, sizeof(*message));
	message->type = VS_WIRE_INITIALIZE;
	message->epoch = session->epoch;
	message->contract = in_force_id(session);
	message->version_min = VS_WIRE_VERSION_MIN;
	message->version_max = VS_WIRE_VERSION_MAX;
	message->reason = session->reason;
	if (open->open) {
		left = ktime_ms_delta(open->deadline, ktime_get());
		message->deadline_ms = max_t(s64, left, 1);
		if (open->fallback) {
			message->fallback = open->fallback->id;
			message->terms = open->fallback->terms;
		}
	}
	trace_vsp_message(service->name, true, message);
	service->counters.calls++;
	vsp_channel_call(service->channel, session->bytes,
			 vs_wire_encode(message, session->bytes, sizeof(session->bytes)));
}

static void tell_client(struct vsp_session *session)
{
	set_reason(session, vsp_session_in_force(session) ? VS_REASON_FALLBACK :
							    session->call.reason);
	session->unanswered = true;
	send_call(session);
}

/**
 * vsp_session_begin_answer() - an answer with nothing in it but what every answer carries
 * @session: session->message is what is answered
 * @status: enum vs_wire_status
 *
 * Context: the service's work.
 * Return: session->answer
 */
struct vs_message *vsp_session_begin_answer(struct vsp_session *session, u32 status)
{
	const struct vs_message *message = &session->message;
	struct vs_message *answer = &session->answer;

	memset(answer, 0, sizeof(*answer));
	answer->type = message->type + 1;
	answer->status = status;
	answer->epoch = message->epoch;
	answer->contract = in_force_id(session);
	return answer;
}

static void answer_initialize(struct vsp_session *session)
{
	struct vs_message *answer = vsp_session_begin_answer(session, VS_STATUS_OK);

	answer->version_min = VS_WIRE_VERSION_MAX;
	answer->version_max = VS_WIRE_VERSION_MAX;
	if (vsp_session_in_force(session))
		answer->terms = vsp_session_in_force(session)->terms;
}

static void answer_message(struct vsp_session *session)
{
	if (session->message.type == VS_WIRE_START) {
		vsp_session_begin_answer(session, VS_STATUS_OK);
	} else if (session->message.terms.count || (session->message.flags & VS_REQUEST_KEEP)) {
		vsp_session_ask(session);
	} else {
		vsp_session_begin_answer(session, VS_STATUS_OK)->outcome = VS_OUTCOME_RELEASED;
		vsp_session_set_result(session, VS_OUTCOME_RELEASED, VS_REASON_NONE);
	}
}

/* Was what is granted, or is being prepared, asked for before the open call? */
static bool is_crossed(const struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;

	if (session->pending)
		return !session->pending_called;
	return preparation->next && !preparation->dropped && !preparation->called;
}

static void do_actions(struct vsp_session *session, u32 actions)
{
	if (actions & VSP_DO_DROP_PENDING)
		vsp_session_drop_pending(session);
	if ((actions & VSP_DO_DROP_CROSSED) && is_crossed(session))
		vsp_session_drop_pending(session);
	if (actions & VSP_DO_COMMIT)
		commit_pending(session);
	if (actions & VSP_DO_START_FALLBACK)
		start_fallback(session);
	if (actions & VSP_DO_SETTLE)
		vsp_session_settle(session);
	if (actions & VSP_DO_OPEN_EPOCH)
		open_epoch(session);
	if (actions & VSP_DO_HOLD)
		hold_contract(session);
	if (actions & VSP_DO_FORGET)
		forget_contracts(session);
	if (actions & VSP_DO_ANSWER)
		answer_message(session);
	if (actions & VSP_DO_REFUSE)
		vsp_session_begin_answer(session, VS_STATUS_UNEXPECTED);
	if (actions & VSP_DO_STALE)
		vsp_session_begin_answer(session, session->message.contract == session->expired_id ?
			     VS_STATUS_EXPIRED : VS_STATUS_STALE);
	if (actions & VSP_DO_CALL)
		send_call(session);
	if (actions & VSP_DO_TELL)
		tell_client(session);
	if (actions & VSP_DO_CALL_ANEW)
		session->call_anew = true;	/* the answer goes first */
}

/**
 * vsp_session_event() - one step of the machine
 * @session: of an enabled service
 * @event: what has happened; the message of it, if any, is session->message
 *
 * An answer, where the step makes one, is left in session->answer.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_event(struct vsp_session *session, enum vsp_event event)
{
	enum vs_state from = session->state;
	struct vs_step step = vs_states_provider(from, event);

	spin_lock(&session->view_lock);
	session->state = step.next;
	spin_unlock(&session->view_lock);
	if (step.next != from)
		trace_vsp_state(session->service->name, from, event, step.next);
	do_actions(session, step.actions);
	if (step.next != from)
		vsp_sysfs_changed(session->service, VSP_CHANGE_STATE);
}

static enum vsp_event start_event(const struct vsp_session *session, u64 running)
{
	u64 id = session->message.contract;

	if (session->pending && id == session->pending->id)
		return session->call.open && !session->pending_called ?
			VSP_EVENT_START_CROSSED : VSP_EVENT_START;
	/* A grant to keep what runs has its id, and expires as any other. */
	if (id && id == running && id != session->expired_id)
		return VSP_EVENT_START_AGAIN;
	return running && !session->call.open ? VSP_EVENT_START_STALE : VSP_EVENT_START_OTHER;
}

/* A well-formed message: which event is it?  Anything else is answered here. */
static void session_take_message(struct vsp_session *session)
{
	const struct vs_message *message = &session->message;

	if (message->type == VS_WIRE_INITIALIZE) {
		if (message->version_min > VS_WIRE_VERSION_MAX ||
		    message->version_max < VS_WIRE_VERSION_MIN) {
			vsp_session_begin_answer(session, VS_STATUS_VERSION);
			return;
		}
		vsp_session_event(session, VSP_EVENT_INITIALIZE);
		answer_initialize(session);
		vsp_session_event(session, VSP_EVENT_ANSWERED);
	} else if (session->state != VS_STATE_START && message->epoch != session->epoch) {
		vsp_session_begin_answer(session, VS_STATUS_EPOCH);
	} else if (message->type == VS_WIRE_START) {
		vsp_session_event(session, start_event(session, in_force_id(session)));
	} else if (message->flags & VS_REQUEST_KEEP) {
		vsp_session_event(session, VSP_EVENT_ASK);
	} else if (!message->terms.count) {
		vsp_session_event(session, VSP_EVENT_RELEASE);
	} else if (vs_terms_check_ask(session->service->spec, &message->terms)) {
		session->service->counters.malformed++;
		vsp_session_begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		vsp_session_event(session, VSP_EVENT_ASK);
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

	if (session->answer.status == VS_STATUS_OK) {
		session->bad = 0;
		return;
	}
	if (session->answer.status == VS_STATUS_UNEXPECTED ||
	    session->answer.status == VS_STATUS_EPOCH)
		service->counters.unexpected++;
	if (++session->bad < VSP_BAD_MESSAGES_MAX)
		return;
	session->bad = 0;
	vsp_warn_limited(service, "service %s: %u bad messages in a row, the session ends\n",
			 service->name, VSP_BAD_MESSAGES_MAX);
	vsp_session_event(session, VSP_EVENT_BROKEN);
}

/*
 * A contract that was granted before the open call has started: the call is about that
 * now, and so is what the deadline brings.  The deadline stays.
 */
static void call_anew(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *fallback = NULL;

	session->call_anew = false;
	if (!session->call.open || session->withdrawn)
		return;
	vsp_pool_fallback(service, &vsp_session_in_force(session)->terms, &session->scratch);
	if (vs_terms_equal(&session->scratch, &vsp_session_in_force(session)->terms)) {
		vsp_session_settle(session);
	} else {
		if (session->scratch.count)
			fallback = vsp_session_new_contract(session, ++session->next_id,
							    &session->scratch);
		/* Without memory, as without anything that is left: a withdrawal. */
		vsp_session_free_contract(session->call.fallback);
		session->call.fallback = fallback;
		vsp_session_recharge(session);
	}
	session->unanswered = true;
	send_call(session);
}

/**
 * vsp_session_send_answer() - send session->answer
 * @session: of an enabled service; session->bytes is used
 * @slot: of the message that it answers
 * @generation: of the rings that this came from
 *
 * Context: the service's work.
 */
void vsp_session_send_answer(struct vsp_session *session, unsigned int slot, u32 generation)
{
	size_t length;

	trace_vsp_message(session->service->name, true, &session->answer);
	length = vs_wire_encode(&session->answer, session->bytes, sizeof(session->bytes));
	vsp_service_answer(session, slot, generation, session->bytes, length);
}

/**
 * vsp_session_message() - take one message and answer it, at once or when it is prepared
 * @session: session->bytes holds the message
 * @slot: for the answer
 * @generation: of the rings that it came from
 * @length: bytes of it
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_message(struct vsp_session *session, unsigned int slot, u32 generation,
			 size_t length)
{
	struct vsp_service *service = session->service;
	struct vs_message *message = &session->message;
	int error = vs_wire_decode(message, session->bytes, length);

	session->message_slot = slot;
	session->message_generation = generation;
	session->answer_later = false;
	if (error || !from_client(message->type)) {
		service->counters.malformed++;
		vsp_warn_limited(service,
				 "service %s: malformed message of %zu bytes refused (%d)\n",
				 service->name, length, error);
		if (!from_client(message->type))
			message->type = VS_WIRE_START;	/* the shortest answer */
		trace_vsp_message(service->name, false, message);
		vsp_session_begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		trace_vsp_message(service->name, false, message);
		service->counters.messages++;
		session_take_message(session);
	}
	if (!session->answer_later) {
		vsp_session_send_answer(session, slot, generation);
		judge_message(session);
	}
	if (session->call_anew)
		call_anew(session);
	if (session->invite_later && session->state == VS_STATE_RUNNING)
		vsp_session_invite(session);
}

/*
 * Makes a call, in place of one that is open; @fallback is the session's from here. Only the
 * administrator puts off a deadline: what a source or a pool says again and again must not.
 */
static void make_call(struct vsp_session *session, u32 reason, struct vsp_contract *fallback)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), session->service->deadline_ms);

	if (session->call.open && (reason == VS_REASON_CAPACITY || reason == VS_REASON_SOURCE))
		deadline = min(deadline, session->call.deadline);
	vsp_session_settle(session);
	spin_lock(&session->view_lock);
	session->call.open = true;
	session->call.reason = reason;
	session->call.fallback = fallback;
	session->call.deadline = deadline;
	spin_unlock(&session->view_lock);
	/* Whatever is pending, or is being prepared, was asked for before this call. */
	session->pending_called = false;
	session->preparation.called = false;
	session->unanswered = true;
	set_reason(session, reason);
	vsp_session_recharge(session);
}

static void open_call(struct vsp_session *session, u32 reason, struct vsp_contract *fallback)
{
	make_call(session, reason, fallback);
	vsp_session_event(session, VSP_EVENT_CALL);
}

/**
 * vsp_session_open_invitation() - a call without a deadline
 * @session: of an enabled service; an open call stays open
 * @reason: enum vs_wire_reason
 *
 * Context: the service's work.
 */
void vsp_session_open_invitation(struct vsp_session *session, u32 reason)
{
	session->unanswered = true;
	set_reason(session, reason);
	vsp_session_event(session, VSP_EVENT_INVITE);
}

/* What is granted and not started does not come into force without a call any more. */
static void invite_anew(struct vsp_session *session, u32 reason)
{
	const struct vsp_contract *next = session->pending ?: session->preparation.next;

	if (next && !vsp_pool_holds(session->service, &next->terms))
		vsp_session_drop_pending(session);
	vsp_session_open_invitation(session, reason);
}

/* The pool says the same once more: the deadline that was set for it stays. */
static bool called_already(const struct vsp_session *session, u32 reason)
{
	const struct vsp_call *open = &session->call;

	if (!open->open || open->reason != reason || reason != VS_REASON_CAPACITY)
		return false;
	return open->fallback ? vs_terms_equal(&open->fallback->terms, &session->scratch) :
				!session->scratch.count;
}

/**
 * vsp_session_renegotiate() - call for a new contract
 * @session: of an enabled service
 * @reason: enum vs_wire_reason
 *
 * What would be less than now comes with a deadline and a fallback; if nothing
 * would be, the call is an invitation.  The pool (VS_REASON_CAPACITY) ends no withdrawal,
 * and does not call for the same twice.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_renegotiate(struct vsp_session *session, u32 reason)
{
	struct vsp_contract *running = vsp_session_in_force(session) ?: session->held;
	struct vsp_contract *fallback;

	/* What an administrator has taken back, the pool does not give. */
	if (session->closing || (session->withdrawn && reason == VS_REASON_CAPACITY))
		return;
	session->withdrawn = false;
	if (!running)
		return invite_anew(session, reason);
	vsp_pool_fallback(session->service, &running->terms, &session->scratch);
	if (called_already(session, reason))
		return;
	if (vs_terms_equal(&session->scratch, &running->terms)) {
		vsp_session_settle(session);
		return invite_anew(session, reason);
	}
	/* Nothing that is left could be a contract: a withdrawal, but new asks are heard. */
	if (!session->scratch.count)
		return open_call(session, reason, NULL);
	fallback = vsp_session_new_contract(session, ++session->next_id, &session->scratch);
	if (!fallback) {
		pr_err("service %s: no memory for a call, nothing has changed\n",
		       session->service->name);
		return;
	}
	open_call(session, reason, fallback);
}

/**
 * vsp_session_withdraw() - take the contract back at the deadline
 * @session: of an enabled service
 *
 * Nothing is granted from here to the next renegotiation.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_withdraw(struct vsp_session *session)
{
	session->withdrawn = true;
	vsp_session_drop_pending(session);
	if (vsp_session_in_force(session) || session->held)
		open_call(session, VS_REASON_WITHDRAWN, NULL);
	else
		vsp_session_open_invitation(session, VS_REASON_WITHDRAWN);
}

/**
 * vsp_session_source_gone() - is there nothing left that a contract could be made of?
 * @session: of an enabled service; session->scratch is used
 *
 * Context: the service's work.
 */
bool vsp_session_source_gone(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	vs_terms_unlimited(service->spec, &session->scratch);
	service->class->limits(service, &session->scratch);
	return !vs_terms_possible(service->spec, &session->scratch);
}

/* There is nothing left to wait a deadline for: the client hears of it when it is done. */
static void withdraw_at_once(struct vsp_session *session)
{
	vsp_session_drop_pending(session);
	if (!vsp_session_in_force(session) && !session->held)
		return;
	make_call(session, VS_REASON_SOURCE, NULL);
	vsp_session_event(session, VSP_EVENT_DEADLINE);
}

/**
 * vsp_session_changed() - its source can do other things than before, or is gone
 * @session: of an enabled service
 *
 * Of a source that is gone nothing stays in force.  Else it is a renegotiation, but for
 * a service whose contract the administrator has withdrawn.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_changed(struct vsp_session *session)
{
	if (vsp_session_source_gone(session))
		withdraw_at_once(session);
	else if (!session->withdrawn)
		vsp_session_renegotiate(session, VS_REASON_SOURCE);
}

/**
 * vsp_session_expire() - handle deadlines and leases that have come
 * @session: of an enabled service
 *
 * Context: the service's work. May sleep.
 * Return: when to look again; KTIME_MAX if there is nothing to wait for.
 */
ktime_t vsp_session_expire(struct vsp_session *session)
{
	ktime_t now = ktime_get();
	ktime_t next = KTIME_MAX;

	if (session->call.open && ktime_compare(session->call.deadline, now) <= 0)
		vsp_session_event(session, VSP_EVENT_DEADLINE);
	if (session->pending && ktime_compare(session->pending_expires, now) <= 0) {
		session->service->counters.leases++;
		vsp_session_event(session, VSP_EVENT_GRANT_LEASE);
	}
	if (session->held && ktime_compare(session->held_expires, now) <= 0) {
		session->service->counters.leases++;
		vsp_session_event(session, VSP_EVENT_HELD_LEASE);
	}
	if (session->call.open)
		next = min(next, session->call.deadline);
	if (session->pending)
		next = min(next, session->pending_expires);
	if (session->held)
		next = min(next, session->held_expires);
	return next;
}

/**
 * vsp_session_close() - give everything back, grant nothing any more
 * @session: its work does not run any more, or is what calls
 *
 * What is KEPT stays charged; see vsp_pool_charge().
 */
void vsp_session_close(struct vsp_session *session)
{
	session->closing = true;
	session->withdrawn = true;
	vsp_session_drop_pending(session);
	vsp_session_settle(session);
	forget_contracts(session);
}
