/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One service and its client, as channel/states.def has them, joined by a channel that
 * delays: requests wait in a ring, answers and the call in a buffer each.  At any time
 * either side may call, withdraw, time out, be reset, be denied, or lose what is under
 * way.  At any time the world may become calm for good: then messages are handled before
 * clocks run out, and every ask is granted.
 *
 * Checked are the assertions below, that no state is a dead end, and that a calm world
 * comes to rest with both RUNNING under one contract (the formula at the end).
 *
 * What vsp/core/machine.c, vsc/core/machine.c and vsc/core/answer.c do for an action is one line here;
 * where those three grow a rule, this has to have it as well.  Contracts and epochs are
 * only compared for equality, so they are renamed after each step in the order in which
 * they are found: states that differ in names only are one.
 */
#include "names.h"	/* states, events and actions of include/vs_states.h as numbers */
#include "mutant.pml"

#ifndef RING
#define RING 2		/* requests that may wait */
#endif
#define NOTHING 255	/* no event */
#define FRESH 12	/* a contract that nobody knows yet: renamed at once */
#define NAMES 13

/* What the client sends, and what is answered to it. */
#define INITIALIZE 1
#define ASK 2
#define CHOICE 3
#define KEEP 4
#define START 5
#define RELEASE 6

#define OK 0
#define TOO_LATE 1	/* EXPIRED or STALE */
#define BAD 2		/* any other status */

#define DENIED 0
#define GRANTED 1
#define OFFERED 2

/* What one step works on: nothing of it outlives the step. */
byte to_provider, to_client;	/* events; NOTHING: none */
bit taking;			/* the provider takes a request */
bit flip;			/* anything that may be so or so */
byte mood;			/* how the provider answers an ask */
byte m_kind, m_epoch, m_id, m_granted;
hidden byte event, next, last, old;
hidden short todo;
hidden byte map[NAMES];
hidden byte names, i;

/* The client.  Its current epoch is 1; older ones have higher names. */
byte c_in, c_held, c_grant, c_awaits;
bit c_on;		/* there is a channel */
bit c_narrow;		/* applies what both the contract held and the grant allow */
bit c_pause;		/* will try again */
bit c_waits;		/* denied: for a call */
bit c_kept;		/* has asked to keep what it holds, in this epoch */
bit c_release;		/* gives back, and asks for nothing */

/* The provider. */
byte p_in, p_epoch, p_force, p_held, p_pending, p_fallback;
bit p_pending_called;	/* granted after the open call */
bit p_keep_expired;	/* the last grant that was dropped was one to keep what is in force */
bit p_open;		/* a call with a deadline */
bit p_unanswered;	/* what was called for stands in the current epoch */
bit p_completing;	/* INITIALIZE taken, its COMPLETE not yet under way */
bit p_withdrawn;	/* nothing is granted */
bit p_by_start;		/* what is in force has replaced another contract by a START */

/* The channel. */
byte q_count, q_kind[RING], q_epoch[RING], q_id[RING];
byte a_kind, a_status, a_id, a_granted, a_outcome;
byte call;		/* 1: about the current epoch, 2: about an older one */

bit calm, rest;

/* ---- Names ---- */

inline rename(x)
{
	if
	:: x == 0
	:: x != 0 && map[x] == 0 -> names++; map[x] = names; x = names
	:: else -> x = map[x]
	fi
}

inline rename_all()
{
	for (i : 0 .. NAMES - 1) {
		map[i] = 0
	}
	names = 0;
	rename(p_force); rename(p_held); rename(p_pending); rename(p_fallback);
	rename(c_held); rename(c_grant); rename(a_id); rename(a_granted);
	for (i : 0 .. RING - 1) {
		rename(q_id[i])
	}
	for (i : 1 .. NAMES - 1) {
		map[i] = 0
	}
	map[1] = 1;
	names = 1;
	rename(p_epoch);
	for (i : 0 .. RING - 1) {
		rename(q_epoch[i])
	}
	m_kind = 0; m_epoch = 0; m_id = 0; m_granted = 0; mood = 0; flip = 0; taking = 0;
	to_provider = NOTHING; to_client = NOTHING
}

/* ---- The channel ---- */

