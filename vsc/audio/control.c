// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the host: what a stream or control is set to, and when a stream runs.  Some are
 * waited for, in a process; the others are sent from where nothing can wait.  The host takes all in
 * their order.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/virtio.h>

#include "vsc/audio/audio.h"
#include "vsc/class.h"

static int control_error(u32 status)
{
	switch (status) {
	case VIRTIO_SND_S_OK:
		return 0;
	case VIRTIO_SND_S_NOT_SUPP:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static struct vsc_audio_request *control_slot(struct vsc_audio *audio)
{
	for (unsigned int i = 0; i < VSC_AUDIO_REQUESTS; i++)
		if (audio->request[i].state == VSC_AUDIO_REQUEST_FREE)
			return &audio->request[i];
	return NULL;
}

static int control_fill(struct vsc_audio *audio, struct vsc_audio_request *slot, size_t length)
{
	struct scatterlist out, in;
	struct scatterlist *sgs[] = { &out, &in };
	int error;

	sg_init_one(&out, &slot->write, length);
	sg_init_one(&in, &slot->answer, sizeof(slot->answer));
	error = virtqueue_add_sgs(audio->vq, sgs, 1, 1, slot, GFP_ATOMIC);
	if (!error)
		virtqueue_kick(audio->vq);
	return error;
}

/* Return: the request, or NULL: it was not sent. */
static struct vsc_audio_request *control_send(struct vsc_audio *audio, const void *request,
					      size_t length, enum vsc_audio_request_state state)
{
	struct vsc_audio_request *slot = control_slot(audio);

	lockdep_assert_held(&audio->lock);
	if (!slot || !audio->vq)
		return NULL;
	memcpy(&slot->write, request, length);
	slot->answer.code = 0;
	if (control_fill(audio, slot, length))
		return NULL;
	slot->state = state;
	return slot;
}

/**
 * vsc_audio_control_tell() - send a request whose answer nobody waits for
 * @audio: any
 * @stream: its number
 * @code: VIRTIO_SND_R_PCM_START, STOP or RELEASE
 *
 * What one that finds no room would have ended, vsc_audio_stream_settle() ends again.
 *
 * Context: any, audio->lock held.
 * Return: 0; -EIO: it was not sent.
 */
int vsc_audio_control_tell(struct vsc_audio *audio, unsigned int stream, u32 code)
{
	struct virtio_snd_pcm_set_params request = {
		.hdr = { .hdr.code = cpu_to_le32(code), .stream_id = cpu_to_le32(stream) },
	};

	return control_send(audio, &request, sizeof(request.hdr), VSC_AUDIO_REQUEST_POSTED) ?
	       0 : -EIO;
}

static bool control_is_answered(struct vsc_audio *audio, const struct vsc_audio_request *slot)
{
	bool answered;

	spin_lock_irq(&audio->lock);
	answered = slot->state == VSC_AUDIO_REQUEST_ANSWERED;
	spin_unlock_irq(&audio->lock);
	return answered;
}

static int control_wait(struct vsc_audio *audio, struct vsc_audio_request *slot)
{
	int error = -ETIMEDOUT;

	wait_event_timeout(audio->changed, control_is_answered(audio, slot),
			   msecs_to_jiffies(VSC_AUDIO_ANSWER_MS));
	spin_lock_irq(&audio->lock);
	if (slot->state == VSC_AUDIO_REQUEST_ANSWERED) {
		error = slot->error;
		slot->state = VSC_AUDIO_REQUEST_FREE;
	} else {
		/* It is the host's until it comes back. */
		slot->state = VSC_AUDIO_REQUEST_POSTED;
	}
	spin_unlock_irq(&audio->lock);
	return error;
}

static int control_exchange(struct vsc_audio *audio, const void *request, size_t length)
{
	struct vsc_audio_request *slot;

	spin_lock_irq(&audio->lock);
	slot = control_send(audio, request, length, VSC_AUDIO_REQUEST_AWAITED);
	spin_unlock_irq(&audio->lock);
	return slot ? control_wait(audio, slot) : -EIO;
}

/**
 * vsc_audio_control_ask() - send a request and wait for its answer
 * @audio: any
 * @stream: its number
 * @code: VIRTIO_SND_R_PCM_PREPARE or RELEASE
 *
 * Context: process; sleeps, VSC_AUDIO_ANSWER_MS at the most.
 * Return: 0; -EINVAL: the contract does not allow it; -EIO: the host does not do it, or is not
 *	there; -ETIMEDOUT: it has not answered.
 */
int vsc_audio_control_ask(struct vsc_audio *audio, unsigned int stream, u32 code)
{
	struct virtio_snd_pcm_set_params request = {
		.hdr = { .hdr.code = cpu_to_le32(code), .stream_id = cpu_to_le32(stream) },
	};

	return control_exchange(audio, &request, sizeof(request.hdr));
}

/**
 * vsc_audio_control_set() - set a stream to its parameters, and wait for the answer
 * @audio: any
 * @stream: its number
 * @period: frames
 * @buffer: frames
 *
 * Context: process; sleeps, VSC_AUDIO_ANSWER_MS at the most.
 * Return: as vsc_audio_control_ask().
 */
int vsc_audio_control_set(struct vsc_audio *audio, unsigned int stream, u32 period, u32 buffer)
{
	const struct vs_audio_params *params = &audio->stream[stream].params;
	u32 frame = vs_audio_frame_bytes(params);
	struct virtio_snd_pcm_set_params request = {
		.hdr = {
			.hdr.code = cpu_to_le32(VIRTIO_SND_R_PCM_SET_PARAMS),
			.stream_id = cpu_to_le32(stream),
		},
		.buffer_bytes = cpu_to_le32(buffer * frame),
		.period_bytes = cpu_to_le32(period * frame),
		.channels = params->channels,
		.format = vs_audio_format_to_virtio(params->format),
		.rate = vs_audio_rate_to_virtio(params->rate),
	};

	return control_exchange(audio, &request, sizeof(request));
}

/**
 * vsc_audio_control_write() - set a control element of the host, and wait for the answer
 * @audio: any
 * @id: VS_AUDIO_CONTROL_ID()
 * @value: 0..vs_audio_control_max()
 *
 * Context: process; sleeps, VSC_AUDIO_ANSWER_MS at the most.
 * Return: 0; -EINVAL: the host has no control elements; else as vsc_audio_control_ask().
 */
int vsc_audio_control_write(struct vsc_audio *audio, unsigned int id, u32 value)
{
	struct vsc_audio_write write = {
		.hdr = {
			.hdr.code = cpu_to_le32(VIRTIO_SND_R_CTL_WRITE),
			.control_id = cpu_to_le32(id),
		},
		.value.value.integer[0] = cpu_to_le32(value),
	};

	return control_exchange(audio, &write, sizeof(write));
}

static void control_end(struct vsc_audio_request *slot, int error)
{
	slot->error = error;
	slot->state = slot->state == VSC_AUDIO_REQUEST_AWAITED ? VSC_AUDIO_REQUEST_ANSWERED :
		      VSC_AUDIO_REQUEST_FREE;
}

/**
 * vsc_audio_control_data() - the host has answered
 * @audio: any
 *
 * Context: any, interrupts too.
 */
void vsc_audio_control_data(struct vsc_audio *audio)
{
	struct vsc_audio_request *slot;
	unsigned int length;
	unsigned long irq;

	spin_lock_irqsave(&audio->lock, irq);
	if (!audio->vq)
		goto unlock;
	/* Also where none is expected: nothing else would show that the ring is broken. */
	while ((slot = virtqueue_get_buf(audio->vq, &length)))
		control_end(slot, length < sizeof(slot->answer) ? -EIO :
			    control_error(le32_to_cpu(READ_ONCE(slot->answer.code))));
	if (virtqueue_is_broken(audio->vq))
		vsc_session_broken(audio->session);
unlock:
	spin_unlock_irqrestore(&audio->lock, irq);
	wake_up_all(&audio->changed);
}

/**
 * vsc_audio_control_void() - the channel was stopped: nothing is answered any more
 * @audio: any
 *
 * Context: process.
 */
void vsc_audio_control_void(struct vsc_audio *audio)
{
	spin_lock_irq(&audio->lock);
	while (audio->vq && virtqueue_detach_unused_buf(audio->vq))
		;
	audio->vq = NULL;
	for (unsigned int i = 0; i < VSC_AUDIO_REQUESTS; i++)
		if (audio->request[i].state == VSC_AUDIO_REQUEST_POSTED ||
		    audio->request[i].state == VSC_AUDIO_REQUEST_AWAITED)
			control_end(&audio->request[i], -EIO);
	spin_unlock_irq(&audio->lock);
	wake_up_all(&audio->changed);
}
