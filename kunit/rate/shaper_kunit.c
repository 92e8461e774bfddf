// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ceiling of a rate, over a clock of the test's own: tables and seeded random
 * loads.  Every load is logged, and every window of a second in the log is checked.
 */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "vs_compat.h"

#include "vsp/rate/shaper.h"

#define LOG_MAX		200000
#define BURST_NS	(10 * NSEC_PER_MSEC)
#define LARGEST		(1024 * 1024)

struct entry {
	u64 at_ns;
	u64 cost;
};

struct load {
	struct rnd_state random;
	u64 now_ns;
	unsigned int count;
	struct entry entry[LOG_MAX];
};

KUNIT_DEFINE_ACTION_WRAPPER(free_load, kvfree, const void *);

static u64 draw(struct load *load, u64 most)
{
	u64 random = ((u64)prandom_u32_state(&load->random) << 32) |
		     prandom_u32_state(&load->random);

	return most ? random % (most + 1) : 0;
}

static struct load *new_load(struct kunit *test)
{
	struct load *load = kvzalloc(sizeof(*load), GFP_KERNEL);
	u64 seed = get_random_u64();

	KUNIT_ASSERT_NOT_NULL(test, load);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_load, load), 0);
	prandom_seed_state(&load->random, seed);
	load->now_ns = draw(load, 1ULL << 50);
	kunit_info(test, "seed %llu\n", seed);
	return load;
}

static u64 wait_of(const struct vsp_shaper *shaper, u64 now_ns, u64 cost)
{
	u64 opens = vsp_shaper_opens(shaper, vsp_shaper_takes(shaper, cost));

	return opens > now_ns ? opens - now_ns : 0;
}

static void charge(struct vsp_shaper *shaper, u64 now_ns, u64 cost)
{
	vsp_shaper_charge(shaper, now_ns, now_ns, vsp_shaper_takes(shaper, cost));
}

static u64 units(u64 rate, u64 ns)
{
	return mul_u64_u64_div_u64(rate, ns, NSEC_PER_SEC);
}

/* Waits as it is told to, and passes. */
static void pass(struct kunit *test, struct vsp_shaper *shaper, struct load *load, u64 cost)
{
	load->now_ns += wait_of(shaper, load->now_ns, cost);
	KUNIT_ASSERT_EQ(test, wait_of(shaper, load->now_ns, cost), 0);
	charge(shaper, load->now_ns, cost);
	KUNIT_ASSERT_LT(test, load->count, LOG_MAX);
	load->entry[load->count++] = (struct entry){ load->now_ns, cost };
}

/* No window of a second, both its ends included, has more than @most. */
static void check_windows(struct kunit *test, const struct load *load, u64 most)
{
	unsigned int first = 0;
	u64 sum = 0;

	for (unsigned int last = 0; last < load->count; last++) {
		sum += load->entry[last].cost;
		while (load->entry[last].at_ns - load->entry[first].at_ns > NSEC_PER_SEC)
			sum -= load->entry[first++].cost;
		KUNIT_ASSERT_LE_MSG(test, sum, most, "second before %llu ns, entry %u",
				    load->entry[last].at_ns, last);
	}
}

static u64 sum_of(const struct load *load)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < load->count; i++)
		sum += load->entry[i].cost;
	return sum;
}

static const u64 rates[] = { 1, 3, 1000, 4096, 999983, 10 << 20, 1ULL << 33, 1ULL << 40 };

static void no_second_exceeds_rate_and_burst_under_backlog(struct kunit *test)
{
	struct load *load = new_load(test);

	for (int i = 0; i < ARRAY_SIZE(rates); i++) {
		u64 largest = clamp(rates[i] / 64, 1, LARGEST);
		u64 burst = max(units(rates[i], BURST_NS) + 1, largest);
		struct vsp_shaper shaper = {};

		load->count = 0;
		vsp_shaper_start(&shaper, load->now_ns, rates[i], BURST_NS);
		for (int n = 0; n < 5000; n++)
			pass(test, &shaper, load, 1 + draw(load, largest - 1));
		check_windows(test, load, rates[i] + burst);
	}
}

