"""Keras 3 on torch with its defaults, "adam" and batches of 32, around the same network, to an accuracy."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras

from tests.benchmarks.peers.target import Target


class Watch(keras.callbacks.Callback):
    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.model.stop_training = self.target.over(logs["val_accuracy"])


def main() -> None:
    target = Target()
    model = keras.Sequential([keras.Input(target.images.shape[1:]), keras.layers.TorchModuleWrapper(target.network())])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    train, held = target.loaders(32)
    model.fit(train, validation_data=held, epochs=1000, verbose=0, callbacks=[Watch(target)])
    target.tell()


if __name__ == "__main__":
    main()
