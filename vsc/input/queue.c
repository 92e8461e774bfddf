// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of the guest's input device: events that the host sends, and the state of LEDs and
 * of repetition that goes back.  What is asked of the host is in query.c.
 *
 * Events are passed on in the ring's interrupt, whole reports only.  A host that fills buffers
 * as fast as they are posted does not keep an interrupt from ending: what is more than one
 * ring's worth is taken by a work.
 *
 * Of what goes back only the newest state counts.  So what finds the ring full is only noted,
 * and sent when the host has taken something: nothing waits, and nothing is out of date.
 */
#include <linux/bitmap.h>
#include <linux/input.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio.h>

#include "channel/guest/channel.h"
#include "vs_channel.h"
#include "vsc/class.h"
#include "vsc/input/input.h"

static void queue_check(struct vsc_input *input, struct virtqueue *vq)
{
	if (virtqueue_is_broken(vq))
		vsc_session_broken(input->session);
}

/* ---- Events: under vsc_input_events.lock ---- */

static void queue_deliver(struct vsc_input *input)
{
	struct vsc_input_report *report = &input->events.report;
	struct input_dev *dev = input->events.target;

	if (!report->count)
		return;
	for (unsigned int i = 0; i < report->count; i++)
		input_event(dev, report->value[i].type, report->value[i].code,
			    report->value[i].value);
	input_sync(dev);
	vsc_flow_arrive(&input->flow, report->count + 1, report->count + 1);
	vsc_input_count(input, VSC_INPUT_REPORTS, 1);
	vsc_input_count(input, VSC_INPUT_EVENTS, report->count + 1);
	vsc_input_report_reset(report);
}

static void queue_event(struct vsc_input *input, const struct virtio_input_event *event)
{
	/* The device may go on writing: what is checked is a copy. */
	struct vsc_input_value value = {
		.type = le16_to_cpu(READ_ONCE(event->type)),
		.code = le16_to_cpu(READ_ONCE(event->code)),
		.value = le32_to_cpu(READ_ONCE(event->value)),
	};
	struct vsc_input_events *events = &input->events;

	if (!events->target) {
		vsc_input_count(input, VSC_INPUT_EVENTS_REFUSED, 1);
		return;
	}
	switch (vsc_input_report_add(&events->report, events->caps, &value)) {
	case VSC_INPUT_TAKEN:
		break;
	case VSC_INPUT_WHOLE:
		queue_deliver(input);
		break;
	case VSC_INPUT_REFUSED:
		vsc_input_count(input, VSC_INPUT_EVENTS_REFUSED, 1);
		break;
	case VSC_INPUT_LOST:
		vsc_input_count(input, VSC_INPUT_REPORTS_LOST, 1);
		break;
	}
}

static int queue_post(struct vsc_input_events *events, struct virtio_input_event *event)
{
	struct scatterlist sg;

	sg_init_one(&sg, event, sizeof(*event));
	return virtqueue_add_inbuf(events->vq, &sg, 1, event, GFP_ATOMIC);
}

/* Takes what has come, but no more than the ring holds. Return: whether more may be there. */
static bool queue_reap_events(struct vsc_input *input)
{
	struct vsc_input_events *events = &input->events;
	struct virtio_input_event *event;
	unsigned int taken = 0, length;

	while (taken < events->size && (event = virtqueue_get_buf(events->vq, &length))) {
		if (length == sizeof(*event))
			queue_event(input, event);
		else
			vsc_input_count(input, VSC_INPUT_EVENTS_REFUSED, 1);
		/* There was room for it: fails on a broken ring only. */
		queue_post(events, event);
		taken++;
	}
	if (taken)
		virtqueue_kick(events->vq);
	return taken == events->size;
}

