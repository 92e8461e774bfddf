// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool's source: a PCM of the host, and whether it is there.
 *
 * When its card is disconnected, the pool's watch closes what services have of it, which its
 * driver may wait for.  Their streams go on in silence for as long as the pool says, and their
 * contracts stay; then these end.  The PCM is looked for by its name all the time.
 *
 * With a mixer all services of the pool have one source together, from the first to the last.
 */
#define pr_fmt(fmt) "vsp_audio: " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <sound/core.h>
#include <sound/pcm.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vs_value.h"
#include "vsp/audio/audio.h"
#include "vsp/audio/mixer.h"
#include "vsp/audio/source.h"
#include "vsp/class.h"

/* A mover has a substream for no longer than a call of ALSA. */
#define SOURCE_AGAIN_MS		20

#define SOURCE_ALL		(BIT(VS_AUDIO_STREAMS) - 1)	/* directions */

/* ---- What it can ---- */

/**
 * vsp_audio_source_limit() - narrow limits to what the source can do
 * @source: of a service
 * @limits: a complete set
 *
 * Context: any.
 */
void vsp_audio_source_limit(struct vsp_audio_source *source, struct vs_terms *limits)
{
	struct vsp_audio_caps caps[VS_AUDIO_STREAMS];
	unsigned long irq;
	bool gone;

	spin_lock_irqsave(&source->lock, irq);
	memcpy(caps, source->caps, sizeof(caps));
	gone = source->presence == VSP_AUDIO_SOURCE_GONE;
	spin_unlock_irqrestore(&source->lock, irq);
	vsp_audio_fit_limits(caps, limits);
	if (gone)
		limits->term[VS_AUDIO_INDEX(VS_AUDIO_BANDWIDTH)].high = 0;
}

/* ---- Opening and closing what a service has ---- */

static void source_close(struct vsp_audio_source *source, u32 streams)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		if (!(streams & BIT(i)))
			continue;
		mutex_lock(&source->pcm[i].lock);
		vsp_audio_pcm_close(&source->pcm[i]);
		mutex_unlock(&source->pcm[i].lock);
	}
}

/* Return: bits of directions. */
static u32 source_wants(struct vsp_service *service)
{
	u32 wants = 0;

	if (vsp_service_staged_limit(service, VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_CHANNELS)))
		wants |= BIT(VS_AUDIO_STREAM_PLAYBACK);
	if (vsp_service_staged_limit(service, VS_AUDIO_INDEX(VS_AUDIO_CAPTURE_CHANNELS)))
		wants |= BIT(VS_AUDIO_STREAM_CAPTURE);
	return wants;
}

static int source_open_one(struct vsp_audio_source *source, struct snd_pcm *of,
			   struct vsp_audio_pcm *pcm, struct vsp_audio_caps *caps)
{
	struct vsp_audio_mixer *mixer = source->shared->mixer;
	int error = 0;

	mutex_lock(&pcm->lock);
	if (!pcm->file)
		error = vsp_audio_pcm_open(pcm, of);
	else if (vsp_audio_pcm_is_gone(pcm))
		error = -ENODEV;
	*caps = pcm->caps;
	if (!error && mixer)
		error = vsp_audio_mixer_fit(mixer, pcm, caps);
	mutex_unlock(&pcm->lock);
	return error;
}

/* Return: 0, or an errno, of the direction @at. */
static int source_open_all(struct vsp_audio_source *source, struct snd_pcm *of, u32 wants,
			   unsigned int *at)
{
	struct vsp_audio_caps caps[VS_AUDIO_STREAMS] = { };
	int error;

	for (*at = 0; *at < VS_AUDIO_STREAMS; ++*at) {
		if (!of->streams[*at].substream_count || !(wants & BIT(*at)))
			continue;
		error = source_open_one(source, of, &source->pcm[*at], &caps[*at]);
		if (error)
			return error;
	}
	spin_lock_irq(&source->lock);
	memcpy(source->caps, caps, sizeof(caps));
	source->presence = VSP_AUDIO_SOURCE_PRESENT;
	spin_unlock_irq(&source->lock);
	return 0;
}

