/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The expected state of /dev/iommu after each step: objects and their users,
 * mappings, reserved and allowed ranges, which page is pinned and which account
 * is charged. The model is written from the description of the ABI, not from
 * the code.
 *
 * A prediction is the set of errnos that a call may return; an empty set means
 * that the call must succeed. A call that is wrong in several ways has several
 * errnos, as the ABI does not say in which order the kernel checks.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/iommufd.h>

#include "arena.h"
#include "program.h"
#include "test_abi.h"

#define MAX_IOAS	6
#define MAX_HWPT	16
#define MAX_DEV		6
#define MAX_ACCESS	5
#define MAX_PASID	6
#define MAX_QUEUE	6
#define MAX_GROUPS	12
#define MAX_EVENTS	8
#define MAX_VIOMMU	4
#define MAX_VDEVICE	6
#define MAX_HWQ		6
#define MAX_DIRTY	256
#define MAX_PINS	8
#define MAX_PIECES	16
#define MAX_AREAS	64
#define MAX_RANGES	32
#define MAX_IDS		256
#define U64_MAX		UINT64_MAX

struct errs {
	unsigned int n;
	int rc[12];
	bool or_success;	/* the ABI allows both */
};

void errs_add(struct errs *errs, int rc);
bool errs_allow(const struct errs *errs, int rc);

struct range { uint64_t start, last; };

/* The memory of one MAP; copies share it. */
struct memory {
	unsigned int areas;
	uint64_t va, length;
	bool writable;
	bool unlimited;		/* mapped with CAP_IPC_LOCK */
	bool nowhere;		/* no page of it ever exists */
	bool orphan;		/* of a process that has exited */
	bool device;		/* a BAR: no page of it is pinned */
	bool file;		/* mapped by its descriptor */
	bool unreadable;	/* a BAR that was mapped for writing alone */
	/*
	 * Of a BAR: it was in a domain, so that it need not be there for the
	 * next one; or a call has failed that may have put it there.
	 */
	bool known, tried;
	unsigned int npages;
	unsigned int mark;	/* of the last count that included it */
	/*
	 * Per page: domains and accesses that pin it, and its generation then
	 */
	uint16_t domains[ARENA_PAGES + 1];
	uint16_t accesses[ARENA_PAGES + 1];
	uint32_t gen[ARENA_PAGES + 1];
};

struct area {
	uint64_t start, last;
	uint64_t offset;	/* of start in the memory */
	uint32_t flags;
	struct memory *memory;
};

struct ioas {
	bool used;
	uint32_t id;
	bool huge;
	unsigned int nhwpts, naccesses, npinners;
	unsigned int nhuge;	/* of the HWPTs, those with TABLE_HUGE */
	unsigned int nareas, nreserved, nallowed;
	struct area areas[MAX_AREAS];
	struct range reserved[MAX_RANGES];
	struct range allowed[MAX_RANGES];
};

#define IOTLB_WORDS	4
#define CACHE_WORDS	4
#define CACHE_WORD	0xbaddadU	/* of a new device */

/* What determines the page table of a HWPT on an IOAS */
enum table {
	TABLE_PLAIN,
	TABLE_DATA,		/* as user space describes it, but as plain */
	TABLE_HUGE,		/* IO pages of 4 KiB and 1 MiB, all IOVAs */
};

struct hwpt {
	bool used;
	uint32_t id;
	bool automatic;
	uint32_t flags;
	unsigned int ndevs;	/* attachments, of PASIDs, too */
	unsigned int nusers;	/* other objects that keep it */
	struct ioas *ioas;	/* of a nested one: that of its parent */
	enum table table;
	struct hwpt *parent;	/* of a nested one */
	struct viommu *viommu;	/* of a nested one that was made on a vIOMMU */
	struct queue *queue;	/* of page faults */
	uint32_t iotlb[IOTLB_WORDS];
	/* Each unit of MOCK_PAGE has a dirty bit of its own. */
	bool exact;
	bool tracking;
	/* What was dirty when tracking ended may be cleared since. */
	bool stale;
	unsigned int ndirty;
	uint64_t dirty[MAX_DIRTY];
};

/* A PASID of a device; it is attached if it has a HWPT. */
struct pasid {
	uint32_t pasid;
	struct hwpt *hwpt;
};

