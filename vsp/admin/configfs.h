/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that make the configfs tree share.
 */
#ifndef VSP_CONFIGFS_H
#define VSP_CONFIGFS_H

#include <linux/configfs.h>
#include <linux/types.h>

#include "vs_class.h"
#include "vs_terms.h"
#include "vsp/core/service.h"

/* Files of one item: 4 for each of 12 terms, and those of every item */
#define VSP_FILES_MAX	72
#define VSP_FILE_NAME	40

struct vsp_file;

/**
 * struct vsp_file_kind - what a generated file shows of its term
 * @prefix: before the term's name
 * @suffix: after it
 * @flags: VS_TERM_* that the term must have for the file to be there
 * @what: for the functions' own use
 * @show: NULL: the file cannot be read
 * @store: NULL: it cannot be written
 */
struct vsp_file_kind {
	const char *prefix;
	const char *suffix;
	u8 flags;
	u32 what;
	ssize_t (*show)(struct config_item *item, const struct vsp_file *file, char *page);
	ssize_t (*store)(struct config_item *item, const struct vsp_file *file, const char *page,
			 size_t count);
};

/**
 * struct vsp_file - one file
 * @kind: what it shows; NULL: @own has it
 * @index: of the term in the class's table, or of the word
 * @owner: "pool" or "service"
 * @own: what shows and stores a file that does not depend on the class
 * @name: of a generated file
 * @attribute: of configfs
 */
struct vsp_file {
	const struct vsp_file_kind *kind;
	u32 index;
	const char *owner;
	const struct configfs_attribute *own;
	char name[VSP_FILE_NAME];
	struct configfs_attribute attribute;
};

static inline bool vsp_file_is_read(const struct vsp_file *file)
{
	return file->own ? !!file->own->show : !!file->kind->show;
}

static inline ssize_t vsp_file_show(const struct vsp_file *file, struct config_item *item,
				    char *page)
{
	return file->own ? file->own->show(item, page) : file->kind->show(item, file, page);
}

static inline ssize_t vsp_file_store(const struct vsp_file *file, struct config_item *item,
				     const char *page, size_t count)
{
	return file->own ? file->own->store(item, page, count) :
			   file->kind->store(item, file, page, count);
}

#define VSP_FILE_KINDS	5	/* of one kind of term */
#define VSP_FIXED_LISTS	2
#define VSP_WORD_LISTS	2

/**
 * struct vsp_file_words - files that a class has one by one
 * @name: of the file with this index, from 0 on; NULL: there are no more
 * @kind: what they are
 */
struct vsp_file_words {
	const char *(*name)(const struct vs_class_spec *class, u32 index);
	const struct vsp_file_kind *kind;
};

/**
 * struct vsp_item_spec - what the directories of pools, or of services, are made of
 * @kind: "pool" or "service"
 * @ops: of their items
 * @fixed: lists of files that do not depend on the class, each ended by NULL; unused entries
 *	are NULL
 * @kinds: generated files, by kind of term; unused entries are NULL
 * @words: further files of a class, by its table; unused entries are empty
 */
struct vsp_item_spec {
	const char *kind;
	struct configfs_item_operations *ops;
	struct configfs_attribute * const *fixed[VSP_FIXED_LISTS];
	const struct vsp_file_kind *kinds[VS_KINDS][VSP_FILE_KINDS];
	struct vsp_file_words words[VSP_WORD_LISTS];
};

/* vsp/admin/files.c */
const struct config_item_type *vsp_files_type(const struct vsp_item_spec *spec,
					      const struct vs_class_spec *class);
void vsp_files_free_all(void);

/* vsp/admin/change.c */
void vsp_change_tell(const char *kind, const char *name, const char *file, const char *from,
		     const char *to);
ssize_t vsp_change_store(const struct vsp_file *file, struct config_item *item, const char *page,
			 size_t count);

/* vsp/admin/configfs.c */
int vsp_configfs_init(void);
void vsp_configfs_exit(void);
extern struct configfs_subsystem vsp_configfs_subsystem;
int vsp_configfs_depend(struct vsp_service *service);
void vsp_configfs_undepend(struct vsp_service *service);
void vsp_configfs_leave(struct vsp_service *service);
const struct vs_class_spec *vsp_configfs_parse(const char *directory, const char *name,
					       const char **rest);
ssize_t vsp_configfs_refuse(struct config_item *item, const char *file, const char *page,
			    int error, const char *format, ...) __printf(5, 6);

/* vsp/admin/configfs_pool.c */
extern const struct config_item_type vsp_configfs_pools_type;
struct vsp_pool *vsp_configfs_pool_depend(const struct vs_class_spec *spec, const char *name);
void vsp_configfs_pool_undepend(struct vsp_pool *pool);
extern struct config_group vsp_configfs_pools;

static inline struct vsp_service *vsp_service_of_item(struct config_item *item)
{
	return container_of(to_config_group(item), struct vsp_service, group);
}

/* vsp/admin/configfs_service.c */
extern const struct config_item_type vsp_configfs_services_type;
extern struct config_group vsp_configfs_services;

/* vsp/admin/configfs_access.c: whom a service is for */
extern struct configfs_attribute * const vsp_configfs_access[];

/* vsp/admin/configfs_class.c: the files of a service that its class adds */
extern const struct vsp_file_kind vsp_class_kept, vsp_class_switch, vsp_class_label;

/* vsp/admin/configfs_limits.c: the files of a service's limits */
extern const struct vsp_file_kind vsp_limit_floor, vsp_limit_ceiling, vsp_limit_min,
				  vsp_limit_max, vsp_limit_allowed, vsp_limit_identity;
void vsp_limits_init(struct vsp_service *service);

#endif
