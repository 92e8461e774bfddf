// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch: what happens to contracts, as it happens.  The kernel's uevents say what has
 * happened; of one service they are limited to so many a second, so the summary of every
 * service is polled as well, and shows what the contract is now.
 *
 * This may run for months, and what it reads comes from other machines: what it takes of
 * memory it gives back every turn, but for what it keeps of each service.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vspctl.h"

#define TICK_MS		1000	/* how often to look for what came without an event */

/**
 * struct watched - a service, on either side
 * @label: of its object
 * @device: its directory in sysfs
 * @fd: of that
 * @summary: file to be polled
 * @text: what that has said last
 */
struct watched {
	char *label;
	char *device;
	int fd;
	int summary;
	char *text;
};

static struct watched *watched;
static size_t watched_count;
static unsigned long lines;

static void begin_line(const char *name, const char *what)
{
	struct timespec now;
	struct tm broken;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &broken);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &broken);
	if (options.json) {
		json_open(NULL, '{');
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ".%03ld",
			 now.tv_nsec / 1000000);
		json_string("time", text);
		json_string("service", name);
		json_string("what", what);
		return;
	}
	printf("%s.%03ld %s %s", text, now.tv_nsec / 1000000, escape_text(name),
	       escape_text(what));
}

static void put_value(const char *name, const char *value)
{
	if (options.json)
		json_string(name, value);
	else
		printf(" %s=%s", name, escape_text(value));
}

/* Ends the program with the last line that was asked for, or where nobody takes them. */
static void end_line(void)
{
	if (options.json) {
		json_close('}');
		json_end();
	} else {
		putchar('\n');
	}
	if (fflush(stdout))
		exit(complain(FAILED, "stdout", "cannot be written"));
	if (++lines == options.count)
		exit(DONE);
}

/* ---- Results, and the terms in force ---- */

/* What take_back() does not free */
static void *keep(void *memory)
{
	if (memory)
		return memory;
	exit(complain(FAILED, "watch", "no memory"));
}

/* "none": there is no contract; an identity may consist of digits. */
static const char *shown(const struct term *term, const char *value)
{
	if (!value)
		return "none";
	return term->kind == KIND_RATE || term->kind == KIND_RANGE ? units_out(value) : value;
}

static bool differ(const char *a, const char *b)
{
	return strcmp(a ?: "none", b ?: "none");
}

static void put_change(const struct watched *service, bool *begun, const struct term *term,
		       const char *side, const char *old, const char *new)
{
	if (!differ(old, new))
		return;
	if (!*begun)
		begin_line(service->label, "terms");
	*begun = true;
	put_value(take_text("%s%s", term->name, side),
		  take_text("%s->%s", shown(term, old), shown(term, new)));
}

/* The result, if it is another one, and what is in force, as far as that is */
static void show_changes(const struct watched *service, const struct summary *old,
			 const struct summary *new)
{
	static const struct term none;
	const struct term *term, *before;
	bool begun = false;

	if (differ(old->result, new->result)) {
		begin_line(service->label, "result");
		put_value("result", new->result ?: "none");
		begun = true;
	}
	for (size_t i = 0; i < new->count; i++) {
		term = &new->term[i];
		before = summary_term(old, term->name) ?: &none;
		if (term->kind == KIND_RATE)
			put_change(service, &begun, term, "_floor", before->in_force.low,
				   term->in_force.low);
		put_change(service, &begun, term, term->kind == KIND_RATE ? "_ceiling" : "",
			   before->in_force.high, term->in_force.high);
	}
	if (begun)
		end_line();
}

/* @show: false the first time, when all of it is new. Return: false: the device is going. */
static bool look_at(struct watched *service, bool show)
{
	char text[VALUE_MAX];

	/* What makes the file ready for the next poll */
	if (pread(service->summary, text, sizeof(text), 0) < 0)
		return false;
	if (!file_read_at(service->fd, "contract/summary", text, sizeof(text)))
		return true;
	if (show && strcmp(text, service->text))
		show_changes(service, summary_parse(service->text), summary_parse(text));
	free(service->text);
	service->text = keep(strdup(text));
	return true;
}

