#!/usr/bin/env python3
"""Makes a report of what the programs of bench/ measured.

usage: report.py FOLDER --html FILE        a page with tables and plots, which needs nothing else
       report.py FOLDER --markdown         the ratios that have a target, as a table, on the standard output
       report.py FOLDER --into DOCUMENT    the same table, between the two marks in that document

FOLDER holds a JSON file per question, as --json of a program writes it.
"""

import datetime
import html
import json
import math
import pathlib
import sys

BEGIN_MARK = "<!-- measured: begin -->"
END_MARK = "<!-- measured: end -->"

# The order of the report; what is not named here comes last.
ORDER = [
    "append", "append_threads", "append_tickets", "read_all", "state_get", "state_put", "state_load",
    "state_scan", "state_checkpoint", "blobs", "large_blobs", "successive_states", "open_file",
    "prune_beside_writer", "checkpoint_pause", "real_data", "growth", "library_size",
]

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5c6675; --paper: #fff; --line: #d8dde5;
  --ours: #1668b8; --rival: #98a2b0; --good: #1b7f43; --bad: #b3261e; --band: #f5f7fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b4; --paper: #14181e;
  --line: #323a46; --ours: #5aa9f2; --rival: #6b7686; --good: #5fc98a; --bad: #ff8a80; --band: #1b2129; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; } h2 { margin: 2.6rem 0 .2rem; font-size: 1.25rem; } h3 { margin: 1.6rem 0 .3rem; font-size: 1rem; }
