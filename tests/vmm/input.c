// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's input device: buffers for events, states of LEDs and repetition, and queries; good
 * ones, and what can be wrong with one.  And somebody who types, on the host's end.
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/input.h>
#include <linux/virtio_input.h>
#include <unistd.h>

#include "vs_input.h"
#include "vmm.h"

/* In a slot's memory, each queue has some for itself: what is read, what is written. */
#define PART		(SLOT_BYTES / 4)
#define WRITTEN		(PART / 2)

struct request {
	unsigned int queue;	/* enum vs_input_queue */
	u8 *bytes;		/* of the slot and queue */
	u64 addr;
	struct chain chain;
};

static u8 *slot_bytes(unsigned int queue, int slot)
{
	return (u8 *)area_at(AREA_DATA) + slot * SLOT_BYTES + queue * PART;
}

/* ---- Good ones ---- */

static void add(struct request *request, u32 length, bool writable)
{
	request->chain.segment[request->chain.count++] = (struct segment){
		request->addr + (writable ? WRITTEN : 0), length, writable
	};
}

static void good_status(struct request *request)
{
	struct virtio_input_event *event = (void *)request->bytes;
	bool led = below(4);

	*event = (struct virtio_input_event){
		.type = htole16(led ? EV_LED : EV_REP),
		.code = htole16(led ? below(LED_CHARGING + 1) : below(REP_CNT)),
		.value = htole32(led ? below(2) : 20 + below(500)),
	};
	add(request, sizeof(*event), false);
}

static void good_query(struct request *request)
{
	static const u8 selects[] = {
		VIRTIO_INPUT_CFG_ID_NAME, VIRTIO_INPUT_CFG_ID_SERIAL,
		VIRTIO_INPUT_CFG_ID_DEVIDS, VIRTIO_INPUT_CFG_PROP_BITS,
		VIRTIO_INPUT_CFG_EV_BITS, VIRTIO_INPUT_CFG_EV_BITS, VIRTIO_INPUT_CFG_ABS_INFO,
	};
	struct vs_input_query *query = (void *)request->bytes;

	*query = (struct vs_input_query){
		.select = selects[below(ARRAY_SIZE(selects))],
		.subsel = below(ABS_CNT),
	};
	add(request, sizeof(*query), false);
	add(request, sizeof(struct virtio_input_config), true);
}

static void good(struct request *request, unsigned int queue, int slot)
{
	memset(request, 0, sizeof(*request));
	request->queue = queue;
	request->bytes = slot_bytes(queue, slot);
	request->addr = area_addr(AREA_DATA) + (u64)slot * SLOT_BYTES + queue * PART;
	memset(request->bytes, 0, PART);
	if (queue == VS_INPUT_QUEUE_EVENTS)
		add(request, sizeof(struct virtio_input_event), true);
	else if (queue == VS_INPUT_QUEUE_STATUS)
		good_status(request);
	else
		good_query(request);
}

/* ---- What can be wrong with one; the ring stays good ---- */

static struct segment *any_segment(struct request *request)
{
	return &request->chain.segment[below(request->chain.count)];
}

static void nothing(struct request *request)
{
}

/* Any type, code and value, or any query. */
static void contents(struct request *request)
{
	fill_random(request->bytes, 8);
	if (one_in(2))
		request->bytes[0] = EV_SYN + below(EV_CNT);
	if (one_in(2))
		request->bytes[1] = 0;
}

static void too_short(struct request *request)
{
	struct segment *segment = any_segment(request);

	segment->length = 1 + below(segment->length - 1);
}

static void too_long(struct request *request)
{
	any_segment(request)->length += 1 + below(8192);
}

static void huge(struct request *request)
{
	any_segment(request)->length = U32_MAX - below(4096);
}

static void one_way(struct request *request)
{
	*any_segment(request) = request->chain.segment[--request->chain.count];
	if (!request->chain.count)
		add(request, 8, request->queue != VS_INPUT_QUEUE_EVENTS);
}

