// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the source of a disk is found, opened and closed: a file that the pool has made
 * for it, a file or block device that the administrator has named, or the whole device
 * of the pool.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include "vs_compat_file.h"
#include "vsp/class.h"
#include "vsp/storage/source.h"

static struct file *open_direct(const struct path *path, int flags)
{
	struct file *file = dentry_open(path, flags | O_DIRECT, current_cred());

	if (file == ERR_PTR(-EINVAL))		/* the file system has no direct I/O */
		file = dentry_open(path, flags, current_cred());
	return file;
}

static struct file *open_named_file(const struct path *path)
{
	struct file *file = ERR_PTR(path_permission(path, MAY_READ | MAY_WRITE));

	if (!file)
		file = open_direct(path, O_RDWR | O_LARGEFILE);
	if (file != ERR_PTR(-EROFS) && file != ERR_PTR(-EACCES) && file != ERR_PTR(-EPERM))
		return file;
	file = ERR_PTR(path_permission(path, MAY_READ));
	return file ?: open_direct(path, O_RDONLY | O_LARGEFILE);
}

/* The file of a service in its pool's directory; made empty if it is not there. */
static struct file *open_own_file(const struct vsp_storage_pool *pool,
				  const struct vsp_service *service)
{
	const int flags = O_RDWR | O_CREAT | O_LARGEFILE | O_NOFOLLOW;
	char name[UUID_STRING_LEN + 1];
	struct file *file;

	vsp_storage_file_name(service, name);
	file = file_open_root(&pool->directory, name, flags | O_DIRECT, 0600);
	if (file == ERR_PTR(-EINVAL))
		file = file_open_root(&pool->directory, name, flags, 0600);
	return file;
}

static int check_disk(const struct vsp_service *service, struct block_device *bdev)
{
	char label[VSP_STORAGE_LABEL];

	snprintf(label, sizeof(label), "service %s", vsp_service_name(service));
	return vsp_storage_check_disk(vsp_service_pool(service), label, bdev);
}

static int check_file(const struct vsp_service *service, const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode) || inode->i_nlink != 1) {
		pr_err("service %s: %pD: %s\n", vsp_service_name(service), file,
		       S_ISREG(inode->i_mode) ? "has several names" :
		       "neither a regular file nor a block device");
		return -EINVAL;
	}
	if (IS_SWAPFILE(inode)) {
		pr_err("service %s: %pD: is swapped to\n", vsp_service_name(service), file);
		return -ETXTBSY;
	}
	return check_disk(service, inode->i_sb->s_bdev);
}

/* It was opened for direct I/O, and cannot be used so. */
static void use_cache(struct file *file)
{
	spin_lock(&file->f_lock);
	file->f_flags &= ~O_DIRECT;
	file->f_iocb_flags = iocb_flags(file);
	spin_unlock(&file->f_lock);
}

/* How direct I/O has to be aligned; where the file system will not say, to its blocks. */
static void look_at_file(struct vsp_storage_source *source)
{
	u32 memory = i_blocksize(file_inode(source->file)), length = memory;
	struct kstat stat;

	if (!vfs_getattr(&source->file->f_path, &stat, STATX_DIOALIGN, 0) &&
	    (stat.result_mask & STATX_DIOALIGN)) {
		memory = stat.dio_mem_align;
		length = stat.dio_offset_align;
	}
	source->direct = (source->file->f_mode & FMODE_CAN_ODIRECT) && memory && length &&
			 memory <= PAGE_SIZE && length <= SZ_4K;
	source->memory_mask = source->direct ? memory - 1 : 0;
	source->length_mask = source->direct ? max_t(u32, length, SECTOR_SIZE) - 1 :
			      SECTOR_SIZE - 1;
	/* Whatever it is on now: an image must be the same disk wherever it is moved. */
	source->block_size = SECTOR_SIZE;
	if (!source->direct)
		use_cache(source->file);
	source->written_back = errseq_sample(&source->file->f_mapping->wb_err);
}

/* Deletes nothing but a file of the pool's that is empty. */
static void source_let_go(struct vsp_storage_source *source, struct vsp_service *service)
{
	if (source->owned && !i_size_read(file_inode(source->file)))
		vsp_storage_file_unlink(source, service);
	vsp_storage_unclaim_file(source);
}

static int claim_file(struct vsp_storage_source *source, struct vsp_service *service)
{
	int error;

	error = check_file(service, source->file);
	if (error)
		return error;
	error = vsp_storage_claim_file(source);
	if (error) {
		pr_err("service %s: %pD: another service has it\n", vsp_service_name(service),
		       source->file);
		return error;
	}
	error = vsp_storage_file_check(source->file, service, source->owned);
	if (error)
		source_let_go(source, service);
	return error;
}

