// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a client's requests can do to a source: the code that takes them out of the ring,
 * checks and admits them, over a ring and a source that only write down what they are
 * asked for.
 */
#define vsp_queue_peek		stub_peek
#define vsp_queue_read		stub_read
#define vsp_queue_write		stub_write
#define vsp_queue_consume	stub_consume
#define vsp_queue_complete	stub_complete
#define vsp_queue_flush		stub_flush
#define vsp_queue_wake		stub_wake
#define vsp_rates_admit		stub_admit
#define vsp_rates_drop		stub_drop
#define vsp_rates_reset		stub_reset
#define vsp_rates_held		stub_held
#define vsp_rates_done		stub_done
#define vsp_storage_io_prepare	stub_prepare
#define vsp_storage_io_undo	stub_undo
#define vsp_storage_io_start	stub_io_start
#define vsp_storage_io_sync	stub_sync
#define vsp_storage_memory_request stub_request
#define vsp_storage_source_size	stub_size
#define vsp_storage_source_end	stub_source_end

#include "vs_storage.h"
#include "vsp/storage/queue.c"
#include "vsp/storage/done.c"
#include "vsp/core/service.h"
#include "vsp/pool/pool.h"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define SIZE		(64ULL << 20)
#define ROUNDS		100000
#define NONE		0xff	/* no status was written */

/* The client's one request, and what became of it. */
static struct {
	struct vsp_chain chain;
	u8 bytes[64];		/* the start of what the device reads */
	bool there;
	u8 status;
	unsigned int completed;
	unsigned int started;
	unsigned int syncs;
	bool early;		/* it has to wait for its rates */
	bool held;		/* it does */
	unsigned int charged;	/* admitted, less those that were dropped */
	unsigned int owed;	/* admitted, and not done */
	u64 cost[VSP_STORAGE_RATES];
	struct vsp_storage_request seen;
	unsigned int unfinished;	/* writes, when the use of the source ended */
} world;

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
}

void stub_flush(struct vsp_queue *queue)
{
}

void stub_wake(struct vsp_queue *queue)
{
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

void stub_drop(struct vsp_service *service, u32 flow)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.held = false;
}

void stub_reset(struct vsp_service *service, u32 flow)
{
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

struct vsp_storage_request *stub_request(struct vsp_storage *storage)
{
	return list_first_entry_or_null(&storage->memory.free, struct vsp_storage_request, entry);
}

int stub_prepare(struct vsp_storage_request *request, struct vsp_queue *queue)
{
	return 0;
}

void stub_undo(struct vsp_storage_request *request)
{
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
	storage->sync.active = true;
	storage->sync.covered = storage->sync.unsynced;
	list_splice_tail_init(&storage->sync.waiting, &storage->sync.covered_list);
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
	struct vsp_storage_request request;
};

static struct fixture *make(struct kunit *test)
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
	INIT_LIST_HEAD(&storage->done);
	INIT_LIST_HEAD(&storage->sync.waiting);
	INIT_LIST_HEAD(&storage->sync.covered_list);
	INIT_LIST_HEAD(&storage->memory.free);
	f->request.storage = storage;
	list_add(&f->request.entry, &storage->memory.free);
	storage->terms = (struct vsp_storage_terms){
		.present = true,
		.access = VS_STORAGE_READ | VS_STORAGE_WRITE | VS_STORAGE_DISCARD,
		.block_size = 512,
		.size = SIZE,
	};
	return f;
}

/* A request of @type for @length bytes of data at @sector. */
static void ask(u32 type, u64 sector, u64 length)
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
static void ask_range(u32 type, u64 sector, u32 sectors, u32 flags)
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

static void run(struct fixture *f)
{
	vsp_storage_queue_kick(&f->service, NULL);
	vsp_storage_queue_reap(&f->service, NULL);
}

static void what_is_granted_reaches_the_source(struct kunit *test)
{
	static const struct {
		u32 type;
		u64 sector;
		u32 sectors;
	} good[] = {
		{ VIRTIO_BLK_T_IN, 0, 1 },
		{ VIRTIO_BLK_T_OUT, 0, 1 },
		{ VIRTIO_BLK_T_IN, (SIZE >> 9) - 8, 8 },
		{ VIRTIO_BLK_T_OUT, (SIZE >> 9) - 2048, 2048 },
		{ VIRTIO_BLK_T_DISCARD, 0, SIZE >> 9 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, (SIZE >> 9) - 2048, 2048 },
	};
	struct fixture *f = make(test);

	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		if (good[i].type <= VIRTIO_BLK_T_OUT)
			ask(good[i].type, good[i].sector, good[i].sectors * 512ULL);
		else
			ask_range(good[i].type, good[i].sector, good[i].sectors, 0);
		run(f);
		KUNIT_EXPECT_EQ_MSG(test, world.status, VIRTIO_BLK_S_OK, "case %d", i);
		KUNIT_EXPECT_EQ(test, world.started, 1);
		KUNIT_EXPECT_EQ(test, world.seen.offset, good[i].sector << 9);
		KUNIT_EXPECT_EQ(test, world.seen.length, (u64)good[i].sectors << 9);
	}
}

