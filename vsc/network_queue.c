// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frames of the guest's network device: the netdev on one side, the virtio-net wire
 * format in the session's data queues on the other.
 *
 * A receive ring is touched in its NAPI's poll only, a transmit ring only under the lock of
 * the netdev's queue; both else only while the rings do not run.  Frames that are early for
 * their rate wait in the transmit ring, at the provider's: the queue is then stopped by BQL,
 * or because the ring is full.
 *
 * Nothing that comes from the device is believed: a frame is taken apart from a copy of its
 * header, and dropped where it is against the format or the contract.
 */
#include <linux/bottom_half.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio.h>
#include <linux/virtio_net.h>
#include <net/page_pool/helpers.h>

#include "vs_channel.h"
#include "network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
/* Buffers that the largest frame takes. */
#define RX_BUFFERS	DIV_ROUND_UP(VS_NETWORK_FRAME_MAX + HEADER, VS_NETWORK_BUFFER)
/* A frame of so many bytes is copied; of a larger one at most so many. */
#define RX_COPY		256
/* How long to wait for memory. */
#define REFILL_MS	50
/*
 * How long frames in the rings may take to be over, for what narrows: what is early for its
 * rate is dropped by the provider long before.
 */
#define DRAIN_MS	200
#define DRAIN_STEP_US	1000

static_assert(RX_BUFFERS <= MAX_SKB_FRAGS);
static_assert(VS_NETWORK_BUFFER <= PAGE_SIZE);
/* Helpers know the header without its num_buffers. */
static_assert(offsetof(struct virtio_net_hdr_v1, num_buffers) == sizeof(struct virtio_net_hdr));

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

/**
 * struct rx_frame - the buffers of a frame that has come
 * @header: a copy
 * @count: of the buffers
 * @length: bytes of the frame, without its header
 * @page: the buffers
 * @bytes: what the device says that is in each
 */
struct rx_frame {
	struct virtio_net_hdr_v1 header;
	unsigned int count;
	u32 length;
	struct page *page[RX_BUFFERS];
	u32 bytes[RX_BUFFERS];
};

/* In a batch: what is told to the counters at its end. */
struct batch {
	unsigned int frames;
	u64 bytes;
	u64 charge;
	u32 largest;
};

static void count(struct batch *batch, u32 bytes, u32 charge)
{
	batch->frames++;
	batch->bytes += bytes;
	batch->charge += charge;
	batch->largest = max(batch->largest, charge);
}

static struct netdev_queue *to_txq(const struct vsc_network_tx *tx)
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

/* What a rate is charged with: segments as they are on a wire. @skb is at its MAC header. */
static u32 charge_of(const struct sk_buff *skb)
{
	u32 headers, segments;

	if (!skb_is_gso(skb) || !skb_transport_header_was_set(skb))
		return skb->len;
	headers = skb_transport_offset(skb) + transport_header_bytes(skb);
	if (headers >= skb->len)
		return skb->len;
	segments = DIV_ROUND_UP(skb->len - headers, skb_shinfo(skb)->gso_size);
	return skb->len + (segments - 1) * headers;
}

/* ---- Receiving: in the poll ---- */

/* False: there is none. */
static bool take_buffer(struct vsc_network_rx *rx, struct rx_frame *frame)
{
	struct page *page = virtqueue_get_buf(rx->vq, &frame->bytes[frame->count]);

	if (!page)
		return false;
	frame->page[frame->count++] = page;
	return true;
}

static void free_buffers(struct vsc_network_rx *rx, struct rx_frame *frame)
{
	for (unsigned int i = 0; i < frame->count; i++)
		page_pool_recycle_direct(rx->pool, frame->page[i]);
	frame->count = 0;
}

static bool is_length(u32 bytes, u32 least)
{
	return bytes >= least && bytes <= VS_NETWORK_BUFFER;
}

/*
 * Takes what else belongs to a frame whose first buffer is there. The device shows all
 * buffers of a frame at once, so what is not there does not come.
 *
 * Return: VSC_NETWORK_DROPS: it is complete, and its lengths are possible.
 */
static enum vsc_network_drop complete_frame(struct vsc_network_rx *rx, struct rx_frame *frame)
{
	unsigned int buffers;

