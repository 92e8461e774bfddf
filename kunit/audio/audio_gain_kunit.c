// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volume: 0 dB changes no bit, each step is what its dB say, louder is never quieter, and
 * a change comes in small steps.
 */
#include "vsp/audio/gain.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>

/* One sample of an integer format, as it would be in a stream. */
static s32 scaled(s32 sample, u32 gain, unsigned int format)
{
	const struct vs_audio_params params = { .format = format, .channels = 1 };
	struct vsp_audio_gain state;
	__le32 memory = cpu_to_le32(sample);

	if (format == VS_AUDIO_S16)
		*(__le16 *)&memory = cpu_to_le16(sample);
	vsp_audio_gain_set(&state, gain);
	vsp_audio_gain_apply(&state, gain, &params, (u8 *)&memory, 1);
	return format == VS_AUDIO_S16 ? (s16)le16_to_cpu(*(__le16 *)&memory) :
	       (s32)le32_to_cpu(memory);
}

static u32 scaled_float(u32 sample, u32 gain)
{
	return scaled(sample, gain, VS_AUDIO_FLOAT);
}

static void no_change_changes_no_bit(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct rnd_state random;

	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(&random, seed);
	KUNIT_ASSERT_EQ(test, vsp_audio_gain_of(VS_AUDIO_VOLUME_MAX), VSP_AUDIO_GAIN_ONE);
	for (int sample = S16_MIN; sample <= S16_MAX; sample++) {
		KUNIT_ASSERT_EQ(test, scaled(sample, VSP_AUDIO_GAIN_ONE, VS_AUDIO_S16), sample);
		/* Nor does arithmetic: a ramp ends without a step. */
		KUNIT_ASSERT_EQ(test, gain_integer(sample, VSP_AUDIO_GAIN_ONE), sample);
	}
	for (unsigned int i = 0; i < 100000; i++) {
		u32 any = prandom_u32_state(&random);

		for (unsigned int format = VS_AUDIO_S24; format < VS_AUDIO_FORMATS; format++)
			KUNIT_ASSERT_EQ(test, scaled(any, VSP_AUDIO_GAIN_ONE, format), (s32)any);
		KUNIT_ASSERT_EQ(test, gain_integer(any, VSP_AUDIO_GAIN_ONE), (s32)any);
		if (any >> FLOAT_BITS & FLOAT_EXPONENT)
			KUNIT_ASSERT_EQ(test, gain_float(any, VSP_AUDIO_GAIN_ONE), any);
	}
}

/* Steps of 20 dB are exact tenths; any 1 dB is between 1.1220 and 1.1221, but for rounding. */
static void volumes_are_what_their_decibels_say(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vsp_audio_gain_of(0), DIV_ROUND_CLOSEST(VSP_AUDIO_GAIN_ONE, 1000));
	KUNIT_EXPECT_EQ(test, vsp_audio_gain_of(20), DIV_ROUND_CLOSEST(VSP_AUDIO_GAIN_ONE, 100));
	KUNIT_EXPECT_EQ(test, vsp_audio_gain_of(40), DIV_ROUND_CLOSEST(VSP_AUDIO_GAIN_ONE, 10));
	for (unsigned int i = 0; i < VS_AUDIO_VOLUME_MAX; i++) {
		u64 quiet = vsp_audio_gain_of(i), loud = vsp_audio_gain_of(i + 1);

		KUNIT_EXPECT_GE(test, (loud + 1) * 10000, quiet * 11220);
		KUNIT_EXPECT_LE(test, (loud - 1) * 10000, quiet * 11221);
	}
}

static void louder_is_never_quieter(struct kunit *test)
{
	static const int edges[] = { S16_MIN, S16_MIN + 1, -2, -1, 0, 1, 2, S16_MAX - 1, S16_MAX };

	for (unsigned int volume = 0; volume <= VS_AUDIO_VOLUME_MAX; volume++) {
		u32 gain = vsp_audio_gain_of(volume);
		int last = S16_MIN;

		for (int sample = S16_MIN; sample <= S16_MAX; sample++) {
			int now = scaled(sample, gain, VS_AUDIO_S16);

			KUNIT_ASSERT_GE(test, now, last);
			last = now;
		}
		for (size_t i = 0; volume && i < ARRAY_SIZE(edges); i++)
			KUNIT_ASSERT_GE(test, abs(scaled(edges[i], gain, VS_AUDIO_S16)),
					abs(scaled(edges[i], vsp_audio_gain_of(volume - 1),
						   VS_AUDIO_S16)));
	}
}

