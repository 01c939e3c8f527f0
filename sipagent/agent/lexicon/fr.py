"""French."""

from .words import Lexicon, several

FR = Lexicon(
    backchannels=several(
        "ah, ah oui, ah bon, bien, bien sûr, bon, c'est ça, d'accord, effectivement, euh, "
        "exactement, hm, hmm, hum, je vois, mhm, mm, mm hm, mmm, ok, okay, oh, ouais, oui, "
        "oui oui, parfait, très bien, tout à fait, voilà, je comprends"
    ),
    hold_on=several(
        "un instant, un moment, une seconde, une minute, attendez, attends, ne quittez pas, "
        "ne quitte pas, patientez, je regarde, je vérifie, laissez moi regarder, "
        "laissez moi voir, je cherche, deux secondes, deux minutes"
    ),
    hesitations=several("euh, heu, ben, bah, hein, alors"),
    openers=several(
        "le, la, les, un, une, des, du, de, au, aux, et, ou, mais, parce, que, si, est, c'est, "
        "sont, mon, ma, mes, votre, vos, à, pour, avec, dans, sur, chez, par, en, je, j'ai, "
        "nous, voudrais, peux, pourrais, double, tiret, point, arobase"
    ),
    digits=several(
        "zéro, un, une, deux, trois, quatre, cinq, six, sept, huit, neuf, dix, onze, douze, "
        "treize, quatorze, quinze, seize, vingt, trente, quarante, cinquante, soixante, cent, "
        "mille, septante, huitante, nonante, double"
    ),
    yes=several(
        "oui, ouais, oui merci, oui s'il vous plaît, d'accord, ok, okay, bien sûr, c'est ça, "
        "exact, exactement, tout à fait, volontiers, absolument, c'est exact, c'est bon"
    ),
    no=several(
        "non, non merci, pas du tout, surtout pas, ce n'est pas ça, pas vraiment, stop, arrêtez"
    ),
    asks={
        "number": several(
            "numéro, numéros, code, code postal, iban, compte, téléphone, portable, référence, "
            "date de naissance, chiffres"
        ),
        "address": several("adresse, rue, où habitez vous"),
        "email": several(
            "e mail, email, mail, adresse mail, courriel, adresse e mail, adresse électronique"
        ),
        "spelling": several("épeler, épelez, lettre par lettre"),
    },
)
