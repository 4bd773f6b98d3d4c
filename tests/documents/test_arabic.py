import pytest

from documents.extraction.arabic import from_right_to_left

TANWIN, SHADDA, DAMMA = "\u064b", "\u0651", "\u064f"
KEY = "\u0645\u0641\u062a\u0627\u062d\u0627" + TANWIN  # a key, as it is written
ALEF, HAH, TEH, FEH, MEEM = "\u0627", "\u062d", "\u062a", "\u0641", "\u0645"


def test_a_word_that_was_left_from_left_to_right_is_turned_round_with_its_mark_on_its_letter():
    read = ALEF + HAH + ALEF + TEH + FEH + MEEM + TANWIN
    places = [323.8, 328.2, 334.2, 336.5, 339.0, 342.8, 323.8]
    assert from_right_to_left(read, [(x, 685.2) for x in places]) == KEY


def test_a_word_that_runs_from_right_to_left_stays_as_it_is():
    places = [342.8, 339.0, 336.5, 334.2, 328.2, 323.8, 323.8]
    assert from_right_to_left(KEY, [(x, 685.2) for x in places]) == KEY


def test_what_two_glyphs_of_one_letter_both_stand_for_is_kept_once():
    read = ALEF + HAH + ALEF + TEH + FEH + MEEM + TANWIN + TANWIN + ALEF
    origins = [(x, 685.2) for x in (323.8, 328.2, 334.2, 336.5, 339.0, 342.8)]
    origins += [(322.2, 684.8), (323.8, 685.2), (322.2, 684.8)]
    mended = from_right_to_left(read, origins)
    assert len(mended) == len(read)
    assert mended.replace("\u200b", "") == KEY


@pytest.mark.parametrize("mark", [SHADDA, DAMMA])
def test_lam_stands_before_the_alef_of_its_ligature_and_a_mark_behind_its_letter(mark):
    lam, seen = "\u0644", "\u0633"
    read = ALEF + lam + seen + mark
    assert (
        from_right_to_left(read, [(10.0, 7.0), (10.0, 7.0), (15.0, 7.0), (15.0, 7.0)])
        == seen + mark + lam + ALEF
    )
