// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest against the provider's side of its byte channels: the code that takes buffers out of the
 * queues and follows the contract, over queues that are never empty, and ports of this kernel.
 */
/* As follow.c has it: what it includes is included before it. */
#define pr_fmt(fmt) "vsp_channel: " fmt

#include <linux/err.h>
#include <linux/workqueue.h>

#include "vs_port_device.h"

#define mod_delayed_work	stub_mod_delayed_work
#define queue_delayed_work	stub_queue_delayed_work
#define vsp_queue_number	stub_number
#define vsp_queue_peek		stub_peek
#define vsp_queue_read		stub_read
#define vsp_queue_write		stub_write
#define vsp_queue_consume	stub_consume
#define vsp_queue_complete	stub_complete
#define vsp_queue_flush		stub_flush
#define vsp_queue_wake		stub_wake
#define vsp_rates_lock		stub_lock
#define vsp_rates_unlock	stub_unlock
#define vsp_rates_admit		stub_admit
#define vsp_rates_drop		stub_drop
#define vsp_rates_reset		stub_reset
#define vsp_rates_held		stub_held
#define vsp_rates_done		stub_done
#define vsp_service_data	stub_data
#define vsp_service_name	stub_name

static unsigned int tries_to_come;
static bool memory_is_short;

static bool stub_mod_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
				  unsigned long delay)
{
	return false;	/* the test follows when it likes */
}

static bool stub_queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
				    unsigned long delay)
{
	tries_to_come++;
	return true;
}

static struct vs_port *stub_create(const struct vs_port_config *config)
{
	return memory_is_short ? ERR_PTR(-ENOMEM) : vs_port_create(config);
}

#define vs_port_create		stub_create

#include "vsp/channel/follow.c"
#include "vsp/channel/queue.c"
#undef BUDGET
#include "vsp/channel/control.c"

#include <kunit/test.h>
#include <linux/module.h>

#define ROUND_MAX	10000	/* buffers of a round out of which the mover does not come */
#define MESSAGE		offsetof(struct vs_port_message, columns)
#define ENOUGH		1000	/* buffers of a round that has a budget are fewer */

static struct {
	struct vsp_ports *ports;
	struct vsp_chain chain;		/* of each buffer of the queue that is not empty */
	int queue;
	u8 bytes[64];			/* what a buffer that is read begins with */
	unsigned int completed;
	unsigned int wakes;
} world;

/* A queue is known by its number. */
static struct vsp_queue *queue_of(unsigned int number)
{
	return (struct vsp_queue *)(number + 1UL);
}

unsigned int stub_number(const struct vsp_queue *queue)
{
	return (unsigned long)queue - 1;
}

int stub_peek(struct vsp_queue *queue, struct vsp_chain *chain)
{
	if ((int)stub_number(queue) != world.queue || world.completed >= ROUND_MAX)
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
	return offset + length > chain->writable_bytes ? -EFAULT : 0;
}

void stub_consume(struct vsp_queue *queue)
{
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
	world.wakes++;
}

unsigned long stub_lock(struct vsp_service *service) __acquires(service)
{
	__acquire(service);
	return 0;
}

void stub_unlock(struct vsp_service *service, unsigned long irq) __releases(service)
{
	__release(service);
}

bool stub_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	return true;
}

void stub_drop(struct vsp_service *service, u32 flow)
{
}

void stub_reset(struct vsp_service *service, u32 flow)
{
}

bool stub_held(const struct vsp_service *service, u32 flow)
{
	return false;
}

void stub_done(struct vsp_service *service, u32 flow, const u64 *cost)
{
}

void *stub_data(const struct vsp_service *service)
{
	return world.ports;
}

const char *stub_name(const struct vsp_service *service)
{
	return "kunit";
}

/* ---- A service with one channel, a stream ---- */

static void commit(u32 count)
{
	const struct vs_port_set set = { .count = count, .kinds = BIT(VS_PORT_STREAM) };

	local_irq_disable();
	vsp_ports_follow_commit(world.ports, &set);
	local_irq_enable();
}

static void follow(void)
{
	follow_work(&world.ports->follow.work);
}

