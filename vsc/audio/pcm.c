// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's PCM: what ALSA calls.  What a stream may be set to is what the contract in force
 * grants when it is opened; the host judges again when it is prepared.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <sound/core.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>

#include "vs_audio_alsa.h"
#include "vsc/audio/audio.h"

#define PCM_BUFFER_MAX	(4 * 1024 * 1024)	/* bytes */
#define PCM_READY_MS	5000		/* a machine that wakes has a contract soon */
/* The host may know before the guest that there is another contract, or none. */
#define PCM_OTHER_MS	200

static const struct snd_pcm_hardware pcm_hardware = {
	.info = SNDRV_PCM_INFO_MMAP | SNDRV_PCM_INFO_MMAP_VALID | SNDRV_PCM_INFO_INTERLEAVED |
		SNDRV_PCM_INFO_BLOCK_TRANSFER | SNDRV_PCM_INFO_PAUSE | SNDRV_PCM_INFO_BATCH |
		SNDRV_PCM_INFO_SYNC_APPLPTR | SNDRV_PCM_INFO_NO_REWINDS,
	.channels_min = 1,
	.buffer_bytes_max = PCM_BUFFER_MAX,
	.period_bytes_min = 2,
	.period_bytes_max = PCM_BUFFER_MAX / 2,
	.periods_min = 2,
	.periods_max = 1024,
};

static struct vsc_audio_stream *pcm_stream(struct snd_pcm_substream *substream)
{
	struct vsc_audio *audio = substream->private_data;

	return &audio->stream[substream->stream == SNDRV_PCM_STREAM_PLAYBACK ?
			      VS_AUDIO_STREAM_PLAYBACK : VS_AUDIO_STREAM_CAPTURE];
}

/* A card that is gone may have files open while the next one is there. */
static bool pcm_is_current(const struct vsc_audio_stream *stream,
			   const struct snd_pcm_substream *substream)
{
	return READ_ONCE(stream->substream) == substream;
}

/* ---- What a stream may be set to ---- */

static void pcm_limit(const struct vs_audio_grant *grant, unsigned int stream,
		      struct snd_pcm_hardware *hw)
{
	hw->channels_max = grant->channels[stream];
	hw->formats = vs_audio_formats_to_alsa(grant->formats[stream]);
	hw->rates = vs_audio_rates_to_alsa(grant->rates);
}

/* What the bandwidth leaves to this stream, bytes/s. */
static u64 pcm_bandwidth(struct vsc_audio_stream *stream)
{
	struct vsc_audio *audio = stream->audio;
	u64 others, all;

	spin_lock_irq(&audio->lock);
	others = vsc_audio_stream_others(audio, stream->number);
	all = audio->grant.bandwidth;
	spin_unlock_irq(&audio->lock);
	return all - min(all, others);
}

/* The rate is not more than the smallest frame leaves of the bandwidth; and the other way round. */
static int pcm_rule(struct snd_pcm_hw_params *params, struct snd_pcm_hw_rule *rule)
{
	const struct snd_interval *other = hw_param_interval_c(params, rule->deps[0]);
	unsigned int least = max(other->min, 1U);
	struct snd_interval limit = { .min = 1, .integer = 1 };
	u64 bits = 8 * pcm_bandwidth(rule->private);

	limit.max = min_t(u64, div_u64(bits, least), UINT_MAX);
	if (!limit.max)
		return -EINVAL;
	return snd_interval_refine(hw_param_interval(params, rule->var), &limit);
}

static int pcm_constrain(struct vsc_audio_stream *stream, struct snd_pcm_runtime *runtime,
			 u32 period)
{
	int error = snd_pcm_limit_hw_rates(runtime);

	if (!error)
		error = snd_pcm_hw_constraint_minmax(runtime, SNDRV_PCM_HW_PARAM_PERIOD_TIME,
						     period, UINT_MAX);
	if (error >= 0)
		error = snd_pcm_hw_constraint_integer(runtime, SNDRV_PCM_HW_PARAM_PERIODS);
	if (error >= 0)
		error = snd_pcm_hw_rule_add(runtime, 0, SNDRV_PCM_HW_PARAM_RATE, pcm_rule, stream,
					    SNDRV_PCM_HW_PARAM_FRAME_BITS, -1);
	if (error >= 0)
		error = snd_pcm_hw_rule_add(runtime, 0, SNDRV_PCM_HW_PARAM_FRAME_BITS, pcm_rule,
					    stream, SNDRV_PCM_HW_PARAM_RATE, -1);
	return min(error, 0);
}

/* ---- ALSA ---- */

