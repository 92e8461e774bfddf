/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of abstract: what abstract.c (the contract), agent.c (who is asked about
 * it), answer.c (what is read of texts) and files.c (what the agent sees) share.
 *
 * The agent is a process of the host's administrator.  It is told by uevents that something has
 * changed, reads in agent/ of the service's device what there is, and writes its answer there.
 *
 * Locks: vsp_rates_lock() > vsp_abstract.lock.
 */
#ifndef VSP_ABSTRACT_H
#define VSP_ABSTRACT_H

#include <linux/atomic.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "vs_abstract.h"
#include "vs_terms.h"
#include "vsp/class.h"

#define VSP_ABSTRACT_NAME_MAX	32	/* bytes of an agent's or feature's name, with a zero */
#define VSP_ABSTRACT_REASON_MAX	64	/* bytes of why an agent refuses, likewise */
#define VSP_ABSTRACT_NAMES_MAX	256	/* bytes of all names of features, likewise */
#define VSP_ABSTRACT_MS		2000	/* that an agent has for its answer, unless the pool says */
#define VSP_ABSTRACT_MS_MIN	10
#define VSP_ABSTRACT_MS_MAX	60000

/**
 * struct vsp_abstract_names - what a pool calls the bits of features
 * @count: bits that have a name, from 0 on
 * @name: of each, in @text
 * @text: all of them, with a zero after each
 */
struct vsp_abstract_names {
	unsigned int count;
	const char *name[VS_ABSTRACT_FEATURES_MAX];
	char text[VSP_ABSTRACT_NAMES_MAX];
};

/**
 * struct vsp_abstract_pool - what the class has of a pool; constant while that is enabled
 * @names: of features
 * @agent: its name; empty: there is none, and nobody is asked
 * @agent_ms: that it has for an answer
 */
struct vsp_abstract_pool {
	struct vsp_abstract_names names;
	char agent[VSP_ABSTRACT_NAME_MAX];
	u32 agent_ms;
};

/**
 * struct vsp_abstract_grant - a contract, as the agent has to know it
 * @id: of the contract; 0: there is none, and all that follows is 0
 * @amount: units
 * @level: steps
 * @floor: of rate, units/s
 * @ceiling: of rate, units/s
 * @features: bits
 * @length: bytes of @label
 * @label: without a zero at its end
 */
struct vsp_abstract_grant {
	u64 id;
	u64 amount;
	u64 level;
	u64 floor;
	u64 ceiling;
	u64 features;
	u8 length;
	char label[VS_WIRE_TEXT_MAX];
};

/**
 * struct vsp_abstract_answer - what an agent has written
 * @id: of the contract that it is about
 * @accepted: else it is refused
 * @reason: why it is refused; may be empty
 */
struct vsp_abstract_answer {
	u64 id;
	bool accepted;
	char reason[VSP_ABSTRACT_REASON_MAX];
};

enum vsp_abstract_counter {
	VSP_ABSTRACT_ASKS,
	VSP_ABSTRACT_ACCEPTED,
	VSP_ABSTRACT_REFUSED,
	VSP_ABSTRACT_UNANSWERED,
	VSP_ABSTRACT_STALE,	/* answers to what was not asked, or not any more */
	VSP_ABSTRACT_COUNTERS
};

/**
 * struct vsp_abstract - what the class has of a service
 * @service: whose
 * @counter: by enum vsp_abstract_counter
 * @wait: of who waits for the agent
 *
 * @lock: protects what follows; taken with interrupts off
 * @cancelled: id of the last contract that is not to be waited for
 * @asked: what the agent is asked about and has not answered
 * @accepted: what it has accepted; neither in force nor given up
 * @in_force: the contract in force
 * @used: of each term in the class's table, as the agent says; never more than @in_force has
 */
struct vsp_abstract {
	struct vsp_service *service;
	atomic64_t counter[VSP_ABSTRACT_COUNTERS];
	wait_queue_head_t wait;

	spinlock_t lock;	/* the contracts */
	u64 cancelled;
	struct vsp_abstract_grant asked;
	struct vsp_abstract_grant accepted;
	struct vsp_abstract_grant in_force;
	u64 used[VS_ABSTRACT_LABEL];
};

/* vsp/abstract/answer.c: pure */
int vsp_abstract_answer_parse(struct vsp_abstract_answer *answer, const char *text);
int vsp_abstract_answer_names(struct vsp_abstract_names *names, const char *text);
bool vsp_abstract_answer_is_name(const char *name);
void vsp_abstract_answer_grant(struct vsp_abstract_grant *grant,
			       const struct vsp_contract *contract);
u64 vsp_abstract_answer_most(const struct vsp_abstract_grant *grant, u32 index);

/* vsp/abstract/agent.c */
void vsp_abstract_agent_init(struct vsp_abstract *abstract);
int vsp_abstract_agent_ask(struct vsp_abstract *abstract, const struct vsp_contract *next, u32 ms);
void vsp_abstract_agent_cancel(struct vsp_abstract *abstract, u64 id);
void vsp_abstract_agent_abort(struct vsp_abstract *abstract, u64 id);
void vsp_abstract_agent_commit(struct vsp_abstract *abstract, const struct vsp_contract *next);
int vsp_abstract_agent_answer(struct vsp_abstract *abstract,
			      const struct vsp_abstract_answer *answer);
int vsp_abstract_agent_use(struct vsp_abstract *abstract, u32 index, u64 value, u64 *most);
u64 vsp_abstract_agent_used(struct vsp_abstract *abstract, u32 index);

/* vsp/abstract/files.c */
extern const struct attribute_group vsp_abstract_files, vsp_abstract_counters;

#endif
