// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of the guest's network device: their start and end, and what is sent.  What is
 * received is in receive.c.
 *
 * A receive ring is touched in its NAPI's poll only, a transmit ring only under the lock of
 * the netdev's queue; both else only while the rings do not run.  Frames that are early for
 * their rate wait in the transmit ring, at the provider's: the queue is then stopped by BQL,
 * or because the ring is full.
 */
#include <linux/bottom_half.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio.h>
#include <linux/virtio_net.h>

#include "channel/guest/channel.h"
#include "vs_compat_netdev.h"
#include "vsc/class.h"
#include "vsc/network/network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
/*
 * How long frames in the rings may take to be over, for what narrows: what is early for its
 * rate is dropped by the provider long before.
 */
#define DRAIN_MS	200
#define DRAIN_STEP_US	1000

/**
 * struct tx_frame - the driver's part of a frame that is sent, in its skb's cb
 * @header: read by the device, where the frame has no room in front
 * @charge: bytes that the contract's rate is charged with
 */
struct tx_frame {
	struct virtio_net_hdr_v1 header;
	u32 charge;
};

static_assert(sizeof(struct tx_frame) <= sizeof_field(struct sk_buff, cb));
/* The stack's helpers know the header without its num_buffers. */
static_assert(offsetof(struct virtio_net_hdr_v1, num_buffers) == sizeof(struct virtio_net_hdr));

static struct netdev_queue *tx_to_txq(const struct vsc_network_tx *tx)
{
	const struct vsc_network_pair *pair = container_of(tx, struct vsc_network_pair, tx);

	return netdev_get_tx_queue(tx->network->netdev, pair->rx.index);
}

static u32 transport_header_bytes(const struct sk_buff *skb)
{
	const struct tcphdr *tcp;
	struct tcphdr copy;

	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return sizeof(struct udphdr);
	tcp = skb_header_pointer(skb, skb_transport_offset(skb), sizeof(copy), &copy);
	return tcp ? __tcp_hdrlen(tcp) : 0;
}

/**
 * vsc_network_queue_charge() - what a rate is charged with for a frame
 * @skb: at its MAC header
 *
 * Context: any.
 * Return: bytes of all its segments, as they are on a wire.
 */
u32 vsc_network_queue_charge(const struct sk_buff *skb)
{
	u32 headers, segments;

	if (!skb_is_gso(skb) || !skb_transport_header_was_set(skb))
		return max(skb->len, ETH_ZLEN);
	headers = skb_transport_offset(skb) + transport_header_bytes(skb);
	if (headers >= skb->len)
		return skb->len;
	segments = DIV_ROUND_UP(skb->len - headers, skb_shinfo(skb)->gso_size);
	return skb->len + (segments - 1) * headers;
}

/**
 * vsc_network_queue_check() - have the device reset if a ring of it is broken
 * @network: the device
 * @vq: the ring, after it was looked into: no callback of it comes once it is broken
 *
 * Context: any, the owner of the ring.
 */
void vsc_network_queue_check(struct vsc_network *network, struct virtqueue *vq)
{
	if (virtqueue_is_broken(vq))
		vsc_session_broken(network->session);
}

/* ---- Transmitting: under the lock of the netdev's queue ---- */

static struct tx_frame *to_tx_frame(struct sk_buff *skb)
{
	return (struct tx_frame *)skb->cb;
}

/* May it go to the device as it is? */
static bool tx_allows(const struct sk_buff *skb, u32 offloads)
{
	unsigned int type = skb_shinfo(skb)->gso_type;

	if (skb->ip_summed == CHECKSUM_PARTIAL && !(offloads & VS_NETWORK_CHECKSUM))
		return false;
	if (!skb_is_gso(skb))
		return true;
	return (type & SKB_GSO_TCPV4 && offloads & VS_NETWORK_TSO4) ||
	       (type & SKB_GSO_TCPV6 && offloads & VS_NETWORK_TSO6) ||
	       (type & SKB_GSO_UDP_L4 && offloads & VS_NETWORK_USO);
}

