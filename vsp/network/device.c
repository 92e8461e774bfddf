// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's netdev of a service, vsp-<service>: the other end of the guest's.
 *
 * Carrier, offloads and queues follow the contract.  The data path does not wait for that:
 * what the contract in force does not allow is taken from a frame's features
 * (ndo_features_check) or dropped, before rtnl is there to show it.
 *
 * What others in the same bridge would feel, the administrator alone changes: the address, the
 * MTU (a bridge has the smallest of its ports'; below 1280 bytes it loses its IPv6 addresses)
 * and the largest frame that is segmented here (a bridge has the smallest of its ports'). They
 * do not follow the contract.
 */
#define pr_fmt(fmt) "vsp_network: " fmt

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/jhash.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/gso.h>

#include "vs_class.h"
#include "vsp/class.h"
#include "vsp/network/network.h"
#include "vsp/network/uplink.h"

#define PREFIX	"vsp-"

static const netdev_features_t all_features =
	NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6 |
	NETIF_F_GSO_UDP_L4;

/* What netdev_priv() points to. */
struct private {
	struct vsp_network *network;
};

static struct vsp_network *to_network(const struct net_device *dev)
{
	return ((struct private *)netdev_priv(dev))->network;
}

/* ---- What the contract allows ---- */

static netdev_features_t features_of(u32 offloads)
{
	netdev_features_t features = NETIF_F_SG;

	if (!(offloads & VS_NETWORK_CHECKSUM))
		return features;
	features |= NETIF_F_HW_CSUM;
	if (!(offloads & VS_NETWORK_LARGE_RECEIVE))
		return features;
	if (offloads & VS_NETWORK_TSO4)
		features |= NETIF_F_TSO | NETIF_F_TSO_ECN;
	if (offloads & VS_NETWORK_TSO6)
		features |= NETIF_F_TSO6;
	if (offloads & VS_NETWORK_USO)
		features |= NETIF_F_GSO_UDP_L4;
	return features;
}

static netdev_features_t allowed_features(const struct vsp_network *network,
					  netdev_features_t features)
{
	return features & (~all_features | features_of(READ_ONCE(network->terms.offloads)));
}

/**
 * vsp_network_device_may_segment() - may the guest have this frame as it is?
 * @skb: to be segmented
 * @offloads: of the contract
 *
 * Context: any.
 * Return: whether it may.
 */
bool vsp_network_device_may_segment(const struct sk_buff *skb, u32 offloads)
{
	return net_gso_ok(features_of(offloads), skb_shinfo(skb)->gso_type & ~SKB_GSO_DODGY);
}

static netdev_features_t device_fix_features(struct net_device *dev, netdev_features_t features)
{
	return allowed_features(to_network(dev), features);
}

static netdev_features_t device_features_check(struct sk_buff *skb, struct net_device *dev,
					       netdev_features_t features)
{
	const struct vsp_network *network = to_network(dev);

	/* One frame is no more than what may wait before it. */
	if (skb_is_gso(skb) && skb->len > READ_ONCE(network->terms.bound[VS_NETWORK_RX]))
		features &= ~NETIF_F_GSO_MASK;
	return vlan_features_check(skb, allowed_features(network, features));
}

/* ---- Frames ---- */

static enum vsp_network_counter device_check_frame(const struct vsp_network *network,
						   struct sk_buff *skb)
{
	/* As on a wire: a guest that sends smaller frames than others still receives theirs. */
	u32 mtu = max(READ_ONCE(network->terms.mtu), READ_ONCE(network->dev->mtu));
	u32 most = mtu + VSP_NETWORK_HEADER;

	if (!READ_ONCE(network->terms.present) ||
	    skb_get_queue_mapping(skb) >= READ_ONCE(network->terms.pairs))
		return VSP_NETWORK_CONTRACT;
	if (skb->len < ETH_HLEN || skb->len > VS_NETWORK_FRAME_MAX)
		return VSP_NETWORK_SIZE;
	if (skb_is_gso(skb) ? !skb_gso_validate_mac_len(skb, most) : skb->len > most)
		return VSP_NETWORK_SIZE;
	/* The frame may wait for long, so it must not hold memory of its sender. */
	if (skb_orphan_frags_rx(skb, GFP_ATOMIC) || !skb_frags_readable(skb))
		return VSP_NETWORK_MEMORY;
	return VSP_NETWORK_RECEIVED;
}

static netdev_tx_t device_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct vsp_network *network = to_network(dev);
	unsigned int pair = skb_get_queue_mapping(skb) % VS_NETWORK_PAIRS;
	struct vsp_network_ring *ring = &network->ring[VS_NETWORK_RX_QUEUE(pair)];
	enum vsp_network_counter verdict = device_check_frame(network, skb);
	unsigned int length = skb->len;

	skb_tx_timestamp(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);
	if (verdict == VSP_NETWORK_RECEIVED)
		verdict = vsp_network_receive_add(ring, skb);
	if (verdict == VSP_NETWORK_RECEIVED) {
		dev_sw_netstats_tx_add(dev, 1, length);
	} else {
		vsp_network_count(network, verdict, 1);
		DEV_STATS_INC(dev, tx_dropped);
		kfree_skb(skb);
	}
	/*
	 * A stopped queue brings no more, whatever was announced; and those before a dropped
	 * frame have waited for it.
	 */
	if (!netdev_xmit_more() || netif_xmit_stopped(netdev_get_tx_queue(dev, pair)))
		vsp_network_ring_wake(ring);
	return NETDEV_TX_OK;
}

static int device_poll(struct napi_struct *napi, int budget)
{
	struct vsp_network_pair *pair = container_of(napi, struct vsp_network_pair, napi);
	struct vsp_network *network = pair->network;
	struct vsp_network_ring *ring =
		&network->ring[VS_NETWORK_TX_QUEUE(pair - network->pair)];
	struct sk_buff *skb;
	int done = 0;

	while (done < budget && (skb = skb_dequeue(&pair->arrived))) {
		dev_sw_netstats_rx_add(network->dev, skb->len + ETH_HLEN);
		napi_gro_receive(napi, skb);
		done++;
	}
	/* Taken first, then looked: the mover does it in the other order. */
	smp_mb();
	if (READ_ONCE(ring->stalled)) {
		WRITE_ONCE(ring->stalled, false);
		vsp_network_ring_wake(ring);
	}
	if (done < budget && napi_complete_done(napi, done) && !skb_queue_empty(&pair->arrived))
		napi_schedule(napi);
	return done;
}

/**
 * vsp_network_device_arrived() - have NAPI take what has arrived
 * @pair: of which queues
 *
 * Context: the mover; the frames may go all their way in this call.
 */
void vsp_network_device_arrived(struct vsp_network_pair *pair)
{
	if (skb_queue_empty(&pair->arrived))
		return;
	local_bh_disable();
	napi_schedule(&pair->napi);
	local_bh_enable();
}

/* ---- The device ---- */

static int device_open(struct net_device *dev)
{
	struct vsp_network *network = to_network(dev);

	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		/* Frames that came while the device was down are dropped. */
		skb_queue_purge(&network->pair[i].arrived);
		napi_enable(&network->pair[i].napi);
		/* A frame that came since the purge has scheduled NAPI in vain: do it again. */
		vsp_network_device_arrived(&network->pair[i]);
		vsp_network_receive_start(&network->ring[VS_NETWORK_RX_QUEUE(i)]);
	}
	return 0;
}

