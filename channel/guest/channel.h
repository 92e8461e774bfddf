/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client's end of a channel, as a session and, for its virtqueues, a class see it: virtio.c
 * and message.c.
 */
#ifndef VSC_CHANNEL_H
#define VSC_CHANNEL_H

#include <linux/list.h>
#include <linux/types.h>

#include "vs_limits.h"

struct device;
struct virtqueue;
struct vs_class_spec;
struct vs_wire_config;
struct vsc_channel;

/**
 * struct vsc_exchange - a request and the room for its COMPLETE
 * @list: owned by the channel while it is under way
 * @epoch: for the sender's own use
 * @length: bytes of the COMPLETE, once it is there
 * @request_length: bytes of @request
 * @request: what is sent
 * @complete: what comes back
 *
 * Allocated by vsc_channel_exchange(), freed by vsc_channel_exchange_free().
 */
struct vsc_exchange {
	struct list_head list;
	u64 epoch;
	size_t length;
	size_t request_length;
	u8 request[VS_WIRE_MESSAGE_MAX];
	u8 complete[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsc_channel_ops - what the channel tells the session
 *
 * The driver's own functions, which sleep:
 *
 * @attach: probe has found the queues of @channel: make its session, @session. @wire is the
 *	config space, a checked copy, and @spec the class that it names. Nothing is sent
 *	before @ready. Return: 0, or an errno: there is no session.
 * @ready: the channel can send: after @attach, and after @suspend once the machine is awake.
 * @suspend: the machine goes to sleep: the session loses its contract and stops the channel;
 *	when it returns nothing happens before @ready.
 * @detach: the channel goes: give the contract back and end the session.
 *
 * Interrupt context: these may not sleep, nor send.
 *
 * @complete: the answer to @exchange has come; the session owns it again.
 * @call: the VSP's INITIALIZE; the bytes are the channel's again afterwards.
 * @data: virtqueue @index (from 0 for the first data queue) has something.
 * @broken: a ring is broken: vsc_channel_broken() says so, too.
 */
struct vsc_channel_ops {
	int (*attach)(struct vsc_channel *channel, const struct vs_wire_config *wire,
		      const struct vs_class_spec *spec, void **session);
	void (*ready)(void *session);
	void (*suspend)(void *session);
	void (*detach)(void *session);
	void (*complete)(void *session, struct vsc_exchange *exchange);
	void (*call)(void *session, const void *bytes, size_t length);
	void (*data)(void *session, unsigned int index);
	void (*broken)(void *session);
};

struct vsc_exchange *vsc_channel_exchange(gfp_t gfp);
void vsc_channel_exchange_free(struct vsc_exchange *exchange);
int vsc_channel_send(struct vsc_channel *channel, struct vsc_exchange *exchange);
void vsc_channel_post_calls(struct vsc_channel *channel);
struct virtqueue *vsc_channel_queue(struct vsc_channel *channel, unsigned int index);
/*
 * Resets the device (virtio_reset_device()): when it returns no callback runs or
 * comes any more, and what is in the rings is the driver's again.  The virtqueues
 * stay until the channel goes; nothing can be sent on it.  May sleep; a second
 * call changes nothing.  For a class's ->detach.
 */
void vsc_channel_stop(struct vsc_channel *channel);
/* Begins anew after vsc_channel_stop(), with other virtqueues; of the session only. */
int vsc_channel_start(struct vsc_channel *channel);
bool vsc_channel_ends(void);
bool vsc_channel_broken(struct vsc_channel *channel);
void vsc_channel_break(struct vsc_channel *channel);
struct device *vsc_channel_device(struct vsc_channel *channel);

int vsc_channel_init(const struct vsc_channel_ops *ops);
void vsc_channel_exit(void);

#endif
