// SPDX-License-Identifier: MIT
/* The report of a crash: see crash.h.  Whatever the handler needs of the C library that is not safe in a handler is
 * done at the start: where the modules lie, the build id, the unwinder's first call (it loads a library). */
#include "timed/util/crash.h"

#include "timed/util/sanitizer.h"

struct crash_record crash_record;

#if SANITIZED
void crash_install(const char *version)
{
	(void)version;
}

void *crash_stack_begin(void)
{
	return NULL;
}

void crash_stack_end(void *stack)
{
	(void)stack;
}

void crash_set_peer(const char *ip)
{
	(void)ip;
}

void crash_set_message(const char *type, size_t bytes)
{
	(void)type;
	(void)bytes;
}
#else

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unwind.h>
#include <unistd.h>

#include "plain_text.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"

/* What the handler needs beside the frame that the kernel puts there: the unwinder 4 KiB, the rest less than that. */
#define HANDLER_BYTES ((size_t)24 * 1024)
#define MAX_MODULES 96
#define MODULE_NAME_BYTES 40
/* Of the stack are told so many frames from the inside, and so many from the outside; and it is not followed deeper. */
#define INNER_FRAMES 40
#define OUTER_FRAMES 16
#define MAX_DEPTH 100000
#define BUILD_ID_BYTES 20
#define WRITE_PATIENCE_MS 500
/* How long a thread that crashes too waits for the one that reports, which ends the process. */
#define OTHER_PATIENCE_S 5

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* Where the program and its libraries lie. */
static struct module {
	uintptr_t base, begin, end; /* what offsets count from; its first and last address */
	char name[MODULE_NAME_BYTES];
} modules[MAX_MODULES];
static size_t module_count;

static const char *version_text;
static char build_id[2 * BUILD_ID_BYTES + 1];
static bool installed;
static atomic_int reporter; /* thread that reports; 0: none */

/* Read by the handler on the same thread only. */
static _Thread_local struct {
	const char *volatile peer;
	const char *volatile type;
	volatile size_t bytes;
} hand;

void crash_set_peer(const char *ip)
{
	hand.peer = ip;
}

void crash_set_message(const char *type, size_t bytes)
{
	hand.type = type;
	hand.bytes = bytes;
}

/* ---- The stack of the handler ---- */

static size_t stack_bytes(void)
{
	long least = sysconf(_SC_MINSIGSTKSZ), page = sysconf(_SC_PAGESIZE);
	size_t bytes = HANDLER_BYTES + (least > 0 ? (size_t)least : 0);
	size_t unit = page > 0 ? (size_t)page : 4096;

	return (bytes + unit - 1) / unit * unit;
}

void *crash_stack_begin(void)
{
	stack_t stack = {.ss_size = stack_bytes()};

	if (!installed)
		return NULL;
	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return NULL; /* the handler then runs on the thread's own */
	CHECK(sigaltstack(&stack, NULL) == 0);
	return stack.ss_sp;
}

void crash_stack_end(void *stack)
{
	stack_t none = {.ss_flags = SS_DISABLE};

	if (!stack)
		return;
	CHECK(sigaltstack(&none, NULL) == 0);
	CHECK(munmap(stack, stack_bytes()) == 0);
}

/* ---- Modules ---- */

/* The notes of a module: the build id is one of them. */
static void take_build_id(const char *notes, size_t len)
{
	struct plain_text text;
	ElfW(Nhdr) note;
	size_t at = 0, name_bytes, value_bytes;

	while (len - at >= sizeof(note)) {
		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		name_bytes = ((size_t)note.n_namesz + 3) / 4 * 4;
		value_bytes = ((size_t)note.n_descsz + 3) / 4 * 4;
		if (name_bytes + value_bytes > len - at)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + at, "GNU", 4) == 0) {
			plain_text_init(&text, build_id, sizeof(build_id));
			for (size_t i = 0; i < note.n_descsz; i++)
				plain_text_add_hex(&text, (uint8_t)notes[at + name_bytes + i], 2);
			return;
		}
		at += name_bytes + value_bytes;
	}
}

static void name_module(struct module *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct plain_text text;

	plain_text_init(&text, m->name, sizeof(m->name));
	plain_text_add_clean(&text, slash ? slash + 1 : path);
}

