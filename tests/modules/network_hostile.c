// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile network client, for tests only: in place of vsc_network it takes the contract
 * and sends frames of which every one is wrong in some way: what its header says of it, its
 * length, whose it is, the chain that it is in; cut into descriptors at random.  Between
 * them go frames that are right.  When all have come back it prints how many there were, and
 * the seed that repeats them.
 */
#define pr_fmt(fmt) "network_hostile: " fmt

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/hex.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/virtio.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_net.h>

#include "channel/guest/channel.h"
#include "vs_channel.h"
#include "vs_class.h"
#include "vs_network.h"
#include "vs_terms.h"
#include "vsc/class.h"

#define HEADER		sizeof(struct virtio_net_hdr_v1)
#define SLOTS		64	/* frames in the ring at once */
#define SLOT_ORDER	5	/* pages of one: more than any frame has */
#define PIECES		30	/* descriptors of one, at most */
#define START		256	/* bytes of it that are random */
#define IP		ETH_HLEN
#define TCP		(IP + sizeof(struct iphdr))
#define HEADERS		(TCP + sizeof(struct tcphdr))
#define PATIENCE_MS	20000

static unsigned int frames = 1000000;
module_param(frames, uint, 0444);
MODULE_PARM_DESC(frames, "how many bad ones to send (1000000)");

static unsigned int every = 1000;
module_param(every, uint, 0444);
MODULE_PARM_DESC(every, "after how many of these a good one goes (1000)");

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (0: draw one)");

/*
 * struct slot - a frame, and its header before it
 * @bytes: SLOT_ORDER
 * @length: of the frame alone; -HEADER and up
 * @writable: its last descriptor is one that the device may write
 * @busy: in the ring
 */
struct slot {
	u8 *bytes;
	s32 length;
	bool writable;
	bool busy;
};

/*
 * struct attack - what the class has of a session
 * @mac: of the contract
 * @mtu: likewise
 * @begun: @run was queued
 * @stop: the class goes
 */
struct attack {
	struct vsc_session *session;
	struct work_struct run;
	struct rnd_state random;
	u8 mac[ETH_ALEN];
	u32 mtu;
	bool begun;
	bool stop;
	unsigned int bad;
	unsigned int good;
	unsigned int under_way;
	struct slot slot[SLOTS];
};

static u32 below(struct attack *attack, u32 limit)
{
	return prandom_u32_state(&attack->random) % limit;
}

static struct virtio_net_hdr_v1 *header_of(const struct slot *slot)
{
	return (struct virtio_net_hdr_v1 *)slot->bytes;
}

static u8 *frame_of(const struct slot *slot)
{
	return slot->bytes + HEADER;
}

static __virtio16 virtio16(u16 value)
{
	return (__force __virtio16)cpu_to_le16(value);
}

/* ---- Frames that are right ---- */

static void plain_frame(struct attack *attack, struct slot *slot, s32 length)
{
	struct ethhdr *ethernet = (struct ethhdr *)frame_of(slot);

	memset(header_of(slot), 0, HEADER);
	memset(frame_of(slot), 0, START);
	eth_broadcast_addr(ethernet->h_dest);
	ether_addr_copy(ethernet->h_source, attack->mac);
	ethernet->h_proto = cpu_to_be16(0x88b5);	/* for experiments */
	slot->length = length;
	slot->writable = false;
}

