/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of a sound card: what audio.c (the contract), control.c (requests of the
 * client), stream.c (its frames), clock.c (when they are due), volume.c and gain.c (how loud they
 * are), host_card.c, host_pcm.c and side.c (the cards of a service on the host) share.  A PCM of
 * the host as a source: source.h.
 *
 * The mover of a stream takes a message when the time of its last frame has come.  What is played
 * goes from there into the buffer of who records the monitor card, and what is recorded comes from
 * the buffer of who plays into the microphone card, so that the host's position is the client's.
 * Only while the client's stream does not run does such a stream of the host go by its own clock.
 * Where the pool has a source, its clock is the client's, and there is no microphone card.
 *
 * A mover may stall for as long as its VMM likes, so no program of the host waits for one: what
 * tells the host's streams of their periods is a timer.
 *
 * Locks: vsp_rates_lock() > vsp_audio.lock > vsp_audio_side.lock.  The lock of a stream of the
 * host's ALSA > vsp_audio_side.lock.
 */
#ifndef VSP_AUDIO_H
#define VSP_AUDIO_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "channel/host/queue.h"
#include "vs_audio.h"

struct attribute_group;
struct snd_card;
struct snd_pcm;
struct snd_pcm_substream;
struct vsp_audio_mixed;
struct vsp_audio_source;
struct vsp_service;

/* How late a mover may be and make up for it; later than that, its stream goes on from there. */
#define VSP_AUDIO_LATE_MS	100

enum vsp_audio_counter {
	VSP_AUDIO_PLAYED,	/* frames */
	VSP_AUDIO_RECORDED,	/* frames */
	VSP_AUDIO_REFUSED,	/* settings of streams that the contract does not allow */
	VSP_AUDIO_CONTROLS_SET,	/* values of controls */
	VSP_AUDIO_UNDERRUNS,	/* times that frames of a running stream came too late */
	VSP_AUDIO_MALFORMED,	/* requests or messages of the client that are wrong */
	VSP_AUDIO_COUNTERS
};

/**
 * struct vsp_audio_clock - when frames are due
 * @rate: frames/s
 * @anchor_ns: when frame 0 began
 * @frames: taken since
 */
struct vsp_audio_clock {
	u32 rate;
	u64 anchor_ns;
	u64 frames;
};

/**
 * struct vsp_audio_side - a card of a service on the host; in its card's private memory
 * @card: the card
 * @stream: of the client, whose other end it is
 * @limits: what its streams may be set to
 * @lock: protects the rest; a leaf
 * @gone: disconnected: nothing passes any more
 * @set: the client has set its stream to @client, and the host's may be set to that only
 * @runs: the client's stream runs
 * @client: see @set
 * @params: of the host's stream, from its hw_params on
 * @substream: the host's stream, while it runs
 * @frames: that have passed, up to the boundary of the host's ALSA
 * @unseen: of these, since that has asked for the position last
 * @elapsed: frames of the period that has begun
 * @overrun: a buffer has passed unseen, or there was nothing to take
 * @clock: of the host's stream, from its last frame that went to, or came from, the client's
 * @timer: tells the host's ALSA of periods, and goes by @clock
 */
struct vsp_audio_side {
	struct snd_card *card;
	unsigned int stream;
	struct vs_audio_grant limits;
	spinlock_t lock;	/* of all below */
	bool gone;
	bool set;
	bool runs;
	struct vs_audio_params client;
	struct vs_audio_params params;
	struct snd_pcm_substream *substream;
	unsigned long frames;
	unsigned long unseen;
	unsigned long elapsed;
	bool overrun;
	struct vsp_audio_clock clock;
	struct hrtimer timer;
};

/* As in VIRTIO 5.14.6.6.1, with what the messages in the ring are to do. */
enum vsp_audio_state {
	VSP_AUDIO_IDLE,		/* no parameters: messages are refused */
	VSP_AUDIO_RELEASED,	/* parameters: messages come back */
	VSP_AUDIO_PREPARED,	/* messages wait */
	VSP_AUDIO_RUNNING,	/* they are taken as they are due */
};

/* As loud as it is: a gain of 0 dB. How long another one takes. */
#define VSP_AUDIO_GAIN_ONE	0x1000000U
#define VSP_AUDIO_RAMP_MS	5

/**
 * struct vsp_audio_gain - how loud a stream is, of VSP_AUDIO_GAIN_ONE
 * @now: for the last frame
 * @target: what it goes to
 * @step: by as much a frame
 */
struct vsp_audio_gain {
	u32 now;
	u32 target;
	u32 step;
};

/**
 * struct vsp_audio_volume - the controls of a stream
 * @gain: of its mover
 * @value: of enum vs_audio_control, as the client has set it
 * @begins: the next frame is the first
 */
struct vsp_audio_volume {
	struct vsp_audio_gain gain;
	u8 value[VS_AUDIO_CONTROLS_EACH];
	bool begins;
};

