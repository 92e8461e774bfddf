// SPDX-License-Identifier: GPL-2.0-only
/*
 * The provider's workqueues.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "vsp/core/work.h"

/* With a rescuer: a local client's disk may be what memory reclaim waits for. */
static struct workqueue_struct *sessions;

/* For what may sleep as long as a source likes: nothing else waits in it. */
static struct workqueue_struct *preparations;

/* Likewise, but without a rescuer: who removes a device waits for works that have none. */
static struct workqueue_struct *removals;

/**
 * vsp_work_start() - make the workqueues, before there is any pool or service
 *
 * Return: 0 or -ENOMEM.
 */
int vsp_work_start(void)
{
	sessions = alloc_workqueue("vsp", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	preparations = alloc_workqueue("vsp_prepare", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	removals = alloc_workqueue("vsp_remove", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (sessions && preparations && removals)
		return 0;
	vsp_work_stop();
	return -ENOMEM;
}

static void work_destroy(struct workqueue_struct *queue)
{
	if (queue)
		destroy_workqueue(queue);
}

/**
 * vsp_work_stop() - undo vsp_work_start(), when no pool and no service is left
 *
 * Waits for the end of a work that has given back its module.
 */
void vsp_work_stop(void)
{
	work_destroy(removals);
	work_destroy(preparations);
	work_destroy(sessions);
}

/**
 * vsp_work_queue() - run a work of a pool later, beside the works of sessions
 * @work: not run before that, if it is queued already
 * @ms: from now
 *
 * Context: any. The owner of @work cancels it before the module goes.
 */
void vsp_work_queue(struct delayed_work *work, unsigned int ms)
{
	mod_delayed_work(sessions, work, msecs_to_jiffies(ms));
}

/**
 * vsp_work_queue_session() - run the work of a session
 * @work: of a session, which disables it before it goes
 *
 * Context: any.
 */
void vsp_work_queue_session(struct work_struct *work)
{
	queue_work(sessions, work);
}

/**
 * vsp_work_queue_preparation() - have a class make ready, beside the service's work
 * @work: of a session, which cancels it before it goes
 *
 * Context: the service's work.
 */
void vsp_work_queue_preparation(struct work_struct *work)
{
	queue_work(preparations, work);
}

/**
 * vsp_work_queue_removal() - remove a service, though its source hangs
 * @work: of the service; holds a reference on the module until it ends
 *
 * Context: any.
 */
void vsp_work_queue_removal(struct work_struct *work)
{
	queue_work(removals, work);
}
