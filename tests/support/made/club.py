"""The documents of a rowing club, as an office has them, and questions of all kinds that are answered by quoting."""

from dataclasses import dataclass

RULES_2022 = """# Boathouse rules 2022

## Boats

Members may take a boat out for three hours at most. Every outing is written into the logbook before it begins.

## Visitors

A visitor pays 8 euros for a day. It is paid in the office, in cash.

## Lockers

A locker is rented for 30 euros each season, with a deposit for its key.
"""
RULES_2024 = (
    RULES_2022.replace("2022", "2024")
    .replace("8 euros", "11 euros")
    .replace("three hours", "four hours")
    .replace(
        "A locker is rented for 30 euros each season, with",
        "The rent of a locker is 35 euros for a season. There is",
    )
)
GUIDE = """# Launching a boat

Written by Petra Lindqvist, boat warden.

## Before you row

1. Check the heel straps.
2. Close the hatches.
3. Sign the logbook.

## What to bring

For the first lesson you need:

- a towel
- dry socks
- a bottle of water

## Damage

### A broken oar

Lay it on the red rack and tell the boat warden. She repairs oars on Fridays.

### Lights of the dock

| Light | Meaning | What to do |
|---|---|---|
| green | Water is calm | Row as you like |
| amber | Wind is rising | Stay near the bank |
| red | Storm is coming | Come back at once |
"""
BOATS = """Boat,Berth,Seats,Day (euros),Weekend (euros)
Heron,North dock,2,18,32
Osprey,North dock,4,31,55
Kingfisher,South dock,1,12,20
Grebe,South dock,8,60,105
"""
MINUTES = """COMMITTEE OF THE ROWING CLUB
Minutes of the meeting of 4 May 2024, boathouse, 18:00-19:40

Present: Petra Lindqvist (chair), Omar Feld, Ines Duarte, Tom Askew
Excused: Ruth Halloran

1. NEW DOCK
Three offers were compared. The committee chose the one of 42,000 euros
because its planks do not rot. It is to be finished in September 2024.

2. REGATTA
The regatta takes place on 21 June from 10:00 until 16:00. The town pays
for the marquee.
"""
MAIL = """From: Omar Feld <omar@example.org>
To: Ines Duarte <ines@example.org>
Subject: Key of the boathouse
Date: Mon, 03 Jun 2024 08:15:00 -0000
Content-Type: text/plain; charset="utf-8"

Dear Ines,

the spare key of the boathouse hangs behind the boiler. Mr Anton Weiss
locks the gate at 21:45 every evening.

Kind regards
Omar Feld

> Where is the spare key of the boathouse?
"""
SEASON = """THE SEASON ON THE LAKE
A leaflet for members

* * *  DATES  * * *

Last season began on 20 April. This season lasts from 12 April to 3 October.
The lake was drained eleven years ago. It lay dry for seven weeks.

* * *  REEDS AND BIRDS  * * *

The reeds belong to the birds. Please keep dogs, kites, drones and loud
music away from them.

* * *  COURSES  * * *

A course costs 40 euros for members. Everyone else pays 65 euros. Wet
clothing is kept in the blue chest for six weeks.

* * *  CREDITS  * * *

Members collect credits, which lower their fee. There are credits for the
following:

- sweeping the dock: two credits
- teaching beginners: five credits for each course
- watching the fire at the feast: three credits
"""
REPAIRS = """# Workshop sheet

## A jammed seat

Lift the rear wheels off the rails. Then slide the seat out backwards. Finally wipe the rails with a dry cloth.

## Purchases 2025

| What | Bought by | Euros |
|---|---|---|
| Racing scull | Omar Feld | 6200 |
| Two pairs of oars | Ines Duarte | 880 |
| All purchases | | 7080 |
"""
HIRE = """Thing,Stored in,Members a day (euros),Others a day (euros)
Life jacket,Shed,1,3
Trailer,Shed,12,25
Roof rack,Loft,4,9
Megaphone,Loft,2,5
"""
LETTER = """Ruderverein Lindau, den 3. Mai 2024

Sehr geehrte Frau Lindqvist,

wir danken für die Einladung zu Ihrer Regatta. Unsere Mannschaft wird am 19. Juni anreisen und im Zelt schlafen.

Mit freundlichen Grüßen
Jutta Kolb
"""
FILES = {
    "Boathouse rules 2022.md": RULES_2022,
    "Boathouse rules 2024.md": RULES_2024,
    "Launching guide.md": GUIDE,
    "boats.csv": BOATS,
    "minutes 2024-05-04.txt": MINUTES,
    "Key of the boathouse.eml": MAIL,
    "season on the lake.txt": SEASON,
    "Workshop sheet.md": REPAIRS,
    "hire of things.csv": HIRE,
    "Brief aus Lindau.txt": LETTER,
}


