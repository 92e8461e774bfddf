// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports that wait for a client: whatever comes, and however slowly it is taken, the client's
 * state ends as the source's; keys come in order, and motion adds up, unless the client was told
 * that something was lost.
 */
#include "vs_input.h"
#include "vsp/input/report.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define ROUNDS	200
#define REPORTS	400

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random reports; 0: draw one");

/* What one side has, as the input core of a client would have it. */
struct side {
	struct vsp_input_state state;
	s64 moved[REL_CNT];
	u64 presses;
	u64 order;	/* of the keys, hashed */
};

struct world {
	struct rnd_state random;
	struct vsp_input_state want;
	struct vsp_input_stream stream;
	struct vs_input_grant grant;
	struct side source;
	struct side client;
	unsigned int slot;
	unsigned int dropped;
	struct vsp_input_event report[VS_INPUT_REPORT_MAX];
};

static u32 below(struct world *world, u32 end)
{
	return prandom_u32_state(&world->random) % end;
}

static int prepare(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u32 drawn = seed ?: get_random_u32();

	if (!world)
		return -ENOMEM;
	kunit_info(test, "seed %u\n", drawn);
	prandom_seed_state(&world->random, drawn);
	test->priv = world;
	return 0;
}

static void begin(struct world *world)
{
	world->grant = (struct vs_input_grant){
		.kinds = VS_INPUT_KEYBOARD | VS_INPUT_MOUSE | VS_INPUT_TOUCH,
		.keys = BIT(VS_INPUT_LETTERS), .buttons = 8, .wheels = U32_MAX, .axes = U32_MAX,
		.contacts = 5,
	};
	memset(&world->stream, 0, sizeof(world->stream));
	memset(&world->source, 0, sizeof(world->source));
	memset(&world->client, 0, sizeof(world->client));
	vsp_input_state_init(&world->want);
	vsp_input_state_init(&world->source.state);
	vsp_input_state_init(&world->client.state);
	vsp_input_stream_init(&world->stream, &world->want);
	vsp_input_stream_join(&world->stream);
	world->slot = 0;
	world->dropped = 0;
}

static void apply(struct side *side, const struct vsp_input_event *event)
{
	if (event->type == EV_KEY && test_bit(event->code, side->state.key) != !!event->value) {
		side->presses += event->value;
		side->order = side->order * 31 + 2 * event->code + event->value;
	}
	if (event->type == EV_REL)
		side->moved[event->code] += event->value;
	vsp_input_state_apply(&side->state, event);
}

/* Return: whether there was a report. */
static bool client_takes(struct kunit *test)
{
	struct world *world = test->priv;
	struct vsp_input_event *event = world->report;
	unsigned int count = vsp_input_stream_take(&world->stream, &world->grant, event);

	KUNIT_ASSERT_LE(test, count, VS_INPUT_REPORT_MAX);
	if (!count)
		return false;
	KUNIT_EXPECT_EQ(test, event[count - 1].type, EV_SYN);
	KUNIT_EXPECT_EQ(test, event[count - 1].code, SYN_REPORT);
	for (unsigned int i = 0; i < count - 1; i++) {
		if (event[i].type == EV_SYN) {
			KUNIT_EXPECT_EQ(test, event[i].code, SYN_DROPPED);
			world->dropped++;
			continue;
		}
		if (event[i].type == EV_ABS && event[i].code == ABS_MT_SLOT) {
			world->slot = event[i].value;
			continue;
		}
		event[i].slot = world->slot;
		KUNIT_ASSERT_LT(test, world->slot, world->grant.contacts);
		apply(&world->client, &event[i]);
	}
	return true;
}

static struct vsp_input_event draw(struct world *world)
{
	struct vsp_input_event event = { .type = EV_REL };

	switch (below(world, 8)) {
	case 0:
	case 1:
		event.type = EV_KEY;
		event.code = KEY_Q + below(world, 10);
		event.value = !test_bit(event.code, world->want.key);
		break;
	case 2:
		event.type = EV_KEY;
		event.code = BTN_MOUSE + below(world, 8);
		event.value = !test_bit(event.code, world->want.key);
		break;
	case 3:
		event.type = EV_ABS;
		event.slot = below(world, 5);
		event.code = ABS_MT_TRACKING_ID;
		event.value = below(world, 3) ? (s32)below(world, 65536) : -1;
		break;
	case 4:
		event.type = EV_ABS;
		event.slot = below(world, 5);
		event.code = ABS_MT_POSITION_X + below(world, 2);
		event.value = below(world, 1000);
		break;
	case 5:
		event.type = EV_ABS;
		event.code = below(world, 2);
		event.value = below(world, 1000);
		break;
	default:
		event.code = below(world, 2);
		event.value = (s32)below(world, 21) - 10;
		break;
	}
	return event;
}

