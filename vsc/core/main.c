// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsc.ko: the client, and its device class.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "channel/guest/channel.h"
#include "vs_compat.h"
#include "vsc/core/vsc.h"

static DEFINE_IDA(numbers);

static int session_uevent(VS_CONST_UEVENT struct device *dev, struct kobj_uevent_env *env)
{
	const struct vsc_session *session = container_of_const(dev, struct vsc_session, dev);
	int error = add_uevent_var(env, "VSC_UUID=%pUb", &session->uuid);

	return error ?: add_uevent_var(env, "VSC_CLASS=%s", session->spec->name);
}

static void session_free(struct device *dev)
{
	struct vsc_session *session = to_vsc_session(dev);

	vsc_sysfs_remove(session);
	ida_free(&numbers, dev->id);
	mutex_destroy(&session->request.lock);
	mutex_destroy(&session->class_lock);
	kfree(session);
}

static VS_CONST_CLASS struct class device_class = {
	.name = "vsc",
	.dev_uevent = session_uevent,
	.dev_release = session_free,
};

/**
 * vsc_main_new() - a session's object and its device, not shown yet
 * @parent: the channel's device
 * @spec: class of the service
 *
 * Context: process; sleeps.
 * Return: a session, to be freed by put_device() of its device; or an ERR_PTR().
 */
struct vsc_session *vsc_main_new(struct device *parent, const struct vs_class_spec *spec)
{
	struct vsc_session *session;
	int number, error;

	session = kzalloc(sizeof(*session), GFP_KERNEL);
	if (!session)
		return ERR_PTR(-ENOMEM);
	number = ida_alloc(&numbers, GFP_KERNEL);
	if (number < 0) {
		kfree(session);
		return ERR_PTR(number);
	}
	session->spec = spec;
	INIT_LIST_HEAD(&session->entry);
	mutex_init(&session->class_lock);
	mutex_init(&session->request.lock);
	spin_lock_init(&session->lock);
	device_initialize(&session->dev);
	session->dev.id = number;
	session->dev.class = &device_class;
	session->dev.parent = parent;
	error = dev_set_name(&session->dev, "vsc%d", number);
	if (!error)
		error = vsc_sysfs_add(session);
	if (error) {
		put_device(&session->dev);
		return ERR_PTR(error);
	}
	return session;
}

/**
 * vsc_main_add() - show a session, and let it hear of its class
 * @session: from vsc_main_new(), complete
 *
 * Context: process; sleeps.
 * Return: 0, or an errno: not shown.
 */
int vsc_main_add(struct vsc_session *session)
{
	int error;

	vsc_registry_add(session);
	error = device_add(&session->dev);
	if (error)
		vsc_registry_remove(session);
	return error;
}

/**
 * vsc_main_remove() - the opposite of vsc_main_add()
 * @session: added; it has let go of its class
 *
 * When it returns, no attribute of it is in use. Context: process; sleeps.
 */
void vsc_main_remove(struct vsc_session *session)
{
	device_del(&session->dev);
	vsc_registry_remove(session);
}

static int __init vsc_init(void)
{
	int error = class_register(&device_class);

	if (error)
		return error;
	/* Probes what is there: nothing may fail after it. */
	error = vsc_channel_init(&vsc_session_ops);
	if (error)
		class_unregister(&device_class);
	return error;
}

static void __exit vsc_exit(void)
{
	vsc_channel_exit();
	class_unregister(&device_class);
	ida_destroy(&numbers);
}

module_init(vsc_init);
module_exit(vsc_exit);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Resource contracts: the client, in a guest or in the host itself");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
