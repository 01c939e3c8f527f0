"""Portuguese."""

from .words import Lexicon, several

PT = Lexicon(
    backchannels=several(
        "ah, ahã, aham, bem, bom, certo, claro, com certeza, compreendo, é, é isso, entendi, "
        "entendo, então tá, exato, exatamente, hm, hmm, hum, isso, já percebi, mhm, mm, mm hm, "
        "mmm, muito bem, oh, ok, okay, perfeito, percebo, pois, pois é, pois pois, sim, "
        "sim sim, tá, tá bom, tá certo, uhum"
    ),
    hold_on=several(
        "um momento, um momentinho, só um momento, um segundo, um minuto, só um minuto, "
        "um minutinho, um instante, espere, espera, espera aí, aguarde, não desligue, "
        "deixe me ver, deixa eu ver, vou ver, vou verificar"
    ),
    hesitations=several("eh, hã, hum, tipo, então, é que"),
    openers=several(
        "o, a, os, as, um, uma, uns, umas, de, do, da, dos, das, ao, à, e, ou, mas, porque, "
        "que, se, é, são, está, meu, minha, seu, sua, para, pra, com, em, no, na, nos, nas, "
        "por, pelo, pela, sobre, eu, nós, quero, queria, gostaria, posso, poderia, hífen, "
        "ponto, arroba"
    ),
    digits=several(
        "zero, um, uma, dois, duas, três, quatro, cinco, seis, meia, sete, oito, nove, dez, "
        "onze, doze, treze, catorze, quatorze, quinze, dezasseis, dezesseis, dezassete, "
        "dezessete, dezoito, dezanove, dezenove, vinte, trinta, quarenta, cinquenta, sessenta, "
        "setenta, oitenta, noventa, cem, cento, mil"
    ),
    yes=several(
        "sim, sim por favor, sim obrigado, sim obrigada, claro, certo, com certeza, correto, "
        "exato, exatamente, isso, isso mesmo, é isso, pode ser, ok, okay, tá bom, está bem, "
        "pode, perfeito"
    ),
    no=several(
        "não, não obrigado, não obrigada, nada disso, de jeito nenhum, não é isso, melhor não, pare"
    ),
    asks={
        "number": several(
            "número, números, código, código postal, cep, telefone, telemóvel, celular, iban, "
            "conta, cpf, nif, pedido, data de nascimento, dígitos"
        ),
        "address": several("endereço, morada, rua, onde mora"),
        "email": several("e mail, email, correio eletrónico, correio eletrônico"),
        "spelling": several("soletrar, soletre, soletra, letra por letra"),
    },
)
