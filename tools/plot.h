/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plot: what is drawn of a recording.  A recording may be longer than memory is large: it is read
 * twice, first for what there is and how large, then into columns of the picture, of which there
 * is a fixed number.
 */
#ifndef VSPCTL_PLOT_H
#define VSPCTL_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLOT_COLUMNS		760	/* of the picture: pixels from begin to end */
#define PLOT_TERMS_MAX		1024	/* of all services */
#define PLOT_SERVICES_MAX	512
#define PLOT_MARKS_MAX		64	/* of a service; more are counted */
#define PLOT_TEXT		64	/* of a name, with its zero; longer ones are cut */

/**
 * struct cell - a column of the picture, of one term
 * @there: a contract, or at least the service, was there
 * @floor: last one in this column, or NaN
 * @ceiling: likewise
 * @used: mean in this column, or NaN
 * @samples: of @used; 0: it is that of the column before
 */
struct cell {
	bool there;
	unsigned int samples;
	double floor;
	double ceiling;
	double used;
};

/**
 * struct plot_term - a term of a service: a panel
 * @name: of it
 * @rate: it has a floor
 * @changed: its ceiling, or its value, was not always the same
 * @shown: it is drawn
 * @time: of its last line
 * @step: least time between two of its lines
 * @ceiling: in its last line
 * @top_floor: the largest floor
 * @top_ceiling: the largest ceiling
 * @least_ceiling: the smallest one; infinite: there was none
 * @top_used: the most that was used
 * @last: the cell of its last line; NaN before the first
 * @cell: PLOT_COLUMNS of them
 */
struct plot_term {
	char name[PLOT_TEXT];
	bool rate;
	bool changed;
	bool shown;
	double time;
	double step;
	double ceiling;
	double top_floor;
	double top_ceiling;
	double least_ceiling;
	double top_used;
	struct cell last;
	struct cell *cell;
};

/**
 * struct plot_mark - another contract, or what else has become of one
 * @time: when
 * @contract: in force since then, 0 without one
 * @name: why, or what has happened; empty: not yet known
 * @gap: longest one, in seconds; NaN: not known
 * @open: the next lines may know of a longer one
 */
struct plot_mark {
	double time;
	uint64_t contract;
	char name[PLOT_TEXT];
	double gap;
	bool open;
};

/**
 * struct plot_service - a service, as one of its sides has recorded it
 * @client: that is the client
 * @class: of it
 * @name: of it
 * @guest: label of its guest, or empty
 * @twin: the other side of it, or NULL
 * @terms: how many of @term
 * @term: in the order in which they were recorded
 * @marks: how many of @mark
 * @more: marks for which there was no room
 * @mark: by time
 * @violated: columns in which a floor was not kept
 * @seen: a line of it was read; of the last one:
 * @time: its time
 * @contract: its contract
 * @violations: how many there were
 */
struct plot_service {
	bool client;
	char class[PLOT_TEXT];
	char name[PLOT_TEXT];
	char guest[PLOT_TEXT];
	struct plot_service *twin;
	size_t terms;
	struct plot_term **term;
	size_t marks;
	size_t more;
	struct plot_mark mark[PLOT_MARKS_MAX];
	bool violated[PLOT_COLUMNS];
	bool seen;
	double time;
	uint64_t contract;
	uint64_t violations;
};

/**
 * struct plot - all of it
 * @begin: time of the first line
 * @end: of the last one, or a second later than @begin
 * @services: how many of @service
 * @service: in the order in which they were recorded
 * @terms: how many they have together
 */
struct plot {
	double begin;
	double end;
	size_t services;
	struct plot_service **service;
	size_t terms;
};

/* plot_cells.c */
int plot_column(const struct plot *plot, double time);
void plot_fill(const struct plot *plot, struct plot_term *term, double time,
	       const struct cell *cell);

/* plot_marks.c */
void plot_event(const struct plot *plot, struct plot_service *service, const char *event,
		const char *reason, double time, uint64_t contract);
void plot_sample(const struct plot *plot, struct plot_service *service, double time,
		 const char *contract, const char *violations, const char *gap);
void plot_find_gaps(struct plot_service *service);

/* plot_draw.c */
void plot_draw(const struct plot *plot);

#endif
