"""Writes the assets of mel-spectrogram: speech, mel filters and reference spectrograms.

    python -m pip download --no-deps --no-binary openai-whisper openai-whisper==20250625
    python -m pip download --no-deps --no-binary pocketsphinx pocketsphinx==5.1.1
    python -m pip install numpy==2.4.6 transformers==4.57.1
    python workloads/mel-spectrogram/make_assets.py WHISPER.tar.gz POCKETSPHINX.tar.gz [assets folder]

The reference comes from an implementation that shares no code with the workload:
WhisperFeatureExtractor of Hugging Face's transformers, in numpy and mostly float64,
with mel filters that it computes itself.
"""

import io
import sys
import tarfile
import wave
from pathlib import Path

import numpy as np
from transformers import WhisperFeatureExtractor

SAMPLES_PER_SECOND = 16000
# One request in six has a reference, which keeps the file small.
REFERENCE_SECONDS = 0, 6, 12, 18


def main():
    whisper, pocketsphinx = sys.argv[1:3]
    assets = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).parent / "assets"
    assets.mkdir(parents=True, exist_ok=True)

    [filters] = _members(whisper, "/mel_filters.npz")
    np.save(assets / "mel_filters.npy", np.load(io.BytesIO(filters))["mel_80"].astype("<f4"))

    recordings = _members(pocketsphinx, ".wav", folder="/test/data/librivox/")
    speech = np.concatenate([_samples(recording) for recording in recordings])
    np.save(assets / "speech.npy", speech)

    extractor = WhisperFeatureExtractor(feature_size=80)
    spectrograms = []
    for second in REFERENCE_SECONDS:
        samples = speech[second * SAMPLES_PER_SECOND : (second + 1) * SAMPLES_PER_SECOND]
        audio = samples.astype(np.float32) / 32768
        features = extractor(audio, sampling_rate=SAMPLES_PER_SECOND, padding=False)
        spectrograms.append(features["input_features"][0])
    np.save(assets / "reference.npy", np.stack(spectrograms).astype("<f4"))
    print(f"{len(speech) / SAMPLES_PER_SECOND:.2f} seconds of speech")


def _members(archive, ending, folder="/"):
    """Returns the contents of an archive's files of that folder and ending, in order of name."""
    with tarfile.open(archive) as files:
        names = [name for name in files.getnames() if folder in name and name.endswith(ending)]
        return [files.extractfile(name).read() for name in sorted(names)]


def _samples(recording):
    with wave.open(io.BytesIO(recording)) as audio:
        kind = audio.getframerate(), audio.getsampwidth(), audio.getnchannels()
        if kind != (SAMPLES_PER_SECOND, 2, 1):
            raise ValueError(f"expected 16 kHz, 16 bits, one channel; found {kind}")
        return np.frombuffer(audio.readframes(audio.getnframes()), dtype="<i2")


if __name__ == "__main__":
    main()
