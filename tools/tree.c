// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is: pools, services and clients, by the directories of configfs and sysfs, and
 * the terms of a class, by the names of the files of one of its services.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

#define CLASSES_MAX	32	/* whose terms are remembered, of both sides */

const char *tree_services, *tree_pools, *tree_devices, *tree_clients;

void tree_init(void)
{
	tree_services = take_text("%s/sys/kernel/config/vsp/services", options.root);
	tree_pools = take_text("%s/sys/kernel/config/vsp/pools", options.root);
	tree_devices = take_text("%s/sys/bus/vdpa/devices", options.root);
	tree_clients = take_text("%s/sys/class/vsc", options.root);
}

static const char *or_empty(const char *value)
{
	return value ? value : "";
}

/* @full: <class>.<name> */
static bool split_name(const char *full, struct object *object)
{
	const char *dot = strchr(full, '.');

	if (!dot || dot == full || !dot[1] || strchr(full, '/'))
		return false;
	object->class = take_text("%.*s", (int)(dot - full), full);
	object->name = take_text("%s", dot + 1);
	object->label = take_text("%s", full);
	object->fd = -1;
	return true;
}

static int open_services(void)
{
	return open(tree_services, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* @services: open; from there the way to its files is short */
static void read_service(struct object *object, int services)
{
	object->pool = or_empty(file_get(services, take_text("%s/pool", object->label)));
	object->guest = or_empty(file_get(services, take_text("%s/guest", object->label)));
	object->state = or_empty(file_get(services, take_text("%s/state", object->label)));
	if (!*object->state && errno == EACCES)
		exit(complain(FAILED, object->label, "only root may read what a service has"));
	object->device = take_text("%s/%s", tree_devices, object->name);
}

static bool read_client(const char *number, struct object *object)
{
	char *directory = take_text("%s/%s", tree_clients, number);
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(object, 0, sizeof(*object));
	object->client = true;
	object->device = directory;
	object->fd = fd;
	object->class = file_get(fd, "class");
	object->name = file_get(fd, "name");
	object->state = or_empty(file_get(fd, "contract/state"));
	object->label = take_text("%s (%s)", number, or_empty(object->name));
	object->pool = "";
	object->guest = "";
	return object->class && object->name;
}

/* Does it pass --class, --pool, --guest? */
bool tree_passes(const struct object *object)
{
	const char *dot = strchr(object->pool, '.');

	if (options.class && strcmp(options.class, object->class))
		return false;
	if (options.guest && strcmp(options.guest, object->guest))
		return false;
	return !options.pool || !strcmp(options.pool, object->pool) ||
	       (dot && !strcmp(options.pool, dot + 1));
}

/* All services, or all clients, that the options mean */
size_t tree_list(bool client, struct object **list)
{
	const char *directory = client ? tree_clients : tree_services;
	size_t names, count = 0;
	char **name = file_list(directory, &names);
	struct object *found = take((names + 1) * sizeof(*found));
	int services = client ? -1 : open_services();

	for (size_t i = 0; i < names; i++) {
		if (client) {
			if (!read_client(name[i], &found[count])) {
				tree_close(&found[count]);
				continue;
			}
		} else {
			if (!split_name(name[i], &found[count]))
				continue;
			found[count].config = take_text("%s/%s", directory, name[i]);
			read_service(&found[count], services);
		}
		if (tree_passes(&found[count]))
			count++;
		else
			tree_close(&found[count]);
	}
	if (services >= 0)
		close(services);
	*list = found;
	return count;
}

/* All pools that --class and --pool mean */
size_t tree_list_pools(struct object **list)
{
	size_t names, count = 0;
	char **name = file_list(tree_pools, &names);
	struct object *found = take((names + 1) * sizeof(*found));

	for (size_t i = 0; i < names; i++) {
		if (!split_name(name[i], &found[count]))
			continue;
		if (options.class && strcmp(options.class, found[count].class))
			continue;
		if (options.pool && strcmp(options.pool, found[count].name) &&
		    strcmp(options.pool, found[count].label))
			continue;
		found[count++].config = take_text("%s/%s", tree_pools, name[i]);
	}
	*list = found;
	return count;
}

/* A command that acts on one of two would often act on the wrong one. */
static noreturn void refuse_name(const char *name, const char *one, const char *other)
{
	exit(complain(USAGE, name, "there are %s and %s: say which", one, other));
}

/* @name: web or storage.web. The directory in @parent, or NULL. */
static char *find_directory(const char *parent, const char *name)
{
	char *found = NULL;
	size_t count;
	char **names = file_list(parent, &count);
	const char *dot;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return names[i];
	for (size_t i = 0; i < count; i++) {
		dot = strchr(names[i], '.');
		if (!dot || strcmp(dot + 1, name))
			continue;
		if (found)
			refuse_name(name, found, names[i]);
		found = names[i];
	}
	return found;
}

static struct object *find_config(const char *parent, const char *name)
{
	char *full = strchr(name, '/') ? NULL : find_directory(parent, name);
	struct object *object;

	if (!full)
		return NULL;
	object = take(sizeof(*object));
	if (!split_name(full, object))
		return NULL;
	object->config = take_text("%s/%s", parent, full);
	return object;
}

/* NULL: there is none of this name. Ends the program where two classes have one. */
struct object *tree_pool(const char *name)
{
	return find_config(tree_pools, name);
}

struct object *tree_service(const char *name)
{
	struct object *object = find_config(tree_services, name);
	int services;

	if (!object)
		return NULL;
	services = open_services();
	read_service(object, services);
	close(services);
	return object;
}

static bool is_client_named(const struct object *object, const char *name)
{
	return !strcmp(object->name, name) ||
	       !strcmp(take_text("%s.%s", object->class, object->name), name) ||
	       !strcmp(or_empty(file_get(object->fd, "uuid")), name);
}

/*
 * As vsc0, or by the name of its service, with or without class, or by its UUID. Providers
 * choose names: two may have the same, and one may be "vsc0", which is not that client.
 */
struct object *tree_client(const char *name)
{
	struct object *found = take(sizeof(*found)), *object = take(sizeof(*object));
	size_t count;
	char **names = file_list(tree_clients, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name))
			continue;
		if (read_client(names[i], found))
			return found;
		tree_close(found);
	}
	found->name = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!read_client(names[i], object) || !is_client_named(object, name)) {
			tree_close(object);
			continue;
		}
		if (found->name)
			refuse_name(name, found->label, object->label);
		*found = *object;
	}
	return found->name ? found : NULL;
}

