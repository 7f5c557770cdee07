// SPDX-License-Identifier: GPL-2.0
/*
 * Migration by a variant driver: every change of state, the files that carry
 * the data, and what becomes of both after a failure, a reset and close().
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "variant_device.h"

#define MIG_STATE	VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE

#define ERROR		VFIO_DEVICE_STATE_ERROR
#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define MAX_STATE	9	/* more than any kernel has */

static const uint32_t own_states[] = {
	STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P,
};

static bool is_own_state(uint32_t state)
{
	for (int i = 0; i < ARRAY_SIZE(own_states); i++) {
		if (own_states[i] == state)
			return true;
	}
	return false;
}

/* The state of the migration; UINT32_MAX on failure */
static uint32_t get_state(int device)
{
	struct vfio_device_feature_mig_state mig = { UINT32_MAX, 7 };

	if (_test_vfio_feature(device, FEATURE_GET(MIG_STATE), &mig,
			       sizeof(mig)) ||
	    mig.data_fd != -1)
		return UINT32_MAX;
	return mig.device_state;
}

/*
 * @file is the file of the new state, -1 if there is none, also after a
 * failure; the call must write that.
 */
static int set_state(int device, uint32_t state, int *file)
{
	struct vfio_device_feature_mig_state mig = { state, 12345 };
	int rc;

	rc = _test_vfio_feature(device, FEATURE_SET(MIG_STATE), &mig,
				sizeof(mig));
	*file = mig.data_fd;
	return mig.device_state == state ? rc : EPROTO;
}

static int set_value(int device, uint64_t value)
{
	struct variant_feature feature = { .value = value };

	return _test_vfio_feature(device, FEATURE_SET(VARIANT_FEATURE),
				  &feature, sizeof(feature));
}

static bool write_saved(int file, uint64_t magic, uint64_t value)
{
	struct variant_saved saved = { magic, value };

	return write(file, &saved, sizeof(saved)) == sizeof(saved);
}

/* Go to @state from any state but ERROR, with good data on the way. */
static int go_to(int device, uint32_t state, int *file)
{
	int rc;

	rc = set_state(device, STOP, file);
	rc = rc ?: set_state(device, state, file);
	if (!rc && state == RESUMING && !write_saved(*file, VARIANT_MAGIC, 1))
		rc = EIO;
	return rc;
}

#define test_state(_state) ASSERT_EQ(_state, get_state(DEVICE))

TEST_F(variant, what_the_driver_offers)
{
	struct vfio_device_feature_migration migration = { };

	test_ok(_test_vfio_feature(DEVICE,
				   FEATURE_GET(VFIO_DEVICE_FEATURE_MIGRATION),
				   &migration, sizeof(migration)));
	ASSERT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P,
		  migration.flags);
	test_state(RUNNING);
}

TEST_F(variant, size_of_the_data)
{
	const uint32_t feature = VFIO_DEVICE_FEATURE_MIG_DATA_SIZE;
	uint64_t size = 0;

	if (_test_vfio_feature(DEVICE, FEATURE_PROBE(feature), NULL, 0) ==
	    ENOTTY)
		SKIP(return, "this kernel's drivers cannot tell the size");
	test_ok(_test_vfio_feature(DEVICE, FEATURE_GET(feature), &size,
				   sizeof(size)));
	ASSERT_EQ(sizeof(struct variant_saved), size);
}

/* A state with a file gives it to the caller who enters the state. */
TEST_F(variant, every_change_of_state)
{
	int old_file, file;

	for (int i = 0; i < ARRAY_SIZE(own_states); i++) {
		uint32_t from = own_states[i];

		for (uint32_t to = 0; to <= MAX_STATE; to++) {
			bool gives = to != from &&
				     (to == STOP_COPY || to == RESUMING);

			test_ok(go_to(DEVICE, from, &old_file));
			EXPECT_EQ(is_own_state(to) ? 0 : EINVAL,
				  set_state(DEVICE, to, &file))
				TH_LOG("%u to %u", from, to);
			EXPECT_EQ(is_own_state(to) ? to : from,
				  get_state(DEVICE))
				TH_LOG("%u to %u", from, to);
			EXPECT_EQ(gives, file >= 0)
				TH_LOG("%u to %u: file %d", from, to, file);
			EXPECT_LE(-1, file);
			if (to == RESUMING && gives)
				ASSERT_TRUE(write_saved(file, VARIANT_MAGIC,
							2));
			close(file);
			close(old_file);
		}
	}
	EXPECT_EQ(EINVAL, set_state(DEVICE, UINT32_MAX, &file));
	ASSERT_EQ(-1, file);
}

