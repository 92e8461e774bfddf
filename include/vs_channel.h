/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The channel's virtqueues, as both ends know them.
 *
 * Virtqueue 0 carries the VSC's messages: one descriptor chain each, the request
 * readable, its COMPLETE writable.  Virtqueue 1 carries the VSP's INITIALIZE into
 * a buffer that the VSC has posted.  Virtqueues 2 and up carry data, their number
 * and format per class.
 */
#ifndef VS_CHANNEL_H
#define VS_CHANNEL_H

#define VS_CHANNEL_VIRTIO_ID	9	/* 9p's: QEMU knows only some ids */
#define VS_CHANNEL_QUEUE_MESSAGE 0
#define VS_CHANNEL_QUEUE_CALL	1
#define VS_CHANNEL_QUEUE_DATA	2	/* the first of them */
#define VS_CHANNEL_MESSAGE_SIZE	16	/* entries of virtqueues 0 and 1 */
#define VS_CHANNEL_MESSAGES	4	/* messages in flight; more wait in the ring */
#define VS_CHANNEL_SEGMENTS	(128 + 2) /* of one chain, those of its indirect table included */

#endif
