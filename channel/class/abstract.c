// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of abstract: what both sides know of it without its modules.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/stringify.h>

#include "vs_abstract.h"
#include "vs_class.h"
#include "vs_terms.h"

/* A message carries no names: what a bit is called is known to its pool alone. */
static const char * const abstract_features[] = {
	"f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13",
	"f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22", "f23", "f24", "f25", "f26",
	"f27", "f28", "f29", "f30", "f31", NULL
};

static const struct vs_term_spec abstract_terms[] = {
	{
		.id = VS_ABSTRACT_AMOUNT, .kind = VS_KIND_SPACE,
		.name = "amount", .unit = "units",
		.highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_ABSTRACT_LEVEL, .kind = VS_KIND_LEVEL, .flags = VS_TERM_EXPLICIT,
		.name = "level", .unit = "steps",
		.highest = U32_MAX, .step = 1,
	}, {
		.id = VS_ABSTRACT_RATE, .kind = VS_KIND_RATE,
		.name = "rate", .unit = "units/s",
		.highest = 1ULL << 50, .step = 1,
	}, {
		.id = VS_ABSTRACT_FEATURES, .kind = VS_KIND_SET, .flags = VS_TERM_EXPLICIT,
		.name = "features", .unit = "set",
		.highest = (1ULL << VS_ABSTRACT_FEATURES_MAX) - 1,
		.bits = abstract_features,
	}, {
		.id = VS_ABSTRACT_LABEL, .kind = VS_KIND_IDENTITY,
		.name = "label", .unit = "text",
		.form = "up to " __stringify(VS_WIRE_TEXT_MAX)
			" printable characters without space and /",
	},
};

static const char * const abstract_texts[] = {
	[VS_ABSTRACT_NAMES] = "features",
	[VS_ABSTRACT_AGENT] = "agent",
	[VS_ABSTRACT_AGENT_MS] = "agent_ms",
	NULL
};

const struct vs_class_spec vs_class_abstract = {
	.id = VS_CLASS_ABSTRACT,
	.name = "abstract",
	.count = ARRAY_SIZE(abstract_terms),
	.term = abstract_terms,
	.queue_size = VS_ABSTRACT_QUEUE_SIZE,
	.texts = abstract_texts,
};
EXPORT_SYMBOL_GPL(vs_class_abstract);

static_assert(ARRAY_SIZE(abstract_features) == VS_ABSTRACT_FEATURES_MAX + 1);
