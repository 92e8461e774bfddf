// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's input device measures, and shows in counters/ of its session:
 *
 *	reports_delivered	that have reached the input core
 *	events_delivered	in them, with their SYN_REPORT
 *	events_refused		not granted, or not possible: a host that keeps to the contract
 *				sends none
 *	reports_lost		by the host, as its SYN_DROPPED says, or here: of more events than
 *				a report has
 *	status_sent		states of LEDs, and of how keys repeat
 *	devices_replaced	by one that can something else
 */
#include "vs_counter.h"
#include "vsc/class.h"
#include "vsc/input/input.h"

VSC_COUNTER(reports_delivered, VSC_INPUT_REPORTS);
VSC_COUNTER(events_delivered, VSC_INPUT_EVENTS);
VSC_COUNTER(events_refused, VSC_INPUT_EVENTS_REFUSED);
VSC_COUNTER(reports_lost, VSC_INPUT_REPORTS_LOST);
VSC_COUNTER(status_sent, VSC_INPUT_STATUS_SENT);
VSC_COUNTER(devices_replaced, VSC_INPUT_REPLACED);

static struct attribute *counters_attrs[] = {
	&counter_reports_delivered.attr.attr,
	&counter_events_delivered.attr.attr,
	&counter_events_refused.attr.attr,
	&counter_reports_lost.attr.attr,
	&counter_status_sent.attr.attr,
	&counter_devices_replaced.attr.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_input_counters_group = {
	.name = "counters",
	.attrs = counters_attrs,
};
