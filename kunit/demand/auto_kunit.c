// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's own judgement, over a clock of the test's own: a device with a load, a
 * provider that grants what it has, and between them what vsc/demand/watch.c does.  In every
 * run no two asks may come within the interval.
 */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/time64.h>

#include "vs_class.h"
#include "vs_compat.h"
#include "vs_network.h"
#include "vs_storage.h"
#include "vs_terms.h"
#include "vsc/demand/auto.h"
#include "vsc/demand/meter.h"

#define BANDWIDTH	VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)
#define IOPS		VS_STORAGE_INDEX(VS_STORAGE_IOPS)
#define TX		VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH)
#define RX		VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH)
#define MiB		(1024 * 1024ULL)
#define SAMPLE_NS	(100 * NSEC_PER_MSEC)
#define NEGOTIATION_NS	(30 * NSEC_PER_MSEC)
#define HOUR		3600

/* What the provider has for this client. */
struct offer {
	u64 floor;
	u64 ceiling;
};

/* Client, device and provider. */
struct world {
	struct kunit *test;
	struct rnd_state random;
	struct vsc_auto state;
	struct vsc_auto_knobs knobs;
	u64 now_ns;
	u64 demand;	/* of the load now, bytes a second */
	u64 size;	/* of its requests, bytes */
	u64 due;	/* bytes that the load has come to and no request has taken yet */
	struct offer offer[VS_WIRE_TERMS_MAX];	/* of RATE only */
	struct vs_terms wish;	/* of the administrator */
	struct vs_terms ask;
	struct vs_terms held;
	unsigned int asks;
	enum vsc_auto_verdict last;
	u64 last_ns;	/* when that was */
	u64 gap_ns;	/* between it and the one before */
};

static u64 draw(struct world *world, u64 most)
{
	u64 random = ((u64)prandom_u32_state(&world->random) << 32) |
		     prandom_u32_state(&world->random);

	return random % (most + 1);
}

static u64 floor_of(const struct world *world, u32 index)
{
	return world->held.term[index].low;
}

static u64 ceiling_of(const struct world *world, u32 index)
{
	return world->held.term[index].high;
}

/* All or nothing, as the provider has it; what cannot be granted leaves all as it was. */
static void renegotiate(struct world *world)
{
	world->ask = world->wish;
	vsc_auto_wish(&world->state, &vs_class_storage, &world->ask);
	world->now_ns += NEGOTIATION_NS;
	for (u32 i = BANDWIDTH; i <= IOPS; i++) {
		const struct vs_term *ask = &world->ask.term[i];
		const struct offer *offer = &world->offer[i];
		struct vs_term *held = &world->held.term[i];

		KUNIT_ASSERT_LE(world->test, ask->low, ask->high);
		KUNIT_ASSERT_GE(world->test, ask->low, world->wish.term[i].low);
		held->high = min(ask->high, offer->ceiling);
		held->low = ask->low ? ask->low : min(offer->floor, held->high);
	}
	vsc_auto_contract(&world->state, &vs_class_storage, &world->held, world->now_ns);
}

static struct world *new_world(struct kunit *test, struct offer bandwidth, struct offer iops)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u64 seed = get_random_u64();

	KUNIT_ASSERT_NOT_NULL(test, world);
	kunit_info(test, "seed %llu\n", seed);
	prandom_seed_state(&world->random, seed);
	world->test = test;
	world->now_ns = 1 + draw(world, 1ULL << 50);
	world->size = 16384;
	world->knobs = vsc_auto_defaults;
	world->knobs.on = true;
	world->offer[BANDWIDTH] = bandwidth;
	world->offer[IOPS] = iops;
	vs_terms_unlimited(&vs_class_storage, &world->wish);
	world->held = world->wish;
	vsc_auto_begin(&world->state, 0);
	renegotiate(world);
	return world;
}

/* Any floor and ceiling of operations: they are not what the test is about. */
static struct world *new_disk(struct kunit *test, u64 floor, u64 ceiling)
{
	return new_world(test, (struct offer){ floor, ceiling }, (struct offer){ 0, 1000000 });
}

/* What the device does in a sample: whole requests, no more than its ceilings let through. */
static struct vsc_sample run_device(struct world *world, u64 ns)
{
	u64 most = min(ceiling_of(world, BANDWIDTH), ceiling_of(world, IOPS) * world->size);
	bool backlog = world->demand >= most;
	struct vsc_sample sample = {};
	u64 count;

