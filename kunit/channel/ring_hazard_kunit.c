// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side of a split virtqueue, channel/host/ring.c, with rings built by hand:
 * one for each rule that a driver can break, and what must hold all the same.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/virtio_ring.h>

#include "channel/host/backing.c"
#include "channel/host/memory.c"
#include "channel/host/ring.c"

#define HAND_SIZE	256	/* entries of a ring by hand */

/*
 * struct hand - a ring built by hand
 * @vring: what the driver writes
 * @table: to be used as an indirect one; page-sized
 */
struct hand {
	struct kunit *test;
	struct vs_memory memory;
	struct vs_ring ring;
	struct vs_ring_layout layout;
	struct vsp_chain chain;
	struct vring vring;
	struct vring_desc *table;
};

static struct hand *make_hand(struct kunit *test)
{
	struct hand *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	void *pages = kunit_kzalloc(test, roundup_pow_of_two(vring_size(HAND_SIZE, PAGE_SIZE)),
				    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	h->test = test;
	h->table = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h->table);
	vring_init(&h->vring, HAND_SIZE, pages, PAGE_SIZE);
	vs_memory_init(&h->memory, "test", true);
	h->layout.desc = virt_to_phys(h->vring.desc);
	h->layout.avail = virt_to_phys(h->vring.avail);
	h->layout.used = virt_to_phys(h->vring.used);
	h->layout.size = HAND_SIZE;
	h->layout.indirect = true;
	return h;
}

static void start(struct hand *h)
{
	vs_ring_setup(&h->ring, &h->memory, &h->layout);
	vs_ring_start(&h->ring);
}

static __virtio16 le16(u16 value)
{
	return (__force __virtio16)cpu_to_le16(value);
}

static void fill(struct vring_desc *desc, u64 addr, u32 length, u16 flags, u16 next)
{
	desc->addr = (__force __virtio64)cpu_to_le64(addr);
	desc->len = (__force __virtio32)cpu_to_le32(length);
	desc->flags = le16(flags);
	desc->next = le16(next);
}

static void set(struct hand *h, u16 index, u64 addr, u32 length, u16 flags, u16 next)
{
	fill(&h->vring.desc[index], addr, length, flags, next);
}

/* Makes @head available. */
static void offer(struct hand *h, u16 head)
{
	u16 index = le16_to_cpu((__force __le16)h->vring.avail->idx);

	h->vring.avail->ring[index % HAND_SIZE] = le16(head);
	h->vring.avail->idx = le16(index + 1);
}

/* A good chain: 100 bytes readable, 200 writable. */
static void offer_good(struct hand *h, u16 head)
{
	set(h, head, 0x1000, 100, VRING_DESC_F_NEXT, head + 1);
	set(h, head + 1, 0x2000, 200, VRING_DESC_F_WRITE, 0);
	offer(h, head);
}

static void offer_table(struct hand *h, u16 head, u32 length)
{
	set(h, head, virt_to_phys(h->table), length, VRING_DESC_F_INDIRECT, 0);
	offer(h, head);
}

static void avail_far_ahead(struct hand *h)
{
	h->vring.avail->idx = le16(HAND_SIZE + 1);
}

static void avail_backwards(struct hand *h)
{
	h->layout.avail_index = 10;
	h->vring.avail->idx = le16(9);
}

static void head_outside(struct hand *h)
{
	offer(h, HAND_SIZE);
}

static void next_outside(struct hand *h)
{
	set(h, 3, 0x1000, 100, VRING_DESC_F_NEXT, HAND_SIZE);
	offer(h, 3);
}

static void chain_loops(struct hand *h)
{
	set(h, 0, 0x1000, 1, VRING_DESC_F_NEXT, 1);
	set(h, 1, 0x1000, 1, VRING_DESC_F_NEXT, 0);
	offer(h, 0);
}

static void chain_loops_in_a_small_ring(struct hand *h)
{
	h->layout.size = 4;
	chain_loops(h);
}

static void chain_too_long(struct hand *h)
{
	for (int i = 0; i <= VS_CHANNEL_SEGMENTS; i++)
		set(h, i, 0x1000, 1, i < VS_CHANNEL_SEGMENTS ? VRING_DESC_F_NEXT : 0, i + 1);
	offer(h, 0);
}

