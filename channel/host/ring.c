// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device side of a split virtqueue (Virtual I/O Device Version 1.2, 2.7), with
 * VIRTIO_RING_F_EVENT_IDX and VIRTIO_RING_F_INDIRECT_DESC.
 *
 * The driver is not trusted.  What it has written is copied once and checked in
 * the copy.  The first broken rule makes the ring bad: that is a reason and the
 * index of what broke it, for the caller to tell; the ring is left alone then.
 */
#include <linux/bug.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <asm/barrier.h>

#include "channel/host/ring.h"

static int ring_bad(struct vs_ring *ring, const char *reason, u32 culprit)
{
	if (!ring->reason) {
		ring->reason = reason;
		ring->culprit = culprit;
	}
	return -EIO;
}

/* An access has failed: the driver's fault, unless this thread is being killed. */
static int ring_failed(struct vs_ring *ring, int error, const char *reason, u32 culprit)
{
	return error == -EINTR ? error : ring_bad(ring, reason, culprit);
}

static u16 ring_slot(const struct vs_ring *ring, u16 index)
{
	return index & (ring->layout.size - 1);
}

/* Where the driver says from which used entry on it wants to be called. */
static u64 used_event(const struct vs_ring *ring)
{
	return ring->layout.avail + offsetof(struct vring_avail, ring) +
	       ring->layout.size * sizeof(__virtio16);
}

/* Where it is told from which available entry on it has to kick. */
static u64 avail_event(const struct vs_ring *ring)
{
	return ring->layout.used + offsetof(struct vring_used, ring) +
	       ring->layout.size * sizeof(struct vring_used_elem);
}

static bool ring_wraps(u64 addr, u64 bytes)
{
	return addr + (bytes - 1) < addr;
}

/**
 * vs_ring_setup() - take over a layout; nothing of the ring is touched yet
 * @ring: of any content
 * @memory: where the ring is
 * @layout: copied; may be anything: one that is not valid makes a bad ring
 */
void vs_ring_setup(struct vs_ring *ring, struct vs_memory *memory,
		   const struct vs_ring_layout *layout)
{
	memset(ring, 0, offsetof(struct vs_ring, room));
	ring->memory = memory;
	ring->layout = *layout;
	ring->next_avail = layout->avail_index;
	ring->seen_avail = layout->avail_index;
	if (!is_power_of_2(layout->size) || layout->size > VS_RING_SIZE_MAX)
		ring_bad(ring, "its size is no power of two up to 1024", layout->size);
	else if (!IS_ALIGNED(layout->desc, VRING_DESC_ALIGN_SIZE) ||
		 !IS_ALIGNED(layout->avail, VRING_AVAIL_ALIGN_SIZE) ||
		 !IS_ALIGNED(layout->used, VRING_USED_ALIGN_SIZE))
		ring_bad(ring, "an address of it is not aligned", 0);
	else if (ring_wraps(layout->desc, layout->size * sizeof(struct vring_desc)) ||
		 ring_wraps(layout->avail, used_event(ring) + sizeof(__virtio16) - layout->avail) ||
		 ring_wraps(layout->used, avail_event(ring) + sizeof(__virtio16) - layout->used))
		ring_bad(ring, "an address of it wraps", 0);
}

/**
 * vs_ring_start() - go on where the used ring stands
 * @ring: set up
 *
 * The state that a VMM keeps is the available index alone.
 *
 * Context: as of vs_memory_read(), here and in all that follows.
 * Return: 0; -EIO: the ring is bad; -EINTR: this thread is being killed.
 */
int vs_ring_start(struct vs_ring *ring)
{
	int error;

	if (ring->reason)
		return -EIO;
	error = vs_memory_read16(ring->memory,
				 ring->layout.used + offsetof(struct vring_used, idx),
				 &ring->next_used);
	if (error)
		return ring_failed(ring, error, "its used index cannot be read", 0);
	ring->written_used = ring->next_used;
	ring->shown_used = ring->next_used;
	return 0;
}

