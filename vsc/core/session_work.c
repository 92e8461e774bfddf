// SPDX-License-Identifier: GPL-2.0-only
/*
 * The work of a session: empties its inbox (session_inbox.c), keeps its time-outs
 * (session_wait.c), and has the machine take its steps.  It alone talks to the provider and to
 * the class.
 *
 * It runs without I/O of its own: what memory reclaim waits for may be the very disk
 * whose contract is being negotiated.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "vsc/core/session.h"

static void session_need(struct vsc_session *session, u32 reason)
{
	struct vsc_work *work = session->work;
	bool pausing = work->wait.timer == VSC_TIMER_RETRY;

	if (work->leave.why)
		return;
	work->leave.release = false;
	work->leave.needed = true;
	work->wait.back_off_ms = 0;
	work->reason = reason;
	if (session->state == VS_STATE_UNINITIALIZED && pausing)
		vsc_machine_step(session, VSC_EVENT_BEGIN);
	else if (session->state == VS_STATE_START)
		vsc_session_begin(session);
	else
		vsc_machine_step(session, VSC_EVENT_NEED);
}

static void session_release(struct vsc_session *session)
{
	session->work->leave.release = true;
	if (session->held.id && session->class->write_back)
		session->class->write_back(session);
	vsc_machine_release(session);
}

static void session_take_answers(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	struct vsc_exchange *exchange, *next;
	LIST_HEAD(answers);

	spin_lock_irq(&work->inbox.lock);
	list_splice_init(&work->inbox.answers, &answers);
	spin_unlock_irq(&work->inbox.lock);
	list_for_each_entry_safe(exchange, next, &answers, list) {
		list_del_init(&exchange->list);
		vsc_answer_take(session, exchange);
	}
}

static void session_take_call(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	size_t length;

	spin_lock_irq(&work->inbox.lock);
	length = work->inbox.call_length;
	memcpy(work->round.bytes, work->inbox.call, length);
	spin_unlock_irq(&work->inbox.lock);
	vsc_answer_call(session, length);
	if (!work->link.calls_at)
		work->link.calls_at = ktime_add_ms(ktime_get(), VSC_CALLS_MS);
}

/* At once after the first calls, and then only so often. */
static void allow_calls(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	if (!work->link.calls_at || ktime_before(ktime_get(), work->link.calls_at))
		return;
	work->link.calls_at = 0;
	vsc_channel_post_calls(session->channel);
}

static void session_handle(struct vsc_session *session, unsigned long inbox, u32 need_reason)
{
	struct vsc_work *work = session->work;

	if (inbox & VSC_INBOX_ANSWER)
		session_take_answers(session);
	if (inbox & VSC_INBOX_CALL)
		session_take_call(session);
	allow_calls(session);
	vsc_session_reset(session);
	if (inbox & VSC_INBOX_CLASS_GOES && session->class)
		vsc_session_leave(session, VSC_LEAVING_CLASS);
	if (inbox & VSC_INBOX_READY)
		work->link.ready = true;
	/* Its driver was not told to go on: nothing else would end the sleep. */
	if (inbox & VSC_INBOX_AWAKE && !work->link.ready)
		vsc_session_lose(session);
	if (inbox & (VSC_INBOX_READY | VSC_INBOX_CLASS_CAME))
		vsc_session_begin(session);
	if (inbox & VSC_INBOX_BUSY)
		vsc_watch_busy(session);
	if (inbox & VSC_INBOX_STALLED && session->state == VS_STATE_RUNNING &&
	    !work->leave.release) {
		work->link.stalled = true;
		session_need(session, VS_REASON_RETRY);
	}
	if (inbox & VSC_INBOX_AUTO && vsc_watch_knobs(session))
		session_need(session, VS_REASON_NEED);
	if (inbox & VSC_INBOX_NEED) {
		vsc_watch_take_back(session);
		session_need(session, need_reason);
	}
	if (inbox & VSC_INBOX_RELEASE && !work->leave.why)
		session_release(session);
	if (inbox & VSC_INBOX_CLOSE)
		vsc_session_leave(session, VSC_LEAVING_CHANNEL);
}

static void session_expire(struct vsc_session *session)
{
	struct vsc_work *work = session->work;
	enum vsc_timer timer = work->wait.timer;

	if (timer == VSC_TIMER_NONE || ktime_before(ktime_get(), work->wait.expires))
		return;
	work->wait.timer = VSC_TIMER_NONE;
	if (timer == VSC_TIMER_ANSWER) {
		vsc_answer_missing(session);
	} else if (session->state == VS_STATE_START) {
		vsc_session_begin(session);
	} else {
		work->reason = VS_REASON_RETRY;
		vsc_machine_step(session, session->state == VS_STATE_RUNNING ?
				 VSC_EVENT_NEED : VSC_EVENT_BEGIN);
	}
}

/* Back at the next time-out; sooner if something comes in. */
static void session_rearm(struct vsc_work *work)
{
	ktime_t next = KTIME_MAX;
	s64 ms;

	if (work->wait.timer != VSC_TIMER_NONE)
		next = work->wait.expires;
	if (work->leave.why)
		next = min(next, work->leave.by);
	if (work->watch.on)
		next = min(next, work->watch.due);
	if (work->link.calls_at)
		next = min(next, work->link.calls_at);
	if (next == KTIME_MAX)
		return;
	ms = clamp_t(s64, ktime_ms_delta(next, ktime_get()), 0, INT_MAX / 2);
	/* Does nothing if something has come in: it is queued then. */
	queue_delayed_work(work->queue, &work->run, msecs_to_jiffies(ms) + 1);
}

static bool leave_is_over(const struct vsc_work *work)
{
	return work->leave.released || !ktime_before(ktime_get(), work->leave.by);
}

/**
 * vsc_session_run() - do what has come in, and what is due
 * @item: vsc_work.run
 *
 * Context: the session's workqueue; or who ends the session, while that is frozen. Sleeps.
 */
void vsc_session_run(struct work_struct *item)
{
	struct vsc_work *work = container_of(to_delayed_work(item), struct vsc_work, run);
	unsigned int noio = memalloc_noio_save();
	unsigned long inbox;
	u32 need_reason, wanted;

	mutex_lock(&work->run_lock);
	do {
		spin_lock_irq(&work->inbox.lock);
		inbox = work->inbox.bits;
		need_reason = work->inbox.need_reason;
		work->inbox.bits = 0;
		spin_unlock_irq(&work->inbox.lock);
		if (work->leave.closed)
			break;
		session_handle(work->session, inbox, need_reason);
		session_expire(work->session);
		wanted = vsc_watch_run(work->session);
		if (wanted)
			session_need(work->session, wanted);
		if (work->leave.why && leave_is_over(work))
			vsc_session_left(work->session);
	} while (inbox);
	if (!work->leave.closed)
		session_rearm(work);
	mutex_unlock(&work->run_lock);
	memalloc_noio_restore(noio);
}
