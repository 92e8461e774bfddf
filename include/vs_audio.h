/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * audio: a sound card that plays, records, or both.  Its data queues speak virtio-snd (Virtual I/O
 * Device Version 1.2, 5.14), stream 0 plays and stream 1 records:
 *
 * control	a chain is a request of virtio-snd (readable) and a struct virtio_snd_hdr
 *		(writable), the answer: SET_PARAMS, PREPARE, START, STOP and RELEASE of a stream,
 *		and CTL_WRITE of a control element (Version 1.3, 5.14.6.8).
 *		What the other requests would tell is in the contract, or constant: they are not
 *		supported.  A provider that answers CTL_WRITE so has no control elements.
 * playback	a chain is a struct virtio_snd_pcm_xfer and whole frames (readable), and a struct
 *		virtio_snd_pcm_status (writable).  It comes back when its last frame was played.
 * capture	a chain is a struct virtio_snd_pcm_xfer (readable), and room for whole frames and a
 *		struct virtio_snd_pcm_status (writable).  It comes back when it is full.
 *
 * latency_bytes of a status is how much later than that its last frame is heard, or how long before
 * it was recorded: by what a source of the provider, and its mixer, hold.
 *
 * A message holds VS_AUDIO_MESSAGE_MAX bytes of frames at the most, and VS_AUDIO_MESSAGE_MS of
 * them; a period may take several.
 * Messages of a stream wait in the ring until START; those that are there at RELEASE come back.
 */
#ifndef VS_AUDIO_H
#define VS_AUDIO_H

#include <linux/bits.h>
#include <linux/types.h>

struct vs_class_spec;
struct vs_terms;

enum vs_audio_term {
	VS_AUDIO_PLAYBACK_CHANNELS	= 1,	/* LEVEL, most of a stream; 0: nothing is played */
	VS_AUDIO_CAPTURE_CHANNELS	= 2,	/* LEVEL, likewise of what is recorded */
	VS_AUDIO_PLAYBACK_FORMATS	= 3,	/* SET, bits of enum vs_audio_format */
	VS_AUDIO_CAPTURE_FORMATS	= 4,	/* SET, likewise */
	VS_AUDIO_RATES			= 5,	/* SET, bits of vs_audio_rate() */
	VS_AUDIO_PERIOD			= 6,	/* LEVEL, us: the shortest period */
	VS_AUDIO_MONITOR		= 7,	/* SET, VS_AUDIO_HEAR and so on */
	VS_AUDIO_BANDWIDTH		= 8,	/* RATE, bytes/s of all streams together */
};

#define VS_AUDIO_INDEX(term)	((term) - 1)

enum vs_audio_format {
	VS_AUDIO_S16,
	VS_AUDIO_S24,	/* in 32 bits */
	VS_AUDIO_S32,
	VS_AUDIO_FLOAT,	/* of 32 bits */
	VS_AUDIO_FORMATS
};

/* What the host may do with what the client plays: bring it to its source, capture it. */
#define VS_AUDIO_HEAR		BIT(0)
#define VS_AUDIO_RECORD		BIT(1)

/* Places in the texts of a pool, and the first in the switches of a service: one of each stream. */
#define VS_AUDIO_SOURCE_GAP_MS	0
#define VS_AUDIO_MIX_RATE	1
#define VS_AUDIO_MIX_FORMAT	2
#define VS_AUDIO_MIX_CHANNELS	3
#define VS_AUDIO_MUTE		0

/* Constants of the class, in both ends. */
#define VS_AUDIO_RATES_MAX	12
#define VS_AUDIO_CHANNELS_MAX	8
#define VS_AUDIO_PERIOD_MIN	500		/* us */
#define VS_AUDIO_PERIOD_MAX	1000000		/* us */
#define VS_AUDIO_BANDWIDTH_MAX	(2 * 192000 * 4 * VS_AUDIO_CHANNELS_MAX)
#define VS_AUDIO_QUEUE_SIZE	128
#define VS_AUDIO_MESSAGE_MAX	8192		/* bytes of frames */
#define VS_AUDIO_MESSAGE_MS	50

