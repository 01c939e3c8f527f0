"""Dutch."""

from .words import Lexicon, several

NL = Lexicon(
    backchannels=several(
        "ah, aha, begrepen, dat klopt, duidelijk, goed, goed zo, hm, hmm, hè, helder, "
        "inderdaad, ik begrijp het, ik snap het, ja, jaja, ja ja, jazeker, juist, klopt, mhm, "
        "mm, mm hm, mmm, mooi, nou, oh, o ja, oké, ok, okay, precies, prima, snap ik, "
        "tuurlijk, zeker"
    ),
    hold_on=several(
        "een moment, een momentje, moment, momentje, één moment, één momentje, een ogenblik, "
        "ogenblikje, een seconde, een minuut, wacht even, wacht, even wachten, "
        "blijf aan de lijn, ik kijk even, even kijken, ik zoek het op, een tel"
    ),
    hesitations=several("eh, ehm, uh, uhm, euh, nou, dus"),
    openers=several(
        "de, het, een, en, of, maar, omdat, dat, als, is, zijn, was, mijn, uw, jouw, naar, "
        "van, voor, met, in, op, aan, bij, over, om, te, ik, wij, we, wil, zou, kan, kunnen, "
        "dubbel, streepje, punt, apenstaartje"
    ),
    digits=several(
        "nul, een, één, twee, drie, vier, vijf, zes, zeven, acht, negen, tien, elf, twaalf, "
        "dertien, veertien, vijftien, zestien, zeventien, achttien, negentien, twintig, "
        "dertig, veertig, vijftig, zestig, zeventig, tachtig, negentig, honderd, duizend, "
        "dubbel"
    ),
    yes=several(
        "ja, jazeker, ja graag, ja hoor, graag, zeker, natuurlijk, klopt, dat klopt, "
        "inderdaad, juist, prima, goed, oké, ok, okay, precies"
    ),
    no=several(
        "nee, neen, nee dank u, nee bedankt, liever niet, niet, zeker niet, dat klopt niet, stop"
    ),
    asks={
        "number": several(
            "nummer, nummers, telefoonnummer, klantnummer, ordernummer, bestelnummer, "
            "postcode, iban, rekening, rekeningnummer, code, geboortedatum, cijfers"
        ),
        "address": several("adres, straat, huisnummer, waar woont u"),
        "email": several("e mail, email, mailadres, e mailadres, emailadres"),
        "spelling": several("spellen, spel, letter voor letter"),
    },
)
