/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of SHA-1: see vs_compat.h.
 */
#ifndef VS_COMPAT_SHA1_H
#define VS_COMPAT_SHA1_H

#include <crypto/sha1.h>
#include <linux/math.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>

/**
 * vs_sha1() - SHA-1 in one go
 * @input: has room for one block more than the @length bytes, which may be overwritten
 * @length: bytes
 * @digest: filled, SHA1_DIGEST_SIZE bytes
 *
 * Older kernels export the compression of a block alone.
 */
static inline void vs_sha1(u8 *input, size_t length, u8 *digest)
{
#ifdef VS_HAVE_SHA1
	sha1(input, length, digest);
#else
	u32 state[SHA1_DIGEST_WORDS], work[SHA1_WORKSPACE_WORDS];
	size_t end = round_up(length + 9, SHA1_BLOCK_SIZE);

	memset(input + length, 0, end - length);
	input[length] = 0x80;
	put_unaligned_be64(8 * length, input + end - 8);
	sha1_init(state);
	for (size_t at = 0; at < end; at += SHA1_BLOCK_SIZE)
		sha1_transform(state, input + at, work);
	for (unsigned int i = 0; i < SHA1_DIGEST_WORDS; i++)
		put_unaligned_be32(state[i], digest + 4 * i);
#endif
}

#endif
