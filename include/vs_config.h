/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The config space of the channel's virtio device: all fields little-endian, no holes.
 */
#ifndef VS_CONFIG_H
#define VS_CONFIG_H

#include <linux/build_bug.h>
#include <linux/types.h>

#include "vs_limits.h"

#define VS_WIRE_MAGIC		0x21435356	/* "VSC!", first bytes of the config space */
#define VS_WIRE_LAYOUT		1		/* of struct vs_wire_config */

/* Config space: small, static, read-only. */
struct vs_wire_config {
	__le32 magic;
	__le16 layout;
	__le16 class;
	__u8 uuid[16];
	__u8 name[VS_WIRE_NAME_MAX];	/* for people; need not end in a zero */
	__u8 reserved[8];
};

static_assert(sizeof(struct vs_wire_config) == 64);

#endif
