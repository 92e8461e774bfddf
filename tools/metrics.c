// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics: all numbers, as Prometheus reads them: base units, counters that end in _total.
 */
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"

/**
 * struct sample - one line
 * @labels: in their braces
 * @value: in base units
 */
struct sample {
	const char *labels;
	const char *value;
};

/**
 * struct family - all lines of one name
 * @name: it
 * @counter: it only grows
 * @count: entries of @sample in use
 * @sample: in the order of the services
 */
struct family {
	const char *name;
	bool counter;
	size_t count;
	struct sample *sample;
};

/**
 * struct counter - which family a line of counters/summary belongs to
 * @side: vsp, vsc
 * @file: the word that the line begins with
 * @family: of it
 * @divisor: of its values, for base units
 */
struct counter {
	const char *side;
	const char *file;
	struct family *family;
	double divisor;
};

/* Trees, for tsearch(): of struct family, of struct counter */
static void *families, *counters;

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct family *)a)->name, ((const struct family *)b)->name);
}

static int by_file(const void *a, const void *b)
{
	const struct counter *one = a, *other = b;
	int order = strcmp(one->file, other->file);

	return order ? order : strcmp(one->side, other->side);
}

static struct family *find_family(const char *name, bool counter)
{
	struct family wanted = { .name = name }, *family;
	struct family **found = tfind(&wanted, &families, by_name);

	if (found)
		return *found;
	family = take(sizeof(*family));
	family->name = take_copy(name);
	family->counter = counter;
	tsearch(family, &families, by_name);
	return family;
}

/* @labels and @value stay. */
static void add_sample(struct family *family, const char *labels, const char *value)
{
	family->sample = take_more(family->sample, family->count, sizeof(*family->sample));
	family->sample[family->count++] = (struct sample){ labels, value };
}

