// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ports that a service has in the host.  A contract comes into force at once; its ports follow
 * in a work, because users' devices are made and ended for it.
 */
#define pr_fmt(fmt) "vsp_channel: " fmt

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/workqueue.h>

#include "vs_port_device.h"
#include "vsp/channel/ports.h"
#include "vsp/class.h"

#define AGAIN	HZ	/* when a port could not be made */
#define PACE_MS	250	/* a guest has other contracts faster than ports come and go */

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

static void follow_kick(void *owner, unsigned int number)
{
	vsp_ports_wake(owner);
}

/* Return: the port of this number if it has to go, taken out of its place; or NULL. */
static struct vs_port *follow_take_wrong(struct vsp_ports *ports, unsigned int number)
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
static bool follow_is_missing(struct vsp_ports *ports, unsigned int number,
			      enum vs_port_kind *kind)
{
	bool missing;

	spin_lock_irq(&ports->lock);
	missing = number < ports->set.count && !ports->port[number];
	*kind = vs_port_kind_of(ports->set.kinds, number);
	spin_unlock_irq(&ports->lock);
	return missing;
}

/* A terminal keeps its size while its guest restarts, or has fewer channels for a time. */
static void follow_keep_size(struct vsp_ports *ports, struct vs_port *port)
{
	if (port->kind == VS_PORT_CONSOLE)
		vs_port_new_size(port, &ports->size[port->number]);
}

static void follow_give_size(struct vsp_ports *ports, struct vs_port *port)
{
	const struct vs_port_size *size = &ports->size[port->number];

	if (port->kind == VS_PORT_CONSOLE && (size->columns || size->rows))
		vs_port_set_size(port, size);
}

/* Return: 0, or an errno. */
static int follow_make(struct vsp_ports *ports, unsigned int number, enum vs_port_kind kind)
{
	struct vs_port_config config = {
		.number = number,
		.kind = kind,
		.service = vsp_service_name(ports->service),
		.unique = vsp_service_name(ports->service),
		.kick = follow_kick,
		.owner = ports,
	};
	struct vs_port *port = vs_port_create(&config);

	if (IS_ERR(port))
		return PTR_ERR(port);
	follow_give_size(ports, port);
	spin_lock_irq(&ports->lock);
	ports->port[number] = port;
	ports->ended &= ~BIT(number);
	/* Under the lock, so that no message of the guest comes in between. */
	vs_port_set_peer(port, ports->open & BIT(number));
	vs_port_set_leaves(port, ports->leaving & BIT(number));
	spin_unlock_irq(&ports->lock);
	return 0;
}

/* Return: the first error, when all were tried. */
static int follow_make_missing(struct vsp_ports *ports)
{
	enum vs_port_kind kind;
	int error = 0, failed;

	for (unsigned int i = 0; i < VS_PORT_MAX; i++)
		if (follow_is_missing(ports, i, &kind)) {
			failed = follow_make(ports, i, kind);
			error = error ?: failed;
		}
	return error;
}

/* Return: whether a port was hung up. */
static bool follow_all(struct vsp_ports *ports)
{
	struct vs_port *port;
	bool ended = false;
	int error;

	for (unsigned int i = 0; i < VS_PORT_MAX; i++) {
		port = follow_take_wrong(ports, i);
		if (!port)
			continue;
		follow_keep_size(ports, port);
		vs_port_hang_up(port);
		ended = true;
	}
	error = follow_make_missing(ports);
	vsp_ports_wake(ports);
	if (error && !ports->missing)
		pr_err_ratelimited("service %s: a channel cannot be made (%d), trying again\n",
				   vsp_service_name(ports->service), error);
	ports->missing = error;
	/* If another contract has queued it already, that comes sooner, and stays. */
	if (error)
		queue_delayed_work(system_unbound_wq, &ports->follow, AGAIN);
	return ended;
}

/* Not beside itself: another contract waits for the end of this. */
static void follow_work(struct work_struct *work)
{
	if (follow_all(container_of(to_delayed_work(work), struct vsp_ports, follow)))
		msleep(PACE_MS);
}

/**
 * vsp_ports_follow_commit() - another contract is in force
 * @ports: of the service
 * @next: its ports
 *
 * What the guest has said of a port is forgotten unless the next contract has the same port.
 *
 * Context: vsp_rates_lock() held, interrupts off.
 */
void vsp_ports_follow_commit(struct vsp_ports *ports, const struct vs_port_set *next)
{
	u32 stay;

	spin_lock(&ports->lock);
	stay = vs_port_that_stay(&ports->set, next);
	ports->set = *next;
	ports->open &= stay;
	ports->leaving &= stay;
	ports->ended |= ~stay;
	spin_unlock(&ports->lock);
	mod_delayed_work(system_unbound_wq, &ports->follow, 0);
}

/**
 * vsp_ports_follow_init() - a service without ports
 * @ports: zeroed
 */
void vsp_ports_follow_init(struct vsp_ports *ports)
{
	INIT_DELAYED_WORK(&ports->follow, follow_work);
}

/**
 * vsp_ports_follow_end() - hang up all ports
 * @ports: of a service whose contract has ended, and with it the mover and its queues
 *
 * Context: process; sleeps.
 */
void vsp_ports_follow_end(struct vsp_ports *ports)
{
	cancel_delayed_work_sync(&ports->follow);
	ports->set.count = 0;
	follow_all(ports);
}
