// SPDX-License-Identifier: GPL-2.0-only
/*
 * status: what every service has, on either side.
 */
#include <stdio.h>
#include <string.h>

#include "vspctl.h"

static const char *something(const char *value)
{
	return is_nothing(value) ? NULL : value;
}

static const char *asked(const struct term *term)
{
	const char *low = term->asked.low, *high = term->asked.high;

	if (term->kind == KIND_IDENTITY || !high)
		return high;
	if (!low || !strcmp(low, high))
		return units_out(high);
	return take_text("%s..%s", units_out(low), units_out(high));
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
static const char *outcome(const struct summary *summary)
{
	char word[NAME_BYTES], reason[NAME_BYTES];

	if (!summary || !result_word(summary->result, "outcome", word, sizeof(word)))
		return NULL;
	result_word(summary->result, "reason", reason, sizeof(reason));
	return is_nothing(reason) ? take_text("%s", word) : take_text("%s: %s", word, reason);
}

static void table_term(struct table *table, const struct term *term)
{
	table_cell(table, term->name);
	cell(table, asked(term));
	term_cell(table, term, term->in_force.low);
	term_cell(table, term, term->in_force.high);
	term_cell(table, term, term->used);
}

static void table_object(struct table *table, struct object *object)
{
	const struct summary *summary = summary_read(object);
	size_t terms = summary ? summary->count : 0;

	table_cell(table, object->client ? object->label : object->name);
	table_cell(table, object->class);
	if (!object->client) {
		cell(table, strchr(object->pool, '.') ? strchr(object->pool, '.') + 1 : NULL);
		cell(table, object->guest);
	}
	table_cell(table, object->state);
	cell(table, summary ? summary->violations : NULL);
	cell(table, outcome(summary));
	/* Without ask and contract, its terms say nothing. */
	if (!summary_id(summary) && (!summary || is_nothing(summary->result)))
		terms = 0;
	for (size_t i = 0; !terms && i < 5; i++)
		table_cell(table, "");
	for (size_t i = 0; i < terms; i++) {
		for (size_t j = 0; i && j < (object->client ? 5 : 7); j++)
			table_cell(table, "");
		table_term(table, &summary->term[i]);
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

	for (size_t i = 0; i < count; i++)
		table_object(table, &list[i]);
	table_print(table);
}

static void json_term(const struct term *term)
{
	bool rate = term->kind == KIND_RATE;

	json_open(term->name, '{');
	if (term->kind == KIND_SET) {
		json_words("asked_required", term->asked.low);
		json_words("asked_wanted", term->asked.high);
		json_words("value", term->in_force.high);
	} else if (term->kind == KIND_IDENTITY) {
		json_string("asked", term->asked.high);
		json_string("value", term->in_force.high);
	} else {
		json_number(rate ? "asked_floor" : "asked_min", term->asked.low);
		json_number(rate ? "asked_ceiling" : "asked_max", term->asked.high);
		if (rate)
			json_number("floor", term->in_force.low);
		json_number(rate ? "ceiling" : "value", term->in_force.high);
		if (term->used)
			json_number("used", term->used);
	}
	json_close('}');
}

static void json_object(struct object *object)
{
	static const struct summary none;
	const struct summary *summary = summary_read(object) ?: &none;
	char word[NAME_BYTES];

	json_open(NULL, '{');
	json_string("service", object->name);
	json_string("class", object->class);
	if (!object->client) {
		json_string("pool", something(object->pool));
		json_string("guest", something(object->guest));
		json_string("vm", something(summary_label(object, summary->vm, "vm")));
		json_string("vm_uuid",
			    something(summary_label(object, summary->vm_uuid, "vm_uuid")));
	}
	json_string("state", object->state);
	json_number("contract", summary_id(summary));
	json_string("reason", something(summary->reason));
	json_string("outcome", result_word(summary->result, "outcome", word, sizeof(word)) ?
		    word : NULL);
	json_string("outcome_reason", result_word(summary->result, "reason", word, sizeof(word)) ?
		    word : NULL);
	json_number("deadline_ms", summary->deadline_ms);
	json_number("violations", summary->violations);
	json_open("terms", '{');
	for (size_t i = 0; i < summary->count; i++)
		json_term(&summary->term[i]);
	json_close('}');
	json_close('}');
}

static void status_json(const char *name, struct object *list, size_t count)
{
	json_open(name, '[');
	for (size_t i = 0; i < count; i++)
		json_object(&list[i]);
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
