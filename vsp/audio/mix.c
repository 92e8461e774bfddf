// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums of samples, in integers.  Pure.
 *
 * A sum has 64 bits, so that of as many streams as a host can have none is too large for it, and
 * their order does not matter.  It is cut only once, when it becomes a sample again: what is larger
 * than the format has becomes the largest that it has.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>

#include "vsp/audio/mixer.h"

static unsigned int mix_bits(unsigned int format)
{
	switch (format) {
	case VS_AUDIO_S16:
		return 16;
	case VS_AUDIO_S24:
		return 24;
	default:
		return 32;
	}
}

/**
 * vsp_audio_mix_add() - add samples to sums
 * @sum: @count of them
 * @bytes: of the samples, aligned as an integer is
 * @format: of the samples: VS_AUDIO_S16, _S24 or _S32
 * @count: how many
 */
void vsp_audio_mix_add(s64 *sum, const u8 *bytes, unsigned int format, u32 count)
{
	const __le16 *words = (const __le16 *)bytes;
	const __le32 *longs = (const __le32 *)bytes;
	unsigned int bits = mix_bits(format);

	for (u32 i = 0; i < count; i++) {
		if (format == VS_AUDIO_S16)
			sum[i] += (s16)le16_to_cpu(words[i]);
		else
			sum[i] += sign_extend32(le32_to_cpu(longs[i]), bits - 1);
	}
}

/**
 * vsp_audio_mix_store() - make samples of sums
 * @bytes: of the samples, aligned as an integer is
 * @sum: @count of them
 * @format: of the samples: VS_AUDIO_S16, _S24 or _S32
 * @count: how many
 */
void vsp_audio_mix_store(u8 *bytes, const s64 *sum, unsigned int format, u32 count)
{
	__le16 *words = (__le16 *)bytes;
	__le32 *longs = (__le32 *)bytes;
	s64 largest = (1LL << (mix_bits(format) - 1)) - 1;

	for (u32 i = 0; i < count; i++) {
		s64 sample = clamp(sum[i], -largest - 1, largest);

		if (format == VS_AUDIO_S16)
			words[i] = cpu_to_le16(sample);
		else
			longs[i] = cpu_to_le32(sample);
	}
}
