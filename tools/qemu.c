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

/*
 * In a root port of its own a device can be taken away while the VM runs. A name may begin with a
 * digit, an id of QEMU may not.
 */
static void print_arguments(char **names, const char **nodes, int count, const char *memory)
{
	printf("-machine q35,memory-backend=mem\n-m %s\n", memory);
	printf("-object memory-backend-memfd,id=mem,size=%s,share=on\n", memory);
	for (int i = 0; i < count; i++) {
		printf("-device pcie-root-port,id=port-%s,chassis=%d\n", names[i], i + 1);
		printf("-device vhost-vdpa-device-pci,id=vsp-%s,bus=port-%s,vhostdev=%s\n",
		       names[i], names[i], nodes[i]);
	}
}

/* Custom devices of libvirt come before its own, to which it has given the lowest slots. */
#define SLOT	0x10
#define SLOTS	15	/* the last one of the bus is the machine's */
#define CHASSIS	128

static void print_domain(char **names, const char **nodes, int count)
{
	printf("<memoryBacking>\n  <source type='memfd'/>\n  <access mode='shared'/>\n</memoryBacking>\n"
	       "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n");
	for (int i = 0; i < count; i++) {
		printf("  <qemu:arg value='-device'/>\n"
		       "  <qemu:arg value='pcie-root-port,id=port-%s,bus=pcie.0,addr=0x%x.%d,multifunction=on,chassis=%d'/>\n",
		       names[i], SLOT + i / 8, i % 8, CHASSIS + i);
		printf("  <qemu:arg value='-device'/>\n"
		       "  <qemu:arg value='vhost-vdpa-device-pci,id=vsp-%s,bus=port-%s,vhostdev=%s'/>\n",
		       names[i], names[i], nodes[i]);
	}
	printf("</qemu:commandline>\n");
}

int qemu_run(int argc, char **argv)
{
	const char *memory = options.memory ? options.memory : "2G";
	const char **node = take((argc + 1) * sizeof(*node));
	struct object *service;

	if (!argc)
		return complain(USAGE, "qemu", "at least one SERVICE");
	if (argc > SLOTS * 8)
		return complain(USAGE, "qemu", "%d services: up to %d allowed", argc, SLOTS * 8);
	if (options.libvirt && options.memory)
		return complain(USAGE, "--memory", "is the domain's own with --libvirt");
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
	if (options.libvirt)
		print_domain(argv, node, argc);
	else
		print_arguments(argv, node, argc, memory);
	return DONE;
}