/* The fourth byte of s24 is nobody's: what is in it is no part of the sample. */
static void samples_of_24_bits_are_in_three_bytes(struct kunit *test)
{
	u32 half = VSP_AUDIO_GAIN_ONE / 2;

	KUNIT_EXPECT_EQ(test, scaled(0x5a000100, half, VS_AUDIO_S24), 0x80);
	KUNIT_EXPECT_EQ(test, scaled(0x00fffff0, half, VS_AUDIO_S24), -8);
	KUNIT_EXPECT_EQ(test, scaled(0x00800000, half, VS_AUDIO_S24), -0x400000);
}

static void floats_are_scaled(struct kunit *test)
{
	u32 half = VSP_AUDIO_GAIN_ONE / 2, most = 3 * (VSP_AUDIO_GAIN_ONE / 4);

	KUNIT_EXPECT_EQ(test, scaled_float(0x3f800000, half), 0x3f000000);	/* 1: 0.5 */
	KUNIT_EXPECT_EQ(test, scaled_float(0xbf800000, half), 0xbf000000);
	KUNIT_EXPECT_EQ(test, scaled_float(0x3f800000, most), 0x3f400000);	/* 1: 0.75 */
	KUNIT_EXPECT_EQ(test, scaled_float(0x40000000, most), 0x3fc00000);	/* 2: 1.5 */
	/* Just below 1, and rounded up to it. */
	KUNIT_EXPECT_EQ(test, scaled_float(0x3fb2f4fc, 12000000), 0x3f800000);
	KUNIT_EXPECT_EQ(test, scaled_float(0x00800000, half), 0);	/* the smallest */
	KUNIT_EXPECT_EQ(test, scaled_float(0x80800000, half), FLOAT_SIGN);
	KUNIT_EXPECT_EQ(test, scaled_float(0x00000001, half), 0);
	KUNIT_EXPECT_EQ(test, scaled_float(0x00000000, most), 0);
	KUNIT_EXPECT_EQ(test, scaled_float(0x7f800000, half), 0x7f800000);	/* infinite */
	KUNIT_EXPECT_EQ(test, scaled_float(0x7fc00001, half), 0x7fc00001);	/* no number */
	KUNIT_EXPECT_EQ(test, scaled_float(0x7fc00001, 0), 0);
}

/* Exact to a bit of the fraction: by the integers that both are. */
static void floats_are_as_exact_as_they_can_be(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct rnd_state random;

	kunit_info(test, "seed %u\n", seed);
	prandom_seed_state(&random, seed);
	for (unsigned int i = 0; i < 100000; i++) {
		u32 sample = (prandom_u32_state(&random) & (FLOAT_HIDDEN - 1)) | 0x4b000000;
		u32 volume = prandom_u32_state(&random) % (VS_AUDIO_VOLUME_MAX + 1);
		u32 gain = vsp_audio_gain_of(volume);
		u64 exact = (u64)((sample & (FLOAT_HIDDEN - 1)) | FLOAT_HIDDEN) * gain;
		u32 has = gain_float(sample, gain);
		int exponent = (int)(has >> FLOAT_BITS) - (0x4b000000 >> FLOAT_BITS) + GAIN_BITS;
		u64 value = (u64)((has & (FLOAT_HIDDEN - 1)) | FLOAT_HIDDEN) << exponent;

		KUNIT_ASSERT_LE(test, abs_diff(value, exact), exponent ? BIT_ULL(exponent - 1) : 0);
	}
}

/* Not down, which would be heard in what is quiet. */
static void samples_are_rounded(struct kunit *test)
{
	u32 half = VSP_AUDIO_GAIN_ONE / 2, third = VSP_AUDIO_GAIN_ONE / 3;

	for (unsigned int format = VS_AUDIO_S16; format <= VS_AUDIO_S32; format++) {
		KUNIT_EXPECT_EQ(test, scaled(3, half, format), 2);
		KUNIT_EXPECT_EQ(test, scaled(2, third, format), 1);
		KUNIT_EXPECT_EQ(test, scaled(-2, third, format), -1);
		KUNIT_EXPECT_EQ(test, scaled(-1, third, format), 0);
	}
}

/* Whatever a client sends. */
static void controls_take_what_they_have(struct kunit *test)
{
	for (u32 id = 0; id < VS_AUDIO_CONTROLS; id++) {
		u32 most = id % 2 == VS_AUDIO_CONTROL_VOLUME ? VS_AUDIO_VOLUME_MAX : 1;

		for (u32 value = 0; value < 1000; value++)
			KUNIT_ASSERT_EQ(test, vs_audio_control_takes(id, value), value <= most);
		KUNIT_EXPECT_FALSE(test, vs_audio_control_takes(id, U32_MAX));
		KUNIT_EXPECT_FALSE(test, vs_audio_control_takes(id, -1LL));
	}
	for (u32 id = VS_AUDIO_CONTROLS; id < 1000; id++)
		KUNIT_ASSERT_FALSE(test, vs_audio_control_takes(id, 0));
	KUNIT_EXPECT_FALSE(test, vs_audio_control_takes(U32_MAX, 0));
}