/* The service of the provider before the client, if there are both; NULL, and said so. */
struct object *tree_one(const char *name)
{
	struct object *object = options.client ? NULL : tree_service(name);

	if (!object && !options.provider)
		object = tree_client(name);
	if (!object)
		complain(MISSING, name, "no such service, neither in %s nor in %s", tree_services,
			 tree_clients);
	return object;
}

/*
 * Makes of each word the name of the service that it means: an event names no UUID, and a device
 * may come again with another number. false: there is no such service, and that was said.
 */
bool tree_names(int count, char **words)
{
	struct object *object;

	for (int i = 0; i < count; i++) {
		object = tree_one(words[i]);
		if (!object)
			return false;
		words[i] = (char *)object->name;
		tree_close(object);
	}
	return true;
}

/* @names: as tree_names() makes them, ended by NULL; none of them: any service is meant */
bool tree_is_meant(const struct object *object, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, object->name))
			return true;
	return false;
}

/* For what is read of it by fd: -1 if there is no device */
void tree_open(struct object *object)
{
	if (object->fd < 0 && object->device)
		object->fd = open(object->device, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void tree_close(struct object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	object->fd = -1;
}

const char *tree_low(enum kind kind)
{
	return kind == KIND_RATE ? "_floor" : kind == KIND_RANGE ? "_min" : "_required";
}

const char *tree_high(enum kind kind)
{
	return kind == KIND_RATE ? "_ceiling" : kind == KIND_RANGE ? "_max" : "_wanted";
}

/* asked_bandwidth_floor: a rate "bandwidth"; false: the name tells of no term */
static bool term_of_file(const char *file, struct term *term)
{
	static const enum kind kinds[] = { KIND_RATE, KIND_RANGE, KIND_SET };

	if (!starts(file, "asked_"))
		return false;
	file += strlen("asked_");
	memset(term, 0, sizeof(*term));
	term->kind = KIND_IDENTITY;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (ends(file, tree_high(kinds[i])) || ends(file, "_demand"))
			return false;
		if (ends(file, tree_low(kinds[i])))
			term->kind = kinds[i];
	}
	snprintf(term->name, sizeof(term->name), "%s", file);
	if (term->kind != KIND_IDENTITY)
		term->name[strlen(term->name) - strlen(tree_low(term->kind))] = 0;
	return true;
}

static void read_terms(const struct object *object, struct terms *terms)
{
	char *directory = take_text("%s/terms", object->device);
	size_t count;
	char **names = file_list(directory, &count);

	for (size_t i = 0; i < count && terms->count < TERMS_MAX; i++)
		if (term_of_file(names[i], &terms->term[terms->count]))
			terms->count++;
	for (size_t i = 0; i < terms->count; i++)
		terms->term[i].used = !access(take_text("%s/used_%s", directory,
							terms->term[i].name), F_OK);
}

/* Those of its class; all services of a class have the same. */
const struct terms *tree_terms(const struct object *object)
{
	static struct terms known[CLASSES_MAX], *terms;
	static size_t count;

	for (size_t i = 0; i < count; i++)
		if (known[i].client == object->client && !strcmp(known[i].class, object->class))
			return &known[i];
	terms = count < CLASSES_MAX ? &known[count] : take(sizeof(*terms));
	snprintf(terms->class, sizeof(terms->class), "%s", object->class);
	terms->client = object->client;
	read_terms(object, terms);
	/* Do not remember an empty list: the device has just gone. */
	if (terms->count && count < CLASSES_MAX)
		count++;
	return terms;
}

/*
 * The capacity that was written, for what is to be written again: "unset" where the class
 * has filled it in. Of modules without the file "declared", what there is.
 */
const char *tree_capacity(const char *pool, const char *term)
{
	char *declared = file_get_in(pool, "declared"), *word;

	for (word = declared ? strtok(declared, " ") : NULL; word; word = strtok(NULL, " "))
		if (!strcmp(word, term))
			break;
	if (declared && !word)
		return "unset";
	return file_get_in(pool, take_text("capacity_%s", term));
}
