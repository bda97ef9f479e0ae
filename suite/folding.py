"""Folding: a Python source with everything decided that a SacSpec decides. libcst keeps comments and layout."""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import libcst as cst

from suite import spec as spec_module
from suite.spec import SacSpec

KEPT = ("hidden", "batch_size", "dtype", "precision")
"""Fields that stay: a copy of any size computes alike, and so it can be compared with its engine at a small one."""

ROOTS = ("init", "act", "update", "explain", "get_params", "set_params", "device", "FRAMEWORK")
"""The names of an engine that others use (suite.contract.Implementation)."""


class OpenError(Exception):
    """What was asked for is not known before the run."""


class Precision:
    """A copy computes in float32 or float64 as it is told, but rounds nothing to bfloat16."""

    def __eq__(self, other: object) -> bool:
        if other == "bfloat16_hidden":
            return False
        raise OpenError

    __hash__ = None


class Tableau:
    """A spec without what a copy leaves open."""

    def __init__(self, spec: SacSpec):
        self._spec = spec

    def __getattr__(self, name: str) -> Any:
        if name == "precision":
            return Precision()
        if name in KEPT:
            raise OpenError
        return getattr(self._spec, name)


class Holder:
    """A learner, a state or a list of them: nothing is known of it but its spec."""

    def __init__(self, tableau: Tableau):
        self._tableau = tableau

    def __getattr__(self, name: str) -> Any:
        if name == "spec":
            return self._tableau
        raise OpenError

    def __getitem__(self, index: Any) -> Any:
        return self

    def __iter__(self) -> Iterator:
        raise OpenError


WRITTEN = (
    *(cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.FormattedString),
    *(cst.Tuple, cst.List, cst.ListComp, cst.Comparison, cst.UnaryOperation),
)
"""Expressions that a known value stands in for; a product of known factors keeps them, which says more."""

HARMLESS = {name: getattr(builtins, name) for name in ("isinstance", "len", "range", "tuple", "list", "enumerate")}
Known = dict[str, Any]


def fold(source: str, spec: SacSpec) -> str:
    """The source with the branches, loops and values that `spec` decides worked out, and what nothing uses left out."""
    tableau = Tableau(spec)
    known = HARMLESS | {name: value for name, value in vars(spec_module).items() if isinstance(value, type)}
    known |= {"STAGES": spec_module.STAGES, "DELAYED": spec_module.DELAYED}
    known |= {"spec": tableau, "learner": Holder(tableau), "state": Holder(tableau)}
    module, folding = parsed(source), Folding(known)
    while True:  # what a function is always given may decide what it gives to others
        folded = folding.module(module)
        found = always_given(folded, module)
        if found == folding.given:
            return used_only(folded).code
        folding.given = found


@cache
def parsed(source: str) -> cst.Module:
    return cst.parse_module(source)


@cache
def compiled(code: str) -> tuple[Any, frozenset[str]]:
    """An expression's bytecode and the names it reads."""
    tree = ast.parse(f"({code})", mode="eval")
    bound = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - bound
    return compile(tree, "<spec>", "eval"), frozenset(read)


def value_of(node: cst.CSTNode, known: Known) -> Any:
    """An expression's value; OpenError if it is not known."""
    code, read = compiled(code_of(node))
    if not read <= known.keys():
        raise OpenError
    try:
        return eval(code, {"__builtins__": {}}, {name: known[name] for name in read})
    except OpenError:
        raise
    except Exception as error:
        raise OpenError from error


