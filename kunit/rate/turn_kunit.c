// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose turn it is, vsp/core/turn.c: over rates that let pass when the test says so, and movers
 * that run when it says so.  What holds is looked at after each step of either.
 */
#define vsp_rates_lock		stub_lock
#define vsp_rates_unlock	stub_unlock
#define vsp_rates_assert_held	stub_assert_held
#define vsp_rates_admit		stub_admit
#define vsp_rates_wait		stub_wait
#define vsp_rates_drop		stub_drop
#define vsp_rates_held		stub_held

#include "kunit/rate/turn_copy.h"
#include "vsp/core/turn.c"

#include <kunit/test.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define QUEUES		VSP_TURN_QUEUES_MAX
#define RATES		2
#define QUANTUM		65536
#define REQUEST		512
#define FLOW		1
#define ROUNDS		200
#define STEPS		2000
#define PLENTY		100000	/* requests: more than pass in one run of a mover */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random loads; 0: draw one");

/* What the rates know of the head of the flow. */
enum head { NONE, WAITS, PAID };

/*
 * struct queue - one queue, and its mover
 * @requests: that are in it
 * @cost: of the first of them
 * @least: what the first rate's part of a cost is at least
 * @most: and at most
 * @woken: its mover has yet to look
 * @passed: requests that have
 * @spent: what they have counted for
 */
struct queue {
	unsigned int requests;
	u64 cost[RATES];
	u64 least;
	u64 most;
	bool woken;
	unsigned int passed;
	u64 spent;
};

/* A flow; @open: percentage of the requests that find their rates open. */
struct world {
	struct vsp_turn turn;
	struct queue queue[QUEUES];
	bool locked;
	unsigned int open;
	enum head head;
	u64 cost[RATES];
	struct kunit *test;
	struct rnd_state random;
};

static const struct vsp_turn_spec spec = {
	.queues = QUEUES, .rates = RATES, .quantum = QUANTUM, .request = REQUEST,
};

static u64 below(struct world *world, u64 end)
{
	return prandom_u32_state(&world->random) % end;
}

/* ---- The rates ---- */

static struct world *world_of(const struct vsp_service *service)
{
	return (struct world *)service;
}

unsigned long stub_lock(struct vsp_service *service) __acquires(service)
{
	struct world *world = world_of(service);

	KUNIT_ASSERT_FALSE(world->test, world->locked);
	world->locked = true;
	__acquire(service);
	return 0;
}

void stub_unlock(struct vsp_service *service, unsigned long irq) __releases(service)
{
	world_of(service)->locked = false;
	__release(service);
}

void stub_assert_held(const struct vsp_service *service)
{
	KUNIT_ASSERT_TRUE(world_of(service)->test, world_of(service)->locked);
}

static bool same(const u64 *a, const u64 *b)
{
	return !memcmp(a, b, RATES * sizeof(*a));
}

/* As the class does: who has the turn is to look. */
static void wake(struct world *world)
{
	KUNIT_ASSERT_GE(world->test, world->turn.holder, 0);
	KUNIT_ASSERT_LT(world->test, world->turn.holder, QUEUES);
	world->queue[world->turn.holder].woken = true;
}

static void pay(struct world *world)
{
	if (world->head != WAITS)
		return;
	world->head = PAID;
	wake(world);
}

bool stub_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	struct world *world = world_of(service);
	bool known = world->head != NONE && same(cost, world->cost);
	bool passes = known ? world->head == PAID : below(world, 100) < world->open;

	stub_assert_held(service);
	KUNIT_EXPECT_EQ(world->test, flow, FLOW);
	/* What was paid for a request of another cost is lost. */
	KUNIT_EXPECT_TRUE(world->test, known || world->head == NONE);
	memcpy(world->cost, cost, sizeof(world->cost));
	world->head = passes ? NONE : WAITS;
	return passes;
}

void stub_wait(struct vsp_service *service, u32 flow, const u64 *cost)
{
	struct world *world = world_of(service);

	stub_assert_held(service);
	KUNIT_EXPECT_EQ(world->test, flow, FLOW);
	memcpy(world->cost, cost, sizeof(world->cost));
	world->head = WAITS;
	if (below(world, 100) < world->open)
		pay(world);
}

