/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMM for tests: plays QEMU's part on /dev/vhost-vdpa-N and the guest's driver as well,
 * both of them hostile.
 *
 *	vmm.c		options, and the table of what it can be told to do
 *	device.c	the ioctls, in QEMU's order, and in any other
 *	memory.c	the guest's RAM, and what a VMM can do to it while it is used
 *	ring.c		the driver's side of the virtqueues, and how to break one
 *	message.c	the protocol: a contract, and messages of every kind at the wrong time
 *	storage.c	requests of a disk	network.c	frames	input.c	events and queries
 *	port.c		byte channels
 *	audio.c		requests and frames of a sound card
 *	fuzz.c		lives of VMMs, from a seed
 *	endings.c	how a VMM can end, in every state of the protocol; limits
 *	changes.c	one contract after the other
 *	fuse.c		RAM on a file system that does not answer
 */
#ifndef VMM_H
#define VMM_H

#include <linux/vhost.h>
#include <linux/virtio_ring.h>

#include "vs_channel.h"
#include "vs_class.h"
#include "vs_message.h"
#include "vs_terms.h"

#define QUEUES_MAX	(VS_CHANNEL_QUEUE_DATA + VS_CLASS_QUEUES_MAX)
#define QUEUE_SIZE	256	/* entries; QEMU gives every queue as many */
#define SLOT_DESCS	8	/* descriptors of a slot outside of an indirect table */
#define SLOTS		(QUEUE_SIZE / SLOT_DESCS)
#define SEGMENTS_MAX	140	/* more than a chain may have */
#define SLOT_BYTES	(128 * 1024)	/* of memory that belongs to a slot */

struct device;

/* ---- vmm.c ---- */

void __noreturn __printf(1, 2) die(const char *format, ...);
u64 random64(void);
u32 below(u32 end);		/* 0..end-1 */
bool one_in(u32 n);
void random_seed(u64 seed);
void fill_random(void *bytes, size_t length);
u64 now_ms(void);
void sleep_ms(unsigned int ms);
void check_well(struct device *device);	/* good requests are done */

/* ---- memory.c: RAM of the guest; in each area, addresses of guest and VMM run in parallel ---- */

enum area {
	AREA_RINGS,	/* rings and indirect tables */
	AREA_DATA,	/* what slots have for themselves; its neighbour is a hole */
	AREA_READ,	/* the device may only read it */
	AREA_WRITE,	/* the device may only write it */
	AREA_MOVING,	/* what happens to memory under a request, happens here */
	AREA_BESIDE,	/* begins where AREA_MOVING ends, elsewhere in the VMM */
	AREAS
};

#define AREA_HOLE_ADDR	BIT_ULL(45)	/* no area is there */

/* Outcomes of an action on memory do not matter: the host's health does. */
void memory_init(void);
u64 area_addr(enum area area);
size_t area_size(enum area area);
void *area_at(enum area area);
void memory_map(int fd, enum area area);
void memory_unmap(int fd, enum area area);
void memory_map_all(int fd);
void memory_change(int fd);	/* one thing that a VMM can do to AREA_MOVING */
void memory_restore(int fd);
void memory_check(void);	/* the device has written nothing where it may not */

/* ---- ring.c ---- */

struct segment {
	u64 addr;
	u32 length;
	bool writable;
};

struct chain {
	unsigned int count;
	struct segment segment[SEGMENTS_MAX];
};

struct slot {
	bool busy;
	u64 writable;	/* bytes of its chain */
	u8 *status;	/* where a storage request has its status byte, if that can be seen */
	u8 how;		/* input: what is wrong with its chain, as input_spoil() names it */
};

struct queue {
	unsigned int index;
	unsigned int size;
	struct vring ring;
	u64 desc_addr, avail_addr, used_addr;
	struct vring_desc *tables;	/* indirect, SEGMENTS_MAX a slot */
	u64 tables_addr;
	u16 avail, used;
	int kick, call;
	unsigned int under_way;
	struct slot slot[SLOTS];
};

/* slot < 0: there was no used entry */
struct used {
	int slot;
	u32 length;
};

void chain_order(struct chain *chain);	/* what is readable first: else it would be a bad ring */
void ring_init(struct device *device, unsigned int index);
void ring_reset(struct queue *queue);
int ring_slot(const struct queue *queue);	/* a free one, or -1 */
void ring_push(struct device *device, struct queue *queue, int slot, const struct chain *chain);
void ring_kick(struct queue *queue);
struct used ring_pop(struct queue *queue);
bool ring_wait(struct queue *queue, unsigned int ms);
bool ring_break(struct device *device, struct queue *queue, unsigned int how);
const char *ring_hazard(unsigned int how);	/* NULL: there are no more */

