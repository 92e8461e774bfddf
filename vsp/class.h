/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a class of the provider sees of the core: the table that it registers, and the functions
 * that it may call.  Pools and services are handles; what they are made of is the core's own.
 */
#ifndef VSP_CLASS_H
#define VSP_CLASS_H

#include <linux/printk.h>
#include <linux/types.h>
#include <linux/uuid.h>

#include "vs_limits.h"

struct attribute_group;
struct device;
struct device_attribute;
struct module;
struct vs_class_spec;
struct vs_term;
struct vs_terms;
struct vsp_contract;
struct vsp_pool;
struct vsp_queue;
struct vsp_service;

#define VSP_NAME_MAX		VS_WIRE_NAME_MAX
#define VSP_PATH_MAX		256	/* bytes of source and backing, zero included */
#define VSP_RATES_MAX		4	/* rates of one flow */

/* For lines that a client can cause: no service silences another's. */
#define vsp_warn_limited(service, format, ...)					\
do {										\
	if (vsp_service_may_log(service, __func__))				\
		pr_warn(format, ##__VA_ARGS__);					\
} while (0)

/**
 * struct vsp_class - one kind of device, the provider's side
 *
 * @spec: terms and queues
 * @abi: VS_CLASS_ABI of the build
 * @owner: the module
 *
 * @workers: threads that a VMM which holds a service has besides its movers, for what
 *	the class has done by vsp_queue_job(); at most VSP_WORKERS_MAX
 * @finds_rates: @pool_open judges for itself a RATE whose capacity is not set; else it is
 *	an error before that
 *
 * @pool_open: opens vsp_pool_source() (an empty source is for the class to judge),
 *	calls vsp_pool_set_data() and, for what the class can tell,
 *	vsp_pool_fill_capacity(). May sleep. Errors are the administrator's
 *	errno: ENODEV, EINVAL, EBUSY, ... the class logs object, value and range.
 * @pool_close: undoes it. No service of the pool is enabled.
 * @pool_kept: amount of KEPT term @index that the source keeps for all services that
 *	it has ever had, as found by @pool_open; or NULL. Atomic.
 * @pool_poll: looks at the source, opens again what has come back, and says how much
 *	there is of what has changed (vsp_watch_found()); or NULL. May sleep. Context: the
 *	pool's watch, every poll_ms and after vsp_watch_look(); never beside itself,
 *	@pool_open or @pool_close, but beside all that concerns a service.
 *
 * @service_open: opens or finds the backing, and calls vsp_service_set_data(). The
 *	limits may be narrowed to what the backing can do by @limits. May sleep.
 *	The service's pool is enabled. Context: enable=1.
 * @service_close: undoes it; no data is deleted, nothing is in flight.
 * @limits: narrows @limits (service's limits, complete set) to what source and
 *	backing can do now (block size, discard, whole-device size), to nothing that a
 *	contract could be (vs_terms_possible()) while they are gone. Context: the
 *	service's work, an administrator's write, or the pool's watch, which holds
 *	pool->lock; may not sleep for a peer or for I/O.
 * @kept: amount of KEPT term @index that is charged for this service's backing
 *	whether or not there is a contract (bytes of its existing file), else 0.
 * @release: deletes the backing of a service without a contract, by the
 *	administrator's own word. Zeroes or frees what it held.
 *
 * @switched: the administrator has written switch @index; or NULL. Context: the
 *	administrator's process, under service->admin; the service is enabled.
 *
 * @prepare: makes ready for @next (allocate the file's room, ...) while others may come
 *	into force. May sleep, for as long as the source likes, and fail: the errno becomes
 *	a denial. Beside the service's work; one at a time. Of a
 *	SUGGESTED term in @next, -EPERM: it is not the service's to have, and -EADDRINUSE:
 *	another one has it, with the term's id in @denied. -EOWNERDEAD: who would have to enforce
 *	@next does not.
 * @commit: @next comes into force; NULL: there is none any more. Cannot fail, must
 *	not wait for a mover. The core publishes service->in_force right after, under the
 *	same lock of the rates, which is held with interrupts off: what a class admits
 *	under that lock is admitted before that, or after it.
 * @abort: @next, which was prepared, will not come.
 * @cancel: @next, which @prepare may be making ready for, will not come: have that return
 *	soon, with an error. @prepare may not have begun yet, and may have ended; or NULL:
 *	it cannot be hurried. Context: as @abort
 *
 * @queue_kick: as in struct vsp_channel_ops. NULL: the class has no data queues
 * @queue_reap: likewise.
 * @queue_reset: the data queues were reset, nothing is in flight.
 * @wake: the request of @flow that vsp_rates_admit() has held back may go: have the mover
 *	look. Atomic, vsp_rates_lock() held, interrupts off. NULL: the class has no flows
 *
 * @busy: is the source doing anything for this service but requests of its queues? Or NULL
 * @used: what the client uses of term @index now, for used_<term>; or NULL.
 * @count: what a counter of @counters has come to. Context: process
 * @counters: sysfs attribute group of the class's counters, each a VSP_COUNTER(), or NULL
 * @files: likewise, of a directory of the class's own; or NULL
 */
struct vsp_class {
	const struct vs_class_spec *spec;
	u32 abi;
	struct module *owner;
	unsigned int workers;
	bool finds_rates;

	int (*pool_open)(struct vsp_pool *pool);
	void (*pool_close)(struct vsp_pool *pool);
	u64 (*pool_kept)(struct vsp_pool *pool, u32 index);
	void (*pool_poll)(struct vsp_pool *pool);

	int (*service_open)(struct vsp_service *service);
	void (*service_close)(struct vsp_service *service);
	void (*limits)(struct vsp_service *service, struct vs_terms *limits);
	u64 (*kept)(struct vsp_service *service, u32 index);
	int (*release)(struct vsp_service *service);

	void (*switched)(struct vsp_service *service, u32 index);

	int (*prepare)(struct vsp_service *service, const struct vsp_contract *next, u16 *denied);
	void (*commit)(struct vsp_service *service, const struct vsp_contract *next);
	void (*abort)(struct vsp_service *service, const struct vsp_contract *next);
	void (*cancel)(struct vsp_service *service, const struct vsp_contract *next);

	void (*queue_kick)(struct vsp_service *service, struct vsp_queue *queue);
	void (*queue_reap)(struct vsp_service *service, struct vsp_queue *queue);
	void (*queue_reset)(struct vsp_service *service);
	void (*wake)(struct vsp_service *service, u32 flow);

	bool (*busy)(struct vsp_service *service);
	u64 (*used)(struct vsp_service *service, u32 index);
	u64 (*count)(struct vsp_service *service, unsigned int counter);
	const struct attribute_group *counters;
	const struct attribute_group *files;
};

/* vsp/core/registry.c */
int vsp_class_register(const struct vsp_class *class);
void vsp_class_unregister(const struct vsp_class *class);

/* vsp/core/class.c: a pool */
const char *vsp_pool_name(const struct vsp_pool *pool);
const char *vsp_pool_source(const struct vsp_pool *pool);
const char *vsp_pool_text(const struct vsp_pool *pool, u32 index);
bool vsp_pool_capacity_is_set(const struct vsp_pool *pool, u32 index);
u64 vsp_pool_capacity(const struct vsp_pool *pool, u32 index);
bool vsp_pool_fill_capacity(struct vsp_pool *pool, u32 index, u64 value);
bool vsp_pool_has_service(struct vsp_pool *pool, const uuid_t *uuid);
void vsp_pool_count_no_space(struct vsp_pool *pool);
void *vsp_pool_data(const struct vsp_pool *pool);
void vsp_pool_set_data(struct vsp_pool *pool, void *data);

/* vsp/core/class.c: a service */
const char *vsp_service_name(const struct vsp_service *service);
const uuid_t *vsp_service_uuid(const struct vsp_service *service);
struct vsp_pool *vsp_service_pool(const struct vsp_service *service);
const char *vsp_service_backing(const struct vsp_service *service);
bool vsp_service_is_local(const struct vsp_service *service);
bool vsp_service_switch(const struct vsp_service *service, u32 index);
void vsp_service_set_switch(struct vsp_service *service, u32 index, bool on);
u64 vsp_service_staged_limit(struct vsp_service *service, u32 index);
void vsp_service_limit(struct vsp_service *service, u32 index, struct vs_term *limit);
bool vsp_service_may_log(struct vsp_service *service, const char *function);
void *vsp_service_data(const struct vsp_service *service);
void vsp_service_set_data(struct vsp_service *service, void *data);

/* vsp/core/service.c */
struct vsp_service *vsp_service_of_device(struct device *dev);

/* vsp/admin/sysfs.c: what user space is told for a class */
void vsp_sysfs_asks(struct vsp_service *service, u64 id);
void vsp_sysfs_drops(struct vsp_service *service, u64 id);
ssize_t vsp_sysfs_counter_show(struct device *dev, struct device_attribute *attribute, char *page);

/* The file counter_<name>.attr.attr of vsp_class.counters, for vsp_class.count() by @index. */
#define VSP_COUNTER(name, index)	VS_COUNTER(name, vsp_sysfs_counter_show, index)

/* vsp/pool/watch.c */
void vsp_watch_look(struct vsp_pool *pool);
void vsp_watch_found(struct vsp_pool *pool, u32 index, u64 value);

/* vsp/core/rates.c: the lock that contracts come into force under, and what is done under it */
unsigned long vsp_rates_lock(struct vsp_service *service) __acquires(service);
void vsp_rates_unlock(struct vsp_service *service, unsigned long irq) __releases(service);
void vsp_rates_assert_held(const struct vsp_service *service);
bool vsp_rates_admit(struct vsp_service *service, u32 flow, const u64 *cost);
void vsp_rates_wait(struct vsp_service *service, u32 flow, const u64 *cost);
void vsp_rates_drop(struct vsp_service *service, u32 flow);
void vsp_rates_reset(struct vsp_service *service, u32 flow);
bool vsp_rates_held(const struct vsp_service *service, u32 flow);
void vsp_rates_done(struct vsp_service *service, u32 flow, const u64 *cost);
u64 vsp_rates_used(struct vsp_service *service, u32 index);

#endif
