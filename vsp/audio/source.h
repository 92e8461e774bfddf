/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCM of the host that is a pool's source: what source.c (which one, and whether it is there),
 * source_find.c (by its name), source_stream.c (what a client's stream has of it), source_pcm.c (a
 * substream), source_caps.c (what it can be set to) and fit.c (what is pure of these) share.
 *
 * A service has a substream of its own in each direction, from enable on; or all services of the
 * pool have one together, by its mixer: mixer.h.  Its clock is the master:
 * a message of the client is taken when the substream has played, or recorded, as much.  A file
 * keeps the PCM's module loaded; when the card is disconnected, the pool's watch closes it.
 *
 * The substream is used without waiting in it: its file is nonblocking, and who waits for frames
 * is the timer of the client's stream.
 *
 * Locks: vsp_audio_source_pool.lock > vsp_audio_pcm.lock > vsp_audio.lock, and the lock of a stream
 * of ALSA > vsp_audio_source.lock.  No lock is held while memory of a guest is copied.
 */
#ifndef VSP_AUDIO_SOURCE_H
#define VSP_AUDIO_SOURCE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_audio.h"

struct file;
struct snd_pcm;
struct snd_pcm_hw_params;
struct snd_pcm_substream;
struct vs_terms;
struct vsp_audio;
struct vsp_audio_mixer;
struct vsp_audio_stream;
struct vsp_pool;

#define VSP_AUDIO_GAP_MS		1000	/* where the pool does not say */
#define VSP_AUDIO_GAP_MS_MAX		60000
#define VSP_AUDIO_SOURCE_CHANNELS_MAX	64	/* that a source may insist on */

/**
 * struct vsp_audio_caps - what a substream can be set to; all zero: there is none
 * @channels_min: that it has to be set to; a client's stream may have fewer
 * @channels_max: likewise, the most
 * @formats: bits of enum vs_audio_format
 * @rates: bits of vs_audio_rate()
 * @period: its shortest period, us
 */
struct vsp_audio_caps {
	u32 channels_min;
	u32 channels_max;
	u32 formats;
	u32 rates;
	u32 period;
};

/**
 * struct vsp_audio_pcm - a substream that a service has
 * @lock: protects the rest, but for @plays; held by a mover while it calls ALSA, so that the
 *	pool's watch only tries it
 * @plays: its direction
 * @file: that it is open by; NULL: there is none
 * @substream: of @file
 * @caps: of it
 * @set: it has parameters
 * @params: of the client's stream that it is set for
 * @channels: that it has; may be more than the client's
 * @period: of the client's stream, frames
 * @step: what its position moves by at once, frames; 0: it is that of now
 * @lead: frames that are kept in it, of what is played
 * @lead_max: likewise, the most
 * @missed: times that it has run dry, or over, while the client's stream ran; to be counted
 * @rests: the client's stream does not run
 * @waited: a message of the client waited when it was looked at last
 * @looked_ns: when that was
 * @waited_ns: how long that message has waited, without what its mover slept too long
 * @bytes: frames of @channels, where these are not the client's
 */
struct vsp_audio_pcm {
	struct mutex lock;	/* see above */
	bool plays;
	struct file *file;
	struct snd_pcm_substream *substream;
	struct vsp_audio_caps caps;
	bool set;
	struct vs_audio_params params;
	u32 channels;
	u32 period;
	u32 step;
	u32 lead;
	u32 lead_max;
	u32 missed;
	bool rests;
	bool waited;
	u64 looked_ns;
	u64 waited_ns;
	u8 *bytes;
};

enum vsp_audio_presence {
	VSP_AUDIO_SOURCE_PRESENT,
	VSP_AUDIO_SOURCE_GAP,	/* gone, and streams go on in silence */
	VSP_AUDIO_SOURCE_GONE,
};

