// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocator: a table for each rule, all small cases against another way to compute
 * them, and its invariants over random sequences of ask, release, resize and failure.
 */

/* Not exported by vsp.ko: this module has its own copy. */
#include "vsp/pool/allocate.c"

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>

#define CLAIMS		5
#define SEQUENCES	100000
#define STEPS		8
#define CAPACITY_MAX	400

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random sequences; 0: draw one");

struct fixture {
	struct rnd_state random;
	struct list_head claims;
	struct vsp_claim claim[CLAIMS];
	u32 count;
};

static struct fixture *make_fixture(struct kunit *test)
{
	struct fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	u32 drawn = seed ? seed : get_random_u32();

	KUNIT_ASSERT_NOT_NULL(test, fixture);
	kunit_info(test, "seed=%u", drawn);
	prandom_seed_state(&fixture->random, drawn);
	INIT_LIST_HEAD(&fixture->claims);
	return fixture;
}

static void begin_claims(struct fixture *fixture, u32 count)
{
	INIT_LIST_HEAD(&fixture->claims);
	fixture->count = count;
	for (u32 i = 0; i < count; i++) {
		memset(&fixture->claim[i], 0, sizeof(fixture->claim[i]));
		list_add_tail(&fixture->claim[i].entry, &fixture->claims);
	}
}

static u64 allocate_anew(struct fixture *fixture, u64 capacity)
{
	for (u32 i = 0; i < fixture->count; i++)
		fixture->claim[i].withdrawn = false;
	return vsp_allocate(&fixture->claims, capacity);
}

/* ---- A table for each rule ---- */

struct row {
	const char *what;
	u64 capacity;
	u64 missing;
	struct {
		u64 held, least, fixed;
		u32 weight, priority;
		u64 share;
		bool withdrawn;
	} claim[CLAIMS];	/* ends with one that holds nothing */
};

static const struct row rows[] = {
	{ "what fits is kept", 600, 0,
	  { { 300, 0, 0, 1, 0, 300 }, { 200, 200, 0, 1, 9, 200 }, { 100, 0, 0, 5, 0, 100 } } },
	{ "the lowest priority gives way first", 450, 0,
	  { { 300, 0, 0, 1, 1, 150 }, { 200, 0, 0, 1, 2, 200 }, { 100, 0, 0, 9, 3, 100 } } },
	{ "and all of it before the next", 250, 0,
	  { { 300, 0, 0, 1, 1, 0 }, { 200, 0, 0, 1, 2, 150 }, { 100, 0, 0, 9, 3, 100 } } },
	{ "in proportion to weight", 400, 0,
	  { { 500, 0, 0, 100, 0, 100 }, { 500, 0, 0, 300, 0, 300 } } },
	{ "nobody has more than it held", 400, 0,
	  { { 50, 0, 0, 300, 0, 50 }, { 500, 0, 0, 100, 0, 175 }, { 500, 0, 0, 100, 0, 175 } } },
	{ "nobody has less than its least", 400, 0,
	  { { 300, 250, 0, 1, 0, 275 }, { 300, 0, 0, 3, 0, 75 }, { 50, 0, 0, 5, 1, 50 } } },
	{ "the least of the low before the rest of the high", 300, 0,
	  { { 300, 100, 0, 1, 9, 200 }, { 200, 100, 0, 1, 1, 100 } } },
	{ "the lowest priority is withdrawn", 250, 0,
	  { { 100, 100, 0, 1, 1, 0, true }, { 100, 100, 0, 1, 2, 100 },
	    { 150, 100, 0, 1, 3, 150 } } },
	{ "of it the lowest weight", 250, 0,
	  { { 100, 100, 0, 2, 1, 100 }, { 100, 100, 0, 1, 1, 0, true },
	    { 100, 100, 0, 2, 1, 100 } } },
	{ "of it the youngest", 250, 0,
	  { { 100, 100, 0, 1, 1, 100 }, { 100, 100, 0, 1, 1, 100 },
	    { 100, 100, 0, 1, 1, 0, true } } },
	{ "what that frees goes to the highest priority", 250, 0,
	  { { 200, 200, 0, 1, 1, 0, true }, { 200, 50, 0, 1, 2, 50 },
	    { 300, 100, 0, 1, 3, 200 } } },
	{ "once withdrawn stays withdrawn", 50, 0,
	  { { 10, 10, 0, 1, 1, 0, true }, { 200, 200, 0, 1, 2, 0, true },
	    { 60, 40, 0, 1, 3, 50 } } },
	{ "what is fixed is never taken", 300, 0,
	  { { 200, 200, 150, 1, 0, 150, true }, { 200, 150, 0, 1, 1, 150 } } },
	{ "what is missing for it is the deficit", 100, 60,
	  { { 200, 200, 160, 1, 9, 160, true }, { 200, 10, 0, 1, 9, 0, true } } },
	{ "what only has fixed is not withdrawn", 100, 100,
	  { { 200, 500, 200, 1, 0, 200 } } },
	{ "a least above what is held is what is held", 150, 0,
	  { { 100, 900, 0, 1, 0, 0, true }, { 100, 900, 0, 1, 1, 100 } } },
	{ "no weight is the least weight", 99, 0,
	  { { 90, 0, 0, 0, 0, 33 }, { 90, 0, 0, 2, 0, 66 } } },
	{ "nothing is left", 0, 0,
	  { { 100, 0, 0, 1, 0, 0 }, { 100, 1, 0, 1, 0, 0, true } } },
	{ "sums above 64 bits", U64_MAX - 1, 0,
	  { { U64_MAX, 0, 0, U32_MAX, 1, U64_MAX - 1 }, { U64_MAX, 0, 0, 1, 0, 0 } } },
	{ "products above 64 bits", U64_MAX - 1, 0,
	  { { U64_MAX, 0, 0, U32_MAX, 0, U64_MAX / 2 },
	    { U64_MAX, 0, 0, U32_MAX, 0, U64_MAX / 2 } } },
	{ "a deficit above 64 bits", 1, U64_MAX,
	  { { U64_MAX, 0, U64_MAX, 1, 0, U64_MAX }, { U64_MAX, 0, U64_MAX, 1, 0, U64_MAX } } },
};

