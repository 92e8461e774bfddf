// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is: pools, services and clients, by the directories of configfs and sysfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

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

/*
 * The directories that services and devices are in, so that the way to a file is short. Opened
 * anew for each list: one that went with its module is another one when it comes again.
 */
static int services_fd = -1, devices_fd = -1, clients_fd = -1;

static void open_directory(int *fd, const char *directory)
{
	if (*fd >= 0)
		close(*fd);
	*fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void open_directories(void)
{
	open_directory(&services_fd, tree_services);
	open_directory(&devices_fd, tree_devices);
	open_directory(&clients_fd, tree_clients);
}

/* A file of a service, in configfs; "" where there is none, or of a client, which has none */
const char *tree_config(const struct object *object, const char *file)
{
	if (object->client)
		return "";
	return or_empty(file_get(services_fd, take_text("%s/%s", object->label, file)));
}

static void read_service(struct object *object)
{
	/* Else summary_read() finds them in the file that it reads anyway. */
	if (options.pool || options.guest) {
		object->pool = tree_config(object, "pool");
		object->guest = tree_config(object, "guest");
	}
	object->device = take_text("%s/%s", tree_devices, object->name);
}

/* A file of the device, as file_read_at() */
bool tree_read(const struct object *object, const char *file, char *to, size_t size)
{
	return file_read_at(object->client ? clients_fd : devices_fd,
			    take_text("%s/%s", strrchr(object->device, '/') + 1, file), to, size);
}

static char *get(const struct object *object, const char *file)
{
	char value[VALUE_MAX];

	return tree_read(object, file, value, sizeof(value)) ? take_copy(value) : NULL;
}

static bool read_client(const char *number, struct object *object)
{
	memset(object, 0, sizeof(*object));
	object->client = true;
	object->device = take_text("%s/%s", tree_clients, number);
	object->fd = -1;
	object->class = get(object, "class");
	object->name = get(object, "name");
	object->label = take_text("%s (%s)", number, or_empty(object->name));
	object->pool = "";
	object->guest = "";
	return object->class && object->name;
}

/* What a service without a device says; "" of a client. */
const char *tree_state(const struct object *object)
{
	char *state;

	if (object->client)
		return "";
	state = file_get(services_fd, take_text("%s/state", object->label));
	if (!state && errno == EACCES)
		exit(complain(FAILED, object->label, "only root may read what a service has"));
	return or_empty(state);
}

/* Does it pass --class, --pool, --guest? */
bool tree_passes(const struct object *object)
{
	const char *dot = options.pool ? strchr(object->pool, '.') : NULL;

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

	open_directories();
	for (size_t i = 0; i < names; i++) {
		if (client) {
			if (!read_client(name[i], &found[count]))
				continue;
		} else {
			if (!split_name(name[i], &found[count]))
				continue;
			found[count].config = take_text("%s/%s", directory, name[i]);
			read_service(&found[count]);
		}
		if (tree_passes(&found[count]))
			count++;
	}
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

	if (!object)
		return NULL;
	open_directories();
	read_service(object);
	return object;
}

static bool is_client_named(const struct object *object, const char *name)
{
	return !strcmp(object->name, name) ||
	       !strcmp(take_text("%s.%s", object->class, object->name), name) ||
	       !strcmp(or_empty(get(object, "uuid")), name);
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

	open_directories();
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name) && read_client(names[i], found))
			return found;
	found->name = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!read_client(names[i], object) || !is_client_named(object, name))
			continue;
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
