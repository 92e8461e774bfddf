// SPDX-License-Identifier: GPL-2.0-only
/*
 * calibrate: what a source can do, and the capacities of its pool that follow.
 *
 * How a source is measured is a matter of what it is: a disk, a directory, a network device.
 * Which capacities that says something of, the pool's files unit_<term> tell.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "calibrate.h"

#define SECONDS		5	/* of each load, without --wait */
#define SECONDS_LEAST	1
#define SECONDS_MOST	3600
#define PERCENT		95	/* of what was measured */
#define SCRATCH_LEAST	(16ULL << 20)
#define SCRATCH_MOST	(1024ULL << 20)
#define FIGURES_MAX	4
#define IN_ORDER	(256 << 10)	/* bytes of a request that is large */

/* In this order: what is to be read has been written before. */
static const struct load loads[FIGURES_MAX] = {
	{ "256 KiB writes in order, 8 at a time", "write", true, IN_ORDER, 8 },
	{ "4 KiB writes at random places, 32 at a time", "randwrite", true, 4096, 32 },
	{ "256 KiB reads in order, 8 at a time", "read", false, IN_ORDER, 8 },
	{ "4 KiB reads at random places, 32 at a time", "randread", false, 4096, 32 },
};

/**
 * struct figure - something that a source can do
 * @unit: as the kernel calls it: bytes/s, or 1/s for requests
 * @how: it was measured
 * @median: per second
 * @least: of the slowest second
 * @most: of the fastest second
 */
struct figure {
	const char *unit;
	const char *how;
	uint64_t median;
	uint64_t least;
	uint64_t most;
};

/**
 * struct source - what is measured
 * @path: of it, or the name of a network device
 * @kind: for people
 * @pool: whose source it is, or NULL
 * @device: a network device
 * @directory: likewise
 * @percent: of what was measured that are proposed
 * @count: entries of @figure in use
 * @figure: what was measured
 */
struct source {
	const char *path;
	const char *kind;
	const struct object *pool;
	bool device;
	bool directory;
	unsigned int percent;
	size_t count;
	struct figure figure[FIGURES_MAX];
};

static const char *number(uint64_t value)
{
	return take_text("%llu", (unsigned long long)value);
}

/* ---- Which source, and whose ---- */

/* The pool of this source; none, or more than one: NULL */
static const struct object *pool_of(const char *path)
{
	const struct object *found = NULL;
	struct object *list;
	size_t count = tree_list_pools(&list), matches = 0;
	const char *source;

	for (size_t i = 0; i < count; i++) {
		source = file_get_in(list[i].config, "source");
		if (!source || strcmp(source, path))
			continue;
		found = &list[i];
		matches++;
	}
	return matches == 1 ? found : NULL;
}

static const char *network_file(const char *name, const char *file)
{
	return take_text("%s/sys/class/net/%s/%s", options.root, name, file);
}

static bool is_network_device(const char *name)
{
	return *name && !strchr(name, '/') && !access(network_file(name, "ifindex"), F_OK);
}

/* @word: a pool, a path, or a network device. Return: DONE, or why not, and said so. */
static int find_source(const char *word, struct source *source)
{
	source->pool = tree_pool(word);
	if (source->pool) {
		source->path = file_get_in(source->pool->config, "source");
		if (is_nothing(source->path))
			return complain(FAILED, take_text("pool %s", source->pool->label),
					"source: \"\": there is nothing to be measured: vspctl pool set %s source=...",
					source->pool->name);
	} else {
		source->path = word;
		source->pool = pool_of(word);
	}
	source->device = is_network_device(source->path);
	if (source->device || strchr(source->path, '/'))
		return DONE;
	return source->pool ? complain(FAILED, take_text("pool %s", source->pool->label),
				       "source: \"%s\": only a path or a network device can be measured",
				       source->path) :
			      complain(MISSING, word, "no such pool in %s, and no such network device; a path has a /",
				       tree_pools);
}

/* Return: whether the pool has a capacity in this unit. */
static bool has_unit(const struct object *pool, const char *unit)
{
	size_t count;
	char **names = file_list(pool->config, &count);
	const char *of;

	for (size_t i = 0; i < count; i++) {
		of = starts(names[i], "unit_") ? file_get_in(pool->config, names[i]) : NULL;
		if (of && !strcmp(of, unit))
			return true;
	}
	return false;
}

/* A pool for which there is nothing to propose is refused before anything is read. */
static int check_pool(const struct source *source)
{
	const struct object *pool = source->pool;

	if (!pool || has_unit(pool, "bytes/s") || (!source->device && has_unit(pool, "1/s")))
		return DONE;
	return complain(FAILED, take_text("pool %s", pool->label),
			"none of its capacities is in bytes/s or 1/s, which is what can be measured");
}

/* ---- A network device ---- */

