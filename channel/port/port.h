/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of channel/port/: port.c (the side of a port that its class sees), user.c
 * (the side that readers and writers see), device.c (character devices) and tty.c (terminals).
 */
#ifndef VS_PORT_INTERNAL_H
#define VS_PORT_INTERNAL_H

#include <linux/poll.h>

#include "vs_port_device.h"

struct attribute_group;

/* port.c */
int vs_port_init(struct vs_port *port);
void vs_port_end(struct vs_port *port);
void vs_port_free(struct vs_port *port);
void vs_port_kick(struct vs_port *port);
struct vs_port_piece *vs_port_take(struct vs_port *port, struct list_head *list);

/* user.c */
int vs_port_open(struct vs_port *port);
void vs_port_close(struct vs_port *port);
struct vs_port_piece *vs_port_begin_read(struct vs_port *port);
bool vs_port_end_read(struct vs_port *port, struct vs_port_piece *piece);
int vs_port_begin_write(struct vs_port *port, struct vs_port_piece **piece);
int vs_port_end_write(struct vs_port *port, struct vs_port_piece *piece);
size_t vs_port_write(struct vs_port *port, const u8 *bytes, size_t count);
unsigned int vs_port_room(struct vs_port *port);
unsigned int vs_port_unsent(struct vs_port *port);
void vs_port_flush(struct vs_port *port);
__poll_t vs_port_poll(struct vs_port *port);

/* tty.c */
int vs_port_tty_init(void);
void vs_port_tty_exit(void);
void vs_port_tty_prepare(struct vs_port *port);
int vs_port_tty_show(struct vs_port *port, const struct attribute_group **groups);
void vs_port_tty_hide(struct vs_port *port);
void vs_port_tty_free(struct vs_port *port);
void vs_port_tty_look(struct vs_port *port);
void vs_port_tty_carrier_lost(struct vs_port *port);

/* A piece out of a list, or NULL; the port's lock is held, here and below. */
static inline struct vs_port_piece *vs_port_pop(struct list_head *list)
{
	struct vs_port_piece *piece;

	piece = list_first_entry_or_null(list, struct vs_port_piece, entry);
	if (piece)
		list_del(&piece->entry);
	return piece;
}

static inline void vs_port_push_free(struct list_head *list, struct vs_port_piece *piece)
{
	piece->offset = 0;
	piece->length = 0;
	list_add(&piece->entry, list);
}

/* Drops data that nobody will read. */
static inline void vs_port_drop(struct list_head *from, struct list_head *to)
{
	struct vs_port_piece *piece;

	while ((piece = vs_port_pop(from)))
		vs_port_push_free(to, piece);
}

static inline bool vs_port_is_tty(const struct vs_port *port)
{
	return port->tty.port.ops;
}

#endif
