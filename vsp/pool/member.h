/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pool knows of each of its services: this part of the service, and the operations
 * in it.  vsp/pool/ sees nothing else of a service.
 */
#ifndef VSP_MEMBER_H
#define VSP_MEMBER_H

#include <linux/list.h>
#include <linux/types.h>

#include "vs_terms.h"
#include "vsp/pool/allocate.h"

struct vsp_member;
struct vsp_pool;

/**
 * struct vsp_member_ops - what a pool asks, and tells, a service of it
 *
 * All but @limits and @kept are called under pool->lock, and none sleeps.
 *
 * @limits: narrows @limits, a complete set, to what source and backing can do now
 * @kept: amount of KEPT term @index that its backing keeps, with or without a contract
 * @ceiling: of RATE @index in the contract in force; 0: there is no contract
 * @rank: its weight and priority in a deficit, as the administrator has set them
 * @renegotiate: its contract does not fit any more: take the staged limits, and call the
 *	client with @reason (enum vs_wire_reason). Nothing happens while it is disabled
 * @invite: the pool may have more for it. Nothing happens while it is disabled
 * @changed: what its source can do has changed. Nothing happens while it is disabled
 */
struct vsp_member_ops {
	void (*limits)(struct vsp_member *member, struct vs_terms *limits);
	u64 (*kept)(struct vsp_member *member, u32 index);
	u64 (*ceiling)(struct vsp_member *member, u32 index);
	void (*rank)(struct vsp_member *member, u32 *weight, u32 *priority);
	void (*renegotiate)(struct vsp_member *member, u32 reason);
	void (*invite)(struct vsp_member *member);
	void (*changed)(struct vsp_member *member);
};

/**
 * struct vsp_member - what a pool knows of one of its services
 * @ops: of the service; constant
 * @pool: that the service names, or NULL
 * @entry: in pool->services
 * @limits: copy of the staged limits that offers are made from; taken at enable and
 *	"renegotiate"
 * @charge: what the pool is charged for this service, per term: the most of in
 *	force, held, pending, fallback and kept
 * @adopted: what its backing keeps is in @charge, not in pool->amounts.orphaned
 * @least: what its client's last ask needs at least, per term; 0: any less will do
 * @share: what it may hold of @charge while its pool is in deficit, per term: its
 *	part of the capacity, as it was divided when that fell
 * @displaced: by the same division, no contract of it fits any more; until it is granted
 *	one again
 * @claim: scratch of that division
 * @watched: the pool's watch may ask for its limits
 * @source_limits: what the watch was answered last
 *
 * All but @ops and @pool under pool->lock; these change while the service is disabled.
 */
struct vsp_member {
	const struct vsp_member_ops *ops;
	struct vsp_pool *pool;
	struct list_head entry;
	struct vs_terms limits;
	u64 charge[VS_WIRE_TERMS_MAX];
	bool adopted;
	u64 least[VS_WIRE_TERMS_MAX];
	u64 share[VS_WIRE_TERMS_MAX];
	bool displaced;
	struct vsp_claim claim;
	bool watched;
	struct vs_terms source_limits;
};

#endif
