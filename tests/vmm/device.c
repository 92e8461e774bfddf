// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vhost-vdpa-N: its ioctls in the order in which QEMU 10 has them (hw/virtio/vdpa-dev.c,
 * vhost-vdpa.c, vhost.c), and in any other order.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/virtio_config.h>

#include "vmm.h"
#include "vs_config.h"

#define PATIENCE_MS	20000	/* for the end of another life */

static void must(const struct device *device, unsigned long request, void *argument,
		 const char *name)
{
	if (ioctl(device->fd, request, argument))
		die("%s: %s: %m", device->service, name);
}

#define MUST(device, request, argument) must(device, request, argument, #request)

/* /sys/bus/vdpa/devices/SERVICE/vhost-vdpa-N */
void device_find(struct device *device, const char *service)
{
	struct dirent *entry;
	DIR *dir;

	device->service = service;
	device->fd = -1;
	snprintf(device->sysfs, sizeof(device->sysfs), "/sys/bus/vdpa/devices/%s", service);
	dir = opendir(device->sysfs);
	if (!dir)
		die("%s: %m: is the service enabled?", device->sysfs);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vhost-vdpa-", strlen("vhost-vdpa-")))
			snprintf(device->node, sizeof(device->node), "/dev/%.40s", entry->d_name);
	closedir(dir);
	if (!device->node[0])
		die("%s: no vhost-vdpa device: is vhost_vdpa loaded, and the service not local?",
		    device->sysfs);
}

u64 device_counter(const struct device *device, const char *name)
{
	unsigned long long value;
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/counters/%s", device->sysfs, name);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%llu", &value) != 1)
		die("%s: %m", path);
	fclose(file);
	return value;
}

bool device_try_open(struct device *device)
{
	device->fd = open(device->node, O_RDWR);
	return device->fd >= 0;
}

void device_open(struct device *device)
{
	u64 end = now_ms() + PATIENCE_MS;

	while (!device_try_open(device)) {
		if (errno != EBUSY || now_ms() > end)
			die("%s: %m", device->node);
		sleep_ms(1);
	}
}

int device_own(struct device *device)
{
	return ioctl(device->fd, VHOST_SET_OWNER) ? errno : 0;
}

static u8 get_status(struct device *device)
{
	u8 status;

	MUST(device, VHOST_VDPA_GET_STATUS, &status);
	return status;
}

static void add_status(struct device *device, u8 status)
{
	status |= get_status(device);
	MUST(device, VHOST_VDPA_SET_STATUS, &status);
	if ((get_status(device) & status) != status)
		die("%s: status %#x is not taken", device->service, status);
}

static void set_call(struct device *device, struct queue *queue)
{
	struct vhost_vring_file file = { .index = queue->index, .fd = queue->call };

	MUST(device, VHOST_SET_VRING_CALL, &file);
}

/* vhost_vdpa_device_realize() */
void device_init(struct device *device)
{
	struct vhost_vdpa_iova_range range;
	struct vs_wire_config config;
	u32 id, count, size;
	u64 backend;
	u16 entries;

	MUST(device, VHOST_VDPA_GET_DEVICE_ID, &id);
	MUST(device, VHOST_VDPA_GET_VRING_NUM, &entries);
	MUST(device, VHOST_VDPA_GET_VQS_COUNT, &count);
	if (id != VS_CHANNEL_VIRTIO_ID || entries < QUEUE_SIZE || count > QUEUES_MAX)
		die("%s: id %u, %u queues of %u", device->service, id, count, entries);
	MUST(device, VHOST_VDPA_GET_IOVA_RANGE, &range);
	errno = device_own(device);
	if (errno)
		die("%s: VHOST_SET_OWNER: %m", device->service);
	MUST(device, VHOST_GET_BACKEND_FEATURES, &backend);
	backend &= BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2) | BIT_ULL(VHOST_BACKEND_F_IOTLB_BATCH) |
		   BIT_ULL(VHOST_BACKEND_F_IOTLB_ASID) | BIT_ULL(VHOST_BACKEND_F_SUSPEND);
	MUST(device, VHOST_SET_BACKEND_FEATURES, &backend);
	MUST(device, VHOST_GET_FEATURES, &device->features);
	device->queues = count;
	for (unsigned int i = 0; i < count; i++) {
		/* Also of another life: the memory is the same. */
		if (device->queue[i].size)
			ring_reset(&device->queue[i]);
		else
			ring_init(device, i);
		set_call(device, &device->queue[i]);
	}
	MUST(device, VHOST_VDPA_GET_CONFIG_SIZE, &size);
	if (size != sizeof(config))
		die("%s: %u bytes of config space", device->service, size);
}

