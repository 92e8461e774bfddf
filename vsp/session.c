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

#include "session.h"
#include "trace.h"

#define SETS_MAX 4	/* in force, held, pending, fallback */

static struct vsp_contract *in_force(struct vsp_session *session)
{
	return rcu_dereference_protected(session->service->in_force, true);
}

static u64 in_force_id(struct vsp_session *session)
{
	struct vsp_contract *contract = in_force(session);

	return contract ? contract->id : 0;
}

/* What the pool has to be charged for: the most of these, term by term. */
static unsigned int charged_sets(struct vsp_session *session, const struct vs_terms **sets)
{
	unsigned int count = 0;

	if (in_force(session))
		sets[count++] = &in_force(session)->terms;
	if (session->held)
		sets[count++] = &session->held->terms;
	if (session->pending)
		sets[count++] = &session->pending->terms;
	if (session->call.open && session->call.fallback)
		sets[count++] = &session->call.fallback->terms;
	return count;
}

static void recharge(struct vsp_session *session)
{
	const struct vs_terms *sets[SETS_MAX];
	unsigned int count = charged_sets(session, sets);

	vsp_pool_charge(session->service, sets, count);
}

static struct vsp_contract *new_contract(struct vsp_session *session, u64 id,
					 const struct vs_terms *terms)
{
	struct vsp_contract *contract = kzalloc(sizeof(*contract), GFP_KERNEL);

	if (!contract)
		return NULL;
	contract->id = id;
	contract->terms = *terms;
	return contract;
}

static void set_result(struct vsp_session *session, u32 outcome, u32 reason)
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
}

static void free_contract(struct vsp_contract *contract)
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
	struct vsp_contract *old = in_force(session);

	service->class->commit(service, next);
	rcu_assign_pointer(service->in_force, next);
	return old;
}

static struct vsp_contract *set_pending(struct vsp_session *session, struct vsp_contract *next)
{
	struct vsp_contract *old = session->pending;

	spin_lock(&session->view_lock);
	session->pending = next;
	spin_unlock(&session->view_lock);
	return old;
}

/* Of grants. */
static u32 lease_ms(const struct vsp_session *session)
{
	return max_t(u32, session->service->lease_ms, VSP_GRANT_LEASE_MIN_MS);
}

static void drop_pending(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = set_pending(session, NULL);

	if (!pending)
		return;
	if (pending->id != in_force_id(session)) {
		service->class->abort(service, pending);
		session->expired_id = pending->id;
		/* Else one that never starts could keep others from it for ever. */
		if (++session->unstarted >= VSP_UNSTARTED_MAX)
			session->grant_after = ktime_add_ms(ktime_get(), lease_ms(session));
	}
	free_contract(pending);
	recharge(session);
}

static void commit(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = set_pending(session, NULL);

	if (pending->id == in_force_id(session)) {
		free_contract(pending);		/* kept: it never stopped being in force */
	} else {
		session->denied = false;
		session->unstarted = 0;
		if (in_force(session))
			service->counters.renegotiations++;
		free_contract(put_in_force(session, pending));
		free_contract(session->held);
		session->held = NULL;
	}
	recharge(session);
	set_result(session, VS_OUTCOME_GRANT, VS_REASON_NONE);
	vsp_sysfs_changed(service, "contract");
}

static void settle(struct vsp_session *session)
{
	if (!session->call.open)
		return;
	spin_lock(&session->view_lock);
	session->call.open = false;
	spin_unlock(&session->view_lock);
	free_contract(session->call.fallback);
	session->call.fallback = NULL;
	recharge(session);
}

/*
 * At the deadline.  Without a session what is held becomes the fallback instead;
 * where there was nothing at all, nothing comes of it.
 */
static void start_fallback(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *fallback = session->call.fallback;

	if (!session->call.open || (!in_force(session) && !session->held))
		return;
	session->call.fallback = NULL;
	if (fallback)
		service->counters.fallbacks++;
	else
		service->counters.withdrawals++;
	if (in_force(session)) {
		free_contract(put_in_force(session, fallback));
	} else {
		free_contract(session->held);
		session->held = fallback;
	}
	recharge(session);
	set_result(session, fallback ? VS_OUTCOME_GRANT : VS_OUTCOME_RELEASED,
		   fallback ? VS_REASON_FALLBACK : VS_REASON_WITHDRAWN);
	pr_info("service %s: contract %s at its deadline\n", service->name,
		fallback ? "changed" : "withdrawn");
	vsp_sysfs_changed(service, fallback ? "fallback" : "withdrawn");
}

