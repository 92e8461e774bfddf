// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps the two state machines of states.def.  Pure.
 */
#include <linux/array_size.h>
#include <linux/export.h>

#include "vs_states.h"

#define PROVIDER(state, event, next, actions)					\
	[VS_STATE_##state][VSP_EVENT_##event] = { VS_STATE_##next, actions },
#define CLIENT(state, event, next, actions)
static const struct vs_step provider_steps[VS_STATES][VSP_EVENTS] = {
#include "states.def"
};

#undef PROVIDER
#undef CLIENT

#define PROVIDER(state, event, next, actions)
#define CLIENT(state, event, next, actions)					\
	[VS_STATE_##state][VSC_EVENT_##event] = { VS_STATE_##next, actions },
static const struct vs_step client_steps[VS_STATES][VSC_EVENTS] = {
#include "states.def"
};

#undef PROVIDER
#undef CLIENT

static const char * const state_names[VS_STATES] = {
	[VS_STATE_START] = "START",
	[VS_STATE_UNINITIALIZED] = "PROTOCOL_UNINITIALIZED",
	[VS_STATE_INITIALIZED] = "PROTOCOL_INITIALIZED",
	[VS_STATE_NOT_NEGOTIATED] = "FEATURES_NOT_NEGOTIATED",
	[VS_STATE_RUNNING] = "RUNNING",
};

static const char * const provider_events[VSP_EVENTS] = {
	[VSP_EVENT_INITIALIZE] = "initialize",
	[VSP_EVENT_ANSWERED] = "answered",
	[VSP_EVENT_ASK] = "ask",
	[VSP_EVENT_RELEASE] = "release",
	[VSP_EVENT_START] = "start",
	[VSP_EVENT_START_CROSSED] = "start-crossed",
	[VSP_EVENT_START_AGAIN] = "start-again",
	[VSP_EVENT_START_STALE] = "start-stale",
	[VSP_EVENT_START_OTHER] = "start-other",
	[VSP_EVENT_CALL] = "call",
	[VSP_EVENT_INVITE] = "invite",
	[VSP_EVENT_DEADLINE] = "deadline",
	[VSP_EVENT_GRANT_LEASE] = "grant-lease",
	[VSP_EVENT_HELD_LEASE] = "held-lease",
	[VSP_EVENT_RESUME] = "resume",
	[VSP_EVENT_NEW_DRIVER] = "new-driver",
	[VSP_EVENT_GONE] = "gone",
	[VSP_EVENT_BROKEN] = "broken",
};

static const char * const client_events[VSC_EVENTS] = {
	[VSC_EVENT_BEGIN] = "begin",
	[VSC_EVENT_INITIALIZED] = "initialized",
	[VSC_EVENT_INITIALIZED_OTHER] = "initialized-other",
	[VSC_EVENT_INITIALIZED_GRANT] = "initialized-grant",
	[VSC_EVENT_PROCEED] = "proceed",
	[VSC_EVENT_OFFER] = "offer",
	[VSC_EVENT_GRANT] = "grant",
	[VSC_EVENT_NARROWED] = "narrowed",
	[VSC_EVENT_DENY] = "deny",
	[VSC_EVENT_DENY_FINAL] = "deny-final",
	[VSC_EVENT_STARTED] = "started",
	[VSC_EVENT_EXPIRED] = "expired",
	[VSC_EVENT_EXPIRED_NONE] = "expired-none",
	[VSC_EVENT_CALL] = "call",
	[VSC_EVENT_CALL_OLD] = "call-old",
	[VSC_EVENT_NEED] = "need",
	[VSC_EVENT_FOREIGN] = "foreign",
	[VSC_EVENT_FAILED] = "failed",
	[VSC_EVENT_RELEASED] = "released",
	[VSC_EVENT_LOST] = "lost",
};

/**
 * vs_states_provider() - one step of the VSP's machine
 * @state: where it is
 * @event: what has happened
 *
 * Context: any.
 * Return: where it goes, and VSP_DO_* to do in the order of their bits.
 */
struct vs_step vs_states_provider(enum vs_state state, enum vsp_event event)
{
	if (state >= VS_STATES || event >= VSP_EVENTS)
		return (struct vs_step){ VS_STATE_START, 0 };
	return provider_steps[state][event];
}
EXPORT_SYMBOL_GPL(vs_states_provider);

/**
 * vs_states_client() - one step of the VSC's machine
 * @state: where it is
 * @event: what has happened
 *
 * Context: any.
 * Return: where it goes, and VSC_DO_* to do in the order of their bits.
 */
struct vs_step vs_states_client(enum vs_state state, enum vsc_event event)
{
	if (state >= VS_STATES || event >= VSC_EVENTS)
		return (struct vs_step){ VS_STATE_START, 0 };
	return client_steps[state][event];
}
EXPORT_SYMBOL_GPL(vs_states_client);

/**
 * vs_states_name() - the name of a state, as design and documents write it
 * @state: any value
 *
 * Return: a name, "?" out of range.
 */
const char *vs_states_name(enum vs_state state)
{
	return state < VS_STATES ? state_names[state] : "?";
}
EXPORT_SYMBOL_GPL(vs_states_name);

/**
 * vs_states_provider_event() - the name of an event, for traces
 * @event: any value
 *
 * Return: a name, "?" out of range.
 */
const char *vs_states_provider_event(enum vsp_event event)
{
	return event < VSP_EVENTS ? provider_events[event] : "?";
}
EXPORT_SYMBOL_GPL(vs_states_provider_event);

/**
 * vs_states_client_event() - the name of an event, for traces
 * @event: any value
 *
 * Return: a name, "?" out of range.
 */
const char *vs_states_client_event(enum vsc_event event)
{
	return event < VSC_EVENTS ? client_events[event] : "?";
}
EXPORT_SYMBOL_GPL(vs_states_client_event);
