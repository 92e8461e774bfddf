// SPDX-License-Identifier: GPL-2.0-only
/*
 * pools/<class>.<pool>: see Documentation/ABI/testing/configfs-vsp.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/err.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsp/admin/configfs.h"
#include "vsp/core/rates.h"
#include "vsp/core/registry.h"
#include "vsp/pool/pool.h"
#include "vs_value.h"

#define BURST_MS_MIN	1
#define BURST_MS_MAX	1000
#define POLL_MS_MIN	100
#define POLL_MS_MAX	3600000

struct config_group vsp_configfs_pools;

static struct vsp_pool *to_pool(struct config_item *item)
{
	return container_of(to_config_group(item), struct vsp_pool, group);
}

/* ---- Files that every pool has ---- */

static ssize_t pool_source_show(struct config_item *item, char *page)
{
	struct vsp_pool *pool = to_pool(item);
	ssize_t length;

	mutex_lock(&pool->admin);
	length = sysfs_emit(page, "%s\n", pool->settings.source);
	mutex_unlock(&pool->admin);
	return length;
}

static ssize_t pool_source_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	char source[VSP_PATH_MAX];
	int error = vs_value_text(page, source, sizeof(source));

	if (!error && source[0] && pool->spec->paths && source[0] != '/')
		error = -EINVAL;
	if (error)
		return vsp_configfs_refuse(item, "source", page, error,
					   "%s, of up to %u printable characters",
					   pool->spec->paths ? "a path from / on" : "a name",
					   VSP_PATH_MAX - 1);
	mutex_lock(&pool->admin);
	if (pool->enabled)
		error = -EBUSY;
	else
		strscpy(pool->settings.source, source, sizeof(pool->settings.source));
	mutex_unlock(&pool->admin);
	if (error)
		return vsp_configfs_refuse(item, "source", page, error,
					   "write 0 to enable first");
	return count;
}

static ssize_t pool_enable_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_pool(item)->enabled));
}

static ssize_t pool_enable_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	bool enable;
	int error;

	if (kstrtobool(page, &enable))
		return vsp_configfs_refuse(item, "enable", page, -EINVAL, "0 or 1 allowed");
	error = enable ? vsp_pool_enable(pool) : vsp_pool_disable(pool);
	return error ?: count;
}

static ssize_t pool_burst_ms_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_pool(item)->settings.burst_ms));
}

static ssize_t pool_burst_ms_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	u64 value;
	int error = vs_value_u64(page, &value);

	if (!error && (value < BURST_MS_MIN || value > BURST_MS_MAX))
		error = -ERANGE;
	if (error)
		return vsp_configfs_refuse(item, "burst_ms", page, error, "%u..%u ms allowed",
					   BURST_MS_MIN, BURST_MS_MAX);
	mutex_lock(&pool->lock);
	WRITE_ONCE(pool->settings.burst_ms, value);
	vsp_rates_pool_changed(pool);
	mutex_unlock(&pool->lock);
	return count;
}

static ssize_t pool_reserved_percent_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_pool(item)->settings.reserved_percent));
}

static ssize_t pool_reserved_percent_store(struct config_item *item, const char *page,
					   size_t count)
{
	u64 value;
	int error = vs_value_u64(page, &value);

	if (!error)
		error = vsp_pool_set_reserved(to_pool(item), value);
	if (error)
		return vsp_configfs_refuse(item, "reserved_percent", page, error,
					   "0..%u percent allowed", VSP_RESERVED_MAX);
	return count;
}

static ssize_t pool_poll_ms_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", READ_ONCE(to_pool(item)->watch.poll_ms));
}

static ssize_t pool_poll_ms_store(struct config_item *item, const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	u64 value;
	int error = vs_value_u64(page, &value);

	if (!error && value && (value < POLL_MS_MIN || value > POLL_MS_MAX))
		error = -ERANGE;
	if (error)
		return vsp_configfs_refuse(item, "poll_ms", page, error,
					   "0 (never) or %u..%u ms allowed", POLL_MS_MIN,
					   POLL_MS_MAX);
	WRITE_ONCE(pool->watch.poll_ms, value);
	/* Else the old time would have to pass first. */
	vsp_watch_look(pool);
	return count;
}

static ssize_t pool_renegotiate_store(struct config_item *item, const char *page, size_t count)
{
	if (!sysfs_streq(page, "1"))
		return vsp_configfs_refuse(item, "renegotiate", page, -EINVAL, "1 allowed");
	vsp_pool_renegotiate(to_pool(item));
	return count;
}

static ssize_t pool_state_show(struct config_item *item, char *page)
{
	struct vsp_pool *pool = to_pool(item);

	if (READ_ONCE(pool->enabled))
		return sysfs_emit(page, "enabled\n");
	if (!vsp_class_loaded(pool->spec))
		return sysfs_emit(page, "class missing: vsp_%s\n", pool->spec->name);
	return sysfs_emit(page, "disabled\n");
}

