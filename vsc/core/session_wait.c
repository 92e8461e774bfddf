// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a session waits: for answers, and before it tries again.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/random.h>

#include "vsc/core/session.h"

#define ANSWER_MS_MIN	100
#define ANSWER_MS_MAX	(10 * 60 * 1000)

static unsigned int answer_timeout_ms = 10000;
module_param(answer_timeout_ms, uint, 0644);
MODULE_PARM_DESC(answer_timeout_ms,
		 "how long to wait for an answer of the provider (100..600000, default 10000)");

/**
 * vsc_session_answer_ms() - how long to wait for an answer
 * @session: any
 *
 * The module's parameter, kept within its range, and twice as long after every answer
 * that was missed: a provider that needs long to make room would else never be done.
 *
 * Context: the session's work.
 * Return: milliseconds.
 */
u32 vsc_session_answer_ms(struct vsc_session *session)
{
	u64 ms = clamp_t(u32, READ_ONCE(answer_timeout_ms), ANSWER_MS_MIN, ANSWER_MS_MAX);

	return min_t(u64, ms << session->work->wait.missed, ANSWER_MS_MAX);
}

/**
 * vsc_session_wait() - what the session waits for from here on
 * @session: any
 * @timer: in place of what it waited for before
 * @ms: for how long
 *
 * Context: the session's work.
 */
void vsc_session_wait(struct vsc_session *session, enum vsc_timer timer, u32 ms)
{
	session->work->wait.timer = timer;
	session->work->wait.expires = ktime_add_ms(ktime_get(), ms);
}

/**
 * vsc_session_back_off() - the next pause before another try
 * @session: any
 *
 * Each is twice as long as the one before, with a random part, so that the clients
 * of a provider that comes back do not all ask at once.
 *
 * Context: the session's work.
 * Return: milliseconds.
 */
u32 vsc_session_back_off(struct vsc_session *session)
{
	struct vsc_work *work = session->work;

	work->wait.back_off_ms = clamp_t(u32, 2 * work->wait.back_off_ms, VSC_BACK_OFF_MIN_MS,
					 VSC_BACK_OFF_MAX_MS);
	return work->wait.back_off_ms / 2 + get_random_u32_below(work->wait.back_off_ms / 2 + 1);
}
