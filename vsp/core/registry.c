// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of the provider's classes.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>

#include "vs_class.h"
#include "vsp/class.h"
#include "vsp/core/registry.h"

#define CLASSES_MAX	16	/* ids of classes are below it */

static DEFINE_MUTEX(classes_lock);	/* the innermost lock; protects classes */
static const struct vsp_class *classes[CLASSES_MAX];	/* by id */

static bool has_all(const struct vsp_class *class)
{
	const struct vs_class_spec *spec = class->spec;

	return class->owner && class->pool_open && class->pool_close &&
	       class->service_open && class->service_close && class->limits &&
	       class->prepare && class->commit && class->abort &&
	       ((class->queue_kick && class->queue_reap) || !spec->queues) &&
	       (class->wake || !spec->flows);
}

/**
 * vsp_class_register() - make a class known to the provider
 * @class: complete; stays until vsp_class_unregister()
 *
 * Context: process, of the class module's init.
 * Return: 0; -EINVAL for a class of another build, or without what every class must
 *	have; -EEXIST if it is there already.
 */
int vsp_class_register(const struct vsp_class *class)
{
	const struct vs_class_spec *spec = class->spec;
	int error = 0;

	if (class->abi != VS_CLASS_ABI) {
		pr_err("class %s: module vsp_%s has ABI %u, this core has %u: install both from one build\n",
		       spec->name, spec->name, class->abi, VS_CLASS_ABI);
		return -EINVAL;
	}
	if (vs_class_by_id(spec->id) != spec || spec->id >= CLASSES_MAX || !has_all(class)) {
		pr_err("class %s: module vsp_%s is not of this build\n", spec->name, spec->name);
		return -EINVAL;
	}
	mutex_lock(&classes_lock);
	if (classes[spec->id])
		error = -EEXIST;
	else
		classes[spec->id] = class;
	mutex_unlock(&classes_lock);
	if (!error)
		pr_info("class %s is there\n", spec->name);
	return error;
}
EXPORT_SYMBOL_GPL(vsp_class_register);

/**
 * vsp_class_unregister() - the class's module goes
 * @class: was registered
 *
 * Enabled pools and services hold a reference on the module, so none is left when
 * its exit runs.
 *
 * Context: process, of the class module's exit.
 */
void vsp_class_unregister(const struct vsp_class *class)
{
	mutex_lock(&classes_lock);
	classes[class->spec->id] = NULL;
	mutex_unlock(&classes_lock);
}
EXPORT_SYMBOL_GPL(vsp_class_unregister);

static const struct vsp_class *find_and_pin(const struct vs_class_spec *spec)
{
	const struct vsp_class *class;

	mutex_lock(&classes_lock);
	class = classes[spec->id];
	if (class && !try_module_get(class->owner))
		class = NULL;
	mutex_unlock(&classes_lock);
	return class;
}

/**
 * vsp_class_get() - find a class, load its module if need be, and pin it
 * @spec: which
 *
 * Context: process; sleeps for user space to load a module.
 * Return: the class, for vsp_class_put(); NULL if its module cannot be had.
 */
const struct vsp_class *vsp_class_get(const struct vs_class_spec *spec)
{
	const struct vsp_class *class = find_and_pin(spec);

	if (class)
		return class;
	request_module("vsp-class-%s", spec->name);
	return find_and_pin(spec);
}

/**
 * vsp_class_put() - undo vsp_class_get()
 * @class: may be NULL
 */
void vsp_class_put(const struct vsp_class *class)
{
	if (class)
		module_put(class->owner);
}

/**
 * vsp_class_loaded() - is its module there now?
 * @spec: which
 *
 * Context: process. Loads nothing.
 * Return: whether it is.
 */
bool vsp_class_loaded(const struct vs_class_spec *spec)
{
	bool loaded;

	mutex_lock(&classes_lock);
	loaded = classes[spec->id];
	mutex_unlock(&classes_lock);
	return loaded;
}
