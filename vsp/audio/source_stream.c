// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client's stream has of a PCM of the host: the time, and what is heard or recorded.
 *
 * A stream without one, or whose PCM is gone or cannot be set, goes by its own clock, in silence.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/errno.h>
#include <linux/lockdep.h>

#include "vsp/audio/audio.h"
#include "vsp/audio/mixer.h"
#include "vsp/audio/source.h"
#include "vsp/class.h"

static struct vsp_audio_pcm *follow_pcm(struct vsp_audio_stream *stream)
{
	struct vsp_audio_source *source = stream->audio->source;

	return source ? &source->pcm[stream->number] : NULL;
}

static bool follow_same(const struct vs_audio_params *a, const struct vs_audio_params *b)
{
	return a->format == b->format && a->rate == b->rate && a->channels == b->channels;
}

/* What the stream is set to; false: its PCM is not to be used, which the contract may say. */
static bool follow_uses(struct vsp_audio_stream *stream, enum vsp_audio_state least,
			struct vs_audio_params *params)
{
	struct vsp_audio *audio = stream->audio;
	bool uses;

	spin_lock_irq(&audio->lock);
	*params = stream->params;
	uses = stream->state >= least && audio->grant.channels[stream->number] &&
	       (stream->number == VS_AUDIO_STREAM_CAPTURE || audio->grant.monitor & VS_AUDIO_HEAR);
	spin_unlock_irq(&audio->lock);
	return uses;
}

/* Under pcm->lock: what is lost is still the source that is there. */
static int follow_result(struct vsp_audio_stream *stream, struct vsp_audio_pcm *pcm, int error)
{
	struct vsp_audio *audio = stream->audio;

	lockdep_assert_held(&pcm->lock);
	vsp_audio_count(audio, VSP_AUDIO_UNDERRUNS, pcm->missed);
	pcm->missed = 0;
	if (error == -ENODEV)
		vsp_audio_source_lost(audio->source);
	else if (error < 0)
		vsp_warn_limited(audio->service,
				 "service %s: source: %s cannot be %s (%d): its stream goes on in silence\n",
				 vsp_service_name(audio->service),
				 vsp_pool_source(vsp_service_pool(audio->service)),
				 stream->number == VS_AUDIO_STREAM_PLAYBACK ? "played to" :
				 "recorded from", error);
	return error;
}

static int follow_due(struct vsp_audio_stream *stream, struct vsp_audio_pcm *pcm, u32 bytes)
{
	struct vs_audio_params params;
	u32 frames;
	int error = 0;

	if (!follow_uses(stream, VSP_AUDIO_RUNNING, &params)) {
		vsp_audio_pcm_rest(pcm);
		return 0;
	}
	if (!pcm->set || !follow_same(&pcm->params, &params))
		error = vsp_audio_pcm_set(pcm, &params, pcm->period);
	if (error)
		return error;
	/* One that is too long is refused whatever is due. */
	frames = min_t(u32, bytes, VS_AUDIO_MESSAGE_MAX) / vs_audio_frame_bytes(&params);
	return vsp_audio_pcm_due(pcm, frames) ?: 0;
}

/* Of the source that the stream has alone. */
static int follow_due_own(struct vsp_audio_stream *stream, struct vsp_audio_pcm *pcm, u32 bytes)
{
	int due = -ENODEV;

	mutex_lock(&pcm->lock);
	if (pcm->file)
		due = follow_result(stream, pcm, follow_due(stream, pcm, bytes));
	mutex_unlock(&pcm->lock);
	return due;
}

static int follow_due_mixed(struct vsp_audio_stream *stream, u32 bytes)
{
	struct vs_audio_params params;

	if (!follow_uses(stream, VSP_AUDIO_RUNNING, &params)) {
		vsp_audio_mixer_rest(stream->mixed);
		return 0;
	}
	return vsp_audio_mixer_due(stream->mixed, &params, min_t(u32, bytes, VS_AUDIO_MESSAGE_MAX) /
				   vs_audio_frame_bytes(&params));
}

