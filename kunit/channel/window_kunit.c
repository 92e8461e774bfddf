// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a floor kept? Windows over a clock of the test's own.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "vs_class.h"
#include "vs_network.h"
#include "vs_storage.h"
#include "vs_terms.h"
#include "vs_window.h"

#define SECOND		VS_WINDOW_NS
#define BANDWIDTH	VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)
#define IOPS		VS_STORAGE_INDEX(VS_STORAGE_IOPS)
#define TX		VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH)
#define RX		VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH)

struct rates {
	u64 floor;
	u64 ceiling;
};

static struct vs_terms *new_terms(struct kunit *test, struct rates bandwidth, struct rates iops)
{
	struct vs_terms *terms = kunit_kzalloc(test, sizeof(*terms), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, terms);
	vs_terms_unlimited(&vs_class_storage, terms);
	terms->term[BANDWIDTH].low = bandwidth.floor;
	terms->term[BANDWIDTH].high = bandwidth.ceiling;
	terms->term[IOPS].low = iops.floor;
	terms->term[IOPS].high = iops.ceiling;
	return terms;
}

/* In which somebody is held back all the time: how many requests there are does not matter. */
static void begin_window(struct vs_window *window)
{
	vs_window_begin(window, 5, false);
	window->waited_ns = U64_MAX;
}

/* A second with @count requests of @size bytes. */
static struct vs_window second(u64 count, u64 size)
{
	struct vs_window window;

	begin_window(&window);
	for (u64 i = 0; i < count; i++) {
		vs_window_count(&window, BANDWIDTH, size);
		vs_window_count(&window, IOPS, 1);
	}
	return window;
}

static bool violated(const struct vs_terms *terms, struct vs_window window)
{
	return vs_window_violated(&window, 5 + SECOND, &vs_class_storage, 0, terms);
}

static bool decides(const struct vs_terms *terms, const struct vs_window *window, u64 after_ns)
{
	return vs_window_decides(window, 5 + after_ns, &vs_class_storage, 0, terms);
}

static void a_floor_is_owed_but_for_one_request_and_two_percent(struct kunit *test)
{
	const struct vs_terms *terms = new_terms(test, (struct rates){ 4096000, 1 << 30 },
						 (struct rates){ 0, 1 << 30 });

	KUNIT_EXPECT_FALSE(test, violated(terms, second(1000, 4096)));
	KUNIT_EXPECT_FALSE(test, violated(terms, second(980, 4096)));
	KUNIT_EXPECT_FALSE(test, violated(terms, second(979, 4096)));
	KUNIT_EXPECT_TRUE(test, violated(terms, second(978, 4096)));
	KUNIT_EXPECT_TRUE(test, violated(terms, second(0, 0)));
	/* Three requests of a MiB, where 3.9 are owed. */
	KUNIT_EXPECT_FALSE(test, violated(terms, second(3, 1 << 20)));
	KUNIT_EXPECT_TRUE(test, violated(terms, second(2, 1 << 20)));
}

static void nothing_is_owed_without_a_floor_or_without_demand(struct kunit *test)
{
	const struct vs_terms *floor = new_terms(test, (struct rates){ 4096, 8192 },
						 (struct rates){ 1, 100 });
	const struct vs_terms *none = new_terms(test, (struct rates){ 0, 8192 },
						(struct rates){ 0, 100 });
	struct vs_window window = second(0, 0);

	KUNIT_EXPECT_FALSE(test, violated(none, window));
	KUNIT_EXPECT_TRUE(test, violated(new_terms(test, (struct rates){ 4096, 8192 },
						   (struct rates){ 0, 100 }), window));
	/* One operation a second is owed; so is none, but for the one at the edge. */
	KUNIT_EXPECT_TRUE(test, violated(floor, window));
	window.idle = true;
	KUNIT_EXPECT_FALSE(test, violated(floor, window));
}

static void one_floor_of_two_is_enough(struct kunit *test)
{
	const struct vs_terms *terms = new_terms(test, (struct rates){ 4096000, 1 << 30 },
						 (struct rates){ 1000, 1 << 20 });

	KUNIT_EXPECT_FALSE(test, violated(terms, second(1000, 512)));
	KUNIT_EXPECT_FALSE(test, violated(terms, second(100, 65536)));
	KUNIT_EXPECT_TRUE(test, violated(terms, second(900, 2048)));
}

static void who_is_at_a_ceiling_is_owed_no_more(struct kunit *test)
{
	const struct vs_terms *terms = new_terms(test, (struct rates){ 4096000, 1 << 30 },
						 (struct rates){ 0, 100 });

	KUNIT_EXPECT_FALSE(test, violated(terms, second(100, 512)));
	KUNIT_EXPECT_FALSE(test, violated(terms, second(98, 512)));
	KUNIT_EXPECT_TRUE(test, violated(terms, second(90, 512)));
}