/* Its driver is gone: what was in force stays charged for the time of the lease. */
static void hold(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *old;

	if (!in_force(session))
		return;
	old = put_in_force(session, NULL);
	free_contract(session->held);
	session->held = old;
	session->held_expires = ktime_add_ms(ktime_get(), service->lease_ms);
	/* Nobody escapes a withdrawal's deadline by a reset. */
	if (session->withdrawn)
		session->held_expires = min(session->held_expires, session->call.deadline);
	recharge(session);
	vsp_sysfs_changed(service, "held");
}

static void forget(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	if (!in_force(session) && !session->held)
		return;
	if (in_force(session))
		free_contract(put_in_force(session, NULL));
	free_contract(session->held);
	session->held = NULL;
	recharge(session);
	vsp_sysfs_changed(service, "released");
}

static void open_epoch(struct vsp_session *session)
{
	spin_lock(&session->view_lock);
	session->epoch = session->message.epoch;
	session->reason = session->message.reason;
	spin_unlock(&session->view_lock);
	session->rounds = 0;
	session->unanswered = false;
}

/* Writes the call, or what the client has to be told, into the channel. */
static void call(struct vsp_session *session)
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

static void tell(struct vsp_session *session)
{
	set_reason(session, session->call.reason == VS_REASON_WITHDRAWN ?
		   VS_REASON_WITHDRAWN : VS_REASON_FALLBACK);
	session->unanswered = true;
	call(session);
}

/* An answer with nothing in it but what every answer carries. */
static struct vs_message *begin_answer(struct vsp_session *session, u32 status)
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

static void deny(struct vsp_session *session, u32 reason, u16 term, u32 retry_ms)
{
	struct vsp_service *service = session->service;
	struct vs_message *answer = begin_answer(session, VS_STATUS_OK);

	answer->outcome = VS_OUTCOME_DENY;
	answer->reason = reason;
	answer->term = term;
	answer->retry_ms = retry_ms;
	answer->terms = session->offered;
	session->denied |= reason == VS_REASON_POOL || reason == VS_REASON_LIMIT;
	service->counters.denials++;
	set_result(session, VS_OUTCOME_DENY, reason);
	vsp_sysfs_changed(service, "denied");
}

static void grant(struct vsp_session *session, struct vsp_contract *contract)
{
	struct vsp_service *service = session->service;
	struct vs_message *answer = begin_answer(session, VS_STATUS_OK);

	set_pending(session, contract);
	session->pending_called = session->call.open;
	session->pending_expires = ktime_add_ms(ktime_get(), lease_ms(session));
	service->counters.grants++;
	answer->outcome = VS_OUTCOME_GRANT;
	answer->granted = contract->id;
	answer->lease_ms = lease_ms(session);
	answer->terms = contract->terms;
}

/* What the source can do may have changed since the contract was made. */
static bool source_can(struct vsp_session *session, const struct vs_terms *terms)
{
	struct vsp_service *service = session->service;
	struct vs_terms *limits = &session->scratch;

	vs_terms_unlimited(service->spec, limits);
	service->class->limits(service, limits);
	for (u32 i = 0; i < service->spec->count; i++)
		if (service->spec->term[i].kind == VS_KIND_SET &&
		    (terms->term[i].low & ~limits->term[i].high))
			return false;
	return true;
}

/* The pool must still hold what is to be kept; limits that have changed need not. */
static bool pool_holds(struct vsp_service *service, const struct vs_terms *terms)
{
	const struct vs_class_spec *spec = service->spec;

	for (u32 i = 0; i < spec->count; i++) {
		if (vsp_pool_deficit(service->pool, i))
			return false;
		if (spec->term[i].kind == VS_KIND_RATE &&
		    terms->term[i].high > READ_ONCE(service->pool->capacity[i]))
			return false;
	}
	return true;
}

