// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session and its class: takes it and begins, or waits until it is loaded; gives the
 * contract back and lets go of it when either goes.  Runs in the session's work.
 */
#include <linux/kmod.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait_bit.h>

#include "vsc/core/session.h"

static bool ask = true;
module_param(ask, bool, 0644);
MODULE_PARM_DESC(ask,
		 "ask for a contract as soon as there is a channel, else when \"renegotiate\" is written (default Y)");

static void set_class(struct vsc_session *session, const struct vsc_class *class)
{
	mutex_lock(&session->class_lock);
	session->class = class;
	mutex_unlock(&session->class_lock);
}

static bool joins_counters(const struct attribute_group *group)
{
	return group->name && !strcmp(group->name, "counters");
}

static void add_counters(struct vsc_session *session, const struct attribute_group *group)
{
	int error;

	if (!group)
		return;
	error = joins_counters(group) ? sysfs_merge_group(&session->dev.kobj, group) :
		sysfs_create_group(&session->dev.kobj, group);
	if (error)
		dev_warn(&session->dev, "the counters of class %s are not shown (%d)\n",
			 session->spec->name, error);
}

static void remove_counters(struct vsc_session *session, const struct attribute_group *group)
{
	if (!group)
		return;
	if (joins_counters(group))
		sysfs_unmerge_group(&session->dev.kobj, group);
	else
		sysfs_remove_group(&session->dev.kobj, group);
}

/* Classes that a session loads, a bit each, and how often one has, by id. */
static unsigned long session_loading;
static unsigned int session_loads[VS_CLASS_END];

static_assert(VS_CLASS_END <= BITS_PER_LONG);

/*
 * One session at a time loads a class. Who has waited for another one's modprobe finds the class
 * then, or knows as much as that one: of a thousand that begin at once each would have a modprobe
 * of its own, of which the kernel runs 50 at a time.
 */
static void session_load_class(const struct vsc_session *session)
{
	u16 id = session->spec->id;
	unsigned int before = READ_ONCE(session_loads[id]);

	wait_on_bit_lock(&session_loading, id, TASK_UNINTERRUPTIBLE);
	if (session_loads[id] == before) {
		request_module("vsc-class-%s", session->spec->name);
		WRITE_ONCE(session_loads[id], before + 1);
	}
	clear_and_wake_up_bit(id, &session_loading);
}

static const struct vsc_class *session_find_class(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vsc_class *class = vsc_class_get(session->spec);
	bool missing;

	if (!class && !work->requested) {
		work->requested = true;
		session_load_class(session);
		class = vsc_class_get(session->spec);
	}
	/* A module that was there and was unloaded is not loaded again by the session. */
	work->requested |= !!class;
	missing = !class;
	if (missing != session->class_missing) {
		spin_lock(&session->lock);
		session->class_missing = missing;
		spin_unlock(&session->lock);
		vsc_event_changed(session, missing ? "class-missing" : "class-found");
	}
	if (missing)
		dev_warn(&session->dev, "class missing: service \"%s\" needs module vsc_%s; it begins when that is loaded\n",
			 session->name, session->spec->name);
	return class;
}

static void take_class(struct vsc_session *session, const struct vsc_class *class)
{
	set_class(session, class);
	rcu_assign_pointer(session->work->data, class);
	add_counters(session, class->counters);
}

/* A class that was there while the machine slept has not let go of the session. */
static int start_class(struct vsc_session *session, const struct vsc_class *class)
{
	int error = vsc_channel_start(session->channel);

	if (error)
		return error;
	vsc_watch_begin(session);
	if (session->class) {
		class->wake(session);
		return 0;
	}
	error = class->attach(session);
	if (!error)
		take_class(session, class);
	return error;
}

/**
 * vsc_session_begin() - take the class, if it is there, and begin
 * @session: any; nothing happens if it has begun, leaves, or cannot
 *
 * Context: the session's work; may sleep, the first time for modprobe.
 */
void vsc_session_begin(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vsc_link *link = &work->link;
	const struct vsc_class *class = session->class;
	int error;

	if (!link->ready || (class && !link->slept) || work->leave.why || link->broken)
		return;
	if (!class)
		class = session_find_class(session);
	if (!class)
		return;
	error = start_class(session, class);
	if (error) {
		if (!session->class)
			vsc_class_put(class);
		else if (error == -ENODEV)	/* what sleeps would wait for ever */
			vsc_session_lose(session);
		dev_err_ratelimited(&session->dev, "class %s cannot take the session (%d), trying again\n",
				    session->spec->name, error);
		vsc_session_wait(session, VSC_TIMER_RETRY, vsc_session_back_off(session));
		return;
	}
	work->reason = work->link.slept ? VS_REASON_RESUME : VS_REASON_FIRST;
	/* A contract that was given back before the machine slept is not asked for again. */
	if (!work->link.slept)
		work->leave.release = !READ_ONCE(ask) && !work->leave.needed;
	work->link.slept = false;
	vsc_machine_step(session, VSC_EVENT_BEGIN);
}

