// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the class channel, and what both sides compute alike: which ports a contract has,
 * and the control messages.  See vs_port.h for why a byte channel is called a port here.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/stddef.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_console.h>

#include "vs_class.h"
#include "vs_port.h"
#include "vs_terms.h"

#define CHANNEL_KINDS	(BIT(VS_PORT_KIND_COUNT) - 1)

static const char * const channel_kinds[] = {
	[VS_PORT_CONSOLE] = "console",
	[VS_PORT_STREAM] = "stream",
	[VS_PORT_DATAGRAM] = "datagram",
	NULL
};

static const struct vs_term_spec channel_terms[] = {
	{
		.id = VS_PORT_CHANNELS, .kind = VS_KIND_LEVEL,
		.name = "channels", .unit = "channels",
		.lowest = 1, .highest = VS_PORT_MAX, .step = 1, .preset = 1,
	}, {
		.id = VS_PORT_KINDS, .kind = VS_KIND_SET,
		.name = "kinds", .unit = "set",
		.highest = CHANNEL_KINDS, .preset = BIT(VS_PORT_STREAM),
		.bits = channel_kinds,
	}, {
		.id = VS_PORT_TX_BANDWIDTH, .kind = VS_KIND_RATE, .flow = VS_PORT_TX,
		.name = "tx_bandwidth", .unit = "bytes/s",
		.lowest = 4096, .highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_PORT_RX_BANDWIDTH, .kind = VS_KIND_RATE, .flow = VS_PORT_RX,
		.name = "rx_bandwidth", .unit = "bytes/s",
		.lowest = 4096, .highest = 1ULL << 50, .step = 1,
	},
};

static const char * const channel_queues[] = {
	"rx.0", "tx.0", "control-rx", "control-tx",
	"rx.1", "tx.1", "rx.2", "tx.2", "rx.3", "tx.3", "rx.4", "tx.4", "rx.5", "tx.5",
	"rx.6", "tx.6", "rx.7", "tx.7", "rx.8", "tx.8", "rx.9", "tx.9", "rx.10", "tx.10",
	"rx.11", "tx.11", "rx.12", "tx.12", "rx.13", "tx.13", "rx.14", "tx.14", "rx.15", "tx.15",
	"rx.16", "tx.16", "rx.17", "tx.17", "rx.18", "tx.18", "rx.19", "tx.19", "rx.20", "tx.20",
	"rx.21", "tx.21", "rx.22", "tx.22", "rx.23", "tx.23", "rx.24", "tx.24", "rx.25", "tx.25",
	"rx.26", "tx.26", "rx.27", "tx.27", "rx.28", "tx.28", "rx.29", "tx.29", "rx.30", "tx.30",
};

const struct vs_class_spec vs_class_channel = {
	.id = VS_CLASS_CHANNEL,
	.name = "channel",
	.count = ARRAY_SIZE(channel_terms),
	.term = channel_terms,
	.queues = ARRAY_SIZE(channel_queues),
	.queue_names = channel_queues,
	.queue_size = VS_PORT_QUEUE_SIZE,
	.one_mover = true,
	.flows = VS_PORT_FLOWS,
};
EXPORT_SYMBOL_GPL(vs_class_channel);

static_assert(ARRAY_SIZE(channel_queues) == VS_PORT_QUEUES);
static_assert(ARRAY_SIZE(channel_queues) <= VS_CLASS_QUEUES_MAX);
static_assert(VS_PORT_FLOWS <= VS_CLASS_FLOWS_MAX);
static_assert(sizeof(struct virtio_console_control) == offsetof(struct vs_port_message, columns));
static_assert(sizeof(struct vs_port_message) == 12);

/**
 * vs_port_of_queue() - find the port of a data queue
 * @queue: its number, below VS_PORT_QUEUES
 *
 * Return: number of the port; -1: it is one of the two for control messages.
 */
int vs_port_of_queue(unsigned int queue)
{
	if (queue == VS_PORT_CONTROL_RX || queue == VS_PORT_CONTROL_TX)
		return -1;
	return queue < 2 ? 0 : (int)queue / 2 - 1;
}
EXPORT_SYMBOL_GPL(vs_port_of_queue);

/**
 * vs_port_kind_of() - what kind a port is of
 * @kinds: of the contract; not 0
 * @number: of the port
 *
 * The granted kinds take turns, in their order, so both sides know without a word, and another
 * number of ports leaves the kinds of those that stay as they are.
 *
 * Return: the kind.
 */
