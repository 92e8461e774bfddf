// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encodes and decodes the six messages.  Pure.
 *
 * vs_wire_decode() is the one door for what the other side has written: what it
 * lets in, everything behind it trusts.  A message has one encoding only: what is
 * let in encodes to the same bytes again.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <asm/byteorder.h>

#include "vs_message.h"
#include "vs_wire.h"

#define TEXT_ALIGN	8	/* a term's text is padded with zeroes to a multiple of it */

/**
 * struct wire_type - what a type of message is made of
 * @name: as design and documents write it
 * @size: bytes of the fixed part; no message of this type is shorter
 * @answer: may carry another status than OK
 * @terms: terms may follow the fixed part
 */
struct wire_type {
	const char *name;
	u16 size;
	bool answer;
	bool terms;
};

static const struct wire_type types[VS_WIRE_TYPES] = {
	[VS_WIRE_INITIALIZE] = {
		"INITIALIZE", sizeof(struct vs_wire_initialize), false, true
	},
	[VS_WIRE_INITIALIZE_COMPLETE] = {
		"INITIALIZE_COMPLETE", sizeof(struct vs_wire_initialize_complete), true, true
	},
	[VS_WIRE_REQUEST] = {
		"REQUEST_BANDWIDTH", sizeof(struct vs_wire_request), false, true
	},
	[VS_WIRE_REQUEST_COMPLETE] = {
		"REQUEST_BANDWIDTH_COMPLETE", sizeof(struct vs_wire_request_complete), true, true
	},
	[VS_WIRE_START] = {
		"START", sizeof(struct vs_wire_start), false, false
	},
	[VS_WIRE_START_COMPLETE] = {
		"START_COMPLETE", sizeof(struct vs_wire_start_complete), true, false
	},
};

static const char * const status_names[VS_STATUSES] = {
	[VS_STATUS_OK] = "ok",
	[VS_STATUS_MALFORMED] = "malformed",
	[VS_STATUS_UNEXPECTED] = "unexpected",
	[VS_STATUS_VERSION] = "version",
	[VS_STATUS_EPOCH] = "epoch",
	[VS_STATUS_EXPIRED] = "expired",
	[VS_STATUS_STALE] = "stale",
};

static const char * const reason_names[VS_REASONS] = {
	[VS_REASON_NONE] = "none",
	[VS_REASON_FIRST] = "first",
	[VS_REASON_NEED] = "need",
	[VS_REASON_RESUME] = "resume",
	[VS_REASON_RETRY] = "retry",
	[VS_REASON_CALLED] = "called",
	[VS_REASON_MISMATCH] = "mismatch",
	[VS_REASON_ADMIN] = "admin",
	[VS_REASON_MORE] = "more",
	[VS_REASON_CAPACITY] = "capacity",
	[VS_REASON_FALLBACK] = "fallback",
	[VS_REASON_WITHDRAWN] = "withdrawn",
	[VS_REASON_LIMIT] = "limit",
	[VS_REASON_POOL] = "pool",
	[VS_REASON_SOURCE] = "source",
	[VS_REASON_ROUNDS] = "rounds",
	[VS_REASON_CHANGED] = "changed",
	[VS_REASON_VIOLATED] = "violated",
	[VS_REASON_AGENT] = "agent",
};

static const char * const outcome_names[VS_OUTCOMES] = {
	[0] = "none",
	[VS_OUTCOME_OFFER] = "offer",
	[VS_OUTCOME_GRANT] = "grant",
	[VS_OUTCOME_DENY] = "deny",
	[VS_OUTCOME_RELEASED] = "released",
};

/* NULL for what is no type. The number may be the other side's. */
static const struct wire_type *find_type(u16 type)
{
	if (type >= VS_WIRE_TYPES)
		return NULL;
	type = array_index_nospec(type, VS_WIRE_TYPES);
	return types[type].name ? &types[type] : NULL;
}

