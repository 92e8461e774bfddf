// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot: the columns of a term.  A value stands until the next line says another one, unless that
 * comes so late that the service was not there in between.
 */
#include <math.h>

#include "plot.h"

#define STEPS		3	/* a line that comes later than so many steps, */
#define PATIENCE	2.0	/* and seconds, is late */
#define SECOND		1.0	/* used of a rate is what was used in the second before */

int plot_column(const struct plot *plot, double time)
{
	double column = (time - plot->begin) / (plot->end - plot->begin) * PLOT_COLUMNS;

	return column < 0 ? 0 : column >= PLOT_COLUMNS ? PLOT_COLUMNS - 1 : (int)column;
}

static void add_used(struct cell *cell, double used)
{
	if (isnan(used))
		return;
	if (!cell->samples++)
		cell->used = used;
	else
		cell->used += (used - cell->used) / cell->samples;
}

/* @last: of columns that no line is in; they take what the line before them says */
static void hold(const struct plot *plot, struct plot_term *term, double time)
{
	double shift = term->rate ? SECOND : 0;
	int to = plot_column(plot, time);

	for (int i = plot_column(plot, term->time) + 1; i < to; i++) {
		term->cell[i].there = true;
		term->cell[i].floor = term->last.floor;
		term->cell[i].ceiling = term->last.ceiling;
	}
	to = plot_column(plot, time - shift);
	for (int i = plot_column(plot, term->time - shift) + 1; i < to; i++)
		if (!term->cell[i].samples)
			term->cell[i].used = term->last.used;
}

/* A line of @term: @cell has its values. */
void plot_fill(const struct plot *plot, struct plot_term *term, double time,
	       const struct cell *cell)
{
	double shift = term->rate ? SECOND : 0;
	struct cell *at = &term->cell[plot_column(plot, time)];

	if (term->last.there && time >= term->time &&
	    time - term->time < STEPS * term->step + PATIENCE)
		hold(plot, term, time);
	at->there = true;
	at->floor = cell->floor;
	at->ceiling = cell->ceiling;
	if (time - shift >= plot->begin)
		add_used(&term->cell[plot_column(plot, time - shift)], cell->used);
	term->last = *cell;
	term->last.there = true;
	term->time = time;
}
