// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the memory of a driver, and any order of steps of the device, through
 * channel/host/ring.c; between two steps, and in the middle of one, the memory changes.
 */
#include "fuzz.h"
#include "channel/host/ring.h"

#define MEMORY		16384	/* bytes; what is beyond is not there */

static u8 bytes[MEMORY];
static struct input input;
static const struct vs_ring *watched;
/* The largest room that each head has had: it may have come again when its entry is written. */
static u32 most[VS_RING_SIZE_MAX];

/* The driver writes while the device reads. */
static void change(void)
{
	u16 at;

	if (!input.left || (take8(&input) & 0xf))
		return;
	at = take16(&input) % (MEMORY - 1);
	bytes[at] = take8(&input);
	bytes[at + 1] = take8(&input);
}

static bool is_there(u64 addr, size_t length)
{
	/* What ends with the last address of all does not wrap. */
	require(addr + (length - 1) >= addr || !length);
	return addr <= MEMORY && length <= MEMORY - addr;
}

int vs_memory_read(struct vs_memory *memory, u64 addr, void *to, size_t length)
{
	change();
	if (!is_there(addr, length))
		return -EFAULT;
	memcpy(to, bytes + addr, length);
	return 0;
}

int vs_memory_write(struct vs_memory *memory, u64 addr, const void *from, size_t length)
{
	const struct vring_used_elem *element = from;

	/* All that is ever written so are entries of the used ring. */
	require(length && length % sizeof(*element) == 0);
	for (size_t i = 0; i < length / sizeof(*element); i++) {
		require(element[i].id < watched->layout.size);
		require(element[i].len <= most[element[i].id]);
	}
	change();
	if (!is_there(addr, length))
		return -EFAULT;
	memcpy(bytes + addr, from, length);
	return 0;
}

int vs_memory_read16(struct vs_memory *memory, u64 addr, u16 *value)
{
	require(IS_ALIGNED(addr, sizeof(*value)));
	return vs_memory_read(memory, addr, value, sizeof(*value));
}

int vs_memory_write16(struct vs_memory *memory, u64 addr, u16 value)
{
	require(IS_ALIGNED(addr, sizeof(value)));
	change();
	if (!is_there(addr, sizeof(value)))
		return -EFAULT;
	memcpy(bytes + addr, &value, sizeof(value));
	return 0;
}

static void check_chain(const struct vs_ring *ring, const struct vsp_chain *chain)
{
	unsigned int count = chain->readable + chain->writable;
	u64 readable = 0, writable = 0;

	require(chain->head < ring->layout.size && !test_bit(chain->head, ring->in_flight));
	require(count && count <= VS_CHANNEL_SEGMENTS);
	for (unsigned int i = 0; i < count; i++) {
		const struct vsp_segment *segment = &chain->segment[i];

		require(segment->length);
		require(segment->addr + (segment->length - 1) >= segment->addr);
		if (i < chain->readable)
			readable += segment->length;
		else
			writable += segment->length;
	}
	require(readable == chain->readable_bytes && writable == chain->writable_bytes);
}

static void take_layout(struct vs_ring_layout *layout)
{
	u8 how = take8(&input);

	layout->size = how & 0x80 ? take16(&input) : 1 << (how & 0xf) % 11;
	layout->event_idx = how & 0x10;
	layout->indirect = how & 0x20;
	layout->desc = how & 0x40 ? take64(&input) : (u64)take16(&input) & ~15ULL;
	layout->avail = how & 0x40 ? take64(&input) : (u64)take16(&input) & ~1ULL;
	layout->used = how & 0x40 ? take64(&input) : (u64)take16(&input) & ~3ULL;
	layout->avail_index = take16(&input);
}

/* Gives back one that is in flight, if there is one. */
static void complete(struct vs_ring *ring, u16 from)
{
	for (u32 i = 0; i < ring->layout.size; i++) {
		u16 head = (from + i) % ring->layout.size;

		if (test_bit(head, ring->in_flight)) {
			vs_ring_complete(ring, head, take16(&input) << (from & 0xf));
			return;
		}
	}
}

static void step(struct vs_ring *ring, struct vsp_chain *chain)
{
	switch (take8(&input) % 6) {
	case 0:
	case 1:
		if (!vs_ring_peek(ring, chain))
			check_chain(ring, chain);
		break;
	case 2:
		if (ring->peeked) {
			vs_ring_consume(ring);
			most[ring->head] = max(most[ring->head], ring->room[ring->head]);
		}
		break;
	case 3:
		complete(ring, take16(&input));
		break;
	case 4:
		vs_ring_flush(ring);
		break;
	default:
		vs_ring_has(ring, take16(&input) % (ring->layout.size + 1));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vsp_chain chain;
	static struct vs_memory memory;
	static struct vs_ring ring;
	struct vs_ring_layout layout = {};

	input = (struct input){ data, size };
	watched = &ring;
	take_layout(&layout);
	memset(bytes, 0, sizeof(bytes));
	memset(most, 0, sizeof(most));
	memset(&ring, 0xff, sizeof(ring));
	/* The larger half is memory: tables, rings and what is in them. */
	take(&input, bytes, min_t(size_t, input.left / 2, MEMORY));
	vs_ring_setup(&ring, &memory, &layout);
	if (vs_ring_start(&ring)) {
		require(ring.reason);
		return 0;
	}
	while (input.left)
		step(&ring, &chain);
	return 0;
}
