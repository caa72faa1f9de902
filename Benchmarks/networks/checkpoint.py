"""Writes a dictionary of NumPy arrays as a PyTorch checkpoint (the zip format of torch.save), without PyTorch.

Python's own pickler does the writing, through stand-ins for the few names that such a pickle mentions.
"""
import collections
import io
import pickle
import sys
import types
import zipfile

import numpy

KINDS = {"float32": "FloatStorage", "int64": "LongStorage"}

torch = sys.modules.setdefault("torch", types.ModuleType("torch"))
utils = sys.modules.setdefault("torch._utils", types.ModuleType("torch._utils"))


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError("only written, never read")


_rebuild_tensor_v2.__module__ = "torch._utils"
utils._rebuild_tensor_v2 = _rebuild_tensor_v2
for name in KINDS.values():
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


class Tensor:
    def __init__(self, key, array):
        self.key, self.array = key, array

    def __reduce__(self):
        strides = tuple(stride // self.array.itemsize for stride in self.array.strides)
        hooks = collections.OrderedDict()
        return _rebuild_tensor_v2, (Storage(self), 0, self.array.shape, strides, False, hooks)


class Storage:
    def __init__(self, tensor):
        kind = getattr(torch, KINDS[str(tensor.array.dtype)])
        self.fields = ("storage", kind, tensor.key, "cpu", tensor.array.size)


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.fields if isinstance(value, Storage) else None


def write(path, arrays):
    """`arrays`: names to float32 or int64 arrays, in the order of the checkpoint."""
    tensors = {name: Tensor(str(key), numpy.ascontiguousarray(array).reshape(array.shape))
               for key, (name, array) in enumerate(arrays.items())}
    data = io.BytesIO()
    Pickler(data, protocol=2).dump(collections.OrderedDict(tensors))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        def add(entry, content):
            archive.writestr(zipfile.ZipInfo("archive/" + entry, (1980, 1, 1, 0, 0, 0)), content)
        add("data.pkl", data.getvalue())
        add("byteorder", "little")
        for tensor in tensors.values():
            add("data/" + tensor.key, tensor.array.tobytes())
        add("version", "3\n")
