// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's netdev, vsc<N> as its session: its life, and what its users ask for turned into a
 * request for another contract.
 */
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
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
#include "vs_compat_netdev.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

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
 * It is shown by vsc_network_update(), with the first contract.
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
	INIT_DELAYED_WORK(&network->update, vsc_network_update_work);
	INIT_WORK(&network->end, netdev_end_work);
	init_completion(&network->ended);
	vsc_flow_init(&network->tx, session, VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH));
	vsc_flow_init(&network->rx, session, VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH));
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
