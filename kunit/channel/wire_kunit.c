// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec: every message, every truncation, every field out of range.
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

static int prepare(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct fixture), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static struct rnd_state *draw_seed(struct kunit *test)
{
	struct fixture *fix = test->priv;
	u32 value = seed ? seed : get_random_u32();

	kunit_info(test, "seed=%u\n", value);
	prandom_seed_state(&fix->random, value);
	return &fix->random;
}

/* ---- Samples: every type in every form that it has ---- */

static void add_term(struct vs_message *message, u16 id, enum vs_kind kind, u64 low, u64 high)
{
	struct vs_term *term = &message->terms.term[message->terms.count++];

	term->id = id;
	term->kind = kind;
	term->low = low;
	term->high = high;
}

static void add_text(struct vs_message *message, u16 id, u8 length)
{
	struct vs_term *term = &message->terms.term[message->terms.count++];

	term->id = id;
	term->kind = VS_KIND_IDENTITY;
	term->length = length;
	memset(term->text, 'a' + length % 26, length);
}

/* See struct asked. */
static void add_terms(struct vs_message *message)
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

static void initialize(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE;
	message->version_min = 1;
	message->version_max = 7;
	message->reason = VS_REASON_FIRST;
}

static void withdrawal(struct vs_message *message)
{
	initialize(message);
	message->version_min = 7;
	message->reason = VS_REASON_WITHDRAWN;
	message->deadline_ms = U32_MAX;
}

static void call(struct vs_message *message)
{
	withdrawal(message);
	message->fallback = 78;
	add_terms(message);
}

static void initialized(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE_COMPLETE;
	message->contract = 0;
	message->version_min = 1;
	message->version_max = 1;
}

static void initialized_holding(struct vs_message *message)
{
	initialized(message);
	message->contract = 77;
	add_terms(message);
}

static void initialized_not(struct vs_message *message)
{
	message->type = VS_WIRE_INITIALIZE_COMPLETE;
	message->status = VS_STATUS_VERSION;
}

static void ask(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
	message->flags = VS_REQUEST_ALL | VS_REQUEST_CHOICE;
	add_terms(message);
	message->terms.term[0].demand = 12345;
}

static void keep(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
	message->flags = VS_REQUEST_KEEP;
}

static void release(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST;
}

static void offer(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_OFFER;
	add_terms(message);
}

static void grant(struct vs_message *message)
{
	offer(message);
	message->outcome = VS_OUTCOME_GRANT;
	message->granted = 78;
	message->lease_ms = 5000;
}

static void deny(struct vs_message *message)
{
	offer(message);
	message->outcome = VS_OUTCOME_DENY;
	message->reason = VS_REASON_POOL;
	message->retry_ms = 100;
	message->term = 2;
}

static void deny_without_terms(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_DENY;
	message->reason = VS_REASON_SOURCE;
}

static void released(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->outcome = VS_OUTCOME_RELEASED;
}

static void refused(struct vs_message *message)
{
	message->type = VS_WIRE_REQUEST_COMPLETE;
	message->status = VS_STATUS_STALE;
}

static void start(struct vs_message *message)
{
	message->type = VS_WIRE_START;
}

static void started(struct vs_message *message)
{
	message->type = VS_WIRE_START_COMPLETE;
}

static void started_not(struct vs_message *message)
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

static void sample_name(const sample_fn *sample, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%ps", *sample);
}

KUNIT_ARRAY_PARAM(sample, samples, sample_name);

/* Encodes a sample into fix->bytes; returns its length. */
static size_t encode_sample(struct kunit *test, sample_fn sample)
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
static int decode_exactly(struct kunit *test, const void *bytes, size_t length)
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

static void set_length(struct fixture *fix, size_t length)
{
	put_unaligned_le16(length, fix->bytes + offsetof(struct vs_wire_header, length));
}

/* ---- Tests ---- */

static void every_message_comes_back_as_it_was(struct kunit *test)
{
	const sample_fn *sample = test->param_value;
	struct fixture *fix = test->priv;
	size_t length = encode_sample(test, *sample);

	KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), 0);
	KUNIT_EXPECT_MEMEQ(test, &fix->decoded, &fix->message, sizeof(fix->message));
}

