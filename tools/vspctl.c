// SPDX-License-Identifier: GPL-2.0-only
/*
 * vspctl: what an operator types and looks at, on hosts and in guests; see vspctl.8.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "vspctl.h"

struct options options = { .root = "", .wait = -1, .interval = 0.1 };

static const struct command commands[] = {
	{ "status", status_run, OPTION_JSON | OPTION_BYTES | OPTION_FILTER | OPTION_SIDE,
	  "[SERVICE...]", "what every service has" },
	{ "explain", explain_run, OPTION_JSON | OPTION_BYTES | OPTION_SIDE,
	  "SERVICE", "why it has what it has, and what would have to change" },
	{ "pool", pool_run, OPTION_JSON | OPTION_BYTES | OPTION_FILTER,
	  "create|set|show|enable|disable|renegotiate|remove [CLASS.NAME] [FILE=VALUE...]",
	  "resources that services have portions of" },
	{ "service", service_run, OPTION_JSON | OPTION_BYTES | OPTION_FILTER,
	  "create|set|show|enable|disable|release|remove [CLASS.NAME] [FILE=VALUE...]",
	  "portions of a pool; release deletes the data that it keeps" },
	{ "calibrate", calibrate_run, OPTION_JSON | OPTION_BYTES | OPTION_WAIT | OPTION_WRITE,
	  "POOL|SOURCE", "measure a source, and propose the capacities of its pool" },
	{ "request", request_run, OPTION_JSON | OPTION_WAIT,
	  "SERVICE TERM=LOW..HIGH...", "wish, on the client's side, and renegotiate" },
	{ "renegotiate", renegotiate_run, OPTION_JSON | OPTION_WAIT | OPTION_SIDE,
	  "SERVICE", "take what is staged, and call, or ask, for another contract" },
	{ "withdraw", withdraw_run, OPTION_JSON | OPTION_WAIT,
	  "SERVICE", "take a contract back, on the provider's side" },
	{ "release", release_run, OPTION_JSON | OPTION_WAIT,
	  "SERVICE", "give a contract back, on the client's side" },
	{ "save", save_run, OPTION_FILTER,
	  "[FILE]", "write the configuration of all pools and services" },
	{ "restore", restore_run, OPTION_DRY_RUN | OPTION_EACH | OPTION_WAIT,
	  "FILE", "make the pools and services that FILE names: all, or nothing" },
	{ "watch", watch_run, OPTION_JSON | OPTION_BYTES | OPTION_WAIT | OPTION_COUNT,
	  "[SERVICE...]", "print changes of contracts and violations as they happen" },
	{ "record", record_run,
	  OPTION_JSON | OPTION_FILTER | OPTION_SIDE | OPTION_WAIT | OPTION_INTERVAL,
	  "[SERVICE...]", "print what they have and use, every 0.1 s, and their events" },
	{ "plot", plot_run, 0,
	  "FILE...", "draw what record has printed, as SVG" },
	{ "metrics", metrics_run, OPTION_FILTER,
	  "", "print all numbers as Prometheus reads them" },
	{ "qemu", qemu_run, OPTION_MEMORY | OPTION_LIBVIRT,
	  "SERVICE...", "print the arguments of QEMU for a VM with these services" },
};

static const struct option long_options[] = {
	{ "root", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "class", required_argument, NULL, 'c' },
	{ "pool", required_argument, NULL, 'p' },
	{ "guest", required_argument, NULL, 'g' },
	{ "client", no_argument, NULL, 'C' },
	{ "provider", no_argument, NULL, 'P' },
	{ "wait", required_argument, NULL, 'w' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "each", no_argument, NULL, 'e' },
	{ "memory", required_argument, NULL, 'm' },
	{ "libvirt", no_argument, NULL, 'l' },
	{ "write", no_argument, NULL, 'W' },
	{ "count", required_argument, NULL, 'N' },
	{ "interval", required_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void usage(FILE *to)
{
	fputs("usage: vspctl COMMAND [OPTION...] [WORD...]\n\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(to, "  %s %s\n        %s\n", commands[i].name, commands[i].usage,
			commands[i].about);
	fputs("\nOptions, where they make sense: --json --bytes --class C --pool P --guest G\n"
	      "--client --provider --wait SECONDS --interval SECONDS --count N --dry-run --each\n"
	      "--memory SIZE --libvirt --write --root DIR. All of it: man vspctl\n", to);
}

static double seconds(const char *option, const char *text, const char *least, const char *most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= atof(least) && value <= atof(most)))
		exit(complain(USAGE, option, "\"%s\": seconds, %s..%s, allowed", text, least,
			      most));
	return value;
}

static unsigned long number(const char *text)
{
	if (!is_number(text) || strlen(text) > 9)
		exit(complain(USAGE, "--count", "\"%s\": 0..999999999 allowed", text));
	return number_of(text, 10);
}

/* By which commands take them, a bit of enum option_bit; 0: all do. */
static const unsigned int option_bits[] = {
	['j'] = OPTION_JSON, ['b'] = OPTION_BYTES,
	['c'] = OPTION_FILTER, ['p'] = OPTION_FILTER, ['g'] = OPTION_FILTER,
	['C'] = OPTION_SIDE, ['P'] = OPTION_SIDE, ['w'] = OPTION_WAIT,
	['n'] = OPTION_DRY_RUN, ['e'] = OPTION_EACH, ['m'] = OPTION_MEMORY,
	['l'] = OPTION_LIBVIRT, ['W'] = OPTION_WRITE, ['N'] = OPTION_COUNT,
	['i'] = OPTION_INTERVAL, ['r'] = 0, ['h'] = 0,
};

