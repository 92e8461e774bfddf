/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure parts of the modules (wire, terms, class, ring, network_frame) need of the
 * kernel's headers, for a build in user space.  Included before everything else (-include);
 * a header of the kernel that user space does not have is an empty file of that name, made
 * by tests/user/stubs.
 */
#ifndef USER_KERNEL_H
#define USER_KERNEL_H

#define _GNU_SOURCE

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned int gfp_t;

#define U16_MAX		UINT16_MAX
#define U32_MAX		UINT32_MAX
#define S64_MAX		INT64_MAX
#define U64_MAX		UINT64_MAX

#define __force
#define __user
#define __noreturn __attribute__((noreturn))
#define __printf(text, first) __attribute__((format(printf, text, first)))
#define likely(x)	(x)
#define __stringify_1(x) #x
#define __stringify(x) __stringify_1(x)
#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define static_assert(condition) _Static_assert(condition, #condition)
#define EXPORT_SYMBOL_GPL(name)
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define array_index_nospec(index, size) (index)

#define virt_mb()	__sync_synchronize()
#define virt_rmb()	__sync_synchronize()
#define virt_wmb()	__sync_synchronize()

#define min(a, b) ({ __auto_type min_a = (a); __auto_type min_b = (b); \
		     min_a < min_b ? min_a : min_b; })
#define max(a, b) ({ __auto_type max_a = (a); __auto_type max_b = (b); \
		     max_a > max_b ? max_a : max_b; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define min3(a, b, c)	min(min(a, b), c)

#define DIV_ROUND_UP(n, step)	(((n) + (step) - 1) / (step))
#define round_up(n, step)	(DIV_ROUND_UP(n, step) * (step))
#define IS_ALIGNED(n, step)	(!((n) & ((__typeof__(n))(step) - 1)))

#define cpu_to_le16	htole16
#define cpu_to_le32	htole32
#define cpu_to_le64	htole64
#define le16_to_cpu	le16toh
#define le32_to_cpu	le32toh
#define le64_to_cpu	le64toh
#define cpu_to_be16	htobe16
#define cpu_to_be32	htobe32

/* What the kernel only warns of ends a harness. */
#define WARN_ON_ONCE(condition) ({ \
	bool warn_on = (condition); \
	if (warn_on) { \
		fprintf(stderr, "%s:%d: WARN_ON(%s)\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
	warn_on; })

#define memset_startat(object, value, member) \
	memset((u8 *)(object) + offsetof(__typeof__(*(object)), member), value, \
	       sizeof(*(object)) - offsetof(__typeof__(*(object)), member))

static inline void *memchr_inv(const void *bytes, int wanted, size_t length)
{
	const u8 *at = bytes;

	for (; length; at++, length--)
		if (*at != (u8)wanted)
			return (void *)at;
	return NULL;
}

static inline u16 get_unaligned_be16(const void *at)
{
	u16 value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned int fls64(u64 n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

static inline u64 div64_u64_rem(u64 n, u64 by, u64 *rest)
{
	*rest = n % by;
	return n / by;
}

/* Bitmaps of a caller that is alone. */
#define BITS_PER_LONG		(8 * sizeof(long))
#define DECLARE_BITMAP(name, bits) unsigned long name[DIV_ROUND_UP(bits, BITS_PER_LONG)]

static inline bool test_bit(unsigned int bit, const unsigned long *map)
{
	return map[bit / BITS_PER_LONG] & BIT(bit % BITS_PER_LONG);
}

#define bitmap_zero(map, bits) memset(map, 0, DIV_ROUND_UP(bits, BITS_PER_LONG) * sizeof(long))

static inline void __set_bit(unsigned int bit, unsigned long *map)
{
	map[bit / BITS_PER_LONG] |= BIT(bit % BITS_PER_LONG);
}

static inline bool __test_and_clear_bit(unsigned int bit, unsigned long *map)
{
	bool was = test_bit(bit, map);

	map[bit / BITS_PER_LONG] &= ~BIT(bit % BITS_PER_LONG);
	return was;
}

/* Members of structures that no code here looks at. */
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct sk_buff_head { struct sk_buff *next, *prev; };
struct notifier_block { int priority; };
struct work_struct { long data; };
struct delayed_work { struct work_struct work; };
struct timer_list { long expires; };
struct hrtimer { s64 expires; };
struct napi_struct { long state; };
struct mutex { int lock; };
struct rcu_head { void *next; };
struct vhost_iotlb { u32 limit; };
struct ratelimit_state { int interval; };
typedef struct { int lock; } spinlock_t;
typedef struct { int sequence; } seqcount_spinlock_t;
struct bio_vec { void *bv_page; u32 bv_len; u32 bv_offset; };
typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { void *head; } wait_queue_head_t;
typedef s64 ktime_t;
typedef struct { u8 b[16]; } uuid_t;
typedef struct { int lock; } netdevice_tracker;

#endif
