/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A session's innards: what session.c (its life, what comes in, its class and its
 * timers) and machine.c (the machine and what its steps do) share.
 */
#ifndef VSC_SESSION_H
#define VSC_SESSION_H

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vs_message.h"
#include "vs_window.h"

#include "vsc/demand/auto.h"
#include "vsc/core/vsc.h"

#define VSC_BACK_OFF_MIN_MS	100
#define VSC_BACK_OFF_MAX_MS	30000
#define VSC_MISSED_MAX		16
#define VSC_RETRY_MAX_MS	(10 * 60 * 1000)	/* of what a denial may name */
#define VSC_RELEASE_MS		2000	/* that a leaving session waits for its release */
#define VSC_ROUNDS_MAX		8	/* offers in one epoch */
#define VSC_MISMATCHES_MAX	3	/* epochs in a row opened for one; then it backs off */
#define VSC_CALLS_MS		100	/* between calls of the provider, after the first ones */
#define VSC_RESETS_MS		60000	/* that a device has to do without a reset to be well */

#define VSC_EVENT_KINDS		16	/* that VSC_EVENT can be, at the most */

/* What waits for the work; bits of vsc_inbox.bits. */
#define VSC_INBOX_ANSWER	BIT(0)
#define VSC_INBOX_CALL		BIT(1)
#define VSC_INBOX_CLASS_GOES	BIT(2)
#define VSC_INBOX_CLASS_CAME	BIT(3)
#define VSC_INBOX_READY		BIT(4)
#define VSC_INBOX_NEED		BIT(5)
#define VSC_INBOX_RELEASE	BIT(6)
#define VSC_INBOX_CLOSE		BIT(7)
#define VSC_INBOX_BUSY		BIT(8)
#define VSC_INBOX_AUTO		BIT(9)
#define VSC_INBOX_AWAKE		BIT(10)
#define VSC_INBOX_BROKEN	BIT(11)
#define VSC_INBOX_STALLED	BIT(12)

/* Why the session lets go of its class; bits of vsc_leave.why. */
#define VSC_LEAVING_CLASS	BIT(0)
#define VSC_LEAVING_CHANNEL	BIT(1)

/**
 * struct vsc_event_note - something that has happened
 * @what: VSC_EVENT of the uevent
 * @state: of the session then
 * @id: of the contract that was held then, 0: none
 * @reason: enum vs_wire_reason
 */
struct vsc_event_note {
	const char *what;
	enum vs_state state;
	u64 id;
	u32 reason;
};

/**
 * struct vsc_events - what has happened and is to be told; vsc/core/event.c
 * @send: tells it
 * @lock: protects the rest
 * @next: jiffies before which nothing is sent
 * @count: entries of @note
 * @note: one of a kind, oldest first
 */
struct vsc_events {
	struct delayed_work send;
	spinlock_t lock;	/* what is to be sent */
	unsigned long next;
	unsigned int count;
	struct vsc_event_note note[VSC_EVENT_KINDS];
};

/* The request that is unanswered. */
enum vsc_sent {
	VSC_SENT_NOTHING,
	VSC_SENT_INITIALIZE,
	VSC_SENT_ASK,
	VSC_SENT_CHOICE,
	VSC_SENT_KEEP,
	VSC_SENT_START,
	VSC_SENT_RELEASE,
};

/* What the session waits for, until vsc_wait.expires at the latest. */
enum vsc_timer {
	VSC_TIMER_NONE,
	VSC_TIMER_ANSWER,
	VSC_TIMER_RETRY,
};

/**
 * struct vsc_watch_flow - one flow of its requests
 * @automatic: the client's own judgement
 * @sample: the last one
 * @floor: is the floor kept?  Begins anew with whatever voids it
 */
struct vsc_watch_flow {
	struct vsc_auto automatic;
	struct vsc_sample sample;
	struct vs_window floor;
};

/**
 * struct vsc_watch - what the session sees of its device; vsc/demand/watch.c
 * @on: samples are taken, else there is no contract, or the class tells when there is
 *	something to see
 * @due: the next one
 * @wanted: reason to ask for another contract, enum vs_wire_reason; 0: none. While a sample
 *	is looked at
 * @floors: what was asked for, as a floor was not kept
 * @flow: of each flow of the class
 */
struct vsc_watch {
	bool on;
	ktime_t due;
	u32 wanted;
	struct vsc_auto_floors floors;
	struct vsc_watch_flow flow[VS_CLASS_FLOWS_MAX];
};