/* The header in front of the frame, or, where that cannot be written, beside it. */
static unsigned int tx_map(struct vsc_network_tx *tx, struct sk_buff *skb)
{
	struct tx_frame *frame = to_tx_frame(skb);
	bool room = skb_headroom(skb) >= HEADER && !skb_header_cloned(skb) &&
		    IS_ALIGNED((unsigned long)skb->data, __alignof__(frame->header));
	int entries;

	sg_init_table(tx->sg, skb_shinfo(skb)->nr_frags + (room ? 1 : 2));
	if (!room) {
		sg_set_buf(tx->sg, &frame->header, HEADER);
		entries = skb_to_sgvec(skb, tx->sg + 1, 0, skb->len);
		return entries < 0 ? 0 : entries + 1;
	}
	memcpy(skb->data - HEADER, &frame->header, HEADER);
	__skb_push(skb, HEADER);
	entries = skb_to_sgvec(skb, tx->sg, 0, skb->len);
	__skb_pull(skb, HEADER);
	return max(entries, 0);
}

/* Return: VSC_NETWORK_DROPS: it is in the ring. */
static enum vsc_network_drop tx_put(struct vsc_network_tx *tx, struct sk_buff *skb)
{
	struct vsc_network *network = tx->network;
	struct tx_frame *frame = to_tx_frame(skb);
	unsigned int entries;

	if (!tx->open)
		return VSC_NETWORK_DROP_RING;
	/* The stack has looked at the features before: the contract may be another one now. */
	if (!netif_carrier_ok(network->netdev) ||
	    !tx_allows(skb, READ_ONCE(network->tx_offloads)))
		return VSC_NETWORK_DROP_CONTRACT;
	if (skb->len < ETH_HLEN || skb->len > VS_NETWORK_FRAME_MAX)
		return VSC_NETWORK_DROP_LENGTH;
	if (skb_shinfo(skb)->nr_frags > VS_NETWORK_SEGMENTS - 2 && skb_linearize(skb))
		return VSC_NETWORK_DROP_MEMORY;

	frame->charge = vsc_network_queue_charge(skb);
	frame->header.num_buffers = 0;
	if (virtio_net_hdr_from_skb(skb, (struct virtio_net_hdr *)&frame->header, true, false, 0))
		return VSC_NETWORK_DROP_HEADER;
	entries = tx_map(tx, skb);
	if (!entries)
		return VSC_NETWORK_DROP_HEADER;
	skb_tx_timestamp(skb);
	if (virtqueue_add_outbuf(tx->vq, tx->sg, entries, skb, GFP_ATOMIC)) {
		vsc_network_queue_check(network, tx->vq);
		return VSC_NETWORK_DROP_RING;
	}
	vsc_flow_queue(&network->tx, frame->charge);
	WRITE_ONCE(tx->added, tx->added + 1);
	return VSC_NETWORK_DROPS;
}

static bool has_room(const struct vsc_network_tx *tx)
{
	return tx->vq->num_free >= VS_NETWORK_SEGMENTS;
}

/**
 * vsc_network_queue_xmit() - ndo_start_xmit
 * @skb: frame; its queue is one of those that are granted
 * @netdev: the device
 *
 * Context: bottom halves off, the lock of the netdev's queue held.
 * Return: NETDEV_TX_OK.
 */
netdev_tx_t vsc_network_queue_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct vsc_network *network = netdev_priv(netdev);
	struct vsc_network_tx *tx = &network->pair[skb_get_queue_mapping(skb)].tx;
	struct netdev_queue *txq = tx_to_txq(tx);
	bool more = netdev_xmit_more();
	enum vsc_network_drop reason = tx_put(tx, skb);
	bool kick;

	if (reason == VSC_NETWORK_DROPS) {
		/* There is a callback to come for what is in the ring: the poll wakes the queue. */
		if (!has_room(tx))
			netif_tx_stop_queue(txq);
		kick = __netdev_tx_sent_queue(txq, skb->len, more);
	} else {
		vsc_network_counters_drop(&tx->stats, reason, 1);
		dev_kfree_skb_any(skb);
		/* Frames sent before this one may still wait for a kick. */
		kick = !more;
	}
	if (kick && tx->open)
		virtqueue_kick(tx->vq);
	return NETDEV_TX_OK;
}

