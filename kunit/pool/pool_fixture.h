/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool, and services that hold contracts over it, without configfs and sessions: what
 * pool_kunit.c and pool_divide_kunit.c share.
 */
/* Not exported by vsp.ko: this module has its own copy, and what it calls, below. */
#include "vsp/pool/pool.c"
#include "vsp/pool/admission.c"
#include "vsp/pool/divide.c"
#include "vsp/pool/invite.c"
#include "vsp/pool/allocate.c"
#include "vsp/contract.h"

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

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
	struct vsp_member member;
	struct vsp_contract set[SETS];
	bool present[SETS];
	u64 kept;
	u32 weight;
	u32 priority;
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
static struct delayed_work *queued;	/* but for invitations */
static struct delayed_work *invitation;	/* queued, and has not run */
static unsigned int invitation_ms;

static inline struct holder *holder_of(struct vsp_member *member)
{
	return container_of(member, struct holder, member);
}

/* ---- The class, and what vsp/pool/ calls of other files ---- */

static int pool_open(struct vsp_pool *pool)
{
	if (!open_error) {
		opened++;
		if (!pool->amounts.capacity_set[KEPT])
			pool->amounts.capacity[KEPT] = 5000;
	}
	return open_error;
}

static void pool_close(struct vsp_pool *pool)
{
	opened--;
}

static const struct vsp_class class = {
	.spec = &spec, .owner = THIS_MODULE, .pool_open = pool_open, .pool_close = pool_close,
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

void vsp_watch_init(struct vsp_pool *pool)
{
}

void vsp_watch_start(struct vsp_pool *pool)
{
}

void vsp_watch_stop(struct vsp_pool *pool)
{
}

/* Not by itself: a test says when the time has passed. */
void vsp_work_queue(struct delayed_work *work, unsigned int ms)
{
	if (work->work.func == vsp_pool_invitation_work) {
		invitation = work;
		invitation_ms = ms;
	} else {
		queued = work;
	}
}

/* The time of a round has come. */
static inline void invite(void)
{
	struct delayed_work *due = invitation;

	invitation = NULL;
	if (due)
		due->work.func(&due->work);
}

/* ---- The service ---- */

static void member_limits(struct vsp_member *member, struct vs_terms *limits)
{
}

static u64 member_kept(struct vsp_member *member, u32 index)
{
	return index == KEPT ? holder_of(member)->kept : 0;
}

static u64 member_ceiling(struct vsp_member *member, u32 index)
{
	const struct holder *holder = holder_of(member);

	return holder->present[IN_FORCE] ? holder->set[IN_FORCE].terms.term[index].high : 0;
}

static void member_rank(struct vsp_member *member, u32 *weight, u32 *priority)
{
	*weight = holder_of(member)->weight;
	*priority = holder_of(member)->priority;
}

static void member_renegotiate(struct vsp_member *member, u32 reason)
{
	lockdep_assert_held(&member->pool->lock);
	holder_of(member)->called++;
}

static void member_invite(struct vsp_member *member)
{
	lockdep_assert_held(&member->pool->lock);
	holder_of(member)->invited++;
}

static const struct vsp_member_ops member_ops = {
	.limits = member_limits, .kept = member_kept, .ceiling = member_ceiling,
	.rank = member_rank, .renegotiate = member_renegotiate, .invite = member_invite,
};

/* ---- Fixture ---- */

static inline void set_limits(struct vsp_member *member, u64 floor, u64 ceiling, u64 space)
{
	struct vs_terms *limits = &member->limits;

	vs_terms_unlimited(&spec, limits);
	for (u32 i = 0; i < TERMS; i++) {
		limits->term[i].low = i == RATE ? floor : 0;
		limits->term[i].high = i == RATE ? ceiling : space;
	}
}

static inline void ask_for(struct vs_terms *ask, u64 size, u64 floor, u64 ceiling, u64 space)
{
	vs_terms_unlimited(&spec, ask);
	ask->term[KEPT].low = size;
	ask->term[KEPT].high = size;
	ask->term[RATE].low = floor;
	ask->term[RATE].high = ceiling;
	ask->term[SPACE].low = space;
	ask->term[SPACE].high = space;
}

static inline struct fixture *make_fixture(struct kunit *test)
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
		struct vsp_member *member = &fixture->holder[i].member;

		member->ops = &member_ops;
		vsp_pool_join(&fixture->pool, member);
		set_limits(member, 1000, 1000, 1 << 20);
	}
	for (u32 i = 0; i < TERMS; i++)
		KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, i, 1000));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_enable(&fixture->pool));
	queued = NULL;
	invitation = NULL;
	return fixture;
}

