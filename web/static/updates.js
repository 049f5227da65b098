// The front page and the lists: whatever changes at home shows here at once.
import "./clock.js";
import { follow } from "./stream.js";
import { refresh } from "./swap.js";

const names = ["session.start", "session.end", "gap"];
for (const kind of ["thought", "dream", "essay", "letter", "score", "book"]) {
  for (const action of ["created", "modified", "deleted"]) names.push(`${kind}.${action}`);
}

follow("/updates", Object.fromEntries(names.map((name) => [name, () => refresh()])), {
  onOpen: () => refresh(0), // something may have happened between the page and its stream
});