/* Ends what the device has sent, or dropped. No more than was in the ring: the lock is held. */
static void tx_reap(struct vsc_network_tx *tx, int budget)
{
	struct vsc_network_batch batch = { };
	struct sk_buff *skb;
	unsigned int length;

	while ((skb = virtqueue_get_buf(tx->vq, &length))) {
		vsc_network_counters_batch(&batch, skb->len, to_tx_frame(skb)->charge);
		napi_consume_skb(skb, budget);
	}
	if (!batch.frames)
		return;
	WRITE_ONCE(tx->reaped, tx->reaped + batch.frames);
	netdev_tx_completed_queue(tx_to_txq(tx), batch.frames, batch.bytes);
	vsc_network_counters_count(&tx->stats, &batch);
	vsc_flow_serve(&tx->network->tx, batch.charge, batch.largest, batch.frames);
}

/* The lock of the netdev's queue is held. */
static void tx_reap_all(struct vsc_network_tx *tx, int budget)
{
	do {
		virtqueue_disable_cb(tx->vq);
		tx_reap(tx, budget);
		/* Delayed, but by no more than what is in the ring: its last frame calls back. */
	} while (!virtqueue_enable_cb_delayed(tx->vq) && !virtqueue_is_broken(tx->vq));
	vsc_network_queue_check(tx->network, tx->vq);
	if (tx->open && has_room(tx))
		netif_tx_wake_queue(tx_to_txq(tx));
}

/**
 * vsc_network_queue_timeout() - ndo_tx_timeout
 * @netdev: the device
 * @index: of a queue that was stopped for as long as the watchdog waits
 *
 * What was missed for want of an interrupt is made good. A ring that does not move is
 * broken, whatever it says: the provider lets no frame wait for so long. The session then
 * resets the device.
 *
 * Context: the watchdog's timer; queues are frozen.
 */
void vsc_network_queue_timeout(struct net_device *netdev, unsigned int index)
{
	struct vsc_network *network = netdev_priv(netdev);
	struct vsc_network_tx *tx = &network->pair[index].tx;
	struct netdev_queue *txq = tx_to_txq(tx);

	__netif_tx_lock(txq, smp_processor_id());
	if (!tx->open)
		goto unlock;
	tx_reap_all(tx, 0);
	if (!netif_xmit_stopped(txq))
		goto unlock;
	netdev_err(netdev, "nothing of transmit queue %u was taken in time: its device is reset\n",
		   index);
	__virtqueue_break(tx->vq);
	vsc_session_broken(network->session);
unlock:
	__netif_tx_unlock(txq);
}

static int poll_tx(struct napi_struct *napi, int budget)
{
	struct vsc_network_tx *tx = container_of(napi, struct vsc_network_tx, napi);
	struct netdev_queue *txq = tx_to_txq(tx);

	if (budget) {
		__netif_tx_lock(txq, smp_processor_id());
		tx_reap_all(tx, budget);
		__netif_tx_unlock(txq);
	} else if (__netif_tx_trylock(txq)) {
		/* netpoll: it may have come in while this processor held the lock. */
		tx_reap_all(tx, budget);
		__netif_tx_unlock(txq);
	}
	/* A callback since then has been noted by NAPI, and polls again. */
	napi_complete_done(napi, 0);
	return 0;
}

/* ---- Both: start and end ---- */

/**
 * vsc_network_queue_data() - a virtqueue has something
 * @network: the device
 * @index: of the data queue
 *
 * Context: interrupt.
 */
