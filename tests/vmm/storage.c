// SPDX-License-Identifier: GPL-2.0-only
/* Requests of a disk, in the format of virtio-blk: good ones, and what can be wrong with one. */
#include <linux/virtio_blk.h>

#include "vs_storage.h"
#include "vmm.h"

#define SECTOR		512
#define PAYLOAD		4096	/* offset in a slot's memory, as that of the status */
#define STATUS		(SLOT_BYTES - 64)
#define PAYLOAD_MAX	(STATUS - PAYLOAD - SECTOR)	/* and a bit, for odd addresses */

struct request {
	int slot;
	u8 *bytes;		/* of the slot */
	u64 addr;
	struct virtio_blk_outhdr *header;
	u32 header_length;
	bool writes;		/* the device does: data are readable else */
	struct chain data;
	u32 length;		/* of the data */
	u64 status;		/* address; 0: there is none */
	u32 status_length;
};

static u32 block_size(const struct device *device)
{
	const struct vs_term *term = vs_terms_find(&device->terms, VS_STORAGE_BLOCK_SIZE);

	return term && term->high ? term->high : 4096;
}

static u64 disk_size(const struct device *device)
{
	const struct vs_term *term = vs_terms_find(&device->terms, VS_STORAGE_SIZE);

	return term ? term->high : 0;
}

static void add(struct chain *chain, u64 addr, u32 length, bool writable)
{
	if (chain->count < SEGMENTS_MAX)
		chain->segment[chain->count++] = (struct segment){ addr, length, writable };
}

static void set_type(struct request *request, u32 type)
{
	request->header->type = htole32(type);
}

/* ---- Good ones ---- */

static void good_range(struct request *request, u32 block, u64 size)
{
	struct virtio_blk_discard_write_zeroes *range = (void *)(request->bytes + PAYLOAD);

	request->length = sizeof(*range);
	range->sector = htole64(below(size / block) * (block / SECTOR));
	range->num_sectors = htole32(block / SECTOR);
	range->flags = 0;
}

static void good_move(struct request *request, u32 block, u64 size)
{
	u64 blocks = max(size / block, 1);
	u32 count = 1 + below(min(blocks, one_in(16) ? PAYLOAD_MAX / block : 2));

	request->length = count * block;
	request->header->sector = htole64(below(blocks - count + 1) * (block / SECTOR));
}

static void good(struct device *device, struct request *request, int slot)
{
	static const u32 types[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT,
		VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_FLUSH,
		VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
	};
	u32 type = types[below(ARRAY_SIZE(types))];

	/* They are slow, and no more hostile than others. */
	if (type == VIRTIO_BLK_T_FLUSH || type == VIRTIO_BLK_T_DISCARD)
		type = one_in(8) ? type : VIRTIO_BLK_T_IN;
	memset(request, 0, sizeof(*request));
	request->slot = slot;
	request->bytes = (u8 *)area_at(AREA_DATA) + slot * SLOT_BYTES;
	request->addr = area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES;
	request->header = (void *)request->bytes;
	request->header_length = sizeof(*request->header);
	memset(request->header, 0, sizeof(*request->header));
	set_type(request, type);
	request->writes = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	if (type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT)
		good_move(request, block_size(device), disk_size(device));
	else if (type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES)
		good_range(request, block_size(device), disk_size(device));
	else if (type == VIRTIO_BLK_T_GET_ID)
		request->length = VIRTIO_BLK_ID_BYTES;
	if (request->length)
		add(&request->data, request->addr + PAYLOAD, request->length, request->writes);
	request->status = request->addr + STATUS;
	request->status_length = 1;
}

/* ---- What can be wrong with one; the ring stays good ---- */

/* All of the data is there; or a part of it, from the first segment on, stays as it was. */
static void data_at(struct request *request, u64 addr, u32 first)
{
	u32 length = min(request->length, PAYLOAD_MAX);

	request->length = length;
	request->data.count = 0;
	first = min(first, length);
	if (first)
		add(&request->data, request->addr + PAYLOAD, first, request->writes);
	if (length > first)
		add(&request->data, addr, length - first, request->writes);
}

static void beyond_the_disk(struct device *device, struct request *request)
{
	u64 sectors = disk_size(device) / SECTOR;
	u64 values[] = { sectors, sectors - 1, U64_MAX, U64_MAX / SECTOR, U64_MAX / SECTOR + 1,
			 random64() };

	request->header->sector = htole64(values[below(ARRAY_SIZE(values))]);
}

static void odd_length(struct device *device, struct request *request)
{
	request->length = 1 + below(PAYLOAD_MAX);
	data_at(request, request->addr + PAYLOAD, request->length);
}