/* To be segmented, with as much in a segment as the MTU has room for. */
static void large_frame(struct attack *attack, struct slot *slot)
{
	struct virtio_net_hdr_v1 *header = header_of(slot);
	struct iphdr *ip = (struct iphdr *)(frame_of(slot) + IP);
	struct tcphdr *tcp = (struct tcphdr *)(frame_of(slot) + TCP);

	plain_frame(attack, slot, HEADERS + 1 + below(attack, 60000));
	((struct ethhdr *)frame_of(slot))->h_proto = cpu_to_be16(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->tot_len = cpu_to_be16(slot->length - IP);
	ip->saddr = cpu_to_be32(0x0a000002);
	ip->daddr = cpu_to_be32(0x0a000001);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->ack = 1;
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header->hdr_len = virtio16(HEADERS);
	header->gso_size = virtio16(attack->mtu - sizeof(*ip) - sizeof(*tcp));
	header->csum_start = virtio16(TCP);
	header->csum_offset = virtio16(offsetof(struct tcphdr, check));
}

static void good_frame(struct attack *attack, struct slot *slot)
{
	if (below(attack, 2))
		large_frame(attack, slot);
	else
		plain_frame(attack, slot, ETH_ZLEN + below(attack, attack->mtu - ETH_ZLEN));
}

/* ---- Frames that are wrong, in one way or in all ---- */

static void random_frame(struct attack *attack, struct slot *slot)
{
	prandom_bytes_state(&attack->random, slot->bytes, START);
	if (below(attack, 2))
		header_of(slot)->gso_type &= 7;
	/* Whatever else may be right about it: that is nobody's address. */
	do {
		eth_random_addr(frame_of(slot) + ETH_ALEN);
	} while (ether_addr_equal(frame_of(slot) + ETH_ALEN, attack->mac));
	slot->length = below(attack, 4) ? below(attack, 1600) : below(attack, 70000);
	slot->writable = !below(attack, 8);
}

/* As random_frame(), but what would carry it is right. */
static void spoofed_frame(struct attack *attack, struct slot *slot)
{
	u8 *source = frame_of(slot) + ETH_ALEN;

	good_frame(attack, slot);
	if (below(attack, 2))
		source[below(attack, ETH_ALEN)] ^= 1 << below(attack, 8);
	else
		eth_zero_addr(source);
}

/* Down to a header that is not all there. */
static void short_frame(struct attack *attack, struct slot *slot)
{
	plain_frame(attack, slot, (s32)below(attack, HEADER + ETH_HLEN - 1) + 1 - (s32)HEADER);
}

static void long_frame(struct attack *attack, struct slot *slot)
{
	u32 most = attack->mtu + ETH_HLEN + 2 * 4;

	plain_frame(attack, slot, most + 1 + below(attack, 70000 - most));
}

static void writable_frame(struct attack *attack, struct slot *slot)
{
	good_frame(attack, slot);
	slot->writable = true;
}

static void bad_checksum(struct attack *attack, struct slot *slot)
{
	struct virtio_net_hdr_v1 *header = header_of(slot);
	u32 length = ETH_ZLEN + below(attack, 1000);

	plain_frame(attack, slot, length);
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (below(attack, 2))
		header->csum_start = virtio16(length - 1 + below(attack, 65536 - length));
	else
		header->csum_offset = virtio16(length - 1 + below(attack, 65536 - length));
	if (header->csum_offset)
		header->csum_start = virtio16(ETH_HLEN);
}

static void bad_flags(struct attack *attack, struct slot *slot)
{
	good_frame(attack, slot);
	header_of(slot)->flags |= 2 << below(attack, 7);
}

/* A frame to be segmented whose header does not tell the truth about it. */
static void bad_segments(struct attack *attack, struct slot *slot)
{
	struct virtio_net_hdr_v1 *header = header_of(slot);
	static const u8 types[] = { 2, 3, 6, 7, 0x7f, VIRTIO_NET_HDR_GSO_TCPV6,
				    VIRTIO_NET_HDR_GSO_UDP_L4, VIRTIO_NET_HDR_GSO_ECN };

	large_frame(attack, slot);
	switch (below(attack, 6)) {
	case 0:
		header->gso_type = types[below(attack, ARRAY_SIZE(types))];
		break;
	case 1:
		header->gso_size = virtio16(below(attack, 8));
		break;
	case 2:
		header->gso_size = virtio16(attack->mtu - 39 + below(attack, 60000));
		break;
	case 3:
		header->csum_start = virtio16(TCP + 1 + below(attack, 60000));
		break;
	case 4:
		header->csum_offset = virtio16(below(attack, 16));
		break;
	default:
		header->flags = 0;
		break;
	}
}

/* The header is true, but for a frame that is another one. */
static void bad_packet(struct attack *attack, struct slot *slot)
{
	struct iphdr *ip = (struct iphdr *)(frame_of(slot) + IP);
	struct tcphdr *tcp = (struct tcphdr *)(frame_of(slot) + TCP);

	large_frame(attack, slot);
	switch (below(attack, 7)) {
	case 0:
		ip->tot_len = cpu_to_be16(slot->length - IP + 1 + below(attack, 5000));
		break;
	case 1:
		ip->protocol = IPPROTO_UDP;
		break;
	case 2:
		ip->frag_off = cpu_to_be16(1 + below(attack, 0x3fff));
		break;
	case 3:
		ip->version = 6;
		break;
	case 4:
		ip->ihl = below(attack, 5);
		break;
	case 5:
		tcp->doff = below(attack, 5);
		break;
	default:
		slot->length = HEADERS - below(attack, HEADERS - ETH_HLEN);
		break;
	}
}

static void (* const bad_frames[])(struct attack *attack, struct slot *slot) = {
	random_frame, random_frame, random_frame, random_frame, spoofed_frame, short_frame,
	long_frame, writable_frame, bad_checksum, bad_flags, bad_segments, bad_packet,
};

/* ---- Into the ring, and back ---- */

static struct virtqueue *queue_of(const struct attack *attack)
{
	return vsc_channel_queue(vsc_session_channel(attack->session), VS_NETWORK_TX_QUEUE(0));
}

/* Cuts it at random: its header as well. A writable descriptor comes last. */
static int send(struct attack *attack, struct slot *slot)
{
	struct scatterlist out[PIECES], in, *lists[] = { out, &in };
	u32 left = HEADER + slot->length, at = 0, pieces = 1 + below(attack, PIECES), count = 0;
	int error;

	sg_init_table(out, PIECES);
	while (left) {
		u32 step = ++count == pieces ? left : 1 + below(attack, left);

		sg_set_buf(&out[count - 1], slot->bytes + at, step);
		at += step;
		left -= step;
	}
	sg_mark_end(&out[count - 1]);
	sg_init_one(&in, slot->bytes + at, 64);
	error = virtqueue_add_sgs(queue_of(attack), lists, 1, slot->writable, slot, GFP_KERNEL);
	if (error)
		return error;
	slot->busy = true;
	attack->under_way++;
	return 0;
}

static int take_back(struct attack *attack)
{
	struct slot *slot;
	unsigned int length;

	while ((slot = virtqueue_get_buf(queue_of(attack), &length))) {
		if (!slot->busy || length)
			return -EPROTO;
		slot->busy = false;
		attack->under_way--;
	}
	return 0;
}

/* All that is in the ring comes back, and soon. */
static int finish(struct attack *attack)
{
	unsigned long end = jiffies + msecs_to_jiffies(PATIENCE_MS);
	int error;

	virtqueue_kick(queue_of(attack));
	while (true) {
		error = take_back(attack);
		if (error || !attack->under_way)
			return error;
		if (READ_ONCE(attack->stop))
			return -ESHUTDOWN;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		usleep_range(50, 200);
	}
}

static int send_bad(struct attack *attack)
{
	unsigned int count = min3(frames - attack->bad, every, (u32)SLOTS);
	int error = 0;

	count = 1 + below(attack, count);
	for (unsigned int i = 0; i < count && !error; i++) {
		bad_frames[below(attack, ARRAY_SIZE(bad_frames))](attack, &attack->slot[i]);
		error = send(attack, &attack->slot[i]);
		attack->bad += !error;
	}
	return finish(attack) ?: error;
}

static int send_good(struct attack *attack)
{
	int error;

	good_frame(attack, &attack->slot[0]);
	error = send(attack, &attack->slot[0]);
	attack->good += !error;
	return finish(attack) ?: error;
}

static void run(struct work_struct *work)
{
	struct attack *attack = container_of(work, struct attack, run);
	int error = 0;

	virtqueue_disable_cb(queue_of(attack));
	while (attack->bad < frames && !error) {
		error = send_bad(attack);
		if (!error && attack->good < attack->bad / every)
			error = send_good(attack);
		cond_resched();
	}
	pr_info("done: %u bad, %u good, %u not back, seed %u, error %d\n", attack->bad,
		attack->good, attack->under_way, seed, error);
}

/* ---- The class ---- */

static void free_attack(struct attack *attack)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		free_pages((unsigned long)attack->slot[i].bytes, SLOT_ORDER);
	kfree(attack);
}

