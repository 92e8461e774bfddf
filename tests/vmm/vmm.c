// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM for tests; see vmm.h.
 *
 *	vmm [--seed N] [--time SECONDS] SERVICE fuzz	lives from a seed; says what came of them
 *	vmm [--time SECONDS] SERVICE changes	contracts, as fast as it can
 *	vmm SERVICE rings|memory|messages|ioctls	one kind of hazard after the other
 *	vmm SERVICE endings		every way to end, in every state of the protocol
 *	vmm SERVICE limits WHICH	processes|memory: within what the VMM is allowed
 *	vmm SERVICE nowhere		a bad address, again and again: the log is to hint at it
 *	vmm SERVICE serve		a good one: a contract, and I/O until its input ends
 *	vmm SERVICE silent		a contract, and no word after that until its input ends
 *	vmm SERVICE starve		a sound card whose frames come too late; stays in each state
 *					until it can read a byte
 *	vmm SERVICE unasked		an input device tells nothing before there is a contract
 *	vmm SERVICE write		all of its disk, in odd pieces
 *	vmm SERVICE fuse		its RAM is on a FUSE file whose daemon has stopped; likewise
 *
 * Ends with 0 if the host has done right by it.  That the host and its other clients are
 * well is for others to see.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "vs_input.h"
#include "vmm.h"

#define WELL_MS		10000	/* a device that takes longer is stuck */

struct counts *counts;
static u64 state;

void die(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "vmm: ");
	va_start(arguments, format);
	errno = error;
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	_exit(1);
}

