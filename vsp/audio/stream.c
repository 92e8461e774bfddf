// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of a client: what the mover of a stream's queue does.
 *
 * A message stays in the ring until its last frame is due, so nothing is in flight between two
 * looks, and a pause keeps what waits.
 */
#include <linux/bug.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_snd.h>

#include "vs_compat.h"
#include "vsp/audio/audio.h"
#include "vsp/audio/source.h"
#include "vsp/class.h"

/* A message of a few frames is not waited for more exactly than this. */
#define STREAM_WAIT_MIN_NS	(500 * (u64)NSEC_PER_USEC)

/* What is to be done with the message at the head of the ring. */
enum stream_verdict {
	STREAM_TAKE,
	STREAM_WAIT,
	STREAM_REFUSE,	/* it is wrong */
	STREAM_RETURN,	/* the stream does not run, or has no contract */
};

static enum hrtimer_restart stream_timer(struct hrtimer *timer)
{
	struct vsp_audio_stream *stream = container_of(timer, struct vsp_audio_stream, timer);
	unsigned long irq;

	spin_lock_irqsave(&stream->audio->lock, irq);
	if (stream->queue)
		vsp_queue_wake(stream->queue);
	spin_unlock_irqrestore(&stream->audio->lock, irq);
	return HRTIMER_NORESTART;
}

/**
 * vsp_audio_stream_enter() - a stream's state becomes another
 * @stream: any
 * @state: the new one
 *
 * Context: any, audio->lock held.
 */
void vsp_audio_stream_enter(struct vsp_audio_stream *stream, enum vsp_audio_state state)
{
	lockdep_assert_held(&stream->audio->lock);
	if (state == VSP_AUDIO_RUNNING && stream->state != VSP_AUDIO_RUNNING) {
		vsp_audio_clock_start(&stream->clock, vs_audio_rate(stream->params.rate),
				      ktime_get_ns());
		vsp_audio_volume_begin(stream);
	}
	stream->state = state;
	vsp_audio_side_tell(stream);
	if (stream->queue)
		vsp_queue_wake(stream->queue);
}

/* Bytes of frames in a message; 0: it is wrong. */
static u32 stream_bytes(const struct vsp_audio_stream *stream, const struct vsp_chain *chain)
{
	u64 bytes, other;

	if (stream->number == VS_AUDIO_STREAM_PLAYBACK) {
		bytes = chain->readable_bytes - sizeof(struct virtio_snd_pcm_xfer);
		other = chain->writable_bytes - sizeof(struct virtio_snd_pcm_status);
	} else {
		bytes = chain->writable_bytes - sizeof(struct virtio_snd_pcm_status);
		other = chain->readable_bytes - sizeof(struct virtio_snd_pcm_xfer);
	}
	return other || bytes > VS_AUDIO_MESSAGE_MAX ? 0 : bytes;
}

/* The message is of this stream? */
static bool stream_owns(const struct vsp_audio_stream *stream, struct vsp_queue *queue)
{
	struct virtio_snd_pcm_xfer header;

	return !vsp_queue_read(queue, &stream->chain, 0, &header, sizeof(header)) &&
	       le32_to_cpu(header.stream_id) == stream->number;
}

/* How long until so many frames are due; 0: they are. @ready: by the source; or negative. */
static u64 stream_wait_ns(struct vsp_audio_stream *stream, u32 frames, int ready)
{
	u64 now = ktime_get_ns();

	lockdep_assert_held(&stream->audio->lock);
	if (ready >= 0) {
		stream->follows = true;
		return div_u64((u64)(frames - min_t(u32, frames, ready)) * NSEC_PER_SEC,
			       vs_audio_rate(stream->params.rate));
	}
	if (stream->follows)
		vsp_audio_clock_start(&stream->clock, vs_audio_rate(stream->params.rate), now);
	stream->follows = false;
	vsp_audio_count(stream->audio, VSP_AUDIO_UNDERRUNS,
			vsp_audio_clock_give_up(&stream->clock, now));
	if (vsp_audio_clock_due(&stream->clock, now) >= frames)
		return 0;
	return vsp_audio_clock_wait_ns(&stream->clock, frames, now);
}

