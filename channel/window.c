// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a floor kept?  See vs_window.h.
 */
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vs_window.h"

/* Part of what is owed that no window can be sure of. */
#define TOLERANCE	50	/* 1/50: two percent */

/**
 * vs_window_begin() - the last window is over, another one begins
 * @window: any
 * @now_ns: by the caller's clock
 * @idle: there is nothing to do now
 *
 * Context: any; the caller serialises.
 */
void vs_window_begin(struct vs_window *window, u64 now_ns, bool idle)
{
	memset(window, 0, sizeof(*window));
	window->start_ns = now_ns;
	window->idle = idle;
}
EXPORT_SYMBOL_GPL(vs_window_begin);

/**
 * vs_window_over() - has it seen a second?
 * @window: open
 * @now_ns: by the caller's clock
 *
 * Context: any.
 */
bool vs_window_over(const struct vs_window *window, u64 now_ns)
{
	return now_ns - window->start_ns >= VS_WINDOW_NS;
}
EXPORT_SYMBOL_GPL(vs_window_over);

/* Was at least @rate served, as far as the window can tell? */
static bool reached(const struct vs_window *window, u64 passed_ns, u32 index, u64 rate)
{
	u64 owed = mul_u64_u64_div_u64(rate, passed_ns, VS_WINDOW_NS);

	owed -= owed / TOLERANCE;
	return owed <= window->served[index] ||
	       owed - window->served[index] <= window->largest[index];
}

/**
 * vs_window_violated() - was the contract's floor not kept?
 * @window: vs_window_over() says that it is
 * @now_ns: by the caller's clock; at most an hour after the window's start
 * @spec: the class
 * @terms: of the contract that was in force all the time, a complete set
 *
 * Context: any.
 */
bool vs_window_violated(const struct vs_window *window, u64 now_ns,
			const struct vs_class_spec *spec, const struct vs_terms *terms)
{
	u64 passed = min(now_ns - window->start_ns, 3600 * VS_WINDOW_NS);
	bool below = false;

	if (window->idle)
		return false;
	for (u32 i = 0; i < spec->count; i++) {
		if (spec->term[i].kind != VS_KIND_RATE)
			continue;
		if (reached(window, passed, i, terms->term[i].high))
			return false;
		if (!terms->term[i].low)
			continue;
		if (reached(window, passed, i, terms->term[i].low))
			return false;
		below = true;
	}
	return below;
}
EXPORT_SYMBOL_GPL(vs_window_violated);
