"""Adding up: several results, odd figures, words behind the end."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.stream.records import MOST_TOKENS, MOST_USD, ResultRecord, Said, ToolUse, parse
from runner.stream.summary import Summary


def line(**record: Any) -> bytes:
    return json.dumps(record).encode()


def result(subtype: str = "success", **more: Any) -> bytes:
    return line(type="result", subtype=subtype, is_error=subtype != "success", **more)


def said(text: str) -> bytes:
    return line(type="assistant", message={"content": [{"type": "text", "text": text}]})


def summed(*lines: bytes) -> Summary:
    summary = Summary(Path("/home"))
    for each in lines:
        summary.feed(parse(each), each)
    return summary


GOOD = result(result="bye", num_turns=3, total_cost_usd=0.25, usage={"input_tokens": 9})
EMPTY = result("error_during_execution", num_turns=0, total_cost_usd=0, usage={"input_tokens": 0})


def test_an_empty_error_behind_a_success_does_not_count() -> None:
    """The success stands with its figures; the same error with nothing before it, or after more work, is a failure."""
    summary = summed(said("hello"), GOOD, EMPTY)
    assert (summary.ended_well, summary.excused, summary.reply()) == (True, True, "bye")
    assert summary.end is not None
    assert (summary.end.cost_usd, summary.end.num_turns, summary.usage.input_tokens) == (0.25, 3, 9)
    assert summed(EMPTY).failed
    again = summed(GOOD, said("and"), EMPTY)
    assert (again.failed, again.excused) == (True, False)
    assert again.end is not None
    assert again.end.cost_usd == 0.25
    assert summed(GOOD, result("error_max_turns")).failed
    assert summed(EMPTY, GOOD).ended_well


def test_of_several_results_the_last_one_speaks_and_the_greatest_figures_count() -> None:
    """A program that goes on tells its whole cost again: neither its last words nor a figure is lost."""
    second = result(result="bye again", num_turns=2, total_cost_usd=0.75, usage={"input_tokens": 4, "output_tokens": 5})
    summary = summed(GOOD, said("more"), second)
    assert summary.reply() == "bye again"
    assert summary.end is not None
    assert (summary.end.cost_usd, summary.end.num_turns) == (0.75, 3)
    assert (summary.usage.input_tokens, summary.usage.output_tokens) == (9, 5)
    assert summed(GOOD, said("one word more")).reply() == "bye\n\none word more"


@pytest.mark.parametrize(
    ("figure", "count"),
    [("-3", 0), ("1e19", MOST_TOKENS), ("9223372036854775808", MOST_TOKENS), ("9" * 5000, MOST_TOKENS), ("NaN", 0),
     ("Infinity", 0), ("-Infinity", 0), ("1e999", 0), ("true", 0), ('"7"', 0), ("null", 0), ("[]", 0), ("2.9", 2)],
)  # fmt: skip
def test_every_figure_of_a_result_is_bounded(figure: str, count: int) -> None:
    """Whatever stands where a number belongs, the record is read and its figures can be stored and added up."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    usage = ",".join(f'"{name}":{figure}' for name in names)
    raw = (
        f'{{"type":"result","subtype":"success","result":"x","num_turns":{figure},"total_cost_usd":{figure},'
        f'"duration_ms":{figure},"usage":{{{usage}}}}}'
    )
    record = parse(raw.encode())
    assert isinstance(record, ResultRecord)
    assert record.result == "x"
    assert record.usage.input_tokens == record.usage.cache_creation_tokens == count
    assert 0 <= record.cost_usd <= MOST_USD
    assert 0 <= record.num_turns <= 10**9
    assert 0 <= record.duration_ms < 10**13


def test_texts_of_a_record_are_clean_where_they_come_in() -> None:
    """Broken bytes, half characters deep in a tool's input, control characters in names: read, and encodable."""
    record = parse(
        b'{"type":"result","subtype":"success","result":"caf\xe9","session_id":"a\\u0000b\\n","total_cost_usd":1}'
    )
    assert isinstance(record, ResultRecord)
    assert (record.result, record.session_id) == ("caf\N{REPLACEMENT CHARACTER}", "ab")
    use = {"type": "tool_use", "id": "1", "name": "Write\ud800" * 99, "input": {"file_path": "\ud83c", "x": ["\udfff"]}}
    record = parse(line(type="assistant", message={"content": [use]}))
    assert isinstance(record, Said)
    (block,) = record.blocks
    assert isinstance(block, ToolUse)
    assert len(block.name) == 200
    json.dumps([block.name, block.input], ensure_ascii=False).encode()
    assert block.input == {"file_path": "?", "x": ["?"]}


def test_a_flood_of_names_is_bounded() -> None:
    """So many different tools, and files of so long a name, have their limit; what is counted is counted right."""
    uses = [
        {"type": "tool_use", "id": "1", "name": f"T{n % 500}", "input": {"file_path": "x" * 10**5}} for n in range(999)
    ]
    summary = summed(line(type="assistant", message={"content": uses}))
    assert len(summary.tools) == 200
    assert summary.tools["T0"] == 2
    assert max(map(len, summary.read)) <= 4096
