// SPDX-License-Identifier: GPL-2.0-only
/*
 * A substream of the host that a service has: opening it, setting it, and frames.
 *
 * What is played has a lead: so many frames are in the substream before the client's next message
 * is taken, at first of silence.  A substream that has run dry is started again with silence.  That
 * is also how it ends: it is not drained, since some drivers (snd-aloop) play what is old then.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <sound/core.h>
#include <sound/pcm.h>
#include <sound/pcm_params.h>

#include "vsp/audio/source.h"

#define PCM_BYTES	8192	/* of frames that are copied at once */
#define PCM_LEAD_MS	20	/* of a longer period no more is needed */
#define PCM_LEAD_MAX_MS	60	/* a message, and less than what a client waits for it */
#define PCM_STEP_MS	10	/* of a position that moves by periods: these are no longer */
#define PCM_LOOK_NS	(20 * (u64)NSEC_PER_MSEC)	/* a mover that is later has slept */
#define PCM_STUCK_NS	(50 * (u64)NSEC_PER_MSEC)	/* beyond what was to be waited for */

static snd_pcm_state_t pcm_state(const struct vsp_audio_pcm *pcm)
{
	return READ_ONCE(pcm->substream->runtime->status->state);
}

/* ---- Life ---- */

/*
 * The node may have become another device's. While the PCM is found under its number, the file is
 * the PCM's: none is registered twice.
 */
static bool pcm_owns(struct snd_pcm *of, const struct file *file, bool plays)
{
	const struct inode *inode = file_inode(file);
	struct snd_pcm *found;

	if (!S_ISCHR(inode->i_mode) || imajor(inode) != snd_major)
		return false;
	found = snd_lookup_minor_data(iminor(inode), plays ? SNDRV_DEVICE_TYPE_PCM_PLAYBACK :
				      SNDRV_DEVICE_TYPE_PCM_CAPTURE);
	if (found)
		snd_card_unref(found->card);
	return found == of;
}

static struct file *pcm_file(struct snd_pcm *of, bool plays)
{
	char *path = kasprintf(GFP_KERNEL, "/dev/snd/pcmC%dD%d%c", of->card->number, of->device,
			       plays ? 'p' : 'c');
	struct file *file;

	if (!path)
		return ERR_PTR(-ENOMEM);
	file = filp_open(path, (plays ? O_WRONLY : O_RDONLY) | O_NONBLOCK, 0);
	kfree(path);
	if (!IS_ERR(file) && !pcm_owns(of, file, plays)) {
		fput(file);
		return ERR_PTR(-ENODEV);
	}
	return file;
}

/**
 * vsp_audio_pcm_open() - take a substream
 * @pcm: has none
 * @of: has some of this direction; its card with a reference
 *
 * Context: may sleep, pcm->lock held.
 * Return: 0, or an errno; -EBUSY: others have all of them; -EINVAL: it can nothing of what the
 *	class knows.
 */
int vsp_audio_pcm_open(struct vsp_audio_pcm *pcm, struct snd_pcm *of)
{
	struct snd_pcm_file *opened;
	struct file *file;
	int error;

	lockdep_assert_held(&pcm->lock);
	file = pcm_file(of, pcm->plays);
	if (IS_ERR(file))
		return PTR_ERR(file);
	opened = file->private_data;
	error = vsp_audio_caps_read(opened->substream, &pcm->caps);
	if (error) {
		fput(file);
		return error;
	}
	pcm->file = file;
	pcm->substream = opened->substream;
	pcm->set = false;
	return 0;
}

/**
 * vsp_audio_pcm_close() - give the substream back
 * @pcm: may have none
 *
 * Context: may sleep, pcm->lock held.
 */
void vsp_audio_pcm_close(struct vsp_audio_pcm *pcm)
{
	lockdep_assert_held(&pcm->lock);
	if (pcm->file)
		fput(pcm->file);
	pcm->file = NULL;
	pcm->substream = NULL;
	pcm->set = false;
	kfree(pcm->bytes);
	pcm->bytes = NULL;
}

/**
 * vsp_audio_pcm_is_gone() - was its card disconnected?
 * @pcm: may have no substream
 *
 * Context: pcm->lock held.
 */
bool vsp_audio_pcm_is_gone(const struct vsp_audio_pcm *pcm)
{
	lockdep_assert_held(&pcm->lock);
	return pcm->file && pcm_state(pcm) == SNDRV_PCM_STATE_DISCONNECTED;
}

static int pcm_do(struct vsp_audio_pcm *pcm, unsigned int command, void *argument)
{
	int error = snd_pcm_kernel_ioctl(pcm->substream, command, argument);

	return error && pcm_state(pcm) == SNDRV_PCM_STATE_DISCONNECTED ? -ENODEV : error;
}

