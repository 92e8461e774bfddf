// SPDX-License-Identifier: GPL-2.0-only
/*
 * The protocol, by channel/wire.c and channel/terms.c themselves: as a client goes through
 * it, and messages of every kind at the wrong time.
 */
#include <unistd.h>

#include "vmm.h"

#define ANSWER_MS	10000	/* a provider that takes longer is stuck */
/* In a slot's memory: what is sent, the answer, a call. */
#define ANSWER		(SLOT_BYTES / 2)
#define CALL		(SLOT_BYTES / 4 * 3)

static struct queue *messages(struct device *device)
{
	return &device->queue[VS_CHANNEL_QUEUE_MESSAGE];
}

static u8 *slot_bytes(int slot)
{
	return (u8 *)area_at(AREA_DATA) + (SLOTS + slot) * SLOT_BYTES;
}

static u64 slot_addr(int slot)
{
	return area_addr(AREA_DATA) + (u64)(SLOTS + slot) * SLOT_BYTES;
}

/* Cut in pieces now and then. */
static void add_bytes(struct chain *chain, u64 addr, u32 length, bool writable)
{
	u32 first = length > 1 && one_in(4) ? 1 + below(length - 1) : length;

	chain->segment[chain->count++] = (struct segment){ addr, first, writable };
	if (first < length)
		chain->segment[chain->count++] =
			(struct segment){ addr + first, length - first, writable };
}

/* Room for calls; what is in them is not looked at. */
static void post_calls(struct device *device)
{
	struct queue *queue = &device->queue[VS_CHANNEL_QUEUE_CALL];
	int slot;

	while (ring_pop(queue).slot >= 0)
		;
	while (queue->under_way < 4 && (slot = ring_slot(queue)) >= 0) {
		struct chain chain = {};

		add_bytes(&chain, slot_addr(slot) + CALL,
			  one_in(4) ? 1 + below(VS_WIRE_MESSAGE_MAX) : VS_WIRE_MESSAGE_MAX, true);
		ring_push(device, queue, slot, &chain);
	}
	ring_kick(queue);
}

static int push(struct device *device, const void *bytes, size_t length, size_t room)
{
	struct queue *queue = messages(device);
	int slot = ring_slot(queue);
	struct chain chain = {};

	if (slot < 0)
		return slot;
	memcpy(slot_bytes(slot), bytes, length);
	memset(slot_bytes(slot) + ANSWER, 0xff, sizeof(struct vs_wire_header));
	if (length)
		add_bytes(&chain, slot_addr(slot), length, false);
	if (room)
		add_bytes(&chain, slot_addr(slot) + ANSWER, room, true);
	ring_push(device, queue, slot, &chain);
	counts->messages++;
	return slot;
}

static void count_answer(struct device *device, const struct vs_message *answer)
{
	counts->answered++;
	if (answer->status < VS_STATUSES)
		counts->status[answer->status]++;
	device->contract = answer->contract;
}

/* Whatever comes out of the host has to be a message. */
static bool take_answer(struct device *device, struct used used, struct vs_message *answer)
{
	static u8 copy[VS_WIRE_MESSAGE_MAX];
	int error;

	if (!used.length)
		return false;
	memcpy(copy, slot_bytes(used.slot) + ANSWER, min(used.length, sizeof(copy)));
	error = vs_wire_decode(answer, copy, used.length);
	if (error) {
		counts->sick = true;
		die("%s: an answer of %u bytes is no message (%d)", device->service, used.length,
		    error);
	}
	count_answer(device, answer);
	return true;
}

/* Returns whether there was an answer with something in it; @answer: of the last one. */
bool message_exchange(struct device *device, const void *bytes, size_t length, size_t room,
		      struct vs_message *answer)
{
	struct queue *queue = messages(device);
	int slot = push(device, bytes, length, room);
	struct used used = { .slot = -1 };
	bool taken = false;

	post_calls(device);
	ring_kick(queue);
	while (slot >= 0 && used.slot != slot) {
		if (!ring_wait(queue, ANSWER_MS)) {
			counts->sick = true;
			die("%s: no answer in %u ms", device->service, ANSWER_MS);
		}
		used = ring_pop(queue);
		if (used.slot >= 0)
			taken = take_answer(device, used, answer);
	}
	return taken;
}

/* @message becomes its answer. */
static bool say(struct device *device, struct vs_message *message)
{
	u8 bytes[VS_WIRE_MESSAGE_MAX];
	size_t length = vs_wire_encode(message, bytes, sizeof(bytes));

	return message_exchange(device, bytes, length, VS_WIRE_MESSAGE_MAX, message) &&
	       message->status == VS_STATUS_OK;
}

static void begin(struct device *device, struct vs_message *message, u16 type)
{
	memset(message, 0, sizeof(*message));
	message->type = type;
	message->epoch = device->epoch;
}

bool message_initialize(struct device *device)
{
	static struct vs_message message;

	device->epoch = random64() | 1;
	device->granted = 0;
	begin(device, &message, VS_WIRE_INITIALIZE);
	message.version_min = VS_WIRE_VERSION_MIN;
	message.version_max = VS_WIRE_VERSION_MAX;
	message.reason = VS_REASON_FIRST;
	return say(device, &message);
}

bool message_ask(struct device *device)
{
	static struct vs_message message;
	static struct vs_terms wish;
	u16 denied;

	vs_terms_unlimited(device->spec, &wish);
	begin(device, &message, VS_WIRE_REQUEST);
	message.terms = wish;
	if (!say(device, &message) || message.outcome != VS_OUTCOME_OFFER)
		return false;
	device->terms = message.terms;
	begin(device, &message, VS_WIRE_REQUEST);
	message.flags = VS_REQUEST_CHOICE;
	if (vs_terms_choose(device->spec, &wish, &device->terms, &message.terms, &denied))
		return false;
	if (!say(device, &message) || message.outcome != VS_OUTCOME_GRANT)
		return false;
	device->granted = message.granted;
	device->terms = message.terms;
	return true;
}

