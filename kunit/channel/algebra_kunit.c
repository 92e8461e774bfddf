// SPDX-License-Identifier: GPL-2.0-only
/*
 * The algebra of terms: properties that hold for every ask, offer and contract of
 * a class, over random ones.  terms_kunit.c has the cases by hand.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_storage.h"
#include "vs_terms.h"

#define CASES		6000
#define HOLDERS		8	/* of contracts over one pool */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random cases; 0: draw one");

/* A class with every kind in every form. */
static const struct vs_term_spec all_terms[] = {
	{ .id = 1, .kind = VS_KIND_SPACE, .flags = VS_TERM_KEPT, .name = "kept",
	  .lowest = 1 << 20, .highest = S64_MAX & ~4095ULL, .step = 4096 },
	{ .id = 2, .kind = VS_KIND_RATE, .name = "rate", .lowest = 10, .highest = 1ULL << 50 },
	{ .id = 4, .kind = VS_KIND_SPACE, .name = "space", .highest = U64_MAX, .step = 1 },
	{ .id = 5, .kind = VS_KIND_SPACE, .name = "triples", .lowest = 3, .highest = 3000,
	  .step = 3 },
	{ .id = 6, .kind = VS_KIND_LEVEL, .flags = VS_TERM_FIXED, .name = "fixed",
	  .lowest = 512, .highest = 4096 },
	{ .id = 7, .kind = VS_KIND_LEVEL, .name = "power", .highest = 1ULL << 63 },
	{ .id = 8, .kind = VS_KIND_LEVEL, .name = "level", .lowest = 68, .highest = 65535,
	  .step = 1 },
	{ .id = 20, .kind = VS_KIND_SET, .name = "set", .highest = 0x3f },
	{ .id = 21, .kind = VS_KIND_RATE, .name = "free", .highest = U64_MAX },
	{ .id = 300, .kind = VS_KIND_IDENTITY, .name = "identity" },
};

static const struct vs_class_spec all_kinds = {
	.id = 1, .name = "all", .count = ARRAY_SIZE(all_terms), .term = all_terms,
	.queues = 1, .queue_size = 16,
};

/* Everything a test needs; too large for the stack. */
struct fixture {
	struct rnd_state random;	/* after draw_seed() */
	const struct vs_class_spec *spec;
	u64 free[VS_WIRE_TERMS_MAX];
	u64 capacity[VS_WIRE_TERMS_MAX];
	u64 charged[VS_WIRE_TERMS_MAX];
	struct vs_terms limits;
	struct vs_terms ask;
	struct vs_terms offer;
	struct vs_terms grant;
	struct vs_terms other;
	struct vs_terms held[HOLDERS];
};

static const struct vs_class_spec * const specs[] = { &all_kinds, &vs_class_storage };

