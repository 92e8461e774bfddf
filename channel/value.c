// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values as the administrator writes and reads them, in configfs and sysfs.
 */
#include <linux/bitops.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vs_value.h"
#include "vs_class.h"
#include "vs_terms.h"

#define NUMBER_MAX	32	/* characters of a number, suffix and zero included */

/* What the suffix of a number multiplies it by; false: not a suffix, or not one for this number. */
static bool suffix_factor(const char *suffix, bool bits, u64 *factor)
{
	static const char letters[] = "kmgtpe";
	const char *letter;
	unsigned int power;

	*factor = 1;
	if (!*suffix)
		return true;
	letter = strchr(letters, tolower(*suffix));
	if (!letter)
		return false;
	power = letter - letters + 1;
	if (!suffix[1]) {
		*factor = 1ULL << (10 * power);
		return true;
	}
	/* As the speed of a link is said: powers of 1000, and eight bits are a byte. */
	*factor = int_pow(1000, power) / BITS_PER_BYTE;
	return bits && !strcasecmp(suffix + 1, "bit");
}

static int parse_number(const char *page, bool bits, u64 *value)
{
	char buffer[NUMBER_MAX], *text, *suffix;
	u64 number, factor = 1;
	int error;

	if (strscpy(buffer, page, sizeof(buffer)) < 0)
		return -EINVAL;
	text = strim(buffer);
	if (text[0] == '0' && tolower(text[1]) == 'x') {
		error = kstrtou64(text, 16, &number);
	} else {
		suffix = text + strspn(text, "0123456789");
		if (!suffix_factor(suffix, bits, &factor))
			return -EINVAL;
		*suffix = 0;
		error = kstrtou64(text, 10, &number);
	}
	if (error)
		return error;
	if (check_mul_overflow(number, factor, &number))
		return -ERANGE;
	*value = number;
	return 0;
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
	return parse_number(page, false, value);
}
EXPORT_SYMBOL_GPL(vs_value_u64);

/**
 * vs_value_term() - read a number in the unit of a term
 * @spec: the term: RATE, SPACE or LEVEL
 * @page: as vs_value_u64() takes it; of a RATE in bytes/s also with a suffix of kbit, Mbit,
 *	Gbit and so on (powers of 1000, of bits): "1Gbit" is 125000000, "125M" is 131072000
 * @value: set if it is one
 *
 * Return: 0; -EINVAL: no number; -ERANGE: more than 64 bits.
 */
int vs_value_term(const struct vs_term_spec *spec, const char *page, u64 *value)
{
	return parse_number(page, spec->kind == VS_KIND_RATE && !strcmp(spec->unit, "bytes/s"),
			    value);
}
EXPORT_SYMBOL_GPL(vs_value_term);

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

/* Names of bits, or "none" */
static ssize_t emit_words(const struct vs_term_spec *spec, u64 bits, char separator, char *page,
			  ssize_t at)
{
	ssize_t start = at;

	for (unsigned int i = 0; spec->bits[i]; i++) {
		if (!(bits & BIT_ULL(i)))
			continue;
		if (at > start)
			at += sysfs_emit_at(page, at, "%c", separator);
		at += sysfs_emit_at(page, at, "%s", spec->bits[i]);
	}
	if (at == start)
		at += sysfs_emit_at(page, at, "none");
	return at - start;
}

/**
 * vs_value_emit() - show a value, without a newline
 * @spec: the term, of any kind but IDENTITY
 * @value: a number, or the bits of a SET
 * @separator: between the words of a SET
 * @page: of a sysfs or configfs file
 * @at: bytes of @page in use
 *
 * Return: bytes written.
 */
ssize_t vs_value_emit(const struct vs_term_spec *spec, u64 value, char separator, char *page,
		      ssize_t at)
{
	if (spec->kind == VS_KIND_SET)
		return emit_words(spec, value, separator, page, at);
	return sysfs_emit_at(page, at, "%llu", value);
}
EXPORT_SYMBOL_GPL(vs_value_emit);

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
	ssize_t length = emit_words(spec, bits, ' ', page, 0);

	return length + sysfs_emit_at(page, length, "\n");
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
