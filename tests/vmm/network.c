// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames, in the format of virtio-net: to be sent, good ones and what can be wrong with one;
 * and buffers for those to be received, of every kind, with somebody who fills them.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vs_network.h"
#include "vmm.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
#define IP		ETH_HLEN
#define START		256	/* bytes of a frame that are random in a random one */
#define MTU		1500	/* good frames keep to it */

struct frame {
	u8 *bytes;	/* header, then the frame */
	u64 addr;
	u32 length;	/* of both */
	struct virtio_net_hdr_v1 *header;
	u8 *frame;
	u8 mac[ETH_ALEN];	/* as granted */
	bool writable;		/* a descriptor of it is */
	u64 part_addr;		/* where a part of it is instead; 0: nowhere else */
};

static void granted_mac(const struct device *device, u8 *mac)
{
	const struct vs_term *term = vs_terms_find(&device->terms, VS_NETWORK_MAC);
	unsigned int part[ETH_ALEN] = {};
	char text[VS_WIRE_TEXT_MAX + 1] = {};

	if (term)
		memcpy(text, term->text, term->length);
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &part[0], &part[1], &part[2], &part[3], &part[4],
		   &part[5]) != ETH_ALEN)
		memset(part, 0, sizeof(part));
	for (int i = 0; i < ETH_ALEN; i++)
		mac[i] = part[i];
}

static void set_length(struct frame *frame, u32 length)
{
	frame->length = HEADER + length;
}

/* ---- Good ones ---- */

static void plain(struct frame *frame)
{
	struct ethhdr *ethernet = (void *)frame->frame;

	memset(frame->bytes, 0, HEADER + START);
	memset(ethernet->h_dest, 0xff, ETH_ALEN);
	memcpy(ethernet->h_source, frame->mac, ETH_ALEN);
	ethernet->h_proto = htons(0x88b5);	/* for experiments */
	set_length(frame, ETH_ZLEN + below(MTU - ETH_ZLEN));
}

static u32 put_ip(struct frame *frame, bool six, u8 protocol, u32 length)
{
	struct ethhdr *ethernet = (void *)frame->frame;
	struct ipv6hdr *ip6 = (void *)(frame->frame + IP);
	struct iphdr *ip4 = (void *)(frame->frame + IP);

	ethernet->h_proto = htons(six ? ETH_P_IPV6 : ETH_P_IP);
	if (six) {
		ip6->version = 6;
		ip6->nexthdr = protocol;
		ip6->hop_limit = 64;
		ip6->payload_len = htons(length - IP - sizeof(*ip6));
		return IP + sizeof(*ip6);
	}
	ip4->version = 4;
	ip4->ihl = 5;
	ip4->ttl = 64;
	ip4->protocol = protocol;
	ip4->tot_len = htons(length - IP);
	ip4->saddr = htonl(0x0a000002);
	ip4->daddr = htonl(0x0a000001);
	return IP + sizeof(*ip4);
}

/* To be segmented: TCP over either, or UDP. */
static void large(struct frame *frame)
{
	bool udp = one_in(3), six = one_in(2);
	u32 length = 200 + below(udp ? 20000 : 60000), at;

	plain(frame);
	set_length(frame, length);
	at = put_ip(frame, six, udp ? IPPROTO_UDP : IPPROTO_TCP, length);
	if (udp)
		((struct udphdr *)(frame->frame + at))->len = htons(length - at);
	else
		((struct tcphdr *)(frame->frame + at))->doff = sizeof(struct tcphdr) / 4;
	frame->header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->header->gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
				  six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	frame->header->gso_size = htole16(1 + (udp ? 500 : 8) + below(900));
	frame->header->csum_start = htole16(at);
	frame->header->csum_offset = htole16(udp ? offsetof(struct udphdr, check) :
						   offsetof(struct tcphdr, check));
}

static void good(struct frame *frame)
{
	if (one_in(2))
		large(frame);
	else
		plain(frame);
}

/* ---- What can be wrong with one; the ring stays good ---- */