enum vs_audio_queue {
	VS_AUDIO_QUEUE_CONTROL,
	VS_AUDIO_QUEUE_PLAYBACK,
	VS_AUDIO_QUEUE_CAPTURE,
	VS_AUDIO_QUEUES
};

/* Streams, as both ends number them. */
enum vs_audio_stream {
	VS_AUDIO_STREAM_PLAYBACK,
	VS_AUDIO_STREAM_CAPTURE,
	VS_AUDIO_STREAMS
};

/* Control elements of each stream that is granted, of one value for all channels. */
enum vs_audio_control {
	VS_AUDIO_CONTROL_VOLUME,	/* 0..VS_AUDIO_VOLUME_MAX, steps of 1 dB */
	VS_AUDIO_CONTROL_SWITCH,	/* 0: mute, 1 */
	VS_AUDIO_CONTROLS_EACH
};

#define VS_AUDIO_CONTROLS	(VS_AUDIO_STREAMS * VS_AUDIO_CONTROLS_EACH)
#define VS_AUDIO_CONTROL_ID(stream, control)	((stream) * VS_AUDIO_CONTROLS_EACH + (control))

/* Sound servers take the loudest for 100 %: nothing is amplified. */
#define VS_AUDIO_VOLUME_MIN_DB	(-60)
#define VS_AUDIO_VOLUME_MAX	60	/* 0 dB: nothing changes; of a new card */

/**
 * struct vs_audio_grant - a contract's terms, as streams are compared with them
 * @channels: of each stream, the most
 * @formats: of each stream, bits of enum vs_audio_format
 * @rates: bits of vs_audio_rate()
 * @period: the shortest, us
 * @monitor: VS_AUDIO_HEAR and so on
 * @bandwidth: of all streams together, bytes/s
 */
struct vs_audio_grant {
	u32 channels[VS_AUDIO_STREAMS];
	u32 formats[VS_AUDIO_STREAMS];
	u32 rates;
	u32 period;
	u32 monitor;
	u64 bandwidth;
};

/**
 * struct vs_audio_params - what a stream is set to
 * @format: enum vs_audio_format
 * @rate: a bit number of vs_audio_rate()
 * @channels: 1 and up
 */
struct vs_audio_params {
	u8 format;
	u8 rate;
	u8 channels;
};

extern const struct vs_class_spec vs_class_audio;

/* channel/class/audio.c: pure */
u32 vs_audio_rate(unsigned int bit);
int vs_audio_rate_bit(u32 rate);
u32 vs_audio_frame_bytes(const struct vs_audio_params *params);
u64 vs_audio_bytes(const struct vs_audio_params *params);
void vs_audio_grant_of(const struct vs_terms *terms, struct vs_audio_grant *grant);
int vs_audio_allows(const struct vs_audio_grant *grant, unsigned int stream,
		    const struct vs_audio_params *params, u64 others);
bool vs_audio_period_allowed(const struct vs_audio_grant *grant,
			     const struct vs_audio_params *params, u32 frames);
int vs_audio_format_of_virtio(unsigned int format);
unsigned int vs_audio_format_to_virtio(unsigned int format);
int vs_audio_rate_of_virtio(unsigned int rate);
unsigned int vs_audio_rate_to_virtio(unsigned int bit);

/**
 * vs_audio_control_max() - the largest value of a control element
 * @id: VS_AUDIO_CONTROL_ID()
 */
static inline u32 vs_audio_control_max(unsigned int id)
{
	return id % VS_AUDIO_CONTROLS_EACH == VS_AUDIO_CONTROL_VOLUME ? VS_AUDIO_VOLUME_MAX : 1;
}

/**
 * vs_audio_control_takes() - may a control element be set to a value?
 * @id: any number
 * @value: any number
 *
 * Return: whether there is such an element, and such a value of it.
 */
static inline bool vs_audio_control_takes(u32 id, u64 value)
{
	return id < VS_AUDIO_CONTROLS && value <= vs_audio_control_max(id);
}

#endif
