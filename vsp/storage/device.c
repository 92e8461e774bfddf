// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices that are claimed, and that may go and come back.
 *
 * Whoever uses a device has a reference of its users.  When the block layer says that it
 * is dead, they are killed: nobody can begin to use it, and the pool's watch hears of it.
 * What is under way ends by itself, with errors; with the last of it the watch closes the
 * file, so that nothing of the old disk stays.  From then on it tries, once in poll_ms,
 * to open the same path again, as it was opened first; but not before the contract over
 * the old disk is over, as nothing says that the new one has the same data.
 *
 * It is the path that a device is known by: where names move about, it should be one of
 * those in /dev/disk/by-id.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/wait_bit.h>

#include "vsp/class.h"
#include "vsp/storage/source.h"

/* Calls of mark_dead() that nothing else keeps this module for; see vsp_storage_device_exit(). */
static atomic_t leaving = ATOMIC_INIT(0);

static void make_label(const struct vsp_storage_device *device, char *label)
{
	if (device->service)
		snprintf(label, VSP_STORAGE_LABEL, "service %s", vsp_service_name(device->service));
	else
		snprintf(label, VSP_STORAGE_LABEL, "pool %s", vsp_pool_name(device->pool));
}

/*
 * From the block layer, which holds bd_holder_lock and has it let go here: until then the
 * claim stands, and with it @bdev's holder.  It waits for nothing that a user does.
 */
static void mark_dead(struct block_device *bdev, bool surprise)
{
	struct vsp_storage_device *device = bdev->bd_holder;

	lockdep_assert_held(&bdev->bd_holder_lock);
	if (!device->gone) {
		WRITE_ONCE(device->gone, true);
		percpu_ref_kill(&device->users);
	}
	vsp_watch_look(device->pool);
	/* The claim kept the module until here. */
	atomic_inc(&leaving);
	mutex_unlock(&bdev->bd_holder_lock);
	/* As without a holder; nothing of ours is in the page cache, but others may read here. */
	if (!surprise)
		sync_blockdev(bdev);
	if (atomic_dec_and_test(&leaving))
		wake_up_var(&leaving);
}

static const struct blk_holder_ops holder_ops = {
	.mark_dead = mark_dead,
};

/* The last user has ended. Any context. After complete() @users may be no more. */
static void users_ended(struct percpu_ref *users)
{
	struct vsp_storage_device *device =
		container_of(users, struct vsp_storage_device, users);

	vsp_watch_look(device->pool);
	complete(&device->idle);
}

/* ---- Opening ---- */

static int check_device(const struct vsp_storage_device *device, const char *owner,
			struct block_device *bdev)
{
	dev_t dev = bdev->bd_dev;

	if (bdev_is_zoned(bdev)) {
		if (owner)
			pr_err("%s: block device %u:%u: is zoned, which is not supported\n",
			       owner, MAJOR(dev), MINOR(dev));
		return -EINVAL;
	}
	if (bdev_logical_block_size(bdev) > SZ_4K) {
		if (owner)
			pr_err("%s: block device %u:%u: has blocks of %u bytes, at most %u are supported\n",
			       owner, MAJOR(dev), MINOR(dev), bdev_logical_block_size(bdev),
			       (u32)SZ_4K);
		return -EINVAL;
	}
	return vsp_storage_check_disk(device->pool, owner, bdev);
}

/* Claims all of it. Errors are logged, but not for @owner NULL. */
static struct file *open_claimed(struct vsp_storage_device *device, const char *owner,
				 const struct path *path)
{
	dev_t dev = d_inode(path->dentry)->i_rdev;
	struct file *file;
	int error;

	file = bdev_file_open_by_dev(dev, BLK_OPEN_READ | BLK_OPEN_WRITE, device, &holder_ops);
	if (file == ERR_PTR(-EROFS) || file == ERR_PTR(-EACCES))
		file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, device, &holder_ops);
	if (IS_ERR(file)) {
		if (owner)
			pr_err("%s: block device %u:%u: %s (%ld)\n", owner, MAJOR(dev),
			       MINOR(dev), file == ERR_PTR(-EBUSY) ?
			       "in use: unmount or release it first" : "cannot be opened",
			       PTR_ERR(file));
		return file;
	}
	error = check_device(device, owner, file_bdev(file));
	if (error) {
		bdev_fput(file);
		return ERR_PTR(error);
	}
	return file;
}

