// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCM of a card on the host, as programs see it.  It may be set to what the contract grants
 * the client; while the client's own stream is set, to what that is set to.
 */
#include <linux/errno.h>
#include <sound/core.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>

#include "vs_audio_alsa.h"
#include "vsp/audio/audio.h"

#define PCM_BUFFER_MAX	(4 * 1024 * 1024)	/* bytes */

static const struct snd_pcm_hardware host_pcm_hardware = {
	.info = SNDRV_PCM_INFO_MMAP | SNDRV_PCM_INFO_MMAP_VALID | SNDRV_PCM_INFO_INTERLEAVED |
		SNDRV_PCM_INFO_BLOCK_TRANSFER | SNDRV_PCM_INFO_BATCH |
		SNDRV_PCM_INFO_SYNC_APPLPTR,
	.channels_min = 1,
	.buffer_bytes_max = PCM_BUFFER_MAX,
	.period_bytes_min = 2,
	.period_bytes_max = PCM_BUFFER_MAX / 2,
	.periods_min = 2,
	.periods_max = 1024,
};

static void host_pcm_limit(struct vsp_audio_side *side, struct snd_pcm_hardware *hw)
{
	u32 formats = side->limits.formats[side->stream], rates = side->limits.rates;

	hw->channels_max = side->limits.channels[side->stream];
	spin_lock_irq(&side->lock);
	if (side->set) {
		formats = BIT(side->client.format);
		rates = BIT(side->client.rate);
		hw->channels_min = side->client.channels;
		hw->channels_max = side->client.channels;
	}
	spin_unlock_irq(&side->lock);
	hw->formats = vs_audio_formats_to_alsa(formats);
	hw->rates = vs_audio_rates_to_alsa(rates);
}

static int host_pcm_open(struct snd_pcm_substream *substream)
{
	struct vsp_audio_side *side = substream->private_data;
	struct snd_pcm_runtime *runtime = substream->runtime;
	int error;

	if (READ_ONCE(side->gone))
		return -ENODEV;
	runtime->hw = host_pcm_hardware;
	host_pcm_limit(side, &runtime->hw);
	error = snd_pcm_limit_hw_rates(runtime);
	if (!error)
		error = snd_pcm_hw_constraint_minmax(runtime, SNDRV_PCM_HW_PARAM_PERIOD_TIME,
						     VS_AUDIO_PERIOD_MIN, UINT_MAX);
	if (error >= 0)
		error = snd_pcm_hw_constraint_integer(runtime, SNDRV_PCM_HW_PARAM_PERIODS);
	return min(error, 0);
}

static int host_pcm_close(struct snd_pcm_substream *substream)
{
	return 0;
}

static int host_pcm_hw_params(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params)
{
	struct vsp_audio_side *side = substream->private_data;
	int format = vs_audio_format_of_alsa(params_format(params));
	int rate = vs_audio_rate_bit(params_rate(params));
	int error;

	if (format < 0 || rate < 0)
		return -EINVAL;
	spin_lock_irq(&side->lock);
	if (side->substream) {
		spin_unlock_irq(&side->lock);
		return -EBUSY;
	}
	side->params.format = format;
	side->params.rate = rate;
	side->params.channels = params_channels(params);
	error = vsp_audio_side_fits(side) ? 0 : -EINVAL;
	spin_unlock_irq(&side->lock);
	return error;
}

static int host_pcm_prepare(struct snd_pcm_substream *substream)
{
	struct vsp_audio_side *side = substream->private_data;
	int error;

	spin_lock_irq(&side->lock);
	side->frames = 0;
	side->unseen = 0;
	side->elapsed = 0;
	side->overrun = false;
	error = side->gone ? -ENODEV : 0;
	spin_unlock_irq(&side->lock);
	return error;
}

static int host_pcm_trigger(struct snd_pcm_substream *substream, int command)
{
	struct vsp_audio_side *side = substream->private_data;

	if (command == SNDRV_PCM_TRIGGER_START)
		return vsp_audio_side_start(side, substream);
	vsp_audio_side_stop(side);
	return 0;
}

static int host_pcm_sync_stop(struct snd_pcm_substream *substream)
{
	struct vsp_audio_side *side = substream->private_data;

	hrtimer_cancel(&side->timer);
	return 0;
}

static snd_pcm_uframes_t host_pcm_pointer(struct snd_pcm_substream *substream)
{
	struct vsp_audio_side *side = substream->private_data;
	snd_pcm_uframes_t position;
	unsigned long irq;

	spin_lock_irqsave(&side->lock, irq);
	side->unseen = 0;
	position = side->overrun ? SNDRV_PCM_POS_XRUN :
		   side->frames % substream->runtime->buffer_size;
	spin_unlock_irqrestore(&side->lock, irq);
	return position;
}

static const struct snd_pcm_ops host_pcm_ops = {
	.open = host_pcm_open,
	.close = host_pcm_close,
	.hw_params = host_pcm_hw_params,
	.prepare = host_pcm_prepare,
	.trigger = host_pcm_trigger,
	.sync_stop = host_pcm_sync_stop,
	.pointer = host_pcm_pointer,
};

/**
 * vsp_audio_host_pcm_new() - make the PCM of a card
 * @side: the card, not registered
 *
 * Context: may sleep.
 * Return: 0, or an errno.
 */
int vsp_audio_host_pcm_new(struct vsp_audio_side *side)
{
	bool records = side->stream == VS_AUDIO_STREAM_PLAYBACK;
	struct snd_pcm *pcm;
	int error;

	error = snd_pcm_new(side->card, records ? "monitor" : "microphone", 0, !records, records,
			    &pcm);
	if (error)
		return error;
	pcm->private_data = side;
	strscpy(pcm->name, side->card->shortname, sizeof(pcm->name));
	snd_pcm_set_ops(pcm, records ? SNDRV_PCM_STREAM_CAPTURE : SNDRV_PCM_STREAM_PLAYBACK,
			&host_pcm_ops);
	return snd_pcm_set_managed_buffer_all(pcm, SNDRV_DMA_TYPE_VMALLOC, NULL, 0, 0);
}
