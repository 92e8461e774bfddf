// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floors, ceilings and weights over one pool whose clients come, go and change, from the first
 * moment on, and at the ends of what can be counted.
 */
#include "share_fixture.h"

/* However long it was idle, it gets no more than its part from here on. */
static void who_was_idle_has_saved_nothing_up(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *busy = add(world, 100, 0, CAPACITY, 65536, 65536);
	struct client *idle = add(world, 100, 0, CAPACITY, 65536, 65536);

	idle->away = true;
	run(test, world, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, idle->passed, 0);
	idle->away = false;
	idle->comes_ns = world->now_ns;
	forget(world);
	run(test, world, NSEC_PER_SEC);
	expect_ratio(test, idle->bytes, busy->bytes, 5);
}

static void who_does_not_come_back_costs_one_request(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *stopped = add(world, 1000, 0, CAPACITY, 65536, 65536);
	const struct client *other = add(world, 1, 0, CAPACITY, 4096, 65536);
	u64 bytes;

	while (stopped->share.state != VSP_SHARE_WAITING)
		run(test, world, NSEC_PER_MSEC / 10);
	/* Its mover is stopped: it waits, is let pass, and does not hear of it. */
	bytes = stopped->bytes;
	stopped->away = true;
	forget(world);
	run(test, world, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, stopped->share.state, VSP_SHARE_PAID);
	KUNIT_EXPECT_LE(test, stopped->bytes, 65536);
	expect_ratio(test, other->bytes, units(CAPACITY, 10 * NSEC_PER_SEC), 2);
	/* It comes back, and its request passes at once, without another charge. */
	bytes = stopped->bytes;
	KUNIT_EXPECT_TRUE(test, vsp_share_ask(&stopped->share, world->now_ns, stopped->cost));
	KUNIT_EXPECT_EQ(test, bytes, stopped->bytes);
	KUNIT_EXPECT_EQ(test, stopped->share.state, VSP_SHARE_IDLE);
}