	if (!is_length(frame->bytes[0], HEADER + ETH_HLEN))
		return VSC_NETWORK_DROP_LENGTH;
	/* The device may go on writing: what is checked is a copy. */
	memcpy(&frame->header, page_address(frame->page[0]), HEADER);
	buffers = __virtio16_to_cpu(true, frame->header.num_buffers);
	if (!buffers || buffers > RX_BUFFERS)
		return VSC_NETWORK_DROP_HEADER;
	while (frame->count < buffers)
		if (!take_buffer(rx, frame))
			return VSC_NETWORK_DROP_INCOMPLETE;

	frame->length = frame->bytes[0] - HEADER;
	for (unsigned int i = 1; i < buffers; i++) {
		if (!is_length(frame->bytes[i], 1))
			return VSC_NETWORK_DROP_LENGTH;
		frame->length += frame->bytes[i];
	}
	return frame->length <= VS_NETWORK_FRAME_MAX ? VSC_NETWORK_DROPS :
		VSC_NETWORK_DROP_LENGTH;
}

/* Return: VSC_NETWORK_DROPS: the contract allows it. */
static enum vsc_network_drop check_offloads(const struct virtio_net_hdr_v1 *header, u32 offloads)
{
	u32 needs = 0;

	if (header->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		return VSC_NETWORK_DROP_HEADER;
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		needs |= VS_NETWORK_CHECKSUM;
	if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		needs |= VS_NETWORK_CHECKSUM | VS_NETWORK_LARGE_RECEIVE;
	switch (header->gso_type) {
	case VIRTIO_NET_HDR_GSO_NONE:
		break;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		needs |= VS_NETWORK_TSO4;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		needs |= VS_NETWORK_TSO6;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		needs |= VS_NETWORK_USO;
		break;
	default:
		return VSC_NETWORK_DROP_HEADER;
	}
	return needs & ~offloads ? VSC_NETWORK_DROP_CONTRACT : VSC_NETWORK_DROPS;
}

/*
 * Makes an skb of the buffers: the headers, or all of a small frame, are copied, the rest stays
 * where it is. The buffers are the skb's then, or the pool's.
 */
static struct sk_buff *build_skb_of(struct vsc_network_rx *rx, struct rx_frame *frame)
{
	void *data = page_address(frame->page[0]) + HEADER;
	u32 first = frame->bytes[0] - HEADER;
	struct sk_buff *skb;
	u32 copied;

	if (frame->length <= RX_COPY)
		copied = first;
	else
		copied = eth_get_headlen(rx->network->netdev, data, min_t(u32, first, RX_COPY));
	skb = napi_alloc_skb(&rx->napi, RX_COPY);
	if (!skb)
		return NULL;
	skb_put_data(skb, data, copied);
	for (unsigned int i = 0; i < frame->count; i++) {
		u32 offset = i ? 0 : HEADER + copied;

		if (offset == frame->bytes[i])
			page_pool_recycle_direct(rx->pool, frame->page[i]);
		else
			skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, frame->page[i], offset,
					frame->bytes[i] - offset, PAGE_SIZE);
	}
	if (skb_shinfo(skb)->nr_frags)
		skb_mark_for_recycle(skb);
	frame->count = 0;
	return skb;
}

/* Return: VSC_NETWORK_DROPS: it was passed on. */
static enum vsc_network_drop pass_on(struct vsc_network_rx *rx, struct rx_frame *frame,
				     struct batch *batch)
{
	struct net_device *netdev = rx->network->netdev;
	struct sk_buff *skb = build_skb_of(rx, frame);

	if (!skb)
		return VSC_NETWORK_DROP_MEMORY;
	if (frame->header.flags & VIRTIO_NET_HDR_F_DATA_VALID &&
	    netdev->features & NETIF_F_RXCSUM)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (virtio_net_hdr_to_skb(skb, (struct virtio_net_hdr *)&frame->header, true)) {
		dev_kfree_skb_any(skb);
		return VSC_NETWORK_DROP_HEADER;
	}
	count(batch, skb->len, charge_of(skb));
	skb_record_rx_queue(skb, rx->index);
	skb->protocol = eth_type_trans(skb, netdev);
	napi_gro_receive(&rx->napi, skb);
	return VSC_NETWORK_DROPS;
}

