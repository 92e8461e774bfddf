// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host end of a channel as its service has it: made, shown to the driver that the
 * administrator has chosen, and taken away.  What that driver calls is in vdpa.c.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "channel/host/host.h"
#include "vs_class.h"
#include "vs_compat_vdpa.h"

static int channel_allocate(struct vsp_channel *channel)
{
	channel->movers = (channel->spec->one_mover ? 1 : channel->spec->queues) + 1;
	channel->queues = channel->spec->queues + VS_CHANNEL_QUEUE_DATA;
	channel->mover = kcalloc(channel->movers, sizeof(*channel->mover), GFP_KERNEL);
	channel->messages = vsp_messages_alloc();
	if (!channel->mover || !channel->messages)
		return -ENOMEM;
	/* The last one: see channel_free(). */
	channel->queue = vcalloc(channel->queues, sizeof(*channel->queue));
	if (!channel->queue)
		return -ENOMEM;
	vs_memory_init(&channel->memory, dev_name(&channel->vdpa.dev), channel->local);
	vsp_jobs_init(&channel->jobs);
	for (unsigned int i = 0; i < channel->movers; i++)
		vsp_mover_init(&channel->mover[i], channel, i);
	for (unsigned int i = 0; i < channel->queues; i++)
		vsp_queue_init(&channel->queue[i], channel, i);
	return 0;
}

/**
 * vsp_channel_create() - make a channel's host end; nobody sees it yet
 * @config: copied, but for what it points to (@spec, @groups: as long as the device)
 * @ops: called from vsp_channel_register() on
 * @service: their argument
 *
 * Context: process.
 * Return: to be given to vsp_channel_register(); or -EINVAL (the class's queues),
 * -ENOMEM.
 */
