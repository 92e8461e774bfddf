// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tree /sys/kernel/config/vsp: its two directories, names of what is made in
 * them, and what keeps a service there while a VMM holds it.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "vsp/admin/configfs.h"

static const struct config_item_type subsystem_type = {
	.ct_owner = THIS_MODULE,
};

struct configfs_subsystem vsp_configfs_subsystem = {
	.su_group.cg_item = {
		.ci_namebuf = "vsp",
		.ci_type = &subsystem_type,
	},
};

/* Orders vsp_configfs_depend() and the beginning of an rmdir; see there. */
static DEFINE_SPINLOCK(depend_lock);

/**
 * vsp_configfs_parse() - take apart the name of a pool or service
 * @directory: "pool" or "service", for the log
 * @name: as given to mkdir
 * @rest: set to what follows "<class>.": 1..VSP_NAME_MAX-1 characters of a-z A-Z 0-9 _ -
 *
 * Return: the class, or an error pointer: -EINVAL, logged.
 */
const struct vs_class_spec *vsp_configfs_parse(const char *directory, const char *name,
					       const char **rest)
{
	const struct vs_class_spec *spec;
	const char *dot = strchr(name, '.');
	size_t length;

	spec = dot ? vs_class_by_name(name, dot - name) : NULL;
	if (!spec) {
		pr_err("%s \"%.64s\": name it <class>.<name> with a class that this build knows, as in storage.one\n",
		       directory, name);
		return ERR_PTR(-EINVAL);
	}
	*rest = dot + 1;
	length = strlen(*rest);
	for (size_t i = 0; i < length; i++)
		if (!isascii((*rest)[i]) || !(isalnum((*rest)[i]) || strchr("_-", (*rest)[i])))
			length = 0;
	if (length && length < VSP_NAME_MAX)
		return spec;
	pr_err("%s \"%.64s\": 1..%u characters of a-z A-Z 0-9 _ - must follow \"%s.\"\n",
	       directory, name, VSP_NAME_MAX - 1, spec->name);
	return ERR_PTR(-EINVAL);
}

/**
 * vsp_configfs_refuse() - say in the log why a write was refused
 * @item: pool or service
 * @file: that was written
 * @page: what was written
 * @error: negative errno
 * @format: what is allowed, or what to do; with its arguments
 *
 * Return: @error.
 */
ssize_t vsp_configfs_refuse(struct config_item *item, const char *file, const char *page,
			    int error, const char *format, ...)
{
	int shown = min_t(size_t, strcspn(page, "\n"), 64);
	struct va_format why;
	va_list arguments;

	va_start(arguments, format);
	why.fmt = format;
	why.va = &arguments;
	pr_err("%s: %s: \"%*pE\" refused (%d): %pV\n", config_item_name(item), file,
	       shown, page, error, &why);
	va_end(arguments);
	return error;
}

/**
 * vsp_configfs_depend() - a VMM opens the device: its service must stay
 * @service: enabled
 *
 * From here until vsp_configfs_undepend() rmdir answers -EBUSY.
 *
 * configfs_depend_item_unlocked() from inside the own subsystem takes no lock but
 * configfs' innermost, and so cannot deadlock with an rmdir that waits, under the
 * subsystem's mutex, for the device to go. But it follows the item's link to its
 * directory, which that rmdir cuts. So an rmdir, before it does, sets leaving under
 * depend_lock, and this looks at it under the same lock.
 *
 * Context: any but interrupt; takes depend_lock.
 * Return: 0, or -ENODEV: the service is about to be removed.
 */
int vsp_configfs_depend(struct vsp_service *service)
{
	int error = -ENODEV;

	spin_lock(&depend_lock);
	if (!service->device.leaving &&
	    !configfs_depend_item_unlocked(&vsp_configfs_subsystem, &service->group.cg_item))
		error = 0;
	spin_unlock(&depend_lock);
	return error;
}

/**
 * vsp_configfs_undepend() - the VMM has closed it
 * @service: vsp_configfs_depend() was successful
 *
 * The caller may not rely on @service afterwards.
 *
 * Context: any but interrupt.
 */
void vsp_configfs_undepend(struct vsp_service *service)
{
	configfs_undepend_item(&service->group.cg_item);
}

/**
 * vsp_configfs_leave() - an rmdir of this service has begun
 * @service: not held by a VMM
 *
 * Context: under su_mutex, before configfs unlinks the item; takes depend_lock.
 */
void vsp_configfs_leave(struct vsp_service *service)
{
	spin_lock(&depend_lock);
	service->device.leaving = true;
	spin_unlock(&depend_lock);
}

/**
 * vsp_configfs_init() - make /sys/kernel/config/vsp
 *
 * Context: the module's init.
 * Return: 0 or an error of configfs.
 */
int vsp_configfs_init(void)
{
	struct config_group *root = &vsp_configfs_subsystem.su_group;
	int error;

	config_group_init(root);
	mutex_init(&vsp_configfs_subsystem.su_mutex);
	config_group_init_type_name(&vsp_configfs_pools, "pools", &vsp_configfs_pools_type);
	configfs_add_default_group(&vsp_configfs_pools, root);
	config_group_init_type_name(&vsp_configfs_services, "services",
				    &vsp_configfs_services_type);
	configfs_add_default_group(&vsp_configfs_services, root);
	error = configfs_register_subsystem(&vsp_configfs_subsystem);
	if (error)
		pr_err("/sys/kernel/config/vsp cannot be made (%d)\n", error);
	return error;
}

/**
 * vsp_configfs_exit() - undo vsp_configfs_init()
 *
 * Context: the module's exit; no pool and no service is left.
 */
void vsp_configfs_exit(void)
{
	configfs_unregister_subsystem(&vsp_configfs_subsystem);
	vsp_files_free_all();
}
