// SPDX-License-Identifier: GPL-2.0
/*
 * A mock access is a driver that pins, reads and writes what an IOAS has
 * mapped. It has a file descriptor, and closing the descriptor destroys it.
 */
#include <linux/anon_inodes.h>
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "mock.h"

#define MAX_LENGTH SZ_16M

static bool keep_pins;
module_param(keep_pins, bool, 0600);
MODULE_PARM_DESC(keep_pins, "Keep pins when an UNMAP asks for them");

static bool unmap_locks;
module_param(unmap_locks, bool, 0600);
MODULE_PARM_DESC(
	unmap_locks,
	"In the callback of an UNMAP, take the lock that is held across replace");

static unsigned int unmap_delay;
module_param(unmap_delay, uint, 0600);
MODULE_PARM_DESC(unmap_delay,
		 "Sleep so many ms at the start of an UNMAP's callback");

static unsigned int unpin_delay;
module_param(unpin_delay, uint, 0600);
MODULE_PARM_DESC(
	unpin_delay,
	"In the callback of an UNMAP, sleep so many ms before each unpin");

static atomic_t nr_unmaps = ATOMIC_INIT(0);
module_param_named(unmaps, nr_unmaps.counter, int, 0400);
MODULE_PARM_DESC(unmaps, "Number of UNMAP callbacks that are running");

static atomic_t nr_stuck = ATOMIC_INIT(0);
module_param_named(stuck, nr_stuck.counter, int, 0400);
MODULE_PARM_DESC(stuck, "Number of UNMAP callbacks that did not get the lock");

/* How often an UNMAP callback tries to take the lock, every 20 ms */
#define LOCK_TRIES 150

/* How many pins an UNMAP callback takes before it undoes them */
#define PINS_AT_ONCE 64

/**
 * struct mock_access - an access and what it has pinned
 * @ictx: context; @access has a reference
 * @access: access
 * @pins_pages: created with MOCK_ACCESS_NEEDS_PIN_PAGES
 * @rwsem: held for reading from pinning until the pin is in @pins; held for
 *         writing while the IOAS changes. The core asks once for all pins
 *         during a change, so every pin must be in @pins by then.
 * @ioas_id: id of the IOAS in use; guarded by @rwsem
 * @lock: guards @pins and @last_pin_id. It is the only lock that the unmap
 *        callback takes, unless unmap_locks is set.
 * @pins: list of struct mock_pin
 * @last_pin_id: id of the newest pin
 */
struct mock_access {
	struct iommufd_ctx *ictx;
	struct iommufd_access *access;
	bool pins_pages;
	struct rw_semaphore rwsem;
	u32 ioas_id;
	spinlock_t lock;
	struct list_head pins;
	u32 last_pin_id;
};

/**
 * struct mock_pin - a pinned range
 * @entry: entry of mock_access.pins; the thread that removes it must unpin
 * @id: id
 * @iova: first IOVA
 * @length: bytes
 */
struct mock_pin {
	struct list_head entry;
	u32 id;
	unsigned long iova;
	unsigned long length;
};

static void mock_unpin(struct mock_access *maccess, struct mock_pin *pin)
{
	iommufd_access_unpin_pages(maccess->access, pin->iova, pin->length);
	kfree(pin);
}

/*
 * Move pins that overlap the range to another list. Each call walks the whole
 * list, so it takes many: threads that pin must not be faster than one that
 * unmaps. It does not take all, because iommufd_access_destroy() in another
 * thread waits only so long for pins that it does not find.
 */
static void mock_take_pins_in(struct mock_access *maccess, unsigned long iova,
			      unsigned long last, struct list_head *taken)
{
	unsigned int room = PINS_AT_ONCE;
	struct mock_pin *pin, *next;

	spin_lock(&maccess->lock);
	list_for_each_entry_safe(pin, next, &maccess->pins, entry) {
		if (pin->iova > last || pin->iova + (pin->length - 1) < iova)
			continue;
		list_move_tail(&pin->entry, taken);
		if (!--room)
			break;
	}
	spin_unlock(&maccess->lock);
}

