// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as an administrator writes them to either side, right and wrong.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vs_value.h"

static const struct {
	const char *text;
	int error;
	u64 value;
} numbers[] = {
	{ "0", 0, 0 },
	{ "0\n", 0, 0 },
	{ " 42", 0, 42 },
	{ "010", 0, 10 },
	{ "0x10", 0, 16 },
	{ "0xFFFFFFFFFFFFFFFF", 0, U64_MAX },
	{ "18446744073709551615", 0, U64_MAX },
	{ "1k", 0, 1024 },
	{ "1K\n", 0, 1024 },
	{ "3M", 0, 3 << 20 },
	{ "2g", 0, 2ULL << 30 },
	{ "2T", 0, 2ULL << 40 },
	{ "2p", 0, 2ULL << 50 },
	{ "15E", 0, 15ULL << 60 },
	{ "", -EINVAL },
	{ "\n", -EINVAL },
	{ "-1", -EINVAL },
	{ "+1", -EINVAL },
	{ "k", -EINVAL },
	{ "1kk", -EINVAL },
	{ "1 k", -EINVAL },
	{ "1x", -EINVAL },
	{ "1.5", -EINVAL },
	{ "0x", -EINVAL },
	{ "0x1k", -EINVAL },
	{ "1 2", -EINVAL },
	{ "16E", -ERANGE },
	{ "18446744073709551616", -ERANGE },
	{ "18446744073709551615k", -ERANGE },
	{ "0x10000000000000000", -ERANGE },
	{ "0000000000000000000000000000000000000001", -EINVAL },
};

static void numbers_are_read_or_refused(struct kunit *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		u64 value = 77;
		int error = vs_value_u64(numbers[i].text, &value);

		KUNIT_EXPECT_EQ_MSG(test, numbers[i].error, error, "\"%s\"", numbers[i].text);
		KUNIT_EXPECT_EQ_MSG(test, error ? 77 : numbers[i].value, value, "\"%s\"",
				    numbers[i].text);
	}
}

static const struct vs_term_spec rate = { .kind = VS_KIND_RATE, .unit = "bytes/s" };
static const struct vs_term_spec iops = { .kind = VS_KIND_RATE, .unit = "1/s" };
static const struct vs_term_spec space = { .kind = VS_KIND_SPACE, .unit = "bytes" };

static const struct {
	const struct vs_term_spec *term;
	const char *text;
	int error;
	u64 value;
} in_units[] = {
	{ &rate, "4096", 0, 4096 },
	{ &rate, "0x1000", 0, 4096 },
	{ &rate, "125M\n", 0, 131072000 },
	{ &rate, "1Gbit\n", 0, 125000000 },
	{ &rate, "100Mbit", 0, 12500000 },
	{ &rate, "100mbit", 0, 12500000 },
	{ &rate, "8kbit", 0, 1000 },
	{ &rate, "1Kbit", 0, 125 },
	{ &rate, "40Gbit", 0, 5000000000 },
	{ &rate, "2Tbit", 0, 250000000000 },
	{ &rate, "147Ebit", 0, 18375000000000000000ULL },
	{ &rate, "148Ebit", -ERANGE },
	{ &rate, "18446744073709551616Mbit", -ERANGE },
	{ &rate, "1bit", -EINVAL },
	{ &rate, "1Mbi", -EINVAL },
	{ &rate, "1Mbits", -EINVAL },
	{ &rate, "1Mbyte", -EINVAL },
	{ &rate, "1MB", -EINVAL },
	{ &rate, "1 Mbit", -EINVAL },
	{ &rate, "Mbit", -EINVAL },
	{ &rate, "-1Mbit", -EINVAL },
	{ &rate, "0x1Mbit", -EINVAL },
	{ &iops, "20k", 0, 20480 },
	{ &iops, "1Mbit", -EINVAL },
	{ &space, "1M", 0, 1 << 20 },
	{ &space, "1Mbit", -EINVAL },
};

static void bits_are_a_unit_of_bandwidth_alone(struct kunit *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(in_units); i++) {
		u64 value = 77;
		int error = vs_value_term(in_units[i].term, in_units[i].text, &value);

		KUNIT_EXPECT_EQ_MSG(test, in_units[i].error, error, "\"%s\"", in_units[i].text);
		KUNIT_EXPECT_EQ_MSG(test, error ? 77 : in_units[i].value, value, "\"%s\"",
				    in_units[i].text);
	}
}

