// SPDX-License-Identifier: GPL-2.0-only
/*
 * How sysfs shows the terms of a contract, on either side; see
 * Documentation/ABI/testing/{sysfs-bus-vdpa-vsp,sysfs-class-vsc}.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_show.h"
#include "vs_terms.h"
#include "vs_value.h"

/* In front of a term's name; the values in force have nothing there. */
static const char * const set_names[VS_SHOW_SETS] = {
	[VS_SHOW_ASKED] = "asked_",
	[VS_SHOW_OFFERED] = "offered_",
	[VS_SHOW_GRANTED] = "granted_",
	[VS_SHOW_IN_FORCE] = "",
};

static const char * const kind_names[VS_KINDS] = {
	[VS_KIND_RATE] = "rate",
	[VS_KIND_SPACE] = "space",
	[VS_KIND_LEVEL] = "level",
	[VS_KIND_SET] = "set",
	[VS_KIND_IDENTITY] = "identity",
};

static const struct vs_show_sides floor_ceiling = { "_floor", "_ceiling" };
static const struct vs_show_sides min_max = { "_min", "_max" };
static const struct vs_show_sides required_wanted = { "_required", "_wanted" };
static const struct vs_show_sides allowed = { NULL, "_allowed" };
static const struct vs_show_sides one_value = { NULL, "" };

/* Asked, offered, granted, in force */
static const struct vs_show_sides * const shapes[VS_KINDS][VS_SHOW_SETS] = {
	[VS_KIND_RATE] = { &floor_ceiling, &floor_ceiling, &floor_ceiling, &floor_ceiling },
	[VS_KIND_SPACE] = { &min_max, &min_max, &one_value, &one_value },
	[VS_KIND_LEVEL] = { &min_max, &min_max, &one_value, &one_value },
	[VS_KIND_SET] = { &required_wanted, &allowed, &one_value, &one_value },
	[VS_KIND_IDENTITY] = { &one_value, &one_value, &one_value, &one_value },
};

/**
 * vs_show_sides() - the values that a set has of a term
 * @spec: the term
 * @set: the set
 *
 * Return: what they are called.
 */
const struct vs_show_sides *vs_show_sides(const struct vs_term_spec *spec, enum vs_show_set set)
{
	return shapes[spec->kind][set];
}
EXPORT_SYMBOL_GPL(vs_show_sides);

/**
 * vs_show_name() - name the file of a value
 * @spec: the term
 * @set: the set
 * @side: of vs_show_sides()
 * @to: for the name
 * @size: of @to
 */
void vs_show_name(const struct vs_term_spec *spec, enum vs_show_set set, const char *side,
		  char *to, size_t size)
{
	scnprintf(to, size, "%s%s%s", set_names[set], spec->name, side);
}
EXPORT_SYMBOL_GPL(vs_show_name);

/**
 * vs_show_value() - show one value of a term, without a newline
 * @spec: the term
 * @term: its values
 * @low: the low one, else the high one; an IDENTITY has only its text
 * @separator: between the words of a SET
 * @page: of the file
 * @at: bytes of @page in use
 *
 * Return: bytes written.
 */
ssize_t vs_show_value(const struct vs_term_spec *spec, const struct vs_term *term, bool low,
		      char separator, char *page, ssize_t at)
{
	if (spec->kind == VS_KIND_IDENTITY)
		return sysfs_emit_at(page, at, "%.*s", term->length, term->text);
	return vs_value_emit(spec, low ? term->low : term->high, separator, page, at);
}
EXPORT_SYMBOL_GPL(vs_show_value);

/* As the file is called, but for the term's name: "asked_floor"; what has no more is "value". */
static ssize_t show_key(enum vs_show_set set, const char *side, char *page, ssize_t at)
{
	const char *name = set_names[set];
	int length = strlen(name);

	if (!length && !*side)
		return sysfs_emit_at(page, at, " value=");
	if (!length)
		return sysfs_emit_at(page, at, " %s=", side + 1);
	return sysfs_emit_at(page, at, " %.*s%s=", length - 1, name, side);
}

static ssize_t show_set(const struct vs_term_spec *spec, const struct vs_term *term,
			enum vs_show_set set, char *page, ssize_t at)
{
	const struct vs_show_sides *sides = vs_show_sides(spec, set);
	ssize_t start = at;

	if (sides->low) {
		at += show_key(set, sides->low, page, at);
		at += vs_show_value(spec, term, true, ',', page, at);
	}
	at += show_key(set, sides->high, page, at);
	at += vs_show_value(spec, term, false, ',', page, at);
	return at - start;
}

/**
 * vs_show_term() - the line of contract/summary for a term
 * @spec: the term
 * @index: of it in its class
 * @sets: VS_SHOW_SETS of them; of one that is NULL, or empty, nothing is shown
 * @used: how much of it is used; NULL: not known
 * @page: of the file
 * @at: bytes of @page in use
 *
 * Return: bytes written.
 */
ssize_t vs_show_term(const struct vs_term_spec *spec, u32 index,
		     const struct vs_terms * const *sets, const u64 *used, char *page, ssize_t at)
{
	ssize_t start = at;

	at += sysfs_emit_at(page, at, "term %s %s", spec->name, kind_names[spec->kind]);
	for (enum vs_show_set set = 0; set < VS_SHOW_SETS; set++)
		if (sets[set] && index < sets[set]->count)
			at += show_set(spec, &sets[set]->term[index], set, page, at);
	if (used) {
		at += sysfs_emit_at(page, at, " used=");
		at += vs_value_emit(spec, *used, ',', page, at);
	}
	at += sysfs_emit_at(page, at, "\n");
	return at - start;
}
EXPORT_SYMBOL_GPL(vs_show_term);

/**
 * vs_show_counter() - the line of counters/summary for a counter
 * @attribute: of the counter's own file
 * @value: what that says, with a newline
 * @length: of @value; 0 or less: nothing now
 * @page: of the summary
 * @at: bytes of @page in use
 *
 * Return: bytes written.
 */
ssize_t vs_show_counter(const struct attribute *attribute, const char *value, ssize_t length,
			char *page, ssize_t at)
{
	if (length <= 0)
		return 0;
	return sysfs_emit_at(page, at, "%s %.*s", attribute->name, (int)length, value);
}
EXPORT_SYMBOL_GPL(vs_show_counter);
