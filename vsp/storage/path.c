// SPDX-License-Identifier: GPL-2.0-only
/*
 * How what an administrator has named is found, and what may not be a source.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "vsp/class.h"
#include "vsp/storage/source.h"

static bool may_open_device(const struct path *path)
{
	return !(path->mnt->mnt_flags & MNT_NODEV) &&
	       !(path->mnt->mnt_sb->s_iflags & SB_I_NODEV);
}

/**
 * vsp_storage_find() - find what an administrator has named
 * @root: where @name begins
 * @name: absolute path
 * @path: found; the caller drops it
 *
 * Follows no links, but for those that lead to a block device (/dev/disk/by-*).
 *
 * Context: may sleep.
 * Return: 0; -ELOOP: there are links; -EACCES: a device where there may be none; or what
 *	a look-up returns
 */
int vsp_storage_find(const struct path *root, const char *name, struct path *path)
{
	int error = vfs_path_lookup(root->dentry, root->mnt, name, LOOKUP_NO_SYMLINKS, path);

	if (!error && d_is_symlink(path->dentry)) {
		path_put(path);
		error = -ELOOP;
	}
	if (error == -ELOOP) {
		error = vfs_path_lookup(root->dentry, root->mnt, name, LOOKUP_FOLLOW, path);
		if (!error && !S_ISBLK(d_inode(path->dentry)->i_mode)) {
			path_put(path);
			error = -ELOOP;
		}
	}
	if (!error && S_ISBLK(d_inode(path->dentry)->i_mode) && !may_open_device(path)) {
		path_put(path);
		error = -EACCES;
	}
	return error;
}

/**
 * vsp_storage_path() - vsp_storage_find(), for an administrator
 * @owner: for log lines
 * @name: absolute path
 * @path: found; the caller drops it
 *
 * Context: the administrator's process; may sleep.
 * Return: 0, -EINVAL, or as vsp_storage_find(); logged
 */
int vsp_storage_path(const char *owner, const char *name, struct path *path)
{
	const char *why = "cannot be found";
	struct path root;
	int error;

	if (name[0] != '/') {
		pr_err("%s: \"%s\": an absolute path is needed\n", owner, name);
		return -EINVAL;
	}
	get_fs_root(current->fs, &root);
	error = vsp_storage_find(&root, name, path);
	path_put(&root);
	if (error == -ELOOP)
		why = "is reached by a symbolic link: give the path without one";
	if (error == -EACCES)
		why = "may not be used: no permission, or a device on a file system mounted nodev";
	if (error)
		pr_err("%s: %s: %s (%d)\n", owner, name, why, error);
	return error;
}

/* Is @disk what this kernel's client shows of a service of @pool? */
static bool disk_is_of_pool(struct vsp_pool *pool, struct gendisk *disk)
{
	uuid_t uuid;
	bool known;
	u8 id[16];

	if (strncmp(disk->disk_name, "vscblk", strlen("vscblk")))
		return false;
	/* The disk's unique id is its service's UUID; if it will not say, beware. */
	known = disk->fops->get_unique_id &&
		disk->fops->get_unique_id(disk, id, BLK_UID_T10) == sizeof(id);
	import_uuid(&uuid, id);
	return vsp_pool_has_service(pool, known ? &uuid : NULL);
}

/**
 * vsp_storage_check_disk() - refuse a source that is on a disk of its own pool
 * @pool: takes its lock
 * @owner: for log lines; NULL: there are none
 * @bdev: of the source, or of the file system that it is on; may be NULL
 *
 * Sees the device itself, not what a device mapper or RAID is made of.
 *
 * Context: may sleep.
 * Return: 0 or -ELOOP; logged
 */
int vsp_storage_check_disk(struct vsp_pool *pool, const char *owner, struct block_device *bdev)
{
	if (!bdev || !disk_is_of_pool(pool, bdev->bd_disk))
		return 0;
	if (owner)
		pr_err("%s: source is on %s, a disk of pool %s itself: use another pool\n", owner,
		       bdev->bd_disk->disk_name, vsp_pool_name(pool));
	return -ELOOP;
}