static struct mock_pin *mock_take_pin(struct mock_access *maccess, u32 id)
{
	struct mock_pin *pin, *found = NULL;

	spin_lock(&maccess->lock);
	/* Most callers want a pin that is new. */
	list_for_each_entry_reverse(pin, &maccess->pins, entry) {
		if (pin->id == id) {
			list_del(&pin->entry);
			found = pin;
			break;
		}
	}
	spin_unlock(&maccess->lock);
	return found;
}

static void mock_unpin_range(struct mock_access *maccess, unsigned long iova,
			     unsigned long last, unsigned int delay)
{
	struct mock_pin *pin, *next;
	LIST_HEAD(taken);

	for (;;) {
		mock_take_pins_in(maccess, iova, last, &taken);
		if (list_empty(&taken))
			break;
		list_for_each_entry_safe(pin, next, &taken, entry) {
			if (delay)
				msleep(delay);
			list_del(&pin->entry);
			mock_unpin(maccess, pin);
		}
		cond_resched();
	}
}

/* A driver would wait for the lock. Give up, so that a test ends. */
static bool mock_access_trylock(struct mock_access *maccess)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (down_read_trylock(&maccess->rwsem))
			return true;
		msleep(20);
	}
	atomic_inc(&nr_stuck);
	return false;
}

/* The core must not hold a lock in the callback of an UNMAP. */
static void mock_access_unmap_range(struct mock_access *maccess,
				    unsigned long iova, unsigned long last)
{
	bool locks = READ_ONCE(unmap_locks);

	lockdep_assert_none_held_once();
	atomic_inc(&nr_unmaps);
	if (READ_ONCE(unmap_delay))
		msleep(unmap_delay);
	if (!locks || mock_access_trylock(maccess)) {
		mock_unpin_range(maccess, iova, last, READ_ONCE(unpin_delay));
		if (locks)
			up_read(&maccess->rwsem);
	}
	atomic_dec(&nr_unmaps);
}

static void mock_access_unmap(void *data, unsigned long iova,
			      unsigned long length)
{
	struct mock_access *maccess = data;
	u64 last;

	/* The core asks for everything when the access leaves its IOAS. */
	if (!iova && length == ULONG_MAX)
		mock_unpin_range(maccess, 0, ULONG_MAX, 0);
	else if (keep_pins)
		return;
	else if (!WARN_ON(iommufd_check_range(iova, length, &last)))
		mock_access_unmap_range(maccess, iova, last);
}

static const struct iommufd_access_ops mock_pin_ops = {
	.needs_pin_pages = 1,
	.unmap = mock_access_unmap,
};

static const struct iommufd_access_ops mock_rw_ops = {};

static int mock_access_release(struct inode *inode, struct file *file)
{
	struct mock_access *maccess = file->private_data;

	iommufd_access_destroy(maccess->access);
	WARN_ON(!list_empty(&maccess->pins));
	kfree(maccess);
	return 0;
}

static const struct file_operations mock_access_fops = {
	.owner = THIS_MODULE,
	.release = mock_access_release,
	.llseek = noop_llseek,
};

/* The caller must release the access with fput(*file). */
static struct mock_access *mock_get_access(struct mock_ucmd *ucmd,
					   struct file **file)
{
	struct mock_access *maccess;

	*file = fget(ucmd->cmd.id);
	if (!*file)
		return ERR_PTR(-EBADFD);
	maccess = (*file)->private_data;
	if ((*file)->f_op == &mock_access_fops && maccess->ictx == ucmd->ictx)
		return maccess;
	fput(*file);
	return ERR_PTR(-EBADFD);
}

