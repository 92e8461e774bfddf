// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of audio, and what a stream may be set to under its terms: what both sides know of it
 * without its modules.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <uapi/linux/virtio_snd.h>

#include "vs_audio.h"
#include "vs_class.h"
#include "vs_terms.h"

static const char * const audio_formats[] = {
	[VS_AUDIO_S16] = "s16", [VS_AUDIO_S24] = "s24", [VS_AUDIO_S32] = "s32",
	[VS_AUDIO_FLOAT] = "float", NULL
};

static const char * const audio_rate_names[] = {
	"8000", "11025", "16000", "22050", "32000", "44100", "48000", "64000", "88200", "96000",
	"176400", "192000", NULL
};

static const u32 audio_rates[] = {
	8000, 11025, 16000, 22050, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000,
};

static const char * const audio_monitors[] = { "hear", "record", NULL };

#define AUDIO_ALL(count)	((1ULL << (count)) - 1)
#define AUDIO_STEREO		2
#define AUDIO_PERIOD_PRESET	1000	/* us */

static const struct vs_term_spec audio_terms[] = {
	{
		.id = VS_AUDIO_PLAYBACK_CHANNELS, .kind = VS_KIND_LEVEL,
		.name = "playback_channels", .unit = "channels",
		.highest = VS_AUDIO_CHANNELS_MAX, .step = 1, .preset = AUDIO_STEREO,
	}, {
		.id = VS_AUDIO_CAPTURE_CHANNELS, .kind = VS_KIND_LEVEL,
		.name = "capture_channels", .unit = "channels",
		.highest = VS_AUDIO_CHANNELS_MAX, .step = 1, .preset = AUDIO_STEREO,
	}, {
		.id = VS_AUDIO_PLAYBACK_FORMATS, .kind = VS_KIND_SET,
		.name = "playback_formats", .unit = "set",
		.highest = AUDIO_ALL(VS_AUDIO_FORMATS), .bits = audio_formats,
	}, {
		.id = VS_AUDIO_CAPTURE_FORMATS, .kind = VS_KIND_SET,
		.name = "capture_formats", .unit = "set",
		.highest = AUDIO_ALL(VS_AUDIO_FORMATS), .bits = audio_formats,
	}, {
		.id = VS_AUDIO_RATES, .kind = VS_KIND_SET,
		.name = "rates", .unit = "set",
		.highest = AUDIO_ALL(VS_AUDIO_RATES_MAX), .bits = audio_rate_names,
	}, {
		.id = VS_AUDIO_PERIOD, .kind = VS_KIND_LEVEL,
		.name = "period", .unit = "us",
		.lowest = VS_AUDIO_PERIOD_MIN, .highest = VS_AUDIO_PERIOD_MAX, .step = 1,
		.preset = AUDIO_PERIOD_PRESET,
	}, {
		.id = VS_AUDIO_MONITOR, .kind = VS_KIND_SET, .flags = VS_TERM_EXPLICIT,
		.name = "monitor", .unit = "set",
		.highest = VS_AUDIO_HEAR | VS_AUDIO_RECORD, .bits = audio_monitors,
	}, {
		.id = VS_AUDIO_BANDWIDTH, .kind = VS_KIND_RATE,
		.name = "bandwidth", .unit = "bytes/s",
		.lowest = 1, .highest = VS_AUDIO_BANDWIDTH_MAX, .step = 1,
	},
};

static const char * const audio_queues[] = {
	[VS_AUDIO_QUEUE_CONTROL] = "control",
	[VS_AUDIO_QUEUE_PLAYBACK] = "playback",
	[VS_AUDIO_QUEUE_CAPTURE] = "capture",
};

static const char * const audio_switches[] = {
	[VS_AUDIO_MUTE + VS_AUDIO_STREAM_PLAYBACK] = "playback_mute",
	[VS_AUDIO_MUTE + VS_AUDIO_STREAM_CAPTURE] = "capture_mute",
	NULL
};