struct dev {
	bool used;
	uint32_t stdev, idev;
	uint32_t flags;		/* MOCK_DEVICE_ */
	struct hwpt *hwpt;
	uint32_t cache[CACHE_WORDS];
	struct pasid pasids[MAX_PASID];
	unsigned int npasid_calls;	/* for the PASID that can fail */
	uint64_t virt_id;	/* when it was attached to its nested HWPT */
};

/* A page request; it was read if it has a cookie. */
struct request {
	uint32_t attachment;	/* PASID whose attachment takes the answer */
	struct iommu_hwpt_pgfault fault;
};

struct event { uint32_t sequence, virt_id; };

/* Of page faults, or, with a vIOMMU, of events */
struct queue {
	bool used;
	uint32_t id;
	int fd;			/* -1 when it is closed */
	unsigned int nhwpts;
	unsigned int ngroups;
	struct request groups[MAX_GROUPS];
	struct viommu *viommu;
	uint32_t type, depth, sequence;
	unsigned int nevents;
	struct event events[MAX_EVENTS];
	bool lost;		/* the header of lost events is behind the last */
	uint32_t lost_sequence;
};

struct viommu {
	bool used;
	uint32_t id;
	struct hwpt *parent;
	unsigned int nusers;	/* other objects that keep it, and the VMA */
	bool has_region;
	uint64_t offset;	/* of the region that mmap() takes */
	uint32_t word;		/* the first one in the region */
	void *mapped;
};

struct vdevice {
	bool used;
	uint32_t id;
	struct viommu *viommu;
	struct dev *dev;
	uint64_t virt_id;
};

/* A queue of the hardware */
struct hwq {
	bool used;
	uint32_t id;
	struct viommu *viommu;
	uint32_t index;
	struct range range;
};

/* A run of pages in a memory */
struct piece {
	struct memory *memory;
	unsigned int first, npages;
};

struct pin {
	bool used;
	uint32_t id;
	struct range iovas;
	unsigned int npieces;
	struct piece pieces[MAX_PIECES];
};

struct access {
	bool used;
	uint32_t id;
	int fd;
	bool can_pin;
	struct ioas *ioas;
	struct pin pins[MAX_PINS];
};

/* What is charged to the process, for all its files */
struct account {
	bool unlimited;		/* has CAP_IPC_LOCK */
	bool may_set_mode;	/* has CAP_SYS_RESOURCE */
	uint64_t limit;		/* pages */
	uint64_t pinned, user, locked;
};

struct context {
	int fd;
	unsigned int mode;
	bool ids_exact;		/* no other thread allocates ids of this file */
	bool taken[MAX_IDS];
	struct ioas ioas[MAX_IOAS];
	struct hwpt hwpt[MAX_HWPT];
	struct dev dev[MAX_DEV];
	struct access access[MAX_ACCESS];
	struct queue queue[MAX_QUEUE];
	struct viommu viommu[MAX_VIOMMU];
	struct vdevice vdevice[MAX_VDEVICE];
	struct hwq hwq[MAX_HWQ];
	unsigned int ntombs;	/* ids that are taken, but without an object */
	struct ioas *compat;
	struct account *account;
	struct arena *arena;
};

/* model_object.c: ids, users of objects */
uint32_t model_next_id(const struct context *ctx, uint32_t after);
void model_take_id(struct context *ctx, uint32_t id);
void model_drop_id(struct context *ctx, uint32_t id);
struct ioas *model_find_ioas(struct context *ctx, uint32_t id);
struct hwpt *model_find_hwpt(struct context *ctx, uint32_t id);
struct dev *model_find_stdev(struct context *ctx, uint32_t id);
struct dev *model_find_idev(struct context *ctx, uint32_t id);
struct queue *model_find_queue(struct context *ctx, uint32_t id);
struct viommu *model_find_viommu(struct context *ctx, uint32_t id);
struct vdevice *model_find_vdevice(struct context *ctx, uint32_t id);
struct hwq *model_find_hwq(struct context *ctx, uint32_t id);
bool model_is_id(struct context *ctx, uint32_t id);
bool model_is_empty(const struct context *ctx);
void model_predict_destroy(struct context *ctx, uint32_t id, struct errs *e);
void model_destroy(struct context *ctx, uint32_t id);
void model_clear(struct context *ctx);