static int read_avail(struct vs_ring *ring)
{
	u16 index;
	int error;

	error = vs_memory_read16(ring->memory,
				 ring->layout.avail + offsetof(struct vring_avail, idx), &index);
	if (error)
		return ring_failed(ring, error, "its available index cannot be read", 0);
	if ((u16)(index - ring->next_avail) > ring->layout.size)
		return ring_bad(ring, "its available index is more than its size ahead", index);
	ring->seen_avail = index;
	/* The index first, then what it makes available. */
	virt_rmb();
	return 0;
}

static int set_silent(struct vs_ring *ring, bool silent)
{
	int error;

	error = vs_memory_write16(ring->memory,
				  ring->layout.used + offsetof(struct vring_used, flags),
				  silent ? VRING_USED_F_NO_NOTIFY : 0);
	if (error)
		return ring_failed(ring, error, "its used flags cannot be written", 0);
	ring->silent = silent;
	return 0;
}

/* The driver has to kick for the entry that it adds at @index. */
static int ask_for_kick(struct vs_ring *ring, u16 index)
{
	int error;

	if (!ring->layout.event_idx)
		return set_silent(ring, false);
	error = vs_memory_write16(ring->memory, avail_event(ring), index);
	return error ? ring_failed(ring, error, "its available event cannot be written", 0) : 0;
}

/* 0: there is an entry; -EAGAIN: there is none, and the driver will kick, or the ring is polled. */
static int ring_look(struct vs_ring *ring)
{
	int error;

	if (ring->seen_avail != ring->next_avail)
		return 0;
	error = read_avail(ring);
	if (error)
		return error;
	if (ring->seen_avail == ring->next_avail) {
		if (ring->polled)
			return -EAGAIN;
		error = ask_for_kick(ring, ring->next_avail);
		if (error)
			return error;
		/* It may have added one before it saw that it has to kick. */
		virt_mb();
		error = read_avail(ring);
		if (error)
			return error;
		if (ring->seen_avail == ring->next_avail)
			return -EAGAIN;
	}
	if (!ring->layout.event_idx && !ring->silent)
		return set_silent(ring, true);
	return 0;
}

/**
 * vs_ring_poll() - are there entries that were not seen?
 * @ring: started; its driver need not kick
 *
 * Return: whether there are; of a bad ring, no.
 */
bool vs_ring_poll(struct vs_ring *ring)
{
	u16 seen = ring->seen_avail;

	return !ring->reason && !read_avail(ring) && ring->seen_avail != seen;
}

/**
 * vs_ring_has() - are there so many entries?
 * @ring: started
 * @count: at most its size
 *
 * Return: whether there are; if not, and the ring is not bad, the driver kicks for the next
 * one that it adds.
 */
bool vs_ring_has(struct vs_ring *ring, u16 count)
{
	u16 there, before;

	if (ring->reason || read_avail(ring))
		return false;
	for (there = ring->seen_avail - ring->next_avail; there < count;) {
		before = there;
		if (ask_for_kick(ring, ring->seen_avail))
			return false;
		/* It may have added some before it saw where it has to kick. */
		virt_mb();
		if (read_avail(ring))
			return false;
		/* Only ever more: a driver whose index goes up and down would keep us here. */
		there = ring->seen_avail - ring->next_avail;
		if (there <= before)
			return false;
	}
	return true;
}

static int add_segment(struct vs_ring *ring, struct vsp_chain *chain,
		       const struct vring_desc *desc, u16 index)
{
	unsigned int count = chain->readable + chain->writable;
	u32 length = le32_to_cpu((__force __le32)desc->len);
	u64 addr = le64_to_cpu((__force __le64)desc->addr);
	bool writes;

	if (!length)
		return ring_bad(ring, "a descriptor is empty", index);
	if (ring_wraps(addr, length))
		return ring_bad(ring, "a descriptor's address wraps", index);
	if (count == VS_CHANNEL_SEGMENTS)
		return ring_bad(ring, "a chain has too many descriptors", index);
	writes = le16_to_cpu((__force __le16)desc->flags) & VRING_DESC_F_WRITE;
	if (!writes && chain->writable)
		return ring_bad(ring, "a readable descriptor follows a writable one", index);
	if (writes) {
		chain->writable++;
		chain->writable_bytes += length;
	} else {
		chain->readable++;
		chain->readable_bytes += length;
	}
	chain->segment[count].addr = addr;
	chain->segment[count].length = length;
	return 0;
}

