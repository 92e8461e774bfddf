// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec: every message, every truncation, every extension.
 */
#include "wire_fixture.h"

static void sample_name(const sample_fn *sample, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%ps", *sample);
}

KUNIT_ARRAY_PARAM(sample, samples, sample_name);

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
