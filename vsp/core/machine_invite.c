// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invitations: the provider calls a client when there is more for it, if its last ask was denied,
 * or would have taken more than its contract has.  A call costs both sides a negotiation, so
 * a client is not called without a gain, nor twice for the same offer.
 */
#include "vs_class.h"
#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/pool/pool.h"

/* A gain below this part of what is wanted does not count, unless it completes what is wanted. */
#define GAIN_PART	64

static bool is_gain(u64 have, u64 now, u64 wanted)
{
	return now > have && (now >= wanted || now - have >= wanted / GAIN_PART);
}

static bool is_counted(const struct vs_term_spec *term)
{
	return term->kind == VS_KIND_RATE || term->kind == VS_KIND_SPACE;
}

/* Is @now more than @have in some term, and less in none? */
static bool is_better(const struct vs_class_spec *spec, const struct vs_terms *have,
		      const struct vs_terms *now, const struct vs_terms *wanted)
{
	bool better = false;

	for (u32 i = 0; i < spec->count; i++) {
		const struct vs_term *a = &have->term[i], *b = &now->term[i];

		if (!is_counted(&spec->term[i]))
			continue;
		if (b->low < a->low || b->high < a->high)
			return false;
		better |= is_gain(a->low, b->low, wanted->term[i].low) ||
			  is_gain(a->high, b->high, wanted->term[i].high);
	}
	return better;
}

/* Would the client, if it asked again, have more than its contract says? */
static bool gets_more(struct vsp_session *session, const struct vs_terms *running)
{
	const struct vs_class_spec *spec = session->service->spec;
	struct vs_terms *scratch = &session->round.scratch;
	struct vs_terms *choice = &session->round.choice;
	struct vs_terms *told = &session->invitation.told;
	u16 term;

	if (vs_terms_choose(spec, &session->asked, scratch, choice, &term))
		return false;
	vsp_pool_wanted(&session->service->member, &session->asked, scratch);
	if (!is_better(spec, running, choice, scratch))
		return false;
	/* The client was called for as much before, and did not take it. */
	if (told->count && !is_better(spec, told, choice, scratch))
		return false;
	*told = *choice;
	return true;
}

/* Is the open call for less than the contract has, though the pool has room for all of it again? */
static bool call_is_over(struct vsp_session *session)
{
	const struct vsp_contract *held = session->held.contract;
	const struct vsp_contract *running = vsp_machine_in_force(session) ?: held;

	if (!session->call.open || session->call.reason != VS_REASON_CAPACITY || !running)
		return false;
	vsp_pool_fallback(&session->service->member, &running->terms, &session->round.scratch);
	return vs_terms_equal(&session->round.scratch, &running->terms);
}

/**
 * vsp_machine_invite() - there may be more than when the last ask was answered
 * @session: of an enabled service
 *
 * Calls only if that ask was denied and would be granted now, or would now take more than the
 * contract in force has. During a negotiation, the call waits for the end of it.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_invite(struct vsp_session *session)
{
	const struct vsp_contract *running = vsp_machine_in_force(session);
	u32 reason;
	u16 term;

	session->invitation.later = false;
	if (session->stop.withdrawn)
		return;
	if (call_is_over(session)) {
		vsp_machine_settle(session);
		return vsp_machine_open_invitation(session, VS_REASON_MORE);
	}
	if (!session->asked.count ||
	    vsp_pool_offer(&session->service->member, &session->asked, &session->round.scratch,
			   &term, &reason))
		return;
	if (!session->invitation.denied) {
		session->invitation.later = session->state != VS_STATE_RUNNING;
		if (session->invitation.later || !running || !gets_more(session, &running->terms))
			return;
	}
	session->invitation.denied = false;
	/* A call that is open is made once more: a client that answers it gets an offer anyway. */
	if (session->call.open) {
		session->call.unanswered = true;
		vsp_machine_event(session, VSP_EVENT_INVITE);
		return;
	}
	vsp_machine_open_invitation(session, VS_REASON_MORE);
}
