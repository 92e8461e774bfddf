// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of network: what both sides know of it without its modules.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/if_ether.h>

#include "vs_class.h"
#include "vs_network.h"
#include "vs_terms.h"

static const char * const network_offloads[] = {
	"checksum", "tso4", "tso6", "uso", "large_receive", NULL
};

static const struct vs_term_spec network_terms[] = {
	{
		.id = VS_NETWORK_TX_BANDWIDTH, .kind = VS_KIND_RATE, .flow = VS_NETWORK_TX,
		.name = "tx_bandwidth", .unit = "bytes/s",
		.lowest = 4096, .highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_NETWORK_RX_BANDWIDTH, .kind = VS_KIND_RATE, .flow = VS_NETWORK_RX,
		.name = "rx_bandwidth", .unit = "bytes/s",
		.lowest = 4096, .highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_NETWORK_MTU, .kind = VS_KIND_LEVEL,
		.name = "mtu", .unit = "bytes",
		.lowest = ETH_MIN_MTU, .highest = 65521, .step = 1, .preset = ETH_DATA_LEN,
	}, {
		.id = VS_NETWORK_MAC, .kind = VS_KIND_IDENTITY, .flags = VS_TERM_SUGGESTED,
		.name = "mac", .unit = "address",
		.characters = "0123456789abcdefABCDEF:", .length = 3 * ETH_ALEN - 1,
		.form = "an address as 52:54:00:12:34:56",
	}, {
		.id = VS_NETWORK_OFFLOADS, .kind = VS_KIND_SET,
		.name = "offloads", .unit = "set",
		.highest = VS_NETWORK_CHECKSUM | VS_NETWORK_TSO4 | VS_NETWORK_TSO6 |
			   VS_NETWORK_USO | VS_NETWORK_LARGE_RECEIVE,
		.bits = network_offloads,
	}, {
		.id = VS_NETWORK_QUEUES, .kind = VS_KIND_LEVEL,
		.name = "queues", .unit = "pairs",
		.lowest = 1, .highest = VS_NETWORK_PAIRS, .step = 1,
	},
};

static const char * const network_queues[] = {
	"rx.0", "tx.0", "rx.1", "tx.1", "rx.2", "tx.2", "rx.3", "tx.3",
};

static const char * const network_switches[] = { [VS_NETWORK_MAC_SPOOF] = "mac_spoof", NULL };
/* What packaging/vsp-netdev does with the host's end */
static const char * const network_labels[] = { "bridge", "vlan", NULL };
static const u32 network_label_highest[] = { 0, 4094 };

static const char * const network_texts[] = { [VS_NETWORK_MAC_RANGE] = "mac_range", NULL };

const struct vs_class_spec vs_class_network = {
	.id = VS_CLASS_NETWORK,
	.name = "network",
	.count = ARRAY_SIZE(network_terms),
	.term = network_terms,
	.queues = ARRAY_SIZE(network_queues),
	.queue_names = network_queues,
	.queue_size = VS_NETWORK_QUEUE_SIZE,
	.flows = 2,
	.switches = network_switches,
	.labels = network_labels,
	.label_highest = network_label_highest,
	.texts = network_texts,
};
EXPORT_SYMBOL_GPL(vs_class_network);

static_assert(ARRAY_SIZE(network_label_highest) == ARRAY_SIZE(network_labels) - 1);
static_assert(ARRAY_SIZE(network_queues) == 2 * VS_NETWORK_PAIRS);
static_assert(ARRAY_SIZE(network_queues) <= VS_CLASS_QUEUES_MAX);
