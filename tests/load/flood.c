// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood ADDRESS SIZE [SEGMENTS [RATE]]: sends datagrams of SIZE bytes to ADDRESS, port 9, until
 * it is killed: SEGMENTS of them by one call, as fast as it goes or RATE bytes a second.  A
 * call that the system refuses is made again 50 ms later.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/udp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define NS		1000000000LL
#define BEHIND_MAX	(NS / 10)	/* a longer delay is not made up for */
#define REFUSED		(NS / 20)
#define DATAGRAM_MAX	65000

static long long now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * NS + at.tv_nsec;
}

static void sleep_until(long long at)
{
	struct timespec until = { .tv_sec = at / NS, .tv_nsec = at % NS };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int connected(const char *address)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(9) };
	int is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	int sock;

	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		errx(2, "'%s' is no address", address);
	sock = socket(is_six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	if (sock < 0)
		err(1, "socket");
	while (connect(sock, is_six ? (void *)&six : (void *)&four,
		       is_six ? sizeof(six) : sizeof(four)))
		sleep_until(now() + REFUSED);
	return sock;
}

static long number(const char *text, long lowest, long highest)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < lowest || value > highest)
		errx(2, "'%s' is not from %ld to %ld", text, lowest, highest);
	return value;
}

int main(int argc, char **argv)
{
	static char data[DATAGRAM_MAX];
	long size, segments, rate;
	long long due = now();
	int sock;

	if (argc < 3 || argc > 5)
		errx(2, "wants ADDRESS SIZE [SEGMENTS [RATE]]");
	size = number(argv[2], 1, DATAGRAM_MAX);
	segments = argc > 3 ? number(argv[3], 1, DATAGRAM_MAX / size) : 1;
	rate = argc > 4 ? number(argv[4], 0, INT_MAX) : 0;
	prctl(PR_SET_TIMERSLACK, 1);
	sock = connected(argv[1]);
	if (segments > 1 && setsockopt(sock, IPPROTO_UDP, UDP_SEGMENT, &(int){ size }, sizeof(int)))
		err(1, "UDP_SEGMENT");
	for (;;) {
		if (send(sock, data, size * segments, 0) < 0)
			sleep_until(now() + REFUSED);
		if (!rate)
			continue;
		due += size * segments * NS / rate;
		if (due < now() - BEHIND_MAX)
			due = now() - BEHIND_MAX;
		sleep_until(due);
	}
}
