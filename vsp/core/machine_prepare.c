// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making ready for a contract (allocating a file's room, taking over a device) beside the
 * session's work, which goes on meanwhile: a file system that hangs delays neither a
 * deadline nor a withdrawal.  The ask that led to it is answered when it has ended.
 *
 * A preparation that nobody wants any more (a new epoch, a withdrawal, a deadline) cannot
 * be stopped, unless its class can (cancel).  Its ask is denied at once; what it has done is
 * undone when it ends.  Until then its contract stays charged, and no other one is prepared.
 */
#include <linux/ktime.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/trace.h"
#include "vsp/core/work.h"

static void prepare_work(struct work_struct *work)
{
	struct vsp_preparation *preparation = container_of(work, struct vsp_preparation, work);
	struct vsp_session *session = container_of(preparation, struct vsp_session, preparation);
	struct vsp_service *service = session->service;
	unsigned int noio = memalloc_noio_save();

	preparation->denied = 0;
	preparation->error = service->class->prepare(service, preparation->next,
						     &preparation->denied);
	memalloc_noio_restore(noio);
	vsp_session_prepared(session);
}

/**
 * vsp_machine_prepare_init() - of a new session
 * @session: zeroed
 */
void vsp_machine_prepare_init(struct vsp_session *session)
{
	INIT_WORK(&session->preparation.work, prepare_work);
}

/**
 * vsp_machine_prepare() - make ready for a contract; the ask is answered when it is
 * @session: session->round.message is the ask; nothing is being prepared
 * @next: charged; the preparation's from here
 *
 * Context: the service's work.
 */
void vsp_machine_prepare(struct vsp_session *session, struct vsp_contract *next)
{
	struct vsp_preparation *preparation = &session->preparation;

	preparation->epoch = session->round.message.epoch;
	preparation->slot = session->round.slot;
	preparation->generation = session->round.generation;
	preparation->called = session->call.open;
	preparation->dropped = false;
	WRITE_ONCE(preparation->next, next);
	session->round.answer_later = true;
	vsp_work_queue_preparation(&preparation->work);
}

static void preparation_answer(struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;

	vsp_machine_send_answer(session, preparation->slot, preparation->generation);
}

/* Takes the contract of a preparation that has ended, or never began. */
static struct vsp_contract *preparation_take_next(struct vsp_session *session)
{
	struct vsp_contract *next = session->preparation.next;

	WRITE_ONCE(session->preparation.next, NULL);
	return next;
}

static void preparation_give_back(struct vsp_session *session, struct vsp_contract *next)
{
	vsp_machine_free_contract(next);
	vsp_machine_recharge(session);
}

/* An answer to the ask, whatever session->round.message has become meanwhile. */
static void recall_ask(struct vsp_session *session)
{
	memset(&session->round.message, 0, sizeof(session->round.message));
	session->round.message.type = VS_WIRE_REQUEST;
	session->round.message.epoch = session->preparation.epoch;
}

/**
 * vsp_machine_drop_preparation() - what is being prepared will not be granted
 * @session: of an enabled service; without a preparation nothing happens
 *
 * Context: the service's work, before it has begun another answer; or that does not run.
 */
void vsp_machine_drop_preparation(struct vsp_session *session)
{
	struct vsp_preparation *preparation = &session->preparation;
	struct vs_message *denial = &session->round.answer;

	if (!preparation->next || preparation->dropped)
		return;
	preparation->dropped = true;
	preparation->wait_until = ktime_add_ms(ktime_get(), VSP_PREPARATION_WAIT_MS);
	memset(denial, 0, sizeof(*denial));
	denial->type = VS_WIRE_REQUEST + 1;
	denial->epoch = preparation->epoch;
	denial->contract = vsp_machine_in_force(session) ? vsp_machine_in_force(session)->id : 0;
	denial->outcome = VS_OUTCOME_DENY;
	denial->reason = session->stop.withdrawn ? VS_REASON_WITHDRAWN : VS_REASON_CHANGED;
	denial->retry_ms = session->stop.withdrawn ? 0 : VSP_RETRY_SOURCE_MS;
	denial->terms = session->offered;
	session->service->counters.denials++;
	preparation_answer(session);
	if (cancel_work(&preparation->work))
		preparation_give_back(session, preparation_take_next(session));
	else if (session->service->class->cancel)
		session->service->class->cancel(session->service, preparation->next);
}

/**
 * vsp_machine_prepared() - a preparation has ended
 * @session: of an enabled service
 *
 * Context: the service's work, between two messages; or that does not run any more, and
 *	the preparation neither.
 */
void vsp_machine_prepared(struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;
	struct vsp_service *service = session->service;
	struct vsp_contract *next;

	next = preparation_take_next(session);
	if (!next)
		return;
	if (preparation->dropped) {
		if (!preparation->error)
			service->class->abort(service, next);
		return preparation_give_back(session, next);
	}
	recall_ask(session);
	if (preparation->error) {
		preparation_give_back(session, next);
		vsp_machine_refuse(session, preparation->error, preparation->denied);
	} else {
		vsp_machine_grant(session, next, preparation->called);
	}
	preparation_answer(session);
}

/**
 * vsp_machine_end_preparation() - wait until nothing is being prepared, and undo it
 * @session: its work does not run any more
 *
 * Context: an administrator's process; sleeps for as long as the source likes.
 */
void vsp_machine_end_preparation(struct vsp_session *session)
{
	vsp_machine_drop_preparation(session);
	if (cancel_work_sync(&session->preparation.work))
		session->preparation.error = -ECANCELED;
	vsp_machine_prepared(session);
}