static const char * const audio_texts[] = {
	[VS_AUDIO_SOURCE_GAP_MS] = "source_gap_ms",
	[VS_AUDIO_MIX_RATE] = "mix_rate",
	[VS_AUDIO_MIX_FORMAT] = "mix_format",
	[VS_AUDIO_MIX_CHANNELS] = "mix_channels",
	NULL
};

const struct vs_class_spec vs_class_audio = {
	.id = VS_CLASS_AUDIO,
	.name = "audio",
	.count = ARRAY_SIZE(audio_terms),
	.term = audio_terms,
	.queues = ARRAY_SIZE(audio_queues),
	.queue_names = audio_queues,
	.queue_size = VS_AUDIO_QUEUE_SIZE,
	.switches = audio_switches,
	.texts = audio_texts,
};
EXPORT_SYMBOL_GPL(vs_class_audio);

static_assert(ARRAY_SIZE(audio_rates) == VS_AUDIO_RATES_MAX);
static_assert(ARRAY_SIZE(audio_rate_names) == VS_AUDIO_RATES_MAX + 1);
static_assert(ARRAY_SIZE(audio_queues) <= VS_CLASS_QUEUES_MAX);

/**
 * vs_audio_rate() - what a bit of the term rates stands for
 * @bit: below VS_AUDIO_RATES_MAX
 *
 * Context: any.
 * Return: frames/s.
 */
u32 vs_audio_rate(unsigned int bit)
{
	return audio_rates[bit];
}
EXPORT_SYMBOL_GPL(vs_audio_rate);

/**
 * vs_audio_rate_bit() - which bit of the term rates stands for a rate
 * @rate: frames/s
 *
 * Context: any.
 * Return: the number of the bit; -EINVAL: none.
 */
int vs_audio_rate_bit(u32 rate)
{
	for (unsigned int i = 0; i < VS_AUDIO_RATES_MAX; i++)
		if (audio_rates[i] == rate)
			return i;
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(vs_audio_rate_bit);

/**
 * vs_audio_frame_bytes() - of one frame: a sample of each channel
 * @params: of the stream
 *
 * Context: any.
 * Return: bytes.
 */
u32 vs_audio_frame_bytes(const struct vs_audio_params *params)
{
	return params->channels * (params->format == VS_AUDIO_S16 ? 2 : 4);
}
EXPORT_SYMBOL_GPL(vs_audio_frame_bytes);

/**
 * vs_audio_bytes() - what a stream takes of the bandwidth
 * @params: of the stream
 *
 * Context: any.
 * Return: bytes/s.
 */
u64 vs_audio_bytes(const struct vs_audio_params *params)
{
	return (u64)vs_audio_frame_bytes(params) * audio_rates[params->rate];
}
EXPORT_SYMBOL_GPL(vs_audio_bytes);

/**
 * vs_audio_grant_of() - what streams are compared with, of a contract
 * @terms: a complete set of the class
 * @grant: filled
 *
 * Context: any.
 */
void vs_audio_grant_of(const struct vs_terms *terms, struct vs_audio_grant *grant)
{
	*grant = (struct vs_audio_grant){
		.channels = {
			terms->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)].high,
			terms->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)].high,
		},
		.formats = {
			terms->term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)].high,
			terms->term[VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_FORMATS)].high,
		},
		.rates = terms->term[VS_AUDIO_INDEX(VS_AUDIO_RATES)].high,
		.period = terms->term[VS_AUDIO_INDEX(VS_AUDIO_PERIOD)].high,
		.monitor = terms->term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)].high,
		.bandwidth = terms->term[VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH)].high,
	};
	/* Without a format or a rate there is no stream, whatever its channels. */
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (!grant->formats[i] || !grant->rates)
			grant->channels[i] = 0;
}
EXPORT_SYMBOL_GPL(vs_audio_grant_of);

/**
 * vs_audio_allows() - may a stream be set to this?
 * @grant: of the contract; all zero: there is none
 * @stream: enum vs_audio_stream
 * @params: of the other side, any bytes
 * @others: bytes/s of the other streams
 *
 * Both ends ask this.
 *
 * Context: any.
 * Return: 0; -EINVAL: no, whatever the others do; -EBUSY: not beside the others.
 */
