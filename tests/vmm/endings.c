// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a VMM can end, in every state of the protocol; and within what it is allowed.  Each is
 * a process of its own, and after each of them the device has to be there for the next one.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

#define NOBODY		65534
#define PROCESSES_MAX	40	/* a device has fewer movers */

/* ---- How far it has come ---- */

static void opened(struct device *device)
{
	device_open(device);
}

static void owned(struct device *device)
{
	device_open(device);
	if (device_own(device))
		die("VHOST_SET_OWNER: %m");
}

static void set_up(struct device *device)
{
	device_open(device);
	device_init(device);
	device_read_config(device);
}

static void asked(struct device *device)
{
	device_run(device);
	message_unanswered(device);
}

static void initialized(struct device *device)
{
	device_run(device);
	message_initialize(device);
}

static void granted(struct device *device)
{
	initialized(device);
	message_ask(device);
}

static void running(struct device *device)
{
	device_run(device);
	for (int i = 0; i < 100 && !message_contract(device); i++)
		sleep_ms(100);
	if (!device->contract)
		die("%s: no contract any more", device->service);
}

static void in_flight(struct device *device)
{
	running(device);
	push_round(device, false);
}

static void suspended(struct device *device)
{
	in_flight(device);
	ioctl(device->fd, VHOST_VDPA_SUSPEND);
}

static void broken(struct device *device)
{
	in_flight(device);
	ring_break(device, data_queue(device, 0), 0);
	ring_break(device, &device->queue[VS_CHANNEL_QUEUE_MESSAGE], 0);
}

static void without_memory(struct device *device)
{
	in_flight(device);
	for (int i = 0; i < AREAS; i++)
		memory_unmap(device->fd, i);
	push_round(device, true);
}

static const struct {
	const char *name;
	void (*reach)(struct device *device);
} states[] = {
	{ "opened", opened },
	{ "owned", owned },
	{ "set up", set_up },
	{ "DRIVER_OK", device_run },
	{ "asked", asked },
	{ "initialized", initialized },
	{ "granted", granted },
	{ "running", running },
	{ "requests in flight", in_flight },
	{ "suspended", suspended },
	{ "broken rings", broken },
	{ "without memory", without_memory },
};

/* ---- How it ends. What returns, exits ---- */

static void closes(struct device *device)
{
	close(device->fd);
}

static void stays(struct device *device)
{
	for (;;)
		pause();
}

static void execs(struct device *device)
{
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", device->fd);
	execl("/proc/self/exe", "vmm", "--hold", fd, NULL);
	die("exec: %m");
}

/* The other process has the device, but not the memory. */
static void forks(struct device *device)
{
	if (fork())
		return;
	_exit(hold_after_exec(device->fd));
}

static void *ioctls(void *argument)
{
	struct device *device = argument;

	if (!device->queues) {
		device->queues = 1;
		ring_init(device, 0);
	}
	for (;;)
		device_one_ioctl(device);
	return NULL;
}

static void start_thread(struct device *device)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ioctls, device))
		die("pthread_create: %m");
	sleep_ms(1 + below(10));
}

static void exits_beside_a_thread(struct device *device)
{
	start_thread(device);
}

static void closes_beside_a_thread(struct device *device)
{
	int fd = device->fd;

	start_thread(device);
	close(fd);
	sleep_ms(1 + below(10));
}

static void execs_beside_a_thread(struct device *device)
{
	start_thread(device);
	execs(device);
}

static void stays_beside_a_thread(struct device *device)
{
	start_thread(device);
	stays(device);
}

enum signals { NONE, KILL, STOP_KILL, STOP_CONT_KILL };

static const struct {
	const char *name;
	void (*end)(struct device *device);
	enum signals signals;
} ends[] = {
	{ "exits", NULL, NONE },
	{ "closes", closes, NONE },
	{ "is killed", stays, KILL },
	{ "is stopped and killed", stays, STOP_KILL },
	{ "is stopped, goes on and is killed", stays, STOP_CONT_KILL },
	{ "execs", execs, NONE },
	{ "forks", forks, NONE },
	{ "exits beside a thread", exits_beside_a_thread, NONE },
	{ "closes beside a thread", closes_beside_a_thread, NONE },
	{ "execs beside a thread", execs_beside_a_thread, NONE },
	{ "is killed beside a thread", stays_beside_a_thread, KILL },
};

/* Another process, or program, that has the device of one that is gone. */
int hold_after_exec(int fd)
{
	struct vhost_vring_state state = {};
	u8 status;

	sleep_ms(10);
	ioctl(fd, VHOST_VDPA_GET_STATUS, &status);
	ioctl(fd, VHOST_SET_OWNER);
	ioctl(fd, VHOST_VDPA_SUSPEND);
	ioctl(fd, VHOST_GET_VRING_BASE, &state);
	ioctl(fd, VHOST_VDPA_SET_VRING_ENABLE, &state);
	status = 0;
	ioctl(fd, VHOST_VDPA_SET_STATUS, &status);
	return 0;
}

