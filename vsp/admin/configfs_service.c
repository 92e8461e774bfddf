// SPDX-License-Identifier: GPL-2.0-only
/*
 * services/<class>.<name>: see Documentation/ABI/testing/configfs-vsp.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include "vs_states.h"
#include "vs_value.h"
#include "vsp/admin/configfs.h"
#include "vsp/admin/sysfs.h"
#include "vsp/admin/uuid.h"
#include "vsp/core/registry.h"
#include "vsp/core/view.h"
#include "vsp/core/work.h"
#include "vsp/pool/pool.h"

#define DROP_WAITS		20	/* of DROP_WAIT_MS, for an open that is failing */
#define DROP_WAIT_MS		100

struct config_group vsp_configfs_services;

/* Takes service->admin, which keeps it disabled, or refuses the write. */
static int lock_disabled(struct config_item *item, const char *file, const char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);

	mutex_lock(&service->admin);
	if (!service->device.enabled)
		return 0;
	mutex_unlock(&service->admin);
	return vsp_configfs_refuse(item, file, page, -EBUSY, "write 0 to enable first");
}

/* ---- pool ---- */

static ssize_t service_pool_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = service->pool ?
		sysfs_emit(page, "%s.%s\n", service->pool->spec->name, service->pool->name) :
		sysfs_emit(page, "\n");
	mutex_unlock(&service->admin);
	return length;
}

/* From one pool to another, or none: @pool was found with a dependency on it. */
static void move_to_pool(struct vsp_service *service, struct vsp_pool *pool)
{
	struct vsp_pool *old = service->pool;

	lockdep_assert_held(&service->admin);
	if (old && old != pool)
		vsp_pool_leave(old, &service->member);
	if (pool && old != pool)
		vsp_pool_join(pool, &service->member);
	service->pool = pool;
	if (old)
		vsp_configfs_pool_undepend(old);
}

static ssize_t service_pool_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	char name[2 * VSP_NAME_MAX];
	struct vsp_pool *pool = NULL;
	int error;

	error = vs_value_text(page, name, sizeof(name));
	if (!error && name[0]) {
		pool = vsp_configfs_pool_depend(service->spec, name);
		error = PTR_ERR_OR_ZERO(pool);
	}
	if (error)
		return vsp_configfs_refuse(item, "pool", page, error,
					   "name of a directory in pools/ that is of class %s, or nothing",
					   service->spec->name);
	error = lock_disabled(item, "pool", page);
	if (error) {
		if (pool)
			vsp_configfs_pool_undepend(pool);
		return error;
	}
	move_to_pool(service, pool);
	mutex_unlock(&service->admin);
	return count;
}

/* ---- Text ---- */

static ssize_t service_backing_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = sysfs_emit(page, "%s\n", service->settings.backing);
	mutex_unlock(&service->admin);
	return length;
}

/* What the pool's source keeps for the service is not that of its next backing. */
static void set_backing(struct vsp_service *service, const char *backing)
{
	lockdep_assert_held(&service->admin);
	if (service->pool && strcmp(service->settings.backing, backing)) {
		vsp_pool_leave(service->pool, &service->member);
		vsp_pool_join(service->pool, &service->member);
	}
	strscpy(service->settings.backing, backing, sizeof(service->settings.backing));
}

static ssize_t service_backing_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	char backing[VSP_PATH_MAX];
	int error = vs_value_text(page, backing, sizeof(backing));

	if (!error && backing[0] && backing[0] != '/')
		error = -EINVAL;
	if (error)
		return vsp_configfs_refuse(item, "backing", page, error,
					   "nothing, or a path from / on, of up to %u printable characters",
					   VSP_PATH_MAX - 1);
	error = lock_disabled(item, "backing", page);
	if (error)
		return error;
	set_backing(service, backing);
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_uuid_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	ssize_t length;

	mutex_lock(&service->admin);
	length = uuid_is_null(&service->identity.uuid) ? sysfs_emit(page, "\n") :
						sysfs_emit(page, "%pUb\n", &service->identity.uuid);
	mutex_unlock(&service->admin);
	return length;
}

