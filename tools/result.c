// SPDX-License-Identifier: GPL-2.0-only
/*
 * contract/result: how a negotiation ended, and waiting for the end of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

#define LOOK_MS		200	/* how often to look although nothing woke us */

/* What stands behind "key=", up to the next blank */
bool result_word(const char *result, const char *key, char *to, size_t size)
{
	size_t length = strlen(key);

	for (; result && *result; result += strcspn(result, " "), result += strspn(result, " ")) {
		if (strncmp(result, key, length) || result[length] != '=')
			continue;
		result += length + 1;
		snprintf(to, size, "%.*s", (int)strcspn(result, " "), result);
		return true;
	}
	*to = 0;
	return false;
}

/* The result of the current negotiation, and another one than @before */
static bool has_ended(const struct object *object, const char *before, char *result, size_t size)
{
	char epoch[NAME_BYTES], of[NAME_BYTES];

	return file_read_at(object->fd, "contract/result", result, size) &&
	       file_read_at(object->fd, "contract/epoch", epoch, sizeof(epoch)) &&
	       strcmp(result, before) && result_word(result, "epoch", of, sizeof(of)) &&
	       !strcmp(of, epoch);
}

/* For options.wait seconds. Return: DONE and @result, or LATE, or FAILED: the device is gone. */
int result_wait(const struct object *object, const char *before, char *result, size_t size)
{
	int64_t end = clock_end();
	struct pollfd poll_result = { .events = POLLPRI | POLLERR };
	char value[VALUE_MAX];
	int64_t left;
	int status = LATE;

	poll_result.fd = openat(object->fd, "contract/result", O_RDONLY | O_CLOEXEC);
	if (poll_result.fd < 0)
		return FAILED;
	while (status == LATE) {
		/* Read before the look: what changes after it wakes the poll. */
		if (pread(poll_result.fd, value, sizeof(value), 0) < 0)
			status = FAILED;
		else if (has_ended(object, before, result, size))
			status = DONE;
		left = (end - clock_now()) / 1000;
		if (left <= 0)
			break;
		if (status == LATE)
			poll(&poll_result, 1, left < LOOK_MS ? left : LOOK_MS);
	}
	close(poll_result.fd);
	return status;
}
