// SPDX-License-Identifier: GPL-2.0-only
/*
 * A report: the events between two SYN_REPORT, put together from a stream that is not believed.
 * Pure.
 *
 * An event that the device cannot have is refused alone, and the rest of its report passes: it
 * says nothing that another event needs. A slot that is not there is different, for what
 * follows is said of it, up to the next one that is there. A value out of an axis's range is
 * cut to it, as hardware is known to pass its own edge.
 */
#include <linux/bitops.h>
#include <linux/input.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vsc/input/input.h"

static bool report_has(const unsigned long *bits, unsigned int code, unsigned int count)
{
	return code < count && test_bit(code, bits);
}

static bool report_is_touch(unsigned int code)
{
	return code > ABS_MT_SLOT && code <= ABS_MT_TOOL_Y;
}

/* Return: whether the value can be one of the axis; cut to its range. */
static bool report_axis(struct vsc_input_report *report, const struct vsc_input_caps *caps,
			unsigned int code, s32 *value)
{
	const struct vsc_input_axis *axis = &caps->axis[code];

	if (code == ABS_MT_SLOT) {
		report->slot_refused = *value < 0 || *value >= caps->contacts;
		return !report->slot_refused;
	}
	if (report_is_touch(code) && report->slot_refused)
		return false;
	/* Any negative number means that the contact has gone. */
	if (code == ABS_MT_TRACKING_ID)
		return *value >= -1;
	if (axis->minimum < axis->maximum)
		*value = clamp(*value, axis->minimum, axis->maximum);
	return true;
}

static bool report_can(struct vsc_input_report *report, const struct vsc_input_caps *caps,
		       struct vsc_input_value *value)
{
	switch (value->type) {
	case EV_KEY:
		/* This side repeats keys itself. */
		return report_has(caps->key, value->code, KEY_CNT) &&
		       (value->value == 0 || value->value == 1);
	case EV_REL:
		return report_has(caps->rel, value->code, REL_CNT);
	case EV_ABS:
		return report_has(caps->abs, value->code, ABS_CNT) &&
		       report_axis(report, caps, value->code, &value->value);
	}
	return false;
}

static enum vsc_input_step report_end(struct vsc_input_report *report)
{
	if (!report->overrun)
		return VSC_INPUT_WHOLE;
	vsc_input_report_reset(report);
	return VSC_INPUT_LOST;
}

/**
 * vsc_input_report_add() - the next event of the stream
 * @report: what there is of it; after VSC_INPUT_WHOLE to be read, and reset
 * @caps: what the device can
 * @value: the event
 *
 * Context: any; the caller serialises.
 * Return: what comes of it.
 */
enum vsc_input_step vsc_input_report_add(struct vsc_input_report *report,
					 const struct vsc_input_caps *caps,
					 const struct vsc_input_value *value)
{
	struct vsc_input_value copy = *value;

	if (value->type == EV_SYN && value->code == SYN_REPORT)
		return report_end(report);
	if (value->type == EV_SYN && value->code == SYN_DROPPED)
		return VSC_INPUT_LOST;
	if (!report_can(report, caps, &copy))
		return VSC_INPUT_REFUSED;
	if (report->count == ARRAY_SIZE(report->value)) {
		report->overrun = true;
		return VSC_INPUT_REFUSED;
	}
	report->value[report->count++] = copy;
	return VSC_INPUT_TAKEN;
}

/**
 * vsc_input_report_reset() - begin another report
 * @report: any; which slot the stream is at stays known
 *
 * Context: any; the caller serialises.
 */
void vsc_input_report_reset(struct vsc_input_report *report)
{
	report->count = 0;
	report->overrun = false;
}
