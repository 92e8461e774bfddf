// SPDX-License-Identifier: GPL-2.0-only
/*
 * How late a card's other end has what is played: a program that plays a counter on one PCM and
 * records it from another one, by the kernel's own ioctls of ALSA.
 *
 * delay [OPTION...] PLAY RECORD: for --seconds N, at 48000 frames/s of s32, one channel.
 *
 *	--period FRAMES, --buffer FRAMES
 *	--look US	looks that often, instead of waiting for periods
 *
 * A frame is expected when the card that plays it says that it will be heard. What is printed is
 * how much later than that it was there to be read, in us (median, 99 of 100, most), and how often
 * each stream ran dry or over.
 *
 *	--cost		prints also what the processor does for it, in us a second: by what a
 *			process that runs when nothing else does did before, in as long a time,
 *			and meanwhile. With one processor, where nothing else runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "params.h"

#define RATE		48000
#define FRAMES_AT_ONCE	256
#define RECORDER_BUFFERS 8	/* as large as those of the player, not to run over */
#define PENDING		4096	/* chunks that were written and not read, a power of two */
#define DELAYS_MAX	1000000

static struct {
	unsigned int period;
	unsigned int buffer;
	unsigned int seconds;
	unsigned int look_us;
	int cost;
} option = { .period = RATE / 200, .buffer = RATE / 25, .seconds = 1 };

struct stream {
	const char *name;
	int fd;
	unsigned long xruns;
};

/* Of a chunk: its last frame, and when it is expected. */
struct chunk {
	int frame;
	long long expected_ns;
};

static struct stream player, recorder;
static struct chunk pending[PENDING];
static unsigned int written, seen;
static int frames_written;
static int delays[DELAYS_MAX];
static unsigned int count;

