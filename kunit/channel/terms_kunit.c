// SPDX-License-Identifier: GPL-2.0-only
/*
 * The algebra of terms: cases by hand.  algebra_kunit.c has the properties.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_storage.h"
#include "vs_terms.h"

/* Everything a test needs; too large for the stack. */
struct fixture {
	struct vs_terms ask;
	struct vs_terms offer;
	struct vs_terms grant;
	struct vs_terms other;
};

static int prepare(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct fixture), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static const struct vs_term_spec rate = {
	.id = 1, .kind = VS_KIND_RATE, .name = "rate", .lowest = 10, .highest = 1000
};

static const struct vs_term_spec space = {
	.id = 1, .kind = VS_KIND_SPACE, .name = "space", .lowest = 8, .highest = 1000, .step = 4
};

static const struct vs_term_spec cache = {
	.id = 1, .kind = VS_KIND_SPACE, .name = "cache", .highest = 1000, .step = 1
};

static const struct vs_term_spec level = {
	.id = 1, .kind = VS_KIND_LEVEL, .name = "level", .lowest = 512, .highest = 4096
};

static const struct vs_term_spec power = {
	.id = 1, .kind = VS_KIND_LEVEL, .name = "power", .highest = 1ULL << 63
};

static const struct vs_term_spec set = {
	.id = 1, .kind = VS_KIND_SET, .name = "set", .highest = 7
};

static const struct vs_term_spec identity = {
	.id = 1, .kind = VS_KIND_IDENTITY, .name = "identity"
};

static const struct vs_term_spec suggested = {
	.id = 1, .kind = VS_KIND_IDENTITY, .flags = VS_TERM_SUGGESTED, .name = "suggested"
};

#define DENIED	{ 1, 0 }

static const struct by_hand {
	const struct vs_term_spec *spec;
	u64 ask[2], offer[2], grant[2], choice[2];
} by_hand[] = {
	{ &rate, { 0, 100 }, { 50, 80 }, { 0, 80 }, { 50, 80 } },
	{ &rate, { 0, 30 }, { 50, 80 }, { 0, 30 }, { 30, 30 } },
	{ &rate, { 50, 100 }, { 50, 80 }, { 50, 80 }, { 50, 80 } },
	{ &rate, { 51, 100 }, { 50, 80 }, DENIED, DENIED },
	{ &rate, { 0, 9 }, { 50, 80 }, DENIED, DENIED },
	{ &rate, { 0, 10 }, { 0, 10 }, { 0, 10 }, { 0, 10 } },
	{ &rate, { 0, 100 }, { 0, 0 }, DENIED, DENIED },
	{ &space, { 10, 100 }, { 0, 50 }, { 48, 48 }, { 48, 48 } },
	{ &space, { 49, 100 }, { 0, 50 }, DENIED, DENIED },
	{ &space, { 0, 1000 }, { 0, 8 }, { 8, 8 }, { 8, 8 } },
	{ &space, { 0, 1000 }, { 0, 7 }, DENIED, DENIED },
	{ &space, { 13, 15 }, { 0, 1000 }, DENIED, DENIED },
	{ &space, { 0, 20 }, { 24, 100 }, DENIED, DENIED },
	{ &cache, { 0, 1000 }, { 0, 0 }, { 0, 0 }, { 0, 0 } },
	{ &cache, { 1, 1000 }, { 0, 0 }, DENIED, DENIED },
	{ &level, { 512, 4096 }, { 512, 3000 }, { 2048, 2048 }, { 2048, 2048 } },
	{ &level, { 0, 1000000 }, { 600, 1000 }, DENIED, DENIED },
	{ &level, { 512, 512 }, { 512, 4096 }, { 512, 512 }, { 512, 512 } },
	{ &level, { 512, 512 }, { 1024, 4096 }, DENIED, DENIED },
	{ &power, { 0, 5 }, { 0, 8 }, { 4, 4 }, { 4, 4 } },
	{ &power, { 0, 0 }, { 0, 8 }, DENIED, DENIED },
	{ &power, { 0, U64_MAX }, { 0, U64_MAX }, { 1ULL << 63, 1ULL << 63 },
	  { 1ULL << 63, 1ULL << 63 } },
	{ &set, { 1, 7 }, { 0, 3 }, { 3, 3 }, { 1, 3 } },
	{ &set, { 4, 7 }, { 0, 3 }, DENIED, DENIED },
	{ &set, { 0, 4 }, { 0, 3 }, { 0, 0 }, { 0, 0 } },
};

