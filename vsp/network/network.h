/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of a network device: what network.c (the contract), device.c (the
 * host's netdev), queue.c and ring.c (the data queues), transmit.c and receive.c (what the
 * movers do with them), frame.c (what is looked at in a frame),
 * uplink.c (what a pool is a part of) and mac.c (which service has which address) share.
 *
 * Directions are the guest's.  A frame that it transmits is in its ring until the mover has
 * copied it, and then that queue's head, until its rate lets it pass to NAPI of the netdev.
 * One that it is to receive waits in the qdisc of the host's netdev, then in a short list,
 * until its rate lets it pass and there are buffers; then the mover copies it.  So a payload is
 * copied once each way, which is the least there is without pages of a guest in the hands of
 * strangers.
 *
 * Locks: that of mac.c > vsp_rates_lock() > vsp_network_ring.lock.  Who needs rtnl and the
 * pool's lock takes one after the other.
 */
#ifndef VSP_NETWORK_H
#define VSP_NETWORK_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "channel/host/queue.h"
#include "vs_limits.h"
#include "vs_network.h"
#include "vsp/network/frame.h"
#include "vsp/turn.h"

/* Frames that the ceiling lets through in so long, but two packets, may wait. */
#define VSP_NETWORK_QUEUE_MS	VS_NETWORK_GSO_MS
#define VSP_NETWORK_QUEUES	(2 * VS_NETWORK_PAIRS)
/* Frames that wait for a guest in one queue, however small they are. */
#define VSP_NETWORK_WAITING_MAX	1024
/* A guest that takes no frame for so long, though no rate holds it back, is away. */
#define VSP_NETWORK_AWAY_MS	200
/* Entries of any ring, at most. */
#define VSP_NETWORK_RING_MAX	1024
/* Frames handed to NAPI that it has not taken yet. */
#define VSP_NETWORK_ARRIVED_MAX	256
/* What counts for the byte limit of a queue of the netdev. */
struct vsp_network_done {
	unsigned int frames;
	unsigned int bytes;
};

/**
 * struct vsp_network_arrivals - when the frames of a ring were first seen; its mover's
 * @ahead: what had passed when the head was, or when it began to wait
 * @taken: frames that were taken out of the ring
 * @stamped: of these and of those behind, how many have a stamp
 * @stamp: what had passed when each was first seen, by number modulo their number
 */
struct vsp_network_arrivals {
	u64 ahead;
	u32 taken;
	u32 stamped;
	u64 stamp[VSP_NETWORK_RING_MAX];
};

/**
 * struct vsp_network_ring - one data queue
 * @network: whose
 * @pair: of which pair
 * @flow: which of its two
 *
 * @lock: protects all up to @away; taken with interrupts off
 * @queue: from its first kick to its reset
 * @waiting: RX: frames that wait
 * @waiting_bytes: of them
 * @moved: RX: frames that have left @waiting so far
 * @moved_before: the same, when @away was started
 * @taking: RX: the guest has posted buffers since it was away
 * @full: RX: the netdev's queue is stopped
 * @away: RX: looks whether the guest still takes what waits
 * @stalled: TX: the mover waits for NAPI; without the lock, see is_stalled()
 *
 * Of the mover:
 * @done: RX: of the frames that it has taken, what the netdev's queue has not been told
 * @owed: cost of the last frame that has passed, until it is known whether another one
 *	waits behind it: while there is always one, the flow is never idle. 0: none
 * @head: TX: frame that was copied and waits for its rate
 * @cost: of it
 * @arrivals: see there
 * @chain: as last peeked
 */
struct vsp_network_ring {
	struct vsp_network *network;
	unsigned int pair;
	enum vs_network_flow flow;

	spinlock_t lock;	/* queue, and who waits */
	struct vsp_queue *queue;
	struct sk_buff_head waiting;
	u64 waiting_bytes;
	u32 moved;
	u32 moved_before;
	bool taking;
	bool full;
	struct timer_list away;
	bool stalled;

	struct vsp_network_done done;
	u64 owed;
	struct sk_buff *head;
	u64 cost;
	struct vsp_network_arrivals arrivals;
	struct vsp_chain chain;
};

/**
 * struct vsp_network_pair - the receiving side of the netdev
 * @network: whose
 * @napi: takes what has arrived
 * @arrived: passed, on its way to NAPI
 */
struct vsp_network_pair {
	struct vsp_network *network;
	struct napi_struct napi;
	struct sk_buff_head arrived;
};

