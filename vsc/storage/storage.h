/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's disk: what storage.c (the contract), disk.c (the disk as the block layer has
 * it), queue.c and request.c (the requests), sync.c (what is dirty) and counters.c (what is
 * measured) share.
 *
 * A request needs at most one bit of the access term.  Three sets of bits decide
 * about it, all under vsc_storage_queue.lock:
 *
 *	granted	what the contract in force allows; a request beyond it fails
 *	gate	subset of granted: what is not being taken away by a contract that
 *		was granted and has not started; between the two a request waits
 *
 * Nothing else makes a request wait for a renegotiation: growth, rates and cache
 * change under running I/O.  The queue is never frozen, and its limits change
 * without a freeze: a freeze would wait for requests that the provider holds back.  For the same
 * reason the disk has as many hardware queues as its machine could use, for good, and it is here
 * that they are spread over the rings that are granted (struct vsc_storage_queue.rings).
 *
 * While the machine sleeps, and until it has a contract again (or hears that there is
 * none), the queue is quiesced, and what was in the ring goes into the next one.
 */
#ifndef VSC_STORAGE_H
#define VSC_STORAGE_H

#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_blk.h>

#include "vs_storage.h"
#include "vs_terms.h"
#include "vsc/demand/meter.h"

struct attribute_group;
struct gendisk;
struct virtio_device;
struct virtqueue;
struct vsc_channel;
struct vsc_session;

#define VSC_STORAGE_BITS	3	/* of the access term */

/**
 * struct vsc_storage_request - the driver's part of a request (its pdu)
 * @list: in vsc_storage_queue.held, or in a list of what is to be completed
 * @header: read by the device
 * @range: of a discard or write-zeroes; read by the device
 * @bytes: that the contract's bandwidth is charged with
 * @covered: of a flush: vsc_storage_queue.dirty when it was sent
 * @hardware: number of the hardware queue that it came by
 * @needs: bit of the access term without which it fails, 0: none
 * @metered: the meter counts it as outstanding
 * @out: the data is read by the device
 * @status: written by the device
 * @entries: of @sg in use
 * @sg: the data
 */
struct vsc_storage_request {
	struct list_head list;
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	u64 bytes;
	u64 covered;
	unsigned int hardware;
	u8 needs;
	bool metered;
	bool out;
	u8 status;
	unsigned int entries;
	struct scatterlist sg[VS_STORAGE_SEGMENTS];
};

/* A gap that is open when a negotiation ends is measured to its end. */
enum vsc_storage_negotiation {
	VSC_STORAGE_NEGOTIATED,
	VSC_STORAGE_NEGOTIATES,
	VSC_STORAGE_LAST_GAP,
};

/**
 * struct vsc_storage_counters - what is measured; under vsc_storage_queue.lock
 * @bytes_read: in reads that went well
 * @bytes_written: in writes and write-zeroes that went well
 * @operations: of any kind that went well
 * @errors: requests that failed
 * @no_space: of these, for want of space at the provider's source
 * @requests_waited: requests that a renegotiation made wait
 * @gap_ns: longest time without a completion while there was a request
 * @negotiation_gap_ns: the longest that the last negotiation had a part in
 * @negotiation: whether that is still measured
 * @gap_start_ns: the last completion, or when the first request came after none
 * @gap_reset_ns: when @gap_ns was set to 0: no earlier time counts for it
 */
struct vsc_storage_counters {
	u64 bytes_read;
	u64 bytes_written;
	u64 operations;
	u64 errors;
	u64 no_space;
	u64 requests_waited;
	u64 gap_ns;
	u64 negotiation_gap_ns;
	u64 gap_start_ns;
	u64 gap_reset_ns;
	enum vsc_storage_negotiation negotiation;
};

/**
 * struct vsc_storage_sync - what writes back, and ends the disk; sync.c
 * @queue: workqueue of @write_back and @end
 * @write_back: writes back what is dirty
 * @asked: number of times that this was asked for
 * @done: the last one of these that has been done; written by @write_back
 * @settled: woken when @done moves
 * @end: deletes the disk
 * @ended: it has
 *
 * Of the session's work, but for @done.
 */
struct vsc_storage_sync {
	struct workqueue_struct *queue;
	struct work_struct write_back;
	u64 asked;
	u64 done;
	wait_queue_head_t settled;
	struct work_struct end;
	struct completion ended;
};

/**
 * struct vsc_storage_queue - the rings and their requests; queue.c
 * @lock: the rings and all below; taken with interrupts off
 * @vq: the rings; NULL while the machine sleeps
 * @rings: number of those that requests go into, at least 1: what is granted, or less
 * @added: rings with requests that their device was not notified of, a bit each
 * @gone: every request fails
 * @stopped: there are no rings, or they have been emptied after a reset
 * @granted: bits of the access term
 * @gate: see above
 * @ring: requests in the rings, by the bit that they need (the last: none)
 * @outstanding: requests in a ring or held
 * @dirty: bytes written since the last flush
 * @held: requests that wait behind the gate, oldest first
 * @counters: what is measured
 * @meter: of its flow: outstanding are the requests in the rings that the bandwidth is
 *	charged with
 * @idle: woken when requests have left a ring
 */
struct vsc_storage_queue {
	spinlock_t lock;	/* of all below */
	struct virtqueue *vq[VS_STORAGE_QUEUES_MAX];
	unsigned int rings;
	unsigned long added;
	bool gone;
	bool stopped;
	u8 granted;
	u8 gate;
	unsigned int ring[VSC_STORAGE_BITS + 1];
	unsigned int outstanding;
	u64 dirty;
	struct list_head held;
	struct vsc_storage_counters counters;
	struct vsc_meter meter;
	wait_queue_head_t idle;
};

