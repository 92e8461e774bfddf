// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client makes of a host's stream and answers: a report passes as a whole or not at all,
 * what is not granted never passes, and what random bytes say of a device is one that the
 * input core can show.
 */
#include "vs_input.h"
#include "vsc/input/report.c"
#include "vsc/input/answer.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define ROUNDS		200000

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random events; 0: draw one");

struct input_world {
	struct rnd_state random;
	struct vsc_input_caps caps;
	struct vsc_input_report report;
	struct vsc_input_value value;
	struct vsc_input_value sent[VS_INPUT_REPORT_MAX];
	struct virtio_input_config answer;
};

static u32 input_below(struct input_world *world, u32 end)
{
	return prandom_u32_state(&world->random) % end;
}

/* A keyboard's letters, a mouse, and a screen of four contacts. */
static void input_grant(struct vsc_input_caps *caps)
{
	bitmap_set(caps->key, KEY_Q, 10);
	bitmap_set(caps->rel, REL_X, 2);
	bitmap_set(caps->abs, ABS_X, 2);
	bitmap_set(caps->abs, ABS_MT_SLOT, 1);
	bitmap_set(caps->abs, ABS_MT_POSITION_X, 2);
	bitmap_set(caps->abs, ABS_MT_TRACKING_ID, 1);
	caps->contacts = 4;
	caps->axis[ABS_X].maximum = 1000;
	caps->axis[ABS_Y].minimum = -10;
	caps->axis[ABS_Y].maximum = 10;
	caps->axis[ABS_MT_POSITION_X].maximum = 1000;
}

static int input_prepare_world(struct kunit *test)
{
	struct input_world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u32 drawn = seed ?: get_random_u32();

	if (!world)
		return -ENOMEM;
	kunit_info(test, "seed %u\n", drawn);
	prandom_seed_state(&world->random, drawn);
	input_grant(&world->caps);
	test->priv = world;
	return 0;
}

static enum vsc_input_step input_add(struct input_world *world, u16 type, u16 code, s32 value)
{
	world->value = (struct vsc_input_value){ type, code, value };
	return vsc_input_report_add(&world->report, &world->caps, &world->value);
}

static void input_draw(struct input_world *world)
{
	static const u16 types[] = { EV_KEY, EV_REL, EV_ABS, EV_MSC, EV_SW, EV_LED };
	u32 draw = prandom_u32_state(&world->random);

	world->value.type = draw % 16 ? types[draw / 16 % ARRAY_SIZE(types)] : draw >> 16;
	world->value.code = input_below(world, 64);
	world->value.value = input_below(world, 4) ? (s32)input_below(world, 2000) - 100 :
						     (s32)prandom_u32_state(&world->random);
	if (world->value.type == EV_KEY && input_below(world, 2))
		world->value.value = input_below(world, 2);
	/* Only input_end() ends a report. */
	if (world->value.type == EV_SYN)
		world->value.type = EV_MAX;
}

static bool input_is_possible(const struct input_world *world, const struct vsc_input_value *value)
{
	const struct vsc_input_axis *axis;

	switch (value->type) {
	case EV_KEY:
		return test_bit(value->code, world->caps.key) &&
		       (value->value == 0 || value->value == 1);
	case EV_REL:
		return test_bit(value->code, world->caps.rel);
	case EV_ABS:
		axis = &world->caps.axis[value->code];
		if (!test_bit(value->code, world->caps.abs))
			return false;
		if (value->code == ABS_MT_SLOT)
			return value->value >= 0 && value->value < world->caps.contacts;
		return axis->minimum == axis->maximum ||
		       (value->value >= axis->minimum && value->value <= axis->maximum);
	}
	return false;
}

static void input_check_report(struct kunit *test, struct input_world *world, unsigned int taken)
{
	KUNIT_ASSERT_EQ(test, world->report.count, taken);
	for (unsigned int i = 0; i < taken; i++)
		KUNIT_ASSERT_TRUE(test, input_is_possible(world, &world->report.value[i]));
	vsc_input_report_reset(&world->report);
}

