// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a stream is between two messages, and what an open stream needs of the next contract.
 * Pure.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "vs_terms.h"
#include "vsc/audio/audio.h"

/**
 * vsc_audio_position_ahead() - frames that were played of the oldest message in the ring
 * @passed_ns: since the host has given back the one before
 * @rate: frames/s
 * @frames: of the message; 0: there is none
 *
 * All of a message counts as played only when the host has given it back, so the position does
 * not reach what a program has written before the host has played it.
 *
 * Return: frames, less than those of the message.
 */
u32 vsc_audio_position_ahead(u64 passed_ns, u32 rate, u32 frames)
{
	if (!frames)
		return 0;
	return min_t(u64, mul_u64_u32_div(min_t(u64, passed_ns, NSEC_PER_SEC), rate,
					  NSEC_PER_SEC), frames - 1);
}

/**
 * vsc_audio_position_latency() - how late the host says that frames are heard, or were recorded
 * @bytes: of a message's status: any number
 * @params: of the stream
 *
 * Return: frames, no more than a second.
 */
u32 vsc_audio_position_latency(u32 bytes, const struct vs_audio_params *params)
{
	return min(bytes / vs_audio_frame_bytes(params), vs_audio_rate(params->rate));
}

static void position_need_bit(struct vs_term *term, unsigned int bit)
{
	/* What the administrator does not want is not needed either. */
	term->low |= term->high & BIT(bit);
}

/**
 * vsc_audio_position_wish() - what a stream needs to go on
 * @params: of the stream
 * @stream: enum vs_audio_stream
 * @wish: to be completed
 */
void vsc_audio_position_wish(const struct vs_audio_params *params, unsigned int stream,
			     struct vs_terms *wish)
{
	bool plays = stream == VS_AUDIO_STREAM_PLAYBACK;
	struct vs_term *channels, *formats;

	channels = &wish->term[VS_AUDIO_INDEX(plays ? VS_AUDIO_PLAYBACK_CHANNELS :
					      VS_AUDIO_CAPTURE_CHANNELS)];
	formats = &wish->term[VS_AUDIO_INDEX(plays ? VS_AUDIO_PLAYBACK_FORMATS :
					     VS_AUDIO_CAPTURE_FORMATS)];
	channels->low = max(channels->low, min_t(u64, channels->high, params->channels));
	position_need_bit(formats, params->format);
	position_need_bit(&wish->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)], params->rate);
}