/* ---- Services that come and go ---- */

static struct watched *find_watched(const char *device)
{
	for (size_t i = 0; i < watched_count; i++)
		if (!strcmp(watched[i].device, device))
			return &watched[i];
	return NULL;
}

static void add_watched(struct object *object, bool show)
{
	struct watched *service;
	int summary;

	tree_open(object);
	summary_read(object);
	summary = openat(object->fd, "contract/summary", O_RDONLY | O_CLOEXEC);
	if (summary < 0) {
		tree_close(object);
		return;
	}
	watched = keep(reallocarray(watched, watched_count + 1, sizeof(*watched)));
	service = &watched[watched_count++];
	service->label = keep(strdup(object->label));
	service->device = keep(strdup(object->device));
	service->fd = object->fd;
	service->summary = summary;
	service->text = keep(strdup(""));
	if (show) {
		begin_line(object->label, "there");
		put_value("state", object->state);
		end_line();
	}
	look_at(service, false);
}

static void drop_watched(size_t index)
{
	struct watched *service = &watched[index];

	begin_line(service->label, "gone");
	end_line();
	close(service->summary);
	close(service->fd);
	free(service->text);
	free(service->device);
	free(service->label);
	*service = watched[--watched_count];
}

/* A device that went and came again has other files. */
static bool is_stale(const struct watched *service)
{
	char value[VALUE_MAX];

	return pread(service->summary, value, sizeof(value), 0) < 0;
}

static void look_for_services(char **names, bool show)
{
	struct object *list;
	size_t count;

	for (size_t i = watched_count; i-- > 0;)
		if (is_stale(&watched[i]))
			drop_watched(i);
	for (int client = 0; client < 2; client++) {
		count = tree_list(client, &list);
		for (size_t i = 0; i < count; i++)
			if (tree_is_meant(&list[i], names) && !find_watched(list[i].device))
				add_watched(&list[i], show);
	}
}

/* ---- uevents ---- */

static void show_event(const struct uevent *event, char **names)
{
	if (!tree_is_meant(&event->object, names))
		return;
	begin_line(event->object.label, event->what);
	if (event->state)
		put_value("state", event->state);
	if (event->contract)
		put_value("contract", event->contract);
	if (event->reason)
		put_value("reason", event->reason);
	end_line();
}

/* ---- The command ---- */

/* One turn: waits for something, and shows it */
static void watch_turn(int events, char **names)
{
	struct pollfd *polled = take((watched_count + 1) * sizeof(*polled));
	bool look, going = false;

	polled[0] = (struct pollfd){ .fd = events, .events = POLLIN };
	for (size_t i = 0; i < watched_count; i++)
		polled[i + 1] = (struct pollfd){ .fd = watched[i].summary, .events = POLLPRI };
	look = !poll(polled, watched_count + 1, TICK_MS);
	look |= uevent_read(events, show_event, names);
	for (size_t i = 0; i < watched_count; i++)
		if (polled[i + 1].revents)
			going |= !look_at(&watched[i], true);
	/* The file of a device that is going is always ready. */
	if (going)
		poll(NULL, 0, TICK_MS);
	if (!look && !going)
		return;
	look_for_services(names, true);
	/* That read the files, so poll() will not report changes made before it. */
	for (size_t i = 0; i < watched_count; i++)
		look_at(&watched[i], true);
}

int watch_run(int argc, char **argv)
{
	int64_t end = clock_end();
	int events = uevent_open();
	void *mark;

	options.bytes |= options.json;
	if (!tree_names(argc, argv))
		return MISSING;
	mark = take_mark();
	/* After the socket: what comes meanwhile is an event. */
	look_for_services(argv, false);
	while (clock_now() <= end) {
		watch_turn(events, argv);
		take_back(mark);
	}
	return DONE;
}
