// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages: who has a port open, and which ports are about to go.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <uapi/linux/virtio_console.h>

#include "vs_port_device.h"
#include "vsp/channel/ports.h"
#include "vsp/class.h"

#define BUDGET	64	/* messages in one round */

/* ---- From the guest ---- */

static void control_assign(u32 *bits, const struct vs_port_control *control)
{
	if (control->value)
		*bits |= BIT(control->number);
	else
		*bits &= ~BIT(control->number);
}

/* If the port is not made yet, follow.c gives it its state, by the bits, when it is. */
static void control_apply(struct vsp_ports *ports, const struct vs_port_control *control)
{
	bool opens = control->event == VIRTIO_CONSOLE_PORT_OPEN;
	struct vs_port *port;

	spin_lock_irq(&ports->lock);
	/* A message about a port that the contract does not have is about one that has ended. */
	if (control->number < ports->set.count) {
		control_assign(opens ? &ports->open : &ports->leaving, control);
		port = ports->port[control->number];
		if (ports->ended & BIT(control->number))
			port = NULL;
		if (port && opens)
			vs_port_set_peer(port, control->value);
		else if (port)
			vs_port_set_leaves(port, control->value);
	}
	spin_unlock_irq(&ports->lock);
}

static void control_take(struct vsp_ports *ports, struct vsp_queue *queue)
{
	const struct vsp_chain *chain = &ports->chain;
	struct vs_port_message message;
	struct vs_port_control control;

	if (chain->writable || chain->readable_bytes > sizeof(message) ||
	    vsp_queue_read(queue, chain, 0, &message, chain->readable_bytes) ||
	    vs_port_control_read(&message, chain->readable_bytes, &control) ||
	    control.event == VIRTIO_CONSOLE_RESIZE)
		vsp_ports_count(ports, VSP_PORTS_MALFORMED, 1);
	else
		control_apply(ports, &control);
}

/**
 * vsp_ports_control_receive() - take the guest's messages
 * @ports: of the service
 * @queue: for its messages
 *
 * Context: the mover.
 */
void vsp_ports_control_receive(struct vsp_ports *ports, struct vsp_queue *queue)
{
	unsigned int budget = BUDGET;

	for (; budget && !vsp_queue_peek(queue, &ports->chain); budget--) {
		control_take(ports, queue);
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, ports->chain.head, 0);
	}
	vsp_queue_flush(queue);
	if (!budget)
		vsp_queue_wake(queue);
}

/* ---- To the guest ---- */

/* Return: whether the guest has got it. */
static bool control_put_guest(struct vsp_ports *ports, struct vsp_queue *queue,
			      const struct vs_port_control *control)
{
	const struct vsp_chain *chain = &ports->chain;
	struct vs_port_message message;
	u32 length = vs_port_control_write(control, &message);
	bool written;

	for (unsigned int budget = BUDGET; !vsp_queue_peek(queue, &ports->chain); budget--) {
		if (!budget) {
			vsp_queue_wake(queue);
			break;
		}
		written = !chain->readable &&
			  !vsp_queue_write(queue, chain, 0, &message, length);
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, chain->head, written ? length : 0);
		if (written)
			return true;
		vsp_ports_count(ports, VSP_PORTS_MALFORMED, 1);
	}
	return false;
}

/* Return: likewise. */
static bool control_tell_size(struct vsp_ports *ports, struct vsp_queue *queue,
			      struct vs_port *port)
{
	struct vs_port_control control = {
		.number = port->number,
		.event = VIRTIO_CONSOLE_RESIZE,
	};

	if (!vs_port_new_size(port, &control.size))
		return true;
	if (!control_put_guest(ports, queue, &control))
		return false;
	vs_port_size_told(port, &control.size);
	return true;
}

/* Return: whether the guest was told all news of the port. */
static bool control_tell_guest(struct vsp_ports *ports, struct vsp_queue *queue,
			       struct vs_port *port)
{
	struct vs_port_control control = {
		.number = port->number,
		.event = VIRTIO_CONSOLE_PORT_OPEN,
	};
	enum vs_port_news news;

	while ((news = vs_port_news(port, true)) != VS_PORT_NO_NEWS) {
		control.value = news == VS_PORT_OPENED;
		if (!control_put_guest(ports, queue, &control))
			return false;
		vs_port_told(port, news);
	}
	if (!control_tell_size(ports, queue, port))
		return false;
	if (!(READ_ONCE(ports->leaving) & BIT(port->number)) || !vs_port_is_drained(port))
		return true;
	control.event = VIRTIO_CONSOLE_PORT_REMOVE;
	control.value = 1;
	if (!control_put_guest(ports, queue, &control))
		return false;
	control.value = 0;
	spin_lock_irq(&ports->lock);
	control_assign(&ports->leaving, &control);
	spin_unlock_irq(&ports->lock);
	return true;
}

/**
 * vsp_ports_control_send() - send messages to the guest
 * @ports: of the service; data that the guest is to have before are in its queues already
 * @queue: for messages to it
 *
 * Context: the mover.
 */
void vsp_ports_control_send(struct vsp_ports *ports, struct vsp_queue *queue)
{
	struct vs_port *port;
	bool room = true;

	for (unsigned int i = 0; i < VS_PORT_MAX && room; i++) {
		port = vsp_ports_get(ports, i);
		if (!port)
			continue;
		room = control_tell_guest(ports, queue, port);
		put_device(&port->dev);
	}
	vsp_queue_flush(queue);
}