/**
 * struct vsc_storage - one disk
 * @session: whose vsc_session_data() it is; readers other than the session's work come
 *	through RCU
 * @channel: of the session
 * @vdev: its device
 * @uuid: of the service, as text: the disk's serial number
 *
 * Of the session's work, one at a time:
 * @tags: valid while @disk is
 * @disk: NULL until the first contract is about to start
 * @number: N of vscblk<N>
 * @shown: @disk was added
 * @left: it has been ended in good order, for good: no contract brings it back
 * @scan: looks for partitions
 * @size: of the disk, bytes
 * @block_size: of the disk, bytes
 * @cache: in force, bytes
 * @queues: in force
 * @asleep: blk-mq holds all requests, until there is a contract again
 * @sync: what writes back, and ends the disk
 *
 * @shut: no open is let through; written under disk->open_mutex to set it
 * @queue: the rings; has a lock of its own
 */
struct vsc_storage {
	struct vsc_session *session;
	struct vsc_channel *channel;
	struct virtio_device *vdev;
	char uuid[UUID_STRING_LEN + 1];

	struct blk_mq_tag_set tags;
	struct gendisk *disk;
	int number;
	bool shown;
	bool left;
	struct work_struct scan;
	u64 size;
	u32 block_size;
	u64 cache;
	u32 queues;
	bool asleep;
	struct vsc_storage_sync sync;

	bool shut;
	struct vsc_storage_queue queue;
};

/* Of a grant: one value, both ends are equal. */
static inline u64 vsc_storage_granted(const struct vs_terms *terms, enum vs_storage_term term)
{
	return terms->term[VS_STORAGE_INDEX(term)].high;
}

/* A disk that cannot be written has nothing to discard either. */
static inline u8 vsc_storage_granted_access(const struct vs_terms *terms)
{
	u8 access = vsc_storage_granted(terms, VS_STORAGE_ACCESS);

	return access & VS_STORAGE_WRITE ? access : access & ~VS_STORAGE_DISCARD;
}

/* vsc/storage/disk.c */
int vsc_storage_disk_create(struct vsc_storage *storage, const struct vs_terms *next);
void vsc_storage_disk_destroy(struct vsc_storage *storage);
int vsc_storage_disk_show(struct vsc_storage *storage);
void vsc_storage_disk_scan(struct work_struct *work);
int vsc_storage_disk_set_limits(struct vsc_storage *storage, u32 block_size, bool cache,
				bool discard);
int vsc_storage_disk_announce_cache(struct vsc_storage *storage);
bool vsc_storage_disk_shut(struct vsc_storage *storage);
void vsc_storage_disk_reopen(struct vsc_storage *storage);
bool vsc_storage_disk_is_open(const struct vsc_storage *storage);

/* vsc/storage/queue.c */
int vsc_storage_queue_init(struct vsc_storage *storage);
void vsc_storage_queue_exit(struct vsc_storage *storage);
void vsc_storage_queue_close(struct vsc_storage *storage, u8 access);
bool vsc_storage_queue_drain(struct vsc_storage *storage, u8 access);
void vsc_storage_queue_spread(struct vsc_storage *storage, u32 queues);
void vsc_storage_queue_grant(struct vsc_storage *storage, u8 access);
void vsc_storage_queue_open(struct vsc_storage *storage);
void vsc_storage_queue_sleep(struct vsc_storage *storage);
void vsc_storage_queue_wake(struct vsc_storage *storage);
void vsc_storage_queue_stop(struct vsc_storage *storage, bool broken);
void vsc_storage_queue_data(struct vsc_storage *storage, unsigned int ring);

/* vsc/storage/request.c */
unsigned int vsc_storage_request_bit(const struct vsc_storage_request *pdu);
bool vsc_storage_request_fill(struct vsc_storage *storage, struct request *request);
void vsc_storage_request_map(struct request *request);
blk_status_t vsc_storage_request_status(u8 status);

/* vsc/storage/sync.c */
int vsc_storage_sync_init(struct vsc_storage *storage);
void vsc_storage_sync_exit(struct vsc_storage *storage);
void vsc_storage_sync_start(struct vsc_storage *storage);
bool vsc_storage_sync(struct vsc_storage *storage, unsigned int ms);
void vsc_storage_sync_end(struct vsc_storage *storage);

/* vsc/storage/counters.c */
void vsc_storage_counters_begin(struct vsc_storage *storage, struct vsc_storage_request *request);
void vsc_storage_counters_send(struct vsc_storage *storage, struct vsc_storage_request *request);
void vsc_storage_counters_hold(struct vsc_storage *storage);
void vsc_storage_counters_drop(struct vsc_storage *storage,
			       const struct vsc_storage_request *request, u64 now);
void vsc_storage_counters_end(struct vsc_storage *storage,
			      const struct vsc_storage_request *request, bool write, bool ok,
			      u64 now);
void vsc_storage_counters_gap(struct vsc_storage *storage, u64 now);
void vsc_storage_counters_negotiates(struct vsc_storage *storage, bool begins);
u64 vsc_storage_counters_used(struct vsc_storage *storage, u32 index);
bool vsc_storage_counters_sample(struct vsc_storage *storage, struct vsc_sample *sample);
u64 vsc_storage_counters_value(struct vsc_storage *storage, unsigned int offset);

extern const struct attribute_group vsc_storage_counters_group;

#endif
