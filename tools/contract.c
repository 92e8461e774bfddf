// SPDX-License-Identifier: GPL-2.0-only
/*
 * request, renegotiate, withdraw and release: what moves one contract, and how it ended.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vspctl.h"

#define LOOK_NS		20000000	/* how often withdraw and release look */

/* Its words, one by one */
static void json_result(const struct object *object, const char *result)
{
	char *copy = take_text("%s", result), *word, *equals;

	json_open(NULL, '{');
	json_string("service", object->name);
	for (word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals = 0;
		json_number(word, equals + 1);
	}
	json_close('}');
	json_end();
}

/* DENIED unless it ended with what was asked for */
static int show_result(const struct object *object, const char *result)
{
	char outcome[NAME_BYTES];

	if (options.json)
		json_result(object, result);
	else
		printf("%s: %s\n", escape_text(object->label), escape_text(result));
	result_word(result, "outcome", outcome, sizeof(outcome));
	return strcmp(outcome, "grant") ? DENIED : DONE;
}

static int contract_wait(struct object *object, const char *before)
{
	char result[VALUE_MAX];
	int status = result_wait(object, before, result, sizeof(result));

	if (status == LATE)
		return complain(LATE, object->label, "no end of the negotiation within %g s; is there a client? see vspctl explain",
				options.wait);
	if (status)
		return complain(FAILED, object->label, "the device has gone");
	return show_result(object, result);
}

/* It has a device, open as object->fd? */
static int need_device(struct object *object)
{
	tree_open(object);
	if (object->fd < 0 && object->client)
		return complain(FAILED, object->label, "the device has gone");
	if (object->fd < 0)
		return complain(FAILED, object->label, "is not enabled: vspctl service enable %s",
				object->name);
	return DONE;
}

static int trigger_renegotiate(struct object *object)
{
	const struct summary *summary = summary_read(object);
	const char *before = summary && summary->result ? summary->result : "";

	if (file_set(object->label, object->device, "contract/renegotiate", "1"))
		return FAILED;
	return options.wait < 0 ? DONE : contract_wait(object, before);
}

int renegotiate_run(int argc, char **argv)
{
	struct object *object;

	if (argc != 1)
		return complain(USAGE, "renegotiate", "one SERVICE allowed");
	object = tree_one(argv[0]);
	if (!object)
		return MISSING;
	return need_device(object) ? FAILED : trigger_renegotiate(object);
}

/* A client; if there is none, a word on what the provider's side does instead */
static struct object *need_client(const char *name, const char *instead)
{
	struct object *client = tree_client(name);

	if (client) {
		tree_open(client);
		return client;
	}
	if (tree_service(name))
		complain(MISSING, name, "is a service of this host, and its client is elsewhere; here: %s",
			 instead);
	else
		complain(MISSING, name, "no such client in %s", tree_clients);
	return NULL;
}

int request_run(int argc, char **argv)
{
	struct writes *writes = take(sizeof(*writes));
	struct object *client;
	char *directory;
	int status;

	if (argc < 2)
		return complain(USAGE, "request", "a SERVICE and TERM=LOW..HIGH allowed");
	client = need_client(argv[0], take_text("vspctl service set %s, vspctl renegotiate %s",
						argv[0], argv[0]));
	if (!client)
		return MISSING;
	signal(SIGPIPE, SIG_IGN);	/* it undoes its wishes after its message */
	directory = take_text("%s/request", client->device);
	status = set_parse(client->label, directory, argv + 1, writes);
	if (!status)
		status = journal_apply(client->label, directory, writes);
	if (status) {
		journal_undo(0);
		return status;
	}
	status = trigger_renegotiate(client);
	if (status == FAILED)
		journal_undo(0);
	return status;
}

static bool has_no_contract(const struct object *object)
{
	char id[NAME_BYTES];

	return !file_read_at(object->fd, "contract/id", id, sizeof(id)) || !strcmp(id, "0");
}

/* Until no contract is in force */
static int wait_for_none(const struct object *object)
{
	struct timespec pause = { .tv_nsec = LOOK_NS };

	for (double waited = 0; waited <= options.wait; waited += LOOK_NS / 1e9) {
		if (has_no_contract(object)) {
			if (options.json)
				json_result(object, "contract=0");
			else
				printf("%s: no contract is in force\n",
				       escape_text(object->label));
			return DONE;
		}
		nanosleep(&pause, NULL);
	}
	return complain(LATE, object->label, "the contract is still in force after %g s",
			options.wait);
}

int withdraw_run(int argc, char **argv)
{
	struct object *service;

	if (argc != 1)
		return complain(USAGE, "withdraw", "one SERVICE allowed");
	service = tree_service(argv[0]);
	if (!service)
		return complain(MISSING, argv[0], "no such service in %s", tree_services);
	if (need_device(service) ||
	    file_set(service->label, service->device, "contract/withdraw", "1"))
		return FAILED;
	return options.wait < 0 ? DONE : wait_for_none(service);
}

int release_run(int argc, char **argv)
{
	struct object *client;

	if (argc != 1)
		return complain(USAGE, "release", "one SERVICE allowed");
	client = need_client(argv[0], take_text("vspctl withdraw %s takes the contract back, vspctl service release %s deletes the data",
						argv[0], argv[0]));
	if (!client)
		return MISSING;
	if (file_set(client->label, client->device, "contract/release", "1"))
		return FAILED;
	return options.wait < 0 ? DONE : wait_for_none(client);
}