static void source_refuse_mix(const char *service, const struct vsp_audio_source *source,
			      const char *direction)
{
	const struct vs_audio_params *params = &source->shared->mixer->params;

	pr_err("service %s: source: the %s of %s cannot be set to what the pool mixes, %s at %u frames/s with %u channels: write others to mix_format, mix_rate and mix_channels, or name another PCM\n",
	       service, direction, vsp_pool_source(source->shared->pool),
	       vs_class_audio.term[VS_AUDIO_INDEX(VS_AUDIO_PLAYBACK_FORMATS)].bits[params->format],
	       vs_audio_rate(params->rate), params->channels);
}

static void source_refuse(const char *service, const struct vsp_audio_source *source,
			  const struct snd_pcm *of, unsigned int stream, int error)
{
	const char *name = vsp_pool_source(source->shared->pool);
	const char *direction = stream == VS_AUDIO_STREAM_PLAYBACK ? "playback" : "capture";

	if (error == -EBUSY)
		pr_err("service %s: source: others have all %u substreams of %s for %s: end one of these programs or services, or write 0 to %s_channels_max\n",
		       service, of->streams[stream].substream_count, name, direction, direction);
	else if (error == -EINVAL && source->shared->mixer)
		source_refuse_mix(service, source, direction);
	else if (error == -EINVAL)
		pr_err("service %s: source: the %s of %s can be set to nothing of s16, s24, s32 or float, interleaved, at 8000..192000 frames/s, with up to %u channels: name another PCM\n",
		       service, direction, name, VSP_AUDIO_SOURCE_CHANNELS_MAX);
	else
		pr_err("service %s: source: %s cannot be opened for %s (%d)\n", service, name,
		       direction, error);
}

/* ---- A source that goes, and comes back ---- */

/* Whose it is, for the log. */
static const char *source_kind(const struct vsp_audio_source *source)
{
	return source->audio ? "service" : "pool";
}

static const char *source_name(const struct vsp_audio_source *source)
{
	return source->audio ? vsp_service_name(source->audio->service) :
			       vsp_pool_name(source->shared->pool);
}

/**
 * vsp_audio_source_lost() - its card was disconnected
 * @source: of a service, or a mixer
 *
 * Context: any.
 */
void vsp_audio_source_lost(struct vsp_audio_source *source)
{
	bool news;
	unsigned long irq;

	spin_lock_irqsave(&source->lock, irq);
	news = source->presence == VSP_AUDIO_SOURCE_PRESENT;
	if (news) {
		source->presence = VSP_AUDIO_SOURCE_GAP;
		source->lost_ns = ktime_get_ns();
	}
	spin_unlock_irqrestore(&source->lock, irq);
	if (!news)
		return;
	pr_warn("%s %s: source %s has gone: streams go on in silence for %u ms\n",
		source_kind(source), source_name(source), vsp_pool_source(source->shared->pool),
		source->shared->gap_ms);
	vsp_watch_look(source->shared->pool);
}

static void source_look_work(struct work_struct *work)
{
	vsp_watch_look(container_of(to_delayed_work(work), struct vsp_audio_source_pool,
				    look)->pool);
}

/* Return: false: a mover has a substream, look again. */
static bool source_drop(struct vsp_audio_source *source)
{
	bool lost = READ_ONCE(source->presence) != VSP_AUDIO_SOURCE_PRESENT;
	bool gone = false, dropped = true;

	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		struct vsp_audio_pcm *pcm = &source->pcm[i];

		if (!mutex_trylock(&pcm->lock)) {
			dropped = false;
			continue;
		}
		gone |= vsp_audio_pcm_is_gone(pcm);
		if (lost || vsp_audio_pcm_is_gone(pcm))
			vsp_audio_pcm_close(pcm);
		mutex_unlock(&pcm->lock);
	}
	if (gone)
		vsp_audio_source_lost(source);
	return dropped;
}

