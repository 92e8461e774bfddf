// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of a service that its class adds by its table: what is kept of a term, switches,
 * and labels.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/bitops.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_value.h"
#include "vsp/admin/configfs.h"
#include "vsp/admin/sysfs.h"
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

/* ---- Labels of the class: user space is told of them, and applies them ---- */

static ssize_t label_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = sysfs_emit(page, "%s\n", service->settings.label[file->index]);
	mutex_unlock(&service->admin);
	return length;
}

/* As dev_valid_name() has it: a udev rule makes it a word of a command. */
static bool label_is_device(const char *text)
{
	for (const char *at = text; *at; at++)
		if (!isascii(*at) || !(isalnum(*at) || strchr("._-", *at)))
			return false;
	return *text != '.' && *text != '-';
}

static int label_check(u32 highest, const char *text)
{
	u64 value;
	int error;

	if (!text[0])
		return 0;
	if (!highest)
		return label_is_device(text) ? 0 : -EINVAL;
	/* As it is written, it is handed on: no suffix, no 0x. */
	if (strspn(text, "0123456789") != strlen(text) || text[0] == '0')
		return -EINVAL;
	error = vs_value_u64(text, &value);
	return error ?: value > highest ? -ERANGE : 0;
}

static ssize_t label_store(struct config_item *item, const struct vsp_file *file,
			   const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	u32 highest = service->spec->label_highest[file->index];
	char text[VSP_LABEL_MAX];
	int error = vs_value_text(page, text, sizeof(text));

	if (!error)
		error = label_check(highest, text);
	if (error && highest)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "a number, 1..%u, or nothing allowed", highest);
	if (error)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "a name of 1..%u characters of a-z A-Z 0-9 . _ -, or nothing, allowed",
					   VSP_LABEL_MAX - 1);
	mutex_lock(&service->admin);
	strscpy(service->settings.label[file->index], text, VSP_LABEL_MAX);
	if (service->device.enabled)
		vsp_sysfs_changed(service, VSP_CHANGE_LABEL);
	mutex_unlock(&service->admin);
	return count;
}

const struct vsp_file_kind vsp_class_label = {
	.prefix = "", .suffix = "", .show = label_show, .store = label_store,
};
