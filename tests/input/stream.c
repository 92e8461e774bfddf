// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of an input device that knows what has to come.
 *
 * stream --reports N --push FILE [--from N] DEVICE: reads so many reports from DEVICE; each has
 *	to be the next one of those that tests/modules/input_host.c sends, complete and in order.
 *	FILE is told how many may be sent, so that no more than WINDOW are on their way. Prints
 *	how many events came, and in what time.
 * stream --keys DEVICE: prints each key that is pressed or released, until DEVICE goes.
 * stream --led CODE=VALUE DEVICE: sets a LED.
 * stream --lit DEVICE: prints which LEDs are on.
 * stream --led-flood COUNT DEVICE: sets LEDs as fast as that goes; LED 0 is on at the end.
 * stream --repeat DELAY,PERIOD DEVICE: sets how keys repeat.
 * stream --caps DEVICE: prints name, phys, uniq, ids and what it can.
 * stream --source FIFO DEVICE: makes an input device of the host by DEVICE, which is uinput,
 *	and has it send those reports, up to the number that FIFO says last.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/input.h>
#include <linux/uinput.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define WINDOW	100

static void fail(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void wrong(unsigned int report, const struct input_event *event)
{
	fprintf(stderr, "stream: report %u: type %u code %u value %d is not what was sent\n",
		report, event->type, event->code, event->value);
	exit(1);
}

static void push(const char *path, unsigned int count)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || dprintf(file, "%u\n", count) < 0)
		fail(path);
	close(file);
}

/* The event of report n, as input_host.c makes it. */
static bool is_event(unsigned int n, const struct input_event *event)
{
	if (n % 2)
		return event->type == EV_KEY && event->code == KEY_Q + n / 4 % 10 &&
		       event->value == (n / 2 % 2 ? 0 : 1);
	return event->type == EV_REL && event->code == REL_X &&
	       event->value == (int)(1 + n % 100);
}

static void next_event(int device, struct input_event *event)
{
	static struct input_event buffer[256];
	static size_t at, count;

	while (at == count) {
		ssize_t bytes = read(device, buffer, sizeof(buffer));

		if (bytes <= 0)
			fail("read");
		at = 0;
		count = bytes / sizeof(buffer[0]);
	}
	*event = buffer[at++];
}

