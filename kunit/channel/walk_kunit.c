// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both state machines, joined by a channel that loses, delays and reorders as the
 * real one may, on random walks: calls, deadlines, leases, resets, reboots, kills.
 * After each walk the world calms down; then both sides must hold the same contract.
 *
 * Contracts are numbers here: what vsp/core/session.c and vsc/core/session.c do for an action
 * is one line.  Where those two grow a rule, this model has to have it as well.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/string.h>

#include "vs_states.h"
#include "vs_wire.h"

#define WALKS		1500
#define STEPS		300	/* of a walk, before it calms down */
#define CALM		400	/* steps until it must be quiet */
#define FIFO		16	/* messages one way */
#define IDS		1024	/* contracts of one walk */
#define CHARGED		4	/* in force, held, pending, fallback */
#define LOGGED		48	/* last events, for a failure */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the walks; 0: draw one");

struct packet {
	u16 type;
	u32 status;
	u32 epoch;
	u32 exchange;		/* an answer has that of its request */
	u32 contract;
	u32 flags;
	bool terms;
	u32 outcome;
	u32 granted;
};

struct fifo {
	u32 count;
	struct packet packet[FIFO];
};

struct provider {
	enum vs_state state;
	u32 epoch;
	u32 in_force;
	u32 held;
	u32 pending;
	bool pending_called;	/* granted after the open call */
	u32 expired;		/* the last grant that was dropped */
	bool by_start;		/* what is in force has come by a START */
	bool open;		/* a call with deadline and fallback */
	u32 fallback;
	bool unanswered;	/* what was called for stands in the current epoch */
	bool completing;	/* INITIALIZE taken, its COMPLETE not yet under way */
	u32 next_id;
};

struct client {
	enum vs_state state;
	bool attached;
	bool leaving;		/* the empty ask is under way, then the driver goes */
	u32 epoch;
	u32 held;
	u32 granted;		/* not started, or the START has no answer yet */
	bool narrowed;		/* to the grant */
	u32 exchange;		/* the last one */
	bool outstanding;	/* its answer is to come */
	bool keeps;		/* it is that of a KEEP */
	bool pause;		/* will begin again */
	bool waiting;		/* denied; for a call */
};

struct log_entry {
	bool provider;
	u8 event;
	u8 next;
};

struct world {
	struct kunit *test;
	struct rnd_state random;
	struct provider provider;
	struct client client;
	struct fifo requests;
	struct fifo answers;
	bool called;		/* the call's buffer is full */
	u32 call_epoch;
	u32 rate;		/* one step in so many is a disturbance */
	bool calm;		/* nothing goes wrong any more, every ask is granted */
	struct packet message;	/* what the provider works on */
	u32 charged[CHARGED];
	DECLARE_BITMAP(returned, IDS);
	u32 logged;
	struct log_entry log[LOGGED];
};

static u32 below(struct world *world, u32 end)
{
	return prandom_u32_state(&world->random) % end;
}

static void record(struct world *world, bool provider, u8 event, u8 next)
{
	world->log[world->logged++ % LOGGED] = (struct log_entry) { provider, event, next };
}

static void show_log(struct world *world)
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

static bool put(struct fifo *fifo, struct packet packet)
{
	if (fifo->count == FIFO)
		return false;
	fifo->packet[fifo->count++] = packet;
	return true;
}

static bool take(struct fifo *fifo, struct packet *packet)
{
	if (!fifo->count)
		return false;
	*packet = fifo->packet[0];
	memmove(fifo->packet, fifo->packet + 1, --fifo->count * sizeof(*packet));
	return true;
}

/* ---- The client ---- */

static void send(struct world *world, u16 type, u32 contract, u32 flags, bool terms)
{
	struct client *client = &world->client;

	/* What finds no room is as good as lost: the client's time-out tells. */
	put(&world->requests, (struct packet) {
		.type = type, .epoch = client->epoch, .exchange = ++client->exchange,
		.contract = contract, .flags = flags, .terms = terms,
	});
	client->outstanding = true;
	client->pause = false;
	client->keeps = flags & VS_REQUEST_KEEP;
}