/* Return: false: look again, as of source_drop(). */
static bool source_return(struct vsp_audio_source *source)
{
	struct snd_pcm *of = vsp_audio_source_find(vsp_pool_source(source->shared->pool));
	u32 wants = source->audio ? source_wants(source->audio->service) : source->wants;
	bool done = true;
	unsigned int at;

	if (IS_ERR(of))
		return true;
	/* What was opened of it is closed without waiting for a mover, now or by the next look. */
	if (vsp_audio_source_is_own(of) || source_open_all(source, of, wants, &at))
		done = source_drop(source);
	else
		pr_info("%s %s: source %s is back\n", source_kind(source), source_name(source),
			vsp_pool_source(source->shared->pool));
	snd_card_unref(of->card);
	return done;
}

/* Return: how long the gap still is, ms; 0: there is none. */
static u64 source_gap(struct vsp_audio_source *source)
{
	u64 passed, gap_ns = source->shared->gap_ms * (u64)NSEC_PER_MSEC, rest = 0;

	spin_lock_irq(&source->lock);
	passed = ktime_get_ns() - source->lost_ns;
	if (source->presence == VSP_AUDIO_SOURCE_GAP && passed < gap_ns)
		rest = div_u64(gap_ns - passed, NSEC_PER_MSEC) + 1;
	else if (source->presence == VSP_AUDIO_SOURCE_GAP)
		source->presence = VSP_AUDIO_SOURCE_GONE;
	spin_unlock_irq(&source->lock);
	return rest;
}

/* Return: when to look again, ms. */
static u64 source_visit(struct vsp_audio_source *source)
{
	bool dropped = source_drop(source);
	u64 rest;

	if (dropped && READ_ONCE(source->presence) != VSP_AUDIO_SOURCE_PRESENT)
		dropped = source_return(source);
	rest = source_gap(source);
	return dropped ? rest ?: U64_MAX : SOURCE_AGAIN_MS;
}

/**
 * vsp_audio_source_pool_poll() - close what has gone, and open what has come back
 * @pool: may have a source
 *
 * Context: pool_poll of the class.
 */
void vsp_audio_source_pool_poll(struct vsp_pool *pool)
{
	struct vsp_audio_source_pool *shared = vsp_pool_data(pool);
	struct vsp_audio_source *source;
	u64 next = U64_MAX;

	if (!shared)
		return;
	mutex_lock(&shared->lock);
	list_for_each_entry(source, &shared->members, entry)
		next = min(next, source_visit(source));
	mutex_unlock(&shared->lock);
	if (next != U64_MAX)
		mod_delayed_work(system_unbound_wq, &shared->look, msecs_to_jiffies(next) + 1);
}

/* ---- Services ---- */

static void source_setup(struct vsp_audio_source *source, struct vsp_audio *audio,
			 struct vsp_audio_source_pool *shared)
{
	source->shared = shared;
	source->audio = audio;
	spin_lock_init(&source->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++) {
		mutex_init(&source->pcm[i].lock);
		source->pcm[i].plays = i == VS_AUDIO_STREAM_PLAYBACK;
	}
}

static void source_clear(struct vsp_audio_source *source)
{
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		mutex_destroy(&source->pcm[i].lock);
}

static void source_tell_unheard(struct vsp_audio_source *source, struct vsp_service *service)
{
	if (source->pcm[VS_AUDIO_STREAM_PLAYBACK].file &&
	    !(vsp_service_staged_limit(service, VS_AUDIO_INDEX(VS_AUDIO_MONITOR)) & VS_AUDIO_HEAR))
		pr_info("service %s: monitor_allowed does not name hear: what its client plays does not reach the source\n",
			vsp_service_name(service));
}

/* Whatever it was when the pool was enabled: numbers of cards that go are given to others. */
static int source_refuse_own(const char *kind, const char *name, const struct snd_pcm *of,
			     struct vsp_pool *pool)
{
	if (!vsp_audio_source_is_own(of))
		return 0;
	pr_err("%s %s: source: %s is a card of a service or client of this host: what is played would go round; name another one\n",
	       kind, name, vsp_pool_source(pool));
	return -EINVAL;
}