static void a_message_may_stand_at_any_address(struct kunit *test)
{
	const sample_fn *sample = test->param_value;
	struct fixture *fix = test->priv;
	size_t length = encode_sample(test, *sample);

	for (size_t shift = 1; shift < 8; shift++) {
		memmove(fix->bytes + shift, fix->bytes + shift - 1, length);
		KUNIT_EXPECT_EQ(test, vs_wire_decode(&fix->decoded, fix->bytes + shift, length), 0);
		KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->decoded, fix->again + shift,
						     sizeof(fix->again) - shift), length);
		KUNIT_EXPECT_MEMEQ(test, fix->again + shift, fix->bytes + shift, length);
	}
}

static void every_truncation_is_refused(struct kunit *test)
{
	const sample_fn *sample = test->param_value;
	struct fixture *fix = test->priv;
	size_t whole = encode_sample(test, *sample);

	for (size_t length = 0; length < whole; length++) {
		set_length(fix, whole);
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EMSGSIZE);
		set_length(fix, length);
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EMSGSIZE);
		KUNIT_EXPECT_EQ(test, fix->decoded.terms.count, 0);
	}
}

static void every_extension_is_refused(struct kunit *test)
{
	const sample_fn *sample = test->param_value;
	struct fixture *fix = test->priv;
	size_t whole = encode_sample(test, *sample);

	memset(fix->bytes + whole, 0, EXTENSION);
	for (size_t length = whole + 1; length <= whole + EXTENSION; length++) {
		set_length(fix, whole);
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EMSGSIZE);
		set_length(fix, length);
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EMSGSIZE);
	}
	set_length(fix, VS_WIRE_MESSAGE_MAX + 1);
	KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, VS_WIRE_MESSAGE_MAX + 1), -EMSGSIZE);
}

static void nothing_is_written_where_it_does_not_fit(struct kunit *test)
{
	const sample_fn *sample = test->param_value;
	struct fixture *fix = test->priv;
	size_t length = encode_sample(test, *sample);

	memset(fix->again, 0x5a, sizeof(fix->again));
	for (size_t size = 0; size < length; size++)
		KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->again, size), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->again, 0x5a, sizeof(fix->again)));
	KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->again, length), length);
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->again + length, 0x5a, sizeof(fix->again) - length));
}

/* Where a field is and how wide, in a message that begins at address 0. */
#define PLACE(field)		{ (uintptr_t)&(field), sizeof(field) }
#define HEADER(field)		PLACE((*(struct vs_wire_header *)0).field)
#define FIELD(message, field)	PLACE((*(struct vs_wire_##message *)0).field)
#define ASKED(field)		PLACE((*(struct asked *)0).field)

/* As add_terms() makes it: terms 0 to 3 have no text. */
struct asked {
	struct vs_wire_request request;
	struct vs_wire_term term[5];
	u8 text[8];
};

struct bad_field {
	sample_fn sample;
	struct {
		u16 offset;
		u16 size;
	} place;
	u64 value;
	int error;
};