static void odd_sector(struct device *device, struct request *request)
{
	request->header->sector = htole64(1 + below(block_size(device) / SECTOR));
}

static void no_data(struct device *device, struct request *request)
{
	request->data.count = 0;
	request->length = 0;
}

/* The same memory again and again, up to more than a request may have. */
static void long_data(struct device *device, struct request *request)
{
	u32 step = one_in(2) ? PAYLOAD_MAX : 4096;

	request->data.count = 0;
	request->length = 0;
	for (unsigned int i = 1 + below(VS_CHANNEL_SEGMENTS - 6); i; i--) {
		add(&request->data, request->addr + PAYLOAD, step, request->writes);
		request->length += step;
	}
}

static void huge_segment(struct device *device, struct request *request)
{
	request->data.count = 0;
	add(&request->data, request->addr + PAYLOAD, U32_MAX - below(4096), request->writes);
}

static void short_header(struct device *device, struct request *request)
{
	request->header_length = 1 + below(2 * sizeof(*request->header));
}

static void no_status(struct device *device, struct request *request)
{
	request->status = 0;
}

static void long_status(struct device *device, struct request *request)
{
	request->status_length = 2 + below(60);
}

static void status_elsewhere(struct device *device, struct request *request)
{
	u64 addrs[] = { AREA_HOLE_ADDR, area_addr(AREA_READ), area_addr(AREA_WRITE),
			area_addr(AREA_MOVING) + below(area_size(AREA_MOVING)) };

	request->status = addrs[below(ARRAY_SIZE(addrs))];
}

static void data_in_hole(struct device *device, struct request *request)
{
	data_at(request, AREA_HOLE_ADDR + below(8192), 0);
}

/* The first segment is there, and the second is not. */
static void half_in_hole(struct device *device, struct request *request)
{
	data_at(request, AREA_HOLE_ADDR, 512 * (1 + below(8)));
}

static void data_not_for_it(struct device *device, struct request *request)
{
	data_at(request, area_addr(request->writes ? AREA_READ : AREA_WRITE),
		one_in(2) ? 0 : 512);
}

static void data_across_an_end(struct device *device, struct request *request)
{
	enum area area = one_in(2) ? AREA_DATA : AREA_WRITE;

	data_at(request, area_addr(area) + area_size(area) - 1 - below(request->length + 1), 0);
}

/* From one area into the next, which is elsewhere in the VMM. */
static void data_across_two(struct device *device, struct request *request)
{
	data_at(request, area_addr(AREA_BESIDE) - below(request->length + 1), 0);
}

static void data_moving(struct device *device, struct request *request)
{
	u32 room = area_size(AREA_MOVING) - min(request->length, PAYLOAD_MAX);

	data_at(request, area_addr(AREA_MOVING) + below(room) / 512 * 512, 0);
}

static void odd_address(struct device *device, struct request *request)
{
	data_at(request, request->addr + PAYLOAD + 1 + below(511), 0);
}

static void in_pieces(struct device *device, struct request *request)
{
	u32 left = min(request->length, PAYLOAD_MAX), at = 0, step;

	request->data.count = 0;
	while (left) {
		step = request->data.count > 100 ? left : 1 + below(min(left, 1024));
		add(&request->data, request->addr + PAYLOAD + at, step, request->writes);
		at += step;
		left -= step;
	}
}

static void other_type(struct device *device, struct request *request)
{
	set_type(request, one_in(2) ? below(32) : (u32)random64());
}

static void other_direction(struct device *device, struct request *request)
{
	request->writes = !request->writes;
	data_at(request, request->addr + PAYLOAD, request->length);
}

static void odd_range(struct device *device, struct request *request)
{
	struct virtio_blk_discard_write_zeroes *range = (void *)(request->bytes + PAYLOAD);

	set_type(request, one_in(2) ? VIRTIO_BLK_T_DISCARD : VIRTIO_BLK_T_WRITE_ZEROES);
	request->writes = false;
	request->length = one_in(4) ? 1 + below(64) : sizeof(*range);
	range->sector = htole64(one_in(2) ? random64() : below(256));
	range->num_sectors = htole32(one_in(2) ? (u32)random64() : below(64));
	range->flags = htole32(one_in(2) ? below(4) : (u32)random64());
	data_at(request, request->addr + PAYLOAD, request->length);
}

static void (* const spoil[])(struct device *device, struct request *request) = {
	beyond_the_disk, odd_length, odd_sector, no_data, long_data, huge_segment, short_header,
	no_status, long_status, status_elsewhere, data_in_hole, half_in_hole, data_not_for_it,
	data_across_an_end, data_across_two, data_moving, data_moving, odd_address, odd_address,
	in_pieces, in_pieces, other_type, other_direction, odd_range,
};

