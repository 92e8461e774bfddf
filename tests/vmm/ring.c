// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's side of a split virtqueue.  Its descriptors are dealt out to slots once and
 * for all, so that a chain, however wrong it is in itself, leaves the ring good; and all
 * ways to make it a bad one are in a table.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm.h"

#define QUEUE_BYTES	(128 * 1024)	/* of AREA_RINGS: ring, then indirect tables */
#define RING_BYTES	(32 * 1024)

void chain_order(struct chain *chain)
{
	struct chain all = *chain;

	chain->count = 0;
	for (int writable = 0; writable < 2; writable++)
		for (unsigned int i = 0; i < all.count; i++)
			if (all.segment[i].writable == writable)
				chain->segment[chain->count++] = all.segment[i];
}

void ring_init(struct device *device, unsigned int index)
{
	struct queue *queue = &device->queue[index];
	u8 *start = (u8 *)area_at(AREA_RINGS) + index * QUEUE_BYTES;
	u64 addr = area_addr(AREA_RINGS) + index * QUEUE_BYTES;

	queue->index = index;
	queue->size = QUEUE_SIZE;
	vring_init(&queue->ring, queue->size, start, 4096);
	queue->desc_addr = addr;
	queue->avail_addr = addr + ((u8 *)queue->ring.avail - start);
	queue->used_addr = addr + ((u8 *)queue->ring.used - start);
	queue->tables = (struct vring_desc *)(start + RING_BYTES);
	queue->tables_addr = addr + RING_BYTES;
	_Static_assert(SLOTS * SEGMENTS_MAX * sizeof(struct vring_desc) <=
		       QUEUE_BYTES - RING_BYTES, "tables do not fit");
	_Static_assert(QUEUES_MAX * QUEUE_BYTES <= 16 * 1024 * 1024, "queues do not fit");
	queue->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	queue->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->kick < 0 || queue->call < 0)
		die("eventfd: %m");
	ring_reset(queue);
}

void ring_reset(struct queue *queue)
{
	memset(queue->ring.desc, 0, RING_BYTES);
	memset(queue->slot, 0, sizeof(queue->slot));
	queue->avail = 0;
	queue->used = 0;
	counts->lost += queue->index >= VS_CHANNEL_QUEUE_DATA ? queue->under_way : 0;
	queue->under_way = 0;
}

int ring_slot(const struct queue *queue)
{
	for (int i = 0; i < SLOTS; i++)
		if (!queue->slot[i].busy)
			return i;
	return -1;
}

static void write_desc(struct vring_desc *desc, const struct segment *segment, bool more, u16 next)
{
	desc->addr = htole64(segment->addr);
	desc->len = htole32(segment->length);
	desc->flags = htole16((segment->writable ? VRING_DESC_F_WRITE : 0) |
			      (more ? VRING_DESC_F_NEXT : 0));
	desc->next = htole16(next);
}

static void offer(struct queue *queue, u16 head)
{
	queue->ring.avail->ring[queue->avail++ % queue->size] = htole16(head);
	/* The entry first, then the index that shows it. */
	virt_wmb();
	queue->ring.avail->idx = htole16(queue->avail);
}

void ring_push(struct device *device, struct queue *queue, int slot, const struct chain *chain)
{
	bool may = device->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	unsigned int head = slot * SLOT_DESCS;
	unsigned int count = chain->count;
	struct vring_desc *desc = &queue->ring.desc[head];

	queue->slot[slot].writable = 0;
	for (unsigned int i = 0; i < count; i++)
		if (chain->segment[i].writable)
			queue->slot[slot].writable += chain->segment[i].length;
	if (may && (count > SLOT_DESCS || one_in(2))) {
		struct vring_desc *table = &queue->tables[slot * SEGMENTS_MAX];
		struct segment all = {
			.addr = queue->tables_addr + (u64)slot * SEGMENTS_MAX * sizeof(*table),
			.length = count * sizeof(*table),
		};

		for (unsigned int i = 0; i < count; i++)
			write_desc(&table[i], &chain->segment[i], i + 1 < count, i + 1);
		write_desc(desc, &all, false, 0);
		desc->flags = htole16(VRING_DESC_F_INDIRECT);
	} else {
		count = min(count, SLOT_DESCS);
		for (unsigned int i = 0; i < count; i++)
			write_desc(&desc[i], &chain->segment[i], i + 1 < count, head + i + 1);
	}
	queue->slot[slot].busy = true;
	queue->under_way++;
	offer(queue, head);
}

