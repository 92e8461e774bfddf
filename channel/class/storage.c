// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of storage: what both sides know of it without its modules.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/limits.h>

#include "vs_class.h"
#include "vs_storage.h"
#include "vs_terms.h"

static const char * const storage_access[] = { "read", "write", "discard", NULL };

static const struct vs_term_spec storage_terms[] = {
	{
		.id = VS_STORAGE_SIZE, .kind = VS_KIND_SPACE, .flags = VS_TERM_KEPT,
		.name = "size", .unit = "bytes",
		.lowest = 1 << 20, .highest = S64_MAX & ~4095ULL, .step = 4096,
	}, {
		.id = VS_STORAGE_BANDWIDTH, .kind = VS_KIND_RATE,
		.name = "bandwidth", .unit = "bytes/s",
		.lowest = 4096, .highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_STORAGE_IOPS, .kind = VS_KIND_RATE,
		.name = "iops", .unit = "1/s",
		.lowest = 1, .highest = 1ULL << 40, .step = 1,
	}, {
		.id = VS_STORAGE_ACCESS, .kind = VS_KIND_SET,
		.name = "access", .unit = "set",
		.highest = VS_STORAGE_READ | VS_STORAGE_WRITE | VS_STORAGE_DISCARD,
		.bits = storage_access,
	}, {
		.id = VS_STORAGE_CACHE, .kind = VS_KIND_SPACE,
		.name = "cache", .unit = "bytes",
		.highest = 1ULL << 40, .step = 1,
	}, {
		.id = VS_STORAGE_BLOCK_SIZE, .kind = VS_KIND_LEVEL, .flags = VS_TERM_FIXED,
		.name = "block_size", .unit = "bytes",
		.lowest = 512, .highest = 4096,
	}, {
		.id = VS_STORAGE_QUEUES, .kind = VS_KIND_LEVEL,
		.name = "queues", .unit = "queues",
		.lowest = 1, .highest = VS_STORAGE_QUEUES_MAX, .step = 1,
	},
};

static const char * const storage_queues[] = {
	"request.0", "request.1", "request.2", "request.3",
};

const struct vs_class_spec vs_class_storage = {
	.id = VS_CLASS_STORAGE,
	.name = "storage",
	.count = ARRAY_SIZE(storage_terms),
	.term = storage_terms,
	.queues = ARRAY_SIZE(storage_queues),
	.queue_names = storage_queues,
	.queue_size = VS_STORAGE_QUEUE_SIZE,
	.flows = 1,
	.paths = true,
};
EXPORT_SYMBOL_GPL(vs_class_storage);

static_assert(ARRAY_SIZE(storage_queues) == VS_STORAGE_QUEUES_MAX);
