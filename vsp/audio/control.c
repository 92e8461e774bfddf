// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue of a service: what the client sets its streams and controls to, and when
 * streams run.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/stddef.h>
#include <uapi/linux/virtio_snd.h>

#include "vsp/audio/audio.h"
#include "vsp/audio/source.h"
#include "vsp/class.h"

/* What is read of a request: of a control's value as much as there is of it here. */
union control_message {
	struct virtio_snd_hdr hdr;
	struct virtio_snd_pcm_set_params params;
	struct {
		struct virtio_snd_ctl_hdr hdr;
		__le32 value;
	} write;
};

static_assert(offsetof(union control_message, write.value) == sizeof(struct virtio_snd_ctl_hdr));

/* Bytes of a request, of those that there are here. */
static size_t control_length(u32 code)
{
	switch (code) {
	case VIRTIO_SND_R_PCM_SET_PARAMS:
		return sizeof(struct virtio_snd_pcm_set_params);
	case VIRTIO_SND_R_PCM_PREPARE:
	case VIRTIO_SND_R_PCM_RELEASE:
	case VIRTIO_SND_R_PCM_START:
	case VIRTIO_SND_R_PCM_STOP:
		return sizeof(struct virtio_snd_pcm_hdr);
	case VIRTIO_SND_R_CTL_WRITE:
		return sizeof(struct virtio_snd_ctl_hdr) + sizeof(struct virtio_snd_ctl_value);
	default:
		return 0;
	}
}

static int control_read_params(const struct virtio_snd_pcm_set_params *request,
			       struct vs_audio_params *params)
{
	int format = vs_audio_format_of_virtio(request->format);
	int rate = vs_audio_rate_of_virtio(request->rate);

	if (format < 0 || rate < 0 || request->features)
		return -EINVAL;
	*params = (struct vs_audio_params){
		.format = format, .rate = rate, .channels = request->channels,
	};
	return 0;
}

/**
 * vsp_audio_control_others() - what the other streams take that are more than set
 * @audio: any
 * @stream: but for this one
 *
 * Context: any, audio->lock held.
 * Return: bytes/s.
 */
u64 vsp_audio_control_others(const struct vsp_audio *audio, const struct vsp_audio_stream *stream)
{
	u64 bytes = 0;

	lockdep_assert_held(&audio->lock);
	for (unsigned int i = 0; i < VS_AUDIO_STREAMS; i++)
		if (&audio->stream[i] != stream && audio->stream[i].state >= VSP_AUDIO_PREPARED)
			bytes += vs_audio_bytes(&audio->stream[i].params);
	return bytes;
}

/* Return: -EINVAL, -EBUSY: the contract does not allow it. */
static int control_check(const struct vsp_audio *audio, const struct vsp_audio_stream *stream,
			 const struct virtio_snd_pcm_set_params *request,
			 struct vs_audio_params *params)
{
	int error = control_read_params(request, params);

	lockdep_assert_held(&audio->lock);
	error = error ?: vs_audio_allows(&audio->grant, stream->number, params,
					 vsp_audio_control_others(audio, stream));
	if (!error && !vs_audio_period_allowed(&audio->grant, params,
					       le32_to_cpu(request->period_bytes) /
					       vs_audio_frame_bytes(params)))
		error = -EINVAL;
	return error;
}

/* The contract allows it, and the source may refuse it all the same. Return: VIRTIO_SND_S_*. */
static u32 control_set_source(struct vsp_audio *audio, struct vsp_audio_stream *stream, u32 period)
{
	if (!vsp_audio_source_set(stream, period))
		return VIRTIO_SND_S_OK;
	spin_lock_irq(&audio->lock);
	vsp_audio_count(audio, VSP_AUDIO_REFUSED, 1);
	vsp_audio_stream_enter(stream, VSP_AUDIO_IDLE);
	spin_unlock_irq(&audio->lock);
	return VIRTIO_SND_S_NOT_SUPP;
}

/* Return: VIRTIO_SND_S_*. */
static u32 control_set_params(struct vsp_audio *audio, struct vsp_audio_stream *stream,
			      const struct virtio_snd_pcm_set_params *request)
{
	struct vs_audio_params params;
	u32 status = VIRTIO_SND_S_OK;

	spin_lock_irq(&audio->lock);
	if (!audio->grant.channels[stream->number]) {
		status = VIRTIO_SND_S_IO_ERR;
	} else if (control_check(audio, stream, request, &params)) {
		vsp_audio_count(audio, VSP_AUDIO_REFUSED, 1);
		status = VIRTIO_SND_S_NOT_SUPP;
	} else {
		stream->params = params;
		vsp_audio_stream_enter(stream, VSP_AUDIO_RELEASED);
	}
	spin_unlock_irq(&audio->lock);
	if (status == VIRTIO_SND_S_OK)
		status = control_set_source(audio, stream, le32_to_cpu(request->period_bytes) /
					    vs_audio_frame_bytes(&params));
	return status;
}

/*
 * A new driver may find what the one before has left, so parameters and RELEASE are good in every
 * state.
 */