@dataclass(frozen=True)
class Case:
    """A question, words that its answer contains, words that it must not contain; without `words`, it is refused."""

    kind: str
    question: str
    words: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    before: str = ""  # asked just before in the same conversation


CASES = [
    Case("fact", "What do I do with a broken oar?", ("red rack",), ("A broken oar",)),
    Case("fact", "When does the boat warden repair oars?", ("on Fridays",)),
    Case("fact", "Where does the spare key of the boathouse hang?", ("behind the boiler",), ("> Where",)),
    Case("fact", "Why did the committee choose the offer of 42,000 euros?", ("do not rot",)),
    Case("fact", "At what time is the gate locked?", ("21:45",)),
    Case("fact", "Who pays for the marquee?", ("The town pays",)),
    Case("fact", "When does the season begin and when does it end?", ("12 April", "3 October")),
    Case("fact", "How long was the lake dry?", ("seven weeks",)),
    Case("fact", "How do I get a jammed seat out?", ("Lift the rear wheels", "Then slide")),
    Case("fact", "What must not come near the reeds?", ("dogs, kites, drones",), ("REEDS",)),
    Case("fact", "Wann reisen die Gäste aus Lindau an?", ("19. Juni",)),
    Case(
        "table",
        "What does the trailer cost for somebody who is not a member?",
        ("Others a day (euros): 25",),
        ("12",),
    ),
    Case("table", "How many seats does the Osprey have?", ("Osprey", "Seats: 4"), ("31", "|")),
    Case("table", "What does the Grebe cost for a weekend?", ("Grebe", "Weekend (euros): 105"), ("60", "55")),
    Case("table", "What does the amber light mean?", ("Wind is rising",), ("Storm", "|")),
    Case("list", "Which boats lie at the South dock?", ("Kingfisher", "Grebe"), ("Heron", "Osprey")),
    Case(
        "list",
        "Who was present at the meeting of 4 May 2024?",
        ("Lindqvist", "Feld", "Duarte", "Askew"),
        ("Halloran",),
    ),
    Case(
        "list", "What has to be brought along to the first lesson?", ("towel", "socks", "water"), ("hatches",)
    ),
    Case("list", "Which steps come before rowing?", ("heel straps", "hatches", "logbook"), ("towel",)),
    Case(
        "list", "What do members get credits for?", ("sweeping", "teaching", "watching the fire"), ("towel",)
    ),
    Case(
        "list",
        "Which purchases are planned for 2025?",
        ("Racing scull", "Two pairs of oars"),
        ("All", "Feld"),
    ),
    Case("list", "Which things can I hire from the loft?", ("Roof rack", "Megaphone"), ("Trailer",)),
    Case(
        "contradiction",
        "What is the rent of a locker for a season?",
        ("2024", "35 euros", "2022", "30 euros"),
    ),
    Case("contradiction", "What does a visitor pay for a day?", ("2024", "11 euros", "2022", "8 euros")),
    Case("contradiction", "For how many hours may members take a boat out?", ("four hours", "three hours")),
    Case(
        "follow-up",
        "And the Heron?",
        ("Heron", "Seats: 2"),
        ("Osprey",),
        "How many seats does the Osprey have?",
    ),
    Case(
        "follow-up",
        "And for people who are not members?",
        ("65 euros",),
        (),
        "What does a course cost for members?",
    ),
    Case("follow-up", "Until when?", ("16:00",), (), "On which date does the regatta take place?"),
    Case("typo", "wher hangs the spair key of the boathuose", ("behind the boiler",)),
    Case("typo", "wet clothng how long is it kepd", ("six weeks",)),
    Case("refuse", "What does the captain of the Heron earn?"),
    Case("refuse", "What is the salary of the boat warden?"),
    Case("refuse", "Can I hire a sauna?"),
    Case("refuse", "What is the telephone number of the boathouse?"),
    Case("refuse", "Who wrote Hamlet?"),
]
MIN_GOOD = {"fact": 10, "table": 4, "list": 7, "contradiction": 3, "follow-up": 3, "typo": 2, "refuse": 5}
