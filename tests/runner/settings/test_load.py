"""Sources and their order, checks, and errors that name setting, value and what is allowed."""

from datetime import date
from pathlib import Path

import attrs
import pytest

from runner.errors import SettingsError
from runner.settings import Loaded, Settings, diff, is_loopback, load_settings, without_waiting


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(home: Path, environ: dict[str, str] | None = None, **overrides: object) -> Loaded:
    return load_settings({"home": home, **{key.replace("__", "."): v for key, v in overrides.items()}}, environ or {})


def test_defaults(tmp_path: Path) -> None:
    """With nothing said anywhere, the defaults of config/default.toml stand."""
    settings = load(tmp_path).settings
    assert (settings.http.host, settings.http.port, settings.http.api_key) == ("127.0.0.1", 8000, "")
    assert settings.resident.day_zero == date(2026, 1, 15)
    assert settings.resident.zone.key == "America/New_York"
    assert settings.session.max_line_bytes == 64 * 2**20
    assert settings.http.cors_origins == ("https://claudehome.dineshd.dev",)
    assert settings.secret_values() == ()


def test_order_of_sources(tmp_path: Path) -> None:
    """Command line beats environment beats runner/.env beats TOML beats default, and each value knows its source."""
    assert load(tmp_path).sources["http.port"] == "default"
    write(tmp_path / "claude-runner.toml", "[http]\nport = 1001\n")
    assert load(tmp_path).settings.http.port == 1001
    write(tmp_path / "runner/.env", "API_PORT=1002\n")
    assert load(tmp_path).settings.http.port == 1002
    loaded = load(tmp_path, {"API_PORT": "1003"})
    assert (loaded.settings.http.port, loaded.sources["http.port"]) == (1003, "environment API_PORT")
    loaded = load(tmp_path, {"API_PORT": "1003"}, http__port="1004")
    assert (loaded.settings.http.port, loaded.sources["http.port"]) == (1004, "command line")
    assert load(tmp_path, {"API_PORT": "1003"}, http__port=None).settings.http.port == 1003


def test_order_of_homes(tmp_path: Path) -> None:
    """--home beats CLAUDE_HOME beats the file given by --config; else it is /claude-home."""
    config = write(tmp_path / "c.toml", f'home = "{tmp_path}/from-file"\n[resident]\nname = "ada"\n')
    assert load_settings({}, {}).settings.home == Path("/claude-home")
    loaded = load_settings({}, {}, config)
    assert (loaded.settings.home, loaded.settings.resident.name) == (tmp_path / "from-file", "ada")
    assert load_settings({}, {"CLAUDE_HOME": "/a"}, config).settings.home == Path("/a")
    assert load_settings({"home": "/b"}, {"CLAUDE_HOME": "/a"}, config).settings.home == Path("/b")


def test_given_file_replaces_the_homes_own(tmp_path: Path) -> None:
    """With --config the file in the home is not read."""
    write(tmp_path / "claude-runner.toml", "[http]\nport = 1\n")
    config = write(tmp_path / "other.toml", "")
    assert load_settings({"home": tmp_path}, {}, config).settings.http.port == 8000


