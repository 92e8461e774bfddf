// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watch of a session takes samples of what its device does.  They say whether the floor is
 * kept, whether a ceiling holds the device back, and whether the client should ask for another
 * contract for either reason.  All of it runs in the session's work.
 *
 * Samples are taken only while there is a contract and the device has requests, or while the
 * client's own judgement waits for windows without any before it gives a floor back.  So an idle
 * machine is not woken.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vsc/core/session.h"
#include "vsc/core/trace.h"

#define SAMPLE_MS	100

/* A sample as long as this is not judged: the machine, or the session's work, stood still. */
#define LATE_NS		(2 * VS_WINDOW_NS)

static struct vsc_auto_knobs copy_knobs(struct vsc_session *session)
{
	struct vsc_auto_knobs copy;

	spin_lock(&session->lock);
	copy = session->knobs;
	spin_unlock(&session->lock);
	return copy;
}

static u32 index_of(const struct vsc_session *session, const struct vsc_watch_flow *flow)
{
	return flow - session->work->watch.flow;
}

/* The first flow; flow_end() is behind the last one. */
static struct vsc_watch_flow *flow_begin(const struct vsc_session *session)
{
	return session->work->watch.flow;
}

static struct vsc_watch_flow *flow_end(const struct vsc_session *session)
{
	return flow_begin(session) + session->spec->flows;
}

static void watch_wait_ms(struct vsc_watch *watch, u32 ms)
{
	watch->due = ktime_add_ms(ktime_get(), ms);
}

/* Samples and windows begin anew, since what was seen before was under another contract. */
static void watch_start(struct vsc_session *session)
{
	struct vsc_watch *watch = &session->work->watch;

	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++) {
		session->class->sample(session, index_of(session, flow), &flow->sample);
		vs_window_begin(&flow->floor, ktime_get_ns(), true);
	}
	watch->on = true;
	watch_wait_ms(watch, SAMPLE_MS);
}

/**
 * vsc_watch_begin() - the session begins
 * @session: has no contract
 *
 * Context: the session's work, here and below.
 */
void vsc_watch_begin(struct vsc_session *session)
{
	struct vsc_watch *watch = &session->work->watch;

	watch->on = false;
	memset(&watch->floors, 0, sizeof(watch->floors));
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		vsc_auto_begin(&flow->automatic, index_of(session, flow));
}

/**
 * vsc_watch_contract() - another contract is in force, or the contract has ended
 * @session: holds the contract, if there is one; has its class
 * @changed: the terms are others than those of the contract before
 */
void vsc_watch_contract(struct vsc_session *session, bool changed)
{
	struct vsc_watch *watch = &session->work->watch;
	const struct vs_terms *held = vsc_machine_held(session);

	if (changed)
		vsc_auto_terms_changed(&watch->floors);
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		vsc_auto_contract(&flow->automatic, session->spec, held, ktime_get_ns());
	watch->on = false;
	if (held)
		watch_start(session);
}

/**
 * vsc_watch_kept() - a renegotiation has ended with the same contract as before
 * @session: holds that contract
 */
void vsc_watch_kept(struct vsc_session *session)
{
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		vsc_auto_contract(&flow->automatic, session->spec, vsc_machine_held(session),
				  ktime_get_ns());
}

static void watch_measure(struct vsc_session *session)
{
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		vsc_auto_measure(&flow->automatic, ktime_get_ns());
}

/**
 * vsc_watch_busy() - the device, which was idle, has requests again
 * @session: any
 */
void vsc_watch_busy(struct vsc_session *session)
{
	struct vsc_watch *watch = &session->work->watch;
	ktime_t soon = ktime_add_ms(ktime_get(), SAMPLE_MS);

	if (!session->class || !session->held.id)
		return;
	if (!watch->on)
		watch_measure(session);
	if (!watch->on || ktime_after(watch->due, soon))
		watch->due = soon;
	watch->on = true;
}

/**
 * vsc_watch_take_back() - take back the floors that the client has given back by itself
 * @session: any
 *
 * Return: whether a floor was given back, so that the next ask has to be for it.
 */
bool vsc_watch_take_back(struct vsc_session *session)
{
	bool found = false;

	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		found |= vsc_auto_take_back(&flow->automatic, session->spec);
	return found;
}

/**
 * vsc_watch_knobs() - the client's own judgement was switched on or off
 * @session: any
 *
 * Return: whether to ask for another contract, to take back a floor that was given back.
 */
bool vsc_watch_knobs(struct vsc_session *session)
{
	struct vsc_watch *watch = &session->work->watch;

	if (!session->class || !session->held.id)
		return false;
	if (!copy_knobs(session).on)
		return vsc_watch_take_back(session);
	if (!watch->on) {
		watch_measure(session);
		watch_start(session);
	}
	return false;
}

