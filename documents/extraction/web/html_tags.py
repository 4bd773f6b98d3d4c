"""The HTML elements, attributes and classes that the loader tells apart."""

import re

HEADING_TAGS = {f"h{level}": level for level in range(1, 7)}
VOID_TAGS = frozenset(
    "area base br col embed hr img input link meta param source track wbr frame keygen".split()  # noqa: SIM905
)
# Elements without text for a reader.
IGNORED_TAGS = frozenset(
    "script style template noscript svg iframe object canvas audio video map select datalist rt rp head annotation annotation-xml".split()  # noqa: SIM905
)
# Elements with these classes are controls: line numbers, permalinks, edit links.
CONTROL_TAGS = frozenset(("button", "td", "a", "span", "div"))
CONTROL_CLASS = re.compile(
    r"(?:^|\s)(?:linenos|lineno|line-numbers-rows|headerlink|mw-editsection|mw-cite-backlink|mw-jump-link|hash-link)(?:\s|$)"
)
BLOCK_TAGS = frozenset(
    """address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre section summary table
    tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
)
LIST_TAGS = frozenset(("ul", "ol", "menu", "dir"))
# The open elements that a start tag closes implicitly, and the elements that bound the search for them.
IMPLIED_END_TAGS = {
    "li": (frozenset(("li",)), LIST_TAGS),
    "dt": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "dd": (frozenset(("dt", "dd")), frozenset(("dl",))),
    "tr": (frozenset(("tr",)), frozenset(("table",))),
    "td": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "th": (frozenset(("td", "th")), frozenset(("tr", "table"))),
    "thead": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
    "tbody": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
    "tfoot": (frozenset(("thead", "tbody", "tfoot")), frozenset(("table",))),
}
# Names of <meta> elements: HTML, Dublin Core, Open Graph, schema.org.
META = {
    "description": "description",
    **dict.fromkeys(
        ("author", "dc.creator", "dcterms.creator", "article:author", "citation_author"), "author"
    ),
    **dict.fromkeys(
        (
            *("article:published_time", "date", "dc.date", "dcterms.created", "dcterms.date", "pubdate"),
            *("publication_date", "citation_publication_date", "citation_date", "datepublished"),
        ),
        "published",
    ),
}
MAX_LOOKUP_DEPTH = 30  # open elements searched for an implied end tag
