// The page of a venue: live prices, one symbol's book and tape, and the way to a first trade.
//
// What is shown derives from the streams; while there is none, from REST every few seconds. Prices and quantities stay
// the texts that the venue sends: numbers are made of them for positions on the screen only, never shown. Whatever
// comes from outside goes into the page as text.
"use strict";

const RECONNECT_FIRST_MS = 500;
const RECONNECT_LAST_MS = 30000;
/** A stream that says nothing for so long is asked for a sign, and after the second time taken for dead. */
const SILENCE_MS = 15000;
const SILENCE_MAX_MS = 45000;
const POLL_MS = 5000;
const CHART_MINUTES = 120;
const TRADES_SHOWN = 12;
const LEVELS_SHOWN = 10;

/** The page comes from its venue, or from a proxy in front of both. */
const venue = location.origin;
const streams = venue.replace(/^http/, "ws");
const element = (id) => document.getElementById(id);

/** By name, in the venue's order: { name, base, quote, last, open, high, low, volume, priceScale, row }. */
const symbols = new Map();
let chosen = "";
/** Closing prices by minute, as texts. */
let closes = new Map();
let trades = [];
let book = { bids: [], asks: [] };

// --- texts ---------------------------------------------------------------------------------------------------

/** A decimal text without the zeros that its tick size does not need. */
function short(text, decimals) {
  const [whole, fraction = ""] = String(text).split(".");
  const kept = fraction.slice(0, decimals).padEnd(decimals, "0");
  const rest = fraction.slice(decimals).replace(/0+$/, "");
  return decimals + rest.length > 0 ? `${whole}.${kept}${rest}` : whole;
}

/** A volume without decimals that say little: none from 100 on, at most two below. */
function rough(text) {
  const [whole, fraction = ""] = String(text).split(".");
  return whole.length > 2 || fraction === "" ? whole : `${whole}.${fraction.slice(0, 2)}`;
}

/** How many decimals a step such as 0.01000000 has. */
function decimalsOf(step) {
  return (String(step).split(".")[1] || "").replace(/0+$/, "").length;
}

/** Two decimal texts as integers of one scale. */
function scaled(one, other) {
  const places = Math.max(...[one, other].map((text) => (String(text).split(".")[1] || "").length));
  return [one, other].map((text) => {
    const [whole, fraction = ""] = String(text).split(".");
    return BigInt(whole + fraction.padEnd(places, "0"));
  });
}

/** The change from one price to another as a text in percent, with two decimals, cut off. */
function change(from, to) {
  const [before, after] = scaled(from, to);
  if (before === 0n) return "";
  const hundredths = ((after - before) * 10000n) / before;
  const size = hundredths < 0n ? -hundredths : hundredths;
  const sign = hundredths < 0n ? "−" : hundredths > 0n ? "+" : "";
  return `${sign}${size / 100n}.${String(size % 100n).padStart(2, "0")} %`;
}

function clockTime(ms) {
  return new Date(ms).toLocaleTimeString(undefined, { hour12: false });
}

// --- the page --------------------------------------------------------------------------------------------------

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showConnection(state, text) {
  element("connection").dataset.state = state;
  setText(element("connection"), text);
}

function cell(tag, text, className = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = className;
  return node;
}

function makeRow(symbol) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  const button = cell("button", symbol.name);
  button.type = "button";
  button.addEventListener("click", () => choose(symbol.name));
  head.append(button);
  row.append(head, cell("td", "–"), cell("td", ""), cell("td", "", "wide"), cell("td", "", "wide"), cell("td", "", "wide"));
  element("symbols").append(row);
  return row;
}

function showSymbol(symbol) {
  const [, last, percent, high, low, volume] = symbol.row.children;
  const known = symbol.last !== "";
  const moved = known ? change(symbol.open, symbol.last) : "";
  setText(last, known ? short(symbol.last, symbol.priceScale) : "–");
  setText(percent, moved);
  percent.className = moved.startsWith("+") ? "up" : moved.startsWith("−") ? "down" : "";
  setText(high, known ? short(symbol.high, symbol.priceScale) : "");
  setText(low, known ? short(symbol.low, symbol.priceScale) : "");
  setText(volume, known ? `${rough(symbol.volume)} ${symbol.base}` : "");
}

function showBest(bid, ask) {
  const scale = symbols.get(chosen).priceScale;
  setText(element("bid"), bid ? short(bid, scale) : "–");
  setText(element("ask"), ask ? short(ask, scale) : "–");
}

