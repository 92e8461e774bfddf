/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flow of a client's device that is charged with one RATE: frames, pieces or reports.  It is
 * measured in one of two ways, and a flow keeps to one of them.
 *
 * Of what is sent, the client knows what waits: vsc_flow_queue() when something was put into a
 * ring, then vsc_flow_serve() or vsc_flow_drop(), and vsc_flow_sample().
 *
 * Of what is received, only the provider knows whether more waits: vsc_flow_arrive(), and
 * vsc_flow_sample_arrived().  Such a sample counts as busy only if as much has arrived as the
 * ceiling allows, since more may well wait then.  That is enough to see that a ceiling holds the
 * device back, and never enough to accuse the provider of a floor that it does not keep.
 */
#ifndef VSC_FLOW_H
#define VSC_FLOW_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "vsc/demand/meter.h"

struct vsc_session;

/**
 * struct vsc_flow - one flow; see above
 * @lock: protects @ceiling and @meter; a leaf but for the inbox of @session
 * @session: is told when the flow has something to do again; constant
 * @index: of the RATE in the class's table; constant
 * @ceiling: of the contract in force, for what is received, in the term's unit a second
 * @meter: what is outstanding, and what was done
 */
struct vsc_flow {
	spinlock_t lock;	/* of all but the constants; interrupts off, in any context */
	struct vsc_session *session;
	u32 index;
	u64 ceiling;
	struct vsc_meter meter;
};

/* vsc/demand/flow.c */
void vsc_flow_init(struct vsc_flow *flow, struct vsc_session *session, u32 index);
void vsc_flow_queue(struct vsc_flow *flow, u64 amount);
void vsc_flow_serve(struct vsc_flow *flow, u64 amount, u64 largest, unsigned int pieces);
void vsc_flow_drop(struct vsc_flow *flow, unsigned int pieces);
bool vsc_flow_sample(struct vsc_flow *flow, struct vsc_sample *sample);
void vsc_flow_arrive(struct vsc_flow *flow, u64 amount, u64 largest);
void vsc_flow_set_ceiling(struct vsc_flow *flow, u64 ceiling);
bool vsc_flow_sample_arrived(struct vsc_flow *flow, struct vsc_sample *sample);
u64 vsc_flow_rate(struct vsc_flow *flow);

#endif