static void only_what_is_granted_passes(struct kunit *test)
{
	struct input_world *world = test->priv;
	unsigned int taken = 0, added = 0;
	enum vsc_input_step step;

	for (int i = 0; i < ROUNDS; i++) {
		if (added++ == 100 || !input_below(world, 10)) {
			KUNIT_ASSERT_EQ(test, input_add(world, EV_SYN, SYN_REPORT, 0),
					VSC_INPUT_WHOLE);
			input_check_report(test, world, taken);
			taken = 0;
			added = 0;
			continue;
		}
		input_draw(world);
		step = vsc_input_report_add(&world->report, &world->caps, &world->value);
		KUNIT_ASSERT_TRUE(test, step == VSC_INPUT_TAKEN || step == VSC_INPUT_REFUSED);
		taken += step == VSC_INPUT_TAKEN;
	}
}

/* In order, and as they were sent. */
static void what_is_granted_passes_as_it_is(struct kunit *test)
{
	struct input_world *world = test->priv;
	unsigned int count;

	for (int i = 0; i < ROUNDS / 10; i++) {
		count = input_below(world, VS_INPUT_REPORT_MAX);
		for (unsigned int n = 0; n < count; n++) {
			KUNIT_ASSERT_EQ(test, input_add(world, n % 2 ? EV_KEY : EV_REL,
							n % 2 ? KEY_Q + n % 10 : REL_Y,
							n % 2 ? n / 2 % 2 : n), VSC_INPUT_TAKEN);
			world->sent[n] = world->value;
		}
		KUNIT_ASSERT_EQ(test, input_add(world, EV_SYN, SYN_REPORT, 0), VSC_INPUT_WHOLE);
		KUNIT_ASSERT_EQ(test, world->report.count, count);
		KUNIT_ASSERT_FALSE(test, memcmp(world->report.value, world->sent,
						count * sizeof(world->sent[0])));
		vsc_input_report_reset(&world->report);
	}
}

static void a_report_that_is_too_long_is_lost(struct kunit *test)
{
	struct input_world *world = test->priv;

	for (int i = 0; i < VS_INPUT_REPORT_MAX - 1; i++)
		KUNIT_ASSERT_EQ(test, input_add(world, EV_REL, REL_X, i), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_REL, REL_X, 1), VSC_INPUT_REFUSED);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_SYN, SYN_REPORT, 0), VSC_INPUT_LOST);
	KUNIT_EXPECT_EQ(test, world->report.count, 0);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_REL, REL_X, 1), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_SYN, SYN_REPORT, 0), VSC_INPUT_WHOLE);
	KUNIT_EXPECT_EQ(test, world->report.count, 1);
}

/* What is said of a contact that there is not must not move another one. */
static void a_slot_that_is_not_there_takes_nothing(struct kunit *test)
{
	struct input_world *world = test->priv;

	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_SLOT, 1), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_SLOT, 4), VSC_INPUT_REFUSED);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_TRACKING_ID, 9), VSC_INPUT_REFUSED);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_X, 9), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_SYN, SYN_REPORT, 0), VSC_INPUT_WHOLE);
	vsc_input_report_reset(&world->report);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_POSITION_X, 9), VSC_INPUT_REFUSED);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_SLOT, 3), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_TRACKING_ID, -1), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, world->report.value[1].value, -1);
	KUNIT_EXPECT_EQ(test, input_add(world, EV_ABS, ABS_MT_POSITION_X, 1003), VSC_INPUT_TAKEN);
	KUNIT_EXPECT_EQ(test, world->report.value[2].value, 1000);
}

/* Whatever an answer says: what was not granted does not come into being. */
static void random_answers_only_take_away(struct kunit *test)
{
	struct input_world *world = test->priv;
	struct vs_input_query request = { };
	DECLARE_BITMAP(bits, KEY_CNT);
	char name[VSC_INPUT_NAME];
	struct vsc_input_axis axis;
	u32 length, good = 0;

	for (int i = 0; i < ROUNDS; i++) {
		prandom_bytes_state(&world->random, &world->answer, sizeof(world->answer));
		world->answer.select = input_below(world, 2);
		world->answer.subsel = 0;
		length = input_below(world, sizeof(world->answer) + 20);
		if (vsc_input_answer_check(&world->answer, length, &request))
			continue;
		good++;
		KUNIT_ASSERT_LE(test, world->answer.size, 128);
		KUNIT_ASSERT_LE(test, world->answer.size + 8, length);
		bitmap_copy(bits, world->caps.key, KEY_CNT);
		vsc_input_answer_bits(&world->answer, bits, KEY_CNT);
		KUNIT_ASSERT_TRUE(test, bitmap_subset(bits, world->caps.key, KEY_CNT));
		memset(name, 0, sizeof(name));
		vsc_input_answer_name(&world->answer, name);
		KUNIT_ASSERT_LT(test, strnlen(name, sizeof(name)), sizeof(name));
		if (vsc_input_answer_axis(&world->answer, ABS_X, 4, &axis))
			continue;
		KUNIT_ASSERT_LE(test, axis.minimum, axis.maximum);
		KUNIT_ASSERT_GE(test, axis.resolution, 0);
	}
	KUNIT_EXPECT_GT(test, good, 0);
}

