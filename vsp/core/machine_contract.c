// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contracts of a session: what is in force, held for a driver that is gone, and
 * granted but not started; what the pool is charged for them.  All of it runs in the
 * service's work, but for vsp_machine_forget() once that cannot run any more.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ktime.h>
#include <linux/lockdep.h>
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

/* The step, and how the renegotiation ends with it, by @outcome and @reason; 0: it does not */
static void show_step(struct vsp_session *session, u32 outcome, u32 reason)
{
	lockdep_assert_held(&session->view_lock);
	session->state = session->round.next_state;
	if (outcome)
		session->result = (struct vsp_result){ session->epoch, outcome, reason };
}

/*
 * The contract in force becomes @next (NULL: none), in one step between two
 * requests.  In a view, too: the state, what is in force, what is pending no more and the
 * result change at once.  The old one is the caller's.
 */
static struct vsp_contract *put_in_force(struct vsp_session *session, struct vsp_contract *next,
					 u32 outcome, u32 reason)
{
	struct vsp_service *service = session->service;
	struct vsp_contract *old = vsp_machine_in_force(session);

	spin_lock(&session->view_lock);
	spin_lock_irq(&service->pool->rates.lock);
	service->class->commit(service, next);
	vsp_rates_commit(service, next ? &next->terms : NULL);
	rcu_assign_pointer(service->in_force, next);
	spin_unlock_irq(&service->pool->rates.lock);
	if (next && next == session->grant.pending)
		session->grant.pending = NULL;
	show_step(session, outcome, reason);
	spin_unlock(&session->view_lock);
	trace_vsp_contract(service->name, old ? old->id : 0, next ? next->id : 0);
	return old;
}

/* What was pending is in force already: it never stopped being so. */
static void keep_in_force(struct vsp_session *session)
{
	struct vsp_contract *pending = session->grant.pending;

	spin_lock(&session->view_lock);
	session->grant.pending = NULL;
	show_step(session, VS_OUTCOME_GRANT, VS_REASON_NONE);
	spin_unlock(&session->view_lock);
	vsp_machine_free_contract(pending);
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
	struct vsp_contract *pending = session->grant.pending;

	session->grant.expired_id = 0;
	if (pending->id == vsp_machine_in_force_id(session)) {
		keep_in_force(session);
	} else {
		session->invitation.denied = false;
		session->invitation.told.count = 0;
		session->grant.unstarted = 0;
		if (vsp_machine_in_force(session))
			count_renegotiation(session);
		vsp_machine_free_contract(put_in_force(session, pending, VS_OUTCOME_GRANT,
						       VS_REASON_NONE));
		vsp_machine_free_contract(session->held.contract);
		session->held.contract = NULL;
	}
	vsp_machine_recharge(session);
	service->files->changed(service, VSP_CHANGE_CONTRACT);
}

/**
 * vsp_machine_start_fallback() - the deadline of the open call has come
 * @session: of an enabled service; without a call nothing happens
 *
 * A grant to keep what was in force ends with it.
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
	u32 outcome = fallback ? VS_OUTCOME_GRANT : VS_OUTCOME_RELEASED;
	u32 reason = fallback ? VS_REASON_FALLBACK : session->call.reason;

	if (!session->call.open || (!vsp_machine_in_force(session) && !session->held.contract))
		return;
	/* A grant to keep what ends here would bring it back, and nothing is ready for it. */
	if (session->grant.pending &&
	    session->grant.pending->id == vsp_machine_in_force_id(session))
		vsp_machine_drop_pending(session);
	session->call.fallback = NULL;
	session->invitation.told.count = 0;
	if (fallback)
		service->counters.fallbacks++;
	else
		service->counters.withdrawals++;
	if (vsp_machine_in_force(session)) {
		vsp_machine_free_contract(put_in_force(session, fallback, outcome, reason));
	} else {
		vsp_machine_free_contract(session->held.contract);
		session->held.contract = fallback;
		vsp_machine_set_result(session, outcome, reason);
	}
	vsp_machine_recharge(session);
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
	old = put_in_force(session, NULL, 0, 0);
	vsp_machine_free_contract(session->held.contract);
	session->held.contract = old;
	session->held.expires = ktime_add_ms(ktime_get(), service->settings.lease_ms);
	/* A client does not escape the deadline of a withdrawal by a reset. */
	if (session->stop.withdrawn)
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
		vsp_machine_free_contract(put_in_force(session, NULL, 0, 0));
	vsp_machine_free_contract(session->held.contract);
	session->held.contract = NULL;
	vsp_machine_recharge(session);
	service->files->changed(service, VSP_CHANGE_RELEASED);
}
