/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool and its clients, on a clock of the test's own: what the suites of vsp/rate/share.c
 * share.  The clients always have another request, of any size, and their movers and timers are
 * late.  Every request that passes is written down, and every window of what was written is
 * checked.
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

static inline u64 draw(struct world *world, u64 most)
{
	u64 random = ((u64)prandom_u32_state(&world->random) << 32) |
		     prandom_u32_state(&world->random);

	return most ? random % (most + 1) : 0;
}

static inline void set_pool(struct world *world, u64 bytes, u64 operations, u64 limit)
{
	u64 capacity[RATES] = { bytes, operations }, limits[RATES] = { limit, operations };

	vsp_share_pool_set(&world->pool, world->now_ns, capacity, limits, BURST_NS);
}

static inline struct world *new_world(struct kunit *test)
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
static inline struct client *add(struct world *world, u32 weight, u64 floor, u64 ceiling, u64 least,
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

static inline void change(struct world *world, struct client *client, u64 floor, u64 ceiling)
{
	u64 floors[RATES] = { floor, 0 }, ceilings[RATES] = { ceiling, client->iops };

	client->floor = floor;
	client->ceiling = ceiling;
	vsp_share_set(&client->share, &world->pool, world->now_ns, floors, ceilings);
}

static inline void passed(struct kunit *test, struct world *world, struct client *client)
{
	KUNIT_ASSERT_LT(test, world->count, LOG_MAX);
	world->entry[world->count++] = (struct entry){
		world->now_ns, client->cost[BYTES], client - world->client,
	};
	client->bytes += client->cost[BYTES];
	client->passed++;
}

/* As whoever has asked does: the waiters that may pass now do. */
static inline void let_pass(struct kunit *test, struct world *world)
{
	struct vsp_share *share;

	while ((share = vsp_share_next(&world->pool, world->now_ns, &world->next_ns))) {
		struct client *client = container_of(share, struct client, share);

		passed(test, world, client);
		client->comes_ns = world->now_ns + draw(world, world->mover_late_ns);
	}
}

static inline void come(struct kunit *test, struct world *world, struct client *client)
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

static inline void run(struct kunit *test, struct world *world, u64 for_ns)
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
static inline void forget(struct world *world)
{
	world->count = 0;
	for (unsigned int i = 0; i < world->clients; i++) {
		world->client[i].bytes = 0;
		world->client[i].passed = 0;
	}
}

/* ---- What is checked ---- */

static inline u64 units(u64 rate, u64 ns)
{
	return mul_u64_u64_div_u64(rate, ns, NSEC_PER_SEC);
}

/* No window of @window_ns, both its ends included, has more of @client than it may. */
static inline void check_ceiling(struct kunit *test, const struct world *world,
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
static inline void check_floor(struct kunit *test, const struct world *world,
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

static inline u64 total(const struct world *world)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < world->clients; i++)
		sum += world->client[i].bytes;
	return sum;
}

/* Is @part/@whole what it should be, within @percent? */
static inline void expect_ratio(struct kunit *test, u64 is, u64 should, unsigned int percent)
{
	KUNIT_EXPECT_GE(test, is * 100, should * (100 - percent));
	KUNIT_EXPECT_LE(test, is * 100, should * (100 + percent));
}
