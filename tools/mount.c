// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which file system a path should be on, and whether it is there.
 */
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"

/* Without the slashes at its end. */
static size_t directory_length(const char *directory)
{
	size_t length = strlen(directory);

	while (length && directory[length - 1] == '/')
		length--;
	return length;
}

static bool is_below(const char *path, const char *directory)
{
	size_t length = directory_length(directory);

	return !strncmp(path, directory, length) && (!path[length] || path[length] == '/');
}

static bool is_mounted(const char *directory)
{
	FILE *mounts = setmntent(take_text("%s/proc/self/mounts", options.root), "re");
	const struct mntent *entry;
	bool found = !mounts;

	while (!found && (entry = getmntent(mounts)))
		found = !strcmp(entry->mnt_dir, directory);
	if (mounts)
		endmntent(mounts);
	return found;
}

/*
 * The deepest directory of /etc/fstab that @path is below and that nothing is mounted on, or NULL.
 * What systemd's own mount units mount is not known here.
 */
const char *mount_missing(const char *path)
{
	FILE *table = setmntent(take_text("%s/etc/fstab", options.root), "re");
	char *real = realpath(path, NULL), *deepest = NULL;
	const struct mntent *entry;

	while (table && (entry = getmntent(table)))
		if (is_below(real ? real : path, entry->mnt_dir) &&
		    (!deepest || strlen(entry->mnt_dir) > strlen(deepest)))
			deepest = take_text("%.*s", (int)directory_length(entry->mnt_dir) ?: 1,
					    entry->mnt_dir);
	if (table)
		endmntent(table);
	free(real);
	return deepest && !is_mounted(deepest) ? deepest : NULL;
}
