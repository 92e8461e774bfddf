/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sysfs groups of a service's vDPA device, and its uevents.
 */
#ifndef VSP_SYSFS_H
#define VSP_SYSFS_H

#include <linux/types.h>

#include "vsp/core/service.h"

struct attribute;
struct attribute_group;
struct device;
struct vsp_service_view;

int vsp_sysfs_terms_groups(const struct vsp_class *class, const struct attribute_group ***groups);
void vsp_sysfs_free_groups(const struct attribute_group **groups);
void vsp_sysfs_changed(struct vsp_service *service, enum vsp_change change);
u64 vsp_sysfs_violations(const struct vsp_service *service);

/* vsp/admin/sysfs_contract.c */
extern const struct attribute_group vsp_sysfs_contract;
struct vsp_service_view *vsp_sysfs_view(struct device *dev);

/* vsp/admin/sysfs_terms.c */
struct attribute **vsp_sysfs_terms(const struct vsp_class *class);
ssize_t vsp_sysfs_emit_terms(struct vsp_service *service, const struct vsp_service_view *view,
			     char *page, ssize_t at);
void vsp_sysfs_free_terms(struct attribute **attributes);

#endif
