// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's network device receives: buffers for it, and frames that have come.  All of
 * it is in the poll of a queue, but for its start and end.
 *
 * Nothing that comes from the device is believed: a frame is taken apart by a copy of its
 * header, and dropped where it is against the format or the contract.
 */
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/virtio.h>
#include <linux/virtio_net.h>
#include <net/page_pool/helpers.h>

#include "vs_compat.h"
#include "vs_compat_net.h"
#include "vsc/network/network.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
/* Buffers that the largest frame takes. */
#define RX_BUFFERS	DIV_ROUND_UP(VS_NETWORK_FRAME_MAX + HEADER, VS_NETWORK_BUFFER)
/* A frame of so many bytes is copied; of a larger one at most so many. */
#define RX_COPY		256
/* How long to wait for memory. */
#define REFILL_MS	50

static_assert(RX_BUFFERS <= MAX_SKB_FRAGS);
static_assert(VS_NETWORK_BUFFER <= PAGE_SIZE);

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
				     struct vsc_network_batch *batch)
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
	vsc_network_counters_batch(batch, skb->len, vsc_network_queue_charge(skb));
	skb_record_rx_queue(skb, rx->index);
	skb->protocol = eth_type_trans(skb, netdev);
	napi_gro_receive(&rx->napi, skb);
	return VSC_NETWORK_DROPS;
}

/* Return: whether there was a frame, good or bad. */
static bool receive_frame(struct vsc_network_rx *rx, struct vsc_network_batch *batch)
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
static void rx_fill(struct vsc_network_rx *rx)
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

static void rx_refill(struct timer_list *timer)
{
	struct vsc_network_rx *rx = timer_container_of(rx, timer, refill);

	napi_schedule(&rx->napi);
}

static int receive_some(struct vsc_network_rx *rx, int budget)
{
	struct vsc_network_batch batch = { };
	int done = 0;

	while (done < budget && receive_frame(rx, &batch))
		done++;
	if (!batch.frames)
		return done;
	vsc_network_counters_count(&rx->stats, &batch);
	vsc_flow_arrive(&rx->network->rx, batch.charge, batch.largest);
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
		rx_fill(rx);
		if (done == budget)
			return done;
	} while (!virtqueue_enable_cb(rx->vq));
	vsc_network_queue_check(rx->network, rx->vq);
	/* A callback since then has been noted by NAPI, and polls again. */
	napi_complete_done(napi, done);
	return done;
}

/* ---- Start and end ---- */

/**
 * vsc_network_receive_empty() - takes back what is in a ring after a reset
 * @rx: its NAPI is disabled; loses its virtqueue
 *
 * Context: process, rings.lock held.
 */
void vsc_network_receive_empty(struct vsc_network_rx *rx)
{
	struct page *page;

	lockdep_assert_held(&rx->network->rings.lock);
	if (!rx->vq)
		return;
	while ((page = virtqueue_detach_unused_buf(rx->vq)))
		page_pool_put_full_page(rx->pool, page, false);
	rx->vq = NULL;
}

/**
 * vsc_network_receive_init() - makes a receive queue, without a virtqueue
 * @network: zeroed, with its netdev
 * @index: of its pair
 *
 * Context: process; sleeps.
 * Return: 0, or an errno.
 */
int vsc_network_receive_init(struct vsc_network *network, unsigned int index)
{
	struct vsc_network_rx *rx = &network->pair[index].rx;
	struct page_pool_params parameters = {
		.pool_size = VS_NETWORK_QUEUE_SIZE,
		.nid = NUMA_NO_NODE,
		.dma_dir = DMA_FROM_DEVICE,
	};
	struct page_pool *pool;

	rx->network = network;
	rx->index = index;
	u64_stats_init(&rx->stats.sync);
	timer_setup(&rx->refill, rx_refill, 0);
	netif_napi_add(network->netdev, &rx->napi, poll_rx);
	vs_page_pool_set_napi(&parameters, &rx->napi);
	pool = page_pool_create(&parameters);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	rx->pool = pool;
	return 0;
}

/**
 * vsc_network_receive_exit() - frees what vsc_network_receive_init() has made
 * @rx: empty, or not made; its NAPI is disabled
 *
 * Context: process; sleeps.
 */
void vsc_network_receive_exit(struct vsc_network_rx *rx)
{
	if (rx->pool)
		page_pool_destroy(rx->pool);
	rx->pool = NULL;
}
