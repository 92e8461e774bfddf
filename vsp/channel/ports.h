/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of byte channels, shared by ports.c (the class, and its contracts), follow.c
 * (which ports there are), queue.c (the data, as the mover takes them from one side to the other)
 * and control.c (which ports are open).  A port is one byte channel, and a struct vsp_channel the
 * transport; the ends that users have in the host are in channel/port/.
 *
 * One mover does everything.  A flow has one piece of one port at its head, and ports take turns.
 * Only a piece that the other end has room for can be at the head, so a slow reader holds back
 * nobody but the writer of the same port.
 *
 * Locks: vsp_rates_lock() > vsp_ports.lock > vs_port.lock.
 */
#ifndef VSP_PORTS_H
#define VSP_PORTS_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "channel/host/queue.h"
#include "vs_port.h"

struct vs_port;
struct vsp_service;

enum vsp_ports_counter {
	VSP_PORTS_SENT,		/* bytes from the guest, TX */
	VSP_PORTS_RECEIVED,	/* bytes to the guest, RX */
	VSP_PORTS_DROPPED,	/* buffers of the guest for a port that is not granted */
	VSP_PORTS_MALFORMED,	/* buffers or control messages that are wrong */
	VSP_PORTS_COUNTERS
};

/**
 * struct vsp_ports_flow - one direction; touched by the mover alone
 * @holder: port whose piece is at the head and waits for its rate, or -1
 * @last: port that was served last
 * @owed: cost of the last piece that was admitted, until it is known whether another one waits
 */
struct vsp_ports_flow {
	int holder;
	unsigned int last;
	u64 owed;
};

/**
 * struct vsp_ports - the class's part of a service
 * @service: to which it belongs
 * @follow: makes and ends ports as the contract in force says
 * @missing: of @follow: some could not be made, and the log says so
 * @size: of @follow: of each console's terminal, for the port that comes after one that has gone
 * @counter: for sysfs
 *
 * @lock: protects the next seven; interrupts off
 * @set: ports of the contract in force
 * @queue: a data queue by its number, from its first kick to its reset
 * @waker: any of them, by which the mover is woken; or NULL
 * @port: the host's ends, with a reference each
 * @open: ports that the guest has open, a bit each
 * @leaving: ports that the guest is about to give up, and whose data it waits for, a bit each
 * @ended: ports whose contract has ended, until they are hung up: another contract may have a port
 *	of the same number and kind by then
 *
 * Touched by the mover alone:
 * @ready: data queues that may have something
 * @touched: data queues of which something was completed in this round
 * @refusals: buffers that may still be refused in this round: a guest may add them without end
 * @flow: by enum vs_port_flow
 * @chain: as last peeked
 */
struct vsp_ports {
	struct vsp_service *service;
	struct delayed_work follow;
	bool missing;
	struct vs_port_size size[VS_PORT_MAX];
	atomic64_t counter[VSP_PORTS_COUNTERS];

	spinlock_t lock;	/* interrupts off */
	struct vs_port_set set;
	struct vsp_queue *queue[VS_PORT_QUEUES];
	struct vsp_queue *waker;
	struct vs_port *port[VS_PORT_MAX];
	u32 open;
	u32 leaving;
	u32 ended;

	DECLARE_BITMAP(ready, VS_PORT_QUEUES);
	DECLARE_BITMAP(touched, VS_PORT_QUEUES);
	unsigned int refusals;
	struct vsp_ports_flow flow[VS_PORT_FLOWS];
	struct vsp_chain chain;
};

/* follow.c */
void vsp_ports_follow_init(struct vsp_ports *ports);
void vsp_ports_follow_end(struct vsp_ports *ports);
void vsp_ports_follow_commit(struct vsp_ports *ports, const struct vs_port_set *next);
struct vs_port *vsp_ports_get(struct vsp_ports *ports, unsigned int number);
void vsp_ports_wake(struct vsp_ports *ports);

/* queue.c */
void vsp_ports_queue_init(struct vsp_ports *ports);
void vsp_ports_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_ports_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_ports_queue_reset(struct vsp_service *service);

/* control.c */
void vsp_ports_control_receive(struct vsp_ports *ports, struct vsp_queue *queue);
void vsp_ports_control_send(struct vsp_ports *ports, struct vsp_queue *queue);

/**
 * vsp_ports_count() - add to what sysfs shows
 * @ports: of the service
 * @counter: which
 * @by: how much
 *
 * Context: any.
 */
static inline void vsp_ports_count(struct vsp_ports *ports, enum vsp_ports_counter counter, u64 by)
{
	atomic64_add(by, &ports->counter[counter]);
}

#endif
