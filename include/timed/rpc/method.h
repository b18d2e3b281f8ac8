/* SPDX-License-Identifier: MIT
 *
 * What a method of the RPC is: one entry of a table that says its name, its parameters, what it answers, how it may
 * fail, and the function that runs it.  The same entry checks the parameters (params.h), finds the method (dispatch.h)
 * and makes its help (help.h), so that none of them can drift from the others; a failure that the entry does not name
 * is answered all the same, but the log complains (dispatch.h).
 *
 * Thread safety: tables are constant; a call belongs to the thread that runs it.
 */
#ifndef TIMED_RPC_METHOD_H
#define TIMED_RPC_METHOD_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bitcoin's codes, so that scripts written for it keep working. */
enum rpc_code {
	RPC_MISC_ERROR = -1,		 /* the method could not do what it was asked */
	RPC_TYPE_ERROR = -3,		 /* a parameter of the wrong type */
	RPC_WALLET_ERROR = -4,		 /* the wallet could not do what it was asked */
	RPC_INVALID_ADDRESS_OR_KEY = -5, /* no such address, block, transaction */
	RPC_WALLET_INSUFFICIENT_FUNDS = -6,
	RPC_OUT_OF_MEMORY = -7,
	RPC_INVALID_PARAMETER = -8,	       /* the right type, but not a possible value */
	RPC_WALLET_KEYPOOL_RAN_OUT = -12,      /* the wallet is locked, and knows no further address in advance */
	RPC_WALLET_UNLOCK_NEEDED = -13,	       /* the wallet is locked */
	RPC_WALLET_PASSPHRASE_INCORRECT = -14, /* a wrong passphrase, none, or one that is too long */
	RPC_WALLET_WRONG_ENC_STATE = -15,      /* the wallet is encrypted, and should not be, or the other way round */
	RPC_WALLET_ENCRYPTION_FAILED = -16,
	RPC_DESERIALIZATION_ERROR = -22,
	RPC_CLIENT_NODE_ALREADY_ADDED = -23, /* a node that is added, or banned, already */
	RPC_CLIENT_NODE_NOT_ADDED = -24,     /* a node that was not added */
	RPC_VERIFY_ERROR = -25,
	RPC_VERIFY_REJECTED = -26,
	RPC_VERIFY_ALREADY_IN_CHAIN = -27,
	RPC_IN_WARMUP = -28,		       /* the node is starting: any method */
	RPC_CLIENT_NODE_NOT_CONNECTED = -29,   /* there is no such connection */
	RPC_CLIENT_INVALID_IP_OR_SUBNET = -30, /* no IP, or one that is not banned */
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602, /* missing, too many, or unknown parameters */
	RPC_PARSE_ERROR = -32700,
};

/* A parameter may be of several types: a mask. */
enum rpc_type {
	RPC_TYPE_BOOL = 1,
	RPC_TYPE_INTEGER = 2, /* signed 64 bits */
	RPC_TYPE_NUMBER = 4,  /* any number, exactly: an integer, or value_number_text() */
	RPC_TYPE_STRING = 8,
	RPC_TYPE_ARRAY = 16,
	RPC_TYPE_OBJECT = 32,
};

struct rpc_param {
	const char *name;	  /* for parameters by name */
	unsigned types;		  /* enum rpc_type */
	bool required;		  /* required ones come first */
	const char *default_text; /* JSON of what stands for a missing one; NULL: nothing does */
	int64_t min, max;	  /* of an integer; both 0: any */
	const char *about;	  /* for help */
};

/* A way to fail. */
struct rpc_error {
	enum rpc_code code;
	const char *when; /* for help */
};

/* The errors of an entry: RPC_ERRORS({RPC_INVALID_PARAMETER, "..."}, RPC_ERROR_DATABASE). */
#define RPC_ERRORS(...)                                                                                                \
	.errors = (const struct rpc_error[]){__VA_ARGS__},                                                             \
	.error_count = sizeof((const struct rpc_error[]){__VA_ARGS__}) / sizeof(struct rpc_error)
/* What several methods share (view_call.h, rpc_arg_hash(), raw_transaction.h, wallet_call.h). */
#define RPC_ERROR_DATABASE                                                                                             \
	{                                                                                                              \
		RPC_MISC_ERROR, "the database cannot be read"                                                          \
	}
#define RPC_ERROR_HASH                                                                                                 \
	{                                                                                                              \
		RPC_INVALID_PARAMETER, "the hash is not 64 hex digits"                                                 \
	}
