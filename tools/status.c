// SPDX-License-Identifier: GPL-2.0-only
/*
 * status: what every service has, on either side.
 */
#include <stdio.h>
#include <string.h>

#include "vspctl.h"

/**
 * struct view - what is shown of one service
 * @object: it
 * @contract: id of the contract in force, or NULL
 * @result: of the last negotiation, or NULL
 * @reason: of the current or last negotiation
 * @deadline: of an open call, or NULL
 * @violations: how many
 * @terms: of its class; NULL: there is no device
 */
struct view {
	struct object *object;
	const char *contract;
	const char *result;
	const char *reason;
	const char *deadline;
	const char *violations;
	const struct terms *terms;
};

static const char *something(const char *value)
{
	return is_nothing(value) ? NULL : value;
}

static void view_read(struct object *object, struct view *view)
{
	memset(view, 0, sizeof(*view));
	view->object = object;
	if (!object->client &&
	    (!strcmp(object->state, "disabled") || starts(object->state, "class ")))
		return;
	tree_open(object);
	if (object->fd < 0)
		return;
	view->contract = something(file_get(object->fd, "contract/id"));
	if (view->contract && !strcmp(view->contract, "0"))
		view->contract = NULL;
	view->result = something(file_get(object->fd, "contract/result"));
	if (options.json) {
		view->reason = something(file_get(object->fd, "contract/reason"));
		view->deadline = something(file_get(object->fd, "contract/deadline_ms"));
	}
	view->violations = file_get(object->fd, "counters/violations");
	view->terms = tree_terms(object);
}

static const char *get(const struct view *view, const char *prefix, const struct term *term,
		       const char *suffix)
{
	char file[2 * NAME_BYTES];

	snprintf(file, sizeof(file), "terms/%s%s%s", prefix, term->name, suffix);
	return something(file_get(view->object->fd, file));
}

/* Of a set, "none" is a value: no word. */
static const char *get_words(const struct view *view, const char *prefix,
			     const struct term *term, const char *suffix)
{
	char file[2 * NAME_BYTES];
	char *words;

	snprintf(file, sizeof(file), "terms/%s%s%s", prefix, term->name, suffix);
	words = file_get(view->object->fd, file);
	for (char *i = words; i && *i; i++)
		if (*i == ' ')
			*i = ',';
	return words;
}

static const char *asked(const struct view *view, const struct term *term)
{
	const char *low, *high;

	if (term->kind == KIND_IDENTITY)
		return get(view, "asked_", term, "");
	if (term->kind == KIND_SET) {
		low = get_words(view, "asked_", term, "_required");
		high = get_words(view, "asked_", term, "_wanted");
	} else {
		low = get(view, "asked_", term, tree_low(term->kind));
		high = get(view, "asked_", term, tree_high(term->kind));
	}
	if (!low || !high || !strcmp(low, high))
		return high ? units_out(high) : NULL;
	return take_text("%s..%s", units_out(low), units_out(high));
}

static const char *ceiling(const struct view *view, const struct term *term)
{
	if (term->kind == KIND_SET)
		return get_words(view, "", term, "");
	return get(view, "", term, term->kind == KIND_RATE ? "_ceiling" : "");
}

static void cell(struct table *table, const char *value)
{
	table_cell(table, is_nothing(value) ? "-" : value);
}

/* An identity may consist of digits. */
static void term_cell(struct table *table, const struct term *term, const char *value)
{
	cell(table, value && term->kind != KIND_IDENTITY ? units_out(value) : value);
}

/* grant, deny: limit, ... */
static const char *outcome(const struct view *view)
{
	char word[NAME_BYTES], reason[NAME_BYTES];

	if (!view->result || !result_word(view->result, "outcome", word, sizeof(word)))
		return NULL;
	result_word(view->result, "reason", reason, sizeof(reason));
	return is_nothing(reason) ? take_text("%s", word) : take_text("%s: %s", word, reason);
}

static void table_term(struct table *table, const struct view *view, const struct term *term)
{
	table_cell(table, term->name);
	cell(table, asked(view, term));
	term_cell(table, term, term->kind == KIND_RATE ? get(view, "", term, "_floor") : NULL);
	term_cell(table, term, ceiling(view, term));
	if (!term->used)
		cell(table, NULL);
	else if (term->kind == KIND_SET)
		cell(table, get_words(view, "used_", term, ""));
	else
		term_cell(table, term, get(view, "used_", term, ""));
}

static void table_view(struct table *table, const struct view *view)
{
	const struct object *object = view->object;
	size_t terms = view->terms ? view->terms->count : 0;

	table_cell(table, object->client ? object->label : object->name);
	table_cell(table, object->class);
	if (!object->client) {
		cell(table, strchr(object->pool, '.') ? strchr(object->pool, '.') + 1 : NULL);
		cell(table, object->guest);
	}
	table_cell(table, object->state);
	cell(table, view->violations);
	cell(table, outcome(view));
	/* Without ask and contract, its terms say nothing. */
	if (!view->contract && !view->result)
		terms = 0;
	for (size_t i = 0; !terms && i < 5; i++)
		table_cell(table, "");
	for (size_t i = 0; i < terms; i++) {
		for (size_t j = 0; i && j < (object->client ? 5 : 7); j++)
			table_cell(table, "");
		table_term(table, view, &view->terms->term[i]);
	}
}