static void send_signals(pid_t life, enum signals signals)
{
	if (signals == STOP_KILL || signals == STOP_CONT_KILL) {
		kill(life, SIGSTOP);
		sleep_ms(30);
	}
	if (signals == STOP_CONT_KILL) {
		kill(life, SIGCONT);
		sleep_ms(5);
	}
	if (signals != NONE)
		kill(life, SIGKILL);
}

static void one_ending(struct device *device, unsigned int from, unsigned int how)
{
	int ready[2], status;
	pid_t life;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		die("pipe: %m");
	fflush(stdout);
	life = fork();
	if (life < 0)
		die("fork: %m");
	if (!life) {
		states[from].reach(device);
		if (write(ready[1], "", 1) != 1)
			die("write: %m");
		if (ends[how].end)
			ends[how].end(device);
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("%s, %s: does not get there", states[from].name, ends[how].name);
	send_signals(life, ends[how].signals);
	close(ready[0]);
	if (waitpid(life, &status, 0) != life)
		die("waitpid: %m");
	if (WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) != SIGKILL)
		die("%s, %s: ends with %#x", states[from].name, ends[how].name, status);
}

void endings(struct device *device)
{
	unsigned int count = 0;

	for (unsigned int from = 0; from < ARRAY_SIZE(states); from++)
		for (unsigned int how = 0; how < ARRAY_SIZE(ends); how++, count++)
			one_ending(device, from, how);
	running(device);
	push_round(device, false);
	device_stop(device);
	memory_check();
	printf("%u endings\n", count);
}

/* ---- Limits of the VMM ---- */

typedef void (*limit_fn)(const char *where, unsigned int most);

static void become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		die("setresuid: %m");
}

static void limit_processes(const char *where, unsigned int most)
{
	struct rlimit limit = { most, most };

	if (setrlimit(RLIMIT_NPROC, &limit))
		die("RLIMIT_NPROC: %m");
	become_nobody();
}

static void write_file(const char *dir, const char *name, unsigned int value)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file || fprintf(file, "%u\n", value) < 0 || fclose(file))
		die("%s: %m", path);
}

static void limit_pids(const char *where, unsigned int most)
{
	write_file(where, "cgroup.procs", getpid());
	write_file(where, "pids.max", most);
}

/* Returns the errno of SET_OWNER, in a process that may have so many threads. */
static int own_within(struct device *device, limit_fn limit, const char *where, unsigned int most)
{
	int status;
	pid_t life = fork();

	if (life < 0)
		die("fork: %m");
	if (!life) {
		device_open(device);
		limit(where, most);
		_exit(device_own(device));
	}
	if (waitpid(life, &status, 0) != life || !WIFEXITED(status))
		die("within %u: ends with %#x", most, status);
	return WEXITSTATUS(status);
}

/* One more at a time, so that each of the movers is the one that cannot be made. */
static void few_threads(struct device *device, limit_fn limit, const char *where)
{
	unsigned int most, refused = 0;
	int error = EAGAIN;

	for (most = 1; most < PROCESSES_MAX && error; most++) {
		error = own_within(device, limit, where, most);
		refused += error == EAGAIN;
		if (error && error != EAGAIN)
			die("with %u processes: VHOST_SET_OWNER: %s", most, strerror(error));
	}
	if (error || !refused)
		die("with %u processes: refused %u times, at last %d", most, refused, error);
	printf("refused %u times\n", refused);
}

/* Nothing is pinned for long, so nothing may be locked. */
static void no_memory(struct device *device)
{
	struct rlimit limit = { 0, 0 };

	device_open(device);
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		die("RLIMIT_MEMLOCK: %m");
	device_init(device);
	device_read_config(device);
	if (device->class == VS_CLASS_NETWORK)
		network_receive(device);	/* opens what nobody may not */
	if (device->class == VS_CLASS_INPUT)
		input_type(device);		/* likewise */
	become_nobody();
	device_start(device);
	for (int i = 0; i < 100 && !message_contract(device); i++)
		sleep_ms(100);
	for (int i = 0; i < 50; i++) {
		ring_wait(push_round(device, false), 1000);
		reap(device);
	}
	if (!counts->executed && !counts->returned)
		die("%s: nothing comes back", device->service);
	device_close(device);
}

void limits(struct device *device, const char *which)
{
	if (!strcmp(which, "processes"))
		few_threads(device, limit_processes, NULL);
	else if (!strcmp(which, "memory"))
		no_memory(device);
	else if (which[0] == '/')	/* a cgroup of its own */
		few_threads(device, limit_pids, which);
	else
		die("limits: %s? (see the head of tests/vmm/vmm.c)", which);
}
