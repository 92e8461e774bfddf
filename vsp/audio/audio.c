// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audio class, the provider's side: contracts over what a client plays and records.
 *
 * A pool's source is a PCM of the host. Without one each service has cards of its own on the host,
 * for its programs.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_terms.h"
#include "vsp/audio/audio.h"
#include "vsp/audio/source.h"
#include "vsp/class.h"
#include "vsp/contract.h"

/* Of all services of a pool together, where nothing was set: memory is what it costs. */
#define AUDIO_CAPACITY	1000000000ULL	/* bytes/s */

/* ---- Pools ---- */

static int audio_pool_open(struct vsp_pool *pool)
{
	vsp_pool_fill_capacity(pool, VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH), AUDIO_CAPACITY);
	return vsp_audio_source_pool_open(pool);
}

/* ---- Services ---- */

static void audio_free(struct vsp_audio *audio)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsp_audio_stream_exit(&audio->stream[i]);
	kvfree(audio);
}

static int audio_service_open(struct vsp_service *service)
{
	struct vsp_audio *audio;
	int error = 0;

	if (vsp_service_backing(service)[0]) {
		pr_err("service %s: backing: \"%s\" refused: this class has none: write an empty line\n",
		       vsp_service_name(service), vsp_service_backing(service));
		return -EINVAL;
	}
	audio = kvzalloc(sizeof(*audio), GFP_KERNEL);
	if (!audio)
		return -ENOMEM;
	audio->service = service;
	spin_lock_init(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS && !error; i++)
		error = vsp_audio_stream_init(audio, i);
	if (!error && vsp_pool_source(vsp_service_pool(service))[0])
		error = vsp_audio_source_join(audio);
	if (error) {
		audio_free(audio);
		return error;
	}
	vsp_audio_host_card_init(audio);
	vsp_service_set_data(service, audio);
	return 0;
}

static void audio_service_close(struct vsp_service *service)
{
	struct vsp_audio *audio = vsp_service_data(service);

	vsp_service_set_data(service, NULL);
	vsp_audio_host_card_end(audio);
	vsp_audio_source_leave(audio);
	audio_free(audio);
}

static void audio_limits(struct vsp_service *service, struct vs_terms *limits)
{
	struct vsp_audio *audio = vsp_service_data(service);

	if (audio->source)
		vsp_audio_source_limit(audio->source, limits);
	else
		limits->term[VS_AUDIO_INDEX(VS_AUDIO_MONITOR)].high &= ~(u64)VS_AUDIO_HEAR;
}

static u64 audio_service_used(struct vsp_service *service, u32 index)
{
	struct vsp_audio *audio = vsp_service_data(service);
	u64 used;

	if (index != VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH))
		return 0;
	spin_lock_irq(&audio->lock);
	used = vsp_audio_control_others(audio, NULL);
	spin_unlock_irq(&audio->lock);
	return used;
}

/* ---- Contracts ---- */

static int audio_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				  u16 *denied)
{
	return 0;
}

static void audio_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
}

/* Of another driver, or one that has given its contract back. */
static void audio_reset_volume(struct vsp_audio *audio)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsp_audio_volume_reset(&audio->stream[i]);
}

/* What is not allowed any more ends here; what is goes on. */
static void audio_judge_streams(struct vsp_audio *audio)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		struct vsp_audio_stream *stream = &audio->stream[i];

		if (stream->state != VSP_AUDIO_IDLE &&
		    vs_audio_allows(&audio->grant, i, &stream->params,
				    vsp_audio_control_others(audio, stream)))
			vsp_audio_stream_enter(stream, VSP_AUDIO_IDLE);
	}
}

static void audio_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_audio *audio = vsp_service_data(service);

	vsp_rates_assert_held(service);
	spin_lock(&audio->lock);
	audio->grant = (struct vs_audio_grant){};
	if (next)
		vs_audio_grant_of(&next->terms, &audio->grant);
	else
		audio_reset_volume(audio);
	audio_judge_streams(audio);
	spin_unlock(&audio->lock);
	vsp_audio_host_card_follow(audio, next);
}

/* ---- Data queues ---- */

static void audio_queue_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct vsp_audio *audio = vsp_service_data(service);
	unsigned int number = vsp_queue_number(queue);

	if (number == VS_AUDIO_QUEUE_CONTROL)
		vsp_audio_control_kick(audio, queue);
	else
		vsp_audio_stream_kick(&audio->stream[number - VS_AUDIO_QUEUE_PLAYBACK], queue);
}

/* Nothing is in flight between two calls of queue_kick. */
static void audio_queue_reap(struct vsp_service *service, struct vsp_queue *queue)
{
}

static void audio_queue_reset(struct vsp_service *service)
{
	struct vsp_audio *audio = vsp_service_data(service);

	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		vsp_audio_stream_reset(&audio->stream[i]);
}

/* ---- Counters ---- */

static u64 audio_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_audio *audio = vsp_service_data(service);

	return atomic64_read(&audio->counter[counter]);
}

VSP_COUNTER(frames_played, VSP_AUDIO_PLAYED);
VSP_COUNTER(frames_recorded, VSP_AUDIO_RECORDED);
VSP_COUNTER(settings_refused, VSP_AUDIO_REFUSED);
VSP_COUNTER(controls_set, VSP_AUDIO_CONTROLS_SET);
VSP_COUNTER(underruns, VSP_AUDIO_UNDERRUNS);
VSP_COUNTER(malformed_requests, VSP_AUDIO_MALFORMED);

static struct attribute *counter_attributes[] = {
	&counter_frames_played.attr.attr,
	&counter_frames_recorded.attr.attr,
	&counter_settings_refused.attr.attr,
	&counter_controls_set.attr.attr,
	&counter_underruns.attr.attr,
	&counter_malformed_requests.attr.attr,
	NULL
};

static const struct attribute_group counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

static const struct vsp_class vsp_audio_class = {
	.spec = &vs_class_audio,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.finds_rates = true,
	.pool_open = audio_pool_open,
	.pool_close = vsp_audio_source_pool_close,
	.pool_poll = vsp_audio_source_pool_poll,
	.service_open = audio_service_open,
	.service_close = audio_service_close,
	.limits = audio_limits,
	.prepare = audio_contract_prepare,
	.commit = audio_contract_commit,
	.abort = audio_contract_abort,
	.queue_kick = audio_queue_kick,
	.queue_reap = audio_queue_reap,
	.queue_reset = audio_queue_reset,
	.used = audio_service_used,
	.count = audio_service_count,
	.counters = &counters,
	.files = &vsp_audio_volume_files,
};

static int __init vsp_audio_init(void)
{
	int error = vsp_audio_host_card_begin();

	if (error)
		return error;
	error = vsp_class_register(&vsp_audio_class);
	if (error)
		vsp_audio_host_card_finish();
	return error;
}

static void __exit vsp_audio_exit(void)
{
	vsp_class_unregister(&vsp_audio_class);
	vsp_audio_host_card_finish();
}

module_init(vsp_audio_init);
module_exit(vsp_audio_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Sound cards for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-audio");
