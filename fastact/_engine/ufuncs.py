"""Real NumPy ufuncs, made through NumPy's public C API: no C compiler, no extension module.

The table of function pointers that NumPy exports to extensions is read with ctypes. A ufunc made by it has
everything NumPy's own have, ``where=`` too.
"""

import ctypes
import functools

from numpy._core import _multiarray_umath

from fastact._definition import NATIVE_DTYPES, registry
from fastact._engine import driver, rows
from fastact._engine.programs import Program, RowsProgram, bfloat16, operand_count

_FROM_FUNC_AND_DATA, _REGISTER_LOOP_FOR_TYPE, _FROM_FUNC_AND_DATA_AND_SIGNATURE = (
    1,
    2,
    31,
)  # slots of NumPy's table, fixed for ever
_NO_IDENTITY = -1
# PyUFuncObject's `obj`: what the ufunc keeps alive. Before it lie the object's head, four ints, two pointers, two ints
# and four pointers.
_OWNED_OFFSET = 2 * ctypes.sizeof(ctypes.c_void_p) + 4 * 4 + 2 * 8 + 2 * 4 + 4 * 8


@functools.cache
def _table():
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get_pointer(_multiarray_umath._UFUNC_API, None), ctypes.POINTER(ctypes.c_void_p))


def _api(slot, result, *arguments):
    return ctypes.PYFUNCTYPE(result, *arguments)(_table()[slot])


def _give(ufunc, owned):
    """Make the ufunc own a Python object, which dies with it and not before."""
    place = ctypes.c_void_p.from_address(id(ufunc) + _OWNED_OFFSET)
    if place.value is not None:
        raise RuntimeError(
            "NumPy's ufunc object has another layout than fastact knows; please report your NumPy version"
        )
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(owned))
    place.value = id(owned)


def make_ufunc(name, inputs, results, loops, doc, signature=None):
    """A `numpy.ufunc` with one loop per program.

    Parameters
    ----------
    name : str
        What it calls itself.
    inputs, results : int
        Operands and results.
    loops : list of (int, Program)
        The address of each inner loop and its program, in the order in which NumPy is to try them.
    doc : str
        Its docstring.
    signature : str, optional
        Of a generalised ufunc's core dimensions.

    Returns
    -------
    tuple of (numpy.ufunc, list)
        The list is the ufunc's own: what is added to it lives as long.
    """
    count = len(loops)
    functions = (ctypes.c_void_p * count)(*[function for function, _ in loops])
    datas = (ctypes.c_void_p * count)(*[program.address for _, program in loops])
    codes = ctypes.create_string_buffer(bytes(dtype.num for _, program in loops for dtype in program.dtypes))
    name, doc = ctypes.create_string_buffer(name.encode()), ctypes.create_string_buffer(doc.encode())
    owned = [functions, datas, codes, name, doc, [program for _, program in loops]]
    addresses = [ctypes.addressof(part) for part in (functions, datas, codes)]
    texts = [ctypes.addressof(text) for text in (name, doc)]
    types = [*[ctypes.c_void_p] * 3, *[ctypes.c_int] * 4, *[ctypes.c_void_p] * 2, ctypes.c_int]
    arguments = [*addresses, count, inputs, results, _NO_IDENTITY, *texts, 0]
    if signature is None:
        ufunc = _api(_FROM_FUNC_AND_DATA, ctypes.py_object, *types)(*arguments)
    else:
        create = _api(_FROM_FUNC_AND_DATA_AND_SIGNATURE, ctypes.py_object, *types, ctypes.c_char_p)
        ufunc = create(*arguments, signature.encode())
    _give(ufunc, owned)
    return ufunc, owned


class _Direction:
    """What has a ufunc with one loop per dtype."""

    def _make_ufunc(self, ufunc_name, results, signature=None):
        doc = f"The ufunc behind fastact.{self.name}, {self.direction}; see there."
        loops = [(self.loop, self.program(self.dtypes(dtype))) for dtype in NATIVE_DTYPES]
        ufunc, owned = make_ufunc(ufunc_name, self.inputs, results, loops, doc, signature)
        if bfloat16() is not None:
            owned.append(self._add_loop(ufunc, bfloat16()))
        return ufunc

    def _add_loop(self, ufunc, dtype):
        """Add a loop for a dtype that is not NumPy's own; return what must live as long as the ufunc."""
        program = self.program(self.dtypes(dtype))
        types = [ctypes.py_object, ctypes.c_int, *[ctypes.c_void_p] * 3]
        register = _api(_REGISTER_LOOP_FOR_TYPE, ctypes.c_int, *types)
        codes = (ctypes.c_int * self.operands)(*[each.num for each in program.dtypes])
        register(ufunc, dtype.num, self.loop, ctypes.addressof(codes), program.address)
        return program, codes


class Elementwise(_Direction):
    """One direction of one element-wise activation: its ufunc, and its programs by dtype.

    Parameters
    ----------
    name, direction : str
        The activation and what to compute.
    constants : tuple or None
        The parameters in two parts each, or None where they are operands.
    ufunc_name : str
        What the ufunc calls itself.
    """

    def __init__(self, name, direction, constants, ufunc_name):
        self.name, self.direction, self.constants = name, direction, constants
        self.inputs, self.results = operand_count(name, direction, constants), registry[name].results(direction)
        self.operands = self.inputs + self.results
        self.loop, self._programs = driver.ufunc_loop_address(), {}
        self.ufunc = self._make_ufunc(ufunc_name, self.results)

    def dtypes(self, dtype):
        """Each operand's dtype where arrays have this one."""
        return (dtype,) * self.operands

    def program(self, dtypes):
        """The program for these dtypes."""
        if dtypes not in self._programs:
            self._programs[dtypes] = Program(self.name, self.direction, dtypes, self.constants)
        return self._programs[dtypes]


class Axiswise(_Direction):
    """One direction of one function along an axis: its generalised ufunc.

    Parameters
    ----------
    name, direction : str
        The function and what to compute.
    cores : Cores
        Its core dimensions.
    """

    def __init__(self, name, direction, cores, ufunc_name):
        self.name, self.direction, self.cores = name, direction, cores
        self.inputs, self.operands, self.dtypes = cores.inputs, cores.operands, cores.dtypes
        self.loop = rows.gufunc_loop_address()
        self.ufunc = self._make_ufunc(ufunc_name, self.operands - self.inputs, cores.signature)

    def program(self, dtypes):
        """The program for these dtypes."""
        return RowsProgram(self.name, self.direction, dtypes, self.cores)
