// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk of the guest as the block layer has it: made, shown, and taken away; the
 * limits of its queue; and whether it may be opened.  storage.c closes it to openers
 * while a new contract moves its block size or its end.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>
#include <linux/virtio.h>

#include "channel/guest/channel.h"
#include "vs_compat_block.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

/* How long a change of the queue's limits may wait, and how often it tries. */
#define LIMITS_MS	3000
#define LIMITS_STEP_MS	10

static DEFINE_IDA(numbers);

static int disk_open(struct vs_opened *opened, vs_blk_mode_t mode)
{
	struct gendisk *disk = vs_disk_of_opened(opened);
	struct vsc_storage *storage = disk->private_data;

	lockdep_assert_held(&disk->open_mutex);
	return READ_ONCE(storage->shut) ? -EBUSY : 0;
}

/* For whoever has to know this disk again by another way. */
static int disk_unique_id(struct gendisk *disk, u8 id[16], enum blk_unique_id type)
{
	const struct vsc_storage *storage;
	int length = -ENODEV;

	if (type != BLK_UID_T10)
		return -EINVAL;
	/* Who asks may have a disk that is gone open. */
	rcu_read_lock();
	storage = READ_ONCE(disk->private_data);
	if (storage) {
		export_uuid(id, vsc_session_uuid(storage->session));
		length = UUID_SIZE;
	}
	rcu_read_unlock();
	return length;
}

/* An open disk pins the module, and nothing else does. */
static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.open = disk_open,
	.get_unique_id = disk_unique_id,
};

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_storage *storage = dev_to_disk(dev)->private_data;

	return sysfs_emit(text, "%s\n", storage->uuid);
}

static DEVICE_ATTR_RO(serial);

static struct attribute *disk_attrs[] = {
	&dev_attr_serial.attr,
	NULL
};

ATTRIBUTE_GROUPS(disk);

/*
 * What a contract says of the queue's limits. dma_alignment is left at that of all disks,
 * 511: for a source that wants more the provider copies.
 */
static void fill_limits(struct vs_queue_limits *limits, u32 block_size, bool cache, bool discard)
{
	u32 physical = max_t(u32, block_size, VS_STORAGE_PHYSICAL_BLOCK);

	limits->logical_block_size = block_size;
	limits->physical_block_size = physical;
	limits->io_min = physical;
	limits->discard_granularity = discard ? physical : 0;
	limits->max_hw_discard_sectors = discard ? VS_STORAGE_DISCARD_MAX >> SECTOR_SHIFT : 0;
	limits->features &= ~BLK_FEAT_WRITE_CACHE;
	if (cache)
		limits->features |= BLK_FEAT_WRITE_CACHE;
}

/*
 * As queue_limits_start_update(), but with an end: who writes to queue/ of the disk
 * holds this mutex until every request is over, and the provider may hold those back.
 */
static int start_limits(struct vsc_storage *storage, struct vs_queue_limits *limits)
{
	struct request_queue *queue = storage->disk->queue;
	unsigned long end = jiffies + msecs_to_jiffies(LIMITS_MS);

	while (!mutex_trylock(vs_queue_limits_lock(queue))) {
		if (vsc_channel_broken(storage->channel) || time_after(jiffies, end)) {
			dev_warn_ratelimited(vsc_session_device(storage->session),
					     "vscblk%d: limits unchanged: a write to its queue/ attributes takes more than %d ms\n",
					     storage->number, LIMITS_MS);
			return -EBUSY;
		}
		msleep(LIMITS_STEP_MS);
	}
	*limits = vs_queue_limits_of(queue);
	return 0;
}

/**
 * vsc_storage_disk_set_limits() - bring the queue's limits to what they should be
 * @storage: has a disk
 * @block_size: bytes
 * @cache: is there a write cache?
 * @discard: may it be discarded?
 *
 * The queue is not frozen, see storage.h.  A write cache stays announced once it was: data written
 * under it may not be on the medium yet, and a grant that seems to have failed may be in force.
 * Without a cache, a flush costs little.
 *
 * Context: the session's work; sleeps.
 * Return: 0; -EBUSY: somebody else changes them; or what the block layer says
 */
int vsc_storage_disk_set_limits(struct vsc_storage *storage, u32 block_size, bool cache,
				bool discard)
{
	struct request_queue *queue = storage->disk->queue;
	struct vs_queue_limits limits;
	bool old_cache, old_discard;
	int error;

	error = start_limits(storage, &limits);
	if (error)
		return error;
	old_cache = limits.features & BLK_FEAT_WRITE_CACHE;
	old_discard = limits.max_hw_discard_sectors;
	cache |= old_cache;
	/* A commit also takes back what the administrator has set for read-ahead. */
	if (limits.logical_block_size == block_size && old_cache == cache &&
	    old_discard == discard) {
		mutex_unlock(vs_queue_limits_lock(queue));
		return 0;
	}
	fill_limits(&limits, block_size, cache, discard);
	return vs_queue_limits_commit_update(queue, &limits);
}

/**
 * vsc_storage_disk_announce_cache() - tell the block layer that there is a write cache
 * @storage: has a disk
 *
 * Before START, so that no flush is missing once the provider caches.
 *
 * Context: the session's work; sleeps.
 * Return: as vsc_storage_disk_set_limits()
 */