static void queue_look(struct vsc_input *input)
{
	struct vsc_input_events *events = &input->events;
	unsigned long flags;

	spin_lock_irqsave(&events->lock, flags);
	/* While they wait no interrupt is enabled; vsc_input_queue_resume() looks again. */
	if (!events->vq || events->paused)
		goto unlock;
	virtqueue_disable_cb(events->vq);
	if (queue_reap_events(input) || !virtqueue_enable_cb(events->vq))
		queue_work(system_highpri_wq, &events->more);
	queue_check(input, events->vq);
unlock:
	spin_unlock_irqrestore(&events->lock, flags);
}

static void queue_more_work(struct work_struct *work)
{
	queue_look(container_of(work, struct vsc_input, events.more));
}

/**
 * vsc_input_queue_events_data() - the host has sent events
 * @input: the device
 *
 * Context: any, interrupts too.
 */
void vsc_input_queue_events_data(struct vsc_input *input)
{
	queue_look(input);
}

/**
 * vsc_input_queue_pause() - events wait in the ring from now on
 * @input: the device
 *
 * Context: the session's work, here and below.
 */
void vsc_input_queue_pause(struct vsc_input *input)
{
	spin_lock_irq(&input->events.lock);
	input->events.paused = true;
	spin_unlock_irq(&input->events.lock);
}

/**
 * vsc_input_queue_resume() - events are passed on again, those that have waited first
 * @input: the device
 */
void vsc_input_queue_resume(struct vsc_input *input)
{
	spin_lock_irq(&input->events.lock);
	input->events.paused = false;
	spin_unlock_irq(&input->events.lock);
	queue_look(input);
}

/**
 * vsc_input_queue_target() - where reports go from now on
 * @input: the device
 * @dev: registered, or about to be; NULL: nowhere
 * @caps: what it can; stays as it is for as long as @dev is the target
 *
 * When it returns nothing reaches the one before. What has come of a report is forgotten.
 *
 * Context: process, the lock of vsc_input_device held.
 */
void vsc_input_queue_target(struct vsc_input *input, struct input_dev *dev,
			    const struct vsc_input_caps *caps)
{
	struct vsc_input_events *events = &input->events;

	spin_lock_irq(&events->lock);
	vsc_input_report_reset(&events->report);
	events->report.slot_refused = false;
	events->target = dev;
	events->caps = caps;
	spin_unlock_irq(&events->lock);
}

/**
 * vsc_input_queue_lift() - no finger is on the device any more
 * @input: the device
 *
 * Keys are left to the input core, which knows which ones are held.
 *
 * Context: process.
 */
void vsc_input_queue_lift(struct vsc_input *input)
{
	struct vsc_input_events *events = &input->events;

	spin_lock_irq(&events->lock);
	if (!events->target || !events->caps->contacts)
		goto unlock;
	for (u32 i = 0; i < events->caps->contacts; i++) {
		input_event(events->target, EV_ABS, ABS_MT_SLOT, i);
		input_event(events->target, EV_ABS, ABS_MT_TRACKING_ID, -1);
	}
	input_sync(events->target);
unlock:
	spin_unlock_irq(&events->lock);
}

/* ---- Status: under vsc_input_status.lock ---- */

/* Return: whether it is in the ring. */
static bool status_put(struct vsc_input_status *status, u16 type, u16 code, s32 value)
{
	unsigned int slot = find_first_bit(status->free, VSC_INPUT_STATUSES);
	struct virtio_input_event *event;
	struct scatterlist sg;

	if (!status->vq || slot >= VSC_INPUT_STATUSES)
		return false;
	event = &status->buffer[slot];
	event->type = cpu_to_le16(type);
	event->code = cpu_to_le16(code);
	event->value = cpu_to_le32(value);
	sg_init_one(&sg, event, sizeof(*event));
	if (virtqueue_add_outbuf(status->vq, &sg, 1, event, GFP_ATOMIC))
		return false;
	__clear_bit(slot, status->free);
	return true;
}

