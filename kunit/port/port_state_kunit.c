// SPDX-License-Identifier: GPL-2.0-only
/*
 * One end of a byte channel: what a user who opens, reads, writes and closes it has to do with one
 * who had it before, and with the port's end.
 */
#include <linux/export.h>

/* What this suite has of its own is not exported once more. */
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(symbol) static_assert(sizeof(typeof(symbol) *))

#include "channel/port/port.c"
#include "channel/port/user.c"

#include <kunit/test.h>
#include <linux/module.h>

void vs_port_tty_look(struct vs_port *port)
{
}

void vs_port_tty_carrier_lost(struct vs_port *port)
{
}

static void no_kick(void *owner, unsigned int number)
{
}

static int prepare(struct kunit *test)
{
	struct vs_port *port = kunit_kzalloc(test, sizeof(*port), GFP_KERNEL);

	if (!port)
		return -ENOMEM;
	port->kind = VS_PORT_STREAM;
	port->kick = no_kick;
	test->priv = port;
	return vs_port_init(port);
}

static void clean_up(struct kunit *test)
{
	if (test->priv)
		vs_port_free(test->priv);
}

/* Tells the other side all there is. */
static void tell(struct vs_port *port)
{
	enum vs_port_news news;

	while ((news = vs_port_news(port, true)) != VS_PORT_NO_NEWS)
		vs_port_told(port, news);
}

/* Both sides have it open, and know. */
static void meet(struct kunit *test, struct vs_port *port)
{
	tell(port);
	KUNIT_ASSERT_EQ(test, vs_port_open(port), 0);
	tell(port);
	vs_port_set_peer(port, true);
}

static void receive(struct kunit *test, struct vs_port *port, u32 length)
{
	struct vs_port_piece *piece = vs_port_take_room(port);

	KUNIT_ASSERT_NOT_NULL(test, piece);
	piece->length = length;
	vs_port_receive(port, piece);
}

static unsigned int count(const struct list_head *list)
{
	return list_count_nodes((struct list_head *)list);
}

static void one_at_a_time_has_it_open(struct kunit *test)
{
	struct vs_port *port = test->priv;

	meet(test, port);
	KUNIT_EXPECT_EQ(test, vs_port_open(port), -EBUSY);
	vs_port_close(port);
	KUNIT_EXPECT_EQ(test, vs_port_open(port), 0);
	vs_port_end(port);
	vs_port_close(port);
	KUNIT_EXPECT_EQ(test, vs_port_open(port), -ENODEV);
}

/* The work of a terminal has a piece while the terminal is closed. */
static void a_piece_that_is_being_read_goes_with_the_close(struct kunit *test)
{
	struct vs_port *port = test->priv;
	struct vs_port_piece *piece;

	meet(test, port);
	receive(test, port, 100);
	piece = vs_port_begin_read(port);
	KUNIT_ASSERT_NOT_NULL(test, piece);
	piece->offset += 10;
	piece->length -= 10;
	vs_port_close(port);
	KUNIT_EXPECT_FALSE(test, vs_port_end_read(port, piece));
	KUNIT_EXPECT_EQ(test, count(&port->in), 0);
	KUNIT_EXPECT_EQ(test, count(&port->in_free), VS_PORT_PIECES);
}

/* Likewise, with another one who has opened it before the work puts the piece back. */
static void a_piece_that_is_being_read_is_not_the_next_users(struct kunit *test)
{
	struct vs_port *port = test->priv;
	struct vs_port_piece *piece;

	meet(test, port);
	receive(test, port, 100);
	piece = vs_port_begin_read(port);
	vs_port_close(port);
	KUNIT_ASSERT_EQ(test, vs_port_open(port), 0);
	KUNIT_EXPECT_FALSE(test, vs_port_end_read(port, piece));
	KUNIT_EXPECT_NULL(test, vs_port_begin_read(port));
	KUNIT_EXPECT_EQ(test, count(&port->in_free), VS_PORT_PIECES);
}

static void a_piece_that_was_read_in_part_is_read_on(struct kunit *test)
{
	struct vs_port *port = test->priv;
	struct vs_port_piece *piece;

	meet(test, port);
	receive(test, port, 100);
	receive(test, port, 7);
	piece = vs_port_begin_read(port);
	piece->offset += 10;
	piece->length -= 10;
	KUNIT_EXPECT_TRUE(test, vs_port_end_read(port, piece));
	KUNIT_EXPECT_PTR_EQ(test, vs_port_begin_read(port), piece);
	KUNIT_EXPECT_EQ(test, piece->length, 90);
	vs_port_give_room(port, piece);
}

/* What was sent to one who has closed is not for the next one. */
static void data_come_to_the_user_they_were_sent_to(struct kunit *test)
{
	struct vs_port *port = test->priv;

	meet(test, port);
	receive(test, port, 100);
	vs_port_close(port);
	KUNIT_ASSERT_EQ(test, vs_port_open(port), 0);
	/* The other side has not heard yet that the first one has closed. */
	receive(test, port, 100);
	KUNIT_EXPECT_NULL(test, vs_port_begin_read(port));
	tell(port);
	vs_port_set_peer(port, true);
	receive(test, port, 100);
	KUNIT_EXPECT_FALSE(test, list_empty(&port->in));
}

