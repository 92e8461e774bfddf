/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UUIDs that the data of services are known by.
 */
#ifndef VSP_UUID_H
#define VSP_UUID_H

#include <linux/uuid.h>

struct vsp_class;
struct vsp_service;

void vsp_uuid_of_name(const uuid_t *space, const char *name, uuid_t *uuid);
int vsp_uuid_set(struct vsp_service *service, const uuid_t *uuid);
int vsp_uuid_settle(struct vsp_service *service, const struct vsp_class *class);
void vsp_uuid_drop(struct vsp_service *service);

#endif
