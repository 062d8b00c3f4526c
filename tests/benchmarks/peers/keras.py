"""Keras 3 on torch, around the same network."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras

from tests.benchmarks.peers.task import EPOCHS, MOMENTUM, RATE, SIDE, Laps, Task


def main() -> None:
    task = Task()
    laps = Laps(task)
    model = keras.Sequential([keras.Input((1, SIDE, SIDE)), keras.layers.TorchModuleWrapper(task.network())])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), loss)
    train, held = task.loaders()
    model.fit(train, validation_data=held, epochs=EPOCHS, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=laps.mark)])
    laps.tell()


if __name__ == "__main__":
    main()
