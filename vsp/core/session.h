/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's session with one client: what service.c (its life), session.c (its
 * inbox), session_work.c (its work) and machine*.c (the machine and what its steps do) share.
 */
#ifndef VSP_SESSION_H
#define VSP_SESSION_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_channel.h"
#include "vs_message.h"
#include "vs_states.h"
#include "vs_terms.h"

struct vsp_channel_ops;
struct vsp_contract;
struct vsp_service;

#define VSP_ROUNDS_MAX		8	/* asks in one epoch */
#define VSP_BAD_MESSAGES_MAX	5	/* in a row, then the session ends */

/*
 * What a grant leaves its client to start it. Not lease_ms: for that long a client that starts
 * nothing would keep from others what it was granted.
 */
#define VSP_GRANT_LEASE_MS	5000
/* When the source has failed, nothing may call: the client asks again by itself. */
#define VSP_RETRY_SOURCE_MS	5000
#define VSP_RETRY_ROUNDS_MS	1000
/* Grants in a row that a client may let go without a start, until a lease has passed. */
#define VSP_UNSTARTED_MAX	8
/* Contracts that are made ready for, each of which may allocate and free, and invite others. */
#define VSP_CHANGES_PER_SECOND	10
/* Sets that a service is charged for: in force, held, being prepared, pending, fallback. */
#define VSP_SESSION_SETS	5
/* How long messages wait for the end of a preparation that nobody wants any more. */
#define VSP_PREPARATION_WAIT_MS	500
/* Messages that a service takes in a second; more wait in their ring. */
#define VSP_MESSAGES_PER_SECOND	1000
#define VSP_MESSAGES_PAUSE_MS	20

/* What waits for the work; bits of vsp_inbox.bits, handled lowest first. */
#define VSP_INBOX_CLOSED	BIT(0)
#define VSP_INBOX_NEW_DRIVER	BIT(1)
#define VSP_INBOX_RESUME	BIT(2)
#define VSP_INBOX_WITHDRAW	BIT(3)
#define VSP_INBOX_CHANGED	BIT(4)
#define VSP_INBOX_RENEGOTIATE	BIT(5)
#define VSP_INBOX_PREPARED	BIT(6)
#define VSP_INBOX_INVITE	BIT(7)
#define VSP_INBOX_VIOLATED	BIT(8)
#define VSP_INBOX_SLOW		BIT(9)
#define VSP_INBOX_CLOSING	BIT(10)
#define VSP_INBOX_REOPEN	BIT(11)

/**
 * struct vsp_slot - a message that has come and was not taken
 * @full: there is one
 * @sequence: of it
 * @length: bytes of it
 * @bytes: the channel's, which keeps them as long as @full
 */
struct vsp_slot {
	bool full;
	u64 sequence;
	size_t length;
	const void *bytes;
};

/**
 * struct vsp_preparation - what the class makes ready for, beside the session's work
 * @work: calls the class
 * @error: what that has returned, once the work has ended
 * @denied: likewise: the term that it will not have
 * @next: the contract; charged. NULL: nothing is being prepared
 * @called: it was asked for while the open call was open
 * @dropped: nobody wants it any more; it was denied, and is undone when it ends
 * @wait_until: until then, if @dropped, messages wait for the end of it
 * @epoch: of the ask
 * @slot: of its answer
 * @generation: of that
 *
 * All but @error and @denied belong to the session's work.
 */
struct vsp_preparation {
	struct work_struct work;
	int error;
	u16 denied;
	struct vsp_contract *next;
	bool called;
	bool dropped;
	ktime_t wait_until;
	u64 epoch;
	unsigned int slot;
	u32 generation;
};

/**
 * struct vsp_inbox - what waits for the work; vsp/core/session.c
 * @lock: protects all below; taken in the mover and in the work, never held for long
 * @bits: VSP_INBOX_*, what is to be done
 * @call_reason: of VSP_INBOX_RENEGOTIATE
 * @generation: of the driver's rings; an answer to an older one is dropped
 * @slot: messages that have come
 * @sequence: of the last one; they are taken in this order
 */
struct vsp_inbox {
	spinlock_t lock;	/* what has come and was not taken */
	unsigned long bits;
	u32 call_reason;
	u32 generation;
	struct vsp_slot slot[VS_CHANNEL_MESSAGES];
	u64 sequence;
};

/**
 * struct vsp_result - how the last renegotiation ended
 * @epoch: its epoch
 * @outcome: enum vs_wire_outcome
 * @reason: enum vs_wire_reason
 */
struct vsp_result {
	u64 epoch;
	u32 outcome;
	u32 reason;
};

/**
 * struct vsp_grant - what was granted and not started; vsp/core/machine_contract.c
 * @next_id: contract ids, never used twice by a service, whatever session it has
 * @expired_id: the last grant that was dropped since the last START, also one to keep what is
 *	in force; or 0
 * @pending: the contract, or NULL; a kept one has the id in force. Written under view_lock
 * @called: it was made while the open call was open
 * @expires: its lease
 * @unstarted: grants in a row that were dropped
 * @after: when there may be another one, after too many of them
 */