static int get_header(struct vs_message *message, const void *bytes, size_t length)
{
	const struct wire_type *type;
	struct vs_wire_header wire;

	if (length < sizeof(wire) || length > VS_WIRE_MESSAGE_MAX)
		return -EMSGSIZE;
	memcpy(&wire, bytes, sizeof(wire));
	message->type = le16_to_cpu(wire.type);
	message->status = le32_to_cpu(wire.status);
	message->epoch = le64_to_cpu(wire.epoch);
	message->contract = le64_to_cpu(wire.contract);
	if (le16_to_cpu(wire.length) != length)
		return -EMSGSIZE;
	type = find_type(message->type);
	if (!type)
		return -EOPNOTSUPP;
	if (length < type->size)
		return -EMSGSIZE;
	if (message->status >= VS_STATUSES || (message->status && !type->answer))
		return -EPROTO;
	return 0;
}

static int get_initialize(struct vs_message *message, const void *bytes)
{
	struct vs_wire_initialize wire;

	memcpy(&wire, bytes, sizeof(wire));
	message->version_min = le16_to_cpu(wire.version_min);
	message->version_max = le16_to_cpu(wire.version_max);
	message->reason = le32_to_cpu(wire.reason);
	message->deadline_ms = le64_to_cpu(wire.deadline_ms);
	message->fallback = le64_to_cpu(wire.fallback);
	message->terms.count = le16_to_cpu(wire.count);
	if (wire.reserved[0] || wire.reserved[1] || wire.reserved[2])
		return -EPROTO;
	if (!message->version_min || message->version_min > message->version_max)
		return -EPROTO;
	/* The cap keeps every later conversion of the deadline from overflowing. */
	if (message->reason >= VS_REASONS || message->deadline_ms > U32_MAX)
		return -EPROTO;
	/* A fallback has a deadline, an id and terms, or it is none. */
	if (message->fallback && !message->deadline_ms)
		return -EPROTO;
	return !message->fallback == !message->terms.count ? 0 : -EPROTO;
}

static int get_initialize_complete(struct vs_message *message, const void *bytes)
{
	struct vs_wire_initialize_complete wire;

	memcpy(&wire, bytes, sizeof(wire));
	message->version_min = le16_to_cpu(wire.version);
	message->version_max = message->version_min;
	message->terms.count = le16_to_cpu(wire.count);
	if (wire.reserved)
		return -EPROTO;
	if (message->status)
		return message->terms.count ? -EPROTO : 0;
	if (!message->version_min)
		return -EPROTO;
	/* The terms are those of the contract in force, complete or absent with it. */
	return !message->contract == !message->terms.count ? 0 : -EPROTO;
}

static int get_request(struct vs_message *message, const void *bytes)
{
	struct vs_wire_request wire;

	memcpy(&wire, bytes, sizeof(wire));
	message->flags = le32_to_cpu(wire.flags);
	message->terms.count = le16_to_cpu(wire.count);
	if (wire.reserved || message->flags & ~(u32)VS_REQUEST_FLAGS)
		return -EPROTO;
	if (message->terms.count)
		return message->flags & VS_REQUEST_KEEP ? -EPROTO : 0;
	/* Without terms: keeps a contract, or gives it back. */
	if (message->flags == VS_REQUEST_KEEP)
		return message->contract ? 0 : -EPROTO;
	return message->flags ? -EPROTO : 0;
}

/* A field that the outcome does not have is 0. */
static int check_outcome(const struct vs_message *message)
{
	bool grant = message->outcome == VS_OUTCOME_GRANT;
	bool deny = message->outcome == VS_OUTCOME_DENY;
	bool offer = message->outcome == VS_OUTCOME_OFFER;

	if (message->outcome >= VS_OUTCOMES || message->reason >= VS_REASONS)
		return -EPROTO;
	/* An outcome is what an answer that is no error has. */
	if (!message->outcome != !!message->status)
		return -EPROTO;
	if (!message->granted == grant || (message->lease_ms && !grant))
		return -EPROTO;
	if (!deny && (message->reason || message->retry_ms || message->term))
		return -EPROTO;
	if ((grant || offer) && !message->terms.count)
		return -EPROTO;
	return !(grant || offer || deny) && message->terms.count ? -EPROTO : 0;
}

