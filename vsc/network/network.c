// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network class in the guest: a netdev, vsc<N>, that is what its contract says.
 *
 * It appears when the first contract starts and lives until its channel goes.  It stays, with
 * its addresses, while no contract is in force (without a carrier), and while the machine
 * sleeps. Its parent is the session's device.
 *
 * What changes when.  Before START: what is less in the next contract (the MTU, the number of
 * queues, offloads, what a rate lets the host segment), and the MAC address, since the provider
 * takes the old and the new one from the grant until then; frames that were sent by what was
 * allowed before are waited for.  After it: what is more.  The link never goes down for it.
 */
#include <linux/errno.h>
#include <linux/etherdevice.h>
#include <linux/hex.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/tcp.h>

#include "vs_channel.h"
#include "vs_class.h"
#include "vs_compat_net.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

#define MAC_LENGTH	17	/* of 52:54:00:12:34:56 */
#define GSO_MOST	65536
/* Bytes of a packet beside those that count for the MTU. */
#define OVERHEAD	(ETH_HLEN + 4)

/* The value of a term of a grant, whose low and high are equal; of a RATE the ceiling. */
static u64 network_granted(const struct vs_terms *terms, enum vs_network_term term)
{
	return terms->term[VS_NETWORK_INDEX(term)].high;
}

/* The host segments only frames that it also checksums, so all depend on CHECKSUM. */
static u32 granted_offloads(const struct vs_terms *terms)
{
	u32 offloads = network_granted(terms, VS_NETWORK_OFFLOADS);

	return offloads & VS_NETWORK_CHECKSUM ? offloads : 0;
}

/* The largest frame to be segmented: what the ceiling lets through in VS_NETWORK_GSO_MS. */
static u32 gso_max(u64 ceiling, u32 mtu)
{
	u64 most = max_t(u64, div_u64(ceiling * VS_NETWORK_GSO_MS, MSEC_PER_SEC),
			 2 * (mtu + OVERHEAD));

	/* TCP takes no less for a limit. */
	return clamp_t(u64, most, MAX_TCP_HEADER + 1, GSO_MOST);
}

static int read_mac(const struct vs_term *term, u8 *mac)
{
	if (term->length != MAC_LENGTH || !mac_pton(term->text, mac) || !is_valid_ether_addr(mac))
		return -EINVAL;
	return 0;
}

static int read_terms(const struct vs_terms *terms, struct vsc_network_target *target)
{
	u64 mtu = network_granted(terms, VS_NETWORK_MTU);
	u64 queues = network_granted(terms, VS_NETWORK_QUEUES);

	if (mtu < ETH_MIN_MTU || mtu > VS_NETWORK_FRAME_MAX - OVERHEAD)
		return -EINVAL;
	if (!queues || queues > VS_NETWORK_PAIRS)
		return -EINVAL;
	target->mtu = mtu;
	target->queues = queues;
	target->offloads = granted_offloads(terms);
	target->tx_ceiling = network_granted(terms, VS_NETWORK_TX_BANDWIDTH);
	target->gso_max = gso_max(target->tx_ceiling, target->mtu);
	return read_mac(&terms->term[VS_NETWORK_INDEX(VS_NETWORK_MAC)], target->mac);
}

/* ---- Targets: of the session's work ---- */

static bool is_target(struct vsc_network *network, const struct vsc_network_target *target)
{
	const struct vsc_network_target *now = &network->target;

	return now->mtu == target->mtu && ether_addr_equal_unaligned(now->mac, target->mac) &&
	       now->offloads == target->offloads && now->queues == target->queues &&
	       now->gso_max == target->gso_max && now->tx_ceiling == target->tx_ceiling;
}

static void set_target(struct vsc_network *network, const struct vsc_network_target *target)
{
	spin_lock(&network->lock);
	network->target = *target;
	spin_unlock(&network->lock);
	WRITE_ONCE(network->tx_offloads, target->offloads);
	WRITE_ONCE(network->gso_max, target->gso_max);
	WRITE_ONCE(network->queues, target->queues);
}

/* Narrows @target to what both contracts allow, with the address of the next one. */
static void narrow_target(struct vsc_network_target *target, const struct vsc_network_target *next)
{
	target->mtu = min(target->mtu, next->mtu);
	target->queues = min(target->queues, next->queues);
	target->offloads &= next->offloads;
	target->tx_ceiling = min(target->tx_ceiling, next->tx_ceiling);
	target->gso_max = gso_max(target->tx_ceiling, target->mtu);
	ether_addr_copy(target->mac, next->mac);
}

/* ---- The class: all in the session's work, but for network_data() ---- */

static int network_attach(struct vsc_session *session)
{
	struct vsc_network *network = vsc_network_device_create(session);

	if (IS_ERR(network))
		return PTR_ERR(network);
	/* Readers under RCU must find it complete. */
	vsc_session_set_data(session, network);
	return 0;
}

static void network_detach(struct vsc_session *session, bool broken)
{
	struct vsc_network *network = vsc_session_data(session);

	if (!network)
		return;
	vsc_network_device_destroy(network);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	free_netdev(network->netdev);
}

/*
 * More queues than processors are of no use, but for who wishes just that, or has them. UDP to be
 * segmented by the other side is of none to a kernel that cannot say so in a frame's header.
 */
