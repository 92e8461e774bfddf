// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volume and mute of a service's streams: what the client has set, what the host's administrator
 * has, and the gain that follows.
 *
 * They lie here and not in the client, so that a mute of the host holds whatever a guest does, and
 * the administrator sees what it has set.  What the client sets is kept while there is a contract:
 * a new driver begins as a new card does.
 */
#include <linux/device.h>
#include <linux/sysfs.h>
#include <uapi/linux/virtio_snd.h>

#include "vs_counter.h"
#include "vsp/audio/audio.h"
#include "vsp/class.h"

/**
 * vsp_audio_volume_reset() - as a new card is: 0 dB, not muted
 * @stream: any
 *
 * Context: any, audio->lock held, or nobody has the stream.
 */
void vsp_audio_volume_reset(struct vsp_audio_stream *stream)
{
	stream->volume.value[VS_AUDIO_CONTROL_VOLUME] = VS_AUDIO_VOLUME_MAX;
	stream->volume.value[VS_AUDIO_CONTROL_SWITCH] = true;
}

/**
 * vsp_audio_volume_begin() - the stream begins to run: no sample is there to ramp from
 * @stream: any
 *
 * Context: any, audio->lock held.
 */
void vsp_audio_volume_begin(struct vsp_audio_stream *stream)
{
	lockdep_assert_held(&stream->audio->lock);
	stream->volume.begins = true;
}

/**
 * vsp_audio_volume_write() - the client sets a control
 * @audio: any
 * @id: VS_AUDIO_CONTROL_ID(), any number
 * @value: likewise
 *
 * What it costs is a message of the control queue, which the VMM's own thread pays for.
 *
 * Context: the mover of the control queue.
 * Return: VIRTIO_SND_S_*.
 */
u32 vsp_audio_volume_write(struct vsp_audio *audio, u32 id, u32 value)
{
	struct vsp_audio_stream *stream;
	u32 status = VIRTIO_SND_S_OK;

	if (!vs_audio_control_takes(id, value))
		return VIRTIO_SND_S_BAD_MSG;
	stream = &audio->stream[id / VS_AUDIO_CONTROLS_EACH];
	spin_lock_irq(&audio->lock);
	if (audio->grant.channels[stream->number])
		stream->volume.value[id % VS_AUDIO_CONTROLS_EACH] = value;
	else
		status = VIRTIO_SND_S_IO_ERR;
	spin_unlock_irq(&audio->lock);
	vsp_audio_count(audio, VSP_AUDIO_CONTROLS_SET, status == VIRTIO_SND_S_OK);
	return status;
}

static u32 volume_gain(const struct vsp_audio_stream *stream)
{
	const struct vsp_audio_volume *volume = &stream->volume;

	lockdep_assert_held(&stream->audio->lock);
	if (!volume->value[VS_AUDIO_CONTROL_SWITCH] ||
	    vsp_service_switch(stream->audio->service, VS_AUDIO_MUTE + stream->number))
		return 0;
	return vsp_audio_gain_of(volume->value[VS_AUDIO_CONTROL_VOLUME]);
}

/**
 * vsp_audio_volume_apply() - a message's frames become as loud as they are to be
 * @stream: any
 * @params: that the frames have
 * @bytes: of frames, in stream->bytes
 *
 * Context: the mover of the stream.
 */
void vsp_audio_volume_apply(struct vsp_audio_stream *stream, const struct vs_audio_params *params,
			    u32 bytes)
{
	struct vsp_audio_volume *volume = &stream->volume;
	bool begins;
	u32 gain;

	spin_lock_irq(&stream->audio->lock);
	gain = volume_gain(stream);
	begins = volume->begins;
	volume->begins = false;
	spin_unlock_irq(&stream->audio->lock);
	if (begins)
		vsp_audio_gain_set(&volume->gain, gain);
	vsp_audio_gain_apply(&volume->gain, gain, params, stream->bytes,
			     bytes / vs_audio_frame_bytes(params));
}

/* ---- controls/ of a service's device; see Documentation/ABI/testing/sysfs-bus-vdpa-vsp ---- */

static ssize_t volume_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	struct vsp_audio *audio = vsp_service_data(vsp_service_of_device(dev));
	unsigned int id = vs_counter_index(attribute);
	const struct vsp_audio_volume *volume = &audio->stream[id / VS_AUDIO_CONTROLS_EACH].volume;
	int value = READ_ONCE(volume->value[id % VS_AUDIO_CONTROLS_EACH]);

	if (id % VS_AUDIO_CONTROLS_EACH == VS_AUDIO_CONTROL_VOLUME)
		value -= VS_AUDIO_VOLUME_MAX;
	return sysfs_emit(page, "%d\n", value);
}

static struct dev_ext_attribute volume_files[VS_AUDIO_CONTROLS] = {
	{
		__ATTR(playback_volume, 0400, volume_show, NULL),
		(void *)VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_PLAYBACK, VS_AUDIO_CONTROL_VOLUME),
	}, {
		__ATTR(playback_switch, 0400, volume_show, NULL),
		(void *)VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_PLAYBACK, VS_AUDIO_CONTROL_SWITCH),
	}, {
		__ATTR(capture_volume, 0400, volume_show, NULL),
		(void *)VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_CAPTURE, VS_AUDIO_CONTROL_VOLUME),
	}, {
		__ATTR(capture_switch, 0400, volume_show, NULL),
		(void *)VS_AUDIO_CONTROL_ID(VS_AUDIO_STREAM_CAPTURE, VS_AUDIO_CONTROL_SWITCH),
	},
};

static struct attribute *volume_attributes[] = {
	&volume_files[0].attr.attr,
	&volume_files[1].attr.attr,
	&volume_files[2].attr.attr,
	&volume_files[3].attr.attr,
	NULL
};

const struct attribute_group vsp_audio_volume_files = {
	.name = "controls",
	.attrs = volume_attributes,
};
