// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: who has a port open, and which ports are about to go.
 */
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <uapi/linux/virtio_console.h>

#include "channel/guest/channel.h"
#include "vs_port_device.h"
#include "vsc/channel/ports.h"
#include "vsc/class.h"

/* How long ports that go wait for data in flight: less than half a lease. */
#define LEAVE_MS	500

/* ---- To the host: under vsc_ports_control.lock ---- */

/* Return: whether it is in the queue. */
static bool control_put(struct vsc_ports_control *control, unsigned int number, u16 event,
			u16 value)
{
	unsigned int place = find_first_bit(control->free, VSC_PORTS_MESSAGES);
	struct vs_port_control what = { .number = number, .event = event, .value = value };
	struct scatterlist sg;

	if (!control->tx || place >= VSC_PORTS_MESSAGES)
		return false;
	sg_init_one(&sg, &control->sent[place],
		    vs_port_control_write(&what, &control->sent[place]));
	if (virtqueue_add_outbuf(control->tx, &sg, 1, &control->sent[place], GFP_ATOMIC))
		return false;
	__clear_bit(place, control->free);
	virtqueue_kick(control->tx);
	return true;
}

static void control_tell_news(struct vsc_ports_control *control, struct vsc_ports_slot *slot)
{
	enum vs_port_news news;
	bool sent;

	do {
		spin_lock(&slot->lock);
		news = slot->port ? vs_port_news(slot->port, !slot->sending) : VS_PORT_NO_NEWS;
		sent = news != VS_PORT_NO_NEWS &&
		       control_put(control, slot->number, VIRTIO_CONSOLE_PORT_OPEN,
				   news == VS_PORT_OPENED);
		if (sent)
			vs_port_told(slot->port, news);
		spin_unlock(&slot->lock);
	} while (sent);
}

static void control_tell(struct vsc_ports_control *control, struct vsc_ports_slot *slot)
{
	u32 bit = BIT(slot->number);

	control_tell_news(control, slot);
	if (control->stay & bit &&
	    control_put(control, slot->number, VIRTIO_CONSOLE_PORT_REMOVE, 0))
		control->stay &= ~bit;
	if (control->leave & bit &&
	    control_put(control, slot->number, VIRTIO_CONSOLE_PORT_REMOVE, 1))
		control->leave &= ~bit;
}

/**
 * vsc_ports_control_tell() - tell the host the news of a port
 * @slot: of the port
 *
 * Context: any; no lock of a slot or port held.
 */
void vsc_ports_control_tell(struct vsc_ports_slot *slot)
{
	struct vsc_ports_control *control = &slot->ports->control;
	unsigned long irq;

	spin_lock_irqsave(&control->lock, irq);
	control_tell(control, slot);
	spin_unlock_irqrestore(&control->lock, irq);
}

static void control_sent(struct vsc_ports *ports)
{
	struct vsc_ports_control *control = &ports->control;
	struct vs_port_message *message;
	unsigned int length;

	do {
		virtqueue_disable_cb(control->tx);
		while ((message = virtqueue_get_buf(control->tx, &length)))
			__set_bit(message - control->sent, control->free);
	} while (!virtqueue_enable_cb(control->tx) && !virtqueue_is_broken(control->tx));
	/* Tell the news that there was no room for. */
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		control_tell(control, &ports->slot[i]);
}

/* ---- From the host: under vsc_ports_control.lock ---- */

static void control_peer(struct vsc_ports_slot *slot, bool open)
{
	/* The data that the host has sent before are there. */
	vsc_ports_queue_pump(slot);
	spin_lock(&slot->lock);
	if (slot->port)
		vs_port_set_peer(slot->port, open);
	spin_unlock(&slot->lock);
}

static void control_left(struct vsc_ports *ports, unsigned int number)
{
	struct vsc_ports_control *control = &ports->control;

	/* The data that the host has sent before are there. */
	vsc_ports_queue_pump(&ports->slot[number]);
	control->left |= BIT(number);
	wake_up(&control->wait);
}

