/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program pcm: pcm.c (streams, options) and pcm_samples.c (what is in them).
 */
#ifndef PCM_H
#define PCM_H

#include <stdbool.h>

#define LEVELS_MAX	4

/* struct pcm_option - what the command line says; see pcm.c */
struct pcm_option {
	const char *device;
	const char *ready;
	bool play;
	bool record;
	bool name;
	bool prepare;
	bool until_error;
	bool again;
	bool share;
	bool high;
	bool halves;
	bool low;
	int levels[LEVELS_MAX];
	unsigned int level_count;
	bool raw;
	bool latency;
	bool late;
	double gain;
	unsigned int pause_ms;
	unsigned int pauses;
	unsigned int contend;
	unsigned long lose;
	unsigned int format;
	unsigned int rate;
	unsigned int channels;
	unsigned long period;
	unsigned long buffer;
	unsigned long frames;
};

extern struct pcm_option option;

unsigned int pcm_sample_bytes(void);
void pcm_samples_fill(unsigned char *bytes, unsigned long frame, unsigned long count);
void pcm_samples_begin_anew(void);
bool pcm_samples_check(const unsigned char *bytes);
void pcm_samples_print(void);

#endif
