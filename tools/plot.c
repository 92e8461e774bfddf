// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot: contracts over time, as a picture: of every service and rate what is guaranteed, what is
 * the most, what was used, other contracts, and floors that were not kept.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plot.h"
#include "recording.h"
#include "vspctl.h"

#define FAR	8	/* times what is used: a ceiling above that is not drawn to scale */

static double number(const char *text)
{
	return text ? strtod(text, NULL) : NAN;
}

/* NULL: there is none yet */
static struct plot_service *find_service(const struct plot *plot, const struct row *row)
{
	bool client = !strcmp(row->value[COLUMN_SIDE], "client");
	static size_t last;	/* a line is mostly of the same service as the one before it */
	struct plot_service *service;

	for (size_t i = 0; i < plot->services; i++) {
		service = plot->service[(last + i) % plot->services];
		if (service->client == client &&
		    !strncmp(service->name, row->value[COLUMN_SERVICE], PLOT_TEXT - 1) &&
		    !strncmp(service->class, row->value[COLUMN_CLASS], PLOT_TEXT - 1)) {
			last = (last + i) % plot->services;
			return service;
		}
	}
	return NULL;
}

static struct plot_term *find_term(const struct plot_service *service, const char *name)
{
	for (size_t i = 0; i < service->terms; i++)
		if (!strncmp(service->term[i]->name, name, PLOT_TEXT - 1))
			return service->term[i];
	return NULL;
}

static void copy(char *to, const char *from)
{
	snprintf(to, PLOT_TEXT, "%s", from ? from : "");
}

/* ---- First, what there is ---- */

static struct plot_service *add_service(struct plot *plot, const struct row *row)
{
	struct plot_service *service = take(sizeof(*service));

	if (plot->services == PLOT_SERVICES_MAX)
		exit(complain(FAILED, row->value[COLUMN_SERVICE],
			      "more than %d services: record fewer of them", PLOT_SERVICES_MAX));
	service->client = !strcmp(row->value[COLUMN_SIDE], "client");
	copy(service->class, row->value[COLUMN_CLASS]);
	copy(service->name, row->value[COLUMN_SERVICE]);
	plot->service = take_more(plot->service, plot->services, sizeof(*plot->service));
	plot->service[plot->services++] = service;
	return service;
}

static struct plot_term *add_term(struct plot *plot, struct plot_service *service,
				  const char *name)
{
	struct plot_term *term = take(sizeof(*term));

	if (plot->terms++ == PLOT_TERMS_MAX)
		exit(complain(FAILED, service->name, "more than %d terms: record fewer services",
			      PLOT_TERMS_MAX));
	copy(term->name, name);
	term->time = NAN;
	term->step = INFINITY;
	term->ceiling = NAN;
	term->least_ceiling = INFINITY;
	service->term = take_more(service->term, service->terms, sizeof(*service->term));
	service->term[service->terms++] = term;
	return term;
}

static void raise_to(double *top, double value)
{
	if (value > *top)
		*top = value;
}

static void measure_term(struct plot_term *term, const struct row *row)
{
	double ceiling = number(row->value[COLUMN_CEILING]);

	if (row->value[COLUMN_FLOOR])
		term->rate = true;
	term->changed |= !isnan(ceiling) && !isnan(term->ceiling) && ceiling != term->ceiling;
	if (!isnan(ceiling))
		term->ceiling = ceiling;
	if (ceiling < term->least_ceiling)
		term->least_ceiling = ceiling;
	raise_to(&term->top_ceiling, ceiling);
	raise_to(&term->top_floor, number(row->value[COLUMN_FLOOR]));
	raise_to(&term->top_used, number(row->value[COLUMN_USED]));
	if (row->time > term->time && row->time - term->time < term->step)
		term->step = row->time - term->time;
	term->time = row->time;
}

static int measure(const struct row *row, void *context)
{
	struct plot *plot = context;
	struct plot_service *service = find_service(plot, row);
	struct plot_term *term;

	if (!plot->services || row->time < plot->begin)
		plot->begin = row->time;
	raise_to(&plot->end, row->time);
	if (!service)
		service = add_service(plot, row);
	if (row->value[COLUMN_GUEST])
		copy(service->guest, row->value[COLUMN_GUEST]);
	if (!row->value[COLUMN_TERM])
		return DONE;
	term = find_term(service, row->value[COLUMN_TERM]);
	if (!term)
		term = add_term(plot, service, row->value[COLUMN_TERM]);
	measure_term(term, row);
	return DONE;
}

/* ---- What is drawn of it ---- */