int vs_audio_allows(const struct vs_audio_grant *grant, unsigned int stream,
		    const struct vs_audio_params *params, u64 others)
{
	if (!params->channels || params->channels > grant->channels[stream])
		return -EINVAL;
	if (params->format >= VS_AUDIO_FORMATS || params->rate >= VS_AUDIO_RATES_MAX)
		return -EINVAL;
	if (!(grant->formats[stream] & BIT(params->format)) || !(grant->rates & BIT(params->rate)))
		return -EINVAL;
	if (vs_audio_bytes(params) > grant->bandwidth)
		return -EINVAL;
	return vs_audio_bytes(params) + others > grant->bandwidth ? -EBUSY : 0;
}
EXPORT_SYMBOL_GPL(vs_audio_allows);

/**
 * vs_audio_period_allowed() - is a period as long as the contract has it?
 * @grant: of the contract
 * @params: allowed ones
 * @frames: of the period
 *
 * A period that is a whole number of frames may be a part of one shorter than what is granted.
 *
 * Context: any.
 * Return: whether it is.
 */
bool vs_audio_period_allowed(const struct vs_audio_grant *grant,
			     const struct vs_audio_params *params, u32 frames)
{
	return ((u64)frames + 1) * 1000000 > (u64)grant->period * audio_rates[params->rate];
}
EXPORT_SYMBOL_GPL(vs_audio_period_allowed);

/* ---- The numbers of virtio-snd ---- */

static const u8 audio_virtio_formats[] = {
	[VS_AUDIO_S16] = VIRTIO_SND_PCM_FMT_S16,
	[VS_AUDIO_S24] = VIRTIO_SND_PCM_FMT_S24,
	[VS_AUDIO_S32] = VIRTIO_SND_PCM_FMT_S32,
	[VS_AUDIO_FLOAT] = VIRTIO_SND_PCM_FMT_FLOAT,
};

/**
 * vs_audio_format_of_virtio() - a format of a message
 * @format: VIRTIO_SND_PCM_FMT_*, any number
 *
 * Return: enum vs_audio_format; -EINVAL: there is none.
 */
int vs_audio_format_of_virtio(unsigned int format)
{
	for (unsigned int i = 0; i < VS_AUDIO_FORMATS; i++)
		if (audio_virtio_formats[i] == format)
			return i;
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(vs_audio_format_of_virtio);

/**
 * vs_audio_format_to_virtio() - a format in a message
 * @format: enum vs_audio_format
 *
 * Return: VIRTIO_SND_PCM_FMT_*.
 */
unsigned int vs_audio_format_to_virtio(unsigned int format)
{
	return audio_virtio_formats[format];
}
EXPORT_SYMBOL_GPL(vs_audio_format_to_virtio);

/* Both are in the order of the rates. */
static_assert(VIRTIO_SND_PCM_RATE_192000 - VIRTIO_SND_PCM_RATE_8000 == VS_AUDIO_RATES_MAX - 1);

/**
 * vs_audio_rate_of_virtio() - a rate of a message
 * @rate: VIRTIO_SND_PCM_RATE_*, any number
 *
 * Return: the number of its bit; -EINVAL: there is none.
 */
int vs_audio_rate_of_virtio(unsigned int rate)
{
	if (rate < VIRTIO_SND_PCM_RATE_8000 || rate > VIRTIO_SND_PCM_RATE_192000)
		return -EINVAL;
	return rate - VIRTIO_SND_PCM_RATE_8000;
}
EXPORT_SYMBOL_GPL(vs_audio_rate_of_virtio);

/**
 * vs_audio_rate_to_virtio() - a rate in a message
 * @bit: of the term rates
 *
 * Return: VIRTIO_SND_PCM_RATE_*.
 */
unsigned int vs_audio_rate_to_virtio(unsigned int bit)
{
	return bit + VIRTIO_SND_PCM_RATE_8000;
}
EXPORT_SYMBOL_GPL(vs_audio_rate_to_virtio);
