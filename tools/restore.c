// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore: makes pools and services what a file of save says.  All of it or nothing: what
 * was done is undone when a step fails, or when the program is ended.  With --each, as a
 * host wants it when it boots, that holds for every pool and service alone: what fails is
 * named, tried again, and stops nobody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vspctl.h"
#include "plan.h"

#define RETRY_SECONDS	1	/* at first, and then twice as long each time */
#define RETRY_MOST	15

static bool is_on(const char *value)
{
	return value && !strcmp(value, "1");
}

static bool is_enabled(const struct item *item)
{
	return is_on(file_get_in(item->directory, "enable"));
}

/* If the file says so. Services are disabled before their pools can be. */
static int turn_off(struct item *item)
{
	if (!item->enable || is_on(item->enable) || access(item->directory, F_OK) ||
	    !is_enabled(item))
		return DONE;
	item->changed = true;
	return journal_set(item->label, item->directory, "enable", "0");
}

static int turn_on(struct item *item)
{
	int status;

	if (!is_on(item->enable) || is_enabled(item))
		return DONE;
	status = journal_set(item->label, item->directory, "enable", "1");
	/* What enable has set by itself (of input: hold) is set as it was saved. */
	return status ? status : journal_apply(item->label, item->directory, &item->writes);
}

static bool has_differences(const struct item *item)
{
	for (size_t i = 0; i < item->writes.count; i++)
		if (journal_differs(item->directory, &item->writes.write[i]))
			return true;
	return false;
}

/* A service that was enabled all the time has its new limits staged: they are called for. */
static int call_again(const struct item *item, bool was_enabled)
{
	const char *device = take_text("%s/%s", tree_devices, strchr(item->name, '.') + 1);

	if (item->pool || !was_enabled || !is_enabled(item))
		return DONE;
	return journal_trigger(item->label, device, "contract/renegotiate");
}

/*
 * On the directory that a file system should be mounted on, a pool would give every service an
 * empty disk.
 */
static int check_mounted(const struct item *item)
{
	const struct write *write;
	const char *missing;

	for (size_t i = 0; i < item->writes.count; i++) {
		write = &item->writes.write[i];
		if (strcmp(write->file, "source") && strcmp(write->file, "backing"))
			continue;
		missing = *write->value == '/' ? mount_missing(write->value) : NULL;
		if (missing)
			return complain(FAILED, item->label, "%s: %s: /etc/fstab has %s, which is not mounted",
					write->file, write->value, missing);
	}
	return DONE;
}

static int restore_item(struct item *item)
{
	bool was_enabled;
	int status;

	item->made = access(item->directory, F_OK);
	if (!item->made && !has_differences(item))
		return DONE;
	if (check_mounted(item))
		return FAILED;
	item->changed = true;
	status = item->made ? journal_make(item->label, item->directory) : DONE;
	if (status)
		return status;
	was_enabled = is_enabled(item);
	status = journal_apply(item->label, item->directory, &item->writes);
	if (!status)
		status = turn_on(item);
	return status ? status : call_again(item, was_enabled);
}

/* Pools first: services name them. Off in the other order. */
static int restore_all(struct plan *plan)
{
	int status = DONE;

	for (int pools = 0; pools < 2; pools++)
		for (size_t i = 0; !status && i < plan->count; i++)
			if (plan->item[i]->pool == pools)
				status = turn_off(plan->item[i]);
	for (int pools = 1; pools >= 0; pools--)
		for (size_t i = 0; !status && i < plan->count; i++)
			if (plan->item[i]->pool == pools)
				status = restore_item(plan->item[i]);
	return status;
}

/* What is tried again says only what it has not said before. */
static bool try_item(struct item *item)
{
	size_t mark = journal_mark();
	bool done;
	char *said;

	complain_hold();
	done = !turn_off(item) && !restore_item(item);
	said = complain_held();
	if (!done && (!item->said || strcmp(item->said, said)))
		fputs(said, stderr);
	item->said = said;
	if (!done)
		journal_undo(mark);
	return done;
}

/* Return: how many are not done. */
static size_t restore_round(struct plan *plan)
{
	size_t left = 0;
	struct item *item;

	for (int pools = 1; pools >= 0; pools--) {
		for (size_t i = 0; i < plan->count; i++) {
			item = plan->item[i];
			if (item->done || item->pool != pools)
				continue;
			item->done = try_item(item);
			left += !item->done;
		}
	}
	return left;
}

static int restore_each(struct plan *plan)
{
	time_t waited = 0, pause = RETRY_SECONDS;
	size_t left = restore_round(plan);

	while (left && !journal_ended() && waited + 1 <= options.wait) {
		if (waited + pause > options.wait)
			pause = options.wait - waited;
		nanosleep(&(struct timespec){ .tv_sec = pause }, NULL);
		waited += pause;
		pause = pause < RETRY_MOST / 2 ? 2 * pause : RETRY_MOST;
		left = restore_round(plan);
	}
	for (size_t i = 0; i < plan->count; i++)
		if (!plan->item[i]->done)
			complain(PARTLY, plan->item[i]->label, "not restored");
	journal_forget();
	return left ? PARTLY : DONE;
}

static void show_value(char sign, const char *file, const char *value)
{
	printf("%c   %s = %s\n", sign, file,
	       escape_text(units_numeric(file) ? units_exact(value) : value));
}

static void show_item(const struct item *item)
{
	bool new = access(item->directory, F_OK);
	const struct write *write;
	const char *current;

	if (!new && !has_differences(item))
		return;
	printf("%c %s\n", new ? '+' : ' ', escape_text(item->label));
	for (size_t i = 0; i < item->writes.count; i++) {
		write = &item->writes.write[i];
		if (!new && !journal_differs(item->directory, write))
			continue;
		current = new ? NULL : journal_current(item->directory, write->file);
		if (current)
			show_value('-', write->file, current);
		show_value('+', write->file, write->value);
	}
}

static int dry_run(const struct plan *plan)
{
	for (int pools = 1; pools >= 0; pools--)
		for (size_t i = 0; i < plan->count; i++)
			if (plan->item[i]->pool == pools)
				show_item(plan->item[i]);
	return DONE;
}

int restore_run(int argc, char **argv)
{
	struct plan plan;
	int status;

	if (argc != 1)
		return complain(USAGE, "restore", "one FILE, or -: standard input");
	if (options.wait >= 0 && !options.each)
		return complain(USAGE, "restore", "--wait goes with --each");
	if (access(tree_pools, F_OK))
		return complain(MISSING, "restore", "there is no %s: modprobe vsp", tree_pools);
	if (plan_read(argv[0], &plan))
		return FAILED;
	if (options.dry_run)
		return dry_run(&plan);
	journal_guard();
	if (options.each)
		return restore_each(&plan);
	status = restore_all(&plan);
	if (!status)
		journal_forget();
	else
		complain(status, argv[0], "not restored: %s", journal_undo(0) ?
			 "what was done is undone" : "not all that was done could be undone");
	return status;
}
