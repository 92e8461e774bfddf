/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider: its objects and who owns what.
 *
 *	pool	configfs item, made by the administrator; owns capacity and charges
 *	service	configfs item, made by the administrator; owns its contracts, its
 *		state machine and, while enabled, its channel
 *	class	module that knows one kind of device; const table, registered
 *
 * Contexts.  Everything that changes a service's session (messages, calls,
 * deadlines, leases, resets) runs in the service's own work item (vsp/core/service_inbox.c),
 * one at a time.  Data requests run in the channel's movers and
 * read the contract in force by RCU.  configfs and sysfs writers run in the
 * administrator's process.
 *
 * Lock order: configfs' own locks > vsp_service.admin > vsp_pool.lock > vsp_inbox.lock,
 * vsp_pool.rates.lock > locks of a class > vsp_service.rates.lock.
 * Nothing waits for a mover but the VMM's own suspend, reset and close.
 */
#ifndef VSP_H
#define VSP_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vsp/pool/allocate.h"
#include "channel/host/channel.h"
#include "vs_class.h"
#include "vs_states.h"
#include "vs_terms.h"

#include "vsp/class.h"
#include "vsp/rate/rates.h"

static_assert(VSP_RATES_MAX == VSP_SHARE_RATES_MAX);

#define VSP_PATH_MAX		256	/* bytes of source and backing, zero included */
#define VSP_TEXTS_MAX		3	/* texts of a pool, of its class */
#define VSP_TEXT_MAX		256	/* bytes of one, zero included */
#define VSP_ROUNDS_MAX		8	/* asks in one epoch */
#define VSP_BAD_MESSAGES_MAX	5	/* in a row, then the session ends */
#define VSP_RESERVED_MAX	50	/* percent of a rate that floors never have */

/**
 * struct vsp_pool_settings - what the administrator has said of a pool
 * @source: staged; read at enable
 * @text: of the class; staged; read at enable
 * @burst_ms: rates may be passed by this much at once
 * @reserved_percent: of every RATE's capacity, never granted as a floor
 */
struct vsp_pool_settings {
	char source[VSP_PATH_MAX];
	char text[VSP_TEXTS_MAX][VSP_TEXT_MAX];
	u32 burst_ms;
	u32 reserved_percent;
};

/**
 * struct vsp_pool_amounts - what a pool has and has given, per term of the class
 * @capacity: of RATE and SPACE only
 * @capacity_set: by the administrator, else the class may fill it in
 * @charged: sum over the pool's services of vsp_member.charge[], and @orphaned; saturates
 * @orphaned: what the source keeps for services that have not been enabled since the
 *	pool was, or have left it
 */
struct vsp_pool_amounts {
	u64 capacity[VS_WIRE_TERMS_MAX];
	bool capacity_set[VS_WIRE_TERMS_MAX];
	u64 charged[VS_WIRE_TERMS_MAX];
	u64 orphaned[VS_WIRE_TERMS_MAX];
};

/**
 * struct vsp_pool_scratch - too large for a stack
 * @offer: that is made
 * @grant: likewise
 */
struct vsp_pool_scratch {
	struct vs_terms offer;
	struct vs_terms grant;
};

/**
 * struct vsp_pool_invitation - what has become free is told in rounds; vsp/pool/invite.c
 * @work: the next round; queued under the pool's lock, while it is enabled
 * @queued: it is
 * @last: when the last round was
 * @freed_by: the service that alone has freed what @work is for; NULL: several have.
 *	Not a reference: it is only compared
 */
struct vsp_pool_invitation {
	struct delayed_work work;
	bool queued;
	ktime_t last;
	const struct vsp_service *freed_by;
};

/**
 * struct vsp_pool_watch - what sources do by themselves; vsp/pool/watch.c
 * @poll_ms: how often @work runs by itself; 0: never
 * @work: looks at the source while the pool is enabled
 * @gone: likewise, only for what is gone, and waits for nothing
 */
