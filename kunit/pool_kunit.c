// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission and what happens when a capacity changes, without configfs and sessions:
 * vsp/pool.c and vsp/pool_divide.c themselves, over a class that is made here, in random
 * sequences of what services and administrators do.
 */

/* Not exported by vsp.ko: this module has its own copy, and what it calls, below. */
#include "../vsp/pool.c"
#include "../vsp/pool_divide.c"
#include "../vsp/allocate.c"

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define STEPS		4000
#define SERVICES	6
#define SETS		3	/* in force, pending, fallback */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random steps; 0: draw one");

enum { KEPT, RATE, SPACE, TERMS };

static const struct vs_term_spec terms[TERMS] = {
	{ .id = 1, .kind = VS_KIND_SPACE, .flags = VS_TERM_KEPT, .name = "kept", .unit = "bytes",
	  .lowest = 1, .highest = 1 << 20, .step = 1 },
	{ .id = 3, .kind = VS_KIND_RATE, .name = "rate", .unit = "1/s", .lowest = 1,
	  .highest = 1 << 20, .step = 1 },
	{ .id = 4, .kind = VS_KIND_SPACE, .name = "space", .unit = "bytes", .highest = 1 << 20,
	  .step = 1 },
};

static const struct vs_class_spec spec = {
	.id = 1, .name = "test", .count = TERMS, .term = terms, .queues = 1, .queue_size = 16,
};

/* A service, and the contracts that its session would have. */
struct holder {
	struct vsp_service service;
	struct vsp_contract set[SETS];
	bool present[SETS];
	u64 kept;
	unsigned int invited;
	unsigned int called;
};

enum { IN_FORCE, PENDING, FALLBACK };

struct fixture {
	struct rnd_state random;
	struct vsp_pool pool;
	struct holder holder[SERVICES];
	struct vs_terms ask;
	struct vs_terms grant;
	struct vs_terms offer;
};

static bool class_missing;
static int open_error;
static unsigned int opened;
static struct delayed_work *queued;

static struct holder *holder_of(struct vsp_service *service)
{
	return container_of(service, struct holder, service);
}

/* ---- The class, and what vsp/pool.c calls of other files ---- */

static int pool_open(struct vsp_pool *pool)
{
	if (!open_error) {
		opened++;
		if (!pool->capacity_set[KEPT])
			pool->capacity[KEPT] = 5000;
	}
	return open_error;
}

static void pool_close(struct vsp_pool *pool)
{
	opened--;
}

static void limits(struct vsp_service *service, struct vs_terms *terms)
{
}

static u64 kept(struct vsp_service *service, u32 index)
{
	return index == KEPT ? holder_of(service)->kept : 0;
}

static const struct vsp_class class = {
	.spec = &spec, .owner = THIS_MODULE, .pool_open = pool_open, .pool_close = pool_close,
	.limits = limits, .kept = kept,
};

const struct vsp_class *vsp_class_get(const struct vs_class_spec *spec)
{
	return class_missing ? NULL : &class;
}

void vsp_class_put(const struct vsp_class *class)
{
}

void vsp_rates_pool_init(struct vsp_pool *pool)
{
}

void vsp_rates_pool_changed(struct vsp_pool *pool)
{
	lockdep_assert_held(&pool->lock);
}

void vsp_rates_pool_stop(struct vsp_pool *pool)
{
}

void vsp_service_invite(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	holder_of(service)->invited++;
}

int vsp_service_renegotiate(struct vsp_service *service, u32 reason)
{
	lockdep_assert_held(&service->pool->lock);
	holder_of(service)->called++;
	return 0;
}

/* Not by itself: a test says when the time has passed. */
void vsp_service_queue(struct delayed_work *work, unsigned int ms)
{
	queued = work;
}

/* ---- Fixture ---- */

static void set_limits(struct vsp_service *service, u64 floor, u64 ceiling, u64 space)
{
	struct vs_terms *limits = &service->active_limits;

	vs_terms_unlimited(&spec, limits);
	for (u32 i = 0; i < TERMS; i++) {
		limits->term[i].low = i == RATE ? floor : 0;
		limits->term[i].high = i == RATE ? ceiling : space;
	}
}

