"""Putting the sources together: command line over environment over runner/.env over TOML over defaults."""

import difflib
import ipaddress
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from runner import resources
from runner.errors import SettingsError
from runner.settings.dotenv import parse_env
from runner.settings.options import Option, declared
from runner.settings.tree import Settings

__all__ = [
    "Loaded",
    "SettingChange",
    "SettingView",
    "declared_options",
    "diff",
    "is_loopback",
    "load_settings",
    "without_waiting",
]

# Names of other programs that begin like ours; nobody wants to be warned about those.
FOREIGN_NAMES = frozenset(
    {
        "API_TIMEOUT_MS",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_ENV_FILE",
        "CLAUDE_PROJECT_DIR",
        "CLAUDE_SESSION_ID",
        "CLAUDE_SESSION_TYPE",
        "SESSION_MANAGER",
    }
)
FOREIGN_PREFIXES = (
    "ANTHROPIC_AUTH_",
    "ANTHROPIC_BEDROCK_",
    "ANTHROPIC_CUSTOM_",
    "ANTHROPIC_DEFAULT_",
    "ANTHROPIC_LOG",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_",
    "ANTHROPIC_VERTEX_",
    "CLAUDE_CODE_",
)
OUR_PREFIXES = (
    "ANTHROPIC_",
    "API_",
    "BUDGET_",
    "CLAUDE_",
    "HOME_TIME",
    "MODERATION_",
    "REHEARSAL_",
    "RESIDENT_",
    "SCHEDULER_",
    "SESSION_",
    "SUPERVISION_",
    "TELEGRAM_",
)
# What the predecessor's example file called these; it never read them under these names.
OLD_NAMES = types.MappingProxyType(
    {
        "HOST": "API_HOST",
        "PORT": "API_PORT",
        "DEBUG": "API_DEBUG",
        "CORS_ORIGINS": "API_CORS_ORIGINS_RAW",
        "SSE_HEARTBEAT_INTERVAL": "API_SSE_HEARTBEAT_INTERVAL",
    }
)


@attrs.frozen(kw_only=True)
class Loaded:
    """Checked settings, where each value came from, and what is worth telling without stopping for it."""

    settings: Settings
    warnings: tuple[str, ...]
    sources: Mapping[str, str]

    def listing(self) -> tuple["SettingView", ...]:
        """Every setting with its value for people; secrets are hidden."""
        return tuple(
            SettingView(
                key=option.key,
                value=option.shown(_get(self.settings, option.key)),
                source=self.sources[option.key],
                env=option.env,
                unit=option.unit,
                applies=option.applies,
                about=option.about,
                unused=option.unused,
                secret=option.secret,
            )
            for option in declared_options().values()
        )


@attrs.frozen(kw_only=True)
class SettingView:
    key: str
    value: str
    source: str
    env: str
    unit: str
    applies: str
    about: str
    unused: str
    secret: bool


@attrs.frozen(kw_only=True)
class SettingChange:
    """One setting that differs between two sets; the values are for people, secrets hidden."""

    key: str
    old: str
    new: str
    applies: str

    @property
    def actor(self) -> str | None:
        """The actor that has to be restarted for it, if one has to."""
        return self.applies.removeprefix("actor ") if self.applies.startswith("actor ") else None


def declared_options() -> dict[str, Option]:
    """Every setting as config/default.toml declares it, by dotted key."""
    return declared(resources.config_dir() / "default.toml")


