"""Compile a function to an address, or take it from the disk.

Numba's own cache is not used: its key misses other files, options and constants, its index races between processes,
and its failures reach the user. Here every compiled function is one file, named by a hash of all that went into
it, written beside its place and renamed, and checked when it is read. Whatever goes wrong ends in a compilation.
"""

import contextlib
import functools
import gc
import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import time
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
from numba.core import serialize, sigutils
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.registry import cpu_target

from fastact._engine.compiler import Compiler
from fastact._lock import lock

PACKAGE = Path(__file__).resolve().parent.parent
UNUSED_DAYS = 30
_DIGEST_BYTES = 32
# Machine code lives as long as the process: ufuncs hold bare addresses of it.
_compiled = {}


@functools.cache
def source_stamp():
    """A hash of every source file of the package: helpers in other files are part of what a kernel is."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def user_cache_directory():
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@functools.cache
def cache_directory():
    """The folder of this version's compiled functions, or None where caching is off or impossible."""
    if os.environ.get("FASTACT_CACHE", "1") == "0":
        return None
    try:
        root = Path(os.environ.get("FASTACT_CACHE_DIR") or user_cache_directory() / "fastact")
        directory = root / source_stamp()[:16]
        if not directory.is_dir():
            directory.mkdir(parents=True, exist_ok=True)
            _remove_unused(root)
        os.utime(directory)
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None
    return directory


def _remove_unused(root):
    """Forget versions of the package that nobody has run for a month."""
    oldest = time.time() - UNUSED_DAYS * 86_400
    for directory in root.iterdir():
        if directory.is_dir() and len(directory.name) == 16 and directory.stat().st_mtime < oldest:
            shutil.rmtree(directory, ignore_errors=True)


class KernelCache:
    """One function's place on the disk, with the two methods that Numba asks of a cache."""

    def __init__(self, name, signature, options):
        directory = cache_directory()
        codegen = cpu_target.target_context.codegen()
        key = (
            name,
            str(signature),
            sorted(options.items()),
            codegen.magic_tuple(),
            numba.__version__,
            llvmlite.__version__,
            llvmlite.binding.llvm_version_info,
            sys.version_info[:3],
            [numba.config.OPT, numba.config.LOOP_VECTORIZE, numba.config.SLP_VECTORIZE],
        )
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        self.path = directory / f"{name}-{digest}.bin" if directory else None

    def load_overload(self, signature, target_context):
        """The compiled function, or None."""
        if self.path is None:
            return None
        target_context.refresh()
        try:
            content = self.path.read_bytes()
            digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if hashlib.sha256(payload).digest() != digest:
                return None
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # a file from elsewhere can fail in any way; all of them mean: compile
            return None

    def save_overload(self, signature, result):
        """Write the compiled function, whole or not at all."""
        if self.path is None:
            return
        try:
            payload = serialize.dumps(result._reduce())
            _write_whole(self.path, hashlib.sha256(payload).digest() + payload)
        except Exception:  # a full disk, a vanished folder, something that cannot be pickled: run uncached
            return


def _write_whole(path, content):
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextlib.contextmanager
def _collector_at_rest():
    """Compilers make many objects that live long: to look through them for garbage takes 5 % of a compilation."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def compile_function(function, signature, name, **options):
    """The compiled form of `function`: once per process and name, from the disk where it can be.

    Parameters
    ----------
    function : callable
        What to compile. Two functions of one name must be the same function.
    signature : str or numba signature
        Its C signature.
    name : str
        What it is, in characters that a file name may have.
    **options
        Numba's options, part of the key.

    Returns
    -------
    numba.core.ccallback.CFunc
        Its ``address`` stays valid until the process ends.
    """
    with lock:
        if name not in _compiled:
            options = {"error_model": "numpy", "nogil": True, **options}
            function.__qualname__ = name  # its symbol's, for the reason that `inlined.own_symbol` gives
            types = sigutils.normalize_signature(signature)
            compiled = CFunc(function, types, locals={}, options=options, pipeline_class=Compiler)
            compiled._cache = KernelCache(name, signature, options)
            with _collector_at_rest():
                compiled.compile()
            _compiled[name] = compiled
        return _compiled[name]


def compiled_functions():
    """Every function compiled or loaded so far in this process, by name."""
    return dict(_compiled)
