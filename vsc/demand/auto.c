// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's own judgement; see auto.h.
 */
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vs_class.h"
#include "vs_terms.h"

#include "vsc/demand/auto.h"
#include "vsc/demand/meter.h"

/* What a ceiling has to have let through to be the one that held back: 1 - 1/20. */
#define CEILING_TOLERANCE	20
/* What has to be used of a floor that was given back, to want it back: 1 - 1/10. */
#define FLOOR_TOLERANCE		10
/* Part of a sample that may be idle: between an answer and the next request lies some time. */
#define IDLE_TOLERANCE		10
/* Requests that a ceiling has to be worth before one of them does not decide any more. */
#define STRETCH_REQUESTS	16
/* Then it is judged all the same, if there was one. */
#define STRETCH_MAX_NS		(10 * NSEC_PER_SEC)

/* Off: a client asks for what its administrator wishes, when he says so. */
const struct vsc_auto_knobs vsc_auto_defaults = {
	.window_ms = 2000,
	.held_percent = 50,
	.interval_ms = 5000,
};
EXPORT_SYMBOL_GPL(vsc_auto_defaults);

static bool auto_has_rate(const struct vsc_auto *state, const struct vs_class_spec *spec, u32 index)
{
	return spec->term[index].kind == VS_KIND_RATE && spec->term[index].flow == state->flow;
}

/* What @rate comes to in @ns, of which more than an hour counts as one. */
static u64 rate_worth(u64 rate, u64 ns)
{
	return mul_u64_u64_div_u64(rate, min(ns, 3600 * NSEC_PER_SEC), NSEC_PER_SEC);
}

static u64 to_ns(u32 ms)
{
	return (u64)ms * NSEC_PER_MSEC;
}

/* Is it at least that share of the window? */
static bool is_share_of(u64 part_ns, u64 whole_ns, u32 percent)
{
	return part_ns >= div_u64(whole_ns, 100) * percent;
}

/**
 * vsc_auto_begin() - of a session that has had no contract yet
 * @state: any
 * @flow: of whose requests it judges
 *
 * Context: any; the caller serialises, here and below.
 */
void vsc_auto_begin(struct vsc_auto *state, u32 flow)
{
	memset(state, 0, sizeof(*state));
	state->flow = flow;
	state->patience = VSC_AUTO_PATIENCE;
}
EXPORT_SYMBOL_GPL(vsc_auto_begin);

static void begin_window(struct vsc_auto *state, u64 now_ns)
{
	state->window_ns = now_ns;
	state->active_ns = 0;
	state->idled = false;
	state->held = false;
	state->slow = false;
}

/**
 * vsc_auto_measure() - what was measured is out of date: another window begins
 * @state: begun
 * @now_ns: by the caller's clock, here and below
 */
void vsc_auto_measure(struct vsc_auto *state, u64 now_ns)
{
	for (u32 i = 0; i < VS_WIRE_TERMS_MAX; i++) {
		state->rate[i].served = 0;
		state->rate[i].short_ns = 0;
		state->rate[i].needed = false;
	}
	state->measured = false;
	begin_window(state, now_ns);
	vs_window_begin(&state->stretch, now_ns, true);
}
EXPORT_SYMBOL_GPL(vsc_auto_measure);

/* Takes over what is in force of one rate. True: it is more than it was. */
static bool rate_take_over(struct vsc_auto_rate *rate, u64 floor, u64 ceiling)
{
	bool more = floor > rate->floor || ceiling > rate->ceiling;

	/* Else it goes on to be short of what it has given back. */
	if (rate->asking && floor > rate->floor)
		rate->given = 0;
	rate->floor = floor;
	rate->ceiling = ceiling;
	rate->quiet = 0;
	rate->highest = 0;
	rate->asking = false;
	return more;
}

/**
 * vsc_auto_contract() - a renegotiation is over, or what is in force has changed
 * @state: begun
 * @spec: the class
 * @terms: in force from here on, a complete set; NULL: none
 * @now_ns: from here on
 */
