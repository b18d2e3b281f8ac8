// SPDX-License-Identifier: MIT
/* Talking to the service manager; see service.h. */
#include "timed/node/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "node_impl.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

/* How often the start asks for more time, how much, and without a step for how long. */
#define EXTEND_EVERY_MS 10000
#define EXTEND_TEXT "EXTEND_TIMEOUT_USEC=60000000"
#define STEP_PATIENCE_MS 900000
/* What has changed is told at most this often. */
#define STATUS_MS 2000
/* A thread that still hangs is named again. */
#define REPEAT_MS 60000
#define STATUS_SIZE 640

static struct {
	struct thread thread; /* `starting` */
	struct mutex lock;    /* leaf; guards `over`, `starting` and `step` */
	struct cond over;
	bool starting;
	char step[SERVICE_STEP_SIZE];
	atomic_int_fast64_t stepped_ms;
	atomic_bool ready;    /* READY=1 is said and STOPPING=1 is not: the keeper may speak */
	atomic_bool failed;   /* the status line says why the node stops, and keeps saying it */
	int64_t step_told_ms; /* main only */

	/* The keeper's, and main's while there is no keeper. */
	int64_t feed_due_ms, status_due_ms;
	char status[STATUS_SIZE];	/* told last */
	int64_t judged_ms;		/* 0: not yet */
	int64_t told_ms[WATCHED_COUNT]; /* when the thread was last said to hang; 0: it does not */
} service = {.lock = MUTEX_INITIALIZER("service", MUTEX_RANK_LEAF)};

/* ---- Starting ---- */

static void *starting_run(void *arg)
{
	bool on = true;

	(void)arg;
	while (on) {
		int64_t now_ms = clock_mono_ms();

		if (now_ms - atomic_load(&service.stepped_ms) < STEP_PATIENCE_MS)
			(void)sd_notify(0, EXTEND_TEXT);
		mutex_lock(&service.lock);
		while (service.starting && !cond_wait_until(&service.over, &service.lock, now_ms + EXTEND_EVERY_MS))
			continue;
		on = service.starting;
		mutex_unlock(&service.lock);
	}
	return NULL;
}

void service_begin(void)
{
	const char *socket = getenv("NOTIFY_SOCKET");
	int r;

	service_step("Starting", 0, 0);
	if (!socket || !*socket)
		return;
	cond_init(&service.over);
	service.starting = true;
	r = thread_start(&service.thread, "starting", starting_run, NULL);
	if (r)
		log_warn(LOG_NODE, "A slow start will not be excused at the service manager: %s", strerror(-r));
}

void service_step(const char *what, uint64_t height, uint64_t of)
{
	int64_t now_ms = clock_mono_ms();
	char step[SERVICE_STEP_SIZE];

	if (of == 0)
		snprintf(step, sizeof(step), "%s", what);
	else
		snprintf(step, sizeof(step), "%s: block %" PRIu64 " of %" PRIu64, what, height, of);
	mutex_lock(&service.lock);
	memcpy(service.step, step, sizeof(step));
	mutex_unlock(&service.lock);
	atomic_store(&service.stepped_ms, now_ms);
	if (of == 0 || now_ms - service.step_told_ms >= STATUS_MS) {
		(void)sd_notifyf(0, "STATUS=%s", step);
		service.step_told_ms = of == 0 ? 0 : now_ms;
	}
}

void service_last_step(char out[SERVICE_STEP_SIZE])
{
	mutex_lock(&service.lock);
	memcpy(out, service.step, SERVICE_STEP_SIZE);
	mutex_unlock(&service.lock);
}

void service_end_start(void)
{
	if (!service.thread.started)
		return;
	mutex_lock(&service.lock);
	service.starting = false;
	cond_signal(&service.over);
	mutex_unlock(&service.lock);
	thread_join(&service.thread);
	service.thread.started = false;
}

/* ---- Running ---- */

