// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users of byte channels.
 *
 *	traffic send PATH BYTES SEED		writes so many bytes of a sequence
 *	traffic receive PATH BYTES SEED		reads them: all, in order; then an end of file
 *	traffic echo PATH			sends back what comes, to the end of file
 *	traffic datagrams PATH COUNT SEED	writes so many messages of different lengths
 *	traffic collect PATH COUNT SEED		reads them: each as it was sent
 *	traffic fill PATH			writes without waiting for as long as there is room
 *	traffic poll PATH EVENTS SECONDS	waits for any of in, out, hup; prints all there are
 *	traffic churn PATH SECONDS SEED		opens, reads, writes and closes, over and over
 *	traffic window PATH [ROWS COLUMNS]	sets the size of a console's terminal; prints it
 *	traffic drain PATH			writes zeroes to a terminal for as long as there is
 *						room, and waits until the other side has them all
 *	traffic flush PATH			writes likewise, drops what was not sent, and
 *						writes once more
 *	traffic vhangup PATH			writes likewise, and hangs the terminal up beside a
 *						process that waits for the other side
 *	traffic keep PATH			has it open until it is killed, and reads nothing
 *	traffic hold PATH			has it open until its standard input ends, then
 *						reads the rest: prints how many bytes that was
 *
 * Prints what it has moved; fails with a line that says what is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM_MAX 4064

static const char *path;

static void die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", path);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static __u64 next(__u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The sequence: each 8 bytes from the ones before. */
static void fill(__u64 *state, __u8 *bytes, size_t length)
{
	for (size_t i = 0; i < length; i += 8) {
		__u64 word = next(state);

		memcpy(bytes + i, &word, length - i < 8 ? length - i : 8);
	}
}

static int open_port(int flags)
{
	int fd;

	/* Another one may just be closing it. */
	for (int i = 0; i < 3000; i++) {
		fd = open(path, flags);
		if (fd >= 0 || errno != EBUSY)
			break;
		usleep(10000);
	}
	if (fd < 0)
		die("open: %m");
	return fd;
}

static void write_all(int fd, const __u8 *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done <= 0)
			die("write: %m");
		bytes += done;
		length -= done;
	}
}

static void send_bytes(__u64 bytes, __u64 seed)
{
	static __u8 buffer[65536];
	int fd = open_port(O_WRONLY);

	for (__u64 done = 0; done < bytes;) {
		size_t part = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);

		fill(&seed, buffer, part);
		write_all(fd, buffer, part);
		done += part;
	}
	close(fd);
	printf("sent %llu\n", (unsigned long long)bytes);
}

static void receive_bytes(__u64 bytes, __u64 seed)
{
	static __u8 buffer[65536], wanted[65536];
	__u64 done = 0;
	int fd = open_port(O_RDONLY);

	while (done < bytes) {
		size_t part = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);

		fill(&seed, wanted, part);
		for (size_t got = 0; got < part;) {
			ssize_t length = read(fd, buffer + got, part - got);

			if (length <= 0)
				die("after %llu bytes: read: %s", (unsigned long long)done + got,
				    length ? strerror(errno) : "end of file");
			got += length;
		}
		if (memcmp(buffer, wanted, part))
			die("bytes %llu and up are wrong", (unsigned long long)done);
		done += part;
	}
	if (read(fd, buffer, 1) != 0)
		die("no end of file");
	printf("received %llu\n", (unsigned long long)bytes);
}

static void echo(void)
{
	static __u8 buffer[65536];
	int fd = open_port(O_RDWR);
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		write_all(fd, buffer, length);
	if (length)
		die("read: %m");
}

static size_t datagram(__u64 *state, __u64 number, __u8 *bytes)
{
	size_t length = 8 + next(state) % (DATAGRAM_MAX - 7);

	fill(state, bytes, length);
	memcpy(bytes, &number, 8);
	return length;
}

static void send_datagrams(__u64 count, __u64 seed)
{
	__u8 bytes[DATAGRAM_MAX + 8];
	int fd = open_port(O_WRONLY);

	if (write(fd, bytes, DATAGRAM_MAX + 1) >= 0 || errno != EMSGSIZE)
		die("a message that is too long: %m");
	for (__u64 i = 0; i < count; i++) {
		size_t length = datagram(&seed, i, bytes);

		if (write(fd, bytes, length) != (ssize_t)length)
			die("write: %m");
	}
	close(fd);
	printf("sent %llu\n", (unsigned long long)count);
}