static void control_opened(struct vsc_ports *ports, unsigned int number, bool open)
{
	struct vsc_ports_control *control = &ports->control;

	if (open)
		control->open |= BIT(number);
	else
		control->open &= ~BIT(number);
	control_peer(&ports->slot[number], open);
	control_tell(control, &ports->slot[number]);
}

/* Return: 0; an errno: it is of no console. Without a port it is told again when that is open. */
static int control_resized(struct vsc_ports_slot *slot, const struct vs_port_size *size)
{
	int error = 0;

	spin_lock(&slot->lock);
	if (slot->port)
		error = vs_port_set_size(slot->port, size);
	spin_unlock(&slot->lock);
	return error;
}

static void control_message(struct vsc_ports *ports, const struct vs_port_message *message,
			    u32 length)
{
	struct vs_port_control what;
	int error;

	error = vs_port_control_read(message, length, &what);
	if (!error && what.event == VIRTIO_CONSOLE_RESIZE)
		error = control_resized(&ports->slot[what.number], &what.size);
	else if (!error && what.event == VIRTIO_CONSOLE_PORT_REMOVE)
		control_left(ports, what.number);
	else if (!error)
		control_opened(ports, what.number, what.value);
	if (error)
		atomic64_inc(&ports->counter[VSC_PORTS_REFUSED]);
}

static void control_post(struct vsc_ports_control *control, struct vs_port_message *message)
{
	struct scatterlist sg;

	sg_init_one(&sg, message, sizeof(*message));
	/* There was room for it: fails on a broken ring only. */
	virtqueue_add_inbuf(control->rx, &sg, 1, message, GFP_ATOMIC);
}

static void control_received(struct vsc_ports *ports)
{
	struct vsc_ports_control *control = &ports->control;
	DECLARE_BITMAP(came, VSC_PORTS_MESSAGES) = { };
	struct vs_port_message *message, copy;
	unsigned int length, i;

	/* No more than were posted: none is posted until all are taken. */
	do {
		virtqueue_disable_cb(control->rx);
		while ((message = virtqueue_get_buf(control->rx, &length))) {
			/* The device may go on writing: what is checked is a copy. */
			memcpy(&copy, message, sizeof(copy));
			barrier();
			control_message(ports, &copy, length);
			__set_bit(message - control->received, came);
		}
	} while (!virtqueue_enable_cb(control->rx) && !virtqueue_is_broken(control->rx));
	for_each_set_bit(i, came, VSC_PORTS_MESSAGES)
		control_post(control, &control->received[i]);
	virtqueue_kick(control->rx);
}

/**
 * vsc_ports_control_data() - a queue for control messages has something
 * @ports: of the session
 * @queue: VS_PORT_CONTROL_RX or _TX
 *
 * Context: any, interrupts too.
 */
void vsc_ports_control_data(struct vsc_ports *ports, unsigned int queue)
{
	struct vsc_ports_control *control = &ports->control;
	unsigned long irq;

	spin_lock_irqsave(&control->lock, irq);
	if (control->rx) {
		if (queue == VS_PORT_CONTROL_RX)
			control_received(ports);
		else
			control_sent(ports);
		if (virtqueue_is_broken(control->rx) || virtqueue_is_broken(control->tx))
			vsc_session_broken(ports->session);
	}
	spin_unlock_irqrestore(&control->lock, irq);
}

/* ---- Ports that go: the session's work ---- */

static bool control_is_drained(struct vsc_ports_slot *slot)
{
	bool drained;

	spin_lock_irq(&slot->lock);
	drained = !slot->sending && (!slot->port || vs_port_is_drained(slot->port));
	spin_unlock_irq(&slot->lock);
	return drained;
}

static bool control_has_left(struct vsc_ports *ports, u32 which)
{
	if (vsc_channel_broken(ports->channel))
		return true;
	if ((READ_ONCE(ports->control.left) & which) != which)
		return false;
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (which & BIT(i) && !control_is_drained(&ports->slot[i]))
			return false;
	return true;
}

static void control_set_leaves(struct vsc_ports *ports, u32 which, bool leaves)
{
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (which & BIT(i) && ports->slot[i].port)
			vs_port_set_leaves(ports->slot[i].port, leaves);
}

