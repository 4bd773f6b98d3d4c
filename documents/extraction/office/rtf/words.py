"""The control words and symbols of RTF that have a meaning for the text."""

# Destinations without document text.
IGNORED_DESTINATIONS = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata datastore xmlnstbl listtable listoverridetable rsidtbl "
    b"generator header headerl headerr headerf footer footerl footerr footerf fldinst filetbl revtbl latentstyles "
    b"mmathPr wgrffmtfilter pgptbl bkmkstart bkmkend annotation atnid atnauthor atndate atnref xe tc sp pntxta pntxtb colorschememapping docvar".split()
)
# Optional destinations with document text: text boxes, and notes as LibreOffice writes them.
READ_DESTINATIONS = (b"shpinst", b"shptxt", b"footnote")
PARAGRAPH_BREAKS = {b"par", b"sect", b"page", b"sbkpage", b"column"}
CHARACTERS = {
    b"line": "\n",
    b"shptxt": "\n",  # a text box begins
    b"tab": " ",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
    b"emspace": " ",
    b"enspace": " ",
    b"qmspace": " ",
}
SYMBOLS = {b"~": " ", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