static void fill(struct vs_terms *terms, const struct vs_term_spec *spec, const u64 *range)
{
	terms->count = 1;
	terms->term[0].id = spec->id;
	terms->term[0].kind = spec->kind;
	terms->term[0].low = range[0];
	terms->term[0].high = range[1];
}

static void cases_by_hand_come_out_as_written(struct kunit *test)
{
	struct fixture *fix = test->priv;

	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++) {
		const struct by_hand *hand = &by_hand[i];
		const struct vs_class_spec spec = { .count = 1, .term = hand->spec };
		bool deny = hand->grant[0] > hand->grant[1];
		u16 denied;

		fill(&fix->ask, hand->spec, hand->ask);
		fill(&fix->offer, hand->spec, hand->offer);
		KUNIT_EXPECT_EQ_MSG(test, vs_terms_grant(&spec, &fix->ask, &fix->offer,
							 &fix->grant, &denied),
				    deny ? -ENOSPC : 0, "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, denied, deny ? 1 : 0, "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, vs_terms_choose(&spec, &fix->ask, &fix->offer,
							  &fix->other, &denied),
				    deny ? -ENOSPC : 0, "line %zu", i);
		if (deny)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, fix->grant.term[0].low, hand->grant[0], "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, fix->grant.term[0].high, hand->grant[1], "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, fix->other.term[0].low, hand->choice[0], "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, fix->other.term[0].high, hand->choice[1], "line %zu", i);
	}
}

static void offers_by_hand_come_out_as_written(struct kunit *test)
{
	static const struct {
		const struct vs_term_spec *spec;
		u64 limit[2], free, capacity, offer[2];
	} offers[] = {
		{ &rate, { 0, U64_MAX }, 500, 700, { 0, 700 } },
		{ &rate, { 600, 650 }, 500, 700, { 500, 650 } },
		{ &rate, { 600, 2000 }, 5000, 5000, { 600, 1000 } },
		{ &rate, { 600, 2000 }, 700, 50, { 50, 50 } },
		{ &space, { 0, 50 }, 100, 0, { 0, 48 } },
		{ &space, { 0, 50 }, 31, 0, { 0, 28 } },
		{ &space, { 0, 5000 }, 5000, 0, { 0, 1000 } },
		{ &space, { 20, 50 }, 22, 0, { 20, 20 } },
		{ &space, { 20, 50 }, 19, 0, { 0, 0 } },
		{ &level, { 0, 2048 }, 0, 0, { 512, 2048 } },
		{ &level, { 1024, U64_MAX }, 0, 0, { 1024, 4096 } },
		{ &level, { 0, 511 }, 0, 0, { 0, 0 } },
		{ &set, { 0, 0xff }, 0, 0, { 0, 7 } },
		{ &set, { 0, 2 }, 0, 0, { 0, 2 } },
	};
	struct fixture *fix = test->priv;

	for (size_t i = 0; i < ARRAY_SIZE(offers); i++) {
		const struct vs_class_spec spec = { .count = 1, .term = offers[i].spec };

		fill(&fix->other, offers[i].spec, offers[i].limit);
		vs_terms_offer(&spec, &fix->other, &offers[i].free, &offers[i].capacity,
			       &fix->offer);
		KUNIT_EXPECT_EQ_MSG(test, fix->offer.term[0].low, offers[i].offer[0],
				    "line %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, fix->offer.term[0].high, offers[i].offer[1],
				    "line %zu", i);
	}
}

