// SPDX-License-Identifier: GPL-2.0-only
/*
 * The storage class in the guest: a disk, /dev/vscblk<N>, that is what its contract
 * says.
 *
 * It appears when the first contract starts and lives until its channel goes; it
 * stays while no contract is in force, and its requests then fail, and while the
 * machine sleeps, and they then wait. Its parent is the session's device, its serial
 * number the service's UUID.
 *
 * What changes when. Before START: what is dirty is written back if write access goes; the
 * write cache is announced if the next contract has one, and from then on; access that is
 * taken away is drained, and what needs it held. After it: everything else. An open disk may
 * grow; it becomes smaller, or changes its block size, only while it is closed, and no open
 * is let through then from ->prepare to the outcome.
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
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "vs_channel.h"
#include "vs_class.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

/* How long a change of the queue's limits may wait, and how often it tries. */
#define LIMITS_MS	3000
#define LIMITS_STEP_MS	10
/*
 * How long write access waits for what is dirty: longer than half of a grant's lease, so that
 * the grant is not started while there is something left. The next one finds less to write.
 */
#define WRITE_BACK_MS	3000

static bool allow_shrink;
module_param(allow_shrink, bool, 0644);
MODULE_PARM_DESC(allow_shrink,
		 "let a disk that is not open become smaller: what lies beyond is lost (default N)");

static DEFINE_IDA(numbers);

/* Of a grant: one value, both ends are equal. */
static u64 storage_granted(const struct vs_terms *terms, enum vs_storage_term term)
{
	return terms->term[VS_STORAGE_INDEX(term)].high;
}

/* A disk that cannot be written has nothing to discard either. */
static u8 granted_access(const struct vs_terms *terms)
{
	u8 access = storage_granted(terms, VS_STORAGE_ACCESS);

	return access & VS_STORAGE_WRITE ? access : access & ~VS_STORAGE_DISCARD;
}

/* ---- The disk ---- */

static int disk_open(struct gendisk *disk, blk_mode_t mode)
{
	struct vsc_storage *storage = disk->private_data;

	lockdep_assert_held(&disk->open_mutex);
	return READ_ONCE(storage->shut) ? -EBUSY : 0;
}

/* For whoever has to know this disk again by another way. */
static int disk_unique_id(struct gendisk *disk, u8 id[16], enum blk_unique_id type)
{
	struct vsc_storage *storage = disk->private_data;

	if (type != BLK_UID_T10)
		return -EINVAL;
	export_uuid(id, vsc_session_uuid(storage->session));
	return UUID_SIZE;
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
static void fill_limits(struct queue_limits *limits, u32 block_size, bool cache, bool discard)
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
static int start_limits(struct vsc_storage *storage, struct queue_limits *limits)
{
	struct request_queue *queue = storage->disk->queue;
	unsigned long end = jiffies + msecs_to_jiffies(LIMITS_MS);

	while (!mutex_trylock(&queue->limits_lock)) {
		if (virtqueue_is_broken(storage->vq) || time_after(jiffies, end)) {
			dev_warn_ratelimited(vsc_session_device(storage->session),
					     "vscblk%d: limits unchanged: a write to its queue/ attributes takes more than %d ms\n",
					     storage->number, LIMITS_MS);
			return -EBUSY;
		}
		msleep(LIMITS_STEP_MS);
	}
	*limits = queue->limits;
	return 0;
}

/*
 * Brings the queue's limits to what they should be; not frozen, see storage.h.  A write
 * cache, once announced, stays so: what was written under it is not on the medium yet,
 * and a grant that seems to come to nothing may be in force.  Where there is none any
 * more, a flush costs little.
 */
static int set_limits(struct vsc_storage *storage, u32 block_size, bool cache, bool discard)
{
	struct request_queue *queue = storage->disk->queue;
	struct queue_limits limits;
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
		queue_limits_cancel_update(queue);
		return 0;
	}
	fill_limits(&limits, block_size, cache, discard);
	return queue_limits_commit_update(queue, &limits);
}

/* Before START, so that no flush is missing once the provider caches. */
static int announce_cache(struct vsc_storage *storage)
{
	/* Who has the limits' lock may wait for what sleeps, and that for this contract. */
	if (blk_queue_write_cache(storage->disk->queue))
		return 0;
	return set_limits(storage, storage->block_size, true,
			  storage->granted & VS_STORAGE_DISCARD);
}

/* Partitions are read through the contract, so never in the session's work. */
static void scan_work(struct work_struct *work)
{
	struct vsc_storage *storage = container_of(work, struct vsc_storage, scan);
	struct gendisk *disk = storage->disk;

	clear_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	mutex_lock(&disk->open_mutex);
	bdev_disk_changed(disk, false);
	mutex_unlock(&disk->open_mutex);
}

