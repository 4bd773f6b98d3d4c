"""The models of questions and answers, one noun a file."""

from qa.models.citation import Citation
from qa.models.conversation import Conversation
from qa.models.evaluation import Case, Evaluation, QuestionSet
from qa.models.instructions import Instructions
from qa.models.question import AnswerState, Question
from qa.models.share import Share

__all__ = [
    "AnswerState",
    "Case",
    "Citation",
    "Conversation",
    "Evaluation",
    "Instructions",
    "Question",
    "QuestionSet",
    "Share",
]
