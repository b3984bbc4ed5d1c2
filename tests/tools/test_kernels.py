"""What a compiled kernel depends on."""

import sys
from types import ModuleType

from collective._tools import compiled
from collective.engines.blocks import kernels as blocks_kernels


def test_a_kernel_is_compiled_again_if_what_it_calls_changes(tmp_path, monkeypatch):
    """numba looks at the file of the kernel alone, and would run the old helper."""

    def stamp(helper, kernel="def kernel(x):\n    return helper(x) + CONSTANT\n"):
        for name, text in (("made_helper", helper), ("made_kernel", kernel)):
            path = tmp_path / f"{name}.py"
            path.write_text(text)
            module = ModuleType(f"collective.{name}")
            module.__file__ = str(path)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            if name == "made_kernel":
                helping = sys.modules["collective.made_helper"]
                module.helper, module.CONSTANT = helping.helper, helping.CONSTANT
            exec(compile(text, str(path), "exec"), module.__dict__)
        compiled._version.cache_clear()
        return compiled._stamp(sys.modules["collective.made_kernel"].kernel)

    first = "CONSTANT = 1\n\n\ndef helper(x):\n    return 2 * x\n"
    before = stamp(first)
    assert before != stamp(first.replace("2 * x", "20 * x"))
    assert before != stamp(first.replace("CONSTANT = 1", "CONSTANT = 2"))
    compiled._version.cache_clear()


def test_the_stamp_of_a_kernel_holds_the_files_of_its_helpers():
    found = set()
    compiled._gather(blocks_kernels.first_pass.py_func, found, set())
    files = {text.split()[0] for text in found if text.startswith("collective.")}
    assert {"collective.engines.blocks.kernels", "collective.engines.numerics.lanes"} <= files
