// SPDX-License-Identifier: GPL-2.0
/* Device nodes and who may open them */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "node.h"
#include "sysfs.h"

/**
 * user_find() - find a user
 * @user: filled
 * @name: the name; NULL for the user who runs this
 *
 * A named user has the groups of the user database, which count at the next
 * login; without a name the groups are those of this process.
 */
bool user_find(struct user *user, const char *name)
{
	const struct passwd *entry;

	user->count = ARRAY_SIZE(user->groups);
	if (!name) {
		user->uid = geteuid();
		user->count = getgroups(user->count - 1, user->groups);
		if (user->count < 0)
			user->count = 0;
		user->groups[user->count++] = getegid();
		copy_text(user->name, sizeof(user->name),
			  user_text(user->uid).s);
		return true;
	}
	entry = getpwnam(name);
	if (!entry)
		return false;
	user->uid = entry->pw_uid;
	copy_text(user->name, sizeof(user->name), name);
	if (getgrouplist(name, entry->pw_gid, user->groups, &user->count) < 0)
		user->count = ARRAY_SIZE(user->groups);
	return true;
}

static struct text group_text(gid_t gid)
{
	const struct group *group = getgrgid(gid);
	struct text text = { };

	if (group)
		copy_text(text.s, sizeof(text.s), group->gr_name);
	else
		snprintf(text.s, sizeof(text.s), "%u", gid);
	return text;
}

/**
 * node_read() - read who may open a node
 * @node: filled
 * @path: of the node
 *
 * Return: does it exist?
 */
bool node_read(struct node *node, const char *path)
{
	struct stat st;

	if (sysfs_stat(&st, "%s", path))
		return false;
	node->mode = st.st_mode & 07777;
	node->uid = st.st_uid;
	node->gid = st.st_gid;
	node->owner = user_text(st.st_uid);
	node->group = group_text(st.st_gid);
	return true;
}

/* May the user open it for reading and writing, by its mode? */
bool node_may_open(const struct node *node, const struct user *user)
{
	if (!user->uid)
		return true;
	if (node->uid == user->uid)
		return (node->mode & 0600) == 0600;
	for (int i = 0; i < user->count; i++)
		if (user->groups[i] == node->gid)
			return (node->mode & 0060) == 0060;
	return (node->mode & 0006) == 0006;
}