static void mute_is_silence(struct kunit *test)
{
	for (unsigned int format = 0; format < VS_AUDIO_FORMATS; format++) {
		KUNIT_EXPECT_EQ(test, scaled(S16_MIN, 0, format), 0);
		KUNIT_EXPECT_EQ(test, scaled(-1, 0, format), 0);
	}
}

#define RAMP_FRAMES	(48000 * VSP_AUDIO_RAMP_MS / 1000)
#define CHANNELS	2

/* A constant of full scale, of which the gain can be read. */
static void ramp(struct kunit *test, u32 from, u32 to)
{
	const struct vs_audio_params params = {
		.format = VS_AUDIO_S32, .rate = vs_audio_rate_bit(48000), .channels = CHANNELS,
	};
	u32 jump = abs_diff(from, to) / RAMP_FRAMES + 1;
	struct vsp_audio_gain gain;
	s32 frame[CHANNELS], last;

	vsp_audio_gain_set(&gain, from);
	last = ((s64)from << 8) >> 3;
	for (unsigned int i = 0; i <= RAMP_FRAMES + 1; i++) {
		frame[0] = BIT(29);
		frame[1] = BIT(29);
		vsp_audio_gain_apply(&gain, to, &params, (u8 *)frame, 1);
		KUNIT_ASSERT_EQ(test, frame[0], frame[1]);
		KUNIT_ASSERT_LE(test, abs_diff(frame[0], last), (jump << 5) + 1);
		KUNIT_ASSERT_TRUE(test, from < to ? frame[0] >= last : frame[0] <= last);
		last = frame[0];
	}
	KUNIT_EXPECT_EQ(test, gain.now, to);
	KUNIT_EXPECT_EQ(test, last, to << 5);
}

static void a_change_comes_in_small_steps(struct kunit *test)
{
	ramp(test, VSP_AUDIO_GAIN_ONE, 0);
	ramp(test, 0, VSP_AUDIO_GAIN_ONE);
	ramp(test, VSP_AUDIO_GAIN_ONE / 2, VSP_AUDIO_GAIN_ONE / 2 + 1);
}

/* In the middle of a ramp: from where that is. */
static void a_change_may_be_changed(struct kunit *test)
{
	const struct vs_audio_params params = {
		.format = VS_AUDIO_S16, .rate = vs_audio_rate_bit(48000), .channels = 1,
	};
	struct vsp_audio_gain gain;
	static s16 frames[RAMP_FRAMES];

	vsp_audio_gain_set(&gain, 0);
	vsp_audio_gain_apply(&gain, VSP_AUDIO_GAIN_ONE, &params, (u8 *)frames, RAMP_FRAMES / 2);
	KUNIT_EXPECT_LE(test, abs_diff(gain.now, VSP_AUDIO_GAIN_ONE / 2),
			VSP_AUDIO_GAIN_ONE / RAMP_FRAMES);
	frames[0] = 16384;
	vsp_audio_gain_apply(&gain, 0, &params, (u8 *)frames, 1);
	KUNIT_EXPECT_LE(test, abs(frames[0] - 8192), 100);
	vsp_audio_gain_apply(&gain, 0, &params, (u8 *)frames, RAMP_FRAMES);
	KUNIT_EXPECT_EQ(test, gain.now, 0);
}

static struct kunit_case audio_gain_cases[] = {
	KUNIT_CASE(no_change_changes_no_bit),
	KUNIT_CASE(volumes_are_what_their_decibels_say),
	KUNIT_CASE(louder_is_never_quieter),
	KUNIT_CASE(samples_of_24_bits_are_in_three_bytes),
	KUNIT_CASE(floats_are_scaled),
	KUNIT_CASE(floats_are_as_exact_as_they_can_be),
	KUNIT_CASE(samples_are_rounded),
	KUNIT_CASE(controls_take_what_they_have),
	KUNIT_CASE(mute_is_silence),
	KUNIT_CASE(a_change_comes_in_small_steps),
	KUNIT_CASE(a_change_may_be_changed),
	{}
};

static struct kunit_suite audio_gain_suite = {
	.name = "audio_gain",
	.test_cases = audio_gain_cases,
};

kunit_test_suite(audio_gain_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: volume and mute");
MODULE_LICENSE("GPL");
