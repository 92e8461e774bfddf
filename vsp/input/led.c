// SPDX-License-Identifier: GPL-2.0-only
/*
 * LEDs of the devices of a feed, as the clients that have its events want them.
 *
 * How often a client sets them is in its own hands, but each write to a device may be a message
 * to real hardware, which is the host's.  So what is set within LED_MS is merged: the last state
 * of each LED is written, in a work of the host.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>

#include "vsp/input/input.h"

#define LED_MS	20

/**
 * vsp_input_led_set() - what a client wants one of its LEDs to show
 * @input: the client's; without its feed's events it has no LEDs either
 * @code: of EV_LED, allowed
 * @value: not 0: on
 *
 * Context: process; takes feed->lock.
 */
void vsp_input_led_set(struct vsp_input *input, unsigned int code, s32 value)
{
	struct vsp_input_feed *feed = input->feed;

	spin_lock_irq(&feed->lock);
	if (!input->stream.active)
		goto unlock;
	/* With some due the work is queued already: it begins LED_MS after the first. */
	if (bitmap_empty(feed->leds.due, LED_CNT))
		queue_delayed_work(system_unbound_wq, &feed->leds.work, msecs_to_jiffies(LED_MS));
	__assign_bit(code, feed->leds.lit, value);
	__set_bit(code, feed->leds.due);
unlock:
	spin_unlock_irq(&feed->lock);
}

/* The input core drops what a device has not, and what shows that already. */
static void led_write(struct vsp_input_device *device, const unsigned long *due,
		      const unsigned long *lit)
{
	unsigned int code;

	for_each_set_bit(code, due, LED_CNT)
		input_inject_event(&device->handle, EV_LED, code, test_bit(code, lit));
	input_inject_event(&device->handle, EV_SYN, SYN_REPORT, 0);
}

static void led_work(struct work_struct *work)
{
	struct vsp_input_feed *feed = container_of(to_delayed_work(work), struct vsp_input_feed,
						   leds.work);
	DECLARE_BITMAP(due, LED_CNT);
	DECLARE_BITMAP(lit, LED_CNT);
	struct vsp_input_device *device;

	mutex_lock(&feed->devices_lock);
	spin_lock_irq(&feed->lock);
	bitmap_copy(due, feed->leds.due, LED_CNT);
	bitmap_copy(lit, feed->leds.lit, LED_CNT);
	bitmap_zero(feed->leds.due, LED_CNT);
	spin_unlock_irq(&feed->lock);
	list_for_each_entry(device, &feed->devices, entry)
		led_write(device, due, lit);
	mutex_unlock(&feed->devices_lock);
}

/**
 * vsp_input_led_init() - nothing is due
 * @feed: zeroed
 */
void vsp_input_led_init(struct vsp_input_feed *feed)
{
	INIT_DELAYED_WORK(&feed->leds.work, led_work);
}