static void collect_datagrams(__u64 count, __u64 seed)
{
	__u8 bytes[DATAGRAM_MAX + 8], wanted[DATAGRAM_MAX + 8];
	int fd = open_port(O_RDONLY);

	for (__u64 i = 0; i < count; i++) {
		size_t length = datagram(&seed, i, wanted);
		ssize_t got = read(fd, bytes, sizeof(bytes));

		if (got != (ssize_t)length || memcmp(bytes, wanted, length))
			die("message %llu has %zd bytes, or others than it should have of %zu",
			    (unsigned long long)i, got, length);
	}
	if (read(fd, bytes, sizeof(bytes)) != 0)
		die("no end of file");
	printf("received %llu\n", (unsigned long long)count);
}

static void fill_up(void)
{
	static __u8 buffer[65536];
	int fd = open_port(O_WRONLY | O_NONBLOCK);
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	__u64 done = 0;
	ssize_t length;

	/* For half a second nobody has made room. */
	while (poll(&wait, 1, done ? 500 : 10000) == 1 && wait.revents == POLLOUT) {
		length = write(fd, buffer, sizeof(buffer));
		if (length < 0 && errno != EAGAIN)
			die("write: %m");
		if (length > 0)
			done += length;
	}
	printf("filled %llu\n", (unsigned long long)done);
}

static void wait_events(const char *events, int seconds)
{
	struct pollfd wait = { .fd = open_port(O_RDWR | O_NONBLOCK) };

	wait.events = (strstr(events, "in") ? POLLIN : 0) | (strstr(events, "out") ? POLLOUT : 0);
	if (poll(&wait, 1, seconds * 1000) != 1)
		die("nothing of %s happens", events);
	printf("%s%s%s\n", wait.revents & POLLIN ? "in " : "", wait.revents & POLLOUT ? "out " : "",
	       wait.revents & POLLHUP ? "hup" : "");
}

static void churn(int seconds, __u64 seed)
{
	time_t until = time(NULL) + seconds;
	__u8 bytes[DATAGRAM_MAX];
	unsigned long rounds = 0;

	while (time(NULL) < until) {
		int fd = open(path, O_RDWR | O_NONBLOCK);
		struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };

		/* The channel may be about to come, and memory may be short. */
		if (fd < 0) {
			if (errno != ENOENT && errno != ENOMEM && errno != ENODEV && errno != ENXIO)
				die("open: %m");
			usleep(1000);
			continue;
		}
		for (unsigned int i = next(&seed) % 8; i; i--) {
			poll(&wait, 1, next(&seed) % 4);
			if (write(fd, bytes, 1 + next(&seed) % sizeof(bytes)) < 0 &&
			    errno != EAGAIN && errno != EPIPE)
				die("write: %m");
			if (read(fd, bytes, sizeof(bytes)) < 0 && errno != EAGAIN)
				die("read: %m");
		}
		close(fd);
		rounds++;
	}
	printf("opened %lu\n", rounds);
}

static void window(char **size)
{
	struct winsize set = { };
	int fd = open_port(O_RDWR);

	if (size[0] && size[1]) {
		set.ws_row = atoi(size[0]);
		set.ws_col = atoi(size[1]);
		if (ioctl(fd, TIOCSWINSZ, &set))
			die("TIOCSWINSZ: %m");
	}
	if (ioctl(fd, TIOCGWINSZ, &set))
		die("TIOCGWINSZ: %m");
	printf("%u %u\n", set.ws_row, set.ws_col);
}