	vs_window_begin(&sample.seen, world->now_ns - ns, !backlog);
	world->due += mul_u64_u64_div_u64(min(world->demand, most), ns, NSEC_PER_SEC);
	count = div64_u64(world->due, world->size);
	world->due -= count * world->size;
	sample.seen.served[BANDWIDTH] = count * world->size;
	sample.seen.served[IOPS] = count;
	if (count || backlog) {
		sample.seen.largest[BANDWIDTH] = world->size;
		sample.seen.largest[IOPS] = 1;
	}
	if (!backlog)
		sample.idle_ns = ns - mul_u64_u64_div_u64(world->demand, ns, most);
	return sample;
}

static void note(struct world *world, enum vsc_auto_verdict verdict)
{
	world->gap_ns = world->now_ns - world->last_ns;
	if (world->asks)
		KUNIT_ASSERT_GE(world->test, world->gap_ns,
				(u64)world->knobs.interval_ms * NSEC_PER_MSEC);
	world->asks++;
	world->last = verdict;
	world->last_ns = world->now_ns;
}

/* A sample ends now. True: it leads to an ask. */
static bool judge(struct world *world, u64 ns)
{
	struct vsc_sample sample = run_device(world, ns);
	enum vsc_auto_verdict verdict;

	if (!vsc_auto_sample(&world->state, &world->knobs, &vs_class_storage, &sample,
			     world->now_ns))
		return false;
	verdict = vsc_auto_judge(&world->state, &world->knobs, &vs_class_storage, world->now_ns);
	if (verdict == VSC_AUTO_NOTHING)
		return false;
	note(world, verdict);
	return true;
}

/* One sample, a little late, as a timer may be. */
static void step(struct world *world)
{
	u64 ns = SAMPLE_NS + draw(world, 5 * NSEC_PER_MSEC);

	world->now_ns += ns;
	if (judge(world, ns))
		renegotiate(world);
}

/* A constant load for so long. Returns how many asks it has led to. */
static unsigned int run(struct world *world, u64 demand, unsigned int seconds)
{
	u64 end = world->now_ns + seconds * NSEC_PER_SEC;
	unsigned int before = world->asks;

	world->demand = demand;
	while (world->now_ns < end)
		step(world);
	return world->asks - before;
}

static void nothing_is_asked_while_it_is_off(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 64 * MiB);

	world->knobs.on = false;
	KUNIT_EXPECT_EQ(test, run(world, 1000 * MiB, HOUR), 0);
	KUNIT_EXPECT_EQ(test, run(world, 0, HOUR), 0);
	/* It is measured all the same. */
	KUNIT_EXPECT_GE(test, div_u64(world->state.held_ns, NSEC_PER_SEC), HOUR - 10);
	KUNIT_EXPECT_LE(test, div_u64(world->state.held_ns, NSEC_PER_SEC), HOUR + 1);
}

static void held_back_it_asks_for_more_and_gets_it(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 64 * MiB);

	world->offer[BANDWIDTH].ceiling = 128 * MiB;
	KUNIT_EXPECT_EQ(test, run(world, 100 * MiB, 8), 1);
	KUNIT_EXPECT_EQ(test, world->last, VSC_AUTO_MORE);
	KUNIT_EXPECT_EQ(test, ceiling_of(world, BANDWIDTH), 128 * MiB);
	/* 100 of 128: enough. */
	KUNIT_EXPECT_EQ(test, run(world, 100 * MiB, HOUR), 0);
}

static void what_is_asked_for_carries_the_use_of_the_window(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 64 * MiB);
	u64 demand;

	run(world, 1000 * MiB, 8);
	KUNIT_ASSERT_EQ(test, world->asks, 1);
	demand = world->ask.term[BANDWIDTH].demand;
	KUNIT_EXPECT_GE(test, demand, 63 * MiB);
	KUNIT_EXPECT_LE(test, demand, 65 * MiB);
	KUNIT_EXPECT_EQ(test, world->ask.term[BANDWIDTH].high, world->wish.term[BANDWIDTH].high);
}

