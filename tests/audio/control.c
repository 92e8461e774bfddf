// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that shows and sets controls of a card, by the kernel's own ioctls of ALSA.
 *
 * control DEVICE: prints the controls of the card, one a line: its name, its value, the range of
 *	that, and where it has a scale in dB, the dB of value 0 and of a step (in hundredths).
 * control DEVICE NAME VALUE: sets one, of one value.
 */
#include <errno.h>
#include <fcntl.h>
#include <sound/asound.h>
#include <sound/tlv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CONTROLS_MAX	64

static const char *device;

static void fail(const char *what)
{
	fprintf(stderr, "control: %s: %s: %s\n", device, what, strerror(errno));
	exit(1);
}

static void print_scale(int fd, unsigned int number)
{
	unsigned int memory[2 + 4] = { number, 4 * sizeof(memory[0]) };
	struct snd_ctl_tlv *tlv = (struct snd_ctl_tlv *)memory;

	if (ioctl(fd, SNDRV_CTL_IOCTL_TLV_READ, tlv))
		fail("scale");
	if (tlv->tlv[SNDRV_CTL_TLVO_TYPE] == SNDRV_CTL_TLVT_DB_SCALE)
		printf(" db %d step %u", (int)tlv->tlv[SNDRV_CTL_TLVO_DB_SCALE_MIN],
		       tlv->tlv[SNDRV_CTL_TLVO_DB_SCALE_MUTE_AND_STEP]);
}

static void print_control(int fd, const struct snd_ctl_elem_id *id)
{
	struct snd_ctl_elem_info info = { .id = *id };
	struct snd_ctl_elem_value value = { .id = *id };

	if (ioctl(fd, SNDRV_CTL_IOCTL_ELEM_INFO, &info))
		fail("info");
	if (ioctl(fd, SNDRV_CTL_IOCTL_ELEM_READ, &value))
		fail("read");
	printf("%s: %ld of %ld..%ld", info.id.name, value.value.integer.value[0],
	       info.value.integer.min, info.value.integer.max);
	if (info.access & SNDRV_CTL_ELEM_ACCESS_TLV_READ)
		print_scale(fd, info.id.numid);
	printf("\n");
}

static void print_all(int fd)
{
	static struct snd_ctl_elem_id id[CONTROLS_MAX];
	struct snd_ctl_elem_list list = { .space = CONTROLS_MAX, .pids = id };

	if (ioctl(fd, SNDRV_CTL_IOCTL_ELEM_LIST, &list))
		fail("list");
	for (unsigned int i = 0; i < list.used; i++)
		print_control(fd, &id[i]);
}

static void set(int fd, const char *name, long wanted)
{
	struct snd_ctl_elem_value value = {
		.id.iface = SNDRV_CTL_ELEM_IFACE_MIXER,
		.value.integer.value[0] = wanted,
	};

	snprintf((char *)value.id.name, sizeof(value.id.name), "%s", name);
	if (ioctl(fd, SNDRV_CTL_IOCTL_ELEM_WRITE, &value) < 0)
		fail(name);
}

int main(int count, char **argument)
{
	int fd;

	if (count != 2 && count != 4) {
		fprintf(stderr, "what it takes is at the head of its source\n");
		return 2;
	}
	device = argument[1];
	fd = open(device, O_RDWR);
	if (fd < 0)
		fail("open");
	if (count == 2)
		print_all(fd);
	else
		set(fd, argument[2], strtol(argument[3], NULL, 0));
	return 0;
}
