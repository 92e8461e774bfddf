/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's session with one client: what service.c (its life), service_inbox.c
 * (who calls, and when) and session*.c (the machine and what its steps do) share.
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
#include "vsp/core/vsp.h"

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

/* What waits for the work; bits of vsp_session.inbox, handled lowest first. */
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

struct vsp_slot {
	bool full;
	u64 sequence;
	size_t length;
	u8 bytes[VS_WIRE_MESSAGE_MAX];
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
 * struct vsp_session - the machine of one service, while it is enabled
 * @service: whose
 * @inbox: VSP_INBOX_*, what is to be done
 * @call_reason: of VSP_INBOX_RENEGOTIATE
 * @slot: messages that have come
 * @sequence: of the last one; they are taken in this order
 * @messages: limits how many are taken in a second; of the work
 * @state: of the machine
 * @reason: of the last INITIALIZE, either way
 * @cause: what the last renegotiation is for: the same, but that of the call where the
 *	client has answered one
 * @result_epoch: how the last renegotiation ended: its epoch
 * @result_outcome: enum vs_wire_outcome
 * @result_reason: enum vs_wire_reason
 * @asked: the last ask that was no choice from an offer
 * @offered: what was available to it
 * @message: scratch of the work, as all that follows: too large for its stack
 * @message_slot: that it came in
 * @message_generation: of the rings that it came from
 * @answer: to @message
 * @answer_later: @message is answered when what it asks for is prepared
 * @scratch: terms
 * @choice: terms that would be chosen
 * @bytes: a message as it is on the wire
 *
 * @lock: protects @inbox, @slot, @generation and @call_reason; taken in the mover
 *	and in the work, never held for long
 * @view_lock: held by the work to write what vsp_service_view() copies: @state to
 *	@offered, @pending, @call
 *
 * Everything else belongs to the work.
 *
 * @generation: of the driver's rings; an answer to an older one is dropped
 * @work: runs the machine
 * @timer: has it run at the next deadline or lease
 * @epoch: as the client opened it; valid from UNINITIALIZED on
 * @rounds: asks in this epoch
 * @bad: malformed or unexpected messages in a row
 * @next_id: contract ids, never used twice
 * @expired_id: the last grant that was dropped since the last START, also one to keep what is
 *	in force; or 0
 * @pending: granted and not started, or NULL; a kept contract has the id in force
 * @pending_called: it was made while the open call was open
 * @pending_expires: its lease
 * @unstarted: grants in a row that were dropped
 * @grant_after: when there may be another one, after too many of them
 * @held: of a driver that is gone: charged, not in force, or NULL
 * @held_expires: its lease
 * @call: the open call
 * @unanswered: the client has not answered the call (or what it was told last)
 * @call_anew: the open call is to be made about the contract that was just started
 * @changes: contracts that were asked for, of this service, until @changes_until
 * @changes_until: when there may be more again, after too many of them
 * @uncounted: the next contract of this epoch is no such change: the epoch answers a call
 * @preparation: see there
 * @withdrawn: nothing is granted until "renegotiate"
 * @closing: nor is there a renegotiation: the service is being disabled
 * @denied: an ask was denied for want of room, and the client has not been called
 *	since; @asked says what it was
 * @invite_later: there may be more than it will get of what it negotiates about now
 * @invited: what @asked would have taken when the client was last called as there was
 *	more; no terms: not since its contract has begun
 */
struct vsp_session {
	struct vsp_service *service;
	struct work_struct work;
	struct hrtimer timer;

	spinlock_t lock;	/* inbox and what it is made of */
	unsigned long inbox;
	u32 call_reason;
	u32 generation;
	struct vsp_slot slot[VS_CHANNEL_MESSAGES];
	u64 sequence;
	struct ratelimit_state messages;

	spinlock_t view_lock;	/* what a view copies */
	enum vs_state state;
	u64 epoch;
	u32 reason;
	u32 cause;
	u64 result_epoch;
	u32 result_outcome;
	u32 result_reason;
	struct vs_terms asked;
	struct vs_terms offered;

