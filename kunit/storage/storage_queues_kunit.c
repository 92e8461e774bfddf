// SPDX-License-Identifier: GPL-2.0-only
/* Several queues of one disk: what each may do, and what is of the disk for all of them. */
#include "storage_fixture.h"

static void a_queue_that_is_not_granted_moves_nothing(struct kunit *test)
{
	struct fixture *f = make(test);

	for (unsigned int queues = 1; queues <= VS_STORAGE_QUEUES_MAX; queues++) {
		f->storage.terms.queues = queues;
		for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++) {
			ask(VIRTIO_BLK_T_IN, 0, 4096);
			run_queue(f, i);
			KUNIT_EXPECT_EQ(test, world.started, i < queues);
			KUNIT_EXPECT_EQ(test, world.charged, i < queues);
			KUNIT_EXPECT_EQ(test, world.completed_by[i], 1);
			KUNIT_EXPECT_EQ(test, world.status, i < queues ? VIRTIO_BLK_S_OK :
					VS_STORAGE_S_QUEUE);
		}
	}
}

/* And each queue completes its own. */
static void a_flush_covers_what_any_queue_has_written(struct kunit *test)
{
	struct fixture *f = make(test);

	f->storage.terms.cache = 8192;
	ask(VIRTIO_BLK_T_OUT, 0, 8192);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 1);
	ask(VIRTIO_BLK_T_FLUSH, 0, 0);
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.syncs, 1);
	KUNIT_EXPECT_EQ(test, world.completed, 0);
	KUNIT_EXPECT_EQ(test, f->storage.sync.covered, 8192);
	/* It is full, and the sync under way does not cover this one. */
	ask(VIRTIO_BLK_T_OUT, 0, 4096);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed + world.syncs, 0);
	vsp_storage_sync_ended(&f->storage, 0);
	KUNIT_EXPECT_EQ(test, f->storage.sync.unsynced, 0);
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.completed_by[1], 1);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 0);
	KUNIT_EXPECT_EQ(test, world.syncs, 1);
	vsp_storage_sync_ended(&f->storage, 0);
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 0);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 1);
}

static void queues_have_turns(struct kunit *test)
{
	struct fixture *f = make(test);

	run_queue(f, 1);
	ask(VIRTIO_BLK_T_IN, 0, 4096);
	world.early = true;
	run_queue(f, 0);
	KUNIT_EXPECT_TRUE(test, world.held);
	/* The other one's is not at the head of the flow: no rate hears of it. */
	world.early = false;
	ask(VIRTIO_BLK_T_IN, 0, 8192);
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.charged + world.completed, 0);
	/* The first passes, and has nothing more: it is the other's turn. */
	world.held = false;
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 1);
	KUNIT_EXPECT_EQ(test, world.woken, 1);
	/* It waits from then on, though its mover has not run. */
	KUNIT_EXPECT_EQ(test, world.waits[0], 8192);
	ask(VIRTIO_BLK_T_IN, 0, 4096);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed, 0);
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.completed_by[1], 1);
	/* Nobody holds it any more. */
	KUNIT_EXPECT_EQ(test, f->storage.turn.holder, 0);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, f->storage.turn.holder, -1);
}

/* It goes on at its place, whoever else asks, and leaves nothing that it had taken already. */
static void who_lacks_memory_keeps_its_turn(struct kunit *test)
{
	struct fixture *f = make(test);

	ask(VIRTIO_BLK_T_IN, 0, 4096);
	world.early = true;
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.prepared, 0);
	/* Its rates have let it pass. */
	world.early = false;
	world.held = false;
	world.short_of_memory = true;
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.prepared, 0);
	KUNIT_EXPECT_EQ(test, world.charged + world.completed, 0);
	KUNIT_EXPECT_EQ(test, f->storage.turn.holder, 0);
	world.short_of_memory = false;
	run_queue(f, 1);
	KUNIT_EXPECT_EQ(test, world.completed, 0);
	run_queue(f, 0);
	KUNIT_EXPECT_EQ(test, world.completed_by[0], 1);
}

static struct kunit_case storage_queues_cases[] = {
	KUNIT_CASE(a_queue_that_is_not_granted_moves_nothing),
	KUNIT_CASE(a_flush_covers_what_any_queue_has_written),
	KUNIT_CASE(queues_have_turns),
	KUNIT_CASE(who_lacks_memory_keeps_its_turn),
	{}
};

static struct kunit_suite storage_queues_suite = {
	.name = "vsp_storage_queues",
	.test_cases = storage_queues_cases,
};
kunit_test_suite(storage_queues_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of several queues of one disk");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
