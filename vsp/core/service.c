// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a service: what the administrator and the channel want of it is put
 * into an inbox; its work takes it out and drives the session (session.c).
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vsp/core/session.h"
#include "vs_compat.h"

#define LEASE_MS_DEFAULT	60000	/* an HA manager restarts a VM within this */
#define DEADLINE_MS_DEFAULT	1000
#define UEVENTS_PER_SECOND	64
/* How long enable=0 waits for what the source was given before. */
#define CLOSE_MS		5000
#define CLOSE_POLL_MS		10

/* With a rescuer: a local client's disk may be what reclaim waits for. */
static struct workqueue_struct *workqueue;

/* For what may sleep as long as a source likes: nothing else waits in it. */
static struct workqueue_struct *preparations;

static void session_wake(struct vsp_session *session)
{
	queue_work(workqueue, &session->work);
}

/* Not a delayed work: a deadline is kept to the millisecond, whatever a jiffy is. */
static enum hrtimer_restart session_timer_passed(struct hrtimer *timer)
{
	session_wake(container_of(timer, struct vsp_session, timer));
	return HRTIMER_NORESTART;
}

static void session_inbox_post(struct vsp_session *session, unsigned long bits)
{
	spin_lock_bh(&session->lock);
	session->inbox |= bits;
	spin_unlock_bh(&session->lock);
	session_wake(session);
}

/* ---- What the channel tells: mover or the VMM's ioctl; only queues ---- */

static void on_channel_message(void *data, unsigned int slot, const void *bytes, size_t length)
{
	struct vsp_service *service = data;
	struct vsp_session *session = service->session;

	spin_lock_bh(&session->lock);
	memcpy(session->slot[slot].bytes, bytes, length);
	session->slot[slot].length = length;
	session->slot[slot].sequence = ++session->sequence;
	session->slot[slot].full = true;
	spin_unlock_bh(&session->lock);
	session_wake(session);
}

static int on_channel_opened(void *data)
{
	return vsp_configfs_depend(data);
}

static void void_slots(struct vsp_session *session)
{
	lockdep_assert_held(&session->lock);
	session->generation++;
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++)
		session->slot[i].full = false;
}

/* Nobody answers any more: what came from there, and was not taken yet, is void. */
static void client_gone(struct vsp_session *session)
{
	spin_lock_bh(&session->lock);
	void_slots(session);
	session->inbox &= ~(VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME);
	session->inbox |= VSP_INBOX_CLOSED;
	spin_unlock_bh(&session->lock);
	session_wake(session);
}

static void on_channel_closed(void *data)
{
	struct vsp_service *service = data;

	client_gone(service->session);
	vsp_configfs_undepend(service);
}

static void on_channel_ready(void *data, bool new_driver)
{
	struct vsp_service *service = data;

	session_inbox_post(service->session, new_driver ? VSP_INBOX_NEW_DRIVER : VSP_INBOX_RESUME);
}

static void on_channel_reset(void *data, bool gone)
{
	struct vsp_service *service = data;
	struct vsp_session *session = service->session;

	if (gone) {
		client_gone(session);
	} else {
		spin_lock_bh(&session->lock);
		void_slots(session);
		spin_unlock_bh(&session->lock);
	}
	if (service->class->queue_reset)
		service->class->queue_reset(service);
}

static void on_channel_queue_kick(void *data, struct vsp_queue *queue)
{
	struct vsp_service *service = data;

	service->class->queue_kick(service, queue);
}

static void on_channel_queue_reap(void *data, struct vsp_queue *queue)
{
	struct vsp_service *service = data;

	service->class->queue_reap(service, queue);
}

static const struct vsp_channel_ops channel_ops = {
	.message = on_channel_message,
	.opened = on_channel_opened,
	.closed = on_channel_closed,
	.ready = on_channel_ready,
	.reset = on_channel_reset,
	.queue_kick = on_channel_queue_kick,
	.queue_reap = on_channel_queue_reap,
};

