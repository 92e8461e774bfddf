/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a port, as a class has it: channel/port/.  Users reach it by a character device or, a
 * console's in the guest, by a tty; the class moves its data.
 *
 * A port has so many pieces of memory for each direction, and no more: who writes waits for a free
 * one, and the other side's data stay where they are while none is free.  A port that is about to
 * go gets as many once more for what comes, so that all that is in flight has a place.
 *
 * A user who has opened the port meets the other side once that has it open, too, and has
 * answered: what was known of it before may be old.  Until then he waits; when it has closed again
 * he reads what is left, and then an end of file, until somebody opens it there again.  What was
 * sent to somebody who has closed is dropped.
 */
#ifndef VS_PORT_DEVICE_H
#define VS_PORT_DEVICE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/tty_port.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vs_limits.h"
#include "vs_port.h"

/**
 * struct vs_port_piece - data on their way
 * @entry: in a list of a port
 * @offset: of what is not yet taken, in @data
 * @length: of it
 * @data: bytes; a datagram is one piece
 */
struct vs_port_piece {
	struct list_head entry;
	u32 offset;
	u32 length;
	u8 data[VS_PORT_BYTES];
};

static_assert(sizeof(struct vs_port_piece) <= 4096);

/* What the other side is to be told. */
enum vs_port_news {
	VS_PORT_NO_NEWS,
	VS_PORT_OPENED,
	VS_PORT_CLOSED,
};

/**
 * struct vs_port_state - of a port; under its lock
 * @opened: a user has it
 * @closed: one has closed it since the other side was told that it is open
 * @told: the other side was told that it is open
 * @peer: the other side has it open
 * @met: it has had since @opened, and has said so since it was told of that
 * @answer: the other side has opened it, and is to be told that it is open here, too
 * @leaves: nothing more is written to it
 * @gone: neither, nor does anything come: its contract has ended
 * @filling: the last piece of what goes out is in the hands of who writes it
 * @resized: of the host's end: the guest is to be told its size; of a terminal: it is to be given
 *	its size
 */
struct vs_port_state {
	bool opened;
	bool closed;
	bool told;
	bool peer;
	bool met;
	bool answer;
	bool leaves;
	bool gone;
	bool filling;
	bool resized;
};

/**
 * struct vs_port_terminal - of a console's end in the guest
 * @port: without operations, it is none
 * @line: of the driver
 * @work: moves what has come to the line discipline
 */
struct vs_port_terminal {
	struct tty_port port;
	int line;
	struct delayed_work work;
};

/**
 * struct vs_port - one end of a byte channel
 * @dev: vsp-channel or vsc-channel class; its last reference frees all
 * @cdev: unless it is a tty
 * @shown: users can find it
 * @number: from 0, in its service
 * @kind: never changes
 * @service: for its path
 * @kick: something has changed that who moves the data is to look at; NULL when the port has
 *	gone. Called in any context under rcu_read_lock(), no lock held
 * @owner: argument of @kick
 *
 * @reading: held while a piece is taken out
 * @writing: held while one is filled
 *
 * @lock: of the next seven; interrupts off. Nests in the locks of who moves the data
 * @state: see there
 * @size: of a console, as the host has set it
 * @in: has come, and is to be read
 * @in_free: room for more
 * @extra: pieces that were added to it, since the port leaves and nobody reads
 * @out: was written, and is to be moved
 * @out_free: room for more
 * @wait: for a change of any of these
 *
 * @tty: of a console's end in the guest
 */
struct vs_port {
	struct device dev;
	struct cdev cdev;
	bool shown;
	unsigned int number;
	enum vs_port_kind kind;
	char service[VS_WIRE_NAME_MAX + 1];
	void (*kick)(void *owner, unsigned int number);
	void *owner;

	struct mutex reading;	/* outside of @lock, as the next */
	struct mutex writing;

	spinlock_t lock;	/* interrupts off */
	struct vs_port_state state;
	struct vs_port_size size;
	struct list_head in;
	struct list_head in_free;
	unsigned int extra;
	struct list_head out;
	struct list_head out_free;
	wait_queue_head_t wait;

	struct vs_port_terminal tty;
};

/**
 * struct vs_port_config - what a port is made of
 * @client: the guest's end
 * @number: from 0
 * @kind: constant
 * @service: its name, for the path of the node
 * @unique: likewise, for the device: of this machine and side alone
 * @parent: of the device
 * @kick: see struct vs_port
 * @owner: its argument
 */
struct vs_port_config {
	bool client;
	unsigned int number;
	enum vs_port_kind kind;
	const char *service;
	const char *unique;
	struct device *parent;
	void (*kick)(void *owner, unsigned int number);
	void *owner;
};

/* channel/port/device.c: for a class */
struct vs_port *vs_port_create(const struct vs_port_config *config);
void vs_port_hang_up(struct vs_port *port);

/* channel/port/port.c: for who moves the data */
struct vs_port_piece *vs_port_take_room(struct vs_port *port);
void vs_port_give_room(struct vs_port *port, struct vs_port_piece *piece);
void vs_port_receive(struct vs_port *port, struct vs_port_piece *piece);
struct vs_port_piece *vs_port_take_out(struct vs_port *port);
u32 vs_port_out_length(struct vs_port *port);
void vs_port_put_back(struct vs_port *port, struct vs_port_piece *piece);
void vs_port_sent(struct vs_port *port, struct vs_port_piece *piece);
void vs_port_set_peer(struct vs_port *port, bool open);
int vs_port_set_size(struct vs_port *port, const struct vs_port_size *size);
bool vs_port_new_size(struct vs_port *port, struct vs_port_size *size);
void vs_port_size_told(struct vs_port *port, const struct vs_port_size *size);
void vs_port_set_leaves(struct vs_port *port, bool leaves);
bool vs_port_is_drained(struct vs_port *port);
enum vs_port_news vs_port_news(struct vs_port *port, bool drained);
void vs_port_told(struct vs_port *port, enum vs_port_news news);
void vs_port_forget(struct vs_port *port);

#endif
