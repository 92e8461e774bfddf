// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words like size=1G or bandwidth=40M..200M: which files of a directory they mean, and what
 * is written to each.  A word may name a file as it is, or a term, whose files have names by
 * kind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vspctl.h"

/* What stands behind the name of a term with two files */
static const struct {
	const char *low;
	const char *high;
} ranges[] = {
	{ "_floor", "_ceiling" }, { "_min", "_max" }, { "_required", "_wanted" },
};

/* And of a term with one file */
static const struct {
	const char *before;
	const char *behind;
} single[] = {
	{ "capacity_", "" }, { "", "_max" }, { "", "_allowed" },
};

/* As the kernel takes it: a number without point and unit, a set with blanks. false: no number. */
bool set_value(const char *file, const char *value, char *to, size_t size)
{
	if (units_numeric(file))
		return units_in(value, to, size);
	snprintf(to, size, "%s", value);
	if (ends(file, "_allowed") || ends(file, "_required") || ends(file, "_wanted"))
		for (char *i = to; *i; i++)
			if (*i == ',')
				*i = ' ';
	return true;
}

static int add_write(const char *object, const char *file, const char *value,
		     struct writes *writes)
{
	char text[VALUE_MAX];

	if (writes->count == WRITES_MAX)
		return complain(USAGE, object, "more than %d values", WRITES_MAX);
	if (!set_value(file, value, text, sizeof(text)))
		return complain(FAILED, object, "%s: \"%s\" is no number: as 200M, 1.5G/s, 1Gbit, 0x10 or unset allowed",
				file, value);
	writes->write[writes->count].file = take_text("%s", file);
	writes->write[writes->count++].value = take_text("%s", text);
	return DONE;
}

/* LOW..HIGH, LOW.., ..HIGH, or one value for both */
static int add_range(const char *object, const char *low, const char *high, const char *value,
		     struct writes *writes)
{
	const char *dots = strstr(value, "..");
	const char *from = dots ? take_text("%.*s", (int)(dots - value), value) : value;
	const char *to = dots ? dots + 2 : value;
	int status = DONE;

	if (dots && !*from && !*to)
		return complain(USAGE, object, "\"..\": LOW..HIGH, LOW.. or ..HIGH allowed");
	if (*from)
		status = add_write(object, low, from, writes);
	if (!status && *to)
		status = add_write(object, high, to, writes);
	return status;
}

static int add_word(const char *object, const char *directory, const char *name,
		    const char *value, struct writes *writes)
{
	char *low, *high, *file;

	if (!*name || strchr(name, '/'))
		return complain(USAGE, object, "\"%s=%s\": NAME=VALUE allowed", name, value);
	if (set_is_config(directory, name))
		return add_write(object, name, value, writes);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		low = take_text("%s%s", name, ranges[i].low);
		high = take_text("%s%s", name, ranges[i].high);
		if (set_is_config(directory, low) && set_is_config(directory, high))
			return add_range(object, low, high, value, writes);
	}
	for (size_t i = 0; i < sizeof(single) / sizeof(*single); i++) {
		file = take_text("%s%s%s", single[i].before, name, single[i].behind);
		if (set_is_config(directory, file))
			return add_write(object, file, value, writes);
	}
	return complain(MISSING, object, "no file and no term \"%s\"; there are: %s", name,
			set_names(directory));
}

/* Does a file say how the object is configured: can it be written, and read again? */
bool set_is_config(const char *directory, const char *file)
{
	struct stat stats;

	return !stat(take_text("%s/%s", directory, file), &stats) && S_ISREG(stats.st_mode) &&
	       (stats.st_mode & 0600) == 0600;
}

/* Names of the files that can be written there */
char *set_names(const char *directory)
{
	size_t count;
	char **name = file_list(directory, &count), *all = take(1);

	for (size_t i = 0; i < count; i++)
		if (set_is_config(directory, name[i]))
			all = take_text("%s%s%s", all, *all ? " " : "", name[i]);
	return *all ? all : "none";
}

/* What @argv means for the files in @directory. */
int set_parse(const char *object, const char *directory, char **argv, struct writes *writes)
{
	char *equals;
	int status;

	writes->count = 0;
	for (; *argv; argv++) {
		equals = strchr(*argv, '=');
		if (!equals)
			return complain(USAGE, object, "\"%s\": NAME=VALUE allowed", *argv);
		status = add_word(object, directory,
				  take_text("%.*s", (int)(equals - *argv), *argv), equals + 1,
				  writes);
		if (status)
			return status;
	}
	return DONE;
}
