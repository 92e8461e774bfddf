// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues 0 and 1 of the guest's end: requests with their answers, and the provider's
 * calls.  Twin of channel/host/message.c.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio.h>

#include "channel/guest/guest.h"

/**
 * vsc_channel_exchange() - room for a request and its answer
 * @gfp: allocation flags
 *
 * Return: an exchange for vsc_channel_send(), or NULL without memory.
 */
struct vsc_exchange *vsc_channel_exchange(gfp_t gfp)
{
	struct vsc_exchange *exchange = kmalloc(sizeof(*exchange), gfp);

	if (!exchange)
		return NULL;
	INIT_LIST_HEAD(&exchange->list);
	exchange->epoch = 0;
	exchange->length = 0;
	exchange->request_length = 0;
	/* What the device leaves unwritten must not be what was there before. */
	memset(exchange->complete, 0, sizeof(exchange->complete));
	return exchange;
}

/**
 * vsc_channel_exchange_free() - the end of an exchange
 * @exchange: not under way; may be NULL
 */
void vsc_channel_exchange_free(struct vsc_exchange *exchange)
{
	kfree(exchange);
}

/**
 * vsc_channel_send() - send a request
 * @channel: any
 * @exchange: with its request; after success the channel's, until it comes back by
 *	vsc_channel_ops.complete or is freed by vsc_channel_stop()
 *
 * Context: any but the channel's own callbacks.
 * Return: 0; -ENODEV: the channel is stopped; -EIO: its ring is broken, or full of
 * requests that nobody has answered; -ENOMEM. After an error the exchange is the caller's.
 */
int vsc_channel_send(struct vsc_channel *channel, struct vsc_exchange *exchange)
{
	struct virtqueue *vq = channel->vq[VS_CHANNEL_QUEUE_MESSAGE];
	struct scatterlist request, complete;
	struct scatterlist *sgs[] = { &request, &complete };
	unsigned long flags;
	int error = -ENODEV;

	sg_init_one(&request, exchange->request, exchange->request_length);
	sg_init_one(&complete, exchange->complete, sizeof(exchange->complete));
	spin_lock_irqsave(&channel->lock, flags);
	if (channel->up)
		error = virtqueue_add_sgs(vq, sgs, 1, 1, exchange, GFP_ATOMIC);
	/* The provider has answered none of a whole ring of messages: treat the ring as broken. */
	if (error == -ENOSPC) {
		__virtqueue_break(vq);
		error = -EIO;
	}
	if (!error) {
		list_add_tail(&exchange->list, &channel->inflight);
		/* Under the lock, so that no kick is under way at a reset. */
		virtqueue_kick(vq);
	}
	spin_unlock_irqrestore(&channel->lock, flags);
	return error;
}

/* Hands all that has come in a queue to @take, with the number of bytes that were written. */
static void message_take_all(struct virtqueue *vq,
			     void (*take)(struct vsc_channel *channel, void *buffer,
					  unsigned int length))
{
	struct vsc_channel *channel = vq->vdev->priv;
	unsigned int length;
	unsigned long flags;
	void *buffer;

	spin_lock_irqsave(&channel->lock, flags);
	/* A device that does not wait for DRIVER_OK has nobody to talk to yet. */
	if (!channel->up)
		goto unlock;
	do {
		virtqueue_disable_cb(vq);
		while ((buffer = virtqueue_get_buf(vq, &length)))
			take(channel, buffer, length);
	} while (!virtqueue_enable_cb(vq));
	vsc_channel_check_ring(channel, vq);
unlock:
	spin_unlock_irqrestore(&channel->lock, flags);
}

static void message_take_answer(struct vsc_channel *channel, void *buffer, unsigned int length)
{
	struct vsc_exchange *exchange = buffer;

	list_del_init(&exchange->list);
	exchange->length = min_t(size_t, length, sizeof(exchange->complete));
	vsc_channel_session_ops->complete(channel->session, exchange);
}

/**
 * vsc_message_done() - answers have come
 * @vq: virtqueue 0
 *
 * Context: a virtqueue's callback, interrupts included.
 */
void vsc_message_done(struct virtqueue *vq)
{
	message_take_all(vq, message_take_answer);
}

static int post_call(struct vsc_channel *channel, struct vsc_call_buffer *buffer)
{
	struct scatterlist sg;

	sg_init_one(&sg, buffer->bytes, sizeof(buffer->bytes));
	return virtqueue_add_inbuf(channel->vq[VS_CHANNEL_QUEUE_CALL], &sg, 1, buffer, GFP_ATOMIC);
}

static void message_take_call(struct vsc_channel *channel, void *buffer, unsigned int length)
{
	struct vsc_call_buffer *call = buffer;

	for (unsigned int i = 0; i < VSC_GUEST_CALL_BUFFERS; i++)
		if (channel->call[i] == call)
			channel->taken[i] = true;
	vsc_channel_session_ops->call(channel->session, call->bytes,
				      min_t(size_t, length, sizeof(call->bytes)));
}

/**
 * vsc_message_call_done() - a call has come
 * @vq: virtqueue 1
 *
 * The buffers are not posted again here: a host that fills them as fast as it gets them
 * would not let this end.
 *
 * Context: a virtqueue's callback, interrupts included.
 */
void vsc_message_call_done(struct virtqueue *vq)
{
	message_take_all(vq, message_take_call);
}

/**
 * vsc_channel_post_calls() - the VSP may call again
 * @channel: any
 *
 * Gives back the buffers of the calls that have come. So it is the session that decides how
 * often a host can call.
 *
 * Context: the session's work.
 */
void vsc_channel_post_calls(struct vsc_channel *channel)
{
	bool posted = false;

	spin_lock_irq(&channel->lock);
	for (unsigned int i = 0; i < VSC_GUEST_CALL_BUFFERS && channel->up; i++) {
		if (!channel->taken[i])
			continue;
		channel->taken[i] = false;
		/* There was room for it: fails on a broken ring only. */
		posted |= !post_call(channel, channel->call[i]);
	}
	if (posted)
		virtqueue_kick(channel->vq[VS_CHANNEL_QUEUE_CALL]);
	spin_unlock_irq(&channel->lock);
}

/**
 * vsc_message_post_calls() - post all buffers for calls
 * @channel: about to start; its virtqueue 1 is empty
 *
 * Context: any but interrupt.
 * Return: 0 or an errno of the virtio core
 */
int vsc_message_post_calls(struct vsc_channel *channel)
{
	int error = 0;

	spin_lock_irq(&channel->lock);
	for (unsigned int i = 0; i < VSC_GUEST_CALL_BUFFERS && !error; i++)
		error = post_call(channel, channel->call[i]);
	spin_unlock_irq(&channel->lock);
	return error;
}

/**
 * vsc_message_empty() - take back what was in virtqueues 0 and 1
 * @channel: its device is reset: nothing of it will be answered
 *
 * Context: any but interrupt.
 */
void vsc_message_empty(struct vsc_channel *channel)
{
	struct virtqueue *vq = channel->vq[VS_CHANNEL_QUEUE_MESSAGE];
	struct vsc_exchange *exchange, *next;

	spin_lock_irq(&channel->lock);
	while (virtqueue_detach_unused_buf(vq))
		;
	while (virtqueue_detach_unused_buf(channel->vq[VS_CHANNEL_QUEUE_CALL]))
		;
	memset(channel->taken, 0, sizeof(channel->taken));
	list_for_each_entry_safe(exchange, next, &channel->inflight, list)
		vsc_channel_exchange_free(exchange);
	INIT_LIST_HEAD(&channel->inflight);
	spin_unlock_irq(&channel->lock);
}
