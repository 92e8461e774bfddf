// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device does of one flow.  See meter.h.
 */
#include <linux/export.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vsc/demand/meter.h"

/* Closes the seconds that have passed. Who has read the clock before the last one did, is late. */
static void meter_roll(struct vsc_meter *meter, u64 now_ns)
{
	s64 passed = now_ns - meter->second_ns;

	if (passed < (s64)NSEC_PER_SEC)
		return;
	if (passed < 2 * (s64)NSEC_PER_SEC) {
		memcpy(meter->rate, meter->second, sizeof(meter->rate));
		meter->second_ns += NSEC_PER_SEC;
	} else {
		/* Nothing ended in the last full second. */
		memset(meter->rate, 0, sizeof(meter->rate));
		meter->second_ns = now_ns;
	}
	memset(meter->second, 0, sizeof(meter->second));
}

static void begin_sample(struct vsc_meter *meter, u64 now_ns)
{
	vs_window_begin(&meter->sample.seen, now_ns, !meter->outstanding);
	meter->sample.idle_ns = 0;
}

/* Closes the time in which nothing was outstanding, up to now. */
static void close_idle(struct vsc_meter *meter, u64 now_ns)
{
	u64 start = max(meter->idle_since_ns, meter->sample.seen.start_ns);

	if (now_ns > start)
		meter->sample.idle_ns += now_ns - start;
}

/* One that has begun meanwhile, and saved a look at the clock, counts as if it had before. */
static void count_depth(struct vsc_meter *meter, u64 now_ns)
{
	vs_window_depth(&meter->sample.seen, meter->outstanding, &meter->since_ns, now_ns);
}

/**
 * vsc_meter_begin() - a request is outstanding
 * @meter: of its flow
 * @now_ns: by the caller's clock; not looked at while another one is outstanding
 *
 * Context: any, here and below.
 * Return: whether vsc_session_busy() is to be called: a sample has begun with it.
 */
bool vsc_meter_begin(struct vsc_meter *meter, u64 now_ns)
{
	if (meter->outstanding++)
		return false;
	meter->since_ns = max(meter->since_ns, now_ns);
	memset(meter->largest, 0, sizeof(meter->largest));
	if (meter->watched) {
		close_idle(meter, now_ns);
		return false;
	}
	meter->watched = true;
	begin_sample(meter, now_ns);
	return true;
}
EXPORT_SYMBOL_GPL(vsc_meter_begin);

/**
 * vsc_meter_serve() - requests went well
 * @meter: of their flow
 * @index: of a RATE in the class's table
 * @amount: that they count for, in the term's unit
 * @largest: most that one of them does
 * @now_ns: by the caller's clock
 */
void vsc_meter_serve(struct vsc_meter *meter, u32 index, u64 amount, u64 largest, u64 now_ns)
{
	meter->sample.seen.served[index] += amount;
	vs_window_expect(&meter->sample.seen, index, largest);
	meter_roll(meter, now_ns);
	meter->second[index] += amount;
}
EXPORT_SYMBOL_GPL(vsc_meter_serve);

/**
 * vsc_meter_end() - requests are over
 * @meter: of their flow
 * @requests: how many of those that vsc_meter_begin() was called for; may be 0
 * @now_ns: by the caller's clock
 */
void vsc_meter_end(struct vsc_meter *meter, unsigned int requests, u64 now_ns)
{
	count_depth(meter, now_ns);
	meter->sample.seen.requests += requests;
	meter->outstanding -= requests;
	if (!requests || meter->outstanding)
		return;
	meter->sample.seen.idle = true;
	meter->idle_since_ns = now_ns;
}
EXPORT_SYMBOL_GPL(vsc_meter_end);

/**
 * vsc_meter_rate() - what was done in the last full second
 * @meter: of the flow
 * @index: of the RATE in the class's table
 * @now_ns: by the caller's clock
 *
 * Return: in the term's unit.
 */
u64 vsc_meter_rate(struct vsc_meter *meter, u32 index, u64 now_ns)
{
	meter_roll(meter, now_ns);
	return meter->rate[index];
}
EXPORT_SYMBOL_GPL(vsc_meter_rate);

/**
 * vsc_meter_sample() - what was done since the last sample
 * @meter: of the flow
 * @sample: filled; what is outstanding counts among the largest, too
 * @now_ns: by the caller's clock
 *
 * Return: false: nothing was, and nothing is to be done. Then the next vsc_meter_begin() has
 * the session told.
 */
bool vsc_meter_sample(struct vsc_meter *meter, struct vsc_sample *sample, u64 now_ns)
{
	bool active = meter->outstanding;

	count_depth(meter, now_ns);
	if (!meter->outstanding)
		close_idle(meter, now_ns);
	*sample = meter->sample;
	for (u32 i = 0; i < VS_WIRE_TERMS_MAX; i++) {
		if (meter->outstanding)
			vs_window_expect(&sample->seen, i, meter->largest[i]);
		active |= sample->seen.served[i] > 0;
	}
	meter->watched = active;
	begin_sample(meter, now_ns);
	return active;
}
EXPORT_SYMBOL_GPL(vsc_meter_sample);
