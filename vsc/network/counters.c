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
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/u64_stats_sync.h>

#include "vs_counter.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

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

enum network_counter {
	NETWORK_BYTES_SENT,
	NETWORK_BYTES_RECEIVED,
	NETWORK_FRAMES_SENT,
	NETWORK_FRAMES_RECEIVED,
	NETWORK_FRAMES_DROPPED,
};

/**
 * vsc_network_counters_value() - what a file shows
 * @network: the device
 * @counter: of vsc_network_counters_group
 *
 * Context: any.
 */
u64 vsc_network_counters_value(struct vsc_network *network, unsigned int counter)
{
	struct vsc_network_sum tx, rx;
	u64 dropped = 0;

	vsc_network_counters_totals(network, &tx, &rx);
	switch (counter) {
	case NETWORK_BYTES_SENT:
		return tx.bytes;
	case NETWORK_BYTES_RECEIVED:
		return rx.bytes;
	case NETWORK_FRAMES_SENT:
		return tx.frames;
	case NETWORK_FRAMES_RECEIVED:
		return rx.frames;
	}
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		dropped += tx.drops[i] + rx.drops[i];
	return dropped;
}

VSC_COUNTER(bytes_sent, NETWORK_BYTES_SENT);
VSC_COUNTER(bytes_received, NETWORK_BYTES_RECEIVED);
VSC_COUNTER(frames_sent, NETWORK_FRAMES_SENT);
VSC_COUNTER(frames_received, NETWORK_FRAMES_RECEIVED);
VSC_COUNTER(frames_dropped, NETWORK_FRAMES_DROPPED);

static struct attribute *counters_attrs[] = {
	&counter_bytes_sent.attr.attr,
	&counter_bytes_received.attr.attr,
	&counter_frames_sent.attr.attr,
	&counter_frames_received.attr.attr,
	&counter_frames_dropped.attr.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_network_counters_group = {
	.name = "counters",
	.attrs = counters_attrs,
};