/**
 * vsp_service_prepared() - a preparation has ended
 * @session: of an enabled service
 *
 * Context: the preparation's work, which ends with this.
 */
void vsp_service_prepared(struct vsp_session *session)
{
	session_inbox_post(session, VSP_INBOX_PREPARED);
}

/**
 * vsp_service_queue_prepare() - have the class make ready, beside the service's work
 * @work: of a session, which cancels it before it goes
 *
 * Context: the service's work.
 */
void vsp_service_queue_prepare(struct work_struct *work)
{
	queue_work(preparations, work);
}

/**
 * vsp_service_answer() - hand an answer to the channel, unless its driver is gone
 * @session: of an enabled service
 * @slot: of the message
 * @generation: as it was when the message was taken
 * @bytes: the answer
 * @length: bytes of it
 *
 * Context: the service's work.
 */
void vsp_service_answer(struct vsp_session *session, unsigned int slot, u32 generation,
			const void *bytes, size_t length)
{
	spin_lock_bh(&session->lock);
	if (generation == session->generation)
		vsp_channel_answer(session->service->channel, slot, bytes, length);
	spin_unlock_bh(&session->lock);
}

/* ---- The work ---- */

static unsigned long take_inbox(struct vsp_session *session, u32 *reason)
{
	unsigned long inbox;

	spin_lock_bh(&session->lock);
	inbox = session->inbox;
	session->inbox = 0;
	*reason = session->call_reason;
	spin_unlock_bh(&session->lock);
	return inbox;
}

static struct vsp_slot *oldest_slot(struct vsp_session *session)
{
	struct vsp_slot *oldest = NULL;

	lockdep_assert_held(&session->lock);
	for (unsigned int i = 0; i < VS_CHANNEL_MESSAGES; i++) {
		struct vsp_slot *slot = &session->slot[i];

		if (slot->full && (!oldest || slot->sequence < oldest->sequence))
			oldest = slot;
	}
	return oldest;
}

/* Copies the next message into session->bytes. */
static bool take_slot(struct vsp_session *session, unsigned int *index, u32 *generation,
		      size_t *length)
{
	struct vsp_slot *slot = NULL;

	spin_lock_bh(&session->lock);
	/* The driver is to be known before it is listened to. */
	if (!(session->inbox & (VSP_INBOX_CLOSED | VSP_INBOX_NEW_DRIVER | VSP_INBOX_RESUME)))
		slot = oldest_slot(session);
	if (slot) {
		slot->full = false;
		memcpy(session->bytes, slot->bytes, slot->length);
		*length = slot->length;
		*generation = session->generation;
		*index = slot - session->slot;
	}
	spin_unlock_bh(&session->lock);
	return slot;
}

static void handle_inbox(struct vsp_session *session, unsigned long inbox, u32 reason)
{
	if (inbox & VSP_INBOX_CLOSED)
		vsp_session_event(session, VSP_EVENT_GONE);
	if (inbox & VSP_INBOX_NEW_DRIVER)
		vsp_session_event(session, VSP_EVENT_NEW_DRIVER);
	else if (inbox & VSP_INBOX_RESUME)
		vsp_session_event(session, VSP_EVENT_RESUME);
	if (inbox & VSP_INBOX_WITHDRAW)
		vsp_session_withdraw(session);
	if (inbox & VSP_INBOX_CHANGED)
		vsp_session_changed(session);
	if (inbox & VSP_INBOX_RENEGOTIATE)
		vsp_session_renegotiate(session, reason);
	if (inbox & VSP_INBOX_PREPARED)
		vsp_session_prepared(session);
	if (inbox & VSP_INBOX_INVITE)
		vsp_session_invite(session);
	if (inbox & VSP_INBOX_VIOLATED)
		vsp_sysfs_changed(session->service, VSP_CHANGE_VIOLATED);
	if (inbox & VSP_INBOX_SLOW)
		vsp_sysfs_changed(session->service,
				  READ_ONCE(session->service->pool->rates.slow) ?
				  VSP_CHANGE_SLOW : VSP_CHANGE_WELL);
	if (inbox & VSP_INBOX_CLOSING)
		vsp_session_close(session);
	if (inbox & VSP_INBOX_REOPEN)
		session->closing = false;
}