static void random_bytes(struct frame *frame)
{
	fill_random(frame->bytes, START);
	memcpy(frame->frame + ETH_ALEN, frame->mac, ETH_ALEN);
	set_length(frame, one_in(4) ? below(70000) : below(1600));
	if (one_in(2))
		frame->header->flags &= 1;
}

static void spoofed(struct frame *frame)
{
	frame->frame[ETH_ALEN + below(ETH_ALEN)] ^= 1 << below(8);
}

static void runt(struct frame *frame)
{
	frame->length = 1 + below(HEADER + ETH_HLEN);
}

static void giant(struct frame *frame)
{
	set_length(frame, MTU + below(70000 - MTU));
}

static void checksum(struct frame *frame)
{
	frame->header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->header->csum_start = htole16(one_in(2) ? below(65536) : below(frame->length));
	frame->header->csum_offset = htole16(one_in(2) ? below(65536) : below(64));
}

static void flags(struct frame *frame)
{
	frame->header->flags ^= 1 << below(8);
}

static void kind(struct frame *frame)
{
	frame->header->gso_type = one_in(2) ? below(8) | (one_in(2) ? 0x80 : 0) : below(256);
}

static void segment(struct frame *frame)
{
	frame->header->gso_size = htole16(one_in(2) ? below(16) : below(65536));
}

static void header_length(struct frame *frame)
{
	frame->header->hdr_len = htole16(below(65536));
	frame->header->num_buffers = htole16(below(65536));
}

/* A byte of the packet's own headers is another. */
static void packet(struct frame *frame)
{
	frame->frame[12 + below(60)] = random64();
}

static void tagged(struct frame *frame)
{
	static const u16 tags[] = { ETH_P_8021Q, ETH_P_8021AD, ETH_P_IP, ETH_P_IPV6 };

	for (u32 at = 12, i = below(4); i; i--, at += 4)
		*(__be16 *)(frame->frame + at) = htons(tags[below(ARRAY_SIZE(tags))]);
}

static void length(struct frame *frame)
{
	frame->length = max(1, (int)frame->length + (int)below(200) - 100);
}

static void writable(struct frame *frame)
{
	frame->writable = true;
}

static void elsewhere(struct frame *frame)
{
	u64 addrs[] = { AREA_HOLE_ADDR, area_addr(AREA_WRITE),
			area_addr(AREA_READ) + area_size(AREA_READ) - 40,
			area_addr(AREA_MOVING) + below(area_size(AREA_MOVING)),
			area_addr(AREA_BESIDE) - 20 };

	frame->part_addr = addrs[below(ARRAY_SIZE(addrs))];
}

static void nothing(struct frame *frame)
{
}

static void (* const spoil[])(struct frame *frame) = {
	random_bytes, random_bytes, spoofed, runt, giant, checksum, flags, kind, segment,
	header_length, packet, packet, packet, tagged, length, writable, elsewhere, elsewhere,
	nothing,
};

/* ---- Out: the slot's memory, cut at random ---- */

static void push(struct device *device, struct queue *queue, int slot, const struct frame *frame)
{
	struct chain chain = {};
	u32 left = frame->length, at = 0, pieces = 1 + below(one_in(8) ? 40 : SLOT_DESCS - 2);

	while (left) {
		u32 step = chain.count + 1 >= pieces ? left : 1 + below(left);

		chain.segment[chain.count++] = (struct segment){ frame->addr + at, step, false };
		at += step;
		left -= step;
	}
	if (frame->part_addr)
		chain.segment[below(chain.count)].addr = frame->part_addr;
	if (frame->writable)
		chain.segment[chain.count++] = (struct segment){ frame->addr, 64, true };
	ring_push(device, queue, slot, &chain);
	counts->pushed++;
}

static void push_tx(struct device *device, unsigned int pair, bool hostile)
{
	struct queue *queue = data_queue(device, VS_NETWORK_TX_QUEUE(pair));
	struct frame frame = {};
	int slot;

	granted_mac(device, frame.mac);
	while ((slot = ring_slot(queue)) >= 0) {
		frame.bytes = (u8 *)area_at(AREA_DATA) + slot * SLOT_BYTES;
		frame.addr = area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES;
		frame.header = (void *)frame.bytes;
		frame.frame = frame.bytes + HEADER;
		frame.writable = false;
		frame.part_addr = 0;
		good(&frame);
		for (unsigned int i = hostile ? 1 + one_in(4) : 0; i; i--)
			spoil[below(ARRAY_SIZE(spoil))](&frame);
		push(device, queue, slot, &frame);
	}
	ring_kick(queue);
}

