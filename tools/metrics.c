// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics: all numbers, as Prometheus reads them: base units, counters that end in _total.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"

/**
 * struct sample - one line
 * @family: its name
 * @labels: in their braces
 * @value: in base units
 * @counter: it only grows
 */
struct sample {
	const char *family;
	const char *labels;
	const char *value;
	bool counter;
};

static struct sample *samples;
static size_t sample_count;

static void add(const char *family, const char *labels, const char *value, bool counter)
{
	samples = take_more(samples, sample_count, sizeof(*samples));
	samples[sample_count++] = (struct sample){ family, labels, value, counter };
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
	return take_text("%.9g", strtoull(value, NULL, 10) / divisor);
}

static void add_counter(const char *side, const char *labels, const char *file,
			const char *value)
{
	bool gap = ends(file, "_gap_us");	/* the longest one, which may be set back */
	const char *name = file;

	if (!is_number(value))
		return;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		if (!ends(file, times[i].suffix))
			continue;
		name = take_text("%.*s_seconds", (int)(strlen(file) - strlen(times[i].suffix)),
				 file);
		value = seconds(value, times[i].divisor);
	}
	add(take_text("%s_%s%s", side, name, gap ? "" : "_total"), labels, value, !gap);
}

static void add_counters(const struct object *object, const char *side, const char *labels)
{
	char *directory = take_text("%s/counters", object->device);
	size_t count;
	char **names = file_list(directory, &count);
	const char *value;

	for (size_t i = 0; i < count; i++) {
		value = file_get_in(directory, names[i]);
		if (value)
			add_counter(side, labels, names[i], value);
	}
}

static void add_term(const struct object *object, const char *side, const char *labels,
		     const char *name, const char *file, const char *term)
{
	const char *value = file_get(object->fd, take_text("terms/%s", file));

	if (value && is_number(value))
		add(take_text("%s_term_%s", side, name),
		    take_text("%s,term=\"%s\"", labels, term), value, false);
}

static void add_terms(const struct object *object, const char *side, const char *labels)
{
	const struct terms *terms = tree_terms(object);
	const struct term *term;

	for (size_t i = 0; i < terms->count; i++) {
		term = &terms->term[i];
		if (term->kind != KIND_RATE && term->kind != KIND_RANGE)
			continue;
		add_term(object, side, labels, "asked_low", take_text("asked_%s%s", term->name,
								      tree_low(term->kind)),
			 term->name);
		add_term(object, side, labels, "asked_high", take_text("asked_%s%s", term->name,
								       tree_high(term->kind)),
			 term->name);
		if (term->kind == KIND_RATE)
			add_term(object, side, labels, "floor", take_text("%s_floor", term->name),
				 term->name);
		add_term(object, side, labels, "ceiling",
			 take_text("%s%s", term->name, term->kind == KIND_RATE ? "_ceiling" : ""),
			 term->name);
		if (term->used)
			add_term(object, side, labels, "used", take_text("used_%s", term->name),
				 term->name);
	}
}

/* Of a provider's service; a client has no such file. */
static const char *config_label(const struct object *object, const char *file)
{
	const char *text = object->config ? file_get_in(object->config, file) : NULL;

	return text ? label(text) : "";
}

static void add_object(struct object *object)
{
	const char *side = object->client ? "vsc" : "vsp", *id, *labels, *pool;

	pool = strchr(object->pool, '.') ? strchr(object->pool, '.') + 1 : object->pool;
	labels = take_text("service=\"%s\",class=\"%s\",pool=\"%s\",guest=\"%s\",vm=\"%s\",vm_uuid=\"%s\"",
			   label(object->name), label(object->class), label(pool),
			   label(object->guest), config_label(object, "vm"),
			   config_label(object, "vm_uuid"));
	add(take_text("%s_running", side), labels,
	    strcmp(object->state, "RUNNING") ? "0" : "1", false);
	tree_open(object);
	if (object->fd < 0)
		return;
	id = file_get(object->fd, "contract/id");
	add(take_text("%s_contract_in_force", side), labels,
	    id && strcmp(id, "0") ? "1" : "0", false);
	add_terms(object, side, labels);
	add_counters(object, side, labels);
	tree_close(object);
}

static void add_pool(const struct object *pool)
{
	static const char * const parts[] = { "capacity_", "charged_", "available_", "deficit_" };
	const char *labels, *value, *state;
	size_t count;
	char **name = file_list(pool->config, &count);

	labels = take_text("class=\"%s\",pool=\"%s\"", label(pool->class), label(pool->name));
	state = file_get_in(pool->config, "state");
	add("vsp_pool_enabled", labels, state && !strcmp(state, "enabled") ? "1" : "0", false);
	for (size_t i = 0; i < count; i++) {
		value = file_get_in(pool->config, name[i]);
		if (!value || !is_number(value))
			continue;
		if (!strcmp(name[i], "slow"))
			add("vsp_pool_slow", labels, value, false);
		else if (!strcmp(name[i], "no_space"))
			add("vsp_pool_no_space_total", labels, value, true);
		for (size_t j = 0; j < sizeof(parts) / sizeof(*parts); j++)
			if (starts(name[i], parts[j]))
				add(take_text("vsp_pool_%.*s", (int)strlen(parts[j]) - 1, parts[j]),
				    take_text("%s,term=\"%s\"", labels, name[i] + strlen(parts[j])),
				    value, false);
	}
}

static int by_family(const void *a, const void *b)
{
	const struct sample *one = a, *other = b;
	int order = strcmp(one->family, other->family);

	return order ? order : strcmp(one->labels, other->labels);
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
	if (sample_count)
		qsort(samples, sample_count, sizeof(*samples), by_family);
	for (size_t i = 0; i < sample_count; i++) {
		if (!i || strcmp(samples[i].family, samples[i - 1].family))
			printf("# TYPE %s %s\n", samples[i].family,
			       samples[i].counter ? "counter" : "gauge");
		printf("%s{%s} %s\n", samples[i].family, samples[i].labels, samples[i].value);
	}
	return DONE;
}
