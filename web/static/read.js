// Reading: the arrow keys turn to the older and the newer piece, a thin line shows how far one is.
const bar = document.createElement("div");
bar.className = "progress";
bar.setAttribute("aria-hidden", "true");
document.body.append(bar);

const progress = () => {
  const room = document.documentElement.scrollHeight - innerHeight;
  bar.style.transform = `scaleX(${room > 0 ? Math.min(1, scrollY / room) : 0})`;
};

addEventListener("scroll", progress, { passive: true });
addEventListener("resize", progress);
progress();

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.("input, textarea, select, pre")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const link = rel && document.querySelector(`.turn a[rel="${rel}"]`);
  if (link) location.assign(link.href);
});