void vsc_network_queue_data(struct vsc_network *network, unsigned int index)
{
	struct vsc_network_pair *pair;

	if (index >= 2 * VS_NETWORK_PAIRS)
		return;
	pair = &network->pair[index / 2];
	/* Does nothing while the rings do not run. */
	napi_schedule(index == VS_NETWORK_RX_QUEUE(index / 2) ? &pair->rx.napi : &pair->tx.napi);
}

static void start_pair(struct vsc_network_pair *pair)
{
	struct netdev_queue *txq = tx_to_txq(&pair->tx);

	vs_napi_enable(&pair->rx.napi);
	vs_napi_enable(&pair->tx.napi);
	__netif_tx_lock_bh(txq);
	pair->tx.open = true;
	/* The stack may wait for room, and no completion is to come that would wake it. */
	if (has_room(&pair->tx))
		netif_tx_wake_queue(txq);
	__netif_tx_unlock_bh(txq);
	/* Buffers that were used meanwhile have called back in vain: poll for them. */
	local_bh_disable();
	napi_schedule(&pair->rx.napi);
	napi_schedule(&pair->tx.napi);
	local_bh_enable();
}

/* When it returns, neither NAPI nor the stack looks at the rings or kicks them. */
static void stop_pair(struct vsc_network_pair *pair)
{
	struct netdev_queue *txq = tx_to_txq(&pair->tx);

	__netif_tx_lock_bh(txq);
	pair->tx.open = false;
	netif_tx_stop_queue(txq);
	__netif_tx_unlock_bh(txq);
	vs_napi_disable(&pair->tx.napi);
	vs_napi_disable(&pair->rx.napi);
	/* With NAPI disabled the timer is not armed again, and its polls do nothing. */
	timer_delete_sync(&pair->rx.refill);
}

/* Starts or stops the rings, as it has to be now. */
static void settle_pairs(struct vsc_network *network)
{
	bool run = network->rings.up && network->rings.awake;

	lockdep_assert_held(&network->rings.lock);
	if (run == network->rings.running)
		return;
	WRITE_ONCE(network->rings.running, run);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		if (run)
			start_pair(&network->pair[i]);
		else
			stop_pair(&network->pair[i]);
	}
}

/**
 * vsc_network_queue_up() - the netdev is opened or closed
 * @network: the device
 * @up: which
 *
 * What is in the rings is waited for, for DRAIN_MS at the most, and then stays there.
 *
 * Context: process, rtnl and the netdev's lock held; sleeps.
 */
void vsc_network_queue_up(struct vsc_network *network, bool up)
{
	/* Nothing comes any more; what stays in the rings would seem to be under way. */
	if (!up)
		vsc_network_queue_drain(network);
	mutex_lock(&network->rings.lock);
	network->rings.up = up;
	settle_pairs(network);
	mutex_unlock(&network->rings.lock);
}

/**
 * vsc_network_queue_fill() - other pairs are granted
 * @network: the device
 *
 * Context: process.
 */
void vsc_network_queue_fill(struct vsc_network *network)
{
	local_bh_disable();
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		napi_schedule(&network->pair[i].rx.napi);
	local_bh_enable();
}

static bool is_drained(struct vsc_network *network, const u32 *added)
{
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		if ((s32)(READ_ONCE(network->pair[i].tx.reaped) - added[i]) < 0)
			return false;
	return true;
}

/**
 * vsc_network_queue_drain() - waits until what is in the transmit rings now is over
 * @network: the device
 *
 * No longer than DRAIN_MS. Context: process; sleeps.
 */
void vsc_network_queue_drain(struct vsc_network *network)
{
	unsigned long end = jiffies + msecs_to_jiffies(DRAIN_MS);
	u32 added[VS_NETWORK_PAIRS];

	/* Without running rings, completions are not looked for. */
	if (!READ_ONCE(network->rings.running))
		return;
	/* After this, frames that were sent by the old offloads and sizes are in the ring. */
	synchronize_net();
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		added[i] = READ_ONCE(network->pair[i].tx.added);
	while (!is_drained(network, added) && time_before(jiffies, end))
		usleep_range(DRAIN_STEP_US, 2 * DRAIN_STEP_US);
}

