/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Data queues of the provider's end, as a class sees them: queue.c, ring.c, memory.c and job.c.
 * All but vsp_queue_wake() are called from queue_kick or queue_reap only.
 */
#ifndef VSP_QUEUE_H
#define VSP_QUEUE_H

#include <linux/bvec.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_channel.h"

struct iov_iter;
struct vsp_queue;

#define VSP_WORKERS_MAX		4	/* of a channel */
#define VSP_PAYLOAD_FEW		8	/* pieces of a payload that has room for them in itself */

/**
 * struct vsp_job - what is done beside the mover; see vsp_queue_job()
 * @work: what to do
 * @entry: while it waits for a thread of the VMM
 * @otherwise: its workqueue
 */
struct vsp_job {
	struct work_struct work;
	struct list_head entry;
	struct workqueue_struct *otherwise;
};

/**
 * struct vsp_segment - one descriptor, copied once
 * @addr: guest address (IOVA)
 * @length: bytes
 */
struct vsp_segment {
	u64 addr;
	u32 length;
};

/**
 * struct vsp_chain - one descriptor chain, copied once and validated
 * @head: index of its head descriptor
 * @readable: number of segments that the device reads; the first in @segment
 * @writable: number of segments that it writes; they follow
 * @readable_bytes: their sum
 * @writable_bytes: their sum
 * @segment: all of them
 */
struct vsp_chain {
	u16 head;
	u16 readable;
	u16 writable;
	u64 readable_bytes;
	u64 writable_bytes;
	struct vsp_segment segment[VS_CHANNEL_SEGMENTS];
};

/**
 * struct vsp_payload - memory behind an iov_iter over guest memory
 * @count: entries of @bvec
 * @pinned: its pages are a VMM's, and pinned
 * @written: they are written to
 * @bvec: pages; @few, or allocated
 * @few: room for those of a small request
 *
 * Owned by the caller, kept where it is until the I/O is done.
 */
struct vsp_payload {
	unsigned int count;
	bool pinned;
	bool written;
	struct bio_vec *bvec;
	struct bio_vec few[VSP_PAYLOAD_FEW];
};

unsigned int vsp_queue_number(const struct vsp_queue *queue);
bool vsp_queue_has(struct vsp_queue *queue, u16 count);
u16 vsp_queue_seen(const struct vsp_queue *queue);
int vsp_queue_peek(struct vsp_queue *queue, struct vsp_chain *chain);
void vsp_queue_consume(struct vsp_queue *queue);
int vsp_queue_read(struct vsp_queue *queue, const struct vsp_chain *chain,
		   u64 offset, void *to, size_t length);
int vsp_queue_write(struct vsp_queue *queue, const struct vsp_chain *chain,
		    u64 offset, const void *from, size_t length);
int vsp_queue_payload(struct vsp_queue *queue, const struct vsp_chain *chain, int direction,
		      u64 offset, size_t length, struct vsp_payload *payload,
		      struct iov_iter *iter);
void vsp_queue_payload_free(struct vsp_payload *payload);
void vsp_queue_complete(struct vsp_queue *queue, u16 head, u32 written);
void vsp_queue_flush(struct vsp_queue *queue);
void vsp_queue_wake(struct vsp_queue *queue);
void vsp_queue_job(struct vsp_queue *queue, struct vsp_job *job,
		   struct workqueue_struct *otherwise);

#endif
