/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What calibrate asks of fio, which does the I/O.
 */
#ifndef VSPCTL_CALIBRATE_H
#define VSPCTL_CALIBRATE_H

#include "vspctl.h"

/**
 * struct load - how a source is used while its speed is measured
 * @how: for people
 * @rw: as fio calls it
 * @writes: it writes
 * @block: bytes of a request
 * @depth: requests under way at a time
 */
struct load {
	const char *how;
	const char *rw;
	bool writes;
	unsigned int block;
	unsigned int depth;
};

/**
 * struct speed - bytes in a second, of all seconds that were measured
 * @median: half of them had less
 * @least: the slowest
 * @most: the fastest
 * @total: bytes of the whole run
 */
struct speed {
	uint64_t median;
	uint64_t least;
	uint64_t most;
	uint64_t total;
};

/* fio.c */
int fio_run(const char *object, const char *path, const struct load *load, unsigned int seconds,
	    struct speed *speed);

#endif
