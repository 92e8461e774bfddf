/* SPDX-License-Identifier: GPL-2.0-only */
/* Formats and rates of audio as ALSA numbers them: for those who make or use a PCM. */
#ifndef VS_AUDIO_ALSA_H
#define VS_AUDIO_ALSA_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <sound/pcm.h>

#include "vs_audio.h"

static inline snd_pcm_format_t vs_audio_format_to_alsa(unsigned int format)
{
	static const snd_pcm_format_t formats[] = {
		[VS_AUDIO_S16] = SNDRV_PCM_FORMAT_S16_LE,
		[VS_AUDIO_S24] = SNDRV_PCM_FORMAT_S24_LE,
		[VS_AUDIO_S32] = SNDRV_PCM_FORMAT_S32_LE,
		[VS_AUDIO_FLOAT] = SNDRV_PCM_FORMAT_FLOAT_LE,
	};

	return formats[format];
}

/* Return: enum vs_audio_format; -EINVAL: there is none. */
static inline int vs_audio_format_of_alsa(snd_pcm_format_t format)
{
	for (unsigned int i = 0; i < VS_AUDIO_FORMATS; i++)
		if (vs_audio_format_to_alsa(i) == format)
			return i;
	return -EINVAL;
}

/* Of bits of enum vs_audio_format: SNDRV_PCM_FMTBIT_*. */
static inline u64 vs_audio_formats_to_alsa(u32 formats)
{
	u64 bits = 0;

	for (unsigned int i = 0; i < VS_AUDIO_FORMATS; i++)
		if (formats & BIT(i))
			bits |= pcm_format_to_bits(vs_audio_format_to_alsa(i));
	return bits;
}

/* Of bits of vs_audio_rate(): SNDRV_PCM_RATE_*. */
static inline unsigned int vs_audio_rates_to_alsa(u32 rates)
{
	unsigned int bits = 0;

	for (unsigned int i = 0; i < VS_AUDIO_RATES_MAX; i++)
		if (rates & BIT(i))
			bits |= snd_pcm_rate_to_rate_bit(vs_audio_rate(i));
	return bits;
}

#endif
