"""Turns speech into the log-mel spectrogram that Whisper reads.

The front end of most speech models: overlapping frames, a Hann window, a Fourier
transform of each frame, mel bands, a logarithm. Sizes and scaling are those of
OpenAI's Whisper (A. Radford and others, "Robust Speech Recognition via Large-Scale
Weak Supervision", 2022), and so are the mel filters, which are its model file.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SAMPLES_PER_SECOND = 16000
FRAME = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
FLOOR = 1e-10  # of a band's power, lest the logarithm meet zero
RANGE = 8  # decades below the loudest band: what is fainter is cut off


def load(assets):
    """Returns the Hann window, shape (400,), and the mel filters, shape (80, 201), in float32."""
    # The periodic window, not np.hanning's symmetric one.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    return window.astype(np.float32), np.load(f"{assets}/mel_filters.npy")


def decode(request):
    """Returns float32 samples in -1..1."""
    return np.frombuffer(request, dtype="<i2").astype(np.float32) / 32768


def infer(model, samples):
    """Returns scaled log-mel values, float32, shape (80, frames): a frame for each 160 samples."""
    window, filters = model
    # Frames are centred on their time; the last one would begin the next request.
    padded = np.pad(samples, FRAME // 2, mode="reflect")
    frames = sliding_window_view(padded, FRAME)[:-1:HOP]
    spectrum = np.fft.rfft(frames * window)
    power = spectrum.real**2 + spectrum.imag**2
    levels = np.log10(np.maximum(filters @ power.T, FLOOR))
    levels = np.maximum(levels, levels.max() - RANGE)
    return (levels + 4) / 4


def encode(levels):
    """Returns the values as little-endian float32, band after band."""
    return levels.astype("<f4", copy=False).tobytes()


def make_request(index):
    """Returns one second of speech: 16,000 samples of 16 bits, little-endian."""
    # Imported here because only planning calls this: a guest's start must not pay for it.
    from pathlib import Path

    speech = np.load(Path(__file__).parent / "assets" / "speech.npy")
    return speech[index * SAMPLES_PER_SECOND : (index + 1) * SAMPLES_PER_SECOND].tobytes()