static bool control_is_possible(enum vsp_audio_state state, u32 code)
{
	switch (code) {
	case VIRTIO_SND_R_PCM_PREPARE:
		return state == VSP_AUDIO_RELEASED || state == VSP_AUDIO_PREPARED;
	case VIRTIO_SND_R_PCM_START:
		return state == VSP_AUDIO_PREPARED;
	case VIRTIO_SND_R_PCM_STOP:
		return state == VSP_AUDIO_RUNNING;
	default:
		return true;
	}
}

static enum vsp_audio_state control_next(enum vsp_audio_state state, u32 code)
{
	switch (code) {
	case VIRTIO_SND_R_PCM_PREPARE:
	case VIRTIO_SND_R_PCM_STOP:
		return VSP_AUDIO_PREPARED;
	case VIRTIO_SND_R_PCM_START:
		return VSP_AUDIO_RUNNING;
	default:
		return state == VSP_AUDIO_IDLE ? VSP_AUDIO_IDLE : VSP_AUDIO_RELEASED;
	}
}

/* Parameters of two streams may be set that are too much together: it shows here. */
static bool control_fits(const struct vsp_audio *audio, const struct vsp_audio_stream *stream)
{
	return !vs_audio_allows(&audio->grant, stream->number, &stream->params,
				vsp_audio_control_others(audio, stream));
}

/* Return: VIRTIO_SND_S_*. */
static u32 control_step(struct vsp_audio *audio, struct vsp_audio_stream *stream, u32 code)
{
	u32 status = VIRTIO_SND_S_OK;

	spin_lock_irq(&audio->lock);
	if (!audio->grant.channels[stream->number]) {
		status = VIRTIO_SND_S_IO_ERR;
	} else if (!control_is_possible(stream->state, code)) {
		status = VIRTIO_SND_S_BAD_MSG;
	} else if (code == VIRTIO_SND_R_PCM_PREPARE && !control_fits(audio, stream)) {
		vsp_audio_count(audio, VSP_AUDIO_REFUSED, 1);
		status = VIRTIO_SND_S_NOT_SUPP;
	} else {
		vsp_audio_stream_enter(stream, control_next(stream->state, code));
	}
	spin_unlock_irq(&audio->lock);
	if (code != VIRTIO_SND_R_PCM_START)
		vsp_audio_source_rest(stream);
	return status;
}

/* Return: VIRTIO_SND_S_*. */
static u32 control_do(struct vsp_audio *audio, const union control_message *message)
{
	const struct virtio_snd_pcm_set_params *request = &message->params;
	u32 number = le32_to_cpu(request->hdr.stream_id);
	u32 code = le32_to_cpu(message->hdr.code);

	if (code == VIRTIO_SND_R_CTL_WRITE)
		return vsp_audio_volume_write(audio, le32_to_cpu(message->write.hdr.control_id),
					      le32_to_cpu(message->write.value));
	if (number >= VS_AUDIO_STREAMS)
		return VIRTIO_SND_S_BAD_MSG;
	if (code == VIRTIO_SND_R_PCM_SET_PARAMS)
		return control_set_params(audio, &audio->stream[number], request);
	return control_step(audio, &audio->stream[number], code);
}

/* Return: VIRTIO_SND_S_*. */
static u32 control_request(struct vsp_audio *audio, struct vsp_queue *queue,
			   const struct vsp_chain *chain)
{
	union control_message request = {};
	size_t length = min_t(u64, chain->readable_bytes, sizeof(request));
	size_t wanted;

	if (length < sizeof(request.hdr) ||
	    vsp_queue_read(queue, chain, 0, &request, length))
		return VIRTIO_SND_S_BAD_MSG;
	wanted = control_length(le32_to_cpu(request.hdr.code));
	if (!wanted)
		return VIRTIO_SND_S_NOT_SUPP;
	if (chain->readable_bytes != wanted)
		return VIRTIO_SND_S_BAD_MSG;
	return control_do(audio, &request);
}

/* Return: bytes written; 0: there is no room for an answer, and nothing was done. */
static u32 control_answer(struct vsp_audio *audio, struct vsp_queue *queue,
			  const struct vsp_chain *chain)
{
	struct virtio_snd_hdr answer;
	u32 status;

	if (chain->writable_bytes < sizeof(answer)) {
		vsp_audio_count(audio, VSP_AUDIO_MALFORMED, 1);
		return 0;
	}
	status = control_request(audio, queue, chain);
	if (status == VIRTIO_SND_S_BAD_MSG)
		vsp_audio_count(audio, VSP_AUDIO_MALFORMED, 1);
	answer.code = cpu_to_le32(status);
	return vsp_queue_write(queue, chain, 0, &answer, sizeof(answer)) ? 0 : sizeof(answer);
}

/**
 * vsp_audio_control_kick() - queue_kick of the control queue
 * @audio: enabled
 * @queue: its queue
 *
 * Context: the mover.
 */
void vsp_audio_control_kick(struct vsp_audio *audio, struct vsp_queue *queue)
{
	struct vsp_chain *chain = &audio->control;
	unsigned int budget = VS_AUDIO_QUEUE_SIZE;
	u32 written;

	for (; budget && !vsp_queue_peek(queue, chain); budget--) {
		written = control_answer(audio, queue, chain);
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, chain->head, written);
	}
	if (!budget)
		vsp_queue_wake(queue);
}
