// SPDX-License-Identifier: GPL-2.0-only
/*
 * An agent that answers: well, late, twice, about something else, or not at all; and which texts
 * are an answer. The uevent is where the agent acts: it comes before the provider waits.
 */
#include "vsp/abstract/agent.c"
#include "vsp/abstract/answer.c"

#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/module.h>

#define WAIT_MS		20	/* for an answer that does not come */
#define FOR_EVER_MS	60000	/* for one that comes */

/**
 * struct agent_fixture - a service, and what its agent does when it is asked
 * @abstract: of the service
 * @next: the contract
 * @act: when it is asked; NULL: nothing
 * @drops: how often it was told that the contract will not come
 */
struct agent_fixture {
	struct vsp_abstract abstract;
	struct vsp_contract next;
	void (*act)(struct agent_fixture *fixture, u64 id);
	unsigned int drops;
};

static struct agent_fixture *fixture_of(struct vsp_service *service)
{
	return (void *)service;
}

void vsp_sysfs_asks(struct vsp_service *service, u64 id)
{
	struct agent_fixture *f = fixture_of(service);

	if (f->act)
		f->act(f, id);
}

void vsp_sysfs_drops(struct vsp_service *service, u64 id)
{
	fixture_of(service)->drops++;
}

const char *vsp_service_name(const struct vsp_service *service)
{
	return "test";
}

bool vsp_service_may_log(struct vsp_service *service, const char *function)
{
	return false;
}

static int agent_prepare(struct kunit *test)
{
	struct agent_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->abstract.service = (void *)f;
	vsp_abstract_agent_init(&f->abstract);
	f->next.id = 7;
	vs_terms_unlimited(&vs_class_abstract, &f->next.terms);
	f->next.terms.term[VS_ABSTRACT_INDEX(VS_ABSTRACT_AMOUNT)].high = 5;
	f->next.terms.term[VS_ABSTRACT_INDEX(VS_ABSTRACT_RATE)].high = 90;
	test->priv = f;
	return 0;
}

static int say(struct agent_fixture *f, const char *text)
{
	struct vsp_abstract_answer answer;

	return vsp_abstract_answer_parse(&answer, text) ?:
	       vsp_abstract_agent_answer(&f->abstract, &answer);
}

static u64 counted(const struct agent_fixture *f, enum vsp_abstract_counter counter)
{
	return atomic64_read(&f->abstract.counter[counter]);
}

static void act_accept(struct agent_fixture *f, u64 id)
{
	say(f, "accept 6");
	say(f, "accept 7");
	say(f, "refuse 7 two of us");
}

static void is_granted_when_it_accepts(struct kunit *test)
{
	struct agent_fixture *f = test->priv;

	f->act = act_accept;
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS), 0);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_STALE), 2);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 7);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.amount, 5);
	KUNIT_EXPECT_EQ(test, f->abstract.asked.id, 0);
	vsp_abstract_agent_commit(&f->abstract, &f->next);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 0);
	KUNIT_EXPECT_EQ(test, f->abstract.in_force.id, 7);
	KUNIT_EXPECT_EQ(test, f->drops, 0);
}

static void act_refuse(struct agent_fixture *f, u64 id)
{
	say(f, "refuse 7 none left");
	say(f, "accept 7");
}

static void is_denied_when_it_refuses(struct kunit *test)
{
	struct agent_fixture *f = test->priv;

	f->act = act_refuse;
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS),
			-EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_REFUSED), 1);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_STALE), 1);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 0);
}

static void is_denied_when_it_does_not_answer(struct kunit *test)
{
	struct agent_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, WAIT_MS),
			-EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_UNANSWERED), 1);
	KUNIT_EXPECT_EQ(test, f->drops, 1);
	KUNIT_EXPECT_EQ(test, say(f, "accept 7"), -ESTALE);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 0);
}

static void cancel_asked(struct agent_fixture *f, u64 id)
{
	vsp_abstract_agent_cancel(&f->abstract, id);
	say(f, "accept 7");
}

static void accept_then_cancel(struct agent_fixture *f, u64 id)
{
	say(f, "accept 7");
	vsp_abstract_agent_cancel(&f->abstract, id);
}

static void ends_when_nobody_wants_it(struct kunit *test)
{
	struct agent_fixture *f = test->priv;

	f->act = cancel_asked;
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS),
			-ECANCELED);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_ACCEPTED), 0);
	KUNIT_EXPECT_EQ(test, f->drops, 1);
	f->next.id++;
	f->act = NULL;
	vsp_abstract_agent_cancel(&f->abstract, f->next.id);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS),
			-ECANCELED);
	KUNIT_EXPECT_EQ(test, counted(f, VSP_ABSTRACT_ASKS), 1);
}

static void what_was_accepted_is_given_up(struct kunit *test)
{
	struct agent_fixture *f = test->priv;

	f->act = accept_then_cancel;
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS),
			-ECANCELED);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 0);
	KUNIT_EXPECT_EQ(test, f->drops, 1);
	f->act = act_accept;
	f->abstract.cancelled = 0;
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_ask(&f->abstract, &f->next, FOR_EVER_MS), 0);
	vsp_abstract_agent_abort(&f->abstract, 6);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 7);
	vsp_abstract_agent_abort(&f->abstract, 7);
	KUNIT_EXPECT_EQ(test, f->abstract.accepted.id, 0);
	KUNIT_EXPECT_EQ(test, f->drops, 2);
}

