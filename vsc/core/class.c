// SPDX-License-Identifier: GPL-2.0-only
/*
 * What classes may know of a session.
 */
#include <linux/module.h>

#include "vsc/core/vsc.h"

/**
 * vsc_session_device() - the device that a session is shown as
 * @session: any
 *
 * Context: any.
 * Return: vsc<N>; constant.
 */
struct device *vsc_session_device(struct vsc_session *session)
{
	return &session->dev;
}
EXPORT_SYMBOL_GPL(vsc_session_device);

/**
 * vsc_session_of_device() - the opposite of vsc_session_device()
 * @dev: vsc<N>
 *
 * Context: any.
 * Return: its session.
 */
struct vsc_session *vsc_session_of_device(struct device *dev)
{
	return to_vsc_session(dev);
}
EXPORT_SYMBOL_GPL(vsc_session_of_device);

/**
 * vsc_session_uuid() - what the service is known by
 * @session: any
 *
 * Context: any.
 * Return: the service's UUID; constant.
 */
const uuid_t *vsc_session_uuid(const struct vsc_session *session)
{
	return &session->uuid;
}
EXPORT_SYMBOL_GPL(vsc_session_uuid);

/**
 * vsc_session_name() - what people call the service
 * @session: any
 *
 * Context: any.
 * Return: the service's name, of printing characters of ASCII; constant. Any host may call a
 * service so.
 */
const char *vsc_session_name(const struct vsc_session *session)
{
	return session->name;
}
EXPORT_SYMBOL_GPL(vsc_session_name);

/**
 * vsc_session_channel() - the channel, for its data queues
 * @session: any
 *
 * Context: operations of the class that run in the session's work.
 * Return: the channel, for as long as the class is attached.
 */
struct vsc_channel *vsc_session_channel(const struct vsc_session *session)
{
	return session->channel;
}
EXPORT_SYMBOL_GPL(vsc_session_channel);

/**
 * vsc_session_data() - what the class has of the session
 * @session: any
 *
 * Context: any. Outside of the session's work the class says how long the data live.
 * Return: what vsc_session_set_data() was given last, as complete as it was then.
 */
void *vsc_session_data(const struct vsc_session *session)
{
	return READ_ONCE(session->class_data);
}
EXPORT_SYMBOL_GPL(vsc_session_data);

/**
 * vsc_session_set_data() - set what vsc_session_data() returns
 * @session: any
 * @data: the class's own, complete; NULL: about to go
 *
 * Context: attach and detach of the class.
 */
void vsc_session_set_data(struct vsc_session *session, void *data)
{
	/* Pairs with the READ_ONCE() in vsc_session_data(): the data found are complete. */
	smp_store_release(&session->class_data, data);
}
EXPORT_SYMBOL_GPL(vsc_session_set_data);
