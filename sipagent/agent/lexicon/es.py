"""Spanish."""

from .words import Lexicon, several

ES = Lexicon(
    backchannels=several(
        "ah, ajá, aja, bien, bueno, bueno bueno, claro, correcto, de acuerdo, eh, entiendo, "
        "exacto, hm, hmm, mhm, mm, mm hm, mmm, muy bien, oh, ok, okay, perfecto, sí, si, "
        "sí sí, vale, vale vale, ya, ya veo, ya ya, comprendo, dale, órale"
    ),
    hold_on=several(
        "un momento, un momentito, un segundo, un segundito, un minuto, espere, espera, "
        "espere un momento, no cuelgue, no cuelgues, déjeme ver, déjame ver, déjeme mirar, "
        "voy a mirar, lo busco, aguarde, un instante"
    ),
    hesitations=several("eh, em, este, pues, mmm, o sea"),
    openers=several(
        "el, la, los, las, un, una, unos, unas, de, del, al, y, o, pero, porque, que, si, es, "
        "son, está, mi, mis, su, sus, a, para, con, en, por, sobre, desde, hasta, yo, "
        "nosotros, quiero, quisiera, puedo, podría, doble, guion, punto, arroba"
    ),
    digits=several(
        "cero, uno, un, una, dos, tres, cuatro, cinco, seis, siete, ocho, nueve, diez, once, "
        "doce, trece, catorce, quince, dieciséis, diecisiete, dieciocho, diecinueve, veinte, "
        "veintiuno, veintidós, veintitrés, treinta, cuarenta, cincuenta, sesenta, setenta, "
        "ochenta, noventa, cien, ciento, mil, doble"
    ),
    yes=several(
        "sí, si, sí por favor, si por favor, sí gracias, claro, claro que sí, vale, "
        "de acuerdo, correcto, exacto, eso es, por supuesto, ok, okay, dale, perfecto, así es"
    ),
    no=several(
        "no, no gracias, para nada, de ninguna manera, no es correcto, mejor no, alto, pare"
    ),
    asks={
        "number": several(
            "número, números, código, código postal, teléfono, móvil, celular, iban, cuenta, "
            "dni, nif, referencia, pedido, fecha de nacimiento, cifras"
        ),
        "address": several("dirección, domicilio, calle, dónde vive"),
        "email": several("correo, correo electrónico, e mail, email"),
        "spelling": several("deletrear, deletree, deletrea, letra por letra"),
    },
)