static void one_report(int device, unsigned int n)
{
	struct input_event event;

	/* Keys that are held repeat by themselves, each in a report of its own. */
	do {
		next_event(device, &event);
		if (event.type == EV_KEY && event.value == 2) {
			next_event(device, &event);
			if (event.type != EV_SYN)
				wrong(n, &event);
			event.type = EV_MAX;
		}
	} while (event.type == EV_MAX);
	if (!is_event(n, &event))
		wrong(n, &event);
	next_event(device, &event);
	if (event.type != EV_SYN || event.code != SYN_REPORT)
		wrong(n, &event);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void reports(int device, unsigned int from, unsigned int count, const char *path)
{
	unsigned int end = from + count;
	double start = now();

	for (unsigned int n = from; n < end; n++) {
		if ((n - from) % (WINDOW / 2) == 0)
			push(path, n + WINDOW < end ? n + WINDOW : end);
		one_report(device, n);
	}
	printf("%u in order, %.0f a second\n", count, count / (now() - start));
}

static void keys(int device)
{
	struct input_event event;

	/* From here on nothing is missed. */
	printf("open\n");
	fflush(stdout);
	while (read(device, &event, sizeof(event)) == sizeof(event)) {
		if (event.type == EV_KEY)
			printf("%u %d\n", event.code, event.value);
		fflush(stdout);
	}
}

static void send_event(int device, unsigned int type, unsigned int code, int value)
{
	struct input_event event = { .type = type, .code = code, .value = value };

	if (write(device, &event, sizeof(event)) != sizeof(event))
		fail("write");
}

static void set_led(int device, unsigned int code, int value)
{
	send_event(device, EV_LED, code, value);
	send_event(device, EV_SYN, SYN_REPORT, 0);
}

/* A keyboard and mouse in one. */
static void make_source(int device)
{
	struct uinput_setup setup = {
		.id = { .bustype = BUS_USB, .vendor = 0x1234, .product = 0x5678, .version = 0x9a },
		.name = "t-source",
	};

	ioctl(device, UI_SET_EVBIT, EV_KEY);
	ioctl(device, UI_SET_EVBIT, EV_REL);
	ioctl(device, UI_SET_EVBIT, EV_LED);
	for (unsigned int code = KEY_ESC; code <= KEY_KPDOT; code++)
		ioctl(device, UI_SET_KEYBIT, code);
	ioctl(device, UI_SET_KEYBIT, BTN_LEFT);
	ioctl(device, UI_SET_RELBIT, REL_X);
	ioctl(device, UI_SET_RELBIT, REL_Y);
	for (unsigned int code = LED_NUML; code <= LED_SCROLLL; code++)
		ioctl(device, UI_SET_LEDBIT, code);
	if (ioctl(device, UI_DEV_SETUP, &setup) < 0 || ioctl(device, UI_DEV_CREATE) < 0)
		fail("uinput");
}

/* Report n, as input_host.c makes it. */
static void send_report(int device, unsigned int n)
{
	if (n % 2)
		send_event(device, EV_KEY, KEY_Q + n / 4 % 10, n / 2 % 2 ? 0 : 1);
	else
		send_event(device, EV_REL, REL_X, 1 + n % 100);
	send_event(device, EV_SYN, SYN_REPORT, 0);
}

static void source(int device, const char *path)
{
	/* For reading and writing: it has no end when a writer goes. */
	FILE *fifo = fopen(path, "r+");
	unsigned int sent = 0, until;
	char line[32];

	if (!fifo)
		fail(path);
	make_source(device);
	while (fgets(line, sizeof(line), fifo))
		for (until = strtoul(line, NULL, 0); sent < until; sent++)
			send_report(device, sent);
}

static void set_repeat(int device, int delay, int period)
{
	send_event(device, EV_REP, REP_DELAY, delay);
	send_event(device, EV_REP, REP_PERIOD, period);
	send_event(device, EV_SYN, SYN_REPORT, 0);
}

static void led_flood(int device, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		send_event(device, EV_LED, i % 3, i / 3 % 2);
	send_event(device, EV_LED, 0, 0);
	send_event(device, EV_LED, 0, 1);
	send_event(device, EV_SYN, SYN_REPORT, 0);
}

static void bits(int device, const char *name, unsigned int type, unsigned int count)
{
	unsigned char map[KEY_CNT / 8 + 1] = { 0 };

	if (ioctl(device, EVIOCGBIT(type, sizeof(map)), map) < 0)
		return;
	printf("%s", name);
	for (unsigned int i = 0; i < count; i++)
		if (map[i / 8] & 1 << i % 8)
			printf(" %u", i);
	printf("\n");
}

static void caps(int device)
{
	char text[256] = "";
	struct input_id id;

	if (ioctl(device, EVIOCGNAME(sizeof(text)), text) >= 0)
		printf("name %s\n", text);
	if (ioctl(device, EVIOCGPHYS(sizeof(text)), text) >= 0)
		printf("phys %s\n", text);
	if (ioctl(device, EVIOCGUNIQ(sizeof(text)), text) >= 0)
		printf("uniq %s\n", text);
	if (ioctl(device, EVIOCGID, &id) >= 0)
		printf("id %04x:%04x:%04x:%04x\n", id.bustype, id.vendor, id.product, id.version);
	bits(device, "types", 0, EV_CNT);
	bits(device, "keys", EV_KEY, KEY_CNT);
	bits(device, "rel", EV_REL, REL_CNT);
	bits(device, "abs", EV_ABS, ABS_CNT);
	bits(device, "leds", EV_LED, LED_CNT);
}

static void lit(int device)
{
	unsigned char map[LED_CNT / 8 + 1] = { 0 };

	if (ioctl(device, EVIOCGLED(sizeof(map)), map) < 0)
		fail("EVIOCGLED");
	printf("lit");
	for (unsigned int i = 0; i < LED_CNT; i++)
		if (map[i / 8] & 1 << i % 8)
			printf(" %u", i);
	printf("\n");
}

static const struct option options[] = {
	{ "reports", required_argument, NULL, 'n' },
	{ "from", required_argument, NULL, 'f' },
	{ "push", required_argument, NULL, 'p' },
	{ "keys", no_argument, NULL, 'k' },
	{ "caps", no_argument, NULL, 'c' },
	{ "source", required_argument, NULL, 's' },
	{ "led", required_argument, NULL, 'l' },
	{ "lit", no_argument, NULL, 'i' },
	{ "led-flood", required_argument, NULL, 'L' },
	{ "repeat", required_argument, NULL, 'r' },
	{ }
};

int main(int argc, char **argv)
{
	unsigned int from = 0, count = 0, code, value;
	const char *path = NULL, *argument = NULL;
	int option, device, what = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			from = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			path = optarg;
			break;
		case '?':
			return 2;
		default:
			what = option;
			argument = optarg;
		}
	}
	device = optind < argc ? open(argv[optind], O_RDWR) : -1;
	if (device < 0)
		fail("open");
	if (argument)
		count = strtoul(argument, NULL, 0);
	if (what == 'n' && path)
		reports(device, from, count, path);
	else if (what == 'k')
		keys(device);
	else if (what == 's')
		source(device, argument);
	else if (what == 'c')
		caps(device);
	else if (what == 'i')
		lit(device);
	else if (what == 'L')
		led_flood(device, count);
	else if (what == 'l' && sscanf(argument, "%u=%u", &code, &value) == 2)
		set_led(device, code, value);
	else if (what == 'r' && sscanf(argument, "%u,%u", &code, &value) == 2)
		set_repeat(device, code, value);
	else
		return 2;
	return 0;
}
