// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a recording, line by line.  People and other programs may have been at it: each line
 * that is not as it should be is named.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recording.h"
#include "vspctl.h"

#define LINE_BYTES	8192
#define TIME_MAX	1e11	/* seconds: three thousand years */

const char * const recording_columns[COLUMNS] = {
	[COLUMN_TIME] = "time",
	[COLUMN_SERVICE] = "service",
	[COLUMN_SIDE] = "side",
	[COLUMN_CLASS] = "class",
	[COLUMN_GUEST] = "guest",
	[COLUMN_TERM] = "term",
	[COLUMN_FLOOR] = "floor",
	[COLUMN_CEILING] = "ceiling",
	[COLUMN_USED] = "used",
	[COLUMN_VIOLATIONS] = "violations",
	[COLUMN_CONTRACT] = "contract",
	[COLUMN_STATE] = "state",
	[COLUMN_EVENT] = "event",
	[COLUMN_REASON] = "reason",
	[COLUMN_GAP] = "gap_us",
};

/**
 * struct reader - a recording that is being read
 * @place: of the line: FILE:NUMBER
 * @order: which column stands where
 * @known: @order is known
 */
struct reader {
	char *place;
	enum recording_column order[COLUMNS];
	bool known;
};

/* Words of @line, which is changed; COLUMNS + 1: there are more */
static int split_words(char *line, char **words)
{
	int count = 0;

	for (char *word = strtok(line, " \t"); word; word = strtok(NULL, " \t")) {
		if (count == COLUMNS)
			return COLUMNS + 1;
		words[count++] = word;
	}
	return count;
}

static int wrong_column(const struct reader *reader, const char *name, const char *what)
{
	char *all = "";

	for (int i = 0; i < COLUMNS; i++)
		all = take_text("%s%s%s", all, i ? " " : "", recording_columns[i]);
	return complain(FAILED, reader->place, "column \"%.64s\" %s; vspctl record writes: %s",
			name, what, all);
}

/* The line that names the columns, in any order */
static int take_head(struct reader *reader, char **words, int count)
{
	bool seen[COLUMNS] = { false };
	int column;

	if (count > COLUMNS)
		return complain(FAILED, reader->place, "more than %d columns", COLUMNS);
	for (int i = 0; i < count; i++) {
		for (column = 0; column < COLUMNS; column++)
			if (!strcmp(recording_columns[column], words[i]))
				break;
		if (column == COLUMNS)
			return wrong_column(reader, words[i], "is unknown");
		if (seen[column])
			return wrong_column(reader, words[i], "is there twice");
		seen[column] = true;
		reader->order[i] = column;
	}
	for (column = 0; column < COLUMNS; column++)
		if (!seen[column])
			return wrong_column(reader, recording_columns[column], "is missing");
	reader->known = true;
	return DONE;
}

static int hex(char letter)
{
	const char *digits = "0123456789abcdef", *at = letter ? strchr(digits, letter) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* \xNN is that byte again, in place. */
static const char *unescape(char *word)
{
	char *to = word;

	for (char *at = word; *at; to++) {
		if (at[0] == '\\' && at[1] == 'x' && hex(at[2]) >= 0 && hex(at[3]) >= 0) {
			*to = 16 * hex(at[2]) + hex(at[3]);
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = 0;
	return word;
}

static int check_row(const struct reader *reader, struct row *row)
{
	static const enum recording_column numbers[] = {
		COLUMN_FLOOR, COLUMN_CEILING, COLUMN_USED, COLUMN_VIOLATIONS, COLUMN_CONTRACT,
		COLUMN_GAP,
	};
	static const enum recording_column needed[] = {
		COLUMN_TIME, COLUMN_SERVICE, COLUMN_SIDE, COLUMN_CLASS,
	};
	const char *value;
	char *end;

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!row->value[needed[i]])
			return complain(FAILED, reader->place, "no %s",
					recording_columns[needed[i]]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		value = row->value[numbers[i]];
		if (value && !is_number(value))
			return complain(FAILED, reader->place, "%s: \"%.64s\" is no number",
					recording_columns[numbers[i]], value);
	}
	row->time = strtod(row->value[COLUMN_TIME], &end);
	if (*end || !(row->time >= 0 && row->time <= TIME_MAX))
		return complain(FAILED, reader->place, "time: \"%.64s\": seconds since 1970 allowed",
				row->value[COLUMN_TIME]);
	value = row->value[COLUMN_SIDE];
	if (strcmp(value, "provider") && strcmp(value, "client"))
		return complain(FAILED, reader->place, "side: \"%.64s\": provider or client allowed",
				value);
	return DONE;
}

/* Several recordings may stand in one file, each with its head. */
static int read_line(struct reader *reader, char *line, struct row *row)
{
	char *words[COLUMNS];
	int count = split_words(line, words);

	memset(row, 0, sizeof(*row));
	if (!count)
		return DONE;
	if (!reader->known || !strcmp(words[0], recording_columns[reader->order[0]]))
		return take_head(reader, words, count);
	if (count != COLUMNS)
		return complain(FAILED, reader->place,
				"%s words, and there are %d columns: cut? delete the line",
				count > COLUMNS ? "too many" : take_text("%d", count), COLUMNS);
	for (int i = 0; i < COLUMNS; i++)
		row->value[reader->order[i]] = strcmp(words[i], "-") ? unescape(words[i]) : NULL;
	return check_row(reader, row);
}

static int read_lines(FILE *file, const char *path,
		      int (*take_row)(const struct row *row, void *context), void *context)
{
	struct reader reader = { };
	char line[LINE_BYTES];
	void *mark = take_mark();
	struct row row;
	int status;

	for (unsigned long number = 1; fgets(line, sizeof(line), file); number++) {
		reader.place = take_text("%s:%lu", path, number);
		if (line[strlen(line) - (*line != 0)] != '\n')
			return complain(FAILED, reader.place,
					"is cut, or longer than %d characters: delete the line",
					LINE_BYTES - 2);
		line[strlen(line) - 1] = 0;
		status = read_line(&reader, line, &row);
		take_back(mark);
		if (status == DONE && row.value[COLUMN_TIME])
			status = take_row(&row, context);
		if (status != DONE)
			return status;
		mark = take_mark();
	}
	if (ferror(file))
		return complain(FAILED, path, "cannot be read: %s", strerror(errno));
	return DONE;
}

/* Each line to @take_row, which may keep what it takes. Return: DONE, or what @take_row says. */
int recording_read(const char *path, int (*take_row)(const struct row *row, void *context),
		   void *context)
{
	FILE *file = fopen(path, "re");
	int status;

	if (!file)
		return complain(FAILED, path, "cannot be read: %s", strerror(errno));
	status = read_lines(file, path, take_row, context);
	fclose(file);
	return status;
}
