// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which ports a contract of the class channel has, which of them stay in the next one, and the
 * control messages: all there are.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/module.h>
#include <uapi/linux/virtio_console.h>

#include "vs_class.h"
#include "vs_port.h"
#include "vs_terms.h"

#define KINDS	BIT(VS_PORT_KIND_COUNT)
#define SHORT	offsetof(struct vs_port_message, columns)	/* of a message without a size */

/* Each queue is one port's, or of the control messages, and none is left over. */
static void every_queue_has_one_owner(struct kunit *test)
{
	DECLARE_BITMAP(seen, VS_PORT_QUEUES);

	bitmap_zero(seen, VS_PORT_QUEUES);
	__set_bit(VS_PORT_CONTROL_RX, seen);
	__set_bit(VS_PORT_CONTROL_TX, seen);
	KUNIT_EXPECT_EQ(test, vs_port_of_queue(VS_PORT_CONTROL_RX), -1);
	KUNIT_EXPECT_EQ(test, vs_port_of_queue(VS_PORT_CONTROL_TX), -1);
	for (int i = 0; i < VS_PORT_MAX; i++)
		for (unsigned int way = 0; way < 2; way++) {
			unsigned int queue = vs_port_rx_queue(i) + way;

			KUNIT_ASSERT_LT(test, queue, (unsigned int)VS_PORT_QUEUES);
			KUNIT_EXPECT_FALSE(test, __test_and_set_bit(queue, seen));
			KUNIT_EXPECT_EQ(test, vs_port_of_queue(queue), i);
		}
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, VS_PORT_QUEUES));
	KUNIT_EXPECT_EQ(test, vs_class_channel.queues, VS_PORT_QUEUES);
}

/* A kind is one that is granted, and of each there are as many as of any other, but for one. */
static void kinds_take_turns(struct kunit *test)
{
	for (u32 kinds = 1; kinds < KINDS; kinds++) {
		unsigned int count[VS_PORT_KIND_COUNT] = { };
		enum vs_port_kind last = 0;

		for (unsigned int i = 0; i < VS_PORT_MAX; i++) {
			enum vs_port_kind kind = vs_port_kind_of(kinds, i);

			KUNIT_ASSERT_TRUE(test, kinds & BIT(kind));
			if (i && i < hweight32(kinds))
				KUNIT_EXPECT_GT(test, kind, last);
			last = kind;
			count[kind]++;
		}
		for (enum vs_port_kind i = 0; i < VS_PORT_KIND_COUNT; i++)
			KUNIT_EXPECT_EQ(test, kinds & BIT(i) ?
					count[i] - VS_PORT_MAX / hweight32(kinds) <= 1 : !count[i],
					1);
	}
}

/* A port stays if both contracts have it, of the same kind: any two contracts. */
static void what_both_have_stays(struct kunit *test)
{
	struct vs_port_set now, next;

	for (now.kinds = 1; now.kinds < KINDS; now.kinds++)
		for (next.kinds = 1; next.kinds < KINDS; next.kinds++)
			for (now.count = 0; now.count <= VS_PORT_MAX; now.count++)
				for (next.count = 0; next.count <= VS_PORT_MAX; next.count++) {
					u32 stay = vs_port_that_stay(&now, &next);
					u32 both = BIT(min(now.count, next.count)) - 1;

					KUNIT_ASSERT_EQ(test, stay & ~both, 0);
					if (now.kinds == next.kinds)
						KUNIT_ASSERT_EQ(test, stay, both);
					KUNIT_ASSERT_EQ(test, stay,
							vs_port_that_stay(&next, &now));
					if (both)
						KUNIT_ASSERT_EQ(test, stay & 1,
								ffs(now.kinds) == ffs(next.kinds));
				}
}

static void a_contract_says_how_many(struct kunit *test)
{
	struct vs_terms *terms = kunit_kzalloc(test, sizeof(*terms), GFP_KERNEL);
	struct vs_term *count, *kinds;
	struct vs_port_set set;

	KUNIT_ASSERT_NOT_NULL(test, terms);
	count = &terms->term[VS_PORT_INDEX(VS_PORT_CHANNELS)];
	kinds = &terms->term[VS_PORT_INDEX(VS_PORT_KINDS)];
	count->high = 7;
	kinds->high = BIT(VS_PORT_CONSOLE) | BIT(VS_PORT_DATAGRAM);
	vs_port_set_of(terms, &set);
	KUNIT_EXPECT_EQ(test, set.count, 7);
	KUNIT_EXPECT_EQ(test, set.kinds, BIT(VS_PORT_CONSOLE) | BIT(VS_PORT_DATAGRAM));
	/* Whatever the other side grants. */
	count->high = U64_MAX;
	kinds->high = U64_MAX;
	vs_port_set_of(terms, &set);
	KUNIT_EXPECT_EQ(test, set.count, VS_PORT_MAX);
	KUNIT_EXPECT_EQ(test, set.kinds, KINDS - 1);
	kinds->high = 0;
	vs_port_set_of(terms, &set);
	KUNIT_EXPECT_EQ(test, set.count, 0);
}

