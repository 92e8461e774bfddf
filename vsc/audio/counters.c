// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's sound card counts, and shows in counters/ of its session:
 *
 *	frames_played		that the host has given back as played
 *	frames_recorded		that the host has recorded
 *	xruns			streams that ran dry, or that the host has stopped
 *	streams_ended		by a contract that does not allow them any more
 */
#include <linux/device.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vsc/audio/audio.h"
#include "vsc/class.h"

static ssize_t counters_show_audio(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct dev_ext_attribute *counter =
		container_of(attr, struct dev_ext_attribute, attr);
	struct vsc_audio *audio;
	ssize_t length = -ENODEV;

	rcu_read_lock();
	audio = vsc_session_data(vsc_session_of_device(dev));
	if (audio)
		length = sysfs_emit(text, "%lld\n", (s64)
				    atomic64_read(&audio->counter[(unsigned long)counter->var]));
	rcu_read_unlock();
	return length;
}

#define COUNTER(name, index)							\
	static struct dev_ext_attribute counter_##name = {			\
		__ATTR(name, 0444, counters_show_audio, NULL), (void *)(unsigned long)(index) }

COUNTER(frames_played, VSC_AUDIO_PLAYED);
COUNTER(frames_recorded, VSC_AUDIO_RECORDED);
COUNTER(xruns, VSC_AUDIO_XRUNS);
COUNTER(streams_ended, VSC_AUDIO_ENDED);

static struct attribute *counters_attrs[] = {
	&counter_frames_played.attr.attr,
	&counter_frames_recorded.attr.attr,
	&counter_xruns.attr.attr,
	&counter_streams_ended.attr.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_audio_counters_group = {
	.name = "counters",
	.attrs = counters_attrs,
};
