// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that has a service, and which machine it is: QEMU says it in its command line,
 * and libvirt has it say so always. vhost-vdpa itself knows no machine.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

#define COMMAND_LINE_MAX	65536

/* The process that has the service of @object; NULL: none, or that is not known */
const char *vmm_of(const struct object *object)
{
	char text[NAME_BYTES];

	if (object->client || !object->device ||
	    !tree_read(object, "contract/vmm", text, sizeof(text)) || !is_number(text))
		return NULL;
	return take_copy(text);
}

/* The UUID that process @vmm has been given, in its own words; NULL: it says none */
const char *vmm_uuid(const char *vmm)
{
	static char line[COMMAND_LINE_MAX + 1];
	const char *word, *end;
	ssize_t length;
	int fd;

	fd = open(take_text("%s/proc/%s/cmdline", options.root, vmm), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	length = read(fd, line, COMMAND_LINE_MAX);
	close(fd);
	if (length <= 0)
		return NULL;
	end = line + length;
	line[length] = 0;
	for (word = line; word < end; word += strlen(word) + 1) {
		if (strcmp(word, "-uuid") && strcmp(word, "--uuid"))
			continue;
		word += strlen(word) + 1;
		return word < end && *word ? take_copy(word) : NULL;
	}
	return NULL;
}
