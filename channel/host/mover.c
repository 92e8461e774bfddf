// SPDX-License-Identifier: GPL-2.0-only
/*
 * The movers: one thread for the messages of a channel, and one for each of its
 * data queues, or for all of them together, as the class says.
 *
 * While a VMM holds the channel they are threads of the VMM, made in its own
 * ioctl: in its mm, its cgroups, and as mortal as it is.  Such a thread may stall
 * (SIGSTOP, cpu.max, a fault that waits) or die while the channel stays held, so
 * only the VMM's own suspend, reset and close ever wait for it, and those can do
 * without it: they stop it by taking its mutex, and drain by themselves.
 *
 * A local channel's movers are kernel threads.  They may be what writeback waits
 * for, and must not wait for writeback in turn.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/vhost_task.h>

#include "channel/host/host.h"
#include "vs_class.h"

#define PENDING		0	/* bit of vsp_mover.pending */

/* Longer than this a mutex is not held for what may never come: see vsp_mover_quiesce(). */
#define POLL_US_MAX	1000

static unsigned int poll_us;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "how long the thread of a data queue looks for more before it sleeps, us (0 to 1000, default 0)");

/**
 * vsp_mover_init() - a mover without a thread
 * @mover: zeroed
 * @channel: whose
 * @index: 0: messages; n: data queue n - 1; 1, if the class has one mover: all data queues
 */
void vsp_mover_init(struct vsp_mover *mover, struct vsp_channel *channel, unsigned int index)
{
	mover->channel = channel;
	mover->index = index;
	mutex_init(&mover->mutex);
	spin_lock_init(&mover->lock);
	init_waitqueue_head(&mover->wait);
}

static void wake_thread(struct vsp_mover *mover)
{
	lockdep_assert_held(&mover->lock);
	if (mover->task)
		vhost_task_wake(mover->task);
	else if (mover->kthread)
		wake_up_process(mover->kthread);
}

/* It may have looked before it could be woken. */
static void wake_first(struct vsp_mover *mover)
{
	if (test_bit(PENDING, &mover->pending))
		wake_thread(mover);
}

/**
 * vsp_mover_wake() - have a mover run soon, if it has a thread
 * @mover: initialised
 *
 * Context: any, hard interrupt and an eventfd's wake-up included.
 */
void vsp_mover_wake(struct vsp_mover *mover)
{
	unsigned long flags;

	atomic_inc(&mover->wakes);
	/* The run that clears the bit sees what the caller has changed before it looked at it. */
	smp_mb__after_atomic();
	/*
	 * While the bit is set its thread was woken already, and has not looked yet.  Set under
	 * the lock: else who sets it could be preempted before it wakes, and no other would.
	 */
	if (!test_bit(PENDING, &mover->pending)) {
		spin_lock_irqsave(&mover->lock, flags);
		if (!test_and_set_bit(PENDING, &mover->pending))
			wake_thread(mover);
		spin_unlock_irqrestore(&mover->lock, flags);
	}
	/* Orders the count before the look for a sleeper. */
	if (wq_has_sleeper(&mover->wait))
		wake_up(&mover->wait);
}

static unsigned int first_queue(const struct vsp_mover *mover)
{
	return mover->index ? VS_CHANNEL_QUEUE_DATA + mover->index - 1 : 0;
}

/* Behind the last one. */
static unsigned int end_queue(const struct vsp_mover *mover)
{
	if (!mover->index)
		return VS_CHANNEL_QUEUE_DATA;
	return mover->channel->spec->one_mover ? mover->channel->queues : first_queue(mover) + 1;
}

/*
 * Is there more in a ring that was found empty, or does anything else need its thread? Meanwhile
 * its driver need not kick, which is dear in a guest; at the end it is asked to.
 */
static bool poll_data(struct vsp_mover *mover, struct vsp_queue *queue, unsigned int us)
{
	u64 end = ktime_get_ns() + us * NSEC_PER_USEC;

	/* What waits in the ring for its rate, or for memory, is looked at when that is there. */
	if (queue->state != VSP_QUEUE_RUNNING || queue->ring.reason || vsp_queue_seen(queue))
		return false;
	do {
		if (test_bit(PENDING, &mover->pending) || vs_ring_poll(&queue->ring))
			return true;
		cpu_relax();
	} while (ktime_get_ns() < end && !need_resched() && !signal_pending(current));
	queue->ring.polled = false;
	return vsp_queue_has(queue, 1);
}

/* A bad ring's class is called, too: it has completed requests to reap. */
static void run_data(struct vsp_mover *mover, struct vsp_queue *queue)
{
	struct vsp_channel *channel = mover->channel;
	/* A thread that moves many queues does not stay with one of them. */
	unsigned int us = channel->spec->one_mover ? 0 : min(READ_ONCE(poll_us), POLL_US_MAX);

	if (!test_and_clear_bit(VSP_QUEUE_KICKED, &queue->kicked) || !vsp_queue_begin(queue))
		return;
	queue->ring.polled = us;
	channel->ops->queue_kick(channel->service, queue);
	vsp_queue_flush(queue);
	/* Not from here: who stops or drains the queue, and the thread's own end, come between. */
	if (us && poll_data(mover, queue, us)) {
		set_bit(VSP_QUEUE_KICKED, &queue->kicked);
		set_bit(PENDING, &mover->pending);
	}
}

