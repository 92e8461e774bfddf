// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot: what happened to the contracts of a service, and when its floors were not kept.  Most of
 * it is told by events.  The kernel limits them, so a line with another contract counts, too.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"
#include "vspctl.h"

#define WINDOW		1.0	/* seconds in which a floor is judged */
#define LATE		2.0	/* seconds that an event may come after a line that shows it */
#define GAP_US		1e6

static void shade(const struct plot *plot, struct plot_service *service, double from, double to)
{
	int last = plot_column(plot, to);

	for (int i = plot_column(plot, from); i <= last; i++)
		service->violated[i] = true;
}

static struct plot_mark *newest_mark(struct plot_service *service)
{
	return service->marks ? &service->mark[service->marks - 1] : NULL;
}

static void add_mark(struct plot_service *service, double time, uint64_t contract,
		     const char *name)
{
	struct plot_mark *mark = newest_mark(service);

	if (mark)
		mark->open = false;
	if (service->marks == PLOT_MARKS_MAX) {
		service->more++;
		service->contract = contract;	/* the line that shows it is no further one */
		return;
	}
	mark = &service->mark[service->marks++];
	mark->time = time;
	mark->contract = contract;
	mark->gap = NAN;
	mark->open = true;
	snprintf(mark->name, sizeof(mark->name), "%s", name);
}

/* Is it about a contract that has changed, or was not had? */
static bool is_marked(const char *event)
{
	static const char * const marked[] = {
		"contract", "fallback", "withdrawn", "released", "held", "denied", "adopted",
	};

	for (size_t i = 0; i < sizeof(marked) / sizeof(*marked); i++)
		if (!strcmp(marked[i], event))
			return true;
	return false;
}

/* One that a line has shown before its event came */
static struct plot_mark *find_unnamed(struct plot_service *service, double time, uint64_t contract)
{
	for (size_t i = service->marks; i-- > 0;)
		if (!*service->mark[i].name && service->mark[i].contract == contract &&
		    time - service->mark[i].time < LATE)
			return &service->mark[i];
	return NULL;
}

/* An ask that is denied in every round is one thing to see. */
static bool is_repeated(const struct plot_mark *mark, double time, uint64_t contract,
			const char *name)
{
	return mark && mark->contract == contract && !strcmp(mark->name, name) &&
	       time - mark->time < LATE;
}

void plot_event(const struct plot *plot, struct plot_service *service, const char *event,
		const char *reason, double time, uint64_t contract)
{
	struct plot_mark *mark = find_unnamed(service, time, contract);
	const char *name = event;

	if (!strcmp(event, "violated"))
		shade(plot, service, time - WINDOW, time);
	if (!is_marked(event))
		return;
	if (!strcmp(event, "contract") && reason)
		name = reason;
	if (mark)
		snprintf(mark->name, sizeof(mark->name), "%s", name);
	else if (!is_repeated(newest_mark(service), time, contract, name))
		add_mark(service, time, contract, name);
}

/* The gap of a negotiation only grows; when it shrinks, it is that of another one. */
static void take_gap(struct plot_mark *mark, double gap)
{
	if (!mark || !mark->open)
		return;
	if (gap < mark->gap)
		mark->open = false;
	else
		mark->gap = gap;
}

/* A line of one of its terms; NULL: not known. */
void plot_sample(const struct plot *plot, struct plot_service *service, double time,
		 const char *contract, const char *violations, const char *gap)
{
	uint64_t id = contract ? number_of(contract, 10) : service->contract;
	const struct plot_mark *mark = newest_mark(service);
	uint64_t count = violations ? number_of(violations, 10) : service->violations;

	if (service->seen && time >= service->time) {
		/* unless an event has told of it */
		if (id != service->contract &&
		    !(mark && mark->contract == id && mark->time >= service->time - LATE))
			add_mark(service, time, id, "");
		if (count > service->violations)
			shade(plot, service, time - service->time > WINDOW ? service->time :
			      time - WINDOW, time);
	}
	if (gap)
		take_gap(newest_mark(service), strtod(gap, NULL) / GAP_US);
	service->seen = true;
	service->time = time;
	service->contract = id;
	service->violations = count;
}

/* The mark of @service for that contract which is nearest, or NULL */
static const struct plot_mark *nearest_mark(const struct plot_service *service,
					    const struct plot_mark *to)
{
	const struct plot_mark *nearest = NULL, *mark;

	for (size_t i = 0; i < service->marks; i++) {
		mark = &service->mark[i];
		if (mark->contract == to->contract && fabs(mark->time - to->time) < LATE &&
		    (!nearest || fabs(mark->time - to->time) < fabs(nearest->time - to->time)))
			nearest = mark;
	}
	return nearest;
}

/*
 * Only the client knows a gap, and why its provider has called. Where it is in another machine it
 * has a recording of its own.
 */
void plot_find_gaps(struct plot_service *service)
{
	const struct plot_mark *other;
	struct plot_mark *mark;

	for (size_t i = 0; !service->client && service->twin && i < service->marks; i++) {
		mark = &service->mark[i];
		other = nearest_mark(service->twin, mark);
		if (!other)
			continue;
		mark->gap = other->gap;
		if (!strcmp(mark->name, "called") && *other->name)
			memcpy(mark->name, other->name, sizeof(mark->name));
	}
}
