/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of the random walks: both sides' sessions, a clock and dice of their own, a log, and
 * a channel that loses and delays as the real one may.
 */
#define pr_fmt(fmt) "vsp: " fmt
/* No tracepoints: of the states a log is kept instead. */
#define VSP_TRACE_H
#define VSC_TRACE_H

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vs_message.h"
#include "vs_states.h"

struct world;

static struct world *world;	/* of the walk that is under way */

static void world_record(bool provider, u8 event, u8 next);

static inline void trace_vsp_message(const char *service, bool sent,
				     const struct vs_message *message)
{
}

static inline void trace_vsp_state(const char *service, enum vs_state from, enum vsp_event event,
				   enum vs_state to)
{
	world_record(true, event, to);
}

static inline void trace_vsp_contract(const char *service, u64 from, u64 to)
{
}

static inline void trace_vsc_message(const char *session, bool sent,
				     const struct vs_message *message)
{
}

static inline void trace_vsc_state(const char *session, enum vs_state from, enum vsc_event event,
				   enum vs_state to)
{
	world_record(false, event, to);
}

static ktime_t world_now(void);
static u32 world_below(u32 end);
static bool world_cancel_work(struct work_struct *work);
static bool world_queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
				     unsigned long delay);

/* A walk has a clock and dice of its own; what only fills the log, or waits, is left out. */
#define ktime_get()			world_now()
#define get_random_u64()		(1 + (u64)world_below(U32_MAX))
#define get_random_u32_below(end)	world_below(end)
#define cancel_work			world_cancel_work
#define queue_delayed_work		world_queue_delayed_work
#define synchronize_rcu()		do { } while (0)
#define world_no_log(dev, ...)		((void)(dev), no_printk(__VA_ARGS__))
#undef pr_info
#define pr_info				no_printk
#undef dev_warn
#define dev_warn(dev, ...)		world_no_log(dev, __VA_ARGS__)
#undef dev_warn_ratelimited
#define dev_warn_ratelimited(dev, ...)	world_no_log(dev, __VA_ARGS__)
#undef dev_err_ratelimited
#define dev_err_ratelimited(dev, ...)	world_no_log(dev, __VA_ARGS__)

#include "vsp/core/machine.c"
#include "vsp/core/machine_ask.c"
#include "vsp/core/machine_call.c"
#include "vsp/core/machine_contract.c"
#include "vsp/core/machine_invite.c"
#include "vsp/core/machine_prepare.c"
#include "vsp/core/machine_state.c"

#include "vsc/core/answer.c"
#include "vsc/core/machine.c"
#include "vsc/core/policy.c"
#include "vsc/core/session_class.c"
#include "vsc/core/session_wait.c"
#include "vsc/core/session_work.c"

#define IDS		4096	/* contracts of one walk */
#define LOGGED		48	/* last changes of state, for a failure */
#define LEVEL_MAX	1000	/* most that the pool has for the client */

static const struct vs_term_spec walk_term = {
	.id = 1, .kind = VS_KIND_RATE, .name = "rate", .unit = "1/s", .lowest = 1,
	.highest = LEVEL_MAX, .step = 1,
};

static const struct vs_class_spec walk_spec = {
	.id = 1, .name = "walk", .count = 1, .term = &walk_term, .queues = 1, .queue_size = 16,
};

struct log_entry {
	bool provider;
	u8 event;
	u8 next;
};

/**
 * struct world - one walk
 * @test: its case
 * @random: its dice
 * @now: its time
 * @rate: one step in so many is a disturbance
 * @calm: nothing goes wrong any more, and everything that is asked for is there
 * @pool: of @service; only its lock is used
 * @service: of @provider
 * @provider: the provider's session
 * @client: the client's
 * @work: of @client
 * @attached: there is a driver, and its session
 * @narrowed: the client's class is narrowed to a grant
 * @requests: sent and not taken
 * @taken: exchanges that the provider works on, by slot
 * @answers: not taken by the client
 * @call_length: bytes of @call, 0: there is no call
 * @call: that the client has not taken
 * @provider_next: when the provider wants to look at its deadlines
 * @preparing: the provider's class makes ready for a contract
 * @source_gone: there is nothing that the provider's class could make a contract of
 * @level: what the pool has for the client
 * @charged: what the pool is charged
 * @starting: the START of this step has changed what is in force
 * @by_start: what is in force has come by a START
 * @early: RUNNING was shown before the contract that has led to it
 * @invited: since the world is calm
 * @in_force: id, as of the last step
 * @held: ids of what was charged then
 * @returned: ids of what was charged before
 * @logged: entries written to @log
 * @log: changes of state
 * @scratch: terms
 */