void stub_drop(struct vsp_service *service, u32 flow)
{
	stub_assert_held(service);
	world_of(service)->head = NONE;
}

bool stub_held(const struct vsp_service *service, u32 flow)
{
	return world_of(service)->head == WAITS;
}

/* ---- The movers ---- */

static void next_request(struct world *world, struct queue *queue)
{
	queue->cost[0] = queue->least + below(world, queue->most - queue->least + 1);
	queue->cost[1] = 1;
}

static void consume(struct world *world, struct queue *queue)
{
	queue->requests--;
	next_request(world, queue);
}

static void add(struct world *world, unsigned int number, unsigned int requests)
{
	struct queue *queue = &world->queue[number];

	if (!queue->requests)
		next_request(world, queue);
	queue->requests += requests;
	queue->woken = true;
}

/* Return: whether the first request passes. */
static bool ask(struct world *world, unsigned int number)
{
	struct vsp_service *service = world->turn.service;
	unsigned long irq;
	bool passes;

	if (vsp_turn_held(&world->turn, number))
		return false;
	irq = vsp_rates_lock(service);
	passes = vsp_turn_admit(&world->turn, number, world->queue[number].cost);
	vsp_rates_unlock(service, irq);
	return passes;
}

static void run(struct world *world, unsigned int number)
{
	struct queue *queue = &world->queue[number];

	queue->woken = false;
	while (queue->requests && ask(world, number)) {
		queue->passed++;
		queue->spent += queue->cost[0] + REQUEST;
		consume(world, queue);
	}
	if (!queue->requests)
		vsp_turn_leave(&world->turn, number);
}

/* The first request of a queue is one that fails. */
static void fail_first(struct world *world, unsigned int number)
{
	struct vsp_service *service = world->turn.service;
	struct queue *queue = &world->queue[number];
	unsigned long irq;

	if (!queue->requests)
		return;
	irq = vsp_rates_lock(service);
	vsp_turn_drop(&world->turn, number);
	vsp_rates_unlock(service, irq);
	consume(world, queue);
	run(world, number);
}

/* Runs the mover of one of those that were woken. Return: whether there was one. */
static bool run_one(struct world *world)
{
	unsigned int first = below(world, QUEUES);

	for (unsigned int i = 0; i < QUEUES; i++) {
		unsigned int number = (first + i) % QUEUES;

		if (!world->queue[number].woken)
			continue;
		run(world, number);
		return true;
	}
	return false;
}

/* ---- What holds, whoever has run ---- */

static bool is_in_line(const struct world *world, unsigned int number)
{
	return world->turn.holder == number || world->turn.wanting & BIT(number);
}

static void look(struct kunit *test, const struct world *world)
{
	const struct vsp_turn *turn = &world->turn;

	KUNIT_ASSERT_FALSE(test, world->locked);
	KUNIT_ASSERT_GE(test, turn->holder, -1);
	KUNIT_ASSERT_LT(test, turn->holder, QUEUES);
	KUNIT_ASSERT_EQ(test, turn->wanting >> QUEUES, 0);
	for (unsigned int i = 0; i < QUEUES; i++) {
		const struct queue *queue = &world->queue[i];

		if (is_in_line(world, i))
			KUNIT_ASSERT_GT_MSG(test, queue->requests, 0, "queue %u wants nothing", i);
		else
			KUNIT_ASSERT_TRUE_MSG(test, !queue->requests || queue->woken,
					      "queue %u is left without a turn to come", i);
	}
	if (turn->holder < 0) {
		KUNIT_ASSERT_EQ(test, turn->wanting, 0);
		KUNIT_ASSERT_EQ(test, world->head, NONE);
		return;
	}
	KUNIT_ASSERT_EQ(test, turn->wanting & BIT(turn->holder), 0);
	/* The flow waits for its rates, whether the holder's mover has run or not. */
	KUNIT_ASSERT_NE_MSG(test, world->head, NONE, "nothing waits for the rates");
	KUNIT_ASSERT_TRUE(test, same(world->cost, world->queue[turn->holder].cost));
	KUNIT_ASSERT_TRUE(test, world->head != PAID || world->queue[turn->holder].woken);
}

