// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK accounting of pinned pages
 *
 * Who mapped the memory pays for it, whoever attaches a device to it later and
 * whatever becomes of the mapper: the payer keeps the mm, the user and the
 * task alive as long as there are pages to give back.
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
 * iommufd_set_max_users() - limit the counts that user space drives
 * @users: limit; 0 stands for IOMMUFD_MAX_USERS
 */
void iommufd_set_max_users(unsigned int users)
{
	WRITE_ONCE(iommufd_max_users, users ? users : IOMMUFD_MAX_USERS);
}

/**
 * iommufd_payer_create() - make the current process a payer
 *
 * Return: a payer with one reference, or ERR_PTR(-ENOMEM).
 */
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

/**
 * iommufd_payer_is_current() - would the current process be the same payer
 * @payer: payer
 *
 * Return: true if it would.
 */
bool iommufd_payer_is_current(const struct iommufd_payer *payer)
{
	return payer->mm == current->mm &&
	       payer->task == current->group_leader &&
	       payer->user == current_user();
}

/**
 * iommufd_payer_put() - drop a reference
 * @payer: payer
 */
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
 * iommufd_payer_room() - how many pages could be charged
 * @payer: who would pay
 * @mode: from which counter, not IOMMUFD_ACCOUNT_NONE
 *
 * Return: number of pages at this moment; a charge may see less or more.
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
 * iommufd_payer_charge() - pay for pages that have just been pinned
 * @payer: who pays
 * @mode: from which counter
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

	/* Over a limit that was lowered, too, nothing more costs nothing. */
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
 * iommufd_payer_uncharge() - give back what iommufd_payer_charge() took
 * @payer: who paid
 * @mode: from which counter
 * @npages: number of pages, all or a part of what was charged
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