static void asks_that_bring_nothing_come_at_doubling_intervals_and_end(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 64 * MiB);
	u64 interval = world->knobs.interval_ms * NSEC_PER_MSEC, gap = 0;
	u64 most = interval << VSC_AUTO_BACK_OFF_MAX;
	unsigned int asks = 0;

	world->demand = 100 * MiB;
	while (asks < VSC_AUTO_TRIES) {
		step(world);
		if (world->asks == asks)
			continue;
		asks = world->asks;
		if (asks > 1)
			KUNIT_EXPECT_GE(test, world->gap_ns, min(2 * gap, most) - gap / 4);
		gap = asks > 1 ? world->gap_ns : interval;
	}
	KUNIT_EXPECT_GE(test, gap, most);
	KUNIT_EXPECT_EQ(test, run(world, 100 * MiB, HOUR), 0);
	/* What had to be given up is tried again after a time in which it was not needed. */
	KUNIT_EXPECT_EQ(test, run(world, 20 * MiB, 600), 0);
	KUNIT_EXPECT_EQ(test, run(world, 100 * MiB, 300), 1);
}

static void the_interval_is_short_again_after_an_ask_that_has_brought_something(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 16 * MiB);

	KUNIT_EXPECT_EQ(test, run(world, 500 * MiB, 60), 3);
	world->offer[BANDWIDTH].ceiling = 32 * MiB;
	KUNIT_EXPECT_EQ(test, run(world, 500 * MiB, 60), 4);
	KUNIT_EXPECT_EQ(test, ceiling_of(world, BANDWIDTH), 32 * MiB);
	/* ... or after any other that has: the provider's call, for one. */
	world->offer[BANDWIDTH].ceiling = 64 * MiB;
	renegotiate(world);
	KUNIT_EXPECT_EQ(test, run(world, 500 * MiB, 8), 1);
}

static void at_the_most_that_is_wished_nothing_is_asked(struct kunit *test)
{
	struct world *world = new_disk(test, 8 * MiB, 64 * MiB);

	world->wish.term[BANDWIDTH].high = 32 * MiB;
	renegotiate(world);
	KUNIT_EXPECT_EQ(test, ceiling_of(world, BANDWIDTH), 32 * MiB);
	KUNIT_EXPECT_EQ(test, run(world, 500 * MiB, HOUR), 0);
}

static void an_idle_device_gives_its_floor_back(struct kunit *test)
{
	struct world *world = new_world(test, (struct offer){ 64 * MiB, 64 * MiB },
					(struct offer){ 5000, 10000 });

	KUNIT_EXPECT_TRUE(test, vsc_auto_may_give(&world->state, &vs_class_storage));
	KUNIT_EXPECT_EQ(test, run(world, 0, 60), 1);
	KUNIT_EXPECT_EQ(test, world->last, VSC_AUTO_LESS);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
	KUNIT_EXPECT_EQ(test, floor_of(world, IOPS), 1);
	KUNIT_EXPECT_EQ(test, ceiling_of(world, BANDWIDTH), 64 * MiB);
	KUNIT_EXPECT_FALSE(test, vsc_auto_may_give(&world->state, &vs_class_storage));
	KUNIT_EXPECT_EQ(test, run(world, 0, HOUR), 0);
	/* A call of the provider does not bring it back: it is not needed. */
	renegotiate(world);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
	KUNIT_EXPECT_EQ(test, run(world, 0, HOUR), 0);
}

static void a_floor_that_was_given_back_is_there_again_when_it_is_needed(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);

	run(world, 0, 60);
	KUNIT_ASSERT_EQ(test, floor_of(world, BANDWIDTH), 1);
	KUNIT_EXPECT_EQ(test, run(world, 40 * MiB, 10), 1);
	KUNIT_EXPECT_EQ(test, world->last, VSC_AUTO_MORE);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 64 * MiB);
	KUNIT_EXPECT_EQ(test, run(world, 40 * MiB, HOUR), 0);
}

/* Somebody else has it now: it is asked for again until there is some. */
static void a_floor_that_is_not_there_yet_is_asked_for_again(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);

	run(world, 0, 60);
	world->offer[BANDWIDTH].floor = 1;
	KUNIT_EXPECT_EQ(test, run(world, 40 * MiB, 60), 3);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
	world->offer[BANDWIDTH].floor = 32 * MiB;
	KUNIT_EXPECT_EQ(test, run(world, 40 * MiB, 60), 1);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 32 * MiB);
}