/* ---- Parameters ---- */

/* What was played is heard to its end. */
static void pcm_settle(struct vsp_audio_pcm *pcm)
{
	u32 ms = pcm->lead_max * MSEC_PER_SEC / vs_audio_rate(pcm->params.rate);
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	snd_pcm_sframes_t delay;

	while (pcm->plays && pcm_state(pcm) == SNDRV_PCM_STATE_RUNNING &&
	       time_before(jiffies, end)) {
		usleep_range(1000, 2000);
		pcm_do(pcm, SNDRV_PCM_IOCTL_DELAY, &delay);
	}
	pcm_do(pcm, SNDRV_PCM_IOCTL_DROP, NULL);
}

static int pcm_set_software(struct vsp_audio_pcm *pcm)
{
	const struct snd_pcm_runtime *runtime = pcm->substream->runtime;
	struct snd_pcm_sw_params params = {
		.period_step = 1,
		.avail_min = runtime->buffer_size,	/* nobody sleeps on it */
		.start_threshold = runtime->boundary,
		.stop_threshold = runtime->buffer_size,
		/* What was played is not played again, if the substream runs dry. */
		.silence_size = pcm->plays ? runtime->boundary : 0,
	};

	return pcm_do(pcm, SNDRV_PCM_IOCTL_SW_PARAMS, &params);
}

/* Its position moves by periods. */
static bool pcm_is_batch(const struct vsp_audio_pcm *pcm)
{
	return pcm->substream->runtime->hw.info & SNDRV_PCM_INFO_BATCH;
}

static u32 pcm_ms(const struct vsp_audio_pcm *pcm, u32 ms)
{
	return vs_audio_rate(pcm->params.rate) * ms / MSEC_PER_SEC;
}

/*
 * How far ahead: a period of the client, a millisecond, and what the position moves by at once:
 * that is taken of what is there without having been seen.
 */
static int pcm_set_lead(struct vsp_audio_pcm *pcm)
{
	const struct snd_pcm_runtime *runtime = pcm->substream->runtime;
	u32 message = min(VS_AUDIO_MESSAGE_MAX / vs_audio_frame_bytes(&pcm->params),
			  pcm_ms(pcm, VS_AUDIO_MESSAGE_MS));

	pcm->step = pcm_is_batch(pcm) ? runtime->period_size : 0;
	pcm->lead_max = min_t(u32, runtime->buffer_size,
			      pcm_ms(pcm, PCM_LEAD_MAX_MS) + pcm->step);
	if (pcm->lead_max < message + pcm->step)
		return -EINVAL;
	pcm->lead = min(pcm->period, pcm_ms(pcm, PCM_LEAD_MS)) + pcm_ms(pcm, 1) + pcm->step;
	pcm->lead = min(pcm->lead, pcm->lead_max);
	return 0;
}

static int pcm_set_hardware(struct vsp_audio_pcm *pcm, const struct vs_audio_params *wanted,
			    u32 period)
{
	struct snd_pcm_hw_params *params = kmalloc(sizeof(*params), GFP_KERNEL);
	int error;

	if (!params)
		return -ENOMEM;
	/* Nobody is woken by its periods. */
	if (pcm_is_batch(pcm))
		period = min(period, vs_audio_rate(wanted->rate) * PCM_STEP_MS / MSEC_PER_SEC);
	error = vsp_audio_caps_params(pcm->substream, &pcm->caps, wanted, period, params);
	error = error ?: pcm_do(pcm, SNDRV_PCM_IOCTL_HW_PARAMS, params);
	if (!error)
		pcm->channels = params_channels(params);
	kfree(params);
	return error;
}

/**
 * vsp_audio_pcm_set() - set the substream as a client's stream is
 * @pcm: has a substream
 * @params: of the client's stream, as it is
 * @period: of it, frames
 *
 * Context: may sleep, no longer than what was played is heard; pcm->lock held.
 * Return: 0, or an errno; -ENODEV: it is gone.
 */
int vsp_audio_pcm_set(struct vsp_audio_pcm *pcm, const struct vs_audio_params *params, u32 period)
{
	int error;

	lockdep_assert_held(&pcm->lock);
	if (pcm->set && pcm->period == period && pcm->params.format == params->format &&
	    pcm->params.rate == params->rate && pcm->params.channels == params->channels)
		return vsp_audio_pcm_is_gone(pcm) ? -ENODEV : 0;
	pcm->set = false;
	pcm->waited = false;
	pcm_settle(pcm);
	if (!pcm->bytes)
		pcm->bytes = kmalloc(PCM_BYTES, GFP_KERNEL);
	if (!pcm->bytes)
		return -ENOMEM;
	error = pcm_set_hardware(pcm, params, period);
	error = error ?: pcm_set_software(pcm);
	if (error)
		return error;
	pcm->params = *params;
	pcm->period = period;
	error = pcm_set_lead(pcm);
	pcm->set = !error;
	return error;
}