def test_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home named relative to where the command was given is that folder, also after a change of folder."""
    monkeypatch.chdir(tmp_path)
    assert load_settings({"home": "h"}, {}).settings.home == tmp_path / "h"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"API_PORT": "70000"}, "http.port (API_PORT) is '70000'; allowed: 0 to 65535"),
        ({"API_PORT": "eighty"}, "http.port (API_PORT) is 'eighty'; allowed: a whole number"),
        ({"API_DEBUG": "perhaps"}, "http.debug (API_DEBUG) is 'perhaps'; allowed: true or false"),
        ({"SESSION_BACKEND": "gpt"}, "allowed: one of auto, claude-cli, anthropic-api, rehearsal"),
        ({"HOME_TIMEZONE": "Mars/Olympus"}, "allowed: the name of a time zone this machine has data for"),
        ({"HOME_TIMEZONE": "../etc/passwd"}, "allowed: the name of a time zone this machine has data for"),
        ({"DAY_ZERO": "yesterday"}, "allowed: a date such as 2026-01-15"),
        ({"REHEARSAL_SPEED": "nan"}, "allowed: a number"),
        ({"REHEARSAL_SPEED": "-1"}, "allowed: 0 to 1000000 characters/s"),
        ({"BUDGET_DAY_USD": "-1"}, "allowed: 0 or more USD"),
        ({"ANTHROPIC_BASE_URL": "ftp://x"}, "allowed: an address that begins with http:// or https://"),
        ({"WEATHER_URL": "http://[::1"}, "allowed: an address that begins with http:// or https://, or nothing"),
        ({"TELEGRAM_CHAT_ID": "me"}, "allowed: the number of a chat, or nothing"),
        ({"TELEGRAM_AUTHORIZED_USERS_RAW": "ada:1,bob"}, "allowed: name:chat_id pairs"),
        ({"API_TRUSTED_PROXIES": "10.0.0.0/8,proxy"}, "allowed: addresses or networks such as 10.0.0.0/8"),
        ({"RESIDENT_NAME": "a\x07b"}, "allowed: one line of printable text"),
        ({"SESSION_LOCK_PATH": "~nobody-of-that-name/x"}, "allowed: a path whose user exists"),
        ({"SESSION_OUTWARD_WITH_STRANGERS": "letter,shout"}, "allowed: one of telegram, letter, web-search, web-read"),
    ],
)
def test_malformed_values(tmp_path: Path, environ: dict[str, str], says: str) -> None:
    """A malformed value stops the start and names the setting, where it stands, the value, and what is allowed."""
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, environ)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert (raised.value.exit_code, raised.value.ends_start) == (78, True)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[http]\nprot = 1\n", "there is no setting 'http.prot'"),
        ("[http]\nprot = 1\n", "the nearest known one is 'http.port'"),
        ("port = 1\n", "the nearest known one is 'http.port'"),
        ("[hppt]\nport = 1\n", "there is no setting 'hppt'"),
        ("zzzzzz = 1\n", "config/default.toml lists every setting"),
        ("http = 1\n", "http ("),
        ("[http]\nport = true\n", "http.port ("),
        ("[http]\nport = [1]\n", "allowed: a whole number"),
        ("[http]\nhost = 1.5\n", "allowed: text"),
        ("[http]\ncors_origins = 5\n", "allowed: a list of texts"),
        ("[resident]\nname = ''\n", "allowed: a text that is not empty"),
        ("[resident]\nday_zero = 2026-01-15T00:00:00Z\n", "allowed: a date"),
        ("[session]\nlock_path = 5\n", "allowed: a path"),
        ("[http\n", "is not TOML"),
        ("home = '/x'\n", "home can't be set in"),
    ],
)
def test_bad_files(tmp_path: Path, toml: str, says: str) -> None:
    """An unknown key or a wrong value in the TOML file stops the start and names the nearest known key."""
    write(tmp_path / "claude-runner.toml", toml)
    with pytest.raises(SettingsError) as raised:
        load(tmp_path)
    assert says in str(raised.value)


def test_unknown_option(tmp_path: Path) -> None:
    """A command-line setting that does not exist is refused with the nearest known one."""
    with pytest.raises(SettingsError, match="there is no setting 'http.hots'.*'http.host'"):
        load(tmp_path, http__hots="x")


def test_missing_config_file(tmp_path: Path) -> None:
    """A file named by --config has to exist."""
    with pytest.raises(SettingsError, match="none.toml \\(--config\\) does not exist"):
        load_settings({"home": tmp_path}, {}, tmp_path / "none.toml")


def test_unreadable_files(tmp_path: Path) -> None:
    """A settings file that can't be read is an error, not an absence; the resident's tools do without runner/.env."""
    (tmp_path / "claude-runner.toml").mkdir()
    with pytest.raises(SettingsError, match="can't be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "claude-runner.toml").rmdir()
    (tmp_path / "runner/.env").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"\.env can't be read"):
        load(tmp_path)
    assert load_settings({"home": tmp_path}, {}, serving=False).settings.home == tmp_path


def test_secret_values_stay_out_of_errors(tmp_path: Path) -> None:
    """An error about a secret does not show it."""
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, {"API_KEY": "tell\x07tale"})
    assert "tale" not in str(raised.value)
    assert "http.api_key (API_KEY) is a value that is not shown" in str(raised.value)


def test_types_are_taken_as_people_write_them(tmp_path: Path) -> None:
    """Lists with commas, switches in words, paths with ~, numbers and booleans where TOML users write them bare."""
    write(
        tmp_path / "claude-runner.toml",
        '[git]\npush = true\n[http]\ncors_origins = ["a", " b "]\n[telegram]\nchat_id = 5\n',
    )
    settings = load(
        tmp_path,
        {"API_DEBUG": "On", "TRUSTED_API_KEYS": " k1, ,k2 ", "SESSION_LOCK_PATH": "~/lock", "DAY_ZERO": "2025-12-31"},
    ).settings
    assert settings.git.push == "true"
    assert settings.http.cors_origins == ("a", "b")
    assert settings.telegram.chat_id == "5"
    assert settings.http.debug is True
    assert settings.http.trusted_keys == ("k1", "k2")
    assert settings.session.lock_path == Path("~/lock").expanduser()
    assert settings.resident.day_zero == date(2025, 12, 31)
    assert settings.secret_values() == ("k1", "k2")


def test_empty_values_say_nothing_unless_nothing_is_allowed(tmp_path: Path) -> None:
    """`API_PORT=` leaves the default, while `WEATHER_URL=` switches the weather off."""
    settings = load(tmp_path, {"API_PORT": "", "CLAUDE_MODEL": "", "WEATHER_URL": "", "CLAUDE_HOME": ""}).settings
    assert (settings.http.port, settings.session.model, settings.world.weather_url) == (8000, "claude-opus-4-6", "")


def test_names_regardless_of_case(tmp_path: Path) -> None:
    """Names are read whatever their case, as the predecessor did; the capital one wins over another spelling."""
    assert load(tmp_path, {"api_port": "81"}).settings.http.port == 81
    assert load(tmp_path, {"API_PORT": "82", "api_port": "81"}).settings.http.port == 82
    assert load(tmp_path, {"api_port": "81", "API_PORT": "82"}).settings.http.port == 82


def test_unknown_names_warn(tmp_path: Path) -> None:
    """Unknown names in the environment and in .env draw one warning each, with the nearest known name."""
    write(
        tmp_path / "runner/.env", "HOST=1\nAPI_PROT=1\nsomething else\nCLAUDE_HOME=/x\nHF_HOME=/y\nANTHROPIC_MODEL=z\n"
    )
    environ = {
        "SESSION_BACKNED": "x",
        "PATH": "/bin",
        "SESSION_MANAGER": "local/x",
        "CLAUDE_CODE_ENTRYPOINT": "cli",
        "ANTHROPIC_MODEL": "z",
        "HOMEBREW_PREFIX": "/opt",
    }
    warnings = load(tmp_path, environ).warnings
    env = tmp_path / "runner/.env"
    assert warnings[0] == f"{env} line 3 is not KEY=VALUE and was skipped"
    assert warnings[1].startswith("SESSION_BACKNED in the environment is no setting and was ignored; ")
    assert warnings[1].endswith("the nearest known name is SESSION_BACKEND")
    assert "API_PORT" in warnings[2]
    assert "HF_HOME" in warnings[3]
    assert warnings[4].endswith("the nearest known name is API_HOST")
    assert warnings[5].startswith("CLAUDE_HOME in")
    assert len(warnings) == 6


def test_secrets_lying_open(tmp_path: Path) -> None:
    """A .env that everybody can read draws a warning when there is a secret in it, and only then."""
    env = write(tmp_path / "runner/.env", "API_KEY=\nAPI_PORT=9\n")
    assert load(tmp_path).warnings == ()
    env.write_text("API_KEY=k\n")
    env.chmod(0o640)
    assert load(tmp_path).warnings == ()
    env.chmod(0o644)
    (warning,) = load(tmp_path).warnings
    assert warning.endswith(f"everybody on this machine can read it; allowed: chmod 600 {env}")


def test_open_doors_need_a_key(tmp_path: Path) -> None:
    """Listening where others can reach us is refused without a service key, and the error says both ways out."""
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, {"API_HOST": "0.0.0.0"})
    assert "http.host (environment API_HOST) is '0.0.0.0'" in str(raised.value)
    assert "API_KEY" in str(raised.value)
    assert load(tmp_path, {"API_HOST": "0.0.0.0", "API_KEY": "k"}).settings.http.host == "0.0.0.0"
    assert load_settings({"home": tmp_path, "http.host": "0.0.0.0"}, {}, serving=False).settings.http.api_key == ""


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("house.example", False),
    ],
)
def test_is_loopback(host: str, only_here: bool) -> None:
    """Only addresses that never leave the machine count as loopback; an unknown name does not."""
    assert is_loopback(host) is only_here


def test_diff_tells_what_a_reload_has_to_do(tmp_path: Path) -> None:
    """Changed settings are told with their actor, secrets hidden, those without a function left out."""
    old = load(tmp_path).settings
    new = load(
        tmp_path,
        {
            "API_KEY": "k",
            "HOME_CITY": "Turku",
            "API_PORT": "9",
            "API_SHUTDOWN_TIMEOUT": "5",
            "GIT_PUSH_ENABLED": "true",
        },
    ).settings
    assert diff(old, old) == ()
    changes = {change.key: change for change in diff(old, new)}
    assert list(changes) == ["resident.city", "http.port", "http.api_key", "git.push"]
    assert (changes["http.api_key"].old, changes["http.api_key"].new) == ("(not set)", "(hidden)")
    assert changes["http.api_key"].actor == "web"
    assert (changes["http.port"].old, changes["http.port"].new, changes["http.port"].actor) == ("8000", "9", None)
    assert changes["resident.city"].applies == "live"


def test_listing_is_readable(tmp_path: Path) -> None:
    """The listing shows switches, lists and paths as people write them."""
    shown = {view.key: view.value for view in load(tmp_path, {"CLAUDE_RUN_AS": "x"}).listing()}
    assert (shown["http.debug"], shown["session.tools"]) == ("false", "Read, Write, Edit, Glob, Grep")
    assert (shown["session.lock_path"], shown["home"]) == ("", str(tmp_path))


def test_settings_are_frozen(tmp_path: Path) -> None:
    """Nobody can change settings that are in use."""
    settings: Settings = load(tmp_path).settings
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.http.port = 1  # type: ignore[misc]


def test_reading_settings_writes_nothing(tmp_path: Path) -> None:
    """Loading leaves no trace, also for a home that does not exist."""
    load(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_what_waits_for_a_start_stays_as_it_is(tmp_path: Path) -> None:
    """A reload puts everything in force but what only a start of the process can; that is told again each time."""
    old = load_settings({"home": tmp_path}, {}).settings
    given = {"session.lock_path": str(tmp_path / "lock"), "budget.day_usd": 3.0, "session.max_turns": 7}
    new = load_settings({"home": tmp_path / "other", **given}, {}).settings
    kept = without_waiting(old, new)
    assert (kept.home, kept.session.lock_path) == (old.home, old.session.lock_path)
    assert (kept.budget.day_usd, kept.session.max_turns) == (3.0, 7)
    assert {change.key for change in diff(kept, new)} == {"home", "session.lock_path"}
