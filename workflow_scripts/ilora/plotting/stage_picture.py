"""A picture of stages as SVG, with a box for each stage and arrows from the stages that it reads; deterministic."""

from collections.abc import Mapping
from html import escape
from typing import Protocol

from ilora.plotting.style import BLACK, BLUE, GREY

_BOX_WIDTH, _BOX_HEIGHT = 176, 46
_COLUMN, _ROW = 192, 92
_MARGIN = 8


class Box(Protocol):
    """What is drawn of a stage; `ilora.reporting.stages.Stage` describes the attributes."""

    @property
    def title(self) -> str: ...  # noqa: D102

    @property
    def makes(self) -> str: ...  # noqa: D102

    @property
    def rules(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def place(self) -> tuple[int, float]: ...  # noqa: D102

    @property
    def after(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def sometimes_after(self) -> tuple[str, ...]: ...  # noqa: D102


def stage_picture(stages: Mapping[str, Box]) -> str:
    """Return the picture of some stages as SVG; edges to stages that are not among them are left out.

    Args:
        stages: stages by name, with their places.
    """
    rows = sorted({stage.place[0] for stage in stages.values()})
    heights = {row: _MARGIN + _ROW * number for number, row in enumerate(rows)}
    corners = {
        name: (_MARGIN + round(_COLUMN * stage.place[1]), heights[stage.place[0]]) for name, stage in stages.items()
    }
    width = max(left for left, _ in corners.values()) + _BOX_WIDTH + _MARGIN
    height = max(top for _, top in corners.values()) + _BOX_HEIGHT + _MARGIN
    edges = [
        _edge(corners[before], corners[name], dashed)
        for name, stage in stages.items()
        for dashed, sources in ((False, stage.after), (True, stage.sometimes_after))
        for before in sources
        if before in corners
    ]
    boxes = [_box(corners[name], stage) for name, stage in stages.items()]
    return _SVG.format(width=width, height=height, content="\n".join([*edges, *boxes]), grey=GREY)


def _edge(source: tuple[int, int], target: tuple[int, int], dashed: bool) -> str:
    half = _BOX_WIDTH // 2
    if source[1] == target[1]:
        # Beside each other: from one side to the other.
        middle = source[1] + _BOX_HEIGHT // 2
        if source[0] > target[0]:
            path = f"M{source[0]} {middle}H{target[0] + _BOX_WIDTH + 5}"
        else:
            path = f"M{source[0] + _BOX_WIDTH} {middle}H{target[0] - 5}"
    else:
        x1, y1, x2, y2 = source[0] + half, source[1] + _BOX_HEIGHT, target[0] + half, target[1] - 5
        # All of the turn lies above the next row, so that longer edges pass between its boxes.
        turned = y1 + _ROW - _BOX_HEIGHT - 5
        path = f"M{x1} {y1}C{x1} {y1 + 26} {x2} {turned - 26} {x2} {turned}" + (f"V{y2}" if turned < y2 else "")
    style = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{path}"{style} marker-end="url(#arrow)"/>'


def _box(corner: tuple[int, int], stage: Box) -> str:
    left, top = corner
    middle = left + _BOX_WIDTH // 2
    files = ", ".join(f"rules/{name}.smk" for name in stage.rules)
    return (
        f"<g><title>{escape(files)}</title>"
        f'<rect x="{left}" y="{top}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="5"/>'
        f'<text x="{middle}" y="{top + 19}" class="name">{escape(stage.title)}</text>'
        f'<text x="{middle}" y="{top + 36}">{escape(stage.makes)}</text></g>'
    )


_SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" class="stages" viewBox="0 0 {{width}} {{height}}" width="{{width}}" \
height="{{height}}" role="img" aria-label="Stages of the workflow">
<style>
.stages path {{{{ fill: none; stroke: {{grey}}; stroke-width: 1.2; }}}}
.stages rect {{{{ fill: #fff; stroke: {BLUE}; stroke-width: 1.4; }}}}
.stages text {{{{ font: 11px sans-serif; fill: {BLACK}; text-anchor: middle; }}}}
.stages text.name {{{{ font-size: 13px; font-weight: bold; }}}}
.stages marker path {{{{ fill: {{grey}}; stroke: none; }}}}
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L8 4L0 8z"/></marker></defs>
{{content}}
</svg>
"""
