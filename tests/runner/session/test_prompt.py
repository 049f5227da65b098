"""The templates: every agreed name is there, the order holds, and nothing is named that the session has not got."""

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import attrs
import jinja2.meta
import pytest

from runner.resources import prompts_dir
from runner.session import sources
from runner.session.context import SOURCES, Context, gather
from runner.session.kinds import KINDS
from runner.session.prompt import Prompter, PromptInput, Prompts
from runner.session.sources.base import Letter, Letters
from runner.tools.capabilities import COMMANDS, Capabilities, Grant
from tests.runner.session.asking import NOON, ask_for, write

FIELDS = [
    "weather",
    "helsinki_light",
    "memory_echoes",
    "time_context",
    "day_counter",
    "ambient_state",
    "recent_thought",
    "identity_content",
    "voice_content",
    "memory_content",
    "compiled_memory",
    "file_summary",
    "visitor_check",
    "news_check",
    "gifts_check",
    "today_date",
    "current_time",
    "current_time_tz",
    "session_name",
    "prompt_file_content",
    "directories",
    "inner_thread_context",
    "drift_context",
    "impulse_context",
    "mirror_context",
]
IN_SYSTEM = [
    "session_header_style",
    "session_name",
    "current_time",
    "current_time_tz",
    "today_date",
    "claude_home",
    "identity_content",
    "voice_content",
    "time_context",
    "weather",
    "helsinki_light",
    "day_counter",
    "ambient_state",
    "visitor_check",
    "news_check",
    "gifts_check",
    "directories",
    "file_summary",
    "recent_thought",
    "memory_content",
    "compiled_memory",
    "memory_echoes",
    "inner_thread_context",
    "drift_context",
    "impulse_context",
    "mirror_context",
]
IN_USER = [
    "session_name",
    "current_time",
    "today_date",
    "prompt_file_content",
    "visitor_msg",
    "sender_display",
    "image_path",
    "caption",
    "letters_context",
]
TEMPLATES = {kind.template for kind in KINDS.values()}
WORDS = Letters((Letter("visitors/2026-03-01-mira.md", "hello there", "2026-03-01-mira.md"),), 2)
FILLED = {
    name: WORDS if isinstance(source.fallback, Letters) else f"<{name}>"
    for source in SOURCES
    if (name := source.name) not in {"directories", "session_name", "current_time_tz", "today_date"}
}


async def filled(home: Path, kind: str = "noon", **changes: object) -> Context:
    context = await gather(ask_for(home, kind))
    return attrs.evolve(context, values={**context.values, **FILLED, **changes})


async def made(home: Path, kind: str = "noon", *, able: Capabilities | None = None, **wanted: str) -> Prompts:
    prompter = Prompter(prompts_dir(), able or Capabilities(("Read", "Write")), lambda: "fence0")
    return prompter.render(ask_for(home, kind), await filled(home, kind), PromptInput(**wanted))


def test_every_field_has_a_module_of_its_own() -> None:
    """The 25 fields are 25 modules with the fields' names, each with its source, and the table has them all."""
    assert len(FIELDS) == 25
    table = {source.name: source for source in SOURCES}
    assert len(table) == len(SOURCES)
    for name in FIELDS:
        assert importlib.import_module(f"runner.session.sources.{name}").SOURCE is table[name]
    modules = {module.name for module in pkgutil.iter_modules(sources.__path__)}
    assert modules == set(table) | {"base", "company", "sky"}
    assert all(source.within <= 10 and source.fallback is not None for source in SOURCES)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_agreed_name_can_be_used(tmp_path: Path, kind: str) -> None:
    """Templates that use every name of the contract render for every type: 26 in the system prompt, 9 in the other."""
    assert (len(IN_SYSTEM), len(IN_USER)) == (26, 9)
    (tmp_path / "system.md.j2").write_text("".join(f"{{{{ {name} }}}}\n" for name in IN_SYSTEM))
    for template in TEMPLATES:
        (tmp_path / f"{template}.md.j2").write_text("".join(f"{{{{ {name} }}}}\n" for name in IN_USER))
    ask = ask_for(tmp_path / "home", kind)
    prompts = Prompter(tmp_path).render(ask, await gather(ask), PromptInput("words", "mira", ""))
    assert f"{ask.settings.home}\n" in prompts.system
    assert f"{kind}\n12:05 PM\n2026-03-02\n" in prompts.user
    assert "words\nMira\n" in prompts.user
    prompts = Prompter(tmp_path).render(ask, await gather(ask), PromptInput(" a caption ", "mira", "/h/i.jpg"))
    assert "\nMira\n/h/i.jpg\na caption\n" in prompts.user