/* ---- Into the ring, and back ---- */

static void add_header(struct chain *chain, const struct request *request)
{
	u32 first = request->header_length;

	if (first > 1 && one_in(8))
		first = 1 + below(first - 1);
	add(chain, request->addr, first, false);
	if (first < request->header_length)
		add(chain, request->addr + first, request->header_length - first, false);
}

static void push(struct device *device, struct queue *queue, const struct request *request)
{
	struct slot *slot = &queue->slot[request->slot];
	struct chain chain = {};

	add_header(&chain, request);
	for (unsigned int i = 0; i < request->data.count; i++)
		add(&chain, request->data.segment[i].addr, request->data.segment[i].length,
		    request->data.segment[i].writable);
	if (request->status)
		add(&chain, request->status, request->status_length, true);
	chain_order(&chain);
	chain.count = min(chain.count, VS_CHANNEL_SEGMENTS);
	slot->status = NULL;
	if (request->status == request->addr + STATUS) {
		slot->status = request->bytes + STATUS + request->status_length - 1;
		*slot->status = 0xff;
	}
	ring_push(device, queue, request->slot, &chain);
	counts->pushed++;
}

/* Of any queue, granted or not. Slots of one number share their memory, whatever the queue. */
struct queue *storage_push(struct device *device, bool hostile)
{
	struct queue *queue = data_queue(device, hostile ? below(VS_STORAGE_QUEUES_MAX) : 0);
	static struct request request;
	int slot;

	if (!disk_size(device))
		return queue;
	while ((slot = ring_slot(queue)) >= 0) {
		good(device, &request, slot);
		for (unsigned int i = hostile ? 1 + one_in(4) : 0; i; i--)
			spoil[below(ARRAY_SIZE(spoil))](device, &request);
		push(device, queue, &request);
	}
	ring_kick(queue);
	return queue;
}

/* A read and a write with their data at @addr, and a read with its header there. */
struct queue *storage_push_at(struct device *device, u64 addr)
{
	struct queue *queue = data_queue(device, 0);
	static struct request request;
	int slot;

	for (unsigned int i = 0; i < 3; i++) {
		slot = ring_slot(queue);
		if (slot < 0)
			die("%s: no free slot", device->service);
		good(device, &request, slot);
		request.writes = i != 1;
		set_type(&request, request.writes ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT);
		request.header->sector = 0;
		request.length = block_size(device);
		data_at(&request, i < 2 ? addr + i * 16384 : request.addr + PAYLOAD, 0);
		if (i == 2)
			request.addr = addr + 65536;
		push(device, queue, &request);
	}
	ring_kick(queue);
	return queue;
}

/* Writes all of the disk, so that no block of 4096 bytes is whole in a request, and flushes it. */
void storage_write_all(struct device *device)
{
	const u32 length = 127 * SECTOR;
	struct queue *queue = data_queue(device, 0);
	u64 size = disk_size(device) / length * length;
	static struct request request;
	int slot;

	for (u64 at = 0; at <= size; at += length) {
		while ((slot = ring_slot(queue)) < 0 || (at == size && queue->under_way)) {
			if (!ring_wait(queue, 10000))
				die("%s: writes do not come back", device->service);
			reap(device);
		}
		good(device, &request, slot);
		request.writes = false;
		request.data.count = 0;
		request.length = 0;
		set_type(&request, at == size ? VIRTIO_BLK_T_FLUSH : VIRTIO_BLK_T_OUT);
		request.header->sector = htole64(at == size ? 0 : at / SECTOR);
		if (at < size)
			add(&request.data, request.addr + PAYLOAD, length, false);
		push(device, queue, &request);
		ring_kick(queue);
	}
	while (queue->under_way) {
		if (!ring_wait(queue, 60000))
			die("%s: the flush does not come back", device->service);
		reap(device);
	}
	if (counts->executed != size / length + 1)
		die("%s: %llu of %llu writes are executed", device->service,
		    (unsigned long long)counts->executed, (unsigned long long)(size / length + 1));
	printf("%llu bytes written\n", (unsigned long long)size);
}

/* What nobody can see the status of is counted with 0xff. */
void storage_returned(struct device *device, struct queue *queue, struct used used)
{
	struct slot *slot = &queue->slot[used.slot];
	u8 status = slot->status ? READ_ONCE(*slot->status) : 0xff;

	if (status == VIRTIO_BLK_S_OK)
		counts->executed++;
	else
		counts->refused[status]++;
}
