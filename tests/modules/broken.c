// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host that is broken, for tests only. Loading it writes what no device may write into a
 * used ring of every client of this kernel, and interrupts; or, with mute=1, it holds back the
 * interrupts of that ring until it is unloaded; or, with swap=1, it does so, and swaps then the
 * first two entries that have come meanwhile; or, with deaf=1, it does not want to be told of
 * what comes into that ring; or, with foreign=1, it is a device of id 9 that is not ours, as a
 * 9p transport is.
 */
#define pr_fmt(fmt) "broken: " fmt

#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vs_channel.h"

static unsigned int queue;
module_param(queue, uint, 0444);
MODULE_PARM_DESC(queue, "number of the virtqueue: 0 messages, 1 calls, 2 and up data (0)");

static bool mute;
module_param(mute, bool, 0444);
MODULE_PARM_DESC(mute, "hold its interrupts back, and break nothing (N)");

static bool swaps;
module_param_named(swap, swaps, bool, 0444);
MODULE_PARM_DESC(swap, "as mute, and give the first two entries of that time back in wrong order (N)");

static bool deaf;
module_param(deaf, bool, 0444);
MODULE_PARM_DESC(deaf, "have nothing more of it noticed by the host, which waits in vain (N)");

static bool foreign;
module_param(foreign, bool, 0444);
MODULE_PARM_DESC(foreign, "be a device that is not ours, and leave the clients alone (N)");

/* Never probes anything: the bus is known by its drivers only. */
static const struct virtio_device_id no_ids[] = { { 0 } };
static struct virtio_driver nothing = {
	.driver.name = "broken",
	.id_table = no_ids,
};

/* An entry that was never in the ring is used. */
static void scribble(struct virtqueue *vq)
{
	const struct vring *ring = virtqueue_get_vring(vq);
	u16 index = virtio16_to_cpu(vq->vdev, ring->used->idx);
	unsigned long flags;

	local_irq_save(flags);
	ring->used->ring[index % ring->num].id = cpu_to_virtio32(vq->vdev, 0xffff);
	virtio_wmb(false);
	ring->used->idx = cpu_to_virtio16(vq->vdev, index + 1);
	vring_interrupt(0, vq);
	local_irq_restore(flags);
}

/* The driver kicks when it has added an entry that is far away: later than the ring is full. */
static void turn_deaf(struct virtqueue *vq)
{
	const struct vring *ring = virtqueue_get_vring(vq);
	u16 index = virtio16_to_cpu(vq->vdev, ring->avail->idx);

	WRITE_ONCE(vring_avail_event(ring), cpu_to_virtio16(vq->vdev, index + 0x4000));
}

/* Of all rings that are mute: they have one number, so one callback. */
static vq_callback_t *callback;

/* The driver has taken all entries before this one; with swap=1 there is one such ring only. */
static u16 first;

static void hear_nothing(struct virtqueue *vq)
{
}

static void silence(struct virtqueue *vq)
{
	first = virtio16_to_cpu(vq->vdev, virtqueue_get_vring(vq)->used->idx);
	callback = vq->callback;
	WRITE_ONCE(vq->callback, hear_nothing);
}

static void swap_first(struct virtqueue *vq)
{
	const struct vring *ring = virtqueue_get_vring(vq);
	u16 came = virtio16_to_cpu(vq->vdev, ring->used->idx) - first;

	if (came < 2)
		pr_err("%u entries have come, nothing to swap\n", came);
	else
		swap(ring->used->ring[first % ring->num],
		     ring->used->ring[(u16)(first + 1) % ring->num]);
}

/* What has come meanwhile is interrupted for now. */
static void unsilence(struct virtqueue *vq)
{
	unsigned long flags;

	if (vq->callback != hear_nothing)
		return;
	if (swaps)
		swap_first(vq);
	WRITE_ONCE(vq->callback, callback);
	local_irq_save(flags);
	vring_interrupt(0, vq);
	local_irq_restore(flags);
}

static int on_client(struct device *dev, void *data)
{
	void (*act)(struct virtqueue *vq) = data;
	struct virtio_device *vdev = dev_to_virtio(dev);
	struct virtqueue *vq;

	if (!dev->driver || strcmp(dev->driver->name, "vsc"))
		return 0;
	virtio_device_for_each_vq(vdev, vq) {
		if (vq->index != queue)
			continue;
		/* As its interrupt is called, where there are any. */
		pr_info("%s-%s\n", dev_name(&vdev->dev), vq->name);
		act(vq);
	}
	return 0;
}

/* ---- A device that is not ours ---- */

static struct device *parent;
static u8 status;

static void foreign_get(struct virtio_device *vdev, unsigned int offset, void *to,
			unsigned int length)
{
	memset(to, 0, length);
}

static u8 foreign_get_status(struct virtio_device *vdev)
{
	return status;
}

static void foreign_set_status(struct virtio_device *vdev, u8 value)
{
	status = value;
}

static void foreign_reset(struct virtio_device *vdev)
{
	status = 0;
}

static u64 foreign_get_features(struct virtio_device *vdev)
{
	return BIT_ULL(VIRTIO_F_VERSION_1);
}

static int foreign_finalize_features(struct virtio_device *vdev)
{
	return 0;
}

static const struct virtio_config_ops foreign_ops = {
	.get = foreign_get,
	.get_status = foreign_get_status,
	.set_status = foreign_set_status,
	.reset = foreign_reset,
	.get_features = foreign_get_features,
	.finalize_features = foreign_finalize_features,
};

static void foreign_release(struct device *dev)
{
	kfree(dev_to_virtio(dev));
}

static struct virtio_device *device;

static int add_foreign(void)
{
	int error;

	parent = root_device_register("broken");
	if (IS_ERR(parent))
		return PTR_ERR(parent);
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device) {
		root_device_unregister(parent);
		return -ENOMEM;
	}
	device->id.device = VS_CHANNEL_VIRTIO_ID;
	device->config = &foreign_ops;
	device->dev.parent = parent;
	device->dev.release = foreign_release;
	error = register_virtio_device(device);
	if (!error)
		return 0;
	put_device(&device->dev);
	root_device_unregister(parent);
	return error;
}

static int __init broken_init(void)
{
	int error;

	if (foreign)
		return add_foreign();
	error = register_virtio_driver(&nothing);
	if (error)
		return error;
	bus_for_each_dev(nothing.driver.bus, NULL,
			 mute || swaps ? silence : deaf ? turn_deaf : scribble, on_client);
	return 0;
}

static void __exit broken_exit(void)
{
	if (!foreign) {
		if (mute || swaps)
			bus_for_each_dev(nothing.driver.bus, NULL, unsilence, on_client);
		unregister_virtio_driver(&nothing);
		return;
	}
	unregister_virtio_device(device);
	root_device_unregister(parent);
}

module_init(broken_init);
module_exit(broken_exit);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("A host that writes nonsense into its rings (for tests only)");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
