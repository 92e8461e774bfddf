// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a client is called as there is more for it, and when not: vsp/core/machine_invite.c
 * itself, over a pool that offers what a test says.
 */

/* Not exported by vsp.ko: this module has its own copy, and what it calls, below. */
#include "vsp/core/machine_invite.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#define SIZE		100	/* of every contract here */

enum { KEPT, RATE, TERMS };

static const struct vs_term_spec terms[TERMS] = {
	{ .id = 1, .kind = VS_KIND_SPACE, .flags = VS_TERM_KEPT, .name = "kept", .unit = "bytes",
	  .lowest = 1, .highest = 1 << 20, .step = 1 },
	{ .id = 3, .kind = VS_KIND_RATE, .name = "rate", .unit = "1/s", .lowest = 1,
	  .highest = 1 << 20, .step = 1 },
};

static const struct vs_class_spec spec = {
	.id = 1, .name = "test", .count = TERMS, .term = terms, .queues = 1, .queue_size = 16,
};

struct fixture {
	struct vsp_service service;
	struct vsp_session session;
	struct vsp_contract running;
	struct vs_terms offer;		/* of the pool */
	struct vs_terms limits;		/* of the pool, if it were all the service's */
	struct vs_terms fallback;
	unsigned int invitations;
	unsigned int told;		/* by a call that is open anyhow */
	u32 reason;
};

static struct fixture *fixture_of(struct vsp_service *service)
{
	return container_of(service, struct fixture, service);
}

static struct fixture *fixture_of_member(struct vsp_member *member)
{
	return container_of(member, struct fixture, service.member);
}

/* ---- What vsp/core/machine_invite.c calls of other files ---- */

struct vsp_contract *vsp_machine_in_force(struct vsp_session *session)
{
	return rcu_dereference_protected(session->service->in_force, true);
}

int vsp_pool_offer(struct vsp_member *member, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason)
{
	struct vs_terms *grant = &fixture_of_member(member)->session.round.message.terms;

	*offer = fixture_of_member(member)->offer;
	return vs_terms_grant(&spec, ask, offer, grant, denied);
}

void vsp_pool_wanted(struct vsp_member *member, const struct vs_terms *ask,
		     struct vs_terms *wanted)
{
	u16 denied;

	vs_terms_choose(&spec, ask, &fixture_of_member(member)->limits, wanted, &denied);
}

void vsp_pool_fallback(struct vsp_member *member, const struct vs_terms *terms,
		       struct vs_terms *fallback)
{
	*fallback = fixture_of_member(member)->fallback;
}

void vsp_machine_settle(struct vsp_session *session)
{
	session->call.open = false;
}

void vsp_machine_open_invitation(struct vsp_session *session, u32 reason)
{
	fixture_of(session->service)->invitations++;
	fixture_of(session->service)->reason = reason;
}

void vsp_machine_event(struct vsp_session *session, enum vsp_event event)
{
	if (event == VSP_EVENT_INVITE)
		fixture_of(session->service)->told++;
}

/* ---- Fixture ---- */

static void set(struct vs_terms *set, u64 size_low, u64 low, u64 high)
{
	vs_terms_unlimited(&spec, set);
	set->term[KEPT].low = size_low;
	set->term[KEPT].high = SIZE;
	set->term[RATE].low = low;
	set->term[RATE].high = high;
}

static void free_fixture(void *fixture)
{
	kvfree(fixture);
}

/* A client that has a floor of 500, would have taken all of 800, and runs. */
static struct fixture *make_fixture(struct kunit *test)
{
	struct fixture *fixture = kvzalloc(sizeof(*fixture), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fixture);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_fixture, fixture));
	fixture->service.spec = &spec;
	fixture->session.service = &fixture->service;
	fixture->session.state = VS_STATE_RUNNING;
	set(&fixture->session.asked, 1, 0, 1000);
	set(&fixture->limits, 0, 800, 1000);
	set(&fixture->offer, 0, 500, 1000);
	set(&fixture->running.terms, SIZE, 500, 1000);
	fixture->fallback = fixture->running.terms;
	rcu_assign_pointer(fixture->service.in_force, &fixture->running);
	return fixture;
}

/* The pool has something else, and says so. Return: whether the client is called. */
static bool offered(struct fixture *fixture, u64 low, u64 high)
{
	unsigned int before = fixture->invitations;

	set(&fixture->offer, 0, low, high);
	vsp_machine_invite(&fixture->session);
	return fixture->invitations > before;
}

/* It takes what it was offered. */
static void take(struct fixture *fixture)
{
	set(&fixture->running.terms, SIZE, fixture->session.round.choice.term[RATE].low,
	    fixture->session.round.choice.term[RATE].high);
	fixture->session.invitation.told.count = 0;
}

/* ---- Cases ---- */

