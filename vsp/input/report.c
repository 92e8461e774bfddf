// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports that wait for a client.  Pure.
 *
 * Motion that waits is merged: distances are added, positions replaced.  A report with a key, a
 * button, or a touch that begins or ends is never merged.  Where there is no room for a report,
 * all that waits is dropped: the client is told so (SYN_DROPPED), and its state is then brought to
 * the source's by reports that are made of the difference.  So no release is ever lost.
 */
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "vsp/input/report.h"

static_assert(!(VSP_INPUT_WAITING_MAX & (VSP_INPUT_WAITING_MAX - 1)));

/* A report that is being made for the client, and its stream. */
struct report_out {
	struct vsp_input_stream *stream;
	struct vsp_input_event *event;
	unsigned int count;
};

/* What one event may need: a slot, itself, and the report's end. */
#define REPORT_ROOM	3

static bool report_is_mt(unsigned int code)
{
	return code >= VSP_INPUT_MT_FIRST && code < VSP_INPUT_MT_FIRST + VSP_INPUT_MT_CODES;
}

#define REPORT_TRACKING	(ABS_MT_TRACKING_ID - VSP_INPUT_MT_FIRST)

/**
 * vsp_input_state_init() - nothing is held, and no axis has a value
 * @state: any
 *
 * Context: any.
 */
void vsp_input_state_init(struct vsp_input_state *state)
{
	memset(state, 0, sizeof(*state));
	for (unsigned int i = 0; i < VS_INPUT_CONTACTS_MAX; i++)
		state->mt[i][REPORT_TRACKING] = -1;
}

/**
 * vsp_input_state_apply() - the state after an event
 * @state: before it
 * @event: EV_KEY or EV_ABS; others change nothing. Its code and slot are in range
 *
 * Context: any.
 */
void vsp_input_state_apply(struct vsp_input_state *state, const struct vsp_input_event *event)
{
	if (event->type == EV_KEY) {
		__assign_bit(event->code, state->key, event->value);
	} else if (event->type == EV_ABS && report_is_mt(event->code)) {
		state->mt[event->slot][event->code - VSP_INPUT_MT_FIRST] = event->value;
	} else if (event->type == EV_ABS) {
		state->abs[event->code] = event->value;
		__set_bit(event->code, state->known);
	}
}

/**
 * vsp_input_stream_init() - an empty stream
 * @stream: zeroed
 * @want: state of its source, which the caller keeps
 */
void vsp_input_stream_init(struct vsp_input_stream *stream, const struct vsp_input_state *want)
{
	stream->want = want;
	vsp_input_stream_clear(stream);
}

/**
 * vsp_input_stream_clear() - the client is gone: nothing waits, and it holds nothing
 * @stream: any; vsp_input_stream_join() follows before anything comes
 *
 * Context: any.
 */
void vsp_input_stream_clear(struct vsp_input_stream *stream)
{
	stream->head = stream->end;
	stream->motion = false;
	stream->lost = false;
	stream->sync = false;
	stream->slot = -1;
	vsp_input_state_init(&stream->have);
}

/**
 * vsp_input_stream_restart() - the client begins with a new device, which holds nothing
 * @stream: any
 *
 * Keys and contacts that the old device showed as held are not shown by the new one until they
 * are released.
 *
 * Context: any.
 */
void vsp_input_stream_restart(struct vsp_input_stream *stream)
{
	bitmap_or(stream->mute, stream->mute, stream->have.key, KEY_CNT);
	bitmap_and(stream->mute, stream->mute, stream->base.key, KEY_CNT);
	for (unsigned int i = 0; i < VS_INPUT_CONTACTS_MAX; i++)
		if (stream->have.mt[i][REPORT_TRACKING] >= 0)
			stream->mute_slot |= BIT(i);
	vsp_input_state_init(&stream->have);
	vsp_input_stream_axes(stream);
}

/**
 * vsp_input_stream_join() - the client has the source from here on
 * @stream: any
 *
 * Keys and contacts that are held now are not shown to the client until they are released. If
 * reports still wait from before it lost the source, the client is told that they are lost.
 *
 * Context: any.
 */
void vsp_input_stream_join(struct vsp_input_stream *stream)
{
	stream->lost |= stream->head != stream->end;
	stream->head = stream->end;
	stream->motion = false;
	stream->base = *stream->want;
	bitmap_copy(stream->mute, stream->want->key, KEY_CNT);
	stream->mute_slot = BIT(VS_INPUT_CONTACTS_MAX) - 1;
	stream->active = true;
	vsp_input_stream_axes(stream);
}

