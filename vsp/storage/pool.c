// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where disks are kept: a pool's directory or block device, and how much there is.
 *
 * A directory has one file a service, named by its UUID.  A block device is all of
 * one service's; owner.c knows whose.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vsp/class.h"
#include "vsp/storage/source.h"

/* Names of a directory that are remembered while it is read. */
#define NAMES_MAX	65536
/* Part of what is available that is left to the file system's own needs. */
#define RESERVE_SHIFT	6
/* Bytes; the size of a directory is the same still, if it differs by less, or by less than 1 %. */
#define SMALL_CHANGE	((u64)SZ_16M)

struct name {
	struct list_head entry;
	char text[UUID_STRING_LEN + 1];
};

struct reading {
	struct dir_context context;
	struct list_head names;
	unsigned int count;
	bool progress;
	int error;
};

static bool read_name(struct dir_context *context, const char *text, int length,
		      loff_t offset, u64 inode, unsigned int type)
{
	struct reading *reading = container_of(context, struct reading, context);
	struct name *name;

	reading->progress = true;
	if (length != UUID_STRING_LEN || !uuid_is_valid(text))
		return true;
	reading->error = -E2BIG;
	if (reading->count >= NAMES_MAX)
		return false;
	reading->error = -ENOMEM;
	name = kzalloc(sizeof(*name), GFP_KERNEL);
	if (!name)
		return false;
	memcpy(name->text, text, length);
	list_add(&name->entry, &reading->names);
	reading->count++;
	reading->error = 0;
	return true;
}

static void add_file_space(const struct path *directory, const char *name, u64 *allocated,
			   u64 *kept)
{
	struct kstat stat;
	struct path path;

	if (vfs_path_lookup(directory->dentry, directory->mnt, name, LOOKUP_NO_SYMLINKS, &path))
		return;
	/* XFS does not keep the inode's own i_blocks. */
	if (d_is_reg(path.dentry) && !vfs_getattr(&path, &stat, STATX_BLOCKS | STATX_SIZE, 0)) {
		*allocated += (u64)stat.blocks << SECTOR_SHIFT;
		*kept += stat.size;
	}
	path_put(&path);
}

/* What the files of all services hold, also of those not configured now; and their sizes. */
static int files_hold(const struct path *directory, u64 *allocated, u64 *kept)
{
	struct reading reading = {
		.context.actor = read_name,
		.names = LIST_HEAD_INIT(reading.names),
	};
	struct name *name, *next;
	struct file *file;
	int error;

	file = dentry_open(directory, O_RDONLY | O_DIRECTORY | O_LARGEFILE, current_cred());
	if (IS_ERR(file))
		return PTR_ERR(file);
	do {
		reading.progress = false;
		error = iterate_dir(file, &reading.context) ?: reading.error;
	} while (!error && reading.progress);
	/* Else it would be closed later, when the watch is over, and keep its mount busy. */
	__fput_sync(file);
	*allocated = 0;
	*kept = 0;
	list_for_each_entry_safe(name, next, &reading.names, entry) {
		if (!error)
			add_file_space(directory, name->text, allocated, kept);
		kfree(name);
	}
	return error;
}

/* What the file system has left for files. */
static int directory_available(const struct path *directory, u64 *available)
{
	struct kstatfs statfs;
	int error = vfs_statfs(directory, &statfs);

	*available = error ? 0 : statfs.f_bavail * (statfs.f_frsize ?: statfs.f_bsize);
	return error;
}

/* @available and what is the services' already (@kept), less a small reserve. */
static int directory_size(const struct path *directory, u64 available, u64 *kept, u64 *size)
{
	u64 held;
	int error = files_hold(directory, &held, kept);

	if (!error)
		*size = round_down(available - (available >> RESERVE_SHIFT) + held, SZ_1M);
	return error;
}

static void fill_capacity(struct vsp_pool *pool, u64 size)
{
	u32 index = VS_STORAGE_INDEX(VS_STORAGE_SIZE);

	vsp_pool_fill_capacity(pool, index, size);
}

/* ---- Pools ---- */

static int open_directory(struct vsp_pool *pool, struct vsp_storage_pool *storage,
			  const struct path *path, const char *label)
{
	u64 size;
	int error;

	error = vsp_storage_check_disk(pool, label, path->dentry->d_sb->s_bdev);
	if (error)
		return error;
	error = path_permission(path, MAY_READ | MAY_WRITE | MAY_EXEC);
	if (!error && (__mnt_is_readonly(path->mnt) || sb_rdonly(path->dentry->d_sb)))
		error = -EROFS;
	if (!error)
		error = directory_available(path, &storage->available);
	if (!error)
		error = directory_size(path, storage->available, &storage->kept, &size);
	if (error) {
		pr_err("%s: directory %s: cannot be read and written (%d)\n", label,
		       vsp_pool_source(pool), error);
		return error;
	}
	storage->directory = *path;
	path_get(&storage->directory);
	fill_capacity(pool, size);
	return 0;
}

/* Return: false: it is gone. */
static bool device_size(struct vsp_storage_device *device, u64 *size)
{
	if (!vsp_storage_device_begin(device))
		return false;
	*size = round_down(bdev_nr_bytes(file_bdev(device->file)), vs_class_storage.term->step);
	vsp_storage_device_end(device);
	return true;
}