static int get_request_complete(struct vs_message *message, const void *bytes)
{
	struct vs_wire_request_complete wire;

	memcpy(&wire, bytes, sizeof(wire));
	message->outcome = le32_to_cpu(wire.outcome);
	message->reason = le32_to_cpu(wire.reason);
	message->granted = le64_to_cpu(wire.granted);
	message->lease_ms = le32_to_cpu(wire.lease_ms);
	message->retry_ms = le32_to_cpu(wire.retry_ms);
	message->term = le16_to_cpu(wire.term);
	message->terms.count = le16_to_cpu(wire.count);
	return wire.reserved ? -EPROTO : check_outcome(message);
}

static int get_body(struct vs_message *message, const void *bytes)
{
	switch (message->type) {
	case VS_WIRE_INITIALIZE:
		return get_initialize(message, bytes);
	case VS_WIRE_INITIALIZE_COMPLETE:
		return get_initialize_complete(message, bytes);
	case VS_WIRE_REQUEST:
		return get_request(message, bytes);
	case VS_WIRE_REQUEST_COMPLETE:
		return get_request_complete(message, bytes);
	case VS_WIRE_START:
		return message->contract ? 0 : -EPROTO;
	default: /* START_COMPLETE: once started, there is a contract in force */
		return message->status || message->contract ? 0 : -EPROTO;
	}
}

static int check_term(const struct vs_term *term, u16 previous, bool ask)
{
	if (term->id <= previous || (term->demand && !ask))
		return -EBADMSG;
	if (term->length && term->kind != VS_KIND_IDENTITY)
		return -EBADMSG;
	switch (term->kind) {
	case VS_KIND_RATE:
	case VS_KIND_SPACE:
	case VS_KIND_LEVEL:
		return term->low <= term->high ? 0 : -EBADMSG;
	case VS_KIND_SET:
		return term->low & ~term->high ? -EBADMSG : 0;
	case VS_KIND_IDENTITY:
		if (term->low || term->high || term->demand)
			return -EBADMSG;
		return vs_terms_text_valid(term->text, term->length) ? 0 : -EILSEQ;
	default:
		return -EBADMSG;
	}
}

/* Returns the bytes that the term takes, or an errno. */
static int get_term(struct vs_term *term, const void *bytes, size_t left)
{
	struct vs_wire_term wire;
	size_t size;

	if (left < sizeof(wire))
		return -EMSGSIZE;
	memcpy(&wire, bytes, sizeof(wire));
	if (wire.length > VS_WIRE_TEXT_MAX || wire.reserved)
		return -EBADMSG;
	size = sizeof(wire) + round_up(wire.length, TEXT_ALIGN);
	if (left < size)
		return -EMSGSIZE;
	term->id = le16_to_cpu(wire.id);
	term->kind = wire.kind;
	term->length = wire.length;
	term->low = le64_to_cpu(wire.low);
	term->high = le64_to_cpu(wire.high);
	term->demand = le64_to_cpu(wire.demand);
	bytes += sizeof(wire);
	size -= sizeof(wire);
	memcpy(term->text, bytes, wire.length);
	if (memchr_inv(bytes + wire.length, 0, size - wire.length))
		return -EBADMSG;
	return sizeof(wire) + size;
}

static int get_terms(struct vs_message *message, const void *bytes, size_t left)
{
	struct vs_terms *terms = &message->terms;
	u16 previous = 0;

	if (terms->count > VS_WIRE_TERMS_MAX)
		return -EOVERFLOW;
	for (u32 i = 0; i < terms->count; i++) {
		struct vs_term *term = &terms->term[i];
		int size = get_term(term, bytes, left);
		int error;

		if (size < 0)
			return size;
		error = check_term(term, previous, message->type == VS_WIRE_REQUEST);
		if (error)
			return error;
		previous = term->id;
		bytes += size;
		left -= size;
	}
	return left ? -EMSGSIZE : 0;
}