/* Sets the timer, where it is the time that is waited for. */
static enum stream_verdict stream_due(struct vsp_audio_stream *stream, u32 frames, int ready)
{
	u64 wait = stream_wait_ns(stream, frames, ready);

	if (!wait)
		return STREAM_TAKE;
	hrtimer_start(&stream->timer, ns_to_ktime(max(wait, STREAM_WAIT_MIN_NS)),
		      HRTIMER_MODE_REL);
	return STREAM_WAIT;
}

static enum stream_verdict stream_judge(struct vsp_audio_stream *stream, u32 bytes, int ready,
					struct vs_audio_params *params)
{
	struct vsp_audio *audio = stream->audio;
	enum stream_verdict verdict;
	u32 frame;

	spin_lock_irq(&audio->lock);
	*params = stream->params;
	if (!audio->grant.channels[stream->number] || stream->state < VSP_AUDIO_PREPARED) {
		verdict = STREAM_RETURN;
		goto unlock;
	}
	frame = vs_audio_frame_bytes(params);
	if (!bytes || bytes % frame ||
	    bytes / frame > vs_audio_rate(params->rate) * VS_AUDIO_MESSAGE_MS / MSEC_PER_SEC)
		verdict = STREAM_REFUSE;
	else if (stream->state == VSP_AUDIO_PREPARED)
		verdict = STREAM_WAIT;
	else
		verdict = stream_due(stream, bytes / frame, ready);
unlock:
	spin_unlock_irq(&audio->lock);
	return verdict;
}

/*
 * In one step with a commit: frames that were not played, or recorded, by then are not, and the
 * other side has silence.
 */
static void stream_pass(struct vsp_audio_stream *stream, u32 bytes)
{
	struct vsp_audio *audio = stream->audio;
	u32 frames;

	spin_lock_irq(&audio->lock);
	/* The control queue's mover may have set other parameters since it was judged. */
	frames = bytes / vs_audio_frame_bytes(&stream->params);
	if (stream->state == VSP_AUDIO_RUNNING)
		vsp_audio_clock_take(&stream->clock, frames);
	if (stream->number == VS_AUDIO_STREAM_CAPTURE)
		memset(stream->bytes, 0, bytes);
	if (stream->state != VSP_AUDIO_RUNNING || !stream->side)
		goto unlock;
	if (stream->number == VS_AUDIO_STREAM_PLAYBACK && audio->grant.monitor & VS_AUDIO_RECORD)
		vsp_audio_side_feed(stream->side, stream->bytes, frames);
	else if (stream->number == VS_AUDIO_STREAM_CAPTURE)
		vsp_audio_side_take(stream->side, stream->bytes, frames);
unlock:
	spin_unlock_irq(&audio->lock);
	vsp_audio_count(audio, stream->number == VS_AUDIO_STREAM_PLAYBACK ? VSP_AUDIO_PLAYED :
			VSP_AUDIO_RECORDED, frames);
}

/* Return: VIRTIO_SND_S_*. */
static u32 stream_move(struct vsp_audio_stream *stream, struct vsp_queue *queue,
		       const struct vs_audio_params *params, u32 bytes)
{
	const struct vsp_chain *chain = &stream->chain;
	bool plays = stream->number == VS_AUDIO_STREAM_PLAYBACK;

	if (plays &&
	    vsp_queue_read(queue, chain, sizeof(struct virtio_snd_pcm_xfer), stream->bytes, bytes))
		return VIRTIO_SND_S_BAD_MSG;
	if (plays)
		vsp_audio_volume_apply(stream, params, bytes);
	stream_pass(stream, bytes);
	if (stream->follows)
		stream->latency = vsp_audio_source_move(stream, params, bytes) *
				  vs_audio_frame_bytes(params);
	if (plays)
		return VIRTIO_SND_S_OK;
	vsp_audio_volume_apply(stream, params, bytes);
	return vsp_queue_write(queue, chain, 0, stream->bytes, bytes) ? VIRTIO_SND_S_BAD_MSG :
	       VIRTIO_SND_S_OK;
}

