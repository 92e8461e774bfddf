/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's network device: what network.c (the contract), device.c (the netdev), update.c (it
 * becomes what the contract says), queue.c (the rings, and what is sent), receive.c, counters.c
 * (what is measured), ethtool.c and shaper.c share.
 *
 * Two things are kept apart.  vsc_network.target is what the contract says; the session's
 * work alone writes it, and the data path reads its part of it (what may be sent, what may
 * come, which pairs are used) without a lock.  The netdev is brought to it under rtnl and, where
 * the kernel has one, the netdev's own lock, by vsc_network_update(), as often as one likes.
 *
 * Who changes the MTU, the MAC address, the number of channels or the rates from inside holds
 * these locks (of the rates, its own only) while the contract is renegotiated for it, for 200 ms
 * at the most, and so often only.  What the contract in force allows is not asked for.  So the
 * session's work never waits for them for long, and not at all while such a request waits: then,
 * or when others hold them for too long, vsc_network.update brings the netdev to its target, later.
 *
 * Lock order: rtnl > the netdev's lock > rings.lock > a transmit queue's lock >
 * vsc_flow.lock > the session's inbox.  Nobody waits for rtnl under rings.lock.
 */
#ifndef VSC_NETWORK_H
#define VSC_NETWORK_H

#include <linux/completion.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "vs_network.h"
#include "vsc/demand/flow.h"

struct attribute_group;
struct net_shaper_ops;
struct page_pool;
struct virtqueue;
struct vsc_channel;
struct vsc_network;
struct vsc_session;

/* Why a frame was dropped here. */
enum vsc_network_drop {
	VSC_NETWORK_DROP_LENGTH,	/* too short, too long, or not what its buffer holds */
	VSC_NETWORK_DROP_HEADER,	/* makes no sense, or cannot be said in one */
	VSC_NETWORK_DROP_INCOMPLETE,	/* has not all its buffers */
	VSC_NETWORK_DROP_CONTRACT,	/* an offload that is not granted, or no contract */
	VSC_NETWORK_DROP_MEMORY,
	VSC_NETWORK_DROP_RING,		/* no room in it, or it is broken, or was reset */
	VSC_NETWORK_DROPS
};

/**
 * struct vsc_network_stats - what one queue has moved
 * @sync: of what follows
 * @frames: that went well; one that is to be segmented is one
 * @bytes: of them
 * @drops: by reason
 *
 * Written by who owns the queue: a receive queue's NAPI, or who holds the lock of a transmit
 * queue.
 */
struct vsc_network_stats {
	struct u64_stats_sync sync;
	u64_stats_t frames;
	u64_stats_t bytes;
	u64_stats_t drops[VSC_NETWORK_DROPS];
};

/* The same, added up. */
struct vsc_network_sum {
	u64 frames;
	u64 bytes;
	u64 drops[VSC_NETWORK_DROPS];
};

/**
 * struct vsc_network_batch - frames that are counted together
 * @frames: how many
 * @bytes: of them
 * @charge: bytes that the rate is charged with for them
 * @largest: for one of them, at the most
 */
struct vsc_network_batch {
	unsigned int frames;
	u64 bytes;
	u64 charge;
	u32 largest;
};

/**
 * struct vsc_network_rx - a receive queue
 * @network: whose
 * @index: of its pair
 * @vq: its virtqueue, and what is in it: of @napi's poll, or of who holds rings.lock while
 *	@napi is disabled. NULL while the machine sleeps
 * @napi: enabled while the rings run
 * @pool: pages for it; allocated from in the poll only
 * @refill: polls again when memory was short
 * @stats: the poll's
 */
struct vsc_network_rx {
	struct vsc_network *network;
	unsigned int index;
	struct virtqueue *vq;
	struct napi_struct napi;
	struct page_pool *pool;
	struct timer_list refill;
	struct vsc_network_stats stats;
};

/**
 * struct vsc_network_tx - a transmit queue
 * @network: whose
 * @napi: enabled while the rings run
 *
 * The lock of the netdev's queue of the same index protects the rest:
 * @vq: its virtqueue, and what is in it. NULL while the machine sleeps
 * @open: the rings run: else nothing is put into it, and nothing kicked
 * @added: frames that were put into it so far; read without the lock, too
 * @reaped: of these, how many are over; likewise
 * @stats: of what was put into it
 * @sg: of the frame that is being sent
 */
struct vsc_network_tx {
	struct vsc_network *network;
	struct napi_struct napi;

	struct virtqueue *vq;
	bool open;
	u32 added;
	u32 reaped;
	struct vsc_network_stats stats;
	struct scatterlist sg[VS_NETWORK_SEGMENTS];
};

struct vsc_network_pair {
	struct vsc_network_rx rx;
	struct vsc_network_tx tx;
};

/**
 * struct vsc_network_target - what the netdev is to be
 * @mtu: bytes
 * @mac: a valid unicast address
 * @offloads: VS_NETWORK_CHECKSUM and so on, of what is transmitted
 * @queues: pairs
 * @gso_max: bytes of a frame that the host segments
 * @tx_ceiling: bytes/s
 */
struct vsc_network_target {
	u32 mtu;
	u8 mac[ETH_ALEN];
	u32 offloads;
	u32 queues;
	u32 gso_max;
	u64 tx_ceiling;
};

