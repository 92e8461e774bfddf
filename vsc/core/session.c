// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's life: made when its channel appears, ended with it.  What comes in (from
 * interrupts, sysfs and the classes) is put into an inbox, which the session's work
 * empties (session_work.c).
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vs_config.h"
#include "vsc/core/session.h"

/* ---- What comes in ---- */

static bool session_post_locked(struct vsc_work *work, unsigned long what)
{
	lockdep_assert_held(&work->inbox.lock);
	if (work->inbox.dead)
		return false;
	work->inbox.bits |= what;
	mod_delayed_work(work->queue, &work->run, 0);
	return true;
}

static bool session_post(struct vsc_session *session, unsigned long what)
{
	struct vsc_work *work = session->work;
	unsigned long flags;
	bool posted;

	spin_lock_irqsave(&work->inbox.lock, flags);
	posted = session_post_locked(work, what);
	spin_unlock_irqrestore(&work->inbox.lock, flags);
	return posted;
}

static void on_complete(void *data, struct vsc_exchange *exchange)
{
	struct vsc_session *session = data;
	struct vsc_work *work = session->work;
	unsigned long flags;

	spin_lock_irqsave(&work->inbox.lock, flags);
	if (session_post_locked(work, VSC_INBOX_ANSWER))
		list_add_tail(&exchange->list, &work->inbox.answers);
	else
		vsc_channel_exchange_free(exchange);
	spin_unlock_irqrestore(&work->inbox.lock, flags);
}

static void on_call(void *data, const void *bytes, size_t length)
{
	struct vsc_session *session = data;
	struct vsc_work *work = session->work;
	unsigned long flags;

	spin_lock_irqsave(&work->inbox.lock, flags);
	work->inbox.call_length = min(length, sizeof(work->inbox.call));
	memcpy(work->inbox.call, bytes, work->inbox.call_length);
	session_post_locked(work, VSC_INBOX_CALL);
	spin_unlock_irqrestore(&work->inbox.lock, flags);
}

static void on_data(void *data, unsigned int index)
{
	struct vsc_session *session = data;
	const struct vsc_class *class;

	rcu_read_lock();
	class = rcu_dereference(session->work->data);
	if (class)
		class->data(session, index);
	rcu_read_unlock();
}

static void on_broken(void *data)
{
	vsc_session_broken(data);
}

/**
 * vsc_session_broken() - a ring of the channel is broken
 * @session: its session resets the device and begins again
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_broken(struct vsc_session *session)
{
	session_post(session, VSC_INBOX_BROKEN);
}
EXPORT_SYMBOL_GPL(vsc_session_broken);

/* Context: the driver's probe and restore. */
static void on_ready(void *data)
{
	session_post(data, VSC_INBOX_READY);
}

/**
 * vsc_session_busy() - the device has something to do again
 * @session: its class's ->sample has found nothing, or was never called
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_busy(struct vsc_session *session)
{
	session_post(session, VSC_INBOX_BUSY);
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
	session_post(session, VSC_INBOX_AUTO);
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
	session_post(session, class ? VSC_INBOX_CLASS_CAME : VSC_INBOX_CLASS_GOES);
}

/**
 * vsc_session_stalled() - the provider ends no data requests any more
 * @session: asks whether it is there; if not, the device is reset, as if a ring were broken
 *
 * Context: any, with the class's locks held.
 */
void vsc_session_stalled(struct vsc_session *session)
{
	session_post(session, VSC_INBOX_STALLED);
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
	if (!session_post_locked(work, VSC_INBOX_NEED))
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
	if (!session_post_locked(work, VSC_INBOX_RELEASE))
		error = -ENODEV;
	spin_unlock_irq(&work->inbox.lock);
	return error;
}

/* ---- Its life ---- */

