"""English."""

from .words import Lexicon, several

EN = Lexicon(
    backchannels=several(
        "ah, aha, alright, cool, fine, good, great, hm, hmm, i see, mhm, mm, mm hm, mm hmm, mmm,"
        "mhmm, oh, ok, okay, right, sure, uh, uh huh, uh uh, um, yeah, yep, yes"
    ),
    hold_on=several(
        "hold on, hold the line, hang on, one moment, just a moment, one second, one sec,"
        "just a second, just a sec, a moment, a second, a minute, one minute, wait a minute,"
        "wait a moment,"
        "wait a second, bear with me, give me a moment, give me a second, let me check,"
        "let me see, let me look, let me find it, let me get it, stay on the line"
    ),
    hesitations=several("eh, er, erm, uh, uhm, um, umm, well, like, so"),
    openers=several(
        "a, an, the, and, or, but, because, if, that's, it's, is, are, was, my, your, our, their,"
        "to, of, for, from, with, at, into, than, i'd, i'm, i'll, would, could,"
        "can, the number is, double, triple, at sign"
    ),
    digits=several(
        "zero, oh, o, nought, one, two, three, four, five, six, seven, eight, nine, ten, eleven,"
        "twelve, thirteen, fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty,"
        "thirty, forty, fifty, sixty, seventy, eighty, ninety, hundred, thousand, double, triple"
    ),
    yes=several(
        "yes, yeah, yep, yup, yes please, yes thanks, sure, ok, okay, right, that's right, correct,"
        "that's correct, of course, go ahead, please do, absolutely, definitely, exactly"
    ),
    no=several(
        "no, not, don't, haven't, nope, nah, no thanks, no thank you, not really,"
        "no it's not, no it isn't"
    ),
    asks={
        "number": several(
            "number, numbers, code, postcode, zip, pin, digits, iban, account, date of birth,"
            "phone, telephone, mobile, reference, birthday"
        ),
        "address": several("address, street, where do you live, house number"),
        "email": several("email, e mail, mail address, email address"),
        "spelling": several("spell, spelling, letter by letter"),
    },
)
