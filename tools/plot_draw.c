// SPDX-License-Identifier: GPL-2.0-only
/*
 * plot: SVG on stdout.  It is to be read in black and white, too, so every line and area has a
 * form of its own.  Names are other people's: put_text() is the only way for them to get here.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "plot.h"
#include "vspctl.h"

#define LEFT		64	/* of the panels: room for numbers */
#define RIGHT		20
#define WIDTH		(LEFT + PLOT_COLUMNS + RIGHT)
#define HEAD		54	/* title and legend */
#define HEADING		24	/* of a service */
#define LINE		14	/* of marks' names */
#define LINES_MAX	4
#define PANEL		92
#define SPACE		26	/* above a panel, for its name */
#define TIMES		30	/* below the last panel of a service */
#define LETTER		6.2	/* mean width of one */
#define FAR		8	/* as in plot.c */
#define ROOM		1.08	/* above the highest line */
#define TICKS		5

static const char * const style[] = {
	"text{font:11px sans-serif}.b{font-weight:bold;font-size:13px}.e{text-anchor:end}",
	".m{text-anchor:middle}.panel{fill:none;stroke:#888}.grid{stroke:#ddd;fill:none}",
	".used{fill:#c3cfdb;stroke:#5a6f86;stroke-width:.7}",
	".ceiling{fill:none;stroke:#000;stroke-width:1.3}",
	".floor{fill:none;stroke:#000;stroke-width:3.2;stroke-dasharray:7 5}",
	".violation{fill:url(#h);stroke:#000;stroke-width:.5}",
	".mark{fill:none;stroke:#000;stroke-width:1;stroke-dasharray:1.5 2.5}",
};

/* Any text, between tags or in an attribute */
static void put_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("&<>\"'", *text))
			printf("&#%d;", *text);
		else if (*text >= ' ' && *text <= '~')
			putchar(*text);
		else
			printf("\\x%02x", (unsigned char)*text);
	}
}

static void put_label(double x, double y, const char *class, const char *text)
{
	printf("<text x=\"%.4g\" y=\"%.5g\"%s%s%s>", x, y, *class ? " class=\"" : "", class,
	       *class ? "\"" : "");
	put_text(text);
	fputs("</text>\n", stdout);
}

/* ---- Axes ---- */

/* 1, 2 or 5 times a power of ten: so that no more than @ticks of it are @top */
static double nice_step(double top, int ticks)
{
	static const double factors[] = { 1, 2, 5 };
	double power = 1;

	while (power * ticks > top)
		power /= 10;
	for (;; power *= 10)
		for (size_t i = 0; i < sizeof(factors) / sizeof(*factors); i++)
			if (factors[i] * power * ticks >= top)
				return factors[i] * power;
}

/**
 * struct axis - how values of a term are drawn
 * @top: value at the upper edge
 * @divisor: values are divided by it
 * @unit: of what is then shown, or empty
 * @far: the ceiling is far above all else, and not drawn to scale
 */
struct axis {
	double top;
	double divisor;
	char unit[PLOT_TEXT];
	bool far;
};

/* A rate whose name says that is one of bytes; others count something. */
static void find_unit(const struct plot_term *term, struct axis *axis)
{
	static const char letters[] = "KMGTPE";
	bool bytes = term->rate && strstr(term->name, "bandwidth");
	int power = 0;

	axis->divisor = 1;
	if (bytes || axis->top >= 1024 * 1024)
		for (; power < 6 && axis->top / axis->divisor >= 1024; power++)
			axis->divisor *= 1024;
	if (bytes)
		snprintf(axis->unit, sizeof(axis->unit), "%.*s%sB/s", power != 0,
			 letters + power - (power != 0), power ? "i" : "");
	else
		snprintf(axis->unit, sizeof(axis->unit), "%.*s%s%s", power != 0,
			 letters + power - (power != 0), power && term->rate ? " " : "",
			 !term->rate ? "" : !strcmp(term->name, "iops") ? "IOPS" : "per second");
}

