/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crosses the channel: the message header, the six messages and the terms that
 * they carry; the config space is in vs_config.h.  All fields little-endian, no holes.
 *
 * struct vs_wire_header and the INITIALIZE pair never change their layout in
 * any later version; all else may change with the version that the INITIALIZE
 * pair has agreed on.
 */
#ifndef VS_WIRE_H
#define VS_WIRE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

#include "vs_limits.h"

#define VS_WIRE_VERSION_MIN	1
#define VS_WIRE_VERSION_MAX	1

enum vs_wire_type {
	VS_WIRE_INITIALIZE		= 1,
	VS_WIRE_INITIALIZE_COMPLETE	= 2,
	VS_WIRE_REQUEST			= 3,	/* REQUEST_BANDWIDTH */
	VS_WIRE_REQUEST_COMPLETE	= 4,
	VS_WIRE_START			= 5,
	VS_WIRE_START_COMPLETE		= 6,
	VS_WIRE_TYPES
};

/* Status of an answer; VS_STATUS_OK in everything that is not an answer. */
enum vs_wire_status {
	VS_STATUS_OK		= 0,
	VS_STATUS_MALFORMED	= 1,	/* length, counts or a field out of range */
	VS_STATUS_UNEXPECTED	= 2,	/* well formed, not in this state */
	VS_STATUS_VERSION	= 3,	/* the ranges of versions do not meet */
	VS_STATUS_EPOCH		= 4,	/* of an epoch that is not the current one */
	VS_STATUS_EXPIRED	= 5,	/* START: the lease of this grant ran out */
	VS_STATUS_STALE		= 6,	/* START: this contract was replaced since */
	VS_STATUSES
};

/* Why a party calls, and why an ask was denied. */
enum vs_wire_reason {
	VS_REASON_NONE		= 0,
	VS_REASON_FIRST		= 1,	/* a new driver begins */
	VS_REASON_NEED		= 2,	/* the client needs something else */
	VS_REASON_RESUME	= 3,	/* the client's machine was suspended */
	VS_REASON_RETRY		= 4,	/* after a time-out, an error or a denial */
	VS_REASON_CALLED	= 5,	/* answers the provider's call */
	VS_REASON_MISMATCH	= 6,	/* the other side holds another contract */
	VS_REASON_ADMIN		= 7,	/* the provider's administrator asks for it */
	VS_REASON_MORE		= 8,	/* there is more than when it was denied */
	VS_REASON_CAPACITY	= 9,	/* the pool's capacity has changed */
	VS_REASON_FALLBACK	= 10,	/* a fallback has come into force */
	VS_REASON_WITHDRAWN	= 11,	/* the contract is or was withdrawn */
	VS_REASON_LIMIT		= 12,	/* denied: above the service's limit */
	VS_REASON_POOL		= 13,	/* denied: the pool has no more to give */
	VS_REASON_SOURCE	= 14,	/* the source has changed, is gone, cannot or has failed */
	VS_REASON_ROUNDS	= 15,	/* denied: too many rounds, or unstarted grants */
	VS_REASON_CHANGED	= 16,	/* denied: what is to be kept is not in force */
	VS_REASON_VIOLATED	= 17,	/* the client's floor is not kept */
	VS_REASON_AGENT		= 18,	/* denied: who would enforce it does not accept it */
	VS_REASONS
};

struct vs_wire_header {
	__le16 type;		/* enum vs_wire_type */
	__le16 length;		/* bytes of the whole message */
	__le32 status;		/* enum vs_wire_status */
	__le64 epoch;		/* as the VSC opened it */
	__le64 contract;	/* in an answer: the id in force, 0 if none */
};

static_assert(sizeof(struct vs_wire_header) == 24);