/* Return: whether there was a frame, good or bad. */
static bool receive(struct vsc_network_rx *rx, struct batch *batch)
{
	enum vsc_network_drop reason;
	struct rx_frame frame;

	frame.count = 0;
	if (!take_buffer(rx, &frame))
		return false;
	reason = complete_frame(rx, &frame);
	if (reason == VSC_NETWORK_DROPS)
		reason = check_offloads(&frame.header, READ_ONCE(rx->network->rx_offloads));
	if (reason == VSC_NETWORK_DROPS)
		reason = pass_on(rx, &frame, batch);
	if (reason != VSC_NETWORK_DROPS) {
		free_buffers(rx, &frame);
		vsc_network_counters_drop(&rx->stats, reason, 1);
	}
	return true;
}

static int add_buffer(struct vsc_network_rx *rx)
{
	struct page *page = page_pool_dev_alloc_pages(rx->pool);
	struct scatterlist sg;
	int error;

	if (!page)
		return -ENOMEM;
	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, VS_NETWORK_BUFFER, 0);
	error = virtqueue_add_inbuf(rx->vq, &sg, 1, page, GFP_ATOMIC);
	if (error)
		page_pool_recycle_direct(rx->pool, page);
	return error;
}

/* Fills the ring, if its pair is granted. */
static void fill(struct vsc_network_rx *rx)
{
	bool added = false;
	int error = 0;

	if (rx->index >= READ_ONCE(rx->network->queues))
		return;
	while (rx->vq->num_free) {
		error = add_buffer(rx);
		if (error)
			break;
		added = true;
	}
	if (added)
		virtqueue_kick(rx->vq);
	/* Anything else is a broken ring, and another try would not help. */
	if (error == -ENOMEM)
		mod_timer(&rx->refill, jiffies + msecs_to_jiffies(REFILL_MS));
}

static void refill(struct timer_list *timer)
{
	struct vsc_network_rx *rx = from_timer(rx, timer, refill);

	napi_schedule(&rx->napi);
}

static int receive_some(struct vsc_network_rx *rx, int budget)
{
	struct batch batch = { };
	int done = 0;

	while (done < budget && receive(rx, &batch))
		done++;
	if (!batch.frames)
		return done;
	vsc_network_counters_count(&rx->stats, batch.frames, batch.bytes);
	vsc_network_counters_received(rx->network, batch.charge, batch.largest);
	return done;
}

static int poll_rx(struct napi_struct *napi, int budget)
{
	struct vsc_network_rx *rx = container_of(napi, struct vsc_network_rx, napi);
	int done = 0;

	/* netpoll only sends. */
	if (!budget)
		return 0;
	do {
		virtqueue_disable_cb(rx->vq);
		done += receive_some(rx, budget - done);
		fill(rx);
		if (done == budget)
			return done;
	} while (!virtqueue_enable_cb(rx->vq));
	/* A callback since then has been noted by NAPI, and polls again. */
	napi_complete_done(napi, done);
	return done;
}

/* ---- Transmitting: under the lock of the netdev's queue ---- */

static struct tx_frame *to_frame(struct sk_buff *skb)
{
	return (struct tx_frame *)skb->cb;
}

