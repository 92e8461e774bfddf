// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mixer of a pool: whose frames are mixed, and when; see mixer.h.
 *
 * The work goes by the substream's position, and streams go by the work: a message of a client is
 * taken when there is room for it within its stream's window.  So the source's clock is the
 * master of all of them.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "vs_compat.h"
#include "vsp/audio/audio.h"
#include "vsp/audio/mixer.h"
#include "vsp/class.h"

#define MIXER_NS		(VSP_AUDIO_MIX_US * (u64)NSEC_PER_USEC)
#define MIXER_FIFO_MS		128	/* late movers of what is recorded are made up for */
#define MIXER_WINDOW_MAX_MS	60	/* a message, and what its mover may be late */
#define MIXER_CHUNK		256	/* bytes of frames that a mover passes at once */

static_assert(VS_AUDIO_MESSAGE_MS + 3 * VSP_AUDIO_MIX_US / 1000 <= MIXER_WINDOW_MAX_MS);
static_assert(MIXER_WINDOW_MAX_MS + VS_AUDIO_MESSAGE_MS <= MIXER_FIFO_MS);
static_assert(VS_AUDIO_CHANNELS_MAX * sizeof(s32) <= MIXER_CHUNK);

static u32 mixer_frames(const struct vsp_audio_mixer *mixer, u32 us)
{
	return (u64)vs_audio_rate(mixer->params.rate) * us / USEC_PER_SEC;
}

static u32 mixer_frame_bytes(const struct vsp_audio_mixer *mixer)
{
	return vs_audio_frame_bytes(&mixer->params);
}

/* ---- Frames of a stream, under the mixer's lock ---- */

static u32 mixed_ready(struct vsp_audio_mixed *mixed)
{
	lockdep_assert_held(&mixed->mixer->lock);
	return kfifo_len(&mixed->fifo) / mixer_frame_bytes(mixed->mixer);
}

/* What was played before is heard before the silence that a stream begins with. */
static void mixed_begin(struct vsp_audio_mixed *mixed)
{
	lockdep_assert_held(&mixed->mixer->lock);
	if (mixed->runs)
		return;
	if (mixed->number == VS_AUDIO_STREAM_CAPTURE)
		kfifo_reset(&mixed->fifo);
	else if (kfifo_is_empty(&mixed->fifo))
		mixed->silent = mixed->window;
}

/* It begins again when its mover looks. */
static void mixed_miss(struct vsp_audio_mixed *mixed)
{
	u32 most = mixer_frames(mixed->mixer, MIXER_WINDOW_MAX_MS * USEC_PER_MSEC);

	lockdep_assert_held(&mixed->mixer->lock);
	mixed->runs = false;
	/* The client had frames all the time: its mover is not as exact as that. */
	if (mixed->waited)
		mixed->window = min(2 * mixed->window, most);
	vsp_audio_count(mixed->audio, VSP_AUDIO_UNDERRUNS, 1);
}

static void mixed_drop(struct vsp_audio_mixed *mixed)
{
	lockdep_assert_held(&mixed->mixer->lock);
	kfifo_reset(&mixed->fifo);
	mixed->silent = 0;
	mixed->runs = false;
}

/* ---- The work: frames of the substreams ---- */

static void mixer_sum_stream(struct vsp_audio_mixer *mixer, struct vsp_audio_mixed *mixed,
			     u32 frames)
{
	u32 frame = mixer_frame_bytes(mixer), channels = mixer->params.channels;
	u32 silent = min(mixed->silent, frames);
	u32 got = kfifo_out(&mixed->fifo, mixer->bytes, (frames - silent) * frame) / frame;

	mixed->silent -= silent;
	vsp_audio_mix_add(mixer->sum + silent * channels, mixer->bytes, mixer->params.format,
			  got * channels);
	if (mixed->runs && silent + got < frames)
		mixed_miss(mixed);
}