/* Of a message without a size. */
static bool is_message(u32 number, u16 event, u16 value)
{
	return number < VS_PORT_MAX && value < 2 &&
	       (event == VIRTIO_CONSOLE_PORT_OPEN || event == VIRTIO_CONSOLE_PORT_REMOVE);
}

/* What is written is read again; what makes no sense is refused. */
static void messages_are_checked(struct kunit *test)
{
	static const u32 numbers[] = { 0, 1, 30, 31, 32, 255, 256, 65536, U32_MAX };
	static const u16 values[] = { 0, 1, 2, 255, 256, U16_MAX };

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		for (unsigned int event = 0; event < 300; event++)
			for (unsigned int k = 0; k < ARRAY_SIZE(values); k++) {
				struct vs_port_control what = {
					.number = numbers[i], .event = event, .value = values[k],
				};
				struct vs_port_control got = { };
				struct vs_port_message message;
				int error;

				vs_port_control_write(&what, &message);
				error = vs_port_control_read(&message, SHORT, &got);
				KUNIT_ASSERT_EQ(test, error,
						is_message(what.number, event, what.value) ?
						0 : -EINVAL);
				if (!error)
					KUNIT_ASSERT_MEMEQ(test, &got, &what, sizeof(got));
			}
}

static bool is_size(u16 value, u16 columns, u16 rows)
{
	return !value && columns <= VS_PORT_SIZE_MAX && rows <= VS_PORT_SIZE_MAX;
}

static void sizes_are_checked(struct kunit *test)
{
	static const u16 values[] = { 0, 1, 2, 80, 255, 256, 4095, 4096, 4097, 32768, U16_MAX };

	for (unsigned int i = 0; i < ARRAY_SIZE(values); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(values); j++)
			for (unsigned int k = 0; k < ARRAY_SIZE(values); k++) {
				struct vs_port_control what = {
					.number = 30, .event = VIRTIO_CONSOLE_RESIZE,
					.value = values[i], .size = { values[j], values[k] },
				};
				struct vs_port_control got = { };
				struct vs_port_message message;
				u32 length = vs_port_control_write(&what, &message);
				int error;

				KUNIT_ASSERT_EQ(test, length, sizeof(message));
				error = vs_port_control_read(&message, length, &got);
				KUNIT_ASSERT_EQ(test, error,
						is_size(values[i], values[j], values[k]) ?
						0 : -EINVAL);
				if (!error)
					KUNIT_ASSERT_MEMEQ(test, &got, &what, sizeof(got));
			}
}

/* A message is as long as what it says: not a byte less or more. */
static void lengths_are_checked(struct kunit *test)
{
	static const u16 events[] = {
		VIRTIO_CONSOLE_PORT_OPEN, VIRTIO_CONSOLE_PORT_REMOVE, VIRTIO_CONSOLE_RESIZE,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++) {
		struct vs_port_control what = { .event = events[i] }, got;
		struct vs_port_message message;
		u32 right = vs_port_control_write(&what, &message);

		for (u32 length = 0; length < 100; length++)
			KUNIT_EXPECT_EQ(test, vs_port_control_read(&message, length, &got),
					length == right ? 0 : -EINVAL);
	}
}

static void the_format_is_that_of_virtio_console(struct kunit *test)
{
	static const u8 bytes[] = { 30, 0, 0, 0, VIRTIO_CONSOLE_PORT_OPEN, 0, 1, 0 };
	struct vs_port_control what = {
		.number = 30, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1,
	};
	static const u8 resize[] = { 1, 0, 0, 0, VIRTIO_CONSOLE_RESIZE, 0, 0, 0, 132, 0, 43, 0 };
	struct vs_port_message message;

	KUNIT_EXPECT_EQ(test, vs_port_control_write(&what, &message), sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, &message, bytes, sizeof(bytes));
	what = (struct vs_port_control){
		.number = 1, .event = VIRTIO_CONSOLE_RESIZE, .size = { 132, 43 },
	};
	KUNIT_EXPECT_EQ(test, vs_port_control_write(&what, &message), sizeof(resize));
	KUNIT_EXPECT_MEMEQ(test, &message, resize, sizeof(resize));
}

static struct kunit_case port_cases[] = {
	KUNIT_CASE(every_queue_has_one_owner),
	KUNIT_CASE(kinds_take_turns),
	KUNIT_CASE_SLOW(what_both_have_stays),
	KUNIT_CASE(a_contract_says_how_many),
	KUNIT_CASE(messages_are_checked),
	KUNIT_CASE(sizes_are_checked),
	KUNIT_CASE(lengths_are_checked),
	KUNIT_CASE(the_format_is_that_of_virtio_console),
	{}
};

static struct kunit_suite port_suite = {
	.name = "port_set",
	.test_cases = port_cases,
};

kunit_test_suite(port_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the ports of a contract of class channel");
MODULE_LICENSE("GPL");
