// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that stays until the program ends, and small questions about texts.
 */
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vspctl.h"

/* In front of what take() gives */
struct chunk {
	struct chunk *older;
	max_align_t data[];
};

static struct chunk *newest;

/* Zeroed. Ends by exit() and not abort(): what restore has begun is undone by its atexit(). */
void *take(size_t bytes)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + bytes);

	if (!chunk) {
		fputs("vspctl: no memory\n", stderr);
		exit(FAILED);
	}
	chunk->older = newest;
	newest = chunk;
	return chunk->data;
}

/* With room for one more entry behind @count of them; the room doubles. */
void *take_more(void *old, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1) || (count && count < 8))
		return old;
	more = take((count ? 2 * count : 8) * size);
	return count ? memcpy(more, old, count * size) : more;
}

char *take_text(const char *format, ...)
{
	char most[256], *text;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(most, sizeof(most), format, arguments);
	va_end(arguments);
	text = take(length + 1);
	if ((size_t)length < sizeof(most))
		return memcpy(text, most, length);
	va_start(arguments, format);
	vsnprintf(text, length + 1, format, arguments);
	va_end(arguments);
	return text;
}

char *take_copy(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(take(bytes), text, bytes);
}

/* For take_back(): what is taken from here on */
void *take_mark(void)
{
	return newest;
}

/* Frees what was taken since @mark. */
void take_back(void *mark)
{
	struct chunk *chunk;

	while (newest && newest != mark) {
		chunk = newest;
		newest = chunk->older;
		free(chunk);
	}
}

bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* @suffix alone is no match: something has to stand in front of it. */
bool ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length > tail && !strcmp(text + length - tail, suffix);
}

bool is_number(const char *text)
{
	size_t digits = 0;

	while (text && isdigit((unsigned char)text[digits]))
		digits++;
	return digits && digits <= 20 && !text[digits];
}

/*
 * Of the digits, to this base, that @text begins with; what is too large is the largest there is.
 * Not strtoull(): where Debian 13 compiles it, it is one that Debian 12 does not have.
 */
unsigned long long number_of(const char *text, unsigned int base)
{
	static const char digits[] = "0123456789abcdef";
	unsigned long long value = 0;
	const char *digit;

	for (; *text; text++) {
		digit = memchr(digits, tolower((unsigned char)*text), base);
		if (!digit)
			break;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit - digits, &value))
			return ULLONG_MAX;
	}
	return value;
}

/* What files say where there is no value */
bool is_nothing(const char *text)
{
	return !text || !*text || !strcmp(text, "none") || !strcmp(text, "unset");
}
