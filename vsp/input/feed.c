// SPDX-License-Identifier: GPL-2.0-only
/*
 * A feed: the devices of a pool's source, or a service's own; and which clients have their events.
 *
 * Without an exclusive contract every client of the pool has them.  With one, its client alone.
 * When the administrator, or a chord of keys, moves the source from one client to another, the
 * first one loses it at once, and its exclusive contract does not count any more.  The second one
 * has the source from its next contract on, which alone can keep a third one from hearing what is
 * typed to it: what is typed before that is for nobody.
 */
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vs_terms.h"
#include "vsp/class.h"
#include "vsp/input/input.h"

/* ---- Who has it: under feed->lock ---- */

static bool feed_has_exclusive(const struct vsp_input *input)
{
	return input->present && input->grant.grab & VS_INPUT_EXCLUSIVE;
}

/* A client that has lost a source which its contract gave it alone gets nothing until the next. */
static bool feed_is_active(const struct vsp_input_feed *feed, const struct vsp_input *input)
{
	lockdep_assert_held(&feed->lock);
	if (!input->present || feed->moving)
		return false;
	if (feed->exclusive)
		return feed->exclusive == input;
	return !feed_has_exclusive(input);
}

static void feed_wake(struct vsp_input *input)
{
	lockdep_assert_held(&input->feed->lock);
	if (input->queue)
		vsp_queue_wake(input->queue);
}

static void feed_update(struct vsp_input_feed *feed)
{
	struct vsp_input *input;

	list_for_each_entry(input, &feed->members, entry) {
		bool active = feed_is_active(feed, input);

		if (active == input->stream.active)
			continue;
		if (active)
			vsp_input_stream_join(&input->stream);
		else if (input->present)
			vsp_input_stream_leave(&input->stream);
		feed_wake(input);
	}
	queue_work(system_unbound_wq, &feed->seat);
}

/* The switch of each service says whether it is the holder. */
static void feed_set_holder(struct vsp_input_feed *feed, struct vsp_input *input)
{
	lockdep_assert_held(&feed->lock);
	if (feed->holder)
		vsp_service_set_switch(feed->holder->service, VS_INPUT_HOLD, false);
	if (input)
		vsp_service_set_switch(input->service, VS_INPUT_HOLD, true);
	WRITE_ONCE(feed->holder, input);
}

static void feed_find_exclusive(struct vsp_input_feed *feed)
{
	struct vsp_input *input;

	lockdep_assert_held(&feed->lock);
	feed->exclusive = NULL;
	list_for_each_entry(input, &feed->members, entry)
		if (feed_has_exclusive(input) && !input->lost)
			feed->exclusive = input;
}

/*
 * What the contracts of all others say of it counts no more, even if that of @holder does not
 * give it the source alone, and if the source is let go of before they are replaced.
 */
static void feed_lose(struct vsp_input_feed *feed, const struct vsp_input *holder)
{
	struct vsp_input *input;

	lockdep_assert_held(&feed->lock);
	list_for_each_entry(input, &feed->members, entry)
		input->lost = input != holder;
}

/* To @input, or to nobody: then who has the source alone goes on until its next contract. */
static void feed_move(struct vsp_input_feed *feed, struct vsp_input *input)
{
	bool alone = feed->exclusive || feed->moving;

	feed_set_holder(feed, input);
	if (input)
		feed_lose(feed, input);
	feed_find_exclusive(feed);
	feed->moving = input && alone && feed->exclusive != input;
	feed_update(feed);
}

/* Return: the service after the holder that has a contract; NULL: there is none. */
static struct vsp_input *feed_next(const struct vsp_input_feed *feed)
{
	struct vsp_input *input, *first = NULL;
	bool passed = !feed->holder;

	lockdep_assert_held(&feed->lock);
	list_for_each_entry(input, &feed->members, entry) {
		if (input == feed->holder)
			passed = true;
		else if (input->present && passed)
			return input;
		else if (input->present && !first)
			first = input;
	}
	return first;
}

/* Does the client have to make a new device for this grant? */
static bool feed_differs(const struct vs_input_grant *old, const struct vs_input_grant *new)
{
	struct vs_input_grant same = *old;

	same.grab = new->grab;
	return memcmp(&same, new, sizeof(same));
}

/**
 * vsp_input_feed_commit() - a contract comes into force
 * @input: whose
 * @terms: of the contract; NULL: there is none any more
 *
 * Context: commit of the class: vsp_rates_lock() held, interrupts off.
 */