enum vs_port_kind vs_port_kind_of(u32 kinds, unsigned int number)
{
	enum vs_port_kind turn[VS_PORT_KIND_COUNT];
	unsigned int count = 0;

	for (enum vs_port_kind kind = 0; kind < VS_PORT_KIND_COUNT; kind++)
		if (kinds & BIT(kind))
			turn[count++] = kind;
	return count ? turn[number % count] : VS_PORT_STREAM;
}
EXPORT_SYMBOL_GPL(vs_port_kind_of);

/**
 * vs_port_that_stay() - which ports are the same in two contracts
 * @now: of the one that is in force
 * @next: of the one that follows
 *
 * Return: a bit for each of @now that is of the same kind in @next.
 */
u32 vs_port_that_stay(const struct vs_port_set *now, const struct vs_port_set *next)
{
	u32 stay = 0;

	for (unsigned int i = 0; i < min(now->count, next->count); i++)
		if (vs_port_kind_of(now->kinds, i) == vs_port_kind_of(next->kinds, i))
			stay |= BIT(i);
	return stay;
}
EXPORT_SYMBOL_GPL(vs_port_that_stay);

/**
 * vs_port_set_of() - the ports of a contract
 * @terms: of it, a complete set
 * @set: filled; without a kind there is no port
 */
void vs_port_set_of(const struct vs_terms *terms, struct vs_port_set *set)
{
	u64 count = terms->term[VS_PORT_INDEX(VS_PORT_CHANNELS)].high;

	set->kinds = terms->term[VS_PORT_INDEX(VS_PORT_KINDS)].high & CHANNEL_KINDS;
	set->count = set->kinds ? min_t(u64, count, VS_PORT_MAX) : 0;
}
EXPORT_SYMBOL_GPL(vs_port_set_of);

/**
 * vs_port_size_is_valid() - can a terminal have this size?
 * @size: from the other side, or from a user
 *
 * Return: whether it can.
 */
bool vs_port_size_is_valid(const struct vs_port_size *size)
{
	return size->columns <= VS_PORT_SIZE_MAX && size->rows <= VS_PORT_SIZE_MAX;
}
EXPORT_SYMBOL_GPL(vs_port_size_is_valid);

/* Return: how long a message about @event is; 0: there is none. */
static u32 channel_message_length(u16 event)
{
	switch (event) {
	case VIRTIO_CONSOLE_PORT_OPEN:
	case VIRTIO_CONSOLE_PORT_REMOVE:
		return offsetof(struct vs_port_message, columns);
	case VIRTIO_CONSOLE_RESIZE:
		return sizeof(struct vs_port_message);
	default:
		return 0;
	}
}

/**
 * vs_port_control_read() - check a control message
 * @message: a copy of what the other side has sent
 * @length: bytes of it
 * @control: filled
 *
 * Return: 0; -EINVAL: it names no port, no event, no value or no size that there is, or is not as
 * long as what it says.
 */
int vs_port_control_read(const struct vs_port_message *message, u32 length,
			 struct vs_port_control *control)
{
	if (length < offsetof(struct vs_port_message, columns))
		return -EINVAL;
	control->number = le32_to_cpu(message->number);
	control->event = le16_to_cpu(message->event);
	control->value = le16_to_cpu(message->value);
	control->size = (struct vs_port_size){ };
	if (length != channel_message_length(control->event) || control->number >= VS_PORT_MAX)
		return -EINVAL;
	if (control->event != VIRTIO_CONSOLE_RESIZE)
		return control->value > 1 ? -EINVAL : 0;
	control->size.columns = le16_to_cpu(message->columns);
	control->size.rows = le16_to_cpu(message->rows);
	return control->value || !vs_port_size_is_valid(&control->size) ? -EINVAL : 0;
}
EXPORT_SYMBOL_GPL(vs_port_control_read);

/**
 * vs_port_control_write() - make a control message
 * @control: what it says
 * @message: filled
 *
 * Return: how many bytes of it are to be sent.
 */
u32 vs_port_control_write(const struct vs_port_control *control, struct vs_port_message *message)
{
	message->number = cpu_to_le32(control->number);
	message->event = cpu_to_le16(control->event);
	message->value = cpu_to_le16(control->value);
	message->columns = cpu_to_le16(control->size.columns);
	message->rows = cpu_to_le16(control->size.rows);
	return channel_message_length(control->event);
}
EXPORT_SYMBOL_GPL(vs_port_control_write);
