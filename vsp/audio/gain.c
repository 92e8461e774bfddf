// SPDX-License-Identifier: GPL-2.0-only
/*
 * How loud a stream is: its samples times a gain, in integers.  Pure.
 *
 * A gain is one at most, with which no bit changes; floats may be above full scale.  One that is
 * too small for a normal number becomes zero, and what is no number stays what it is.
 *
 * Another gain is reached in VSP_AUDIO_RAMP_MS, in as many steps as there are frames: a jump would
 * be heard as a click.
 */
#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vsp/audio/audio.h"

#define GAIN_BITS	24
#define GAIN_DECADE	20	/* dB */

static_assert(VSP_AUDIO_GAIN_ONE == 1U << GAIN_BITS);
static_assert(VS_AUDIO_VOLUME_MAX == 3 * GAIN_DECADE);

/* Of 0 dB to 19 dB. */
static const u32 gain_of_db[GAIN_DECADE] = {
	16777216, 18824346, 21121264, 23698447, 26590095,
	29834578, 33474947, 37559508, 42142461, 47284619,
	53054215, 59527809, 66791300, 74941071, 84085265,
	94345219, 105857077, 118773593, 133266164, 149527095,
};

/* A float: sign, exponent, fraction. */
#define FLOAT_SIGN	BIT(31)
#define FLOAT_BITS	23	/* of the fraction */
#define FLOAT_HIDDEN	BIT(FLOAT_BITS)
#define FLOAT_EXPONENT	0xffU

/**
 * vsp_audio_gain_of() - what a volume stands for
 * @volume: 0..VS_AUDIO_VOLUME_MAX, as VS_AUDIO_CONTROL_VOLUME
 *
 * Return: the gain, of VSP_AUDIO_GAIN_ONE.
 */
u32 vsp_audio_gain_of(unsigned int volume)
{
	static const u32 parts[] = { 1000, 100, 10, 1 };

	return DIV_ROUND_CLOSEST(gain_of_db[volume % GAIN_DECADE], parts[volume / GAIN_DECADE]);
}

static s32 gain_integer(s32 sample, u32 gain)
{
	return ((s64)sample * gain + (1LL << (GAIN_BITS - 1))) >> GAIN_BITS;
}

static u32 gain_float(u32 sample, u32 gain)
{
	u32 sign = sample & FLOAT_SIGN;
	int exponent = sample >> FLOAT_BITS & FLOAT_EXPONENT;
	unsigned int excess;
	u64 product;

	if (!exponent || !gain)
		return sign;
	if (exponent == FLOAT_EXPONENT)
		return sample;
	product = (u64)((sample & (FLOAT_HIDDEN - 1)) | FLOAT_HIDDEN) * gain;
	/* Of what is more than a fraction has; rounding may make it one bit more. */
	excess = fls64(product) - FLOAT_BITS - 1;
	if (excess)
		product = (product + BIT_ULL(excess - 1)) >> excess;
	exponent += (int)excess - GAIN_BITS;
	if (product == FLOAT_HIDDEN << 1) {
		product = FLOAT_HIDDEN;
		exponent++;
	}
	if (exponent <= 0)
		return sign;
	return sign | (u32)exponent << FLOAT_BITS | (product & (FLOAT_HIDDEN - 1));
}

static void gain_samples(u32 gain, unsigned int format, u8 *bytes, u32 count)
{
	__le16 *words = (__le16 *)bytes;
	__le32 *longs = (__le32 *)bytes;
	s32 sample;

	for (u32 i = 0; i < count; i++) {
		switch (format) {
		case VS_AUDIO_S16:
			words[i] = cpu_to_le16(gain_integer((s16)le16_to_cpu(words[i]), gain));
			break;
		case VS_AUDIO_S24:
			sample = sign_extend32(le32_to_cpu(longs[i]), 23);
			longs[i] = cpu_to_le32(gain_integer(sample, gain));
			break;
		case VS_AUDIO_S32:
			longs[i] = cpu_to_le32(gain_integer(le32_to_cpu(longs[i]), gain));
			break;
		default:
			longs[i] = cpu_to_le32(gain_float(le32_to_cpu(longs[i]), gain));
			break;
		}
	}
}

static void gain_aim(struct vsp_audio_gain *gain, u32 target, u32 rate)
{
	u32 steps = rate * VSP_AUDIO_RAMP_MS / (u32)MSEC_PER_SEC;

	if (gain->target == target)
		return;
	gain->target = target;
	gain->step = DIV_ROUND_UP(abs_diff(target, gain->now), steps);
}

static void gain_step(struct vsp_audio_gain *gain)
{
	u32 step = min(gain->step, abs_diff(gain->target, gain->now));

	gain->now += gain->target > gain->now ? step : -step;
}

/**
 * vsp_audio_gain_set() - be this loud from the next frame on
 * @gain: any
 * @target: of VSP_AUDIO_GAIN_ONE, which is the most
 */
void vsp_audio_gain_set(struct vsp_audio_gain *gain, u32 target)
{
	*gain = (struct vsp_audio_gain){ .now = target, .target = target };
}

/**
 * vsp_audio_gain_apply() - the next frames of a stream
 * @gain: of the stream
 * @target: how loud it is to be, of VSP_AUDIO_GAIN_ONE, which is the most
 * @params: of the stream
 * @bytes: of the frames, aligned as an integer is
 * @frames: how many
 */
void vsp_audio_gain_apply(struct vsp_audio_gain *gain, u32 target,
			  const struct vs_audio_params *params, u8 *bytes, u32 frames)
{
	u32 frame = vs_audio_frame_bytes(params);

	gain_aim(gain, target, vs_audio_rate(params->rate));
	for (; frames && gain->now != target; frames--) {
		gain_step(gain);
		gain_samples(gain->now, params->format, bytes, params->channels);
		bytes += frame;
	}
	if (!target)
		memset(bytes, 0, (size_t)frames * frame);
	else if (target != VSP_AUDIO_GAIN_ONE)
		gain_samples(target, params->format, bytes, frames * params->channels);
}