static void no_second_exceeds_rate_and_burst_after_random_pauses(struct kunit *test)
{
	struct load *load = new_load(test);

	for (int i = 0; i < ARRAY_SIZE(rates); i++) {
		u64 largest = clamp(rates[i] / 8, 1, LARGEST);
		u64 burst = max(units(rates[i], BURST_NS) + 1, largest);
		struct vsp_shaper shaper = {};

		load->count = 0;
		vsp_shaper_start(&shaper, load->now_ns, rates[i], BURST_NS);
		for (int n = 0; n < 5000; n++) {
			if (!draw(load, 20))
				load->now_ns += draw(load, 3 * NSEC_PER_SEC);
			else
				load->now_ns += draw(load, NSEC_PER_MSEC);
			pass(test, &shaper, load, 1 + draw(load, largest - 1));
		}
		check_windows(test, load, rates[i] + burst);
	}
}

/* One request a millisecond late, as a timer may be, must not cost what the burst holds. */
static void backlog_gets_99_percent_though_its_timer_is_late(struct kunit *test)
{
	static const u64 backlog_rates[] = { 100000, 999983, 10 << 20, 1ULL << 30 };
	struct load *load = new_load(test);

	for (int i = 0; i < ARRAY_SIZE(backlog_rates); i++) {
		u64 largest = units(backlog_rates[i], BURST_NS / 2);
		struct vsp_shaper shaper = {};
		u64 begin = load->now_ns, wait;

		load->count = 0;
		vsp_shaper_start(&shaper, load->now_ns, backlog_rates[i], BURST_NS);
		while (load->now_ns - begin < 20 * NSEC_PER_SEC) {
			u64 cost = largest / 4 + draw(load, largest - largest / 4);

			wait = wait_of(&shaper, load->now_ns, cost);
			if (wait)
				load->now_ns += wait + draw(load, NSEC_PER_MSEC);
			pass(test, &shaper, load, cost);
		}
		KUNIT_EXPECT_GE(test, sum_of(load),
				div_u64(units(backlog_rates[i], load->now_ns - begin) * 99, 100));
		check_windows(test, load, backlog_rates[i] + units(backlog_rates[i], BURST_NS) + 1);
	}
}

/*
 * What a request takes is more than the burst, and every timer is late by up to the burst:
 * who waits loses nothing, and passes no more than it may.
 */
static void late_timers_cost_who_waits_nothing(struct kunit *test)
{
	static const u64 late_rates[] = { 4, 50, 1 << 20, 4 << 20, 100 << 20 };
	struct load *load = new_load(test);

	for (int i = 0; i < ARRAY_SIZE(late_rates); i++) {
		u64 largest = clamp(late_rates[i] / 4, 1, LARGEST), begin = load->now_ns;
		struct vsp_shaper shaper = {};

		load->count = 0;
		vsp_shaper_start(&shaper, begin, late_rates[i], BURST_NS);
		for (int n = 0; n < 10000; n++) {
			u64 cost = 1 + draw(load, largest - 1);
			u64 takes = vsp_shaper_takes(&shaper, cost), since = load->now_ns;
			u64 wait = wait_of(&shaper, since, cost);

			if (wait)
				load->now_ns += wait + draw(load, min(BURST_NS, takes));
			vsp_shaper_charge(&shaper, load->now_ns, since, takes);
			load->entry[load->count++] = (struct entry){ load->now_ns, cost };
		}
		check_windows(test, load, late_rates[i] + units(late_rates[i], BURST_NS) + 2 +
			      largest);
		KUNIT_EXPECT_GE_MSG(test, sum_of(load) + largest,
				    div_u64(units(late_rates[i], load->now_ns - begin) * 999, 1000),
				    "rate %llu", late_rates[i]);
	}
}

static void requests_above_the_burst_get_the_rate_too(struct kunit *test)
{
	struct load *load = new_load(test);
	struct vsp_shaper shaper = {};
	u64 begin = load->now_ns;

	vsp_shaper_start(&shaper, begin, 10 * LARGEST, NSEC_PER_MSEC);
	for (int n = 0; n < 1000; n++)
		pass(test, &shaper, load, LARGEST);
	KUNIT_EXPECT_GE(test, sum_of(load),
			div_u64(units(10 * LARGEST, load->now_ns - begin) * 99, 100));
	check_windows(test, load, 11 * LARGEST);
}

