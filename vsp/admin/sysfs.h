/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that make the sysfs groups of a service's vDPA device share.
 */
#ifndef VSP_SYSFS_H
#define VSP_SYSFS_H

#include <linux/types.h>

struct attribute;
struct device;
struct vsp_class;
struct vsp_service_view;

struct vsp_service_view *vsp_sysfs_view(struct device *dev);

/* vsp/admin/sysfs_terms.c */
struct attribute **vsp_sysfs_terms(const struct vsp_class *class);
void vsp_sysfs_free_terms(struct attribute **attributes);

#endif
