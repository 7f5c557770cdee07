// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK accounting of pinned pages
 *
 * The process that maps memory pays for it, even if another process attaches
 * the device and even after the mapper has exited. The payer keeps the structs
 * of its mm, user and task until all pages are uncharged.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "account.h"

unsigned int iommufd_max_users = IOMMUFD_MAX_USERS;

/**
 * iommufd_set_max_users() - lower the limit for a test
 * @users: limit; 0 restores IOMMUFD_MAX_USERS
 */
void iommufd_set_max_users(unsigned int users)
{
	WRITE_ONCE(iommufd_max_users, users ? users : IOMMUFD_MAX_USERS);
}

/* Return: a payer for the current process, with one reference; or ERR_PTR. */
struct iommufd_payer *iommufd_payer_create(void)
{
	struct iommufd_payer *payer;

	payer = kmalloc(sizeof(*payer), GFP_KERNEL_ACCOUNT);
	if (!payer)
		return ERR_PTR(-ENOMEM);

	refcount_set(&payer->refs, 1);
	payer->mm = current->mm;
	mmgrab(payer->mm);
	payer->user = get_uid(current_user());
	payer->task = get_task_struct(current->group_leader);
	return payer;
}

/* Would iommufd_payer_create() return an equal payer now? */
bool iommufd_payer_is_current(const struct iommufd_payer *payer)
{
	return payer->mm == current->mm &&
	       payer->task == current->group_leader &&
	       payer->user == current_user();
}

void iommufd_payer_put(struct iommufd_payer *payer)
{
	if (!refcount_dec_and_test(&payer->refs))
		return;
	put_task_struct(payer->task);
	free_uid(payer->user);
	mmdrop(payer->mm);
	kfree(payer);
}

static int payer_charge_user(struct iommufd_payer *payer, unsigned long npages)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	long locked = atomic_long_read(&payer->user->locked_vm);

	do {
		if (npages > limit || locked > (long)(limit - npages))
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&payer->user->locked_vm, &locked,
					  locked + npages));
	return 0;
}

static int payer_charge_mm(struct iommufd_payer *payer, unsigned long npages)
{
	int rc;

	if (mmap_write_lock_killable(payer->mm))
		return -EINTR;
	rc = __account_locked_vm(payer->mm, npages, true, payer->task, false);
	mmap_write_unlock(payer->mm);
	return rc;
}

static void payer_uncharge_mm(struct iommufd_payer *payer, unsigned long npages)
{
	mmap_write_lock(payer->mm);
	__account_locked_vm(payer->mm, npages, false, payer->task, false);
	mmap_write_unlock(payer->mm);
}

/**
 * iommufd_payer_room() - number of pages that could be charged
 * @payer: payer
 * @mode: counter, not IOMMUFD_ACCOUNT_NONE
 *
 * Return: number of pages at this moment; a charge may find less or more room.
 */
unsigned long iommufd_payer_room(const struct iommufd_payer *payer,
				 enum iommufd_account_mode mode)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	unsigned long locked = mode == IOMMUFD_ACCOUNT_USER ?
			       atomic_long_read(&payer->user->locked_vm) :
			       READ_ONCE(payer->mm->locked_vm);

	return limit > locked ? limit - locked : 0;
}

/**
 * iommufd_payer_charge() - charge pages that have just been pinned
 * @payer: payer
 * @mode: counter to charge
 * @npages: number of pages
 *
 * Context: may sleep; takes the payer's mmap_lock in IOMMUFD_ACCOUNT_MM.
 * Return: 0, -ENOMEM over the limit, -EINTR when killed. Nothing is charged on
 * failure.
 */
int iommufd_payer_charge(struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long npages)
{
	int rc = 0;

	/*
	 * Charging 0 pages must not fail, even over a limit that was lowered.
	 */
	if (!npages)
		return 0;
	if (mode == IOMMUFD_ACCOUNT_USER)
		rc = payer_charge_user(payer, npages);
	else if (mode == IOMMUFD_ACCOUNT_MM)
		rc = payer_charge_mm(payer, npages);
	if (!rc)
		atomic64_add(npages, &payer->mm->pinned_vm);
	return rc;
}

/**
 * iommufd_payer_uncharge() - undo iommufd_payer_charge(), all of it or a part
 * @payer: payer
 * @mode: counter that was charged
 * @npages: number of pages
 *
 * Context: may sleep; takes the payer's mmap_lock in IOMMUFD_ACCOUNT_MM.
 */
void iommufd_payer_uncharge(struct iommufd_payer *payer,
			    enum iommufd_account_mode mode,
			    unsigned long npages)
{
	if (!npages)
		return;
	atomic64_sub(npages, &payer->mm->pinned_vm);
	if (mode == IOMMUFD_ACCOUNT_USER)
		WARN_ON_ONCE(atomic_long_sub_return(npages,
					&payer->user->locked_vm) < 0);
	else if (mode == IOMMUFD_ACCOUNT_MM)
		payer_uncharge_mm(payer, npages);
}
