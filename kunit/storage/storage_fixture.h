/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code that takes a client's requests out of the rings, checks and admits them, over rings
 * and a source that only write down what they are asked for.
 */
#ifndef STORAGE_FIXTURE_H
#define STORAGE_FIXTURE_H

#define vsp_queue_number	stub_number
#define vsp_queue_peek		stub_peek
#define vsp_queue_read		stub_read
#define vsp_queue_write		stub_write
#define vsp_queue_consume	stub_consume
#define vsp_queue_complete	stub_complete
#define vsp_queue_flush		stub_flush
#define vsp_queue_wake		stub_wake
#define vsp_rates_admit		stub_admit
#define vsp_rates_wait		stub_wait
#define vsp_rates_drop		stub_drop
#define vsp_rates_held		stub_held
#define vsp_rates_done		stub_done
#define vsp_storage_io_prepare	stub_prepare
#define vsp_storage_io_undo	stub_undo
#define vsp_storage_io_start	stub_io_start
#define vsp_storage_io_sync	stub_sync
#define vsp_storage_memory_request stub_request
#define vsp_storage_memory_leave stub_leave
#define vsp_storage_source_size	stub_size
#define vsp_storage_source_end	stub_source_end

#include "kunit/rate/turn_copy.h"
#include "vs_storage.h"
#include "vsp/storage/queue.c"
#include "vsp/core/turn.c"
#include "vsp/storage/sync.c"
#include "vsp/storage/done.c"
#include "vsp/core/service.h"
#include "vsp/pool/pool.h"

#include <kunit/test.h>
#include <linux/module.h>

#define SIZE		(64ULL << 20)
#define NONE		0xff	/* no status was written */
/* Never looked into. */
#define QUEUE(number)	((struct vsp_queue *)((number) + 1UL))

/* The client's one request, and what became of it. */
static struct {
	struct vsp_chain chain;
	u8 bytes[64];		/* the start of what the device reads */
	bool there;
	u8 status;
	unsigned int completed;
	unsigned int completed_by[VS_STORAGE_QUEUES_MAX];
	int woken;		/* the queue that was last; 0: none, or the first */
	unsigned int started;
	unsigned int syncs;
	bool short_of_memory;
	int prepared;		/* and not undone; a failure has something to undo, too */
	bool early;		/* it has to wait for its rates */
	bool held;		/* it does */
	unsigned int charged;	/* admitted, less those that were dropped */
	unsigned int owed;	/* admitted, and not done */
	u64 cost[VSP_STORAGE_RATES];
	u64 waits[VSP_STORAGE_RATES];	/* of the last that got its turn */
	struct vsp_storage_request seen;
	unsigned int unfinished;	/* writes, when the use of the source ended */
} world;

unsigned int stub_number(const struct vsp_queue *queue)
{
	return (unsigned long)queue - 1;
}

int stub_peek(struct vsp_queue *queue, struct vsp_chain *chain)
{
	if (!world.there)
		return -EAGAIN;
	*chain = world.chain;
	return 0;
}

int stub_read(struct vsp_queue *queue, const struct vsp_chain *chain, u64 offset, void *to,
	      size_t length)
{
	if (offset + length > sizeof(world.bytes))
		return -EFAULT;
	memcpy(to, world.bytes + offset, length);
	return 0;
}

int stub_write(struct vsp_queue *queue, const struct vsp_chain *chain, u64 offset,
	       const void *from, size_t length)
{
	if (offset == chain->writable_bytes - 1 && length == 1)
		world.status = *(const u8 *)from;
	return 0;
}

void stub_consume(struct vsp_queue *queue)
{
	world.there = false;
}

void stub_complete(struct vsp_queue *queue, u16 head, u32 written)
{
	world.completed++;
	world.completed_by[stub_number(queue)]++;
}

void stub_flush(struct vsp_queue *queue)
{
}

void stub_wake(struct vsp_queue *queue)
{
	world.woken = stub_number(queue);
}

bool stub_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.held = world.early;
	if (world.early)
		return false;
	memcpy(world.cost, cost, sizeof(world.cost));
	world.charged++;
	world.owed++;
	return true;
}

void stub_wait(struct vsp_service *service, u32 flow, const u64 *cost)
{
	lockdep_assert_held(&service->pool->rates.lock);
	memcpy(world.waits, cost, sizeof(world.waits));
	world.held = world.early;
	if (!world.early)
		vsp_storage_queue_go_on(service, flow);
}