static void spec_name(const struct vs_class_spec * const *spec, char *name)
{
	strscpy(name, (*spec)->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(spec, specs, spec_name);

static int prepare(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct fixture), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static struct fixture *draw_seed(struct kunit *test)
{
	const struct vs_class_spec * const *spec = test->param_value;
	u32 value = seed ? seed : get_random_u32();
	struct fixture *fix = test->priv;

	kunit_info(test, "seed=%u\n", value);
	prandom_seed_state(&fix->random, value);
	fix->spec = *spec;
	return fix;
}

/* ---- Random sets: edges as often as what lies between them ---- */

static u32 below(struct fixture *fix, u32 end)
{
	return prandom_u32_state(&fix->random) % end;
}

static u64 draw(struct fixture *fix, u64 most)
{
	u64 value = (u64)prandom_u32_state(&fix->random) << 32 | prandom_u32_state(&fix->random);
	u64 rest;

	switch (below(fix, 6)) {
	case 0:
		return 0;
	case 1:
		return most;
	case 2:
		return min(most, 1ULL << below(fix, 64));
	default:
		value >>= below(fix, 64);
		if (most == U64_MAX)
			return value;
		div64_u64_rem(value, most + 1, &rest);
		return rest;
	}
}

static void clear_text(struct vs_term *term)
{
	memset(term->text, 0, sizeof(term->text));
	term->length = 0;
}

static void draw_text(struct fixture *fix, struct vs_term *term)
{
	static const char * const texts[] = { "", "de", "en", "52:54:00:12:34:56" };
	const char *text = texts[below(fix, ARRAY_SIZE(texts))];

	term->length = strlen(text);
	memcpy(term->text, text, term->length);
}

/* A complete set with low <= high <= most of the class; demand is set in an ask only. */
static void draw_ask(struct fixture *fix)
{
	struct vs_terms *set = &fix->ask;

	memset(set, 0, sizeof(*set));
	set->count = fix->spec->count;
	for (u32 i = 0; i < set->count; i++) {
		const struct vs_term_spec *spec = &fix->spec->term[i];
		struct vs_term *term = &set->term[i];

		term->id = spec->id;
		term->kind = spec->kind;
		if (spec->kind == VS_KIND_IDENTITY) {
			draw_text(fix, term);
			continue;
		}
		term->high = draw(fix, spec->highest);
		term->low = draw(fix, term->high);
		term->demand = draw(fix, U64_MAX);
		if (spec->kind == VS_KIND_SET)
			term->low &= term->high;
	}
}

/* Limits of any value, most of them such that something can be granted. */
static void draw_limits(struct fixture *fix)
{
	struct vs_terms *set = &fix->limits;

	draw_ask(fix);
	*set = fix->ask;
	for (u32 i = 0; i < set->count; i++) {
		const struct vs_term_spec *spec = &fix->spec->term[i];
		struct vs_term *term = &set->term[i];

		term->demand = 0;
		if (spec->kind == VS_KIND_SET)
			term->low = 0;
		if (spec->kind == VS_KIND_SET || spec->kind == VS_KIND_IDENTITY)
			continue;
		if (!below(fix, 64)) {
			term->high = draw(fix, U64_MAX);
			term->low = draw(fix, term->high);
			continue;
		}
		term->high = spec->lowest + draw(fix, spec->highest - spec->lowest);
		term->low = draw(fix, spec->kind == VS_KIND_RATE ? term->high : spec->lowest);
	}
}

static void draw_offer(struct fixture *fix)
{
	draw_limits(fix);
	for (u32 i = 0; i < fix->spec->count; i++) {
		fix->capacity[i] = draw(fix, U64_MAX);
		fix->free[i] = draw(fix, fix->capacity[i]);
		if (!below(fix, 64))
			continue;
		fix->free[i] = max(fix->free[i], fix->spec->term[i].lowest);
		fix->capacity[i] = max(fix->capacity[i], fix->free[i]);
	}
	vs_terms_offer(fix->spec, &fix->limits, fix->free, fix->capacity, &fix->offer);
}

/* An ask of any value, most of it within the offer or around it. */
static void draw_near_ask(struct fixture *fix)
{
	draw_ask(fix);
	for (u32 i = 0; i < fix->spec->count; i++) {
		const struct vs_term *offer = &fix->offer.term[i];
		struct vs_term *term = &fix->ask.term[i];
		u64 least = fix->spec->term[i].lowest;

		if (!below(fix, 32))
			continue;
		switch (term->kind) {
		case VS_KIND_SET:
			term->low &= offer->high;
			break;
		case VS_KIND_IDENTITY:
			if (offer->length && below(fix, 2))
				*term = *offer;
			else if (offer->length)
				clear_text(term);
			break;
		case VS_KIND_RATE:
			term->low = draw(fix, offer->low);
			term->high = max3(term->low, least, draw(fix, offer->high));
			break;
		default:
			term->low = draw(fix, offer->high / 2);
			term->high = max3(term->low, least, draw(fix, offer->high));
			if (below(fix, 2))
				term->high = max(term->high, offer->high);
			break;
		}
	}
}

/* Draws until an ask is granted from an offer; false if luck is out. */
static bool draw_grant(struct fixture *fix)
{
	u16 denied;

	for (u32 i = 0; i < 1000; i++) {
		draw_offer(fix);
		draw_near_ask(fix);
		if (!vs_terms_grant(fix->spec, &fix->ask, &fix->offer, &fix->grant, &denied))
			return true;
	}
	return false;
}

/* ---- What has to hold for one term ---- */

static bool grant_within(const struct fixture *fix, u32 i)
{
	const struct vs_term *ask = &fix->ask.term[i];
	const struct vs_term *offer = &fix->offer.term[i];
	const struct vs_term *grant = &fix->grant.term[i];

	switch (fix->spec->term[i].kind) {
	case VS_KIND_RATE:
		return grant->low >= ask->low && grant->high <= ask->high &&
			grant->low <= offer->low && grant->high <= offer->high;
	case VS_KIND_SET:
		return !(ask->low & ~grant->high) && !(grant->high & ~ask->high) &&
			!(grant->high & ~offer->high);
	case VS_KIND_IDENTITY:
		return (!ask->length || !strcmp(ask->text, grant->text)) &&
			(!offer->length || !strcmp(offer->text, grant->text));
	default:
		return grant->high >= ask->low && grant->high <= ask->high &&
			grant->high >= offer->low && grant->high <= offer->high;
	}
}

static bool offer_within(const struct fixture *fix, u32 i)
{
	const struct vs_term *limit = &fix->limits.term[i];
	const struct vs_term *offer = &fix->offer.term[i];

	if (offer->low > offer->high || offer->high > limit->high)
		return false;
	switch (fix->spec->term[i].kind) {
	case VS_KIND_RATE:
		return offer->low <= fix->free[i] && offer->high <= fix->capacity[i] &&
			offer->low <= limit->low;
	case VS_KIND_SPACE:
		return offer->high <= fix->free[i];
	default:
		return true;
	}
}

/* The choice is fix->other. */
static bool granted_in_full(const struct fixture *fix, u32 i)
{
	const struct vs_term *choice = &fix->other.term[i];
	const struct vs_term *grant = &fix->grant.term[i];

	if (choice->demand != fix->ask.term[i].demand || grant->high != choice->high)
		return false;
	if (choice->kind == VS_KIND_SET)
		return choice->low == fix->ask.term[i].low;
	return grant->low == choice->low;
}

/* The fallback is fix->other. */
static bool fallback_within(const struct fixture *fix, u32 i)
{
	const struct vs_term *offer = &fix->offer.term[i];
	const struct vs_term *grant = &fix->grant.term[i];
	const struct vs_term *fallback = &fix->other.term[i];

	if (vs_terms_charge(fix->spec, &fix->other, i) > vs_terms_charge(fix->spec, &fix->grant, i))
		return false;
	if (fix->spec->term[i].flags & (VS_TERM_KEPT | VS_TERM_FIXED))
		return fallback->high == grant->high;
	if (fallback->kind == VS_KIND_RATE && fallback->low > offer->low)
		return false;
	return fallback->high <= offer->high;
}

/* The choice is fix->other. */
static bool all_is_taken(const struct fixture *fix, u32 i)
{
	const struct vs_term *choice = &fix->other.term[i];

	if (choice->kind == VS_KIND_RATE && choice->low != fix->offer.term[i].low)
		return false;
	return choice->high >= fix->grant.term[i].high;
}

static void show_term(struct kunit *test, const char *name, const struct vs_term *term)
{
	kunit_info(test, "%s %llu..%llu\n", name, term->low, term->high);
}

static void expect_term(struct kunit *test, u32 i, bool holds, const char *what)
{
	struct fixture *fix = test->priv;

	if (holds)
		return;
	KUNIT_FAIL(test, "%s: %s", fix->spec->term[i].name, what);
	show_term(test, "limit", &fix->limits.term[i]);
	show_term(test, "ask", &fix->ask.term[i]);
	show_term(test, "offer", &fix->offer.term[i]);
	show_term(test, "grant", &fix->grant.term[i]);
	show_term(test, "other", &fix->other.term[i]);
}

/* ---- Properties ---- */

static void an_offer_never_shows_more_than_limit_and_pool(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);

	for (u32 n = 0; n < CASES; n++) {
		draw_offer(fix);
		KUNIT_EXPECT_EQ(test, vs_terms_check_ask(fix->spec, &fix->offer), 0);
		for (u32 i = 0; i < fix->spec->count; i++)
			expect_term(test, i, offer_within(fix, i), "more than there is");
	}
}

static void a_grant_lies_within_ask_and_offer(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);
	u32 granted = 0;

	for (u32 n = 0; n < CASES; n++) {
		u16 denied = 0xffff;

		draw_offer(fix);
		draw_near_ask(fix);
		KUNIT_EXPECT_EQ(test, vs_terms_check_ask(fix->spec, &fix->ask), 0);
		if (vs_terms_grant(fix->spec, &fix->ask, &fix->offer, &fix->grant, &denied)) {
			KUNIT_EXPECT_NOT_NULL(test, vs_terms_find(&fix->ask, denied));
			KUNIT_EXPECT_EQ(test, fix->grant.count, 0);
			continue;
		}
		granted++;
		KUNIT_EXPECT_EQ(test, denied, 0);
		KUNIT_EXPECT_EQ(test, vs_terms_check_grant(fix->spec, &fix->grant), 0);
		for (u32 i = 0; i < fix->spec->count; i++)
			expect_term(test, i, grant_within(fix, i), "outside");
	}
	kunit_info(test, "%u of %u were granted\n", granted, CASES);
	KUNIT_EXPECT_GT(test, granted, 0);
	KUNIT_EXPECT_LT(test, granted, CASES);
}

