// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/vdpa/devices/<service>/terms: what was asked, offered, granted, what is
 * in force and what is used of it, one file a value, generated from the class's
 * table; see Documentation/ABI/testing/sysfs-bus-vdpa-vsp.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vsp/admin/sysfs.h"
#include "vs_class.h"
#include "vs_value.h"
#include "vsp/core/service.h"
#include "vsp/core/view.h"

#define NAME_MAX_TERM	48
#define FILES_MAX	9	/* of one term: 2 for each set of a RATE, and used_ */

enum set { ASKED, OFFERED, GRANTED, IN_FORCE, SETS };

static const char * const prefixes[SETS] = { "asked_", "offered_", "granted_", "" };

/* What low and high are called, by kind; NULL: there is one value only, the high one. */
struct sides {
	const char *low;
	const char *high;
};

static const struct sides floor_ceiling = { "_floor", "_ceiling" };
static const struct sides min_max = { "_min", "_max" };
static const struct sides required_wanted = { "_required", "_wanted" };
static const struct sides allowed = { NULL, "_allowed" };
static const struct sides one_value = { NULL, "" };

static const struct sides * const shapes[VS_KINDS][SETS] = {
	[VS_KIND_RATE] = { &floor_ceiling, &floor_ceiling, &floor_ceiling, &floor_ceiling },
	[VS_KIND_SPACE] = { &min_max, &min_max, &one_value, &one_value },
	[VS_KIND_LEVEL] = { &min_max, &min_max, &one_value, &one_value },
	[VS_KIND_SET] = { &required_wanted, &allowed, &one_value, &one_value },
	[VS_KIND_IDENTITY] = { &one_value, &one_value, &one_value, &one_value },
};

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
	enum set set;
	bool low;
	u32 index;
};

/**
 * struct term_files - all generated files of one device
 * @count: of @file
 * @attributes: ended by NULL
 * @file: what they are in
 */
struct term_files {
	size_t count;
	struct attribute *attributes[VS_WIRE_TERMS_MAX * FILES_MAX + 1];
	struct term_file file[VS_WIRE_TERMS_MAX * FILES_MAX];
};

static const struct vs_terms *pick_terms(const struct vsp_service_view *view, enum set set)
{
	switch (set) {
	case ASKED:
		return &view->asked;
	case OFFERED:
		return &view->offered;
	case GRANTED:
		return &view->granted;
	default:
		return &view->in_force;
	}
}

static ssize_t emit_side(const struct vs_term_spec *spec, const struct vs_term *term, bool low,
			 char *page)
{
	u64 value = low ? term->low : term->high;

	switch (spec->kind) {
	case VS_KIND_SET:
		return vs_value_emit_set(spec, value, page);
	case VS_KIND_IDENTITY:
		return sysfs_emit(page, "%.*s\n", term->length, term->text);
	default:
		return sysfs_emit(page, "%llu\n", value);
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
		length = emit_side(&spec->term[file->index], &terms->term[file->index], file->low,
				   page);
	else
		length = sysfs_emit(page, "none\n");
	kfree(view);
	return length;
}

static ssize_t service_used_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct term_file *file = container_of(attribute, struct term_file, attribute);
	struct vsp_service *service = vsp_service_of_device(dev);

	return sysfs_emit(page, "%llu\n", service->class->used(service, file->index));
}

static struct term_file *add_term_file(struct term_files *files, u32 index, const char *prefix,
				       const char *name, const char *suffix)
{
	struct term_file *file = &files->file[files->count];

	snprintf(file->name, sizeof(file->name), "%s%s%s", prefix, name, suffix);
	file->index = index;
	sysfs_attr_init(&file->attribute.attr);
	file->attribute.attr.name = file->name;
	file->attribute.attr.mode = 0444;
	file->attribute.show = service_term_show;
	files->attributes[files->count++] = &file->attribute.attr;
	return file;
}

static void add_term_files(struct term_files *files, const struct vsp_class *class, u32 index)
{
	const struct vs_term_spec *term = &class->spec->term[index];
	const struct sides *sides;
	struct term_file *file;

	for (enum set set = 0; set < SETS; set++) {
		sides = shapes[term->kind][set];
		if (sides->low) {
			file = add_term_file(files, index, prefixes[set], term->name, sides->low);
			file->set = set;
			file->low = true;
		}
		file = add_term_file(files, index, prefixes[set], term->name, sides->high);
		file->set = set;
	}
	if (class->used && (term->kind == VS_KIND_RATE || term->kind == VS_KIND_SPACE))
		add_term_file(files, index, "used_", term->name, "")->attribute.show =
			service_used_show;
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
	struct term_files *files = kvzalloc(sizeof(*files), GFP_KERNEL);

	if (!files)
		return NULL;
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
