// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages behind a part of a chain, for I/O that moves them in place.
 *
 * Those of a VMM are pinned for as long as the I/O takes.  A small payload has room for its
 * vectors in itself, so that it takes no allocation; each address is translated once.
 */
#include <linux/bvec.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "channel/host/ring.h"

#define PIN_BATCH	16u	/* pages at a time */

/* How many pages there are to a piece of user memory. */
static unsigned int pages_of(const void __user *user, size_t length)
{
	return DIV_ROUND_UP(offset_in_page(user) + length, PAGE_SIZE);
}

/*
 * Pins a piece of user memory, a vector for each page.  Here a fault may wait for as long
 * as the VMM likes; who uses the payload may hold locks of the source, and must not.
 */
static int memory_pin(struct vs_memory *memory, void __user *user, size_t length,
		      struct vsp_payload *payload)
{
	unsigned int offset = offset_in_page(user);
	unsigned long start = (unsigned long)user - offset;
	struct page *pages[PIN_BATCH];
	unsigned int step;
	int pinned;

	while (length) {
		pinned = vs_backing_pin(memory, start,
					min(pages_of((void __user *)(start + offset), length),
					    PIN_BATCH), payload->written, pages);
		if (pinned < 0)
			return pinned;
		start += (unsigned long)pinned << PAGE_SHIFT;
		for (int i = 0; i < pinned; i++) {
			step = min_t(size_t, PAGE_SIZE - offset, length);
			bvec_set_page(&payload->bvec[payload->count++], pages[i], step, offset);
			length -= step;
			offset = 0;
		}
	}
	return 0;
}

/* Adds vectors for as much of @length at @addr as lies in one piece. */
static int make_piece(struct vs_memory *memory, u64 addr, u64 length, u32 perm,
		      struct vsp_payload *payload, unsigned int room, size_t *piece)
{
	void __user *user;
	int error;

	if (payload->count == room)
		return -E2BIG;
	if (memory->direct) {
		/* The driver is this kernel: what it calls one segment, is one. */
		if (!pfn_valid(PHYS_PFN(addr)) || !pfn_valid(PHYS_PFN(addr + length - 1)))
			return -EFAULT;
		*piece = length;
		bvec_set_page(&payload->bvec[payload->count++], pfn_to_page(PHYS_PFN(addr)),
			      length, offset_in_page(addr));
		return 0;
	}
	error = vs_memory_translate(memory, addr, length, perm, &user, piece);
	if (error)
		return error;
	if (pages_of(user, *piece) > room - payload->count)
		return -E2BIG;
	return memory_pin(memory, user, *piece, payload);
}

/* Fills payload's vectors, at most @room. */
static int make_vectors(struct vs_memory *memory, const struct vsp_segment *segment, u32 perm,
			u64 offset, size_t length, struct vsp_payload *payload, unsigned int room)
{
	size_t piece, left;
	u64 addr;
	int error;

	for (; length; segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		addr = segment->addr + offset;
		left = min_t(u64, segment->length - offset, length);
		length -= left;
		offset = 0;
		for (; left; left -= piece, addr += piece) {
			error = make_piece(memory, addr, left, perm, payload, room, &piece);
			if (error)
				return error;
		}
	}
	return 0;
}

/* So many vectors suffice if each segment lies in one region; see make_vectors(). */
static unsigned int most_vectors(const struct vs_memory *memory, const struct vsp_segment *segment,
				 u64 offset, size_t length)
{
	unsigned int most = 0;
	size_t piece;

	for (; length; segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		piece = min_t(u64, segment->length - offset, length);
		/* Wherever in a page it begins. */
		most += memory->direct ? 1 : DIV_ROUND_UP(piece, PAGE_SIZE) + 1;
		length -= piece;
		offset = 0;
	}
	return clamp(most, VSP_PAYLOAD_FEW, VS_MEMORY_VECTORS_MAX);
}

static int fill_payload(struct vs_memory *memory, const struct vsp_segment *segment, u32 perm,
			u64 offset, size_t length, struct vsp_payload *payload, unsigned int room)
{
	/* A client of this kernel may be what memory is freed by: there is another way for it. */
	gfp_t gfp = memory->direct ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL;
	int error = -ENOMEM;

	payload->count = 0;
	payload->pinned = !memory->direct;
	payload->written = perm == VHOST_MAP_WO;
	payload->bvec = payload->few;
	if (room > VSP_PAYLOAD_FEW)
		payload->bvec = kmalloc_array(room, sizeof(struct bio_vec), gfp);
	if (payload->bvec)
		error = make_vectors(memory, segment, perm, offset, length, payload, room);
	if (error)
		vs_payload_free(payload);
	return error;
}

/**
 * vs_payload_make() - an iov_iter over some of a chain's segments
 * @memory: initialised
 * @segment: the first; together they have at least @offset + @length bytes
 * @direction: ITER_SOURCE to read the driver's memory, ITER_DEST to write it
 * @offset: bytes to leave out
 * @length: bytes, not 0
 * @payload: takes the vectors, for vs_payload_free(); empty after an error, when
 *	freeing it does nothing
 * @iter: over them; not set after an error
 *
 * Context: a thread of the VMM, unless direct; may sleep, for as long as the VMM likes.
 * Return: 0; -EFAULT: some of it is not there, or not for this direction;
 * -EINTR: this thread is being killed; -E2BIG: in too many pieces; -ENOMEM.
 */
int vs_payload_make(struct vs_memory *memory, const struct vsp_segment *segment, int direction,
		    u64 offset, size_t length, struct vsp_payload *payload,
		    struct iov_iter *iter)
{
	u32 perm = direction == ITER_SOURCE ? VHOST_MAP_RO : VHOST_MAP_WO;
	unsigned int room = most_vectors(memory, segment, offset, length);
	int error;

	error = fill_payload(memory, segment, perm, offset, length, payload, room);
	/* The VMM's regions are smaller than a segment. */
	if (error == -E2BIG && room < VS_MEMORY_VECTORS_MAX)
		error = fill_payload(memory, segment, perm, offset, length, payload,
				     VS_MEMORY_VECTORS_MAX);
	if (!error)
		iov_iter_bvec(iter, direction, payload->bvec, payload->count, length);
	return error;
}

/* By folios: pages of one are let go of at once. */
static void payload_unpin(const struct vsp_payload *payload)
{
	struct page *pages[PIN_BATCH];
	unsigned int count = 0;

	for (unsigned int i = 0; i < payload->count; i++) {
		pages[count++] = payload->bvec[i].bv_page;
		if (count < PIN_BATCH && i < payload->count - 1)
			continue;
		unpin_user_pages_dirty_lock(pages, count, payload->written);
		count = 0;
	}
}

/**
 * vs_payload_free() - let go of what vs_payload_make() has taken
 * @payload: of any such call, even one that has failed; or zeroed, or freed before
 *
 * Context: process; may sleep.
 */
void vs_payload_free(struct vsp_payload *payload)
{
	if (payload->pinned)
		payload_unpin(payload);
	if (payload->bvec != payload->few)
		kfree(payload->bvec);
	payload->bvec = NULL;
	payload->count = 0;
	payload->pinned = false;
}
