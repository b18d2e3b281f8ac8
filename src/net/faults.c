/* SPDX-License-Identifier: MIT
 *
 * Faults on demand; see faults.h.  First the rules (text to table, table and message to rule), which know nothing of
 * connections; then the hooks that the worker and the senders call.
 */
#include "faults.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "net_impl.h"
#include "peer_impl.h"
#include "session.h"
#include "timed/net/frame.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timed/util/nearest.h"
#include "timeproto/wire/json.h"
#include "timeproto/wire/schema.h"

/* --- rules ------------------------------------------------------------------------------------------------------- */

#define WORD_SIZE 48

struct parser {
	const char *begin, *at;
	struct faults_error *error;
};

static const char *const direction_names[] = {[FAULT_IN] = "in", [FAULT_OUT] = "out"};

static const char *const action_names[] = {
	[FAULT_PASS] = NULL, /* what nobody asks for */
	[FAULT_CLOSE_BEFORE] = "close-before",
	[FAULT_CLOSE_AFTER] = "close-after",
	[FAULT_DROP] = "drop",
	[FAULT_HOLD] = "hold",
	[FAULT_BLACKHOLE] = "blackhole",
	[FAULT_CRASH] = "crash",
	[FAULT_OVERFLOW] = "overflow",
	[FAULT_CHECK] = "check",
};
#define ACTION_COUNT (sizeof(action_names) / sizeof(action_names[0]))

__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, const char *where, const char *format, ...)
{
	va_list args;

	p->error->position = (size_t)(where - p->begin) + 1;
	va_start(args, format);
	vsnprintf(p->error->text, sizeof(p->error->text), format, args);
	va_end(args);
	return FAULTS_E_TEXT;
}

static int fail_unknown(struct parser *p, const char *where, const char *what, const struct nearest *near)
{
	const char *meant = nearest_result(near);

	return fail(p, where, "unknown %s \"%s\"%s%s", what, near->wanted, meant ? ", did you mean " : "",
		    meant ? meant : "");
}

static void skip_blanks(struct parser *p)
{
	p->at += strspn(p->at, " \t");
}

