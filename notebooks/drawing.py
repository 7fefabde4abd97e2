"""How the notebooks show figures, and the few shapes that their diagrams are made of."""

import base64
import io
import re
from html import escape

import numpy as np
import PIL.Image
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import HTML, SVG
from matplotlib.figure import Figure

INK, BLUE, RED, GREEN = "#333333", "#3b6ea5", "#c8442c", "#3f9b46"
PALE = {INK: "#f4f4f4", BLUE: "#e6eef7", RED: "#fbe9e5", GREEN: "#e8f4e9"}


def show_figures_sharply():
    """Shows line charts as SVG, and what is made of pixels as PNG at twice the resolution."""
    formatters = get_ipython().display_formatter.formatters
    formatters["image/svg+xml"].for_type(Figure, _svg)
    formatters["image/png"].for_type(Figure, _png)


def _svg(figure):
    if _has_pixels(figure):
        return None
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    whole = print_figure(figure, "svg", metadata=nothing)
    # A hundredth of a point is fine enough; factors, which begin with 0, stay as they are.
    return re.sub(r"([1-9]\d*\.\d\d)\d+", r"\1", whole)


def _png(figure):
    if not _has_pixels(figure):
        return None
    whole = print_figure(figure, "png", dpi=2 * figure.dpi, base64=False)
    image = PIL.Image.open(io.BytesIO(whole)).convert("RGB")
    # A palette makes the file a third as large, and nobody sees it.
    is_grey = np.ptp(np.asarray(image), axis=-1).max() == 0
    image = image.quantize(16 if is_grey else 64, dither=PIL.Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, "png", optimize=True)
    # Half as many points as pixels.
    return small.getvalue(), {"width": image.width // 2, "height": image.height // 2}


def _has_pixels(figure):
    # A cloud of thousands of points is smaller as pixels, too.
    return any(
        ax.images or sum(len(one.get_offsets()) for one in ax.collections) > 500
        for ax in figure.axes
    )


def film(pictures, text):
    """An animation of grey pictures [frame, H, W, 3] of bytes, half a second each frame."""
    frames = [PIL.Image.fromarray(one).convert("L") for one in pictures]
    for frame in frames:
        frame.thumbnail((240, 240))
    file = io.BytesIO()
    frames[0].save(
        file,
        "webp",
        save_all=True,
        append_images=frames[1:],
        duration=500,
        loop=0,
        quality=30,
    )
    coded = base64.b64encode(file.getvalue()).decode()
    return HTML(f'<img alt="{escape(text)}" src="data:image/webp;base64,{coded}">')


def embedded(content, height=760):
    """A page of HTML in a frame of its own, with its own styles and scripts."""
    # IPython warns of a bare frame and recommends one that needs a file.
    return HTML(
        f'<div><iframe srcdoc="{escape(content)}" width="100%" height="{height}"></iframe></div>'
    )


class Diagram:
    """Boxes, circles and arrows, drawn as SVG; all places are those of middles."""

    def __init__(self, width, height):
        self.width, self.height, self.parts = width, height, []

    def text(self, x, y, text, color=INK, size=14, anchor="middle", italic=False):
        style = ' font-style="italic"' if italic else ""
        lines = text.split("\n")
        for i, line in enumerate(lines):
            at = y + 0.35 * size + (i - (len(lines) - 1) / 2) * 1.25 * size
            self.parts.append(
                f'<text x="{x}" y="{at:.1f}" fill="{color}" font-size="{size}" '
                f'text-anchor="{anchor}"{style}>{escape(line)}</text>'
            )

    def box(self, x, y, text="", color=BLUE, width=104, height=46, size=14):
        self._rectangle(x, y, width, height, color, f'fill="{PALE[color]}"')
        self.text(x, y, text, size=size)

    def plate(self, x, y, width, height, text):
        self._rectangle(x, y, width, height, INK, 'fill="none"')
        self.text(x + width / 2 - 8, y + height / 2 - 12, text, size=12, anchor="end")

    def _rectangle(self, x, y, width, height, color, rest):
        self.parts.append(
            f'<rect x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
            f'height="{height}" rx="7" stroke="{color}" stroke-width="1.5" {rest}/>'
        )

    def circle(self, x, y, text, color=INK, radius=22, shaded=False):
        fill = "#d5d5d5" if shaded else "white"
        self.parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{color}" '
            'stroke-width="1.5"/>'
        )
        self.text(x, y, text)

    def arrow(self, x0, y0, x1, y1, color=INK, dashed=False, text="", above=-12):
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="{color}" '
            f'stroke-width="1.8"{dashes} marker-end="url(#tip{color[1:]})"/>'
        )
        if text:
            self.text((x0 + x1) / 2, (y0 + y1) / 2 + above, text, color, 12)

    def show(self):
        """Returns the diagram for a notebook to display."""
        tips = "".join(
            f'<marker id="tip{color[1:]}" viewBox="0 0 10 10" refX="9" refY="5" '
            'markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0L10 5L0 10z" fill="{color}"/></marker>'
            for color in PALE
        )
        return SVG(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" '
            f'height="{self.height}" viewBox="0 0 {self.width} {self.height}" '
            'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">'
            f'<defs>{tips}</defs><rect width="100%" height="100%" fill="white"/>'
            f"{''.join(self.parts)}</svg>"
        )
