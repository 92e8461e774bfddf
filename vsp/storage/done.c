// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the source reports to a disk: requests that it has finished, a device that has gone.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>

#include "channel/host/queue.h"
#include "vsp/class.h"
#include "vsp/storage/storage.h"

/**
 * vsp_storage_done() - the source has finished with a request
 * @request: result set; the mover's of its queue from here
 * @begun: it ends a use of the source, see vsp_storage_source_end()
 *
 * Context: any, interrupts included.
 */
void vsp_storage_done(struct vsp_storage_request *request, bool begun)
{
	struct vsp_storage *storage = request->storage;
	unsigned long irq;

	vsp_rates_done(storage->service, 0, request->cost);
	/*
	 * Woken under the lock: who takes the request off the list may be the last
	 * that the queue waits for, and the queue goes soon after. The use of a device
	 * that is gone ends only then: what was lost with it has to be seen before
	 * another one comes in its place.
	 */
	spin_lock_irqsave(&storage->lock, irq);
	list_add_tail(&request->entry, &request->ring->done);
	storage->unfinished += vsp_storage_changes_disk(request);
	if (begun)
		vsp_storage_source_end(&storage->source);
	vsp_storage_done_wake(request->ring);
	spin_unlock_irqrestore(&storage->lock, irq);
}

/**
 * vsp_storage_done_wake() - have the mover of a queue look, if there is one
 * @ring: of the queue; the lock of its disk is held
 *
 * Context: any, interrupts off.
 */
void vsp_storage_done_wake(struct vsp_storage_ring *ring)
{
	lockdep_assert_held(&ring->storage->lock);
	if (ring->queue)
		vsp_queue_wake(ring->queue);
}

/**
 * vsp_storage_done_wake_all() - have the movers of all queues look
 * @storage: its lock is held
 *
 * Context: any, interrupts off.
 */
void vsp_storage_done_wake_all(struct vsp_storage *storage)
{
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		vsp_storage_done_wake(&storage->ring[i]);
}

/**
 * vsp_storage_has_contract() - is a contract over it in force, or granted?
 * @source: of a struct vsp_storage
 *
 * Context: any.
 */
bool vsp_storage_has_contract(struct vsp_storage_source *source)
{
	struct vsp_storage *storage = container_of(source, struct vsp_storage, source);
	bool has;

	spin_lock_irq(&storage->lock);
	has = storage->terms.present || storage->prepared_id;
	spin_unlock_irq(&storage->lock);
	return has;
}

/**
 * vsp_storage_lost() - its device is gone, and another one may come in its place
 * @source: of a struct vsp_storage; nobody uses it
 *
 * What was written and is to be synced yet must not be taken for synced by the next one.
 *
 * Context: process; takes storage->lock.
 */
void vsp_storage_lost(struct vsp_storage_source *source)
{
	struct vsp_storage *storage = container_of(source, struct vsp_storage, source);

	/* What is finished meanwhile moves from the first of these to the others. */
	spin_lock_irq(&storage->lock);
	if (storage->unfinished || READ_ONCE(storage->sync.unsynced) ||
	    !list_empty(&storage->sync.waiting) || !list_empty(&storage->sync.covered_list))
		WRITE_ONCE(source->lost, true);
	spin_unlock_irq(&storage->lock);
}