static bool skip_char(struct parser *p, char c)
{
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

/* What stands here up to the next mark of the grammar; cut to the buffer, which is longer than any word it knows. */
static void take_word(struct parser *p, char out[WORD_SIZE])
{
	size_t len = strcspn(p->at, ":=@, \t");

	snprintf(out, WORD_SIZE, "%.*s", (int)(len < WORD_SIZE ? len : WORD_SIZE), p->at);
	p->at += len;
}

/* A number of digits alone, 1 to max. */
static int take_number(struct parser *p, uint64_t *out, uint64_t max, const char *what)
{
	const char *where = p->at;
	uint64_t v = 0;

	for (; *p->at >= '0' && *p->at <= '9' && v <= max; p->at++)
		v = v * 10 + (uint64_t)(*p->at - '0');
	if (p->at == where || v == 0 || v > max)
		return fail(p, where, "%s is 1 to %" PRIu64, what, max);
	*out = v;
	return 0;
}

static int take_type(struct parser *p, enum wire_type *out)
{
	const char *where = p->at;
	char word[WORD_SIZE];
	struct nearest near = {.wanted = word};

	take_word(p, word);
	*out = wire_type_from_name(word, strlen(word));
	if (*out < WIRE_TYPE_COUNT)
		return 0;
	for (int i = 0; i < WIRE_TYPE_COUNT; i++)
		nearest_offer(&near, wire_type_name((enum wire_type)i));
	return fail_unknown(p, where, "message", &near);
}

static int take_action(struct parser *p, struct fault_rule *rule)
{
	const char *where = p->at;
	char word[WORD_SIZE];
	struct nearest near = {.wanted = word};
	uint64_t ms;

	take_word(p, word);
	for (size_t i = FAULT_PASS + 1; i < ACTION_COUNT; i++) {
		if (strcmp(word, action_names[i]) == 0)
			rule->action = (enum fault_action)i;
		nearest_offer(&near, action_names[i]);
	}
	if (rule->action == FAULT_PASS)
		return fail_unknown(p, where, "action", &near);
	where = p->at;
	if (rule->action != FAULT_HOLD)
		return skip_char(p, '=') ? fail(p, where, "%s takes no time", word) : 0;
	if (!skip_char(p, '='))
		return fail(p, where, "hold needs a time: hold=500");
	if (take_number(p, &ms, FAULTS_MAX_HOLD_MS, "a time in milliseconds"))
		return FAULTS_E_TEXT;
	rule->hold_ms = (int64_t)ms;
	return 0;
}

/* "", "@first" or "@first-last" */
static int take_range(struct parser *p, struct fault_rule *rule)
{
	static const uint64_t max = 1000000000;
	const char *where;

	rule->first = 1;
	rule->last = UINT64_MAX;
	if (!skip_char(p, '@'))
		return 0;
	if (take_number(p, &rule->first, max, "the number of a message"))
		return FAULTS_E_TEXT;
	if (!skip_char(p, '-'))
		return 0;
	where = p->at;
	if (take_number(p, &rule->last, max, "the number of a message"))
		return FAULTS_E_TEXT;
	if (rule->last < rule->first)
		return fail(p, where, "the last message is before the first");
	return 0;
}

/* What follows "in:" or "out:". */
static int take_message_rule(struct parser *p, struct faults *out, int direction)
{
	struct fault_rule rule = {.direction = (enum fault_direction)direction};

	if (out->count == FAULTS_MAX_RULES)
		return fail(p, p->at, "more than %d rules", FAULTS_MAX_RULES);
	if (take_type(p, &rule.type))
		return FAULTS_E_TEXT;
	if (!skip_char(p, ':'))
		return fail(p, p->at, "an action is missing: %s:%s:drop", direction_names[direction],
			    wire_type_name(rule.type));
	if (take_action(p, &rule) || take_range(p, &rule))
		return FAULTS_E_TEXT;
	out->rules[out->count++] = rule;
	out->concerns[direction] = true;
	return 0;
}

/* The first word of a rule says what kind it is, and so who reads the rest. */
static const struct rule_kind {
	const char *word;
	int (*take)(struct parser *p, struct faults *out, int argument);
	int argument;
} rule_kinds[] = {
	{"in", take_message_rule, FAULT_IN},
	{"out", take_message_rule, FAULT_OUT},
};

static int take_rule(struct parser *p, struct faults *out)
{
	const char *where = p->at;
	char word[WORD_SIZE];

	take_word(p, word);
	for (size_t i = 0; i < sizeof(rule_kinds) / sizeof(rule_kinds[0]); i++) {
		if (strcmp(word, rule_kinds[i].word) == 0 && skip_char(p, ':'))
			return rule_kinds[i].take(p, out, rule_kinds[i].argument);
	}
	return fail(p, where, "a rule begins with \"in:\" or \"out:\"");
}

int faults_parse(struct faults *out, struct faults_error *error, const char *text)
{
	struct parser p = {text, text, error};

	memset(out, 0, sizeof(*out));
	skip_blanks(&p);
	if (*p.at == '\0')
		return 0;
	do {
		skip_blanks(&p);
		if (take_rule(&p, out))
			return FAULTS_E_TEXT;
		skip_blanks(&p);
	} while (skip_char(&p, ','));
	if (*p.at != '\0')
		return fail(&p, p.at, "a comma or the end is expected here");
	return 0;
}

const struct fault_rule *faults_match(struct faults *faults, uint64_t *number, enum fault_direction direction,
				      enum wire_type type)
{
	*number = atomic_fetch_add_explicit(&faults->seen[direction][type], 1, memory_order_relaxed) + 1;
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault_rule *rule = &faults->rules[i];

		if (rule->direction == direction && rule->type == type && *number >= rule->first &&
		    *number <= rule->last)
			return rule;
	}
	return NULL;
}

/* --- hooks ------------------------------------------------------------------------------------------------------- */

