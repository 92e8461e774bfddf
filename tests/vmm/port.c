// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's byte channels: buffers for them, data, and control messages; good ones, and what can be
 * wrong with one.
 */
#include <linux/virtio_console.h>

#include "vs_port.h"
#include "vmm.h"

/* In a slot's memory; a queue and the next but one share. */
#define PART	(SLOT_BYTES / 4)

static u64 part_addr(unsigned int number, int slot)
{
	return area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES + number % 4 * PART;
}

static u8 *part_bytes(unsigned int number, int slot)
{
	return (u8 *)area_at(AREA_DATA) + slot * SLOT_BYTES + number % 4 * PART;
}

static bool is_written(unsigned int number)
{
	return number == VS_PORT_CONTROL_RX || (number != VS_PORT_CONTROL_TX && !(number % 2));
}

/* A buffer for what comes, a message of who has what open, or data. */
static struct segment good(unsigned int number, int slot)
{
	struct vs_port_message *message = (void *)part_bytes(number, slot);

	if (number == VS_PORT_CONTROL_TX)
		*message = (struct vs_port_message){
			.number = htole32(below(VS_PORT_MAX)),
			.event = htole16(one_in(4) ? VIRTIO_CONSOLE_PORT_REMOVE :
						     VIRTIO_CONSOLE_PORT_OPEN),
			.value = htole16(below(2)),
		};
	return (struct segment){
		.addr = part_addr(number, slot),
		.length = number == VS_PORT_CONTROL_RX ? sizeof(*message) :
			  number == VS_PORT_CONTROL_TX ? sizeof(struct virtio_console_control) :
			  is_written(number) ? VS_PORT_BYTES :
			  1 + below(VS_PORT_BYTES),
		.writable = is_written(number),
	};
}

static void spoil(struct chain *chain, unsigned int number, int slot)
{
	struct segment *segment = &chain->segment[0];

	switch (below(10)) {
	case 0:
		fill_random(part_bytes(number, slot), 8);
		break;
	case 1:
		segment->length = 1 + below(segment->length);
		break;
	case 2:
		segment->length += 1 + below(8192);
		break;
	case 3:
		segment->length = U32_MAX - below(4096);
		break;
	case 4:
		segment->writable ^= true;
		break;
	case 5:
		chain->segment[chain->count++] = (struct segment){
			segment->addr, 1 + below(64), !segment->writable };
		break;
	case 6:
		segment->addr = AREA_HOLE_ADDR + below(8192);
		break;
	case 7:
		segment->addr = area_addr(AREA_MOVING) + below(area_size(AREA_MOVING) - 4096);
		break;
	case 8:		/* what only a host may say */
		((struct vs_port_message *)part_bytes(number, slot))->event =
			htole16(VIRTIO_CONSOLE_RESIZE);
		segment->length = sizeof(struct vs_port_message);
		break;
	case 9:
		segment->addr = area_addr(segment->writable ? AREA_READ : AREA_WRITE) + below(4096);
		break;
	}
}

static struct queue *fill(struct device *device, unsigned int number, bool hostile)
{
	struct queue *queue = data_queue(device, number);
	int slot;

	while ((slot = ring_slot(queue)) >= 0) {
		struct chain chain = { .count = 1, .segment = { good(number, slot) } };

		if (hostile)
			spoil(&chain, number, slot);
		chain_order(&chain);
		ring_push(device, queue, slot, &chain);
		counts->pushed++;
	}
	ring_kick(queue);
	return queue;
}

/* Messages come back, whoever has what open; data of a port that there is come back, too. */
struct queue *port_push(struct device *device, bool hostile)
{
	fill(device, VS_PORT_CONTROL_RX, hostile);
	fill(device, vs_port_rx_queue(below(4)), hostile);
	fill(device, vs_port_rx_queue(one_in(4) ? below(VS_PORT_MAX) : below(4)) + 1, hostile);
	return fill(device, VS_PORT_CONTROL_TX, hostile);
}

void port_returned(struct device *device, struct queue *queue, struct used used)
{
	unsigned int number = queue->index - VS_CHANNEL_QUEUE_DATA;

	if (number == VS_PORT_CONTROL_RX && (used.length == sizeof(struct virtio_console_control) ||
					     used.length == sizeof(struct vs_port_message))) {
		counts->told++;
		return;
	}
	if (used.length > VS_PORT_BYTES) {
		counts->sick = true;
		die("queue %u: %u bytes were written", number, used.length);
	}
	counts->returned++;
}