function showBook() {
  const { priceScale, quantityScale } = symbols.get(chosen);
  const body = element("levels");
  const depth = Math.min(LEVELS_SHOWN, Math.max(book.bids.length, book.asks.length));
  const row = (level) => {
    const [bid, ask] = [book.bids[level], book.asks[level]];
    const cells = document.createElement("tr");
    cells.append(
      cell("td", bid ? short(bid[1], quantityScale) : ""),
      cell("td", bid ? short(bid[0], priceScale) : "", "up"),
      cell("td", ask ? short(ask[0], priceScale) : "", "down"),
      cell("td", ask ? short(ask[1], quantityScale) : ""),
    );
    return cells;
  };
  body.replaceChildren(...Array.from({ length: depth }, (_, level) => row(level)));
}

function showTrades() {
  const { priceScale, quantityScale } = symbols.get(chosen);
  const row = (trade) => {
    const cells = document.createElement("tr");
    const [side, className] = trade.isSell ? ["sell", "down"] : ["buy", "up"];
    cells.append(
      cell("td", clockTime(trade.time)),
      cell("td", side, className),
      cell("td", short(trade.price, priceScale)),
      cell("td", short(trade.quantity, quantityScale)),
    );
    return cells;
  };
  element("trades").replaceChildren(...trades.map(row));
  if (trades.length > 0) setText(element("last"), short(trades[0].price, priceScale));
}

/** The line of the closing prices. Positions on the screen are numbers; nothing of them is shown as a price. */
function showChart() {
  const points = [...closes.entries()].sort(([one], [other]) => one - other).slice(-CHART_MINUTES);
  const { priceScale } = symbols.get(chosen);
  const prices = points.map(([, close]) => Number(close));
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const x = (index) => (points.length > 1 ? (index * 600) / (points.length - 1) : 0);
  const y = (price) => (high > low ? 132 - ((price - low) * 124) / (high - low) : 70);
  const line = prices.map((price, index) => `${x(index).toFixed(1)},${y(price).toFixed(1)}`);
  element("line").setAttribute("points", line.join(" "));
  const from = points.length > 0 ? short(points[0][1], priceScale) : "";
  const to = points.length > 0 ? short(points[points.length - 1][1], priceScale) : "";
  const text = points.length > 0 ? `Closing prices of the last ${points.length} minutes: from ${from} to ${to}` : "No trade yet";
  setText(element("chart-text"), text);
}

function showRecipe() {
  const { base, quote } = symbols.get(chosen);
  const fill = (className, text) => document.querySelectorAll(`.${className}`).forEach((node) => setText(node, text));
  fill("symbol", chosen);
  fill("pair-name", `${base}/${quote}`);
  fill("spend", quote === "USDT" ? "100" : "0.01");
}

// --- what the venue says ---------------------------------------------------------------------------------------

function takeTicker(name, ticker) {
  const symbol = symbols.get(name);
  if (!symbol) return;
  Object.assign(symbol, ticker);
  showSymbol(symbol);
}

function addTrade(trade) {
  trades = [trade, ...trades].slice(0, TRADES_SHOWN);
  closes.set(Math.floor(trade.time / 60000), trade.price);
  if (closes.size > 2 * CHART_MINUTES) closes.delete(Math.min(...closes.keys()));
}

/** A stream's message: the name of the stream says what the data are. */
function take(stream, data) {
  if (stream === "!miniTicker@arr") {
    for (const { s, c, o, h, l, v } of data) takeTicker(s, { last: c, open: o, high: h, low: l, volume: v });
    return;
  }
  const [name, kind] = stream.split("@");
  // What was on its way when another symbol was chosen.
  if (name.toUpperCase() !== chosen) return;
  if (kind === "bookTicker") {
    showBest(data.b, data.a);
  } else if (kind === "trade") {
    addTrade({ time: data.T, price: data.p, quantity: data.q, isSell: data.m });
    schedule();
  } else if (kind === "depth10") {
    book = { bids: data.bids, asks: data.asks };
    schedule();
  }
}

let isScheduled = false;

/** Draws once a frame, however much was told since the last one. */
function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    showBook();
    showTrades();
    showChart();
  });
}