static void a_small_request_does_not_bring_a_floor_back(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);

	run(world, 0, 60);
	/* One in a window. */
	KUNIT_EXPECT_EQ(test, run(world, world->size / 2, HOUR), 0);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
}

static void what_stays_is_twice_the_highest_use(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);
	u64 floor;

	run(world, 3 * MiB, 7);
	KUNIT_EXPECT_EQ(test, run(world, MiB, 5), 1);
	floor = floor_of(world, BANDWIDTH);
	KUNIT_EXPECT_GE(test, floor, 5 * MiB);
	KUNIT_EXPECT_LE(test, floor, 7 * MiB);
	/* 1 of 6 is less than a quarter again. */
	KUNIT_EXPECT_EQ(test, run(world, MiB, HOUR), 1);
	KUNIT_EXPECT_GE(test, floor_of(world, BANDWIDTH), 2 * MiB - MiB / 8);
	KUNIT_EXPECT_LE(test, floor_of(world, BANDWIDTH), 2 * MiB + MiB / 8);
}

static void the_administrators_least_is_kept(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);

	world->wish.term[BANDWIDTH].low = 8 * MiB;
	renegotiate(world);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 8 * MiB);
	KUNIT_EXPECT_FALSE(test, vsc_auto_may_give(&world->state, &vs_class_storage));
	KUNIT_EXPECT_EQ(test, run(world, 0, HOUR), 0);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 8 * MiB);
}

static void the_administrator_takes_a_floor_back(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);

	KUNIT_EXPECT_FALSE(test, vsc_auto_take_back(&world->state, &vs_class_storage));
	run(world, 0, 60);
	KUNIT_ASSERT_EQ(test, floor_of(world, BANDWIDTH), 1);
	KUNIT_EXPECT_TRUE(test, vsc_auto_take_back(&world->state, &vs_class_storage));
	renegotiate(world);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 64 * MiB);
	KUNIT_EXPECT_FALSE(test, vsc_auto_take_back(&world->state, &vs_class_storage));
}

/* The source is stuck, or the provider does not keep the floor: no reason to need less. */
static void what_is_not_served_is_not_given_back(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);
	struct vsc_sample sample = {};

	for (int n = 0; n < 6000; n++) {
		world->now_ns += SAMPLE_NS;
		vs_window_begin(&sample.seen, world->now_ns - SAMPLE_NS, false);
		sample.seen.largest[BANDWIDTH] = world->size;
		sample.seen.served[BANDWIDTH] = n % 2 ? world->size : 0;
		vsc_auto_sample(&world->state, &world->knobs, &vs_class_storage, &sample,
				world->now_ns);
		KUNIT_ASSERT_EQ(test, vsc_auto_judge(&world->state, &world->knobs,
						     &vs_class_storage, world->now_ns),
				VSC_AUTO_NOTHING);
	}
}

/* Held back by one rate for ever, while the floor of the other is not needed. */
static void one_rate_does_not_bring_back_the_floor_of_another(struct kunit *test)
{
	struct world *world = new_world(test, (struct offer){ 8 * MiB, 16 * MiB },
					(struct offer){ 50000, 100000 });
	unsigned int asks = run(world, 100 * MiB, HOUR);

	KUNIT_EXPECT_LE(test, asks, VSC_AUTO_TRIES + 2);
	KUNIT_EXPECT_LE(test, floor_of(world, IOPS), 3000);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 8 * MiB);
	KUNIT_EXPECT_EQ(test, run(world, 100 * MiB, HOUR), 0);
}