/* Sends what is due, as far as there is room. Return: how many. */
static unsigned int status_send_due(struct vsc_input_status *status)
{
	unsigned int code, sent = 0;

	for_each_set_bit(code, status->led_due, LED_CNT) {
		if (!status_put(status, EV_LED, code, test_bit(code, status->led)))
			return sent;
		__clear_bit(code, status->led_due);
		sent++;
	}
	for_each_set_bit(code, status->repeat_due, REP_CNT) {
		if (!status_put(status, EV_REP, code, status->repeat[code]))
			return sent;
		__clear_bit(code, status->repeat_due);
		sent++;
	}
	return sent;
}

static void status_send(struct vsc_input *input)
{
	struct vsc_input_status *status = &input->status;
	unsigned int sent = status_send_due(status);

	if (!sent)
		return;
	virtqueue_kick(status->vq);
	vsc_input_count(input, VSC_INPUT_STATUS_SENT, sent);
}

/**
 * vsc_input_queue_status() - a LED, or how keys repeat, is to be another
 * @input: the device
 * @type: EV_LED, EV_REP; others go nowhere
 * @code: of it
 * @value: of it
 *
 * Context: any; the event_lock of the input_dev is held.
 */
void vsc_input_queue_status(struct vsc_input *input, unsigned int type, unsigned int code,
			    int value)
{
	struct vsc_input_status *status = &input->status;
	unsigned long flags;

	spin_lock_irqsave(&status->lock, flags);
	if (type == EV_LED && code < LED_CNT) {
		__assign_bit(code, status->led, value);
		__set_bit(code, status->led_due);
	} else if (type == EV_REP && code < REP_CNT) {
		status->repeat[code] = value;
		__set_bit(code, status->repeat_due);
	}
	status_send(input);
	spin_unlock_irqrestore(&status->lock, flags);
}

/**
 * vsc_input_queue_status_begin() - the host is to hear of all LEDs
 * @input: the device
 * @led: those that it has; of others nothing is sent any more
 * @fresh: the device is a new one, whose LEDs are off
 *
 * Context: process.
 */
void vsc_input_queue_status_begin(struct vsc_input *input, const unsigned long *led, bool fresh)
{
	struct vsc_input_status *status = &input->status;

	spin_lock_irq(&status->lock);
	if (fresh)
		bitmap_zero(status->led, LED_CNT);
	bitmap_copy(status->led_due, led, LED_CNT);
	status_send(input);
	spin_unlock_irq(&status->lock);
}

static void status_take(struct vsc_input_status *status)
{
	struct virtio_input_event *event;
	unsigned int length;

	while ((event = virtqueue_get_buf(status->vq, &length)))
		__set_bit(event - status->buffer, status->free);
}

/**
 * vsc_input_queue_status_data() - the host has taken what was sent
 * @input: the device
 *
 * Context: any, interrupts too.
 */
void vsc_input_queue_status_data(struct vsc_input *input)
{
	struct vsc_input_status *status = &input->status;
	unsigned long flags;

	spin_lock_irqsave(&status->lock, flags);
	if (!status->vq)
		goto unlock;
	do {
		virtqueue_disable_cb(status->vq);
		/* No more than there are buffers: none is sent meanwhile. */
		status_take(status);
	} while (!virtqueue_enable_cb(status->vq) && !virtqueue_is_broken(status->vq));
	status_send(input);
	queue_check(input, status->vq);
unlock:
	spin_unlock_irqrestore(&status->lock, flags);
}

/* ---- Start and end ---- */

static void queue_take_events(struct vsc_input *input, struct virtqueue *vq)
{
	struct vsc_input_events *events = &input->events;

	spin_lock_irq(&events->lock);
	events->vq = vq;
	vsc_input_report_reset(&events->report);
	events->report.slot_refused = false;
	for (unsigned int i = 0; i < events->size; i++)
		if (queue_post(events, &events->buffer[i]))
			break;
	virtqueue_kick(vq);
	spin_unlock_irq(&events->lock);
}

/**
 * vsc_input_queue_wake() - takes the channel's virtqueues
 * @input: the device; has none
 *
 * Context: the session's work; sleeps.
 * Return: 0; -ENODEV: they are not all there.
 */
