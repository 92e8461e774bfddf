// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a service's work takes out of the inbox of its session, and how many messages a second.
 */
#include <linux/ratelimit.h>

static bool stub_ratelimit(void);

#undef __ratelimit
#define __ratelimit(state)	((void)(state), stub_ratelimit())
#define vsp_session_wake	stub_wake
#define vsp_machine_event	stub_event
#define vsp_machine_withdraw	stub_withdraw
#define vsp_machine_changed	stub_changed
#define vsp_machine_renegotiate	stub_renegotiate
#define vsp_machine_prepared	stub_prepared
#define vsp_machine_invite	stub_invite
#define vsp_machine_close	stub_close
#define vsp_machine_expire	stub_expire
#define vsp_machine_message	stub_machine_message

#include "vsp/core/session_work.c"

#include <kunit/test.h>
#include <linux/module.h>

static struct {
	unsigned int tokens;	/* that the limit has left */
	unsigned int messages;	/* that were taken */
	u8 first;		/* byte of the last one */
	u8 byte[VS_CHANNEL_MESSAGES];	/* the channel's */
} world;

static bool stub_ratelimit(void)
{
	if (!world.tokens)
		return false;
	world.tokens--;
	return true;
}

void stub_machine_message(struct vsp_session *session, unsigned int slot, u32 generation,
			  size_t length)
{
	world.messages++;
	world.first = session->round.bytes[0];
}

ktime_t stub_expire(struct vsp_session *session)
{
	return KTIME_MAX;
}

void stub_wake(struct vsp_session *session)
{
}

void stub_event(struct vsp_session *session, enum vsp_event event)
{
}

void stub_withdraw(struct vsp_session *session)
{
}

void stub_changed(struct vsp_session *session)
{
}

void stub_renegotiate(struct vsp_session *session, u32 reason)
{
}

void stub_prepared(struct vsp_session *session)
{
}

void stub_invite(struct vsp_session *session)
{
}

void stub_close(struct vsp_session *session)
{
}

static struct vsp_session *new_session(struct kunit *test, unsigned int tokens)
{
	struct vsp_session *session = kunit_kzalloc(test, sizeof(*session), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, session);
	memset(&world, 0, sizeof(world));
	world.tokens = tokens;
	vsp_session_init_work(session);
	return session;
}

static void put_message(struct vsp_session *session, unsigned int slot, u8 first)
{
	session->inbox.slot[slot].full = true;
	session->inbox.slot[slot].sequence = first;
	session->inbox.slot[slot].length = 1;
	session->inbox.slot[slot].bytes = &world.byte[slot];
	world.byte[slot] = first;
}

/* A client that waits for each answer sends as many as one that does not. */
static void a_message_costs_one_of_those_that_are_allowed(struct kunit *test)
{
	struct vsp_session *session = new_session(test, 8);

	for (u8 i = 1; i <= 8; i++) {
		put_message(session, 0, i);
		session_take_messages(session);
		KUNIT_EXPECT_EQ(test, world.messages, i);
	}
	KUNIT_EXPECT_EQ(test, world.tokens, 0);
}

static void a_look_at_an_empty_inbox_costs_none(struct kunit *test)
{
	struct vsp_session *session = new_session(test, 1);

	for (unsigned int i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, session_take_messages(session), KTIME_MAX);
	/* Its driver is not known yet. */
	put_message(session, 0, 1);
	session->inbox.bits = VSP_INBOX_NEW_DRIVER;
	session_take_messages(session);
	KUNIT_EXPECT_EQ(test, world.messages, 0);
	KUNIT_EXPECT_EQ(test, world.tokens, 1);
}

static void what_is_above_the_limit_waits(struct kunit *test)
{
	struct vsp_session *session = new_session(test, 1);

	put_message(session, 0, 2);
	put_message(session, 1, 1);
	KUNIT_EXPECT_LT(test, session_take_messages(session), KTIME_MAX);
	KUNIT_EXPECT_EQ(test, world.messages, 1);
	KUNIT_EXPECT_EQ(test, world.first, 1);
	KUNIT_EXPECT_TRUE(test, session->inbox.slot[0].full);
	world.tokens = 1;
	session_take_messages(session);
	KUNIT_EXPECT_EQ(test, world.first, 2);
}

static struct kunit_case session_work_cases[] = {
	KUNIT_CASE(a_message_costs_one_of_those_that_are_allowed),
	KUNIT_CASE(a_look_at_an_empty_inbox_costs_none),
	KUNIT_CASE(what_is_above_the_limit_waits),
	{}
};

static struct kunit_suite session_work_suite = {
	.name = "vsp_session_work",
	.test_cases = session_work_cases,
};

kunit_test_suite(session_work_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what the work of a service takes out of its inbox");
MODULE_LICENSE("GPL");
