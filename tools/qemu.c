// SPDX-License-Identifier: GPL-2.0-only
/*
 * qemu: the arguments of QEMU for a VM with these services.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vspctl.h"

/* The name that udev makes, or the number that the device has now; NULL, and said why */
static const char *device_node(const struct object *service)
{
	/* What else a service of class channel has in the host is beside it. */
	char *stable = take_text("%s/dev/vsp/%s%s", options.root, service->name,
				 strcmp(service->class, "channel") ? "" : "/vdpa");
	char *local = file_get_in(service->config, "local");
	size_t count;
	char **names;

	if (local && !strcmp(local, "1")) {
		complain(FAILED, service->label, "is for this host's own client: vspctl service set %s local=0",
			 service->name);
		return NULL;
	}
	if (!access(stable, F_OK))
		return stable;
	names = file_list(service->device, &count);
	for (size_t i = 0; i < count; i++)
		if (starts(names[i], "vhost-vdpa-"))
			return take_text("%s/dev/%s", options.root, names[i]);
	complain(FAILED, service->label, "has no /dev/vhost-vdpa-N: %s", count ?
		 "modprobe vhost_vdpa" : "is it enabled?");
	return NULL;
}

/* Digits, and a letter or none behind them */
static bool is_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && (!text[digits] || (strchr("KMGTkmgt", text[digits]) && !text[digits + 1]));
}

int qemu_run(int argc, char **argv)
{
	const char *memory = options.memory ? options.memory : "2G";
	const char **node = take((argc + 1) * sizeof(*node));
	struct object *service;

	if (!argc)
		return complain(USAGE, "qemu", "at least one SERVICE");
	if (!is_size(memory))
		return complain(USAGE, "--memory", "\"%s\": as 512M or 2G allowed", memory);
	for (int i = 0; i < argc; i++) {
		service = tree_service(argv[i]);
		if (!service)
			return complain(MISSING, argv[i], "no such service in %s", tree_services);
		argv[i] = (char *)service->name;
		node[i] = device_node(service);
		if (!node[i])
			return FAILED;
	}
	printf("-machine q35,memory-backend=mem\n-m %s\n", memory);
	printf("-object memory-backend-memfd,id=mem,size=%s,share=on\n", memory);
	for (int i = 0; i < argc; i++) {
		/* In a root port of its own a device can be taken away while the VM runs. */
		printf("-device pcie-root-port,id=port-%s,chassis=%d\n", argv[i], i + 1);
		/* A name may begin with a digit, an id of QEMU may not. */
		printf("-device vhost-vdpa-device-pci,id=vsp-%s,bus=port-%s,vhostdev=%s\n",
		       argv[i], argv[i], node[i]);
	}
	return DONE;
}