static const struct bad_field bad_fields[] = {
	{ start, HEADER(type), 0, -EOPNOTSUPP },
	{ start, HEADER(type), VS_WIRE_TYPES, -EOPNOTSUPP },
	{ start, HEADER(type), 0xffff, -EOPNOTSUPP },
	{ start, HEADER(type), VS_WIRE_INITIALIZE, -EMSGSIZE },
	{ start, HEADER(length), 0, -EMSGSIZE },
	{ start, HEADER(length), 0xffff, -EMSGSIZE },
	{ start, HEADER(status), VS_STATUS_STALE, -EPROTO },
	{ start, HEADER(contract), 0, -EPROTO },
	{ started, HEADER(status), VS_STATUSES, -EPROTO },
	{ started, HEADER(status), U32_MAX, -EPROTO },
	{ started, HEADER(contract), 0, -EPROTO },
	{ initialize, HEADER(status), VS_STATUS_MALFORMED, -EPROTO },
	{ ask, HEADER(status), VS_STATUS_MALFORMED, -EPROTO },

	{ call, FIELD(initialize, version_min), 0, -EPROTO },
	{ call, FIELD(initialize, version_min), 8, -EPROTO },
	{ call, FIELD(initialize, version_max), 0, -EPROTO },
	{ call, FIELD(initialize, version_max), 6, -EPROTO },
	{ call, FIELD(initialize, reason), VS_REASONS, -EPROTO },
	{ call, FIELD(initialize, reason), U32_MAX, -EPROTO },
	{ call, FIELD(initialize, deadline_ms), 0, -EPROTO },
	{ call, FIELD(initialize, deadline_ms), U32_MAX + 1ULL, -EPROTO },
	{ call, FIELD(initialize, deadline_ms), U64_MAX, -EPROTO },
	{ call, FIELD(initialize, fallback), 0, -EPROTO },
	{ call, FIELD(initialize, count), 0, -EPROTO },
	{ call, FIELD(initialize, count), 7, -EMSGSIZE },
	{ call, FIELD(initialize, count), 9, -EMSGSIZE },
	{ call, FIELD(initialize, count), VS_WIRE_TERMS_MAX + 1, -EOVERFLOW },
	{ call, FIELD(initialize, count), 0xffff, -EOVERFLOW },
	{ call, FIELD(initialize, reserved[0]), 1, -EPROTO },
	{ call, FIELD(initialize, reserved[1]), 1, -EPROTO },
	{ call, FIELD(initialize, reserved[2]), 1, -EPROTO },
	{ withdrawal, FIELD(initialize, fallback), 1, -EPROTO },
	{ initialize, FIELD(initialize, fallback), 1, -EPROTO },

	{ initialized, FIELD(initialize_complete, version), 0, -EPROTO },
	{ initialized, FIELD(initialize_complete, count), 1, -EPROTO },
	{ initialized, FIELD(initialize_complete, reserved), 1, -EPROTO },
	{ initialized, HEADER(contract), 1, -EPROTO },
	{ initialized_holding, HEADER(contract), 0, -EPROTO },
	{ initialized_holding, HEADER(status), VS_STATUS_VERSION, -EPROTO },
	{ initialized_holding, FIELD(initialize_complete, count), 13, -EOVERFLOW },
	{ initialized_not, FIELD(initialize_complete, count), 1, -EPROTO },
	{ initialized_not, HEADER(status), VS_STATUS_OK, -EPROTO },

	{ ask, FIELD(request, flags), VS_REQUEST_KEEP, -EPROTO },
	{ ask, FIELD(request, flags), VS_REQUEST_FLAGS + 1, -EPROTO },
	{ ask, FIELD(request, flags), 1U << 31, -EPROTO },
	{ ask, FIELD(request, count), 13, -EOVERFLOW },
	{ ask, FIELD(request, count), 0, -EPROTO },
	{ ask, FIELD(request, reserved), 0x100, -EPROTO },
	{ keep, HEADER(contract), 0, -EPROTO },
	{ keep, FIELD(request, flags), VS_REQUEST_FLAGS, -EPROTO },
	{ release, FIELD(request, flags), VS_REQUEST_ALL, -EPROTO },
	{ release, FIELD(request, count), 1, -EMSGSIZE },

	{ offer, FIELD(request_complete, outcome), 0, -EPROTO },
	{ offer, FIELD(request_complete, outcome), VS_OUTCOMES, -EPROTO },
	{ offer, FIELD(request_complete, outcome), U32_MAX, -EPROTO },
	{ offer, FIELD(request_complete, outcome), VS_OUTCOME_GRANT, -EPROTO },
	{ offer, FIELD(request_complete, outcome), VS_OUTCOME_RELEASED, -EPROTO },
	{ offer, FIELD(request_complete, reason), VS_REASON_POOL, -EPROTO },
	{ offer, FIELD(request_complete, granted), 1, -EPROTO },
	{ offer, FIELD(request_complete, lease_ms), 1, -EPROTO },
	{ offer, FIELD(request_complete, retry_ms), 1, -EPROTO },
	{ offer, FIELD(request_complete, term), 1, -EPROTO },
	{ offer, FIELD(request_complete, count), 0, -EPROTO },
	{ offer, FIELD(request_complete, count), 13, -EOVERFLOW },
	{ offer, FIELD(request_complete, reserved), 1, -EPROTO },
	{ offer, HEADER(status), VS_STATUS_STALE, -EPROTO },
	{ grant, FIELD(request_complete, granted), 0, -EPROTO },
	{ grant, FIELD(request_complete, retry_ms), 1, -EPROTO },
	{ grant, FIELD(request_complete, count), 0, -EPROTO },
	{ deny, FIELD(request_complete, reason), VS_REASONS, -EPROTO },
	{ deny, FIELD(request_complete, granted), 1, -EPROTO },
	{ deny, FIELD(request_complete, lease_ms), 1, -EPROTO },
	{ released, FIELD(request_complete, count), 1, -EPROTO },
	{ refused, FIELD(request_complete, outcome), VS_OUTCOME_DENY, -EPROTO },
	{ refused, FIELD(request_complete, retry_ms), 1, -EPROTO },
	{ refused, FIELD(request_complete, count), 1, -EPROTO },

	{ ask, ASKED(term[0].id), 0, -EBADMSG },
	{ ask, ASKED(term[1].id), 1, -EBADMSG },
	{ ask, ASKED(term[1].id), 3, -EBADMSG },
	{ ask, ASKED(term[0].kind), 0, -EBADMSG },
	{ ask, ASKED(term[0].kind), VS_KINDS, -EBADMSG },
	{ ask, ASKED(term[0].kind), 0xff, -EBADMSG },
	{ ask, ASKED(term[0].kind), VS_KIND_IDENTITY, -EBADMSG },
	{ ask, ASKED(term[0].kind), VS_KIND_SET, -EBADMSG },
	{ ask, ASKED(term[0].length), 1, -EBADMSG },
	{ ask, ASKED(term[4].length), VS_WIRE_TEXT_MAX + 1, -EBADMSG },
	{ ask, ASKED(term[4].length), 2, -EBADMSG },
	{ ask, ASKED(term[4].length), 4, -EILSEQ },
	{ ask, ASKED(term[0].reserved), 1, -EBADMSG },
	{ ask, ASKED(term[0].reserved), 1U << 31, -EBADMSG },
	{ ask, ASKED(term[0].low), (1ULL << 40) + 1, -EBADMSG },
	{ ask, ASKED(term[0].high), 4095, -EBADMSG },
	{ ask, ASKED(term[1].low), 4, -EBADMSG },
	{ ask, ASKED(term[2].low), U64_MAX, -EBADMSG },
	{ ask, ASKED(term[3].low), 1, -EBADMSG },
	{ ask, ASKED(term[3].high), 1, -EBADMSG },
	{ ask, ASKED(term[3].demand), 1, -EBADMSG },
	{ ask, ASKED(text[0]), 0, -EILSEQ },
	{ ask, ASKED(text[0]), '/', -EILSEQ },
	{ ask, ASKED(text[1]), ' ', -EILSEQ },
	{ ask, ASKED(text[1]), '\n', -EILSEQ },
	{ ask, ASKED(text[2]), 0x7f, -EILSEQ },
	{ ask, ASKED(text[2]), 0x80, -EILSEQ },
	{ ask, ASKED(text[2]), 0xff, -EILSEQ },
	{ ask, ASKED(text[3]), 'a', -EBADMSG },
	{ ask, ASKED(text[7]), 1, -EBADMSG },
};