/* model_space.c: mappings and ranges of an IOAS */
struct map_call {
	uint64_t iova, length, va;
	uint32_t flags;
	bool by_child;		/* a child's, which has exited since */
	bool by_file;		/* by its descriptor, not by its address */
	bool type1;		/* VFIO's struct, where UINT64_MAX is an IOVA */
};

uint64_t model_alignment(const struct ioas *ioas);
bool model_suits(const struct ioas *ioas, const struct range *hole,
		 unsigned int nholes, uint64_t alignment);
unsigned int model_free_ranges(const struct ioas *ioas, struct range *ranges);
bool model_hits_reserved(const struct ioas *ioas, struct range range);
bool model_hits_area(const struct ioas *ioas, struct range range);
bool model_hits_allowed(const struct ioas *ioas, struct range range);
/* The lowest IOVA that is free, allowed and aligned; false if there is none */
bool model_place(const struct ioas *ioas, uint64_t va, uint64_t length,
		 uint64_t *iova);
void model_predict_map(struct context *ctx, struct ioas *ioas,
		       const struct map_call *call, struct errs *e);
void model_map(struct context *ctx, struct ioas *ioas,
	       const struct map_call *call);
/* Areas that hold [start, last] without a gap; 0 if there is one. */
unsigned int model_cover(struct ioas *ioas, struct range range,
			 struct area **first);
bool model_denies(const struct ioas *ioas, struct range range, uint32_t flags);
bool model_lacks(const struct ioas *ioas, struct range range, uint32_t flag);
void model_predict_copy(struct context *ctx, struct ioas *dst,
			struct ioas *src, const struct map_call *call,
			struct errs *e);
void model_copy(struct context *ctx, struct ioas *dst, struct ioas *src,
		const struct map_call *call);
uint64_t model_copy_va(struct ioas *src, uint64_t iova);
/* Does the model know whether a BAR in the range was in a domain? */
bool model_copy_is_known(const struct context *ctx, const struct ioas *src,
			 struct range range);
/* Returns 0 or the errno; @bytes are unmapped in any case. */
int model_unmap(struct context *ctx, struct ioas *ioas, struct range range,
		uint64_t *bytes);
void model_unmap_all(struct context *ctx, struct ioas *ioas, uint64_t *bytes);
bool model_cut(struct ioas *ioas, uint64_t iova);
/* Is there an area across @iova that cannot be split there? */
bool model_denies_cut(const struct ioas *ioas, uint64_t iova);

/* model_memory.c: pins and charges */
struct memory *model_memory_new(struct context *ctx, uint64_t va,
				uint64_t length, bool writable);
void model_memory_put(struct memory *memory);
struct piece model_piece(const struct area *area, struct range range);
/* Can these pages be pinned in addition to those pinned already? */
void model_predict_pin(struct context *ctx, const struct piece *pieces,
		       unsigned int n, struct errs *e);
void model_pin(struct context *ctx, const struct piece *piece, bool access);
void model_unpin(struct context *ctx, const struct piece *piece, bool access);
/* Can the BAR get into one more domain, by a MAP or COPY? */
void model_predict_bar(struct context *ctx, struct memory *memory,
		       struct errs *e);
void model_pin_areas(struct context *ctx, struct ioas *ioas);
void model_unpin_areas(struct context *ctx, struct ioas *ioas);
void model_predict_pin_areas(struct context *ctx, struct ioas *ioas,
			     struct errs *e);
/* The pinned page is still the one at its address. */
bool model_is_current(struct context *ctx, const struct memory *memory,
		      unsigned int page);

/* model_device.c: HWPTs on an IOAS, attachments */
void model_predict_new_hwpt(struct context *ctx, struct ioas *ioas,
			    enum table table, struct errs *e);
struct hwpt *model_new_hwpt(struct context *ctx, struct ioas *ioas,
			    enum table table, uint32_t id);
void model_drop_hwpt(struct context *ctx, struct hwpt *hwpt);
struct hwpt *model_automatic_hwpt(struct context *ctx, struct ioas *ioas);
/* Attach @dev to the IOAS or HWPT with this id, or move it there */
void model_predict_attach(struct context *ctx, const struct dev *dev,
			  uint32_t pt, struct errs *e);
void model_attach(struct context *ctx, struct dev *dev, struct hwpt *hwpt);
void model_detach(struct context *ctx, struct dev *dev);

