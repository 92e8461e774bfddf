// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest says of a frame: what is true passes and is charged as its segments would be,
 * and of a million that lie somewhere none passes that is not true all the same.
 */
#include "vs_network.h"
#include "vsp/network/frame.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>

#define ROUNDS		1000000
#define SAMPLES		20000
#define ALL		(VS_NETWORK_CHECKSUM | VS_NETWORK_TSO4 | VS_NETWORK_TSO6 | VS_NETWORK_USO)

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random frames; 0: draw one");

/* One frame; only its start is ever looked at. */
struct frame {
	struct virtio_net_hdr_v1 header;
	u8 start[VSP_NETWORK_START];
	u32 length;
	u32 headers;	/* bytes before the payload */
	u32 segment;
	u32 needs;	/* offloads */
};

struct world {
	struct rnd_state random;
	struct vsp_network_terms terms;
	struct frame frame;
};

static u32 below(struct world *world, u32 end)
{
	return prandom_u32_state(&world->random) % end;
}

static int prepare(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	u32 drawn = seed ?: get_random_u32();

	if (!world)
		return -ENOMEM;
	kunit_info(test, "seed %u\n", drawn);
	prandom_seed_state(&world->random, drawn);
	world->terms = (struct vsp_network_terms){ .present = true, .mtu = 1500, .offloads = ALL };
	test->priv = world;
	return 0;
}

static __virtio16 to_virtio(u32 value)
{
	return (__force __virtio16)cpu_to_le16(value);
}

static u32 put_ethernet(struct world *world, u16 protocol)
{
	u8 *at = world->frame.start;
	u32 length = ETH_HLEN;

	memset(at, 0xee, ETH_HLEN);
	for (u32 tags = below(world, 3); tags; tags--, length += VLAN_HLEN)
		put_unaligned_be16(tags == 1 ? ETH_P_8021Q : ETH_P_8021AD, at + length - 2);
	put_unaligned_be16(protocol, at + length - 2);
	return length;
}

static u32 put_network(struct world *world, bool six, u32 at, u32 transport_bytes)
{
	u8 *start = world->frame.start + at;
	u32 options = below(world, 11) * 4;

	if (six) {
		start[0] = 0x60;
		put_unaligned_be16(transport_bytes, start + 4);
		return sizeof(struct ipv6hdr);
	}
	start[0] = 0x45 + options / 4;
	put_unaligned_be16(sizeof(struct iphdr) + options + transport_bytes, start + 2);
	put_unaligned_be16(below(world, 2) << 14, start + 6);	/* DF, or not */
	return sizeof(struct iphdr) + options;
}

/* A frame to be segmented that is true, of a random kind and size. */
static void make(struct world *world)
{
	struct frame *frame = &world->frame;
	bool six = below(world, 2), udp = !below(world, 3);
	u32 options = udp ? 0 : below(world, 11) * 4;
	u32 transport = udp ? sizeof(struct udphdr) : sizeof(struct tcphdr) + options;
	u32 most = udp ? UDP_MAX_SEGMENTS : 45, payload, at, network;
	u8 *start = frame->start;

	memset(frame, 0, sizeof(*frame));
	frame->segment = TCP_MIN_GSO_SIZE + below(world, 1200);
	payload = 1 + below(world, min(frame->segment * most, 60000U));
	at = put_ethernet(world, six ? ETH_P_IPV6 : ETH_P_IP);
	network = put_network(world, six, at, transport + payload);
	start[at + (six ? 6 : 9)] = udp ? IPPROTO_UDP : IPPROTO_TCP;
	at += network;
	frame->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->header.csum_start = to_virtio(at);
	frame->header.csum_offset = to_virtio(udp ? offsetof(struct udphdr, check) :
					      offsetof(struct tcphdr, check));
	frame->header.gso_size = to_virtio(frame->segment);
	if (udp) {
		put_unaligned_be16(transport + payload, start + at + 4);
		frame->header.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
		frame->needs = VS_NETWORK_USO;
	} else {
		start[at + 12] = transport / 4 << 4;
		frame->header.gso_type = six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		frame->header.gso_type |= below(world, 2) ? VIRTIO_NET_HDR_GSO_ECN : 0;
		frame->needs = six ? VS_NETWORK_TSO6 : VS_NETWORK_TSO4;
	}
	frame->needs |= VS_NETWORK_CHECKSUM;
	frame->headers = at + transport;
	frame->length = frame->headers + payload;
}

