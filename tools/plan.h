/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that restore reads.
 */
#ifndef VSPCTL_PLAN_H
#define VSPCTL_PLAN_H

#include "vspctl.h"

/**
 * struct item - a pool or service as it shall be
 * @pool: it is a pool
 * @name: with its class
 * @label: for messages
 * @directory: in configfs
 * @enable: "0" or "1"; NULL: the file does not say, so it stays as it is
 * @made: it was not there before
 * @changed: something of it was written
 * @done: it is as it shall be
 * @said: what was said of the last attempt that failed, or NULL
 * @writes: its values, that of enable among them
 */
struct item {
	bool pool;
	const char *name;
	const char *label;
	const char *directory;
	const char *enable;
	bool made;
	bool changed;
	bool done;
	const char *said;
	struct writes writes;
};

/**
 * struct plan - the whole file
 * @path: of it
 * @line: that is read, for messages
 * @count: entries of @item in use
 * @item: in the order of the file
 */
struct plan {
	const char *path;
	unsigned int line;
	size_t count;
	struct item **item;
};

int plan_read(const char *path, struct plan *plan);

#endif
