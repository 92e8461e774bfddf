/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a floor kept?  Each side judges windows of at least a second, by its own clock and from
 * its own counts.  The functions are pure, and each flow has windows of its own.
 *
 * A window is a violation if requests were outstanding at every moment of it and every rate
 * that has a floor stayed below that floor.  There are two exceptions:
 *
 * - Some rate was at its ceiling: then the ceiling was the reason.
 * - The load was too small to use the floor.  With few and small requests outstanding, the
 *   speed depends on the latency of each request, which the contract does not promise.  A
 *   floor is therefore owed only to the number of requests, on average, that a source with a
 *   latency of 10 ms needs to reach it, and to requests that are held back, while they are.
 *
 * No window begins or ends with a request, so the sum owed may be wrong by one request; two
 * percent more are allowed.  A window goes on until the sum owed is worth two requests, and
 * for ten seconds at most.
 */
#ifndef VS_WINDOW_H
#define VS_WINDOW_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "vs_limits.h"

struct vs_class_spec;
struct vs_terms;

#define VS_WINDOW_NS	1000000000ULL

/**
 * struct vs_window - one window of one flow of a contract; the caller serialises
 * @start_ns: when the window began
 * @idle: at some moment no request was outstanding, or the contract was absent or changed
 * @served: amount served, by index of the term; RATE only
 * @largest: amount of the largest request, finished or not, by index of the term; RATE only
 * @requests: number of requests that have finished
 * @depth_ns: integral of the number of outstanding requests over time
 * @waited_ns: time during which at least one request was held back
 */
struct vs_window {
	u64 start_ns;
	bool idle;
	u64 served[VS_WIRE_TERMS_MAX];
	u64 largest[VS_WIRE_TERMS_MAX];
	u64 requests;
	u64 depth_ns;
	u64 waited_ns;
};

/**
 * vs_window_count() - count a part of a request as served
 * @window: open window
 * @index: index of the RATE in the class's table
 * @amount: size of the part, in the term's unit
 */
static inline void vs_window_count(struct vs_window *window, u32 index, u64 amount)
{
	window->served[index] += amount;
	window->largest[index] = max(window->largest[index], amount);
}

/**
 * vs_window_expect() - note a request that is waiting or under way
 * @window: open window
 * @index: index of the RATE in the class's table
 * @amount: size of the request, in the term's unit
 */
static inline void vs_window_expect(struct vs_window *window, u32 index, u64 amount)
{
	window->largest[index] = max(window->largest[index], amount);
}

/**
 * vs_window_depth() - account for the requests that were outstanding since the last call
 * @window: open window
 * @count: number of requests outstanding since then
 * @since_ns: time of the last call; becomes @now_ns
 * @now_ns: time of this call; earlier than @since_ns if another caller read the clock later
 *	but came first, in which case nothing is counted
 */
static inline void vs_window_depth(struct vs_window *window, unsigned int count, u64 *since_ns,
				   u64 now_ns)
{
	u64 from_ns = max(*since_ns, window->start_ns);

	if (now_ns <= from_ns)
		return;
	window->depth_ns += count * (now_ns - from_ns);
	*since_ns = now_ns;
}

/* channel/window.c */
void vs_window_begin(struct vs_window *window, u64 now_ns, bool idle);
bool vs_window_decides(const struct vs_window *window, u64 now_ns,
		       const struct vs_class_spec *spec, u32 flow, const struct vs_terms *terms);
bool vs_window_violated(const struct vs_window *window, u64 now_ns,
			const struct vs_class_spec *spec, u32 flow, const struct vs_terms *terms);

/**
 * vs_window_join() - append a part to a window
 * @window: window to extend; if it is idle, it begins with the part
 * @part: the part; not idle, and later than everything in @window
 */
static inline void vs_window_join(struct vs_window *window, const struct vs_window *part)
{
	if (window->idle)
		vs_window_begin(window, part->start_ns, false);
	for (u32 i = 0; i < VS_WIRE_TERMS_MAX; i++) {
		window->served[i] += part->served[i];
		window->largest[i] = max(window->largest[i], part->largest[i]);
	}
	window->requests += part->requests;
	window->depth_ns += part->depth_ns;
	window->waited_ns += part->waited_ns;
}

#endif
