// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes through vs_wire_decode(), channel/wire.c: what it lets in encodes to the same
 * bytes again, and of what it refuses nothing but the header is left.
 */
#include "fuzz.h"
#include "vs_message.h"

static void check_refused(const struct vs_message *message)
{
	size_t start = offsetof(struct vs_message, version_min);

	require(!memchr_inv((const u8 *)message + start, 0, sizeof(*message) - start));
}

static void check_taken(const struct vs_message *message, const u8 *bytes, size_t length)
{
	u8 again[VS_WIRE_MESSAGE_MAX];

	require(!vs_wire_encode(message, again, length - 1));
	require(vs_wire_encode(message, again, sizeof(again)) == length);
	require(!memcmp(again, bytes, length));
	for (u32 i = 0; i < message->terms.count; i++)
		require(vs_terms_text_valid(message->terms.term[i].text,
					    message->terms.term[i].length));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vs_message message;

	memset(&message, 0xff, sizeof(message));
	if (vs_wire_decode(&message, data, size))
		check_refused(&message);
	else
		check_taken(&message, data, size);
	require(vs_wire_type_name(message.type) && vs_wire_status_name(message.status));
	return 0;
}
