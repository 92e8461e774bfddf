// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/vdpa/devices/<service>: counters/, and how user space hears of changes; see
 * Documentation/ABI/testing/sysfs-bus-vdpa-vsp.  contract/ is in sysfs_contract.c, terms/ in
 * sysfs_terms.c.
 *
 * A file here must not take service->admin: who removes the device holds it and
 * waits for the files.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kobject.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uidgid.h>

#include "channel/host/channel.h"
#include "vs_class.h"
#include "vs_counter.h"
#include "vs_message.h"
#include "vs_show.h"
#include "vsp/admin/sysfs.h"
#include "vsp/core/service.h"
#include "vsp/core/view.h"
#include "vsp/pool/pool.h"

/* The mode of every file, also of those of the class: a tenant does not see what others have. */
static umode_t root_only(struct kobject *kobj, struct attribute *attribute, int index)
{
	return attribute->mode & 0700;
}

/* ---- counters/ ---- */

/**
 * struct counter_file - a file that shows one counter
 * @attribute: of the device
 * @offset: of the counter, in struct vsp_service_counters or struct vsp_rates
 */
struct counter_file {
	struct device_attribute attribute;
	size_t offset;
};

static ssize_t service_counter_show(struct device *dev, struct device_attribute *attribute,
				    char *page)
{
	const struct counter_file *file = container_of(attribute, struct counter_file, attribute);
	const void *counters = &vsp_service_of_device(dev)->counters;

	return sysfs_emit(page, "%llu\n", READ_ONCE(*(const u64 *)(counters + file->offset)));
}

/**
 * vsp_sysfs_counter_show() - a file of VSP_COUNTER()
 * @dev: vDPA device of a service
 * @attribute: of the file
 * @page: filled
 *
 * Context: process.
 * Return: length of the text.
 */
ssize_t vsp_sysfs_counter_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	struct vsp_service *service = vsp_service_of_device(dev);

	return sysfs_emit(page, "%llu\n",
			  service->class->count(service, vs_counter_index(attribute)));
}
EXPORT_SYMBOL_GPL(vsp_sysfs_counter_show);

/* A counter of the data path, over all flows, in struct vsp_rates */
static u64 rates_counter(const struct vsp_service *service, size_t offset)
{
	u64 sum = 0;

	for (u32 flow = 0; flow < service->spec->flows; flow++)
		sum += READ_ONCE(*(const u64 *)((const void *)&service->rates[flow] + offset));
	return sum;
}

static ssize_t rates_counter_show(struct device *dev, struct device_attribute *attribute,
				  char *page)
{
	const struct counter_file *file = container_of(attribute, struct counter_file, attribute);

	return sysfs_emit(page, "%llu\n", rates_counter(vsp_service_of_device(dev), file->offset));
}

/**
 * vsp_sysfs_violations() - what counters/violations says
 * @service: any
 *
 * Context: any.
 * Return: windows in which no floor was kept.
 */
u64 vsp_sysfs_violations(const struct vsp_service *service)
{
	return rates_counter(service, offsetof(struct vsp_rates, violations));
}