/* @labels and @value stay; @format: of the name of the family */
static __attribute__((format(printf, 4, 5)))
void add(const char *labels, const char *value, bool counter, const char *format, ...)
{
	char name[2 * NAME_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	add_sample(find_family(name, counter), labels, value);
}

/* As a label wants it: \, " and line feed with a \ in front; ours have no control characters. */
static char *label(const char *text)
{
	char *safe = escape_text(text), *to = take(2 * strlen(safe) + 1), *at = to;

	for (; *safe; safe++) {
		if (*safe == '"' || *safe == '\\')
			*at++ = '\\';
		*at++ = *safe;
	}
	return to;
}

/* The suffixes of files that are no base unit, and what they are divided by */
static const struct {
	const char *suffix;
	double divisor;
} times[] = {
	{ "_ns", 1e9 }, { "_us", 1e6 }, { "_ms", 1e3 },
};

static const char *seconds(const char *value, double divisor)
{
	return take_text("%.9g", number_of(value, 10) / divisor);
}

/* waited_ns: vsp_waited_seconds_total. NULL: that is no name */
static struct counter *new_counter(const char *side, const char *file)
{
	bool gap = ends(file, "_gap_us");	/* the longest one, which may be set back */
	struct counter *counter;
	int length = strlen(file);
	const char *unit = "";

	if (file[strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return NULL;
	counter = take(sizeof(*counter));
	*counter = (struct counter){ .side = side, .file = take_copy(file), .divisor = 1 };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		if (!ends(file, times[i].suffix))
			continue;
		length -= strlen(times[i].suffix);
		unit = "_seconds";
		counter->divisor = times[i].divisor;
		break;
	}
	counter->family = find_family(take_text("%s_%.*s%s%s", side, length, file, unit,
						gap ? "" : "_total"), !gap);
	tsearch(counter, &counters, by_file);
	return counter;
}

static void add_counter(const char *side, const char *labels, const char *file,
			const char *value)
{
	struct counter wanted = { .side = side, .file = file };
	struct counter **found, *counter;

	if (!is_number(value))
		return;
	found = tfind(&wanted, &counters, by_file);
	counter = found ? *found : new_counter(side, file);
	if (counter)
		add_sample(counter->family, labels,
			   counter->divisor == 1 ? value : seconds(value, counter->divisor));
}

/* A line for each: messages 9 */
static void add_counters(const struct object *object, const char *side, const char *labels)
{
	char *text = summary_text(object, "counters/summary"), *line, *value;

	for (line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = 0;
		add_counter(side, labels, line, value);
	}
}

static void add_value(const struct object *object, const char *labels, const char *name,
		      const char *value)
{
	if (value && is_number(value))
		add(labels, value, false, "%s_term_%s", object->client ? "vsc" : "vsp", name);
}

static void add_term(const struct object *object, const char *of_object, const struct term *term)
{
	const char *labels;

	if (term->kind != KIND_RATE && term->kind != KIND_RANGE)
		return;
	labels = take_text("%s,term=\"%s\"", of_object, label(term->name));
	add_value(object, labels, "asked_low", term->asked.low);
	add_value(object, labels, "asked_high", term->asked.high);
	add_value(object, labels, "floor", term->in_force.low);
	add_value(object, labels, "ceiling", term->in_force.high);
	add_value(object, labels, "used", term->used);
}

static void add_object(struct object *object)
{
	const char *side = object->client ? "vsc" : "vsp", *labels, *pool;
	const struct summary *summary = summary_read(object);

	pool = strchr(object->pool, '.') ? strchr(object->pool, '.') + 1 : object->pool;
	labels = take_text("service=\"%s\",class=\"%s\",pool=\"%s\",guest=\"%s\",vm=\"%s\",vm_uuid=\"%s\"",
			   label(object->name), label(object->class), label(pool),
			   label(object->guest),
			   label(summary_label(object, summary ? summary->vm : NULL, "vm")),
			   label(summary_label(object, summary ? summary->vm_uuid : NULL,
					       "vm_uuid")));
	add(labels, strcmp(object->state, "RUNNING") ? "0" : "1", false, "%s_running", side);
	if (!summary)
		return;
	add(labels, summary_id(summary) ? "1" : "0", false, "%s_contract_in_force", side);
	for (size_t i = 0; i < summary->count; i++)
		add_term(object, labels, &summary->term[i]);
	add_counters(object, side, labels);
}

static void add_pool(const struct object *pool)
{
	static const char * const parts[] = { "capacity_", "charged_", "available_", "deficit_" };
	const char *labels, *value, *state;
	size_t count;
	char **name = file_list(pool->config, &count);

	labels = take_text("class=\"%s\",pool=\"%s\"", label(pool->class), label(pool->name));
	state = file_get_in(pool->config, "state");
	add(labels, state && !strcmp(state, "enabled") ? "1" : "0", false, "vsp_pool_enabled");
	for (size_t i = 0; i < count; i++) {
		value = file_get_in(pool->config, name[i]);
		if (!value || !is_number(value))
			continue;
		if (!strcmp(name[i], "slow"))
			add(labels, value, false, "vsp_pool_slow");
		else if (!strcmp(name[i], "no_space"))
			add(labels, value, true, "vsp_pool_no_space_total");
		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++)
			if (starts(name[i], parts[j]))
				add(take_text("%s,term=\"%s\"", labels, name[i] + strlen(parts[j])),
				    value, false, "vsp_pool_%.*s", (int)strlen(parts[j]) - 1,
				    parts[j]);
	}
}

/* For twalk(), which comes by in the order of the names */
static void print_family(const void *node, VISIT visit, int depth)
{
	const struct family *family = *(struct family * const *)node;

	(void)depth;
	if (visit != postorder && visit != leaf)
		return;
	printf("# TYPE %s %s\n", family->name, family->counter ? "counter" : "gauge");
	for (size_t i = 0; i < family->count; i++) {
		fputs_unlocked(family->name, stdout);
		putc_unlocked('{', stdout);
		fputs_unlocked(family->sample[i].labels, stdout);
		fputs_unlocked("} ", stdout);
		fputs_unlocked(family->sample[i].value, stdout);
		putc_unlocked('\n', stdout);
	}
}

int metrics_run(int argc, char **argv)
{
	struct object *list;
	size_t count;

	if (argc)
		return complain(USAGE, "metrics", "takes nothing, not \"%s\"", argv[0]);
	file_batch();
	for (int client = 0; client < 2; client++) {
		count = tree_list(client, &list);
		for (size_t i = 0; i < count; i++)
			add_object(&list[i]);
	}
	count = tree_list_pools(&list);
	for (size_t i = 0; i < count; i++)
		add_pool(&list[i]);
	twalk(families, print_family);
	return DONE;
}