/* How often a line that there was no memory for is tried again. */
#define RETRY_MS 100

struct fault_item {
	struct fault_item *next;
	struct frame *frame;	  /* counted */
	enum fault_action action; /* when its turn has come */
	int64_t due_ms;		  /* not before; of a message behind a held one 0 */
	bool answer;		  /* as out_queue_push wants it */
};

/* Of the process, as the environment is; written by the first faults_load(), before there are other threads. */
static struct faults active;
static bool loaded;

int faults_load(void)
{
	const char *text = getenv("TIMED_FAULTS");
	struct faults_error error;

	if (loaded)
		return 0;
	if (faults_parse(&active, &error, text ? text : "")) {
		active.count = 0;
		log_error(LOG_NET, "TIMED_FAULTS, character %zu: %s", error.position, error.text);
		return -EINVAL;
	}
	loaded = true;
	if (active.count > 0)
		log_warn(LOG_NET, "⚠️ FAULTS ARE ON, this node breaks its own connections (TIMED_FAULTS): %s",
			 text);
	return 0;
}

/* What is to become of a message, and until when it waits. */
static enum fault_action judge(const struct peer *peer, int64_t *due_ms, enum fault_direction direction,
			       enum wire_type type, int64_t now_ms)
{
	uint64_t number;
	const struct fault_rule *rule = faults_match(&active, &number, direction, type);

	*due_ms = 0;
	if (!rule)
		return FAULT_PASS;
	log_info(LOG_NET, "Fault: %s %s %" PRIu64 " of %s: %s", direction_names[direction], wire_type_name(type),
		 number, peer->ip_text, action_names[rule->action]);
	if (rule->action == FAULT_HOLD)
		*due_ms = now_ms + rule->hold_ms;
	return rule->action;
}

static bool append(struct fault_queue *queue, const struct fault_item *item)
{
	struct fault_item *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	*copy = *item;
	copy->next = NULL;
	frame_ref(copy->frame);
	if (queue->last)
		queue->last->next = copy;
	else
		queue->first = copy;
	queue->last = copy;
	return true;
}

/* The first item, the caller's, when it is due. */
static struct fault_item *take_due(struct fault_queue *queue, int64_t now_ms)
{
	struct fault_item *item = queue->first;

	if (!item || item->due_ms > now_ms)
		return NULL;
	queue->first = item->next;
	if (!queue->first)
		queue->last = NULL;
	return item;
}

/* Makes it the first again, due at another time. */
static void put_back(struct fault_queue *queue, struct fault_item *item, int64_t due_ms)
{
	item->due_ms = due_ms;
	item->next = queue->first;
	queue->first = item;
	if (!queue->last)
		queue->last = item;
}

static void free_item(struct fault_item *item)
{
	frame_unref(item->frame);
	free(item);
}

static void bring_forward(int64_t *deadline_ms, const struct fault_queue *queue)
{
	if (queue->first && queue->first->due_ms < *deadline_ms)
		*deadline_ms = queue->first->due_ms;
}

static void wake_locked(struct peer *peer) REQUIRES(peer->out)
{
	/* A full counter wakes too. */
	if (peer->wake_fd >= 0)
		(void)eventfd_write(peer->wake_fd, 1);
}

static const struct out_item *volatile nothing;
static volatile bool end_of_recursion;

/* Uses its stack up.  The sum after the call keeps the compiler from making a loop of it. */
__attribute__((noinline)) static int overflow(int depth)
{
	volatile char frame[512] = {(char)depth};

	return end_of_recursion ? depth : overflow(depth + 1) + frame[0];
}

/* The end of the process that the rule is about. */
static void die(enum fault_action how)
{
	if (how == FAULT_CRASH)
		end_of_recursion = nothing->answer;
	if (how == FAULT_OVERFLOW)
		end_of_recursion = overflow(0) == 0;
	CHECK(how != FAULT_CHECK);
}

