// The session as it is written. The server draws what there is so far; each connection begins with the whole session.
import { tick } from "./clock.js";
import { follow } from "./stream.js";
import { refresh } from "./swap.js";

const feed = document.getElementById("feed");
const hero = document.getElementById("hero");
const button = document.getElementById("follow");
const connection = document.getElementById("connection");

let open = null; // the block still being written
let fresh = true; // the next event is the first of a connection
let following = true;
let model = "";

const make = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};

const span = (ms) => {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
};

const begin = () => {
  if (!fresh) return;
  fresh = false;
  open = null;
  feed.replaceChildren();
};

const scroll = () => {
  if (following) scrollTo({ top: document.documentElement.scrollHeight });
};

const put = (node) => {
  feed.append(node);
  scroll();
};

const awake = (yes) => {
  hero.dataset.state = yes ? "awake" : "resting";
  refresh(yes ? 300 : 600);
};

const on = (handle) => (data) => {
  begin();
  handle(data);
  scroll();
};

const handlers = {
  "session.start": (data) => {
    fresh = true;
    begin();
    model = data.model;
    feed.dataset.session = data.session_id;
    awake(true);
  },
  "session.delta": on(({ text }) => {
    if (!open) {
      open = make("div", "said open", "");
      feed.append(open);
    }
    open.append(text);
  }),
  "session.text": on(({ text }) => {
    const block = open ?? make("div", "said arriving");
    block.textContent = text;
    block.classList.remove("open");
    if (!open) feed.append(block);
    open = null;
  }),
  "session.tool": on((data) => {
    const details = make("details", "tool running");
    const summary = make("summary");
    summary.append(make("span", "tool-name", data.tool_name || "tool"), make("span", "tool-what", data.summary));
    details.append(summary);
    if (data.input) details.append(make("pre", "", data.input));
    details.dataset.tool = data.tool_name;
    feed.append(details);
  }),
  "session.tool_result": on((data) => {
    const waiting = [...feed.querySelectorAll("details.running")];
    const chip = waiting.find((one) => one.dataset.tool === data.tool_name) ?? waiting[0];
    if (!chip) return;
    chip.classList.remove("running");
    chip.classList.toggle("failed", data.is_error);
    chip.append(make("pre", "result", data.content));
  }),
  "session.end": on((data) => {
    open?.classList.remove("open");
    open = null;
    const line = make("p", "end");
    line.append(make("span", "", "The session has ended."), ` ${data.num_turns} turns`);
    const parts = [span(data.duration_ms), data.cost_usd ? `$${data.cost_usd.toFixed(2)}` : "", model];
    for (const part of parts.filter(Boolean)) line.append(make("span", "sep", part));
    feed.append(line);
    awake(false);
  }),
  gap: on(({ count }) => put(make("p", "gap", `${count ?? "Some"} events are missing here.`))),
};

follow("/api/v1/session/stream", handlers, {
  onOpen: () => {
    fresh = true;
    refresh(300);
  },
  onState: (state) => {
    connection.textContent = state === "open" ? "" : "The line is down; trying again.";
  },
});

addEventListener(
  "scroll",
  () => {
    const left = document.documentElement.scrollHeight - innerHeight - scrollY;
    following = left < 80;
    button.hidden = following || hero.dataset.state !== "awake";
  },
  { passive: true },
);

button.addEventListener("click", () => {
  following = true;
  scroll();
});

setInterval(() => document.visibilityState === "visible" && hero.dataset.state === "resting" && refresh(0), 60000);
tick();
