/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's byte channels: what ports.c (the contract, and which ports there are), queue.c (the
 * data), control.c (who has a port open) and counters.c share.  A port is one byte channel, and a
 * struct vsc_channel the transport; the ends that users have are in channel/port/.
 *
 * Pieces that were posted in a receive queue stay there when their port goes, and belong to the
 * next port of that number; so the slot counts them.  Those in a transmit queue belong to nobody
 * then: the next port has pieces of its own to send.
 *
 * Lock order: vsc_ports_control.lock > vsc_ports_slot.lock > vs_port.lock, vsc_flow.lock >
 * the session's inbox.
 */
#ifndef VSC_PORTS_H
#define VSC_PORTS_H

#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "vs_port.h"
#include "vsc/demand/flow.h"

struct attribute_group;
struct virtqueue;
struct vs_port;
struct vsc_channel;
struct vsc_ports;
struct vsc_session;

#define VSC_PORTS_MESSAGES	32	/* buffers of each queue for control messages */

/**
 * struct vsc_ports_slot - the place of a port, and its two queues
 * @ports: to which it belongs
 * @number: of the port
 * @lock: protects the rest; interrupts off
 * @rx: receive queue; NULL while the machine sleeps, as the next
 * @tx: transmit queue
 * @port: NULL: there is none
 * @posted: pieces in @rx
 * @sending: pieces in @tx
 * @foreign: as many of them are of ports that have gone; all, while there is no port
 */
struct vsc_ports_slot {
	struct vsc_ports *ports;
	unsigned int number;
	spinlock_t lock;	/* of all below; interrupts off */
	struct virtqueue *rx;
	struct virtqueue *tx;
	struct vs_port *port;
	unsigned int posted;
	unsigned int sending;
	unsigned int foreign;
};

/**
 * struct vsc_ports_control - control messages
 * @lock: protects the rest; interrupts off
 * @rx: queue for messages of the host; NULL while the machine sleeps, as the next
 * @tx: queue for messages to the host
 * @open: ports that the host has open, a bit each
 * @leave: the host is to hear that these go
 * @stay: the host is to hear that these stay after all
 * @left: the host has answered that all its data have come
 * @free: of @sent
 * @received: messages that are posted in @rx
 * @sent: messages that are in @tx, but for those in @free
 * @wait: for @left, and until transmit queues are empty
 */
struct vsc_ports_control {
	spinlock_t lock;	/* of all below; interrupts off */
	struct virtqueue *rx;
	struct virtqueue *tx;
	u32 open;
	u32 leave;
	u32 stay;
	u32 left;
	DECLARE_BITMAP(free, VSC_PORTS_MESSAGES);
	struct vs_port_message *received;
	struct vs_port_message *sent;
	wait_queue_head_t wait;
};

enum vsc_ports_counter {
	VSC_PORTS_SENT,		/* bytes */
	VSC_PORTS_RECEIVED,	/* bytes */
	VSC_PORTS_REFUSED,	/* buffers and messages that make no sense */
	VSC_PORTS_COUNTERS
};

/**
 * struct vsc_ports - the class's part of a session
 * @session: has it as its vsc_session_data(); readers other than its work come through RCU
 * @channel: of the session
 * @set: ports of the contract in force; touched by the session's work alone, as the next
 * @leaving: ports that were about to go, and have neither gone nor been told that they stay
 * @slot: by number of the port
 * @control: control messages
 * @flow: by enum vs_port_flow
 * @counter: for sysfs
 */
struct vsc_ports {
	struct vsc_session *session;
	struct vsc_channel *channel;
	struct vs_port_set set;
	u32 leaving;
	struct vsc_ports_slot slot[VS_PORT_MAX];
	struct vsc_ports_control control;
	struct vsc_flow flow[VS_PORT_FLOWS];
	atomic64_t counter[VSC_PORTS_COUNTERS];
};

/* queue.c */
void vsc_ports_queue_init(struct vsc_ports *ports);
void vsc_ports_queue_pump(struct vsc_ports_slot *slot);
void vsc_ports_queue_take(struct vsc_ports_slot *slot);
void vsc_ports_queue_empty(struct vsc_ports_slot *slot);

/* control.c */
int vsc_ports_control_init(struct vsc_ports *ports);
void vsc_ports_control_exit(struct vsc_ports *ports);
void vsc_ports_control_take(struct vsc_ports *ports);
void vsc_ports_control_empty(struct vsc_ports *ports);
void vsc_ports_control_tell(struct vsc_ports_slot *slot);
void vsc_ports_control_data(struct vsc_ports *ports, unsigned int queue);
void vsc_ports_control_leave(struct vsc_ports *ports, u32 which);
void vsc_ports_control_stay(struct vsc_ports *ports);

/* counters.c */
extern const struct attribute_group vsc_ports_counters_group;

#endif
