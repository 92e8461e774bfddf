// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/vdpa/devices/<service>/contract: what a session is doing, one file a value, and
 * all of it with the terms in one, contract/summary; see
 * Documentation/ABI/testing/sysfs-bus-vdpa-vsp.
 *
 * A file here must not take service->admin: who removes the device holds it and
 * waits for the files.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/array_size.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uuid.h>

#include "channel/host/channel.h"
#include "vs_message.h"
#include "vsp/admin/configfs.h"
#include "vsp/admin/sysfs.h"
#include "vsp/core/service.h"
#include "vsp/core/view.h"
#include "vsp/pool/pool.h"

/**
 * vsp_sysfs_view() - a copy of the session behind a device
 * @dev: the vDPA device
 *
 * Context: process, of a file of @dev.
 * Return: the copy, to be freed by kfree(), or NULL: no memory.
 */
struct vsp_service_view *vsp_sysfs_view(struct device *dev)
{
	struct vsp_service_view *view = kmalloc(sizeof(*view), GFP_KERNEL);

	if (view)
		vsp_service_view(vsp_service_of_device(dev), view);
	return view;
}

/**
 * struct contract_file - a file that shows a part of the session, and a line of the summary
 * @attribute: of the device
 * @emit: writes what is in the file behind @at bytes of a page; returns the bytes written
 */
struct contract_file {
	struct device_attribute attribute;
	ssize_t (*emit)(const struct vsp_service_view *view, char *page, ssize_t at);
};

static ssize_t contract_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct contract_file *file = container_of(attribute, struct contract_file, attribute);
	struct vsp_service_view *view = vsp_sysfs_view(dev);
	ssize_t length;

	if (!view)
		return -ENOMEM;
	length = file->emit(view, page, 0);
	kfree(view);
	return length;
}

#define CONTRACT(name, emit)								\
static struct contract_file contract_##name = { __ATTR(name, 0400, contract_show, NULL), emit }

static ssize_t contract_emit_state(const struct vsp_service_view *view, char *page, ssize_t at)
{
	return sysfs_emit_at(page, at, "%s\n", vs_states_name(view->state));
}

static ssize_t contract_emit_epoch(const struct vsp_service_view *view, char *page, ssize_t at)
{
	return sysfs_emit_at(page, at, "0x%016llx\n", view->epoch);
}

static ssize_t contract_emit_id(const struct vsp_service_view *view, char *page, ssize_t at)
{
	return sysfs_emit_at(page, at, "%llu\n", view->id);
}

static ssize_t contract_emit_reason(const struct vsp_service_view *view, char *page, ssize_t at)
{
	return sysfs_emit_at(page, at, "%s\n", vs_wire_reason_name(view->reason));
}

static ssize_t contract_emit_result(const struct vsp_service_view *view, char *page, ssize_t at)
{
	if (!view->result_outcome)
		return sysfs_emit_at(page, at, "none\n");
	return sysfs_emit_at(page, at, "epoch=0x%016llx outcome=%s reason=%s\n",
			     view->result_epoch, vs_wire_outcome_name(view->result_outcome),
			     vs_wire_reason_name(view->result_reason));
}

static ssize_t contract_emit_deadline(const struct vsp_service_view *view, char *page, ssize_t at)
{
	if (view->deadline_ms < 0)
		return sysfs_emit_at(page, at, "none\n");
	return sysfs_emit_at(page, at, "%lld\n", view->deadline_ms);
}

CONTRACT(state, contract_emit_state);
CONTRACT(epoch, contract_emit_epoch);
CONTRACT(id, contract_emit_id);
CONTRACT(reason, contract_emit_reason);
CONTRACT(result, contract_emit_result);
CONTRACT(deadline_ms, contract_emit_deadline);

static struct contract_file * const contract_files[] = {
	&contract_state,
	&contract_epoch,
	&contract_id,
	&contract_reason,
	&contract_result,
	&contract_deadline_ms,
};

