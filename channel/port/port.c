// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port, as its class sees it: data on their way, and who has the port open.  The rules are in
 * vs_port_device.h.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "channel/port/port.h"

/* Wakes readers, writers and the terminal's work, which look at the port again. */
static void port_changed(struct vs_port *port)
{
	wake_up(&port->wait);
	if (vs_port_is_tty(port))
		vs_port_tty_look(port);
}

/**
 * vs_port_kick() - tell the class that it has something to do
 * @port: any
 *
 * Context: any, no lock of a port held.
 */
void vs_port_kick(struct vs_port *port)
{
	void (*kick)(void *owner, unsigned int number);

	rcu_read_lock();
	kick = READ_ONCE(port->kick);
	if (kick)
		kick(port->owner, port->number);
	rcu_read_unlock();
}

/* ---- For the class: any context ---- */

/**
 * vs_port_take() - a piece out of a list
 * @port: any
 * @list: of it
 *
 * Context: any.
 * Return: the piece; NULL: there is none.
 */
struct vs_port_piece *vs_port_take(struct vs_port *port, struct list_head *list)
{
	struct vs_port_piece *piece;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	piece = vs_port_pop(list);
	spin_unlock_irqrestore(&port->lock, irq);
	return piece;
}

/* Data in flight to a port that leaves have a place, even if nobody reads. */
static struct vs_port_piece *port_extra_room(struct vs_port *port)
{
	struct vs_port_piece *piece;

	if (!port->state.leaves || port->extra >= VS_PORT_PIECES)
		return NULL;
	piece = kzalloc(sizeof(*piece), GFP_ATOMIC);
	if (piece)
		port->extra++;
	return piece;
}

/**
 * vs_port_take_room() - take a piece for the data that come next
 * @port: any
 *
 * Context: any, here and below.
 * Return: the piece, for vs_port_receive() or vs_port_give_room(); NULL: all are full.
 */
struct vs_port_piece *vs_port_take_room(struct vs_port *port)
{
	struct vs_port_piece *piece;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	piece = vs_port_pop(&port->in_free) ?: port_extra_room(port);
	spin_unlock_irqrestore(&port->lock, irq);
	return piece;
}
EXPORT_SYMBOL_GPL(vs_port_take_room);

/**
 * vs_port_give_room() - undo vs_port_take_room()
 * @port: any
 * @piece: not in a list
 */
void vs_port_give_room(struct vs_port *port, struct vs_port_piece *piece)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	vs_port_push_free(&port->in_free, piece);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_give_room);

/**
 * vs_port_receive() - data have come
 * @port: any
 * @piece: holds them; belongs to the port from here
 *
 * They are dropped unless the user who has the port open had it open when they were sent.
 */
void vs_port_receive(struct vs_port *port, struct vs_port_piece *piece)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (port->state.opened && !port->state.closed)
		list_add_tail(&piece->entry, &port->in);
	else
		vs_port_push_free(&port->in_free, piece);
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_receive);

/**
 * vs_port_out_length() - length of the piece that is to be sent next
 * @port: any
 *
 * Return: bytes of the piece that vs_port_take_out() would return, or more; 0: there is none.
 */
u32 vs_port_out_length(struct vs_port *port)
{
	struct vs_port_piece *piece;
	unsigned long irq;
	u32 length = 0;

	spin_lock_irqsave(&port->lock, irq);
	piece = list_first_entry_or_null(&port->out, struct vs_port_piece, entry);
	if (piece)
		length = piece->length;
	spin_unlock_irqrestore(&port->lock, irq);
	return length;
}
EXPORT_SYMBOL_GPL(vs_port_out_length);

/**
 * vs_port_take_out() - take the piece that is to be sent next
 * @port: any
 *
 * Return: a piece, for vs_port_sent() or vs_port_put_back(); NULL: there is none.
 */
