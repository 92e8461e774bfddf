// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rates of services and pools: where vsp/rate/, which knows neither, is joined with them.
 * What a class calls is here, and what the rates report comes here.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>

#include "vs_class.h"
#include "vsp/contract.h"
#include "vsp/core/rates.h"
#include "vsp/core/service.h"
#include "vsp/core/trace.h"
#include "vsp/pool/pool.h"

static struct vsp_rates_line *line_of(const struct vsp_service *service, u32 flow)
{
	return &service->pool->rates.line[flow];
}

/* ---- What a class calls ---- */

/**
 * vsp_rates_lock() - keep the contract in force as it is
 * @service: enabled
 *
 * The lock is its pool's: what is admitted under it is admitted before a contract comes into
 * force, or after it. Locks of the class nest in it.
 *
 * Context: any; interrupts are off until vsp_rates_unlock().
 * Return: for vsp_rates_unlock().
 */
unsigned long vsp_rates_lock(struct vsp_service *service) __acquires(service)
{
	unsigned long irq;

	spin_lock_irqsave(&service->pool->rates.lock, irq);
	return irq;
}
EXPORT_SYMBOL_GPL(vsp_rates_lock);

/**
 * vsp_rates_unlock() - undo vsp_rates_lock()
 * @service: of the same pool
 * @irq: what vsp_rates_lock() has returned
 *
 * Context: vsp_rates_lock() held.
 */
void vsp_rates_unlock(struct vsp_service *service, unsigned long irq) __releases(service)
{
	spin_unlock_irqrestore(&service->pool->rates.lock, irq);
}
EXPORT_SYMBOL_GPL(vsp_rates_unlock);

/**
 * vsp_rates_assert_held() - warn if vsp_rates_lock() is not held, in a kernel with lockdep
 * @service: enabled
 *
 * Context: any.
 */
void vsp_rates_assert_held(const struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->rates.lock);
}
EXPORT_SYMBOL_GPL(vsp_rates_assert_held);

/**
 * vsp_rates_admit() - may the request at the head of a flow pass?
 * @service: its contract is in force
 * @flow: of the class
 * @cost: of the request, for each rate of the flow, in the order of the class's table
 *
 * If it may, it is charged, and vsp_rates_done() is owed; else the class's wake() says
 * when to ask again.
 *
 * Context: the mover; vsp_rates_lock() held.
 * Return: whether it may.
 */
bool vsp_rates_admit(struct vsp_service *service, u32 flow, const u64 *cost)
{
	return vsp_line_admit(line_of(service, flow), &service->rates[flow],
			      READ_ONCE(service->settings.weight), cost);
}
EXPORT_SYMBOL_GPL(vsp_rates_admit);

/**
 * vsp_rates_wait() - a request is at the head of a flow, whose mover is not there to ask
 * @service: any
 * @flow: of the class
 * @cost: of the request, as for vsp_rates_admit()
 *
 * For a flow of several queues, when another one has its turn: it waits from now on, and not from
 * when its mover gets to run. The class's wake() says when to ask.
 *
 * Context: the mover of another queue; vsp_rates_lock() held. wake() may be called in it.
 */
void vsp_rates_wait(struct vsp_service *service, u32 flow, const u64 *cost)
{
	vsp_line_wait(line_of(service, flow), &service->rates[flow],
		      READ_ONCE(service->settings.weight), cost);
}
EXPORT_SYMBOL_GPL(vsp_rates_wait);

/**
 * vsp_rates_drop() - the request at the head of a flow passes without its rates
 * @service: any; the request fails, or there is none
 * @flow: of the class
 *
 * Context: the mover; vsp_rates_lock() held.
 */
void vsp_rates_drop(struct vsp_service *service, u32 flow)
{
	vsp_line_drop(line_of(service, flow), &service->rates[flow]);
}
EXPORT_SYMBOL_GPL(vsp_rates_drop);

/**
 * vsp_rates_reset() - the queues of a flow are gone
 * @service: any; nothing that was admitted is under way
 * @flow: of the class
 *
 * Context: any.
 */
void vsp_rates_reset(struct vsp_service *service, u32 flow)
{
	unsigned long irq = vsp_rates_lock(service);

	vsp_rates_drop(service, flow);
	vsp_rates_unlock(service, irq);
}
EXPORT_SYMBOL_GPL(vsp_rates_reset);

/**
 * vsp_rates_held() - is it of no use to look at the head of a flow now?
 * @service: any
 * @flow: of the class
 *
 * Takes no lock: the answer may be old, but who changes it wakes the mover afterwards.
 *
 * Context: any.
 */
bool vsp_rates_held(const struct vsp_service *service, u32 flow)
{
	return vsp_line_held(&service->rates[flow]);
}
EXPORT_SYMBOL_GPL(vsp_rates_held);

/**
 * vsp_rates_done() - the source has finished with a request, however it ended
 * @service: of the request
 * @flow: likewise
 * @cost: that it was admitted with
 *
 * Context: any, interrupts included.
 */
void vsp_rates_done(struct vsp_service *service, u32 flow, const u64 *cost)
{
	vsp_line_done(line_of(service, flow), &service->rates[flow], cost);
}
EXPORT_SYMBOL_GPL(vsp_rates_done);