/**
 * vsc_watch_wish() - change the wishes as the client's own judgement says
 * @session: any
 * @wish: what the administrator wishes, a complete set
 */
void vsc_watch_wish(struct vsc_session *session, struct vs_terms *wish)
{
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++)
		vsc_auto_wish(&flow->automatic, session->spec, wish);
}

/* The client asks by itself only while no negotiation, release or end is under way. */
static bool may_ask(const struct vsc_session *session)
{
	const struct vsc_work *work = session->work;

	return session->state == VS_STATE_RUNNING && !work->grant.id && !work->leave.release &&
		!work->leave.why;
}

/* ---- Is the floor kept? ---- */

static void watch_violated(struct vsc_session *session, const struct vsc_watch_flow *flow,
			   const struct vsc_auto_knobs *set, u64 now_ns)
{
	struct vsc_watch *watch = &session->work->watch;
	const struct vs_window *window = &flow->floor;
	const struct vs_term_spec *term = session->spec->term;

	for (u32 i = 0; i < session->spec->count; i++)
		if (term[i].kind == VS_KIND_RATE && term[i].flow == index_of(session, flow) &&
		    session->held.terms.term[i].low)
			trace_vsc_violation(dev_name(&session->dev), session->held.id,
					    term[i].name, window->served[i],
					    session->held.terms.term[i].low,
					    now_ns - window->start_ns);
	vsc_machine_count(session, &session->counters.violations);
	vsc_event_changed(session, "violated");
	if (may_ask(session) && vsc_auto_violated(&watch->floors, set, session->held.id, now_ns))
		watch->wanted = VS_REASON_VIOLATED;
}

static void judge_floor(struct vsc_session *session, struct vsc_watch_flow *flow,
			const struct vsc_auto_knobs *set, u64 now_ns)
{
	const struct vs_window *seen = &flow->sample.seen;
	struct vs_window *window = &flow->floor;
	u32 index = index_of(session, flow);

	if (seen->idle || now_ns - seen->start_ns >= LATE_NS) {
		vs_window_begin(window, now_ns, true);
		return;
	}
	vs_window_join(window, seen);
	if (!vs_window_decides(window, now_ns, session->spec, index, &session->held.terms))
		return;
	if (vs_window_violated(window, now_ns, session->spec, index, &session->held.terms))
		watch_violated(session, flow, set, now_ns);
	vs_window_begin(window, now_ns, true);
}

/* ---- Samples ---- */

static void count_held_back(struct vsc_session *session, struct vsc_auto *automatic)
{
	u32 rest;
	u64 ms = div_u64_rem(automatic->held_ns, NSEC_PER_MSEC, &rest);

	automatic->held_ns = rest;
	spin_lock(&session->lock);
	session->counters.held_back_ms += ms;
	spin_unlock(&session->lock);
}

/* Return: whether the device had requests in the sample, or has some. */
static bool watch_sample(struct vsc_session *session, struct vsc_watch_flow *flow,
			 const struct vsc_auto_knobs *set)
{
	bool active = session->class->sample(session, index_of(session, flow), &flow->sample);
	u64 now_ns = ktime_get_ns();
	bool over;

	judge_floor(session, flow, set, now_ns);
	over = vsc_auto_sample(&flow->automatic, set, session->spec, &flow->sample, now_ns);
	count_held_back(session, &flow->automatic);
	if (over && may_ask(session) &&
	    vsc_auto_judge(&flow->automatic, set, session->spec, now_ns) != VSC_AUTO_NOTHING)
		session->work->watch.wanted = session->work->watch.wanted ?: VS_REASON_NEED;
	return active;
}

/**
 * vsc_watch_run() - take a sample, if one is due
 * @session: any
 *
 * Return: the reason why the client should ask for another contract now (enum vs_wire_reason);
 *	0: it should not.
 */
u32 vsc_watch_run(struct vsc_session *session)
{
	struct vsc_watch *watch = &session->work->watch;
	struct vsc_auto_knobs set;
	bool active = false, goes_on = false;

	if (!watch->on || ktime_before(ktime_get(), watch->due))
		return VS_REASON_NONE;
	watch->wanted = VS_REASON_NONE;
	set = copy_knobs(session);
	for (struct vsc_watch_flow *flow = flow_begin(session); flow < flow_end(session); flow++) {
		active |= watch_sample(session, flow, &set);
		goes_on |= set.on && vsc_auto_may_give(&flow->automatic, session->spec);
	}
	watch_wait_ms(watch, active ? SAMPLE_MS : set.window_ms);
	watch->on = active || goes_on;
	return watch->wanted;
}