static struct mock_access *mock_access_create(struct iommufd_ctx *ictx,
					      u32 ioas_id, bool pins_pages)
{
	struct mock_access *maccess;
	u32 id;
	int rc;

	maccess = kzalloc(sizeof(*maccess), GFP_KERNEL_ACCOUNT);
	if (!maccess)
		return ERR_PTR(-ENOMEM);
	maccess->ictx = ictx;
	maccess->pins_pages = pins_pages;
	maccess->ioas_id = ioas_id;
	init_rwsem(&maccess->rwsem);
	spin_lock_init(&maccess->lock);
	INIT_LIST_HEAD(&maccess->pins);

	maccess->access = iommufd_access_create(
		ictx, pins_pages ? &mock_pin_ops : &mock_rw_ops, maccess, &id);
	if (IS_ERR(maccess->access)) {
		rc = PTR_ERR(maccess->access);
		goto out_free;
	}
	rc = iommufd_access_attach(maccess->access, ioas_id);
	if (rc)
		goto out_destroy;
	return maccess;

out_destroy:
	iommufd_access_destroy(maccess->access);
out_free:
	kfree(maccess);
	return ERR_PTR(rc);
}

static struct file *mock_access_create_file(struct mock_ucmd *ucmd)
{
	struct mock_access *maccess;
	struct file *file;

	maccess = mock_access_create(ucmd->ictx, ucmd->cmd.id,
				     ucmd->cmd.create_access.flags &
					     MOCK_ACCESS_NEEDS_PIN_PAGES);
	if (IS_ERR(maccess))
		return ERR_CAST(maccess);
	file = anon_inode_getfile("[iommufd_mock_access]", &mock_access_fops,
				  maccess, O_RDWR);
	if (IS_ERR(file)) {
		iommufd_access_destroy(maccess->access);
		kfree(maccess);
	}
	return file;
}

