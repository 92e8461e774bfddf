// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is looked at in a frame that a guest transmits, before anybody else sees it.  Pure.
 *
 * A frame without offloads is bytes, and whoever receives it has to beware of them.  What the
 * header says of a frame (struct virtio_net_hdr_v1) this kernel and other guests would take
 * on trust: so all of it has to be true.  A frame to be segmented is an IPv4 or IPv6 packet,
 * with no more than two VLAN tags before it, of TCP, or of UDP in equal parts, whose length
 * is that of the frame, whose headers are where they are said to be, and whose segments fit
 * into the MTU.
 */
#include <linux/errno.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/tcp.h>
#include <net/udp.h>
#include <uapi/linux/virtio_net.h>

#include "vs_network.h"
#include "vsp/network/frame.h"

/**
 * struct parsed - where things are in a frame
 * @protocol: of the packet
 * @network: offset of its header
 * @transport: offset of the header in it
 * @payload: offset of what follows that
 * @transport_protocol: IPPROTO_*
 */
struct parsed {
	u16 protocol;
	u32 network;
	u32 transport;
	u32 payload;
	u8 transport_protocol;
};

/* Return: the most of the frame that can be looked at. */
static u32 in_sight(u32 length)
{
	return min(length, VSP_NETWORK_START);
}

static bool parse_ethernet(const u8 *start, u32 length, struct parsed *parsed)
{
	u32 at = ETH_HLEN;

	parsed->protocol = get_unaligned_be16(start + at - 2);
	for (int tags = 0; tags < 2 && (parsed->protocol == ETH_P_8021Q ||
					parsed->protocol == ETH_P_8021AD); tags++) {
		at += VLAN_HLEN;
		if (at > in_sight(length))
			return false;
		parsed->protocol = get_unaligned_be16(start + at - 2);
	}
	parsed->network = at;
	return true;
}

static bool is_giant(const u8 *start, u32 length, u32 mtu)
{
	struct parsed parsed;

	return !parse_ethernet(start, length, &parsed) || length - parsed.network > mtu;
}

static bool parse_ipv4(const u8 *start, u32 length, struct parsed *parsed)
{
	const u8 *ip = start + parsed->network;
	u32 header;

	if (parsed->network + sizeof(struct iphdr) > in_sight(length) || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 0xf) * 4;
	/* No fragment, and as long as it says. */
	if (header < sizeof(struct iphdr) || get_unaligned_be16(ip + 6) & 0x3fff ||
	    get_unaligned_be16(ip + 2) != length - parsed->network)
		return false;
	parsed->transport = parsed->network + header;
	parsed->transport_protocol = ip[9];
	return true;
}

/* With no extension headers: what has them is to be segmented by who sends it. */
static bool parse_ipv6(const u8 *start, u32 length, struct parsed *parsed)
{
	const u8 *ip = start + parsed->network;

	if (parsed->network + sizeof(struct ipv6hdr) > in_sight(length) || ip[0] >> 4 != 6)
		return false;
	parsed->transport = parsed->network + sizeof(struct ipv6hdr);
	if (get_unaligned_be16(ip + 4) != length - parsed->transport)
		return false;
	parsed->transport_protocol = ip[6];
	return true;
}

static bool parse_tcp(const u8 *start, u32 length, struct parsed *parsed)
{
	u32 header;

	if (parsed->transport_protocol != IPPROTO_TCP ||
	    parsed->transport + sizeof(struct tcphdr) > in_sight(length))
		return false;
	header = (start[parsed->transport + 12] >> 4) * 4;
	parsed->payload = parsed->transport + header;
	return header >= sizeof(struct tcphdr) && parsed->payload <= in_sight(length);
}

static bool parse_udp(const u8 *start, u32 length, struct parsed *parsed)
{
	parsed->payload = parsed->transport + sizeof(struct udphdr);
	return parsed->transport_protocol == IPPROTO_UDP && parsed->payload <= in_sight(length) &&
	       get_unaligned_be16(start + parsed->transport + 4) == length - parsed->transport;
}

static bool parse_frame(u8 gso_type, const u8 *start, u32 length, struct parsed *parsed)
{
	if (!parse_ethernet(start, length, parsed))
		return false;
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return parsed->protocol == ETH_P_IP && parse_ipv4(start, length, parsed) &&
		       parse_tcp(start, length, parsed);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return parsed->protocol == ETH_P_IPV6 && parse_ipv6(start, length, parsed) &&
		       parse_tcp(start, length, parsed);
	default:
		if (parsed->protocol == ETH_P_IP)
			return parse_ipv4(start, length, parsed) &&
			       parse_udp(start, length, parsed);
		return parsed->protocol == ETH_P_IPV6 && parse_ipv6(start, length, parsed) &&
		       parse_udp(start, length, parsed);
	}
}