/*
 * A term: id, kind and a range, followed by length bytes of text padded with
 * zeroes to a multiple of 8 (IDENTITY only).  What low and high mean:
 *
 *	kind		ask			offer, limit		grant
 *	RATE		floor, ceiling		most of each		floor, ceiling
 *	SPACE, LEVEL	min, max		min, max		low == high
 *	SET		required, wanted	0, allowed		low == high
 *	IDENTITY	text: a wish, or empty	text, or empty: any	text
 *
 * demand: what the asking side uses now, in the term's unit (asks only, else 0).
 */
struct vs_wire_term {
	__le16 id;
	__u8 kind;		/* enum vs_kind */
	__u8 length;		/* of the text, 0..VS_WIRE_TEXT_MAX */
	__le32 reserved;	/* 0 */
	__le64 low;
	__le64 high;
	__le64 demand;
};

static_assert(sizeof(struct vs_wire_term) == 32);
static_assert(offsetof(struct vs_wire_term, low) == 8);

/* Both directions.  From the VSC: no deadline, no fallback, no terms. */
struct vs_wire_initialize {
	struct vs_wire_header header;
	__le16 version_min;
	__le16 version_max;
	__le32 reason;
	__le64 deadline_ms;	/* from the moment it was written; 0: no deadline */
	__le64 fallback;	/* contract in force at the deadline; 0: none (withdrawal) */
	__le16 count;		/* terms of the fallback */
	__le16 reserved[3];	/* 0 */
	/* struct vs_wire_term [count] */
};

static_assert(sizeof(struct vs_wire_initialize) == 56);

struct vs_wire_initialize_complete {
	struct vs_wire_header header;
	__le16 version;		/* chosen */
	__le16 count;		/* terms of the contract in force */
	__le32 reserved;	/* 0 */
	/* struct vs_wire_term [count] */
};

static_assert(sizeof(struct vs_wire_initialize_complete) == 32);

/* Flags of a REQUEST_BANDWIDTH. */
#define VS_REQUEST_ALL		BIT(0)	/* grant it if all of it is there */
#define VS_REQUEST_CHOICE	BIT(1)	/* chosen from the last offer of this epoch */
#define VS_REQUEST_KEEP		BIT(2)	/* keep header.contract; carries no terms */
#define VS_REQUEST_FLAGS	(VS_REQUEST_ALL | VS_REQUEST_CHOICE | VS_REQUEST_KEEP)

/* No terms and no KEEP: gives the contract back. */
struct vs_wire_request {
	struct vs_wire_header header;
	__le32 flags;
	__le16 count;
	__le16 reserved;	/* 0 */
	/* struct vs_wire_term [count] */
};

static_assert(sizeof(struct vs_wire_request) == 32);

enum vs_wire_outcome {
	VS_OUTCOME_OFFER	= 1,	/* terms: what is available */
	VS_OUTCOME_GRANT	= 2,	/* terms: granted; contract: its id */
	VS_OUTCOME_DENY		= 3,	/* terms: what is available */
	VS_OUTCOME_RELEASED	= 4,	/* the contract is given back; no terms */
	VS_OUTCOMES
};

struct vs_wire_request_complete {
	struct vs_wire_header header;
	__le32 outcome;
	__le32 reason;		/* of a denial */
	__le64 granted;		/* id of the grant, else 0 */
	__le32 lease_ms;	/* of the grant: START must arrive within */
	__le32 retry_ms;	/* of a denial: ask again after; 0: wait for a call */
	__le16 term;		/* of a denial: the first term that is short, else 0 */
	__le16 count;
	__le32 reserved;	/* 0 */
	/* struct vs_wire_term [count] */
};

static_assert(sizeof(struct vs_wire_request_complete) == 56);

/* header.contract: the grant to start. */
struct vs_wire_start {
	struct vs_wire_header header;
};

struct vs_wire_start_complete {
	struct vs_wire_header header;
};

static_assert(sizeof(struct vs_wire_request_complete) +
	      VS_WIRE_TERMS_MAX * (sizeof(struct vs_wire_term) + VS_WIRE_TEXT_MAX) <=
	      VS_WIRE_MESSAGE_MAX);

#endif
