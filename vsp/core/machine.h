/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's machine: what happens in a session's work, one event at a time.
 */
#ifndef VSP_MACHINE_H
#define VSP_MACHINE_H

#include <linux/ktime.h>
#include <linux/types.h>

#include "vs_states.h"

struct vs_message;
struct vs_terms;
struct vsp_contract;
struct vsp_session;

/* vsp/core/machine_state.c */
void vsp_machine_set_result(struct vsp_session *session, u32 outcome, u32 reason);
void vsp_machine_set_reason(struct vsp_session *session, u32 reason);
struct vs_message *vsp_machine_begin_answer(struct vsp_session *session, u32 status);
void vsp_machine_send_answer(struct vsp_session *session, unsigned int slot, u32 generation);
struct vsp_contract *vsp_machine_in_force(struct vsp_session *session);
u64 vsp_machine_in_force_id(struct vsp_session *session);
struct vsp_contract *vsp_machine_new_contract(struct vsp_session *session, u64 id,
					      const struct vs_terms *terms);
void vsp_machine_free_contract(struct vsp_contract *contract);
struct vsp_contract *vsp_machine_set_pending(struct vsp_session *session,
					     struct vsp_contract *next);
unsigned int vsp_machine_charged_sets(struct vsp_session *session, const struct vs_terms **sets);
void vsp_machine_recharge(struct vsp_session *session);
bool vsp_machine_source_gone(struct vsp_session *session);

/* vsp/core/machine.c: all in the work, or before and after it runs */
void vsp_machine_message(struct vsp_session *session, unsigned int slot, u32 generation,
			 size_t length);
void vsp_machine_event(struct vsp_session *session, enum vsp_event event);
void vsp_machine_close(struct vsp_session *session);
ktime_t vsp_machine_expire(struct vsp_session *session);

/* vsp/core/machine_contract.c */
void vsp_machine_drop_pending(struct vsp_session *session);
void vsp_machine_commit(struct vsp_session *session);
void vsp_machine_start_fallback(struct vsp_session *session);
void vsp_machine_hold(struct vsp_session *session);
void vsp_machine_forget(struct vsp_session *session);

/* vsp/core/machine_call.c */
void vsp_machine_settle(struct vsp_session *session);
void vsp_machine_send_call(struct vsp_session *session);
void vsp_machine_tell(struct vsp_session *session);
void vsp_machine_call_anew(struct vsp_session *session);
void vsp_machine_open_invitation(struct vsp_session *session, u32 reason);
void vsp_machine_renegotiate(struct vsp_session *session, u32 reason);
void vsp_machine_withdraw(struct vsp_session *session);
void vsp_machine_changed(struct vsp_session *session);

/* vsp/core/machine_ask.c */
void vsp_machine_ask(struct vsp_session *session);
void vsp_machine_grant(struct vsp_session *session, struct vsp_contract *contract, bool called);
void vsp_machine_refuse(struct vsp_session *session, int error, u16 term);

/* vsp/core/machine_prepare.c */
void vsp_machine_prepare_init(struct vsp_session *session);
void vsp_machine_prepare(struct vsp_session *session, struct vsp_contract *next);
void vsp_machine_drop_preparation(struct vsp_session *session);
void vsp_machine_prepared(struct vsp_session *session);
void vsp_machine_end_preparation(struct vsp_session *session);

/* vsp/core/machine_invite.c */
void vsp_machine_invite(struct vsp_session *session);

#endif