static void rules_hold_one_by_one(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		u32 count = 0;

		while (count < CLAIMS && row->claim[count].held)
			count++;
		begin_claims(fixture, count);
		for (u32 j = 0; j < count; j++) {
			fixture->claim[j].held = row->claim[j].held;
			fixture->claim[j].least = row->claim[j].least;
			fixture->claim[j].fixed = row->claim[j].fixed;
			fixture->claim[j].weight = row->claim[j].weight;
			fixture->claim[j].priority = row->claim[j].priority;
		}
		KUNIT_EXPECT_EQ_MSG(test, row->missing, allocate_anew(fixture, row->capacity),
				    "%s", row->what);
		for (u32 j = 0; j < count; j++) {
			KUNIT_EXPECT_EQ_MSG(test, row->claim[j].share, fixture->claim[j].share,
					    "%s: claim %u", row->what, j);
			KUNIT_EXPECT_EQ_MSG(test, row->claim[j].withdrawn,
					    fixture->claim[j].withdrawn, "%s: claim %u",
					    row->what, j);
		}
	}
}

static void withdrawn_elsewhere_frees_here(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	begin_claims(fixture, 2);
	for (u32 i = 0; i < 2; i++) {
		fixture->claim[i].held = 100;
		fixture->claim[i].least = 100;
	}
	fixture->claim[0].fixed = 30;
	fixture->claim[0].priority = 9;
	fixture->claim[0].withdrawn = true;
	KUNIT_EXPECT_EQ(test, 0, vsp_allocate(&fixture->claims, 130));
	KUNIT_EXPECT_EQ(test, 30, fixture->claim[0].share);
	KUNIT_EXPECT_TRUE(test, fixture->claim[0].withdrawn);
	KUNIT_EXPECT_EQ(test, 100, fixture->claim[1].share);
	KUNIT_EXPECT_FALSE(test, fixture->claim[1].withdrawn);
}

static void nobody_is_no_claim(struct kunit *test)
{
	LIST_HEAD(claims);

	KUNIT_EXPECT_EQ(test, 0, vsp_allocate(&claims, 0));
	KUNIT_EXPECT_EQ(test, 0, vsp_allocate(&claims, U64_MAX));
}

/* ---- Another way to compute small cases: by trying all levels ---- */

/* A level is the amount that a weight of 1 has above its bottom, in parts of PARTS. */
#define PARTS		60	/* can be divided by every sum of weights that there is: 1..6 */
#define LEVEL_MAX	(16 * PARTS)

static u64 small_fixed(const struct vsp_claim *claim)
{
	return claim->fixed < claim->held ? claim->fixed : claim->held;
}