void vsc_auto_contract(struct vsc_auto *state, const struct vs_class_spec *spec,
		       const struct vs_terms *terms, u64 now_ns)
{
	bool more = false;

	for (u32 i = 0; i < spec->count; i++)
		if (auto_has_rate(state, spec, i))
			more |= rate_take_over(&state->rate[i], terms ? terms->term[i].low : 0,
					       terms ? terms->term[i].high : 0);
	if (more) {
		state->tries = 0;
		state->back_off = 0;
	} else if (state->asking) {
		state->tries++;
		state->back_off = min(state->back_off + 1, VSC_AUTO_BACK_OFF_MAX);
	}
	state->contract = terms;
	state->asking = false;
	state->asked_ns = now_ns;
	vsc_auto_measure(state, now_ns);
}
EXPORT_SYMBOL_GPL(vsc_auto_contract);

/* Would one request more or less decide about the stretch? */
static bool too_short(const struct vsc_auto *state, const struct vs_class_spec *spec, u64 ns)
{
	bool short_of = false, served = false;

	for (u32 i = 0; i < spec->count; i++) {
		if (!auto_has_rate(state, spec, i))
			continue;
		served |= state->stretch.served[i] > 0;
		short_of |= rate_worth(state->rate[i].ceiling, ns) <
			STRETCH_REQUESTS * state->stretch.largest[i];
	}
	return short_of && !(served && ns >= STRETCH_MAX_NS);
}

static void judge_stretch(struct vsc_auto *state, const struct vs_class_spec *spec, u64 ns)
{
	const struct vs_window *stretch = &state->stretch;
	bool held = false;
	u64 owed;

	for (u32 i = 0; i < spec->count; i++) {
		struct vsc_auto_rate *rate = &state->rate[i];

		if (!auto_has_rate(state, spec, i))
			continue;
		owed = rate_worth(rate->ceiling, ns);
		owed -= owed / CEILING_TOLERANCE;
		if (!stretch->served[i] || stretch->served[i] + stretch->largest[i] < owed)
			continue;
		held = true;
		if (rate->ceiling < rate->most)
			rate->short_ns += ns;
	}
	if (held)
		state->held_ns += ns;
	state->held |= held;
	state->slow |= !held;
}

/* A busy sample goes on with the stretch, or begins one; another one ends it. */
static void auto_stretch(struct vsc_auto *state, const struct vs_class_spec *spec,
			 const struct vsc_sample *sample, u64 now_ns)
{
	struct vs_window *window = &state->stretch;
	u64 ns;

	if (sample->idle_ns > (now_ns - sample->seen.start_ns) / IDLE_TOLERANCE) {
		vs_window_begin(window, now_ns, true);
		state->idled = true;
		return;
	}
	vs_window_join(window, &sample->seen);
	ns = now_ns - window->start_ns;
	if (too_short(state, spec, ns))
		return;
	judge_stretch(state, spec, ns);
	vs_window_begin(window, now_ns, true);
}

/* Could this be asked for in place of the floor?  At most half of it is worth the asking. */
static bool is_less(const struct vsc_auto_rate *rate, u64 used, u64 *floor)
{
	*floor = max3(2 * used, rate->least, 1);
	return *floor <= rate->floor / 2;
}

static void close_rate(const struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
		       struct vsc_auto_rate *rate, u64 ns)
{
	bool active = is_share_of(state->active_ns, ns, knobs->held_percent);
	/* Else it waits for what it is not served: that is no use of little. */
	bool served = state->idled || state->held;
	u64 floor;

