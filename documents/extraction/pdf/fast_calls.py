"""PDFium's functions that are called for every line, four times as quick as through their declared types."""

import ctypes
from typing import Any

import pypdfium2.raw as pdfium_c


def quick(function: Any, result: Any = ctypes.c_int) -> Any:
    """The same function, which converts nothing: it takes whole numbers, `c_void_p` and `byref`, and trusts its caller."""
    made = ctypes.CFUNCTYPE(result)(ctypes.cast(function, ctypes.c_void_p).value)  # type: ignore[arg-type]
    made.argtypes = None  # type: ignore[assignment]
    return made


def pointer(handle: Any) -> ctypes.c_void_p:
    return ctypes.cast(handle, ctypes.c_void_p)


character_of_text = quick(pdfium_c.FPDFText_GetCharIndexFromTextIndex)
origin = quick(pdfium_c.FPDFText_GetCharOrigin)
is_generated = quick(pdfium_c.FPDFText_IsGenerated)
tight_box = quick(pdfium_c.FPDFText_GetCharBox)
loose_box = quick(pdfium_c.FPDFText_GetLooseCharBox)
text_object = quick(pdfium_c.FPDFText_GetTextObject, ctypes.c_void_p)
render_mode = quick(pdfium_c.FPDFTextObj_GetTextRenderMode)
fill_colour = quick(pdfium_c.FPDFText_GetFillColor)
font_info = quick(pdfium_c.FPDFText_GetFontInfo, ctypes.c_ulong)
