/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry of the provider's classes, as pools, services and configfs see it; a class
 * sees vsp/class.h.
 */
#ifndef VSP_REGISTRY_H
#define VSP_REGISTRY_H

#include <linux/types.h>

struct vs_class_spec;
struct vsp_class;

const struct vsp_class *vsp_class_get(const struct vs_class_spec *spec);
void vsp_class_put(const struct vsp_class *class);
bool vsp_class_loaded(const struct vs_class_spec *spec);

#endif
