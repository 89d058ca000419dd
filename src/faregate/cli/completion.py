"""faregate completion: the shell completes commands, options and names.

The shell asks by running `faregate` with the words so far and `_FAREGATE_COMPLETE` set; what may
stand in the place of the last word is printed, a line each, with what it means behind a tab. One
command's module is loaded at most, and names are read without the SQL layer.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin

import typer

ASKED_VARIABLE: Final = "_FAREGATE_COMPLETE"
REMOTE_TIMEOUT_S: Final = 1.5  # longer than that, nobody waits for a name
FOUND_MAX: Final = 500

_SCRIPTS: Final = {
    "bash": """\
_faregate() {
  local IFS=$'\\n'
  COMPREPLY=($(_FAREGATE_COMPLETE=1 "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" \\
    2>/dev/null | cut -f1))
}
complete -F _faregate faregate
""",
    "zsh": """\
#compdef faregate
_faregate() {
  local -a found
  local word told
  while IFS=$'\\t' read -r word told; do
    found+=("${word//:/\\\\:}:${told}")
  done < <(_FAREGATE_COMPLETE=1 "${words[1]}" "${(@)words[2,$CURRENT]}" 2>/dev/null)
  _describe faregate found
}
compdef _faregate faregate
""",
    "fish": """\
function __faregate_words
    set -l before (commandline -opc)
    env _FAREGATE_COMPLETE=1 $before[1] $before[2..-1] (commandline -ct) 2>/dev/null
end
complete --command faregate --no-files --arguments '(__faregate_words)'
""",
}
_HOW: Final = {
    "bash": 'eval "$(faregate completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(faregate completion zsh)"   # in ~/.zshrc, after compinit',
    "fish": "faregate completion fish > ~/.config/fish/completions/faregate.fish",
}

# What stands for a name: the parameters of commands, and the groups whose NAME is one.
_KINDS: Final = {
    "model": "models",
    "provider": "providers",
    "team": "teams",
    "application": "applications",
    "wallet": "wallets",
    "plan": "plans",
    "key": "keys",
    "profile": "profiles",
}
_GROUPS: Final = {
    "applications", "keys", "models", "profiles", "providers", "teams", "virtual-models",
    "wallets",
}  # fmt: skip
_CONFIGURATION: Final = {"items", "settings", "callers"}  # whose words are its kinds and fields
_MAKING: Final = {"add", "create", "generate"}  # whose NAME is a new one


class Shell(StrEnum):
    """Shells that are known."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


class Word(NamedTuple):
    """What may stand there, and what it means."""

    text: str
    told: str = ""


def completion(
    shell: Annotated[Shell, typer.Argument(help="Your shell: bash, zsh or fish.")],
) -> None:
    """Print what makes the shell complete commands, options and names.

    Example: eval "$(faregate completion bash)"
    """
    typer.echo(f"# {_HOW[shell]}\n{_SCRIPTS[shell]}", nl=False)


def print_words(root: Any, words: Sequence[str]) -> None:
    """Print what may stand for the last word, behind the command `root`."""
    for word in completed(root, words):
        told = " ".join(word.told.split())
        print(f"{word.text}\t{told}" if told else word.text)


def completed(root: Any, words: Sequence[str]) -> list[Word]:
    """What may stand for the last of `words`, behind the command `root`."""
    *before, begun = words or [""]
    command, path, rest = _find_command(root, before)
    found = list(_candidates(command, path, rest, begun))
    return [word for word in found if word.text.startswith(begun)][:FOUND_MAX]


def _find_command(root: Any, words: Sequence[str]) -> tuple[Any, list[str], list[str]]:
    """The command that words lead to, its names, and the words behind them."""
    command = root
    path: list[str] = []
    rest: list[str] = []
    context = root.context_class(root)
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        option = _option(command, word)
        if option is not None and path == []:
            if not option.is_flag and "=" not in word and waiting:
                _take_home(option, waiting.pop(0))
            elif not option.is_flag and "=" in word:
                _take_home(option, word.partition("=")[2])
            continue
        below = command.get_command(context, word) if hasattr(command, "get_command") else None
        if below is None:
            rest.append(word)
            continue
        command, path = below, [*path, word]
    return command, path, rest


def _take_home(option: Any, value: str) -> None:
    """--home and --profile before the command say whose names are meant."""
    if option.name == "home":
        os.environ["FAREGATE_HOME"], os.environ["FAREGATE_PROFILE"] = value, "local"
    elif option.name == "profile":
        os.environ["FAREGATE_PROFILE"] = value