/* What finds no room is as good as lost: the time-out tells. */
inline send(kind, id)
{
	if
	:: q_count < RING ->
		q_kind[q_count] = kind;
		q_epoch[q_count] = 1;
		q_id[q_count] = id;
		q_count++
	:: else
	fi;
	c_awaits = kind;
	c_pause = 0;
	a_kind = 0
}

inline take_request()
{
	m_kind = q_kind[0];
	m_epoch = q_epoch[0];
	m_id = q_id[0];
	for (i : 0 .. RING - 2) {
		q_kind[i] = q_kind[i + 1];
		q_epoch[i] = q_epoch[i + 1];
		q_id[i] = q_id[i + 1]
	}
	q_kind[RING - 1] = 0;
	q_epoch[RING - 1] = 0;
	q_id[RING - 1] = 0;
	q_count--
}

inline lose_answer()
{
	a_kind = 0; a_status = 0; a_id = 0; a_granted = 0; a_outcome = 0
}

inline lose_requests()
{
	for (i : 0 .. RING - 1) {
		q_kind[i] = 0;
		q_epoch[i] = 0;
		q_id[i] = 0
	}
	q_count = 0;
	p_completing = 0
}

/* An answer that the client does not wait for any more is not kept. */
inline reply(status, outcome, granted)
{
	if
	:: c_on && m_epoch == 1 && m_kind == c_awaits ->
		a_kind = m_kind;
		a_status = status;
		a_id = p_force;
		a_outcome = outcome;
		a_granted = granted
	:: else
	fi
}

inline write_call()
{
	if
	:: p_unanswered && c_on && p_epoch == 1 -> call = 1
	:: p_unanswered && c_on && p_epoch != 1 -> call = 2
	:: else
	fi
}

/* ---- The client's machine ---- */

#define does(action) (todo & action)

#define PROVIDER(state, event_, next_, actions)
#define CLIENT(state, event_, next_, actions)					\
	:: c_in == VS_STATE_##state && event == VSC_EVENT_##event_ ->	\
		next = VS_STATE_##next_; todo = actions

inline client_look_up()
{
	if
#include "states.def"
	fi;
	mutate(2, c_in)
}

#undef PROVIDER
#undef CLIENT

inline client_contracts()
{
	if
	:: does(VSC_DO_ADOPT) -> c_held = m_id
	:: does(VSC_DO_WIDEN) ->
		assert(c_grant);	/* there is something to widen to */
		c_held = c_grant
	:: else
	fi;
	if
	:: does((VSC_DO_UNDO | VSC_DO_ADOPT | VSC_DO_WIDEN)) -> c_grant = 0; c_narrow = 0
	:: else
	fi
}

inline client_sends()
{
	if
	:: does(VSC_DO_NEW_EPOCH) ->
		c_awaits = 0;
		c_kept = 0;
		c_waits = 0;
		c_pause = 0;
		lose_answer();
		if
		:: call == 1 -> call = 2
		:: else
		fi;
		/* the current one is 1: those that were so far are older */
		if
		:: p_epoch -> p_epoch++
		:: else
		fi;
		for (i : 0 .. RING - 1) {
			if
			:: q_epoch[i] -> q_epoch[i]++
			:: else
			fi
		}
	:: else
	fi;
	if
	:: does(VSC_DO_INITIALIZE) ->
		assert(does(VSC_DO_NEW_EPOCH));	/* no epoch is opened twice */
		send(INITIALIZE, 0)
	:: does(VSC_DO_ASK) -> send(ASK, 0)
	:: does(VSC_DO_CHOOSE) -> send(CHOICE, 0)
	:: does(VSC_DO_KEEP) -> c_kept = 1; send(KEEP, c_held)
	:: does(VSC_DO_START) ->
		assert(c_grant);	/* there is something to start */
		send(START, c_grant)
	:: else
	fi
}

/* What event follows at once from the one that was handled last. */
inline client_follows()
{
	event = NOTHING;
	if
	:: does(VSC_DO_NARROW) ->
		c_grant = m_granted;
		c_narrow = (c_grant != c_held);
		/* what is taken away may be in use for too long */
		event = (flip -> VSC_EVENT_FAILED : VSC_EVENT_NARROWED)
	:: last >= VSC_EVENT_INITIALIZED && last <= VSC_EVENT_INITIALIZED_GRANT ->
		if
		:: !c_release -> event = VSC_EVENT_PROCEED
		:: c_release && c_held -> send(RELEASE, 0)
		:: else
		fi
	:: else
	fi
}

