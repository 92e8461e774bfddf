// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both sides' sessions, joined by a channel that loses and delays as the real one may, on random
 * walks: calls, deadlines, leases, changes of the source, resets, reboots, kills.  After each
 * walk the world calms down; then both sides must hold the same contract.
 *
 * This module has copies of the files that make the sessions; the channel and the clock that these
 * call are in walk_world.h, the pool and the classes in walk_sides.h.
 */
#include "walk_world.h"
#include "walk_sides.h"

#define WALKS		1000
#define STEPS		300	/* of a walk, before it calms down */
#define CALM		2000	/* steps until it must be quiet */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the walks; 0: draw one");

/* ---- Both at work ---- */

static void provider_run(void)
{
	world->provider_next = vsp_machine_expire(&world->provider);
}

static void client_run(unsigned long inbox)
{
	if (!world->attached)
		return;
	world->work.inbox.bits |= inbox;
	vsc_session_run(&world->work.run.work);
	if (world->work.leave.closed)
		world->attached = false;
}

static u32 channel_free_slot(void)
{
	u32 slot = 0;

	while (slot < ARRAY_SIZE(world->taken) && world->taken[slot])
		slot++;
	return slot;
}

static bool provider_take_request(void)
{
	struct vsp_session *session = &world->provider;
	struct vsc_exchange *exchange =
		list_first_entry_or_null(&world->requests, struct vsc_exchange, list);
	u64 before = vsp_machine_in_force_id(session);
	u32 slot = channel_free_slot();

	if (!exchange || slot == ARRAY_SIZE(world->taken))
		return false;
	list_del_init(&exchange->list);
	world->taken[slot] = exchange;
	memcpy(session->round.bytes, exchange->request, exchange->request_length);
	/* Now and then a client says what nobody understands. */
	if (world_fails(4 * world->rate))
		session->round.bytes[0] ^= 0x80;
	vsp_machine_message(session, slot, session->inbox.generation, exchange->request_length);
	/* Here only a START has a contract come into force; below, a deadline may, too. */
	world->starting = vsp_machine_in_force_id(session) != before;
	provider_run();
	return true;
}

static bool provider_end_preparation(void)
{
	struct work_struct *work = &world->provider.preparation.work;

	if (!world->preparing)
		return false;
	world->preparing = false;
	work->func(work);
	provider_run();
	return true;
}

static bool client_take_answer(void)
{
	struct vsc_exchange *exchange =
		list_first_entry_or_null(&world->answers, struct vsc_exchange, list);

	if (!exchange || !world->attached)
		return false;
	list_move_tail(&exchange->list, &world->work.inbox.answers);
	client_run(VSC_INBOX_ANSWER);
	return true;
}

static bool client_take_call(void)
{
	if (!world->call_length || !world->attached)
		return false;
	memcpy(world->work.inbox.call, world->call, world->call_length);
	world->work.inbox.call_length = world->call_length;
	world->call_length = 0;
	client_run(VSC_INBOX_CALL);
	return true;
}

static ktime_t client_next(void)
{
	const struct vsc_work *work = &world->work;
	ktime_t next = KTIME_MAX;

	if (!world->attached)
		return next;
	if (work->wait.timer != VSC_TIMER_NONE)
		next = work->wait.expires;
	if (work->leave.why)
		next = min(next, work->leave.by);
	return next;
}

/* It is @when, if it was not later than that already; both look at the clock. */
static bool world_pass(ktime_t when)
{
	bool client_first = world_below(2);

	if (when == KTIME_MAX)
		return false;
	world->now = max(world->now, when);
	if (client_first)
		client_run(0);
	provider_run();
	if (!client_first)
		client_run(0);
	return true;
}

/* The client's work runs when the walk says so. */
static bool world_queue_delayed_work(struct workqueue_struct *queue, struct delayed_work *work,
				     unsigned long delay)
{
	return true;
}

static void client_wish(void)
{
	struct vs_term *wish = &world->client.request.wish.term[0];

	wish->low = world_below(LEVEL_MAX / 4);
	wish->high = max(wish->low, 1 + world_below(LEVEL_MAX));
}

