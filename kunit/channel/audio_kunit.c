// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a stream of audio may be set to: every combination, against each term of its contract.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <uapi/linux/virtio_snd.h>

#include "vs_audio.h"
#include "vs_class.h"
#include "vs_terms.h"

static const struct vs_audio_grant all = {
	.channels = { VS_AUDIO_CHANNELS_MAX, VS_AUDIO_CHANNELS_MAX },
	.formats = { BIT(VS_AUDIO_FORMATS) - 1, BIT(VS_AUDIO_FORMATS) - 1 },
	.rates = BIT(VS_AUDIO_RATES_MAX) - 1,
	.period = VS_AUDIO_PERIOD_MIN,
	.bandwidth = VS_AUDIO_BANDWIDTH_MAX,
};

/* Calls look() for every format, rate and number of channels, and some that there are not. */
static void every_setting(struct kunit *test, void (*look)(struct kunit *test, unsigned int stream,
							   const struct vs_audio_params *params))
{
	struct vs_audio_params params;

	for (unsigned int stream = 0; stream < VS_AUDIO_STREAMS; stream++)
		for (unsigned int i = 0; i < 5 * 14 * 10; i++) {
			params = (struct vs_audio_params){
				.format = i % 5, .rate = i / 5 % 14, .channels = i / 70,
			};
			look(test, stream, &params);
		}
}

static bool exists(const struct vs_audio_params *params)
{
	return params->format < VS_AUDIO_FORMATS && params->rate < VS_AUDIO_RATES_MAX &&
	       params->channels >= 1 && params->channels <= VS_AUDIO_CHANNELS_MAX;
}

static void look_at_all(struct kunit *test, unsigned int stream,
			const struct vs_audio_params *params)
{
	const struct vs_audio_grant none = {};

	KUNIT_EXPECT_EQ(test, !vs_audio_allows(&all, stream, params, 0), exists(params));
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&none, stream, params, 0), -EINVAL);
}

static void all_that_exists_may_be_granted(struct kunit *test)
{
	every_setting(test, look_at_all);
}

/* Each term, short of what the setting needs by the least that it can be. */
static void look_at_each_term(struct kunit *test, unsigned int stream,
			      const struct vs_audio_params *params)
{
	struct vs_audio_grant grant = all;
	u64 bytes;

	if (!exists(params))
		return;
	bytes = vs_audio_bytes(params);
	grant.channels[!stream] = 0;
	grant.formats[!stream] = 0;
	grant.channels[stream] = params->channels;
	grant.formats[stream] = BIT(params->format);
	grant.rates = BIT(params->rate);
	grant.bandwidth = bytes;
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 0), 0);
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, !stream, params, 0), -EINVAL);
	grant.bandwidth = bytes - 1;
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 0), -EINVAL);
	grant.bandwidth = bytes;
	grant.channels[stream]--;
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 0), -EINVAL);
	grant = all;
	grant.formats[stream] &= ~BIT(params->format);
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 0), -EINVAL);
	grant = all;
	grant.rates &= ~BIT(params->rate);
	KUNIT_EXPECT_EQ(test, vs_audio_allows(&grant, stream, params, 0), -EINVAL);
}

static void every_term_is_needed(struct kunit *test)
{
	every_setting(test, look_at_each_term);
}

static void no_setting_is_more_than_the_term_can_be(struct kunit *test)
{
	struct vs_audio_params most = {
		.format = VS_AUDIO_FLOAT, .rate = VS_AUDIO_RATES_MAX - 1,
		.channels = VS_AUDIO_CHANNELS_MAX,
	};
	const struct vs_term_spec *bandwidth =
		&vs_class_audio.term[VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH)];

	KUNIT_EXPECT_EQ(test, 2 * vs_audio_bytes(&most), bandwidth->highest);
	KUNIT_EXPECT_LE(test, vs_audio_frame_bytes(&most), VS_AUDIO_MESSAGE_MAX);
}

