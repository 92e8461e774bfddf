// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues 0 and 1 of a channel's host end: the VSC's messages and their answers,
 * and the VSP's call.
 *
 * A message is copied out and shown to the service, which answers in its own
 * time, from its own context; the mover copies the answer in.  So no one of the
 * host's ever waits for a VMM.
 */
#include <linux/bug.h>
#include <linux/jiffies.h>
#include <linux/vmalloc.h>
#include <linux/string.h>

#include "channel/host/host.h"

/**
 * enum slot_state - of a message in flight
 * @SLOT_FREE: there is none
 * @SLOT_ASKED: the service has it
 * @SLOT_ANSWERED: its answer is there, to be written by the mover
 */
enum slot_state {
	SLOT_FREE,
	SLOT_ASKED,
	SLOT_ANSWERED,
};

/**
 * struct slot - a message in flight
 * @state: under vsp_messages.lock. From ASKED to ANSWERED it goes in any context,
 *	all else is done under the mover's mutex, too
 * @chain: of the message
 * @length: bytes of the answer; stable while ANSWERED
 * @bytes: while ASKED the message, for the service to read; while ANSWERED the answer
 */
struct slot {
	enum slot_state state;
	struct vsp_chain chain;
	size_t length;
	u8 bytes[VS_WIRE_MESSAGE_MAX];
};

/**
 * struct vsp_messages - of one channel
 * @lock: see struct slot; protects the three @call members as well. Bottom halves off
 * @slot: messages in flight
 * @call: there is one to be written
 * @call_length: bytes of it
 * @call_bytes: the newest
 * @scratch: of a call on its way; the mover's own, under its mutex, as @chain
 * @chain: of a buffer that the driver has posted for a call
 */
struct vsp_messages {
	spinlock_t lock;	/* innermost but vsp_mover.lock */
	struct slot slot[VS_CHANNEL_MESSAGES];
	bool call;
	size_t call_length;
	u8 call_bytes[VS_WIRE_MESSAGE_MAX];
	u8 scratch[VS_WIRE_MESSAGE_MAX];
	struct vsp_chain chain;
};

/**
 * vsp_messages_alloc() - none in flight
 *
 * Return: to be freed by kvfree(); NULL: no memory.
 */
struct vsp_messages *vsp_messages_alloc(void)
{
	/* Whole pages: as one block it would be nearly twice as large. */
	struct vsp_messages *messages = vzalloc(sizeof(*messages));

	if (messages)
		spin_lock_init(&messages->lock);
	return messages;
}

static enum slot_state slot_state(struct vsp_messages *messages, const struct slot *slot)
{
	enum slot_state state;

	spin_lock_bh(&messages->lock);
	state = slot->state;
	spin_unlock_bh(&messages->lock);
	return state;
}

static void set_slot_state(struct vsp_messages *messages, struct slot *slot,
			   enum slot_state state)
{
	spin_lock_bh(&messages->lock);
	slot->state = state;
	spin_unlock_bh(&messages->lock);
}

static void write_answer(struct vsp_queue *queue, struct slot *slot)
{
	u32 written = 0;

	/* Better none than a part of one, which might pass for a whole. */
	if (slot->length > slot->chain.writable_bytes)
		vsp_queue_driver_error(queue, "a message left no room for its answer");
	else if (vsp_queue_write(queue, &slot->chain, 0, slot->bytes, slot->length))
		vsp_queue_driver_error(queue, "an answer cannot be written where it was to go");
	else
		written = slot->length;
	vsp_queue_complete(queue, slot->chain.head, written);
}

static void write_answers(struct vsp_messages *messages, struct vsp_queue *queue)
{
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++) {
		struct slot *slot = &messages->slot[i];

		if (slot_state(messages, slot) != SLOT_ANSWERED)
			continue;
		write_answer(queue, slot);
		set_slot_state(messages, slot, SLOT_FREE);
	}
	vsp_queue_flush(queue);
}

/*
 * What is empty, too long, or not there goes to the service as a message of no
 * bytes: it is malformed, counted as such, and answered.
 */
static int messages_take_one(struct vsp_channel *channel, struct vsp_queue *queue,
			     unsigned int index)
{
	struct vsp_messages *messages = channel->messages;
	struct slot *slot = &messages->slot[index];
	size_t length;
	int error;

	error = vsp_queue_peek(queue, &slot->chain);
	if (error)
		return error;
	length = slot->chain.readable_bytes;
	if (slot->chain.readable_bytes > sizeof(slot->bytes))
		length = 0;
	error = vsp_queue_read(queue, &slot->chain, 0, slot->bytes, length);
	if (error == -EINTR)
		return error;
	if (error)
		length = 0;
	vsp_queue_consume(queue);
	set_slot_state(messages, slot, SLOT_ASKED);
	channel->ops->message(channel->service, index, slot->bytes, length);
	return 0;
}

static void messages_take(struct vsp_channel *channel, struct vsp_queue *queue)
{
	struct vsp_messages *messages = channel->messages;

	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++) {
		if (slot_state(messages, &messages->slot[i]) == SLOT_FREE &&
		    messages_take_one(channel, queue, i))
			return;
	}
}

/* Takes the pending call. It is put back by messages_put_call() if it could not be written. */
static size_t messages_take_call(struct vsp_messages *messages)
{
	size_t length = 0;

	spin_lock_bh(&messages->lock);
	if (messages->call) {
		messages->call = false;
		length = messages->call_length;
		memcpy(messages->scratch, messages->call_bytes, sizeof(messages->scratch));
	}
	spin_unlock_bh(&messages->lock);
	return length;
}