	/* Of less than an hour: so long is no window. */
	rate->used = mul_u64_u64_div_u64(rate->served, NSEC_PER_SEC, ns);
	rate->needed = rate->short_ns && is_share_of(rate->short_ns, ns, knobs->held_percent);
	if (rate->given && active && rate->served &&
	    rate->used >= rate->floor - rate->floor / FLOOR_TOLERANCE)
		rate->needed = true;
	if (served && is_less(rate, rate->used, &floor)) {
		rate->quiet++;
		rate->highest = max(rate->highest, rate->used);
	} else {
		rate->quiet = 0;
		rate->highest = 0;
	}
	rate->served = 0;
	rate->short_ns = 0;
}

/**
 * vsc_auto_sample() - what the device has done lately
 * @state: begun
 * @knobs: as the administrator has set them
 * @spec: the class
 * @sample: since the last one, or since there was something to do again
 * @now_ns: the end of it
 *
 * Return: whether a window has ended: vsc_auto_judge() may find something.
 */
bool vsc_auto_sample(struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
		     const struct vs_class_spec *spec, const struct vsc_sample *sample,
		     u64 now_ns)
{
	u64 ns = now_ns - state->window_ns;
	bool active = !sample->seen.idle;
	bool needed = false;

	for (u32 i = 0; i < spec->count; i++) {
		state->rate[i].served += sample->seen.served[i];
		active |= sample->seen.served[i] > 0;
	}
	if (active)
		state->active_ns += now_ns - sample->seen.start_ns;
	auto_stretch(state, spec, sample, now_ns);

	if (ns < to_ns(knobs->window_ms))
		return false;
	for (u32 i = 0; i < spec->count; i++) {
		if (!auto_has_rate(state, spec, i))
			continue;
		close_rate(state, knobs, &state->rate[i], ns);
		needed |= state->rate[i].needed;
	}
	/* A stretch may be longer than a window, which then says nothing. */
	if (!needed && (state->idled || state->slow))
		state->tries = 0;
	begin_window(state, now_ns);
	state->measured = true;
	return true;
}
EXPORT_SYMBOL_GPL(vsc_auto_sample);

/* A floor is wanted back: was it given away too early? */
static void learn_patience(struct vsc_auto *state, const struct vsc_auto_knobs *knobs, u64 now_ns)
{
	u64 soon = VSC_AUTO_SOON * state->patience * to_ns(knobs->window_ms);

	if (now_ns - state->given_ns >= soon)
		state->patience = VSC_AUTO_PATIENCE;
	else
		state->patience = min(2 * state->patience, VSC_AUTO_PATIENCE_MAX);
}

static bool auto_wants_more(struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
			    const struct vs_class_spec *spec, u64 now_ns)
{
	u64 interval = to_ns(knobs->interval_ms) << state->back_off;
	bool back = false;

	if (state->tries >= VSC_AUTO_TRIES || now_ns - state->asked_ns < interval)
		return false;
	for (u32 i = 0; i < spec->count; i++) {
		struct vsc_auto_rate *rate = &state->rate[i];

		if (!rate->needed)
			continue;
		rate->asking = true;
		state->asking = true;
		back |= rate->given > 0;
	}
	if (back)
		learn_patience(state, knobs, now_ns);
	return state->asking;
}

static bool auto_wants_less(struct vsc_auto *state, const struct vs_class_spec *spec, u64 now_ns)
{
	bool found = false;
	u64 floor;

	for (u32 i = 0; i < spec->count; i++) {
		struct vsc_auto_rate *rate = &state->rate[i];

		if (rate->quiet < state->patience || !is_less(rate, rate->highest, &floor))
			continue;
		rate->given = floor;
		found = true;
	}
	if (found)
		state->given_ns = now_ns;
	return found;
}

/**
 * vsc_auto_judge() - is another contract to be asked for?
 * @state: vsc_auto_sample() has just ended a window
 * @knobs: as the administrator has set them
 * @spec: the class
 * @now_ns: by the caller's clock
 *
 * The caller asks at once: what vsc_auto_wish() then adds to the wishes is part of the
 * verdict, as are the interval, which begins here, and vsc_auto_contract() at the end.
 *
 * Return: what is to be asked for.
 */
