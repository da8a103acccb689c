"""matplotlib's SVG made fit to stand in a page."""

from secondlook.report import render, theme

DOCUMENT = f"""<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="10pt" height="5pt" viewBox="0 0 10 5">
 <metadata>
  <rdf:RDF>a date</rdf:RDF>
 </metadata>
 <g id="figure_1"><g id="run-dense"><path d="M 1.23456 2.98765" clip-path="url(#clip)"
 style="fill: none; stroke: {theme.LIGHT[1]}"/></g>
 <text style="fill: {theme.INK}">#1f2328 4.56789</text><use xlink:href="#figure_1"/></g></svg>
"""


def test_an_element_is_left_of_the_document() -> None:
    """Prolog, metadata and fixed size are gone; the text alternative is escaped."""
    found = render.inline_svg(DOCUMENT, "one", 'loss of "<b>"')
    assert found.startswith(
        '<svg id="one" viewBox="0 0 10 5" role="img" aria-label="loss of &quot;&lt;b&gt;&quot;">'
    )
    assert found.endswith("</svg>")
    assert "date" not in found


def test_ids_are_of_this_figure_alone() -> None:
    """Ids and what refers to them carry the figure's name; runs are marked, not named."""
    found = render.inline_svg(DOCUMENT, "one", "")
    assert 'id="one-figure_1"' in found
    assert 'xlink:href="#one-figure_1"' in found
    assert "url(#one-clip)" in found
    assert '<g data-run="dense">' in found


def test_colours_are_the_pages() -> None:
    """Colours of the palette follow light and dark; text that looks like one stays."""
    found = render.inline_svg(DOCUMENT, "one", "")
    assert "stroke: var(--run-1)" in found
    assert '"fill: var(--ink)">#1f2328 4.56789<' in found


def test_paths_are_short() -> None:
    """Coordinates keep a hundredth of a point."""
    assert 'd="M 1.23 2.98"' in render.inline_svg(DOCUMENT, "one", "")
