/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device classes: their terms, units and the formats of their data queues.
 * One section a class.
 */
#ifndef VS_CLASS_H
#define VS_CLASS_H

#include <linux/bits.h>
#include <linux/types.h>

/* Of another build than its core, a class module is refused by name. */
#define VS_CLASS_ABI		5

#define VS_CLASS_QUEUES_MAX	8	/* data queues of one service */
#define VS_CLASS_FLOWS_MAX	2	/* flows of one service */

enum vs_class_id {
	VS_CLASS_STORAGE	= 1,
	VS_CLASS_NETWORK	= 2,
};

/* The device's data must not see this term change while it is open. */
#define VS_TERM_FIXED		BIT(0)
/* Does not return to its pool with the contract, only when released. */
#define VS_TERM_KEPT		BIT(1)
/* An IDENTITY that is offered may be wished otherwise: the class judges, in ->prepare. */
#define VS_TERM_SUGGESTED	BIT(2)

/**
 * struct vs_term_spec - what a class says of one of its terms
 * @id: on the wire; 1 and up, ascending in the table
 * @kind: enum vs_kind
 * @flags: VS_TERM_*
 * @flow: RATE only: requests of one flow wait in one line, for all rates of the flow;
 *	those of different flows, as the directions of a network device, not for each other
 * @name: as in every attribute, log line and document
 * @unit: "bytes", "bytes/s", "1/s", ...
 * @lowest: least value of a grant (SPACE, LEVEL); of a RATE: least ceiling
 * @highest: most that can be asked for (SET: all bits there are)
 * @step: values are multiples of it (SPACE, LEVEL), or powers of two if 0 (LEVEL)
 * @preset: LEVEL only: most, where the administrator has set no limit; 0: @highest
 * @bits: SET only: name of each bit, ended by NULL
 */
struct vs_term_spec {
	u16 id;
	u8 kind;
	u8 flags;
	u8 flow;
	const char *name;
	const char *unit;
	u64 lowest;
	u64 highest;
	u64 step;
	u64 preset;
	const char * const *bits;
};

/**
 * struct vs_class_spec - a class, as both sides know it without its module
 * @id: enum vs_class_id
 * @name: "storage"; modules are vsp_<name> and vsc_<name>
 * @count: entries of @term, 1..VS_WIRE_TERMS_MAX
 * @term: ascending by id
 * @queues: number of data queues, 1..VS_CLASS_QUEUES_MAX
 * @queue_names: of each: what the guest's interrupts are called, as "virtio3-rx.0"
 * @queue_size: entries of a data queue, a power of two, at most 1024
 * @flows: of its rates, 1..VS_CLASS_FLOWS_MAX
 * @paths: a source is a path, from / on; else a name
 * @switches: files of a service that are 0 or 1, ended by NULL; or NULL
 * @texts: files of a pool, likewise, that are a text of VSP_TEXT_MAX - 1 characters
 */
struct vs_class_spec {
	u16 id;
	const char *name;
	u32 count;
	const struct vs_term_spec *term;
	u16 queues;
	const char * const *queue_names;
	u16 queue_size;
	u8 flows;
	bool paths;
	const char * const *switches;
	const char * const *texts;
};

/* channel/class.c */
const struct vs_class_spec *vs_class_by_id(u16 id);
const struct vs_class_spec *vs_class_by_name(const char *name, size_t length);

/*
 * storage: a disk.  Its data queue speaks virtio-blk (Virtual I/O Device
 * Version 1.2, 5.2.6: struct virtio_blk_req): IN, OUT, FLUSH, GET_ID, DISCARD,
 * WRITE_ZEROES.  Sectors are of 512 bytes, as there.
 */
enum vs_storage_term {
	VS_STORAGE_SIZE		= 1,	/* SPACE, KEPT, bytes */
	VS_STORAGE_BANDWIDTH	= 2,	/* RATE, bytes/s */
	VS_STORAGE_IOPS		= 3,	/* RATE, 1/s */
	VS_STORAGE_ACCESS	= 4,	/* SET, VS_STORAGE_READ and so on */
	VS_STORAGE_CACHE	= 5,	/* SPACE, bytes not yet on the medium */
	VS_STORAGE_BLOCK_SIZE	= 6,	/* LEVEL, FIXED, bytes */
};