/* The speed of its link; frames of other hosts share it, and no measurement would show that. */
static int measure_device(struct source *source)
{
	const char *speed = file_get_in(take_text("%s/sys/class/net/%s", options.root,
						  source->path), "speed");
	uint64_t bytes;

	source->kind = "network device";
	source->percent = 100;
	if (!speed || !is_number(speed) || strlen(speed) > 9 || !number_of(speed, 10))
		return complain(FAILED, source->path, "its driver names no speed (is the link up?): write what it can do, as in capacity_...=1Gbit");
	bytes = number_of(speed, 10) * 1000000 / 8;
	source->figure[source->count++] = (struct figure){
		"bytes/s", take_text("the link's speed, %s Mbit/s each way", speed), bytes, bytes,
		bytes
	};
	return DONE;
}

/* ---- A disk, file or directory ---- */

static int measure_load(struct source *source, const char *path, const struct load *load,
			uint64_t *total)
{
	unsigned int seconds = options.wait < 0 ? SECONDS : options.wait, per = 1;
	struct speed speed;
	int status;

	fprintf(stderr, "vspctl: %s: %s, %u s\n", escape_text(source->path), load->how,
		seconds + 1);
	status = fio_run(source->path, path, load, seconds, &speed);
	if (status)
		return status;
	*total = speed.total;
	if (load->block < IN_ORDER)
		per = load->block;
	source->figure[source->count++] = (struct figure){
		per > 1 ? "1/s" : "bytes/s", load->how, speed.median / per, speed.least / per,
		speed.most / per
	};
	return DONE;
}

static int measure_reads(struct source *source, const char *path)
{
	uint64_t total;
	int status = DONE;

	for (size_t i = 0; !status && i < FIGURES_MAX; i++)
		if (!loads[i].writes)
			status = measure_load(source, path, &loads[i], &total);
	return status;
}

/*
 * By a file without a name, which is gone however this ends. What is read of it was written:
 * a slow file system has not written all of it in time.
 */
static int measure_directory(struct source *source)
{
	struct statvfs stats;
	uint64_t size, total = 0;
	const char *path;
	int fd, status;

	if (statvfs(source->path, &stats))
		return complain(FAILED, source->path, "%s", strerror(errno));
	size = (uint64_t)stats.f_bavail * stats.f_frsize / 4;
	size = size > SCRATCH_MOST ? SCRATCH_MOST : size & ~((1ULL << 20) - 1);
	if (size < SCRATCH_LEAST)
		return complain(FAILED, source->path, "has %s of room: %s, four times as much as the file that is written, needed",
				units_out(number((uint64_t)stats.f_bavail * stats.f_frsize)),
				units_out(number(4 * SCRATCH_LEAST)));
	fd = open(source->path, O_TMPFILE | O_RDWR, 0600);
	if (fd < 0 || fallocate(fd, 0, 0, size))
		return complain(FAILED, source->path, "a file of %s cannot be made there: %s",
				units_out(number(size)), strerror(errno));
	path = take_text("/proc/self/fd/%d", fd);
	status = measure_load(source, path, &loads[0], &total);
	if (!status && total < size && ftruncate(fd, total & ~((1ULL << 20) - 1)))
		status = complain(FAILED, source->path, "%s", strerror(errno));
	if (!status)
		status = measure_load(source, path, &loads[1], &total);
	if (!status)
		status = measure_reads(source, path);
	close(fd);
	return status;
}

static int measure_path(struct source *source)
{
	char *real = realpath(source->path, NULL);
	struct stat stats;

	if (!real || stat(real, &stats))
		return complain(FAILED, source->path, "%s", strerror(errno));
	source->percent = PERCENT;
	source->directory = S_ISDIR(stats.st_mode);
	source->kind = S_ISBLK(stats.st_mode) ? "block device" :
		       source->directory ? "directory" : "file";
	if (!S_ISBLK(stats.st_mode) && !S_ISREG(stats.st_mode) && !source->directory)
		return complain(FAILED, source->path, "neither a block device nor a directory or file");
	if (source->directory && !options.write)
		return complain(USAGE, source->path, "is a directory, and measured by a file that is written there, and gone afterwards: --write");
	if (!source->directory && options.write)
		return complain(USAGE, source->path, "--write is for directories: it would overwrite what is there");
	/* A hole is read from nowhere. */
	if (S_ISREG(stats.st_mode) && stats.st_blocks < stats.st_size / 512)
		return complain(FAILED, source->path, "has holes, which are read at no cost: a file without any allowed");
	return source->directory ? measure_directory(source) : measure_reads(source, real);
}

/* ---- What follows ---- */