/* Everybody's rates are open, and no mover is late: at the end no request is left. */
static void drain(struct kunit *test, struct world *world)
{
	world->open = 100;
	pay(world);
	while (run_one(world))
		look(test, world);
	for (unsigned int i = 0; i < QUEUES; i++)
		KUNIT_EXPECT_EQ(test, world->queue[i].requests, 0);
	KUNIT_EXPECT_EQ(test, world->turn.holder, -1);
}

/* With queues that are empty. */
static void start(struct world *world)
{
	memset(&world->turn, 0, sizeof(world->turn));
	memset(world->queue, 0, sizeof(world->queue));
	vsp_turn_init(&world->turn, &spec, (struct vsp_service *)world, FLOW);
	for (unsigned int i = 0; i < QUEUES; i++) {
		world->queue[i].least = QUANTUM / 4 - REQUEST;
		world->queue[i].most = QUANTUM / 4 - REQUEST;
	}
	world->head = NONE;
	world->open = 0;
}

static struct world *make(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u32 drawn = seed ? seed : get_random_u32();

	KUNIT_ASSERT_NOT_NULL(test, world);
	kunit_info(test, "seed=%u", drawn);
	prandom_seed_state(&world->random, drawn);
	world->test = test;
	start(world);
	return world;
}

/* All of @count queues want the turn, and the first of them has it; no rate is open. */
static void let_want(struct kunit *test, struct world *world, unsigned int count,
		     unsigned int requests)
{
	for (unsigned int i = 0; i < count; i++) {
		add(world, i, requests);
		run(world, i);
		look(test, world);
	}
	KUNIT_EXPECT_EQ(test, world->turn.holder, 0);
	KUNIT_EXPECT_EQ(test, world->turn.wanting, BIT(count) - 2);
}

static void queues_have_a_quantum_each_one_after_the_other(struct kunit *test)
{
	struct world *world = make(test);

	let_want(test, world, QUEUES, 100);
	for (unsigned int i = 0; i < 10 * QUEUES * 4; i++) {
		unsigned int next = i / 4 % QUEUES, before = world->queue[next].passed;

		KUNIT_ASSERT_EQ(test, world->turn.holder, next);
		pay(world);
		run(world, next);
		look(test, world);
		KUNIT_ASSERT_EQ(test, world->queue[next].passed, before + 1);
	}
	drain(test, world);
}

static void whose_turn_it_is_waits_before_its_mover_has_run(struct kunit *test)
{
	struct world *world = make(test);

	world->queue[2].least = 12345;
	world->queue[2].most = 12345;
	add(world, 0, 1);
	run(world, 0);
	add(world, 2, 1);
	run(world, 2);
	KUNIT_EXPECT_FALSE(test, world->queue[2].woken);
	pay(world);
	run(world, 0);
	KUNIT_EXPECT_EQ(test, world->turn.holder, 2);
	KUNIT_EXPECT_EQ(test, world->head, WAITS);
	KUNIT_EXPECT_EQ(test, world->cost[0], 12345);
	/* Its mover need not look until the rates say so. */
	KUNIT_EXPECT_FALSE(test, world->queue[2].woken);
	KUNIT_EXPECT_TRUE(test, vsp_turn_held(&world->turn, 2));
	pay(world);
	KUNIT_EXPECT_TRUE(test, world->queue[2].woken);
	KUNIT_EXPECT_FALSE(test, world->queue[0].woken);
	run(world, 2);
	KUNIT_EXPECT_EQ(test, world->queue[2].passed, 1);
	KUNIT_EXPECT_EQ(test, world->turn.holder, -1);
}

static void who_leaves_is_not_given_the_turn(struct kunit *test)
{
	struct world *world = make(test);

	let_want(test, world, 3, 1);
	world->queue[1].requests = 0;
	run(world, 1);
	look(test, world);
	KUNIT_EXPECT_EQ(test, world->turn.wanting, BIT(2));
	/* And whoever has it hands it over. */
	world->queue[0].requests = 0;
	run(world, 0);
	look(test, world);
	KUNIT_EXPECT_EQ(test, world->turn.holder, 2);
	KUNIT_EXPECT_EQ(test, world->queue[0].passed + world->queue[1].passed, 0);
	drain(test, world);
}

