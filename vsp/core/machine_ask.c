// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the provider's machine answers an ask with: an offer, a grant, a denial.  All of it
 * runs in the service's work.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>

#include "vs_class.h"
#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/pool/pool.h"

/* A client that has a contract asks to keep it when it was denied another one: that is the end. */
static bool ask_is_final(struct vsp_session *session)
{
	return !vsp_machine_in_force(session) || session->round.message.flags & VS_REQUEST_KEEP;
}

static void ask_deny(struct vsp_session *session, u32 reason, u16 term, u32 retry_ms)
{
	struct vsp_service *service = session->service;
	struct vs_message *answer = vsp_machine_begin_answer(session, VS_STATUS_OK);

	answer->outcome = VS_OUTCOME_DENY;
	answer->reason = reason;
	answer->term = term;
	answer->retry_ms = retry_ms;
	answer->terms = session->offered;
	session->invitation.denied |= reason == VS_REASON_POOL || reason == VS_REASON_LIMIT ||
			   reason == VS_REASON_CAPACITY;
	service->counters.denials++;
	if (ask_is_final(session))
		vsp_machine_set_result(session, VS_OUTCOME_DENY, reason);
	service->files->changed(service, VSP_CHANGE_DENIED);
}

/**
 * vsp_machine_grant() - answer an ask with a contract
 * @session: session->round.message is the ask
 * @contract: charged, and all that it needs is ready; the session's from here
 * @called: it was asked for while the open call was open
 *
 * Context: the service's work.
 */
void vsp_machine_grant(struct vsp_session *session, struct vsp_contract *contract, bool called)
{
	struct vsp_service *service = session->service;
	struct vs_message *answer = vsp_machine_begin_answer(session, VS_STATUS_OK);

	vsp_machine_set_pending(session, contract);
	session->grant.called = called;
	session->grant.expires = ktime_add_ms(ktime_get(), VSP_GRANT_LEASE_MS);
	service->counters.grants++;
	answer->outcome = VS_OUTCOME_GRANT;
	answer->granted = contract->id;
	answer->lease_ms = VSP_GRANT_LEASE_MS;
	answer->terms = contract->terms;
}

/* Can the source still do what the contract says? It may have changed since that was made. */
static bool source_can(struct vsp_session *session, const struct vs_terms *terms)
{
	struct vsp_service *service = session->service;
	const struct vs_terms *limits = &session->round.scratch;

	if (vsp_machine_source_gone(session))
		return false;
	for (u32 i = 0; i < service->spec->count; i++)
		if (service->spec->term[i].kind == VS_KIND_SET &&
		    (terms->term[i].low & ~limits->term[i].high))
			return false;
	return true;
}

/* Less is there than was asked for: because of the source, or of what others have? */
static void ask_deny_short(struct vsp_session *session, u32 reason, u16 term)
{
	if (source_can(session, &session->asked))
		ask_deny(session, reason, term, 0);
	else
		ask_deny(session, VS_REASON_SOURCE, term, VSP_RETRY_SOURCE_MS);
}