static void status_table(bool client, struct object *list, size_t count)
{
	static const char * const services[] = {
		"SERVICE", "CLASS", "POOL", "GUEST", "STATE", "VIOLATIONS", "RESULT", "TERM",
		"ASKED", "FLOOR", "CEILING", "USED", NULL
	};
	static const char * const clients[] = {
		"CLIENT", "CLASS", "STATE", "VIOLATIONS", "RESULT", "TERM", "ASKED", "FLOOR",
		"CEILING", "USED", NULL
	};
	struct table *table = table_make(client ? clients : services);
	struct view view;

	for (size_t i = 0; i < count; i++) {
		view_read(&list[i], &view);
		table_view(table, &view);
		tree_close(&list[i]);
	}
	table_print(table);
}

static void json_value(const char *name, const struct term *term, const char *value)
{
	if (term->kind == KIND_IDENTITY)
		json_string(name, value);
	else
		json_number(name, value);
}

static void json_set(const struct view *view, const char *name, const char *prefix,
		     const struct term *term, const char *suffix)
{
	char file[2 * NAME_BYTES];

	/* That of no contract and that of no word are both "none" */
	snprintf(file, sizeof(file), "terms/%s%s%s", prefix, term->name, suffix);
	json_words(name, file_get(view->object->fd, file));
}

static void json_term(const struct view *view, const struct term *term)
{
	bool rate = term->kind == KIND_RATE;

	json_open(term->name, '{');
	if (term->kind == KIND_SET) {
		json_set(view, "asked_required", "asked_", term, "_required");
		json_set(view, "asked_wanted", "asked_", term, "_wanted");
		json_set(view, "value", "", term, "");
	} else if (term->kind == KIND_IDENTITY) {
		json_string("asked", get(view, "asked_", term, ""));
		json_string("value", get(view, "", term, ""));
	} else {
		json_number(rate ? "asked_floor" : "asked_min",
			    get(view, "asked_", term, tree_low(term->kind)));
		json_number(rate ? "asked_ceiling" : "asked_max",
			    get(view, "asked_", term, tree_high(term->kind)));
		if (rate)
			json_number("floor", get(view, "", term, "_floor"));
		json_value(rate ? "ceiling" : "value", term, ceiling(view, term));
	}
	if (term->used && term->kind != KIND_SET)
		json_value("used", term, get(view, "used_", term, ""));
	json_close('}');
}

static void json_view(const struct view *view)
{
	const struct object *object = view->object;
	char word[NAME_BYTES];

	json_open(NULL, '{');
	json_string("service", object->name);
	json_string("class", object->class);
	if (!object->client) {
		json_string("pool", something(object->pool));
		json_string("guest", something(object->guest));
		json_string("vm", something(file_get_in(object->config, "vm")));
		json_string("vm_uuid", something(file_get_in(object->config, "vm_uuid")));
	}
	json_string("state", object->state);
	json_number("contract", view->contract);
	json_string("reason", view->reason);
	json_string("outcome", result_word(view->result, "outcome", word, sizeof(word)) ?
		    word : NULL);
	json_string("outcome_reason", result_word(view->result, "reason", word, sizeof(word)) ?
		    word : NULL);
	json_number("deadline_ms", view->deadline);
	json_number("violations", view->violations);
	json_open("terms", '{');
	for (size_t i = 0; view->terms && i < view->terms->count; i++)
		json_term(view, &view->terms->term[i]);
	json_close('}');
	json_close('}');
}

static void status_json(const char *name, struct object *list, size_t count)
{
	struct view view;

	json_open(name, '[');
	for (size_t i = 0; i < count; i++) {
		view_read(&list[i], &view);
		json_view(&view);
		tree_close(&list[i]);
	}
	json_close(']');
}

/* Those named, or all that the options mean */
static int status_find(int argc, char **argv, bool client, struct object **list, size_t *count)
{
	struct object *object;

	*list = NULL;
	*count = 0;
	if (!argc) {
		if (!(client ? options.provider : options.client))
			*count = tree_list(client, list);
		return DONE;
	}
	*list = take(argc * sizeof(**list));
	for (int i = 0; i < argc; i++) {
		object = tree_one(argv[i]);
		if (!object)
			return MISSING;
		if (object->client == client)
			(*list)[(*count)++] = *object;
	}
	return DONE;
}

int status_run(int argc, char **argv)
{
	struct object *list[2];
	size_t count[2];

	file_batch();
	for (int client = 0; client < 2; client++)
		if (status_find(argc, argv, client, &list[client], &count[client]))
			return MISSING;
	if (options.json) {
		json_open(NULL, '{');
		status_json("services", list[0], count[0]);
		status_json("clients", list[1], count[1]);
		json_close('}');
		json_end();
		return DONE;
	}
	if (count[0] || !count[1])
		status_table(false, list[0], count[0]);
	if (count[0] && count[1])
		putchar('\n');
	if (count[1])
		status_table(true, list[1], count[1]);
	return DONE;
}
