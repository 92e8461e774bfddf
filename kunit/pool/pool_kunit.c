// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission: vsp/pool/admission.c itself, by hand and in random sequences of what services and
 * administrators do.
 */
#include "kunit/pool/pool_fixture.h"

#define STEPS		4000

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
		vsp_pool_asked(&holder->member, ask);
	for (u32 i = 0; i < TERMS; i++)
		before[i] = fixture->pool.amounts.charged[i];
	error = reserve(holder, ask, &denied, &reason);
	if (error) {
		KUNIT_ASSERT_EQ(test, -ENOSPC, error);
		KUNIT_ASSERT_TRUE(test, vs_terms_find(ask, denied));
		KUNIT_ASSERT_TRUE(test, reason == VS_REASON_POOL || reason == VS_REASON_LIMIT ||
				  (reason == VS_REASON_CAPACITY &&
				   holder->member.displaced));
	}
	for (u32 i = 0; i < TERMS; i++) {
		u64 charged = fixture->pool.amounts.charged[i];

		if (error)
			KUNIT_ASSERT_EQ(test, before[i], charged);
		else if (charged > before[i])
			KUNIT_ASSERT_LE(test, charged, fixture->pool.amounts.capacity[i]);
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
	vsp_pool_fallback(&holder->member, running, fallback);
	holder->present[FALLBACK] = fallback->count;
	if (!fallback->count)
		return;
	KUNIT_ASSERT_EQ(test, running->term[KEPT].high, fallback->term[KEPT].high);
	KUNIT_ASSERT_LE(test, fallback->term[RATE].low, running->term[RATE].low);
	KUNIT_ASSERT_LE(test, fallback->term[RATE].high, fixture->pool.amounts.capacity[RATE]);
	KUNIT_ASSERT_LE(test, fallback->term[SPACE].high, running->term[SPACE].high);
	recharge(holder);
}

static void expect_room(struct kunit *test, const struct fixture *fixture)
{
	for (u32 i = RATE; i < TERMS; i++)
		KUNIT_ASSERT_LE(test, fixture->pool.amounts.charged[i],
				fixture->pool.amounts.capacity[i]);
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
		vsp_pool_fallback(&holder->member, running, &fixture->offer);
		/* Who is not called keeps all that it has. */
		if (!holder->called)
			KUNIT_ASSERT_TRUE(test, vs_terms_equal(running, &fixture->offer));
		*running = fixture->offer;
		holder->present[IN_FORCE] = running->count;
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
		KUNIT_EXPECT_EQ(test, 0, fixture->pool.amounts.charged[i]);
}

/* ---- By hand ---- */

static void offer_never_shows_more_than_the_limit(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_member *member = &fixture->holder[0].member;

	set_limits(member, 10, 20, 30);
	vsp_pool_offer(member, NULL, &fixture->offer, NULL, NULL);
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
	set_limits(&fixture->holder[1].member, 600, 1000, 1000);
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
	KUNIT_EXPECT_EQ(test, 900, fixture->pool.amounts.charged[RATE]);
	ask_for(&fixture->ask, 1, 100, 100, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, 100, fixture->pool.amounts.charged[RATE]);
}

/* Charges above all that a number can say are no more than that, and exact once they are less. */
static void a_saturated_sum_becomes_exact_again(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct holder *large = &fixture->holder[0], *small = &fixture->holder[1];

	large->kept = U64_MAX - 10;
	small->kept = 100;
	recharge(large);
	KUNIT_EXPECT_EQ(test, U64_MAX - 10, fixture->pool.amounts.charged[KEPT]);
	recharge(small);
	KUNIT_EXPECT_EQ(test, U64_MAX, fixture->pool.amounts.charged[KEPT]);
	small->kept = 5;
	recharge(small);
	KUNIT_EXPECT_EQ(test, U64_MAX - 5, fixture->pool.amounts.charged[KEPT]);
	small->kept = 100;
	recharge(small);
	large->kept = 0;
	recharge(large);
	KUNIT_EXPECT_EQ(test, 100, fixture->pool.amounts.charged[KEPT]);
}

static void kept_space_stays_charged_until_released(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 500, 0, 100, 100);
	grant(test, &fixture->holder[0], &fixture->ask);
	drop_all(&fixture->holder[0]);
	KUNIT_EXPECT_EQ(test, 500, fixture->pool.amounts.charged[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.amounts.charged[SPACE]);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, KEPT, 100));
	vsp_pool_offer(&fixture->holder[0].member, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, 500, fixture->offer.term[KEPT].high);
	fixture->holder[0].kept = 0;
	recharge(&fixture->holder[0]);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.amounts.charged[KEPT]);
}

static void wanted_is_what_the_pool_has_for_one_alone(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	grant_floor(test, &fixture->holder[0], fixture, 0, 900);
	ask_for(&fixture->ask, 1, 0, 800, 300);
	vsp_pool_wanted(&fixture->holder[1].member, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 800, fixture->offer.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 800, fixture->offer.term[RATE].high);
	KUNIT_EXPECT_EQ(test, 300, fixture->offer.term[SPACE].high);
	set_limits(&fixture->holder[1].member, 500, 600, 1000);
	vsp_pool_wanted(&fixture->holder[1].member, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 500, fixture->offer.term[RATE].low);
	KUNIT_EXPECT_EQ(test, 600, fixture->offer.term[RATE].high);
	fixture->ask.term[RATE].low = 501;
	vsp_pool_wanted(&fixture->holder[1].member, &fixture->ask, &fixture->offer);
	KUNIT_EXPECT_EQ(test, 0, fixture->offer.count);
}