static void reversed(struct request *request)
{
	for (unsigned int i = 0; i < request->chain.count; i++)
		request->chain.segment[i].writable ^= true;
}

static void both_ways(struct request *request)
{
	add(request, 1 + below(64), request->queue != VS_INPUT_QUEUE_EVENTS);
}

static void in_hole(struct request *request)
{
	any_segment(request)->addr = AREA_HOLE_ADDR + below(8192);
}

static void not_for_it(struct request *request)
{
	struct segment *segment = any_segment(request);

	segment->addr = area_addr(segment->writable ? AREA_READ : AREA_WRITE) + below(4096);
}

static void across_an_end(struct request *request)
{
	struct segment *segment = any_segment(request);
	enum area area = one_in(2) ? AREA_WRITE : AREA_BESIDE;

	segment->addr = area_addr(area) + area_size(area) - 1 - below(segment->length);
}

/* What happens to memory under a request happens there. */
static void moving(struct request *request)
{
	any_segment(request)->addr = area_addr(AREA_MOVING) + below(area_size(AREA_MOVING) - 4096);
}

/* Cut at random, which is right. */
static void in_pieces(struct request *request)
{
	struct chain all = request->chain;

	request->chain.count = 0;
	for (unsigned int i = 0; i < all.count; i++) {
		struct segment rest = all.segment[i];

		while (rest.length) {
			struct segment piece = { rest.addr, 1 + below(rest.length), rest.writable };

			if (request->chain.count > SEGMENTS_MAX / 2)
				piece.length = rest.length;
			request->chain.segment[request->chain.count++] = piece;
			rest.addr += piece.length;
			rest.length -= piece.length;
		}
	}
}

static const struct {
	const char *name;
	void (*spoil)(struct request *request);
} spoils[] = {
	{ "nothing", nothing }, { "pieces", in_pieces }, { "contents", contents },
	{ "short", too_short }, { "long", too_long }, { "huge", huge },
	{ "one_way", one_way }, { "reversed", reversed }, { "both_ways", both_ways },
	{ "hole", in_hole }, { "not_for_it", not_for_it }, { "across_an_end", across_an_end },
	{ "moving", moving },
};

#define GOOD	2	/* the first of these are right, whatever is in them */

const char *input_spoil(unsigned int how)
{
	return how < ARRAY_SIZE(spoils) ? spoils[how].name : NULL;
}

/* ---- Into the rings ---- */

static void push(struct device *device, unsigned int number, int slot, bool hostile)
{
	struct queue *queue = data_queue(device, number);
	static struct request request;
	unsigned int how = 0;

	good(&request, number, slot);
	if (hostile)
		how = below(ARRAY_SIZE(spoils));
	spoils[how].spoil(&request);
	chain_order(&request.chain);
	queue->slot[slot].how = how;
	ring_push(device, queue, slot, &request.chain);
	counts->pushed++;
}

static struct queue *fill(struct device *device, unsigned int number, bool hostile)
{
	struct queue *queue = data_queue(device, number);
	int slot;

	while ((slot = ring_slot(queue)) >= 0)
		push(device, number, slot, hostile);
	ring_kick(queue);
	return queue;
}

struct queue *input_push(struct device *device, bool hostile)
{
	fill(device, VS_INPUT_QUEUE_EVENTS, hostile);
	fill(device, VS_INPUT_QUEUE_STATUS, hostile);
	input_type(device);
	return fill(device, VS_INPUT_QUEUE_QUERY, hostile);
}

/* Good buffers behind what is in the ring: a report is not begun without room for all of it. */
void input_post(struct device *device)
{
	for (unsigned int i = 1; i < INPUT_REPORT; i++)
		push(device, VS_INPUT_QUEUE_EVENTS, SLOTS - i, false);
	ring_kick(data_queue(device, VS_INPUT_QUEUE_EVENTS));
}

/* ---- The host's end ---- */