TEST_F(variant, data_out_and_in)
{
	struct variant_saved both[2] = { }, saved;
	uint8_t *at = (uint8_t *)both;
	int file;

	test_ok(set_value(DEVICE, 0xfeedface));
	test_ok(set_state(DEVICE, STOP_COPY, &file));
	ASSERT_LE(0, file);
	ASSERT_EQ(FD_CLOEXEC, fcntl(file, F_GETFD));
	ASSERT_EQ(1, variant_get(DEVICE).data_files);
	ASSERT_EQ(-1, write(file, at, 1));
	ASSERT_EQ(5, read(file, at, 5));
	ASSERT_EQ(11, read(file, at + 5, 16));
	ASSERT_EQ(0, read(file, at, 1));
	ASSERT_EQ(VARIANT_MAGIC, both[0].magic);
	ASSERT_EQ(0xfeedface, both[0].value);
	/* The file ends with its state, and the device gives it back. */
	test_ok(set_state(DEVICE, RUNNING, &(int){ 0 }));
	ASSERT_EQ(-1, read(file, &saved, 1));
	ASSERT_EQ(ENODEV, errno);
	close(file);
	ASSERT_EQ(0, variant_get(DEVICE).data_files);

	test_ok(set_value(DEVICE, 0));
	test_ok(set_state(DEVICE, RESUMING, &file));
	ASSERT_TRUE(write_saved(file, VARIANT_MAGIC, 0xfeedface));
	ASSERT_EQ(0, variant_get(DEVICE).value);
	test_ok(set_state(DEVICE, RUNNING_P2P, &(int){ 0 }));
	ASSERT_EQ(0xfeedface, variant_get(DEVICE).value);
	close(file);
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
}

#define test_data_is_bad(_file)						\
	do {								\
		EXPECT_EQ(EINVAL, set_state(DEVICE, RUNNING, &file));	\
		EXPECT_EQ(-1, file);					\
		test_state(ERROR);					\
		close(_file);						\
	} while (0)

/* Nothing leads out of ERROR but a reset. */
TEST_F(variant, bad_data_and_reset)
{
	int data, file;

	test_ok(set_value(DEVICE, 77));
	test_ok(set_state(DEVICE, RESUMING, &data));
	ASSERT_TRUE(write_saved(data, VARIANT_MAGIC + 1, 5));
	test_data_is_bad(data);
	for (uint32_t state = 0; state <= MAX_STATE; state++) {
		/* That the device is in a state already is no error. */
		EXPECT_EQ(state == ERROR ? 0 : EINVAL,
			  set_state(DEVICE, state, &file));
		EXPECT_EQ(-1, file);
		test_state(ERROR);
	}
	test_ok(_test_vfio_reset(DEVICE));
	test_state(RUNNING);
	/* Data that is not complete */
	test_ok(set_state(DEVICE, RESUMING, &data));
	ASSERT_EQ(7, write(data, "1234567", 7));
	test_data_is_bad(data);
	test_ok(_test_vfio_reset(DEVICE));
	test_state(RUNNING);
	ASSERT_EQ(77, variant_get(DEVICE).value);
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
}

TEST_F(variant, reset_ends_the_file)
{
	int file;

	test_ok(set_state(DEVICE, STOP_COPY, &file));
	test_ok(_test_vfio_reset(DEVICE));
	test_state(RUNNING);
	ASSERT_EQ(-1, read(file, &(char){ 0 }, 1));
	ASSERT_EQ(ENODEV, errno);
	close(file);
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
}

/* The state changes, but there is no descriptor that could be told. */
TEST_F(variant, answer_that_cannot_be_written)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_mig_state mig;
	} *arg = test_mem(mem_anon(PAGE));
	int next = dup(DEVICE), file;

	close(next);
	arg->head.argsz = sizeof(*arg);
	arg->head.flags = FEATURE_SET(MIG_STATE);
	arg->mig.device_state = STOP_COPY;
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	ASSERT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_FEATURE, arg));
	ASSERT_EQ(EFAULT, errno);
	test_state(STOP_COPY);
	file = dup(DEVICE);
	ASSERT_EQ(next, file);
	close(file);
	/* The device still has its reference to the file. */
	ASSERT_EQ(1, variant_get(DEVICE).data_files);
	test_ok(set_state(DEVICE, STOP, &file));
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
	/* GET, too, has to write. */
	arg = mem_anon(PAGE);
	arg->head.argsz = sizeof(*arg);
	arg->head.flags = FEATURE_GET(MIG_STATE);
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	ASSERT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_FEATURE, arg));
	ASSERT_EQ(EFAULT, errno);
}

TEST_F(variant, no_descriptor_is_free)
{
	struct rlimit old, limit;
	int next = dup(DEVICE), file, rc;

	close(next);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = (struct rlimit){ next, old.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	rc = set_state(DEVICE, RESUMING, &file);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	ASSERT_EQ(EMFILE, rc);
	test_state(RESUMING);
	ASSERT_EQ(1, variant_get(DEVICE).data_files);
	ASSERT_EQ(EINVAL, set_state(DEVICE, STOP, &file));
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
}

/* close() ends the file, which may stay open, and the next user starts anew. */
TEST_F(variant, file_after_close_of_the_device)
{
	int file;

	test_ok(set_value(DEVICE, 3));
	test_ok(set_state(DEVICE, STOP_COPY, &file));
	vfio_user_close(&self->user);
	ASSERT_EQ(-1, read(file, &(char){ 0 }, 1));
	ASSERT_EQ(ENODEV, errno);
	test_ok(vfio_user_open(&self->user, variant->path, &self->pci));
	test_state(RUNNING);
	ASSERT_EQ(0, variant_get(DEVICE).value);
	ASSERT_EQ(1, variant_get(DEVICE).data_files);
	close(file);
	ASSERT_EQ(0, variant_get(DEVICE).data_files);
}

TEST_HARNESS_MAIN