/* The status is behind the frames, also where there are none. */
static void stream_finish(struct vsp_audio_stream *stream, struct vsp_queue *queue, u32 status)
{
	struct virtio_snd_pcm_status answer = {
		.status = cpu_to_le32(status),
		.latency_bytes = cpu_to_le32(stream->latency),
	};
	const struct vsp_chain *chain = &stream->chain;
	u32 written = 0;

	if (status == VIRTIO_SND_S_BAD_MSG)
		vsp_audio_count(stream->audio, VSP_AUDIO_MALFORMED, 1);
	if (chain->writable_bytes >= sizeof(answer) && chain->writable_bytes <= U32_MAX &&
	    !vsp_queue_write(queue, chain, chain->writable_bytes - sizeof(answer), &answer,
			     sizeof(answer)))
		written = status == VIRTIO_SND_S_OK ? chain->writable_bytes : sizeof(answer);
	vsp_queue_consume(queue);
	vsp_queue_complete(queue, chain->head, written);
}

/* Return: whether to go on with the next message. */
static bool stream_message(struct vsp_audio_stream *stream, struct vsp_queue *queue)
{
	u32 bytes = stream_bytes(stream, &stream->chain);
	struct vs_audio_params params;
	u32 status = VIRTIO_SND_S_OK;

	stream->latency = 0;
	switch (stream_judge(stream, bytes, vsp_audio_source_due(stream, bytes), &params)) {
	case STREAM_WAIT:
		return false;
	case STREAM_TAKE:
		status = VIRTIO_SND_S_BAD_MSG;
		if (stream_owns(stream, queue))
			status = stream_move(stream, queue, &params, bytes);
		break;
	case STREAM_REFUSE:
		status = VIRTIO_SND_S_BAD_MSG;
		break;
	case STREAM_RETURN:
		status = VIRTIO_SND_S_IO_ERR;
		break;
	}
	stream_finish(stream, queue, status);
	return true;
}

/**
 * vsp_audio_stream_kick() - queue_kick of a stream's queue
 * @stream: of an enabled service
 * @queue: its queue
 *
 * Context: the mover.
 */
void vsp_audio_stream_kick(struct vsp_audio_stream *stream, struct vsp_queue *queue)
{
	unsigned int budget = VS_AUDIO_QUEUE_SIZE;

	spin_lock_irq(&stream->audio->lock);
	stream->queue = queue;
	spin_unlock_irq(&stream->audio->lock);
	while (budget && !vsp_queue_peek(queue, &stream->chain)) {
		if (!stream_message(stream, queue))
			return;
		budget--;
	}
	if (!budget)
		vsp_queue_wake(queue);
}

/**
 * vsp_audio_stream_reset() - the driver has gone, or will go on
 * @stream: no mover has its queue
 *
 * Its state stays: a driver that was only paused does not set it again.
 *
 * Context: may sleep.
 */
void vsp_audio_stream_reset(struct vsp_audio_stream *stream)
{
	spin_lock_irq(&stream->audio->lock);
	stream->queue = NULL;
	spin_unlock_irq(&stream->audio->lock);
	hrtimer_cancel(&stream->timer);
}

/**
 * vsp_audio_stream_init() - a stream that has nothing
 * @audio: zeroed, with its lock
 * @number: of the stream
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM.
 */
int vsp_audio_stream_init(struct vsp_audio *audio, unsigned int number)
{
	struct vsp_audio_stream *stream = &audio->stream[number];

	stream->audio = audio;
	stream->number = number;
	vsp_audio_volume_reset(stream);
	hrtimer_setup(&stream->timer, stream_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	stream->bytes = kmalloc(VS_AUDIO_MESSAGE_MAX, GFP_KERNEL);
	return stream->bytes ? 0 : -ENOMEM;
}

/**
 * vsp_audio_stream_exit() - free what vsp_audio_stream_init() has made
 * @stream: reset, or never used; or zeroed
 *
 * Context: may sleep.
 */
void vsp_audio_stream_exit(struct vsp_audio_stream *stream)
{
	kfree(stream->bytes);
}