static void ask_for(struct vs_terms *ask, u64 size, u64 floor, u64 ceiling, u64 space)
{
	vs_terms_unlimited(&spec, ask);
	ask->term[KEPT].low = size;
	ask->term[KEPT].high = size;
	ask->term[RATE].low = floor;
	ask->term[RATE].high = ceiling;
	ask->term[SPACE].low = space;
	ask->term[SPACE].high = space;
}

static struct fixture *make_fixture(struct kunit *test)
{
	struct fixture *fixture = kunit_kzalloc(test, sizeof(*fixture), GFP_KERNEL);
	u32 drawn = seed ? seed : get_random_u32();

	KUNIT_ASSERT_NOT_NULL(test, fixture);
	kunit_info(test, "seed=%u", drawn);
	prandom_seed_state(&fixture->random, drawn);
	class_missing = false;
	open_error = 0;
	opened = 0;
	vsp_pool_init(&fixture->pool, &spec, "pool");
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_reserved(&fixture->pool, 0));
	for (u32 i = 0; i < SERVICES; i++) {
		struct vsp_service *service = &fixture->holder[i].service;

		service->spec = &spec;
		service->class = &class;
		vsp_pool_join(&fixture->pool, service);
		service->pool = &fixture->pool;
		set_limits(service, 1000, 1000, 1 << 20);
	}
	for (u32 i = 0; i < TERMS; i++)
		KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, i, 1000));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_enable(&fixture->pool));
	queued = NULL;
	return fixture;
}

static unsigned int sets_of(struct holder *holder, const struct vs_terms **sets)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SETS; i++)
		if (holder->present[i])
			sets[count++] = &holder->set[i].terms;
	return count;
}

static void recharge(struct holder *holder)
{
	const struct vs_terms *sets[SETS];
	unsigned int count = sets_of(holder, sets);

	vsp_pool_charge(&holder->service, sets, count);
}

static int reserve(struct holder *holder, const struct vs_terms *ask, u16 *denied, u32 *reason)
{
	const struct vs_terms *sets[SETS];
	unsigned int count;
	int error;

	holder->present[PENDING] = false;
	recharge(holder);
	count = sets_of(holder, sets);
	error = vsp_pool_reserve(&holder->service, ask, sets, count, &holder->set[PENDING].terms,
				 denied, reason);
	holder->present[PENDING] = !error;
	return error;
}

static void publish(struct holder *holder)
{
	rcu_assign_pointer(holder->service.in_force,
			   holder->present[IN_FORCE] ? &holder->set[IN_FORCE] : NULL);
}

static void commit(struct holder *holder)
{
	if (!holder->present[PENDING])
		return;
	holder->set[IN_FORCE] = holder->set[PENDING];
	holder->present[IN_FORCE] = true;
	holder->present[PENDING] = false;
	holder->present[FALLBACK] = false;
	/* What is allocated is kept: it grows with the contract, and not back. */
	holder->kept = max(holder->kept, holder->set[IN_FORCE].terms.term[KEPT].high);
	publish(holder);
	recharge(holder);
}

static void drop_all(struct holder *holder)
{
	memset(holder->present, 0, sizeof(holder->present));
	publish(holder);
	recharge(holder);
}

/* ---- The invariants, computed from the contracts alone ---- */

static u64 most(const struct holder *holder, u32 index)
{
	u64 charge = index == KEPT ? holder->kept : 0;

	for (unsigned int i = 0; i < SETS; i++)
		if (holder->present[i])
			charge = max(charge, vs_terms_charge(&spec, &holder->set[i].terms, index));
	return charge;
}

static u64 total(const struct fixture *fixture, u32 index)
{
	u64 sum = 0;

	for (u32 i = 0; i < SERVICES; i++)
		sum += most(&fixture->holder[i], index);
	return sum;
}

static void expect_charges(struct kunit *test, struct fixture *fixture)
{
	for (u32 i = 0; i < TERMS; i++) {
		u64 sum = total(fixture, i);

		KUNIT_ASSERT_EQ(test, sum, fixture->pool.charged[i]);
		KUNIT_ASSERT_EQ(test, sum > fixture->pool.capacity[i] ?
				sum - fixture->pool.capacity[i] : 0,
				vsp_pool_deficit(&fixture->pool, i));
	}
}

/* ---- Random steps ---- */

static u32 below(struct fixture *fixture, u32 ceiling)
{
	return prandom_u32_state(&fixture->random) % ceiling;
}