struct vsp_pool_watch {
	u32 poll_ms;
	struct delayed_work work;
	struct work_struct gone;
};

/**
 * struct vsp_pool - a resource that services have portions of
 * @group: configfs item; its reference count is the pool's
 * @class: of the directory's name, pinned while @enabled
 * @spec: of that class, known without its module
 * @name: what follows "<class>." in the directory's name
 * @lock: protects all below; held only around the pure algebra, never while sleeping
 *	for I/O or a peer (enable and disable hold it not at all: @admin does that)
 * @admin: serialises enable and disable
 * @settings: see there
 * @enabled: source is open; class_data valid
 * @amounts: see there
 * @services: all that name this pool, by vsp_member.entry
 * @no_space: writes that the source had no space for, though it was granted; of the class
 * @users: vsp_pool_use() without vsp_pool_unuse(); the pool stays enabled while > 0
 * @scratch: of offers and grants
 * @renegotiation: some time after a capacity or the reserved percentage was changed; queued
 *	under @admin, while @enabled
 * @invitation: see there
 * @watch: see there
 * @rates: the data path's; has a lock of its own
 * @class_data: owned by the class
 */
struct vsp_pool {
	struct config_group group;
	const struct vsp_class *class;
	const struct vs_class_spec *spec;
	char name[VSP_NAME_MAX];
	struct mutex admin;	/* enable and disable */
	struct mutex lock;	/* capacity, charges, membership */
	struct vsp_pool_settings settings;
	bool enabled;
	struct vsp_pool_amounts amounts;
	struct list_head services;
	atomic64_t no_space;
	unsigned int users;
	struct vsp_pool_scratch scratch;
	struct delayed_work renegotiation;
	struct vsp_pool_invitation invitation;
	struct vsp_pool_watch watch;
	struct vsp_rates_pool rates;
	void *class_data;
};

/**
 * struct vsp_call - a call for a new contract, with what happens if nobody answers
 * @open: not settled yet; @reason, @deadline and @fallback are valid while it is
 * @reason: enum vs_wire_reason
 * @deadline: when @fallback comes into force
 * @fallback: NULL: withdrawal; owned by the session
 * @unanswered: the client has not answered the call (or what it was told last)
 * @anew: the open call is to be made about the contract that was just started
 *
 * The last two belong to the session's work; the rest it writes under view_lock.
 */
struct vsp_call {
	bool open;
	u32 reason;
	ktime_t deadline;
	struct vsp_contract *fallback;
	bool unanswered;
	bool anew;
};

/* Counters that sysfs shows; written from the service's work only. */
struct vsp_service_counters {
	u64 messages;		/* received, well formed */
	u64 malformed;		/* refused by the decoder */
	u64 unexpected;		/* refused by the state machine */
	u64 grants;
	u64 denials;
	u64 renegotiations;	/* START_COMPLETEs that replaced a contract */
	u64 fallbacks;		/* contracts that a deadline put in force */
	u64 withdrawals;
	u64 calls;		/* written to the client */
	u64 leases;		/* that ran out */
	/* Renegotiations by what has led to them. */
	u64 renegotiations_for[VS_REASONS];
};

/* What user space is told of a service: VSP_EVENT of a uevent, but for VSP_CHANGE_STATE. */
enum vsp_change {
	VSP_CHANGE_STATE,	/* no uevent: wakes those who poll */
	VSP_CHANGE_ENABLED,
	VSP_CHANGE_ACCESS,	/* owner, group or mode of its device file */
	VSP_CHANGE_CONTRACT,	/* another one is in force */
	VSP_CHANGE_FALLBACK,	/* another one is in force, by a deadline */
	VSP_CHANGE_WITHDRAWN,
	VSP_CHANGE_HELD,	/* its client is gone, its lease runs */
	VSP_CHANGE_RELEASED,
	VSP_CHANGE_DENIED,
	VSP_CHANGE_VIOLATED,	/* a floor was not kept */
	VSP_CHANGE_SLOW,	/* its source is slower than the pool's capacity */
	VSP_CHANGE_WELL,	/* the source is not slow any more */
	VSP_CHANGE_ASK,		/* its class waits for an answer from user space */
	VSP_CHANGE_DROPPED,	/* the contract that was asked about will not come */
};

