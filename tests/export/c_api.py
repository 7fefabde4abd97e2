"""TensorFlow's C library, without Python's TensorFlow.

The loader behind `TF_LoadSessionFromSavedModel` is the one that TensorFlow Serving uses. A
process that has loaded the library crashes when it imports TensorFlow.
"""

import contextlib
import ctypes

import numpy as np

# TF_DataType of tensorflow/c/tf_datatype.h.
NUMBERS = {"float32": 1, "int32": 3, "uint8": 4}
NAMES = {number: name for name, number in NUMBERS.items()}


class Output(ctypes.Structure):
    """TF_Output: an operation and the number of its result."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Library:
    """The functions of the C library that are called here."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        for name, result in [
            ("TF_NewStatus", ctypes.c_void_p),
            ("TF_Message", ctypes.c_char_p),
            ("TF_NewGraph", ctypes.c_void_p),
            ("TF_NewSessionOptions", ctypes.c_void_p),
            ("TF_LoadSessionFromSavedModel", ctypes.c_void_p),
            ("TF_GraphOperationByName", ctypes.c_void_p),
            ("TF_AllocateTensor", ctypes.c_void_p),
            ("TF_TensorData", ctypes.c_void_p),
            ("TF_TensorByteSize", ctypes.c_size_t),
            ("TF_Dim", ctypes.c_int64),
        ]:
            getattr(self.c, name).restype = result

    @contextlib.contextmanager
    def status(self):
        """A TF_Status for a call, whose error is raised. Threads must not share one."""
        status = ctypes.c_void_p(self.c.TF_NewStatus())
        try:
            yield status
            if self.c.TF_GetCode(status):
                raise RuntimeError(self.c.TF_Message(status).decode())
        finally:
            self.c.TF_DeleteStatus(status)

    def tensor(self, array):
        """A TF_Tensor with the values of an array."""
        sizes = (ctypes.c_int64 * array.ndim)(*array.shape)
        number = NUMBERS[array.dtype.name]
        tensor = ctypes.c_void_p(
            self.c.TF_AllocateTensor(
                number, sizes, array.ndim, ctypes.c_size_t(array.nbytes)
            )
        )
        data = np.ascontiguousarray(array).tobytes()
        if data:
            ctypes.memmove(self.c.TF_TensorData(tensor), data, len(data))
        return tensor

    def array(self, tensor):
        """A copy of the values of a TF_Tensor."""
        sizes = [self.c.TF_Dim(tensor, i) for i in range(self.c.TF_NumDims(tensor))]
        length = self.c.TF_TensorByteSize(tensor)
        data = ctypes.string_at(self.c.TF_TensorData(tensor), length) if length else b""
        dtype = NAMES[self.c.TF_TensorType(tensor)]
        return np.frombuffer(data, dtype).reshape(sizes)


class Model:
    """A SavedModel in a session, which threads may share."""

    def __init__(self, library, folder):
        self.library, self.c = library, library.c
        self.graph = ctypes.c_void_p(self.c.TF_NewGraph())
        with library.status() as status:
            self.session = ctypes.c_void_p(
                self.c.TF_LoadSessionFromSavedModel(
                    ctypes.c_void_p(self.c.TF_NewSessionOptions()),
                    None,
                    folder.encode(),
                    (ctypes.c_char_p * 1)(b"serve"),
                    1,
                    self.graph,
                    None,
                    status,
                )
            )

    def outputs(self, tensors):
        """TF_Outputs for names such as "encode_x:0"."""
        found = []
        for tensor in tensors:
            name, index = tensor.split(":")
            operation = self.c.TF_GraphOperationByName(self.graph, name.encode())
            assert operation, tensor
            found.append(Output(operation, int(index)))
        return (Output * len(found))(*found)

    def run(self, inputs, tensors):
        """Arrays of `tensors` for arrays by the names of tensors."""
        values = [self.library.tensor(array) for array in inputs.values()]
        results = (ctypes.c_void_p * len(tensors))()
        try:
            with self.library.status() as status:
                self.c.TF_SessionRun(
                    self.session,
                    None,
                    self.outputs(inputs),
                    (ctypes.c_void_p * len(values))(*(value.value for value in values)),
                    len(inputs),
                    self.outputs(tensors),
                    results,
                    len(tensors),
                    None,
                    0,
                    None,
                    status,
                )
            return [self.library.array(ctypes.c_void_p(one)) for one in results]
        finally:
            for one in (*values, *map(ctypes.c_void_p, results)):
                if one:
                    self.c.TF_DeleteTensor(one)