static ssize_t pool_declared_show(struct config_item *item, char *page)
{
	struct vsp_pool *pool = to_pool(item);
	ssize_t length = 0;

	mutex_lock(&pool->lock);
	for (u32 i = 0; i < pool->spec->count; i++)
		if (pool->amounts.capacity_set[i])
			length += sysfs_emit_at(page, length, "%s%s", length ? " " : "",
						pool->spec->term[i].name);
	mutex_unlock(&pool->lock);
	return length + sysfs_emit_at(page, length, length ? "\n" : "none\n");
}

static ssize_t pool_slow_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_pool(item)->rates.slow));
}

static ssize_t pool_no_space_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%lld\n", (s64)atomic64_read(&to_pool(item)->no_space));
}

CONFIGFS_ATTR(pool_, source);
CONFIGFS_ATTR(pool_, enable);
CONFIGFS_ATTR(pool_, burst_ms);
CONFIGFS_ATTR(pool_, poll_ms);
CONFIGFS_ATTR(pool_, reserved_percent);
CONFIGFS_ATTR_WO(pool_, renegotiate);
CONFIGFS_ATTR_RO(pool_, declared);
CONFIGFS_ATTR_RO(pool_, state);
CONFIGFS_ATTR_RO(pool_, slow);
CONFIGFS_ATTR_RO(pool_, no_space);

static struct configfs_attribute * const fixed[] = {
	&pool_attr_source,
	&pool_attr_enable,
	&pool_attr_burst_ms,
	&pool_attr_poll_ms,
	&pool_attr_reserved_percent,
	&pool_attr_renegotiate,
	&pool_attr_declared,
	&pool_attr_state,
	&pool_attr_slow,
	&pool_attr_no_space,
	NULL
};

/* ---- Files of one term ---- */

static ssize_t capacity_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_pool *pool = to_pool(item);
	u64 capacity;
	bool known;

	mutex_lock(&pool->lock);
	capacity = pool->amounts.capacity[file->index];
	known = pool->enabled || pool->amounts.capacity_set[file->index];
	mutex_unlock(&pool->lock);
	return known ? sysfs_emit(page, "%llu\n", capacity) : sysfs_emit(page, "unset\n");
}

static ssize_t capacity_store(struct config_item *item, const struct vsp_file *file,
			      const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	const struct vs_term_spec *term = &pool->spec->term[file->index];
	u64 value;
	int error;

	if (vs_value_unset(page)) {
		error = vsp_pool_unset_capacity(pool, file->index);
	} else {
		error = vs_value_term(term, page, &value);
		if (!error)
			error = vsp_pool_set_capacity(pool, file->index, value);
	}
	if (!error)
		return count;
	if (error == -EBUSY)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "write 0 to enable first");
	return vsp_configfs_refuse(item, file->name, page, error, "%llu..%llu %s or unset allowed",
				   term->kind == VS_KIND_RATE ? term->lowest : 0, term->highest,
				   term->unit);
}

static ssize_t charged_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_pool *pool = to_pool(item);
	u64 charged;

	mutex_lock(&pool->lock);
	charged = pool->amounts.charged[file->index];
	mutex_unlock(&pool->lock);
	return sysfs_emit(page, "%llu\n", charged);
}

static ssize_t available_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	return sysfs_emit(page, "%llu\n", vsp_pool_available(to_pool(item), file->index));
}

static ssize_t deficit_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	return sysfs_emit(page, "%llu\n", vsp_pool_deficit(to_pool(item), file->index));
}

static ssize_t unit_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	return sysfs_emit(page, "%s\n", to_pool(item)->spec->term[file->index].unit);
}

static const struct vsp_file_kind capacity_file = {
	.prefix = "capacity_", .suffix = "", .show = capacity_show, .store = capacity_store,
};

static const struct vsp_file_kind charged_file = {
	.prefix = "charged_", .suffix = "", .show = charged_show,
};

static const struct vsp_file_kind available_file = {
	.prefix = "available_", .suffix = "", .show = available_show,
};

static const struct vsp_file_kind deficit_file = {
	.prefix = "deficit_", .suffix = "", .show = deficit_show,
};

static const struct vsp_file_kind unit_file = {
	.prefix = "unit_", .suffix = "", .show = unit_show,
};

/* ---- Texts of the class ---- */

static const char *text_name(const struct vs_class_spec *class, u32 index)
{
	return class->texts ? class->texts[index] : NULL;
}

static ssize_t text_show(struct config_item *item, const struct vsp_file *file, char *page)
{
	struct vsp_pool *pool = to_pool(item);
	ssize_t length;

	mutex_lock(&pool->admin);
	length = sysfs_emit(page, "%s\n", pool->settings.text[file->index]);
	mutex_unlock(&pool->admin);
	return length;
}

