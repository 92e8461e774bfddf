// SPDX-License-Identifier: GPL-2.0-only
/*
 * A broken host against the client's side of byte channels: the code that runs in an interrupt,
 * over rings whose host gives every buffer back as soon as it is there, and a port of this kernel.
 */
#define virtqueue_add_inbuf		stub_add_inbuf
#define virtqueue_add_outbuf		stub_add_outbuf
#define virtqueue_get_buf		stub_get_buf
#define virtqueue_detach_unused_buf	stub_detach
#define virtqueue_kick			stub_kick
#define virtqueue_enable_cb		stub_enable
#define virtqueue_disable_cb		stub_disable
#define virtqueue_is_broken		stub_is_broken
#define vsc_session_broken		stub_session_broken
#define vsc_channel_queue		stub_queue
#define vsc_channel_broken		stub_channel_broken
#define vsc_flow_queue			stub_flow_queue
#define vsc_flow_serve			stub_flow_serve
#define vsc_flow_drop			stub_flow_drop
#define vsc_flow_arrive			stub_flow_arrive

#include "vsc/channel/queue.c"
#include "vsc/channel/control.c"

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/module.h>

#define RING_MAX	VS_PORT_QUEUE_SIZE
#define TURNS_MAX	10000	/* buffers of one interrupt: it does not come out of it */

/* A ring whose host is as fast as it can be. */
struct fast_ring {
	void *buffer[RING_MAX];
	unsigned int first;
	unsigned int count;
	unsigned int taken;	/* since the test has begun to look */
};

static struct {
	struct vsc_ports *ports;
	struct fast_ring ring[VS_PORT_QUEUES];
	struct vs_port_message *message;	/* what the host says in each message */
	unsigned int length;			/* and how long that is */
	bool writes;		/* somebody writes to port 0 whenever there is room */
} world;

static struct fast_ring *ring_of(const struct virtqueue *queue)
{
	return (struct fast_ring *)queue;
}

struct virtqueue *stub_queue(struct vsc_channel *channel, unsigned int number)
{
	return (struct virtqueue *)&world.ring[number];
}

static int ring_add(struct virtqueue *queue, void *buffer)
{
	struct fast_ring *ring = ring_of(queue);

	if (ring->count == RING_MAX)
		return -ENOSPC;
	ring->buffer[(ring->first + ring->count++) % RING_MAX] = buffer;
	return 0;
}

int stub_add_inbuf(struct virtqueue *queue, struct scatterlist *sg, unsigned int count,
		   void *buffer, gfp_t flags)
{
	return ring_add(queue, buffer);
}

int stub_add_outbuf(struct virtqueue *queue, struct scatterlist *sg, unsigned int count,
		    void *buffer, gfp_t flags)
{
	return ring_add(queue, buffer);
}

static void *ring_take(struct fast_ring *ring)
{
	void *buffer = NULL;

	if (ring->count) {
		buffer = ring->buffer[ring->first];
		ring->first = (ring->first + 1) % RING_MAX;
		ring->count--;
	}
	return buffer;
}

/* As from another processor. */
static void write_something(void)
{
	struct vs_port *port = world.ports->slot[0].port;
	struct vs_port_piece *piece;

	if (!world.writes || list_empty(&port->out_free))
		return;
	piece = list_first_entry(&port->out_free, struct vs_port_piece, entry);
	list_del(&piece->entry);
	piece->length = 1;
	vs_port_put_back(port, piece);
}

void *stub_get_buf(struct virtqueue *queue, unsigned int *length)
{
	struct fast_ring *ring = ring_of(queue);
	void *buffer = ring->taken < TURNS_MAX ? ring_take(ring) : NULL;

	if (!buffer)
		return NULL;
	ring->taken++;
	*length = VS_PORT_BYTES;
	if (ring == &world.ring[VS_PORT_CONTROL_RX]) {
		*length = world.length;
		memcpy(buffer, world.message, min(*length, sizeof(*world.message)));
	} else if (ring == &world.ring[1]) {
		write_something();
	}
	return buffer;
}

void *stub_detach(struct virtqueue *queue)
{
	return ring_take(ring_of(queue));
}

bool stub_kick(struct virtqueue *queue)
{
	return true;
}

/* Return: whether there is nothing to take. */
bool stub_enable(struct virtqueue *queue)
{
	return !ring_of(queue)->count || ring_of(queue)->taken >= TURNS_MAX;
}

void stub_disable(struct virtqueue *queue)
{
}

bool stub_is_broken(const struct virtqueue *queue)
{
	return false;
}

void stub_session_broken(struct vsc_session *session)
{
}

bool stub_channel_broken(struct vsc_channel *channel)
{
	return false;
}

void stub_flow_queue(struct vsc_flow *flow, u64 amount)
{
}

void stub_flow_serve(struct vsc_flow *flow, u64 amount, u64 largest, unsigned int pieces)
{
}

void stub_flow_drop(struct vsc_flow *flow, unsigned int pieces)
{
}

void stub_flow_arrive(struct vsc_flow *flow, u64 amount, u64 largest)
{
}

/* ---- A client with port 0, a stream that nobody has open: what comes is dropped at once ---- */