static void step_reserve(struct kunit *test, struct fixture *fixture, struct holder *holder)
{
	struct vs_terms *ask = &fixture->ask;
	u64 before[TERMS];
	u32 floor = below(fixture, 500), reason;
	u16 denied;
	int error;

	ask_for(ask, 1 + below(fixture, 400), floor, floor + 1 + below(fixture, 500),
		below(fixture, 400));
	ask->term[SPACE].low = below(fixture, ask->term[SPACE].high + 1);
	holder->present[PENDING] = false;
	recharge(holder);
	if (below(fixture, 2))
		vsp_pool_asked(&holder->service, ask);
	for (u32 i = 0; i < TERMS; i++)
		before[i] = fixture->pool.charged[i];
	error = reserve(holder, ask, &denied, &reason);
	if (error) {
		KUNIT_ASSERT_EQ(test, -ENOSPC, error);
		KUNIT_ASSERT_TRUE(test, vs_terms_find(ask, denied));
		KUNIT_ASSERT_TRUE(test, reason == VS_REASON_POOL || reason == VS_REASON_LIMIT ||
				  (reason == VS_REASON_CAPACITY && holder->service.displaced));
	}
	for (u32 i = 0; i < TERMS; i++) {
		u64 charged = fixture->pool.charged[i];

		if (error)
			KUNIT_ASSERT_EQ(test, before[i], charged);
		else if (charged > before[i])
			KUNIT_ASSERT_LE(test, charged, fixture->pool.capacity[i]);
	}
	if (!error)
		KUNIT_ASSERT_EQ(test, 0,
				vs_terms_check_grant(&spec, &holder->set[PENDING].terms));
}

static void step_fallback(struct kunit *test, struct fixture *fixture, struct holder *holder)
{
	const struct vs_terms *running = &holder->set[IN_FORCE].terms;
	struct vs_terms *fallback = &holder->set[FALLBACK].terms;

	if (!holder->present[IN_FORCE])
		return;
	vsp_pool_fallback(&holder->service, running, fallback);
	holder->present[FALLBACK] = fallback->count;
	if (!fallback->count)
		return;
	KUNIT_ASSERT_EQ(test, running->term[KEPT].high, fallback->term[KEPT].high);
	KUNIT_ASSERT_LE(test, fallback->term[RATE].low, running->term[RATE].low);
	KUNIT_ASSERT_LE(test, fallback->term[RATE].high, fixture->pool.capacity[RATE]);
	KUNIT_ASSERT_LE(test, fallback->term[SPACE].high, running->term[SPACE].high);
	recharge(holder);
}

static void expect_room(struct kunit *test, const struct fixture *fixture)
{
	for (u32 i = RATE; i < TERMS; i++)
		KUNIT_ASSERT_LE(test, fixture->pool.charged[i], fixture->pool.capacity[i]);
}

/* Nobody answers the call: all that is affected falls back, and then there is room. */
static void step_deadline(struct kunit *test, struct fixture *fixture)
{
	for (u32 i = 0; i < SERVICES; i++) {
		fixture->holder[i].called = 0;
		fixture->holder[i].present[PENDING] = false;
		fixture->holder[i].present[FALLBACK] = false;
		recharge(&fixture->holder[i]);
	}
	vsp_pool_renegotiate(&fixture->pool);
	for (u32 i = 0; i < SERVICES; i++) {
		struct holder *holder = &fixture->holder[i];
		struct vs_terms *running = &holder->set[IN_FORCE].terms;

		if (!holder->present[IN_FORCE])
			continue;
		vsp_pool_fallback(&holder->service, running, &fixture->offer);
		/* Who is not called keeps all that it has. */
		if (!holder->called)
			KUNIT_ASSERT_TRUE(test, vs_terms_equal(running, &fixture->offer));
		*running = fixture->offer;
		holder->present[IN_FORCE] = running->count;
		publish(holder);
	}
	for (u32 i = 0; i < SERVICES; i++)
		recharge(&fixture->holder[i]);
	expect_room(test, fixture);
}

