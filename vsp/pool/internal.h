/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of a pool share beside pool.h (pool.c: its life; admission.c: charges and
 * what is granted; divide.c: changes of what there is; invite.c: what has become free).
 * All but the works under pool->lock.
 */
#ifndef VSP_POOL_INTERNAL_H
#define VSP_POOL_INTERNAL_H

#include <linux/limits.h>
#include <linux/types.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vsp/pool/member.h"
#include "vsp/pool/pool.h"

struct work_struct;

static inline u64 vsp_pool_subtract(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static inline u64 vsp_pool_add(u64 a, u64 b)
{
	return a + b < a ? U64_MAX : a + b;
}

static inline bool vsp_pool_has_capacity(const struct vs_term_spec *term)
{
	return term->kind == VS_KIND_RATE || term->kind == VS_KIND_SPACE;
}

/* vsp/pool/admission.c */
void vsp_pool_recount(struct vsp_pool *pool);
u64 vsp_pool_get_deficit(const struct vsp_pool *pool, u32 index);
u64 vsp_pool_room(const struct vsp_pool *pool, const struct vsp_member *member, u32 index,
		  u64 kept);

/* vsp/pool/divide.c */
bool vsp_pool_displaced(const struct vsp_pool *pool, const struct vsp_member *member);
void vsp_pool_renegotiation_work(struct work_struct *work);

/* vsp/pool/invite.c */
void vsp_pool_invite(struct vsp_pool *pool, const struct vsp_member *freed_by);
void vsp_pool_invitation_work(struct work_struct *work);
void vsp_pool_invite_stop(struct vsp_pool *pool);

#endif
