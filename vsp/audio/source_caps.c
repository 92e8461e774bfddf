// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a substream of the host can be set to, as its refining of parameters says.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>

#include "vs_audio_alsa.h"
#include "vsp/audio/source.h"

#define CAPS_BUFFER_US	500000	/* late movers are made up for, and memory is not wasted */

static void caps_want(struct snd_pcm_hw_params *params, snd_pcm_hw_param_t what, u32 least,
		      u32 most)
{
	*hw_param_interval(params, what) = (struct snd_interval){ .min = least, .max = most };
}

static void caps_any(struct snd_pcm_hw_params *params, u32 formats)
{
	struct snd_mask *access = hw_param_mask(params, SNDRV_PCM_HW_PARAM_ACCESS);
	struct snd_mask *mask = hw_param_mask(params, SNDRV_PCM_HW_PARAM_FORMAT);

	_snd_pcm_hw_params_any(params);
	snd_mask_none(access);
	snd_mask_set(access, (__force unsigned int)SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	snd_mask_none(mask);
	for (unsigned int i = 0; i < VS_AUDIO_FORMATS; i++)
		if (formats & BIT(i))
			snd_mask_set_format(mask, vs_audio_format_to_alsa(i));
}

static bool caps_possible(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params)
{
	params->rmask = ~0U;
	return snd_pcm_hw_refine(substream, params) >= 0;
}

static u32 caps_rates(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params)
{
	u32 rates = 0;

	for (unsigned int i = 0; i < VS_AUDIO_RATES_MAX; i++) {
		caps_any(params, BIT(VS_AUDIO_FORMATS) - 1);
		caps_want(params, SNDRV_PCM_HW_PARAM_RATE, vs_audio_rate(i), vs_audio_rate(i));
		if (caps_possible(substream, params))
			rates |= BIT(i);
	}
	return rates;
}

static u32 caps_formats(struct snd_pcm_hw_params *params)
{
	const struct snd_mask *mask = hw_param_mask_c(params, SNDRV_PCM_HW_PARAM_FORMAT);
	u32 formats = 0;

	for (unsigned int i = 0; i < VS_AUDIO_FORMATS; i++)
		if (snd_mask_test_format(mask, vs_audio_format_to_alsa(i)))
			formats |= BIT(i);
	return formats;
}

static int caps_fill(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params,
		     struct vsp_audio_caps *caps)
{
	const struct snd_interval *channels, *period;

	caps_any(params, BIT(VS_AUDIO_FORMATS) - 1);
	if (!caps_possible(substream, params))
		return -EINVAL;
	channels = hw_param_interval_c(params, SNDRV_PCM_HW_PARAM_CHANNELS);
	period = hw_param_interval_c(params, SNDRV_PCM_HW_PARAM_PERIOD_TIME);
	*caps = (struct vsp_audio_caps){
		.channels_min = channels->min,
		.channels_max = channels->max,
		.formats = caps_formats(params),
		.period = clamp(period->min + period->openmin, VS_AUDIO_PERIOD_MIN,
				VS_AUDIO_PERIOD_MAX),
	};
	caps->rates = caps_rates(substream, params);
	if (!caps->rates || !caps->channels_min ||
	    caps->channels_min > VSP_AUDIO_SOURCE_CHANNELS_MAX)
		return -EINVAL;
	return 0;
}

/**
 * vsp_audio_caps_read() - ask a substream what it can be set to
 * @substream: open, without parameters
 * @caps: filled
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EINVAL: nothing that the class knows.
 */
int vsp_audio_caps_read(struct snd_pcm_substream *substream, struct vsp_audio_caps *caps)
{
	struct snd_pcm_hw_params *params = kmalloc(sizeof(*params), GFP_KERNEL);
	int error;

	if (!params)
		return -ENOMEM;
	error = caps_fill(substream, params, caps);
	kfree(params);
	return error;
}

/* Adopts a wish where the substream can have it. */
static void caps_wish(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params,
		      struct snd_pcm_hw_params *scratch, snd_pcm_hw_param_t what, u32 least,
		      u32 most)
{
	const struct snd_interval *range = hw_param_interval_c(params, what);

	*scratch = *params;
	caps_want(scratch, what, clamp(least, range->min, range->max),
		  clamp(most, range->min, range->max));
	if (caps_possible(substream, scratch))
		*params = *scratch;
}

/* As many channels as are wanted, or the fewest that are more. */
static bool caps_channels(struct snd_pcm_substream *substream, const struct vsp_audio_caps *caps,
			  const struct vs_audio_params *wanted, struct snd_pcm_hw_params *params)
{
	u32 rate = vs_audio_rate(wanted->rate);
	u32 most = min(caps->channels_max, VSP_AUDIO_SOURCE_CHANNELS_MAX);

	for (u32 i = max_t(u32, wanted->channels, caps->channels_min); i <= most; i++) {
		caps_any(params, BIT(wanted->format));
		caps_want(params, SNDRV_PCM_HW_PARAM_RATE, rate, rate);
		caps_want(params, SNDRV_PCM_HW_PARAM_CHANNELS, i, i);
		if (caps_possible(substream, params))
			return true;
	}
	return false;
}

/**
 * vsp_audio_caps_params() - what a substream is to be set to for a client's stream
 * @substream: open
 * @caps: of it
 * @wanted: of the client's stream
 * @period: likewise, frames
 * @params: filled
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM; -EINVAL: it cannot.
 */
int vsp_audio_caps_params(struct snd_pcm_substream *substream, const struct vsp_audio_caps *caps,
			  const struct vs_audio_params *wanted, u32 period,
			  struct snd_pcm_hw_params *params)
{
	struct snd_pcm_hw_params *scratch = kmalloc(sizeof(*scratch), GFP_KERNEL);
	bool can;

	if (!scratch)
		return -ENOMEM;
	can = caps_channels(substream, caps, wanted, params);
	if (can) {
		caps_wish(substream, params, scratch, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, period,
			  UINT_MAX);
		caps_wish(substream, params, scratch, SNDRV_PCM_HW_PARAM_BUFFER_TIME, 0,
			  CAPS_BUFFER_US);
	}
	kfree(scratch);
	return can ? 0 : -EINVAL;
}