/**
 * vsp_input_stream_resume() - the client was stopped, and goes on with what it has
 * @stream: any
 *
 * What waits is dropped, and what the client holds is released.
 *
 * Context: any.
 */
void vsp_input_stream_resume(struct vsp_input_stream *stream)
{
	if (stream->active) {
		vsp_input_stream_join(stream);
		return;
	}
	/* Among it are the releases for one that has lost the source. */
	stream->head = stream->end;
	stream->motion = false;
	vsp_input_state_init(&stream->base);
	vsp_input_stream_axes(stream);
}

/**
 * vsp_input_stream_axes() - tell the client again where all axes are
 * @stream: any
 *
 * Context: any.
 */
void vsp_input_stream_axes(struct vsp_input_stream *stream)
{
	bitmap_zero(stream->have.known, ABS_CNT);
	stream->slot = -1;
	stream->sync = true;
}

/* ---- Coming in ---- */

static struct vsp_input_event *stream_at(struct vsp_input_stream *stream, u32 number)
{
	return &stream->event[number % VSP_INPUT_WAITING_MAX];
}

static u32 stream_room(const struct vsp_input_stream *stream)
{
	return VSP_INPUT_WAITING_MAX - (stream->end - stream->head);
}

static bool report_is_motion(const struct vsp_input_event *report, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (report[i].type == EV_KEY || (report[i].type == EV_ABS &&
						 report[i].code == ABS_MT_TRACKING_ID))
			return false;
	return true;
}

/* The same axis in the last report, which ends before @end; where it comes twice, the later one. */
static struct vsp_input_event *stream_same(struct vsp_input_stream *stream,
					   const struct vsp_input_event *event)
{
	for (u32 i = stream->end - 1; i != stream->tail; i--) {
		struct vsp_input_event *other = stream_at(stream, i - 1);

		if (other->type == event->type && other->code == event->code &&
		    other->slot == event->slot)
			return other;
	}
	return NULL;
}

/* May the last report take in another one? It waits, whole, and stays small enough. */
static bool stream_may_merge(struct vsp_input_stream *stream,
			     const struct vsp_input_event *report, unsigned int count)
{
	unsigned int more = 0;
	s32 sum;

	if (!stream->motion || stream->tail - stream->head >= stream->end - stream->head)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		const struct vsp_input_event *same = stream_same(stream, &report[i]);

		if (!same)
			more++;
		else if (same->type == EV_REL &&
			 check_add_overflow(same->value, report[i].value, &sum))
			return false;
	}
	return more <= stream_room(stream) &&
	       stream->end - stream->tail + more <= VS_INPUT_REPORT_MAX;
}

static void stream_put(struct vsp_input_stream *stream, const struct vsp_input_event *event)
{
	*stream_at(stream, stream->end++) = *event;
}

static void stream_end_report(struct vsp_input_stream *stream)
{
	static const struct vsp_input_event end = { .type = EV_SYN, .code = SYN_REPORT };

	stream_put(stream, &end);
}

static void stream_merge(struct vsp_input_stream *stream, const struct vsp_input_event *report,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct vsp_input_event *same = stream_same(stream, &report[i]);

		if (same && same->type == EV_REL) {
			/* The same axis twice in one report: wraps at worst, as the sum would. */
			same->value = (s32)((u32)same->value + (u32)report[i].value);
		} else if (same) {
			same->value = report[i].value;
		} else {
			stream->end--;	/* its SYN_REPORT */
			stream_put(stream, &report[i]);
			stream_end_report(stream);
		}
	}
}

/* All that waits is dropped. A touch that has begun in it is not the one that was muted. */
static void stream_drop(struct vsp_input_stream *stream)
{
	for (unsigned int i = 0; i < VS_INPUT_CONTACTS_MAX; i++)
		if (stream->want->mt[i][REPORT_TRACKING] != stream->base.mt[i][REPORT_TRACKING])
			stream->mute_slot &= ~BIT(i);
	stream->head = stream->end;
	stream->motion = false;
	stream->lost = true;
	stream->sync = true;
	stream->base = *stream->want;
	bitmap_and(stream->mute, stream->mute, stream->want->key, KEY_CNT);
}

static bool stream_append(struct vsp_input_stream *stream, const struct vsp_input_event *report,
			  unsigned int count, bool motion)
{
	if (count + 1 > stream_room(stream)) {
		stream_drop(stream);
		return false;
	}
	stream->tail = stream->end;
	stream->motion = motion;
	for (unsigned int i = 0; i < count; i++)
		stream_put(stream, &report[i]);
	stream_end_report(stream);
	return true;
}