static void no_more_is_used_than_is_granted(struct kunit *test)
{
	const u32 amount = VS_ABSTRACT_INDEX(VS_ABSTRACT_AMOUNT);
	const u32 rate = VS_ABSTRACT_INDEX(VS_ABSTRACT_RATE);
	struct agent_fixture *f = test->priv;
	struct vsp_abstract *abstract = &f->abstract;
	u64 most;

	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_use(abstract, amount, 1, &most), -ERANGE);
	vsp_abstract_agent_commit(abstract, &f->next);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_use(abstract, amount, 5, &most), 0);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_use(abstract, amount, 6, &most), -ERANGE);
	KUNIT_EXPECT_EQ(test, most, 5);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_use(abstract, rate, 90, &most), 0);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_used(abstract, amount), 5);
	f->next.terms.term[amount].high = 2;
	vsp_abstract_agent_commit(abstract, &f->next);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_used(abstract, amount), 2);
	vsp_abstract_agent_commit(abstract, NULL);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_used(abstract, amount), 0);
	KUNIT_EXPECT_EQ(test, vsp_abstract_agent_used(abstract, rate), 0);
}

/* ---- Texts ---- */

struct answer_case {
	const char *text;
	int error;
	u64 id;
	bool accepted;
	const char *reason;
};

static const struct answer_case answer_cases[] = {
	{ "accept 7", 0, 7, true, "" },
	{ "accept  18446744073709551615", 0, U64_MAX, true, "" },
	{ "refuse 7", 0, 7, false, "" },
	{ "refuse 7 no licence is left", 0, 7, false, "no licence is left" },
	{ "refuse 7 accept 7", 0, 7, false, "accept 7" },
	{ "", -EINVAL },
	{ "accept", -EINVAL },
	{ "accept ", -EINVAL },
	{ "accept 0", -EINVAL },
	{ "accept -7", -EINVAL },
	{ "accept +7", -EINVAL },
	{ "accept 7 please", -EINVAL },
	{ "accept 18446744073709551616", -EINVAL },
	{ "accept 00000000000000000000000000000007", -EINVAL },
	{ "accept 0x7", -EINVAL },
	{ "accepted 7", -EINVAL },
	{ "refuse none left", -EINVAL },
	{ "7 accept", -EINVAL },
};

static void reads_answers(struct kunit *test)
{
	struct vsp_abstract_answer answer;

	for (size_t i = 0; i < ARRAY_SIZE(answer_cases); i++) {
		const struct answer_case *of = &answer_cases[i];

		KUNIT_ASSERT_EQ_MSG(test, vsp_abstract_answer_parse(&answer, of->text), of->error,
				    "%s", of->text);
		if (of->error)
			continue;
		KUNIT_EXPECT_EQ(test, answer.id, of->id);
		KUNIT_EXPECT_EQ(test, answer.accepted, of->accepted);
		KUNIT_EXPECT_STREQ(test, answer.reason, of->reason);
	}
}

static void reads_names_of_features(struct kunit *test)
{
	struct vsp_abstract_names *names = kunit_kzalloc(test, sizeof(*names), GFP_KERNEL);
	static const char most[] =
		"0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v";
	static const char too_many[] =
		"0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w";
	static const char * const bad[] = {
		"a,a", "a b/c", "a=b", "\t", "a,\"b\"", "a-name-that-is-too-long-by-one-c",
	};

	KUNIT_ASSERT_NOT_NULL(test, names);
	KUNIT_ASSERT_EQ(test, vsp_abstract_answer_names(names, " scan, ocr,,v1.2 "), 0);
	KUNIT_ASSERT_EQ(test, names->count, 3);
	KUNIT_EXPECT_STREQ(test, names->name[0], "scan");
	KUNIT_EXPECT_STREQ(test, names->name[2], "v1.2");
	KUNIT_EXPECT_EQ(test, vsp_abstract_answer_names(names, ""), 0);
	KUNIT_EXPECT_EQ(test, names->count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, vsp_abstract_answer_names(names, bad[i]), -EINVAL, "%s",
				    bad[i]);
	KUNIT_EXPECT_EQ(test, vsp_abstract_answer_names(names, most), 0);
	KUNIT_EXPECT_EQ(test, names->count, VS_ABSTRACT_FEATURES_MAX);
	KUNIT_EXPECT_EQ(test, vsp_abstract_answer_names(names, too_many), -EINVAL);
}

static struct kunit_case agent_cases[] = {
	KUNIT_CASE(is_granted_when_it_accepts),
	KUNIT_CASE(is_denied_when_it_refuses),
	KUNIT_CASE(is_denied_when_it_does_not_answer),
	KUNIT_CASE(ends_when_nobody_wants_it),
	KUNIT_CASE(what_was_accepted_is_given_up),
	KUNIT_CASE(no_more_is_used_than_is_granted),
	KUNIT_CASE(reads_answers),
	KUNIT_CASE(reads_names_of_features),
	{}
};

static struct kunit_suite agent_suite = {
	.name = "abstract_agent",
	.init = agent_prepare,
	.test_cases = agent_cases,
};

kunit_test_suite(agent_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the agent of an abstract service");
MODULE_LICENSE("GPL");
