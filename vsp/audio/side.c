// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream of the host: frames that pass between its buffer and a client, and its position.
 *
 * While the client's stream runs, the position goes on with what its mover has passed.  While it
 * does not, or has passed nothing for VSP_AUDIO_LATE_MS, it goes on by the clock, in silence.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <sound/pcm.h>

#include "vs_compat.h"
#include "vsp/audio/audio.h"

#define SIDE_WAIT_MIN_NS	NSEC_PER_MSEC

static bool side_records(const struct vsp_audio_side *side)
{
	return side->stream == VS_AUDIO_STREAM_PLAYBACK;
}

/**
 * vsp_audio_side_fits() - is the host's stream set as the client's is?
 * @side: any
 *
 * Context: any, side->lock held.
 * Return: whether it is, or the client's is not set.
 */
bool vsp_audio_side_fits(const struct vsp_audio_side *side)
{
	lockdep_assert_held(&side->lock);
	return !side->set || (side->params.format == side->client.format &&
			      side->params.rate == side->client.rate &&
			      side->params.channels == side->client.channels);
}

/* ---- Position ---- */

static void side_restart_clock(struct vsp_audio_side *side)
{
	vsp_audio_clock_start(&side->clock, vs_audio_rate(side->params.rate), ktime_get_ns());
}

static void side_advance(struct vsp_audio_side *side, unsigned long frames)
{
	const struct snd_pcm_runtime *runtime = side->substream->runtime;

	side->frames += frames;
	if (side->frames >= runtime->boundary)
		side->frames -= runtime->boundary;
	side->unseen += frames;
	side->elapsed += frames;
	if (side->unseen >= runtime->buffer_size)
		side->overrun = true;
}

/* What the host's program has written, and was not taken. */
static unsigned long side_written(const struct vsp_audio_side *side)
{
	const struct snd_pcm_runtime *runtime = side->substream->runtime;
	long written = READ_ONCE(runtime->control->appl_ptr) - side->frames;

	if (written < 0)
		written += runtime->boundary;
	if (written > runtime->buffer_size)
		return 0;
	/* A whole buffer would look like nothing. */
	return min_t(unsigned long, written, runtime->buffer_size - 1 -
		     min(side->unseen, runtime->buffer_size - 1));
}

/* A stream that is drained goes on to the end of its period, in silence. */
static void side_dry(struct vsp_audio_side *side, unsigned long frames)
{
	const struct snd_pcm_runtime *runtime = side->substream->runtime;

	if (!frames)
		return;
	if (runtime->status->state == SNDRV_PCM_STATE_DRAINING)
		side_advance(side, min(frames, runtime->period_size - side->elapsed %
				       runtime->period_size));
	else if (side->unseen < runtime->buffer_size - 1 &&
		 runtime->stop_threshold <= runtime->buffer_size)
		side->overrun = true;
}

/* Without @bytes what is recorded is silence, and what is played is dropped. */
static void side_copy(struct vsp_audio_side *side, u8 *bytes, unsigned long frames)
{
	const struct snd_pcm_runtime *runtime = side->substream->runtime;
	u32 frame = vs_audio_frame_bytes(&side->params);

	while (frames) {
		unsigned long at = side->frames % runtime->buffer_size;
		unsigned long count = min(frames, runtime->buffer_size - at);
		u8 *place = runtime->dma_area + at * frame;

		if (!side_records(side) && bytes)
			memcpy(bytes, place, count * frame);
		else if (side_records(side) && bytes)
			memcpy(place, bytes, count * frame);
		else if (side_records(side))
			memset(place, 0, count * frame);
		side_advance(side, count);
		frames -= count;
		if (bytes)
			bytes += count * frame;
	}
}

/* From a mover: the host's ALSA is told by the timer. */
static void side_passed(struct vsp_audio_side *side)
{
	side_restart_clock(side);
	if (side->overrun || side->elapsed >= side->substream->runtime->period_size)
		hrtimer_start(&side->timer, 0, HRTIMER_MODE_REL_SOFT);
}

/**
 * vsp_audio_side_feed() - frames that the client has played
 * @side: records them
 * @bytes: of the frames
 * @frames: how many
 *
 * Context: any, audio->lock held, interrupts off.
 */
void vsp_audio_side_feed(struct vsp_audio_side *side, const u8 *bytes, u32 frames)
{
	spin_lock(&side->lock);
	if (!side->gone && side->substream && vsp_audio_side_fits(side)) {
		side_copy(side, (u8 *)bytes, frames);
		side_passed(side);
	}
	spin_unlock(&side->lock);
}

/**
 * vsp_audio_side_take() - frames that the client records
 * @side: plays them
 * @bytes: zeroed; filled with what there is
 * @frames: how many
 *
 * Context: any, audio->lock held, interrupts off.
 */
void vsp_audio_side_take(struct vsp_audio_side *side, u8 *bytes, u32 frames)
{
	unsigned long there;

	spin_lock(&side->lock);
	if (!side->gone && side->substream && vsp_audio_side_fits(side)) {
		there = min_t(unsigned long, frames, side_written(side));
		side_copy(side, bytes, there);
		side_dry(side, frames - there);
		side_passed(side);
	}
	spin_unlock(&side->lock);
}

/* ---- By the clock ---- */

