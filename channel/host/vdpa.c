// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host end of a channel: a vDPA device without hardware.
 *
 * Stock vhost_vdpa hands it to a VMM, or stock virtio_vdpa to this kernel's own
 * VSC; which of the two is decided by the administrator, per service, and set as
 * the driver override before the device is registered.
 *
 * A VMM that opens the device holds the service.  There is no operation for that:
 * vhost_vdpa resets a device first of all, and that reset, under vhost_vdpa and
 * while not held, means open; unbind_mm, which comes with every close, means close.
 * An open that fails after its reset (for lack of memory) leaves the service held
 * until the next close.
 */
#include <linux/bug.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>

#include "channel/host/host.h"
#include "vs_class.h"

#define VENDOR		0x00435356	/* "VSC": of nobody else's virtio devices */

/* What is not implemented must not be offered: a VMM masks nothing. */
#define FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
			 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))

static struct vsp_channel *to_channel(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct vsp_channel, vdpa);
}

/**
 * vsp_vdpa_driver_name() - which driver a channel is for
 * @channel: any
 *
 * Return: the name of the driver, and of its module
 */
const char *vsp_vdpa_driver_name(const struct vsp_channel *channel)
{
	return channel->local ? "virtio_vdpa" : "vhost_vdpa";
}

/* Asked in that driver's own calls only, so it stays. */
static bool driver_is(const struct vsp_channel *channel, const char *name)
{
	const struct device_driver *driver = channel->vdpa.dev.driver;

	return driver && !strcmp(driver->name, name);
}

/* ---- Held or not ---- */

/*
 * Unregistering waits for whoever has the device open, and an open that fails
 * forgets to end that wait (vhost_vdpa_open).  So from then on it does not fail:
 * it gets a device on which nothing works, and its opener is killed, which closes it.
 */
static int open_late(struct vsp_channel *channel)
{
	struct task_struct *process, *thread;

	dev_warn(&channel->vdpa.dev, "opened while being removed: killing process %d (%s)\n",
		 task_tgid_nr(current), current->comm);
	send_sig(SIGKILL, current, 1);
	/* And whoever shares its files, and could close or keep them in its place. */
	rcu_read_lock();
	for_each_process_thread(process, thread)
		if (READ_ONCE(thread->files) == current->files)
			send_sig(SIGKILL, thread, 1);
	rcu_read_unlock();
	return 0;
}

/* Decides in one step whether it may be opened, against vsp_channel_kill(). A local one is not. */
static int channel_admit(struct vsp_channel *channel, bool *late)
{
	int error = 0;

	*late = false;
	spin_lock(&channel->hold.lock);
	if (channel->hold.removing) {
		*late = !channel->hold.late;
		channel->hold.late = true;
	} else if (channel->hold.dying || channel->local) {
		channel->hold.refused = true;
		error = -ENODEV;
	} else {
		channel->hold.held = true;
	}
	spin_unlock(&channel->hold.lock);
	return error;
}

static void channel_let_go(struct vsp_channel *channel)
{
	spin_lock(&channel->hold.lock);
	channel->hold.held = false;
	spin_unlock(&channel->hold.lock);
}

static int open_channel(struct vsp_channel *channel)
{
	bool late;
	int error;

	error = channel_admit(channel, &late);
	if (error)
		return error;
	if (late)
		return open_late(channel);
	if (!channel->hold.held)
		return 0;
	error = -ENODEV;
	if (!try_module_get(channel->owner))
		goto release;
	error = channel->ops->opened(channel->service);
	if (error)
		goto put_owner;
	return 0;

put_owner:
	module_put(channel->owner);
release:
	spin_lock(&channel->hold.lock);
	channel->hold.held = false;
	channel->hold.refused = true;
	spin_unlock(&channel->hold.lock);
	return error;
}

