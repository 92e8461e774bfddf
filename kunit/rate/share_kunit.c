// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floors, ceilings and weights over one pool whose clients have something to do all the time.
 */
#include "share_fixture.h"

/*
 * Sixteen clients with random floors, which take all there is for floors, random weights and
 * sizes, so that each can still have a hundred requests a second by its floor.
 */
static void floors_and_ceilings_hold_beside_hostile_neighbours(struct kunit *test)
{
	struct world *world = new_world(test);

	for (int round = 0; round < 8; round++) {
		u64 left = CAPACITY - CAPACITY / 100, begin;

		world->clients = 0;
		world->pool = (struct vsp_share_pool){};
		vsp_share_pool_init(&world->pool, RATES);
		set_pool(world, CAPACITY, PLENTY, left);
		for (u32 i = 0; i < CLIENTS; i++) {
			u64 floor = i == CLIENTS - 1 ? left : draw(world, left / 3), most;

			floor = draw(world, 3) || i == CLIENTS - 1 ? floor : 0;
			left -= floor;
			most = floor ? clamp(floor / 100, 512, MIB) : 64 << 10;
			add(world, 1 + draw(world, 999), floor,
			    max(floor, MIB) + draw(world, CAPACITY), 512, most);
		}
		forget(world);
		begin = world->now_ns;
		run(test, world, 4 * NSEC_PER_SEC);
		for (u32 i = 0; i < CLIENTS; i++) {
			struct client *client = &world->client[i];

			check_floor(test, world, client, begin + NSEC_PER_SEC / 4, NSEC_PER_SEC);
			check_ceiling(test, world, client, NSEC_PER_SEC);
			check_ceiling(test, world, client, NSEC_PER_SEC / 10);
			KUNIT_EXPECT_GT(test, client->passed, 0);
		}
		KUNIT_EXPECT_LE(test, total(world), units(CAPACITY, 4 * NSEC_PER_SEC + BURST_NS) +
				CLIENTS * MIB);
	}
}

static void what_is_left_goes_by_weight_whatever_the_sizes(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *light = add(world, 100, 0, CAPACITY, 4096, 4096);
	const struct client *middle = add(world, 200, 0, CAPACITY, 512, 256 << 10);
	const struct client *heavy = add(world, 700, 0, CAPACITY, 65536, 65536);

	run(test, world, 20 * NSEC_PER_SEC);
	expect_ratio(test, total(world), units(CAPACITY, 20 * NSEC_PER_SEC), 1);
	expect_ratio(test, light->bytes, total(world) / 10, 4);
	expect_ratio(test, middle->bytes, total(world) / 5, 4);
	expect_ratio(test, heavy->bytes, total(world) * 7 / 10, 4);
}

static void floors_come_first_and_the_rest_by_weight(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *first = add(world, 100, CAPACITY / 2, CAPACITY, 4096, 65536);
	const struct client *other = add(world, 300, 0, CAPACITY, 4096, 65536);
	u64 all;

	run(test, world, 20 * NSEC_PER_SEC);
	all = total(world);
	expect_ratio(test, all, units(CAPACITY, 20 * NSEC_PER_SEC), 1);
	expect_ratio(test, first->bytes, all / 2 + all / 8, 4);
	expect_ratio(test, other->bytes, all * 3 / 8, 4);
}

static void who_is_at_its_ceiling_leaves_the_rest_to_others(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *low = add(world, 1000, 0, CAPACITY / 10, 4096, 65536);
	const struct client *rest = add(world, 1, 0, CAPACITY, 4096, 65536);

	run(test, world, 20 * NSEC_PER_SEC);
	expect_ratio(test, low->bytes, units(CAPACITY / 10, 20 * NSEC_PER_SEC), 2);
	expect_ratio(test, rest->bytes, units(CAPACITY, 20 * NSEC_PER_SEC) * 9 / 10, 2);
}

static void an_unused_floor_is_lent_and_given_back_at_once(struct kunit *test)
{
	struct world *world = new_world(test);
	struct client *owner = add(world, 1, CAPACITY * 9 / 10, CAPACITY, 4096, 65536);
	struct client *other = add(world, 1000, 0, CAPACITY, 4096, 65536);
	u64 begin;

	owner->away = true;
	run(test, world, 10 * NSEC_PER_SEC);
	expect_ratio(test, other->bytes, units(CAPACITY, 10 * NSEC_PER_SEC), 2);
	owner->away = false;
	owner->comes_ns = world->now_ns;
	forget(world);
	begin = world->now_ns;
	run(test, world, 10 * NSEC_PER_SEC);
	check_floor(test, world, owner, begin, NSEC_PER_SEC / 10);
	KUNIT_EXPECT_GT(test, other->bytes, units(CAPACITY, 10 * NSEC_PER_SEC) * 8 / 100);
}

