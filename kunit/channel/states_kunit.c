// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two state machines: every state x every event, and what the rules of the
 * protocol say of the table as a whole.  walk_kunit.c lets both sides talk.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/module.h>
#include <linux/string.h>

#include "vs_states.h"

/**
 * struct row - one line of states.def
 * @state: where the machine is
 * @event: what happens
 * @next: where it goes
 * @actions: VSP_DO_* or VSC_DO_*
 */
struct row {
	u8 state;
	u8 event;
	u8 next;
	u32 actions;
};

#define PROVIDER(state, event, next, actions) \
	{ VS_STATE_##state, VSP_EVENT_##event, VS_STATE_##next, actions },
#define CLIENT(...)
static const struct row provider[] = {
#include "channel/states.def"
};

#undef PROVIDER
#undef CLIENT

#define PROVIDER(...)
#define CLIENT(state, event, next, actions) \
	{ VS_STATE_##state, VSC_EVENT_##event, VS_STATE_##next, actions },
static const struct row client[] = {
#include "channel/states.def"
};

#undef PROVIDER
#undef CLIENT

#define ANSWERS		(VSP_DO_ANSWER | VSP_DO_REFUSE | VSP_DO_STALE)
#define OPENS_EPOCH	(VSC_DO_NEW_EPOCH | VSC_DO_INITIALIZE)

/* A rule that every row has to keep; its name says it. */
typedef bool (*rule_fn)(const struct row *row);

static void rule_name(const rule_fn *rule, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%ps", *rule);
}

/* A row that does no more than this, and goes nowhere. */
static bool only(const struct row *row, u32 actions)
{
	return row->next == row->state && row->actions == actions;
}

static bool does(const struct row *row, u32 actions)
{
	return (row->actions & actions) == actions;
}

/* ---- The table ---- */

static void every_state_and_event_of_the_provider_stands_there_once(struct kunit *test)
{
	u32 times[VS_STATES][VSP_EVENTS] = {};

	for (size_t i = 0; i < ARRAY_SIZE(provider); i++)
		times[provider[i].state][provider[i].event]++;
	for (u32 state = 0; state < VS_STATES; state++)
		for (u32 event = 0; event < VSP_EVENTS; event++)
			KUNIT_EXPECT_EQ_MSG(test, times[state][event],
					    state == VS_STATE_NOT_NEGOTIATED ? 0 : 1, "%s x %s",
					    vs_states_name(state), vs_states_provider_event(event));
}

static void every_state_and_event_of_the_client_stands_there_once(struct kunit *test)
{
	u32 times[VS_STATES][VSC_EVENTS] = {};

	for (size_t i = 0; i < ARRAY_SIZE(client); i++)
		times[client[i].state][client[i].event]++;
	for (u32 state = 0; state < VS_STATES; state++)
		for (u32 event = 0; event < VSC_EVENTS; event++)
			KUNIT_EXPECT_EQ_MSG(test, times[state][event], 1, "%s x %s",
					    vs_states_name(state), vs_states_client_event(event));
}

static void what_is_no_state_or_event_leads_to_start(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vs_states_provider(VS_STATES, 0).next, VS_STATE_START);
	KUNIT_EXPECT_EQ(test, vs_states_provider(VS_STATES, 0).actions, 0);
	KUNIT_EXPECT_EQ(test, vs_states_provider(VS_STATE_RUNNING, VSP_EVENTS).next,
			VS_STATE_START);
	KUNIT_EXPECT_EQ(test, vs_states_client(VS_STATES, 0).next, VS_STATE_START);
	KUNIT_EXPECT_EQ(test, vs_states_client(VS_STATE_RUNNING, VSC_EVENTS).actions, 0);
}

static void every_state_and_event_has_a_name(struct kunit *test)
{
	for (u32 state = 0; state < VS_STATES; state++)
		KUNIT_EXPECT_NOT_NULL(test, vs_states_name(state));
	for (u32 event = 0; event < VSP_EVENTS; event++)
		KUNIT_EXPECT_NOT_NULL(test, vs_states_provider_event(event));
	for (u32 event = 0; event < VSC_EVENTS; event++)
		KUNIT_EXPECT_NOT_NULL(test, vs_states_client_event(event));
	KUNIT_EXPECT_STREQ(test, vs_states_name(VS_STATES), "?");
	KUNIT_EXPECT_STREQ(test, vs_states_provider_event(VSP_EVENTS), "?");
	KUNIT_EXPECT_STREQ(test, vs_states_client_event(VSC_EVENTS), "?");
}

/* Marks the states from which RUNNING can be reached. */
static void find_ways(const struct row *rows, size_t count, bool *reaches)
{
	reaches[VS_STATE_RUNNING] = true;
	for (u32 round = 0; round < VS_STATES; round++)
		for (size_t i = 0; i < count; i++)
			if (reaches[rows[i].next])
				reaches[rows[i].state] = true;
}

static void every_state_of_both_has_a_way_to_running(struct kunit *test)
{
	bool provides[VS_STATES] = {}, uses[VS_STATES] = {};

	find_ways(provider, ARRAY_SIZE(provider), provides);
	find_ways(client, ARRAY_SIZE(client), uses);
	for (u32 state = 0; state < VS_STATES; state++) {
		KUNIT_EXPECT_TRUE_MSG(test, uses[state], "client, %s", vs_states_name(state));
		KUNIT_EXPECT_TRUE_MSG(test, provides[state] || state == VS_STATE_NOT_NEGOTIATED,
				      "provider, %s", vs_states_name(state));
	}
}

/* ---- The provider's rules ---- */

static bool a_step_of_the_provider_is_what_the_table_says(const struct row *row)
{
	struct vs_step step = vs_states_provider(row->state, row->event);

	return step.next == row->next && step.actions == row->actions;
}

static bool the_provider_has_no_state_of_the_client(const struct row *row)
{
	return row->next != VS_STATE_NOT_NEGOTIATED;
}

static bool every_request_has_one_answer_and_nothing_else_has(const struct row *row)
{
	bool request = row->event >= VSP_EVENT_ASK && row->event <= VSP_EVENT_START_OTHER;

	return hweight32(row->actions & ANSWERS) == request;
}

static bool a_refused_message_changes_nothing(const struct row *row)
{
	return !(row->actions & VSP_DO_REFUSE) || only(row, VSP_DO_REFUSE);
}

/* A client that has sent START is RUNNING, and goes on so with what is in force. */
static bool a_start_that_is_too_late_changes_nothing_of_what_is_in_force(const struct row *row)
{
	bool session = row->state == VS_STATE_INITIALIZED || row->state == VS_STATE_RUNNING;

	if (row->event != VSP_EVENT_START_STALE && row->event != VSP_EVENT_START_OTHER)
		return !(row->actions & VSP_DO_STALE);
	if (!session)
		return only(row, VSP_DO_REFUSE);
	if (row->state == VS_STATE_INITIALIZED && row->event == VSP_EVENT_START_STALE)
		return row->next == VS_STATE_RUNNING &&
			row->actions == (VSP_DO_DROP_PENDING | VSP_DO_STALE);
	return only(row, VSP_DO_STALE);
}

static bool the_provider_enters_running_by_a_start_only(const struct row *row)
{
	if (row->next != VS_STATE_RUNNING || row->state == VS_STATE_RUNNING)
		return true;
	if (row->event == VSP_EVENT_START_STALE)
		return row->state == VS_STATE_INITIALIZED;
	return row->event == VSP_EVENT_START && row->state == VS_STATE_INITIALIZED &&
		row->actions == (VSP_DO_COMMIT | VSP_DO_SETTLE | VSP_DO_ANSWER);
}

static bool a_start_of_the_grant_leads_to_running(const struct row *row)
{
	return row->event != VSP_EVENT_START || row->state != VS_STATE_INITIALIZED ||
		row->next == VS_STATE_RUNNING;
}

static bool only_a_start_commits(const struct row *row)
{
	return !(row->actions & VSP_DO_COMMIT) || row->event == VSP_EVENT_START ||
		row->event == VSP_EVENT_START_CROSSED;
}

static bool a_start_from_before_a_call_commits_and_leaves_the_call_open(const struct row *row)
{
	if (row->event != VSP_EVENT_START_CROSSED)
		return true;
	return only(row, row->state == VS_STATE_INITIALIZED ?
		    VSP_DO_COMMIT | VSP_DO_ANSWER | VSP_DO_CALL_ANEW : VSP_DO_REFUSE);
}

static bool a_start_of_what_is_in_force_is_answered_again(const struct row *row)
{
	bool session = row->state == VS_STATE_INITIALIZED || row->state == VS_STATE_RUNNING;

	return row->event != VSP_EVENT_START_AGAIN ||
		only(row, session ? VSP_DO_ANSWER : VSP_DO_REFUSE);
}

static bool a_deadline_starts_the_fallback_and_settles(const struct row *row)
{
	bool deadline = row->event == VSP_EVENT_DEADLINE;

	if (!deadline)
		return !(row->actions & VSP_DO_START_FALLBACK);
	return does(row, VSP_DO_START_FALLBACK | VSP_DO_SETTLE);
}

static bool a_deadline_tells_whoever_is_there(const struct row *row)
{
	return !!(row->actions & VSP_DO_TELL) ==
		(row->event == VSP_EVENT_DEADLINE && row->state != VS_STATE_START);
}

static bool a_deadline_drops_a_grant_from_before_the_call(const struct row *row)
{
	bool pending = row->state == VS_STATE_INITIALIZED || row->state == VS_STATE_UNINITIALIZED;

	return row->event != VSP_EVENT_DEADLINE || !pending || does(row, VSP_DO_DROP_CROSSED);
}

static bool a_driver_that_goes_or_comes_leaves_start_and_a_held_contract(const struct row *row)
{
	bool goes = row->event == VSP_EVENT_GONE, comes = row->event == VSP_EVENT_NEW_DRIVER;

	if (!goes && !comes)
		return !(row->actions & VSP_DO_HOLD);
	return row->next == VS_STATE_START && does(row, VSP_DO_DROP_PENDING | VSP_DO_HOLD) &&
		(goes || does(row, VSP_DO_SETTLE));
}

static bool a_new_epoch_drops_the_pending_grant(const struct row *row)
{
	if (row->event != VSP_EVENT_INITIALIZE)
		return !(row->actions & VSP_DO_OPEN_EPOCH);
	return row->next == VS_STATE_UNINITIALIZED &&
		row->actions == (VSP_DO_DROP_PENDING | VSP_DO_OPEN_EPOCH);
}

static bool a_release_gives_everything_back_and_settles(const struct row *row)
{
	if (row->event != VSP_EVENT_RELEASE || (row->actions & VSP_DO_REFUSE))
		return true;
	return row->next == VS_STATE_INITIALIZED &&
		does(row, VSP_DO_DROP_PENDING | VSP_DO_SETTLE | VSP_DO_FORGET);
}

static bool a_call_is_written_in_every_session(const struct row *row)
{
	if (row->event != VSP_EVENT_CALL && row->event != VSP_EVENT_INVITE)
		return true;
	return row->actions == (row->state == VS_STATE_START ? 0 : VSP_DO_CALL);
}

static bool a_call_or_its_deadline_ends_running_and_no_other_state(const struct row *row)
{
	if (row->event != VSP_EVENT_CALL && row->event != VSP_EVENT_INVITE &&
	    row->event != VSP_EVENT_DEADLINE)
		return true;
	return row->next == (row->state == VS_STATE_RUNNING ? VS_STATE_INITIALIZED : row->state);
}

static bool an_answered_initialize_leads_to_initialized(const struct row *row)
{
	if (row->event != VSP_EVENT_ANSWERED)
		return true;
	if (row->state == VS_STATE_UNINITIALIZED)
		return row->next == VS_STATE_INITIALIZED && !row->actions;
	return only(row, 0);
}

static bool a_resume_repeats_the_call_and_changes_nothing(const struct row *row)
{
	return row->event != VSP_EVENT_RESUME ||
		only(row, row->state == VS_STATE_START ? 0 : VSP_DO_CALL);
}

static bool a_broken_session_keeps_its_contract(const struct row *row)
{
	if (row->event != VSP_EVENT_BROKEN)
		return true;
	return row->next == VS_STATE_START &&
		row->actions == (row->state == VS_STATE_START ? 0 : VSP_DO_DROP_PENDING);
}

static bool a_lease_costs_only_what_it_was_for(const struct row *row)
{
	if (row->event == VSP_EVENT_GRANT_LEASE)
		return only(row, VSP_DO_DROP_PENDING);
	if (row->event != VSP_EVENT_HELD_LEASE)
		return true;
	if (row->next != row->state || (row->actions & ~(VSP_DO_SETTLE | VSP_DO_FORGET)))
		return false;
	/* Nothing is held any more once a contract is in force. */
	return row->state == VS_STATE_RUNNING || does(row, VSP_DO_FORGET);
}

static const rule_fn provider_rules[] = {
	a_step_of_the_provider_is_what_the_table_says,
	the_provider_has_no_state_of_the_client,
	every_request_has_one_answer_and_nothing_else_has,
	a_refused_message_changes_nothing,
	a_start_that_is_too_late_changes_nothing_of_what_is_in_force,
	a_start_of_the_grant_leads_to_running,
	the_provider_enters_running_by_a_start_only,
	only_a_start_commits,
	a_start_from_before_a_call_commits_and_leaves_the_call_open,
	a_start_of_what_is_in_force_is_answered_again,
	a_deadline_starts_the_fallback_and_settles,
	a_deadline_tells_whoever_is_there,
	a_deadline_drops_a_grant_from_before_the_call,
	a_driver_that_goes_or_comes_leaves_start_and_a_held_contract,
	a_new_epoch_drops_the_pending_grant,
	a_release_gives_everything_back_and_settles,
	a_call_is_written_in_every_session,
	a_call_or_its_deadline_ends_running_and_no_other_state,
	an_answered_initialize_leads_to_initialized,
	a_resume_repeats_the_call_and_changes_nothing,
	a_broken_session_keeps_its_contract,
	a_lease_costs_only_what_it_was_for,
};

KUNIT_ARRAY_PARAM(provider_rule, provider_rules, rule_name);

static void every_row_of_the_provider_keeps_the_rule(struct kunit *test)
{
	const rule_fn *rule = test->param_value;

	for (size_t i = 0; i < ARRAY_SIZE(provider); i++)
		KUNIT_EXPECT_TRUE_MSG(test, (*rule)(&provider[i]), "%s x %s",
				      vs_states_name(provider[i].state),
				      vs_states_provider_event(provider[i].event));
}

/* ---- The client's rules ---- */

static bool a_step_of_the_client_is_what_the_table_says(const struct row *row)
{
	struct vs_step step = vs_states_client(row->state, row->event);

	return step.next == row->next && step.actions == row->actions;
}

static bool is_row(const struct row *row, enum vs_state state, enum vsc_event event)
{
	return row->state == state && row->event == event;
}

static bool the_client_enters_running_when_it_sends_start_only(const struct row *row)
{
	if (is_row(row, VS_STATE_NOT_NEGOTIATED, VSC_EVENT_NARROWED))
		return row->next == VS_STATE_RUNNING && row->actions == VSC_DO_START;
	return !(row->actions & VSC_DO_START) &&
		(row->next != VS_STATE_RUNNING || row->state == VS_STATE_RUNNING);
}

static bool a_grant_is_held_once_the_provider_says_it_is_in_force(const struct row *row)
{
	if (is_row(row, VS_STATE_RUNNING, VSC_EVENT_STARTED))
		return only(row, VSC_DO_WIDEN | VSC_DO_SETTLE);
	if (is_row(row, VS_STATE_UNINITIALIZED, VSC_EVENT_INITIALIZED_GRANT))
		return row->next == VS_STATE_INITIALIZED && row->actions == VSC_DO_WIDEN;
	return !(row->actions & (VSC_DO_WIDEN | VSC_DO_SETTLE));
}

static bool a_lost_channel_always_leads_to_start(const struct row *row)
{
	if (row->event == VSC_EVENT_LOST)
		return row->next == VS_STATE_START;
	return row->state == VS_STATE_START || row->next != VS_STATE_START;
}

static bool nothing_is_held_after_loss_and_release_only(const struct row *row)
{
	bool ends = row->event == VSC_EVENT_LOST ||
		(row->event == VSC_EVENT_RELEASED && row->state != VS_STATE_START);

	if (!ends)
		return !(row->actions & VSC_DO_DETACH);
	if (row->event == VSC_EVENT_RELEASED && row->next != VS_STATE_INITIALIZED)
		return false;
	return row->actions == (VSC_DO_UNDO | VSC_DO_DETACH);
}

static bool what_leads_to_nothing_leads_nowhere(const struct row *row)
{
	return row->actions || row->next == row->state;
}

static bool a_client_without_a_channel_does_nothing(const struct row *row)
{
	return row->state != VS_STATE_START || row->event == VSC_EVENT_BEGIN ||
		row->event == VSC_EVENT_LOST || only(row, 0);
}

static bool a_new_epoch_is_always_said(const struct row *row)
{
	if (!(row->actions & OPENS_EPOCH))
		return true;
	return row->next == VS_STATE_UNINITIALIZED && does(row, OPENS_EPOCH);
}

static bool a_call_about_this_epoch_opens_another(const struct row *row)
{
	if (row->event == VSC_EVENT_CALL_OLD)
		return only(row, 0);
	return row->event != VSC_EVENT_CALL || row->state == VS_STATE_START ||
		does(row, OPENS_EPOCH);
}

static bool a_need_opens_an_epoch_unless_one_is_opening(const struct row *row)
{
	bool idle = row->state == VS_STATE_START || row->state == VS_STATE_UNINITIALIZED;

	return row->event != VSC_EVENT_NEED || (idle ? only(row, 0) : does(row, OPENS_EPOCH));
}

/* Until then the provider may have put the grant in force, and the client does not know. */
static bool what_was_narrowed_stays_so_until_an_id_is_read(const struct row *row)
{
	bool read = is_row(row, VS_STATE_UNINITIALIZED, VSC_EVENT_INITIALIZED) ||
		is_row(row, VS_STATE_RUNNING, VSC_EVENT_EXPIRED) ||
		is_row(row, VS_STATE_RUNNING, VSC_EVENT_EXPIRED_NONE);
	/* Not sent, or nothing is in force any more. */
	bool over = is_row(row, VS_STATE_NOT_NEGOTIATED, VSC_EVENT_FAILED) ||
		(row->actions & VSC_DO_DETACH);

	return !!(row->actions & VSC_DO_UNDO) == (read || over);
}

static bool initialize_complete_leads_to_initialized(const struct row *row)
{
	if (row->state != VS_STATE_UNINITIALIZED)
		return row->next == row->state || row->next != VS_STATE_INITIALIZED ||
			row->event == VSC_EVENT_RELEASED;
	return (row->next == VS_STATE_INITIALIZED) ==
		((row->event >= VSC_EVENT_INITIALIZED &&
		  row->event <= VSC_EVENT_INITIALIZED_GRANT) || row->event == VSC_EVENT_RELEASED);
}

static bool what_begins_opens_an_epoch_unless_it_runs(const struct row *row)
{
	return row->event != VSC_EVENT_BEGIN ||
		(row->state == VS_STATE_RUNNING ? only(row, 0) : does(row, OPENS_EPOCH));
}

static bool another_contract_than_the_one_held_opens_an_epoch(const struct row *row)
{
	if (row->event != VSC_EVENT_FOREIGN)
		return true;
	if (row->state == VS_STATE_NOT_NEGOTIATED || row->state == VS_STATE_RUNNING)
		return does(row, OPENS_EPOCH);
	return only(row, 0);
}

static bool what_is_in_force_is_adopted_from_the_answer_only(const struct row *row)
{
	return !!(row->actions & VSC_DO_ADOPT) == (row->state == VS_STATE_UNINITIALIZED &&
						   row->event == VSC_EVENT_INITIALIZED_OTHER);
}

static bool each_answer_leads_to_what_the_protocol_says(const struct row *row)
{
	static const u32 answers[VSC_EVENTS] = {
		[VSC_EVENT_OFFER] = VSC_DO_CHOOSE,
		[VSC_EVENT_GRANT] = VSC_DO_NARROW,
		[VSC_EVENT_DENY] = VSC_DO_KEEP,
		[VSC_EVENT_DENY_FINAL] = VSC_DO_WAIT,
	};

	if (!answers[row->event])
		return !(row->actions & (VSC_DO_CHOOSE | VSC_DO_NARROW | VSC_DO_KEEP |
					 VSC_DO_WAIT));
	return only(row, row->state == VS_STATE_NOT_NEGOTIATED ? answers[row->event] : 0);
}

static bool the_ask_follows_when_it_may_proceed(const struct row *row)
{
	if (!is_row(row, VS_STATE_INITIALIZED, VSC_EVENT_PROCEED))
		return row->event == VSC_EVENT_PROCEED ? only(row, 0) :
			!(row->actions & VSC_DO_ASK);
	return row->next == VS_STATE_NOT_NEGOTIATED && row->actions == VSC_DO_ASK;
}

static bool a_failure_while_negotiating_is_tried_again(const struct row *row)
{
	if (row->event != VSC_EVENT_FAILED || row->state == VS_STATE_START)
		return true;
	return row->next == VS_STATE_UNINITIALIZED && does(row, VSC_DO_BACK_OFF);
}

static bool a_start_that_is_too_late_is_tried_again_with_what_there_is(const struct row *row)
{
	bool runs = row->state == VS_STATE_RUNNING;

	if (row->event == VSC_EVENT_EXPIRED)
		return only(row, runs ? VSC_DO_UNDO | VSC_DO_BACK_OFF : 0);
	if (row->event != VSC_EVENT_EXPIRED_NONE)
		return !(row->actions & VSC_DO_BACK_OFF) || row->event == VSC_EVENT_FAILED;
	return !runs ? only(row, 0) : row->next == VS_STATE_NOT_NEGOTIATED &&
		row->actions == (VSC_DO_UNDO | VSC_DO_BACK_OFF);
}

static const rule_fn client_rules[] = {
	a_step_of_the_client_is_what_the_table_says,
	the_client_enters_running_when_it_sends_start_only,
	a_grant_is_held_once_the_provider_says_it_is_in_force,
	a_lost_channel_always_leads_to_start,
	nothing_is_held_after_loss_and_release_only,
	what_leads_to_nothing_leads_nowhere,
	a_client_without_a_channel_does_nothing,
	a_new_epoch_is_always_said,
	a_call_about_this_epoch_opens_another,
	a_need_opens_an_epoch_unless_one_is_opening,
	what_was_narrowed_stays_so_until_an_id_is_read,
	initialize_complete_leads_to_initialized,
	what_begins_opens_an_epoch_unless_it_runs,
	another_contract_than_the_one_held_opens_an_epoch,
	what_is_in_force_is_adopted_from_the_answer_only,
	each_answer_leads_to_what_the_protocol_says,
	the_ask_follows_when_it_may_proceed,
	a_failure_while_negotiating_is_tried_again,
	a_start_that_is_too_late_is_tried_again_with_what_there_is,
};

KUNIT_ARRAY_PARAM(client_rule, client_rules, rule_name);

static void every_row_of_the_client_keeps_the_rule(struct kunit *test)
{
	const rule_fn *rule = test->param_value;

	for (size_t i = 0; i < ARRAY_SIZE(client); i++)
		KUNIT_EXPECT_TRUE_MSG(test, (*rule)(&client[i]), "%s x %s",
				      vs_states_name(client[i].state),
				      vs_states_client_event(client[i].event));
}

static struct kunit_case states_cases[] = {
	KUNIT_CASE(every_state_and_event_of_the_provider_stands_there_once),
	KUNIT_CASE(every_state_and_event_of_the_client_stands_there_once),
	KUNIT_CASE(what_is_no_state_or_event_leads_to_start),
	KUNIT_CASE(every_state_and_event_has_a_name),
	KUNIT_CASE(every_state_of_both_has_a_way_to_running),
	KUNIT_CASE_PARAM(every_row_of_the_provider_keeps_the_rule, provider_rule_gen_params),
	KUNIT_CASE_PARAM(every_row_of_the_client_keeps_the_rule, client_rule_gen_params),
	{}
};

static struct kunit_suite states_suite = {
	.name = "vs_states",
	.test_cases = states_cases,
};

kunit_test_suite(states_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the state machines of vs_channel");
MODULE_LICENSE("GPL");
