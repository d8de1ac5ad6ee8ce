"""The programs of a function along an axis: what a kernel does for an element, for two partial sums, for a row.

They are made of the same formulas, by the same rules, as the processor's kernels: `_engine.row_kernels` explains both.
Numbers that rows keep (sums, thresholds, what results need) travel as float64, in one or two parts each.

Sums of a long row are found along with its largest element, each for the largest one so far. What becomes of them when
that grows is told by their names in the row's formula: see `RAISED`.
"""

import functools
import inspect

from fastact._definition import registry
from fastact._engine.cores import Cores
from fastact._engine.row_kernels import SINGLE, Formulas, precision_of
from fastact._math import arithmetic, working
from fastact.cuda import single
from fastact.cuda.tracing import Number, pair, select, trace, traced

#: The parts of a number that a row keeps, by the dtype of its elements.
PARTS = {"float32": 1, "float64": 2}


def _others(sums, shrink, rise):
    """Once another element is the largest, the last ones are among the others."""
    return (sums["others"] + sums["ties"]) * shrink


#: What becomes of a sum as its row's largest element grows, by the sum's name: a function of all sums by their names,
#: of the exponential that the last largest element has now, and of the difference between the two.
RAISED = {
    "total": lambda sums, shrink, rise: sums["total"] * shrink,
    "weighted": lambda sums, shrink, rise: sums["weighted"] * shrink,
    "others": _others,
    "ties": lambda sums, shrink, rise: 0.0,
    "total_grad": lambda sums, shrink, rise: sums["total_grad"],
    "whole": lambda sums, shrink, rise: sums["whole"],
    "distance": lambda sums, shrink, rise: sums["distance"] + traced(working.vanishing_product)(sums["whole"], rise),
}


def entered(parts, computed_in):
    """A number in working precision, from its parts or from an element."""
    hi, *rest = parts
    if computed_in == "float64":
        return pair(hi, rest[0] if rest else 0.0)
    if computed_in == SINGLE:
        return single.pair_of(hi, rest[0]) if rest else single.Single(hi.to("float32"))
    return hi.to("float64")


def kept(value, dtype, like):
    """A number in working precision as the parts that a row keeps."""
    if isinstance(value, single.Single):
        value = value.hi
    hi, lo = traced(working.parts)(value)
    parts = (hi, lo) if dtype == "float64" else (hi,)
    return tuple(part.to("float64") if isinstance(part, Number) else like.constant(part, "float64") for part in parts)


def rounded(value, dtype, like):
    """A number in working precision as an element, rounded once."""
    if isinstance(value, single.Single):
        return value.hi
    if not isinstance(value, Number) and type(value) in (int, float):
        return like.constant(value, dtype)
    if dtype == "float64":
        return traced(arithmetic.rounded)(*traced(working.parts)(value))
    return value.to("float32")


class _Inputs:
    """The inputs of a program that is being traced, taken from the front."""

    def __init__(self, numbers):
        self._left = list(numbers)

    def take(self, count=1):
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def one(self):
        return self.take()[0]


