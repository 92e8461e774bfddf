// SPDX-License-Identifier: GPL-2.0-only
/*
 * The algebra of terms: ask, offer, choose, grant, deny, keep.  Pure.
 *
 * What low and high of a term mean stands at struct vs_wire_term.  But for the
 * checks, every set that comes in is complete and was checked before: an ask by
 * vs_terms_check_ask(), a contract by vs_terms_check_grant(), and an offer was
 * made by vs_terms_offer() or came through vs_wire_decode() and the former.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_terms.h"

/* A complete set of the class, with all values 0. */
static void begin_set(const struct vs_class_spec *spec, struct vs_terms *set)
{
	memset(set, 0, sizeof(*set));
	set->count = spec->count;
	for (u32 i = 0; i < spec->count; i++) {
		set->term[i].id = spec->term[i].id;
		set->term[i].kind = spec->term[i].kind;
	}
}

static void copy_text(struct vs_term *to, const struct vs_term *from)
{
	to->length = from->length;
	memcpy(to->text, from->text, sizeof(to->text));
}

static bool same_text(const struct vs_term *a, const struct vs_term *b)
{
	return a->length == b->length && !memcmp(a->text, b->text, a->length);
}

/* The highest value of a SPACE or LEVEL, 0 included, that is not above @value. */
static u64 round_value(const struct vs_term_spec *spec, u64 value)
{
	u64 rest;

	if (spec->step) {
		div64_u64_rem(value, spec->step, &rest);
		return value - rest;
	}
	if (spec->kind == VS_KIND_LEVEL && value)
		return 1ULL << (fls64(value) - 1);
	return value;
}

/* Can a SPACE or LEVEL have this value? */
static bool valid_value(const struct vs_term_spec *spec, u64 value)
{
	if (value < spec->lowest || value > spec->highest)
		return false;
	if (!value && !spec->step && spec->kind == VS_KIND_LEVEL)
		return false;	/* no power of two */
	return round_value(spec, value) == value;
}

/* The highest value that a SPACE or LEVEL can have within low..high. */
static bool best_value(const struct vs_term_spec *spec, u64 low, u64 high, u64 *value)
{
	*value = round_value(spec, min(high, spec->highest));
	return *value >= low && valid_value(spec, *value);
}

/**
 * vs_terms_text_valid() - the one rule for the text of an IDENTITY
 * @text: need not end in a zero
 * @length: bytes of @text
 *
 * At most VS_WIRE_TEXT_MAX printable characters of ASCII, without space and '/':
 * a text can stand in a log line, an attribute and a file name as it is.
 *
 * Context: any.
 * Return: whether @text follows it; the empty text does.
 */
