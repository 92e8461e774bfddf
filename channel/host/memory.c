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
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/uaccess.h>

#include "channel/host/ring.h"

#define FAULTS_MAX	16	/* of one page, before its copy is given up: reclaim is that fast */

/* ---- Regions ---- */

/* Nothing is remembered of a region that may be no more, or no more the first at an address. */
static void recent_forget(struct vs_memory *memory)
{
	lockdep_assert_held(&memory->lock);
	write_seqcount_begin(&memory->sequence);
	for (unsigned int i = 0; i < VS_MEMORY_RECENT; i++)
		memory->recent[i] = (struct vs_memory_region){ .start = 1 };
	write_seqcount_end(&memory->sequence);
}

static void recent_add(struct vs_memory *memory, const struct vs_memory_region *region)
{
	lockdep_assert_held(&memory->lock);
	write_seqcount_begin(&memory->sequence);
	memory->recent[memory->oldest++ % VS_MEMORY_RECENT] = *region;
	write_seqcount_end(&memory->sequence);
}

static bool recent_find(const struct vs_memory *memory, u64 addr, struct vs_memory_region *region)
{
	unsigned int sequence;
	bool found;

	do {
		sequence = read_seqcount_begin(&memory->sequence);
		found = false;
		for (unsigned int i = 0; i < VS_MEMORY_RECENT && !found; i++) {
			*region = memory->recent[i];
			found = addr >= region->start && addr <= region->last;
		}
	} while (read_seqcount_retry(&memory->sequence, sequence));
	return found;
}

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
	seqcount_spinlock_init(&memory->sequence, &memory->lock);
	memory->oldest = 0;
	spin_lock(&memory->lock);
	recent_forget(memory);
	spin_unlock(&memory->lock);
}

/**
 * vs_memory_clear() - forget all regions
 * @memory: initialised
 */
void vs_memory_clear(struct vs_memory *memory)
{
	spin_lock(&memory->lock);
	vhost_iotlb_reset(&memory->iotlb);
	recent_forget(memory);
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
	recent_forget(memory);
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
	recent_forget(memory);
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

/* The slow way; what it finds is found without the lock the next time. */
static bool memory_find(struct vs_memory *memory, u64 addr, struct vs_memory_region *region)
{
	struct vhost_iotlb_map *map;
	bool missing = false;

	spin_lock(&memory->lock);
	map = vhost_iotlb_itree_first(&memory->iotlb, addr, addr);
	if (map) {
		*region = (struct vs_memory_region){ map->start, map->last, map->addr, map->perm };
		recent_add(memory, region);
	} else {
		missing = !memory->hinted;
		memory->hinted = true;
	}
	spin_unlock(&memory->lock);
	if (missing)
		memory_hint(memory, addr);
	return map;
}

/**
 * vs_memory_translate() - how much lies in one piece, and where?
 * @memory: initialised; not direct
 * @addr: as the driver says it
 * @length: bytes, not 0
 * @perm: VHOST_MAP_RO to read, VHOST_MAP_WO to write
 * @user: takes the VMM's address
 * @piece: takes the number of bytes, 1..@length
 *
 * Context: any.
 * Return: 0; -EFAULT: it is not there, or not for that.
 */
int vs_memory_translate(struct vs_memory *memory, u64 addr, u64 length, u32 perm,
			void __user **user, size_t *piece)
{
	struct vs_memory_region region;

	if (!vs_memory_reachable(memory))
		return -EFAULT;
	if (!recent_find(memory, addr, &region) && !memory_find(memory, addr, &region))
		return -EFAULT;
	if (!(region.perm & perm))
		return -EFAULT;
	*user = u64_to_user_ptr(region.user + (addr - region.start));
	*piece = min(length - 1, region.last - addr) + 1;
	return access_ok(*user, *piece) ? 0 : -EFAULT;
}

/* ---- Copies ---- */

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
	error = vs_memory_translate(memory, addr, length, perm, &user, piece);
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

	error = vs_memory_translate(memory, addr, sizeof(u16), perm, &at, &piece);
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