/* Nobody claims it any more, and nobody uses it. */
static void device_end(struct vsp_storage_device *device)
{
	if (device->gone)
		wait_for_completion(&device->idle);
	percpu_ref_exit(&device->users);
}

/**
 * vsp_storage_device_open() - claim a block device
 * @device: zeroed, but for cred, which the caller keeps; all that is not set here is the
 *	caller's
 * @pool: enabled, or being enabled
 * @service: whose backing it is, or NULL: the whole device of @pool
 * @name: by which it is to be found again
 * @path: where it is now
 *
 * Context: the administrator's process; takes the pool's devices_lock.
 * Return: 0; -EBUSY if it is mounted or claimed otherwise; -EINVAL, -ELOOP, -ENOMEM, or
 *	what opening returns; logged
 */
int vsp_storage_device_open(struct vsp_storage_device *device, struct vsp_pool *pool,
			    const struct vsp_service *service, const char *name,
			    const struct path *path)
{
	struct vsp_storage_pool *storage = vsp_pool_data(pool);
	char label[VSP_STORAGE_LABEL];
	struct file *file;
	int error;

	device->pool = pool;
	device->service = service;
	device->name = name;
	init_completion(&device->idle);
	error = percpu_ref_init(&device->users, users_ended, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
	if (error)
		return error;
	make_label(device, label);
	file = open_claimed(device, label, path);
	if (IS_ERR(file)) {
		device_end(device);
		return PTR_ERR(file);
	}
	get_fs_root(current->fs, &device->root);
	device->owned = vsp_storage_owned(file_bdev(file), &device->owner);
	device->file = file;
	mutex_lock(&storage->devices_lock);
	list_add(&device->entry, &storage->devices);
	mutex_unlock(&storage->devices_lock);
	return 0;
}

/**
 * vsp_storage_device_close() - undo vsp_storage_device_open()
 * @device: nobody uses it
 *
 * Context: the administrator's process; takes the pool's devices_lock, so it waits for a
 *	look at the pool's devices.
 */
void vsp_storage_device_close(struct vsp_storage_device *device)
{
	struct vsp_storage_pool *storage = vsp_pool_data(device->pool);

	mutex_lock(&storage->devices_lock);
	list_del(&device->entry);
	mutex_unlock(&storage->devices_lock);
	/* The claim ends here and now, not when the caller returns to user space. */
	if (device->file)
		bdev_fput(device->file);
	device_end(device);
	path_put(&device->root);
}

/* ---- Use ---- */

/**
 * vsp_storage_device_begin() - use a device
 * @device: open
 *
 * Context: any.
 * Return: false if it is gone; else its file and all that hangs on it stay until
 *	vsp_storage_device_end()
 */
bool vsp_storage_device_begin(struct vsp_storage_device *device)
{
	if (!percpu_ref_tryget_live(&device->users))
		return false;
	/* Whoever sees the file sees what was found out of it before; see device_reopen(). */
	if (smp_load_acquire(&device->file))
		return true;
	percpu_ref_put(&device->users);
	return false;
}

/**
 * vsp_storage_device_begin_more() - use a device for something else besides
 * @device: begun
 *
 * Context: any.
 */
void vsp_storage_device_begin_more(struct vsp_storage_device *device)
{
	percpu_ref_get(&device->users);
}

/**
 * vsp_storage_device_end() - undo one vsp_storage_device_begin()
 * @device: may be gone
 *
 * Context: any, interrupts included.
 */
void vsp_storage_device_end(struct vsp_storage_device *device)
{
	percpu_ref_put(&device->users);
}

/**
 * vsp_storage_device_use() - say what the device is used for
 * @device: open
 * @source: of a service, or NULL: not used any more
 *
 * Context: the administrator's process; takes the pool's devices_lock.
 */
void vsp_storage_device_use(struct vsp_storage_device *device, struct vsp_storage_source *source)
{
	struct vsp_storage_pool *storage = vsp_pool_data(device->pool);

	mutex_lock(&storage->devices_lock);
	device->source = source;
	mutex_unlock(&storage->devices_lock);
}

/**
 * vsp_storage_device_own() - remember that a device has data of a service
 * @device: begun
 * @uuid: of the service
 *
 * Also of what comes back in its place: nothing says that it is another disk.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM
 */
int vsp_storage_device_own(struct vsp_storage_device *device, const uuid_t *uuid)
{
	int error = vsp_storage_own_device(file_bdev(device->file), uuid);

	if (error)
		return error;
	device->owner = *uuid;
	device->owned = true;
	return 0;
}

/**
 * vsp_storage_device_disown() - nobody's data are on a device any more
 * @device: begun, was zeroed
 *
 * Context: may sleep.
 */
void vsp_storage_device_disown(struct vsp_storage_device *device)
{
	vsp_storage_disown_device(file_bdev(device->file));
	device->owned = false;
}

/**
 * vsp_storage_device_writable() - can the device be written now?
 * @device: begun
 *
 * Context: any.
 */
bool vsp_storage_device_writable(const struct vsp_storage_device *device)
{
	return (device->file->f_mode & FMODE_WRITE) && !bdev_read_only(file_bdev(device->file));
}

/* ---- Gone, and back: all in the pool's watch, under devices_lock ---- */

static void device_let_go(struct vsp_storage_device *device)
{
	char label[VSP_STORAGE_LABEL];

	if (!device->told) {
		make_label(device, label);
		pr_warn("%s: block device %s is gone\n", label, device->name);
		device->told = true;
		device->error = -ENOENT;
	}
	/* Else the end of the last user brings the watch here again. */
	if (!percpu_ref_is_zero(&device->users))
		return;
	wait_for_completion(&device->idle);
	if (device->source)
		vsp_storage_lost(device->source);
	if (device->file)
		bdev_fput(device->file);
	device->file = NULL;
	/* The claim has ended, so mark_dead() cannot be under way. */
	WRITE_ONCE(device->gone, false);
	percpu_ref_reinit(&device->users);
}

/* Nothing says that it is another disk: whose data were on it has them still. */
static int device_check_owner(const struct vsp_storage_device *device, struct block_device *bdev)
{
	const struct vsp_storage_source *source = device->source;

	if (source && source->pool &&
	    vsp_storage_owned_by_other(bdev, vsp_service_uuid(source->pool->user)))
		return -EBUSY;
	if (!device->owned || vsp_storage_owned_by_other(bdev, &device->owner))
		return 0;
	return vsp_storage_own_device(bdev, &device->owner);
}

/* As vsp_storage_device_open(), for what has the same name now. */
static struct file *find_again(struct vsp_storage_device *device)
{
	struct file *file = ERR_PTR(-ENOTBLK);
	struct path path;
	int error;

	error = vsp_storage_find(&device->root, device->name, &path);
	if (error)
		return ERR_PTR(error);
	if (S_ISBLK(d_inode(path.dentry)->i_mode))
		file = open_claimed(device, NULL, &path);
	path_put(&path);
	if (IS_ERR(file))
		return file;
	error = device_check_owner(device, file_bdev(file));
	if (!error)
		return file;
	bdev_fput(file);
	return ERR_PTR(error);
}

static void device_reopen(struct vsp_storage_device *device)
{
	char label[VSP_STORAGE_LABEL];
	struct file *file;
	int error;

	/* It is about the disk that is gone. */
	if (device->source && vsp_storage_has_contract(device->source))
		return;
	file = find_again(device);
	error = PTR_ERR_OR_ZERO(file);
	make_label(device, label);
	if (!error) {
		if (device->source)
			vsp_storage_source_look_at(device->source, file_bdev(file));
		/* With all that was found out of it; see vsp_storage_device_begin(). */
		smp_store_release(&device->file, file);
		device->told = false;
		pr_info("%s: block device %s is back\n", label, device->name);
	} else if (error != device->error && error != -ENXIO && error != -ENODEV) {
		pr_warn("%s: %s is there, but cannot be used (%d)\n", label, device->name, error);
	}
	device->error = error;
}

/**
 * vsp_storage_device_look() - see to it that a device that is gone can come back
 * @device: open
 *
 * Context: the pool's watch, under devices_lock. May sleep.
 */
void vsp_storage_device_look(struct vsp_storage_device *device)
{
	const struct cred *old = override_creds(device->cred);

	if (READ_ONCE(device->gone))
		device_let_go(device);
	else if (!device->file)
		device_reopen(device);
	revert_creds(old);
}

/**
 * vsp_storage_device_exit() - wait for all that may still return into this module
 *
 * What the block layer calls (mark_dead(), the end of a direct request, and of the last
 * user of a device) may be preempted after it has let go of what it was about, and before it
 * has returned.  It does not sleep there.
 *
 * Context: module exit; no device is open, and nothing is under way.
 */
void vsp_storage_device_exit(void)
{
	wait_var_event(&leaving, !atomic_read(&leaving));
	synchronize_rcu_tasks();
}
