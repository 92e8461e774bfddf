// SPDX-License-Identifier: GPL-2.0-only
/*
 * The class channel in the guest: character devices and terminals, as many and of such kinds as the
 * contract says.
 *
 * Before START, users of ports that go can write nothing more, and data in flight arrive.  After it
 * these ports hang up, and new ones appear.  A port that both contracts have, of the same kind,
 * notices nothing.  When the machine goes to sleep, and when a broken ring is reset, the contract
 * is lost and all ports hang up, as they do in the host; new ones come with the next contract.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "channel/guest/channel.h"
#include "vs_class.h"
#include "vs_port_device.h"
#include "vs_terms.h"
#include "vsc/channel/ports.h"
#include "vsc/class.h"

/* Context: any; under rcu_read_lock(). */
static void ports_pump(void *owner, unsigned int number)
{
	struct vsc_ports *ports = owner;

	vsc_ports_queue_pump(&ports->slot[number]);
	vsc_ports_control_tell(&ports->slot[number]);
}

/* ---- Ports: the session's work ---- */

static void ports_remove(struct vsc_ports *ports, unsigned int number)
{
	struct vsc_ports_slot *slot = &ports->slot[number];
	struct vs_port *port = slot->port;

	ports->leaving &= ~BIT(number);
	if (!port)
		return;
	spin_lock_irq(&slot->lock);
	slot->port = NULL;
	slot->foreign = slot->sending;
	spin_unlock_irq(&slot->lock);
	vs_port_hang_up(port);
}

static int ports_add(struct vsc_ports *ports, unsigned int number, enum vs_port_kind kind)
{
	struct device *dev = vsc_session_device(ports->session);
	struct vsc_ports_slot *slot = &ports->slot[number];
	struct vs_port_config config = {
		.client = true,
		.number = number,
		.kind = kind,
		.service = vsc_session_name(ports->session),
		.unique = dev_name(dev),
		.parent = dev,
		.kick = ports_pump,
		.owner = ports,
	};
	struct vs_port *port = vs_port_create(&config);

	if (IS_ERR(port))
		return PTR_ERR(port);
	spin_lock_irq(&ports->control.lock);
	spin_lock(&slot->lock);
	slot->port = port;
	/* Under the lock, so that no message of the host comes in between. */
	vs_port_set_peer(port, ports->control.open & BIT(number));
	spin_unlock(&slot->lock);
	spin_unlock_irq(&ports->control.lock);
	ports_pump(ports, number);
	return 0;
}

/* Ports that do not stay go, those that are missing come. Return: the first error. */
static int ports_change(struct vsc_ports *ports, const struct vs_port_set *next)
{
	u32 stay = vs_port_that_stay(&ports->set, next);
	int error = 0, failed;

	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (!(stay & BIT(i)))
			ports_remove(ports, i);
	ports->set = *next;
	/* A port that the contract does not have is open for nobody. */
	spin_lock_irq(&ports->control.lock);
	ports->control.open &= BIT(next->count) - 1;
	spin_unlock_irq(&ports->control.lock);
	for (unsigned int i = 0; i < next->count; i++) {
		if (ports->slot[i].port)
			continue;
		failed = ports_add(ports, i, vs_port_kind_of(next->kinds, i));
		error = error ?: failed;
	}
	return error;
}

static u32 ports_that_go(struct vsc_ports *ports, const struct vs_port_set *next)
{
	return (BIT(ports->set.count) - 1) & ~vs_port_that_stay(&ports->set, next);
}

/* ---- The class: all in the session's work, but for ports_data() and ports_used() ---- */

static void ports_take_queues(struct vsc_ports *ports)
{
	vsc_ports_control_take(ports);
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		vsc_ports_queue_take(&ports->slot[i]);
}

static int ports_attach(struct vsc_session *session)
{
	struct vsc_ports *ports = kzalloc(sizeof(*ports), GFP_KERNEL);
	int error;

	if (!ports)
		return -ENOMEM;
	ports->session = session;
	ports->channel = vsc_session_channel(session);
	vsc_flow_init(&ports->flow[VS_PORT_TX], session, VS_PORT_INDEX(VS_PORT_TX_BANDWIDTH));
	vsc_flow_init(&ports->flow[VS_PORT_RX], session, VS_PORT_INDEX(VS_PORT_RX_BANDWIDTH));
	vsc_ports_queue_init(ports);
	error = vsc_ports_control_init(ports);
	if (error) {
		vsc_ports_control_exit(ports);
		kfree(ports);
		return error;
	}
	ports_take_queues(ports);
	/* Readers under RCU must find it complete. */
	vsc_session_set_data(session, ports);
	return 0;
}

static void ports_let_go(struct vsc_ports *ports)
{
	vsc_channel_stop(ports->channel);
	vsc_ports_control_empty(ports);
	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		vsc_ports_queue_empty(&ports->slot[i]);
}

