// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep (sweep.h) with groups that have an iommufd as container, and with
 * virtual machines: a call in which any one allocation fails leaves nothing
 * behind.
 */
#include "kvm.h"
#include "module.h"
#include "sweep.h"
#include "type1_ioctls.h"

/* To be multiplied by slowness() */
#define VM_ENDS_MS	10000

struct vfio_sweep {
	struct sweep;
	int group;
	int kvm;
	struct kvm_vm vm;
};

static struct vfio_sweep *vfio_sweep(struct sweep *s)
{
	return (struct vfio_sweep *)s;
}

/* The device has no interrupt pin, for the reason that fail_nth.c tells. */
static int open_group(struct sweep *s)
{
	int group = vfio_group_open(s->edu[0].pci.group);

	vfio_sweep(s)->group = group;
	return group < 0 ? errno : 0;
}

static int set_container(struct sweep *s)
{
	return _test_vfio_set_container(vfio_sweep(s)->group, s->fd);
}

/* The IOAS that was made for the container goes, too. */
static int unset_container(struct sweep *s)
{
	uint32_t id = 0;
	int rc = _test_vfio_unset_container(vfio_sweep(s)->group);

	rc = rc ?: _test_vfio_ioas(s->fd, IOMMU_VFIO_IOAS_GET, &id);
	return rc ?: _test_destroy(s->fd, id);
}

static const struct scenario container_set = {
	.prepare = open_group,
	.call = set_container,
	.undo = unset_container,
};

/* @s->ioas, with memory, is the container's. */
static int open_group_with_memory(struct sweep *s)
{
	int rc = open_group(s);

	rc = rc ?: map_memory(s);
	rc = rc ?: _test_vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &s->ioas);
	return rc ?: set_container(s);
}

static int get_device(struct sweep *s)
{
	s->file = vfio_group_device(vfio_sweep(s)->group, s->edu[0].pci.bdf);
	return s->file < 0 ? errno : 0;
}

static int close_device(struct sweep *s)
{
	return close(s->file) ? errno : 0;
}

static const struct scenario device_get = {
	.prepare = open_group_with_memory,
	.ready = fresh_memory,
	.call = get_device,
	.undo = close_device,
};

static int get_first_device(struct sweep *s)
{
	int rc = open_group_with_memory(s);

	rc = rc ?: get_device(s);
	s->edu[0].cdev = s->file;
	return rc;
}

static const struct scenario device_get_again = {
	.prepare = get_first_device,
	.call = get_device,
	.undo = close_device,
};

static int open_vm(struct sweep *s)
{
	return kvm_vm_create(vfio_sweep(s)->kvm, &vfio_sweep(s)->vm);
}

/* It ends: no file has left a reference to it. */
static int close_vm(struct sweep *s)
{
	kvm_vm_close(&vfio_sweep(s)->vm);
	return kvm_vm_ended(&vfio_sweep(s)->vm, VM_ENDS_MS * slowness()) ?
	       0 : EBUSY;
}

static int open_cdev(struct sweep *s)
{
	s->edu[0].cdev = vfio_cdev_open(&s->edu[0].pci);
	return s->edu[0].cdev < 0 ? errno : 0;
}

static int open_vm_and_cdev(struct sweep *s)
{
	return open_vm(s) ?: open_cdev(s);
}

static int add_cdev(struct sweep *s)
{
	return _test_kvm_add(&vfio_sweep(s)->vm, s->edu[0].cdev);
}

static int close_vm_and_cdev(struct sweep *s)
{
	edu_close(&s->edu[0]);
	return close_vm(s);
}

static const struct scenario vm_add = {
	.ready = open_vm_and_cdev,
	.call = add_cdev,
	.undo = close_vm_and_cdev,
};

static int open_vm_with_cdev(struct sweep *s)
{
	return open_vm_and_cdev(s) ?: add_cdev(s);
}

static int bind_cdev(struct sweep *s)
{
	return _test_vfio_bind(s->edu[0].cdev, s->fd, &s->edu[0].devid);
}

static const struct scenario bind_in_vm = {
	.ready = open_vm_with_cdev,
	.call = bind_cdev,
	.undo = close_vm_and_cdev,
};

static int add_group(struct sweep *s)
{
	return _test_kvm_add(&vfio_sweep(s)->vm, vfio_sweep(s)->group);
}

static const struct scenario vm_add_group = {
	.prepare = open_group_with_memory,
	.ready = open_vm,
	.call = add_group,
	.undo = close_vm,
};

FIXTURE(vfio_fail_nth) { struct vfio_sweep; };

FIXTURE_VARIANT(vfio_fail_nth) {
	const struct scenario *does;
	const char *module;	/* that serves it */
	bool in_vm;
};

FIXTURE_VARIANT_ADD(vfio_fail_nth, set_container) {
	&container_set, "vfio_cdev_group"
};
FIXTURE_VARIANT_ADD(vfio_fail_nth, get_device) {
	&device_get, "vfio_cdev_group"
};
FIXTURE_VARIANT_ADD(vfio_fail_nth, get_device_again) {
	&device_get_again, "vfio_cdev_group"
};
FIXTURE_VARIANT_ADD(vfio_fail_nth, add_to_vm) {
	&vm_add, "vfio_cdev_kvm", true
};
FIXTURE_VARIANT_ADD(vfio_fail_nth, bind_in_vm) {
	&bind_in_vm, "vfio_cdev_kvm", true
};
FIXTURE_VARIANT_ADD(vfio_fail_nth, add_group_to_vm) {
	&vm_add_group, "vfio_cdev_group", true
};

FIXTURE_SETUP(vfio_fail_nth)
{
	int rc = module_load(variant->module);

	if (rc && rc != EEXIST)
		SKIP(_exit(KSFT_SKIP), "%s: %s", variant->module, strerror(rc));
	self->group = -1;
	self->kvm = -1;
	self->vm.fd = -1;
	self->vm.vfio = -1;
	if (variant->in_vm) {
		self->kvm = kvm_open();
		if (self->kvm < 0)
			SKIP(_exit(KSFT_SKIP), "/dev/kvm: %s", strerror(errno));
	}
	sweep_open(true, PLENTY);
	test_find(&pci_ivshmem, PCI_ON_ROOT_BUS, 0, &self->edu[0].pci);
	if (variant->does->prepare)
		test_ok(variant->does->prepare((struct sweep *)self));
}

FIXTURE_TEARDOWN(vfio_fail_nth)
{
	if (self->group >= 0)
		close(self->group);
	sweep_close();
	kvm_vm_close(&self->vm);
	if (self->kvm >= 0)
		close(self->kvm);
}

TEST_F_TIMEOUT(vfio_fail_nth, leaves_nothing_behind, SWEEP_SECONDS * slowness())
{
	const struct scenario *does = variant->does;
	struct sweep *s = (struct sweep *)self;

	test_sweep();
}

int main(int argc, char **argv)
{
	return sweep_main(argc, argv);
}
