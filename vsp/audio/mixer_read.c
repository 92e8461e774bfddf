// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the administrator has set a pool's mixer to.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "vs_value.h"
#include "vsp/audio/mixer.h"
#include "vsp/class.h"

static const char * const mixer_formats[] = {
	[VS_AUDIO_S16] = "s16", [VS_AUDIO_S24] = "s24", [VS_AUDIO_S32] = "s32",
};

static int mixer_refuse(struct vsp_pool *pool, const char *name, const char *text,
			const char *range)
{
	pr_err("pool %s: %s: \"%s\" is not %s\n", vsp_pool_name(pool), name, text, range);
	return -EINVAL;
}

static int mixer_read_rate(struct vsp_pool *pool)
{
	const char *text = vsp_pool_text(pool, VS_AUDIO_MIX_RATE);
	u64 rate;
	int bit = -EINVAL;

	if (!vs_value_u64(text, &rate) && rate <= U32_MAX)
		bit = vs_audio_rate_bit(rate);
	if (bit < 0)
		return mixer_refuse(pool, "mix_rate", text,
				    "one of the rates of audio (8000 to 192000), nor empty: no mixer");
	return bit;
}

static int mixer_read_format(struct vsp_pool *pool)
{
	const char *text = vsp_pool_text(pool, VS_AUDIO_MIX_FORMAT);
	int format = text[0] ? match_string(mixer_formats, ARRAY_SIZE(mixer_formats), text) :
			       VS_AUDIO_S16;

	return format >= 0 ? format : mixer_refuse(pool, "mix_format", text,
						   "s16, s24 or s32, nor empty, which is s16");
}

static int mixer_read_channels(struct vsp_pool *pool)
{
	const char *text = vsp_pool_text(pool, VS_AUDIO_MIX_CHANNELS);
	u64 channels = 2;

	if (text[0] && (vs_value_u64(text, &channels) || !channels ||
			channels > VS_AUDIO_CHANNELS_MAX))
		return mixer_refuse(pool, "mix_channels", text, "1..8, nor empty, which is 2");
	return channels;
}

/* Without a rate there is no mixer, which what else is set would want. */
static int mixer_read_none(struct vsp_pool *pool)
{
	bool format = vsp_pool_text(pool, VS_AUDIO_MIX_FORMAT)[0];

	if (!format && !vsp_pool_text(pool, VS_AUDIO_MIX_CHANNELS)[0])
		return 0;
	pr_err("pool %s: %s is set and mix_rate is not: write a rate to mix_rate, or nothing to %s\n",
	       vsp_pool_name(pool), format ? "mix_format" : "mix_channels",
	       format ? "mix_format" : "mix_channels");
	return -EINVAL;
}

/**
 * vsp_audio_mixer_read() - what a pool's mixer is set to
 * @pool: any
 * @params: filled; no channels: it has none
 *
 * Context: pool_open of the class.
 * Return: 0; or -EINVAL, logged.
 */
int vsp_audio_mixer_read(struct vsp_pool *pool, struct vs_audio_params *params)
{
	int rate, format, channels;

	*params = (struct vs_audio_params){ };
	if (!vsp_pool_text(pool, VS_AUDIO_MIX_RATE)[0])
		return mixer_read_none(pool);
	rate = mixer_read_rate(pool);
	format = mixer_read_format(pool);
	channels = mixer_read_channels(pool);
	if (rate < 0 || format < 0 || channels < 0)
		return -EINVAL;
	if (!vsp_pool_source(pool)[0]) {
		pr_err("pool %s: mix_rate is set and source is not: write a PCM to source, or nothing to mix_rate\n",
		       vsp_pool_name(pool));
		return -EINVAL;
	}
	*params = (struct vs_audio_params){
		.format = format, .rate = rate, .channels = channels,
	};
	return 0;
}
