// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sound card for tests only, whose position moves by whole periods, as that of USB cards does
 * (SNDRV_PCM_INFO_BATCH): at the end of each, a period of what is to be played is taken at once.
 * What it plays, it records.
 */
#define pr_fmt(fmt) "audio_batch: " fmt

#include <linux/hrtimer.h>
#include <linux/kfifo.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <sound/core.h>
#include <sound/initval.h>
#include <sound/pcm.h>

#include "vs_compat.h"

#define BATCH_BUFFER	(1024 * 1024)	/* bytes */

static unsigned int period_us = 1000;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "the shortest period (1000)");

static unsigned int captures = 1;
module_param(captures, uint, 0444);
MODULE_PARM_DESC(captures, "substreams that record (1)");

/*
 * struct batch_stream - a direction
 * @timer: ends a period
 * @substream: that is open
 * @period_ns: how long one is
 * @position: frames, in the buffer
 * @runs: the timer goes on; under the lock of the stream
 */
struct batch_stream {
	struct hrtimer timer;
	struct snd_pcm_substream *substream;
	u64 period_ns;
	snd_pcm_uframes_t position;
	bool runs;
};

static struct platform_device *batch_parent;
static struct snd_card *batch_card;
static struct batch_stream batch_streams[SNDRV_PCM_STREAM_LAST + 1];
static DEFINE_SPINLOCK(batch_lock);	/* batch_played */
static DECLARE_KFIFO_PTR(batch_played, u8);

static const struct snd_pcm_hardware batch_hardware = {
	.info = SNDRV_PCM_INFO_INTERLEAVED | SNDRV_PCM_INFO_BLOCK_TRANSFER | SNDRV_PCM_INFO_BATCH,
	.formats = SNDRV_PCM_FMTBIT_S16_LE | SNDRV_PCM_FMTBIT_S32_LE,
	.rates = SNDRV_PCM_RATE_48000,
	.rate_min = 48000,
	.rate_max = 48000,
	.channels_min = 1,
	.channels_max = 2,
	.buffer_bytes_max = BATCH_BUFFER,
	.period_bytes_min = 4,
	.period_bytes_max = BATCH_BUFFER / 2,
	.periods_min = 2,
	.periods_max = 1024,
};

/* A period of silence where nothing was played. */
static void batch_pass(struct batch_stream *stream, bool plays)
{
	struct snd_pcm_runtime *runtime = stream->substream->runtime;
	u8 *at = runtime->dma_area + frames_to_bytes(runtime, stream->position);
	unsigned int bytes = frames_to_bytes(runtime, runtime->period_size);
	unsigned long irq;

	spin_lock_irqsave(&batch_lock, irq);
	if (plays)
		kfifo_in(&batch_played, at, bytes);
	else if (kfifo_len(&batch_played) < bytes)
		memset(at, 0, bytes);
	else if (kfifo_out(&batch_played, at, bytes) != bytes)
		memset(at, 0, bytes);
	spin_unlock_irqrestore(&batch_lock, irq);
	stream->position = (stream->position + runtime->period_size) % runtime->buffer_size;
}

static enum hrtimer_restart batch_tick(struct hrtimer *timer)
{
	struct batch_stream *stream = container_of(timer, struct batch_stream, timer);

	if (!READ_ONCE(stream->runs))
		return HRTIMER_NORESTART;
	batch_pass(stream, stream->substream->stream == SNDRV_PCM_STREAM_PLAYBACK);
	snd_pcm_period_elapsed(stream->substream);
	if (!READ_ONCE(stream->runs))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(stream->period_ns));
	return HRTIMER_RESTART;
}

static int batch_open(struct snd_pcm_substream *substream)
{
	struct snd_pcm_runtime *runtime = substream->runtime;
	int error;

	batch_streams[substream->stream].substream = substream;
	runtime->hw = batch_hardware;
	error = snd_pcm_hw_constraint_minmax(runtime, SNDRV_PCM_HW_PARAM_PERIOD_TIME, period_us,
					     UINT_MAX);
	if (error >= 0)
		error = snd_pcm_hw_constraint_integer(runtime, SNDRV_PCM_HW_PARAM_PERIODS);
	return min(error, 0);
}

