// SPDX-License-Identifier: MIT
/* Reading and replacing the wallet's file: see wallet_impl.h. */
#include "wallet_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "timed/util/file.h"

/* A container with all keys and the longest label is smaller. */
#define FILE_MAX ((size_t)WALLET_MAX_KEYS * sizeof(struct wire_key) + 4 * (size_t)WALLET_PLAIN_MAX)
#define FILE_MIN ((size_t)4096)

/* Up to `size` bytes. */
static int read_all(uint8_t *file, size_t *len, size_t size, int fd)
{
	*len = 0;
	while (*len < size) {
		ssize_t n = read(fd, file + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
	}
	return 0;
}

static int read_open(uint8_t **file, size_t *len, mode_t *mode, int fd)
{
	size_t size = FILE_MIN;
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return -errno;
	*mode = st.st_mode;
	if (st.st_size > (off_t)size)
		size = st.st_size < (off_t)FILE_MAX ? (size_t)st.st_size : FILE_MAX;
	*file = sodium_malloc(size);
	if (!*file)
		return -ENOMEM;
	r = read_all(*file, len, size, fd);
	if (r)
		sodium_free(*file);
	return r;
}

int wallet_file_read(uint8_t **file, size_t *len, mode_t *mode, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = read_open(file, len, mode, fd);
	close(fd);
	return r;
}

/* Zeros over all that `fd` holds, if no name is left by which it could be reached. */
static int erase(int fd)
{
	static const uint8_t zeros[4096];
	struct stat st;
	off_t at = 0;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_nlink > 0)
		return -EEXIST;
	/* Where a directory cannot be synced the old name might come back after a crash, to a file of zeros. */
	if (syncfs(fd))
		return -errno;
	while (at < st.st_size) {
		size_t left = (size_t)(st.st_size - at);
		ssize_t n = pwrite(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n < 0 ? 0 : n;
	}
	return fsync(fd) ? -errno : 0;
}

int wallet_file_replace(bool *erased, const char *path, const void *data, size_t len)
{
	int old = erased ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	int r = file_write_atomic(path, data, len, 0600);

	if (erased)
		*erased = !r && old >= 0 && erase(old) == 0;
	if (old >= 0)
		close(old);
	return r;
}
