/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's network device that a pool is a part of.
 */
#ifndef VSP_NETWORK_UPLINK_H
#define VSP_NETWORK_UPLINK_H

#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/types.h>

#include "vsp/class.h"

#define VSP_NETWORK_MBIT	125000	/* bytes a second */

/**
 * struct vsp_network_uplink - the device of the host that a pool is a part of
 * @pool: whose
 * @notifier: of all devices of the host
 * @dev: NULL while there is none; under rtnl
 * @tracker: of the reference to it
 * @up: it runs and has a carrier
 * @mtu: its
 *
 * The last two are written under rtnl, and read without.
 */
struct vsp_network_uplink {
	struct vsp_pool *pool;
	struct notifier_block notifier;
	struct net_device *dev;
	netdevice_tracker tracker;
	bool up;
	u32 mtu;
};

/**
 * struct vsp_network_pool - what the class has of a pool
 * @uplink: if the pool has a source
 * @first: of the range of addresses, as ether_addr_to_u64(); 0: there is no range
 * @last: of it
 */
struct vsp_network_pool {
	struct vsp_network_uplink uplink;
	u64 first;
	u64 last;
};

static inline struct vsp_network_pool *vsp_network_pool_of(const struct vsp_service *service)
{
	return vsp_pool_data(vsp_service_pool(service));
}

int vsp_network_uplink_open(struct vsp_network_uplink *uplink, struct vsp_pool *pool);
void vsp_network_uplink_close(struct vsp_network_uplink *uplink);
void vsp_network_uplink_look(struct vsp_network_uplink *uplink);

#endif