inline client_happens()
{
	event = to_client;
	do
	:: event != NOTHING ->
		client_look_up();
		last = event;
		c_in = next;
		printf("VSC_EVENT %d %d holds %d granted %d\n", event, next, c_held, c_grant);
		client_contracts();
		client_sends();
		if
		:: does(VSC_DO_SETTLE) -> c_pause = 0
		:: does(VSC_DO_WAIT) -> c_waits = 1; c_awaits = 0; c_pause = flip
		:: does(VSC_DO_BACK_OFF) -> c_awaits = 0; c_pause = 1
		:: does(VSC_DO_DETACH) -> c_held = 0; c_awaits = 0; c_pause = 0; c_waits = 0
		:: else
		fi;
		/* What was given back is not held. */
		assert(last != VSC_EVENT_RELEASED || !(c_held || c_grant));
		client_follows()
	:: else -> break
	od
}

/* The answer as an event: vsc/core/answer.c. */
inline answer_event()
{
	if
	:: a_status == BAD -> last = VSC_EVENT_FAILED
	:: a_kind == INITIALIZE && a_id == c_held -> last = VSC_EVENT_INITIALIZED
	:: a_kind == INITIALIZE && a_id != c_held ->
		last = (a_id && a_id == c_grant -> VSC_EVENT_INITIALIZED_GRANT :
						   VSC_EVENT_INITIALIZED_OTHER)
	:: a_kind == RELEASE && a_status == OK -> last = VSC_EVENT_RELEASED
	:: a_kind == START && a_status == OK ->
		last = (a_id && a_id == c_grant -> VSC_EVENT_STARTED : VSC_EVENT_FOREIGN)
	:: a_status == TOO_LATE ->
		last = (a_id != c_held -> VSC_EVENT_FOREIGN :
			(a_id -> VSC_EVENT_EXPIRED : VSC_EVENT_EXPIRED_NONE))
	:: a_kind != START && a_kind != INITIALIZE && a_kind != RELEASE && a_status == OK ->
		if
		:: a_id != c_held -> last = VSC_EVENT_FOREIGN
		:: a_id == c_held && a_outcome == OFFERED -> last = VSC_EVENT_OFFER
		:: a_id == c_held && a_outcome == GRANTED -> last = VSC_EVENT_GRANT
		:: a_id == c_held && a_outcome == DENIED ->
			last = (c_held && !c_kept -> VSC_EVENT_DENY : VSC_EVENT_DENY_FINAL)
		fi
	fi
}

inline take_answer()
{
	answer_event();
	to_client = last;
	m_id = a_id;
	m_granted = a_granted;
	c_awaits = 0;
	lose_answer()
}

/* ---- The provider's machine ---- */

#define p_keeps		(p_pending && p_pending == p_force)
#include "provider.pml"

inline answer_ask()
{
	if
	:: mood == GRANTED && m_kind == KEEP && (!p_force || p_force != m_id) ->
		reply(OK, DENIED, 0)
	:: mood == GRANTED && !(m_kind == KEEP && (!p_force || p_force != m_id)) ->
		drop_pending();
		p_pending = (m_kind == KEEP -> m_id : FRESH);
		p_pending_called = p_open;
		reply(OK, GRANTED, p_pending)
	:: mood == OFFERED -> reply(OK, OFFERED, 0)
	:: else -> reply(OK, DENIED, 0)
	fi
}

/* The open call is about what was just started: settled, or with another fallback. */
inline call_anew()
{
	if
	:: p_open && !p_withdrawn ->
		if
		:: mood == GRANTED -> settle()
		:: mood == OFFERED -> p_fallback = FRESH
		:: else -> p_fallback = 0
		fi;
		p_unanswered = 1;
		write_call()
	:: else
	fi
}

