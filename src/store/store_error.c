// SPDX-License-Identifier: MIT
/* From what RocksDB and the system say to named errors that say what to do: see store_impl.h. */
#include "store_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *store_error_name(int error)
{
	switch ((enum store_error)error) {
	case STORE_E_NOT_FOUND:
		return "STORE_E_NOT_FOUND";
	case STORE_E_CORRUPT:
		return "STORE_E_CORRUPT";
	case STORE_E_WAL:
		return "STORE_E_WAL";
	case STORE_E_LOCKED:
		return "STORE_E_LOCKED";
	case STORE_E_DISK_FULL:
		return "STORE_E_DISK_FULL";
	case STORE_E_PERMISSION:
		return "STORE_E_PERMISSION";
	case STORE_E_NETWORK:
		return "STORE_E_NETWORK";
	case STORE_E_GENESIS:
		return "STORE_E_GENESIS";
	case STORE_E_SCHEMA:
		return "STORE_E_SCHEMA";
	case STORE_E_CHAIN:
		return "STORE_E_CHAIN";
	case STORE_E_IO:
		return "STORE_E_IO";
	}
	return "?";
}

static const char *store_error_advice(enum store_error error)
{
	switch (error) {
	case STORE_E_CORRUPT:
		return "restore the directory from a copy, or move it away: the node then fetches everything anew";
	case STORE_E_WAL:
		return "start once with --recover-wal to keep everything before the damage, restore the directory "
		       "from a copy, or move it away: the node then fetches everything anew";
	case STORE_E_LOCKED:
		return "stop the other process, or use another data directory";
	case STORE_E_DISK_FULL:
		return "make room and start again; what was written before is safe";
	case STORE_E_PERMISSION:
		return "let the directory and its files belong to the user that runs timed, on a file system that "
		       "can be written";
	case STORE_E_NETWORK:
	case STORE_E_GENESIS:
		return "use another data directory, or correct the configuration";
	case STORE_E_SCHEMA:
		return "run that version, or move it away: the node then fetches everything anew";
	case STORE_E_CHAIN:
		return "start once with --reindex: everything is rebuilt from the blocks";
	case STORE_E_NOT_FOUND:
	case STORE_E_IO:
		break;
	}
	return "look at the disk and the system log";
}

void store_failure_set(struct store_failure *out, enum store_error error, const char *dir, const char *detail)
{
	out->error = error;
	snprintf(out->text, sizeof(out->text), "database %s: %.600s (%s): %s", dir, detail,
		 store_error_name((int)error), store_error_advice(error));
}

static enum store_error store_error_from_errno(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return STORE_E_PERMISSION;
	case ENOSPC:
	case EDQUOT:
		return STORE_E_DISK_FULL;
	default:
		return STORE_E_IO;
	}
}

void store_failure_set_errno(struct store_failure *out, int error, const char *dir, const char *path)
{
	char detail[600];

	snprintf(detail, sizeof(detail), "%.500s: %s", path, strerror(error));
	store_failure_set(out, store_error_from_errno(error), dir, detail);
}

/* RocksDB hands out texts only.  They begin with the class of the status and end with strerror() of what failed. */
enum store_error store_error_from_status(const char *status)
{
	static const struct {
		const char *part;
		enum store_error error;
	} parts[] = {
		{"Corruption:", STORE_E_CORRUPT},
		{"While lock file", STORE_E_LOCKED},
		{"No space left on device", STORE_E_DISK_FULL},
		{"Disk quota exceeded", STORE_E_DISK_FULL},
		{"Permission denied", STORE_E_PERMISSION},
		{"Operation not permitted", STORE_E_PERMISSION},
		{"Read-only file system", STORE_E_PERMISSION},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(status, parts[i].part))
			return parts[i].error;
	}
	return STORE_E_IO;
}