/* Returns false if there is nothing to do. In TASK_INTERRUPTIBLE then, as entered. */
static bool mover_run(void *data)
{
	struct vsp_mover *mover = data;

	if (!test_and_clear_bit(PENDING, &mover->pending))
		return false;
	__set_current_state(TASK_RUNNING);
	mutex_lock(&mover->mutex);
	if (!mover->index)
		vsp_messages_move(mover->channel);
	for (unsigned int i = first_queue(mover); i < end_queue(mover) && mover->index; i++) {
		run_data(mover, &mover->channel->queue[i]);
		cond_resched();
	}
	mutex_unlock(&mover->mutex);
	/* Who waits for RCU-tasks, as a removal does, need not wait until a ring is empty, too. */
	cond_resched_tasks_rcu_qs();
	return true;
}

/*
 * A VMM's thread was killed, by exit or exec.  Nothing is in the middle of anything
 * (that was under the mutex), and who drains does without it.
 */
static void mover_killed(void *data)
{
}

static int start_task(struct vsp_mover *mover)
{
	struct vhost_task *task;
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "vsp-%u-%d", mover->index, task_tgid_nr(current));
	task = vhost_task_create(mover_run, mover_killed, mover, name);
	if (IS_ERR_OR_NULL(task))
		return task ? PTR_ERR(task) : -ENOMEM;
	vhost_task_start(task);
	spin_lock_irq(&mover->lock);
	mover->task = task;
	wake_first(mover);
	spin_unlock_irq(&mover->lock);
	return 0;
}

static int kthread_run_mover(void *data)
{
	current->flags |= PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE;
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!mover_run(data))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int start_kthread(struct vsp_mover *mover)
{
	struct task_struct *kthread;

	kthread = kthread_run(kthread_run_mover, mover, "vsp-%u-%s", mover->index,
			      dev_name(&mover->channel->vdpa.dev));
	if (IS_ERR(kthread))
		return PTR_ERR(kthread);
	spin_lock_irq(&mover->lock);
	mover->kthread = kthread;
	wake_first(mover);
	spin_unlock_irq(&mover->lock);
	return 0;
}

/**
 * vsp_movers_start() - give every mover its thread
 * @channel: none has one
 *
 * Context: the VMM's ioctl, whose threads they become; local: any process.
 * Return: 0, or the error of the first that could not be made, as is: -EAGAIN is
 * the VMM's limit of threads, and -ERESTARTNOINTR restarts its ioctl.
 */
int vsp_movers_start(struct vsp_channel *channel)
{
	int error = 0;

	for (unsigned int i = 0; i < channel->movers && !error; i++) {
		if (channel->local)
			error = start_kthread(&channel->mover[i]);
		else
			error = start_task(&channel->mover[i]);
	}
	if (error)
		vsp_movers_stop(channel);
	return error;
}

/**
 * vsp_movers_stop() - end every mover's thread
 * @channel: some or all have one; drained
 *
 * Context: process; waits until each has left what it is doing.
 */
void vsp_movers_stop(struct vsp_channel *channel)
{
	for (unsigned int i = 0; i < channel->movers; i++) {
		struct vsp_mover *mover = &channel->mover[i];
		struct vhost_task *task;
		struct task_struct *kthread;

		spin_lock_irq(&mover->lock);
		task = mover->task;
		kthread = mover->kthread;
		mover->task = NULL;
		mover->kthread = NULL;
		spin_unlock_irq(&mover->lock);
		if (task)
			vhost_task_stop(task);
		if (kthread)
			kthread_stop(kthread);
	}
}

/**
 * vsp_mover_quiesce() - stop a mover's virtqueues, and wait until they are at rest
 * @mover: any
 * @suspend: the rings will be gone on with: messages in flight are waited for, up to
 *	VSP_SUSPEND_MS. Else a reset: they are void, and all that was set up is forgotten
 *
 * Context: the VMM's ioctl or the virtio core; waits for the mover to leave its
 * callback, and for the source.
 */
void vsp_mover_quiesce(struct vsp_mover *mover, bool suspend)
{
	struct vsp_channel *channel = mover->channel;
	unsigned int first = first_queue(mover), end = end_queue(mover);

	mutex_lock(&mover->mutex);
	for (unsigned int i = first; i < end; i++)
		vsp_queue_stop(&channel->queue[i]);
	for (unsigned int i = first; i < end && mover->index; i++)
		vsp_queue_drain(&channel->queue[i]);
	if (!mover->index && suspend)
		vsp_messages_drain(channel);
	else if (!mover->index)
		vsp_messages_void(channel);
	for (unsigned int i = first; i < end && !suspend; i++)
		vsp_queue_clear(&channel->queue[i]);
	mutex_unlock(&mover->mutex);
}
