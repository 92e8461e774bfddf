// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data of all ports of a service, moved by its one mover.
 */
#include <linux/bitops.h>
#include <linux/device.h>

#include "vs_port_device.h"
#include "vsp/channel/ports.h"
#include "vsp/class.h"

#define BUDGET	256	/* pieces of a flow in one round, and buffers that are refused */

/* ---- The next piece of a port ---- */

/* Copies the next buffer of a queue. Return: whether there is one. */
static bool queue_peek(struct vsp_ports *ports, unsigned int number)
{
	/* When this round may refuse no more, the queue stays ready for the next one. */
	if (!test_bit(number, ports->ready) || !ports->refusals)
		return false;
	if (ports->queue[number] && !vsp_queue_peek(ports->queue[number], &ports->chain))
		return true;
	/* The driver kicks when it adds another buffer. */
	__clear_bit(number, ports->ready);
	return false;
}

static void queue_complete(struct vsp_ports *ports, unsigned int number, u32 written)
{
	vsp_queue_consume(ports->queue[number]);
	vsp_queue_complete(ports->queue[number], ports->chain.head, written);
	__set_bit(number, ports->touched);
}

static void queue_refuse(struct vsp_ports *ports, unsigned int number,
			 enum vsp_ports_counter why)
{
	ports->refusals--;
	queue_complete(ports, number, 0);
	vsp_ports_count(ports, why, 1);
}

/* Return: bytes of the next buffer of the guest, for which there is room; 0: none. */
static u64 queue_tx_length(struct vsp_ports *ports, unsigned int number, struct vs_port *port)
{
	unsigned int queue = vs_port_rx_queue(number) + 1;
	const struct vsp_chain *chain = &ports->chain;
	struct vs_port_piece *room = vs_port_take_room(port);

	if (!room)
		return 0;
	vs_port_give_room(port, room);
	while (queue_peek(ports, queue)) {
		if (!chain->writable && chain->readable_bytes &&
		    chain->readable_bytes <= VS_PORT_BYTES)
			return chain->readable_bytes;
		queue_refuse(ports, queue, VSP_PORTS_MALFORMED);
	}
	return 0;
}

/* Return: bytes of the next piece for the guest, for which it has a buffer; 0: none. */
static u64 queue_rx_length(struct vsp_ports *ports, unsigned int number, struct vs_port *port)
{
	unsigned int queue = vs_port_rx_queue(number);
	const struct vsp_chain *chain = &ports->chain;
	u32 length = vs_port_out_length(port);

	while (length && queue_peek(ports, queue)) {
		/* A datagram is one buffer: whatever it is, there has to be room for it. */
		if (!chain->readable && chain->writable_bytes >= VS_PORT_BYTES)
			return length;
		queue_refuse(ports, queue, VSP_PORTS_MALFORMED);
	}
	return 0;
}

static u64 queue_length(struct vsp_ports *ports, enum vs_port_flow flow, unsigned int number)
{
	unsigned int queue = vs_port_rx_queue(number) + (flow == VS_PORT_TX);
	struct vs_port *port;
	u64 length;

	if (!test_bit(queue, ports->ready))
		return 0;
	port = vsp_ports_get(ports, number);
	if (!port)
		return 0;
	length = flow == VS_PORT_TX ? queue_tx_length(ports, number, port) :
				      queue_rx_length(ports, number, port);
	put_device(&port->dev);
	return length;
}

/* ---- Moving a piece ---- */

static void queue_move_tx(struct vsp_ports *ports, unsigned int number, struct vs_port *port)
{
	unsigned int queue = vs_port_rx_queue(number) + 1;
	struct vs_port_piece *piece = vs_port_take_room(port);
	const struct vsp_chain *chain = &ports->chain;
	u32 length = chain->readable_bytes;

	/* The mover alone takes room. */
	if (WARN_ON_ONCE(!piece))
		return;
	if (vsp_queue_read(ports->queue[queue], chain, 0, piece->data, length)) {
		vs_port_give_room(port, piece);
		queue_refuse(ports, queue, VSP_PORTS_MALFORMED);
		return;
	}
	piece->length = length;
	queue_complete(ports, queue, 0);
	vs_port_receive(port, piece);
	vsp_ports_count(ports, VSP_PORTS_SENT, length);
}

