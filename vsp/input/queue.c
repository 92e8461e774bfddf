// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data queues of a service: what its movers do.
 */
#include <linux/bug.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_input.h>

#include "vsp/class.h"
#include "vsp/input/input.h"

/* ---- Events ---- */

static bool queue_take_report(struct vsp_input *input)
{
	spin_lock_irq(&input->feed->lock);
	if (input->stale)
		input->count = 0;
	input->stale = false;
	if (input->present && !input->count)
		input->count = vsp_input_stream_take(&input->stream, &input->grant, input->report);
	spin_unlock_irq(&input->feed->lock);
	return input->count;
}

/* What is behind the last report that has passed is known. */
static void queue_settle(struct vsp_input *input)
{
	if (input->owed)
		vsp_rates_done(input->service, 0, &input->owed);
	input->owed = 0;
}

static bool queue_idle(struct vsp_input *input)
{
	unsigned long irq = vsp_rates_lock(input->service);

	vsp_rates_drop(input->service, 0);
	vsp_rates_unlock(input->service, irq);
	queue_settle(input);
	return false;
}

/* In one step with a commit. */
static bool queue_admit(struct vsp_input *input)
{
	u64 cost = input->count;
	unsigned long irq;
	bool passes;

	irq = vsp_rates_lock(input->service);
	/* Who has made it stale has the queue looked at again. */
	if (!READ_ONCE(input->present) || READ_ONCE(input->stale)) {
		input->count = 0;
		vsp_rates_drop(input->service, 0);
		passes = false;
	} else {
		passes = vsp_rates_admit(input->service, 0, &cost);
	}
	vsp_rates_unlock(input->service, irq);
	queue_settle(input);
	if (passes)
		input->owed = cost;
	return passes;
}

/* Return: whether the client has the event; what it has not is as if it had been dropped. */
static bool queue_write(struct vsp_input *input, struct vsp_queue *queue,
			const struct vsp_input_event *event)
{
	struct vsp_chain *chain = &input->chain[VS_INPUT_QUEUE_EVENTS];
	struct virtio_input_event wire = {
		.type = cpu_to_le16(event->type),
		.code = cpu_to_le16(event->code),
		.value = cpu_to_le32(event->value),
	};
	int error = 0;

	if (vsp_queue_peek(queue, chain))
		return false;
	if (chain->readable || chain->writable_bytes < sizeof(wire))
		error = -EINVAL;
	if (!error)
		error = vsp_queue_write(queue, chain, 0, &wire, sizeof(wire));
	vsp_queue_consume(queue);
	vsp_queue_complete(queue, chain->head, error ? 0 : sizeof(wire));
	return !error;
}

static bool queue_send(struct vsp_input *input, struct vsp_queue *queue)
{
	bool whole = true;

	if (!queue_take_report(input) || !vsp_queue_has(queue, input->count))
		return queue_idle(input);
	if (!queue_admit(input))
		return false;
	for (unsigned int i = 0; i < input->count; i++)
		whole &= queue_write(input, queue, &input->report[i]);
	if (whole) {
		vsp_input_count(input, VSP_INPUT_REPORTS, 1);
		vsp_input_count(input, VSP_INPUT_SENT, input->count);
	}
	input->count = 0;
	if (whole)
		return true;
	vsp_input_count(input, VSP_INPUT_MALFORMED, 1);
	spin_lock_irq(&input->feed->lock);
	vsp_input_stream_restart(&input->stream);
	spin_unlock_irq(&input->feed->lock);
	return true;
}

static void queue_fill_events(struct vsp_input *input, struct vsp_queue *queue)
{
	unsigned int budget = VS_INPUT_QUEUE_SIZE;

	spin_lock_irq(&input->feed->lock);
	input->queue = queue;
	spin_unlock_irq(&input->feed->lock);
	if (input->count && READ_ONCE(input->present) && vsp_rates_held(input->service, 0))
		return;
	while (budget && queue_send(input, queue))
		budget--;
	if (!budget)
		vsp_queue_wake(queue);
}

/* ---- Status and query: each request is answered at once ---- */

static void queue_grant(struct vsp_input *input, struct vs_input_grant *grant)
{
	spin_lock_irq(&input->feed->lock);
	*grant = input->grant;
	spin_unlock_irq(&input->feed->lock);
}

