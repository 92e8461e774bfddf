// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver's memory, as the host end of a channel gets at it.
 *
 * Either the driver's addresses are those of a VMM's guest, and lead through the
 * regions that the VMM has declared to addresses of its own user space: then only
 * the VMM's own threads can follow them, by user copies, and nothing is pinned for
 * long.  Such a copy takes no page fault by itself: see backing.c.  Or the driver is of
 * this very kernel, and they are physical addresses.
 */
#include <linux/bvec.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "channel/host/ring.h"

#define PIN_BATCH	16u	/* pages at a time */
#define FAULTS_MAX	16	/* of one page, before its copy is given up: reclaim is that fast */

/**
 * vs_memory_init() - begin with no region
 * @memory: to be initialised
 * @name: for the log; must live as long as @memory
 * @direct: addresses are physical
 */
void vs_memory_init(struct vs_memory *memory, const char *name, bool direct)
{
	memory->name = name;
	memory->direct = direct;
	memory->mm = NULL;
	memory->hinted = false;
	memory->refused = false;
	ratelimit_state_init(&memory->ratelimit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(&memory->ratelimit, RATELIMIT_MSG_ON_RELEASE);
	spin_lock_init(&memory->lock);
	vhost_iotlb_init(&memory->iotlb, VS_MEMORY_REGIONS_MAX, 0);
}

/**
 * vs_memory_clear() - forget all regions
 * @memory: initialised
 */
void vs_memory_clear(struct vs_memory *memory)
{
	spin_lock(&memory->lock);
	vhost_iotlb_reset(&memory->iotlb);
	memory->hinted = false;
	memory->refused = false;
	spin_unlock(&memory->lock);
}

/**
 * vs_memory_map() - add a region
 * @memory: initialised
 * @addr: first address as the driver says it
 * @size: bytes
 * @user: the VMM's address of the first byte; not looked at before it is used
 * @perm: VHOST_MAP_RO, _WO or _RW
 *
 * Context: the VMM's mmap_lock may be held.
 * Return: 0, -EINVAL (the region wraps), -ENOSPC (too many) or -ENOMEM.
 */
int vs_memory_map(struct vs_memory *memory, u64 addr, u64 size, u64 user, u32 perm)
{
	int error;

	if (!size || addr + (size - 1) < addr || user + (size - 1) < user)
		return -EINVAL;
	spin_lock(&memory->lock);
	error = vhost_iotlb_add_range(&memory->iotlb, addr, addr + (size - 1), user, perm);
	spin_unlock(&memory->lock);
	return error;
}

/**
 * vs_memory_unmap() - take regions away
 * @memory: initialised
 * @addr: every region that has a byte of the range goes
 * @size: bytes of the range
 *
 * Does not wait for those who are using an address that they have already
 * translated: it is one of the VMM's own address space, or no longer there.
 *
 * Context: the VMM's mmap_lock may be held.
 */
void vs_memory_unmap(struct vs_memory *memory, u64 addr, u64 size)
{
	if (!size)
		return;
	spin_lock(&memory->lock);
	vhost_iotlb_del_range(&memory->iotlb, addr, addr + min(size - 1, U64_MAX - addr));
	spin_unlock(&memory->lock);
}

/**
 * vs_memory_reachable() - whether the calling thread can get at it
 * @memory: initialised
 *
 * A thread that closes the device may be of another process, or may have lost
 * its own memory already (exit); user addresses then mean something else.
 */
bool vs_memory_reachable(const struct vs_memory *memory)
{
	return memory->direct || (memory->mm && memory->mm == current->mm);
}

static void memory_hint(struct vs_memory *memory, u64 addr)
{
	if (!__ratelimit(&memory->ratelimit))
		return;
	pr_warn("vsp: %s: guest RAM is not shared with the host's kernel, or its driver has made up address %#llx: start the VM with -object memory-backend-memfd,id=ram,size=SIZE,share=on -machine memory-backend=ram\n",
		memory->name, addr);
}

/* How much of @length at @addr lies in one piece, and where. */
static int memory_translate(struct vs_memory *memory, u64 addr, u64 length, u32 perm,
			    void __user **user, size_t *piece)
{
	struct vhost_iotlb_map *map;
	bool missing = false;
	u64 at = 0;

	if (!vs_memory_reachable(memory))
		return -EFAULT;
	*piece = 0;
	spin_lock(&memory->lock);
	map = vhost_iotlb_itree_first(&memory->iotlb, addr, addr);
	if (!map) {
		missing = !memory->hinted;
		memory->hinted = true;
	} else if (map->perm & perm) {
		at = map->addr + (addr - map->start);
		*piece = min(length - 1, map->last - addr) + 1;
	}
	spin_unlock(&memory->lock);
	if (missing)
		memory_hint(memory, addr);
	*user = u64_to_user_ptr(at);
	return *piece && access_ok(*user, *piece) ? 0 : -EFAULT;
}

/* A page of this kernel: mapped until kunmap_local(). */
static void *map_direct(u64 addr, u64 length, size_t *piece)
{
	if (!pfn_valid(PHYS_PFN(addr)))
		return NULL;
	*piece = min_t(u64, length, PAGE_SIZE - offset_in_page(addr));
	return kmap_local_page(pfn_to_page(PHYS_PFN(addr))) + offset_in_page(addr);
}

/* Of one page. */
static int copy_user(struct vs_memory *memory, void __user *user, void *bytes, size_t length,
		     u32 perm)
{
	bool write = perm == VHOST_MAP_WO;
	int error = 0;

	for (unsigned int i = 0; i < FAULTS_MAX && !error; i++) {
		if (write ? !copy_to_user_nofault(user, bytes, length) :
			    !copy_from_user_nofault(bytes, user, length))
			return 0;
		error = vs_backing_fault(memory, user, write);
	}
	return error ?: -EFAULT;
}

static int copy_piece(struct vs_memory *memory, u64 addr, void *bytes, size_t length, u32 perm,
		      size_t *piece)
{
	void __user *user;
	void *page;
	int error;

	if (memory->direct) {
		page = map_direct(addr, length, piece);
		if (!page)
			return -EFAULT;
		if (perm == VHOST_MAP_RO)
			memcpy(bytes, page, *piece);
		else
			memcpy(page, bytes, *piece);
		kunmap_local(page);
		return 0;
	}
	error = memory_translate(memory, addr, length, perm, &user, piece);
	if (error)
		return error;
	*piece = min(*piece, PAGE_SIZE - offset_in_page(user));
	return copy_user(memory, user, bytes, *piece, perm);
}

static int memory_copy(struct vs_memory *memory, u64 addr, void *bytes, size_t length, u32 perm)
{
	size_t piece;
	int error;

	for (; length; length -= piece, addr += piece, bytes += piece) {
		error = copy_piece(memory, addr, bytes, length, perm, &piece);
		if (error)
			return error;
	}
	return 0;
}

/**
 * vs_memory_read() - copy out of the driver's memory
 * @memory: initialised
 * @addr: as the driver says it; @addr + @length must not wrap
 * @to: room for @length bytes
 * @length: bytes; may be 0
 *
 * Context: as for copy_from_user(); a thread of the VMM, unless direct.
 * Return: 0; -EFAULT: not all of it is there for reading; -EINTR: this thread is
 * being killed.
 */
int vs_memory_read(struct vs_memory *memory, u64 addr, void *to, size_t length)
{
	return memory_copy(memory, addr, to, length, VHOST_MAP_RO);
}

/**
 * vs_memory_write() - copy into the driver's memory
 * @memory: initialised
 * @addr: as the driver says it; @addr + @length must not wrap
 * @from: @length bytes
 * @length: bytes; may be 0
 *
 * Context and return: as of vs_memory_read(). After an error some may be written.
 */
int vs_memory_write(struct vs_memory *memory, u64 addr, const void *from, size_t length)
{
	return memory_copy(memory, addr, (void *)from, length, VHOST_MAP_WO);
}

/* Two bytes that are read or written at once must lie in one piece. */
static int memory_translate16(struct vs_memory *memory, u64 addr, u32 perm, u16 __user **user)
{
	void __user *at;
	size_t piece;
	int error;

	error = memory_translate(memory, addr, sizeof(u16), perm, &at, &piece);
	if (error)
		return error;
	if (piece < sizeof(u16) || !IS_ALIGNED((unsigned long)at, sizeof(u16)))
		return -EFAULT;
	*user = at;
	return 0;
}

static int memory_get16(struct vs_memory *memory, u16 __user *user, u16 *raw)
{
	int error = 0;
	bool missed;

	for (unsigned int i = 0; i < FAULTS_MAX && !error; i++) {
		pagefault_disable();
		missed = __get_user(*raw, user);
		pagefault_enable();
		if (!missed)
			return 0;
		error = vs_backing_fault(memory, user, false);
	}
	return error ?: -EFAULT;
}

static int memory_put16(struct vs_memory *memory, u16 __user *user, u16 raw)
{
	int error = 0;
	bool missed;

	for (unsigned int i = 0; i < FAULTS_MAX && !error; i++) {
		pagefault_disable();
		missed = __put_user(raw, user);
		pagefault_enable();
		if (!missed)
			return 0;
		error = vs_backing_fault(memory, user, true);
	}
	return error ?: -EFAULT;
}

/**
 * vs_memory_read16() - read an index or flags of a ring, untorn
 * @memory: initialised
 * @addr: even
 * @value: in this machine's byte order
 *
 * Context and return: as of vs_memory_read().
 */
int vs_memory_read16(struct vs_memory *memory, u64 addr, u16 *value)
{
	u16 __user *user;
	size_t piece;
	__le16 *page;
	u16 raw;
	int error;

	if (memory->direct) {
		page = map_direct(addr, sizeof(raw), &piece);
		if (!page)
			return -EFAULT;
		*value = le16_to_cpu(READ_ONCE(*page));
		kunmap_local(page);
		return 0;
	}
	error = memory_translate16(memory, addr, VHOST_MAP_RO, &user);
	if (error)
		return error;
	error = memory_get16(memory, user, &raw);
	if (!error)
		*value = le16_to_cpu((__force __le16)raw);
	return error;
}

/**
 * vs_memory_write16() - write an index or flags of a ring, untorn
 * @memory: initialised
 * @addr: even
 * @value: in this machine's byte order
 *
 * Context and return: as of vs_memory_write().
 */
int vs_memory_write16(struct vs_memory *memory, u64 addr, u16 value)
{
	__le16 raw = cpu_to_le16(value);
	u16 __user *user;
	size_t piece;
	__le16 *page;
	int error;

	if (memory->direct) {
		page = map_direct(addr, sizeof(raw), &piece);
		if (!page)
			return -EFAULT;
		WRITE_ONCE(*page, raw);
		kunmap_local(page);
		return 0;
	}
	error = memory_translate16(memory, addr, VHOST_MAP_WO, &user);
	if (error)
		return error;
	return memory_put16(memory, user, (__force u16)raw);
}

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

/* Vectors for as much of @length at @addr as lies in one piece; see make_vectors(). */
static int make_piece(struct vs_memory *memory, u64 addr, u64 length, u32 perm,
		      struct vsp_payload *payload, unsigned int room, size_t *piece)
{
	unsigned int needed = 1;
	void __user *user;
	int error;

	if (memory->direct) {
		/* The driver is this kernel: what it calls one segment, is one. */
		if (!pfn_valid(PHYS_PFN(addr)) || !pfn_valid(PHYS_PFN(addr + length - 1)))
			return -EFAULT;
		*piece = length;
	} else {
		error = memory_translate(memory, addr, length, perm, &user, piece);
		if (error)
			return error;
		needed = pages_of(user, *piece);
	}
	if (needed > room - payload->count)
		return -E2BIG;
	if (payload->bvec && !memory->direct)
		return memory_pin(memory, user, *piece, payload);
	if (payload->bvec)
		bvec_set_page(&payload->bvec[payload->count], pfn_to_page(PHYS_PFN(addr)), length,
			      offset_in_page(addr));
	payload->count += needed;
	return 0;
}

/* Fills payload's vectors, at most @room, or, while there are none, only counts them. */
static int make_vectors(struct vs_memory *memory, const struct vsp_segment *segment, u32 perm,
			u64 offset, size_t length, struct vsp_payload *payload, unsigned int room)
{
	size_t piece, left;
	u64 addr;
	int error;

	payload->count = 0;
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

/**
 * vs_memory_payload() - an iov_iter over some of a chain's segments
 * @memory: initialised
 * @segment: the first; together they have at least @offset + @length bytes
 * @direction: ITER_SOURCE to read the driver's memory, ITER_DEST to write it
 * @offset: bytes to leave out
 * @length: bytes, not 0
 * @payload: takes the vectors, for vs_memory_payload_free(); empty after an error, when
 *	freeing it does nothing
 * @iter: over them; not set after an error
 *
 * Context: a thread of the VMM, unless direct; may sleep, for as long as the VMM likes.
 * Return: 0; -EFAULT: some of it is not there, or not for this direction;
 * -EINTR: this thread is being killed; -E2BIG: in too many pieces; -ENOMEM.
 */
int vs_memory_payload(struct vs_memory *memory, const struct vsp_segment *segment, int direction,
		      u64 offset, size_t length, struct vsp_payload *payload,
		      struct iov_iter *iter)
{
	u32 perm = direction == ITER_SOURCE ? VHOST_MAP_RO : VHOST_MAP_WO;
	unsigned int count;
	int error;

	*payload = (struct vsp_payload){
		.pinned = !memory->direct,
		.written = direction == ITER_DEST,
	};
	error = make_vectors(memory, segment, perm, offset, length, payload,
			     VS_MEMORY_VECTORS_MAX);
	if (error)
		goto free;
	count = payload->count;
	error = -ENOMEM;
	payload->bvec = kmalloc_array(count, sizeof(struct bio_vec), GFP_KERNEL);
	if (!payload->bvec)
		goto free;
	error = make_vectors(memory, segment, perm, offset, length, payload, count);
	/* The VMM may have changed its regions meanwhile. */
	if (error == -E2BIG)
		error = -EFAULT;
	if (error)
		goto free;
	iov_iter_bvec(iter, direction, payload->bvec, payload->count, length);
	return 0;

free:
	vs_memory_payload_free(payload);
	return error;
}

/**
 * vs_memory_payload_free() - let go of what vs_memory_payload() has taken
 * @payload: of any such call, even one that has failed; or zeroed, or freed before
 *
 * Context: process; may sleep.
 */
void vs_memory_payload_free(struct vsp_payload *payload)
{
	/* Without vectors, @count is only how many there would have been. */
	if (payload->pinned && payload->bvec)
		for (unsigned int i = 0; i < payload->count; i++)
			unpin_user_pages_dirty_lock(&payload->bvec[i].bv_page, 1,
						    payload->written);
	kfree(payload->bvec);
	memset(payload, 0, sizeof(*payload));
}