static void client_need(void)
{
	client_wish();
	world->work.inbox.need_reason = VS_REASON_NEED;
	client_run(VSC_INBOX_NEED);
}

static void client_init(void)
{
	struct vsc_session *session = &world->client;
	struct vsc_work *work = &world->work;

	memset(session, 0, sizeof(*session));
	memset(work, 0, sizeof(*work));
	session->spec = &walk_spec;
	session->state = VS_STATE_START;
	session->work = work;
	mutex_init(&session->class_lock);
	mutex_init(&session->request.lock);
	spin_lock_init(&session->lock);
	vs_terms_unlimited(&walk_spec, &session->request.wish);
	session->request.wish_set = 1;
	client_wish();
	work->session = session;
	mutex_init(&work->run_lock);
	init_completion(&work->leave.left);
	init_waitqueue_head(&work->inbox.settling);
	spin_lock_init(&work->inbox.lock);
	INIT_LIST_HEAD(&work->inbox.answers);
	INIT_DELAYED_WORK(&work->run, vsc_session_run);
}

static void world_bind(void)
{
	channel_reset();
	vsp_machine_event(&world->provider, VSP_EVENT_NEW_DRIVER);
	provider_run();
	client_init();
	world->attached = true;
	world->narrowed = false;
	client_run(VSC_INBOX_READY);
}

/* The VM is killed, or boots anew: its driver does not get to say anything. */
static void world_kill(void)
{
	channel_reset();
	world->attached = false;
	world->narrowed = false;
	if (world_below(2))
		vsp_machine_event(&world->provider, VSP_EVENT_GONE);
}

/* The VM stops and goes on; of what was under way, some is still in the rings. */
static void world_stop_and_go(void)
{
	if (world_below(2))
		channel_free(&world->requests);
	if (world_below(2))
		channel_free(&world->answers);
	channel_void_slots();
	world->call_length = 0;
	world->now = ktime_add_ms(world->now, world_below(2000));
	vsp_machine_event(&world->provider, VSP_EVENT_RESUME);
}

/* As the pool does when something has become of its capacity. */
static void pool_set_level(u64 level)
{
	bool less = level < world->level;

	world->level = level;
	if (less)
		vsp_machine_renegotiate(&world->provider, VS_REASON_CAPACITY);
	else
		vsp_machine_invite(&world->provider);
}

static void source_set_gone(bool gone)
{
	world->source_gone = gone;
	vsp_machine_changed(&world->provider);
}

static void provider_disturb(void)
{
	switch (world_below(8)) {
	case 0:
		vsp_machine_renegotiate(&world->provider, VS_REASON_ADMIN);
		break;
	case 1:
		vsp_machine_withdraw(&world->provider);
		break;
	case 2:
		source_set_gone(!world->source_gone);
		break;
	case 3:
	case 4:
		pool_set_level(world_below(4) ? world_below(LEVEL_MAX + 1) : 0);
		break;
	default:
		world_pass(world->provider_next);
		break;
	}
	provider_run();
}

static void client_disturb(void)
{
	switch (world_below(16)) {
	case 0:
	case 1:
		world_stop_and_go();
		break;
	case 2:
		world_kill();
		break;
	case 3:
		client_run(VSC_INBOX_CLOSE);
		break;
	case 4:
		client_run(VSC_INBOX_RELEASE);
		break;
	case 5:
	case 6:
	case 7:
	case 8:
		client_need();
		break;
	case 9:
		client_run(VSC_INBOX_STALLED);
		break;
	default:
		world_pass(client_next());
		break;
	}
	provider_run();
}

static void world_go_on(void)
{
	switch (world_below(8)) {
	case 0:
		client_take_call();
		break;
	case 1:
	case 2:
	case 3:
		client_take_answer();
		break;
	case 4:
	case 5:
	case 6:
		provider_take_request();
		break;
	default:
		provider_end_preparation();
		break;
	}
}

static void world_step(void)
{
	world->now = ktime_add_ms(world->now, world_below(40));
	world->starting = false;
	if (!world->attached) {
		/* Lease or deadline may come before the next driver does. */
		if (world_below(4))
			provider_disturb();
		else
			world_bind();
	} else if (world_below(world->rate)) {
		world_go_on();
	} else if (world_below(2)) {
		provider_disturb();
	} else {
		client_disturb();
	}
}

