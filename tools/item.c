// SPDX-License-Identifier: GPL-2.0-only
/*
 * pool and service: what configfs makes, sets, shows and removes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vspctl.h"

/* Return: the value of "enable", or @otherwise. */
static const char *enable_of(const struct writes *writes, const char *otherwise)
{
	for (size_t i = 0; i < writes->count; i++)
		if (!strcmp(writes->write[i].file, "enable"))
			otherwise = writes->write[i].value;
	return otherwise;
}

/* Writes, and then enables or disables; all of it or nothing. */
static int item_set(const char *object, const char *directory, const struct writes *writes,
		    const char *enable)
{
	struct write write = { .file = "enable", .value = enable };
	int status;

	journal_guard();
	status = journal_apply(object, directory, writes);
	if (!status && enable && journal_differs(directory, &write))
		status = journal_set(object, directory, "enable", enable);
	if (status)
		journal_undo(0);
	journal_forget();
	return status;
}

static int item_create(const char *parent, const char *kind, const char *full, char **argv)
{
	const char *object = take_text("%s %s", kind, full);
	const char *directory = take_text("%s/%s", parent, full);
	struct writes *writes = take(sizeof(*writes));
	int status;

	if (!strchr(full, '.') || strchr(full, '/'))
		return complain(USAGE, object, "CLASS.NAME allowed, as in storage.web");
	if (access(parent, F_OK))
		return complain(MISSING, object, "there is no %s: modprobe vsp", parent);
	if (!access(directory, F_OK))
		return complain(FAILED, object, "is there already; see vspctl %s set", kind);
	journal_guard();
	status = journal_make(object, directory);
	if (status)
		return status;
	status = set_parse(object, directory, argv, writes);
	if (status) {
		journal_undo(0);
		return status;
	}
	return item_set(object, directory, writes, enable_of(writes, "1"));
}

static void show_table(const char *directory, char **names, size_t count)
{
	static const char * const heads[] = { "NAME", "VALUE", NULL };
	struct table *table = table_make(heads);
	char *value;

	for (size_t i = 0; i < count; i++) {
		value = file_get_in(directory, names[i]);
		if (!value)
			continue;
		table_cell(table, names[i]);
		table_cell(table, units_quantity(names[i]) ? units_out(value) : value);
	}
	table_print(table);
}

static void show_json(const char *name, const char *directory, char **names, size_t count)
{
	char *value;

	json_open(NULL, '{');
	json_string("name", name);
	for (size_t i = 0; i < count; i++) {
		value = file_get_in(directory, names[i]);
		if (value && is_number(value) && strcmp(names[i], "mode"))
			json_number(names[i], value);
		else if (value)
			json_string(names[i], strcmp(value, "unset") ? value : NULL);
	}
	json_close('}');
}

static void item_show(const char *name, const char *directory)
{
	size_t count;
	char **names = file_list(directory, &count);

	if (options.json)
		show_json(name, directory, names, count);
	else
		show_table(directory, names, count);
}

static const char *pool_number(const struct object *pool, const char *part, const char *term)
{
	return units_out(file_get_in(pool->config, take_text("%s_%s", part, term)));
}

static void pools_table(const struct object *list, size_t count)
{
	static const char * const heads[] = {
		"POOL", "CLASS", "STATE", "SOURCE", "SLOW", "TERM", "CAPACITY", "CHARGED",
		"AVAILABLE", "DEFICIT", NULL
	};
	static const char * const parts[] = { "capacity", "charged", "available", "deficit" };
	struct table *table = table_make(heads);
	size_t names, terms;
	const char *term;
	char **name;

	for (size_t i = 0; i < count; i++) {
		name = file_list(list[i].config, &names);
		terms = 0;
		for (size_t j = 0; j < names; j++) {
			if (!starts(name[j], "capacity_"))
				continue;
			table_cell(table, terms ? "" : list[i].name);
			table_cell(table, terms ? "" : list[i].class);
			table_cell(table, terms ? "" : file_get_in(list[i].config, "state"));
			table_cell(table, terms ? "" : file_get_in(list[i].config, "source"));
			table_cell(table, terms ? "" : file_get_in(list[i].config, "slow"));
			term = name[j] + strlen("capacity_");
			table_cell(table, term);
			for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++)
				table_cell(table, pool_number(&list[i], parts[k], term));
			terms++;
		}
	}
	table_print(table);
}

/* All of them */
static int show_all(bool pools)
{
	struct object *list;
	size_t count;

	if (!pools && !options.json)
		return status_run(0, NULL);
	count = pools ? tree_list_pools(&list) : tree_list(false, &list);
	if (!options.json) {
		pools_table(list, count);
		return DONE;
	}
	json_open(NULL, '[');
	for (size_t i = 0; i < count; i++)
		item_show(list[i].label, list[i].config);
	json_close(']');
	json_end();
	return DONE;
}

static int item_remove(const char *object, const char *directory)
{
	struct write write = { .file = "enable", .value = "0" };

	if (journal_differs(directory, &write) && file_set(object, directory, "enable", "0"))
		return FAILED;
	complain_prepare();
	if (rmdir(directory))
		return complain_refused(object, "remove", directory, -errno);
	return DONE;
}

static int item_verb(const char *verb, const char *object, const struct object *item, char **argv)
{
	struct writes *writes = take(sizeof(*writes));
	int status;

	if (!strcmp(verb, "set")) {
		if (!*argv)
			return complain(USAGE, object, "set what? NAME=VALUE; there are: %s",
					set_names(item->config));
		status = set_parse(object, item->config, argv, writes);
		return status ? status : item_set(object, item->config, writes,
						  enable_of(writes, NULL));
	}
	if (*argv)
		return complain(USAGE, object, "%s takes nothing more, not \"%s\"", verb, *argv);
	if (!strcmp(verb, "show")) {
		item_show(item->label, item->config);
		if (options.json)
			json_end();
		return DONE;
	}
	if (!strcmp(verb, "enable") || !strcmp(verb, "disable"))
		return item_set(object, item->config, writes, verb[0] == 'e' ? "1" : "0");
	if (!strcmp(verb, "remove"))
		return item_remove(object, item->config);
	/* pool renegotiate, service release: a file of this name */
	return file_set(object, item->config, verb, "1");
}

static bool is_verb(const char *verb, const char *trigger)
{
	static const char * const verbs[] = { "set", "show", "enable", "disable", "remove" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verb, verbs[i]))
			return true;
	return !strcmp(verb, trigger);
}

static int item_run(bool pools, int argc, char **argv)
{
	const char *kind = pools ? "pool" : "service", *trigger = pools ? "renegotiate" : "release";
	struct object *item;

	if (!argc || (argc == 1 && !strcmp(argv[0], "show")))
		return show_all(pools);
	if (argc > 1 && !strcmp(argv[0], "create"))
		return item_create(pools ? tree_pools : tree_services, kind, argv[1], argv + 2);
	if (argc < 2 || !is_verb(argv[0], trigger))
		return complain(USAGE, kind, "create, set, show, enable, disable, %s or remove, and a name, allowed",
				trigger);
	item = pools ? tree_pool(argv[1]) : tree_service(argv[1]);
	if (!item)
		return complain(MISSING, argv[1], "no such %s in %s", kind,
				pools ? tree_pools : tree_services);
	return item_verb(argv[0], take_text("%s %s", kind, item->label), item, argv + 2);
}

int pool_run(int argc, char **argv)
{
	return item_run(true, argc, argv);
}

int service_run(int argc, char **argv)
{
	return item_run(false, argc, argv);
}
