"""What a CUDA graph does, on any device: record the operations of some work, and do them again.

As there, recording leaves everything as it was; playing repeats the operations on the tensors that
were there, with the Python numbers that were there; asking for a number while recording is an error;
noise comes from the generators as they are when it is played.
"""

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tape:
    """A recorder (see vaekit.training.cuda_graphs)."""

    def __init__(self):
        self.recordings = self.plays = 0

    def side_stream(self):
        return nullcontext()

    def capture(self, work):
        with Taping() as tape:
            work()
        tape.undo()
        self.recordings += 1

        def play():
            self.plays += 1
            tape.play()

        return play


class Taping(TorchDispatchMode):
    """Runs operations and keeps them."""

    def __init__(self):
        super().__init__()
        self.calls, self.before, self.made = [], {}, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func.overloadpacket.__name__ == "_local_scalar_dense":
            raise RuntimeError("operation not permitted when stream is capturing")
        for tensor in written(func, args, kwargs):
            place = tensor.untyped_storage().data_ptr()
            if place not in self.made and place not in self.before:
                self.before[place] = (tensor, whole(tensor).clone())
        out = func(*args, **kwargs)
        given = {t.untyped_storage().data_ptr() for t in tensors(args, kwargs)}
        fresh = [t for t in tensors(out) if t.untyped_storage().data_ptr() not in given]
        self.made |= {t.untyped_storage().data_ptr() for t in fresh}
        self.calls.append((func, args, kwargs, out, fresh))
        return out

    @torch.no_grad()
    def undo(self):
        """Everything as it was before."""
        for tensor, value in self.before.values():
            whole(tensor).copy_(value)

    @torch.no_grad()
    def play(self):
        with torch._C._AutoDispatchBelowAutograd():
            for func, args, kwargs, out, fresh in self.calls:
                if torch.Tag.inplace_view in func.tags:
                    continue  # the same numbers, which have their new shape from the recording on
                if not fresh and not written(func, args, kwargs):
                    continue  # a view of what is there
                again = tensors(func(*args, **kwargs))
                for old, new in zip(tensors(out), again, strict=True):
                    if any(old is f for f in fresh):
                        whole(old).copy_(whole(new))


def tensors(*nested):
    return [leaf for leaf in tree_leaves(nested) if isinstance(leaf, Tensor)]


def whole(tensor):
    """All of the storage that a tensor shows a part of."""
    size = tensor.untyped_storage().nbytes() // tensor.element_size()
    return tensor.detach().as_strided((size,), (1,), 0)


def written(func, args, kwargs):
    """The tensors that an operation changes."""
    found = []
    for number, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[number] if number < len(args) else kwargs.get(argument.name)
            found += tensors(value)
    return found
