// SPDX-License-Identifier: GPL-2.0-only
/* What a client's requests can do to a source. */
#include "storage_fixture.h"

#include <linux/prandom.h>
#include <linux/random.h>

#define ROUNDS		100000

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
			vsp_storage_sync_ended(&f->storage, 0);
		run(f);
	}
	ask(VIRTIO_BLK_T_IN, SIZE >> 9, 512);
	run(f);
	KUNIT_EXPECT_EQ(test, world.charged + world.owed, 0);
}

static void end_sync(struct fixture *f, int result)
{
	vsp_storage_sync_ended(&f->storage, result);
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
	struct vsp_storage_request *request = f->request[0];

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