static int prepare(struct kunit *test)
{
	struct vsp_ports *ports = kunit_kzalloc(test, sizeof(*ports), GFP_KERNEL);

	if (!ports)
		return -ENOMEM;
	memset(&world, 0, sizeof(world));
	tries_to_come = 0;
	memory_is_short = false;
	world.queue = -1;
	world.ports = ports;
	vsp_ports_follow_init(ports);
	vsp_ports_queue_init(ports);
	commit(1);
	follow();
	return ports->port[0] ? 0 : -ENOMEM;
}

static void clean_up(struct kunit *test)
{
	if (world.ports)
		vsp_ports_follow_end(world.ports);
}

static void fill(unsigned int number, u16 readable, u64 readable_bytes, u16 writable,
		 u64 writable_bytes)
{
	world.chain = (struct vsp_chain){
		.readable = readable, .readable_bytes = readable_bytes,
		.writable = writable, .writable_bytes = writable_bytes,
	};
	world.queue = number;
	world.completed = 0;
	world.wakes = 0;
}

static void kick(unsigned int number)
{
	vsp_ports_queue_kick(NULL, queue_of(number));
}

/* Something is to be sent by channel 0. */
static void write_something(struct kunit *test)
{
	struct vs_port *port = world.ports->port[0];
	struct vs_port_piece *piece = vs_port_take_room(port);

	KUNIT_ASSERT_NOT_NULL(test, piece);
	piece->length = 100;
	vs_port_put_back(port, piece);
}

/* The mover does something else after a budget of what the queue has, and then goes on. */
static void expect_a_budget(struct kunit *test)
{
	KUNIT_EXPECT_GT(test, world.completed, 0);
	KUNIT_EXPECT_LT(test, world.completed, ENOUGH);
	KUNIT_EXPECT_GT(test, world.wakes, 0);
}

/* ---- Queues that are never empty ---- */

static void data_that_are_wrong_have_a_budget(struct kunit *test)
{
	fill(1, 1, VS_PORT_BYTES + 1, 0, 0);
	kick(1);
	expect_a_budget(test);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSP_PORTS_MALFORMED]),
			world.completed);
}

static void data_for_no_channel_have_a_budget(struct kunit *test)
{
	unsigned int queue = vs_port_rx_queue(7) + 1;

	fill(queue, 1, 100, 0, 0);
	kick(queue);
	expect_a_budget(test);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSP_PORTS_DROPPED]),
			world.completed);
}

static void room_that_is_wrong_has_a_budget(struct kunit *test)
{
	write_something(test);
	fill(0, 0, 0, 1, VS_PORT_BYTES - 1);
	kick(0);
	expect_a_budget(test);
}

static void good_data_have_a_budget(struct kunit *test)
{
	fill(1, 1, sizeof(world.bytes), 0, 0);
	kick(1);
	expect_a_budget(test);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSP_PORTS_SENT]),
			world.completed * sizeof(world.bytes));
}

static void messages_have_a_budget(struct kunit *test)
{
	fill(VS_PORT_CONTROL_TX, 1, MESSAGE, 0, 0);
	kick(VS_PORT_CONTROL_TX);
	expect_a_budget(test);
}

/* The host has to say that its end is closed, as each new end is. */
static void room_for_no_message_has_a_budget(struct kunit *test)
{
	fill(VS_PORT_CONTROL_RX, 0, 0, 1, 1);
	kick(VS_PORT_CONTROL_RX);
	expect_a_budget(test);
}

/* What a round has left is the next one's, with a budget of its own. */
static void each_round_has_a_budget(struct kunit *test)
{
	unsigned int first;

	fill(1, 1, VS_PORT_BYTES + 1, 0, 0);
	kick(1);
	first = world.completed;
	kick(1);
	KUNIT_EXPECT_EQ(test, world.completed, 2 * first);
}

/* The size of a terminal is the host's to say. */
static void a_guest_says_no_size(struct kunit *test)
{
	const struct vs_port_control resize = {
		.number = 0, .event = VIRTIO_CONSOLE_RESIZE, .size = { 80, 25 },
	};

	BUILD_BUG_ON(sizeof(struct vs_port_message) > sizeof(world.bytes));
	fill(VS_PORT_CONTROL_TX, 1, sizeof(struct vs_port_message), 0, 0);
	vs_port_control_write(&resize, (struct vs_port_message *)world.bytes);
	kick(VS_PORT_CONTROL_TX);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSP_PORTS_MALFORMED]),
			world.completed);
	KUNIT_EXPECT_EQ(test, world.ports->port[0]->size.columns, 0);
}