/* Makes the disk, to be shown by show_disk(). */
static int create_disk(struct vsc_storage *storage, const struct vs_terms *next)
{
	size_t segment_max = min_t(size_t, virtio_max_dma_size(storage->vdev),
				   VS_STORAGE_REQUEST_MAX);
	struct queue_limits limits = {
		.max_hw_sectors = VS_STORAGE_REQUEST_MAX >> SECTOR_SHIFT,
		.max_segments = VS_STORAGE_SEGMENTS,
		.max_segment_size = segment_max,
		.max_discard_segments = 1,
		.max_write_zeroes_sectors = VS_STORAGE_REQUEST_MAX >> SECTOR_SHIFT,
	};
	struct gendisk *disk;
	int error;

	fill_limits(&limits, storage_granted(next, VS_STORAGE_BLOCK_SIZE),
		    storage_granted(next, VS_STORAGE_CACHE),
		    granted_access(next) & VS_STORAGE_DISCARD);
	storage->number = ida_alloc(&numbers, GFP_KERNEL);
	if (storage->number < 0)
		return storage->number;
	error = vsc_storage_queue_init(storage);
	if (error)
		goto free_number;
	disk = blk_mq_alloc_disk(&storage->tags, &limits, storage);
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

/* No request is left, and none comes any more. */
static void destroy_disk(struct vsc_storage *storage)
{
	if (!storage->disk)
		return;
	/* Not in good order: there is nobody to write to. */
	if (storage->shown) {
		blk_mark_disk_dead(storage->disk);
		del_gendisk(storage->disk);
	}
	put_disk(storage->disk);
	vsc_storage_queue_exit(storage);
	ida_free(&numbers, storage->number);
	storage->disk = NULL;
	storage->shown = false;
}

static int show_disk(struct vsc_storage *storage)
{
	struct device *dev = vsc_session_device(storage->session);
	int error;

	error = device_add_disk(dev, storage->disk, disk_groups);
	if (error) {
		dev_err(dev, "vscblk%d: cannot be shown, error %d\n", storage->number, error);
		destroy_disk(storage);
		return error;
	}
	storage->shown = true;
	queue_work(system_unbound_wq, &storage->scan);
	return 0;
}

/* ---- The door: keeps a disk from being opened while its block size or end moves ---- */

/* False: it is open, or being opened. */
static bool shut_door(struct vsc_storage *storage)
{
	struct gendisk *disk = storage->disk;
	bool closed;

	/* Who holds the mutex may be reading partitions, and that may take long. */
	if (!mutex_trylock(&disk->open_mutex))
		return false;
	closed = !disk_openers(disk);
	if (closed)
		WRITE_ONCE(storage->shut, true);
	mutex_unlock(&disk->open_mutex);
	return closed;
}

static void open_door(struct vsc_storage *storage)
{
	WRITE_ONCE(storage->shut, false);
}

static bool is_open(const struct vsc_storage *storage)
{
	return disk_openers(storage->disk);
}

/* ---- The class: all in the session's work, but for storage_data() ---- */

static int storage_attach(struct vsc_session *session)
{
	struct vsc_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	int error;

	if (!storage)
		return -ENOMEM;
	storage->session = session;
	storage->channel = vsc_session_channel(session);
	storage->vq = vsc_channel_queue(vsc_session_channel(session), 0);
	error = storage->vq ? vsc_storage_sync_init(storage) : -ENODEV;
	if (error) {
		kfree(storage);
		return error;
	}
	storage->vdev = storage->vq->vdev;
	snprintf(storage->uuid, sizeof(storage->uuid), "%pUb", vsc_session_uuid(session));
	INIT_WORK(&storage->scan, scan_work);
	spin_lock_init(&storage->lock);
	INIT_LIST_HEAD(&storage->held);
	init_waitqueue_head(&storage->idle);
	/* Readers under RCU must find it complete. */
	vsc_session_set_data(session, storage);
	return 0;
}

/*
 * What was started ends before the disk is marked dead: a file system that is told
 * of it may first have to wait for someone who waits for such a request.
 */
static void storage_detach(struct vsc_session *session, bool broken)
{
	struct vsc_storage *storage = vsc_session_data(session);

	if (!storage)
		return;
	vsc_storage_queue_stop(storage, broken);
	cancel_work_sync(&storage->scan);
	cancel_work_sync(&storage->write_back);
	destroy_disk(storage);
	vsc_storage_sync_exit(storage);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	kfree(storage);
}

static void wish_size(struct vsc_storage *storage, struct vs_term *size)
{
	if (READ_ONCE(allow_shrink) && !is_open(storage))
		return;
	if (size->high < storage->size)
		dev_warn_ratelimited(vsc_session_device(storage->session),
				     "size: %llu bytes wished, vscblk%d has %llu and keeps them: %s\n",
				     size->high, storage->number, storage->size,
				     is_open(storage) ? "it is open" :
				     "see the parameter allow_shrink of vsc_storage");
	size->low = max(size->low, storage->size);
	size->high = max(size->high, storage->size);
}

/* While closed, another block size is for who wishes just that: data is laid out by it. */
static void wish_block_size(struct vsc_storage *storage, struct vs_term *block_size)
{
	u64 current_size = storage->block_size;

	if (!is_open(storage) &&
	    (block_size->low > current_size || block_size->high < current_size))
		return;
	block_size->low = current_size;
	block_size->high = current_size;
}

static void storage_wish(struct vsc_session *session, struct vs_terms *wish)
{
	struct vsc_storage *storage = vsc_session_data(session);

	if (!storage->shown)
		return;
	wish_size(storage, &wish->term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)]);
	wish_block_size(storage, &wish->term[VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE)]);
}

