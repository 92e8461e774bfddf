/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's input device: what input.c (the contract), device.c (the input_dev), queue.c
 * (events and status), query.c (what the host says of the device), answer.c and report.c (what
 * is pure of these) and counters.c share.
 *
 * What the device can is the set that the contract grants, cut to what the host says of its
 * source (struct vsc_input_caps).  An input_dev cannot change what it can: where that
 * becomes another, the session's work puts another input_dev in its place, and in the
 * meantime events wait in the ring, so that none is lost.
 *
 * Lock order: vsc_input_device.lock > the input core's mutexes > vsc_input_events.lock > the
 * input_dev's event_lock > vsc_input_status.lock, vsc_flow.lock > the session's inbox.
 */
#ifndef VSC_INPUT_H
#define VSC_INPUT_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/input.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_input.h>

#include "vs_input.h"
#include "vs_limits.h"
#include "vsc/demand/flow.h"

struct attribute_group;
struct virtqueue;
struct vs_term;
struct vsc_channel;
struct vsc_input;
struct vsc_session;

#define VSC_INPUT_NAME		129	/* bytes of a name, with its end */
#define VSC_INPUT_STATUSES	16	/* status events in the ring at once */

/**
 * struct vsc_input_axis - an absolute axis, as struct input_absinfo
 * @minimum: least value
 * @maximum: largest value, not below @minimum
 * @fuzz: noise that is filtered out
 * @flat: values that count for 0, of a joystick
 * @resolution: units a mm, or a radian
 */
struct vsc_input_axis {
	s32 minimum;
	s32 maximum;
	s32 fuzz;
	s32 flat;
	s32 resolution;
};

/**
 * struct vsc_input_caps - what an input_dev is registered with
 * @name: of the host's source
 * @id: likewise
 * @props: INPUT_PROP_*
 * @key: KEY_* and BTN_*
 * @rel: REL_*
 * @abs: ABS_*
 * @led: LED_*
 * @repeat: keys that are held repeat
 * @contacts: slots of a touch device, 0: none
 * @axis: of each of @abs, others are zeroes
 *
 * Two that are to be compared are filled from zeroes, so memcmp() does.
 */
struct vsc_input_caps {
	char name[VSC_INPUT_NAME];
	struct input_id id;
	DECLARE_BITMAP(props, INPUT_PROP_CNT);
	DECLARE_BITMAP(key, KEY_CNT);
	DECLARE_BITMAP(rel, REL_CNT);
	DECLARE_BITMAP(abs, ABS_CNT);
	DECLARE_BITMAP(led, LED_CNT);
	bool repeat;
	u32 contacts;
	struct vsc_input_axis axis[ABS_CNT];
};

/* What comes of an event that is put into a report. */
enum vsc_input_step {
	VSC_INPUT_TAKEN,	/* the report goes on */
	VSC_INPUT_WHOLE,	/* the report is to be delivered, or has nothing in it */
	VSC_INPUT_REFUSED,	/* the event is no part of it: not granted, or not possible */
	VSC_INPUT_LOST,		/* reports were lost, by the host, or this one here */
};

/**
 * struct vsc_input_value - an event, in the processor's byte order
 * @type: EV_*
 * @code: of the type
 * @value: likewise
 */
struct vsc_input_value {
	u16 type;
	u16 code;
	s32 value;
};

/**
 * struct vsc_input_report - the events that have come since the last SYN_REPORT
 * @count: of @value
 * @overrun: there were more than fit: the report is lost as a whole
 * @slot_refused: what follows is of a touch slot that the device does not have
 * @value: the events, without the SYN_REPORT
 */
struct vsc_input_report {
	unsigned int count;
	bool overrun;
	bool slot_refused;
	struct vsc_input_value value[VS_INPUT_REPORT_MAX - 1];
};

/* What is counted; see counters.c. */
enum vsc_input_counter {
	VSC_INPUT_REPORTS,
	VSC_INPUT_EVENTS,
	VSC_INPUT_EVENTS_REFUSED,
	VSC_INPUT_REPORTS_LOST,
	VSC_INPUT_STATUS_SENT,
	VSC_INPUT_REPLACED,
	VSC_INPUT_COUNTERS
};

/**
 * struct vsc_input_events - what comes from the host
 * @lock: protects the rest; taken with interrupts off, held while a report is delivered
 * @vq: the virtqueue; NULL while the machine sleeps
 * @paused: events wait in the ring: what the device can may be about to change
 * @target: where reports go; NULL: nowhere
 * @caps: what @target can
 * @size: of @buffer
 * @buffer: posted in @vq, each for one event
 * @report: the one that is being put together
 * @more: takes what one callback has left
 */
struct vsc_input_events {
	spinlock_t lock;	/* of all below */
	struct virtqueue *vq;
	bool paused;
	struct input_dev *target;
	const struct vsc_input_caps *caps;
	unsigned int size;
	struct virtio_input_event *buffer;
	struct vsc_input_report report;
	struct work_struct more;
};

/**
 * struct vsc_input_status - what goes to the host: LEDs, and how keys repeat
 * @lock: protects the rest; taken with interrupts off
 * @vq: the virtqueue; NULL while the machine sleeps
 * @led: as they should be
 * @led_due: the host is to be told of these
 * @repeat: REP_DELAY and REP_PERIOD, as they should be
 * @repeat_due: likewise, a bit each
 * @free: of @buffer, a bit each
 * @buffer: of the events in @vq
 */
