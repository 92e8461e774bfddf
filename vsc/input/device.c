// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's input_dev: made for what it can, put in the place of one that could something
 * else, and taken away.
 *
 * Its uniq is the service's UUID and its phys made of it: whoever remembers a device knows this
 * one again, whatever channel it comes by.  The provider does, too: it refuses a device of
 * such a phys as a source.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/input.h>
#include <linux/input/mt.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_compat.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/input/input.h"

/*
 * How long the device outlives its contract. The session says that a contract is lost before it
 * says that the machine sleeps, or that a ring is reset: the device stays for these.
 */
#define LINGER_MS	100

/*
 * How long readers have for the last events of a device that goes. Once it has gone, evdev says
 * ENODEV, whatever a reader has not read yet.
 */
#define READ_MS		50

/* ---- sysfs: of the input_dev ---- */

static ssize_t device_show_layout(struct device *dev, bool variant, char *text)
{
	struct vsc_input *input = dev_get_drvdata(dev);
	char part[sizeof(input->device.layout)];

	spin_lock(&input->device.layout_lock);
	vsc_input_layout_part(input->device.layout, variant, part);
	spin_unlock(&input->device.layout_lock);
	return sysfs_emit(text, "%s\n", part);
}

static ssize_t xkb_layout_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return device_show_layout(dev, false, text);
}

static ssize_t xkb_variant_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return device_show_layout(dev, true, text);
}

static DEVICE_ATTR_RO(xkb_layout);
static DEVICE_ATTR_RO(xkb_variant);

static struct attribute *device_attrs[] = {
	&dev_attr_xkb_layout.attr,
	&dev_attr_xkb_variant.attr,
	NULL
};

ATTRIBUTE_GROUPS(device);

/* ---- An input_dev ---- */

static int device_event(struct input_dev *dev, unsigned int type, unsigned int code, int value)
{
	vsc_input_queue_status(input_get_drvdata(dev), type, code, value);
	return 0;
}

static void device_set_bits(struct input_dev *dev, unsigned int type, unsigned long *to,
			    const unsigned long *from, unsigned int count)
{
	if (bitmap_empty(from, count))
		return;
	__set_bit(type, dev->evbit);
	bitmap_copy(to, from, count);
}

static int device_set_axes(struct input_dev *dev, const struct vsc_input_caps *caps)
{
	unsigned int code;

	for_each_set_bit(code, caps->abs, ABS_CNT) {
		const struct vsc_input_axis *axis = &caps->axis[code];

		input_set_abs_params(dev, code, axis->minimum, axis->maximum, axis->fuzz,
				     axis->flat);
		if (!dev->absinfo)
			return -ENOMEM;
		input_abs_set_res(dev, code, axis->resolution);
	}
	return caps->contacts ? input_mt_init_slots(dev, caps->contacts, 0) : 0;
}

static int device_set_caps(struct input_dev *dev, const struct vsc_input_caps *caps)
{
	bitmap_copy(dev->propbit, caps->props, INPUT_PROP_CNT);
	device_set_bits(dev, EV_KEY, dev->keybit, caps->key, KEY_CNT);
	device_set_bits(dev, EV_REL, dev->relbit, caps->rel, REL_CNT);
	device_set_bits(dev, EV_LED, dev->ledbit, caps->led, LED_CNT);
	if (caps->repeat)
		__set_bit(EV_REP, dev->evbit);
	/* Else the input core would cut a long report in two. */
	input_set_events_per_packet(dev, VS_INPUT_REPORT_MAX);
	return device_set_axes(dev, caps);
}

/* Makes the one that can vsc_input_device.next. Return: NULL: no memory. */
static struct input_dev *device_make(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;
	struct input_dev *dev = input_allocate_device();

	if (!dev)
		return NULL;
	dev->name = device->shown.name;
	dev->phys = device->phys;
	dev->uniq = device->uniq;
	dev->id = device->next.id;
	dev->dev.parent = vsc_session_device(input->session);
	dev->dev.groups = device_groups;
	dev->event = device_event;
	input_set_drvdata(dev, input);
	if (device_set_caps(dev, &device->next)) {
		input_free_device(dev);
		return NULL;
	}
	return dev;
}

/* What is held is released first. */
static void device_end_shown(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;

	lockdep_assert_held(&device->lock);
	if (!device->dev)
		return;
	vsc_input_queue_lift(input);
	vsc_input_queue_target(input, NULL, NULL);
	input_reset_device(device->dev);
	msleep(READ_MS);
	input_unregister_device(device->dev);
	device->dev = NULL;
}

static int device_begin(struct vsc_input *input, struct input_dev *dev)
{
	struct vsc_input_device *device = &input->device;
	int error;

	lockdep_assert_held(&device->lock);
	device->shown = device->next;
	vsc_input_queue_status_begin(input, device->shown.led, true);
	error = input_register_device(dev);
	if (error) {
		input_free_device(dev);
		dev_err_ratelimited(vsc_session_device(input->session),
				    "the input device cannot be registered (%d), trying again\n",
				    error);
		return error;
	}
	device->dev = dev;
	vsc_input_queue_target(input, dev, &device->shown);
	return 0;
}

