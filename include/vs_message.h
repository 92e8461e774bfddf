/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages as both sides handle them, and what turns them into bytes of the
 * channel and back.  All of it is pure: no allocation, no lock, no time, no I/O.
 */
#ifndef VS_MESSAGE_H
#define VS_MESSAGE_H

#include <linux/types.h>

#include "vs_terms.h"
#include "vs_wire.h"

/**
 * struct vs_message - one message, decoded or to be encoded
 * @type: enum vs_wire_type
 * @status: enum vs_wire_status
 * @epoch: as the VSC opened it
 * @contract: in an answer: the id in force; START, KEEP: the one that is meant
 * @version_min: INITIALIZE; in the COMPLETE the version chosen
 * @version_max: likewise
 * @reason: INITIALIZE, REQUEST_COMPLETE: enum vs_wire_reason
 * @deadline_ms: INITIALIZE
 * @fallback: INITIALIZE
 * @flags: REQUEST: VS_REQUEST_*
 * @outcome: REQUEST_COMPLETE: enum vs_wire_outcome
 * @granted: REQUEST_COMPLETE
 * @lease_ms: REQUEST_COMPLETE
 * @retry_ms: REQUEST_COMPLETE
 * @term: REQUEST_COMPLETE
 * @terms: all but START and its COMPLETE
 *
 * The fields that the type does not have are 0.  Names as in vs_wire.h.
 */
struct vs_message {
	u16 type;
	u32 status;
	u64 epoch;
	u64 contract;

	u16 version_min;
	u16 version_max;
	u32 reason;
	u64 deadline_ms;
	u64 fallback;
	u32 flags;
	u32 outcome;
	u64 granted;
	u32 lease_ms;
	u32 retry_ms;
	u16 term;

	struct vs_terms terms;
};

/* channel/wire.c */
int vs_wire_decode(struct vs_message *message, const void *bytes, size_t length);
size_t vs_wire_encode(const struct vs_message *message, void *bytes, size_t size);
const char *vs_wire_type_name(u16 type);
const char *vs_wire_status_name(u32 status);
const char *vs_wire_reason_name(u32 reason);
const char *vs_wire_outcome_name(u32 outcome);

#endif
