"""Keras's LSTM and max pooling layers on faster TensorFlow operations: the same weights, the same results.

Keras runs its LSTM on a CPU as a loop of small operations, one round a day. ``BlockLSTM`` does all
days in one operation, and ``BlockLSTMGrad`` their gradient. Its gates are ordered input, cell, forget,
output; Keras orders them input, forget, cell, output (equations: thesis section 4.3.2).

The gradient of TensorFlow's max pooling searches every window for its maximum again; for windows of
one to three days it takes longer than the convolution before it.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any

from lib.networks import runtime


def _gates_in_block_order(weights: Any) -> Any:
    import tensorflow as tf

    i, f, c, o = tf.split(weights, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)


@cache
def lstm() -> type:
    """The class ``FusedLSTM``, a ``keras.layers.LSTM`` with the same arguments and weights.

    It is made at the first call, as TensorFlow may be imported only after ``runtime.start``. It
    supports what the four networks use: default activations, no mask, no recurrent dropout, no
    initial state. Its dropout arguments are Keras's own and stay off here.
    """
    keras = runtime.keras()
    import tensorflow as tf
    from tensorflow.python.ops import rnn_grad  # noqa: F401  registers the gradient of BlockLSTM

    class FusedLSTM(keras.layers.LSTM):
        def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
            cell = self.cell
            weights = tf.concat([cell.kernel.value, cell.recurrent_kernel.value], axis=0)
            no_peephole = tf.zeros([self.units], sequences.dtype)
            days_first = tf.transpose(sequences, [1, 0, 2])
            out = tf.raw_ops.BlockLSTM(
                seq_len_max=tf.shape(days_first, out_type=tf.int64)[0],
                x=days_first,
                cs_prev=initial_state[1],
                h_prev=initial_state[0],
                w=_gates_in_block_order(weights),
                b=_gates_in_block_order(cell.bias.value),
                wci=no_peephole,
                wcf=no_peephole,
                wco=no_peephole,
                # Keras has its forget bias in the bias itself; a clip below zero clips nothing.
                forget_bias=0.0,
                cell_clip=-1.0,
                use_peephole=False,
            )
            last = out.h[-1]
            shown = tf.transpose(out.h, [1, 0, 2]) if self.return_sequences else last
            return last, shown, [last, out.cs[-1]]

    return FusedLSTM


@cache
def max_pooling() -> type:
    """The class ``FastMaxPooling1D``, a ``keras.layers.MaxPooling1D`` with the same arguments, equal to the last bit.

    It supports what the four networks use: padding ``same``, strides as long as the pool, features
    last, a known number of days.
    """
    keras = runtime.keras()
    import tensorflow as tf

    class FastMaxPooling1D(keras.layers.MaxPooling1D):
        def call(self, inputs: Any) -> Any:
            (size,) = self.pool_size
            if size == 1:
                return inputs
            _, days, features = inputs.shape
            missing = -days % size
            padded = tf.pad(
                inputs, [[0, 0], [missing // 2, missing - missing // 2], [0, 0]], constant_values=-float("inf")
            )
            # Of equal values the first one takes the gradient, as in TensorFlow's own pooling.
            return reduce(
                tf.maximum, tf.unstack(tf.reshape(padded, [-1, (days + missing) // size, size, features]), axis=2)
            )

    return FastMaxPooling1D


def portable(model: Any) -> Any:
    """The same network with Keras's own layers and the same weights.

    What is saved should load anywhere, without this project.
    """
    keras = runtime.keras()

    def plain(old: Any) -> Any:
        kind = {lstm(): keras.layers.LSTM, max_pooling(): keras.layers.MaxPooling1D}.get(type(old), type(old))
        return kind.from_config(old.get_config())

    copy = keras.models.clone_model(model, clone_function=plain)
    copy.set_weights(model.get_weights())
    return copy