static int pcm_open(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);
	struct vsc_audio *audio = stream->audio;
	struct vs_audio_grant grant;
	int error = 0;

	spin_lock_irq(&stream->telling);
	spin_lock(&audio->lock);
	grant = audio->grant;
	/* Another card may have taken the place of this one, which its opener had found before. */
	if (READ_ONCE(substream->pcm->card->shutdown) || !audio->shown ||
	    !grant.channels[stream->number])
		error = -ENODEV;
	if (!error) {
		stream->substream = substream;
		stream->set = false;
		stream->runs = false;
		stream->paused = false;
	}
	spin_unlock(&audio->lock);
	spin_unlock_irq(&stream->telling);
	if (error)
		return error;
	substream->runtime->hw = pcm_hardware;
	pcm_limit(&grant, stream->number, &substream->runtime->hw);
	error = pcm_constrain(stream, substream->runtime, grant.period);
	if (error)
		vsc_audio_stream_close(stream, substream);
	return error;
}

static int pcm_close(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);

	vsc_audio_stream_close(stream, substream);
	/* What had to wait for it. */
	vsc_audio_card_soon(stream->audio, 0);
	return 0;
}

/* Another card may have come while the host was waited for. */
static int pcm_set(struct vsc_audio_stream *stream, const struct snd_pcm_substream *substream,
		   const struct vs_audio_params *params)
{
	struct vsc_audio *audio = stream->audio;
	int error = -ENODEV;

	spin_lock_irq(&audio->lock);
	if (stream->substream == substream && audio->grant.channels[stream->number])
		error = stream->runs ? -EBUSY :
			vs_audio_allows(&audio->grant, stream->number, params,
					vsc_audio_stream_others(audio, stream->number));
	if (!error) {
		stream->params = *params;
		stream->set = true;
		stream->chunk = 0;
	}
	spin_unlock_irq(&audio->lock);
	return error;
}

static int pcm_hw_params(struct snd_pcm_substream *substream, struct snd_pcm_hw_params *params)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);
	int format = vs_audio_format_of_alsa(params_format(params));
	int rate = vs_audio_rate_bit(params_rate(params));
	struct vs_audio_params next = {
		.format = format, .rate = rate, .channels = params_channels(params),
	};
	int error;

	if (!pcm_is_current(stream, substream))
		return -ENODEV;
	if (format < 0 || rate < 0)
		return -EINVAL;
	/* The host may have messages of other parameters still. */
	error = vsc_audio_stream_settle(stream);
	if (!error)
		error = vsc_audio_stream_alloc(stream);
	return error ?: pcm_set(stream, substream, &next);
}

static int pcm_hw_free(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);

	spin_lock_irq(&stream->audio->lock);
	/* The host's own programs may then set up what they like. */
	if (pcm_is_current(stream, substream) && stream->set) {
		vsc_audio_control_tell(stream->audio, stream->number, VIRTIO_SND_R_PCM_RELEASE);
		stream->set = false;
	}
	/* One that was suspended in a pause was not told of its end. */
	if (pcm_is_current(stream, substream))
		stream->paused = false;
	spin_unlock_irq(&stream->audio->lock);
	return 0;
}

/* Return: 0; -ENODEV: the stream, or the card, goes; -EIO: there is no contract. */
static int pcm_contract(struct vsc_audio_stream *stream, unsigned int *contract)
{
	struct vsc_audio *audio = stream->audio;
	int error = 0;

	spin_lock_irq(&audio->lock);
	*contract = audio->contracts;
	if (!audio->shown)
		error = -ENODEV;
	else if (!audio->ready)
		error = -EIO;
	else if (!audio->grant.channels[stream->number])
		error = -ENODEV;
	spin_unlock_irq(&audio->lock);
	return error;
}

/* @contract: set to the contract that it is ready under */
static int pcm_wait_ready(struct vsc_audio_stream *stream, unsigned long end,
			  unsigned int *contract)
{
	long left = end - jiffies;

	wait_event_timeout(stream->audio->changed, pcm_contract(stream, contract) != -EIO,
			   max(left, 0L));
	return pcm_contract(stream, contract);
}

static bool pcm_is_other(struct vsc_audio_stream *stream, unsigned int before)
{
	unsigned int contract;

	return pcm_contract(stream, &contract) || contract != before;
}

static int pcm_ask(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);
	struct snd_pcm_runtime *runtime = substream->runtime;
	struct vsc_audio *audio = stream->audio;
	int error;

	if (!pcm_is_current(stream, substream))
		return -ENODEV;
	error = vsc_audio_stream_settle(stream);
	error = error ?: vsc_audio_control_set(audio, stream->number, runtime->period_size,
					       runtime->buffer_size);
	error = error ?: vsc_audio_control_ask(audio, stream->number, VIRTIO_SND_R_PCM_PREPARE);
	return error ?: vsc_audio_stream_begin(stream, substream);
}

