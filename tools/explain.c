// SPDX-License-Identifier: GPL-2.0-only
/*
 * explain: why a service has what it has, and what would have to change.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vspctl.h"

/* What a reason of a result means, to people */
static const struct {
	const char *word;
	const char *means;
} reasons[] = {
	{ "limit", "more was asked for than the service may have" },
	{ "pool", "the pool has no more to give" },
	{ "source", "the source cannot do it, is gone, or has failed" },
	{ "withdrawn", "the administrator has taken the contract back" },
	{ "rounds", "too many rounds without an agreement" },
	{ "changed", "what was to be kept is not in force any more" },
	{ "capacity", "the pool has less than it had" },
	{ "fallback", "a deadline has changed the contract" },
	{ "agent", "the agent of the pool has refused, or has not answered in time" },
};

static const struct summary *summary;	/* of the service; NULL: it has no device */
static const char *vmm;			/* the process that has it; NULL: none */

/* LOW..HIGH; NULL: there is none */
static const char *range(const struct term *term, const struct values *values)
{
	const char *low = values->low, *high = values->high;

	if (term->kind == KIND_IDENTITY || !high || (term->kind == KIND_SET && is_nothing(low)))
		return high;
	if (!low || !strcmp(low, high))
		return units_out(high);
	return take_text("%s..%s", units_out(low), units_out(high));
}

/* What the administrator (config) or the client's user (request/) has written */
static const char *limit(const struct object *object, const struct term *term, const char *suffix)
{
	const char *value;

	if (object->client)
		value = file_get_in(object->device, take_text("request/%s%s", term->name, suffix));
	else
		value = file_get_in(object->config, take_text("%s%s", term->name, suffix));
	return is_nothing(value) ? NULL : value;
}

/* What the files of a limit or a wish end in */
static const struct values sides[] = {
	[KIND_RATE] = { "_floor", "_ceiling" },
	[KIND_RANGE] = { "_min", "_max" },
	[KIND_SET] = { "_required", "_wanted" },
};

static const char *limits(const struct object *object, const struct term *term)
{
	const char *low, *high;

	if (term->kind == KIND_IDENTITY)
		return limit(object, term, "");
	if (term->kind == KIND_SET && !object->client)
		return limit(object, term, "_allowed");
	low = limit(object, term, sides[term->kind].low);
	high = limit(object, term, sides[term->kind].high);
	if (!low && !high)
		return NULL;
	return take_text("%s..%s", low ? units_out(low) : "", high ? units_out(high) : "");
}

static void explain_table(const struct object *object)
{
	const char * const heads[] = {
		"TERM", "ASKED", object->client ? "WISHED" : "LIMIT", "OFFERED", "IN FORCE", NULL
	};
	struct table *table = table_make(heads);
	const struct term *term;
	const char *cells[4];

	for (size_t i = 0; i < summary->count; i++) {
		term = &summary->term[i];
		cells[0] = range(term, &term->asked);
		cells[1] = limits(object, term);
		cells[2] = range(term, &term->offered);
		cells[3] = range(term, &term->in_force);
		table_cell(table, term->name);
		for (size_t j = 0; j < 4; j++)
			table_cell(table, cells[j] ? cells[j] : "-");
	}
	table_print(table);
}

static bool above(const char *a, const char *b)
{
	if (!a || !is_number(a))
		return false;
	return number_of(a, 10) > (b && is_number(b) ? number_of(b, 10) : 0);
}

static const char *pool_value(const struct object *object, const char *part,
			      const struct term *term)
{
	return file_get_in(take_text("%s/%s", tree_pools, object->pool),
			   take_text("%s_%s", part, term->name));
}

/* What would have to change: a line, or a text in an array */
static __attribute__((format(printf, 1, 2))) void advise(const char *format, ...)
{
	char text[VALUE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (options.json)
		json_string(NULL, text);
	else
		printf("- %s\n", escape_text(text));
}

/*
 * What a command is given as the name of @object. A client's is chosen by its provider: one
 * that a shell might read as something else is not proposed, but vsc0.
 */
static const char *command_name(const struct object *object)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *name = object->name;

	if (object->client && (!*name || *name == '-' ||
			       name[strspn(name, plain)]))
		return strrchr(object->device, '/') + 1;
	return escape_text(name);
}

