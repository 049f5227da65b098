// The theme's buttons work as a form; with scripts they change the page in place.
const form = document.querySelector(".themes");

form?.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.value) return;
  event.preventDefault();
  fetch(form.action, {
    method: "POST",
    body: new URLSearchParams({ theme: button.value, back: "/" }),
    redirect: "manual",
  });
  if (button.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = button.value;
  for (const other of form.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
});
