// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sysfs shows of terms: names of files, the lines of contract/summary, and that these fit
 * into a page, whatever the class and its values.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_show.h"
#include "vs_terms.h"
#include "vs_value.h"

static const char * const colours[] = { "red", "green", "blue", NULL };

static const struct vs_term_spec specs[] = {
	{ .name = "speed", .kind = VS_KIND_RATE },
	{ .name = "room", .kind = VS_KIND_SPACE },
	{ .name = "depth", .kind = VS_KIND_LEVEL },
	{ .name = "colours", .kind = VS_KIND_SET, .bits = colours },
	{ .name = "name", .kind = VS_KIND_IDENTITY },
};

/* All that a suite needs; too large for the stack */
struct show_world {
	struct vs_terms asked;
	struct vs_terms offered;
	struct vs_terms in_force;
	char *page;
};

static struct show_world *new_world(struct kunit *test)
{
	struct show_world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, world);
	/* As sysfs has it: one whole page. */
	world->page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world->page);
	KUNIT_ASSERT_EQ(test, 0, offset_in_page(world->page));
	return world;
}

static void fill_terms(struct vs_terms *terms, u64 low, u64 high, const char *text)
{
	terms->count = ARRAY_SIZE(specs);
	for (u32 i = 0; i < terms->count; i++) {
		terms->term[i].low = low;
		terms->term[i].high = high;
		terms->term[i].length = strlen(text);
		memcpy(terms->term[i].text, text, strlen(text));
	}
}

static const char * const files[][ARRAY_SIZE(specs)] = {
	[VS_SHOW_ASKED] = { "asked_speed_floor asked_speed_ceiling",
			    "asked_room_min asked_room_max",
			    "asked_depth_min asked_depth_max",
			    "asked_colours_required asked_colours_wanted", "asked_name" },
	[VS_SHOW_OFFERED] = { "offered_speed_floor offered_speed_ceiling",
			      "offered_room_min offered_room_max",
			      "offered_depth_min offered_depth_max", "offered_colours_allowed",
			      "offered_name" },
	[VS_SHOW_GRANTED] = { "granted_speed_floor granted_speed_ceiling", "granted_room",
			      "granted_depth", "granted_colours", "granted_name" },
	[VS_SHOW_IN_FORCE] = { "speed_floor speed_ceiling", "room", "depth", "colours", "name" },
};

static void files_are_named_by_set_term_and_side(struct kunit *test)
{
	const struct vs_show_sides *sides;
	char names[96], name[48];

	for (enum vs_show_set set = 0; set < VS_SHOW_SETS; set++) {
		for (u32 i = 0; i < ARRAY_SIZE(specs); i++) {
			sides = vs_show_sides(&specs[i], set);
			names[0] = 0;
			if (sides->low) {
				vs_show_name(&specs[i], set, sides->low, name, sizeof(name));
				snprintf(names, sizeof(names), "%s ", name);
			}
			vs_show_name(&specs[i], set, sides->high, name, sizeof(name));
			strlcat(names, name, sizeof(names));
			KUNIT_EXPECT_STREQ(test, files[set][i], names);
		}
	}
}

static const char * const whole_lines[ARRAY_SIZE(specs)] = {
	"term speed rate asked_floor=1 asked_ceiling=7 offered_floor=0 offered_ceiling=6 floor=2 ceiling=5 used=3\n",
	"term room space asked_min=1 asked_max=7 offered_min=0 offered_max=6 value=5 used=3\n",
	"term depth level asked_min=1 asked_max=7 offered_min=0 offered_max=6 value=5 used=3\n",
	"term colours set asked_required=red asked_wanted=red,green,blue offered_allowed=green,blue value=red,blue used=red,green\n",
	"term name identity asked=wish offered=offer value=has used=3\n",
};

static void a_line_has_all_that_there_is_of_a_term(struct kunit *test)
{
	struct show_world *world = new_world(test);
	const struct vs_terms *sets[VS_SHOW_SETS] = {
		[VS_SHOW_ASKED] = &world->asked,
		[VS_SHOW_OFFERED] = &world->offered,
		[VS_SHOW_IN_FORCE] = &world->in_force,
	};
	ssize_t length, at = 0;
	u64 used = 3;

	fill_terms(&world->asked, 1, 7, "wish");
	fill_terms(&world->offered, 0, 6, "offer");
	fill_terms(&world->in_force, 2, 5, "has");
	for (u32 i = 0; i < ARRAY_SIZE(specs); i++) {
		length = vs_show_term(&specs[i], i, sets, &used, world->page, at);
		KUNIT_EXPECT_STREQ(test, whole_lines[i], world->page + at);
		KUNIT_EXPECT_EQ(test, strlen(whole_lines[i]), length);
		at += length;
	}
}