static void a_window_is_over_after_a_second_and_owes_for_all_its_time(struct kunit *test)
{
	const struct vs_terms *terms = new_terms(test, (struct rates){ 1000, 1 << 30 },
						 (struct rates){ 0, 1 << 30 });
	struct vs_window window = second(150, 10);

	KUNIT_EXPECT_FALSE(test, decides(terms, &window, SECOND - 1));
	KUNIT_EXPECT_TRUE(test, decides(terms, &window, SECOND));
	KUNIT_EXPECT_FALSE(test, violated(terms, window));
	KUNIT_EXPECT_TRUE(test, vs_window_violated(&window, 5 + 2 * SECOND, &vs_class_storage,
						   0, terms));
	/* The largest numbers there are do not overflow. */
	terms = new_terms(test, (struct rates){ 1ULL << 50, 1ULL << 50 },
			  (struct rates){ 0, 1ULL << 40 });
	KUNIT_EXPECT_TRUE(test, vs_window_violated(&window, U64_MAX, &vs_class_storage, 0, terms));
}

/* A request that waits for a floor of less than one a second is no violation yet. */
static void a_floor_is_judged_when_it_is_worth_two_requests(struct kunit *test)
{
	const struct vs_terms *terms = new_terms(test, (struct rates){ 4096, 1 << 30 },
						 (struct rates){ 0, 1 << 30 });
	struct vs_window window = second(0, 0);

	vs_window_expect(&window, BANDWIDTH, 16384);
	vs_window_expect(&window, IOPS, 1);
	KUNIT_EXPECT_FALSE(test, decides(terms, &window, 8 * SECOND - 1));
	KUNIT_EXPECT_TRUE(test, decides(terms, &window, 8 * SECOND));
	KUNIT_EXPECT_TRUE(test, vs_window_violated(&window, 5 + 8 * SECOND, &vs_class_storage,
						   0, terms));
	vs_window_count(&window, BANDWIDTH, 16384);
	KUNIT_EXPECT_FALSE(test, vs_window_violated(&window, 5 + 8 * SECOND, &vs_class_storage,
						    0, terms));
	/* Never worth two: after ten seconds one is what it may be off by. */
	window = second(0, 0);
	vs_window_expect(&window, BANDWIDTH, 1 << 20);
	KUNIT_EXPECT_FALSE(test, decides(terms, &window, 10 * SECOND - 1));
	KUNIT_EXPECT_TRUE(test, decides(terms, &window, 10 * SECOND));
	KUNIT_EXPECT_FALSE(test, vs_window_violated(&window, 5 + 10 * SECOND, &vs_class_storage,
						    0, terms));
	/* What says nothing is not waited for. */
	KUNIT_EXPECT_TRUE(test, decides(NULL, &window, SECOND));
	window.idle = true;
	KUNIT_EXPECT_TRUE(test, decides(terms, &window, SECOND));
}

static bool flow_violated(const struct vs_terms *terms, const struct vs_window *window, u32 flow)
{
	return vs_window_violated(window, 5 + SECOND, &vs_class_network, flow, terms);
}

static bool flow_decides(const struct vs_terms *terms, const struct vs_window *window, u32 flow)
{
	return vs_window_decides(window, 5 + SECOND, &vs_class_network, flow, terms);
}

static void a_rate_of_another_flow_does_not_count(struct kunit *test)
{
	struct vs_terms *terms = kunit_kzalloc(test, sizeof(*terms), GFP_KERNEL);
	struct vs_window window;

	KUNIT_ASSERT_NOT_NULL(test, terms);
	vs_terms_unlimited(&vs_class_network, terms);
	terms->term[TX].low = 4096000;
	/* Neither its floor, whether kept or not, ... */
	begin_window(&window);
	KUNIT_EXPECT_TRUE(test, flow_violated(terms, &window, VS_NETWORK_TX));
	KUNIT_EXPECT_FALSE(test, flow_violated(terms, &window, VS_NETWORK_RX));
	vs_window_count(&window, RX, 4096000);
	KUNIT_EXPECT_TRUE(test, flow_violated(terms, &window, VS_NETWORK_TX));
	/* ... nor its ceiling, ... */
	terms->term[RX].high = 4096000;
	KUNIT_EXPECT_TRUE(test, flow_violated(terms, &window, VS_NETWORK_TX));
	vs_window_count(&window, TX, 4096000);
	KUNIT_EXPECT_FALSE(test, flow_violated(terms, &window, VS_NETWORK_TX));
	/* ... nor that one request of it is more than its floor's worth. */
	terms->term[RX].low = 4096;
	begin_window(&window);
	vs_window_expect(&window, RX, 65536);
	KUNIT_EXPECT_FALSE(test, flow_decides(terms, &window, VS_NETWORK_RX));
	KUNIT_EXPECT_TRUE(test, flow_decides(terms, &window, VS_NETWORK_TX));
}