/*
 * One value of a term: @suffix of the limit, @asked and what is in force (@has). Prints
 * what would have to change for more, and returns whether it did.
 */
static bool explain_value(const struct object *object, const struct term *term,
			  const char *suffix, const char *asked, const char *has)
{
	const char *may = limit(object, term, suffix), *left, *can;
	const char *file = escape_text(take_text("%s%s", term->name, suffix));
	const char *name = escape_text(object->name);

	if (may && above(has, may)) {
		advise("%s was lowered to %s, and %s is in force: vspctl renegotiate %s", file,
		       units_out(may), units_out(has), name);
		return true;
	}
	/* Who wishes nothing would take all: that is no number to be written. */
	if (!strcmp(suffix, "_ceiling") && may && !above(may, has) && above(asked, may)) {
		advise("%s is %s, and its client would take more: vspctl service set %s %s=..., vspctl renegotiate %s",
		       file, units_out(may), name, file, name);
		return true;
	}
	if (above(asked, has) && above(asked, may) && strcmp(suffix, "_ceiling")) {
		advise("%s is %s; %s was asked for: vspctl service set %s %s=%s, vspctl renegotiate %s",
		       file, may ? units_out(may) : "unset", units_out(asked), name, file,
		       units_exact(asked), name);
		return true;
	}
	left = pool_value(object, "available", term);
	can = left ? take_text("%llu", number_of(left, 10) +
			       (has ? number_of(has, 10) : 0)) : NULL;
	/* A ceiling is not charged: it may be the whole capacity. */
	if (can && above(may, can) && strcmp(suffix, "_ceiling")) {
		advise("%s may be %s, and is %s: %s has %s of %s left of %s: raise its capacity_%s, or lower what others have",
		       file, units_out(may), has ? units_out(has) : "none",
		       escape_text(object->pool), units_out(left), term->name,
		       units_out(pool_value(object, "capacity", term)), term->name);
		return true;
	}
	if (above(may, has)) {
		advise("%s may be %s, and is %s: vspctl renegotiate %s, or its client has to ask for more",
		       file, units_out(may), has ? units_out(has) : "none", name);
		return true;
	}
	return false;
}

/* In @words, with blanks or commas between them? */
static bool has_word(const char *words, const char *word, size_t length)
{
	while (words && *words) {
		if (strcspn(words, " ,") == length && !strncmp(words, word, length))
			return true;
		words += strcspn(words, " ,");
		words += strspn(words, " ,");
	}
	return false;
}

static char *with_commas(const char *words)
{
	char *copy = take_text("%s", words);

	for (char *i = copy; *i; i++)
		if (*i == ' ')
			*i = ',';
	return copy;
}

/* The words that were asked for and may not be granted. Return: whether there is one. */
static bool explain_set(const struct object *object, const struct term *term)
{
	const char *name = escape_text(object->name), *asked = term->asked.high;
	const char *may = file_get_in(object->config, take_text("%s_allowed", term->name));
	char *missing = take(1);
	size_t length;

	/* What an unset limit allows is the class's: it is worth a word if more is required. */
	if (may && !strcmp(may, "unset")) {
		asked = term->asked.low;
		may = term->offered.high;
	}
	if (is_nothing(asked))
		return false;
	for (; may && *asked; asked += length, asked += strspn(asked, ",")) {
		length = strcspn(asked, ",");
		if (!has_word(may, asked, length))
			missing = take_text("%s,%.*s", missing, (int)length, asked);
	}
	if (!*missing)
		return false;
	missing = escape_text(missing + 1);
	advise("%s_allowed lacks %s, which was asked for: vspctl service set %s %s=%s%s%s, vspctl renegotiate %s",
	       escape_text(term->name), missing, name, escape_text(term->name),
	       is_nothing(may) ? "" : with_commas(escape_text(may)), is_nothing(may) ? "" : ",",
	       missing, name);
	return true;
}

static bool explain_term(const struct object *object, const struct term *term)
{
	bool more = false;

	if (term->kind == KIND_RATE) {
		more |= explain_value(object, term, "_floor", term->asked.low, term->in_force.low);
		more |= explain_value(object, term, "_ceiling", term->asked.high,
				      term->in_force.high);
	} else if (term->kind == KIND_RANGE) {
		more |= explain_value(object, term, "_max", term->asked.low, term->in_force.high);
	} else if (term->kind == KIND_SET) {
		more |= explain_set(object, term);
	}
	return more;
}