static void find_axis(const struct plot_term *term, struct axis *axis)
{
	double low = term->top_used > term->top_floor ? term->top_used : term->top_floor;

	axis->far = low && term->top_ceiling > FAR * low;
	axis->top = axis->far ? low * FAR / 4 : low > term->top_ceiling ? low : term->top_ceiling;
	axis->top = axis->top ? axis->top * ROOM : 1;
	find_unit(term, axis);
}

static double height(const struct axis *axis, double value)
{
	return PANEL * (value > axis->top ? 1 : value / axis->top);
}

static void put_values(const struct axis *axis, double y)
{
	double top = axis->top / axis->divisor, step = nice_step(top, TICKS), at;
	char text[PLOT_TEXT];

	for (int i = 0; i * step <= top; i++) {
		at = y + PANEL - i * step / top * PANEL;
		snprintf(text, sizeof(text), "%.10g", i * step);
		put_label(LEFT - 6, at + 4, "e", text);
		if (i)
			printf("<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", LEFT, at,
			       PLOT_COLUMNS);
	}
}

static void put_times(const struct plot *plot, double y)
{
	double length = plot->end - plot->begin;
	double unit = length < 300 ? 1 : length < 3 * 3600 ? 60 : 3600;
	double step = nice_step(length / unit, 10), x;
	char text[PLOT_TEXT];

	for (int i = 0; i * step * unit <= length; i++) {
		x = LEFT + i * step * unit / length * PLOT_COLUMNS;
		snprintf(text, sizeof(text), "%.10g %s", i * step, unit == 1 ? "s" :
			 unit == 60 ? "min" : "h");
		printf("<path class=\"panel\" d=\"M%.1f %.1fv4\"/>\n", x, y);
		put_label(x, y + 16, "m", text);
	}
}

/* ---- What is in a panel ---- */

enum line { FLOOR, CEILING, USED };

static double value_of(const struct cell *cell, enum line line)
{
	return line == USED ? cell->used : !cell->there ? NAN :
	       line == FLOOR ? cell->floor : cell->ceiling;
}

/* Steps, as long as there is a value; an area goes down to @base at both ends. */
static void put_line(const struct plot_term *term, enum line line, const struct axis *axis,
		     double base)
{
	static const char * const classes[] = { "floor", "ceiling", "used" };
	double value, y, last = NAN;

	printf("<path class=\"%s\" d=\"", classes[line]);
	for (int i = 0; i <= PLOT_COLUMNS; i++) {
		value = i < PLOT_COLUMNS ? value_of(&term->cell[i], line) : NAN;
		y = isnan(value) ? NAN : base - height(axis, value);
		if (y == last || (isnan(y) && isnan(last)))
			continue;
		if (isnan(last))
			printf(line == USED ? "M%d %.5gV%.5g" : "M%d %.5g", LEFT + i,
			       line == USED ? base : y, y);
		else if (isnan(y))
			printf(line == USED ? "H%dV%.5gZ" : "H%d", LEFT + i, base);
		else
			printf("H%dV%.5g", LEFT + i, y);
		last = y;
	}
	fputs("\"/>\n", stdout);
}

static void put_violations(const struct plot_service *service, double y)
{
	int from = -1;

	for (int i = 0; i <= PLOT_COLUMNS; i++) {
		bool violated = i < PLOT_COLUMNS && service->violated[i];

		if (violated && from < 0)
			from = i;
		if (violated || from < 0)
			continue;
		printf("<rect class=\"violation\" x=\"%d\" y=\"%.5g\" width=\"%d\" height=\"%d\"/>\n",
		       LEFT + from, y, i - from, PANEL);
		from = -1;
	}
}