static void step(struct kunit *test, struct fixture *fixture)
{
	struct holder *holder = &fixture->holder[below(fixture, SERVICES)];

	switch (below(fixture, 9)) {
	case 0:
	case 1:
	case 2:
		step_reserve(test, fixture, holder);
		break;
	case 3:
	case 4:
		commit(holder);
		break;
	case 5:
		step_fallback(test, fixture, holder);
		break;
	case 6:
		drop_all(holder);
		if (!below(fixture, 2)) {
			holder->kept = 0;	/* released */
			recharge(holder);
		}
		break;
	case 7:
		KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool,
							       below(fixture, TERMS),
							       1 + below(fixture, 1500)));
		break;
	default:
		step_deadline(test, fixture);
		break;
	}
}

static void pool_never_grants_more_than_there_is(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	for (u32 i = 0; i < STEPS; i++) {
		step(test, fixture);
		expect_charges(test, fixture);
	}
	for (u32 i = 0; i < SERVICES; i++) {
		fixture->holder[i].kept = 0;
		drop_all(&fixture->holder[i]);
	}
	for (u32 i = 0; i < TERMS; i++)
		KUNIT_EXPECT_EQ(test, 0, fixture->pool.charged[i]);
}

/* ---- By hand ---- */

static void grant(struct kunit *test, struct holder *holder, struct vs_terms *ask)
{
	u32 reason;
	u16 denied;

	KUNIT_ASSERT_EQ(test, 0, reserve(holder, ask, &denied, &reason));
	commit(holder);
}

static void offer_never_shows_more_than_the_limit(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_service *service = &fixture->holder[0].service;

	set_limits(service, 10, 20, 30);
	vsp_pool_offer(service, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 10, fixture->offer.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 20, fixture->offer.term[RATE].high);
	KUNIT_EXPECT_EQ(test, 30, fixture->offer.term[SPACE].high);
}

static void denial_says_whether_limit_or_pool_is_short(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	u32 reason;
	u16 denied;

	ask_for(&fixture->ask, 1, 700, 700, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			reserve(&fixture->holder[1], &fixture->ask, &denied, &reason));
	KUNIT_EXPECT_EQ(test, VS_REASON_POOL, reason);
	KUNIT_EXPECT_EQ(test, 3, denied);
	set_limits(&fixture->holder[1].service, 600, 1000, 1000);
	KUNIT_EXPECT_EQ(test, -ENOSPC,
			reserve(&fixture->holder[1], &fixture->ask, &denied, &reason));
	KUNIT_EXPECT_EQ(test, VS_REASON_LIMIT, reason);
}

static void renegotiation_reserves_only_the_excess(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 1, 600, 600, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	ask_for(&fixture->ask, 1, 900, 900, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, 900, fixture->pool.charged[RATE]);
	ask_for(&fixture->ask, 1, 100, 100, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, 100, fixture->pool.charged[RATE]);
}

static void kept_space_stays_charged_until_released(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 500, 0, 100, 100);
	grant(test, &fixture->holder[0], &fixture->ask);
	drop_all(&fixture->holder[0]);
	KUNIT_EXPECT_EQ(test, 500, fixture->pool.charged[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.charged[SPACE]);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, KEPT, 100));
	vsp_pool_offer(&fixture->holder[0].service, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 500, fixture->offer.term[KEPT].high);
	fixture->holder[0].kept = 0;
	recharge(&fixture->holder[0]);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.charged[KEPT]);
}

/* A contract of this floor, and the ask for it: the least that it needs. */
static void grant_floor(struct kunit *test, struct holder *holder, struct fixture *fixture,
			u64 least, u64 floor)
{
	ask_for(&fixture->ask, 1, least, 1000, 0);
	vsp_pool_asked(&holder->service, &fixture->ask);
	fixture->ask.term[RATE].low = floor;
	grant(test, holder, &fixture->ask);
}

/* At its deadline, and on its own: what is left to it. */
static void fall_back(struct holder *holder, struct vs_terms *fallback)
{
	vsp_pool_fallback(&holder->service, &holder->set[IN_FORCE].terms, fallback);
	holder->set[IN_FORCE].terms = *fallback;
	holder->present[IN_FORCE] = fallback->count;
	publish(holder);
	recharge(holder);
}

