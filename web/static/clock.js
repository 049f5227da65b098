// Times that run: how long a session has lasted, how long it is until the next.
const span = (seconds) => {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
};

const digits = (seconds) => {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
};

export const tick = () => {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-until]")) {
    const left = (Date.parse(time.dateTime) - now) / 1000;
    if (left <= 0) time.textContent = "any moment now";
    else time.textContent = time.dataset.until === "digits" ? digits(left) : `in ${span(left)}`;
  }
  for (const time of document.querySelectorAll("time[data-since]")) {
    time.textContent = span(Math.max(0, (now - Date.parse(time.dateTime)) / 1000));
  }
};

tick();
setInterval(tick, 1000);
