"""What an experiment found, as JSON, plots and one HTML page that stands alone beside its pictures.

The page reproduces the paper's figures (Li and Jiang 2021) with numbers under them. It computes nothing.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.evaluation.figures import SMALLER_IS_BETTER

TITLES = {
    "effect": "effect",
    "excess_entanglement": "excess entanglement",
    "worst_excess": "worst excess",
    "edit_share": "edit share",
    "success": "success",
    "monotonicity": "monotonicity",
    "identity": "identity",
    "leakage": "leakage",
    "realism": "realism",
}
TRUTH = ("the faces", "truly drawn with the change", "that, inverted")
FIGURES_OF: Mapping[str, str | tuple[str, ...]] = {
    "4": "1 clean",
    "5": "interfacegan",
    "6": "ganspace",
    "7": "sefa",
    "9": ("10 clean", "30 clean"),
}
_LIMITS = {
    "subpopulations": "Parts of the population (ten clean pairs)",
    "inapplicable": "Changes that a face cannot show",
    "two_changes": "Two changes in one pair, taken apart",
    "superposition": "Two directions at once",
}
PERFECT = {name: 0.0 if name in SMALLER_IS_BETTER else 1.0 for name in TITLES}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td.text { text-align: left; white-space: normal; }
small { opacity: .75; }
img { max-width: 100%; height: auto; }
figure { margin: 1.5rem 0; }
.strip { display: flex; gap: .75rem; }
.strip ol { list-style: none; margin: 0; padding: 0; display: grid; grid-auto-rows: 1fr; font-size: .8rem;
  flex: none; width: 16rem; }
.strip li { display: flex; align-items: center; line-height: 1.2; }
.strip img { flex: none; max-width: none; }
"""