struct vsp_session;	/* vsp/core/session.h */

/**
 * struct vsp_identity - what a service's data are found by; vsp/admin/uuid.c
 * @uuid: for ever. Null until it was written or needed
 * @entry: in the list of those that are not null
 * @fixed: was enabled before, so that data may be found by @uuid. Under vsp_service.admin
 * @written: by the administrator. Likewise
 */
struct vsp_identity {
	uuid_t uuid;
	struct list_head entry;
	bool fixed;
	bool written;
};

/**
 * struct vsp_settings - what the administrator has said of a service
 * @backing: path of an existing file or device, or empty; of the class
 * @guest: label, for people
 * @local: for this kernel's own VSC
 * @weight: part of what others leave unused, and of what is left to its @priority in a
 *	deficit, relative to the pool's other services
 * @priority: in a deficit, a lower one gives way before a higher one
 * @lease_ms: of contracts whose client is gone
 * @deadline_ms: of calls made by "renegotiate" and "withdraw"
 * @keep: a client may refuse a new offer and keep what the pool can still hold
 */
struct vsp_settings {
	char backing[VSP_PATH_MAX];
	char guest[64];
	bool local;
	u32 weight;
	u32 priority;
	u32 lease_ms;
	u32 deadline_ms;
	bool keep;
};

/**
 * struct vsp_access - of /dev/vhost-vdpa-N, applied by udev (packaging/60-vsp.rules)
 * @uid: its owner
 * @gid: its group
 * @mode: permission bits
 */
struct vsp_access {
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
};

/**
 * struct vsp_staged - limits as written, until "renegotiate" takes them
 * @lock: protects the rest; the innermost lock
 * @limits: complete set: what the client may be granted at most. RATE: most
 *	floor (0 unless set), most ceiling (U64_MAX: the pool's capacity); SPACE: 0, max;
 *	LEVEL: min, max; SET: 0, allowed; IDENTITY: text
 * @set: which limits were written (bit 2*index: low, 2*index+1: high)
 */
struct vsp_staged {
	spinlock_t lock;	/* staged limits */
	struct vs_terms limits;
	u32 set;
};

/**
 * struct vsp_member - what a pool knows of one of its services
 * @entry: in pool->services
 * @limits: copy of vsp_staged.limits that offers are made from; taken at enable and
 *	"renegotiate"
 * @charge: what the pool is charged for this service, per term: the most of in
 *	force, held, pending, fallback and kept
 * @adopted: what its backing keeps is in @charge, not in pool->amounts.orphaned
 * @least: what its client's last ask needs at least, per term; 0: any less will do
 * @share: what it may hold of @charge while its pool is in deficit, per term: its
 *	part of the capacity, as it was divided when that fell
 * @displaced: by the same division, no contract of it fits any more; until it is granted
 *	one again
 * @claim: scratch of that division
 * @watched: the pool's watch may ask its class
 * @source_limits: what its class has answered last
 *
 * All under pool->lock.
 */
struct vsp_member {
	struct list_head entry;
	struct vs_terms limits;
	u64 charge[VS_WIRE_TERMS_MAX];
	bool adopted;
	u64 least[VS_WIRE_TERMS_MAX];
	u64 share[VS_WIRE_TERMS_MAX];
	bool displaced;
	struct vsp_claim claim;
	bool watched;
	struct vs_terms source_limits;
};

/**
 * struct vsp_service_device - what a client sees of a service
 * @enabled: it is there
 * @channel: while @enabled
 * @groups: of the channel's device, while @enabled
 */
struct vsp_service_device {
	bool enabled;
	struct vsp_channel *channel;
	const struct attribute_group **groups;
};

