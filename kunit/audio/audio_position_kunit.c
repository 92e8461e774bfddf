// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a guest's stream is between two messages, and what it needs of the next contract.
 */
#include "vsc/audio/position.c"

#include <kunit/test.h>
#include <linux/module.h>

#include "vs_class.h"

static void a_message_is_not_over_before_it_is_back(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vsc_audio_position_ahead(U64_MAX, 192000, 0), 0);
	for (u32 frames = 1; frames < 5000; frames += 7) {
		KUNIT_EXPECT_EQ(test, vsc_audio_position_ahead(0, 48000, frames), 0);
		KUNIT_EXPECT_EQ(test, vsc_audio_position_ahead(U64_MAX, 8000, frames), frames - 1);
	}
}

static void within_it_the_position_goes_with_the_time(struct kunit *test)
{
	u32 last = 0;

	for (u64 ns = 0; ns < 25 * NSEC_PER_MSEC; ns += 10000) {
		u32 ahead = vsc_audio_position_ahead(ns, 48000, 1000);

		KUNIT_EXPECT_EQ(test, ahead, min_t(u64, ns * 48 / NSEC_PER_MSEC, 999));
		KUNIT_EXPECT_GE(test, ahead, last);
		last = ahead;
	}
}

static void what_the_host_says_of_latency_ends_at_a_second(struct kunit *test)
{
	for (u8 channels = 1; channels <= VS_AUDIO_CHANNELS_MAX; channels++) {
		for (u8 rate = 0; rate < VS_AUDIO_RATES_MAX; rate++) {
			struct vs_audio_params params = { VS_AUDIO_S16, rate, channels };
			u32 second = vs_audio_rate(rate), frame = 2 * channels;

			KUNIT_EXPECT_EQ(test, vsc_audio_position_latency(0, &params), 0);
			KUNIT_EXPECT_EQ(test, vsc_audio_position_latency(frame - 1, &params), 0);
			KUNIT_EXPECT_EQ(test, vsc_audio_position_latency(480 * frame, &params),
					480);
			KUNIT_EXPECT_EQ(test, vsc_audio_position_latency(second * frame, &params),
					second);
			KUNIT_EXPECT_EQ(test, vsc_audio_position_latency(U32_MAX, &params),
					second);
		}
	}
}

static struct vs_terms *unlimited(struct kunit *test)
{
	struct vs_terms *terms = kunit_kzalloc(test, sizeof(*terms), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, terms);
	vs_terms_unlimited(&vs_class_audio, terms);
	return terms;
}

static void an_open_stream_is_needed_and_no_more(struct kunit *test)
{
	const struct vs_audio_params params = {
		.format = VS_AUDIO_S24, .rate = 6, .channels = 3,
	};
	struct vs_terms *wish = unlimited(test), *before = unlimited(test);

	vsc_audio_position_wish(&params, VS_AUDIO_STREAM_CAPTURE, wish);
	before->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)].low = 3;
	before->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_FORMATS)].low = BIT(VS_AUDIO_S24);
	before->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].low = BIT(6);
	KUNIT_EXPECT_TRUE(test, vs_terms_equal(wish, before));
	KUNIT_EXPECT_EQ(test, vs_terms_check_ask(&vs_class_audio, wish), 0);
}

/* Who administers the guest may end its stream. */
static void what_is_not_wished_is_not_needed(struct kunit *test)
{
	const struct vs_audio_params params = {
		.format = VS_AUDIO_FLOAT, .rate = 11, .channels = 8,
	};
	struct vs_terms *wish = unlimited(test);

	wish->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high = 2;
	wish->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)].high = BIT(VS_AUDIO_S16);
	wish->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high = BIT(0);
	vsc_audio_position_wish(&params, VS_AUDIO_STREAM_PLAYBACK, wish);
	KUNIT_EXPECT_EQ(test, wish->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].low, 2);
	KUNIT_EXPECT_EQ(test, wish->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)].low, 0);
	KUNIT_EXPECT_EQ(test, wish->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].low, 0);
	KUNIT_EXPECT_EQ(test, vs_terms_check_ask(&vs_class_audio, wish), 0);
}

static struct kunit_case audio_position_cases[] = {
	KUNIT_CASE(a_message_is_not_over_before_it_is_back),
	KUNIT_CASE(within_it_the_position_goes_with_the_time),
	KUNIT_CASE(what_the_host_says_of_latency_ends_at_a_second),
	KUNIT_CASE(an_open_stream_is_needed_and_no_more),
	KUNIT_CASE(what_is_not_wished_is_not_needed),
	{}
};

static struct kunit_suite audio_position_suite = {
	.name = "audio_position",
	.test_cases = audio_position_cases,
};

kunit_test_suite(audio_position_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the position of a guest's stream");
MODULE_LICENSE("GPL");