/**
 * vs_wire_decode() - take in a message of the other side
 * @message: filled; fields and terms that the type does not have are 0
 * @bytes: a private copy that nobody else can change; of any alignment
 * @length: bytes of @bytes, as the ring tells
 *
 * Every field is checked against its own range and against the others of the
 * message. What only a class or a session can know is not: see
 * vs_terms_check_ask() and vs_terms_check_grant(). An answer with an error status
 * has no terms and no outcome.
 *
 * Context: any.
 * Return: 0; -EMSGSIZE: too short, too long, a length that is not what came, a term
 * that is not all inside, bytes behind the last one; -EOPNOTSUPP: unknown type;
 * -EOVERFLOW: too many terms; -EPROTO: a field of the message out of range;
 * -EBADMSG: one of a term; -EILSEQ: a text with a character that is not allowed.
 * After an error @message holds type, status, epoch and contract as they came,
 * unchecked, if a whole header was there; all else is 0.
 */
int vs_wire_decode(struct vs_message *message, const void *bytes, size_t length)
{
	int error;

	memset(message, 0, sizeof(*message));
	error = get_header(message, bytes, length);
	if (error)
		return error;
	error = get_body(message, bytes);
	if (!error) {
		size_t size = types[message->type].size;

		error = get_terms(message, bytes + size, length - size);
	}
	if (error)
		memset_startat(message, 0, version_min);
	return error;
}
EXPORT_SYMBOL_GPL(vs_wire_decode);

static size_t term_size(const struct vs_term *term)
{
	return sizeof(struct vs_wire_term) + round_up(term->length, TEXT_ALIGN);
}

/* Bytes of the encoded message, 0 for one that cannot be encoded. */
static size_t message_size(const struct vs_message *message)
{
	const struct wire_type *type = find_type(message->type);
	size_t size;

	if (!type || message->terms.count > VS_WIRE_TERMS_MAX)
		return 0;
	if (!type->terms)
		return message->terms.count ? 0 : type->size;
	size = type->size;
	for (u32 i = 0; i < message->terms.count; i++) {
		if (message->terms.term[i].length > VS_WIRE_TEXT_MAX)
			return 0;
		size += term_size(&message->terms.term[i]);
	}
	return size;
}

static struct vs_wire_header put_header(const struct vs_message *message, size_t length)
{
	return (struct vs_wire_header) {
		.type = cpu_to_le16(message->type),
		.length = cpu_to_le16(length),
		.status = cpu_to_le32(message->status),
		.epoch = cpu_to_le64(message->epoch),
		.contract = cpu_to_le64(message->contract),
	};
}