static void client_event(struct world *world, enum vsc_event event, const struct packet *answer)
{
	struct client *client = &world->client;
	struct vs_step step = vs_states_client(client->state, event);

	client->state = step.next;
	record(world, false, event, step.next);
	if (step.actions & VSC_DO_ADOPT)
		client->held = answer->contract;
	if (step.actions & VSC_DO_WIDEN)
		client->held = client->granted;
	if (step.actions & (VSC_DO_UNDO | VSC_DO_ADOPT | VSC_DO_WIDEN)) {
		client->granted = 0;
		client->narrowed = false;
	}
	if (step.actions & VSC_DO_NEW_EPOCH) {
		client->epoch = 1 + below(world, U32_MAX);
		client->outstanding = false;
		client->pause = false;
		client->waiting = false;
	}
	if (step.actions & VSC_DO_INITIALIZE)
		send(world, VS_WIRE_INITIALIZE, 0, 0, false);
	if (step.actions & (VSC_DO_ASK | VSC_DO_CHOOSE))
		send(world, VS_WIRE_REQUEST, 0, 0, true);
	if (step.actions & VSC_DO_KEEP)
		send(world, VS_WIRE_REQUEST, client->held, VS_REQUEST_KEEP, false);
	if (step.actions & VSC_DO_NARROW) {
		client->granted = answer->granted;
		client->narrowed = client->granted != client->held;
	}
	if (step.actions & VSC_DO_START)
		send(world, VS_WIRE_START, client->granted, 0, false);
	/* The retry time of a denial is 0 or not. */
	if (step.actions & VSC_DO_WAIT) {
		client->waiting = true;
		client->pause = below(world, 2);
	}
	if (step.actions & VSC_DO_BACK_OFF)
		client->pause = true;
	if (step.actions & VSC_DO_DETACH)
		client->held = 0;
}

static enum vsc_event expired_event(const struct client *client, const struct packet *answer)
{
	if (answer->contract != client->held)
		return VSC_EVENT_FOREIGN;
	return client->held ? VSC_EVENT_EXPIRED : VSC_EVENT_EXPIRED_NONE;
}

static enum vsc_event initialized_event(const struct client *client, const struct packet *answer)
{
	if (answer->contract == client->held)
		return VSC_EVENT_INITIALIZED;
	return answer->contract && answer->contract == client->granted ?
		VSC_EVENT_INITIALIZED_GRANT : VSC_EVENT_INITIALIZED_OTHER;
}

static enum vsc_event answer_event(const struct client *client, const struct packet *answer)
{
	if (answer->status == VS_STATUS_EXPIRED || answer->status == VS_STATUS_STALE)
		return expired_event(client, answer);
	if (answer->status)
		return VSC_EVENT_FAILED;
	if (answer->type == VS_WIRE_INITIALIZE_COMPLETE)
		return initialized_event(client, answer);
	if (answer->type == VS_WIRE_START_COMPLETE)
		return client->granted && answer->contract == client->granted ?
			VSC_EVENT_STARTED : VSC_EVENT_FOREIGN;
	if (answer->outcome == VS_OUTCOME_RELEASED)
		return VSC_EVENT_RELEASED;
	if (answer->contract != client->held)
		return VSC_EVENT_FOREIGN;
	if (answer->outcome == VS_OUTCOME_OFFER)
		return VSC_EVENT_OFFER;
	if (answer->outcome == VS_OUTCOME_GRANT)
		return VSC_EVENT_GRANT;
	return client->held && !client->keeps ? VSC_EVENT_DENY : VSC_EVENT_DENY_FINAL;
}

