// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of configfs items: those that depend on the class (capacity_<term>, <rate>_floor
 * and so on), generated from the class's table, and those of every item.  Every write goes
 * through one function here, so that no change is made without a line of who made it.
 *
 * configfs hands an attribute's functions the item, but not the attribute.  So there
 * is one pair of functions for each place in an item's list of files, and the item's
 * type, which is inside a struct vsp_files, says what is at that place.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stat.h>

#include "vsp/admin/configfs.h"

/**
 * struct vsp_files - type of all pools, or of all services, of one class
 * @entry: in all_files
 * @type: of the items
 * @spec: pools or services
 * @class: of which class
 * @count: entries of @file in use
 * @file: those of every item, then generated ones
 * @attributes: of these, ended by NULL
 *
 * Made when the first item needs it, kept until the module goes: configfs keeps
 * pointers into it in every open file.
 */
struct vsp_files {
	struct list_head entry;
	struct config_item_type type;
	const struct vsp_item_spec *spec;
	const struct vs_class_spec *class;
	u32 count;
	struct vsp_file file[VSP_FILES_MAX];
	struct configfs_attribute *attributes[VSP_FILES_MAX + 1];
};

static LIST_HEAD(all_files);	/* under su_mutex of the subsystem */

static const struct vsp_file *file_of(const struct config_item *item, u32 place)
{
	return &container_of_const(item->ci_type, struct vsp_files, type)->file[place];
}

#define PLACE(n)								\
static ssize_t show_##n(struct config_item *item, char *page)			\
{										\
	return vsp_file_show(file_of(item, n), item, page);				\
}

#include "vsp/core/places.def"
#undef PLACE

#define PLACE(n)								\
static ssize_t store_##n(struct config_item *item, const char *page, size_t count) \
{										\
	return vsp_change_store(file_of(item, n), item, page, count);			\
}

#include "vsp/core/places.def"
#undef PLACE

static const struct {
	ssize_t (*show)(struct config_item *item, char *page);
	ssize_t (*store)(struct config_item *item, const char *page, size_t count);
} places[] = {
#define PLACE(n) { show_##n, store_##n },
#include "vsp/core/places.def"
#undef PLACE
};

static_assert(ARRAY_SIZE(places) == VSP_FILES_MAX);

/* Return: the next place, or NULL: all are in use. Only root reads or writes a file. */
static struct vsp_file *files_next(struct vsp_files *files, const char *name, bool read, bool write)
{
	struct configfs_attribute *attribute;
	struct vsp_file *file;

	if (WARN_ON_ONCE(files->count == VSP_FILES_MAX))
		return NULL;
	file = &files->file[files->count];
	file->owner = files->spec->kind;
	attribute = &file->attribute;
	attribute->ca_name = name;
	attribute->ca_owner = THIS_MODULE;
	if (read) {
		attribute->ca_mode |= 0400;
		attribute->show = places[files->count].show;
	}
	if (write) {
		attribute->ca_mode |= 0200;
		attribute->store = places[files->count].store;
	}
	files->attributes[files->count++] = attribute;
	return file;
}

static int files_add(struct vsp_files *files, const struct vsp_file_kind *kind, u32 index,
		     const char *name)
{
	struct vsp_file *file = files_next(files, NULL, kind->show, kind->store);

	if (!file)
		return -E2BIG;
	file->kind = kind;
	file->index = index;
	if (snprintf(file->name, sizeof(file->name), "%s%s%s", kind->prefix, name,
		     kind->suffix) >= sizeof(file->name))
		return -ENAMETOOLONG;
	file->attribute.ca_name = file->name;
	return 0;
}

/* Those of every item */
static int files_add_fixed(struct vsp_files *files, struct configfs_attribute * const *fixed)
{
	struct vsp_file *file;

	for (; fixed && *fixed; fixed++) {
		file = files_next(files, (*fixed)->ca_name, (*fixed)->show, (*fixed)->store);
		if (!file)
			return -E2BIG;
		file->own = *fixed;
	}
	return 0;
}

static int files_add_term(struct vsp_files *files, u32 index)
{
	const struct vs_term_spec *term = &files->class->term[index];
	const struct vsp_file_kind *file;
	int error;

	if (WARN_ON_ONCE(term->kind >= VS_KINDS))
		return -EINVAL;
	for (unsigned int i = 0; i < VSP_FILE_KINDS; i++) {
		file = files->spec->kinds[term->kind][i];
		if (!file || (term->flags & file->flags) != file->flags)
			continue;
		error = files_add(files, file, index, term->name);
		if (error)
			return error;
	}
	return 0;
}

static int files_add_words(struct vsp_files *files, const struct vsp_file_words *words)
{
	const char *name;
	int error = 0;

	for (u32 i = 0; words->kind && !error; i++) {
		name = words->name(files->class, i);
		if (!name)
			break;
		error = files_add(files, words->kind, i, name);
	}
	return error;
}

static struct vsp_files *make_files(const struct vsp_item_spec *spec,
				    const struct vs_class_spec *class)
{
	struct vsp_files *files;
	int error = 0;

	files = kzalloc(sizeof(*files), GFP_KERNEL);
	if (!files)
		return ERR_PTR(-ENOMEM);
	files->spec = spec;
	files->class = class;
	files->type.ct_owner = THIS_MODULE;
	files->type.ct_item_ops = spec->ops;
	files->type.ct_attrs = files->attributes;
	for (unsigned int i = 0; i < VSP_FIXED_LISTS && !error; i++)
		error = files_add_fixed(files, spec->fixed[i]);
	for (u32 i = 0; i < class->count && !error; i++)
		error = files_add_term(files, i);
	for (unsigned int i = 0; i < VSP_WORD_LISTS && !error; i++)
		error = files_add_words(files, &spec->words[i]);
	if (error) {
		kfree(files);
		return ERR_PTR(error);
	}
	return files;
}

/**
 * vsp_files_type() - the type of a new item
 * @spec: pools or services
 * @class: its class
 *
 * Context: process; from make_group(), which holds the subsystem's su_mutex.
 * Return: the type, valid until vsp_files_free_all(), or an error pointer.
 */
const struct config_item_type *vsp_files_type(const struct vsp_item_spec *spec,
					      const struct vs_class_spec *class)
{
	struct vsp_files *files;

	lockdep_assert_held(&vsp_configfs_subsystem.su_mutex);
	list_for_each_entry(files, &all_files, entry)
		if (files->spec == spec && files->class == class)
			return &files->type;
	files = make_files(spec, class);
	if (IS_ERR(files))
		return ERR_CAST(files);
	list_add(&files->entry, &all_files);
	return &files->type;
}

/**
 * vsp_files_free_all() - free what vsp_files_type() has made
 *
 * Context: the module's exit; no item is left.
 */
void vsp_files_free_all(void)
{
	struct vsp_files *files, *next;

	list_for_each_entry_safe(files, next, &all_files, entry)
		kfree(files);
	INIT_LIST_HEAD(&all_files);
}
