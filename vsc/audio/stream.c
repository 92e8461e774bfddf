// SPDX-License-Identifier: GPL-2.0-only
/*
 * The messages of a stream: what a program has written, on its way to the host, and room for what
 * the host records.
 *
 * A message of what is played is sent as soon as a program has written it, whole ones first: a
 * smaller one only where the host would run dry.  The host gives them back in their order.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <sound/pcm.h>

#include "vsc/audio/audio.h"
#include "vsc/class.h"

/* With fewer of them in the ring, one that is not whole is sent, too. */
#define STREAM_FEW	2
/* How long a stream whose messages came back may wait for the contract that explains it. */
#define STREAM_REFUSED_MS	200

static bool stream_plays(const struct vsc_audio_stream *stream)
{
	return stream->number == VS_AUDIO_STREAM_PLAYBACK;
}

/**
 * vsc_audio_stream_others() - what the other streams are set to
 * @audio: any
 * @stream: but for this one, enum vs_audio_stream
 *
 * Context: any, audio->lock held.
 * Return: bytes/s.
 */
u64 vsc_audio_stream_others(const struct vsc_audio *audio, unsigned int stream)
{
	u64 bytes = 0;

	lockdep_assert_held(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (i != stream && audio->stream[i].set)
			bytes += vs_audio_bytes(&audio->stream[i].params);
	return bytes;
}

/* ---- To the host: under audio->lock ---- */

/* Without @to_host: into ALSA's buffer. Both are of our own, and no device has them meanwhile. */
static void stream_copy(struct vsc_audio_stream *stream, u8 *data, unsigned long at, u32 frames,
			bool to_host)
{
	const struct snd_pcm_runtime *runtime = stream->substream->runtime;
	u32 frame = vs_audio_frame_bytes(&stream->params);

	at %= runtime->buffer_size;
	while (frames) {
		u32 count = min_t(unsigned long, frames, runtime->buffer_size - at);
		u8 *place = runtime->dma_area + at * frame;

		if (to_host)
			memcpy(data, place, count * frame);
		else
			memcpy(place, data, count * frame);
		data += count * frame;
		frames -= count;
		at = 0;
	}
}

static int stream_post(struct vsc_audio_stream *stream, struct vsc_audio_message *message)
{
	u32 bytes = message->frames * vs_audio_frame_bytes(&stream->params);
	struct scatterlist header, data, status;
	struct scatterlist *sgs[] = { &header, &data, &status };
	unsigned int out = stream_plays(stream) ? 2 : 1;

	message->header.stream_id = cpu_to_le32(stream->number);
	message->status.status = 0;
	sg_init_one(&header, &message->header, sizeof(message->header));
	sg_init_one(&data, message->data, bytes);
	sg_init_one(&status, &message->status, sizeof(message->status));
	return virtqueue_add_sgs(stream->vq, sgs, out, ARRAY_SIZE(sgs) - out, message, GFP_ATOMIC);
}

static unsigned long stream_add(const struct snd_pcm_runtime *runtime, unsigned long at,
				u32 frames)
{
	at += frames;
	return at >= runtime->boundary ? at - runtime->boundary : at;
}

/* What a program has written, and was not sent. */
static unsigned long stream_written(const struct vsc_audio_stream *stream)
{
	const struct snd_pcm_runtime *runtime = stream->substream->runtime;
	long written = READ_ONCE(runtime->control->appl_ptr) - stream->at.sent;

	if (written < 0)
		written += runtime->boundary;
	return written > runtime->buffer_size ? 0 : written;
}

/*
 * A stream that is drained goes on to the end of its period, as ALSA has it: in silence, of
 * which the message is full already.
 */
static u32 stream_pad(const struct vsc_audio_stream *stream)
{
	const struct snd_pcm_runtime *runtime = stream->substream->runtime;
	unsigned long rest = runtime->period_size - stream->at.elapsed;

	if (runtime->status->state != SNDRV_PCM_STATE_DRAINING ||
	    stream->head != stream->tail || rest == runtime->period_size)
		return 0;
	return min_t(unsigned long, rest, stream->chunk);
}

/* Frames of the next message; 0: none is to be sent. */
static u32 stream_fill(struct vsc_audio_stream *stream, struct vsc_audio_message *message)
{
	unsigned long written;
	u32 frames = stream->chunk;

	if (!stream_plays(stream))
		return frames;
	written = stream_written(stream);
	if (written < frames && stream->head - stream->tail >= STREAM_FEW)
		return 0;
	frames = min_t(unsigned long, written, frames);
	if (frames) {
		stream_copy(stream, message->data, stream->at.sent, frames, true);
		return frames;
	}
	frames = stream_pad(stream);
	memset(message->data, 0, frames * vs_audio_frame_bytes(&stream->params));
	return frames;
}

/**
 * vsc_audio_stream_send() - send what there is to be sent
 * @stream: runs, or nothing is done
 *
 * Context: any, audio->lock held, and the lock of ALSA's stream or stream->telling.
 */
void vsc_audio_stream_send(struct vsc_audio_stream *stream)
{
	bool sent = false;

	lockdep_assert_held(&stream->audio->lock);
	while (stream->vq && stream->runs && !stream->refused &&
	       stream->head - stream->tail < VSC_AUDIO_MESSAGES) {
		struct vsc_audio_message *message =
			&stream->message[stream->head % VSC_AUDIO_MESSAGES];

		message->frames = stream_fill(stream, message);
		if (!message->frames || stream_post(stream, message))
			break;
		stream->at.sent = stream_add(stream->substream->runtime, stream->at.sent,
					     message->frames);
		stream->head++;
		sent = true;
	}
	if (sent)
		virtqueue_kick(stream->vq);
}

/**
 * vsc_audio_stream_begin() - nothing was sent yet
 * @stream: set, and does not run
 * @substream: whose it is, unless its card was taken away meanwhile
 *
 * Context: process.
 * Return: 0, or -ENODEV.
 */
int vsc_audio_stream_begin(struct vsc_audio_stream *stream,
			   const struct snd_pcm_substream *substream)
{
	spin_lock_irq(&stream->audio->lock);
	if (stream->substream != substream) {
		spin_unlock_irq(&stream->audio->lock);
		return -ENODEV;
	}
	stream->chunk = min3((u32)substream->runtime->period_size,
			     VS_AUDIO_MESSAGE_MAX / vs_audio_frame_bytes(&stream->params),
			     vs_audio_rate(stream->params.rate) * VS_AUDIO_MESSAGE_MS /
			     (u32)MSEC_PER_SEC);
	stream->at = (struct vsc_audio_position){ };
	stream->latency = 0;
	/* ALSA asks for the position, and this, only once the stream runs. */
	substream->runtime->delay = 0;
	stream->paused = false;
	stream->refused = false;
	spin_unlock_irq(&stream->audio->lock);
	return 0;
}

/**
 * vsc_audio_stream_position() - where the stream is in ALSA's buffer
 * @stream: open and set
 *
 * Tells ALSA also how much later than that its frames are heard.
 *
 * Context: any, the lock of ALSA's stream held.
 * Return: frames.
 */
unsigned long vsc_audio_stream_position(struct vsc_audio_stream *stream)
{
	struct vsc_audio_position *at = &stream->at;
	unsigned long position, irq;
	u32 ahead;

	spin_lock_irqsave(&stream->audio->lock, irq);
	if (stream_plays(stream) && stream->runs && stream->head != stream->tail) {
		ahead = vsc_audio_position_ahead(ktime_get_ns() - stream->stamp_ns,
						 vs_audio_rate(stream->params.rate),
						 stream->message[stream->tail %
								 VSC_AUDIO_MESSAGES].frames);
		/* After a pause the message begins anew, by that clock. */
		at->ahead = max(at->ahead, ahead);
	}
	position = (at->done + at->ahead) % stream->substream->runtime->buffer_size;
	stream->substream->runtime->delay = stream->latency;
	spin_unlock_irqrestore(&stream->audio->lock, irq);
	return position;
}

/* ---- From the host ---- */

/* What ALSA is to be told. */
enum stream_news {
	STREAM_NOTHING,
	STREAM_PERIOD,	/* one has passed */
	STREAM_DRY,	/* all that was written was played */
};

static void stream_advance(struct vsc_audio_stream *stream, u32 frames)
{
	struct vsc_audio_position *at = &stream->at;

	at->done = stream_add(stream->substream->runtime, at->done, frames);
	at->ahead -= min(at->ahead, frames);
	at->elapsed += frames;
}

/* Has a period ended, also in a pause, of which ALSA was not told? */
static enum stream_news stream_elapsed(struct vsc_audio_stream *stream)
{
	const struct snd_pcm_runtime *runtime = stream->substream->runtime;

	if (stream->at.elapsed < runtime->period_size)
		return STREAM_NOTHING;
	stream->at.elapsed %= runtime->period_size;
	return STREAM_PERIOD;
}

static enum stream_news stream_passed(struct vsc_audio_stream *stream)
{
	const struct snd_pcm_runtime *runtime = stream->substream->runtime;

	stream->stamp_ns = ktime_get_ns();
	vsc_audio_stream_send(stream);
	if (stream_elapsed(stream) == STREAM_PERIOD)
		return STREAM_PERIOD;
	if (stream->head == stream->tail && stream_plays(stream) &&
	    runtime->stop_threshold <= runtime->buffer_size)
		return STREAM_DRY;
	return STREAM_NOTHING;
}

static void stream_take(struct vsc_audio_stream *stream, struct vsc_audio_message *message)
{
	bool plays = stream_plays(stream);

	if (!plays)
		stream_copy(stream, message->data, stream->at.done, message->frames, false);
	stream_advance(stream, message->frames);
	vsc_audio_count(stream->audio, plays ? VSC_AUDIO_PLAYED : VSC_AUDIO_RECORDED,
			message->frames);
}

/* One that is suspended in a pause, and set to something else then, is not told of either. */
static bool stream_goes(const struct vsc_audio_stream *stream)
{
	snd_pcm_state_t state = stream->substream->runtime->status->state;

	return stream->runs || (stream->paused && (state == SNDRV_PCM_STATE_RUNNING ||
						   state == SNDRV_PCM_STATE_PAUSED));
}

static enum stream_news stream_took(struct vsc_audio_stream *stream,
				    struct vsc_audio_message *message)
{
	struct vsc_audio *audio = stream->audio;

	stream->tail++;
	if (!stream->substream || !stream_goes(stream) || stream->refused)
		return STREAM_NOTHING;
	if (le32_to_cpu(READ_ONCE(message->status.status)) != VIRTIO_SND_S_OK) {
		stream->refused = true;
		vsc_audio_card_soon(audio, STREAM_REFUSED_MS);
		return STREAM_NOTHING;
	}
	stream_take(stream, message);
	stream->latency =
		vsc_audio_position_latency(le32_to_cpu(READ_ONCE(message->status.latency_bytes)),
					   &stream->params);
	/* ALSA asks for no position in a pause: it is told when the stream goes on. */
	return stream->runs ? stream_passed(stream) : STREAM_NOTHING;
}

/* What has it missed, if it goes on after a pause in which the host has taken all there was? */
static enum stream_news stream_resumes(struct vsc_audio_stream *stream)
{
	if (!stream->runs)
		return STREAM_NOTHING;
	vsc_audio_stream_send(stream);
	if (stream_plays(stream) && stream->head == stream->tail)
		return STREAM_PERIOD;
	return stream_elapsed(stream);
}

/* Return: whether a message has come back. */
static bool stream_reap(struct vsc_audio_stream *stream, enum stream_news *news)
{
	struct vsc_audio_message *message, *oldest;
	unsigned int length;

	*news = STREAM_NOTHING;
	if (!stream->vq)
		return false;
	message = virtqueue_get_buf(stream->vq, &length);
	if (virtqueue_is_broken(stream->vq))
		vsc_session_broken(stream->audio->session);
	if (!message)
		return false;
	oldest = &stream->message[stream->tail % VSC_AUDIO_MESSAGES];
	if (message == oldest) {
		*news = stream_took(stream, message);
	} else {
		/* The virtio core knows no order, and nothing else resets the device. */
		__virtqueue_break(stream->vq);
		vsc_session_broken(stream->audio->session);
	}
	return message == oldest;
}

static void stream_tell(struct vsc_audio_stream *stream, enum stream_news news)
{
	lockdep_assert_held(&stream->telling);
	if (news == STREAM_PERIOD) {
		snd_pcm_period_elapsed(stream->substream);
	} else if (news == STREAM_DRY) {
		vsc_audio_count(stream->audio, VSC_AUDIO_XRUNS, 1);
		snd_pcm_stop_xrun(stream->substream);
	}
}

/**
 * vsc_audio_stream_data() - the host has given back messages
 * @stream: any
 *
 * ALSA is told after each, so that it never misses a whole buffer.
 *
 * Context: any, interrupts too.
 */
void vsc_audio_stream_data(struct vsc_audio_stream *stream)
{
	unsigned int budget = VSC_AUDIO_MESSAGES;
	enum stream_news news;
	unsigned long irq;
	bool more = true;

	spin_lock_irqsave(&stream->telling, irq);
	spin_lock(&stream->audio->lock);
	news = stream_resumes(stream);
	spin_unlock(&stream->audio->lock);
	stream_tell(stream, news);
	for (; more && budget; budget--) {
		spin_lock(&stream->audio->lock);
		more = stream_reap(stream, &news);
		spin_unlock(&stream->audio->lock);
		stream_tell(stream, news);
	}
	spin_unlock_irqrestore(&stream->telling, irq);
	/* A host that gives them back as fast as they are sent does not hold an interrupt. */
	if (more)
		queue_work(system_highpri_wq, &stream->more);
	wake_up_all(&stream->audio->changed);
}

static void stream_more_work(struct work_struct *work)
{
	vsc_audio_stream_data(container_of(work, struct vsc_audio_stream, more));
}

/* ---- Ends ---- */

static bool stream_is_settled(struct vsc_audio_stream *stream)
{
	bool settled;

	spin_lock_irq(&stream->audio->lock);
	settled = stream->head == stream->tail || !stream->vq;
	spin_unlock_irq(&stream->audio->lock);
	return settled;
}

/**
 * vsc_audio_stream_settle() - have the host give back all messages
 * @stream: does not run
 *
 * Context: process; sleeps, twice VSC_AUDIO_ANSWER_MS at the most.
 * Return: 0; -ETIMEDOUT: the host has some still.
 */
int vsc_audio_stream_settle(struct vsc_audio_stream *stream)
{
	if (stream_is_settled(stream))
		return 0;
	vsc_audio_control_ask(stream->audio, stream->number, VIRTIO_SND_R_PCM_RELEASE);
	if (!wait_event_timeout(stream->audio->changed, stream_is_settled(stream),
				msecs_to_jiffies(VSC_AUDIO_ANSWER_MS)))
		return -ETIMEDOUT;
	return 0;
}

/**
 * vsc_audio_stream_end() - a stream cannot go on
 * @stream: any; nothing is done if it does not run
 * @xrun: it may begin again; else it ends with ENODEV
 *
 * Context: process.
 */
void vsc_audio_stream_end(struct vsc_audio_stream *stream, bool xrun)
{
	struct snd_pcm_substream *substream;

	spin_lock_irq(&stream->telling);
	substream = stream->substream;
	if (substream) {
		snd_pcm_stream_lock(substream);
		if (snd_pcm_running(substream) ||
		    substream->runtime->status->state == SNDRV_PCM_STATE_PAUSED)
			snd_pcm_stop(substream, xrun ? SNDRV_PCM_STATE_XRUN :
				     SNDRV_PCM_STATE_DISCONNECTED);
		snd_pcm_stream_unlock(substream);
	}
	/* Of the end of a pause nobody is told. */
	spin_lock(&stream->audio->lock);
	stream->paused = false;
	spin_unlock(&stream->audio->lock);
	spin_unlock_irq(&stream->telling);
	if (substream)
		vsc_audio_count(stream->audio, xrun ? VSC_AUDIO_XRUNS : VSC_AUDIO_ENDED, 1);
}

/**
 * vsc_audio_stream_void() - the channel was stopped: no message comes back any more
 * @stream: any
 *
 * Context: process.
 */
void vsc_audio_stream_void(struct vsc_audio_stream *stream)
{
	spin_lock_irq(&stream->audio->lock);
	while (stream->vq && virtqueue_detach_unused_buf(stream->vq))
		;
	stream->vq = NULL;
	stream->tail = stream->head;
	stream->refused |= stream->runs || stream->paused;
	spin_unlock_irq(&stream->audio->lock);
	cancel_work_sync(&stream->more);
	wake_up_all(&stream->audio->changed);
}

static void stream_let_go(struct vsc_audio_stream *stream,
			  const struct snd_pcm_substream *substream)
{
	spin_lock_irq(&stream->telling);
	spin_lock(&stream->audio->lock);
	if (stream->substream && (!substream || stream->substream == substream)) {
		if (stream->set)
			vsc_audio_control_tell(stream->audio, stream->number,
					       VIRTIO_SND_R_PCM_RELEASE);
		stream->substream = NULL;
		stream->set = false;
		stream->runs = false;
		stream->paused = false;
	}
	spin_unlock(&stream->audio->lock);
	spin_unlock_irq(&stream->telling);
}

/**
 * vsc_audio_stream_close() - a substream of ALSA is closed
 * @stream: any
 * @substream: of its card, or of one that was there before
 *
 * Context: process.
 */
void vsc_audio_stream_close(struct vsc_audio_stream *stream,
			    const struct snd_pcm_substream *substream)
{
	stream_let_go(stream, substream);
}

/**
 * vsc_audio_stream_forget() - the card is gone, whatever of it is open
 * @stream: any
 *
 * Context: process.
 */
void vsc_audio_stream_forget(struct vsc_audio_stream *stream)
{
	stream_let_go(stream, NULL);
}

/**
 * vsc_audio_stream_init() - nothing is open
 * @audio: zeroed, with its lock
 * @number: of the stream
 */
void vsc_audio_stream_init(struct vsc_audio *audio, unsigned int number)
{
	struct vsc_audio_stream *stream = &audio->stream[number];

	stream->audio = audio;
	stream->number = number;
	spin_lock_init(&stream->telling);
	INIT_WORK(&stream->more, stream_more_work);
}

static void free_messages(struct vsc_audio_message *message)
{
	for (unsigned int i = 0; message && i < VSC_AUDIO_MESSAGES; i++)
		kfree(message[i].data);
	kfree(message);
}

/**
 * vsc_audio_stream_alloc() - make the messages of a stream
 * @stream: has some already, or none
 *
 * Context: process; sleeps.
 * Return: 0, or -ENOMEM.
 */
int vsc_audio_stream_alloc(struct vsc_audio_stream *stream)
{
	struct vsc_audio_message *message, *unused;
	int error = 0;

	if (READ_ONCE(stream->message))
		return 0;
	message = kcalloc(VSC_AUDIO_MESSAGES, sizeof(*message), GFP_KERNEL);
	if (!message)
		return -ENOMEM;
	for (unsigned int i = 0; i < VSC_AUDIO_MESSAGES && !error; i++) {
		message[i].data = kzalloc(VS_AUDIO_MESSAGE_MAX, GFP_KERNEL);
		error = message[i].data ? 0 : -ENOMEM;
	}
	unused = message;
	spin_lock_irq(&stream->audio->lock);
	/* A stream of another card may have made them meanwhile. */
	if (!error && !stream->message) {
		WRITE_ONCE(stream->message, message);
		unused = NULL;
	}
	spin_unlock_irq(&stream->audio->lock);
	free_messages(unused);
	return error;
}

/**
 * vsc_audio_stream_free() - free what vsc_audio_stream_alloc() has made
 * @stream: has no virtqueue
 *
 * Context: process.
 */
void vsc_audio_stream_free(struct vsc_audio_stream *stream)
{
	free_messages(stream->message);
}
