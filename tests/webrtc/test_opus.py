"""Opus frames there and back, and what stands in for a lost one."""

import numpy as np

from sipagent.legs.webrtc.opus import RATE, SAMPLES, OpusDecoder, OpusEncoder

_TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype("<i2").tobytes()


def frames(pcm: bytes) -> list[bytes]:
    size = SAMPLES * 2
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def test_a_tone_comes_back_as_loud_and_as_high_as_it_went() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    packets = [encoder.encode(pcm, n * SAMPLES) for n, pcm in enumerate(frames(_TONE))]
    assert all(packet is not None and packet.size < 200 for packet in packets)
    heard = b"".join(decoder.decode(bytes(packet)) for packet in packets if packet is not None)
    assert len(heard) == len(frames(_TONE)) * SAMPLES * 2
    wave = np.frombuffer(heard, "<i2").astype(float)[RATE // 2 : RATE // 2 + 24_000 - 24_000 % 109]
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(wave.size)))
    assert abs(np.argmax(spectrum) * RATE / wave.size - 440) < 5
    assert 0.8 < wave.std() * np.sqrt(2) / 8_000 < 1.2


def test_a_lost_frame_fades_out_from_where_the_last_one_ended_and_then_is_silence() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    last = b""
    for n, pcm in enumerate(frames(_TONE)[:10]):
        packet = encoder.encode(pcm, n * SAMPLES)
        assert packet is not None
        last = decoder.decode(bytes(packet))
    hidden = np.frombuffer(decoder.hidden(), "<i2").astype(int)
    assert hidden[0] == np.frombuffer(last, "<i2")[-1]
    assert hidden[-1] == 0 and np.abs(hidden).max() > 1_000
    assert decoder.hidden() == bytes(SAMPLES * 2)


def test_rubbish_is_no_sound_and_no_error() -> None:
    decoder = OpusDecoder()
    assert decoder.decode(b"\xff" * 3) == b""
    assert len(decoder.hidden()) == SAMPLES * 2
