// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where disks are kept: a pool's directory or block device, and who has what.
 *
 * A directory has one file a service, named by its UUID.  A block device is all of
 * one service's.  Nothing on a device says whose data it holds, so that is
 * remembered here, for as long as this module and the device are there: another
 * service gets it only after a release, which zeroes it.  After a restart the first
 * service that gets a contract over it is taken for its owner.  A device that is
 * named as the backing of a service is its own by that: the name is the
 * administrator's mark that the data on it are meant.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/string.h>

#include "storage.h"

/* Names of a directory that are remembered while it is read. */
#define NAMES_MAX	65536
/* Part of what is available that is left to the file system's own needs. */
#define RESERVE_SHIFT	6

/*
 * Whose data are in a range of a disk, which is named by what no other one will ever be:
 * partitions overlap with their disk, and with those that it had before.
 */
struct owner {
	struct list_head entry;
	u64 sequence;
	sector_t start;
	sector_t end;
	uuid_t uuid;
};

/* Protects both lists, and the users of whole devices. */
static DEFINE_MUTEX(sources_lock);
static LIST_HEAD(owners);
static LIST_HEAD(files);

static bool may_open_device(const struct path *path)
{
	return !(path->mnt->mnt_flags & MNT_NODEV) &&
	       !(path->mnt->mnt_sb->s_iflags & SB_I_NODEV);
}

/**
 * vsp_storage_path() - find what an administrator has named
 * @owner: for log lines
 * @name: absolute path
 * @path: found; the caller drops it
 *
 * Follows no links, but for those that lead to a block device (/dev/disk/by-*).
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL, -ELOOP, -EACCES and what a look-up returns; logged
 */
int vsp_storage_path(const char *owner, const char *name, struct path *path)
{
	umode_t mode;
	int error;

	if (name[0] != '/') {
		pr_err("%s: \"%s\": an absolute path is needed\n", owner, name);
		return -EINVAL;
	}
	error = kern_path(name, LOOKUP_NO_SYMLINKS, path);
	if (!error && d_is_symlink(path->dentry)) {
		path_put(path);
		error = -ELOOP;
	}
	if (error == -ELOOP) {
		error = kern_path(name, LOOKUP_FOLLOW, path);
		if (!error && !S_ISBLK(d_inode(path->dentry)->i_mode)) {
			path_put(path);
			error = -ELOOP;
		}
	}
	if (error) {
		pr_err("%s: %s: %s (%d)\n", owner, name, error == -ELOOP ?
		       "is reached by a symbolic link: give the path without one" :
		       "cannot be found", error);
		return error;
	}
	mode = d_inode(path->dentry)->i_mode;
	if (S_ISBLK(mode) && !may_open_device(path)) {
		pr_err("%s: %s: on a file system mounted nodev\n", owner, name);
		path_put(path);
		return -EACCES;
	}
	return 0;
}

/**
 * vsp_storage_device() - open a block device and claim all of it
 * @owner: for log lines
 * @path: of the device
 * @holder: whose claim it is
 * @writable: whether it could be opened for writing
 *
 * Context: may sleep.
 * Return: the file, or an error: -EBUSY if it is mounted or claimed otherwise; logged
 */
struct file *vsp_storage_device(const char *owner, const struct path *path, void *holder,
				bool *writable)
{
	dev_t dev = d_inode(path->dentry)->i_rdev;
	struct file *file;

	file = bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
	*writable = !IS_ERR(file) && !bdev_read_only(file_bdev(file));
	if (file == ERR_PTR(-EROFS) || file == ERR_PTR(-EACCES))
		file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, holder, NULL);
	if (IS_ERR(file)) {
		pr_err("%s: block device %u:%u: %s (%ld)\n", owner, MAJOR(dev), MINOR(dev),
		       file == ERR_PTR(-EBUSY) ? "in use: unmount or release it first" :
		       "cannot be opened", PTR_ERR(file));
		return file;
	}
	if (bdev_is_zoned(file_bdev(file))) {
		pr_err("%s: block device %u:%u: is zoned, which is not supported\n", owner,
		       MAJOR(dev), MINOR(dev));
		bdev_fput(file);
		return ERR_PTR(-EINVAL);
	}
	return file;
}

/* Is @disk what this kernel's client shows of a service of @pool? */
static bool disk_is_of_pool(struct vsp_pool *pool, struct gendisk *disk)
{
	struct vsp_service *service;
	bool found = false;
	uuid_t uuid;
	bool known;
	u8 id[16];

	if (strncmp(disk->disk_name, "vscblk", strlen("vscblk")))
		return false;
	/* The disk's unique id is its service's UUID; if it will not say, beware. */
	known = disk->fops->get_unique_id &&
		disk->fops->get_unique_id(disk, id, BLK_UID_T10) == sizeof(id);
	import_uuid(&uuid, id);
	mutex_lock(&pool->lock);
	list_for_each_entry(service, &pool->services, pool_entry)
		found |= known ? uuid_equal(&service->uuid, &uuid) : service->local;
	mutex_unlock(&pool->lock);
	return found;
}

