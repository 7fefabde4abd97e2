"""`python -m keras_vae`: the command `keras-vae`, with the package imported first."""

from keras_vae.cli import main

if __name__ == "__main__":
    main()
