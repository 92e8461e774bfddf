// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's netdev becomes what the contract says, under rtnl and, where the kernel has one, the
 * netdev's own lock: see network.h.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "vs_compat_net.h"
#include "vs_compat_netdev.h"
#include "vsc/network/network.h"

/* How long the session's work waits for rtnl, and how often it tries. */
#define RTNL_MS		3000
#define RTNL_STEP_MS	10
/* When what has failed is tried again, where the session does not do so. */
#define RETRY_MS	5000

/* A smaller size that the administrator has chosen stays; the stack's own function only lowers. */
static void set_gso_max(struct net_device *netdev, u32 size)
{
	bool follow = netdev->gso_max_size >= netdev->tso_max_size;
	bool follow_ipv4 = netdev->gso_ipv4_max_size >= netdev->tso_max_size;

	netif_set_tso_max_size(netdev, size);
	if (follow)
		WRITE_ONCE(netdev->gso_max_size, size);
	if (follow_ipv4)
		WRITE_ONCE(netdev->gso_ipv4_max_size, size);
}

/* Spreads the processors over the queues. Without it the stack does so by a hash. */
static void set_xps(struct net_device *netdev, u32 queues)
{
	cpumask_var_t mask;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	for (u32 i = 0; i < queues; i++) {
		unsigned int cpu, number = 0;

		cpumask_clear(mask);
		for_each_online_cpu(cpu)
			if (number++ % queues == i)
				cpumask_set_cpu(cpu, mask);
		if (!cpumask_empty(mask))
			netif_set_xps_queue(netdev, mask, i);
	}
	free_cpumask_var(mask);
}

static int set_queues(struct vsc_network *network, u32 queues)
{
	struct net_device *netdev = network->netdev;
	int error;

	if (netdev->real_num_tx_queues == queues && netdev->real_num_rx_queues == queues)
		return 0;
	error = netif_set_real_num_queues(netdev, queues, queues);
	if (error)
		return error;
	set_xps(netdev, queues);
	return 0;
}

static int netdev_set_mac(struct net_device *netdev, const u8 *mac)
{
	struct sockaddr_storage address = { .ss_family = ARPHRD_ETHER };

	if (ether_addr_equal(netdev->dev_addr, mac))
		return 0;
	memcpy(address.__data, mac, ETH_ALEN);
	return vs_dev_set_mac_address_user(netdev, &address);
}

/* The MTU of the contract, or a smaller one that was chosen and not replaced by a want since. */
static u32 usable_mtu(struct vsc_network *network, const struct vsc_network_target *target)
{
	ASSERT_RTNL();
	if (network->mtu.wanted && target->mtu == network->mtu.wanted) {
		network->mtu.chosen = 0;
		network->mtu.wanted = 0;
	}
	return network->mtu.chosen ? min(network->mtu.chosen, target->mtu) : target->mtu;
}

/* All but the MAC address. All that can be done is. Return: the first errno. */
static int netdev_change(struct vsc_network *network, const struct vsc_network_target *target)
{
	struct net_device *netdev = network->netdev;
	int error, first;

	set_gso_max(netdev, target->gso_max);
	netdev_update_features(netdev);
	first = set_queues(network, target->queues);
	error = vs_netdev_set_mtu(netdev, usable_mtu(network, target));
	return first ?: error;
}

/* By its session's number; where somebody has given that name away, by one of no session. */
static int register_named(struct net_device *netdev)
{
	int error = register_netdevice(netdev);

	if (error != -EEXIST || netdev->reg_state != NETREG_UNINITIALIZED)
		return error;
	strscpy(netdev->name, "vscnet%d", IFNAMSIZ);
	return register_netdevice(netdev);
}

/* With the first contract in force. */
static int netdev_show(struct vsc_network *network, const struct vsc_network_target *target)
{
	struct net_device *netdev = network->netdev;
	int error;

	if (!netif_carrier_ok(netdev))
		return 0;
	/* A notifier has refused it: it cannot be registered again. */
	if (netdev->reg_state != NETREG_UNINITIALIZED)
		return -ENODEV;
	netdev->mtu = target->mtu;
	eth_hw_addr_set(netdev, target->mac);
	set_gso_max(netdev, target->gso_max);
	error = netif_set_real_num_queues(netdev, target->queues, target->queues);
	if (error)
		return error;
	/* The stack notices a carrier that comes, not one that was there before. */
	netif_carrier_off(netdev);
	error = register_named(netdev);
	vsc_network_device_carrier(network, true);
	if (!error)
		set_xps(netdev, target->queues);
	return error;
}

