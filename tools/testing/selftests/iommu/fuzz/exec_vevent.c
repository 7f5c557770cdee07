// SPDX-License-Identifier: GPL-2.0
/* Queues of events of a virtual IOMMU */
#include <string.h>
#include <unistd.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define HEADER_BYTES	sizeof(struct iommufd_vevent_header)
#define EVENT_BYTES	(HEADER_BYTES + sizeof(uint32_t))
#define MOST_EVENTS	(1U << 19)	/* of a queue */

void do_vevent_alloc(struct world *w, struct context *ctx,
		     const struct step *step)
{
	static const uint32_t depths[] = { 0, MOST_EVENTS, MOST_EVENTS + 1,
					   UINT32_MAX };
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.type = step->arg[1] % 4 ? VEVENT_TYPE : step->arg[1] / 4 % 4,
		.veventq_depth = step->arg[2] % 12 ? 1 + step->arg[2] % 4 :
						     depths[step->arg[3] % 4],
	};
	struct call call = CALL(ctx, IOMMU_VEVENTQ_ALLOC, cmd, 28);
	struct viommu *viommu = pick_viommu(ctx, step->arg[0]);
	struct queue *queue;

	if (!free_queue(ctx)) {
		skip(w);
		return;
	}
	cmd.viommu_id = faulty_id(w, ctx, viommu ? viommu->id : 0);
	viommu = model_find_viommu(ctx, cmd.viommu_id);
	cmd.flags = faulty_bits(w, FAULT_FLAG, UINT32_MAX);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	if (cmd.flags || cmd.__reserved || !cmd.type)
		errs_add(&call.errs, EOPNOTSUPP);
	if (!cmd.veventq_depth || cmd.veventq_depth > MOST_EVENTS)
		errs_add(&call.errs, EINVAL);
	if (!viommu)
		errs_add(&call.errs, ENOENT);
	else if (model_event_queue(ctx, viommu, cmd.type))
		errs_add(&call.errs, EEXIST);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_veventq_id);
	check_new_fd(w, cmd.out_veventq_fd);
	queue = model_new_queue(ctx, cmd.out_veventq_id, cmd.out_veventq_fd);
	queue->viommu = viommu;
	queue->type = cmd.type;
	queue->depth = cmd.veventq_depth;
	viommu->nusers++;
}

static bool has_virt_id(const struct dev *dev)
{
	return dev->virt_id;
}

void do_trigger_vevent(struct world *w, struct context *ctx,
		       const struct step *step)
{
	struct dev *dev = pick_dev_if(ctx, step->arg[0], has_virt_id);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_TRIGGER_VEVENT,
		.trigger_vevent.dev_id = faulty_id(w, ctx, dev ? dev->idev : 0),
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct queue *queue = NULL;

	dev = model_find_idev(ctx, cmd.trigger_vevent.dev_id);
	if (!dev || !dev->virt_id)
		errs_add(&call.errs, ENOENT);
	if (dev && dev->hwpt->viommu)
		queue = model_event_queue(ctx, dev->hwpt->viommu, VEVENT_TYPE);
	if (queue && queue->nevents == MAX_EVENTS) {
		skip(w);
		return;
	}
	if (!queue)
		errs_add(&call.errs, EOPNOTSUPP);
	if (call_issue(w, &call))
		model_event(queue, dev->virt_id);
}

struct event_text {
	size_t bytes;
	uint8_t text[(MAX_EVENTS + 1) * EVENT_BYTES];
};

/* The first event, as read() gives it; false if there is none. */
static bool first_event(const struct queue *queue, struct event_text *text)
{
	struct iommufd_vevent_header header = { };

	if (queue->nevents) {
		header.sequence = queue->events[0].sequence;
		memcpy(text->text + HEADER_BYTES, &queue->events[0].virt_id, 4);
		text->bytes = EVENT_BYTES;
	} else {
		header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
		header.sequence = queue->lost_sequence;
		text->bytes = HEADER_BYTES;
	}
	memcpy(text->text, &header, sizeof(header));
	return queue->nevents || queue->lost;
}

static void remove_event(struct queue *queue)
{
	if (!queue->nevents)
		queue->lost = false;
	else
		memmove(&queue->events[0], &queue->events[1],
			--queue->nevents * sizeof(*queue->events));
}

/* As for faults; here each event is a whole of its own. */
static void predict_read(struct queue *queue, size_t count, size_t there,
			 struct event_text *want, struct errs *e)
{
	struct event_text next;

	want->bytes = 0;
	if (count < HEADER_BYTES) {
		errs_add(e, EINVAL);
		return;
	}
	while (first_event(queue, &next)) {
		size_t end = want->bytes + next.bytes;

		if (end > count || end > there) {
			if (!want->bytes)
				errs_add(e, end > count ? EINVAL : EFAULT);
			return;
		}
		memcpy(want->text + want->bytes, next.text, next.bytes);
		want->bytes = end;
		remove_event(queue);
	}
}

static bool is_open_event_queue(const struct queue *queue)
{
	return queue->viommu && queue->fd >= 0;
}

void do_vevent_read(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct queue *queue = pick_queue_if(ctx, step->arg[0],
					    is_open_event_queue);
	size_t count = 1 + step->arg[1] % (4 * EVENT_BYTES), there = count;
	struct event_text want;
	struct errs errs = { };
	ssize_t n;
	void *at;

	if (!queue || !is_open_event_queue(queue)) {
		skip(w);
		return;
	}
	if (step->arg[2] % 8 == 1)
		there = step->arg[3] % (count + 1);
	predict_read(queue, count, there, &want, &errs);
	at = arena_last_bytes(there);
	n = read(queue->fd, at, count);
	if (!call_expect(w, &errs, n < 0 ? errno : 0))
		return;
	DIFFER_UNLESS(w, want.bytes, n, "the bytes read");
	if (memcmp(want.text, at, want.bytes))
		differ(w, "the events are others");
	check_queue_poll(w, queue);
	if (write(queue->fd, want.text, 8) >= 0 || errno != EINVAL)
		differ(w, "write does not answer EINVAL");
}
