// Two models on the same rows, each in a frame of its own: what is picked or selected in one is in the other.

const PLACE = /^\/[ab]\//;

export function beside(app) {
  if (app.about.alone || !PLACE.test(location.pathname)) return;
  const channel = new BroadcastChannel("explorer"), own = location.pathname;
  let heard = false;
  const tell = (what) => { if (!heard) channel.postMessage({ from: own, ...what }); };
  app.on("row", (found) => { if (found && app.row >= 0) tell({ row: app.row }); });
  app.on("chosen", () => tell({ chosen: app.chosen }));
  channel.onmessage = async ({ data }) => {
    if (data.from === own) return;
    heard = true;
    if (data.row !== undefined && data.row !== app.row && data.row < app.rows) await app.pick(data.row);
    if (data.chosen) app.choose(data.chosen);
    heard = false;
  };
}
