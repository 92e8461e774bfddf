// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a PCM of the host leaves of the terms, and frames of other channels than its own.  Pure.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "vs_terms.h"
#include "vsp/audio/source.h"

static void fit_stream(const struct vsp_audio_caps *caps, struct vs_term *channels,
		       struct vs_term *formats)
{
	channels->high = min_t(u64, channels->high, caps->channels_max);
	formats->high &= caps->formats;
}

/**
 * vsp_audio_fit_limits() - narrow limits to what a PCM can do
 * @caps: of its substreams, VS_AUDIO_STREAMS
 * @limits: a complete set
 *
 * Rates are those of both directions. A shortest period that is longer than what the limits have
 * at most widens these: what it costs is less.
 */
void vsp_audio_fit_limits(const struct vsp_audio_caps *caps, struct vs_terms *limits)
{
	struct vs_term *period = &limits->term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)];
	struct vs_term *rates = &limits->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)];

	fit_stream(&caps[VS_AUDIO_STREAM_PLAYBACK],
		   &limits->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)],
		   &limits->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)]);
	fit_stream(&caps[VS_AUDIO_STREAM_CAPTURE],
		   &limits->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)],
		   &limits->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_FORMATS)]);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		if (!caps[i].channels_max)
			continue;
		rates->high &= caps[i].rates;
		period->low = max_t(u64, period->low, caps[i].period);
	}
	period->high = max(period->high, period->low);
	if (!caps[VS_AUDIO_STREAM_PLAYBACK].channels_max)
		limits->term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)].high = 0;
}

/**
 * vsp_audio_fit_channels() - frames of some channels become frames of others
 * @to: @frames of @to_channels
 * @to_channels: 1 and up
 * @from: @frames of @from_channels
 * @from_channels: 1 and up
 * @sample: bytes of a sample; all bits zero are silence
 * @frames: how many
 *
 * One channel is heard on the first two. Else each channel stays what it is: what is more is left
 * out, and what is missing is silent.
 */
void vsp_audio_fit_channels(u8 *to, u32 to_channels, const u8 *from, u32 from_channels, u32 sample,
			    u32 frames)
{
	u32 same = min(to_channels, from_channels);
	bool twice = from_channels == 1 && to_channels > 1;

	for (; frames; frames--) {
		memset(to, 0, to_channels * sample);
		memcpy(to, from, same * sample);
		if (twice)
			memcpy(to + sample, from, sample);
		to += to_channels * sample;
		from += from_channels * sample;
	}
}
