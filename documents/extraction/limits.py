"""What one document may cost, for both sides: the worker counts, the kernel enforces."""

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 20.0  # of a document; each of its pages adds:
CPU_SECONDS_OF_A_PAGE = 0.1
CPU_SECONDS_OF_ONE_PAGE = 6  # the most that any single one may take
MAX_PAGES = 20_000  # a file of more is no document, and may name one page a million times
FEW_CHARACTERS = 20  # a page with fewer has no text layer to speak of
MAX_CHARACTERS = 40_000_000  # of a document; a long novel has one million
MAX_CHARACTERS_PER_PAGE = 1_000_000