/* IOMMU_TEST_OP_CREATE_ACCESS */
int mock_access_create_cmd(struct mock_ucmd *ucmd)
{
	struct file *file;
	int fd, rc;

	if (ucmd->cmd.create_access.flags & ~MOCK_ACCESS_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = mock_access_create_file(ucmd);
	if (IS_ERR(file)) {
		rc = PTR_ERR(file);
		goto out_put_fd;
	}

	ucmd->cmd.create_access.out_access_fd = fd;
	rc = mock_respond(ucmd);
	if (rc)
		goto out_put_file;
	fd_install(fd, file);
	return 0;

out_put_file:
	fput(file);
out_put_fd:
	put_unused_fd(fd);
	return rc;
}

/* Translate the index of a mapping and an offset to an IOVA. */
static int mock_nth_iova(struct mock_access *maccess, u64 in,
			 unsigned long *iova)
{
	struct iommufd_ioas *ioas;
	bool found;

	lockdep_assert_held(&maccess->rwsem);
	ioas = mock_get_ioas(maccess->ictx, maccess->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	found = test_core->nth_area(&ioas->space, lower_32_bits(in), iova);
	mock_put_ioas(ioas);
	if (!found)
		return -ENOENT;
	*iova += upper_32_bits(in);
	return 0;
}

static int mock_access_iova(struct mock_access *maccess, u64 in, u32 flags,
			    unsigned long *iova)
{
	*iova = in;
	return flags & MOCK_ACCESS_SYZ ? mock_nth_iova(maccess, in, iova) : 0;
}

/* Pin the range and add the pin to the list. */
static int mock_add_pin(struct mock_access *maccess, struct mock_pin *pin,
			struct page **pages, u32 flags, u32 *id)
{
	int rc;

	rc = iommufd_access_pin_pages(maccess->access, pin->iova, pin->length,
				      pages,
				      flags & MOCK_ACCESS_WRITE ?
					      IOMMUFD_ACCESS_RW_WRITE :
					      IOMMUFD_ACCESS_RW_READ);
	if (rc)
		return rc;

	spin_lock(&maccess->lock);
	*id = ++maccess->last_pin_id;
	pin->id = *id;
	list_add_tail(&pin->entry, &maccess->pins);
	spin_unlock(&maccess->lock);
	return 0;
}

/*
 * Pin, compare the pages with @ucmd and respond. Takes over @pin. As soon as
 * the pin is in the list, an UNMAP may unpin it; so only the addresses of the
 * struct pages are compared.
 */
static int mock_pin_and_compare(struct mock_ucmd *ucmd,
				struct mock_access *maccess,
				struct mock_pin *pin)
{
	unsigned long uptr = ucmd->cmd.access_pages.uptr;
	u32 *id = &ucmd->cmd.access_pages.out_access_pages_id;
	struct page *one, **pages = &one;
	unsigned long npages;
	int rc;

	npages = PFN_UP(offset_in_page(pin->iova) + pin->length);
	if (npages > 1)
		pages = kvmalloc_array(npages, sizeof(*pages),
				       GFP_KERNEL_ACCOUNT);
	if (!pages) {
		kfree(pin);
		return -ENOMEM;
	}
	rc = mock_add_pin(maccess, pin, pages, ucmd->cmd.access_pages.flags,
			  id);
	if (rc) {
		kfree(pin);
		goto out_free;
	}

	if (uptr)
		rc = mock_check_pages(uptr, pages, npages);
	if (!rc)
		rc = mock_respond(ucmd);
	if (rc) {
		pin = mock_take_pin(maccess, *id);
		if (pin)
			mock_unpin(maccess, pin);
	}
out_free:
	if (pages != &one)
		kvfree(pages);
	return rc;
}

static int mock_access_pin(struct mock_ucmd *ucmd, struct mock_access *maccess)
{
	struct mock_pin *pin;
	int rc;

	if (!maccess->pins_pages)
		return -EOPNOTSUPP;
	pin = kmalloc(sizeof(*pin), GFP_KERNEL_ACCOUNT);
	if (!pin)
		return -ENOMEM;
	pin->length = ucmd->cmd.access_pages.length;
	rc = mock_access_iova(maccess, ucmd->cmd.access_pages.iova,
			      ucmd->cmd.access_pages.flags, &pin->iova);
	if (rc) {
		kfree(pin);
		return rc;
	}
	return mock_pin_and_compare(ucmd, maccess, pin);
}

/* IOMMU_TEST_OP_ACCESS_PAGES */
int mock_access_pin_cmd(struct mock_ucmd *ucmd)
{
	struct mock_access *maccess;
	struct file *file;
	int rc;

	if (ucmd->cmd.access_pages.length > MAX_LENGTH)
		return -ENOMEM;
	if (ucmd->cmd.access_pages.flags &
	    ~(MOCK_ACCESS_WRITE | MOCK_ACCESS_SYZ))
		return -EOPNOTSUPP;

	maccess = mock_get_access(ucmd, &file);
	if (IS_ERR(maccess))
		return PTR_ERR(maccess);
	down_read(&maccess->rwsem);
	rc = mock_access_pin(ucmd, maccess);
	up_read(&maccess->rwsem);
	fput(file);
	return rc;
}

/* IOMMU_TEST_OP_DESTROY_ACCESS_PAGES */
int mock_access_unpin_cmd(struct mock_ucmd *ucmd)
{
	struct mock_access *maccess;
	struct mock_pin *pin;
	struct file *file;

	maccess = mock_get_access(ucmd, &file);
	if (IS_ERR(maccess))
		return PTR_ERR(maccess);
	/* A pin that is not in the list must be gone when the IOAS changes. */
	down_read(&maccess->rwsem);
	pin = mock_take_pin(maccess,
			    ucmd->cmd.destroy_access_pages.access_pages_id);
	if (pin)
		mock_unpin(maccess, pin);
	up_read(&maccess->rwsem);
	fput(file);
	return pin ? 0 : -ENOENT;
}

/* A read or write by a kernel thread, which has no mm of its own */
struct mock_slow_rw {
	struct work_struct work;
	struct iommufd_access *access;
	unsigned long iova;
	void *data;
	size_t length;
	unsigned int flags;
	int rc;
};

static void mock_slow_rw_work(struct work_struct *work)
{
	struct mock_slow_rw *rw = container_of(work, struct mock_slow_rw, work);

	rw->rc = iommufd_access_rw(rw->access, rw->iova, rw->data, rw->length,
				   rw->flags | IOMMUFD_ACCESS_RW_KTHREAD);
}

static int mock_slow_rw(struct iommufd_access *access, unsigned long iova,
			void *data, size_t length, unsigned int flags)
{
	struct mock_slow_rw rw = {
		.access = access,
		.iova = iova,
		.data = data,
		.length = length,
		.flags = flags,
	};

	INIT_WORK_ONSTACK(&rw.work, mock_slow_rw_work);
	queue_work(system_unbound_wq, &rw.work);
	flush_work(&rw.work);
	destroy_work_on_stack(&rw.work);
	return rw.rc;
}

static int mock_rw_buffer(struct mock_ucmd *ucmd, struct mock_access *maccess,
			  void *data)
{
	u32 flags = ucmd->cmd.access_rw.flags;
	size_t length = ucmd->cmd.access_rw.length;
	unsigned int rw = flags & MOCK_ACCESS_WRITE ? IOMMUFD_ACCESS_RW_WRITE :
						      IOMMUFD_ACCESS_RW_READ;
	unsigned long iova;
	int rc;

	down_read(&maccess->rwsem);
	rc = mock_access_iova(maccess, ucmd->cmd.access_rw.iova, flags, &iova);
	if (!rc && (flags & MOCK_ACCESS_SLOW_PATH))
		rc = mock_slow_rw(maccess->access, iova, data, length, rw);
	else if (!rc)
		rc = iommufd_access_rw(maccess->access, iova, data, length, rw);
	up_read(&maccess->rwsem);
	return rc;
}

static int mock_access_rw(struct mock_ucmd *ucmd, struct mock_access *maccess)
{
	void __user *uptr = u64_to_user_ptr(ucmd->cmd.access_rw.uptr);
	bool write = ucmd->cmd.access_rw.flags & MOCK_ACCESS_WRITE;
	size_t length = ucmd->cmd.access_rw.length;
	void *data;
	int rc = 0;

	data = kvzalloc(length, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;
	if (write && copy_from_user(data, uptr, length))
		rc = -EFAULT;
	if (!rc)
		rc = mock_rw_buffer(ucmd, maccess, data);
	if (!rc && !write && copy_to_user(uptr, data, length))
		rc = -EFAULT;
	kvfree(data);
	return rc;
}

/* IOMMU_TEST_OP_ACCESS_RW */
int mock_access_rw_cmd(struct mock_ucmd *ucmd)
{
	struct mock_access *maccess;
	struct file *file;
	int rc;

	if (ucmd->cmd.access_rw.length > MAX_LENGTH)
		return -ENOMEM;
	if (ucmd->cmd.access_rw.flags &
	    ~(MOCK_ACCESS_WRITE | MOCK_ACCESS_SLOW_PATH | MOCK_ACCESS_SYZ))
		return -EOPNOTSUPP;

	maccess = mock_get_access(ucmd, &file);
	if (IS_ERR(maccess))
		return PTR_ERR(maccess);
	rc = mock_access_rw(ucmd, maccess);
	fput(file);
	return rc;
}

/* IOMMU_TEST_OP_ACCESS_REPLACE_IOAS */
int mock_access_replace_cmd(struct mock_ucmd *ucmd)
{
	u32 ioas_id = ucmd->cmd.access_replace_ioas.ioas_id;
	struct mock_access *maccess;
	struct file *file;
	int rc;

	maccess = mock_get_access(ucmd, &file);
	if (IS_ERR(maccess))
		return PTR_ERR(maccess);
	down_write(&maccess->rwsem);
	rc = iommufd_access_replace(maccess->access, ioas_id);
	if (!rc)
		maccess->ioas_id = ioas_id;
	up_write(&maccess->rwsem);
	fput(file);
	return rc;
}
