// SPDX-License-Identifier: GPL-2.0
/* Fault queues: the page requests of devices, and the responses to them */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define FAULT_BYTES	sizeof(struct iommu_hwpt_pgfault)
#define RESPONSE_BYTES	sizeof(struct iommu_hwpt_page_response)
#define MAX_RESPONSES	4

void check_new_fd(struct world *w, int fd)
{
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		differ(w, "the descriptor is not close-on-exec");
	if (lseek(fd, 0, SEEK_SET) != -1 || errno != ESPIPE)
		differ(w, "the descriptor can seek");
}

void check_poll(struct world *w, int fd, int want)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&pollfd, 1, 0);
	DIFFER_UNLESS(w, want, pollfd.revents, "poll");
}

void do_fault_alloc(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_FAULT_QUEUE_ALLOC, cmd, 16);

	if (!free_queue(ctx)) {
		skip(w);
		return;
	}
	cmd.flags = faulty_bits(w, FAULT_FLAG, UINT32_MAX);
	if (cmd.flags)
		errs_add(&call.errs, EOPNOTSUPP);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_fault_id);
	check_new_fd(w, cmd.out_fault_fd);
	model_new_queue(ctx, cmd.out_fault_id, cmd.out_fault_fd);
}

/* Of a queue of faults or events: the object stays. */
void do_queue_close(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct queue *queue = pick_queue(ctx, step->arg[0]);

	if (!queue || queue->fd < 0) {
		skip(w);
		return;
	}
	close(queue->fd);
	queue->fd = -1;
}

static const uint32_t pasids[] = { 0, 0, 0, 0, 1, 2, 1024, 5 };

void do_trigger_iopf(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct dev *dev = pick_dev_if(ctx, step->arg[0], can_fault);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_TRIGGER_IOPF,
		.trigger_iopf = {
			.pasid = pasids[step->arg[1] % 8],
			.grpid = step->arg[2], .perm = step->arg[3] % 16,
			.addr = step->arg[4] * MOCK_PAGE,
		},
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct queue *queue = NULL;
	uint32_t attachment = 0;
	struct request *group;

	cmd.trigger_iopf.dev_id = faulty_id(w, ctx, dev ? dev->idev : 0);
	dev = model_find_idev(ctx, cmd.trigger_iopf.dev_id);
	if (dev)
		queue = model_fault_queue(dev, cmd.trigger_iopf.pasid,
					  &attachment);
	else
		errs_add(&call.errs, ENOENT);
	if (queue && queue->ngroups == MAX_GROUPS) {
		skip(w);
		return;
	}
	if (!call_issue(w, &call) || !queue)
		return;
	group = &queue->groups[queue->ngroups++];
	*group = (struct request){
		.attachment = attachment,
		.fault = {
			.flags = IOMMU_PGFAULT_FLAGS_LAST_PAGE,
			.dev_id = dev->idev,
			.grpid = cmd.trigger_iopf.grpid,
			.perm = cmd.trigger_iopf.perm,
			.addr = cmd.trigger_iopf.addr,
		},
	};
	if (cmd.trigger_iopf.pasid) {
		group->fault.flags |= IOMMU_PGFAULT_FLAGS_PASID_VALID;
		group->fault.pasid = cmd.trigger_iopf.pasid;
	}
}

/*
 * What read() puts into @want, and its errno if it returns nothing. Behind
 * @there bytes the buffer has no memory.
 */
static ssize_t predict_read(struct queue *queue, size_t count, size_t there,
			    struct iommu_hwpt_pgfault *want, struct errs *e)
{
	struct request *group;
	unsigned int n = 0;

	if (count % FAULT_BYTES) {
		errs_add(e, ESPIPE);
		return -1;
	}
	while ((group = model_unread_group(queue))) {
		size_t end = (n + 1) * FAULT_BYTES;

		if (end > count || end > there) {
			if (!n)
				errs_add(e, end > count ? EINVAL : EFAULT);
			break;
		}
		model_read_group(queue, group);
		want[n++] = group->fault;
	}
	if (!count)
		e->or_success = true;
	return n * FAULT_BYTES;
}