static ssize_t text_store(struct config_item *item, const struct vsp_file *file,
			  const char *page, size_t count)
{
	struct vsp_pool *pool = to_pool(item);
	char text[VSP_TEXT_MAX];
	int error = vs_value_text(page, text, sizeof(text));

	if (error)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "up to %u printable characters", VSP_TEXT_MAX - 1);
	mutex_lock(&pool->admin);
	if (pool->enabled)
		error = -EBUSY;
	else
		strscpy(pool->settings.text[file->index], text, VSP_TEXT_MAX);
	mutex_unlock(&pool->admin);
	if (error)
		return vsp_configfs_refuse(item, file->name, page, error,
					   "write 0 to enable first");
	return count;
}

static const struct vsp_file_kind text_file = {
	.prefix = "", .suffix = "", .show = text_show, .store = text_store,
};

/* ---- Directories ---- */

static void release_pool(struct config_item *item)
{
	struct vsp_pool *pool = to_pool(item);

	mutex_destroy(&pool->lock);
	mutex_destroy(&pool->admin);
	kfree(pool);
}

static struct configfs_item_operations pool_ops = {
	.release = release_pool,
};

static const struct vsp_item_spec item_spec = {
	.kind = "pool",
	.ops = &pool_ops,
	.fixed = { fixed },
	.kinds = {
		[VS_KIND_RATE] = { &capacity_file, &charged_file, &available_file,
				   &deficit_file, &unit_file },
		[VS_KIND_SPACE] = { &capacity_file, &charged_file, &available_file,
				    &deficit_file, &unit_file },
	},
	.words = { { text_name, &text_file } },
};

static struct config_group *make_pool(struct config_group *group, const char *name)
{
	const struct config_item_type *type;
	const struct vs_class_spec *spec;
	const struct vsp_class *class;
	struct vsp_pool *pool;
	const char *rest;

	spec = vsp_configfs_parse("pool", name, &rest);
	if (IS_ERR(spec))
		return ERR_CAST(spec);
	type = vsp_files_type(&item_spec, spec);
	if (IS_ERR(type))
		return ERR_CAST(type);
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	vsp_pool_init(pool, spec, rest);
	config_group_init_type_name(&pool->group, name, type);

	/* Loads it; enable will ask again, and keep it. */
	class = vsp_class_get(spec);
	if (!class)
		pr_warn("pool %s: class missing: load vsp_%s before enable\n", name, spec->name);
	vsp_class_put(class);
	vsp_change_tell("pool", name, "directory", "", "made");
	return &pool->group;
}

/* No service names it, or configfs would have refused the rmdir: so none uses it. */
static void drop_pool(struct config_group *group, struct config_item *item)
{
	if (WARN_ON_ONCE(vsp_pool_disable(to_pool(item))))
		return;		/* lost for good, rather than used after it was freed */
	vsp_change_tell("pool", config_item_name(item), "directory", "", "removed");
	config_item_put(item);
}

static struct configfs_group_operations pools_ops = {
	.make_group = make_pool,
	.drop_item = drop_pool,
};

const struct config_item_type vsp_configfs_pools_type = {
	.ct_owner = THIS_MODULE,
	.ct_group_ops = &pools_ops,
};

/**
 * vsp_configfs_pool_depend() - find a pool by name and keep it from being removed
 * @spec: class that it must have
 * @name: "<class>.<pool>" or "<pool>"
 *
 * Context: process, from a service's file; takes su_mutex.
 * Return: the pool, for vsp_configfs_pool_undepend(), or an error pointer: -EINVAL:
 *	of another class; -ENODEV: there is none; -ENOMEM.
 */
struct vsp_pool *vsp_configfs_pool_depend(const struct vs_class_spec *spec, const char *name)
{
	const char *dot = strchr(name, '.');
	struct config_item *item;
	char *full = NULL;
	int error;

	if (dot && vs_class_by_name(name, dot - name) != spec)
		return ERR_PTR(-EINVAL);
	if (!dot) {
		full = kasprintf(GFP_KERNEL, "%s.%s", spec->name, name);
		if (!full)
			return ERR_PTR(-ENOMEM);
	}
	/* Under it no rmdir can cut the item off its directory. */
	mutex_lock(&vsp_configfs_subsystem.su_mutex);
	item = config_group_find_item(&vsp_configfs_pools, full ?: name);
	error = item ? configfs_depend_item_unlocked(&vsp_configfs_subsystem, item) : -ENODEV;
	mutex_unlock(&vsp_configfs_subsystem.su_mutex);
	kfree(full);
	/* The dependency keeps it as well as the reference does, and refuses rmdir. */
	config_item_put(item);
	return error ? ERR_PTR(-ENODEV) : to_pool(item);
}

/**
 * vsp_configfs_pool_undepend() - undo vsp_configfs_pool_depend()
 * @pool: not to be used by the caller afterwards
 *
 * Context: any but interrupt.
 */
void vsp_configfs_pool_undepend(struct vsp_pool *pool)
{
	configfs_undepend_item(&pool->group.cg_item);
}
