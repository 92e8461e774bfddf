// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the frames of a stream are due: as many have passed as its rate says of the time since it
 * began.  Pure.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "vsp/audio/audio.h"

/**
 * vsp_audio_clock_start() - frame 0 begins
 * @clock: any
 * @rate: frames/s, not 0
 * @now_ns: the time
 */
void vsp_audio_clock_start(struct vsp_audio_clock *clock, u32 rate, u64 now_ns)
{
	*clock = (struct vsp_audio_clock){ .rate = rate, .anchor_ns = now_ns };
}

/**
 * vsp_audio_clock_due() - how many frames have ended that were not taken
 * @clock: started
 * @now_ns: the time
 *
 * Return: frames.
 */
u64 vsp_audio_clock_due(const struct vsp_audio_clock *clock, u64 now_ns)
{
	u64 passed = now_ns - min(now_ns, clock->anchor_ns);
	u64 ended = mul_u64_u64_div_u64(passed, clock->rate, NSEC_PER_SEC);

	return ended - min(ended, clock->frames);
}

/**
 * vsp_audio_clock_give_up() - what is later than VSP_AUDIO_LATE_MS
 * @clock: started
 * @now_ns: the time; the clock goes on from as long before
 *
 * Return: whether there was something.
 */
bool vsp_audio_clock_give_up(struct vsp_audio_clock *clock, u64 now_ns)
{
	u64 late = div_u64((u64)clock->rate * VSP_AUDIO_LATE_MS, MSEC_PER_SEC);

	if (vsp_audio_clock_due(clock, now_ns) <= late)
		return false;
	clock->anchor_ns = now_ns - VSP_AUDIO_LATE_MS * (u64)NSEC_PER_MSEC;
	clock->frames = 0;
	return true;
}

/**
 * vsp_audio_clock_take() - frames were played or recorded
 * @clock: started
 * @frames: how many
 *
 * Whole seconds are dropped from both numbers, so that neither grows, and nothing is rounded.
 */
void vsp_audio_clock_take(struct vsp_audio_clock *clock, u32 frames)
{
	clock->frames += frames;
	while (clock->frames >= clock->rate) {
		clock->frames -= clock->rate;
		clock->anchor_ns += NSEC_PER_SEC;
	}
}

/**
 * vsp_audio_clock_wait_ns() - how long until frames are due
 * @clock: started
 * @frames: that many, from the first that was not taken
 * @now_ns: the time
 *
 * Return: nanoseconds; 0: they are.
 */
u64 vsp_audio_clock_wait_ns(const struct vsp_audio_clock *clock, u32 frames, u64 now_ns)
{
	u64 ends = clock->anchor_ns + DIV64_U64_ROUND_UP((clock->frames + frames) * NSEC_PER_SEC,
							 clock->rate);

	return ends - min(ends, now_ns);
}