static bool take_answer(struct world *world)
{
	struct client *client = &world->client;
	struct packet answer;
	enum vsc_event event;

	if (!take(&world->answers, &answer))
		return false;
	if (!client->attached || !client->outstanding || answer.exchange != client->exchange)
		return true;
	client->outstanding = false;
	event = answer_event(client, &answer);
	client_event(world, event, &answer);
	/* Now and then what it takes away is in use for too long. */
	if (event == VSC_EVENT_GRANT && client->state == VS_STATE_NOT_NEGOTIATED)
		client_event(world, world->calm || below(world, 8) ? VSC_EVENT_NARROWED :
			     VSC_EVENT_FAILED, NULL);
	return true;
}

static bool take_call(struct world *world)
{
	if (!world->called)
		return false;
	world->called = false;
	client_event(world, world->call_epoch == world->client.epoch ?
		     VSC_EVENT_CALL : VSC_EVENT_CALL_OLD, NULL);
	return true;
}

/* ---- The provider ---- */

static void reply(struct world *world, u32 status, u32 outcome, u32 granted)
{
	put(&world->answers, (struct packet) {
		.type = world->message.type + 1, .status = status,
		.epoch = world->message.epoch, .exchange = world->message.exchange,
		.contract = world->provider.in_force, .outcome = outcome, .granted = granted,
	});
}

static void drop_pending(struct provider *provider)
{
	if (!provider->pending)
		return;
	provider->expired = provider->pending;
	provider->pending = 0;
}

static void reply_grant(struct world *world, u32 id)
{
	struct provider *provider = &world->provider;

	drop_pending(provider);
	provider->pending = id;
	provider->pending_called = provider->open;
	reply(world, VS_STATUS_OK, VS_OUTCOME_GRANT, id);
}

static void reply_request(struct world *world)
{
	struct provider *provider = &world->provider;
	u32 mood = world->calm ? 3 : below(world, 6);

	if (world->message.flags & VS_REQUEST_KEEP) {
		if (mood > 1 && provider->in_force &&
		    provider->in_force == world->message.contract)
			reply_grant(world, provider->in_force);
		else
			reply(world, VS_STATUS_OK, VS_OUTCOME_DENY, 0);
	} else if (!world->message.terms) {
		reply(world, VS_STATUS_OK, VS_OUTCOME_RELEASED, 0);
	} else if (mood > 1) {
		reply_grant(world, provider->next_id++);
	} else {
		reply(world, VS_STATUS_OK, mood ? VS_OUTCOME_OFFER : VS_OUTCOME_DENY, 0);
	}
}

static void write_call(struct world *world)
{
	if (!world->provider.unanswered)
		return;
	world->called = true;
	world->call_epoch = world->provider.epoch;
}

static void start_fallback(struct provider *provider)
{
	if (provider->in_force)
		provider->in_force = provider->fallback;
	else if (provider->held)
		provider->held = provider->fallback;
}

static void commit(struct provider *provider)
{
	provider->by_start |= provider->in_force != provider->pending;
	provider->in_force = provider->pending;
	provider->pending = 0;
	provider->held = 0;
	provider->expired = 0;
}

static void provider_contracts(struct provider *provider, u32 actions)
{
	if (actions & VSP_DO_DROP_PENDING)
		drop_pending(provider);
	if ((actions & VSP_DO_DROP_CROSSED) && !provider->pending_called)
		drop_pending(provider);
	if (actions & VSP_DO_COMMIT)
		commit(provider);
	if (actions & (VSP_DO_START_FALLBACK | VSP_DO_HOLD | VSP_DO_FORGET))
		provider->by_start = false;
	if (actions & VSP_DO_START_FALLBACK)
		start_fallback(provider);
	if (actions & VSP_DO_SETTLE) {
		provider->open = false;
		provider->fallback = 0;
	}
	if ((actions & VSP_DO_HOLD) && provider->in_force) {
		provider->held = provider->in_force;
		provider->in_force = 0;
	}
	if (actions & VSP_DO_FORGET) {
		provider->held = 0;
		provider->in_force = 0;
	}
}