void vsp_input_feed_commit(struct vsp_input *input, const struct vs_terms *terms)
{
	struct vsp_input_feed *feed = input->feed;
	struct vs_input_grant old = input->grant;

	spin_lock(&feed->lock);
	memset(&input->grant, 0, sizeof(input->grant));
	if (terms)
		vs_input_grant_of(terms, &input->grant);
	if (terms && input->present && feed_differs(&old, &input->grant)) {
		vsp_input_stream_restart(&input->stream);
		input->stale = true;
		input->resumed = false;
	}
	input->present = terms;
	/* It may have been granted before the source was moved. */
	input->lost = feed->holder && feed->holder != input;
	if (!terms) {
		input->stream.active = false;
		vsp_input_stream_clear(&input->stream);
		input->stale = true;
		input->resumed = false;
	}
	if (feed->holder == input && terms)
		feed->moving = false;
	feed_find_exclusive(feed);
	feed_update(feed);
	feed_wake(input);
	spin_unlock(&feed->lock);
}

/**
 * vsp_input_feed_hold() - move a source
 * @input: to whom, or from whom
 * @hold: to it; false: to nobody, so that all have it
 *
 * The caller has the limits looked at.
 *
 * Context: any but with feed->lock held.
 */
void vsp_input_feed_hold(struct vsp_input *input, bool hold)
{
	struct vsp_input_feed *feed = input->feed;

	spin_lock_irq(&feed->lock);
	if (hold && feed->holder != input)
		feed_move(feed, input);
	else if (!hold && feed->holder == input)
		feed_move(feed, NULL);
	spin_unlock_irq(&feed->lock);
}

/**
 * vsp_input_feed_holds() - may this service have the source alone?
 * @input: any
 *
 * Context: any but with feed->lock held.
 * Return: whether it may.
 */
bool vsp_input_feed_holds(struct vsp_input *input)
{
	return input->inject || READ_ONCE(input->feed->holder) == input;
}

/**
 * vsp_input_feed_join() - a service becomes a member; the first one holds the source
 * @feed: any
 * @input: without a contract
 *
 * Context: process.
 */
void vsp_input_feed_join(struct vsp_input_feed *feed, struct vsp_input *input)
{
	input->feed = feed;
	vsp_input_stream_init(&input->stream, &feed->state);
	spin_lock_irq(&feed->lock);
	if (list_empty(&feed->members))
		feed_set_holder(feed, input);
	list_add_tail(&input->entry, &feed->members);
	spin_unlock_irq(&feed->lock);
}

/**
 * vsp_input_feed_leave() - undo vsp_input_feed_join(); if it held the source, the next one does
 * @input: without a contract; no mover has its queues
 *
 * The caller has the limits looked at.
 *
 * Context: process.
 */
void vsp_input_feed_leave(struct vsp_input *input)
{
	struct vsp_input_feed *feed = input->feed;
	struct vsp_input *next;

	spin_lock_irq(&feed->lock);
	next = feed_next(feed);
	list_del(&input->entry);
	if (!next)
		next = list_first_entry_or_null(&feed->members, struct vsp_input, entry);
	if (feed->holder == input)
		feed_move(feed, next);
	spin_unlock_irq(&feed->lock);
}

/* ---- Events ---- */

static void feed_deliver(struct vsp_input_feed *feed, const struct vsp_input_event *report,
			 unsigned int count)
{
	struct vsp_input *input;

	lockdep_assert_held(&feed->lock);
	if (!count)
		return;
	list_for_each_entry(input, &feed->members, entry) {
		if (!vsp_input_stream_add(&input->stream, report, count))
			vsp_input_count(input, VSP_INPUT_DROPPED, 1);
		if (input->stream.active)
			feed_wake(input);
	}
}

/* A key of several devices is pressed while one of them has it pressed. */
static bool feed_key_elsewhere(const struct vsp_input_device *device, unsigned int code)
{
	const struct vsp_input_feed *feed = device->feed;
	const struct vsp_input_device *other;

	list_for_each_entry(other, &feed->devices, entry)
		if (other != device && test_bit(code, other->key))
			return true;
	return false;
}

static void feed_flush(struct vsp_input_device *device)
{
	unsigned int count = device->count;

	device->count = 0;
	for (unsigned int i = 0; i < count; i++)
		vsp_input_state_apply(&device->feed->state, &device->report[i]);
	feed_deliver(device->feed, device->report, count);
}

static bool feed_completes_chord(const struct vsp_input_feed *feed, unsigned int code)
{
	const struct vsp_input_device *device;
	DECLARE_BITMAP(pressed, KEY_CNT) = {};

	if (!vsp_input_chord_has(&feed->chord, code))
		return false;
	list_for_each_entry(device, &feed->devices, entry)
		bitmap_or(pressed, pressed, device->key, KEY_CNT);
	for (unsigned int i = 0; i < feed->chord.count; i++)
		if (!test_bit(feed->chord.code[i], pressed))
			return false;
	return true;
}

