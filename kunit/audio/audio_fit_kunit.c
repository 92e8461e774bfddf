// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client's stream and a PCM of the host: no limit grows but the shortest period, none is more
 * than the PCM can do, and each channel comes where it belongs.
 */
#include "vsp/audio/fit.c"

#include <kunit/test.h>
#include <linux/module.h>

#include "vs_class.h"

#define CHANNELS	10
#define FRAMES		3
#define SAMPLE_MAX	4

/* Sample of @channel of frame @frame; never silent. */
static u8 byte_of(u32 frame, u32 channel, u32 byte)
{
	return 1 + frame * CHANNELS * SAMPLE_MAX + channel * SAMPLE_MAX + byte;
}

static u8 wanted(u32 frame, u32 channel, u32 byte, u32 from_channels)
{
	if (channel < from_channels)
		return byte_of(frame, channel, byte);
	return from_channels == 1 && channel == 1 ? byte_of(frame, 0, byte) : 0;
}

static void fit(struct kunit *test, u32 to_channels, u32 from_channels, u32 sample)
{
	u8 from[FRAMES * CHANNELS * SAMPLE_MAX], to[FRAMES * CHANNELS * SAMPLE_MAX + 1];
	u32 at = 0;

	for (u32 frame = 0; frame < FRAMES; frame++)
		for (u32 channel = 0; channel < from_channels; channel++)
			for (u32 byte = 0; byte < sample; byte++)
				from[at++] = byte_of(frame, channel, byte);
	memset(to, 0xaa, sizeof(to));
	vsp_audio_fit_channels(to, to_channels, from, from_channels, sample, FRAMES);
	at = 0;
	for (u32 frame = 0; frame < FRAMES; frame++)
		for (u32 channel = 0; channel < to_channels; channel++)
			for (u32 byte = 0; byte < sample; byte++)
				KUNIT_ASSERT_EQ(test, to[at++],
						wanted(frame, channel, byte, from_channels));
	KUNIT_ASSERT_EQ(test, to[at], 0xaa);
}

static void each_channel_comes_where_it_belongs(struct kunit *test)
{
	for (u32 to = 1; to <= CHANNELS; to++)
		for (u32 from = 1; from <= CHANNELS; from++) {
			fit(test, to, from, 2);
			fit(test, to, from, 4);
		}
}

static void limits_are_what_both_can_do(struct kunit *test)
{
	const struct vsp_audio_caps caps[VS_AUDIO_STREAMS] = {
		{ .channels_min = 2, .channels_max = 6, .formats = BIT(VS_AUDIO_S16), .rates = 0xf0,
		  .period = 5000 },
		{ .channels_min = 1, .channels_max = 1, .formats = BIT(VS_AUDIO_S32), .rates = 0x3c,
		  .period = 700 },
	};
	struct vs_terms limits;

	vs_terms_unlimited(&vs_class_audio, &limits);
	limits.term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high = 2;
	limits.term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)].high = 1000;
	vsp_audio_fit_limits(caps, &limits);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high, 2);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)].high, 1);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)].high,
			BIT(VS_AUDIO_S16));
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_FORMATS)].high,
			BIT(VS_AUDIO_S32));
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high, 0x30);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)].low, 5000);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)].high, 5000);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)].high,
			VS_AUDIO_HEAR | VS_AUDIO_RECORD);
	KUNIT_EXPECT_TRUE(test, vs_terms_possible(&vs_class_audio, &limits));
}

static void a_direction_that_is_not_there_limits_nothing_else(struct kunit *test)
{
	const struct vsp_audio_caps caps[VS_AUDIO_STREAMS] = {
		[VS_AUDIO_STREAM_CAPTURE] = {
			.channels_min = 1, .channels_max = 2, .formats = BIT(VS_AUDIO_S16),
			.rates = 0x40, .period = 500,
		},
	};
	struct vs_terms limits;

	vs_terms_unlimited(&vs_class_audio, &limits);
	vsp_audio_fit_limits(caps, &limits);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high, 0);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)].high, 0);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high, 0x40);
	KUNIT_EXPECT_EQ(test, limits.term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)].high,
			VS_AUDIO_PERIOD_MAX);
	KUNIT_EXPECT_TRUE(test, vs_terms_possible(&vs_class_audio, &limits));
}

static struct kunit_case audio_fit_cases[] = {
	KUNIT_CASE(each_channel_comes_where_it_belongs),
	KUNIT_CASE(limits_are_what_both_can_do),
	KUNIT_CASE(a_direction_that_is_not_there_limits_nothing_else),
	{}
};

static struct kunit_suite audio_fit_suite = {
	.name = "audio_fit",
	.test_cases = audio_fit_cases,
};

kunit_test_suite(audio_fit_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: a client's stream and a PCM of the host");
MODULE_LICENSE("GPL");
