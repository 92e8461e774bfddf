// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors: which object, what, and what is allowed.  The kernel answers a write with an
 * errno; which values it would take stands in its log, in a line that names the object and
 * the file, and is taken from there.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

#define LINE_BYTES	1024

static int log_fd = -1;
static bool holds;
static char held[4 * LINE_BYTES];

/* A line; held back, it is for complain_held(). */
static void put_line(const char *line)
{
	size_t length = strlen(held);

	if (holds)
		snprintf(held + length, sizeof(held) - length, "%s\n", line);
	else
		fprintf(stderr, "%s\n", line);
}

/* From here on complaints are kept, not printed: of what is tried again and again. */
void complain_hold(void)
{
	holds = true;
	held[0] = 0;
}

/* What was complained of since complain_hold(); from here on it is printed again. */
char *complain_held(void)
{
	holds = false;
	return take_text("%s", held);
}

/* Return: @status. */
int complain(int status, const char *object, const char *format, ...)
{
	char text[2 * VALUE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fflush(stdout);
	put_line(take_text("vspctl: %s%s%s", object ? escape_text(object) : "", object ? ": " : "",
			   escape_text(text)));
	return status;
}

/*
 * Before every write: the log is read from here on. A user who may not read the log gets no
 * line of it.
 */
void complain_prepare(void)
{
	if (*options.root)
		return;
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd >= 0)
		lseek(log_fd, 0, SEEK_END);
}

/* web of "service storage.web", vsc0 of "vsc0 (web)": so the log calls it, or with its class */
static const char *bare_name(const char *object)
{
	const char *client = strstr(object, " (");
	char *name = take_text("%.*s", client ? (int)(client - object) : (int)strlen(object),
			       object);
	size_t start = strlen(name);

	while (start && !strchr(". ", name[start - 1]))
		start--;
	return name + start;
}

static bool is_of_name(char letter)
{
	return isalnum((unsigned char)letter) || letter == '_' || letter == '-';
}

/* As a word of its own */
static bool names(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strstr(text, name); at && length; at = strstr(at + 1, name))
		if ((at == text || !is_of_name(at[-1])) && !is_of_name(at[length]))
			return true;
	return false;
}

/* The newest line of ours about @name that has come, without what /dev/kmsg puts in front of it */
static bool newest_line(const char *name, char *line, size_t size)
{
	char record[LINE_BYTES], *text;
	bool found = false;
	ssize_t length;

	while (log_fd >= 0) {
		length = read(log_fd, record, sizeof(record) - 1);
		if (length < 0 && errno == EPIPE)
			continue;	/* lines were lost; the next ones are there */
		if (length <= 0)
			break;
		record[length] = 0;
		record[strcspn(record, "\n")] = 0;
		text = strchr(record, ';');
		if (!text || (!starts(text + 1, "vsp") && !starts(text + 1, "vsc")) ||
		    !names(text + 1, name))
			continue;
		found = true;
		snprintf(line, size, "%s", text + 1);
	}
	return found;
}

static const char *meaning(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		return "only root may do this";
	case EBUSY:
		return "enabled, or in use: disable it first";
	case EINVAL:
		return "not a value that this file takes";
	case ENODEV:
		return "a pool, a source or the module of the class is missing";
	case ENOSPC:
		return "the source has no room";
	case ERANGE:
		return "out of range, or too long";
	default:
		return strerror(-error);
	}
}

/* A write was answered with @error, a negative errno. Return: FAILED. */
int complain_refused(const char *object, const char *file, const char *value, int error)
{
	char line[LINE_BYTES];

	complain(FAILED, object, "%s: \"%.128s\" refused: %s", file, value, meaning(error));
	if (newest_line(bare_name(object), line, sizeof(line)))
		put_line(take_text("  kernel: %s", escape_text(line)));
	return FAILED;
}
