// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a file has to be so that it can keep a disk: allocated once, and overwritten
 * where it is.
 *
 * A file system that copies on write needs free space for each overwrite, so there a
 * block that is allocated promises nothing.  The flag no-copy-on-write is what makes it
 * a promise.  btrfs takes that flag for an empty file only, and with it leaves out its
 * checksums, which would be wrong whenever a client changes a page that is being
 * written.  Where the flag cannot be had, the file is refused.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/dcache.h>
#include <linux/falloc.h>
#include <linux/fileattr.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/minmax.h>
#include <linux/mount.h>
#include <linux/sizes.h>
#include <linux/xattr.h>

#include "vs_class.h"
#include "vs_compat_file.h"
#include "vsp/class.h"
#include "vsp/storage/source.h"

/* Of kernels that have bcachefs, which no header names in all of them. */
#define BCACHEFS_MAGIC	0xca451a4e
/* Bytes asked for at once where a part of them may be allocated already. */
#define FILL_STEP	SZ_16M
/* Extended attribute of a pool's file: "<class>.<name>" of its service, for people. */
#define SERVICE_XATTR	XATTR_USER_PREFIX "vsp.service"

/* ---- Allocation ---- */

/*
 * Are all bytes below the file's end allocated?  The blocks of the file system's own map
 * of the file count here, too: a sparse copy of a disk passes if its holes are smaller
 * than that map.
 */
static bool is_allocated(struct file *file)
{
	struct kstat stat;

	if (vfs_getattr(&file->f_path, &stat, STATX_BLOCKS | STATX_SIZE, 0))
		return false;
	return (u64)stat.blocks << SECTOR_SHIFT >= stat.size;
}

/*
 * In steps: XFS wants as much free space as it is asked for, whatever of that the file
 * has already.
 */
static int fill_holes(struct file *file, u64 from, u64 end)
{
	int error = 0;
	u64 step;

	for (; from < end && !error; from += step) {
		step = min_t(u64, end - from, FILL_STEP);
		error = vfs_fallocate(file, 0, from, step);
		cond_resched();
	}
	return error;
}

/**
 * vsp_storage_file_allocate() - see to it that a range of a file is allocated
 * @file: open for writing, with nothing allocated beyond its end
 * @from: bytes from the start that are known to be allocated
 * @size: bytes that must be
 *
 * What is allocated already is not asked for again: a full file system would refuse
 * it, and stop all I/O to the file meanwhile.  A file with holes has them filled.
 *
 * Context: may sleep.
 * Return: 0; -ENOSPC, or what the file system returns
 */
int vsp_storage_file_allocate(struct file *file, u64 from, u64 size)
{
	u64 end = min_t(u64, i_size_read(file_inode(file)), size);
	int error = 0;

	if (from < end && !is_allocated(file))
		error = fill_holes(file, from, end);
	from = max(from, end);
	if (!error && from < size)
		error = vfs_fallocate(file, 0, from, size - from);
	return error;
}

/* ---- What it is on ---- */

/* One byte is enough to hear that there is no allocating at all. */
static int check_allocates(struct file *file)
{
	bool empty = !i_size_read(file_inode(file));
	int error = vfs_fallocate(file, 0, 0, 1);

	if (empty && !error)
		vfs_truncate(&file->f_path, 0);
	return error == -EOPNOTSUPP ? error : 0;
}

static int set_in_place(struct file *file, u32 flags)
{
	struct file_kattr attributes;
	int error;

	error = mnt_want_write_file(file);
	if (error)
		return error;
	/* To compress is to copy. */
	fileattr_fill_flags(&attributes, (flags & ~FS_COMPR_FL) | FS_NOCOW_FL);
	error = vfs_fileattr_set(file_mnt_idmap(file), file->f_path.dentry, &attributes);
	mnt_drop_write_file(file);
	return error;
}

static bool is_in_place(struct file *file, u32 *flags)
{
	struct file_kattr attributes = {};

	if (vfs_fileattr_get(file->f_path.dentry, &attributes))
		return false;
	*flags = attributes.flags;
	return attributes.flags & FS_NOCOW_FL;
}

/* Return: whether an overwrite takes no new space, for all that the file system says. */
static bool overwrites_in_place(struct file *file)
{
	u32 flags;

	/* Below an overlay it is the file system of the real file that matters. */
	switch (d_real_inode(file->f_path.dentry)->i_sb->s_magic) {
	case BTRFS_SUPER_MAGIC:
		break;
	case BCACHEFS_MAGIC:
		return false;
	default:
		return true;
	}
	if (is_in_place(file, &flags))
		return true;
	return !i_size_read(file_inode(file)) && !set_in_place(file, flags) &&
	       is_in_place(file, &flags);
}

