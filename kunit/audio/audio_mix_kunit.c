// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums of samples: each is what 64 bits say, cut at both ends of its format, and neither silence
 * nor the order of streams changes it.
 */
#include "vsp/audio/mix.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/prandom.h>

#define SAMPLES	64
#define STREAMS	7
#define ROUNDS	200

static const struct mix_format {
	const char *name;
	unsigned int format;
	s64 least;
	s64 most;
} mix_formats[] = {
	{ "s16", VS_AUDIO_S16, S16_MIN, S16_MAX },
	{ "s24", VS_AUDIO_S24, -(1 << 23), (1 << 23) - 1 },
	{ "s32", VS_AUDIO_S32, S32_MIN, S32_MAX },
};

static void mix_name(const struct mix_format *format, char *name)
{
	strscpy(name, format->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(mix, mix_formats, mix_name);

/* Written here in another way than in mix.c: byte by byte. */
static void put(const struct mix_format *format, u8 *bytes, u32 at, s64 sample)
{
	u32 size = format->format == VS_AUDIO_S16 ? 2 : 4;

	for (u32 i = 0; i < size; i++)
		bytes[at * size + i] = (u64)sample >> (8 * i);
}

static s64 get(const struct mix_format *format, const u8 *bytes, u32 at)
{
	u32 size = format->format == VS_AUDIO_S16 ? 2 : 4;
	u64 sample = bytes[at * size + size - 1] & 0x80 ? U64_MAX : 0;

	for (u32 i = size; i-- > 0;)
		sample = sample << 8 | bytes[at * size + i];
	return sample;
}

static s64 cut(const struct mix_format *format, s64 sum)
{
	return sum < format->least ? format->least : sum > format->most ? format->most : sum;
}

/* One of all samples, the ends and zero more often than by chance. */
static s64 any(const struct mix_format *format, struct rnd_state *random)
{
	const s64 ends[] = { format->least, format->least + 1, -1, 0, 1, format->most - 1,
			     format->most };
	u32 which = prandom_u32_state(random) % (2 * ARRAY_SIZE(ends));

	if (which < ARRAY_SIZE(ends))
		return ends[which];
	return format->least + prandom_u32_state(random) % (u64)(format->most - format->least + 1);
}

static u8 *buffer(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, SAMPLES * sizeof(s32), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	return bytes;
}

/* 256 of each, both ends among them. */
static void two_samples_are_added_and_cut(struct kunit *test)
{
	const struct mix_format *format = test->param_value;
	u8 *a = buffer(test), *b = buffer(test);
	s64 left, right, step = (format->most - format->least) / 255, sum[1];

	for (left = format->least; left <= format->most; left += step)
		for (right = format->least; right <= format->most; right += step) {
			put(format, a, 0, left);
			put(format, b, 0, right);
			sum[0] = 0;
			vsp_audio_mix_add(sum, a, format->format, 1);
			vsp_audio_mix_add(sum, b, format->format, 1);
			KUNIT_ASSERT_EQ(test, sum[0], left + right);
			vsp_audio_mix_store(a, sum, format->format, 1);
			KUNIT_ASSERT_EQ(test, get(format, a, 0), cut(format, left + right));
		}
}

static void a_stream_alone_is_what_it_was(struct kunit *test)
{
	const struct mix_format *format = test->param_value;
	u8 *bytes = buffer(test), *silence = buffer(test), *mixed = buffer(test);
	s64 step = max((format->most - format->least) >> 16, 1), sum[SAMPLES];
	u32 size = format->format == VS_AUDIO_S16 ? 2 : 4;

	for (s64 at = format->least; at <= format->most; at += SAMPLES * step) {
		for (u32 i = 0; i < SAMPLES; i++)
			put(format, bytes, i, min(at + i * step, format->most));
		memset(sum, 0, sizeof(sum));
		vsp_audio_mix_add(sum, silence, format->format, SAMPLES);
		vsp_audio_mix_add(sum, bytes, format->format, SAMPLES);
		vsp_audio_mix_add(sum, silence, format->format, SAMPLES);
		vsp_audio_mix_store(mixed, sum, format->format, SAMPLES);
		KUNIT_ASSERT_MEMEQ(test, mixed, bytes, SAMPLES * size);
	}
}

static void the_order_of_streams_does_not_matter(struct kunit *test)
{
	const struct mix_format *format = test->param_value;
	u8 *bytes[STREAMS], *mixed = buffer(test);
	s64 sum[SAMPLES], wanted[SAMPLES];
	u32 seed = get_random_u32();
	struct rnd_state random;

	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&random, seed);
	for (u32 i = 0; i < STREAMS; i++)
		bytes[i] = buffer(test);
	for (u32 round = 0; round < ROUNDS; round++) {
		u32 first = prandom_u32_state(&random) % STREAMS;

		memset(sum, 0, sizeof(sum));
		memset(wanted, 0, sizeof(wanted));
		for (u32 i = 0; i < STREAMS; i++)
			for (u32 j = 0; j < SAMPLES; j++) {
				s64 sample = any(format, &random);

				wanted[j] += sample;
				put(format, bytes[i], j, sample);
			}
		/* From any one on, with a stride that meets all. */
		for (u32 i = 0; i < STREAMS; i++)
			vsp_audio_mix_add(sum, bytes[(first + i * (1 + round % (STREAMS - 1))) %
						     STREAMS], format->format, SAMPLES);
		vsp_audio_mix_store(mixed, sum, format->format, SAMPLES);
		for (u32 j = 0; j < SAMPLES; j++)
			KUNIT_ASSERT_EQ(test, get(format, mixed, j), cut(format, wanted[j]));
	}
}

/* As many streams as nobody has, all as loud as can be, at either end. */
static void many_streams_do_not_wrap(struct kunit *test)
{
	const struct mix_format *format = test->param_value;
	u8 *bytes = buffer(test), *mixed = buffer(test);
	s64 sum[2] = { };

	put(format, bytes, 0, format->least);
	put(format, bytes, 1, format->most);
	for (u32 i = 0; i < 100000; i++)
		vsp_audio_mix_add(sum, bytes, format->format, 2);
	KUNIT_EXPECT_EQ(test, sum[0], 100000 * format->least);
	KUNIT_EXPECT_EQ(test, sum[1], 100000 * format->most);
	vsp_audio_mix_store(mixed, sum, format->format, 2);
	KUNIT_EXPECT_EQ(test, get(format, mixed, 0), format->least);
	KUNIT_EXPECT_EQ(test, get(format, mixed, 1), format->most);
}

/* What is in the upper byte of 24 bits in 32 does not count; what is stored there is the sign. */
static void bits_beyond_the_format_do_not_count(struct kunit *test)
{
	const struct mix_format *format = &mix_formats[1];
	u8 *bytes = buffer(test);
	s64 sum[1] = { };

	put(format, bytes, 0, 0x7f000001);
	vsp_audio_mix_add(sum, bytes, format->format, 1);
	KUNIT_EXPECT_EQ(test, sum[0], 1);
	put(format, bytes, 0, 0x00ffffff);
	vsp_audio_mix_add(sum, bytes, format->format, 1);
	KUNIT_EXPECT_EQ(test, sum[0], 0);
	sum[0] = -2;
	vsp_audio_mix_store(bytes, sum, format->format, 1);
	KUNIT_EXPECT_EQ(test, get(format, bytes, 0), -2);
}

static void no_sample_beside_is_touched(struct kunit *test)
{
	const struct mix_format *format = test->param_value;
	u32 size = format->format == VS_AUDIO_S16 ? 2 : 4;
	s64 sum[3] = { 1, 2, 3 };
	u8 *bytes = buffer(test);

	memset(bytes, 0xaa, 3 * size);
	vsp_audio_mix_store(bytes, sum, format->format, 2);
	KUNIT_EXPECT_EQ(test, get(format, bytes, 1), 2);
	KUNIT_EXPECT_EQ(test, bytes[2 * size], 0xaa);
	vsp_audio_mix_add(sum, bytes, format->format, 2);
	KUNIT_EXPECT_EQ(test, sum[1], 4);
	KUNIT_EXPECT_EQ(test, sum[2], 3);
}

static struct kunit_case audio_mix_cases[] = {
	KUNIT_CASE_PARAM(two_samples_are_added_and_cut, mix_gen_params),
	KUNIT_CASE_PARAM(a_stream_alone_is_what_it_was, mix_gen_params),
	KUNIT_CASE_PARAM(the_order_of_streams_does_not_matter, mix_gen_params),
	KUNIT_CASE_PARAM(many_streams_do_not_wrap, mix_gen_params),
	KUNIT_CASE(bits_beyond_the_format_do_not_count),
	KUNIT_CASE_PARAM(no_sample_beside_is_touched, mix_gen_params),
	{}
};

static struct kunit_suite audio_mix_suite = {
	.name = "audio_mix",
	.test_cases = audio_mix_cases,
};

kunit_test_suite(audio_mix_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: sums of samples");
MODULE_LICENSE("GPL");