static void source_moves(struct world *world)
{
	unsigned int count = 1 + below(world, below(world, 10) ? 6 : VS_INPUT_REPORT_MAX - 1);

	for (unsigned int i = 0; i < count; i++) {
		world->report[i] = draw(world);
		apply(&world->source, &world->report[i]);
		vsp_input_state_apply(&world->want, &world->report[i]);
	}
	vsp_input_stream_add(&world->stream, world->report, count);
}

/* Touches have a position only while they are there. */
static void expect_same_touches(struct kunit *test)
{
	struct world *world = test->priv;
	const unsigned int id = REPORT_TRACKING;

	for (unsigned int slot = 0; slot < world->grant.contacts; slot++) {
		const s32 *want = world->want.mt[slot], *have = world->client.state.mt[slot];

		KUNIT_EXPECT_EQ(test, have[id], want[id]);
		for (unsigned int i = 0; i < VSP_INPUT_MT_CODES && want[id] >= 0; i++)
			KUNIT_EXPECT_EQ(test, have[i], want[i]);
	}
}

static void expect_same(struct kunit *test)
{
	struct world *world = test->priv;
	const struct vsp_input_state *have = &world->client.state;

	KUNIT_EXPECT_TRUE(test, bitmap_equal(world->want.key, have->key, KEY_CNT));
	KUNIT_EXPECT_TRUE(test, bitmap_equal(world->want.known, have->known, ABS_CNT));
	for (unsigned int code = 0; code < ABS_CNT; code++)
		KUNIT_EXPECT_EQ(test, have->abs[code], world->want.abs[code]);
	expect_same_touches(test);
	if (world->dropped)
		return;
	KUNIT_EXPECT_EQ(test, world->client.presses, world->source.presses);
	KUNIT_EXPECT_EQ(test, world->client.order, world->source.order);
	for (unsigned int code = 0; code < REL_CNT; code++)
		KUNIT_EXPECT_EQ(test, world->client.moved[code], world->source.moved[code]);
}

static void a_client_ends_as_its_source(struct kunit *test)
{
	struct world *world = test->priv;
	unsigned int dropped = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		u32 pace = 1 + below(world, 8);

		begin(world);
		for (unsigned int i = 0; i < REPORTS; i++) {
			source_moves(world);
			if (!below(world, pace))
				client_takes(test);
		}
		while (client_takes(test))
			;
		expect_same(test);
		dropped += world->dropped;
	}
	KUNIT_EXPECT_GT(test, dropped, 0);
}

static void who_loses_the_source_holds_nothing(struct kunit *test)
{
	struct world *world = test->priv;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		begin(world);
		for (unsigned int i = 0; i < 20; i++)
			source_moves(world);
		while (below(world, 20) && client_takes(test))
			;
		vsp_input_stream_leave(&world->stream);
		while (client_takes(test))
			;
		KUNIT_EXPECT_TRUE(test, bitmap_empty(world->client.state.key, KEY_CNT));
		for (unsigned int slot = 0; slot < world->grant.contacts; slot++)
			KUNIT_EXPECT_LT(test, world->client.state.mt[slot][REPORT_TRACKING], 0);
	}
}

static void who_gets_the_source_does_not_press_what_is_held(struct kunit *test)
{
	static const struct vsp_input_event press = { EV_KEY, 0, KEY_A, 1 };
	static const struct vsp_input_event release = { EV_KEY, 0, KEY_A, 0 };
	struct world *world = test->priv;

	begin(world);
	vsp_input_stream_leave(&world->stream);
	vsp_input_state_apply(&world->want, &press);
	vsp_input_stream_add(&world->stream, &press, 1);
	vsp_input_stream_join(&world->stream);
	KUNIT_EXPECT_FALSE(test, client_takes(test));
	vsp_input_state_apply(&world->want, &release);
	vsp_input_stream_add(&world->stream, &release, 1);
	vsp_input_state_apply(&world->want, &press);
	vsp_input_stream_add(&world->stream, &press, 1);
	while (client_takes(test))
		;
	KUNIT_EXPECT_TRUE(test, test_bit(KEY_A, world->client.state.key));
}

