// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's network device measures, and shows in counters/ of its session:
 *
 *	bytes_sent, bytes_received	of frames, without the headers of further segments
 *	frames_sent, frames_received	one that is to be segmented is one
 *	frames_dropped			by this side, both directions; ethtool -S says why
 *
 * A rate is charged with frames as they are on a wire, so its use, and the samples, count the
 * headers of every segment.
 *
 * Two views of "busy".  Of what is transmitted there is something to do while the rings hold
 * frames.  Of what is received nobody knows here whether more waits at the provider.  A sample
 * counts as busy only if it was served what the ceiling is worth, for then more may well wait:
 * enough to see that a ceiling holds back, and never enough to accuse a floor of not being kept.
 */
#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vs_window.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

#define TX_BANDWIDTH	VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH)
#define RX_BANDWIDTH	VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH)

/* What a ceiling has to have let through to be the one that held back: 1 - 1/20. */
#define CEILING_TOLERANCE	20

/* ---- Flows ---- */

/**
 * vsc_network_counters_begin() - a frame was put into a transmit ring
 * @network: the device
 * @bytes: that the rate is charged with
 *
 * Context: any, netpoll's included.
 */
void vsc_network_counters_begin(struct vsc_network *network, u32 bytes)
{
	struct vsc_network_flow *flow = &network->tx;
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	if (vsc_meter_begin(&flow->meter, flow->meter.outstanding ? 0 : ktime_get_ns()))
		vsc_session_busy(network->session);
	vsc_meter_expect(&flow->meter, TX_BANDWIDTH, bytes);
	spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * vsc_network_counters_sent() - frames have left a transmit ring
 * @network: the device
 * @batch: they
 *
 * Context: any, netpoll's included.
 */
void vsc_network_counters_sent(struct vsc_network *network, const struct vsc_network_batch *batch)
{
	struct vsc_network_flow *flow = &network->tx;
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	vsc_meter_serve(&flow->meter, TX_BANDWIDTH, batch->charge, batch->largest, now);
	vsc_meter_end(&flow->meter, batch->frames, now);
	spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * vsc_network_counters_lost() - frames were in a transmit ring when it was reset
 * @network: the device
 * @frames: how many
 *
 * Context: process.
 */
void vsc_network_counters_lost(struct vsc_network *network, unsigned int frames)
{
	struct vsc_network_flow *flow = &network->tx;

	spin_lock_irq(&flow->lock);
	vsc_meter_end(&flow->meter, frames, ktime_get_ns());
	spin_unlock_irq(&flow->lock);
}

/**
 * vsc_network_counters_received() - frames have come
 * @network: the device
 * @batch: they
 *
 * Context: a receive queue's poll.
 */
void vsc_network_counters_received(struct vsc_network *network,
				   const struct vsc_network_batch *batch)
{
	struct vsc_network_flow *flow = &network->rx;
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&flow->lock, flags);
	/* Outstanding for no time: it is seen when it is over. */
	if (vsc_meter_begin(&flow->meter, now))
		vsc_session_busy(network->session);
	vsc_meter_serve(&flow->meter, RX_BANDWIDTH, batch->charge, batch->largest, now);
	vsc_meter_end(&flow->meter, 1, now);
	spin_unlock_irqrestore(&flow->lock, flags);
}

/**
 * vsc_network_counters_contract() - another contract is in force
 * @network: the device
 * @rx_ceiling: of it, bytes/s
 *
 * Context: process.
 */
void vsc_network_counters_contract(struct vsc_network *network, u64 rx_ceiling)
{
	spin_lock_irq(&network->rx.lock);
	network->rx.ceiling = rx_ceiling;
	spin_unlock_irq(&network->rx.lock);
}

/**
 * vsc_network_counters_rate() - what was moved in the last full second
 * @flow: of the device
 * @index: of its RATE in the class's table
 *
 * Context: any.
 * Return: bytes.
 */
u64 vsc_network_counters_rate(struct vsc_network_flow *flow, u32 index)
{
	unsigned long flags;
	u64 rate;

	spin_lock_irqsave(&flow->lock, flags);
	rate = vsc_meter_rate(&flow->meter, index, ktime_get_ns());
	spin_unlock_irqrestore(&flow->lock, flags);
	return rate;
}

/* Was it served what the ceiling is worth, but for one frame? */
static bool at_ceiling(const struct vs_window *seen, u64 ceiling, u64 now)
{
	u64 passed = min(now - seen->start_ns, 3600 * VS_WINDOW_NS);
	u64 owed = mul_u64_u64_div_u64(ceiling, passed, VS_WINDOW_NS);

	owed -= owed / CEILING_TOLERANCE;
	return seen->served[RX_BANDWIDTH] &&
	       seen->served[RX_BANDWIDTH] + seen->largest[RX_BANDWIDTH] >= owed;
}

/**
 * vsc_network_counters_sample() - what was moved since the last sample
 * @network: the device
 * @flow: enum vs_network_flow
 * @sample: filled
 *
 * Context: the session's work.
 * Return: false: nothing was, and nothing is to be. The next frame tells the session.
 */
bool vsc_network_counters_sample(struct vsc_network *network, u32 flow,
				 struct vsc_sample *sample)
{
	struct vsc_network_flow *of = flow == VS_NETWORK_TX ? &network->tx : &network->rx;
	u64 now = ktime_get_ns(), ceiling;
	bool active;

	spin_lock_irq(&of->lock);
	active = vsc_meter_sample(&of->meter, sample, now);
	ceiling = of->ceiling;
	spin_unlock_irq(&of->lock);
	/* The provider takes a frame at once, or holds it back: how many there are says nothing. */
	sample->seen.waited_ns = now - sample->seen.start_ns;
	if (flow == VS_NETWORK_TX)
		return active;
	/* See the top of the file. */
	sample->seen.idle = !at_ceiling(&sample->seen, ceiling, now);
	sample->idle_ns = sample->seen.idle ? now - sample->seen.start_ns : 0;
	return active;
}

/**
 * vsc_network_counters_init() - nothing was moved so far
 * @network: zeroed
 */
void vsc_network_counters_init(struct vsc_network *network)
{
	spin_lock_init(&network->tx.lock);
	spin_lock_init(&network->rx.lock);
}

/* ---- Queues ---- */

/**
 * vsc_network_counters_batch() - add a frame to a batch
 * @batch: this
 * @bytes: of the frame
 * @charge: that the rate is charged with for it
 */
void vsc_network_counters_batch(struct vsc_network_batch *batch, u32 bytes, u32 charge)
{
	batch->frames++;
	batch->bytes += bytes;
	batch->charge += charge;
	batch->largest = max(batch->largest, charge);
}

/**
 * vsc_network_counters_drop() - frames were dropped
 * @stats: of their queue
 * @reason: why
 * @frames: how many
 *
 * Context: who owns the queue, here and below.
 */
void vsc_network_counters_drop(struct vsc_network_stats *stats, enum vsc_network_drop reason,
			       unsigned int frames)
{
	u64_stats_update_begin(&stats->sync);
	u64_stats_add(&stats->drops[reason], frames);
	u64_stats_update_end(&stats->sync);
}

/**
 * vsc_network_counters_count() - frames went well
 * @stats: of their queue
 * @batch: they
 */
void vsc_network_counters_count(struct vsc_network_stats *stats,
				const struct vsc_network_batch *batch)
{
	u64_stats_update_begin(&stats->sync);
	u64_stats_add(&stats->frames, batch->frames);
	u64_stats_add(&stats->bytes, batch->bytes);
	u64_stats_update_end(&stats->sync);
}

/**
 * vsc_network_counters_add() - add what a queue has moved
 * @stats: of the queue
 * @sum: to this
 *
 * Context: any.
 */
void vsc_network_counters_add(const struct vsc_network_stats *stats, struct vsc_network_sum *sum)
{
	struct vsc_network_sum one;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&stats->sync);
		one.frames = u64_stats_read(&stats->frames);
		one.bytes = u64_stats_read(&stats->bytes);
		for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
			one.drops[i] = u64_stats_read(&stats->drops[i]);
	} while (u64_stats_fetch_retry(&stats->sync, start));
	sum->frames += one.frames;
	sum->bytes += one.bytes;
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		sum->drops[i] += one.drops[i];
}