/* A second in which @depth requests of @size bytes were outstanding, each for @latency_us. */
static struct vs_window busy_second(u64 depth, u64 size, u64 latency_us)
{
	struct vs_window window = second(depth * 1000000 / latency_us, size);
	u64 since_ns = 0;

	window.waited_ns = 0;
	window.requests = depth * 1000000 / latency_us;
	vs_window_depth(&window, depth, &since_ns, 5 + SECOND);
	return window;
}

/* As busy_second(): is it a violation?  A function of its own, for the size of the stack. */
static noinline bool busy_violated(const struct vs_terms *terms, u64 depth, u64 size,
				   u64 latency_us)
{
	return violated(terms, busy_second(depth, size, latency_us));
}

static void a_floor_is_owed_to_who_asks_for_enough_at_a_time(struct kunit *test)
{
	struct vs_terms *terms = new_terms(test, (struct rates){ 64 << 20, 1 << 30 },
					   (struct rates){ 0, 1 << 30 });

	/* 64 MiB/s is 655 KiB in 10 ms. Two small requests, however slow the source is ... */
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 2, 4096, 500));
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 2, 4096, 100000));
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 32, 16384, 20000));
	/* ... and enough of them, or large ones, of a source that is too slow, or is not. */
	KUNIT_EXPECT_TRUE(test, busy_violated(terms, 48, 16384, 20000));
	KUNIT_EXPECT_TRUE(test, busy_violated(terms, 2, 1 << 20, 50000));
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 48, 16384, 9000));
	/* Of two floors, that of the operations is. */
	terms->term[IOPS].low = 1000;
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 9, 512, 20000));
	KUNIT_EXPECT_TRUE(test, busy_violated(terms, 11, 512, 20000));
	KUNIT_EXPECT_FALSE(test, busy_violated(terms, 11, 512, 10000));
}

static void a_floor_is_owed_to_who_waits_for_enough(struct kunit *test)
{
	struct vs_terms *terms = new_terms(test, (struct rates){ 64 << 20, 1 << 30 },
					   (struct rates){ 0, 1 << 30 });
	struct vs_window window;

	/* Nothing is done at all: it is the largest that is outstanding. */
	window = busy_second(2, 4096, 4000000);
	vs_window_expect(&window, BANDWIDTH, 4096);
	KUNIT_EXPECT_FALSE(test, violated(terms, window));
	vs_window_expect(&window, BANDWIDTH, 512 << 10);
	KUNIT_EXPECT_TRUE(test, violated(terms, window));

	/* Held back for three quarters of the time, few are enough for the rest. */
	window = busy_second(10, 16384, 20000);
	KUNIT_EXPECT_FALSE(test, violated(terms, window));
	window.waited_ns = SECOND / 4 * 3;
	KUNIT_EXPECT_FALSE(test, violated(terms, window));
	window.waited_ns = SECOND / 5 * 4;
	KUNIT_EXPECT_TRUE(test, violated(terms, window));
	/* The largest numbers there are do not overflow. */
	window.depth_ns = U64_MAX;
	window.requests = 0;
	KUNIT_EXPECT_TRUE(test, violated(terms, window));
}

static void a_window_goes_on_with_all_that_was_seen(struct kunit *test)
{
	struct vs_window window, part = busy_second(4, 4096, 1000);

	vs_window_begin(&window, 5, true);
	vs_window_join(&window, &part);
	part.waited_ns = 7;
	vs_window_join(&window, &part);
	KUNIT_EXPECT_EQ(test, window.depth_ns, 8 * SECOND);
	KUNIT_EXPECT_EQ(test, window.requests, 8000);
	KUNIT_EXPECT_EQ(test, window.waited_ns, 7);
}

static struct kunit_case window_cases[] = {
	KUNIT_CASE(a_floor_is_owed_but_for_one_request_and_two_percent),
	KUNIT_CASE(nothing_is_owed_without_a_floor_or_without_demand),
	KUNIT_CASE(one_floor_of_two_is_enough),
	KUNIT_CASE(who_is_at_a_ceiling_is_owed_no_more),
	KUNIT_CASE(a_window_is_over_after_a_second_and_owes_for_all_its_time),
	KUNIT_CASE(a_floor_is_judged_when_it_is_worth_two_requests),
	KUNIT_CASE(a_floor_is_owed_to_who_asks_for_enough_at_a_time),
	KUNIT_CASE(a_floor_is_owed_to_who_waits_for_enough),
	KUNIT_CASE(a_window_goes_on_with_all_that_was_seen),
	KUNIT_CASE(a_rate_of_another_flow_does_not_count),
	{}
};

static struct kunit_suite window_suite = {
	.name = "vs_window",
	.test_cases = window_cases,
};

kunit_test_suite(window_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: is a floor kept?");
MODULE_LICENSE("GPL");
