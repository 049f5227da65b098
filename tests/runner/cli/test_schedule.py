"""`schedule` with its options and `impulse`, with no process running."""

import json

from tests.runner.cli.conftest import CommandLine

# the command line's clock stands at half past noon in New York


def test_an_own_wake_is_set_shown_replaced_and_cancelled(lived: CommandLine) -> None:
    """The whole life of one wake that is set; `schedule` lists it among the slots."""
    ran = lived("schedule", "--at", "16:30", "--reason", 'a "quoted" reason')
    assert (ran.code, ran.out) == (0, "you will wake at 2026-03-01 16:30\n")
    rows = lived("schedule", "--json").json
    assert [row["type"] for row in rows[:3]] == ["afternoon", "self", "dusk"]
    assert rows[1]["at"] == "2026-03-01T16:30:00-05:00"
    assert "0 of 3, 3 left" in lived("schedule", "--status").out
    ran = lived("schedule", "--in", "1h", "--reason", "sooner")
    assert ran.out == "you will wake at 2026-03-01 13:30\nthis replaces the wake of 2026-03-01 16:30\n"
    found = lived("schedule", "--status", "--json").json
    assert (found["fired_today"], found["remaining"], found["pending"]["reason"]) == (0, 3, "sooner")
    assert lived("schedule", "--cancel").out == "cancelled the wake of 2026-03-01 13:30\n"
    ran = lived("schedule", "--cancel")
    assert (ran.code, ran.out) == (0, "nothing was set\n")


def test_refusals_are_one_line_and_exit_1(lived: CommandLine) -> None:
    """What the rules don't allow is said; nothing is written."""
    for arguments, words in (
        (("--at", "14:45", "--reason", "x"), "15 minutes from a scheduled wake"),
        (("--at", "16:30"), "--reason is empty"),
        (("--in", "200h", "--reason", "x"), "at most 7 days"),
        (("--at", "noon", "--reason", "x"), "write HH:MM"),
    ):
        ran = lived("schedule", *arguments)
        assert (ran.code, ran.out) == (1, ""), ran
        assert words in ran.err
        assert not (lived.home / "data" / "self-schedule.json").exists()


def test_options_that_contradict_each_other_are_bad_usage(lived: CommandLine) -> None:
    """Two wishes at once, and a reason without a time, exit 2."""
    for arguments in (("--status", "--cancel"), ("--at", "16:30", "--in", "2h"), ("--reason", "x")):
        assert lived("schedule", *arguments).code == 2


def test_the_daily_cap_is_the_historys(lived: CommandLine) -> None:
    """Three wakes in the history of today fill the day; a torn line counts for nothing."""
    lines = [
        json.dumps({"date": "2026-03-01", "wake_at": f"2026-03-01T0{hour}:30:00-05:00", "reason": "r",
                    "fired_at": f"2026-03-01T0{hour}:30:02-05:00"})
        for hour in (1, 4, 7)
    ]  # fmt: skip
    history = lived.home / "data" / "self-schedule-history.jsonl"
    history.write_text("\n".join([*lines[:2], '{"date": "2026-03-01", "rea']) + "\n")
    assert lived("schedule", "--at", "16:30", "--reason", "x").code == 0
    history.write_text("\n".join(lines) + "\n")
    ran = lived("schedule", "--at", "16:30", "--reason", "x")
    assert ran.code == 1
    assert "2026-03-01 has its 3 wakes" in ran.err
    assert lived("schedule", "--at", "04:30", "--reason", "x").code == 0


def test_impulses_are_added_listed_and_dropped(lived: CommandLine) -> None:
    """Words need no quotes; the list shows urgency and end; a wrong id exits 1 and names what there is."""
    ran = lived("impulse", "add", "water", "the", "fern", "--urgency", "high")
    identity = ran.out.split()[0]
    assert ran.code == 0
    assert "water the fern" in lived("impulse", "list").out
    (row,) = lived("impulse", "list", "--json").json
    assert (row["id"], row["urgency"], row["body"]) == (identity, "high", "water the fern")
    assert lived("impulse", "drop", "imp_0").code == 1
    assert lived("impulse", "drop", identity).out == f"{identity} dropped\n"
    assert lived("impulse", "list", "--json").json == []
    assert lived("impulse", "add", "x" * 281).code == 1
