// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest end of the channel: a virtio driver for device id 9 with our magic.
 *
 * The id is that of the 9p transport: QEMU's generic vDPA device takes only ids that it
 * knows (hw/virtio/virtio-pci.c, virtio_id_info). A real 9p device is told by its missing
 * magic and left alone, and 9pnet_virtio may have been at ours before us.
 *
 * A host takes a driver that has read the config space since the last reset for a new
 * one.  So it is read where a channel starts, and nowhere else.
 */
#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "channel/guest/guest.h"
#include "vs_compat.h"
#include "vs_compat_virtio.h"

/*
 * Entries that a data queue has at least. With indirect descriptors a request takes one;
 * where memory for a table was short, the virtio core takes as many as the request has
 * segments, and a frame's are up to 19 (MAX_SKB_FRAGS + 2).
 */
#define DATA_ENTRIES	19
/* Likewise: a message takes two without a table, a call one. */
#define MESSAGE_ENTRIES	4

static struct virtio_driver driver;
/* Of the session; set before the first device is probed. */
const struct vsc_channel_ops *vsc_channel_session_ops;
/* vdev->priv of a device that is not ours, from here to the end of its probe. */
static struct { char unused; } foreign;

/**
 * vsc_channel_queue() - a data queue
 * @channel: not stopped, or stopped and not started again
 * @index: from 0 for the first data queue
 *
 * Return: the virtqueue, or NULL if the class has not so many.
 */
struct virtqueue *vsc_channel_queue(struct vsc_channel *channel, unsigned int index)
{
	return index < channel->spec->queues ? channel->vq[VS_CHANNEL_QUEUE_DATA + index] : NULL;
}
EXPORT_SYMBOL_GPL(vsc_channel_queue);

/**
 * vsc_channel_device() - the device that the channel is
 * @channel: any
 *
 * Return: the virtio device; lives as long as the channel.
 */
struct device *vsc_channel_device(struct vsc_channel *channel)
{
	return &channel->vdev->dev;
}

/**
 * vsc_channel_broken() - is no answer to be expected any more?
 * @channel: any
 *
 * Return: true if the channel is stopped, the device was taken away, or one of its
 * rings is broken.
 */
bool vsc_channel_broken(struct vsc_channel *channel)
{
	if (channel->stopped)
		return true;
	for (unsigned int i = 0; i < VS_CHANNEL_QUEUE_DATA + channel->spec->queues; i++)
		if (virtqueue_is_broken(channel->vq[i]))
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(vsc_channel_broken);

/**
 * vsc_channel_ends() - does the machine shut down?
 *
 * The virtio core breaks all rings then and resets the devices, which are not to have memory of
 * what comes after this kernel: none is started again.
 *
 * Context: any.
 * Return: whether it halts, is powered off or restarts, by kexec too.
 */
bool vsc_channel_ends(void)
{
	return system_state >= SYSTEM_HALT && system_state <= SYSTEM_RESTART;
}

/**
 * vsc_channel_break() - give the rings up, as if they were broken
 * @channel: any
 *
 * Context: the session's work.
 */
void vsc_channel_break(struct vsc_channel *channel)
{
	virtio_break_device(channel->vdev);
	vsc_channel_session_ops->broken(channel->session);
}

/**
 * vsc_channel_check_ring() - tell the session of a ring that is broken
 * @channel: any
 * @vq: of it
 *
 * The virtio core breaks a ring in which the device has written what it may not. Nothing in
 * such a ring is answered any more.
 *
 * Context: a virtqueue's callback, interrupts included.
 */
void vsc_channel_check_ring(struct vsc_channel *channel, struct virtqueue *vq)
{
	if (virtqueue_is_broken(vq))
		vsc_channel_session_ops->broken(channel->session);
}

static void data_done(struct virtqueue *vq)
{
	struct vsc_channel *channel = vq->vdev->priv;

	if (!READ_ONCE(channel->up))
		return;
	vsc_channel_session_ops->data(channel->session, vq->index - VS_CHANNEL_QUEUE_DATA);
	vsc_channel_check_ring(channel, vq);
}

/*
 * A request that its ring can never take would be tried for ever: such a device is refused.
 * Without indirect descriptors that is one of VS_STORAGE_SEGMENTS segments.
 */
static int check_queues(struct vsc_channel *channel, unsigned int count)
{
	struct virtio_device *vdev = channel->vdev;

	if (!virtio_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC)) {
		dev_err(&vdev->dev, "the device has no indirect descriptors: refused\n");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < count; i++) {
		unsigned int least = i < VS_CHANNEL_QUEUE_DATA ? MESSAGE_ENTRIES : DATA_ENTRIES;
		unsigned int size = virtqueue_get_vring_size(channel->vq[i]);

		if (size >= least)
			continue;
		dev_err(&vdev->dev, "queue %u has %u entries, at least %u are needed: refused\n",
			i, size, least);
		return -EINVAL;
	}
	return 0;
}