static int set_uuid(struct vsp_service *service, const uuid_t *uuid)
{
	int error;

	mutex_lock(&service->admin);
	if (service->device.enabled || service->identity.fixed)
		error = -EBUSY;
	else
		error = vsp_uuid_set(service, uuid);
	if (!error)
		service->identity.written = true;
	mutex_unlock(&service->admin);
	return error;
}

static ssize_t service_uuid_store(struct config_item *item, const char *page, size_t count)
{
	char text[UUID_STRING_LEN + 1];
	uuid_t uuid;
	int error = vs_value_text(page, text, sizeof(text));

	if (error || strlen(text) != UUID_STRING_LEN || uuid_parse(text, &uuid) ||
	    uuid_is_null(&uuid))
		return vsp_configfs_refuse(item, "uuid", page, -EINVAL,
					   "an UUID as in 01234567-89ab-cdef-0123-456789abcdef");
	error = set_uuid(vsp_service_of_item(item), &uuid);
	if (error)
		return vsp_configfs_refuse(item, "uuid", page, error,
					   "fixed since the service was enabled, or of another service");
	return count;
}

/* ---- Numbers and switches that may change at any time ---- */

static u32 *number_at(struct config_item *item, size_t offset)
{
	return (void *)vsp_service_of_item(item) + offset;
}

static ssize_t show_number(struct config_item *item, char *page, size_t offset)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(*number_at(item, offset)));
}

static ssize_t store_number(struct config_item *item, const char *file, const char *page,
			    size_t count, size_t offset, u32 low, u32 high)
{
	u64 value;
	int error = vs_value_u64(page, &value);

	if (!error && (value < low || value > high))
		error = -ERANGE;
	if (error)
		return vsp_configfs_refuse(item, file, page, error, "%u..%u allowed", low, high);
	WRITE_ONCE(*number_at(item, offset), value);
	return count;
}

#define SHOW_NUMBER(field)								\
static ssize_t service_##field##_show(struct config_item *item, char *page)		\
{											\
	return show_number(item, page, offsetof(struct vsp_service, settings.field));	\
}

#define STORE_NUMBER(field, low, high)							\
static ssize_t service_##field##_store(struct config_item *item, const char *page,	\
				       size_t count)					\
{											\
	return store_number(item, #field, page, count,					\
			    offsetof(struct vsp_service, settings.field), low, high);	\
}

SHOW_NUMBER(weight)
STORE_NUMBER(weight, 1, 1000)
SHOW_NUMBER(priority)
STORE_NUMBER(priority, 0, 100)
SHOW_NUMBER(lease_ms)
STORE_NUMBER(lease_ms, 0, 3600000)
SHOW_NUMBER(deadline_ms)
STORE_NUMBER(deadline_ms, 10, 600000)

static ssize_t service_keep_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(vsp_service_of_item(item)->settings.keep));
}

static ssize_t service_keep_store(struct config_item *item, const char *page, size_t count)
{
	bool keep;

	if (kstrtobool(page, &keep))
		return vsp_configfs_refuse(item, "keep", page, -EINVAL, "0 or 1 allowed");
	WRITE_ONCE(vsp_service_of_item(item)->settings.keep, keep);
	return count;
}

static ssize_t service_local_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(vsp_service_of_item(item)->settings.local));
}

static ssize_t service_local_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	bool local;
	int error;

	if (kstrtobool(page, &local))
		return vsp_configfs_refuse(item, "local", page, -EINVAL, "0 or 1 allowed");
	error = lock_disabled(item, "local", page);
	if (error)
		return error;
	WRITE_ONCE(service->settings.local, local);
	mutex_unlock(&service->admin);
	return count;
}

/* ---- What happens to it ---- */

static ssize_t service_enable_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(vsp_service_of_item(item)->device.enabled));
}