/* An indirect table ends the chain. */
static int read_table(struct vs_ring *ring, const struct vring_desc *desc, u16 index)
{
	u32 length = le32_to_cpu((__force __le32)desc->len);
	u64 addr = le64_to_cpu((__force __le64)desc->addr);
	int error;

	if (!ring->layout.indirect)
		return ring_bad(ring, "an indirect descriptor was not negotiated", index);
	if (le16_to_cpu((__force __le16)desc->flags) & VRING_DESC_F_NEXT)
		return ring_bad(ring, "an indirect descriptor has a next one", index);
	if (!length || length % sizeof(struct vring_desc))
		return ring_bad(ring, "an indirect table's length is no multiple of 16", index);
	if (length > sizeof(ring->table))
		return ring_bad(ring, "an indirect table is too long", index);
	if (ring_wraps(addr, length))
		return ring_bad(ring, "an indirect table's address wraps", index);
	error = vs_memory_read(ring->memory, addr, ring->table, length);
	return error ? ring_failed(ring, error, "an indirect table cannot be read", index) : 0;
}

static int walk_table(struct vs_ring *ring, struct vsp_chain *chain,
		      const struct vring_desc *desc, u16 index)
{
	u32 entries = le32_to_cpu((__force __le32)desc->len) / sizeof(struct vring_desc);
	u32 at = 0;
	u16 flags;
	int error;

	error = read_table(ring, desc, index);
	if (error)
		return error;
	for (u32 count = 0; count < entries; count++) {
		flags = le16_to_cpu((__force __le16)ring->table[at].flags);
		if (flags & VRING_DESC_F_INDIRECT)
			return ring_bad(ring, "an indirect table has an indirect descriptor",
					index);
		error = add_segment(ring, chain, &ring->table[at], index);
		if (error)
			return error;
		if (!(flags & VRING_DESC_F_NEXT))
			return 0;
		at = le16_to_cpu((__force __le16)ring->table[at].next);
		if (at >= entries)
			return ring_bad(ring, "a next index is outside of its indirect table",
					index);
	}
	return ring_bad(ring, "an indirect table has no end", index);
}

static int walk_chain(struct vs_ring *ring, struct vsp_chain *chain)
{
	struct vring_desc desc;
	u16 at = chain->head;
	u16 flags;
	int error;

	for (u32 count = 0; count < ring->layout.size; count++) {
		error = vs_memory_read(ring->memory, ring->layout.desc + at * sizeof(desc),
				       &desc, sizeof(desc));
		if (error)
			return ring_failed(ring, error, "a descriptor cannot be read", at);
		flags = le16_to_cpu((__force __le16)desc.flags);
		if (flags & VRING_DESC_F_INDIRECT)
			return walk_table(ring, chain, &desc, at);
		error = add_segment(ring, chain, &desc, at);
		if (error)
			return error;
		if (!(flags & VRING_DESC_F_NEXT))
			return 0;
		at = le16_to_cpu((__force __le16)desc.next);
		if (at >= ring->layout.size)
			return ring_bad(ring, "a next index is outside of the ring", at);
	}
	return ring_bad(ring, "a chain has no end", at);
}

/**
 * vs_ring_peek() - copy the next chain, and leave it in the ring
 * @ring: started
 * @chain: the copy; valid on success only
 *
 * Return: 0; -EAGAIN: there is none, and the driver will kick; -EIO: the ring is
 * bad; -EINTR: this thread is being killed.
 */
int vs_ring_peek(struct vs_ring *ring, struct vsp_chain *chain)
{
	u16 head;
	int error;

	ring->peeked = false;
	if (ring->reason)
		return -EIO;
	error = ring_look(ring);
	if (error)
		return error;
	error = vs_memory_read16(ring->memory, ring->layout.avail +
				 offsetof(struct vring_avail, ring) +
				 ring_slot(ring, ring->next_avail) * sizeof(__virtio16), &head);
	if (error)
		return ring_failed(ring, error, "an available entry cannot be read",
				   ring->next_avail);
	if (head >= ring->layout.size)
		return ring_bad(ring, "a head is outside of the ring", head);
	if (test_bit(head, ring->in_flight))
		return ring_bad(ring, "a head is in use already", head);
	chain->head = head;
	chain->readable = 0;
	chain->writable = 0;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	error = walk_chain(ring, chain);
	if (error)
		return error;
	ring->head = head;
	ring->head_room = min_t(u64, chain->writable_bytes, U32_MAX);
	ring->peeked = true;
	return 0;
}

