# SPDX-License-Identifier: GPL-2.0
"""Tables and a chart of the numbers of scripts/bench."""

from html import escape
from statistics import median

ENGINES = ("type1", "iommufd", "floor")

# The goal of a row, the most that /dev/iommu should cost: a number, or a multiple of the
# cost of an engine, in this row or in the row "copy". The goal is at least 1.05 times the
# floor, because the kernel's own calls cost that much.
FLOOR = 1.05
GOALS = {
    "map anonymous 4K": ("floor", 1.05), "map memfd 4K": ("floor", 1.05),
    "map memfd 4K by file": ("floor", 1.05),
    "map random order": 195e6, "map THP": 3.2e6, "map hugetlb 2M": 3.5e6,
    "unmap anonymous 4K": 30e6, "unmap random order": 34e6, "unmap memfd 4K": 32e6,
    "unmap THP": 0.3e6, "unmap hugetlb 2M": 0.3e6,
    "4K each: map": 2900, "4K each: unmap": 2800, "4K each: unmap all": 900,
    "4K, gaps: unmap all": 900, "2M, gaps: unmap all": 900,
    "copy anonymous 4K": ("floor", 1.15), "copy THP": 0.5e6,
    "access, pinned: pin 1 page random order": 2000,
    "access, pinned: unpin 1 page random order": 900,
    "attach with its own HWPT anonymous 4K": ("copy", 1.15), "attach with its own HWPT THP": 0.5e6,
    "map BAR of 32 GiB": ("type1", 0.01), "unmap BAR of 32 GiB": ("type1", 0.01),
    "slab per 4K mapping": 192, "slab per run": 16,
    "map untouched 4K": ("type1", 0.65), "map untouched THP": ("type1", 0.65),
    "1,000,000 mappings: attach": ("floor", 1 / 0.9),
    "1,000,000 mappings: second HWPT": ("floor", 1 / 0.9),
    "1,000,000 mappings: attach, SIGKILL to death": 0.1e9,
    "1 TiB, mappings of 64 GiB: slab": 60e6, "1 TiB, mappings of 2 MiB: slab": 60e6,
    "throughput of 2 threads in one IOAS": 1.6, "throughput of 4 threads in one IOAS": 2.6,
    "throughput of 2 threads in two IOASes": 1.9,
    "throughput of two threads: 4 KiB": 1.7, "throughput of two threads: 16 MiB": 1.7,
}


def middle(row, engine):
    return median(row[engine]) if engine in row else None


def throughput(rows):
    """The throughput of two threads as a multiple of one, from consecutive runs"""
    added = {}
    for name, one in rows.items():
        two = rows.get(name.replace("one thread", "two threads"))
        if name.startswith("one thread") and two:
            added[name.replace("one thread", "throughput of two threads")] = {"unit": "times one", **{
                engine: [2 * alone / both for alone, both in zip(one[engine], two[engine])]
                for engine in ENGINES if engine in one}}
    return added


def spread(row):
    """The largest distance between values of one engine, as a share of their median."""
    shares = [(max(row[e]) - min(row[e])) / abs(median(row[e])) for e in ENGINES
              if len(row.get(e, ())) > 1 and median(row[e])]
    return f"{100 * max(shares):.1f} %" if shares else "-"


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 1e5:
        return f"{value / 1e3:.1f} k"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def ratio(value, other):
    """A ratio of two numbers, if both are above the noise."""
    return f"{value / other:.2f}" if value and other and value > 0 and other >= 1 else "-"


def goal(rows, name):
    """Return: the limit in the row's unit, and whether the row meets it; or None."""
    want, row = GOALS.get(name), rows[name]
    if want is None or "iommufd" not in row:
        return None
    ours = middle(row, "iommufd")
    if row["unit"] == "times one":
        return want, ours >= want
    if isinstance(want, tuple):
        against = rows.get(name.replace("attach with its own HWPT", "copy"), row) if want[0] == "copy" else row
        base = middle(against, "floor" if want[0] == "copy" else want[0])
        if base is None:
            return None
        limit = want[1] * base
    elif row["unit"] == "instructions" and "floor" in row:
        limit = max(want, FLOOR * middle(row, "floor"))
    else:
        limit = want
    return limit, ours <= limit


def verdict(rows, name):
    reached = goal(rows, name)
    return f"{number(reached[0])}{'' if reached[1] else ', missed'}" if reached else ""


def layout(lines, markdown):
    """Format lines of cells, the first of them a heading, as text or as Markdown."""
    if markdown:
        head, *body = lines
        rule = ["---"] + ["---:"] * (len(head) - 1)
        return ["| " + " | ".join(line) + " |" for line in (head, rule, *body)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width)
                      in enumerate(zip(line, widths))).rstrip() for line in lines]


def compared(rows, unit):
    """Lines with the rows of one unit, all engines side by side"""
    lines = [[unit, "type1", "iommufd", "floor", "to type1", "to floor", "spread", "goal"]]
    for name, row in rows.items():
        if row["unit"] != unit or name.startswith("part "):
            continue
        type1, ours, floor = (middle(row, engine) for engine in ENGINES)
        lines.append([name, number(type1), number(ours), number(floor), ratio(ours, type1), ratio(ours, floor),
                      spread(row), verdict(rows, name)])
    return lines