static void ask_keep(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *running = vsp_machine_in_force(session);
	struct vsp_contract *copy;

	if (!running || running->id != session->round.message.contract)
		return ask_deny(session, VS_REASON_CHANGED, 0, 0);
	if (session->call.open &&
	    (!service->settings.keep || !vsp_pool_names(&service->member, &running->terms)))
		return ask_deny(session, VS_REASON_LIMIT, 0, 0);
	if (!source_can(session, &running->terms))
		return ask_deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	if (!vsp_pool_holds(&service->member, &running->terms))
		return ask_deny(session, VS_REASON_CAPACITY, 0, 0);
	vsp_machine_drop_pending(session);
	copy = vsp_machine_new_contract(session, running->id, &running->terms);
	if (!copy)
		return ask_deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	vsp_machine_grant(session, copy, session->call.open);
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

static void ask_offer(struct vsp_session *session)
{
	struct vs_message *answer = vsp_machine_begin_answer(session, VS_STATUS_OK);

	answer->outcome = VS_OUTCOME_OFFER;
	answer->terms = session->offered;
}

/*
 * What was chosen is there no more: others were faster.  The client is offered what
 * there is now, if that can still do; the rounds of its epoch are the end of it.
 */
static void ask_offer_again(struct vsp_session *session)
{
	u32 reason = VS_REASON_NONE;
	u16 term = 0;
	int error = vsp_pool_offer(&session->service->member, &session->asked,
				   &session->round.scratch, &term, &reason);

	spin_lock(&session->view_lock);
	session->offered = session->round.scratch;
	spin_unlock(&session->view_lock);
	if (error)
		ask_deny_short(session, reason, term);
	else
		ask_offer(session);
}

/**
 * vsp_machine_refuse() - answer an ask that the class could not make ready for
 * @session: session->round.message is the ask
 * @error: what the class has returned
 * @term: id of the term that it will not have, or 0
 *
 * Context: the service's work.
 */
void vsp_machine_refuse(struct vsp_session *session, int error, u16 term)
{
	struct vsp_service *service = session->service;

	if (term && error == -EPERM)
		return ask_deny(session, VS_REASON_LIMIT, term, 0);
	if (term && error == -EADDRINUSE)
		return ask_deny(session, VS_REASON_POOL, term, 0);
	if (error == -EOWNERDEAD)
		return ask_deny(session, VS_REASON_AGENT, 0, VSP_RETRY_SOURCE_MS);
	vsp_warn_limited(service, "service %s: source refuses contract %llu (%d)\n",
			 service->name, session->grant.next_id, error);
	ask_deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
}

/*
 * A contract may cost the source an allocation, and every other client of the pool a call:
 * how often is not for one client to say.  The answer to a call is not counted: it is others
 * that have led to it, and they must not use up what the client may do by itself.
 *
 * Return: ms until there may be another one, 0: now.
 */
static u32 count_change(struct vsp_session *session)
{
	ktime_t now = ktime_get();

	if (session->limits.uncounted) {
		session->limits.uncounted = false;
		return 0;
	}
	if (ktime_compare(session->limits.changes_until, now) <= 0) {
		session->limits.changes_until = ktime_add_ms(now, MSEC_PER_SEC);
		session->limits.changes = 0;
	}
	if (session->limits.changes++ < VSP_CHANGES_PER_SECOND)
		return 0;
	return ktime_ms_delta(session->limits.changes_until, now) + 1;
}

static void ask_reserve(struct vsp_session *session, bool choice)
{
	const struct vs_terms *ask = &session->round.message.terms;
	struct vsp_service *service = session->service;
	const struct vs_terms *sets[VSP_SESSION_SETS];
	struct vsp_contract *contract;
	unsigned int count;
	u32 retry_ms, reason = 0;
	u16 term = 0;
	int error;

	vsp_machine_drop_pending(session);
	/* The preparation of an earlier ask has not ended, and has to be undone first. */
	if (session->preparation.next)
		return ask_deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_ROUNDS_MS);
	if (ktime_before(ktime_get(), session->grant.after))
		return ask_deny(session, VS_REASON_ROUNDS, 0,
				ktime_ms_delta(session->grant.after, ktime_get()) + 1);
	retry_ms = count_change(session);
	if (retry_ms)
		return ask_deny(session, VS_REASON_ROUNDS, 0, retry_ms);
	contract = vsp_machine_new_contract(session, ++session->grant.next_id, ask);
	if (!contract)
		return ask_deny(session, VS_REASON_SOURCE, 0, VSP_RETRY_SOURCE_MS);
	count = vsp_machine_charged_sets(session, sets);
	error = vsp_pool_reserve(&service->member, ask, sets, count, &contract->terms, &term,
				 &reason);
	if (error) {
		vsp_machine_free_contract(contract);
		return choice ? ask_offer_again(session) : ask_deny(session, reason, term, 0);
	}
	vsp_machine_prepare(session, contract);
}

/**
 * vsp_machine_ask() - answer an ask, or the wish to keep what is in force, now or later
 * @session: session->round.message has terms, or VS_REQUEST_KEEP
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_ask(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	const struct vs_message *message = &session->round.message;
	u32 flags = message->flags;
	const struct vs_terms *terms = flags & VS_REQUEST_KEEP ? NULL : &message->terms;
	/* The first ask of an epoch, or of all, has no offer to choose from. */
	bool choice = flags & VS_REQUEST_CHOICE && session->limits.rounds && session->asked.count;
	u32 reason = VS_REASON_NONE;
	u16 term = 0;
	int error;

	error = vsp_pool_offer(&service->member, terms, &session->round.scratch, &term, &reason);
	spin_lock(&session->view_lock);
	session->offered = session->round.scratch;
	if (terms && !choice)
		session->asked = *terms;
	spin_unlock(&session->view_lock);

	if (terms && !choice)
		vsp_pool_asked(&service->member, terms);
	if (++session->limits.rounds > VSP_ROUNDS_MAX)
		return ask_deny(session, VS_REASON_ROUNDS, 0, VSP_RETRY_ROUNDS_MS);
	if (session->stop.withdrawn)
		return ask_deny(session, VS_REASON_WITHDRAWN, 0, 0);
	if (!terms)
		return ask_keep(session);
	if (error)
		return choice ? ask_offer_again(session) : ask_deny_short(session, reason, term);
	if (choice ||
	    ((flags & VS_REQUEST_ALL) && offers_all(service->spec, terms, &session->offered)))
		return ask_reserve(session, choice);
	ask_offer(session);
}

