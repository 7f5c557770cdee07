// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-cdev-kvm redirects functions of vfio.ko: what KVM gets to know by that,
 * that it can be taken apart at any time, and that it gets along with other
 * users of ftrace.
 */
#include <fcntl.h>

#include "kvm_space.h"
#include "trace.h"

#define LIVEPATCH	"vfio_livepatch_test"
#define LOADS		20
/* Until each task has left the function; the kernel looks once a second. */
#define LIVEPATCH_MS	60000

/* Functions of vfio.ko that are redirected or patched now; -1: not known */
static int redirected(void)
{
	return trace_lines(TRACING "enabled_functions", "vfio_file_");
}

FIXTURE(kvm_redirect) { struct kvm_space; };

FIXTURE_SETUP(kvm_redirect)
{
	tracefs_mount();
	kvm_space_setup(self);
	ASSERT_EQ(3, redirected());
}

FIXTURE_TEARDOWN(kvm_redirect)
{
	int rc;

	kvm_space_teardown((struct kvm_space *)self);
	rc = module_load(REDIRECTOR);
	EXPECT_TRUE(!rc || rc == EEXIST);
}

/* Two users of ftrace on the same functions */
TEST_F(kvm_redirect, file_is_added_under_the_function_tracer)
{
	test_trace("vfio_file_*");
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	test_trace_end();
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
}

TEST_F(kvm_redirect, cdev_works_without_the_module)
{
	test_ok(module_unload(REDIRECTOR));
	ASSERT_EQ(0, redirected());
	test_err_kvm_add(EINVAL, &self->vm, self->edu.cdev);
	test_bind();
	test_ok(edu_start(&self->edu, self->edu.cdev));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	/* Files that were opened before the module was loaded */
	test_ok(module_load(REDIRECTOR));
	test_kvm_add(&self->vm, self->edu.cdev);
}

/* If it were unloaded meanwhile, the file would keep a pointer to a dead VM. */
TEST_F(kvm_redirect, module_is_kept_by_a_file_that_kvm_has_accepted)
{
	test_kvm_add(&self->vm, self->edu.cdev);
	ASSERT_EQ(EWOULDBLOCK, module_unload(REDIRECTOR));
	test_bind();
	close(self->edu.cdev);
	self->edu.cdev = -1;
	/* KVM has the file. */
	ASSERT_EQ(EWOULDBLOCK, module_unload(REDIRECTOR));
	kvm_vm_close(&self->vm);
	test_ok(module_unload_wait(REDIRECTOR, LIMIT_MS * slowness()));
}

TEST_F(kvm_redirect, nothing_stays_after_20_loads)
{
	int loads = LOADS / kernel_slowness();

	for (int i = 0; i < loads; i++) {
		test_ok(module_unload(REDIRECTOR));
		ASSERT_EQ(0, redirected());
		test_err_kvm_add(EINVAL, &self->vm, self->edu.cdev);
		test_ok(module_load(REDIRECTOR));
		ASSERT_EQ(3, redirected());
	}
	test_kvm_add(&self->vm, self->edu.cdev);
}

/* The sysctl turns ftrace off for all users, or for none. */
TEST_F(kvm_redirect, sysctl_does_not_cut_it_off)
{
	int sysctl = open("/proc/sys/kernel/ftrace_enabled", O_RDWR | O_CLOEXEC);
	bool has_group = module_is_loaded("vfio_cdev_group");

	ASSERT_GE(sysctl, 0);
	ASSERT_EQ(-1, write(sysctl, "0", 1));
	if (errno == EOPNOTSUPP)
		SKIP(return, "this kernel never turns ftrace off");
	ASSERT_EQ(EBUSY, errno);
	test_kvm_add(&self->vm, self->edu.cdev);
	test_kvm_del(&self->vm, self->edu.cdev);
	edu_close(&self->edu);
	test_ok(module_unload(REDIRECTOR));
	/* An emulated device may have made vfio_cdev a user, too. */
	if (has_group)
		test_ok(module_unload("vfio_cdev_group"));
	test_ok(module_unload("vfio_cdev"));
	ASSERT_EQ(1, pwrite(sysctl, "0", 1, 0));
	test_ok(module_load("vfio_cdev"));
	EXPECT_EQ(EBUSY, module_load(REDIRECTOR));
	EXPECT_EQ(0, redirected());
	ASSERT_EQ(1, pwrite(sysctl, "1", 1, 0));
	close(sysctl);
	test_ok(module_load(REDIRECTOR));
	if (has_group)
		test_ok(module_load("vfio_cdev_group"));
}

static bool livepatch_disable(void)
{
	uint64_t end = now_ms() + LIVEPATCH_MS * slowness();
	bool there;

	if (!file_write("/sys/kernel/livepatch/" LIVEPATCH "/enabled", "0"))
		return false;
	while ((there = !access("/sys/kernel/livepatch/" LIVEPATCH, F_OK)) &&
	       now_ms() < end)
		sleep_ms(10);
	return !there && !module_unload(LIVEPATCH);
}

/* Only one of both can have a function. */
TEST_F_TIMEOUT(kvm_redirect, livepatch_of_a_function_keeps_the_module_out,
	       100 * slowness())
{
	if (!module_exists(LIVEPATCH))
		SKIP(return, "no " LIVEPATCH ": the kernel has no livepatch");
	test_ok(module_unload(REDIRECTOR));
	test_ok(module_load(LIVEPATCH));
	ASSERT_EQ(1, redirected());
	EXPECT_EQ(EBUSY, module_load(REDIRECTOR));
	EXPECT_EQ(1, redirected());
	test_err_kvm_add(EINVAL, &self->vm, self->edu.cdev);
	test_bind();
	ASSERT_TRUE(livepatch_disable());
	test_ok(module_load(REDIRECTOR));
	test_kvm_add(&self->vm, self->edu.cdev);
}

TEST_F(kvm_redirect, module_keeps_a_livepatch_out)
{
	if (!module_exists(LIVEPATCH))
		SKIP(return, "no " LIVEPATCH ": the kernel has no livepatch");
	ASSERT_EQ(EBUSY, module_load(LIVEPATCH));
	ASSERT_EQ(3, redirected());
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
}

TEST_HARNESS_MAIN
