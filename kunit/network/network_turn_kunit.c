// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of queues of one network device: whose frame is next, and whose mover hears of it, in
 * either direction.  The turns themselves are the matter of kunit/rate/turn_kunit.c.
 */
#define vsp_queue_number	stub_number
#define vsp_queue_wake		stub_wake
#define vsp_rates_admit		stub_admit
#define vsp_rates_wait		stub_wait
#define vsp_rates_drop		stub_drop
#define vsp_rates_held		stub_held
#define vsp_rates_done		stub_done

#include "kunit/rate/turn_copy.h"
#include "vsp/core/turn.c"
#include "vsp/network/ring.c"
#include "vsp/network/queue.c"
#include "vsp/core/service.h"
#include "vsp/pool/pool.h"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>

#define COST	1514

/* What the rates were asked for, and which movers were woken. */
static struct {
	bool early;		/* a frame has to wait for its rate */
	bool held[VS_CLASS_FLOWS_MAX];
	u64 waits[VS_CLASS_FLOWS_MAX];	/* cost of the last that got its turn */
	unsigned long woken;	/* queues, a bit each */
	u64 charged;
	u64 done;
} world;

struct fixture {
	struct vsp_pool pool;
	struct vsp_service service;
	struct vsp_network network;
};

/* Never looked into. */
static struct vsp_queue *queue_of(unsigned int number)
{
	return (struct vsp_queue *)(number + 1UL);
}

unsigned int stub_number(const struct vsp_queue *queue)
{
	return (unsigned long)queue - 1;
}

void stub_wake(struct vsp_queue *queue)
{
	world.woken |= BIT(stub_number(queue));
}

bool stub_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.held[flow] = world.early;
	if (!world.early)
		world.charged += *cost;
	return !world.early;
}

void stub_wait(struct vsp_service *service, u32 flow, const u64 *cost)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.waits[flow] = *cost;
	world.held[flow] = world.early;
	if (!world.early)
		vsp_network_queue_go_on(service, flow);
}

void stub_drop(struct vsp_service *service, u32 flow)
{
	lockdep_assert_held(&service->pool->rates.lock);
	world.held[flow] = false;
}

bool stub_held(const struct vsp_service *service, u32 flow)
{
	return world.held[flow];
}

void stub_done(struct vsp_service *service, u32 flow, const u64 *cost)
{
	world.done += *cost;
}

/* ---- What the two files call of others ---- */

unsigned int vsp_network_transmit(struct vsp_network_ring *ring, struct vsp_queue *queue,
				  unsigned int budget)
{
	return budget;
}

unsigned int vsp_network_receive(struct vsp_network_ring *ring, struct vsp_queue *queue,
				 unsigned int budget)
{
	return budget;
}

void vsp_network_receive_init(struct vsp_network_ring *ring)
{
}

void vsp_network_receive_reset(struct vsp_network_ring *ring)
{
}

void vsp_network_receive_exit(struct vsp_network_ring *ring)
{
}

KUNIT_DEFINE_ACTION_WRAPPER(free_fixture, kvfree, const void *);

/* Two pairs, whose queues have been kicked once. */
static struct fixture *make(struct kunit *test)
{
	struct fixture *f = kvzalloc(sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_fixture, f), 0);
	memset(&world, 0, sizeof(world));
	spin_lock_init(&f->pool.rates.lock);
	f->service.pool = &f->pool;
	f->service.class_data = &f->network;
	f->network.service = &f->service;
	f->network.terms.present = true;
	f->network.terms.pairs = 2;
	vsp_network_queue_init(&f->network);
	for (unsigned int i = 0; i < VSP_NETWORK_QUEUES; i++)
		vsp_network_queue_kick(&f->service, queue_of(i));
	return f;
}

static struct vsp_network_ring *ring(struct fixture *f, unsigned int pair, u32 flow)
{
	return &f->network.ring[vsp_network_number(pair, flow)];
}

static unsigned long bit_of(unsigned int pair, u32 flow)
{
	return BIT(vsp_network_number(pair, flow));
}

/* Both pairs have a frame that has to wait: the first has the turn. */
static void let_both_want(struct kunit *test, struct fixture *f, u32 flow)
{
	world.early = true;
	for (unsigned int pair = 0; pair < 2; pair++)
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, pair, flow), COST + pair),
				VSP_NETWORK_HOLD);
	KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, 0);
	world.woken = 0;
}

/* The rate of a flow lets its first frame pass. */
static void open_rate(struct fixture *f, u32 flow)
{
	unsigned long irq = vsp_rates_lock(&f->service);

	world.held[flow] = false;
	vsp_network_queue_go_on(&f->service, flow);
	vsp_rates_unlock(&f->service, irq);
}

