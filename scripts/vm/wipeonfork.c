// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into the native debug kernel: a process of it is made by fork(), and with the kernel
 * goes KASAN's shadow, an eighth of its memory, to be copied and written anew.  A new process
 * reads zeroes instead, which stand for memory that may be accessed: starting a program takes
 * half the time by this.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/mman.h>

/* No other mapping is that large (arch/um/os-Linux/mem.c: kasan_map_memory). */
#define SHADOW_LEAST	0x10000000000UL

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	typeof(mmap64) *next = dlsym(RTLD_NEXT, "mmap64");
	void *start = next(address, length, protection, flags, fd, offset);

	if (start != MAP_FAILED && length >= SHADOW_LEAST)
		madvise(start, length, MADV_WIPEONFORK);
	return start;
}