#define RENEGOTIATIONS(name, reason)						\
	{ __ATTR(renegotiations_##name, 0444, service_counter_show, NULL),	\
	  offsetof(struct vsp_service_counters, renegotiations_for[reason]) }

static struct counter_file counter_files[] = {
	{ __ATTR(messages, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, messages) },
	{ __ATTR(malformed, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, malformed) },
	{ __ATTR(unexpected, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, unexpected) },
	{ __ATTR(grants, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, grants) },
	{ __ATTR(denials, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, denials) },
	{ __ATTR(renegotiations, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, renegotiations) },
	{ __ATTR(fallbacks, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, fallbacks) },
	{ __ATTR(withdrawals, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, withdrawals) },
	{ __ATTR(calls, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, calls) },
	{ __ATTR(leases, 0444, service_counter_show, NULL),
	  offsetof(struct vsp_service_counters, leases) },
	RENEGOTIATIONS(need, VS_REASON_NEED),
	RENEGOTIATIONS(resume, VS_REASON_RESUME),
	RENEGOTIATIONS(retry, VS_REASON_RETRY),
	RENEGOTIATIONS(mismatch, VS_REASON_MISMATCH),
	RENEGOTIATIONS(admin, VS_REASON_ADMIN),
	RENEGOTIATIONS(more, VS_REASON_MORE),
	RENEGOTIATIONS(capacity, VS_REASON_CAPACITY),
	RENEGOTIATIONS(fallback, VS_REASON_FALLBACK),
	RENEGOTIATIONS(source, VS_REASON_SOURCE),
	RENEGOTIATIONS(violated, VS_REASON_VIOLATED),
	{ __ATTR(waits, 0444, rates_counter_show, NULL), offsetof(struct vsp_rates, waits) },
	{ __ATTR(waited_ns, 0444, rates_counter_show, NULL),
	  offsetof(struct vsp_rates, waited_ns) },
	{ __ATTR(violations, 0444, rates_counter_show, NULL),
	  offsetof(struct vsp_rates, violations) },
};

static ssize_t ring_errors_show(struct device *dev, struct device_attribute *attribute,
				char *page)
{
	const struct vsp_channel *channel = vsp_service_of_device(dev)->device.channel;

	return sysfs_emit(page, "%llu\n", vsp_channel_ring_errors(channel));
}
static DEVICE_ATTR_RO(ring_errors);

/* ---- All groups of one device ---- */

enum { CONTRACT_GROUP, TERMS_GROUP, COUNTERS_GROUP, CLASS_GROUP, GROUPS };

/**
 * struct groups - what vsp_sysfs_terms_groups() makes
 * @list: for the device; ended by NULL; first, as it is what the caller knows
 * @terms: generated
 * @counters: the session's, the channel's and the class's
 * @counter: attributes of @counters, ended by NULL
 */
struct groups {
	const struct attribute_group *list[GROUPS + 1];
	struct attribute_group terms;
	struct attribute_group counters;
	struct attribute *counter[];
};

/* All others, whatever they are read under, each by itself */
static ssize_t service_summary_show(struct device *dev, struct device_attribute *attribute,
				    char *page)
{
	const struct attribute_group **list = vsp_service_of_device(dev)->device.groups;
	struct groups *groups = container_of(list, struct groups, list[0]);
	char *value = kmalloc(PAGE_SIZE, GFP_KERNEL);	/* as sysfs_emit() wants it */
	struct device_attribute *file;
	ssize_t length, at = 0;

	if (!value)
		return -ENOMEM;
	for (size_t i = 0; groups->counter[i]; i++) {
		file = container_of(groups->counter[i], struct device_attribute, attr);
		if (file == attribute)
			continue;
		length = file->show(dev, file, value);
		at += vs_show_counter(&file->attr, value, length, page, at);
	}
	kfree(value);
	return at;
}

static struct device_attribute counters_summary =
	__ATTR(summary, 0444, service_summary_show, NULL);

static struct attribute * const more_counters[] = {
	&dev_attr_ring_errors.attr,
	&counters_summary.attr,
};

static size_t count_attributes(struct attribute * const *attributes)
{
	size_t count = 0;

	while (attributes && attributes[count])
		count++;
	return count;
}

/**
 * vsp_sysfs_terms_groups() - all attribute groups of a service's vDPA device
 * @class: of the service
 * @groups: set, ended by NULL; to be freed by vsp_sysfs_free_groups() when the
 *	device is unregistered
 *
 * Counters that @class shows join the session's own in counters/.
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vsp_sysfs_terms_groups(const struct vsp_class *class, const struct attribute_group ***groups)
{
	struct attribute **more = class->counters ? class->counters->attrs : NULL;
	size_t own = ARRAY_SIZE(counter_files) + ARRAY_SIZE(more_counters);
	size_t others = count_attributes(more);
	struct groups *made;

	made = kzalloc(struct_size(made, counter, own + others + 1), GFP_KERNEL);
	if (!made)
		return -ENOMEM;
	made->terms.name = "terms";
	made->terms.is_visible = root_only;
	made->terms.attrs = vsp_sysfs_terms(class);
	if (!made->terms.attrs) {
		kfree(made);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(counter_files); i++)
		made->counter[i] = &counter_files[i].attribute.attr;
	memcpy(made->counter + ARRAY_SIZE(counter_files), more_counters, sizeof(more_counters));
	if (others)
		memcpy(made->counter + own, more, others * sizeof(*made->counter));
	made->counters.name = "counters";
	made->counters.is_visible = root_only;
	made->counters.attrs = made->counter;
	made->list[CONTRACT_GROUP] = &vsp_sysfs_contract;
	made->list[TERMS_GROUP] = &made->terms;
	made->list[COUNTERS_GROUP] = &made->counters;
	made->list[CLASS_GROUP] = class->files;
	*groups = made->list;
	return 0;
}

/**
 * vsp_sysfs_free_groups() - undo vsp_sysfs_terms_groups()
 * @groups: may be NULL; the device that had them is unregistered
 */
void vsp_sysfs_free_groups(const struct attribute_group **groups)
{
	struct groups *made;

	if (!groups)
		return;
	made = container_of(groups, struct groups, list[0]);
	vsp_sysfs_free_terms(made->terms.attrs);
	kfree(made);
}

/* ---- How user space hears of changes ---- */

/* VSP_EVENT */
static const char * const change_names[] = {
	[VSP_CHANGE_ENABLED] = "enabled",
	[VSP_CHANGE_ACCESS] = "access",
	[VSP_CHANGE_LABEL] = "label",
	[VSP_CHANGE_CONTRACT] = "contract",
	[VSP_CHANGE_FALLBACK] = "fallback",
	[VSP_CHANGE_WITHDRAWN] = "withdrawn",
	[VSP_CHANGE_HELD] = "held",
	[VSP_CHANGE_RELEASED] = "released",
	[VSP_CHANGE_DENIED] = "denied",
	[VSP_CHANGE_VIOLATED] = "violated",
	[VSP_CHANGE_SLOW] = "slow",
	[VSP_CHANGE_WELL] = "well",
	[VSP_CHANGE_ASK] = "ask",
	[VSP_CHANGE_DROPPED] = "dropped",
};

static void describe_change(struct kobj_uevent_env *env, struct vsp_service *service,
			    enum vsp_change change, u64 asked,
			    const struct vsp_service_view *view)
{
	/* Far from what env can take; and one that is missing does no harm. */
	add_uevent_var(env, "VSP_EVENT=%s", change_names[change]);
	add_uevent_var(env, "VSP_SERVICE=%s.%s", service->spec->name, service->name);
	add_uevent_var(env, "VSP_UUID=%pUb", &service->identity.uuid);
	add_uevent_var(env, "VSP_STATE=%s", vs_states_name(view->state));
	add_uevent_var(env, "VSP_CONTRACT=%llu", view->id);
	if (asked)
		add_uevent_var(env, "VSP_ASK=%llu", asked);
	add_uevent_var(env, "VSP_REASON=%s", vs_wire_reason_name(view->reason));
	add_uevent_var(env, "VSP_POOL=%s", service->pool->name);
	add_uevent_var(env, "VSP_OWNER=%u", from_kuid(&init_user_ns, service->access.uid));
	add_uevent_var(env, "VSP_GROUP=%u", from_kgid(&init_user_ns, service->access.gid));
	add_uevent_var(env, "VSP_MODE=%04o", service->access.mode);
}

static void send_uevent(struct vsp_service *service, struct device *dev, enum vsp_change change,
			u64 asked)
{
	struct vsp_service_view *view = vsp_sysfs_view(dev);
	struct kobj_uevent_env *env = kzalloc(sizeof(*env), GFP_KERNEL);

	if (view && env) {
		describe_change(env, service, change, asked, view);
		kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, env->envp);
	}
	kfree(env);
	kfree(view);
}