static void ports_detach(struct vsc_session *session, bool broken)
{
	struct vsc_ports *ports = vsc_session_data(session);
	const struct vs_port_set none = { };

	if (!ports)
		return;
	ports_change(ports, &none);
	ports_let_go(ports);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	vsc_ports_control_exit(ports);
	kfree(ports);
}

static int ports_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			 const struct vs_terms *next)
{
	return 0;
}

static void ports_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			 const struct vs_terms *next)
{
	struct vsc_ports *ports = vsc_session_data(session);
	struct vs_port_set set;

	vs_port_set_of(next, &set);
	vsc_ports_control_leave(ports, ports_that_go(ports, &set));
}

static void ports_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	vsc_ports_control_stay(vsc_session_data(session));
}

static int ports_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct vsc_ports *ports = vsc_session_data(session);
	struct vs_port_set set;
	int error;

	vs_port_set_of(next, &set);
	vsc_flow_set_ceiling(&ports->flow[VS_PORT_RX],
			     next->term[VS_PORT_INDEX(VS_PORT_RX_BANDWIDTH)].high);
	/* Interrupts that came before the session had its data were lost. */
	vsc_ports_control_data(ports, VS_PORT_CONTROL_RX);
	error = ports_change(ports, &set);
	/* Narrowed for a grant that was dropped: nothing else undoes that. */
	if (ports->leaving)
		vsc_ports_control_stay(ports);
	return error;
}

static void ports_leave(struct vsc_session *session)
{
	struct vsc_ports *ports = vsc_session_data(session);

	vsc_ports_control_leave(ports, BIT(ports->set.count) - 1);
}

static void ports_lost(struct vsc_session *session)
{
	const struct vs_port_set none = { };

	ports_change(vsc_session_data(session), &none);
}

/* Its ports have gone with the contract: see ports_lost(). */
static void ports_sleep(struct vsc_session *session)
{
	ports_let_go(vsc_session_data(session));
}

/* The channel has started, with all queues of the class: nothing can fail. */
static void ports_wake(struct vsc_session *session)
{
	ports_take_queues(vsc_session_data(session));
}

static void ports_data_of(struct vsc_ports *ports, unsigned int queue)
{
	int number = vs_port_of_queue(queue);

	if (number < 0)
		vsc_ports_control_data(ports, queue);
	else
		ports_pump(ports, number);
}

static void ports_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_ports *ports;

	rcu_read_lock();
	ports = vsc_session_data(session);
	if (ports)
		ports_data_of(ports, index);
	rcu_read_unlock();
}

static u64 ports_used(struct vsc_session *session, u32 index)
{
	struct vsc_ports *ports = vsc_session_data(session);

	switch (index) {
	case VS_PORT_INDEX(VS_PORT_TX_BANDWIDTH):
		return vsc_flow_rate(&ports->flow[VS_PORT_TX]);
	case VS_PORT_INDEX(VS_PORT_RX_BANDWIDTH):
		return vsc_flow_rate(&ports->flow[VS_PORT_RX]);
	}
	return 0;
}

static bool ports_sample(struct vsc_session *session, u32 flow, struct vsc_sample *sample)
{
	struct vsc_ports *ports = vsc_session_data(session);
	bool active;

	if (flow == VS_PORT_RX)
		return vsc_flow_sample_arrived(&ports->flow[VS_PORT_RX], sample);
	active = vsc_flow_sample(&ports->flow[VS_PORT_TX], sample);
	/*
	 * A piece waits for its rate, or for its reader on the host, and the client cannot tell
	 * which: it accuses nobody of a floor that is not kept.
	 */
	sample->seen.waited_ns = 0;
	return active;
}

static u64 ports_count(struct vsc_session *session, unsigned int counter)
{
	struct vsc_ports *ports = vsc_session_data(session);

	return atomic64_read(&ports->counter[counter]);
}

static const struct vsc_class vsc_channel_class = {
	.spec = &vs_class_channel,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = ports_attach,
	.detach = ports_detach,
	.prepare = ports_prepare,
	.narrow = ports_narrow,
	.undo = ports_undo,
	.apply = ports_apply,
	.leave = ports_leave,
	.lost = ports_lost,
	.sleep = ports_sleep,
	.wake = ports_wake,
	.data = ports_data,
	.used = ports_used,
	.sample = ports_sample,
	.count = ports_count,
	.counters = &vsc_ports_counters_group,
};

static int __init vsc_ports_init(void)
{
	return vsc_class_register(&vsc_channel_class);
}

static void __exit vsc_ports_exit(void)
{
	vsc_class_unregister(&vsc_channel_class);
}

module_init(vsc_ports_init);
module_exit(vsc_ports_exit);

MODULE_ALIAS("vsc-class-channel");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: negotiated byte channels and terminals");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