/* ---- Contracts that follow each other faster than their ports ---- */

static void say_that_it_is_open(void)
{
	const struct vs_port_control opened = {
		.number = 0, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1,
	};

	control_apply(world.ports, &opened);
}

/* Another contract, with a channel of the same number and kind, has another channel. */
static void a_port_that_has_ended_is_not_the_next_ones(struct kunit *test)
{
	struct vs_port *old = world.ports->port[0], *port;

	say_that_it_is_open();
	KUNIT_EXPECT_TRUE(test, old->state.peer);
	get_device(&old->dev);
	commit(0);
	commit(1);
	KUNIT_EXPECT_NULL(test, vsp_ports_get(world.ports, 0));
	/* It has closed the one that has ended; of the next one it says that it is open. */
	old->state.peer = false;
	say_that_it_is_open();
	KUNIT_EXPECT_FALSE(test, old->state.peer);
	follow();
	KUNIT_EXPECT_TRUE(test, old->state.gone);
	put_device(&old->dev);
	port = vsp_ports_get(world.ports, 0);
	KUNIT_ASSERT_NOT_NULL(test, port);
	KUNIT_EXPECT_PTR_NE(test, port, old);
	KUNIT_EXPECT_TRUE(test, port->state.peer);
	put_device(&port->dev);
}

/* What was said of the one that has ended is not said of the next one. */
static void a_port_begins_closed(struct kunit *test)
{
	say_that_it_is_open();
	commit(0);
	commit(1);
	follow();
	KUNIT_EXPECT_FALSE(test, world.ports->port[0]->state.peer);
	KUNIT_EXPECT_FALSE(test, world.ports->port[0]->state.gone);
}

static void a_port_that_stays_keeps_its_state(struct kunit *test)
{
	struct vs_port *port = world.ports->port[0];

	say_that_it_is_open();
	commit(2);
	commit(1);
	follow();
	KUNIT_EXPECT_PTR_EQ(test, world.ports->port[0], port);
	KUNIT_EXPECT_TRUE(test, port->state.peer);
}

static void a_port_that_cannot_be_made_is_tried_again(struct kunit *test)
{
	struct vs_port *port = world.ports->port[0];

	memory_is_short = true;
	commit(3);
	follow();
	KUNIT_EXPECT_PTR_EQ(test, world.ports->port[0], port);
	KUNIT_EXPECT_NULL(test, vsp_ports_get(world.ports, 1));
	KUNIT_EXPECT_EQ(test, tries_to_come, 1);
	memory_is_short = false;
	follow();
	KUNIT_EXPECT_NOT_NULL(test, world.ports->port[1]);
	KUNIT_EXPECT_NOT_NULL(test, world.ports->port[2]);
	KUNIT_EXPECT_EQ(test, tries_to_come, 1);
}

static struct kunit_case port_cases[] = {
	KUNIT_CASE(data_that_are_wrong_have_a_budget),
	KUNIT_CASE(data_for_no_channel_have_a_budget),
	KUNIT_CASE(room_that_is_wrong_has_a_budget),
	KUNIT_CASE(good_data_have_a_budget),
	KUNIT_CASE(messages_have_a_budget),
	KUNIT_CASE(room_for_no_message_has_a_budget),
	KUNIT_CASE(each_round_has_a_budget),
	KUNIT_CASE(a_guest_says_no_size),
	KUNIT_CASE(a_port_that_has_ended_is_not_the_next_ones),
	KUNIT_CASE(a_port_begins_closed),
	KUNIT_CASE(a_port_that_stays_keeps_its_state),
	KUNIT_CASE(a_port_that_cannot_be_made_is_tried_again),
	{}
};

static struct kunit_suite port_suite = {
	.name = "port_host",
	.init = prepare,
	.exit = clean_up,
	.test_cases = port_cases,
};

kunit_test_suite(port_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the provider's side of byte channels, and a hostile guest");
MODULE_LICENSE("GPL");