def _candidates(command: Any, path: list[str], rest: list[str], begun: str) -> Iterator[Word]:
    option = _option(command, rest[-1]) if rest else None
    if option is not None and not option.is_flag:
        yield from _values(option, path, begun)
        return
    if begun.startswith("-") and "=" not in begun:
        for one in command.params:
            if one.param_type_name == "option" and not one.hidden:
                yield from (Word(name, one.help or "") for name in one.opts)
        yield Word("--help", "Show this message and exit.")
        return
    if hasattr(command, "list_commands"):
        context = command.context_class(command)
        summaries = getattr(command, "summaries", {}) if not path else {}
        for name in command.list_commands(context):
            told = summaries.get(name)
            if told is None:
                told = command.get_command(context, name).get_short_help_str(80)
            yield Word(name, told)
        return
    argument = _next_argument(command, rest)
    if argument is not None and path[0] in _CONFIGURATION:
        yield from map(Word, _of_configuration(argument.name, path[0], rest))
    elif argument is not None:
        yield from _values(argument, path, begun)


def _of_configuration(argument: str, group: str, rest: list[str]) -> list[str]:
    """Kinds, names, and fields, with the sign behind them that a value follows."""
    from faregate.cli.configuration_words import item_fields, kind_words, part_fields

    if argument == "kind":
        return kind_words()
    kind = next((word for word in rest if word in kind_words()), "")
    if argument in ("name", "names"):
        return _names(kind) if kind else []
    fields = item_fields(kind) if group == "items" else part_fields(group)
    return [f"{field}=" for field in fields] if argument == "fields" else fields


def _option(command: Any, word: str) -> Any:
    """The option that a word is; None for others."""
    name = word.partition("=")[0]
    if not name.startswith("-"):
        return None
    found = (one for one in command.params if one.param_type_name == "option")
    return next((one for one in found if name in (*one.opts, *one.secondary_opts)), None)


def _next_argument(command: Any, rest: list[str]) -> Any:
    """The argument that the next word is; None where all are there."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    given, skip = 0, False
    for word in rest:
        option = _option(command, word)
        if skip:
            skip = False
        elif option is not None:
            skip = not option.is_flag and "=" not in word
        else:
            given += 1
    if given < len(arguments):
        return arguments[given]
    return arguments[-1] if arguments and arguments[-1].nargs == -1 else None


def _values(parameter: Any, path: list[str], begun: str) -> Iterator[Word]:
    meant = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    if isinstance(meant, type) and issubclass(meant, Enum):
        yield from (Word(str(one.value)) for one in meant)
        return
    if get_origin(meant) is Literal:
        yield from map(Word, map(str, get_args(meant)))
        return
    if meant is Path or parameter.name == "file":
        yield from _files(begun)
        return
    kind = _KINDS.get(parameter.name)
    is_name = parameter.param_type_name == "argument" and kind in (None, path[0].rstrip("s"))
    if path and path[0] in _GROUPS and is_name:
        kind = None if path[-1] in _MAKING else path[0]
    if kind is not None:
        yield from map(Word, _names(kind))


def _files(begun: str) -> Iterator[Word]:
    """Files and folders that begin so."""
    folder, _, _ = begun.rpartition("/")
    place = Path(folder or ("/" if begun.startswith("/") else ".")).expanduser()
    with contextlib.suppress(OSError):
        for entry in sorted(place.iterdir()):
            prefix = f"{folder}/" if "/" in begun else ""
            yield Word(f"{prefix}{entry.name}{'/' if entry.is_dir() else ''}")


def _names(kind: str) -> list[str]:
    """Names of things of the installation; none where that is not cheap."""
    from faregate.cli.remote_profiles import chosen, read_credentials
    from faregate.core.errors import FaregateError

    try:
        if kind == "profiles":
            return ["local", *sorted(read_credentials().profiles)]
        target = chosen()
        return _names_here(kind) if target is None else _names_there(kind, target)
    except (FaregateError, sqlite3.Error):
        return []  # nobody wants an error where a word was to be


def _names_here(kind: str) -> list[str]:
    """Plain SQLite, as a gate reads it."""
    from faregate.storage.home import Home
    from faregate.storage.preparation import open_gate_source

    home = Home.from_environment()
    home.require()
    if kind == "keys":
        return _key_names(home.database)
    source = open_gate_source(home)
    try:
        document = source.latest().document
    finally:
        source.close()
    from faregate.control.resources.kinds import name_of

    return sorted(map(name_of, getattr(document, kind.replace("-", "_"))))


def _key_names(database: Path) -> list[str]:
    statement = "SELECT name FROM keys WHERE revoked_ns IS NULL ORDER BY name LIMIT ?"
    address = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=1)) as connection:
        return [name for (name,) in connection.execute(statement, (FOUND_MAX,))]


def _names_there(kind: str, target: Any) -> list[str]:
    from faregate.client import operations as api
    from faregate.client.management import Client

    asked = getattr(api, f"list_{kind.replace('-', '_')}")
    profile = target.profile
    with Client(
        profile.url, profile.token, timeout_s=REMOTE_TIMEOUT_S, retries=0, ca=profile.ca,
        insecure=profile.insecure,
    ) as client:  # fmt: skip
        return sorted({one.name for one in client.send(asked(limit=FOUND_MAX)).items})
