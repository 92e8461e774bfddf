/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording, as record writes and plot reads it: lines of words with blanks between them, the
 * first line naming the columns.  What has no value is "-".  In a word a blank, a backslash and
 * what is not printable ASCII is \xNN.
 */
#ifndef VSPCTL_RECORDING_H
#define VSPCTL_RECORDING_H

/* Of a line that tells of an event, the term is "-", and what belongs to a term. */
enum recording_column {
	COLUMN_TIME,		/* seconds since 1970, by the clock at the start */
	COLUMN_SERVICE,		/* without its class */
	COLUMN_SIDE,		/* provider or client */
	COLUMN_CLASS,
	COLUMN_GUEST,		/* label of the guest */
	COLUMN_TERM,
	COLUMN_FLOOR,		/* of a rate, in force */
	COLUMN_CEILING,		/* likewise; or the value of another term */
	COLUMN_USED,		/* of a rate, in the last full second */
	COLUMN_VIOLATIONS,	/* of floors of the service, so far */
	COLUMN_CONTRACT,	/* id of the contract in force, 0 without one */
	COLUMN_STATE,
	COLUMN_EVENT,		/* what has happened */
	COLUMN_REASON,		/* why the last negotiation began */
	COLUMN_GAP,		/* client: longest gap of the last negotiation, in us */
	COLUMNS,
};

extern const char * const recording_columns[COLUMNS];

/**
 * struct row - a line of a recording
 * @time: of it
 * @value: by enum recording_column; NULL: none. Numbers are numbers
 */
struct row {
	double time;
	const char *value[COLUMNS];
};

/* recording.c */
int recording_read(const char *path, int (*take_row)(const struct row *row, void *context),
		   void *context);

#endif