static void queue_move_rx(struct vsp_ports *ports, unsigned int number, struct vs_port *port,
			  u64 length)
{
	struct vs_port_piece *piece = vs_port_take_out(port);
	unsigned int queue = vs_port_rx_queue(number);

	/* A writer may have taken it to add to it, and puts it back with another kick. */
	if (!piece)
		return;
	/* Bytes that were added since its cost was known go with the next piece. */
	length = min_t(u64, length, piece->length);
	if (vsp_queue_write(ports->queue[queue], &ports->chain, 0, piece->data + piece->offset,
			    length)) {
		vs_port_put_back(port, piece);
		queue_refuse(ports, queue, VSP_PORTS_MALFORMED);
		return;
	}
	queue_complete(ports, queue, length);
	piece->offset += length;
	piece->length -= length;
	if (piece->length)
		vs_port_put_back(port, piece);
	else
		vs_port_sent(port, piece);
	vsp_ports_count(ports, VSP_PORTS_RECEIVED, length);
}

static void queue_move(struct vsp_ports *ports, enum vs_port_flow flow, unsigned int number,
		       u64 length)
{
	struct vs_port *port = vsp_ports_get(ports, number);

	if (!port)
		return;
	if (flow == VS_PORT_TX)
		queue_move_tx(ports, number, port);
	else
		queue_move_rx(ports, number, port, length);
	put_device(&port->dev);
}

/* ---- Flows ---- */

/* Whether another piece waits behind the last one that was admitted is known. */
static void queue_settle_flow(struct vsp_ports *ports, enum vs_port_flow flow)
{
	struct vsp_ports_flow *of = &ports->flow[flow];

	if (of->owed)
		vsp_rates_done(ports->service, flow, &of->owed);
	of->owed = 0;
}

static void queue_no_piece(struct vsp_ports *ports, enum vs_port_flow flow)
{
	unsigned long irq = vsp_rates_lock(ports->service);

	vsp_rates_drop(ports->service, flow);
	vsp_rates_unlock(ports->service, irq);
	ports->flow[flow].holder = -1;
	queue_settle_flow(ports, flow);
}

/* Finds the port whose turn it is. Return: its number, with the @length of its piece; or -1. */
static int queue_next(struct vsp_ports *ports, enum vs_port_flow flow, u64 *length)
{
	struct vsp_ports_flow *of = &ports->flow[flow];

	if (of->holder >= 0) {
		*length = queue_length(ports, flow, of->holder);
		if (*length)
			return of->holder;
		queue_no_piece(ports, flow);
	}
	for (unsigned int i = 1; i <= VS_PORT_MAX; i++) {
		unsigned int number = (of->last + i) % VS_PORT_MAX;

		*length = queue_length(ports, flow, number);
		if (*length)
			return number;
	}
	return -1;
}

/* Under the lock of a commit: the contract that grants the port is the one that is charged. */
static bool queue_admit_piece(struct vsp_ports *ports, enum vs_port_flow flow,
			      unsigned int number, u64 length)
{
	unsigned long irq = vsp_rates_lock(ports->service);
	bool granted = number < READ_ONCE(ports->set.count);
	bool passes = granted && vsp_rates_admit(ports->service, flow, &length);

	if (!granted)
		vsp_rates_drop(ports->service, flow);
	vsp_rates_unlock(ports->service, irq);
	queue_settle_flow(ports, flow);
	ports->flow[flow].holder = granted && !passes ? (int)number : -1;
	if (passes) {
		ports->flow[flow].owed = length;
		ports->flow[flow].last = number;
	}
	return passes;
}

/* Return: whether another piece may follow. */
static bool queue_one(struct vsp_ports *ports, enum vs_port_flow flow)
{
	u64 length;
	int number = queue_next(ports, flow, &length);

	if (number < 0) {
		queue_no_piece(ports, flow);
		return false;
	}
	if (!queue_admit_piece(ports, flow, number, length))
		return false;
	queue_move(ports, flow, number, length);
	return true;
}

