/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the kernel has no header of this name, all headers of it being looked at first. */
#ifndef VS_COMPAT_PAGE_POOL_HELPERS_H
#define VS_COMPAT_PAGE_POOL_HELPERS_H

#include <net/page_pool.h>

#endif
