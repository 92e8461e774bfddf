// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rates of what the guest sends, as the kernel's own interface for them (net-shaper, "ynl
 * --family net-shaper") has them: bw-min is the floor of tx_bandwidth, bw-max its ceiling, of the
 * netdev as a whole.  To set them is to ask for another contract: it is in force when the command
 * returns, or the command fails and says why.
 *
 * The stack shows what was set.  What is in force now is in terms/ of the session.
 */
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <net/net_shaper.h>

#include "vs_class.h"
#include "vs_compat_netdev.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

#define TX_BANDWIDTH	VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH)
#define BITS		8	/* of a byte: shapers count in them */

/* In the words of its user. */
static void shaper_explain(int error, const struct vsc_shortage *shortage,
			   struct netlink_ext_ack *extack)
{
	switch (error) {
	case 0:
		break;
	case -EAGAIN:
		NL_SET_ERR_MSG_MOD(extack, "the host has not answered in time: try again");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG_MOD(extack, "busy, or asked for too often: try again");
		break;
	case -EACCES:
		NL_SET_ERR_MSG_MOD(extack, "the contract was withdrawn, or given back");
		break;
	case -ENODEV:
		NL_SET_ERR_MSG_MOD(extack, "there is no host to ask, or its source is gone");
		break;
	default:
		if (shortage->asked)
			NL_SET_ERR_MSG_FMT_MOD(extack, "%llu bit/s: %llu are available",
					       shortage->asked * BITS, shortage->available * BITS);
		else
			NL_SET_ERR_MSG_MOD(extack, "not granted: see the log, and contract/result");
		break;
	}
}

static int shaper_want(struct net_device *netdev, u64 floor, u64 ceiling,
		       struct netlink_ext_ack *extack)
{
	struct vsc_network *network = netdev_priv(netdev);
	struct vsc_shortage shortage;
	int error;

	netdev_assert_locked(netdev);
	/* The session's work is on its way to unregister the netdev. */
	if (READ_ONCE(network->dead))
		return -ENODEV;
	WRITE_ONCE(network->wanting, true);
	error = vsc_want_rate(network->session, TX_BANDWIDTH, floor, ceiling, &shortage);
	WRITE_ONCE(network->wanting, false);
	shaper_explain(error, &shortage, extack);
	return error;
}

static int shaper_set(struct net_shaper_binding *binding, const struct net_shaper *shaper,
		      struct netlink_ext_ack *extack)
{
	const struct vs_term_spec *spec = &vs_class_network.term[TX_BANDWIDTH];
	/* What is not whole bytes/s: no less than the one, no more than the other. */
	u64 floor = shaper->bw_min / BITS + !!(shaper->bw_min % BITS);
	u64 ceiling = shaper->bw_max / BITS;

	if (shaper->bw_max && (ceiling < spec->lowest || ceiling > spec->highest)) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "bw-max is %llu to %llu bit/s",
				       spec->lowest * BITS, spec->highest * BITS);
		return -ERANGE;
	}
	if (floor > (ceiling ?: spec->highest)) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "bw-min is at most %llu bit/s, as bw-max",
				       (ceiling ?: spec->highest) * BITS);
		return -ERANGE;
	}
	return shaper_want(binding->netdev, floor, ceiling, extack);
}

/* The shaper goes: the netdev has again what its service allows. */
static int shaper_delete(struct net_shaper_binding *binding,
			 const struct net_shaper_handle *handle, struct netlink_ext_ack *extack)
{
	return shaper_want(binding->netdev, 0, 0, extack);
}

/* Of the netdev alone: the contract knows no rates of single queues. */
static void shaper_capabilities(struct net_shaper_binding *binding, enum net_shaper_scope scope,
				unsigned long *flags)
{
	if (scope == NET_SHAPER_SCOPE_NETDEV)
		*flags = BIT(NET_SHAPER_A_CAPS_SUPPORT_METRIC_BPS) |
			 BIT(NET_SHAPER_A_CAPS_SUPPORT_BW_MIN) |
			 BIT(NET_SHAPER_A_CAPS_SUPPORT_BW_MAX);
}

const struct net_shaper_ops vsc_network_shaper_ops = {
	.set = shaper_set,
	.delete = shaper_delete,
	.capabilities = shaper_capabilities,
};