static void fail(const struct stream *stream, const char *what)
{
	fprintf(stderr, "delay: %s: %s: %s\n", stream->name, what, strerror(errno));
	exit(1);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void set_params(struct stream *stream)
{
	struct snd_pcm_sw_params software = {
		.period_step = 1, .avail_min = option.period, .start_threshold = option.buffer,
		.stop_threshold = option.buffer,
	};
	struct snd_pcm_hw_params params;

	any(&params);
	set_mask(&params, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	set_mask(&params, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S32_LE);
	set_mask(&params, SNDRV_PCM_HW_PARAM_SUBFORMAT, SNDRV_PCM_SUBFORMAT_STD);
	set(&params, SNDRV_PCM_HW_PARAM_RATE, RATE);
	set(&params, SNDRV_PCM_HW_PARAM_CHANNELS, 1);
	set(&params, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, option.period);
	set(&params, SNDRV_PCM_HW_PARAM_BUFFER_SIZE,
	    stream == &recorder ? RECORDER_BUFFERS * option.buffer : option.buffer);
	if (ioctl(stream->fd, SNDRV_PCM_IOCTL_HW_PARAMS, &params))
		fail(stream, "parameters");
	if (stream == &recorder)
		software.stop_threshold = RECORDER_BUFFERS * option.buffer;
	if (ioctl(stream->fd, SNDRV_PCM_IOCTL_SW_PARAMS, &software))
		fail(stream, "software parameters");
	if (ioctl(stream->fd, SNDRV_PCM_IOCTL_PREPARE))
		fail(stream, "prepare");
}

/* Return: whether to go on now; else there is nothing to be done for a while. */
static int recover(struct stream *stream, const char *what)
{
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno != EPIPE)
		fail(stream, what);
	stream->xruns++;
	seen = written;
	if (ioctl(stream->fd, SNDRV_PCM_IOCTL_PREPARE))
		fail(stream, "prepare");
	if (stream == &recorder && ioctl(stream->fd, SNDRV_PCM_IOCTL_START))
		fail(stream, "start");
	return 1;
}

/*
 * Is there room for a period? A position that goes by time has some room always; and what is late
 * beyond the buffer takes no room in it.
 */
static int has_room(void)
{
	struct snd_pcm_status status = { };

	if (ioctl(player.fd, SNDRV_PCM_IOCTL_STATUS, &status))
		fail(&player, "room");
	return status.avail >= option.period;
}

/* Before the stream runs nobody knows when it will: what fills the buffer first is not measured. */
static void expect(int frame)
{
	struct chunk *chunk = &pending[written % PENDING];
	struct snd_pcm_status status = { };

	if (written - seen == PENDING || ioctl(player.fd, SNDRV_PCM_IOCTL_STATUS, &status) ||
	    status.state != SNDRV_PCM_STATE_RUNNING)
		return;
	chunk->frame = frame;
	chunk->expected_ns = now_ns() + status.delay * 1000000000LL / RATE;
	written++;
}

static void play(void)
{
	static int samples[FRAMES_AT_ONCE];

	while (has_room()) {
		struct snd_xferi transfer = { .buf = samples, .frames = option.period };

		for (unsigned int i = 0; i < option.period; i++)
			samples[i] = frames_written + i + 1;
		if (!ioctl(player.fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer)) {
			frames_written += transfer.result;
			expect(frames_written);
		} else if (!recover(&player, "write")) {
			return;
		}
	}
}

static void arrived(int frame, long long now)
{
	for (; seen != written && pending[seen % PENDING].frame <= frame; seen++)
		if (count < DELAYS_MAX)
			delays[count++] = (now - pending[seen % PENDING].expected_ns) / 1000;
}

static void record(void)
{
	static int samples[FRAMES_AT_ONCE];

	for (;;) {
		struct snd_xferi transfer = { .buf = samples, .frames = FRAMES_AT_ONCE };

		if (!ioctl(recorder.fd, SNDRV_PCM_IOCTL_READI_FRAMES, &transfer))
			arrived(samples[transfer.result - 1], now_ns());
		else if (!recover(&recorder, "read"))
			return;
	}
}

static void pause_until_something(void)
{
	struct pollfd both[] = {
		{ .fd = player.fd, .events = POLLOUT }, { .fd = recorder.fd, .events = POLLIN },
	};

	if (option.look_us)
		usleep(option.look_us);
	else
		poll(both, 2, 1000);
}

/* How far the process has come that runs when nothing else does. */
static unsigned long *idle;

/* Clocks of processes are too coarse for this: some kernels count in ticks. */
static void start_idling(void)
{
	struct sched_param param = { };
	pid_t child;

	idle = mmap(NULL, sizeof(*idle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = idle == MAP_FAILED ? -1 : fork();
	if (child < 0)
		fail(&player, "idle process");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may end later than this program, and the PCMs are the next one's then. */
	close(player.fd);
	close(recorder.fd);
	sched_setscheduler(0, SCHED_IDLE, &param);
	for (;;)
		__atomic_fetch_add(idle, 1, __ATOMIC_RELAXED);
}

static unsigned long idle_count(void)
{
	return __atomic_load_n(idle, __ATOMIC_RELAXED);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* @before, @after: a share of it, counted in equal times. */
static void print(unsigned long before, unsigned long after)
{
	if (!count) {
		fprintf(stderr, "delay: %s: nothing was recorded\n", recorder.name);
		exit(1);
	}
	qsort(delays, count, sizeof(delays[0]), compare);
	printf("median %d p99 %d most %d xruns %lu overruns %lu", delays[count / 2],
	       delays[count * 99ULL / 100], delays[count - 1], player.xruns, recorder.xruns);
	if (option.cost)
		printf(" busy %.0f", 1e6 - 1e6 * after / before);
	printf("\n");
}

static void run(void)
{
	unsigned long before = 0;
	long long end;

	if (option.cost) {
		start_idling();
		sleep(option.seconds);
		before = idle_count();
	}
	if (ioctl(recorder.fd, SNDRV_PCM_IOCTL_START))
		fail(&recorder, "start");
	end = now_ns() + option.seconds * 1000000000LL;
	while (now_ns() < end) {
		play();
		record();
		pause_until_something();
	}
	print(before, option.cost ? idle_count() - before : 0);
}

static int opened(struct stream *stream, const char *name)
{
	stream->name = name;
	stream->fd = open(name, O_RDWR | O_NONBLOCK);
	if (stream->fd < 0)
		fail(stream, "open");
	set_params(stream);
	return stream->fd;
}

int main(int arguments, char **argument)
{
	static const struct option options[] = {
		{ "period", 1, 0, 'p' }, { "buffer", 1, 0, 'b' }, { "seconds", 1, 0, 's' },
		{ "look", 1, 0, 'l' }, { "cost", 0, 0, 'c' }, { }
	};
	int letter;

	while ((letter = getopt_long(arguments, argument, "", options, NULL)) != -1) {
		unsigned int value = strtoul(optarg ?: "0", NULL, 0);

		if (letter == 'p')
			option.period = value;
		else if (letter == 'b')
			option.buffer = value;
		else if (letter == 's')
			option.seconds = value;
		else if (letter == 'l')
			option.look_us = value;
		else if (letter == 'c')
			option.cost = 1;
		else
			return 2;
	}
	if (optind != arguments - 2 || !option.period || option.period > FRAMES_AT_ONCE) {
		fprintf(stderr, "what it takes is at the head of its source\n");
		return 2;
	}
	opened(&player, argument[optind]);
	opened(&recorder, argument[optind + 1]);
	run();
	return 0;
}
