"""A model that plays a part: well mostly, and now and then badly, slowly or not at all."""

import attrs
import trio

from runner.session.backends.base import DEADLINE_EXIT, RunListener, RunOrder, RunResult
from runner.session.backends.emit import Recorder
from runner.stream.records import Usage
from tests.simulation.power import Power
from tests.simulation.resident import Resident
from tests.simulation.world import World

PARTS = {"well": 81, "late": 4, "fails": 5, "raises": 3, "refuses": 3, "endless": 3, "signed out": 1}

MOST_COST = 0.02
"""USD that one session costs at the most."""


@attrs.frozen
class ScriptedModel:
    """The backend of the simulation; without its process's power it does nothing."""

    world: World
    power: Power
    resident: Resident
    name: str = "rehearsal"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        rng = self.world.rng
        part = rng.choices(list(PARTS), list(PARTS.values()))[0]
        part = "well" if part == "signed out" and not self.world.upset else part
        self.power.check()
        if part == "refuses":
            return RunResult(127, "the model could not be begun")
        await listener.spawning()
        self.power.check()
        self.world.prompted(order.session_id, order.system + order.user)
        self.power.passed("the model begins")
        await listener.spawned(None, None)
        await self.resident.look_at_pause(order.session_id)
        if part == "raises":
            raise OSError("the model's pipe broke")
        if part == "signed out":
            return RunResult(1, "authentication failed: the login has run out")
        recorder = Recorder(listener, "scripted")
        await recorder.started(("Write",), cwd=str(order.home))
        with trio.move_on_after(order.deadline) as deadline:
            await self._live(order, recorder, part)
        if deadline.cancelled_caught:
            return RunResult(DEADLINE_EXIT, f"over its deadline of {order.deadline:g} s")
        await recorder.ended(
            subtype="success" if part != "fails" else "error_during_execution",
            is_error=part == "fails",
            result="I heard you." if part != "fails" else None,
            duration_ms=1000,
            num_turns=2,
            cost_usd=round(rng.uniform(0.004, MOST_COST), 4),
            usage=Usage(input_tokens=100, output_tokens=20),
        )
        return RunResult(0 if part != "fails" else 1)

    async def _live(self, order: RunOrder, recorder: Recorder, part: str) -> None:
        rng = self.world.rng
        if part == "endless":
            await trio.sleep_forever()
        await trio.sleep(rng.uniform(1, 60))
        await recorder.said({"type": "text", "text": "Let me write this down."})
        await trio.sleep(rng.uniform(1, 600) if part == "well" else rng.uniform(600, 1700))
        self.power.check()
        name = f"thoughts/{order.now:%Y-%m}-{order.kind.name}.md"
        # now and then it forgets what belongs at a thought's head
        head = "" if rng.random() < 0.2 else f'---\ndate: "{order.now:%Y-%m-%d}"\ntitle: "A thought"\n---\n'
        (order.home / name).write_text(f"{head}# A thought\n\nWritten at {order.now:%d %H:%M}.\n")
        self.world.as_of_now(order.home / name)
        await self.resident.act(order)
        call = {"type": "tool_use", "id": "t1", "name": "Write", "input": {"file_path": name, "content": "…"}}
        await recorder.said(call)
        await recorder.answered([{"type": "tool_result", "tool_use_id": "t1", "content": "written"}])
        await recorder.said({"type": "text", "text": "I heard you."})
