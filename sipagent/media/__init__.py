"""Audio inside the house: frames, the media clock, ports, recording, tones, DTMF."""
