// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that requests of a disk need, made when it is first needed, and kept: a disk that
 * is idle costs next to nothing. On account of the VMM, if its thread asks, but for the first
 * bounce buffer.
 *
 * Requests are a queue's own. Bounce buffers are shared by all queues of a disk, which have them in
 * turn where they are short.
 *
 * A VMM's cgroup may have no memory for a request, and only the end of one would have it asked for
 * again: so each queue has one from the beginning. For the same reason the first bounce buffer is
 * the host's: as the page allocator has it, a single page is only refused to who is being killed.
 *
 * The disk of a client of this kernel may be what the kernel writes back to: then there may be no
 * memory before a request is done, and its mover, which alone gives requests back, must not wait
 * for any. So it has bounce buffers from the beginning, too; it makes more requests where that
 * takes no waiting, and else waits for those in use.
 */
#include <linux/bitops.h>
#include <linux/bvec.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "vsp/storage/storage.h"

/* Requests that each queue has from the beginning; and the first of a local disk. */
#define REQUESTS_LEAST	1
#define REQUESTS_LOCAL	4

/* Of all disks: kmalloc() would have 4 KiB for each of these 2.6. */
static struct kmem_cache *requests;

/**
 * vsp_storage_memory_init() - make what all disks share
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vsp_storage_memory_init(void)
{
	requests = KMEM_CACHE(vsp_storage_request, SLAB_ACCOUNT);
	return requests ? 0 : -ENOMEM;
}

/**
 * vsp_storage_memory_exit() - undo vsp_storage_memory_init()
 *
 * Context: process; there is no disk.
 */
void vsp_storage_memory_exit(void)
{
	kmem_cache_destroy(requests);
}

static int add_request(struct vsp_storage_ring *ring, gfp_t gfp)
{
	struct vsp_storage_request *request;

	if (ring->requests == VS_STORAGE_QUEUE_SIZE)
		return -EBUSY;
	request = kmem_cache_zalloc(requests, gfp | __GFP_NOWARN);
	if (!request)
		return -ENOMEM;
	request->storage = ring->storage;
	request->ring = ring;
	list_add(&request->entry, &ring->free);
	ring->requests++;
	return 0;
}

static void free_bounce(struct vsp_storage_bounce *bounce)
{
	kfree(bounce->bvec);
	vfree(bounce->bytes);
	kfree(bounce);
}

static struct vsp_storage_bounce *make_bounce(bool first)
{
	const gfp_t gfp = (first ? GFP_KERNEL : GFP_KERNEL_ACCOUNT) | __GFP_NOWARN;
	struct vsp_storage_bounce *bounce = kzalloc(sizeof(*bounce), gfp);

	if (!bounce)
		return NULL;
	bounce->bytes = __vmalloc(VS_STORAGE_REQUEST_MAX, gfp);
	bounce->bvec = kmalloc_array(VSP_STORAGE_BOUNCE_PAGES, sizeof(*bounce->bvec), gfp);
	if (!bounce->bytes || !bounce->bvec) {
		free_bounce(bounce);
		return NULL;
	}
	return bounce;
}

static bool bounces_often(const struct vsp_storage *storage)
{
	return !storage->source.direct || storage->source.length_mask >= SECTOR_SIZE;
}

/* Bounce buffers that there are from the beginning, for a source that asks for them. */
static unsigned int bounces_least(const struct vsp_storage *storage)
{
	if (!vsp_service_is_local(storage->service))
		return 0;
	return bounces_often(storage) ? VSP_STORAGE_BOUNCES : 1;
}

static int open_bounces(struct vsp_storage *storage)
{
	struct vsp_storage_bounce *bounce;

	INIT_LIST_HEAD(&storage->memory.bounces);
	while (storage->memory.count < bounces_least(storage)) {
		bounce = make_bounce(!storage->memory.count);
		if (!bounce)
			return -ENOMEM;
		list_add(&bounce->entry, &storage->memory.bounces);
		storage->memory.count++;
	}
	return 0;
}

static int open_ring(struct vsp_storage_ring *ring)
{
	bool most = !ring->index && vsp_service_is_local(ring->storage->service);
	unsigned int least = most ? REQUESTS_LOCAL : REQUESTS_LEAST;
	int error = 0;

	while (!error && ring->requests < least)
		error = add_request(ring, GFP_KERNEL);
	return error;
}

/**
 * vsp_storage_memory_open() - make what there has to be from the beginning
 * @storage: new, its rings set up
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM; then vsp_storage_memory_close() is still to be called
 */
int vsp_storage_memory_open(struct vsp_storage *storage)
{
	int error = open_bounces(storage);

	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX && !error; i++)
		error = open_ring(&storage->ring[i]);
	return error;
}

/**
 * vsp_storage_memory_close() - undo vsp_storage_memory_open()
 * @storage: nothing that it was asked for is in use
 *
 * Context: may sleep.
 */
void vsp_storage_memory_close(struct vsp_storage *storage)
{
	struct vsp_storage_request *request, *next_request;
	struct vsp_storage_bounce *bounce, *next_bounce;

	list_for_each_entry_safe(bounce, next_bounce, &storage->memory.bounces, entry)
		free_bounce(bounce);
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		list_for_each_entry_safe(request, next_request, &storage->ring[i].free, entry)
			kmem_cache_free(requests, request);
}

