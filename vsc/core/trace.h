/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the client: every message, every change of state, every window in which
 * a floor was not kept.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vsc

#if !defined(VSC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VSC_TRACE_H

#include <linux/tracepoint.h>

#include "vs_compat.h"
#include "vs_states.h"
#include "vs_message.h"

TRACE_EVENT(vsc_message,
	TP_PROTO(const char *session, bool sent, const struct vs_message *message),
	TP_ARGS(session, sent, message),
	TP_STRUCT__entry(
		__string(session, session)
		__field(bool, sent)
		__field(u16, type)
		__field(u32, status)
		__field(u64, epoch)
		__field(u64, contract)
		__field(u32, reason)
		__field(u32, outcome)
	),
	TP_fast_assign(
		vs_assign_str(session);
		__entry->sent = sent;
		__entry->type = message->type;
		__entry->status = message->status;
		__entry->epoch = message->epoch;
		__entry->contract = message->contract;
		__entry->reason = message->reason;
		__entry->outcome = message->outcome;
	),
	TP_printk("%s %s %s status=%s epoch=%016llx contract=%llu reason=%s outcome=%s",
		  __get_str(session), __entry->sent ? "sends" : "gets",
		  vs_wire_type_name(__entry->type), vs_wire_status_name(__entry->status),
		  __entry->epoch, __entry->contract, vs_wire_reason_name(__entry->reason),
		  vs_wire_outcome_name(__entry->outcome))
);

TRACE_EVENT(vsc_state,
	TP_PROTO(const char *session, enum vs_state from, enum vsc_event event, enum vs_state to),
	TP_ARGS(session, from, event, to),
	TP_STRUCT__entry(
		__string(session, session)
		__field(u8, from)
		__field(u8, event)
		__field(u8, to)
	),
	TP_fast_assign(
		vs_assign_str(session);
		__entry->from = from;
		__entry->event = event;
		__entry->to = to;
	),
	TP_printk("%s %s -> %s on %s", __get_str(session), vs_states_name(__entry->from),
		  vs_states_name(__entry->to), vs_states_client_event(__entry->event))
);

/* One for each rate that has a floor. */
TRACE_EVENT(vsc_violation,
	TP_PROTO(const char *session, u64 contract, const char *rate, u64 served, u64 floor,
		 u64 ns),
	TP_ARGS(session, contract, rate, served, floor, ns),
	TP_STRUCT__entry(
		__string(session, session)
		__string(rate, rate)
		__field(u64, contract)
		__field(u64, served)
		__field(u64, floor)
		__field(u64, ns)
	),
	TP_fast_assign(
		vs_assign_str(session);
		vs_assign_str(rate);
		__entry->contract = contract;
		__entry->served = served;
		__entry->floor = floor;
		__entry->ns = ns;
	),
	TP_printk("%s contract=%llu rate=%s floor=%llu served=%llu ns=%llu", __get_str(session),
		  __entry->contract, __get_str(rate), __entry->floor, __entry->served,
		  __entry->ns)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
