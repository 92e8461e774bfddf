/* SPDX-License-Identifier: GPL-2.0-only */
/* What a PCM may be set to, by the kernel's own ioctls of ALSA: for the programs here. */
#ifndef PARAMS_H
#define PARAMS_H

#include <sound/asound.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline void any(struct snd_pcm_hw_params *params)
{
	memset(params, 0, sizeof(*params));
	for (unsigned int i = 0; i <= SNDRV_PCM_HW_PARAM_LAST_MASK -
	     SNDRV_PCM_HW_PARAM_FIRST_MASK; i++)
		memset(&params->masks[i], 0xff, sizeof(params->masks[i]));
	for (unsigned int i = 0; i <= SNDRV_PCM_HW_PARAM_LAST_INTERVAL -
	     SNDRV_PCM_HW_PARAM_FIRST_INTERVAL; i++)
		params->intervals[i] = (struct snd_interval){ .max = UINT32_MAX };
	params->rmask = ~0U;
	params->info = ~0U;
}

static inline struct snd_interval *interval(struct snd_pcm_hw_params *params, unsigned int which)
{
	return &params->intervals[which - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];
}

static inline struct snd_mask *mask(struct snd_pcm_hw_params *params, unsigned int which)
{
	return &params->masks[which - SNDRV_PCM_HW_PARAM_FIRST_MASK];
}

static inline void set_mask(struct snd_pcm_hw_params *params, unsigned int which, unsigned int bit)
{
	memset(mask(params, which), 0, sizeof(struct snd_mask));
	mask(params, which)->bits[bit / 32] = 1U << bit % 32;
}

static inline void set(struct snd_pcm_hw_params *params, unsigned int which, unsigned int value)
{
	*interval(params, which) = (struct snd_interval){
		.min = value, .max = value, .integer = 1 };
}

#endif