/* For the clients the keys of the chord are released now: they do not hear of it when they are. */
static void feed_end_chord(struct vsp_input_feed *feed)
{
	struct vsp_input_event event = { .type = EV_KEY };
	struct vsp_input_device *device;

	list_for_each_entry(device, &feed->devices, entry)
		feed_flush(device);
	for (unsigned int i = 0; i < feed->chord.count; i++) {
		event.code = feed->chord.code[i];
		__set_bit(event.code, feed->withheld);
		if (!test_bit(event.code, feed->state.key))
			continue;
		vsp_input_state_apply(&feed->state, &event);
		feed_deliver(feed, &event, 1);
	}
}

/* The press that completes the chord moves the source, and is for no client. */
static bool feed_withholds(struct vsp_input_feed *feed, const struct vsp_input_event *event)
{
	struct vsp_input *next;

	if (!event->value)
		return __test_and_clear_bit(event->code, feed->withheld);
	if (!feed_completes_chord(feed, event->code))
		return false;
	feed_end_chord(feed);
	next = feed_next(feed);
	if (next) {
		feed_move(feed, next);
		vsp_watch_look(vsp_service_pool(next->service));
	}
	return true;
}

/* Return: whether the event is one for the clients. */
static bool feed_takes(struct vsp_input_device *device, struct vsp_input_event *event)
{
	if (event->type == EV_KEY) {
		if (event->value > 1 || event->code > KEY_MAX)
			return false;	/* each client repeats by itself */
		__assign_bit(event->code, device->key, event->value);
		if (device->awaited && bitmap_empty(device->key, KEY_CNT)) {
			device->awaited = false;
			queue_work(system_unbound_wq, &device->feed->seat);
		}
		return !feed_key_elsewhere(device, event->code) &&
		       !feed_withholds(device->feed, event);
	}
	if (event->type == EV_REL)
		return event->code < REL_CNT;
	if (event->type != EV_ABS || event->code >= ABS_CNT)
		return false;
	if (event->code == ABS_MT_SLOT) {
		device->slot = event->value;
		return false;
	}
	if (event->code < VSP_INPUT_MT_FIRST ||
	    event->code >= VSP_INPUT_MT_FIRST + VSP_INPUT_MT_CODES)
		return true;
	event->slot = min_t(u32, device->slot, VS_INPUT_CONTACTS_MAX);
	return event->slot < VS_INPUT_CONTACTS_MAX;
}

/**
 * vsp_input_feed_event() - an event of a device
 * @device: its
 * @type: EV_KEY and so on
 * @code: of @type
 * @value: of @code
 *
 * Context: the input core's, under event_lock, interrupts off.
 */
void vsp_input_feed_event(struct vsp_input_device *device, unsigned int type, unsigned int code,
			  s32 value)
{
	struct vsp_input_event event = { .type = type, .code = code, .value = value };
	struct vsp_input_feed *feed = device->feed;

	spin_lock(&feed->lock);
	if (type != EV_SYN && feed_takes(device, &event))
		device->report[device->count++] = event;
	if ((type == EV_SYN && code == SYN_REPORT) || device->count == VS_INPUT_REPORT_MAX - 1)
		feed_flush(device);
	spin_unlock(&feed->lock);
}

/* No touch goes on: those of all devices of a feed share its slots. */
static void feed_lift(struct vsp_input_feed *feed)
{
	struct vsp_input_event event = {
		.type = EV_ABS, .code = ABS_MT_TRACKING_ID, .value = -1,
	};

	lockdep_assert_held(&feed->lock);
	for (event.slot = 0; event.slot < VS_INPUT_CONTACTS_MAX; event.slot++) {
		if (feed->state.mt[event.slot][ABS_MT_TRACKING_ID - VSP_INPUT_MT_FIRST] < 0)
			continue;
		vsp_input_state_apply(&feed->state, &event);
		feed_deliver(feed, &event, 1);
	}
}

/* What a device that goes has pressed is released. */
static void feed_release(struct vsp_input_device *device)
{
	struct vsp_input_event event = { .type = EV_KEY };
	struct vsp_input_feed *feed = device->feed;
	unsigned int code;

	spin_lock_irq(&feed->lock);
	device->count = 0;
	for_each_set_bit(code, device->key, KEY_CNT) {
		event.code = code;
		if (feed_key_elsewhere(device, code) || feed_withholds(feed, &event))
			continue;
		vsp_input_state_apply(&feed->state, &event);
		feed_deliver(feed, &event, 1);
	}
	bitmap_zero(device->key, KEY_CNT);
	if (test_bit(ABS_MT_SLOT, device->handle.dev->absbit))
		feed_lift(feed);
	spin_unlock_irq(&feed->lock);
}

