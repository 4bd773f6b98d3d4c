import base64
from contextlib import suppress
from email.message import EmailMessage

import pytest

from documents.extraction import UnreadableFile, extract_pages, sniff
from documents.extraction.registry import MAIL


@pytest.fixture
def read(tmp_path):
    def reading(message):
        path = tmp_path / "a.eml"
        path.write_bytes(message if isinstance(message, bytes) else bytes(message))
        assert sniff(path.read_bytes(), "a.eml") == MAIL
        return extract_pages(path, media_type=MAIL)

    return reading


def letter(text="The fee is 21 €.", **headers):
    message = EmailMessage()
    for name, value in {"From": "Jörg <j@example.org>", "Subject": "Grüße", **headers}.items():
        message[name] = value
    message.set_content(text)
    return message


def test_a_mail_says_who_wrote_what_when(read):
    extraction = read(letter(To="bob@example.org", Date="Fri, 1 Mar 2024 14:30:00 +0100"))
    page = extraction.pages[0]
    assert page.text == (
        "Grüße\n\nFrom: Jörg <j@example.org>\nTo: bob@example.org\nDate: 2024-03-01 14:30\n\nThe fee is 21 €."
    )
    assert extraction.title == page.headings[0].title == "Grüße"


def test_plain_text_is_preferred_and_html_read_where_there_is_nothing_else(read):
    both = letter("Plain words.")
    both.add_alternative("<p>Rich words.</p>", subtype="html")
    text = read(both).pages[0].text
    assert "Plain words." in text
    assert "Rich" not in text
    rich = letter()
    rich.set_content("<h1>Offer</h1><p hidden>Ignore all</p><p>Rich words.</p>", subtype="html")
    page = read(rich).pages[0]
    assert page.text.endswith("Offer\n\nRich words.")
    assert page.report["left_out"] == 9


def test_html_in_letters_that_nobody_can_make_out_does_not_cost_the_rest_of_the_mail(read):
    mail = letter("Read the attachment.")
    mail.add_attachment(b"\xff\xfe\x00\xd8\x00\xd8", "text", "html", disposition="inline")
    extraction = read(mail)
    assert "Read the attachment." in extraction.pages[0].text
    assert extraction.is_partial


RICH = "<p>The harbour opens at six. Ships of more than forty metres call the pilot first, on channel twelve.</p>"


@pytest.mark.parametrize("has_pictures", [False, True])
def test_plain_text_that_only_stands_in_for_the_html_is_passed_over(read, has_pictures):
    mail = letter("This mail is in HTML. Use a modern client.")
    mail.add_alternative(RICH * 3, subtype="html")
    if has_pictures:
        mail.get_payload()[1].add_related(b"GIF89a", "image", "gif", filename="flag.gif")
    text = read(mail).pages[0].text
    assert "pilot" in text
    assert "modern client" not in text
    assert ("flag.gif" in text) == has_pictures


def test_plain_text_without_a_header_of_its_own_is_weighed(read):
    words = "The harbour opens at six and closes at ten."
    mail = f"Subject: Hours\nContent-Type: multipart/alternative; boundary=x\n\n--x\n\n{words}\n--x\n"
    mail += "Content-Type: text/html\n\n<p>Rich words.</p>\n--x--\n"
    assert words in read(mail.encode()).pages[0].text


def test_words_in_a_table_of_the_html_count(read):
    mail = letter("Your bill is in HTML.")
    rows = "".join(f"<tr><td>Berth {n}</td><td>{n} days of mooring</td></tr>" for n in range(9))
    mail.add_alternative(f"<table><tr><th>Place</th><th>Time</th></tr>{rows}</table>", subtype="html")
    assert "Berth 7" in read(mail).pages[0].text


def test_an_invitation_is_read_and_not_its_calendar(read):
    mail = letter()
    mail.set_content(RICH, subtype="html")
    mail.add_alternative("BEGIN:VCALENDAR\nEND:VCALENDAR", subtype="calendar")
    text = read(mail).pages[0].text
    assert "pilot" in text
    assert "VCALENDAR" not in text


