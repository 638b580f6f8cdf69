// What makes pages nicer where JavaScript is on; without it all of them say the same.
"use strict";

// htmx comes when somebody begins to do something: who only reads a page does not pay for it.
const htmxAddress = document.currentScript.dataset.htmx;
function loadHtmx() {
  if (loadHtmx.asked) return;
  loadHtmx.asked = true;
  const script = document.createElement("script");
  script.src = htmxAddress;
  document.head.append(script);
}
for (const kind of ["pointerover", "focusin", "keydown", "touchstart"]) addEventListener(kind, loadHtmx, { once: true, passive: true });

for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;
for (const one of document.querySelectorAll("button.print")) one.addEventListener("click", () => print());
for (const one of document.querySelectorAll("textarea[readonly]")) one.addEventListener("focus", () => one.select());

// The window in the viewer's own zone, where that is another.
const own = Intl.DateTimeFormat().resolvedOptions().timeZone, tag = document.documentElement.dataset.locale;
const days = (zone) => new Intl.DateTimeFormat(tag, { day: "numeric", month: "short", year: "numeric", timeZone: zone });
const hours = (zone, more) => new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more, timeZone: zone });
for (const one of document.querySelectorAll(".yours")) {
  const ends = [new Date(one.dataset.from), new Date(one.dataset.to)], there = one.dataset.zone;
  const same = ends.every((end) => days(own).format(end) === days(there).format(end));
  if (same && ends.every((end) => hours(own).format(end) === hours(there).format(end))) continue;
  const near = same && days(own).format(ends[0]) === days(own).format(ends[1]);
  const format = hours(own, near ? {} : { day: "numeric", month: "short", year: "numeric" });
  const span = ends.map((end) => format.format(end)).join(near ? "–" : " – ");
  const shift = hours(own, { timeZoneName: "shortOffset" }).formatToParts(ends[0]).find((part) => part.type === "timeZoneName");
  const place = own.split("/").pop().replaceAll("_", " ") + (shift ? ", " + shift.value.replace("GMT", "UTC") : "");
  one.textContent = one.dataset.text.replace("{span}", span).replace("{zone}", place);
  one.hidden = false;
}

// Who has chosen no zone writes times of their own.
if (own && !new URLSearchParams(location.search).has("tz")) for (const { form } of document.querySelectorAll(".choose .zone")) {
  form.elements.tz.value = own;
  const written = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: own });
  for (const field of form.querySelectorAll("[data-at]")) if (field.dataset.at) field.value = written.format(new Date(field.dataset.at)).replace(" ", "T");
}

// A form leaves out what is not filled in, so that addresses stay short.
document.addEventListener("submit", (event) => {
  for (const field of event.target.elements) if (field.name && field.value === "") field.disabled = true;
});
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form :disabled")) field.disabled = false;
});

// A list of suggestions closes by Escape, or when the keyboard leaves it.
const search = document.querySelector("form.search");
if (search) {
  const list = search.querySelector("#suggestions");
  search.addEventListener("keydown", (event) => { if (event.key !== "Escape" || !list.firstChild) return;
    event.preventDefault(); // which would empty the field, too
    list.replaceChildren();
  });
  search.addEventListener("focusout", (event) => { if (event.relatedTarget && !search.contains(event.relatedTarget)) list.replaceChildren(); });
}