/* Every load, in steps of an eighth of what the provider has. */
static void no_constant_load_makes_it_oscillate(struct kunit *test)
{
	static const u64 sizes[] = { 4096, 65536, MiB };
	static const struct offer offers[] = {
		{ 64 * MiB, 64 * MiB }, { 32 * MiB, 64 * MiB }, { 0, 64 * MiB }, { 4096, 8192 },
		{ 1, 1ULL << 50 }, { 1ULL << 40, 1ULL << 50 }, { MiB, 4 * MiB },
	};
	struct world *world;
	u64 load;

	for (int i = 0; i < ARRAY_SIZE(offers) * ARRAY_SIZE(sizes); i++) {
		const struct offer *offer = &offers[i / ARRAY_SIZE(sizes)];

		for (unsigned int part = 0; part <= 9; part++) {
			world = new_world(test, *offer, (struct offer){ 1000, 1000000 });
			world->size = sizes[i % ARRAY_SIZE(sizes)];
			load = offer->ceiling / 8 * part;
			KUNIT_EXPECT_LE_MSG(test, run(world, load, HOUR / 2), VSC_AUTO_TRIES + 6,
					    "load %llu of %llu", load, offer->ceiling);
			/* On the very edge of a quarter the one step may come late. */
			KUNIT_EXPECT_LE_MSG(test, run(world, load, HOUR / 4), 1,
					    "load %llu of %llu", load, offer->ceiling);
			kunit_kfree(test, world);
		}
	}
}

static unsigned int run_wave(struct world *world, unsigned int half, unsigned int hours)
{
	u64 end = world->now_ns + (u64)hours * HOUR * NSEC_PER_SEC;
	unsigned int before = world->asks;

	while (world->now_ns < end) {
		run(world, 0, half);
		run(world, 60 * MiB, half);
	}
	return world->asks - before;
}

/* Half a period in which a floor is not needed: not given back, once that is known. */
static void a_square_wave_is_not_followed_for_long(struct kunit *test)
{
	static const unsigned int halves[] = { 1, 3, 5, 10, 15, 30, 60, 100, 150 };
	unsigned int begin, rest;

	for (int i = 0; i < ARRAY_SIZE(halves); i++) {
		struct world *world = new_disk(test, 64 * MiB, 128 * MiB);

		begin = run_wave(world, halves[i], 1);
		rest = run_wave(world, halves[i], 2);
		kunit_info(test, "half a period %u s: %u asks, then %u\n", halves[i], begin, rest);
		KUNIT_EXPECT_LE(test, begin, 10);
		KUNIT_EXPECT_EQ(test, rest, 0);
	}
}

static void patience_is_short_again_after_a_long_time_without_need(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 128 * MiB);
	unsigned int asks;

	run_wave(world, 60, 1);
	KUNIT_EXPECT_EQ(test, run(world, 0, 60), 0);
	/* Or in two steps, where the end of the wave was in one of the windows. */
	asks = run(world, 0, 2 * HOUR);
	KUNIT_EXPECT_GE(test, asks, 1);
	KUNIT_EXPECT_LE(test, asks, 2);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
	KUNIT_EXPECT_EQ(test, run(world, 60 * MiB, 60), 1);
	KUNIT_EXPECT_GE(test, run(world, 0, 60), 1);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
}

/* Given back once in a period, or in two steps, and taken back once. */
static void a_slow_square_wave_is_followed(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 128 * MiB);
	unsigned int asks = run_wave(world, HOUR / 2, 10);

	KUNIT_EXPECT_GE(test, asks, 20);
	KUNIT_EXPECT_LE(test, asks, 30);
}

static void a_ramp_is_followed_both_ways(struct kunit *test)
{
	struct world *world = new_disk(test, 64 * MiB, 64 * MiB);
	unsigned int asks = 0;

	for (u64 demand = 0; demand <= 64; demand++)
		asks += run(world, demand * MiB, 10);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 64 * MiB);
	for (u64 demand = 64; demand > 0; demand--)
		asks += run(world, demand * MiB, 10);
	run(world, 0, 300);
	KUNIT_EXPECT_EQ(test, floor_of(world, BANDWIDTH), 1);
	/* Each LESS halves at least, and few are taken back. */
	KUNIT_EXPECT_LE(test, asks, 16);
}

