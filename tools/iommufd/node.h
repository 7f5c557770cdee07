/* SPDX-License-Identifier: GPL-2.0 */
/* Device nodes and who may open them */
#ifndef IOMMUFD_TOOL_NODE_H
#define IOMMUFD_TOOL_NODE_H

#include <sys/types.h>

#include "util.h"

/**
 * struct user - somebody who wants to open nodes
 * @name: the name
 * @uid: user
 * @groups: the groups
 * @count: how many
 */
struct user {
	char name[64];
	uid_t uid;
	gid_t groups[256];
	int count;
};

/**
 * struct node - a device node
 * @mode: its permissions
 * @uid: its owner
 * @gid: its group
 * @owner: the owner's name
 * @group: the group's name
 */
struct node {
	unsigned int mode;
	uid_t uid;
	gid_t gid;
	struct text owner;
	struct text group;
};

bool user_find(struct user *user, const char *name);
bool node_read(struct node *node, const char *path);
bool node_may_open(const struct node *node, const struct user *user);

#endif