static void rates_and_formats_are_those_of_virtio(struct kunit *test)
{
	unsigned int known = 0;

	for (unsigned int bit = 0; bit < VS_AUDIO_RATES_MAX; bit++) {
		KUNIT_EXPECT_EQ(test, vs_audio_rate_bit(vs_audio_rate(bit)), bit);
		KUNIT_EXPECT_EQ(test, vs_audio_rate_of_virtio(vs_audio_rate_to_virtio(bit)), bit);
	}
	KUNIT_EXPECT_EQ(test, vs_audio_rate(vs_audio_rate_of_virtio(VIRTIO_SND_PCM_RATE_44100)),
			44100);
	KUNIT_EXPECT_EQ(test, vs_audio_rate(vs_audio_rate_of_virtio(VIRTIO_SND_PCM_RATE_176400)),
			176400);
	KUNIT_EXPECT_EQ(test, vs_audio_rate_bit(12000), -EINVAL);
	KUNIT_EXPECT_EQ(test, vs_audio_rate_of_virtio(VIRTIO_SND_PCM_RATE_5512), -EINVAL);
	KUNIT_EXPECT_EQ(test, vs_audio_rate_of_virtio(VIRTIO_SND_PCM_RATE_384000), -EINVAL);
	for (unsigned int i = 0; i <= U8_MAX; i++) {
		int format = vs_audio_format_of_virtio(i);

		if (format < 0)
			continue;
		known++;
		KUNIT_EXPECT_EQ(test, vs_audio_format_to_virtio(format), i);
	}
	KUNIT_EXPECT_EQ(test, known, VS_AUDIO_FORMATS);
}

/* Of a period that is no whole number of frames, the whole frames do. */
static void periods_are_as_long_as_granted(struct kunit *test)
{
	struct vs_audio_grant grant = all;
	struct vs_audio_params params = {};

	for (params.rate = 0; params.rate < VS_AUDIO_RATES_MAX; params.rate++)
		for (grant.period = VS_AUDIO_PERIOD_MIN; grant.period < 20000; grant.period += 37) {
			u32 frames = (u64)grant.period * vs_audio_rate(params.rate) / 1000000;

			KUNIT_EXPECT_TRUE(test, vs_audio_period_allowed(&grant, &params, frames));
			KUNIT_EXPECT_TRUE(test, vs_audio_period_allowed(&grant, &params,
									frames + 1));
			KUNIT_EXPECT_FALSE(test, vs_audio_period_allowed(&grant, &params,
									 frames - 1));
		}
	params.rate = 0;
	KUNIT_EXPECT_TRUE(test, vs_audio_period_allowed(&grant, &params, U32_MAX));
}

static void the_monitor_needs_a_word(struct kunit *test)
{
	const struct vs_term_spec *monitor =
		&vs_class_audio.term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)];

	KUNIT_EXPECT_TRUE(test, monitor->flags & VS_TERM_EXPLICIT);
}

static void without_a_format_or_a_rate_there_is_no_stream(struct kunit *test)
{
	struct vs_terms *terms = kunit_kzalloc(test, sizeof(*terms), GFP_KERNEL);
	struct vs_audio_grant grant;

	KUNIT_ASSERT_NOT_NULL(test, terms);
	terms->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high = 2;
	terms->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)].high = 1;
	terms->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_FORMATS)].high = BIT(VS_AUDIO_S32);
	terms->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high = 1;
	vs_audio_grant_of(terms, &grant);
	KUNIT_EXPECT_EQ(test, grant.channels[VS_AUDIO_STREAM_PLAYBACK], 0);
	KUNIT_EXPECT_EQ(test, grant.channels[VS_AUDIO_STREAM_CAPTURE], 1);
	terms->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high = 0;
	vs_audio_grant_of(terms, &grant);
	KUNIT_EXPECT_EQ(test, grant.channels[VS_AUDIO_STREAM_CAPTURE], 0);
}

static struct kunit_case audio_cases[] = {
	KUNIT_CASE(all_that_exists_may_be_granted),
	KUNIT_CASE(every_term_is_needed),
	KUNIT_CASE(no_setting_is_more_than_the_term_can_be),
	KUNIT_CASE(rates_and_formats_are_those_of_virtio),
	KUNIT_CASE(periods_are_as_long_as_granted),
	KUNIT_CASE(the_monitor_needs_a_word),
	KUNIT_CASE(without_a_format_or_a_rate_there_is_no_stream),
	{}
};

static struct kunit_suite audio_suite = {
	.name = "audio",
	.test_cases = audio_cases,
};

kunit_test_suite(audio_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what a stream of audio may be set to");
MODULE_LICENSE("GPL");
