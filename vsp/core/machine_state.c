// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the steps of the provider's machine have in common: how a renegotiation has ended, the
 * answer to a message, the contracts of a session with what the pool is charged for them, and
 * whether there is anything left to make a contract of.
 * Nothing here takes a step.  All of it runs in the service's work, or once that cannot run
 * any more.
 */
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "channel/host/channel.h"
#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/trace.h"
#include "vsp/pool/pool.h"

/**
 * vsp_machine_set_result() - show how the renegotiation has ended
 * @session: of an enabled service
 * @outcome: enum vs_wire_outcome
 * @reason: enum vs_wire_reason
 *
 * Context: the service's work.
 */
void vsp_machine_set_result(struct vsp_session *session, u32 outcome, u32 reason)
{
	spin_lock(&session->view_lock);
	session->result.epoch = session->epoch;
	session->result.outcome = outcome;
	session->result.reason = reason;
	spin_unlock(&session->view_lock);
}

/**
 * vsp_machine_set_reason() - say what the renegotiation is for that begins
 * @session: of an enabled service
 * @reason: enum vs_wire_reason
 *
 * Context: the service's work.
 */
void vsp_machine_set_reason(struct vsp_session *session, u32 reason)
{
	spin_lock(&session->view_lock);
	session->reason = reason;
	spin_unlock(&session->view_lock);
	session->cause = reason;
}

/**
 * vsp_machine_begin_answer() - an answer with nothing in it but what every answer carries
 * @session: session->round.message is what is answered
 * @status: enum vs_wire_status
 *
 * Context: the service's work.
 * Return: session->round.answer
 */
struct vs_message *vsp_machine_begin_answer(struct vsp_session *session, u32 status)
{
	const struct vs_message *message = &session->round.message;
	struct vs_message *answer = &session->round.answer;

	memset(answer, 0, sizeof(*answer));
	answer->type = message->type + 1;
	answer->status = status;
	answer->epoch = message->epoch;
	answer->contract = vsp_machine_in_force_id(session);
	return answer;
}

/**
 * vsp_machine_send_answer() - hand session->round.answer to the channel
 * @session: session->round.answer is complete
 * @slot: of the message that it answers
 * @generation: of the rings that the message came from; of others, nothing is sent
 *
 * Clobbers session->round.bytes.
 *
 * Context: the service's work.
 */
void vsp_machine_send_answer(struct vsp_session *session, unsigned int slot, u32 generation)
{
	struct vsp_round *round = &session->round;
	size_t length;

	trace_vsp_message(session->service->name, true, &round->answer);
	length = vs_wire_encode(&round->answer, round->bytes, sizeof(round->bytes));
	spin_lock_bh(&session->inbox.lock);
	if (generation == session->inbox.generation)
		vsp_channel_answer(session->service->device.channel, slot, round->bytes, length);
	spin_unlock_bh(&session->inbox.lock);
}

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
 * vsp_machine_source_gone() - is there nothing left that a contract could be made of?
 * @session: of an enabled service; session->round.scratch is used
 *
 * Context: the service's work.
 */
bool vsp_machine_source_gone(struct vsp_session *session)
{
	struct vsp_service *service = session->service;

	vs_terms_unlimited(service->spec, &session->round.scratch);
	service->class->limits(service, &session->round.scratch);
	return !vs_terms_possible(service->spec, &session->round.scratch);
}