static void text_is_one_printable_line_that_fits(struct kunit *test)
{
	char to[6] = "old";

	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_text("a\tb", to, sizeof(to)));
	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_text("a\nb\n", to, sizeof(to)));
	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_text("\xc3\xa4", to, sizeof(to)));
	KUNIT_EXPECT_EQ(test, -ERANGE, vs_value_text("123456", to, sizeof(to)));
	KUNIT_EXPECT_STREQ(test, "old", to);
	KUNIT_EXPECT_EQ(test, 0, vs_value_text("12345\n", to, sizeof(to)));
	KUNIT_EXPECT_STREQ(test, "12345", to);
	KUNIT_EXPECT_EQ(test, 0, vs_value_text("a b", to, sizeof(to)));
	KUNIT_EXPECT_STREQ(test, "a b", to);
	KUNIT_EXPECT_EQ(test, 0, vs_value_text("\n", to, sizeof(to)));
	KUNIT_EXPECT_STREQ(test, "", to);
}

static const char * const colours[] = { "red", "green", "blue", NULL };
static const struct vs_term_spec colour = { .name = "colour", .bits = colours };

static void sets_are_names_of_bits(struct kunit *test)
{
	u64 bits = 77;

	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_set(&colour, "red yellow", &bits));
	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_set(&colour, "re", &bits));
	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_set(&colour, "redd", &bits));
	KUNIT_EXPECT_EQ(test, -EINVAL, vs_value_set(&colour, "red none", &bits));
	KUNIT_EXPECT_EQ(test, 77, bits);
	KUNIT_EXPECT_EQ(test, 0, vs_value_set(&colour, " blue  red red\n", &bits));
	KUNIT_EXPECT_EQ(test, 5, bits);
	KUNIT_EXPECT_EQ(test, 0, vs_value_set(&colour, "none\n", &bits));
	KUNIT_EXPECT_EQ(test, 0, bits);
	KUNIT_EXPECT_EQ(test, 0, vs_value_set(&colour, "green", &bits));
	KUNIT_EXPECT_EQ(test, 0, vs_value_set(&colour, "", &bits));
	KUNIT_EXPECT_EQ(test, 0, bits);
}

static void sets_are_shown_as_they_are_written(struct kunit *test)
{
	/* As sysfs has it: one whole page. */
	char *page = (char *)get_zeroed_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, 9, vs_value_emit_set(&colour, 5, page));
	KUNIT_EXPECT_STREQ(test, "red blue\n", page);
	KUNIT_EXPECT_EQ(test, 5, vs_value_emit_set(&colour, 0, page));
	KUNIT_EXPECT_STREQ(test, "none\n", page);
	free_page((unsigned long)page);
}

static void names_for_the_log_are_cut_to_their_room(struct kunit *test)
{
	char text[40];

	vs_value_emit_names(&colour, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, "unset, none, or words of red green blue", text);
	vs_value_emit_names(&colour, text, 30);
	KUNIT_EXPECT_STREQ(test, "unset, none, or words of red ", text);
}

static void unset_is_a_word_or_nothing(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, vs_value_unset("unset\n"));
	KUNIT_EXPECT_TRUE(test, vs_value_unset("\n"));
	KUNIT_EXPECT_FALSE(test, vs_value_unset("0"));
	KUNIT_EXPECT_FALSE(test, vs_value_unset("unset 1"));
}

static struct kunit_case value_cases[] = {
	KUNIT_CASE(numbers_are_read_or_refused),
	KUNIT_CASE(bits_are_a_unit_of_bandwidth_alone),
	KUNIT_CASE(text_is_one_printable_line_that_fits),
	KUNIT_CASE(sets_are_names_of_bits),
	KUNIT_CASE(sets_are_shown_as_they_are_written),
	KUNIT_CASE(names_for_the_log_are_cut_to_their_room),
	KUNIT_CASE(unset_is_a_word_or_nothing),
	{}
};

static struct kunit_suite value_suite = {
	.name = "vs_value",
	.test_cases = value_cases,
};

kunit_test_suite(value_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: values as an administrator writes them to vsp");
MODULE_LICENSE("GPL");
