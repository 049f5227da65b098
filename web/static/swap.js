// Fetches the page again and puts its changed parts in place: the server alone knows how things are written.
import { tick } from "./clock.js";

let pending = null;

const swap = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-swap]")) {
    const next = fresh.getElementById(part.id);
    if (next && next.outerHTML !== part.outerHTML) part.replaceWith(next);
  }
  tick();
};

export const refresh = (after = 120) => {
  clearTimeout(pending);
  pending = setTimeout(() => swap().catch(() => {}), after);
};
