// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON on stdout, written as it comes.
 */
#include <stdio.h>
#include <string.h>

#include "vspctl.h"

static bool comma;	/* something stands before, at this level */

static void quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if (*text >= ' ' && *text <= '~')
			putchar(*text);
		else
			printf("\\u%04x", (unsigned char)*text);
	}
	putchar('"');
}

static void begin(const char *name)
{
	if (comma)
		putchar(',');
	comma = true;
	if (name) {
		quoted(name);
		putchar(':');
	}
}

/* @name: NULL in an array */
void json_open(const char *name, char bracket)
{
	begin(name);
	putchar(bracket);
	comma = false;
}

void json_close(char bracket)
{
	putchar(bracket);
	comma = true;
}

/* NULL: null */
void json_string(const char *name, const char *value)
{
	begin(name);
	if (value)
		quoted(value);
	else
		fputs("null", stdout);
}

/* What is "none" or "unset" is null; what is no number after all is a string. */
void json_number(const char *name, const char *value)
{
	if (is_nothing(value))
		value = NULL;
	if (!value || !is_number(value)) {
		json_string(name, value);
		return;
	}
	begin(name);
	while (*value == '0' && value[1])
		value++;	/* JSON has no zeros in front */
	fputs(value, stdout);
}

/* A number that is known to be one, and may have a point */
void json_decimal(const char *name, const char *value)
{
	begin(name);
	fputs(value, stdout);
}

/* An array of the words that commas are between; NULL: null */
void json_words(const char *name, const char *value)
{
	char *copy, *word;

	if (!value) {
		json_string(name, NULL);
		return;
	}
	json_open(name, '[');
	copy = take_text("%s", strcmp(value, "none") ? value : "");
	for (word = strtok(copy, ","); word; word = strtok(NULL, ","))
		json_string(NULL, word);
	json_close(']');
}

/* The end of a whole document */
void json_end(void)
{
	putchar('\n');
	comma = false;
}
