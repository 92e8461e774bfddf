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
 * deadlines, leases, resets) runs in the service's own work item (vsp/core/session_work.c),
 * one at a time.  Data requests run in the channel's movers and
 * read the contract in force by RCU.  configfs and sysfs writers run in the
 * administrator's process.
 *
 * Lock order: configfs' own locks > vsp_service.admin > vsp_pool.lock > vsp_inbox.lock,
 * vsp_session.view_lock > vsp_pool.rates.lock > locks of a class > vsp_service.rates.lock.
 * Nothing waits for a mover but the VMM's own suspend, reset and close.
 */
#ifndef VSP_SERVICE_H
#define VSP_SERVICE_H

#include <linux/configfs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "vs_limits.h"
#include "vs_terms.h"
#include "vs_wire.h"
#include "vsp/class.h"
#include "vsp/pool/member.h"
#include "vsp/rate/line.h"

struct attribute_group;
struct vsp_channel;
struct vsp_service;
struct vsp_session;

/* Counters that sysfs shows, but for the first; written from the service's work only. */
struct vsp_service_counters {
	u64 ids;		/* of contracts, that sessions before this one have given */
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
	VSP_CHANGE_LABEL,	/* a label of its class, which user space applies */
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

/**
 * struct vsp_service_files - what the core has done by the administrator's files of a service
 * @depend: a VMM opens the device: keep the service from being removed. Returns 0, or
 *	-ENODEV: it is about to be. Context: any but interrupts
 * @undepend: undoes @depend; the service may be gone when it returns
 * @groups: makes the attribute groups of the device of a service of @class, ended by NULL.
 *	Returns 0 or -ENOMEM
 * @free_groups: undoes @groups, when the device is unregistered
 * @changed: tells user space. Context: the service's work, or an administrator under
 *	service->admin; may sleep
 */
struct vsp_service_files {
	int (*depend)(struct vsp_service *service);
	void (*undepend)(struct vsp_service *service);
	int (*groups)(const struct vsp_class *class, const struct attribute_group ***groups);
	void (*free_groups)(const struct attribute_group **groups);
	void (*changed)(struct vsp_service *service, enum vsp_change change);
};

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

#define VSP_LABELS_MAX	2	/* of a class */
#define VSP_LABEL_MAX	16	/* bytes of one, zero included: a device's name */

#define VSP_GUEST_NAME_MAX	64	/* bytes, zero included */

/**
 * struct vsp_guest - whom a service is for, for people and monitors; vsp/admin/configfs_access.c
 * @lock: protects the rest. Not vsp_service.admin, which who reads them in sysfs must not take
 * @label: of the guest
 * @vm: name of the virtual machine
 * @vm_uuid: of that, or null
 */
struct vsp_guest {
	spinlock_t lock;	/* a leaf */
	char label[VSP_GUEST_NAME_MAX];
	char vm[VSP_GUEST_NAME_MAX];
	uuid_t vm_uuid;
};

/**
 * struct vsp_settings - what the administrator has said of a service
 * @backing: path of an existing file or device, or empty; of the class
 * @guest: whom it is for; has a lock of its own
 * @label: of the class, for user space
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
	struct vsp_guest guest;
	char label[VSP_LABELS_MAX][VSP_LABEL_MAX];
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
 * struct vsp_service_device - what a client sees of a service
 * @enabled: it is there
 * @channel: while @enabled
 * @groups: of the channel's device, while @enabled
 * @leaving: its rmdir has begun, so nobody may open it; see vsp_configfs_depend()
 * @held_up: its source did not let the rmdir take it away; under vsp_service.admin
 * @removal: does so when the source goes on
 */
struct vsp_service_device {
	bool enabled;
	struct vsp_channel *channel;
	const struct attribute_group **groups;
	bool leaving;
	bool held_up;
	struct work_struct removal;
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
 * @files: what is done by the administrator's files; constant
 *
 * @admin: serialises enable, disable, release and changes of @pool, @settings and @access
 * @pool: configfs reference held while set
 * @settings: see there
 * @access: see there
 * @staged: limits; has a lock of its own
 * @device: see there
 *
 * @member: the pool's; under pool->lock
 *
 * @ratelimit: see there
 * @in_force: RCU; replaced by the service's work only, under the session's view_lock
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
	const struct vsp_service_files *files;

	struct mutex admin;	/* enable, disable, release */
	struct vsp_pool *pool;
	struct vsp_settings settings;
	struct vsp_access access;
	struct vsp_staged staged;
	struct vsp_service_device device;

	struct vsp_member member;

	struct vsp_service_ratelimit ratelimit;
	struct vsp_contract __rcu *in_force;
	struct vsp_session *session;
	struct vsp_service_counters counters;
	unsigned long switches;
	struct vsp_rates rates[VS_CLASS_FLOWS_MAX];
	void *class_data;
};

/* vsp/core/service.c: the life of a service */
void vsp_service_init(struct vsp_service *service, const struct vs_class_spec *spec,
		      const char *name, const struct vsp_service_files *files);
int vsp_service_enable(struct vsp_service *service);
int vsp_service_disable(struct vsp_service *service);
int vsp_service_release(struct vsp_service *service);

/* vsp/core/session.c: what is wanted of it */
int vsp_session_renegotiate(struct vsp_service *service, u32 reason);
int vsp_session_withdraw(struct vsp_service *service);
void vsp_session_invite(struct vsp_service *service);
void vsp_session_changed(struct vsp_service *service);
void vsp_session_violated(struct vsp_service *service);
void vsp_session_source_slow(struct vsp_service *service);

#endif