static void every_field_out_of_range_is_refused(struct kunit *test)
{
	struct fixture *fix = test->priv;

	for (size_t i = 0; i < ARRAY_SIZE(bad_fields); i++) {
		const struct bad_field *bad = &bad_fields[i];
		size_t length = encode_sample(test, bad->sample);
		__le64 value = cpu_to_le64(bad->value);

		memcpy(fix->bytes + bad->place.offset, &value, bad->place.size);
		KUNIT_EXPECT_EQ_MSG(test, decode_exactly(test, fix->bytes, length), bad->error,
				    "line %zu: %ps, offset %u, value %llu", i, bad->sample,
				    bad->place.offset, bad->value);
	}
}

static void only_an_ask_has_a_demand(struct kunit *test)
{
	static const sample_fn others[] = { call, initialized_holding, offer, grant, deny };
	struct fixture *fix = test->priv;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		size_t length = encode_sample(test, others[i]);

		fix->message.terms.term[0].demand = 1;
		KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->bytes,
						     sizeof(fix->bytes)), length);
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EBADMSG);
	}
}

static void only_an_identity_has_a_text(struct kunit *test)
{
	struct fixture *fix = test->priv;

	for (enum vs_kind kind = VS_KIND_RATE; kind < VS_KINDS; kind++) {
		size_t length;

		encode_sample(test, release);
		add_text(&fix->message, 1, 8);
		fix->message.terms.term[0].kind = kind;
		length = vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes));
		KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length),
				kind == VS_KIND_IDENTITY ? 0 : -EBADMSG);
	}
}