/* All of the floors are used: there is still what is reserved. */
static void without_a_floor_there_is_progress(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *none[2];

	for (int i = 0; i < 9; i++)
		add(world, 1, CAPACITY * 11 / 100, CAPACITY, 4096, 65536);
	none[0] = add(world, 1000, 0, CAPACITY, 4096, 65536);
	none[1] = add(world, 500, 0, CAPACITY, 4096, 4096);
	run(test, world, 20 * NSEC_PER_SEC);
	KUNIT_EXPECT_GT(test, none[0]->bytes, units(CAPACITY, 20 * NSEC_PER_SEC) * 5 / 1000);
	KUNIT_EXPECT_GT(test, none[1]->bytes, units(CAPACITY, 20 * NSEC_PER_SEC) * 8 / 10000);
}

static void small_requests_do_not_starve_large_ones(struct kunit *test)
{
	struct world *world = new_world(test);
	const struct client *large;

	set_pool(world, 4 * MIB, PLENTY, 4 * MIB);
	large = add(world, 100, 0, 4 * MIB, MIB, MIB);
	for (int i = 0; i < 7; i++)
		add(world, 100, 0, 4 * MIB, 512, 4096);
	run(test, world, 40 * NSEC_PER_SEC);
	expect_ratio(test, large->bytes, total(world) / 8, 10);
	expect_ratio(test, total(world), 160 * MIB, 2);
}

/* One rate is short for some, the other for others: nobody waits for ever, in any order. */
static void two_rates_do_not_block_each_other(struct kunit *test)
{
	struct world *world = new_world(test);
	u64 bytes = 0, operations = 0;

	set_pool(world, 10 * MIB, 1000, 9 * MIB);
	for (u32 i = 0; i < CLIENTS; i++)
		add(world, 1 + draw(world, 999), i % 4 ? 0 : MIB, 10 * MIB,
		    i & 1 ? 512 : 128 << 10, i & 1 ? 1024 : 256 << 10);
	run(test, world, 20 * NSEC_PER_SEC);
	for (u32 i = 0; i < CLIENTS; i++) {
		KUNIT_EXPECT_GT(test, world->client[i].passed, 0);
		bytes += world->client[i].bytes;
		operations += world->client[i].passed;
	}
	KUNIT_EXPECT_LE(test, operations, 20 * 1000 + 1000 / 100 + CLIENTS);
	/* What the one leaves of a rate the other uses, but for what the large ones block. */
	KUNIT_EXPECT_GE(test, operations * 100 / 20000 + bytes * 100 / (200 * MIB), 120);
}

/*
 * Some have a floor in the one rate, and take the other whenever that opens; the other way
 * round for others: for who has none, both are hardly ever open at once.
 */
static void two_rates_that_open_in_turns_starve_nobody(struct kunit *test)
{
	struct world *world = new_world(test);
	u64 floors[RATES] = { 0, 100 }, ceilings[RATES] = { 10 * MIB, 1000 };
	struct client *large, *both;

	set_pool(world, 10 * MIB, 1000, 9 * MIB);
	for (u32 i = 0; i < 4; i++) {
		add(world, 100, MIB, 10 * MIB, 512, 512);
		large = add(world, 100, 0, 10 * MIB, 256 << 10, 256 << 10);
		vsp_share_set(&large->share, &world->pool, world->now_ns, floors, ceilings);
	}
	both = add(world, 100, 0, 10 * MIB, 65536, 65536);
	run(test, world, 20 * NSEC_PER_SEC);
	/* When it has waited for ten bursts of 10 ms, nobody else takes the surplus any more. */
	KUNIT_EXPECT_GE(test, both->passed, 150);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE_SLOW(floors_and_ceilings_hold_beside_hostile_neighbours),
	KUNIT_CASE_SLOW(what_is_left_goes_by_weight_whatever_the_sizes),
	KUNIT_CASE_SLOW(floors_come_first_and_the_rest_by_weight),
	KUNIT_CASE_SLOW(who_is_at_its_ceiling_leaves_the_rest_to_others),
	KUNIT_CASE_SLOW(an_unused_floor_is_lent_and_given_back_at_once),
	KUNIT_CASE_SLOW(without_a_floor_there_is_progress),
	KUNIT_CASE(small_requests_do_not_starve_large_ones),
	KUNIT_CASE(two_rates_do_not_block_each_other),
	KUNIT_CASE(two_rates_that_open_in_turns_starve_nobody),
	{}
};

static struct kunit_suite share_suite = {
	.name = "vsp_share",
	.test_cases = share_cases,
};

kunit_test_suite(share_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: floors, ceilings and weights over one pool");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
