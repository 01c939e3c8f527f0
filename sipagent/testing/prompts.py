"""Speech to try ears on: recorded prompts with their words, and sentences for the mouth."""

import audioop
import wave
from collections.abc import Mapping
from pathlib import Path

from sipagent.media.frames import frame_bytes

#: Debian's asterisk-core-sounds-en-wav: one professional speaker, 8 kHz
PROMPT_FOLDER = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_RATE = 8000
#: file name without its suffix, and what is said in it
PROMPTS: Mapping[str, str] = {
    "agent-loggedoff": "agent logged off",
    "agent-loginok": "agent logged in",
    "agent-newlocation": "please enter a new extension followed by pound",
    "agent-pass": "please enter your password followed by the pound key",
    "auth-thankyou": "thank you",
    "conf-enteringno": "you are entering conference number",
    "conf-errormenu": "invalid choice",
    "conf-extended": "the conference has been extended",
    "conf-getchannel": "please enter the channel number followed by the pound key",
    "conf-getconfno": "please enter your conference number followed by the pound key",
    "conf-getpin": "please enter the conference pin number",
    "conf-hasjoin": "is now in the conference",
    "conf-hasleft": "has left the conference",
    "conf-invalidpin": "that pin is invalid for this conference",
    "conf-kicked": "you have been kicked from this conference",
    "conf-leaderhasleft": "the leader has left the conference",
    "conf-lockednow": "the conference is now locked",
    "conf-locked": "this conference is locked",
    "conf-muted": "you are now muted",
    "conf-noempty": "no empty conferences currently exist",
    "conf-nonextended": "the conference cannot be extended",
    "conf-now-muted": "the conference is now muted",
    "conf-now-recording": "the conference is now being recorded",
    "conf-onlyone": "there is currently one other participant in the conference",
    "conf-onlyperson": "you are currently the only person in this conference",
    "conf-otherinparty": "other participants in the conference",
    "conf-placeintoconf": "you will now be placed into the conference",
    "conf-roll-callcomplete": "roll call complete",
    "conf-thereare": "there are currently",
    "conf-unlockednow": "the conference is now unlocked",
    "conf-userswilljoin": "users will join the conference",
    "conf-waitforleader": "the conference will begin when the leader arrives",
    "demo-echodone": "the echo test has been completed",
    "demo-nomatch": "i'm sorry there are no matches for those keywords",
    "dir-last": "letters of your party's last name",
    "dir-multi9": "press nine for more entries",
    "dir-nomatch": "no directory entries match your search",
    "dir-welcome": "welcome to the directory",
    "hello-world": "hello world",
    "privacy-incorrect": "i'm sorry that number is not valid",
    "priv-callpending": "i have a caller waiting who introduces themselves as",
    "priv-recordintro": "at the tone please say your name",
    "queue-callswaiting": "waiting to speak with a representative",
    "queue-holdtime": "the estimated hold time is currently",
    "queue-less-than": "less than",
    "queue-quantity1": "currently there are more than",
    "queue-quantity2": "callers waiting to speak with a representative",
    "queue-reporthold": "hold time",
    "queue-thankyou": "thank you for your patience",
    "queue-thereare": "you are currently caller number",
    "transfer": "please hold while i try that extension",
    "pbx-parkingfailed": "parking attempt failed",
    "tt-monkeysintro": "they have been carried away by monkeys",
    "tt-somethingwrong": "something is terribly wrong",
    "tt-weasels": "weasels have eaten our phone system",
    "vm-advopts": "press three for advanced options",
    "vm-calldiffnum": "press two to enter a different number",
    "vm-changeto": "change to which folder",
    "vm-deleted": "message deleted",
    "vm-delete": "press seven to delete this message",
    "vm-dialout": "please wait while i connect your call",
    "vm-enter-num-to-call": "please enter the number you wish to call",
    "vm-from-extension": "message from extension",
    "vm-from-phonenumber": "message from phone number",
    "vm-helpexit": "press star for help or pound to exit",
    "vm-incorrect": "login incorrect",
    "vm-isonphone": "is on the phone",
    "vm-isunavail": "is unavailable",
    "vm-leavemsg": "press five to leave a message",
    "vm-mailboxfull": "sorry but the user's mail box can't accept more messages",
    "vm-marked-nonurgent": "urgent status removed",
    "vm-marked-urgent": "message marked urgent",
    "vm-msgsaved": "your message has been saved",
    "vm-next": "press six to play the next message",
    "vm-nobodyavail": "nobody is available to take your call at the moment",
    "vm-nomore": "no more messages",
    "vm-nonumber": "i'm afraid i don't know who sent this message",
    "vm-num-i-have": "the number i have is",
    "vm-passchanged": "your passwords have been changed",
    "vm-pls-try-again": "please try again",
    "vm-prev": "press four for the previous message",
    "vm-reachoper": "press zero to reach an operator",
    "vm-repeat": "press five to repeat the current message",
    "vm-savedto": "saved to",
    "vm-savefolder": "which folder should i save the message to",
    "vm-savemessage": "or nine to save this message",
    "vm-sorry": "i'm sorry i did not understand your response",
    "vm-star-cancel": "press star to cancel",
    "vm-starmain": "press star to return to the main menu",
    "vm-tempgreetactive": "your temporary greeting is currently active",
    "vm-tempgreeting": "press one to record your temporary greeting",
    "vm-tempremoved": "your temporary greeting has been removed",
    "vm-then-pound": "then press pound",
    "vm-theperson": "the person at extension",
    "vm-tocallback": "press two to call the person who sent this message",
    "vm-tocallnum": "press one to call this number",
    "vm-tocancelmsg": "press star to cancel this message",
    "vm-tocancel": "or pound to cancel",
    "vm-toenternumber": "press one to enter a number",
    "vm-toforward": "press eight to forward the message to another user",
    "vm-tohearenv": "press three to hear the message envelope",
    "vm-tomakecall": "press four to place an outgoing call",
    "vm-tooshort": "your message is too short",
    "vm-toreply": "press one to send a reply",
    "vm-unknown-caller": "from an unknown caller",
    "vm-youhave": "you have",
}
#: what callers of a small business say
REQUESTS = (
    "what are your opening hours",
    "when are you open",
    "transfer me to sales",
    "sales please",
    "i want to speak to a human",
    "talk to an operator",
    "check my order status",
    "where is my order",
    "cancel my subscription",
    "i need technical support",
    "my internet is not working",
    "pay my bill",
    "what is my balance",
    "book an appointment",
    "change my appointment",
    "leave a message",
    "goodbye",
    "yes please",
    "no thank you",
    "repeat that please",
    "i forgot my password",
    "open a new account",
    "close my account",
    "report a lost card",
    "what is the address",
    "how much does it cost",
    "do you deliver",
    "track my package",
    "talk to billing",
    "speak to a manager",
    "main menu",
    "go back",
    "help me",
    "hold the line",
    "call me back",
)


def telephone(pcm: bytes) -> bytes:
    """What G.711 mu-law leaves of 8 kHz PCM."""
    return audioop.ulaw2lin(audioop.lin2ulaw(pcm, 2), 2)


def prompt(name: str) -> bytes:
    """A recorded prompt as it would come off a telephone line: 8 kHz PCM."""
    with wave.open(str(PROMPT_FOLDER / f"{name}.wav")) as file:
        return telephone(file.readframes(file.getnframes()))


def framed(pcm: bytes, rate: int = PROMPT_RATE) -> list[bytes]:
    """PCM as 20 ms frames, the last one filled up with silence."""
    size = frame_bytes(rate)
    return [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]
