// SPDX-License-Identifier: MIT
/* What is looked at before RocksDB reads a directory, because it would take it for fine: a log or MANIFEST whose damage
 * resembles a torn end, and tables without a CURRENT file, beside which it would begin an empty database. */
#include "store_impl.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timed/util/file.h"

/* Of RocksDB's WALRecoveryMode. */
#define STORE_RECOVER_TORN_TAIL 0     /* an incomplete last record is cut off, anything else is an error */
#define STORE_RECOVER_POINT_IN_TIME 2 /* all from the first broken record on is dropped, later logs included */

/* CURRENT holds the name of a MANIFEST and a newline. */
#define STORE_CURRENT_MAX 256

static int store_files_fail(struct store_failure *failure, const struct store_params *params, enum store_error error,
			    const char *detail)
{
	store_failure_set(failure, error, params->dir, detail);
	return (int)error;
}

static bool store_ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* There is no CURRENT: then there must be no tables and logs either. */
static int store_expect_new(struct store_failure *failure, const struct store_params *params)
{
	struct dirent *entry;
	char detail[400];
	DIR *dir = opendir(params->dir);
	int r = 0;

	if (!dir) {
		store_failure_set_errno(failure, errno, params->dir, params->dir);
		return (int)failure->error;
	}
	while (!r && (entry = readdir(dir)) != NULL) {
		if (!store_ends_with(entry->d_name, ".sst") && !store_ends_with(entry->d_name, ".log"))
			continue;
		snprintf(detail, sizeof(detail), "the file CURRENT is missing, though there is %.200s", entry->d_name);
		r = store_files_fail(failure, params, STORE_E_CORRUPT, detail);
	}
	closedir(dir);
	return r;
}

static int store_check_manifest(struct store_failure *failure, const struct store_params *params, const char *name)
{
	struct wal_report report;
	char path[WAL_PATH_SIZE], detail[WAL_PATH_SIZE + 100];
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", params->dir, name) >= (int)sizeof(path))
		return store_files_fail(failure, params, STORE_E_IO, "its path is too long");
	r = wal_check_file(&report, path);
	if (r == -ENOENT) {
		snprintf(detail, sizeof(detail), "%s is missing", path);
		return store_files_fail(failure, params, STORE_E_CORRUPT, detail);
	}
	if (r) {
		store_failure_set_errno(failure, -r, params->dir, path);
		return (int)failure->error;
	}
	if (report.verdict != WAL_DAMAGED)
		return 0;
	snprintf(detail, sizeof(detail), "%s is damaged at byte %" PRIu64, path, report.offset);
	return store_files_fail(failure, params, STORE_E_CORRUPT, detail);
}

static int store_check_logs(struct store_files *out, struct store_failure *failure, const struct store_params *params)
{
	char detail[WAL_PATH_SIZE + 100];
	bool torn_early;
	int r = wal_check_directory(&out->wal, &torn_early, params->dir);

	if (r) {
		store_failure_set_errno(failure, -r, params->dir, params->dir);
		return (int)failure->error;
	}
	if (out->wal.verdict == WAL_DAMAGED && !params->recover_wal) {
		snprintf(detail, sizeof(detail), "the write-ahead log %s is damaged at byte %" PRIu64, out->wal.path,
			 out->wal.offset);
		return store_files_fail(failure, params, STORE_E_WAL, detail);
	}
	if (out->wal.verdict == WAL_DAMAGED || torn_early)
		out->recovery_mode = STORE_RECOVER_POINT_IN_TIME;
	return 0;
}

int store_check_files(struct store_files *out, struct store_failure *failure, const struct store_params *params)
{
	char path[WAL_PATH_SIZE], *current;
	size_t len;
	int r;

	*out = (struct store_files){.recovery_mode = STORE_RECOVER_TORN_TAIL};
	if (snprintf(path, sizeof(path), "%s/CURRENT", params->dir) >= (int)sizeof(path))
		return store_files_fail(failure, params, STORE_E_IO, "its path is too long");
	r = file_read(&current, &len, path, STORE_CURRENT_MAX);
	if (r == -ENOENT)
		return store_expect_new(failure, params);
	if (r) {
		store_failure_set_errno(failure, -r, params->dir, path);
		return (int)failure->error;
	}
	out->exists = true;
	current[strcspn(current, "\n")] = '\0';
	r = strncmp(current, "MANIFEST-", 9) == 0 && !strchr(current, '/')
		    ? store_check_manifest(failure, params, current)
		    : store_files_fail(failure, params, STORE_E_CORRUPT, "the file CURRENT is damaged");
	free(current);
	return r ? r : store_check_logs(out, failure, params);
}
