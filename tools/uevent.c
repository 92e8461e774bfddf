// SPDX-License-Identifier: GPL-2.0-only
/*
 * uevents of services and their clients: what has happened, when it happens.  Of one service the
 * kernel sends no more than so many a second.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vspctl.h"

#define EVENT_BYTES	8192
#define SOCKET_BYTES	1048576

/* Return: a socket for uevent_read(). Ends the program where there is none. */
int uevent_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT), bytes = SOCKET_BYTES;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		exit(complain(FAILED, "uevents", "cannot be received: %s", strerror(errno)));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

/* The variables of an event stand one after the other, each ended by a zero. */
static const char *variable(const char *event, size_t length, const char *name)
{
	size_t bytes = strlen(name);

	for (const char *i = event; i < event + length; i += strlen(i) + 1)
		if (!strncmp(i, name, bytes) && i[bytes] == '=')
			return i + bytes + 1;
	return NULL;
}

/* Whose it is: storage.web, or, since a client's event names no service, by its directory */
static bool find_object(const char *event, size_t length, struct object *object)
{
	const char *service = variable(event, length, "VSP_SERVICE");
	const char *path = variable(event, length, "DEVPATH");
	const char *number = path ? strrchr(path, '/') : NULL, *dot;

	memset(object, 0, sizeof(*object));
	object->fd = -1;
	object->pool = "";
	object->guest = "";
	if (service) {
		dot = strchr(service, '.');
		object->label = service;
		object->class = take_text("%.*s", dot ? (int)(dot - service) : 0, service);
		object->name = dot ? dot + 1 : service;
		object->config = take_text("%s/%s", tree_services, service);
		object->pool = file_get_in(object->config, "pool") ?: "";
		object->guest = file_get_in(object->config, "guest") ?: "";
		return true;
	}
	if (!number)
		return false;
	object->client = true;
	object->device = take_text("%s/%s", tree_clients, number + 1);
	object->class = file_get_in(object->device, "class") ?: "";
	object->name = file_get_in(object->device, "name") ?: "";
	object->label = take_text("%s (%s)", number + 1, object->name);
	return true;
}

/* false: it is none of ours */
static bool read_event(const char *text, size_t length, struct uevent *event)
{
	const char *provider = variable(text, length, "VSP_EVENT");

	event->what = provider ?: variable(text, length, "VSC_EVENT");
	if (!event->what || !find_object(text, length, &event->object))
		return false;
	event->state = variable(text, length, provider ? "VSP_STATE" : "VSC_STATE");
	event->contract = variable(text, length, provider ? "VSP_CONTRACT" : "VSC_CONTRACT");
	event->reason = variable(text, length, provider ? "VSP_REASON" : "VSC_REASON");
	return true;
}

/*
 * All that have come, each to @tell with @names. Return: whether one has come that may be of a
 * device which comes or goes.
 */
bool uevent_read(int fd, void (*tell)(const struct uevent *event, char **names), char **names)
{
	char text[EVENT_BYTES + 1];
	struct sockaddr_nl from;
	struct uevent event;
	socklen_t size;
	ssize_t length;
	bool look = false;

	for (;;) {
		size = sizeof(from);
		length = recvfrom(fd, text, EVENT_BYTES, 0, (struct sockaddr *)&from, &size);
		if (length < 0 && errno == ENOBUFS) {
			complain(FAILED, "uevents", "some were lost; values are still shown");
			look = true;
			continue;
		}
		if (length <= 0)
			return look;
		/* any process may send to this group; the kernel has no pid */
		if (size != sizeof(from) || from.nl_pid)
			continue;
		text[length] = 0;
		if (starts(text, "add@") || starts(text, "remove@") ||
		    variable(text, length, "VSP_EVENT"))
			look = true;
		if (read_event(text, length, &event))
			tell(&event, names);
	}
}
