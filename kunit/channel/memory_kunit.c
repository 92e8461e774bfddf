// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver's memory, channel/host/memory.c and payload.c: with regions of this thread's user
 * memory, as for a VMM, and with addresses of this kernel's own.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/kmemleak.h>
#include <linux/mman.h>
#include <linux/module.h>

#include "channel/host/backing.c"
#include "channel/host/memory.c"
#include "channel/host/payload.c"

#define SIZE	(4 * PAGE_SIZE)
#define BASE	0x40000000ULL	/* where the guest sees the first page */

struct fixture {
	struct vs_memory memory;
	unsigned long user;
	u8 bytes[2 * PAGE_SIZE];
	u8 back[2 * PAGE_SIZE];
};

static struct fixture *make(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->user = kunit_vm_mmap(test, NULL, 0, SIZE, PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, f->user, 0);
	/*
	 * KUnit's own (lib/kunit/user_alloc.c): it gives this thread a memory map by
	 * kthread_use_mm(), and never drops the reference that this takes.
	 */
	kmemleak_not_leak(current->mm);
	vs_memory_init(&f->memory, "test", false);
	f->memory.mm = current->mm;
	for (int i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] = i * 7 + (i >> 8);
	return f;
}

static void drop(struct fixture *f)
{
	vs_memory_clear(&f->memory);
}

/* Guest pages 0 and 1 are user pages 2 and 0: nothing that lies together stays so. */
static void map_crossed(struct kunit *test, struct fixture *f)
{
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE, PAGE_SIZE, f->user + 2 * PAGE_SIZE,
					    VHOST_MAP_RW), 0);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + PAGE_SIZE, PAGE_SIZE, f->user,
					    VHOST_MAP_RW), 0);
}

static void copies_follow_the_regions(struct kunit *test)
{
	struct fixture *f = make(test);
	u64 at = BASE + PAGE_SIZE - 100;
	u8 __user *user;

	map_crossed(test, f);
	KUNIT_EXPECT_EQ(test, vs_memory_write(&f->memory, at, f->bytes, 300), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, at, f->back, 300), 0);
	KUNIT_EXPECT_MEMEQ(test, f->bytes, f->back, 300);
	memset(f->back, 0, 300);
	user = (u8 __user *)f->user;
	KUNIT_EXPECT_EQ(test, copy_from_user(f->back, user + 3 * PAGE_SIZE - 100, 100), 0);
	KUNIT_EXPECT_EQ(test, copy_from_user(f->back + 100, user, 200), 0);
	KUNIT_EXPECT_MEMEQ(test, f->bytes, f->back, 300);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, at, f->back, 0), 0);
	drop(f);
}

static void holes_and_permissions_fail_the_copy(struct kunit *test)
{
	struct fixture *f = make(test);
	u16 value;

	map_crossed(test, f);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 2 * PAGE_SIZE, PAGE_SIZE,
					    f->user + PAGE_SIZE, VHOST_MAP_RO), 0);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 3 * PAGE_SIZE, PAGE_SIZE,
					    f->user + PAGE_SIZE, VHOST_MAP_WO), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE - 1, f->back, 2), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + 4 * PAGE_SIZE - 1, f->back, 1),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_write(&f->memory, BASE + 2 * PAGE_SIZE - 1, f->bytes, 2),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + 2 * PAGE_SIZE - 1, f->back, 2), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + 4 * PAGE_SIZE, f->back, 1),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_write16(&f->memory, BASE + 2 * PAGE_SIZE, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 3 * PAGE_SIZE, &value), -EFAULT);
	KUNIT_EXPECT_TRUE(test, f->memory.hinted);
	drop(f);
}

static void an_index_is_read_in_one_piece_or_not_at_all(struct kunit *test)
{
	struct fixture *f = make(test);
	u16 value = 0;

	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE, 3, f->user, VHOST_MAP_RW), 0);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 3, 8, f->user + 100, VHOST_MAP_RW),
			0);
	KUNIT_EXPECT_EQ(test, vs_memory_write16(&f->memory, BASE, 0x1234), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1234);
	/* Over a border, and at an odd user address. */
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 2, &value), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 4, &value), -EFAULT);
	drop(f);
}