static int add_module(struct dl_phdr_info *info, size_t size, void *user)
{
	struct module *m = &modules[module_count];

	(void)size;
	(void)user;
	if (module_count == MAX_MODULES)
		return 1;
	*m = (struct module){.base = info->dlpi_addr, .begin = UINTPTR_MAX};
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && begin < m->begin)
			m->begin = begin;
		if (p->p_type == PT_LOAD && begin + p->p_memsz > m->end)
			m->end = begin + p->p_memsz;
		/* The program comes first, and without a name. */
		if (p->p_type == PT_NOTE && module_count == 0 && !build_id[0])
			take_build_id((const char *)begin, p->p_memsz);
	}
	name_module(m, module_count == 0 ? program_invocation_short_name : info->dlpi_name);
	module_count++;
	return 0;
}

static void add_place(struct plain_text *t, uintptr_t address)
{
	for (size_t i = 0; i < module_count; i++) {
		if (address >= modules[i].begin && address < modules[i].end) {
			plain_text_add(t, modules[i].name);
			plain_text_add(t, "+0x");
			plain_text_add_hex(t, address - modules[i].base, 0);
			return;
		}
	}
	plain_text_add(t, "0x");
	plain_text_add_hex(t, address, 0);
}

/* ---- The report ---- */

/* Where it goes. */
struct outputs {
	int log;       /* -1: none */
	bool has_both; /* stderr is another file than that */
};

static void outputs_open(struct outputs *o)
{
	struct stat log, err;

	o->log = log_crash_begin();
	o->has_both = o->log < 0 || fstat(o->log, &log) || fstat(STDERR_FILENO, &err) || log.st_dev != err.st_dev ||
		      log.st_ino != err.st_ino;
}

/* False: nobody takes it, for half a second at least. */
static bool write_all(int fd, const char *bytes, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	ssize_t n;

	while (len > 0) {
		n = poll(&p, 1, WRITE_PATIENCE_MS) > 0 ? write(fd, bytes, len) : -1;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* An output that nobody reads is given up: the core is not to wait for it. */
static void tell(struct outputs *o, struct plain_text *t)
{
	char line[LOG_CRASH_LINE_MAX];

	if (o->log >= 0 && !write_all(o->log, line, log_crash_line(line, t->bytes)))
		o->log = -1;
	plain_text_add(t, "\n");
	if (o->has_both && !write_all(STDERR_FILENO, t->bytes, t->len))
		o->has_both = false;
}

static const char *signal_name(int number)
{
	switch (number) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	case SIGABRT:
		return "SIGABRT";
	}
	return "?";
}

static void tell_signal(struct outputs *o, int number, const siginfo_t *info, pid_t tid)
{
	char bytes[512], name[16] = "";
	struct plain_text t;

	plain_text_init(&t, bytes, sizeof(bytes));
	plain_text_add(&t, "CRASH: ");
	plain_text_add(&t, signal_name(number));
	if (info->si_code > 0) {
		plain_text_add(&t, " at address 0x");
		plain_text_add_hex(&t, (uintptr_t)info->si_addr, 0);
	} else if (info->si_pid != getpid()) {
		plain_text_add(&t, " sent by process ");
		plain_text_add_number(&t, info->si_pid, 0);
	}
	if (prctl(PR_GET_NAME, name) == 0)
		name[sizeof(name) - 1] = '\0';
	plain_text_add(&t, " in thread \"");
	plain_text_add_clean(&t, name);
	plain_text_add(&t, "\" (");
	plain_text_add_number(&t, tid, 0);
	plain_text_add(&t, ")");
	tell(o, &t);

	plain_text_init(&t, bytes, sizeof(bytes));
	plain_text_add(&t, "CRASH: ");
	plain_text_add_clean(&t, version_text);
	plain_text_add(&t, ", build id ");
	plain_text_add(&t, build_id[0] ? build_id : "none");
	tell(o, &t);
}

static void tell_hand(struct outputs *o)
{
	char bytes[256];
	struct plain_text t;

	if (!hand.peer && !hand.bytes)
		return;
	plain_text_init(&t, bytes, sizeof(bytes));
	plain_text_add(&t, "CRASH: ");
	if (hand.peer) {
		plain_text_add(&t, "peer ");
		plain_text_add_clean(&t, hand.peer);
	}
	if (hand.bytes) {
		plain_text_add(&t, hand.peer ? ", message " : "message ");
		plain_text_add_clean(&t, hand.type ? hand.type : "not decoded yet");
		plain_text_add(&t, " of ");
		plain_text_add_number(&t, (int64_t)hand.bytes, 0);
		plain_text_add(&t, " bytes in hand");
	}
	tell(o, &t);
}

/* Where the thread was when the signal came; 0: not known on this machine. */
static uintptr_t program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

/* The stack, innermost first; of one that is deeper than both, as after an endless recursion, the two ends. */
struct walk {
	uintptr_t pc; /* where the signal came: before that are the handler's own frames */
	bool begun;
	uintptr_t inner[INNER_FRAMES];
	uintptr_t outer[OUTER_FRAMES]; /* a ring */
	size_t count;
};

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *context, void *user)
{
	struct walk *w = user;
	int exact = 0;
	uintptr_t pc = _Unwind_GetIPInfo(context, &exact);

	if (pc == w->pc)
		w->begun = true;
	if (!pc || w->count > MAX_DEPTH)
		return _URC_END_OF_STACK;
	if (!w->begun && w->pc)
		return _URC_NO_REASON;
	/* What a frame holds comes after its call, and may be in another function. */
	pc -= exact ? 0 : 1;
	if (w->count < INNER_FRAMES)
		w->inner[w->count] = pc;
	else
		w->outer[w->count % OUTER_FRAMES] = pc;
	w->count++;
	return _URC_NO_REASON;
}