static int take_file(struct vsp_storage_source *source, struct vsp_service *service,
		     struct file *file)
{
	int error;

	if (IS_ERR(file)) {
		pr_err("service %s: its file cannot be opened (%ld)\n", vsp_service_name(service),
		       PTR_ERR(file));
		return PTR_ERR(file);
	}
	source->file = file;
	error = claim_file(source, service);
	if (error) {
		fput(file);
		return error;
	}
	look_at_file(source);
	return 0;
}

static int source_open_device(struct vsp_storage_source *source, struct vsp_service *service,
			      const struct path *path)
{
	struct vsp_storage_device *device = &source->backing;
	int error;

	device->cred = source->cred;
	error = vsp_storage_device_open(device, vsp_service_pool(service), service,
					vsp_service_backing(service), path);
	if (error)
		return error;
	source->device = device;
	if (vsp_storage_device_begin(device)) {
		vsp_storage_source_look_at(source, file_bdev(device->file));
		vsp_storage_device_end(device);
	}
	vsp_storage_device_use(device, source);
	return 0;
}

static int open_backing(struct vsp_storage_source *source, struct vsp_service *service)
{
	char label[VSP_STORAGE_LABEL];
	struct path path;
	int error;

	snprintf(label, sizeof(label), "service %s", vsp_service_name(service));
	error = vsp_storage_path(label, vsp_service_backing(service), &path);
	if (error)
		return error;
	if (d_is_reg(path.dentry)) {
		error = take_file(source, service, open_named_file(&path));
	} else if (S_ISBLK(d_inode(path.dentry)->i_mode)) {
		error = source_open_device(source, service, &path);
	} else {
		pr_err("%s: backing %s: neither a regular file nor a block device\n", label,
		       vsp_service_backing(service));
		error = -EINVAL;
	}
	path_put(&path);
	return error;
}

/* Under way: the device of the pool stays. */
static int use_whole(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct block_device *bdev = file_bdev(pool->device.file);
	int error;

	error = vsp_storage_claim_device(service);
	if (error)
		return error;
	error = check_disk(service, bdev);
	if (error) {
		vsp_storage_unclaim_device(pool);
		return error;
	}
	vsp_storage_source_look_at(source, bdev);
	source->device = &pool->device;
	source->pool = pool;
	vsp_storage_device_use(source->device, source);
	return 0;
}

static int open_whole(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	struct vsp_storage_device *device = &pool->device;
	int error;

	if (!vsp_storage_device_begin(device)) {
		pr_err("service %s: the device of pool %s is gone: enable it when that is back\n",
		       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)));
		return -ENODEV;
	}
	error = use_whole(source, service);
	vsp_storage_device_end(device);
	return error;
}

static int open_own(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	int error;

	source->owned = true;
	/* A crash while it grew leaves blocks beyond its end. */
	source->untidy = true;
	error = take_file(source, service, open_own_file(pool, service));
	if (!error)
		vsp_storage_file_label(source->file, service);
	return error;
}

/**
 * vsp_storage_source_open() - find and open what a service's disk is kept on
 * @source: zeroed
 * @service: its pool is enabled
 *
 * Context: the administrator's process.
 * Return: 0, -ENODEV, -EINVAL, -ELOOP, -EBUSY, or what opening returns; logged
 */
int vsp_storage_source_open(struct vsp_storage_source *source, struct vsp_service *service)
{
	struct vsp_storage_pool *pool = vsp_pool_data(vsp_service_pool(service));
	const struct cred *old;
	int error;

	source->cred = get_cred(vsp_service_backing(service)[0] ? current_cred() : pool->cred);
	old = override_creds(source->cred);
	if (vsp_service_backing(service)[0]) {
		error = open_backing(source, service);
	} else if (pool->whole) {
		error = open_whole(source, service);
	} else if (pool->directory.dentry) {
		error = open_own(source, service);
	} else {
		pr_err("service %s: pool %s has no source: name a backing\n",
		       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)));
		error = -ENODEV;
	}
	revert_creds(old);
	if (error)
		put_cred(source->cred);
	return error;
}

/**
 * vsp_storage_source_close() - undo vsp_storage_source_open()
 * @source: nothing is under way
 * @service: its pool is still enabled
 *
 * Deletes nothing but a file of the pool's that is empty.
 */
void vsp_storage_source_close(struct vsp_storage_source *source, struct vsp_service *service)
{
	const struct cred *old = override_creds(source->cred);

	if (source->device)
		vsp_storage_device_use(source->device, NULL);
	if (source->pool) {
		vsp_storage_unclaim_device(source->pool);
	} else if (source->device) {
		vsp_storage_device_close(source->device);
	} else {
		source_let_go(source, service);
		fput(source->file);
	}
	revert_creds(old);
	put_cred(source->cred);
}
