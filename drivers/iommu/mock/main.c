// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: the mock IOMMU
 *
 * This module lets test programs use /dev/iommu without hardware. The mock is
 * not registered with the kernel: it has no struct iommu_ops, no bus and no
 * IOMMU groups. It implements struct iommufd_iommu_ops, through which the core
 * otherwise calls the IOMMU of the machine, and allocates domains that
 * iommu_map() and iommu_unmap() accept.
 *
 * The mock checks what the core does to its domains. It WARNs about everything
 * that would be harmful on hardware, and a WARN fails the test that runs, even
 * if that test checks something else.
 *
 * Test programs control the mock with IOMMU_TEST_CMD; test_abi.h has the
 * layout.
 */
#include <linux/known_ops.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "mock.h"

/* The layout is an ABI: test programs have their own copy of the struct. */
static_assert(sizeof(struct iommu_test_cmd) == 72);
static_assert(offsetof(struct iommu_test_cmd, payload) == 16);
static_assert(offsetof(struct iommu_test_cmd, last) == 64);
static_assert(offsetof(struct iommu_test_cmd, check_refs.refs) == 32);
static_assert(offsetof(struct iommu_test_cmd, access_pages.uptr) == 40);
static_assert(offsetof(struct iommu_test_cmd, access_rw.flags) == 40);
static_assert(offsetof(struct iommu_test_cmd, dirty.out_nr_dirty) == 56);

/* The smallest limit for a scratch buffer, in bytes */
#define MIN_SCRATCH 12

const struct iommufd_test_core *test_core;

static unsigned int max_users;

static int mock_set_max_users(const char *value,
			      const struct kernel_param *param)
{
	int rc = param_set_uint(value, param);

	if (!rc && test_core)
		test_core->set_max_users(max_users);
	return rc;
}

static const struct kernel_param_ops max_users_ops = {
	.set = mock_set_max_users,
	.get = param_get_uint,
};

module_param_cb(max_users, &max_users_ops, &max_users, 0600);
MODULE_PARM_DESC(max_users,
		 "Limit of counts of users and pins; 0 means the default");

static unsigned int first_vevent;

static int mock_set_first_vevent(const char *value,
				 const struct kernel_param *param)
{
	int rc = param_set_uint(value, param);

	if (!rc && test_core)
		test_core->set_first_vevent(first_vevent);
	return rc;
}

static const struct kernel_param_ops first_vevent_ops = {
	.set = mock_set_first_vevent,
	.get = param_get_uint,
};

module_param_cb(first_vevent, &first_vevent_ops, &first_vevent, 0600);
MODULE_PARM_DESC(first_vevent,
		 "Number of the first event of new event queues");

/* Copy the command with its out fields back to user space. */
int mock_respond(struct mock_ucmd *ucmd)
{
	size_t size = sizeof(ucmd->cmd);

	/* A constant size is cheaper: it is checked when this is compiled. */
	if (likely(ucmd->user_size >= size))
		return copy_to_user(ucmd->ubuffer, &ucmd->cmd, size) ? -EFAULT :
								      0;
	return copy_to_user(ucmd->ubuffer, &ucmd->cmd, ucmd->user_size) ?
		       -EFAULT :
		       0;
}

static int mock_copy_cmd(struct mock_ucmd *ucmd)
{
	size_t size = sizeof(ucmd->cmd);

	if (likely(ucmd->user_size == size))
		return copy_from_user(&ucmd->cmd, ucmd->ubuffer, size) ?
			       -EFAULT :
			       0;
	return copy_struct_from_user(&ucmd->cmd, size, ucmd->ubuffer,
				     ucmd->user_size);
}

/**
 * mock_copy_user_data() - copy data that user space has for the driver
 * @data: destination
 * @size: bytes of the struct; the part that user space does not have is zeroed
 * @min_size: bytes that user space must have
 * @user_data: what user space has, or NULL
 * @type: type that it must have
 *
 * Return: 0, -EOPNOTSUPP for another type, -EINVAL for too few or too many
 * bytes, -EFAULT.
 */
int mock_copy_user_data(void *data, size_t size, size_t min_size,
			const struct iommu_user_data *user_data, u32 type)
{
	if (!user_data || user_data->type != type)
		return -EOPNOTSUPP;
	if (user_data->len < min_size || user_data->len > size)
		return -EINVAL;
	return copy_struct_from_user(data, size, user_data->uptr,
				     user_data->len);
}

/* The caller must release the IOAS with mock_put_ioas(). */
struct iommufd_ioas *mock_get_ioas(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = test_core->object_get(ictx, id, IOMMUFD_OBJ_IOAS);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_ioas, obj);
}

void mock_put_ioas(struct iommufd_ioas *ioas)
{
	test_core->object_put(ioas->ictx, &ioas->obj);
}

