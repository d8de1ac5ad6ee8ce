"""What a call meets first: once there has been one, a C function that hands plain calls to a ufunc."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastact._lock import lock


class Fronted:
    """An object that a C function stands in front of (see `_engine.calls`), from its first call on.

    What the function does not take itself goes on to the class' own ``__call__``.
    """

    __call__: Callable[..., Any]

    def _front(self) -> tuple[Callable, Any]:
        """Make the function; with it comes what must live as long."""
        raise NotImplementedError

    def _own_class(self) -> type:
        return next(base for base in type(self).__mro__ if "_owned" not in vars(base))

    def _own_call(self) -> Callable:
        # Not `self.__call__`: that is the function.
        return partial(self._own_class().__call__, self)

    def _become(self, call: Callable, owned: Any = None) -> None:
        """Make `call`, which needs what is `owned` to stay alive, what calling this object does.

        Python looks ``__call__`` up on the class, so each object has a class of its own.
        """
        own = self._own_class()
        members = {"__call__": staticmethod(call), "__module__": own.__module__, "_owned": owned}
        self.__class__ = type(own.__name__, (own,), members)

    def _first_call(self, *args: Any, **keywords: Any) -> Any:
        # Make the function, then stand aside: once, since its words must outlive every call of it. (A comment: IPython
        # shows a call's docstring to people.)
        with lock:
            if vars(type(self))["_owned"] is None:
                self._become(*self._front())
        return self(*args, **keywords)