/* Index of a term in the class's table, and so in every complete set. */
#define VS_STORAGE_INDEX(term)	((term) - 1)

#define VS_STORAGE_READ		BIT(0)
#define VS_STORAGE_WRITE	BIT(1)
#define VS_STORAGE_DISCARD	BIT(2)

/* Limits of one request: constants of the class, in both ends. */
#define VS_STORAGE_SEGMENTS	128		/* data segments */
#define VS_STORAGE_REQUEST_MAX	(1024 * 1024)	/* bytes of a read, write or write-zeroes */
#define VS_STORAGE_DISCARD_MAX	(1024 * 1024 * 1024)	/* bytes of one discard: one operation */
#define VS_STORAGE_QUEUE_SIZE	256

/*
 * Bytes that a disk announces as its physical block, whatever its block_size: what the
 * sources have today (pages, blocks of file systems, cells of disks). Smaller pieces are
 * taken, too, but cost a copy or a read.
 */
#define VS_STORAGE_PHYSICAL_BLOCK	4096

/* Status bytes beyond those of virtio-blk (VIRTIO_BLK_S_OK, _IOERR, _UNSUPP). */
#define VS_STORAGE_S_NOSPC	16	/* the source has no space left */
#define VS_STORAGE_S_DENIED	17	/* against the granted access or size, or no contract */

extern const struct vs_class_spec vs_class_storage;

/*
 * network: an Ethernet device.  Its data queues speak virtio-net (Virtual I/O Device
 * Version 1.2, 5.1.6): pairs of a receive and a transmit queue, of frames that begin with a
 * struct virtio_net_hdr_v1.  Directions are the guest's.  Receive buffers are mergeable
 * (5.1.6.4, as with VIRTIO_NET_F_MRG_RXBUF), num_buffers always counts.  There is no control
 * queue: what it would say is in the contract.  A queue of a pair that is not granted
 * moves nothing.
 */
enum vs_network_term {
	VS_NETWORK_TX_BANDWIDTH	= 1,	/* RATE, bytes/s: of frames, as they are on a wire */
	VS_NETWORK_RX_BANDWIDTH	= 2,	/* likewise */
	VS_NETWORK_MTU		= 3,	/* LEVEL, bytes */
	VS_NETWORK_MAC		= 4,	/* IDENTITY, SUGGESTED: 52:54:00:12:34:56 */
	VS_NETWORK_OFFLOADS	= 5,	/* SET, VS_NETWORK_CHECKSUM and so on */
	VS_NETWORK_QUEUES	= 6,	/* LEVEL, pairs */
};

#define VS_NETWORK_INDEX(term)	((term) - 1)

/* Places in the class's switches and texts. */
#define VS_NETWORK_MAC_SPOOF	0
#define VS_NETWORK_MAC_RANGE	0

/* Flows, and the index of each one's RATE. */
enum vs_network_flow {
	VS_NETWORK_TX,
	VS_NETWORK_RX,
};

/* Checksums left to the other side, in both directions. */
#define VS_NETWORK_CHECKSUM	BIT(0)
/* Segmentation left to the other side, of frames that are transmitted; needs CHECKSUM. */
#define VS_NETWORK_TSO4		BIT(1)
#define VS_NETWORK_TSO6		BIT(2)
#define VS_NETWORK_USO		BIT(3)
/* The same kinds are received, too. */
#define VS_NETWORK_LARGE_RECEIVE BIT(4)

/* Constants of the class, in both ends. */
#define VS_NETWORK_PAIRS	4
#define VS_NETWORK_QUEUE_SIZE	256
#define VS_NETWORK_BUFFER	4096	/* bytes of a receive buffer, at least; header included */
#define VS_NETWORK_SEGMENTS	19	/* of a transmitted frame, its header included */
#define VS_NETWORK_FRAME_MAX	65558	/* bytes of a frame: 64 KiB, MAC header, two VLAN tags */

/* Data queues of a pair. */
#define VS_NETWORK_RX_QUEUE(pair)	(2 * (pair))
#define VS_NETWORK_TX_QUEUE(pair)	(2 * (pair) + 1)

/*
 * What a frame may have at most of segments of a larger one, so that it is sent in a part of
 * the 20 ms that are the bound of what waits: 10 ms at its ceiling, but two packets.
 */
#define VS_NETWORK_GSO_MS	10

extern const struct vs_class_spec vs_class_network;

#endif