/* Fills mixer->bytes. */
static void mixer_sum(struct vsp_audio_mixer *mixer, u32 frames)
{
	u32 samples = frames * mixer->params.channels;
	struct vsp_audio_mixed *mixed;

	memset(mixer->sum, 0, samples * sizeof(*mixer->sum));
	spin_lock(&mixer->lock);
	list_for_each_entry(mixed, &mixer->streams[VS_AUDIO_STREAM_PLAYBACK], entry)
		mixer_sum_stream(mixer, mixed, frames);
	spin_unlock(&mixer->lock);
	vsp_audio_mix_store(mixer->bytes, mixer->sum, mixer->params.format, samples);
}

/* Of mixer->bytes. */
static void mixer_copy(struct vsp_audio_mixer *mixer, u32 frames)
{
	u32 bytes = frames * mixer_frame_bytes(mixer);
	struct vsp_audio_mixed *mixed;

	spin_lock(&mixer->lock);
	list_for_each_entry(mixed, &mixer->streams[VS_AUDIO_STREAM_CAPTURE], entry) {
		if (!mixed->runs)
			continue;
		if (kfifo_avail(&mixed->fifo) >= bytes)
			kfifo_in(&mixed->fifo, mixer->bytes, bytes);
		else
			mixed_miss(mixed);
	}
	spin_unlock(&mixer->lock);
}

static int mixer_pass(struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm, u32 frames)
{
	int error;

	if (pcm->plays) {
		mixer_sum(mixer, frames);
		return vsp_audio_pcm_write(pcm, mixer->bytes, frames);
	}
	memset(mixer->bytes, 0, frames * mixer_frame_bytes(mixer));
	error = vsp_audio_pcm_read(pcm, mixer->bytes, frames);
	mixer_copy(mixer, frames);
	return error;
}

static int mixer_set(const struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm)
{
	return vsp_audio_pcm_set(pcm, &mixer->params, mixer_frames(mixer, 2 * VSP_AUDIO_MIX_US));
}

static void mixer_tell_latency(struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm)
{
	u32 latency = vsp_audio_pcm_latency(pcm);

	spin_lock(&mixer->lock);
	mixer->latency[pcm->plays ? VS_AUDIO_STREAM_PLAYBACK : VS_AUDIO_STREAM_CAPTURE] = latency;
	spin_unlock(&mixer->lock);
}

/* All frames whose time has come. Return: 0, or an errno. */
static int mixer_move(struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm)
{
	int due, error = mixer_set(mixer, pcm);
	u32 frames;

	due = error ?: vsp_audio_pcm_due(pcm, mixer_frames(mixer, VSP_AUDIO_MIX_US));
	if (due <= 0)
		return due;
	for (; due && !error; due -= frames) {
		frames = min_t(u32, due, VSP_AUDIO_MIX_FRAMES);
		error = mixer_pass(mixer, pcm, frames);
	}
	mixer_tell_latency(mixer, pcm);
	/* There are more, always: if it runs dry it was looked at too late. */
	pcm->waited = true;
	pcm->waited_ns = 0;
	return error;
}

/* What is to be done of a direction. */
static bool mixer_wants(struct vsp_audio_mixer *mixer, unsigned int number)
{
	struct vsp_audio_mixed *mixed;

	lockdep_assert_held(&mixer->lock);
	list_for_each_entry(mixed, &mixer->streams[number], entry)
		if (mixed->runs ||
		    (number == VS_AUDIO_STREAM_PLAYBACK && !kfifo_is_empty(&mixed->fifo)))
			return true;
	return false;
}

/* Streams go by their own clocks, in silence, while there is an error. */
static void mixer_fails(struct vsp_audio_mixer *mixer, unsigned int number, int error)
{
	struct vsp_audio_mixed *mixed;
	bool news;

	spin_lock(&mixer->lock);
	news = error != mixer->error[number];
	mixer->error[number] = error;
	if (error)
		list_for_each_entry(mixed, &mixer->streams[number], entry)
			mixed_drop(mixed);
	spin_unlock(&mixer->lock);
	if (error && error != -ENODEV && news)
		pr_warn_ratelimited("pool %s: source: %s cannot be %s (%d): its streams go on in silence\n",
				    vsp_pool_name(mixer->source.shared->pool),
				    vsp_pool_source(mixer->source.shared->pool),
				    number == VS_AUDIO_STREAM_PLAYBACK ? "played to" :
				    "recorded from", error);
}

