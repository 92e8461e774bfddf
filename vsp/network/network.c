// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network class, the provider's side: contracts over a network device.
 *
 * A pool is a part of an uplink, or of whatever the administrator says that there is; what a
 * service's frames go through is the business of whoever puts its netdev into a bridge,
 * routes or filters it.
 */
#define pr_fmt(fmt) "vsp_network: " fmt

#include <linux/device.h>
#include <linux/etherdevice.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_terms.h"
#include "vsp/class.h"
#include "vsp/contract.h"
#include "vsp/network/network.h"
#include "vsp/network/uplink.h"

static const struct vs_term *network_term(const struct vs_terms *terms, enum vs_network_term id)
{
	return &terms->term[VS_NETWORK_INDEX(id)];
}

/* ---- Pools ---- */

static int network_pool_open(struct vsp_pool *pool)
{
	struct vsp_network_pool *network = kzalloc(sizeof(*network), GFP_KERNEL);
	const char *range = vsp_pool_text(pool, VS_NETWORK_MAC_RANGE);
	int error = -EINVAL;

	if (!network)
		return -ENOMEM;
	if (range[0] && vsp_network_mac_range(range, &network->first, &network->last)) {
		pr_err("pool %s: mac_range: \"%s\" is none: FIRST-LAST, as 52:54:00:00:00:00-52:54:00:00:00:ff\n",
		       vsp_pool_name(pool), range);
		goto free;
	}
	for (u32 i = 0; i < vs_class_network.count && !vsp_pool_source(pool)[0]; i++) {
		const struct vs_term_spec *spec = &vs_class_network.term[i];

		if (spec->kind != VS_KIND_RATE || vsp_pool_capacity_is_set(pool, i))
			continue;
		pr_err("pool %s: capacity_%s is unset: write it, in %s, or a network device as source, before enable\n",
		       vsp_pool_name(pool), spec->name, spec->unit);
		goto free;
	}
	if (vsp_pool_source(pool)[0]) {
		error = vsp_network_uplink_open(&network->uplink, pool);
		if (error)
			goto free;
	}
	vsp_pool_set_data(pool, network);
	return 0;

free:
	kfree(network);
	return error;
}

static void network_pool_close(struct vsp_pool *pool)
{
	struct vsp_network_pool *network = vsp_pool_data(pool);

	if (vsp_pool_source(pool)[0])
		vsp_network_uplink_close(&network->uplink);
	vsp_pool_set_data(pool, NULL);
	kfree(network);
}

static void network_pool_poll(struct vsp_pool *pool)
{
	struct vsp_network_pool *network = vsp_pool_data(pool);

	if (vsp_pool_source(pool)[0])
		vsp_network_uplink_look(&network->uplink);
}

/* ---- Services ---- */

static int network_service_open(struct vsp_service *service)
{
	struct vsp_network *network = kvzalloc(sizeof(*network), GFP_KERNEL);
	int error;

	if (!network)
		return -ENOMEM;
	network->service = service;
	vsp_network_queue_init(network);
	error = vsp_network_mac_add(network);
	if (error)
		goto free;
	error = vsp_network_device_add(network);
	if (error)
		goto drop;
	vsp_service_set_data(service, network);
	return 0;

drop:
	vsp_network_mac_drop(network);
free:
	kvfree(network);
	return error;
}

static void network_service_close(struct vsp_service *service)
{
	struct vsp_network *network = vsp_service_data(service);

	vsp_service_set_data(service, NULL);
	vsp_network_device_remove(network);
	vsp_network_queue_exit(network);
	vsp_network_device_free(network);
	vsp_network_mac_drop(network);
	kvfree(network);
}