static void what_is_unmapped_is_out_of_reach(struct kunit *test)
{
	struct fixture *f = make(test);
	struct mm_struct *mm = f->memory.mm;

	map_crossed(test, f);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE, f->back, 1), 0);
	f->memory.mm = NULL;
	KUNIT_EXPECT_FALSE(test, vs_memory_reachable(&f->memory));
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE, f->back, 1), -EFAULT);
	f->memory.mm = mm;
	vs_memory_unmap(&f->memory, BASE + 10, 1);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE, f->back, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + PAGE_SIZE, f->back, 1), 0);
	/* The region is there, but the VMM has taken its own memory away. */
	KUNIT_EXPECT_EQ(test, vm_munmap(f->user, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + PAGE_SIZE, f->back, 1), -EFAULT);
	drop(f);
}

/* More regions than are remembered, each of them found before. */
static void what_is_mapped_anew_is_found_anew(struct kunit *test)
{
	struct fixture *f = make(test);
	u16 value = 0;

	for (unsigned int i = 0; i < 2 * VS_MEMORY_RECENT; i++)
		KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 16 * i, 16,
						    f->user + 32 * i, VHOST_MAP_RW), 0);
	for (unsigned int i = 0; i < 2 * VS_MEMORY_RECENT; i++)
		KUNIT_EXPECT_EQ(test, vs_memory_write16(&f->memory, BASE + 16 * i, i), 0);
	for (unsigned int i = 0; i < 2 * VS_MEMORY_RECENT; i++) {
		KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 16 * i, &value), 0);
		KUNIT_EXPECT_EQ(test, value, i);
	}
	/* The last one, which is remembered, is another place now, and then none. */
	vs_memory_unmap(&f->memory, BASE + 16 * (2 * VS_MEMORY_RECENT - 1), 16);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 16 *
					       (2 * VS_MEMORY_RECENT - 1), &value), -EFAULT);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 16 * (2 * VS_MEMORY_RECENT - 1),
					    16, f->user + 32, VHOST_MAP_RW), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE + 16 *
					       (2 * VS_MEMORY_RECENT - 1), &value), 0);
	KUNIT_EXPECT_EQ(test, value, 1);
	vs_memory_clear(&f->memory);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, BASE, &value), -EFAULT);
	drop(f);
}

static void a_kernel_address_is_never_followed(struct kunit *test)
{
	struct fixture *f = make(test);

	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE, PAGE_SIZE, (unsigned long)f->bytes,
					    VHOST_MAP_RW), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE, f->back, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_write(&f->memory, BASE, f->back, 8), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_memory_write16(&f->memory, BASE, 1), -EFAULT);
	drop(f);
}

static void regions_are_checked_and_capped(struct kunit *test)
{
	struct fixture *f = make(test);
	int error = 0;

	KUNIT_EXPECT_EQ(test, vs_memory_map(&f->memory, 0, 0, f->user, VHOST_MAP_RW), -EINVAL);
	KUNIT_EXPECT_EQ(test, vs_memory_map(&f->memory, U64_MAX, 2, f->user, VHOST_MAP_RW),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, vs_memory_map(&f->memory, 0, 2, U64_MAX, VHOST_MAP_RW), -EINVAL);
	for (u64 i = 0; i < VS_MEMORY_REGIONS_MAX; i++)
		error = error ?: vs_memory_map(&f->memory, i * PAGE_SIZE, PAGE_SIZE, f->user,
					       VHOST_MAP_RW);
	KUNIT_EXPECT_EQ(test, error, 0);
	KUNIT_EXPECT_EQ(test, vs_memory_map(&f->memory, BASE, PAGE_SIZE, f->user, VHOST_MAP_RW),
			-ENOSPC);
	vs_memory_unmap(&f->memory, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, f->memory.iotlb.nmaps, 0);
	drop(f);
}

static void a_payload_of_user_memory(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment segment[] = {
		{ BASE, 16 },
		{ BASE + PAGE_SIZE - 100, 300 },	/* in two pieces */
		{ BASE + PAGE_SIZE + 1000, 500 },
	};
	struct vsp_payload payload;
	struct iov_iter iter;

	map_crossed(test, f);
	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, segment, ITER_DEST, 26, 490,
					      &payload, &iter), 0);
	KUNIT_EXPECT_EQ(test, payload.count, 3);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), 490);
	KUNIT_EXPECT_EQ(test, copy_to_iter(f->bytes, 490, &iter), 490);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE + PAGE_SIZE - 90, f->back, 290), 0);
	KUNIT_EXPECT_MEMEQ(test, f->bytes, f->back, 290);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, segment[2].addr, f->back, 200), 0);
	KUNIT_EXPECT_MEMEQ(test, f->bytes + 290, f->back, 200);
	vs_payload_free(&payload);
	vs_payload_free(&payload);

	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, segment, ITER_SOURCE, 0, 816,
					      &payload, &iter), 0);
	KUNIT_EXPECT_EQ(test, payload.count, 4);
	KUNIT_EXPECT_EQ(test, copy_from_iter(f->back, 816, &iter), 816);
	KUNIT_EXPECT_MEMEQ(test, f->bytes, f->back + 26, 290);
	vs_payload_free(&payload);
	drop(f);
}