/* Until then, the next ask would be denied: what was dropped is to be undone first. */
static bool must_wait(const struct vsp_session *session)
{
	const struct vsp_preparation *preparation = &session->preparation;

	return preparation->next && preparation->dropped &&
	       ktime_before(ktime_get(), preparation->wait_until);
}

/*
 * Takes what messages there are, and looks at the deadlines after each.  Those above
 * the limit stay in their slots, and when these are full in the ring.
 *
 * Return: when to run again.
 */
static ktime_t session_take_messages(struct vsp_session *session)
{
	unsigned int slot, budget = VS_CHANNEL_MESSAGES;
	ktime_t next = vsp_session_expire(session);
	u32 generation;
	size_t length;

	while (budget--) {
		if (must_wait(session))
			return min(next, session->preparation.wait_until);
		if (!__ratelimit(&session->messages))
			return min(next, ktime_add_ms(ktime_get(), VSP_MESSAGES_PAUSE_MS));
		if (!take_slot(session, &slot, &generation, &length))
			return next;
		vsp_session_message(session, slot, generation, length);
		next = vsp_session_expire(session);
	}
	return ktime_get();	/* there may be more: let others run first */
}

static void service_work(struct work_struct *work)
{
	struct vsp_session *session = container_of(work, struct vsp_session, work);
	unsigned int noio = memalloc_noio_save();
	unsigned long inbox;
	ktime_t next;
	u32 reason;

	inbox = take_inbox(session, &reason);
	handle_inbox(session, inbox, reason);
	next = session_take_messages(session);
	if (ktime_before(next, ktime_get()))
		session_wake(session);
	else if (next != KTIME_MAX)
		hrtimer_start(&session->timer, next, HRTIMER_MODE_ABS);
	memalloc_noio_restore(noio);
}

/**
 * vsp_service_start() - before there is any service
 *
 * Return: 0 or -ENOMEM.
 */