/**
 * struct vsc_want - a value of one term that a class asks for; vsc/core/want.c
 * @limit: how often
 * @pending: it has no answer yet
 * @error: what came of the last one that has
 * @index: of the term
 * @needs: vsc_inbox.needs with it
 * @whole: of a RATE: less than its ceiling is no answer
 * @old_set: vsc_request.staged_set before, of that term
 * @old_wish_set: vsc_request.wish_set before, of that term
 * @shortage: of the last one that was not granted
 * @wanted: the term while it is asked for
 * @old_wish: what was wished before
 * @old_staged: what was staged before
 *
 * Protected by the session's request.lock.
 */
struct vsc_want {
	struct ratelimit_state limit;
	bool pending;
	int error;
	u32 index;
	u64 needs;
	bool whole;
	u32 old_set;
	u32 old_wish_set;
	struct vsc_shortage shortage;
	struct vs_term wanted;
	struct vs_term old_wish;
	struct vs_term old_staged;
};

/**
 * struct vsc_inbox - what has come and waits for the work; vsc/core/session_inbox.c
 * @lock: protects all below; taken with interrupts off
 * @bits: VSC_INBOX_*
 * @need_reason: of VSC_INBOX_NEED
 * @needs: number of times that something was asked for so far
 * @settled: of these, how many had been, when the last ask that has an end was made
 * @settling: woken when @settled moves, and when the session ends
 * @dead: nothing is queued any more
 * @answers: exchanges that have come back
 * @call_length: bytes of @call
 * @call: the last call; a newer one replaces it
 */
