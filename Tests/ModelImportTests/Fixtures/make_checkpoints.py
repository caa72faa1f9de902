#!/usr/bin/env python3
"""Writes small.zip.pth and small.stream.pth: one state dictionary in both formats of torch.save.

Needs Python's standard library alone. The pickles are written by Python's own pickler, through classes that stand
for those of PyTorch, so that the fixtures do not depend on our reading of the format.
"""
import collections
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def module(name):
    return sys.modules.setdefault(name, types.ModuleType(name))


torch, utils = module("torch"), module("torch._utils")
TYPES = {"Float": "f", "Double": "d", "Half": "e", "BFloat16": "H", "Long": "q"}
for kind in TYPES:
    storage = type(kind + "Storage", (), {"__module__": "torch"})
    setattr(torch, kind + "Storage", storage)


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError


def _rebuild_parameter(*arguments):
    raise NotImplementedError


for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__ = "torch._utils"
    setattr(utils, function.__name__, function)


class Storage:
    def __init__(self, key, kind, values):
        self.key, self.kind, self.values = key, kind, values

    def content(self):
        return struct.pack(f"<{len(self.values)}{TYPES[self.kind]}", *self.values)


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.arguments


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return _rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file, is_stream):
        super().__init__(file, protocol=2)
        self.is_stream = is_stream

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        fields = ("storage", getattr(torch, value.kind + "Storage"), value.key, "cuda:0", len(value.values))
        return fields + (None,) if self.is_stream else fields


def pickled(value, is_stream):
    file = io.BytesIO()
    Pickler(file, is_stream).dump(value)
    return file.getvalue()


shared = Storage("0", "Float", [float(n) for n in range(12)])
storages = [
    shared,
    Storage("1", "Double", [0.5, -1.25]),
    Storage("2", "Half", [1.5, -65504.0, 6e-8]),
    Storage("3", "BFloat16", [0x3FC0, 0xC2F7]),
    Storage("4", "Long", [41]),
]
state = collections.OrderedDict(
    plain=Tensor(shared, 0, (3, 4), (4, 1)),
    transposed=Tensor(shared, 0, (4, 3), (1, 4)),
    slice=Tensor(shared, 5, (2, 2), (4, 1)),
    parameter=Parameter(Tensor(storages[1], 0, (2,), (1,))),
    half=Tensor(storages[2], 0, (3,), (1,)),
    bfloat16=Tensor(storages[3], 0, (2, 1), (1, 7)),
    counter=Tensor(storages[4], 0, (), ()),
)
state._metadata = collections.OrderedDict([("", {"version": 1})])
folder = pathlib.Path(__file__).parent

with zipfile.ZipFile(folder / "small.zip.pth", "w", zipfile.ZIP_STORED) as archive:
    def add(name, content):
        archive.writestr(zipfile.ZipInfo("small/" + name, (1980, 1, 1, 0, 0, 0)), content)
    add("data.pkl", pickled({"epoch": 3, "state_dict": state, "lr": [0.1, None]}, False))
    add("byteorder", "little")
    for storage in storages:
        add("data/" + storage.key, storage.content())
    add("version", "3\n")

system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
with open(folder / "small.stream.pth", "wb") as file:
    for value in (0x1950A86A20F9469CFC6C, 1001, system, state, [storage.key for storage in storages]):
        file.write(pickled(value, True))
    for storage in storages:
        file.write(struct.pack("<q", len(storage.values)) + storage.content())
