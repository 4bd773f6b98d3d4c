"""Third-party loaders for tests: one that works, and some that do not."""

import os
import resource

from documents.extraction import Extraction


def load(path):
    cues = [cue.split("\n", 1)[-1] for cue in path.read_text().split("\n\n") if "-->" in cue]
    return Extraction.of_texts(cues, title="Subtitles")


class TranscriptReader:
    """What a LlamaIndex reader looks like from outside."""

    def load_data(self, file, extra_info=None):
        return [Piece(cue) for cue in file.read_text().split("\n\n") if "-->" not in cue]


class Piece:
    def __init__(self, text):
        self.text = text
        self.metadata = {}


def load_by_reader(path):
    pieces = TranscriptReader().load_data(path)
    return Extraction.of_texts(piece.text for piece in pieces)


def stumbling(path):
    raise KeyError(path.read_text())


def dying(path):
    os.abort()


def greedy(path):
    return Extraction.of_texts(["x" * 10**9])


def busy(path):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 20))  # in place of the child's own limit, to be done sooner
    while True:
        pass


def nonsense(path):
    extraction = Extraction.of_texts(["a \ud800 \x00 b", "second"], title="t\x00")
    extraction.pages[0].headings = [(10**9, 1, "beyond"), (0, 99, "here\x00")]
    extraction.pages[1].problem = "odd"
    extraction.pages[1].label = "label " * 100
    extraction.metadata = {"key\x00": ["value\x00", 5]}
    return extraction


def reveals_environment(path):
    return Extraction.of_texts([" ".join(sorted(os.environ))])
