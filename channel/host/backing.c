// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guest RAM may be made of.
 *
 * A page fault on guest RAM is served by whatever the VMM has mapped there. On a file of
 * FUSE, or of a network file system, it waits for a process or a machine that need not ever
 * answer, and no signal ends that wait: the mover would hold its mutex for as long, and the
 * VMM could not be killed. So guest RAM is anonymous memory, a DAX device, or a file of a
 * file system on the list below; the rest is a hole in the guest's memory. That is checked
 * when the VMM declares memory, and again before each fault, since it can map something
 * else in the same place.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "channel/host/ring.h"

/* Their faults wait for a local device at most, and can be killed meanwhile. */
static const unsigned long allowed_magic[] = {
	TMPFS_MAGIC, HUGETLBFS_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
};

static bool is_allowed(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	/* The node of any device is in a tmpfs: that says nothing of its memory. */
	if (!S_ISREG(inode->i_mode))
		return IS_DAX(inode);
	for (unsigned int i = 0; i < ARRAY_SIZE(allowed_magic); i++)
		if (inode->i_sb->s_magic == allowed_magic[i])
			return true;
	return false;
}

/* Once, until the VMM has closed the device. */
static void backing_tell(struct vs_memory *memory, const struct file *file)
{
	bool told;

	spin_lock(&memory->lock);
	told = memory->refused;
	memory->refused = true;
	spin_unlock(&memory->lock);
	if (told || !__ratelimit(&memory->ratelimit))
		return;
	pr_warn("vsp: %s: guest RAM is a file of file system %s (magic %#lx), where a page fault may wait for ever: it is not used, and requests that need it fail: start the VM with -object memory-backend-memfd,id=ram,size=SIZE,share=on -machine memory-backend=ram (or a file on tmpfs, hugetlbfs, ext4, XFS or btrfs)\n",
		memory->name, file_inode(file)->i_sb->s_type->name,
		file_inode(file)->i_sb->s_magic);
}

/**
 * vs_backing_check() - may a file be guest RAM?
 * @memory: whose regions it is to be in
 * @file: what the VMM has mapped; kept by the caller for as long as the region
 *
 * A file that can keep the device's own file open in turn (an io_uring) would make a
 * circle, which no exit of the VMM opens: its contract would be charged for ever.
 *
 * Context: the VMM's mmap_lock may be held.
 * Return: 0; -EOPNOTSUPP: its addresses must be a hole, which the log has been told; -EINVAL:
 * the caller must not even keep it.
 */
int vs_backing_check(struct vs_memory *memory, const struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	if (!S_ISREG(mode) && !S_ISCHR(mode))
		return -EINVAL;
	if (is_allowed(file))
		return 0;
	backing_tell(memory, file);
	return -EOPNOTSUPP;
}

/* The mapping at @at, if faults on it may be waited for. The VMM's mmap_lock is held. */
static struct vm_area_struct *backing_lookup(struct vs_memory *memory, unsigned long at)
{
	struct vm_area_struct *vma = vma_lookup(memory->mm, at);

	if (!vma || vma_is_anonymous(vma))
		return vma;
	if (!vma->vm_file)
		return NULL;
	return vs_backing_check(memory, vma->vm_file) ? NULL : vma;
}

/**
 * vs_backing_fault() - have a page of guest RAM faulted in
 * @memory: not direct; reachable
 * @user: an address in it
 * @write: for writing
 *
 * A fault that has to wait lets go of the lock, and looks the mapping up again by itself:
 * who changes it just then can have the wrong file faulted in, on its own account.
 *
 * Context: a thread of the VMM; may sleep, killably.
 * Return: 0: try again; -EFAULT: it is not there, or not to be used; -EINTR: this thread is
 * being killed.
 */
int vs_backing_fault(struct vs_memory *memory, const void __user *user, bool write)
{
	unsigned long at = (unsigned long)user;
	bool unlocked = false;
	int error = -EFAULT;

	if (mmap_read_lock_killable(memory->mm))
		return -EINTR;
	if (backing_lookup(memory, at))
		error = fixup_user_fault(memory->mm, at, write ? FAULT_FLAG_WRITE : 0, &unlocked);
	mmap_read_unlock(memory->mm);
	if (!error)
		return 0;
	return fatal_signal_pending(current) ? -EINTR : -EFAULT;
}

/**
 * vs_backing_pin() - pin some pages of guest RAM
 * @memory: not direct; reachable
 * @start: of the first page
 * @count: pages, not 0
 * @write: for writing
 * @pages: takes them
 *
 * Context: as of vs_backing_fault().
 * Return: how many it has pinned, at least 1, all of one mapping; or as vs_backing_fault().
 */
int vs_backing_pin(struct vs_memory *memory, unsigned long start, unsigned int count, bool write,
		   struct page **pages)
{
	struct vm_area_struct *vma;
	long pinned = -EFAULT;
	int locked = 1;

	if (mmap_read_lock_killable(memory->mm))
		return -EINTR;
	vma = backing_lookup(memory, start);
	if (vma) {
		count = min_t(unsigned long, count, (vma->vm_end - start) >> PAGE_SHIFT);
		pinned = pin_user_pages_remote(memory->mm, start, count, write ? FOLL_WRITE : 0,
					       pages, &locked);
	}
	if (locked)
		mmap_read_unlock(memory->mm);
	if (pinned > 0)
		return pinned;
	return fatal_signal_pending(current) ? -EINTR : -EFAULT;
}
