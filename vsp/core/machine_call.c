// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the provider: for another contract, with a deadline and what starts at it,
 * or an invitation without either.  All of it runs in the service's work.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "channel/host/channel.h"
#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/trace.h"
#include "vsp/pool/pool.h"

/**
 * vsp_machine_settle() - the open call is over
 * @session: of an enabled service; without a call nothing happens
 *
 * Context: the service's work.
 */
void vsp_machine_settle(struct vsp_session *session)
{
	if (!session->call.open)
		return;
	spin_lock(&session->view_lock);
	session->call.open = false;
	spin_unlock(&session->view_lock);
	vsp_machine_free_contract(session->call.fallback);
	session->call.fallback = NULL;
	vsp_machine_recharge(session);
}

/**
 * vsp_machine_send_call() - write the call, or what the client is to be told, into the channel
 * @session: of an enabled service; if the client has answered nothing happens
 *
 * Context: the service's work.
 */
void vsp_machine_send_call(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vs_message *message = &session->round.answer;
	const struct vsp_call *open = &session->call;
	size_t length;
	s64 left;

	if (!session->call.unanswered)
		return;
	memset(message, 0, sizeof(*message));
	message->type = VS_WIRE_INITIALIZE;
	message->epoch = session->epoch;
	message->contract = vsp_machine_in_force_id(session);
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
	length = vs_wire_encode(message, session->round.bytes, sizeof(session->round.bytes));
	vsp_channel_call(service->device.channel, session->round.bytes, length);
}

/**
 * vsp_machine_tell() - tell the client what has come into force without it
 * @session: of an enabled service
 *
 * Context: the service's work.
 */
void vsp_machine_tell(struct vsp_session *session)
{
	vsp_machine_set_reason(session, vsp_machine_in_force(session) ? VS_REASON_FALLBACK :
									session->call.reason);
	session->call.unanswered = true;
	vsp_machine_send_call(session);
}

/**
 * vsp_machine_call_anew() - make the open call about what was just started
 * @session: of an enabled service
 *
 * A contract that was granted before the open call has started: the call is about that
 * now, and so is what the deadline brings.  The deadline stays.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_call_anew(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *fallback = NULL;

	session->call.anew = false;
	if (!session->call.open || session->stop.withdrawn)
		return;
	vsp_pool_fallback(&service->member, &vsp_machine_in_force(session)->terms,
			  &session->round.scratch);
	if (vs_terms_equal(&session->round.scratch, &vsp_machine_in_force(session)->terms)) {
		vsp_machine_settle(session);
	} else {
		if (session->round.scratch.count)
			fallback = vsp_machine_new_contract(session, ++session->grant.next_id,
							    &session->round.scratch);
		/* Without memory, as without anything that is left: a withdrawal. */
		vsp_machine_free_contract(session->call.fallback);
		session->call.fallback = fallback;
		vsp_machine_recharge(session);
	}
	session->call.unanswered = true;
	vsp_machine_send_call(session);
}

/*
 * Makes a call, in place of one that is open; @fallback is the session's from here. Only the
 * administrator puts off a deadline: what a source or a pool says again and again must not.
 */
static void make_call(struct vsp_session *session, u32 reason, struct vsp_contract *fallback)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), session->service->settings.deadline_ms);

	if (session->call.open && (reason == VS_REASON_CAPACITY || reason == VS_REASON_SOURCE))
		deadline = min(deadline, session->call.deadline);
	vsp_machine_settle(session);
	spin_lock(&session->view_lock);
	session->call.open = true;
	session->call.reason = reason;
	session->call.fallback = fallback;
	session->call.deadline = deadline;
	spin_unlock(&session->view_lock);
	/* Whatever is pending, or is being prepared, was asked for before this call. */
	session->grant.called = false;
	session->preparation.called = false;
	session->call.unanswered = true;
	vsp_machine_set_reason(session, reason);
	vsp_machine_recharge(session);
}

static void open_call(struct vsp_session *session, u32 reason, struct vsp_contract *fallback)
{
	make_call(session, reason, fallback);
	vsp_machine_event(session, VSP_EVENT_CALL);
}