static int batch_sync_stop(struct snd_pcm_substream *substream)
{
	hrtimer_cancel(&batch_streams[substream->stream].timer);
	return 0;
}

static int batch_close(struct snd_pcm_substream *substream)
{
	return batch_sync_stop(substream);
}

static int batch_prepare(struct snd_pcm_substream *substream)
{
	struct batch_stream *stream = &batch_streams[substream->stream];
	struct snd_pcm_runtime *runtime = substream->runtime;

	/* What nobody has recorded so far is not recorded later. */
	if (substream->stream == SNDRV_PCM_STREAM_CAPTURE) {
		spin_lock_irq(&batch_lock);
		kfifo_reset(&batch_played);
		spin_unlock_irq(&batch_lock);
	}
	stream->position = 0;
	stream->period_ns = div_u64((u64)runtime->period_size * NSEC_PER_SEC, runtime->rate);
	return 0;
}

static int batch_trigger(struct snd_pcm_substream *substream, int command)
{
	struct batch_stream *stream = &batch_streams[substream->stream];
	bool runs = command == SNDRV_PCM_TRIGGER_START;

	WRITE_ONCE(stream->runs, runs);
	if (runs)
		hrtimer_start(&stream->timer, ns_to_ktime(stream->period_ns), HRTIMER_MODE_REL);
	return 0;
}

static snd_pcm_uframes_t batch_pointer(struct snd_pcm_substream *substream)
{
	return batch_streams[substream->stream].position;
}

static const struct snd_pcm_ops batch_ops = {
	.open = batch_open,
	.close = batch_close,
	.prepare = batch_prepare,
	.trigger = batch_trigger,
	.sync_stop = batch_sync_stop,
	.pointer = batch_pointer,
};

static int batch_fill(struct snd_card *card)
{
	struct snd_pcm *pcm;
	int error = snd_pcm_new(card, "Batch", 0, 1, captures, &pcm);

	if (error)
		return error;
	strscpy(card->driver, "audio_batch", sizeof(card->driver));
	strscpy(card->shortname, "Batch", sizeof(card->shortname));
	strscpy(card->longname, "Batch", sizeof(card->longname));
	snd_pcm_set_ops(pcm, SNDRV_PCM_STREAM_PLAYBACK, &batch_ops);
	snd_pcm_set_ops(pcm, SNDRV_PCM_STREAM_CAPTURE, &batch_ops);
	error = snd_pcm_set_managed_buffer_all(pcm, SNDRV_DMA_TYPE_VMALLOC, NULL, 0, 0);
	return error ?: snd_card_register(card);
}

static int batch_card_new(void)
{
	int error = snd_card_new(&batch_parent->dev, SNDRV_DEFAULT_IDX1, "Batch", THIS_MODULE, 0,
				 &batch_card);

	if (error)
		return error;
	error = batch_fill(batch_card);
	if (error)
		snd_card_free(batch_card);
	return error;
}

static int __init batch_init(void)
{
	int error = kfifo_alloc(&batch_played, BATCH_BUFFER, GFP_KERNEL);

	if (error)
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(batch_streams); i++)
		hrtimer_setup(&batch_streams[i].timer, batch_tick, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL);
	batch_parent = platform_device_register_simple("audio_batch", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(batch_parent)) {
		error = PTR_ERR(batch_parent);
		goto free;
	}
	error = batch_card_new();
	if (!error)
		return 0;
	platform_device_unregister(batch_parent);
free:
	kfifo_free(&batch_played);
	return error;
}

static void __exit batch_exit(void)
{
	snd_card_free(batch_card);
	platform_device_unregister(batch_parent);
	kfifo_free(&batch_played);
}

module_init(batch_init);
module_exit(batch_exit);
MODULE_DESCRIPTION("A sound card whose position moves by periods, for tests of VSP/VSC");
MODULE_LICENSE("GPL");
