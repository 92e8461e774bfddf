// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's sound card counts, and shows in counters/ of its session:
 *
 *	frames_played		that the host has given back as played
 *	frames_recorded		that the host has recorded
 *	xruns			streams that ran dry, or that the host has stopped
 *	streams_ended		by a contract that does not allow them any more
 */
#include "vs_counter.h"
#include "vsc/audio/audio.h"
#include "vsc/class.h"

VSC_COUNTER(frames_played, VSC_AUDIO_PLAYED);
VSC_COUNTER(frames_recorded, VSC_AUDIO_RECORDED);
VSC_COUNTER(xruns, VSC_AUDIO_XRUNS);
VSC_COUNTER(streams_ended, VSC_AUDIO_ENDED);

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