/* May it go to the device as it is? */
static bool allowed(const struct sk_buff *skb, u32 offloads)
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
static unsigned int map(struct vsc_network_tx *tx, struct sk_buff *skb)
{
	struct tx_frame *frame = to_frame(skb);
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
static enum vsc_network_drop put(struct vsc_network_tx *tx, struct sk_buff *skb)
{
	struct vsc_network *network = tx->network;
	struct tx_frame *frame = to_frame(skb);
	unsigned int entries;

	if (!tx->open)
		return VSC_NETWORK_DROP_RING;
	/* The stack has looked at the features before: the contract may be another one now. */
	if (!netif_carrier_ok(network->netdev) ||
	    !allowed(skb, READ_ONCE(network->tx_offloads)))
		return VSC_NETWORK_DROP_CONTRACT;
	if (skb->len < ETH_HLEN || skb->len > VS_NETWORK_FRAME_MAX)
		return VSC_NETWORK_DROP_LENGTH;
	if (skb_shinfo(skb)->nr_frags > VS_NETWORK_SEGMENTS - 2 && skb_linearize(skb))
		return VSC_NETWORK_DROP_MEMORY;

	frame->charge = charge_of(skb);
	frame->header.num_buffers = 0;
	if (virtio_net_hdr_from_skb(skb, (struct virtio_net_hdr *)&frame->header, true, false, 0))
		return VSC_NETWORK_DROP_HEADER;
	entries = map(tx, skb);
	if (!entries)
		return VSC_NETWORK_DROP_HEADER;
	skb_tx_timestamp(skb);
	if (virtqueue_add_outbuf(tx->vq, tx->sg, entries, skb, GFP_ATOMIC))
		return VSC_NETWORK_DROP_RING;
	vsc_network_counters_begin(network, frame->charge);
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
	struct netdev_queue *txq = to_txq(tx);
	bool more = netdev_xmit_more();
	enum vsc_network_drop reason = put(tx, skb);
	bool kick;

	if (reason == VSC_NETWORK_DROPS) {
		/* There is a callback to come for what is in the ring: the poll wakes the queue. */
		if (!has_room(tx))
			netif_tx_stop_queue(txq);
		kick = __netdev_tx_sent_queue(txq, skb->len, more);
	} else {
		vsc_network_counters_drop(&tx->stats, reason, 1);
		dev_kfree_skb_any(skb);
		/* Those before it may still wait for a kick. */
		kick = !more;
	}
	if (kick && tx->open)
		virtqueue_kick(tx->vq);
	return NETDEV_TX_OK;
}

/* Ends what the device has sent, or dropped. No more than was in the ring: the lock is held. */
static void reap(struct vsc_network_tx *tx, int budget)
{
	struct batch batch = { };
	struct sk_buff *skb;
	unsigned int length;

	while ((skb = virtqueue_get_buf(tx->vq, &length))) {
		count(&batch, skb->len, to_frame(skb)->charge);
		napi_consume_skb(skb, budget);
	}
	if (!batch.frames)
		return;
	WRITE_ONCE(tx->reaped, tx->reaped + batch.frames);
	netdev_tx_completed_queue(to_txq(tx), batch.frames, batch.bytes);
	vsc_network_counters_count(&tx->stats, batch.frames, batch.bytes);
	vsc_network_counters_sent(tx->network, batch.frames, batch.charge, batch.largest);
}

/* The lock of the netdev's queue is held. */
static void reap_all(struct vsc_network_tx *tx, int budget)
{
	do {
		virtqueue_disable_cb(tx->vq);
		reap(tx, budget);
		/* Delayed, but by no more than what is in the ring: its last frame calls back. */
	} while (!virtqueue_enable_cb_delayed(tx->vq) && !virtqueue_is_broken(tx->vq));
	if (tx->open && has_room(tx))
		netif_tx_wake_queue(to_txq(tx));
}

static int poll_tx(struct napi_struct *napi, int budget)
{
	struct vsc_network_tx *tx = container_of(napi, struct vsc_network_tx, napi);
	struct netdev_queue *txq = to_txq(tx);

	if (budget) {
		__netif_tx_lock(txq, smp_processor_id());
		reap_all(tx, budget);
		__netif_tx_unlock(txq);
	} else if (__netif_tx_trylock(txq)) {
		/* netpoll: it may have come in while this processor held the lock. */
		reap_all(tx, budget);
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
	struct netdev_queue *txq = to_txq(&pair->tx);

	napi_enable(&pair->rx.napi);
	napi_enable(&pair->tx.napi);
	__netif_tx_lock_bh(txq);
	pair->tx.open = true;
	if (has_room(&pair->tx))
		netif_tx_start_queue(txq);
	__netif_tx_unlock_bh(txq);
	/* What has come meanwhile has called back in vain. */
	local_bh_disable();
	napi_schedule(&pair->rx.napi);
	napi_schedule(&pair->tx.napi);
	local_bh_enable();
}

/* When it returns nobody looks at the rings, or kicks them. */
static void stop_pair(struct vsc_network_pair *pair)
{
	struct netdev_queue *txq = to_txq(&pair->tx);

	__netif_tx_lock_bh(txq);
	pair->tx.open = false;
	netif_tx_stop_queue(txq);
	__netif_tx_unlock_bh(txq);
	napi_disable(&pair->tx.napi);
	napi_disable(&pair->rx.napi);
	/* Nobody arms it any more; to poll is in vain. */
	timer_delete_sync(&pair->rx.refill);
}

/* Starts or stops the rings, as it has to be now. */
static void settle(struct vsc_network *network)
{
	bool run = network->up && network->awake;

	lockdep_assert_held(&network->ring_lock);
	if (run == network->running)
		return;
	network->running = run;
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
 * What is in the rings stays there.
 *
 * Context: process, rtnl held; sleeps.
 */
void vsc_network_queue_up(struct vsc_network *network, bool up)
{
	mutex_lock(&network->ring_lock);
	network->up = up;
	settle(network);
	mutex_unlock(&network->ring_lock);
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
 * No longer than DRAIN_MS. Context: the session's work; sleeps.
 */
void vsc_network_queue_drain(struct vsc_network *network)
{
	unsigned long end = jiffies + msecs_to_jiffies(DRAIN_MS);
	u32 added[VS_NETWORK_PAIRS];

	/* Who has begun to send by what was allowed before has put it into the ring. */
	synchronize_net();
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++)
		added[i] = READ_ONCE(network->pair[i].tx.added);
	while (!is_drained(network, added) && time_before(jiffies, end))
		usleep_range(DRAIN_STEP_US, 2 * DRAIN_STEP_US);
}

static void empty_rx(struct vsc_network_rx *rx)
{
	struct page *page;

	if (!rx->vq)
		return;
	while ((page = virtqueue_detach_unused_buf(rx->vq)))
		page_pool_put_full_page(rx->pool, page, false);
	rx->vq = NULL;
}

static void empty_tx(struct vsc_network_tx *tx)
{
	unsigned int frames = 0;
	struct sk_buff *skb;

	if (!tx->vq)
		return;
	__netif_tx_lock_bh(to_txq(tx));
	while ((skb = virtqueue_detach_unused_buf(tx->vq))) {
		frames++;
		dev_kfree_skb_any(skb);
	}
	netdev_tx_reset_queue(to_txq(tx));
	WRITE_ONCE(tx->reaped, tx->added);
	vsc_network_counters_drop(&tx->stats, VSC_NETWORK_DROP_RING, frames);
	tx->vq = NULL;
	__netif_tx_unlock_bh(to_txq(tx));
	vsc_network_counters_lost(tx->network, frames);
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
	mutex_lock(&network->ring_lock);
	network->awake = false;
	settle(network);
	vsc_channel_stop(network->channel);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		empty_rx(&network->pair[i].rx);
		empty_tx(&network->pair[i].tx);
	}
	mutex_unlock(&network->ring_lock);
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
	mutex_lock(&network->ring_lock);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		struct vsc_network_pair *pair = &network->pair[i];

		pair->rx.vq = vsc_channel_queue(network->channel, VS_NETWORK_RX_QUEUE(i));
		pair->tx.vq = vsc_channel_queue(network->channel, VS_NETWORK_TX_QUEUE(i));
	}
	network->awake = true;
	settle(network);
	mutex_unlock(&network->ring_lock);
	return 0;
}

static int create_pool(struct vsc_network_rx *rx)
{
	struct page_pool_params parameters = {
		.pool_size = VS_NETWORK_QUEUE_SIZE,
		.nid = NUMA_NO_NODE,
		.napi = &rx->napi,
		.dma_dir = DMA_FROM_DEVICE,
	};
	struct page_pool *pool = page_pool_create(&parameters);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	rx->pool = pool;
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
	mutex_init(&network->ring_lock);
	for (unsigned int i = 0; i < VS_NETWORK_PAIRS; i++) {
		struct vsc_network_rx *rx = &network->pair[i].rx;
		struct vsc_network_tx *tx = &network->pair[i].tx;
		int error;

		rx->network = network;
		rx->index = i;
		u64_stats_init(&rx->stats.sync);
		timer_setup(&rx->refill, refill, 0);
		netif_napi_add(network->netdev, &rx->napi, poll_rx);
		tx->network = network;
		u64_stats_init(&tx->stats.sync);
		netif_napi_add_tx(network->netdev, &tx->napi, poll_tx);
		error = create_pool(rx);
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
		if (network->pair[i].rx.pool)
			page_pool_destroy(network->pair[i].rx.pool);
	mutex_destroy(&network->ring_lock);
}