/* ---- device.c ---- */

struct device {
	const char *service;
	char node[64];
	char sysfs[128];
	int fd;
	u32 class;
	unsigned int queues;
	u64 features;
	bool mapped;
	u64 epoch;
	u64 contract;		/* in force, as the last answer has said */
	u64 granted;
	const struct vs_class_spec *spec;
	struct vs_terms terms;	/* of that contract */
	struct queue queue[QUEUES_MAX];
};

void device_find(struct device *device, const char *service);
bool device_try_open(struct device *device);
void device_open(struct device *device);	/* patiently: another life may just end */
int device_own(struct device *device);		/* SET_OWNER; an errno */
void device_init(struct device *device);	/* what QEMU does before its guest runs */
void device_read_config(struct device *device);
void device_start(struct device *device);
void device_stop(struct device *device);
void device_reset(struct device *device);
void device_close(struct device *device);
void device_run(struct device *device);		/* open, init, config, start */
void device_chaos(struct device *device, unsigned int count);
bool device_one_ioctl(struct device *device);	/* returns whether it succeeded */
u64 device_counter(const struct device *device, const char *name);

static inline struct queue *data_queue(struct device *device, unsigned int number)
{
	return &device->queue[VS_CHANNEL_QUEUE_DATA + number];
}

/* ---- message.c ---- */

bool message_exchange(struct device *device, const void *bytes, size_t length, size_t room,
		      struct vs_message *answer);
bool message_initialize(struct device *device);
bool message_ask(struct device *device);	/* to a grant, by an offer */
bool message_start(struct device *device);
bool message_contract(struct device *device);	/* all of it; false: denied */
void message_from_nowhere(struct device *device);	/* its address is no memory */
bool message_release(struct device *device);
void message_unanswered(struct device *device);	/* several, and no look at the answers */
void message_random(struct device *device);

/*
 * ---- storage.c, network.c, input.c, port.c, audio.c: fill free slots, look at what came back ---
 * Each returns the queue that something comes back on.
 */

struct queue *storage_push(struct device *device, bool hostile);
struct queue *storage_push_at(struct device *device, u64 addr);
void storage_write_all(struct device *device);
void storage_returned(struct device *device, struct queue *queue, struct used used);
struct queue *network_push(struct device *device, bool hostile);
void network_receive(struct device *device);	/* frames for the guest */
u32 network_pairs(const struct device *device);
void network_returned(struct device *device, struct queue *queue, struct used used);
struct queue *input_push(struct device *device, bool hostile);
#define INPUT_REPORT	4	/* events of a report of input_type(), at most */
void input_post(struct device *device);		/* room for a report, but for one event */
void input_type(struct device *device);		/* a report for the guest */
void input_returned(struct device *device, struct queue *queue, struct used used);
struct queue *port_push(struct device *device, bool hostile);
void port_returned(struct device *device, struct queue *queue, struct used used);
const char *input_spoil(unsigned int how);	/* NULL: there are no more */
struct queue *audio_push(struct device *device, bool hostile);
void audio_starve(struct device *device, void (*stay)(const char *state));
void audio_returned(struct device *device, struct queue *queue, struct used used);

/* ---- fuzz.c ---- */

/* Shared by all lives of a run. */
struct counts {
	u64 lives, killed, contracts, denied, resets, chaos, changes;
	u64 messages, answered, status[VS_STATUSES];
	u64 pushed, executed, lost, broken;
	u64 refused[256];	/* storage: by status byte; input: by what was wrong */
	u64 returned;		/* network; input: status */
	u64 told;		/* input: answers that have something in them */
	bool sick;		/* a life has seen what must not be */
};

extern struct counts *counts;

/* Of a class without data queues: pushes nothing, and returns the queue of its messages. */
struct queue *push_round(struct device *device, bool hostile);
unsigned int reap(struct device *device);
void fuzz(struct device *device, u64 seed, unsigned int seconds);

/* ---- changes.c ---- */

void changes(struct device *device, unsigned int seconds);

/* ---- endings.c ---- */

void endings(struct device *device);
void limits(struct device *device, const char *which);
int hold_after_exec(int fd);

/* ---- fuse.c ---- */

void fuse(struct device *device);

#endif
