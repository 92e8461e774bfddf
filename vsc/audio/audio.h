/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's sound card: what audio.c (the contract), card.c (the card), pcm.c (its streams, as
 * ALSA sees them), stream.c (their messages), volume.c (its controls, likewise), control.c
 * (requests to the host), position.c (what is pure of these) and counters.c share.
 *
 * Frames are copied between ALSA's buffer and messages of our own, so a stream may be closed while
 * the host has messages of it, and the host sees only what a program has written.
 *
 * Locks: vsc_audio_card.lock > ALSA's mutexes > vsc_audio_volume.lock > vsc_audio.lock.
 * vsc_audio_stream.telling > the lock of a stream of ALSA > vsc_audio.lock > the session's inbox.
 */
#ifndef VSC_AUDIO_H
#define VSC_AUDIO_H

#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vs_audio.h"
#include "vs_compat_sound.h"

struct attribute_group;
struct snd_card;
struct snd_pcm_substream;
struct virtqueue;
struct vs_terms;
struct vsc_channel;
struct vsc_session;

#define VSC_AUDIO_MESSAGES	32	/* of a stream, in its ring at once */
#define VSC_AUDIO_REQUESTS	16	/* in the control queue at once */
#define VSC_AUDIO_ANSWER_MS	2000	/* a good host answers in microseconds */

/* What is counted; see counters.c. */
enum vsc_audio_counter {
	VSC_AUDIO_PLAYED,
	VSC_AUDIO_RECORDED,
	VSC_AUDIO_XRUNS,
	VSC_AUDIO_ENDED,
	VSC_AUDIO_COUNTERS
};

/**
 * struct vsc_audio_message - some frames, on their way
 * @header: for the host
 * @status: from it
 * @frames: in @data
 * @data: VS_AUDIO_MESSAGE_MAX bytes
 */
struct vsc_audio_message {
	struct virtio_snd_pcm_xfer header;
	struct virtio_snd_pcm_status status;
	u32 frames;
	u8 *data;
};

enum vsc_audio_request_state {
	VSC_AUDIO_REQUEST_FREE,
	VSC_AUDIO_REQUEST_POSTED,	/* nobody waits for its answer */
	VSC_AUDIO_REQUEST_AWAITED,
	VSC_AUDIO_REQUEST_ANSWERED,
};

/**
 * struct vsc_audio_write - a request that sets a control
 * @hdr: which
 * @value: of which the first integer counts
 */
struct vsc_audio_write {
	struct virtio_snd_ctl_hdr hdr;
	struct virtio_snd_ctl_value value;
};

/**
 * struct vsc_audio_request - a request of the control queue
 * @request: for the host, of a stream
 * @write: likewise, of a control
 * @answer: from it
 * @state: of the slot
 * @error: what the answer means, once it is there
 */
struct vsc_audio_request {
	union {
		struct virtio_snd_pcm_set_params request;
		struct vsc_audio_write write;
	};
	struct virtio_snd_hdr answer;
	enum vsc_audio_request_state state;
	int error;
};

/**
 * struct vsc_audio_position - where a stream is, as ALSA counts frames
 * @sent: where the next message begins
 * @done: where the oldest message in the ring begins
 * @ahead: frames of that message that ALSA was told are played: its position never goes back
 * @elapsed: frames of the period that has begun; a whole one and more while it is paused
 */
struct vsc_audio_position {
	unsigned long sent;
	unsigned long done;
	u32 ahead;
	unsigned long elapsed;
};

/**
 * struct vsc_audio_stream - one direction
 * @audio: whose
 * @number: enum vs_audio_stream
 * @telling: held while ALSA is told of frames: what is open stays so
 * @more: takes what one callback has left
 *
 * Under audio->lock:
 * @vq: its virtqueue; NULL while the machine sleeps
 * @substream: that is open; NULL: none, or of a card that is gone. Changed under @telling, too
 * @set: it has parameters, @params
 * @runs: it plays or records
 * @paused: it did, and may go on; what the host still takes or fills meanwhile counts
 * @refused: the host has given back a message of a stream that runs, or has lost it
 * @params: see @set
 * @chunk: frames of a whole message
 * @at: its position
 * @stamp_ns: when the host has given back the last message, or began
 * @latency: how late its frames are heard, or were recorded, as the host says: frames
 * @head: messages sent so far
 * @tail: of these, those that came back
 * @message: VSC_AUDIO_MESSAGES, used in turn; made with the first parameters
 */
struct vsc_audio_stream {
	struct vsc_audio *audio;
	unsigned int number;
	spinlock_t telling;	/* see above */
	struct work_struct more;
	struct virtqueue *vq;
	struct snd_pcm_substream *substream;
	bool set;
	bool runs;
	bool paused;
	bool refused;
	struct vs_audio_params params;
	u32 chunk;
	struct vsc_audio_position at;
	u64 stamp_ns;
	u32 latency;
	unsigned int head;
	unsigned int tail;
	struct vsc_audio_message *message;
};

/**
 * struct vsc_audio_card - the card
 * @lock: protects the rest
 * @card: registered, or NULL
 * @streams: that it has, a bit each
 * @follow: another card takes its place, or a stream ends, as soon as that can be
 * @linger: takes the card away when no contract comes
 */
struct vsc_audio_card {
	struct mutex lock;	/* card, streams */
	struct snd_card *card;
	u32 streams;
	struct delayed_work follow;
	struct delayed_work linger;
};