p, .note { color: var(--soft); margin: .2rem 0 .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .4rem 0 1rem; }
th, td { text-align: left; padding: .28rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:nth-child(even) td { background: var(--band); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; margin: .3rem 0 1rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
svg .grid { stroke: var(--line); } svg .ours { fill: var(--ours); } svg .rival { fill: var(--rival); }
svg .whisker { stroke: var(--ink); stroke-width: 1.2; } nav a { margin-right: .8rem; color: var(--ours); }
"""
LINE_COLOURS = ["#2f7ed8", "#d9822b", "#3a9d5d", "#a45bb5", "#c0504d", "#1fa3a3", "#8a8f3c"]


def figure(value):
    """Four digits are more than such figures are worth."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if value >= 1 else f"{value:.3g}"


def read_reports(folder):
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    place = {name: index for index, name in enumerate(ORDER)}
    return sorted(reports, key=lambda report: place.get(report["question"], len(ORDER)))


def ratio_name(row):
    if not row["rival"]:
        return row["ours"]
    return f'{row["rival"]} / {row["ours"]}' if row["times"] else f'{row["ours"]} / {row["rival"]}'


def bound_text(row):
    if "bound" not in row:
        return ""
    sign = "≥" if row["times"] else "≤"
    unit = f' {row["unit"]}' if row["unit"] else ""
    text = f'{sign} {figure(row["bound"])}{unit}'
    return text + (f' (aim {figure(row["aim"])})' if "aim" in row else "")


def verdict(row):
    if "bound" not in row:
        return ""
    return "reached" if row["reached"] else "not reached"


def all_ratios(reports):
    for report in reports:
        for table in report["tables"]:
            for row in table["ratios"]:
                yield report, table, row


# ---- SVG -----------------------------------------------------------------------------------------------

def text(x, y, words, anchor="start", kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{html.escape(words)}</text>'


def decades(low, high):
    return range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)


def short_number(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def bars(rows):
    """A bar per contender with the spread of its rounds. Logarithmic where the figures lie far apart."""
    unit = rows[0]["unit"]
    left, right, height = 230, 640, 24
    values = [max(row["median"], 1e-9) for row in rows]
    logarithmic = max(values) > 20 * min(values) and min(values) > 1e-9
    top = max(max(row["high"], 1e-9) for row in rows)
    if logarithmic:
        marks = [10.0 ** exponent for exponent in decades(min(min(values), min(max(r["low"], 1e-9) for r in rows)) / 2, top)]
        first, last = math.log10(marks[0]), math.log10(marks[-1])
        place = lambda v: left + (right - left) * (math.log10(max(v, marks[0])) - first) / (last - first)
    else:
        step = 10 ** math.floor(math.log10(top)) or 1
        while top / step > 6:
            step *= 2
        while top / step < 3:
            step /= 2
        marks = [step * i for i in range(int(top / step) + 2)]
        place = lambda v: left + (right - left) * v / marks[-1]
    bottom = 8 + height * len(rows)
    out = [f'<svg viewBox="0 0 760 {bottom + 40}" width="760" role="img">']
    for mark in marks:
        x = place(mark)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}"/>')
        out.append(text(x, bottom + 15, short_number(mark), "middle", "soft"))
    scale = ", logarithmic" if logarithmic else ""
    out.append(text((left + right) / 2, bottom + 33, f'{rows[0]["measure"]}, {unit}{scale}', "middle", "soft"))
    for index, row in enumerate(rows):
        y = 8 + height * index
        kind = "ours" if is_ours(row["contender"]) else "rival"
        width = max(place(max(row["median"], 1e-9)) - left, 1)
        out.append(text(left - 8, y + 14, row["contender"], "end"))
        out.append(f'<rect class="{kind}" x="{left}" y="{y + 3}" width="{width:.1f}" height="{height - 9}" rx="2"/>')
        low, high, middle = place(max(row["low"], 1e-9)), place(max(row["high"], 1e-9)), y + height / 2 - 1.5
        out.append(f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>')
        out.append(text(max(high, left + width) + 6, y + 14, figure(row["median"])))
    return "\n".join(out + ["</svg>"])


def is_ours(name):
    return name.startswith("holdfast") or name in ("with checkpoints",)


def curves(plot):
    """Lines over logarithmic axes."""
    left, right, top, bottom = 70, 560, 12, 270
    points = [point for line in plot["lines"] for point in line["points"]]
    xs, ys = [x for x, _ in points], [max(y, 1e-9) for _, y in points]
    x_marks = [10.0 ** e for e in decades(min(xs), max(xs))]
    y_marks = [10.0 ** e for e in decades(min(ys), max(ys))]
    if len(y_marks) == 1:
        y_marks.append(y_marks[0] * 10)

    def scale(value, marks, low, high):
        first, last = math.log10(marks[0]), math.log10(marks[-1])
        return low + (high - low) * (math.log10(max(value, 1e-9)) - first) / ((last - first) or 1)

    out = [f'<svg viewBox="0 0 760 {bottom + 48}" width="760" role="img">']
    for mark in x_marks:
        x = scale(mark, x_marks, left, right)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        out.append(text(x, bottom + 16, short_number(mark), "middle", "soft"))
    for mark in y_marks:
        y = scale(mark, y_marks, bottom, top)
        out.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(text(left - 6, y + 4, f"{mark:g}", "end", "soft"))
    out.append(text((left + right) / 2, bottom + 38, plot["x"] + ", logarithmic", "middle", "soft"))
    out.append(f'<text class="soft" text-anchor="middle" transform="translate(16 {(top + bottom) / 2}) rotate(-90)">'
               f'{html.escape(plot["y"])}, logarithmic</text>')
    # Names beside the last points, pushed apart where they would cover each other.
    names = sorted(((scale(line["points"][-1][1], y_marks, bottom, top), index)
                    for index, line in enumerate(plot["lines"])))
    free = top
    for y, index in names:
        line, colour = plot["lines"][index], LINE_COLOURS[index % len(LINE_COLOURS)]
        at = [(scale(px, x_marks, left, right), scale(py, y_marks, bottom, top)) for px, py in line["points"]]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in at)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in at]
        free = max(y + 4, free + 14)
        out.append(f'<circle cx="{right + 14}" cy="{free - 4:.1f}" r="4" fill="{colour}"/>')
        out.append(text(right + 23, free, line["name"]))
    return "\n".join(out + ["</svg>"])


# ---- HTML ----------------------------------------------------------------------------------------------

def cell(words, kind=""):
    return f'<td class="{kind}">{html.escape(words)}</td>'


def ratio_cells(row):
    mark = {"reached": "good", "not reached": "bad", "": ""}[verdict(row)]
    middle = f'{figure(row["ratio"])} {row["unit"]}'.strip()
    return (cell(middle, "n") + cell(f'{figure(row["low"])} to {figure(row["high"])}', "n")
            + cell(bound_text(row), "n") + cell(verdict(row), mark))


def table_html(table):
    out = [f'<h3>{html.escape(table["title"])}</h3>']
    if table["note"]:
        out.append(f'<p class="note">{html.escape(table["note"])}; {table["rounds"]} rounds</p>')
    measures = []
    for row in table["rows"]:
        if row["measure"] not in measures:
            measures.append(row["measure"])
    for measure in measures:
        out.append(bars([row for row in table["rows"] if row["measure"] == measure]))
    for missing in table["missing"]:
        out.append(f'<p>{html.escape(missing["name"])} is missing: {html.escape(missing["why"])}</p>')
    if table["ratios"]:
        out.append('<table><tr><th>ratio of medians</th><th class="n">measured</th><th class="n">single rounds</th>'
                   '<th class="n">target</th><th></th></tr>')
        for row in table["ratios"]:
            out.append("<tr>" + cell(f'{row["measure"]}: {ratio_name(row)}') + ratio_cells(row) + "</tr>")
        out.append("</table>")
    return "\n".join(out)


def summary_html(reports):
    out = ['<h2>Targets</h2><table><tr><th>question</th><th>ratio of medians</th><th class="n">measured</th>'
           '<th class="n">single rounds</th><th class="n">target</th><th></th></tr>']
    reached = total = 0
    for report, table, row in all_ratios(reports):
        if "bound" not in row:
            continue
        total += 1
        reached += row["reached"]
        question = f'<td><a href="#{report["question"]}">{report["question"]}</a>, {html.escape(table["title"])}</td>'
        out.append("<tr>" + question + cell(f'{row["measure"]}: {ratio_name(row)}') + ratio_cells(row) + "</tr>")
    out.append(f"</table><p>{reached} of {total} targets reached.</p>")
    return "\n".join(out)


def machine_html(report):
    cells = "".join(f"<tr>{cell(name)}{cell(str(value))}</tr>" for name, value in report["machine"].items())
    return f"<details><summary>machine, libraries, load</summary><table>{cells}</table></details>"


def page(reports):
    form = "full" if all(report["full"] for report in reports) else "short"
    made = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    out = ['<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
           f"<title>holdfast: measured against others</title><style>{STYLE}</style></head><body>",
           "<h1>holdfast: measured against others</h1>",
           f"<p>The {form} form, {made}. In each table the contenders ran in turns, in one process, over several rounds. "
           "Bars are medians, lines the lowest and the highest round. Compare within a table only.</p>"]
    if reports:
        out.append(machine_html(reports[0]))
    out.append("<nav>" + "".join(f'<a href="#{r["question"]}">{r["question"]}</a>' for r in reports) + "</nav>")
    out.append(summary_html(reports))
    for report in reports:
        out.append(f'<h2 id="{report["question"]}">{report["question"]}</h2><p>{html.escape(report["asks"])}</p>')
        out += [table_html(table) for table in report["tables"]]
        for plot in report["plots"]:
            out.append(f'<h3>{html.escape(plot["title"])}</h3>' + curves(plot))
        for skipped in report["skipped"]:
            out.append(f'<p>{html.escape(skipped["part"])} skipped: {html.escape(skipped["why"])}</p>')
        out.append(f'<p class="note">load of the machine: {report["machine"].get("load at the start", "?")} '
                   f'at the start, {report["machine"].get("load at the end", "?")} at the end</p>')
    return "\n".join(out + ["</body></html>\n"])


# ---- Markdown ------------------------------------------------------------------------------------------

def markdown(reports):
    facts = reports[0]["machine"]
    loads = [float(r["machine"].get("load at the end", 0)) for r in reports]
    names = ("CPU", "cores", "memory", "kernel", "file system", "compiler", "SQLite", "LMDB", "LevelDB", "RocksDB")
    out = [f'{"Full" if reports[0]["full"] else "Short"} form, {datetime.date.today()}: '
           + ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
           + f". Load of the machine between questions {min(loads):g} to {max(loads):g}.", "",
           "| question | figure | measured | single rounds | target | |", "|---|---|---|---|---|---|"]
    for report, table, row in all_ratios(reports):
        if "bound" not in row and report["question"] != "real_data":
            continue  # the page has these
        middle = f'{figure(row["ratio"])} {row["unit"]}'.strip()
        out.append(f'| {report["question"]}: {table["title"]} | {row["measure"]}: {ratio_name(row)} | {middle} '
                   f'| {figure(row["low"])} to {figure(row["high"])} | {bound_text(row)} | {verdict(row)} |')
    return "\n".join(out)


def put_into(document, table):
    words = document.read_text(encoding="utf-8")
    before, found, rest = words.partition(BEGIN_MARK)
    _, end, after = rest.partition(END_MARK)
    if not found or not end:
        sys.exit(f"{document}: has no {BEGIN_MARK} and {END_MARK}")
    document.write_text(f"{before}{BEGIN_MARK}\n{table}\n{END_MARK}{after}", encoding="utf-8")


def main(arguments):
    if len(arguments) < 2 or arguments[1] not in ("--html", "--markdown", "--into"):
        sys.exit(__doc__)
    reports = read_reports(pathlib.Path(arguments[0]))
    if not reports:
        sys.exit(f"{arguments[0]}: no figures")
    if arguments[1] == "--markdown":
        print(markdown(reports))
    elif len(arguments) != 3:
        sys.exit(__doc__)
    elif arguments[1] == "--html":
        pathlib.Path(arguments[2]).write_text(page(reports), encoding="utf-8")
    else:
        put_into(pathlib.Path(arguments[2]), markdown(reports))


if __name__ == "__main__":
    main(sys.argv[1:])
