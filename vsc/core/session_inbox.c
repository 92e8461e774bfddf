// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes in to a session, from interrupts, sysfs and the classes: it is put into an inbox,
 * which the session's work empties (session_work.c).
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/lockdep.h>

#include "vsc/core/session.h"

/**
 * vsc_session_post_locked() - vsc_session_post() for who has the inbox's lock
 * @work: of the session
 * @what: VSC_INBOX_*
 *
 * Context: any; work->inbox.lock held.
 * Return: false: the session has ended, and nobody will look.
 */
bool vsc_session_post_locked(struct vsc_work *work, unsigned long what)
{
	lockdep_assert_held(&work->inbox.lock);
	if (work->inbox.dead)
		return false;
	work->inbox.bits |= what;
	mod_delayed_work(work->queue, &work->run, 0);
	return true;
}

/**
 * vsc_session_post() - have the session's work look at something
 * @session: any
 * @what: VSC_INBOX_*
 *
 * Context: any.
 * Return: false: the session has ended, and nobody will look.
 */
bool vsc_session_post(struct vsc_session *session, unsigned long what)
{
	struct vsc_work *work = session->work;
	unsigned long flags;
	bool posted;

	spin_lock_irqsave(&work->inbox.lock, flags);
	posted = vsc_session_post_locked(work, what);
	spin_unlock_irqrestore(&work->inbox.lock, flags);
	return posted;
}

/**
 * vsc_session_broken() - a ring of the channel is broken
 * @session: its session resets the device and begins again
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_broken(struct vsc_session *session)
{
	vsc_session_post(session, VSC_INBOX_BROKEN);
}
EXPORT_SYMBOL_GPL(vsc_session_broken);

/**
 * vsc_session_busy() - the device has something to do again
 * @session: its class's ->sample has found nothing, or was never called
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_busy(struct vsc_session *session)
{
	vsc_session_post(session, VSC_INBOX_BUSY);
}
EXPORT_SYMBOL_GPL(vsc_session_busy);

/**
 * vsc_session_auto() - the client may ask by itself, or may not
 * @session: any
 * @on: which
 *
 * Context: process.
 */
void vsc_session_auto(struct vsc_session *session, bool on)
{
	spin_lock(&session->lock);
	session->knobs.on = on;
	spin_unlock(&session->lock);
	vsc_session_post(session, VSC_INBOX_AUTO);
}

/**
 * vsc_session_class_changed() - a class has come, or goes
 * @session: of its kind
 * @class: NULL: the one that it has goes
 *
 * Context: any; the session looks for itself, later.
 */
void vsc_session_class_changed(struct vsc_session *session, const struct vsc_class *class)
{
	vsc_session_post(session, class ? VSC_INBOX_CLASS_CAME : VSC_INBOX_CLASS_GOES);
}

/**
 * vsc_session_stalled() - the provider ends no data requests any more
 * @session: asks whether it is there; if not, the device is reset, as if a ring were broken
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_stalled(struct vsc_session *session)
{
	vsc_session_post(session, VSC_INBOX_STALLED);
}
EXPORT_SYMBOL_GPL(vsc_session_stalled);

/**
 * vsc_session_is_released() - has the administrator given the contract back, for now?
 * @session: any
 *
 * Context: any.
 * Return: true from vsc_session_release() to vsc_session_renegotiate(): nothing else is to
 * ask for a contract.
 */
bool vsc_session_is_released(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	unsigned long flags;
	bool released;

	spin_lock_irqsave(&work->inbox.lock, flags);
	released = work->inbox.bits & VSC_INBOX_RELEASE ||
		(READ_ONCE(work->leave.release) && !(work->inbox.bits & VSC_INBOX_NEED));
	spin_unlock_irqrestore(&work->inbox.lock, flags);
	return released;
}

/* Is there anybody who would answer a knob? */
static int check_knob(struct vsc_session *session, const char *knob)
{
	bool missing;

	spin_lock(&session->lock);
	missing = session->class_missing;
	spin_unlock(&session->lock);
	if (missing) {
		dev_warn(&session->dev, "%s: class missing: load vsc_%s first\n", knob,
			 session->spec->name);
		return -ENODEV;
	}
	if (READ_ONCE(session->work->link.broken)) {
		dev_warn(&session->dev, "%s: the channel is broken: unbind and bind %s\n", knob,
			 dev_name(session->dev.parent));
		return -ENODEV;
	}
	return 0;
}

/**
 * vsc_session_renegotiate() - ask for a new contract
 * @session: any
 * @reason: enum vs_wire_reason
 *
 * Returns at once; how it ends is seen in the session's result.
 *
 * Context: process.
 * Return: 0; -ENODEV: its class is missing, or its channel is gone.
 */
int vsc_session_renegotiate(struct vsc_session *session, u32 reason)
{
	struct vsc_work *work = session->work;
	int error = check_knob(session, "renegotiate");

	if (error)
		return error;
	spin_lock_irq(&work->inbox.lock);
	work->inbox.need_reason = reason;
	work->inbox.needs++;
	/* The last of "renegotiate" and "release" counts. */
	work->inbox.bits &= ~VSC_INBOX_RELEASE;
	if (!vsc_session_post_locked(work, VSC_INBOX_NEED))
		error = -ENODEV;
	spin_unlock_irq(&work->inbox.lock);
	return error;
}

/**
 * vsc_session_release() - give the contract back, and ask for none
 * @session: any
 *
 * Until vsc_session_renegotiate(). Returns at once.
 *
 * Context: process.
 * Return: 0; -ENODEV: its class is missing, or its channel is gone.
 */
int vsc_session_release(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	int error = check_knob(session, "release");

	if (error)
		return error;
	spin_lock_irq(&work->inbox.lock);
	work->inbox.bits &= ~VSC_INBOX_NEED;
	if (!vsc_session_post_locked(work, VSC_INBOX_RELEASE))
		error = -ENODEV;
	spin_unlock_irq(&work->inbox.lock);
	return error;
}
