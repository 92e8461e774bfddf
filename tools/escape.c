// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names, labels and identities are other people's: a guest's wish is shown to the host, and
 * a host's names to the guest.  None of them may move the cursor of a terminal or end a line.
 */
#include <stdio.h>
#include <string.h>

#include "vspctl.h"

/* With \xNN for all that is not printable ASCII; of most texts a copy */
char *escape_text(const char *text)
{
	const char *plain = text;
	char *to, *at;

	while (*plain >= ' ' && *plain <= '~')
		plain++;
	if (!*plain)
		return take_copy(text);
	to = take(4 * strlen(text) + 1);
	at = to;
	for (; *text; text++) {
		if (*text >= ' ' && *text <= '~')
			*at++ = *text;
		else
			at += sprintf(at, "\\x%02x", (unsigned char)*text);
	}
	return to;
}

/* Likewise, without memory */
void escape_put(FILE *to, const char *text)
{
	for (; text && *text; text++) {
		if (*text >= ' ' && *text <= '~')
			putc(*text, to);
		else
			fprintf(to, "\\x%02x", (unsigned char)*text);
	}
}
