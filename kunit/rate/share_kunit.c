// SPDX-License-Identifier: GPL-2.0-only
/*
 * Floors, ceilings and weights over one pool, on a clock of the test's own: clients that
 * always have another request, of any size, whose movers and timers are late.  Every request
 * that passes is written down, and every window of what was written is checked.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include "vs_compat.h"

#include "vsp/rate/share.h"

#define CLIENTS		16
#define LOG_MAX		400000
#define BURST_NS	(10 * NSEC_PER_MSEC)
#define MIB		((u64)SZ_1M)
#define CAPACITY	(100 * MIB)
#define RATES		2
#define PLENTY		((u64)SZ_1G << 10)

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random loads; 0: draw one");

enum { BYTES, OPERATIONS };

struct entry {
	u64 at_ns;
	u64 bytes;
	u32 client;
};

/*
 * struct client - one contract, and its load
 * @share: first, as the world finds its client by it
 * @floor: bytes a second
 * @ceiling: bytes a second
 * @iops: ceiling
 * @least: bytes of a request
 * @most: likewise
 * @away: it does not ask any more
 * @comes_ns: when its mover asks; U64_MAX while it waits
 * @cost: of its next request, once it has asked for it
 * @asked: it has
 * @bytes: that have passed
 * @passed: requests
 */
struct client {
	struct vsp_share share;
	u64 floor;
	u64 ceiling;
	u64 iops;
	u64 least;
	u64 most;
	bool away;
	u64 comes_ns;
	u64 cost[RATES];
	bool asked;
	u64 bytes;
	u64 passed;
};

/* A pool and its clients; timer_late_ns and mover_late_ns are what these are late at most. */
struct world {
	struct rnd_state random;
	struct vsp_share_pool pool;
	struct client client[CLIENTS];
	unsigned int clients;
	u64 timer_late_ns;
	u64 mover_late_ns;
	u64 now_ns;
	u64 next_ns;
	unsigned int count;
	struct entry entry[LOG_MAX];
};

KUNIT_DEFINE_ACTION_WRAPPER(free_world, kvfree, const void *);

static u64 draw(struct world *world, u64 most)
{
	u64 random = ((u64)prandom_u32_state(&world->random) << 32) |
		     prandom_u32_state(&world->random);

	return most ? random % (most + 1) : 0;
}

static void set_pool(struct world *world, u64 bytes, u64 operations, u64 limit)
{
	u64 capacity[RATES] = { bytes, operations }, limits[RATES] = { limit, operations };

	vsp_share_pool_set(&world->pool, world->now_ns, capacity, limits, BURST_NS);
}

static struct world *new_world(struct kunit *test)
{
	struct world *world = kvzalloc(sizeof(*world), GFP_KERNEL);
	u32 drawn = seed ? seed : get_random_u32();

	KUNIT_ASSERT_NOT_NULL(test, world);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_world, world), 0);
	kunit_info(test, "seed=%u", drawn);
	prandom_seed_state(&world->random, drawn);
	world->now_ns = NSEC_PER_SEC + draw(world, 1ULL << 50);
	world->next_ns = U64_MAX;
	world->timer_late_ns = 200 * NSEC_PER_USEC;
	world->mover_late_ns = 100 * NSEC_PER_USEC;
	vsp_share_pool_init(&world->pool, RATES);
	set_pool(world, CAPACITY, PLENTY, CAPACITY - CAPACITY / 100);
	return world;
}

/* A client of @weight that always has a request of @least..@most bytes. */
static struct client *add(struct world *world, u32 weight, u64 floor, u64 ceiling, u64 least,
			  u64 most)
{
	struct client *client = &world->client[world->clients++];
	u64 floors[RATES] = { floor, 0 }, ceilings[RATES] = { ceiling, PLENTY };

	*client = (struct client){
		.floor = floor, .ceiling = ceiling, .iops = PLENTY, .least = least, .most = most,
		.comes_ns = world->now_ns,
	};
	vsp_share_init(&client->share, weight);
	vsp_share_set(&client->share, &world->pool, world->now_ns, floors, ceilings);
	return client;
}

static void change(struct world *world, struct client *client, u64 floor, u64 ceiling)
{
	u64 floors[RATES] = { floor, 0 }, ceilings[RATES] = { ceiling, client->iops };

	client->floor = floor;
	client->ceiling = ceiling;
	vsp_share_set(&client->share, &world->pool, world->now_ns, floors, ceilings);
}

static void passed(struct kunit *test, struct world *world, struct client *client)
{
	KUNIT_ASSERT_LT(test, world->count, LOG_MAX);
	world->entry[world->count++] = (struct entry){
		world->now_ns, client->cost[BYTES], client - world->client,
	};
	client->bytes += client->cost[BYTES];
	client->passed++;
}