static void motion_that_waits_is_one_report(struct kunit *test)
{
	static const struct vsp_input_event move = { EV_REL, 0, REL_X, 3 };
	struct world *world = test->priv;

	begin(world);
	for (unsigned int i = 0; i < 10 * VSP_INPUT_WAITING_MAX; i++)
		vsp_input_stream_add(&world->stream, &move, 1);
	KUNIT_EXPECT_TRUE(test, client_takes(test));
	KUNIT_EXPECT_FALSE(test, client_takes(test));
	KUNIT_EXPECT_EQ(test, world->client.moved[REL_X], 30LL * VSP_INPUT_WAITING_MAX);
	KUNIT_EXPECT_EQ(test, world->dropped, 0);
}

/* Where an axis comes twice in a report, the last one is where it is. */
static void a_position_is_merged_into_the_last_one(struct kunit *test)
{
	static const struct vsp_input_event twice[] = { { EV_ABS, 0, ABS_X, 1 },
							{ EV_ABS, 0, ABS_X, 2 } };
	static const struct vsp_input_event next = { EV_ABS, 0, ABS_X, 3 };
	struct world *world = test->priv;

	begin(world);
	vsp_input_stream_add(&world->stream, twice, ARRAY_SIZE(twice));
	vsp_input_stream_add(&world->stream, &next, 1);
	while (client_takes(test))
		;
	KUNIT_EXPECT_EQ(test, world->client.state.abs[ABS_X], 3);
}

static void what_is_not_granted_any_more_is_released(struct kunit *test)
{
	static const struct vsp_input_event press = { EV_KEY, 0, KEY_A, 1 };
	struct world *world = test->priv;

	begin(world);
	vsp_input_state_apply(&world->want, &press);
	vsp_input_stream_add(&world->stream, &press, 1);
	while (client_takes(test))
		;
	world->grant.keys = 0;
	vsp_input_stream_axes(&world->stream);
	while (client_takes(test))
		;
	KUNIT_EXPECT_FALSE(test, test_bit(KEY_A, world->client.state.key));
}

/* Neither that a key is pressed, nor that it is released. */
static void what_is_not_granted_is_not_told(struct kunit *test)
{
	static const struct vsp_input_event key[] = {
		{ EV_KEY, 0, KEY_1, 1 }, { EV_KEY, 0, KEY_1, 0 },
	};
	struct world *world = test->priv;

	begin(world);
	while (client_takes(test))
		;
	for (size_t i = 0; i < ARRAY_SIZE(key); i++) {
		vsp_input_state_apply(&world->want, &key[i]);
		vsp_input_stream_add(&world->stream, &key[i], 1);
		KUNIT_EXPECT_FALSE(test, client_takes(test));
	}
}

/* Though the report in which it began was dropped. */
static void a_touch_that_began_in_what_was_lost_is_told(struct kunit *test)
{
	static const struct vsp_input_event touch = { EV_ABS, 2, ABS_MT_TRACKING_ID, 7 };
	struct vsp_input_event key = { EV_KEY, 0, KEY_A, 0 };
	struct world *world = test->priv;

	begin(world);
	vsp_input_state_apply(&world->want, &touch);
	vsp_input_stream_add(&world->stream, &touch, 1);
	for (unsigned int i = 0; i < VSP_INPUT_WAITING_MAX; i++) {
		key.value = !key.value;
		vsp_input_state_apply(&world->want, &key);
		vsp_input_stream_add(&world->stream, &key, 1);
	}
	while (client_takes(test))
		;
	KUNIT_EXPECT_GT(test, world->dropped, 0);
	expect_same_touches(test);
}

/* A new device of the client's changes nothing about what it was not told. */
static void what_was_held_before_stays_untold_by_a_new_device(struct kunit *test)
{
	static const struct vsp_input_event press = { EV_KEY, 0, KEY_A, 1 };
	static const struct vsp_input_event touch = { EV_ABS, 2, ABS_MT_TRACKING_ID, 7 };
	struct world *world = test->priv;

	begin(world);
	vsp_input_stream_leave(&world->stream);
	vsp_input_state_apply(&world->want, &press);
	vsp_input_state_apply(&world->want, &touch);
	vsp_input_stream_join(&world->stream);
	vsp_input_stream_restart(&world->stream);
	while (client_takes(test))
		;
	KUNIT_EXPECT_FALSE(test, test_bit(KEY_A, world->client.state.key));
	KUNIT_EXPECT_LT(test, world->client.state.mt[2][REPORT_TRACKING], 0);
}

