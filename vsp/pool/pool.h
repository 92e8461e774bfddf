/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pools: resources that services have portions of.
 */
#ifndef VSP_POOL_H
#define VSP_POOL_H

#include <linux/atomic.h>
#include <linux/configfs.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "vs_limits.h"
#include "vs_terms.h"
#include "vsp/class.h"
#include "vsp/rate/line.h"

struct vs_class_spec;
struct vsp_member;

static_assert(VSP_RATES_MAX == VSP_SHARE_RATES_MAX);

#define VSP_TEXTS_MAX		4	/* texts of a pool, of its class */
#define VSP_TEXT_MAX		256	/* bytes of one, zero included */
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
 * @offer: the offer that is being made
 * @grant: the grant that is being made
 */
struct vsp_pool_scratch {
	struct vs_terms offer;
	struct vs_terms grant;
};

/**
 * struct vsp_pool_invitation - rounds of invitations; vsp/pool/invite.c
 * @work: the next round; queued under the pool's lock, while the pool is enabled
 * @queued: @work is queued
 * @last: when the last round was
 * @freed_by: member that alone has freed what @work is for; NULL: several have.
 *	Not a reference: it is only compared
 */
struct vsp_pool_invitation {
	struct delayed_work work;
	bool queued;
	ktime_t last;
	const struct vsp_member *freed_by;
};

/**
 * struct vsp_pool_watch - looks at the source of a pool; vsp/pool/watch.c
 * @poll_ms: how often @work runs by itself; 0: never
 * @work: looks at the source while the pool is enabled
 * @gone: asks the services for their limits alone, which waits for no source
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

/* vsp/pool/pool.c: the life of a pool */
void vsp_pool_init(struct vsp_pool *pool, const struct vs_class_spec *spec, const char *name);
int vsp_pool_enable(struct vsp_pool *pool);
int vsp_pool_disable(struct vsp_pool *pool);
int vsp_pool_use(struct vsp_pool *pool);
void vsp_pool_unuse(struct vsp_pool *pool);
void vsp_pool_join(struct vsp_pool *pool, struct vsp_member *member);
void vsp_pool_leave(struct vsp_pool *pool, struct vsp_member *member);

/* vsp/pool/admission.c: charges, offers and grants */
int vsp_pool_offer(struct vsp_member *member, const struct vs_terms *ask,
		   struct vs_terms *offer, u16 *denied, u32 *reason);
int vsp_pool_reserve(struct vsp_member *member, const struct vs_terms *ask,
		     const struct vs_terms * const *charged, unsigned int count,
		     struct vs_terms *grant, u16 *denied, u32 *reason);
void vsp_pool_asked(struct vsp_member *member, const struct vs_terms *ask);
void vsp_pool_wanted(struct vsp_member *member, const struct vs_terms *ask,
		     struct vs_terms *wanted);
void vsp_pool_charge(struct vsp_member *member, const struct vs_terms * const *charged,
		     unsigned int count);
bool vsp_pool_names(struct vsp_member *member, const struct vs_terms *terms);
void vsp_pool_fallback(struct vsp_member *member, const struct vs_terms *terms,
		       struct vs_terms *fallback);
void vsp_pool_adopt(struct vsp_member *member);
u64 vsp_pool_available(struct vsp_pool *pool, u32 index);
u64 vsp_pool_deficit(struct vsp_pool *pool, u32 index);
u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index);

/* vsp/pool/divide.c: what there is, and who gives way when that is less */
int vsp_pool_set_capacity(struct vsp_pool *pool, u32 index, u64 value);
int vsp_pool_unset_capacity(struct vsp_pool *pool, u32 index);
int vsp_pool_set_reserved(struct vsp_pool *pool, u64 percent);
void vsp_pool_found(struct vsp_pool *pool, u32 index, u64 value);
void vsp_pool_renegotiate(struct vsp_pool *pool);
bool vsp_pool_holds(struct vsp_member *member, const struct vs_terms *terms);

/* vsp/pool/watch.c: what sources do by themselves */
void vsp_watch_init(struct vsp_pool *pool);
void vsp_watch_start(struct vsp_pool *pool);
void vsp_watch_stop(struct vsp_pool *pool);
void vsp_watch_add(struct vsp_member *member);
void vsp_watch_drop(struct vsp_member *member);

#endif
