// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a service: made, enabled, disabled and released by the administrator.
 * What happens to it while it is enabled comes by the inbox of its session (session.c).
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "channel/host/channel.h"
#include "vs_class.h"
#include "vsp/admin/uuid.h"
#include "vsp/class.h"
#include "vsp/contract.h"
#include "vsp/core/machine.h"
#include "vsp/core/rates.h"
#include "vsp/core/registry.h"
#include "vsp/core/service.h"
#include "vsp/core/session.h"
#include "vsp/core/view.h"
#include "vsp/pool/pool.h"

#define LEASE_MS_DEFAULT	60000	/* an HA manager restarts a VM within this */
#define DEADLINE_MS_DEFAULT	1000
#define UEVENTS_PER_SECOND	64
/* How long enable=0 waits for what the source was given before. */
#define CLOSE_MS		5000
#define CLOSE_POLL_MS		10

/* ---- What its pool asks and tells ---- */

static struct vsp_service *of_member(struct vsp_member *member)
{
	return container_of(member, struct vsp_service, member);
}

static void service_limits(struct vsp_member *member, struct vs_terms *limits)
{
	struct vsp_service *service = of_member(member);

	service->class->limits(service, limits);
}

static u64 service_kept(struct vsp_member *member, u32 index)
{
	struct vsp_service *service = of_member(member);

	return service->class->kept ? service->class->kept(service, index) : 0;
}

static u64 service_ceiling(struct vsp_member *member, u32 index)
{
	const struct vsp_contract *contract;
	u64 ceiling;

	rcu_read_lock();
	contract = rcu_dereference(of_member(member)->in_force);
	ceiling = contract ? contract->terms.term[index].high : 0;
	rcu_read_unlock();
	return ceiling;
}

static void service_rank(struct vsp_member *member, u32 *weight, u32 *priority)
{
	const struct vsp_service *service = of_member(member);

	*weight = READ_ONCE(service->settings.weight);
	*priority = READ_ONCE(service->settings.priority);
}

static void service_renegotiate(struct vsp_member *member, u32 reason)
{
	vsp_session_renegotiate(of_member(member), reason);
}

static void service_invite(struct vsp_member *member)
{
	vsp_session_invite(of_member(member));
}

static void service_changed(struct vsp_member *member)
{
	vsp_session_changed(of_member(member));
}

static const struct vsp_member_ops member_ops = {
	.limits = service_limits,
	.kept = service_kept,
	.ceiling = service_ceiling,
	.rank = service_rank,
	.renegotiate = service_renegotiate,
	.invite = service_invite,
	.changed = service_changed,
};

/* ---- What the administrator wants ---- */

/**
 * vsp_service_init() - a new service, disabled, that may have nothing yet
 * @service: zeroed
 * @spec: its class
 * @name: shorter than VSP_NAME_MAX
 * @files: the administrator's, of every service
 */