inline provider_answers()
{
	if
	:: does(VSP_DO_OPEN_EPOCH) ->
		p_epoch = m_epoch;
		p_unanswered = 0;
		p_completing = 1
	:: else
	fi;
	if
	:: does(VSP_DO_ANSWER) && (m_kind == START || m_kind == RELEASE) -> reply(OK, 0, 0)
	:: does(VSP_DO_ANSWER) && m_kind != START && m_kind != RELEASE -> answer_ask()
	:: does(VSP_DO_REFUSE) -> reply(BAD, 0, 0)
	:: does(VSP_DO_STALE) -> reply(TOO_LATE, 0, 0)
	:: else
	fi;
	if
	:: does(VSP_DO_TELL) -> p_unanswered = 1
	:: else
	fi;
	if
	:: does((VSP_DO_CALL | VSP_DO_TELL)) -> write_call()
	:: event == VSP_EVENT_CALL || event == VSP_EVENT_INVITE ->
		assert(p_in == VS_STATE_START || does(VSP_DO_CALL))	/* a call is written */
	:: does(VSP_DO_CALL_ANEW) -> call_anew()
	:: else
	fi
}

inline provider_happens()
{
	event = to_provider;
	to_provider = NOTHING;
	provider_look_up();
	p_in = next;
	provider_contracts();
	printf("VSP_EVENT %d %d in force %d pending %d\n", event, next, p_force, p_pending);
	/* The contract in force stays so until a START, a deadline, or its end. */
	assert(p_force == old || event == VSP_EVENT_START || event == VSP_EVENT_START_CROSSED ||
	       event == VSP_EVENT_DEADLINE || event == VSP_EVENT_RELEASE ||
	       event == VSP_EVENT_NEW_DRIVER || event == VSP_EVENT_GONE);
	/* What the driver leaves behind is charged, not in force. */
	assert(!p_force || (event != VSP_EVENT_NEW_DRIVER && event != VSP_EVENT_GONE));
	/* What expires or is given back is free. */
	assert(!p_held || event != VSP_EVENT_HELD_LEASE);
	/* A deadline replaces what was in force; it, and another driver, end the call. */
	assert(event != VSP_EVENT_DEADLINE || (!p_open && (!old || p_force != old)));
	assert(event != VSP_EVENT_NEW_DRIVER || !p_open);
	/* Nor does that come back: a grant to keep it ends with it. */
	assert(event != VSP_EVENT_DEADLINE || !old || p_pending != old);
	assert(!p_pending || event != VSP_EVENT_GRANT_LEASE);
	assert(event != VSP_EVENT_RELEASE || p_in == VS_STATE_START ||
	       p_in == VS_STATE_UNINITIALIZED || !(p_force || p_held || p_pending));
	provider_answers();
	if
	:: taking && flip && does((VSP_DO_REFUSE | VSP_DO_STALE)) ->
		taking = 0;
		to_provider = VSP_EVENT_BROKEN
	:: else
	fi
}

inline start_event()
{
	if
	:: p_pending && m_id == p_pending ->
		last = (p_open && !p_pending_called -> VSP_EVENT_START_CROSSED : VSP_EVENT_START)
	:: !(p_pending && m_id == p_pending) && m_id && m_id == p_force && !p_keep_expired ->
		last = VSP_EVENT_START_AGAIN
	:: else -> last = (p_force && !p_open -> VSP_EVENT_START_STALE : VSP_EVENT_START_OTHER)
	fi
}

/* vsp/core/machine.c: machine_take_message(); judge_message() where @flip says that it was one bad message too many */
inline take_message()
{
	take_request();
	if
	:: m_kind == INITIALIZE -> last = VSP_EVENT_INITIALIZE
	:: m_kind != INITIALIZE && p_in != VS_STATE_START && m_epoch != p_epoch ->
		last = (flip -> VSP_EVENT_BROKEN : NOTHING);
		reply(BAD, 0, 0)
	:: m_kind == START && (p_in == VS_STATE_START || m_epoch == p_epoch) -> start_event()
	:: m_kind == RELEASE && (p_in == VS_STATE_START || m_epoch == p_epoch) ->
		last = VSP_EVENT_RELEASE
	:: else -> last = VSP_EVENT_ASK
	fi;
	to_provider = last
}

/* A call with a deadline, and what comes at it (0: nothing). */
inline make_call(fallback)
{
	settle();
	p_open = 1;
	p_fallback = fallback;
	p_pending_called = 0;
	p_unanswered = 1
}

/* ---- What has to hold after every step ---- */

#define start_unread (c_awaits == START || c_awaits == RELEASE)

