/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the modules are built for: written here in the words of
 * the newest of them.  Kbuild looks into the kernel's own headers for what it has (VS_HAVE_...);
 * no version is compared, since distributions carry changes back.
 *
 * Macros are used where an inline function would need a header that not every module's kernel has.
 */
#ifndef VS_COMPAT_H
#define VS_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/timer.h>

/* 6.13 */
#ifndef VS_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.16 */
#ifndef timer_container_of
#define timer_container_of from_timer
#endif

/* Gone in 6.14, where merging of requests is what all have. */
#ifdef VS_HAVE_BLK_MQ_F_SHOULD_MERGE
#define VS_BLK_MQ_F_SHOULD_MERGE BLK_MQ_F_SHOULD_MERGE
#else
#define VS_BLK_MQ_F_SHOULD_MERGE 0
#endif

/* Since 6.19 a vDPA device has a union of what maps its memory, and operations for that. */
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
#ifdef VS_HAVE_DEVICE_SET_DRIVER_OVERRIDE
#define vs_vdpa_set_driver_override(vdpa, name) device_set_driver_override(&(vdpa)->dev, name)
#else
#define vs_vdpa_set_driver_override(vdpa, name) \
	driver_set_override(&(vdpa)->dev, &(vdpa)->driver_override, name, strlen(name))
#endif

#endif
