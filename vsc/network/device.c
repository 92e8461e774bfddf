// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's netdev, vsc<N> as its session: brought to what the contract says, and what its
 * users ask for turned into a request for another contract.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/virtio_net.h>
#include <linux/workqueue.h>

#include "vs_class.h"
#include "vs_compat.h"
#include "vs_compat_net.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

/* How long the session's work waits for rtnl, and how often it tries. */
#define RTNL_MS		3000
#define RTNL_STEP_MS	10
/* When what has failed is tried again, where the session does not do so. */
#define RETRY_MS	5000
/*
 * When a transmit queue counts as stuck. No frame waits for so long for its rate: the provider
 * drops what is 20 ms early.
 */
#define STUCK_MS	5000

/* What the device can do; the contract says what of it may be used. */
#define FEATURES	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_TSO |	\
			 NETIF_F_TSO6 | NETIF_F_GSO_UDP_L4)

/**
 * vsc_network_device_target() - what the netdev is to be
 * @network: the device
 * @target: filled
 *
 * Context: process.
 */
void vsc_network_device_target(struct vsc_network *network, struct vsc_network_target *target)
{
	spin_lock(&network->lock);
	*target = network->target;
	spin_unlock(&network->lock);
}

/* ---- Offloads ---- */

static netdev_features_t denied_features(u32 offloads)
{
	netdev_features_t features = 0;

	if (!(offloads & VS_NETWORK_CHECKSUM))
		features |= NETIF_F_HW_CSUM | NETIF_F_RXCSUM;
	if (!(offloads & VS_NETWORK_TSO4))
		features |= NETIF_F_TSO;
	if (!(offloads & VS_NETWORK_TSO6))
		features |= NETIF_F_TSO6;
	if (!(offloads & VS_NETWORK_USO))
		features |= NETIF_F_GSO_UDP_L4;
	return features;
}

static netdev_features_t fix_features(struct net_device *netdev, netdev_features_t features)
{
	struct vsc_network *network = netdev_priv(netdev);

	return features & ~denied_features(READ_ONCE(network->tx_offloads));
}

/* The host looks for the transport's header right behind that of IPv6. */
static bool has_extensions(const struct sk_buff *skb)
{
	return skb_is_gso(skb) && vlan_get_protocol(skb) == htons(ETH_P_IPV6) &&
	       skb_transport_offset(skb) - skb_network_offset(skb) != sizeof(struct ipv6hdr);
}

/* Drops the features that the contract denies now, before the stack could be told under rtnl. */
static netdev_features_t features_check(struct sk_buff *skb, struct net_device *netdev,
					netdev_features_t features)
{
	struct vsc_network *network = netdev_priv(netdev);

	features &= ~denied_features(READ_ONCE(network->tx_offloads));
	if (has_extensions(skb) || (skb_is_gso(skb) && skb->len > READ_ONCE(network->gso_max)))
		features &= ~NETIF_F_GSO_MASK;
	return vlan_features_check(skb, features);
}

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

/**
 * vsc_network_device_carrier() - there is a contract, or none any more
 * @network: the device
 * @on: which
 *
 * Of a netdev that could not be registered, and cannot be any more, nothing is told: the
 * stack would hold on to it.
 *
 * Context: the session's work.
 */
void vsc_network_device_carrier(struct vsc_network *network, bool on)
{
	if (vs_netdev_reg_state(network->netdev) > NETREG_REGISTERED)
		return;
	if (on)
		netif_carrier_on(network->netdev);
	else
		netif_carrier_off(network->netdev);
}

/* ---- The netdev becomes what the contract says: under rtnl and its own lock ---- */

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
		dev_err_ratelimited(vsc_session_device(network->session),
				    "%s cannot be brought to what its contract says (%d)\n",
				    network->netdev->name, error);
	return error;
}

/**
 * vsc_network_device_update() - bring the netdev to its target, but for its MAC address
 * @network: the device
 *
 * Context: process, rtnl held, and the lock of a netdev that is registered; sleeps.
 * Return: 0, also where there is nothing to do, or an errno, logged: a part is left to do.
 */
int vsc_network_device_update(struct vsc_network *network)
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

static void update_work(struct work_struct *item)
{
	struct vsc_network *network = container_of(to_delayed_work(item), struct vsc_network,
						   update);
	bool registered;
	int error;

	rtnl_lock();
	registered = is_registered(network);
	if (registered)
		vs_netdev_lock(network->netdev);
	error = vsc_network_device_update(network);
	if (registered) {
		vs_netdev_unlock(network->netdev);
		error = update_mac(network) ?: error;
	}
	rtnl_unlock();
	if (error)
		queue_delayed_work(system_unbound_wq, &network->update,
				   msecs_to_jiffies(RETRY_MS));
}

