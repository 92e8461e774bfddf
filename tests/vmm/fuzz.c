// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lives of hostile VMMs, one after the other, each a process with a seed of its own.  What
 * they do most is what reaches the class; all else comes now and then.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/virtio_blk.h>

#include "vs_storage.h"
#include "vmm.h"

#define TELL_MS		10000
#define WAIT_MS		20	/* for requests that may be held for long, or for ever */

/* ---- One round ---- */

struct queue *push_round(struct device *device, bool hostile)
{
	if (!device->spec->queues)
		return &device->queue[VS_CHANNEL_QUEUE_MESSAGE];
	if (device->class == VS_CLASS_NETWORK)
		return network_push(device, hostile);
	if (device->class == VS_CLASS_INPUT)
		return input_push(device, hostile);
	if (device->class == VS_CLASS_CHANNEL)
		return port_push(device, hostile);
	if (device->class == VS_CLASS_AUDIO)
		return audio_push(device, hostile);
	return storage_push(device, hostile);
}

/* Takes back whatever there is. Returns how many. */
unsigned int reap(struct device *device)
{
	unsigned int count = 0;

	for (unsigned int i = VS_CHANNEL_QUEUE_DATA; i < device->queues; i++) {
		struct queue *queue = &device->queue[i];
		struct used used;

		while ((used = ring_pop(queue)).slot >= 0) {
			count++;
			if (device->class == VS_CLASS_NETWORK)
				network_returned(device, queue, used);
			else if (device->class == VS_CLASS_INPUT)
				input_returned(device, queue, used);
			else if (device->class == VS_CLASS_CHANNEL)
				port_returned(device, queue, used);
			else if (device->class == VS_CLASS_AUDIO)
				audio_returned(device, queue, used);
			else
				storage_returned(device, queue, used);
		}
	}
	return count;
}

static void requests(struct device *device)
{
	ring_wait(push_round(device, !one_in(4)), WAIT_MS);
	reap(device);
}

/* ---- What comes now and then ---- */

static void start_again(struct device *device)
{
	device_reset(device);
	memory_restore(device->fd);
	if (!one_in(4))
		device_read_config(device);	/* else it resumes */
	device_start(device);
}

static void *second_thread(void *argument)
{
	struct device *device = argument;

	for (unsigned int i = 0; i < 200; i++)
		device_one_ioctl(device);
	return NULL;
}

/* What is pushed meanwhile may come back twice, or never: nobody looks. */
static void two_threads(struct device *device)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, second_thread, device))
		die("pthread_create: %m");
	for (unsigned int i = 0; i < 20; i++) {
		push_round(device, true);
		sleep_ms(1);
	}
	pthread_join(thread, NULL);
	device_chaos(device, 0);
	start_again(device);
}

static void broken_ring(struct device *device)
{
	unsigned int count = 0;

	while (ring_hazard(count))
		count++;
	ring_break(device, &device->queue[below(device->queues)], below(count));
	sleep_ms(1);
	start_again(device);
}

static void moving_memory(struct device *device)
{
	for (unsigned int i = 1 + below(4); i; i--) {
		push_round(device, true);
		memory_change(device->fd);
		requests(device);
	}
	memory_restore(device->fd);
}

static void suspended(struct device *device)
{
	push_round(device, true);
	device_stop(device);
	device_start(device);
}

static void chaos(struct device *device)
{
	device_chaos(device, 1 + below(50));
	start_again(device);
}

static void opened_anew(struct device *device)
{
	device_close(device);
	if (one_in(2)) {
		device_open(device);
		device_chaos(device, 1 + below(50));
		device_close(device);
	}
	device_run(device);
}

static const struct {
	void (*act)(struct device *device);
	unsigned int one_in;	/* rounds */
} seldom[] = {
	{ message_random, 4 }, { message_unanswered, 100 }, { moving_memory, 50 },
	{ broken_ring, 200 }, { suspended, 200 }, { chaos, 300 }, { opened_anew, 400 },
	{ two_threads, 600 },
};

/* ---- A life ---- */

