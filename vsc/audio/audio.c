// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audio class in the guest: a sound card that can just what its contract says.
 *
 * A contract that changes what an open stream is not set to does not touch it.  What an open
 * stream is set to is asked for as the least of the next contract; where the provider puts another
 * in force all the same, at a deadline, the stream ends.
 */
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/wait_bit.h>

#include "channel/guest/channel.h"
#include "vs_class.h"
#include "vs_terms.h"
#include "vsc/audio/audio.h"
#include "vsc/class.h"

/* Cards may outlive their sessions, but not this module. */
static atomic_t audio_count = ATOMIC_INIT(0);

/* ---- Life ---- */

static void audio_destroy(struct vsc_audio *audio)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsc_audio_stream_free(&audio->stream[i]);
	kfree(audio->request);
	kfree(audio);
}

static void audio_release(struct kref *kref)
{
	struct vsc_audio *audio = container_of(kref, struct vsc_audio, kref);

	/* Older kernels cannot disable it: the last file that was closed may have queued it. */
	cancel_delayed_work_sync(&audio->card.follow);
	audio_destroy(audio);
	if (atomic_dec_and_test(&audio_count))
		wake_up_var(&audio_count);
}

/**
 * vsc_audio_put() - a card, or the session, has gone
 * @audio: whose
 *
 * Context: process.
 */
void vsc_audio_put(struct vsc_audio *audio)
{
	kref_put(&audio->kref, audio_release);
}

static int audio_take_queues(struct vsc_audio *audio)
{
	struct virtqueue *control = vsc_channel_queue(audio->channel, VS_AUDIO_QUEUE_CONTROL);
	struct virtqueue *playback = vsc_channel_queue(audio->channel, VS_AUDIO_QUEUE_PLAYBACK);
	struct virtqueue *capture = vsc_channel_queue(audio->channel, VS_AUDIO_QUEUE_CAPTURE);

	if (!control || !playback || !capture)
		return -ENODEV;
	spin_lock_irq(&audio->lock);
	audio->vq = control;
	audio->stream[VS_AUDIO_STREAM_PLAYBACK].vq = playback;
	audio->stream[VS_AUDIO_STREAM_CAPTURE].vq = capture;
	spin_unlock_irq(&audio->lock);
	return 0;
}

static struct vsc_audio *audio_new(struct vsc_session *session)
{
	struct vsc_audio *audio = kzalloc(sizeof(*audio), GFP_KERNEL);

	if (!audio)
		return NULL;
	audio->request = kcalloc(VSC_AUDIO_REQUESTS, sizeof(*audio->request), GFP_KERNEL);
	if (!audio->request) {
		kfree(audio);
		return NULL;
	}
	kref_init(&audio->kref);
	spin_lock_init(&audio->lock);
	init_waitqueue_head(&audio->changed);
	audio->session = session;
	audio->channel = vsc_session_channel(session);
	audio->uuid = *vsc_session_uuid(session);
	vsc_audio_card_init(audio);
	vsc_audio_volume_init(audio);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsc_audio_stream_init(audio, i);
	return audio;
}

/* ---- The class: all in the session's work, but for audio_data() ---- */

static int audio_attach(struct vsc_session *session)
{
	struct vsc_audio *audio = audio_new(session);
	int error;

	if (!audio)
		return -ENOMEM;
	error = audio_take_queues(audio);
	if (error) {
		audio_destroy(audio);
		return error;
	}
	atomic_inc(&audio_count);
	/* Readers under RCU must find it complete. */
	vsc_session_set_data(session, audio);
	return 0;
}

static void audio_set_ready(struct vsc_audio *audio, const struct vs_audio_grant *grant)
{
	spin_lock_irq(&audio->lock);
	audio->ready = grant;
	audio->contracts++;
	if (grant)
		audio->grant = *grant;
	spin_unlock_irq(&audio->lock);
	wake_up_all(&audio->changed);
}

static void audio_void(struct vsc_audio *audio)
{
	vsc_channel_stop(audio->channel);
	vsc_audio_control_void(audio);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsc_audio_stream_void(&audio->stream[i]);
}

static void audio_detach(struct vsc_session *session, bool broken)
{
	struct vsc_audio *audio = vsc_session_data(session);

	if (!audio)
		return;
	audio_set_ready(audio, NULL);
	vsc_audio_card_remove(audio);
	audio_void(audio);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	vsc_audio_put(audio);
}