static int pool_open_device(struct vsp_pool *pool, struct vsp_storage_pool *storage,
			    const struct path *path)
{
	u64 size = 0;
	int error;

	storage->device.cred = storage->cred;
	error = vsp_storage_device_open(&storage->device, pool, NULL, vsp_pool_source(pool), path);
	if (error)
		return error;
	storage->whole = true;
	device_size(&storage->device, &size);
	fill_capacity(pool, size);
	return 0;
}

static int storage_open_source(struct vsp_pool *pool, struct vsp_storage_pool *storage)
{
	char label[VSP_STORAGE_LABEL];
	struct path path;
	umode_t mode;
	int error;

	if (!vsp_pool_source(pool)[0]) {
		/* Every service brings its own backing: there is no space to share. */
		fill_capacity(pool, vs_class_storage.term->highest);
		return 0;
	}
	snprintf(label, sizeof(label), "pool %s", vsp_pool_name(pool));
	error = vsp_storage_path(label, vsp_pool_source(pool), &path);
	if (error)
		return error;
	mode = d_inode(path.dentry)->i_mode;
	if (S_ISDIR(mode)) {
		error = open_directory(pool, storage, &path, label);
	} else if (S_ISBLK(mode)) {
		error = pool_open_device(pool, storage, &path);
	} else {
		pr_err("%s: source %s: neither a directory nor a block device\n", label,
		       vsp_pool_source(pool));
		error = -EINVAL;
	}
	path_put(&path);
	return error;
}

/**
 * vsp_storage_pool_open() - pool_open of the class
 * @pool: its source is a directory, a block device, or empty
 *
 * Context: the administrator's process, whose credentials are kept for later.
 * Return: 0, -EINVAL, -ELOOP, -EBUSY, -EROFS, or what opening it returns; logged
 */
int vsp_storage_pool_open(struct vsp_pool *pool)
{
	struct vsp_storage_pool *storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	int error;

	if (!storage)
		return -ENOMEM;
	storage->cred = get_current_cred();
	mutex_init(&storage->devices_lock);
	INIT_LIST_HEAD(&storage->devices);
	vsp_pool_set_data(pool, storage);
	error = storage_open_source(pool, storage);
	if (error) {
		vsp_pool_set_data(pool, NULL);
		put_cred(storage->cred);
		kfree(storage);
	}
	return error;
}

/**
 * vsp_storage_pool_close() - pool_close of the class
 * @pool: none of its services is enabled
 */
void vsp_storage_pool_close(struct vsp_pool *pool)
{
	struct vsp_storage_pool *storage = vsp_pool_data(pool);

	if (storage->directory.dentry)
		path_put(&storage->directory);
	if (storage->whole)
		vsp_storage_device_close(&storage->device);
	vsp_pool_set_data(pool, NULL);
	mutex_destroy(&storage->devices_lock);
	put_cred(storage->cred);
	kfree(storage);
}

/* Others write to a file system too: not every small change is to be told of. */
static bool differs_much(u64 a, u64 b)
{
	return abs_diff(a, b) >= max(max(a, b) / 100, SMALL_CHANGE);
}

/* What the services' files hold is counted only when something has moved. */
static void look_at_directory(struct vsp_pool *pool, struct vsp_storage_pool *storage)
{
	u32 index = VS_STORAGE_INDEX(VS_STORAGE_SIZE);
	u64 available, kept, size;
	const struct cred *old;
	int error;

	error = directory_available(&storage->directory, &available);
	if (error || !differs_much(available, storage->available))
		return;
	old = override_creds(storage->cred);
	error = directory_size(&storage->directory, available, &kept, &size);
	revert_creds(old);
	if (error)
		return;
	storage->available = available;
	if (differs_much(size, vsp_pool_capacity(pool, index)))
		vsp_watch_found(pool, index, size);
}

/**
 * vsp_storage_pool_poll() - pool_poll of the class
 * @pool: enabled
 */
void vsp_storage_pool_poll(struct vsp_pool *pool)
{
	struct vsp_storage_pool *storage = vsp_pool_data(pool);
	struct vsp_storage_device *device;
	u64 size;

	mutex_lock(&storage->devices_lock);
	list_for_each_entry(device, &storage->devices, entry)
		vsp_storage_device_look(device);
	mutex_unlock(&storage->devices_lock);
	/* While it is gone the pool says what it was: nothing of it is offered. */
	if (storage->whole && device_size(&storage->device, &size))
		vsp_watch_found(pool, VS_STORAGE_INDEX(VS_STORAGE_SIZE), size);
	else if (storage->directory.dentry)
		look_at_directory(pool, storage);
}

/**
 * vsp_storage_pool_kept() - pool_kept of the class
 * @pool: enabled
 * @index: of the term in the class's table
 *
 * Context: any.
 */
u64 vsp_storage_pool_kept(struct vsp_pool *pool, u32 index)
{
	const struct vsp_storage_pool *storage = vsp_pool_data(pool);

	return index == VS_STORAGE_INDEX(VS_STORAGE_SIZE) ? storage->kept : 0;
}
