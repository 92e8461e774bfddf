// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec: every field out of range, and random bytes.
 */
#include "wire_fixture.h"

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

static struct kunit_case wire_field_cases[] = {
	KUNIT_CASE(every_field_out_of_range_is_refused),
	KUNIT_CASE(only_an_ask_has_a_demand),
	KUNIT_CASE(only_an_identity_has_a_text),
	KUNIT_CASE(a_refused_message_leaves_nothing_but_its_header),
	KUNIT_CASE(flipped_bits_never_pass_as_two_messages),
	KUNIT_CASE(random_bytes_behind_a_good_header_never_pass_as_two_messages),
	{}
};

static struct kunit_suite wire_field_suite = {
	.name = "vs_wire_field",
	.init = prepare,
	.test_cases = wire_field_cases,
};

kunit_test_suite(wire_field_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: the fields of messages, as the codec of vs_channel takes them");
MODULE_LICENSE("GPL");
