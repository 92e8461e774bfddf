// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader of an input device that knows what has to come.
 *
 * stream --reports N --push FILE [--from N] [--gone] DEVICE: reads so many reports from DEVICE;
 *	each has to be the next one of those that tests/modules/input_host.c sends, complete and
 *	in order. FILE is told how many may be sent, so that no more than WINDOW are on their way.
 *	Prints how many came, and in what time. With --gone DEVICE has to go before they are
 *	there, and to release what is held on it.
 * stream --keys DEVICE: prints each key that is pressed or released, until DEVICE goes.
 * stream --events DEVICE: prints each report as a line of TYPE CODE VALUE, until DEVICE goes.
 * stream --led CODE=VALUE DEVICE: sets a LED.
 * stream --lit DEVICE: prints which LEDs are on.
 * stream --led-flood COUNT DEVICE: sets LEDs as fast as that goes; LED 0 is on at the end.
 * stream --repeat DELAY,PERIOD DEVICE: sets how keys repeat.
 * stream --caps DEVICE: prints name, phys, uniq, ids, what it can,
 *	ranges of axes, and how keys repeat.
 * stream --source FIFO DEVICE: makes an input device of the host by DEVICE, which is uinput,
 *	and has it send those reports, up to the number that FIFO says last.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/input.h>
#include <linux/uinput.h>
#include <signal.h>
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

/* A source that is gone needs no push. */
static void push(const char *path, unsigned int count)
{
	int file = open(path, O_WRONLY | O_NONBLOCK);

	if (file < 0 && errno == ENXIO)
		return;
	if (file < 0 || (dprintf(file, "%u\n", count) < 0 && errno != EPIPE))
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

/* Return: false: the device has gone. */
static bool next_event(int device, struct input_event *event)
{
	static struct input_event buffer[256];
	static size_t at, count;

	while (at == count) {
		ssize_t bytes = read(device, buffer, sizeof(buffer));

		if (bytes < 0 && errno == ENODEV)
			return false;
		if (bytes <= 0)
			fail("read");
		at = 0;
		count = bytes / sizeof(buffer[0]);
	}
	*event = buffer[at++];
	return true;
}

/* The first event of the next report that is not a key that repeats by itself. */
static bool next_report(int device, unsigned int n, struct input_event *event)
{
	bool there = next_event(device, event);

	while (there && event->type == EV_KEY && event->value == 2) {
		there = next_event(device, event);
		if (there && event->type != EV_SYN)
			wrong(n, event);
		there = there && next_event(device, event);
	}
	return there;
}

/* Return: false: the device has gone, or @event is one of it that goes. */
static bool one_report(int device, unsigned int n, struct input_event *event)
{
	bool there = next_report(device, n, event);

	if (there && !is_event(n, event))
		return false;
	there = there && next_event(device, event);
	if (!there)
		event->type = EV_MAX;
	return there && event->type == EV_SYN && event->code == SYN_REPORT;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static unsigned int pressed_by(unsigned int n)
{
	return n % 2 && n / 2 % 2 == 0 ? KEY_Q + n / 4 % 10 : 0;
}

/*
 * @event comes in place of report @n, or in it: what is held is released, and then the device goes.
 * A report whose end was never sent goes with it.
 */
static void ends(int device, unsigned int n, struct input_event *event)
{
	unsigned int held = pressed_by(n % 2 ? n - 2 : n - 1), half = pressed_by(n);

	while (event->type != EV_MAX) {
		if (event->type == EV_KEY && !event->value && event->code == held)
			held = 0;
		else if (event->type != EV_SYN &&
			 (event->type != EV_KEY || event->value || event->code != half))
			wrong(n, event);
		if (!next_event(device, event))
			break;
	}
	if (held) {
		fprintf(stderr, "stream: key %u is still held\n", held);
		exit(1);
	}
}

static void reports(int device, unsigned int from, unsigned int count, const char *path,
		    bool gone)
{
	unsigned int end = from + count, n;
	struct input_event event;
	double start = now();

	for (n = from; n < end; n++) {
		if ((n - from) % (WINDOW / 2) == 0)
			push(path, n + WINDOW < end ? n + WINDOW : end);
		if (!one_report(device, n, &event))
			break;
	}
	if (gone && n < end)
		ends(device, n, &event);
	else if (gone || n < end)
		wrong(n, &event);
	printf("%u in order, %.0f a second\n", n - from, (n - from) / (now() - start));
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

static void events(int device)
{
	struct input_event event;

	printf("open\n");
	fflush(stdout);
	while (read(device, &event, sizeof(event)) == sizeof(event)) {
		if (event.type != EV_SYN)
			printf("%u %u %d ", event.type, event.code, event.value);
		else
			printf("%s\n", event.code == SYN_DROPPED ? "dropped" : "");
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

static void axes(int device)
{
	struct input_absinfo axis;

	for (unsigned int code = 0; code < ABS_CNT; code++)
		if (ioctl(device, EVIOCGABS(code), &axis) >= 0 && axis.maximum)
			printf("axis %u %d %d\n", code, axis.minimum, axis.maximum);
}

static void caps(int device)
{
	unsigned int repeat[REP_CNT];
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
	axes(device);
	if (ioctl(device, EVIOCGREP, repeat) >= 0)
		printf("repeat %u %u\n", repeat[REP_DELAY], repeat[REP_PERIOD]);
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
	{ "gone", no_argument, NULL, 'g' },
	{ "keys", no_argument, NULL, 'k' },
	{ "events", no_argument, NULL, 'e' },
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
	bool gone = false;

	/* of a source that is killed while it is pushed */
	signal(SIGPIPE, SIG_IGN);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			from = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			path = optarg;
			break;
		case 'g':
			gone = true;
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
		reports(device, from, count, path, gone);
	else if (what == 'k')
		keys(device);
	else if (what == 'e')
		events(device);
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
