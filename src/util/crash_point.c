// SPDX-License-Identifier: MIT
/* Crash points: see crash_point.h. */
#include "timed/util/crash_point.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/util/log.h"

#define CRASH_POINT_NAME(constant, name) [CRASH_##constant] = (name),
static const char *const names[CRASH_POINT_COUNT] = {CRASH_POINTS(CRASH_POINT_NAME)};
#undef CRASH_POINT_NAME

/* The point that is armed (CRASH_POINT_COUNT: none), and passages left until it fires. */
static enum crash_point armed = CRASH_POINT_COUNT;
static atomic_uint_fast64_t left;

const char *crash_point_name(enum crash_point point)
{
	return (unsigned)point < CRASH_POINT_COUNT ? names[point] : "?";
}

static int refuse_name(const char *name, size_t len)
{
	char known[1024] = "";
	size_t used = 0;

	for (size_t i = 0; i < CRASH_POINT_COUNT && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", names[i]);
	log_error(LOG_NODE, "TIMED_CRASH: unknown crash point \"%.*s\"; there are%s", (int)(len < 64 ? len : 64), name,
		  known);
	return -EINVAL;
}

/* What follows the name: nothing, or "@n". */
static int read_passage(uint64_t *out, const char *text)
{
	unsigned long long n;
	char *end;

	*out = 1;
	if (*text == '\0')
		return 0;
	errno = 0;
	n = strtoull(text + 1, &end, 10);
	if (text[1] < '0' || text[1] > '9' || *end != '\0' || errno || n == 0) {
		log_error(LOG_NODE, "TIMED_CRASH: \"%.32s\" is no passage: @1, @2 ...", text);
		return -EINVAL;
	}
	*out = n;
	return 0;
}

int crash_point_load(void)
{
	const char *text = getenv("TIMED_CRASH");
	size_t len, point = 0;
	uint64_t passage;

	armed = CRASH_POINT_COUNT;
	if (!text || !*text)
		return 0;
	len = strcspn(text, "@");
	while (point < CRASH_POINT_COUNT && (strlen(names[point]) != len || strncmp(names[point], text, len) != 0))
		point++;
	if (point == CRASH_POINT_COUNT)
		return refuse_name(text, len);
	if (read_passage(&passage, text + len))
		return -EINVAL;
	atomic_store(&left, passage);
	armed = (enum crash_point)point;
	log_warn(LOG_NODE, "⚠️ A CRASH POINT IS ARMED, this process will kill itself (TIMED_CRASH): %s", text);
	return 0;
}

void crash_point_pass(enum crash_point point)
{
	if (point != armed || atomic_fetch_sub(&left, 1) != 1)
		return;
	kill(getpid(), SIGKILL);
	for (;;)
		pause(); /* until the signal has come */
}