/* Below what was measured, in a number that is easily read: by 1 % at the most for that */
static uint64_t proposed(uint64_t value, unsigned int percent)
{
	uint64_t unit = 1;

	value = value / 100 * percent + value % 100 * percent / 100;
	if (percent == 100)
		return value;
	while (value / unit >= 256)
		unit *= 2;
	return value - value % unit;
}

/* Of all that was measured in this unit the least; 0: nothing was */
static uint64_t least_of(const struct source *source, const char *unit)
{
	uint64_t least = 0;

	for (size_t i = 0; i < source->count; i++)
		if (!strcmp(source->figure[i].unit, unit) &&
		    (!least || source->figure[i].median < least))
			least = source->figure[i].median;
	return proposed(least, source->percent);
}

/* 125000000 of a link as 1Gbit */
static const char *value_text(const struct source *source, uint64_t value)
{
	if (source->device && value % 125000000 == 0)
		return take_text("%lluGbit", (unsigned long long)value / 125000000);
	if (source->device)
		return take_text("%lluMbit", (unsigned long long)value / 125000);
	return units_exact(number(value));
}

/* The words capacity_TERM=VALUE; with @json, as members of an object */
static const char *proposal(const struct source *source, bool json)
{
	size_t count;
	char **names = file_list(source->pool->config, &count), *words = take(1);
	const char *unit, *file;
	uint64_t value;

	for (size_t i = 0; i < count; i++) {
		unit = starts(names[i], "unit_") ? file_get_in(source->pool->config, names[i]) :
						   NULL;
		value = unit ? least_of(source, unit) : 0;
		if (!value)
			continue;
		file = take_text("capacity_%s", names[i] + strlen("unit_"));
		if (json)
			json_number(file, number(value));
		words = take_text("%s %s=%s", words, escape_text(file),
				  value_text(source, value));
	}
	return words;
}

static const char *propose(const struct source *source, bool json)
{
	return take_text("vspctl pool set %s%s", escape_text(source->pool->label),
			 proposal(source, json));
}

static void show_table(const struct source *source)
{
	static const char * const heads[] = {
		"UNIT", "MEDIAN", "SLOWEST", "FASTEST", "MEASURED BY", NULL
	};
	struct table *table = table_make(heads);
	const struct figure *figure;

	for (size_t i = 0; i < source->count; i++) {
		figure = &source->figure[i];
		table_cell(table, figure->unit);
		table_cell(table, units_out(number(figure->median)));
		table_cell(table, units_out(number(figure->least)));
		table_cell(table, units_out(number(figure->most)));
		table_cell(table, figure->how);
	}
	table_print(table);
}

static void show_text(const struct source *source)
{
	const char *state = source->pool ? file_get_in(source->pool->config, "state") : NULL;

	printf("%s: %s\n", escape_text(source->path), source->kind);
	show_table(source);
	if (state && !strcmp(state, "enabled") && !source->device)
		printf("its pool is enabled: what its services have done meanwhile is missing there\n");
	if (!source->pool) {
		printf("for a proposal: vspctl pool create CLASS.NAME source=%s enable=0, vspctl calibrate NAME\n",
		       escape_text(source->path));
		return;
	}
	if (!source->device)
		printf("%u %% below the median%s:\n", 100 - PERCENT, source->directory ?
		       " of the slower ones" : " of reads; writes were not measured");
	printf("%s\n", propose(source, false));
}

static void show_json(const struct source *source)
{
	const struct figure *figure;
	const char *command = NULL;

	json_open(NULL, '{');
	json_string("source", source->path);
	json_string("kind", source->kind);
	json_string("pool", source->pool ? source->pool->label : NULL);
	json_open("measured", '[');
	for (size_t i = 0; i < source->count; i++) {
		figure = &source->figure[i];
		json_open(NULL, '{');
		json_string("unit", figure->unit);
		json_string("by", figure->how);
		json_number("median", number(figure->median));
		json_number("slowest", number(figure->least));
		json_number("fastest", number(figure->most));
		json_close('}');
	}
	json_close(']');
	json_open("proposal", '{');
	if (source->pool)
		command = propose(source, true);
	json_close('}');
	json_string("command", command);
	json_close('}');
	json_end();
}

int calibrate_run(int argc, char **argv)
{
	struct source *source = take(sizeof(*source));
	int status;

	if (argc != 1)
		return complain(USAGE, "calibrate", "one POOL or SOURCE allowed");
	if (options.wait >= 0 && (options.wait < SECONDS_LEAST || options.wait > SECONDS_MOST))
		return complain(USAGE, "--wait", "\"%g\": seconds, %d..%d, allowed", options.wait,
				SECONDS_LEAST, SECONDS_MOST);
	status = find_source(argv[0], source);
	if (!status)
		status = check_pool(source);
	if (!status)
		status = source->device ? measure_device(source) : measure_path(source);
	if (status)
		return status;
	if (options.json)
		show_json(source);
	else
		show_text(source);
	return DONE;
}
