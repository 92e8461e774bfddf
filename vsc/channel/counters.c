// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measurements of the guest's byte channels, which counters/ of their session shows:
 *
 *	data_sent, data_received	bytes of all channels
 *	messages_refused		buffers and control messages of the host that make no sense
 *
 * A flow that sends is busy while a transmit queue holds a piece.  Of a flow that receives the
 * client cannot know whether more data wait at the provider: a sample counts as busy only if as
 * much came as the ceiling is worth, as with a network device.
 */
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vs_window.h"
#include "vsc/channel/ports.h"
#include "vsc/class.h"

#define TX	VS_PORT_INDEX(VS_PORT_TX_BANDWIDTH)
#define RX	VS_PORT_INDEX(VS_PORT_RX_BANDWIDTH)

/* A ceiling has held data back if it has let through 1 - 1/20 of what it is worth. */
#define CEILING_TOLERANCE	20

/**
 * vsc_ports_counters_begin() - a piece was put into a transmit queue
 * @ports: of the session
 * @bytes: of it
 *
 * Context: any.
 */
void vsc_ports_counters_begin(struct vsc_ports *ports, u32 bytes)
{
	struct vsc_ports_flow *flow = &ports->flow[VS_PORT_TX];
	unsigned long irq;

	spin_lock_irqsave(&flow->lock, irq);
	if (vsc_meter_begin(&flow->meter, ktime_get_ns()))
		vsc_session_busy(ports->session);
	vsc_meter_expect(&flow->meter, TX, bytes);
	spin_unlock_irqrestore(&flow->lock, irq);
}

/**
 * vsc_ports_counters_sent() - the host has taken a piece
 * @ports: of the session
 * @bytes: of it
 *
 * Context: any.
 */
void vsc_ports_counters_sent(struct vsc_ports *ports, u32 bytes)
{
	struct vsc_ports_flow *flow = &ports->flow[VS_PORT_TX];
	u64 now = ktime_get_ns();
	unsigned long irq;

	spin_lock_irqsave(&flow->lock, irq);
	vsc_meter_serve(&flow->meter, TX, bytes, bytes, now);
	vsc_meter_end(&flow->meter, 1, now);
	spin_unlock_irqrestore(&flow->lock, irq);
	atomic64_add(bytes, &ports->counter[VSC_PORTS_SENT]);
}

/**
 * vsc_ports_counters_lost() - a piece was in a transmit queue when it was reset
 * @ports: of the session
 *
 * Context: any.
 */
void vsc_ports_counters_lost(struct vsc_ports *ports)
{
	struct vsc_ports_flow *flow = &ports->flow[VS_PORT_TX];
	unsigned long irq;

	spin_lock_irqsave(&flow->lock, irq);
	vsc_meter_end(&flow->meter, 1, ktime_get_ns());
	spin_unlock_irqrestore(&flow->lock, irq);
}

/**
 * vsc_ports_counters_received() - a piece has come
 * @ports: of the session
 * @bytes: of it
 *
 * Context: any.
 */
void vsc_ports_counters_received(struct vsc_ports *ports, u32 bytes)
{
	struct vsc_ports_flow *flow = &ports->flow[VS_PORT_RX];
	u64 now = ktime_get_ns();
	unsigned long irq;

	spin_lock_irqsave(&flow->lock, irq);
	/* Outstanding for no time: it is seen when it is over. */
	if (vsc_meter_begin(&flow->meter, now))
		vsc_session_busy(ports->session);
	vsc_meter_serve(&flow->meter, RX, bytes, bytes, now);
	vsc_meter_end(&flow->meter, 1, now);
	spin_unlock_irqrestore(&flow->lock, irq);
	atomic64_add(bytes, &ports->counter[VSC_PORTS_RECEIVED]);
}

/**
 * vsc_ports_counters_contract() - another contract is in force
 * @ports: of the session
 * @rx_ceiling: of it, bytes/s
 *
 * Context: process.
 */
