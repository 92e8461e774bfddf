// SPDX-License-Identifier: GPL-2.0-only
/*
 * services/<class>.<name>: whom a service is for, and who may open its device; see
 * Documentation/ABI/testing/configfs-vsp.
 */
#include <linux/kstrtox.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>

#include "vs_value.h"
#include "vsp/admin/configfs.h"
#include "vsp/admin/sysfs.h"

/* ---- Names of its guest, for people and monitors ---- */

static ssize_t service_guest_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = sysfs_emit(page, "%s\n", service->settings.guest);
	mutex_unlock(&service->admin);
	return length;
}

static ssize_t service_guest_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	char guest[sizeof(service->settings.guest)];
	int error = vs_value_text(page, guest, sizeof(guest));

	if (error)
		return vsp_configfs_refuse(item, "guest", page, error,
					   "up to %zu printable characters",
					   sizeof(service->settings.guest) - 1);
	mutex_lock(&service->admin);
	strscpy(service->settings.guest, guest, sizeof(service->settings.guest));
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_vm_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = sysfs_emit(page, "%s\n", service->settings.vm);
	mutex_unlock(&service->admin);
	return length;
}

static ssize_t service_vm_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	char vm[sizeof(service->settings.vm)];
	int error = vs_value_text(page, vm, sizeof(vm));

	if (error)
		return vsp_configfs_refuse(item, "vm", page, error,
					   "up to %zu printable characters",
					   sizeof(service->settings.vm) - 1);
	mutex_lock(&service->admin);
	strscpy(service->settings.vm, vm, sizeof(service->settings.vm));
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_vm_uuid_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	uuid_t uuid;

	mutex_lock(&service->admin);
	uuid = service->settings.vm_uuid;
	mutex_unlock(&service->admin);
	return uuid_is_null(&uuid) ? sysfs_emit(page, "\n") : sysfs_emit(page, "%pUb\n", &uuid);
}

static ssize_t service_vm_uuid_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	char text[UUID_STRING_LEN + 1];
	uuid_t uuid = uuid_null;
	int error = vs_value_text(page, text, sizeof(text));

	if (!error && text[0] && (strlen(text) != UUID_STRING_LEN || uuid_parse(text, &uuid)))
		error = -EINVAL;
	if (error)
		return vsp_configfs_refuse(item, "vm_uuid", page, -EINVAL,
					   "an UUID as in 01234567-89ab-cdef-0123-456789abcdef, or nothing");
	mutex_lock(&service->admin);
	service->settings.vm_uuid = uuid;
	mutex_unlock(&service->admin);
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
