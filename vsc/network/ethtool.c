// SPDX-License-Identifier: GPL-2.0-only
/*
 * What ethtool asks of the guest's network device. The number of channels is a term of the
 * contract: to set it is to ask for another one.
 */
#include <linux/ethtool.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/string.h>

#include "vsc/class.h"
#include "vsc/network/network.h"

/* Bytes/s of a Mb/s. */
#define MBPS	(1000 * 1000 / 8)

static void netdev_get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct vsc_network *network = netdev_priv(netdev);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, THIS_MODULE->version, sizeof(info->version));
	strscpy(info->bus_info, dev_name(vsc_session_device(network->session)),
		sizeof(info->bus_info));
}

/* The speed is the ceiling of what is sent. */
static int netdev_get_link_ksettings(struct net_device *netdev,
				     struct ethtool_link_ksettings *settings)
{
	struct vsc_network *network = netdev_priv(netdev);
	struct vsc_network_target target;

	settings->base.port = PORT_OTHER;
	settings->base.autoneg = AUTONEG_DISABLE;
	if (!netif_carrier_ok(netdev)) {
		settings->base.speed = SPEED_UNKNOWN;
		settings->base.duplex = DUPLEX_UNKNOWN;
		return 0;
	}
	vsc_network_device_target(network, &target);
	settings->base.speed = clamp_t(u64, DIV_ROUND_CLOSEST_ULL(target.tx_ceiling, MBPS), 1,
				       INT_MAX);
	settings->base.duplex = DUPLEX_FULL;
	return 0;
}

static void get_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	channels->max_combined = VS_NETWORK_PAIRS;
	channels->combined_count = netdev->real_num_tx_queues;
}

/* Of each queue, as the host has made them. */
static void netdev_get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
				 struct kernel_ethtool_ringparam *kernel_ring,
				 struct netlink_ext_ack *extack)
{
	ring->rx_max_pending = VS_NETWORK_QUEUE_SIZE;
	ring->rx_pending = VS_NETWORK_QUEUE_SIZE;
	ring->tx_max_pending = VS_NETWORK_QUEUE_SIZE;
	ring->tx_pending = VS_NETWORK_QUEUE_SIZE;
}

/*
 * Of a queue that is idle every frame interrupts; NAPI polls for those that follow, without a
 * timer. Of what was sent the ring's last quarter interrupts, see virtqueue_enable_cb_delayed().
 * There is nothing to be set: it follows the load.
 */
static int get_coalesce(struct net_device *netdev, struct ethtool_coalesce *coalesce,
			struct kernel_ethtool_coalesce *kernel_coalesce,
			struct netlink_ext_ack *extack)
{
	coalesce->rx_max_coalesced_frames = 1;
	coalesce->tx_max_coalesced_frames = VS_NETWORK_QUEUE_SIZE * 3 / 4;
	return 0;
}

/* The stack has checked that it is between one and the most. */
static int set_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct vsc_network *network = netdev_priv(netdev);
	u32 queues = channels->combined_count;
	struct vsc_network_target target;
	int error;

	vsc_network_device_target(network, &target);
	if (!netif_carrier_ok(netdev) || target.queues != queues) {
		error = vsc_network_device_want(network, VS_NETWORK_QUEUES, queues, NULL);
		if (error)
			return error;
	}
	error = vsc_network_update(network);
	if (error)
		return error;
	/* The next contract can be there already. */
	return netdev->real_num_tx_queues == queues ? 0 : -EBUSY;
}

/* ---- Statistics: frames and bytes of every queue, and why frames were dropped here ---- */

static const char * const drops[VSC_NETWORK_DROPS] = {
	[VSC_NETWORK_DROP_LENGTH] = "length",
	[VSC_NETWORK_DROP_HEADER] = "header",
	[VSC_NETWORK_DROP_INCOMPLETE] = "incomplete",
	[VSC_NETWORK_DROP_CONTRACT] = "contract",
	[VSC_NETWORK_DROP_MEMORY] = "memory",
	[VSC_NETWORK_DROP_RING] = "ring",
};

#define QUEUE_STATISTICS	4	/* of a pair */
#define STATISTICS		(QUEUE_STATISTICS * VS_NETWORK_PAIRS + 2 * VSC_NETWORK_DROPS)

static int get_sset_count(struct net_device *netdev, int set)
{
	return set == ETH_SS_STATS ? STATISTICS : -EOPNOTSUPP;
}

static void get_strings(struct net_device *netdev, u32 set, u8 *text)
{
	if (set != ETH_SS_STATS)
		return;
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		ethtool_sprintf(&text, "rx_queue_%u_frames", i);
		ethtool_sprintf(&text, "rx_queue_%u_bytes", i);
		ethtool_sprintf(&text, "tx_queue_%u_frames", i);
		ethtool_sprintf(&text, "tx_queue_%u_bytes", i);
	}
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		ethtool_sprintf(&text, "rx_drop_%s", drops[i]);
	for (unsigned int i = 0; i < VSC_NETWORK_DROPS; i++)
		ethtool_sprintf(&text, "tx_drop_%s", drops[i]);
}

static u64 *fill_queue(const struct vsc_network_stats *stats, u64 *values)
{
	struct vsc_network_sum sum = { };

	vsc_network_counters_add(stats, &sum);
	*values++ = sum.frames;
	*values++ = sum.bytes;
	return values;
}

static void get_ethtool_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *values)
{
	struct vsc_network *network = netdev_priv(netdev);
	struct vsc_network_sum tx, rx;

	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		values = fill_queue(&network->pair[i].rx.stats, values);
		values = fill_queue(&network->pair[i].tx.stats, values);
	}
	vsc_network_counters_totals(network, &tx, &rx);
	memcpy(values, rx.drops, sizeof(rx.drops));
	memcpy(values + VSC_NETWORK_DROPS, tx.drops, sizeof(tx.drops));
}

const struct ethtool_ops vsc_network_ethtool_ops = {
#ifdef VS_HAVE_ETHTOOL_OP_NEEDS_RTNL
	.op_needs_rtnl = ETHTOOL_OP_NEEDS_RTNL_SCHANNELS,
#endif
	.get_drvinfo = netdev_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = netdev_get_link_ksettings,
	.get_ringparam = netdev_get_ringparam,
	.get_coalesce = get_coalesce,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
	.get_ts_info = ethtool_op_get_ts_info,
};