def code_of(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def literal(value: Any) -> bool:
    """Whether a value can stand in the text."""
    if isinstance(value, tuple):
        return all(map(literal, value))
    return value is None or type(value) in (bool, int, float, str)


def text_of(value: Any) -> cst.BaseExpression:
    """A value as source."""
    return cst.parse_expression(repr(value))


def truth(node: cst.CSTNode, known: Known) -> bool | None:
    """A test's outcome; None if it is open."""
    try:
        return bool(value_of(node, known))
    except OpenError:
        return None


# --- expressions --------------------------------------------------------------------------------------------------


class Expressions(cst.CSTTransformer):
    """Writes known values in place of expressions, and takes the known branch of those that choose."""

    def __init__(self, known: Known):
        self.known = known

    def on_visit(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.Annotation | cst.SimpleString | cst.Import | cst.ImportFrom)

    def on_leave(self, original: cst.CSTNode, updated: cst.CSTNode) -> Any:
        if isinstance(original, cst.Arg):
            value = updated.value if original.value is updated.value else bare(updated.value)
            return updated.with_changes(keyword=original.keyword, value=value if atomic(value) else updated.value)
        if isinstance(original, cst.FormattedString):
            updated = updated.with_changes(parts=list(map(said, updated.parts)))
        if isinstance(original, cst.Attribute):
            updated = updated.with_changes(attr=original.attr)
        if isinstance(original, cst.BinaryOperation) and isinstance(original.operator, cst.Add):
            zeros = [getattr(updated, side) for side in ("left", "right") if code_of(getattr(updated, side)) == "0"]
            return updated.right if zeros and zeros[0] is updated.left else updated.left if zeros else updated
        if isinstance(original, cst.Param):
            return updated.with_changes(name=original.name)
        if isinstance(original, cst.AssignTarget | cst.CompFor | cst.NamedExpr):
            return updated.with_changes(target=self.only_inside(original.target, updated.target))
        if isinstance(original, WRITTEN):
            updated = self.written(original, updated)
        elif isinstance(original, cst.IfExp):
            chosen = truth(updated.test, self.known)
            if chosen is not None or code_of(bare(updated.body)) == code_of(bare(updated.orelse)):
                return enclosed(updated.orelse if chosen is False else updated.body, original)
        elif isinstance(original, cst.BooleanOperation):
            return self.boolean(original, updated)
        if isinstance(updated, cst.Call) and isinstance(original.func, cst.Attribute):
            return self.method(original, updated)
        return updated

    @staticmethod
    def only_inside(original: cst.CSTNode, updated: cst.CSTNode) -> cst.CSTNode:
        """A target as it was, but for an index in it."""
        if isinstance(original, cst.Tuple) and isinstance(updated, cst.Tuple):
            pairs = zip(original.elements, updated.elements, strict=True)
            elements = [new.with_changes(value=Expressions.only_inside(old.value, new.value)) for old, new in pairs]
            return original.with_changes(elements=elements)
        return updated if isinstance(original, cst.Subscript) and isinstance(updated, cst.Subscript) else original

    def written(self, original: cst.CSTNode, updated: cst.CSTNode) -> cst.CSTNode:
        """The value in the expression's place, if it is known by some name and can be written."""
        try:
            value = value_of(original, self.known) if compiled(code_of(original))[1] else value_of(updated, {})
        except OpenError:
            return updated
        if not literal(tuple(value) if isinstance(value, list) else value):
            return updated
        return bare(text_of(value)) if isinstance(original, cst.Tuple) and not original.lpar else text_of(value)

    def boolean(self, original: cst.BooleanOperation, updated: cst.BooleanOperation) -> cst.BaseExpression:
        """`and` and `or` of which one side is known; a value that is there for its truth alone keeps it."""
        decides = isinstance(original.operator, cst.Or)
        for side, other in (("left", "right"), ("right", "left")):
            outcome = truth(getattr(updated, side), self.known)
            if outcome is not None:
                return cst.Name(str(outcome)) if outcome == decides else enclosed(getattr(updated, other), original)
        return updated

    def method(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression:
        """A method of the spec with an open argument, as what it returns."""
        try:
            if not isinstance(value_of(original.func.value, self.known), Tableau):
                return updated
        except OpenError:
            return updated
        function = cst.parse_statement(textwrap.dedent(inspect.getsource(getattr(SacSpec, original.func.attr.value))))
        (returned,) = (statement.body[0].value for statement in function.body.body[1:])  # it must be one expression
        names = [param.name.value for param in function.params.params]
        given = dict(zip(names, [original.func.value, *(arg.value for arg in original.args)], strict=True))
        expression = returned.visit(Substitution(given)).visit(Expressions(self.known))
        return expression if isinstance(expression, cst.Name) else enclosed(expression, None)


def bare(node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression without parentheses around it; an empty tuple is nothing else."""
    return node if isinstance(node, cst.Tuple) and not node.elements else node.with_changes(lpar=[], rpar=[])


def said(part: cst.BaseFormattedStringContent) -> cst.BaseFormattedStringContent:
    """A part of an f-string, as plain text where it is known."""
    plain = isinstance(part, cst.FormattedStringExpression) and not part.conversion and not part.format_spec
    if plain and isinstance(part.expression, cst.SimpleString | cst.Integer):
        return cst.FormattedStringText(str(ast.literal_eval(code_of(part.expression))))
    return part


def atomic(node: cst.BaseExpression) -> bool:
    """Whether an expression needs no parentheses as an argument of its own."""
    return isinstance(node, cst.UnaryOperation | cst.Name | cst.Integer | cst.Float | cst.SimpleString)


class Substitution(cst.CSTTransformer):
    """Names replaced by expressions."""

    def __init__(self, given: dict[str, cst.BaseExpression]):
        self.given = given

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self.given.get(original_node.value, updated_node)


def enclosed(node: cst.BaseExpression, like: cst.BaseExpression | None) -> cst.BaseExpression:
    """An expression in another's place, in parentheses where that one had them or there is none to say."""
    if like is not None and not like.lpar:
        return node
    return node if node.lpar else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


# --- statements ---------------------------------------------------------------------------------------------------


class Folding:
    """Statements, top to bottom, with what is known on the way."""

    def __init__(self, known: Known):
        self.known = known
        self.given: dict[str, Known] = {}  # by function: the parameters that every call gives the same value
        self.folded: dict[str, tuple[Known, cst.CSTNode]] = {}  # by function: what it was last given, and the result
        self.unsteady: frozenset[str] = frozenset()

    def module(self, module: cst.Module) -> cst.Module:
        """The module with every statement folded; a function that is given what it was given before stays as it is."""
        body = []
        for one in module.body:
            if not isinstance(one, cst.FunctionDef):
                body.append(self.definition(one, self.known))
                continue
            name, given = one.name.value, self.given.get(one.name.value, {})
            if self.folded.get(name, (None,))[0] != given:
                self.folded[name] = (given, self.function(one, self.known))
            body.append(self.folded[name][1])
        return module.with_changes(body=body)

    def definition(self, one: cst.CSTNode, known: Known) -> cst.CSTNode:
        """A statement of a module or a class: others read what it defines, so it stays."""
        if isinstance(one, cst.ClassDef):
            return one.with_changes(
                body=one.body.with_changes(body=[self.definition(each, known) for each in one.body.body])
            )
        return self.function(one, known) if isinstance(one, cst.FunctionDef) else one.visit(Expressions(known))

    def block(self, statements: Sequence[cst.CSTNode], known: Known) -> list[cst.CSTNode]:
        """The statements that remain; `known` grows by what they make known."""
        todo, done = list(statements), []
        while todo:
            one = todo.pop(0)
            if isinstance(one, cst.If):
                todo, kept = self.choose(one, todo, known)
                done += kept
            elif isinstance(one, cst.Match):
                todo = self.match(one, known) + todo
            elif isinstance(one, cst.For) and (unrolled := self.unroll(one, known)) is not None:
                done += unrolled
            elif isinstance(one, cst.SimpleStatementLine):
                kept = self.line(one, known)
                done += kept
                if kept and isinstance(kept[-1].body[-1], cst.Return | cst.Continue):
                    return done
            else:
                done.append(self.compound(one, known))
        return done

    def choose(self, one: cst.If, todo: list, known: Known) -> tuple[list, list]:
        """What an `if` leaves to be done, and what is done of it."""
        test = one.test.visit(Expressions(known))
        outcome = truth(test, known)
        if outcome is not None:
            taken = one.body.body if outcome else [] if one.orelse is None else [one.orelse]
            if taken and isinstance(taken[0], cst.Else):
                taken = taken[0].body.body
            said = [*comments(one), *(comments(one.body) if outcome else [])]
            return commented(taken, said) + todo, []
        only = one.body.body[0] if len(one.body.body) == 1 else None
        if is_continue(only) and one.orelse is None:  # the rest happens otherwise
            rest = self.block(todo, dict(known))
            rest = rest[:-1] if rest and is_continue(rest[-1]) else rest
            return [], [one.with_changes(test=negated(test), body=cst.IndentedBlock(rest))] if rest else []
        forget(known, one)
        body = one.body.with_changes(body=self.block(one.body.body, dict(known)) or [PASS])
        orelse = one.orelse
        if isinstance(orelse, cst.If):
            rest = self.block([orelse], dict(known))
            still = len(rest) == 1 and isinstance(rest[0], cst.If)
            orelse = rest[0] if still else cst.Else(cst.IndentedBlock(rest)) if rest else None
        elif orelse is not None:
            orelse = orelse.with_changes(body=orelse.body.with_changes(body=self.block(orelse.body.body, dict(known))))
        return todo, [one.with_changes(test=test, body=body, orelse=orelse)]

    def match(self, one: cst.Match, known: Known) -> list[cst.CSTNode]:
        """The body of the case that is hit, the names it captures written out."""
        subject = value_of(one.subject, known)
        cases = [f" case {code_of(case.pattern)}:\n  hit = ({n}, dict(locals()))\n" for n, case in enumerate(one.cases)]
        scope = {"subject": subject}
        exec("match subject:\n" + "".join(cases), known | {"__builtins__": {"dict": dict, "locals": locals}}, scope)
        n, found = scope["hit"]
        captured = {name: text_of(value) for name, value in found.items() if name != "subject" and literal(value)}
        body = one.cases[n].body
        taken = [statement.visit(Substitution(captured)) for statement in body.body]
        return commented(taken, [*comments(one), *comments(body)])

    def unroll(self, one: cst.For, known: Known) -> list[cst.CSTNode] | None:
        """A loop's rounds one after the other, where what it runs over is known and decides something; else None."""
        try:
            rounds = [*value_of(one.iter, known)]
        except (OpenError, TypeError):
            return None
        if not all(isinstance(each, tuple) for each in rounds):
            return None
        done = []
        for each in rounds:
            target = code_of(one.target)
            names = target.split(", ")
            own = known | (dict(zip(names, each, strict=True)) if len(names) > 1 else {target: each})
            body = self.block(one.body.body, own)
            body = body[:-1] if body and is_continue(body[-1]) else body
            title = each[0] if isinstance(each[0], str) else None
            done += commented(body, [f"# --- {title}"], gap=True) if title else body
        return done

    def line(self, one: cst.SimpleStatementLine, known: Known) -> list[cst.SimpleStatementLine]:
        """A line of small statements; an assignment of what is known is remembered instead."""
        small = one.body[0]
        if isinstance(small, cst.Assign) and len(small.targets) == 1 and isinstance(small.targets[0].target, cst.Name):
            name = small.targets[0].target.value
            try:
                value = value_of(small.value.visit(Expressions(known)), known)
            except OpenError:
                value = small
            lasting = value is not small and not isinstance(value, list | dict | set)
            if name not in ROOTS and name not in self.unsteady and lasting:
                known[name] = value
                return []
        forget(known, one)
        return [one.visit(Expressions(known))]

    def compound(self, one: cst.CSTNode, known: Known) -> cst.CSTNode:
        """A function, class, loop or context, with its own statements folded."""
        if isinstance(one, cst.FunctionDef):
            return self.function(one, known)
        if isinstance(one, cst.ClassDef):
            return self.definition(one, known)
        forget(known, one)
        header = {name: getattr(one, name).visit(Expressions(known)) for name in ("iter", "test") if hasattr(one, name)}
        if isinstance(one, cst.With):
            header["items"] = [item.visit(Expressions(known)) for item in one.items]
        return one.with_changes(**header, body=one.body.with_changes(body=self.block(one.body.body, dict(known))))

    def function(self, one: cst.FunctionDef, known: Known) -> cst.FunctionDef:
        """A function; a parameter that is always given the same is known, one that a loop hands in is dropped."""
        own, kept = dict(known), []
        for param in (*one.params.params, *one.params.kwonly_params):
            name = param.name.value
            default = code_of(param.default) if param.default else ""
            if default != name or name not in known:
                if name not in ("spec", "learner", "state"):
                    own.pop(name, None)
                kept.append(name)
        own |= self.given.get(one.name.value, {})
        before, self.unsteady = self.unsteady, unsteady(one)
        first, *others = self.block(one.body.body, own) or [PASS]
        said_above = [line for line in first.leading_lines if line.comment]
        body = one.body.with_changes(body=[first.with_changes(leading_lines=said_above), *others])
        self.unsteady = before
        params = one.params.with_changes(
            params=without_last_comma(
                [param.visit(Expressions(known)) for param in one.params.params if param.name.value in kept]
            ),
            kwonly_params=[param for param in one.params.kwonly_params if param.name.value in kept],
        )
        decorators = [each.visit(Expressions(known)) for each in one.decorators]
        return one.with_changes(body=body, params=params, decorators=decorators)


def without_last_comma(params: list[cst.Param]) -> list[cst.Param]:
    """Parameters on one line, if that is long enough for them."""
    return [*params[:-1], *(param.with_changes(comma=cst.MaybeSentinel.DEFAULT) for param in params[-1:])]


def negated(test: cst.BaseExpression) -> cst.BaseExpression:
    """`not test`, as one would write it."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    if isinstance(test, cst.BooleanOperation):
        other = cst.And() if isinstance(test.operator, cst.Or) else cst.Or()
        return test.with_changes(left=negated(test.left), right=negated(test.right), operator=other, lpar=[], rpar=[])
    return cst.UnaryOperation(cst.Not(), test if isinstance(test, cst.Name) else enclosed(test, None))


PASS = cst.SimpleStatementLine([cst.Pass()])


def is_continue(node: Any) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[-1], cst.Continue)


def stored(node: cst.CSTNode) -> list[str]:
    """The names that a statement binds."""
    tree = ast.parse(textwrap.dedent(code_of(node)))
    return [each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)]


def unsteady(function: cst.FunctionDef) -> frozenset[str]:
    """The names that a function binds more than once."""
    names = stored(function)
    return frozenset(name for name in names if names.count(name) > 1)


def forget(known: Known, statement: cst.CSTNode) -> None:
    for name in stored(statement):
        if name != "spec":
            known.pop(name, None)


def comments(node: Any) -> list[str]:
    """The comments above a statement, and behind the line that opens a block."""
    lines = [line.comment.value for line in getattr(node, "leading_lines", ()) if line.comment]
    header = getattr(getattr(node, "header", None), "comment", None)
    return lines + ([header.value] if header else [])


def commented(statements: Sequence[cst.CSTNode], said: list[str], gap: bool = False) -> list[cst.CSTNode]:
    """The statements with comments above the first."""
    if not statements or not said:
        return list(statements)
    first, *others = statements
    lines = [cst.EmptyLine(comment=cst.Comment(one)) for one in said]
    above = [cst.EmptyLine(indent=False)] if gap else []
    return [first.with_changes(leading_lines=[*above, *lines, *first.leading_lines]), *others]


# --- the whole ----------------------------------------------------------------------------------------------------


def always_given(folded: cst.Module, module: cst.Module) -> dict[str, Known]:
    """By function: the parameters to which every call in the folded source gives the same literal."""
    functions = {one.name.value: one for one in module.body if isinstance(one, cst.FunctionDef)}
    tree = ast.parse(folded.code)
    calls: dict[str, list[ast.Call]] = {}
    callees = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
            callees.add(node.func)
    handed_on = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in callees}
    found: dict[str, Known] = {}
    for name, own in calls.items():
        if name not in functions or name in handed_on or name in ROOTS:
            continue
        signature = functions[name].params
        params = [*signature.params, *signature.kwonly_params]
        rebound = stored(functions[name])
        for n, param in enumerate(params):
            values = [argument(call, n, param) for call in own]
            if None not in values and len(set(values)) == 1 and param.name.value not in rebound:
                found.setdefault(name, {})[param.name.value] = ast.literal_eval(values[0])
    return found


def argument(call: ast.Call, n: int, param: cst.Param) -> str | None:
    """What a call gives to its callee's n-th parameter, as source; None if that is no literal."""
    if any(isinstance(one, ast.Starred) for one in call.args):
        return None
    named = {one.arg: one.value for one in call.keywords}
    default = ast.parse(code_of(param.default), mode="eval").body if param.default else None
    node = call.args[n] if n < len(call.args) else named.get(param.name.value, default)
    try:
        return repr(ast.literal_eval(node)) if node is not None and literal(ast.literal_eval(node)) else None
    except (ValueError, TypeError):
        return None


def used_only(module: cst.Module) -> cst.Module:
    """The module without what neither its users (ROOTS) nor what they use ever name."""
    needs = {n: set(names_in(one)) for n, one in enumerate(module.body)}
    gives = {n: set(bound_by(one)) for n, one in enumerate(module.body)}
    wanted, kept = set(ROOTS), set()
    while True:
        more = {n for n in needs if n not in kept and (not gives[n] or gives[n] & wanted)}
        if not more:
            break
        kept |= more
        wanted |= set().union(*(needs[n] for n in more))
    body = [one for n, one in enumerate(module.body) if n in kept and not said_of_nothing(module.body, n, kept)]
    return module.with_changes(body=body)


def said_of_nothing(body: Sequence[cst.CSTNode], n: int, kept: set[int]) -> bool:
    """Whether a string that stands below an assignment has lost it."""
    one = body[n]
    text = isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Expr)
    return text and isinstance(one.body[0].value, cst.SimpleString) and n > 0 and n - 1 not in kept


def bound_by(one: cst.CSTNode) -> Iterator[str]:
    """What a top-level statement defines; imports are left to the formatter."""
    if isinstance(one, cst.FunctionDef | cst.ClassDef):
        yield one.name.value
        for decorator in one.decorators:  # @relu.defjvp adds to relu
            if isinstance(decorator.decorator, cst.Attribute):
                yield code_of(decorator.decorator).split(".")[0]
    elif isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Expr):
        called = one.body[0].value
        if isinstance(called, cst.Call) and isinstance(called.func, cst.Attribute):  # so does relu.defjvp(...)
            yield code_of(called.func).split(".")[0]
    elif isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Assign | cst.AnnAssign):
        yield from stored(one)


def names_in(one: cst.CSTNode) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code_of(one))) if isinstance(node, ast.Name)}
