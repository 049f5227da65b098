// A stream of events that comes back by itself, also after the server has refused it for a while.
export const follow = (url, handlers, { onOpen = () => {}, onState = () => {} } = {}) => {
  let wait = 1000;
  let source;

  const connect = () => {
    source = new EventSource(url);
    source.addEventListener("open", () => {
      wait = 1000;
      onState("open");
      onOpen();
    });
    source.addEventListener("error", () => {
      onState("waiting");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, 30000);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
  };

  connect();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
};
