// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a disk's requests: what there is from the beginning, what is made when it is
 * needed, and what becomes of who gets none.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

static void *stub_vmalloc(unsigned long size, gfp_t gfp);

#define vsp_service_is_local	stub_is_local
#define vsp_storage_done_wake	stub_wake
#undef __vmalloc
#define __vmalloc		stub_vmalloc
/* vsp_storage is loaded, and has one of that name. */
#undef KMEM_CACHE
#define KMEM_CACHE(type, flags)	\
	kmem_cache_create("storage_memory_kunit", sizeof(struct type), 0, flags, NULL)

#include "vs_storage.h"
#include "vsp/storage/memory.c"

#include <kunit/test.h>
#include <linux/module.h>

static struct {
	bool local;
	bool no_memory;		/* for bounce buffers */
	bool no_account;	/* the VMM's cgroup has none */
	unsigned int vmallocs;
	int woken;		/* the ring that was last */
	void (*meanwhile)(void *data);	/* what another mover does during the first vmalloc() */
	void *data;
} world;

static void *stub_vmalloc(unsigned long size, gfp_t gfp)
{
	if (!world.vmallocs++ && world.meanwhile)
		world.meanwhile(world.data);
	if (world.no_memory || (world.no_account && gfp & __GFP_ACCOUNT))
		return NULL;
	return vmalloc(size);
}

bool stub_is_local(const struct vsp_service *service)
{
	return world.local;
}

void stub_wake(struct vsp_storage_ring *ring)
{
	world.woken = ring->index;
}

static struct vsp_storage *open_storage(struct kunit *test, bool local, bool direct)
{
	struct vsp_storage *storage = kunit_kzalloc(test, sizeof(*storage), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, storage);
	memset(&world, 0, sizeof(world));
	world.local = local;
	world.woken = -1;
	storage->source.direct = direct;
	spin_lock_init(&storage->lock);
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++) {
		storage->ring[i].storage = storage;
		storage->ring[i].index = i;
		INIT_LIST_HEAD(&storage->ring[i].free);
	}
	KUNIT_ASSERT_EQ(test, vsp_storage_memory_open(storage), 0);
	return storage;
}

static void an_idle_disk_has_next_to_nothing(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);

	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		KUNIT_EXPECT_EQ(test, storage->ring[i].requests, 1);
	KUNIT_EXPECT_EQ(test, world.vmallocs, 0);
	vsp_storage_memory_close(storage);
}

static void requests_are_made_up_to_the_ring(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);
	struct vsp_storage_request *request;
	LIST_HEAD(used);

	for (unsigned int i = 0; i < VS_STORAGE_QUEUE_SIZE; i++) {
		request = vsp_storage_memory_request(&storage->ring[1]);
		KUNIT_ASSERT_NOT_NULL(test, request);
		list_move_tail(&request->entry, &used);
	}
	KUNIT_EXPECT_NULL(test, vsp_storage_memory_request(&storage->ring[1]));
	KUNIT_EXPECT_EQ(test, storage->ring[1].requests, VS_STORAGE_QUEUE_SIZE);
	/* One that has come back is used again. */
	list_move(&request->entry, &storage->ring[1].free);
	KUNIT_EXPECT_PTR_EQ(test, vsp_storage_memory_request(&storage->ring[1]), request);
	list_splice(&used, &storage->ring[1].free);
	vsp_storage_memory_close(storage);
}

/* Takes a buffer, or says why it has none. */
static int take_for(struct vsp_storage *storage, unsigned int ring, struct list_head *used)
{
	struct vsp_storage_bounce *bounce;
	int error = vsp_storage_memory_bounce(&storage->ring[ring], &bounce);

	if (!error)
		list_add(&bounce->entry, used);
	return error;
}

static int take(struct vsp_storage *storage, struct list_head *used)
{
	return take_for(storage, 0, used);
}