static int hostile_attach(struct vsc_session *session)
{
	struct attack *attack = kzalloc(sizeof(*attack), GFP_KERNEL);

	if (!attack)
		return -ENOMEM;
	attack->session = session;
	INIT_WORK(&attack->run, run);
	prandom_seed_state(&attack->random, seed);
	for (unsigned int i = 0; i < SLOTS; i++) {
		attack->slot[i].bytes = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
							       SLOT_ORDER);
		if (!attack->slot[i].bytes) {
			free_attack(attack);
			return -ENOMEM;
		}
	}
	vsc_session_set_data(session, attack);
	return 0;
}

static void hostile_detach(struct vsc_session *session, bool broken)
{
	struct attack *attack = vsc_session_data(session);

	if (!attack)
		return;
	WRITE_ONCE(attack->stop, true);
	cancel_work_sync(&attack->run);
	vsc_channel_stop(vsc_session_channel(session));
	while (virtqueue_detach_unused_buf(queue_of(attack)))
		;
	vsc_session_set_data(session, NULL);
	free_attack(attack);
}

static int hostile_prepare(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
	return 0;
}

static void hostile_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			   const struct vs_terms *next)
{
}

static void hostile_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
}

/* One contract is enough. */
static int hostile_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct attack *attack = vsc_session_data(session);
	char text[VS_WIRE_TEXT_MAX + 1] = {};

	if (attack->begun)
		return 0;
	memcpy(text, next->term[VS_NETWORK_INDEX(VS_NETWORK_MAC)].text, VS_WIRE_TEXT_MAX);
	if (!mac_pton(text, attack->mac))
		return -EINVAL;
	attack->mtu = next->term[VS_NETWORK_INDEX(VS_NETWORK_MTU)].high;
	attack->begun = true;
	queue_work(system_unbound_wq, &attack->run);
	return 0;
}

static void hostile_lost(struct vsc_session *session)
{
}

static void hostile_data(struct vsc_session *session, unsigned int index)
{
}

static bool hostile_sample(struct vsc_session *session, u32 flow, struct vsc_sample *sample)
{
	return false;
}

static const struct vsc_class hostile_class = {
	.spec = &vs_class_network,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = hostile_attach,
	.detach = hostile_detach,
	.prepare = hostile_prepare,
	.narrow = hostile_narrow,
	.undo = hostile_undo,
	.apply = hostile_apply,
	.lost = hostile_lost,
	.data = hostile_data,
	.sample = hostile_sample,
};

static int __init network_hostile_init(void)
{
	if (!seed)
		seed = get_random_u32();
	if (!every)
		return -EINVAL;
	return vsc_class_register(&hostile_class);
}

static void __exit network_hostile_exit(void)
{
	vsc_class_unregister(&hostile_class);
}

module_init(network_hostile_init);
module_exit(network_hostile_exit);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("A network client whose frames are wrong (for tests only)");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