static void put_name(const struct plot_term *term, const struct axis *axis, double y)
{
	char text[4 * PLOT_TEXT], number[PLOT_TEXT];

	snprintf(text, sizeof(text), "%s%s%s", term->name, *axis->unit ? ", " : "", axis->unit);
	put_label(LEFT, y - 6, "", text);
	if (!axis->far)
		return;
	snprintf(number, sizeof(number), "%.0f", term->top_ceiling);
	snprintf(text, sizeof(text), "the ceiling, up to %s, is not to scale", units_out(number));
	put_label(LEFT + PLOT_COLUMNS, y - 6, "e", text);
}

static void put_panel(const struct plot_service *service, const struct plot_term *term, double y)
{
	struct axis axis;

	find_axis(term, &axis);
	put_name(term, &axis, y);
	put_values(&axis, y);
	put_line(term, USED, &axis, y + PANEL);
	if (term->top_floor)
		put_violations(service, y);
	put_line(term, CEILING, &axis, y + PANEL);
	if (term->top_floor)
		put_line(term, FLOOR, &axis, y + PANEL);
	printf("<rect class=\"panel\" x=\"%d\" y=\"%.5g\" width=\"%d\" height=\"%d\"/>\n", LEFT, y,
	       PLOT_COLUMNS, PANEL);
}

/* ---- Marks ---- */

static void name_mark(const struct plot_mark *mark, char *text, size_t size)
{
	size_t length = snprintf(text, size, "%llu: %s", (unsigned long long)mark->contract,
				 *mark->name ? mark->name : "changed");

	if (isnan(mark->gap) || length >= size)
		return;
	if (!mark->gap)
		snprintf(text + length, size - length, ", no gap");
	else
		snprintf(text + length, size - length, ", gap %.3g ms", mark->gap * 1000);
}

/**
 * struct place - where the name of a mark stands
 * @line: above the panels, from 0; -1: it has no room
 * @end: it stands left of its mark
 * @text: it
 */
struct place {
	int line;
	bool end;
	char text[2 * PLOT_TEXT];
};

/* In the first line that is free there. Return: lines in use */
static int place_names(const struct plot *plot, const struct plot_service *service,
		       struct place *place)
{
	double until[LINES_MAX] = { 0 }, x, width;
	int line, lines = 0;

	for (size_t i = 0; i < service->marks; i++) {
		name_mark(&service->mark[i], place[i].text, sizeof(place[i].text));
		width = strlen(place[i].text) * LETTER + 8;
		x = LEFT + plot_column(plot, service->mark[i].time);
		place[i].end = x + width > WIDTH;
		if (place[i].end)
			x -= width;
		for (line = 0; line < LINES_MAX && until[line] > x; line++)
			;
		place[i].line = line < LINES_MAX ? line : -1;
		if (line == LINES_MAX)
			continue;
		until[line] = x + width;
		lines = line >= lines ? line + 1 : lines;
	}
	return lines;
}

/* @y: of the names; @bottom: of the last panel */
static void put_marks(const struct plot *plot, const struct plot_service *service,
		      const struct place *place, double y, double bottom)
{
	double x, top;

	for (size_t i = 0; i < service->marks; i++) {
		x = LEFT + plot_column(plot, service->mark[i].time) + .5;
		top = place[i].line < 0 ? y + LINE * LINES_MAX : y + LINE * place[i].line + 2;
		printf("<path class=\"mark\" d=\"M%.1f %.5gV%.5g\"><title>", x, top, bottom);
		put_text(place[i].text);
		fputs("</title></path>\n", stdout);
		if (place[i].line >= 0)
			put_label(x + (place[i].end ? -3 : 3), top + 9, place[i].end ? "e" : "",
				  place[i].text);
	}
}

/* ---- Services ---- */

static size_t shown_terms(const struct plot_service *service)
{
	size_t count = 0;

	for (size_t i = 0; i < service->terms; i++)
		count += service->term[i]->shown;
	return count;
}