struct vsp_grant {
	u64 next_id;
	u64 expired_id;
	struct vsp_contract *pending;
	bool called;
	ktime_t expires;
	unsigned int unstarted;
	ktime_t after;
};

/**
 * struct vsp_held - what was in force for a driver that is gone: charged, not in force
 * @contract: or NULL
 * @expires: its lease
 */
struct vsp_held {
	struct vsp_contract *contract;
	ktime_t expires;
};

/**
 * struct vsp_call - a call for a new contract, with what happens if nobody answers
 * @open: not settled yet; @reason, @deadline and @fallback are valid while it is
 * @reason: enum vs_wire_reason
 * @deadline: when @fallback comes into force
 * @fallback: NULL: withdrawal; owned by the session
 * @unanswered: the client has not answered the call (or what it was told last)
 * @anew: the open call is to be made about the contract that was just started
 *
 * The last two belong to the session's work; the rest it writes under view_lock.
 */
struct vsp_call {
	bool open;
	u32 reason;
	ktime_t deadline;
	struct vsp_contract *fallback;
	bool unanswered;
	bool anew;
};

/**
 * struct vsp_client_limits - how much a client has had of what it may have only so often
 * @messages: limits how many are taken in a second
 * @rounds: asks in this epoch
 * @bad: malformed or unexpected messages in a row
 * @changes: contracts that were asked for, of this service, until @changes_until
 * @changes_until: when there may be more again, after too many of them
 * @uncounted: the next contract of this epoch is no such change: the epoch answers a call
 */
struct vsp_client_limits {
	struct ratelimit_state messages;
	unsigned int rounds;
	unsigned int bad;
	unsigned int changes;
	ktime_t changes_until;
	bool uncounted;
};

/**
 * struct vsp_invitation - when the client is called as there is more; vsp/core/machine_invite.c
 * @denied: an ask was denied for want of room, and the client has not been called
 *	since; vsp_session.asked says what it was
 * @later: there may be more than it will get of what it negotiates about now
 * @told: what vsp_session.asked would have taken when the client was last called as there
 *	was more; no terms: not since its contract has begun
 */
struct vsp_invitation {
	bool denied;
	bool later;
	struct vs_terms told;
};

/**
 * struct vsp_round - the message that is worked on, and scratch: too large for the work's stack
 * @next_state: that the step leads to, or the last one has led to
 * @message: as it was decoded
 * @slot: that it came in
 * @generation: of the rings that it came from
 * @answer: to @message
 * @answer_later: @message is answered when what it asks for is prepared
 * @scratch: terms
 * @choice: terms that would be chosen
 * @bytes: a message as it is on the wire
 */
struct vsp_round {
	enum vs_state next_state;
	struct vs_message message;
	unsigned int slot;
	u32 generation;
	struct vs_message answer;
	bool answer_later;
	struct vs_terms scratch;
	struct vs_terms choice;
	u8 bytes[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsp_session_stop - what a session does not do any more
 * @withdrawn: it grants nothing, until "renegotiate"
 * @closing: it does not renegotiate either: the service is being disabled
 */
struct vsp_session_stop {
	bool withdrawn;
	bool closing;
};

/**
 * struct vsp_session - the machine of one service, while it is enabled
 * @service: whose
 * @work: runs the machine
 * @timer: has it run at the next deadline or lease
 * @inbox: what waits for it; has a lock of its own
 *
 * @view_lock: held by the work to write what vsp_service_view() copies: @state to
 *	@result, the pending grant, @call, and vsp_service.in_force
 * @state: of the machine
 * @epoch: as the client opened it; valid from UNINITIALIZED on
 * @reason: of the last INITIALIZE, either way
 * @asked: the last ask that was no choice from an offer
 * @offered: what was available to it
 * @result: how the last renegotiation ended
 * @grant: what is granted and not started
 * @call: the open call
 *
 * Everything else belongs to the work.
 *
 * @cause: what the last renegotiation is for: @reason, but that of the call where the
 *	client has answered one
 * @held: of a driver that is gone
 * @limits: of what the client may do
 * @preparation: see there
 * @stop: what is not done any more
 * @invitation: see there
 * @round: the message that is worked on
 */
struct vsp_session {
	struct vsp_service *service;
	struct work_struct work;
	struct hrtimer timer;
	struct vsp_inbox inbox;

	spinlock_t view_lock;	/* what a view copies */
	enum vs_state state;
	u64 epoch;
	u32 reason;
	struct vs_terms asked;
	struct vs_terms offered;
	struct vsp_result result;
	struct vsp_grant grant;
	struct vsp_call call;

	u32 cause;
	struct vsp_held held;
	struct vsp_client_limits limits;
	struct vsp_preparation preparation;
	struct vsp_session_stop stop;
	struct vsp_invitation invitation;
	struct vsp_round round;
};

/* vsp/core/session.c */
extern const struct vsp_channel_ops vsp_session_channel_ops;
void vsp_session_wake(struct vsp_session *session);
void vsp_session_copy_limits(struct vsp_service *service);
void vsp_session_post(struct vsp_session *session, unsigned long bits);
void vsp_session_prepared(struct vsp_session *session);

/* vsp/core/session_work.c */
void vsp_session_init_work(struct vsp_session *session);

#endif