/**
 * vsp_sysfs_changed() - tell user space that a session has changed
 * @service: not yet, or not any more, enabled: nobody is told
 * @change: what has changed; VSP_CHANGE_STATE is no uevent, it only wakes those who poll
 *
 * From vsp_service_disable() on, which clears enabled and then flushes the work, this
 * does not touch the device any more: it may be gone from sysfs at any moment.
 *
 * Context: the service's work, or an administrator under service->admin; no lock
 *	that vsp_service_view() takes. May sleep.
 */
void vsp_sysfs_changed(struct vsp_service *service, enum vsp_change change)
{
	struct device *dev;

	if (!READ_ONCE(service->device.enabled))
		return;
	dev = vsp_channel_device(service->device.channel);
	sysfs_notify(&dev->kobj, "contract", "state");
	sysfs_notify(&dev->kobj, "contract", "result");
	sysfs_notify(&dev->kobj, "contract", "summary");
	/* A client can cause as many as it likes; monitors can poll. Not so those for udev. */
	if (change == VSP_CHANGE_ENABLED || change == VSP_CHANGE_ACCESS ||
	    change == VSP_CHANGE_LABEL ||
	    (change != VSP_CHANGE_STATE && __ratelimit(&service->ratelimit.uevents)))
		send_uevent(service, dev, change, 0);
}

static void tell_asked(struct vsp_service *service, enum vsp_change change, u64 id)
{
	if (READ_ONCE(service->device.enabled) && __ratelimit(&service->ratelimit.uevents))
		send_uevent(service, vsp_channel_device(service->device.channel), change, id);
}

/**
 * vsp_sysfs_asks() - tell user space that the class waits for an answer from there
 * @service: not enabled yet: nobody is told
 * @id: of the contract that is being prepared
 *
 * One service sends so many uevents in a second; who must not miss one looks at the class's
 * files now and then.
 *
 * Context: prepare, abort and cancel of the class, until whose end the device stays.
 */
void vsp_sysfs_asks(struct vsp_service *service, u64 id)
{
	tell_asked(service, VSP_CHANGE_ASK, id);
}
EXPORT_SYMBOL_GPL(vsp_sysfs_asks);

/**
 * vsp_sysfs_drops() - tell user space that what was asked will not come
 * @service: not, or not any more, enabled: nobody is told
 * @id: of the contract
 *
 * Context: as vsp_sysfs_asks().
 */
void vsp_sysfs_drops(struct vsp_service *service, u64 id)
{
	tell_asked(service, VSP_CHANGE_DROPPED, id);
}
EXPORT_SYMBOL_GPL(vsp_sysfs_drops);