/* One step of a world in which nothing goes wrong any more. Returns false if all is quiet. */
static bool world_calm_step(void)
{
	struct vsp_session *session = &world->provider;

	world->now = ktime_add_ms(world->now, 1);
	world->starting = false;
	if (!world->attached)
		world_bind();
	else if (provider_take_request() || provider_end_preparation() || client_take_answer() ||
		 client_take_call() || world_pass(min(world->provider_next, client_next())))
		return true;
	else if (session->stop.withdrawn)
		vsp_machine_renegotiate(session, VS_REASON_ADMIN);
	else if (world->work.leave.release)
		client_need();
	else if (!world->invited)
		vsp_machine_invite(session);
	else
		return false;
	world->invited = !session->stop.withdrawn && !world->work.leave.release;
	provider_run();
	return true;
}

static void world_calm_down(void)
{
	world->calm = true;
	/* Where there was enough, nobody calls for the sake of the calm. */
	if (world->source_gone)
		source_set_gone(false);
	/* As much as any client needs at least, and not always as much as it wishes. */
	if (world->level < LEVEL_MAX / 4)
		pool_set_level(LEVEL_MAX / 4 + world_below(3 * LEVEL_MAX / 4));
	provider_run();
}

/* ---- What has to hold after every step ---- */

static void provider_ids(u64 *ids)
{
	const struct vsp_session *session = &world->provider;
	const struct vsp_contract *contracts[VSP_SESSION_SETS] = {
		vsp_machine_in_force(&world->provider), session->held.contract,
		session->grant.pending, session->preparation.next, session->call.fallback,
	};

	for (u32 i = 0; i < VSP_SESSION_SETS; i++)
		ids[i] = contracts[i] ? contracts[i]->id : 0;
}

