/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * channel: byte channels between a guest and its host.  In the code one of them is a port, as in
 * virtio-console: a channel is what joins the two ends of any service (include/vs_channel.h).
 *
 * The data queues are those of virtio-console with its feature MULTIPORT (Virtual I/O Device
 * Version 1.2, 5.3): a receive and a transmit queue a port, and two for control messages
 * (struct virtio_console_control).  Directions are the guest's.  Ports, and what kind each is of,
 * are in the contract, so of the control messages only three are left:
 *
 *	VIRTIO_CONSOLE_PORT_OPEN	value 1: somebody has the port open here; 0: nobody has any
 *					more, after all data that was written before.  Who has it
 *					open says so once more when the other side opens it.
 *	VIRTIO_CONSOLE_PORT_REMOVE	guest, value 1: the port is about to go, and users write
 *					nothing more; 0: it stays after all.  Host, value 1: so its
 *					users, and all their data were put into its queue.
 *	VIRTIO_CONSOLE_RESIZE		host: the terminal of a console has another size.  It
 *					follows the message: columns, then rows, 16 bits each.  Said
 *					when it is set, and when the guest opens the port.
 *
 * Neither side sends data by a port that the other side does not have open.
 */
#ifndef VS_PORT_H
#define VS_PORT_H

#include <linux/bits.h>
#include <linux/types.h>

struct vs_class_spec;
struct vs_terms;

enum vs_port_term {
	VS_PORT_CHANNELS	= 1,	/* LEVEL, channels */
	VS_PORT_KINDS		= 2,	/* SET, bits by enum vs_port_kind */
	VS_PORT_TX_BANDWIDTH	= 3,	/* RATE, bytes/s: of all channels, out of the guest */
	VS_PORT_RX_BANDWIDTH	= 4,	/* RATE, bytes/s: into it */
};

#define VS_PORT_INDEX(term)	((term) - 1)

/* Flows, and the index of each one's RATE. */
enum vs_port_flow {
	VS_PORT_TX,
	VS_PORT_RX,
	VS_PORT_FLOWS
};

enum vs_port_kind {
	VS_PORT_CONSOLE,	/* a terminal in the guest */
	VS_PORT_STREAM,		/* bytes in order */
	VS_PORT_DATAGRAM,	/* messages, whole and in order */
	VS_PORT_KIND_COUNT
};

/* Constants of the class, in both ends. */
#define VS_PORT_MAX		31	/* channels */
#define VS_PORT_QUEUES		(2 * VS_PORT_MAX + 2)
#define VS_PORT_QUEUE_SIZE	64
#define VS_PORT_BYTES		4064	/* of one buffer, and so of a datagram */
#define VS_PORT_PIECES		16	/* buffers of a port, each way, at each end */
#define VS_PORT_SIZE_MAX	4096	/* columns, and rows, of a terminal */

#define VS_PORT_CONTROL_RX	2	/* data queues for control messages */
#define VS_PORT_CONTROL_TX	3

/* Receive queue of a port; its transmit queue is the next one. */
static inline unsigned int vs_port_rx_queue(unsigned int number)
{
	return number ? 2 * number + 2 : 0;
}

/**
 * struct vs_port_size - of a console's terminal; 0: not known
 * @columns: up to VS_PORT_SIZE_MAX
 * @rows: likewise
 */
struct vs_port_size {
	u16 columns;
	u16 rows;
};

/**
 * struct vs_port_control - a control message, in host byte order
 * @number: of the port
 * @event: VIRTIO_CONSOLE_PORT_OPEN, VIRTIO_CONSOLE_PORT_REMOVE or VIRTIO_CONSOLE_RESIZE
 * @value: see above; 0 of a size
 * @size: of VIRTIO_CONSOLE_RESIZE
 */
struct vs_port_control {
	u32 number;
	u16 event;
	u16 value;
	struct vs_port_size size;
};

/*
 * The same on the wire: struct virtio_console_control, whose fields are little-endian here, and,
 * only of VIRTIO_CONSOLE_RESIZE, what follows it.
 */
struct vs_port_message {
	__le32 number;
	__le16 event;
	__le16 value;
	__le16 columns;
	__le16 rows;
};

/**
 * struct vs_port_set - the ports of a contract
 * @count: how many, at most VS_PORT_MAX; 0: there is no contract
 * @kinds: bits by enum vs_port_kind; not 0 unless @count is
 */
struct vs_port_set {
	u32 count;
	u32 kinds;
};

extern const struct vs_class_spec vs_class_channel;

/* channel/class/channel.c: pure */
int vs_port_of_queue(unsigned int queue);
enum vs_port_kind vs_port_kind_of(u32 kinds, unsigned int number);
u32 vs_port_that_stay(const struct vs_port_set *now, const struct vs_port_set *next);
void vs_port_set_of(const struct vs_terms *terms, struct vs_port_set *set);
bool vs_port_size_is_valid(const struct vs_port_size *size);
int vs_port_control_read(const struct vs_port_message *message, u32 length,
			 struct vs_port_control *control);
u32 vs_port_control_write(const struct vs_port_control *control, struct vs_port_message *message);

#endif
