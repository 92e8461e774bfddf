// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a key of the host takes to be an event of a guest, by the kernels' own times.
 *
 * delay --serve PORT DEVICE: in the guest: sends the time of each key that is pressed on DEVICE to
 *	whom connects to this port of vsock; what that sends is answered with the time.
 * delay NAME: in the host: a keyboard of this name, until standard input ends. For each line of
 *	it, "CID PORT COUNT", a key of it is pressed so often, and for each press the delay is
 *	printed, in us.
 *
 * The two clocks are compared before every SYNC presses: the exchange that was fastest tells what
 * the one shows while the other one shows the middle of it.  What that is off is the same for all
 * devices of the guest, and half the time of the exchange at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/uinput.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SYNC		20	/* presses between two comparisons of the clocks */
#define EXCHANGES	50	/* of one comparison */
#define TIMEOUT		5000	/* ms for an answer */

static void fail(const char *what)
{
	fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int vsock(unsigned int cid, unsigned int port, struct sockaddr_vm *address)
{
	int file = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (file < 0)
		fail("vsock");
	*address = (struct sockaddr_vm){
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};
	return file;
}

/* ---- In the guest ---- */

static void tell(int connection, long long time)
{
	if (write(connection, &time, sizeof(time)) != sizeof(time))
		fail("write");
}

static void tell_press(int connection, int device)
{
	struct input_event event;

	if (read(device, &event, sizeof(event)) != sizeof(event))
		fail("read");
	if (event.type == EV_KEY && event.value == 1)
		tell(connection, event.input_event_sec * 1000000000LL +
				 event.input_event_usec * 1000LL);
}

static void serve_one(int connection, int device)
{
	struct pollfd file[] = {
		{ .fd = connection, .events = POLLIN },
		{ .fd = device, .events = POLLIN },
	};
	char byte;

	while (poll(file, 2, -1) > 0) {
		if (file[0].revents && read(connection, &byte, 1) != 1)
			return;
		if (file[0].revents)
			tell(connection, now());
		if (file[1].revents)
			tell_press(connection, device);
	}
}

static void serve(unsigned int port, const char *path)
{
	int device = open(path, O_RDONLY), clock = CLOCK_MONOTONIC, listener, connection;
	struct sockaddr_vm address;

	if (device < 0 || ioctl(device, EVIOCSCLOCKID, &clock))
		fail(path);
	listener = vsock(VMADDR_CID_ANY, port, &address);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		fail("listen");
	while ((connection = accept(listener, NULL, NULL)) >= 0) {
		serve_one(connection, device);
		close(connection);
	}
	fail("accept");
}

/* ---- In the host ---- */

static int keyboard(const char *name)
{
	struct uinput_setup setup = { .id = { .bustype = BUS_VIRTUAL } };
	int device = open("/dev/uinput", O_WRONLY);

	if (device < 0)
		fail("/dev/uinput");
	snprintf(setup.name, sizeof(setup.name), "%s", name);
	ioctl(device, UI_SET_EVBIT, EV_KEY);
	for (int code = KEY_ESC; code <= KEY_F12; code++)
		ioctl(device, UI_SET_KEYBIT, code);
	if (ioctl(device, UI_DEV_SETUP, &setup) || ioctl(device, UI_DEV_CREATE))
		fail("uinput");
	return device;
}

static long long hear(int connection)
{
	struct pollfd file = { .fd = connection, .events = POLLIN };
	long long time;

	errno = ETIMEDOUT;
	if (poll(&file, 1, TIMEOUT) <= 0 ||
	    recv(connection, &time, sizeof(time), MSG_WAITALL) != sizeof(time))
		fail("no answer of the guest");
	return time;
}

/* Return: what the guest's clock shows more than ours, ns. */
static long long compare(int connection)
{
	long long best = LLONG_MAX, offset = 0;

	for (int i = 0; i < EXCHANGES; i++) {
		long long start = now(), theirs, end;

		if (write(connection, "", 1) != 1)
			fail("write");
		theirs = hear(connection);
		end = now();
		if (end - start >= best)
			continue;
		best = end - start;
		offset = theirs - start - best / 2;
	}
	fprintf(stderr, "clocks: within %.1f us\n", best / 2e3);
	return offset;
}

static void key(int device, int value)
{
	struct input_event event[] = {
		{ .type = EV_KEY, .code = KEY_A, .value = value },
		{ .type = EV_SYN, .code = SYN_REPORT },
	};

	if (write(device, event, sizeof(event)) != sizeof(event))
		fail("write");
}

static void press(int device, int connection, unsigned int count)
{
	long long offset = 0, start;

	for (unsigned int i = 0; i < count; i++) {
		if (i % SYNC == 0)
			offset = compare(connection);
		usleep(2000 + random() % 4000);
		start = now();
		key(device, 1);
		printf("%.1f\n", (hear(connection) - offset - start) / 1e3);
		key(device, 0);
	}
}

static void measure(int device, unsigned int cid, unsigned int port, unsigned int count)
{
	struct sockaddr_vm address;
	int connection = vsock(cid, port, &address);

	if (connect(connection, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	press(device, connection, count);
	close(connection);
	printf("end\n");
}

int main(int argc, char **argv)
{
	unsigned int cid, port, count;
	int device;

	if (argc == 4 && !strcmp(argv[1], "--serve"))
		serve(strtoul(argv[2], NULL, 0), argv[3]);
	if (argc != 2)
		return 2;
	setlinebuf(stdout);
	device = keyboard(argv[1]);
	while (scanf("%u %u %u", &cid, &port, &count) == 3)
		measure(device, cid, port, count);
	return 0;
}