static u64 small_bottom(const struct vsp_claim *claim, bool withdrawn)
{
	u64 bottom = claim->least < claim->held ? claim->least : claim->held;

	if (withdrawn || bottom < small_fixed(claim))
		return small_fixed(claim);
	return bottom;
}

/* In parts, as it has a level that is no whole number. */
static u64 at_level(const struct vsp_claim *claim, u64 level)
{
	u64 extra = (claim->held - small_bottom(claim, false)) * PARTS;

	return extra < level * claim->weight ? extra : level * claim->weight;
}

static u64 all_at_level(const struct fixture *fixture, const bool *withdrawn, u32 priority,
			u64 level)
{
	u64 sum = 0;

	for (u32 i = 0; i < fixture->count; i++)
		if (!withdrawn[i] && fixture->claim[i].priority == priority)
			sum += at_level(&fixture->claim[i], level);
	return sum;
}

/* The highest that fits into @left parts. */
static u64 find_level(const struct fixture *fixture, const bool *withdrawn, u32 priority, u64 left)
{
	u64 low = 0, high = LEVEL_MAX;

	while (low < high) {
		u64 middle = (low + high + 1) / 2;

		if (all_at_level(fixture, withdrawn, priority, middle) <= left)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static u64 all_bottoms(const struct fixture *fixture, const bool *withdrawn)
{
	u64 sum = 0;

	for (u32 i = 0; i < fixture->count; i++)
		sum += small_bottom(&fixture->claim[i], withdrawn[i]);
	return sum;
}

/* In the order in which they are withdrawn: by a number that says it all. */
static u32 rank(const struct fixture *fixture, u32 i)
{
	return (fixture->claim[i].priority * 16 + fixture->claim[i].weight) * 16 +
		(fixture->count - i);
}

static void find_withdrawn(const struct fixture *fixture, u64 capacity, bool *withdrawn)
{
	u32 bound = 0;

	memset(withdrawn, 0, CLAIMS * sizeof(*withdrawn));
	/* All of rank below @bound that hold anything to be taken; the lowest that will do. */
	while (all_bottoms(fixture, withdrawn) > capacity && bound <= 16 * 16 * 16) {
		bound++;
		for (u32 i = 0; i < fixture->count; i++)
			withdrawn[i] = rank(fixture, i) < bound &&
				small_bottom(&fixture->claim[i], false) >
				small_fixed(&fixture->claim[i]);
	}
}

static void expect_small(struct kunit *test, const struct fixture *fixture, u64 capacity,
			 u64 missing)
{
	bool withdrawn[CLAIMS];
	u64 sum, left;

	find_withdrawn(fixture, capacity, withdrawn);
	sum = all_bottoms(fixture, withdrawn);
	KUNIT_ASSERT_EQ(test, sum > capacity ? sum - capacity : 0, missing);
	left = sum > capacity ? 0 : (capacity - sum) * PARTS;
	for (int priority = 1; priority >= 0; priority--) {
		u64 level = find_level(fixture, withdrawn, priority, left);

		for (u32 i = 0; i < fixture->count; i++) {
			const struct vsp_claim *claim = &fixture->claim[i];
			u64 share = small_bottom(claim, withdrawn[i]);

			if (claim->priority != priority)
				continue;
			if (!withdrawn[i])
				share += at_level(claim, level) / PARTS;
			KUNIT_ASSERT_EQ(test, withdrawn[i], claim->withdrawn);
			KUNIT_ASSERT_EQ(test, share, claim->share);
		}
		left = level < LEVEL_MAX ? 0 : left - all_at_level(fixture, withdrawn, priority,
								   level);
	}
}

/* Takes the next digit, of @base, off @number. */
static u32 digit(u32 *number, u32 base)
{
	u32 value = *number % base;

	*number /= base;
	return value;
}

/* All cases of @count claims, that hold up to @most, with all that makes them differ. */
static void try_all(struct kunit *test, struct fixture *fixture, u32 count, u32 most,
		    u32 fixed_most)
{
	u32 number, i = 0;

	begin_claims(fixture, count);
	do {
		number = i++;
		for (u32 j = 0; j < count; j++) {
			struct vsp_claim *claim = &fixture->claim[j];

			claim->held = digit(&number, most + 1);
			claim->least = digit(&number, most + 1);
			claim->fixed = digit(&number, fixed_most + 1);
			claim->weight = 1 + digit(&number, 2);
			claim->priority = digit(&number, 2);
		}
		for (u64 capacity = 0; capacity <= count * most; capacity++)
			expect_small(test, fixture, capacity, allocate_anew(fixture, capacity));
		cond_resched();
	} while (!number);
}

static void small_cases_agree_with_another_computation(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	try_all(test, fixture, 1, 5, 5);
	try_all(test, fixture, 2, 3, 1);
	try_all(test, fixture, 3, 1, 0);
}

/* ---- Random sequences ---- */

static u32 below(struct fixture *fixture, u32 ceiling)
{
	return prandom_u32_state(&fixture->random) % ceiling;
}

static u64 total_held(const struct fixture *fixture)
{
	u64 sum = 0;

	for (u32 i = 0; i < fixture->count; i++)
		sum += fixture->claim[i].held;
	return sum;
}

static u64 total_shares(const struct fixture *fixture)
{
	u64 sum = 0;

	for (u32 i = 0; i < fixture->count; i++)
		sum += fixture->claim[i].share;
	return sum;
}

/* Does @i lose its contract before @j, whatever they hold? */
static bool less_important(const struct fixture *fixture, u32 i, u32 j)
{
	const struct vsp_claim *a = &fixture->claim[i], *b = &fixture->claim[j];

	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->weight != b->weight ? a->weight < b->weight : i > j;
}

static bool can_be_withdrawn(const struct vsp_claim *claim)
{
	return small_bottom(claim, false) > small_fixed(claim);
}

static void expect_each(struct kunit *test, const struct vsp_claim *claim)
{
	KUNIT_ASSERT_LE(test, claim->share, claim->held);
	KUNIT_ASSERT_GE(test, claim->share, small_fixed(claim));
	if (claim->withdrawn)
		KUNIT_ASSERT_EQ(test, claim->share, small_fixed(claim));
	else
		KUNIT_ASSERT_GE(test, claim->share, small_bottom(claim, false));
}

/* What holds between two of them, whatever the others have. */
static void expect_pair(struct kunit *test, const struct fixture *fixture, u32 i, u32 j)
{
	const struct vsp_claim *a = &fixture->claim[i], *b = &fixture->claim[j];
	u64 above_a = a->share - small_bottom(a, a->withdrawn);
	u64 above_b = b->share - small_bottom(b, b->withdrawn);

	if (b->withdrawn && !a->withdrawn && can_be_withdrawn(a))
		KUNIT_ASSERT_FALSE(test, less_important(fixture, i, j));
	if (a->withdrawn || b->withdrawn || b->share == b->held)
		return;
	if (a->priority < b->priority)
		KUNIT_ASSERT_EQ(test, 0, above_a);
	/* b did not get all: it has as much for its weight as a has, to within a unit. */
	if (a->priority == b->priority)
		KUNIT_ASSERT_LT(test, above_a * b->weight, (above_b + 1) * a->weight);
}

/* Nobody was withdrawn who could have stayed. */
static void expect_needed(struct kunit *test, const struct fixture *fixture, u64 capacity)
{
	bool withdrawn[CLAIMS];
	int last = -1;

	for (u32 i = 0; i < fixture->count; i++) {
		withdrawn[i] = fixture->claim[i].withdrawn;
		if (withdrawn[i] && (last < 0 || less_important(fixture, last, i)))
			last = i;
	}
	if (last < 0)
		return;
	withdrawn[last] = false;
	KUNIT_ASSERT_GT(test, all_bottoms(fixture, withdrawn), capacity);
}

static void expect_invariants(struct kunit *test, const struct fixture *fixture, u64 capacity,
			      u64 missing)
{
	u64 shares = total_shares(fixture);
	bool all = shares == total_held(fixture);

	KUNIT_ASSERT_EQ(test, missing, shares > capacity ? shares - capacity : 0);
	for (u32 i = 0; i < fixture->count; i++) {
		expect_each(test, &fixture->claim[i]);
		if (missing)
			KUNIT_ASSERT_EQ(test, fixture->claim[i].share,
					small_fixed(&fixture->claim[i]));
		for (u32 j = 0; j < fixture->count; j++)
			expect_pair(test, fixture, i, j);
	}
	expect_needed(test, fixture, capacity);
	if (total_held(fixture) <= capacity)
		KUNIT_ASSERT_TRUE(test, all);
	/* While one that remains could have more, what nobody has is lost to rounding. */
	for (u32 i = 0; i < fixture->count && !all; i++)
		if (!fixture->claim[i].withdrawn &&
		    fixture->claim[i].share < fixture->claim[i].held && !missing)
			KUNIT_ASSERT_LT(test, capacity - shares, fixture->count);
}

/*
 * With more, nobody is withdrawn who was not before; and where it is the same ones,
 * nobody has less. (A withdrawal leaves more to the others than there was before it.)
 */
static void expect_monotone(struct kunit *test, struct fixture *fixture, u64 capacity, u64 more)
{
	struct vsp_claim before[CLAIMS];
	bool same = true;

	memcpy(before, fixture->claim, sizeof(before));
	allocate_anew(fixture, capacity + more);
	for (u32 i = 0; i < fixture->count; i++) {
		if (fixture->claim[i].withdrawn)
			KUNIT_ASSERT_TRUE(test, before[i].withdrawn);
		same &= fixture->claim[i].withdrawn == before[i].withdrawn;
	}
	for (u32 i = 0; i < fixture->count && same; i++)
		KUNIT_ASSERT_GE(test, fixture->claim[i].share, before[i].share);
	for (u32 i = 0; i < fixture->count; i++) {
		fixture->claim[i].share = before[i].share;
		fixture->claim[i].withdrawn = before[i].withdrawn;
	}
}

/* Grants what there is of an ask, or denies it. */
static void step_ask(struct fixture *fixture, struct vsp_claim *claim, u64 capacity)
{
	u64 others = total_held(fixture) - claim->held;
	u64 free = capacity > others ? capacity - others : 0;

	claim->least = below(fixture, 3) ? below(fixture, 120) : 0;
	if (claim->least <= free)
		claim->held = max3(claim->least, small_fixed(claim),
				   min_t(u64, free, claim->least + below(fixture, 120)));
	claim->fixed = below(fixture, 6) ? 0 : below(fixture, 60);
}

/* Nobody answers: all fall back, and the next division finds that it fits. */
static void step_failure(struct kunit *test, struct fixture *fixture, u64 capacity)
{
	u64 missing = allocate_anew(fixture, capacity);

	for (u32 i = 0; i < fixture->count; i++)
		fixture->claim[i].held = fixture->claim[i].share;
	KUNIT_ASSERT_EQ(test, missing, allocate_anew(fixture, capacity));
	for (u32 i = 0; i < fixture->count; i++)
		KUNIT_ASSERT_EQ(test, fixture->claim[i].held, fixture->claim[i].share);
}

static u64 step(struct kunit *test, struct fixture *fixture, u64 capacity)
{
	struct vsp_claim *claim = &fixture->claim[below(fixture, fixture->count)];

	switch (below(fixture, 6)) {
	case 0:
	case 1:
		step_ask(fixture, claim, capacity);
		break;
	case 2:
		claim->held = small_fixed(claim);
		break;
	case 3:
		step_failure(test, fixture, capacity);
		break;
	default:
		capacity = below(fixture, CAPACITY_MAX);
		break;
	}
	return capacity;
}

static void begin_sequence(struct fixture *fixture, u64 capacity)
{
	begin_claims(fixture, 1 + below(fixture, CLAIMS));
	for (u32 i = 0; i < fixture->count; i++) {
		fixture->claim[i].weight = 1 + below(fixture, below(fixture, 2) ? 3 : 1000);
		fixture->claim[i].priority = below(fixture, 3);
		step_ask(fixture, &fixture->claim[i], capacity);
	}
}

static void invariants_hold_in_random_sequences(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	for (u32 i = 0; i < SEQUENCES; i++) {
		u64 capacity = below(fixture, CAPACITY_MAX);

		begin_sequence(fixture, capacity);
		for (u32 j = 0; j < STEPS; j++) {
			u64 missing;

			capacity = step(test, fixture, capacity);
			missing = allocate_anew(fixture, capacity);
			expect_invariants(test, fixture, capacity, missing);
			expect_monotone(test, fixture, capacity, below(fixture, 100));
		}
		cond_resched();
	}
}

static struct kunit_case allocate_cases[] = {
	KUNIT_CASE(rules_hold_one_by_one),
	KUNIT_CASE(withdrawn_elsewhere_frees_here),
	KUNIT_CASE(nobody_is_no_claim),
	KUNIT_CASE(small_cases_agree_with_another_computation),
	KUNIT_CASE(invariants_hold_in_random_sequences),
	{}
};

static struct kunit_suite allocate_suite = {
	.name = "vsp_allocate",
	.test_cases = allocate_cases,
};

kunit_test_suite(allocate_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: who gives way, of vsp");
MODULE_LICENSE("GPL");
