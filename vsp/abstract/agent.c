// SPDX-License-Identifier: GPL-2.0-only
/*
 * An agent is asked about a contract before the contract is granted, and has agent_ms for its
 * answer.  Without an answer the contract is denied: nothing is granted that nobody enforces.
 *
 * The question is in @asked until it is answered, its time is over, or nobody wants the contract
 * any more; so an agent that starts late finds it.  What was accepted is in @accepted until it
 * comes into force or is given up: an agent enforces the more of that and of the contract in
 * force, and so can start anew at any time.  An answer names the id that it is about, and ids are
 * not used twice: what comes too late is refused, as is the second of two answers.
 */
#define pr_fmt(fmt) "vsp_abstract: " fmt

#include <linux/array_size.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "vsp/abstract/abstract.h"
#include "vsp/contract.h"

/**
 * vsp_abstract_agent_init() - nothing is asked, nothing is in force
 * @abstract: zeroed
 */
void vsp_abstract_agent_init(struct vsp_abstract *abstract)
{
	spin_lock_init(&abstract->lock);
	init_waitqueue_head(&abstract->wait);
}

static void agent_count(struct vsp_abstract *abstract, enum vsp_abstract_counter counter)
{
	atomic64_inc(&abstract->counter[counter]);
}

static void agent_forget(struct vsp_abstract_grant *grant)
{
	memset(grant, 0, sizeof(*grant));
}

/* Return: false: nobody wants the contract any more. */
static bool agent_begin(struct vsp_abstract *abstract, const struct vsp_contract *next)
{
	bool wanted;

	spin_lock_irq(&abstract->lock);
	wanted = abstract->cancelled != next->id;
	if (wanted)
		vsp_abstract_answer_grant(&abstract->asked, next);
	spin_unlock_irq(&abstract->lock);
	return wanted;
}

static bool agent_is_over(struct vsp_abstract *abstract, u64 id)
{
	bool over;

	spin_lock_irq(&abstract->lock);
	over = abstract->asked.id != id || abstract->cancelled == id;
	spin_unlock_irq(&abstract->lock);
	return over;
}

/* Return: as vsp_abstract_agent_ask(); whether there was no answer in @unanswered. */
static int agent_end(struct vsp_abstract *abstract, u64 id, bool *unanswered)
{
	int error = -EOWNERDEAD;

	spin_lock_irq(&abstract->lock);
	*unanswered = abstract->asked.id == id;
	if (abstract->cancelled == id) {
		error = -ECANCELED;
		if (abstract->accepted.id == id)
			agent_forget(&abstract->accepted);
	} else if (abstract->accepted.id == id) {
		error = 0;
	}
	agent_forget(&abstract->asked);
	spin_unlock_irq(&abstract->lock);
	return error;
}

/**
 * vsp_abstract_agent_ask() - have the agent say whether it will enforce a contract
 * @abstract: of an enabled service whose pool names an agent
 * @next: the contract
 * @ms: that it has
 *
 * Context: prepare of the class; sleeps for @ms at most, or until vsp_abstract_agent_cancel().
 * Return: 0: it will; -EOWNERDEAD: it will not, or has not answered; -ECANCELED.
 */
int vsp_abstract_agent_ask(struct vsp_abstract *abstract, const struct vsp_contract *next, u32 ms)
{
	struct vsp_service *service = abstract->service;
	bool unanswered;
	int error;

	if (!agent_begin(abstract, next))
		return -ECANCELED;
	agent_count(abstract, VSP_ABSTRACT_ASKS);
	vsp_sysfs_asks(service, next->id);
	wait_event_idle_timeout(abstract->wait, agent_is_over(abstract, next->id),
				msecs_to_jiffies(ms));
	error = agent_end(abstract, next->id, &unanswered);
	if (error == -EOWNERDEAD && unanswered) {
		agent_count(abstract, VSP_ABSTRACT_UNANSWERED);
		vsp_warn_limited(service,
				 "service %s: its agent has not answered about contract %llu within %u ms: denied; is it running?\n",
				 vsp_service_name(service), next->id, ms);
	}
	/* What it has made ready meanwhile is of no use. */
	if (error)
		vsp_sysfs_drops(service, next->id);
	return error;
}