static void take_option(int option)
{
	switch (option) {
	case 'r':
		options.root = optarg;
		break;
	case 'j':
		options.json = true;
		break;
	case 'b':
		options.bytes = true;
		break;
	case 'c':
		options.class = optarg;
		break;
	case 'p':
		options.pool = optarg;
		break;
	case 'g':
		options.guest = optarg;
		break;
	case 'C':
		options.client = true;
		break;
	case 'P':
		options.provider = true;
		break;
	case 'w':
		options.wait = seconds("--wait", optarg, "0", "1000000");
		break;
	case 'n':
		options.dry_run = true;
		break;
	case 'e':
		options.each = true;
		break;
	case 'm':
		options.memory = optarg;
		break;
	case 'l':
		options.libvirt = true;
		break;
	case 'W':
		options.write = true;
		break;
	case 'N':
		options.count = number(optarg);
		break;
	case 'i':
		options.interval = seconds("--interval", optarg, "0.01", "3600");
		break;
	case 'h':
		usage(stdout);
		exit(DONE);
	default:
		exit(USAGE);	/* getopt_long() has said why */
	}
}

/* Names those that it takes. */
static int complain_of_option(const struct command *command, const struct option *option)
{
	char taken[256] = "";

	for (const struct option *i = long_options; i->name; i++) {
		size_t length = strlen(taken);

		if (i->val != 'h' && !(option_bits[i->val] & ~command->options))
			snprintf(taken + length, sizeof(taken) - length, " --%s", i->name);
	}
	return complain(USAGE, command->name, "--%s is no option of it:%s allowed", option->name,
			taken);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	exit(complain(USAGE, name, "no such command; see vspctl --help"));
}

/* A service is a few open files, and there may be a thousand. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	const struct command *command;
	bool given[sizeof(option_bits) / sizeof(*option_bits)] = {};
	int option, status;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
		take_option(option);
		given[option] = true;
	}
	if (optind == argc) {
		usage(stderr);
		return USAGE;
	}
	command = find_command(argv[optind++]);
	for (const struct option *i = long_options; i->name; i++)
		if (given[i->val] && option_bits[i->val] & ~command->options)
			return complain_of_option(command, i);
	if (options.client && options.provider)
		return complain(USAGE, command->name, "either --client or --provider");
	allow_files();
	tree_init();
	status = command->run(argc - optind, argv + optind);
	if (fflush(stdout) || ferror(stdout))
		return complain(FAILED, "stdout", "cannot be written");
	return status;
}