/**
 * vsp_storage_memory_request() - a request that is not in use
 * @ring: of an open disk
 *
 * Context: the mover of @ring.
 * Return: it, still in ring->free; or NULL: there are some in use, whose end wakes the mover
 */
struct vsp_storage_request *vsp_storage_memory_request(struct vsp_storage_ring *ring)
{
	gfp_t gfp = vsp_service_is_local(ring->storage->service) ? GFP_NOWAIT : GFP_KERNEL;

	if (list_empty(&ring->free) && add_request(ring, gfp))
		return NULL;
	return list_first_entry(&ring->free, struct vsp_storage_request, entry);
}

/* Of those that wait for a buffer; VS_STORAGE_QUEUES_MAX: none does. */
static unsigned int next_wanting(const struct vsp_storage_memory *memory)
{
	unsigned int next;

	next = find_next_bit(&memory->wanting, VS_STORAGE_QUEUES_MAX, memory->last + 1);
	return next < VS_STORAGE_QUEUES_MAX ? next :
	       find_first_bit(&memory->wanting, VS_STORAGE_QUEUES_MAX);
}

/* For a buffer; or, where none is in use that could come back, to make one or do without. */
static void wake_wanting(struct vsp_storage *storage)
{
	const struct vsp_storage_memory *memory = &storage->memory;
	unsigned int next = next_wanting(memory);

	lockdep_assert_held(&storage->lock);
	if (next < VS_STORAGE_QUEUES_MAX && (!list_empty(&memory->bounces) || !memory->count))
		vsp_storage_done_wake(&storage->ring[next]);
}

/*
 * 0: @bounce; -EAGAIN: it has to wait; -ENOENT: one is to be made, and is counted already. Who
 * waits has the next one, however often another queue asks.
 */
static int take_bounce_locked(struct vsp_storage_ring *ring, struct vsp_storage_bounce **bounce)
{
	struct vsp_storage_memory *memory = &ring->storage->memory;
	unsigned int next = next_wanting(memory);

	lockdep_assert_held(&ring->storage->lock);
	if (next < VS_STORAGE_QUEUES_MAX && next != ring->index)
		return -EAGAIN;
	*bounce = list_first_entry_or_null(&memory->bounces, struct vsp_storage_bounce, entry);
	if (*bounce) {
		list_del(&(*bounce)->entry);
		memory->last = ring->index;
		return 0;
	}
	/* There is no vmalloc() that does not wait. */
	if (memory->count == VSP_STORAGE_BOUNCES || vsp_service_is_local(ring->storage->service))
		return -EAGAIN;
	memory->count++;
	return -ENOENT;
}

static int want_bounce(struct vsp_storage_ring *ring)
{
	lockdep_assert_held(&ring->storage->lock);
	__set_bit(ring->index, &ring->storage->memory.wanting);
	ring->wants = true;
	return -EAGAIN;
}

/* It is counted already. Where there is no memory for it, it waits for one of those in use. */
static int add_bounce(struct vsp_storage_ring *ring, bool first,
		      struct vsp_storage_bounce **bounce)
{
	struct vsp_storage *storage = ring->storage;
	int error = -ENOMEM;

	*bounce = make_bounce(first);
	if (*bounce)
		return 0;
	spin_lock_irq(&storage->lock);
	if (--storage->memory.count)
		error = want_bounce(ring);
	/* One may have come back meanwhile, or others wait for this one. */
	wake_wanting(storage);
	spin_unlock_irq(&storage->lock);
	return error;
}

/**
 * vsp_storage_memory_bounce() - a bounce buffer
 * @ring: of an open disk
 * @bounce: filled; vsp_storage_memory_put() is owed
 *
 * Context: the mover of @ring.
 * Return: 0; -EAGAIN: others have them, whose end wakes the mover: call it again then, or
 *	vsp_storage_memory_leave(); -ENOMEM: there is none
 */
int vsp_storage_memory_bounce(struct vsp_storage_ring *ring, struct vsp_storage_bounce **bounce)
{
	struct vsp_storage *storage = ring->storage;
	bool first;
	int error;

	spin_lock_irq(&storage->lock);
	error = take_bounce_locked(ring, bounce);
	first = storage->memory.count == 1;
	if (error == -EAGAIN)
		error = want_bounce(ring);
	spin_unlock_irq(&storage->lock);
	if (error == -ENOENT)
		error = add_bounce(ring, first, bounce);
	if (error != -EAGAIN)
		vsp_storage_memory_leave(ring);
	return error;
}

/**
 * vsp_storage_memory_put() - undo vsp_storage_memory_bounce()
 * @storage: open
 * @bounce: of it
 *
 * Context: process.
 */
void vsp_storage_memory_put(struct vsp_storage *storage, struct vsp_storage_bounce *bounce)
{
	spin_lock_irq(&storage->lock);
	list_add(&bounce->entry, &storage->memory.bounces);
	wake_wanting(storage);
	spin_unlock_irq(&storage->lock);
}

/**
 * vsp_storage_memory_leave() - a queue waits for no bounce buffer any more
 * @ring: any
 *
 * Context: the mover of @ring, or nobody has its queue.
 */
void vsp_storage_memory_leave(struct vsp_storage_ring *ring)
{
	struct vsp_storage *storage = ring->storage;

	if (!ring->wants)
		return;
	ring->wants = false;
	spin_lock_irq(&storage->lock);
	__clear_bit(ring->index, &storage->memory.wanting);
	wake_wanting(storage);
	spin_unlock_irq(&storage->lock);
}
