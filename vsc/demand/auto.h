/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client's own judgement, of each flow of requests by itself: does its device need
 * more than the contract allows, or much less than it guarantees?  From what the device has
 * done, over a clock of the caller's: pure.
 *
 * What the device does comes in samples.  Samples in which something was outstanding, but
 * for moments, make a stretch, until one request more or less no longer decides; a
 * stretch that was served what a ceiling is worth was held back by it.  Stretches make a
 * window, and every window ends with an answer to two questions:
 *
 *	MORE	Held back for the share of the window that the administrator has set, by
 *		a ceiling below what he allows to be asked for?  Or: was a floor given
 *		back, and is it used up?
 *	LESS	Was a floor, in each of the last windows, used for a quarter at the most,
 *		and not because the device waited for what it was not served?  Then twice
 *		the highest use of these windows is enough: half of what there is, or less.
 *
 * Between the two lies more than half of any floor, so a load that does not change
 * leads to a few asks and then to none: each LESS at least halves a floor, and is taken
 * back only by a use that has almost doubled.  Between two asks lies an interval at
 * least.  It doubles with every MORE that brings nothing, and after VSC_AUTO_TRIES of
 * those nothing is asked while the device goes on to be held back.  A floor that was
 * given back and soon needed again is not given back so soon the next time.
 *
 * All of that is only where the administrator has switched it on.  A floor that is not kept
 * is another matter: what was agreed is not so.  Another contract is asked for instead, once
 * for each that is violated.  Where the source is slow, that one will be violated, too: so
 * the interval doubles with each ask that has left the terms as they were.
 */
#ifndef VSC_AUTO_H
#define VSC_AUTO_H

#include <linux/types.h>

#include "vs_window.h"
#include "vs_limits.h"

struct vs_class_spec;
struct vs_terms;
struct vsc_sample;

/* What the administrator can set, milliseconds and percent. */
#define VSC_AUTO_WINDOW_MIN_MS		200
#define VSC_AUTO_WINDOW_MAX_MS		60000
#define VSC_AUTO_INTERVAL_MIN_MS	500
#define VSC_AUTO_INTERVAL_MAX_MS	3600000

#define VSC_AUTO_TRIES		8	/* MOREs in a row that bring nothing */
#define VSC_AUTO_BACK_OFF_MAX	6	/* times that the interval doubles */
#define VSC_AUTO_PATIENCE	5	/* windows before a floor is given back */
#define VSC_AUTO_PATIENCE_MAX	(VSC_AUTO_PATIENCE << 4)
#define VSC_AUTO_SOON		30	/* patiences: so soon it was given back too early */
#define VSC_AUTO_VIOLATED_MAX	16	/* times that the interval doubles for a floor not kept */

enum vsc_auto_verdict {
	VSC_AUTO_NOTHING,
	VSC_AUTO_MORE,	/* ask for all that the administrator wishes, of what is short */
	VSC_AUTO_LESS,	/* ask for less of a floor */
};

/**
 * struct vsc_auto_knobs - what the administrator has set
 * @on: the client may ask by itself
 * @window_ms: what is judged at a time
 * @held_percent: share of it
 * @interval_ms: least time between two asks
 */
struct vsc_auto_knobs {
	bool on;
	u32 window_ms;
	u32 held_percent;
	u32 interval_ms;
};

/**
 * struct vsc_auto_rate - one RATE of the class
 * @floor: of the contract in force
 * @ceiling: likewise
 * @least: floor that the administrator wishes
 * @most: ceiling that he wishes
 * @given: what is asked for in place of a floor that was given back; 0: it was not
 * @served: in the window
 * @used: in the last full window, a second
 * @highest: of that, in the windows of @quiet
 * @quiet: windows in a row in which a quarter of the floor was enough
 * @short_ns: time of the window in which it was at a ceiling below @most
 * @needed: the last window says that there should be more
 * @asking: a MORE for it has not ended yet
 */
struct vsc_auto_rate {
	u64 floor;
	u64 ceiling;
	u64 least;
	u64 most;
	u64 given;
	u64 served;
	u64 used;
	u64 highest;
	u32 quiet;
	u64 short_ns;
	bool needed;
	bool asking;
};

/**
 * struct vsc_auto - the judgement of one flow of a session; the caller serialises
 * @flow: which
 * @rate: by the index of the term in the class's table; zeroes if it is no RATE
 * @contract: there is one
 * @measured: a window has ended, and its use is not out of date
 * @window_ns: when the window began
 * @active_ns: time of it in which the device had something to do
 * @stretch: busy samples that are not judged yet; idle: there are none
 * @idled: the window has a sample that is not busy
 * @held: a stretch at a ceiling has ended in it
 * @slow: another one has
 * @held_ns: time at a ceiling, all in all
 * @asked_ns: of the last ask, or of the contract that came later
 * @asking: a MORE has not ended yet
 * @tries: MOREs in a row that have brought nothing
 * @back_off: times that the interval is doubled
 * @given_ns: when a floor was last given back
 * @patience: windows before that
 */
struct vsc_auto {
	u32 flow;
	struct vsc_auto_rate rate[VS_WIRE_TERMS_MAX];
	bool contract;
	bool measured;
	u64 window_ns;
	u64 active_ns;
	struct vs_window stretch;
	bool idled;
	bool held;
	bool slow;
	u64 held_ns;
	u64 asked_ns;
	bool asking;
	u32 tries;
	u32 back_off;
	u64 given_ns;
	u32 patience;
};

/**
 * struct vsc_auto_floors - asks for another contract, as a floor is not kept; of a session
 * @id: contract in place of which one was asked for last, 0: none
 * @asked_ns: when
 * @tries: asks in a row that have left the terms as they were
 */
struct vsc_auto_floors {
	u64 id;
	u64 asked_ns;
	u32 tries;
};

/**
 * vsc_auto_terms_changed() - the contract has other terms than the one before
 * @floors: of the session
 */
static inline void vsc_auto_terms_changed(struct vsc_auto_floors *floors)
{
	floors->tries = 0;
}

/* vsc/demand/auto.c */
extern const struct vsc_auto_knobs vsc_auto_defaults;
void vsc_auto_begin(struct vsc_auto *state, u32 flow);
void vsc_auto_contract(struct vsc_auto *state, const struct vs_class_spec *spec,
		       const struct vs_terms *terms, u64 now_ns);
void vsc_auto_measure(struct vsc_auto *state, u64 now_ns);
bool vsc_auto_sample(struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
		     const struct vs_class_spec *spec, const struct vsc_sample *sample,
		     u64 now_ns);
enum vsc_auto_verdict vsc_auto_judge(struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
				     const struct vs_class_spec *spec, u64 now_ns);
bool vsc_auto_may_give(const struct vsc_auto *state, const struct vs_class_spec *spec);
bool vsc_auto_take_back(struct vsc_auto *state, const struct vs_class_spec *spec);
bool vsc_auto_violated(struct vsc_auto_floors *floors, const struct vsc_auto_knobs *knobs,
		       u64 id, u64 now_ns);
void vsc_auto_wish(struct vsc_auto *state, const struct vs_class_spec *spec,
		   struct vs_terms *wish);

#endif