static ssize_t service_enable_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_service *service = vsp_service_of_item(item);
	bool enable;
	int error;

	if (kstrtobool(page, &enable))
		return vsp_configfs_refuse(item, "enable", page, -EINVAL, "0 or 1 allowed");
	error = enable ? vsp_service_enable(service) : vsp_service_disable(service);
	if (error)
		return error;
	mutex_lock(&service->admin);
	if (enable && service->device.enabled) {
		service->identity.fixed = true;
		vsp_sysfs_changed(service, VSP_CHANGE_ENABLED);
	}
	mutex_unlock(&service->admin);
	return count;
}

static ssize_t service_release_store(struct config_item *item, const char *page, size_t count)
{
	int error;

	if (!sysfs_streq(page, "1"))
		return vsp_configfs_refuse(item, "release", page, -EINVAL, "1 allowed");
	error = vsp_service_release(vsp_service_of_item(item));
	return error ?: count;
}

static ssize_t service_state_show(struct config_item *item, char *page)
{
	struct vsp_service *service = vsp_service_of_item(item);
	struct vsp_service_view *view;
	ssize_t length;

	view = kmalloc(sizeof(*view), GFP_KERNEL);
	if (!view)
		return -ENOMEM;
	mutex_lock(&service->admin);
	if (service->device.enabled) {
		vsp_service_view(service, view);
		length = sysfs_emit(page, "%s\n", vs_states_name(view->state));
	} else if (!vsp_class_loaded(service->spec)) {
		length = sysfs_emit(page, "class missing: vsp_%s\n", service->spec->name);
	} else {
		length = sysfs_emit(page, "disabled\n");
	}
	mutex_unlock(&service->admin);
	kfree(view);
	return length;
}

CONFIGFS_ATTR(service_, pool);
CONFIGFS_ATTR(service_, backing);
CONFIGFS_ATTR(service_, local);
CONFIGFS_ATTR(service_, enable);
CONFIGFS_ATTR(service_, uuid);
CONFIGFS_ATTR(service_, weight);
CONFIGFS_ATTR(service_, priority);
CONFIGFS_ATTR(service_, lease_ms);
CONFIGFS_ATTR(service_, deadline_ms);
CONFIGFS_ATTR(service_, keep);
CONFIGFS_ATTR_WO(service_, release);
CONFIGFS_ATTR_RO(service_, state);

static struct configfs_attribute * const fixed[] = {
	&service_attr_pool,
	&service_attr_backing,
	&service_attr_local,
	&service_attr_enable,
	&service_attr_uuid,
	&service_attr_weight,
	&service_attr_priority,
	&service_attr_lease_ms,
	&service_attr_deadline_ms,
	&service_attr_keep,
	&service_attr_release,
	&service_attr_state,
	NULL
};

static const char *switch_name(const struct vs_class_spec *class, u32 index)
{
	return class->switches ? class->switches[index] : NULL;
}

static const char *label_name(const struct vs_class_spec *class, u32 index)
{
	return class->labels && index < VSP_LABELS_MAX ? class->labels[index] : NULL;
}

/* ---- Directories ---- */

static void release_service(struct config_item *item)
{
	struct vsp_service *service = vsp_service_of_item(item);

	vsp_uuid_drop(service);
	mutex_destroy(&service->admin);
	kfree(service);
}

static struct configfs_item_operations service_ops = {
	.release = release_service,
};

static const struct vsp_item_spec item_spec = {
	.kind = "service",
	.ops = &service_ops,
	.fixed = { fixed, vsp_configfs_access },
	.kinds = {
		[VS_KIND_RATE] = { &vsp_limit_floor, &vsp_limit_ceiling },
		[VS_KIND_SPACE] = { &vsp_limit_max, &vsp_class_kept },
		[VS_KIND_LEVEL] = { &vsp_limit_min, &vsp_limit_max },
		[VS_KIND_SET] = { &vsp_limit_allowed },
		[VS_KIND_IDENTITY] = { &vsp_limit_identity },
	},
	.words = { { switch_name, &vsp_class_switch }, { label_name, &vsp_class_label } },
};