/* ---- Frames ---- */

/* Begins, or begins again: what is played with silence. */
static int pcm_begin(struct vsp_audio_pcm *pcm)
{
	int error = pcm_do(pcm, SNDRV_PCM_IOCTL_PREPARE, NULL);
	snd_pcm_sframes_t written;

	/* The client had frames for it all the time: it, or its mover, is not as exact as that. */
	if (pcm->waited)
		pcm->lead = min(2 * pcm->lead, pcm->lead_max);
	pcm->waited = false;
	if (!error && pcm->plays) {
		written = snd_pcm_kernel_write(pcm->substream, NULL, pcm->lead);
		error = min_t(snd_pcm_sframes_t, written, 0);
	}
	return error ?: pcm_do(pcm, SNDRV_PCM_IOCTL_START, NULL);
}

/* Has it run, where it does not; then its position is that of now. Return: 0, or an errno. */
static int pcm_run(struct vsp_audio_pcm *pcm)
{
	snd_pcm_sframes_t delay;
	int error = -EPIPE;

	if (pcm_state(pcm) == SNDRV_PCM_STATE_RUNNING)
		error = pcm_do(pcm, SNDRV_PCM_IOCTL_DELAY, &delay);
	pcm->missed += pcm_state(pcm) == SNDRV_PCM_STATE_XRUN && !pcm->rests;
	pcm->rests = false;
	if (error && error != -ENODEV)
		error = pcm_begin(pcm);
	/* It is set anew the next time. */
	if (error)
		pcm->set = false;
	return error;
}

static u32 pcm_ready(const struct vsp_audio_pcm *pcm)
{
	struct snd_pcm_runtime *runtime = pcm->substream->runtime;
	snd_pcm_sframes_t queued;

	if (!pcm->plays)
		return min(snd_pcm_capture_avail(runtime), runtime->buffer_size);
	queued = snd_pcm_playback_hw_avail(runtime);
	return pcm->lead - clamp_t(snd_pcm_sframes_t, queued, 0, pcm->lead);
}

static void pcm_look(struct vsp_audio_pcm *pcm)
{
	u64 now = ktime_get_ns();

	if (pcm->waited)
		pcm->waited_ns += min(now - pcm->looked_ns, PCM_LOOK_NS);
	else
		pcm->waited_ns = 0;
	pcm->looked_ns = now;
}

static bool pcm_is_stuck(const struct vsp_audio_pcm *pcm, u32 frames)
{
	u64 needs = div_u64(2 * (u64)(pcm->lead + frames) * NSEC_PER_SEC,
			    vs_audio_rate(pcm->params.rate));

	return pcm->waited_ns > needs + PCM_STUCK_NS;
}

/**
 * vsp_audio_pcm_due() - how much of the client's stream has its time come for
 * @pcm: set; begins to run if it does not
 * @frames: of the message that waits, no more than a message may have
 *
 * Context: may sleep, pcm->lock held.
 * Return: frames; or an errno, -ENODEV: it is gone, -EIO: it does not move.
 */
int vsp_audio_pcm_due(struct vsp_audio_pcm *pcm, u32 frames)
{
	u32 ready;
	int error;

	lockdep_assert_held(&pcm->lock);
	pcm_look(pcm);
	if (pcm->lead < frames + pcm->step)
		pcm->lead = min(frames + pcm->step + pcm_ms(pcm, 1), pcm->lead_max);
	error = pcm_run(pcm);
	if (error)
		return error;
	ready = pcm_ready(pcm);
	pcm->waited = ready < frames;
	return pcm->waited && pcm_is_stuck(pcm, frames) ? -EIO : ready;
}

/**
 * vsp_audio_pcm_rest() - the client's stream does not run any more
 * @pcm: may have no substream, or be not set
 *
 * What was played is heard to its end: then it runs dry.
 *
 * Context: may sleep, pcm->lock held.
 */
void vsp_audio_pcm_rest(struct vsp_audio_pcm *pcm)
{
	lockdep_assert_held(&pcm->lock);
	pcm->rests = true;
	if (!pcm->set || pcm_state(pcm) != SNDRV_PCM_STATE_RUNNING)
		return;
	pcm->waited = false;
	if (!pcm->plays)
		pcm_do(pcm, SNDRV_PCM_IOCTL_DROP, NULL);
}

/*
 * A program that shares the substream (O_APPEND) may set it otherwise, to larger frames than there
 * is room for: not while this counts as an access.
 */