/**
 * vsp_audio_source_due() - how much of a stream has its time come for, by the source
 * @stream: any
 * @bytes: of the message that waits
 *
 * Context: the mover of the stream; may sleep, and waits for no frames.
 * Return: frames; negative: the stream goes by its own clock.
 */
int vsp_audio_source_due(struct vsp_audio_stream *stream, u32 bytes)
{
	struct vsp_audio_pcm *pcm = follow_pcm(stream);
	struct vs_audio_params params;
	int due;

	if (!pcm)
		return -ENODEV;
	due = stream->mixed ? follow_due_mixed(stream, bytes) : follow_due_own(stream, pcm, bytes);
	return follow_uses(stream, VSP_AUDIO_RUNNING, &params) ? due : -EPERM;
}

/**
 * vsp_audio_source_move() - play, or fill in what was recorded
 * @stream: goes by its source
 * @params: that the frames have
 * @bytes: of frames, in stream->bytes
 *
 * Context: the mover of the stream; may sleep, and waits for no frames.
 * Return: how late the last of them is heard, or was recorded before, frames.
 */
u32 vsp_audio_source_move(struct vsp_audio_stream *stream, const struct vs_audio_params *params,
			  u32 bytes)
{
	u32 frames = bytes / vs_audio_frame_bytes(params), latency = 0;
	struct vsp_audio_pcm *pcm = follow_pcm(stream);
	struct vs_audio_params now;
	int error = 0;

	if (stream->mixed) {
		if (!follow_uses(stream, VSP_AUDIO_RUNNING, &now) || !follow_same(&now, params))
			return 0;
		return vsp_audio_mixer_move(stream->mixed, params, stream->bytes, frames);
	}
	mutex_lock(&pcm->lock);
	if (pcm->set && follow_same(&pcm->params, params) &&
	    follow_uses(stream, VSP_AUDIO_RUNNING, &now) && follow_same(&now, params)) {
		error = pcm->plays ? vsp_audio_pcm_write(pcm, stream->bytes, frames) :
			vsp_audio_pcm_read(pcm, stream->bytes, frames);
		latency = vsp_audio_pcm_latency(pcm);
	}
	follow_result(stream, pcm, error);
	mutex_unlock(&pcm->lock);
	return latency;
}

/**
 * vsp_audio_source_set() - a stream has other parameters
 * @stream: does not run
 * @period: of it, frames
 *
 * Context: the mover of the control queue; may sleep, no longer than what was played is heard.
 * Return: 0, also where the source is gone, or is not to be used; or an errno: it refuses them.
 */
int vsp_audio_source_set(struct vsp_audio_stream *stream, u32 period)
{
	struct vsp_audio_pcm *pcm = follow_pcm(stream);
	struct vs_audio_params params;
	int error = 0;

	if (!pcm)
		return 0;
	if (stream->mixed) {
		vsp_audio_mixer_set(stream->mixed);
		return 0;
	}
	mutex_lock(&pcm->lock);
	if (pcm->file && follow_uses(stream, VSP_AUDIO_RELEASED, &params))
		error = vsp_audio_pcm_set(pcm, &params, period);
	else
		pcm->period = period;
	follow_result(stream, pcm, error);
	mutex_unlock(&pcm->lock);
	return error == -ENODEV ? 0 : error;
}

/**
 * vsp_audio_source_rest() - a stream does not run any more
 * @stream: any
 *
 * Context: a mover; may sleep, and waits for no frames.
 */
void vsp_audio_source_rest(struct vsp_audio_stream *stream)
{
	struct vsp_audio_pcm *pcm = follow_pcm(stream);
	struct vs_audio_params params;

	if (!pcm)
		return;
	if (stream->mixed) {
		if (!follow_uses(stream, VSP_AUDIO_RUNNING, &params))
			vsp_audio_mixer_rest(stream->mixed);
		return;
	}
	mutex_lock(&pcm->lock);
	if (pcm->file && !follow_uses(stream, VSP_AUDIO_RUNNING, &params))
		vsp_audio_pcm_rest(pcm);
	mutex_unlock(&pcm->lock);
}
