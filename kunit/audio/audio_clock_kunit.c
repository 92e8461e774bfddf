// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of a stream on the host: no frame is due early, none is lost or doubled, and nothing
 * drifts, however it is looked at.
 */
#include "vsp/audio/clock.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

static const u32 rates[] = { 8000, 11025, 22050, 44100, 48000, 176400, 192000 };

#define LATE_NS	(VSP_AUDIO_LATE_MS * (u64)NSEC_PER_MSEC)

/* Looks at random times, takes a part of what is due, and compares with the exact number. */
static void walk(struct kunit *test, u32 rate, u64 start, struct rnd_state *random)
{
	struct vsp_audio_clock clock;
	u64 taken = 0, now = start;

	vsp_audio_clock_start(&clock, rate, start);
	for (unsigned int i = 0; i < 5000; i++) {
		u64 due, exact;

		now += prandom_u32_state(random) % (LATE_NS / 3);
		exact = mul_u64_u64_div_u64(now - start, rate, NSEC_PER_SEC) - taken;
		due = vsp_audio_clock_due(&clock, now);
		KUNIT_ASSERT_EQ(test, due, exact);
		due -= due && prandom_u32_state(random) % 4 == 0 ? due / 2 : 0;
		vsp_audio_clock_take(&clock, due);
		taken += due;
		KUNIT_ASSERT_LT(test, clock.frames, rate);
	}
}

static void frames_are_due_as_time_passes(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct rnd_state random;

	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(&random, seed);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		walk(test, rates[i], 0, &random);
		walk(test, rates[i], U64_MAX / 2, &random);
	}
}

static void a_wait_ends_just_when_frames_are_due(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct vsp_audio_clock clock;
	struct rnd_state random;

	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(&random, seed);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		u64 now = prandom_u32_state(&random);

		vsp_audio_clock_start(&clock, rates[i], now);
		for (unsigned int n = 0; n < 2000; n++) {
			u32 frames = 1 + prandom_u32_state(&random) % (rates[i] / 20);
			u64 wait = vsp_audio_clock_wait_ns(&clock, frames, now);

			if (wait)
				KUNIT_ASSERT_LT(test, vsp_audio_clock_due(&clock, now + wait - 1),
						frames);
			now += wait;
			KUNIT_ASSERT_GE(test, vsp_audio_clock_due(&clock, now), frames);
			KUNIT_ASSERT_EQ(test, vsp_audio_clock_wait_ns(&clock, frames, now), 0);
			vsp_audio_clock_take(&clock, frames);
		}
	}
}

/* Not by a second: mul_u64_u64_div_u64() of x86 is wrong where a constant is the divisor, too. */
static void what_is_too_late_is_given_up(struct kunit *test)
{
	struct vsp_audio_clock clock;

	vsp_audio_clock_start(&clock, 48000, 1000);
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 1000 + LATE_NS), 4800);
	KUNIT_EXPECT_FALSE(test, vsp_audio_clock_give_up(&clock, 1000 + LATE_NS));
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 1000 + 15 * LATE_NS), 15 * 4800);
	KUNIT_EXPECT_TRUE(test, vsp_audio_clock_give_up(&clock, 1000 + 15 * LATE_NS));
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 1000 + 15 * LATE_NS), 4800);
	KUNIT_EXPECT_FALSE(test, vsp_audio_clock_give_up(&clock, 1000 + 15 * LATE_NS));
	vsp_audio_clock_take(&clock, 4800);
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 1000 + 15 * LATE_NS), 0);
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 1000 + 15 * LATE_NS + NSEC_PER_MSEC), 48);
}

static void time_before_the_start_is_no_time(struct kunit *test)
{
	struct vsp_audio_clock clock;

	vsp_audio_clock_start(&clock, 48000, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_due(&clock, 0), 0);
	KUNIT_EXPECT_EQ(test, vsp_audio_clock_wait_ns(&clock, 48, 0),
			NSEC_PER_SEC + NSEC_PER_MSEC);
}

static struct kunit_case audio_clock_cases[] = {
	KUNIT_CASE(frames_are_due_as_time_passes),
	KUNIT_CASE(a_wait_ends_just_when_frames_are_due),
	KUNIT_CASE(what_is_too_late_is_given_up),
	KUNIT_CASE(time_before_the_start_is_no_time),
	{}
};

static struct kunit_suite audio_clock_suite = {
	.name = "audio_clock",
	.test_cases = audio_clock_cases,
};

kunit_test_suite(audio_clock_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: when frames of audio are due");
MODULE_LICENSE("GPL");
