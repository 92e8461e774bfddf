/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two services of one pool.  Their clients send anything at any time; calls, deadlines,
 * leases, resets and closes come as they like.  A contract is its floor here.  Checked is
 * that what is charged never exceeds the pool, and that what nobody has is charged to nobody.
 */
#include "names.h"	/* states, events and actions of include/vs_states.h as numbers */
#include "mutant.pml"

#ifndef CAPACITY
#define CAPACITY 3
#endif
#define NOTHING 255

byte in[2], force[2], held[2], pending[2], fallback[2];
bit pending_called[2], pending_keeps[2], open[2];
bit there[2];		/* a driver, or at least a VMM */
byte s;			/* the service that a step is about */
byte event, amount;
hidden byte next, old, i;
hidden short todo;
hidden byte p_by_start, p_keep_expired;	/* of no interest here */

#define p_in		in[s]
#define p_force		force[s]
#define p_held		held[s]
#define p_pending	pending[s]
#define p_fallback	fallback[s]
#define p_open		open[s]
#define p_pending_called pending_called[s]

#define p_keeps		(p_pending && pending_keeps[s])

#define does(action)	(todo & action)
#include "provider.pml"

#define max(a, b)	(a > b -> a : b)
#define charge(n)	(max(max(force[n], held[n]), max(pending[n], fallback[n])))
#define running		(p_force -> p_force : p_held)

/* vsp/core/machine_ask.c: reserve(), for @amount; keep() for 0 */
inline grant()
{
	drop_pending();
	if
	:: amount && charge(1 - s) + max(charge(s), amount) <= CAPACITY ->
		p_pending = amount;
		pending_keeps[s] = 0
	:: !amount && p_force -> p_pending = p_force; pending_keeps[s] = 1
	:: else
	fi;
	p_pending_called = (p_open && p_pending)
}

inline happens()
{
	old = p_force;
	provider_look_up();
	p_in = next;
	provider_contracts();
	printf("VSP_EVENT %d %d in force %d pending %d service %d\n", event, next, p_force, p_pending, s);
	if
	:: does(VSP_DO_ANSWER) && event == VSP_EVENT_ASK -> grant()
	/* the call is about what was started: less than that is its fallback now, or nothing */
	:: does(VSP_DO_CALL_ANEW) && p_open -> p_fallback = (p_force - 1)
	:: else
	fi;
	if
	:: !p_pending -> pending_keeps[s] = 0; p_pending_called = 0
	:: else
	fi;
	assert(charge(0) + charge(1) <= CAPACITY);
	assert(!p_force || !p_held);
	assert(!p_fallback || (p_open && (p_force || p_held)));
	/* Whoever is gone has nothing in force, and nothing at all after the lease. */
	assert(there[s] || (!p_force && !p_pending && p_in == VS_STATE_START));
	assert(there[s] || p_held || !charge(s));
	assert(event != VSP_EVENT_RELEASE || p_in == VS_STATE_START ||
	       p_in == VS_STATE_UNINITIALIZED || !charge(s));
	/* The lease is over. */
	assert(event != VSP_EVENT_GRANT_LEASE || !p_pending);
	assert(event != VSP_EVENT_HELD_LEASE || !p_held);
	event = NOTHING;
	amount = 0;
	next = 0;
	s = 0
}



active proctype everything()
{
	take_mutant();
	event = NOTHING;
	do
	:: atomic {
		if
		:: s = 0
		:: s = 1
		fi;
		if
		/* messages, of any kind at any time, with any content */
		:: there[s] && p_in != VS_STATE_UNINITIALIZED -> event = VSP_EVENT_INITIALIZE
		:: there[s] && p_in == VS_STATE_UNINITIALIZED -> event = VSP_EVENT_ANSWERED
		:: there[s] -> select(amount : 0 .. CAPACITY); event = VSP_EVENT_ASK
		:: there[s] -> event = VSP_EVENT_RELEASE
		:: there[s] && p_pending -> event = (p_open && !p_pending_called ->
			VSP_EVENT_START_CROSSED : VSP_EVENT_START)
		:: there[s] && p_force -> event = VSP_EVENT_START_AGAIN
		:: there[s] -> event = (p_force && !p_open ->
			VSP_EVENT_START_STALE : VSP_EVENT_START_OTHER)
		:: there[s] -> event = VSP_EVENT_BROKEN
		/* calls: a fallback is less than what there is */
		:: (p_force || p_held) ->
			select(amount : 0 .. CAPACITY - 1);
			event = VSP_EVENT_CALL;
			d_step {
				settle();
				p_open = 1;
				p_pending_called = 0;
				p_fallback = (amount < (running) -> amount : 0);
				amount = 0
			}
		:: event = VSP_EVENT_INVITE
		/* clocks */
		:: p_open -> event = VSP_EVENT_DEADLINE
		:: p_pending -> event = VSP_EVENT_GRANT_LEASE
		:: p_held -> event = VSP_EVENT_HELD_LEASE
		/* drivers come and go */
		:: there[s] -> event = VSP_EVENT_RESUME
		:: event = VSP_EVENT_NEW_DRIVER; there[s] = 1
		:: event = VSP_EVENT_GONE; there[s] = 0
		fi;
		d_step { happens() }
	   }
	od
}
