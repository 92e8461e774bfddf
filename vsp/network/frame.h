/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of a guest: what is looked at in them, and where they go.
 */
#ifndef VSP_NETWORK_FRAME_H
#define VSP_NETWORK_FRAME_H

#include <linux/if_ether.h>
#include <linux/types.h>

#include "vs_limits.h"

struct virtio_net_hdr_v1;

/* Most that MAC header and VLAN tags take. */
#define VSP_NETWORK_HEADER	(ETH_HLEN + 2 * 4)
/* Of a frame, what frame.c has to see: all that any header of it may take. */
#define VSP_NETWORK_START	256

/* Where frames go. The first two count frames that pass, all others those that do not. */
enum vsp_network_counter {
	VSP_NETWORK_SENT,
	VSP_NETWORK_RECEIVED,
	VSP_NETWORK_MALFORMED,	/* its header, or what it says of the frame, is wrong */
	VSP_NETWORK_SIZE,	/* a runt, or it or its segments exceed the MTU */
	VSP_NETWORK_SPOOFED,	/* from another address than granted */
	VSP_NETWORK_OFFLOAD,	/* needs an offload that is not granted */
	VSP_NETWORK_LATE,	/* too much waits already */
	VSP_NETWORK_AWAY,	/* the guest takes none: it is stopped, or has posted no buffers */
	VSP_NETWORK_CONTRACT,	/* there is none, or none for its queue */
	VSP_NETWORK_DOWN,	/* the host's netdev is down */
	VSP_NETWORK_MEMORY,	/* there was none, or the guest's cannot be reached */
	VSP_NETWORK_COUNTERS
};

/**
 * struct vsp_network_terms - what the data path needs of the contract in force
 * @present: there is one
 * @pairs: of queues
 * @mtu: bytes
 * @offloads: bits
 * @mac: as ether_addr_to_u64(); stays when there is no contract any more, until another one
 * @bound: bytes that may wait before a frame: TX: of the flow, RX: in each of its queues
 * @speed: the higher ceiling, in Mbit/s
 *
 * Written under vsp_rates_lock().  Read one by one without: a frame between two contracts
 * is judged by a part of each, and both are agreed.
 */
struct vsp_network_terms {
	bool present;
	u32 pairs;
	u32 mtu;
	u32 offloads;
	u64 mac;
	u64 bound[VS_CLASS_FLOWS_MAX];
	u32 speed;
};

enum vsp_network_counter vsp_network_frame_check(const struct virtio_net_hdr_v1 *header,
						 const u8 *start, u32 length,
						 const struct vsp_network_terms *terms,
						 u32 *cost);
u32 vsp_network_frame_cost(u32 length, u32 header, u32 segment);

#endif
