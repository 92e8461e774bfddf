// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile guest's driver, for tests only: takes the channel's device instead of
 * vsc.ko and, round after round, scribbles over the rings of every queue, kicks,
 * and resets; or begins a session and goes on with messages that are none, or with
 * asks for contracts that it never starts; or starts one, and goes without a word when it
 * is unloaded. Loading it does all else; it prints the seed that repeats it.
 */
#define pr_fmt(fmt) "hostile: " fmt

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vs_channel.h"
#include "vs_class.h"
#include "vs_config.h"
#include "vs_message.h"
#include "vs_storage.h"
#include "vs_terms.h"

#define QUEUES		3
#define BUFFER		PAGE_SIZE

static unsigned int rounds = 200;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often to attack and reset (200)");

static unsigned int messages;
module_param(messages, uint, 0444);
MODULE_PARM_DESC(messages, "how many bad messages to send, after a good one (0)");

static unsigned int grants;
module_param(grants, uint, 0444);
MODULE_PARM_DESC(grants, "how many contracts to ask for and not to start (0)");

static unsigned long floor;
module_param(floor, ulong, 0444);
MODULE_PARM_DESC(floor, "bytes/s that the contract guarantees which it starts, and does not give back (0: none)");

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (0: draw one)");

static struct rnd_state rnd;

static u32 random_below(u32 ceiling)
{
	return prandom_u32_state(&rnd) % ceiling;
}

static void ignore(struct virtqueue *vq)
{
}

/* One descriptor that is wrong in one way, or in every way. */
static void bad_descriptor(struct virtio_device *vdev, const struct vring *ring,
			   unsigned int i, void *buffer)
{
	struct vring_desc *desc = &ring->desc[i];
	u16 flags = 0;
	u64 addr = virt_to_phys(buffer);
	u32 length = random_below(BUFFER);
	u16 next = random_below(ring->num);

	switch (random_below(8)) {
	case 0:	/* a chain without end */
		flags = VRING_DESC_F_NEXT;
		break;
	case 1:	/* an indirect table that is its own entry */
		flags = VRING_DESC_F_INDIRECT;
		length = sizeof(*desc) * (1 + random_below(200));
		break;
	case 2:	/* of a length that is no multiple of an entry */
		flags = VRING_DESC_F_INDIRECT;
		length = 1 + random_below(15);
		break;
	case 3:	/* beyond the table */
		flags = VRING_DESC_F_NEXT;
		next = ring->num + random_below(60000);
		break;
	case 4:	/* memory that is not there */
		addr = 1ULL << 45;
		break;
	case 5:	/* addr + length wraps */
		addr = U64_MAX - 16;
		length = U32_MAX;
		break;
	case 6:	/* writable, then readable */
		flags = VRING_DESC_F_NEXT | (i & 1 ? 0 : VRING_DESC_F_WRITE);
		next = (i + 1) % ring->num;
		break;
	default:
		addr = (u64)prandom_u32_state(&rnd) << 32 | prandom_u32_state(&rnd);
		length = prandom_u32_state(&rnd);
		flags = prandom_u32_state(&rnd);
		next = prandom_u32_state(&rnd);
	}
	desc->addr = cpu_to_virtio64(vdev, addr);
	desc->len = cpu_to_virtio32(vdev, length);
	desc->flags = cpu_to_virtio16(vdev, flags);
	desc->next = cpu_to_virtio16(vdev, next);
}

static void attack(struct virtqueue *vq, void *buffer)
{
	const struct vring *ring = virtqueue_get_vring(vq);
	struct virtio_device *vdev = vq->vdev;
	u16 index = virtio16_to_cpu(vdev, ring->avail->idx);
	unsigned int i;

	prandom_bytes_state(&rnd, buffer, BUFFER);
	for (i = 0; i < ring->num; i++)
		bad_descriptor(vdev, ring, i, buffer);
	for (i = 0; i < ring->num; i++)
		ring->avail->ring[i] = cpu_to_virtio16(vdev, random_below(8) ?
						       random_below(ring->num) :
						       prandom_u32_state(&rnd));
	dma_wmb();
	/* A few, all at once, or more than there can be. */
	index += random_below(4) ? 1 + random_below(ring->num) : prandom_u32_state(&rnd);
	WRITE_ONCE(ring->avail->idx, cpu_to_virtio16(vdev, index));
	virtqueue_notify(vq);
}

