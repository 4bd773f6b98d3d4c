"""Resource limits of one document: the worker counts, the kernel enforces."""

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 20.0  # per document, plus for each page:
CPU_SECONDS_OF_A_PAGE = 0.1
CPU_SECONDS_OF_ONE_PAGE = 6  # the limit of any single page
MAX_PAGES = 20_000  # a malicious file may list one page a million times
FEW_CHARACTERS = 20  # a page with fewer has no usable text layer
MAX_CHARACTERS = 40_000_000  # per document; a long novel has one million
MAX_CHARACTERS_PER_PAGE = 1_000_000