inline check()
{
	/* The client is RUNNING: under the contract in force, or it will hear of another. */
	assert(c_in != VS_STATE_RUNNING || c_held == p_force || start_unread ||
	       call == 1 || c_pause);
	/* Both RUNNING: of one contract and epoch, or a START or a call is unread. */
	assert(c_in != VS_STATE_RUNNING || p_in != VS_STATE_RUNNING || start_unread ||
	       call == 1 || (c_held == p_force && p_epoch == 1));
	/* What a START may have taken away is not used. */
	assert(!c_on || !c_held || c_narrow || !p_force || c_held == p_force || !p_by_start);
	assert(c_in != VS_STATE_RUNNING || c_held || c_grant);
	assert(c_in != VS_STATE_START || (!c_held && !c_grant && !c_narrow && !c_awaits));
	assert((c_in != VS_STATE_NOT_NEGOTIATED && c_in != VS_STATE_INITIALIZED) || !c_grant);
	/* What is under way is what the state says. */
	assert(c_awaits != INITIALIZE || c_in == VS_STATE_UNINITIALIZED);
	assert(c_awaits != START || c_in == VS_STATE_RUNNING);
	assert((c_awaits != ASK && c_awaits != CHOICE && c_awaits != KEEP) ||
	       c_in == VS_STATE_NOT_NEGOTIATED);
	assert(!p_completing || p_in == VS_STATE_UNINITIALIZED);
	assert(!c_narrow || c_grant);
	/* The provider: one contract in force or held, and charged once. */
	assert(!p_force || !p_held);
	assert(!p_fallback || p_open);
	assert(p_in != VS_STATE_RUNNING || (p_force && !p_pending && !p_open));
	assert(p_in != VS_STATE_START || !p_pending);
	assert(!p_fallback || (p_fallback != p_force && p_fallback != p_held &&
			       p_fallback != p_pending));
	rename_all()
}

#define agreed (c_in == VS_STATE_RUNNING && p_in == VS_STATE_RUNNING && c_held && \
		c_held == p_force && p_epoch == 1 && !c_grant && !c_narrow)

/* ---- Who does what, when ---- */

/* Nothing is under way. */
#define quiet (!q_count && !a_kind && !call && !p_completing)
/* A clock may run out: in a calm world once nothing is under way. */
#define late (!calm || quiet)
#define in_session (c_in != VS_STATE_START && c_in != VS_STATE_UNINITIALIZED)

/* What the step is about is chosen first; then the machines take it. */
inline take_step()
{
	if
	:: taking -> take_message()
	:: else
	fi;
	do
	:: to_provider != NOTHING -> provider_happens()
	:: else -> break
	od;
	if
	:: to_client != NOTHING -> client_happens()
	:: else
	fi;
	check()
}

