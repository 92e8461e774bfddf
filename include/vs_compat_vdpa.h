/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of vDPA devices: see vs_compat.h.
 */
#ifndef VS_COMPAT_VDPA_H
#define VS_COMPAT_VDPA_H

#include <linux/device.h>
#include <linux/string.h>
#include <linux/vdpa.h>

/* A vDPA device has, in newer kernels, a union of what maps its memory, and operations for that. */
#ifdef VS_HAVE_VIRTIO_MAP
#define vs_vdpa_alloc_device(type, member, ops, name) \
	vdpa_alloc_device(type, member, NULL, ops, NULL, 1, 1, name, true)
#define vs_vdpa_dma_dev(vdpa) ((vdpa)->vmap.dma_dev)
#else
#define vs_vdpa_alloc_device(type, member, ops, name) \
	vdpa_alloc_device(type, member, NULL, ops, 1, 1, name, true)
#define vs_vdpa_dma_dev(vdpa) ((vdpa)->dma_dev)
#endif

/*
 * 6.12.107 keeps the override of a vDPA device's driver in struct vdpa_device, 6.12.117 in
 * struct device.
 */
static inline int vs_vdpa_set_driver_override(struct vdpa_device *vdpa, const char *name)
{
#ifdef VS_HAVE_DEVICE_SET_DRIVER_OVERRIDE
	return device_set_driver_override(&vdpa->dev, name);
#else
	return driver_set_override(&vdpa->dev, &vdpa->driver_override, name, strlen(name));
#endif
}

#endif