struct vs_port_piece *vs_port_take_out(struct vs_port *port)
{
	return vs_port_take(port, &port->out);
}
EXPORT_SYMBOL_GPL(vs_port_take_out);

/**
 * vs_port_put_back() - a piece was not sent, or not all of it
 * @port: any
 * @piece: the last one that was taken out; its offset is where the rest begins
 */
void vs_port_put_back(struct vs_port *port, struct vs_port_piece *piece)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	list_add(&piece->entry, &port->out);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_put_back);

/**
 * vs_port_sent() - a piece is with the other side
 * @port: any
 * @piece: not in a list; free now
 */
void vs_port_sent(struct vs_port *port, struct vs_port_piece *piece)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	vs_port_push_free(&port->out_free, piece);
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_sent);

/**
 * vs_port_set_peer() - the other side has opened or closed the port
 * @port: any
 * @open: whether it is open there; all data that were written there before have been received
 */
void vs_port_set_peer(struct vs_port *port, bool open)
{
	struct vs_port_state *state = &port->state;
	unsigned long irq;
	bool hang_up;

	spin_lock_irqsave(&port->lock, irq);
	hang_up = state->peer && !open;
	if (open && state->opened && !state->closed) {
		state->answer |= !state->peer;
		state->met |= state->told;
	}
	/* The guest may not have had the port yet when the size was set. */
	if (open && !state->peer && !vs_port_is_tty(port))
		state->resized |= port->size.columns || port->size.rows;
	state->peer = open;
	if (!open)
		vs_port_drop(&port->out, &port->out_free);
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
	if (hang_up && vs_port_is_tty(port))
		vs_port_tty_carrier_lost(port);
}
EXPORT_SYMBOL_GPL(vs_port_set_peer);

/**
 * vs_port_set_size() - the terminal of a console has another size
 * @port: any
 * @size: from a user of the host's end, or from the host
 *
 * Return: 0; -ENOTTY: it is no console; -EINVAL: no terminal is that large.
 */
int vs_port_set_size(struct vs_port *port, const struct vs_port_size *size)
{
	unsigned long irq;

	if (port->kind != VS_PORT_CONSOLE)
		return -ENOTTY;
	if (!vs_port_size_is_valid(size))
		return -EINVAL;
	spin_lock_irqsave(&port->lock, irq);
	port->size = *size;
	port->state.resized = true;
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_port_set_size);

/**
 * vs_port_new_size() - look for a size that was not told
 * @port: any
 * @size: filled
 *
 * Return: whether vs_port_size_told() is due.
 */
bool vs_port_new_size(struct vs_port *port, struct vs_port_size *size)
{
	unsigned long irq;
	bool resized;

	spin_lock_irqsave(&port->lock, irq);
	*size = port->size;
	resized = port->state.resized;
	spin_unlock_irqrestore(&port->lock, irq);
	return resized;
}
EXPORT_SYMBOL_GPL(vs_port_new_size);

/**
 * vs_port_size_told() - a size was told
 * @port: any
 * @size: which; if another one was set meanwhile, that is still to be told
 */
void vs_port_size_told(struct vs_port *port, const struct vs_port_size *size)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (size->columns == port->size.columns && size->rows == port->size.rows)
		port->state.resized = false;
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_size_told);

/**
 * vs_port_set_leaves() - the port is about to go, or stays after all
 * @port: any
 * @leaves: whether it is about to go. Data that were written are still sent, and data that were
 *	sent are still received
 */
void vs_port_set_leaves(struct vs_port *port, bool leaves)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	port->state.leaves = leaves;
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_set_leaves);

static bool port_has_out(const struct vs_port *port)
{
	lockdep_assert_held(&port->lock);
	return !list_empty(&port->out) || port->state.filling;
}

/**
 * vs_port_is_drained() - were all pieces taken out that users have written?
 * @port: any
 *
 * Return: whether it has.
 */
