"""Italian."""

from .words import Lexicon, several

IT = Lexicon(
    backchannels=several(
        "ah, ah sì, ah ecco, beh, bene, benissimo, capisco, capito, certo, chiaro, d'accordo, "
        "ecco, eh, eh sì, esatto, giusto, ho capito, hm, hmm, mhm, mm, mm hm, mmm, oh, ok, "
        "okay, perfetto, sì, si, sì sì, va bene"
    ),
    hold_on=several(
        "un attimo, un attimino, un momento, un secondo, un minuto, aspetti, aspetta, attenda, "
        "attendi, resti in linea, mi lasci vedere, fammi vedere, controllo subito, "
        "adesso guardo, un istante"
    ),
    hesitations=several("eh, ehm, uhm, allora, cioè, beh, dunque"),
    openers=several(
        "il, lo, la, i, gli, le, un, uno, una, di, del, della, dei, delle, dello, al, alla, "
        "allo, ai, e, o, ma, perché, che, se, è, sono, il mio, mio, mia, suo, sua, a, da, dal, "
        "dalla, per, con, in, nel, nella, su, sul, sulla, tra, fra, io, vorrei, posso, potrei, "
        "doppia, trattino, punto, chiocciola"
    ),
    digits=several(
        "zero, uno, due, tre, quattro, cinque, sei, sette, otto, nove, dieci, undici, dodici, "
        "tredici, quattordici, quindici, sedici, diciassette, diciotto, diciannove, venti, "
        "trenta, quaranta, cinquanta, sessanta, settanta, ottanta, novanta, cento, mille, "
        "doppio"
    ),
    yes=several(
        "sì, si, sì grazie, sì per favore, certo, certamente, esatto, giusto, corretto, "
        "va bene, d'accordo, ok, okay, perfetto, volentieri, assolutamente, sicuro"
    ),
    no=several(
        "no, no grazie, per niente, assolutamente no, non è giusto, meglio di no, basta, fermo"
    ),
    asks={
        "number": several(
            "numero, numeri, codice, codice fiscale, codice postale, cap, telefono, cellulare, "
            "iban, conto, partita iva, ordine, pratica, data di nascita, cifre"
        ),
        "address": several("indirizzo, via, numero civico, dove abita"),
        "email": several("e mail, email, mail, indirizzo mail, posta elettronica"),
        "spelling": several("compitare, lettera per lettera, spelling, scandire"),
    },
)
