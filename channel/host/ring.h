/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host end's two lower layers: a driver's memory, and the device side of a split virtqueue in
 * it. Neither knows of vDPA, nor locks its callers out of each other (but for the regions).
 */
#ifndef VS_RING_H
#define VS_RING_H

#include <linux/bitmap.h>
#include <linux/ratelimit_types.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vhost_iotlb.h>
#include <uapi/linux/virtio_ring.h>

#include "channel/host/queue.h"

struct file;
struct mm_struct;
struct page;

#define VS_MEMORY_REGIONS_MAX	2048	/* as many as vhost_vdpa itself admits */
#define VS_MEMORY_VECTORS_MAX	512	/* of one payload */
#define VS_MEMORY_RECENT	4	/* regions that are found without a lock */
#define VS_RING_SIZE_MAX	1024	/* entries; QEMU has no more */
#define VS_RING_BATCH		32	/* used entries that are written at once */

/**
 * struct vs_memory_region - one that the VMM has declared, copied
 * @start: first address as the driver says it
 * @last: last one; below @start: there is no region
 * @user: the VMM's address of the first byte
 * @perm: VHOST_MAP_RO, _WO or _RW
 */
struct vs_memory_region {
	u64 start;
	u64 last;
	u64 user;
	u32 perm;
};

/**
 * struct vs_memory - what a driver's addresses mean
 * @name: for the log
 * @direct: they are physical addresses of this kernel (local); what follows is unused
 * @mm: of the VMM: its user addresses are meant, and only its own threads get at them.
 *	Set and cleared while nobody else uses the memory
 * @ratelimit: of what the log is told of it: a VMM can have it said again, but silences no other
 * @lock: protects what is below. Never held across a user copy or a sleep:
 *	regions are edited under the VMM's mmap_lock
 * @iotlb: from the driver's addresses to user addresses
 * @sequence: of @recent, which is read without @lock
 * @recent: regions that were looked for last, and are in @iotlb still
 * @oldest: of these
 * @hinted: the log has said that guest RAM is missing
 * @refused: the log has said that some of guest RAM is not used
 */
struct vs_memory {
	const char *name;
	bool direct;
	struct mm_struct *mm;
	struct ratelimit_state ratelimit;
	spinlock_t lock;	/* innermost */
	struct vhost_iotlb iotlb;
	seqcount_spinlock_t sequence;
	struct vs_memory_region recent[VS_MEMORY_RECENT];
	unsigned int oldest;
	bool hinted;
	bool refused;
};

void vs_memory_init(struct vs_memory *memory, const char *name, bool direct);
void vs_memory_clear(struct vs_memory *memory);
int vs_memory_map(struct vs_memory *memory, u64 addr, u64 size, u64 user, u32 perm);
void vs_memory_unmap(struct vs_memory *memory, u64 addr, u64 size);
bool vs_memory_reachable(const struct vs_memory *memory);
int vs_memory_read(struct vs_memory *memory, u64 addr, void *to, size_t length);
int vs_memory_write(struct vs_memory *memory, u64 addr, const void *from, size_t length);
int vs_memory_read16(struct vs_memory *memory, u64 addr, u16 *value);
int vs_memory_write16(struct vs_memory *memory, u64 addr, u16 value);
int vs_memory_translate(struct vs_memory *memory, u64 addr, u64 length, u32 perm,
			void __user **user, size_t *piece);

int vs_payload_make(struct vs_memory *memory, const struct vsp_segment *segment, int direction,
		    u64 offset, size_t length, struct vsp_payload *payload,
		    struct iov_iter *iter);
void vs_payload_free(struct vsp_payload *payload);

int vs_backing_check(struct vs_memory *memory, const struct file *file);
int vs_backing_fault(struct vs_memory *memory, const void __user *user, bool write);
int vs_backing_pin(struct vs_memory *memory, unsigned long start, unsigned int count, bool write,
		   struct page **pages);

/**
 * struct vs_ring_layout - a virtqueue as its driver has set it up
 * @desc: address of the descriptor table
 * @avail: of the available ring
 * @used: of the used ring
 * @size: entries
 * @avail_index: where to begin
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was
 */
struct vs_ring_layout {
	u64 desc;
	u64 avail;
	u64 used;
	u32 size;
	u16 avail_index;
	bool event_idx;
	bool indirect;
};

/**
 * struct vs_ring - device side of a split virtqueue
 *
 * One thread at a time. A ring that breaks a rule is not touched until it is set up again.
 *
 * @memory: where it is
 * @layout: a copy; valid while @reason is NULL
 * @reason: NULL, or which rule was broken
 * @culprit: index of the descriptor or of the ring entry that did
 * @next_avail: next entry of the available ring to take
 * @seen_avail: its index, as last read; at most layout.size ahead
 * @next_used: next entry of the used ring to fill
 * @written_used: next one to write; those from here to @next_used are in @used
 * @shown_used: its index, as last written
 * @polled: its owner looks again soon: the driver of an empty ring need not kick
 * @silent: VRING_USED_F_NO_NOTIFY is set (without event_idx)
 * @called: the first completion has called back
 * @peeked: @head and @head_room are of a chain that was peeked and not consumed
 * @head: of that chain
 * @head_room: its writable bytes
 * @in_flight: heads that were consumed and not completed
 * @room: writable bytes of each of those
 * @table: copy of an indirect table
 * @used: entries that are not yet written
 */
struct vs_ring {
	struct vs_memory *memory;
	struct vs_ring_layout layout;
	const char *reason;
	u32 culprit;
	u16 next_avail;
	u16 seen_avail;
	u16 next_used;
	u16 written_used;
	u16 shown_used;
	bool polled;
	bool silent;
	bool called;
	bool peeked;
	u16 head;
	u32 head_room;
	DECLARE_BITMAP(in_flight, VS_RING_SIZE_MAX);
	u32 room[VS_RING_SIZE_MAX];
	struct vring_desc table[VS_CHANNEL_SEGMENTS];
	struct vring_used_elem used[VS_RING_BATCH];
};

void vs_ring_setup(struct vs_ring *ring, struct vs_memory *memory,
		   const struct vs_ring_layout *layout);
int vs_ring_start(struct vs_ring *ring);
bool vs_ring_has(struct vs_ring *ring, u16 count);
bool vs_ring_poll(struct vs_ring *ring);
int vs_ring_peek(struct vs_ring *ring, struct vsp_chain *chain);
void vs_ring_consume(struct vs_ring *ring);
void vs_ring_complete(struct vs_ring *ring, u16 head, u32 written);
bool vs_ring_forget(struct vs_ring *ring, u16 head);
bool vs_ring_flush(struct vs_ring *ring);

#endif
