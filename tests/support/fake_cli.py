"""A program that stands in for the CLI and misbehaves on purpose, one way for each name in `FAULTS`.

`install` writes an executable that runs this file in one mode: the mode can't come by environment or argument, because
the child's environment is an allow-list and its arguments are the real ones. Each spawn is noted in `<program>.spawns`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FAULTS = (
    "well",
    "no_result",
    "no_exit",
    "half_line",
    "long_line",
    "closed_stdout",
    "ignores_term",
    "stuck_silent",
    "forks_child",
    "setsid_child",
    "chatty_stderr",
    "junk",
    "refused_login",
    "crashes",
    "error_result",
    "dies_after_result",
    "slow",
    "empty_error",
    "goes_on",
    "goes_silent",
    "stays_a_while",
    "odd_figures",
)
LONG = 50 * 1024 * 1024


def install(folder: Path, mode: str) -> Path:
    """An executable that behaves in this way."""
    if mode not in FAULTS:
        raise AssertionError(f"no fault {mode!r}; there are {', '.join(FAULTS)}")
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"claude-{mode}"
    program.write_text(
        f"#!{sys.executable} -SE\n"
        f"import runpy\nrunpy.run_path({str(Path(__file__))!r})['main']({mode!r}, {str(program)!r})\n"
    )
    program.chmod(0o755)
    return program


def spawns(program: Path) -> int:
    """How many times the program was started."""
    noted = Path(f"{program}.spawns")
    return len(noted.read_text().splitlines()) if noted.exists() else 0


def say(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def text(words: str) -> dict[str, object]:
    message = {"role": "assistant", "content": [{"type": "text", "text": words}]}
    return {"type": "assistant", "message": message, "session_id": "fake"}


def result(**more: object) -> dict[str, object]:
    usage = {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "duration_ms": 5,
        "num_turns": 1,
        "result": "all is said",
        "session_id": "fake",
        "total_cost_usd": 0.25,
        "usage": usage,
        **more,
    }


def forever() -> None:
    while True:
        time.sleep(60)


def child(program: str, *, leave_group: bool) -> None:
    """A process that outlives us, holds our output open and ignores TERM; its pid goes to `<program>.child`."""
    code = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
    )
    started = subprocess.Popen(  # the point of it is that nobody waits for it
        [sys.executable, "-SEc", code], start_new_session=leave_group, stdin=subprocess.DEVNULL
    )
    Path(f"{program}.child").write_text(str(started.pid))


def main(mode: str, program: str) -> None:  # noqa: C901, PLR0912, PLR0915 - one case for each fault
    with Path(f"{program}.spawns").open("a") as noted:
        noted.write(f"{os.getpid()}\n")
    Path(f"{program}.environ").write_text(json.dumps(dict(os.environ)))
    Path(f"{program}.argv").write_text(json.dumps(sys.argv[1:]))
    Path(f"{program}.stdin").write_text(sys.stdin.read())
    say({"type": "system", "subtype": "init", "session_id": "fake", "model": "fake-model"})
    say(text("hello from the fake"))
    match mode:
        case "well" | "slow":
            if mode == "slow":
                time.sleep(0.3)
            say(result())
        case "no_result":
            return
        case "no_exit":
            say(result())
            forever()
        case "half_line":
            sys.stdout.write('{"type": "assistant", "mess')
            sys.stdout.flush()
        case "long_line":
            sys.stdout.write(json.dumps(text("x" * LONG)) + "\n")
            say(result())
        case "closed_stdout":
            os.close(1)
            forever()
        case "ignores_term":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            say(text("I stay"))
            forever()
        case "stuck_silent":
            forever()
        case "forks_child" | "setsid_child":
            child(program, leave_group=mode == "setsid_child")
            say(result())
        case "chatty_stderr":
            sys.stderr.write("noise and " * 200_000 + "the very end")
            sys.stderr.flush()
            say(result())
        case "junk":
            sys.stdout.write('plain words\n[1, 2]\n{"type": 5}\n\xff\n{}\n')
            say({"type": "user", "message": {"content": "a plain string"}})
            say(result())
        case "refused_login":
            retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "error": "authentication_failed"}
            say(retry)
            forever()
        case "crashes":
            sys.stderr.write("it broke\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        case "error_result":
            say(result(subtype="error_max_turns", is_error=True, result=None))
            sys.stdout.flush()
            os._exit(1)
        case "empty_error":
            say(result())
            nothing = {"total_cost_usd": 0, "num_turns": 0, "usage": {}}
            say(result(subtype="error_during_execution", is_error=True, result=None, **nothing))
            sys.stdout.flush()
            os._exit(1)
        case "goes_on" | "goes_silent":
            say(result())
            say(text("but there is more"))
            if mode == "goes_silent":
                forever()
            time.sleep(1)
            say(result(result="now all is said", total_cost_usd=0.5, num_turns=2))
        case "stays_a_while":
            say(result())
            for _ in range(6):
                time.sleep(0.2)
                say({"type": "system", "subtype": "status"})
            say(result(result="now all is said", total_cost_usd=0.5, num_turns=2))
        case "odd_figures":
            odd = 2**63
            say(
                result(
                    num_turns=1e19,
                    duration_ms=-1,
                    total_cost_usd=odd,
                    usage={"output_tokens": odd},
                    session_id="\ud800",
                )
            )
        case "dies_after_result":
            say(result())
            os._exit(9)
    sys.stdout.flush()
