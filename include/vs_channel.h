/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The channel, as each end sees it.
 *
 * Virtqueue 0 carries the VSC's messages: one descriptor chain each, the request
 * readable, its COMPLETE writable.  Virtqueue 1 carries the VSP's INITIALIZE into
 * a buffer that the VSC has posted.  Virtqueues 2 and up carry data, their number
 * and format per class.
 */
#ifndef VS_CHANNEL_H
#define VS_CHANNEL_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "vs_wire.h"

struct attribute_group;
struct device;
struct iov_iter;
struct module;
struct virtqueue;
struct vs_class_spec;

#define VS_CHANNEL_VIRTIO_ID	9	/* 9p's: QEMU knows only some ids */
#define VS_CHANNEL_QUEUE_MESSAGE 0
#define VS_CHANNEL_QUEUE_CALL	1
#define VS_CHANNEL_QUEUE_DATA	2	/* the first of them */
#define VS_CHANNEL_MESSAGE_SIZE	16	/* entries of virtqueues 0 and 1 */
#define VS_CHANNEL_MESSAGES	4	/* messages in flight; more wait in the ring */

/* ---- Host end: channel/host/channel.c, vdpa.c, ring.c, memory.c, linked into vsp.ko ---- */

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
 * @message: a message has come and was copied; answer it, once, with
 *	vsp_channel_answer() and this slot. In context: mover; may sleep shortly.
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
u64 vsp_channel_ring_errors(const struct vsp_channel *channel);

#define VSP_WORKERS_MAX		4	/* of a channel */

/**
 * struct vsp_job - what is done beside the mover; see vsp_queue_job()
 * @work: what to do
 * @entry: while it waits for a thread of the VMM
 * @otherwise: its workqueue
 */
struct vsp_job {
	struct work_struct work;
	struct list_head entry;
	struct workqueue_struct *otherwise;
};

/* Data queues. All but vsp_queue_wake(): from queue_kick or queue_reap only. */

/* Descriptors of one chain, those of its indirect table included. */
#define VSP_CHAIN_SEGMENTS	(128 + 2)

/**
 * struct vsp_segment - one descriptor, copied once
 * @addr: guest address (IOVA)
 * @length: bytes
 */
struct vsp_segment {
	u64 addr;
	u32 length;
};

/**
 * struct vsp_chain - one descriptor chain, copied once and validated
 * @head: index of its head descriptor
 * @readable: number of segments that the device reads; the first in @segment
 * @writable: number of segments that it writes; they follow
 * @readable_bytes: their sum
 * @writable_bytes: their sum
 * @segment: all of them
 */
struct vsp_chain {
	u16 head;
	u16 readable;
	u16 writable;
	u64 readable_bytes;
	u64 writable_bytes;
	struct vsp_segment segment[VSP_CHAIN_SEGMENTS];
};

/**
 * struct vsp_payload - memory behind an iov_iter over guest memory
 * @count: entries of @bvec
 * @pinned: its pages are a VMM's, and pinned
 * @written: they are written to
 * @bvec: pages
 *
 * Owned by the caller, kept until the I/O is done.
 */
struct vsp_payload {
	unsigned int count;
	bool pinned;
	bool written;
	struct bio_vec *bvec;
};

unsigned int vsp_queue_number(const struct vsp_queue *queue);
bool vsp_queue_has(struct vsp_queue *queue, u16 count);
u16 vsp_queue_seen(const struct vsp_queue *queue);
int vsp_queue_peek(struct vsp_queue *queue, struct vsp_chain *chain);
void vsp_queue_consume(struct vsp_queue *queue);
int vsp_queue_read(struct vsp_queue *queue, const struct vsp_chain *chain,
		   u64 offset, void *to, size_t length);
int vsp_queue_write(struct vsp_queue *queue, const struct vsp_chain *chain,
		    u64 offset, const void *from, size_t length);
int vsp_queue_payload(struct vsp_queue *queue, const struct vsp_chain *chain, int direction,
		      u64 offset, size_t length, struct vsp_payload *payload,
		      struct iov_iter *iter);
void vsp_queue_payload_free(struct vsp_payload *payload);
void vsp_queue_complete(struct vsp_queue *queue, u16 head, u32 written);
void vsp_queue_flush(struct vsp_queue *queue);
void vsp_queue_wake(struct vsp_queue *queue);
void vsp_queue_job(struct vsp_queue *queue, struct vsp_job *job,
		   struct workqueue_struct *otherwise);

/* ---- Guest end: channel/guest/virtio.c, message.c, linked into vsc.ko ---- */

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
bool vsc_channel_broken(struct vsc_channel *channel);
void vsc_channel_break(struct vsc_channel *channel);
struct device *vsc_channel_device(struct vsc_channel *channel);

int vsc_channel_init(const struct vsc_channel_ops *ops);
void vsc_channel_exit(void);

#endif
