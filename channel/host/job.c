// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a class has done beside its movers, since it may take long.
 *
 * While a VMM holds the channel that is done by threads of the VMM, as its movers are: the
 * page cache it fills, the processor and the I/O are charged to the cgroups of the VM.  A
 * local channel has the class's workqueue for it.  So has what is left when the VMM is
 * being killed, or when its threads have ended otherwise (exec): nothing queued is lost,
 * and none of it waits for a thread that will not come.  It does wait for a VMM that is
 * stopped, which therefore holds back nothing but its own requests.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/vhost_task.h>

#include "channel/host/host.h"

/**
 * vsp_jobs_init() - without threads
 * @jobs: zeroed
 */
void vsp_jobs_init(struct vsp_jobs *jobs)
{
	spin_lock_init(&jobs->lock);
	INIT_LIST_HEAD(&jobs->list);
	for (unsigned int i = 0; i < VSP_WORKERS_MAX; i++)
		jobs->worker[i].jobs = jobs;
}

static bool has_worker(const struct vsp_jobs *jobs)
{
	for (unsigned int i = 0; i < VSP_WORKERS_MAX; i++)
		if (jobs->worker[i].alive)
			return true;
	return false;
}

/* One that is idle; if none is, the first that becomes so looks again by itself. */
static void wake_one(struct vsp_jobs *jobs)
{
	lockdep_assert_held(&jobs->lock);
	for (unsigned int i = 0; i < VSP_WORKERS_MAX; i++) {
		struct vsp_worker *worker = &jobs->worker[i];

		if (!worker->alive || worker->busy)
			continue;
		worker->busy = true;
		vhost_task_wake(worker->task);
		return;
	}
}

static void hand_over(struct vsp_jobs *jobs)
{
	struct vsp_job *job, *next;

	lockdep_assert_held(&jobs->lock);
	list_for_each_entry_safe(job, next, &jobs->list, entry) {
		list_del(&job->entry);
		queue_work(job->otherwise, &job->work);
	}
}

static struct vsp_job *job_take(struct vsp_worker *worker)
{
	struct vsp_jobs *jobs = worker->jobs;
	struct vsp_job *job;

	spin_lock(&jobs->lock);
	job = list_first_entry_or_null(&jobs->list, struct vsp_job, entry);
	if (job)
		list_del(&job->entry);
	worker->busy = job;
	spin_unlock(&jobs->lock);
	return job;
}

/* Returns false if there is nothing to do. In TASK_INTERRUPTIBLE then, as entered. */
static bool worker_run(void *data)
{
	struct vsp_job *job = job_take(data);

	if (!job)
		return false;
	__set_current_state(TASK_RUNNING);
	job->work.func(&job->work);
	cond_resched_tasks_rcu_qs();	/* as in mover_run() */
	return true;
}

/* By exit or exec; not in the middle of a job. */
static void worker_killed(void *data)
{
	struct vsp_worker *worker = data;
	struct vsp_jobs *jobs = worker->jobs;

	spin_lock(&jobs->lock);
	worker->alive = false;
	if (!has_worker(jobs))
		hand_over(jobs);
	else if (worker->busy)
		wake_one(jobs);
	spin_unlock(&jobs->lock);
}

static int start_worker(struct vsp_worker *worker)
{
	struct vhost_task *task;

	task = vhost_task_create(worker_run, worker_killed, worker, "vsp-job");
	if (IS_ERR_OR_NULL(task))
		return task ? PTR_ERR(task) : -ENOMEM;
	spin_lock(&worker->jobs->lock);
	worker->task = task;
	worker->alive = true;
	worker->busy = false;
	spin_unlock(&worker->jobs->lock);
	vhost_task_start(task);
	return 0;
}

/**
 * vsp_jobs_start() - give jobs threads of the VMM
 * @jobs: has none
 * @count: at most VSP_WORKERS_MAX
 *
 * Context: the VMM's ioctl, whose threads they become.
 * Return: as of vsp_movers_start()
 */
int vsp_jobs_start(struct vsp_jobs *jobs, unsigned int count)
{
	int error = 0;

	for (unsigned int i = 0; i < count && !error; i++)
		error = start_worker(&jobs->worker[i]);
	if (error)
		vsp_jobs_stop(jobs);
	return error;
}

/**
 * vsp_jobs_stop() - take their threads away
 * @jobs: some, all or none have one
 *
 * Context: process; waits for the jobs that are being done. Those that are not yet begun
 * are left to their workqueues.
 */
void vsp_jobs_stop(struct vsp_jobs *jobs)
{
	struct vhost_task *task;

	spin_lock(&jobs->lock);
	for (unsigned int i = 0; i < VSP_WORKERS_MAX; i++)
		jobs->worker[i].alive = false;
	hand_over(jobs);
	spin_unlock(&jobs->lock);
	for (unsigned int i = 0; i < VSP_WORKERS_MAX; i++) {
		task = jobs->worker[i].task;
		jobs->worker[i].task = NULL;
		if (task)
			vhost_task_stop(task);
	}
}

/**
 * vsp_queue_job() - have something done beside the mover
 * @queue: data queue; it is done on account of who has it
 * @job: its work initialised; not queued
 * @otherwise: workqueue, if no VMM holds the channel or its threads have ended
 *
 * The work's function may find itself in any thread that may sleep: it must not ask
 * the workqueue about itself.
 *
 * Context: from queue_kick or queue_reap only.
 */
void vsp_queue_job(struct vsp_queue *queue, struct vsp_job *job,
		   struct workqueue_struct *otherwise)
{
	struct vsp_jobs *jobs = &queue->channel->jobs;

	spin_lock(&jobs->lock);
	job->otherwise = otherwise;
	if (has_worker(jobs)) {
		list_add_tail(&job->entry, &jobs->list);
		wake_one(jobs);
	} else {
		queue_work(otherwise, &job->work);
	}
	spin_unlock(&jobs->lock);
}
EXPORT_SYMBOL_GPL(vsp_queue_job);