static void the_first_second_has_no_burst(struct kunit *test)
{
	for (int i = 0; i < ARRAY_SIZE(rates); i++) {
		struct vsp_shaper shaper = {};
		u64 now = 12345, sum = 0, wait;

		vsp_shaper_start(&shaper, now, rates[i], BURST_NS);
		for (int n = 0; n < 1000; n++) {
			u64 cost = clamp(rates[i] / 500, 1, LARGEST);

			wait = wait_of(&shaper, now, cost);
			if (now + wait - 12345 > NSEC_PER_SEC)
				break;
			now += wait;
			charge(&shaper, now, cost);
			sum += cost;
		}
		KUNIT_EXPECT_LE(test, sum, rates[i]);
	}
}

static void two_ceilings_are_both_kept(struct kunit *test)
{
	const u64 bandwidth_rate = 20 << 20, iops_rate = 500;
	struct vsp_shaper bandwidth = {}, iops = {};
	struct load *load = new_load(test);
	u64 begin = load->now_ns, cost;

	vsp_shaper_start(&bandwidth, begin, bandwidth_rate, BURST_NS);
	vsp_shaper_start(&iops, begin, iops_rate, BURST_NS);
	for (int n = 0; n < 10000; n++) {
		cost = 512 * (1 + draw(load, 255));
		load->now_ns += max(wait_of(&bandwidth, load->now_ns, cost),
				    wait_of(&iops, load->now_ns, 1));
		KUNIT_ASSERT_EQ(test, wait_of(&iops, load->now_ns, 1), 0);
		charge(&iops, load->now_ns, 1);
		pass(test, &bandwidth, load, cost);
	}
	check_windows(test, load, bandwidth_rate + units(bandwidth_rate, BURST_NS) + 1);
	/* The tighter one, at this mix of sizes. */
	KUNIT_EXPECT_GE(test, sum_of(load),
			div_u64(units(bandwidth_rate, load->now_ns - begin) * 95, 100));
	for (unsigned int i = 0; i < load->count; i++)
		load->entry[i].cost = 1;
	check_windows(test, load, iops_rate + units(iops_rate, BURST_NS));
}

static void a_change_keeps_what_is_owed(struct kunit *test)
{
	struct vsp_shaper shaper = {};
	u64 now = NSEC_PER_SEC;

	vsp_shaper_start(&shaper, now, 1000, 0);
	charge(&shaper, now, 500);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, now, 1), 500 * NSEC_PER_MSEC);
	vsp_shaper_set_rate(&shaper, now, 2000, 0);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, now, 1), 250 * NSEC_PER_MSEC);
	vsp_shaper_set_rate(&shaper, now, 100, 0);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, now, 1), 5 * NSEC_PER_SEC);
	/* Nor does a client rid itself of it by a pause without a contract. */
	vsp_shaper_start(&shaper, now + NSEC_PER_SEC, 100, 0);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, now + NSEC_PER_SEC, 1), 4 * NSEC_PER_SEC);
}

static void no_second_exceeds_the_higher_rate_across_changes(struct kunit *test)
{
	struct load *load = new_load(test);
	struct vsp_shaper shaper = {};
	u64 rate = 1 << 20;
	u64 highest = rate;

	vsp_shaper_start(&shaper, load->now_ns, rate, BURST_NS);
	for (int n = 0; n < 50000; n++) {
		if (!draw(load, 100)) {
			rate = (1 << 18) + draw(load, 16 << 20);
			highest = max(highest, rate);
			vsp_shaper_set_rate(&shaper, load->now_ns, rate, BURST_NS);
		}
		pass(test, &shaper, load, 512 + draw(load, 4096));
	}
	check_windows(test, load, highest + units(highest, BURST_NS) + 1);
}

/* A window that begins after the last change knows nothing of the rate before it. */
static void a_second_after_a_change_keeps_to_the_new_rate(struct kunit *test)
{
	const u64 changes[][2] = { { 100 << 20, 1 << 20 }, { 1 << 20, 100 << 20 }, { 5000, 4999 } };

	for (int i = 0; i < ARRAY_SIZE(changes); i++) {
		u64 cost = clamp(changes[i][1] / 500, 1, 65536), most;
		struct load *load = new_load(test);
		struct vsp_shaper shaper = {};

		vsp_shaper_start(&shaper, load->now_ns, changes[i][0], BURST_NS);
		for (int n = 0; n < 1000; n++)
			pass(test, &shaper, load, cost);
		vsp_shaper_set_rate(&shaper, load->now_ns, changes[i][1], BURST_NS);
		load->count = 0;
		for (int n = 0; n < 5000; n++)
			pass(test, &shaper, load, cost);
		most = changes[i][1] + max(units(changes[i][1], BURST_NS) + 1, cost);
		check_windows(test, load, most);
	}
}

