// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port, as those who open it, read it and write to it see it: device.c and tty.c.  The rules are
 * in vs_port_device.h.
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "channel/port/port.h"

/**
 * vs_port_open() - open a port
 * @port: any
 *
 * Context: process.
 * Return: 0; -EBUSY: another one has it; -ENODEV: it has gone.
 */
int vs_port_open(struct vs_port *port)
{
	struct vs_port_state *state = &port->state;
	int error = 0;

	spin_lock_irq(&port->lock);
	if (state->gone)
		error = -ENODEV;
	else if (state->opened)
		error = -EBUSY;
	if (!error) {
		state->opened = true;
		state->met = false;
	}
	spin_unlock_irq(&port->lock);
	if (!error)
		vs_port_kick(port);
	return error;
}

/**
 * vs_port_close() - undo vs_port_open()
 * @port: open
 *
 * Data that were not read are dropped; data that were written are still sent.
 *
 * Context: process.
 */
void vs_port_close(struct vs_port *port)
{
	spin_lock_irq(&port->lock);
	port->state.opened = false;
	port->state.closed = true;
	port->state.answer = false;
	vs_port_drop(&port->in, &port->in_free);
	spin_unlock_irq(&port->lock);
	vs_port_kick(port);
}

/**
 * vs_port_begin_read() - take the piece that is to be read next
 * @port: open; @reading is held, or there is one reader only
 *
 * Context: process.
 * Return: a piece for vs_port_end_read(), or NULL.
 */
struct vs_port_piece *vs_port_begin_read(struct vs_port *port)
{
	return vs_port_take(port, &port->in);
}

/**
 * vs_port_end_read() - undo vs_port_begin_read()
 * @port: open
 * @piece: the rest of it is read next, unless the port was closed meanwhile
 *
 * Context: process.
 * Return: whether something is left in it.
 */
bool vs_port_end_read(struct vs_port *port, struct vs_port_piece *piece)
{
	bool freed;

	spin_lock_irq(&port->lock);
	freed = !piece->length || !port->state.opened || port->state.closed;
	if (freed)
		vs_port_push_free(&port->in_free, piece);
	else
		list_add(&piece->entry, &port->in);
	spin_unlock_irq(&port->lock);
	if (freed)
		vs_port_kick(port);
	return !freed;
}

static bool port_has_hung_up(const struct vs_port *port)
{
	const struct vs_port_state *state = &port->state;

	lockdep_assert_held(&port->lock);
	return state->gone || (state->met && !state->peer);
}

/* Return: the last piece that was written, if it is no datagram and not full; or NULL. */
static struct vs_port_piece *port_last_out(struct vs_port *port)
{
	struct vs_port_piece *piece;

	if (port->kind == VS_PORT_DATAGRAM || list_empty(&port->out))
		return NULL;
	piece = list_last_entry(&port->out, struct vs_port_piece, entry);
	return piece->offset + piece->length < VS_PORT_BYTES ? piece : NULL;
}

/* Return: 0: there is room; -EPIPE: there will be none; -EAGAIN: now there is none. */
static int port_may_write(struct vs_port *port)
{
	const struct vs_port_state *state = &port->state;

	if (port_has_hung_up(port) || state->leaves)
		return -EPIPE;
	if (!state->met || state->closed)
		return -EAGAIN;
	return port_last_out(port) || !list_empty(&port->out_free) ? 0 : -EAGAIN;
}

static struct vs_port_piece *port_take_unfilled(struct vs_port *port)
{
	struct vs_port_piece *piece = port_last_out(port);

	if (!piece)
		return vs_port_pop(&port->out_free);
	list_del(&piece->entry);
	return piece;
}

/**
 * vs_port_begin_write() - find room for data that are to be written
 * @port: open; @writing is held
 * @piece: set to a piece for vs_port_end_write(); new data go behind those that it has
 *
 * Context: process.
 * Return: 0; -EPIPE: nobody will read it; -EAGAIN: there is no room now.
 */
int vs_port_begin_write(struct vs_port *port, struct vs_port_piece **piece)
{
	int error;

	spin_lock_irq(&port->lock);
	error = port_may_write(port);
	if (!error) {
		*piece = port_take_unfilled(port);
		port->state.filling = true;
	}
	spin_unlock_irq(&port->lock);
	return error;
}

