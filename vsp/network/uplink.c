// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device of the host that a pool is a part of: its speed is what there is, and without
 * its carrier there is nothing.
 *
 * The notifier chain of the kernel tells when something has changed, under rtnl; what that
 * is, is looked at by the pool's watch, as it is every poll_ms for devices whose speed
 * changes without a word.  The device is known by its name until it is found, then by itself.
 */
#define pr_fmt(fmt) "vsp_network: " fmt

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_network.h"
#include "vsp/class.h"
#include "vsp/network/uplink.h"

static const enum vs_network_term rates[] = { VS_NETWORK_TX_BANDWIDTH, VS_NETWORK_RX_BANDWIDTH };

static void uplink_find(struct vsp_network_uplink *uplink)
{
	ASSERT_RTNL();
	if (uplink->dev)
		return;
	uplink->dev = __dev_get_by_name(&init_net, vsp_pool_source(uplink->pool));
	netdev_hold(uplink->dev, &uplink->tracker, GFP_KERNEL);
}

static void uplink_forget(struct vsp_network_uplink *uplink)
{
	ASSERT_RTNL();
	netdev_put(uplink->dev, &uplink->tracker);
	uplink->dev = NULL;
	WRITE_ONCE(uplink->up, false);
}

/* Return: bytes in a second, 0: it does not say. */
static u64 uplink_look(struct vsp_network_uplink *uplink)
{
	struct ethtool_link_ksettings settings;
	struct net_device *dev = uplink->dev;

	ASSERT_RTNL();
	WRITE_ONCE(uplink->mtu, dev->mtu);
	WRITE_ONCE(uplink->up, netif_running(dev) && netif_carrier_ok(dev));
	if (!uplink->up || __ethtool_get_link_ksettings(dev, &settings) ||
	    settings.base.speed == (u32)SPEED_UNKNOWN)
		return 0;
	return (u64)settings.base.speed * VSP_NETWORK_MBIT;
}

static u64 uplink_find_and_look(struct vsp_network_uplink *uplink)
{
	u64 speed = 0;

	rtnl_lock();
	uplink_find(uplink);
	if (uplink->dev)
		speed = uplink_look(uplink);
	rtnl_unlock();
	return speed;
}

/* Any event: what it is about is looked at, and most of them are about other devices. */
static int uplink_notified(struct notifier_block *notifier, unsigned long event, void *data)
{
	struct vsp_network_uplink *uplink = container_of(notifier, struct vsp_network_uplink,
							 notifier);
	struct net_device *dev = netdev_notifier_info_to_dev(data);

	if (dev == uplink->dev) {
		if (event == NETDEV_UNREGISTER)
			uplink_forget(uplink);
		else
			uplink_look(uplink);
	} else if (uplink->dev || !net_eq(dev_net(dev), &init_net) ||
		   strcmp(dev->name, vsp_pool_source(uplink->pool))) {
		return NOTIFY_DONE;
	}
	vsp_watch_look(uplink->pool);
	return NOTIFY_DONE;
}

/**
 * vsp_network_uplink_look() - find what has changed
 * @uplink: open
 *
 * Context: the pool's watch; takes rtnl and pool->lock, one after the other.
 */
void vsp_network_uplink_look(struct vsp_network_uplink *uplink)
{
	u64 speed = uplink_find_and_look(uplink);

	/* While it is down its speed is not known, and the limits say that it is. */
	for (size_t i = 0; speed && i < ARRAY_SIZE(rates); i++)
		vsp_watch_found(uplink->pool, VS_NETWORK_INDEX(rates[i]), speed);
}

static int uplink_open(struct vsp_network_uplink *uplink)
{
	struct vsp_pool *pool = uplink->pool;
	u64 speed = uplink_find_and_look(uplink);

	if (!uplink->dev) {
		pr_err("pool %s: source: the host has no network device %s\n", vsp_pool_name(pool),
		       vsp_pool_source(pool));
		return -ENODEV;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		u32 index = VS_NETWORK_INDEX(rates[i]);

		if (vsp_pool_fill_capacity(pool, index, speed) && !speed)
			pr_info("pool %s: capacity_%s is unset, and %s does not say how fast it is: nothing is offered until it does, or you write it, as 1Gbit\n",
				vsp_pool_name(pool), vs_class_network.term[index].name,
				vsp_pool_source(pool));
	}
	return 0;
}

static void uplink_let_go(struct vsp_network_uplink *uplink)
{
	rtnl_lock();
	if (uplink->dev)
		uplink_forget(uplink);
	rtnl_unlock();
}

/**
 * vsp_network_uplink_open() - find the device, and hear of it from here on
 * @uplink: zeroed
 * @pool: its source is the device's name; a capacity that is not set is filled in
 *
 * Context: the administrator's process; takes rtnl and pool->lock, one after the other.
 * Return: 0; -ENODEV, logged; or what the notifier chain says.
 */
int vsp_network_uplink_open(struct vsp_network_uplink *uplink, struct vsp_pool *pool)
{
	int error;

	uplink->pool = pool;
	uplink->notifier.notifier_call = uplink_notified;
	error = uplink_open(uplink);
	if (!error)
		error = register_netdevice_notifier(&uplink->notifier);
	if (error)
		uplink_let_go(uplink);
	return error;
}

/**
 * vsp_network_uplink_close() - undo vsp_network_uplink_open()
 * @uplink: open; its pool's watch has ended
 *
 * Context: the administrator's process; takes rtnl.
 */
void vsp_network_uplink_close(struct vsp_network_uplink *uplink)
{
	unregister_netdevice_notifier(&uplink->notifier);
	uplink_let_go(uplink);
}