static void mixer_step(struct vsp_audio_mixer *mixer, unsigned int number)
{
	struct vsp_audio_pcm *pcm = &mixer->source.pcm[number];
	int error = 0;
	bool wants;

	spin_lock(&mixer->lock);
	wants = mixer_wants(mixer, number);
	spin_unlock(&mixer->lock);
	mutex_lock(&pcm->lock);
	if (!wants)
		vsp_audio_pcm_rest(pcm);
	else
		error = pcm->file ? mixer_move(mixer, pcm) : -ENODEV;
	/* A source that is back may lack a direction, and is no less there. */
	if (error == -ENODEV && pcm->file)
		vsp_audio_source_lost(&mixer->source);
	mutex_unlock(&pcm->lock);
	if (wants)
		mixer_fails(mixer, number, error);
}

static void mixer_work(struct work_struct *work)
{
	struct vsp_audio_mixer *mixer = container_of(work, struct vsp_audio_mixer, work);
	bool wants = false;

	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		mixer_step(mixer, i);
	spin_lock(&mixer->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		wants |= mixer_wants(mixer, i);
	mixer->active = wants;
	if (wants)
		hrtimer_start(&mixer->timer, ns_to_ktime(MIXER_NS), HRTIMER_MODE_REL);
	spin_unlock(&mixer->lock);
}

static enum hrtimer_restart mixer_timer(struct hrtimer *timer)
{
	struct vsp_audio_mixer *mixer = container_of(timer, struct vsp_audio_mixer, timer);

	queue_work(mixer->queue, &mixer->work);
	return HRTIMER_NORESTART;
}

/* ---- For the mover of a stream ---- */

/* Other channels are made to fit. A contract has no other format or rate. */
static bool mixed_takes(const struct vsp_audio_mixed *mixed, const struct vs_audio_params *params)
{
	return params->format == mixed->mixer->params.format &&
	       params->rate == mixed->mixer->params.rate;
}

static u32 mixed_room(struct vsp_audio_mixed *mixed, u32 frames)
{
	struct vsp_audio_mixer *mixer = mixed->mixer;
	u32 most = mixer_frames(mixer, MIXER_WINDOW_MAX_MS * USEC_PER_MSEC);
	u32 wanted = frames + mixer_frames(mixer, 3 * VSP_AUDIO_MIX_US);

	if (mixed->window < wanted)
		mixed->window = min(wanted, most);
	mixed_begin(mixed);
	return mixed->window - min(mixed->window, mixed->silent + mixed_ready(mixed));
}

/**
 * vsp_audio_mixer_set() - a stream is set anew
 * @mixed: of the stream, which does not run
 *
 * Context: the mover of the control queue.
 */
void vsp_audio_mixer_set(struct vsp_audio_mixed *mixed)
{
	spin_lock(&mixed->mixer->lock);
	mixed->window = 0;
	spin_unlock(&mixed->mixer->lock);
}

/**
 * vsp_audio_mixer_due() - how much of a stream has its time come for
 * @mixed: of a stream that runs
 * @params: of it
 * @frames: of the message that waits, no more than a message may have
 *
 * Context: the mover of the stream.
 * Return: frames; or an errno: the stream goes by its own clock.
 */
int vsp_audio_mixer_due(struct vsp_audio_mixed *mixed, const struct vs_audio_params *params,
			u32 frames)
{
	struct vsp_audio_mixer *mixer = mixed->mixer;
	u32 due;
	int error;

	if (!mixed_takes(mixed, params))
		return -EINVAL;
	spin_lock(&mixer->lock);
	if (mixed->number == VS_AUDIO_STREAM_PLAYBACK) {
		due = mixed_room(mixed, frames);
	} else {
		mixed_begin(mixed);
		due = mixed_ready(mixed);
	}
	mixed->runs = true;
	mixed->waited = due < frames;
	error = mixer->error[mixed->number];
	if (!mixer->active)
		queue_work(mixer->queue, &mixer->work);
	mixer->active = true;
	spin_unlock(&mixer->lock);
	return error ?: due;
}

/* Return: whether the mixer has the source. */
static bool mixed_pass(struct vsp_audio_mixed *mixed, u8 *chunk, u32 bytes)
{
	struct vsp_audio_mixer *mixer = mixed->mixer;
	bool has;

	spin_lock(&mixer->lock);
	has = !mixer->error[mixed->number];
	if (has && mixed->number == VS_AUDIO_STREAM_PLAYBACK) {
		/* It may have been missed since it was due. */
		mixed_begin(mixed);
		kfifo_in(&mixed->fifo, chunk, bytes);
	} else if (has) {
		has = kfifo_out(&mixed->fifo, chunk, bytes) == bytes;
	}
	spin_unlock(&mixer->lock);
	return has;
}

static u32 mixed_latency(struct vsp_audio_mixed *mixed)
{
	struct vsp_audio_mixer *mixer = mixed->mixer;
	u32 latency;

	spin_lock(&mixer->lock);
	latency = mixed->silent + mixed_ready(mixed) + mixer->latency[mixed->number];
	spin_unlock(&mixer->lock);
	return latency;
}

/**
 * vsp_audio_mixer_move() - play frames, or fill in what was recorded
 * @mixed: of the stream
 * @params: that the frames have
 * @bytes: of the frames; of what is recorded silence, which stays where there is nothing
 * @frames: that are due
 *
 * Context: the mover of the stream.
 * Return: how late the last of them is heard, or was recorded before, frames.
 */
u32 vsp_audio_mixer_move(struct vsp_audio_mixed *mixed, const struct vs_audio_params *params,
			 u8 *bytes, u32 frames)
{
	u32 channels = params->channels;
	bool plays = mixed->number == VS_AUDIO_STREAM_PLAYBACK;
	u32 has = mixed->mixer->params.channels;
	u32 frame = mixer_frame_bytes(mixed->mixer), sample = frame / has, some;
	u8 chunk[MIXER_CHUNK];

	if (!mixed_takes(mixed, params))
		return 0;
	for (; frames; frames -= some) {
		some = min_t(u32, frames, sizeof(chunk) / frame);
		if (plays)
			vsp_audio_fit_channels(chunk, has, bytes, channels, sample, some);
		if (!mixed_pass(mixed, chunk, some * frame))
			break;
		if (!plays)
			vsp_audio_fit_channels(bytes, channels, chunk, has, sample, some);
		bytes += some * channels * sample;
	}
	return mixed_latency(mixed);
}

/**
 * vsp_audio_mixer_rest() - a stream does not run any more
 * @mixed: of the stream
 *
 * What it has played is heard to its end.
 *
 * Context: a mover.
 */
void vsp_audio_mixer_rest(struct vsp_audio_mixed *mixed)
{
	spin_lock(&mixed->mixer->lock);
	mixed->runs = false;
	mixed->waited = false;
	spin_unlock(&mixed->mixer->lock);
}

/* ---- Services ---- */

static void mixed_free(struct vsp_audio_mixed *mixed)
{
	kvfree(mixed->memory);
	kfree(mixed);
}

static struct vsp_audio_mixed *mixed_new(struct vsp_audio_mixer *mixer, struct vsp_audio *audio,
					 unsigned int number)
{
	u32 bytes = mixer_frame_bytes(mixer) *
		    mixer_frames(mixer, MIXER_FIFO_MS * USEC_PER_MSEC);
	struct vsp_audio_mixed *mixed = kzalloc(sizeof(*mixed), GFP_KERNEL);

	if (!mixed)
		return NULL;
	bytes = roundup_pow_of_two(bytes);
	mixed->memory = kvmalloc(bytes, GFP_KERNEL);
	if (!mixed->memory) {
		kfree(mixed);
		return NULL;
	}
	kfifo_init(&mixed->fifo, mixed->memory, bytes);
	mixed->mixer = mixer;
	mixed->audio = audio;
	mixed->number = number;
	return mixed;
}

/**
 * vsp_audio_mixer_add() - a service has its streams mixed
 * @mixer: of its pool
 * @audio: no mover has its queues
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM.
 */
int vsp_audio_mixer_add(struct vsp_audio_mixer *mixer, struct vsp_audio *audio)
{
	struct vsp_audio_mixed *mixed;

	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		mixed = mixed_new(mixer, audio, i);
		if (!mixed) {
			vsp_audio_mixer_remove(audio);
			return -ENOMEM;
		}
		audio->stream[i].mixed = mixed;
		spin_lock(&mixer->lock);
		list_add_tail(&mixed->entry, &mixer->streams[i]);
		spin_unlock(&mixer->lock);
	}
	return 0;
}