static void the_next_pair_waits_from_the_hand_over_on(struct kunit *test)
{
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		struct fixture *f = make(test);

		let_both_want(test, f, flow);
		open_rate(f, flow);
		KUNIT_EXPECT_EQ(test, world.woken, bit_of(0, flow));
		world.woken = 0;
		world.early = false;
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 0, flow), COST),
				VSP_NETWORK_PASS);
		world.early = true;
		vsp_network_ring_leave(ring(f, 0, flow));
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, 1);
		/* It waits, though its mover has not run; and need not run before it may pass. */
		KUNIT_EXPECT_EQ(test, world.waits[flow], COST + 1);
		KUNIT_EXPECT_EQ(test, world.waits[!flow], 0);
		KUNIT_EXPECT_EQ(test, world.woken, 0);
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 1, flow), COST + 1),
				VSP_NETWORK_HOLD);
		open_rate(f, flow);
		KUNIT_EXPECT_EQ(test, world.woken, bit_of(1, flow));
		world.early = false;
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 1, flow), COST + 1),
				VSP_NETWORK_PASS);
		KUNIT_EXPECT_EQ(test, world.charged, 2 * COST + 1);
		KUNIT_EXPECT_EQ(test, f->network.passed[flow], 2 * COST + 1);
	}
}

/* What it has paid for is not the next one's: that waits as if nothing had been paid. */
static void a_pair_that_is_not_granted_any_more_gives_up_its_turn(struct kunit *test)
{
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		struct fixture *f = make(test);

		let_both_want(test, f, flow);
		world.early = false;
		open_rate(f, flow);
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 0, flow), COST),
				VSP_NETWORK_PASS);
		vsp_network_ring_leave(ring(f, 0, flow));
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, 1);
		KUNIT_EXPECT_EQ(test, world.woken, bit_of(0, flow) | bit_of(1, flow));
		f->network.terms.pairs = 1;
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 0, flow), COST),
				VSP_NETWORK_HOLD);
		KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 1, flow), COST + 1),
				VSP_NETWORK_DROP);
		world.woken = 0;
		vsp_network_ring_leave(ring(f, 1, flow));
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, 0);
		KUNIT_EXPECT_EQ(test, world.waits[flow], COST);
		KUNIT_EXPECT_EQ(test, world.woken, bit_of(0, flow));
	}
}

/* Nobody else's turn: it is not given to a pair that has nothing to send any more. */
static void a_pair_without_a_frame_wants_no_turn(struct kunit *test)
{
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		struct fixture *f = make(test);

		let_both_want(test, f, flow);
		vsp_network_ring_leave(ring(f, 1, flow));
		vsp_network_ring_leave(ring(f, 0, flow));
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, -1);
		KUNIT_EXPECT_EQ(test, world.waits[flow], 0);
		KUNIT_EXPECT_FALSE(test, world.held[flow]);
	}
}

/* So that the flow is not idle between two frames. */
static void a_frame_is_done_once_the_next_one_is_known(struct kunit *test)
{
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		struct fixture *f = make(test);

		vsp_network_ring_admit(ring(f, 0, flow), COST);
		KUNIT_EXPECT_EQ(test, world.done, 0);
		vsp_network_ring_admit(ring(f, 0, flow), COST);
		KUNIT_EXPECT_EQ(test, world.done, COST);
		world.early = true;
		vsp_network_ring_admit(ring(f, 0, flow), COST);
		KUNIT_EXPECT_EQ(test, world.done, 2 * COST);
		KUNIT_EXPECT_EQ(test, world.charged, 2 * COST);
	}
}

static void directions_have_turns_of_their_own(struct kunit *test)
{
	struct fixture *f = make(test);

	let_both_want(test, f, VS_NETWORK_TX);
	world.early = false;
	KUNIT_EXPECT_EQ(test, vsp_network_ring_admit(ring(f, 1, VS_NETWORK_RX), COST),
			VSP_NETWORK_PASS);
	KUNIT_EXPECT_EQ(test, f->network.turn[VS_NETWORK_RX].holder, -1);
	vsp_network_queue_reset(&f->service);
	for (u32 flow = 0; flow < VS_CLASS_FLOWS_MAX; flow++) {
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].holder, -1);
		KUNIT_EXPECT_EQ(test, f->network.turn[flow].wanting, 0);
		KUNIT_EXPECT_FALSE(test, world.held[flow]);
	}
}

static struct kunit_case network_turn_cases[] = {
	KUNIT_CASE(the_next_pair_waits_from_the_hand_over_on),
	KUNIT_CASE(a_pair_that_is_not_granted_any_more_gives_up_its_turn),
	KUNIT_CASE(a_pair_without_a_frame_wants_no_turn),
	KUNIT_CASE(a_frame_is_done_once_the_next_one_is_known),
	KUNIT_CASE(directions_have_turns_of_their_own),
	{}
};

static struct kunit_suite network_turn_suite = {
	.name = "vsp_network_turn",
	.test_cases = network_turn_cases,
};
kunit_test_suite(network_turn_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of pairs of queues of one network device");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
