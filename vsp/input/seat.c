// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's seat (console, desktop) has the events of a source, too, unless a client with
 * SEAT has it: then the devices are grabbed.
 */
#define pr_fmt(fmt) "vsp_input: " fmt

#include <linux/bitmap.h>
#include <linux/input.h>
#include <linux/lockdep.h>

#include "vsp/input/input.h"

static bool seat_is_wanted(struct vsp_input_feed *feed)
{
	const struct vsp_input *input;
	bool wants = false;

	spin_lock_irq(&feed->lock);
	list_for_each_entry(input, &feed->members, entry)
		wants |= input->stream.active && !input->inject &&
			 input->grant.grab & VS_INPUT_SEAT;
	spin_unlock_irq(&feed->lock);
	return wants;
}

static bool seat_is_idle(struct vsp_input_device *device)
{
	bool idle;

	spin_lock_irq(&device->feed->lock);
	idle = bitmap_empty(device->key, KEY_CNT);
	device->awaited = !idle;
	spin_unlock_irq(&device->feed->lock);
	return idle;
}

/**
 * vsp_input_seat_device() - take one device from the host's seat, or give it back
 * @device: in a feed; its devices_lock held
 * @wants: take it
 *
 * Of a key that is held the seat would not see the release: a device with one stays until the
 * release of its last one, which looks again.
 *
 * Context: may sleep; takes locks of the input core.
 */
void vsp_input_seat_device(struct vsp_input_device *device, bool wants)
{
	lockdep_assert_held(&device->feed->devices_lock);
	if (!wants && device->grabbed) {
		input_release_device(&device->handle);
		device->grabbed = false;
	} else if (wants && !device->grabbed && seat_is_idle(device)) {
		device->grabbed = !input_grab_device(&device->handle);
		if (!device->grabbed && !device->told)
			pr_warn("%s: %s is grabbed by another program, which has its events: end that\n",
				device->handle.name, device->handle.dev->name ?: "a device");
		device->told = !device->grabbed;
	}
}

/**
 * vsp_input_seat_update() - take the devices from the host's seat, or give them back
 * @feed: any
 *
 * Context: may sleep; takes feed->devices_lock.
 */
void vsp_input_seat_update(struct vsp_input_feed *feed)
{
	struct vsp_input_device *device;
	bool wants;

	mutex_lock(&feed->devices_lock);
	/* What is typed while the source moves is not for the seat either. */
	if (READ_ONCE(feed->moving))
		goto unlock;
	wants = seat_is_wanted(feed);
	list_for_each_entry(device, &feed->devices, entry)
		vsp_input_seat_device(device, wants);
unlock:
	mutex_unlock(&feed->devices_lock);
}

/**
 * vsp_input_seat_work() - vsp_input_seat_update() as a work
 * @work: feed->seat
 */
void vsp_input_seat_work(struct work_struct *work)
{
	vsp_input_seat_update(container_of(work, struct vsp_input_feed, seat));
}
