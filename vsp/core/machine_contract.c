// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contracts of a session: what is in force, held for a driver that is gone, and
 * granted but not started; what the pool is charged for them.  All of it runs in the
 * service's work, but for vsp_machine_forget() once that cannot run any more.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/rates.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/trace.h"
#include "vsp/pool/pool.h"

/**
 * vsp_machine_in_force() - the contract in force
 * @session: of an enabled service
 *
 * Context: the service's work, which alone replaces it.
 * Return: NULL if there is none
 */
struct vsp_contract *vsp_machine_in_force(struct vsp_session *session)
{
	return rcu_dereference_protected(session->service->in_force, true);
}

/**
 * vsp_machine_in_force_id() - the id of the contract in force
 * @session: of an enabled service
 *
 * Context: the service's work.
 * Return: 0 if there is none
 */
u64 vsp_machine_in_force_id(struct vsp_session *session)
{
	struct vsp_contract *contract = vsp_machine_in_force(session);

	return contract ? contract->id : 0;
}

/**
 * vsp_machine_charged_sets() - what the pool has to be charged for
 * @session: of an enabled service
 * @sets: filled; the most of them, term by term, is to be charged
 *
 * Context: the service's work.
 * Return: how many there are, up to VSP_SESSION_SETS
 */
unsigned int vsp_machine_charged_sets(struct vsp_session *session, const struct vs_terms **sets)
{
	unsigned int count = 0;

	if (vsp_machine_in_force(session))
		sets[count++] = &vsp_machine_in_force(session)->terms;
	if (session->held.contract)
		sets[count++] = &session->held.contract->terms;
	if (session->preparation.next)
		sets[count++] = &session->preparation.next->terms;
	if (session->grant.pending)
		sets[count++] = &session->grant.pending->terms;
	if (session->call.open && session->call.fallback)
		sets[count++] = &session->call.fallback->terms;
	return count;
}

/**
 * vsp_machine_recharge() - what the session holds has changed: tell the pool
 * @session: of an enabled service
 *
 * Context: the service's work; takes pool->lock.
 */
void vsp_machine_recharge(struct vsp_session *session)
{
	const struct vs_terms *sets[VSP_SESSION_SETS];
	unsigned int count = vsp_machine_charged_sets(session, sets);

	vsp_pool_charge(&session->service->member, sets, count);
}

/**
 * vsp_machine_new_contract() - a contract that nobody knows yet
 * @session: of an enabled service
 * @id: from session->grant.next_id, or that in force for one that is kept
 * @terms: a complete set
 *
 * Context: the service's work.
 * Return: it, for vsp_machine_free_contract(), or NULL: no memory
 */
struct vsp_contract *vsp_machine_new_contract(struct vsp_session *session, u64 id,
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
 * vsp_machine_free_contract() - when no reader has it any more
 * @contract: in force no more; may be NULL
 *
 * Context: any.
 */
void vsp_machine_free_contract(struct vsp_contract *contract)
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
	struct vsp_contract *old = vsp_machine_in_force(session);

	spin_lock_irq(&service->pool->rates.lock);
	service->class->commit(service, next);
	vsp_rates_commit(service, next ? &next->terms : NULL);
	rcu_assign_pointer(service->in_force, next);
	spin_unlock_irq(&service->pool->rates.lock);
	trace_vsp_contract(service->name, old ? old->id : 0, next ? next->id : 0);
	return old;
}

/**
 * vsp_machine_set_pending() - what is granted and not started
 * @session: of an enabled service
 * @next: in place of what was; may be NULL
 *
 * Context: the service's work.
 * Return: what was; the caller's
 */
struct vsp_contract *vsp_machine_set_pending(struct vsp_session *session, struct vsp_contract *next)
{
	struct vsp_contract *old = session->grant.pending;

	spin_lock(&session->view_lock);
	session->grant.pending = next;
	spin_unlock(&session->view_lock);
	return old;
}

/**
 * vsp_machine_drop_pending() - what was granted, or would have been, will not start
 * @session: of an enabled service; without a grant nothing happens
 *
 * Context: the service's work, before it has begun an answer. May sleep.
 */
