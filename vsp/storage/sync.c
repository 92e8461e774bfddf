// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is completed and not yet on the medium, over all queues of a disk.
 *
 * One sync of the source is under way at a time, and covers all that was completed before it,
 * whichever queue that came from: so does a flush.  What waits for it is given back to the movers
 * of its queues, each of which completes its own.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <uapi/linux/virtio_blk.h>

#include "vsp/storage/storage.h"

static bool is_due(const struct vsp_storage *storage)
{
	const struct vsp_storage_sync *sync = &storage->sync;

	lockdep_assert_held(&storage->lock);
	return !sync->active &&
	       (!list_empty(&sync->waiting) || sync->unsynced > storage->terms.cache);
}

/**
 * vsp_storage_sync_write() - must the completion of a write wait until it is on the medium?
 * @request: the source has finished with it, without an error; not durable
 *
 * Context: the mover of its queue; vsp_storage_sync_settle() follows.
 * Return: true: it is in the list of what waits for a sync
 */
bool vsp_storage_sync_write(struct vsp_storage_request *request)
{
	struct vsp_storage *storage = request->storage;
	struct vsp_storage_sync *sync = &storage->sync;
	bool waits;

	spin_lock_irq(&storage->lock);
	waits = sync->unsynced + request->length > storage->terms.cache;
	if (waits)
		list_add_tail(&request->entry, &sync->waiting);
	else
		WRITE_ONCE(sync->unsynced, sync->unsynced + request->length);
	spin_unlock_irq(&storage->lock);
	return waits;
}

/**
 * vsp_storage_sync_flush() - have a flush wait for a sync that begins after it came
 * @request: admitted
 *
 * Context: the mover of its queue; vsp_storage_sync_settle() follows.
 */
void vsp_storage_sync_flush(struct vsp_storage_request *request)
{
	struct vsp_storage *storage = request->storage;

	spin_lock_irq(&storage->lock);
	list_add_tail(&request->entry, &storage->sync.waiting);
	spin_unlock_irq(&storage->lock);
}

/**
 * vsp_storage_sync_settle() - begin a sync, if one is due
 * @storage: its lock is not held
 * @queue: of the mover; the sync is done on its account
 * @finished: number of writes that are in sync now, and no longer unfinished
 *
 * Context: the mover of @queue, or who reaps in its place.
 */
void vsp_storage_sync_settle(struct vsp_storage *storage, struct vsp_queue *queue,
			     unsigned int finished)
{
	struct vsp_storage_sync *sync = &storage->sync;
	bool due;

	spin_lock_irq(&storage->lock);
	/* Only now does @sync have them; see vsp_storage_lost(). */
	storage->unfinished -= finished;
	due = is_due(storage);
	if (due) {
		sync->active = true;
		sync->covered = sync->unsynced;
		list_splice_tail_init(&sync->waiting, &sync->covered_list);
	}
	spin_unlock_irq(&storage->lock);
	if (due)
		vsp_storage_io_sync(storage, queue);
}

/* Somebody has to begin the next one: a queue of whose requests one waits, or any. */
static void wake_for_next(struct vsp_storage *storage)
{
	struct vsp_storage_request *request;

	request = list_first_entry_or_null(&storage->sync.waiting, struct vsp_storage_request,
					   entry);
	if (request)
		vsp_storage_done_wake(request->ring);
	else
		vsp_storage_done_wake_all(storage);
}

/**
 * vsp_storage_sync_ended() - the sync under way has ended
 * @storage: its lock is not held; once this returns it may be gone
 * @result: 0 or an errno
 *
 * Context: process.
 */
void vsp_storage_sync_ended(struct vsp_storage *storage, int result)
{
	struct vsp_storage_sync *sync = &storage->sync;
	struct vsp_storage_request *request, *next;
	bool told = false, flush;
	unsigned long irq;
	int lost;

	spin_lock_irqsave(&storage->lock, irq);
	lost = result ?: sync->error;
	sync->active = false;
	WRITE_ONCE(sync->unsynced, sync->unsynced - sync->covered);
	list_for_each_entry_safe(request, next, &sync->covered_list, entry) {
		flush = request->type == VIRTIO_BLK_T_FLUSH;
		told |= flush;
		request->result = flush ? lost : result;
		list_move_tail(&request->entry, &request->ring->synced);
		vsp_storage_done_wake(request->ring);
	}
	sync->error = told ? 0 : lost;
	if (is_due(storage))
		wake_for_next(storage);
	spin_unlock_irqrestore(&storage->lock, irq);
}