/**
 * struct vsc_audio_volume - its controls
 * @lock: protects the rest, and is held while the host is told: it has what was set last
 * @there: the host has such controls
 * @value: of each, VS_AUDIO_CONTROL_ID()
 */
struct vsc_audio_volume {
	struct mutex lock;	/* see above */
	bool there;
	u8 value[VS_AUDIO_CONTROLS];
};

/**
 * struct vsc_audio - one sound card
 * @kref: of the session, and of each card until its last file is closed
 * @session: whose vsc_session_data() it is; used only while there are virtqueues
 * @channel: of the session
 * @uuid: of the service
 * @card: see there
 * @volume: see there
 * @changed: an answer has come, messages have come back, or @ready or @shown has changed
 * @request: VSC_AUDIO_REQUESTS
 * @counter: for sysfs
 *
 * @lock: protects the rest, and what the streams say; any context
 * @vq: the control queue; NULL while the machine sleeps
 * @ready: a contract is in force
 * @contracts: how often @ready was set, to either
 * @shown: there is a card, which nobody takes away
 * @grant: of the contract that was in force last
 * @stream: both directions
 */
struct vsc_audio {
	struct kref kref;
	struct vsc_session *session;
	struct vsc_channel *channel;
	uuid_t uuid;
	struct vsc_audio_card card;
	struct vsc_audio_volume volume;
	wait_queue_head_t changed;
	struct vsc_audio_request *request;
	atomic64_t counter[VSC_AUDIO_COUNTERS];
	spinlock_t lock;	/* see above */
	struct virtqueue *vq;
	bool ready;
	unsigned int contracts;
	bool shown;
	struct vs_audio_grant grant;
	struct vsc_audio_stream stream[VS_AUDIO_STREAMS];
};

/* vsc/audio/position.c: pure */
u32 vsc_audio_position_ahead(u64 passed_ns, u32 rate, u32 frames);
u32 vsc_audio_position_latency(u32 bytes, const struct vs_audio_params *params);
void vsc_audio_position_wish(const struct vs_audio_params *params, unsigned int stream,
			     struct vs_terms *wish);

/* vsc/audio/control.c */
int vsc_audio_control_tell(struct vsc_audio *audio, unsigned int stream, u32 code);
int vsc_audio_control_ask(struct vsc_audio *audio, unsigned int stream, u32 code);
int vsc_audio_control_set(struct vsc_audio *audio, unsigned int stream, u32 period, u32 buffer);
int vsc_audio_control_write(struct vsc_audio *audio, unsigned int id, u32 value);
void vsc_audio_control_data(struct vsc_audio *audio);
void vsc_audio_control_void(struct vsc_audio *audio);

/* vsc/audio/stream.c */
void vsc_audio_stream_init(struct vsc_audio *audio, unsigned int number);
void vsc_audio_stream_close(struct vsc_audio_stream *stream,
			    const struct snd_pcm_substream *substream);
void vsc_audio_stream_forget(struct vsc_audio_stream *stream);
int vsc_audio_stream_alloc(struct vsc_audio_stream *stream);
void vsc_audio_stream_free(struct vsc_audio_stream *stream);
u64 vsc_audio_stream_others(const struct vsc_audio *audio, unsigned int stream);
int vsc_audio_stream_begin(struct vsc_audio_stream *stream,
			   const struct snd_pcm_substream *substream);
void vsc_audio_stream_send(struct vsc_audio_stream *stream);
unsigned long vsc_audio_stream_position(struct vsc_audio_stream *stream);
int vsc_audio_stream_settle(struct vsc_audio_stream *stream);
void vsc_audio_stream_end(struct vsc_audio_stream *stream, bool xrun);
void vsc_audio_stream_data(struct vsc_audio_stream *stream);
void vsc_audio_stream_void(struct vsc_audio_stream *stream);

/* vsc/audio/pcm.c */
int vsc_audio_pcm_new(struct vsc_audio *audio, struct snd_card *card, u32 streams);

/* vsc/audio/volume.c */
void vsc_audio_volume_init(struct vsc_audio *audio);
int vsc_audio_volume_new(struct vsc_audio *audio, struct snd_card *card, u32 streams);
int vsc_audio_volume_restore(struct vsc_audio *audio, const struct vs_audio_grant *grant);

/* vsc/audio/card.c */
void vsc_audio_card_init(struct vsc_audio *audio);
int vsc_audio_card_follow(struct vsc_audio *audio);
void vsc_audio_card_stay(struct vsc_audio *audio);
void vsc_audio_card_linger(struct vsc_audio *audio);
void vsc_audio_card_remove(struct vsc_audio *audio);

/* vsc/audio/audio.c */
void vsc_audio_put(struct vsc_audio *audio);

/* vsc/audio/counters.c */
extern const struct attribute_group vsc_audio_counters_group;

/**
 * vsc_audio_count() - something has happened
 * @audio: the card
 * @counter: what
 * @more: how often
 *
 * Context: any.
 */
static inline void vsc_audio_count(struct vsc_audio *audio, enum vsc_audio_counter counter,
				   u64 more)
{
	atomic64_add(more, &audio->counter[counter]);
}

/**
 * vsc_audio_card_soon() - look whether the card can follow its contract
 * @audio: any; one whose card was removed does not
 * @ms: when
 *
 * Context: any.
 */
static inline void vsc_audio_card_soon(struct vsc_audio *audio, unsigned int ms)
{
	mod_delayed_work(system_unbound_wq, &audio->card.follow, msecs_to_jiffies(ms));
}

#endif
