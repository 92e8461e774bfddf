/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * network: an Ethernet device.  Its data queues speak virtio-net (Virtual I/O Device
 * Version 1.2, 5.1.6): pairs of a receive and a transmit queue, of frames that begin with a
 * struct virtio_net_hdr_v1.  Directions are the guest's.  Receive buffers are mergeable
 * (5.1.6.4, as with VIRTIO_NET_F_MRG_RXBUF), num_buffers always counts.  There is no control
 * queue: what it would say is in the contract.  A queue of a pair that is not granted
 * moves nothing.
 */
#ifndef VS_NETWORK_H
#define VS_NETWORK_H

#include <linux/bits.h>

struct vs_class_spec;

enum vs_network_term {
	VS_NETWORK_TX_BANDWIDTH	= 1,	/* RATE, bytes/s: of frames, as they are on a wire */
	VS_NETWORK_RX_BANDWIDTH	= 2,	/* likewise */
	VS_NETWORK_MTU		= 3,	/* LEVEL, bytes */
	VS_NETWORK_MAC		= 4,	/* IDENTITY, SUGGESTED: 52:54:00:12:34:56 */
	VS_NETWORK_OFFLOADS	= 5,	/* SET, VS_NETWORK_CHECKSUM and so on */
	VS_NETWORK_QUEUES	= 6,	/* LEVEL, pairs */
};

#define VS_NETWORK_INDEX(term)	((term) - 1)

/* Places in the class's switches and texts. */
#define VS_NETWORK_MAC_SPOOF	0
#define VS_NETWORK_MAC_RANGE	0

/* Flows, and the index of each one's RATE. */
enum vs_network_flow {
	VS_NETWORK_TX,
	VS_NETWORK_RX,
};

/* Checksums left to the other side, in both directions. */
#define VS_NETWORK_CHECKSUM	BIT(0)
/* Segmentation left to the other side, of frames that are transmitted; needs CHECKSUM. */
#define VS_NETWORK_TSO4		BIT(1)
#define VS_NETWORK_TSO6		BIT(2)
#define VS_NETWORK_USO		BIT(3)
/* The same kinds are received, too. */
#define VS_NETWORK_LARGE_RECEIVE BIT(4)

/* Constants of the class, in both ends. */
#define VS_NETWORK_PAIRS	4
#define VS_NETWORK_QUEUE_SIZE	256
#define VS_NETWORK_BUFFER	4096	/* bytes of a receive buffer, at least; header included */
#define VS_NETWORK_SEGMENTS	19	/* of a transmitted frame, its header included */
#define VS_NETWORK_FRAME_MAX	65558	/* bytes of a frame: 64 KiB, MAC header, two VLAN tags */

/* Data queues of a pair. */
#define VS_NETWORK_RX_QUEUE(pair)	(2 * (pair))
#define VS_NETWORK_TX_QUEUE(pair)	(2 * (pair) + 1)

/*
 * What a frame may have at most of segments of a larger one, so that it is sent in a part of
 * the 20 ms that are the bound of what waits: 10 ms at its ceiling, but two packets.
 */
#define VS_NETWORK_GSO_MS	10

extern const struct vs_class_spec vs_class_network;

#endif