static void what_is_beyond_or_against_the_contract_does_not(struct kunit *test)
{
	static const struct {
		u32 type;
		u32 access;
		u64 sector;
		u32 sectors;
		u8 status;
	} bad[] = {
		{ VIRTIO_BLK_T_IN, 7, SIZE >> 9, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_OUT, 7, (SIZE >> 9) - 1, 2, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_OUT, 7, U64_MAX, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_OUT, 7, U64_MAX >> 9, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_IN, VS_STORAGE_WRITE, 0, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_OUT, VS_STORAGE_READ, 0, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_OUT, 0, 0, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_DISCARD, VS_STORAGE_READ | VS_STORAGE_WRITE, 0, 1,
		  VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_DISCARD, VS_STORAGE_DISCARD, 0, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_DISCARD, 7, (SIZE >> 9) - 1, 2, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_DISCARD, 7, 0, U32_MAX, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_DISCARD, 7, 0, 0, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VS_STORAGE_READ, 0, 1, VS_STORAGE_S_DENIED },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 7, 0, 2049, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, 7, 0, 2049, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, 7, 0, 2049, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, 7, 0, 0, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_SECURE_ERASE, 7, 0, 1, VIRTIO_BLK_S_UNSUPP },
		{ U32_MAX, 7, 0, 1, VIRTIO_BLK_S_UNSUPP },
	};
	struct fixture *f = make(test);

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		f->storage.terms.access = bad[i].access;
		if (bad[i].type == VIRTIO_BLK_T_DISCARD ||
		    bad[i].type == VIRTIO_BLK_T_WRITE_ZEROES)
			ask_range(bad[i].type, bad[i].sector, bad[i].sectors, 0);
		else
			ask(bad[i].type, bad[i].sector, bad[i].sectors * 512ULL);
		run(f);
		KUNIT_EXPECT_EQ_MSG(test, world.status, bad[i].status, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, world.started, 0, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, world.completed, 1, "case %d", i);
	}
}