static inline unsigned int sets_of(struct holder *holder, const struct vs_terms **sets)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SETS; i++)
		if (holder->present[i])
			sets[count++] = &holder->set[i].terms;
	return count;
}

static inline void recharge(struct holder *holder)
{
	const struct vs_terms *sets[SETS];
	unsigned int count = sets_of(holder, sets);

	vsp_pool_charge(&holder->member, sets, count);
}

static inline int reserve(struct holder *holder, const struct vs_terms *ask, u16 *denied,
			  u32 *reason)
{
	const struct vs_terms *sets[SETS];
	unsigned int count;
	int error;

	holder->present[PENDING] = false;
	recharge(holder);
	count = sets_of(holder, sets);
	error = vsp_pool_reserve(&holder->member, ask, sets, count, &holder->set[PENDING].terms,
				 denied, reason);
	holder->present[PENDING] = !error;
	return error;
}

static inline void commit(struct holder *holder)
{
	if (!holder->present[PENDING])
		return;
	holder->set[IN_FORCE] = holder->set[PENDING];
	holder->present[IN_FORCE] = true;
	holder->present[PENDING] = false;
	holder->present[FALLBACK] = false;
	/* What is allocated is kept: it grows with the contract, and not back. */
	holder->kept = max(holder->kept, holder->set[IN_FORCE].terms.term[KEPT].high);
	recharge(holder);
}

static inline void drop_all(struct holder *holder)
{
	memset(holder->present, 0, sizeof(holder->present));
	recharge(holder);
}

/* ---- The invariants, computed from the contracts alone ---- */

static inline u64 most(const struct holder *holder, u32 index)
{
	u64 charge = index == KEPT ? holder->kept : 0;

	for (unsigned int i = 0; i < SETS; i++)
		if (holder->present[i])
			charge = max(charge, vs_terms_charge(&spec, &holder->set[i].terms, index));
	return charge;
}

static inline u64 total(const struct fixture *fixture, u32 index)
{
	u64 sum = 0;

	for (u32 i = 0; i < SERVICES; i++)
		sum += most(&fixture->holder[i], index);
	return sum;
}

static inline void expect_charges(struct kunit *test, struct fixture *fixture)
{
	for (u32 i = 0; i < TERMS; i++) {
		u64 sum = total(fixture, i);

		KUNIT_ASSERT_EQ(test, sum, fixture->pool.amounts.charged[i]);
		KUNIT_ASSERT_EQ(test, sum > fixture->pool.amounts.capacity[i] ?
				sum - fixture->pool.amounts.capacity[i] : 0,
				vsp_pool_deficit(&fixture->pool, i));
	}
}

static inline void grant(struct kunit *test, struct holder *holder, struct vs_terms *ask)
{
	u32 reason;
	u16 denied;

	KUNIT_ASSERT_EQ(test, 0, reserve(holder, ask, &denied, &reason));
	commit(holder);
}

/* A contract of this floor, and the ask for it: the least that it needs. */
static inline void grant_floor(struct kunit *test, struct holder *holder,
			       struct fixture *fixture, u64 least, u64 floor)
{
	ask_for(&fixture->ask, 1, least, 1000, 0);
	vsp_pool_asked(&holder->member, &fixture->ask);
	fixture->ask.term[RATE].low = floor;
	grant(test, holder, &fixture->ask);
}

/* At its deadline, and on its own: what is left to it. */
static inline void fall_back(struct holder *holder, struct vs_terms *fallback)
{
	vsp_pool_fallback(&holder->member, &holder->set[IN_FORCE].terms, fallback);
	holder->set[IN_FORCE].terms = *fallback;
	holder->present[IN_FORCE] = fallback->count;
	recharge(holder);
}