/**
 * struct vsp_audio_source - what a service, or a mixer, has of its pool's source
 * @shared: of the pool
 * @audio: the service; NULL: the mixer
 * @wants: of the mixer, bits of the directions that services have wanted; under shared->lock
 * @entry: in shared->members
 * @pcm: a substream of each direction
 * @lock: protects the rest; a leaf, any context
 * @presence: of the PCM
 * @lost_ns: since when it is not there
 * @caps: of each substream, as it was last there
 */
struct vsp_audio_source {
	struct vsp_audio_source_pool *shared;
	struct vsp_audio *audio;
	u32 wants;
	struct list_head entry;
	struct vsp_audio_pcm pcm[VS_AUDIO_STREAMS];
	spinlock_t lock;	/* see above */
	enum vsp_audio_presence presence;
	u64 lost_ns;
	struct vsp_audio_caps caps[VS_AUDIO_STREAMS];
};

/**
 * struct vsp_audio_source_pool - a pool that has a source
 * @pool: whose
 * @gap_ms: how long streams go on without it
 * @mixer: of all services together; NULL: each has its own
 * @lock: protects @members
 * @members: services, or the mixer if it has any; of struct vsp_audio_source
 * @look: has the pool look again
 */
struct vsp_audio_source_pool {
	struct vsp_pool *pool;
	u32 gap_ms;
	struct vsp_audio_mixer *mixer;
	struct mutex lock;	/* members */
	struct list_head members;
	struct delayed_work look;
};

/* fit.c: pure */
void vsp_audio_fit_limits(const struct vsp_audio_caps *caps, struct vs_terms *limits);
void vsp_audio_fit_channels(u8 *to, u32 to_channels, const u8 *from, u32 from_channels, u32 sample,
			    u32 frames);

/* source_find.c */
struct snd_pcm *vsp_audio_source_find(const char *name);
bool vsp_audio_source_is_own(const struct snd_pcm *pcm);

/* source_caps.c */
int vsp_audio_caps_read(struct snd_pcm_substream *substream, struct vsp_audio_caps *caps);
int vsp_audio_caps_params(struct snd_pcm_substream *substream, const struct vsp_audio_caps *caps,
			  const struct vs_audio_params *wanted, u32 period,
			  struct snd_pcm_hw_params *params);

/* source_pcm.c: all with pcm->lock held */
int vsp_audio_pcm_open(struct vsp_audio_pcm *pcm, struct snd_pcm *of);
void vsp_audio_pcm_close(struct vsp_audio_pcm *pcm);
bool vsp_audio_pcm_is_gone(const struct vsp_audio_pcm *pcm);
int vsp_audio_pcm_set(struct vsp_audio_pcm *pcm, const struct vs_audio_params *params, u32 period);
int vsp_audio_pcm_due(struct vsp_audio_pcm *pcm, u32 frames);
void vsp_audio_pcm_rest(struct vsp_audio_pcm *pcm);
int vsp_audio_pcm_write(struct vsp_audio_pcm *pcm, const u8 *bytes, u32 frames);
int vsp_audio_pcm_read(struct vsp_audio_pcm *pcm, u8 *bytes, u32 frames);
u32 vsp_audio_pcm_latency(struct vsp_audio_pcm *pcm);

/* source_stream.c */
int vsp_audio_source_due(struct vsp_audio_stream *stream, u32 bytes);
u32 vsp_audio_source_move(struct vsp_audio_stream *stream, const struct vs_audio_params *params,
			  u32 bytes);
int vsp_audio_source_set(struct vsp_audio_stream *stream, u32 period);
void vsp_audio_source_rest(struct vsp_audio_stream *stream);

/* source.c */
int vsp_audio_source_pool_open(struct vsp_pool *pool);
void vsp_audio_source_pool_close(struct vsp_pool *pool);
void vsp_audio_source_pool_poll(struct vsp_pool *pool);
int vsp_audio_source_join(struct vsp_audio *audio);
void vsp_audio_source_leave(struct vsp_audio *audio);
void vsp_audio_source_lost(struct vsp_audio_source *source);
void vsp_audio_source_limit(struct vsp_audio_source *source, struct vs_terms *limits);

#endif