static void without_a_contract_all_data_fails_at_once(struct kunit *test)
{
	struct fixture *f = make(test);

	f->storage.terms.present = false;
	for (u32 type = 0; type < 16; type++) {
		ask_range(type, 0, 8, 0);
		if (type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT)
			ask(type, 0, 4096);
		run(f);
		KUNIT_EXPECT_EQ_MSG(test, world.started, 0, "type %u", type);
		KUNIT_EXPECT_NE_MSG(test, world.status, VIRTIO_BLK_S_OK, "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, world.completed, 1, "type %u", type);
	}
}

static void misaligned_is_an_error(struct kunit *test)
{
	struct fixture *f = make(test);

	f->storage.terms.block_size = 4096;
	for (u32 sector = 0; sector < 16; sector++) {
		ask(VIRTIO_BLK_T_OUT, sector, 4096);
		run(f);
		KUNIT_EXPECT_EQ(test, world.started, sector % 8 == 0);
		ask(VIRTIO_BLK_T_IN, 0, 512 + sector * 512);
		run(f);
		KUNIT_EXPECT_EQ(test, world.started, sector % 8 == 7);
	}
	ask(VIRTIO_BLK_T_IN, 0, 4095);
	run(f);
	KUNIT_EXPECT_EQ(test, world.started, 0);
}

static void unmapping_needs_discard(struct kunit *test)
{
	struct fixture *f = make(test);

	ask_range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	run(f);
	KUNIT_EXPECT_EQ(test, world.seen.flags, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	f->storage.terms.access = VS_STORAGE_WRITE;
	ask_range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	run(f);
	KUNIT_EXPECT_EQ(test, world.started, 1);
	KUNIT_EXPECT_EQ(test, world.seen.flags, 0);
	ask_range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2);
	run(f);
	KUNIT_EXPECT_EQ(test, world.status, VIRTIO_BLK_S_UNSUPP);
}

static void what_is_early_stays_in_the_ring(struct kunit *test)
{
	struct fixture *f = make(test);

	ask(VIRTIO_BLK_T_IN, 0, 4096);
	world.early = true;
	run(f);
	KUNIT_EXPECT_TRUE(test, world.there && world.held);
	KUNIT_EXPECT_EQ(test, world.completed + world.started, 0);
	/* Nobody looks at it before its time, though there are kicks. */
	world.early = false;
	run(f);
	KUNIT_EXPECT_EQ(test, world.completed + world.started, 0);
	/* The contract goes: it is held no longer, and fails. */
	world.held = false;
	f->storage.terms.present = false;
	run(f);
	KUNIT_EXPECT_EQ(test, world.status, VS_STORAGE_S_DENIED);
	KUNIT_EXPECT_EQ(test, world.charged, 0);
}

/* However it ends: what was admitted is done, once, and what was not is not charged. */
static void each_byte_and_operation_is_charged_once(struct kunit *test)
{
	static const struct {
		u32 type;
		u64 bytes;
	} kinds[] = {
		{ VIRTIO_BLK_T_IN, 8192 }, { VIRTIO_BLK_T_OUT, 8192 }, { VIRTIO_BLK_T_FLUSH, 0 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 8192 }, { VIRTIO_BLK_T_DISCARD, 0 },
	};
	struct fixture *f = make(test);

	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 type = kinds[i].type;

		if (type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES)
			ask_range(type, 0, 16, 0);
		else
			ask(type, 0, kinds[i].bytes);
		run(f);
		KUNIT_EXPECT_EQ_MSG(test, world.charged, 1, "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, world.owed, 0, "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, world.cost[0], kinds[i].bytes, "type %u", type);
		KUNIT_EXPECT_EQ_MSG(test, world.cost[1], 1, "type %u", type);
		if (f->storage.sync.active)
			f->storage.sync_done = true;
		run(f);
	}
	ask(VIRTIO_BLK_T_IN, SIZE >> 9, 512);
	run(f);
	KUNIT_EXPECT_EQ(test, world.charged + world.owed, 0);
}

static void end_sync(struct fixture *f, int result)
{
	f->storage.sync_done = true;
	f->storage.sync_result = result;
	run(f);
}

