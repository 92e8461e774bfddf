// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/vdpa/devices/<service>/terms: what was asked, offered, granted, what is
 * in force and what is used of it, one file a value, generated from the class's
 * table; see Documentation/ABI/testing/sysfs-bus-vdpa-vsp.
 */
#include <linux/device.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsp/admin/sysfs.h"
#include "vs_class.h"
#include "vs_show.h"
#include "vsp/core/service.h"
#include "vsp/core/view.h"

#define NAME_MAX_TERM	48
#define FILES_MAX	9	/* of one term: 2 for each set of a RATE, and used_ */

/**
 * struct term_file - one generated file
 * @attribute: of the device
 * @name: of the file
 * @set: which set it shows a value of
 * @low: the low value, else the high one
 * @index: of the term in the class's table
 */
struct term_file {
	struct device_attribute attribute;
	char name[NAME_MAX_TERM];
	enum vs_show_set set;
	bool low;
	u32 index;
};

/**
 * struct term_files - all generated files of one device
 * @count: of @file
 * @file: what @attributes are in; behind these, in the same block
 * @attributes: ended by NULL
 */
struct term_files {
	size_t count;
	struct term_file *file;
	struct attribute *attributes[];
};

static const struct vs_terms *pick_terms(const struct vsp_service_view *view, enum vs_show_set set)
{
	switch (set) {
	case VS_SHOW_ASKED:
		return &view->asked;
	case VS_SHOW_OFFERED:
		return &view->offered;
	case VS_SHOW_GRANTED:
		return &view->granted;
	default:
		return &view->in_force;
	}
}

static ssize_t service_term_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct term_file *file = container_of(attribute, struct term_file, attribute);
	const struct vs_class_spec *spec = vsp_service_of_device(dev)->spec;
	struct vsp_service_view *view = vsp_sysfs_view(dev);
	const struct vs_terms *terms;
	ssize_t length;

	if (!view)
		return -ENOMEM;
	terms = pick_terms(view, file->set);
	if (file->index < terms->count)
		length = vs_show_value(&spec->term[file->index], &terms->term[file->index],
				       file->low, ' ', page, 0);
	else
		length = sysfs_emit(page, "none");
	kfree(view);
	return length + sysfs_emit_at(page, length, "\n");
}

static ssize_t service_used_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct term_file *file = container_of(attribute, struct term_file, attribute);
	struct vsp_service *service = vsp_service_of_device(dev);

	return sysfs_emit(page, "%llu\n", service->class->used(service, file->index));
}

static struct term_file *add_term_file(struct term_files *files, u32 index)
{
	struct term_file *file = &files->file[files->count];

	file->index = index;
	sysfs_attr_init(&file->attribute.attr);
	file->attribute.attr.name = file->name;
	file->attribute.attr.mode = 0444;
	file->attribute.show = service_term_show;
	files->attributes[files->count++] = &file->attribute.attr;
	return file;
}

static void add_value_file(struct term_files *files, const struct vsp_class *class, u32 index,
			   enum vs_show_set set, bool low)
{
	const struct vs_term_spec *term = &class->spec->term[index];
	const struct vs_show_sides *sides = vs_show_sides(term, set);
	struct term_file *file;

	if (low && !sides->low)
		return;
	file = add_term_file(files, index);
	file->set = set;
	file->low = low;
	vs_show_name(term, set, low ? sides->low : sides->high, file->name, sizeof(file->name));
}

/* Does the class measure what is used of it? */
static bool service_has_used(const struct vsp_class *class, u32 index)
{
	u8 kind = class->spec->term[index].kind;

	return class->used && (kind == VS_KIND_RATE || kind == VS_KIND_SPACE);
}

static void add_term_files(struct term_files *files, const struct vsp_class *class, u32 index)
{
	struct term_file *file;

	for (enum vs_show_set set = 0; set < VS_SHOW_SETS; set++) {
		add_value_file(files, class, index, set, true);
		add_value_file(files, class, index, set, false);
	}
	if (!service_has_used(class, index))
		return;
	file = add_term_file(files, index);
	file->attribute.show = service_used_show;
	snprintf(file->name, sizeof(file->name), "used_%s", class->spec->term[index].name);
}

/**
 * vsp_sysfs_emit_terms() - the lines of contract/summary for all terms
 * @service: enabled
 * @view: of it
 * @page: of the file
 * @at: bytes of @page in use
 *
 * What was granted is not in it: that has files of its own.
 *
 * Context: process, of a file of the service's device.
 * Return: bytes written.
 */
ssize_t vsp_sysfs_emit_terms(struct vsp_service *service, const struct vsp_service_view *view,
			     char *page, ssize_t at)
{
	const struct vs_terms * const sets[VS_SHOW_SETS] = {
		[VS_SHOW_ASKED] = &view->asked,
		[VS_SHOW_OFFERED] = &view->offered,
		[VS_SHOW_IN_FORCE] = &view->in_force,
	};
	const struct vsp_class *class = service->class;
	ssize_t start = at;
	bool known;
	u64 used;

	for (u32 i = 0; i < service->spec->count; i++) {
		known = service_has_used(class, i);
		used = known ? class->used(service, i) : 0;
		at += vs_show_term(&service->spec->term[i], i, sets, known ? &used : NULL, page,
				   at);
	}
	return at - start;
}

/**
 * vsp_sysfs_terms() - the files of terms/
 * @class: of the service; its table is one of this build (vsp_class_register())
 *
 * Context: process.
 * Return: attributes, ended by NULL, for vsp_sysfs_free_terms(); NULL: no memory.
 */
struct attribute **vsp_sysfs_terms(const struct vsp_class *class)
{
	size_t most = class->spec->count * FILES_MAX;
	struct term_files *files;

	files = kvzalloc(struct_size(files, attributes, most + 1) + most * sizeof(*files->file),
			 GFP_KERNEL);
	if (!files)
		return NULL;
	files->file = (struct term_file *)&files->attributes[most + 1];
	for (u32 i = 0; i < class->spec->count; i++)
		add_term_files(files, class, i);
	return files->attributes;
}

/**
 * vsp_sysfs_free_terms() - undo vsp_sysfs_terms()
 * @attributes: no device has them any more
 */
void vsp_sysfs_free_terms(struct attribute **attributes)
{
	kvfree(container_of(attributes, struct term_files, attributes[0]));
}