static void source_does(struct world *world, const struct vsp_input_event *event)
{
	vsp_input_state_apply(&world->want, event);
	vsp_input_stream_add(&world->stream, event, 1);
}

static void takes_all(struct kunit *test)
{
	while (client_takes(test))
		;
}

/* Whether the touch ends while the client is stopped, or afterwards */
static void a_touch_ends_for_who_was_stopped(struct kunit *test)
{
	static const struct vsp_input_event touch = { EV_ABS, 2, ABS_MT_TRACKING_ID, 7 };
	static const struct vsp_input_event lift = { EV_ABS, 2, ABS_MT_TRACKING_ID, -1 };
	struct world *world = test->priv;

	for (unsigned int late = 0; late < 2; late++) {
		begin(world);
		source_does(world, &touch);
		takes_all(test);
		KUNIT_ASSERT_EQ(test, world->client.state.mt[2][REPORT_TRACKING], 7);
		vsp_input_stream_resume(&world->stream);
		if (late)
			takes_all(test);
		source_does(world, &lift);
		takes_all(test);
		KUNIT_EXPECT_EQ(test, world->client.state.mt[2][REPORT_TRACKING], -1);
		source_does(world, &touch);
		takes_all(test);
		KUNIT_EXPECT_EQ(test, world->client.state.mt[2][REPORT_TRACKING], 7);
	}
}

/* Though its release, and more than there is room for, has come meanwhile */
static void a_key_is_released_for_who_was_stopped(struct kunit *test)
{
	struct vsp_input_event key = { EV_KEY, 0, KEY_A, 1 }, other = { EV_KEY, 0, KEY_B, 0 };
	struct world *world = test->priv;

	begin(world);
	source_does(world, &key);
	takes_all(test);
	vsp_input_stream_resume(&world->stream);
	key.value = 0;
	source_does(world, &key);
	for (unsigned int i = 0; i < VSP_INPUT_WAITING_MAX; i++) {
		other.value = !other.value;
		source_does(world, &other);
	}
	takes_all(test);
	KUNIT_EXPECT_GT(test, world->dropped, 0);
	KUNIT_EXPECT_FALSE(test, test_bit(KEY_A, world->client.state.key));
}

static void who_has_lost_the_source_and_was_stopped_holds_nothing(struct kunit *test)
{
	static const struct vsp_input_event press = { EV_KEY, 0, KEY_A, 1 };
	static const struct vsp_input_event touch = { EV_ABS, 2, ABS_MT_TRACKING_ID, 7 };
	struct world *world = test->priv;

	begin(world);
	source_does(world, &press);
	source_does(world, &touch);
	takes_all(test);
	vsp_input_stream_leave(&world->stream);
	vsp_input_stream_resume(&world->stream);
	takes_all(test);
	KUNIT_EXPECT_FALSE(test, test_bit(KEY_A, world->client.state.key));
	KUNIT_EXPECT_EQ(test, world->client.state.mt[2][REPORT_TRACKING], -1);
}

static struct kunit_case input_stream_cases[] = {
	KUNIT_CASE(a_touch_ends_for_who_was_stopped),
	KUNIT_CASE(a_key_is_released_for_who_was_stopped),
	KUNIT_CASE(who_has_lost_the_source_and_was_stopped_holds_nothing),
	KUNIT_CASE(a_touch_that_began_in_what_was_lost_is_told),
	KUNIT_CASE(what_was_held_before_stays_untold_by_a_new_device),
	KUNIT_CASE(a_client_ends_as_its_source),
	KUNIT_CASE(who_loses_the_source_holds_nothing),
	KUNIT_CASE(who_gets_the_source_does_not_press_what_is_held),
	KUNIT_CASE(motion_that_waits_is_one_report),
	KUNIT_CASE(a_position_is_merged_into_the_last_one),
	KUNIT_CASE(what_is_not_granted_any_more_is_released),
	KUNIT_CASE(what_is_not_granted_is_not_told),
	{}
};

static struct kunit_suite input_stream_suite = {
	.name = "input_stream",
	.init = prepare,
	.test_cases = input_stream_cases,
};

kunit_test_suite(input_stream_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: reports that wait for a client");
MODULE_LICENSE("GPL");