static void provider_event(struct world *world, enum vsp_event event)
{
	struct provider *provider = &world->provider;
	struct vs_step step = vs_states_provider(provider->state, event);

	provider->state = step.next;
	record(world, true, event, step.next);
	provider_contracts(provider, step.actions);
	if (step.actions & VSP_DO_OPEN_EPOCH) {
		provider->epoch = world->message.epoch;
		provider->unanswered = false;
		provider->completing = true;
	}
	if ((step.actions & VSP_DO_ANSWER) && world->message.type == VS_WIRE_START)
		reply(world, VS_STATUS_OK, 0, 0);
	else if (step.actions & VSP_DO_ANSWER)
		reply_request(world);
	if (step.actions & VSP_DO_REFUSE)
		reply(world, VS_STATUS_UNEXPECTED, 0, 0);
	if (step.actions & VSP_DO_STALE)
		reply(world, VS_STATUS_STALE, 0, 0);
	if (step.actions & VSP_DO_TELL)
		provider->unanswered = true;
	if (step.actions & VSP_DO_CALL_ANEW) {
		provider->fallback = provider->fallback ? provider->next_id++ : 0;
		provider->unanswered = true;
	}
	if (step.actions & (VSP_DO_CALL | VSP_DO_TELL | VSP_DO_CALL_ANEW))
		write_call(world);
}

static enum vsp_event start_event(const struct provider *provider, u32 id)
{
	if (provider->pending && id == provider->pending)
		return provider->open && !provider->pending_called ?
			VSP_EVENT_START_CROSSED : VSP_EVENT_START;
	if (id && id == provider->in_force && id != provider->expired)
		return VSP_EVENT_START_AGAIN;
	return provider->in_force && !provider->open ?
		VSP_EVENT_START_STALE : VSP_EVENT_START_OTHER;
}

/* In order, and one at a time: INITIALIZE_COMPLETE is under way before the next. */
static bool take_request(struct world *world)
{
	struct provider *provider = &world->provider;
	struct packet *message = &world->message;

	if (provider->completing) {
		provider->completing = false;
		reply(world, VS_STATUS_OK, 0, 0);
		provider_event(world, VSP_EVENT_ANSWERED);
		return true;
	}
	if (!take(&world->requests, message))
		return false;
	if (!world->calm && !below(world, 4 * world->rate)) {
		reply(world, VS_STATUS_MALFORMED, 0, 0);
		if (!below(world, 4))
			provider_event(world, VSP_EVENT_BROKEN);
	} else if (message->type == VS_WIRE_INITIALIZE) {
		provider_event(world, VSP_EVENT_INITIALIZE);
	} else if (provider->state != VS_STATE_START && message->epoch != provider->epoch) {
		reply(world, VS_STATUS_EPOCH, 0, 0);
	} else if (message->type == VS_WIRE_START) {
		provider_event(world, start_event(provider, message->contract));
	} else {
		provider_event(world, message->terms || (message->flags & VS_REQUEST_KEEP) ?
			       VSP_EVENT_ASK : VSP_EVENT_RELEASE);
	}
	return true;
}

static void open_call(struct world *world)
{
	struct provider *provider = &world->provider;

	if (!provider->in_force && !provider->held)
		return;
	provider->open = true;
	provider->fallback = below(world, 3) ? provider->next_id++ : 0;
	provider->pending_called = false;
	provider->unanswered = true;
	provider_event(world, VSP_EVENT_CALL);
}

static void invite(struct world *world)
{
	world->provider.unanswered = true;
	provider_event(world, VSP_EVENT_INVITE);
}

/* ---- The world ---- */

/* The device is reset: what is under way is lost. */
static void reset(struct world *world)
{
	world->requests.count = 0;
	world->answers.count = 0;
	world->called = false;
	world->provider.completing = false;
}

static void unbind(struct world *world)
{
	client_event(world, VSC_EVENT_LOST, NULL);
	reset(world);
	memset(&world->client, 0, sizeof(world->client));
}

static void bind(struct world *world)
{
	provider_event(world, VSP_EVENT_NEW_DRIVER);
	world->client.attached = true;
	client_event(world, VSC_EVENT_BEGIN, NULL);
}

