// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file that restore reads, as save writes it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"
#include "plan.h"

#define LINE_BYTES	(2 * VALUE_MAX)

static char *trimmed(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = 0;
	return text;
}

static int wrong(const struct plan *plan, const char *what)
{
	return complain(FAILED, take_text("%s:%u", plan->path, plan->line), "%s", what);
}

static struct item *find(struct plan *plan, bool pool, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->item[i]->pool == pool && !strcmp(plan->item[i]->name, name))
			return plan->item[i];
	return NULL;
}

/* [pool storage.fast] */
static int add_item(struct plan *plan, char *head)
{
	char *name, *end = strchr(head, ']');
	struct item *item;
	bool pool;

	if (!end || *trimmed(end + 1))
		return wrong(plan, "[pool CLASS.NAME] or [service CLASS.NAME] allowed");
	*end = 0;
	pool = starts(head, "pool ");
	if (!pool && !starts(head, "service "))
		return wrong(plan, "[pool CLASS.NAME] or [service CLASS.NAME] allowed");
	name = trimmed(head + strlen(pool ? "pool" : "service"));
	if (!strchr(name, '.') || strchr(name, '/') || *name == '.')
		return wrong(plan, "CLASS.NAME allowed, as in storage.web");
	if (find(plan, pool, name))
		return wrong(plan, "this one was there already");
	item = take(sizeof(*item));
	item->pool = pool;
	item->name = take_text("%s", name);
	item->label = take_text("%s %s", pool ? "pool" : "service", name);
	item->directory = take_text("%s/%s", pool ? tree_pools : tree_services, name);
	plan->item = take_more(plan->item, plan->count, sizeof(*plan->item));
	plan->item[plan->count++] = item;
	return DONE;
}

/* name = value */
static int add_value(struct plan *plan, char *line)
{
	struct item *item = plan->count ? plan->item[plan->count - 1] : NULL;
	char *equals = strchr(line, '='), *name, *value;
	char text[VALUE_MAX];
	size_t length;

	if (!item || !equals)
		return wrong(plan, item ? "NAME = VALUE allowed" :
			     "[pool CLASS.NAME] or [service CLASS.NAME] has to be first");
	*equals = 0;
	name = trimmed(line);
	value = trimmed(equals + 1);
	length = strlen(value);
	if (length > 1 && *value == '"' && value[length - 1] == '"') {
		value[length - 1] = 0;
		value++;
	}
	if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return wrong(plan, "a name of a-z, 0-9 and _ allowed in front of =");
	for (size_t i = 0; i < item->writes.count; i++)
		if (!strcmp(item->writes.write[i].file, name))
			return wrong(plan, "this name was there already");
	if (item->writes.count == WRITES_MAX)
		return wrong(plan, "too many values");
	if (!set_value(name, value, text, sizeof(text)))
		return wrong(plan, "a number as 200M, 1.5G, 1Gbit or 0x10, or unset, allowed");
	if (!strcmp(name, "enable") && strcmp(value, "0") && strcmp(value, "1"))
		return wrong(plan, "enable = 0 or enable = 1 allowed");
	item->writes.write[item->writes.count++] = (struct write){
		take_text("%s", name), take_text("%s", text), plan->line
	};
	if (!strcmp(name, "enable"))
		item->enable = item->writes.write[item->writes.count - 1].value;
	return DONE;
}

static int read_line(struct plan *plan, char *line)
{
	line = trimmed(line);
	if (!*line || *line == '#')
		return DONE;
	return *line == '[' ? add_item(plan, line + 1) : add_value(plan, line);
}

static int read_lines(FILE *from, struct plan *plan)
{
	char line[LINE_BYTES];
	int status = DONE;

	while (!status && fgets(line, sizeof(line), from)) {
		plan->line++;
		if (!strchr(line, '\n') && !feof(from))
			status = wrong(plan, "the line is too long");
		else
			status = read_line(plan, line);
	}
	return ferror(from) ? complain(FAILED, plan->path, "cannot be read") : status;
}

/* Return: DONE, or FAILED, and said why: then nothing of it is to be done. */
int plan_read(const char *path, struct plan *plan)
{
	FILE *from;
	int status;

	memset(plan, 0, sizeof(*plan));
	plan->path = path;
	if (!strcmp(path, "-"))
		return read_lines(stdin, plan);
	from = fopen(path, "re");
	if (!from)
		return complain(FAILED, path, "%s", strerror(errno));
	status = read_lines(from, plan);
	fclose(from);
	return status;
}
