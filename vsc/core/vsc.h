/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The client: its objects and who owns what.
 *
 *	session	one service as this machine sees it; a device of class "vsc", named
 *		vsc<N>, keyed by the service's UUID
 *	class	module that shows a session's contract as an ordinary Linux device
 *
 * Contexts.  A session's machine runs in its own ordered workqueue (vsc/core/session_work.c),
 * under memalloc_noio: its disk may be what memory reclaim waits for.  The channel's
 * callbacks (interrupt) and sysfs writers only queue to it.  Data requests run in
 * blk-mq and in the virtqueue's callback and never wait for the session.
 *
 * Lock order: vsc_request.lock > vsc_session.lock, class_lock > lock; a class's own
 * spinlocks > the session's inbox.
 */
#ifndef VSC_H
#define VSC_H

#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>

#include "channel/guest/channel.h"
#include "vs_class.h"
#include "vs_limits.h"
#include "vs_states.h"
#include "vs_terms.h"
#include "vs_wire.h"
#include "vsc/class.h"
#include "vsc/demand/auto.h"

/* Counters that sysfs shows; written from the session's work only. */
struct vsc_session_counters {
	u64 messages;		/* sent */
	u64 malformed;		/* answers and calls refused by the decoder */
	u64 calls;		/* received */
	u64 grants;
	u64 denials;
	u64 renegotiations;	/* contracts that replaced another */
	u64 kept;		/* grants of continued use */
	u64 timeouts;
	u64 adopted;		/* contracts learnt from INITIALIZE_COMPLETE */
	u64 resets;		/* of the device, for a broken ring */
	u64 held_back_ms;	/* at a ceiling */
	u64 violations;		/* windows in which the floor was not kept */
	u64 reasons[VS_REASONS];	/* of renegotiations */
};

/**
 * struct vsc_session_result - how the last renegotiation ended
 * @epoch: its epoch
 * @outcome: enum vs_wire_outcome, 0: none yet, or it failed
 * @reason: enum vs_wire_reason
 * @term: of a denial: id of the first term that was short, else 0
 * @kept: denied or not wanted, and the running contract was kept
 * @error: errno of a failure of this side, else 0
 * @asked: of the term that was short: the least that was asked for
 * @available: of the term that was short: the most that was offered
 */
struct vsc_session_result {
	u64 epoch;
	u32 outcome;
	u32 reason;
	u16 term;
	bool kept;
	int error;
	u64 asked;
	u64 available;
};

struct vsc_sysfs;	/* vsc/admin/sysfs_terms.c: attributes of the terms */
struct vsc_work;	/* vsc/core/session.h: workqueue, timers, exchanges */

/**
 * struct vsc_request - what is to be asked for
 * @lock: protects the rest
 * @staged: wishes as written, complete set; taken by "renegotiate"
 * @staged_set: bit 2*index: low written, 2*index+1: high or text
 * @wish: what the next ask is made from (taken from @staged by "renegotiate")
 * @wish_set: as @staged_set, of @wish: a floor of 0 that was written is no floor, one that
 *	was not is whatever the service allows
 */
struct vsc_request {
	struct mutex lock;	/* staged wishes */
	struct vs_terms staged;
	u32 staged_set;
	struct vs_terms wish;
	u32 wish_set;
};

/**
 * struct vsc_held - the contract that is held
 * @id: 0: none
 * @terms: its terms
 */
struct vsc_held {
	u64 id;
	struct vs_terms terms;
};

/**
 * struct vsc_negotiation - the negotiation that goes on, or was the last one
 * @epoch: current
 * @asked: last ask sent
 * @offered: last offer, or what a denial says is available
 * @granted: last grant, whether or not it has started
 * @reason: of the last INITIALIZE, either way
 * @deadline: ktime of the open call's deadline, 0: none (shown only, never acted on)
 * @ns: how long the last one that is over took, from INITIALIZE to START_COMPLETE
 * @result: how that one ended
 */
struct vsc_negotiation {
	u64 epoch;
	struct vs_terms asked;
	struct vs_terms offered;
	struct vs_terms granted;
	u32 reason;
	ktime_t deadline;
	u64 ns;
	struct vsc_session_result result;
};