bool vs_port_is_drained(struct vs_port *port)
{
	unsigned long irq;
	bool drained;

	spin_lock_irqsave(&port->lock, irq);
	drained = !port_has_out(port);
	spin_unlock_irqrestore(&port->lock, irq);
	return drained;
}
EXPORT_SYMBOL_GPL(vs_port_is_drained);

/**
 * vs_port_news() - find the next change that the other side is to be told of
 * @port: any
 * @drained: all pieces that were taken out have been sent
 *
 * The class asks, in one thread at a time, and answers by vs_port_told().
 *
 * Return: the news. That the port was closed is news only when all data that were written are sent.
 */
enum vs_port_news vs_port_news(struct vs_port *port, bool drained)
{
	struct vs_port_state *state = &port->state;
	enum vs_port_news news = VS_PORT_NO_NEWS;
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	if (!state->told && (state->opened || state->closed))
		news = VS_PORT_OPENED;
	else if (state->told && state->closed && drained && !port_has_out(port))
		news = VS_PORT_CLOSED;
	else if (state->answer && !state->closed)
		news = VS_PORT_OPENED;
	spin_unlock_irqrestore(&port->lock, irq);
	return news;
}
EXPORT_SYMBOL_GPL(vs_port_news);

/**
 * vs_port_told() - the other side has been told
 * @port: any
 * @news: of which change
 */
void vs_port_told(struct vs_port *port, enum vs_port_news news)
{
	unsigned long irq;

	spin_lock_irqsave(&port->lock, irq);
	port->state.told = news == VS_PORT_OPENED;
	port->state.answer = false;
	if (news == VS_PORT_CLOSED)
		port->state.closed = false;
	port_changed(port);
	spin_unlock_irqrestore(&port->lock, irq);
}
EXPORT_SYMBOL_GPL(vs_port_told);

/* ---- Start and end ---- */

static int port_fill(struct list_head *list)
{
	for (unsigned int i = 0; i < VS_PORT_PIECES; i++) {
		struct vs_port_piece *piece = kzalloc(sizeof(*piece), GFP_KERNEL_ACCOUNT);

		if (!piece)
			return -ENOMEM;
		list_add(&piece->entry, list);
	}
	return 0;
}

/**
 * vs_port_init() - prepare a port that nobody has open
 * @port: zeroed; number and kind are set
 *
 * The other side may know a port of this number that has gone: it is told that this one is closed.
 *
 * Context: process.
 * Return: 0; -ENOMEM: vs_port_free() is due all the same.
 */
int vs_port_init(struct vs_port *port)
{
	mutex_init(&port->reading);
	mutex_init(&port->writing);
	spin_lock_init(&port->lock);
	init_waitqueue_head(&port->wait);
	INIT_LIST_HEAD(&port->in);
	INIT_LIST_HEAD(&port->in_free);
	INIT_LIST_HEAD(&port->out);
	INIT_LIST_HEAD(&port->out_free);
	port->state.told = true;
	port->state.closed = true;
	return port_fill(&port->in_free) ?: port_fill(&port->out_free);
}

/**
 * vs_port_end() - the port has gone
 * @port: any
 *
 * Data that have come can still be read. After it returns, the port's @kick is not called any more.
 *
 * Context: process; sleeps.
 */
void vs_port_end(struct vs_port *port)
{
	WRITE_ONCE(port->kick, NULL);
	spin_lock_irq(&port->lock);
	port->state.gone = true;
	port_changed(port);
	spin_unlock_irq(&port->lock);
	synchronize_rcu();
}

/**
 * vs_port_free() - free all pieces
 * @port: no reference is left
 *
 * Context: process.
 */
void vs_port_free(struct vs_port *port)
{
	struct list_head *list[] = { &port->in, &port->in_free, &port->out, &port->out_free };
	struct vs_port_piece *piece;

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		while ((piece = vs_port_pop(list[i])))
			kfree(piece);
	mutex_destroy(&port->reading);
	mutex_destroy(&port->writing);
}
