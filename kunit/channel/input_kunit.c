// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the terms of input stand for: every key is in one group, and no event passes that its terms
 * do not name.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/module.h>
#include <uapi/linux/input-event-codes.h>

#include "vs_class.h"
#include "vs_input.h"
#include "vs_terms.h"

static void every_key_is_in_one_group(struct kunit *test)
{
	DECLARE_BITMAP(all, KEY_CNT);
	DECLARE_BITMAP(one, KEY_CNT);

	bitmap_zero(all, KEY_CNT);
	for (unsigned int group = 0; group < VS_INPUT_GROUPS; group++) {
		vs_input_keys_bitmap(BIT(group), one);
		KUNIT_EXPECT_FALSE(test, bitmap_empty(one, KEY_CNT));
		KUNIT_EXPECT_FALSE(test, bitmap_intersects(all, one, KEY_CNT));
		bitmap_or(all, all, one, KEY_CNT);
	}
	for (unsigned int code = 0; code < KEY_CNT; code++)
		KUNIT_EXPECT_EQ(test, test_bit(code, all), vs_input_group_of(code) >= 0);
	for (unsigned int code = 0; code < BTN_MISC; code++)
		KUNIT_EXPECT_TRUE(test, test_bit(code, all));
	for (unsigned int code = BTN_MISC; code < KEY_OK; code++)
		KUNIT_EXPECT_FALSE(test, test_bit(code, all));
	KUNIT_EXPECT_EQ(test, vs_input_group_of(KEY_CNT), -ENOENT);
}

static void keys_are_where_they_are_looked_for(struct kunit *test)
{
	static const struct {
		unsigned int code;
		int group;
	} known[] = {
		{ KEY_A, VS_INPUT_LETTERS }, { KEY_M, VS_INPUT_LETTERS },
		{ KEY_0, VS_INPUT_DIGITS }, { KEY_SPACE, VS_INPUT_PUNCTUATION },
		{ KEY_ENTER, VS_INPUT_EDITING }, { KEY_F24, VS_INPUT_FUNCTION },
		{ KEY_PAGEUP, VS_INPUT_NAVIGATION }, { KEY_KP5, VS_INPUT_KEYPAD },
		{ KEY_KPASTERISK, VS_INPUT_KEYPAD }, { KEY_RIGHTMETA, VS_INPUT_MODIFIERS },
		{ KEY_PLAYPAUSE, VS_INPUT_MEDIA }, { KEY_POWER, VS_INPUT_POWER },
		{ KEY_SUSPEND, VS_INPUT_POWER }, { KEY_SYSRQ, VS_INPUT_SYSTEM },
		{ KEY_MACRO, VS_INPUT_OTHER }, { KEY_MACRO1, VS_INPUT_OTHER },
		{ BTN_LEFT, -ENOENT }, { BTN_DPAD_UP, -ENOENT }, { BTN_TRIGGER_HAPPY, -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		KUNIT_EXPECT_EQ(test, vs_input_group_of(known[i].code), known[i].group);
}

static void power_and_system_need_a_word(struct kunit *test)
{
	const struct vs_term_spec *keys = &vs_class_input.term[VS_INPUT_INDEX(VS_INPUT_KEYS)];

	KUNIT_EXPECT_EQ(test, keys->highest & ~keys->preset,
			BIT(VS_INPUT_POWER) | BIT(VS_INPUT_SYSTEM));
}

static void nothing_passes_without_its_term(struct kunit *test)
{
	struct vs_input_grant grant = {};

	for (unsigned int type = 1; type < EV_CNT; type++)
		for (unsigned int code = 0; code < KEY_CNT; code++)
			KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, type, code));
	grant.kinds = VS_INPUT_MOUSE;
	grant.buttons = 3;
	KUNIT_EXPECT_TRUE(test, vs_input_allows(&grant, EV_KEY, BTN_MIDDLE));
	KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, EV_KEY, BTN_SIDE));
	KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, EV_REL, REL_X));
	grant.axes = VS_INPUT_RELATIVE;
	KUNIT_EXPECT_TRUE(test, vs_input_allows(&grant, EV_REL, REL_X));
	grant.wheels = VS_INPUT_HIGH_RESOLUTION | VS_INPUT_VERTICAL;
	KUNIT_EXPECT_TRUE(test, vs_input_allows(&grant, EV_REL, REL_WHEEL_HI_RES));
	KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, EV_REL, REL_HWHEEL_HI_RES));
	grant.keys = BIT(VS_INPUT_LETTERS);
	KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, EV_KEY, KEY_A));
	grant.kinds |= VS_INPUT_KEYBOARD;
	KUNIT_EXPECT_TRUE(test, vs_input_allows(&grant, EV_KEY, KEY_A));
	KUNIT_EXPECT_FALSE(test, vs_input_allows(&grant, EV_KEY, KEY_1));
}

static void layouts_are_names_of_xkb(struct kunit *test)
{
	const struct vs_term_spec *layout = &vs_class_input.term[VS_INPUT_INDEX(VS_INPUT_LAYOUT)];

	KUNIT_EXPECT_TRUE(test, vs_terms_identity_valid(layout, "de(nodeadkeys)", 14));
	KUNIT_EXPECT_TRUE(test, vs_terms_identity_valid(layout, "us,de:2", 7));
	KUNIT_EXPECT_TRUE(test, vs_terms_identity_valid(layout, "", 0));
	KUNIT_EXPECT_FALSE(test, vs_terms_identity_valid(layout, "de;id", 5));
	KUNIT_EXPECT_FALSE(test, vs_terms_identity_valid(layout, "de id", 5));
	KUNIT_EXPECT_FALSE(test, vs_terms_identity_valid(layout, "a\"b", 3));
	KUNIT_EXPECT_FALSE(test, vs_terms_identity_valid(layout, "a\0b", 3));
}

static struct kunit_case input_cases[] = {
	KUNIT_CASE(every_key_is_in_one_group),
	KUNIT_CASE(keys_are_where_they_are_looked_for),
	KUNIT_CASE(power_and_system_need_a_word),
	KUNIT_CASE(nothing_passes_without_its_term),
	KUNIT_CASE(layouts_are_names_of_xkb),
	{}
};

static struct kunit_suite input_suite = {
	.name = "input",
	.test_cases = input_cases,
};

kunit_test_suite(input_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what the terms of input stand for");
MODULE_LICENSE("GPL");