/**
 * vsp_abstract_agent_cancel() - nobody wants a contract any more
 * @abstract: of an enabled service
 * @id: of the contract, which the agent may be asked about now, or soon
 *
 * Context: cancel of the class.
 */
void vsp_abstract_agent_cancel(struct vsp_abstract *abstract, u64 id)
{
	spin_lock_irq(&abstract->lock);
	abstract->cancelled = id;
	spin_unlock_irq(&abstract->lock);
	wake_up_all(&abstract->wait);
}

/**
 * vsp_abstract_agent_abort() - what the agent has accepted will not come into force
 * @abstract: of an enabled service
 * @id: of the contract
 *
 * Context: abort of the class.
 */
void vsp_abstract_agent_abort(struct vsp_abstract *abstract, u64 id)
{
	bool accepted;

	spin_lock_irq(&abstract->lock);
	accepted = abstract->accepted.id == id;
	if (accepted)
		agent_forget(&abstract->accepted);
	spin_unlock_irq(&abstract->lock);
	if (accepted)
		vsp_sysfs_drops(abstract->service, id);
}

/**
 * vsp_abstract_agent_commit() - another contract is in force
 * @abstract: of an enabled service
 * @next: it; NULL: there is none any more
 *
 * Context: commit of the class; interrupts are off.
 */
void vsp_abstract_agent_commit(struct vsp_abstract *abstract, const struct vsp_contract *next)
{
	spin_lock(&abstract->lock);
	vsp_abstract_answer_grant(&abstract->in_force, next);
	if (next && abstract->accepted.id == next->id)
		agent_forget(&abstract->accepted);
	for (u32 i = 0; i < ARRAY_SIZE(abstract->used); i++)
		abstract->used[i] = min(abstract->used[i],
					vsp_abstract_answer_most(&abstract->in_force, i));
	spin_unlock(&abstract->lock);
}

/**
 * vsp_abstract_agent_answer() - the agent has answered
 * @abstract: of an enabled service
 * @answer: what it says
 *
 * Context: process.
 * Return: 0, or -ESTALE: it is not asked about that contract, not any more, or has answered.
 */
int vsp_abstract_agent_answer(struct vsp_abstract *abstract,
			      const struct vsp_abstract_answer *answer)
{
	struct vsp_service *service = abstract->service;
	bool stale;

	spin_lock_irq(&abstract->lock);
	stale = answer->id != abstract->asked.id || answer->id == abstract->cancelled;
	if (!stale && answer->accepted)
		abstract->accepted = abstract->asked;
	if (!stale)
		agent_forget(&abstract->asked);
	spin_unlock_irq(&abstract->lock);
	if (stale) {
		agent_count(abstract, VSP_ABSTRACT_STALE);
		return -ESTALE;
	}
	agent_count(abstract, answer->accepted ? VSP_ABSTRACT_ACCEPTED : VSP_ABSTRACT_REFUSED);
	if (!answer->accepted)
		vsp_warn_limited(service, "service %s: its agent refuses contract %llu: %s\n",
				 vsp_service_name(service), answer->id,
				 answer->reason[0] ? answer->reason : "it does not say why");
	wake_up_all(&abstract->wait);
	return 0;
}

/**
 * vsp_abstract_agent_use() - the agent says how much of a term is used
 * @abstract: of an enabled service
 * @index: of the term in the class's table
 * @value: in the term's unit
 * @most: set to what the contract in force allows; 0: there is none
 *
 * Context: process.
 * Return: 0, or -ERANGE: more than @most.
 */
int vsp_abstract_agent_use(struct vsp_abstract *abstract, u32 index, u64 value, u64 *most)
{
	int error = 0;

	spin_lock_irq(&abstract->lock);
	*most = vsp_abstract_answer_most(&abstract->in_force, index);
	if (value > *most)
		error = -ERANGE;
	else
		abstract->used[index] = value;
	spin_unlock_irq(&abstract->lock);
	return error;
}

/**
 * vsp_abstract_agent_used() - what the agent has said last
 * @abstract: of an enabled service
 * @index: of the term in the class's table
 *
 * Context: process.
 * Return: it, in the term's unit.
 */
u64 vsp_abstract_agent_used(struct vsp_abstract *abstract, u32 index)
{
	u64 used;

	spin_lock_irq(&abstract->lock);
	used = abstract->used[index];
	spin_unlock_irq(&abstract->lock);
	return used;
}
