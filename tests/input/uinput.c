// SPDX-License-Identifier: GPL-2.0-only
/*
 * uinput NAME PHYS [keyboard] [mouse] [tablet] [touch]: an input device of this machine.  It is
 *	there until standard input ends; each line of that, "TYPE CODE VALUE", is an event of it.
 * uinput --grab DEVICE: grabs DEVICE for so long.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "uinput: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set(int device, unsigned long request, unsigned int from, unsigned int to)
{
	for (unsigned int bit = from; bit <= to; bit++)
		if (ioctl(device, request, bit))
			fail("capability");
}

static void set_axis(int device, unsigned int code, int maximum)
{
	struct uinput_abs_setup setup = { .code = code, .absinfo = { .maximum = maximum } };

	if (ioctl(device, UI_ABS_SETUP, &setup))
		fail("axis");
}

static void be(int device, const char *kind)
{
	if (!strcmp(kind, "keyboard")) {
		set(device, UI_SET_EVBIT, EV_KEY, EV_KEY);
		set(device, UI_SET_EVBIT, EV_LED, EV_LED);
		set(device, UI_SET_EVBIT, EV_REP, EV_REP);
		set(device, UI_SET_KEYBIT, KEY_ESC, KEY_F12);
		set(device, UI_SET_KEYBIT, KEY_SYSRQ, KEY_POWER);
		set(device, UI_SET_LEDBIT, LED_NUML, LED_SCROLLL);
	} else if (!strcmp(kind, "mouse")) {
		set(device, UI_SET_EVBIT, EV_KEY, EV_REL);
		set(device, UI_SET_KEYBIT, BTN_LEFT, BTN_MIDDLE);
		set(device, UI_SET_RELBIT, REL_X, REL_Y);
		set(device, UI_SET_RELBIT, REL_WHEEL, REL_WHEEL);
	} else if (!strcmp(kind, "tablet")) {
		set(device, UI_SET_EVBIT, EV_KEY, EV_KEY);
		set(device, UI_SET_EVBIT, EV_ABS, EV_ABS);
		set(device, UI_SET_KEYBIT, BTN_LEFT, BTN_LEFT);
		set_axis(device, ABS_X, 1000);
		set_axis(device, ABS_Y, 1000);
	} else if (!strcmp(kind, "touch")) {
		set(device, UI_SET_EVBIT, EV_KEY, EV_KEY);
		set(device, UI_SET_EVBIT, EV_ABS, EV_ABS);
		set(device, UI_SET_KEYBIT, BTN_TOUCH, BTN_TOUCH);
		set(device, UI_SET_PROPBIT, INPUT_PROP_DIRECT, INPUT_PROP_DIRECT);
		set_axis(device, ABS_X, 1000);
		set_axis(device, ABS_Y, 1000);
		set_axis(device, ABS_MT_SLOT, 3);
		set_axis(device, ABS_MT_TRACKING_ID, 65535);
		set_axis(device, ABS_MT_POSITION_X, 1000);
		set_axis(device, ABS_MT_POSITION_Y, 1000);
	} else {
		errno = EINVAL;
		fail(kind);
	}
}

static int make(int count, char **argument)
{
	struct uinput_setup setup = { .id = { .bustype = BUS_USB, .vendor = 0x1234 } };
	int device = open("/dev/uinput", O_WRONLY);

	if (device < 0)
		fail("/dev/uinput");
	snprintf(setup.name, sizeof(setup.name), "%s", argument[0]);
	if (ioctl(device, UI_SET_PHYS, argument[1]))
		fail("phys");
	for (int i = 2; i < count; i++)
		be(device, argument[i]);
	if (ioctl(device, UI_DEV_SETUP, &setup) || ioctl(device, UI_DEV_CREATE))
		fail("create");
	return device;
}

static int grab(const char *path)
{
	int device = open(path, O_RDWR);

	if (device < 0 || ioctl(device, EVIOCGRAB, 1))
		fail(path);
	return device;
}

int main(int argc, char **argv)
{
	struct input_event event = { 0 };
	unsigned int type, code;
	int device, value;

	if (argc < 3) {
		fprintf(stderr, "usage: uinput [--grab DEVICE] | NAME PHYS KIND...\n");
		return 1;
	}
	device = strcmp(argv[1], "--grab") ? make(argc - 1, argv + 1) : grab(argv[2]);
	printf("ready\n");
	fflush(stdout);
	while (scanf("%u %u %d", &type, &code, &value) == 3) {
		event.type = type;
		event.code = code;
		event.value = value;
		if (write(device, &event, sizeof(event)) != sizeof(event))
			fail("event");
	}
	return 0;
}
