"""Finds the images on a page, and how much of it they cover."""

from itertools import islice
from typing import Any

import pypdfium2.raw as pdfium_c

MAX_OBJECTS = 1_000  # examined per page


def shows_images(page: Any) -> bool:
    """Whether the page draws an image, or so many shapes that its letters may be drawings."""
    shapes = 0
    for item in page.get_objects(max_depth=3):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            return True
        shapes += item.type in (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_SHADING)
        if shapes > 50:
            return True
    return False


def image_shares(page: Any) -> list[float]:
    """The share of the page that each image covers. A scan covers most of it, perhaps in strips."""
    left, bottom, right, top = page.get_bbox()
    area, shares = (right - left) * (top - bottom), []
    for item in islice(page.get_objects(max_depth=3), MAX_OBJECTS):
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            box = bounds_on_page(item)
            width, height = min(right, box[2]) - max(left, box[0]), min(top, box[3]) - max(bottom, box[1])
            shares.append(round(max(width, 0.0) * max(height, 0.0) / area, 3))
    return shares


def bounds_on_page(item: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right and top in page units. PDFium gives objects inside a form in the form's units."""
    box = item.get_bounds()
    form = item.container
    while form:
        box = form.get_matrix().on_rect(*box)
        form = form.container
    return box


def has_images(page: Any) -> bool:
    """Whether a page of pypdf has an image, or a form that may contain one."""
    resources = page.get("/Resources", {}).get_object()
    objects = resources.get("/XObject", {}).get_object()
    return any(item.get_object().get("/Subtype") in ("/Image", "/Form") for item in objects.values())