/* A line for each of its files in configfs */
static ssize_t contract_emit_guest(struct vsp_guest *guest, char *page, ssize_t at)
{
	char uuid[UUID_STRING_LEN + 1] = "";
	ssize_t start = at;

	spin_lock(&guest->lock);
	if (!uuid_is_null(&guest->vm_uuid))
		snprintf(uuid, sizeof(uuid), "%pUb", &guest->vm_uuid);
	at += sysfs_emit_at(page, at, "guest %s\nvm %s\nvm_uuid %s\n", guest->label, guest->vm,
			    uuid);
	spin_unlock(&guest->lock);
	return at - start;
}

/* All that stands in it of the session is of one moment: of one view. */
static ssize_t contract_summary_show(struct device *dev, struct device_attribute *attribute,
				     char *page)
{
	struct vsp_service *service = vsp_service_of_device(dev);
	struct vsp_service_view *view = vsp_sysfs_view(dev);
	ssize_t at = 0;

	if (!view)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(contract_files); i++) {
		at += sysfs_emit_at(page, at, "%s ", contract_files[i]->attribute.attr.name);
		at += contract_files[i]->emit(view, page, at);
	}
	at += sysfs_emit_at(page, at, "violations %llu\n", vsp_sysfs_violations(service));
	/* It has this pool as long as it has a device. */
	at += sysfs_emit_at(page, at, "pool %s.%s\n", service->pool->spec->name,
			    service->pool->name);
	at += contract_emit_guest(&service->settings.guest, page, at);
	at += vsp_sysfs_emit_terms(service, view, page, at);
	kfree(view);
	return at;
}

static struct device_attribute contract_summary =
	__ATTR(summary, 0400, contract_summary_show, NULL);

static ssize_t contract_vmm_show(struct device *dev, struct device_attribute *attribute,
				 char *page)
{
	pid_t vmm = vsp_channel_vmm(vsp_service_of_device(dev)->device.channel);

	return vmm ? sysfs_emit(page, "%d\n", vmm) : sysfs_emit(page, "none\n");
}

static struct device_attribute contract_vmm = __ATTR(vmm, 0400, contract_vmm_show, NULL);

static int refuse_trigger(struct device *dev, const char *file, const char *page)
{
	int shown = min_t(size_t, strcspn(page, "\n"), 64);

	pr_err("service %s: %s: \"%*pE\" refused (%d): 1 allowed\n", dev_name(dev), file, shown,
	       page, -EINVAL);
	return -EINVAL;
}

static void tell_trigger(struct vsp_service *service, const char *file)
{
	vsp_change_tell("service", config_item_name(&service->group.cg_item), file, "", "written");
}

static ssize_t contract_renegotiate_store(struct device *dev, struct device_attribute *attribute,
					  const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_device(dev);
	int error;

	if (!sysfs_streq(page, "1"))
		return refuse_trigger(dev, "renegotiate", page);
	mutex_lock(&service->pool->lock);
	error = vsp_session_renegotiate(service, VS_REASON_ADMIN);
	mutex_unlock(&service->pool->lock);
	if (!error)
		tell_trigger(service, "renegotiate");
	return error ?: count;
}

static struct device_attribute contract_renegotiate =
	__ATTR(renegotiate, 0200, NULL, contract_renegotiate_store);

static ssize_t contract_withdraw_store(struct device *dev, struct device_attribute *attribute,
				       const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_device(dev);
	int error;

	if (!sysfs_streq(page, "1"))
		return refuse_trigger(dev, "withdraw", page);
	mutex_lock(&service->pool->lock);
	error = vsp_session_withdraw(service);
	mutex_unlock(&service->pool->lock);
	if (!error)
		tell_trigger(service, "withdraw");
	return error ?: count;
}

static struct device_attribute contract_withdraw =
	__ATTR(withdraw, 0200, NULL, contract_withdraw_store);

static struct attribute *contract_attributes[] = {
	&contract_state.attribute.attr,
	&contract_epoch.attribute.attr,
	&contract_id.attribute.attr,
	&contract_reason.attribute.attr,
	&contract_result.attribute.attr,
	&contract_deadline_ms.attribute.attr,
	&contract_summary.attr,
	&contract_vmm.attr,
	&contract_renegotiate.attr,
	&contract_withdraw.attr,
	NULL
};

/* contract/ of every service */
const struct attribute_group vsp_sysfs_contract = {
	.name = "contract",
	.attrs = contract_attributes,
};