static void a_choice_is_granted_in_full_by_the_same_offer(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);
	u32 chosen = 0;
	u16 denied;

	for (u32 n = 0; n < CASES; n++) {
		draw_offer(fix);
		draw_near_ask(fix);
		if (vs_terms_choose(fix->spec, &fix->ask, &fix->offer, &fix->other, &denied)) {
			KUNIT_EXPECT_EQ(test, fix->other.count, 0);
			KUNIT_EXPECT_NOT_NULL(test, vs_terms_find(&fix->ask, denied));
			continue;
		}
		chosen++;
		KUNIT_EXPECT_EQ(test, vs_terms_check_ask(fix->spec, &fix->other), 0);
		KUNIT_EXPECT_EQ(test, vs_terms_grant(fix->spec, &fix->other, &fix->offer,
						     &fix->grant, &denied), 0);
		for (u32 i = 0; i < fix->spec->count; i++) {
			expect_term(test, i, granted_in_full(fix, i), "not in full");
			expect_term(test, i, grant_within(fix, i), "outside");
		}
	}
	KUNIT_EXPECT_GT(test, chosen, 0);
}

static void a_fallback_takes_no_more_than_its_contract_and_the_offer(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);
	u32 withdrawn = 0;

	for (u32 n = 0; n < CASES / 4; n++) {
		KUNIT_ASSERT_TRUE(test, draw_grant(fix));
		draw_offer(fix);
		vs_terms_clamp(fix->spec, &fix->grant, &fix->offer, &fix->other);
		if (!fix->other.count) {
			withdrawn++;
			continue;
		}
		KUNIT_EXPECT_EQ(test, vs_terms_check_grant(fix->spec, &fix->other), 0);
		for (u32 i = 0; i < fix->spec->count; i++)
			expect_term(test, i, fallback_within(fix, i), "outside");
		vs_terms_clamp(fix->spec, &fix->other, &fix->offer, &fix->other);
		KUNIT_EXPECT_EQ(test, vs_terms_check_grant(fix->spec, &fix->other), 0);
	}
	KUNIT_EXPECT_LT(test, withdrawn, CASES / 4);
}