static double service_height(const struct plot *plot, const struct plot_service *service)
{
	struct place place[PLOT_MARKS_MAX];
	size_t terms = shown_terms(service);

	return terms ? HEADING + LINE * place_names(plot, service, place) +
		       terms * (SPACE + PANEL) + TIMES : 0;
}

static void put_heading(const struct plot_service *service, double y)
{
	char text[8 * PLOT_TEXT], more[PLOT_TEXT] = "";

	if (service->more)
		snprintf(more, sizeof(more), "; %zu more changes are not shown", service->more);
	snprintf(text, sizeof(text), "%s (%s%s%s%s)%s", service->name, service->class,
		 *service->guest ? ", guest " : "", service->guest,
		 service->client ? ", its client's side" : "", more);
	put_label(LEFT, y, "b", text);
}

static void put_service(const struct plot *plot, const struct plot_service *service, double y)
{
	struct place place[PLOT_MARKS_MAX];
	double names = y + HEADING;

	put_heading(service, y + HEADING - 8);
	y = names + LINE * place_names(plot, service, place);
	for (size_t i = 0; i < service->terms; i++) {
		if (!service->term[i]->shown)
			continue;
		put_panel(service, service->term[i], y + SPACE);
		y += SPACE + PANEL;
	}
	put_times(plot, y);
	put_marks(plot, service, place, names, y);
}

/* ---- The picture ---- */

static void put_style(void)
{
	puts("<style>");
	for (size_t i = 0; i < sizeof(style) / sizeof(*style); i++)
		puts(style[i]);
	puts("</style>");
	/* hatched */
	puts("<defs><pattern id=\"h\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">");
	puts("<path d=\"M0 6L6 0\" stroke=\"#000\" stroke-width=\"1.2\"/></pattern></defs>");
	puts("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>");
}

/* Each as it is drawn */
static void put_legend(double y)
{
	static const struct { const char *class; double x; const char *text; } lines[] = {
		{ "used", LEFT, "used, in a second" }, { "ceiling", 212, "ceiling: the most" },
		{ "floor", 346, "floor: guaranteed" }, { "violation", 484, "floor not kept" },
		{ "mark", 604, "contract: why, longest gap of I/O" },
	};
	const char *class;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		class = lines[i].class;
		if (!strcmp(class, "used") || !strcmp(class, "violation"))
			printf("<rect class=\"%s\" x=\"%.5g\" y=\"%.5g\" width=\"26\" height=\"10\"/>\n",
			       class, lines[i].x, y - 9);
		else if (!strcmp(class, "mark"))
			printf("<path class=\"%s\" d=\"M%.5g %.5gv14\"/>\n", class, lines[i].x + 20,
			       y - 11);
		else
			printf("<path class=\"%s\" d=\"M%.5g %.5gh26\"/>\n", class, lines[i].x,
			       y - 4);
		put_label(lines[i].x + 32, y, "", lines[i].text);
	}
}

static void put_title(const struct plot *plot)
{
	time_t begin = plot->begin;
	char when[PLOT_TEXT], text[2 * PLOT_TEXT];
	struct tm broken;

	if (!gmtime_r(&begin, &broken))
		memset(&broken, 0, sizeof(broken));
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &broken);
	snprintf(text, sizeof(text), "Contracts, from %s UTC on", when);
	put_label(LEFT, 20, "b", text);
}

void plot_draw(const struct plot *plot)
{
	double y = HEAD;

	for (size_t i = 0; i < plot->services; i++)
		y += service_height(plot, plot->service[i]);
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\">\n",
	       WIDTH, y, WIDTH, y);
	put_style();
	put_title(plot);
	put_legend(42);
	y = HEAD;
	for (size_t i = 0; i < plot->services; i++) {
		if (!shown_terms(plot->service[i]))
			continue;
		put_service(plot, plot->service[i], y);
		y += service_height(plot, plot->service[i]);
	}
	fputs("</svg>\n", stdout);
}