/**
 * vsp_audio_mixer_remove() - undo vsp_audio_mixer_add()
 * @audio: no mover has its queues; also if it failed
 *
 * Off the list no work has it. What the others play goes on.
 *
 * Context: may sleep.
 */
void vsp_audio_mixer_remove(struct vsp_audio *audio)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		struct vsp_audio_mixed *mixed = audio->stream[i].mixed;

		if (!mixed)
			continue;
		audio->stream[i].mixed = NULL;
		spin_lock(&mixed->mixer->lock);
		list_del(&mixed->entry);
		spin_unlock(&mixed->mixer->lock);
		mixed_free(mixed);
	}
}

/* ---- Life ---- */

/**
 * vsp_audio_mixer_fit() - set a substream to what the mixer mixes
 * @mixer: any
 * @pcm: its substream, open
 * @caps: filled with what services are offered
 *
 * Context: may sleep, pcm->lock held.
 * Return: 0, or an errno; -EINVAL: it cannot be set so.
 */
int vsp_audio_mixer_fit(const struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm,
			struct vsp_audio_caps *caps)
{
	*caps = (struct vsp_audio_caps){
		.channels_min = 1,
		.channels_max = mixer->params.channels,
		.formats = BIT(mixer->params.format),
		.rates = BIT(mixer->params.rate),
		.period = VSP_AUDIO_MIX_US,
	};
	return mixer_set(mixer, pcm);
}