static void what_is_still_offered_falls_back_to_itself(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);

	for (u32 n = 0; n < CASES / 4; n++) {
		KUNIT_ASSERT_TRUE(test, draw_grant(fix));
		vs_terms_clamp(fix->spec, &fix->grant, &fix->offer, &fix->other);
		KUNIT_EXPECT_TRUE(test, vs_terms_equal(&fix->grant, &fix->other));
	}
}

/* What the pool of a provider does with it. */
static void sum_up(struct fixture *fix, u32 without)
{
	memset(fix->charged, 0, sizeof(fix->charged));
	for (u32 i = 0; i < fix->spec->count; i++) {
		for (u32 holder = 0; holder < HOLDERS; holder++)
			if (holder != without)
				fix->charged[i] += vs_terms_charge(fix->spec,
								   &fix->held[holder], i);
		fix->free[i] = fix->capacity[i] - fix->charged[i];
	}
}

static void no_sequence_of_grants_exceeds_the_capacity(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);
	u32 granted = 0;
	u16 denied;

	for (u32 i = 0; i < fix->spec->count; i++)
		fix->capacity[i] = max(draw(fix, S64_MAX), 1ULL << 24);
	for (u32 n = 0; n < CASES; n++) {
		u32 holder = below(fix, HOLDERS);

		if (below(fix, 4) == 0) {
			memset(&fix->held[holder], 0, sizeof(fix->held[holder]));
			continue;
		}
		sum_up(fix, holder);
		draw_limits(fix);
		vs_terms_offer(fix->spec, &fix->limits, fix->free, fix->capacity, &fix->offer);
		draw_near_ask(fix);
		if (vs_terms_grant(fix->spec, &fix->ask, &fix->offer, &fix->grant, &denied))
			continue;
		granted++;
		fix->held[holder] = fix->grant;
		sum_up(fix, HOLDERS);
		for (u32 i = 0; i < fix->spec->count; i++)
			expect_term(test, i, fix->charged[i] <= fix->capacity[i], "overbooked");
	}
	kunit_info(test, "%u of %u were granted\n", granted, CASES);
	KUNIT_EXPECT_GT(test, granted, 0);
}