/**
 * vsp_storage_file_check() - can a file keep a disk?
 * @file: open, with the caller's credentials
 * @service: for log lines
 * @owned: the pool has made it, so what it is granted has to be allocated
 *
 * An empty file is made to be overwritten in place.
 *
 * Context: the administrator's process; may sleep.
 * Return: 0, or -EOPNOTSUPP; logged
 */
int vsp_storage_file_check(struct file *file, const struct vsp_service *service, bool owned)
{
	const char *type = d_real_inode(file->f_path.dentry)->i_sb->s_type->name;

	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	if (!overwrites_in_place(file)) {
		pr_err("service %s: %pD: its file system, %s, copies on write, so that allocated space does not suffice for an overwrite: on btrfs, copy the data into a file that chattr +C was used on while it was empty\n",
		       vsp_service_name(service), file, type);
		return -EOPNOTSUPP;
	}
	if (owned && check_allocates(file)) {
		pr_err("service %s: %pD: its file system, %s, cannot allocate space for a file: use ext4, XFS, btrfs, tmpfs, or another one with fallocate\n",
		       vsp_service_name(service), file, type);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * vsp_storage_file_label() - write on a pool's file whose it is
 * @file: open for writing, with the pool's credentials
 * @service: whose
 *
 * Where the file system takes no such attribute, the file goes without.  Data that are
 * there already are told of in the log.
 *
 * Context: the administrator's process; may sleep.
 */
void vsp_storage_file_label(struct file *file, const struct vsp_service *service)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct dentry *dentry = file->f_path.dentry;
	u64 size = i_size_read(file_inode(file));
	char name[2 * VSP_NAME_MAX], old[2 * VSP_NAME_MAX] = "";
	ssize_t length;

	snprintf(name, sizeof(name), "%s.%s", vs_class_storage.name, vsp_service_name(service));
	length = vfs_getxattr(idmap, dentry, SERVICE_XATTR, old, sizeof(old) - 1);
	old[max(length, 0)] = '\0';
	if (size)
		pr_info("service %s: has its data from before: %llu bytes in %pD\n",
			vsp_service_name(service), size, file);
	if (!strcmp(old, name))
		return;
	if (old[0])
		pr_info("service %s: %pD was service %*pE's\n", vsp_service_name(service), file,
			(int)length, old);
	if (mnt_want_write_file(file))
		return;
	vfs_setxattr(idmap, dentry, SERVICE_XATTR, name, strlen(name), 0);
	mnt_drop_write_file(file);
}

/**
 * vsp_storage_file_name() - of the file that a pool makes for a service
 * @service: any
 * @name: filled, UUID_STRING_LEN + 1 bytes
 *
 * Context: any.
 */
void vsp_storage_file_name(const struct vsp_service *service, char *name)
{
	snprintf(name, UUID_STRING_LEN + 1, "%pUb", vsp_service_uuid(service));
}

/**
 * vsp_storage_file_unlink() - delete the file that the pool has made for a service
 * @source: open
 * @service: the file is named by its UUID
 *
 * Context: may sleep.
 * Return: 0, also if the name is another file's by now; or what the file system says
 */
int vsp_storage_file_unlink(const struct vsp_storage_source *source,
			    const struct vsp_service *service)
{
	const struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct mnt_idmap *idmap = mnt_idmap(pool->directory.mnt);
	struct inode *directory = d_inode(pool->directory.dentry);
	char name[UUID_STRING_LEN + 1];
	struct dentry *dentry;
	int error;

	vsp_storage_file_name(service, name);
	error = mnt_want_write(pool->directory.mnt);
	if (error)
		return error;
	inode_lock_nested(directory, I_MUTEX_PARENT);
	dentry = vs_lookup_one(idmap, name, pool->directory.dentry);
	error = PTR_ERR_OR_ZERO(dentry);
	if (!error) {
		/* Only what is open here; if it was removed or replaced, leave that alone. */
		if (d_is_positive(dentry) && d_inode(dentry) == file_inode(source->file))
			error = vfs_unlink(idmap, directory, dentry, NULL);
		dput(dentry);
	}
	inode_unlock(directory);
	mnt_drop_write(pool->directory.mnt);
	return error;
}