static void empty_tx(struct vsc_network_tx *tx)
{
	unsigned int frames = 0;
	struct sk_buff *skb;

	if (!tx->vq)
		return;
	__netif_tx_lock_bh(tx_to_txq(tx));
	while ((skb = virtqueue_detach_unused_buf(tx->vq))) {
		frames++;
		dev_kfree_skb_any(skb);
	}
	netdev_tx_reset_queue(tx_to_txq(tx));
	WRITE_ONCE(tx->reaped, tx->added);
	vsc_network_counters_drop(&tx->stats, VSC_NETWORK_DROP_RING, frames);
	tx->vq = NULL;
	__netif_tx_unlock_bh(tx_to_txq(tx));
	vsc_flow_drop(&tx->network->tx, frames);
}

/**
 * vsc_network_queue_sleep() - lets go of the virtqueues, and stops the channel
 * @network: the device; nothing to do if it sleeps already
 *
 * The netdev stays, but is not present. What is in the rings is lost, as frames may be.
 *
 * Context: the session's work, or in its place; sleeps.
 */
void vsc_network_queue_sleep(struct vsc_network *network)
{
	netif_device_detach(network->netdev);
	vs_netdev_lock(network->netdev);
	mutex_lock(&network->rings.lock);
	WRITE_ONCE(network->rings.awake, false);
	settle_pairs(network);
	vsc_channel_stop(network->channel);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		vsc_network_receive_empty(&network->pair[i].rx);
		empty_tx(&network->pair[i].tx);
	}
	mutex_unlock(&network->rings.lock);
	vs_netdev_unlock(network->netdev);
}

/**
 * vsc_network_queue_wake() - takes the channel's virtqueues
 * @network: the device; has none
 *
 * Context: the session's work; sleeps.
 * Return: 0; -ENODEV: they are not all there.
 */
int vsc_network_queue_wake(struct vsc_network *network)
{
	for (unsigned int i = 0; i < 2 * VS_NETWORK_PAIRS; i++)
		if (!vsc_channel_queue(network->channel, i))
			return -ENODEV;
	vs_netdev_lock(network->netdev);
	mutex_lock(&network->rings.lock);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		struct vsc_network_pair *pair = &network->pair[i];

		pair->rx.vq = vsc_channel_queue(network->channel, VS_NETWORK_RX_QUEUE(i));
		pair->tx.vq = vsc_channel_queue(network->channel, VS_NETWORK_TX_QUEUE(i));
	}
	WRITE_ONCE(network->rings.awake, true);
	settle_pairs(network);
	mutex_unlock(&network->rings.lock);
	vs_netdev_unlock(network->netdev);
	return 0;
}

/**
 * vsc_network_queue_init() - makes the queues, without virtqueues
 * @network: zeroed, with its netdev
 *
 * Context: process; sleeps.
 * Return: 0, or an errno: vsc_network_queue_exit() is due all the same.
 */
int vsc_network_queue_init(struct vsc_network *network)
{
	mutex_init(&network->rings.lock);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		struct vsc_network_tx *tx = &network->pair[i].tx;
		int error;

		tx->network = network;
		u64_stats_init(&tx->stats.sync);
		netif_napi_add_tx(network->netdev, &tx->napi, poll_tx);
		error = vsc_network_receive_init(network, i);
		if (error)
			return error;
	}
	return 0;
}

/**
 * vsc_network_queue_exit() - frees what vsc_network_queue_init() has made
 * @network: sleeps, and is not registered
 *
 * Context: process; sleeps.
 */
void vsc_network_queue_exit(struct vsc_network *network)
{
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		vsc_network_receive_exit(&network->pair[i].rx);
	mutex_destroy(&network->rings.lock);
}
