// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volume and mute of the guest's card: controls of ALSA, as programs know them.
 *
 * What they are set to is the guest's own, and outlives a contract; the host has it from here, at
 * each contract's start and whenever it changes.  A host without such controls refuses the first
 * of them, and the card has none then.
 *
 * Sound servers know what is recorded by as "Capture".
 */
#include <linux/errno.h>
#include <sound/control.h>
#include <sound/core.h>
#include <sound/tlv.h>

#include "vsc/audio/audio.h"

static DECLARE_TLV_DB_SCALE(volume_scale, VS_AUDIO_VOLUME_MIN_DB * 100, 100, 0);

static unsigned int volume_stream(unsigned int id)
{
	return id / VS_AUDIO_CONTROLS_EACH;
}

/* ---- ALSA ---- */

static int volume_info(struct snd_kcontrol *control, struct snd_ctl_elem_info *info)
{
	unsigned int id = control->private_value;

	info->type = id % VS_AUDIO_CONTROLS_EACH == VS_AUDIO_CONTROL_VOLUME ?
		     SNDRV_CTL_ELEM_TYPE_INTEGER : SNDRV_CTL_ELEM_TYPE_BOOLEAN;
	info->count = 1;
	info->value.integer.min = 0;
	info->value.integer.max = vs_audio_control_max(id);
	return 0;
}

static int volume_get(struct snd_kcontrol *control, struct snd_ctl_elem_value *value)
{
	struct vsc_audio *audio = snd_kcontrol_chip(control);

	value->value.integer.value[0] = READ_ONCE(audio->volume.value[control->private_value]);
	return 0;
}

/* Without a contract it is kept for the next one. Return: 0, or an errno. */
static int volume_change(struct vsc_audio *audio, unsigned int id, u8 value)
{
	struct vsc_audio_volume *volume = &audio->volume;
	u8 before = volume->value[id];
	int error = 0;

	lockdep_assert_held(&volume->lock);
	WRITE_ONCE(volume->value[id], value);
	if (READ_ONCE(audio->ready))
		error = vsc_audio_control_write(audio, id, value);
	if (error && READ_ONCE(audio->ready))
		WRITE_ONCE(volume->value[id], before);
	else
		error = 0;
	return error;
}

/* Return: whether it has changed, or an errno. */
static int volume_put(struct snd_kcontrol *control, struct snd_ctl_elem_value *value)
{
	struct vsc_audio *audio = snd_kcontrol_chip(control);
	long wanted = value->value.integer.value[0];
	unsigned int id = control->private_value;
	int result = 0;

	if (wanted < 0 || wanted > vs_audio_control_max(id))
		return -EINVAL;
	mutex_lock(&audio->volume.lock);
	if (wanted != audio->volume.value[id])
		result = volume_change(audio, id, wanted) ?: 1;
	mutex_unlock(&audio->volume.lock);
	return result;
}

static const struct snd_kcontrol_new volume_controls[] = {
	[VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_PLAYBACK, VS_AUDIO_CONTROL_VOLUME)] = {
		.name = "PCM Playback Volume",
	},
	[VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_PLAYBACK, VS_AUDIO_CONTROL_SWITCH)] = {
		.name = "PCM Playback Switch",
	},
	[VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_CAPTURE, VS_AUDIO_CONTROL_VOLUME)] = {
		.name = "Capture Volume",
	},
	[VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_CAPTURE, VS_AUDIO_CONTROL_SWITCH)] = {
		.name = "Capture Switch",
	},
};

static_assert(ARRAY_SIZE(volume_controls) == VS_AUDIO_CONTROLS);

static int volume_add(struct vsc_audio *audio, struct snd_card *card, unsigned int id)
{
	struct snd_kcontrol_new control = volume_controls[id];

	control.iface = SNDRV_CTL_ELEM_IFACE_MIXER;
	control.access = SNDRV_CTL_ELEM_ACCESS_READWRITE;
	control.info = volume_info;
	control.get = volume_get;
	control.put = volume_put;
	control.private_value = id;
	if (id % VS_AUDIO_CONTROLS_EACH == VS_AUDIO_CONTROL_VOLUME) {
		control.access |= SNDRV_CTL_ELEM_ACCESS_TLV_READ;
		control.tlv.p = volume_scale;
	}
	return snd_ctl_add(card, snd_ctl_new1(&control, audio));
}

/**
 * vsc_audio_volume_new() - make the controls of a card
 * @audio: whose
 * @card: not registered
 * @streams: that it has, a bit each
 *
 * Context: process; sleeps.
 * Return: 0, or an errno.
 */
int vsc_audio_volume_new(struct vsc_audio *audio, struct snd_card *card, u32 streams)
{
	int error = 0;

	strscpy(card->mixername, card->shortname, sizeof(card->mixername));
	for (unsigned int id = 0; id < VS_AUDIO_CONTROLS && !error; id++)
		if (READ_ONCE(audio->volume.there) && streams & BIT(volume_stream(id)))
			error = volume_add(audio, card, id);
	return error;
}

/* ---- The host ---- */

/**
 * vsc_audio_volume_restore() - a contract is in force: tell the host what is set
 * @audio: any
 * @grant: of the contract
 *
 * Context: the session's work; sleeps, for each control VSC_AUDIO_ANSWER_MS at the most.
 * Return: 0, also where the host has no controls; or an errno: try again.
 */
int vsc_audio_volume_restore(struct vsc_audio *audio, const struct vs_audio_grant *grant)
{
	struct vsc_audio_volume *volume = &audio->volume;
	int error = 0;

	mutex_lock(&volume->lock);
	for (unsigned int id = 0; id < VS_AUDIO_CONTROLS && !error; id++)
		if (grant->channels[volume_stream(id)])
			error = vsc_audio_control_write(audio, id, volume->value[id]);
	if (!error || error == -EINVAL)
		WRITE_ONCE(volume->there, !error);
	mutex_unlock(&volume->lock);
	return error == -EINVAL ? 0 : error;
}

/**
 * vsc_audio_volume_init() - as a new card is: 0 dB, not muted
 * @audio: zeroed
 */
void vsc_audio_volume_init(struct vsc_audio *audio)
{
	mutex_init(&audio->volume.lock);
	for (unsigned int id = 0; id < VS_AUDIO_CONTROLS; id++)
		audio->volume.value[id] = vs_audio_control_max(id);
}