/* A piece that its rate holds back stays at the head, so a kick need not take the lock. */
static bool queue_is_held(struct vsp_ports *ports, enum vs_port_flow flow)
{
	return ports->flow[flow].holder >= 0 && READ_ONCE(ports->set.count) &&
	       vsp_rates_held(ports->service, flow);
}

/* Data that a guest sends by a port that its contract does not have are dropped. */
static void queue_drop_rest(struct vsp_ports *ports)
{
	u32 count = READ_ONCE(ports->set.count);

	for (unsigned int i = count; i < VS_PORT_MAX && count; i++)
		while (queue_peek(ports, vs_port_rx_queue(i) + 1))
			queue_refuse(ports, vs_port_rx_queue(i) + 1, VSP_PORTS_DROPPED);
}

static void queue_flush(struct vsp_ports *ports)
{
	unsigned int number;

	for_each_set_bit(number, ports->touched, VS_PORT_QUEUES)
		vsp_queue_flush(ports->queue[number]);
	bitmap_zero(ports->touched, VS_PORT_QUEUES);
}

/* Return: whether there may be more. */
static bool queue_flow(struct vsp_ports *ports, enum vs_port_flow flow)
{
	unsigned int budget = BUDGET;

	if (queue_is_held(ports, flow))
		return false;
	while (budget && queue_one(ports, flow))
		budget--;
	return !budget;
}

/*
 * The guest's messages before its data, and the host's data before its messages: that a port was
 * opened is known before its data come, and that it was closed after them.
 */
static void queue_round(struct vsp_ports *ports)
{
	bool more = false;

	ports->refusals = BUDGET;
	if (ports->queue[VS_PORT_CONTROL_TX])
		vsp_ports_control_receive(ports, ports->queue[VS_PORT_CONTROL_TX]);
	for (unsigned int flow = 0; flow < VS_PORT_FLOWS; flow++)
		more |= queue_flow(ports, flow);
	queue_drop_rest(ports);
	queue_flush(ports);
	if (ports->queue[VS_PORT_CONTROL_RX])
		vsp_ports_control_send(ports, ports->queue[VS_PORT_CONTROL_RX]);
	if (more || !ports->refusals)
		vsp_ports_wake(ports);
}

/* ---- Operations of the class ---- */

/**
 * vsp_ports_queue_kick() - queue_kick of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Context: the mover.
 */
void vsp_ports_queue_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_ports *ports = vsp_service_data(service);
	unsigned int number = vsp_queue_number(queue);

	spin_lock_irq(&ports->lock);
	ports->queue[number] = queue;
	ports->waker = queue;
	spin_unlock_irq(&ports->lock);
	__set_bit(number, ports->ready);
	queue_round(ports);
}

/**
 * vsp_ports_queue_reap() - queue_reap of the class
 * @service: enabled
 * @queue: one of its data queues
 *
 * Nothing is in flight between two calls of queue_kick.
 *
 * Context: the mover, or the VMM's ioctl.
 */
void vsp_ports_queue_reap(struct vsp_service *service, struct vsp_queue *queue)
{
}

/**
 * vsp_ports_queue_reset() - queue_reset of the class
 * @service: enabled; nothing of its queues is in flight
 *
 * Which ports the guest has open stays known: a guest that was stopped goes on.
 *
 * Context: may sleep.
 */
void vsp_ports_queue_reset(struct vsp_service *service)
{
	struct vsp_ports *ports = vsp_service_data(service);

	spin_lock_irq(&ports->lock);
	memset(ports->queue, 0, sizeof(ports->queue));
	ports->waker = NULL;
	spin_unlock_irq(&ports->lock);
	bitmap_zero(ports->ready, VS_PORT_QUEUES);
	bitmap_zero(ports->touched, VS_PORT_QUEUES);
	for (unsigned int flow = 0; flow < VS_PORT_FLOWS; flow++) {
		ports->flow[flow].holder = -1;
		queue_settle_flow(ports, flow);
		vsp_rates_reset(service, flow);
	}
}

/**
 * vsp_ports_queue_init() - no queue is there yet
 * @ports: zeroed
 */
void vsp_ports_queue_init(struct vsp_ports *ports)
{
	spin_lock_init(&ports->lock);
	for (unsigned int flow = 0; flow < VS_PORT_FLOWS; flow++)
		ports->flow[flow].holder = -1;
}
