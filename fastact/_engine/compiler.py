"""Numba's compiler, less what no function of this package asks of it.

A first call waits for some hundred functions, a kernel's and those of the engine behind it. Most are parts of others:
Numba would optimise each of them, and make machine code of it, before it does so with the whole.
"""

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import AnnotateTypes

# Names, of which another version of Numba may lack some.
_IDLE = {
    "WithLifting",
    "InlineClosureLikes",
    "RewriteDynamicRaises",
    "MakeFunctionToJitFunction",
    "InlineInlinables",
    "FindLiterallyCalls",
    "LiteralUnroll",
    "LiteralPropagationSubPipelinePass",
    "InlineOverloads",
    "NopythonRewrites",
    "NoPythonSupportedFeatureValidation",
    "DumpParforDiagnostics",
}


class _PartsLibrary(JITCodeLibrary):
    """The LLVM code of a function that only others call: it is optimised, and made machine code of, with theirs."""

    @property
    def codegen(self):
        """What tells machine code where its Python objects are; these functions have none."""
        return self

    def set_env(self, name, env):
        """There is no machine code to tell."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name):
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=False, analysis_only=False)
class _ChooseLibrary(LoweringPass):
    _name = "fastact_choose_library"

    def __init__(self):
        LoweringPass.__init__(self)

    def run_pass(self, state):
        if state.flags.no_cfunc_wrapper and state.flags.no_cpython_wrapper:
            state.library = _PartsLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class Compiler(CompilerBase):
    """For functions without closures, comprehensions, whole arrays, ``with``, ``raise`` and ``literally``."""

    def define_pipelines(self):
        """Numba's passes, less the idle ones."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(each, what) for each, what in passes.passes if each.__name__ not in _IDLE]
        passes.add_pass_after(_ChooseLibrary, AnnotateTypes)
        passes.finalize()
        return [passes]