static int device_stop(struct net_device *dev)
{
	struct vsp_network *network = to_network(dev);

	netif_tx_stop_all_queues(dev);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		napi_disable(&network->pair[i].napi);
		skb_queue_purge(&network->pair[i].arrived);
	}
	/* A mover that waits for NAPI would wait until the device is opened again. */
	vsp_network_ring_wake_all(network);
	return 0;
}

/* Every frame passes; without this the stack refuses addresses to listen to. */
static void device_set_rx_mode(struct net_device *dev)
{
}

static const struct net_device_ops device_ops = {
	.ndo_open = device_open,
	.ndo_stop = device_stop,
	.ndo_start_xmit = device_xmit,
	.ndo_fix_features = device_fix_features,
	.ndo_features_check = device_features_check,
	.ndo_set_rx_mode = device_set_rx_mode,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static void device_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
	strscpy(info->bus_info, vsp_service_name(to_network(dev)->service), sizeof(info->bus_info));
}

static int device_get_link_ksettings(struct net_device *dev,
				     struct ethtool_link_ksettings *settings)
{
	const struct vsp_network_terms *terms = &to_network(dev)->terms;

	settings->base.port = PORT_OTHER;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.speed = READ_ONCE(terms->present) ? READ_ONCE(terms->speed) :
			       (u32)SPEED_UNKNOWN;
	return 0;
}

/* Frames that may wait for the guest; those that it sends wait in its own rings. */
static void device_get_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
				 struct kernel_ethtool_ringparam *kernel_ring,
				 struct netlink_ext_ack *extack)
{
	ring->tx_max_pending = VSP_NETWORK_WAITING_MAX;
	ring->tx_pending = VSP_NETWORK_WAITING_MAX;
	ring->rx_max_pending = VSP_NETWORK_ARRIVED_MAX;
	ring->rx_pending = VSP_NETWORK_ARRIVED_MAX;
}

static const struct ethtool_ops ethtool_ops = {
	.get_drvinfo = device_get_drvinfo,
	.get_ringparam = device_get_ringparam,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = device_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
};

/* ---- What it is, as the contract has it ---- */