/**
 * vsp_rates_used() - what a service uses of a rate
 * @service: enabled
 * @index: of the RATE in the class's table
 *
 * Context: any but interrupt.
 * Return: what was admitted in the last full second, in the term's unit
 */
u64 vsp_rates_used(struct vsp_service *service, u32 index)
{
	u32 flow = service->spec->term[index].flow;

	return vsp_line_used(line_of(service, flow), &service->rates[flow], index);
}
EXPORT_SYMBOL_GPL(vsp_rates_used);

/* ---- What the rates report ---- */

static void rates_wake(struct vsp_rates *rates, u32 flow)
{
	struct vsp_service *service = rates->owner;

	service->class->wake(service, flow);
}

static void rates_violated(struct vsp_rates *rates, u32 index, u64 served, u64 passed_ns)
{
	const struct vsp_service *service = rates->owner;
	const struct vsp_contract *contract;

	rcu_read_lock();
	contract = rcu_dereference(service->in_force);
	trace_vsp_violation(service->name, contract->id, service->spec->term[index].name,
			    contract->terms.term[index].low, served, passed_ns);
	rcu_read_unlock();
}

static enum vsp_line_verdict judge_service(struct vsp_service *service)
{
	enum vsp_line_verdict worst = VSP_LINE_UNDECIDED;
	const struct vsp_contract *contract;
	unsigned long irq;

	irq = vsp_rates_lock(service);
	rcu_read_lock();
	contract = rcu_dereference(service->in_force);
	for (u32 flow = 0; flow < service->spec->flows; flow++)
		worst = max(worst, vsp_line_judge(line_of(service, flow), &service->rates[flow],
						  contract ? &contract->terms : NULL,
						  ktime_get_ns()));
	rcu_read_unlock();
	vsp_rates_unlock(service, irq);
	return worst;
}

/* The log says it once, when it begins and when it is over. */
static void tell_source(struct vsp_pool *pool)
{
	struct vsp_service *service;

	lockdep_assert_held(&pool->lock);
	if (pool->rates.slow)
		pr_warn("pool %s.%s: its source is slower than declared: floors are not kept though it is busy; lower its capacity\n",
			pool->spec->name, pool->name);
	else
		pr_info("pool %s.%s: its source keeps the floors again\n", pool->spec->name,
			pool->name);
	list_for_each_entry(service, &pool->services, member.entry)
		vsp_session_source_slow(service);
}

static void rates_watch(struct vsp_rates_pool *rates)
{
	struct vsp_pool *pool = container_of(rates, struct vsp_pool, rates);
	enum vsp_line_verdict verdict, worst = VSP_LINE_UNDECIDED;
	struct vsp_service *service;

	mutex_lock(&pool->lock);
	list_for_each_entry(service, &pool->services, member.entry) {
		verdict = judge_service(service);
		if (verdict > VSP_LINE_KEPT)
			vsp_session_violated(service);
		worst = max(worst, verdict);
	}
	if (vsp_line_judge_source(rates, worst))
		tell_source(pool);
	mutex_unlock(&pool->lock);
}

static const struct vsp_line_ops rates_ops = {
	.wake = rates_wake,
	.violated = rates_violated,
	.watch = rates_watch,
};

/* ---- Setting ---- */

/**
 * vsp_rates_pool_init() - of a new pool
 * @pool: its spec is set
 */
void vsp_rates_pool_init(struct vsp_pool *pool)
{
	vsp_line_pool_init(&pool->rates, pool->spec, &rates_ops);
}

/**
 * vsp_rates_pool_changed() - its capacity, or what floors may have of it, has changed
 * @pool: any
 *
 * Context: process; pool->lock held.
 */
void vsp_rates_pool_changed(struct vsp_pool *pool)
{
	u64 burst_ns = (u64)READ_ONCE(pool->settings.burst_ms) * NSEC_PER_MSEC;
	u64 limit[VS_WIRE_TERMS_MAX];

	lockdep_assert_held(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		limit[i] = pool->spec->term[i].kind == VS_KIND_RATE ?
			   vsp_pool_grantable(pool, i) : 0;
	for (u32 flow = 0; flow < pool->spec->flows; flow++)
		vsp_line_set(&pool->rates.line[flow], pool->amounts.capacity, limit, burst_ns);
}

/**
 * vsp_rates_pool_stop() - nothing of a pool passes any more
 * @pool: none of its services is enabled
 *
 * Context: process; pool->lock not held.
 */
void vsp_rates_pool_stop(struct vsp_pool *pool)
{
	vsp_line_pool_stop(&pool->rates);
}

/**
 * vsp_rates_init() - of a new service
 * @service: zeroed, its weight set
 */
void vsp_rates_init(struct vsp_service *service)
{
	for (u32 flow = 0; flow < service->spec->flows; flow++)
		vsp_line_init(&service->rates[flow], service, service->settings.weight);
}

/**
 * vsp_rates_commit() - another contract is in force
 * @service: of an enabled pool
 * @terms: of the contract, a complete set; NULL: there is none any more
 *
 * The request that waits at the head of a flow is judged anew, by what is in force now.
 *
 * Context: the service's work; vsp_rates_lock() held.
 */
void vsp_rates_commit(struct vsp_service *service, const struct vs_terms *terms)
{
	for (u32 flow = 0; flow < service->spec->flows; flow++)
		vsp_line_commit(line_of(service, flow), &service->rates[flow], terms);
}
