// SPDX-License-Identifier: GPL-2.0-only
/*
 * The knobs of the client's own judgement, in the directory of its session.  What the
 * files mean stands in Documentation/ABI/testing/sysfs-class-vsc.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsc/core/vsc.h"

/**
 * struct knob_attribute - a number
 * @attr: its attribute
 * @offset: in struct vsc_auto_knobs, of a u32
 * @lowest: that can be written
 * @highest: likewise
 * @unit: for the log
 */
struct knob_attribute {
	struct device_attribute attr;
	size_t offset;
	u32 lowest;
	u32 highest;
	const char *unit;
};

static ssize_t on_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_session *session = to_vsc_session(dev);
	bool on;

	spin_lock(&session->lock);
	on = session->knobs.on;
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%d\n", on);
}

static int shown_length(const char *text)
{
	return min_t(size_t, strcspn(text, "\n"), 64);
}

static ssize_t on_store(struct device *dev, struct device_attribute *attr, const char *text,
			size_t length)
{
	bool on = sysfs_streq(text, "1");

	if (!on && !sysfs_streq(text, "0")) {
		dev_warn_ratelimited(dev, "auto: \"%*pE\" refused, write 0 or 1\n",
				     shown_length(text), text);
		return -EINVAL;
	}
	vsc_session_auto(to_vsc_session(dev), on);
	return length;
}

static u32 *to_value(struct vsc_session *session, const struct knob_attribute *knob)
{
	return (u32 *)((u8 *)&session->knobs + knob->offset);
}

static ssize_t knob_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct knob_attribute *knob = container_of(attr, struct knob_attribute, attr);
	struct vsc_session *session = to_vsc_session(dev);
	u32 value;

	spin_lock(&session->lock);
	value = *to_value(session, knob);
	spin_unlock(&session->lock);
	return sysfs_emit(text, "%u\n", value);
}

static ssize_t knob_store(struct device *dev, struct device_attribute *attr, const char *text,
			  size_t length)
{
	const struct knob_attribute *knob = container_of(attr, struct knob_attribute, attr);
	struct vsc_session *session = to_vsc_session(dev);
	u32 value;
	int error;

	error = kstrtou32(text, 0, &value);
	if (!error && (value < knob->lowest || value > knob->highest))
		error = -ERANGE;
	if (error) {
		dev_warn_ratelimited(dev, "%s: \"%*pE\" refused, write %u..%u %s\n",
				     attr->attr.name, shown_length(text), text, knob->lowest,
				     knob->highest, knob->unit);
		return error;
	}
	spin_lock(&session->lock);
	*to_value(session, knob) = value;
	spin_unlock(&session->lock);
	return length;
}

/* By hand: for the kernel's macros its name is a keyword. */
static struct device_attribute on = {
	.attr = { .name = "auto", .mode = 0644 },
	.show = on_show,
	.store = on_store,
};

static struct knob_attribute window_ms = {
	.attr = __ATTR(auto_window_ms, 0644, knob_show, knob_store),
	.offset = offsetof(struct vsc_auto_knobs, window_ms),
	.lowest = VSC_AUTO_WINDOW_MIN_MS,
	.highest = VSC_AUTO_WINDOW_MAX_MS,
	.unit = "ms",
};

static struct knob_attribute held_percent = {
	.attr = __ATTR(auto_held_percent, 0644, knob_show, knob_store),
	.offset = offsetof(struct vsc_auto_knobs, held_percent),
	.lowest = 1,
	.highest = 100,
	.unit = "percent",
};

static struct knob_attribute interval_ms = {
	.attr = __ATTR(auto_interval_ms, 0644, knob_show, knob_store),
	.offset = offsetof(struct vsc_auto_knobs, interval_ms),
	.lowest = VSC_AUTO_INTERVAL_MIN_MS,
	.highest = VSC_AUTO_INTERVAL_MAX_MS,
	.unit = "ms",
};

static struct attribute *attributes[] = {
	&on.attr,
	&window_ms.attr.attr,
	&held_percent.attr.attr,
	&interval_ms.attr.attr,
	NULL
};

const struct attribute_group vsc_sysfs_auto = {
	.attrs = attributes,
};
