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
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "channel/guest/channel.h"
#include "vs_class.h"
#include "vs_compat_block.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

/*
 * How long write access waits for what is dirty: longer than half of a grant's lease, so that
 * the grant is not started while there is something left. The next one finds less to write.
 */
#define WRITE_BACK_MS	3000

static bool allow_shrink;
module_param(allow_shrink, bool, 0644);
MODULE_PARM_DESC(allow_shrink,
		 "let a disk that is not open become smaller: what lies beyond is lost (default N)");

/* The class: all in the session's work, but for storage_data(). */
static int storage_attach(struct vsc_session *session)
{
	struct vsc_storage *storage = kzalloc(sizeof(*storage), GFP_KERNEL);
	int error;

	if (!storage)
		return -ENOMEM;
	storage->session = session;
	storage->channel = vsc_session_channel(session);
	error = vsc_storage_sync_init(storage);
	if (error) {
		kfree(storage);
		return error;
	}
	snprintf(storage->uuid, sizeof(storage->uuid), "%pUb", vsc_session_uuid(session));
	INIT_WORK(&storage->scan, vsc_storage_disk_scan);
	spin_lock_init(&storage->queue.lock);
	INIT_LIST_HEAD(&storage->queue.held);
	init_waitqueue_head(&storage->queue.idle);
	storage->queue.rings = 1;
	vsc_storage_queue_wake(storage);
	storage->vdev = storage->queue.vq[0]->vdev;
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
	cancel_work_sync(&storage->sync.write_back);
	vsc_storage_disk_destroy(storage);
	vsc_storage_sync_exit(storage);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	kfree(storage);
}

static void wish_size(struct vsc_storage *storage, struct vs_term *size)
{
	if (READ_ONCE(allow_shrink) && !vsc_storage_disk_is_open(storage))
		return;
	if (size->high < storage->size)
		dev_warn_ratelimited(vsc_session_device(storage->session),
				     "size: %llu bytes wished, vscblk%d has %llu and keeps them: %s\n",
				     size->high, storage->number, storage->size,
				     vsc_storage_disk_is_open(storage) ? "it is open" :
				     "see the parameter allow_shrink of vsc_storage");
	size->low = max(size->low, storage->size);
	size->high = max(size->high, storage->size);
}

/* While closed, another block size is for who wishes just that: data is laid out by it. */
static void wish_block_size(struct vsc_storage *storage, struct vs_term *block_size)
{
	u64 current_size = storage->block_size;

	if (!vsc_storage_disk_is_open(storage) &&
	    (block_size->low > current_size || block_size->high < current_size))
		return;
	block_size->low = current_size;
	block_size->high = current_size;
}

/* More queues than processors are of no use, but for who wishes just that, or has them. */
static void wish_queues(const struct vsc_storage *storage, struct vs_term *queues)
{
	u64 enough = max(num_online_cpus(), storage->queues);

	queues->high = max(queues->low, min(queues->high, enough));
}

static void storage_wish(struct vsc_session *session, struct vs_terms *wish)
{
	struct vsc_storage *storage = vsc_session_data(session);

	wish_queues(storage, &wish->term[VS_STORAGE_INDEX(VS_STORAGE_QUEUES)]);
	if (!storage->shown)
		return;
	wish_size(storage, &wish->term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)]);
	wish_block_size(storage, &wish->term[VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE)]);
}

/* May the disk become what @next says? If it has to stay closed for that, shuts the door. */
static int prepare_geometry(struct vsc_storage *storage, const struct vs_terms *next)
{
	struct device *dev = vsc_session_device(storage->session);
	u64 size = vsc_storage_granted(next, VS_STORAGE_SIZE);
	u64 block_size = vsc_storage_granted(next, VS_STORAGE_BLOCK_SIZE);

	if (size >= storage->size && block_size == storage->block_size)
		return 0;
	if (size < storage->size && !READ_ONCE(allow_shrink)) {
		dev_warn_ratelimited(dev,
				     "size: %llu bytes granted, vscblk%d has %llu and keeps them: see the parameter allow_shrink of vsc_storage\n",
				     size, storage->number, storage->size);
		return -EPERM;
	}
	if (!vsc_storage_disk_shut(storage)) {
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
		return vsc_storage_disk_create(storage, next);
	vsc_storage_disk_reopen(storage);
	if (!storage->shown)
		return 0;
	error = prepare_geometry(storage, next);
	if (error)
		return error;
	if (!vsc_storage_granted(next, VS_STORAGE_CACHE))
		return 0;
	error = vsc_storage_disk_announce_cache(storage);
	if (error)
		vsc_storage_disk_reopen(storage);
	return error;
}

static void storage_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	struct vsc_storage *storage = vsc_session_data(session);
	u8 access = vsc_storage_granted_access(next);
	u8 lost = storage->queue.granted & ~access;

	/* Nobody waits for what is in the others: if it is early for its rate, it comes back. */
	vsc_storage_queue_spread(storage, min_t(u32, storage->queues,
						vsc_storage_granted(next, VS_STORAGE_QUEUES)));
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
	vsc_storage_queue_spread(storage, storage->queues);
	vsc_storage_queue_open(storage);
	vsc_storage_disk_reopen(storage);
}