def load_settings(
    argv_overrides: Mapping[str, object],
    environ: Mapping[str, str],
    config_file: Path | None = None,
    *,
    serving: bool = True,
) -> Loaded:
    """Read and check all sources; one wrong value raises SettingsError and nothing is half applied.

    Keys of *argv_overrides* are dotted ("http.port"); a None there means the option was not given. With *serving*
    false the process opens no door, so an unreadable .env and a missing API_KEY pass: the resident's own tools have
    neither.
    """
    options = declared_options()
    warnings: list[str] = []
    command_line = _known(argv_overrides, options)
    surroundings = _upper(environ)
    document: Mapping[str, Any] = _read_toml(config_file, required=True) if config_file else {}
    home, home_source = _home(options["home"], command_line, surroundings, document, config_file)
    toml_origin = str(config_file or home / "claude-runner.toml")
    if config_file is None:
        document = _read_toml(home / "claude-runner.toml", required=False)
        if "home" in document:
            raise SettingsError(
                f"home can't be set in {toml_origin}: that file lies in the home; "
                "allowed: --home, CLAUDE_HOME, --config"
            )
    env_file = home / "runner" / ".env"
    secrets = [option.env for option in options.values() if option.secret]
    dotenv = _read_dotenv(env_file, serving=serving, secrets=secrets, warnings=warnings)
    written = _flat(document, options, toml_origin)
    _warn_unknown(surroundings, dotenv, options, env_file, warnings)

    values: dict[str, object] = {"home": home}
    sources: dict[str, str] = {"home": home_source}
    for key, option in options.items():
        if key == "home":
            continue
        if key in command_line:
            values[key], sources[key] = option.convert(command_line[key], "command line"), "command line"
        elif _says(option, surroundings):
            values[key], sources[key] = (
                option.convert(surroundings[option.env], option.env),
                f"environment {option.env}",
            )
        elif _says(option, dotenv):
            origin = f"{option.env} in {env_file}"
            values[key], sources[key] = option.convert(dotenv[option.env], origin), origin
        elif key in written:
            values[key], sources[key] = option.convert(written[key], toml_origin), toml_origin
        else:
            values[key], sources[key] = option.default, "default"
    settings = _build(values)
    if serving:
        _check_doors(settings, sources)
    return Loaded(settings=settings, warnings=tuple(warnings), sources=types.MappingProxyType(sources))


def diff(old: Settings, new: Settings) -> tuple[SettingChange, ...]:
    """What differs, in the order of config/default.toml; settings without a function are left out."""
    return tuple(
        SettingChange(
            key=option.key,
            old=option.shown(_get(old, option.key)),
            new=option.shown(_get(new, option.key)),
            applies=option.applies,
        )
        for option in declared_options().values()
        if not option.unused and _get(old, option.key) != _get(new, option.key)
    )


def without_waiting(old: Settings, new: Settings) -> Settings:
    """The new settings, except those that only a start of the process puts in force: they stay as they are."""
    kept = new
    for change in diff(old, new):
        if change.applies == "process":
            kept = _with(kept, change.key.split("."), _get(old, change.key))
    return kept


def _with(inside: Any, path: Sequence[str], value: object) -> Any:
    name, *rest = path
    return attrs.evolve(inside, **{name: _with(getattr(inside, name), rest, value) if rest else value})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. A name other than localhost counts as reachable."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _check_doors(settings: Settings, sources: Mapping[str, str]) -> None:
    http = settings.http
    if not is_loopback(http.host) and not http.api_key:
        raise SettingsError(
            f"http.host ({sources['http.host']}) is {http.host!r}, which other machines can reach, "
            "and there is no API_KEY; allowed: a loopback address such as 127.0.0.1, or any with an API_KEY"
        )


def _known(overrides: Mapping[str, object], options: Mapping[str, Option]) -> dict[str, object]:
    for key in overrides:
        if key not in options:
            raise SettingsError(f"there is no setting {key!r} (command line); {_nearest(key, options)}")
    return {key: value for key, value in overrides.items() if value is not None}


def _upper(environ: Mapping[str, str]) -> dict[str, str]:
    """Names are taken without regard to case; where two differ in nothing else, the one in capitals wins."""
    values = {name.upper(): value for name, value in environ.items()}
    return values | {name: value for name, value in environ.items() if name.isupper()}


def _home(
    option: Option,
    command_line: Mapping[str, object],
    environ: Mapping[str, str],
    document: Mapping[str, Any],
    config_file: Path | None,
) -> tuple[Path, str]:
    if "home" in command_line:
        raw, origin = command_line["home"], "command line"
    elif environ.get(option.env):
        raw, origin = environ[option.env], f"environment {option.env}"
    elif "home" in document:
        raw, origin = document["home"], str(config_file)
    else:
        raw, origin = option.default, "default"
    home = option.convert(raw, origin)
    assert isinstance(home, Path)
    return home.absolute(), origin