/**
 * vsc_network_counters_totals() - what all queues have moved
 * @network: the device
 * @tx: filled
 * @rx: filled
 *
 * Context: any.
 */
void vsc_network_counters_totals(struct vsc_network *network, struct vsc_network_sum *tx,
				 struct vsc_network_sum *rx)
{
	memset(tx, 0, sizeof(*tx));
	memset(rx, 0, sizeof(*rx));
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		vsc_network_counters_add(&network->pair[i].tx.stats, tx);
		vsc_network_counters_add(&network->pair[i].rx.stats, rx);
	}
}

/* ---- sysfs ---- */

/* The totals of a session's device; false while it has none. */
static bool read_totals(struct device *dev, struct vsc_network_sum *tx,
			struct vsc_network_sum *rx)
{
	struct vsc_network *network;

	rcu_read_lock();
	network = vsc_session_data(vsc_session_of_device(dev));
	if (network)
		vsc_network_counters_totals(network, tx, rx);
	rcu_read_unlock();
	return network;
}

struct counter {
	struct device_attribute attr;
	bool sent;
	size_t offset;		/* in struct vsc_network_sum, of a u64 */
};

static ssize_t traffic_counter_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct counter *counter = container_of(attr, struct counter, attr);
	struct vsc_network_sum tx, rx;
	const void *sum = counter->sent ? &tx : &rx;

	if (!read_totals(dev, &tx, &rx))
		return -ENODEV;
	return sysfs_emit(text, "%llu\n", *(const u64 *)(sum + counter->offset));
}

static ssize_t frames_dropped_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_network_sum tx, rx;
	u64 dropped = 0;

	if (!read_totals(dev, &tx, &rx))
		return -ENODEV;
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		dropped += tx.drops[i] + rx.drops[i];
	return sysfs_emit(text, "%llu\n", dropped);
}

static struct counter bytes_sent = {
	.attr = __ATTR(bytes_sent, 0444, traffic_counter_show, NULL),
	.sent = true,
	.offset = offsetof(struct vsc_network_sum, bytes),
};

static struct counter bytes_received = {
	.attr = __ATTR(bytes_received, 0444, traffic_counter_show, NULL),
	.offset = offsetof(struct vsc_network_sum, bytes),
};

static struct counter frames_sent = {
	.attr = __ATTR(frames_sent, 0444, traffic_counter_show, NULL),
	.sent = true,
	.offset = offsetof(struct vsc_network_sum, frames),
};

static struct counter frames_received = {
	.attr = __ATTR(frames_received, 0444, traffic_counter_show, NULL),
	.offset = offsetof(struct vsc_network_sum, frames),
};

static DEVICE_ATTR_RO(frames_dropped);

static struct attribute *attributes[] = {
	&bytes_sent.attr.attr,
	&bytes_received.attr.attr,
	&frames_sent.attr.attr,
	&frames_received.attr.attr,
	&dev_attr_frames_dropped.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_network_counters_group = {
	.name = "counters",
	.attrs = attributes,
};
