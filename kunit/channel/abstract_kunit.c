// SPDX-License-Identifier: GPL-2.0-only
/* The terms of abstract: what is offered, granted and left by a smaller limit, case by case. */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/string.h>

#include "vs_abstract.h"
#include "vs_class.h"
#include "vs_terms.h"

/* Values in the order of the class's table; a RATE has two. */
struct abstract_values {
	u64 amount, level, floor, ceiling, features;
};

/**
 * struct abstract_case - one ask
 * @what: is shown where it fails
 * @limit: of the service
 * @free: of amount and rate in the pool
 * @capacity: of rate
 * @least: that is asked for
 * @most: likewise
 * @denied: id of the term that is short, 0: it is granted
 * @granted: then
 */
struct abstract_case {
	const char *what;
	struct abstract_values limit;
	u64 free;
	u64 capacity;
	struct abstract_values least;
	struct abstract_values most;
	u16 denied;
	struct abstract_values granted;
};

static const struct abstract_case abstract_cases[] = {
	{ "nothing is set, nothing is asked for", .most = { 9, 9, 0, 9, 3 } },
	{ "nothing is set, a licence is needed", .least.amount = 1, .most.amount = 1,
	  .free = 5, .denied = VS_ABSTRACT_AMOUNT },
	{ "what the limit allows", .limit.amount = 3, .free = 5, .most.amount = 9,
	  .granted.amount = 3 },
	{ "what the pool has left", .limit.amount = 3, .free = 2, .most.amount = 9,
	  .granted.amount = 2 },
	{ "more than the pool has left", .limit.amount = 3, .free = 2, .least.amount = 3,
	  .most.amount = 3, .denied = VS_ABSTRACT_AMOUNT },
	{ "a level", .limit.level = 4, .least.level = 2, .most.level = 9, .granted.level = 4 },
	{ "a level above the limit", .limit.level = 4, .least.level = 5, .most.level = 9,
	  .denied = VS_ABSTRACT_LEVEL },
	{ "a floor", .limit = { .floor = 70, .ceiling = 90 }, .free = 80, .capacity = 100,
	  .least.floor = 70, .most.ceiling = 100, .granted = { .floor = 70, .ceiling = 90 } },
	{ "a floor that others have", .limit = { .floor = 70, .ceiling = 90 }, .free = 60,
	  .capacity = 100, .least.floor = 70, .most.ceiling = 100, .denied = VS_ABSTRACT_RATE },
	{ "a ceiling above the capacity", .limit.ceiling = U64_MAX, .capacity = 50,
	  .most.ceiling = 80, .granted.ceiling = 50 },
	{ "features", .limit.features = 5, .least.features = 1, .most.features = 7,
	  .granted.features = 5 },
	{ "a feature that is not allowed", .limit.features = 5, .least.features = 2,
	  .most.features = 7, .denied = VS_ABSTRACT_FEATURES },
};