static void called_for_what_it_wanted_and_did_not_get(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	KUNIT_EXPECT_FALSE(test, offered(fixture, 500, 1000));
	KUNIT_EXPECT_TRUE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_EQ(test, VS_REASON_MORE, fixture->reason);
	take(fixture);
	KUNIT_EXPECT_TRUE(test, offered(fixture, 800, 1000));
	take(fixture);
	/* Nothing is wanting any more. */
	KUNIT_EXPECT_FALSE(test, offered(fixture, 800, 2000));
}

static void not_called_twice_for_what_it_did_not_take(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	KUNIT_EXPECT_TRUE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_FALSE(test, offered(fixture, 560, 1000));
	KUNIT_EXPECT_TRUE(test, offered(fixture, 700, 1000));
	KUNIT_EXPECT_FALSE(test, offered(fixture, 700, 1000));
}

static void not_called_for_next_to_nothing(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	KUNIT_EXPECT_FALSE(test, offered(fixture, 511, 1000));
	KUNIT_EXPECT_TRUE(test, offered(fixture, 512, 1000));
	/* But if it is the last that is wanting. */
	set(&fixture->running.terms, SIZE, 799, 1000);
	fixture->session.invitation.told.count = 0;
	KUNIT_EXPECT_TRUE(test, offered(fixture, 800, 1000));
}

static void not_called_for_more_of_one_and_less_of_another(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	KUNIT_EXPECT_FALSE(test, offered(fixture, 700, 900));
	KUNIT_EXPECT_FALSE(test, offered(fixture, 499, 1000));
}

static void a_floor_that_was_asked_for_is_all_that_is_wanted(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	set(&fixture->session.asked, 1, 500, 1000);
	KUNIT_EXPECT_FALSE(test, offered(fixture, 700, 1000));
	set(&fixture->running.terms, SIZE, 400, 1000);
	KUNIT_EXPECT_FALSE(test, offered(fixture, 450, 1000));	/* would be denied */
	KUNIT_EXPECT_TRUE(test, offered(fixture, 500, 1000));
}

static void denied_is_called_as_soon_as_it_would_not_be(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	set(&fixture->session.asked, 1, 600, 1000);
	fixture->session.invitation.denied = true;
	rcu_assign_pointer(fixture->service.in_force, NULL);
	fixture->session.state = VS_STATE_INITIALIZED;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 599, 1000));
	KUNIT_EXPECT_TRUE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
}

static void negotiation_under_way_is_waited_for(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	fixture->session.state = VS_STATE_INITIALIZED;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_TRUE(test, fixture->session.invitation.later);
	fixture->session.state = VS_STATE_RUNNING;
	KUNIT_EXPECT_TRUE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_FALSE(test, fixture->session.invitation.later);
}

static void nobody_is_called_without_an_ask_or_a_contract(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	fixture->session.stop.withdrawn = true;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
	fixture->session.stop.withdrawn = false;
	fixture->session.asked.count = 0;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
	fixture->session.asked.count = TERMS;
	rcu_assign_pointer(fixture->service.in_force, NULL);
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
}

static void open_call_of_the_pool_ends_when_all_fits_again(struct kunit *test)
{
	struct fixture *fixture = make_fixture(test);

	fixture->session.call.open = true;
	fixture->session.call.reason = VS_REASON_CAPACITY;
	fixture->session.state = VS_STATE_INITIALIZED;
	fixture->fallback.term[RATE].low = 400;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 400, 1000));
	KUNIT_EXPECT_TRUE(test, fixture->session.call.open);
	fixture->fallback = fixture->running.terms;
	KUNIT_EXPECT_TRUE(test, offered(fixture, 500, 1000));
	KUNIT_EXPECT_FALSE(test, fixture->session.call.open);

	/* That of an administrator does not. */
	fixture->session.call.open = true;
	fixture->session.call.reason = VS_REASON_ADMIN;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 500, 1000));
	KUNIT_EXPECT_TRUE(test, fixture->session.call.open);
	/* Who was denied is told by it that there is more. */
	fixture->session.invitation.denied = true;
	KUNIT_EXPECT_FALSE(test, offered(fixture, 600, 1000));
	KUNIT_EXPECT_EQ(test, 1, fixture->told);
}

static struct kunit_case invite_cases[] = {
	KUNIT_CASE(called_for_what_it_wanted_and_did_not_get),
	KUNIT_CASE(not_called_twice_for_what_it_did_not_take),
	KUNIT_CASE(not_called_for_next_to_nothing),
	KUNIT_CASE(not_called_for_more_of_one_and_less_of_another),
	KUNIT_CASE(a_floor_that_was_asked_for_is_all_that_is_wanted),
	KUNIT_CASE(denied_is_called_as_soon_as_it_would_not_be),
	KUNIT_CASE(negotiation_under_way_is_waited_for),
	KUNIT_CASE(nobody_is_called_without_an_ask_or_a_contract),
	KUNIT_CASE(open_call_of_the_pool_ends_when_all_fits_again),
	{}
};

static struct kunit_suite invite_suite = {
	.name = "vsp_invite",
	.test_cases = invite_cases,
};

kunit_test_suite(invite_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: when vsp calls a client as there is more for it");
MODULE_LICENSE("GPL");
