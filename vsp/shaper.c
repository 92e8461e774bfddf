// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ceiling on a rate; see shaper.h for what it promises.  All divisions round up,
 * so that no sum of roundings passes the ceiling.
 */
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/time64.h>

#include "shaper.h"

/* @a * @b / @c, rounded up, at most FOREVER; on x86 a quotient above 64 bits traps. */
static u64 scale(u64 a, u64 b, u64 c)
{
	u64 quotient;

	if (!a || !b)
		return 0;
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
static u64 later(u64 ns, u64 by)
{
	u64 sum;

	return check_add_overflow(ns, by, &sum) ? U64_MAX : sum;
}

/**
 * vsp_shaper_set_rate() - change the ceiling while it is in use
 * @shaper: started
 * @now_ns: by the caller's clock
 * @rate: units a second, not 0
 * @burst_ns: what the clock may be run ahead of
 *
 * What is owed stays owed, in units: nobody rids itself of a debt by a change.
 *
 * Context: any; the caller serialises.
 */
void vsp_shaper_set_rate(struct vsp_shaper *shaper, u64 now_ns, u64 rate, u64 burst_ns)
{
	if (shaper->arrival_ns > now_ns)
		shaper->arrival_ns = later(now_ns, scale(shaper->arrival_ns - now_ns,
							 shaper->rate, rate));
	shaper->rate = rate;
	shaper->burst_ns = min(burst_ns, VSP_SHAPER_FOREVER_NS);
}
EXPORT_SYMBOL_GPL(vsp_shaper_set_rate);

/**
 * vsp_shaper_start() - a ceiling where there was none for a while
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
	shaper->arrival_ns = max(shaper->arrival_ns, later(now_ns, shaper->burst_ns));
}
EXPORT_SYMBOL_GPL(vsp_shaper_start);

/**
 * vsp_shaper_wait() - may a request pass now?
 * @shaper: looked at only
 * @now_ns: by the caller's clock
 * @cost: units
 *
 * Context: any; the caller serialises.
 * Return: 0 if it may, else the ns until it may if nothing else is charged
 */
u64 vsp_shaper_wait(const struct vsp_shaper *shaper, u64 now_ns, u64 cost)
{
	u64 takes, passed, until;

	if (!shaper->rate)
		return VSP_SHAPER_FOREVER_NS;
	if (!cost)
		return 0;
	takes = scale(cost, NSEC_PER_SEC, shaper->rate);
	passed = later(max(shaper->arrival_ns, now_ns), takes);
	until = later(now_ns, max(shaper->burst_ns, takes));
	return passed > until ? min(passed - until, VSP_SHAPER_FOREVER_NS) : 0;
}
EXPORT_SYMBOL_GPL(vsp_shaper_wait);

/**
 * vsp_shaper_charge() - a request passes
 * @shaper: vsp_shaper_wait() has just said 0 for this cost
 * @now_ns: by the caller's clock
 * @cost: units
 *
 * Context: any; the caller serialises.
 */
void vsp_shaper_charge(struct vsp_shaper *shaper, u64 now_ns, u64 cost)
{
	if (cost && shaper->rate)
		shaper->arrival_ns = later(max(shaper->arrival_ns, now_ns),
					   scale(cost, NSEC_PER_SEC, shaper->rate));
}
EXPORT_SYMBOL_GPL(vsp_shaper_charge);