struct world {
	struct kunit *test;
	struct rnd_state random;
	ktime_t now;
	u32 rate;
	bool calm;
	struct vsp_pool pool;
	struct vsp_service service;
	struct vsp_session provider;
	struct vsc_session client;
	struct vsc_work work;
	bool attached;
	bool narrowed;
	struct list_head requests;
	struct vsc_exchange *taken[VS_CHANNEL_MESSAGES];
	struct list_head answers;
	size_t call_length;
	u8 call[VS_WIRE_MESSAGE_MAX];
	ktime_t provider_next;
	bool preparing;
	bool source_gone;
	u64 level;
	u64 charged;
	bool starting;
	bool by_start;
	bool early;
	bool invited;
	u64 in_force;
	u64 held[VSP_SESSION_SETS];
	DECLARE_BITMAP(returned, IDS);
	u32 logged;
	struct log_entry log[LOGGED];
	struct vs_terms scratch;
};

static u32 world_below(u32 end)
{
	return prandom_u32_state(&world->random) % end;
}

/* Something that goes wrong, once in so many times, until the world is calm. */
static bool world_fails(u32 times)
{
	return !world->calm && !world_below(times);
}

static ktime_t world_now(void)
{
	return world->now;
}

static void world_record(bool provider, u8 event, u8 next)
{
	world->log[world->logged++ % LOGGED] = (struct log_entry) { provider, event, next };
}

static void world_show_log(void)
{
	u32 from = world->logged > LOGGED ? world->logged - LOGGED : 0;

	for (u32 i = from; i < world->logged; i++) {
		const struct log_entry *entry = &world->log[i % LOGGED];

		kunit_info(world->test, "%s %s -> %s\n", entry->provider ? "vsp" : "    vsc",
			   entry->provider ? vs_states_provider_event(entry->event) :
					     vs_states_client_event(entry->event),
			   vs_states_name(entry->next));
	}
}

/* ---- The channel ---- */

static void channel_free(struct list_head *list)
{
	struct vsc_exchange *exchange, *next;

	list_for_each_entry_safe(exchange, next, list, list)
		kfree(exchange);
	INIT_LIST_HEAD(list);
}

/* The messages that the provider has taken will not be answered any more. */
static void channel_void_slots(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(world->taken); i++) {
		kfree(world->taken[i]);
		world->taken[i] = NULL;
	}
	world->provider.inbox.generation++;
}

/* The device is reset: what is under way is lost. */
static void channel_reset(void)
{
	channel_free(&world->requests);
	channel_free(&world->answers);
	channel_void_slots();
	world->call_length = 0;
}

struct vsc_exchange *vsc_channel_exchange(gfp_t gfp)
{
	return world_fails(400) ? NULL : kzalloc(sizeof(struct vsc_exchange), gfp);
}

void vsc_channel_exchange_free(struct vsc_exchange *exchange)
{
	kfree(exchange);
}

int vsc_channel_send(struct vsc_channel *channel, struct vsc_exchange *exchange)
{
	list_add_tail(&exchange->list, &world->requests);
	return 0;
}

void vsp_channel_answer(struct vsp_channel *channel, unsigned int slot, const void *bytes,
			size_t length)
{
	struct vsc_exchange *exchange = world->taken[slot];

	world->taken[slot] = NULL;
	memcpy(exchange->complete, bytes, length);
	exchange->length = length;
	list_add_tail(&exchange->list, &world->answers);
}

void vsp_channel_call(struct vsp_channel *channel, const void *bytes, size_t length)
{
	memcpy(world->call, bytes, length);
	world->call_length = length;
}

int vsc_channel_start(struct vsc_channel *channel)
{
	return 0;
}

void vsc_channel_stop(struct vsc_channel *channel)
{
	channel_reset();
}

bool vsc_channel_broken(struct vsc_channel *channel)
{
	return false;
}

void vsc_channel_break(struct vsc_channel *channel)
{
}

void vsc_channel_post_calls(struct vsc_channel *channel)
{
}