/* Is it in the hands of the machine that it is meant for? */
static void explain_vmm(const struct object *object)
{
	const char *meant = tree_config(object, "vm_uuid"), *has = vmm ? vmm_uuid(vmm) : NULL;

	if (!has || !*meant || !strcasecmp(has, meant))
		return;
	advise("process %s, which has it, is the machine %s, and it is meant for %s: start that with it, or vspctl service set %s vm_uuid=%s",
	       vmm, escape_text(has), escape_text(meant), escape_text(object->name),
	       escape_text(has));
}

/* Of the machine around it, whatever the terms are. Return: whether there was something. */
static bool explain_provider(const struct object *object)
{
	const char *name = escape_text(object->name);
	const char *pool = take_text("%s/%s", tree_pools, object->pool);
	char *slow, *state;

	if (!*object->pool) {
		advise("it has no pool: vspctl service set %s pool=POOL, vspctl service enable %s",
		       name, name);
		return true;
	}
	if (starts(object->state, "class missing: ")) {
		advise("modprobe %s", escape_text(object->state + strlen("class missing: ")));
		return true;
	}
	state = file_get_in(pool, "state");
	if (state && strcmp(state, "enabled")) {
		advise("its pool is %s: vspctl pool enable %s", escape_text(state),
		       escape_text(object->pool));
		return true;
	}
	if (!strcmp(object->state, "disabled")) {
		advise("vspctl service enable %s", name);
		return true;
	}
	slow = file_get_in(pool, "slow");
	if (slow && !strcmp(slow, "1"))
		advise("the source of %s is slower than its capacity says: lower the capacity, or look at the source",
		       escape_text(object->pool));
	return false;
}

/* A client knows what its provider has told it. */
static void explain_client(const struct object *object, const char *result)
{
	char outcome[NAME_BYTES], reason[NAME_BYTES], term[NAME_BYTES], asked[NAME_BYTES];
	char available[NAME_BYTES];

	if (starts(object->state, "class missing: ")) {
		advise("modprobe %s", escape_text(object->state + strlen("class missing: ")));
		return;
	}
	result_word(result, "outcome", outcome, sizeof(outcome));
	result_word(result, "reason", reason, sizeof(reason));
	if (!result_word(result, "term", term, sizeof(term))) {
		if (!strcmp(outcome, "grant"))
			advise("it has what it asked for: vspctl request %s TERM=LOW..HIGH",
			       command_name(object));
		else if (!strcmp(reason, "agent"))
			advise("have the host look at the agent of the pool");
		else if (!strcmp(outcome, "deny"))
			advise("have the host say more (vspctl explain), and ask again: vspctl renegotiate %s",
			       command_name(object));
		else
			advise("vspctl renegotiate %s", command_name(object));
		return;
	}
	result_word(result, "asked", asked, sizeof(asked));
	result_word(result, "available", available, sizeof(available));
	advise("%s of %s was asked for, and %s is there: wish for less (vspctl request %s %s=%s), or have the host raise %s",
	       units_out(asked), escape_text(term), units_out(available),
	       command_name(object), escape_text(term), units_exact(available),
	       !strcmp(reason, "pool") ? "the pool's capacity" : "the service's limit");
}

static void explain_result(const struct object *object, const char *result)
{
	char outcome[NAME_BYTES], reason[NAME_BYTES];

	if (!result) {
		if (summary)
			printf("last negotiation: none yet%s\n", object->client ? "" :
			       ": is the VM started (vspctl qemu), and vsc loaded in it?");
	} else {
		result_word(result, "outcome", outcome, sizeof(outcome));
		result_word(result, "reason", reason, sizeof(reason));
		printf("last negotiation: %s", escape_text(outcome));
		for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
			if (!strcmp(reasons[i].word, reason))
				printf(", %s: %s", reason, reasons[i].means);
		printf("; it began for the reason \"%s\"\n",
		       escape_text(summary->reason ?: "none"));
	}
	if (summary && !is_nothing(summary->deadline_ms))
		printf("a call is open: its fallback comes into force in %s ms\n",
		       escape_text(summary->deadline_ms));
}

