"""How the page looks, by day and by night. The six colours are those of Okabe and Ito, which the colour-blind tell
apart; each line has a dash of its own besides.
"""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a; --rule: #d0d7de; --tile: #f6f8fa;
  --c0: #0072b2; --c1: #d55e00; --c2: #007a5a; --c3: #a3507f; --c4: #8a6d00; --c5: #2f6f9f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1318; --ink: #e6edf3; --quiet: #9aa5b1; --rule: #30363d; --tile: #171c23;
    --c0: #56b4e9; --c1: #f0925a; --c2: #34c79a; --c3: #e08ab8; --c4: #e3c340; --c5: #9fc9f0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
.quiet { color: var(--quiet); font-size: .85rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.tiles > div { background: var(--tile); border: 1px solid var(--rule); border-radius: .5rem; padding: .75rem 1rem; }
.tiles dt { font-weight: 600; }
.tiles dd { margin: 0; }
.value { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
svg[role=img] { width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 13px; font-variant-numeric: tabular-nums; }
svg text.quiet { fill: var(--quiet); font-size: 12px; }
.bar { fill: var(--c0); }
.grid { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke: currentColor; stroke-width: 2; }
.dot { fill: currentColor; }
.series-0 { color: var(--c0); } .series-1 { color: var(--c1); } .series-2 { color: var(--c2); }
.series-3 { color: var(--c3); } .series-4 { color: var(--c4); } .series-5 { color: var(--c5); }
.series-1 .line { stroke-dasharray: 8 4; } .series-2 .line { stroke-dasharray: 2 3; }
.series-3 .line { stroke-dasharray: 8 3 2 3; } .series-4 .line { stroke-dasharray: 14 4; }
.series-5 .line { stroke-dasharray: 4 4; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: 0; margin: .5rem 0; }
.legend svg { margin-right: .4rem; vertical-align: middle; }
.scroll { overflow-x: auto; margin-top: 2.5rem; }
table { font-size: .9rem; border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; font-size: 1.1rem; padding-bottom: .5rem; }
th, td { text-align: left; padding: .4rem .5rem; border-bottom: 1px solid var(--rule); vertical-align: top; }
tbody th { font-weight: 400; white-space: nowrap; }
tfoot th, tfoot td { font-weight: 600; border-top: 2px solid var(--rule); }
.number { text-align: right; white-space: nowrap; }
@media print { body { background: none; } section, tr { break-inside: avoid; } }
"""
