"""What baresip reads at its start."""

from collections.abc import Sequence

#: baresip reads a codec's bare name as 8000 Hz mono and offers others unasked
_FULL_NAMES = {"G722": "G722/16000/1", "OPUS": "opus/48000/2"}


def account(user: str, registrar: str, transport: str, codecs: Sequence[str], answer: str) -> str:
    """The line of its `accounts` file."""
    names = ",".join(_FULL_NAMES.get(codec.upper(), codec) for codec in codecs)
    return (
        f"<sip:{user}@{registrar};transport={transport}>"
        f";answermode={answer};audio_codecs={names};ptime=20"
    )


CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
call_local_timeout 120
call_max_calls 8
audio_path /usr/share/baresip
audio_source aufile,{source}
audio_player aubridge,sink{port}
audio_alert aubridge,alert{port}
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
audio_txmode thread
ausrc_format s16
auplay_format s16
rtp_stats yes
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
ringback_disable yes
"""