void check_queue_poll(struct world *w, struct queue *queue)
{
	bool waiting = queue->viommu ? queue->nevents || queue->lost :
				       model_unread_group(queue) != NULL;

	check_poll(w, queue->fd, (queue->viommu ? 0 : POLLOUT) |
				 (waiting ? POLLIN : 0));
}

static bool is_open(const struct queue *queue)
{
	return queue->fd >= 0 && !queue->viommu;
}

static bool is_waiting(const struct queue *queue)
{
	return is_open(queue) && queue->ngroups;
}

/* Mostly one with page requests; NULL if none is open */
static struct queue *pick_open(struct context *ctx, uint64_t nth)
{
	struct queue *queue = pick_queue_if(ctx, nth / 4,
					    nth % 4 ? is_waiting : is_open);

	if (queue && !is_open(queue))
		queue = pick_queue_if(ctx, nth / 4, is_open);
	return queue && is_open(queue) ? queue : NULL;
}

void do_fault_read(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct queue *queue = pick_open(ctx, step->arg[0]);
	struct iommu_hwpt_pgfault want[MAX_GROUPS];
	size_t count = (1 + step->arg[1] % 4) * FAULT_BYTES, there = count;
	struct errs errs = { };
	ssize_t n, bytes;
	void *at;

	if (!queue) {
		skip(w);
		return;
	}
	if (step->arg[2] % 8 == 0)
		count = there = step->arg[3] % 130;
	if (step->arg[2] % 8 == 1)
		there = step->arg[3] % (count + 1);
	bytes = predict_read(queue, count, there, want, &errs);
	at = arena_last_bytes(there);
	n = read(queue->fd, at, count);
	if (!call_expect(w, &errs, n < 0 ? errno : 0))
		return;
	DIFFER_UNLESS(w, bytes, n, "the bytes read");
	if (memcmp(want, at, bytes))
		differ(w, "the faults are others");
	check_queue_poll(w, queue);
}

/* Mostly to groups that were read */
static void make_responses(const struct step *step, struct queue *queue,
			   struct iommu_hwpt_page_response *list, unsigned int n)
{
	struct rng rng = { step->arg[3] };

	for (unsigned int i = 0; i < n; i++) {
		struct request *group = queue->ngroups ?
			&queue->groups[rng_below(&rng, queue->ngroups)] : NULL;

		list[i].code = rng_one_in(&rng, 12) ? rng_below(&rng, 5) :
						      rng_below(&rng, 2);
		list[i].cookie = group ? group->fault.cookie : 1;
		if (rng_one_in(&rng, 12))
			list[i].cookie = rng_next(&rng) >> 32 >>
					 rng_below(&rng, 32);
	}
}

static ssize_t predict_write(struct queue *queue, size_t count, size_t there,
			     const struct iommu_hwpt_page_response *list,
			     struct errs *e)
{
	size_t done = 0;
	int rc = 0;

	if (count % RESPONSE_BYTES) {
		errs_add(e, ESPIPE);
		return -1;
	}
	while (!rc && done < count) {
		rc = done + RESPONSE_BYTES > there ? EFAULT :
		     model_respond(queue, &list[done / RESPONSE_BYTES]);
		if (!rc)
			done += RESPONSE_BYTES;
	}
	if (rc && !done)
		errs_add(e, rc);
	return done;
}

void do_fault_respond(struct world *w, struct context *ctx,
		      const struct step *step)
{
	struct iommu_hwpt_page_response list[MAX_RESPONSES];
	struct queue *queue = pick_open(ctx, step->arg[0]);
	size_t count = (1 + step->arg[1] % 3) * RESPONSE_BYTES, there = count;
	struct errs errs = { };
	ssize_t n, bytes;
	void *at;

	if (!queue) {
		skip(w);
		return;
	}
	if (step->arg[2] % 16 == 0)
		count = there = step->arg[4] % (sizeof(list) + 1);
	if (step->arg[2] % 16 == 1)
		there = step->arg[4] % (count + 1);
	make_responses(step, queue, list, MAX_RESPONSES);
	at = arena_last_bytes(there);
	memcpy(at, list, there);
	bytes = predict_write(queue, count, there, list, &errs);
	n = write(queue->fd, at, count);
	if (!call_expect(w, &errs, n < 0 ? errno : 0))
		return;
	DIFFER_UNLESS(w, bytes, n, "the bytes written");
	check_queue_poll(w, queue);
}