static int complain(struct vsc_network *network, int error)
{
	if (error)
		dev_err_ratelimited(network->netdev->dev.parent,
				    "%s cannot be brought to what its contract says (%d)\n",
				    network->netdev->name, error);
	return error;
}

/**
 * vsc_network_update() - bring the netdev to its target, but for its MAC address
 * @network: the device
 *
 * Context: process, rtnl held, and the lock of a netdev that is registered; sleeps.
 * Return: 0, also where there is nothing to do, or an errno, logged: a part is left to do.
 */
int vsc_network_update(struct vsc_network *network)
{
	struct net_device *netdev = network->netdev;
	struct vsc_network_target target;
	int error;

	ASSERT_RTNL();
	if (READ_ONCE(network->dead) || !READ_ONCE(network->rings.awake))
		return 0;
	vsc_network_device_target(network, &target);
	network->updating = true;
	error = netdev->reg_state == NETREG_REGISTERED ? netdev_change(network, &target) :
							 netdev_show(network, &target);
	network->updating = false;
	return complain(network, error);
}

/* The MAC address, whose function takes the netdev's lock: under rtnl only. */
static int update_mac(struct vsc_network *network)
{
	struct vsc_network_target target;
	int error;

	if (READ_ONCE(network->dead) || !READ_ONCE(network->rings.awake))
		return 0;
	vsc_network_device_target(network, &target);
	network->updating = true;
	error = netdev_set_mac(network->netdev, target.mac);
	network->updating = false;
	return complain(network, error);
}

static bool is_registered(struct vsc_network *network)
{
	ASSERT_RTNL();
	return network->netdev->reg_state == NETREG_REGISTERED;
}

static void update_later(struct vsc_network *network)
{
	mod_delayed_work(system_unbound_wq, &network->update, 0);
}

/**
 * vsc_network_update_work() - bring the netdev to its target, however long that takes
 * @item: vsc_network.update
 *
 * Context: a workqueue; sleeps.
 */
void vsc_network_update_work(struct work_struct *item)
{
	struct vsc_network *network = container_of(to_delayed_work(item), struct vsc_network,
						   update);
	bool registered;
	int error;

	rtnl_lock();
	registered = is_registered(network);
	if (registered)
		vs_netdev_lock(network->netdev);
	error = vsc_network_update(network);
	if (registered) {
		vs_netdev_unlock(network->netdev);
		error = update_mac(network) ?: error;
	}
	rtnl_unlock();
	if (error)
		queue_delayed_work(system_unbound_wq, &network->update,
				   msecs_to_jiffies(RETRY_MS));
}

/* One try of vsc_network_update_soon(). Return: -EAGAIN: others hold the locks. */
static int update_try(struct vsc_network *network)
{
	bool registered;
	int error = -EAGAIN;

	if (!rtnl_trylock())
		return error;
	registered = is_registered(network);
	if (!registered || vs_netdev_trylock(network->netdev)) {
		error = vsc_network_update(network);
		if (registered)
			vs_netdev_unlock(network->netdev);
		/* Who waits for this session has that lock already, or will have it now. */
		if (registered && READ_ONCE(network->wanting))
			update_later(network);
		else if (registered)
			error = update_mac(network) ?: error;
	}
	rtnl_unlock();
	return error;
}

/**
 * vsc_network_update_soon() - bring the netdev to its target, now if that can be
 * @network: the device
 *
 * Where rtnl and the netdev's lock are not to be had in time, or one is held by who waits for
 * this very session, the netdev follows later.
 *
 * Context: the session's work; sleeps, RTNL_MS at the most.
 * Return: 0, or the errno of vsc_network_update(): try again.
 */
int vsc_network_update_soon(struct vsc_network *network)
{
	unsigned long end = jiffies + msecs_to_jiffies(RTNL_MS);
	int error;

	while ((error = update_try(network)) == -EAGAIN) {
		if (READ_ONCE(network->wanting) || time_after(jiffies, end)) {
			update_later(network);
			return 0;
		}
		msleep(RTNL_STEP_MS);
	}
	return error;
}