static int source_open(struct vsp_audio_source *source, struct vsp_service *service)
{
	struct snd_pcm *of = vsp_audio_source_find(vsp_pool_source(source->shared->pool));
	unsigned int at;
	int error;

	if (IS_ERR(of)) {
		pr_err("service %s: source: %s is not there (%ld): connect it, or name another PCM\n",
		       vsp_service_name(service), vsp_pool_source(source->shared->pool),
		       PTR_ERR(of));
		return PTR_ERR(of);
	}
	error = source_refuse_own("service", vsp_service_name(service), of, source->shared->pool);
	if (error)
		goto put;
	error = source_open_all(source, of, source->wants | source_wants(service), &at);
	if (error) {
		/* What other services of a mixer have is theirs. */
		source_close(source, ~source->wants);
		source_refuse(vsp_service_name(service), source, of, at, error);
	} else {
		source_tell_unheard(source, service);
	}
put:
	snd_card_unref(of->card);
	return error;
}

static int source_join_mixer(struct vsp_audio *audio, struct vsp_audio_source_pool *shared)
{
	struct vsp_audio_mixer *mixer = shared->mixer;
	struct vsp_audio_source *source = &mixer->source;
	int error;

	mutex_lock(&shared->lock);
	error = vsp_audio_mixer_add(mixer, audio);
	if (error)
		goto unlock;
	error = source_open(source, audio->service);
	if (error) {
		vsp_audio_mixer_remove(audio);
		goto unlock;
	}
	source->wants |= source_wants(audio->service);
	audio->source = source;
	if (!mixer->members++)
		list_add_tail(&source->entry, &shared->members);
unlock:
	mutex_unlock(&shared->lock);
	return error;
}

static void source_leave_mixer(struct vsp_audio *audio, struct vsp_audio_source_pool *shared)
{
	struct vsp_audio_mixer *mixer = shared->mixer;

	vsp_audio_mixer_remove(audio);
	mutex_lock(&shared->lock);
	audio->source = NULL;
	if (!--mixer->members) {
		list_del(&mixer->source.entry);
		mixer->source.wants = 0;
		/* It would find that what it began to play to has gone. */
		flush_work(&mixer->work);
		source_close(&mixer->source, SOURCE_ALL);
	}
	mutex_unlock(&shared->lock);
}

/**
 * vsp_audio_source_join() - a service takes a substream of each direction, or has the pool's mixed
 * @audio: of a pool with a source
 *
 * Context: service_open of the class.
 * Return: 0; or, logged: -ENODEV, -EBUSY, -EINVAL, ...; or -ENOMEM.
 */
int vsp_audio_source_join(struct vsp_audio *audio)
{
	struct vsp_audio_source_pool *shared = vsp_pool_data(vsp_service_pool(audio->service));
	struct vsp_audio_source *source;
	int error;

	if (shared->mixer)
		return source_join_mixer(audio, shared);
	source = kzalloc(sizeof(*source), GFP_KERNEL);
	if (!source)
		return -ENOMEM;
	source_setup(source, audio, shared);
	error = source_open(source, audio->service);
	if (error) {
		source_clear(source);
		kfree(source);
		return error;
	}
	audio->source = source;
	mutex_lock(&shared->lock);
	list_add_tail(&source->entry, &shared->members);
	mutex_unlock(&shared->lock);
	return 0;
}

/**
 * vsp_audio_source_leave() - undo vsp_audio_source_join()
 * @audio: has a source or none; no mover has its queues
 *
 * Context: service_close of the class.
 */
void vsp_audio_source_leave(struct vsp_audio *audio)
{
	struct vsp_audio_source *source = audio->source;

	if (!source)
		return;
	if (!source->audio) {
		source_leave_mixer(audio, source->shared);
		return;
	}
	mutex_lock(&source->shared->lock);
	list_del(&source->entry);
	mutex_unlock(&source->shared->lock);
	audio->source = NULL;
	source_close(source, SOURCE_ALL);
	source_clear(source);
	kfree(source);
}