static void give_back(struct vsp_storage *storage, struct list_head *used)
{
	struct vsp_storage_bounce *bounce =
		list_first_entry(used, struct vsp_storage_bounce, entry);

	list_del(&bounce->entry);
	vsp_storage_memory_put(storage, bounce);
}

static void buffers_are_made_up_to_their_most(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);
	LIST_HEAD(used);

	for (unsigned int i = 0; i < VSP_STORAGE_BOUNCES; i++)
		KUNIT_EXPECT_EQ(test, take(storage, &used), 0);
	KUNIT_EXPECT_EQ(test, take(storage, &used), -EAGAIN);
	list_splice(&used, &storage->memory.bounces);
	KUNIT_EXPECT_EQ(test, world.vmallocs, VSP_STORAGE_BOUNCES);
	vsp_storage_memory_close(storage);
}

/* There is nothing to wait for, and then there is. */
static void who_gets_no_buffer_waits_for_one_in_use(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);
	LIST_HEAD(used);

	world.no_memory = true;
	KUNIT_EXPECT_EQ(test, take(storage, &used), -ENOMEM);
	world.no_memory = false;
	KUNIT_EXPECT_EQ(test, take(storage, &used), 0);
	world.no_memory = true;
	KUNIT_EXPECT_EQ(test, take(storage, &used), -EAGAIN);
	list_splice(&used, &storage->memory.bounces);
	vsp_storage_memory_close(storage);
}

static void the_first_buffer_is_not_on_the_vmms_account(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, false);
	LIST_HEAD(used);

	world.no_account = true;
	KUNIT_EXPECT_EQ(test, take(storage, &used), 0);
	KUNIT_EXPECT_EQ(test, take_for(storage, 1, &used), -EAGAIN);
	give_back(storage, &used);
	KUNIT_EXPECT_EQ(test, world.woken, 1);
	KUNIT_EXPECT_EQ(test, take_for(storage, 1, &used), 0);
	give_back(storage, &used);
	vsp_storage_memory_close(storage);
}

static void second_mover_gets_none(void *storage)
{
	LIST_HEAD(used);

	WARN_ON_ONCE(take_for(storage, 1, &used) != -EAGAIN);
}

/* The second waits for the buffer that the first is making, and that comes to nothing, too. */
static void who_waits_is_woken_when_nothing_is_in_use(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);
	LIST_HEAD(used);

	world.no_memory = true;
	world.meanwhile = second_mover_gets_none;
	world.data = storage;
	KUNIT_EXPECT_EQ(test, take(storage, &used), -ENOMEM);
	KUNIT_EXPECT_EQ(test, storage->memory.count, 0);
	KUNIT_EXPECT_EQ(test, world.woken, 1);
	/* It has the turn, and passes it on. */
	KUNIT_EXPECT_EQ(test, take(storage, &used), -EAGAIN);
	KUNIT_EXPECT_EQ(test, take_for(storage, 1, &used), -ENOMEM);
	KUNIT_EXPECT_EQ(test, world.woken, 0);
	world.no_memory = false;
	KUNIT_EXPECT_EQ(test, take(storage, &used), 0);
	give_back(storage, &used);
	vsp_storage_memory_close(storage);
}

static void a_disk_of_this_kernel_has_a_buffer_from_the_beginning(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, true, true);
	LIST_HEAD(used);

	KUNIT_EXPECT_EQ(test, take(storage, &used), 0);
	KUNIT_EXPECT_EQ(test, take(storage, &used), -EAGAIN);
	list_splice(&used, &storage->memory.bounces);
	KUNIT_EXPECT_EQ(test, world.vmallocs, 1);
	vsp_storage_memory_close(storage);
}

/* Where every request needs one: this kernel's own disk all that there may be, a guest's none. */
static void a_source_with_a_page_cache_has_buffers_from_the_beginning(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, true, false);

	KUNIT_EXPECT_EQ(test, storage->memory.count, VSP_STORAGE_BOUNCES);
	vsp_storage_memory_close(storage);
	storage = open_storage(test, false, false);
	KUNIT_EXPECT_EQ(test, storage->memory.count, 0);
	vsp_storage_memory_close(storage);
}