/* The client's side shows the same contract: it is drawn where there is nothing else. */
static void find_twins(struct plot *plot)
{
	struct plot_service *one, *other;

	for (size_t i = 0; i < plot->services; i++)
		for (size_t j = 0; j < plot->services; j++) {
			one = plot->service[i];
			other = plot->service[j];
			if (!one->client && other->client && !strcmp(one->name, other->name) &&
			    !strcmp(one->class, other->class)) {
				one->twin = other;
				other->twin = one;
			}
		}
}

/* A rate of which nothing is promised, and whose limit is never near, says nothing. */
static bool is_idle(const struct plot_term *term)
{
	return term->rate && !term->top_floor && !term->changed && term->top_used &&
	       term->least_ceiling > FAR * term->top_used;
}

static size_t show_terms(struct plot *plot, bool idle)
{
	struct plot_service *service;
	struct plot_term *term;
	size_t count = 0;

	for (size_t i = 0; i < plot->services; i++) {
		service = plot->service[i];
		for (size_t j = 0; j < service->terms; j++) {
			term = service->term[j];
			term->shown = !(service->client && service->twin) &&
				      (term->rate || term->changed) && (idle || !is_idle(term));
			count += term->shown;
		}
	}
	return count;
}

/* Before the second reading */
static void make_cells(struct plot *plot)
{
	struct plot_term *term;

	for (size_t i = 0; i < plot->services; i++)
		for (size_t j = 0; j < plot->service[i]->terms; j++) {
			term = plot->service[i]->term[j];
			if (!term->shown)
				continue;
			term->cell = take(PLOT_COLUMNS * sizeof(*term->cell));
			for (int k = 0; k < PLOT_COLUMNS; k++)
				term->cell[k] = (struct cell){ false, 0, NAN, NAN, NAN };
		}
}

static int by_guest(const void *a, const void *b)
{
	const struct plot_service *one = *(struct plot_service * const *)a;
	const struct plot_service *other = *(struct plot_service * const *)b;
	int order = strcmp(one->guest, other->guest);

	order = order ? order : strcmp(one->class, other->class);
	return order ? order : strcmp(one->name, other->name);
}

/* ---- Second, its lines ---- */

static int fill(const struct row *row, void *context)
{
	const struct plot *plot = context;
	struct plot_service *service = find_service(plot, row);
	const char *contract = row->value[COLUMN_CONTRACT];
	struct plot_term *term;
	struct cell cell = { };

	/* What has come since the first reading is of the next picture. */
	if (!service || row->time > plot->end)
		return DONE;
	if (row->value[COLUMN_EVENT])
		plot_event(plot, service, row->value[COLUMN_EVENT], row->value[COLUMN_REASON],
			   row->time, contract ? number_of(contract, 10) : 0);
	term = row->value[COLUMN_TERM] ? find_term(service, row->value[COLUMN_TERM]) : NULL;
	if (!term)
		return DONE;
	plot_sample(plot, service, row->time, contract, row->value[COLUMN_VIOLATIONS],
		    row->value[COLUMN_GAP]);
	cell.floor = number(row->value[COLUMN_FLOOR]);
	cell.ceiling = number(row->value[COLUMN_CEILING]);
	cell.used = number(row->value[COLUMN_USED]);
	if (term->cell)
		plot_fill(plot, term, row->time, &cell);
	return DONE;
}

static int read_all(char **paths, int (*take_row)(const struct row *row, void *context),
		    struct plot *plot)
{
	int status = DONE;

	for (; status == DONE && *paths; paths++)
		status = recording_read(*paths, take_row, plot);
	return status;
}

/* A pipe can be read once. */
static int check_files(char **paths)
{
	struct stat about;

	for (; *paths; paths++)
		if (!stat(*paths, &about) && !S_ISREG(about.st_mode))
			return complain(FAILED, *paths, "is no regular file, and has to be read twice");
	return DONE;
}

int plot_run(int argc, char **argv)
{
	struct plot plot = { };
	int status = argc ? check_files(argv) :
		     complain(USAGE, "plot", "a file that vspctl record has written is needed");

	if (status == DONE)
		status = read_all(argv, measure, &plot);
	if (status != DONE)
		return status;
	if (!plot.terms)
		return complain(FAILED, *argv, "no term is recorded in it: vspctl record > FILE, while services have a contract");
	if (plot.end < plot.begin + 1)
		plot.end = plot.begin + 1;
	find_twins(&plot);
	if (!show_terms(&plot, false) && !show_terms(&plot, true))
		return complain(FAILED, *argv, "nothing to draw: no rate was under a contract, and nothing else has changed");
	make_cells(&plot);
	status = read_all(argv, fill, &plot);
	if (status != DONE)
		return status;
	for (size_t i = 0; i < plot.services; i++)
		plot_find_gaps(plot.service[i]);
	qsort(plot.service, plot.services, sizeof(*plot.service), by_guest);
	plot_draw(&plot);
	return DONE;
}
