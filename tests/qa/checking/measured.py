"""Two sets of sources, each with 20 right paraphrases and 20 sentences with invented figures or names."""

CLUB_SOURCES = [
    (
        "Observatory handbook",
        ["Membership"],
        """Membership of the observatory.

An individual membership costs 42 euros annually; pensioners and students contribute 21 euros. Payment is due by 31 March 2024 at the latest, by bank transfer to the treasurer, Helena Marsh.

Members borrow up to three instruments for a period of four weeks. A deposit of 150 euros is held for the large refractor. Late returns cost two euros for each day.

The dome was built in 1897 by the engineer Karl Weiss and restored between 2009 and 2011 for 1.25 million euros. It is open on Fridays from 19:30 to 22:00.""",
    ),
    (
        "Annual report 2023",
        ["Visitors", "Finances"],
        """In 2023 the observatory welcomed 12,480 visitors, an increase of 8.5 percent over the year before. School groups made up 34% of them.

Income was 318,400 euros, of which 96,000 came from the city of Arnstadt and 41,250 from donations. Expenditure amounted to 301,900 euros; the surplus was put into the reserve for the new heating system.

The board consists of Helena Marsh (treasurer), Tomas Lindqvist (chair) and Amina Yusuf (secretary). The next general meeting takes place on 14 June 2024 at the town hall.""",
    ),
    (
        "Satzung",
        ["Mitglieder"],
        """Der Jahresbeitrag beträgt 60 Euro, für Familien 90 Euro. Er ist bis zum 1. Februar zu entrichten. Ehrenmitglieder sind vom Beitrag befreit.

Der Vorstand besteht aus fünf Personen und wird auf drei Jahre gewählt. Vorsitzender ist Jürgen Albrecht. Die Mitgliederversammlung ist beschlussfähig, wenn mindestens ein Viertel der 480 Mitglieder anwesend ist.

Ein Austritt ist nur zum Ende des Kalenderjahres möglich und muss drei Monate vorher schriftlich erklärt werden.""",
    ),
]
CLUB_RIGHT = [
    "A single member pays 42 euros per year [1].",
    "Students and retired people pay half of that, 21 € [1].",
    "The fee must be transferred to treasurer Helena Marsh by 2024-03-31 [1].",
    "You can borrow as many as 3 instruments for four weeks [1].",
    "For the large refractor you have to leave a 150-euro deposit [1].",
    "If you bring something back late, you are charged 2 euros a day [1].",
    "Engineer Karl Weiss built the dome in 1897 [1].",
    "Its restoration took from 2009 to 2011 and cost €1,250,000 [1].",
    "On Fridays the dome opens at 7:30 pm and closes at 10 pm [1].",
    "Around 12,500 people visited the observatory in 2023 [2].",
    "That was 8.5% more than the previous year [2].",
    "About a third of the guests (34 percent) came with a school [2].",
    "The city of Arnstadt gave 96,000 euros, and donors added 41,250 euros [2].",
    "Tomas Lindqvist chairs the board, and Amina Yusuf is its secretary [2].",
    "The general meeting will be held in the town hall on June 14, 2024 [2].",
    "Familien zahlen 90 Euro im Jahr, Einzelpersonen 60 Euro [3].",
    "Der Beitrag muss spätestens am 1. Februar gezahlt sein [3].",
    "Den Vorsitz hat Jürgen Albrecht; der Vorstand hat 5 Mitglieder und wird für drei Jahre gewählt [3].",
    "Ehrenmitglieder zahlen nichts [3].",
    "Wer austreten will, muss das drei Monate vor Jahresende schriftlich mitteilen [3].",
]
CLUB_WRONG = [
    "A single member pays 45 euros per year [1].",
    "Students pay 19.50 euros [1].",
    "The fee must be paid by 15 April 2024 [1].",
    "You can borrow as many as seven instruments for four weeks [1].",
    "For the large refractor you have to leave a deposit of 250 euros [1].",
    "Late returns are fined with 12 euros a day [1].",
    "Engineer Robert Hartwell built the dome in 1897 [1].",
    "Its restoration cost 2.15 million euros [1].",
    "On Fridays the dome opens at 6:45 pm [1].",
    "In 2023 the observatory welcomed 14,280 visitors [2].",
    "That was an increase of 9.5 percent [2].",
    "The largest single gift came from the Brightwater Foundation [2].",
    "Arnstadt paid 96 million euros [2].",
    "Tomas Lindqvist chairs the board together with Priya Raman [2].",
    "The general meeting will be held in Castle Hill on 14 June 2024 [2].",
    "Familien zahlen 95 Euro im Jahr [3].",
    "Der Beitrag muss bis zum 15. März gezahlt sein [3].",
    "Den Vorsitz hat seit Kurzem Frau Annegret Vogelsang [3].",
    "Der Verein hat 512 Mitglieder [3].",
    "Der Vorstand wird von Dr. Hannes Krämer beraten [3].",
]