static int begin(struct virtio_device *vdev, struct virtqueue **vq)
{
	struct virtqueue_info info[QUEUES] = {
		{ .name = "message", .callback = ignore },
		{ .name = "call", .callback = ignore },
		{ .name = "data", .callback = ignore },
	};
	int error = virtio_find_vqs(vdev, QUEUES, vq, info, NULL);

	if (!error)
		virtio_device_ready(vdev);
	return error;
}

static int one_round(struct virtio_device *vdev, void *buffer)
{
	struct virtqueue *vq[QUEUES];
	int error = begin(vdev, vq);

	if (error)
		return error;
	for (unsigned int i = 0; i < QUEUES; i++)
		attack(vq[i], buffer);
	usleep_range(1000, 5000);
	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	return vdev->config->finalize_features(vdev) ?: 0;
}

/* Sends what stands at the start of @buffer; the answer comes into its second half. */
static int exchange(struct virtqueue *vq, void *buffer, size_t length)
{
	struct scatterlist request, answer, *sgs[] = { &request, &answer };
	unsigned int written;
	int error;

	sg_init_one(&request, buffer, length);
	sg_init_one(&answer, buffer + BUFFER / 2, BUFFER / 2);
	error = virtqueue_add_sgs(vq, sgs, 1, 1, buffer, GFP_KERNEL);
	if (error)
		return error;
	virtqueue_kick(vq);
	for (unsigned int i = 0; i < 10000; i++) {
		if (virtqueue_get_buf(vq, &written))
			return written;
		usleep_range(1000, 2000);
	}
	return -ETIMEDOUT;
}

/* Sends @message, which turns into its answer. */
static int say(struct virtqueue *vq, struct vs_message *message, void *buffer)
{
	int length = vs_wire_encode(message, buffer, BUFFER / 2);

	length = length ? exchange(vq, buffer, length) : -EINVAL;
	return length < 0 ? length : vs_wire_decode(message, buffer + BUFFER / 2, length);
}

static int initialize(struct virtqueue *vq, struct vs_message *message, void *buffer, u64 epoch)
{
	memset(message, 0, sizeof(*message));
	message->type = VS_WIRE_INITIALIZE;
	message->epoch = epoch;
	message->version_min = VS_WIRE_VERSION_MIN;
	message->version_max = VS_WIRE_VERSION_MAX;
	message->reason = VS_REASON_FIRST;
	return say(vq, message, buffer);
}

static int bad_messages(struct virtqueue *vq, struct vs_message *message, void *buffer)
{
	const struct vs_wire_header *answer = buffer + BUFFER / 2;
	int length = initialize(vq, message, buffer, 1);

	for (unsigned int i = 0; i < messages && length >= 0; i++) {
		prandom_bytes_state(&rnd, buffer, BUFFER / 2);
		length = exchange(vq, buffer, 1 + random_below(BUFFER / 2));
		pr_info("bad message %u is answered with status %u\n", i,
			le32_to_cpu(answer->status));
	}
	return length < 0 ? length : 0;
}

/* The least that there can be, so that it is granted at once. */
static void ask(struct vs_message *message, u64 epoch)
{
	const struct vs_class_spec *spec = &vs_class_storage;

	memset(message, 0, sizeof(*message));
	message->type = VS_WIRE_REQUEST;
	message->epoch = epoch;
	message->flags = VS_REQUEST_ALL;
	message->terms.count = spec->count;
	for (u32 i = 0; i < spec->count; i++) {
		struct vs_term *term = &message->terms.term[i];

		term->id = spec->term[i].id;
		term->kind = spec->term[i].kind;
		if (term->kind == VS_KIND_SET)
			continue;
		term->high = spec->term[i].lowest;
		if (term->kind != VS_KIND_RATE)
			term->low = term->high;
	}
}

