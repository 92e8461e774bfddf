/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of files: see vs_compat.h.
 */
#ifndef VS_COMPAT_FILE_H
#define VS_COMPAT_FILE_H

#include <linux/namei.h>
#include <linux/string.h>

/* The name was a text and its length, and is a struct qstr now. */
#ifdef VS_HAVE_LOOKUP_ONE_OF_QSTR
#define vs_lookup_one(idmap, name, base) lookup_one(idmap, &QSTR(name), base)
#else
#define vs_lookup_one(idmap, name, base) lookup_one(idmap, name, base, strlen(name))
#endif

/* The same under its older name. */
#ifndef VS_HAVE_FILE_KATTR
#define file_kattr fileattr
#endif

#endif
