// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers as people write and read them.  K, M, G, T, P and E are powers of 1024, as the
 * kernel takes them; kbit, Mbit, Gbit and so on are powers of 1000 of bits, which only the
 * kernel turns into bytes, since only it knows which terms are rates of bytes.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vspctl.h"

#define KIBI		1024
#define BUFFERS		16
#define BUFFER_BYTES	32

static const char letters[] = "KMGTPE";

/* Does a file of this name hold a number that may have a unit? */
bool units_numeric(const char *file)
{
	return starts(file, "capacity_") || ends(file, "_floor") || ends(file, "_ceiling") ||
	       ends(file, "_min") || ends(file, "_max");
}

/* Or one that people read with a unit? Ids, owners, times and labels are none. */
bool units_quantity(const char *file)
{
	return units_numeric(file) || starts(file, "charged_") || starts(file, "available_") ||
	       starts(file, "deficit_");
}

/**
 * struct number - a number that was taken apart
 * @digits: all of them, as one number
 * @places: how many of them are behind the point
 * @power: of its letter: 1 for K, 0 for none
 * @bits: it is in bits
 */
struct number {
	uint64_t digits;
	unsigned int places;
	unsigned int power;
	bool bits;
};

static bool split_digits(const char **text, struct number *number)
{
	bool point = false, digits = false;

	for (; (**text >= '0' && **text <= '9') || (**text == '.' && !point); (*text)++) {
		if (**text == '.') {
			point = true;
			continue;
		}
		if (__builtin_mul_overflow(number->digits, 10, &number->digits) ||
		    __builtin_add_overflow(number->digits, **text - '0', &number->digits))
			return false;
		number->places += point;
		digits = true;
	}
	return digits && (!point || number->places);
}

static bool split(const char *text, struct number *number)
{
	const char *letter;

	memset(number, 0, sizeof(*number));
	if (!split_digits(&text, number))
		return false;
	letter = *text ? strchr(letters, *text >= 'a' ? *text - 'a' + 'A' : *text) : NULL;
	if (letter) {
		number->power = letter - letters + 1;
		text++;
	}
	number->bits = number->power && !strncasecmp(text, "bit", 3);
	if (number->bits)
		text += 3;
	else if (number->power && starts(text, "iB"))
		text += 2;
	else if (!number->power && starts(text, "B"))
		text++;
	return !*text || !strcmp(text, "/s");
}

static bool bytes_in(const struct number *number, char *to, size_t size)
{
	unsigned __int128 value = number->digits;

	for (unsigned int i = 0; i < number->power; i++)
		value *= KIBI;
	for (unsigned int i = 0; i < number->places; i++)
		value /= 10;
	if (value > UINT64_MAX)
		return false;
	snprintf(to, size, "%llu", (unsigned long long)value);
	return true;
}

/* 2.5Gbit as 2500Mbit: the kernel takes no point */
static bool bits_in(struct number *number, char *to, size_t size)
{
	while (number->places && number->digits % 10 == 0) {
		number->digits /= 10;
		number->places--;
	}
	while (number->places) {
		if (number->power <= 1 || number->digits > UINT64_MAX / 1000)
			return false;
		number->power--;
		number->digits *= 1000;
		while (number->places && number->digits % 10 == 0) {
			number->digits /= 10;
			number->places--;
		}
	}
	snprintf(to, size, "%llu%cbit", (unsigned long long)number->digits,
		 letters[number->power - 1]);
	return true;
}

/* As the kernel takes it: 1.5G/s is 1610612736. false: no number. */
bool units_in(const char *text, char *to, size_t size)
{
	struct number number;

	if (!strncasecmp(text, "0x", 2) || !*text || !strcmp(text, "unset")) {
		snprintf(to, size, "%s", text);
		return true;
	}
	if (!split(text, &number))
		return false;
	return number.bits ? bits_in(&number, to, size) : bytes_in(&number, to, size);
}

static int by_word(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

/* Words in one order, with one blank between them: the kernel shows a set in its own order */
static void normal_words(char *text, char *to, size_t size)
{
	char *words[TERMS_MAX], *word;
	size_t count = 0, at = 0;

	for (word = strtok(text, " \t"); word && count < TERMS_MAX; word = strtok(NULL, " \t"))
		words[count++] = word;
	qsort(words, count, sizeof(*words), by_word);
	*to = 0;
	for (size_t i = 0; i < count && at < size; i++)
		at += snprintf(to + at, size - at, "%s%s", i ? " " : "", words[i]);
}

/* Of two texts for @file that mean the same value, this is the same. */
void units_normal(const char *file, const char *text, char *to, size_t size)
{
	char copy[VALUE_MAX];
	struct number number;
	unsigned __int128 value;

	snprintf(copy, sizeof(copy), "%s", text);
	if (units_numeric(file) && !strncasecmp(copy, "0x", 2)) {
		snprintf(to, size, "%llu", number_of(copy + 2, 16));
	} else if (units_numeric(file) && split(copy, &number)) {
		if (!number.bits) {
			bytes_in(&number, to, size);
			return;
		}
		value = number.digits;
		for (unsigned int i = 0; i < number.power; i++)
			value *= 1000;
		for (unsigned int i = 0; i < number.places; i++)
			value /= 10;
		snprintf(to, size, "%llu", (unsigned long long)(value / 8));
	} else if (!strcmp(file, "mode")) {
		snprintf(to, size, "%04llo", number_of(copy, 8));
	} else if (ends(file, "_allowed")) {
		normal_words(copy, to, size);
	} else if (!strcmp(file, "uuid")) {
		for (char *i = copy; *i; i++)
			if (*i >= 'A' && *i <= 'F')
				*i += 'a' - 'A';
		snprintf(to, size, "%s", copy);
	} else {
		snprintf(to, size, "%s", strcmp(copy, "unset") ? copy : "");
	}
}

/* What units_out() and units_exact() return stays for so many further calls. */
static char *next_buffer(void)
{
	static char buffers[BUFFERS][BUFFER_BYTES];
	static unsigned int next;

	return buffers[next++ % BUFFERS];
}

/* For people: in full below 1 MiB, then with one place where it is not exact. */
const char *units_out(const char *number)
{
	unsigned long long value, unit = 1;
	int letter = -1;
	char *text;

	if (options.bytes || !is_number(number))
		return number;
	value = number_of(number, 10);
	if (value < KIBI * KIBI)
		return number;
	while (letter < (int)strlen(letters) - 1 && value / KIBI >= unit) {
		unit *= KIBI;
		letter++;
	}
	text = next_buffer();
	if (value % unit == 0)
		snprintf(text, BUFFER_BYTES, "%llu%c", value / unit, letters[letter]);
	else
		snprintf(text, BUFFER_BYTES, "%.1f%c", (double)value / unit, letters[letter]);
	return text;
}

/* For files that are read again: with a letter where nothing is lost by it */
const char *units_exact(const char *number)
{
	unsigned long long value;
	int letter = -1;
	char *text;

	if (!is_number(number))
		return number;
	value = number_of(number, 10);
	if (value < KIBI * KIBI)
		return number;
	while (value % KIBI == 0 && letter < (int)strlen(letters) - 1) {
		value /= KIBI;
		letter++;
	}
	if (letter < 0)
		return number;
	text = next_buffer();
	snprintf(text, BUFFER_BYTES, "%llu%c", value, letters[letter]);
	return text;
}