static void a_refused_message_leaves_nothing_but_its_header(struct kunit *test)
{
	struct fixture *fix = test->priv;
	size_t length = encode_sample(test, ask);

	fix->bytes[length - 1] ^= 0xff;		/* of the last term's demand: still well formed */
	KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), 0);
	fix->bytes[length - sizeof(struct vs_wire_term) +
		   offsetof(struct vs_wire_term, kind)] = 0;
	KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), -EBADMSG);
	KUNIT_EXPECT_EQ(test, fix->decoded.type, VS_WIRE_REQUEST);
	KUNIT_EXPECT_EQ(test, fix->decoded.epoch, fix->message.epoch);
	KUNIT_EXPECT_EQ(test, fix->decoded.contract, fix->message.contract);
	KUNIT_EXPECT_NULL(test, memchr_inv(&fix->decoded.version_min, 0, sizeof(fix->decoded) -
					 offsetof(struct vs_message, version_min)));
}

/* Decodes fix->bytes; what is accepted must have this encoding and no other. */
static bool accepted(struct kunit *test, size_t length)
{
	struct fixture *fix = test->priv;

	if (vs_wire_decode(&fix->decoded, fix->bytes, length))
		return false;
	KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->decoded, fix->again, sizeof(fix->again)),
			length);
	KUNIT_EXPECT_MEMEQ(test, fix->again, fix->bytes, length);
	return true;
}

static void flipped_bits_never_pass_as_two_messages(struct kunit *test)
{
	struct rnd_state *random = draw_seed(test);
	struct fixture *fix = test->priv;
	u32 passed = 0;

	for (u32 i = 0; i < FLIPS; i++) {
		size_t length = encode_sample(test, samples[i % ARRAY_SIZE(samples)]);
		u32 flips = 1 + prandom_u32_state(random) % 3;

		while (flips--)
			fix->bytes[prandom_u32_state(random) % length] ^=
				BIT(prandom_u32_state(random) % 8);
		passed += accepted(test, length);
	}
	kunit_info(test, "%u of %u were messages again\n", passed, FLIPS);
	KUNIT_EXPECT_GT(test, passed, 0);
	KUNIT_EXPECT_LT(test, passed, FLIPS);
}

static void random_bytes_behind_a_good_header_never_pass_as_two_messages(struct kunit *test)
{
	struct rnd_state *random = draw_seed(test);
	struct fixture *fix = test->priv;

	for (u32 i = 0; i < FLIPS / 4; i++) {
		size_t length = encode_sample(test, samples[i % ARRAY_SIZE(samples)]);
		size_t extra = prandom_u32_state(random) % EXTENSION;
		size_t from = sizeof(struct vs_wire_header);

		from += prandom_u32_state(random) % (length - from + 1);
		prandom_bytes_state(random, fix->bytes + from, length + extra - from);
		set_length(fix, length + extra);
		accepted(test, length + extra);
	}
}