/**
 * struct vsp_audio_stream - one direction of a client
 * @audio: whose
 * @number: enum vs_audio_stream
 * @bytes: of a message, for its mover
 * @chain: as last peeked, by its mover
 * @latency: of the message that was moved last, for its mover: how late it is heard, bytes
 * @timer: wakes the mover when the next message is due
 * @mixed: of the pool's mixer; NULL: it has none. Constant while the service is enabled
 *
 * Under audio->lock:
 * @queue: from its first kick to its reset
 * @state: of the stream
 * @params: from SET_PARAMS on
 * @clock: while it runs
 * @follows: it goes by its source, not by @clock; changed by its mover only
 * @side: its card on the host; NULL: there is none
 * @volume: how loud it is; see there for what is the mover's
 */
struct vsp_audio_stream {
	struct vsp_audio *audio;
	unsigned int number;
	u8 *bytes;
	struct vsp_chain chain;
	u32 latency;
	struct hrtimer timer;
	struct vsp_audio_mixed *mixed;
	struct vsp_queue *queue;
	enum vsp_audio_state state;
	struct vs_audio_params params;
	struct vsp_audio_clock clock;
	bool follows;
	struct vsp_audio_side *side;
	struct vsp_audio_volume volume;
};

/**
 * struct vsp_audio - what the class has of a service
 * @service: whose
 * @source: a PCM of the host, with a mixer that of all services; NULL: the pool has none.
 *	Constant while the service is enabled
 * @counter: for sysfs
 * @control: chain of the control queue, as last peeked
 * @follow: brings the cards to what @grant says
 * @follow_lock: held while it does
 * @lock: protects the rest, and what the streams say; interrupts off
 * @grant: of the contract in force; all zero: there is none
 * @stream: both directions
 */
struct vsp_audio {
	struct vsp_service *service;
	struct vsp_audio_source *source;
	atomic64_t counter[VSP_AUDIO_COUNTERS];
	struct vsp_chain control;
	struct delayed_work follow;
	struct mutex follow_lock;	/* outside of ALSA's own */
	spinlock_t lock;	/* see above */
	struct vs_audio_grant grant;
	struct vsp_audio_stream stream[VS_AUDIO_STREAMS];
};

/* clock.c: pure */
void vsp_audio_clock_start(struct vsp_audio_clock *clock, u32 rate, u64 now_ns);
u64 vsp_audio_clock_due(const struct vsp_audio_clock *clock, u64 now_ns);
bool vsp_audio_clock_give_up(struct vsp_audio_clock *clock, u64 now_ns);
void vsp_audio_clock_take(struct vsp_audio_clock *clock, u32 frames);
u64 vsp_audio_clock_wait_ns(const struct vsp_audio_clock *clock, u32 frames, u64 now_ns);

/* gain.c: pure */
u32 vsp_audio_gain_of(unsigned int volume);
void vsp_audio_gain_set(struct vsp_audio_gain *gain, u32 target);
void vsp_audio_gain_apply(struct vsp_audio_gain *gain, u32 target,
			  const struct vs_audio_params *params, u8 *bytes, u32 frames);

/* volume.c */
extern const struct attribute_group vsp_audio_volume_files;

void vsp_audio_volume_reset(struct vsp_audio_stream *stream);
void vsp_audio_volume_begin(struct vsp_audio_stream *stream);
u32 vsp_audio_volume_write(struct vsp_audio *audio, u32 id, u32 value);
void vsp_audio_volume_apply(struct vsp_audio_stream *stream, const struct vs_audio_params *params,
			    u32 bytes);

/* control.c */
u64 vsp_audio_control_others(const struct vsp_audio *audio, const struct vsp_audio_stream *stream);
void vsp_audio_control_kick(struct vsp_audio *audio, struct vsp_queue *queue);

/* stream.c */
int vsp_audio_stream_init(struct vsp_audio *audio, unsigned int number);
void vsp_audio_stream_exit(struct vsp_audio_stream *stream);
void vsp_audio_stream_kick(struct vsp_audio_stream *stream, struct vsp_queue *queue);
void vsp_audio_stream_reset(struct vsp_audio_stream *stream);
void vsp_audio_stream_enter(struct vsp_audio_stream *stream, enum vsp_audio_state state);

/* side.c */
bool vsp_audio_side_fits(const struct vsp_audio_side *side);
int vsp_audio_side_start(struct vsp_audio_side *side, struct snd_pcm_substream *substream);
void vsp_audio_side_stop(struct vsp_audio_side *side);
void vsp_audio_side_init(struct vsp_audio_side *side);
void vsp_audio_side_tell(struct vsp_audio_stream *stream);
void vsp_audio_side_feed(struct vsp_audio_side *side, const u8 *bytes, u32 frames);
void vsp_audio_side_take(struct vsp_audio_side *side, u8 *bytes, u32 frames);

/* host_pcm.c */
int vsp_audio_host_pcm_new(struct vsp_audio_side *side);

/* host_card.c */
void vsp_audio_host_card_init(struct vsp_audio *audio);
void vsp_audio_host_card_follow(struct vsp_audio *audio, bool contract);
void vsp_audio_host_card_end(struct vsp_audio *audio);
int vsp_audio_host_card_begin(void);
void vsp_audio_host_card_finish(void);

/**
 * vsp_audio_count() - add to what sysfs shows
 * @audio: whose
 * @counter: which
 * @by: how much
 *
 * Context: any.
 */
static inline void vsp_audio_count(struct vsp_audio *audio, enum vsp_audio_counter counter, u64 by)
{
	atomic64_add(by, &audio->counter[counter]);
}

#endif
