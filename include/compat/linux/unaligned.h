/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernel has no header of this name, all headers of it being looked at first. */
#ifndef VS_COMPAT_UNALIGNED_H
#define VS_COMPAT_UNALIGNED_H

#include <asm/unaligned.h>

#endif