class RowPrograms:
    """All programs of one direction of a function along an axis, for elements of a dtype.

    Attributes
    ----------
    terms, result : str
        What these formulas are computed in: a dtype's working precision, or float32 itself.
    sum_parts, online_parts, constant_parts, threshold_parts : int
        How many float64 a row's sums, those of `accumulate_online`, constants and threshold are.
    is_online : bool
        Whether sums can be found along with the largest element.
    """

    def __init__(self, formulas, name, direction, dtype):
        self.formulas, self.dtype, self.name = formulas, dtype, name
        self.parts = PARTS[dtype]
        self.terms_in, self.result_in = (
            precision_of(name, formula, dtype) if name in registry else dtype
            for formula in (f"{direction}_terms", direction)
        )
        self.constant_each = 2 if self.result_in == SINGLE else self.parts
        self.sum_parts = self.parts * formulas.sum_count
        names = () if formulas.in_order else tuple(inspect.signature(formulas.row).parameters)
        self._sums = self._online_sums = names[len(names) - formulas.sum_count :]
        if "distance" in self._sums and "whole" not in self._sums:  # a row is told that, but not a part of it
            self._online_sums = (*self._sums, "whole")
        self.online_parts = self.parts * len(self._online_sums)
        # A threshold is found of the largest element, and sums of the threshold.
        needs_only_extreme = formulas.extreme is not None and not formulas.needs_threshold
        self.is_online = needs_only_extreme and bool(self._sums) and RAISED.keys() >= set(self._sums)
        self.threshold_sum_parts = self.parts * formulas.threshold_term_count
        self.threshold_parts = self.parts if formulas.needs_threshold else 0
        self.constant_parts = 0 if formulas.in_order else self.constant_each * formulas.constant_count
        self.row_results = formulas.cores.operands - formulas.cores.end_along

    # Inputs of one kind: rows' own numbers are float64, elements of the dtype.

    def _kinds(self, numbers=0, elements=0, known=True):
        kinds = ("float64",) * numbers + (self.dtype,) * elements
        return kinds + ((self.dtype,) + ("float64",) * self.threshold_parts if known else ())

    def _known(self, inputs, computed_in):
        """What formulas take of a row besides its elements."""
        known = [entered([inputs.one()], computed_in)]
        if self.threshold_parts:
            known.append(entered(inputs.take(self.threshold_parts), self.dtype))
        return known

    def _added(self, sums, terms, program):
        """Sums, with a term more each."""
        added = []
        for total, term in zip(sums, terms, strict=True):
            value = term.hi.to("float64") if isinstance(term, single.Single) else term
            added += kept(entered(total, self.dtype) + value, self.dtype, program)
        return added

    def _accumulating(self, formula, computed_in, asked, elements, count, counts_ties=False, distance=None):
        """Add an element's terms to sums, if it is one of the row; and what a distance among them is a multiple of."""
        run = traced(formula)
        kinds = (*self._kinds(asked, elements), *["float64"] * (self.parts * count), "bool")

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            numbers = [entered([each], computed_in) for each in inputs.take(asked)]
            values = [entered([each], computed_in) for each in inputs.take(elements)]
            known = self._known(inputs, computed_in)
            terms = run(*numbers, *values, *known)
            if counts_ties:
                terms = (*terms, select(values[-1] >= known[0], 1.0, 0.0))
            if distance is not None:  # of a distance of 1 it is the term
                apart = [entered([program.constant(each, self.dtype)], computed_in) for each in (0.0, 1.0)]
                terms = (*terms, run(*numbers, *values[:-1], *apart)[distance])
            sums = [inputs.take(self.parts) for _ in range(count)]
            added = self._added(sums, terms, program)
            before = [part for total in sums for part in total]
            belongs = inputs.one()
            return [select(belongs, new, old) for new, old in zip(added, before, strict=True)]

        return trace(step, kinds, "float64")

    def _accumulating_terms(self, sums, *distance):
        formulas, asked = self.formulas, len(self.formulas.terms_ask)
        of_terms = formulas.inputs, len(sums), formulas.counts_ties
        return self._accumulating(formulas.terms, self.terms_in, asked, *of_terms, *distance)

    @functools.cached_property
    def accumulate(self):
        """Numbers of the row, elements, what is known, sums, whether the element counts: the new sums."""
        return self._accumulating_terms(self._sums)

    @functools.cached_property
    def accumulate_online(self):
        """As `accumulate`, for the sums that are found along with the largest element."""
        if self._online_sums == self._sums:
            return self.accumulate
        return self._accumulating_terms(self._online_sums, self._sums.index("distance"))

    @functools.cached_property
    def accumulate_threshold(self):
        """As `accumulate`, for the sums that raise the threshold."""
        formulas = self.formulas
        return self._accumulating(formulas.threshold_terms, self.dtype, 0, 1, formulas.threshold_term_count)

    @functools.cached_property
    def raise_largest(self):
        """Sums of `accumulate_online`, the largest element that they are for, a larger one: the sums for that.

        What the first term is of the one below the other all exponentials are multiplied by. It is computed in working
        precision where terms are not, since sums are multiplied many times.
        """
        formulas, run = self.formulas, traced(self.formulas.terms)
        others = [0.0] * (len(formulas.terms_ask) + formulas.inputs - 1)

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            sums = {name: entered(inputs.take(self.parts), self.dtype) for name in self._online_sums}
            last, largest = (entered([inputs.one()], self.dtype) for _ in range(2))
            shrink = run(*others, last, largest)[0]
            rise = largest - last if formulas.extreme == "largest" else last - largest
            raised = [RAISED[name](sums, shrink, rise) for name in sums]
            return [part for total in raised for part in kept(total, self.dtype, program)]

        return trace(step, ("float64",) * self.online_parts + (self.dtype,) * 2, "float64")

    def merge(self, count):
        """Two sets of `count` sums: their sums."""

        def step(*given):
            half, merged = len(given) // 2, []
            for i in range(0, half, self.parts):
                mine, others = given[i : i + self.parts], given[half + i : half + i + self.parts]
                merged += kept(entered(mine, self.dtype) + entered(others, self.dtype), self.dtype, given[0].program)
            return merged

        return trace(step, ("float64",) * (2 * self.parts * count), "float64")

    @functools.cached_property
    def extreme(self):
        """Two elements: the more extreme one; NaN is more extreme than any."""
        is_smallest = self.formulas.extreme == "smallest"

        def step(a, b):
            beyond = b < a if is_smallest else b > a
            return (select(beyond | (b != b), b, a),)

        return trace(step, (self.dtype, self.dtype), self.dtype)

    @functools.cached_property
    def first(self):
        """An element, the largest, the element's place and the first place so far: the first place of a largest one."""

        def step(x, largest, place, first):
            is_largest = (x >= largest) & (x <= largest) | (x != x)
            return (select(is_largest & (place < first), place, first),)

        return trace(step, (self.dtype, self.dtype, "float64", "float64"), self.dtype)

    @functools.cached_property
    def raise_threshold(self):
        """Sums and the threshold: the new threshold, and 1 if it has changed."""
        run = traced(self.formulas.threshold_step)
        zero_if_not_positive = traced(working.where)

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            sums = [entered(inputs.take(self.parts), self.dtype) for _ in range(self.formulas.threshold_term_count)]
            last = entered(inputs.take(self.parts), self.dtype)
            rise = run(*sums)
            threshold = last + zero_if_not_positive(rise <= 0.0, 0.0, rise)
            return (*kept(threshold, self.dtype, program), select(threshold - last > 0.0, 1.0, 0.0))

        kinds = ("float64",) * (self.threshold_sum_parts + self.threshold_parts)
        return trace(step, kinds, "float64")

    @functools.cached_property
    def row(self):
        """Numbers, the element at the label, what is known, sums: the row's own results, and what others need."""
        formulas, run = self.formulas, traced(self.formulas.row)
        asked, label = len(formulas.row_ask), formulas.label >= 0

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            numbers = [entered([each], self.dtype) for each in inputs.take(asked)]
            at_label = [entered([each], self.dtype) for each in inputs.take(label)]
            known = self._known(inputs, self.dtype)
            sums = [entered(inputs.take(self.parts), self.dtype) for _ in range(formulas.sum_count)]
            made = run(*numbers, *at_label, *known, *sums)
            results = [_as_float64(each, self.dtype, program) for each in made[: self.row_results]]
            for each in made[self.row_results :]:
                results += self._constant(each, program)
            return results

        kinds = (*self._kinds(asked, label), *["float64"] * self.sum_parts)
        return trace(step, kinds, "float64")

    def _constant(self, value, program):
        if self.result_in == SINGLE:
            return [each.to("float64") for each in single.halves(value, program)]
        return kept(value, self.dtype, program)

    @functools.cached_property
    def result(self):
        """Numbers for terms and for results, elements, what is known, constants, flags: the element's results."""
        formulas = self.formulas
        if formulas.in_order:
            return self._winner_result()
        run, terms = traced(formulas.result), traced(formulas.terms)
        for_terms, asked = len(formulas.terms_ask), len(formulas.result_ask)

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            term_numbers = [entered([each], self.terms_in) for each in inputs.take(for_terms)]
            numbers = [entered([each], self.result_in) for each in inputs.take(asked)]
            elements, threshold = inputs.take(formulas.inputs), []
            largest = inputs.one()
            threshold = inputs.take(self.threshold_parts)
            constants = [inputs.take(self.constant_each) for _ in range(formulas.constant_count)]
            own = ()
            if formulas.needs_kept:
                known = self._known(_Inputs([largest, *threshold]), self.terms_in)
                own = terms(*term_numbers, *(entered([each], self.terms_in) for each in elements), *known)[:1]
                own = tuple(self._as_result(each) for each in own)
            else:
                own = (0.0,)
            flags = inputs.take() if formulas.compared_label >= 0 else []
            values = [entered([each], self.result_in) for each in elements]
            constants = [entered(each, self.result_in) for each in constants]
            results = run(*numbers, *values, *own, *flags, *constants)
            results = results if isinstance(results, tuple) else (results,)
            return [rounded(each, self.dtype, program) for each in results]

        kinds = (
            *self._kinds(for_terms + asked, formulas.inputs),
            *["float64"] * self.constant_parts,
            *["bool"] * (formulas.compared_label >= 0),
        )
        return trace(step, kinds, "float64")

    def _as_result(self, term):
        """The kept term, in what results are computed in."""
        if self.result_in == SINGLE or not isinstance(term, single.Single):
            return term
        return term.hi.to("float64")

    def _winner_result(self):
        formulas, run = self.formulas, traced(self.formulas.result)

        def step(*given):
            inputs, program = _Inputs(given), given[0].program
            numbers = [entered([each], self.dtype) for each in inputs.take(len(formulas.numbers))]
            values = [entered([each], self.dtype) for each in inputs.take(formulas.inputs)]
            largest, won = entered(inputs.take(), self.dtype), inputs.one()
            return [rounded(run(*numbers, *values, largest, won), self.dtype, program)]

        kinds = (*self._kinds(len(formulas.numbers), formulas.inputs), "bool")
        return trace(step, kinds, "float64")


def _as_float64(value, dtype, program):
    """A row's own result, which is stored as float64 or rounded from it."""
    if dtype == "float64":
        return traced(arithmetic.rounded)(*traced(working.parts)(value))
    return value.to("float64") if isinstance(value, Number) else program.constant(value, "float64")


@functools.cache
def row_programs(name, direction, dtype):
    """The programs of a registered function's direction."""
    cores = Cores(registry[name].cores_of(direction))
    return RowPrograms(Formulas(name, direction, cores), name, direction, dtype)