def test_attachments_are_named_and_messages_inside_are_read(read):
    message = letter()
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Gebühren 2024.pdf")
    message.add_attachment("text that is no part of the message", filename="notes.txt")
    message.add_attachment(letter("Inner words.", Subject="Inner"))
    extraction = read(message)
    assert extraction.metadata["attachments"] == ["Gebühren 2024.pdf", "notes.txt"]
    text = extraction.pages[0].text
    assert "Attachments: Gebühren 2024.pdf, notes.txt" in text
    assert text.endswith("Inner\n\nFrom: Jörg <j@example.org>\n\nInner words.")
    assert "no part" not in text
    assert [(heading.level, heading.title) for heading in extraction.pages[0].headings] == [
        (1, "Grüße"),
        (2, "Inner"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-r"])
def test_the_name_of_an_attachment_may_be_written_in_bytes_that_say_nothing_of_their_encoding(read, encoding):
    message = letter()
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="report.pdf")
    content = bytes(message).replace(b"report.pdf", "Отчёт за год.pdf".encode(encoding))
    assert read(content).metadata["attachments"] == ["Отчёт за год.pdf"]


def test_wrapped_lines_of_a_flowed_mail_are_joined(read):
    text = (
        read(b"Subject: s\nContent-Type: text/plain; format=flowed\n\nOne \ntwo.\nThree\n-- \nBob\n")
        .pages[0]
        .text
    )
    assert text == "s\n\nOne two.\nThree\n--\nBob"


@pytest.mark.parametrize(
    "content",
    [
        "Subject: Gr\u00fc\u00dfe\nFrom: a\n\nGr\u00fc\u00dfe".encode(),
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\nContent-Type: text/plain; charset=no-such\n\nGr\xc3\xbc\xc3\x9fe",
        b"Subject: =?iso-8859-1?q?Gr=FC=DFe?=\nContent-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe",
        b"SUBJECT: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZQ=",
    ],
)
def test_sloppy_mail_is_read_all_the_same(read, content):
    text = read(content).pages[0].text
    assert text.startswith("Grüße")
    assert text.endswith("Grüße")


def test_a_saved_web_page_is_read_as_the_page_in_it(read):
    content = b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n<h1>Fees</h1><p>21\n--x\nContent-Type: image/png\n\nabc\n--x--"
    assert read(content).pages[0].text == "Fees\n\n21"


def test_mail_within_mail_without_end_is_no_harm(read):
    content = b"".join(
        b"Subject: m\nContent-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(600)
    )
    with suppress(UnreadableFile):  # anything else would be an error of ours
        assert read(content).pages


def test_what_has_no_header_is_damaged(read):
    with pytest.raises(UnreadableFile) as caught:
        read(b"no mail at all\n\n" * 5)
    assert caught.value.kind == "damaged"


def parts(kind, *contents):
    start = (
        b"From: ada@example.org\r\nSubject: Budget\r\nContent-Type: multipart/%s; boundary=b\r\n\r\n" % kind
    )
    return start + b"".join(b"--b\r\n%s\r\n" % content for content in contents) + b"--b--\r\n"


PLAIN = b"Content-Type: text/plain\r\n\r\nThe budget is attached."


def test_what_is_attached_beside_one_way_of_saying_the_same_is_no_less_attached(read):
    rich = parts(
        b"mixed",
        b"Content-Type: text/html\r\n\r\n<p>The budget is attached.</p>",
        b"Content-Type: application/pdf; name=budget.pdf\r\nContent-Disposition: inline; filename=budget.pdf\r\n\r\nx",
    )
    extraction = read(parts(b"alternative", PLAIN, rich))
    assert extraction.metadata["attachments"] == ["budget.pdf"]
    assert extraction.pages[0].text.count("The budget is attached.") == 1


def test_signatures_and_pictures_in_the_text_are_no_attachments(read):
    extraction = read(
        parts(
            b"mixed",
            PLAIN,
            b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Disposition: attachment; filename=smime.p7s\r\n\r\nx",
            b"Content-Type: image/png; name=image001.png\r\nContent-ID: <1>\r\n\r\nx",
        )
    )
    assert "attachments" not in extraction.metadata


def test_attachments_without_a_name_are_called_by_their_kind(read):
    extraction = read(
        parts(
            b"mixed",
            PLAIN,
            b"Content-Type: application/pdf\r\n\r\nx",
            b"Content-Type: text/csv\r\nContent-Disposition: attachment\r\n\r\na,b",
            b"Content-Type: application/octet-stream\r\n\r\nx",
        )
    )
    assert extraction.metadata["attachments"] == ["attachment.pdf", "attachment.csv", "attachment"]


def test_a_message_that_was_encoded_within_another_is_read(read):
    inner = base64.encodebytes(b"Subject: Older\n\nThe rope costs 21 euros.\n")
    forwarded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inner
    assert "Older\n\nThe rope costs 21 euros." in read(parts(b"mixed", PLAIN, forwarded)).pages[0].text


def test_rows_of_a_table_in_a_mail_name_their_columns(read):
    rows = "\r\n".join(f"| A-{number} | red |" for number in range(100, 200))
    text = f"Subject: Stock\r\n\r\n| Article | Colour |\r\n|---|---|\r\n{rows}\r\n"
    assert "Article: A-177 | Colour: red" in read(text.encode()).pages[0].text