static void a_failed_sync_is_told_to_a_flush(struct kunit *test)
{
	struct fixture *f = make(test);

	f->storage.terms.cache = 8192;
	ask(VIRTIO_BLK_T_OUT, 0, 8192);
	run(f);
	KUNIT_EXPECT_EQ(test, world.status, VIRTIO_BLK_S_OK);
	KUNIT_EXPECT_EQ(test, f->storage.sync.unsynced, 8192);
	/* The cache goes: a sync that nobody waits for, and that fails. */
	f->storage.terms.cache = 0;
	memset(&world, 0, sizeof(world));
	run(f);
	KUNIT_EXPECT_EQ(test, world.syncs, 1);
	end_sync(f, -EIO);
	for (int i = 0; i < 2; i++) {
		ask(VIRTIO_BLK_T_FLUSH, 0, 0);
		run(f);
		KUNIT_EXPECT_EQ(test, world.status, NONE);
		end_sync(f, 0);
		KUNIT_EXPECT_EQ(test, world.status, i ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
	}
}

/* Whatever the bytes say: only what the contract allows is started. */
static void random_requests_stay_within_the_contract(struct kunit *test)
{
	u32 seed = get_random_u32();
	struct fixture *f = make(test);
	struct rnd_state rnd;
	unsigned int started = 0;

	kunit_info(test, "seed %u", seed);
	prandom_seed_state(&rnd, seed);
	for (int i = 0; i < ROUNDS; i++) {
		struct vsp_storage_terms *terms = &f->storage.terms;
		const struct vsp_storage_request *seen = &world.seen;
		u64 sector = prandom_u32_state(&rnd) % (2 * (SIZE >> 9));
		u32 sectors = 1 + prandom_u32_state(&rnd) % 4096;
		u32 type = prandom_u32_state(&rnd) % 16;

		terms->access = prandom_u32_state(&rnd) % 8;
		terms->present = prandom_u32_state(&rnd) % 16;
		if (!(prandom_u32_state(&rnd) % 8))
			sector |= (u64)prandom_u32_state(&rnd) << 32;
		if (type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT)
			ask(type, sector, sectors * 512ULL - prandom_u32_state(&rnd) % 2);
		else
			ask_range(type, sector, sectors, prandom_u32_state(&rnd) % 3);
		if (!(prandom_u32_state(&rnd) % 16))
			world.chain.readable_bytes = prandom_u32_state(&rnd) % 64;
		if (!(prandom_u32_state(&rnd) % 16))
			world.chain.writable_bytes = prandom_u32_state(&rnd) % 64;
		run(f);
		if (f->storage.sync.active)
			end_sync(f, 0);
		KUNIT_ASSERT_EQ_MSG(test, world.completed, 1, "round %d", i);
		KUNIT_ASSERT_EQ_MSG(test, world.owed, 0, "round %d", i);
		if (!world.started)
			continue;
		started++;
		KUNIT_ASSERT_TRUE_MSG(test, terms->present, "round %d", i);
		KUNIT_ASSERT_EQ_MSG(test, needed_access(seen) & ~terms->access, 0, "round %d", i);
		KUNIT_ASSERT_TRUE_MSG(test, seen->length && seen->length <= SIZE &&
				      seen->offset <= SIZE - seen->length, "round %d", i);
		KUNIT_ASSERT_TRUE_MSG(test, seen->length <= VS_STORAGE_REQUEST_MAX ||
				      seen->type == VIRTIO_BLK_T_DISCARD, "round %d", i);
		KUNIT_ASSERT_EQ_MSG(test, (seen->offset | seen->length) & 511, 0, "round %d", i);
	}
	KUNIT_EXPECT_GT(test, started, 1000);
}

static void no_space_beyond_the_end_is_an_error_and_no_lack_of_space(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_storage_request *request = &f->request;

	request->type = VIRTIO_BLK_T_OUT;
	request->offset = SIZE / 2;
	request->length = SZ_4K;
	request->result = -ENOSPC;
	KUNIT_EXPECT_EQ(test, status_of(request), VS_STORAGE_S_NOSPC);
	source_size = SIZE / 2 + SZ_4K - 1;
	KUNIT_EXPECT_EQ(test, status_of(request), VIRTIO_BLK_S_IOERR);
	source_size = 0;
	KUNIT_EXPECT_EQ(test, status_of(request), VIRTIO_BLK_S_IOERR);
	source_size = SIZE;
}

/*
 * When the last use of a device that is gone ends, another one may come in its place: who
 * then looks finds every write that no sync has covered in one of three places.
 */
static void a_write_is_seen_when_its_use_of_the_source_ends(struct kunit *test)
{
	struct fixture *f = make(test);

	f->storage.terms.cache = 4096;
	ask(VIRTIO_BLK_T_OUT, 0, 4096);
	run(f);
	KUNIT_EXPECT_EQ(test, world.unfinished, 1);
	KUNIT_EXPECT_EQ(test, f->storage.unfinished, 0);
	KUNIT_EXPECT_EQ(test, f->storage.sync.unsynced, 4096);

	ask(VIRTIO_BLK_T_OUT, 8, 4096);
	run(f);
	KUNIT_EXPECT_EQ(test, world.unfinished, 1);
	KUNIT_EXPECT_EQ(test, f->storage.unfinished, 0);
	KUNIT_EXPECT_EQ(test, world.syncs, 1);

	ask(VIRTIO_BLK_T_IN, 0, 4096);
	run(f);
	KUNIT_EXPECT_EQ(test, world.unfinished, 0);
}

static struct kunit_case storage_queue_cases[] = {
	KUNIT_CASE(what_is_granted_reaches_the_source),
	KUNIT_CASE(what_is_beyond_or_against_the_contract_does_not),
	KUNIT_CASE(without_a_contract_all_data_fails_at_once),
	KUNIT_CASE(misaligned_is_an_error),
	KUNIT_CASE(unmapping_needs_discard),
	KUNIT_CASE(what_is_early_stays_in_the_ring),
	KUNIT_CASE(each_byte_and_operation_is_charged_once),
	KUNIT_CASE(a_failed_sync_is_told_to_a_flush),
	KUNIT_CASE(no_space_beyond_the_end_is_an_error_and_no_lack_of_space),
	KUNIT_CASE(a_write_is_seen_when_its_use_of_the_source_ends),
	KUNIT_CASE(random_requests_stay_within_the_contract),
	{}
};

static struct kunit_suite storage_queue_suite = {
	.name = "vsp_storage_queue",
	.test_cases = storage_queue_cases,
};
kunit_test_suite(storage_queue_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of what a client's requests can do to a source");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
