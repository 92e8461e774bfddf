// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a floor kept?  See vs_window.h.
 */
#include <linux/bits.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vs_window.h"

/* Part of what is owed that no window can be sure of. */
#define TOLERANCE	50	/* 1/50: two percent */
/* What is owed is to be worth so many, so that one request does not decide. */
#define REQUESTS	2
/* Windows of a second after which it is judged all the same. */
#define PATIENCE	10
/* A source that takes longer for a request than this is slow, if it has many of them. */
#define LATENCY_NS	10000000ULL
/* What no sum of a window reaches, so that no product overflows. */
#define DEPTH_MAX	BIT_ULL(54)	/* requests times ns */
#define SIZE_MAX_UNITS	BIT_ULL(32)	/* of one request */
/* Nobody looks so seldom; and no product overflows. */
#define LONGEST_NS	(3600 * VS_WINDOW_NS)

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

/* What is owed at @rate, at the most for the hour that no window is longer than. */
static u64 owed_at(u64 rate, u64 passed_ns)
{
	return mul_u64_u64_div_u64(rate, min(passed_ns, LONGEST_NS), VS_WINDOW_NS);
}

static bool is_rate_of_flow(const struct vs_class_spec *spec, u32 index, u32 flow)
{
	return spec->term[index].kind == VS_KIND_RATE && spec->term[index].flow == flow;
}

/**
 * vs_window_decides() - has it seen enough?
 * @window: open
 * @now_ns: by the caller's clock
 * @spec: the class
 * @flow: of whose requests the window is
 * @terms: of the contract in force, a complete set; NULL: there is none
 *
 * Context: any.
 * Return: whether it is to be judged now, and to end.
 */
bool vs_window_decides(const struct vs_window *window, u64 now_ns,
		       const struct vs_class_spec *spec, u32 flow, const struct vs_terms *terms)
{
	u64 passed = now_ns - window->start_ns;

	if (passed < VS_WINDOW_NS)
		return false;
	if (window->idle || !terms || passed >= PATIENCE * VS_WINDOW_NS)
		return true;
	for (u32 i = 0; i < spec->count; i++)
		if (is_rate_of_flow(spec, i, flow) && terms->term[i].low &&
		    owed_at(terms->term[i].low, passed) < REQUESTS * window->largest[i])
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(vs_window_decides);

/*
 * Would @rate have been reached if each request had taken LATENCY_NS?  By Little's law: what is
 * done is what is outstanding, divided by how long it takes.
 */
static bool rate_demanded(const struct vs_window *window, u64 passed_ns, u32 index, u64 rate)
{
	u64 size = window->requests ? div64_u64(window->served[index], window->requests) :
				      window->largest[index];
	u64 could = mul_u64_u64_div_u64(min(window->depth_ns, DEPTH_MAX),
					min(size, SIZE_MAX_UNITS), LATENCY_NS);

	return could >= owed_at(rate, passed_ns - min(window->waited_ns, passed_ns));
}

/* Was at least @rate served, as far as the window can tell? */
static bool rate_reached(const struct vs_window *window, u64 passed_ns, u32 index, u64 rate)
{
	u64 owed = owed_at(rate, passed_ns);

	owed -= owed / TOLERANCE;
	return owed <= window->served[index] ||
	       owed - window->served[index] <= window->largest[index];
}

/**
 * vs_window_violated() - was the contract's floor not kept?
 * @window: vs_window_decides() says so
 * @now_ns: by the caller's clock
 * @spec: the class
 * @flow: of whose requests the window is
 * @terms: of the contract that was in force all the time, a complete set
 *
 * Context: any.
 */
bool vs_window_violated(const struct vs_window *window, u64 now_ns,
			const struct vs_class_spec *spec, u32 flow, const struct vs_terms *terms)
{
	u64 passed = now_ns - window->start_ns;
	bool below = false;

	if (window->idle)
		return false;
	for (u32 i = 0; i < spec->count; i++) {
		if (!is_rate_of_flow(spec, i, flow))
			continue;
		if (rate_reached(window, passed, i, terms->term[i].high))
			return false;
		if (!terms->term[i].low)
			continue;
		if (rate_reached(window, passed, i, terms->term[i].low))
			return false;
		below |= rate_demanded(window, passed, i, terms->term[i].low);
	}
	return below;
}
EXPORT_SYMBOL_GPL(vs_window_violated);
