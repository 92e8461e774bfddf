// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table on stdout, its columns as wide as what is in them.
 */
#include <stdio.h>
#include <string.h>

#include "vspctl.h"

/**
 * struct table - a table
 * @columns: how many
 * @count: of cells, with the heads
 * @cell: row by row
 * @width: of each column
 */
struct table {
	size_t columns;
	size_t count;
	const char **cell;
	size_t *width;
};

/* @heads: ended by NULL */
struct table *table_make(const char * const *heads)
{
	struct table *table = take(sizeof(*table));

	while (heads[table->columns])
		table->columns++;
	table->width = take(table->columns * sizeof(*table->width));
	for (size_t i = 0; i < table->columns; i++)
		table_cell(table, heads[i]);
	return table;
}

/* The next one of the row */
void table_cell(struct table *table, const char *text)
{
	size_t *width = &table->width[table->count % table->columns];
	const char *cell = text && *text ? escape_text(text) : "";
	size_t length = strlen(cell);

	if (length > *width)
		*width = length;
	table->cell = take_more(table->cell, table->count, sizeof(*table->cell));
	table->cell[table->count++] = cell;
}

/* printf() would take most of the time of a large table. */
static void print_cell(const char *cell, size_t width)
{
	size_t length = strlen(cell);

	fwrite(cell, 1, length, stdout);
	for (; length < width; length++)
		putc_unlocked(' ', stdout);
}

static void print_row(const struct table *table, const char * const *row)
{
	size_t last = table->columns;

	while (last && !*row[last - 1])
		last--;
	for (size_t i = 0; i < last; i++)
		print_cell(row[i], i + 1 < last ? table->width[i] + 2 : 0);
	putc_unlocked('\n', stdout);
}

void table_print(const struct table *table)
{
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		print_row(table, &table->cell[i]);
}
