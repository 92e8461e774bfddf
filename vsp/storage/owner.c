// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has what: which service uses a file or a whole device, and whose data are on it.
 *
 * Nothing on a device says whose data it holds, so that is remembered here, for as long
 * as this module and the device are there: another service gets it only after a release,
 * which zeroes it.  After a restart the first service that gets a contract over it is
 * taken for its owner.  A device that is named as the backing of a service is its own by
 * that: the name is the administrator's mark that the data on it are meant.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "vsp/class.h"
#include "vsp/storage/source.h"

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

static int refuse_owned_device(const struct vsp_service *service, struct block_device *bdev)
{
	const struct owner *owner = find_owner(bdev, vsp_service_uuid(service));

	if (!owner)
		return 0;
	pr_err("service %s: the device of pool %s holds data of the service with UUID %pUb: release that one first, which zeroes it\n",
	       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)), &owner->uuid);
	return -EBUSY;
}

/**
 * vsp_storage_owned() - whose data are on a device?
 * @bdev: open
 * @owner: filled with the UUID of a service that has some, if there is one
 *
 * Context: may sleep.
 */
bool vsp_storage_owned(struct block_device *bdev, uuid_t *owner)
{
	const struct owner *found;

	mutex_lock(&sources_lock);
	found = find_owner(bdev, NULL);
	if (found)
		*owner = found->uuid;
	mutex_unlock(&sources_lock);
	return found;
}

/**
 * vsp_storage_owned_by_other() - are there data on a device that are not a service's?
 * @bdev: open
 * @uuid: of the service
 *
 * Context: may sleep.
 */
bool vsp_storage_owned_by_other(struct block_device *bdev, const uuid_t *uuid)
{
	bool owned;

	mutex_lock(&sources_lock);
	owned = find_owner(bdev, uuid);
	mutex_unlock(&sources_lock);
	return owned;
}

/**
 * vsp_storage_claim_device() - a service wants the whole device of its pool
 * @service: of a pool that has a device, which the caller has begun to use
 *
 * Return: 0, or -EBUSY if another service uses it or has its data on it; logged
 */
int vsp_storage_claim_device(struct vsp_service *service)
{
	struct vsp_storage_pool *storage = vsp_pool_data(vsp_service_pool(service));
	int error = -EBUSY;

	mutex_lock(&sources_lock);
	if (storage->user)
		pr_err("service %s: the device of pool %s is all of service %s's\n",
		       vsp_service_name(service), vsp_pool_name(vsp_service_pool(service)),
		       vsp_service_name(storage->user));
	else
		error = refuse_owned_device(service, file_bdev(storage->device.file));
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
 * vsp_storage_owner_exit() - forget whose data is where
 *
 * Context: module exit; no pool is open.
 */
void vsp_storage_owner_exit(void)
{
	struct owner *owner, *next;

	list_for_each_entry_safe(owner, next, &owners, entry)
		kfree(owner);
}