static void put_initialize(const struct vs_message *message, void *bytes, size_t length)
{
	const struct vs_wire_initialize wire = {
		.header = put_header(message, length),
		.version_min = cpu_to_le16(message->version_min),
		.version_max = cpu_to_le16(message->version_max),
		.reason = cpu_to_le32(message->reason),
		.deadline_ms = cpu_to_le64(message->deadline_ms),
		.fallback = cpu_to_le64(message->fallback),
		.count = cpu_to_le16(message->terms.count),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

static void put_initialize_complete(const struct vs_message *message, void *bytes, size_t length)
{
	const struct vs_wire_initialize_complete wire = {
		.header = put_header(message, length),
		.version = cpu_to_le16(message->version_max),
		.count = cpu_to_le16(message->terms.count),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

static void put_request(const struct vs_message *message, void *bytes, size_t length)
{
	const struct vs_wire_request wire = {
		.header = put_header(message, length),
		.flags = cpu_to_le32(message->flags),
		.count = cpu_to_le16(message->terms.count),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

static void put_request_complete(const struct vs_message *message, void *bytes, size_t length)
{
	const struct vs_wire_request_complete wire = {
		.header = put_header(message, length),
		.outcome = cpu_to_le32(message->outcome),
		.reason = cpu_to_le32(message->reason),
		.granted = cpu_to_le64(message->granted),
		.lease_ms = cpu_to_le32(message->lease_ms),
		.retry_ms = cpu_to_le32(message->retry_ms),
		.term = cpu_to_le16(message->term),
		.count = cpu_to_le16(message->terms.count),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

static void put_term(const struct vs_term *term, void *bytes)
{
	const struct vs_wire_term wire = {
		.id = cpu_to_le16(term->id),
		.kind = term->kind,
		.length = term->length,
		.low = cpu_to_le64(term->low),
		.high = cpu_to_le64(term->high),
		.demand = cpu_to_le64(term->demand),
	};

	memcpy(bytes, &wire, sizeof(wire));
	memcpy(bytes + sizeof(wire), term->text, term->length);
	memset(bytes + sizeof(wire) + term->length, 0,
	       term_size(term) - sizeof(wire) - term->length);
}

/**
 * vs_wire_encode() - lay out a message for the other side
 * @message: what to say; fields that the type does not have are not looked at
 * @bytes: of any alignment; nothing behind the message is written
 * @size: room in @bytes
 *
 * Ranges are not checked here: that is the receiver's door.
 *
 * Context: any.
 * Return: bytes of the message, 0 if it does not fit, the type is unknown or the
 * terms are more or longer than a message of the type can carry.
 */
size_t vs_wire_encode(const struct vs_message *message, void *bytes, size_t size)
{
	size_t length = message_size(message);

	if (!length || length > size)
		return 0;
	switch (message->type) {
	case VS_WIRE_INITIALIZE:
		put_initialize(message, bytes, length);
		break;
	case VS_WIRE_INITIALIZE_COMPLETE:
		put_initialize_complete(message, bytes, length);
		break;
	case VS_WIRE_REQUEST:
		put_request(message, bytes, length);
		break;
	case VS_WIRE_REQUEST_COMPLETE:
		put_request_complete(message, bytes, length);
		break;
	default: { /* START and its COMPLETE are a header */
		const struct vs_wire_header wire = put_header(message, length);

		memcpy(bytes, &wire, sizeof(wire));
	}
	}
	bytes += types[message->type].size;
	for (u32 i = 0; i < message->terms.count; i++) {
		put_term(&message->terms.term[i], bytes);
		bytes += term_size(&message->terms.term[i]);
	}
	return length;
}
EXPORT_SYMBOL_GPL(vs_wire_encode);

/**
 * vs_wire_type_name() - the name of a type of message
 * @type: any value
 *
 * Return: a name as documents write it, "?" out of range.
 */
const char *vs_wire_type_name(u16 type)
{
	const struct wire_type *found = find_type(type);

	return found ? found->name : "?";
}
EXPORT_SYMBOL_GPL(vs_wire_type_name);

/**
 * vs_wire_status_name() - the name of a status
 * @status: any value
 *
 * Return: a name, "?" out of range.
 */
const char *vs_wire_status_name(u32 status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "?";
}
EXPORT_SYMBOL_GPL(vs_wire_status_name);

/**
 * vs_wire_reason_name() - the name of a reason
 * @reason: any value
 *
 * Return: a name, "?" out of range.
 */
const char *vs_wire_reason_name(u32 reason)
{
	return reason < ARRAY_SIZE(reason_names) ? reason_names[reason] : "?";
}
EXPORT_SYMBOL_GPL(vs_wire_reason_name);

/**
 * vs_wire_outcome_name() - the name of an outcome
 * @outcome: any value; 0 is "none"
 *
 * Return: a name, "?" out of range.
 */
const char *vs_wire_outcome_name(u32 outcome)
{
	return outcome < ARRAY_SIZE(outcome_names) ? outcome_names[outcome] : "?";
}
EXPORT_SYMBOL_GPL(vs_wire_outcome_name);