static void an_ask_out_of_range_is_refused(struct kunit *test)
{
	static const struct {
		const struct vs_term_spec *spec;
		u64 ask[2];
		int error;
	} asks[] = {
		{ &rate, { 0, 0 }, 0 }, { &rate, { 1000, 1000 }, 0 },
		{ &rate, { 2, 1 }, -ERANGE }, { &rate, { 0, 1001 }, -ERANGE },
		{ &space, { 3, 1000 }, 0 }, { &space, { 1001, 1002 }, -ERANGE },
		{ &space, { 1000, 999 }, -ERANGE },
		{ &level, { 0, 4096 }, 0 }, { &level, { 0, 4097 }, -ERANGE },
		{ &set, { 1, 7 }, 0 }, { &set, { 1, 6 }, -ERANGE }, { &set, { 0, 8 }, -ERANGE },
		{ &identity, { 0, 0 }, 0 }, { &identity, { 0, 1 }, -ERANGE },
		{ &identity, { 1, 0 }, -ERANGE }, { &identity, { 1, 1 }, -ERANGE },
	};
	struct fixture *fix = test->priv;

	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		const struct vs_class_spec spec = { .count = 1, .term = asks[i].spec };

		fill(&fix->ask, asks[i].spec, asks[i].ask);
		KUNIT_EXPECT_EQ_MSG(test, vs_terms_check_ask(&spec, &fix->ask), asks[i].error,
				    "line %zu", i);
	}
}

static void a_client_without_wishes_asks_for_all_there_is(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct vs_term *term = fix->ask.term;

	vs_terms_unlimited(&vs_class_storage, &fix->ask);
	KUNIT_EXPECT_EQ(test, fix->ask.count, vs_class_storage.count);
	for (u32 i = 0; i < vs_class_storage.count; i++)
		KUNIT_EXPECT_EQ(test, term[i].high, vs_class_storage.term[i].highest);
	KUNIT_EXPECT_EQ(test, term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)].low, 1 << 20);
	KUNIT_EXPECT_EQ(test, term[VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)].low, 0);
	KUNIT_EXPECT_EQ(test, term[VS_STORAGE_INDEX(VS_STORAGE_ACCESS)].low, 0);
	KUNIT_EXPECT_EQ(test, term[VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE)].low, 512);
}

static void nothing_or_all_is_granted(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct vs_class_spec *spec = &vs_class_storage;
	u16 denied;

	vs_terms_unlimited(spec, &fix->ask);
	fix->offer = fix->ask;
	fix->offer.term[VS_STORAGE_INDEX(VS_STORAGE_IOPS)].high = 0;
	memset(&fix->grant, 0xff, sizeof(fix->grant));
	KUNIT_EXPECT_EQ(test, vs_terms_grant(spec, &fix->ask, &fix->offer, &fix->grant, &denied),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, denied, VS_STORAGE_IOPS);
	KUNIT_EXPECT_NULL(test, memchr_inv(&fix->grant, 0, sizeof(fix->grant)));
}

/* A contract is possible within limits if who takes anything could be granted one. */
static void limits_without_a_value_make_no_contract_possible(struct kunit *test)
{
	struct fixture *fix = test->priv;
	const struct vs_class_spec *spec = &vs_class_storage;
	u16 denied;

	vs_terms_unlimited(spec, &fix->ask);
	for (u32 i = 0; i < spec->count; i++) {
		const u64 tried[] = { 0, 1, spec->term[i].lowest - 1, spec->term[i].lowest,
				      spec->term[i].lowest + 1, spec->term[i].highest };

		for (u32 j = 0; j < ARRAY_SIZE(tried); j++) {
			fix->offer = fix->ask;
			fix->offer.term[i].high = tried[j];
			KUNIT_EXPECT_EQ_MSG(test, vs_terms_possible(spec, &fix->offer),
					    !vs_terms_grant(spec, &fix->ask, &fix->offer,
							    &fix->grant, &denied),
					    "%s %llu", spec->term[i].name, tried[j]);
		}
	}
	fix->offer = fix->ask;
	KUNIT_EXPECT_TRUE(test, vs_terms_possible(spec, &fix->offer));
	fix->offer.term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)].high = 0;
	KUNIT_EXPECT_FALSE(test, vs_terms_possible(spec, &fix->offer));
}