/**
 * vsp_audio_mixer_new() - a mixer without services
 * @params: to mix
 *
 * Its source is for the caller to fill.
 *
 * Context: may sleep.
 * Return: the mixer; NULL: no memory.
 */
struct vsp_audio_mixer *vsp_audio_mixer_new(const struct vs_audio_params *params)
{
	struct vsp_audio_mixer *mixer = kvzalloc(sizeof(*mixer), GFP_KERNEL);

	if (!mixer)
		return NULL;
	mixer->queue = alloc_ordered_workqueue("vsp_mixer", WQ_HIGHPRI);
	if (!mixer->queue) {
		kvfree(mixer);
		return NULL;
	}
	mixer->params = *params;
	INIT_WORK(&mixer->work, mixer_work);
	hrtimer_setup(&mixer->timer, mixer_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	spin_lock_init(&mixer->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		INIT_LIST_HEAD(&mixer->streams[i]);
	return mixer;
}

/**
 * vsp_audio_mixer_stop() - undo vsp_audio_mixer_new(), but for the memory: kvfree()
 * @mixer: has no services
 *
 * Context: may sleep.
 */
void vsp_audio_mixer_stop(struct vsp_audio_mixer *mixer)
{
	/* The last work may set the timer once more; the work that this queues does not. */
	flush_workqueue(mixer->queue);
	hrtimer_cancel(&mixer->timer);
	destroy_workqueue(mixer->queue);
}