/* A queue that has the turn, or wants it, has nothing to look for while the flow waits. */
static void only_who_is_in_line_is_held(struct kunit *test)
{
	struct world *world = make(test);

	KUNIT_EXPECT_FALSE(test, vsp_turn_held(&world->turn, 0));
	let_want(test, world, 2, 1);
	for (unsigned int i = 0; i < QUEUES; i++)
		KUNIT_EXPECT_EQ(test, vsp_turn_held(&world->turn, i), i < 2);
	pay(world);
	for (unsigned int i = 0; i < QUEUES; i++)
		KUNIT_EXPECT_FALSE(test, vsp_turn_held(&world->turn, i));
	drain(test, world);
}

static void a_reset_leaves_nothing(struct kunit *test)
{
	struct world *world = make(test);

	let_want(test, world, QUEUES, 1);
	for (unsigned int i = 0; i < QUEUES; i++)
		world->queue[i].requests = 0;
	vsp_turn_reset(&world->turn);
	look(test, world);
	KUNIT_EXPECT_EQ(test, world->turn.holder, -1);
	let_want(test, world, QUEUES, 1);
	drain(test, world);
}

/* Small requests, large ones, or any. */
static void draw_costs(struct world *world, struct queue *queue, u64 most)
{
	queue->least = below(world, 2) ? 0 : below(world, most);
	queue->most = min(queue->least + below(world, below(world, 2) ? most : 1000), most);
}

/* While both want, none gets ahead of another by more than a quantum, and a request. */
static void whoever_wants_throughout_gets_as_much_as_others(struct kunit *test)
{
	struct world *world = make(test);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int count = 2 + below(world, QUEUES - 1);
		u64 most = QUANTUM / 8 << below(world, 8);

		start(world);
		for (unsigned int i = 0; i < count; i++)
			draw_costs(world, &world->queue[i], most);
		let_want(test, world, count, PLENTY);
		world->open = below(world, 100);
		for (unsigned int step = 0; step < STEPS; step++) {
			u64 least = U64_MAX, largest = 0;

			pay(world);
			for (unsigned int i = 0; i < count; i++)
				world->queue[i].requests = PLENTY;
			run(world, world->turn.holder);
			look(test, world);
			for (unsigned int i = 0; i < count; i++) {
				least = min(least, world->queue[i].spent);
				largest = max(largest, world->queue[i].spent);
			}
			KUNIT_ASSERT_LE_MSG(test, largest - least, QUANTUM + most + REQUEST,
					    "%u queues, step %u, requests of at most %llu", count,
					    step, most);
		}
	}
}

static void step_at_random(struct world *world)
{
	unsigned int number = below(world, QUEUES);

	switch (below(world, 8)) {
	case 0:
		add(world, number, 1 + below(world, 8));
		break;
	case 1:
		fail_first(world, number);
		break;
	case 2:
		/* What is in the queue is taken out of it: its guest is away. */
		world->queue[number].requests = 0;
		run(world, number);
		break;
	case 3:
		/* Kicked for nothing. */
		world->queue[number].woken = true;
		break;
	case 4:
		world->open = below(world, 101);
		break;
	case 5:
		pay(world);
		break;
	default:
		run_one(world);
		break;
	}
}

static void nobody_who_wants_is_forgotten(struct kunit *test)
{
	struct world *world = make(test);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		start(world);
		for (unsigned int i = 0; i < QUEUES; i++)
			draw_costs(world, &world->queue[i], QUANTUM / 8 << below(world, 8));
		for (unsigned int step = 0; step < STEPS; step++) {
			step_at_random(world);
			look(test, world);
		}
		drain(test, world);
	}
}

static struct kunit_case turn_cases[] = {
	KUNIT_CASE(queues_have_a_quantum_each_one_after_the_other),
	KUNIT_CASE(whose_turn_it_is_waits_before_its_mover_has_run),
	KUNIT_CASE(who_leaves_is_not_given_the_turn),
	KUNIT_CASE(only_who_is_in_line_is_held),
	KUNIT_CASE(a_reset_leaves_nothing),
	KUNIT_CASE(whoever_wants_throughout_gets_as_much_as_others),
	KUNIT_CASE(nobody_who_wants_is_forgotten),
	{}
};

static struct kunit_suite turn_suite = {
	.name = "vsp_turn",
	.test_cases = turn_cases,
};
kunit_test_suite(turn_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Tests of which queue of a flow has the next request");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
