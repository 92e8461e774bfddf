// SPDX-License-Identifier: GPL-2.0-only
/*
 * save: the configuration as a text that people can edit, and restore reads:
 *
 *	[pool storage.fast]
 *	source = /srv/vsp
 *	enable = 1
 *
 * Every file that can be written and read is in it, so that restore need not know what is
 * the default of any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vspctl.h"

/* Blanks at an end would be lost, and nothing at all is easily overlooked. */
static bool needs_quotes(const char *value)
{
	size_t length = strlen(value);

	return !length || *value == ' ' || *value == '"' || value[length - 1] == ' ';
}

/* Files of the configuration but for enable, ended by NULL; all items of a class have the same. */
static char **config_names(const char *kind, const struct object *item)
{
	static const char *known_kind, *known_class;
	static char **known;
	size_t count, kept = 0;

	if (known && !strcmp(known_kind, kind) && !strcmp(known_class, item->class))
		return known;
	known = file_list(item->config, &count);
	for (size_t i = 0; i < count; i++)
		if (set_is_config(item->config, known[i]) && strcmp(known[i], "enable"))
			known[kept++] = known[i];
	known = take_more(known, kept, sizeof(*known));
	if (known)
		known[kept] = NULL;
	known_kind = kind;
	known_class = item->class;
	return known;
}

/* Return: DONE, or FAILED, and said why: what cannot be read would be lost. */
static int save_item(FILE *to, const char *kind, const struct object *item)
{
	char **names = config_names(kind, item);
	const char *value;

	fprintf(to, "\n[%s %s]\n", kind, item->label);
	for (size_t i = 0; names && names[i]; i++) {
		value = journal_current(item->config, names[i]);
		/* A service has no UUID until it is enabled, and that cannot be written. */
		if (!value)
			return complain(FAILED, take_text("%s %s", kind, item->label),
					"%s: cannot be read", names[i]);
		if (!*value && !strcmp(names[i], "uuid"))
			continue;
		if (units_numeric(names[i]))
			value = units_exact(value);
		fprintf(to, needs_quotes(value) ? "%s = \"%s\"\n" : "%s = %s\n", names[i],
			escape_text(value));
	}
	value = file_get_in(item->config, "enable");
	if (!value)
		return complain(FAILED, take_text("%s %s", kind, item->label),
				"enable: cannot be read");
	fprintf(to, "enable = %s\n", escape_text(value));
	return DONE;
}

/* Pools of which something is kept, in front of the services */
static int save_all(FILE *to)
{
	struct object *pools, *services;
	size_t count = tree_list_pools(&pools);
	int status = DONE;

	fputs("# Pools and services of vsp, by vspctl save. Put back by vspctl restore; edit it, and\n"
	      "# look at the difference with vspctl restore --dry-run. Numbers may be written as\n"
	      "# 200M, 1.5G or 1Gbit; what is not named is left as it is.\n", to);
	for (size_t i = 0; !status && i < count; i++)
		status = save_item(to, "pool", &pools[i]);
	count = tree_list(false, &services);
	for (size_t i = 0; !status && i < count; i++)
		status = save_item(to, "service", &services[i]);
	return status;
}

/* The old file is there until the new one is complete, and on the disk. */
static int save_to(const char *path)
{
	char *new = take_text("%s.new", path);
	int error = 0, status;
	FILE *to;

	umask(077);	/* what a tenant may have is no other's business */
	to = fopen(new, "we");
	if (!to)
		return complain(FAILED, new, "%s", strerror(errno));
	status = save_all(to);
	/* Of a write that failed before, errno is another one's by now. */
	if (ferror(to))
		error = EIO;
	else if (fflush(to) || fsync(fileno(to)))
		error = errno;
	if (fclose(to) && !error)
		error = errno;
	if (!status && !error && rename(new, path))
		error = errno;
	if (status || error)
		unlink(new);
	return error ? complain(FAILED, path, "%s", strerror(error)) : status;
}

int save_run(int argc, char **argv)
{
	if (argc > 1)
		return complain(USAGE, "save", "one FILE, or none: standard output");
	if (access(tree_pools, F_OK))
		return complain(MISSING, "save", "there is no %s: modprobe vsp", tree_pools);
	file_batch();
	if (argc && strcmp(argv[0], "-"))
		return save_to(argv[0]);
	return save_all(stdout);
}