static void abstract_case_name(const struct abstract_case *of, char *name)
{
	strscpy(name, of->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(abstract, abstract_cases, abstract_case_name);

struct abstract_fixture {
	struct vs_terms limits, ask, offer, grant, other;
};

static struct vs_term *term_of(struct vs_terms *terms, enum vs_abstract_term id)
{
	return &terms->term[VS_ABSTRACT_INDEX(id)];
}

static void set_range(struct vs_terms *terms, enum vs_abstract_term id, u64 low, u64 high)
{
	term_of(terms, id)->low = low;
	term_of(terms, id)->high = high;
}

static void set_terms(struct vs_terms *terms, const struct abstract_values *least,
		      const struct abstract_values *most)
{
	vs_terms_unlimited(&vs_class_abstract, terms);
	set_range(terms, VS_ABSTRACT_AMOUNT, least->amount, most->amount);
	set_range(terms, VS_ABSTRACT_LEVEL, least->level, most->level);
	set_range(terms, VS_ABSTRACT_RATE, least->floor, most->ceiling);
	set_range(terms, VS_ABSTRACT_FEATURES, least->features, most->features);
}

static void make_offer(struct abstract_fixture *f, const struct abstract_case *of)
{
	const struct abstract_values low = { .floor = of->limit.floor };
	u64 free[VS_ABSTRACT_LABEL], capacity[VS_ABSTRACT_LABEL];

	for (size_t i = 0; i < ARRAY_SIZE(free); i++) {
		free[i] = of->free;
		capacity[i] = of->capacity;
	}
	set_terms(&f->limits, &low, &of->limit);
	vs_terms_offer(&vs_class_abstract, &f->limits, free, capacity, &f->offer);
}

static void expect_granted(struct kunit *test, struct vs_terms *grant,
			   const struct abstract_values *wanted)
{
	KUNIT_EXPECT_EQ(test, term_of(grant, VS_ABSTRACT_AMOUNT)->high, wanted->amount);
	KUNIT_EXPECT_EQ(test, term_of(grant, VS_ABSTRACT_LEVEL)->high, wanted->level);
	KUNIT_EXPECT_EQ(test, term_of(grant, VS_ABSTRACT_RATE)->low, wanted->floor);
	KUNIT_EXPECT_EQ(test, term_of(grant, VS_ABSTRACT_RATE)->high, wanted->ceiling);
	KUNIT_EXPECT_EQ(test, term_of(grant, VS_ABSTRACT_FEATURES)->high, wanted->features);
}

static void grants_what_there_is(struct kunit *test)
{
	struct abstract_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	const struct abstract_case *of = test->param_value;
	u16 denied;
	int error;

	KUNIT_ASSERT_NOT_NULL(test, f);
	make_offer(f, of);
	set_terms(&f->ask, &of->least, &of->most);
	KUNIT_EXPECT_EQ(test, vs_terms_check_ask(&vs_class_abstract, &f->ask), 0);
	error = vs_terms_grant(&vs_class_abstract, &f->ask, &f->offer, &f->grant, &denied);
	KUNIT_EXPECT_EQ(test, error, of->denied ? -ENOSPC : 0);
	KUNIT_EXPECT_EQ(test, denied, of->denied);
	expect_granted(test, &f->grant, &of->granted);
	if (!error)
		KUNIT_EXPECT_EQ(test, vs_terms_check_grant(&vs_class_abstract, &f->grant), 0);
}

/* Each contract of the class can be brought down to nothing: it is never withdrawn for that. */
static void less_is_left_of_a_contract(struct kunit *test)
{
	static const struct abstract_values had = { 9, 4, 70, 90, 5 }, none = {};
	struct abstract_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	static const struct abstract_case offers[] = {
		{ "half", { 5, 2, 30, 50, 4 }, .free = 40, .capacity = 100,
		  .granted = { 5, 2, 30, 50, 4 } },
		{ "nothing", .granted = { } },
	};

	KUNIT_ASSERT_NOT_NULL(test, f);
	for (size_t i = 0; i < ARRAY_SIZE(offers); i++) {
		make_offer(f, &offers[i]);
		set_terms(&f->grant, &had, &had);
		vs_terms_clamp(&vs_class_abstract, &f->grant, &f->offer, &f->other);
		KUNIT_ASSERT_EQ(test, f->other.count, vs_class_abstract.count);
		expect_granted(test, &f->other, &offers[i].granted);
	}
	set_terms(&f->limits, &none, &none);
	KUNIT_EXPECT_TRUE(test, vs_terms_possible(&vs_class_abstract, &f->limits));
}

static void a_contract_is_charged_for_amount_and_floor(struct kunit *test)
{
	static const struct abstract_values had = { 9, 4, 70, 90, 5 };
	struct abstract_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	static const u64 charge[] = { 9, 0, 70, 0, 0 };

	KUNIT_ASSERT_NOT_NULL(test, f);
	set_terms(&f->grant, &had, &had);
	for (u32 i = 0; i < ARRAY_SIZE(charge); i++)
		KUNIT_EXPECT_EQ(test, vs_terms_charge(&vs_class_abstract, &f->grant, i), charge[i]);
}

static void has_neither_queues_nor_flows(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vs_class_abstract.queues, 0);
	KUNIT_EXPECT_EQ(test, vs_class_abstract.flows, 0);
	KUNIT_EXPECT_PTR_EQ(test, vs_class_by_name("abstract", 8), &vs_class_abstract);
}

static struct kunit_case abstract_kunit_cases[] = {
	KUNIT_CASE_PARAM(grants_what_there_is, abstract_gen_params),
	KUNIT_CASE(less_is_left_of_a_contract),
	KUNIT_CASE(a_contract_is_charged_for_amount_and_floor),
	KUNIT_CASE(has_neither_queues_nor_flows),
	{}
};

static struct kunit_suite abstract_suite = {
	.name = "abstract",
	.test_cases = abstract_kunit_cases,
};

kunit_test_suite(abstract_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the terms of abstract");
MODULE_LICENSE("GPL");