struct vsc_inbox {
	spinlock_t lock;	/* the inbox */
	unsigned long bits;
	u32 need_reason;
	u64 needs;
	u64 settled;
	wait_queue_head_t settling;
	bool dead;
	struct list_head answers;
	size_t call_length;
	u8 call[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsc_link - how the channel is; vsc/core/session_class.c
 * @ready: it can send
 * @slept: the machine was suspended since the session has begun, and it has not begun again
 * @broken: it has failed; only another probe helps
 * @stalled: the provider ends no data requests, and was asked whether it is there
 * @reset_at: when the device was last reset for a broken ring, 0: never
 * @reset_ms: pause that followed
 * @calls_at: when the provider may call again; 0: it may
 */
struct vsc_link {
	bool ready;
	bool slept;
	bool broken;
	bool stalled;
	ktime_t reset_at;
	u32 reset_ms;
	ktime_t calls_at;
};

/**
 * struct vsc_leave - how a contract is given back, and the session ends
 * @release: a contract is to be given back, not asked for, until NEED
 * @needed: NEED has come once: a class that comes later, or again, asks by itself
 * @released: it is, or cannot be
 * @why: VSC_LEAVING_*
 * @by: when it is left without an answer
 * @closed: @left is complete
 * @left: the session has let go of class and channel, for good
 */
struct vsc_leave {
	bool release;
	bool needed;
	bool released;
	unsigned int why;
	ktime_t by;
	bool closed;
	struct completion left;
};

/**
 * struct vsc_wait - what is waited for; vsc/core/session_wait.c
 * @timer: what
 * @expires: end of that
 * @missed: answers in a row that did not come in time, at most VSC_MISSED_MAX
 * @back_off_ms: last pause
 */
struct vsc_wait {
	enum vsc_timer timer;
	ktime_t expires;
	unsigned int missed;
	u32 back_off_ms;
};

/**
 * struct vsc_round - the message that was sent, and the one that is worked on
 * @exchange: under way, or NULL; others that come back are late
 * @sent: what it is
 * @choice: what was last chosen from an offer
 * @message: the message that was received
 * @out: the message that is sent
 * @bytes: private copy of what was received
 */
struct vsc_round {
	struct vsc_exchange *exchange;
	enum vsc_sent sent;
	struct vs_terms choice;
	struct vs_message message;
	struct vs_message out;
	u8 bytes[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsc_epoch - of the renegotiation that goes on, or was the last one
 * @began: when this epoch was opened
 * @rounds: offers in it
 * @keep_tried: it has asked to keep what is held
 * @asked_needs: vsc_inbox.needs when the last ask was made
 * @retry_ms: of the last denial; 0: wait for a call
 * @result: of it, so far
 */
struct vsc_epoch {
	ktime_t began;
	unsigned int rounds;
	bool keep_tried;
	u64 asked_needs;
	u32 retry_ms;
	struct vsc_session_result result;
};

/**
 * struct vsc_grant - what was granted and has not started
 * @id: of the contract, or 0
 * @prepared: by the class, too: it hears of the grant's end
 */
struct vsc_grant {
	u64 id;
	bool prepared;
};

/**
 * struct vsc_work - the machine of one session
 * @session: whose
 * @queue: its own: what the session waits for may need its disk
 * @run: runs the machine; delayed to the next time-out
 * @run_lock: held while @run does something, or somebody does it in its place
 * @inbox: what waits for the work; has a lock of its own
 * @want: of its class; has a lock of its own
 * @data: class that the data queues' callbacks go to; RCU
 *
 * Everything else belongs to the work.
 *
 * @requested: the class's module was asked for, once
 * @link: how the channel is
 * @leave: how the session ends
 * @wait: what is waited for
 * @reason: of the next INITIALIZE, enum vs_wire_reason
 * @mismatches: see VSC_MISMATCHES_MAX
 * @epoch: see there
 * @grant: what has not started
 * @unapplied: the class has failed to apply what is held
 * @follow: event that an action has led to, or VSC_EVENTS
 * @round: the messages
 * @watch: what is seen of the device
 * @events: what is to be told; has a lock of its own
 */
struct vsc_work {
	struct vsc_session *session;
	struct workqueue_struct *queue;
	struct delayed_work run;
	struct mutex run_lock;	/* the machine */
	struct vsc_inbox inbox;
	struct vsc_want want;
	const struct vsc_class __rcu *data;

	bool requested;
	struct vsc_link link;
	struct vsc_leave leave;
	struct vsc_wait wait;
	u32 reason;
	unsigned int mismatches;
	struct vsc_epoch epoch;
	struct vsc_grant grant;
	bool unapplied;
	enum vsc_event follow;
	struct vsc_round round;
	struct vsc_watch watch;
	struct vsc_events events;
};

/* vsc/core/session_inbox.c */
bool vsc_session_post(struct vsc_session *session, unsigned long what);
bool vsc_session_post_locked(struct vsc_work *work, unsigned long what);

/* vsc/core/session_work.c */
void vsc_session_run(struct work_struct *item);

/* vsc/core/session_wait.c: in the work only */
void vsc_session_wait(struct vsc_session *session, enum vsc_timer timer, u32 ms);
u32 vsc_session_back_off(struct vsc_session *session);
u32 vsc_session_answer_ms(struct vsc_session *session);

/* vsc/core/session_class.c: in the work only */
void vsc_session_begin(struct vsc_session *session);
void vsc_session_lose(struct vsc_session *session);
void vsc_session_sleep(struct vsc_session *session);
void vsc_session_reset(struct vsc_session *session);
void vsc_session_leave(struct vsc_session *session, unsigned int why);
void vsc_session_left(struct vsc_session *session);

/* vsc/core/event.c */
void vsc_event_init(struct vsc_events *events);
void vsc_event_flush(struct vsc_events *events);
void vsc_event_changed(struct vsc_session *session, const char *what);

/* vsc/core/want.c */
void vsc_want_init(struct vsc_want *want);
void vsc_want_end(struct vsc_session *session);
bool vsc_want_is_met(struct vsc_session *session, const struct vs_terms *choice, u16 *term);

/* vsc/demand/watch.c: in the work only */
void vsc_watch_begin(struct vsc_session *session);
void vsc_watch_contract(struct vsc_session *session, bool changed);
void vsc_watch_kept(struct vsc_session *session);
void vsc_watch_busy(struct vsc_session *session);
bool vsc_watch_knobs(struct vsc_session *session);
bool vsc_watch_take_back(struct vsc_session *session);
u32 vsc_watch_run(struct vsc_session *session);

/* vsc/core/machine.c: in the work only */
void vsc_machine_step(struct vsc_session *session, enum vsc_event event);
void vsc_machine_none(struct vsc_session *session);
void vsc_machine_count(struct vsc_session *session, u64 *counter);
void vsc_machine_set_held(struct vsc_session *session, u64 id, const struct vs_terms *terms);
const struct vs_terms *vsc_machine_held(struct vsc_session *session);
void vsc_machine_publish(struct vsc_session *session, const char *what);
void vsc_machine_release_ends(struct vsc_session *session, enum vsc_event event);
void vsc_machine_release(struct vsc_session *session);

/* vsc/core/answer.c: in the work only */
void vsc_answer_take(struct vsc_session *session, struct vsc_exchange *exchange);
void vsc_answer_missing(struct vsc_session *session);
void vsc_answer_call(struct vsc_session *session, size_t length);

#endif