/* ---- Devices ---- */

/**
 * vsp_input_feed_caps() - look again at what the devices can do
 * @feed: any; feed->devices_lock held
 *
 * Context: may sleep.
 */
void vsp_input_feed_caps(struct vsp_input_feed *feed)
{
	struct vsp_input_caps *caps = kzalloc(sizeof(*caps), GFP_KERNEL);
	struct vsp_input_device *device;

	lockdep_assert_held(&feed->devices_lock);
	if (!caps)
		return;
	list_for_each_entry(device, &feed->devices, entry)
		vsp_input_caps_add(caps, device->handle.dev);
	spin_lock_irq(&feed->lock);
	feed->caps = *caps;
	spin_unlock_irq(&feed->lock);
	kfree(caps);
}

/**
 * vsp_input_feed_init() - a feed of no devices and no members
 * @feed: zeroed
 */
void vsp_input_feed_init(struct vsp_input_feed *feed)
{
	spin_lock_init(&feed->lock);
	mutex_init(&feed->devices_lock);
	INIT_LIST_HEAD(&feed->members);
	INIT_LIST_HEAD(&feed->devices);
	INIT_WORK(&feed->seat, vsp_input_seat_work);
	vsp_input_led_init(feed);
	vsp_input_state_init(&feed->state);
}

/**
 * vsp_input_feed_stop() - nothing of a feed is under way any more
 * @feed: without devices; nobody has it
 *
 * Context: may sleep.
 */
void vsp_input_feed_stop(struct vsp_input_feed *feed)
{
	disable_work_sync(&feed->seat);
	disable_delayed_work_sync(&feed->leds.work);
}

/* The list is read by events, too. */
static void feed_add_device(struct vsp_input_device *device)
{
	struct vsp_input_feed *feed = device->feed;
	struct input_dev *dev = device->handle.dev;
	unsigned int code;

	mutex_lock(&feed->devices_lock);
	spin_lock_irq(&feed->lock);
	list_add_tail(&device->entry, &feed->devices);
	for_each_set_bit(code, dev->absbit, ABS_MT_SLOT) {
		struct vsp_input_event event = {
			.type = EV_ABS, .code = code, .value = input_abs_get_val(dev, code),
		};

		vsp_input_state_apply(&feed->state, &event);
	}
	device->slot = input_abs_get_val(dev, ABS_MT_SLOT);
	spin_unlock_irq(&feed->lock);
	vsp_input_feed_caps(feed);
	mutex_unlock(&feed->devices_lock);
}

/**
 * vsp_input_device_open() - take a device into a feed
 * @feed: any
 * @handler: that has matched
 * @dev: registered
 *
 * Context: connect of the handler; takes feed->devices_lock and the device's mutex.
 * Return: the device, until vsp_input_device_close(); or an error pointer.
 */
struct vsp_input_device *vsp_input_device_open(struct vsp_input_feed *feed,
					       struct input_handler *handler,
					       struct input_dev *dev)
{
	struct vsp_input_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	int error;

	if (!device)
		return ERR_PTR(-ENOMEM);
	device->feed = feed;
	device->handle.dev = dev;
	device->handle.handler = handler;
	device->handle.name = handler->name;
	device->handle.private = device;
	error = input_register_handle(&device->handle);
	if (error)
		goto free;
	error = input_open_device(&device->handle);
	if (error)
		goto unregister;
	feed_add_device(device);
	return device;

unregister:
	input_unregister_handle(&device->handle);
free:
	kfree(device);
	return ERR_PTR(error);
}

/**
 * vsp_input_device_close() - undo vsp_input_device_open()
 * @handle: of the device
 *
 * Context: disconnect of the handler; waits for the events that are under way.
 */
void vsp_input_device_close(struct input_handle *handle)
{
	struct vsp_input_device *device = handle->private;
	struct vsp_input_feed *feed = device->feed;

	mutex_lock(&feed->devices_lock);
	vsp_input_seat_device(device, false);
	input_close_device(handle);
	input_unregister_handle(handle);	/* no event comes after that */
	feed_release(device);
	spin_lock_irq(&feed->lock);
	list_del(&device->entry);
	spin_unlock_irq(&feed->lock);
	vsp_input_feed_caps(feed);
	mutex_unlock(&feed->devices_lock);
	kfree(device);
}
