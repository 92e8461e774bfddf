/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of sound: see vs_compat.h.
 */
#ifndef VS_COMPAT_SOUND_H
#define VS_COMPAT_SOUND_H

#include <uapi/linux/virtio_snd.h>

/* Older headers are of a version of virtio-snd that had no control elements. */
#ifndef VS_HAVE_VIRTIO_SND_CTLS
#define VIRTIO_SND_R_CTL_WRITE	0x0303

struct virtio_snd_ctl_hdr {
	struct virtio_snd_hdr hdr;
	__le32 control_id;
};

struct virtio_snd_ctl_value {
	union {
		__le32 integer[128];
	} value;
};
#endif

#endif
