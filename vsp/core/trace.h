/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of the provider: every message, every change of state and of the configuration.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vsp

#if !defined(VSP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VSP_TRACE_H

#include <linux/tracepoint.h>

#include "vs_states.h"
#include "vs_message.h"

TRACE_EVENT(vsp_message,
	TP_PROTO(const char *service, bool sent, const struct vs_message *message),
	TP_ARGS(service, sent, message),
	TP_STRUCT__entry(
		__string(service, service)
		__field(bool, sent)
		__field(u16, type)
		__field(u32, status)
		__field(u64, epoch)
		__field(u64, contract)
		__field(u32, reason)
		__field(u32, outcome)
	),
	TP_fast_assign(
		__assign_str(service);
		__entry->sent = sent;
		__entry->type = message->type;
		__entry->status = message->status;
		__entry->epoch = message->epoch;
		__entry->contract = message->contract;
		__entry->reason = message->reason;
		__entry->outcome = message->outcome;
	),
	TP_printk("%s %s %s status=%s epoch=%016llx contract=%llu reason=%s outcome=%s",
		  __get_str(service), __entry->sent ? "sends" : "gets",
		  vs_wire_type_name(__entry->type), vs_wire_status_name(__entry->status),
		  __entry->epoch, __entry->contract, vs_wire_reason_name(__entry->reason),
		  vs_wire_outcome_name(__entry->outcome))
);

TRACE_EVENT(vsp_state,
	TP_PROTO(const char *service, enum vs_state from, enum vsp_event event, enum vs_state to),
	TP_ARGS(service, from, event, to),
	TP_STRUCT__entry(
		__string(service, service)
		__field(u8, from)
		__field(u8, event)
		__field(u8, to)
	),
	TP_fast_assign(
		__assign_str(service);
		__entry->from = from;
		__entry->event = event;
		__entry->to = to;
	),
	TP_printk("%s %s -> %s on %s", __get_str(service), vs_states_name(__entry->from),
		  vs_states_name(__entry->to), vs_states_provider_event(__entry->event))
);

TRACE_EVENT(vsp_contract,
	TP_PROTO(const char *service, u64 from, u64 to),
	TP_ARGS(service, from, to),
	TP_STRUCT__entry(
		__string(service, service)
		__field(u64, from)
		__field(u64, to)
	),
	TP_fast_assign(
		__assign_str(service);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s in force=%llu instead of %llu", __get_str(service), __entry->to,
		  __entry->from)
);

/* One line for each rate, as a contract has several. */
TRACE_EVENT(vsp_violation,
	TP_PROTO(const char *service, u64 contract, const char *term, u64 floor, u64 served,
		 u64 passed_ns),
	TP_ARGS(service, contract, term, floor, served, passed_ns),
	TP_STRUCT__entry(
		__string(service, service)
		__field(u64, contract)
		__string(term, term)
		__field(u64, floor)
		__field(u64, served)
		__field(u64, passed_ns)
	),
	TP_fast_assign(
		__assign_str(service);
		__entry->contract = contract;
		__assign_str(term);
		__entry->floor = floor;
		__entry->served = served;
		__entry->passed_ns = passed_ns;
	),
	TP_printk("%s contract=%llu %s: floor=%llu/s served=%llu in %llu ns", __get_str(service),
		  __entry->contract, __get_str(term), __entry->floor, __entry->served,
		  __entry->passed_ns)
);

/* The process that has made the change is the one of the record. */
TRACE_EVENT(vsp_change,
	TP_PROTO(const char *kind, const char *name, const char *file, const char *from,
		 const char *to, u32 uid),
	TP_ARGS(kind, name, file, from, to, uid),
	TP_STRUCT__entry(
		__string(kind, kind)
		__string(name, name)
		__string(file, file)
		__string(from, from)
		__string(to, to)
		__field(u32, uid)
	),
	TP_fast_assign(
		__assign_str(kind);
		__assign_str(name);
		__assign_str(file);
		__assign_str(from);
		__assign_str(to);
		__entry->uid = uid;
	),
	TP_printk("%s %s %s: \"%s\" -> \"%s\" uid=%u", __get_str(kind), __get_str(name),
		  __get_str(file), __get_str(from), __get_str(to), __entry->uid)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