/**
 * vsp_input_stream_add() - a report has come
 * @stream: any; its source's state is that after the report
 * @report: EV_KEY, EV_REL and EV_ABS, without SYN_REPORT
 * @count: of its events, less than VS_INPUT_REPORT_MAX
 *
 * Context: any.
 * Return: false: there is no room, and what has waited is lost.
 */
bool vsp_input_stream_add(struct vsp_input_stream *stream, const struct vsp_input_event *report,
			  unsigned int count)
{
	bool motion = report_is_motion(report, count);

	if (!stream->active)
		return true;
	if (motion && stream_may_merge(stream, report, count)) {
		stream_merge(stream, report, count);
		return true;
	}
	return stream_append(stream, report, count, motion);
}

/**
 * vsp_input_stream_leave() - another client has the source from here on
 * @stream: active until now; what waits is still delivered, then all that is held is released
 *
 * Context: any.
 */
void vsp_input_stream_leave(struct vsp_input_stream *stream)
{
	struct vsp_input_event event = { .type = EV_KEY };
	unsigned int code;
	bool room = true;

	stream->active = false;
	for_each_set_bit(code, stream->want->key, KEY_CNT) {
		event.code = code;
		room = room && stream_append(stream, &event, 1, false);
	}
	event.type = EV_ABS;
	event.code = ABS_MT_TRACKING_ID;
	event.value = -1;
	for (event.slot = 0; event.slot < VS_INPUT_CONTACTS_MAX; event.slot++)
		if (stream->want->mt[event.slot][REPORT_TRACKING] >= 0)
			room = room && stream_append(stream, &event, 1, false);
	if (!room)
		vsp_input_state_init(&stream->base);
}

/* ---- Going out ---- */

static bool out_is_full(const struct report_out *out)
{
	return out->count > VS_INPUT_REPORT_MAX - REPORT_ROOM;
}

static void out_put(struct report_out *out, unsigned int type, unsigned int code, s32 value)
{
	out->event[out->count++] = (struct vsp_input_event){
		.type = type, .code = code, .value = value,
	};
}

static unsigned int out_end(struct report_out *out)
{
	if (out->count)
		out_put(out, EV_SYN, SYN_REPORT, 0);
	return out->count;
}

/* An event that the client is to have, and what it has then. */
static void out_event(struct report_out *out, const struct vsp_input_event *event)
{
	struct vsp_input_stream *stream = out->stream;

	if (event->type == EV_ABS && report_is_mt(event->code) && event->slot != stream->slot) {
		stream->slot = event->slot;
		out_put(out, EV_ABS, ABS_MT_SLOT, event->slot);
	}
	out_put(out, event->type, event->code, event->value);
	vsp_input_state_apply(&stream->have, event);
}

/*
 * A release of what is granted, and the end of a touch, always go their way: what a client holds
 * may be more than is known of it. Of a key that is not granted the client hears only that one
 * which it has is released.
 */
static bool stream_is_news(const struct vsp_input_stream *stream,
			   const struct vs_input_grant *grant, const struct vsp_input_event *event)
{
	const struct vsp_input_state *have = &stream->have;

	if (!vs_input_allows(grant, event->type, event->code))
		return event->type == EV_KEY && !event->value && test_bit(event->code, have->key);
	if (event->type == EV_KEY)
		return !event->value || !test_bit(event->code, have->key);
	if (event->type == EV_REL)
		return event->value;
	if (!report_is_mt(event->code))
		return !test_bit(event->code, have->known) ||
		       have->abs[event->code] != event->value;
	if (event->code == ABS_MT_TRACKING_ID && event->value < 0)
		return event->slot < grant->contacts;
	return event->slot < grant->contacts && !(stream->mute_slot & BIT(event->slot)) &&
	       have->mt[event->slot][event->code - VSP_INPUT_MT_FIRST] != event->value;
}

/* ---- The difference ---- */

static bool stream_wants_key(const struct vsp_input_stream *stream,
			     const struct vs_input_grant *grant, unsigned int code)
{
	return test_bit(code, stream->base.key) && !test_bit(code, stream->mute) &&
	       vs_input_allows(grant, EV_KEY, code);
}

static void diff_keys(struct report_out *out, const struct vs_input_grant *grant, bool press)
{
	const unsigned long *from = press ? out->stream->base.key : out->stream->have.key;
	struct vsp_input_event event = { .type = EV_KEY, .value = press };
	unsigned int code;

	for_each_set_bit(code, from, KEY_CNT) {
		if (out_is_full(out))
			return;
		event.code = code;
		if (stream_wants_key(out->stream, grant, code) == press &&
		    test_bit(code, out->stream->have.key) != press)
			out_event(out, &event);
	}
}

