// SPDX-License-Identifier: MIT
/* Small file helpers; see the header. */
#include "timed/util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Grows with what is read and not by st_size: /proc files and pipes say 0. */
static int read_all(char **out, size_t *len, int fd, size_t limit)
{
	size_t capacity = limit < 4096 ? limit + 1 : 4096;
	size_t used = 0;
	char *buffer = malloc(capacity + 1);

	if (!buffer)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, buffer + used, capacity - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = -errno;

			free(buffer);
			return error;
		}
		used += (size_t)n;
		if (n == 0 || used > limit)
			break;
		if (used == capacity) {
			char *grown;

			capacity = capacity > limit / 2 ? limit + 1 : capacity * 2;
			grown = realloc(buffer, capacity + 1);
			if (!grown) {
				free(buffer);
				return -ENOMEM;
			}
			buffer = grown;
		}
	}
	if (used > limit) {
		free(buffer);
		return -EFBIG;
	}
	buffer[used] = '\0';
	*out = buffer;
	*len = used;
	return 0;
}

int file_read(char **out, size_t *len, const char *path, size_t limit)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = read_all(out, len, fd, limit);
	close(fd);
	return r;
}

int file_write_all(int fd, const void *bytes, size_t len)
{
	const char *data = bytes;

	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Copies the directory part of `path`; "." when it has none. */
static int parent_of(char out[PATH_MAX], const char *path)
{
	size_t len = strlen(path);

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(out, path, len + 1);
	while (len > 1 && out[len - 1] == '/')
		out[--len] = '\0';
	while (len > 0 && out[len - 1] != '/')
		len--;
	while (len > 1 && out[len - 1] == '/')
		len--;
	if (len == 0)
		out[len++] = '.';
	out[len] = '\0';
	return 0;
}

int file_sync_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd;
	int r = parent_of(parent, path);

	if (r)
		return r;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some filesystems cannot sync a directory; there the rename is all that can be had. */
	if (fsync(fd) && errno != EINVAL)
		r = -errno;
	close(fd);
	return r;
}

/* Writes, syncs and closes `fd`. */
static int fill_file(int fd, const void *data, size_t len, mode_t mode)
{
	int r = file_write_all(fd, data, len);

	if (!r && (fchmod(fd, mode) || fsync(fd)))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	return r;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode)
{
	size_t bytes = strlen(path) + sizeof(".XXXXXX");
	char *temporary = malloc(bytes);
	int fd, r;

	if (!temporary)
		return -ENOMEM;
	snprintf(temporary, bytes, "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC); /* 0600 until it is complete */
	r = fd < 0 ? -errno : fill_file(fd, data, len, mode);
	if (!r && rename(temporary, path))
		r = -errno;
	if (r && fd >= 0)
		unlink(temporary);
	free(temporary);
	return r ? r : file_sync_parent(path);
}

static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_make_directories(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		int r;

		if (part[i] != '/')
			continue;
		part[i] = '\0';
		r = make_one(part, mode);
		part[i] = '/';
		/* A parent that exists may be one we cannot look into; the last mkdir is what counts. */
		if (r && r != -EACCES && r != -EROFS && r != -EPERM)
			return r;
	}
	return make_one(part, mode);
}

int file_make_parent(const char *path, mode_t mode)
{
	char parent[PATH_MAX];
	int r = parent_of(parent, path);

	return r ? r : file_make_directories(parent, mode);
}

static pid_t lock_holder(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

int file_lock(const char *path, pid_t *holder)
{
	char text[24];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int len;

	if (fd < 0)
		return -errno;
	/* flock and not fcntl: the lock belongs to this descriptor, so that opening the file elsewhere in the process
	 * and closing it again does not give the lock away. */
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int error = -errno;

		if (holder)
			*holder = error == -EWOULDBLOCK ? lock_holder(fd) : 0;
		close(fd);
		return error;
	}
	len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len) {
		int error = errno ? -errno : -EIO;

		close(fd);
		return error;
	}
	return fd;
}

uint64_t file_raise_descriptor_limit(uint64_t wanted)
{
	struct rlimit limit;
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	if (limit.rlim_cur >= wanted)
		return limit.rlim_cur;
	raised = limit;
	raised.rlim_cur = wanted;
	if (raised.rlim_max < wanted)
		raised.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return raised.rlim_cur;
	raised = limit;
	raised.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
