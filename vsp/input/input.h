/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of an input device: what input.c (the contract), source.c (devices of the
 * host), inject.c (a service's own devices in the host), feed.c (who has the events of these),
 * seat.c (whether the host's own seat has them, too), led.c (their LEDs), chord.c (the keys that
 * move them), report.c (what waits for a client), caps.c (what is told of the devices) and queue.c
 * (the data queues) share.
 *
 * Events come with interrupts off, under the event_lock of their device.  Each report updates the
 * state of its feed and is copied to the streams of those who have the feed; the mover of a
 * service takes reports out of its stream, as its rate and the client's buffers allow.
 *
 * Locks: vsp_rates_lock() or the input core's event_lock > vsp_input_feed.lock.  The input core's
 * input_mutex > vsp_input_feed.devices_lock > mutex and event_lock of a device.
 */
#ifndef VSP_INPUT_H
#define VSP_INPUT_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/input.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_input.h"
#include "vsp/class.h"

struct virtio_input_config;

#define VSP_INPUT_WAITING_MAX	1024	/* events that wait for one client; a power of two */
#define VSP_INPUT_NAMES_MAX	8	/* devices that a pool names */
#define VSP_INPUT_CHORD_MAX	4	/* keys of a chord */
#define VSP_INPUT_CAPACITY	100000	/* events/s of a pool whose capacity is not set */
#define VSP_INPUT_MT_FIRST	ABS_MT_TOUCH_MAJOR
#define VSP_INPUT_MT_CODES	(ABS_MT_TOOL_Y - ABS_MT_TOUCH_MAJOR + 1)

/**
 * struct vsp_input_event - one event
 * @type: EV_KEY and so on
 * @slot: of ABS_MT_*
 * @code: of @type
 * @value: as in struct input_value
 */
struct vsp_input_event {
	u8 type;
	u8 slot;
	u16 code;
	s32 value;
};

/**
 * struct vsp_input_state - what is held and where it is
 * @key: pressed
 * @known: axes that have a value
 * @abs: values of axes but ABS_MT_*
 * @mt: values of ABS_MT_*, from VSP_INPUT_MT_FIRST on, of each slot
 */
struct vsp_input_state {
	DECLARE_BITMAP(key, KEY_CNT);
	DECLARE_BITMAP(known, ABS_CNT);
	s32 abs[ABS_CNT];
	s32 mt[VS_INPUT_CONTACTS_MAX][VSP_INPUT_MT_CODES];
};

/**
 * struct vsp_input_stream - reports that wait for one client
 * @want: state of the source
 * @active: the client has the source's events
 * @base: state of the source before the reports that wait
 * @have: state of the client, once it has all that was taken out of here
 * @mute: keys that were held before the client had the source, and still are
 * @mute_slot: likewise, touches
 * @slot: that the client was told last; -1: none
 * @lost: reports were dropped, the client was not told yet
 * @sync: @have is to be brought to @base before the next report
 * @head: number of the first event that waits
 * @end: number of the next event that comes
 * @tail: number of the first event of the last report
 * @motion: the last report has nothing but motion
 * @event: by number; each report ends with SYN_REPORT
 */
struct vsp_input_stream {
	const struct vsp_input_state *want;
	bool active;
	struct vsp_input_state base;
	struct vsp_input_state have;
	DECLARE_BITMAP(mute, KEY_CNT);
	unsigned long mute_slot;
	int slot;
	bool lost;
	bool sync;
	u32 head;
	u32 end;
	u32 tail;
	bool motion;
	struct vsp_input_event event[VSP_INPUT_WAITING_MAX];
};

/**
 * struct vsp_input_caps - what one or several devices can do
 * @key: of EV_KEY
 * @rel: of EV_REL
 * @abs: of EV_ABS
 * @led: of EV_LED
 * @prop: properties
 * @repeat: keys are repeated
 * @absinfo: of each axis
 * @id: of the first device
 * @name: likewise
 * @uniq: likewise
 */
struct vsp_input_caps {
	DECLARE_BITMAP(key, KEY_CNT);
	DECLARE_BITMAP(rel, REL_CNT);
	DECLARE_BITMAP(abs, ABS_CNT);
	DECLARE_BITMAP(led, LED_CNT);
	DECLARE_BITMAP(prop, INPUT_PROP_CNT);
	bool repeat;
	struct input_absinfo absinfo[ABS_CNT];
	struct input_id id;
	char name[64];
	char uniq[64];
};

/**
 * struct vsp_input_chord - keys that move a source when they are pressed together
 * @count: of @code; 0: there is no chord
 * @code: of EV_KEY, each once
 */
struct vsp_input_chord {
	unsigned int count;
	u16 code[VSP_INPUT_CHORD_MAX];
};

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

enum vsp_input_counter {
	VSP_INPUT_REPORTS,	/* given to the client */
	VSP_INPUT_SENT,		/* events of these */
	VSP_INPUT_DROPPED,	/* times that reports were lost, the client was too slow */
	VSP_INPUT_STATUS,	/* events that the client has sent */
	VSP_INPUT_MALFORMED,	/* requests or buffers of the client that are wrong */
	VSP_INPUT_COUNTERS
};

/**
 * struct vsp_input - what the class has of a service
 * @service: whose
 * @feed: its source's, or that of @inject
 * @inject: NULL if the pool has a source
 * @counter: for sysfs
 *
 * Under feed->lock:
 * @entry: in feed->members
 * @present: there is a contract in force
 * @lost: the source was moved to another one, whatever @grant says of having it alone
 * @grant: of it
 * @queue: events, from its first kick to its reset
 * @stream: what waits
 *
 * Of the mover of events:
 * @count: events of @report, which waits for its rate or for buffers; 0: none
 * @owed: cost of the last report that has passed, until it is known whether another one waits
 * @report: as it will be sent
 * @chain: of each mover, as last peeked
 */
struct vsp_input {
	struct vsp_service *service;
	struct vsp_input_feed *feed;
	struct vsp_input_inject *inject;
	atomic64_t counter[VSP_INPUT_COUNTERS];

	struct list_head entry;
	bool present;
	bool lost;
	struct vs_input_grant grant;
	struct vsp_queue *queue;
	struct vsp_input_stream stream;

	unsigned int count;
	u64 owed;
	struct vsp_input_event report[VS_INPUT_REPORT_MAX];
	struct vsp_chain chain[VS_INPUT_QUEUES];
};

/* report.c: pure */
void vsp_input_state_init(struct vsp_input_state *state);
void vsp_input_state_apply(struct vsp_input_state *state, const struct vsp_input_event *event);
void vsp_input_stream_init(struct vsp_input_stream *stream, const struct vsp_input_state *want);
bool vsp_input_stream_add(struct vsp_input_stream *stream, const struct vsp_input_event *report,
			  unsigned int count);
void vsp_input_stream_clear(struct vsp_input_stream *stream);
void vsp_input_stream_restart(struct vsp_input_stream *stream);
void vsp_input_stream_join(struct vsp_input_stream *stream);
void vsp_input_stream_leave(struct vsp_input_stream *stream);
void vsp_input_stream_axes(struct vsp_input_stream *stream);
unsigned int vsp_input_stream_take(struct vsp_input_stream *stream,
				   const struct vs_input_grant *grant,
				   struct vsp_input_event *report);

/* chord.c: pure */
int vsp_input_chord_parse(struct vsp_input_chord *chord, char *text);
bool vsp_input_chord_has(const struct vsp_input_chord *chord, unsigned int code);

/* caps.c: pure */
void vsp_input_caps_add(struct vsp_input_caps *caps, const struct input_dev *dev);
void vsp_input_caps_limit(const struct vsp_input_caps *caps, struct vs_terms *limits);
void vsp_input_caps_answer(const struct vsp_input_caps *caps, const struct vs_input_grant *grant,
			   const struct vs_input_query *query,
			   struct virtio_input_config *config);

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

/* queue.c */
void vsp_input_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_input_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_input_queue_reset(struct vsp_service *service);
void vsp_input_queue_wake(struct vsp_service *service, u32 flow);

/* input.c */
void vsp_input_count(struct vsp_input *input, enum vsp_input_counter counter, u64 by);

#endif
