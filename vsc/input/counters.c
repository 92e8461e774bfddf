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
 *
 * Nobody knows here whether more events wait at the provider.  A sample counts as busy only if it
 * was served what the ceiling is worth, for then more may well wait: enough to see that a
 * ceiling holds back, and never enough to accuse a floor of not being kept.
 */
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vs_window.h"
#include "vsc/class.h"
#include "vsc/input/input.h"

#define EVENTS		VS_INPUT_INDEX(VS_INPUT_EVENTS)

/* What a ceiling has to have let through to be the one that held back: 1 - 1/20. */
#define CEILING_TOLERANCE	20

/**
 * vsc_input_counters_count() - something has happened
 * @input: the device
 * @counter: what
 * @more: how often
 *
 * Context: any.
 */
void vsc_input_counters_count(struct vsc_input *input, enum vsc_input_counter counter, u64 more)
{
	struct vsc_input_flow *flow = &input->flow;
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	flow->count[counter] += more;
	spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * vsc_input_counters_delivered() - a report has reached the input core
 * @input: the device
 * @events: in it, with its SYN_REPORT
 *
 * Context: any.
 */
void vsc_input_counters_delivered(struct vsc_input *input, unsigned int events)
{
	struct vsc_input_flow *flow = &input->flow;
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	flow->count[VSC_INPUT_REPORTS]++;
	flow->count[VSC_INPUT_EVENTS] += events;
	/* Outstanding for no time: it is seen when it is over. */
	if (vsc_meter_begin(&flow->meter, now))
		vsc_session_busy(input->session);
	vsc_meter_serve(&flow->meter, EVENTS, events, events, now);
	vsc_meter_end(&flow->meter, 1, now);
	spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * vsc_input_counters_contract() - another contract is in force
 * @input: the device
 * @ceiling: of it, events/s
 *
 * Context: process.
 */
void vsc_input_counters_contract(struct vsc_input *input, u64 ceiling)
{
	spin_lock_irq(&input->flow.lock);
	input->flow.ceiling = ceiling;
	spin_unlock_irq(&input->flow.lock);
}

/**
 * vsc_input_counters_rate() - what came in the last full second
 * @input: the device
 *
 * Context: process.
 * Return: events.
 */
u64 vsc_input_counters_rate(struct vsc_input *input)
{
	u64 rate;

	spin_lock_irq(&input->flow.lock);
	rate = vsc_meter_rate(&input->flow.meter, EVENTS, ktime_get_ns());
	spin_unlock_irq(&input->flow.lock);
	return rate;
}

/* Was it served what the ceiling is worth, but for one report? */
static bool counters_at_ceiling(const struct vs_window *seen, u64 ceiling, u64 now)
{
	u64 passed = min(now - seen->start_ns, 3600 * VS_WINDOW_NS);
	u64 owed = mul_u64_u64_div_u64(ceiling, passed, VS_WINDOW_NS);

	owed -= owed / CEILING_TOLERANCE;
	return seen->served[EVENTS] && seen->served[EVENTS] + seen->largest[EVENTS] >= owed;
}

/**
 * vsc_input_counters_sample() - what came since the last sample
 * @input: the device
 * @sample: filled
 *
 * Context: the session's work.
 * Return: false: nothing did. The next report tells the session.
 */
bool vsc_input_counters_sample(struct vsc_input *input, struct vsc_sample *sample)
{
	struct vsc_input_flow *flow = &input->flow;
	u64 now = ktime_get_ns(), ceiling;
	bool active;

	spin_lock_irq(&flow->lock);
	active = vsc_meter_sample(&flow->meter, sample, now);
	ceiling = flow->ceiling;
	spin_unlock_irq(&flow->lock);
	sample->seen.waited_ns = now - sample->seen.start_ns;
	/* See the top of the file. */
	sample->seen.idle = !counters_at_ceiling(&sample->seen, ceiling, now);
	sample->idle_ns = sample->seen.idle ? now - sample->seen.start_ns : 0;
	return active;
}

/**
 * vsc_input_counters_init() - nothing came so far
 * @input: zeroed
 */
void vsc_input_counters_init(struct vsc_input *input)
{
	spin_lock_init(&input->flow.lock);
}

/* ---- sysfs ---- */

struct input_counter {
	struct device_attribute attr;
	enum vsc_input_counter counter;
};

static ssize_t counters_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct input_counter *file = container_of(attr, struct input_counter, attr);
	struct vsc_input *input;
	ssize_t length = -ENODEV;
	u64 count;

	rcu_read_lock();
	input = vsc_session_data(vsc_session_of_device(dev));
	if (input) {
		spin_lock_irq(&input->flow.lock);
		count = input->flow.count[file->counter];
		spin_unlock_irq(&input->flow.lock);
		length = sysfs_emit(text, "%llu\n", count);
	}
	rcu_read_unlock();
	return length;
}

#define COUNTER(name, counts)						\
	static struct input_counter counter_##name = {			\
		.attr = __ATTR(name, 0444, counters_show, NULL),		\
		.counter = counts,					\
	}

COUNTER(reports_delivered, VSC_INPUT_REPORTS);
COUNTER(events_delivered, VSC_INPUT_EVENTS);
COUNTER(events_refused, VSC_INPUT_EVENTS_REFUSED);
COUNTER(reports_lost, VSC_INPUT_REPORTS_LOST);
COUNTER(status_sent, VSC_INPUT_STATUS_SENT);
COUNTER(devices_replaced, VSC_INPUT_REPLACED);

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