/**
 * vsp_storage_check_disk() - refuse a source that is on a disk of its own pool
 * @pool: takes its lock
 * @owner: for log lines
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
	pr_err("%s: source is on %s, a disk of pool %s itself: use another pool\n", owner,
	       bdev->bd_disk->disk_name, pool->name);
	return -ELOOP;
}

/* ---- How much there is ---- */

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

static void add_file(const struct path *directory, const char *name, u64 *allocated, u64 *kept)
{
	struct path path;

	if (vfs_path_lookup(directory->dentry, directory->mnt, name, LOOKUP_NO_SYMLINKS, &path))
		return;
	if (d_is_reg(path.dentry)) {
		*allocated += (u64)d_inode(path.dentry)->i_blocks << SECTOR_SHIFT;
		*kept += i_size_read(d_inode(path.dentry));
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
	fput(file);
	*allocated = 0;
	*kept = 0;
	list_for_each_entry_safe(name, next, &reading.names, entry) {
		if (!error)
			add_file(directory, name->text, allocated, kept);
		kfree(name);
	}
	return error;
}

/* What there still is and what is the services' already (@kept), less a small reserve. */
static int directory_size(const struct path *directory, u64 *kept, u64 *size)
{
	struct kstatfs statfs;
	u64 free, held;
	int error;

	error = vfs_statfs(directory, &statfs);
	if (!error)
		error = files_hold(directory, &held, kept);
	if (error)
		return error;
	free = statfs.f_bavail * (statfs.f_frsize ?: statfs.f_bsize);
	*size = round_down(free - (free >> RESERVE_SHIFT) + held, SZ_1M);
	return 0;
}

static void fill_capacity(struct vsp_pool *pool, u64 size)
{
	u32 index = VS_STORAGE_INDEX(VS_STORAGE_SIZE);

	mutex_lock(&pool->lock);
	if (!pool->capacity_set[index])
		pool->capacity[index] = size;
	mutex_unlock(&pool->lock);
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
		error = directory_size(path, &storage->kept, &size);
	if (error) {
		pr_err("%s: directory %s: cannot be read and written (%d)\n", label,
		       pool->source, error);
		return error;
	}
	storage->directory = *path;
	path_get(&storage->directory);
	fill_capacity(pool, size);
	return 0;
}

static int open_device(struct vsp_pool *pool, struct vsp_storage_pool *storage,
		       const struct path *path, const char *label)
{
	struct block_device *bdev;
	struct file *file;
	int error;

	file = vsp_storage_device(label, path, storage, &storage->writable);
	if (IS_ERR(file))
		return PTR_ERR(file);
	bdev = file_bdev(file);
	error = vsp_storage_check_disk(pool, label, bdev);
	if (error) {
		bdev_fput(file);
		return error;
	}
	storage->device = file;
	fill_capacity(pool, round_down(bdev_nr_bytes(bdev), vs_class_storage.term->step));
	return 0;
}

static int open_source(struct vsp_pool *pool, struct vsp_storage_pool *storage)
{
	char label[VSP_STORAGE_LABEL];
	struct path path;
	umode_t mode;
	int error;

	if (!pool->source[0]) {
		/* Every service brings its own backing: there is no space to share. */
		fill_capacity(pool, vs_class_storage.term->highest);
		return 0;
	}
	snprintf(label, sizeof(label), "pool %s", pool->name);
	error = vsp_storage_path(label, pool->source, &path);
	if (error)
		return error;
	mode = d_inode(path.dentry)->i_mode;
	if (S_ISDIR(mode)) {
		error = open_directory(pool, storage, &path, label);
	} else if (S_ISBLK(mode)) {
		error = open_device(pool, storage, &path, label);
	} else {
		pr_err("%s: source %s: neither a directory nor a block device\n", label,
		       pool->source);
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
	error = open_source(pool, storage);
	if (error) {
		kfree(storage);
		return error;
	}
	storage->cred = get_current_cred();
	pool->class_data = storage;
	return 0;
}

/**
 * vsp_storage_pool_close() - pool_close of the class
 * @pool: none of its services is enabled
 */
void vsp_storage_pool_close(struct vsp_pool *pool)
{
	struct vsp_storage_pool *storage = pool->class_data;

	pool->class_data = NULL;
	if (storage->directory.dentry)
		path_put(&storage->directory);
	/* The claim ends here and now, not when the caller returns to user space. */
	if (storage->device)
		bdev_fput(storage->device);
	put_cred(storage->cred);
	kfree(storage);
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
	const struct vsp_storage_pool *storage = pool->class_data;

	return index == VS_STORAGE_INDEX(VS_STORAGE_SIZE) ? storage->kept : 0;
}

/* ---- Who has what ---- */

/* Somebody who has data on @bdev, but for @except (NULL: anybody). */
static struct owner *find_owner(struct block_device *bdev, const uuid_t *except)
{
	sector_t start = bdev->bd_start_sect;
	struct owner *owner;

	lockdep_assert_held(&sources_lock);
	list_for_each_entry(owner, &owners, entry)
		if (owner->sequence == bdev->bd_disk->diskseq &&
		    owner->start < start + bdev_nr_sectors(bdev) && start < owner->end &&
		    !(except && uuid_equal(&owner->uuid, except)))
			return owner;
	return NULL;
}

static int check_owner(const struct vsp_service *service, struct block_device *bdev)
{
	const struct owner *owner = find_owner(bdev, &service->uuid);

	if (!owner)
		return 0;
	pr_err("service %s: the device of pool %s holds data of the service with UUID %pUb: release that one first, which zeroes it\n",
	       service->name, service->pool->name, &owner->uuid);
	return -EBUSY;
}

/**
 * vsp_storage_claim_device() - a service wants the whole device of its pool
 * @service: of a pool that has a device
 *
 * Return: 0, or -EBUSY if another service uses it or has its data on it; logged
 */
int vsp_storage_claim_device(struct vsp_service *service)
{
	struct vsp_storage_pool *storage = service->pool->class_data;
	int error = -EBUSY;

	mutex_lock(&sources_lock);
	if (storage->user)
		pr_err("service %s: the device of pool %s is all of service %s's\n",
		       service->name, service->pool->name, storage->user->name);
	else
		error = check_owner(service, file_bdev(storage->device));
	if (!error)
		storage->user = service;
	mutex_unlock(&sources_lock);
	return error;
}

/**
 * vsp_storage_unclaim_device() - a service does not use the device any more
 * @pool: of which vsp_storage_claim_device() has returned 0; its data stay its own
 */
void vsp_storage_unclaim_device(struct vsp_storage_pool *pool)
{
	mutex_lock(&sources_lock);
	pool->user = NULL;
	mutex_unlock(&sources_lock);
}

/**
 * vsp_storage_own_device() - remember that a device has data of a service
 * @bdev: is open for it, and it is about to get a contract
 * @uuid: of the service
 *
 * Return: 0 or -ENOMEM
 */
int vsp_storage_own_device(struct block_device *bdev, const uuid_t *uuid)
{
	struct owner *owner = kzalloc(sizeof(*owner), GFP_NOIO), *other;

	if (!owner)
		return -ENOMEM;
	owner->sequence = bdev->bd_disk->diskseq;
	owner->start = bdev->bd_start_sect;
	owner->end = owner->start + bdev_nr_sectors(bdev);
	owner->uuid = *uuid;
	mutex_lock(&sources_lock);
	list_for_each_entry(other, &owners, entry) {
		if (other->sequence != owner->sequence || other->start != owner->start ||
		    other->end != owner->end || !uuid_equal(&other->uuid, uuid))
			continue;
		mutex_unlock(&sources_lock);
		kfree(owner);
		return 0;
	}
	list_add(&owner->entry, &owners);
	mutex_unlock(&sources_lock);
	return 0;
}

/**
 * vsp_storage_disown_device() - nobody's data are on the device any more
 * @bdev: was zeroed
 */
void vsp_storage_disown_device(struct block_device *bdev)
{
	struct owner *owner;

	mutex_lock(&sources_lock);
	while ((owner = find_owner(bdev, NULL))) {
		list_del(&owner->entry);
		kfree(owner);
	}
	mutex_unlock(&sources_lock);
}

/**
 * vsp_storage_claim_file() - one file is one service's
 * @source: its file was opened
 *
 * Return: 0, or -EBUSY if another service uses the same file
 */
int vsp_storage_claim_file(struct vsp_storage_source *source)
{
	const struct vsp_storage_source *other;
	int error = 0;

	mutex_lock(&sources_lock);
	list_for_each_entry(other, &files, entry)
		if (file_inode(other->file) == file_inode(source->file))
			error = -EBUSY;
	if (!error)
		list_add(&source->entry, &files);
	mutex_unlock(&sources_lock);
	return error;
}

/**
 * vsp_storage_unclaim_file() - undo vsp_storage_claim_file()
 * @source: was claimed
 */
void vsp_storage_unclaim_file(struct vsp_storage_source *source)
{
	mutex_lock(&sources_lock);
	list_del(&source->entry);
	mutex_unlock(&sources_lock);
}

/**
 * vsp_storage_pool_exit() - forget whose data is where
 *
 * Context: module exit; no pool is open.
 */
void vsp_storage_pool_exit(void)
{
	struct owner *owner, *next;

	list_for_each_entry_safe(owner, next, &owners, entry)
		kfree(owner);
}
