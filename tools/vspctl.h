/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vspctl: what its files share.  It knows no class: which terms there are, and of which
 * kind, is read in sysfs.
 *
 * A run is short: what take() gives stays until its end.  What runs for long (watch) gives
 * it back, once a turn.
 */
#ifndef VSPCTL_H
#define VSPCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VALUE_MAX	4096	/* bytes of a file in sysfs or configfs, with a zero at its end */
#define NAME_BYTES	128	/* of a file there, with its zero */
#define TERMS_MAX	16	/* of a class; the modules have 12 at most */

/* Exit statuses; see vspctl.8 */
enum status {
	DONE		= 0,
	FAILED		= 1,	/* the kernel, or a file, has refused something */
	USAGE		= 2,
	MISSING		= 3,	/* there is no such pool, service or term */
	DENIED		= 4,	/* a negotiation ended without what was asked for */
	LATE		= 5,	/* --wait is over */
	PARTLY		= 6,	/* restore --each: some could not be restored */
};

/* Options that a command may take; bits of struct command.options */
enum option_bit {
	OPTION_JSON	= 1 << 0,
	OPTION_BYTES	= 1 << 1,
	OPTION_FILTER	= 1 << 2,	/* --class --pool --guest */
	OPTION_SIDE	= 1 << 3,	/* --client --provider */
	OPTION_WAIT	= 1 << 4,
	OPTION_DRY_RUN	= 1 << 5,
	OPTION_EACH	= 1 << 6,
	OPTION_MEMORY	= 1 << 7,
	OPTION_COUNT	= 1 << 8,
	OPTION_INTERVAL	= 1 << 9,
	OPTION_LIBVIRT	= 1 << 10,
	OPTION_WRITE	= 1 << 11,
};

/**
 * struct options - what was given before and between the words of a command
 * @root: in front of /sys; empty, or of a copy of it
 * @json: print JSON
 * @bytes: print numbers in full
 * @client: mean the client's side only
 * @provider: mean the provider's side only
 * @dry_run: show what would be done
 * @each: one pool or service that fails does not stop the others
 * @wait: seconds to wait, or -1
 * @interval: seconds between two looks
 * @count: lines to print, or 0: no end
 * @memory: of the VM
 * @libvirt: as parts of a domain
 * @write: the source may be written
 * @class: print what is of this class only; NULL: of any
 * @pool: of this pool
 * @guest: of this guest
 */
struct options {
	const char *root;
	bool json;
	bool bytes;
	bool client;
	bool provider;
	bool dry_run;
	bool each;
	double wait;
	double interval;
	unsigned long count;
	const char *memory;
	bool libvirt;
	bool write;
	const char *class;
	const char *pool;
	const char *guest;
};

extern struct options options;

/**
 * struct command - one word after vspctl
 * @name: it
 * @run: with the words that follow, ended by NULL; returns an enum status
 * @options: bits of enum option_bit
 * @usage: what follows the name
 * @about: one line
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	unsigned int options;
	const char *usage;
	const char *about;
};

/* memory.c */
void *take(size_t bytes);
void *take_more(void *old, size_t count, size_t size);
void *take_mark(void);
void take_back(void *mark);
char *take_copy(const char *text);
char *take_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool starts(const char *text, const char *prefix);
bool ends(const char *text, const char *suffix);
bool is_number(const char *text);
unsigned long long number_of(const char *text, unsigned int base);
bool is_nothing(const char *text);