/* One that was set while the last one was told is told, too. */
static void the_last_size_is_told(struct kunit *test)
{
	const struct vs_port_size first = { 80, 25 }, second = { 132, 43 };
	struct vs_port *port = test->priv;
	struct vs_port_size told;

	KUNIT_EXPECT_EQ(test, vs_port_set_size(port, &first), -ENOTTY);
	port->kind = VS_PORT_CONSOLE;
	KUNIT_EXPECT_FALSE(test, vs_port_new_size(port, &told));
	KUNIT_ASSERT_EQ(test, vs_port_set_size(port, &first), 0);
	KUNIT_EXPECT_TRUE(test, vs_port_new_size(port, &told));
	KUNIT_ASSERT_EQ(test, vs_port_set_size(port, &second), 0);
	vs_port_size_told(port, &told);
	KUNIT_EXPECT_TRUE(test, vs_port_new_size(port, &told));
	KUNIT_EXPECT_EQ(test, told.columns, 132);
	vs_port_size_told(port, &told);
	KUNIT_EXPECT_FALSE(test, vs_port_new_size(port, &told));
	/* A guest that opens its end may not have had it when the size was told. */
	vs_port_set_peer(port, true);
	KUNIT_EXPECT_TRUE(test, vs_port_new_size(port, &told));
	vs_port_size_told(port, &told);
	/* That it is open is said again as an answer: the guest may have set another size since. */
	vs_port_set_peer(port, true);
	KUNIT_EXPECT_FALSE(test, vs_port_new_size(port, &told));
}

static void a_size_has_a_bound(struct kunit *test)
{
	const struct vs_port_size good = { VS_PORT_SIZE_MAX, VS_PORT_SIZE_MAX };
	const struct vs_port_size wide = { VS_PORT_SIZE_MAX + 1, 25 };
	const struct vs_port_size high = { 80, VS_PORT_SIZE_MAX + 1 };
	struct vs_port *port = test->priv;

	port->kind = VS_PORT_CONSOLE;
	KUNIT_EXPECT_EQ(test, vs_port_set_size(port, &good), 0);
	KUNIT_EXPECT_EQ(test, vs_port_set_size(port, &wide), -EINVAL);
	KUNIT_EXPECT_EQ(test, vs_port_set_size(port, &high), -EINVAL);
	KUNIT_EXPECT_EQ(test, port->size.columns, VS_PORT_SIZE_MAX);
}

/* What has come can be read, then there is an end of file. */
static void what_is_not_sent_counts_until_nobody_reads_it(struct kunit *test)
{
	static const u8 bytes[VS_PORT_BYTES + 1];
	struct vs_port *port = test->priv;
	struct vs_port_piece *piece;

	meet(test, port);
	KUNIT_EXPECT_EQ(test, vs_port_unsent(port), 0);
	KUNIT_ASSERT_EQ(test, vs_port_write(port, bytes, sizeof(bytes)), sizeof(bytes));
	KUNIT_EXPECT_EQ(test, vs_port_unsent(port), VS_PORT_BYTES + 1);
	vs_port_sent(port, vs_port_take_out(port));
	KUNIT_EXPECT_EQ(test, vs_port_unsent(port), 1);
	/* On its way it counts as a whole one. */
	piece = vs_port_take_out(port);
	KUNIT_EXPECT_EQ(test, vs_port_unsent(port), VS_PORT_BYTES);
	vs_port_set_peer(port, false);
	KUNIT_EXPECT_EQ(test, vs_port_unsent(port), 0);
	vs_port_sent(port, piece);
}

static void the_end_leaves_what_has_come(struct kunit *test)
{
	struct vs_port *port = test->priv;
	struct vs_port_piece *piece;

	meet(test, port);
	receive(test, port, 100);
	vs_port_end(port);
	KUNIT_EXPECT_TRUE(test, vs_port_poll(port) & EPOLLIN);
	KUNIT_EXPECT_TRUE(test, vs_port_poll(port) & EPOLLHUP);
	piece = vs_port_begin_read(port);
	KUNIT_ASSERT_NOT_NULL(test, piece);
	piece->length = 0;
	vs_port_end_read(port, piece);
	KUNIT_EXPECT_NULL(test, vs_port_begin_read(port));
	KUNIT_EXPECT_EQ(test, vs_port_begin_write(port, &piece), -EPIPE);
}

static struct kunit_case port_cases[] = {
	KUNIT_CASE(one_at_a_time_has_it_open),
	KUNIT_CASE(a_piece_that_is_being_read_goes_with_the_close),
	KUNIT_CASE(a_piece_that_is_being_read_is_not_the_next_users),
	KUNIT_CASE(a_piece_that_was_read_in_part_is_read_on),
	KUNIT_CASE(data_come_to_the_user_they_were_sent_to),
	KUNIT_CASE(the_last_size_is_told),
	KUNIT_CASE(a_size_has_a_bound),
	KUNIT_CASE(what_is_not_sent_counts_until_nobody_reads_it),
	KUNIT_CASE(the_end_leaves_what_has_come),
	{}
};

static struct kunit_suite port_suite = {
	.name = "port_state",
	.init = prepare,
	.exit = clean_up,
	.test_cases = port_cases,
};

kunit_test_suite(port_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: one end of a byte channel");
MODULE_LICENSE("GPL");
