// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of a rate; see shaper.h for what it promises.  All divisions round up,
 * so that no sum of roundings passes the ceiling.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/time64.h>

#include "vsp/rate/shaper.h"

/* @a * @b / @c, rounded up, at most FOREVER; on x86 a quotient above 64 bits traps. */
static u64 scale_ns(u64 a, u64 b, u64 c)
{
	u64 product, quotient, rest;

	if (!a || !b)
		return 0;
	/* As nearly always: one division is enough. */
	if (!check_mul_overflow(a, b, &product)) {
		quotient = div64_u64_rem(product, c, &rest);
		return min(quotient + !!rest, VSP_SHAPER_FOREVER_NS);
	}
	/* a * b / c < (a / c + 1) * b, and the same with a and b exchanged */
	if (div64_u64(a, c) >= VSP_SHAPER_FOREVER_NS / b &&
	    div64_u64(b, c) >= VSP_SHAPER_FOREVER_NS / a)
		return VSP_SHAPER_FOREVER_NS;
	quotient = mul_u64_u64_div_u64(a, b, c);
	/* The remainder is less than c: its low 64 bits are all of it. */
	if (a * b != quotient * c)
		quotient++;
	return min(quotient, VSP_SHAPER_FOREVER_NS);
}

/* Never overflows: what is too far ahead stays at the end of time. */
static u64 later_ns(u64 ns, u64 by)
{
	u64 sum;

	return check_add_overflow(ns, by, &sum) ? U64_MAX : sum;
}

/**
 * vsp_shaper_set_rate() - change the rate while it is in use
 * @shaper: started
 * @now_ns: by the caller's clock
 * @rate: units a second, not 0
 * @burst_ns: what the clock may be run ahead of
 *
 * What is owed, and what of the burst is left, stays as much in units: nobody rids itself
 * of a debt by a change, and who uses all of the old rate gets all of the new one at once.
 *
 * Context: any; the caller serialises.
 */
void vsp_shaper_set_rate(struct vsp_shaper *shaper, u64 now_ns, u64 rate, u64 burst_ns)
{
	u64 ahead = shaper->arrival_ns - min(shaper->arrival_ns, now_ns);
	u64 left;

	burst_ns = min(burst_ns, VSP_SHAPER_FOREVER_NS);
	if (ahead < shaper->burst_ns) {
		left = scale_ns(shaper->burst_ns - ahead, shaper->rate, rate);
		/* Down, for once: it is not charged. */
		ahead = burst_ns - min(burst_ns, left - min(left, 1));
	} else {
		ahead = later_ns(burst_ns, scale_ns(ahead - shaper->burst_ns, shaper->rate, rate));
	}
	shaper->arrival_ns = later_ns(now_ns, ahead);
	shaper->rate = rate;
	shaper->burst_ns = burst_ns;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_shaper_set_rate);

/**
 * vsp_shaper_start() - a rate where there was none for a while
 * @shaper: zeroed, or used before: then what is owed stays owed
 * @now_ns: by the caller's clock
 * @rate: units a second, not 0
 * @burst_ns: what the clock may be run ahead of
 *
 * Starts without anything saved up: the first second passes no more than others.
 *
 * Context: any; the caller serialises.
 */
void vsp_shaper_start(struct vsp_shaper *shaper, u64 now_ns, u64 rate, u64 burst_ns)
{
	if (!shaper->rate)
		shaper->arrival_ns = 0;
	vsp_shaper_set_rate(shaper, now_ns, rate, burst_ns);
	shaper->arrival_ns = max(shaper->arrival_ns, later_ns(now_ns, shaper->burst_ns));
}
EXPORT_SYMBOL_IF_KUNIT(vsp_shaper_start);

/**
 * vsp_shaper_takes() - how long a request takes at the rate
 * @shaper: looked at only
 * @cost: units
 *
 * Context: any; the caller serialises.
 * Return: ns, rounded up; VSP_SHAPER_FOREVER_NS without a rate
 */
u64 vsp_shaper_takes(const struct vsp_shaper *shaper, u64 cost)
{
	if (!cost)
		return 0;
	return shaper->rate ? scale_ns(cost, NSEC_PER_SEC, shaper->rate) : VSP_SHAPER_FOREVER_NS;
}
EXPORT_SYMBOL_IF_KUNIT(vsp_shaper_takes);

/**
 * vsp_shaper_opens() - when may a request pass?
 * @shaper: looked at only
 * @takes: of the request: vsp_shaper_takes()
 *
 * Context: any; the caller serialises.
 * Return: when by the caller's clock, if nothing else is charged; U64_MAX without a rate
 */
u64 vsp_shaper_opens(const struct vsp_shaper *shaper, u64 takes)
{
	u64 ahead;

	if (!takes)
		return 0;
	if (!shaper->rate)
		return U64_MAX;
	ahead = shaper->burst_ns - min(takes, shaper->burst_ns);
	return shaper->arrival_ns - min(ahead, shaper->arrival_ns);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_shaper_opens);

/**
 * vsp_shaper_charge() - a request passes
 * @shaper: vsp_shaper_opens() for this request is not after @now_ns
 * @now_ns: by the caller's clock
 * @since_ns: from when on it has waited, @now_ns if it has not
 * @takes: of the request: vsp_shaper_takes()
 *
 * Who has waited loses nothing by a timer that was late, up to the burst.
 *
 * Context: any; the caller serialises.
 */
void vsp_shaper_charge(struct vsp_shaper *shaper, u64 now_ns, u64 since_ns, u64 takes)
{
	u64 late = min(now_ns - min(since_ns, now_ns), min(takes, shaper->burst_ns));

	if (takes && shaper->rate)
		shaper->arrival_ns = later_ns(max(shaper->arrival_ns, now_ns - late), takes);
}
EXPORT_SYMBOL_IF_KUNIT(vsp_shaper_charge);
