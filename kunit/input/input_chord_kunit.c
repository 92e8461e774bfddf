// SPDX-License-Identifier: GPL-2.0-only
/* Chords: which texts are one, and of which keys. */
#include "vs_input.h"
#include "vsp/input/chord.c"

#include <kunit/test.h>
#include <linux/module.h>

struct chord_case {
	const char *text;
	int error;
	unsigned int count;
	u16 code[VSP_INPUT_CHORD_MAX];
};

static const struct chord_case chord_cases[] = {
	{ "", 0, 0 },
	{ "scrolllock", 0, 1, { KEY_SCROLLLOCK } },
	{ "leftctrl+rightctrl", 0, 2, { KEY_LEFTCTRL, KEY_RIGHTCTRL } },
	{ " leftctrl + 97 ", 0, 2, { KEY_LEFTCTRL, KEY_RIGHTCTRL } },
	{ "1+767+f12+end", 0, 4, { KEY_ESC, KEY_MAX, KEY_F12, KEY_END } },
	{ "1+2+3+4+5", -EINVAL },
	{ "leftctrl+29", -EINVAL },
	{ "+", -EINVAL },
	{ "leftctrl+", -EINVAL },
	{ " ", -EINVAL },
	{ "0", -EINVAL },
	{ "768", -EINVAL },
	{ "65565", -EINVAL },
	{ "-1", -EINVAL },
	{ "0x1d", -EINVAL },
	{ "LEFTCTRL", -EINVAL },
	{ "KEY_LEFTCTRL", -EINVAL },
};

static void describe(const struct chord_case *param, char *text)
{
	snprintf(text, KUNIT_PARAM_DESC_SIZE, "\"%s\"", param->text);
}

KUNIT_ARRAY_PARAM(chord, chord_cases, describe);

static void texts_are_chords_or_refused(struct kunit *test)
{
	const struct chord_case *param = test->param_value;
	struct vsp_input_chord chord = {};
	char text[64];

	strscpy(text, param->text);
	KUNIT_ASSERT_EQ(test, vsp_input_chord_parse(&chord, text), param->error);
	if (param->error)
		return;
	KUNIT_ASSERT_EQ(test, chord.count, param->count);
	for (unsigned int i = 0; i < param->count; i++)
		KUNIT_EXPECT_EQ(test, chord.code[i], param->code[i]);
	for (unsigned int code = 0; code < KEY_CNT; code++) {
		bool has = false;

		for (unsigned int i = 0; i < param->count; i++)
			has |= param->code[i] == code;
		KUNIT_EXPECT_EQ(test, vsp_input_chord_has(&chord, code), has);
	}
}

static struct kunit_case input_chord_cases[] = {
	KUNIT_CASE_PARAM(texts_are_chords_or_refused, chord_gen_params),
	{}
};

static struct kunit_suite input_chord_suite = {
	.name = "input_chord",
	.test_cases = input_chord_cases,
};

kunit_test_suite(input_chord_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: chords of keys");
MODULE_LICENSE("GPL");