int vsc_storage_disk_announce_cache(struct vsc_storage *storage)
{
	/* Not taken in vain: the holder of the limits' lock may wait for this very contract. */
	if (vs_blk_queue_write_cache(storage->disk->queue))
		return 0;
	return vsc_storage_disk_set_limits(storage, storage->block_size, true,
					   storage->queue.granted & VS_STORAGE_DISCARD);
}

/**
 * vsc_storage_disk_scan() - look for partitions
 * @work: vsc_storage.scan
 *
 * They are read through the contract, so never in the session's work.
 *
 * Context: a workqueue; sleeps until they were read.
 */
void vsc_storage_disk_scan(struct work_struct *work)
{
	struct vsc_storage *storage = container_of(work, struct vsc_storage, scan);
	struct gendisk *disk = storage->disk;

	clear_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	mutex_lock(&disk->open_mutex);
	bdev_disk_changed(disk, false);
	mutex_unlock(&disk->open_mutex);
}

/**
 * vsc_storage_disk_create() - make the disk, to be shown by vsc_storage_disk_show()
 * @storage: has none
 * @next: terms that it begins with
 *
 * Context: the session's work; sleeps.
 * Return: 0 or an errno of the block layer, or of a number for its name
 */
int vsc_storage_disk_create(struct vsc_storage *storage, const struct vs_terms *next)
{
	size_t segment_max = min_t(size_t, virtio_max_dma_size(storage->vdev),
				   VS_STORAGE_REQUEST_MAX);
	struct vs_queue_limits limits = {
		.max_hw_sectors = VS_STORAGE_REQUEST_MAX >> SECTOR_SHIFT,
		.max_segments = VS_STORAGE_SEGMENTS,
		.max_segment_size = segment_max,
		.max_discard_segments = 1,
		.max_write_zeroes_sectors = VS_STORAGE_REQUEST_MAX >> SECTOR_SHIFT,
	};
	struct gendisk *disk;
	int error;

	fill_limits(&limits, vsc_storage_granted(next, VS_STORAGE_BLOCK_SIZE),
		    vsc_storage_granted(next, VS_STORAGE_CACHE),
		    vsc_storage_granted_access(next) & VS_STORAGE_DISCARD);
	storage->number = ida_alloc(&numbers, GFP_KERNEL);
	if (storage->number < 0)
		return storage->number;
	error = vsc_storage_queue_init(storage);
	if (error)
		goto free_number;
	disk = vs_blk_mq_alloc_disk(&storage->tags, &limits, storage);
	if (IS_ERR(disk)) {
		error = PTR_ERR(disk);
		goto exit_queue;
	}
	snprintf(disk->disk_name, sizeof(disk->disk_name), "vscblk%d", storage->number);
	disk->fops = &disk_ops;
	disk->private_data = storage;
	set_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	storage->disk = disk;
	return 0;

exit_queue:
	vsc_storage_queue_exit(storage);
free_number:
	ida_free(&numbers, storage->number);
	return error;
}

/**
 * vsc_storage_disk_destroy() - the end of the disk
 * @storage: without a disk nothing happens
 *
 * Context: the session's work; sleeps. No request is left, and none comes any more.
 */
void vsc_storage_disk_destroy(struct vsc_storage *storage)
{
	if (!storage->disk)
		return;
	/* Not in good order: there is nobody to write to. */
	if (storage->shown) {
		blk_mark_disk_dead(storage->disk);
		del_gendisk(storage->disk);
	}
	/* storage_detach() waits for readers under RCU. */
	WRITE_ONCE(storage->disk->private_data, NULL);
	put_disk(storage->disk);
	vsc_storage_queue_exit(storage);
	ida_free(&numbers, storage->number);
	storage->disk = NULL;
	storage->shown = false;
}

/**
 * vsc_storage_disk_show() - let the machine see the disk
 * @storage: on error its disk is gone
 *
 * Context: the session's work; sleeps.
 * Return: 0 or an errno of the block layer
 */
int vsc_storage_disk_show(struct vsc_storage *storage)
{
	struct device *dev = vsc_session_device(storage->session);
	int error;

	error = device_add_disk(dev, storage->disk, disk_groups);
	if (error) {
		dev_err(dev, "vscblk%d: cannot be shown, error %d\n", storage->number, error);
		vsc_storage_disk_destroy(storage);
		return error;
	}
	storage->shown = true;
	queue_work(system_unbound_wq, &storage->scan);
	return 0;
}

/**
 * vsc_storage_disk_shut() - keep the disk from being opened from here on
 * @storage: has a disk
 *
 * Context: the session's work.
 * Return: false: it is open, or being opened
 */
bool vsc_storage_disk_shut(struct vsc_storage *storage)
{
	struct gendisk *disk = storage->disk;
	bool closed;

	/* The holder of the mutex may be reading partitions, which may take long. */
	if (!mutex_trylock(&disk->open_mutex))
		return false;
	closed = !disk_openers(disk);
	if (closed)
		WRITE_ONCE(storage->shut, true);
	mutex_unlock(&disk->open_mutex);
	return closed;
}

/**
 * vsc_storage_disk_reopen() - undo vsc_storage_disk_shut()
 * @storage: also if the disk was not shut
 *
 * Context: the session's work.
 */
void vsc_storage_disk_reopen(struct vsc_storage *storage)
{
	WRITE_ONCE(storage->shut, false);
}

/**
 * vsc_storage_disk_is_open() - has anybody opened the disk?
 * @storage: has a disk
 *
 * Context: any.
 */
bool vsc_storage_disk_is_open(const struct vsc_storage *storage)
{
	return disk_openers(storage->disk);
}
