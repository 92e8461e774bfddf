/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values as the administrator writes and reads them, in configfs and sysfs.
 */
#ifndef VS_VALUE_H
#define VS_VALUE_H

#include <linux/types.h>

/* Bytes of the names of a SET, as vs_value_emit_names() has them. */
#define VS_NAMES_MAX	192

struct vs_term;
struct vs_term_spec;

int vs_value_u64(const char *page, u64 *value);
int vs_value_term(const struct vs_term_spec *spec, const char *page, u64 *value);
int vs_value_text(const char *page, char *to, size_t size);
int vs_value_set(const struct vs_term_spec *spec, const char *page, u64 *bits);
ssize_t vs_value_emit(const struct vs_term_spec *spec, u64 value, char separator, char *page,
		      ssize_t at);
ssize_t vs_value_emit_set(const struct vs_term_spec *spec, u64 bits, char *page);
void vs_value_emit_names(const struct vs_term_spec *spec, char *to, size_t size);
bool vs_value_unset(const char *page);

#endif