static void only_checked_characters_are_text(struct kunit *test)
{
	char longest[VS_WIRE_TEXT_MAX + 1];

	for (u32 c = 0; c < 256; c++) {
		const char text[3] = { 'x', c, 'y' };
		bool allowed = c > ' ' && c < 0x7f && c != '/';

		if (vs_terms_text_valid(text, sizeof(text)) != allowed)
			KUNIT_FAIL(test, "character %#x", c);
	}
	memset(longest, 'x', sizeof(longest));
	KUNIT_EXPECT_TRUE(test, vs_terms_text_valid(longest, 0));
	KUNIT_EXPECT_TRUE(test, vs_terms_text_valid(longest, VS_WIRE_TEXT_MAX));
	KUNIT_EXPECT_FALSE(test, vs_terms_text_valid(longest, VS_WIRE_TEXT_MAX + 1));
}

struct text_case {
	const char *ask;
	const char *offer;
	const char *grant;	/* NULL: denied */
};

static void fill_text(struct vs_terms *terms, const struct vs_term_spec *spec, const char *text)
{
	static const u64 none[2];

	fill(terms, spec, none);
	strscpy_pad(terms->term[0].text, text);
	terms->term[0].length = strlen(text);
}

/* Whether it is granted at once or chosen. */
static void check_text(struct kunit *test, const struct vs_term_spec *term,
		       const struct text_case *text)
{
	const struct vs_class_spec spec = { .count = 1, .term = term };
	struct fixture *fix = test->priv;
	int error = text->grant ? 0 : -ENOSPC;
	u16 denied;

	fill_text(&fix->ask, term, text->ask);
	fill_text(&fix->offer, term, text->offer);
	KUNIT_EXPECT_EQ(test, vs_terms_grant(&spec, &fix->ask, &fix->offer, &fix->grant, &denied),
			error);
	KUNIT_EXPECT_EQ(test, vs_terms_choose(&spec, &fix->ask, &fix->offer, &fix->other, &denied),
			error);
	KUNIT_EXPECT_EQ(test, denied, error ? term->id : 0);
	if (error)
		return;
	KUNIT_EXPECT_STREQ(test, fix->grant.term[0].text, text->grant);
	KUNIT_EXPECT_STREQ(test, fix->other.term[0].text, text->grant);
	KUNIT_EXPECT_EQ(test, fix->grant.term[0].length, strlen(text->grant));
}