void vsp_machine_drop_pending(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = vsp_machine_set_pending(session, NULL);

	vsp_machine_drop_preparation(session);
	if (!pending)
		return;
	session->grant.expired_id = pending->id;
	if (pending->id != vsp_machine_in_force_id(session)) {
		service->class->abort(service, pending);
		/* Else one that never starts could keep others from it for ever. */
		if (++session->grant.unstarted >= VSP_UNSTARTED_MAX)
			session->grant.after = ktime_add_ms(ktime_get(), VSP_GRANT_LEASE_MS);
	}
	vsp_machine_free_contract(pending);
	vsp_machine_recharge(session);
}

static void count_renegotiation(struct vsp_session *session)
{
	struct vsp_service_counters *counters = &session->service->counters;

	counters->renegotiations++;
	if (session->cause < VS_REASONS)
		counters->renegotiations_for[session->cause]++;
}

/**
 * vsp_machine_commit() - what is pending comes into force
 * @session: of an enabled service; there is a grant
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_commit(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *pending = vsp_machine_set_pending(session, NULL);

	session->grant.expired_id = 0;
	if (pending->id == vsp_machine_in_force_id(session)) {
		/* Kept: it never stopped being in force. */
		vsp_machine_free_contract(pending);
	} else {
		session->invitation.denied = false;
		session->invitation.told.count = 0;
		session->grant.unstarted = 0;
		if (vsp_machine_in_force(session))
			count_renegotiation(session);
		vsp_machine_free_contract(put_in_force(session, pending));
		vsp_machine_free_contract(session->held.contract);
		session->held.contract = NULL;
	}
	vsp_machine_recharge(session);
	vsp_machine_set_result(session, VS_OUTCOME_GRANT, VS_REASON_NONE);
	service->files->changed(service, VSP_CHANGE_CONTRACT);
}

/**
 * vsp_machine_start_fallback() - the deadline of the open call has come
 * @session: of an enabled service; without a call nothing happens
 *
 * Without a client what is held becomes the fallback instead; where there was nothing at
 * all, nothing comes of it.
 *
 * Context: the service's work. May sleep.
 */
void vsp_machine_start_fallback(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *fallback = session->call.fallback;

	if (!session->call.open || (!vsp_machine_in_force(session) && !session->held.contract))
		return;
	session->call.fallback = NULL;
	session->invitation.told.count = 0;
	if (fallback)
		service->counters.fallbacks++;
	else
		service->counters.withdrawals++;
	if (vsp_machine_in_force(session)) {
		vsp_machine_free_contract(put_in_force(session, fallback));
	} else {
		vsp_machine_free_contract(session->held.contract);
		session->held.contract = fallback;
	}
	vsp_machine_recharge(session);
	vsp_machine_set_result(session, fallback ? VS_OUTCOME_GRANT : VS_OUTCOME_RELEASED,
			       fallback ? VS_REASON_FALLBACK : session->call.reason);
	pr_info("service %s: contract %s (%s)\n", service->name,
		fallback ? "changed at its deadline" : "withdrawn",
		vs_wire_reason_name(session->call.reason));
	service->files->changed(service, fallback ? VSP_CHANGE_FALLBACK : VSP_CHANGE_WITHDRAWN);
}

/**
 * vsp_machine_hold() - the driver is gone
 * @session: of an enabled service
 *
 * What was in force stays charged for the time of the lease.
 *
 * Context: the service's work.
 */
void vsp_machine_hold(struct vsp_session *session)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *old;

	if (!vsp_machine_in_force(session))
		return;
	old = put_in_force(session, NULL);
	vsp_machine_free_contract(session->held.contract);
	session->held.contract = old;
	session->held.expires = ktime_add_ms(ktime_get(), service->settings.lease_ms);
	/* Nobody escapes a withdrawal's deadline by a reset. */
	if (session->withdrawn)
		session->held.expires = min(session->held.expires, session->call.deadline);
	vsp_machine_recharge(session);
	service->files->changed(service, VSP_CHANGE_HELD);
}

/**
 * vsp_machine_forget() - drop the contract in force and the one that is held
 * @session: of an enabled service, or of one that is being disabled
 *
 * Context: the service's work, or when that does not run any more.
 */
void vsp_machine_forget(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	if (!vsp_machine_in_force(session) && !session->held.contract)
		return;
	if (vsp_machine_in_force(session))
		vsp_machine_free_contract(put_in_force(session, NULL));
	vsp_machine_free_contract(session->held.contract);
	session->held.contract = NULL;
	vsp_machine_recharge(session);
	service->files->changed(service, VSP_CHANGE_RELEASED);
}
