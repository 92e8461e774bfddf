// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that requests of a disk need, made when it is first needed, and kept: a disk that
 * is idle costs next to nothing. On account of the VMM, if its thread asks.
 *
 * The disk of a client of this kernel may be what the kernel writes back to: then there may be no
 * memory before a request is done, and its mover, which alone gives requests back, must not wait
 * for any. So it has some requests and bounce buffers from the beginning, makes more requests
 * where that takes no waiting, and else waits for those in use.
 */
#include <linux/bvec.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "vsp/storage/storage.h"

/* Requests that there are from the beginning. */
#define REQUESTS_LEAST	4

static int add_request(struct vsp_storage *storage, gfp_t gfp)
{
	struct vsp_storage_request *request;

	if (storage->memory.requests == VS_STORAGE_QUEUE_SIZE)
		return -EBUSY;
	request = kzalloc(sizeof(*request), gfp | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!request)
		return -ENOMEM;
	request->storage = storage;
	list_add(&request->entry, &storage->memory.free);
	storage->memory.requests++;
	return 0;
}

static void free_bounce(struct vsp_storage_bounce *bounce)
{
	kfree(bounce->bvec);
	vfree(bounce->bytes);
	kfree(bounce);
}

static int add_bounce(struct vsp_storage *storage)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	struct vsp_storage_bounce *bounce = kzalloc(sizeof(*bounce), gfp);

	if (!bounce)
		return -ENOMEM;
	bounce->bytes = __vmalloc(VS_STORAGE_REQUEST_MAX, gfp);
	bounce->bvec = kmalloc_array(VSP_STORAGE_BOUNCE_PAGES, sizeof(*bounce->bvec), gfp);
	if (!bounce->bytes || !bounce->bvec) {
		free_bounce(bounce);
		return -ENOMEM;
	}
	list_add(&bounce->entry, &storage->memory.bounces);
	storage->memory.bounce_count++;
	return 0;
}

static bool bounces_often(const struct vsp_storage *storage)
{
	return !storage->source.direct || storage->source.length_mask >= SECTOR_SIZE;
}

/* Bounce buffers that there are from the beginning, for a source that asks for them. */
static unsigned int bounces_least(const struct vsp_storage *storage)
{
	if (!vsp_service_is_local(storage->service))
		return bounces_often(storage);
	return bounces_often(storage) ? VSP_STORAGE_BOUNCES : 1;
}

/**
 * vsp_storage_memory_open() - make what there has to be from the beginning
 * @storage: new
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM; then vsp_storage_memory_close() is still to be called
 */
int vsp_storage_memory_open(struct vsp_storage *storage)
{
	int error = 0;

	INIT_LIST_HEAD(&storage->memory.free);
	INIT_LIST_HEAD(&storage->memory.bounces);
	while (!error && storage->memory.requests < REQUESTS_LEAST)
		error = add_request(storage, GFP_KERNEL);
	while (!error && storage->memory.bounce_count < bounces_least(storage))
		error = add_bounce(storage);
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
	list_for_each_entry_safe(request, next_request, &storage->memory.free, entry)
		kfree(request);
}

/**
 * vsp_storage_memory_request() - a request that is not in use
 * @storage: open
 *
 * Context: the mover.
 * Return: it, still in storage->memory.free; or NULL: there are some in use, whose end wakes
 *	the mover
 */
struct vsp_storage_request *vsp_storage_memory_request(struct vsp_storage *storage)
{
	gfp_t gfp = vsp_service_is_local(storage->service) ? GFP_NOWAIT : GFP_KERNEL;

	if (list_empty(&storage->memory.free) && add_request(storage, gfp))
		return NULL;
	return list_first_entry(&storage->memory.free, struct vsp_storage_request, entry);
}

/**
 * vsp_storage_memory_bounce() - a bounce buffer that is not in use
 * @storage: open
 * @bounce: filled, still in storage->memory.bounces
 *
 * Context: the mover.
 * Return: 0; -EAGAIN: all are in use, whose end wakes the mover; -ENOMEM: there is none
 */
int vsp_storage_memory_bounce(struct vsp_storage *storage, struct vsp_storage_bounce **bounce)
{
	if (list_empty(&storage->memory.bounces)) {
		/* There is no vmalloc() that does not wait. */
		if (storage->memory.bounce_count == VSP_STORAGE_BOUNCES ||
		    vsp_service_is_local(storage->service))
			return -EAGAIN;
		if (add_bounce(storage))
			return storage->memory.bounce_count ? -EAGAIN : -ENOMEM;
	}
	*bounce = list_first_entry(&storage->memory.bounces, struct vsp_storage_bounce, entry);
	return 0;
}