/* splitmix64 */
u64 random64(void)
{
	u64 z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void random_seed(u64 seed)
{
	state = seed;
}

u32 below(u32 end)
{
	return end ? random64() % end : 0;
}

bool one_in(u32 n)
{
	return !below(n);
}

void fill_random(void *bytes, size_t length)
{
	u8 *at = bytes;

	while (length--)
		*at++ = random64();
}

u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

static void need_contract(struct device *device)
{
	for (int i = 0; i < 100 && !message_contract(device); i++)
		sleep_ms(100);
	if (!device->contract)
		die("%s: no contract any more", device->service);
}

/* Good requests, which come back. */
static void one_round(struct device *device)
{
	struct queue *queue = push_round(device, false);

	while (queue->under_way) {
		if (!ring_wait(queue, WELL_MS))
			die("%s: %u requests do not come back", device->service, queue->under_way);
		reap(device);
	}
}

/* What has to be true of the device again, whatever was done to it: good requests are done. */
void check_well(struct device *device)
{
	u64 before = counts->executed + counts->returned;

	need_contract(device);
	if (!device->spec->queues)
		return;
	reap(device);
	one_round(device);
	if (counts->executed + counts->returned == before)
		die("%s: no request is executed", device->service);
}

static void start_again(struct device *device)
{
	device_reset(device);
	memory_restore(device->fd);
	device_read_config(device);
	device_start(device);
}

/* Does the queue wait for something to come from the host? */
static bool receives(const struct device *device, unsigned int queue)
{
	if (queue < VS_CHANNEL_QUEUE_DATA)
		return false;
	queue -= VS_CHANNEL_QUEUE_DATA;
	return (device->class == VS_CLASS_NETWORK && !(queue % 2)) ||
	       (device->class == VS_CLASS_INPUT && queue == VS_INPUT_QUEUE_EVENTS);
}

/* The queue has nothing before what breaks it, and the device looks at it. */
static void get_ready(struct device *device, unsigned int queue)
{
	if (receives(device, queue))
		need_contract(device);
	else if (queue != VS_CHANNEL_QUEUE_CALL)
		check_well(device);
}

/* Of what a guest receives, only pairs that frames come for. */
static bool is_looked_at(struct device *device, unsigned int queue)
{
	unsigned int number = queue - VS_CHANNEL_QUEUE_DATA;

	return device->class != VS_CLASS_NETWORK || queue < VS_CHANNEL_QUEUE_DATA ||
	       number % 2 || number / 2 < network_pairs(device);
}

/* Each way to break a ring, on each queue. */
static void rings(struct device *device)
{
	unsigned int noticed = 0, tried = 0;

	device_run(device);
	for (unsigned int i = 0; i < device->queues; i++)
		for (unsigned int how = 0; ring_hazard(how); how++) {
			u64 before;
			bool must;

			get_ready(device, i);
			before = device_counter(device, "ring_errors");
			must = ring_break(device, &device->queue[i], how) &&
			       is_looked_at(device, i);
			if (device->class == VS_CLASS_INPUT && receives(device, i))
				input_post(device);
			for (int wait = 0; wait < 500; wait++) {
				if (device->class == VS_CLASS_NETWORK)
					network_receive(device);
				else if (device->class == VS_CLASS_INPUT)
					input_type(device);
				if (!must || device_counter(device, "ring_errors") > before)
					break;
				sleep_ms(2);
			}
			tried++;
			noticed += device_counter(device, "ring_errors") > before;
			if (must && device_counter(device, "ring_errors") == before)
				die("%s: virtqueue %u: %s is not noticed", device->service, i,
				    ring_hazard(how));
			start_again(device);
		}
	check_well(device);
	memory_check();
	printf("%u bad rings, %u noticed\n", tried, noticed);
}

static void memory(struct device *device)
{
	device_run(device);
	for (unsigned int i = 0; i < 400; i++) {
		if (!device->contract)
			check_well(device);
		push_round(device, true);
		memory_change(device->fd);
		reap(device);
		ring_wait(push_round(device, true), 5);
		reap(device);
		memory_restore(device->fd);
	}
	start_again(device);
	check_well(device);
	memory_check();
	printf("%llu changes of memory\n", (unsigned long long)counts->changes);
}

static void messages(struct device *device)
{
	device_run(device);
	for (unsigned int i = 0; i < 1000; i++) {
		if (one_in(20))
			message_contract(device);
		if (one_in(50))
			start_again(device);
		if (one_in(10))
			message_unanswered(device);
		message_random(device);
		push_round(device, false);
		reap(device);
	}
	start_again(device);
	check_well(device);
	memory_check();
	printf("%llu messages, %llu answered\n", (unsigned long long)counts->messages,
	       (unsigned long long)counts->answered);
}

static void ioctls(struct device *device)
{
	device_run(device);
	for (unsigned int i = 0; i < 200; i++) {
		if (one_in(2)) {
			message_contract(device);
			push_round(device, true);
		}
		device_chaos(device, 1 + below(60));
		if (one_in(4)) {
			device_close(device);
			device_open(device);
			if (one_in(2))
				device_chaos(device, 1 + below(60));
			device_close(device);
			device_run(device);
		} else {
			start_again(device);
		}
	}
	check_well(device);
	memory_check();
	printf("%llu ioctls\n", (unsigned long long)counts->chaos);
}

static void nowhere(struct device *device)
{
	for (unsigned int i = 0; i < 20; i++) {
		device_run(device);
		message_from_nowhere(device);
		device_close(device);
	}
}

static void until_input_ends(void)
{
	char byte;

	printf("serving\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void serve(struct device *device)
{
	device_run(device);
	check_well(device);
	until_input_ends();
	check_well(device);
	device_stop(device);
}

static void silent(struct device *device)
{
	device_run(device);
	need_contract(device);
	until_input_ends();
	device_stop(device);
}

static void stay(const char *state)
{
	char byte;

	printf("%s\n", state);
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) != 1)
		die("nobody says how to go on after \"%s\"", state);
}

static void starve(struct device *device)
{
	device_run(device);
	need_contract(device);
	audio_starve(device, stay);
	device_stop(device);
}

static void unasked(struct device *device)
{
	device_run(device);
	one_round(device);
	if (counts->told)
		die("%s: %llu queries are answered without a contract", device->service,
		    (unsigned long long)counts->told);
	check_well(device);
	if (!counts->told)
		die("%s: no query is answered", device->service);
}

static void write_all(struct device *device)
{
	device_run(device);
	need_contract(device);
	storage_write_all(device);
	device_stop(device);
}

static const struct {
	const char *name;
	void (*run)(struct device *device);
} commands[] = {
	{ "rings", rings },
	{ "memory", memory },
	{ "messages", messages },
	{ "ioctls", ioctls },
	{ "endings", endings },
	{ "nowhere", nowhere },
	{ "serve", serve },
	{ "silent", silent },
	{ "starve", starve },
	{ "unasked", unasked },
	{ "fuse", fuse },
	{ "write", write_all },
};

static u64 number(const char *text, const char *what)
{
	char *end;
	u64 value = strtoull(text, &end, 0);

	if (!*text || *end)
		die("%s: '%s' is no number", what, text);
	return value;
}

int main(int argc, char **argv)
{
	static struct device device;
	unsigned int seconds = 10;
	u64 seed = 0;

	if (argc == 3 && !strcmp(argv[1], "--hold"))
		return hold_after_exec(number(argv[2], "--hold"));
	for (; argc > 2 && !strncmp(argv[1], "--", 2); argc -= 2, argv += 2) {
		if (!strcmp(argv[1], "--seed"))
			seed = number(argv[2], "--seed");
		else if (!strcmp(argv[1], "--time"))
			seconds = number(argv[2], "--time");
		else
			die("unknown option %s (see the head of tests/vmm/vmm.c)", argv[1]);
	}
	if (argc < 3)
		die("which service, and what? (see the head of tests/vmm/vmm.c)");
	if (!seed && getrandom(&seed, 4, 0) != 4)
		die("getrandom: %m");
	printf("vmm: %s %s: seed %llu\n", argv[1], argv[2], (unsigned long long)seed);
	fflush(stdout);
	random_seed(seed);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (counts == MAP_FAILED)
		die("mmap: %m");
	memory_init();
	device_find(&device, argv[1]);
	if (!strcmp(argv[2], "fuzz")) {
		fuzz(&device, seed, seconds);
		return 0;
	}
	if (!strcmp(argv[2], "changes")) {
		changes(&device, seconds);
		return 0;
	}
	if (!strcmp(argv[2], "limits") && argc == 4) {
		limits(&device, argv[3]);
		return 0;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[2], commands[i].name))
			continue;
		commands[i].run(&device);
		return 0;
	}
	die("no such command: %s (see the head of tests/vmm/vmm.c)", argv[2]);
}
