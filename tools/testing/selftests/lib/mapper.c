// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "ioctls.h"
#include "mapper.h"
#include "proc.h"

int map_as_user(void *arg)
{
	const struct mapper *map = arg;
	uint64_t iova = map->iova;
	int rc;

	if (!become_user(map->uid, map->memlock))
		return -1;
	rc = _test_ioas_map(map->fd, map->ioas, map->mem, map->length, &iova,
			    MAP_RW | MAP_FIXED_IOVA);
	return !rc && iova != map->iova ? EPROTO : rc;
}
