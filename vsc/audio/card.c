// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's card: it appears with the first contract and goes with the last one.
 *
 * What its streams may be set to follows the contract without another card.  Only where the
 * contract has other directions another card takes its place, and waits until no stream is open:
 * of a direction that is not granted any more, none can be opened meanwhile.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <sound/core.h>
#include <sound/initval.h>

#include "vs_compat.h"
#include "vsc/audio/audio.h"
#include "vsc/class.h"

/*
 * How long the card outlives its contract. The session says that a contract is lost before it says
 * that the machine sleeps, or that a ring is reset: the card stays for these.
 */
#define LINGER_MS	100
#define CARD_RETRY_MS	1000

static u32 card_streams(const struct vs_audio_grant *grant)
{
	u32 streams = 0;

	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (grant->channels[i])
			streams |= BIT(i);
	return streams;
}

static void card_set_shown(struct vsc_audio *audio, bool shown)
{
	spin_lock_irq(&audio->lock);
	audio->shown = shown;
	spin_unlock_irq(&audio->lock);
	wake_up_all(&audio->changed);
}

/* Files that are open find no device; the card is freed when the last of them is closed. */
static void card_end(struct vsc_audio *audio)
{
	struct vsc_audio_card *card = &audio->card;

	lockdep_assert_held(&card->lock);
	if (!card->card)
		return;
	card_set_shown(audio, false);
	snd_card_disconnect(card->card);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsc_audio_stream_forget(&audio->stream[i]);
	snd_card_free_when_closed(card->card);
	card->card = NULL;
}

static void card_free(struct snd_card *card)
{
	vsc_audio_put(card->private_data);
}

static void card_name(struct snd_card *card, struct vsc_audio *audio)
{
	strscpy(card->driver, "vsc_audio", sizeof(card->driver));
	snprintf(card->shortname, sizeof(card->shortname), "VSC %s",
		 dev_name(vsc_session_device(audio->session)));
	snprintf(card->longname, sizeof(card->longname), "VSC %pUb", &audio->uuid);
}

static int card_new(struct vsc_audio *audio, u32 streams)
{
	struct snd_card *card;
	int error = snd_card_new(vsc_session_device(audio->session), SNDRV_DEFAULT_IDX1,
				 SNDRV_DEFAULT_STR1, THIS_MODULE, 0, &card);

	if (error)
		return error;
	kref_get(&audio->kref);
	card->private_data = audio;
	card->private_free = card_free;
	card_name(card, audio);
	error = vsc_audio_pcm_new(audio, card, streams);
	error = error ?: vsc_audio_volume_new(audio, card, streams);
	if (!error) {
		card_set_shown(audio, true);
		error = snd_card_register(card);
	}
	if (error) {
		/* A program may have it open already. */
		card_set_shown(audio, false);
		snd_card_disconnect(card);
		for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
			vsc_audio_stream_forget(&audio->stream[i]);
		snd_card_free_when_closed(card);
		return error;
	}
	audio->card.card = card;
	audio->card.streams = streams;
	return 0;
}

static bool card_is_open(struct vsc_audio *audio)
{
	bool is_open = false;

	spin_lock_irq(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		is_open |= !!audio->stream[i].substream;
	spin_unlock_irq(&audio->lock);
	return is_open;
}

/* What cannot go on under the contract ends, or begins anew if it was the host that said so. */
static void card_judge(struct vsc_audio *audio, unsigned int number)
{
	struct vsc_audio_stream *stream = &audio->stream[number];
	bool goes, ends, xrun;

	spin_lock_irq(&audio->lock);
	goes = stream->runs || stream->paused;
	ends = audio->ready && goes &&
	       vs_audio_allows(&audio->grant, number, &stream->params,
			       vsc_audio_stream_others(audio, number));
	xrun = goes && stream->refused;
	spin_unlock_irq(&audio->lock);
	if (ends || xrun)
		vsc_audio_stream_end(stream, !ends);
}

static int card_follow(struct vsc_audio *audio)
{
	struct vs_audio_grant grant;
	u32 streams;
	bool ready;

	lockdep_assert_held(&audio->card.lock);
	spin_lock_irq(&audio->lock);
	grant = audio->grant;
	ready = audio->ready;
	spin_unlock_irq(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		card_judge(audio, i);
	streams = card_streams(&grant);
	if (!ready || (audio->card.card && audio->card.streams == streams) || card_is_open(audio))
		return 0;
	card_end(audio);
	return streams ? card_new(audio, streams) : 0;
}

/**
 * vsc_audio_card_follow() - the card becomes what the contract says
 * @audio: its grant is set
 *
 * Context: the session's work; sleeps.
 * Return: 0, or an errno: try again.
 */
int vsc_audio_card_follow(struct vsc_audio *audio)
{
	struct vsc_audio_card *card = &audio->card;
	int error;

	mutex_lock(&card->lock);
	error = card_follow(audio);
	/* Who looks at what the card can may look again. */
	if (card->card)
		kobject_uevent(&card->card->card_dev.kobj, KOBJ_CHANGE);
	mutex_unlock(&card->lock);
	if (error)
		dev_err_ratelimited(vsc_session_device(audio->session),
				    "the sound card cannot be registered (%d), trying again\n",
				    error);
	return error;
}

static void card_follow_work(struct work_struct *work)
{
	struct vsc_audio *audio = container_of(to_delayed_work(work), struct vsc_audio,
					       card.follow);
	int error;

	mutex_lock(&audio->card.lock);
	error = card_follow(audio);
	mutex_unlock(&audio->card.lock);
	if (error)
		vsc_audio_card_soon(audio, CARD_RETRY_MS);
}

static void card_linger_work(struct work_struct *work)
{
	struct vsc_audio *audio = container_of(to_delayed_work(work), struct vsc_audio,
					       card.linger);

	mutex_lock(&audio->card.lock);
	card_end(audio);
	mutex_unlock(&audio->card.lock);
}

/**
 * vsc_audio_card_linger() - no contract is in force any more
 * @audio: any
 *
 * The card goes soon, unless vsc_audio_card_stay() comes before.
 *
 * Context: the session's work.
 */
void vsc_audio_card_linger(struct vsc_audio *audio)
{
	mod_delayed_work(system_unbound_wq, &audio->card.linger, msecs_to_jiffies(LINGER_MS));
}

/**
 * vsc_audio_card_stay() - the card stays, though it may have no contract for now
 * @audio: any
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_audio_card_stay(struct vsc_audio *audio)
{
	cancel_delayed_work_sync(&audio->card.linger);
}

/**
 * vsc_audio_card_remove() - take the card away
 * @audio: is not shown again
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_audio_card_remove(struct vsc_audio *audio)
{
	disable_delayed_work_sync(&audio->card.linger);
	mutex_lock(&audio->card.lock);
	card_end(audio);
	mutex_unlock(&audio->card.lock);
	disable_delayed_work_sync(&audio->card.follow);
}

/**
 * vsc_audio_card_init() - there is no card yet
 * @audio: zeroed
 */
void vsc_audio_card_init(struct vsc_audio *audio)
{
	mutex_init(&audio->card.lock);
	INIT_DELAYED_WORK(&audio->card.follow, card_follow_work);
	INIT_DELAYED_WORK(&audio->card.linger, card_linger_work);
}