def _read_toml(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode())
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise SettingsError(f"the settings file {file} (--config) does not exist") from None
        return {}
    except OSError as error:
        raise SettingsError(f"the settings file {file} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} is not TOML: {error}") from None


def _read_dotenv(file: Path, *, serving: bool, secrets: Iterable[str], warnings: list[str]) -> dict[str, str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
        open_to_all = bool(file.stat().st_mode & 0o004)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if not serving:
            return {}
        raise SettingsError(f"the settings file {file} can't be read: {error.strerror}") from None
    values, bad = parse_env(text)
    # The text of a bad line stays out of the warning: it may be half a secret.
    warnings.extend(f"{file} line {number} is not KEY=VALUE and was skipped" for number in bad)
    if open_to_all and any(values.get(name) for name in secrets):
        warnings.append(f"{file} holds secrets and everybody on this machine can read it; allowed: chmod 600 {file}")
    return _upper(values)


def _flat(document: Mapping[str, Any], options: Mapping[str, Option], origin: str) -> dict[str, object]:
    sections = {key.split(".")[0] for key in options if "." in key}
    flat: dict[str, object] = {}
    for name, entry in document.items():
        if name in sections:
            if not isinstance(entry, dict):
                raise SettingsError(f"{name} ({origin}) is {entry!r}; allowed: a table, written as [{name}]")
            flat.update({f"{name}.{key}": value for key, value in entry.items()})
        else:
            flat[name] = entry
    for key in flat:
        if key not in options:
            raise SettingsError(f"there is no setting {key!r} ({origin}); {_nearest(key, options)}")
    return flat


def _nearest(key: str, options: Mapping[str, Option]) -> str:
    by_name = {name.rpartition(".")[2]: name for name in options}
    close = difflib.get_close_matches(key, options, n=1, cutoff=0.6)
    close = close or [by_name[n] for n in difflib.get_close_matches(key.rpartition(".")[2], by_name, n=1, cutoff=0.6)]
    if close:
        return f"the nearest known one is {close[0]!r}"
    return "config/default.toml lists every setting"


def _warn_unknown(
    environ: Iterable[str], dotenv: Iterable[str], options: Mapping[str, Option], env_file: Path, warnings: list[str]
) -> None:
    known = [option.env for option in options.values()]
    ours = [name for name in sorted(set(environ) - set(known)) if name.startswith(OUR_PREFIXES)]
    warnings.extend(_unknown(name, "the environment", known) for name in ours if not _foreign(name))
    in_file = sorted(set(dotenv) - set(known))
    warnings.extend(_unknown(name, str(env_file), known) for name in in_file if not _foreign(name))
    if "CLAUDE_HOME" in dotenv:
        warnings.append(f"CLAUDE_HOME in {env_file} has no effect: that file lies in the home it would name")


def _foreign(name: str) -> bool:
    return name in FOREIGN_NAMES or name.startswith(FOREIGN_PREFIXES)


def _unknown(name: str, where: str, known: list[str]) -> str:
    nearest = OLD_NAMES.get(name) or next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.3)), None)
    hint = f"; the nearest known name is {nearest}" if nearest else ""
    return f"{name} in {where} is no setting and was ignored{hint}"


def _says(option: Option, values: Mapping[str, str]) -> bool:
    """Whether a source names the setting. An empty text says nothing where nothing is not an allowed value."""
    if option.env not in values:
        return False
    if values[option.env].strip():
        return True
    try:
        option.convert("", option.env)
    except SettingsError:
        return False
    return True


def _build(values: Mapping[str, object]) -> Settings:
    sections: dict[str, Any] = {}
    for field in attrs.fields(Settings):
        if field.name in values:
            sections[field.name] = values[field.name]
            continue
        kind: Any = field.type
        sections[field.name] = kind(
            **{inner.name: values[f"{field.name}.{inner.name}"] for inner in attrs.fields(kind)}
        )
    return Settings(**sections)


def _get(settings: Settings, key: str) -> object:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value