/**
 * vs_ring_consume() - take the chain that was last peeked
 * @ring: vs_ring_peek() has succeeded, and nothing was consumed since
 */
void vs_ring_consume(struct vs_ring *ring)
{
	if (WARN_ON_ONCE(!ring->peeked))
		return;
	ring->peeked = false;
	__set_bit(ring->head, ring->in_flight);
	ring->room[ring->head] = ring->head_room;
	ring->next_avail++;
}

/**
 * vs_ring_forget() - a consumed chain is done with, and its driver is not told
 * @ring: it was consumed from
 * @head: of the chain
 *
 * Return: whether it was in flight at all; else a warning says so.
 */
bool vs_ring_forget(struct vs_ring *ring, u16 head)
{
	return !WARN_ON_ONCE(head >= VS_RING_SIZE_MAX ||
			     !__test_and_clear_bit(head, ring->in_flight));
}

/* Writes what is in @used: in one piece, but at the end of the ring in two. */
static int write_used(struct vs_ring *ring)
{
	const struct vring_used_elem *used = ring->used;
	unsigned int left = (u16)(ring->next_used - ring->written_used), step;
	u16 slot;
	int error;

	for (; left; left -= step, used += step) {
		slot = ring_slot(ring, ring->written_used);
		step = min(left, ring->layout.size - slot);
		error = vs_memory_write(ring->memory, ring->layout.used +
					offsetof(struct vring_used, ring) + slot * sizeof(*used),
					used, step * sizeof(*used));
		if (error) {
			/* What is left is the first there is, if it is tried again. */
			memmove(ring->used, used, left * sizeof(*used));
			return ring_failed(ring, error, "a used entry cannot be written", slot);
		}
		ring->written_used += step;
	}
	return 0;
}

/**
 * vs_ring_complete() - give a consumed chain back; seen with vs_ring_flush()
 * @ring: it was consumed from
 * @head: of the chain
 * @written: bytes written to its writable part, from the start and without gaps
 */
void vs_ring_complete(struct vs_ring *ring, u16 head, u32 written)
{
	struct vring_used_elem *used;

	if (!vs_ring_forget(ring, head) || ring->reason)
		return;
	if ((u16)(ring->next_used - ring->written_used) == VS_RING_BATCH && write_used(ring))
		return;
	used = &ring->used[(u16)(ring->next_used - ring->written_used)];
	used->id = (__force __virtio32)cpu_to_le32(head);
	used->len = (__force __virtio32)cpu_to_le32(min(written, ring->room[head]));
	ring->next_used++;
}

static bool wants_call(struct vs_ring *ring, u16 old)
{
	u16 value;

	/* Who has just taken over the ring may have missed one. */
	if (!ring->called)
		return true;
	if (ring->layout.event_idx) {
		if (vs_memory_read16(ring->memory, used_event(ring), &value))
			return true;
		return vring_need_event(value, ring->next_used, old);
	}
	if (vs_memory_read16(ring->memory,
			     ring->layout.avail + offsetof(struct vring_avail, flags), &value))
		return true;
	return !(value & VRING_AVAIL_F_NO_INTERRUPT);
}

/**
 * vs_ring_flush() - show the driver what was completed
 * @ring: started
 *
 * Return: whether the driver wants to be called.
 */
bool vs_ring_flush(struct vs_ring *ring)
{
	u16 old = ring->shown_used;
	int error;
	bool call;

	if (ring->reason || old == ring->next_used || write_used(ring))
		return false;
	/* The entries first, then the index that shows them. */
	virt_wmb();
	error = vs_memory_write16(ring->memory,
				  ring->layout.used + offsetof(struct vring_used, idx),
				  ring->next_used);
	if (error) {
		ring_failed(ring, error, "its used index cannot be written", ring->next_used);
		return false;
	}
	ring->shown_used = ring->next_used;
	/* The index first, then whether the driver still wants to be called. */
	virt_mb();
	call = wants_call(ring, old);
	ring->called = true;
	return call;
}