static int open_injecting(const char *service)
{
	char wanted[80], phys[80] = "", node[64];
	int fd = -1;
	glob_t found;

	snprintf(wanted, sizeof(wanted), "vsp/%s/input0\n", service);
	if (glob("/sys/class/input/event*", 0, NULL, &found))
		die("no input device: is evdev loaded?");
	for (size_t i = 0; i < found.gl_pathc && fd < 0; i++) {
		char path[128];
		FILE *file;

		snprintf(path, sizeof(path), "%s/device/phys", found.gl_pathv[i]);
		file = fopen(path, "re");
		if (!file || !fgets(phys, sizeof(phys), file))
			phys[0] = 0;
		if (file)
			fclose(file);
		if (strcmp(phys, wanted))
			continue;
		snprintf(node, sizeof(node), "/dev/input/%s", strrchr(found.gl_pathv[i], '/') + 1);
		fd = open(node, O_WRONLY | O_CLOEXEC);
	}
	globfree(&found);
	if (fd < 0)
		die("no device to type into for %s: %m", service);
	return fd;
}

/* Relative motion is always news; it comes first, so that each report has it. */
void input_type(struct device *device)
{
	static int fd = -1;
	struct input_event event[INPUT_REPORT] = { { .type = EV_REL, .code = REL_X, .value = 1 } };
	unsigned int count = 1;

	if (fd < 0)
		fd = open_injecting(device->service);
	if (one_in(2))
		event[count++] = (struct input_event){
			.type = EV_KEY, .code = 1 + below(KEY_MAX), .value = below(2) };
	if (one_in(4))
		event[count++] = (struct input_event){
			.type = EV_ABS, .code = below(ABS_CNT), .value = below(16) };
	event[count++] = (struct input_event){ .type = EV_SYN, .code = SYN_REPORT };
	if (write(fd, event, count * sizeof(event[0])) < 0)
		die("typing for %s: %m", device->service);
}

/* ---- And back ---- */

static void __noreturn sick(const char *what, const u8 *bytes)
{
	counts->sick = true;
	die("%s: %02x%02x %02x%02x %02x%02x%02x%02x", what, bytes[0], bytes[1], bytes[2], bytes[3],
	    bytes[4], bytes[5], bytes[6], bytes[7]);
}

/* Power and system keys are pressed for nobody: no administrator has allowed them. */
static void check_event(const u8 *bytes)
{
	const struct virtio_input_event *event = (const void *)bytes;
	unsigned int type = le16toh(event->type), code = le16toh(event->code);
	int group = type == EV_KEY ? vs_input_group_of(code) : -1;

	if (type > EV_ABS || (type == EV_SYN && code != SYN_REPORT && code != SYN_DROPPED))
		sick("this is no event of a device", bytes);
	if (le32toh(event->value) && (group == VS_INPUT_POWER || group == VS_INPUT_SYSTEM))
		sick("nobody may have this key", bytes);
}

static void check_answer(const u8 *query, const u8 *answer)
{
	const struct virtio_input_config *config = (const void *)answer;

	if (config->select != query[0] || config->subsel != query[1] ||
	    config->size > sizeof(config->u))
		sick("this answers another query", answer);
	counts->told += config->size > 0;
}

/* Of a status nobody says whether it was taken: the host's counters do. */
void input_returned(struct device *device, struct queue *queue, struct used used)
{
	unsigned int number = queue->index - VS_CHANNEL_QUEUE_DATA;
	const u8 *bytes = slot_bytes(number, used.slot);
	u8 how = queue->slot[used.slot].how;

	if (number == VS_INPUT_QUEUE_STATUS) {
		counts->returned++;
		return;
	}
	if (!used.length) {
		counts->refused[how]++;
		return;
	}
	counts->executed++;
	if (how > GOOD)
		return;
	if (number == VS_INPUT_QUEUE_EVENTS)
		check_event(bytes + WRITTEN);
	else
		check_answer(bytes, bytes + WRITTEN);
}