static void network_wish(struct vsc_session *session, struct vs_terms *wish)
{
	struct vs_term *offloads = &wish->term[VS_NETWORK_INDEX(VS_NETWORK_OFFLOADS)];
	struct vs_term *queues = &wish->term[VS_NETWORK_INDEX(VS_NETWORK_QUEUES)];
	struct vsc_network *network = vsc_session_data(session);
	u64 enough = max(num_online_cpus(), network->queues);

	queues->high = max(queues->low, min(queues->high, enough));
	if (!VS_VIRTIO_USO)
		offloads->high &= ~VS_NETWORK_USO;
}

static int network_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	struct vsc_network_target target;
	int error = read_terms(next, &target);

	if (error)
		dev_warn_ratelimited(vsc_session_device(session),
				     "granted: mtu %llu, mac \"%.*s\", queues %llu: not a network device\n",
				     network_granted(next, VS_NETWORK_MTU),
				     next->term[VS_NETWORK_INDEX(VS_NETWORK_MAC)].length,
				     next->term[VS_NETWORK_INDEX(VS_NETWORK_MAC)].text,
				     network_granted(next, VS_NETWORK_QUEUES));
	return error;
}

static void network_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	struct vsc_network *network = vsc_session_data(session);
	struct vsc_network_target target, other;

	if (read_terms(next, &other))
		return;
	/* The provider may send by the next contract before this side hears of its start. */
	WRITE_ONCE(network->rx_offloads, network->rx_offloads | other.offloads);
	if (!current_terms || read_terms(current_terms, &target))
		return;
	narrow_target(&target, &other);
	if (is_target(network, &target))
		return;
	set_target(network, &target);
	vsc_network_update_soon(network);
	vsc_network_queue_drain(network);
}

/* Applies the contract that is in force, or goes on to be. */
static int network_take_over(struct vsc_network *network, const struct vs_terms *terms)
{
	struct vsc_network_target target;
	int error = read_terms(terms, &target);

	if (error)
		return error;
	WRITE_ONCE(network->rx_offloads, target.offloads);
	set_target(network, &target);
	vsc_flow_set_ceiling(&network->rx, network_granted(terms, VS_NETWORK_RX_BANDWIDTH));
	vsc_network_device_carrier(network, true);
	error = vsc_network_update_soon(network);
	vsc_network_queue_fill(network);
	return error;
}

static void network_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	/* Without a contract nothing was narrowed. What fails here is tried with the next one. */
	if (current_terms)
		network_take_over(vsc_session_data(session), current_terms);
}

static int network_apply(struct vsc_session *session, const struct vs_terms *next)
{
	return network_take_over(vsc_session_data(session), next);
}

/* The contract is lost, and frames sent now are dropped: take the carrier away. */
static void network_lost(struct vsc_session *session)
{
	struct vsc_network *network = vsc_session_data(session);

	vsc_network_device_carrier(network, false);
}

static void network_sleep(struct vsc_session *session)
{
	vsc_network_queue_sleep(vsc_session_data(session));
}

/* The channel has started, with all queues of the class: nothing can fail. */
static void network_wake(struct vsc_session *session)
{
	struct vsc_network *network = vsc_session_data(session);

	vsc_network_queue_wake(network);
	netif_device_attach(network->netdev);
}

static void network_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_network *network;

	rcu_read_lock();
	network = vsc_session_data(session);
	if (network)
		vsc_network_queue_data(network, index);
	rcu_read_unlock();
}

static u64 used_of(struct vsc_network *network, u32 index)
{
	struct vsc_network_target target;

	vsc_network_device_target(network, &target);
	switch (index) {
	case VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH):
		return vsc_flow_rate(&network->tx);
	case VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH):
		return vsc_flow_rate(&network->rx);
	case VS_NETWORK_INDEX(VS_NETWORK_MTU):
		return target.mtu;
	case VS_NETWORK_INDEX(VS_NETWORK_OFFLOADS):
		return target.offloads;
	case VS_NETWORK_INDEX(VS_NETWORK_QUEUES):
		return target.queues;
	}
	return 0;
}

static u64 network_used(struct vsc_session *session, u32 index)
{
	struct vsc_network *network;
	u64 used = 0;

	rcu_read_lock();
	network = vsc_session_data(session);
	if (network)
		used = used_of(network, index);
	rcu_read_unlock();
	return used;
}

static bool network_sample(struct vsc_session *session, u32 flow, struct vsc_sample *sample)
{
	struct vsc_network *network = vsc_session_data(session);

	return flow == VS_NETWORK_TX ? vsc_flow_sample(&network->tx, sample) :
				       vsc_flow_sample_arrived(&network->rx, sample);
}

static u64 network_count(struct vsc_session *session, unsigned int counter)
{
	return vsc_network_counters_value(vsc_session_data(session), counter);
}

static const struct vsc_class network_class = {
	.spec = &vs_class_network,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = network_attach,
	.detach = network_detach,
	.wish = network_wish,
	.prepare = network_prepare,
	.narrow = network_narrow,
	.undo = network_undo,
	.apply = network_apply,
	.lost = network_lost,
	.sleep = network_sleep,
	.wake = network_wake,
	.data = network_data,
	.used = network_used,
	.sample = network_sample,
	.count = network_count,
	.counters = &vsc_network_counters_group,
};

static int __init vsc_network_init(void)
{
	return vsc_class_register(&network_class);
}

static void __exit vsc_network_exit(void)
{
	vsc_class_unregister(&network_class);
}

module_init(vsc_network_init);
module_exit(vsc_network_exit);

MODULE_ALIAS("vsc-class-network");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: network, a negotiated Ethernet device");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