/* One try of vsc_network_device_update_soon(). Return: -EAGAIN: others hold the locks. */
static int update_try(struct vsc_network *network)
{
	bool registered;
	int error = -EAGAIN;

	if (!rtnl_trylock())
		return error;
	registered = is_registered(network);
	if (!registered || vs_netdev_trylock(network->netdev)) {
		error = vsc_network_device_update(network);
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
 * vsc_network_device_update_soon() - bring the netdev to its target, now if that can be
 * @network: the device
 *
 * Where rtnl and the netdev's lock are not to be had in time, or one is held by who waits for
 * this very session, the netdev follows later.
 *
 * Context: the session's work; sleeps, RTNL_MS at the most.
 * Return: 0, or the errno of vsc_network_device_update(): try again.
 */
int vsc_network_device_update_soon(struct vsc_network *network)
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

/* ---- What its users ask for ---- */

/**
 * vsc_network_device_want() - ask for another value of a term, and wait for the answer
 * @network: the device
 * @term: enum vs_network_term, of a LEVEL or IDENTITY
 * @value: of a LEVEL
 * @text: of an IDENTITY, else NULL
 *
 * Context: process, rtnl and the netdev's lock held; sleeps, as long as vsc_want_value() at the
 *	most.
 * Return: 0: it is in force; else as vsc_want_value().
 */
int vsc_network_device_want(struct vsc_network *network, u32 term, u64 value, const char *text)
{
	int error;

	vs_netdev_assert_locked(network->netdev);
	/* The session's work is on its way to unregister the netdev, and waits for rtnl. */
	if (READ_ONCE(network->dead))
		return -ENODEV;
	WRITE_ONCE(network->wanting, true);
	error = vsc_want_value(network->session, VS_NETWORK_INDEX(term), value, text);
	WRITE_ONCE(network->wanting, false);
	return error;
}

static int want_mtu(struct vsc_network *network, u32 mtu, struct vsc_network_target *target)
{
	int error = vsc_network_device_want(network, VS_NETWORK_MTU, mtu, NULL);

	if (error == -EAGAIN)
		network->mtu.wanted = mtu;
	if (error)
		return error;
	/* The next contract can be there already. */
	vsc_network_device_target(network, target);
	return mtu <= target->mtu ? 0 : -EBUSY;
}

/* An MTU below the contract's is in no need of another contract. */
static int choose_mtu(struct vsc_network *network, int mtu)
{
	struct vsc_network_target target;
	int error;

	vsc_network_device_target(network, &target);
	if (!netif_carrier_ok(network->netdev) || mtu > target.mtu) {
		error = want_mtu(network, mtu, &target);
		if (error)
			return error;
	}
	network->mtu.chosen = mtu == target.mtu ? 0 : mtu;
	network->mtu.wanted = 0;
	return 0;
}

static int change_mtu(struct net_device *netdev, int mtu)
{
	struct vsc_network *network = netdev_priv(netdev);
	int error = network->updating ? 0 : choose_mtu(network, mtu);

	if (error)
		return error;
	WRITE_ONCE(netdev->mtu, mtu);
	return 0;
}

static bool is_mac(struct vsc_network *network, const u8 *mac)
{
	struct vsc_network_target target;

	vsc_network_device_target(network, &target);
	return netif_carrier_ok(network->netdev) && ether_addr_equal_unaligned(target.mac, mac);
}

static int set_mac_address(struct net_device *netdev, void *argument)
{
	struct vsc_network *network = netdev_priv(netdev);
	const struct sockaddr *address = argument;
	const u8 *mac = address->sa_data;
	char text[3 * ETH_ALEN];
	int error;

	if (!is_valid_ether_addr(mac))
		return -EADDRNOTAVAIL;
	if (!network->updating && !is_mac(network, mac)) {
		snprintf(text, sizeof(text), "%pM", mac);
		error = vsc_network_device_want(network, VS_NETWORK_MAC, 0, text);
		if (error)
			return error;
		if (!is_mac(network, mac))
			return -EBUSY;
	}
	eth_hw_addr_set(netdev, mac);
	return 0;
}

/* ---- The rest of the netdev ---- */

static int netdev_open(struct net_device *netdev)
{
	vsc_network_queue_up(netdev_priv(netdev), true);
	return 0;
}

static int netdev_stop(struct net_device *netdev)
{
	vsc_network_queue_up(netdev_priv(netdev), false);
	return 0;
}

static void get_stats64(struct net_device *netdev, struct rtnl_link_stats64 *stats)
{
	struct vsc_network_sum tx, rx;

	vsc_network_counters_totals(netdev_priv(netdev), &tx, &rx);
	stats->tx_packets = tx.frames;
	stats->tx_bytes = tx.bytes;
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		stats->tx_dropped += tx.drops[i];
	stats->rx_packets = rx.frames;
	stats->rx_bytes = rx.bytes;
	stats->rx_dropped = rx.drops[VSC_NETWORK_DROP_CONTRACT] +
			    rx.drops[VSC_NETWORK_DROP_MEMORY];
	stats->rx_length_errors = rx.drops[VSC_NETWORK_DROP_LENGTH];
	stats->rx_frame_errors = rx.drops[VSC_NETWORK_DROP_HEADER] +
				 rx.drops[VSC_NETWORK_DROP_INCOMPLETE];
	stats->rx_errors = stats->rx_length_errors + stats->rx_frame_errors;
}

static const struct net_device_ops device_ops = {
	.ndo_open = netdev_open,
	.ndo_stop = netdev_stop,
	.ndo_start_xmit = vsc_network_queue_xmit,
	.ndo_tx_timeout = vsc_network_queue_timeout,
	.ndo_features_check = features_check,
	.ndo_fix_features = fix_features,
	.ndo_change_mtu = change_mtu,
	.VS_NDO_SET_RX_MODE = vs_set_rx_mode,
	.ndo_set_mac_address = set_mac_address,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_stats64 = get_stats64,
#ifdef VS_HAVE_NET_SHAPER
	.net_shaper_ops = &vsc_network_shaper_ops,
#endif
};

static void netdev_set_up(struct net_device *netdev)
{
	ether_setup(netdev);
	netdev->netdev_ops = &device_ops;
	netdev->ethtool_ops = &vsc_network_ethtool_ops;
	netdev->watchdog_timeo = msecs_to_jiffies(STUCK_MS);
	netdev->min_mtu = vs_class_network.term[VS_NETWORK_INDEX(VS_NETWORK_MTU)].lowest;
	netdev->max_mtu = vs_class_network.term[VS_NETWORK_INDEX(VS_NETWORK_MTU)].highest;
	netdev->needed_headroom = sizeof(struct virtio_net_hdr_v1);
	netdev->hw_features = FEATURES;
	netdev->features = FEATURES | NETIF_F_HIGHDMA;
	netdev->vlan_features = netdev->features;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	/* A frame is the ring's until it was sent. */
	netdev->priv_flags &= ~IFF_TX_SKB_SHARING;
	vs_netdev_request_lock(netdev);
	netif_carrier_off(netdev);
}

/* ---- Its life ---- */

/* Not in the session's work: it flushes works that do not run when memory is short. */
static void netdev_end_work(struct work_struct *item)
{
	struct vsc_network *network = container_of(item, struct vsc_network, end);

	unregister_netdev(network->netdev);
	complete(&network->ended);
}

/**
 * vsc_network_device_create() - make the device of a session
 * @session: its channel is there
 *
 * It is shown by vsc_network_device_update(), with the first contract.
 *
 * Context: the session's work; sleeps.
 * Return: the device, or an ERR_PTR.
 */
struct vsc_network *vsc_network_device_create(struct vsc_session *session)
{
	struct vsc_network *network;
	struct net_device *netdev;
	char name[IFNAMSIZ];
	int error;

	/* Sessions are counted as they come: udev may give it a better one, by its service. */
	snprintf(name, sizeof(name), "vsc%u", vsc_session_device(session)->id);
	netdev = alloc_netdev_mqs(sizeof(*network), name, NET_NAME_ENUM, netdev_set_up,
				  VS_NETWORK_PAIRS, VS_NETWORK_PAIRS);
	if (!netdev)
		return ERR_PTR(-ENOMEM);
	SET_NETDEV_DEV(netdev, vsc_session_device(session));
	network = netdev_priv(netdev);
	network->session = session;
	network->channel = vsc_session_channel(session);
	network->netdev = netdev;
	spin_lock_init(&network->lock);
	INIT_DELAYED_WORK(&network->update, update_work);
	INIT_WORK(&network->end, netdev_end_work);
	init_completion(&network->ended);
	vsc_network_counters_init(network);
	error = vsc_network_queue_init(network);
	if (!error)
		error = vsc_network_queue_wake(network);
	if (error) {
		vsc_network_queue_exit(network);
		free_netdev(netdev);
		return ERR_PTR(error);
	}
	return network;
}

/**
 * vsc_network_device_destroy() - end the device, but for its memory
 * @network: the device
 *
 * The channel is stopped first: what is in the rings may hold references of the netdev.
 * When it returns the netdev is to be freed, after an RCU grace period. Waits for who holds
 * rtnl; who waits with it for this session gives up in time.
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_network_device_destroy(struct vsc_network *network)
{
	WRITE_ONCE(network->dead, true);
	disable_delayed_work_sync(&network->update);
	vsc_network_device_carrier(network, false);
	vsc_network_queue_sleep(network);
	if (network->netdev->reg_state == NETREG_REGISTERED) {
		queue_work(system_unbound_wq, &network->end);
		wait_for_completion(&network->ended);
		/* Its code may be unloaded next. */
		cancel_work_sync(&network->end);
	}
	vsc_network_queue_exit(network);
}