static int find_queues(struct vsc_channel *channel)
{
	const struct vs_class_spec *spec = channel->spec;
	unsigned int count = VS_CHANNEL_QUEUE_DATA + spec->queues;
	/* Up to 66 of them are too much for a stack. */
	struct virtqueue_info *info = kcalloc(count, sizeof(*info), GFP_KERNEL);
	int error;

	if (!info)
		return -ENOMEM;
	info[VS_CHANNEL_QUEUE_MESSAGE] = (struct virtqueue_info){
		.name = "message",
		.callback = vsc_message_done,
	};
	info[VS_CHANNEL_QUEUE_CALL] = (struct virtqueue_info){
		.name = "call",
		.callback = vsc_message_call_done,
	};
	for (unsigned int i = 0; i < spec->queues; i++)
		info[VS_CHANNEL_QUEUE_DATA + i] = (struct virtqueue_info){
			.name = spec->queue_names[i],
			.callback = data_done,
		};
	error = vs_virtio_find_vqs(channel->vdev, count, channel->vq, info);
	kfree(info);
	channel->found = !error;
	return error ?: check_queues(channel, count);
}

/* The device is reset, and nobody uses a virtqueue of it any more. */
static void delete_queues(struct vsc_channel *channel)
{
	if (channel->found)
		channel->vdev->config->del_vqs(channel->vdev);
	channel->found = false;
}

/* DRIVER_OK. From here on callbacks come. */
static void channel_go_live(struct vsc_channel *channel)
{
	struct virtqueue *vq = channel->vq[VS_CHANNEL_QUEUE_CALL];

	spin_lock_irq(&channel->lock);
	WRITE_ONCE(channel->up, true);
	spin_unlock_irq(&channel->lock);
	virtio_device_ready(channel->vdev);
	channel->stopped = false;
	spin_lock_irq(&channel->lock);
	virtqueue_kick(vq);
	spin_unlock_irq(&channel->lock);
}

/**
 * vsc_channel_stop() - reset the device
 * @channel: any; a second call changes nothing
 *
 * Frees the exchanges that were under way. Afterwards no callback runs or comes, and
 * what is in the data queues is the class's again (virtqueue_detach_unused_buf());
 * the virtqueues stay until the channel goes or is started again.
 *
 * Context: the session's work, or the driver while there is no session; sleeps.
 */
void vsc_channel_stop(struct vsc_channel *channel)
{
	if (channel->stopped)
		return;
	channel->stopped = true;
	spin_lock_irq(&channel->lock);
	WRITE_ONCE(channel->up, false);
	spin_unlock_irq(&channel->lock);
	/* For data queues: no further request is added, nothing is kicked. */
	virtio_break_device(channel->vdev);
	virtio_reset_device(channel->vdev);
	vsc_message_empty(channel);
}
EXPORT_SYMBOL_GPL(vsc_channel_stop);

/* Two bytes first: a 9p device has at least these, its tag's length. */
static bool is_ours(struct virtio_device *vdev)
{
	__le16 low, high;

	if (!vdev->config->get || !virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return false;
	vdev->config->get(vdev, 0, &low, sizeof(low));
	if (le16_to_cpu(low) != (VS_WIRE_MAGIC & 0xffff))
		return false;
	vdev->config->get(vdev, sizeof(low), &high, sizeof(high));
	return le16_to_cpu(high) == VS_WIRE_MAGIC >> 16;
}

static int offer_driver(struct virtio_device *vdev)
{
	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_DRIVER);
	return vdev->config->finalize_features(vdev);
}