static void side_pass_silence(struct vsp_audio_side *side)
{
	u64 now = ktime_get_ns(), due;
	unsigned long there;

	vsp_audio_clock_give_up(&side->clock, now);
	due = vsp_audio_clock_due(&side->clock, now);
	there = due;
	/* The clock gives up what is later than this, which is when it is needed. */
	if (side->runs && due < (u64)side->clock.rate * VSP_AUDIO_LATE_MS / MSEC_PER_SEC)
		return;
	if (!side_records(side))
		there = min_t(unsigned long, due, side_written(side));
	side_copy(side, NULL, there);
	side_dry(side, side_records(side) ? 0 : due - there);
	vsp_audio_clock_take(&side->clock, due);
}

/* Return: whether the host's ALSA is to look. */
static bool side_tick(struct vsp_audio_side *side)
{
	const struct snd_pcm_runtime *runtime = side->substream->runtime;
	bool tell;
	u64 wait = VSP_AUDIO_LATE_MS * (u64)NSEC_PER_MSEC;

	side_pass_silence(side);
	tell = side->overrun || side->elapsed >= runtime->period_size;
	side->elapsed %= runtime->period_size;
	if (!side->runs)
		wait = vsp_audio_clock_wait_ns(&side->clock, runtime->period_size - side->elapsed,
					       ktime_get_ns());
	hrtimer_start(&side->timer, ns_to_ktime(max_t(u64, wait, SIDE_WAIT_MIN_NS)),
		      HRTIMER_MODE_REL_SOFT);
	return tell;
}

/* The client is set to something else, and nobody converts: the program sets its own anew. */
static void side_end_stream(struct snd_pcm_substream *substream)
{
	unsigned long irq;

	snd_pcm_stream_lock_irqsave(substream, irq);
	if (snd_pcm_running(substream))
		snd_pcm_stop(substream, SNDRV_PCM_STATE_SETUP);
	snd_pcm_stream_unlock_irqrestore(substream, irq);
}

/* The substream stays until hrtimer_cancel(), in sync_stop of host_pcm.c. */
static enum hrtimer_restart side_timer(struct hrtimer *timer)
{
	struct vsp_audio_side *side = container_of(timer, struct vsp_audio_side, timer);
	struct snd_pcm_substream *substream;
	bool tell = false, fits = true;
	unsigned long irq;

	spin_lock_irqsave(&side->lock, irq);
	substream = side->substream;
	if (substream) {
		fits = vsp_audio_side_fits(side);
		tell = fits && side_tick(side);
	}
	spin_unlock_irqrestore(&side->lock, irq);
	if (!fits)
		side_end_stream(substream);
	else if (tell)
		snd_pcm_period_elapsed(substream);
	return HRTIMER_NORESTART;
}

/* ---- What begins and ends ---- */

/**
 * vsp_audio_side_start() - the host's stream runs
 * @side: its card
 * @substream: the stream, whose parameters are set
 *
 * Context: atomic, the stream's lock held.
 * Return: 0; -ENODEV: the card is gone; -EINVAL: the client is set to something else; -EBUSY: the
 *	stream is about to be set, or freed. ALSA starts none then, but to drain it.
 */
int vsp_audio_side_start(struct vsp_audio_side *side, struct snd_pcm_substream *substream)
{
	unsigned long irq;
	int error = 0;

	spin_lock_irqsave(&side->lock, irq);
	if (side->gone) {
		error = -ENODEV;
	} else if (atomic_read(&substream->runtime->buffer_accessing) < 0) {
		error = -EBUSY;
	} else if (!vsp_audio_side_fits(side)) {
		error = -EINVAL;
	} else {
		side->substream = substream;
		side_restart_clock(side);
		hrtimer_start(&side->timer, 0, HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock_irqrestore(&side->lock, irq);
	return error;
}

/**
 * vsp_audio_side_stop() - the host's stream does not run any more
 * @side: its card
 *
 * Context: atomic, the stream's lock held.
 */
void vsp_audio_side_stop(struct vsp_audio_side *side)
{
	unsigned long irq;

	spin_lock_irqsave(&side->lock, irq);
	side->substream = NULL;
	spin_unlock_irqrestore(&side->lock, irq);
}

/**
 * vsp_audio_side_tell() - what has become of the client's stream
 * @stream: the client's
 *
 * Context: any, audio->lock held, interrupts off.
 */
void vsp_audio_side_tell(struct vsp_audio_stream *stream)
{
	struct vsp_audio_side *side = stream->side;

	lockdep_assert_held(&stream->audio->lock);
	if (!side)
		return;
	spin_lock(&side->lock);
	side->set = stream->state >= VSP_AUDIO_PREPARED;
	side->runs = stream->state == VSP_AUDIO_RUNNING;
	side->client = stream->params;
	if (side->substream && !vsp_audio_side_fits(side))
		hrtimer_start(&side->timer, 0, HRTIMER_MODE_REL_SOFT);
	spin_unlock(&side->lock);
}

/**
 * vsp_audio_side_init() - nothing passes yet
 * @side: zeroed
 */
void vsp_audio_side_init(struct vsp_audio_side *side)
{
	spin_lock_init(&side->lock);
	hrtimer_setup(&side->timer, side_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
}