static int pcm_prepare(struct snd_pcm_substream *substream)
{
	unsigned long end = jiffies + msecs_to_jiffies(PCM_READY_MS);
	struct vsc_audio_stream *stream = pcm_stream(substream);
	unsigned int contract;
	int error;

	do {
		error = pcm_wait_ready(stream, end, &contract);
		if (error)
			return error;
		error = pcm_ask(substream);
	} while (error == -EIO && time_before(jiffies, end) &&
		 wait_event_timeout(stream->audio->changed, pcm_is_other(stream, contract),
				    msecs_to_jiffies(PCM_OTHER_MS)));
	return error;
}

static int pcm_start(struct vsc_audio_stream *stream)
{
	lockdep_assert_held(&stream->audio->lock);
	/* ALSA starts no stream that is about to be set, or freed, but to drain it. */
	if (atomic_read(&stream->substream->runtime->buffer_accessing) < 0)
		return -EBUSY;
	if (!stream->vq || stream->refused || !stream->chunk)
		return -EIO;
	if (vsc_audio_control_tell(stream->audio, stream->number, VIRTIO_SND_R_PCM_START))
		return -EIO;
	stream->runs = true;
	stream->paused = false;
	stream->stamp_ns = ktime_get_ns();
	vsc_audio_stream_send(stream);
	/* ALSA is told by the work: its lock is held here. */
	if (stream->head == stream->tail ||
	    stream->at.elapsed >= stream->substream->runtime->period_size)
		queue_work(system_highpri_wq, &stream->more);
	return 0;
}

static void pcm_stop(struct vsc_audio_stream *stream, bool pauses)
{
	lockdep_assert_held(&stream->audio->lock);
	if (stream->runs)
		vsc_audio_control_tell(stream->audio, stream->number, VIRTIO_SND_R_PCM_STOP);
	stream->paused = pauses && (stream->runs || stream->paused);
	stream->runs = false;
}

static int pcm_trigger(struct snd_pcm_substream *substream, int command)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);
	struct vsc_audio *audio = stream->audio;
	unsigned long irq;
	int error = 0;

	spin_lock_irqsave(&audio->lock, irq);
	if (!pcm_is_current(stream, substream))
		error = -ENODEV;
	else if (command == SNDRV_PCM_TRIGGER_START ||
		 command == SNDRV_PCM_TRIGGER_PAUSE_RELEASE)
		error = pcm_start(stream);
	else
		pcm_stop(stream, command == SNDRV_PCM_TRIGGER_PAUSE_PUSH);
	spin_unlock_irqrestore(&audio->lock, irq);
	return error;
}

/* What the host does not give back in time is waited for again before the stream begins anew. */
static int pcm_sync_stop(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);

	if (pcm_is_current(stream, substream) && READ_ONCE(stream->audio->shown))
		vsc_audio_stream_settle(stream);
	return 0;
}

static int pcm_ack(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);
	unsigned long irq;

	spin_lock_irqsave(&stream->audio->lock, irq);
	if (pcm_is_current(stream, substream) &&
	    stream->number == VS_AUDIO_STREAM_PLAYBACK)
		vsc_audio_stream_send(stream);
	spin_unlock_irqrestore(&stream->audio->lock, irq);
	return 0;
}

static snd_pcm_uframes_t pcm_pointer(struct snd_pcm_substream *substream)
{
	struct vsc_audio_stream *stream = pcm_stream(substream);

	if (!pcm_is_current(stream, substream))
		return SNDRV_PCM_POS_XRUN;
	return vsc_audio_stream_position(stream);
}

static const struct snd_pcm_ops pcm_ops = {
	.open = pcm_open,
	.close = pcm_close,
	.hw_params = pcm_hw_params,
	.hw_free = pcm_hw_free,
	.prepare = pcm_prepare,
	.trigger = pcm_trigger,
	.sync_stop = pcm_sync_stop,
	.ack = pcm_ack,
	.pointer = pcm_pointer,
};

/**
 * vsc_audio_pcm_new() - make the PCM of a card
 * @audio: whose
 * @card: not registered
 * @streams: that it has, a bit each
 *
 * Context: process; sleeps.
 * Return: 0, or an errno.
 */
int vsc_audio_pcm_new(struct vsc_audio *audio, struct snd_card *card, u32 streams)
{
	bool plays = streams & BIT(VS_AUDIO_STREAM_PLAYBACK);
	bool records = streams & BIT(VS_AUDIO_STREAM_CAPTURE);
	struct snd_pcm *pcm;
	int error = snd_pcm_new(card, "VSC audio", 0, plays, records, &pcm);

	if (error)
		return error;
	pcm->private_data = audio;
	strscpy(pcm->name, card->shortname, sizeof(pcm->name));
	if (plays)
		snd_pcm_set_ops(pcm, SNDRV_PCM_STREAM_PLAYBACK, &pcm_ops);
	if (records)
		snd_pcm_set_ops(pcm, SNDRV_PCM_STREAM_CAPTURE, &pcm_ops);
	return snd_pcm_set_managed_buffer_all(pcm, SNDRV_DMA_TYPE_VMALLOC, NULL, 0, 0);
}