async function ask(path) {
  const answer = await fetch(venue + path, { cache: "no-store", credentials: "omit" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function listSymbols() {
  const info = await ask("/api/v3/exchangeInfo");
  for (const { symbol: name, baseAsset: base, quoteAsset: quote, filters } of info.symbols) {
    if (symbols.has(name)) continue;
    const filter = (type) => filters.find((each) => each.filterType === type) || {};
    const priceScale = decimalsOf(filter("PRICE_FILTER").tickSize);
    const quantityScale = decimalsOf(filter("LOT_SIZE").stepSize);
    const symbol = { name, base, quote, priceScale, quantityScale, last: "", open: "", high: "", low: "", volume: "" };
    symbol.row = makeRow(symbol);
    symbols.set(name, symbol);
  }
  element("no-symbols").hidden = symbols.size > 0;
}

async function askTickers() {
  for (const each of await ask("/api/v3/ticker/24hr?type=MINI")) {
    if (each.count === 0) continue;
    const { lastPrice: last, openPrice: open, highPrice: high, lowPrice: low, volume } = each;
    takeTicker(each.symbol, { last, open, high, low, volume });
  }
}

/** The chosen symbol's book, tape and chart, as they are now. */
async function askChosen() {
  const name = chosen;
  const [depth, latest, klines] = await Promise.all([
    ask(`/api/v3/depth?symbol=${name}&limit=10`),
    ask(`/api/v3/trades?symbol=${name}&limit=${TRADES_SHOWN}`),
    ask(`/api/v3/klines?symbol=${name}&interval=1m&limit=${CHART_MINUTES}`),
  ]);
  if (name !== chosen) return;
  book = depth;
  trades = latest.reverse().map(({ time, price, qty, isBuyerMaker }) => ({ time, price, quantity: qty, isSell: isBuyerMaker }));
  closes = new Map(klines.map(([start, , , , close]) => [Math.floor(start / 60000), close]));
  showBest(book.bids[0]?.[0], book.asks[0]?.[0]);
  schedule();
}

// --- the connection --------------------------------------------------------------------------------------------

let socket = null;
let pause = RECONNECT_FIRST_MS;
let request = 0;
let lastHeard = 0;

const streamsOf = (name) => ["bookTicker", "trade", "depth10@100ms"].map((kind) => `${name.toLowerCase()}@${kind}`);

function subscribe(method, name) {
  if (socket?.readyState !== WebSocket.OPEN || name === "") return;
  request += 1;
  socket.send(JSON.stringify({ method, params: streamsOf(name), id: request }));
}

function connect() {
  const names = ["!miniTicker@arr", ...(chosen ? streamsOf(chosen) : [])];
  const connected = chosen;
  socket = new WebSocket(`${streams}/stream?streams=${names.join("/")}`);
  socket.addEventListener("open", () => {
    pause = RECONNECT_FIRST_MS;
    lastHeard = Date.now();
    showConnection("live", "Live");
    if (chosen !== connected) {
      subscribe("UNSUBSCRIBE", connected);
      subscribe("SUBSCRIBE", chosen);
    }
    // What happened while there was no stream.
    refresh();
  });
  socket.addEventListener("message", ({ data }) => {
    lastHeard = Date.now();
    const { stream, data: told } = JSON.parse(data);
    if (stream && told) take(stream, told);
  });
  socket.addEventListener("close", () => {
    showConnection("lost", "No stream: prices every few seconds");
    // Spread out, so that a venue that comes back is not met by everybody at once.
    setTimeout(connect, pause / 2 + (Math.random() * pause) / 2);
    pause = Math.min(2 * pause, RECONNECT_LAST_MS);
  });
}

/** Asks for everything over REST; says so when even that fails. */
async function refresh() {
  try {
    if (symbols.size === 0) await listSymbols();
    await askTickers();
    if (!chosen && symbols.size > 0) return choose(symbols.keys().next().value);
    if (chosen) await askChosen();
  } catch (error) {
    console.warn(error);
    if (socket?.readyState !== WebSocket.OPEN) showConnection("lost", "The venue does not answer");
  }
}

function poll() {
  if (socket?.readyState !== WebSocket.OPEN) {
    if (!document.hidden) refresh();
    return;
  }
  const silence = Date.now() - lastHeard;
  if (silence > SILENCE_MAX_MS) {
    socket.close();
  } else if (silence > SILENCE_MS) {
    request += 1;
    socket.send(JSON.stringify({ method: "LIST_SUBSCRIPTIONS", id: request }));
  }
}

async function choose(name) {
  if (name === chosen) return;
  subscribe("UNSUBSCRIBE", chosen);
  for (const [each, symbol] of symbols) symbol.row.setAttribute("aria-current", String(each === name));
  chosen = name;
  [book, trades, closes] = [{ bids: [], asks: [] }, [], new Map()];
  setText(element("chosen"), name);
  setText(element("last"), "–");
  showBest();
  showRecipe();
  schedule();
  subscribe("SUBSCRIBE", name);
  await refresh();
}

document.querySelectorAll(".venue").forEach((node) => setText(node, venue));
refresh().then(() => {
  connect();
  setInterval(poll, POLL_MS);
});