/* A sent message's turn has come.  True: it goes on its way. */
static bool let_out_locked(struct peer *peer, enum fault_action action) REQUIRES(peer->out)
{
	switch (action) {
	case FAULT_PASS:
	case FAULT_HOLD:
		return true;
	case FAULT_DROP:
		return false;
	case FAULT_CLOSE_BEFORE:
	case FAULT_CLOSE_AFTER:
	case FAULT_BLACKHOLE:
		/* Closing takes locks that stand before this one: the worker does it. */
		atomic_store(&peer->faults.end, action);
		wake_locked(peer);
		return action == FAULT_CLOSE_AFTER;
	case FAULT_CRASH:
	case FAULT_OVERFLOW:
	case FAULT_CHECK:
		die(action);
		break;
	}
	return true;
}

bool faults_output_locked(struct peer *peer, struct frame *frame, bool answer)
{
	struct fault_item item = {.frame = frame, .answer = answer};
	struct fault_queue *queue = &peer->faults.out;

	mutex_assert_held(&peer->out);
	if (active.count == 0)
		return false;
	if (atomic_load(&peer->faults.end) != FAULT_PASS)
		return true;
	if (!active.concerns[FAULT_OUT])
		return false;
	item.action = judge(peer, &item.due_ms, FAULT_OUT, frame->type, clock_mono_ms());
	if (!queue->first && item.action != FAULT_HOLD)
		return !let_out_locked(peer, item.action);
	if (!append(queue, &item))
		return false;
	wake_locked(peer);
	return true;
}

bool faults_control_locked(struct peer *peer, enum wire_type type, const uint8_t *line, size_t len)
{
	struct frame *frame;
	bool taken;

	if (active.count == 0 || frame_from_line(&frame, net_budget(peer->net), type, line, len - 1))
		return false;
	/* As an answer: a pong that was held must not be overtaken by the next. */
	taken = faults_output_locked(peer, frame, true);
	frame_unref(frame);
	return taken;
}

/* Lets out what is due; true when something was.  Everything goes as a frame, so that the order stays. */
static bool release_output(struct peer *peer, int64_t *deadline_ms, int64_t now_ms)
{
	struct fault_item *item;
	bool any = false;

	mutex_lock(&peer->out);
	while (atomic_load(&peer->faults.end) == FAULT_PASS && (item = take_due(&peer->faults.out, now_ms))) {
		if (out_queue_bytes(&peer->queue) == 0)
			peer->progress_ms = now_ms;
		/* A stream that lacks a message for want of memory is of no use. */
		if (let_out_locked(peer, item->action) && out_queue_push(&peer->queue, item->frame, item->answer))
			atomic_store(&peer->faults.end, FAULT_CLOSE_AFTER);
		free_item(item);
		any = true;
	}
	if (atomic_load(&peer->faults.end) == FAULT_PASS)
		bring_forward(deadline_ms, &peer->faults.out);
	mutex_unlock(&peer->out);
	return any;
}

/* A received line's turn has come.  False: there is no memory to handle it now. */
static bool let_in(struct peer *peer, enum fault_action action, const uint8_t *line, size_t len, int64_t now_ms)
{
	switch (action) {
	case FAULT_PASS:
	case FAULT_HOLD:
		return session_line(peer, line, len, now_ms);
	case FAULT_DROP:
		break;
	case FAULT_CLOSE_AFTER:
		if (!session_line(peer, line, len, now_ms))
			return false;
		peer_ask_close(peer, PEER_CLOSE_RESET);
		break;
	case FAULT_CLOSE_BEFORE:
		peer_ask_close(peer, PEER_CLOSE_RESET);
		break;
	case FAULT_BLACKHOLE:
		mutex_lock(&peer->out);
		(void)let_out_locked(peer, action);
		mutex_unlock(&peer->out);
		break;
	case FAULT_CRASH:
	case FAULT_OVERFLOW:
	case FAULT_CHECK:
		peer->faults.death = action;
		return session_line(peer, line, len, now_ms);
	}
	return true;
}

void faults_handled(struct peer *peer)
{
	die(peer->faults.death);
}