def with_before(lines, rows, before):
    """Add two columns: the earlier cost of iommufd, and the ratio of the cost now to it."""
    added = [["before", "to before"]]
    for name, *_ in lines[1:]:
        earlier = middle(before.get(name, {}), "iommufd")
        added.append([number(earlier), ratio(middle(rows[name], "iommufd"), earlier)])
    return [line + more for line, more in zip(lines, added)]


def borrow(rows, before):
    """Add the earlier values of engines that were not measured now."""
    return {name: {**{engine: before[name][engine] for engine in ENGINES
                      if engine != "iommufd" and engine in before.get(name, {})}, **row}
            for name, row in rows.items()}


PARTS = ("runs", "pin", "iommu_map", "iommu_map_sg", "iommu_unmap", "unpin", "unpin by ranges")


def parts(rows):
    """Lines with the parts of the floor's rows"""
    kinds = [name.removeprefix("part runs ") for name in rows if name.startswith("part runs ")]
    lines = [["floor's parts", *PARTS]]
    for kind in kinds:
        lines.append([kind, *(number(middle(rows[f"part {part} {kind}"], "floor")) for part in PARTS)])
    return lines


# Rows that must not cost much more than others: what they are, what each is called, how much more
GROWTH = (
    ("automatic IOVA: the 1,000,000th mapping costs {:.2f} times the 1,000th",
     "automatic IOVA, mapping 1000", "automatic IOVA, mapping 1000000", 1.5),
    *((f"1 TiB in mappings of {size}: the last 64 GiB cost {{:.2f}} times the first",
       f"1 TiB, mappings of {size}: map, first 64 GiB", f"1 TiB, mappings of {size}: map, last 64 GiB", 1.1)
      for size in ("64 GiB", "2 MiB")),
)


def remarks(rows):
    """Remarks that compare several rows"""
    lines = []
    for text, first, last, limit in GROWTH:
        if first in rows and last in rows:
            factor = middle(rows[last], "iommufd") / middle(rows[first], "iommufd")
            lines.append(f"{text.format(factor)} (goal {limit}{'' if factor <= limit else ', missed'})")
    return lines


def table(result, markdown=False, before=None):
    """The lines that show a measurement of instructions."""
    rows = borrow(result["rows"], before) if before else result["rows"]
    title = f"Linux {result['release']}, medians of at least 3"
    lines = [title, ""] if markdown else [f"# {title}"]
    for unit in ("instructions", "times one", "bytes"):
        part = compared(rows, unit)
        if len(part) > 1:
            lines += [*layout(with_before(part, rows, before) if before else part, markdown), ""]
    if len(parts(rows)) > 1:
        lines += [*layout(parts(rows), markdown), ""]
    return lines + [f"- {line}" if markdown else f"# {line}" for line in remarks(rows)]


def fastest(rows):
    """Rows with the best value only, which other load of the host has disturbed least"""
    return {name: {engine: [min(row[engine])] if engine in ENGINES else row[engine] for engine in row}
            for name, row in rows.items()}


def wall_table(result, markdown=False):
    """The lines that show a measurement of wall time."""
    title = f"Linux {result['release']}, two CPUs; load of the host before: {result['load']}"
    lines = [title, ""] if markdown else [f"# {title}"]
    for unit, rows in (("ms, medians of 5", result["rows"]), ("ms, fastest of 5", fastest(result["rows"]))):
        for part in (compared(rows, "ms"), compared(throughput(rows), "times one"), compared(rows, "events")):
            part[0][0] = part[0][0].replace("ms", unit)
            lines += [*layout(part, markdown), ""]
    return lines[:-1]


BAR, GAP, LEFT, WIDTH, CLIP = 11, 9, 300, 520, 1.3
COLOURS = {"type1": "#9aa5b1", "iommufd": "#2563a8", "floor": "#d9a441"}


def bars(top, name, row):
    """A row of the chart: the instructions of each engine as a share of type1's."""
    whole = middle(row, "type1")
    parts_of = [f'<text x="{LEFT - 8}" y="{top + 2 * BAR}" text-anchor="end">{escape(name)}</text>']
    for at, engine in enumerate(ENGINES):
        value = middle(row, engine)
        if value is None:
            continue
        share, y = value / whole, top + at * BAR
        width = max(1, WIDTH * min(share, CLIP) / CLIP)
        parts_of.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 1}" fill="{COLOURS[engine]}"/>')
        parts_of.append(f'<text x="{LEFT + width + 4:.1f}" y="{y + BAR - 2}" class="value">{number(value)}'
                        f'{" (" + format(share, ".2f") + ")" if engine != "type1" else ""}</text>')
    return parts_of


def chart(result):
    """An SVG chart of the rows that type1 has as well."""
    rows = {name: row for name, row in result["rows"].items()
            if row["unit"] == "instructions" and "type1" in row and "iommufd" in row}
    step, top = len(ENGINES) * BAR + GAP, 56
    height = top + step * len(rows) + 10
    body = [f'<text x="10" y="20" class="title">Guest instructions, Linux {escape(result["release"])}; '
            'bars and brackets: share of vfio_iommu_type1</text>']
    for at, engine in enumerate(ENGINES):
        x = LEFT + at * 130
        body.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{COLOURS[engine]}"/>'
                    f'<text x="{x + 18}" y="40">{engine}</text>')
    for at, (name, row) in enumerate(rows.items()):
        body += bars(top + at * step, name, row)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 130}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<style>.title { font-size: 14px; font-weight: bold } .value { font-size: 9px }</style>',
        '<rect width="100%" height="100%" fill="white"/>', *body, "</svg>", ""])