/* The range has no owner, so it stays reserved until the IOAS is destroyed. */
static int mock_add_reserved_cmd(struct mock_ucmd *ucmd)
{
	unsigned long start = ucmd->cmd.add_reserved.start;
	unsigned long length = ucmd->cmd.add_reserved.length;
	struct iommufd_ioas *ioas;
	u64 last;
	int rc;

	ioas = mock_get_ioas(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iommufd_check_range(start, length, &last);
	if (!rc)
		rc = test_core->reserve(&ioas->space, start, last, NULL);
	mock_put_ioas(ioas);
	return rc;
}

static int mock_set_memory_limit_cmd(struct mock_ucmd *ucmd)
{
	if (ucmd->cmd.memory_limit.limit < MIN_SCRATCH)
		return -EINVAL;
	test_core->set_scratch(ucmd->cmd.memory_limit.limit);
	return 0;
}

static int (*const mock_cmds[])(struct mock_ucmd *ucmd) = {
	[IOMMU_TEST_OP_ADD_RESERVED] = mock_add_reserved_cmd,
	[IOMMU_TEST_OP_MOCK_DOMAIN] = mock_bind_cmd,
	[IOMMU_TEST_OP_MD_CHECK_MAP] = mock_check_map_cmd,
	[IOMMU_TEST_OP_MD_CHECK_REFS] = mock_check_refs_cmd,
	[IOMMU_TEST_OP_CREATE_ACCESS] = mock_access_create_cmd,
	[IOMMU_TEST_OP_DESTROY_ACCESS_PAGES] = mock_access_unpin_cmd,
	[IOMMU_TEST_OP_ACCESS_PAGES] = mock_access_pin_cmd,
	[IOMMU_TEST_OP_ACCESS_RW] = mock_access_rw_cmd,
	[IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT] = mock_set_memory_limit_cmd,
	[IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE] = mock_replace_cmd,
	[IOMMU_TEST_OP_ACCESS_REPLACE_IOAS] = mock_access_replace_cmd,
	[IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS] = mock_bind_flags_cmd,
	[IOMMU_TEST_OP_DIRTY] = mock_dirty_cmd,
	[IOMMU_TEST_OP_MD_CHECK_IOTLB] = mock_check_iotlb_cmd,
	[IOMMU_TEST_OP_TRIGGER_IOPF] = mock_trigger_iopf_cmd,
	[IOMMU_TEST_OP_PASID_ATTACH] = mock_pasid_attach_cmd,
	[IOMMU_TEST_OP_PASID_REPLACE] = mock_pasid_replace_cmd,
	[IOMMU_TEST_OP_PASID_DETACH] = mock_pasid_detach_cmd,
	[IOMMU_TEST_OP_PASID_CHECK_HWPT] = mock_pasid_check_cmd,
	[IOMMU_TEST_OP_DEV_CHECK_CACHE] = mock_check_cache_cmd,
	[IOMMU_TEST_OP_TRIGGER_VEVENT] = mock_trigger_vevent_cmd,
	[IOMMU_TEST_OP_DMABUF_GET] = mock_dmabuf_get_cmd,
	[IOMMU_TEST_OP_DMABUF_REVOKE] = mock_dmabuf_revoke_cmd,
};

static long mock_ioctl(struct iommufd_ctx *ictx, void __user *ubuffer)
{
	struct mock_ucmd ucmd __uninitialized;
	u32 op;
	int rc;

	ucmd.ictx = ictx;
	ucmd.ubuffer = ubuffer;
	if (get_user(ucmd.user_size, (u32 __user *)ubuffer))
		return -EFAULT;
	if (ucmd.user_size < IOMMU_TEST_CMD_MIN_SIZE)
		return -EINVAL;
	if (ucmd.user_size > PAGE_SIZE)
		return -E2BIG;
	rc = mock_copy_cmd(&ucmd);
	if (rc)
		return rc;

	op = ucmd.cmd.op;
	if (ucmd.cmd.__reserved || op >= ARRAY_SIZE(mock_cmds))
		return -EOPNOTSUPP;
	op = array_index_nospec(op, ARRAY_SIZE(mock_cmds));
	if (!mock_cmds[op])
		return -EOPNOTSUPP;
	return mock_cmds[op](&ucmd);
}

static const struct iommufd_test_ops mock_test_ops = {
	.owner = THIS_MODULE,
	.ioctl = mock_ioctl,
	.dmabuf_map = mock_dmabuf_map,
};

static int __init mock_init(void)
{
	const char *unknown = iommu_find_unknown_ops();

	if (unknown) {
		pr_err("iommufd_selftest: struct %s of this kernel has members that the mock IOMMU does not know\n",
		       unknown);
		return -EOPNOTSUPP;
	}
	test_core = iommufd_test_register(&mock_test_ops);
	test_core->set_max_users(max_users);
	test_core->set_first_vevent(first_vevent);
	return 0;
}

static void __exit mock_exit(void)
{
	iommufd_test_unregister();
	test_core->set_scratch(SZ_64K);
	test_core->set_max_users(0);
	test_core->set_first_vevent(0);
}

module_init(mock_init);
module_exit(mock_exit);
MODULE_DESCRIPTION("Mock IOMMU for tests of /dev/iommu");
MODULE_LICENSE("GPL");