/**
 * vsp_machine_open_invitation() - a call without a deadline
 * @session: of an enabled service; an open call stays open
 * @reason: enum vs_wire_reason
 *
 * Context: the service's work.
 */
void vsp_machine_open_invitation(struct vsp_session *session, u32 reason)
{
	session->call.unanswered = true;
	vsp_machine_set_reason(session, reason);
	vsp_machine_event(session, VSP_EVENT_INVITE);
}

/* Calls without a deadline. A grant that is not started, and does not fit any more, is dropped. */
static void invite_anew(struct vsp_session *session, u32 reason)
{
	const struct vsp_contract *next = session->grant.pending ?: session->preparation.next;

	if (next && !vsp_pool_holds(&session->service->member, &next->terms))
		vsp_machine_drop_pending(session);
	vsp_machine_open_invitation(session, reason);
}

/* The open call says the same already, so the deadline that it has set stays. */
static bool called_already(const struct vsp_session *session, u32 reason)
{
	const struct vsp_call *open = &session->call;

	if (!open->open || open->reason != reason || reason != VS_REASON_CAPACITY)
		return false;
	return open->fallback ? vs_terms_equal(&open->fallback->terms, &session->round.scratch) :
				!session->round.scratch.count;
}

/**
 * vsp_machine_renegotiate() - call for a new contract
 * @session: of an enabled service
 * @reason: enum vs_wire_reason
 *
 * If the client would have less than now, the call has a deadline and a fallback; otherwise it is
 * an invitation.  A call of the pool (VS_REASON_CAPACITY) does not end a withdrawal, and is not
 * made twice for the same fallback.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_renegotiate(struct vsp_session *session, u32 reason)
{
	struct vsp_contract *running = vsp_machine_in_force(session) ?: session->held.contract;
	struct vsp_contract *fallback;

	/* The pool does not undo a withdrawal of the administrator. */
	if (session->stop.closing || (session->stop.withdrawn && reason == VS_REASON_CAPACITY))
		return;
	session->stop.withdrawn = false;
	if (!running)
		return invite_anew(session, reason);
	vsp_pool_fallback(&session->service->member, &running->terms, &session->round.scratch);
	if (called_already(session, reason))
		return;
	if (vs_terms_equal(&session->round.scratch, &running->terms)) {
		vsp_machine_settle(session);
		return invite_anew(session, reason);
	}
	/* Nothing that is left could be a contract: a withdrawal, but new asks are heard. */
	if (!session->round.scratch.count)
		return open_call(session, reason, NULL);
	fallback = vsp_machine_new_contract(session, ++session->grant.next_id,
					    &session->round.scratch);
	if (!fallback) {
		pr_err("service %s: no memory for a call, nothing has changed\n",
		       session->service->name);
		return;
	}
	open_call(session, reason, fallback);
}

/**
 * vsp_machine_withdraw() - take the contract back at the deadline
 * @session: of an enabled service
 *
 * Nothing is granted from here to the next renegotiation.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_withdraw(struct vsp_session *session)
{
	session->stop.withdrawn = true;
	vsp_machine_drop_pending(session);
	if (vsp_machine_in_force(session) || session->held.contract)
		open_call(session, VS_REASON_WITHDRAWN, NULL);
	else
		vsp_machine_open_invitation(session, VS_REASON_WITHDRAWN);
}

/* There is nothing left to wait a deadline for: the client hears of it when it is done. */
static void withdraw_at_once(struct vsp_session *session)
{
	vsp_machine_drop_pending(session);
	if (!vsp_machine_in_force(session) && !session->held.contract)
		return;
	make_call(session, VS_REASON_SOURCE, NULL);
	vsp_machine_event(session, VSP_EVENT_DEADLINE);
}

/**
 * vsp_machine_changed() - its source can do other things than before, or is gone
 * @session: of an enabled service
 *
 * Of a source that is gone nothing stays in force.  Else it is a renegotiation, but for
 * a service whose contract the administrator has withdrawn.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_changed(struct vsp_session *session)
{
	if (vsp_machine_source_gone(session))
		withdraw_at_once(session);
	else if (!session->stop.withdrawn)
		vsp_machine_renegotiate(session, VS_REASON_SOURCE);
}