/* May the disk become what @next says? If it has to stay closed for that, shuts the door. */
static int prepare_geometry(struct vsc_storage *storage, const struct vs_terms *next)
{
	struct device *dev = vsc_session_device(storage->session);
	u64 size = storage_granted(next, VS_STORAGE_SIZE);
	u64 block_size = storage_granted(next, VS_STORAGE_BLOCK_SIZE);

	if (size >= storage->size && block_size == storage->block_size)
		return 0;
	if (size < storage->size && !READ_ONCE(allow_shrink)) {
		dev_warn_ratelimited(dev,
				     "size: %llu bytes granted, vscblk%d has %llu and keeps them: see the parameter allow_shrink of vsc_storage\n",
				     size, storage->number, storage->size);
		return -EPERM;
	}
	if (!shut_door(storage)) {
		dev_warn_ratelimited(dev,
				     "size %llu, block_size %llu granted: vscblk%d has %llu, %u and is open: close it first\n",
				     size, block_size, storage->number, storage->size,
				     storage->block_size);
		return -EBUSY;
	}
	return 0;
}

static int storage_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	struct vsc_storage *storage = vsc_session_data(session);
	int error;

	if (storage->left)
		return -ENODEV;
	if (!storage->disk)
		return create_disk(storage, next);
	open_door(storage);
	if (!storage->shown)
		return 0;
	error = prepare_geometry(storage, next);
	if (error)
		return error;
	if (!storage_granted(next, VS_STORAGE_CACHE))
		return 0;
	error = announce_cache(storage);
	if (error)
		open_door(storage);
	return error;
}

static void storage_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	struct vsc_storage *storage = vsc_session_data(session);
	u8 access = granted_access(next);
	u8 lost = storage->granted & ~access;

	if (!storage->shown || !lost)
		return;
	if (lost & VS_STORAGE_WRITE)
		vsc_storage_sync(storage, WRITE_BACK_MS);
	vsc_storage_queue_close(storage, access);
	if (!vsc_storage_queue_drain(storage, lost))
		dev_warn_ratelimited(vsc_session_device(session),
				     "access: requests of vscblk%d that need what is taken away (%#x) are still under way\n",
				     storage->number, lost);
}

/* Nothing comes of the grant: what was held goes on. */
static void storage_settle(struct vsc_storage *storage)
{
	vsc_storage_queue_open(storage);
	open_door(storage);
}

static void storage_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	storage_settle(vsc_session_data(session));
}

/* With write access or size, what is dirty goes; or it is nowhere to be written to. */
static void storage_called(struct vsc_session *session, const struct vs_terms *fallback)
{
	struct vsc_storage *storage = vsc_session_data(session);

	if (!fallback || !(granted_access(fallback) & VS_STORAGE_WRITE) ||
	    storage_granted(fallback, VS_STORAGE_SIZE) < storage->size)
		vsc_storage_sync_start(storage);
}

static void storage_write_back(struct vsc_session *session)
{
	vsc_storage_sync(vsc_session_data(session), 0);
}

static void storage_leave(struct vsc_session *session)
{
	struct vsc_storage *storage = vsc_session_data(session);

	vsc_storage_sync_end(storage);
	storage->left = true;
}

/* The provider fails all requests now; they go there, and none waits here. */
static void storage_lost(struct vsc_session *session)
{
	struct vsc_storage *storage = vsc_session_data(session);

	vsc_storage_queue_grant(storage, storage->granted);
	open_door(storage);
}

