/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two state machines, as channel/states.def lists them.  Pure: a step is
 * a look-up of (state, event), its result the next state and the actions that
 * the caller has to take, in the order of their bits.
 */
#ifndef VS_STATES_H
#define VS_STATES_H

#include <linux/bits.h>
#include <linux/types.h>

enum vs_state {
	VS_STATE_START,
	VS_STATE_UNINITIALIZED,
	VS_STATE_INITIALIZED,
	VS_STATE_NOT_NEGOTIATED,	/* of the VSC only */
	VS_STATE_RUNNING,
	VS_STATES
};

/* What happens to the provider's machine. */
enum vsp_event {
	VSP_EVENT_INITIALIZE,		/* a well-formed INITIALIZE with a version in common */
	VSP_EVENT_ANSWERED,		/* its COMPLETE is under way */
	VSP_EVENT_ASK,			/* REQUEST_BANDWIDTH of the current epoch */
	VSP_EVENT_RELEASE,		/* REQUEST_BANDWIDTH without terms: all is given back */
	VSP_EVENT_START,		/* START of the grant, not made before an open call */
	VSP_EVENT_START_CROSSED,	/* ... made before the open call */
	VSP_EVENT_START_AGAIN,		/* START of the contract in force */
	VSP_EVENT_START_STALE,		/* START of anything else: what is in force goes on */
	VSP_EVENT_START_OTHER,		/* ... while a call is open, or nothing is in force */
	VSP_EVENT_CALL,			/* a call with a deadline was opened */
	VSP_EVENT_INVITE,		/* a call without one: there may be more */
	VSP_EVENT_DEADLINE,		/* of the open call */
	VSP_EVENT_GRANT_LEASE,		/* the lease of the pending grant ran out */
	VSP_EVENT_HELD_LEASE,		/* the lease of a contract whose client is gone ran out */
	VSP_EVENT_RESUME,		/* the same driver is back after a reset */
	VSP_EVENT_NEW_DRIVER,		/* another driver is there after a reset */
	VSP_EVENT_GONE,			/* the VMM has closed the device */
	VSP_EVENT_BROKEN,		/* too many bad messages in a row */
	VSP_EVENTS
};

/* What the provider then does, lowest bit first. */
#define VSP_DO_DROP_PENDING	BIT(0)	/* the pending grant goes back to the pool */
#define VSP_DO_DROP_CROSSED	BIT(1)	/* likewise if it was made before the call */
#define VSP_DO_COMMIT		BIT(2)	/* the pending grant comes into force */
#define VSP_DO_START_FALLBACK	BIT(3)	/* the fallback comes into force */
#define VSP_DO_SETTLE		BIT(4)	/* the open call is over, its fallback disarmed */
#define VSP_DO_OPEN_EPOCH	BIT(5)	/* take the message's epoch, rounds start over */
#define VSP_DO_HOLD		BIT(6)	/* in force becomes held: charged, under the lease */
#define VSP_DO_FORGET		BIT(7)	/* what is held or in force goes back to the pool */
#define VSP_DO_ANSWER		BIT(8)	/* answer the message as its type asks */
#define VSP_DO_REFUSE		BIT(9)	/* answer it with VS_STATUS_UNEXPECTED */
#define VSP_DO_STALE		BIT(10)	/* answer it with EXPIRED or STALE */
#define VSP_DO_CALL		BIT(11)	/* write the call to the client (again) */
#define VSP_DO_TELL		BIT(12)	/* call without a deadline: the fallback is in force */
#define VSP_DO_CALL_ANEW	BIT(13)	/* after the answer: the call, about what is in force */

/* What happens to the client's machine. */
enum vsc_event {
	VSC_EVENT_BEGIN,		/* the channel is up and the class is there; or try again */
	VSC_EVENT_INITIALIZED,		/* INITIALIZE_COMPLETE, the contract is the one held */
	VSC_EVENT_INITIALIZED_OTHER,	/* INITIALIZE_COMPLETE with another one, or none */
	VSC_EVENT_INITIALIZED_GRANT,	/* ... with the grant whose START was not answered */
	VSC_EVENT_PROCEED,		/* resources are needed */
	VSC_EVENT_OFFER,
	VSC_EVENT_GRANT,
	VSC_EVENT_NARROWED,		/* to the grant, in time to start it */
	VSC_EVENT_DENY,			/* something is held: ask to keep it */
	VSC_EVENT_DENY_FINAL,		/* nothing is held, or it cannot be kept */
	VSC_EVENT_STARTED,		/* START_COMPLETE, OK */
	VSC_EVENT_EXPIRED,		/* START_COMPLETE, EXPIRED or STALE: what is held goes on */
	VSC_EVENT_EXPIRED_NONE,		/* ... and neither side has a contract */
	VSC_EVENT_CALL,			/* a call about the current epoch */
	VSC_EVENT_CALL_OLD,		/* about an older one: answered already */
	VSC_EVENT_NEED,			/* this side wants another contract, or resumed */
	VSC_EVENT_FOREIGN,		/* an answer shows another contract than the one held */
	VSC_EVENT_FAILED,		/* no answer in time, or an error status */
	VSC_EVENT_RELEASED,		/* the contract was given back */
	VSC_EVENT_LOST,			/* the channel is gone */
	VSC_EVENTS
};

/* What the client then does, lowest bit first. */
#define VSC_DO_UNDO		BIT(0)	/* forget the grant, back to what is held */
#define VSC_DO_ADOPT		BIT(1)	/* hold what the provider says is in force */
#define VSC_DO_WIDEN		BIT(2)	/* hold the grant; apply what widens */
#define VSC_DO_SETTLE		BIT(3)	/* the renegotiation is over */
#define VSC_DO_NEW_EPOCH	BIT(4)	/* draw a random epoch */
#define VSC_DO_INITIALIZE	BIT(5)	/* send INITIALIZE */
#define VSC_DO_ASK		BIT(6)	/* send REQUEST_BANDWIDTH with the wishes */
#define VSC_DO_CHOOSE		BIT(7)	/* send the choice from the offer */
#define VSC_DO_KEEP		BIT(8)	/* send REQUEST_BANDWIDTH with KEEP */
#define VSC_DO_NARROW		BIT(9)	/* apply and drain what narrows: NARROWED, or FAILED */
#define VSC_DO_START		BIT(10)	/* send START */
#define VSC_DO_WAIT		BIT(11)	/* wait for the retry time, or for a call */
#define VSC_DO_BACK_OFF		BIT(12)	/* try again after a growing pause */
#define VSC_DO_DETACH		BIT(13)	/* nothing is held any more; the device fails */

/**
 * struct vs_step - result of a step
 * @next: state to go to
 * @actions: VSP_DO_* or VSC_DO_*
 */
struct vs_step {
	u8 next;
	u32 actions;
};

struct vs_step vs_states_provider(enum vs_state state, enum vsp_event event);
struct vs_step vs_states_client(enum vs_state state, enum vsc_event event);
const char *vs_states_name(enum vs_state state);
const char *vs_states_provider_event(enum vsp_event event);
const char *vs_states_client_event(enum vsc_event event);

#endif
