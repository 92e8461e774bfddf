// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCM that a pool's source names: hw:CARD,DEV, or the path of one of its nodes.
 */
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <sound/core.h>
#include <sound/pcm.h>

#include "vsp/audio/source.h"

#define FIND_HW		"hw:"

/* Of a number, or of what the host calls the card; -1: there is none. */
static int find_card(const char *text)
{
	struct snd_card *card;
	bool found;
	int number;

	if (!kstrtoint(text, 10, &number))
		return number;
	for (number = 0; number < SNDRV_CARDS; number++) {
		card = snd_card_ref(number);
		found = card && !strcmp(card->id, text);
		if (card)
			snd_card_unref(card);
		if (found)
			return number;
	}
	return -1;
}

/* Its card with a reference. */
static struct snd_pcm *find_node(const char *path)
{
	struct snd_pcm *pcm = NULL;
	struct inode *inode;
	struct path found;

	if (kern_path(path, LOOKUP_FOLLOW, &found))
		return NULL;
	inode = d_backing_inode(found.dentry);
	if (S_ISCHR(inode->i_mode) && imajor(inode) == snd_major) {
		pcm = snd_lookup_minor_data(iminor(inode), SNDRV_DEVICE_TYPE_PCM_PLAYBACK);
		if (!pcm)
			pcm = snd_lookup_minor_data(iminor(inode), SNDRV_DEVICE_TYPE_PCM_CAPTURE);
	}
	path_put(&found);
	return pcm;
}

static struct snd_pcm *find_direction(int card, unsigned int device, char direction)
{
	struct snd_pcm *pcm;
	char *path = kasprintf(GFP_KERNEL, "/dev/snd/pcmC%dD%u%c", card, device, direction);

	if (!path)
		return ERR_PTR(-ENOMEM);
	pcm = find_node(path);
	kfree(path);
	return pcm;
}

static struct snd_pcm *find_hw(char *text)
{
	char *number = strchr(text, ',');
	struct snd_pcm *pcm;
	unsigned int device;
	int card;

	if (!number)
		return ERR_PTR(-EINVAL);
	*number++ = 0;
	if (!text[0] || kstrtouint(number, 10, &device))
		return ERR_PTR(-EINVAL);
	card = find_card(text);
	if (card < 0)
		return NULL;
	pcm = find_direction(card, device, 'p');
	return pcm ?: find_direction(card, device, 'c');
}

/**
 * vsp_audio_source_find() - the PCM that a source names
 * @name: the administrator's
 *
 * Context: may sleep.
 * Return: the PCM, whose card the caller gives back by snd_card_unref(); or an error pointer:
 *	-EINVAL: it names none; -ENODEV: there is none; -ENOMEM.
 */
struct snd_pcm *vsp_audio_source_find(const char *name)
{
	struct snd_pcm *pcm;
	char *copy;

	if (name[0] == '/')
		return find_node(name) ?: ERR_PTR(-ENODEV);
	if (strncmp(name, FIND_HW, strlen(FIND_HW)))
		return ERR_PTR(-EINVAL);
	copy = kstrdup(name + strlen(FIND_HW), GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	pcm = find_hw(copy);
	kfree(copy);
	return pcm ?: ERR_PTR(-ENODEV);
}

/**
 * vsp_audio_source_is_own() - is it of a service, or of a client, of this host?
 * @pcm: as found
 *
 * What is played would go round.
 *
 * Return: whether it is.
 */
bool vsp_audio_source_is_own(const struct snd_pcm *pcm)
{
	return !strcmp(pcm->card->driver, "vsp_audio") || !strcmp(pcm->card->driver, "vsc_audio");
}
