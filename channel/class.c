// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of the classes: a row for each.
 */
#include <linux/array_size.h>
#include <linux/export.h>
#include <linux/string.h>

#include "vs_abstract.h"
#include "vs_audio.h"
#include "vs_class.h"
#include "vs_input.h"
#include "vs_network.h"
#include "vs_port.h"
#include "vs_storage.h"

static const struct vs_class_spec * const classes[] = {
	&vs_class_storage,
	&vs_class_network,
	&vs_class_input,
	&vs_class_abstract,
	&vs_class_channel,
	&vs_class_audio,
};

/**
 * vs_class_by_id() - the table of a class
 * @id: as in the config space
 *
 * Return: the table, or NULL for a class that this build does not know.
 */
const struct vs_class_spec *vs_class_by_id(u16 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i]->id == id)
			return classes[i];
	return NULL;
}
EXPORT_SYMBOL_GPL(vs_class_by_id);

/**
 * vs_class_by_name() - the table of a class
 * @name: need not end in a zero
 * @length: bytes of @name
 *
 * Return: the table, or NULL for a class that this build does not know.
 */
const struct vs_class_spec *vs_class_by_name(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (strlen(classes[i]->name) == length &&
		    !strncmp(classes[i]->name, name, length))
			return classes[i];
	return NULL;
}
EXPORT_SYMBOL_GPL(vs_class_by_name);
