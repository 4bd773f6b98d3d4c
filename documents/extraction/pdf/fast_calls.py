"""PDFium functions called for every line, without ctypes' conversions, which makes them four times as fast."""

import ctypes
from typing import Any

import pypdfium2.raw as pdfium_c


def unchecked(function: Any, result: Any = ctypes.c_int) -> Any:
    """The function without type conversion. Pass integers, `c_void_p` and `byref()` only: nothing checks them."""
    fast = ctypes.CFUNCTYPE(result)(ctypes.cast(function, ctypes.c_void_p).value)  # type: ignore[arg-type]
    fast.argtypes = None  # type: ignore[assignment]
    return fast


def pointer(handle: Any) -> ctypes.c_void_p:
    return ctypes.cast(handle, ctypes.c_void_p)


character_of_text = unchecked(pdfium_c.FPDFText_GetCharIndexFromTextIndex)
origin = unchecked(pdfium_c.FPDFText_GetCharOrigin)
is_generated = unchecked(pdfium_c.FPDFText_IsGenerated)
tight_box = unchecked(pdfium_c.FPDFText_GetCharBox)
loose_box = unchecked(pdfium_c.FPDFText_GetLooseCharBox)
text_object = unchecked(pdfium_c.FPDFText_GetTextObject, ctypes.c_void_p)
render_mode = unchecked(pdfium_c.FPDFTextObj_GetTextRenderMode)
fill_colour = unchecked(pdfium_c.FPDFText_GetFillColor)
font_info = unchecked(pdfium_c.FPDFText_GetFontInfo, ctypes.c_ulong)