/**
 * struct vsp_network - what the class has of a service
 * @service: whose
 * @dev: the host's netdev; its private area points back here
 * @entry: in the list of all services, under the lock of network_mac.c
 * @given: address that the pool has given it
 * @next: address of the contract that is granted and not in force yet, or 0; like @given
 *	under the lock of network_mac.c, and read without
 * @claim: address of the contract in force that has not been looked at yet, or 0; under
 *	vsp_rates_lock()
 * @terms: in force
 * @turn: of each flow, by pair; see there
 * @passed: bytes of each flow that have passed in all; written under vsp_rates_lock()
 * @link: brings @dev to what is in force
 * @counter: for sysfs
 * @bytes: likewise, of SENT and RECEIVED
 * @ring: by number of the data queue
 * @pair: all
 */
struct vsp_network {
	struct vsp_service *service;
	struct net_device *dev;
	struct list_head entry;
	u64 given;
	u64 next;
	u64 claim;
	struct vsp_network_terms terms;
	struct vsp_turn turn[VS_CLASS_FLOWS_MAX];
	u64 passed[VS_CLASS_FLOWS_MAX];
	struct work_struct link;
	atomic64_t counter[VSP_NETWORK_COUNTERS];
	atomic64_t bytes[VS_CLASS_FLOWS_MAX];
	struct vsp_network_ring ring[VSP_NETWORK_QUEUES];
	struct vsp_network_pair pair[VS_NETWORK_PAIRS];
};

/* What a mover does with the first frame of a queue. */
enum vsp_network_verdict {
	VSP_NETWORK_PASS,
	VSP_NETWORK_HOLD,
	VSP_NETWORK_DROP,	/* there is no contract for it */
};

static inline unsigned int vsp_network_number(unsigned int pair, enum vs_network_flow flow)
{
	return flow == VS_NETWORK_TX ? VS_NETWORK_TX_QUEUE(pair) : VS_NETWORK_RX_QUEUE(pair);
}

static inline bool vsp_network_has_contract(const struct vsp_network_ring *ring)
{
	const struct vsp_network_terms *terms = &ring->network->terms;

	return READ_ONCE(terms->present) && ring->pair < READ_ONCE(terms->pairs);
}

/* mac.c */
int vsp_network_mac_parse(const char *text, size_t length, u64 *mac);
int vsp_network_mac_range(const char *text, u64 *first, u64 *last);
int vsp_network_mac_add(struct vsp_network *network);
void vsp_network_mac_drop(struct vsp_network *network);
int vsp_network_mac_prepare(struct vsp_network *network, u64 mac, bool named);
void vsp_network_mac_claim(struct vsp_network *network);
void vsp_network_mac_exit(void);

/* device.c */
int vsp_network_device_add(struct vsp_network *network);
void vsp_network_device_remove(struct vsp_network *network);
void vsp_network_device_free(struct vsp_network *network);
void vsp_network_device_arrived(struct vsp_network_pair *pair);
bool vsp_network_device_may_segment(const struct sk_buff *skb, u32 offloads);

/* queue.c */
void vsp_network_queue_init(struct vsp_network *network);
void vsp_network_queue_exit(struct vsp_network *network);
void vsp_network_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_network_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_network_queue_reset(struct vsp_service *service);
void vsp_network_queue_go_on(struct vsp_service *service, u32 flow);

/* ring.c */
void vsp_network_ring_wake(struct vsp_network_ring *ring);
void vsp_network_ring_wake_all(struct vsp_network *network);
enum vsp_network_verdict vsp_network_ring_admit(struct vsp_network_ring *ring, u64 cost);
void vsp_network_ring_leave(struct vsp_network_ring *ring);
void vsp_network_ring_settle(struct vsp_network_ring *ring);
void vsp_network_ring_passed(struct vsp_network_ring *ring, u64 cost);
void vsp_network_ring_dropped(struct vsp_network_ring *ring, enum vsp_network_counter why);
u32 vsp_network_ring_headers(const struct sk_buff *skb);

/* transmit.c */
unsigned int vsp_network_transmit(struct vsp_network_ring *ring, struct vsp_queue *queue,
				  unsigned int budget);

/* receive.c */
enum vsp_network_counter vsp_network_receive_add(struct vsp_network_ring *ring,
						 struct sk_buff *skb);
unsigned int vsp_network_receive(struct vsp_network_ring *ring, struct vsp_queue *queue,
				 unsigned int budget);
void vsp_network_receive_start(struct vsp_network_ring *ring);
void vsp_network_receive_init(struct vsp_network_ring *ring);
void vsp_network_receive_reset(struct vsp_network_ring *ring);
void vsp_network_receive_exit(struct vsp_network_ring *ring);

/**
 * vsp_network_count() - add to what sysfs shows
 * @network: whose
 * @counter: which
 * @by: how much
 *
 * Context: any.
 */
static inline void vsp_network_count(struct vsp_network *network,
				     enum vsp_network_counter counter, u64 by)
{
	atomic64_add(by, &network->counter[counter]);
}

#endif