static void network_service_limits(struct vsp_service *service, struct vs_terms *limits)
{
	const struct vsp_network_uplink *uplink = &vsp_network_pool_of(service)->uplink;
	struct vs_term *mtu = &limits->term[VS_NETWORK_INDEX(VS_NETWORK_MTU)];
	struct vs_term *mac = &limits->term[VS_NETWORK_INDEX(VS_NETWORK_MAC)];
	struct vsp_network *network = vsp_service_data(service);
	u8 address[ETH_ALEN];

	if (!mac->length) {
		u64_to_ether_addr(network->given, address);
		mac->length = scnprintf(mac->text, sizeof(mac->text), "%pM", address);
	}
	if (!uplink->pool)
		return;
	mtu->high = min(mtu->high, READ_ONCE(uplink->mtu));
	if (!READ_ONCE(uplink->up)) {
		limits->term[VS_NETWORK_INDEX(VS_NETWORK_TX_BANDWIDTH)].high = 0;
		limits->term[VS_NETWORK_INDEX(VS_NETWORK_RX_BANDWIDTH)].high = 0;
	}
}

/* ---- Contracts ---- */

static int parse_mac(const struct vs_term *term, u64 *mac)
{
	return vsp_network_mac_parse(term->text, term->length, mac);
}

/* The administrator may have said which address it is (@named): then it is no other. */
static int check_mac(struct vsp_service *service, u64 mac, bool *named)
{
	struct vs_term limit;
	int error = 0;
	u64 only;

	vsp_service_limit(service, VS_NETWORK_INDEX(VS_NETWORK_MAC), &limit);
	*named = limit.length;
	if (limit.length && parse_mac(&limit, &only)) {
		vsp_warn_limited(service, "service %s: mac: \"%.*s\" is no address of a device\n",
				 vsp_service_name(service), limit.length, limit.text);
		error = -EINVAL;
	} else if (limit.length && only != mac) {
		error = -EPERM;
	}
	return error;
}

static int network_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				    u16 *denied)
{
	struct vsp_network *network = vsp_service_data(service);
	const struct vs_term *term = network_term(&next->terms, VS_NETWORK_MAC);
	bool named;
	int error;
	u64 mac;

	*denied = VS_NETWORK_MAC;
	error = parse_mac(term, &mac);
	if (error)
		return -EPERM;
	error = check_mac(service, mac, &named);
	return error ?: vsp_network_mac_prepare(network, mac, named);
}

static void network_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
	vsp_network_mac_prepare(vsp_service_data(service), 0, false);
}

static u64 ring_bound(const struct vs_terms *terms, enum vs_network_term rate, u32 queues)
{
	u64 packet = network_term(terms, VS_NETWORK_MTU)->high + VSP_NETWORK_HEADER;

	return max(mul_u64_u64_div_u64(network_term(terms, rate)->high, VSP_NETWORK_QUEUE_MS,
				       MSEC_PER_SEC * queues), 2 * packet);
}

static u32 link_speed(const struct vs_terms *terms)
{
	u64 most = max(network_term(terms, VS_NETWORK_TX_BANDWIDTH)->high,
		       network_term(terms, VS_NETWORK_RX_BANDWIDTH)->high);

	return clamp(div_u64(most, VSP_NETWORK_MBIT), 1, INT_MAX);
}

/* An address that no grant has kept for the service is looked at first, by the link's work. */
static void claim_mac(struct vsp_network *network, const struct vs_term *term)
{
	u64 mac = 0;

	network->claim = 0;
	if (parse_mac(term, &mac))
		return;
	if (mac != network->next && mac != network->given && mac != network->terms.mac) {
		WRITE_ONCE(network->claim, mac);
		return;
	}
	WRITE_ONCE(network->terms.mac, mac);
	if (network->next == mac) {
		/* In force before that: is_service() does not find it free between. */
		smp_store_release(&network->next, 0);
	}
}

static void network_commit_terms(struct vsp_network *network, const struct vs_terms *terms)
{
	struct vsp_network_terms *now = &network->terms;

	claim_mac(network, network_term(terms, VS_NETWORK_MAC));
	WRITE_ONCE(now->mtu, network_term(terms, VS_NETWORK_MTU)->high);
	WRITE_ONCE(now->offloads, network_term(terms, VS_NETWORK_OFFLOADS)->high);
	WRITE_ONCE(now->pairs, network_term(terms, VS_NETWORK_QUEUES)->high);
	WRITE_ONCE(now->bound[VS_NETWORK_TX], ring_bound(terms, VS_NETWORK_TX_BANDWIDTH, 1));
	WRITE_ONCE(now->bound[VS_NETWORK_RX],
		   ring_bound(terms, VS_NETWORK_RX_BANDWIDTH, now->pairs));
	WRITE_ONCE(now->speed, link_speed(terms));
	WRITE_ONCE(now->present, true);
}

