// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pcm plays, and what it is to record: a counter, two of them, or levels.
 */
#include <sound/asound.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcm.h"

#define SAMPLES	30000	/* the counter's */

static unsigned long done[2];	/* frames of each counter that were right */
static unsigned long gaps, lost;
static bool anew;		/* the stream has begun once more: what follows is another frame */

unsigned int pcm_sample_bytes(void)
{
	return option.format == SNDRV_PCM_FORMAT_S16_LE ? 2 : 4;
}

/* Of a period that fits all formats, float with its 24 bits too; never 0. */
static int sample_of(unsigned long frame, unsigned int channel)
{
	return 1 + (frame * option.channels + channel) % SAMPLES;
}

static void write_value(unsigned char *at, int value)
{
	float number = value / 65536.0f;
	short word = value;

	if (option.format == SNDRV_PCM_FORMAT_FLOAT_LE)
		memcpy(at, &number, 4);
	else
		memcpy(at, option.format == SNDRV_PCM_FORMAT_S16_LE ? (void *)&word : &value,
		       pcm_sample_bytes());
}

static void write_sample(unsigned char *at, int value)
{
	if (option.high)
		value *= 65536;
	if (option.level_count)
		value = option.levels[0];
	write_value(at, value);
}

static int read_sample(const unsigned char *at)
{
	int value;
	float number;
	short word;

	memcpy(&value, at, pcm_sample_bytes() == 2 ? 0 : 4);
	memcpy(&word, at, 2);
	memcpy(&number, at, pcm_sample_bytes() == 2 ? 0 : 4);
	if (option.format == SNDRV_PCM_FORMAT_FLOAT_LE)
		return number * 65536.0f + 0.5f;	/* of what is never negative */
	return pcm_sample_bytes() == 2 ? word : value;
}

void pcm_samples_fill(unsigned char *bytes, unsigned long frame, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		for (unsigned int c = 0; c < option.channels; c++, bytes += pcm_sample_bytes())
			write_sample(bytes, sample_of(frame + i, c));
}

static void print_wrong(unsigned long frame, unsigned int channel, int has)
{
	fprintf(stderr, "pcm: %s: frame %lu channel %u is %d, not %d\n", option.device, frame,
		channel, has, sample_of(frame, channel));
	exit(1);
}

/* With a gain of 1 every bit counts. */
static bool is_right(int value, int sample)
{
	double off = value - sample * option.gain;

	return option.gain == 1 ? value == sample : off > -1 && off < 1;
}

/* Return: whether the frame is silent. */
static bool check(const unsigned char *bytes, unsigned long frame)
{
	for (unsigned int c = 0; c < option.channels; c++, bytes += pcm_sample_bytes()) {
		int value = read_sample(bytes);

		if (!value && !c)
			return true;
		if (!is_right(value, sample_of(frame, c)))
			print_wrong(frame, c, value);
	}
	return false;
}

/* Return: whether the stream has been recorded. */
static bool check_half(const unsigned char *bytes, unsigned long *frame, bool high)
{
	for (unsigned int c = 0; c < option.channels; c++) {
		int value = read_sample(bytes + c * pcm_sample_bytes());

		value = high ? value >> 16 : value & 0xffff;
		if (!value && !c)
			break;
		if (value != sample_of(*frame, c))
			print_wrong(*frame, c, value);
		*frame += c + 1 == option.channels;
	}
	return *frame >= option.frames;
}

/* Return: of this frame, whether it is the last of the levels. */
static bool check_levels(const unsigned char *bytes, unsigned long frame)
{
	int value = read_sample(bytes);
	unsigned int i = 0;

	for (unsigned int c = 1; c < option.channels; c++)
		if (read_sample(bytes + c * pcm_sample_bytes()) != value)
			print_wrong(frame, c, value);
	while (i < option.level_count && option.levels[i] != value)
		i++;
	if (value && i == option.level_count) {
		fprintf(stderr, "pcm: %s: %d is no level\n", option.device, value);
		exit(1);
	}
	return i == option.level_count - 1;
}

static bool check_mixed(const unsigned char *bytes)
{
	bool has_low;

	if (option.level_count) {
		done[0] += check_levels(bytes, done[0]);
		return done[0] >= option.frames;
	}
	has_low = check_half(bytes, &done[0], false);
	return option.low ? has_low : check_half(bytes, &done[1], true) && has_low;
}

/* What is missing before the frame that is there, of a counter that is at @frame. */
static unsigned long missing(const unsigned char *bytes, unsigned long frame)
{
	int off = read_sample(bytes) - sample_of(frame, 0);

	return (off + SAMPLES) % SAMPLES / option.channels;
}

static bool check_alone(const unsigned char *bytes)
{
	static bool silent = true;
	bool was_silent = silent;
	unsigned long skip = 0;

	if ((silent || anew || option.raw || option.late) && read_sample(bytes))
		skip = missing(bytes, done[0]);
	if (lost + skip <= option.lose) {
		lost += skip;
		done[0] += skip;
	}
	silent = check(bytes, done[0]);
	anew &= silent;
	gaps += done[0] && silent && !was_silent;
	done[0] += !silent;
	return done[0] >= option.frames;
}

/* Return: whether all was recorded. */
bool pcm_samples_check(const unsigned char *bytes)
{
	bool mixed = option.halves || option.low || option.level_count;

	return mixed ? check_mixed(bytes) : check_alone(bytes);
}

void pcm_samples_begin_anew(void)
{
	anew = true;
}

void pcm_samples_print(void)
{
	printf("%lu gaps\n", gaps);
	if (option.lose)
		printf("lost %lu\n", lost);
}