struct extreme {
	u64 now_ns;
	u64 rate;
	u64 burst_ns;
	u64 cost;
};

static void extremes_do_not_overflow(struct kunit *test)
{
	static const struct extreme extremes[] = {
		{ 0, 1, 0, U64_MAX },
		{ 0, U64_MAX, U64_MAX, U64_MAX },
		{ S64_MAX, 1, U64_MAX, U64_MAX },
		{ S64_MAX, 1ULL << 50, NSEC_PER_SEC, 1ULL << 30 },
		{ 1, 4096, 0, 1ULL << 30 },
		{ 1, 1, 1, VSP_SHAPER_FOREVER_NS / NSEC_PER_SEC },
		{ 1, U64_MAX, 0, 1 },
	};

	for (int i = 0; i < ARRAY_SIZE(extremes); i++) {
		const struct extreme *e = &extremes[i];
		struct vsp_shaper shaper = {};

		vsp_shaper_start(&shaper, e->now_ns, e->rate, e->burst_ns);
		for (int n = 0; n < 8; n++) {
			KUNIT_EXPECT_LE(test, vsp_shaper_takes(&shaper, e->cost),
					VSP_SHAPER_FOREVER_NS);
			charge(&shaper, e->now_ns, e->cost);
			KUNIT_EXPECT_GE(test, shaper.arrival_ns, e->now_ns);
			vsp_shaper_set_rate(&shaper, e->now_ns, n & 1 ? 1 : U64_MAX, e->burst_ns);
			KUNIT_EXPECT_GE(test, shaper.arrival_ns, e->now_ns);
		}
	}
}

static void a_gibibyte_at_the_lowest_rate_takes_its_time(struct kunit *test)
{
	struct vsp_shaper shaper = {};

	vsp_shaper_start(&shaper, 0, 4096, 0);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 1ULL << 30), 0);
	charge(&shaper, 0, 1ULL << 30);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 512), 262144 * NSEC_PER_SEC);
}

static void what_is_charged_is_rounded_up(struct kunit *test)
{
	struct vsp_shaper shaper = {};

	vsp_shaper_start(&shaper, 0, 3, 0);
	charge(&shaper, 0, 1);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 1), 333333334);
	charge(&shaper, 0, 2);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 1), 1000000001);
	vsp_shaper_set_rate(&shaper, 0, 7, 0);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 1), 428571429);
}

static void without_a_rate_nothing_passes(struct kunit *test)
{
	struct vsp_shaper shaper = {};

	KUNIT_EXPECT_EQ(test, vsp_shaper_opens(&shaper, vsp_shaper_takes(&shaper, 1)), U64_MAX);
}

static void what_costs_nothing_never_waits(struct kunit *test)
{
	struct vsp_shaper shaper = {};

	vsp_shaper_start(&shaper, 0, 1, 0);
	charge(&shaper, 0, 1000);
	KUNIT_EXPECT_EQ(test, wait_of(&shaper, 0, 0), 0);
}

static struct kunit_case shaper_cases[] = {
	KUNIT_CASE(no_second_exceeds_rate_and_burst_under_backlog),
	KUNIT_CASE(no_second_exceeds_rate_and_burst_after_random_pauses),
	KUNIT_CASE(backlog_gets_99_percent_though_its_timer_is_late),
	KUNIT_CASE(late_timers_cost_who_waits_nothing),
	KUNIT_CASE(requests_above_the_burst_get_the_rate_too),
	KUNIT_CASE(the_first_second_has_no_burst),
	KUNIT_CASE(two_ceilings_are_both_kept),
	KUNIT_CASE(a_change_keeps_what_is_owed),
	KUNIT_CASE(no_second_exceeds_the_higher_rate_across_changes),
	KUNIT_CASE(a_second_after_a_change_keeps_to_the_new_rate),
	KUNIT_CASE(extremes_do_not_overflow),
	KUNIT_CASE(a_gibibyte_at_the_lowest_rate_takes_its_time),
	KUNIT_CASE(what_is_charged_is_rounded_up),
	KUNIT_CASE(without_a_rate_nothing_passes),
	KUNIT_CASE(what_costs_nothing_never_waits),
	{}
};

static struct kunit_suite shaper_suite = {
	.name = "vsp_shaper",
	.test_cases = shaper_cases,
};

kunit_test_suite(shaper_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of the provider's rate ceilings");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
