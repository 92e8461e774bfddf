/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a device does of one flow, as every class measures it: its rates of the last full second,
 * and samples.  Over a clock of the caller's: pure.
 */
#ifndef VSC_METER_H
#define VSC_METER_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "vs_window.h"
#include "vs_limits.h"

/**
 * struct vsc_sample - what a device has done for a while
 * @seen: from seen.start_ns on; seen.idle: at some moment of it nothing was outstanding
 * @idle_ns: time in which nothing was
 *
 * Outstanding is what some rate is charged for by its size: a flush is not.
 */
struct vsc_sample {
	struct vs_window seen;
	u64 idle_ns;
};

/**
 * struct vsc_meter - of one flow; zeroed: nothing was done so far
 * @outstanding: requests that a rate is charged with, and that are not over
 * @since_ns: until then they are in the depth of @sample
 * @largest: most that one of them counts for, or of those since there were none
 * @idle_since_ns: since when there are none
 * @watched: the session takes samples, and need not be told of requests
 * @sample: since the last one
 * @second_ns: when the current second of the rates began
 * @second: so far in it
 * @rate: in the last full second
 *
 * Arrays go by the index of the term in the class's table.  The caller serialises, by a lock of
 * its own that may be taken with interrupts off: nothing here sleeps, or takes another.
 */
struct vsc_meter {
	unsigned int outstanding;
	u64 since_ns;
	u64 largest[VS_WIRE_TERMS_MAX];
	u64 idle_since_ns;
	bool watched;
	struct vsc_sample sample;
	u64 second_ns;
	u64 second[VS_WIRE_TERMS_MAX];
	u64 rate[VS_WIRE_TERMS_MAX];
};

/**
 * vsc_meter_expect() - what a request counts for that vsc_meter_begin() was called for
 * @meter: of its flow
 * @index: of the RATE in the class's table
 * @amount: in the term's unit
 */
static inline void vsc_meter_expect(struct vsc_meter *meter, u32 index, u64 amount)
{
	meter->largest[index] = max(meter->largest[index], amount);
}

/* vsc/demand/meter.c */
bool vsc_meter_begin(struct vsc_meter *meter, u64 now_ns);
void vsc_meter_serve(struct vsc_meter *meter, u32 index, u64 amount, u64 largest, u64 now_ns);
void vsc_meter_end(struct vsc_meter *meter, unsigned int requests, u64 now_ns);
u64 vsc_meter_rate(struct vsc_meter *meter, u32 index, u64 now_ns);
bool vsc_meter_sample(struct vsc_meter *meter, struct vsc_sample *sample, u64 now_ns);

#endif