static void a_client_without_wishes_gets_what_is_offered(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);
	u16 denied;

	for (u32 n = 0; n < CASES / 4; n++) {
		KUNIT_ASSERT_TRUE(test, draw_grant(fix));	/* an offer that has enough */
		vs_terms_unlimited(fix->spec, &fix->ask);
		KUNIT_EXPECT_EQ(test, vs_terms_check_ask(fix->spec, &fix->ask), 0);
		KUNIT_EXPECT_EQ(test, vs_terms_choose(fix->spec, &fix->ask, &fix->offer,
						      &fix->other, &denied), 0);
		for (u32 i = 0; i < fix->spec->count; i++)
			expect_term(test, i, all_is_taken(fix, i), "less than is offered");
	}
}

/* One change of a good contract makes it a bad one. */
static void a_contract_out_of_range_is_refused(struct kunit *test)
{
	struct fixture *fix = draw_seed(test);

	KUNIT_ASSERT_TRUE(test, draw_grant(fix));
	for (u32 i = 0; i < fix->spec->count; i++) {
		const struct vs_term_spec *spec = &fix->spec->term[i];
		struct vs_term *term = &fix->other.term[i];

#define REFUSED(change, error) do {							\
	fix->other = fix->grant;							\
	change;										\
	KUNIT_EXPECT_EQ_MSG(test, vs_terms_check_grant(fix->spec, &fix->other), error,	\
			    "%s: " #change, spec->name);				\
} while (0)
		REFUSED(term->id++, -EINVAL);
		REFUSED(term->kind++, -EINVAL);
		REFUSED(term->demand++, -ERANGE);
		REFUSED(term->length = VS_WIRE_TEXT_MAX + 1, -EINVAL);
		if (spec->kind == VS_KIND_IDENTITY) {
			REFUSED(term->low = 1, -ERANGE);
			REFUSED(term->length = 1; term->text[0] = '/', -EINVAL);
			continue;
		}
		REFUSED(term->length = 1; term->text[0] = 'x', -EINVAL);
		REFUSED(term->low = 1; term->high = 0, -ERANGE);
		if (spec->highest != U64_MAX)
			REFUSED(term->high = spec->highest + 1, -ERANGE);
		if (spec->kind != VS_KIND_RATE)
			REFUSED(term->low = !term->low, -ERANGE);
		if (spec->lowest)
			REFUSED(term->low = 0; term->high = spec->lowest - 1, -ERANGE);
		if (spec->step > 1)
			REFUSED(term->low = ++term->high, -ERANGE);
		if (spec->kind != VS_KIND_LEVEL || spec->step)
			continue;
		REFUSED(term->low = 768; term->high = 768, -ERANGE);
		REFUSED(term->low = 0; term->high = 0, -ERANGE);
#undef REFUSED
	}
	fix->grant.count--;
	KUNIT_EXPECT_EQ(test, vs_terms_check_grant(fix->spec, &fix->grant), -EINVAL);
	KUNIT_EXPECT_EQ(test, vs_terms_check_ask(fix->spec, &fix->grant), -EINVAL);
}

static struct kunit_case algebra_cases[] = {
	KUNIT_CASE_PARAM(an_offer_never_shows_more_than_limit_and_pool, spec_gen_params),
	KUNIT_CASE_PARAM(a_grant_lies_within_ask_and_offer, spec_gen_params),
	KUNIT_CASE_PARAM(a_choice_is_granted_in_full_by_the_same_offer, spec_gen_params),
	KUNIT_CASE_PARAM(a_fallback_takes_no_more_than_its_contract_and_the_offer,
			 spec_gen_params),
	KUNIT_CASE_PARAM(what_is_still_offered_falls_back_to_itself, spec_gen_params),
	KUNIT_CASE_PARAM(no_sequence_of_grants_exceeds_the_capacity, spec_gen_params),
	KUNIT_CASE_PARAM(a_client_without_wishes_gets_what_is_offered, spec_gen_params),
	KUNIT_CASE_PARAM(a_contract_out_of_range_is_refused, spec_gen_params),
	{}
};

static struct kunit_suite algebra_suite = {
	.name = "vs_algebra",
	.init = prepare,
	.test_cases = algebra_cases,
};

kunit_test_suite(algebra_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: properties of the algebra of terms of vs_channel");
MODULE_LICENSE("GPL");