static int unstarted(struct virtqueue *vq, struct vs_message *message, void *buffer)
{
	int error = 0;

	for (unsigned int i = 1; i <= grants && !error; i++) {
		error = initialize(vq, message, buffer, i);
		if (error)
			break;
		ask(message, i);
		error = say(vq, message, buffer);
		pr_info("ask %u is answered with outcome %s, reason %s\n", i,
			vs_wire_outcome_name(message->outcome),
			vs_wire_reason_name(message->reason));
	}
	return error;
}

/* A contract with no more than a guaranteed bandwidth, started. */
static int started(struct virtqueue *vq, struct vs_message *message, void *buffer)
{
	struct vs_term *bandwidth = &message->terms.term[VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)];
	int error = initialize(vq, message, buffer, 1);
	u64 contract;

	if (error)
		return error;
	ask(message, 1);
	bandwidth->low = floor;
	bandwidth->high = floor;
	error = say(vq, message, buffer);
	contract = message->granted;
	memset(message, 0, sizeof(*message));
	message->type = VS_WIRE_START;
	message->epoch = 1;
	message->contract = contract;
	return error ?: say(vq, message, buffer);
}

/* A session, and what is done to it. */
static int abuse(struct virtio_device *vdev, void *buffer)
{
	struct vs_message *message = kmalloc(sizeof(*message), GFP_KERNEL);
	struct virtqueue *vq[QUEUES];
	int error = message ? begin(vdev, vq) : -ENOMEM;

	if (!error && messages)
		error = bad_messages(vq[0], message, buffer);
	if (!error && grants)
		error = unstarted(vq[0], message, buffer);
	if (!error && floor)
		error = started(vq[0], message, buffer);
	kfree(message);
	return error;
}

static int hostile_validate(struct virtio_device *vdev)
{
	struct vs_wire_config wire;

	virtio_cread_bytes(vdev, 0, &wire, sizeof(wire));
	if (le32_to_cpu(wire.magic) != VS_WIRE_MAGIC)
		return -ENODEV;
	virtio_reset_device(vdev);
	virtio_add_status(vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	return vdev->config->finalize_features(vdev);
}

static int hostile_probe(struct virtio_device *vdev)
{
	void *buffer = kmalloc(BUFFER, GFP_KERNEL);
	unsigned int round;
	int error = 0;

	if (!buffer)
		return -ENOMEM;
	for (round = 0; round < rounds && !error; round++) {
		error = one_round(vdev, buffer);
		if (!error)
			virtio_add_status(vdev, VIRTIO_CONFIG_S_FEATURES_OK);
	}
	if (!error && (messages || grants || floor))
		error = abuse(vdev, buffer);
	pr_info("%u rounds, seed %u, error %d\n", round, seed, error);
	kfree(buffer);
	return error;
}

static void hostile_remove(struct virtio_device *vdev)
{
	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
}

static const struct virtio_device_id hostile_ids[] = {
	{ VS_CHANNEL_VIRTIO_ID, VIRTIO_DEV_ANY_ID },
	{ },
};

static const unsigned int features[] = { VIRTIO_RING_F_INDIRECT_DESC };

static struct virtio_driver hostile_driver = {
	.driver.name = "hostile",
	.id_table = hostile_ids,
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.validate = hostile_validate,
	.probe = hostile_probe,
	.remove = hostile_remove,
};

static int __init hostile_init(void)
{
	if (!seed)
		seed = get_random_u32();
	prandom_seed_state(&rnd, seed);
	return register_virtio_driver(&hostile_driver);
}

static void __exit hostile_exit(void)
{
	unregister_virtio_driver(&hostile_driver);
}

module_init(hostile_init);
module_exit(hostile_exit);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("A guest's driver that scribbles over its rings (for tests only)");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