static bool is_among(const u64 *ids, u64 id)
{
	for (u32 i = 0; i < VSP_SESSION_SETS; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* What a contract held returns to the pool once: what has returned never comes back. */
static const char *check_returns(void)
{
	const struct vs_terms *sets[VSP_SESSION_SETS];
	unsigned int count = vsp_machine_charged_sets(&world->provider, sets);
	u64 ids[VSP_SESSION_SETS];

	if (world->charged != pool_most(sets, count))
		return "the pool is charged for something else than what the session has";
	provider_ids(ids);
	for (u32 i = 0; i < VSP_SESSION_SETS; i++) {
		u64 before = world->held[i];

		if (ids[i] >= IDS)
			return "there are more contracts than expected";
		if (before && !is_among(ids, before))
			set_bit(before, world->returned);
		if (ids[i] && test_bit(ids[i], world->returned))
			return "a contract has come back";
	}
	memcpy(world->held, ids, sizeof(ids));
	return NULL;
}

static const char *check_provider(void)
{
	const struct vsp_session *session = &world->provider;
	const struct vsp_contract *in_force = vsp_machine_in_force(&world->provider);

	if (in_force && session->held.contract)
		return "a contract is in force and another one held";
	if (session->call.fallback && !session->call.open)
		return "a fallback without a call";
	if (in_force && in_force->terms.term[0].high > pool_has() && !session->call.open)
		return "more is in force than there is, and the client is not called";
	if (session->state == VS_STATE_RUNNING &&
	    (!in_force || session->grant.pending || session->call.open))
		return "the provider is RUNNING without a contract, or not settled";
	if (world->early)
		return "the provider has shown RUNNING before the contract that has led to it";
	return NULL;
}

/* Does something go on that will tell the client what is in force? */
static bool client_will_hear(void)
{
	const struct vsc_work *work = &world->work;

	return work->round.exchange || work->wait.timer != VSC_TIMER_NONE || world->call_length;
}

static const char *check_client(void)
{
	const struct vsc_session *session = &world->client;
	u64 in_force = vsp_machine_in_force_id(&world->provider);

	if (!world->attached)
		return NULL;
	if (session->state == VS_STATE_RUNNING && !session->held.id && !world->work.grant.id)
		return "the client is RUNNING without a contract";
	if (session->state == VS_STATE_RUNNING && session->held.id != in_force &&
	    !client_will_hear())
		return "the client is RUNNING with another contract, and will not hear of it";
	if (session->held.id && session->held.id != in_force && in_force && world->by_start &&
	    !world->narrowed)
		return "the client uses what a START has replaced";
	if (session->state == VS_STATE_START && session->held.id)
		return "the client holds a contract and has no channel";
	return NULL;
}

static const char *check_world(void)
{
	u64 in_force = vsp_machine_in_force_id(&world->provider);

	if (in_force != world->in_force)
		world->by_start = world->starting;
	world->in_force = in_force;
	return check_provider() ?: check_client() ?: check_returns();
}

/* The level may have risen between a grant and its START: nobody calls for so little. */
static bool is_what_it_wishes(u64 has)
{
	u64 wish = world->client.request.wish.term[0].high;
	u64 most = min(wish, world->level);

	return has <= most && !is_gain(has, most, wish);
}

/* What has to hold in the end. */
static const char *check_end(void)
{
	const struct vsp_contract *in_force = vsp_machine_in_force(&world->provider);
	const struct vsp_session *provider = &world->provider;
	const struct vsc_session *client = &world->client;

	if (client->state != VS_STATE_RUNNING)
		return "the client does not get to RUNNING";
	if (!in_force || client->held.id != in_force->id)
		return "the two hold different contracts";
	if (!vs_terms_equal(&client->held.terms, &in_force->terms))
		return "the two hold different terms under one id";
	if (!is_what_it_wishes(in_force->terms.term[0].high))
		return "the client has something else than it wishes";
	if (provider->held.contract || provider->grant.pending || provider->preparation.next ||
	    provider->call.open)
		return "something is charged for nothing";
	if (world->work.grant.id || world->narrowed)
		return "the client is narrowed to what has not come";
	return NULL;
}

/* ---- The walks ---- */

static const char *walk(void)
{
	const char *wrong = NULL;

	for (u32 step = 0; step < STEPS && !wrong; step++) {
		world_step();
		wrong = check_world();
	}
	if (!wrong)
		world_calm_down();
	for (u32 step = 0; !wrong; step++) {
		if (step == CALM)
			return "it never gets quiet";
		if (!world_calm_step())
			return check_end();
		wrong = check_world();
	}
	return wrong;
}

static void walk_begin(struct kunit *test, u32 random)
{
	struct vsp_service *service = &world->service;
	struct vsp_session *session = &world->provider;

	memset(world, 0, sizeof(*world));
	world->test = test;
	prandom_seed_state(&world->random, random);
	world->now = ktime_add_ms(0, 1000);
	world->rate = 2U << world_below(7);
	world->level = LEVEL_MAX;
	world->provider_next = KTIME_MAX;
	INIT_LIST_HEAD(&world->requests);
	INIT_LIST_HEAD(&world->answers);
	spin_lock_init(&world->pool.rates.lock);
	service->spec = &walk_spec;
	service->class = &provider_class;
	service->files = &provider_files;
	service->pool = &world->pool;
	service->settings.lease_ms = 3000;
	service->settings.deadline_ms = 1000;
	service->settings.keep = world_below(2);
	session->service = service;
	session->state = VS_STATE_START;
	spin_lock_init(&session->inbox.lock);
	spin_lock_init(&session->view_lock);
	vsp_machine_prepare_init(session);
}

static void walk_end(void)
{
	channel_reset();
	provider_end_preparation();
	vsp_machine_close(&world->provider);
}

static void both_sides_hold_the_same_contract_when_all_is_quiet(struct kunit *test)
{
	u32 first = seed ? seed : get_random_u32();

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world);
	for (u32 i = 0; i < WALKS; i++) {
		const char *wrong;

		walk_begin(test, first + i);
		wrong = walk();
		walk_end();
		if (!wrong)
			continue;
		world_show_log();
		KUNIT_FAIL(test, "seed=%u: %s (in force %llu, the client holds %llu)",
			   first + i, wrong, world->in_force, world->client.held.id);
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
MODULE_DESCRIPTION("KUnit: random walks of both sides' sessions");
MODULE_LICENSE("GPL");