/* As whoever has asked does: the waiters that may pass now do. */
static void let_pass(struct kunit *test, struct world *world)
{
	struct vsp_share *share;

	while ((share = vsp_share_next(&world->pool, world->now_ns, &world->next_ns))) {
		struct client *client = container_of(share, struct client, share);

		passed(test, world, client);
		client->comes_ns = world->now_ns + draw(world, world->mover_late_ns);
	}
}

static void come(struct kunit *test, struct world *world, struct client *client)
{
	bool paid = client->share.state == VSP_SHARE_PAID;

	client->comes_ns = U64_MAX;
	if (client->away)
		return;
	if (!client->asked) {
		client->cost[BYTES] = client->least + draw(world, client->most - client->least);
		client->cost[OPERATIONS] = 1;
	}
	client->asked = !vsp_share_ask(&client->share, world->now_ns, client->cost);
	if (client->asked) {
		KUNIT_ASSERT_FALSE(test, paid);
	} else {
		if (!paid)
			passed(test, world, client);
		client->comes_ns = world->now_ns + draw(world, world->mover_late_ns / 16);
	}
	let_pass(test, world);
}

static void run(struct kunit *test, struct world *world, u64 for_ns)
{
	u64 end = world->now_ns + for_ns;

	let_pass(test, world);
	while (world->now_ns < end) {
		struct client *first = &world->client[0];

		for (unsigned int i = 1; i < world->clients; i++)
			if (world->client[i].comes_ns < first->comes_ns)
				first = &world->client[i];
		if (min(first->comes_ns, world->next_ns) >= end)
			break;
		if (first->comes_ns <= world->next_ns) {
			world->now_ns = max(world->now_ns, first->comes_ns);
			come(test, world, first);
		} else {
			world->now_ns = max(world->now_ns, world->next_ns) +
					draw(world, world->timer_late_ns);
			let_pass(test, world);
		}
	}
	world->now_ns = max(world->now_ns, end);
}

/* From here on. */
static void forget(struct world *world)
{
	world->count = 0;
	for (unsigned int i = 0; i < world->clients; i++) {
		world->client[i].bytes = 0;
		world->client[i].passed = 0;
	}
}

/* ---- What is checked ---- */

static u64 units(u64 rate, u64 ns)
{
	return mul_u64_u64_div_u64(rate, ns, NSEC_PER_SEC);
}

/* No window of @window_ns, both its ends included, has more of @client than it may. */
static void check_ceiling(struct kunit *test, const struct world *world,
			  const struct client *client, u64 window_ns)
{
	u64 most = units(client->ceiling, window_ns + BURST_NS) + client->most + 2, sum = 0;
	u32 index = client - world->client, first = 0;

	for (unsigned int last = 0; last < world->count; last++) {
		if (world->entry[last].client != index)
			continue;
		sum += world->entry[last].bytes;
		for (; world->entry[last].at_ns - world->entry[first].at_ns > window_ns; first++)
			if (world->entry[first].client == index)
				sum -= world->entry[first].bytes;
		KUNIT_ASSERT_LE_MSG(test, sum, most, "client %u, ceiling %llu", index,
				    client->ceiling);
	}
}

/* In no window of @window_ns from @begin_ns on a floor is kept by less than 98 percent. */
static void check_floor(struct kunit *test, const struct world *world,
			const struct client *client, u64 begin_ns, u64 window_ns)
{
	u64 owed = units(client->floor, window_ns) * 98 / 100, sum = 0;
	u32 index = client - world->client;
	u64 end = begin_ns + window_ns;

	for (unsigned int i = 0; i < world->count; i++) {
		const struct entry *entry = &world->entry[i];

		for (; entry->at_ns >= end; end += window_ns) {
			KUNIT_ASSERT_GE_MSG(test, sum + client->most, owed,
					    "client %u, floor %llu", index, client->floor);
			sum = 0;
		}
		if (entry->client == index)
			sum += entry->bytes;
	}
}

static u64 total(const struct world *world)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < world->clients; i++)
		sum += world->client[i].bytes;
	return sum;
}

/* Is @part/@whole what it should be, within @percent? */
static void expect_ratio(struct kunit *test, u64 is, u64 should, unsigned int percent)
{
	KUNIT_EXPECT_GE(test, is * 100, should * (100 - percent));
	KUNIT_EXPECT_LE(test, is * 100, should * (100 + percent));
}

/* ---- Tests ---- */

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
	KUNIT_EXPECT_GT(test, none[1]->bytes, units(CAPACITY, 20 * NSEC_PER_SEC) * 15 / 10000);
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
	KUNIT_CASE(who_was_idle_has_saved_nothing_up),
	KUNIT_CASE_SLOW(who_does_not_come_back_costs_one_request),
	KUNIT_CASE_SLOW(too_many_floors_all_get_the_same_part),
	KUNIT_CASE_SLOW(a_change_counts_at_once),
	KUNIT_CASE_SLOW(the_ceiling_is_met_from_the_first_second_on),
	KUNIT_CASE(a_request_that_is_gone_leaves_its_place),
	KUNIT_CASE(extremes_do_not_overflow),
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