/**
 * struct vsc_network_mtu - what the users of the netdev have said of its MTU; under rtnl
 * @chosen: by them, 0: what the contract says
 * @wanted: that they have asked for, without an answer in time, or 0
 */
struct vsc_network_mtu {
	u32 chosen;
	u32 wanted;
};

/**
 * struct vsc_network_rings - whether the rings run
 * @lock: protects the rest, and enabling and disabling NAPI
 * @up: opened
 * @awake: there are virtqueues
 * @running: the rings run: @up and @awake
 */
struct vsc_network_rings {
	struct mutex lock;	/* the rings' start and end */
	bool up;
	bool awake;
	bool running;
};

/**
 * struct vsc_network - one network device; the private part of its netdev
 * @session: whose vsc_session_data() it is; readers other than the session's work come through RCU
 * @channel: of the session
 * @netdev: itself; registered when the first contract is in force
 *
 * @lock: protects @target for readers; the session's work alone writes it. Not for
 *	interrupt context
 * @target: see above
 *
 * What the data path reads of it, or beside it, with READ_ONCE():
 * @tx_offloads: that may be used
 * @rx_offloads: that may come: those of the contract in force and of one that may just be
 *	starting
 * @queues: pairs whose receive ring is filled
 * @gso_max: see there
 *
 * @dead: nothing is asked for or updated any more; set by the session's work
 * @wanting: who holds the netdev's lock (in older kernels, rtnl) waits for the session's work;
 *	written under it
 * @updating: under rtnl: the netdev is being brought to its target: no request
 * @mtu: under rtnl: see there
 * @update: does so when the session's work could not
 * @end: unregisters the netdev: that flushes works, which the session's own may not wait for
 * @ended: by @end
 *
 * @rings: see there; has a lock of its own
 *
 * @pair: all of them; those from @queues on stay, or become, empty
 * @tx: measured of what is transmitted
 * @rx: measured of what is received
 */
struct vsc_network {
	struct vsc_session *session;
	struct vsc_channel *channel;
	struct net_device *netdev;

	spinlock_t lock;	/* target */
	struct vsc_network_target target;

	u32 tx_offloads;
	u32 rx_offloads;
	u32 queues;
	u32 gso_max;

	bool dead;
	bool wanting;
	bool updating;
	struct vsc_network_mtu mtu;
	struct delayed_work update;
	struct work_struct end;
	struct completion ended;

	struct vsc_network_rings rings;

	struct vsc_network_pair pair[VS_NETWORK_PAIRS];
	struct vsc_flow tx;
	struct vsc_flow rx;
};

/* vsc/network/device.c */
void vsc_network_device_target(struct vsc_network *network, struct vsc_network_target *target);
struct vsc_network *vsc_network_device_create(struct vsc_session *session);
void vsc_network_device_destroy(struct vsc_network *network);
void vsc_network_device_carrier(struct vsc_network *network, bool on);
int vsc_network_device_want(struct vsc_network *network, u32 term, u64 value, const char *text);

/* vsc/network/update.c */
int vsc_network_update(struct vsc_network *network);
int vsc_network_update_soon(struct vsc_network *network);
void vsc_network_update_work(struct work_struct *item);

/* vsc/network/queue.c */
int vsc_network_queue_init(struct vsc_network *network);
void vsc_network_queue_exit(struct vsc_network *network);
int vsc_network_queue_wake(struct vsc_network *network);
void vsc_network_queue_sleep(struct vsc_network *network);
void vsc_network_queue_up(struct vsc_network *network, bool up);
void vsc_network_queue_fill(struct vsc_network *network);
void vsc_network_queue_drain(struct vsc_network *network);
void vsc_network_queue_data(struct vsc_network *network, unsigned int index);
u32 vsc_network_queue_charge(const struct sk_buff *skb);
void vsc_network_queue_check(struct vsc_network *network, struct virtqueue *vq);
netdev_tx_t vsc_network_queue_xmit(struct sk_buff *skb, struct net_device *netdev);
void vsc_network_queue_timeout(struct net_device *netdev, unsigned int index);

/* vsc/network/receive.c */
int vsc_network_receive_init(struct vsc_network *network, unsigned int index);
void vsc_network_receive_empty(struct vsc_network_rx *rx);
void vsc_network_receive_exit(struct vsc_network_rx *rx);

/* vsc/network/counters.c */
void vsc_network_counters_batch(struct vsc_network_batch *batch, u32 bytes, u32 charge);
void vsc_network_counters_drop(struct vsc_network_stats *stats, enum vsc_network_drop reason,
			       unsigned int frames);
void vsc_network_counters_count(struct vsc_network_stats *stats,
				const struct vsc_network_batch *batch);
void vsc_network_counters_add(const struct vsc_network_stats *stats, struct vsc_network_sum *sum);
void vsc_network_counters_totals(struct vsc_network *network, struct vsc_network_sum *tx,
				 struct vsc_network_sum *rx);
u64 vsc_network_counters_value(struct vsc_network *network, unsigned int counter);

extern const struct attribute_group vsc_network_counters_group;

/* vsc/network/shaper.c; only where the kernel has shapers */
extern const struct net_shaper_ops vsc_network_shaper_ops;

/* vsc/network/ethtool.c */
extern const struct ethtool_ops vsc_network_ethtool_ops;

#endif
