// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of a service that its class adds by its table: what is kept of a term, and
 * switches.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/bitops.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "vsp/admin/configfs.h"
#include "vsp/pool/pool.h"

/* Of KEPT terms: how much the backing holds, with or without a contract. */
static ssize_t kept_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	u64 kept = 0;

	mutex_lock(&service->admin);
	if (service->device.enabled && service->class->kept) {
		kept = service->class->kept(service, file->index);
	} else if (service->pool) {
		mutex_lock(&service->pool->lock);
		/* nothing but that, while disabled */
		kept = service->member.charge[file->index];
		mutex_unlock(&service->pool->lock);
	}
	mutex_unlock(&service->admin);
	return sysfs_emit(page, "%llu\n", kept);
}

const struct vsp_file_kind vsp_class_kept = {
	.prefix = "kept_", .suffix = "", .flags = VS_TERM_KEPT, .show = kept_show,
};

/* ---- Switches of the class: they count from the moment they are written ---- */

static ssize_t switch_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	return sysfs_emit(page, "%d\n",
			  test_bit(file->index, &vsp_service_of_item(item)->switches));
}

static ssize_t switch_store(struct config_item *item, const struct vsp_file *file,
			    const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	bool on;

	if (kstrtobool(page, &on))
		return vsp_configfs_refuse(item, file->name, page, -EINVAL, "0 or 1 allowed");
	mutex_lock(&service->admin);
	assign_bit(file->index, &service->switches, on);
	if (service->device.enabled && service->class->switched)
		service->class->switched(service, file->index);
	mutex_unlock(&service->admin);
	return count;
}

const struct vsp_file_kind vsp_class_switch = {
	.prefix = "", .suffix = "", .show = switch_show, .store = switch_store,
};