def write_report(folder: Path, results: Mapping[str, Any]) -> None:
    """Write `report.json`, plots (SVG) and `index.html` into a folder; strips (WebP) are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    plots = _plots(folder, results)
    (folder / "index.html").write_text(_page(folder, results, plots), encoding="utf-8")


def _plots(folder: Path, results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(file, caption) of each plot written."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    written = []
    methods = results["methods"]
    for name in ("edit_share", "effect", "excess_entanglement"):
        figure, axes = pyplot.subplots(figsize=(7, 0.4 * len(methods) + 1.2))
        for row, found in enumerate(methods.values()):
            mean = found[name]["mean"]
            each = [value["value"] for value in found[name]["each"].values()]
            axes.plot(each, np.full(len(each), row), "o", color="0.6", markersize=4, alpha=0.7)
            axes.plot([mean["low"], mean["high"]], [row, row], "-", color="tab:blue", linewidth=3)
            axes.plot(mean["value"], row, "D", color="tab:blue", markersize=6)
        axes.axvline(PERFECT[name], color="tab:green", linewidth=1)
        axes.set_yticks(range(len(methods)), list(methods))
        axes.invert_yaxis()
        axes.set_xlabel(TITLES[name])
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)
        caption = (
            f"{TITLES[name].capitalize()}: mean and 95 % interval; dots are semantics, the line is perfect."
        )
        written.append((f"{name}.svg", caption))
    usual, alone = (
        sorted((int(way.split()[0]), way) for way in methods if re.fullmatch(rf"\d+ clean{ending}", way))
        for ending in ("", ", encoder only")
    )
    if len(usual) > 1:
        figure, axes = pyplot.subplots(figsize=(9, 3.5))
        for colour, name in enumerate(("edit_share", "effect", "excess_entanglement")):
            for sizes, line, words in ((usual, "o-", ""), (alone, "s:", ", by the encoder alone")):
                if not sizes:
                    continue
                x = [size for size, _ in sizes]
                means = [methods[way][name]["mean"] for _, way in sizes]
                values = [mean["value"] for mean in means]
                axes.plot(x, values, line, color=f"C{colour}", label=f"{TITLES[name]}{words}")
                ends = [m["low"] for m in means], [m["high"] for m in means]
                axes.fill_between(x, *ends, alpha=0.15, color=f"C{colour}")
        every = sorted({size for size, _ in (*usual, *alone)})
        axes.set_xscale("log")
        axes.set_xticks(every, [str(size) for size in every])
        axes.set_xlabel("pairs averaged")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        figure.tight_layout()
        figure.savefig(folder / "averaging.svg", metadata={"Date": None})
        pyplot.close(figure)
        written.append(("averaging.svg", "One pair against the average of several (the paper's figure 9)."))
    if "projection" in results:
        found = results["projection"]
        caption = (
            "Directions of single pairs in two dimensions (figure 10). Silhouette of the semantics "
            f"{_fact(found['silhouette'])}, of t-SNE's points {_fact(found['silhouette_tsne'])}."
        )
        written.append((_scatter(folder, found), caption))
    return written


def _scatter(folder: Path, projection: Mapping[str, Any]) -> str:
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(11, 5))
    labels = np.array(projection["labels"])
    colours = pyplot.get_cmap("tab20")
    for axes, name in zip(both, ("pca", "tsne"), strict=True):
        points = np.array(projection[name])
        for number, label in enumerate(dict.fromkeys(labels)):
            chosen = points[labels == label]
            axes.plot(*chosen.T, "o", color=colours(number % 20), label=label, markersize=4)
        axes.set_title({"pca": "PCA", "tsne": "t-SNE"}[name])
        axes.set_xticks([])
        axes.set_yticks([])
    both[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "projection.svg", metadata={"Date": None})
    pyplot.close(figure)
    return "projection.svg"


def _page(folder: Path, results: Mapping[str, Any], plots: Sequence[tuple[str, str]]) -> str:
    bundle = results["bundle"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<title>Evidence: {html.escape(bundle['title'])}</title><style>{_STYLE}</style>",
        f"<h1>Evidence: {html.escape(bundle['title'])}</h1><p>{html.escape(bundle['note'])}</p>",
        f"<p><small>Generator {bundle['digest'][:12]}, measured {results['measured']}, "
        f"{results['options']['faces']} faces and up to {results['options']['pairs']} pairs a semantic, "
        f"{results['seconds'] / 60:.0f} minutes. Intervals are 95 % bootstrap over faces and draws of pairs "
        f"(over faces alone where there is one direction a semantic: {html.escape(_single(results))})."
        "</small></p>",
        *_bars(results.get("bars", [])),
        "<h2>Every way, every figure</h2><p>Means over the semantics; the worst semantic in small print.</p>",
        _table(results["methods"]),
    ]
    for file, caption in plots:
        parts.append(
            f"<figure><img src='{file}' alt='{html.escape(caption)}'>"
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    if results.get("paired"):
        parts += ["<h2>Differences of two ways on the same faces</h2>", _paired(results["paired"])]
    if results.get("themselves"):
        parts += ["<h2>Directions among themselves</h2>", _facts(_flat(results["themselves"]))]
    for name, title in _LIMITS.items():
        if results.get(name):
            facts = results[name]
            parts += [f"<h2>{title}</h2>", _facts(_flat(facts))]
    for file in sorted(path.name for path in folder.glob("limit-*.webp")):
        name = file.removeprefix("limit-").removesuffix(".webp").replace("_", " ")
        caption = f"{name}: as drawn, truly changed, and edited (figure 8)"
        parts.append(f"<figure><img src='{file}' alt='{caption}'><figcaption>{caption}</figcaption></figure>")
    if results.get("reconstruction"):
        parts += ["<h2>Reconstruction and samples</h2>", _facts(_flat(results["reconstruction"]))]
    if results.get("judge"):
        parts += ["<h2>The judge</h2>", _facts(results["judge"])]
    strips = [(name, ways) for name, ways in results["strips"].items() if _strip(folder, name).exists()]
    if strips:
        parts.append("<h2>The same faces in every way (figures 4 to 7 and 9)</h2>")
    parts += [_strip_figure(_strip(folder, name).name, name, ways) for name, ways in strips]
    return "\n".join(parts) + "</html>\n"


def _strip(folder: Path, semantic: str) -> Path:
    return folder / f"strip-{semantic}.webp"


def _strip_figure(file: str, semantic: str, ways: Sequence[str]) -> str:
    """A strip with a name beside each of its rows, which are equally high."""
    rows = [*TRUTH, *(_numbered(way) for way in ways)]
    name = html.escape(semantic.replace("_", " "))
    names = "".join(f"<li>{html.escape(row)}" for row in rows)
    return (
        f"<figure><figcaption>{name}</figcaption><div class='wide'><div class=strip>"
        f"<ol>{names}</ol><img src='{file}' alt='Strips: {name}, {len(rows)} rows as named'>"
        "</div></div></figure>"
    )


def _numbered(way: str) -> str:
    """A way with the number of the paper's figure that shows its like."""
    for number, start in FIGURES_OF.items():
        if way.startswith(start):
            return f"{way} (figure {number})"
    return way