static void follow_terms(struct vsp_network *network)
{
	struct vsp_network_terms terms = network->terms;
	struct net_device *dev = network->dev;

	ASSERT_RTNL();
	if (!terms.present) {
		netif_carrier_off(dev);
		return;
	}
	if (netif_set_real_num_queues(dev, terms.pairs, terms.pairs))
		vsp_warn_limited(network->service,
				 "service %s: queues: stay %u, the contract has %u\n",
				 vsp_service_name(network->service), dev->real_num_tx_queues,
				 terms.pairs);
	netdev_update_features(dev);
	netif_carrier_on(dev);
}

static void link_work(struct work_struct *work)
{
	struct vsp_network *network = container_of(work, struct vsp_network, link);

	vsp_network_mac_claim(network);
	rtnl_lock();
	follow_terms(network);
	rtnl_unlock();
}

static bool is_good_name(const char *name)
{
	return strlen(name) < IFNAMSIZ - strlen(PREFIX) && dev_valid_name(name) &&
	       !strchr(name, '%');
}

static void set_name(char *name, const struct vsp_service *service)
{
	if (is_good_name(vsp_service_name(service)))
		snprintf(name, IFNAMSIZ, PREFIX "%.*s", (int)(IFNAMSIZ - sizeof(PREFIX)),
			 vsp_service_name(service));
	else
		snprintf(name, IFNAMSIZ, PREFIX "%08x",
			 jhash(vsp_service_uuid(service), sizeof(uuid_t), 0));
}

/* In a bridge, the lowest address is the bridge's own: so it is a high one. */
static void set_address(struct net_device *dev, u64 given)
{
	u8 address[ETH_ALEN];

	u64_to_ether_addr(given, address);
	address[0] = 0xfe;
	eth_hw_addr_set(dev, address);
}

/* As large as its guest may have it, from enable on: the administrator's from here on. */
static u32 first_mtu(const struct vsp_network *network)
{
	const struct vsp_network_uplink *uplink = &vsp_network_pool_of(network->service)->uplink;
	u32 mtu = vsp_service_staged_limit(network->service, VS_NETWORK_INDEX(VS_NETWORK_MTU));

	return uplink->pool ? min(mtu, READ_ONCE(uplink->mtu)) : mtu;
}

static void device_set_up(struct net_device *dev, struct vsp_network *network)
{
	((struct private *)netdev_priv(dev))->network = network;
	dev->netdev_ops = &device_ops;
	dev->ethtool_ops = &ethtool_ops;
	dev->hw_features = all_features;
	dev->features = all_features;
	dev->vlan_features = all_features;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = vs_class_network.term[VS_NETWORK_INDEX(VS_NETWORK_MTU)].highest;
	dev->mtu = first_mtu(network);
	/* A frame waits in a list of ours. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	set_address(dev, network->given);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		network->pair[i].network = network;
		skb_queue_head_init(&network->pair[i].arrived);
		netif_napi_add(dev, &network->pair[i].napi, device_poll);
	}
	netif_carrier_off(dev);
}

static int device_show(struct net_device *dev, const struct vsp_service *service)
{
	int error = register_netdev(dev);

	if (error)
		return error;
	if (!is_good_name(vsp_service_name(service)))
		dev_set_alias(dev, vsp_service_name(service), strlen(vsp_service_name(service)));
	return 0;
}

/**
 * vsp_network_device_add() - make the netdev, down and without a carrier
 * @network: has its address
 *
 * Context: the administrator's process; takes rtnl.
 * Return: 0; -EEXIST: another device has its name; -ENOMEM and others; all logged
 */
int vsp_network_device_add(struct vsp_network *network)
{
	const struct vsp_service *service = network->service;
	struct net_device *dev;
	char name[IFNAMSIZ];
	int error;

	set_name(name, service);
	dev = alloc_netdev_mqs(sizeof(struct private), name, NET_NAME_PREDICTABLE, ether_setup,
			       VS_NETWORK_PAIRS, VS_NETWORK_PAIRS);
	if (!dev)
		return -ENOMEM;
	network->dev = dev;
	INIT_WORK(&network->link, link_work);
	device_set_up(dev, network);
	error = device_show(dev, service);
	if (error) {
		pr_err("service %s: network device %s cannot be made (%d)%s\n",
		       vsp_service_name(service), name, error,
		       error == -EEXIST ? ": another device has that name" : "");
		free_netdev(dev);
	}
	return error;
}

/**
 * vsp_network_device_remove() - undo vsp_network_device_add()
 * @network: no mover has any of its queues, and no contract comes into force
 *
 * Its memory stays until vsp_network_device_free(): the queues still refer to it.
 *
 * Context: the administrator's process; takes rtnl, and waits for who uses the device.
 */
void vsp_network_device_remove(struct vsp_network *network)
{
	cancel_work_sync(&network->link);
	unregister_netdev(network->dev);
}

/**
 * vsp_network_device_free() - free it
 * @network: its netdev is unregistered, and its queues are gone
 *
 * Context: process.
 */
void vsp_network_device_free(struct vsp_network *network)
{
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		skb_queue_purge(&network->pair[i].arrived);
	free_netdev(network->dev);
}
