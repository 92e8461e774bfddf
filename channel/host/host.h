/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host end of a channel, inside: channel/host/channel.c, vdpa.c, mover.c, job.c,
 * queue.c, message.c.
 *
 * Locks, outer to inner: what vDPA holds around an operation (the VMM's ioctl,
 * vdpa_device.cf_lock) > vsp_mover.mutex > (mmap_lock, in a user copy) >
 * vs_memory.lock.  Inside of a mutex also: vsp_messages.lock, vsp_queue.callback_lock,
 * vsp_jobs.lock.  vsp_mover.lock is innermost and taken in any context.
 */
#ifndef VS_HOST_H
#define VS_HOST_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/wait.h>

#include "channel/host/channel.h"
#include "channel/host/ring.h"

struct pid;
struct task_struct;
struct vhost_task;

#define VSP_QUEUE_KICKED	0	/* bit of vsp_queue.kicked */
#define VSP_SUSPEND_MS		2000	/* longest wait for answers to messages in flight */

/**
 * enum vsp_queue_state - of one virtqueue
 * @VSP_QUEUE_IDLE: no DRIVER_OK since the reset, or not enabled by then
 * @VSP_QUEUE_STARTING: to be looked at; nothing in memory was touched yet
 * @VSP_QUEUE_RUNNING: its mover takes from it
 * @VSP_QUEUE_STOPPED: suspended or disabled; what is in flight may complete
 */
enum vsp_queue_state {
	VSP_QUEUE_IDLE,
	VSP_QUEUE_STARTING,
	VSP_QUEUE_RUNNING,
	VSP_QUEUE_STOPPED,
};

/**
 * struct vsp_queue - one virtqueue
 * @channel: whose
 * @mover: who moves
 * @index: on the wire, from 0
 *
 * @staged: as the driver has set it up; taken over at DRIVER_OK. This and the next
 *	two under the ioctl's or the virtio core's own serialisation
 * @addressed: its addresses were set since the reset
 * @ready: enabled
 *
 * @callback_lock: protects the next two; held while calling back, so that none
 *	runs any more once it was taken away. Bottom halves off
 * @callback: to the driver
 * @called: a completion has called, or found nobody to call, since DRIVER_OK
 *
 * @kicked: bit 0: its mover is to look at it
 *
 * @state: under mover->mutex, as all that follows
 * @ring: valid unless @state is VSP_QUEUE_IDLE
 * @told: a bad ring was logged and counted
 * @in_flight: chains consumed and not completed
 */
struct vsp_queue {
	struct vsp_channel *channel;
	struct vsp_mover *mover;
	unsigned int index;

	struct vs_ring_layout staged;
	bool addressed;
	bool ready;

	spinlock_t callback_lock;	/* outside of the driver's own locks */
	struct vdpa_callback callback;
	bool called;

	unsigned long kicked;

	enum vsp_queue_state state;
	struct vs_ring ring;
	bool told;
	unsigned int in_flight;
};

/**
 * struct vsp_mover - the thread that moves the bytes of some virtqueues
 * @channel: whose
 * @index: 0 for virtqueues 0 and 1; n for data queue n - 1, or for all of them if the class has
 *	one mover
 * @mutex: held by the thread while it runs, or by the VMM's ioctl while it drains
 * @lock: protects the two below; any context
 * @task: held: a thread of the VMM. May be dead while it is here
 * @kthread: local
 * @pending: bit 0: to be run
 * @wakes: number of vsp_mover_wake() so far
 * @wait: for a further one, by who drains
 */
struct vsp_mover {
	struct vsp_channel *channel;
	unsigned int index;
	struct mutex mutex;	/* outside of mmap_lock */
	spinlock_t lock;	/* innermost, interrupts off */
	struct vhost_task *task;
	struct task_struct *kthread;
	unsigned long pending;
	atomic_t wakes;
	wait_queue_head_t wait;
};

/**
 * struct vsp_worker - a thread of the VMM that does jobs
 * @jobs: whose
 * @task: NULL without one. May be dead while it is here
 * @alive: it has a thread that will look at the list again; as the next under jobs->lock
 * @busy: it was woken, and has not found the list empty since
 */
struct vsp_worker {
	struct vsp_jobs *jobs;
	struct vhost_task *task;
	bool alive;
	bool busy;
};

