// SPDX-License-Identifier: GPL-2.0-only
/*
 * The class channel, the provider's side: its pools, services and contracts, and what it counts.
 */
#define pr_fmt(fmt) "vsp_channel: " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_terms.h"
#include "vsp/channel/ports.h"
#include "vsp/class.h"
#include "vsp/contract.h"

/* ---- Pools and services ---- */

static int ports_pool_open(struct vsp_pool *pool)
{
	if (!vsp_pool_source(pool)[0])
		return 0;
	pr_err("pool %s: source: \"%s\" refused: this class has none: write an empty line\n",
	       vsp_pool_name(pool), vsp_pool_source(pool));
	return -EINVAL;
}

static void ports_pool_close(struct vsp_pool *pool)
{
}

static int ports_service_open(struct vsp_service *service)
{
	struct vsp_ports *ports;

	if (vsp_service_backing(service)[0]) {
		pr_err("service %s: backing: \"%s\" refused: this class has none: write an empty line\n",
		       vsp_service_name(service), vsp_service_backing(service));
		return -EINVAL;
	}
	ports = kvzalloc(sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	ports->service = service;
	vsp_ports_follow_init(ports);
	vsp_ports_queue_init(ports);
	vsp_service_set_data(service, ports);
	return 0;
}

/* The contract has ended, and the mover with its queues. */
static void ports_service_close(struct vsp_service *service)
{
	struct vsp_ports *ports = vsp_service_data(service);

	vsp_ports_follow_end(ports);
	vsp_service_set_data(service, NULL);
	kvfree(ports);
}

static void ports_limits(struct vsp_service *service, struct vs_terms *limits)
{
}

/* ---- Contracts ---- */

static int ports_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				  u16 *denied)
{
	return 0;
}

static void ports_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
}

static void ports_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vs_port_set set = { };

	vsp_rates_assert_held(service);
	if (next)
		vs_port_set_of(&next->terms, &set);
	vsp_ports_follow_commit(vsp_service_data(service), &set);
}

static void ports_contract_wake(struct vsp_service *service, u32 flow)
{
	vsp_ports_wake(vsp_service_data(service));
}

static u64 ports_service_used(struct vsp_service *service, u32 index)
{
	const struct vsp_ports *ports = vsp_service_data(service);

	if (vs_class_channel.term[index].kind == VS_KIND_RATE)
		return vsp_rates_used(service, index);
	return index == VS_PORT_INDEX(VS_PORT_CHANNELS) ? hweight32(READ_ONCE(ports->open)) : 0;
}

/* ---- Counters ---- */

static u64 ports_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_ports *ports = vsp_service_data(service);

	return atomic64_read(&ports->counter[counter]);
}

VSP_COUNTER(data_sent, VSP_PORTS_SENT);
VSP_COUNTER(data_received, VSP_PORTS_RECEIVED);
VSP_COUNTER(dropped_buffers, VSP_PORTS_DROPPED);
VSP_COUNTER(malformed_buffers, VSP_PORTS_MALFORMED);

static struct attribute *counter_attributes[] = {
	&counter_data_sent.attr.attr,
	&counter_data_received.attr.attr,
	&counter_dropped_buffers.attr.attr,
	&counter_malformed_buffers.attr.attr,
	NULL
};

static const struct attribute_group counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

static const struct vsp_class vsp_channel_class = {
	.spec = &vs_class_channel,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.pool_open = ports_pool_open,
	.pool_close = ports_pool_close,
	.service_open = ports_service_open,
	.service_close = ports_service_close,
	.limits = ports_limits,
	.prepare = ports_contract_prepare,
	.commit = ports_contract_commit,
	.abort = ports_contract_abort,
	.queue_kick = vsp_ports_queue_kick,
	.queue_reap = vsp_ports_queue_reap,
	.queue_reset = vsp_ports_queue_reset,
	.wake = ports_contract_wake,
	.used = ports_service_used,
	.count = ports_service_count,
	.counters = &counters,
};

static int __init vsp_channel_init(void)
{
	return vsp_class_register(&vsp_channel_class);
}

static void __exit vsp_channel_exit(void)
{
	vsp_class_unregister(&vsp_channel_class);
}

module_init(vsp_channel_init);
module_exit(vsp_channel_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Byte channels for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-channel");
