// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events of a session, for programs that watch it: uevents, and the end of a poll() of its files.
 *
 * A work of their own sends them.  A uevent takes a mutex of the whole kernel, and its holder may
 * wait for memory that is written to this session's disk; and that disk is stopped while the
 * session's work is between a grant and its START.
 *
 * A provider decides how often something happens.  So of the events of one kind that wait only the
 * newest is sent, and no more often than every EVENTS_MS.
 */
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsc/core/session.h"

#define EVENTS_MS	100

static void send_event(struct vsc_session *session, const struct vsc_event_note *note)
{
	char event[40], state[48], contract[40], why[40];
	char *variables[5] = { event, state, contract, why };

	snprintf(event, sizeof(event), "VSC_EVENT=%s", note->what);
	snprintf(state, sizeof(state), "VSC_STATE=%s", vs_states_name(note->state));
	snprintf(contract, sizeof(contract), "VSC_CONTRACT=%llu", note->id);
	snprintf(why, sizeof(why), "VSC_REASON=%s", vs_wire_reason_name(note->reason));
	/* An error is ignored: the event could not be delivered, and the session goes on. */
	kobject_uevent_env(&session->dev.kobj, KOBJ_CHANGE, variables);
}

static void send_events(struct work_struct *item)
{
	struct vsc_events *events = container_of(to_delayed_work(item), struct vsc_events, send);
	struct vsc_work *work = container_of(events, struct vsc_work, events);
	struct kobject *kobj = &work->session->dev.kobj;
	struct vsc_event_note note[VSC_EVENT_KINDS];
	unsigned int count;

	spin_lock(&events->lock);
	count = events->count;
	memcpy(note, events->note, count * sizeof(note[0]));
	events->count = 0;
	events->next = jiffies + msecs_to_jiffies(EVENTS_MS);
	spin_unlock(&events->lock);
	for (unsigned int i = 0; i < count; i++)
		send_event(work->session, &note[i]);
	sysfs_notify(kobj, "contract", "state");
	sysfs_notify(kobj, "contract", "result");
	sysfs_notify(kobj, "contract", "summary");
}

/* An older one of the same kind goes. */
static void add_note(struct vsc_events *events, const struct vsc_event_note *note)
{
	unsigned int kept = 0;

	lockdep_assert_held(&events->lock);
	for (unsigned int i = 0; i < events->count; i++)
		if (strcmp(events->note[i].what, note->what))
			events->note[kept++] = events->note[i];
	if (WARN_ON_ONCE(kept == VSC_EVENT_KINDS))
		return;
	events->note[kept] = *note;
	events->count = kept + 1;
}

/**
 * vsc_event_changed() - tell programs that watch the session that something has happened
 * @session: any; nothing comes of it while its device is not shown
 * @what: VSC_EVENT of the uevent, one of VSC_EVENT_KINDS
 *
 * Context: the session's work; waits for nothing.
 */
void vsc_event_changed(struct vsc_session *session, const char *what)
{
	struct vsc_work *work = session->work;
	struct vsc_events *events = &work->events;
	struct vsc_event_note note = {
		.what = what,
		.state = session->state,
		.id = session->held.id,
		.reason = work->epoch.result.reason ?: session->last.reason,
	};
	unsigned long now = jiffies, delay;

	if (!device_is_registered(&session->dev))
		return;
	spin_lock(&events->lock);
	add_note(events, &note);
	delay = time_before(now, events->next) ? events->next - now : 0;
	spin_unlock(&events->lock);
	/* Does nothing if it is to be sent already. */
	queue_delayed_work(system_unbound_wq, &events->send, delay);
}

/**
 * vsc_event_init() - no event has happened yet
 * @events: of a new session
 */
void vsc_event_init(struct vsc_events *events)
{
	spin_lock_init(&events->lock);
	events->next = jiffies;
	INIT_DELAYED_WORK(&events->send, send_events);
}

/**
 * vsc_event_flush() - send what has happened, before the session's device goes
 * @events: of a session in which nothing happens any more
 *
 * Context: process; sleeps.
 */
void vsc_event_flush(struct vsc_events *events)
{
	flush_delayed_work(&events->send);
}