void vsp_service_init(struct vsp_service *service, const struct vs_class_spec *spec,
		      const char *name, const struct vsp_service_files *files)
{
	service->spec = spec;
	service->files = files;
	service->member.ops = &member_ops;
	strscpy(service->name, name, sizeof(service->name));
	INIT_LIST_HEAD(&service->identity.entry);
	mutex_init(&service->admin);
	spin_lock_init(&service->settings.guest.lock);
	spin_lock_init(&service->staged.lock);
	service->access.mode = 0600;
	service->access.uid = GLOBAL_ROOT_UID;
	service->access.gid = GLOBAL_ROOT_GID;
	service->settings.weight = 100;
	vsp_rates_init(service);
	service->settings.lease_ms = LEASE_MS_DEFAULT;
	service->settings.deadline_ms = DEADLINE_MS_DEFAULT;
	ratelimit_state_init(&service->ratelimit.uevents, HZ, UEVENTS_PER_SECOND);
	ratelimit_set_flags(&service->ratelimit.uevents, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_state_init(&service->ratelimit.log, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(&service->ratelimit.log, RATELIMIT_MSG_ON_RELEASE);
	INIT_LIST_HEAD(&service->member.entry);
}

static struct vsp_session *new_session(struct vsp_service *service)
{
	/* Whole pages are less than one block. Who enables it is told if there is none. */
	struct vsp_session *session = __vmalloc(sizeof(*session),
						GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);

	if (!session)
		return NULL;
	session->service = service;
	session->grant.next_id = service->counters.ids;
	spin_lock_init(&session->view_lock);
	vsp_session_init_work(session);
	vsp_machine_prepare_init(session);
	return session;
}

static int make_channel(struct vsp_service *service)
{
	struct vsp_channel_config config = {
		.name = service->name,
		.wire = {
			.magic = cpu_to_le32(VS_WIRE_MAGIC),
			.layout = cpu_to_le16(VS_WIRE_LAYOUT),
			.class = cpu_to_le16(service->spec->id),
		},
		.spec = service->spec,
		.local = service->settings.local,
		.workers = service->class->workers,
		.owner = service->class->owner,
	};
	struct vsp_channel *channel;
	int error;

	export_uuid(config.wire.uuid, &service->identity.uuid);
	strscpy_pad(config.wire.name, service->name, sizeof(config.wire.name));
	error = service->files->groups(service->class, &config.groups);
	if (error)
		return error;
	channel = vsp_channel_create(&config, &vsp_session_channel_ops, service);
	if (IS_ERR(channel)) {
		error = PTR_ERR(channel);
		goto free_groups;
	}
	service->device.channel = channel;
	service->device.groups = config.groups;
	error = vsp_channel_register(channel);
	if (!error)
		return 0;
	service->device.channel = NULL;
	service->device.groups = NULL;
free_groups:
	service->files->free_groups(config.groups);
	return error;
}

/* From here on the pool's other services and administrators find it. */
static void publish_session(struct vsp_service *service, struct vsp_session *session)
{
	mutex_lock(&service->pool->lock);
	vsp_session_copy_limits(service);
	service->session = session;
	mutex_unlock(&service->pool->lock);
}

/* The work, once disabled here, is queued for nothing: by the timer, or by a preparation. */
static void end_session(struct vsp_service *service)
{
	struct vsp_session *session = service->session;

	mutex_lock(&service->pool->lock);
	service->session = NULL;
	mutex_unlock(&service->pool->lock);
	disable_work_sync(&session->work);
	hrtimer_cancel(&session->timer);
	vsp_machine_close(session);
	vsp_machine_end_preparation(session);
	service->counters.ids = session->grant.next_id;
	vfree(session);
}

/* The pool stays enabled until vsp_pool_unuse(). */
static int use_pool(struct vsp_service *service)
{
	int error = service->pool ? vsp_pool_use(service->pool) : -ENODEV;

	lockdep_assert_held(&service->admin);
	if (error)
		pr_err("service %s: %s: name and enable a pool first\n", service->name,
		       service->pool ? "its pool is disabled" : "no pool");
	return error;
}

static const struct vsp_class *get_class(struct vsp_service *service)
{
	const struct vsp_class *class = vsp_class_get(service->spec);

	if (!class)
		pr_err("service %s: class missing: load vsp_%s\n", service->name,
		       service->spec->name);
	return class;
}

/**
 * vsp_service_enable() - make the device that a VMM can open
 * @service: disabled
 *
 * Context: the administrator's process; takes service->admin.
 * Return: 0; -EBUSY if it is enabled already, -ENODEV if there is no pool, it is
 *	disabled, or the class's module is missing; errors of class and channel.
 */
int vsp_service_enable(struct vsp_service *service)
{
	const struct vsp_class *class;
	struct vsp_session *session;
	int error = -EBUSY;

	mutex_lock(&service->admin);
	if (service->device.enabled) {
		pr_err("service %s: is enabled\n", service->name);
		goto unlock;
	}
	error = use_pool(service);
	if (error)
		goto unlock;
	error = -ENODEV;
	class = get_class(service);
	if (!class)
		goto unuse_pool;
	service->class = class;
	error = vsp_uuid_settle(service, class);
	if (error)
		goto put_class;
	error = -ENOMEM;
	session = new_session(service);
	if (!session)
		goto put_class;
	publish_session(service, session);
	error = class->service_open(service);
	if (error)
		goto end_session;
	vsp_pool_adopt(&service->member);
	vsp_watch_add(&service->member);
	error = make_channel(service);
	if (error)
		goto close_class;
	service->device.enabled = true;
	goto unlock;

close_class:
	/* First the session, whose work may ask the class since the watch has told it something. */
	end_session(service);
	vsp_watch_drop(&service->member);
	class->service_close(service);
	goto put_class;
end_session:
	end_session(service);
put_class:
	service->class = NULL;
	vsp_class_put(class);
unuse_pool:
	vsp_pool_unuse(service->pool);
unlock:
	mutex_unlock(&service->admin);
	return error;
}

static bool is_busy(struct vsp_service *service)
{
	const struct vsp_class *class = service->class;

	return READ_ONCE(service->session->preparation.next) ||
	       vsp_channel_busy(service->device.channel) || (class->busy && class->busy(service));
}

/*
 * Ends the contract, and waits until the source has nothing of it any more: to take the
 * device from its driver waits for that, too, with a lock that all vDPA devices share.
 */
static int close_session(struct vsp_service *service)
{
	unsigned long end = jiffies + msecs_to_jiffies(CLOSE_MS);
	bool busy;

	lockdep_assert_held(&service->admin);
	vsp_session_post(service->session, VSP_INBOX_CLOSING);
	flush_work(&service->session->work);
	/* Asked once more it might say otherwise: a mover that just runs is busy, too. */
	while ((busy = is_busy(service)) &&
	       (service->device.held_up || (time_before(jiffies, end) &&
					    !fatal_signal_pending(current))))
		msleep(CLOSE_POLL_MS);
	if (!busy)
		return 0;
	if (service->device.leaving) {
		service->device.held_up = true;
		pr_err("service %s: its source has not finished what it was given: the contract has ended, the device goes once the source goes on\n",
		       service->name);
		return -EBUSY;
	}
	vsp_session_post(service->session, VSP_INBOX_REOPEN);
	vsp_channel_revive(service->device.channel);
	pr_err("service %s: its source has not finished what it was given, within %u ms: the contract has ended, write 0 to enable again once the source goes on\n",
	       service->name, CLOSE_MS);
	return -EBUSY;
}

/**
 * vsp_service_disable() - take the device away
 * @service: disabled already is no error
 *
 * A local service's contract ends first: its requests fail, its client is told,
 * its driver is removed.
 *
 * Context: the administrator's process; takes service->admin. Waits for the source for as long
 *	as that takes if service->device.held_up.
 * Return: 0, or -EBUSY while a VMM holds the device; likewise if the source does not finish
 *	what it was given: then the contract has ended, and the service stays enabled. One whose
 *	rmdir has begun is held_up from then on.
 */
int vsp_service_disable(struct vsp_service *service)
{
	struct device *dev;
	int error = 0;

	mutex_lock(&service->admin);
	if (!service->device.enabled)
		goto unlock;
	error = vsp_channel_kill(service->device.channel);
	if (error) {
		pr_err("service %s: held by a VMM: stop its guest first\n", service->name);
		goto unlock;
	}
	error = close_session(service);
	if (error)
		goto unlock;
	service->device.enabled = false;
	flush_work(&service->session->work);
	/* Until the work has ended it may still tell sysfs of its last steps. */
	dev = get_device(vsp_channel_device(service->device.channel));
	vsp_channel_unregister(service->device.channel);
	end_session(service);
	service->device.channel = NULL;
	put_device(dev);
	service->files->free_groups(service->device.groups);
	service->device.groups = NULL;
	vsp_watch_drop(&service->member);
	service->class->service_close(service);
	vsp_class_put(service->class);
	service->class = NULL;
	vsp_pool_unuse(service->pool);
unlock:
	mutex_unlock(&service->admin);
	return error;
}

/**
 * vsp_service_release() - delete what the service keeps, by the administrator's word
 * @service: disabled, its pool enabled
 *
 * Context: the administrator's process; takes service->admin.
 * Return: 0; -EBUSY while it is enabled, -ENODEV without pool or class,
 *	-EOPNOTSUPP if the class keeps nothing; errors of the source.
 */
int vsp_service_release(struct vsp_service *service)
{
	const struct vsp_class *class;
	int error = -EBUSY;

	mutex_lock(&service->admin);
	if (service->device.enabled) {
		pr_err("service %s: write 0 to enable before release\n", service->name);
		goto unlock;
	}
	error = use_pool(service);
	if (error)
		goto unlock;
	error = -ENODEV;
	class = get_class(service);
	if (!class)
		goto unuse_pool;
	error = -EOPNOTSUPP;
	if (!class->release) {
		pr_err("service %s: release: class %s keeps nothing\n", service->name,
		       service->spec->name);
		goto put_class;
	}
	error = vsp_uuid_settle(service, class);
	if (error)
		goto put_class;
	service->class = class;
	error = class->service_open(service);
	if (!error) {
		vsp_pool_adopt(&service->member);
		error = class->release(service);
		vsp_pool_charge(&service->member, NULL, 0);
		class->service_close(service);
	}
	service->class = NULL;
put_class:
	vsp_class_put(class);
unuse_pool:
	vsp_pool_unuse(service->pool);
unlock:
	mutex_unlock(&service->admin);
	return error;
}

/**
 * vsp_service_of_device() - the service behind a vDPA device of ours
 * @dev: the vDPA device
 *
 * Return: its service, for as long as @dev is registered.
 */
struct vsp_service *vsp_service_of_device(struct device *dev)
{
	return vsp_channel_service(dev);
}
EXPORT_SYMBOL_GPL(vsp_service_of_device);

/**
 * vsp_service_view() - a consistent copy of the session
 * @service: enabled
 * @view: filled; terms with count 0 where there are none
 *
 * Context: process; of a sysfs file of its device, which keeps the session.
 */
void vsp_service_view(struct vsp_service *service, struct vsp_service_view *view)
{
	struct vsp_session *session = service->session;
	const struct vsp_contract *contract;

	memset(view, 0, sizeof(*view));
	spin_lock(&session->view_lock);
	view->state = session->state;
	view->epoch = session->epoch;
	view->reason = session->reason;
	view->result_epoch = session->result.epoch;
	view->result_outcome = session->result.outcome;
	view->result_reason = session->result.reason;
	view->asked = session->asked;
	view->offered = session->offered;
	view->deadline_ms = session->call.open ?
		max_t(s64, ktime_ms_delta(session->call.deadline, ktime_get()), 0) : -1;
	if (session->grant.pending) {
		view->pending_id = session->grant.pending->id;
		view->granted = session->grant.pending->terms;
	}
	contract = rcu_dereference_protected(service->in_force,
					     lockdep_is_held(&session->view_lock));
	if (contract) {
		view->id = contract->id;
		view->in_force = contract->terms;
		if (!view->pending_id)
			view->granted = contract->terms;
	}
	spin_unlock(&session->view_lock);
	view->counters = service->counters;
}