static enum vsp_network_counter check(struct world *world, u32 *cost)
{
	struct frame *frame = &world->frame;

	return vsp_network_frame_check(&frame->header, frame->start, frame->length, &world->terms,
				       cost);
}

/* One segment after the other, as they are sent. */
static u32 sum_of_segments(const struct frame *frame)
{
	u32 left = frame->length - frame->headers, sum = 0, step;

	for (; left; left -= step) {
		step = min(left, frame->segment);
		sum += frame->headers + step;
	}
	return sum;
}

static void what_is_true_passes_and_costs_its_segments(struct kunit *test)
{
	struct world *world = test->priv;
	u32 cost;

	for (u32 i = 0; i < SAMPLES; i++) {
		make(world);
		KUNIT_ASSERT_EQ_MSG(test, check(world, &cost), VSP_NETWORK_SENT, "frame %u", i);
		KUNIT_ASSERT_EQ_MSG(test, cost, sum_of_segments(&world->frame), "frame %u", i);
	}
}

static void what_is_not_granted_does_not_pass(struct kunit *test)
{
	struct world *world = test->priv;
	u32 cost;

	for (u32 i = 0; i < SAMPLES; i++) {
		make(world);
		world->terms.offloads = below(world, 32);
		KUNIT_ASSERT_EQ(test, check(world, &cost),
				world->frame.needs & ~world->terms.offloads ?
				VSP_NETWORK_OFFLOAD : VSP_NETWORK_SENT);
	}
}

/* Each of these makes a lie of a true frame. */
static void lie(struct world *world, u32 which)
{
	struct frame *frame = &world->frame;
	struct virtio_net_hdr_v1 *header = &frame->header;
	u32 transport = le16_to_cpu((__force __le16)header->csum_start);

	switch (which) {
	case 0:
		header->gso_size = to_virtio(below(world, TCP_MIN_GSO_SIZE));
		break;
	case 1:
		header->gso_type = VIRTIO_NET_HDR_GSO_UDP;
		break;
	case 2:
		header->flags = 0;
		break;
	case 3:
		header->flags |= VIRTIO_NET_HDR_F_DATA_VALID << below(world, 7);
		break;
	case 4:
		header->csum_start = to_virtio(transport + 1 + below(world, 100));
		break;
	case 5:
		header->csum_offset = to_virtio(1 + below(world, 4));
		break;
	case 6:
		frame->length += 1 + below(world, 100);
		break;
	case 7:
		frame->length -= 1 + below(world, frame->length - frame->headers);
		break;
	case 8:
		header->gso_type ^= VIRTIO_NET_HDR_GSO_TCPV4 ^ VIRTIO_NET_HDR_GSO_TCPV6;
		if (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN)
			break;
		fallthrough;
	default:
		header->gso_type = VIRTIO_NET_HDR_GSO_UDP_L4 | VIRTIO_NET_HDR_GSO_ECN;
		break;
	}
}

#define LIES	10

static void no_lie_passes(struct kunit *test)
{
	struct world *world = test->priv;
	u32 cost;

	for (u32 i = 0; i < SAMPLES; i++) {
		make(world);
		lie(world, i % LIES);
		KUNIT_ASSERT_EQ_MSG(test, check(world, &cost), VSP_NETWORK_MALFORMED,
				    "frame %u, lie %u", i, i % LIES);
	}
}

static bool is_tag(const u8 *protocol)
{
	return get_unaligned_be16(protocol) == ETH_P_8021Q ||
	       get_unaligned_be16(protocol) == ETH_P_8021AD;
}