static void keep(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *running = in_force(session);
	struct vsp_contract *copy;

	if (!running || running->id != session->message.contract)
		return deny(session, VS_REASON_CHANGED, 0, 0);
	if (session->call.open && !service->keep)
		return deny(session, VS_REASON_LIMIT, 0, 0);
	if (!source_can(session, &running->terms))
		return deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	if (!pool_holds(service, &running->terms))
		return deny(session, VS_REASON_CAPACITY, 0, 0);
	drop_pending(session);
	copy = new_contract(session, running->id, &running->terms);
	if (!copy)
		return deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	grant(session, copy);
}

/* Does @offer have all of @ask, the most of every term included? */
static bool offers_all(const struct vs_class_spec *spec, const struct vs_terms *ask,
		       const struct vs_terms *offer)
{
	for (u32 i = 0; i < spec->count; i++) {
		if (spec->term[i].kind == VS_KIND_SET) {
			if (ask->term[i].high & ~offer->term[i].high)
				return false;
		} else if (ask->term[i].high > offer->term[i].high) {
			return false;
		}
	}
	return true;
}

static void offer(struct vsp_session *session)
{
	struct vs_message *answer = begin_answer(session, VS_STATUS_OK);

	answer->outcome = VS_OUTCOME_OFFER;
	answer->terms = session->offered;
}

/*
 * What was chosen is there no more: others were faster.  The client is offered what
 * there is now, if that can still do; the rounds of its epoch are the end of it.
 */
static void offer_again(struct vsp_session *session)
{
	u32 reason = VS_REASON_NONE;
	u16 term = 0;
	int error = vsp_pool_offer(session->service, &session->asked, &session->scratch, &term,
				   &reason);

	spin_lock(&session->view_lock);
	session->offered = session->scratch;
	spin_unlock(&session->view_lock);
	if (error)
		deny(session, reason, term, 0);
	else
		offer(session);
}

static void reserve(struct vsp_session *session, bool choice)
{
	struct vsp_service *service = session->service;
	const struct vs_terms *sets[SETS_MAX];
	struct vsp_contract *contract;
	unsigned int count;
	u32 reason = 0;
	u16 term = 0;
	int error;

	drop_pending(session);
	if (ktime_before(ktime_get(), session->grant_after))
		return deny(session, VS_REASON_ROUNDS, 0,
			    ktime_ms_delta(session->grant_after, ktime_get()) + 1);
	contract = new_contract(session, ++session->next_id, &session->message.terms);
	if (!contract)
		return deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	count = charged_sets(session, sets);
	error = vsp_pool_reserve(service, &session->message.terms, sets, count,
				 &contract->terms, &term, &reason);
	if (error) {
		free_contract(contract);
		return choice ? offer_again(session) : deny(session, reason, term, 0);
	}
	error = service->class->prepare(service, in_force(session), contract);
	if (error) {
		vsp_warn_limited(service, "service %s: source refuses contract %llu (%d)\n",
				 service->name, contract->id, error);
		free_contract(contract);
		recharge(session);
		return deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	}
	grant(session, contract);
}

static void ask(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	u32 flags = session->message.flags;
	const struct vs_terms *terms = flags & VS_REQUEST_KEEP ? NULL : &session->message.terms;
	/* The first ask of an epoch, or of all, has no offer to choose from. */
	bool choice = flags & VS_REQUEST_CHOICE && session->rounds && session->asked.count;
	u32 reason = VS_REASON_NONE;
	u16 term = 0;
	int error;

	error = vsp_pool_offer(service, terms, &session->scratch, &term, &reason);
	spin_lock(&session->view_lock);
	session->offered = session->scratch;
	if (terms && !choice)
		session->asked = *terms;
	spin_unlock(&session->view_lock);

	if (++session->rounds > VSP_ROUNDS_MAX)
		return deny(session, VS_REASON_ROUNDS, 0, VSP_RETRY_ROUNDS_MS);
	if (session->withdrawn)
		return deny(session, VS_REASON_WITHDRAWN, 0, 0);
	if (!terms)
		return keep(session);
	if (error)
		return choice ? offer_again(session) : deny(session, reason, term, 0);
	if (choice ||
	    ((flags & VS_REQUEST_ALL) && offers_all(service->spec, terms, &session->offered)))
		return reserve(session, choice);
	offer(session);
}

