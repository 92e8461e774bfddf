/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device with a load, a provider that grants what it has, and between them what
 * vsc/demand/watch.c does, over a clock of the test's own: what the suites of the client's own
 * judgement share.
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

static inline u64 draw(struct world *world, u64 most)
{
	u64 random = ((u64)prandom_u32_state(&world->random) << 32) |
		     prandom_u32_state(&world->random);

	return random % (most + 1);
}

static inline u64 floor_of(const struct world *world, u32 index)
{
	return world->held.term[index].low;
}

static inline u64 ceiling_of(const struct world *world, u32 index)
{
	return world->held.term[index].high;
}

/* All or nothing, as the provider has it; what cannot be granted leaves all as it was. */
static inline void renegotiate(struct world *world)
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

static inline struct world *new_world(struct kunit *test, struct offer bandwidth, struct offer iops)
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
static inline struct world *new_disk(struct kunit *test, u64 floor, u64 ceiling)
{
	return new_world(test, (struct offer){ floor, ceiling }, (struct offer){ 0, 1000000 });
}

/* What the device does in a sample: whole requests, no more than its ceilings let through. */
static inline struct vsc_sample run_device(struct world *world, u64 ns)
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

static inline void note(struct world *world, enum vsc_auto_verdict verdict)
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
static inline bool judge(struct world *world, u64 ns)
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
static inline void step(struct world *world)
{
	u64 ns = SAMPLE_NS + draw(world, 5 * NSEC_PER_MSEC);

	world->now_ns += ns;
	if (judge(world, ns))
		renegotiate(world);
}

/* A constant load for so long. Returns how many asks it has led to. */
static inline unsigned int run(struct world *world, u64 demand, unsigned int seconds)
{
	u64 end = world->now_ns + seconds * NSEC_PER_SEC;
	unsigned int before = world->asks;

	world->demand = demand;
	while (world->now_ns < end)
		step(world);
	return world->asks - before;
}
