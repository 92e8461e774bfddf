// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's sound card: requests that set, run and end streams, and set controls, in any order, and
 * messages with frames or room for them; good ones, and what can be wrong with one.
 */
#include <linux/virtio_snd.h>

#include "vs_audio.h"
#include "vmm.h"

/* In a slot's memory, each queue has some for itself: what is read, what is written. */
#define AUDIO_PART	(SLOT_BYTES / 4)
#define AUDIO_WRITTEN	(AUDIO_PART / 2)

struct audio_request {
	const struct device *device;
	unsigned int queue;	/* enum vs_audio_queue */
	u8 *bytes;		/* of the slot and queue */
	u64 addr;
	struct chain chain;
};

static u8 *audio_bytes(unsigned int queue, int slot)
{
	return (u8 *)area_at(AREA_DATA) + slot * SLOT_BYTES + queue * AUDIO_PART;
}

static void audio_add(struct audio_request *request, u32 length, bool writable)
{
	request->chain.segment[request->chain.count++] = (struct segment){
		request->addr + (writable ? AUDIO_WRITTEN : 0), length, writable
	};
}

/* ---- Good ones ---- */

/* The lowest bit of a term; what is not granted is refused. */
static unsigned int audio_granted(const struct device *device, u16 id)
{
	const struct vs_term *term = vs_terms_find(&device->terms, id);

	return term && term->high ? __builtin_ctzll(term->high) : 0;
}

/* As often as not what is granted: a pool that mixes has one format and rate. */
static void audio_params(const struct device *device, struct virtio_snd_pcm_set_params *params)
{
	static const u8 known[] = {
		VIRTIO_SND_PCM_FMT_S16, VIRTIO_SND_PCM_FMT_S24, VIRTIO_SND_PCM_FMT_S32,
		VIRTIO_SND_PCM_FMT_FLOAT,
	};
	unsigned int format;

	params->hdr.hdr.code = htole32(VIRTIO_SND_R_PCM_SET_PARAMS);
	params->period_bytes = htole32(65536);
	params->channels = one_in(8) ? below(256) : 1 + below(2);
	params->format = known[below(ARRAY_SIZE(known))];
	params->rate = VIRTIO_SND_PCM_RATE_8000 + below(VS_AUDIO_RATES_MAX);
	if (one_in(2)) {
		format = audio_granted(device, VS_AUDIO_PLAYBACK_FORMATS);
		params->format = vs_audio_format_to_virtio(format);
		params->rate = vs_audio_rate_to_virtio(audio_granted(device, VS_AUDIO_RATES));
	}
}

static void audio_write(struct audio_request *request)
{
	struct virtio_snd_ctl_hdr *header = (void *)request->bytes;
	struct virtio_snd_ctl_value *value = (void *)(header + 1);
	u32 id = below(VS_AUDIO_CONTROLS);

	header->hdr.code = htole32(VIRTIO_SND_R_CTL_WRITE);
	header->control_id = htole32(id);
	value->value.integer[0] = htole32(below(vs_audio_control_max(id) + 1));
	audio_add(request, sizeof(*header) + sizeof(*value), false);
	audio_add(request, sizeof(struct virtio_snd_hdr), true);
}

static void audio_control(struct audio_request *request)
{
	static const u32 codes[] = {
		VIRTIO_SND_R_PCM_PREPARE, VIRTIO_SND_R_PCM_START, VIRTIO_SND_R_PCM_START,
		VIRTIO_SND_R_PCM_STOP, VIRTIO_SND_R_PCM_RELEASE,
	};
	struct virtio_snd_pcm_set_params *params = (void *)request->bytes;

	params->hdr.stream_id = htole32(below(VS_AUDIO_STREAMS));
	params->hdr.hdr.code = htole32(codes[below(ARRAY_SIZE(codes))]);
	if (one_in(4))
		audio_params(request->device, params);
	audio_add(request, le32toh(params->hdr.hdr.code) == VIRTIO_SND_R_PCM_SET_PARAMS ?
		  sizeof(*params) : sizeof(params->hdr), false);
	audio_add(request, sizeof(struct virtio_snd_hdr), true);
}

