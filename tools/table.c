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
	char **cell;
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
	char *cell = escape_text(text ? text : "");

	if (strlen(cell) > *width)
		*width = strlen(cell);
	table->cell = take_more(table->cell, table->count, sizeof(*table->cell));
	table->cell[table->count++] = cell;
}

static void print_row(const struct table *table, char * const *row)
{
	size_t last = table->columns;

	while (last && !*row[last - 1])
		last--;
	for (size_t i = 0; i + 1 < last; i++)
		printf("%-*s  ", (int)table->width[i], row[i]);
	printf("%s\n", last ? row[last - 1] : "");
}

void table_print(const struct table *table)
{
	for (size_t i = 0; i + table->columns <= table->count; i += table->columns)
		print_row(table, &table->cell[i]);
}