/* What waits now went to sleep with the machine: open files and file systems live on. */
static void storage_sleep(struct vsc_session *session)
{
	vsc_storage_queue_sleep(vsc_session_data(session));
}

static void storage_wake(struct vsc_session *session)
{
	vsc_storage_queue_wake(vsc_session_data(session),
			       vsc_channel_queue(vsc_session_channel(session), 0));
}

/*
 * Takes over what is in force, but for the access. Where the queue's limits could not be
 * changed, the rest is taken over if it can do with the old ones; the session tries again.
 */
static int storage_take_over(struct vsc_storage *storage, const struct vs_terms *next)
{
	u32 block_size = storage_granted(next, VS_STORAGE_BLOCK_SIZE);
	u64 cache = storage_granted(next, VS_STORAGE_CACHE);
	u64 size = storage_granted(next, VS_STORAGE_SIZE);
	int error;

	error = set_limits(storage, block_size, cache, granted_access(next) & VS_STORAGE_DISCARD);
	if (error && (block_size != storage->block_size ||
		      (cache && !blk_queue_write_cache(storage->disk->queue))))
		return error;
	spin_lock_irq(&storage->lock);
	storage->block_size = block_size;
	storage->cache = cache;
	storage->size = size;
	spin_unlock_irq(&storage->lock);
	set_capacity_and_notify(storage->disk, size >> SECTOR_SHIFT);
	return error;
}

static int storage_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct vsc_storage *storage = vsc_session_data(session);
	u32 block_size = storage->block_size;
	u8 access = granted_access(next);
	bool moved;
	int error;

	if (storage->left)
		return 0;
	if (!storage->disk) {
		error = create_disk(storage, next);
		if (error)
			return error;
	}
	/* First of all, whatever comes of the rest: nothing waits for it any longer. */
	vsc_storage_queue_grant(storage, access);
	set_disk_ro(storage->disk, !(access & VS_STORAGE_WRITE));
	moved = storage->shown && block_size != storage_granted(next, VS_STORAGE_BLOCK_SIZE);
	if (moved && !storage->shut && !shut_door(storage)) {
		dev_err_ratelimited(vsc_session_device(session),
				    "block_size: %llu in force, vscblk%d is open with %u: close it\n",
				    storage_granted(next, VS_STORAGE_BLOCK_SIZE), storage->number,
				    block_size);
		return -EBUSY;
	}
	error = storage_take_over(storage, next);
	open_door(storage);
	if (error)
		return error;
	if (!storage->shown)
		return show_disk(storage);
	if (moved)
		queue_work(system_unbound_wq, &storage->scan);
	return 0;
}

static void storage_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_storage *storage;

	rcu_read_lock();
	storage = vsc_session_data(session);
	if (storage && index == 0)
		vsc_storage_queue_data(storage);
	rcu_read_unlock();
}

static u64 storage_used(struct vsc_session *session, u32 index)
{
	struct vsc_storage *storage;
	u64 used = 0;

	rcu_read_lock();
	storage = vsc_session_data(session);
	if (storage)
		used = vsc_storage_counters_used(storage, index);
	rcu_read_unlock();
	return used;
}

static bool storage_sample(struct vsc_session *session, u32 flow, struct vsc_sample *sample)
{
	return vsc_storage_counters_sample(vsc_session_data(session), sample);
}

static void storage_negotiates(struct vsc_session *session, bool begins)
{
	vsc_storage_counters_negotiates(vsc_session_data(session), begins);
}

static const struct vsc_class storage_class = {
	.spec = &vs_class_storage,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = storage_attach,
	.detach = storage_detach,
	.wish = storage_wish,
	.prepare = storage_prepare,
	.narrow = storage_narrow,
	.undo = storage_undo,
	.apply = storage_apply,
	.leave = storage_leave,
	.called = storage_called,
	.write_back = storage_write_back,
	.lost = storage_lost,
	.sleep = storage_sleep,
	.wake = storage_wake,
	.data = storage_data,
	.used = storage_used,
	.sample = storage_sample,
	.negotiates = storage_negotiates,
	.counters = &vsc_storage_counters_group,
};

static int __init vsc_storage_init(void)
{
	return vsc_class_register(&storage_class);
}

static void __exit vsc_storage_exit(void)
{
	vsc_class_unregister(&storage_class);
}

module_init(vsc_storage_init);
module_exit(vsc_storage_exit);

MODULE_ALIAS("vsc-class-storage");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: storage, a negotiated disk");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