/*
 * The virtio core marks a device that a driver has refused as FAILED, for good, and has the
 * next driver try it so. A 9p device that was only looked at here is to be as it was before.
 */
static int after_refusal(struct notifier_block *block, unsigned long action, void *data)
{
	struct device *dev = data;
	struct virtio_device *vdev = dev_to_virtio(dev);

	if (action != BUS_NOTIFY_DRIVER_NOT_BOUND || dev->driver != &driver.driver ||
	    vdev->priv != &foreign)
		return NOTIFY_DONE;
	vdev->priv = NULL;
	virtio_reset_device(vdev);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	return NOTIFY_OK;
}

static struct notifier_block refusals = { .notifier_call = after_refusal };
/* Where that is registered: the virtio core shows its bus by its devices only. */
static const struct bus_type *refusals_bus;
static DEFINE_MUTEX(refusals_lock);	/* of refusals_bus */

static void refuse_foreign(struct virtio_device *vdev)
{
	vdev->priv = &foreign;
	mutex_lock(&refusals_lock);
	if (!refusals_bus && !bus_register_notifier(vdev->dev.bus, &refusals))
		refusals_bus = vdev->dev.bus;
	mutex_unlock(&refusals_lock);
}

/*
 * 9pnet_virtio, where it is loaded, probes first, fails, and leaves FEATURES_OK and
 * an enabled queue behind: ours are then not found. So begin again from a reset.
 */
static int channel_validate(struct virtio_device *vdev)
{
	if (!is_ours(vdev)) {
		refuse_foreign(vdev);
		return -ENODEV;
	}
	virtio_reset_device(vdev);
	return offer_driver(vdev);
}

static void read_config(struct virtio_device *vdev, struct vs_wire_config *wire)
{
	u8 *bytes = (u8 *)wire;

	/* Four bytes at a time: a __le32, whatever the transport makes of it. */
	for (unsigned int i = 0; i < sizeof(*wire); i += sizeof(__le32))
		vdev->config->get(vdev, i, bytes + i, sizeof(__le32));
}

static const struct vs_class_spec *check_config(struct virtio_device *vdev,
						const struct vs_wire_config *wire)
{
	const struct vs_class_spec *spec;

	if (le32_to_cpu(wire->magic) != VS_WIRE_MAGIC ||
	    le16_to_cpu(wire->layout) != VS_WIRE_LAYOUT) {
		dev_err(&vdev->dev, "config space has layout %u, this driver knows %u: refused\n",
			le16_to_cpu(wire->layout), VS_WIRE_LAYOUT);
		return ERR_PTR(-ENODEV);
	}
	spec = vs_class_by_id(le16_to_cpu(wire->class));
	if (!spec) {
		dev_err(&vdev->dev, "class %u is not known to this build of vsc: refused\n",
			le16_to_cpu(wire->class));
		return ERR_PTR(-ENODEV);
	}
	if (spec->queues > VS_CLASS_QUEUES_MAX)
		return ERR_PTR(-EINVAL);
	return spec;
}

/**
 * vsc_channel_start() - begin anew after vsc_channel_stop()
 * @channel: if it was never stopped nothing changes; else the class has let go of its data queues
 *
 * Context: the session's work; sleeps.
 * Return: 0; -ENODEV: the device refuses, or is another one now; -ESHUTDOWN: see
 * vsc_channel_ends(); an errno of the transport. After an error the channel stays stopped.
 */
int vsc_channel_start(struct vsc_channel *channel)
{
	struct virtio_device *vdev = channel->vdev;
	struct vs_wire_config wire;
	int error;

	if (!channel->stopped)
		return 0;
	if (vsc_channel_ends())
		return -ESHUTDOWN;
	virtio_reset_device(vdev);
	delete_queues(channel);
	error = offer_driver(vdev);
	if (error)
		goto reset;
	virtio_add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	error = -ENODEV;
	if (!(vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK))
		goto reset;
	read_config(vdev, &wire);
	if (memcmp(&wire, &channel->wire, sizeof(wire)))
		goto reset;
	error = find_queues(channel);
	if (error)
		goto reset;
	error = vsc_message_post_calls(channel);
	if (error)
		goto reset;
	channel_go_live(channel);
	return 0;

reset:
	virtio_reset_device(vdev);
	if (channel->found)
		vsc_message_empty(channel);
	return error;
}