/**
 * vsc_ports_control_leave() - ports are about to go: data in flight arrive, both ways
 * @ports: of the session
 * @which: a bit each
 *
 * Waits no longer than LEAVE_MS: data that nobody takes are lost with their port.
 *
 * Context: the session's work; sleeps.
 */
void vsc_ports_control_leave(struct vsc_ports *ports, u32 which)
{
	struct vsc_ports_control *control = &ports->control;

	if (!which)
		return;
	ports->leaving |= which;
	control_set_leaves(ports, which, true);
	spin_lock_irq(&control->lock);
	control->leave |= which;
	control->left &= ~which;
	spin_unlock_irq(&control->lock);
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (which & BIT(i)) {
			vsc_ports_queue_pump(&ports->slot[i]);
			vsc_ports_control_tell(&ports->slot[i]);
		}
	wait_event_timeout(control->wait, control_has_left(ports, which),
			   msecs_to_jiffies(LEAVE_MS));
	spin_lock_irq(&control->lock);
	control->leave &= ~which;
	spin_unlock_irq(&control->lock);
}

/**
 * vsc_ports_control_stay() - undo vsc_ports_control_leave()
 * @ports: of the session
 *
 * Context: the session's work.
 */
void vsc_ports_control_stay(struct vsc_ports *ports)
{
	ports->leaving = 0;
	control_set_leaves(ports, U32_MAX, false);
	spin_lock_irq(&ports->control.lock);
	ports->control.stay = BIT(ports->set.count) - 1;
	spin_unlock_irq(&ports->control.lock);
	for (unsigned int i = 0; i < ports->set.count; i++)
		vsc_ports_control_tell(&ports->slot[i]);
}

/* ---- Start and end ---- */

/**
 * vsc_ports_control_take() - takes the channel's queues
 * @ports: has none
 *
 * Context: the session's work.
 */
void vsc_ports_control_take(struct vsc_ports *ports)
{
	struct vsc_ports_control *control = &ports->control;

	spin_lock_irq(&control->lock);
	control->rx = vsc_channel_queue(ports->channel, VS_PORT_CONTROL_RX);
	control->tx = vsc_channel_queue(ports->channel, VS_PORT_CONTROL_TX);
	bitmap_fill(control->free, VSC_PORTS_MESSAGES);
	for (unsigned int i = 0; i < VSC_PORTS_MESSAGES; i++)
		control_post(control, &control->received[i]);
	virtqueue_kick(control->rx);
	spin_unlock_irq(&control->lock);
}

/**
 * vsc_ports_control_empty() - lets go of the channel's queues
 * @ports: any; the channel is stopped
 *
 * Context: the session's work, or in its place.
 */
void vsc_ports_control_empty(struct vsc_ports *ports)
{
	struct vsc_ports_control *control = &ports->control;

	spin_lock_irq(&control->lock);
	while (control->rx && virtqueue_detach_unused_buf(control->rx))
		;
	while (control->tx && virtqueue_detach_unused_buf(control->tx))
		;
	control->rx = NULL;
	control->tx = NULL;
	control->open = 0;
	control->leave = 0;
	control->stay = 0;
	spin_unlock_irq(&control->lock);
}

/**
 * vsc_ports_control_init() - without queues
 * @ports: zeroed
 *
 * Context: the session's work.
 * Return: 0; -ENOMEM: vsc_ports_control_exit() is due all the same.
 */
int vsc_ports_control_init(struct vsc_ports *ports)
{
	struct vsc_ports_control *control = &ports->control;

	spin_lock_init(&control->lock);
	init_waitqueue_head(&control->wait);
	control->received = kcalloc(VSC_PORTS_MESSAGES, sizeof(*control->received), GFP_KERNEL);
	control->sent = kcalloc(VSC_PORTS_MESSAGES, sizeof(*control->sent), GFP_KERNEL);
	return control->received && control->sent ? 0 : -ENOMEM;
}

/**
 * vsc_ports_control_exit() - undo vsc_ports_control_init()
 * @ports: without queues
 *
 * Context: the session's work.
 */
void vsc_ports_control_exit(struct vsc_ports *ports)
{
	kfree(ports->control.received);
	kfree(ports->control.sent);
}