static void contract(struct device *device)
{
	/* Denied for a while, after what it has done: so it goes on without. */
	if (!message_contract(device) && !one_in(20))
		sleep_ms(20);
}

static void live(struct device *device, u64 seed, u64 until)
{
	random_seed(seed);
	device_run(device);
	while (now_ms() < until) {
		if (!device->contract)
			contract(device);
		for (unsigned int i = 0; i < ARRAY_SIZE(seldom); i++)
			if (one_in(seldom[i].one_in))
				seldom[i].act(device);
		requests(device);
	}
	memory_check();
	exit(0);
}

/* What ends before it was told to has found something. */
static void end_life(pid_t life, bool stopped)
{
	int status;

	if (stopped)
		kill(life, SIGKILL);
	if (waitpid(life, &status, 0) != life)
		die("waitpid: %m");
	if (WIFEXITED(status) && WEXITSTATUS(status))
		die("a life ends with %d", WEXITSTATUS(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		die("a life ends by signal %d", WTERMSIG(status));
}

static void one_life(struct device *device, u64 seed, u64 until)
{
	unsigned int rest;
	pid_t life;

	random_seed(seed);
	rest = 200 + below(2500);
	until = min(until, now_ms() + rest);
	counts->lives++;
	life = fork();
	if (life < 0)
		die("fork: %m");
	if (!life)
		live(device, seed, until);
	if (one_in(4)) {
		sleep_ms(below(rest));
		kill(life, SIGSTOP);
		sleep_ms(below(100));
		kill(life, SIGCONT);
	}
	if (one_in(3)) {
		sleep_ms(below(rest));
		counts->killed++;
		end_life(life, true);
	} else {
		end_life(life, false);
	}
}

/* ---- What came of them ---- */

#define COUNTERS_MAX	10

/* What the host counts, where what comes back does not say it; storage has no such. */
static const char * const counters_of[][COUNTERS_MAX] = {
	[VS_CLASS_STORAGE] = {},
	[VS_CLASS_NETWORK] = {
		"frames_sent", "frames_received", "dropped_malformed", "dropped_size",
		"dropped_spoofed", "dropped_offload", "dropped_late", "dropped_contract",
		"dropped_down", "dropped_memory",
	},
	[VS_CLASS_INPUT] = {
		"reports_sent", "events_sent", "events_dropped", "status_events",
		"malformed_requests",
	},
	[VS_CLASS_ABSTRACT] = {},
	[VS_CLASS_CHANNEL] = {
		"data_sent", "data_received", "dropped_buffers", "malformed_buffers",
	},
	[VS_CLASS_AUDIO] = {
		"frames_played", "frames_recorded", "settings_refused", "controls_set",
		"malformed_requests",
	},
};

static const char *counter_name(const struct device *device, unsigned int i)
{
	return i < COUNTERS_MAX ? counters_of[device->class][i] : NULL;
}

static void read_counters(struct device *device, u64 *values)
{
	for (unsigned int i = 0; counter_name(device, i); i++)
		values[i] = device_counter(device, counter_name(device, i));
}

static void tell_counters(struct device *device, const u64 *before)
{
	u64 after[COUNTERS_MAX];

	read_counters(device, after);
	for (unsigned int i = 0; counter_name(device, i); i++)
		printf(" %s=%llu", counter_name(device, i),
		       (unsigned long long)(after[i] - before[i]));
}

static void tell_messages(const struct counts *c)
{
	printf("%llu messages, %llu answered:", (unsigned long long)c->messages,
	       (unsigned long long)c->answered);
	for (unsigned int i = 0; i < VS_STATUSES; i++)
		printf(" %s=%llu", vs_wire_status_name(i), (unsigned long long)c->status[i]);
	printf("\n");
}

static void tell_storage(const struct counts *c)
{
	static const struct { u8 status; const char *name; } names[] = {
		{ VIRTIO_BLK_S_IOERR, "error" }, { VIRTIO_BLK_S_UNSUPP, "unsupported" },
		{ VS_STORAGE_S_NOSPC, "no_space" }, { VS_STORAGE_S_DENIED, "denied" },
		{ VS_STORAGE_S_QUEUE, "not_granted" },
		{ 0xff, "unseen" },
	};

	printf("storage: pushed=%llu executed=%llu", (unsigned long long)c->pushed,
	       (unsigned long long)c->executed);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		printf(" %s=%llu", names[i].name, (unsigned long long)c->refused[names[i].status]);
	printf(" lost=%llu\n", (unsigned long long)c->lost);
}

static void tell_network(struct device *device, const struct counts *c, const u64 *before)
{
	printf("network: pushed=%llu returned=%llu", (unsigned long long)c->pushed,
	       (unsigned long long)c->returned);
	tell_counters(device, before);
	printf(" lost=%llu\n", (unsigned long long)c->lost);
}

/* Executed: events that came, and queries that were answered. */
static void tell_input(struct device *device, const struct counts *c, const u64 *before)
{
	printf("input: pushed=%llu executed=%llu returned=%llu", (unsigned long long)c->pushed,
	       (unsigned long long)c->executed, (unsigned long long)c->returned);
	tell_counters(device, before);
	printf(" lost=%llu\nrefused:", (unsigned long long)c->lost);
	for (unsigned int i = 0; input_spoil(i); i++)
		printf(" %s=%llu", input_spoil(i), (unsigned long long)c->refused[i]);
	printf("\n");
}

/* Executed: what has an answer. */
static void tell_audio(struct device *device, const struct counts *c, const u64 *before)
{
	printf("audio: pushed=%llu executed=%llu returned=%llu", (unsigned long long)c->pushed,
	       (unsigned long long)c->executed, (unsigned long long)c->returned);
	tell_counters(device, before);
	printf(" lost=%llu\n", (unsigned long long)c->lost);
}

/* Told: messages of who has a port open, and of its size. */
static void tell_port(struct device *device, const struct counts *c, const u64 *before)
{
	printf("channel: pushed=%llu returned=%llu told=%llu", (unsigned long long)c->pushed,
	       (unsigned long long)c->returned, (unsigned long long)c->told);
	tell_counters(device, before);
	printf(" lost=%llu\n", (unsigned long long)c->lost);
}

static void tell(struct device *device, u64 seed, const u64 *before)
{
	const struct counts *c = counts;

	printf("seed %llu: lives=%llu killed=%llu contracts=%llu denied=%llu",
	       (unsigned long long)seed, (unsigned long long)c->lives,
	       (unsigned long long)c->killed, (unsigned long long)c->contracts,
	       (unsigned long long)c->denied);
	printf(" resets=%llu ioctls=%llu changes=%llu rings=%llu\n",
	       (unsigned long long)c->resets, (unsigned long long)c->chaos,
	       (unsigned long long)c->changes, (unsigned long long)c->broken);
	tell_messages(c);
	if (device->class == VS_CLASS_NETWORK)
		tell_network(device, c, before);
	else if (device->class == VS_CLASS_INPUT)
		tell_input(device, c, before);
	else if (device->class == VS_CLASS_AUDIO)
		tell_audio(device, c, before);
	else if (device->class == VS_CLASS_CHANNEL)
		tell_port(device, c, before);
	else
		tell_storage(c);
}

void fuzz(struct device *device, u64 seed, unsigned int seconds)
{
	u64 told = now_ms(), until = told + seconds * 1000ULL, before[COUNTERS_MAX];

	/* Which class it is, and that it is well. */
	device_run(device);
	device_close(device);
	read_counters(device, before);
	while (now_ms() < until) {
		one_life(device, seed + counts->lives, until);
		if (now_ms() < told + TELL_MS)
			continue;
		told = now_ms();
		printf("%llu s to go, %llu requests\n",
		       (unsigned long long)(max(until, told) - told) / 1000,
		       (unsigned long long)counts->pushed);
		fflush(stdout);
	}
	device_run(device);
	device_close(device);
	tell(device, seed, before);
	if (counts->sick)
		die("%s: see above", device->service);
}