/**
 * vsc_session_lose() - let go of the class, and of the contract with it
 * @session: any
 *
 * Context: the session's work, or in its place; sleeps as long as the class needs to
 * end its device.
 */
void vsc_session_lose(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vsc_class *class = session->class;

	vsc_machine_step(session, VSC_EVENT_LOST);
	if (!class)
		return;
	remove_counters(session, class->counters);
	set_class(session, NULL);
	class->detach(session, vsc_channel_broken(session->channel));
	rcu_assign_pointer(work->data, NULL);
	synchronize_rcu();
	vsc_class_put(class);
}

/**
 * vsc_session_sleep() - let go of the contract, and of the class if it cannot wait
 * @session: any
 *
 * Context: in the place of the session's work; sleeps as long as the class needs to quiesce
 * or end its device.
 */
void vsc_session_sleep(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vsc_class *class = session->class;

	/* Before it has begun, it only begins later. */
	if (!class)
		return;
	work->link.slept = true;
	/* Nothing wakes what sleeps in a channel that has failed. */
	if (!class->sleep || work->link.broken) {
		vsc_session_lose(session);
		return;
	}
	vsc_machine_step(session, VSC_EVENT_LOST);
	class->sleep(session);
}

/* The first at once; each that follows soon, twice as long after the one before. */
static u32 reset_pause(struct vsc_work *work)
{
	ktime_t now = ktime_get();

	if (work->link.reset_at && ktime_ms_delta(now, work->link.reset_at) < VSC_RESETS_MS)
		work->link.reset_ms = clamp_t(u32, 2 * work->link.reset_ms, VSC_BACK_OFF_MIN_MS,
					      VSC_BACK_OFF_MAX_MS);
	else
		work->link.reset_ms = 0;
	work->link.reset_at = now;
	return work->link.reset_ms;
}

/**
 * vsc_session_reset() - if a ring is broken, reset the device and begin again
 * @session: any
 *
 * As if the machine had slept: what was under way waits, and goes into the next rings.
 *
 * Context: the session's work; sleeps as long as the class needs to quiesce its device.
 */
void vsc_session_reset(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	const struct vsc_link *link = &work->link;
	u32 ms;

	/* Without a class the channel has not been started, which is not broken. */
	if (!session->class || !link->ready || link->slept || link->broken || work->leave.why ||
	    !vsc_channel_broken(session->channel) || vsc_channel_ends())
		return;
	ms = reset_pause(work);
	dev_warn_ratelimited(&session->dev, "a ring is broken: the device is reset, its service begins again in %u ms\n",
			     ms);
	vsc_machine_count(session, &session->counters.resets);
	work->link.stalled = false;
	vsc_session_sleep(session);
	vsc_channel_stop(session->channel);
	vsc_want_end(session);
	vsc_session_wait(session, VSC_TIMER_RETRY, ms);
}

/**
 * vsc_session_left() - let go of the class, and of the channel if that goes
 * @session: leaves; its contract is given back, or that has taken too long
 *
 * Context: the session's work; sleeps as long as the class needs to end its device.
 */
void vsc_session_left(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	unsigned int why = work->leave.why;

	vsc_session_lose(session);
	if (why & VSC_LEAVING_CHANNEL) {
		vsc_channel_stop(session->channel);
		work->leave.closed = true;
		complete(&work->leave.left);
		return;
	}
	work->leave.why = 0;
	work->link.slept = false;
	vsc_session_begin(session);
}

/**
 * vsc_session_leave() - class or channel go
 * @session: any
 * @why: VSC_LEAVING_*
 *
 * Ends the device under its contract and gives that back, if that can be.
 * vsc_session_left() is to follow when work->leave.released is set or work->leave.by has come.
 *
 * Context: the session's work; sleeps as long as the class needs to write back what is dirty.
 */
void vsc_session_leave(struct vsc_session *session, unsigned int why)
{
	struct vsc_work *work = session->work;
	bool first = !work->leave.why;

	WRITE_ONCE(work->leave.why, work->leave.why | why);
	vsc_want_end(session);
	if (!first)
		return;
	work->leave.release = true;
	if (session->held.id && session->class->leave && !vsc_channel_broken(session->channel))
		session->class->leave(session);
	work->leave.by = ktime_add_ms(ktime_get(), VSC_RELEASE_MS);
	if (vsc_channel_broken(session->channel) || (!session->held.id && !work->grant.id))
		work->leave.released = true;
	else
		vsc_machine_release(session);
}