/* The VM stops and goes on; of what was under way, some is still in the rings. */
static void stop_and_go(struct world *world)
{
	bool requests = below(world, 2), answers = below(world, 2);

	if (!requests)
		world->requests.count = 0;
	if (!answers)
		world->answers.count = 0;
	world->called = false;
	world->provider.completing = false;
	provider_event(world, VSP_EVENT_RESUME);
}

static void leave(struct world *world)
{
	struct client *client = &world->client;

	if (client->state == VS_STATE_START || client->state == VS_STATE_UNINITIALIZED)
		return;
	client->leaving = true;
	send(world, VS_WIRE_REQUEST, 0, 0, false);
}

static void time_out(struct world *world)
{
	if (!world->client.outstanding)
		return;
	world->client.outstanding = false;
	client_event(world, VSC_EVENT_FAILED, NULL);
}

static void begin_again(struct world *world)
{
	if (!world->client.pause)
		return;
	world->client.pause = false;
	client_event(world, world->client.state == VS_STATE_RUNNING ?
		     VSC_EVENT_NEED : VSC_EVENT_BEGIN, NULL);
}

static void disturb_provider(struct world *world)
{
	struct provider *provider = &world->provider;

	switch (below(world, 6)) {
	case 0:
		open_call(world);
		break;
	case 1:
		invite(world);
		break;
	case 2:
	case 3:
		if (provider->open)
			provider_event(world, VSP_EVENT_DEADLINE);
		break;
	case 4:
		if (provider->pending)
			provider_event(world, VSP_EVENT_GRANT_LEASE);
		break;
	case 5:
		if (provider->held)
			provider_event(world, VSP_EVENT_HELD_LEASE);
		break;
	}
}

static void disturb_client(struct world *world)
{
	switch (below(world, 16)) {
	case 0:
		stop_and_go(world);
		break;
	case 1:
		unbind(world);
		if (below(world, 2))
			provider_event(world, VSP_EVENT_GONE);
		break;
	case 2:
		leave(world);
		break;
	case 3:
	case 4:
		time_out(world);
		break;
	case 5:
	case 6:
		client_event(world, VSC_EVENT_NEED, NULL);
		break;
	default:
		begin_again(world);
		break;
	}
}

static void proceed(struct world *world)
{
	if (world->client.state == VS_STATE_INITIALIZED && !world->client.leaving)
		client_event(world, VSC_EVENT_PROCEED, NULL);
}

static void go_on(struct world *world)
{
	switch (below(world, 8)) {
	case 0:
		take_call(world);
		break;
	case 1:
	case 2:
	case 3:
		take_answer(world);
		break;
	case 4:
	case 5:
	case 6:
		take_request(world);
		break;
	default:
		proceed(world);
		break;
	}
}

static void walk_step(struct world *world)
{
	struct client *client = &world->client;

	if (!client->attached) {
		/* Lease or deadline may come before the next driver does. */
		if (below(world, 4))
			disturb_provider(world);
		else
			bind(world);
		return;
	}
	if (below(world, world->rate))
		go_on(world);
	else if (below(world, 2))
		disturb_provider(world);
	else
		disturb_client(world);
	/* Released, or out of patience: either way the driver goes. */
	if (client->leaving && (!client->outstanding || !below(world, 32)))
		unbind(world);
}

/* One step of a world in which nothing goes wrong any more. Returns false if all is quiet. */
static bool calm_step(struct world *world)
{
	struct provider *provider = &world->provider;
	struct client *client = &world->client;

	if (client->leaving)
		unbind(world);
	if (!client->attached)
		bind(world);
	else if (take_request(world) || take_answer(world) || take_call(world))
		return true;
	else if (client->state == VS_STATE_INITIALIZED)
		proceed(world);
	else if (client->outstanding)
		time_out(world);
	else if (client->pause)
		begin_again(world);
	else if (provider->open)
		provider_event(world, VSP_EVENT_DEADLINE);
	else if (client->waiting)
		invite(world);
	else
		return false;
	return true;
}

/* ---- What has to hold after every step ---- */

