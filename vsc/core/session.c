// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's life: made when its channel appears, ended with it; and what the channel brings.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vs_config.h"
#include "vsc/core/session.h"

/* ---- What its channel brings ---- */

static void on_complete(void *data, struct vsc_exchange *exchange)
{
	struct vsc_session *session = data;
	struct vsc_work *work = session->work;
	unsigned long flags;

	spin_lock_irqsave(&work->inbox.lock, flags);
	if (vsc_session_post_locked(work, VSC_INBOX_ANSWER))
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
	vsc_session_post_locked(work, VSC_INBOX_CALL);
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

/* Context: the driver's probe and restore. */
static void on_ready(void *data)
{
	vsc_session_post(data, VSC_INBOX_READY);
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
	vsc_session_post_locked(work, VSC_INBOX_AWAKE);
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

	vsc_session_post(session, VSC_INBOX_CLOSE);
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
