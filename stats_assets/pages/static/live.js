// The live page: whole states come as server-sent events; numbers are replaced, ranks swap, at most every 5 seconds.
"use strict";
const page = document.body, four = document.getElementById("four"), body = document.querySelector("#board tbody");
const language = page.dataset.language, still = matchMedia("(prefers-reduced-motion: reduce)");
const CALM = 5000, SPEAK = 60000, KINDS = 30000, LOST = 20000, AGAIN = 10000;
let paused = false, waiting = null, shownAt = 0, saidAt = 0, kindsAt = Date.now(), heardAt = Date.now(), clock = null;

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 });
const count = (value) => (Math.abs(value) < 1e6 ? whole : short).format(value);
const length = (value) => {
  const digits = value === 0 || value >= 999.95 ? 0 : value < 9.995 ? 2 : 1;
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
};
const plural = (texts, n) => (texts[new Intl.PluralRules(page.dataset.language).select(n)] ?? texts.other).replace("{n}", count(n));
const hour = (text) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: page.dataset.zone }).format(new Date(text));

const day = (text) => new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: page.dataset.zone }).format(new Date(text));
const utc = (text) => new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(new Date(text));
const moment = (text, now) => (day(text) === day(now) ? "" : day(text) + " ") + hour(text);

function numbers(totals) {
  for (const cell of four.querySelectorAll("[data-column]")) {
    const column = cell.dataset.column, value = totals[column] ?? totals.counts?.[column] ?? totals.measurements?.[column];
    if (value === undefined || value === null) continue;
    const data = document.createElement("data");
    data.value = value;
    data.title = value;
    data.textContent = /_km2?_/.test(column) ? length(Number(value)) : count(Number(value));
    cell.replaceChildren(data);
  }
}

function line(row) {
  const made = document.getElementById("row").content.firstElementChild.cloneNode(true);
  made.dataset.key = row.user_id;
  made.querySelector(".rank").textContent = row.rank + (row.tied ? " =" : "");
  made.querySelector("bdi").textContent = page.dataset.nameless ?? row.name ?? document.getElementById("nameless").content.textContent.replace("{id}", row.user_id);
  made.querySelector(".new").hidden = !row.new_here || page.dataset.past === "unknown";
  made.querySelector(".edits").textContent = count(row.edits);
  made.querySelector(".buildings_added").textContent = row.buildings_added === undefined ? "" : count(row.buildings_added);
  return made;
}

function board(rows) {
  const before = new Map([...body.children].map((row) => [row.dataset.key, row.getBoundingClientRect().top]));
  body.replaceChildren(...rows.slice(0, 10).map(line));
  document.querySelector(".nobody").hidden = rows.length > 0;
  if (still.matches) return;
  for (const row of body.children) {
    const moved = (before.get(row.dataset.key) ?? NaN) - row.getBoundingClientRect().top;
    if (moved) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 600, easing: "ease-in-out" });
  }
}

function without(told) {
  const said = document.getElementById("without");
  said.hidden = !told || !told.users;
  if (said.hidden) return;
  said.textContent = plural(JSON.parse(said.dataset.texts), told.users).replace("{edits}", plural(JSON.parse(said.dataset.edits), told.edits));
}

// Milestones that the hashtags have reached in this window; those of a rule of one's own by its name.
function news(told) {
  const list = document.getElementById("news");
  list.hidden = !told.length;
  list.replaceChildren(...told.slice(0, 3).map((one) => {
    const texts = list.getAttribute("data-" + one.name.replaceAll("_", "-")), item = document.createElement("li");
    const title = texts ? plural(JSON.parse(texts), one.level) : one.text_key.replaceAll("_", " ");
    item.textContent = "#" + one.hashtag + ": " + list.dataset.reached.replace("{title}", title).replace("{date}", utc(one.reached));
    return item;
  }));
}

// How far it is counted, by the feed's clock: in words from three minutes, as stopped from an hour.
function reach(state) {
  const fresh = document.getElementById("fresh"), behind = document.getElementById("behind"), { to } = document.getElementById("countdown").dataset;
  const until = Math.min(Date.parse(state.as_of), to ? Date.parse(to) : Infinity);
  const minutes = Math.floor((until - Date.parse(state.complete_to)) / 60000);
  const time = moment(state.complete_to, state.as_of);
  fresh.textContent = (minutes > 60 ? fresh.dataset.stopped : fresh.dataset.text).replace("{time}", time);
  behind.hidden = minutes <= 3 || minutes > 60;
  if (!behind.hidden) behind.textContent = "⚠ " + plural(JSON.parse(behind.dataset.texts), minutes).replace("{time}", time);
}

function show(state) {
  shownAt = Date.now();
  numbers(state.totals ?? {});
  board(state.rows ?? []);
  without(state.without_hashtag);
  news(state.news ?? []);
  if (state.complete_to) reach(state);
  const said = document.getElementById("said"), totals = state.totals ?? {};
  if (Date.now() - saidAt > SPEAK) {
    saidAt = Date.now();
    const built = totals.buildings_added ?? totals.counts?.buildings_added ?? 0;
    said.textContent = said.dataset.text.replace("{edits}", count(totals.edits ?? 0)).replace("{people}", count(totals.users ?? 0)).replace("{buildings}", count(built));
  }
  if (Date.now() - kindsAt > KINDS) {
    loadHtmx();
    if (!window.htmx) return;
    kindsAt = Date.now();
    htmx.trigger("#kinds", "renew");
  }
}

function next() {
  if (paused || !waiting || Date.now() - shownAt < CALM) return;
  const state = waiting;
  waiting = null;
  show(state);
}

function take(event) {
  heardAt = Date.now();
  alive(true);
  try { waiting = JSON.parse(event.data); } catch { return; }
  if (waiting.as_of) clock = Date.parse(waiting.as_of) - Date.now();
  next();
}

function alive(yes) {
  const lost = document.getElementById("lost");
  document.getElementById("content").classList.toggle("stale", !yes);
  const text = yes ? "" : lost.dataset.text;
  if (lost.textContent !== text) lost.textContent = text;
}

function countdown() {
  const said = document.getElementById("countdown"), { from, to, left, begins, ended } = said.dataset;
  if (!to) return;
  if (clock === null) clock = Date.parse(said.dataset.now) - Date.now();
  const now = Date.now() + clock, first = from ? Date.parse(from) : now;
  const seconds = Math.floor(((now < first ? first : Date.parse(to)) - now) / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60;
  const time = hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  const text = seconds < 0 ? ended : (now < first ? begins : left).replace("{time}", time);
  if (said.textContent !== text) said.textContent = text;
}

// A browser asks again by itself when a connection breaks, but not when a server or its proxy refuses: then we do.
let source = null;
function listen() {
  source = new EventSource(page.dataset.events);
  for (const kind of ["board", "message"]) source.addEventListener(kind, take);
  source.addEventListener("open", () => { heardAt = Date.now(); alive(true); });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    alive(false);
    setTimeout(listen, AGAIN * (0.5 + Math.random())); // not all of a room at once
  });
}
listen();
setInterval(() => { countdown(); next(); if (source.readyState !== EventSource.OPEN && Date.now() - heardAt > LOST) alive(false); }, 500);
countdown();

const button = document.getElementById("pause");
button.addEventListener("click", () => {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? button.dataset.go : button.dataset.pause;
  next();
});