/**
 * vs_port_end_write() - send data that were written
 * @port: open; @writing is held
 * @piece: of vs_port_begin_write(); empty if nothing was written
 *
 * Context: process.
 * Return: 0; -EPIPE: the other side has closed meanwhile, nobody will read it.
 */
int vs_port_end_write(struct vs_port *port, struct vs_port_piece *piece)
{
	int error = 0;

	spin_lock_irq(&port->lock);
	port->state.filling = false;
	if (!port->state.peer || port->state.gone)
		error = -EPIPE;
	if (error || !piece->length)
		vs_port_push_free(&port->out_free, piece);
	else
		list_add_tail(&piece->entry, &port->out);
	spin_unlock_irq(&port->lock);
	vs_port_kick(port);
	return error;
}

/**
 * vs_port_write() - write as many bytes as there is room for
 * @port: no datagrams; nobody calls vs_port_begin_write()
 * @bytes: in the kernel
 * @count: how many there are
 *
 * Context: any.
 * Return: how many were written.
 */
size_t vs_port_write(struct vs_port *port, const u8 *bytes, size_t count)
{
	struct vs_port_piece *piece;
	size_t done = 0, part;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	while (done < count && !port_may_write(port)) {
		piece = port_take_unfilled(port);
		part = min_t(size_t, count - done,
			     VS_PORT_BYTES - piece->offset - piece->length);
		memcpy(piece->data + piece->offset + piece->length, bytes + done, part);
		piece->length += part;
		done += part;
		list_add_tail(&piece->entry, &port->out);
		port->state.flushed = false;
	}
	spin_unlock_irqrestore(&port->lock, irq);
	if (done)
		vs_port_kick(port);
	return done;
}

/**
 * vs_port_room() - how much vs_port_write() would take
 * @port: no datagrams
 *
 * Context: any.
 * Return: bytes.
 */
unsigned int vs_port_room(struct vs_port *port)
{
	struct vs_port_piece *piece;
	unsigned int room = 0;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (!port_may_write(port)) {
		piece = port_last_out(port);
		if (piece)
			room = VS_PORT_BYTES - piece->offset - piece->length;
		list_for_each_entry(piece, &port->out_free, entry)
			room += VS_PORT_BYTES;
	}
	spin_unlock_irqrestore(&port->lock, irq);
	return room;
}

/* Pieces that are neither free nor in @out are with the class. */
static unsigned int port_unsent(struct vs_port *port)
{
	unsigned int away = VS_PORT_PIECES, bytes = 0;
	struct vs_port_piece *piece;

	list_for_each_entry(piece, &port->out_free, entry)
		away--;
	list_for_each_entry(piece, &port->out, entry) {
		away--;
		bytes += piece->length;
	}
	return bytes + away * VS_PORT_BYTES;
}

/**
 * vs_port_unsent() - how much of what was written is not with the other side yet
 * @port: any
 *
 * Context: any.
 * Return: bytes, and of what is on its way rather more; 0: none, or nobody will read it, or nobody
 * is to wait for it.
 */
unsigned int vs_port_unsent(struct vs_port *port)
{
	unsigned int unsent = 0;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (!port_has_hung_up(port) && !port->state.flushed)
		unsent = port_unsent(port);
	spin_unlock_irqrestore(&port->lock, irq);
	return unsent;
}

/**
 * vs_port_flush() - drop what was written and is not on its way, and wait for nothing of it
 * @port: a tty
 *
 * What is on its way is with the class, and still arrives.
 *
 * Context: any.
 */
void vs_port_flush(struct vs_port *port)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	vs_port_drop(&port->out, &port->out_free);
	port->state.flushed = true;
	spin_unlock_irqrestore(&port->lock, irq);
	/* Its work wakes who waits; and a close may be news now. */
	vs_port_tty_look(port);
	vs_port_kick(port);
}

/**
 * vs_port_poll() - find what a user could do without waiting
 * @port: open
 *
 * Context: any.
 * Return: EPOLL*.
 */
__poll_t vs_port_poll(struct vs_port *port)
{
	__poll_t events = 0;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (port_has_hung_up(port))
		events |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&port->in))
		events |= EPOLLIN | EPOLLRDNORM;
	if (port_may_write(port) != -EAGAIN)
		events |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock_irqrestore(&port->lock, irq);
	return events;
}