/* By the structures of the headers, where the code goes by offsets. */
static bool is_true(const struct world *world)
{
	const struct frame *frame = &world->frame;
	u32 at = le16_to_cpu((__force __le16)frame->header.csum_start);
	u32 network = ETH_HLEN;
	const struct ipv6hdr *six;
	const struct iphdr *four;

	while (network < ETH_HLEN + 2 * VLAN_HLEN &&
	       is_tag(frame->start + network - 2))
		network += VLAN_HLEN;
	four = (const struct iphdr *)(frame->start + network);
	six = (const struct ipv6hdr *)(frame->start + network);
	if (four->version == 4)
		return ntohs(get_unaligned(&four->tot_len)) == frame->length - network &&
		       network + four->ihl * 4 == at;
	return four->version == 6 && network + sizeof(*six) == at &&
	       ntohs(get_unaligned(&six->payload_len)) == frame->length - at;
}

static void a_million_scribbles_pass_only_if_they_are_true(struct kunit *test)
{
	struct world *world = test->priv;
	struct frame *frame = &world->frame;
	u32 cost, passed = 0;

	for (u32 i = 0; i < ROUNDS; i++) {
		if (!(i % 16))
			make(world);
		if (below(world, 2))
			((u8 *)&frame->header)[below(world, sizeof(frame->header))] =
				below(world, 4) ? below(world, 8) : below(world, 256);
		else
			frame->start[below(world, 128)] = below(world, 256);
		if (!below(world, 64))
			frame->length = below(world, VS_NETWORK_FRAME_MAX + 1);
		if (check(world, &cost) != VSP_NETWORK_SENT)
			continue;
		passed++;
		KUNIT_ASSERT_GE(test, cost, frame->length);
		if (frame->header.gso_type == VIRTIO_NET_HDR_GSO_NONE)
			KUNIT_ASSERT_LE(test, frame->length, 1500 + VSP_NETWORK_HEADER);
		else
			KUNIT_ASSERT_TRUE_MSG(test, is_true(world), "frame %u", i);
	}
	kunit_info(test, "%u of %u passed\n", passed, ROUNDS);
	KUNIT_EXPECT_GT(test, passed, 0);
	KUNIT_EXPECT_LT(test, passed, ROUNDS / 2);
}

static void plain_frames_fit_the_mtu(struct kunit *test)
{
	struct world *world = test->priv;
	struct frame *frame = &world->frame;
	u32 cost, at;

	for (u32 i = 0; i < SAMPLES; i++) {
		memset(frame, 0, sizeof(*frame));
		at = put_ethernet(world, ETH_P_IP);
		frame->length = at + 1490 + below(world, 21);
		KUNIT_ASSERT_EQ(test, check(world, &cost), frame->length - at <= 1500 ?
				VSP_NETWORK_SENT : VSP_NETWORK_SIZE);
		KUNIT_ASSERT_EQ(test, cost, frame->length);
		frame->length = below(world, ETH_HLEN);
		KUNIT_ASSERT_EQ(test, check(world, &cost), VSP_NETWORK_SIZE);
	}
}

/* A stream goes on with segments of before while the MTU becomes smaller: nobody has lied. */
static void segments_fit_the_mtu(struct kunit *test)
{
	struct world *world = test->priv;
	u32 cost, network, bytes;

	for (u32 i = 0; i < SAMPLES; i++) {
		make(world);
		for (network = ETH_HLEN; is_tag(world->frame.start + network - 2);)
			network += VLAN_HLEN;
		bytes = world->frame.headers - network + world->frame.segment;
		world->terms.mtu = bytes - 20 + below(world, 41);
		KUNIT_ASSERT_EQ(test, check(world, &cost), bytes <= world->terms.mtu ?
				VSP_NETWORK_SENT : VSP_NETWORK_SIZE);
	}
}

static struct kunit_case network_frame_cases[] = {
	KUNIT_CASE(what_is_true_passes_and_costs_its_segments),
	KUNIT_CASE(what_is_not_granted_does_not_pass),
	KUNIT_CASE(no_lie_passes),
	KUNIT_CASE(a_million_scribbles_pass_only_if_they_are_true),
	KUNIT_CASE(plain_frames_fit_the_mtu),
	KUNIT_CASE(segments_fit_the_mtu),
	{}
};

static struct kunit_suite network_frame_suite = {
	.name = "network_frame",
	.init = prepare,
	.test_cases = network_frame_cases,
};

kunit_test_suite(network_frame_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what a guest says of a frame");
MODULE_LICENSE("GPL");