static bool device_can_nothing(const struct vsc_input_caps *caps)
{
	return bitmap_empty(caps->key, KEY_CNT) && bitmap_empty(caps->rel, REL_CNT) &&
	       bitmap_empty(caps->abs, ABS_CNT);
}

static int device_replace(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;
	bool first = !device->dev;
	struct input_dev *dev;

	if (device_can_nothing(&device->next)) {
		device_end_shown(input);
		return 0;
	}
	/* The old one stays if there is no memory for another. */
	dev = device_make(input);
	if (!dev)
		return -ENOMEM;
	device_end_shown(input);
	if (!first)
		vsc_input_count(input, VSC_INPUT_REPLACED, 1);
	return device_begin(input, dev);
}

/**
 * vsc_input_device_follow() - the device becomes what vsc_input_device.next says
 * @input: the device; its events wait, or there is none yet
 *
 * One that can just that stays, with what is held on it.
 *
 * Context: the session's work; sleeps.
 * Return: 0, or an errno: try again.
 */
int vsc_input_device_follow(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;
	int error = 0;

	mutex_lock(&device->lock);
	if (device->dev && !memcmp(&device->shown, &device->next, sizeof(device->shown)))
		vsc_input_queue_status_begin(input, device->shown.led, false);
	else
		error = device_replace(input);
	mutex_unlock(&device->lock);
	return error;
}

/* ---- Layout ---- */

static int device_tell_handler(struct device *dev, void *unused)
{
	kobject_uevent(&dev->kobj, KOBJ_CHANGE);
	return 0;
}

/* Returns whether it is another one. */
static bool device_set_layout(struct vsc_input_device *device, const struct vs_term *layout)
{
	bool changed;

	spin_lock(&device->layout_lock);
	changed = strncmp(device->layout, layout->text, layout->length) ||
		  device->layout[layout->length];
	memset(device->layout, 0, sizeof(device->layout));
	memcpy(device->layout, layout->text, layout->length);
	spin_unlock(&device->layout_lock);
	return changed;
}

/**
 * vsc_input_device_layout() - another layout is in force
 * @input: the device
 * @layout: the term
 *
 * A device that is there is told of to udev, whose rule sets the properties that X and Wayland
 * read.
 *
 * Context: the session's work; sleeps.
 */
void vsc_input_device_layout(struct vsc_input *input, const struct vs_term *layout)
{
	struct vsc_input_device *device = &input->device;
	bool changed = device_set_layout(device, layout);

	mutex_lock(&device->lock);
	if (changed && device->dev)
		device_for_each_child(&device->dev->dev, NULL, device_tell_handler);
	mutex_unlock(&device->lock);
}

/* ---- Life ---- */

static void device_linger_work(struct work_struct *work)
{
	struct vsc_input *input = container_of(to_delayed_work(work), struct vsc_input,
					       device.linger);

	mutex_lock(&input->device.lock);
	device_end_shown(input);
	mutex_unlock(&input->device.lock);
}

/**
 * vsc_input_device_linger() - no contract is in force any more
 * @input: the device
 *
 * What is held is released at once. The device goes soon, unless vsc_input_device_stay() comes
 * before.
 *
 * Context: the session's work; sleeps.
 */
void vsc_input_device_linger(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;

	mutex_lock(&device->lock);
	if (device->dev) {
		vsc_input_queue_lift(input);
		input_reset_device(device->dev);
		mod_delayed_work(system_unbound_wq, &device->linger, msecs_to_jiffies(LINGER_MS));
	}
	mutex_unlock(&device->lock);
}

/**
 * vsc_input_device_stay() - the device stays, though it may have no contract for now
 * @input: the device
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_input_device_stay(struct vsc_input *input)
{
	cancel_delayed_work_sync(&input->device.linger);
}

/**
 * vsc_input_device_remove() - take the device away
 * @input: the device; is not shown again
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_input_device_remove(struct vsc_input *input)
{
	disable_delayed_work_sync(&input->device.linger);
	mutex_lock(&input->device.lock);
	device_end_shown(input);
	mutex_unlock(&input->device.lock);
	mutex_destroy(&input->device.lock);
}

/**
 * vsc_input_device_init() - there is no input_dev yet
 * @input: zeroed, with its session
 */
void vsc_input_device_init(struct vsc_input *input)
{
	struct vsc_input_device *device = &input->device;
	const uuid_t *uuid = vsc_session_uuid(input->session);

	mutex_init(&device->lock);
	spin_lock_init(&device->layout_lock);
	INIT_DELAYED_WORK(&device->linger, device_linger_work);
	snprintf(device->uniq, sizeof(device->uniq), "%pUb", uuid);
	snprintf(device->phys, sizeof(device->phys), VS_INPUT_PHYS "%pUb/input0", uuid);
}