static void wrong_answers_are_refused(struct kunit *test)
{
	static const struct vs_input_query request = {
		.select = VIRTIO_INPUT_CFG_EV_BITS, .subsel = EV_KEY,
	};
	static const struct {
		u8 select;
		u8 subsel;
		u8 size;
		u32 length;
		int error;
	} answers[] = {
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 128, 136, 0 },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 3, 11, 0 },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 0, 8, 0 },
		{ VIRTIO_INPUT_CFG_PROP_BITS, EV_KEY, 128, 136, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_REL, 128, 136, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 129, 136, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 3, 10, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 0, 7, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 128, 137, -EPROTO },
		{ VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, 128, U32_MAX, -EPROTO },
	};
	struct virtio_input_config answer = {};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		answer.select = answers[i].select;
		answer.subsel = answers[i].subsel;
		answer.size = answers[i].size;
		KUNIT_EXPECT_EQ_MSG(test, vsc_input_answer_check(&answer, answers[i].length,
								 &request),
				    answers[i].error, "answer %zu", i);
	}
}

static void input_set_axis(struct input_world *world, s32 minimum, s32 maximum, s32 fuzz)
{
	world->answer.size = sizeof(world->answer.u.abs);
	world->answer.u.abs = (struct virtio_input_absinfo){
		.min = cpu_to_le32(minimum), .max = cpu_to_le32(maximum),
		.fuzz = cpu_to_le32(fuzz),
	};
}

static void ranges_of_axes_make_sense(struct kunit *test)
{
	struct input_world *world = test->priv;
	struct vsc_input_axis axis;

	input_set_axis(world, -100, 100, 200);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), 0);
	KUNIT_EXPECT_EQ(test, axis.minimum, -100);
	input_set_axis(world, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), -EPROTO);
	input_set_axis(world, S32_MIN, S32_MAX, 0);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), -EPROTO);
	input_set_axis(world, 0, 10, 11);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), -EPROTO);
	input_set_axis(world, 0, 10, -1);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), -EPROTO);
	input_set_axis(world, 0, 4000, 0);
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_MT_SLOT, 4, &axis), 0);
	KUNIT_EXPECT_EQ(test, axis.maximum, 3);
	world->answer.size--;
	KUNIT_EXPECT_EQ(test, vsc_input_answer_axis(&world->answer, ABS_X, 0, &axis), -EPROTO);
}

static void layouts_have_two_parts(struct kunit *test)
{
	static const struct {
		const char *whole;
		const char *layout;
		const char *variant;
	} layouts[] = {
		{ "", "", "" },
		{ "de", "de", "" },
		{ "de(nodeadkeys)", "de", "nodeadkeys" },
		{ "us,de(nodeadkeys)", "us,de", ",nodeadkeys" },
		{ "us(intl),de", "us,de", "intl," },
		{ "us,de", "us,de", "" },
		{ ")(x", "", "x" },
	};
	char part[32];

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		vsc_input_layout_part(layouts[i].whole, false, part);
		KUNIT_EXPECT_STREQ(test, part, layouts[i].layout);
		vsc_input_layout_part(layouts[i].whole, true, part);
		KUNIT_EXPECT_STREQ(test, part, layouts[i].variant);
	}
}

static struct kunit_case input_report_cases[] = {
	KUNIT_CASE(only_what_is_granted_passes),
	KUNIT_CASE(what_is_granted_passes_as_it_is),
	KUNIT_CASE(a_report_that_is_too_long_is_lost),
	KUNIT_CASE(a_slot_that_is_not_there_takes_nothing),
	KUNIT_CASE(random_answers_only_take_away),
	KUNIT_CASE(wrong_answers_are_refused),
	KUNIT_CASE(ranges_of_axes_make_sense),
	KUNIT_CASE(layouts_have_two_parts),
	{}
};

static struct kunit_suite input_report_suite = {
	.name = "input_report",
	.init = input_prepare_world,
	.test_cases = input_report_cases,
};

kunit_test_suite(input_report_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what a host sends and answers of an input device");
MODULE_LICENSE("GPL");