static void too_many_floors_all_get_the_same_part(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *large = add(world, 1, CAPACITY * 6 / 10, CAPACITY, 4096, 16384);
	const struct client *small = add(world, 1, CAPACITY * 3 / 10, CAPACITY, 4096, 16384);

	set_pool(world, CAPACITY / 3, PLENTY, CAPACITY * 3 / 10);
	run(test, world, NSEC_PER_SEC);
	forget(world);
	run(test, world, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_LE(test, total(world), units(CAPACITY / 3, 10 * NSEC_PER_SEC + BURST_NS) +
			2 * MIB);
	KUNIT_EXPECT_GE(test, large->bytes, units(CAPACITY, 10 * NSEC_PER_SEC) * 19 / 100);
	KUNIT_EXPECT_GE(test, small->bytes, units(CAPACITY, 10 * NSEC_PER_SEC) * 9 / 100);
}

static void a_change_counts_at_once(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *client = add(world, 1, 0, CAPACITY / 2, 4096, 16384);

	for (int round = 0; round < 20; round++) {
		u64 ceiling = MIB + draw(world, CAPACITY / 2);

		run(test, world, NSEC_PER_SEC / 10 + draw(world, NSEC_PER_SEC / 10));
		change(world, client, 0, ceiling);
		forget(world);
		run(test, world, NSEC_PER_SEC);
		check_ceiling(test, world, client, NSEC_PER_SEC);
		check_ceiling(test, world, client, NSEC_PER_SEC / 10);
		expect_ratio(test, client->bytes, ceiling, 2);
	}
}

/* A tenth of a second is off by three percent at the most, or by one request. */
static void check_tenths(struct kunit *test, const struct world *world,
			 const struct client *client, u64 begin_ns)
{
	u64 wanted = client->ceiling / 10, sum[10] = {}, tenth;

	for (unsigned int i = 0; i < world->count; i++) {
		tenth = div_u64(world->entry[i].at_ns - begin_ns, NSEC_PER_SEC / 10);
		/* A timer may be late at the end, too. */
		sum[min(tenth, ARRAY_SIZE(sum) - 1)] += world->entry[i].bytes;
	}
	for (int i = 0; i < ARRAY_SIZE(sum); i++)
		KUNIT_EXPECT_LE_MSG(test, max(sum[i], wanted) - min(sum[i], wanted),
				    wanted * 3 / 100 + client->most, "tenth %d of %llu: %llu", i,
				    client->ceiling, sum[i]);
}

/* The first second, and every other, under a steady load, and the tenths of those. */
static void the_ceiling_is_met_from_the_first_second_on(struct kunit *test)
{
	static const u64 sizes[] = { 4096, 16384, 65536 };
	static const u64 ceilings[] = { 8 * MIB, 40 * MIB, 95 * MIB };
	struct world *world = new_world(test);

	for (int i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(ceilings); i++) {
		u64 size = sizes[i % ARRAY_SIZE(sizes)], ceiling = ceilings[i / ARRAY_SIZE(sizes)];
		struct client *client;

		world->clients = 0;
		vsp_share_pool_init(&world->pool, RATES);
		set_pool(world, CAPACITY, PLENTY, CAPACITY);
		client = add(world, 1, 0, ceiling, size, size);
		for (int second = 0; second < 4; second++) {
			u64 off, slack = size, begin = world->now_ns;

			forget(world);
			run(test, world, NSEC_PER_SEC);
			off = max(client->bytes, ceiling) - min(client->bytes, ceiling);
			if (second)
				check_tenths(test, world, client, begin);
			else
				slack += ceiling / 100;
			KUNIT_EXPECT_LE_MSG(test, off, ceiling / 200 + slack,
					    "second %d of %llu with %llu: %llu", second, ceiling,
					    size, client->bytes);
		}
	}
}

static void a_request_that_is_gone_leaves_its_place(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *one = add(world, 1, 0, CAPACITY, 65536, 65536);
	u64 cost[RATES] = { MIB, 1 }, other[RATES] = { 512, 1 }, next;

	while (vsp_share_ask(&one->share, world->now_ns, cost))
		;
	KUNIT_EXPECT_EQ(test, one->share.state, VSP_SHARE_WAITING);
	KUNIT_EXPECT_FALSE(test, vsp_share_ask(&one->share, world->now_ns, cost));
	KUNIT_EXPECT_FALSE(test, vsp_share_ask(&one->share, world->now_ns, other));
	KUNIT_EXPECT_EQ(test, one->share.cost[BYTES], 512);
	vsp_share_leave(&one->share);
	KUNIT_EXPECT_EQ(test, one->share.state, VSP_SHARE_IDLE);
	KUNIT_EXPECT_NULL(test, vsp_share_next(&world->pool, world->now_ns, &next));
	KUNIT_EXPECT_EQ(test, next, U64_MAX);
	/* What it is let pass for is what it has asked for, not another. */
	KUNIT_EXPECT_FALSE(test, vsp_share_ask(&one->share, world->now_ns, other));
	world->now_ns += NSEC_PER_SEC;
	KUNIT_EXPECT_PTR_EQ(test, vsp_share_next(&world->pool, world->now_ns, &next), &one->share);
	KUNIT_EXPECT_TRUE(test, vsp_share_ask(&one->share, world->now_ns, cost));
	KUNIT_EXPECT_GT(test, one->share.ceiling[BYTES].arrival_ns, world->now_ns);
	vsp_share_stop(&one->share, world->now_ns);
	vsp_share_stop(&one->share, world->now_ns);
	KUNIT_EXPECT_FALSE(test, vsp_share_ask(&one->share, world->now_ns, other));
	KUNIT_EXPECT_TRUE(test, list_empty(&world->pool.shares));
}

/* Its owner comes late, and finds it paid for: at the time at which it may pass, or at once. */
static void a_request_waits_without_its_owner(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *one = add(world, 1, 0, CAPACITY, 65536, 65536);
	u64 cost[RATES] = { 4096, 1 }, at, next;

	/* Nobody begins with a burst. */
	world->now_ns += NSEC_PER_SEC;
	vsp_share_wait(&one->share, world->now_ns, cost);
	KUNIT_EXPECT_EQ(test, one->share.state, VSP_SHARE_WAITING);
	KUNIT_EXPECT_PTR_EQ(test, vsp_share_next(&world->pool, world->now_ns, &next), &one->share);
	KUNIT_EXPECT_TRUE(test, vsp_share_ask(&one->share, world->now_ns, cost));
	while (vsp_share_ask(&one->share, world->now_ns, cost))
		;
	/* It takes the place of the one that waits. */
	vsp_share_wait(&one->share, world->now_ns, cost);
	KUNIT_EXPECT_NULL(test, vsp_share_next(&world->pool, world->now_ns, &at));
	KUNIT_ASSERT_LT(test, at, U64_MAX);
	KUNIT_EXPECT_NULL(test, vsp_share_next(&world->pool, at - 1, &next));
	KUNIT_EXPECT_PTR_EQ(test, vsp_share_next(&world->pool, at, &next), &one->share);
	KUNIT_EXPECT_TRUE(test, list_empty(&world->pool.waiters));
	KUNIT_EXPECT_TRUE(test, vsp_share_ask(&one->share, at + NSEC_PER_SEC, cost));
	KUNIT_EXPECT_EQ(test, one->share.since_ns, world->now_ns);
}

static void extremes_do_not_overflow(struct kunit *test)
{
	static const u64 values[] = { 1, 4096, 1ULL << 50, U64_MAX };
	struct world *world = new_world(test);

	for (int i = 0; i < ARRAY_SIZE(values) * ARRAY_SIZE(values); i++) {
		u64 rate = values[i % ARRAY_SIZE(values)], bytes = values[i / ARRAY_SIZE(values)];
		u64 cost[RATES] = { bytes, 1 }, next;
		struct client *client[2];

		world->clients = 0;
		vsp_share_pool_init(&world->pool, RATES);
		set_pool(world, rate, rate, rate);
		client[0] = add(world, 1, rate, rate, bytes, bytes);
		client[1] = add(world, VSP_SHARE_WEIGHT_MAX, rate, rate, bytes, bytes);
		for (int n = 0; n < 8; n++) {
			vsp_share_ask(&client[n & 1]->share, world->now_ns, cost);
			while (vsp_share_next(&world->pool, world->now_ns, &next))
				;
			KUNIT_EXPECT_GT(test, next, world->now_ns);
			world->now_ns = min(next, world->now_ns + NSEC_PER_SEC);
		}
	}
}

static struct kunit_case share_change_cases[] = {
	KUNIT_CASE(who_was_idle_has_saved_nothing_up),
	KUNIT_CASE_SLOW(who_does_not_come_back_costs_one_request),
	KUNIT_CASE_SLOW(too_many_floors_all_get_the_same_part),
	KUNIT_CASE_SLOW(a_change_counts_at_once),
	KUNIT_CASE_SLOW(the_ceiling_is_met_from_the_first_second_on),
	KUNIT_CASE(a_request_that_is_gone_leaves_its_place),
	KUNIT_CASE(a_request_waits_without_its_owner),
	KUNIT_CASE(extremes_do_not_overflow),
	{}
};

static struct kunit_suite share_change_suite = {
	.name = "vsp_share_change",
	.test_cases = share_change_cases,
};

kunit_test_suite(share_change_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: floors, ceilings and weights as clients come, go and change");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
