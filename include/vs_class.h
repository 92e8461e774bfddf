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
#define VS_CLASS_ABI		3

#define VS_CLASS_QUEUES_MAX	8	/* data queues of one service */

enum vs_class_id {
	VS_CLASS_STORAGE	= 1,
};

/* The device's data must not see this term change while it is open. */
#define VS_TERM_FIXED		BIT(0)
/* Does not return to its pool with the contract, only when released. */
#define VS_TERM_KEPT		BIT(1)

/**
 * struct vs_term_spec - what a class says of one of its terms
 * @id: on the wire; 1 and up, ascending in the table
 * @kind: enum vs_kind
 * @flags: VS_TERM_*
 * @name: as in every attribute, log line and document
 * @unit: "bytes", "bytes/s", "1/s", ...
 * @lowest: least value of a grant (SPACE, LEVEL); of a RATE: least ceiling
 * @highest: most that can be asked for (SET: all bits there are)
 * @step: values are multiples of it (SPACE), or powers of two if 0 (LEVEL)
 * @bits: SET only: name of each bit, ended by NULL
 */
struct vs_term_spec {
	u16 id;
	u8 kind;
	u8 flags;
	const char *name;
	const char *unit;
	u64 lowest;
	u64 highest;
	u64 step;
	const char * const *bits;
};

/**
 * struct vs_class_spec - a class, as both sides know it without its module
 * @id: enum vs_class_id
 * @name: "storage"; modules are vsp_<name> and vsc_<name>
 * @count: entries of @term, 1..VS_WIRE_TERMS_MAX
 * @term: ascending by id
 * @queues: number of data queues, 1..VS_CLASS_QUEUES_MAX
 * @queue_size: entries of a data queue, a power of two, at most 1024
 */
struct vs_class_spec {
	u16 id;
	const char *name;
	u32 count;
	const struct vs_term_spec *term;
	u16 queues;
	u16 queue_size;
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

/* Status bytes beyond those of virtio-blk (VIRTIO_BLK_S_OK, _IOERR, _UNSUPP). */
#define VS_STORAGE_S_NOSPC	16	/* the source has no space left */
#define VS_STORAGE_S_DENIED	17	/* against the granted access or size, or no contract */

extern const struct vs_class_spec vs_class_storage;

#endif