static void deficit_is_shared_by_weight_in_any_order(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;

	for (u32 i = 0; i < 3; i++) {
		fixture->holder[i].service.weight = i ? 100 : 300;
		grant_floor(test, &fixture->holder[i], fixture, 0, i ? 200 : 600);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 500));
	KUNIT_EXPECT_EQ(test, 500, vsp_pool_deficit(&fixture->pool, RATE));
	/* Each falls back before the next is looked at. */
	for (u32 i = 0; i < 3; i++) {
		fall_back(&fixture->holder[i], fallback);
		KUNIT_EXPECT_EQ(test, i ? 100 : 300, fallback->term[RATE].low);
		KUNIT_EXPECT_EQ(test, 500, fallback->term[RATE].high);
	}
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_deficit(&fixture->pool, RATE));
	KUNIT_EXPECT_EQ(test, 500, fixture->pool.charged[RATE]);
}

static void deficit_takes_from_the_lowest_priority_first(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;

	for (u32 i = 0; i < 3; i++) {
		fixture->holder[i].service.priority = i;
		grant_floor(test, &fixture->holder[i], fixture, 0, 300);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 450));
	for (u32 i = 0; i < 3; i++) {
		fall_back(&fixture->holder[i], fallback);
		KUNIT_EXPECT_EQ(test, i * 150, fallback->term[RATE].low);
	}
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_deficit(&fixture->pool, RATE));
}

static void deficit_withdraws_who_needs_more_than_there_is(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;
	struct holder *holder = fixture->holder;
	u32 reason;
	u16 denied;

	for (u32 i = 0; i < 3; i++) {
		holder[i].service.priority = i;
		set_limits(&holder[i].service, 500, 500, 1000);
		grant_floor(test, &holder[i], fixture, 250, 300);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 580));
	vsp_pool_renegotiate(&fixture->pool);
	for (u32 i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, i < 2, holder[i].called);
	KUNIT_EXPECT_FALSE(test, vsp_pool_holds(&holder[0].service, &holder[0].set[0].terms));
	KUNIT_EXPECT_FALSE(test, vsp_pool_holds(&holder[1].service, &holder[1].set[0].terms));
	KUNIT_EXPECT_TRUE(test, vsp_pool_holds(&holder[2].service, &holder[2].set[0].terms));
	fall_back(&holder[0], fallback);
	KUNIT_EXPECT_EQ(test, 0, fallback->count);
	fall_back(&holder[1], fallback);
	KUNIT_EXPECT_EQ(test, 280, fallback->term[RATE].low);
	fall_back(&holder[2], fallback);
	KUNIT_EXPECT_EQ(test, 300, fallback->term[RATE].low);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_deficit(&fixture->pool, RATE));
	/* Its data is kept, and it hears why it has nothing else. */
	KUNIT_EXPECT_EQ(test, 1, holder[0].service.charge[KEPT]);
	ask_for(&fixture->ask, 1, 250, 1000, 0);
	KUNIT_EXPECT_EQ(test, -ENOSPC, reserve(&holder[0], &fixture->ask, &denied, &reason));
	KUNIT_EXPECT_EQ(test, VS_REASON_CAPACITY, reason);
	KUNIT_EXPECT_EQ(test, 3, denied);
	/* With room it is as all others again. */
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 1000));
	holder[0].invited = 0;
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 1, holder[0].invited);
	grant(test, &holder[0], &fixture->ask);
	fall_back(&holder[0], fallback);
	KUNIT_EXPECT_EQ(test, 250, fallback->term[RATE].low);
}

/* Withdrawn for want of one term, it frees what it holds of the others. */
static void withdrawal_is_of_all_terms(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;
	struct holder *holder = fixture->holder;

	for (u32 i = 0; i < 2; i++) {
		holder[i].service.priority = i;
		ask_for(&fixture->ask, 1, 400, 1000, 400);
		fixture->ask.term[SPACE].low = 0;
		vsp_pool_asked(&holder[i].service, &fixture->ask);
		grant(test, &holder[i], &fixture->ask);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, SPACE, 500));
	vsp_pool_fallback(&holder[0].service, &holder[0].set[IN_FORCE].terms, fallback);
	KUNIT_EXPECT_EQ(test, 400, fallback->term[RATE].low);
	KUNIT_EXPECT_EQ(test, 100, fallback->term[SPACE].high);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 700));
	for (u32 i = 0; i < 2; i++) {
		fall_back(&holder[i], fallback);
		KUNIT_EXPECT_EQ(test, i ? TERMS : 0, fallback->count);
	}
	KUNIT_EXPECT_EQ(test, 400, fallback->term[RATE].low);
	KUNIT_EXPECT_EQ(test, 400, fallback->term[SPACE].high);
}

