// SPDX-License-Identifier: GPL-2.0-only
/*
 * record: what every service has and uses, again and again, and its events between, for plot and
 * for any program that reads columns.
 *
 * It keeps nothing of what it has read, so that it may run for as long as its disk is large.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "recording.h"
#include "vspctl.h"

/* For people: no narrower than what mostly stands there */
static const int widths[COLUMNS] = {
	[COLUMN_TIME] = 14, [COLUMN_SERVICE] = 8, [COLUMN_SIDE] = 8, [COLUMN_CLASS] = 7,
	[COLUMN_GUEST] = 6, [COLUMN_TERM] = 12, [COLUMN_FLOOR] = 10, [COLUMN_CEILING] = 10,
	[COLUMN_USED] = 10, [COLUMN_VIOLATIONS] = 10, [COLUMN_CONTRACT] = 8, [COLUMN_STATE] = 7,
	[COLUMN_EVENT] = 8, [COLUMN_REASON] = 8,
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = signal;
}

static bool is_text(enum recording_column column)
{
	return (column >= COLUMN_SERVICE && column <= COLUMN_TERM) ||
	       (column >= COLUMN_STATE && column <= COLUMN_REASON);
}

static bool is_missing(enum recording_column column, const char *text)
{
	return !text || !*text || (!is_text(column) && is_nothing(text));
}

/* One word, whatever it says */
static const char *word(const char *text)
{
	char *to, *at;

	if (!strcmp(text, "-"))
		return "\\x2d";
	to = take(4 * strlen(text) + 1);
	at = to;
	for (; *text; text++) {
		if (*text > ' ' && *text <= '~' && *text != '\\')
			*at++ = *text;
		else
			at += sprintf(at, "\\x%02x", (unsigned char)*text);
	}
	return to;
}

static void put_json(const char * const *value)
{
	json_open(NULL, '{');
	for (int i = 0; i < COLUMNS; i++) {
		if (i == COLUMN_TIME)
			json_decimal(recording_columns[i], value[i]);
		else if (is_missing(i, value[i]))
			json_string(recording_columns[i], NULL);
		else if (is_text(i))
			json_string(recording_columns[i], value[i]);
		else
			json_number(recording_columns[i], value[i]);
	}
	json_close('}');
	json_end();
}

static void put_line(const char * const *value)
{
	if (options.json) {
		put_json(value);
		return;
	}
	for (int i = 0; i < COLUMNS; i++)
		printf("%-*s%c", widths[i], is_missing(i, value[i]) ? "-" : word(value[i]),
		       i == COLUMNS - 1 ? '\n' : ' ');
}

/* Of the clock as it was at the start, so that no line is older than the one before it */
static const char *time_now(void)
{
	static int64_t before_start;
	struct timespec now;
	int64_t us;

	if (!before_start) {
		clock_gettime(CLOCK_REALTIME, &now);
		before_start = now.tv_sec * 1000000LL + now.tv_nsec / 1000 - clock_now();
	}
	us = before_start + clock_now();
	return take_text("%lld.%03d", (long long)us / 1000000, (int)(us / 1000 % 1000));
}

static void name_service(const struct object *object, const char **value)
{
	memset(value, 0, COLUMNS * sizeof(*value));
	value[COLUMN_TIME] = time_now();
	value[COLUMN_SERVICE] = object->name;
	value[COLUMN_SIDE] = object->client ? "client" : "provider";
	value[COLUMN_CLASS] = object->class;
	value[COLUMN_GUEST] = object->guest;
}

static bool is_side_meant(bool client)
{
	return client ? !options.provider : !options.client;
}

static void put_event(const struct uevent *event, char **names)
{
	const char *value[COLUMNS];

	/* A client that has gone before its event was read has no name any more. */
	if (!*event->object.name || !*event->object.class)
		return;
	if (!is_side_meant(event->object.client) || !tree_is_meant(&event->object, names) ||
	    !tree_passes(&event->object))
		return;
	name_service(&event->object, value);
	value[COLUMN_CONTRACT] = event->contract;
	value[COLUMN_STATE] = event->state;
	value[COLUMN_EVENT] = event->what;
	value[COLUMN_REASON] = event->reason;
	put_line(value);
}

/* A line for each term that is a number: the same but for the term */
static void put_service(struct object *object)
{
	const struct summary *summary = summary_read(object);
	const char *value[COLUMNS];
	const struct term *term;
	char gap[NAME_BYTES];

	if (!summary)
		return;
	name_service(object, value);
	value[COLUMN_STATE] = object->state;
	value[COLUMN_VIOLATIONS] = summary->violations;
	value[COLUMN_CONTRACT] = summary->id;
	if (tree_read(object, "counters/renegotiation_gap_us", gap, sizeof(gap)))
		value[COLUMN_GAP] = gap;
	for (size_t i = 0; i < summary->count; i++) {
		term = &summary->term[i];
		if (term->kind != KIND_RATE && term->kind != KIND_RANGE)
			continue;
		value[COLUMN_TERM] = term->name;
		value[COLUMN_FLOOR] = term->in_force.low;
		value[COLUMN_CEILING] = term->in_force.high;
		value[COLUMN_USED] = term->used;
		put_line(value);
	}
}

static void put_services(char **names)
{
	struct object *list;
	size_t count;

	for (int client = 0; client < 2; client++) {
		if (!is_side_meant(client))
			continue;
		count = tree_list(client, &list);
		for (size_t i = 0; i < count; i++)
			if (tree_is_meant(&list[i], names))
				put_service(&list[i]);
	}
}

/* Waits until @until for events, and puts them. */
static void put_events(int events, int64_t until, char **names)
{
	struct pollfd polled = { .fd = events, .events = POLLIN };
	int64_t left = (until - clock_now()) / 1000;

	poll(&polled, 1, left < 0 ? 0 : left > 1000 ? 1000 : left + 1);
	uevent_read(events, put_event, names);
}

/* Ends in good order when it is told to end: with a whole line. */
static void take_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int record_run(int argc, char **argv)
{
	int64_t interval = options.interval * 1000000, end = clock_end(), next = clock_now();
	int events = uevent_open();
	void *mark;

	if (!tree_names(argc, argv))
		return MISSING;
	take_signals();
	/* Whoever reads it meanwhile finds whole lines. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!options.json)
		put_line(recording_columns);
	mark = take_mark();
	do {
		if (clock_now() >= next) {
			put_services(argv);
			/* What was too late is left out. */
			next += interval * (1 + (clock_now() - next) / interval);
		}
		put_events(events, next < end ? next : end, argv);
		if (fflush(stdout) || ferror(stdout))
			return complain(FAILED, "stdout", "cannot be written");
		take_back(mark);
	} while (!stopped && clock_now() < end);
	return DONE;
}
