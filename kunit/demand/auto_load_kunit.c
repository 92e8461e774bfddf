// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's own judgement under loads of every shape: constant, waves, ramps, random, and of
 * large requests.  In every run no two asks may come within the interval.
 */
#include "auto_fixture.h"

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

static struct kunit_case auto_load_cases[] = {
	KUNIT_CASE(no_constant_load_makes_it_oscillate),
	KUNIT_CASE(a_square_wave_is_not_followed_for_long),
	KUNIT_CASE(patience_is_short_again_after_a_long_time_without_need),
	KUNIT_CASE(a_slow_square_wave_is_followed),
	KUNIT_CASE(a_ramp_is_followed_both_ways),
	KUNIT_CASE(random_loads_keep_to_the_interval),
	KUNIT_CASE(large_requests_are_told_from_a_ceiling),
	KUNIT_CASE(the_share_of_the_window_is_what_was_set),
	{}
};

static struct kunit_suite auto_load_suite = {
	.name = "vsc_auto_load",
	.test_cases = auto_load_cases,
};

kunit_test_suite(auto_load_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of the client's own judgement under loads of every shape");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
