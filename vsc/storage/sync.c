// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is dirty on the disk, or in the file systems on it, is written back before the
 * contract stops allowing that: when the disk is removed in good order, when the contract
 * is given back, before write access goes, and when the provider calls to take any of it
 * away at a deadline.
 *
 * The writing is done in workqueues of its own: it waits for the provider, which may hold
 * it back for its rate, and the session has to go on answering meanwhile, or at least to
 * give up waiting.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/virtio.h>
#include <linux/workqueue.h>

#include "channel/guest/channel.h"
#include "vs_compat_block.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

/* Longest time without the end of a single request, after which the provider is given up. */
#define STALL_MS	30000
/* How often that, and broken rings, is looked for. */
#define STALL_STEP_MS	100

static void sync_partitions(struct gendisk *disk)
{
	struct block_device *bdev;
	unsigned long index;

	rcu_read_lock();
	xa_for_each(&disk->part_tbl, index, bdev) {
		if (!kobject_get_unless_zero(&bdev->bd_device.kobj))
			continue;
		rcu_read_unlock();
		vs_sync_bdev(bdev);
		put_device(&bdev->bd_device);
		rcu_read_lock();
	}
	rcu_read_unlock();
}

static void write_back_work(struct work_struct *work)
{
	struct vsc_storage *storage = container_of(work, struct vsc_storage, sync.write_back);
	u64 asked = READ_ONCE(storage->sync.asked);

	sync_partitions(storage->disk);
	blkdev_issue_flush(storage->disk->part0);
	WRITE_ONCE(storage->sync.done, asked);
	wake_up_all(&storage->sync.settled);
}

/**
 * vsc_storage_sync_start() - begin to write back what is dirty
 * @storage: the disk; nothing happens unless it is shown
 *
 * Context: the session's work.
 */
void vsc_storage_sync_start(struct vsc_storage *storage)
{
	if (!storage->shown)
		return;
	WRITE_ONCE(storage->sync.asked, storage->sync.asked + 1);
	queue_work(storage->sync.queue, &storage->sync.write_back);
}

static bool is_written(const struct vsc_storage *storage)
{
	return READ_ONCE(storage->sync.done) == storage->sync.asked;
}

static u64 requests_ended(struct vsc_storage *storage)
{
	u64 ended;

	spin_lock_irq(&storage->queue.lock);
	ended = storage->queue.counters.operations + storage->queue.counters.errors;
	spin_unlock_irq(&storage->queue.lock);
	return ended;
}

/* False: a ring is broken, or no request has ended for too long. */
static bool goes_on(struct vsc_storage *storage, u64 *ended, unsigned long *stalled)
{
	u64 now_ended = requests_ended(storage);

	if (vsc_channel_broken(storage->channel))
		return false;
	if (now_ended == *ended)
		return time_before(jiffies, *stalled);
	*ended = now_ended;
	*stalled = jiffies + msecs_to_jiffies(STALL_MS);
	return true;
}

/**
 * vsc_storage_sync() - write back what is dirty, and wait for it
 * @storage: the disk; nothing happens unless it is shown
 * @ms: for how long; 0: for as long as the provider goes on with requests
 *
 * Context: the session's work; sleeps.
 * Return: false, logged: some of it is dirty still.
 */
bool vsc_storage_sync(struct vsc_storage *storage, unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	unsigned long stalled = jiffies + msecs_to_jiffies(STALL_MS);
	u64 ended = requests_ended(storage);

	if (!storage->shown)
		return true;
	vsc_storage_sync_start(storage);
	while (!wait_event_timeout(storage->sync.settled, is_written(storage),
				   msecs_to_jiffies(STALL_STEP_MS))) {
		if ((!ms || time_before(jiffies, end)) && goes_on(storage, &ended, &stalled))
			continue;
		dev_warn_ratelimited(vsc_session_device(storage->session),
				     "vscblk%d: what is dirty could not be written back in time: it may be lost\n",
				     storage->number);
		return false;
	}
	return true;
}

static void disk_end_work(struct work_struct *work)
{
	struct vsc_storage *storage = container_of(work, struct vsc_storage, sync.end);

	cancel_work_sync(&storage->scan);
	del_gendisk(storage->disk);
	complete(&storage->sync.ended);
}

/**
 * vsc_storage_sync_end() - end the disk in good order: nothing that was written is lost
 * @storage: the disk; nothing happens unless it is shown
 *
 * File systems on it are synced and told of the end. Waits for as long as the provider goes
 * on with requests; else what is left fails, and the channel is stopped.
 *
 * Context: the session's work; sleeps.
 */
void vsc_storage_sync_end(struct vsc_storage *storage)
{
	unsigned long stalled = jiffies + msecs_to_jiffies(STALL_MS);
	u64 ended = requests_ended(storage);

	if (!storage->shown)
		return;
	queue_work(storage->sync.queue, &storage->sync.end);
	while (!wait_for_completion_timeout(&storage->sync.ended,
					    msecs_to_jiffies(STALL_STEP_MS))) {
		if (goes_on(storage, &ended, &stalled))
			continue;
		dev_warn(vsc_session_device(storage->session),
			 "vscblk%d: the provider does not go on: what is dirty is lost\n",
			 storage->number);
		vsc_storage_queue_stop(storage, true);
		wait_for_completion(&storage->sync.ended);
		break;
	}
	storage->shown = false;
}

/**
 * vsc_storage_sync_init() - make what the rest of this file needs
 * @storage: zeroed, but for its session
 *
 * Context: the session's work; sleeps.
 * Return: 0 or -ENOMEM.
 */
int vsc_storage_sync_init(struct vsc_storage *storage)
{
	INIT_WORK(&storage->sync.write_back, write_back_work);
	INIT_WORK(&storage->sync.end, disk_end_work);
	init_completion(&storage->sync.ended);
	init_waitqueue_head(&storage->sync.settled);
	/* The disk may be what reclaim writes to, and one of the two works may be stuck. */
	storage->sync.queue = alloc_workqueue("%s-sync", WQ_MEM_RECLAIM | WQ_UNBOUND, 2,
					      dev_name(vsc_session_device(storage->session)));
	return storage->sync.queue ? 0 : -ENOMEM;
}

/**
 * vsc_storage_sync_exit() - undo vsc_storage_sync_init()
 * @storage: all its requests end: nothing waits for the provider any more
 *
 * Context: the session's work; sleeps.
 */
void vsc_storage_sync_exit(struct vsc_storage *storage)
{
	destroy_workqueue(storage->sync.queue);
}