def test_the_shipped_templates_are_those_agreed() -> None:
    """A system template, seven for the user, the partials they include; and no field is gathered for nothing."""
    files = {path.name for path in prompts_dir().iterdir()}
    assert {f"{name}.md.j2" for name in TEMPLATES} | {
        "system.md.j2",
        "_reminder.md.j2",
        "_reminder_self.md.j2",
    } <= files
    assert len(TEMPLATES) == 7
    environment = Prompter(prompts_dir())._environment
    used: set[str] = set()
    for path in prompts_dir().glob("*.j2"):
        used |= jinja2.meta.find_undeclared_variables(environment.parse(path.read_text()))
    assert {source.name for source in SOURCES} - used == {"current_time"}  # its twin with the zone stands in for it


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    "wanted", [PromptInput(), PromptInput("hello", "mira"), PromptInput("look", "mira", "/h/telegram/i.jpg")]
)
async def test_every_template_renders_full_and_empty(tmp_path: Path, kind: str, wanted: PromptInput) -> None:
    """For each type, with everything there and with nothing: no gap, and no leftover of a template."""
    ask = ask_for(tmp_path, kind)
    empty = await gather(ask)
    blank = {name: "" for name, value in empty.values.items() if isinstance(value, str) and name not in IN_USER}
    contexts = (
        await filled(tmp_path, kind),
        empty,
        attrs.evolve(empty, values={**empty.values, **blank, "prompt_file_content": ""}),
    )
    for context in contexts:
        prompts = Prompter(prompts_dir()).render(ask, context, wanted)
        for text in (prompts.system, prompts.user):
            assert text.strip()
            assert not any(mark in text for mark in ("{{", "}}", "{%", "None", "Letters("))
            assert '">\n\n</section>' not in text


async def test_the_order_is_the_agreed_one(tmp_path: Path) -> None:
    """Header, what was said lately, who and where, the day, inner life, what waits, folders, files, memory, echoes."""
    system = (await made(tmp_path)).system
    marks = [
        "NOON",
        "words of others fence0 | visitors/",
        "You live in",
        "<identity_content>",
        "<voice_content>",
        "<house_notes>",
        "<time_context>",
        "<weather>",
        "<helsinki_light>",
        "<day_counter>",
        "<ambient_state>",
        "<inner_thread_context>",
        "<drift_context>",
        "<impulse_context>",
        "<mirror_context>",
        "<visitor_check>",
        "<news_check>",
        "<gifts_check>",
        "- thoughts/ :",
        "<file_summary>",
        "You may use these folders",
        "thoughts/2026-03-02-noon.md",
        "The front page is landing-page/landing.json (headline",
        "<recent_thought>",
        "<memory_content>",
        "<compiled_memory>",
        "<memory_echoes>",
    ]
    places = [system.index(mark) for mark in marks]
    assert places == sorted(places)
    assert all(system.count(mark) == 1 for mark in marks if mark.startswith("<"))


async def test_only_what_the_session_has_is_named(tmp_path: Path) -> None:
    """No tool and no command stands in a prompt whose session lacks it; all of them do where it has them."""
    tools = ("Read", "Write", "Edit", "Glob", "Grep", "Bash", "WebFetch", "WebSearch", "List", "Search")
    for kind in KINDS:
        bare = await made(tmp_path, kind, able=Capabilities(), message="hi", sender="mira", image="/i.jpg")
        text = bare.system + bare.user
        assert not [tool for tool in tools if re.search(rf"\b{tool}\b(?! prompt| no files)", text)]
        assert "claude-runner" not in text
        assert "no tools" in text
    able = Capabilities(("Read", "Write"), commands=frozenset(COMMANDS), by_shell=True, pictures=True)
    said = {kind: await made(tmp_path, kind, able=able, message="hi", sender="mira") for kind in KINDS}
    assert "Read, Write" in said["noon"].system
    assert "claude-runner schedule --at" in said["noon"].user
    assert "claude-runner schedule --at" in said["self"].user
    assert "claude-runner letter --to" in said["correspondence"].user
    assert "claude-runner letter" not in said["noon"].user
    assert "claude-runner letter" not in said["noon"].system, "it reads a visitor's words"
    assert "claude-runner impulse add" in said["noon"].system
    assert "one plain line of Bash" in said["noon"].system
    elsewhere = await made(tmp_path, "self", able=attrs.evolve(able, by_shell=False), message="hi")
    assert "the tool `schedule` (at: HH:MM" in elsewhere.user
    assert "claude-runner" not in elsewhere.system + elsewhere.user
    assert "Bash" not in elsewhere.system
    assert "Read tool" in (await made(tmp_path, "telegram", able=able, image="/i.jpg")).user
    everything = Capabilities((), everything=True, commands=frozenset(COMMANDS), pictures=True)
    assert "read, write and execute" in (await made(tmp_path, able=everything)).system