static u32 offload_of(u8 gso_type)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return VS_NETWORK_TSO4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return VS_NETWORK_TSO6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return VS_NETWORK_USO;
	default:
		return 0;
	}
}

/* The sum to be filled in lies in the frame, behind its MAC header. */
static bool checksum_is_true(const struct virtio_net_hdr_v1 *header, u32 length)
{
	u32 at = le16_to_cpu((__force __le16)header->csum_start);
	u32 offset = le16_to_cpu((__force __le16)header->csum_offset);

	return at >= ETH_HLEN && at + offset + sizeof(__sum16) <= length;
}

/* Return: VSP_NETWORK_SENT, or why not: its segments may have been cut for an MTU of before. */
static enum vsp_network_counter check_segments(const struct virtio_net_hdr_v1 *header,
					       const u8 *start, u32 length, u32 mtu, u32 *cost)
{
	u8 gso_type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	u32 segment = le16_to_cpu((__force __le16)header->gso_size);
	bool tcp = gso_type != VIRTIO_NET_HDR_GSO_UDP_L4;
	struct parsed parsed;
	u32 sum;

	if (segment < TCP_MIN_GSO_SIZE || !parse_frame(gso_type, start, length, &parsed))
		return VSP_NETWORK_MALFORMED;
	sum = tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check);
	if (le16_to_cpu((__force __le16)header->csum_start) != parsed.transport ||
	    le16_to_cpu((__force __le16)header->csum_offset) != sum || parsed.payload >= length)
		return VSP_NETWORK_MALFORMED;
	if (!tcp && length - parsed.payload > segment * UDP_MAX_SEGMENTS)
		return VSP_NETWORK_MALFORMED;
	if (parsed.payload - parsed.network + segment > mtu)
		return VSP_NETWORK_SIZE;
	*cost = vsp_network_frame_cost(length, parsed.payload, segment);
	return VSP_NETWORK_SENT;
}

/**
 * vsp_network_frame_cost() - what a frame to be segmented counts for
 * @length: bytes
 * @header: of these, what is repeated in every segment
 * @segment: bytes of payload of each
 *
 * Context: any.
 * Return: bytes, as on a wire, without preamble and the like.
 */
u32 vsp_network_frame_cost(u32 length, u32 header, u32 segment)
{
	if (!segment || length <= header)
		return max(length, ETH_ZLEN);
	return length + (DIV_ROUND_UP(length - header, segment) - 1) * header;
}

/**
 * vsp_network_frame_check() - may a guest's frame pass?
 * @header: of it
 * @start: its first bytes, VSP_NETWORK_START or all
 * @length: all its bytes, without @header; at most VS_NETWORK_FRAME_MAX
 * @terms: of the contract
 * @cost: what it counts for; always set
 *
 * Whose address it is from is not looked at.
 *
 * Context: any.
 * Return: VSP_NETWORK_SENT: it may; else what to count it as
 */
enum vsp_network_counter vsp_network_frame_check(const struct virtio_net_hdr_v1 *header,
						 const u8 *start, u32 length,
						 const struct vsp_network_terms *terms,
						 u32 *cost)
{
	u8 gso_type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	u32 needed = 0;

	*cost = max(length, ETH_ZLEN);
	if (length < ETH_HLEN)
		return VSP_NETWORK_SIZE;
	/* ECN goes with TCP, and there is no other flag of the driver's. */
	if (header->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM ||
	    (header->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
	     gso_type != VIRTIO_NET_HDR_GSO_TCPV4 && gso_type != VIRTIO_NET_HDR_GSO_TCPV6))
		return VSP_NETWORK_MALFORMED;
	if (gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		needed = offload_of(gso_type);
		if (!needed || !(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
			return VSP_NETWORK_MALFORMED;
	} else if (is_giant(start, length, terms->mtu)) {
		return VSP_NETWORK_SIZE;
	}
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		needed |= VS_NETWORK_CHECKSUM;
		if (!checksum_is_true(header, length))
			return VSP_NETWORK_MALFORMED;
	}
	if (needed & ~terms->offloads)
		return VSP_NETWORK_OFFLOAD;
	if (gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return VSP_NETWORK_SENT;
	return check_segments(header, start, length, terms->mtu, cost);
}