static bool is_charged(const u32 *charged, u32 id)
{
	for (u32 i = 0; i < CHARGED; i++)
		if (charged[i] == id)
			return true;
	return false;
}

/* What a contract held returns to the pool once: what has returned never comes back. */
static const char *check_returns(struct world *world)
{
	const struct provider *provider = &world->provider;
	const u32 charged[CHARGED] = {
		provider->in_force, provider->held, provider->pending, provider->fallback
	};

	for (u32 i = 0; i < CHARGED; i++) {
		u32 before = world->charged[i];

		if (before && !is_charged(charged, before))
			set_bit(before, world->returned);
		if (charged[i] && test_bit(charged[i], world->returned))
			return "a contract has come back";
	}
	memcpy(world->charged, charged, sizeof(charged));
	return NULL;
}

static const char *check_world(struct world *world)
{
	const struct provider *provider = &world->provider;
	const struct client *client = &world->client;

	if (provider->in_force && provider->held)
		return "a contract is in force and another one held";
	if (provider->fallback && !provider->open)
		return "a fallback without a call";
	if (provider->state == VS_STATE_RUNNING &&
	    (!provider->in_force || provider->pending || provider->open))
		return "the provider is RUNNING without a contract, or not settled";
	if (client->state == VS_STATE_RUNNING && !client->held && !client->granted)
		return "the client is RUNNING without a contract";
	if (client->state == VS_STATE_RUNNING && client->held != provider->in_force &&
	    !client->outstanding && !client->pause &&
	    !(world->called && world->call_epoch == client->epoch))
		return "the client is RUNNING with another contract, and will not hear of it";
	if (client->held && client->held != provider->in_force && provider->in_force &&
	    provider->by_start && !client->narrowed)
		return "the client uses what a START has replaced";
	if (client->state == VS_STATE_START && client->held)
		return "the client holds a contract and has no channel";
	if (!client->attached && client->state != VS_STATE_START)
		return "the client has a state and no channel";
	return check_returns(world);
}

/* What has to hold in the end. */
static const char *check_end(struct world *world)
{
	const struct provider *provider = &world->provider;
	const struct client *client = &world->client;

	if (client->state != VS_STATE_RUNNING)
		return "the client does not get to RUNNING";
	if (client->held != provider->in_force)
		return "the two hold different contracts";
	if (provider->held || provider->fallback)
		return "something is charged for nothing";
	if (client->granted || client->narrowed)
		return "the client is narrowed to what has not come";
	return NULL;
}

static const char *walk(struct world *world)
{
	const char *wrong = NULL;

	world->provider.next_id = 1;
	world->rate = 2U << below(world, 7);
	for (u32 step = 0; step < STEPS && !wrong; step++) {
		walk_step(world);
		wrong = check_world(world);
	}
	world->calm = true;
	for (u32 step = 0; !wrong; step++) {
		if (step == CALM)
			return "it never gets quiet";
		if (!calm_step(world))
			return check_end(world);
		wrong = check_world(world);
	}
	return wrong;
}

static void both_sides_hold_the_same_contract_when_all_is_quiet(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u32 first = seed ? seed : get_random_u32();

	KUNIT_ASSERT_NOT_NULL(test, world);
	for (u32 i = 0; i < WALKS; i++) {
		const char *wrong;

		memset(world, 0, sizeof(*world));
		world->test = test;
		prandom_seed_state(&world->random, first + i);
		wrong = walk(world);
		if (!wrong)
			continue;
		show_log(world);
		KUNIT_FAIL(test, "seed=%u: %s (in force %u, held %u; the client holds %u)",
			   first + i, wrong, world->provider.in_force, world->provider.held,
			   world->client.held);
		return;
	}
	kunit_info(test, "seed=%u, %u walks\n", first, WALKS);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE_SLOW(both_sides_hold_the_same_contract_when_all_is_quiet),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "vs_walk",
	.test_cases = walk_cases,
};

kunit_test_suite(walk_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: random walks of both state machines of vs_channel");
MODULE_LICENSE("GPL");