#define RPC_ERROR_RAW                                                                                                  \
	{                                                                                                              \
		RPC_DESERIALIZATION_ERROR, "the hex is no transaction"                                                 \
	}
#define RPC_ERROR_ADDRESS                                                                                              \
	{                                                                                                              \
		RPC_INVALID_ADDRESS_OR_KEY, "the address is none of this network"                                      \
	}
#define RPC_ERROR_LOCKED                                                                                               \
	{                                                                                                              \
		RPC_WALLET_UNLOCK_NEEDED, "the wallet is locked: see walletpassphrase"                                 \
	}

#define RPC_MAX_PARAMS 8
#define RPC_MAX_ERRORS 16
#define RPC_NO_WAIT INT64_C(-1)
#define RPC_FAILURE_SIZE 512

struct rpc_table;
struct rpc_method;
struct rpc_stream;
struct wire_hash;

/* One call of one method. */
struct rpc_call {
	void *user;		       /* of the table: the node */
	const struct rpc_table *table; /* the method's own; for help */
	const struct rpc_method *method;
	json_t *args[RPC_MAX_PARAMS];	/* checked, in the order of the table; NULL: not given and no default */
	int code;			/* enum rpc_code once it has failed */
	char failure[RPC_FAILURE_SIZE]; /* what was wrong, for a person */
	void (*after)(void *user);	/* set by the method: to be run once the answer has been sent */
	int64_t waited_ms;		/* since it was run first; RPC_NO_WAIT: it has to answer now */
	bool later;			/* by rpc_later() */
	struct rpc_stream *stream;	/* by stream_answer(): what is answered instead of a result */
};

struct rpc_method {
	const char *name;
	const char *about; /* one sentence, or several */
	const struct rpc_param *params;
	size_t param_count;
	const char *result;  /* what is answered, for help */
	const char *example; /* JSON of parameters for help's example; NULL: none needed */
	/* Those of `run`; what the check of the parameters answers follows from `params` (rpc_method_errors()). */
	const struct rpc_error *errors;
	size_t error_count;
	/* The result (a new reference), or NULL after rpc_fail().  NULL without it means out of memory.  Holds no lock
	 * when it returns. */
	json_t *(*run)(struct rpc_call *call);
};

/* Methods of one subject. */
struct rpc_group {
	const char *name; /* heading of help */
	const struct rpc_method *methods;
	size_t method_count;
};

/* What has been called, for metrics. */
struct rpc_stats {
	atomic_uint_fast64_t calls, errors; /* requests that were run; of them those that failed */
	atomic_uint_fast64_t refused_logins;
};

struct rpc_table {
	const struct rpc_group *const *groups;
	size_t group_count;
	void *user; /* handed to the methods */
	/* True: nothing can be called yet, and `text` says what is waited for.  NULL: all can be called. */
	bool (*warming_up)(void *user, char text[RPC_FAILURE_SIZE]);
	struct rpc_stats *stats; /* NULL: nobody counts */
};

/* Records why the call has failed.  Returns NULL, so that a method can return it. */
json_t *rpc_fail(struct rpc_call *call, enum rpc_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The method has nothing to answer yet, and waited_ms is not RPC_NO_WAIT: it is run again in a moment, and holds nobody
 * up meanwhile.  Returns NULL, so that a method can return it. */
json_t *rpc_later(struct rpc_call *call);
/* Every way in which the method may fail: those that the check of its parameters gives, then its own.  Returns how
 * many. Left out is what any method may answer: RPC_OUT_OF_MEMORY, RPC_IN_WARMUP. */
size_t rpc_method_errors(struct rpc_error out[RPC_MAX_ERRORS], const struct rpc_method *method);
/* NULL when there is none of that name. */
const struct rpc_method *rpc_table_find(const struct rpc_table *table, const char *name);
/* True when the optional parameter was given or has a default. */
bool rpc_arg_given(const struct rpc_call *call, size_t index);
/* An argument by its place in the table; its type has been checked. */
const char *rpc_arg_string(const struct rpc_call *call, size_t index);
int64_t rpc_arg_integer(const struct rpc_call *call, size_t index);
bool rpc_arg_bool(const struct rpc_call *call, size_t index);
/* A string argument as the hash that it is to be: 64 hex digits in byte order.  False after rpc_fail(). */
bool rpc_arg_hash(struct rpc_call *call, struct wire_hash *out, size_t index) __attribute__((warn_unused_result));

#endif