void vsc_ports_counters_contract(struct vsc_ports *ports, u64 rx_ceiling)
{
	struct vsc_ports_flow *flow = &ports->flow[VS_PORT_RX];

	spin_lock_irq(&flow->lock);
	flow->ceiling = rx_ceiling;
	spin_unlock_irq(&flow->lock);
}

/**
 * vsc_ports_counters_rate() - what was moved in the last full second
 * @ports: of the session
 * @index: of the RATE in the class's table
 *
 * Context: any.
 * Return: bytes.
 */
u64 vsc_ports_counters_rate(struct vsc_ports *ports, u32 index)
{
	struct vsc_ports_flow *flow = &ports->flow[index == TX ? VS_PORT_TX : VS_PORT_RX];
	unsigned long irq;
	u64 rate;

	spin_lock_irqsave(&flow->lock, irq);
	rate = vsc_meter_rate(&flow->meter, index, ktime_get_ns());
	spin_unlock_irqrestore(&flow->lock, irq);
	return rate;
}

/* Was it served what the ceiling is worth, but for one piece? */
static bool counters_at_rx_ceiling(const struct vs_window *seen, u64 ceiling, u64 now)
{
	u64 passed = min(now - seen->start_ns, 3600 * VS_WINDOW_NS);
	u64 owed = mul_u64_u64_div_u64(ceiling, passed, VS_WINDOW_NS);

	owed -= owed / CEILING_TOLERANCE;
	return seen->served[RX] && seen->served[RX] + seen->largest[RX] >= owed;
}

/**
 * vsc_ports_counters_sample() - what was moved since the last sample
 * @ports: of the session
 * @flow: enum vs_port_flow
 * @sample: filled
 *
 * Context: the session's work.
 * Return: false: nothing was, and nothing is to be. The next piece tells the session.
 */
bool vsc_ports_counters_sample(struct vsc_ports *ports, u32 flow, struct vsc_sample *sample)
{
	struct vsc_ports_flow *of = &ports->flow[flow];
	u64 now = ktime_get_ns(), ceiling;
	bool active;

	spin_lock_irq(&of->lock);
	active = vsc_meter_sample(&of->meter, sample, now);
	ceiling = of->ceiling;
	spin_unlock_irq(&of->lock);
	sample->seen.waited_ns = now - sample->seen.start_ns;
	/*
	 * A piece that is sent waits for its rate, or for its reader, and nobody here knows which:
	 * no floor is owed for that.
	 */
	if (flow == VS_PORT_RX)
		sample->seen.idle = !counters_at_rx_ceiling(&sample->seen, ceiling, now);
	else
		sample->seen.waited_ns = 0;
	if (sample->seen.idle)
		sample->idle_ns = now - sample->seen.start_ns;
	return active;
}

/**
 * vsc_ports_counters_init() - nothing was moved so far
 * @ports: zeroed
 */
void vsc_ports_counters_init(struct vsc_ports *ports)
{
	for (unsigned int i = 0; i < VS_PORT_FLOWS; i++)
		spin_lock_init(&ports->flow[i].lock);
}

/* ---- sysfs ---- */

static ssize_t counters_show_port(struct device *dev, struct device_attribute *attribute,
				  char *page)
{
	struct dev_ext_attribute *counter = container_of(attribute, struct dev_ext_attribute, attr);
	unsigned long which = (unsigned long)counter->var;
	struct vsc_ports *ports;
	ssize_t length = -ENODEV;

	rcu_read_lock();
	ports = vsc_session_data(vsc_session_of_device(dev));
	if (ports)
		length = sysfs_emit(page, "%lld\n", (s64)atomic64_read(&ports->counter[which]));
	rcu_read_unlock();
	return length;
}

#define COUNTER(name, index)							\
	static struct dev_ext_attribute counter_##name = {			\
		__ATTR(name, 0444, counters_show_port, NULL), (void *)(unsigned long)(index) }

COUNTER(data_sent, VSC_PORTS_SENT);
COUNTER(data_received, VSC_PORTS_RECEIVED);
COUNTER(messages_refused, VSC_PORTS_REFUSED);

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
