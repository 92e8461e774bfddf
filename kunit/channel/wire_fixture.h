/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every type of message in every form that it has: what the suites of the codec share.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "vs_message.h"
#include "vs_wire.h"

#define FLIPS		8000	/* messages with some bits turned over */
#define EXTENSION	64	/* bytes behind the end */

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random cases; 0: draw one");

/* Everything a test needs; too large for the stack. */
struct fixture {
	struct vs_message message;
	struct vs_message decoded;
	u8 bytes[VS_WIRE_MESSAGE_MAX + EXTENSION];
	u8 again[VS_WIRE_MESSAGE_MAX];
	struct rnd_state random;	/* after draw_seed() */
};

static inline int prepare(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct fixture), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static inline struct rnd_state *draw_seed(struct kunit *test)
{
	struct fixture *fix = test->priv;
	u32 value = seed ? seed : get_random_u32();

	kunit_info(test, "seed=%u\n", value);
	prandom_seed_state(&fix->random, value);
	return &fix->random;
}

/* ---- Samples: every type in every form that it has ---- */

static inline void add_term(struct vs_message *message, u16 id, enum vs_kind kind, u64 low,
			    u64 high)
{
	struct vs_term *term = &message->terms.term[message->terms.count++];

	term->id = id;
	term->kind = kind;
	term->low = low;
	term->high = high;
}

static inline void add_text(struct vs_message *message, u16 id, u8 length)
{
	struct vs_term *term = &message->terms.term[message->terms.count++];

	term->id = id;
	term->kind = VS_KIND_IDENTITY;
	term->length = length;
	memset(term->text, 'a' + length % 26, length);
}

/* See struct asked. */
static inline void add_terms(struct vs_message *message)
{
	add_term(message, 1, VS_KIND_SPACE, 4096, 1ULL << 40);
	add_term(message, 2, VS_KIND_SET, 1, 3);
	add_term(message, 3, VS_KIND_LEVEL, 512, 512);
	add_text(message, 9, 0);
	add_text(message, 10, 3);
	add_text(message, 11, 8);
	add_text(message, 300, VS_WIRE_TEXT_MAX);
	add_term(message, 0xffff, VS_KIND_RATE, 0, U64_MAX);
}

static inline void initialize(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE;
	message->version_min = 1;
	message->version_max = 7;
	message->reason = VS_REASON_FIRST;
}

static inline void withdrawal(struct vs_message *message)
{
	initialize(message);
	message->version_min = 7;
	message->reason = VS_REASON_WITHDRAWN;
	message->deadline_ms = U32_MAX;
}

static inline void call(struct vs_message *message)
{
	withdrawal(message);
	message->fallback = 78;
	add_terms(message);
}

static inline void initialized(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE_COMPLETE;
	message->contract = 0;
	message->version_min = 1;
	message->version_max = 1;
}

static inline void initialized_holding(struct vs_message *message)
{
	initialized(message);
	message->contract = 77;
	add_terms(message);
}

static inline void initialized_not(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE_COMPLETE;
	message->status = VS_STATUS_VERSION;
}

static inline void ask(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
	message->flags = VS_REQUEST_ALL | VS_REQUEST_CHOICE;
	add_terms(message);
	message->terms.term[0].demand = 12345;
}

static inline void keep(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
	message->flags = VS_REQUEST_KEEP;
}

static inline void release(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
}

static inline void offer(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_OFFER;
	add_terms(message);
}

static inline void grant(struct vs_message *message)
{
	offer(message);
	message->outcome = VS_OUTCOME_GRANT;
	message->granted = 78;
	message->lease_ms = 5000;
}

static inline void deny(struct vs_message *message)
{
	offer(message);
	message->outcome = VS_OUTCOME_DENY;
	message->reason = VS_REASON_POOL;
	message->retry_ms = 100;
	message->term = 2;
}

static inline void deny_without_terms(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_DENY;
	message->reason = VS_REASON_SOURCE;
}

static inline void released(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_RELEASED;
}

static inline void refused(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->status = VS_STATUS_STALE;
}

static inline void start(struct vs_message *message)
{
	message->type = VS_WIRE_START;
}

static inline void started(struct vs_message *message)
{
	message->type = VS_WIRE_START_COMPLETE;
}

static inline void started_not(struct vs_message *message)
{
	message->type = VS_WIRE_START_COMPLETE;
	message->status = VS_STATUS_STALE;
	message->contract = 0;
}

typedef void (*sample_fn)(struct vs_message *message);

static const sample_fn samples[] = {
	initialize, withdrawal, call, initialized, initialized_holding, initialized_not,
	ask, keep, release, offer, grant, deny, deny_without_terms, released, refused,
	start, started, started_not,
};

/* Encodes a sample into fix->bytes; returns its length. */
static inline size_t encode_sample(struct kunit *test, sample_fn sample)
{
	struct fixture *fix = test->priv;
	size_t length;

	memset(&fix->message, 0, sizeof(fix->message));
	fix->message.epoch = 0x0123456789abcdef;
	fix->message.contract = 77;
	sample(&fix->message);
	length = vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes));
	KUNIT_ASSERT_GE(test, length, sizeof(struct vs_wire_header));
	return length;
}

/* Decodes a copy of exactly this size, so that KASAN sees a read behind its end. */
static inline int decode_exactly(struct kunit *test, const void *bytes, size_t length)
{
	struct fixture *fix = test->priv;
	void *copy = kmemdup(bytes, length, GFP_KERNEL);
	int error;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memset(&fix->decoded, 0xff, sizeof(fix->decoded));
	error = vs_wire_decode(&fix->decoded, copy, length);
	kfree(copy);
	return error;
}

static inline void set_length(struct fixture *fix, size_t length)
{
	put_unaligned_le16(length, fix->bytes + offsetof(struct vs_wire_header, length));
}
