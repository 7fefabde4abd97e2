"""A VAE-GAN beside a VAE with the same encoder and decoder, on held-out faces.

    python benchmarks/faces.py runs/vae_gan_celeba runs/conv_vae_celeba

prints sharpness, grain, PSNR, attribute similarity and the Frechet distance of samples
on the attribute reader's features, with standard errors. It draws both models'
reconstructions and samples below the originals.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

import keras_vae
from keras_vae import evaluation, plots

words = partial(evaluation.plus_minus, form=".3f")


def mean_words(values):
    """A mean with its standard error."""
    return words(evaluation.mean_and_error(values))


def unit(x):
    """Raw 8-bit values as [0, 1]."""
    return np.asarray(x, np.float32) / 255.0


def main():
    """Scores both runs and draws them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vae_gan", type=Path)
    parser.add_argument("vae", type=Path)
    parser.add_argument("--data", default="celeba_10k")
    parser.add_argument("--epochs", type=int, default=15, help="attribute reader's epochs")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument(
        "--no-originals",
        action="store_true",
        help="draw only the models' images; some data may not be published",
    )
    parser.add_argument("--output", type=Path, default=Path("faces.png"))
    arguments = parser.parse_args()

    data = keras_vae.data.load(arguments.data)
    x, y = unit(data.x_test), np.asarray(data.y_test)
    reader = evaluation.attribute_reader(
        unit(data.x_train), data.y_train, epochs=arguments.epochs, verbose=2
    )
    originals = evaluation.sharpness(x)
    print(f"{len(x)} held-out faces, {arguments.samples} samples; +- standard error")
    print(f"{'':<10}{'sharpness, of the originals':<32}{'attributes read, cosine':<24}")
    print(f"{'':<10}{'reconstructions':<17}{'samples':<15}{'with the true attributes'}")
    cosine = evaluation.attribute_similarity(reader.predict(x, verbose=0), y)
    print(f"{'originals':<10}{'1':<17}{'':<15}{words(evaluation.mean_and_error(cosine))}")
    see = evaluation.attribute_features(reader)
    seen, others = see(x), [f"grain of the originals: {mean_words(evaluation.grain(x))}"]
    rows, cosines = [x[: arguments.columns]], {}
    for name, folder in (("VAE", arguments.vae), ("VAE-GAN", arguments.vae_gan)):
        model = keras_vae.VAE.from_preset(folder)
        reconstructions = unit(model.reconstruct(data.x_test))
        samples = unit(model.sample(arguments.samples))
        read = reader.predict(reconstructions, verbose=0)
        cosines[name] = evaluation.attribute_similarity(read, y)
        ratios = [
            evaluation.ratio_of_means(evaluation.sharpness(images), originals, paired)
            for images, paired in ((reconstructions, True), (samples, False))
        ]
        line = [words(ratio) for ratio in ratios]
        line.append(words(evaluation.mean_and_error(cosines[name])))
        print(f"{name:<10}{line[0]:<17}{line[1]:<15}{line[2]}")
        frechet = evaluation.frechet_distance(seen, see(samples[: len(x)]))
        psnr = evaluation.peak_signal_to_noise(x, reconstructions)
        others.append(
            f"{name}: grain of reconstructions {mean_words(evaluation.grain(reconstructions))}"
            f", of samples {mean_words(evaluation.grain(samples))}; PSNR {mean_words(psnr)} "
            f"dB; Frechet distance on the reader's features {words(frechet)}"
        )
        rows += [reconstructions[: arguments.columns], samples[: arguments.columns]]
    difference = evaluation.mean_and_error(cosines["VAE-GAN"] - cosines["VAE"])
    print("\n".join(others))
    print(f"cosine of the VAE-GAN minus that of the VAE, paired: {words(difference)}")
    drawn, vae, vae_samples, gan, gan_samples = rows
    rows = [vae, gan, vae_samples, gan_samples]
    names = "reconstructions by VAE and VAE-GAN, samples of VAE and VAE-GAN"
    if not arguments.no_originals:
        rows, names = [drawn, *rows], f"originals, {names}"
    plots.save_image_grid(
        np.concatenate(rows), arguments.output, columns=arguments.columns, scale=2
    )
    print(f"wrote {arguments.output}: {names}")


if __name__ == "__main__":
    main()
