// SPDX-License-Identifier: GPL-2.0
/* iommufd picture: the address spaces of a process, drawn */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd.h"
#include "output.h"
#include "svg.h"

/* How a terminal shows a cell, from empty to full */
struct look {
	const char *levels[9];
	const char *reserved;
	const char *gap;
};

static const struct look blocks = {
	{ "·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }, "▒", "┊"
};

static const struct look ascii = {
	{ ".", "_", "_", "-", "-", "=", "=", "#", "#" }, "x", ":"
};

static const struct look *look(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") ? &ascii : &blocks;
}

static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	u64 width;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return columns && number_parse(columns, &width) && width &&
			       width <= 4096 ?
		       width :
		       80;
}

/* A colour says how long the runs are; without a terminal there is none. */
static const char *colour(const struct cell *cell)
{
	double run = cell_mean_run(cell);

	if (!isatty(STDOUT_FILENO) || cell->mapped <= 0)
		return "";
	return run <= 0	       ? "\033[34m" :
	       run < 64 << 10  ? "\033[31m" :
	       run < 2 << 20   ? "\033[33m" :
				 "\033[32m";
}

static const char *level(const struct look *look, const struct cell *cell)
{
	if (cell->gap)
		return look->gap;
	if (cell->mapped <= 0)
		return cell->reserved > 0 ? look->reserved : look->levels[0];
	return look->levels[1 + (int)(cell_filled(cell) * 7)];
}

static void show_cell(const struct look *look, const struct cell *cell)
{
	const char *start = colour(cell);

	out_text("%s%s%s", start, level(look, cell), *start ? "\033[0m" : "");
	if (cell->gap)
		return;
	out_object(NULL);
	out_hex("start", NULL, cell->start);
	out_hex("last", NULL, cell->last);
	out_num("mapped", NULL, cell->mapped);
	out_num("reserved", NULL, cell->reserved);
	out_num("pinned", NULL, cell->pinned);
	out_num("mean_run", NULL, cell_mean_run(cell));
	if (cell_mean_age(cell) >= 0)
		out_num("mean_age_ms", NULL, cell_mean_age(cell));
	out_close();
}

static void show_pieces(const struct layout *layout)
{
	for (size_t i = 0; i < layout->pieces; i++)
		out_text("  0x%llx - 0x%llx (%s)\n", layout->piece[i].start,
			 layout->piece[i].last,
			 size_text(layout->piece[i].last -
				   layout->piece[i].start + 1).s);
}

static void show_layout(const char *id, const struct layout *layout)
{
	const struct look *as = look();
	u64 number = 0;

	number_parse(id, &number);
	out_object(NULL);
	out_num("id", "IOAS %llu\n", number);
	out_array("cells");
	for (size_t i = 0; i < layout->count; i++)
		show_cell(as, &layout->cell[i]);
	out_close();
	out_text(layout->count ? "\n" : "  nothing is mapped or reserved\n");
	show_pieces(layout);
	out_close();
}

static void show_legend(void)
{
	const struct look *as = look();

	out_text("%s not mapped, %s to %s partly to fully mapped, %s reserved, %s addresses left out",
		 as->levels[0], as->levels[1], as->levels[8], as->reserved,
		 as->gap);
	if (isatty(STDOUT_FILENO))
		out_text("; runs: \033[32mfrom 2 MiB\033[0m, \033[33mfrom 64 KiB\033[0m, \033[31mshorter\033[0m, \033[34mnot pinned\033[0m");
	out_text("\n");
}

/**
 * struct canvas - where the pictures of all IOASes go
 * @svg: a file; NULL for the output
 * @width: cells beside each other
 */
struct canvas {
	struct svg *svg;
	size_t width;
};

static void draw_ioas(const struct canvas *canvas, const struct ctx *ctx,
		      const char *directory, const char *id)
{
	struct layout layout;

	/* An IOAS that has gone since it was listed is not there to be drawn. */
	if (!layout_make(&layout, directory, id, canvas->width)) {
		if (canvas->svg)
			svg_row(canvas->svg, ctx, id, &layout);
		else
			show_layout(id, &layout);
	}
	layout_free(&layout);
}

static void draw_context(const struct canvas *canvas, const struct ctx *ctx,
			 const char *directory)
{
	struct names ids = { };

	if (!canvas->svg) {
		out_object(NULL);
		out_num("pid", "process %llu, ", ctx->process.pid);
		out_num("fd", "fd %llu\n", ctx->fd);
		out_array("ioases");
	}
	areas_ioases(directory, &ids);
	for (size_t i = 0; i < ids.count; i++)
		draw_ioas(canvas, ctx, directory, ids.name[i]);
	names_free(&ids);
	if (!canvas->svg) {
		out_close();
		out_close();
	}
}

static int draw_all(const struct canvas *canvas, const struct ctx_list *list)
{
	char directory[64];
	int code = CMD_OK;

	for (size_t i = 0; i < list->count && !code; i++) {
		code = areas_find(list, &list->ctx[i], directory,
				  sizeof(directory));
		if (!code)
			draw_context(canvas, &list->ctx[i], directory);
	}
	return code;
}

static int print(const struct ctx_list *list)
{
	const struct canvas canvas = { .width = terminal_width() };
	int code;

	out_begin();
	out_array("contexts");
	code = draw_all(&canvas, list);
	out_close();
	if (!code)
		show_legend();
	return out_end() ? CMD_FAILED : code;
}

/* Counts the rows that a picture will have. */
static int count_rows(const struct ctx_list *list, size_t *rows)
{
	struct names ids = { };
	char directory[64];
	int code = CMD_OK;

	for (size_t i = 0; i < list->count && !code; i++) {
		code = areas_find(list, &list->ctx[i], directory,
				  sizeof(directory));
		if (!code)
			areas_ioases(directory, &ids);
	}
	*rows = ids.count;
	names_free(&ids);
	return code;
}

static int write_svg(const struct ctx_list *list, const char *path)
{
	struct svg svg = { };
	const struct canvas canvas = { .svg = &svg, .width = SVG_CELLS };
	size_t rows;
	int lost, code = count_rows(list, &rows);

	if (code)
		return code;
	svg.file = fopen(path, "we");
	if (!svg.file)
		return fail(CMD_FAILED, "%s: %s", path, strerror(errno));
	svg_begin(&svg, rows);
	code = draw_all(&canvas, list);
	svg_end(&svg);
	lost = ferror(svg.file);
	lost |= fclose(svg.file);
	if (lost)
		return fail(CMD_FAILED,
			    "%s could not be written; is there space left?",
			    path);
	if (code)
		return code;
	out_begin();
	out_str("svg", "%s\n", path);
	return out_end() ? CMD_FAILED : CMD_OK;
}

int cmd_picture(int argc, char **argv)
{
	const char *path = NULL;
	struct ctx_list list;
	int rc;

	rc = arg_value(&argc, argv, "--svg", &path);
	if (!rc)
		rc = arg_done(argc, argv, 1, 1,
			      "iommufd picture PID [--svg FILE]");
	if (rc)
		return rc;
	rc = ctx_list_process(&list, argv[0]);
	if (!rc)
		rc = path ? write_svg(&list, path) : print(&list);
	ctx_list_free(&list);
	return rc;
}