HOUSE_SOURCES = [
    (
        "Lease agreement",
        ["Rent"],
        """§ 4 Rent and deposit

The monthly rent is £1,375, payable in advance on the first working day of each month. The tenant shall pay a deposit equal to six weeks' rent, which is held by the Deposit Protection Service.

§ 5 Repairs

The landlord, Northgate Estates Ltd, shall carry out urgent repairs within 48 hours and all other repairs within 28 days of notice. The tenant replaces light bulbs and fuses at his own expense.

§ 6 Notice

Either party may end the tenancy by giving two months' written notice after 1 September 2025. Pets require the landlord's prior written consent. Smoking is prohibited in all rooms.""",
    ),
    (
        "Energy report",
        ["Consumption"],
        """| Building | Electricity (MWh) | Gas (MWh) | Change |
|---|---|---|---|
| Castle Hill | 126.7 | 310.2 | -4.1% |
| Riverside | 98.3 | 275.0 | +2.6% |
| Depot | 41.9 | 88.4 | -11.8% |

Total electricity use fell to 266.9 MWh in the financial year 2022/23. The drop is attributed to LED lighting, installed by Brandt & Sons in October 2022, and to the mild winter. Solar panels on the depot roof produced 18,600 kWh. CO2 emissions went down by a tenth, to 402 tonnes.""",
    ),
    (
        "Wartungshandbuch",
        ["Pumpe P-200"],
        """Die Pumpe P-200 fördert bis zu 3.500 Liter pro Stunde bei einem Druck von 6 bar. Der Ölstand ist alle 250 Betriebsstunden zu prüfen; ein Ölwechsel ist nach 1.000 Stunden fällig.

Störungen meldet man unter der Rufnummer 0341 778-120 bei der Firma Hartung Pumpentechnik GmbH in Leipzig. Ersatzteile werden innerhalb von zwei Werktagen geliefert. Die Garantie erlischt, wenn fremde Dichtungen eingebaut werden.""",
    ),
]
HOUSE_RIGHT = [
    "Rent comes to 1375 pounds a month and is due on the first working day [1].",
    "The deposit amounts to 6 weeks of rent and lies with the Deposit Protection Service [1].",
    "Urgent repairs have to be done within two days, that is 48 hours [1].",
    "Northgate Estates has 28 days for repairs that are not urgent [1].",
    "You have to pay for new bulbs and fuses yourself [1].",
    "Notice can be given from 2025-09-01 on, in writing and two months ahead [1].",
    "You may keep a pet only if the landlord has agreed in writing beforehand [1].",
    "You must not smoke anywhere in the flat [1].",
    "Castle Hill used 126.7 MWh of electricity and 310.2 MWh of gas [2].",
    "Riverside was the only building whose use rose, by 2.6 percent [2].",
    "At the depot consumption fell by almost 12% [2].",
    "Altogether 266.9 MWh of electricity were used in 2022/2023 [2].",
    "LED lamps fitted by Brandt & Sons in October 2022 and a mild winter explain the fall [2].",
    "The panels on the roof of the depot yielded 18 600 kWh [2].",
    "Emissions sank by ten percent to 402 t of CO2 [2].",
    "Die P-200 schafft höchstens 3500 Liter in der Stunde und arbeitet mit 6 bar [3].",
    "Alle 250 Stunden muss man den Ölstand kontrollieren, nach 1000 Stunden das Öl wechseln [3].",
    "Bei Störungen hilft die Hartung Pumpentechnik GmbH in Leipzig, Telefon 0341 778120 [3].",
    "Ersatzteile kommen binnen 2 Werktagen [3].",
    "Wer fremde Dichtungen einbaut, verliert die Garantie [3].",
]
HOUSE_WRONG = [
    "Rent comes to 1,735 pounds a month [1].",
    "The deposit amounts to eight weeks of rent [1].",
    "Urgent repairs have to be done within 24 hours [1].",
    "Westbrook Holdings has 28 days for repairs that are not urgent [1].",
    "A year's rent comes to 16,500 pounds [1].",
    "Notice can be given from 1 October 2025 on [1].",
    "Complaints go to the ombudsman Peter Ashworth [1].",
    "The tenant pays a pet fee of £40 [1].",
    "Castle Hill used 162.7 MWh of electricity [2].",
    "Riverside's use rose by 6.2 percent [2].",
    "At the depot consumption fell by about 18% [2].",
    "Altogether 2,669 MWh of electricity were used [2].",
    "LED lamps were fitted by Keller Elektrik in October 2022 [2].",
    "The panels yielded 18.6 million kWh [2].",
    "The report was signed by Margaret Oyelaran [2].",
    "Die P-200 schafft höchstens 5.300 Liter in der Stunde [3].",
    "Alle 350 Stunden muss man den Ölstand kontrollieren [3].",
    "Bei Störungen hilft Herr Wolfram Seidel [3].",
    "Ersatzteile kommen binnen fünf Werktagen [3].",
    "Die Garantie gilt bis zum 31. Dezember 2026 [3].",
]

# On the club's subjects, without a figure or a name: no source says them.
CLUB_UNSAID = [
    "Dogs are allowed in the dome on a leash [1].",
    "Membership can be cancelled at any time by e-mail [1].",
    "Members receive a monthly newsletter and free parking [1].",
    "The telescope was donated by a local brewery [1].",
    "The refractor has an aperture of remarkable size and came from Munich workshops [1].",
    "The observatory plans to close during the summer [2].",
    "Most visitors came from abroad and stayed overnight in hotels [2].",
    "The surplus was paid out to the members [2].",
    "Volunteers clean the mirrors every week [2].",
    "The heating system broke down last winter [2].",
    "Neue Mitglieder brauchen zwei Bürgen [3].",
    "Der Verein betreibt eine Jugendgruppe und eine Bibliothek [3].",
    "Die Kündigung ist jederzeit per E-Mail möglich [3].",
    "Der Vorstand erhält eine Vergütung [3].",
    "Die Versammlung findet immer im Sommer statt [3].",
]