/* A newer one may have taken its place; the bytes are still there, if not. */
static void messages_put_call(struct vsp_messages *messages)
{
	spin_lock_bh(&messages->lock);
	messages->call = true;
	spin_unlock_bh(&messages->lock);
}

static void write_call(struct vsp_messages *messages, struct vsp_queue *queue)
{
	size_t length;
	u32 written = 0;

	/* A look also arms the kick for the next buffer. */
	if (vsp_queue_peek(queue, &messages->chain))
		return;
	length = messages_take_call(messages);
	if (!length)
		return;
	vsp_queue_consume(queue);
	if (length > messages->chain.writable_bytes)
		vsp_queue_driver_error(queue, "a buffer is too small for the call");
	else if (vsp_queue_write(queue, &messages->chain, 0, messages->scratch, length))
		vsp_queue_driver_error(queue, "a call cannot be written where it was to go");
	else
		written = length;
	/* Not lost, but not tried again before the driver posts another. */
	if (!written)
		messages_put_call(messages);
	vsp_queue_complete(queue, messages->chain.head, written);
	vsp_queue_flush(queue);
}

/**
 * vsp_messages_move() - move what there is to move on virtqueues 0 and 1
 * @channel: any
 *
 * Context: the mover; holds its mutex.
 */
void vsp_messages_move(struct vsp_channel *channel)
{
	struct vsp_queue *queue = &channel->queue[VS_CHANNEL_QUEUE_MESSAGE];

	lockdep_assert_held(&queue->mover->mutex);
	if (vsp_queue_begin(queue)) {
		write_answers(channel->messages, queue);
		messages_take(channel, queue);
	}
	queue = &channel->queue[VS_CHANNEL_QUEUE_CALL];
	if (vsp_queue_begin(queue))
		write_call(channel->messages, queue);
}

/**
 * vsp_messages_drain() - wait for the answers to what is in flight
 * @channel: virtqueues 0 and 1 are stopped
 *
 * At most VSP_SUSPEND_MS; the answers that come later are void, and the client,
 * having waited for too long, begins a new epoch.
 *
 * Context: the VMM's ioctl or the virtio core; holds the mover's mutex.
 */
void vsp_messages_drain(struct vsp_channel *channel)
{
	struct vsp_queue *queue = &channel->queue[VS_CHANNEL_QUEUE_MESSAGE];
	struct vsp_mover *mover = queue->mover;
	unsigned long end = jiffies + msecs_to_jiffies(VSP_SUSPEND_MS);
	long left;
	int wakes;

	lockdep_assert_held(&mover->mutex);
	if (queue->state == VSP_QUEUE_IDLE)
		return;
	for (;;) {
		wakes = atomic_read(&mover->wakes);
		write_answers(channel->messages, queue);
		left = end - jiffies;
		if (!queue->in_flight || left <= 0)
			return;
		wait_event_timeout(mover->wait, atomic_read(&mover->wakes) != wakes, left);
	}
}

/**
 * vsp_messages_void() - forget what is in flight, and the call
 * @channel: virtqueues 0 and 1 are stopped
 *
 * Context: the VMM's ioctl or the virtio core; holds the mover's mutex.
 */
void vsp_messages_void(struct vsp_channel *channel)
{
	struct vsp_messages *messages = channel->messages;

	lockdep_assert_held(&channel->mover[0].mutex);
	spin_lock_bh(&messages->lock);
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++)
		messages->slot[i].state = SLOT_FREE;
	messages->call = false;
	spin_unlock_bh(&messages->lock);
}

/**
 * vsp_channel_answer() - answer a message
 * @channel: registered
 * @slot: as it was given to ops->message()
 * @bytes: the answer
 * @length: bytes of it, up to VS_WIRE_MESSAGE_MAX
 *
 * Once a message. One that a reset has made void is ignored; but after ops->reset()
 * has returned the slot may be another message's, so the caller makes sure, under
 * a lock that its ops->reset() takes, that there was none meanwhile. If the chain
 * of the message has less room the driver gets an answer of no bytes.
 *
 * Context: any but hard interrupt.
 */
void vsp_channel_answer(struct vsp_channel *channel, unsigned int slot,
			const void *bytes, size_t length)
{
	struct vsp_messages *messages = channel->messages;

	if (WARN_ON_ONCE(slot >= VS_CHANNEL_MESSAGES || length > VS_WIRE_MESSAGE_MAX))
		return;
	spin_lock_bh(&messages->lock);
	if (messages->slot[slot].state == SLOT_ASKED) {
		memcpy(messages->slot[slot].bytes, bytes, length);
		messages->slot[slot].length = length;
		messages->slot[slot].state = SLOT_ANSWERED;
	}
	spin_unlock_bh(&messages->lock);
	vsp_mover_wake(&channel->mover[0]);
}

/**
 * vsp_channel_call() - send the VSP's own INITIALIZE
 * @channel: registered
 * @bytes: the message
 * @length: bytes of it, 1..VS_WIRE_MESSAGE_MAX
 *
 * Is written when the driver has posted a buffer for it. A newer one replaces it;
 * a reset drops it.
 *
 * Context: any but hard interrupt.
 */
void vsp_channel_call(struct vsp_channel *channel, const void *bytes, size_t length)
{
	struct vsp_messages *messages = channel->messages;

	if (WARN_ON_ONCE(!length || length > VS_WIRE_MESSAGE_MAX))
		return;
	spin_lock_bh(&messages->lock);
	memcpy(messages->call_bytes, bytes, length);
	messages->call_length = length;
	messages->call = true;
	spin_unlock_bh(&messages->lock);
	vsp_mover_wake(&channel->mover[0]);
}
