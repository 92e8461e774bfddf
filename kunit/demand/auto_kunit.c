// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client's own judgement: what it asks for, gives back and takes back, and what it does
 * about a floor that is not kept.
 */
#include "auto_fixture.h"

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
