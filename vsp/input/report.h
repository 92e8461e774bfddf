/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events, and what waits of them for a client (report.c); what is told of the devices that they
 * come from (caps.c), and the keys that move these (chord.c): pure.
 */
#ifndef VSP_INPUT_REPORT_H
#define VSP_INPUT_REPORT_H

#include <linux/bitmap.h>
#include <linux/input.h>
#include <linux/types.h>

#include "vs_input.h"

struct virtio_input_config;
struct vs_terms;

#define VSP_INPUT_WAITING_MAX	1024	/* events that wait for one client; a power of two */
#define VSP_INPUT_CHORD_MAX	4	/* keys of a chord */
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
void vsp_input_stream_resume(struct vsp_input_stream *stream);
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

#endif
