/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest end of a channel, inside: channel/guest/virtio.c (the device and its driver)
 * and message.c (virtqueues 0 and 1).
 */
#ifndef VS_GUEST_H
#define VS_GUEST_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "channel/guest/channel.h"
#include "vs_channel.h"
#include "vs_class.h"
#include "vs_config.h"
#include "vs_limits.h"

struct virtio_device;
struct virtqueue;

#define VSC_GUEST_CALL_BUFFERS	2
#define VSC_GUEST_QUEUES_MAX	(VS_CHANNEL_QUEUE_DATA + VS_CLASS_QUEUES_MAX)

struct vsc_call_buffer {
	u8 bytes[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsc_channel - the guest end of one channel
 * @vdev: its device
 * @spec: class that the device names
 * @wire: its config space, as the session knows it
 * @session: made by vsc_channel_ops.attach
 * @found: @vq is valid
 * @stopped: the device is reset; changed by whoever may start and stop the channel:
 *	the session's work, or the driver's own functions while there is none
 * @vq: message, call, data
 * @call: posted in virtqueue 1, but for those in @taken
 *
 * @lock: protects virtqueues 0 and 1, and what follows; taken with interrupts off.
 *	The session's callbacks run under it
 * @up: DRIVER_OK, or about to be: messages may be sent, and what comes is looked at
 * @inflight: exchanges in virtqueue 0
 * @taken: of @call: has come, and is to be posted again by vsc_channel_post_calls()
 */
struct vsc_channel {
	struct virtio_device *vdev;
	const struct vs_class_spec *spec;
	struct vs_wire_config wire;
	void *session;
	bool found;
	bool stopped;
	struct virtqueue *vq[VSC_GUEST_QUEUES_MAX];
	struct vsc_call_buffer *call[VSC_GUEST_CALL_BUFFERS];

	spinlock_t lock;	/* virtqueues 0 and 1 */
	bool up;
	struct list_head inflight;
	bool taken[VSC_GUEST_CALL_BUFFERS];
};

/* channel/guest/virtio.c */
extern const struct vsc_channel_ops *vsc_channel_session_ops;
void vsc_channel_check_ring(struct vsc_channel *channel, struct virtqueue *vq);

/* channel/guest/message.c */
void vsc_message_done(struct virtqueue *vq);
void vsc_message_call_done(struct virtqueue *vq);
int vsc_message_post_calls(struct vsc_channel *channel);
void vsc_message_empty(struct vsc_channel *channel);

#endif