static void a_small_payload_allocates_nothing(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment page = { BASE + PAGE_SIZE - 100, 200 };
	struct vsp_segment many[VSP_PAYLOAD_FEW + 1];
	struct vsp_payload payload;
	struct iov_iter iter;

	map_crossed(test, f);
	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, &page, ITER_DEST, 0, 200, &payload,
					      &iter), 0);
	KUNIT_EXPECT_PTR_EQ(test, payload.bvec, &payload.few[0]);
	KUNIT_EXPECT_EQ(test, payload.count, 2);
	vs_payload_free(&payload);
	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct vsp_segment){ BASE, 16 };
	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, many, ITER_DEST, 0, sizeof(many) /
					      sizeof(many[0]) * 16, &payload, &iter), 0);
	KUNIT_EXPECT_EQ(test, payload.count, ARRAY_SIZE(many));
	KUNIT_EXPECT_PTR_NE(test, payload.bvec, &payload.few[0]);
	vs_payload_free(&payload);
	drop(f);
}

/* So many pieces as nobody expects of so few bytes. */
static void a_payload_over_small_regions_is_whole(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment segment = { BASE, 64 };
	struct vsp_payload payload;
	struct iov_iter iter;

	for (unsigned int i = 0; i < 16; i++)
		KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + 4 * i, 4,
						    f->user + 100 * i, VHOST_MAP_RW), 0);
	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, &segment, ITER_DEST, 0, 64, &payload,
					      &iter), 0);
	KUNIT_EXPECT_EQ(test, payload.count, 16);
	KUNIT_EXPECT_EQ(test, copy_to_iter(f->bytes, 64, &iter), 64);
	vs_payload_free(&payload);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, BASE, f->back, 64), 0);
	KUNIT_EXPECT_MEMEQ(test, f->bytes, f->back, 64);
	drop(f);
}

static void a_payload_with_a_hole_fails(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment hole = { BASE + 2 * PAGE_SIZE - 8, 16 };
	struct vsp_segment narrow = { BASE, 16 };
	struct vsp_payload payload;
	struct iov_iter iter;

	map_crossed(test, f);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &hole, ITER_DEST, 0, 16, &payload,
					      &iter), -EFAULT);
	vs_memory_clear(&f->memory);
	KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE, PAGE_SIZE, f->user, VHOST_MAP_RO),
			0);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &narrow, ITER_DEST, 0, 16, &payload,
					      &iter), -EFAULT);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &narrow, ITER_SOURCE, 0, 16, &payload,
					      &iter), 0);
	vs_payload_free(&payload);
	drop(f);
}

/* What a failed call leaves behind: empty, so that it may be freed, and be freed again. */
static void expect_empty(struct kunit *test, struct vsp_payload *payload)
{
	KUNIT_EXPECT_NULL(test, payload->bvec);
	KUNIT_EXPECT_EQ(test, payload->count, 0);
	KUNIT_EXPECT_FALSE(test, payload->pinned);
	vs_payload_free(payload);
}

/* As a hostile guest sends it: good memory first, so that there is something to count. */
static void a_payload_that_fails_late_is_safe_to_free(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment far[] = { { BASE, 512 }, { 1ULL << 45, 512 } };
	struct vsp_segment over = { BASE + PAGE_SIZE, 2 * PAGE_SIZE };
	struct vsp_segment gone[] = { { BASE, 512 }, { BASE + PAGE_SIZE, 512 } };
	struct vsp_payload payload;
	struct iov_iter iter;

	map_crossed(test, f);
	/* What was on the caller's stack must not matter, either. */
	memset(&payload, 0xff, sizeof(payload));
	for (int direction = 0; direction < 2; direction++) {
		KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, far, direction, 0, 1024,
						      &payload, &iter), -EFAULT);
		expect_empty(test, &payload);
		KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &over, direction, 0,
						      2 * PAGE_SIZE, &payload, &iter), -EFAULT);
		expect_empty(test, &payload);
	}
	/* The second vector cannot be pinned: the VMM has taken its memory away. */
	KUNIT_ASSERT_EQ(test, vm_munmap(f->user, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, gone, ITER_DEST, 0, 1024, &payload,
					      &iter), -EFAULT);
	expect_empty(test, &payload);
	drop(f);
}

