// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of the guest's byte channels, which counters/ of their session shows:
 *
 *	data_sent, data_received	bytes of all channels
 *	messages_refused		buffers and control messages of the host that make no sense
 */
#include "vs_counter.h"
#include "vsc/channel/ports.h"
#include "vsc/class.h"

VSC_COUNTER(data_sent, VSC_PORTS_SENT);
VSC_COUNTER(data_received, VSC_PORTS_RECEIVED);
VSC_COUNTER(messages_refused, VSC_PORTS_REFUSED);

static struct attribute *counters_attrs[] = {
	&counter_data_sent.attr.attr,
	&counter_data_received.attr.attr,
	&counter_messages_refused.attr.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_ports_counters_group = {
	.name = "counters",
	.attrs = counters_attrs,
};