/* No two asks within the interval (see note()), and never below what is wished. */
static void random_loads_keep_to_the_interval(struct kunit *test)
{
	struct world *world = new_disk(test, 32 * MiB, 64 * MiB);

	for (int i = 0; i < 20000; i++) {
		if (!draw(world, 50))
			world->knobs.interval_ms = 500 + draw(world, 10000);
		if (!draw(world, 50))
			world->knobs.window_ms = 200 + draw(world, 5000);
		if (!draw(world, 20))
			world->offer[BANDWIDTH].floor = draw(world, 64 * MiB);
		if (!draw(world, 20))
			world->offer[BANDWIDTH].ceiling = 64 * MiB + draw(world, 64 * MiB);
		if (!draw(world, 100)) {
			world->wish.term[BANDWIDTH].low = draw(world, 2) * MiB;
			vsc_auto_take_back(&world->state, &vs_class_storage);
			renegotiate(world);
		}
		world->size = 512ULL << draw(world, 11);
		run(world, draw(world, 1) ? 0 : draw(world, 200 * MiB), draw(world, 10));
	}
	kunit_info(test, "%u asks\n", world->asks);
	KUNIT_EXPECT_GT(test, world->asks, 0);
}

struct size_case {
	u64 ceiling;
	u64 size;
	unsigned int percent;
	bool held;
};

/* One request more or less must not decide. The source is slower than the ceiling, or not. */
static void large_requests_are_told_from_a_ceiling(struct kunit *test)
{
	static const struct size_case cases[] = {
		{ 64 * MiB, 4096, 100, true },	{ 64 * MiB, 4096, 96, true },
		{ 64 * MiB, 4096, 90, false },	{ 16 * MiB, MiB, 100, true },
		{ 16 * MiB, MiB, 80, false },	{ 4 * MiB, MiB, 100, true },
		{ 4 * MiB, MiB, 70, false },	{ 2 * MiB, MiB, 100, true },
		{ 2 * MiB, MiB, 50, false },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct size_case *c = &cases[i];
		struct world *world = new_disk(test, 0, c->ceiling);
		u64 source = div_u64(c->ceiling * c->percent, 100), count, due = 0;

		for (int n = 0; n < 600; n++) {
			struct vsc_sample sample = {};

			world->now_ns += SAMPLE_NS;
			vs_window_begin(&sample.seen, world->now_ns - SAMPLE_NS, false);
			due += div_u64(source, 10);
			count = div64_u64(due, c->size);
			due -= count * c->size;
			sample.seen.served[BANDWIDTH] = count * c->size;
			sample.seen.largest[BANDWIDTH] = c->size;
			sample.seen.served[IOPS] = count;
			sample.seen.largest[IOPS] = 1;
			vsc_auto_sample(&world->state, &world->knobs, &vs_class_storage, &sample,
					world->now_ns);
		}
		if (c->held)
			KUNIT_EXPECT_GE_MSG(test, world->state.held_ns, 50 * NSEC_PER_SEC,
					    "case %d", i);
		else
			KUNIT_EXPECT_LE_MSG(test, world->state.held_ns, 2 * NSEC_PER_SEC,
					    "case %d", i);
	}
}

static void the_share_of_the_window_is_what_was_set(struct kunit *test)
{
	static const u32 percents[] = { 1, 25, 50, 75, 100 };

	for (int i = 0; i < ARRAY_SIZE(percents); i++) {
		for (int held = 0; held <= 20; held++) {
			struct world *world = new_disk(test, 0, 64 * MiB);

			world->knobs.held_percent = percents[i];
			/* Three windows: the interval is over then. */
			for (int n = 0; n < 60; n++) {
				world->now_ns += SAMPLE_NS;
				world->demand = n % 20 < held ? 64 * MiB : 32 * MiB;
				judge(world, SAMPLE_NS);
			}
			KUNIT_EXPECT_EQ_MSG(test, world->last == VSC_AUTO_MORE,
					    held && held * 5 >= percents[i],
					    "%d of 20 samples, %u %%", held, percents[i]);
			kunit_kfree(test, world);
		}
	}
}

/*
 * struct direction - one flow of a network device
 * @state: its judgement
 * @index: of its rate
 * @last: verdict, other than nothing
 */
struct direction {
	struct vsc_auto state;
	u32 index;
	enum vsc_auto_verdict last;
};

/* A minute in which @direction alone does @rate bytes a second, all of the time or not. */
static void run_direction(struct direction *direction, const struct vsc_auto_knobs *knobs,
			  u64 rate, bool busy, u64 now_ns)
{
	enum vsc_auto_verdict verdict;

	for (int n = 0; n < 600; n++) {
		struct vsc_sample sample = { .idle_ns = busy ? 0 : SAMPLE_NS };

		vs_window_begin(&sample.seen, now_ns, !busy);
		now_ns += SAMPLE_NS;
		if (rate)
			vs_window_count(&sample.seen, direction->index, div_u64(rate, 10));
		if (!vsc_auto_sample(&direction->state, knobs, &vs_class_network, &sample, now_ns))
			continue;
		verdict = vsc_auto_judge(&direction->state, knobs, &vs_class_network, now_ns);
		if (verdict != VSC_AUTO_NOTHING)
			direction->last = verdict;
	}
}