static void network_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_network *network = vsp_service_data(service);

	vsp_rates_assert_held(service);
	if (next) {
		network_commit_terms(network, &next->terms);
	} else {
		network->claim = 0;
		WRITE_ONCE(network->terms.present, false);
	}
	vsp_network_ring_wake_all(network);
	queue_work(system_unbound_wq, &network->link);
}

static u64 network_service_used(struct vsp_service *service, u32 index)
{
	return vs_class_network.term[index].kind == VS_KIND_RATE ?
	       vsp_rates_used(service, index) : 0;
}

/* ---- Counters ---- */

/* Bytes of a flow come behind what is counted by enum vsp_network_counter. */
#define NETWORK_BYTES(flow)	(VSP_NETWORK_COUNTERS + (flow))

static u64 network_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_network *network = vsp_service_data(service);

	return atomic64_read(counter < VSP_NETWORK_COUNTERS ? &network->counter[counter] :
			     &network->bytes[counter - VSP_NETWORK_COUNTERS]);
}

VSP_COUNTER(frames_sent, VSP_NETWORK_SENT);
VSP_COUNTER(frames_received, VSP_NETWORK_RECEIVED);
VSP_COUNTER(bytes_sent, NETWORK_BYTES(VS_NETWORK_TX));
VSP_COUNTER(bytes_received, NETWORK_BYTES(VS_NETWORK_RX));
VSP_COUNTER(dropped_malformed, VSP_NETWORK_MALFORMED);
VSP_COUNTER(dropped_size, VSP_NETWORK_SIZE);
VSP_COUNTER(dropped_spoofed, VSP_NETWORK_SPOOFED);
VSP_COUNTER(dropped_offload, VSP_NETWORK_OFFLOAD);
VSP_COUNTER(dropped_late, VSP_NETWORK_LATE);
VSP_COUNTER(dropped_away, VSP_NETWORK_AWAY);
VSP_COUNTER(dropped_contract, VSP_NETWORK_CONTRACT);
VSP_COUNTER(dropped_down, VSP_NETWORK_DOWN);
VSP_COUNTER(dropped_memory, VSP_NETWORK_MEMORY);

static struct attribute *counter_attributes[] = {
	&counter_frames_sent.attr.attr,
	&counter_frames_received.attr.attr,
	&counter_bytes_sent.attr.attr,
	&counter_bytes_received.attr.attr,
	&counter_dropped_malformed.attr.attr,
	&counter_dropped_size.attr.attr,
	&counter_dropped_spoofed.attr.attr,
	&counter_dropped_offload.attr.attr,
	&counter_dropped_late.attr.attr,
	&counter_dropped_away.attr.attr,
	&counter_dropped_contract.attr.attr,
	&counter_dropped_down.attr.attr,
	&counter_dropped_memory.attr.attr,
	NULL
};

static const struct attribute_group counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

static const struct vsp_class network_class = {
	.spec = &vs_class_network,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.finds_rates = true,
	.pool_open = network_pool_open,
	.pool_close = network_pool_close,
	.pool_poll = network_pool_poll,
	.service_open = network_service_open,
	.service_close = network_service_close,
	.limits = network_service_limits,
	.prepare = network_contract_prepare,
	.commit = network_contract_commit,
	.abort = network_contract_abort,
	.queue_kick = vsp_network_queue_kick,
	.queue_reap = vsp_network_queue_reap,
	.queue_reset = vsp_network_queue_reset,
	.wake = vsp_network_queue_go_on,
	.used = network_service_used,
	.count = network_service_count,
	.counters = &counters,
};

static int __init vsp_network_init(void)
{
	return vsp_class_register(&network_class);
}

static void __exit vsp_network_exit(void)
{
	vsp_class_unregister(&network_class);
	vsp_network_mac_exit();
}

module_init(vsp_network_init);
module_exit(vsp_network_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Network devices for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-network");