/**
 * struct vsc_session - one service as this machine sees it
 * @dev: vsc<N>; its reference count is the session's
 * @spec: its class, known without its module
 * @class: NULL while its module is missing; pinned by vsc_class_get(), not by a
 *	module reference (an open device pins it). Written by the work
 * @uuid: of the service
 * @name: of the service
 * @channel: NULL once it is gone; the work's own
 * @entry: in the list of sessions (vsc/core/registry.c)
 * @sysfs: what vsc_sysfs_add() has made
 *
 * @class_lock: held to change @class, and to call a class from outside the work
 *
 * @request: what is to be asked for; has a lock of its own
 *
 * @lock: protects what follows, for readers in sysfs; written by the work only, but for
 *	@knobs. Not for interrupt context
 * @state: VSC state
 * @class_missing: shown in "state" as such
 * @held: see there
 * @last: see struct vsc_negotiation
 * @counters: see there
 * @knobs: of the client's own judgement; written by sysfs
 * @work: the machine's innards
 * @class_data: owned by the class
 */
struct vsc_session {
	struct device dev;
	const struct vs_class_spec *spec;
	const struct vsc_class *class;
	uuid_t uuid;
	char name[VS_WIRE_NAME_MAX + 1];
	struct vsc_channel *channel;
	struct list_head entry;
	struct vsc_sysfs *sysfs;

	struct mutex class_lock;	/* changes of class */
	struct vsc_request request;

	spinlock_t lock;	/* what sysfs shows */
	enum vs_state state;
	bool class_missing;
	struct vsc_held held;
	struct vsc_negotiation last;
	struct vsc_session_counters counters;
	struct vsc_auto_knobs knobs;

	struct vsc_work *work;
	void *class_data;
};

/**
 * struct vsc_view - a copy of what sysfs shows of a session, all of one moment
 * @spec: of the session
 * @state: of it
 * @class_missing: likewise
 * @violations: of its counters
 * @held: of the session
 * @last: likewise
 *
 * Too large for the stack (8 KiB).
 */
struct vsc_view {
	const struct vs_class_spec *spec;
	enum vs_state state;
	bool class_missing;
	u64 violations;
	struct vsc_held held;
	struct vsc_negotiation last;
};

#define to_vsc_session(device) container_of(device, struct vsc_session, dev)

/* vsc/core/registry.c: classes, list of sessions */
const struct vsc_class *vsc_class_get(const struct vs_class_spec *spec);
void vsc_class_put(const struct vsc_class *class);
void vsc_registry_add(struct vsc_session *session);
void vsc_registry_remove(struct vsc_session *session);

/* vsc/core/main.c: module, device class */
struct vsc_session *vsc_main_new(struct device *parent, const struct vs_class_spec *spec);
int vsc_main_add(struct vsc_session *session);
void vsc_main_remove(struct vsc_session *session);

/* vsc/core/session.c */
extern const struct vsc_channel_ops vsc_session_ops;

/* vsc/core/session_inbox.c */
int vsc_session_renegotiate(struct vsc_session *session, u32 reason);
int vsc_session_release(struct vsc_session *session);
void vsc_session_auto(struct vsc_session *session, bool on);
bool vsc_session_is_released(struct vsc_session *session);
void vsc_session_class_changed(struct vsc_session *session, const struct vsc_class *class);

/* vsc/core/policy.c: what to ask, what to choose */
int vsc_policy_check(struct vsc_session *session, const struct vs_terms *wish);
int vsc_policy_wish(struct vsc_session *session, struct vs_terms *wish);
bool vsc_policy_within(const struct vs_class_spec *spec, const struct vs_terms *ask,
		       const struct vs_terms *grant);
int vsc_policy_choose(struct vsc_session *session, const struct vs_terms *offer,
		      struct vs_terms *choice, u16 *term);
void vsc_policy_shortfall(const struct vs_terms *ask, const struct vs_terms *offer,
			  struct vsc_session_result *result);

/* vsc/demand/watch.c */
void vsc_watch_wish(struct vsc_session *session, struct vs_terms *wish);

/* vsc/admin/sysfs_terms.c: terms/ and request/, as the class's table has them */
int vsc_sysfs_add(struct vsc_session *session);
void vsc_sysfs_remove(struct vsc_session *session);
ssize_t vsc_sysfs_emit_terms(struct vsc_session *session, const struct vsc_view *view, char *text,
			     ssize_t at);

/* vsc/admin/sysfs_contract.c */
extern const struct attribute_group vsc_sysfs_contract;

/* vsc/admin/sysfs_auto.c */
extern const struct attribute_group vsc_sysfs_auto;

/* vsc/admin/sysfs.c */
extern const struct attribute_group *vsc_sysfs_groups[];
#define VSC_SYSFS_GROUPS	4

#endif
