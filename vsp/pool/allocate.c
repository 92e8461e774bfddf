// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gives way when there is less than what was promised.  Pure: no allocation, no lock,
 * no time; same claims, same shares.
 *
 * A claim has a bottom, which it keeps or loses as a whole, and what it holds above that:
 *	- what is above the bottoms gives way first, that of the lowest priority before all
 *	  others; within a priority what remains is in proportion to weight, but nobody
 *	  has more than it held (max-min fair);
 *	- if the bottoms alone do not fit, one claim after the other is withdrawn: of the
 *	  lowest priority, of these the one of the lowest weight, of these the youngest.
 *	  What that leaves above the bottoms goes to those that remain, by the first rule.
 *
 * Once withdrawn stays withdrawn, even if a more important one that had to follow makes
 * room for it: else more capacity could mean less for it.
 */
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "vsp/pool/allocate.h"

static u64 claim_fixed(const struct vsp_claim *claim)
{
	return min(claim->fixed, claim->held);
}

static u64 claim_least(const struct vsp_claim *claim)
{
	if (claim->withdrawn)
		return claim_fixed(claim);
	return max(claim_fixed(claim), min(claim->least, claim->held));
}

static u32 claim_weight(const struct vsp_claim *claim)
{
	return max(claim->weight, 1U);
}

/*
 * Gives every claim its bottom; @left is what remains of @capacity.
 *
 * Return: what is missing, saturated; then nothing remains.
 */
static u64 share_bottoms(struct list_head *claims, u64 capacity, u64 *left)
{
	struct vsp_claim *claim;
	u64 missing = 0, lacks;

	*left = capacity;
	list_for_each_entry(claim, claims, entry) {
		claim->share = claim_least(claim);
		lacks = claim->share - min(claim->share, *left);
		*left -= claim->share - lacks;
		missing = missing + lacks < missing ? U64_MAX : missing + lacks;
	}
	return missing;
}

/* Does @claim go before @other?  If they are equal, it does: it is the younger one. */
static bool goes_first(const struct vsp_claim *claim, const struct vsp_claim *other)
{
	if (claim->priority != other->priority)
		return claim->priority < other->priority;
	return claim_weight(claim) <= claim_weight(other);
}

/* Return: whether there was one left that holds anything that can be taken. */
static bool withdraw_one(struct list_head *claims)
{
	struct vsp_claim *claim, *first = NULL;

	list_for_each_entry(claim, claims, entry)
		if (claim_least(claim) > claim_fixed(claim) && (!first || goes_first(claim, first)))
			first = claim;
	if (first)
		first->withdrawn = true;
	return first;
}

/* Could it have more than its share of now? */
static bool claim_wants(const struct vsp_claim *claim, u32 priority)
{
	return claim->priority == priority && !claim->withdrawn && claim->share < claim->held;
}

static u64 weight_of_wanting(struct list_head *claims, u32 priority)
{
	const struct vsp_claim *claim;
	u64 sum = 0;

	list_for_each_entry(claim, claims, entry)
		if (claim_wants(claim, priority))
			sum += claim_weight(claim);
	return sum;
}

/*
 * Fills those of one priority up to all that they held, whose part of @left, by weight,
 * is at least that.  What they leave makes the parts of the others larger.
 *
 * Return: whether there were any.
 */
static bool fill_full(struct list_head *claims, u32 priority, u64 *left)
{
	u64 sum = weight_of_wanting(claims, priority);
	struct vsp_claim *claim;
	bool any = false;

	list_for_each_entry(claim, claims, entry) {
		u64 more = claim->held - claim->share;

		if (!claim_wants(claim, priority) ||
		    more > mul_u64_u64_div_u64(*left, claim_weight(claim), sum))
			continue;
		claim->share = claim->held;
		*left -= more;
		sum -= claim_weight(claim);
		any = true;
	}
	return any;
}

/*
 * Shares @left among those of one priority.
 *
 * Return: what is there for lower priorities.  Nothing, if these did not get all: what
 * is lost to rounding, less than a unit a claim, is not worth an exception.
 */
static u64 fill_claims(struct list_head *claims, u32 priority, u64 left)
{
	struct vsp_claim *claim;
	u64 sum;

	while (fill_full(claims, priority, &left))
		;
	sum = weight_of_wanting(claims, priority);
	if (!sum)
		return left;
	list_for_each_entry(claim, claims, entry)
		if (claim_wants(claim, priority))
			claim->share += mul_u64_u64_div_u64(left, claim_weight(claim), sum);
	return 0;
}

/* The highest priority below @bound. Return: whether there is one. */
static bool next_priority(struct list_head *claims, u64 bound, u32 *priority)
{
	const struct vsp_claim *claim;
	bool found = false;

	list_for_each_entry(claim, claims, entry) {
		if (claim->priority >= bound || (found && claim->priority <= *priority))
			continue;
		*priority = claim->priority;
		found = true;
	}
	return found;
}

/**
 * vsp_allocate() - divide a capacity among those who hold more than that
 * @claims: list of struct vsp_claim; share and withdrawn are filled
 * @capacity: what there is
 *
 * What all hold fits: everybody keeps it.  Else the sum of the shares is at most
 * @capacity, and by less than a unit a claim less than that, or all that is left is fixed.
 *
 * Context: any; for as long as the square of the number of claims takes.
 * Return: what is missing even for what is fixed, saturated.
 */
u64 vsp_allocate(struct list_head *claims, u64 capacity)
{
	u64 bound = (u64)U32_MAX + 1;
	u64 missing, left;
	u32 priority;

	do {
		missing = share_bottoms(claims, capacity, &left);
	} while (missing && withdraw_one(claims));
	while (left && next_priority(claims, bound, &priority)) {
		left = fill_claims(claims, priority, left);
		bound = priority;
	}
	return missing;
}