/* Return: bytes written, or an error: the request is wrong. */
static int queue_status(struct vsp_input *input, struct vsp_queue *queue,
			const struct vsp_chain *chain)
{
	struct virtio_input_event event;
	struct vs_input_grant grant;
	unsigned int type;

	if (chain->writable || chain->readable_bytes != sizeof(event) ||
	    vsp_queue_read(queue, chain, 0, &event, sizeof(event)))
		return -EINVAL;
	queue_grant(input, &grant);
	type = le16_to_cpu(event.type);
	if (type != EV_LED && type != EV_REP)
		return -EINVAL;
	if (!vs_input_allows(&grant, type, le16_to_cpu(event.code)))
		return 0;
	vsp_input_count(input, VSP_INPUT_STATUS, 1);
	/* Each client repeats by itself; how the host's own seat does is none of its business. */
	if (type == EV_LED)
		vsp_input_led_set(input, le16_to_cpu(event.code), le32_to_cpu(event.value));
	return 0;
}

/* The client makes a device: none of its axes has a value yet, and it holds nothing. */
static void queue_new_device(struct vsp_input *input)
{
	lockdep_assert_held(&input->feed->lock);
	if (input->resumed) {
		vsp_input_stream_restart(&input->stream);
		input->stale = true;
		input->resumed = false;
	} else {
		vsp_input_stream_axes(&input->stream);
	}
	if (input->queue)
		vsp_queue_wake(input->queue);
}

static void queue_answer(struct vsp_input *input, const struct vs_input_query *query,
			 struct virtio_input_config *config)
{
	struct vsp_input_feed *feed = input->feed;

	spin_lock_irq(&feed->lock);
	vsp_input_caps_answer(&feed->caps, input->present ? &input->grant : NULL, query, config);
	/* Who asks for the axes makes a device. */
	if (query->select == VIRTIO_INPUT_CFG_EV_BITS && query->subsel == EV_ABS)
		queue_new_device(input);
	spin_unlock_irq(&feed->lock);
}

static int queue_query(struct vsp_input *input, struct vsp_queue *queue,
		       const struct vsp_chain *chain)
{
	struct virtio_input_config config;
	struct vs_input_query query;

	if (chain->readable_bytes != sizeof(query) || chain->writable_bytes < sizeof(config) ||
	    vsp_queue_read(queue, chain, 0, &query, sizeof(query)))
		return -EINVAL;
	queue_answer(input, &query, &config);
	if (vsp_queue_write(queue, chain, 0, &config, sizeof(config)))
		return -EINVAL;
	return sizeof(config);
}

static void queue_requests(struct vsp_input *input, struct vsp_queue *queue)
{
	struct vsp_chain *chain = &input->chain[vsp_queue_number(queue)];
	unsigned int budget = VS_INPUT_QUEUE_SIZE;
	int written;

	for (; budget && !vsp_queue_peek(queue, chain); budget--) {
		if (vsp_queue_number(queue) == VS_INPUT_QUEUE_STATUS)
			written = queue_status(input, queue, chain);
		else
			written = queue_query(input, queue, chain);
		if (written < 0)
			vsp_input_count(input, VSP_INPUT_MALFORMED, 1);
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, chain->head, max(written, 0));
	}
	if (!budget)
		vsp_queue_wake(queue);
}

/**
 * vsp_input_queue_kick() - queue_kick of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Context: the mover.
 */
void vsp_input_queue_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_input *input = vsp_service_data(service);

	if (vsp_queue_number(queue) == VS_INPUT_QUEUE_EVENTS)
		queue_fill_events(input, queue);
	else
		queue_requests(input, queue);
}

/**
 * vsp_input_queue_reap() - queue_reap of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Nothing is in flight between two calls of queue_kick.
 *
 * Context: the mover, or the VMM's ioctl.
 */
void vsp_input_queue_reap(struct vsp_service *service, struct vsp_queue *queue)
{
}

/**
 * vsp_input_queue_reset() - queue_reset of the class
 * @service: enabled; nothing of its queues is in flight
 *
 * A client that was only stopped goes on with what it has, a report that was taken for it included.
 *
 * Context: may sleep.
 */
void vsp_input_queue_reset(struct vsp_service *service)
{
	struct vsp_input *input = vsp_service_data(service);

	spin_lock_irq(&input->feed->lock);
	input->queue = NULL;
	vsp_input_stream_resume(&input->stream);
	input->resumed = true;
	spin_unlock_irq(&input->feed->lock);
	queue_settle(input);
	vsp_rates_reset(service, 0);
}

/**
 * vsp_input_queue_wake() - wake of the class
 * @service: enabled
 * @flow: 0
 *
 * Context: atomic, interrupts off.
 */
void vsp_input_queue_wake(struct vsp_service *service, u32 flow)
{
	struct vsp_input *input = vsp_service_data(service);

	spin_lock(&input->feed->lock);
	if (input->queue)
		vsp_queue_wake(input->queue);
	spin_unlock(&input->feed->lock);
}
