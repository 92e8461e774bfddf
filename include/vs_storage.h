/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storage: a disk.  Its data queues speak virtio-blk (Virtual I/O Device
 * Version 1.2, 5.2.6: struct virtio_blk_req): IN, OUT, FLUSH, GET_ID, DISCARD,
 * WRITE_ZEROES.  Sectors are of 512 bytes, as there.  Requests of different queues have no order;
 * a FLUSH covers what was completed before it came, in any of them.
 */
#ifndef VS_STORAGE_H
#define VS_STORAGE_H

#include <linux/bits.h>

struct vs_class_spec;

enum vs_storage_term {
	VS_STORAGE_SIZE		= 1,	/* SPACE, KEPT, bytes */
	VS_STORAGE_BANDWIDTH	= 2,	/* RATE, bytes/s */
	VS_STORAGE_IOPS		= 3,	/* RATE, 1/s */
	VS_STORAGE_ACCESS	= 4,	/* SET, VS_STORAGE_READ and so on */
	VS_STORAGE_CACHE	= 5,	/* SPACE, bytes not yet on the medium */
	VS_STORAGE_BLOCK_SIZE	= 6,	/* LEVEL, FIXED, bytes */
	VS_STORAGE_QUEUES	= 7,	/* LEVEL, data queues: the first so many */
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
#define VS_STORAGE_QUEUES_MAX	4

/*
 * Bytes that a disk announces as its physical block, whatever its block_size: what the
 * sources have today (pages, blocks of file systems, cells of disks). Smaller pieces are
 * taken, too, but cost a copy or a read.
 */
#define VS_STORAGE_PHYSICAL_BLOCK	4096

/* Status bytes beyond those of virtio-blk (VIRTIO_BLK_S_OK, _IOERR, _UNSUPP). */
#define VS_STORAGE_S_NOSPC	16	/* the source has no space left */
#define VS_STORAGE_S_DENIED	17	/* against the granted access or size, or no contract */
#define VS_STORAGE_S_QUEUE	18	/* its queue is not granted: to be sent in the first */

extern const struct vs_class_spec vs_class_storage;

#endif