/* Return: the terminal, to which no more can be written. */
static int fill_terminal(void)
{
	static const __u8 zeroes[4096];
	int fd = open_port(O_RDWR | O_NOCTTY);
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	struct termios raw;
	__u64 bytes = 1;
	ssize_t part;

	if (tcgetattr(fd, &raw))
		die("tcgetattr: %m");
	cfmakeraw(&raw);
	if (tcsetattr(fd, TCSANOW, &raw))
		die("tcsetattr: %m");
	/* The first one waits for the other side. */
	write_all(fd, zeroes, 1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (poll(&room, 1, 1000) > 0) {
		part = write(fd, zeroes, sizeof(zeroes));
		if (part < 0 && errno != EAGAIN)
			die("write: %m");
		bytes += part > 0 ? part : 0;
	}
	printf("written %llu\n", bytes);
	fflush(stdout);
	return fd;
}

static void drain(void)
{
	int fd = fill_terminal(), unsent;

	if (tcdrain(fd) || ioctl(fd, TIOCOUTQ, &unsent))
		die("tcdrain, TIOCOUTQ: %m");
	printf("drained, %d left\n", unsent);
}

static void flush(void)
{
	int fd = fill_terminal(), before, after;

	if (ioctl(fd, TIOCOUTQ, &before) || tcflush(fd, TCOFLUSH) || tcdrain(fd) ||
	    ioctl(fd, TIOCOUTQ, &after))
		die("tcflush, tcdrain, TIOCOUTQ: %m");
	printf("flushed, %s left of %s\n", after ? "some" : "none", before ? "some" : "none");
	/* This one waits for room. */
	fcntl(fd, F_SETFL, 0);
	write_all(fd, (const __u8 *)"x", 1);
	if (ioctl(fd, TIOCOUTQ, &after))
		die("TIOCOUTQ: %m");
	printf("written again, %s left\n", after ? "some" : "none");
}

static char state_of(pid_t pid)
{
	char name[32], state = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	file = fopen(name, "r");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		die("%s: %m", name);
	fclose(file);
	return state;
}

static void hang_up(void)
{
	struct termios settings;
	int fd, go[2], status;
	pid_t child;
	char byte;

	/* The hang-up is for who has the terminal; it is not to kill the process that waits. */
	signal(SIGHUP, SIG_IGN);
	if (setsid() < 0 || pipe(go))
		die("setsid, pipe: %m");
	fd = fill_terminal();
	if (ioctl(fd, TIOCSCTTY, 0) || tcgetattr(fd, &settings))
		die("TIOCSCTTY, tcgetattr: %m");
	child = fork();
	if (child < 0)
		die("fork: %m");
	if (!child) {
		write_all(go[1], (const __u8 *)"x", 1);
		tcsetattr(fd, TCSADRAIN, &settings);
		_exit(0);
	}
	if (read(go[0], &byte, 1) != 1)
		die("read: %m");
	while (state_of(child) == 'R')
		usleep(10000);
	if (state_of(child) != 'S')
		die("TCSADRAIN did not wait");
	if (vhangup())
		die("vhangup: %m");
	waitpid(child, &status, 0);
	printf("hung up\n");
}

static void keep(void)
{
	open_port(O_RDONLY);
	for (;;)
		pause();
}

static void hold(void)
{
	static __u8 buffer[65536];
	int fd = open_port(O_RDWR);
	__u64 rest = 0;
	ssize_t length;

	while (read(STDIN_FILENO, buffer, 1) > 0)
		;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		rest += length;
	if (length)
		die("read: %m");
	if (write(fd, buffer, 1) >= 0 || errno != EPIPE)
		die("write after a hang-up: %m");
	printf("rest %llu\n", (unsigned long long)rest);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	__u64 count = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	__u64 seed = argc > 4 ? strtoull(argv[4], NULL, 0) | 1 : 1;

	path = argc > 2 ? argv[2] : argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "send"))
		send_bytes(count, seed);
	else if (!strcmp(what, "receive"))
		receive_bytes(count, seed);
	else if (!strcmp(what, "echo"))
		echo();
	else if (!strcmp(what, "datagrams"))
		send_datagrams(count, seed);
	else if (!strcmp(what, "collect"))
		collect_datagrams(count, seed);
	else if (!strcmp(what, "fill"))
		fill_up();
	else if (!strcmp(what, "poll"))
		wait_events(argv[3], argc > 4 ? atoi(argv[4]) : 30);
	else if (!strcmp(what, "churn"))
		churn(count, seed);
	else if (!strcmp(what, "window"))
		window(argv + 3);
	else if (!strcmp(what, "drain"))
		drain();
	else if (!strcmp(what, "flush"))
		flush();
	else if (!strcmp(what, "vhangup"))
		hang_up();
	else if (!strcmp(what, "keep"))
		keep();
	else if (!strcmp(what, "hold"))
		hold();
	else
		die("no such thing to do: %s; see the head of the source", what);
	return 0;
}