static bool pcm_claim(struct vsp_audio_pcm *pcm, u32 sample)
{
	struct snd_pcm_runtime *runtime = pcm->substream->runtime;

	if (!atomic_inc_unless_negative(&runtime->buffer_accessing))
		return false;
	if (runtime->frame_bits == BITS_PER_BYTE * sample * pcm->channels)
		return true;
	atomic_dec(&runtime->buffer_accessing);
	pcm->set = false;
	return false;
}

static snd_pcm_sframes_t pcm_transfer(struct vsp_audio_pcm *pcm, u8 *bytes, u32 frames,
				      u32 sample)
{
	snd_pcm_sframes_t passed;

	if (!pcm_claim(pcm, sample))
		return -EBUSY;
	passed = pcm->plays ? snd_pcm_kernel_write(pcm->substream, bytes, frames) :
			      snd_pcm_kernel_read(pcm->substream, bytes, frames);
	atomic_dec(&pcm->substream->runtime->buffer_accessing);
	return passed;
}

/* Return: frames, or an errno. */
static snd_pcm_sframes_t pcm_pass(struct vsp_audio_pcm *pcm, u8 *bytes, u32 frames)
{
	u32 channels = pcm->params.channels;
	u32 sample = vs_audio_frame_bytes(&pcm->params) / channels;
	snd_pcm_sframes_t passed;

	if (pcm->channels == channels)
		return pcm_transfer(pcm, bytes, frames, sample);
	frames = min(frames, PCM_BYTES / (sample * pcm->channels));
	if (pcm->plays) {
		vsp_audio_fit_channels(pcm->bytes, pcm->channels, bytes, channels, sample, frames);
		return pcm_transfer(pcm, pcm->bytes, frames, sample);
	}
	passed = pcm_transfer(pcm, pcm->bytes, frames, sample);
	if (passed > 0)
		vsp_audio_fit_channels(bytes, channels, pcm->bytes, pcm->channels, sample, passed);
	return passed;
}

/* Return: frames that were passed. */
static u32 pcm_pass_all(struct vsp_audio_pcm *pcm, u8 *bytes, u32 frames)
{
	u32 frame = vs_audio_frame_bytes(&pcm->params);
	snd_pcm_sframes_t passed;
	u32 done = 0;

	while (done < frames) {
		passed = pcm_pass(pcm, bytes + done * frame, frames - done);
		if (passed <= 0)
			break;
		done += passed;
	}
	return done;
}

/**
 * vsp_audio_pcm_write() - play frames
 * @pcm: plays, set
 * @bytes: of the frames
 * @frames: that are due
 *
 * Context: may sleep, pcm->lock held.
 * Return: 0, or an errno; -ENODEV: it is gone.
 */
int vsp_audio_pcm_write(struct vsp_audio_pcm *pcm, const u8 *bytes, u32 frames)
{
	u32 done;
	int error;

	lockdep_assert_held(&pcm->lock);
	done = pcm_pass_all(pcm, (u8 *)bytes, frames);
	if (done == frames)
		return 0;
	/* It has run dry since they were due. */
	error = pcm_run(pcm);
	if (!error)
		pcm_pass_all(pcm, (u8 *)bytes + done * vs_audio_frame_bytes(&pcm->params),
			     frames - done);
	return error;
}

/**
 * vsp_audio_pcm_latency() - how late what was written last is heard, or what is read next was
 * recorded
 * @pcm: set
 *
 * Context: may sleep, pcm->lock held.
 * Return: frames, no more than a second; 0 while it does not run.
 */
u32 vsp_audio_pcm_latency(struct vsp_audio_pcm *pcm)
{
	snd_pcm_sframes_t delay;

	lockdep_assert_held(&pcm->lock);
	if (!pcm->set || pcm_state(pcm) != SNDRV_PCM_STATE_RUNNING ||
	    pcm_do(pcm, SNDRV_PCM_IOCTL_DELAY, &delay))
		return 0;
	return clamp_t(snd_pcm_sframes_t, delay, 0, pcm_ms(pcm, MSEC_PER_SEC));
}

/**
 * vsp_audio_pcm_read() - take what was recorded
 * @pcm: records, set
 * @bytes: silence; filled with what there is
 * @frames: that are due
 *
 * Context: may sleep, pcm->lock held.
 * Return: 0, or -ENODEV: it is gone.
 */
int vsp_audio_pcm_read(struct vsp_audio_pcm *pcm, u8 *bytes, u32 frames)
{
	lockdep_assert_held(&pcm->lock);
	pcm_pass_all(pcm, bytes, frames);
	return vsp_audio_pcm_is_gone(pcm) ? -ENODEV : 0;
}
