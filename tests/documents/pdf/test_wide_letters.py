import pytest

from documents.extraction.cleanup.cjk import without_gaps
from documents.extraction.cleanup.clean_pages import clean_pages
from documents.extraction.raw_page import RawPage


def cleaned(*lines, elsewhere=""):
    """The text of lines that fill a column, under each other, in a document that has `elsewhere` on its other page."""
    text, geometry = "\r\n".join(lines), []
    for number, line in enumerate(lines):
        start = sum(len(before) + 2 for before in lines[:number])
        geometry.append([start, start + len(line.rstrip()), 50.0, 500.0, 700.0 - 14 * number, 10.0])
    return clean_pages([RawPage(text, geometry), RawPage(elsewhere)])[0][0].text


def test_latin_words_of_chinese_text_are_set_off_at_line_ends_as_they_are_within_lines():
    lines = "系统管理员应该使用命令read", "来读取配置文件的内容并保存"
    assert cleaned(*lines) == "系统管理员应该使用命令read来读取配置文件的内容并保存"
    assert "命令read 来读取" in cleaned(*lines, elsewhere="安装 Debian 系统的 root 用户")


def test_a_line_that_was_broken_at_a_space_says_so_where_the_program_writes_it():
    broken = "모든 데비안 시스템 관", "리자는 이 책을 ", "읽어야 합니다 그리고"
    assert cleaned(*broken) == "모든 데비안 시스템 관리자는 이 책을 읽어야 합니다 그리고"


def test_halves_of_a_korean_word_that_stands_elsewhere_are_joined():
    broken = "모든 데비안 시스템 관", "리자는 이 책을"
    assert cleaned(*broken) == "모든 데비안 시스템 관 리자는 이 책을"
    assert cleaned(*broken, elsewhere="관리자는 안다") == "모든 데비안 시스템 관리자는 이 책을"


def test_a_korean_line_ends_a_word_where_its_syllables_mostly_do():
    """Where lines break anywhere, and neither half nor the whole stands elsewhere."""
    elsewhere = "관리자는 이 책을 읽는다. 그리고 시스템을 켜고 문서를 보고 서버를 끈다. 마음이 간다."
    lines = "모든 데비안 시스템 관", "리자는 이제 설치를", "마친다 그리고 또 컴", "퓨터를 켠다"
    assert cleaned(*lines, elsewhere=elsewhere) == (
        "모든 데비안 시스템 관리자는 이제 설치를 마친다 그리고 또 컴퓨터를 켠다"
    )


def test_latin_words_that_lines_of_japanese_break_anywhere_are_whole_again():
    lines = "略語は cron", "tab エントリを置き換えます。また a", "ptitude を使い Debian", "GNU を入れます"
    elsewhere = "crontab と aptitude の説明。Debian Debian GNU GNU のページ。"
    whole = "略語は crontab エントリを置き換えます。また aptitude を使い Debian GNU を入れます"
    assert cleaned(*lines, elsewhere=elsewhere) == whole
    assert cleaned(*lines) == whole.replace("crontab", "cron tab").replace("aptitude", "a ptitude")


def test_latin_words_of_other_documents_are_never_joined():
    lines = "He goes with", "out of the harbour", "and can", "not stay"
    assert cleaned(*lines, elsewhere="without, cannot") == "He goes with out of the harbour and can not stay"


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (("지도자는 SPI", "는 데비안을"), "지도자는 SPI는 데비안을"),
        (("출판은 2003", "년에 시작된"), "출판은 2003년에 시작된"),
        (("모두는 IRC", "채널에서 찾아"), "모두는 IRC 채널에서 찾아"),
    ],
)
def test_a_korean_particle_stands_at_its_noun_even_if_that_ends_the_line_in_latin_letters(lines, joined):
    assert cleaned(*lines) == joined


@pytest.mark.parametrize(
    ("text", "gaps", "found"),
    [
        ("安装 Debian 系统 \r\n了", [2], "安装\u200bDebian 系统 \r\n了"),
        ("安装 Debian 系统\r\n了", [2], "安装 Debian 系统\r\n了"),
        ("지도자는 SPI 는 책", [8], "지도자는 SPI\u200b는 책"),
        ("지도자는 SPI 는 책", [], "지도자는 SPI 는 책"),
        ("모두는 IRC 채널", [7], "모두는 IRC 채널"),
        ("to install Debian \r\nnow", [2], "to install Debian \r\nnow"),
    ],
)
def test_gaps_beside_latin_words_are_no_spaces_where_the_text_tells(text, gaps, found):
    assert without_gaps(text, lambda at: at in gaps) == found