static void diff_axes(struct report_out *out, const struct vs_input_grant *grant)
{
	struct vsp_input_event event = { .type = EV_ABS };
	unsigned int code;

	for_each_set_bit(code, out->stream->base.known, ABS_CNT) {
		if (out_is_full(out))
			return;
		event.code = code;
		event.value = out->stream->base.abs[code];
		if (stream_is_news(out->stream, grant, &event))
			out_event(out, &event);
	}
}

static void diff_touch_code(struct report_out *out, const struct vs_input_grant *grant,
			    unsigned int slot, unsigned int code, s32 value)
{
	struct vsp_input_event event = {
		.type = EV_ABS, .slot = slot, .code = code, .value = value,
	};

	if (!out_is_full(out) && stream_is_news(out->stream, grant, &event))
		out_event(out, &event);
}

static void diff_touch_end(struct report_out *out, unsigned int slot)
{
	struct vsp_input_event event = {
		.type = EV_ABS, .slot = slot, .code = ABS_MT_TRACKING_ID, .value = -1,
	};

	if (!out_is_full(out) && out->stream->have.mt[slot][REPORT_TRACKING] >= 0)
		out_event(out, &event);
}

static void diff_touch(struct report_out *out, const struct vs_input_grant *grant,
		       unsigned int slot)
{
	struct vsp_input_stream *stream = out->stream;
	const s32 *want = stream->base.mt[slot];
	s32 tracking = want[REPORT_TRACKING];

	if (tracking < 0 || stream->mute_slot & BIT(slot)) {
		diff_touch_end(out, slot);
		return;
	}
	diff_touch_code(out, grant, slot, ABS_MT_TRACKING_ID, tracking);
	for (unsigned int i = 0; i < VSP_INPUT_MT_CODES; i++)
		diff_touch_code(out, grant, slot, VSP_INPUT_MT_FIRST + i, want[i]);
}

/* Releases come first. Return: 0: there is no difference. */
static unsigned int stream_difference(struct report_out *out, const struct vs_input_grant *grant)
{
	diff_keys(out, grant, false);
	for (unsigned int slot = 0; slot < VS_INPUT_CONTACTS_MAX; slot++)
		diff_touch(out, grant, slot);
	diff_axes(out, grant);
	diff_keys(out, grant, true);
	return out_end(out);
}

/* ---- The reports that wait ---- */

/* What was held before the client had the source is released. */
static void stream_unmute(struct vsp_input_stream *stream, const struct vsp_input_event *event)
{
	if (event->type == EV_KEY && !event->value)
		__clear_bit(event->code, stream->mute);
	else if (event->type == EV_ABS && event->code == ABS_MT_TRACKING_ID)
		stream->mute_slot &= ~BIT(event->slot);
}

/* The next report that waits; what is too long goes in two. Return: 0: nothing of it is news. */
static unsigned int stream_next(struct report_out *out, const struct vs_input_grant *grant)
{
	struct vsp_input_stream *stream = out->stream;
	const struct vsp_input_event *event;

	while (!out_is_full(out)) {
		event = stream_at(stream, stream->head++);
		if (event->type == EV_SYN)
			break;
		vsp_input_state_apply(&stream->base, event);
		stream_unmute(stream, event);
		if (!stream_is_news(stream, grant, event))
			continue;
		out_event(out, event);
		/* Where it begins may have been said while the client was told nothing of it. */
		if (event->type == EV_ABS && event->code == ABS_MT_TRACKING_ID)
			diff_touch(out, grant, event->slot);
	}
	/* A touch that began may not have had room for all that is known of it. */
	stream->sync |= out_is_full(out);
	/* What is left of it is a report without a beginning: nothing is merged into that. */
	if (stream->head != stream->tail &&
	    stream->head - stream->tail < stream->end - stream->tail)
		stream->motion = false;
	return out_end(out);
}

/**
 * vsp_input_stream_take() - the next report for the client
 * @stream: any
 * @grant: of the contract in force
 * @report: room for VS_INPUT_REPORT_MAX events
 *
 * Context: any.
 * Return: events of @report, SYN_REPORT included; 0: there is nothing to tell.
 */
unsigned int vsp_input_stream_take(struct vsp_input_stream *stream,
				   const struct vs_input_grant *grant,
				   struct vsp_input_event *report)
{
	struct report_out out = { .stream = stream, .event = report };

	if (stream->lost) {
		stream->lost = false;
		out_put(&out, EV_SYN, SYN_DROPPED, 0);
		return out_end(&out);
	}
	if (stream->sync && stream_difference(&out, grant))
		return out.count;
	stream->sync = false;
	while (stream->head != stream->end)
		if (stream_next(&out, grant))
			return out.count;
	return 0;
}
