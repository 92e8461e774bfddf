/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of terminals: see vs_compat.h.
 */
#ifndef VS_COMPAT_TTY_H
#define VS_COMPAT_TTY_H

#include <linux/types.h>

/* Older kernels write at most INT_MAX characters. */
#ifdef VS_HAVE_TTY_WRITE_OF_SIZE
#define vs_tty_written ssize_t
#define vs_tty_count size_t
#else
#define vs_tty_written int
#define vs_tty_count int
#endif

#endif
