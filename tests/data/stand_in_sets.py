"""Stand-ins for the named sets that come as files: right shapes, no real pictures."""

import numpy as np

PIXELS = {
    "mnist": (28, 28),
    "fashion_mnist": (28, 28),
    "binarized_mnist": (28, 28),
    "cifar10": (32, 32, 3),
    "frey_faces": (28, 20),
    "celeba_10k": (64, 64, 3),
}


def numbered(start, stop, shape):
    """Black images of which the first 17 pixels spell the row's number in bits."""
    x = np.zeros((stop - start, *shape), np.uint8)
    rows = np.arange(start, stop)[:, np.newaxis]
    x.reshape(len(x), -1)[:, :17] = rows >> np.arange(17) & 1
    return x


def numbers(x):
    """Reads what `numbered` wrote."""
    return x.reshape(len(x), -1)[:, :17].astype(int) @ (1 << np.arange(17))


def stand_in(name):
    """Arrays of the layout of `<name>.npz`; labels are the row number modulo 10."""
    shape = PIXELS[name]
    if name == "frey_faces":
        return {"images": numbered(0, 1965, shape)}
    if name == "binarized_mnist":
        return {
            "x_train": numbered(0, 50000, shape),
            "x_validation": numbered(50000, 60000, shape),
            "x_test": numbered(60000, 70000, shape),
        }
    train = {"cifar10": 50000, "celeba_10k": 9000}.get(name, 60000)
    total = train + {"celeba_10k": 1000}.get(name, 10000)
    arrays = {
        "x_train": numbered(0, train, shape),
        "x_test": numbered(train, total, shape),
    }
    labels = (np.arange(total) % 10).astype(np.uint8)
    if name == "celeba_10k":
        labels = numbered(0, total, (40,))
        return arrays | {
            "attributes_train": labels[:train],
            "attributes_test": labels[train:],
            "attribute_names": np.array([f"attribute_{i}" for i in range(40)]),
        }
    return arrays | {"y_train": labels[:train], "y_test": labels[train:]}