static void tell_frame(struct outputs *o, size_t number, uintptr_t pc)
{
	char bytes[128];
	struct plain_text t;

	plain_text_init(&t, bytes, sizeof(bytes));
	plain_text_add(&t, "CRASH: #");
	plain_text_add_number(&t, (int64_t)number, 0);
	plain_text_add(&t, " ");
	add_place(&t, pc);
	tell(o, &t);
}

static void tell_frames(struct outputs *o, const ucontext_t *context)
{
	struct walk w = {.pc = program_counter(context)};
	size_t i = 0;

	(void)_Unwind_Backtrace(take_frame, &w);
	/* The wrong address may have been that of the code: nothing of the stack is known but that. */
	if (w.count == 0)
		tell_frame(o, 0, w.pc);
	for (; i < w.count && i < INNER_FRAMES; i++)
		tell_frame(o, i, w.inner[i]);
	if (w.count > INNER_FRAMES + OUTER_FRAMES)
		i = w.count - OUTER_FRAMES;
	for (; i < w.count; i++)
		tell_frame(o, i, w.outer[i % OUTER_FRAMES]);
}

static void report(int number, const siginfo_t *info, const ucontext_t *context, pid_t tid)
{
	struct outputs o;

	crash_record = (struct crash_record){number, tid, clock_mono_ms()};
	outputs_open(&o);
	tell_signal(&o, number, info, tid);
	tell_hand(&o);
	tell_frames(&o, context);
}

/* A signal that comes again while it is handled, since the report crashes, is not held up: the kernel ends the process.
 */
static void on_signal(int number, siginfo_t *info, void *context)
{
	struct timespec patience = {.tv_sec = OTHER_PATIENCE_S};
	pid_t tid = gettid();
	int none = 0;

	if (atomic_compare_exchange_strong(&reporter, &none, tid))
		report(number, info, context, tid);
	else if (none != tid)
		nanosleep(&patience, NULL);
	(void)signal(number, SIG_DFL);
	/* Once more, as it was, so that the core says what came; it waits until the handler returns. */
	if (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, number, info))
		raise(number);
}

void crash_install(const char *version)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct walk w = {0};

	version_text = version;
	(void)dl_iterate_phdr(add_module, NULL);
	(void)_Unwind_Backtrace(take_frame, &w); /* what the unwinder makes at its first use is there then */
	installed = true;
	(void)crash_stack_begin(); /* until the process ends */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		CHECK(sigaction(signals[i], &action, NULL) == 0);
}
#endif
