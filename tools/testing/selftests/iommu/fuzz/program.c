// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static const char * const step_names[STEP_KINDS] = {
	[STEP_NOP] = "nop",
	[STEP_IOAS_ALLOC] = "ioas_alloc",
	[STEP_DESTROY] = "destroy",
	[STEP_MAP] = "map",
	[STEP_MAP_FILE] = "map_file",
	[STEP_UNMAP] = "unmap",
	[STEP_COPY] = "copy",
	[STEP_IOVA_RANGES] = "iova_ranges",
	[STEP_ALLOW_IOVAS] = "allow_iovas",
	[STEP_OPTION] = "option",
	[STEP_HWPT_ALLOC] = "hwpt_alloc",
	[STEP_HW_INFO] = "hw_info",
	[STEP_VFIO_IOAS] = "vfio_ioas",
	[STEP_ATTACH] = "attach",
	[STEP_REPLACE] = "replace",
	[STEP_RESERVE] = "reserve",
	[STEP_CHECK_MAP] = "check_map",
	[STEP_CHECK_REFS] = "check_refs",
	[STEP_ACCESS_CREATE] = "access_create",
	[STEP_ACCESS_CLOSE] = "access_close",
	[STEP_ACCESS_PIN] = "access_pin",
	[STEP_ACCESS_UNPIN] = "access_unpin",
	[STEP_ACCESS_RW] = "access_rw",
	[STEP_ACCESS_REPLACE] = "access_replace",
	[STEP_BATCH] = "batch",
	[STEP_TYPE1_MAP] = "type1_map",
	[STEP_TYPE1_UNMAP] = "type1_unmap",
	[STEP_TYPE1_SET] = "type1_set",
	[STEP_TYPE1_ASK] = "type1_ask",
	[STEP_TYPE1_INFO] = "type1_info",
	[STEP_UNKNOWN] = "unknown",
	[STEP_REMAP] = "remap",
	[STEP_MEMLOCK] = "memlock",
	[STEP_FORK] = "fork",
	[STEP_REOPEN] = "reopen",
	[STEP_CHECK_PINS] = "check_pins",
	[STEP_DECODE] = "decode",
	[STEP_CHANGE_PROCESS] = "change_process",
	[STEP_INVALIDATE] = "invalidate",
	[STEP_CHECK_IOTLB] = "check_iotlb",
	[STEP_FAULT_ALLOC] = "fault_alloc",
	[STEP_QUEUE_CLOSE] = "queue_close",
	[STEP_TRIGGER_IOPF] = "trigger_iopf",
	[STEP_FAULT_READ] = "fault_read",
	[STEP_FAULT_RESPOND] = "fault_respond",
	[STEP_PASID_ATTACH] = "pasid_attach",
	[STEP_PASID_DETACH] = "pasid_detach",
	[STEP_PASID_CHECK] = "pasid_check",
	[STEP_DIRTY_SET] = "dirty_set",
	[STEP_DIRTY_MARK] = "dirty_mark",
	[STEP_DIRTY_GET] = "dirty_get",
	[STEP_VIOMMU_ALLOC] = "viommu_alloc",
	[STEP_VDEVICE_ALLOC] = "vdevice_alloc",
	[STEP_HWQ_ALLOC] = "hwq_alloc",
	[STEP_VIOMMU_MMAP] = "viommu_mmap",
	[STEP_CHECK_CACHE] = "check_cache",
	[STEP_VEVENT_ALLOC] = "vevent_alloc",
	[STEP_TRIGGER_VEVENT] = "trigger_vevent",
	[STEP_VEVENT_READ] = "vevent_read",
};

static const char * const fault_names[FAULTS] = {
	[FAULT_NONE] = "-",
	[FAULT_SIZE_SMALL] = "size_small",
	[FAULT_TAIL_ZERO] = "tail_zero",
	[FAULT_TAIL] = "tail",
	[FAULT_POINTER] = "pointer",
	[FAULT_READ_ONLY] = "read_only",
	[FAULT_RESERVED] = "reserved",
	[FAULT_FLAG] = "flag",
	[FAULT_ID_UNKNOWN] = "id_unknown",
	[FAULT_ID_TYPE] = "id_type",
};

const char *step_name(unsigned int kind)
{
	return kind < STEP_KINDS ? step_names[kind] : "?";
}

const char *fault_name(unsigned int fault)
{
	return fault < FAULTS ? fault_names[fault] : "?";
}

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

bool rng_one_in(struct rng *rng, unsigned int n)
{
	return !rng_below(rng, n);
}

void program_copy(struct program *to, const struct program *from)
{
	size_t bytes = from->nsteps * sizeof(*from->steps);

	*to = *from;
	to->steps = malloc(bytes + 1);
	if (!to->steps)
		abort();
	memcpy(to->steps, from->steps, bytes);
}

void program_free(struct program *program)
{
	free(program->steps);
	program->steps = NULL;
	program->nsteps = 0;
}

static void step_print(const struct step *step, FILE *file)
{
	fprintf(file, "%s %s %u %u", step_name(step->kind),
		fault_name(step->fault), step->thread, step->ctx);
	for (int i = 0; i < STEP_ARGS; i++)
		fprintf(file, " %#" PRIx64, step->arg[i]);
	fputc('\n', file);
}

/* A name's index in a table, -1 if it is not there. */
static int find_name(const char * const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

void program_print(const struct program *program, FILE *file)
{
	fprintf(file, "program %" PRIu64 " %u %u %u %zu\n", program->seed,
		program->persona, program->ending, program->threads,
		program->nsteps);
	for (size_t i = 0; i < program->nsteps; i++)
		step_print(&program->steps[i], file);
}

static bool step_read(struct step *step, FILE *file)
{
	char name[32], fault[32];
	unsigned int thread, ctx;
	int kind;

	if (fscanf(file, "%31s %31s %u %u", name, fault, &thread, &ctx) != 4)
		return false;
	kind = find_name(step_names, STEP_KINDS, name);
	step->kind = kind;
	step->thread = thread;
	step->ctx = ctx % FUZZ_CTXS;
	for (int i = 0; i < STEP_ARGS; i++)
		if (fscanf(file, "%" SCNx64, &step->arg[i]) != 1)
			return false;
	if (kind < 0)
		return false;
	kind = find_name(fault_names, FAULTS, fault);
	step->fault = kind;
	return kind >= 0;
}

bool program_read(struct program *program, FILE *file)
{
	unsigned int persona, ending, threads;

	if (fscanf(file, " program %" SCNu64 " %u %u %u %zu", &program->seed,
		   &persona, &ending, &threads, &program->nsteps) != 5)
		return false;
	if (persona >= PERSONAS || ending >= ENDINGS || !threads ||
	    threads > FUZZ_THREADS ||
	    program->nsteps > 1000000)
		return false;
	program->persona = persona;
	program->ending = ending;
	program->threads = threads;
	program->steps = calloc(program->nsteps + 1, sizeof(*program->steps));
	for (size_t i = 0; i < program->nsteps; i++)
		if (!step_read(&program->steps[i], file))
			return false;
	return true;
}