void ring_kick(struct queue *queue)
{
	u64 one = 1;

	if (write(queue->kick, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
		die("kick: %m");
}

/* What the device says of a chain has to be true of it. */
static struct used check_used(struct queue *queue, const struct vring_used_elem *element)
{
	u32 id = le32toh(element->id), length = le32toh(element->len);
	struct slot *slot = &queue->slot[id / SLOT_DESCS % SLOTS];

	if (id >= queue->size || id % SLOT_DESCS || !slot->busy || length > slot->writable) {
		counts->sick = true;
		die("virtqueue %u: given back without being there: id %u, %u bytes of %llu",
		    queue->index, id, length, (unsigned long long)slot->writable);
	}
	slot->busy = false;
	queue->under_way--;
	return (struct used){ id / SLOT_DESCS, length };
}

struct used ring_pop(struct queue *queue)
{
	struct used used = { .slot = -1 };

	if (queue->used == le16toh(READ_ONCE(queue->ring.used->idx)))
		return used;
	/* The index first, then the entry that it shows. */
	virt_rmb();
	used = check_used(queue, &queue->ring.used->ring[queue->used % queue->size]);
	queue->used++;
	vring_used_event(&queue->ring) = htole16(queue->used);
	return used;
}

/* Returns whether there is something used, at the latest after so long. */
bool ring_wait(struct queue *queue, unsigned int ms)
{
	struct pollfd poll_call = { .fd = queue->call, .events = POLLIN };
	u64 end = now_ms() + ms, value;

	for (;;) {
		if (queue->used != le16toh(READ_ONCE(queue->ring.used->idx)))
			return true;
		if (now_ms() >= end)
			return false;
		if (poll(&poll_call, 1, min(ms, 20U)) > 0 &&
		    read(queue->call, &value, sizeof(value)) < 0 && errno != EAGAIN)
			die("call: %m");
	}
}

/* ---- How to break a ring; see facts on ring hazards ---- */

struct broken {
	struct device *device;
	struct queue *queue;
	u16 head;
	struct vring_desc *desc;	/* of the head */
	struct vring_desc *table;	/* of its slot */
	u64 table_addr;
	u64 data;
};

static void set(struct vring_desc *desc, u64 addr, u32 length, u16 flags, u16 next)
{
	desc->addr = htole64(addr);
	desc->len = htole32(length);
	desc->flags = htole16(flags);
	desc->next = htole16(next);
}

static void indirect(struct broken *b, u32 length)
{
	set(b->desc, b->table_addr, length, VRING_DESC_F_INDIRECT, 0);
}

static void far_ahead(struct broken *b)
{
	b->queue->avail += b->queue->size + 1 + below(30000);
	b->queue->ring.avail->idx = htole16(b->queue->avail);
}

static void backwards(struct broken *b)
{
	/* Further than input_post() goes ahead. */
	b->queue->avail -= INPUT_REPORT + below(100);
	b->queue->ring.avail->idx = htole16(b->queue->avail);
}

static void head_outside(struct broken *b)
{
	b->head = b->queue->size + below(60000);
}

static void next_outside(struct broken *b)
{
	set(b->desc, b->data, 64, VRING_DESC_F_NEXT, b->queue->size + below(60000));
}

static void loop(struct broken *b)
{
	set(b->desc, b->data, 64, VRING_DESC_F_NEXT, b->head + 1);
	set(b->desc + 1, b->data, 64, VRING_DESC_F_NEXT, b->head);
}

static void own_next(struct broken *b)
{
	set(b->desc, b->data, 64, VRING_DESC_F_NEXT, b->head);
}

static void nested(struct broken *b)
{
	indirect(b, 16);
	set(b->table, b->table_addr, 16, VRING_DESC_F_INDIRECT, 0);
}

static void table_length(struct broken *b)
{
	indirect(b, 16 * below(8) + 1 + below(15));
}

static void table_empty(struct broken *b)
{
	indirect(b, 0);
}

static void table_huge(struct broken *b)
{
	indirect(b, 16 * (VS_CHANNEL_SEGMENTS + 1 + below(60000)));
}

static void table_loop(struct broken *b)
{
	indirect(b, 32);
	set(b->table, b->data, 64, VRING_DESC_F_NEXT, 1);
	set(b->table + 1, b->data, 64, VRING_DESC_F_NEXT, 0);
}

static void table_outside(struct broken *b)
{
	indirect(b, 32);
	set(b->table, b->data, 64, VRING_DESC_F_NEXT, 2 + below(60000));
}

static void table_nowhere(struct broken *b)
{
	set(b->desc, AREA_HOLE_ADDR, 64, VRING_DESC_F_INDIRECT, 0);
}

static void table_and_next(struct broken *b)
{
	indirect(b, 16);
	b->desc->flags |= htole16(VRING_DESC_F_NEXT);
}

static void table_wraps(struct broken *b)
{
	set(b->desc, U64_MAX - 15 + below(16), 64, VRING_DESC_F_INDIRECT, 0);
}

static void too_many(struct broken *b)
{
	unsigned int count = min(SEGMENTS_MAX, VS_CHANNEL_SEGMENTS);

	indirect(b, count * 16);
	for (unsigned int i = 0; i < count; i++)
		set(&b->table[i], b->data, 64, VRING_DESC_F_NEXT, (i + 1) % count);
}

static void readable_last(struct broken *b)
{
	set(b->desc, b->data, 64, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, b->head + 1);
	set(b->desc + 1, b->data, 64, 0, 0);
}

static void empty(struct broken *b)
{
	set(b->desc, b->data, 0, below(2) ? VRING_DESC_F_WRITE : 0, 0);
}

static void wraps(struct broken *b)
{
	set(b->desc, U64_MAX - below(4096), 4097 + below(1 << 30),
	    below(2) ? VRING_DESC_F_WRITE : 0, 0);
}

static void garbage(struct broken *b)
{
	fill_random(b->queue->ring.desc, b->queue->size * sizeof(struct vring_desc));
	fill_random(b->queue->ring.avail, sizeof(struct vring_avail) + 2 * b->queue->size);
	b->queue->avail = le16toh(b->queue->ring.avail->idx);
}

/* A good one, offered twice. */
static void twice(struct broken *b)
{
	set(b->desc, b->data, 64, 0, 0);
	offer(b->queue, b->head);
}

/* The ring itself loses its memory. */
static void unmapped(struct broken *b)
{
	memory_unmap(b->device->fd, AREA_RINGS);
	b->device->mapped = false;
}

static void used_garbage(struct broken *b)
{
	fill_random(b->queue->ring.used, sizeof(struct vring_used) + 8 * b->queue->size);
	b->queue->used = le16toh(b->queue->ring.used->idx);
}

struct hazard {
	const char *name;
	void (*make)(struct broken *b);
	bool harmless;		/* the device may take the ring for a good one */
};

static const struct hazard hazards[] = {
	{ "an index too far ahead", far_ahead, false },
	{ "an index that goes back", backwards, false },
	{ "a head outside of the ring", head_outside, false },
	{ "a next outside of the ring", next_outside, false },
	{ "a loop of two", loop, false },
	{ "a descriptor that is its own next", own_next, false },
	{ "a nested indirect table", nested, false },
	{ "an indirect length that is no multiple of 16", table_length, false },
	{ "an empty indirect table", table_empty, false },
	{ "an endless indirect table", table_huge, false },
	{ "a loop in an indirect table", table_loop, false },
	{ "a next outside of the indirect table", table_outside, false },
	{ "an indirect table in a hole", table_nowhere, false },
	{ "an indirect descriptor with a next", table_and_next, false },
	{ "an indirect table that wraps", table_wraps, false },
	{ "a table of many, and a loop", too_many, false },
	{ "readable after writable", readable_last, false },
	{ "an empty descriptor", empty, false },
	{ "an address that wraps", wraps, false },
	{ "garbage", garbage, true },
	{ "a head that is given twice", twice, true },
	{ "a ring that is unmapped", unmapped, true },
	{ "garbage in the used ring", used_garbage, true },
};

const char *ring_hazard(unsigned int how)
{
	return how < ARRAY_SIZE(hazards) ? hazards[how].name : NULL;
}

/* Returns whether the device cannot but notice. The ring is of no use until the next reset. */
bool ring_break(struct device *device, struct queue *queue, unsigned int how)
{
	int slot = ring_slot(queue);
	struct broken b = {
		.device = device,
		.queue = queue,
		.head = max(slot, 0) * SLOT_DESCS,
		.data = area_addr(AREA_DATA),
	};

	b.desc = &queue->ring.desc[b.head];
	b.table = &queue->tables[max(slot, 0) * SEGMENTS_MAX];
	b.table_addr = queue->tables_addr + ((u8 *)b.table - (u8 *)queue->tables);
	counts->broken++;
	hazards[how].make(&b);
	if (hazards[how].make != far_ahead && hazards[how].make != backwards)
		offer(queue, b.head);
	ring_kick(queue);
	return !hazards[how].harmless && slot >= 0;
}
