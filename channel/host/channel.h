/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's end of a channel, as a service sees it: channel.c, vdpa.c and message.c.
 * Data queues are in queue.h.
 */
#ifndef VSP_CHANNEL_H
#define VSP_CHANNEL_H

#include <linux/types.h>

#include "vs_config.h"

struct attribute_group;
struct device;
struct module;
struct vs_class_spec;
struct vsp_channel;
struct vsp_queue;

/**
 * struct vsp_channel_config - what a channel is made of
 * @name: of the vDPA device, unique on the bus
 * @wire: the config space, ready to be read
 * @spec: its class
 * @local: bound to virtio_vdpa (this kernel's own VSC), else to vhost_vdpa
 * @workers: threads of the VMM that holds it, for vsp_queue_job()
 * @owner: module that a holder pins, in addition to vsp.ko
 * @groups: sysfs attribute groups of the vDPA device, ended by NULL; may be NULL
 */
struct vsp_channel_config {
	const char *name;
	struct vs_wire_config wire;
	const struct vs_class_spec *spec;
	bool local;
	unsigned int workers;
	struct module *owner;
	const struct attribute_group **groups;
};

/**
 * struct vsp_channel_ops - what the channel tells the service
 *
 * None may sleep for the peer, take vdpa_dev_lock, or wait for a mover.
 *
 * @message: a message has come and was copied to @bytes, which stay as they are until it
 *	is answered, once, with vsp_channel_answer() and this slot, or @reset returns. In
 *	context: mover; may sleep shortly.
 * @opened: a VMM has opened the device. Takes what pins the service. An error
 *	fails the open. In context: the VMM's ioctl, no spinlock.
 * @closed: the VMM has closed it (exit and kill included). In context: as @opened.
 * @ready: DRIVER_OK. @new_driver: it has read the config space since the last
 *	reset; else it is the same driver resuming. In context: ioctl or virtio core.
 * @reset: the device was reset; queues are drained, slots not answered are void. With
 *	@gone, by a driver that ran and will not resume, as a local one. In context:
 *	ioctl or virtio core.
 * @queue_kick: data queue @queue has work: requests in its ring, or
 *	vsp_queue_wake() was called. In context: the mover of the queue, in the mm of
 *	the VMM (or a kthread, local). Reaps what has completed, takes what it may.
 * @queue_reap: a reset, suspend or close waits until nothing of @queue is in
 *	flight: complete what the source has finished, take nothing new.
 *	In context: mover or the VMM's ioctl, never both at once.
 */
struct vsp_channel_ops {
	void (*message)(void *service, unsigned int slot, const void *bytes, size_t length);
	int (*opened)(void *service);
	void (*closed)(void *service);
	void (*ready)(void *service, bool new_driver);
	void (*reset)(void *service, bool gone);
	void (*queue_kick)(void *service, struct vsp_queue *queue);
	void (*queue_reap)(void *service, struct vsp_queue *queue);
};

struct vsp_channel *vsp_channel_create(const struct vsp_channel_config *config,
				       const struct vsp_channel_ops *ops, void *service);
int vsp_channel_register(struct vsp_channel *channel);
int vsp_channel_kill(struct vsp_channel *channel);
void vsp_channel_revive(struct vsp_channel *channel);
bool vsp_channel_busy(struct vsp_channel *channel);
void vsp_channel_unregister(struct vsp_channel *channel);
struct device *vsp_channel_device(struct vsp_channel *channel);
void *vsp_channel_service(struct device *dev);
void vsp_channel_answer(struct vsp_channel *channel, unsigned int slot,
			const void *bytes, size_t length);
void vsp_channel_call(struct vsp_channel *channel, const void *bytes, size_t length);
pid_t vsp_channel_vmm(struct vsp_channel *channel);
u64 vsp_channel_ring_errors(const struct vsp_channel *channel);

#endif