async def test_a_session_for_letters_may_write_to_those_it_holds(tmp_path: Path) -> None:
    """The grant names the correspondents whose letters stand in the prompt, unless the operator grants all of them;
    other sessions may write to everybody, or have no letters at all.
    """
    able = Capabilities(("Read",), commands=frozenset(COMMANDS))
    held = Letters((Letter("mailbox/mira", "hello", "mira"), Letter("mailbox/tom", "hello", "tom")))

    async def grant(kind: str, context: dict[str, object], **settings: Any) -> Grant:
        ask = ask_for(tmp_path, kind, **settings)
        plain = await gather(ask)
        full = attrs.evolve(plain, values={**plain.values, **context})
        return Prompter(prompts_dir(), able).render(ask, full, PromptInput("mira,tom,quiet")).grant

    assert await grant("correspondence", {"letters_context": held}) == Grant(
        tuple(COMMANDS), ("mira", "tom"), ("mira", "tom")
    )
    assert await grant("correspondence", {}) == Grant(tuple(COMMANDS), ())
    granted = await grant("correspondence", {"letters_context": held}, session__outward_with_strangers=["letter"])
    assert granted == Grant(tuple(COMMANDS), None, ("mira", "tom"))
    assert await grant("noon", {}) == Grant(tuple(COMMANDS))
    assert await grant("noon", {"visitors": held}) == Grant(("schedule", "impulse"), None, ())


async def test_strangers_words_take_the_outward_tools(tmp_path: Path) -> None:
    """A session that reads strangers loses them, and is not told of them; one that reads only its own keeps them."""
    able = Capabilities(("Read", "WebFetch"), commands=frozenset(COMMANDS))
    prompter = Prompter(prompts_dir(), able)

    async def lost(kind: str, context: dict[str, object] | None = None, **wanted: str) -> tuple[str, ...]:
        ask = ask_for(tmp_path, kind)
        plain = await gather(ask)
        full = attrs.evolve(plain, values={**plain.values, **(context or {})})
        return prompter.render(ask, full, PromptInput(**wanted)).withheld

    assert await lost("noon") == ()
    assert await lost("custom", message="a task") == ()
    assert await lost("telegram", message="hi", sender="Dinesh") == ()
    every = ("letter", "telegram", "web", "WebFetch", "WebSearch")
    assert await lost("noon", {"visitors": WORDS}) == every
    assert await lost("noon", {"conversation_excerpts": WORDS}) == every
    assert await lost("visit", message="hi") == every
    assert await lost("telegram", message="hi", sender="mira") == every
    assert "letter" not in await lost("correspondence", {"letters_context": WORDS}, message="mira")
    own = attrs.evolve(WORDS, shown=(attrs.evolve(WORDS.shown[0], stranger=False),))
    assert await lost("noon", {"chat_excerpts": own}) == ()
    assert "WebFetch" not in prompter.render(ask_for(tmp_path), await filled(tmp_path), PromptInput()).system


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("noon", "left nothing in prompt/prompt.md. The time is yours"),
        ("visit", "no message came with it"),
        ("telegram", "no words came with it"),
        ("correspondence", "none were found"),
        ("self", "recorded no reason"),
        ("custom", "without a task. The time is yours"),
        ("telegram_talk_open", "opens a talk with you"),
    ],
)
async def test_nothing_said_is_said(tmp_path: Path, kind: str, words: str) -> None:
    """An empty prompt.md and an empty message have friendly words of their own."""
    write(tmp_path / "prompt" / "prompt.md", "  \n")
    ask = ask_for(tmp_path, kind)
    prompts = Prompter(prompts_dir()).render(ask, await gather(ask), PromptInput())
    assert words in " ".join(prompts.user.split())


async def test_what_each_type_must_convey(tmp_path: Path) -> None:
    """Message, letters, picture and reason reach their templates; replies are asked for as last words."""
    assert "fence0 | Mira>>>\n> hi there\n" in (await made(tmp_path, "visit", message="hi there", sender="mira")).user
    picture = (await made(tmp_path, "telegram", message=" the harbour ", sender="mira", image="/h/i.jpg")).user
    assert "Mira sent you a picture over Telegram: /h/i.jpg" in picture
    assert "> the harbour\n" in picture
    assert "sent to Mira as your reply" in picture
    letters = (await made(tmp_path, "correspondence", message="mira")).user
    assert "> hello there\n" in letters
    assert "2 more will be shown" in letters
    assert (
        '<section name="reason">\nto look at the tide\n</section>'
        in (await made(tmp_path, "self", message="to look at the tide")).user
    )
    assert (await made(tmp_path, "custom", message="just this")).user == "just this\n"
    assert '<section name="message">\na word\n</section>' in (await made(tmp_path, "noon", message="a word")).user
    greeting = (await made(tmp_path, "telegram_talk_open", sender="mira")).user
    assert "Greet Mira in one to three sentences" in greeting
    assert f"{NOON:%Y-%m-%d}" in (await made(tmp_path, "dusk")).user


async def test_sections_have_their_sizes(tmp_path: Path) -> None:
    """Every field is listed with its characters, blocks of letters with the letters' own."""
    prompts = await made(tmp_path, message="12345")
    assert set(FIELDS) | {"visitors", "letters_context", "message", "system", "user"} <= set(prompts.sections)
    assert prompts.sections["weather"] == len("<weather>")
    assert prompts.sections["visitors"] == len("hello there")
    assert prompts.sections["message"] == 5
    assert prompts.sections["directories"] > 500
    assert prompts.shown_visitors == ("2026-03-01-mira.md",)
