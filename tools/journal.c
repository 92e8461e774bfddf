// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of the configuration that can be taken back: what was made and written is
 * remembered, and undone in reverse order when a later step fails.
 */
#include <errno.h>
#include <signal.h>
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

/* Takes no memory: that may be what has failed. Return: whether it is undone. */
static bool undo_step(const struct step *step)
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
		return true;
	fputs("vspctl: ", stderr);
	escape_put(stderr, step->object);
	fprintf(stderr, ": cannot be undone: %s%s", step->file ? step->file : "create",
		step->old ? " = " : "");
	escape_put(stderr, step->old);
	putc('\n', stderr);
	return false;
}

/* All that was done since @mark. Return: whether that is so; what could not be undone is said. */
bool journal_undo(size_t mark)
{
	bool undone = true;
	size_t end = count;

	for (size_t i = end; i-- > mark;)
		if (!journal[i].file || journal[i].old)
			undone &= undo_step(&journal[i]);
	/* With what it was before, calls are made again. */
	for (size_t i = mark; i < end; i++)
		if (journal[i].file && !journal[i].old)
			file_write_in(journal[i].directory, journal[i].file, "1");
	count = mark;
	return undone;
}

static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	signalled = signal;
}

static void undo_at_exit(void)
{
	journal_undo(0);
}

/*
 * From here on no end of the program leaves half a change: a signal is a failure of the next
 * step, messages that nobody reads end nothing, and what is not forgotten when the program
 * ends, as where memory is missing, is undone.
 */
void journal_guard(void)
{
	static bool guarded;
	struct sigaction action = { .sa_handler = note_signal };

	if (guarded)
		return;
	guarded = true;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	atexit(undo_at_exit);
}

/* Of a signal since journal_guard() */
bool journal_ended(void)
{
	return signalled;
}

/* Return: DONE, or FAILED, and said why: the program is to end. */
static int check_signal(const char *object)
{
	return signalled ? complain(FAILED, object, "ended by signal %d", (int)signalled) : DONE;
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
	if (check_signal(object))
		return FAILED;
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
	int error;

	if (check_signal(object))
		return FAILED;
	error = try_write(object, directory, file, value);
	return error ? complain_refused(object, file, value, error) : DONE;
}

/* Likewise, of a file that is only written */
int journal_trigger(const char *object, const char *directory, const char *file)
{
	int status = check_signal(object);

	if (!status)
		status = file_set(object, directory, file, "1");
	if (!status)
		add_step(object, directory, file, NULL);
	return status;
}

/* File of the other value of its term; NULL: there is none. @low: whether @file is the low one. */
static const char *other_file(const char *file, bool *low)
{
	static const char * const pairs[][2] = { { "_floor", "_ceiling" }, { "_min", "_max" } };

	for (size_t i = 0; i < 4; i++) {
		if (!ends(file, pairs[i / 2][i % 2]))
			continue;
		*low = i % 2 == 0;
		return take_text("%.*s%s", (int)(strlen(file) - strlen(pairs[i / 2][i % 2])),
				 file, pairs[i / 2][!(i % 2)]);
	}
	return NULL;
}

/* In @number, which is 0 where there is none: @text is "unset", or NULL. */
static bool has_number(const char *file, const char *text, uint64_t *number)
{
	char normal[VALUE_MAX];

	units_normal(file, text ? text : "", normal, sizeof(normal));
	*number = is_number(normal) ? number_of(normal, 10) : 0;
	return is_number(normal);
}

/*
 * At each single write the kernel refuses a low value above the high one. What a high value
 * is while it is unset depends on the class (an MTU: 1500), so no order relies on that.
 */
static bool high_goes_first(const char *directory, const struct write *low,
			    const struct write *high)
{
	const char *low_now = journal_current(directory, low->file);
	const char *high_now = journal_current(directory, high->file);
	uint64_t to, least, most;

	if (has_number(high->file, high->value, &to)) {
		has_number(low->file, low_now, &least);
		return to >= least;
	}
	if (!has_number(low->file, low->value, &to))
		return false;
	return !has_number(high->file, high_now, &most) || to > most;
}

/* Whether the other value of its term is to be written as well, and before @write */
static bool must_wait(const char *directory, const struct writes *writes, const bool *written,
		      const struct write *write)
{
	bool low;
	const char *file = other_file(write->file, &low);
	const struct write *other;

	for (size_t i = 0; file && i < writes->count; i++) {
		other = &writes->write[i];
		if (written[i] || strcmp(other->file, file))
			continue;
		return low ? high_goes_first(directory, write, other) :
			     !high_goes_first(directory, other, write);
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
		if (written[i] || must_wait(directory, writes, written, write))
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
	size_t left = writes->count;
	int status = DONE;

	for (size_t i = 0; i < writes->count; i++) {
		if (strcmp(writes->write[i].file, "enable"))
			continue;
		written[i] = true;
		left--;
	}
	/* Of the two values of a term at most one waits, so every round writes something. */
	while (left && !status)
		status = write_round(object, directory, writes, written, &left);
	return status;
}
