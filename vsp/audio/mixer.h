/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mixer of a pool: more services than the source has substreams.  mixer.c (whose frames they
 * are, and when), mixer_read.c (what is set) and mix.c (sums).
 *
 * The pool has one substream of each direction, and a work of its own that alone moves frames of
 * it, every VSP_AUDIO_MIX_US: it sums what the playing streams have ready, and copies what was
 * recorded to each that records.  Between it and a stream's mover there is a FIFO.  A mover may
 * stall for as long as its VMM likes, so it never has the substream, and what it does under the
 * mixer's lock neither sleeps nor copies memory of a guest.  The mixer calls nothing of a service.
 *
 * A stream that plays is a window ahead of the mixer, at first of silence.  One that has less than
 * is to be mixed contributes silence, which is counted, and begins again with a window of silence.
 *
 * Locks: vsp_audio_pcm.lock > vsp_audio_mixer.lock.  No interrupt takes it; nothing is taken under
 * it.
 */
#ifndef VSP_AUDIO_MIXER_H
#define VSP_AUDIO_MIXER_H

#include <linux/hrtimer.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_audio.h"
#include "vsp/audio/source.h"

struct vsp_audio;
struct vsp_audio_stream;
struct vsp_pool;

#define VSP_AUDIO_MIX_US	2000	/* how often, and the shortest period */
#define VSP_AUDIO_MIX_FRAMES	64	/* at once */

/**
 * struct vsp_audio_mixed - what a stream has of its pool's mixer
 * @mixer: of the pool
 * @audio: whose stream it is
 * @number: enum vs_audio_stream
 * @entry: in mixer->streams
 * @memory: of @fifo
 *
 * Under mixer->lock:
 * @fifo: frames as the mixer has them: of its format and channels
 * @silent: frames of silence before those in @fifo, of what is played
 * @window: frames that a playing stream is ahead; 0: not known yet
 * @runs: the mixer is to miss frames that are not there, or to bring what was recorded
 * @waited: a message waited for the mixer when it was looked at last
 */
struct vsp_audio_mixed {
	struct vsp_audio_mixer *mixer;
	struct vsp_audio *audio;
	unsigned int number;
	struct list_head entry;
	void *memory;
	struct kfifo fifo;
	u32 silent;
	u32 window;
	bool runs;
	bool waited;
};

/**
 * struct vsp_audio_mixer - of a pool
 * @source: the substreams; its pcm[].lock is held by @work, and by the pool's watch
 * @params: that all have
 * @members: services; under source.shared->lock
 * @queue: of @work
 * @work: moves frames
 * @timer: queues @work
 * @sum: of @work
 * @bytes: likewise
 * @lock: protects the rest; a leaf
 * @active: @work is queued, runs, or will be queued by @timer
 * @streams: of each direction, of struct vsp_audio_mixed
 * @error: of each direction, why streams go by their own clocks; 0: they do not
 * @latency: of each direction, how late what is mixed is heard, or was recorded, frames
 */
struct vsp_audio_mixer {
	struct vsp_audio_source source;
	struct vs_audio_params params;
	unsigned int members;
	struct workqueue_struct *queue;
	struct work_struct work;
	struct hrtimer timer;
	s64 sum[VSP_AUDIO_MIX_FRAMES * VS_AUDIO_CHANNELS_MAX];
	u8 bytes[VSP_AUDIO_MIX_FRAMES * VS_AUDIO_CHANNELS_MAX * sizeof(s32)] __aligned(8);
	spinlock_t lock;	/* see above */
	bool active;
	struct list_head streams[VS_AUDIO_STREAMS];
	int error[VS_AUDIO_STREAMS];
	u32 latency[VS_AUDIO_STREAMS];
};

/* mix.c: pure */
void vsp_audio_mix_add(s64 *sum, const u8 *bytes, unsigned int format, u32 count);
void vsp_audio_mix_store(u8 *bytes, const s64 *sum, unsigned int format, u32 count);

/* mixer_read.c */
int vsp_audio_mixer_read(struct vsp_pool *pool, struct vs_audio_params *params);

/* mixer.c: life */
struct vsp_audio_mixer *vsp_audio_mixer_new(const struct vs_audio_params *params);
void vsp_audio_mixer_stop(struct vsp_audio_mixer *mixer);
int vsp_audio_mixer_add(struct vsp_audio_mixer *mixer, struct vsp_audio *audio);
void vsp_audio_mixer_remove(struct vsp_audio *audio);
int vsp_audio_mixer_fit(const struct vsp_audio_mixer *mixer, struct vsp_audio_pcm *pcm,
			struct vsp_audio_caps *caps);

/* mixer.c: for the mover of a stream */
void vsp_audio_mixer_set(struct vsp_audio_mixed *mixed);
int vsp_audio_mixer_due(struct vsp_audio_mixed *mixed, const struct vs_audio_params *params,
			u32 frames);
u32 vsp_audio_mixer_move(struct vsp_audio_mixed *mixed, const struct vs_audio_params *params,
			 u8 *bytes, u32 frames);
void vsp_audio_mixer_rest(struct vsp_audio_mixed *mixed);

#endif