/* complain.c */
int complain(int status, const char *object, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void complain_prepare(void);
void complain_hold(void);
char *complain_held(void);
int complain_refused(const char *object, const char *file, const char *value, int error);

/* file.c */
void file_batch(void);
bool file_read_at(int directory, const char *file, char *to, size_t size);
char *file_get(int directory, const char *file);
char *file_get_in(const char *directory, const char *file);
int file_write_in(const char *directory, const char *file, const char *value);
int file_set(const char *object, const char *directory, const char *file, const char *value);
char **file_list(const char *directory, size_t *count);

/* units.c */
bool units_numeric(const char *file);
bool units_quantity(const char *file);
bool units_in(const char *text, char *to, size_t size);
void units_normal(const char *file, const char *text, char *to, size_t size);
const char *units_out(const char *number);
const char *units_exact(const char *number);

/* escape.c, json.c, table.c */
char *escape_text(const char *text);
void escape_put(FILE *to, const char *text);
void json_open(const char *name, char bracket);
void json_close(char bracket);
void json_string(const char *name, const char *value);
void json_number(const char *name, const char *value);
void json_decimal(const char *name, const char *value);
void json_words(const char *name, const char *value);
void json_end(void);

struct table;
struct table *table_make(const char * const *heads);
void table_cell(struct table *table, const char *text);
void table_print(const struct table *table);

/* Kinds of terms, as far as they matter here */
enum kind {
	KIND_RATE,	/* floor and ceiling */
	KIND_RANGE,	/* asked for as min and max, granted as one number: SPACE and LEVEL */
	KIND_SET,	/* words, with commas: required and wanted, granted as one set */
	KIND_IDENTITY,	/* a text */
};

/**
 * struct values - of a term
 * @low: floor, min or required; NULL: there is none
 * @high: ceiling, max, wanted or allowed, or the only value; NULL: there is none
 */
struct values {
	const char *low;
	const char *high;
};

/**
 * struct term - a term, as contract/summary has it
 * @name: of it
 * @kind: of it
 * @asked: last
 * @offered: then
 * @in_force: by the contract
 * @used: now; NULL: it is not known
 */
struct term {
	const char *name;
	enum kind kind;
	struct values asked;
	struct values offered;
	struct values in_force;
	const char *used;
};

/**
 * struct summary - contract/summary of a service or client; a line that is missing is NULL
 * @state: of its machine
 * @epoch: of the current negotiation
 * @id: of the contract in force, "0": none
 * @reason: of the current or last negotiation
 * @result: of the last negotiation
 * @deadline_ms: of an open call
 * @violations: how many
 * @pool: with its class; of a provider's service, as the rest of the labels
 * @guest: label, or ""
 * @vm: of the virtual machine, or ""
 * @vm_uuid: likewise
 * @count: entries of @term in use
 * @term: in the order of the class
 */
struct summary {
	const char *state;
	const char *epoch;
	const char *id;
	const char *reason;
	const char *result;
	const char *deadline_ms;
	const char *violations;
	const char *pool;
	const char *guest;
	const char *vm;
	const char *vm_uuid;
	size_t count;
	struct term term[TERMS_MAX];
};

/**
 * struct object - a service, as its provider or its client has it, or a pool
 * @client: it is the client's
 * @class: of it
 * @name: without its class
 * @label: how it is called in messages: web, or vsc0 (web)
 * @config: its directory in configfs, or NULL
 * @device: its directory in sysfs: contract/, terms/, counters/; or NULL
 * @fd: of @device, or -1
 * @pool: of a provider's service: its pool with its class, or ""; NULL before summary_read() has
 *	looked, unless the options ask for one
 * @guest: likewise, the label of its guest, or ""
 * @state: what it is in, once summary_read() has looked; NULL before
 */
struct object {
	bool client;
	const char *class;
	const char *name;
	const char *label;
	const char *config;
	const char *device;
	int fd;
	const char *pool;
	const char *guest;
	const char *state;
};

/* tree.c */
extern const char *tree_services, *tree_pools, *tree_devices, *tree_clients;
void tree_init(void);
size_t tree_list(bool client, struct object **list);
size_t tree_list_pools(struct object **list);
struct object *tree_pool(const char *name);
struct object *tree_service(const char *name);
struct object *tree_client(const char *name);
struct object *tree_one(const char *name);
bool tree_names(int count, char **words);
bool tree_passes(const struct object *object);
bool tree_is_meant(const struct object *object, char **names);
const char *tree_config(const struct object *object, const char *file);
bool tree_read(const struct object *object, const char *file, char *to, size_t size);
const char *tree_state(const struct object *object);
void tree_open(struct object *object);
void tree_close(struct object *object);
const char *tree_capacity(const char *pool, const char *term);

/* summary.c */
char *summary_text(const struct object *object, const char *file);
const struct summary *summary_parse(const char *text);
const struct summary *summary_read(struct object *object);
const char *summary_label(const struct object *object, const char *label, const char *file);
const struct term *summary_term(const struct summary *summary, const char *name);
const char *summary_id(const struct summary *summary);

/**
 * struct uevent - what has happened to a service, on either side
 * @object: its class, name and label, and of a provider's service its directory in configfs,
 *	pool and guest, of a client its directory in sysfs; not opened
 * @what: has happened
 * @state: since then; or NULL
 * @contract: likewise, the id of that in force
 * @reason: why the last negotiation began, or NULL
 */
struct uevent {
	struct object object;
	const char *what;
	const char *state;
	const char *contract;
	const char *reason;
};

/* uevent.c */
int uevent_open(void);
bool uevent_read(int fd, void (*tell)(const struct uevent *event, char **names), char **names);

/* vmm.c */
const char *vmm_of(const struct object *object);
const char *vmm_uuid(const char *vmm);

/* clock.c */
int64_t clock_now(void);
int64_t clock_end(void);

#define WRITES_MAX	128	/* files of one directory */

/**
 * struct write - a value for a file
 * @file: in some directory
 * @value: as the kernel takes it
 * @line: of the file that restore reads, for messages; or 0
 */
struct write {
	const char *file;
	const char *value;
	unsigned int line;
};

/**
 * struct writes - values for files of one directory
 * @count: entries of @write in use
 * @write: in the order in which they were given
 */
struct writes {
	size_t count;
	struct write write[WRITES_MAX];
};

/* set.c */
bool set_is_config(const char *directory, const char *file);
bool set_value(const char *file, const char *value, char *to, size_t size);
char *set_names(const char *directory);
int set_parse(const char *object, const char *directory, char **argv, struct writes *writes);

/* journal.c */
char *journal_current(const char *directory, const char *file);
bool journal_differs(const char *directory, const struct write *write);
int journal_make(const char *object, const char *directory);
int journal_set(const char *object, const char *directory, const char *file, const char *value);
int journal_apply(const char *object, const char *directory, const struct writes *writes);
int journal_trigger(const char *object, const char *directory, const char *file);
size_t journal_mark(void);
bool journal_undo(size_t mark);
void journal_forget(void);
void journal_guard(void);
bool journal_ended(void);

/* result.c */
bool result_word(const char *result, const char *key, char *to, size_t size);
int result_wait(struct object *object, const char *before, char *result, size_t size);

/* mount.c */
const char *mount_missing(const char *path);

/* One file a command */
int status_run(int argc, char **argv);
int explain_run(int argc, char **argv);
int pool_run(int argc, char **argv);
int service_run(int argc, char **argv);
int request_run(int argc, char **argv);
int renegotiate_run(int argc, char **argv);
int withdraw_run(int argc, char **argv);
int release_run(int argc, char **argv);
int save_run(int argc, char **argv);
int restore_run(int argc, char **argv);
int watch_run(int argc, char **argv);
int record_run(int argc, char **argv);
int plot_run(int argc, char **argv);
int metrics_run(int argc, char **argv);
int qemu_run(int argc, char **argv);
int calibrate_run(int argc, char **argv);

#endif