/* One direction is at its ceiling, and the other idle. */
static void a_term_of_another_flow_does_not_count(struct kunit *test)
{
	struct direction *tx = kunit_kzalloc(test, sizeof(*tx), GFP_KERNEL);
	struct direction *rx = kunit_kzalloc(test, sizeof(*rx), GFP_KERNEL);
	struct vs_terms *held = kunit_kzalloc(test, sizeof(*held), GFP_KERNEL);
	struct vs_terms *wish = kunit_kzalloc(test, sizeof(*wish), GFP_KERNEL);
	struct vsc_auto_knobs knobs = vsc_auto_defaults;

	KUNIT_ASSERT_TRUE(test, tx && rx && held && wish);
	knobs.on = true;
	tx->index = TX;
	rx->index = RX;
	vs_terms_unlimited(&vs_class_network, wish);
	*held = *wish;
	held->term[TX].high = 8 * MiB;
	held->term[RX].low = 4 * MiB;
	held->term[RX].high = 8 * MiB;
	vsc_auto_begin(&tx->state, VS_NETWORK_TX);
	vsc_auto_begin(&rx->state, VS_NETWORK_RX);
	for (struct direction *i = tx; i; i = i == tx ? rx : NULL) {
		vsc_auto_wish(&i->state, &vs_class_network, wish);
		vsc_auto_contract(&i->state, &vs_class_network, held, NSEC_PER_SEC);
	}
	/* Only who has a floor of its own could give it back. */
	KUNIT_EXPECT_FALSE(test, vsc_auto_may_give(&tx->state, &vs_class_network));
	KUNIT_EXPECT_TRUE(test, vsc_auto_may_give(&rx->state, &vs_class_network));
	run_direction(tx, &knobs, 8 * MiB, true, NSEC_PER_SEC);
	run_direction(rx, &knobs, 0, false, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, tx->last, VSC_AUTO_MORE);
	KUNIT_EXPECT_EQ(test, rx->last, VSC_AUTO_LESS);
	KUNIT_EXPECT_GT(test, tx->state.held_ns, 0);
	KUNIT_EXPECT_EQ(test, rx->state.held_ns, 0);
	/* Each one's wishes and use are of its own term. */
	vsc_auto_wish(&tx->state, &vs_class_network, wish);
	KUNIT_EXPECT_EQ(test, wish->term[RX].demand, 0);
	KUNIT_EXPECT_EQ(test, wish->term[RX].low, 0);
	KUNIT_EXPECT_GE(test, wish->term[TX].demand, 7 * MiB);
	vsc_auto_wish(&rx->state, &vs_class_network, wish);
	KUNIT_EXPECT_EQ(test, wish->term[RX].low, 1);
	KUNIT_EXPECT_GE(test, wish->term[TX].demand, 7 * MiB);
	KUNIT_EXPECT_EQ(test, wish->term[TX].low, 0);
}

/* Once for each contract, whatever it does, and also where all else is switched off. */
static void a_violated_contract_is_asked_for_once(struct kunit *test)
{
	const struct vsc_auto_knobs *knobs = &vsc_auto_defaults;
	u64 interval = (u64)knobs->interval_ms * NSEC_PER_MSEC;
	struct vsc_auto_floors floors = { };
	u64 now_ns = 1;

	KUNIT_EXPECT_FALSE(test, knobs->on);
	KUNIT_EXPECT_TRUE(test, vsc_auto_violated(&floors, knobs, 7, now_ns));
	for (int i = 0; i < HOUR; i++)
		KUNIT_EXPECT_FALSE(test, vsc_auto_violated(&floors, knobs, 7,
							   now_ns + i * NSEC_PER_SEC));
	/* The next one not before the interval, though its terms be others. */
	vsc_auto_terms_changed(&floors);
	KUNIT_EXPECT_FALSE(test, vsc_auto_violated(&floors, knobs, 8, now_ns + interval - 1));
	KUNIT_EXPECT_TRUE(test, vsc_auto_violated(&floors, knobs, 8, now_ns + interval));
}