int vsp_service_start(void)
{
	workqueue = alloc_workqueue("vsp", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!workqueue)
		return -ENOMEM;
	preparations = alloc_workqueue("vsp_prepare", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (preparations)
		return 0;
	destroy_workqueue(workqueue);
	return -ENOMEM;
}

/**
 * vsp_service_stop() - undoes vsp_service_start(), when there is none any more
 */
void vsp_service_stop(void)
{
	destroy_workqueue(preparations);
	destroy_workqueue(workqueue);
}

/**
 * vsp_service_queue() - run another work of the provider, later
 * @work: not run before that, if it is queued already
 * @ms: from now
 *
 * Context: any. Who owns @work cancels it before the module goes.
 */
void vsp_service_queue(struct delayed_work *work, unsigned int ms)
{
	mod_delayed_work(workqueue, work, msecs_to_jiffies(ms));
}

/* ---- What the administrator wants ---- */

/**
 * vsp_service_init() - a new service, disabled, that may have nothing yet
 * @service: zeroed
 * @spec: its class
 * @name: shorter than VSP_NAME_MAX
 */
void vsp_service_init(struct vsp_service *service, const struct vs_class_spec *spec,
		      const char *name)
{
	service->spec = spec;
	strscpy(service->name, name, sizeof(service->name));
	INIT_LIST_HEAD(&service->uuid_entry);
	mutex_init(&service->admin);
	spin_lock_init(&service->limits_lock);
	service->mode = 0600;
	service->owner_uid = GLOBAL_ROOT_UID;
	service->owner_gid = GLOBAL_ROOT_GID;
	service->weight = 100;
	vsp_rates_init(service);
	service->lease_ms = LEASE_MS_DEFAULT;
	service->deadline_ms = DEADLINE_MS_DEFAULT;
	ratelimit_state_init(&service->uevents, HZ, UEVENTS_PER_SECOND);
	ratelimit_set_flags(&service->uevents, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_state_init(&service->log, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(&service->log, RATELIMIT_MSG_ON_RELEASE);
	INIT_LIST_HEAD(&service->pool_entry);
}

static struct vsp_session *new_session(struct vsp_service *service)
{
	struct vsp_session *session = kvzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return NULL;
	session->service = service;
	spin_lock_init(&session->lock);
	spin_lock_init(&session->view_lock);
	INIT_WORK(&session->work, service_work);
	hrtimer_setup(&session->timer, session_timer_passed, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	vsp_session_prepare_init(session);
	ratelimit_state_init(&session->messages, HZ, VSP_MESSAGES_PER_SECOND);
	ratelimit_set_flags(&session->messages, RATELIMIT_MSG_ON_RELEASE);
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
		.local = service->local,
		.workers = service->class->workers,
		.owner = service->class->owner,
	};
	struct vsp_channel *channel;
	int error;

	export_uuid(config.wire.uuid, &service->uuid);
	strscpy_pad(config.wire.name, service->name, sizeof(config.wire.name));
	error = vsp_sysfs_terms_groups(service->class, &config.groups);
	if (error)
		return error;
	channel = vsp_channel_create(&config, &channel_ops, service);
	if (IS_ERR(channel)) {
		error = PTR_ERR(channel);
		goto free_groups;
	}
	service->channel = channel;
	service->groups = config.groups;
	error = vsp_channel_register(channel);
	if (!error)
		return 0;
	service->channel = NULL;
	service->groups = NULL;
free_groups:
	vsp_sysfs_free_groups(config.groups);
	return error;
}

static void copy_limits(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	spin_lock(&service->limits_lock);
	service->active_limits = service->limits;
	spin_unlock(&service->limits_lock);
}

/* From here on the pool's other services and administrators find it. */
static void publish_session(struct vsp_service *service, struct vsp_session *session)
{
	mutex_lock(&service->pool->lock);
	copy_limits(service);
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
	vsp_session_close(session);
	vsp_session_end_preparation(session);
	kvfree(session);
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
	if (service->enabled) {
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
	vsp_pool_adopt(service);
	vsp_watch_add(service);
	error = make_channel(service);
	if (error)
		goto close_class;
	service->enabled = true;
	goto unlock;

close_class:
	/* It may have heard of its source, and ask the class. */
	end_session(service);
	vsp_watch_drop(service);
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
	       vsp_channel_busy(service->channel) || (class->busy && class->busy(service));
}

/*
 * Ends the contract, and waits until the source has nothing of it any more: to take the
 * device from its driver waits for that, too, with a lock that all vDPA devices share.
 */
static int close_session(struct vsp_service *service)
{
	unsigned long end = jiffies + msecs_to_jiffies(CLOSE_MS);

	lockdep_assert_held(&service->admin);
	session_inbox_post(service->session, VSP_INBOX_CLOSING);
	flush_work(&service->session->work);
	while (is_busy(service) && time_before(jiffies, end) && !fatal_signal_pending(current))
		msleep(CLOSE_POLL_MS);
	if (!is_busy(service))
		return 0;
	session_inbox_post(service->session, VSP_INBOX_REOPEN);
	vsp_channel_revive(service->channel);
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
 * Context: the administrator's process; takes service->admin.
 * Return: 0, or -EBUSY while a VMM holds the device; likewise if the source does not finish
 *	what it was given: then the contract has ended, and the service stays enabled.
 */
int vsp_service_disable(struct vsp_service *service)
{
	struct device *dev;
	int error = 0;

	mutex_lock(&service->admin);
	if (!service->enabled)
		goto unlock;
	error = vsp_channel_kill(service->channel);
	if (error) {
		pr_err("service %s: held by a VMM: stop its guest first\n", service->name);
		goto unlock;
	}
	error = close_session(service);
	if (error)
		goto unlock;
	service->enabled = false;
	flush_work(&service->session->work);
	/* Until the work has ended it may still tell sysfs of its last steps. */
	dev = get_device(vsp_channel_device(service->channel));
	vsp_channel_unregister(service->channel);
	end_session(service);
	service->channel = NULL;
	put_device(dev);
	vsp_sysfs_free_groups(service->groups);
	service->groups = NULL;
	vsp_watch_drop(service);
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
	if (service->enabled) {
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
		vsp_pool_adopt(service);
		error = class->release(service);
		vsp_pool_charge(service, NULL, 0);
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
 * vsp_service_renegotiate() - take the staged limits and call the client
 * @service: one of @service->pool
 * @reason: enum vs_wire_reason that the client is told
 *
 * Context: pool->lock held, which keeps the session. Returns before anything has
 *	happened.
 * Return: 0, or -ENODEV if the service is disabled.
 */
int vsp_service_renegotiate(struct vsp_service *service, u32 reason)
{
	struct vsp_session *session = service->session;

	lockdep_assert_held(&service->pool->lock);
	if (!session)
		return -ENODEV;
	copy_limits(service);
	spin_lock_bh(&session->lock);
	/* The pool's own call neither undoes what an administrator wants nor hides it. */
	if (reason != VS_REASON_CAPACITY)
		session->inbox &= ~VSP_INBOX_WITHDRAW;
	if (reason != VS_REASON_CAPACITY || !(session->inbox & VSP_INBOX_RENEGOTIATE))
		session->call_reason = reason;
	session->inbox |= VSP_INBOX_RENEGOTIATE;
	spin_unlock_bh(&session->lock);
	session_wake(session);
	return 0;
}

/**
 * vsp_service_withdraw() - call the contract back, with the service's deadline
 * @service: one of @service->pool
 *
 * Context: pool->lock held. Returns before anything has happened.
 * Return: 0, or -ENODEV if the service is disabled.
 */
int vsp_service_withdraw(struct vsp_service *service)
{
	struct vsp_session *session = service->session;

	lockdep_assert_held(&service->pool->lock);
	if (!session)
		return -ENODEV;
	spin_lock_bh(&session->lock);
	session->inbox |= VSP_INBOX_WITHDRAW;
	session->inbox &= ~VSP_INBOX_RENEGOTIATE;
	spin_unlock_bh(&session->lock);
	session_wake(session);
	return 0;
}

/**
 * vsp_service_invite() - its pool has more than before
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_service_invite(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		session_inbox_post(service->session, VSP_INBOX_INVITE);
}

/**
 * vsp_service_changed() - its source can do other things than before, or is gone
 * @service: one of @service->pool
 *
 * Takes no limits that the administrator has staged.
 *
 * Context: pool->lock held. Returns before anything has happened.
 */
void vsp_service_changed(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		session_inbox_post(service->session, VSP_INBOX_CHANGED);
}

/**
 * vsp_service_violated() - its contract's floor was not kept
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_service_violated(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		session_inbox_post(service->session, VSP_INBOX_VIOLATED);
}

/**
 * vsp_service_source_slow() - the source of its pool has become too slow, or is not any more
 * @service: one of @service->pool
 *
 * Context: pool->lock held.
 */
void vsp_service_source_slow(struct vsp_service *service)
{
	lockdep_assert_held(&service->pool->lock);
	if (service->session)
		session_inbox_post(service->session, VSP_INBOX_SLOW);
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
	view->result_epoch = session->result_epoch;
	view->result_outcome = session->result_outcome;
	view->result_reason = session->result_reason;
	view->asked = session->asked;
	view->offered = session->offered;
	view->deadline_ms = session->call.open ?
		max_t(s64, ktime_ms_delta(session->call.deadline, ktime_get()), 0) : -1;
	if (session->pending) {
		view->pending_id = session->pending->id;
		view->granted = session->pending->terms;
	}
	spin_unlock(&session->view_lock);
	rcu_read_lock();
	contract = rcu_dereference(service->in_force);
	if (contract) {
		view->id = contract->id;
		view->in_force = contract->terms;
		if (!view->pending_id)
			view->granted = contract->terms;
	}
	rcu_read_unlock();
	view->counters = service->counters;
}
