// SPDX-License-Identifier: GPL-2.0-only
/*
 * The class channel, the provider's side: contracts over byte channels, and which of them there
 * are.  A contract comes into force at once; the ports follow it, in a work, since users' devices
 * are made and ended for it.
 */
#define pr_fmt(fmt) "vsp_channel: " fmt

#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_port_device.h"
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

/**
 * vsp_ports_get() - a port of the contract in force
 * @ports: of the service
 * @number: of it
 *
 * Context: any but interrupt.
 * Return: the port, with a reference; NULL: there is no such port, or not yet.
 */
struct vs_port *vsp_ports_get(struct vsp_ports *ports, unsigned int number)
{
	struct vs_port *port = NULL;

	if (!READ_ONCE(ports->port[number]))
		return NULL;
	spin_lock_irq(&ports->lock);
	if (number < ports->set.count)
		port = ports->port[number];
	if (port && (ports->ended & BIT(number) ||
		     port->kind != vs_port_kind_of(ports->set.kinds, number)))
		port = NULL;
	if (port)
		get_device(&port->dev);
	spin_unlock_irq(&ports->lock);
	return port;
}

/**
 * vsp_ports_wake() - have the mover look
 * @ports: of the service
 *
 * Context: any.
 */
void vsp_ports_wake(struct vsp_ports *ports)
{
	unsigned long irq;

	spin_lock_irqsave(&ports->lock, irq);
	if (ports->waker)
		vsp_queue_wake(ports->waker);
	spin_unlock_irqrestore(&ports->lock, irq);
}

static void ports_kick(void *owner, unsigned int number)
{
	vsp_ports_wake(owner);
}

/* ---- Ports follow the contract ---- */

/* Return: the port that has to go, without its place; NULL: it stays, or there is none. */
static struct vs_port *ports_take_wrong(struct vsp_ports *ports, unsigned int number)
{
	struct vs_port *port;

	spin_lock_irq(&ports->lock);
	port = ports->port[number];
	if (port && !(ports->ended & BIT(number)) && number < ports->set.count &&
	    port->kind == vs_port_kind_of(ports->set.kinds, number))
		port = NULL;
	if (port)
		ports->port[number] = NULL;
	ports->ended &= ~BIT(number);
	spin_unlock_irq(&ports->lock);
	return port;
}

/* Return: whether a port is to be made, and of which kind. */
static bool ports_is_missing(struct vsp_ports *ports, unsigned int number,
			     enum vs_port_kind *kind)
{
	bool missing;

	spin_lock_irq(&ports->lock);
	missing = number < ports->set.count && !ports->port[number];
	*kind = vs_port_kind_of(ports->set.kinds, number);
	spin_unlock_irq(&ports->lock);
	return missing;
}

static void ports_make(struct vsp_ports *ports, unsigned int number, enum vs_port_kind kind)
{
	struct vs_port_config config = {
		.number = number,
		.kind = kind,
		.service = vsp_service_name(ports->service),
		.unique = vsp_service_name(ports->service),
		.kick = ports_kick,
		.owner = ports,
	};
	struct vs_port *port = vs_port_create(&config);

	if (IS_ERR(port)) {
		pr_err_ratelimited("service %s: channel %u cannot be made (%ld): renegotiate when there is memory\n",
				   vsp_service_name(ports->service), number, PTR_ERR(port));
		return;
	}
	spin_lock_irq(&ports->lock);
	ports->port[number] = port;
	ports->ended &= ~BIT(number);
	/* In one step with what the mover hears of it. */
	vs_port_set_peer(port, ports->open & BIT(number));
	vs_port_set_leaves(port, ports->leaving & BIT(number));
	spin_unlock_irq(&ports->lock);
}

static void ports_follow(struct work_struct *work)
{
	struct vsp_ports *ports = container_of(work, struct vsp_ports, follow);
	enum vs_port_kind kind;
	struct vs_port *port;

	for (unsigned int i = 0; i < VS_PORT_MAX; i++) {
		port = ports_take_wrong(ports, i);
		if (port)
			vs_port_hang_up(port);
	}
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (ports_is_missing(ports, i, &kind))
			ports_make(ports, i, kind);
	vsp_ports_wake(ports);
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
	INIT_WORK(&ports->follow, ports_follow);
	vsp_ports_queue_init(ports);
	vsp_service_set_data(service, ports);
	return 0;
}

/* The contract has ended, and the mover with its queues. */
static void ports_service_close(struct vsp_service *service)
{
	struct vsp_ports *ports = vsp_service_data(service);

	cancel_work_sync(&ports->follow);
	ports->set.count = 0;
	ports_follow(&ports->follow);
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

/* What is said of a port holds for as long as it is the same port. */
static void ports_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_ports *ports = vsp_service_data(service);
	struct vs_port_set set = { };
	u32 stay;

	vsp_rates_assert_held(service);
	if (next)
		vs_port_set_of(&next->terms, &set);
	spin_lock(&ports->lock);
	stay = vs_port_that_stay(&ports->set, &set);
	ports->set = set;
	ports->open &= stay;
	ports->leaving &= stay;
	ports->ended |= ~stay;
	spin_unlock(&ports->lock);
	queue_work(system_unbound_wq, &ports->follow);
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
