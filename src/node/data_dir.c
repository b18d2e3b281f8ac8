// SPDX-License-Identifier: MIT
/* Where the database lies; see data_dir.h. */
#include "timed/node/data_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* What a database of ours may hold that has no CURRENT yet, or has lost it. */
static const char *const ours[] = {
	".",	      "..",	   "LOCK",  "LOG",   "LOG.old.*", "IDENTITY",
	"MANIFEST-*", "OPTIONS-*", "*.sst", "*.log", "*.dbtmp",	  "room.*",
};

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (fnmatch(ours[i], name, 0) == 0)
			return true;
	}
	return false;
}

/* 0, or a negative errno. */
static int look_inside(bool *foreign, const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	*foreign = false;
	if (!dir && errno == ENOTDIR)
		*foreign = true;
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (!*foreign && (entry = readdir(dir)) != NULL)
		*foreign = !is_ours(entry->d_name);
	closedir(dir);
	return 0;
}

static int join(char *out, size_t size, const char *dir, const char *name)
{
	return snprintf(out, size, "%s/%s", dir, name) < (int)size ? 0 : -ENAMETOOLONG;
}

int data_dir_database(char *out, size_t size, const char *data_dir)
{
	char current[PATH_SIZE];
	bool foreign;
	int r = join(current, sizeof(current), data_dir, DATA_DIR_DATABASE "/CURRENT");

	if (!r)
		r = join(out, size, data_dir, DATA_DIR_DATABASE);
	if (r || access(current, F_OK) == 0)
		return r;
	r = look_inside(&foreign, out);
	if (!r && foreign)
		r = join(out, size, data_dir, DATA_DIR_DATABASE_BESIDE);
	return r;
}
