/* SPDX-License-Identifier: MIT
 *
 * The methods of the daemon with their parameters.  The table is made at build time from the daemon's own (method.h),
 * so that there is no second list; only what runs them and explains them is left out.
 *
 * Thread safety: constant.
 */
#ifndef TIME_CLI_METHOD_TABLE_H
#define TIME_CLI_METHOD_TABLE_H

#include <stddef.h>

#include "timed/rpc/method.h"

/* Only name, params and param_count are set; of the parameters only name, types and required. */
extern const struct rpc_method method_table[];
extern const size_t method_table_count;

#define METHOD_NAME_SIZE 64

/* The name as the daemon knows it: without dashes.  A name that does not fit stays as it is, cut. */
void method_spell(char out[METHOD_NAME_SIZE], const char *typed);
/* NULL when this build knows no method of that (spelled) name; the daemon may. */
const struct rpc_method *method_find(const char *name);
/* The nearest name to one that does not exist; NULL: nothing is near. */
const char *method_suggest(const char *name);

#endif