/* A source that is too slow: every contract is violated, and is followed by the same again. */
static void a_slow_source_is_asked_more_and_more_seldom(struct kunit *test)
{
	const struct vsc_auto_knobs *knobs = &vsc_auto_defaults;
	u64 interval = (u64)knobs->interval_ms * NSEC_PER_MSEC, last_ns = 0, gap = 0;
	struct vsc_auto_floors floors = { };
	unsigned int asks = 0;
	u64 id = 1, now_ns = 0;

	for (int i = 0; i < 30 * 24 * HOUR; i++) {
		now_ns += NSEC_PER_SEC;
		if (!vsc_auto_violated(&floors, knobs, id, now_ns))
			continue;
		if (asks > 1)
			KUNIT_ASSERT_GE(test, now_ns - last_ns, min(2 * gap, interval << 16));
		gap = asks ? now_ns - last_ns : 0;
		last_ns = now_ns;
		asks++;
		id++;
	}
	kunit_info(test, "%u asks in a month\n", asks);
	KUNIT_EXPECT_GE(test, asks, 16);
	KUNIT_EXPECT_LE(test, asks, 26);

	/* With other terms there is hope again. */
	vsc_auto_terms_changed(&floors);
	now_ns = last_ns + interval;
	KUNIT_EXPECT_TRUE(test, vsc_auto_violated(&floors, knobs, id, now_ns));
	KUNIT_EXPECT_FALSE(test, vsc_auto_violated(&floors, knobs, id + 1, now_ns + interval - 1));
	KUNIT_EXPECT_TRUE(test, vsc_auto_violated(&floors, knobs, id + 1, now_ns + interval));
	KUNIT_EXPECT_FALSE(test, vsc_auto_violated(&floors, knobs, id + 2,
						   now_ns + 3 * interval - 1));
}

static struct kunit_case auto_cases[] = {
	KUNIT_CASE(nothing_is_asked_while_it_is_off),
	KUNIT_CASE(held_back_it_asks_for_more_and_gets_it),
	KUNIT_CASE(what_is_asked_for_carries_the_use_of_the_window),
	KUNIT_CASE(asks_that_bring_nothing_come_at_doubling_intervals_and_end),
	KUNIT_CASE(the_interval_is_short_again_after_an_ask_that_has_brought_something),
	KUNIT_CASE(at_the_most_that_is_wished_nothing_is_asked),
	KUNIT_CASE(an_idle_device_gives_its_floor_back),
	KUNIT_CASE(a_floor_that_was_given_back_is_there_again_when_it_is_needed),
	KUNIT_CASE(a_floor_that_is_not_there_yet_is_asked_for_again),
	KUNIT_CASE(a_small_request_does_not_bring_a_floor_back),
	KUNIT_CASE(what_stays_is_twice_the_highest_use),
	KUNIT_CASE(the_administrators_least_is_kept),
	KUNIT_CASE(the_administrator_takes_a_floor_back),
	KUNIT_CASE(what_is_not_served_is_not_given_back),
	KUNIT_CASE(one_rate_does_not_bring_back_the_floor_of_another),
	KUNIT_CASE(no_constant_load_makes_it_oscillate),
	KUNIT_CASE(a_square_wave_is_not_followed_for_long),
	KUNIT_CASE(patience_is_short_again_after_a_long_time_without_need),
	KUNIT_CASE(a_slow_square_wave_is_followed),
	KUNIT_CASE(a_ramp_is_followed_both_ways),
	KUNIT_CASE(random_loads_keep_to_the_interval),
	KUNIT_CASE(large_requests_are_told_from_a_ceiling),
	KUNIT_CASE(the_share_of_the_window_is_what_was_set),
	KUNIT_CASE(a_term_of_another_flow_does_not_count),
	KUNIT_CASE(a_violated_contract_is_asked_for_once),
	KUNIT_CASE(a_slow_source_is_asked_more_and_more_seldom),
	{}
};

static struct kunit_suite auto_suite = {
	.name = "vsc_auto",
	.test_cases = auto_cases,
};

kunit_test_suite(auto_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of the client's own judgement");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
