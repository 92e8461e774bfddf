/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Terms in memory, and their algebra: ask, offer, choose, grant, deny, keep.
 * All of it is pure: no allocation, no lock, no time, no I/O.
 */
#ifndef VS_TERMS_H
#define VS_TERMS_H

#include <linux/types.h>

#include "vs_limits.h"

struct vs_class_spec;
struct vs_term_spec;

/* The five kinds of terms; the numbers are those on the wire. */
enum vs_kind {
	VS_KIND_RATE		= 1,
	VS_KIND_SPACE		= 2,
	VS_KIND_LEVEL		= 3,
	VS_KIND_SET		= 4,
	VS_KIND_IDENTITY	= 5,
	VS_KINDS
};

/**
 * struct vs_term - one term, in host byte order
 * @id: of the class; 1 and up
 * @kind: enum vs_kind
 * @length: bytes of @text in use (IDENTITY only, else 0)
 * @low: floor, min or required bits
 * @high: ceiling, max or wanted bits; see struct vs_wire_term
 * @demand: what the asking side uses now; 0 if it is not an ask
 * @text: of an IDENTITY; zeroes after @length
 */
struct vs_term {
	u16 id;
	u8 kind;
	u8 length;
	u64 low;
	u64 high;
	u64 demand;
	char text[VS_WIRE_TEXT_MAX];
};

/**
 * struct vs_terms - all terms of an ask, offer, limit or contract
 * @count: entries of @term in use
 * @term: in the order of the class's table; a complete set has every term of
 *	the class, entry i being the class's term i
 *
 * Too large for the stack (2 KiB): lives in the objects that own it.
 */
struct vs_terms {
	u32 count;
	struct vs_term term[VS_WIRE_TERMS_MAX];
};

/* channel/terms.c */
bool vs_terms_text_valid(const char *text, size_t length);
bool vs_terms_identity_valid(const struct vs_term_spec *spec, const char *text, size_t length);
const struct vs_term *vs_terms_find(const struct vs_terms *terms, u16 id);
bool vs_terms_equal(const struct vs_terms *a, const struct vs_terms *b);
u64 vs_terms_charge(const struct vs_class_spec *spec, const struct vs_terms *terms, u32 index);
int vs_terms_check_ask(const struct vs_class_spec *spec, const struct vs_terms *ask);
int vs_terms_check_grant(const struct vs_class_spec *spec, const struct vs_terms *grant);
void vs_terms_offer(const struct vs_class_spec *spec, const struct vs_terms *limits,
		    const u64 *free, const u64 *capacity, struct vs_terms *offer);
int vs_terms_grant(const struct vs_class_spec *spec, const struct vs_terms *ask,
		   const struct vs_terms *offer, struct vs_terms *grant, u16 *denied);
int vs_terms_choose(const struct vs_class_spec *spec, const struct vs_terms *wish,
		    const struct vs_terms *offer, struct vs_terms *choice, u16 *denied);
void vs_terms_clamp(const struct vs_class_spec *spec, const struct vs_terms *terms,
		    const struct vs_terms *offer, struct vs_terms *clamped);
bool vs_terms_possible(const struct vs_class_spec *spec, const struct vs_terms *limits);
void vs_terms_unlimited(const struct vs_class_spec *spec, struct vs_terms *terms);

#endif