/* ---- Pools ---- */

static int source_judge(struct vsp_pool *pool)
{
	struct snd_pcm *of = vsp_audio_source_find(vsp_pool_source(pool));
	int error = PTR_ERR_OR_ZERO(of);

	if (error == -ENODEV)
		pr_err("pool %s: source: the host has no PCM \"%s\": /proc/asound/pcm has them all\n",
		       vsp_pool_name(pool), vsp_pool_source(pool));
	else if (error == -EINVAL)
		pr_err("pool %s: source: \"%s\" is not hw:CARD,DEV with the number or the name of a card, nor a path as /dev/snd/pcmC0D0p, nor empty\n",
		       vsp_pool_name(pool), vsp_pool_source(pool));
	if (error)
		return error;
	error = source_refuse_own("pool", vsp_pool_name(pool), of, pool);
	snd_card_unref(of->card);
	return error;
}

static int source_read_gap(struct vsp_pool *pool, u32 *gap_ms)
{
	const char *text = vsp_pool_text(pool, VS_AUDIO_SOURCE_GAP_MS);
	u64 value = VSP_AUDIO_GAP_MS;

	if (text[0] && (vs_value_u64(text, &value) || value > VSP_AUDIO_GAP_MS_MAX)) {
		pr_err("pool %s: source_gap_ms: \"%s\" is not 0..%u ms, nor empty, which is %u\n",
		       vsp_pool_name(pool), text, VSP_AUDIO_GAP_MS_MAX, VSP_AUDIO_GAP_MS);
		return -EINVAL;
	}
	*gap_ms = value;
	return 0;
}

static struct vsp_audio_source_pool *source_pool_new(const struct vs_audio_params *mixed)
{
	struct vsp_audio_source_pool *shared = kzalloc(sizeof(*shared), GFP_KERNEL);

	if (!shared || !mixed->channels)
		return shared;
	shared->mixer = vsp_audio_mixer_new(mixed);
	if (!shared->mixer) {
		kfree(shared);
		return NULL;
	}
	source_setup(&shared->mixer->source, NULL, shared);
	return shared;
}

/**
 * vsp_audio_source_pool_open() - a pool is enabled
 * @pool: may have a source
 *
 * Context: pool_open of the class.
 * Return: 0; or, logged: -ENODEV, -EINVAL; or -ENOMEM.
 */
int vsp_audio_source_pool_open(struct vsp_pool *pool)
{
	struct vsp_audio_source_pool *shared;
	struct vs_audio_params mixed;
	u32 gap_ms;
	int error = source_read_gap(pool, &gap_ms);

	error = error ?: vsp_audio_mixer_read(pool, &mixed);
	if (error || !vsp_pool_source(pool)[0])
		return error;
	error = source_judge(pool);
	if (error)
		return error;
	shared = source_pool_new(&mixed);
	if (!shared)
		return -ENOMEM;
	shared->pool = pool;
	shared->gap_ms = gap_ms;
	mutex_init(&shared->lock);
	INIT_LIST_HEAD(&shared->members);
	INIT_DELAYED_WORK(&shared->look, source_look_work);
	vsp_pool_set_data(pool, shared);
	return 0;
}

/**
 * vsp_audio_source_pool_close() - undo vsp_audio_source_pool_open()
 * @pool: may have a source; no service of it is enabled, and nobody looks at it
 *
 * Context: pool_close of the class.
 */
void vsp_audio_source_pool_close(struct vsp_pool *pool)
{
	struct vsp_audio_source_pool *shared = vsp_pool_data(pool);

	if (!shared)
		return;
	vsp_pool_set_data(pool, NULL);
	cancel_delayed_work_sync(&shared->look);
	if (shared->mixer) {
		vsp_audio_mixer_stop(shared->mixer);
		source_clear(&shared->mixer->source);
		kvfree(shared->mixer);
	}
	mutex_destroy(&shared->lock);
	kfree(shared);
}