static void texts_have_to_agree(struct kunit *test)
{
	static const struct text_case texts[] = {
		{ "", "", "" }, { "", "a", "a" }, { "a", "", "a" }, { "a", "a", "a" },
		{ "a", "b", NULL }, { "ab", "a", NULL }, { "a", "ab", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(test, &identity, &texts[i]);
}

/* What is offered is for those who wish for nothing else. */
static void a_suggested_text_may_be_wished_otherwise(struct kunit *test)
{
	static const struct text_case texts[] = {
		{ "", "", "" }, { "", "a", "a" }, { "a", "", "a" }, { "a", "a", "a" },
		{ "a", "b", "a" }, { "ab", "a", "ab" }, { "a", "ab", "a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_text(test, &suggested, &texts[i]);
}

static void only_what_is_agreed_makes_two_sets_equal(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct vs_term *term = &fix->other.term[1];

	vs_terms_unlimited(&vs_class_storage, &fix->ask);
#define CHANGED(equal, change) do {							\
	fix->other = fix->ask;								\
	change;										\
	KUNIT_EXPECT_EQ_MSG(test, vs_terms_equal(&fix->ask, &fix->other), equal, #change);	\
} while (0)
	CHANGED(true, term->demand++);
	CHANGED(true, term->text[0] = 'x');
	CHANGED(false, term->low++);
	CHANGED(false, term->high--);
	CHANGED(false, term->id++);
	CHANGED(false, term->kind++);
	CHANGED(false, term->length++);
	CHANGED(false, fix->other.count--);
#undef CHANGED
	fix->ask.term[1].length = 2;
	fix->other = fix->ask;
	KUNIT_EXPECT_TRUE(test, vs_terms_equal(&fix->ask, &fix->other));
	term->text[1] = 'x';
	KUNIT_EXPECT_FALSE(test, vs_terms_equal(&fix->ask, &fix->other));
}

static void an_empty_contract_charges_nothing(struct kunit *test)
{
	struct fixture *fix = test->priv;

	memset(&fix->grant, 0, sizeof(fix->grant));
	for (u32 i = 0; i <= vs_class_storage.count; i++)
		KUNIT_EXPECT_EQ(test, vs_terms_charge(&vs_class_storage, &fix->grant, i), 0);
	vs_terms_unlimited(&vs_class_storage, &fix->grant);
	KUNIT_EXPECT_EQ(test, vs_terms_charge(&vs_class_storage, &fix->grant,
					      vs_class_storage.count), 0);
	fix->grant.count = 1;
	KUNIT_EXPECT_GT(test, vs_terms_charge(&vs_class_storage, &fix->grant, 0), 0);
	fix->grant.term[4].high = 1;
	KUNIT_EXPECT_EQ(test, vs_terms_charge(&vs_class_storage, &fix->grant, 4), 0);
	KUNIT_EXPECT_NULL(test, vs_terms_find(&fix->grant, 0));
}

static void a_contract_that_cannot_be_kept_falls_back_to_none(struct kunit *test)
{
	static const struct vs_class_spec spec = { .count = 1, .term = &rate };
	static const u64 contract[] = { 5, 50 }, less[] = { 0, 10 }, nothing[] = { 0, 9 };
	struct fixture *fix = test->priv;

	fill(&fix->grant, &rate, contract);
	fill(&fix->offer, &rate, less);
	vs_terms_clamp(&spec, &fix->grant, &fix->offer, &fix->other);
	KUNIT_EXPECT_EQ(test, fix->other.count, 1);
	KUNIT_EXPECT_EQ(test, fix->other.term[0].low, 0);
	KUNIT_EXPECT_EQ(test, fix->other.term[0].high, 10);
	fill(&fix->offer, &rate, nothing);
	vs_terms_clamp(&spec, &fix->grant, &fix->offer, &fix->other);
	KUNIT_EXPECT_EQ(test, fix->other.count, 0);
}

static void what_is_kept_or_fixed_stays_whatever_is_offered(struct kunit *test)
{
	struct fixture *fix = test->priv;
	u16 denied;

	vs_terms_unlimited(&vs_class_storage, &fix->ask);
	KUNIT_ASSERT_EQ(test, vs_terms_grant(&vs_class_storage, &fix->ask, &fix->ask, &fix->grant,
					     &denied), 0);
	fix->offer = fix->ask;
	fix->offer.term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)].low = 0;
	fix->offer.term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)].high = 0;
	fix->offer.term[VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE)].high = 512;
	vs_terms_clamp(&vs_class_storage, &fix->grant, &fix->offer, &fix->other);
	KUNIT_EXPECT_TRUE(test, vs_terms_equal(&fix->other, &fix->grant));
}

static struct kunit_case terms_cases[] = {
	KUNIT_CASE(cases_by_hand_come_out_as_written),
	KUNIT_CASE(offers_by_hand_come_out_as_written),
	KUNIT_CASE(an_ask_out_of_range_is_refused),
	KUNIT_CASE(a_client_without_wishes_asks_for_all_there_is),
	KUNIT_CASE(nothing_or_all_is_granted),
	KUNIT_CASE(limits_without_a_value_make_no_contract_possible),
	KUNIT_CASE(only_checked_characters_are_text),
	KUNIT_CASE(texts_have_to_agree),
	KUNIT_CASE(a_suggested_text_may_be_wished_otherwise),
	KUNIT_CASE(only_what_is_agreed_makes_two_sets_equal),
	KUNIT_CASE(an_empty_contract_charges_nothing),
	KUNIT_CASE(a_contract_that_cannot_be_kept_falls_back_to_none),
	KUNIT_CASE(what_is_kept_or_fixed_stays_whatever_is_offered),
	{}
};

static struct kunit_suite terms_suite = {
	.name = "vs_terms",
	.init = prepare,
	.test_cases = terms_cases,
};

kunit_test_suite(terms_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the algebra of terms of vs_channel");
MODULE_LICENSE("GPL");
