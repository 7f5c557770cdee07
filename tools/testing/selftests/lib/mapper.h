/* SPDX-License-Identifier: GPL-2.0 */
/* A child process that maps memory as another user */
#ifndef SELFTEST_LIB_MAPPER_H
#define SELFTEST_LIB_MAPPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapper {
	int fd;
	uint32_t ioas;
	uid_t uid;
	size_t memlock;		/* limit of the user, bytes */
	uint8_t *mem;
	size_t length;
	uint64_t iova;
};

/*
 * For child_start(): become the user of a struct mapper and map. Returns 0 or
 * the errno of the MAP, EPROTO if that gave another IOVA; -1 if it cannot become
 * the user.
 */
int map_as_user(void *arg);

#endif