def _single(results: Mapping[str, Any]) -> str:
    """The ways of which there is one direction for each semantic."""
    return ", ".join(way for way, count in results["directions"].items() if count == 1) or "none"


def _bars(bars: Sequence[Mapping[str, Any]]) -> list[str]:
    if not bars:
        return []
    rows = []
    for bar in bars:
        worst = f"{html.escape(bar['worst_semantic'])} {bar['worst']:.2f}" if "worst" in bar else ""
        ends = f"<small>[{bar['low']:.2f}, {bar['high']:.2f}]</small>" if "low" in bar else ""
        met = "yes" if bar["met"] else "<strong>no</strong>"
        rows.append(
            f"<tr><td>{html.escape(bar['what'])}<td>{bar['value']:.2f} {ends}<td>{html.escape(bar['wanted'])}"
            f"<td>{worst}<td>{met}"
        )
    head = "<tr><th>what it must show<th>found<th>wanted<th>worst semantic<th>met"
    return ["<h2>What it must show</h2>", f"<div class=wide><table>{head}{''.join(rows)}</table></div>"]


def _table(methods: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{TITLES[name]}" for name in TITLES)
    rows = []
    for method, found in methods.items():
        cells = "".join(
            f"<td>{found[name]['mean']['value']:.2f} <small>[{found[name]['mean']['low']:.2f}, "
            f"{found[name]['mean']['high']:.2f}]<br>{html.escape(found[name]['worst']['semantic'])} "
            f"{found[name]['worst']['value']:.2f}</small>"
            for name in TITLES
        )
        rows.append(f"<tr><td>{html.escape(method)}{cells}")
    return f"<div class=wide><table><tr><th>directions from{head}{''.join(rows)}</table></div>"


def _paired(paired: Mapping[str, Any]) -> str:
    rows = []
    for name, found in paired.items():
        cells = "".join(
            f"<td>{v['value']:+.3f} <small>[{v['low']:+.3f}, {v['high']:+.3f}]</small>"
            for v in found.values()
        )
        rows.append(f"<tr><td>{html.escape(name)}{cells}")
    head = "".join(f"<th>{TITLES[figure]}" for figure in next(iter(paired.values())))
    return f"<div class=wide><table><tr><th>difference{head}{''.join(rows)}</table></div>"


def _facts(facts: Mapping[str, Any]) -> str:
    rows = []
    for name, values in facts.items():
        text = ", ".join(f"{key} {_fact(value)}" for key, value in values.items())
        rows.append(f"<tr><td>{html.escape(name)}<td class=text>{html.escape(text)}")
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def _flat(facts: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """{"closed, encoder": {"mean": ..., ...}, ...}: mappings of plain values and intervals, by their path."""
    own = {k: v for k, v in facts.items() if not isinstance(v, Mapping) or "low" in v}
    found = {", ".join(path) or "all": own} if own else {}
    for name, value in facts.items():
        if name not in own:
            found |= _flat(value, (*path, name))
    return found


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['value']} [{value['low']}, {value['high']}]"
    return str(value)