/**
 * struct vsp_service_ratelimit - what a client may cause only so often
 * @uevents: of its service
 * @log: lines
 */
struct vsp_service_ratelimit {
	struct ratelimit_state uevents;
	struct ratelimit_state log;
};

/**
 * struct vsp_service - a portion of a pool that one client may have
 * @group: configfs item; its reference count is the service's
 * @spec: class of the directory's name
 * @class: pinned while enabled
 * @name: what follows "<class>."; also the vDPA device's name
 * @identity: see there
 *
 * @admin: serialises enable, disable, release and changes of @pool, @settings and @access
 * @pool: configfs reference held while set
 * @settings: see there
 * @access: see there
 * @staged: limits; has a lock of its own
 * @device: see there
 * @leaving: its rmdir has begun; see vsp_configfs_depend()
 *
 * @member: the pool's; under pool->lock
 *
 * @ratelimit: see there
 * @in_force: RCU; replaced by the service's work only
 * @session: while enabled; see vsp/core/session.h; set and cleared under pool->lock
 * @counters: see there
 * @switches: of the class, a bit each; may change at any time
 * @rates: the data path's, by flow; under @pool's rates.lock
 * @class_data: owned by the class
 */
struct vsp_service {
	struct config_group group;
	const struct vs_class_spec *spec;
	const struct vsp_class *class;
	char name[VSP_NAME_MAX];
	struct vsp_identity identity;

	struct mutex admin;	/* enable, disable, release */
	struct vsp_pool *pool;
	struct vsp_settings settings;
	struct vsp_access access;
	struct vsp_staged staged;
	struct vsp_service_device device;
	bool leaving;

	struct vsp_member member;

	struct vsp_service_ratelimit ratelimit;
	struct vsp_contract __rcu *in_force;
	struct vsp_session *session;
	struct vsp_service_counters counters;
	unsigned long switches;
	struct vsp_rates rates[VS_CLASS_FLOWS_MAX];
	void *class_data;
};

/* vsp/core/main.c: classes */
const struct vsp_class *vsp_class_get(const struct vs_class_spec *spec);
void vsp_class_put(const struct vsp_class *class);
bool vsp_class_loaded(const struct vs_class_spec *spec);

/* vsp/pool/pool.c: the life of a pool */
void vsp_pool_init(struct vsp_pool *pool, const struct vs_class_spec *spec, const char *name);
int vsp_pool_enable(struct vsp_pool *pool);
int vsp_pool_disable(struct vsp_pool *pool);
int vsp_pool_use(struct vsp_pool *pool);
void vsp_pool_unuse(struct vsp_pool *pool);
void vsp_pool_join(struct vsp_pool *pool, struct vsp_service *service);
void vsp_pool_leave(struct vsp_pool *pool, struct vsp_service *service);

/* vsp/pool/admission.c: charges, offers and grants */
int vsp_pool_offer(struct vsp_service *service, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason);
int vsp_pool_reserve(struct vsp_service *service, const struct vs_terms *ask,
		     const struct vs_terms * const *charged, unsigned int count,
		     struct vs_terms *grant, u16 *denied, u32 *reason);
void vsp_pool_asked(struct vsp_service *service, const struct vs_terms *ask);
void vsp_pool_wanted(struct vsp_service *service, const struct vs_terms *ask,
		     struct vs_terms *wanted);
void vsp_pool_charge(struct vsp_service *service, const struct vs_terms * const *charged,
		     unsigned int count);
bool vsp_pool_names(struct vsp_service *service, const struct vs_terms *terms);
void vsp_pool_fallback(struct vsp_service *service, const struct vs_terms *terms,
		       struct vs_terms *fallback);
void vsp_pool_adopt(struct vsp_service *service);
u64 vsp_pool_available(struct vsp_pool *pool, u32 index);
u64 vsp_pool_deficit(struct vsp_pool *pool, u32 index);
u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index);