static void answer_initialize(struct vsp_session *session)
{
	struct vs_message *answer = begin_answer(session, VS_STATUS_OK);

	answer->version_min = VS_WIRE_VERSION_MAX;
	answer->version_max = VS_WIRE_VERSION_MAX;
	if (in_force(session))
		answer->terms = in_force(session)->terms;
}

static void answer(struct vsp_session *session)
{
	if (session->message.type == VS_WIRE_START) {
		begin_answer(session, VS_STATUS_OK);
	} else if (session->message.terms.count || (session->message.flags & VS_REQUEST_KEEP)) {
		ask(session);
	} else {
		begin_answer(session, VS_STATUS_OK)->outcome = VS_OUTCOME_RELEASED;
		set_result(session, VS_OUTCOME_RELEASED, VS_REASON_NONE);
	}
}

static void do_actions(struct vsp_session *session, u32 actions)
{
	if (actions & VSP_DO_DROP_PENDING)
		drop_pending(session);
	if ((actions & VSP_DO_DROP_CROSSED) && session->pending && !session->pending_called)
		drop_pending(session);
	if (actions & VSP_DO_COMMIT)
		commit(session);
	if (actions & VSP_DO_START_FALLBACK)
		start_fallback(session);
	if (actions & VSP_DO_SETTLE)
		settle(session);
	if (actions & VSP_DO_OPEN_EPOCH)
		open_epoch(session);
	if (actions & VSP_DO_HOLD)
		hold(session);
	if (actions & VSP_DO_FORGET)
		forget(session);
	if (actions & VSP_DO_ANSWER)
		answer(session);
	if (actions & VSP_DO_REFUSE)
		begin_answer(session, VS_STATUS_UNEXPECTED);
	if (actions & VSP_DO_STALE)
		begin_answer(session, session->message.contract == session->expired_id ?
			     VS_STATUS_EXPIRED : VS_STATUS_STALE);
	if (actions & VSP_DO_CALL)
		call(session);
	if (actions & VSP_DO_TELL)
		tell(session);
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
		vsp_sysfs_changed(session->service, "state");
}

static enum vsp_event start_event(const struct vsp_session *session, u64 running)
{
	u64 id = session->message.contract;

	if (session->pending && id == session->pending->id)
		return session->call.open && !session->pending_called ?
			VSP_EVENT_START_CROSSED : VSP_EVENT_START;
	return id && id == running ? VSP_EVENT_START_AGAIN : VSP_EVENT_START_OTHER;
}

/* A well-formed message: which event is it?  Anything else is answered here. */
static void take_message(struct vsp_session *session)
{
	const struct vs_message *message = &session->message;

	if (message->type == VS_WIRE_INITIALIZE) {
		if (message->version_min > VS_WIRE_VERSION_MAX ||
		    message->version_max < VS_WIRE_VERSION_MIN) {
			begin_answer(session, VS_STATUS_VERSION);
			return;
		}
		vsp_session_event(session, VSP_EVENT_INITIALIZE);
		answer_initialize(session);
		vsp_session_event(session, VSP_EVENT_ANSWERED);
	} else if (session->state != VS_STATE_START && message->epoch != session->epoch) {
		begin_answer(session, VS_STATUS_EPOCH);
	} else if (message->type == VS_WIRE_START) {
		vsp_session_event(session, start_event(session, in_force_id(session)));
	} else if (message->flags & VS_REQUEST_KEEP) {
		vsp_session_event(session, VSP_EVENT_ASK);
	} else if (!message->terms.count) {
		vsp_session_event(session, VSP_EVENT_RELEASE);
	} else if (vs_terms_check_ask(session->service->spec, &message->terms)) {
		session->service->counters.malformed++;
		begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		vsp_session_event(session, VSP_EVENT_ASK);
	}
}

static bool from_client(u16 type)
{
	return type == VS_WIRE_INITIALIZE || type == VS_WIRE_REQUEST || type == VS_WIRE_START;
}

