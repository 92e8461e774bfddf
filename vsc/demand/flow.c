// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flow of a client's device that is charged with one RATE.  See flow.h.
 */
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "vs_window.h"
#include "vsc/class.h"
#include "vsc/demand/flow.h"

/* A ceiling has held back what arrived if it let through 1 - 1/20 of what it allows. */
#define CEILING_TOLERANCE	20

/* More than 3600 s of a ceiling may not fit. */
#define PASSED_MAX_NS		(3600 * VS_WINDOW_NS)

/**
 * vsc_flow_init() - nothing was done so far
 * @flow: zeroed
 * @session: to be told when there is something to do
 * @index: of the RATE in the class's table
 */
void vsc_flow_init(struct vsc_flow *flow, struct vsc_session *session, u32 index)
{
	spin_lock_init(&flow->lock);
	flow->session = session;
	flow->index = index;
}
EXPORT_SYMBOL_GPL(vsc_flow_init);

/**
 * vsc_flow_queue() - a piece was put into a ring
 * @flow: of what is sent
 * @amount: that the rate is charged with for it
 *
 * Context: any, netpoll's included, here and below but where it says otherwise.
 */
void vsc_flow_queue(struct vsc_flow *flow, u64 amount)
{
	struct vsc_meter *meter = &flow->meter;
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	if (vsc_meter_begin(meter, meter->outstanding ? 0 : ktime_get_ns()))
		vsc_session_busy(flow->session);
	vsc_meter_expect(meter, flow->index, amount);
	spin_unlock_irqrestore(&flow->lock, flags);
}
EXPORT_SYMBOL_GPL(vsc_flow_queue);

/**
 * vsc_flow_serve() - the provider has taken pieces out of a ring
 * @flow: of what is sent
 * @amount: that the rate is charged with for them
 * @largest: most that it is charged with for one of them
 * @pieces: how many
 */
void vsc_flow_serve(struct vsc_flow *flow, u64 amount, u64 largest, unsigned int pieces)
{
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	vsc_meter_serve(&flow->meter, flow->index, amount, largest, now);
	vsc_meter_end(&flow->meter, pieces, now);
	spin_unlock_irqrestore(&flow->lock, flags);
}
EXPORT_SYMBOL_GPL(vsc_flow_serve);

/**
 * vsc_flow_drop() - pieces were still in a ring when it was reset
 * @flow: of what is sent
 * @pieces: how many
 */
void vsc_flow_drop(struct vsc_flow *flow, unsigned int pieces)
{
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	vsc_meter_end(&flow->meter, pieces, ktime_get_ns());
	spin_unlock_irqrestore(&flow->lock, flags);
}
EXPORT_SYMBOL_GPL(vsc_flow_drop);

static bool flow_take_sample(struct vsc_flow *flow, struct vsc_sample *sample, u64 now,
			     u64 *ceiling)
{
	bool active;

	spin_lock_irq(&flow->lock);
	active = vsc_meter_sample(&flow->meter, sample, now);
	*ceiling = flow->ceiling;
	spin_unlock_irq(&flow->lock);
	/* The provider takes a piece at once, or holds it back: how many wait says nothing. */
	sample->seen.waited_ns = now - sample->seen.start_ns;
	return active;
}

/**
 * vsc_flow_sample() - what was sent since the last sample
 * @flow: of what is sent
 * @sample: filled
 *
 * Context: the session's work.
 * Return: false: nothing was, and nothing is to be. The next piece tells the session.
 */
bool vsc_flow_sample(struct vsc_flow *flow, struct vsc_sample *sample)
{
	u64 ceiling;

	return flow_take_sample(flow, sample, ktime_get_ns(), &ceiling);
}
EXPORT_SYMBOL_GPL(vsc_flow_sample);

/**
 * vsc_flow_arrive() - the provider has delivered pieces
 * @flow: of what is received
 * @amount: that the rate is charged with for them
 * @largest: most that it is charged with for one of them
 */
void vsc_flow_arrive(struct vsc_flow *flow, u64 amount, u64 largest)
{
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	/* Outstanding for no time: they are seen when they are over. */
	if (vsc_meter_begin(&flow->meter, now))
		vsc_session_busy(flow->session);
	vsc_meter_serve(&flow->meter, flow->index, amount, largest, now);
	vsc_meter_end(&flow->meter, 1, now);
	spin_unlock_irqrestore(&flow->lock, flags);
}
EXPORT_SYMBOL_GPL(vsc_flow_arrive);

/**
 * vsc_flow_set_ceiling() - another contract is in force
 * @flow: of what is received
 * @ceiling: of it, in the term's unit a second
 *
 * Context: process.
 */
void vsc_flow_set_ceiling(struct vsc_flow *flow, u64 ceiling)
{
	spin_lock_irq(&flow->lock);
	flow->ceiling = ceiling;
	spin_unlock_irq(&flow->lock);
}
EXPORT_SYMBOL_GPL(vsc_flow_set_ceiling);

/* Has as much arrived as the ceiling allows, but for one piece? */
static bool flow_at_ceiling(const struct vs_window *seen, u32 index, u64 ceiling, u64 now)
{
	u64 passed = min(now - seen->start_ns, PASSED_MAX_NS);
	u64 allowed = mul_u64_u64_div_u64(ceiling, passed, VS_WINDOW_NS);

	allowed -= allowed / CEILING_TOLERANCE;
	return seen->served[index] && seen->served[index] + seen->largest[index] >= allowed;
}

/**
 * vsc_flow_sample_arrived() - what has arrived since the last sample
 * @flow: of what is received
 * @sample: filled
 *
 * Context: the session's work.
 * Return: false: nothing has. The next piece tells the session.
 */
bool vsc_flow_sample_arrived(struct vsc_flow *flow, struct vsc_sample *sample)
{
	u64 now = ktime_get_ns(), ceiling;
	bool active = flow_take_sample(flow, sample, now, &ceiling);

	sample->seen.idle = !flow_at_ceiling(&sample->seen, flow->index, ceiling, now);
	sample->idle_ns = sample->seen.idle ? now - sample->seen.start_ns : 0;
	return active;
}
EXPORT_SYMBOL_GPL(vsc_flow_sample_arrived);

/**
 * vsc_flow_rate() - what was done in the last full second
 * @flow: any
 *
 * Return: in the term's unit.
 */
u64 vsc_flow_rate(struct vsc_flow *flow)
{
	unsigned long flags;
	u64 rate;

	spin_lock_irqsave(&flow->lock, flags);
	rate = vsc_meter_rate(&flow->meter, flow->index, ktime_get_ns());
	spin_unlock_irqrestore(&flow->lock, flags);
	return rate;
}
EXPORT_SYMBOL_GPL(vsc_flow_rate);
