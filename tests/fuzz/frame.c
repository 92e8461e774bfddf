// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any header and any frame through vsp/network/frame.c: nothing is read behind what is
 * there, and what passes is covered by the contract.
 */
#define VLAN_HLEN	4
#define TCP_MIN_GSO_SIZE 8
#define UDP_MAX_SEGMENTS 128

#include <linux/in.h>

#include "vs_network.h"

#include "vsp/network/frame.c"
#include "fuzz.h"

static void check_passed(const struct virtio_net_hdr_v1 *header, u32 length,
			 const struct vsp_network_terms *terms, u32 cost)
{
	require(length >= ETH_HLEN && length <= VS_NETWORK_FRAME_MAX);
	require(!(header->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	if (header->flags) {
		require(terms->offloads & VS_NETWORK_CHECKSUM);
		require((u32)header->csum_start + header->csum_offset + 2 <= length);
	}
	if (!header->gso_type) {
		require(length <= terms->mtu + VSP_NETWORK_HEADER);
		return;
	}
	require(header->flags && header->gso_size >= TCP_MIN_GSO_SIZE);
	require(terms->offloads & (VS_NETWORK_TSO4 | VS_NETWORK_TSO6 | VS_NETWORK_USO));
	require(header->gso_size < terms->mtu && cost >= length);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input input = { data, size };
	struct vsp_network_terms terms = { .present = true };
	struct virtio_net_hdr_v1 header;
	u32 length, seen, cost = 0;
	u8 *start;

	terms.mtu = take16(&input);
	terms.offloads = take8(&input);
	take(&input, &header, sizeof(header));
	/* Its length may be more than the part that is looked at. */
	length = take16(&input) % (VS_NETWORK_FRAME_MAX + 1);
	seen = min(length, VSP_NETWORK_START);
	start = malloc(seen);
	require(start || !seen);
	take(&input, start, seen);
	if (vsp_network_frame_check(&header, start, length, &terms, &cost) == VSP_NETWORK_SENT)
		check_passed(&header, length, &terms, cost);
	require(cost >= max(length, ETH_ZLEN));
	free(start);
	return 0;
}