static void a_payload_in_too_many_pieces_fails(struct kunit *test)
{
	struct fixture *f = make(test);
	struct vsp_segment segment = { BASE, VS_MEMORY_VECTORS_MAX + 1 };
	struct vsp_payload payload;
	struct iov_iter iter;

	for (u64 i = 0; i <= VS_MEMORY_VECTORS_MAX; i++)
		KUNIT_ASSERT_EQ(test, vs_memory_map(&f->memory, BASE + i, 1, f->user + i,
						    VHOST_MAP_RW), 0);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &segment, ITER_DEST, 0,
					      VS_MEMORY_VECTORS_MAX + 1, &payload, &iter),
			-E2BIG);
	expect_empty(test, &payload);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, &segment, ITER_DEST, 1,
					      VS_MEMORY_VECTORS_MAX, &payload, &iter), 0);
	vs_payload_free(&payload);
	drop(f);
}

static void this_kernels_own_memory(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	void *page = kunit_kzalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);
	struct vsp_segment segment[2];
	struct vsp_payload payload;
	struct iov_iter iter;
	u16 value = 0;

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_NOT_NULL(test, page);
	vs_memory_init(&f->memory, "test", true);
	KUNIT_EXPECT_TRUE(test, vs_memory_reachable(&f->memory));
	memset(f->bytes, 0xa5, sizeof(f->bytes));
	KUNIT_EXPECT_EQ(test, vs_memory_write(&f->memory, virt_to_phys(page) + PAGE_SIZE - 8,
					      f->bytes, 16), 0);
	KUNIT_EXPECT_MEMEQ(test, page + PAGE_SIZE - 8, f->bytes, 16);
	KUNIT_EXPECT_EQ(test, vs_memory_write16(&f->memory, virt_to_phys(page), 0x1234), 0);
	KUNIT_EXPECT_EQ(test, vs_memory_read16(&f->memory, virt_to_phys(page), &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x1234);
	KUNIT_EXPECT_EQ(test, vs_memory_read(&f->memory, 1ULL << 51, f->back, 1), -EFAULT);

	segment[0] = (struct vsp_segment){ virt_to_phys(page) + 8, 2 * PAGE_SIZE - 8 };
	segment[1] = (struct vsp_segment){ 1ULL << 51, 8 };
	KUNIT_ASSERT_EQ(test, vs_payload_make(&f->memory, segment, ITER_SOURCE, 0,
					      2 * PAGE_SIZE - 8, &payload, &iter), 0);
	KUNIT_EXPECT_EQ(test, copy_from_iter(f->back, 2 * PAGE_SIZE - 8, &iter),
			2 * PAGE_SIZE - 8);
	KUNIT_EXPECT_MEMEQ(test, f->back, page + 8, 2 * PAGE_SIZE - 8);
	vs_payload_free(&payload);
	KUNIT_EXPECT_EQ(test, vs_payload_make(&f->memory, segment, ITER_SOURCE, 0,
					      2 * PAGE_SIZE, &payload, &iter), -EFAULT);
	expect_empty(test, &payload);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(copies_follow_the_regions),
	KUNIT_CASE(holes_and_permissions_fail_the_copy),
	KUNIT_CASE(an_index_is_read_in_one_piece_or_not_at_all),
	KUNIT_CASE(what_is_unmapped_is_out_of_reach),
	KUNIT_CASE(what_is_mapped_anew_is_found_anew),
	KUNIT_CASE(a_kernel_address_is_never_followed),
	KUNIT_CASE(regions_are_checked_and_capped),
	KUNIT_CASE(a_payload_of_user_memory),
	KUNIT_CASE(a_small_payload_allocates_nothing),
	KUNIT_CASE(a_payload_over_small_regions_is_whole),
	KUNIT_CASE(a_payload_with_a_hole_fails),
	KUNIT_CASE(a_payload_that_fails_late_is_safe_to_free),
	KUNIT_CASE(a_payload_in_too_many_pieces_fails),
	KUNIT_CASE(this_kernels_own_memory),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "vsp_memory",
	.test_cases = memory_cases,
};
kunit_test_suite(memory_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the memory of a channel's driver");
MODULE_LICENSE("GPL");
