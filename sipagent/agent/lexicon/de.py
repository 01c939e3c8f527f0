"""German."""

from .words import Lexicon, several

DE = Lexicon(
    backchannels=several(
        "ach, ach so, achso, aha, ah, ah ja, genau, gut, hm, hmm, in ordnung, ja, jaja, ja ja, "
        "jo, jep, klar, mhm, mm, mm hm, mm hmm, mmm, oh, ok, okay, richtig, schön, soso, "
        "stimmt, super, verstehe, ich verstehe, alles klar, na gut"
    ),
    hold_on=several(
        "einen moment, moment mal, moment bitte, moment, einen augenblick, augenblick, "
        "augenblick bitte, eine sekunde, sekunde, eine minute, warten sie, warte mal, warte, "
        "bleiben sie dran, ich schaue nach, ich schau mal, ich muss nachsehen, ich hole es, "
        "lassen sie mich nachsehen"
    ),
    hesitations=several("äh, ähm, eh, ehm, öh, öhm, also, tja, naja"),
    openers=several(
        "der, die, das, dem, den, des, ein, eine, einen, einem, einer, und, oder, aber, weil, "
        "dass, wenn, ob, ist, sind, war, mein, meine, meinen, meiner, ihr, ihre, zu, zum, zur, "
        "von, vom, für, mit, in, im, auf, an, am, bei, nach, über, um, ich, wir, möchte, "
        "würde, kann, könnte, doppel, minus, punkt"
    ),
    digits=several(
        "null, eins, ein, zwei, zwo, drei, vier, fünf, sechs, sieben, acht, neun, zehn, elf, "
        "zwölf, dreizehn, vierzehn, fünfzehn, sechzehn, siebzehn, achtzehn, neunzehn, zwanzig, "
        "dreißig, vierzig, fünfzig, sechzig, siebzig, achtzig, neunzig, hundert, tausend, "
        "doppel"
    ),
    yes=several(
        "ja, jawohl, jep, jo, ja bitte, ja gerne, gerne, klar, natürlich, genau, richtig, "
        "stimmt, ok, okay, in ordnung, selbstverständlich, sicher, das stimmt"
    ),
    no=several(
        "nein, ne, nee, nö, nein danke, lieber nicht, nicht, auf keinen fall, "
        "das stimmt nicht, stopp, stop"
    ),
    asks={
        "number": several(
            "nummer, nummern, rufnummer, telefonnummer, handynummer, kundennummer, "
            "bestellnummer, auftragsnummer, rechnungsnummer, vertragsnummer, postleitzahl, "
            "plz, iban, konto, kontonummer, kennzahl, code, geburtsdatum, ziffern, zahl"
        ),
        "address": several("adresse, anschrift, straße, strasse, hausnummer, wo wohnen sie"),
        "email": several("e mail, email, mailadresse, e mail adresse, email adresse"),
        "spelling": several("buchstabieren, buchstabiere, buchstabe für buchstabe"),
    },
)
