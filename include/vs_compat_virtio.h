/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of virtio drivers: see vs_compat.h.
 */
#ifndef VS_COMPAT_VIRTIO_H
#define VS_COMPAT_VIRTIO_H

#include <linux/slab.h>
#include <linux/virtio_config.h>

/* Older kernels take what is wanted of each virtqueue from one array a property. */
#ifndef VS_HAVE_VIRTQUEUE_INFO
struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
};

static inline int vs_virtio_find_vqs(struct virtio_device *vdev, unsigned int count,
				     struct virtqueue **vqs, struct virtqueue_info *info)
{
	vq_callback_t **callback = kcalloc(count, sizeof(*callback), GFP_KERNEL);
	const char **name = kcalloc(count, sizeof(*name), GFP_KERNEL);
	int error = -ENOMEM;

	if (!callback || !name)
		goto free;
	for (unsigned int i = 0; i < count; i++) {
		callback[i] = info[i].callback;
		name[i] = info[i].name;
	}
	/* The names are kept, their array is not. */
	error = virtio_find_vqs(vdev, count, vqs, callback, name, NULL);
free:
	kfree(callback);
	kfree(name);
	return error;
}
#else
#define vs_virtio_find_vqs(vdev, count, vqs, info) \
	virtio_find_vqs(vdev, count, vqs, info, NULL)
#endif

#endif