/* @vmm: a reference that goes to the channel, or NULL */
static void channel_set_vmm(struct vsp_channel *channel, struct pid *vmm)
{
	spin_lock(&channel->hold.lock);
	swap(channel->hold.vmm, vmm);
	spin_unlock(&channel->hold.lock);
	put_pid(vmm);
}

static void channel_unbind_mm(struct vdpa_device *vdpa)
{
	struct vsp_channel *channel = to_channel(vdpa);

	channel_set_vmm(channel, NULL);
	spin_lock(&channel->hold.lock);
	channel->hold.late = false;
	spin_unlock(&channel->hold.lock);
	if (!channel->hold.held)
		return;
	for (unsigned int i = 0; i < channel->movers; i++)
		vsp_mover_quiesce(&channel->mover[i], false);
	vsp_jobs_stop(&channel->jobs);
	vsp_movers_stop(channel);
	channel->memory.mm = NULL;
	vs_memory_clear(&channel->memory);
	/* First: what @closed lets go on may disable the service, which waits for this close. */
	channel_let_go(channel);
	channel->ops->closed(channel->service);
	module_put(channel->owner);
}

/* In the VMM's own ioctl (VHOST_SET_OWNER), so what is made here is its own. */
static int channel_bind_mm(struct vdpa_device *vdpa, struct mm_struct *mm)
{
	struct vsp_channel *channel = to_channel(vdpa);
	int error;

	if (!channel->hold.held || channel->local)
		return -ENODEV;
	channel->memory.mm = mm;
	error = vsp_movers_start(channel);
	if (error)
		goto forget;
	error = vsp_jobs_start(&channel->jobs, channel->workers);
	if (error)
		goto stop;
	channel_set_vmm(channel, get_task_pid(current, PIDTYPE_TGID));
	return 0;

stop:
	vsp_movers_stop(channel);
forget:
	channel->memory.mm = NULL;
	return error;
}

/* ---- Life of the device ---- */

static int channel_reset(struct vdpa_device *vdpa)
{
	struct vsp_channel *channel = to_channel(vdpa);
	bool opens = !channel->hold.held && driver_is(channel, "vhost_vdpa");
	/* A VMM stops and goes on by resets; in this kernel a driver that resets has ended. */
	bool gone = channel->local && channel->driver.status & VIRTIO_CONFIG_S_DRIVER_OK;
	int error;

	if (opens) {
		error = open_channel(channel);
		if (error)
			return error;
	}
	for (unsigned int i = 0; i < channel->movers; i++)
		vsp_mover_quiesce(&channel->mover[i], false);
	WRITE_ONCE(channel->driver.status, 0);
	channel->driver.features = 0;
	WRITE_ONCE(channel->driver.config_read, false);
	if (!opens && (channel->hold.held || channel->local))
		channel->ops->reset(channel->service, gone);
	return 0;
}

static int channel_suspend(struct vdpa_device *vdpa)
{
	struct vsp_channel *channel = to_channel(vdpa);

	for (unsigned int i = 0; i < channel->movers; i++)
		vsp_mover_quiesce(&channel->mover[i], true);
	return 0;
}

/* DRIVER_OK: until here nothing in the driver's memory is touched. */
static void channel_start(struct vsp_channel *channel)
{
	if (!driver_is(channel, vsp_vdpa_driver_name(channel)) ||
	    channel->hold.held == channel->local) {
		if (__ratelimit(&channel->ratelimit))
			dev_warn(&channel->vdpa.dev, "is for %s: moves no data for another driver\n",
				 vsp_vdpa_driver_name(channel));
		return;
	}
	channel->ops->ready(channel->service, READ_ONCE(channel->driver.config_read));
	for (unsigned int i = 0; i < channel->queues; i++) {
		struct vsp_queue *queue = &channel->queue[i];

		/* A VMM enables all, also those that its guest has never set up. */
		if (!queue->ready || !queue->addressed)
			continue;
		mutex_lock(&queue->mover->mutex);
		if (queue->state == VSP_QUEUE_IDLE)
			vsp_queue_prepare(queue);
		mutex_unlock(&queue->mover->mutex);
	}
	for (unsigned int i = 0; i < channel->movers; i++)
		vsp_mover_wake(&channel->mover[i]);
}