/**
 * struct vsp_jobs - what is done beside the movers
 * @lock: protects @list, and the flags of the workers
 * @list: jobs that nobody has begun. Empty while no worker is alive
 * @worker: those that there may be
 */
struct vsp_jobs {
	spinlock_t lock;	/* inside of a mover's mutex */
	struct list_head list;
	struct vsp_worker worker[VSP_WORKERS_MAX];
};

struct vsp_messages;

/**
 * struct vsp_channel_driver - what the driver of a channel has said
 * @features: negotiated
 * @status: of the device
 * @config_read: a driver has read the config space since the last reset
 */
struct vsp_channel_driver {
	u64 features;
	u8 status;
	bool config_read;
};

/**
 * struct vsp_channel_hold - who may open a channel, and who has
 * @lock: protects the rest
 * @held: a VMM has it open
 * @vmm: the process whose memory it has said is the channel's; a reference, or NULL
 * @dying: nobody may open it any more
 * @refused: an open has failed
 * @removing: it is about to be unregistered
 * @late: it was opened all the same
 */
struct vsp_channel_hold {
	spinlock_t lock;	/* a leaf */
	bool held;
	struct pid *vmm;
	bool dying;
	bool refused;
	bool removing;
	bool late;
};

/**
 * struct vsp_channel - the host end of one
 * @vdpa: the device. First; its last reference frees all of it
 * @ops: of the service
 * @service: their argument
 * @wire: config space
 * @spec: class
 * @local: for virtio_vdpa, else for vhost_vdpa
 * @workers: how many threads a VMM that holds it has for @jobs
 * @owner: pinned while held
 * @driver: see there
 * @hold: see there; has a lock of its own
 *
 * @memory: of the driver
 * @queues: entries of @queue: 2 and the class's
 * @queue: all virtqueues
 * @movers: entries of @mover: 1 and the class's data queues, or 2
 * @mover: all of them
 * @jobs: what is done beside these
 * @messages: see channel/host/message.c
 * @ring_errors: bad rings and driver errors so far
 * @ratelimit: of what the log says of them
 */
struct vsp_channel {
	struct vdpa_device vdpa;
	const struct vsp_channel_ops *ops;
	void *service;
	struct vs_wire_config wire;
	const struct vs_class_spec *spec;
	bool local;
	unsigned int workers;
	struct module *owner;

	struct vsp_channel_driver driver;
	struct vsp_channel_hold hold;

	struct vs_memory memory;
	unsigned int queues;
	struct vsp_queue *queue;
	unsigned int movers;
	struct vsp_mover *mover;
	struct vsp_jobs jobs;
	struct vsp_messages *messages;
	atomic64_t ring_errors;
	struct ratelimit_state ratelimit;
};

/* channel/host/vdpa.c: what the driver calls */
extern const struct vdpa_config_ops vsp_vdpa_ops;
const char *vsp_vdpa_driver_name(const struct vsp_channel *channel);

/* channel/host/mover.c */
void vsp_mover_init(struct vsp_mover *mover, struct vsp_channel *channel, unsigned int index);
int vsp_movers_start(struct vsp_channel *channel);
void vsp_movers_stop(struct vsp_channel *channel);
void vsp_mover_wake(struct vsp_mover *mover);
void vsp_mover_quiesce(struct vsp_mover *mover, bool suspend);

/* channel/host/job.c */
void vsp_jobs_init(struct vsp_jobs *jobs);
int vsp_jobs_start(struct vsp_jobs *jobs, unsigned int count);
void vsp_jobs_stop(struct vsp_jobs *jobs);

/* channel/host/queue.c */
void vsp_queue_init(struct vsp_queue *queue, struct vsp_channel *channel, unsigned int index);
void vsp_queue_prepare(struct vsp_queue *queue);
bool vsp_queue_begin(struct vsp_queue *queue);
void vsp_queue_stop(struct vsp_queue *queue);
void vsp_queue_clear(struct vsp_queue *queue);
void vsp_queue_drain(struct vsp_queue *queue);
void vsp_queue_set_callback(struct vsp_queue *queue, const struct vdpa_callback *callback);
void vsp_queue_driver_error(struct vsp_queue *queue, const char *what);

/* channel/host/message.c */
struct vsp_messages *vsp_messages_alloc(void);
void vsp_messages_move(struct vsp_channel *channel);
void vsp_messages_drain(struct vsp_channel *channel);
void vsp_messages_void(struct vsp_channel *channel);

#endif