static const struct vsp_service_files service_files = {
	.depend = vsp_configfs_depend,
	.undepend = vsp_configfs_undepend,
	.groups = vsp_sysfs_terms_groups,
	.free_groups = vsp_sysfs_free_groups,
	.changed = vsp_sysfs_changed,
};

/* The vDPA device has the service's name without its class. */
static bool name_taken(const char *name)
{
	struct config_item *item;

	lockdep_assert_held(&vsp_configfs_subsystem.su_mutex);
	list_for_each_entry(item, &vsp_configfs_services.cg_children, ci_entry)
		if (!strcmp(vsp_service_of_item(item)->name, name))
			return true;
	return false;
}

static struct config_group *make_service(struct config_group *group, const char *name)
{
	const struct config_item_type *type;
	const struct vs_class_spec *spec;
	const struct vsp_class *class;
	struct vsp_service *service;
	const char *rest;

	spec = vsp_configfs_parse("service", name, &rest);
	if (IS_ERR(spec))
		return ERR_CAST(spec);
	if (name_taken(rest)) {
		pr_err("service %s: a service of another class is named %s\n", name, rest);
		return ERR_PTR(-EEXIST);
	}
	type = vsp_files_type(&item_spec, spec);
	if (IS_ERR(type))
		return ERR_CAST(type);
	service = kzalloc(sizeof(*service), GFP_KERNEL);
	if (!service)
		return ERR_PTR(-ENOMEM);
	vsp_service_init(service, spec, rest, &service_files);
	vsp_limits_init(service);
	config_group_init_type_name(&service->group, name, type);

	/* Loads it; enable will ask again, and keep it. */
	class = vsp_class_get(spec);
	if (!class)
		pr_warn("service %s: class missing: load vsp_%s before enable\n", name,
			spec->name);
	vsp_class_put(class);
	vsp_change_tell("service", name, "directory", "", "made");
	return &service->group;
}

static void leave_service(struct config_group *group, struct config_item *item)
{
	vsp_configfs_leave(vsp_service_of_item(item));
}

static void put_service(struct vsp_service *service)
{
	mutex_lock(&service->admin);
	move_to_pool(service, NULL);
	mutex_unlock(&service->admin);
	config_item_put(&service->group.cg_item);
}

static void removal_work(struct work_struct *work)
{
	struct vsp_service *service = container_of(work, struct vsp_service, device.removal);

	while (vsp_service_disable(service))
		msleep(DROP_WAIT_MS);
	put_service(service);
	module_put(THIS_MODULE);	/* vsp_work_stop() waits for the rest of this */
}

/*
 * No VMM holds it, or configfs would have refused the rmdir; but one may be in the
 * middle of an open that is about to fail. For a source that hangs nothing is to wait under
 * the locks of configfs, and the rmdir cannot fail any more, whatever signal it has got: then
 * the rest is done behind it.
 */
static void drop_service(struct config_group *group, struct config_item *item)
{
	struct vsp_service *service = vsp_service_of_item(item);
	int error = vsp_service_disable(service);

	for (int i = 0; error && !service->device.held_up && i < DROP_WAITS; i++) {
		msleep(DROP_WAIT_MS);
		error = vsp_service_disable(service);
	}
	vsp_change_tell("service", config_item_name(item), "directory", "", "removed");
	if (!error)
		return put_service(service);
	__module_get(THIS_MODULE);
	INIT_WORK(&service->device.removal, removal_work);
	vsp_work_queue_removal(&service->device.removal);
}

static struct configfs_group_operations services_ops = {
	.make_group = make_service,
	.disconnect_notify = leave_service,
	.drop_item = drop_service,
};

const struct config_item_type vsp_configfs_services_type = {
	.ct_owner = THIS_MODULE,
	.ct_group_ops = &services_ops,
};