static struct vsc_work *new_work(struct vsc_session *session)
{
	struct vsc_work *work = kzalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return NULL;
	/* Freezable: nothing begins, and no device is made, before the machine is awake. */
	work->queue = alloc_ordered_workqueue("%s", WQ_MEM_RECLAIM | WQ_FREEZABLE,
					      dev_name(&session->dev));
	if (!work->queue) {
		kfree(work);
		return NULL;
	}
	work->session = session;
	INIT_DELAYED_WORK(&work->run, vsc_session_run);
	mutex_init(&work->run_lock);
	init_completion(&work->leave.left);
	init_waitqueue_head(&work->inbox.settling);
	spin_lock_init(&work->inbox.lock);
	INIT_LIST_HEAD(&work->inbox.answers);
	vsc_event_init(&work->events);
	vsc_want_init(&work->want);
	return work;
}

static void free_work(struct vsc_work *work)
{
	struct vsc_exchange *exchange, *next;

	spin_lock_irq(&work->inbox.lock);
	work->inbox.dead = true;
	spin_unlock_irq(&work->inbox.lock);
	cancel_delayed_work_sync(&work->run);
	destroy_workqueue(work->queue);
	cancel_delayed_work_sync(&work->events.send);
	mutex_destroy(&work->run_lock);
	list_for_each_entry_safe(exchange, next, &work->inbox.answers, list)
		vsc_channel_exchange_free(exchange);
	kfree(work);
}

/* The name is for people, and goes into logs and files as it is. */
static void take_name(struct vsc_session *session, const struct vs_wire_config *wire)
{
	for (unsigned int i = 0; i < sizeof(wire->name) && wire->name[i]; i++)
		session->name[i] = isascii(wire->name[i]) && isgraph(wire->name[i]) ?
			wire->name[i] : '?';
}

/* Context: the driver's probe; sleeps. */
static int on_attach(struct vsc_channel *channel, const struct vs_wire_config *wire,
		     const struct vs_class_spec *spec, void **data)
{
	struct vsc_session *session = vsc_main_new(vsc_channel_device(channel), spec);
	int error = -ENOMEM;

	if (IS_ERR(session))
		return PTR_ERR(session);
	session->channel = channel;
	import_uuid(&session->uuid, wire->uuid);
	take_name(session, wire);
	vs_terms_unlimited(spec, &session->request.wish);
	session->request.staged = session->request.wish;
	session->knobs = vsc_auto_defaults;
	session->state = VS_STATE_START;
	session->work = new_work(session);
	if (!session->work)
		goto put;
	error = vsc_main_add(session);
	if (error)
		goto free;
	*data = session;
	return 0;

free:
	free_work(session->work);
put:
	put_device(&session->dev);
	return error;
}

/*
 * When it returns the class's device holds what is asked of it, or is gone.
 *
 * Context: the driver's freeze; sleeps.
 */
static void on_suspend(void *data)
{
	struct vsc_session *session = data;
	struct vsc_work *work = session->work;
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&work->run_lock);
	vsc_session_sleep(session);
	vsc_channel_stop(session->channel);
	WRITE_ONCE(work->link.ready, false);
	vsc_want_end(session);
	/* The work is frozen: it runs when all drivers have been told that they are awake. */
	spin_lock_irq(&work->inbox.lock);
	work->inbox.bits &= ~VSC_INBOX_READY;
	session_post_locked(work, VSC_INBOX_AWAKE);
	spin_unlock_irq(&work->inbox.lock);
	mutex_unlock(&work->run_lock);
	memalloc_noio_restore(noio);
}

/*
 * Gives the contract back first, if the provider answers in time. When it returns the
 * channel is stopped and nobody knows the session any more.
 *
 * Context: the driver's remove; sleeps, a few seconds at the most plus what the class
 * needs to end its device.
 */
static void on_detach(void *data)
{
	struct vsc_session *session = data;

	session_post(session, VSC_INBOX_CLOSE);
	/* A frozen work does not run, and its thaw may wait for who removes the device. */
	while (!wait_for_completion_timeout(&session->work->leave.left, HZ / 10))
		vsc_session_run(&session->work->run.work);
	vsc_event_flush(&session->work->events);
	vsc_main_remove(session);
	free_work(session->work);
	session->work = NULL;
	put_device(&session->dev);
}

const struct vsc_channel_ops vsc_session_ops = {
	.attach = on_attach,
	.ready = on_ready,
	.suspend = on_suspend,
	.detach = on_detach,
	.complete = on_complete,
	.call = on_call,
	.data = on_data,
	.broken = on_broken,
};