bool vs_terms_text_valid(const char *text, size_t length)
{
	if (length > VS_WIRE_TEXT_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '/')
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(vs_terms_text_valid);

/**
 * vs_terms_identity_valid() - may an IDENTITY have this text?
 * @spec: the term
 * @text: need not end in a zero
 * @length: bytes of @text
 *
 * Context: any.
 * Return: whether vs_terms_text_valid() and the term's class allow it; the empty text is allowed.
 */
bool vs_terms_identity_valid(const struct vs_term_spec *spec, const char *text, size_t length)
{
	if (!vs_terms_text_valid(text, length))
		return false;
	if (spec->length && length && length != spec->length)
		return false;
	for (size_t i = 0; spec->characters && i < length; i++)
		if (!strchr(spec->characters, text[i]))
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(vs_terms_identity_valid);

/**
 * vs_terms_find() - a term by its id
 * @terms: complete or not
 * @id: of the class
 *
 * Context: any.
 * Return: the term, or NULL.
 */
const struct vs_term *vs_terms_find(const struct vs_terms *terms, u16 id)
{
	for (u32 i = 0; i < terms->count; i++)
		if (terms->term[i].id == id)
			return &terms->term[i];
	return NULL;
}
EXPORT_SYMBOL_GPL(vs_terms_find);

/**
 * vs_terms_equal() - do two sets say the same?
 * @a: one
 * @b: other
 *
 * Context: any.
 * Return: whether they do; demand is not compared.
 */
bool vs_terms_equal(const struct vs_terms *a, const struct vs_terms *b)
{
	if (a->count != b->count)
		return false;
	for (u32 i = 0; i < a->count; i++) {
		const struct vs_term *s = &a->term[i];
		const struct vs_term *t = &b->term[i];

		if (s->id != t->id || s->kind != t->kind)
			return false;
		if (s->low != t->low || s->high != t->high || !same_text(s, t))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(vs_terms_equal);

/**
 * vs_terms_charge() - what a contract takes from its pool
 * @spec: the class
 * @terms: a contract, or an empty set
 * @index: of the term in the class's table
 *
 * Context: any.
 * Return: the floor of a RATE, the whole of a SPACE, else 0; in the term's unit.
 */
u64 vs_terms_charge(const struct vs_class_spec *spec, const struct vs_terms *terms, u32 index)
{
	if (index >= spec->count || index >= terms->count)
		return 0;
	switch (spec->term[index].kind) {
	case VS_KIND_RATE:
		return terms->term[index].low;
	case VS_KIND_SPACE:
		return terms->term[index].high;
	default:
		return 0;
	}
}
EXPORT_SYMBOL_GPL(vs_terms_charge);

static bool check_ask_term(const struct vs_term_spec *spec, const struct vs_term *term)
{
	switch (spec->kind) {
	case VS_KIND_SET:
		return !(term->low & ~term->high) && !(term->high & ~spec->highest);
	case VS_KIND_IDENTITY:
		return !term->low && !term->high;
	default:
		return term->low <= term->high && term->high <= spec->highest;
	}
}

static bool check_grant_term(const struct vs_term_spec *spec, const struct vs_term *term)
{
	if (term->demand)
		return false;
	switch (spec->kind) {
	case VS_KIND_RATE:
		return term->low <= term->high && term->high >= spec->lowest &&
			term->high <= spec->highest;
	case VS_KIND_SET:
		return term->low == term->high && !(term->high & ~spec->highest);
	case VS_KIND_IDENTITY:
		return !term->low && !term->high;
	default:
		return term->low == term->high && valid_value(spec, term->high);
	}
}

typedef bool (*check_fn)(const struct vs_term_spec *spec, const struct vs_term *term);

static int check_set(const struct vs_class_spec *spec, const struct vs_terms *set, check_fn check)
{
	if (set->count != spec->count)
		return -EINVAL;
	for (u32 i = 0; i < spec->count; i++) {
		const struct vs_term *term = &set->term[i];

		if (term->id != spec->term[i].id || term->kind != spec->term[i].kind)
			return -EINVAL;
		if (term->length && term->kind != VS_KIND_IDENTITY)
			return -EINVAL;
		if (!vs_terms_identity_valid(&spec->term[i], term->text, term->length))
			return -EINVAL;
		if (!check(&spec->term[i], term))
			return -ERANGE;
	}
	return 0;
}

/**
 * vs_terms_check_ask() - may a class take this for an ask, or for an offer?
 * @spec: the class
 * @ask: any well-formed set
 *
 * Context: any.
 * Return: 0; -EINVAL: not exactly the terms of the class, in its order; -ERANGE: a range whose low
 * is above its high, or that goes beyond the class's own.
 */
int vs_terms_check_ask(const struct vs_class_spec *spec, const struct vs_terms *ask)
{
	return check_set(spec, ask, check_ask_term);
}
EXPORT_SYMBOL_GPL(vs_terms_check_ask);

/**
 * vs_terms_check_grant() - may a class take this for a contract?
 * @spec: the class
 * @grant: any well-formed set
 *
 * Context: any.
 * Return: 0; -EINVAL: not exactly the terms of the class, in its order; -ERANGE: a
 * value that no contract of the class can have.
 */
int vs_terms_check_grant(const struct vs_class_spec *spec, const struct vs_terms *grant)
{
	return check_set(spec, grant, check_grant_term);
}
EXPORT_SYMBOL_GPL(vs_terms_check_grant);

static void offer_term(const struct vs_term_spec *spec, const struct vs_term *limit,
		       u64 free, u64 capacity, struct vs_term *offer)
{
	switch (spec->kind) {
	case VS_KIND_RATE:
		offer->high = min3(limit->high, capacity, spec->highest);
		offer->low = min3(limit->low, free, offer->high);
		break;
	case VS_KIND_SPACE:
		offer->high = round_value(spec, min3(limit->high, free, spec->highest));
		offer->low = limit->low;
		break;
	case VS_KIND_LEVEL:
		offer->high = min(limit->high, spec->highest);
		offer->low = max(limit->low, spec->lowest);
		break;
	case VS_KIND_SET:
		offer->high = limit->high & spec->highest;
		break;
	case VS_KIND_IDENTITY:
		copy_text(offer, limit);
		break;
	}
	if (offer->high < offer->low) {	/* nothing there */
		offer->low = 0;
		offer->high = 0;
	}
}

/**
 * vs_terms_offer() - what is available to a service now
 * @spec: the class
 * @limits: of the service, a complete set: what it may be granted at most
 * @free: per term of the class: what may still be charged to the pool for this
 *	service, what it is charged already included; of RATE and SPACE only
 * @capacity: per term of the class: of the pool; of RATE only
 * @offer: filled; another object than @limits
 *
 * The result never shows more of the pool than the service may have.
 *
 * Context: any.
 */
void vs_terms_offer(const struct vs_class_spec *spec, const struct vs_terms *limits,
		    const u64 *free, const u64 *capacity, struct vs_terms *offer)
{
	begin_set(spec, offer);
	for (u32 i = 0; i < spec->count; i++)
		offer_term(&spec->term[i], &limits->term[i], free[i], capacity[i],
			   &offer->term[i]);
}
EXPORT_SYMBOL_GPL(vs_terms_offer);

/* Grants one term, a RATE with this floor. Returns false if the offer is short. */
static bool grant_term(const struct vs_term_spec *spec, const struct vs_term *ask,
		       const struct vs_term *offer, u64 floor, struct vs_term *grant)
{
	u64 high = min(ask->high, offer->high);
	u64 value;

	switch (spec->kind) {
	case VS_KIND_RATE:
		grant->low = floor;
		grant->high = min(high, spec->highest);
		return floor <= offer->low && floor <= grant->high &&
			grant->high >= spec->lowest;
	case VS_KIND_SET:
		value = ask->high & offer->high & spec->highest;
		grant->low = value;
		grant->high = value;
		return !(ask->low & ~value);
	case VS_KIND_IDENTITY:
		copy_text(grant, ask->length ? ask : offer);
		return !offer->length || same_text(grant, offer) ||
			spec->flags & VS_TERM_SUGGESTED;
	default:
		if (!best_value(spec, max(ask->low, offer->low), high, &value))
			return false;
		grant->low = value;
		grant->high = value;
		return true;
	}
}

/**
 * vs_terms_grant() - grant an ask, all of it or nothing
 * @spec: the class
 * @ask: what the client asks for
 * @offer: what is available to it now
 * @grant: the contract's terms; zeroed on a denial; another object than the others
 * @denied: id of the first term that is short; 0 if none is
 *
 * Context: any.
 * Return: 0, or -ENOSPC: denied.
 */
int vs_terms_grant(const struct vs_class_spec *spec, const struct vs_terms *ask,
		   const struct vs_terms *offer, struct vs_terms *grant, u16 *denied)
{
	*denied = 0;
	begin_set(spec, grant);
	for (u32 i = 0; i < spec->count; i++) {
		if (grant_term(&spec->term[i], &ask->term[i], &offer->term[i],
			       ask->term[i].low, &grant->term[i]))
			continue;
		*denied = spec->term[i].id;
		memset(grant, 0, sizeof(*grant));
		return -ENOSPC;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vs_terms_grant);

/**
 * vs_terms_choose() - choose from an offer
 * @spec: the class
 * @wish: least and most of each term, as an ask; a floor of 0 is no wish: as much
 *	as is offered is taken
 * @offer: what the provider has said is available
 * @choice: an ask that the same offer grants in full; zeroed if there is none;
 *	another object than the others
 * @denied: id of the first term that the offer does not cover; 0 if there is none
 *
 * Context: any.
 * Return: 0, or -ENOSPC: the offer is less than the least that is wished for.
 */
int vs_terms_choose(const struct vs_class_spec *spec, const struct vs_terms *wish,
		    const struct vs_terms *offer, struct vs_terms *choice, u16 *denied)
{
	*denied = 0;
	begin_set(spec, choice);
	for (u32 i = 0; i < spec->count; i++) {
		const struct vs_term *want = &wish->term[i];
		const struct vs_term *have = &offer->term[i];
		struct vs_term *term = &choice->term[i];
		u64 floor = want->low ? want->low : min(have->low, want->high);

		if (!grant_term(&spec->term[i], want, have, floor, term)) {
			*denied = spec->term[i].id;
			memset(choice, 0, sizeof(*choice));
			return -ENOSPC;
		}
		term->demand = want->demand;
		if (term->kind == VS_KIND_SET)
			term->low = want->low;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vs_terms_choose);

/* Brings one term of a contract into the offer. Returns false if that cannot be. */
static bool clamp_term(const struct vs_term_spec *spec, const struct vs_term *offer,
		       struct vs_term *term)
{
	u64 value = term->high;

	switch (spec->kind) {
	case VS_KIND_RATE:
		term->high = min(term->high, offer->high);
		term->low = min3(term->low, offer->low, term->high);
		return term->high >= spec->lowest;
	case VS_KIND_SET:
		value &= offer->high;
		break;
	case VS_KIND_IDENTITY:
		return true;
	case VS_KIND_SPACE:
		if (!(spec->flags & VS_TERM_KEPT) &&
		    !best_value(spec, 0, min(value, offer->high), &value))
			return false;
		break;
	default:
		if (!(spec->flags & VS_TERM_FIXED) &&
		    !best_value(spec, offer->low, min(value, offer->high), &value) &&
		    !best_value(spec, offer->low, offer->high, &value))
			return false;
		break;
	}
	term->low = value;
	term->high = value;
	return true;
}

/**
 * vs_terms_clamp() - the fallback of a contract
 * @spec: the class
 * @terms: the contract in force
 * @offer: what is available to the service now
 * @clamped: as much of @terms as @offer has; may be @terms. What is KEPT stays, as do
 *	a FIXED LEVEL and an IDENTITY, whatever the offer says of them. With no terms
 *	(count 0) if a term would have to go below what its class can use at all: then
 *	the fallback is a withdrawal
 *
 * Context: any.
 */
void vs_terms_clamp(const struct vs_class_spec *spec, const struct vs_terms *terms,
		    const struct vs_terms *offer, struct vs_terms *clamped)
{
	if (clamped != terms)
		*clamped = *terms;
	for (u32 i = 0; i < spec->count; i++) {
		if (clamp_term(&spec->term[i], &offer->term[i], &clamped->term[i]))
			continue;
		memset(clamped, 0, sizeof(*clamped));
		return;
	}
}
EXPORT_SYMBOL_GPL(vs_terms_clamp);

/**
 * vs_terms_possible() - could any contract be made within these limits?
 * @spec: the class
 * @limits: a complete set: what may be granted at most
 *
 * Context: any.
 * Return: false if a term has no value left that its class can use.
 */
bool vs_terms_possible(const struct vs_class_spec *spec, const struct vs_terms *limits)
{
	u64 value;

	for (u32 i = 0; i < spec->count; i++) {
		const struct vs_term_spec *term = &spec->term[i];
		const struct vs_term *limit = &limits->term[i];

		if (term->kind == VS_KIND_RATE && limit->high < term->lowest)
			return false;
		if ((term->kind == VS_KIND_SPACE || term->kind == VS_KIND_LEVEL) &&
		    !best_value(term, limit->low, limit->high, &value))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(vs_terms_possible);

/**
 * vs_terms_unlimited() - the ask of a client that takes what it can get
 * @spec: the class
 * @terms: filled: the least that the class can use, no floor, all that it knows
 *
 * Context: any.
 */
void vs_terms_unlimited(const struct vs_class_spec *spec, struct vs_terms *terms)
{
	begin_set(spec, terms);
	for (u32 i = 0; i < spec->count; i++) {
		const struct vs_term_spec *term = &spec->term[i];

		if (term->kind == VS_KIND_IDENTITY)
			continue;
		if (term->kind == VS_KIND_SPACE || term->kind == VS_KIND_LEVEL)
			terms->term[i].low = term->lowest;
		terms->term[i].high = term->highest;
	}
}
EXPORT_SYMBOL_GPL(vs_terms_unlimited);