void device_read_config(struct device *device)
{
	union {
		struct vhost_vdpa_config header;
		u8 bytes[sizeof(struct vhost_vdpa_config) + sizeof(struct vs_wire_config)];
	} buffer = { .header = { .len = sizeof(struct vs_wire_config) } };
	struct vs_wire_config config;

	MUST(device, VHOST_VDPA_GET_CONFIG, &buffer);
	memcpy(&config, buffer.header.buf, sizeof(config));
	if (le32_to_cpu(config.magic) != VS_WIRE_MAGIC)
		die("%s: is no service of ours", device->service);
	device->class = le16_to_cpu(config.class);
	device->spec = vs_class_by_id(device->class);
	if (!device->spec)
		die("%s: class %u is not known", device->service, device->class);
}

static void start_queue(struct device *device, struct queue *queue)
{
	struct vhost_vring_state state = { .index = queue->index, .num = queue->size };
	struct vhost_vring_addr addr = {
		.index = queue->index,
		.desc_user_addr = queue->desc_addr,
		.avail_user_addr = queue->avail_addr,
		.used_user_addr = queue->used_addr,
	};
	struct vhost_vring_file kick = { .index = queue->index, .fd = queue->kick };

	MUST(device, VHOST_SET_VRING_NUM, &state);
	state.num = queue->used;	/* all that was taken is done with, or was never to be */
	MUST(device, VHOST_SET_VRING_BASE, &state);
	MUST(device, VHOST_SET_VRING_ADDR, &addr);
	MUST(device, VHOST_SET_VRING_KICK, &kick);
	set_call(device, queue);
}

