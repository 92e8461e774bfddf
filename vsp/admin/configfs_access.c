// SPDX-License-Identifier: GPL-2.0-only
/*
 * services/<class>.<name>: whom a service is for, and who may open its device; see
 * Documentation/ABI/testing/configfs-vsp.
 */
#include <linux/kstrtox.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>

#include "vs_value.h"
#include "vsp/admin/configfs.h"
#include "vsp/admin/sysfs.h"

/* ---- Names of its guest, for people and monitors ---- */

static struct vsp_guest *guest_of(struct config_item *item)
{
	return &vsp_service_of_item(item)->settings.guest;
}

/* @text: of @guest */
static ssize_t guest_show(struct vsp_guest *guest, const char *text, char *page)
{
	ssize_t length;

	spin_lock(&guest->lock);
	length = sysfs_emit(page, "%s\n", text);
	spin_unlock(&guest->lock);
	return length;
}

/* @file: its name; @text: of the guest of @item */
static ssize_t guest_store(struct config_item *item, const char *file, char *text,
			   const char *page, size_t count)
{
	struct vsp_guest *guest = guest_of(item);
	char value[VSP_GUEST_NAME_MAX];
	int error = vs_value_text(page, value, sizeof(value));

	if (error)
		return vsp_configfs_refuse(item, file, page, error,
					   "up to %u printable characters", VSP_GUEST_NAME_MAX - 1);
	spin_lock(&guest->lock);
	strscpy(text, value, VSP_GUEST_NAME_MAX);
	spin_unlock(&guest->lock);
	return count;
}

static ssize_t service_guest_show(struct config_item *item, char *page)
{
	return guest_show(guest_of(item), guest_of(item)->label, page);
}

static ssize_t service_guest_store(struct config_item *item, const char *page, size_t count)
{
	return guest_store(item, "guest", guest_of(item)->label, page, count);
}

static ssize_t service_vm_show(struct config_item *item, char *page)
{
	return guest_show(guest_of(item), guest_of(item)->vm, page);
}

static ssize_t service_vm_store(struct config_item *item, const char *page, size_t count)
{
	return guest_store(item, "vm", guest_of(item)->vm, page, count);
}

static ssize_t service_vm_uuid_show(struct config_item *item, char *page)
{
	struct vsp_guest *guest = guest_of(item);
	uuid_t uuid;

	spin_lock(&guest->lock);
	uuid = guest->vm_uuid;
	spin_unlock(&guest->lock);
	return uuid_is_null(&uuid) ? sysfs_emit(page, "\n") : sysfs_emit(page, "%pUb\n", &uuid);
}

static ssize_t service_vm_uuid_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_guest *guest = guest_of(item);
	char text[UUID_STRING_LEN + 1];
	uuid_t uuid = uuid_null;
	int error = vs_value_text(page, text, sizeof(text));

	if (!error && text[0] && (strlen(text) != UUID_STRING_LEN || uuid_parse(text, &uuid)))
		error = -EINVAL;
	if (error)
		return vsp_configfs_refuse(item, "vm_uuid", page, -EINVAL,
					   "an UUID as in 01234567-89ab-cdef-0123-456789abcdef, or nothing");
	spin_lock(&guest->lock);
	guest->vm_uuid = uuid;
	spin_unlock(&guest->lock);
	return count;
}

/* ---- Who may open the device ---- */

/* Tells udev, which applies it. */
static void access_changed(struct vsp_service *service)
{
	lockdep_assert_held(&service->admin);
	if (service->device.enabled)
		vsp_sysfs_changed(service, VSP_CHANGE_ACCESS);
}

static ssize_t service_owner_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n",
			  from_kuid(&init_user_ns, vsp_service_of_item(item)->access.uid));
}

static ssize_t service_owner_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	kuid_t uid = INVALID_UID;
	u64 value;

	if (!vs_value_u64(page, &value) && value < U32_MAX)
		uid = make_kuid(&init_user_ns, value);
	if (!uid_valid(uid))
		return vsp_configfs_refuse(item, "owner", page, -EINVAL,
					   "a user's number, 0..%u, allowed", U32_MAX - 1);
	mutex_lock(&service->admin);
	service->access.uid = uid;
	access_changed(service);
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_group_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n",
			  from_kgid(&init_user_ns, vsp_service_of_item(item)->access.gid));
}

static ssize_t service_group_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	kgid_t gid = INVALID_GID;
	u64 value;

	if (!vs_value_u64(page, &value) && value < U32_MAX)
		gid = make_kgid(&init_user_ns, value);
	if (!gid_valid(gid))
		return vsp_configfs_refuse(item, "group", page, -EINVAL,
					   "a group's number, 0..%u, allowed", U32_MAX - 1);
	mutex_lock(&service->admin);
	service->access.gid = gid;
	access_changed(service);
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_mode_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%04o\n", vsp_service_of_item(item)->access.mode);
}

static ssize_t service_mode_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	u16 mode;

	if (kstrtou16(page, 8, &mode) || (mode & ~0666))
		return vsp_configfs_refuse(item, "mode", page, -EINVAL, "octal 0..0666 allowed");
	mutex_lock(&service->admin);
	service->access.mode = mode;
	access_changed(service);
	mutex_unlock(&service->admin);
	return count;
}

CONFIGFS_ATTR(service_, guest);
CONFIGFS_ATTR(service_, vm);
CONFIGFS_ATTR(service_, vm_uuid);
CONFIGFS_ATTR(service_, owner);
CONFIGFS_ATTR(service_, group);
CONFIGFS_ATTR(service_, mode);

struct configfs_attribute * const vsp_configfs_access[] = {
	&service_attr_guest,
	&service_attr_vm,
	&service_attr_vm_uuid,
	&service_attr_owner,
	&service_attr_group,
	&service_attr_mode,
	NULL
};