enum vsc_auto_verdict vsc_auto_judge(struct vsc_auto *state, const struct vsc_auto_knobs *knobs,
				     const struct vs_class_spec *spec, u64 now_ns)
{
	enum vsc_auto_verdict verdict = VSC_AUTO_NOTHING;

	if (!knobs->on || !state->contract || !state->measured)
		return VSC_AUTO_NOTHING;
	if (now_ns - state->asked_ns < to_ns(knobs->interval_ms))
		return VSC_AUTO_NOTHING;
	if (auto_wants_more(state, knobs, spec, now_ns))
		verdict = VSC_AUTO_MORE;
	else if (auto_wants_less(state, spec, now_ns))
		verdict = VSC_AUTO_LESS;
	if (verdict != VSC_AUTO_NOTHING)
		state->asked_ns = now_ns;
	return verdict;
}
EXPORT_SYMBOL_GPL(vsc_auto_judge);

/**
 * vsc_auto_may_give() - is there a floor of which an idle device would give back?
 * @state: begun
 * @spec: the class
 *
 * Return: false: a device that does nothing need not be looked at.
 */
bool vsc_auto_may_give(const struct vsc_auto *state, const struct vs_class_spec *spec)
{
	u64 floor;

	for (u32 i = 0; i < spec->count; i++)
		if (auto_has_rate(state, spec, i) && is_less(&state->rate[i], 0, &floor))
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(vsc_auto_may_give);

/**
 * vsc_auto_take_back() - the administrator decides: no floor is given back any more
 * @state: begun
 * @spec: the class
 *
 * Return: whether one was: the next ask is for it.
 */
bool vsc_auto_take_back(struct vsc_auto *state, const struct vs_class_spec *spec)
{
	bool found = false;

	for (u32 i = 0; i < spec->count; i++) {
		found |= state->rate[i].given > 0;
		state->rate[i].given = 0;
		state->rate[i].asking = false;
	}
	state->asking = false;
	state->tries = 0;
	state->back_off = 0;
	state->patience = VSC_AUTO_PATIENCE;
	return found;
}
EXPORT_SYMBOL_GPL(vsc_auto_take_back);

/**
 * vsc_auto_violated() - a floor was not kept: is another contract to be asked for?
 * @floors: of the session
 * @knobs: as the administrator has set them; also where they switch the rest off
 * @id: of the contract
 * @now_ns: by the caller's clock
 *
 * The caller asks at once if so.
 */
bool vsc_auto_violated(struct vsc_auto_floors *floors, const struct vsc_auto_knobs *knobs,
		       u64 id, u64 now_ns)
{
	u32 doubled = min(max(floors->tries, 1) - 1, VSC_AUTO_VIOLATED_MAX);

	if (id == floors->id)
		return false;
	if (floors->id && now_ns - floors->asked_ns < to_ns(knobs->interval_ms) << doubled)
		return false;
	floors->id = id;
	floors->asked_ns = now_ns;
	floors->tries++;
	return true;
}
EXPORT_SYMBOL_GPL(vsc_auto_violated);

/**
 * vsc_auto_wish() - what the judgement makes of the wishes
 * @state: begun; notes what the administrator wishes
 * @spec: the class
 * @wish: what he wishes, a complete set; gets the floors that are enough, and the use in
 *	the last window as demand
 */
void vsc_auto_wish(struct vsc_auto *state, const struct vs_class_spec *spec,
		   struct vs_terms *wish)
{
	for (u32 i = 0; i < spec->count; i++) {
		struct vsc_auto_rate *rate = &state->rate[i];
		struct vs_term *term = &wish->term[i];

		if (!auto_has_rate(state, spec, i))
			continue;
		rate->least = term->low;
		rate->most = term->high;
		if (state->measured)
			term->demand = rate->used;
		if (rate->given && !rate->asking && rate->given > term->low)
			term->low = min(rate->given, term->high);
	}
}
EXPORT_SYMBOL_GPL(vsc_auto_wish);
