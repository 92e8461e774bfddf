/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's machine and what its steps do to contracts (vsp/core/machine.c: do_actions(), in
 * its order), for one service: p_in, p_force, p_held, p_pending, p_fallback, p_open, ...
 * Included by both models, with p_keeps: what is pending is a grant to keep what is in force.
 */

#define CLIENT(state, event_, next_, actions)
#define PROVIDER(state, event_, next_, actions)					\
	:: p_in == VS_STATE_##state && event == VSP_EVENT_##event_ ->	\
		next = VS_STATE_##next_; todo = actions

inline provider_look_up()
{
	if
#include "states.def"
	fi;
	mutate(1, p_in)
}

#undef PROVIDER
#undef CLIENT

inline drop_pending()
{
	if
	:: p_pending -> p_keep_expired = (p_pending == p_force); p_pending = 0;
		p_pending_called = 0
	:: else
	fi
}

inline settle()
{
	p_open = 0;
	p_fallback = 0
}

/* vsp/core/machine.c: do_actions(), in its order */
inline provider_contracts()
{
	old = p_force;
	if
	:: does(VSP_DO_DROP_PENDING) -> drop_pending()
	:: does(VSP_DO_DROP_CROSSED) && !p_pending_called -> drop_pending()
	:: else
	fi;
	if
	:: does(VSP_DO_COMMIT) ->
		assert(p_pending);	/* there is something to start */
		p_by_start = (p_by_start || (p_force && p_pending != p_force));
		p_force = p_pending;
		p_pending = 0;
		p_pending_called = 0;
		p_held = 0;
		p_keep_expired = 0
	:: does(VSP_DO_START_FALLBACK) && p_open && (p_force || p_held) ->
		if
		:: p_keeps -> p_pending = 0; p_pending_called = 0
		:: else
		fi;
		if
		:: p_force -> p_force = p_fallback
		:: else -> p_held = p_fallback
		fi;
		p_fallback = 0;
		p_by_start = 0;
		p_keep_expired = 0
	:: else
	fi;
	if
	:: does(VSP_DO_SETTLE) -> settle()
	:: else
	fi;
	if
	:: does(VSP_DO_HOLD) && p_force ->
		p_held = p_force;
		p_force = 0;
		p_by_start = 0;
		p_keep_expired = 0
	:: else
	fi;
	if
	:: does(VSP_DO_FORGET) -> p_force = 0; p_held = 0; p_by_start = 0; p_keep_expired = 0
	:: else
	fi
}
