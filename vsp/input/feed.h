/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where events come from, and who has them: feed.c, seat.c, led.c, source.c and inject.c.
 */
#ifndef VSP_INPUT_FEED_H
#define VSP_INPUT_FEED_H

#include <linux/bitmap.h>
#include <linux/input.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_input.h"
#include "vsp/input/report.h"

struct vs_terms;
struct vsp_input;
struct vsp_pool;

#define VSP_INPUT_NAMES_MAX	8	/* devices that a pool names */
#define VSP_INPUT_CAPACITY	100000	/* events/s of a pool whose capacity is not set */

/**
 * struct vsp_input_leds - LEDs that clients have set
 * @due: set since they were written last; under feed->lock, like the next
 * @lit: what each shows
 * @work: writes them; queued while some are due
 */
struct vsp_input_leds {
	DECLARE_BITMAP(due, LED_CNT);
	DECLARE_BITMAP(lit, LED_CNT);
	struct delayed_work work;
};

/**
 * struct vsp_input_feed - events of some devices, and who has them
 * @chord: moves @holder; constant while there are devices
 *
 * @lock: protects all up to @leds; interrupts off
 * @members: services, by vsp_input.entry
 * @holder: the one that may have the source alone; the administrator or @chord moves it
 * @exclusive: the one whose contract says so, and that has not lost the source since
 * @moving: @holder was moved away from the one that had the source alone, and no contract of the
 *	new one has come into force since: nobody has it
 * @withheld: keys of @chord that are still pressed since it was complete: no client hears of them
 * @state: of all devices together
 * @caps: of all devices together
 * @leds: of all devices
 *
 * @devices_lock: protects the next
 * @devices: by vsp_input_device.entry
 * @seat: has the devices grabbed, or not, as the contracts in force say
 */
struct vsp_input_feed {
	struct vsp_input_chord chord;

	spinlock_t lock;	/* interrupts off */
	struct list_head members;
	struct vsp_input *holder;
	struct vsp_input *exclusive;
	bool moving;
	DECLARE_BITMAP(withheld, KEY_CNT);
	struct vsp_input_state state;
	struct vsp_input_caps caps;
	struct vsp_input_leds leds;

	struct mutex devices_lock;	/* devices */
	struct list_head devices;
	struct work_struct seat;
};

/**
 * struct vsp_input_device - a device of the host that we have a handle of
 * @handle: registered and open
 * @feed: gets its events
 * @entry: in its devices
 * @grabbed: nobody else in the host has its events
 * @busy: another one had grabbed it when it was found
 * @told: that it cannot be grabbed was logged
 * @awaited: the last release of @key has the seat looked at; under feed->lock, like what follows
 * @key: pressed
 * @slot: that its ABS_MT_* are of
 * @count: events of @report
 * @report: that is not complete yet
 */
struct vsp_input_device {
	struct input_handle handle;
	struct vsp_input_feed *feed;
	struct list_head entry;
	bool grabbed;
	bool busy;
	bool told;
	bool awaited;
	DECLARE_BITMAP(key, KEY_CNT);
	u32 slot;
	unsigned int count;
	struct vsp_input_event report[VS_INPUT_REPORT_MAX];
};

/**
 * struct vsp_input_source - one of the devices that a pool names
 * @input: whose
 * @name: path, name or phys
 * @handler: finds it
 * @registered: the handler is
 * @number: of the node that a path leads to, while the handler is being registered; else 0
 */
struct vsp_input_source {
	struct vsp_input_pool *input;
	const char *name;
	struct input_handler handler;
	bool registered;
	dev_t number;
};

/**
 * struct vsp_input_pool - what the class has of a pool with a source
 * @pool: whose
 * @feed: of its devices
 * @label: name of all handlers
 * @text: what the names of @source point into
 * @sources: how many there are
 * @source: what is named
 * @refused: a device of one of our clients was named
 */
struct vsp_input_pool {
	struct vsp_pool *pool;
	struct vsp_input_feed feed;
	char *label;
	char *text;
	unsigned int sources;
	struct vsp_input_source source[VSP_INPUT_NAMES_MAX];
	bool refused;
};

enum vsp_input_inject_part {
	VSP_INPUT_INJECT_ALL,		/* but SysRq */
	VSP_INPUT_INJECT_SYSRQ,		/* alone; only where the limits name system keys */
	VSP_INPUT_INJECT_PARTS
};

/**
 * struct vsp_input_inject - the devices of a service that has no source
 * @dev: registered; or NULL
 * @handler: of these alone
 * @feed: of these
 * @name: theirs
 * @phys: theirs
 * @uniq: theirs
 */
struct vsp_input_inject {
	struct input_dev *dev[VSP_INPUT_INJECT_PARTS];
	struct input_handler handler;
	struct vsp_input_feed feed;
	char name[VSP_INPUT_INJECT_PARTS][64];
	char phys[VSP_INPUT_INJECT_PARTS][64];
	char uniq[40];
};

/* feed.c */
void vsp_input_feed_init(struct vsp_input_feed *feed);
void vsp_input_feed_stop(struct vsp_input_feed *feed);
void vsp_input_feed_join(struct vsp_input_feed *feed, struct vsp_input *input);
void vsp_input_feed_leave(struct vsp_input *input);
void vsp_input_feed_hold(struct vsp_input *input, bool hold);
bool vsp_input_feed_holds(struct vsp_input *input);
void vsp_input_feed_commit(struct vsp_input *input, const struct vs_terms *terms);
void vsp_input_feed_event(struct vsp_input_device *device, unsigned int type, unsigned int code,
			  s32 value);
void vsp_input_feed_caps(struct vsp_input_feed *feed);

/* feed.c: devices */
struct vsp_input_device *vsp_input_device_open(struct vsp_input_feed *feed,
					       struct input_handler *handler,
					       struct input_dev *dev);
void vsp_input_device_close(struct input_handle *handle);

/* seat.c */
void vsp_input_seat_device(struct vsp_input_device *device, bool wants);
void vsp_input_seat_update(struct vsp_input_feed *feed);
void vsp_input_seat_work(struct work_struct *work);

/* led.c */
void vsp_input_led_init(struct vsp_input_feed *feed);
void vsp_input_led_set(struct vsp_input *input, unsigned int code, s32 value);

/* source.c */
int vsp_input_source_open(struct vsp_input_pool *input, struct vsp_pool *pool);
void vsp_input_source_close(struct vsp_input_pool *input);
void vsp_input_source_look(struct vsp_input_pool *input);

/* inject.c */
int vsp_input_inject_open(struct vsp_input *input);
void vsp_input_inject_close(struct vsp_input *input);

#endif