static void channel_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct vsp_channel *channel = to_channel(vdpa);
	bool starts = status & ~channel->driver.status & VIRTIO_CONFIG_S_DRIVER_OK;

	WRITE_ONCE(channel->driver.status, status);
	if (starts)
		channel_start(channel);
}

static u8 channel_get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_channel(vdpa)->driver.status);
}

static u64 channel_get_device_features(struct vdpa_device *vdpa)
{
	return FEATURES;
}

/* Reading the config space early makes the vDPA core call this with 0: that is no choice. */
static int channel_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	if ((features & ~FEATURES) || !(features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return -EINVAL;
	to_channel(vdpa)->driver.features = features;
	return 0;
}

static u64 channel_get_driver_features(struct vdpa_device *vdpa)
{
	return to_channel(vdpa)->driver.features;
}

/* ---- Config space: static ---- */

static size_t channel_get_config_size(struct vdpa_device *vdpa)
{
	return sizeof(struct vs_wire_config);
}

static void channel_get_config(struct vdpa_device *vdpa, unsigned int offset,
			       void *to, unsigned int length)
{
	struct vsp_channel *channel = to_channel(vdpa);

	memset(to, 0, length);
	if (offset < sizeof(channel->wire))
		memcpy(to, (u8 *)&channel->wire + offset,
		       min_t(size_t, length, sizeof(channel->wire) - offset));
	/* A VMM forwards every read of its guest, and reads nothing on its own. */
	WRITE_ONCE(channel->driver.config_read, true);
}

static void channel_set_config(struct vdpa_device *vdpa, unsigned int offset,
			       const void *from, unsigned int length)
{
}

/* It never changes, so there is nobody to call. */
static void channel_set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *callback)
{
}

static u32 channel_get_device_id(struct vdpa_device *vdpa)
{
	return VS_CHANNEL_VIRTIO_ID;
}

static u32 channel_get_vendor_id(struct vdpa_device *vdpa)
{
	return VENDOR;
}

/* ---- Virtqueues: staged until DRIVER_OK ---- */

/*
 * What get_vq_size() says is for virtio_vdpa. QEMU's generic device asks for the most
 * and gives every queue 1024 entries all the same; from 6.12.117 on vhost_vdpa
 * refuses what is above the most.
 */
static u16 channel_get_vq_num_max(struct vdpa_device *vdpa)
{
	return VS_RING_SIZE_MAX;
}

static u16 channel_get_vq_size(struct vdpa_device *vdpa, u16 index)
{
	if (index < VS_CHANNEL_QUEUE_DATA)
		return VS_CHANNEL_MESSAGE_SIZE;
	return to_channel(vdpa)->spec->queue_size;
}

static u32 channel_get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static int channel_set_vq_address(struct vdpa_device *vdpa, u16 index, u64 desc, u64 avail,
				  u64 used)
{
	struct vsp_queue *queue = &to_channel(vdpa)->queue[index];

	queue->staged.desc = desc;
	queue->staged.avail = avail;
	queue->staged.used = used;
	queue->addressed = true;
	return 0;
}

static void channel_set_vq_num(struct vdpa_device *vdpa, u16 index, u32 size)
{
	to_channel(vdpa)->queue[index].staged.size = size;
}

/* Atomic, and maybe inside of an eventfd's wake-up: nothing can be signalled from here. */
static void channel_kick_vq(struct vdpa_device *vdpa, u16 index)
{
	vsp_queue_wake(&to_channel(vdpa)->queue[index]);
}

static void channel_set_vq_cb(struct vdpa_device *vdpa, u16 index, struct vdpa_callback *callback)
{
	vsp_queue_set_callback(&to_channel(vdpa)->queue[index], callback);
}

