// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as the administrator writes and reads them, in configfs and sysfs.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_value.h"
#include "vs_class.h"

#define NUMBER_MAX	32	/* characters of a number, suffix and zero included */

/* Return: bits to shift by, or -1: not the suffix of a number. */
static int suffix_shift(char suffix)
{
	static const char suffixes[] = "kmgtpe";
	const char *found = suffix ? strchr(suffixes, tolower(suffix)) : NULL;

	return found ? 10 * (found - suffixes + 1) : -1;
}

/**
 * vs_value_u64() - read a number
 * @page: decimal with an optional suffix of K, M, G, T, P, E (powers of 1024), or
 *	hexadecimal after 0x; a newline may follow
 * @value: set if it is one
 *
 * Return: 0; -EINVAL: no number; -ERANGE: more than 64 bits.
 */
int vs_value_u64(const char *page, u64 *value)
{
	char buffer[NUMBER_MAX], *text;
	size_t length;
	int shift = 0, error;
	u64 number;

	if (strscpy(buffer, page, sizeof(buffer)) < 0)
		return -EINVAL;
	text = strim(buffer);
	length = strlen(text);
	if (text[0] == '0' && tolower(text[1]) == 'x') {
		error = kstrtou64(text, 16, &number);
	} else {
		if (length > 1 && suffix_shift(text[length - 1]) > 0) {
			shift = suffix_shift(text[length - 1]);
			text[length - 1] = 0;
		}
		/* kstrtou64() takes a sign, and a newline before the suffix */
		if (!isdigit(text[0]) || (shift && !isdigit(text[length - 2])))
			return -EINVAL;
		error = kstrtou64(text, 10, &number);
	}
	if (error)
		return error;
	if (check_shl_overflow(number, shift, &number))
		return -ERANGE;
	*value = number;
	return 0;
}
EXPORT_SYMBOL_GPL(vs_value_u64);

/**
 * vs_value_text() - read one line of text
 * @page: printable characters of ASCII, then perhaps a newline; may be empty
 * @to: the text, with a zero at its end; as it was on an error
 * @size: of @to
 *
 * Return: 0; -EINVAL: another character in it; -ERANGE: too long.
 */
int vs_value_text(const char *page, char *to, size_t size)
{
	size_t length = strlen(page);

	if (length && page[length - 1] == '\n')
		length--;
	for (size_t i = 0; i < length; i++)
		if (page[i] < ' ' || page[i] > '~')
			return -EINVAL;
	if (length >= size)
		return -ERANGE;
	memcpy(to, page, length);
	memset(to + length, 0, size - length);
	return 0;
}
EXPORT_SYMBOL_GPL(vs_value_text);

static bool find_bit_named(const struct vs_term_spec *spec, const char *word, size_t length,
			   u64 *bit)
{
	for (unsigned int i = 0; spec->bits[i]; i++) {
		if (strlen(spec->bits[i]) != length || strncmp(spec->bits[i], word, length))
			continue;
		*bit = BIT_ULL(i);
		return true;
	}
	return false;
}

/**
 * vs_value_set() - read the value of a SET
 * @spec: the term
 * @page: names of bits with spaces between them; nothing or "none": no bit
 * @bits: set if they are known
 *
 * Return: 0, or -EINVAL: a word that is no name of a bit.
 */
int vs_value_set(const struct vs_term_spec *spec, const char *page, u64 *bits)
{
	u64 found = 0, bit;
	size_t length;

	page = skip_spaces(page);
	if (sysfs_streq(page, "none")) {
		*bits = 0;
		return 0;
	}
	while (*page) {
		length = strcspn(page, " \t\n");
		if (!find_bit_named(spec, page, length, &bit))
			return -EINVAL;
		found |= bit;
		page = skip_spaces(page + length);
	}
	*bits = found;
	return 0;
}
EXPORT_SYMBOL_GPL(vs_value_set);

/**
 * vs_value_emit_set() - show the value of a SET
 * @spec: the term
 * @bits: its value
 * @page: of a sysfs or configfs file
 *
 * Return: characters written: names with spaces between them, or "none".
 */
ssize_t vs_value_emit_set(const struct vs_term_spec *spec, u64 bits, char *page)
{
	ssize_t length = 0;

	for (unsigned int i = 0; spec->bits[i]; i++)
		if (bits & BIT_ULL(i))
			length += sysfs_emit_at(page, length, "%s%s", length ? " " : "",
						spec->bits[i]);
	length += sysfs_emit_at(page, length, length ? "\n" : "none\n");
	return length;
}
EXPORT_SYMBOL_GPL(vs_value_emit_set);

/**
 * vs_value_emit_names() - name all bits of a SET, for the log
 * @spec: the term
 * @to: text, with a zero at its end; cut where it would be too long
 * @size: of @to
 */
void vs_value_emit_names(const struct vs_term_spec *spec, char *to, size_t size)
{
	size_t length = scnprintf(to, size, "unset, none, or words of");

	for (unsigned int i = 0; spec->bits[i]; i++)
		length += scnprintf(to + length, size - length, " %s", spec->bits[i]);
}
EXPORT_SYMBOL_GPL(vs_value_emit_names);

/**
 * vs_value_unset() - is it the word for no value?
 * @page: what was written
 *
 * Return: whether it is "unset", or empty.
 */
bool vs_value_unset(const char *page)
{
	return sysfs_streq(page, "unset") || sysfs_streq(page, "");
}
EXPORT_SYMBOL_GPL(vs_value_unset);