static void audio_wish(struct vsc_session *session, struct vs_terms *wish)
{
	struct vsc_audio *audio = vsc_session_data(session);
	struct vs_audio_params params[VS_AUDIO_STREAMS];
	bool set[VS_AUDIO_STREAMS];

	spin_lock_irq(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		set[i] = audio->stream[i].set;
		params[i] = audio->stream[i].params;
	}
	spin_unlock_irq(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (set[i])
			vsc_audio_position_wish(&params[i], i, wish);
}

/* Any card that the contract can name can be shown. */
static int audio_session_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
				 const struct vs_terms *next)
{
	return 0;
}

/* What is less is judged by the host from START on, and by the card in audio_apply(). */
static void audio_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			 const struct vs_terms *next)
{
}

static void audio_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
}

static int audio_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct vsc_audio *audio = vsc_session_data(session);
	struct vs_audio_grant grant;
	int error;

	vsc_audio_card_stay(audio);
	vs_audio_grant_of(next, &grant);
	/* Before a stream can begin, and before a card says what controls it has. */
	error = vsc_audio_volume_restore(audio, &grant);
	if (error)
		return error;
	audio_set_ready(audio, &grant);
	return vsc_audio_card_follow(audio);
}

static void audio_lost(struct vsc_session *session)
{
	struct vsc_audio *audio = vsc_session_data(session);

	audio_set_ready(audio, NULL);
	vsc_audio_card_linger(audio);
}

static void audio_sleep(struct vsc_session *session)
{
	struct vsc_audio *audio = vsc_session_data(session);

	audio_set_ready(audio, NULL);
	vsc_audio_card_stay(audio);
	audio_void(audio);
}

/* The channel has started, with all queues of the class: nothing can fail. */
static void audio_wake(struct vsc_session *session)
{
	struct vsc_audio *audio = vsc_session_data(session);

	audio_take_queues(audio);
	/* What ran has lost its messages. */
	vsc_audio_card_soon(audio, 0);
}

static void audio_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_audio *audio;

	rcu_read_lock();
	audio = vsc_session_data(session);
	if (audio && index == VS_AUDIO_QUEUE_CONTROL)
		vsc_audio_control_data(audio);
	else if (audio)
		vsc_audio_stream_data(&audio->stream[index - VS_AUDIO_QUEUE_PLAYBACK]);
	rcu_read_unlock();
}

static u64 audio_session_used(struct vsc_session *session, u32 index)
{
	struct vsc_audio *audio;
	unsigned long irq;
	u64 used = 0;

	if (index != VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH))
		return 0;
	rcu_read_lock();
	audio = vsc_session_data(session);
	if (audio) {
		spin_lock_irqsave(&audio->lock, irq);
		used = vsc_audio_stream_others(audio, VS_AUDIO_STREAMS);
		spin_unlock_irqrestore(&audio->lock, irq);
	}
	rcu_read_unlock();
	return used;
}

static u64 audio_session_count(struct vsc_session *session, unsigned int counter)
{
	struct vsc_audio *audio = vsc_session_data(session);

	return atomic64_read(&audio->counter[counter]);
}

static const struct vsc_class vsc_audio_class = {
	.spec = &vs_class_audio,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = audio_attach,
	.detach = audio_detach,
	.wish = audio_wish,
	.prepare = audio_session_prepare,
	.narrow = audio_narrow,
	.undo = audio_undo,
	.apply = audio_apply,
	.lost = audio_lost,
	.sleep = audio_sleep,
	.wake = audio_wake,
	.data = audio_data,
	.used = audio_session_used,
	.count = audio_session_count,
	.counters = &vsc_audio_counters_group,
};

static int __init vsc_audio_init(void)
{
	return vsc_class_register(&vsc_audio_class);
}

static void __exit vsc_audio_exit(void)
{
	vsc_class_unregister(&vsc_audio_class);
	/* A card's last file may have been closed just now. */
	wait_var_event(&audio_count, !atomic_read(&audio_count));
	synchronize_rcu();
}

module_init(vsc_audio_init);
module_exit(vsc_audio_exit);

MODULE_ALIAS("vsc-class-audio");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: audio, a negotiated sound card");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