static void what_cannot_be_said_is_not_encoded(struct kunit *test)
{
	struct fixture *fix = test->priv;

	encode_sample(test, ask);
	fix->message.terms.count = VS_WIRE_TERMS_MAX + 1;
	KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes)), 0);
	encode_sample(test, ask);
	fix->message.terms.term[0].length = VS_WIRE_TEXT_MAX + 1;
	KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes)), 0);
	encode_sample(test, start);
	add_terms(&fix->message);
	KUNIT_EXPECT_EQ(test, vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes)), 0);
	for (u32 type = 0; type <= U16_MAX; type++) {
		if (type >= VS_WIRE_INITIALIZE && type < VS_WIRE_TYPES)
			continue;
		fix->message.type = type;
		if (vs_wire_encode(&fix->message, fix->bytes, sizeof(fix->bytes)))
			KUNIT_FAIL(test, "type %u was encoded", type);
	}
}

static void the_most_terms_with_the_longest_texts_fit(struct kunit *test)
{
	struct fixture *fix = test->priv;
	size_t length;

	encode_sample(test, release);
	for (u32 i = 0; i < VS_WIRE_TERMS_MAX; i++)
		add_text(&fix->message, i + 1, VS_WIRE_TEXT_MAX);
	length = vs_wire_encode(&fix->message, fix->bytes, VS_WIRE_MESSAGE_MAX);
	KUNIT_EXPECT_EQ(test, decode_exactly(test, fix->bytes, length), 0);
	KUNIT_EXPECT_MEMEQ(test, &fix->decoded, &fix->message, sizeof(fix->message));
}

static void every_number_has_a_name(struct kunit *test)
{
	for (u32 i = VS_WIRE_INITIALIZE; i < VS_WIRE_TYPES; i++)
		KUNIT_EXPECT_STRNEQ(test, vs_wire_type_name(i), "?");
	for (u32 i = 0; i < VS_STATUSES; i++)
		KUNIT_EXPECT_NOT_NULL(test, vs_wire_status_name(i));
	for (u32 i = 0; i < VS_REASONS; i++)
		KUNIT_EXPECT_NOT_NULL(test, vs_wire_reason_name(i));
	for (u32 i = 0; i < VS_OUTCOMES; i++)
		KUNIT_EXPECT_NOT_NULL(test, vs_wire_outcome_name(i));
	KUNIT_EXPECT_STREQ(test, vs_wire_type_name(0), "?");
	KUNIT_EXPECT_STREQ(test, vs_wire_type_name(VS_WIRE_TYPES), "?");
	KUNIT_EXPECT_STREQ(test, vs_wire_status_name(VS_STATUSES), "?");
	KUNIT_EXPECT_STREQ(test, vs_wire_reason_name(VS_REASONS), "?");
	KUNIT_EXPECT_STREQ(test, vs_wire_reason_name(U32_MAX), "?");
	KUNIT_EXPECT_STREQ(test, vs_wire_outcome_name(VS_OUTCOMES), "?");
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE_PARAM(every_message_comes_back_as_it_was, sample_gen_params),
	KUNIT_CASE_PARAM(a_message_may_stand_at_any_address, sample_gen_params),
	KUNIT_CASE_PARAM(every_truncation_is_refused, sample_gen_params),
	KUNIT_CASE_PARAM(every_extension_is_refused, sample_gen_params),
	KUNIT_CASE_PARAM(nothing_is_written_where_it_does_not_fit, sample_gen_params),
	KUNIT_CASE(every_field_out_of_range_is_refused),
	KUNIT_CASE(only_an_ask_has_a_demand),
	KUNIT_CASE(only_an_identity_has_a_text),
	KUNIT_CASE(a_refused_message_leaves_nothing_but_its_header),
	KUNIT_CASE(flipped_bits_never_pass_as_two_messages),
	KUNIT_CASE(random_bytes_behind_a_good_header_never_pass_as_two_messages),
	KUNIT_CASE(what_cannot_be_said_is_not_encoded),
	KUNIT_CASE(the_most_terms_with_the_longest_texts_fit),
	KUNIT_CASE(every_number_has_a_name),
	{}
};

static struct kunit_suite wire_suite = {
	.name = "vs_wire",
	.init = prepare,
	.test_cases = wire_cases,
};

kunit_test_suite(wire_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the codec of vs_channel");
MODULE_LICENSE("GPL");
