/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a port, as a class sees it; the code is in channel/port/.  Users reach an end by a
 * character device, or, a console's end in the guest, by a tty.  The class moves its data.
 *
 * A port has VS_PORT_PIECES pieces of memory for each direction, and no more: a writer waits for a
 * free one, and the other side's data stay where they are while none is free.  A port that is about
 * to go gets as many once more for incoming data, so that all data in flight have a place.
 *
 * A user who has opened the port meets the other side once that side has the port open, too, and
 * has answered; an earlier word of it may be out of date.  Until then the user waits.  When the
 * other side has closed the port again, the user reads the data that are left, and then an end of
 * file, until the port is opened there again.  Data that were sent to a user who has closed the
 * port are dropped.
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
 * @offset: where in @data the bytes begin that were not taken yet
 * @length: how many these are
 * @data: bytes; a datagram is one piece
 */
struct vs_port_piece {
	struct list_head entry;
	u32 offset;
	u32 length;
	u8 data[VS_PORT_BYTES];
};

static_assert(sizeof(struct vs_port_piece) <= 4096);

/* A change that the other side is to be told of. */
enum vs_port_news {
	VS_PORT_NO_NEWS,
	VS_PORT_OPENED,
	VS_PORT_CLOSED,
};

/**
 * struct vs_port_state - who has a port open; under its lock
 * @opened: a user has it open
 * @closed: a user has closed it since the other side was told that it is open
 * @told: the other side was told that it is open
 * @peer: the other side has it open
 * @met: the other side has had it open since @opened, and has said so since it was told of @opened
 * @answer: the other side has opened it, and is to be told that it is open here, too
 * @leaves: the port is about to go: users can write nothing more
 * @gone: its contract has ended: users can write nothing more, and no data come
 * @filling: a writer has taken the last piece of @out to add to it
 * @flushed: nobody waits for what was written, as nothing was since it was to be dropped
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
	bool flushed;
	bool resized;
};

/**
 * struct vs_port_terminal - the tty of a console's end in the guest
 * @port: has operations if the port is a tty
 * @line: its number in the driver
 * @work: gives data that have come to the line discipline, and the terminal its size
 */
struct vs_port_terminal {
	struct tty_port port;
	int line;
	struct delayed_work work;
};

/**
 * struct vs_port - one end of a byte channel
 * @dev: vsp-channel or vsc-channel class; its last reference frees all
 * @cdev: if the port is no tty
 * @shown: users can find it
 * @number: from 0, in its service
 * @kind: never changes
 * @service: for its path
 * @kick: tells the class that it has data to move or news to tell; NULL when the port has gone.
 *	Called in any context under rcu_read_lock(), no lock held
 * @owner: argument of @kick
 *
 * @reading: held while a reader takes pieces out of @in
 * @writing: held while a writer fills a piece
 *
 * @lock: of the next seven; interrupts off. Nests in the locks of the class
 * @state: see there
 * @size: of a console, as the host has set it
 * @in: pieces that have come, and are to be read
 * @in_free: free pieces for data that come
 * @extra: how many were added to @in_free because the port leaves
 * @out: pieces that were written, and are to be moved
 * @out_free: free pieces for data that are written
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

/* channel/port/port.c: for the class, which moves the data */
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

#endif