/* ---- In ---- */

static void any_buffer(struct chain *chain, u64 addr, bool hostile)
{
	u64 addrs[] = { addr, addr, AREA_HOLE_ADDR, area_addr(AREA_READ),
			area_addr(AREA_MOVING) + below(area_size(AREA_MOVING)),
			area_addr(AREA_WRITE) + area_size(AREA_WRITE) - 100 };
	bool odd = hostile && one_in(4);
	u32 left = odd ? 1 + below(2 * VS_NETWORK_BUFFER) : VS_NETWORK_BUFFER;

	if (odd && one_in(8))
		chain->segment[chain->count++] = (struct segment){ addr, 1 + below(64), false };
	while (left) {
		u32 step = one_in(2) || chain->count > 5 ? left : 1 + below(left);

		chain->segment[chain->count++] = (struct segment){
			odd ? addrs[below(ARRAY_SIZE(addrs))] : addr, step, true };
		addr += step;
		left -= step;
	}
}

static void push_rx(struct device *device, unsigned int pair, bool hostile)
{
	struct queue *queue = data_queue(device, VS_NETWORK_RX_QUEUE(pair));
	int slot;

	while ((slot = ring_slot(queue)) >= 0) {
		struct chain chain = {};

		any_buffer(&chain, area_addr(AREA_DATA) + (SLOTS + slot) * (u64)SLOT_BYTES +
			   SLOT_BYTES / 4, hostile);
		ring_push(device, queue, slot, &chain);
		counts->pushed++;
	}
	ring_kick(queue);
}

/* Of queues, that the contract has. */
u32 network_pairs(const struct device *device)
{
	const struct vs_term *term = vs_terms_find(&device->terms, VS_NETWORK_QUEUES);

	return term && term->high ? min_t(u64, term->high, VS_NETWORK_PAIRS) : 1;
}

struct queue *network_push(struct device *device, bool hostile)
{
	/* Now and then a pair that is not granted. */
	u32 pair = one_in(64) ? below(VS_NETWORK_PAIRS) : below(network_pairs(device));

	push_tx(device, pair, hostile);
	push_rx(device, pair, hostile);
	network_receive(device);
	return data_queue(device, VS_NETWORK_TX_QUEUE(pair));
}

/* From the host's netdev: frames for whoever is behind it. */
void network_receive(struct device *device)
{
	static int socket_fd = -1;
	static struct sockaddr_ll to;
	u8 frame[1514] = {};
	struct iphdr *ip = (void *)(frame + IP);
	struct udphdr *udp = (void *)(ip + 1);
	char name[IF_NAMESIZE];
	u32 length;

	if (socket_fd < 0) {
		snprintf(name, sizeof(name), "vsp-%.11s", device->service);
		to.sll_family = AF_PACKET;
		to.sll_ifindex = if_nametoindex(name);
		to.sll_halen = ETH_ALEN;
		socket_fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (socket_fd < 0 || !to.sll_ifindex)
			die("%s: %m", name);
	}
	memset(frame, 0xff, ETH_ALEN);
	frame[ETH_ALEN] = 2;
	frame[12] = ETH_P_IP >> 8;
	ip->version = 4;
	ip->ihl = 5;
	ip->protocol = IPPROTO_UDP;
	for (unsigned int i = 1 + below(4); i; i--) {
		length = ETH_ZLEN + below(sizeof(frame) - ETH_ZLEN);
		ip->tot_len = htons(length - IP);
		udp->len = htons(length - IP - sizeof(*ip));
		udp->source = random64();	/* of any of its queues */
		if (sendto(socket_fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		    errno != ENOBUFS && errno != EAGAIN && errno != ENETDOWN)
			die("a frame for %s: %m", device->service);
	}
}

void network_returned(struct device *device, struct queue *queue, struct used used)
{
	counts->returned++;
}
