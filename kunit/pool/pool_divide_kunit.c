// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens when a pool has less, or more, than before: vsp/pool/divide.c itself.
 */
#include "kunit/pool/pool_fixture.h"

static void deficit_is_shared_by_weight_in_any_order(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;

	for (u32 i = 0; i < 3; i++) {
		fixture->holder[i].weight = i ? 100 : 300;
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
	KUNIT_EXPECT_EQ(test, 500, fixture->pool.amounts.charged[RATE]);
}

static void deficit_takes_from_the_lowest_priority_first(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vs_terms *fallback = &fixture->grant;

	for (u32 i = 0; i < 3; i++) {
		fixture->holder[i].priority = i;
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
		holder[i].priority = i;
		set_limits(&holder[i].member, 500, 500, 1000);
		grant_floor(test, &holder[i], fixture, 250, 300);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, RATE, 580));
	vsp_pool_renegotiate(&fixture->pool);
	for (u32 i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, i < 2, holder[i].called);
	KUNIT_EXPECT_FALSE(test, vsp_pool_holds(&holder[0].member, &holder[0].set[0].terms));
	KUNIT_EXPECT_FALSE(test, vsp_pool_holds(&holder[1].member, &holder[1].set[0].terms));
	KUNIT_EXPECT_TRUE(test, vsp_pool_holds(&holder[2].member, &holder[2].set[0].terms));
	fall_back(&holder[0], fallback);
	KUNIT_EXPECT_EQ(test, 0, fallback->count);
	fall_back(&holder[1], fallback);
	KUNIT_EXPECT_EQ(test, 280, fallback->term[RATE].low);
	fall_back(&holder[2], fallback);
	KUNIT_EXPECT_EQ(test, 300, fallback->term[RATE].low);
	KUNIT_EXPECT_EQ(test, 0, vsp_pool_deficit(&fixture->pool, RATE));
	/* Its data is kept, and it hears why it has nothing else. */
	KUNIT_EXPECT_EQ(test, 1, holder[0].member.charge[KEPT]);
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
		holder[i].priority = i;
		ask_for(&fixture->ask, 1, 400, 1000, 400);
		fixture->ask.term[SPACE].low = 0;
		vsp_pool_asked(&holder[i].member, &fixture->ask);
		grant(test, &holder[i], &fixture->ask);
	}
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(&fixture->pool, SPACE, 500));
	vsp_pool_fallback(&holder[0].member, &holder[0].set[IN_FORCE].terms, fallback);
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
	struct vsp_member *member = &fixture->holder[0].member;

	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_capacity(pool, RATE, 150));
	KUNIT_ASSERT_EQ(test, 0, vsp_pool_set_reserved(pool, 5));
	vsp_pool_offer(member, NULL, &fixture->offer, NULL, NULL);
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

/* What is KEPT is not taken back. */
static void what_the_source_has_counts_unless_it_is_set(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);
	struct vsp_pool *pool = &fixture->pool;

	ask_for(&fixture->ask, 800, 0, 100, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	vsp_pool_found(pool, KEPT, 2000);
	KUNIT_EXPECT_EQ(test, 1000, pool->amounts.capacity[KEPT]);
	KUNIT_EXPECT_NULL(test, queued);

	pool->amounts.capacity_set[KEPT] = false;
	vsp_pool_found(pool, KEPT, 2000);
	KUNIT_EXPECT_EQ(test, 2000, pool->amounts.capacity[KEPT]);
	KUNIT_ASSERT_PTR_EQ(test, &pool->renegotiation, queued);
	fixture->holder[0].invited = 0;
	queued->work.func(&queued->work);
	KUNIT_EXPECT_EQ(test, 1, fixture->holder[0].invited);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].called);

	queued = NULL;
	vsp_pool_found(pool, KEPT, 2000);
	KUNIT_EXPECT_NULL(test, queued);
	vsp_pool_found(pool, KEPT, 700);
	KUNIT_EXPECT_EQ(test, 100, vsp_pool_deficit(pool, KEPT));
	KUNIT_ASSERT_PTR_EQ(test, &pool->renegotiation, queued);
	queued->work.func(&queued->work);
	KUNIT_EXPECT_EQ(test, 0, fixture->holder[0].called);
}

static void renegotiate_calls_only_those_that_do_not_fit(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	ask_for(&fixture->ask, 1, 0, 1000, 0);
	grant(test, &fixture->holder[0], &fixture->ask);
	ask_for(&fixture->ask, 1, 0, 100, 0);
	grant(test, &fixture->holder[1], &fixture->ask);
	set_limits(&fixture->holder[1].member, 0, 100, 1000);
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

static struct kunit_case pool_divide_cases[] = {
	KUNIT_CASE(deficit_is_shared_by_weight_in_any_order),
	KUNIT_CASE(deficit_takes_from_the_lowest_priority_first),
	KUNIT_CASE(deficit_withdraws_who_needs_more_than_there_is),
	KUNIT_CASE(withdrawal_is_of_all_terms),
	KUNIT_CASE(part_of_a_rate_is_never_a_floor),
	KUNIT_CASE(change_of_capacity_renegotiates_once_and_later),
	KUNIT_CASE(what_the_source_has_counts_unless_it_is_set),
	KUNIT_CASE(renegotiate_calls_only_those_that_do_not_fit),
	KUNIT_CASE(renegotiate_calls_whoever_is_charged),
	{}
};

static struct kunit_suite pool_divide_suite = {
	.name = "vsp_pool_divide",
	.test_cases = pool_divide_cases,
};

kunit_test_suite(pool_divide_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: who gives way when a pool of vsp has less");
MODULE_LICENSE("GPL");