/* model_nested.c: flags and data of HWPTs, nested HWPTs, invalidation */
struct hwpt_call {
	const struct iommu_hwpt_alloc *cmd;
	struct iommu_hwpt_selftest data;
	bool readable;		/* the data is at its address */
};

void model_predict_hwpt(struct context *ctx, const struct hwpt_call *call,
			struct errs *e);
struct hwpt *model_alloc_hwpt(struct context *ctx,
			      const struct hwpt_call *call);

/* model_fault.c: queues of page faults */
struct queue *model_new_queue(struct context *ctx, uint32_t id, int fd);
void model_drop_queue(struct context *ctx, struct queue *queue);
struct queue *model_fault_queue(struct dev *dev, uint32_t pasid,
				uint32_t *attachment);
void model_drop_groups(struct hwpt *hwpt, uint32_t idev, uint32_t attachment);
struct request *model_unread_group(struct queue *queue);
void model_read_group(struct queue *queue, struct request *group);
int model_respond(struct queue *queue,
		  const struct iommu_hwpt_page_response *response);

/* model_pasid.c: attachments of PASIDs */
struct pasid *model_find_pasid(struct dev *dev, uint32_t pasid);
struct pasid *model_free_pasid(struct dev *dev);
bool model_has_pasids(const struct dev *dev);
void model_predict_pasid(struct context *ctx, struct dev *dev, uint32_t pasid,
			 uint32_t pt, bool replace, struct errs *e);
void model_attach_pasid(struct context *ctx, struct dev *dev, uint32_t pasid,
			struct hwpt *hwpt);
void model_detach_pasid(struct dev *dev, struct pasid *attached);
void model_detach_pasids(struct dev *dev);

/* model_viommu.c: virtual IOMMUs and the objects on them */
#define VIOMMU_TYPE	0xdeadbeefU	/* also of hardware queues */
#define VEVENT_TYPE	0xbeefbeefU
struct viommu *model_new_viommu(struct context *ctx, uint32_t id,
				struct hwpt *parent);
void model_drop_viommu(struct context *ctx, struct viommu *viommu);
struct vdevice *model_vdevice_of(struct context *ctx, const struct dev *dev);
struct vdevice *model_virtual(struct context *ctx, const struct viommu *viommu,
			      uint64_t virt_id);
void model_new_vdevice(struct context *ctx, uint32_t id, struct viommu *viommu,
		       struct dev *dev, uint64_t virt_id);
void model_drop_vdevice(struct context *ctx, struct vdevice *vdevice);
void model_unbind(struct context *ctx, struct dev *dev);
struct queue *model_event_queue(struct context *ctx,
				const struct viommu *viommu, uint32_t type);
void model_event(struct queue *queue, uint32_t virt_id);
struct hwq *model_hwq_at(struct context *ctx, const struct viommu *viommu,
			 uint32_t index);
void model_new_hwq(struct context *ctx, uint32_t id, struct viommu *viommu,
		   uint32_t index, struct range range);
void model_drop_hwq(struct context *ctx, struct hwq *hwq);
bool model_hwq_is_busy(struct context *ctx, const struct hwq *hwq);
bool model_hits_hwq(struct context *ctx, const struct ioas *ioas,
		    struct range range);
bool model_unmap_is_known(struct context *ctx, struct ioas *ioas,
			  struct range range, bool *busy);

/* model_dirty.c: dirty bits of HWPTs */
struct dirty_call {
	uint64_t iova, length, page_size;
	unsigned int nbits;
};

void model_predict_dirty(struct hwpt *hwpt, const struct dirty_call *call,
			 struct errs *e);
bool model_is_dirty(const struct hwpt *hwpt, const struct dirty_call *call,
		    unsigned int bit);
void model_clean(struct hwpt *hwpt, struct range range);
/* Of all HWPTs of an IOAS: what is unmapped is not dirty. */
void model_clean_area(struct context *ctx, struct ioas *ioas,
		      struct range range);
/* Returns false if there is no room for it. */
bool model_mark(struct hwpt *hwpt, uint64_t iova);

/* model_access.c: accesses and their pins */
void model_predict_access(struct ioas *ioas, bool can_pin, struct errs *e);
void model_access_attach(struct access *access, struct ioas *ioas);
void model_access_detach(struct context *ctx, struct access *access);
void model_end_pin(struct context *ctx, struct pin *pin);
void model_end_pins(struct context *ctx, struct ioas *ioas,
		    struct range range);

#endif
