// SPDX-License-Identifier: GPL-2.0-only
/*
 * fio, which does I/O and says once a second how much it has done so far.  The second is the
 * difference of two such lines, so that one in which the machine was late is one of several.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calibrate.h"

#define SECONDS_MAX	3600
#define MOST_LATE	30	/* seconds that it may take to start and to end, and be silent */
#define NOT_FOUND	127

/* Fields of a line of --output-format=terse --terse-version=3, from 0 */
#define READ_KIB	5
#define WRITE_KIB	46
#define TO_RUNTIME	3	/* from there to the ms that it took */

/**
 * struct run - one run of fio
 * @load: what it does
 * @fd: its output
 * @length: bytes of @line in use
 * @line: that has begun
 * @said: what it has complained of, or ""
 * @kib: done so far
 * @ms: since it began to
 * @count: entries of @second in use
 * @second: bytes in each second
 */
struct run {
	const struct load *load;
	int fd;
	size_t length;
	char line[4 * VALUE_MAX];
	char said[VALUE_MAX];
	uint64_t kib;
	uint64_t ms;
	size_t count;
	uint64_t second[SECONDS_MAX];
};

/* A colon separates names for fio. */
static char *file_name(const char *path)
{
	char *name = take(2 * strlen(path) + 1), *at = name;

	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			*at++ = '\\';
		*at++ = *path;
	}
	return name;
}

/* In the child; its output and its complaints go to @output. It ends with its parent. */
static void execute(const char *path, const struct load *load, unsigned int seconds, int output,
		    pid_t parent)
{
	const char * const arguments[] = {
		"fio", "--name=calibrate", take_text("--filename=%s", file_name(path)),
		take_text("--rw=%s", load->rw), take_text("--bs=%u", load->block),
		take_text("--iodepth=%u", load->depth), take_text("--runtime=%u", seconds),
		"--time_based", "--direct=1", "--ioengine=libaio", "--thread", "--norandommap",
		"--allow_file_create=0", "--fallocate=none", "--eta=never", "--status-interval=1",
		"--output-format=terse", "--terse-version=3",
		load->writes ? NULL : "--readonly", NULL
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execvp(arguments[0], (char * const *)arguments);
	_exit(NOT_FOUND);
}

/* @number: from 0, of those between semicolons */
static uint64_t field(const char *line, unsigned int number)
{
	while (number-- && line) {
		line = strchr(line, ';');
		line += !!line;
	}
	return line ? number_of(line, 10) : 0;
}

/* So much is done: was that another second? What is left at the end is a part of one. */
static void add_second(struct run *run, uint64_t kib, uint64_t ms)
{
	if (ms < run->ms + 500 || kib < run->kib)
		return;
	if (run->count < SECONDS_MAX)
		run->second[run->count++] = (kib - run->kib) * 1024 * 1000 / (ms - run->ms);
	run->kib = kib;
	run->ms = ms;
}

static void read_line(struct run *run, const char *line)
{
	unsigned int kib = run->load->writes ? WRITE_KIB : READ_KIB;

	if (starts(line, "3;"))
		add_second(run, field(line, kib), field(line, kib + TO_RUNTIME));
	else if (starts(line, "fio: ") && !*run->said)
		snprintf(run->said, sizeof(run->said), "%s", line + strlen("fio: "));
}

/* The lines that have come; of one that is too long the end is another one. */
static void read_lines(struct run *run, size_t more)
{
	char *line = run->line, *end;

	run->length += more;
	run->line[run->length] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		read_line(run, line);
		line = end + 1;
	}
	run->length -= line - run->line;
	if (run->length == sizeof(run->line) - 1)
		run->length = 0;
	memmove(run->line, line, run->length);
}

/* Until it ends. false: it has not, and should have. */
static bool read_all(struct run *run, unsigned int seconds)
{
	int64_t end = clock_now() + (seconds + MOST_LATE) * 1000000LL, left;
	struct pollfd polled = { .fd = run->fd, .events = POLLIN };
	ssize_t length;

	for (;;) {
		left = (end - clock_now()) / 1000;
		if (left <= 0)
			return false;
		if (poll(&polled, 1, left) <= 0)
			continue;
		length = read(run->fd, run->line + run->length,
			      sizeof(run->line) - 1 - run->length);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return true;
		read_lines(run, length);
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return one < other ? -1 : one > other;
}

/* The first second is that of caches and of a limit's burst. */
static void summarize(struct run *run, struct speed *speed)
{
	size_t first = run->count > 1;
	uint64_t *second = run->second + first;
	size_t count = run->count - first;

	qsort(second, count, sizeof(*second), by_size);
	speed->median = second[(count - 1) / 2];
	speed->least = second[0];
	speed->most = second[count - 1];
	speed->total = run->kib * 1024;
}

/* Return: DONE, or FAILED, and said why. @status: of waitpid() */
static int judge(const char *object, struct run *run, int status, struct speed *speed)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		return complain(FAILED, object, "fio measures it, and is not installed: apt install fio");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return complain(FAILED, object, "fio has failed: %s", *run->said ? run->said :
				take_text("status %d", status));
	if (!run->count || !run->kib)
		return complain(FAILED, object, "fio has done nothing within a second%s%s",
				*run->said ? ": " : "", run->said);
	summarize(run, speed);
	return DONE;
}

/**
 * fio_run() - measure
 * @object: for messages
 * @path: what is read or written
 * @load: how
 * @seconds: to be measured; one more goes by before
 * @speed: of it
 *
 * Return: DONE, or FAILED, and said why.
 */
int fio_run(const char *object, const char *path, const struct load *load, unsigned int seconds,
	    struct speed *speed)
{
	struct run *run = take(sizeof(*run));
	pid_t parent = getpid(), child;
	int output[2], status;

	run->load = load;
	if (pipe2(output, O_CLOEXEC))
		return complain(FAILED, object, "%s", strerror(errno));
	child = fork();
	if (!child)
		execute(path, load, seconds + 1, output[1], parent);
	close(output[1]);
	run->fd = output[0];
	if (child < 0)
		return complain(FAILED, object, "%s", strerror(errno));
	if (!read_all(run, seconds + 1)) {
		kill(child, SIGKILL);
		return complain(FAILED, object, "fio does not end: its I/O takes more than %u s",
				MOST_LATE);
	}
	close(output[0]);
	if (waitpid(child, &status, 0) != child)
		return complain(FAILED, object, "%s", strerror(errno));
	return judge(object, run, status, speed);
}