static void readable_after_writable(struct hand *h)
{
	set(h, 0, 0x1000, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set(h, 1, 0x1000, 1, 0, 0);
	offer(h, 0);
}

static void address_wraps(struct hand *h)
{
	set(h, 7, U64_MAX - 10, 12, 0, 0);
	offer(h, 7);
}

static void descriptor_empty(struct hand *h)
{
	set(h, 7, 0x1000, 0, 0, 0);
	offer(h, 7);
}

static void indirect_nested(struct hand *h)
{
	fill(&h->table[0], virt_to_phys(h->table), 16, VRING_DESC_F_INDIRECT, 0);
	offer_table(h, 5, 16);
}

static void indirect_odd(struct hand *h)
{
	fill(&h->table[0], 0x1000, 1, 0, 0);
	offer_table(h, 5, 24);
}

static void indirect_empty(struct hand *h)
{
	offer_table(h, 5, 0);
}

static void indirect_too_long(struct hand *h)
{
	fill(&h->table[0], 0x1000, 1, 0, 0);
	offer_table(h, 5, (VS_CHANNEL_SEGMENTS + 1) * 16);
}

static void indirect_huge(struct hand *h)
{
	offer_table(h, 5, U32_MAX - 15);
}

static void indirect_with_next(struct hand *h)
{
	offer_table(h, 5, 16);
	h->vring.desc[5].flags = le16(VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT);
}

static void indirect_loops(struct hand *h)
{
	fill(&h->table[0], 0x1000, 1, VRING_DESC_F_NEXT, 1);
	fill(&h->table[1], 0x1000, 1, VRING_DESC_F_NEXT, 0);
	offer_table(h, 5, 32);
}

static void indirect_next_outside(struct hand *h)
{
	fill(&h->table[0], 0x1000, 1, VRING_DESC_F_NEXT, 2);
	offer_table(h, 5, 32);
}

static void indirect_missing(struct hand *h)
{
	set(h, 5, 1ULL << 51, 16, VRING_DESC_F_INDIRECT, 0);
	offer(h, 5);
}

static void indirect_wraps(struct hand *h)
{
	set(h, 5, U64_MAX - 10, 16, VRING_DESC_F_INDIRECT, 0);
	offer(h, 5);
}

static void indirect_not_negotiated(struct hand *h)
{
	h->layout.indirect = false;
	fill(&h->table[0], 0x1000, 1, 0, 0);
	offer_table(h, 5, 16);
}

static void size_odd(struct hand *h)
{
	h->layout.size = 48;
}

static void size_zero(struct hand *h)
{
	h->layout.size = 0;
}

static void size_large(struct hand *h)
{
	h->layout.size = 2 * VS_RING_SIZE_MAX;
}

static void descriptors_misaligned(struct hand *h)
{
	h->layout.desc += 8;
}

static void used_misaligned(struct hand *h)
{
	h->layout.used += 2;
}

static void used_wraps(struct hand *h)
{
	h->layout.used = U64_MAX - 3;
}

static void used_missing(struct hand *h)
{
	h->layout.used = 1ULL << 51;
}

static void avail_missing(struct hand *h)
{
	h->layout.avail = 1ULL << 51;
}

static void descriptors_missing(struct hand *h)
{
	h->layout.desc = 1ULL << 51;
	offer(h, 9);
}

/*
 * struct hazard - a rule, and how to break it
 * @name: of the case
 * @build: breaks it
 * @reason: that the ring must give
 * @culprit: and the index
 */
struct hazard {
	const char *name;
	void (*build)(struct hand *h);
	const char *reason;
	u32 culprit;
};

static const struct hazard hazards[] = {
	{ "available index far ahead", avail_far_ahead,
	  "its available index is more than its size ahead", HAND_SIZE + 1 },
	{ "available index goes backwards", avail_backwards,
	  "its available index is more than its size ahead", 9 },
	{ "head outside", head_outside, "a head is outside of the ring", HAND_SIZE },
	{ "next outside", next_outside, "a next index is outside of the ring", HAND_SIZE },
	{ "loop", chain_loops, "a chain has too many descriptors", 0 },
	{ "loop in a small ring", chain_loops_in_a_small_ring, "a chain has no end", 0 },
	{ "chain too long", chain_too_long, "a chain has too many descriptors",
	  VS_CHANNEL_SEGMENTS },
	{ "readable after writable", readable_after_writable,
	  "a readable descriptor follows a writable one", 1 },
	{ "address wraps", address_wraps, "a descriptor's address wraps", 7 },
	{ "empty descriptor", descriptor_empty, "a descriptor is empty", 7 },
	{ "nested indirect", indirect_nested,
	  "an indirect table has an indirect descriptor", 5 },
	{ "indirect of odd length", indirect_odd,
	  "an indirect table's length is no multiple of 16", 5 },
	{ "indirect of no length", indirect_empty,
	  "an indirect table's length is no multiple of 16", 5 },
	{ "indirect too long", indirect_too_long, "an indirect table is too long", 5 },
	{ "indirect huge", indirect_huge, "an indirect table is too long", 5 },
	{ "indirect with next", indirect_with_next,
	  "an indirect descriptor has a next one", 5 },
	{ "indirect loop", indirect_loops, "an indirect table has no end", 5 },
	{ "indirect next outside", indirect_next_outside,
	  "a next index is outside of its indirect table", 5 },
	{ "indirect missing", indirect_missing, "an indirect table cannot be read", 5 },
	{ "indirect wraps", indirect_wraps, "an indirect table's address wraps", 5 },
	{ "indirect not negotiated", indirect_not_negotiated,
	  "an indirect descriptor was not negotiated", 5 },
	{ "size odd", size_odd, "its size is no power of two up to 1024", 48 },
	{ "size zero", size_zero, "its size is no power of two up to 1024", 0 },
	{ "size large", size_large, "its size is no power of two up to 1024",
	  2 * VS_RING_SIZE_MAX },
	{ "descriptors misaligned", descriptors_misaligned, "an address of it is not aligned", 0 },
	{ "used misaligned", used_misaligned, "an address of it is not aligned", 0 },
	{ "used wraps", used_wraps, "an address of it wraps", 0 },
	{ "used missing", used_missing, "its used index cannot be read", 0 },
	{ "available missing", avail_missing, "its available index cannot be read", 0 },
	{ "descriptors missing", descriptors_missing, "a descriptor cannot be read", 9 },
};

static void describe_hazard(const struct hazard *hazard, char *text)
{
	strscpy(text, hazard->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(hazard, hazards, describe_hazard);

static void a_broken_rule_stops_the_ring_and_is_named(struct kunit *test)
{
	const struct hazard *hazard = test->param_value;
	struct hand *h = make_hand(test);

	hazard->build(h);
	start(h);
	KUNIT_EXPECT_EQ(test, vs_ring_peek(&h->ring, &h->chain), -EIO);
	KUNIT_ASSERT_NOT_NULL(test, h->ring.reason);
	KUNIT_EXPECT_STREQ(test, h->ring.reason, hazard->reason);
	KUNIT_EXPECT_EQ(test, h->ring.culprit, hazard->culprit);
	KUNIT_EXPECT_EQ(test, (__force u16)h->vring.used->idx, (__force u16)le16(0));
	/* Nor does it come back to life. */
	KUNIT_EXPECT_EQ(test, vs_ring_peek(&h->ring, &h->chain), -EIO);
	KUNIT_EXPECT_FALSE(test, vs_ring_flush(&h->ring));
}

static void the_same_head_twice_stops_the_ring(struct kunit *test)
{
	struct hand *h = make_hand(test);

	offer_good(h, 4);
	offer_good(h, 4);
	start(h);
	KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	vs_ring_consume(&h->ring);
	KUNIT_EXPECT_EQ(test, vs_ring_peek(&h->ring, &h->chain), -EIO);
	KUNIT_EXPECT_STREQ(test, h->ring.reason, "a head is in use already");
	KUNIT_EXPECT_EQ(test, h->ring.culprit, 4);
	/* What was in flight still ends, and nothing is written for it. */
	vs_ring_complete(&h->ring, 4, 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(h->ring.in_flight, VS_RING_SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, vs_ring_flush(&h->ring));
	KUNIT_EXPECT_EQ(test, (__force u16)h->vring.used->idx, (__force u16)le16(0));
}

static void a_head_may_come_again_once_it_was_completed(struct kunit *test)
{
	struct hand *h = make_hand(test);

	start(h);
	for (int i = 0; i < 3; i++) {
		offer_good(h, 4);
		KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
		vs_ring_consume(&h->ring);
		vs_ring_complete(&h->ring, 4, 0);
		vs_ring_flush(&h->ring);
	}
	KUNIT_EXPECT_NULL(test, h->ring.reason);
	KUNIT_EXPECT_EQ(test, (__force u16)h->vring.used->idx, (__force u16)le16(3));
}

static void what_is_changed_after_the_copy_is_not_seen(struct kunit *test)
{
	struct hand *h = make_hand(test);

	fill(&h->table[0], 0x1000, 100, VRING_DESC_F_NEXT, 1);
	fill(&h->table[1], 0x2000, 200, VRING_DESC_F_WRITE, 0);
	offer_table(h, 5, 32);
	start(h);
	KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	memset(h->table, 0xff, PAGE_SIZE);
	memset(h->vring.desc, 0xff, HAND_SIZE * sizeof(*h->vring.desc));
	memset(h->vring.avail->ring, 0xff, HAND_SIZE * sizeof(*h->vring.avail->ring));
	KUNIT_EXPECT_EQ(test, h->chain.head, 5);
	KUNIT_EXPECT_EQ(test, h->chain.readable, 1);
	KUNIT_EXPECT_EQ(test, h->chain.writable, 1);
	KUNIT_EXPECT_EQ(test, h->chain.readable_bytes, 100);
	KUNIT_EXPECT_EQ(test, h->chain.segment[1].addr, 0x2000);
	vs_ring_consume(&h->ring);
	vs_ring_complete(&h->ring, 5, 200);
	vs_ring_flush(&h->ring);
	KUNIT_EXPECT_EQ(test, le32_to_cpu((__force __le32)h->vring.used->ring[0].id), 5);
	KUNIT_EXPECT_EQ(test, le32_to_cpu((__force __le32)h->vring.used->ring[0].len), 200);
}

static void lengths_are_summed_in_64_bits(struct kunit *test)
{
	struct hand *h = make_hand(test);

	for (int i = 0; i < 4; i++)
		set(h, i, 0x1000, U32_MAX, (i < 3 ? VRING_DESC_F_NEXT : 0) |
		    (i < 2 ? 0 : VRING_DESC_F_WRITE), i + 1);
	offer(h, 0);
	start(h);
	KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	KUNIT_EXPECT_EQ(test, h->chain.readable_bytes, 2ULL * U32_MAX);
	KUNIT_EXPECT_EQ(test, h->chain.writable_bytes, 2ULL * U32_MAX);
}

static void no_more_is_said_to_be_written_than_there_was_room_for(struct kunit *test)
{
	struct hand *h = make_hand(test);

	offer_good(h, 0);
	start(h);
	KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	vs_ring_consume(&h->ring);
	vs_ring_complete(&h->ring, 0, U32_MAX);
	/* Nothing of the used ring is written before it is shown. */
	KUNIT_EXPECT_EQ(test, le32_to_cpu((__force __le32)h->vring.used->ring[0].len), 0);
	vs_ring_flush(&h->ring);
	KUNIT_EXPECT_EQ(test, le32_to_cpu((__force __le32)h->vring.used->ring[0].len), 200);
}

static void a_chain_may_end_in_an_indirect_table(struct kunit *test)
{
	struct hand *h = make_hand(test);

	set(h, 0, 0x1000, 100, VRING_DESC_F_NEXT, 5);
	offer(h, 0);
	for (int i = 0; i < VS_CHANNEL_SEGMENTS - 1; i++)
		fill(&h->table[i], 0x2000, 1, VRING_DESC_F_WRITE |
		     (i < VS_CHANNEL_SEGMENTS - 2 ? VRING_DESC_F_NEXT : 0), i + 1);
	set(h, 5, virt_to_phys(h->table), (VS_CHANNEL_SEGMENTS - 1) * 16,
	    VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	start(h);
	KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	KUNIT_EXPECT_EQ(test, h->chain.readable, 1);
	KUNIT_EXPECT_EQ(test, h->chain.writable, VS_CHANNEL_SEGMENTS - 1);
}

static void the_first_completion_calls_back_even_who_wants_none(struct kunit *test)
{
	struct hand *h = make_hand(test);

	h->vring.avail->flags = le16(VRING_AVAIL_F_NO_INTERRUPT);
	start(h);
	for (int i = 0; i < 2; i++) {
		offer_good(h, 2 * i);
		KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
		vs_ring_consume(&h->ring);
		vs_ring_complete(&h->ring, 2 * i, 0);
		KUNIT_EXPECT_EQ(test, vs_ring_flush(&h->ring), i == 0);
		KUNIT_EXPECT_FALSE(test, vs_ring_flush(&h->ring));
	}
}

static void a_peek_takes_nothing(struct kunit *test)
{
	struct hand *h = make_hand(test);

	offer_good(h, 0);
	start(h);
	for (int i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, vs_ring_peek(&h->ring, &h->chain), 0);
	KUNIT_EXPECT_EQ(test, h->ring.next_avail, 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(h->ring.in_flight, VS_RING_SIZE_MAX));
}

static struct kunit_case hazard_cases[] = {
	KUNIT_CASE_PARAM(a_broken_rule_stops_the_ring_and_is_named, hazard_gen_params),
	KUNIT_CASE(the_same_head_twice_stops_the_ring),
	KUNIT_CASE(a_head_may_come_again_once_it_was_completed),
	KUNIT_CASE(what_is_changed_after_the_copy_is_not_seen),
	KUNIT_CASE(lengths_are_summed_in_64_bits),
	KUNIT_CASE(no_more_is_said_to_be_written_than_there_was_room_for),
	KUNIT_CASE(a_chain_may_end_in_an_indirect_table),
	KUNIT_CASE(the_first_completion_calls_back_even_who_wants_none),
	KUNIT_CASE(a_peek_takes_nothing),
	{}
};

static struct kunit_suite hazard_suite = {
	.name = "vsp_ring_hazard",
	.test_cases = hazard_cases,
};
kunit_test_suite(hazard_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: a virtqueue's device side against bad rings");
MODULE_LICENSE("GPL");