/* However often the first one asks, the others have theirs before it has another. */
static void queues_have_buffers_in_turn(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, false, true);
	LIST_HEAD(used);

	for (unsigned int i = 0; i < VSP_STORAGE_BOUNCES; i++)
		KUNIT_ASSERT_EQ(test, take_for(storage, 0, &used), 0);
	for (unsigned int i = 0; i < VS_STORAGE_QUEUES_MAX; i++)
		KUNIT_EXPECT_EQ(test, take_for(storage, i, &used), -EAGAIN);
	for (unsigned int i = 1; i <= VS_STORAGE_QUEUES_MAX; i++) {
		unsigned int next = i % VS_STORAGE_QUEUES_MAX;

		give_back(storage, &used);
		KUNIT_EXPECT_EQ(test, world.woken, next);
		for (unsigned int j = 0; j < VS_STORAGE_QUEUES_MAX; j++)
			if (j != next)
				KUNIT_EXPECT_EQ(test, take_for(storage, j, &used), -EAGAIN);
		KUNIT_EXPECT_EQ(test, take_for(storage, next, &used), 0);
	}
	KUNIT_EXPECT_EQ(test, storage->memory.count, VSP_STORAGE_BOUNCES);
	for (unsigned int i = 0; i < VSP_STORAGE_BOUNCES; i++)
		give_back(storage, &used);
	vsp_storage_memory_close(storage);
}

/* A queue that waits no more hands on what it was woken for. */
static void who_leaves_holds_up_nobody(struct kunit *test)
{
	struct vsp_storage *storage = open_storage(test, true, true);
	LIST_HEAD(used);

	KUNIT_ASSERT_EQ(test, take_for(storage, 0, &used), 0);
	KUNIT_EXPECT_EQ(test, take_for(storage, 1, &used), -EAGAIN);
	KUNIT_EXPECT_EQ(test, take_for(storage, 2, &used), -EAGAIN);
	give_back(storage, &used);
	KUNIT_EXPECT_EQ(test, world.woken, 1);
	vsp_storage_memory_leave(&storage->ring[1]);
	KUNIT_EXPECT_EQ(test, world.woken, 2);
	KUNIT_EXPECT_EQ(test, take_for(storage, 2, &used), 0);
	give_back(storage, &used);
	vsp_storage_memory_close(storage);
}

static struct kunit_case storage_memory_cases[] = {
	KUNIT_CASE(an_idle_disk_has_next_to_nothing),
	KUNIT_CASE(requests_are_made_up_to_the_ring),
	KUNIT_CASE(buffers_are_made_up_to_their_most),
	KUNIT_CASE(who_gets_no_buffer_waits_for_one_in_use),
	KUNIT_CASE(the_first_buffer_is_not_on_the_vmms_account),
	KUNIT_CASE(who_waits_is_woken_when_nothing_is_in_use),
	KUNIT_CASE(queues_have_buffers_in_turn),
	KUNIT_CASE(who_leaves_holds_up_nobody),
	KUNIT_CASE(a_disk_of_this_kernel_has_a_buffer_from_the_beginning),
	KUNIT_CASE(a_source_with_a_page_cache_has_buffers_from_the_beginning),
	{}
};

static int storage_memory_init(struct kunit_suite *suite)
{
	return vsp_storage_memory_init();
}

static void storage_memory_exit(struct kunit_suite *suite)
{
	vsp_storage_memory_exit();
}

static struct kunit_suite storage_memory_suite = {
	.name = "vsp_storage_memory",
	.suite_init = storage_memory_init,
	.suite_exit = storage_memory_exit,
	.test_cases = storage_memory_cases,
};
kunit_test_suite(storage_memory_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of the memory that requests of a disk need");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