/* Five bad messages in a row end the session; it can start over. */
static void judge(struct vsp_session *session)
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
	vsp_pool_fallback(service, &in_force(session)->terms, &session->scratch);
	if (vs_terms_equal(&session->scratch, &in_force(session)->terms)) {
		settle(session);
	} else {
		if (session->scratch.count)
			fallback = new_contract(session, ++session->next_id, &session->scratch);
		/* Without memory, as without anything that is left: a withdrawal. */
		free_contract(session->call.fallback);
		session->call.fallback = fallback;
		recharge(session);
	}
	session->unanswered = true;
	call(session);
}

/**
 * vsp_session_message() - take one message and answer it
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

	if (error || !from_client(message->type)) {
		service->counters.malformed++;
		vsp_warn_limited(service,
				 "service %s: malformed message of %zu bytes refused (%d)\n",
				 service->name, length, error);
		if (!from_client(message->type))
			message->type = VS_WIRE_START;	/* the shortest answer */
		trace_vsp_message(service->name, false, message);
		begin_answer(session, VS_STATUS_MALFORMED);
	} else {
		trace_vsp_message(service->name, false, message);
		service->counters.messages++;
		take_message(session);
	}
	trace_vsp_message(service->name, true, &session->answer);
	length = vs_wire_encode(&session->answer, session->bytes, sizeof(session->bytes));
	vsp_service_answer(session, slot, generation, session->bytes, length);
	judge(session);
	if (session->call_anew)
		call_anew(session);
}

/* Opens a call, in place of one that is open; @fallback is the session's from here. */
static void open_call(struct vsp_session *session, u32 reason, struct vsp_contract *fallback)
{
	settle(session);
	spin_lock(&session->view_lock);
	session->call.open = true;
	session->call.reason = reason;
	session->call.fallback = fallback;
	session->call.deadline = ktime_add_ms(ktime_get(), session->service->deadline_ms);
	spin_unlock(&session->view_lock);
	session->pending_called = false;	/* whatever is pending was made before this call */
	session->unanswered = true;
	set_reason(session, reason);
	recharge(session);
	vsp_session_event(session, VSP_EVENT_CALL);
}

static void open_invitation(struct vsp_session *session, u32 reason)
{
	session->unanswered = true;
	set_reason(session, reason);
	vsp_session_event(session, VSP_EVENT_INVITE);
}

/**
 * vsp_session_renegotiate() - call for a new contract
 * @session: of an enabled service
 * @reason: enum vs_wire_reason
 *
 * What would be less than now comes with a deadline and a fallback; if nothing
 * would be, the call is an invitation.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_renegotiate(struct vsp_session *session, u32 reason)
{
	struct vsp_contract *running = in_force(session) ?: session->held;
	struct vsp_contract *fallback;

	session->withdrawn = false;
	if (!running)
		return open_invitation(session, reason);
	vsp_pool_fallback(session->service, &running->terms, &session->scratch);
	if (vs_terms_equal(&session->scratch, &running->terms)) {
		settle(session);
		return open_invitation(session, reason);
	}
	/* Nothing that is left could be a contract: a withdrawal, but new asks are heard. */
	if (!session->scratch.count)
		return open_call(session, reason, NULL);
	fallback = new_contract(session, ++session->next_id, &session->scratch);
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
	drop_pending(session);
	if (in_force(session) || session->held)
		open_call(session, VS_REASON_WITHDRAWN, NULL);
	else
		open_invitation(session, VS_REASON_WITHDRAWN);
}

/**
 * vsp_session_invite() - there may be more than when the last ask was denied
 * @session: of an enabled service
 *
 * Calls only if that ask would be granted now.
 *
 * Context: the service's work. May sleep.
 */
void vsp_session_invite(struct vsp_session *session)
{
	u32 reason;
	u16 term;

	if (!session->denied || session->withdrawn)
		return;
	if (vsp_pool_offer(session->service, &session->asked, &session->scratch, &term, &reason))
		return;
	session->denied = false;
	/* An open call says it as well: whoever answers it is offered what there is. */
	if (session->call.open) {
		session->unanswered = true;
		vsp_session_event(session, VSP_EVENT_INVITE);
		return;
	}
	open_invitation(session, VS_REASON_MORE);
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
	session->withdrawn = true;
	drop_pending(session);
	settle(session);
	forget(session);
}
