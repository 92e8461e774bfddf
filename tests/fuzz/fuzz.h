/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the harnesses share: each is one LLVMFuzzerTestOneInput() over a pure part of the
 * modules, built with ASan and UBSan.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#define require(condition) do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What is left of an input. */
struct input {
	const u8 *at;
	size_t left;
};

/* Fills @to; with zeroes where the input ends. */
static inline void take(struct input *input, void *to, size_t length)
{
	size_t there = min(length, input->left);

	memset(to, 0, length);
	memcpy(to, input->at, there);
	input->at += there;
	input->left -= there;
}

static inline u8 take8(struct input *input)
{
	u8 value;

	take(input, &value, sizeof(value));
	return value;
}

static inline u16 take16(struct input *input)
{
	u16 value;

	take(input, &value, sizeof(value));
	return value;
}

static inline u64 take64(struct input *input)
{
	u64 value;

	take(input, &value, sizeof(value));
	return value;
}

#endif