/* Of 8 bytes or a multiple, as every frame of at most two channels is. */
static void audio_message(struct audio_request *request)
{
	struct virtio_snd_pcm_xfer *header = (void *)request->bytes;
	bool plays = request->queue == VS_AUDIO_QUEUE_PLAYBACK;
	u32 bytes = 8 * (1 + below(one_in(4) ? VS_AUDIO_MESSAGE_MAX / 8 : 16));

	header->stream_id = htole32(plays ? VS_AUDIO_STREAM_PLAYBACK : VS_AUDIO_STREAM_CAPTURE);
	audio_add(request, sizeof(*header) + (plays ? bytes : 0), false);
	audio_add(request, (plays ? 0 : bytes) + sizeof(struct virtio_snd_pcm_status), true);
}

static void audio_good(struct device *device, struct audio_request *request, unsigned int queue,
		       int slot)
{
	memset(request, 0, sizeof(*request));
	request->device = device;
	request->queue = queue;
	request->bytes = audio_bytes(queue, slot);
	request->addr = area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES + queue * AUDIO_PART;
	memset(request->bytes, 0, 64);
	if (queue == VS_AUDIO_QUEUE_CONTROL && one_in(4))
		audio_write(request);
	else if (queue == VS_AUDIO_QUEUE_CONTROL)
		audio_control(request);
	else
		audio_message(request);
}

/* ---- What can be wrong with one; the ring stays good ---- */

static void audio_spoil_chain(struct audio_request *request)
{
	struct segment *segment = &request->chain.segment[below(request->chain.count)];

	switch (below(8)) {
	case 0:
		segment->length = 1 + below(segment->length);
		break;
	case 1:
		segment->length += 1 + below(8192);
		break;
	case 2:
		segment->length = U32_MAX - below(4096);
		break;
	case 3:
		*segment = request->chain.segment[--request->chain.count];
		break;
	case 4:
		for (unsigned int i = 0; i < request->chain.count; i++)
			request->chain.segment[i].writable ^= true;
		break;
	case 5:
		segment->addr = AREA_HOLE_ADDR + below(8192);
		break;
	case 6:
		segment->addr = area_addr(segment->writable ? AREA_READ : AREA_WRITE) + below(4096);
		break;
	default:
		segment->addr = area_addr(AREA_MOVING) + below(area_size(AREA_MOVING) - 4096);
		break;
	}
	if (!request->chain.count)
		audio_add(request, 8, request->queue == VS_AUDIO_QUEUE_CAPTURE);
}

/* Of a control that there is, or is not, a value that is one, or is not. */
static void audio_spoil_write(struct audio_request *request)
{
	struct virtio_snd_ctl_hdr *header = (void *)request->bytes;
	struct virtio_snd_ctl_value *value = (void *)(header + 1);

	header->hdr.code = htole32(VIRTIO_SND_R_CTL_WRITE);
	if (one_in(2))
		header->control_id = htole32(below(4 * VS_AUDIO_CONTROLS));
	if (one_in(2))
		value->value.integer[0] = htole32(below(2));
}

static void audio_spoil_bytes(struct audio_request *request)
{
	fill_random(request->bytes, sizeof(struct virtio_snd_pcm_set_params));
	if (one_in(4))
		audio_spoil_write(request);
	else if (one_in(2))
		((struct virtio_snd_hdr *)request->bytes)->code =
			htole32(VIRTIO_SND_R_PCM_INFO + below(8));
}

static void audio_fill(struct device *device, unsigned int number, bool hostile)
{
	struct queue *queue = data_queue(device, number);
	static struct audio_request request;
	int slot;

	while ((slot = ring_slot(queue)) >= 0) {
		audio_good(device, &request, number, slot);
		if (hostile && one_in(2))
			audio_spoil_chain(&request);
		else if (hostile && one_in(4))
			audio_spoil_bytes(&request);
		chain_order(&request.chain);
		ring_push(device, queue, slot, &request.chain);
		counts->pushed++;
	}
	ring_kick(queue);
}

struct queue *audio_push(struct device *device, bool hostile)
{
	audio_fill(device, VS_AUDIO_QUEUE_PLAYBACK, hostile);
	audio_fill(device, VS_AUDIO_QUEUE_CAPTURE, hostile);
	audio_fill(device, VS_AUDIO_QUEUE_CONTROL, hostile);
	return data_queue(device, VS_AUDIO_QUEUE_CONTROL);
}

/* ---- A good one, which has no more to play: of a pool that mixes s16 at 48000 frames/s ---- */

#define STARVE_BYTES	7680	/* of a message, 40 ms: a ring has more than a second */
#define STARVE_MS	30000

