"""A condition that is added to a network's output for x."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable("keras_vae")
class PlusCondition(keras.layers.Layer):
    """Adds a linear map of a condition y to features h of x.

    After a `Dense` layer without activation this is one `Dense` layer of x and y together.
    But y may have several rows for each of h, such as all classes: then the output for x is
    shared by all of them.

    Example:
        >>> h, y = np.ones((2, 3)), np.eye(4)
        >>> PlusCondition()([h, y]).shape
        TensorShape([4, 3])
    """

    def build(self, input_shape):
        """Creates the map [size of y, size of h]."""
        (*_, units), (*_, size) = input_shape
        self.kernel = self.add_weight((size, units), name="kernel")
        self.built = True

    def call(self, inputs):
        """Adds.

        Args:
            inputs: Features h [B, units], and conditions y [M * B, size]: M for each row
                of h, all rows with their first one, then all with their second one.

        Returns:
            Tensor [M * B, units].
        """
        h, y = inputs
        ops, units = keras.ops, h.shape[-1]
        size, rows = ops.shape(h)[0], ops.shape(y)[0]
        # A replica may have no examples at all.
        several = (rows // ops.maximum(size, 1), size, units)
        added = ops.reshape(ops.matmul(y, self.kernel), several)
        return ops.reshape(added + h, (-1, units))

    def compute_output_shape(self, input_shape):
        """The shape of the sum."""
        (*_, units), (rows, _) = input_shape
        return (rows, units)
