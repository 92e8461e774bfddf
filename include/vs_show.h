/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How sysfs shows the terms of a contract, on either side: one file a value, and a line for each
 * term in contract/summary.
 */
#ifndef VS_SHOW_H
#define VS_SHOW_H

#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/types.h>

struct attribute;
struct vs_term;
struct vs_term_spec;
struct vs_terms;

/* Sets of terms that are shown */
enum vs_show_set {
	VS_SHOW_ASKED,
	VS_SHOW_OFFERED,
	VS_SHOW_GRANTED,
	VS_SHOW_IN_FORCE,
	VS_SHOW_SETS
};

/*
 * Bytes of contract/summary that are left to its lines in front of the terms. These are ten at
 * most, and short but for the client's result, with two values of a term. That the terms of each
 * class leave it is tested in kunit/channel/show_kunit.c.
 */
#define VS_SHOW_HEAD_MAX	1024
#define VS_SHOW_VALUE_MAX	128	/* of a number, or of all words of a SET */

static_assert(2 * VS_SHOW_VALUE_MAX < VS_SHOW_HEAD_MAX / 2 && VS_SHOW_HEAD_MAX < PAGE_SIZE);

/**
 * struct vs_show_sides - what the two values of a term are called, behind its name
 * @low: NULL: there is only one, the high one
 * @high: "": has the term's own name
 */
struct vs_show_sides {
	const char *low;
	const char *high;
};

/* channel/show.c */
const struct vs_show_sides *vs_show_sides(const struct vs_term_spec *spec, enum vs_show_set set);
void vs_show_name(const struct vs_term_spec *spec, enum vs_show_set set, const char *side,
		  char *to, size_t size);
ssize_t vs_show_value(const struct vs_term_spec *spec, const struct vs_term *term, bool low,
		      char separator, char *page, ssize_t at);
ssize_t vs_show_term(const struct vs_term_spec *spec, u32 index,
		     const struct vs_terms * const *sets, const u64 *used, char *page, ssize_t at);
ssize_t vs_show_counter(const struct attribute *attribute, const char *value, ssize_t length,
			char *page, ssize_t at);

#endif