static void part_of_a_rate_is_never_a_floor(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;
	struct vsp_service *service = &fixture->holder[0].service;

	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, RATE, 150));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_reserved(pool, 5));
	vsp_pool_offer(service, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 142, fixture->offer.term[RATE].low);	/* of 142.5 */
	KUNIT_EXPECT_EQ(test, 150, fixture->offer.term[RATE].high);
	KUNIT_EXPECT_EQ(test, 1000, fixture->offer.term[SPACE].high);
	KUNIT_EXPECT_EQ(test, 142, vsp_pool_available(pool, RATE));
	KUNIT_EXPECT_EQ(test, 1000, vsp_pool_available(pool, SPACE));
	grant_floor(test, &fixture->holder[0], fixture, 0, 142);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_available(pool, RATE));

	queued = NULL;
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_reserved(pool, VSP_RESERVED_MAX));
	KUNIT_EXPECT_PTR_EQ(test, &pool->renegotiation, queued);
	KUNIT_EXPECT_EQ(test, 67, vsp_pool_deficit(pool, RATE));
	fall_back(&fixture->holder[0], &fixture->grant);
	KUNIT_EXPECT_EQ(test, 75, fixture->grant.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 150, fixture->grant.term[RATE].high);
	KUNIT_EXPECT_EQ(test, -ERANGE, vsp_pool_set_reserved(pool, VSP_RESERVED_MAX + 1));
}

static void wanted_is_what_the_pool_has_for_one_alone(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	grant_floor(test, &fixture->holder[0], fixture, 0, 900);
	ask_for(&fixture->ask, 1, 0, 800, 300);
	vsp_pool_wanted(&fixture->holder[1].service, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 800, fixture->offer.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 800, fixture->offer.term[RATE].high);
	KUNIT_EXPECT_EQ(test, 300, fixture->offer.term[SPACE].high);
	set_limits(&fixture->holder[1].service, 500, 600, 1000);
	vsp_pool_wanted(&fixture->holder[1].service, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 500, fixture->offer.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 600, fixture->offer.term[RATE].high);
	fixture->ask.term[RATE].low = 501;
	vsp_pool_wanted(&fixture->holder[1].service, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 0, fixture->offer.count);
}

static void what_is_freed_is_offered_to_the_others(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 1, 600, 600, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[1].invited);
	drop_all(&fixture->holder[0]);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[1].invited);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].invited);
}

static void change_of_capacity_renegotiates_once_and_later(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;

	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, RATE, 2000));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, SPACE, 2000));
	KUNIT_ASSERT_PTR_EQ(test, &pool->renegotiation, queued);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].invited);
	queued->work.func(&queued->work);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].invited);
	/* A disabled pool has nobody to call. */
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_disable(pool));
	queued = NULL;
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, RATE, 1000));
	KUNIT_EXPECT_NULL(test, queued);
}

static void renegotiate_calls_only_those_that_do_not_fit(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 1, 0, 1000, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	ask_for(&fixture->ask, 1, 0, 100, 0);
	grant(test, &fixture->holder[1], &fixture->ask);
	set_limits(&fixture->holder[1].service, 0, 100, 1000);
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].called);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 500));
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].called);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[1].called);
	ask_for(&fixture->ask, 1, 0, 500, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	fixture->holder[0].invited = 0;
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 800));
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].called);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].invited);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[1].called);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[2].called);
}

/* Also one whose client is gone, or has not started what it was granted. */
static void renegotiate_calls_whoever_is_charged(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	u32 reason;
	u16 denied;

	ask_for(&fixture->ask, 1, 600, 600, 0);
	KUNIT_ASSERT_EQ(test, 0, reserve(&fixture->holder[0], &fixture->ask, &denied, &reason));
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].called);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 500));
	vsp_pool_renegotiate(&fixture->pool);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].called);
}

static void pool_in_use_cannot_be_disabled(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;

	KUNIT_EXPECT_EQ(test, 1, opened);
	KUNIT_EXPECT_EQ(test, -EBUSY, vsp_pool_enable(pool));
	KUNIT_EXPECT_EQ(test, -EBUSY, vsp_pool_unset_capacity(pool, KEPT));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_use(pool));
	KUNIT_EXPECT_EQ(test, -EBUSY, vsp_pool_disable(pool));
	vsp_pool_unuse(pool);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_disable(pool));
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_disable(pool));
	KUNIT_EXPECT_EQ(test, -ENODEV, vsp_pool_use(pool));
	KUNIT_EXPECT_EQ(test, 0, opened);
}