/* vsp/pool/divide.c: what there is, and who gives way when that is less */
int vsp_pool_set_capacity(struct vsp_pool *pool, u32 index, u64 value);
int vsp_pool_unset_capacity(struct vsp_pool *pool, u32 index);
int vsp_pool_set_reserved(struct vsp_pool *pool, u64 percent);
void vsp_pool_found(struct vsp_pool *pool, u32 index, u64 value);
void vsp_pool_renegotiate(struct vsp_pool *pool);
bool vsp_pool_holds(struct vsp_service *service, const struct vs_terms *terms);

/* vsp/pool/watch.c: what sources do by themselves */
void vsp_watch_init(struct vsp_pool *pool);
void vsp_watch_start(struct vsp_pool *pool);
void vsp_watch_stop(struct vsp_pool *pool);
void vsp_watch_add(struct vsp_service *service);
void vsp_watch_drop(struct vsp_service *service);

/* vsp/admin/uuid.c: what a service's data are known by */
void vsp_uuid_of_name(const uuid_t *space, const char *name, uuid_t *uuid);
int vsp_uuid_set(struct vsp_service *service, const uuid_t *uuid);
int vsp_uuid_settle(struct vsp_service *service, const struct vsp_class *class);
void vsp_uuid_drop(struct vsp_service *service);

/* vsp/core/service.c: the life of a service */
void vsp_service_init(struct vsp_service *service, const struct vs_class_spec *spec,
		      const char *name);
int vsp_service_enable(struct vsp_service *service);
int vsp_service_disable(struct vsp_service *service);
int vsp_service_release(struct vsp_service *service);

/* vsp/core/service_inbox.c: what is wanted of it */
int vsp_service_start(void);
void vsp_service_stop(void);
int vsp_service_renegotiate(struct vsp_service *service, u32 reason);
int vsp_service_withdraw(struct vsp_service *service);
void vsp_service_invite(struct vsp_service *service);
void vsp_service_changed(struct vsp_service *service);
void vsp_service_violated(struct vsp_service *service);
void vsp_service_source_slow(struct vsp_service *service);
void vsp_service_queue(struct delayed_work *work, unsigned int ms);

/**
 * struct vsp_service_view - a consistent copy of a session, for sysfs
 * @state: of the provider's machine
 * @epoch: current
 * @id: of the contract in force, 0: none
 * @pending_id: of what is granted and not started, 0: nothing
 * @reason: of the last renegotiation or call, enum vs_wire_reason
 * @result_epoch: of the last renegotiation that has finished
 * @result_outcome: of the same, enum vs_wire_outcome, 0: none yet
 * @result_reason: of the same
 * @deadline_ms: until the open call's deadline; -1: none
 * @asked: last ask
 * @offered: last offer
 * @granted: pending, else in force
 * @in_force: terms of @id
 * @counters: all of them
 *
 * Filled by vsp_service_view() under the session's lock.  Terms with count 0: none.
 */
struct vsp_service_view {
	enum vs_state state;
	u64 epoch;
	u64 id;
	u64 pending_id;
	u32 reason;
	u64 result_epoch;
	u32 result_outcome;
	u32 result_reason;
	s64 deadline_ms;
	struct vs_terms asked;
	struct vs_terms offered;
	struct vs_terms granted;
	struct vs_terms in_force;
	struct vsp_service_counters counters;
};

void vsp_service_view(struct vsp_service *service, struct vsp_service_view *view);

/* vsp/admin/configfs.c, vsp/admin/sysfs.c */
int vsp_configfs_init(void);
void vsp_configfs_exit(void);
int vsp_sysfs_terms_groups(const struct vsp_class *class, const struct attribute_group ***groups);
void vsp_sysfs_free_groups(const struct attribute_group **groups);
void vsp_sysfs_changed(struct vsp_service *service, enum vsp_change change);

/* What a service's item pins while a VMM holds it. */
int vsp_configfs_depend(struct vsp_service *service);
void vsp_configfs_undepend(struct vsp_service *service);

#endif