static void forget(void)
{
	for (unsigned int i = 0; i < VS_PORT_QUEUES; i++)
		world.ring[i].taken = 0;
}

static int prepare(struct kunit *test)
{
	const struct vs_port_config config = {
		.client = true, .kind = VS_PORT_STREAM, .service = "kunit", .unique = "kunit",
	};
	struct vsc_ports *ports = kunit_kzalloc(test, sizeof(*ports), GFP_KERNEL);
	struct vs_port *port;

	memset(&world, 0, sizeof(world));
	world.message = kunit_kzalloc(test, sizeof(*world.message), GFP_KERNEL);
	if (!ports || !world.message)
		return -ENOMEM;
	vsc_ports_queue_init(ports);
	if (vsc_ports_control_init(ports))
		return -ENOMEM;
	port = vs_port_create(&config);
	if (IS_ERR(port))
		return PTR_ERR(port);
	ports->slot[0].port = port;
	world.ports = ports;
	vsc_ports_control_take(ports);
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		vsc_ports_queue_take(&ports->slot[i]);
	forget();
	return 0;
}

static void clean_up(struct kunit *test)
{
	struct vsc_ports *ports = world.ports;

	if (!ports)
		return;
	world.writes = false;
	vsc_ports_control_empty(ports);
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		vsc_ports_queue_empty(&ports->slot[i]);
	vs_port_hang_up(ports->slot[0].port);
	vsc_ports_control_exit(ports);
}

static void an_interrupt_takes_what_was_posted_for_data(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, world.ring[0].count, VS_PORT_PIECES);
	vsc_ports_queue_pump(&world.ports->slot[0]);
	KUNIT_EXPECT_EQ(test, world.ring[0].taken, VS_PORT_PIECES);
	KUNIT_EXPECT_EQ(test, world.ring[0].count, VS_PORT_PIECES);
}

static void an_interrupt_takes_what_was_posted_for_messages(struct kunit *test)
{
	const struct vs_port_control opened = {
		.number = 0, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1,
	};

	world.length = vs_port_control_write(&opened, world.message);
	vsc_ports_control_data(world.ports, VS_PORT_CONTROL_RX);
	KUNIT_EXPECT_EQ(test, world.ring[VS_PORT_CONTROL_RX].taken, VSC_PORTS_MESSAGES);
	KUNIT_EXPECT_EQ(test, world.ring[VS_PORT_CONTROL_RX].count, VSC_PORTS_MESSAGES);
	KUNIT_EXPECT_TRUE(test, world.ports->slot[0].port->state.peer);
}

static void an_interrupt_takes_messages_that_make_no_sense(struct kunit *test)
{
	world.length = sizeof(*world.message);
	memset(world.message, 0xff, world.length);
	vsc_ports_control_data(world.ports, VS_PORT_CONTROL_RX);
	KUNIT_EXPECT_EQ(test, world.ring[VS_PORT_CONTROL_RX].taken, VSC_PORTS_MESSAGES);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSC_PORTS_REFUSED]),
			VSC_PORTS_MESSAGES);
}

/* A stream has no size, and a size that no terminal has is none. */
static void a_size_is_a_consoles(struct kunit *test)
{
	const struct vs_port_control resize = {
		.number = 0, .event = VIRTIO_CONSOLE_RESIZE, .size = { 80, 25 },
	};
	struct vs_port *port = world.ports->slot[0].port;

	world.length = vs_port_control_write(&resize, world.message);
	vsc_ports_control_data(world.ports, VS_PORT_CONTROL_RX);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSC_PORTS_REFUSED]),
			VSC_PORTS_MESSAGES);
	KUNIT_EXPECT_EQ(test, port->size.columns, 0);
	/* Of a port that there is not, nothing is known yet. */
	world.message->number = cpu_to_le32(30);
	vsc_ports_control_data(world.ports, VS_PORT_CONTROL_RX);
	KUNIT_EXPECT_EQ(test, atomic64_read(&world.ports->counter[VSC_PORTS_REFUSED]),
			VSC_PORTS_MESSAGES);
}

/* However fast somebody writes, and the host takes it. */
static void an_interrupt_takes_what_was_sent(struct kunit *test)
{
	world.writes = true;
	write_something();
	vsc_ports_queue_pump(&world.ports->slot[0]);
	forget();
	vsc_ports_queue_pump(&world.ports->slot[0]);
	KUNIT_EXPECT_GT(test, world.ring[1].taken, 0);
	KUNIT_EXPECT_LE(test, world.ring[1].taken, VS_PORT_PIECES);
}

static struct kunit_case port_cases[] = {
	KUNIT_CASE(an_interrupt_takes_what_was_posted_for_data),
	KUNIT_CASE(an_interrupt_takes_what_was_posted_for_messages),
	KUNIT_CASE(an_interrupt_takes_messages_that_make_no_sense),
	KUNIT_CASE(a_size_is_a_consoles),
	KUNIT_CASE(an_interrupt_takes_what_was_sent),
	{}
};

static struct kunit_suite port_suite = {
	.name = "port_client",
	.init = prepare,
	.exit = clean_up,
	.test_cases = port_cases,
};

kunit_test_suite(port_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the client's side of byte channels, and a broken host");
MODULE_LICENSE("GPL");