static void what_there_is_not_is_left_out(struct kunit *test)
{
	struct show_world *world = new_world(test);
	const struct vs_terms *sets[VS_SHOW_SETS] = { [VS_SHOW_ASKED] = &world->asked };

	vs_show_term(&specs[0], 0, sets, NULL, world->page, 0);
	KUNIT_EXPECT_STREQ(test, "term speed rate\n", world->page);
	/* no word is a value, and no text is one, too */
	fill_terms(&world->asked, 0, 0, "");
	vs_show_term(&specs[3], 3, sets, NULL, world->page, 0);
	KUNIT_EXPECT_STREQ(test, "term colours set asked_required=none asked_wanted=none\n",
			   world->page);
	vs_show_term(&specs[4], 4, sets, NULL, world->page, 0);
	KUNIT_EXPECT_STREQ(test, "term name identity asked=\n", world->page);
}

static void a_counter_has_a_line_unless_it_is_gone(struct kunit *test)
{
	static const struct attribute attribute = { .name = "bytes_read" };
	struct show_world *world = new_world(test);

	KUNIT_EXPECT_EQ(test, 0, vs_show_counter(&attribute, "7\n", -ENODEV, world->page, 0));
	KUNIT_EXPECT_STREQ(test, "", world->page);
	KUNIT_EXPECT_EQ(test, 13, vs_show_counter(&attribute, "7\n", 2, world->page, 0));
	KUNIT_EXPECT_STREQ(test, "bytes_read 7\n", world->page);
}

/* Every number has twenty digits, every set all its words, every text its most. */
static void fill_most(const struct vs_class_spec *class, struct vs_terms *terms)
{
	terms->count = class->count;
	for (u32 i = 0; i < class->count; i++) {
		terms->term[i].low = U64_MAX;
		terms->term[i].high = U64_MAX;
		terms->term[i].length = VS_WIRE_TEXT_MAX;
		memset(terms->term[i].text, 'x', VS_WIRE_TEXT_MAX);
	}
}

static void all_terms_of_each_class_fit_into_a_page(struct kunit *test)
{
	struct show_world *world = new_world(test);
	const struct vs_terms *sets[VS_SHOW_SETS] = {
		[VS_SHOW_ASKED] = &world->asked,
		[VS_SHOW_OFFERED] = &world->asked,
		[VS_SHOW_IN_FORCE] = &world->asked,
	};
	const struct vs_class_spec *class;
	unsigned int classes = 0;
	u64 used = U64_MAX;
	ssize_t at;

	for (u16 id = 0; id < 64; id++) {
		class = vs_class_by_id(id);
		if (!class)
			continue;
		classes++;
		fill_most(class, &world->asked);
		at = 0;
		for (u32 i = 0; i < class->count; i++) {
			at += vs_show_term(&class->term[i], i, sets, &used, world->page, at);
			if (class->term[i].kind == VS_KIND_IDENTITY)
				continue;
			/* what the result of a client may have two of */
			KUNIT_EXPECT_LE_MSG(test,
					    vs_value_emit(&class->term[i], U64_MAX, ',',
							  world->page, 0),
					    VS_SHOW_VALUE_MAX, "%s %s", class->name,
					    class->term[i].name);
		}
		kunit_info(test, "%s: %zd bytes\n", class->name, at);
		KUNIT_EXPECT_LE_MSG(test, at, PAGE_SIZE - VS_SHOW_HEAD_MAX, "%s", class->name);
	}
	KUNIT_EXPECT_GE(test, classes, 6);
}

static struct kunit_case show_cases[] = {
	KUNIT_CASE(files_are_named_by_set_term_and_side),
	KUNIT_CASE(a_line_has_all_that_there_is_of_a_term),
	KUNIT_CASE(what_there_is_not_is_left_out),
	KUNIT_CASE(a_counter_has_a_line_unless_it_is_gone),
	KUNIT_CASE(all_terms_of_each_class_fit_into_a_page),
	{}
};

static struct kunit_suite show_suite = {
	.name = "vs_show",
	.test_cases = show_cases,
};

kunit_test_suite(show_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what sysfs shows of terms");
MODULE_LICENSE("GPL");
