// SPDX-License-Identifier: GPL-2.0-only
/*
 * The classes that have registered, and the sessions that hear of them.
 */
#include <linux/completion.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "vsc/core/vsc.h"

/**
 * struct class_entry - a class that has registered
 * @entry: in classes
 * @class: its table
 * @users: sessions that have it, and 1 until it unregisters
 * @leaving: it unregisters: no session gets it any more
 * @unused: @users is 0
 */
struct class_entry {
	struct list_head entry;
	const struct vsc_class *class;
	unsigned int users;
	bool leaving;
	struct completion unused;
};

/* Protects both lists and what is in class_entry. The sessions' inbox locks nest in it. */
static DEFINE_MUTEX(lock);
static LIST_HEAD(classes);
static LIST_HEAD(sessions);

static struct class_entry *find_class_entry(const struct vs_class_spec *spec)
{
	struct class_entry *entry;

	lockdep_assert_held(&lock);
	list_for_each_entry(entry, &classes, entry)
		if (entry->class->spec == spec && !entry->leaving)
			return entry;
	return NULL;
}

static void put_class(struct class_entry *entry)
{
	lockdep_assert_held(&lock);
	if (!--entry->users)
		complete(&entry->unused);
}

/* Tells every session of its kind that a class has come (NULL: goes). */
static void tell_sessions(const struct vs_class_spec *spec, const struct vsc_class *class)
{
	struct vsc_session *session;

	lockdep_assert_held(&lock);
	list_for_each_entry(session, &sessions, entry)
		if (session->spec == spec)
			vsc_session_class_changed(session, class);
}

static bool complete_class(const struct vsc_class *class)
{
	const struct vs_class_spec *spec = class->spec;

	return class->attach && class->detach && class->prepare && class->narrow &&
		class->undo && class->apply && class->lost && (class->data || !spec->queues) &&
		(class->sample || !spec->flows);
}

/**
 * vsc_class_register() - a class is there; its sessions begin
 * @class: its table; lives until vsc_class_unregister()
 *
 * Context: process; sleeps.
 * Return: 0; -EINVAL: of another build than this core, or incomplete; -EEXIST: its
 * kind has a class already; -ENOMEM.
 */
int vsc_class_register(const struct vsc_class *class)
{
	struct class_entry *entry;

	if (class->abi != VS_CLASS_ABI || vs_class_by_id(class->spec->id) != class->spec) {
		pr_err("module vsc_%s is of build %u, this core of build %u: refused; install both from one build\n",
		       class->spec->name, class->abi, VS_CLASS_ABI);
		return -EINVAL;
	}
	if (!complete_class(class))
		return -EINVAL;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->class = class;
	entry->users = 1;
	init_completion(&entry->unused);

	mutex_lock(&lock);
	if (find_class_entry(class->spec)) {
		mutex_unlock(&lock);
		kfree(entry);
		pr_err("class %s is registered already: unload its module first\n",
		       class->spec->name);
		return -EEXIST;
	}
	list_add_tail(&entry->entry, &classes);
	tell_sessions(class->spec, class);
	mutex_unlock(&lock);
	return 0;
}
EXPORT_SYMBOL_GPL(vsc_class_register);

/**
 * vsc_class_unregister() - a class goes
 * @class: registered
 *
 * Its sessions give their contracts back and let go of it. Returns when they have:
 * none waits for an answer for longer than a few seconds.
 *
 * Context: process; sleeps.
 */
void vsc_class_unregister(const struct vsc_class *class)
{
	struct class_entry *entry;

	mutex_lock(&lock);
	entry = find_class_entry(class->spec);
	if (WARN_ON(!entry || entry->class != class)) {
		mutex_unlock(&lock);
		return;
	}
	entry->leaving = true;
	tell_sessions(class->spec, NULL);
	put_class(entry);
	mutex_unlock(&lock);

	wait_for_completion(&entry->unused);
	mutex_lock(&lock);
	list_del(&entry->entry);
	mutex_unlock(&lock);
	kfree(entry);
}
EXPORT_SYMBOL_GPL(vsc_class_unregister);

/**
 * vsc_class_get() - a class, for a session
 * @spec: what kind
 *
 * Context: process; sleeps.
 * Return: the class, to be put by vsc_class_put(); NULL while its module is missing.
 */
const struct vsc_class *vsc_class_get(const struct vs_class_spec *spec)
{
	const struct vsc_class *class = NULL;
	struct class_entry *entry;

	mutex_lock(&lock);
	entry = find_class_entry(spec);
	if (entry) {
		entry->users++;
		class = entry->class;
	}
	mutex_unlock(&lock);
	return class;
}

/**
 * vsc_class_put() - a session has let go of its class
 * @class: from vsc_class_get(); its module may go from here on
 *
 * Context: process; sleeps.
 */
void vsc_class_put(const struct vsc_class *class)
{
	struct class_entry *entry;

	mutex_lock(&lock);
	list_for_each_entry(entry, &classes, entry) {
		if (entry->class != class)
			continue;
		put_class(entry);
		break;
	}
	mutex_unlock(&lock);
}

/**
 * vsc_registry_add() - have a session hear of the classes
 * @session: complete
 *
 * Context: process; sleeps.
 */
void vsc_registry_add(struct vsc_session *session)
{
	mutex_lock(&lock);
	list_add_tail(&session->entry, &sessions);
	mutex_unlock(&lock);
}

/**
 * vsc_registry_remove() - undo vsc_registry_add()
 * @session: added
 *
 * Context: process; sleeps.
 */
void vsc_registry_remove(struct vsc_session *session)
{
	mutex_lock(&lock);
	list_del_init(&session->entry);
	mutex_unlock(&lock);
}