bool message_start(struct device *device)
{
	static struct vs_message message;

	begin(device, &message, VS_WIRE_START);
	message.contract = device->granted;
	if (!say(device, &message))
		return false;
	counts->contracts++;
	return device->contract == device->granted;
}

bool message_contract(struct device *device)
{
	if (message_initialize(device) && message_ask(device) && message_start(device))
		return true;
	counts->denied++;
	return false;
}

bool message_release(struct device *device)
{
	static struct vs_message message;

	begin(device, &message, VS_WIRE_REQUEST);
	return say(device, &message) && message.outcome == VS_OUTCOME_RELEASED;
}

void message_from_nowhere(struct device *device)
{
	struct queue *queue = messages(device);
	struct chain chain = {};

	add_bytes(&chain, AREA_HOLE_ADDR, 100, false);
	add_bytes(&chain, AREA_HOLE_ADDR, VS_WIRE_MESSAGE_MAX, true);
	ring_push(device, queue, ring_slot(queue), &chain);
	ring_kick(queue);
	ring_wait(queue, ANSWER_MS / 10);
}

/* ---- Messages at the wrong time ---- */

static const u16 types[] = {
	VS_WIRE_INITIALIZE, VS_WIRE_REQUEST, VS_WIRE_REQUEST, VS_WIRE_START,
	VS_WIRE_INITIALIZE_COMPLETE, VS_WIRE_REQUEST_COMPLETE, VS_WIRE_START_COMPLETE,
};

static u64 any_contract(const struct device *device)
{
	switch (below(4)) {
	case 0:
		return device->contract;
	case 1:
		return device->granted;
	case 2:
		return device->contract + 1;
	default:
		return below(100);
	}
}

/* Of a message that is well formed, or nearly. */
static void any_fields(struct device *device, struct vs_message *message)
{
	begin(device, message, types[below(ARRAY_SIZE(types))]);
	if (one_in(8))
		message->epoch = random64();
	message->contract = any_contract(device);
	message->version_min = one_in(8) ? below(5) : VS_WIRE_VERSION_MIN;
	message->version_max = one_in(8) ? below(5) : VS_WIRE_VERSION_MAX;
	message->reason = below(VS_REASONS + one_in(8));
	message->deadline_ms = one_in(8) ? below(100) : 0;
	message->fallback = one_in(8) ? below(100) : 0;
	message->flags = one_in(4) ? below(16) : below(2) ? VS_REQUEST_ALL : VS_REQUEST_KEEP;
	message->outcome = below(VS_OUTCOMES);
	if (message->type == VS_WIRE_INITIALIZE) {
		device->epoch = random64() | 1;
		message->epoch = device->epoch;
	}
}

static u64 any_number(u64 highest)
{
	u64 values[] = { 0, 1, below(1 << 20), highest, highest / 2, random64(), U64_MAX,
			 1ULL << below(64) };

	return values[below(ARRAY_SIZE(values))];
}

static void any_terms(struct device *device, struct vs_message *message)
{
	vs_terms_unlimited(device->spec, &message->terms);
	for (unsigned int changes = below(4); changes; changes--) {
		u32 i = below(device->spec->count);
		struct vs_term *term = &message->terms.term[i];

		if (term->kind == VS_KIND_IDENTITY) {
			term->length = below(VS_WIRE_TEXT_MAX + 1);
			memset(term->text, 'a' + below(26), term->length);
			continue;
		}
		term->low = any_number(device->spec->term[i].highest);
		term->high = any_number(device->spec->term[i].highest);
		term->demand = random64();
	}
	if (one_in(16))
		message->terms.count = below(VS_WIRE_TERMS_MAX + 1);
}

static size_t any_message(struct device *device, u8 *bytes)
{
	static struct vs_message message;
	size_t length;

	any_fields(device, &message);
	if (message.type == VS_WIRE_REQUEST && !(message.flags & VS_REQUEST_KEEP) && !one_in(16))
		any_terms(device, &message);
	length = vs_wire_encode(&message, bytes, VS_WIRE_MESSAGE_MAX);
	switch (below(12)) {
	case 0:		/* a bit is another */
		if (length)
			bytes[below(length)] ^= 1 << below(8);
		return length;
	case 1:		/* cut short, or too long */
		return below(VS_WIRE_MESSAGE_MAX + 100);
	case 2:
		length = 1 + below(VS_WIRE_MESSAGE_MAX);
		fill_random(bytes, length);
		return length;
	default:
		return length;
	}
}

static size_t any_room(void)
{
	return one_in(8) ? below(VS_WIRE_MESSAGE_MAX) : VS_WIRE_MESSAGE_MAX;
}

void message_random(struct device *device)
{
	static u8 bytes[2 * VS_WIRE_MESSAGE_MAX];
	static struct vs_message answer;
	size_t length = any_message(device, bytes);
	size_t room = any_room();

	if (length + room)
		message_exchange(device, bytes, length, room, &answer);
	if (answer.type == VS_WIRE_REQUEST_COMPLETE && answer.granted)
		device->granted = answer.granted;
}

void message_unanswered(struct device *device)
{
	static u8 bytes[2 * VS_WIRE_MESSAGE_MAX];

	for (unsigned int i = 1 + below(8); i; i--) {
		size_t length = any_message(device, bytes);

		if (length)
			push(device, bytes, length, any_room());
	}
	ring_kick(messages(device));
}