/* vhost_dev_start() */
void device_start(struct device *device)
{
	u64 features = device->features;
	int config_call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	/* A guest may know less. */
	if (one_in(4))
		features &= ~BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	if (one_in(8))
		features &= ~BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	device->features = features;
	add_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	MUST(device, VHOST_SET_FEATURES, &features);
	add_status(device, VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < device->queues; i++)
		start_queue(device, &device->queue[i]);
	MUST(device, VHOST_VDPA_SET_CONFIG_CALL, &config_call);
	close(config_call);
	for (unsigned int i = 0; i < device->queues; i++) {
		struct vhost_vring_state state = { .index = i, .num = 1 };

		MUST(device, VHOST_VDPA_SET_VRING_ENABLE, &state);
	}
	if (!device->mapped)
		memory_map_all(device->fd);
	device->mapped = true;
	add_status(device, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* vhost_dev_stop() */
void device_stop(struct device *device)
{
	MUST(device, VHOST_VDPA_SUSPEND, NULL);
	for (unsigned int i = 0; i < device->queues; i++) {
		struct vhost_vring_state state = { .index = i };

		MUST(device, VHOST_GET_VRING_BASE, &state);
	}
	device_reset(device);
}

void device_reset(struct device *device)
{
	u8 status = 0;

	counts->resets++;
	MUST(device, VHOST_VDPA_SET_STATUS, &status);
	if (get_status(device))
		die("%s: a reset leaves status %#x", device->service, get_status(device));
	for (unsigned int i = 0; i < device->queues; i++)
		ring_reset(&device->queue[i]);
	device->contract = 0;
	device->granted = 0;
	MUST(device, VHOST_GET_FEATURES, &device->features);
}

void device_close(struct device *device)
{
	close(device->fd);
	device->fd = -1;
	device->mapped = false;
	device->contract = 0;
	for (unsigned int i = 0; i < device->queues; i++)
		ring_reset(&device->queue[i]);
}

void device_run(struct device *device)
{
	device_open(device);
	device_init(device);
	device_read_config(device);
	device_start(device);
}

/* ---- Any ioctl, at any time ---- */

static const unsigned long plain[] = {
	VHOST_SET_OWNER, VHOST_RESET_OWNER, VHOST_GET_FEATURES, VHOST_SET_FEATURES,
	VHOST_GET_BACKEND_FEATURES, VHOST_VDPA_GET_DEVICE_ID,
	VHOST_VDPA_GET_STATUS, VHOST_VDPA_GET_VRING_NUM, VHOST_VDPA_GET_IOVA_RANGE,
	VHOST_VDPA_GET_CONFIG_SIZE, VHOST_VDPA_GET_AS_NUM, VHOST_VDPA_GET_GROUP_NUM,
	VHOST_VDPA_GET_VQS_COUNT, VHOST_VDPA_SUSPEND, VHOST_VDPA_RESUME, VHOST_SET_LOG_BASE,
	VHOST_SET_MEM_TABLE,
};

static const unsigned long of_queue[] = {
	VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
	VHOST_VDPA_SET_VRING_ENABLE, VHOST_VDPA_GET_VRING_GROUP, VHOST_VDPA_SET_GROUP_ASID,
	VHOST_VDPA_GET_VRING_DESC_GROUP, VHOST_VDPA_GET_VRING_SIZE, VHOST_SET_VRING_ENDIAN,
	VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
};

static const unsigned long of_file[] = {
	VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
};

static int any_status(struct device *device)
{
	static const u8 statuses[] = { 0, 1, 3, 11, 15, 4, 8, 0x80, 0x40, 0xff };
	u8 status = statuses[below(ARRAY_SIZE(statuses))];

	return ioctl(device->fd, VHOST_VDPA_SET_STATUS, &status);
}

static int any_state(struct device *device)
{
	static const u32 numbers[] = { 0, 1, 2, 3, 256, 255, 1024, 2048, 65535, 65536, U32_MAX };
	struct vhost_vring_state state = {
		.index = one_in(8) ? below(100) : below(device->queues),
		.num = numbers[below(ARRAY_SIZE(numbers))],
	};

	return ioctl(device->fd, of_queue[below(ARRAY_SIZE(of_queue))], &state);
}

static int any_addr(struct device *device)
{
	struct queue *queue = &device->queue[below(device->queues)];
	struct vhost_vring_addr addr = {
		.index = queue->index,
		.desc_user_addr = one_in(3) ? random64() : queue->desc_addr,
		.avail_user_addr = one_in(3) ? random64() : queue->avail_addr,
		.used_user_addr = one_in(3) ? random64() : queue->used_addr,
	};

	return ioctl(device->fd, VHOST_SET_VRING_ADDR, &addr);
}

static int any_file(struct device *device)
{
	struct queue *queue = &device->queue[below(device->queues)];
	struct vhost_vring_file file = { .index = queue->index };

	switch (below(4)) {
	case 0:
		file.fd = -1;
		break;
	case 1:
		file.fd = device->fd;	/* is no eventfd */
		break;
	case 2:
		file.fd = queue->kick;	/* a call that kicks */
		break;
	default:
		file.fd = queue->call;
	}
	return ioctl(device->fd, of_file[below(ARRAY_SIZE(of_file))], &file);
}

static int any_config(struct device *device)
{
	union {
		struct vhost_vdpa_config header;
		u8 bytes[256];
	} buffer = { .header = { .off = below(2) ? below(100) : random64(),
				 .len = below(2) ? below(200) : 64 } };

	return ioctl(device->fd, below(4) ? VHOST_VDPA_GET_CONFIG : VHOST_VDPA_SET_CONFIG, &buffer);
}

static int any_plain(struct device *device)
{
	u64 argument[8] = { below(2) ? device->features : random64() };

	return ioctl(device->fd, plain[below(ARRAY_SIZE(plain))], argument);
}

bool device_one_ioctl(struct device *device)
{
	struct queue *queue = &device->queue[below(device->queues)];

	counts->chaos++;
	switch (below(9)) {
	case 0:
		return !any_status(device);
	case 1:
	case 2:
		return !any_state(device);
	case 3:
		return !any_addr(device);
	case 4:
		return !any_file(device);
	case 5:
		return !any_config(device);
	case 6:
		ring_kick(queue);
		return true;
	case 7:
		memory_change(device->fd);
		return true;
	default:
		return !any_plain(device);
	}
}

/* What is set up afterwards is good all the same: see device_start(). */
void device_chaos(struct device *device, unsigned int count)
{
	while (count--)
		device_one_ioctl(device);
	memory_restore(device->fd);
	device->mapped = false;
}