static void explain_head(const struct object *object)
{
	const char *id = summary_id(summary);

	printf("%s: %s, ", escape_text(object->label), escape_text(object->state));
	if (id)
		printf("contract %s is in force", escape_text(id));
	else
		printf("no contract is in force");
	if (*object->pool)
		printf("; pool %s", escape_text(object->pool));
	if (*object->guest)
		printf("; guest %s", escape_text(object->guest));
	if (vmm)
		printf("; process %s has it", vmm);
	putchar('\n');
}

static void explain_json(const struct object *object, const char *result)
{
	static const struct summary none;
	const struct summary *now = summary ?: &none;
	const struct term *term;
	char word[NAME_BYTES];

	json_string("service", object->name);
	json_string("class", object->class);
	json_string("state", object->state);
	json_number("contract", now->id);
	json_number("vmm", vmm);
	json_string("vmm_uuid", vmm ? vmm_uuid(vmm) : NULL);
	json_string("outcome", result_word(result, "outcome", word, sizeof(word)) ? word : NULL);
	json_string("outcome_reason", result_word(result, "reason", word, sizeof(word)) ?
		    word : NULL);
	json_string("reason", is_nothing(now->reason) ? NULL : now->reason);
	json_number("deadline_ms", now->deadline_ms);
	json_number("violations", now->violations);
	json_open("terms", '{');
	for (size_t i = 0; i < now->count; i++) {
		term = &now->term[i];
		json_open(term->name, '{');
		json_string("asked", range(term, &term->asked));
		json_string(object->client ? "wished" : "limit", limits(object, term));
		json_string("offered", range(term, &term->offered));
		json_string("in_force", range(term, &term->in_force));
		json_close('}');
	}
	json_close('}');
}

static void explain_text(const struct object *object, const char *result)
{
	explain_head(object);
	explain_result(object, result);
	if (summary && !is_nothing(summary->violations) && strcmp(summary->violations, "0"))
		printf("floors that were not kept: %s times\n", escape_text(summary->violations));
	if (summary)
		explain_table(object);
	printf("what would have to change for something else:\n");
}

/* What is not a matter of one term; @more: something was */
static void explain_rest(const struct object *object, const char *result, bool more)
{
	char outcome[NAME_BYTES], reason[NAME_BYTES];
	const char *name = escape_text(object->name);

	result_word(result, "outcome", outcome, sizeof(outcome));
	result_word(result, "reason", reason, sizeof(reason));
	if (!strcmp(reason, "agent"))
		advise("look at the agent of the pool %s", escape_text(object->pool));
	else if (more)
		return;
	else if (!strcmp(outcome, "deny"))
		advise("its client has to ask for less, or again: vspctl renegotiate %s", name);
	else if (!summary_id(summary))
		advise("its client has to ask for a contract: vspctl renegotiate %s calls it",
		       name);
	else
		advise("it has all that its limits allow: vspctl service set %s TERM=..., vspctl renegotiate %s",
		       name, name);
}

/* Lines, or the texts of an array */
static void explain_changes(const struct object *object, const char *result)
{
	bool more = false;

	if (object->client) {
		explain_client(object, result);
		return;
	}
	explain_vmm(object);
	if (explain_provider(object))
		return;
	for (size_t i = 0; summary && i < summary->count; i++)
		more |= explain_term(object, &summary->term[i]);
	explain_rest(object, result, more);
}

int explain_run(int argc, char **argv)
{
	struct object *object;
	const char *result;

	if (argc != 1)
		return complain(USAGE, "explain", "one SERVICE allowed");
	object = tree_one(argv[0]);
	if (!object)
		return MISSING;
	summary = summary_read(object);
	vmm = vmm_of(object);
	result = summary && !is_nothing(summary->result) ? summary->result : NULL;
	if (!options.json) {
		explain_text(object, result);
		explain_changes(object, result);
		return DONE;
	}
	/* Its numbers are those of the commands that it proposes. */
	options.bytes = true;
	json_open(NULL, '{');
	explain_json(object, result);
	json_open("changes", '[');
	explain_changes(object, result);
	json_close(']');
	json_close('}');
	json_end();
	return DONE;
}