static void free_channel(struct vsc_channel *channel)
{
	for (unsigned int i = 0; i < VSC_GUEST_CALL_BUFFERS; i++)
		kfree(channel->call[i]);
	kfree(channel);
}

static struct vsc_channel *new_channel(struct virtio_device *vdev)
{
	struct vsc_channel *channel = kzalloc(sizeof(*channel), GFP_KERNEL);

	if (!channel)
		return ERR_PTR(-ENOMEM);
	channel->vdev = vdev;
	channel->stopped = true;
	spin_lock_init(&channel->lock);
	INIT_LIST_HEAD(&channel->inflight);
	for (unsigned int i = 0; i < VSC_GUEST_CALL_BUFFERS; i++) {
		channel->call[i] = kzalloc(sizeof(*channel->call[i]), GFP_KERNEL);
		if (!channel->call[i])
			goto free;
	}
	read_config(vdev, &channel->wire);
	channel->spec = check_config(vdev, &channel->wire);
	if (IS_ERR(channel->spec)) {
		int error = PTR_ERR(channel->spec);

		free_channel(channel);
		return ERR_PTR(error);
	}
	return channel;

free:
	free_channel(channel);
	return ERR_PTR(-ENOMEM);
}

static int channel_probe(struct virtio_device *vdev)
{
	struct vsc_channel *channel = new_channel(vdev);
	int error;

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	vdev->priv = channel;
	error = find_queues(channel);
	if (error)
		goto delete;
	error = vsc_message_post_calls(channel);
	if (error)
		goto delete;
	error = vsc_channel_session_ops->attach(channel, &channel->wire, channel->spec,
						&channel->session);
	if (error)
		goto delete;
	channel_go_live(channel);
	vsc_channel_session_ops->ready(channel->session);
	return 0;

delete:
	virtio_reset_device(vdev);
	if (channel->found)
		vsc_message_empty(channel);
	delete_queues(channel);
	vdev->priv = NULL;
	free_channel(channel);
	return error;
}

static void channel_remove(struct virtio_device *vdev)
{
	struct vsc_channel *channel = vdev->priv;

	vsc_channel_session_ops->detach(channel->session);
	/* Is reset already, but for a device that could not be restored. */
	vsc_channel_stop(channel);
	virtio_reset_device(vdev);
	delete_queues(channel);
	vdev->priv = NULL;
	free_channel(channel);
}

/* Sleep gives nothing back: what becomes of the contract is the lease's to decide. */
static int __maybe_unused channel_freeze(struct virtio_device *vdev)
{
	struct vsc_channel *channel = vdev->priv;

	vsc_channel_session_ops->suspend(channel->session);
	delete_queues(channel);
	return 0;
}

/* The session begins when the machine is awake; it tries again what fails here. */
static int __maybe_unused channel_restore(struct virtio_device *vdev)
{
	struct vsc_channel *channel = vdev->priv;
	int error = vsc_channel_start(channel);

	vsc_channel_session_ops->ready(channel->session);
	return error;
}

static const struct virtio_device_id id_table[] = {
	{ VS_CHANNEL_VIRTIO_ID, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, id_table);

static struct virtio_driver driver = {
	.driver.name = KBUILD_MODNAME,
	.id_table = id_table,
	.validate = channel_validate,
	.probe = channel_probe,
	.remove = channel_remove,
#ifdef CONFIG_PM_SLEEP
	.freeze = channel_freeze,
	.restore = channel_restore,
#endif
};

/**
 * vsc_channel_init() - from here on, devices are probed
 * @ops: what channels tell their sessions
 *
 * Context: module init, last of all.
 * Return: 0, or an errno.
 */
int vsc_channel_init(const struct vsc_channel_ops *ops)
{
	vsc_channel_session_ops = ops;
	return register_virtio_driver(&driver);
}

/**
 * vsc_channel_exit() - ends every channel
 *
 * Context: module exit, first of all.
 */
void vsc_channel_exit(void)
{
	unregister_virtio_driver(&driver);
	if (refusals_bus)
		bus_unregister_notifier(refusals_bus, &refusals);
	refusals_bus = NULL;
}