static void channel_set_vq_ready(struct vdpa_device *vdpa, u16 index, bool ready)
{
	struct vsp_channel *channel = to_channel(vdpa);
	struct vsp_queue *queue = &channel->queue[index];

	queue->ready = ready;
	if (ready)
		return;
	mutex_lock(&queue->mover->mutex);
	vsp_queue_stop(queue);
	if (index >= VS_CHANNEL_QUEUE_DATA)
		vsp_queue_drain(queue);
	mutex_unlock(&queue->mover->mutex);
}

static bool channel_get_vq_ready(struct vdpa_device *vdpa, u16 index)
{
	return to_channel(vdpa)->queue[index].ready;
}

static int channel_set_vq_state(struct vdpa_device *vdpa, u16 index,
				const struct vdpa_vq_state *state)
{
	to_channel(vdpa)->queue[index].staged.avail_index = state->split.avail_index;
	return 0;
}

static int channel_get_vq_state(struct vdpa_device *vdpa, u16 index, struct vdpa_vq_state *state)
{
	struct vsp_queue *queue = &to_channel(vdpa)->queue[index];

	mutex_lock(&queue->mover->mutex);
	state->split.avail_index = queue->state == VSP_QUEUE_IDLE ? queue->staged.avail_index :
								    queue->ring.next_avail;
	mutex_unlock(&queue->mover->mutex);
	return 0;
}

/* ---- The driver's memory. Under the VMM's mmap_lock: no waiting for anything ---- */

/*
 * vhost_vdpa keeps the file of every mapping for as long as it is open itself.  A file that
 * guest RAM may not be in is a hole: an error would have vhost_vdpa unmap what is there.
 */
static int channel_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova, u64 size,
			   u64 user, u32 perm, void *opaque)
{
	struct vs_memory *memory = &to_channel(vdpa)->memory;
	const struct vdpa_map_file *map = opaque;
	int error = map ? vs_backing_check(memory, map->file) : 0;

	if (error)
		return error == -EOPNOTSUPP ? 0 : error;
	return vs_memory_map(memory, iova, size, user, perm);
}

static int channel_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova, u64 size)
{
	vs_memory_unmap(&to_channel(vdpa)->memory, iova, size);
	return 0;
}

/* The last reference is gone. Also of one that was not made to its end. */
static void channel_free(struct vdpa_device *vdpa)
{
	struct vsp_channel *channel = to_channel(vdpa);

	if (channel->queue)
		vs_memory_clear(&channel->memory);
	kvfree(channel->messages);
	kvfree(channel->queue);
	kfree(channel->mover);
	module_put(THIS_MODULE);
}

const struct vdpa_config_ops vsp_vdpa_ops = {
	.set_vq_address = channel_set_vq_address,
	.set_vq_num = channel_set_vq_num,
	.kick_vq = channel_kick_vq,
	.set_vq_cb = channel_set_vq_cb,
	.set_vq_ready = channel_set_vq_ready,
	.get_vq_ready = channel_get_vq_ready,
	.set_vq_state = channel_set_vq_state,
	.get_vq_state = channel_get_vq_state,
	.get_vq_size = channel_get_vq_size,
	.get_vq_align = channel_get_vq_align,
	.get_device_features = channel_get_device_features,
	.set_driver_features = channel_set_driver_features,
	.get_driver_features = channel_get_driver_features,
	.set_config_cb = channel_set_config_cb,
	.get_vq_num_max = channel_get_vq_num_max,
	.get_device_id = channel_get_device_id,
	.get_vendor_id = channel_get_vendor_id,
	.get_status = channel_get_status,
	.set_status = channel_set_status,
	.reset = channel_reset,
	.suspend = channel_suspend,
	.get_config_size = channel_get_config_size,
	.get_config = channel_get_config,
	.set_config = channel_set_config,
	.dma_map = channel_dma_map,
	.dma_unmap = channel_dma_unmap,
	.bind_mm = channel_bind_mm,
	.unbind_mm = channel_unbind_mm,
	.free = channel_free,
};