/* The type of a line; WIRE_TYPE_COUNT when it is not a message. */
static enum wire_type type_of(struct peer *peer, const uint8_t *line, size_t len)
{
	struct wire_message message;
	struct wire_error error;
	int r = wire_json_decode(&message, &peer->arena, line, len, &error);

	arena_reset(&peer->arena);
	return r ? WIRE_TYPE_COUNT : message.type;
}

bool faults_input(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms)
{
	struct fault_queue *queue = &peer->faults.in;
	struct fault_item item = {.action = FAULT_PASS};
	enum wire_type type;

	if (active.count == 0)
		return false;
	if (atomic_load(&peer->faults.end) != FAULT_PASS)
		return true;
	if (!active.concerns[FAULT_IN])
		return false;
	type = type_of(peer, line, len);
	if (type < WIRE_TYPE_COUNT)
		item.action = judge(peer, &item.due_ms, FAULT_IN, type, now_ms);
	/* A line that there is no memory for stays with the caller, and is judged again when it is tried again. */
	if (!queue->first && item.action == FAULT_PASS)
		return false;
	if (!queue->first && item.action != FAULT_HOLD) {
		if (!let_in(peer, item.action, line, len, now_ms))
			peer_ask_close(peer, PEER_CLOSE_MEMORY);
		return true;
	}
	if (frame_from_line(&item.frame, net_budget(peer->net), type, line, len)) {
		peer_ask_close(peer, PEER_CLOSE_MEMORY);
		return true;
	}
	if (!append(queue, &item))
		peer_ask_close(peer, PEER_CLOSE_MEMORY);
	frame_unref(item.frame);
	return true;
}

/* More lines may be handled. */
static bool takes_lines(const struct peer *peer)
{
	return atomic_load(&peer->close_reason) == PEER_CLOSE_NONE && atomic_load(&peer->faults.end) == FAULT_PASS &&
	       !session_holds_lines(peer);
}

static bool release_input(struct peer *peer, int64_t *deadline_ms, int64_t now_ms)
{
	struct fault_item *item;
	bool any = false;

	while (takes_lines(peer) && (item = take_due(&peer->faults.in, now_ms))) {
		if (!let_in(peer, item->action, item->frame->bytes, item->frame->len - 1, now_ms)) {
			put_back(&peer->faults.in, item, now_ms + RETRY_MS);
			break;
		}
		free_item(item);
		any = true;
	}
	if (takes_lines(peer))
		bring_forward(deadline_ms, &peer->faults.in);
	return any;
}

/* The output that was to leave has left: the end that a fault set comes now. */
static void finish(struct peer *peer, enum fault_action end)
{
	if (end != FAULT_BLACKHOLE) {
		peer_ask_close(peer, PEER_CLOSE_RESET);
	} else if (!peer->faults.dark) {
		peer->faults.dark = true;
		log_info(LOG_NET, "Fault: nothing is read from %s or sent to it any more", peer->ip_text);
	}
}

void faults_turn(struct peer *peer, struct pollfd *socket, int64_t *deadline_ms, int64_t now_ms)
{
	enum fault_action end;
	bool any;

	if (active.count == 0)
		return;
	any = release_input(peer, deadline_ms, now_ms);
	any |= release_output(peer, deadline_ms, now_ms);
	if (any)
		*deadline_ms = now_ms; /* the next turn flushes, and asks the session for its deadlines anew */
	end = (enum fault_action)atomic_load(&peer->faults.end);
	if (end != FAULT_PASS && peer_queue_bytes(peer) == 0)
		finish(peer, end);
	if (peer->faults.dark) {
		/* Nor is it seen that the other end closes. */
		socket->fd = -1;
		atomic_store_explicit(&peer->starved, false, memory_order_relaxed);
	}
}

static void free_queue(struct fault_queue *queue)
{
	struct fault_item *item;

	while ((item = take_due(queue, INT64_MAX)))
		free_item(item);
}

void faults_free(struct peer *peer)
{
	mutex_lock(&peer->out);
	free_queue(&peer->faults.out);
	mutex_unlock(&peer->out);
	free_queue(&peer->faults.in);
}
