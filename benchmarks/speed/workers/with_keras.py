"""Keras 3, on the backend that KERAS_BACKEND names; the tutorial's layers, model.fit."""

import keras
import numpy as np
from keras import layers, ops
from serving import parted, serve, settings

given = settings()
LATENT = {"conv": 2, "dense": 20}[given["network"]]
rows = np.load(given["data"]).astype("float32")[..., None] / 255
rows, test = parted(rows, given)


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, inputs):
        mean, log_variance = inputs
        kl = -0.5 * ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=1)
        self.add_loss(ops.mean(kl))
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * log_variance) * noise


def networks():
    x = keras.Input((28, 28, 1))
    z = keras.Input((LATENT,))
    if given["network"] == "dense":
        h = layers.Dense(400, activation="relu")(layers.Flatten()(x))
        g = layers.Dense(400, activation="relu")(z)
        p = layers.Reshape((28, 28, 1))(layers.Dense(784, activation="sigmoid")(g))
    else:
        conv = {"activation": "relu", "strides": 2, "padding": "same"}
        h = layers.Conv2D(64, 3, **conv)(layers.Conv2D(32, 3, **conv)(x))
        h = layers.Dense(16, activation="relu")(layers.Flatten()(h))
        g = layers.Reshape((7, 7, 64))(layers.Dense(3136, activation="relu")(z))
        g = layers.Conv2DTranspose(64, 3, **conv)(g)
        g = layers.Conv2DTranspose(32, 3, **conv)(g)
        p = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(g)
    encoder = keras.Model(x, [layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])
    decoder = keras.Model(z, p)
    return encoder, decoder, keras.Model(x, decoder(Sampling()(encoder(x))))


def loss(x, p):
    return ops.sum(keras.losses.binary_crossentropy(x, p), axis=(1, 2))


encoder, decoder, model = networks()
model.compile(optimizer=keras.optimizers.Adam(), loss=loss)


def training(count):
    x = rows[:count]
    history = model.fit(x, x, epochs=1, batch_size=given["batch"], verbose=0).history
    return float(history["loss"][-1])


def test_loss(count):
    x = test[:count]
    return float(model.evaluate(x, x, batch_size=500, verbose=0)) if len(x) else None


serve({
    "test loss": test_loss,
    "training": training,
    "encoding": lambda count: encoder.predict(rows[:count], batch_size=512, verbose=0),
    "sampling": lambda count: decoder.predict(
        np.random.normal(size=(count, LATENT)), batch_size=512, verbose=0
    ),
})  # fmt: skip
