/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sysfs shows of a session.
 */
#ifndef VSP_VIEW_H
#define VSP_VIEW_H

#include <linux/types.h>

#include "vs_states.h"
#include "vs_terms.h"
#include "vsp/core/service.h"

/**
 * struct vsp_service_view - a consistent copy of a session, for sysfs
 * @state: of the provider's machine
 * @epoch: current
 * @id: of the contract in force, 0: none
 * @pending_id: of what is granted and not started, 0: nothing
 * @reason: of the last renegotiation or call, enum vs_wire_reason
 * @result_epoch: of the last renegotiation that has finished
 * @result_outcome: of the same, enum vs_wire_outcome, 0: none yet
 * @result_reason: of the same
 * @deadline_ms: until the open call's deadline; -1: none
 * @asked: last ask
 * @offered: last offer
 * @granted: pending, else in force
 * @in_force: terms of @id
 * @counters: all of them
 *
 * Filled by vsp_service_view() under the session's view_lock, but for @counters: all of one
 * moment.  A state is never without the contract that came into force, or ended, with it.  Terms
 * with count 0: none.
 */
struct vsp_service_view {
	enum vs_state state;
	u64 epoch;
	u64 id;
	u64 pending_id;
	u32 reason;
	u64 result_epoch;
	u32 result_outcome;
	u32 result_reason;
	s64 deadline_ms;
	struct vs_terms asked;
	struct vs_terms offered;
	struct vs_terms granted;
	struct vs_terms in_force;
	struct vsp_service_counters counters;
};

void vsp_service_view(struct vsp_service *service, struct vsp_service_view *view);

#endif
