"""The text of faregate.yaml as a document, or all that is wrong.

No file is read and nothing is changed here. The document keeps its references as they are
written; their values are looked at, and dropped.
"""

from collections.abc import Mapping

from faregate.configuration import rules
from faregate.configuration.document import Document
from faregate.configuration.problems import Path, raise_all
from faregate.configuration.references import expand
from faregate.configuration.shape import convert
from faregate.configuration.yaml_tree import YamlProblem, read_yaml

FILE_NAME = "faregate.yaml"


def load(text: str, *, file: str = FILE_NAME, environment: Mapping[str, str]) -> Document:
    """The document in `text`, as written.

    Raises `ConfigurationError` with file and line of the first mistake, and all `others`.
    """
    try:
        tree, found = read_yaml(text)
    except YamlProblem as error:
        line = error.line
        raise_all([error.problem], None, file=file, line_of=(lambda _: line) if line else None)
    lines: dict[Path, int] = {problem.path: line for line, problem in found}
    problems = [problem for _, problem in found]

    def line_of(path: Path) -> int:
        return lines.get(path) or tree.line_of(path)

    document, misshapen = convert(tree)
    problems += [problem for problem in misshapen if problem.path not in lines]
    if document is not None:
        problems += rules.check_written(document)
        clear, unset = expand(document, environment)
        hidden = {problem.path for problem in (*problems, *unset)}
        problems += unset
        problems += [problem for problem in rules.check(clear) if problem.path not in hidden]
    if problems:
        raise_all(problems, tree.bare(), file=file, line_of=line_of)
    assert document is not None
    return document