struct vsc_input_status {
	spinlock_t lock;	/* of all below */
	struct virtqueue *vq;
	DECLARE_BITMAP(led, LED_CNT);
	DECLARE_BITMAP(led_due, LED_CNT);
	s32 repeat[REP_CNT];
	DECLARE_BITMAP(repeat_due, REP_CNT);
	DECLARE_BITMAP(free, VSC_INPUT_STATUSES);
	struct virtio_input_event *buffer;
};

/**
 * struct vsc_input_query - what the host is asked for; one question at a time
 * @lock: protects @vq, @busy and @length; taken with interrupts off
 * @vq: the virtqueue; NULL while the machine sleeps
 * @busy: @request and @answer are the host's
 * @length: bytes that the host has written to @answer
 * @done: the host has given them back
 * @request: the question
 * @answer: room for the answer
 */
struct vsc_input_query {
	spinlock_t lock;	/* vq, busy, length */
	struct virtqueue *vq;
	bool busy;
	u32 length;
	struct completion done;
	struct vs_input_query *request;
	struct virtio_input_config *answer;
};

/**
 * struct vsc_input_device - the input_dev
 * @lock: protects @dev and @shown
 * @dev: registered, or NULL
 * @shown: what it can
 * @next: what the next one can; of the session's work
 * @uniq: the service's UUID
 * @phys: "vsc/UUID/input0"
 * @linger: takes the device away when no contract comes
 * @layout_lock: protects @layout
 * @layout: of the contract in force, as XKB calls it
 */
struct vsc_input_device {
	struct mutex lock;	/* dev, shown */
	struct input_dev *dev;
	struct vsc_input_caps shown;
	struct vsc_input_caps next;
	char uniq[UUID_STRING_LEN + 1];
	char phys[UUID_STRING_LEN + 16];
	struct delayed_work linger;
	spinlock_t layout_lock;	/* layout */
	char layout[VS_WIRE_TEXT_MAX + 1];
};

/**
 * struct vsc_input - one input device
 * @session: whose vsc_session_data() it is; readers other than the session's work come through
 *	RCU
 * @channel: of the session
 * @events: from the host
 * @status: to the host
 * @query: of the host
 * @device: the input_dev
 * @flow: the events that were delivered
 * @counter: by enum vsc_input_counter
 */
struct vsc_input {
	struct vsc_session *session;
	struct vsc_channel *channel;
	struct vsc_input_events events;
	struct vsc_input_status status;
	struct vsc_input_query query;
	struct vsc_input_device device;
	struct vsc_flow flow;
	atomic64_t counter[VSC_INPUT_COUNTERS];
};

/* vsc/input/report.c: pure */
enum vsc_input_step vsc_input_report_add(struct vsc_input_report *report,
					 const struct vsc_input_caps *caps,
					 const struct vsc_input_value *value);
void vsc_input_report_reset(struct vsc_input_report *report);

/* vsc/input/answer.c: pure */
int vsc_input_answer_check(const struct virtio_input_config *answer, u32 length,
			   const struct vs_input_query *request);
void vsc_input_answer_bits(const struct virtio_input_config *answer, unsigned long *bits,
			   unsigned int count);
void vsc_input_answer_name(const struct virtio_input_config *answer, char *name);
void vsc_input_answer_ids(const struct virtio_input_config *answer, struct input_id *id);
int vsc_input_answer_axis(const struct virtio_input_config *answer, unsigned int code,
			  u32 contacts, struct vsc_input_axis *axis);
void vsc_input_layout_part(const char *layout, bool variant, char *part);

/* vsc/input/query.c */
int vsc_input_query_caps(struct vsc_input *input, struct vsc_input_caps *caps);
void vsc_input_query_data(struct vsc_input *input);

/* vsc/input/queue.c */
int vsc_input_queue_init(struct vsc_input *input);
void vsc_input_queue_exit(struct vsc_input *input);
int vsc_input_queue_wake(struct vsc_input *input);
void vsc_input_queue_sleep(struct vsc_input *input);
void vsc_input_queue_pause(struct vsc_input *input);
void vsc_input_queue_resume(struct vsc_input *input);
void vsc_input_queue_target(struct vsc_input *input, struct input_dev *dev,
			    const struct vsc_input_caps *caps);
void vsc_input_queue_lift(struct vsc_input *input);
void vsc_input_queue_status(struct vsc_input *input, unsigned int type, unsigned int code,
			    int value);
void vsc_input_queue_status_begin(struct vsc_input *input, const unsigned long *led, bool fresh);
void vsc_input_queue_events_data(struct vsc_input *input);
void vsc_input_queue_status_data(struct vsc_input *input);

/* vsc/input/device.c */
void vsc_input_device_init(struct vsc_input *input);
int vsc_input_device_follow(struct vsc_input *input);
void vsc_input_device_layout(struct vsc_input *input, const struct vs_term *layout);
void vsc_input_device_stay(struct vsc_input *input);
void vsc_input_device_linger(struct vsc_input *input);
void vsc_input_device_remove(struct vsc_input *input);

/* vsc/input/counters.c */
extern const struct attribute_group vsc_input_counters_group;

/**
 * vsc_input_count() - add to what sysfs shows
 * @input: the device
 * @counter: what has happened
 * @more: how often
 *
 * Context: any.
 */
static inline void vsc_input_count(struct vsc_input *input, enum vsc_input_counter counter,
				   u64 more)
{
	atomic64_add(more, &input->counter[counter]);
}

#endif