static void what_is_freed_is_offered_to_the_others(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 1, 600, 600, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[1].invited);
	drop_all(&fixture->holder[0]);
	invite();
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[1].invited);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].invited);
}

/* It takes, and gives back. */
static void take_and_give(struct kunit *test, struct fixture *fixture, u32 index)
{
	ask_for(&fixture->ask, 1, 300, 600, 0);
	grant(test, &fixture->holder[index], &fixture->ask);
	drop_all(&fixture->holder[index]);
}

static void what_many_have_freed_is_one_invitation(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;

	/* The last round is long ago. */
	pool->invitation.last = ktime_sub_ms(ktime_get(), 1000);
	take_and_give(test, fixture, 0);
	KUNIT_ASSERT_NOT_NULL(test, invitation);
	KUNIT_EXPECT_EQ(test, 0, invitation_ms);
	for (u32 i = 0; i < 100; i++)
		take_and_give(test, fixture, i % 2);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[2].invited);
	invite();
	for (u32 i = 0; i < SERVICES; i++)
		KUNIT_EXPECT_EQ(test, 1, fixture->holder[i].invited);

	/* The next one is not before its time: as if the last one had been later than now. */
	pool->invitation.last = ktime_add_ms(ktime_get(), 1000);
	for (u32 i = 0; i < 100; i++)
		take_and_give(test, fixture, 0);
	KUNIT_EXPECT_GE(test, invitation_ms, 100);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[2].invited);
	invite();
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].invited);
	KUNIT_EXPECT_EQ(test, 2, fixture->holder[2].invited);

	/* Of a disabled pool nobody is invited, and it starts anew when it is enabled. */
	take_and_give(test, fixture, 0);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_disable(pool));
	invitation = NULL;
	vsp_pool_leave(pool, &fixture->holder[5].member);
	KUNIT_EXPECT_NULL(test, invitation);
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_enable(pool));
	take_and_give(test, fixture, 0);
	KUNIT_EXPECT_NOT_NULL(test, invitation);
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
	KUNIT_EXPECT_EQ(test, 5000, pool->amounts.capacity[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_disable(pool));
	KUNIT_EXPECT_EQ(test, 0, pool->amounts.capacity[KEPT]);
	KUNIT_EXPECT_EQ(test, 0, opened);
}

static void capacity_out_of_range_is_refused(struct kunit *test)
{
	struct vsp_pool *pool = &make_fixture(test)->pool;

	KUNIT_EXPECT_EQ(test, -ERANGE, vsp_pool_set_capacity(pool, RATE, 0));
	KUNIT_EXPECT_EQ(test, -ERANGE, vsp_pool_set_capacity(pool, RATE, (1 << 20) + 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, vsp_pool_set_capacity(pool, TERMS, 1));
	KUNIT_EXPECT_EQ(test, 1000, pool->amounts.capacity[RATE]);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_set_capacity(pool, SPACE, 0));
}

static void leaving_returns_all_but_what_is_kept(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct holder *holder = &fixture->holder[0];

	ask_for(&fixture->ask, 500, 600, 600, 100);
	grant(test, holder, &fixture->ask);
	drop_all(holder);
	vsp_pool_leave(&fixture->pool, &holder->member);
	for (u32 i = 0; i < TERMS; i++)
		KUNIT_EXPECT_EQ(test, i == KEPT ? 500 : 0, fixture->pool.amounts.charged[i]);
	invite();
	KUNIT_EXPECT_LE(test, 1, fixture->holder[1].invited);

	/* It is nobody's, until it is found again. */
	vsp_pool_offer(&fixture->holder[1].member, NULL, &fixture->offer, NULL, NULL);
	KUNIT_EXPECT_EQ(test, fixture->pool.amounts.capacity[KEPT] - 500,
			fixture->offer.term[KEPT].high);
	vsp_pool_join(&fixture->pool, &holder->member);
	for (int i = 0; i < 2; i++) {
		vsp_pool_adopt(&holder->member);
		KUNIT_EXPECT_EQ(test, 500, fixture->pool.amounts.charged[KEPT]);
		KUNIT_EXPECT_EQ(test, 500, holder->member.charge[KEPT]);
	}
	holder->kept = 0;
	recharge(holder);
	KUNIT_EXPECT_EQ(test, 0, fixture->pool.amounts.charged[KEPT]);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_never_grants_more_than_there_is),
	KUNIT_CASE(offer_never_shows_more_than_the_limit),
	KUNIT_CASE(denial_says_whether_limit_or_pool_is_short),
	KUNIT_CASE(renegotiation_reserves_only_the_excess),
	KUNIT_CASE(kept_space_stays_charged_until_released),
	KUNIT_CASE(wanted_is_what_the_pool_has_for_one_alone),
	KUNIT_CASE(what_is_freed_is_offered_to_the_others),
	KUNIT_CASE(what_many_have_freed_is_one_invitation),
	KUNIT_CASE(pool_in_use_cannot_be_disabled),
	KUNIT_CASE(enable_fails_without_rate_class_or_source),
	KUNIT_CASE(capacity_out_of_range_is_refused),
	KUNIT_CASE(a_saturated_sum_becomes_exact_again),
	KUNIT_CASE(leaving_returns_all_but_what_is_kept),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "vsp_pool",
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: pools and admission of vsp");
MODULE_LICENSE("GPL");