static void starve_push(struct device *device, struct audio_request *request)
{
	struct queue *queue = data_queue(device, request->queue);

	ring_push(device, queue, ring_slot(queue), &request->chain);
	ring_kick(queue);
}

static void starve_begin(struct device *device, struct audio_request *request, unsigned int queue)
{
	int slot = ring_slot(data_queue(device, queue));

	*request = (struct audio_request){
		.queue = queue,
		.bytes = audio_bytes(queue, slot),
		.addr = area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES + queue * AUDIO_PART,
	};
	memset(request->bytes, 0, AUDIO_PART);
}

/* Until so many are under way. */
static void starve_await(struct device *device, unsigned int number, unsigned int left)
{
	struct queue *queue = data_queue(device, number);

	while (queue->under_way > left) {
		if (!ring_wait(queue, STARVE_MS))
			die("%s: %u requests of data queue %u do not come back", device->service,
			    queue->under_way, number);
		ring_pop(queue);
	}
}

static void starve_ask(struct device *device, u32 code)
{
	static struct audio_request request;
	struct virtio_snd_pcm_set_params *params;
	struct virtio_snd_hdr *answer;

	starve_begin(device, &request, VS_AUDIO_QUEUE_CONTROL);
	params = (void *)request.bytes;
	answer = (void *)(request.bytes + AUDIO_WRITTEN);
	params->hdr.hdr.code = htole32(code);
	params->hdr.stream_id = htole32(VS_AUDIO_STREAM_PLAYBACK);
	params->period_bytes = htole32(STARVE_BYTES);
	params->channels = 2;
	params->format = VIRTIO_SND_PCM_FMT_S16;
	params->rate = VIRTIO_SND_PCM_RATE_48000;
	audio_add(&request, code == VIRTIO_SND_R_PCM_SET_PARAMS ? sizeof(*params) :
		  sizeof(params->hdr), false);
	audio_add(&request, sizeof(*answer), true);
	starve_push(device, &request);
	starve_await(device, VS_AUDIO_QUEUE_CONTROL, 0);
	if (le32toh(answer->code) != VIRTIO_SND_S_OK)
		die("%s: request 0x%x is answered by 0x%x", device->service, code,
		    le32toh(answer->code));
}

static void starve_post(struct device *device, unsigned int count)
{
	static struct audio_request request;

	while (count--) {
		starve_begin(device, &request, VS_AUDIO_QUEUE_PLAYBACK);
		audio_add(&request, sizeof(struct virtio_snd_pcm_xfer) + STARVE_BYTES, false);
		audio_add(&request, sizeof(struct virtio_snd_pcm_status), true);
		starve_push(device, &request);
	}
}

/*
 * Tells of each state, and stays in it until there is a byte to read: a stream that is not started,
 * one that runs and has played all that it has, one that has more to play, and one that is stopped.
 */
void audio_starve(struct device *device, void (*stay)(const char *state))
{
	starve_ask(device, VIRTIO_SND_R_PCM_SET_PARAMS);
	starve_ask(device, VIRTIO_SND_R_PCM_PREPARE);
	starve_post(device, 1);
	stay("prepared");
	starve_ask(device, VIRTIO_SND_R_PCM_START);
	starve_await(device, VS_AUDIO_QUEUE_PLAYBACK, 0);
	stay("starved");
	starve_post(device, SLOTS);
	starve_await(device, VS_AUDIO_QUEUE_PLAYBACK, SLOTS - 1);
	stay("playing");
	starve_await(device, VS_AUDIO_QUEUE_PLAYBACK, 0);
	starve_post(device, SLOTS);
	starve_await(device, VS_AUDIO_QUEUE_PLAYBACK, SLOTS - 1);
	starve_ask(device, VIRTIO_SND_R_PCM_STOP);
	stay("stopped");
	if (!data_queue(device, VS_AUDIO_QUEUE_PLAYBACK)->under_way)
		die("%s: all has been played: it was stopped too late", device->service);
}

/* ---- And back: what was done is in the host's counters ---- */

void audio_returned(struct device *device, struct queue *queue, struct used used)
{
	if (used.length)
		counts->executed++;
	else
		counts->returned++;
	if (used.length > 2 * VS_AUDIO_MESSAGE_MAX) {
		counts->sick = true;
		die("%u bytes are more than a message has", used.length);
	}
}
