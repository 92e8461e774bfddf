// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of the configuration that can be taken back: what was made and written is
 * remembered, and undone in reverse order when a later step fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vspctl.h"

/**
 * struct step - one change
 * @object: whose, for messages
 * @directory: in which
 * @file: that was written; NULL: the directory was made
 * @old: what the file said; NULL: it was triggered, as "renegotiate" is
 */
struct step {
	const char *object;
	const char *directory;
	const char *file;
	const char *old;
};

static struct step *journal;
static size_t count;

static void add_step(const char *object, const char *directory, const char *file, const char *old)
{
	journal = take_more(journal, count, sizeof(*journal));
	journal[count++] = (struct step){ object, directory, file, old };
}

/* What to go back to with journal_undo() */
size_t journal_mark(void)
{
	return count;
}

/* All is well: nothing of it is undone any more. */
void journal_forget(void)
{
	count = 0;
}

/* Takes no memory: that may be what has failed. */
static void undo_step(const struct step *step)
{
	int error = 0;

	if (step->file) {
		error = file_write_in(step->directory, step->file, step->old);
	} else {
		error = file_write_in(step->directory, "enable", "0");
		if ((!error || error == -ENOENT) && rmdir(step->directory))
			error = -errno;
		else if (error == -ENOENT)
			error = 0;
	}
	if (!error)
		return;
	fputs("vspctl: ", stderr);
	escape_put(stderr, step->object);
	fprintf(stderr, ": cannot be undone: %s%s", step->file ? step->file : "create",
		step->old ? " = " : "");
	escape_put(stderr, step->old);
	putc('\n', stderr);
}

/* All that was done since @mark */
void journal_undo(size_t mark)
{
	size_t end = count;

	for (size_t i = end; i-- > mark;)
		if (!journal[i].file || journal[i].old)
			undo_step(&journal[i]);
	/* With what it was before, calls are made again. */
	for (size_t i = mark; i < end; i++)
		if (journal[i].file && !journal[i].old)
			file_write_in(journal[i].directory, journal[i].file, "1");
	count = mark;
}

static bool was_made(const char *directory)
{
	for (size_t i = 0; i < count; i++)
		if (!journal[i].file && !strcmp(journal[i].directory, directory))
			return true;
	return false;
}

/* What would have to be written for the file to say what it says; NULL: it cannot be read. */
char *journal_current(const char *directory, const char *file)
{
	if (starts(file, "capacity_"))
		return (char *)tree_capacity(directory, file + strlen("capacity_"));
	return file_get_in(directory, file);
}

/* Is there something to be written? */
bool journal_differs(const char *directory, const struct write *write)
{
	char has[VALUE_MAX], wanted[VALUE_MAX];
	const char *current = journal_current(directory, write->file), *dot = NULL;

	if (!current)
		return true;
	/* A pool may be named without its class. */
	if (!strcmp(write->file, "pool") && !strchr(write->value, '.'))
		dot = strchr(current, '.');
	units_normal(write->file, dot ? dot + 1 : current, has, sizeof(has));
	units_normal(write->file, write->value, wanted, sizeof(wanted));
	return strcmp(has, wanted);
}

/* Return: DONE or FAILED, and said why. */
int journal_make(const char *object, const char *directory)
{
	complain_prepare();
	if (mkdir(directory, 0755))
		return complain_refused(object, "create", directory, -errno);
	add_step(object, directory, NULL, NULL);
	return DONE;
}

static int try_write(const char *object, const char *directory, const char *file,
		     const char *value)
{
	char *old = journal_current(directory, file);
	int error;

	complain_prepare();
	error = file_write_in(directory, file, value);
	if (!error && old && !was_made(directory))
		add_step(object, directory, file, old);
	return error;
}

/* Return: DONE or FAILED, and said why. */
int journal_set(const char *object, const char *directory, const char *file, const char *value)
{
	int error = try_write(object, directory, file, value);

	return error ? complain_refused(object, file, value, error) : DONE;
}

/* Likewise, of a file that is only written */
int journal_trigger(const char *object, const char *directory, const char *file)
{
	int status = file_set(object, directory, file, "1");

	if (!status)
		add_step(object, directory, file, NULL);
	return status;
}

/*
 * A low value above the high one is refused, so of two that rise the high one goes first.
 * @low: the write of a low value. Return: whether it has to wait for that of the high one.
 */
static bool must_wait(const char *directory, const struct write *low)
{
	static const char * const pairs[][2] = { { "_floor", "_ceiling" }, { "_min", "_max" } };
	const char *high;

	for (size_t i = 0; i < 2; i++) {
		if (!ends(low->file, pairs[i][0]))
			continue;
		high = take_text("%.*s%s", (int)(strlen(low->file) - strlen(pairs[i][0])),
				 low->file, pairs[i][1]);
		high = journal_current(directory, high);
		return high && is_number(high) && is_number(low->value) &&
		       strtoull(low->value, NULL, 10) > strtoull(high, NULL, 10);
	}
	return false;
}

/* Return: DONE, or FAILED. @left: what is not written yet. */
static int write_round(const char *object, const char *directory, const struct writes *writes,
		       bool *written, size_t *left)
{
	const struct write *write;

	for (size_t i = 0; i < writes->count; i++) {
		write = &writes->write[i];
		if (written[i])
			continue;
		if (must_wait(directory, write) && *left > 1)
			continue;
		if (journal_differs(directory, write) &&
		    journal_set(object, directory, write->file, write->value)) {
			if (write->line)
				complain(FAILED, NULL, "line %u of the file", write->line);
			return FAILED;
		}
		written[i] = true;
		--*left;
	}
	return DONE;
}

/* Writes what differs; "enable" is the caller's. Return: DONE, or FAILED, and said why. */
int journal_apply(const char *object, const char *directory, const struct writes *writes)
{
	bool written[WRITES_MAX] = { };
	size_t left = writes->count, before;
	int status;

	for (size_t i = 0; i < writes->count; i++) {
		if (strcmp(writes->write[i].file, "enable"))
			continue;
		written[i] = true;
		left--;
	}
	while (left) {
		before = left;
		status = write_round(object, directory, writes, written, &left);
		if (status)
			return status;
		/* Each waits for another one: write it, and let the kernel say what is wrong. */
		for (size_t i = 0; left == before && i < writes->count; i++) {
			if (written[i])
				continue;
			return journal_set(object, directory, writes->write[i].file,
					   writes->write[i].value);
		}
	}
	return DONE;
}