void stub_drop(struct vsp_service *service, u32 flow)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.held = false;
}

bool stub_held(const struct vsp_service *service, u32 flow)
{
	return world.held;
}

void stub_done(struct vsp_service *service, u32 flow, const u64 *cost)
{
	world.owed--;
}

struct vsp_storage_request *stub_request(struct vsp_storage_ring *ring)
{
	return list_first_entry_or_null(&ring->free, struct vsp_storage_request, entry);
}

void stub_leave(struct vsp_storage_ring *ring)
{
}

int stub_prepare(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	world.prepared++;
	return world.short_of_memory ? -EAGAIN : 0;
}

void stub_undo(struct vsp_storage_request *request)
{
	world.prepared--;
}

/* Ends at once, and well. */
void stub_io_start(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	world.started++;
	world.seen = *request;
	request->result = moves_data(request) ? request->length : 0;
	vsp_storage_done(request, true);
}

void stub_sync(struct vsp_storage *storage, struct vsp_queue *queue)
{
	world.syncs++;
}

static u64 source_size = SIZE;

u64 stub_size(const struct vsp_storage_source *source)
{
	return source_size;
}

void stub_source_end(const struct vsp_storage_source *source)
{
	world.unfinished = container_of(source, struct vsp_storage, source)->unfinished;
}

struct fixture {
	struct vsp_pool pool;
	struct vsp_service service;
	struct vsp_storage storage;
	struct vsp_storage_request *request[2 * VS_STORAGE_QUEUES_MAX];	/* two of each queue */
};

static inline struct fixture *make(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct vsp_storage *storage = &f->storage;

	KUNIT_ASSERT_NOT_NULL(test, f);
	spin_lock_init(&f->pool.rates.lock);
	f->service.pool = &f->pool;
	f->service.class_data = storage;
	storage->service = &f->service;
	storage->keep = SIZE;
	spin_lock_init(&storage->lock);
	INIT_LIST_HEAD(&storage->sync.waiting);
	INIT_LIST_HEAD(&storage->sync.covered_list);
	vsp_storage_queue_init(storage);
	for (unsigned int i = 0; i < ARRAY_SIZE(f->request); i++) {
		struct vsp_storage_ring *ring = &storage->ring[i / 2];

		f->request[i] = kunit_kzalloc(test, sizeof(*f->request[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, f->request[i]);
		f->request[i]->storage = storage;
		f->request[i]->ring = ring;
		list_add(&f->request[i]->entry, &ring->free);
	}
	storage->terms = (struct vsp_storage_terms){
		.present = true,
		.access = VS_STORAGE_READ | VS_STORAGE_WRITE | VS_STORAGE_DISCARD,
		.block_size = 512,
		.queues = 2,
		.size = SIZE,
	};
	return f;
}

/* A request of @type for @length bytes of data at @sector. */
static inline void ask(u32 type, u64 sector, u64 length)
{
	struct virtio_blk_outhdr header = {
		.type = (__force __virtio32)cpu_to_le32(type),
		.sector = (__force __virtio64)cpu_to_le64(sector),
	};

	memset(&world, 0, sizeof(world));
	world.there = true;
	world.status = NONE;
	memcpy(world.bytes, &header, sizeof(header));
	world.chain.readable_bytes = sizeof(header) + (type == VIRTIO_BLK_T_OUT ? length : 0);
	world.chain.writable_bytes = 1 + (type == VIRTIO_BLK_T_OUT ? 0 : length);
}

/* A discard or write-zeroes. */
static inline void ask_range(u32 type, u64 sector, u32 sectors, u32 flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = cpu_to_le64(sector),
		.num_sectors = cpu_to_le32(sectors),
		.flags = cpu_to_le32(flags),
	};

	ask(type, 0, 0);
	memcpy(world.bytes + sizeof(struct virtio_blk_outhdr), &range, sizeof(range));
	world.chain.readable_bytes += sizeof(range);
}

static inline void run_queue(struct fixture *f, unsigned int number)
{
	vsp_storage_queue_kick(&f->service, QUEUE(number));
	vsp_storage_queue_reap(&f->service, QUEUE(number));
}

static inline void run(struct fixture *f)
{
	run_queue(f, 0);
}

#endif
