// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of sysfs and configfs: one value each.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

#define PATH_BYTES	4096
#define BATCH		256	/* files that are closed at a time */

static struct {
	bool on;
	size_t count;
	int fd[BATCH];
} batch;

static void batch_close(void)
{
	size_t first = 0;

	for (size_t i = 1; i <= batch.count; i++) {
		if (i < batch.count && batch.fd[i] == batch.fd[i - 1] + 1)
			continue;
		close_range(batch.fd[first], batch.fd[i - 1], 0);
		first = i;
	}
	batch.count = 0;
}

/*
 * From here on files that were read are closed many at a time, and what is printed is written
 * many lines at a time, which saves a third of all system calls. Only for a command that ends
 * soon and changes nothing: an open file keeps what was removed.
 */
void file_batch(void)
{
	static char lines[1 << 16];

	batch.on = true;
	setvbuf(stdout, lines, _IOFBF, sizeof(lines));
}

static void file_close(int fd)
{
	if (!batch.on) {
		close(fd);
		return;
	}
	batch.fd[batch.count++] = fd;
	if (batch.count == BATCH)
		batch_close();
}

/* The first line of a file, or all of it as one; false: errno says why there is none. */
bool file_read_at(int directory, const char *file, char *to, size_t size)
{
	int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int error;

	if (fd < 0)
		return false;
	length = read(fd, to, size - 1);
	error = errno;
	file_close(fd);
	errno = error;
	if (length < 0)
		return false;
	while (length && to[length - 1] == '\n')
		length--;
	to[length] = 0;
	return true;
}

/* NULL: there is none, or it cannot be read */
char *file_get(int directory, const char *file)
{
	char value[VALUE_MAX];

	return file_read_at(directory, file, value, sizeof(value)) ? take_copy(value) : NULL;
}

char *file_get_in(const char *directory, const char *file)
{
	return file_get(AT_FDCWD, take_text("%s/%s", directory, file));
}

/* In one write, as these files want it; takes no memory. Return: 0 or a negative errno. */
int file_write_in(const char *directory, const char *file, const char *value)
{
	char path[PATH_BYTES], line[VALUE_MAX + 1];
	int fd, length, error = 0;

	if (snprintf(path, sizeof(path), "%s/%s", directory, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	length = snprintf(line, sizeof(line), "%s\n", value);
	if (length >= (int)sizeof(line))
		return -ERANGE;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, length) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* As file_write_in(), and says what was wrong. Return: DONE or FAILED. */
int file_set(const char *object, const char *directory, const char *file, const char *value)
{
	int error;

	complain_prepare();
	error = file_write_in(directory, file, value);
	return error ? complain_refused(object, file, value, error) : DONE;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

/* Names in a directory, sorted; none of a directory that is not there. */
char **file_list(const char *directory, size_t *count)
{
	DIR *stream = opendir(directory);
	char **names = NULL;
	struct dirent *entry;

	*count = 0;
	while (stream && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		names = take_more(names, *count, sizeof(*names));
		names[(*count)++] = take_copy(entry->d_name);
	}
	if (stream)
		closedir(stream);
	if (names)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}
