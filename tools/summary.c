// SPDX-License-Identifier: GPL-2.0-only
/*
 * contract/summary: all that a service has, of one moment, in one file:
 *
 *	state RUNNING
 *	id 3
 *	term bandwidth rate asked_floor=0 asked_ceiling=209715200 floor=1048576 used=0
 *
 * Lines and words that are not known here are left out, as are kinds of terms.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"

static const struct {
	const char *word;
	enum kind kind;
} kinds[] = {
	{ "rate", KIND_RATE }, { "space", KIND_RANGE }, { "level", KIND_RANGE },
	{ "set", KIND_SET }, { "identity", KIND_IDENTITY },
};

#define LINE(name)	{ #name, offsetof(struct summary, name) }

static const struct {
	const char *word;
	size_t offset;
} lines[] = {
	LINE(state), LINE(epoch), LINE(id), LINE(reason), LINE(result), LINE(deadline_ms),
	LINE(violations), LINE(pool), LINE(guest), LINE(vm), LINE(vm_uuid),
};

#define VALUE(name, member)	{ name, offsetof(struct term, member) }

static const struct {
	const char *word;
	size_t offset;
} values[] = {
	VALUE("asked_floor", asked.low), VALUE("asked_ceiling", asked.high),
	VALUE("asked_min", asked.low), VALUE("asked_max", asked.high),
	VALUE("asked_required", asked.low), VALUE("asked_wanted", asked.high),
	VALUE("asked", asked.high),
	VALUE("offered_floor", offered.low), VALUE("offered_ceiling", offered.high),
	VALUE("offered_min", offered.low), VALUE("offered_max", offered.high),
	VALUE("offered_allowed", offered.high), VALUE("offered", offered.high),
	VALUE("floor", in_force.low), VALUE("ceiling", in_force.high),
	VALUE("value", in_force.high), VALUE("used", used),
};

/* A member of @to that is a text */
static const char **member(void *to, size_t offset)
{
	return (const char **)((char *)to + offset);
}

/* What stands in front of @separator is ended there. Return: what stands behind it. */
static char *cut(char *text, char separator)
{
	char *end = strchr(text, separator);

	if (!end)
		return text + strlen(text);
	*end = 0;
	return end + 1;
}

static bool find_kind(const char *word, enum kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(word, kinds[i].word))
			continue;
		*kind = kinds[i].kind;
		return true;
	}
	return false;
}

static void take_value(struct term *term, char *word)
{
	const char *value = cut(word, '=');

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (strcmp(word, values[i].word))
			continue;
		*member(term, values[i].offset) = value;
		return;
	}
}

/* bandwidth rate asked_floor=0 ... */
static void take_term(struct summary *summary, char *text)
{
	struct term *term = &summary->term[summary->count];
	char *kind = cut(text, ' '), *word = cut(kind, ' '), *next;

	if (summary->count == TERMS_MAX || !*text || !find_kind(kind, &term->kind))
		return;
	summary->count++;
	term->name = text;
	for (; *word; word = next) {
		next = cut(word, ' ');
		take_value(term, word);
	}
}

/* Takes @text to pieces. */
static struct summary *take_summary(char *text)
{
	struct summary *summary = take(sizeof(*summary));
	char *line, *next, *rest;

	for (line = text; *line; line = next) {
		next = cut(line, '\n');
		rest = cut(line, ' ');
		if (!strcmp(line, "term")) {
			take_term(summary, rest);
			continue;
		}
		for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
			if (!strcmp(line, lines[i].word))
				*member(summary, lines[i].offset) = rest;
	}
	return summary;
}

/* All of @file, which every device has; NULL: there is no device */
char *summary_text(const struct object *object, const char *file)
{
	char text[VALUE_MAX], id[NAME_BYTES];

	if (!object->device)
		return NULL;
	if (tree_read(object, file, text, sizeof(text)))
		return take_copy(text);
	if (errno == EACCES)
		exit(complain(FAILED, object->label, "only root may read what a service has"));
	/* A device that has just gone has neither. */
	if (errno == ENOENT && tree_read(object, "contract/id", id, sizeof(id)))
		exit(complain(FAILED, object->label,
			      "%s: there is none: the modules are older than this vspctl; load those of its release",
			      file));
	return NULL;
}

/* Of a text that is kept */
const struct summary *summary_parse(const char *text)
{
	return take_summary(take_copy(text));
}

/* @label: of a summary; NULL: there is none, or an older module does not say it, but @file does */
const char *summary_label(const struct object *object, const char *label, const char *file)
{
	return label ? label : tree_config(object, file);
}

/* NULL: there is no device. Sets the state, the pool and the guest. */
const struct summary *summary_read(struct object *object)
{
	static const struct summary none;
	char *text = summary_text(object, "contract/summary");
	const struct summary *summary = text ? take_summary(text) : NULL, *said = summary ?: &none;

	object->state = said->state ? said->state : tree_state(object);
	object->pool = summary_label(object, said->pool, "pool");
	object->guest = summary_label(object, said->guest, "guest");
	return summary;
}

/* The term of this name, or NULL */
const struct term *summary_term(const struct summary *summary, const char *name)
{
	for (size_t i = 0; i < summary->count; i++)
		if (!strcmp(summary->term[i].name, name))
			return &summary->term[i];
	return NULL;
}

/* Of the contract in force, or NULL */
const char *summary_id(const struct summary *summary)
{
	return summary && !is_nothing(summary->id) && strcmp(summary->id, "0") ? summary->id : NULL;
}