struct vsp_channel *vsp_channel_create(const struct vsp_channel_config *config,
				       const struct vsp_channel_ops *ops, void *service)
{
	const struct vs_class_spec *spec = config->spec;
	struct vsp_channel *channel;
	int error;

	if (spec->queues > VS_CLASS_QUEUES_MAX ||
	    !is_power_of_2(spec->queue_size) || spec->queue_size > VS_RING_SIZE_MAX)
		return ERR_PTR(-EINVAL);
	channel = vs_vdpa_alloc_device(struct vsp_channel, vdpa, &vsp_vdpa_ops, config->name);
	if (IS_ERR(channel))
		return channel;
	/* Given back by channel_free(), which is this module's code. */
	__module_get(THIS_MODULE);
	channel->ops = ops;
	channel->service = service;
	channel->wire = config->wire;
	channel->spec = spec;
	channel->local = config->local;
	channel->workers = min(config->workers, VSP_WORKERS_MAX);
	channel->owner = config->owner;
	spin_lock_init(&channel->hold.lock);
	ratelimit_state_init(&channel->ratelimit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	vs_vdpa_dma_dev(&channel->vdpa) = &channel->vdpa.dev;
	channel->vdpa.dev.groups = config->groups;
	channel->vdpa.dev.dma_mask = &channel->vdpa.dev.coherent_dma_mask;
	error = dma_set_mask_and_coherent(&channel->vdpa.dev, DMA_BIT_MASK(64));
	if (!error)
		error = channel_allocate(channel);
	if (error) {
		put_device(&channel->vdpa.dev);
		return ERR_PTR(error);
	}
	return channel;
}

/* Either driver would take any vDPA device. */
static int set_override(struct vsp_channel *channel)
{
	const char *name = vsp_vdpa_driver_name(channel);

	return vs_vdpa_set_driver_override(&channel->vdpa, name);
}

static int register_device(struct vsp_channel *channel)
{
	struct device *dev = &channel->vdpa.dev;
	int error;

	error = vdpa_register_device(&channel->vdpa, channel->queues);
	if (error) {
		dev_err(dev, "cannot be registered (%d): its name must be unique among vDPA devices\n",
			error);
		return error;
	}
	if (dev->driver)
		return 0;
	dev_err(dev, "no driver has taken it: modprobe %s\n", vsp_vdpa_driver_name(channel));
	/* The caller puts the reference that this would put. */
	get_device(dev);
	vdpa_unregister_device(&channel->vdpa);
	return -ENODEV;
}

/**
 * vsp_channel_register() - show a channel to its driver
 * @channel: of vsp_channel_create(); on error it is gone
 *
 * Loads the driver first, since a device is offered to its driver once. ops may be
 * called before it returns.
 *
 * Context: process; neither vdpa_dev_lock nor a device's lock held.
 * Return: 0; -ENODEV: the driver is not there, or refuses; -EEXIST: another vDPA
 * device has the name; or an error of making threads or of the device core.
 */
int vsp_channel_register(struct vsp_channel *channel)
{
	const char *driver = vsp_vdpa_driver_name(channel);
	int error;

	/* A modprobe for each of many services is most of the time that making them takes. */
	if (!driver_find(driver, channel->vdpa.dev.bus))
		request_module("%s", driver);
	error = set_override(channel);
	if (!error && channel->local)
		error = vsp_movers_start(channel);
	if (error)
		goto put;
	error = register_device(channel);
	if (!error)
		return 0;
	if (channel->local)
		vsp_movers_stop(channel);
put:
	put_device(&channel->vdpa.dev);
	return error;
}

/**
 * vsp_channel_kill() - nobody opens the channel any more
 * @channel: registered
 *
 * In one step against an open.
 *
 * Context: any but interrupt.
 * Return: 0, from now on every open fails; -EBUSY: a VMM holds it, nothing has
 * changed. A local channel is never held.
 */
int vsp_channel_kill(struct vsp_channel *channel)
{
	int error = 0;

	spin_lock(&channel->hold.lock);
	if (channel->hold.held)
		error = -EBUSY;
	else
		channel->hold.dying = true;
	spin_unlock(&channel->hold.lock);
	return error;
}

/**
 * vsp_channel_revive() - undo vsp_channel_kill()
 * @channel: registered, killed
 *
 * Context: any but interrupt.
 */
void vsp_channel_revive(struct vsp_channel *channel)
{
	spin_lock(&channel->hold.lock);
	channel->hold.dying = false;
	spin_unlock(&channel->hold.lock);
}

/**
 * vsp_channel_busy() - are requests of its data queues in flight?
 * @channel: registered
 *
 * Context: process. Does not wait: a mover that is in the middle of something is busy.
 * Return: false: none was; none is later, either, if there is no contract
 */
bool vsp_channel_busy(struct vsp_channel *channel)
{
	bool busy = false;

	for (unsigned int i = VS_CHANNEL_QUEUE_DATA; i < channel->queues && !busy; i++) {
		struct vsp_queue *queue = &channel->queue[i];

		if (!mutex_trylock(&queue->mover->mutex))
			return true;
		busy = queue->in_flight;
		mutex_unlock(&queue->mover->mutex);
	}
	return busy;
}

/**
 * vsp_channel_unregister() - take a channel away from its driver, and put it
 * @channel: vsp_channel_kill() has returned 0; local: its data is withdrawn
 *
 * A local VSC's driver is removed, and resets the device, before this returns. No
 * operation of the service is called afterwards. The memory goes with the last
 * reference to the device.
 *
 * Context: process; waits for whoever has it open; takes vdpa_dev_lock.
 */
void vsp_channel_unregister(struct vsp_channel *channel)
{
	struct device *dev = get_device(&channel->vdpa.dev);
	bool refused;

	spin_lock(&channel->hold.lock);
	channel->hold.removing = true;
	refused = channel->hold.refused;
	spin_unlock(&channel->hold.lock);
	/*
	 * See open_late(). Who was refused until here is out of vhost_vdpa then: on its way it does
	 * not sleep, it can only be preempted. (By then there is CONFIG_TASKS_RCU, which comes with
	 * tracing and with BPF.)
	 */
	if (refused)
		synchronize_rcu_tasks();
	/*
	 * Waits for whoever has it open, if need be for long: an opener that open_late() has
	 * killed may have its file in a ring of io_uring, which others share.  Not under
	 * vdpa_dev_lock, for which every other service would have to wait.
	 */
	device_release_driver(&channel->vdpa.dev);
	vdpa_unregister_device(&channel->vdpa);
	if (channel->local)
		vsp_movers_stop(channel);
	put_device(dev);
}

/**
 * vsp_channel_device() - the vDPA device
 * @channel: any
 */
struct device *vsp_channel_device(struct vsp_channel *channel)
{
	return &channel->vdpa.dev;
}

/**
 * vsp_channel_service() - whose a vDPA device is
 * @dev: of vsp_channel_device(), as the config's groups get it
 *
 * Return: the argument of ops. Not by way of the device's driver data: that is the
 * bus driver's.
 */
void *vsp_channel_service(struct device *dev)
{
	return container_of(dev, struct vsp_channel, vdpa.dev)->service;
}

/**
 * vsp_channel_vmm() - which process has a channel
 * @channel: any
 *
 * Context: any but interrupt.
 * Return: its number, as the caller's namespace has it; 0: none, or none of that
 * namespace.
 */
pid_t vsp_channel_vmm(struct vsp_channel *channel)
{
	pid_t vmm;

	spin_lock(&channel->hold.lock);
	vmm = pid_vnr(channel->hold.vmm);
	spin_unlock(&channel->hold.lock);
	return vmm;
}

/**
 * vsp_channel_ring_errors() - rules of virtio that the channel's drivers have broken
 * @channel: any
 *
 * Return: rings that went bad, and chains too small for what was to be written to
 * them, since the channel was made.
 */
u64 vsp_channel_ring_errors(const struct vsp_channel *channel)
{
	return atomic64_read(&channel->ring_errors);
}