active proctype everything()
{
	take_mutant();
	to_provider = NOTHING;
	to_client = NOTHING;
	do
	:: atomic {
		if
		/* ---- The client ---- */
		:: d_step { c_on && a_kind -> take_answer() }
		/* the same, but what the grant takes away is in use; a denial with a time */
		:: d_step { c_on && a_kind && !calm &&
				(a_outcome == GRANTED || a_outcome == DENIED) ->
			flip = 1; take_answer() }
		:: d_step { c_on && call == 1 -> call = 0; to_client = VSC_EVENT_CALL }
		:: d_step { c_on && call == 2 -> call = 0; to_client = VSC_EVENT_CALL_OLD }
		/* no answer in time */
		:: d_step { c_awaits && late && (!calm || !a_kind) ->
			c_awaits = 0; lose_answer(); to_client = VSC_EVENT_FAILED }
		/* again */
		:: d_step { c_pause && late -> c_pause = 0;
			to_client = (c_in == VS_STATE_RUNNING -> VSC_EVENT_NEED : VSC_EVENT_BEGIN) }
		/* its class is there */
		:: d_step { c_on && c_in == VS_STATE_START -> to_client = VSC_EVENT_BEGIN }
		/* it wants something else */
		:: d_step { c_on && !calm && c_in != VS_STATE_START ->
			c_release = 0; to_client = VSC_EVENT_NEED }
		:: d_step { calm && quiet && c_in == VS_STATE_INITIALIZED && !c_awaits ->
			to_client = VSC_EVENT_NEED }
		/* it gives back what it has */
		:: d_step { c_on && !calm && in_session && c_awaits != RELEASE ->
			c_release = 1; send(RELEASE, 0) }
		:: d_step { c_on && !calm && c_in == VS_STATE_UNINITIALIZED -> c_release = 1 }
		/* its class goes */
		:: d_step { c_on && !calm && c_in != VS_STATE_START ->
			lose_answer(); c_release = 0; to_client = VSC_EVENT_LOST }

		/* ---- The provider ---- */
		:: d_step { p_completing ->
			p_completing = 0; m_kind = INITIALIZE; m_epoch = p_epoch;
			reply(OK, 0, 0); to_provider = VSP_EVENT_ANSWERED }
		:: d_step { q_count && !p_completing && (calm || !p_withdrawn) ->
			taking = 1; mood = GRANTED }
		:: d_step { q_count && !p_completing && !calm -> taking = 1; mood = DENIED }
		:: d_step { q_count && !p_completing && !calm && !p_withdrawn &&
				(q_kind[0] == ASK || q_kind[0] == START) ->
			taking = 1; mood = OFFERED }
		/* one bad message too many */
		:: d_step { q_count && !p_completing && !calm && q_kind[0] != INITIALIZE ->
			taking = 1; mood = DENIED; flip = 1 }
		/* an administrator, the pool or the source calls */
		:: d_step { !calm && (p_force || p_held) ->
			p_withdrawn = 0; make_call(FRESH); to_provider = VSP_EVENT_CALL }
		:: d_step { !calm && (p_force || p_held) ->
			p_withdrawn = 1; drop_pending(); make_call(0); to_provider = VSP_EVENT_CALL }
		:: d_step { !calm && (p_force || p_held) ->
			drop_pending(); make_call(0); to_provider = VSP_EVENT_DEADLINE }
		/* there may be more */
		:: d_step { !calm -> p_unanswered = 1; to_provider = VSP_EVENT_INVITE }
		:: d_step { !calm ->
			p_withdrawn = 0; settle(); p_unanswered = 1; to_provider = VSP_EVENT_INVITE }
		:: d_step { calm && quiet && !c_awaits && !c_pause && (c_waits || p_withdrawn) ->
			p_withdrawn = 0; p_unanswered = 1; to_provider = VSP_EVENT_INVITE }
		/* clocks */
		:: d_step { p_open && late -> to_provider = VSP_EVENT_DEADLINE }
		:: d_step { p_pending && late -> to_provider = VSP_EVENT_GRANT_LEASE }
		:: d_step { p_held && late -> to_provider = VSP_EVENT_HELD_LEASE }

		/* ---- What becomes of the channel, and of the world ---- */
		/* a VM stops and goes on: of what was under way some is still there */
		:: d_step { !calm && c_on -> call = 0; to_provider = VSP_EVENT_RESUME }
		:: d_step { !calm && c_on -> call = 0; lose_answer();
			to_provider = VSP_EVENT_RESUME }
		:: d_step { !calm && c_on -> call = 0; lose_requests();
			to_provider = VSP_EVENT_RESUME }
		:: d_step { !calm && c_on -> call = 0; lose_answer(); lose_requests();
			to_provider = VSP_EVENT_RESUME }
		/* a reset; the next driver may come at any time, or the VMM be gone first */
		:: d_step { !calm && c_on ->
			c_on = 0; call = 0; lose_answer(); lose_requests(); c_release = 0;
			to_client = VSC_EVENT_LOST }
		:: d_step { !calm && !c_on -> to_provider = VSP_EVENT_GONE }
		:: d_step { !c_on ->
			c_on = 1; to_provider = VSP_EVENT_NEW_DRIVER; to_client = VSC_EVENT_BEGIN }
		:: d_step { !calm -> calm = 1; c_release = 0 }
		/* nothing is left to be done */
		:: d_step { calm && quiet && c_on && !c_awaits && !c_pause && !c_waits && !p_open &&
				!p_pending && !p_held && !p_withdrawn &&
				c_in != VS_STATE_START && c_in != VS_STATE_INITIALIZED && !rest ->
			assert(agreed); rest = 1 }
		fi;
		d_step { take_step() }
	   }
	:: rest -> break
	od
}

ltl comes_to_rest { [] (calm -> <> rest) }