static void storage_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	storage_settle(vsc_session_data(session));
}

/* With write access or size, what is dirty goes; or it is nowhere to be written to. */
static void storage_called(struct vsc_session *session, const struct vs_terms *fallback)
{
	struct vsc_storage *storage = vsc_session_data(session);

	if (!fallback || !(vsc_storage_granted_access(fallback) & VS_STORAGE_WRITE) ||
	    vsc_storage_granted(fallback, VS_STORAGE_SIZE) < storage->size)
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

	vsc_storage_queue_grant(storage, storage->queue.granted);
	vsc_storage_disk_reopen(storage);
}

/* What waits now went to sleep with the machine: open files and file systems live on. */
static void storage_sleep(struct vsc_session *session)
{
	vsc_storage_queue_sleep(vsc_session_data(session));
}

static void storage_wake(struct vsc_session *session)
{
	vsc_storage_queue_wake(vsc_session_data(session));
}

/*
 * Takes over what is in force, but for the access. Where the queue's limits could not be
 * changed, the rest is taken over if it can do with the old ones; the session tries again.
 */
static int storage_take_over(struct vsc_storage *storage, const struct vs_terms *next)
{
	u32 block_size = vsc_storage_granted(next, VS_STORAGE_BLOCK_SIZE);
	u64 cache = vsc_storage_granted(next, VS_STORAGE_CACHE);
	u64 size = vsc_storage_granted(next, VS_STORAGE_SIZE);
	int error;

	error = vsc_storage_disk_set_limits(storage, block_size, cache,
					    vsc_storage_granted_access(next) & VS_STORAGE_DISCARD);
	if (error && (block_size != storage->block_size ||
		      (cache && !vs_blk_queue_write_cache(storage->disk->queue))))
		return error;
	spin_lock_irq(&storage->queue.lock);
	storage->block_size = block_size;
	storage->cache = cache;
	storage->size = size;
	spin_unlock_irq(&storage->queue.lock);
	set_capacity_and_notify(storage->disk, size >> SECTOR_SHIFT);
	return error;
}

static int storage_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct vsc_storage *storage = vsc_session_data(session);
	u32 block_size = storage->block_size;
	u8 access = vsc_storage_granted_access(next);
	bool moved;
	int error;

	if (storage->left)
		return 0;
	if (!storage->disk) {
		error = vsc_storage_disk_create(storage, next);
		if (error)
			return error;
	}
	/* First of all, whatever comes of the rest: nothing waits for it any longer. */
	storage->queues = vsc_storage_granted(next, VS_STORAGE_QUEUES);
	vsc_storage_queue_spread(storage, storage->queues);
	vsc_storage_queue_grant(storage, access);
	set_disk_ro(storage->disk, !(access & VS_STORAGE_WRITE));
	moved = storage->shown && block_size != vsc_storage_granted(next, VS_STORAGE_BLOCK_SIZE);
	if (moved && !storage->shut && !vsc_storage_disk_shut(storage)) {
		dev_err_ratelimited(vsc_session_device(session),
				    "block_size: %llu in force, vscblk%d is open with %u: close it\n",
				    vsc_storage_granted(next, VS_STORAGE_BLOCK_SIZE),
				    storage->number, block_size);
		return -EBUSY;
	}
	error = storage_take_over(storage, next);
	vsc_storage_disk_reopen(storage);
	if (error)
		return error;
	if (!storage->shown)
		return vsc_storage_disk_show(storage);
	if (moved)
		queue_work(system_unbound_wq, &storage->scan);
	return 0;
}

static void storage_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_storage *storage;

	rcu_read_lock();
	storage = vsc_session_data(session);
	if (storage && index < VS_STORAGE_QUEUES_MAX)
		vsc_storage_queue_data(storage, index);
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

static u64 disk_count(struct vsc_session *session, unsigned int counter)
{
	return vsc_storage_counters_value(vsc_session_data(session), counter);
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
	.count = disk_count,
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