	unsigned int rounds;
	unsigned int bad;
	u64 next_id;
	u64 expired_id;
	struct vsp_contract *pending;
	bool pending_called;
	ktime_t pending_expires;
	unsigned int unstarted;
	ktime_t grant_after;
	struct vsp_contract *held;
	ktime_t held_expires;
	struct vsp_call call;
	bool unanswered;
	bool call_anew;
	unsigned int changes;
	ktime_t changes_until;
	bool uncounted;
	struct vsp_preparation preparation;
	bool withdrawn;
	bool closing;
	bool denied;
	bool invite_later;
	struct vs_terms invited;

	struct vs_message message;
	unsigned int message_slot;
	u32 message_generation;
	struct vs_message answer;
	bool answer_later;
	struct vs_terms scratch;
	struct vs_terms choice;
	u8 bytes[VS_WIRE_MESSAGE_MAX];
};

/* vsp/core/session.c: all in the work, or before and after it runs */
void vsp_session_set_result(struct vsp_session *session, u32 outcome, u32 reason);
void vsp_session_set_reason(struct vsp_session *session, u32 reason);
struct vs_message *vsp_session_begin_answer(struct vsp_session *session, u32 status);
void vsp_session_send_answer(struct vsp_session *session, unsigned int slot, u32 generation);
void vsp_session_message(struct vsp_session *session, unsigned int slot, u32 generation,
			 size_t length);
void vsp_session_event(struct vsp_session *session, enum vsp_event event);
void vsp_session_close(struct vsp_session *session);
ktime_t vsp_session_expire(struct vsp_session *session);

/* vsp/core/session_contract.c */
struct vsp_contract *vsp_session_in_force(struct vsp_session *session);
u64 vsp_session_in_force_id(struct vsp_session *session);
struct vsp_contract *vsp_session_new_contract(struct vsp_session *session, u64 id,
					      const struct vs_terms *terms);
void vsp_session_free_contract(struct vsp_contract *contract);
struct vsp_contract *vsp_session_set_pending(struct vsp_session *session,
					     struct vsp_contract *next);
void vsp_session_drop_pending(struct vsp_session *session);
unsigned int vsp_session_charged_sets(struct vsp_session *session, const struct vs_terms **sets);
void vsp_session_recharge(struct vsp_session *session);
void vsp_session_commit(struct vsp_session *session);
void vsp_session_start_fallback(struct vsp_session *session);
void vsp_session_hold(struct vsp_session *session);
void vsp_session_forget(struct vsp_session *session);

/* vsp/core/session_call.c */
void vsp_session_settle(struct vsp_session *session);
void vsp_session_send_call(struct vsp_session *session);
void vsp_session_tell(struct vsp_session *session);
void vsp_session_call_anew(struct vsp_session *session);
void vsp_session_open_invitation(struct vsp_session *session, u32 reason);
void vsp_session_renegotiate(struct vsp_session *session, u32 reason);
void vsp_session_withdraw(struct vsp_session *session);
bool vsp_session_source_gone(struct vsp_session *session);
void vsp_session_changed(struct vsp_session *session);

/* vsp/core/session_ask.c */
void vsp_session_ask(struct vsp_session *session);
void vsp_session_grant(struct vsp_session *session, struct vsp_contract *contract, bool called);
void vsp_session_refuse(struct vsp_session *session, int error, u16 term);

/* vsp/core/session_prepare.c */
void vsp_session_prepare_init(struct vsp_session *session);
void vsp_session_prepare(struct vsp_session *session, struct vsp_contract *next);
void vsp_session_drop_preparation(struct vsp_session *session);
void vsp_session_prepared(struct vsp_session *session);
void vsp_session_end_preparation(struct vsp_session *session);

/* vsp/core/session_invite.c */
void vsp_session_invite(struct vsp_session *session);

/* vsp/core/service.c */
void vsp_service_copy_limits(struct vsp_service *service);

/* vsp/core/service_inbox.c */
extern const struct vsp_channel_ops vsp_service_channel_ops;
void vsp_service_init_inbox(struct vsp_session *session);
void vsp_service_post(struct vsp_session *session, unsigned long bits);
void vsp_service_prepared(struct vsp_session *session);
void vsp_service_queue_prepare(struct work_struct *work);
void vsp_service_answer(struct vsp_session *session, unsigned int slot, u32 generation,
			const void *bytes, size_t length);

#endif
