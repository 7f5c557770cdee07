// SPDX-License-Identifier: GPL-2.0
/*
 * What mapping memory for devices costs: /dev/iommu, vfio_iommu_type1 and the
 * least any driver has to do, in one boot. Each result is a line of JSON.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

void record(const char *what, const char *of, const char *unit, const char *engine, double value)
{
	printf("{\"row\": \"%s %s\", \"unit\": \"%s\", \"engine\": \"%s\", \"value\": %.3f}\n",
	       what, of, unit, engine, value);
	fflush(stdout);
}

const struct engine *engines[3];
size_t nr_engines;

bool engine_wanted(const struct engine *engine)
{
	for (size_t e = 0; e < nr_engines; e++) {
		if (engines[e] == engine)
			return true;
	}
	return false;
}

bool is_listed(const char *list, const char *name)
{
	size_t length = strlen(name), word;

	if (!strcmp(list, "all"))
		return true;
	for (; *list; list += word + (list[word] == ',')) {
		word = strcspn(list, ",");
		if (word == length && !strncmp(list, name, length))
			return true;
	}
	return false;
}

static void explain(void)
{
	fputs("usage: bench [-f FLOOR.KO] rows GROUPS    instructions\n"
	      "       bench [-f FLOOR.KO] wall           wall time\n"
	      "       bench [-f FLOOR.KO] limits         wall time, only with limits\n"
	      "       bench [-f FLOOR.KO] nodes          wall time with two memory nodes\n"
	      "       bench profile GROUPS               where instructions of iommufd go\n"
	      "       bench guard                        a few rows of iommufd, small\n"
	      "       bench groups                       the names that GROUPS may have\n"
	      "GROUPS are separated by commas, or \"all\", which leaves out \"tera\": that\n"
	      "needs a machine with 48 bits of IOVA. Without the floor's module only\n"
	      "iommufd is measured, with it type1 and the floor as well.\n", stderr);
	exit(2);
}

static void setup_engines(const char *floor)
{
	if (floor) {
		type1_setup();
		engines[nr_engines++] = &type1_engine;
	}
	iommufd_setup();
	engines[nr_engines++] = &iommufd_engine;
	if (floor) {
		floor_setup(floor);
		engines[nr_engines++] = &floor_engine;
	}
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct scale whole = { GIB, 65536 }, sampled = { 256 * MIB, 32768 };
	const char *floor = NULL, *what, *groups;
	int option;

	while ((option = getopt(argc, argv, "f:")) == 'f')
		floor = optarg;
	what = optind < argc ? argv[optind] : "";
	groups = optind + 1 < argc ? argv[optind + 1] : NULL;
	if (option != -1 || (groups ? strcmp(what, "rows") && strcmp(what, "profile") :
			     !is_listed("wall,limits,nodes,guard,groups", what)))
		explain();
	if (!strcmp(what, "groups")) {
		list_groups();
		return 0;
	}

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		err(1, "RLIMIT_MEMLOCK");
	wall_time = is_listed("wall,limits,nodes", what);
	if (!wall_time)
		check_clock();
	setup_engines(floor);
	if (!strcmp(what, "wall"))
		bench_wall(GIB);
	else if (!strcmp(what, "limits"))
		bench_limits();
	else if (!strcmp(what, "nodes"))
		bench_nodes(512 * MIB);
	else if (!strcmp(what, "rows"))
		bench_rows(groups, &whole);
	else if (!strcmp(what, "profile"))
		profile_rows(groups, &sampled);
	else
		bench_guard();
	return 0;
}
