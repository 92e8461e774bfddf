// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cards of a service on the host: the microphone, into which programs of the host play what
 * the client records, and the monitor, from which they record what it plays.  They come and go
 * with the contract that grants them, in a work: a contract begins without waiting for them.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/printk.h>
#include <sound/core.h>
#include <sound/initval.h>

#include "vsp/audio/audio.h"
#include "vsp/class.h"

#define CARD_RETRY_MS	1000
#define CARD_PACE_MS	250	/* a guest has other contracts faster than cards come and go */
/*
 * How long the cards outlive a contract. A guest that has slept is another driver to the host: its
 * contract ends when it wakes, and the next one begins as soon as it has asked.
 */
#define CARD_LINGER_MS	2000

/* Every card has to have a device that it is on. */
static struct platform_device *host_card_parent;

/* What the client records of a source comes from no program. */
static bool host_card_is_granted(const struct vsp_audio_stream *stream,
				 const struct vs_audio_grant *grant)
{
	if (!grant->channels[stream->number])
		return false;
	return stream->number == VS_AUDIO_STREAM_CAPTURE ? !stream->audio->source :
		grant->monitor & VS_AUDIO_RECORD;
}

static bool host_card_is_same(const struct vsp_audio_side *side,
			      const struct vs_audio_grant *grant)
{
	return side->limits.channels[side->stream] == grant->channels[side->stream] &&
	       side->limits.formats[side->stream] == grant->formats[side->stream] &&
	       side->limits.rates == grant->rates;
}

static void host_card_name(struct snd_card *card, const struct vsp_audio *audio,
			   unsigned int stream)
{
	strscpy(card->driver, "vsp_audio", sizeof(card->driver));
	snprintf(card->shortname, sizeof(card->shortname), "VSP %.22s %s",
		 vsp_service_name(audio->service),
		 stream == VS_AUDIO_STREAM_PLAYBACK ? "mon" : "mic");
	snprintf(card->longname, sizeof(card->longname), "VSP %s: %s, %pUb",
		 vsp_service_name(audio->service),
		 stream == VS_AUDIO_STREAM_PLAYBACK ? "records what its client plays" :
		 "plays what its client records", vsp_service_uuid(audio->service));
}

static int host_card_new(struct vsp_audio_stream *stream, const struct vs_audio_grant *grant)
{
	struct vsp_audio_side *side;
	struct snd_card *card;
	int error = snd_card_new(&host_card_parent->dev, SNDRV_DEFAULT_IDX1, SNDRV_DEFAULT_STR1,
				 THIS_MODULE, sizeof(*side), &card);

	if (error)
		return error;
	side = card->private_data;
	side->card = card;
	side->stream = stream->number;
	side->limits = *grant;
	vsp_audio_side_init(side);
	host_card_name(card, stream->audio, stream->number);
	error = vsp_audio_host_pcm_new(side);
	if (!error)
		error = snd_card_register(card);
	if (error) {
		/* A program may have it open already. */
		spin_lock_irq(&side->lock);
		side->gone = true;
		spin_unlock_irq(&side->lock);
		snd_card_free_when_closed(card);
		return error;
	}
	spin_lock_irq(&stream->audio->lock);
	stream->side = side;
	vsp_audio_side_tell(stream);
	spin_unlock_irq(&stream->audio->lock);
	return 0;
}

/* A stream that is open ends with ENODEV; the card is freed when its last file is closed. */
static void host_card_end(struct vsp_audio_stream *stream)
{
	struct vsp_audio_side *side = stream->side;

	spin_lock_irq(&stream->audio->lock);
	stream->side = NULL;
	spin_lock(&side->lock);
	side->gone = true;
	spin_unlock(&side->lock);
	spin_unlock_irq(&stream->audio->lock);
	snd_card_disconnect(side->card);
	snd_card_free_when_closed(side->card);
}

/* @ended: set to whether a card was taken away */
static int host_card_follow_all(struct vsp_audio *audio, const struct vs_audio_grant *grant,
				bool *ended)
{
	int error = 0;

	lockdep_assert_held(&audio->follow_lock);
	/* First, as the one that goes may have the number that the other one needs. */
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		struct vsp_audio_stream *stream = &audio->stream[i];

		if (stream->side && (!host_card_is_granted(stream, grant) ||
				     !host_card_is_same(stream->side, grant))) {
			host_card_end(stream);
			*ended = true;
		}
	}
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		struct vsp_audio_stream *stream = &audio->stream[i];

		if (!stream->side && host_card_is_granted(stream, grant))
			error = host_card_new(stream, grant) ?: error;
	}
	return error;
}

static void host_card_work(struct work_struct *work)
{
	struct vsp_audio *audio = container_of(to_delayed_work(work), struct vsp_audio, follow);
	struct vs_audio_grant grant;
	bool ended = false;
	int error;

	mutex_lock(&audio->follow_lock);
	spin_lock_irq(&audio->lock);
	grant = audio->grant;
	spin_unlock_irq(&audio->lock);
	error = host_card_follow_all(audio, &grant, &ended);
	mutex_unlock(&audio->follow_lock);
	/* Not beside itself: another contract waits for the end of this. */
	if (ended)
		msleep(CARD_PACE_MS);
	if (!error)
		return;
	vsp_warn_limited(audio->service,
			 "service %s: its sound card on the host cannot be made (%d), trying again%s\n",
			 vsp_service_name(audio->service), error,
			 error == -ENODEV ? ": this kernel can have no more cards" : "");
	queue_delayed_work(system_unbound_wq, &audio->follow, msecs_to_jiffies(CARD_RETRY_MS));
}

/**
 * vsp_audio_host_card_follow() - another contract is in force, or none
 * @audio: its grant is set
 * @contract: whether there is one; where not, the cards go on in silence for a while
 *
 * Context: any.
 */
void vsp_audio_host_card_follow(struct vsp_audio *audio, bool contract)
{
	mod_delayed_work(system_unbound_wq, &audio->follow,
			 contract ? 0 : msecs_to_jiffies(CARD_LINGER_MS));
}

/**
 * vsp_audio_host_card_end() - the service goes, and its cards with it
 * @audio: has no contract
 *
 * Context: may sleep.
 */
void vsp_audio_host_card_end(struct vsp_audio *audio)
{
	cancel_delayed_work_sync(&audio->follow);
	mutex_lock(&audio->follow_lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (audio->stream[i].side)
			host_card_end(&audio->stream[i]);
	mutex_unlock(&audio->follow_lock);
	mutex_destroy(&audio->follow_lock);
}

/**
 * vsp_audio_host_card_init() - there are no cards yet
 * @audio: zeroed
 */
void vsp_audio_host_card_init(struct vsp_audio *audio)
{
	mutex_init(&audio->follow_lock);
	INIT_DELAYED_WORK(&audio->follow, host_card_work);
}

/**
 * vsp_audio_host_card_begin() - make what all cards are on
 *
 * Context: module_init.
 * Return: 0, or an errno.
 */
int vsp_audio_host_card_begin(void)
{
	host_card_parent = platform_device_register_simple("vsp_audio", PLATFORM_DEVID_NONE, NULL,
							   0);
	return PTR_ERR_OR_ZERO(host_card_parent);
}

/**
 * vsp_audio_host_card_finish() - undo vsp_audio_host_card_begin()
 *
 * Context: module_exit, no card is there.
 */
void vsp_audio_host_card_finish(void)
{
	platform_device_unregister(host_card_parent);
}
