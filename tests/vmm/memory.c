// SPDX-License-Identifier: GPL-2.0-only
/* The guest's RAM: a shared memfd in several areas, and what a VMM can do to one of them. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

#define PATTERN		0x5a	/* of AREA_READ, for ever */
#define MEBIBYTE	(1024 * 1024UL)

struct area_spec {
	u64 addr;
	size_t size;
	u8 perm;
};

static const struct area_spec specs[AREAS] = {
	[AREA_RINGS] = { 0, 16 * MEBIBYTE, VHOST_ACCESS_RW },
	[AREA_DATA] = { 1ULL << 32, SLOTS * SLOT_BYTES * 2, VHOST_ACCESS_RW },
	[AREA_READ] = { 2ULL << 32, MEBIBYTE / 4, VHOST_ACCESS_RO },
	[AREA_WRITE] = { 3ULL << 32, MEBIBYTE / 4, VHOST_ACCESS_WO },
	[AREA_MOVING] = { 4ULL << 32, MEBIBYTE, VHOST_ACCESS_RW },
	[AREA_BESIDE] = { (4ULL << 32) + MEBIBYTE, MEBIBYTE, VHOST_ACCESS_RW },
};

static int file, other;		/* memfds: of all areas, and of what takes the place of one */
static u8 *at[AREAS];
static size_t offset[AREAS];

static int make_file(size_t size)
{
	int fd = memfd_create("ram", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size))
		die("memfd_create: %m");
	return fd;
}

void memory_init(void)
{
	size_t size = 0;

	for (unsigned int i = 0; i < AREAS; i++) {
		/* Not one after the other: AREA_BESIDE is not beside AREA_MOVING here. */
		offset[i] = size;
		size += specs[i].size + MEBIBYTE;
	}
	file = make_file(size);
	other = make_file(specs[AREA_MOVING].size);
	for (unsigned int i = 0; i < AREAS; i++) {
		at[i] = mmap(NULL, specs[i].size, PROT_READ | PROT_WRITE, MAP_SHARED, file,
			     offset[i]);
		if (at[i] == MAP_FAILED)
			die("mmap of %zu bytes: %m", specs[i].size);
	}
	memset(at[AREA_READ], PATTERN, specs[AREA_READ].size);
}

u64 area_addr(enum area area)
{
	return specs[area].addr;
}

size_t area_size(enum area area)
{
	return specs[area].size;
}

void *area_at(enum area area)
{
	return at[area];
}

static int iotlb(int fd, u8 type, u64 addr, u64 size, void *user, u8 perm)
{
	struct vhost_msg_v2 message = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = addr,
			.size = size,
			.uaddr = (uintptr_t)user,
			.perm = perm,
			.type = type,
		},
	};

	return write(fd, &message, sizeof(message)) == sizeof(message) ? 0 : errno;
}

void memory_map(int fd, enum area area)
{
	iotlb(fd, VHOST_IOTLB_UPDATE, specs[area].addr, specs[area].size, at[area],
	      specs[area].perm);
}

void memory_unmap(int fd, enum area area)
{
	iotlb(fd, VHOST_IOTLB_INVALIDATE, specs[area].addr, specs[area].size, NULL, 0);
}

void memory_map_all(int fd)
{
	iotlb(fd, VHOST_IOTLB_BATCH_BEGIN, 0, 0, NULL, 0);
	for (unsigned int i = 0; i < AREAS; i++)
		memory_map(fd, i);
	iotlb(fd, VHOST_IOTLB_BATCH_END, 0, 0, NULL, 0);
}

static void map_in_place(int fd, int flags)
{
	mmap(at[AREA_MOVING], specs[AREA_MOVING].size, PROT_READ | PROT_WRITE,
	     flags | MAP_FIXED, fd, flags & MAP_ANONYMOUS ? 0 : fd == other ? 0 :
	     (off_t)offset[AREA_MOVING]);
}

/* Under a request or not, and not known to the kernel's end where the IOTLB is left alone. */
void memory_change(int fd)
{
	size_t size = specs[AREA_MOVING].size;
	u8 *moving = at[AREA_MOVING];

	counts->changes++;
	switch (below(11)) {
	case 0:		/* RAM is unplugged */
		memory_unmap(fd, AREA_MOVING);
		break;
	case 1:		/* a part of it */
		iotlb(fd, VHOST_IOTLB_INVALIDATE, specs[AREA_MOVING].addr + size / 2, 4096, NULL,
		      0);
		break;
	case 2:		/* the VMM's mapping is gone */
		munmap(moving, size);
		break;
	case 3:
		mprotect(moving, size, PROT_NONE);
		break;
	case 4:
		mprotect(moving, size, PROT_READ);
		break;
	case 5:		/* other shared memory is in its place */
		map_in_place(other, MAP_SHARED);
		break;
	case 6:		/* or private memory */
		map_in_place(-1, MAP_PRIVATE | MAP_ANONYMOUS);
		break;
	case 7:		/* its pages are given back (a balloon) */
		madvise(moving, size, MADV_REMOVE);
		break;
	case 8:		/* the file is cut short below it: a fault is SIGBUS */
		map_in_place(other, MAP_SHARED);
		if (ftruncate(other, 4096))
			die("ftruncate: %m");
		break;
	case 9:		/* told anew, with other permissions */
		memory_unmap(fd, AREA_MOVING);
		iotlb(fd, VHOST_IOTLB_UPDATE, specs[AREA_MOVING].addr, size, moving,
		      1 + below(3));
		break;
	default:	/* lies: overlapping, wrapping, empty, not the VMM's */
		iotlb(fd, VHOST_IOTLB_UPDATE, specs[AREA_MOVING].addr + below(size), size,
		      moving, below(8));
		iotlb(fd, VHOST_IOTLB_UPDATE, U64_MAX - below(8192), random64(), moving, 3);
		iotlb(fd, VHOST_IOTLB_UPDATE, 8ULL << 32, below(2) ? 0 : 4096,
		      (void *)(uintptr_t)random64(), 3);
	}
}

/* As it was; whatever memory_change() has done. */
void memory_restore(int fd)
{
	if (ftruncate(other, specs[AREA_MOVING].size))
		die("ftruncate: %m");
	map_in_place(file, MAP_SHARED);
	memory_unmap(fd, AREA_MOVING);
	iotlb(fd, VHOST_IOTLB_INVALIDATE, 8ULL << 32, 4096, NULL, 0);
	memory_map(fd, AREA_MOVING);
	memory_map(fd, AREA_BESIDE);
}

void memory_check(void)
{
	if (!memchr_inv(at[AREA_READ], PATTERN, specs[AREA_READ].size))
		return;
	counts->sick = true;
	die("the device has written where it may only read");
}