int vsc_input_queue_wake(struct vsc_input *input)
{
	struct virtqueue *events = vsc_channel_queue(input->channel, VS_INPUT_QUEUE_EVENTS);
	struct virtqueue *status = vsc_channel_queue(input->channel, VS_INPUT_QUEUE_STATUS);
	struct virtqueue *query = vsc_channel_queue(input->channel, VS_INPUT_QUEUE_QUERY);

	if (!events || !status || !query)
		return -ENODEV;
	spin_lock_irq(&input->query.lock);
	input->query.vq = query;
	input->query.busy = false;
	spin_unlock_irq(&input->query.lock);
	spin_lock_irq(&input->status.lock);
	input->status.vq = status;
	bitmap_fill(input->status.free, VSC_INPUT_STATUSES);
	spin_unlock_irq(&input->status.lock);
	queue_take_events(input, events);
	return 0;
}

/* After a reset: what was in the ring is the driver's again. */
static void queue_empty(struct virtqueue *vq)
{
	while (vq && virtqueue_detach_unused_buf(vq))
		;
}

/**
 * vsc_input_queue_sleep() - stops the channel, and lets go of the virtqueues
 * @input: the device; nothing to do if it sleeps already
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_input_queue_sleep(struct vsc_input *input)
{
	vsc_channel_stop(input->channel);
	spin_lock_irq(&input->events.lock);
	queue_empty(input->events.vq);
	input->events.vq = NULL;
	input->events.paused = false;
	spin_unlock_irq(&input->events.lock);
	spin_lock_irq(&input->status.lock);
	queue_empty(input->status.vq);
	input->status.vq = NULL;
	spin_unlock_irq(&input->status.lock);
	spin_lock_irq(&input->query.lock);
	queue_empty(input->query.vq);
	input->query.vq = NULL;
	spin_unlock_irq(&input->query.lock);
	cancel_work_sync(&input->events.more);
}

static int queue_allocate(struct vsc_input *input)
{
	struct virtqueue *vq = vsc_channel_queue(input->channel, VS_INPUT_QUEUE_EVENTS);

	if (!vq)
		return -ENODEV;
	input->events.size = min_t(unsigned int, virtqueue_get_vring_size(vq),
				   VS_INPUT_QUEUE_SIZE);
	input->events.buffer = kcalloc(input->events.size, sizeof(*input->events.buffer),
				       GFP_KERNEL);
	input->status.buffer = kcalloc(VSC_INPUT_STATUSES, sizeof(*input->status.buffer),
				       GFP_KERNEL);
	input->query.request = kzalloc(sizeof(*input->query.request), GFP_KERNEL);
	input->query.answer = kzalloc(sizeof(*input->query.answer), GFP_KERNEL);
	if (!input->events.buffer || !input->status.buffer || !input->query.request ||
	    !input->query.answer)
		return -ENOMEM;
	return 0;
}

/**
 * vsc_input_queue_init() - makes the queues, and takes the channel's virtqueues
 * @input: zeroed, with its channel
 *
 * Context: the session's work; sleeps.
 * Return: 0, or an errno: vsc_input_queue_exit() is due all the same.
 */
int vsc_input_queue_init(struct vsc_input *input)
{
	int error;

	spin_lock_init(&input->events.lock);
	spin_lock_init(&input->status.lock);
	spin_lock_init(&input->query.lock);
	init_completion(&input->query.done);
	INIT_WORK(&input->events.more, queue_more_work);
	error = queue_allocate(input);
	return error ?: vsc_input_queue_wake(input);
}

/**
 * vsc_input_queue_exit() - frees what vsc_input_queue_init() has made
 * @input: sleeps, or never woke
 *
 * Context: process.
 */
void vsc_input_queue_exit(struct vsc_input *input)
{
	kfree(input->events.buffer);
	kfree(input->status.buffer);
	kfree(input->query.request);
	kfree(input->query.answer);
}
