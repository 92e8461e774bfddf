// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flow that is charged with one RATE: when its samples count as busy, over a clock of the test's
 * own.
 */
#define __DISABLE_EXPORTS	/* vsc.ko has those of flow.c */

#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

static u64 stub_clock(void);

#define ktime_get_ns		stub_clock
#define vsc_session_busy	stub_session_busy

#include "vsc/demand/flow.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/time64.h>

#define INDEX		1	/* of the rate, among those of a class */
#define CEILING		((u64)1000 * 1000)
#define SECOND		((u64)NSEC_PER_SEC)

static struct {
	u64 now_ns;
	unsigned int told;	/* how often the session was told that there is something to do */
} world;

static u64 stub_clock(void)
{
	return world.now_ns;
}

void stub_session_busy(struct vsc_session *session)
{
	world.told++;
}

static struct vsc_flow *begin_flow(struct kunit *test)
{
	struct vsc_flow *flow = kunit_kzalloc(test, sizeof(*flow), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, flow);
	world.now_ns = 100 * SECOND;
	world.told = 0;
	vsc_flow_init(flow, NULL, INDEX);
	vsc_flow_set_ceiling(flow, CEILING);
	return flow;
}

/* Ten pieces in a second, @amount together, or a little more. */
static void arrive_for_a_second(struct vsc_flow *flow, u64 amount)
{
	for (unsigned int i = 0; i < 10; i++) {
		world.now_ns += SECOND / 10;
		vsc_flow_arrive(flow, amount / 10, amount / 10);
	}
}

/* A sample begins with the first piece, so what is judged here is the second one. */
static bool second_sample_is_idle(struct kunit *test, u64 amount)
{
	struct vsc_flow *flow = begin_flow(test);
	struct vsc_sample sample;

	arrive_for_a_second(flow, amount);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample_arrived(flow, &sample));
	arrive_for_a_second(flow, amount);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample_arrived(flow, &sample));
	KUNIT_EXPECT_EQ(test, sample.seen.served[INDEX], amount / 10 * 10);
	KUNIT_EXPECT_EQ(test, sample.seen.waited_ns, SECOND);
	KUNIT_EXPECT_EQ(test, sample.idle_ns, sample.seen.idle ? SECOND : 0);
	KUNIT_EXPECT_EQ(test, world.told, 1);
	return sample.seen.idle;
}

/* 1/20 less than the ceiling, and one of the ten pieces may still be on its way: 0.855 of it. */
static void what_arrives_is_busy_at_the_ceiling_alone(struct kunit *test)
{
	for (u64 permille = 10; permille <= 1000; permille += 10) {
		u64 amount = CEILING * permille / 1000;
		bool idle = second_sample_is_idle(test, amount);

		KUNIT_EXPECT_EQ_MSG(test, idle, amount + amount / 10 < CEILING * 19 / 20,
				    "%llu of 1000", permille);
	}
}

static void an_hour_and_more_of_a_large_ceiling_fits(struct kunit *test)
{
	struct vsc_flow *flow = begin_flow(test);
	struct vsc_sample sample;

	vsc_flow_set_ceiling(flow, U64_MAX / 3600);
	vsc_flow_arrive(flow, 1, 1);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample_arrived(flow, &sample));
	world.now_ns += 24 * 3600 * SECOND;
	vsc_flow_arrive(flow, 1, 1);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample_arrived(flow, &sample));
	KUNIT_EXPECT_TRUE(test, sample.seen.idle);
}

static void nothing_arrives_and_the_next_piece_tells_the_session(struct kunit *test)
{
	struct vsc_flow *flow = begin_flow(test);
	struct vsc_sample sample;

	vsc_flow_arrive(flow, 1, 1);
	KUNIT_EXPECT_EQ(test, world.told, 1);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample_arrived(flow, &sample));
	world.now_ns += SECOND;
	KUNIT_EXPECT_FALSE(test, vsc_flow_sample_arrived(flow, &sample));
	vsc_flow_arrive(flow, 1, 1);
	KUNIT_EXPECT_EQ(test, world.told, 2);
}

static void what_is_sent_is_busy_while_the_ring_holds_some(struct kunit *test)
{
	struct vsc_flow *flow = begin_flow(test);
	struct vsc_sample sample;

	vsc_flow_queue(flow, 100);
	vsc_flow_queue(flow, 200);
	KUNIT_EXPECT_EQ(test, world.told, 1);
	world.now_ns += SECOND;
	vsc_flow_serve(flow, 100, 100, 1);
	KUNIT_EXPECT_TRUE(test, vsc_flow_sample(flow, &sample));
	KUNIT_EXPECT_FALSE(test, sample.seen.idle);
	KUNIT_EXPECT_EQ(test, sample.seen.served[INDEX], 100);
	KUNIT_EXPECT_EQ(test, sample.seen.largest[INDEX], 200);
	world.now_ns += SECOND;
	vsc_flow_drop(flow, 1);
	KUNIT_EXPECT_FALSE(test, vsc_flow_sample(flow, &sample));
	KUNIT_EXPECT_TRUE(test, sample.seen.idle);
	KUNIT_EXPECT_EQ(test, sample.seen.served[INDEX], 0);
	/* The second in which a piece was served is over, and was the last full one. */
	KUNIT_EXPECT_EQ(test, vsc_flow_rate(flow), 100);
}

static void a_rate_is_of_the_last_full_second(struct kunit *test)
{
	struct vsc_flow *flow = begin_flow(test);

	arrive_for_a_second(flow, CEILING);
	world.now_ns += SECOND / 2;
	vsc_flow_arrive(flow, 1, 1);
	KUNIT_EXPECT_GT(test, vsc_flow_rate(flow), 0);
	KUNIT_EXPECT_LE(test, vsc_flow_rate(flow), CEILING);
	world.now_ns += 3 * SECOND;
	KUNIT_EXPECT_EQ(test, vsc_flow_rate(flow), 0);
}

static struct kunit_case flow_cases[] = {
	KUNIT_CASE(what_arrives_is_busy_at_the_ceiling_alone),
	KUNIT_CASE(an_hour_and_more_of_a_large_ceiling_fits),
	KUNIT_CASE(nothing_arrives_and_the_next_piece_tells_the_session),
	KUNIT_CASE(what_is_sent_is_busy_while_the_ring_holds_some),
	KUNIT_CASE(a_rate_is_of_the_last_full_second),
	{}
};

static struct kunit_suite flow_suite = {
	.name = "vsc_flow",
	.test_cases = flow_cases,
};

kunit_test_suite(flow_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: when a flow of a client's device counts as busy");
MODULE_LICENSE("GPL");
