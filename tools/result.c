// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a negotiation ended, and waiting for the end of one.
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
static bool has_ended(const struct summary *summary, const char *before)
{
	char of[NAME_BYTES];

	return summary && summary->result && summary->epoch && strcmp(summary->result, before) &&
	       result_word(summary->result, "epoch", of, sizeof(of)) && !strcmp(of, summary->epoch);
}

/* For options.wait seconds. Return: DONE and @result, or LATE, or FAILED: the device is gone. */
int result_wait(struct object *object, const char *before, char *result, size_t size)
{
	int64_t end = clock_end();
	struct pollfd polled = { .events = POLLPRI | POLLERR };
	const struct summary *summary;
	char value[VALUE_MAX];
	int64_t left;
	int status = LATE;

	polled.fd = openat(object->fd, "contract/summary", O_RDONLY | O_CLOEXEC);
	if (polled.fd < 0)
		return FAILED;
	while (status == LATE) {
		/* Read before the look: what changes after it wakes the poll. */
		if (pread(polled.fd, value, sizeof(value), 0) < 0) {
			status = FAILED;
			break;
		}
		summary = summary_read(object);
		if (has_ended(summary, before)) {
			snprintf(result, size, "%s", summary->result);
			status = DONE;
		}
		left = (end - clock_now()) / 1000;
		if (left <= 0)
			break;
		if (status == LATE)
			poll(&polled, 1, left < LOOK_MS ? left : LOOK_MS);
	}
	close(polled.fd);
	return status;
}