static void enable_fails_without_rate_class_or_source(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;

	KUNIT_ASSERT_EQ(test, 0, vsp_pool_disable(pool));
	class_missing = true;
	KUNIT_EXPECT_EQ(test, -ENODEV, vsp_pool_enable(pool));
	class_missing = false;
	open_error = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, vsp_pool_enable(pool));
	open_error = 0;
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_unset_capacity(pool, RATE));
	KUNIT_EXPECT_EQ(test, -EINVAL, vsp_pool_enable(pool));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, RATE, 1));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_unset_capacity(pool, KEPT));
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_enable(pool));
	KUNIT_EXPECT_EQ(test, 5000, pool->capacity[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_disable(pool));
	KUNIT_EXPECT_EQ(test, 0, pool->capacity[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, opened);
}

static void capacity_out_of_range_is_refused(struct kunit *test)
{
	struct vsp_pool *pool = &make_fixture(test)->pool;

	KUNIT_EXPECT_EQ(test, -ERANGE, vsp_pool_set_capacity(pool, RATE, 0));
	KUNIT_EXPECT_EQ(test, -ERANGE, vsp_pool_set_capacity(pool, RATE, (1 << 20) + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, vsp_pool_set_capacity(pool, TERMS, 1));
	KUNIT_EXPECT_EQ(test, 1000, pool->capacity[RATE]);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_set_capacity(pool, SPACE, 0));
}

static void leaving_returns_all_but_what_is_kept(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct holder *holder = &fixture->holder[0];

	ask_for(&fixture->ask, 500, 600, 600, 100);
	grant(test, holder, &fixture->ask);
	drop_all(holder);
	vsp_pool_leave(&fixture->pool, &holder->service);
	for (u32 i = 0; i < TERMS; i++)
		KUNIT_EXPECT_EQ(test, i == KEPT ? 500 : 0, fixture->pool.charged[i]);
	KUNIT_EXPECT_LE(test, 1, fixture->holder[1].invited);

	/* It is nobody's, until it is found again. */
	vsp_pool_offer(&fixture->holder[1].service, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, fixture->pool.capacity[KEPT] - 500, fixture->offer.term[KEPT].high);
	vsp_pool_join(&fixture->pool, &holder->service);
	for (int i = 0; i < 2; i++) {
		vsp_pool_adopt(&holder->service);
		KUNIT_EXPECT_EQ(test, 500, fixture->pool.charged[KEPT]);
		KUNIT_EXPECT_EQ(test, 500, holder->service.charge[KEPT]);
	}
	holder->kept = 0;
	recharge(holder);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.charged[KEPT]);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_never_grants_more_than_there_is),
	KUNIT_CASE(offer_never_shows_more_than_the_limit),
	KUNIT_CASE(denial_says_whether_limit_or_pool_is_short),
	KUNIT_CASE(renegotiation_reserves_only_the_excess),
	KUNIT_CASE(kept_space_stays_charged_until_released),
	KUNIT_CASE(deficit_is_shared_by_weight_in_any_order),
	KUNIT_CASE(deficit_takes_from_the_lowest_priority_first),
	KUNIT_CASE(deficit_withdraws_who_needs_more_than_there_is),
	KUNIT_CASE(withdrawal_is_of_all_terms),
	KUNIT_CASE(part_of_a_rate_is_never_a_floor),
	KUNIT_CASE(wanted_is_what_the_pool_has_for_one_alone),
	KUNIT_CASE(what_is_freed_is_offered_to_the_others),
	KUNIT_CASE(change_of_capacity_renegotiates_once_and_later),
	KUNIT_CASE(renegotiate_calls_only_those_that_do_not_fit),
	KUNIT_CASE(renegotiate_calls_whoever_is_charged),
	KUNIT_CASE(pool_in_use_cannot_be_disabled),
	KUNIT_CASE(enable_fails_without_rate_class_or_source),
	KUNIT_CASE(capacity_out_of_range_is_refused),
	KUNIT_CASE(leaving_returns_all_but_what_is_kept),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "vsp_pool",
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);

MODULE_DESCRIPTION("KUnit: pools and admission of vsp");
MODULE_LICENSE("GPL");
