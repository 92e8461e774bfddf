/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's side of an input device: what input.c (the contract), source.c (devices of the
 * host), inject.c (a service's own devices in the host), feed.c (who has the events of these),
 * seat.c (whether the host's own seat has them, too), led.c (their LEDs), chord.c (the keys that
 * move them), report.c (what waits for a client), caps.c (what is told of the devices) and queue.c
 * (the data queues) share.
 *
 * Events come with interrupts off, under the event_lock of their device.  Each report updates the
 * state of its feed and is copied to the streams of those who have the feed; the mover of a
 * service takes reports out of its stream, as its rate and the client's buffers allow.
 *
 * Locks: vsp_rates_lock() or the input core's event_lock > vsp_input_feed.lock.  The input core's
 * input_mutex > vsp_input_feed.devices_lock > mutex and event_lock of a device.
 */
#ifndef VSP_INPUT_H
#define VSP_INPUT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

#include "channel/host/queue.h"
#include "vs_input.h"
#include "vsp/input/feed.h"
#include "vsp/input/report.h"

enum vsp_input_counter {
	VSP_INPUT_REPORTS,	/* given to the client */
	VSP_INPUT_SENT,		/* events of these */
	VSP_INPUT_DROPPED,	/* times that reports were lost, the client was too slow */
	VSP_INPUT_STATUS,	/* events that the client has sent */
	VSP_INPUT_MALFORMED,	/* requests or buffers of the client that are wrong */
	VSP_INPUT_COUNTERS
};

/**
 * struct vsp_input - what the class has of a service
 * @service: whose
 * @feed: its source's, or that of @inject
 * @inject: NULL if the pool has a source
 * @counter: for sysfs
 *
 * Under feed->lock:
 * @entry: in feed->members
 * @present: there is a contract in force
 * @lost: the source was moved to another one, whatever @grant says of having it alone
 * @grant: of it
 * @queue: events, from its first kick to its reset
 * @stream: what waits
 * @stale: what is in @report was taken under another contract, or for another device of the client
 * @resumed: the rings were set up anew: the client has gone on with its device, or is another one
 *
 * Of the mover of events:
 * @count: events of @report, which waits for its rate or for buffers; 0: none
 * @owed: cost of the last report that has passed, until it is known whether another one waits
 * @report: as it will be sent
 * @chain: of each mover, as last peeked
 */
struct vsp_input {
	struct vsp_service *service;
	struct vsp_input_feed *feed;
	struct vsp_input_inject *inject;
	atomic64_t counter[VSP_INPUT_COUNTERS];

	struct list_head entry;
	bool present;
	bool lost;
	struct vs_input_grant grant;
	struct vsp_queue *queue;
	struct vsp_input_stream stream;
	bool stale;
	bool resumed;

	unsigned int count;
	u64 owed;
	struct vsp_input_event report[VS_INPUT_REPORT_MAX];
	struct vsp_chain chain[VS_INPUT_QUEUES];
};

/* queue.c */
void vsp_input_queue_kick(struct vsp_service *service, struct vsp_queue *queue);
void vsp_input_queue_reap(struct vsp_service *service, struct vsp_queue *queue);
void vsp_input_queue_reset(struct vsp_service *service);
void vsp_input_queue_wake(struct vsp_service *service, u32 flow);

/**
 * vsp_input_count() - add to what sysfs shows
 * @input: whose
 * @counter: which
 * @by: how much
 *
 * Context: any.
 */
static inline void vsp_input_count(struct vsp_input *input, enum vsp_input_counter counter, u64 by)
{
	atomic64_add(by, &input->counter[counter]);
}

#endif