static void status_text(char out[STATUS_SIZE], struct node *node, const struct watchdog_verdict *verdict)
{
	uint32_t peers = net_ready_count(node->net);
	struct node_sync sync;
	int n;

	node_sync_status(node, &sync);
	n = snprintf(out, STATUS_SIZE, "Height %" PRIu64 ", %" PRIu32 " peer%s", sync.height, peers,
		     peers == 1 ? "" : "s");
	if (sync.syncing)
		n += snprintf(out + n, STATUS_SIZE - (size_t)n, ", fetching blocks up to %" PRIu64, sync.target);
	if (!verdict->alive)
		snprintf(out + n, STATUS_SIZE - (size_t)n, "; HANGS: %s", verdict->text);
}

void service_ready(struct node *node)
{
	struct watchdog_verdict verdict;

	node_watchdog(node, &verdict);
	status_text(service.status, node, &verdict);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", service.status);
	atomic_store(&service.ready, true);
}

void service_reloading(void)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
}

void service_reloaded(void)
{
	(void)sd_notify(0, "READY=1");
}

void service_stopping(void)
{
	atomic_store(&service.ready, false);
	(void)sd_notify(0, atomic_load(&service.failed) ? "STOPPING=1" : "STOPPING=1\nSTATUS=Stopping");
}

void service_failed(const char *reason)
{
	if (!atomic_exchange(&service.failed, true))
		(void)sd_notifyf(0, "STATUS=Failed: %s", reason);
}

/* ---- The keeper's part ---- */

static void tell_hung(const struct watchdog_thread *thread, int64_t now_ms, int64_t *told_ms)
{
	if (*told_ms && now_ms - *told_ms < REPEAT_MS)
		return;
	log_error(LOG_NODE,
		  "⚠️ THE THREAD %s HANGS: no progress for %" PRId64
		  " s (%s). This node does not work; the service manager's "
		  "watchdog is not fed until it goes on",
		  thread->name, thread->silent_ms / 1000, thread->doing);
	*told_ms = now_ms;
}

static void tell(const struct watchdog_verdict *verdict, int64_t now_ms)
{
	for (int i = 0; i < WATCHED_COUNT; i++) {
		const struct watchdog_thread *thread = &verdict->thread[i];

		if (thread->hung) {
			tell_hung(thread, now_ms, &service.told_ms[i]);
		} else if (service.told_ms[i]) {
			log_warn(LOG_NODE, "The thread %s goes on", thread->name);
			service.told_ms[i] = 0;
		}
	}
}

static void feed(int64_t now_ms)
{
	uint64_t every_us;

	if (now_ms < service.feed_due_ms || sd_watchdog_enabled(0, &every_us) <= 0)
		return;
	(void)sd_notify(0, "WATCHDOG=1");
	/* Its time is over only when several have failed to come. */
	service.feed_due_ms = now_ms + (int64_t)(every_us / 4000);
}

static void tell_status(struct node *node, const struct watchdog_verdict *verdict, int64_t now_ms)
{
	char text[STATUS_SIZE];

	if (now_ms < service.status_due_ms)
		return;
	service.status_due_ms = now_ms + STATUS_MS;
	status_text(text, node, verdict);
	if (strcmp(text, service.status) == 0)
		return;
	memcpy(service.status, text, sizeof(text));
	(void)sd_notifyf(0, "STATUS=%s", text);
}

void service_tick(struct node *node, int64_t now_ms)
{
	struct watchdog_verdict verdict;
	bool late = service.judged_ms && now_ms - service.judged_ms > node->watchdog.allowance_ms / 2;

	/* Where the keeper itself was late, the whole process or machine stood still: the others get a moment. */
	service.judged_ms = now_ms;
	if (late)
		return;
	watchdog_judge(&verdict, &node->watchdog, now_ms);
	tell(&verdict, now_ms);
	if (!atomic_load(&service.ready) || atomic_load(&service.failed))
		return;
	if (verdict.alive)
		feed(now_ms);
	tell_status(node, &verdict, now_ms);
}
