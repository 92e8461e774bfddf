/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a floor kept?  Both sides look at windows of at least a second, each by its own
 * clock and from what it has seen itself: pure.
 *
 * Each flow has windows of its own.
 *
 * A window in which there was something to do at every moment, and which has seen less
 * than the floor of every rate that has one, is a violation; unless some rate was at
 * its ceiling, which then was the reason, or the load could not have used what was
 * promised: with few and small requests outstanding, how fast it is depends on how long each
 * of them takes, and the contract says nothing of that.  So a floor is owed only to as many
 * requests, on average, as a source that takes 10 ms for each needs to reach it; and to those
 * that are held back, for as long as they are.  What is owed may be off by one request, and by
 * two percent, since no window begins or ends with a request.  So a window goes on until
 * what is owed is worth two requests, but for no more than ten seconds.
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
 * @start_ns: when it began
 * @idle: at some moment of it there was nothing to do, or no contract, or another one
 * @served: what has been done in it, per term of the class, of RATE only
 * @largest: most that one request has counted for, or will, likewise
 * @requests: that are over
 * @depth_ns: how many requests were outstanding, times how long
 * @waited_ns: time in which a request was held back, and no matter how many there were
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
 * vs_window_count() - a part of a request is done
 * @window: open
 * @index: of the RATE in the class's table
 * @amount: in the term's unit
 */
static inline void vs_window_count(struct vs_window *window, u32 index, u64 amount)
{
	window->served[index] += amount;
	window->largest[index] = max(window->largest[index], amount);
}

/**
 * vs_window_expect() - a request waits, or is under way
 * @window: open
 * @index: of the RATE in the class's table
 * @amount: that it will count for, in the term's unit
 */
static inline void vs_window_expect(struct vs_window *window, u32 index, u64 amount)
{
	window->largest[index] = max(window->largest[index], amount);
}

/**
 * vs_window_depth() - requests were outstanding for a while
 * @window: open
 * @count: how many
 * @since_ns: from then on; becomes @now_ns
 * @now_ns: until now; of who has read the clock before another, it may be earlier
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
 * vs_window_join() - a window goes on with what was seen in a part of it
 * @window: begins with the part if it is idle
 * @part: not idle, and follows what is in @window already
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
