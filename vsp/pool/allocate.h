/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gives way when there is less than what was promised: pure, one term at a time.
 */
#ifndef VSP_ALLOCATE_H
#define VSP_ALLOCATE_H

#include <linux/list.h>
#include <linux/types.h>

/**
 * struct vsp_claim - what one service holds of one term, and what is left of that
 * @entry: in the caller's list of claims, the oldest first
 * @held: what it is charged for now
 * @least: what its client asked for at least; it keeps that or nothing. Above @held it
 *	counts as @held; 0: any less will do
 * @fixed: what is never taken of @held, not by a withdrawal either
 * @weight: 0 counts as 1
 * @priority: the higher, the later it gives way
 * @withdrawn: before: nothing but @fixed is left to it, whatever there is; after: the
 *	same, or it has been found that there is no room for its @least
 * @share: filled: what it may go on holding, never more than @held
 *
 * All amounts are in the term's unit.
 */
struct vsp_claim {
	struct list_head entry;
	u64 held;
	u64 least;
	u64 fixed;
	u32 weight;
	u32 priority;
	bool withdrawn;
	u64 share;
};

u64 vsp_allocate(struct list_head *claims, u64 capacity);

#endif
